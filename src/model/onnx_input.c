/* Inputs of ONNX models. One floating input takes arrays of its shape. A model of texts has one input of integers, the
 * tokens, and may have others that follow from them, told apart by their names: a mask of ones, kinds of zeros,
 * positions 0, 1, 2 ... Every stimulus is fed at its own length, so that none needs filling up. */
#include "model/onnx_input.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool cf_onnx_floating(cf_dtype dtype) {
  return dtype == CF_F32 || dtype == CF_F64 || dtype == CF_F16 || dtype == CF_BF16;
}

/* ---------------------------------------------------------------- ports -- */

static cf_onnx_role role_of(const char *name) {
  if (strstr(name, "mask")) return CF_ONNX_MASK;
  if (strstr(name, "type") || strstr(name, "segment")) return CF_ONNX_KINDS;
  return strstr(name, "position") ? CF_ONNX_POSITIONS : CF_ONNX_TOKENS;
}

static bool takes_numbers(const cf_ort_type *t) {
  return t->tensor && t->known && cf_onnx_floating(t->dtype) && t->dtype != CF_BF16;
}

static bool takes_tokens(const cf_ort_type *t) {
  return t->tensor && t->known && (t->dtype == CF_I32 || t->dtype == CF_I64) && t->ndim >= 1 && t->ndim <= 2 &&
         (t->ndim == 1 || t->shape[0] == -1 || t->shape[0] == 1);
}

/* True when the ports are tokens and what follows from them; tokens come to the front. */
static bool order_ports(cf_onnx_input *in) {
  size_t tokens = 0;
  for (size_t i = 0; i < in->n; i++) {
    if (!takes_tokens(&in->port[i].type) || in->port[i].type.ndim != in->port[0].type.ndim) return false;
    if (in->n == 1 || in->port[i].role == CF_ONNX_TOKENS) {
      tokens++;
      const cf_onnx_port front = in->port[i];
      in->port[i] = in->port[0];
      in->port[0] = front;
      in->port[0].role = CF_ONNX_TOKENS;
    }
  }
  return tokens == 1;
}

cf_status cf_onnx_input_of(cf_context *ctx, const char *path, const cf_ort_session *session, cf_onnx_input *out) {
  cf_status status = CF_OK;
  char list[300] = "";
  size_t used = 0;
  const size_t n = cf_ort_inputs(session);
  *out = (cf_onnx_input){.path = path, .n = n};
  for (size_t i = 0; i < n; i++) {
    const char *name;
    cf_ort_type type;
    CF_TRY(cf_ort_port(ctx, session, false, i, &name, &type));
    if (i < CF_ORT_FEEDS) {
      out->port[i].name = name;
      out->port[i].type = type;
      out->port[i].role = role_of(name);
    }
    const int more = snprintf(list + used, sizeof list - used, "%s%.60s (%s)", i ? ", " : "", name, type.type_name);
    used = CF_MIN(used + (size_t)more, sizeof list - 1);
  }
  if (n == 1 && takes_numbers(&out->port[0].type))
    out->port[0].role = CF_ONNX_NUMBERS;
  else if (n >= 1 && n <= CF_ORT_FEEDS && order_ports(out))
    out->tokens = true;
  else
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                   "%s: has %zu input%s%s%s; only models with one floating input can be run, or with tokens and what "
                   "follows from them (mask, types, positions)",
                   path, n, n == 1 ? "" : "s", used ? ": " : "", list));
  const cf_ort_type *t = &out->port[0].type;
  out->batch = out->tokens ? t->ndim == 2 : t->ndim != 1 && (t->ndim == 0 || t->shape[0] == -1 || t->shape[0] == 1);
done:
  return status;
}

/* ----------------------------------------------------------------- plan -- */

/* "(batch, 3, any, any)" */
static const char *wanted(const cf_onnx_input *in, char *text, size_t size) {
  const cf_ort_type *t = &in->port[0].type;
  size_t used = (size_t)snprintf(text, size, "(");
  for (int d = 0; d < t->ndim; d++) {
    const char *comma = d ? ", " : "";
    const int n = d == 0 && in->batch ? snprintf(text + used, size - used, "%sbatch", comma)
                  : t->shape[d] < 0   ? snprintf(text + used, size - used, "%sany", comma)
                                      : snprintf(text + used, size - used, "%s%lld", comma, (long long)t->shape[d]);
    used = CF_MIN(used + (size_t)n, size - 1);
  }
  snprintf(text + used, size - used, ")");
  return text;
}

/* Whether axes `from` .. of the array are those of the model from `first` on. */
static bool fits(const cf_onnx_input *in, const cf_array *a, int from, int first) {
  const cf_ort_type *t = &in->port[0].type;
  if (a->ndim - from != t->ndim - first) return false;
  for (int d = first; d < t->ndim; d++)
    if (t->shape[d] >= 0 && (size_t)t->shape[d] != a->shape[from + d - first]) return false;
  return true;
}

static cf_status plan_numbers(cf_context *ctx, const cf_onnx_input *in, const cf_network_input *input,
                              cf_onnx_plan *p) {
  const cf_array *a = input->values;
  char text[200], given[200];
  if (!cf_onnx_floating(a->dtype))
    return cf_fail(ctx, CF_ERR_INPUT, "%s: is %s; the model takes floating numbers", input->label,
                   cf_dtype_name(a->dtype));
  if (!cf_array_count(a)) return cf_fail(ctx, CF_ERR_INPUT, "%s: holds no numbers", input->label);
  const bool unknown = in->port[0].type.ndim == 0;
  const bool one = in->batch ? !unknown && fits(in, a, 0, 1) : fits(in, a, 0, 0);
  const bool many = a->ndim > 0 && (in->batch ? unknown || fits(in, a, 1, 1) : fits(in, a, 1, 0));
  if (!one && !many)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: is %s; the model's input %s is %s", input->label,
                   cf_model_shape_text(a->ndim, a->shape, given, sizeof given), in->port[0].name,
                   wanted(in, text, sizeof text));
  p->leading = many;
  if (many) p->items = a->shape[0];
  if (in->batch) p->shape[p->ndim++] = 1;
  for (int d = many; d < a->ndim; d++) {
    if (p->ndim == CF_MAX_DIMS)
      return cf_fail(ctx, CF_ERR_INPUT, "%s: has %d axes, too many for a model", input->label, a->ndim);
    p->shape[p->ndim++] = a->shape[d];
  }
  p->count = cf_array_count(a) / p->items;
  for (size_t i = 0; a->data && i < cf_array_count(a); i++) /* of a header alone the data are NULL */
    if (!isfinite(cf_array_number(a, i)))
      return cf_fail(ctx, CF_ERR_INPUT, "%s: number %zu of stimulus %zu is %s; the model takes finite numbers",
                     input->label, i % p->count, i / p->count, isnan(cf_array_number(a, i)) ? "NaN" : "infinite");
  return CF_OK;
}

/* Tokens of one stimulus: those before the -1 that fill it up. */
static cf_status take_length(cf_context *ctx, const cf_onnx_input *in, const cf_network_input *input, size_t item,
                             cf_onnx_plan *p) {
  const cf_array *a = input->values;
  const int64_t fixed = in->port[0].type.shape[in->port[0].type.ndim - 1];
  size_t n = p->count;
  while (a->data && n > 0 && cf_array_number(a, item * p->count + n - 1) < 0) n--;
  for (size_t k = 0; a->data && k < n; k++) {
    const double x = cf_array_number(a, item * p->count + k);
    if (x < 0 || x > 2147483647)
      return cf_fail(ctx, CF_ERR_INPUT, "%s: token %.0f (stimulus %zu, position %zu) %s", input->label, x, item, k,
                     x < 0 ? "stands before others; -1 fills up behind them only" : "is no token's number");
  }
  if (n == 0) return cf_fail(ctx, CF_ERR_INPUT, "%s: stimulus %zu has no tokens", input->label, item);
  if (fixed >= 0 && n != (size_t)fixed)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: stimulus %zu has %zu tokens, the model takes exactly %lld", input->label,
                   item, n, (long long)fixed);
  p->length[item] = n;
  p->longest = CF_MAX(p->longest, n);
  return CF_OK;
}

static bool whole_numbers(cf_dtype t) {
  return t == CF_U8 || t == CF_I8 || t == CF_U16 || t == CF_I16 || t == CF_U32 || t == CF_I32 || t == CF_U64 ||
         t == CF_I64;
}

static cf_status plan_tokens(cf_context *ctx, const cf_onnx_input *in, const cf_network_input *input, cf_onnx_plan *p) {
  cf_status status = CF_OK;
  const cf_array *a = input->values;
  char given[200];
  if (!whole_numbers(a->dtype) || a->ndim < 1 || a->ndim > 2)
    return cf_fail(ctx, CF_ERR_INPUT,
                   "%s: is %s %s; the model takes tokens: integers (stimulus, position), or texts with --vocabulary",
                   input->label, cf_dtype_name(a->dtype), cf_model_shape_text(a->ndim, a->shape, given, sizeof given));
  p->leading = a->ndim == 2;
  if (p->leading) p->items = a->shape[0];
  if (p->items == 0) return cf_fail(ctx, CF_ERR_INPUT, "%s: holds no tokens", input->label);
  p->count = cf_array_count(a) / p->items;
  CF_TRY(CF_SCRATCH(ctx, &p->length, p->items));
  for (size_t i = 0; i < p->items; i++) CF_TRY(take_length(ctx, in, input, i, p));
done:
  return status;
}

cf_status cf_onnx_plan_of(cf_context *ctx, const cf_onnx_input *in, const cf_network_input *input, cf_onnx_plan *out) {
  *out = (cf_onnx_plan){.items = 1};
  return in->tokens ? plan_tokens(ctx, in, input, out) : plan_numbers(ctx, in, input, out);
}

/* ---------------------------------------------------------------- feeds -- */

static cf_status feed_numbers(cf_context *ctx, const cf_onnx_input *in, const cf_onnx_plan *p, const cf_array *a,
                              size_t item, size_t together, cf_ort_feed *feed) {
  cf_status status = CF_OK;
  const size_t n = p->count * together, from = p->count * item;
  const cf_dtype to = in->port[0].type.dtype;
  void *out;
  *feed = (cf_ort_feed){.name = in->port[0].name, .dtype = to, .ndim = p->ndim};
  memcpy(feed->shape, p->shape, sizeof feed->shape);
  if (in->batch) feed->shape[0] = together;
  CF_TRY(cf_scratch_bytes(ctx, n, cf_dtype_size(to), &out));
  for (size_t i = 0; i < n; i++) {
    const double x = cf_array_number(a, from + i);
    if (to == CF_F32) ((float *)out)[i] = (float)x;
    if (to == CF_F64) ((double *)out)[i] = x;
    if (to == CF_F16) ((uint16_t *)out)[i] = cf_double_to_f16(x);
  }
  feed->data = out;
done:
  return status;
}

static cf_status feed_tokens(cf_context *ctx, const cf_onnx_input *in, const cf_onnx_plan *p, const cf_array *a,
                             size_t item, size_t port, cf_ort_feed *feed) {
  cf_status status = CF_OK;
  const size_t n = p->length[item];
  const cf_dtype to = in->port[port].type.dtype;
  void *out;
  *feed = (cf_ort_feed){.name = in->port[port].name, .dtype = to, .ndim = in->batch ? 2 : 1, .shape = {1, n}};
  if (!in->batch) feed->shape[0] = n;
  CF_TRY(cf_scratch_bytes(ctx, n, cf_dtype_size(to), &out));
  for (size_t k = 0; k < n; k++) {
    const cf_onnx_role role = in->port[port].role;
    const int64_t x = role == CF_ONNX_MASK        ? 1
                      : role == CF_ONNX_KINDS     ? 0
                      : role == CF_ONNX_POSITIONS ? (int64_t)k
                                                  : (int64_t)cf_array_number(a, item * p->count + k);
    if (to == CF_I32)
      ((int32_t *)out)[k] = (int32_t)x;
    else
      ((int64_t *)out)[k] = x;
  }
  feed->data = out;
done:
  return status;
}

cf_status cf_onnx_feeds(cf_context *ctx, const cf_onnx_input *in, const cf_onnx_plan *plan, const cf_array *array,
                        size_t item, size_t together, cf_ort_feed feeds[CF_ORT_FEEDS]) {
  cf_status status = CF_OK;
  if (!in->tokens) return feed_numbers(ctx, in, plan, array, item, together, &feeds[0]);
  for (size_t i = 0; i < in->n; i++) CF_TRY(feed_tokens(ctx, in, plan, array, item, i, &feeds[i]));
done:
  return status;
}
