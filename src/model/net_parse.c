/* Architectures in JSON, format cortifold-net/1:
 *
 * {"format": "cortifold-net/1", "name"?, "description"?, "input": {"name"?, "channels", "height", "width", "scale"? 1,
 *  "mean"? [0 ...], "std"? [1 ...]}, "layers": [{"name", "op", "input" or "inputs", "module"?, fields of the
 * operator}], "depth"? [names]}
 *
 * The file is taken as hostile: every field has a kind and a range, unknown fields and names are errors with the
 * nearest known one, and shapes are followed from the input through all layers before anything runs. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/format.h"
#include "model/net.h"

#define FILE_LIMIT  ((size_t)64 << 20)
#define LAYER_LIMIT ((size_t)100000)
#define NAME_LIMIT  ((size_t)255)

void cf_net_free(cf_net *net) {
  cf_program_free(&net->program);
  cf_weights_free(net->weights);
  cf_json_free(net->json);
  cf_free(net->layer);
  cf_free(net->mean);
  cf_free(net->sd);
  cf_free(net->file);
  *net = (cf_net){0};
}

/* -------------------------------------------------------------- fields -- */

/* Every key of an object is one of `known` (ended by NULL). */
static cf_status check_keys(cf_context *ctx, const char *what, const cf_json *object, const char *const *known) {
  size_t n = 0;
  while (known[n]) n++;
  for (size_t i = 0; i < cf_json_count(object); i++) {
    const char *key = cf_json_key(object, i), *near;
    bool found = false;
    for (size_t k = 0; k < n && !found; k++) found = strcmp(key, known[k]) == 0;
    if (found) continue;
    near = cf_io_nearest(key, known, n);
    return cf_fail(ctx, CF_ERR_INPUT, "%s: the field \"%.60s\" is not known here%s%s%s", what, key,
                   near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
  }
  return CF_OK;
}

static cf_status get_text(cf_context *ctx, const char *what, const cf_json *object, const char *key, bool required,
                          const char **out) {
  const cf_json *value = cf_json_get(object, key);
  *out = cf_json_as_text(value);
  if (!value && !required) return CF_OK;
  if (!*out || !**out || strlen(*out) > NAME_LIMIT)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: the field \"%s\" is %s", what, key,
                   !value ? "missing"
                   : *out ? **out ? "longer than 255 bytes" : "empty"
                          : "not a text");
  return CF_OK;
}

static cf_status as_size(cf_context *ctx, const char *what, const char *key, const cf_json *value, size_t *out) {
  int64_t n;
  if (!cf_json_as_integer(value, &n) || n < 0 || n > (int64_t)1 << 31)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: the field \"%s\" is not a whole number from 0 to 2^31", what, key);
  *out = (size_t)n;
  return CF_OK;
}

static cf_status get_size(cf_context *ctx, const char *what, const cf_json *object, const char *key, size_t *out) {
  const cf_json *value = cf_json_get(object, key);
  if (!value) return cf_fail(ctx, CF_ERR_INPUT, "%s: the field \"%s\" is missing", what, key);
  return as_size(ctx, what, key, value, out);
}

/* One number for both directions, or [vertical, horizontal]; `standard` when absent (SIZE_MAX: it must be there). */
static cf_status get_pair(cf_context *ctx, const char *what, const cf_json *object, const char *key, size_t standard,
                          size_t out[2]) {
  cf_status status = CF_OK;
  const cf_json *value = cf_json_get(object, key);
  out[0] = out[1] = standard;
  if (!value && standard == SIZE_MAX) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the field \"%s\" is missing", what, key));
  if (!value) goto done;
  const bool list = cf_json_is_list(value);
  if (list && cf_json_count(value) != 2)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the field \"%s\" has %zu numbers instead of 2", what, key,
                   cf_json_count(value)));
  for (size_t d = 0; d < 2; d++) CF_TRY(as_size(ctx, what, key, list ? cf_json_at(value, d) : value, &out[d]));
done:
  return status;
}

/* ------------------------------------------------------------- weights -- */

/* The tensor that a field names. A missing field is an error when required, else *out is NULL. */
static cf_status get_tensor(cf_context *ctx, const cf_net *net, const char *what, const cf_json *layer, const char *key,
                            bool required, int ndim, const size_t *shape, const float **out) {
  const char *name;
  cf_status status = get_text(ctx, what, layer, key, required, &name);
  *out = NULL;
  if (status != CF_OK || !name) return status;
  status = cf_weights_need(ctx, net->weights, name, ndim, shape, out);
  return status == CF_OK ? CF_OK : cf_explain(ctx, status, "%s", what);
}

/* Sizes of the tensor that a field names, with `ndim` axes. */
static cf_status weight_shape(cf_context *ctx, const cf_net *net, const char *what, const cf_json *layer, int ndim,
                              const size_t **shape) {
  const char *name;
  int have = 0;
  cf_status status = get_text(ctx, what, layer, "weight", true, &name);
  if (status != CF_OK) return status;
  if (cf_weights_get(net->weights, name, &have, shape) && have == ndim) return CF_OK;
  const size_t any[CF_MAX_DIMS] = {SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX};
  const float *unused;
  status = cf_weights_need(ctx, net->weights, name, ndim, any, &unused); /* which fails, and says why */
  return cf_explain(ctx, status, "%s", what);
}

static cf_status parse_conv(cf_context *ctx, const cf_net *net, const char *what, const cf_json *layer, cf_op *op) {
  cf_status status = CF_OK;
  const size_t *shape;
  cf_conv2d *w = &op->window;
  w->groups = 1;
  if (cf_json_get(layer, "groups")) CF_TRY(get_size(ctx, what, layer, "groups", &w->groups));
  CF_TRY(get_pair(ctx, what, layer, "stride", 1, w->stride));
  CF_TRY(get_pair(ctx, what, layer, "padding", 0, w->padding));
  CF_TRY(get_pair(ctx, what, layer, "dilation", 1, w->dilation));
  CF_TRY(weight_shape(ctx, net, what, layer, 4, &shape));
  CF_TRY(get_tensor(ctx, net, what, layer, "weight", true, 4, shape, &op->weight));
  CF_TRY(get_tensor(ctx, net, what, layer, "bias", false, 1, shape, &op->bias));
  CF_TRY(cf_size_mul(ctx, shape[1], w->groups, &w->in));
  w->out = shape[0];
  w->kernel[0] = shape[2];
  w->kernel[1] = shape[3];
done:
  return status;
}

static cf_status parse_norm(cf_context *ctx, const cf_net *net, const char *what, const cf_json *layer, cf_op *op) {
  cf_status status = CF_OK;
  const size_t channels = net->program.op[op->from[0]].shape[0];
  const float *weight, *bias, *mean, *var;
  const cf_json *eps = cf_json_get(layer, "eps");
  const double e = eps ? cf_json_as_number(eps) : 1e-5;
  if (!(e >= 0 && e <= 1e6)) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the field \"eps\" is not a number above 0", what));
  CF_TRY(get_tensor(ctx, net, what, layer, "weight", false, 1, &channels, &weight));
  CF_TRY(get_tensor(ctx, net, what, layer, "bias", false, 1, &channels, &bias));
  CF_TRY(get_tensor(ctx, net, what, layer, "mean", true, 1, &channels, &mean));
  CF_TRY(get_tensor(ctx, net, what, layer, "var", true, 1, &channels, &var));
  for (size_t c = 0; c < channels; c++)
    if (!((double)var[c] + e > 0))
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the variance of channel %zu is %g", what, c, (double)var[c]));
  CF_TRY(cf_program_fold(ctx, channels, weight, bias, mean, var, e, &op->scale, &op->shift));
done:
  return status;
}

static cf_status parse_linear(cf_context *ctx, const cf_net *net, const char *what, const cf_json *layer, cf_op *op) {
  cf_status status = CF_OK;
  const size_t *shape;
  CF_TRY(weight_shape(ctx, net, what, layer, 2, &shape));
  CF_TRY(get_tensor(ctx, net, what, layer, "weight", true, 2, shape, &op->weight));
  CF_TRY(get_tensor(ctx, net, what, layer, "bias", false, 1, shape, &op->bias));
  op->window.out = shape[0];
  op->window.in = shape[1];
  if (op->window.out == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: its weights have no rows", what));
done:
  return status;
}

static cf_status parse_pool(cf_context *ctx, const char *what, const cf_json *layer, cf_op *op) {
  cf_status status = CF_OK;
  CF_TRY(get_pair(ctx, what, layer, "kernel", SIZE_MAX, op->window.kernel));
  CF_TRY(get_pair(ctx, what, layer, "padding", 0, op->window.padding));
  op->window.dilation[0] = op->window.dilation[1] = 1;
  CF_TRY(get_pair(ctx, what, layer, "stride", SIZE_MAX, op->window.stride));
done:
  return status;
}

static cf_status parse_subsample(cf_context *ctx, const char *what, const cf_json *layer, cf_op *op) {
  cf_status status = CF_OK;
  const cf_json *pad = cf_json_get(layer, "pad_channels");
  op->window.kernel[0] = op->window.kernel[1] = 1;
  op->window.dilation[0] = op->window.dilation[1] = 1;
  CF_TRY(get_pair(ctx, what, layer, "stride", SIZE_MAX, op->window.stride));
  if (pad && (!cf_json_is_list(pad) || cf_json_count(pad) != 2))
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the field \"pad_channels\" is not a list of two numbers", what));
  for (size_t i = 0; i < 2 && pad; i++) CF_TRY(as_size(ctx, what, "pad_channels", cf_json_at(pad, i), &op->pad[i]));
done:
  return status;
}

/* -------------------------------------------------------------- layers -- */

#define COMMON "name", "op", "input", "inputs", "module", "comment"
static const char *const fields_none[] = {COMMON, NULL};
static const char *const fields_conv[] = {COMMON, "weight", "bias", "stride", "padding", "dilation", "groups", NULL};
static const char *const fields_norm[] = {COMMON, "weight", "bias", "mean", "var", "eps", NULL};
static const char *const fields_pool[] = {COMMON, "kernel", "stride", "padding", NULL};
static const char *const fields_subsample[] = {COMMON, "stride", "pad_channels", NULL};
static const char *const fields_linear[] = {COMMON, "weight", "bias", NULL};

static const struct operator_row {
  const char *name;
  cf_op_kind kind;
  size_t least, most; /* inputs */
  const char *const *fields;
} operators[] = {
    {"conv2d", CF_OP_CONV2D, 1, 1, fields_conv},
    {"batch_norm", CF_OP_BATCH_NORM, 1, 1, fields_norm},
    {"relu", CF_OP_RELU, 1, 1, fields_none},
    {"relu6", CF_OP_RELU6, 1, 1, fields_none},
    {"elu", CF_OP_ELU, 1, 1, fields_none},
    {"gelu", CF_OP_GELU, 1, 1, fields_none},
    {"silu", CF_OP_SILU, 1, 1, fields_none},
    {"sigmoid", CF_OP_SIGMOID, 1, 1, fields_none},
    {"tanh", CF_OP_TANH, 1, 1, fields_none},
    {"add", CF_OP_ADD, 2, 1000, fields_none},
    {"mul", CF_OP_MUL, 2, 1000, fields_none},
    {"concat", CF_OP_CONCAT, 1, 1000, fields_none},
    {"max_pool", CF_OP_MAX_POOL, 1, 1, fields_pool},
    {"avg_pool", CF_OP_AVG_POOL, 1, 1, fields_pool},
    {"subsample_pad", CF_OP_SUBSAMPLE_PAD, 1, 1, fields_subsample},
    {"mean_hw", CF_OP_MEAN_HW, 1, 1, fields_none},
    {"flatten", CF_OP_FLATTEN, 1, 1, fields_none},
    {"linear", CF_OP_LINEAR, 1, 1, fields_linear},
    {"softmax", CF_OP_SOFTMAX, 1, 1, fields_none},
};
enum { OPERATORS = sizeof operators / sizeof *operators };

static cf_status find_operator(cf_context *ctx, const char *what, const char *name, const struct operator_row **out) {
  const char *names[OPERATORS];
  for (size_t i = 0; i < OPERATORS; i++) {
    names[i] = operators[i].name;
    *out = &operators[i];
    if (strcmp(name, names[i]) == 0) return CF_OK;
  }
  const char *near = cf_io_nearest(name, names, OPERATORS);
  return cf_fail(ctx, CF_ERR_INPUT, "%s: there is no operator \"%.60s\"%s%s%s", what, name,
                 near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

/* Operator of an earlier layer, or of the input. */
static cf_status find_value(cf_context *ctx, const cf_net *net, const char *what, const cf_json *value, size_t *out) {
  const char *name = cf_json_as_text(value);
  if (!name) return cf_fail(ctx, CF_ERR_INPUT, "%s: an input is not a name", what);
  *out = 0;
  if (strcmp(name, net->name) == 0) return CF_OK;
  for (size_t i = 0; i < net->layers; i++)
    if (strcmp(name, net->layer[i].name) == 0) {
      *out = i + 1;
      return CF_OK;
    }
  return cf_fail(ctx, CF_ERR_INPUT, "%s: its input \"%.60s\" is no layer before it", what, name);
}

static cf_status find_inputs(cf_context *ctx, const cf_net *net, const char *what, const cf_json *layer,
                             const struct operator_row *row, cf_op *op) {
  cf_status status = CF_OK;
  const cf_json *one = cf_json_get(layer, "input"), *several = cf_json_get(layer, "inputs");
  if (!one == !several) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: needs either \"input\" or \"inputs\"", what));
  if (several && !cf_json_is_list(several)) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: \"inputs\" is not a list", what));
  op->n_from = one ? 1 : cf_json_count(several);
  if (op->n_from < row->least || op->n_from > row->most)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %s takes %s%zu input%s, this has %zu", what, row->name,
                   row->most > row->least ? "at least " : "", row->least, row->least == 1 ? "" : "s", op->n_from));
  CF_TRY(CF_SCRATCH(ctx, &op->from, op->n_from));
  for (size_t i = 0; i < op->n_from; i++)
    CF_TRY(find_value(ctx, net, what, one ? one : cf_json_at(several, i), &op->from[i]));
done:
  return status;
}

static cf_status parse_operator(cf_context *ctx, cf_net *net, const char *what, const cf_json *layer) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const struct operator_row *row;
  const char *name;
  cf_op op = {.kind = CF_OP_INPUT};
  CF_TRY(get_text(ctx, what, layer, "op", true, &name));
  CF_TRY(find_operator(ctx, what, name, &row));
  CF_TRY(check_keys(ctx, what, layer, row->fields));
  op.kind = row->kind;
  CF_TRY(find_inputs(ctx, net, what, layer, row, &op));
  if (row->fields == fields_conv) CF_TRY(parse_conv(ctx, net, what, layer, &op));
  if (row->fields == fields_norm) CF_TRY(parse_norm(ctx, net, what, layer, &op));
  if (row->fields == fields_linear) CF_TRY(parse_linear(ctx, net, what, layer, &op));
  if (row->fields == fields_pool) CF_TRY(parse_pool(ctx, what, layer, &op));
  if (row->fields == fields_subsample) CF_TRY(parse_subsample(ctx, what, layer, &op));
  CF_TRY(cf_program_add(ctx, &net->program, &op, what));
  op.scale = op.shift = NULL; /* now the program's */
done:
  cf_free(op.scale);
  cf_free(op.shift);
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status parse_layer(cf_context *ctx, cf_net *net, size_t index, const cf_json *layer) {
  cf_status status = CF_OK;
  char what[600];
  cf_net_layer *l = &net->layer[net->layers];
  snprintf(what, sizeof what, "%.250s: layer %zu", net->file, index);
  if (!cf_json_is_object(layer)) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: is not an object", what));
  CF_TRY(get_text(ctx, what, layer, "name", true, &l->name));
  snprintf(what, sizeof what, "%.250s: layer %zu (%.255s)", net->file, index, l->name);
  if (strpbrk(l->name, ",\n\t")) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: a name has no commas or tabs", what));
  if (strcmp(l->name, net->name) == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: is named like the input", what));
  for (size_t i = 0; i < net->layers; i++)
    if (strcmp(l->name, net->layer[i].name) == 0)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: has the name of layer %zu", what, i));
  CF_TRY(get_text(ctx, what, layer, "module", false, &l->module));
  CF_TRY(parse_operator(ctx, net, what, layer));
  net->layers++;
done:
  return status;
}

static cf_status parse_depth(cf_context *ctx, cf_net *net, const cf_json *depth) {
  if (!depth) return CF_OK;
  if (!cf_json_is_list(depth)) return cf_fail(ctx, CF_ERR_INPUT, "%s: \"depth\" is not a list of names", net->file);
  for (size_t i = 0; i < cf_json_count(depth); i++) {
    const char *name = cf_json_as_text(cf_json_at(depth, i));
    size_t k = 0;
    while (name && k < net->layers && strcmp(name, net->layer[k].name) != 0) k++;
    if (!name || k == net->layers)
      return cf_fail(ctx, CF_ERR_INPUT, "%s: entry %zu of \"depth\" (%.60s) is no layer", net->file, i,
                     name ? name : "no text");
    if (net->layer[k].depth) return cf_fail(ctx, CF_ERR_INPUT, "%s: \"depth\" names %.60s twice", net->file, name);
    net->layer[k].depth = true;
  }
  return CF_OK;
}

/* --------------------------------------------------------------- input -- */

static cf_status get_list(cf_context *ctx, const cf_net *net, const cf_json *input, const char *key, size_t n,
                          double standard, double **out) {
  cf_status status = CF_OK;
  const cf_json *list = cf_json_get(input, key);
  CF_TRY(CF_ALLOC(ctx, out, n));
  if (list && (!cf_json_is_list(list) || cf_json_count(list) != n))
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: \"%s\" of the input needs %zu numbers, one a channel", net->file, key, n));
  for (size_t c = 0; c < n; c++) {
    (*out)[c] = list ? cf_json_as_number(cf_json_at(list, c)) : standard;
    if (!isfinite((*out)[c]))
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: \"%s\" of the input, entry %zu, is not a number", net->file, key, c));
  }
done:
  return status;
}

static cf_status parse_input(cf_context *ctx, cf_net *net, const cf_json *input) {
  static const char *const known[] = {"name", "channels", "height", "width", "scale", "mean", "std", "comment", NULL};
  cf_status status = CF_OK;
  char what[300];
  size_t channels = 0, height = 0, width = 0;
  snprintf(what, sizeof what, "%.250s: the input", net->file);
  if (!cf_json_is_object(input)) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: \"input\" is not an object", net->file));
  CF_TRY(check_keys(ctx, what, input, known));
  CF_TRY(get_text(ctx, what, input, "name", false, &net->name));
  if (!net->name) net->name = "input";
  CF_TRY(get_size(ctx, what, input, "channels", &channels));
  CF_TRY(get_size(ctx, what, input, "height", &height));
  CF_TRY(get_size(ctx, what, input, "width", &width));
  status = cf_program_begin(ctx, channels, height, width, &net->program);
  if (status != CF_OK) CF_TRY(cf_explain(ctx, status, "%s", net->file));
  const cf_json *scale = cf_json_get(input, "scale");
  net->scale = scale ? cf_json_as_number(scale) : 1;
  if (!isfinite(net->scale)) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: \"scale\" is not a number", what));
  CF_TRY(get_list(ctx, net, input, "mean", channels, 0, &net->mean));
  CF_TRY(get_list(ctx, net, input, "std", channels, 1, &net->sd));
  for (size_t c = 0; c < channels; c++)
    if (!(net->sd[c] > 0)) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: \"std\", entry %zu, is not above 0", what, c));
done:
  return status;
}

static cf_status parse_document(cf_context *ctx, cf_net *net) {
  static const char *const known[] = {"format",  "name",  "description", "comment", "source",
                                      "license", "input", "layers",      "depth",   NULL};
  cf_status status = CF_OK;
  const char *format = cf_json_as_text(cf_json_get(net->json, "format"));
  const cf_json *layers = cf_json_get(net->json, "layers");
  if (!cf_json_is_object(net->json) || !format || strcmp(format, "cortifold-net/1") != 0)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: is no architecture: \"format\" is not \"cortifold-net/1\"", net->file));
  CF_TRY(check_keys(ctx, net->file, net->json, known));
  CF_TRY(parse_input(ctx, net, cf_json_get(net->json, "input")));
  if (!cf_json_is_list(layers) || cf_json_count(layers) == 0 || cf_json_count(layers) > LAYER_LIMIT)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: \"layers\" is not a list of 1 to %zu layers", net->file, LAYER_LIMIT));
  CF_TRY(CF_ALLOC(ctx, &net->layer, cf_json_count(layers)));
  for (size_t i = 0; i < cf_json_count(layers); i++) CF_TRY(parse_layer(ctx, net, i, cf_json_at(layers, i)));
  CF_TRY(parse_depth(ctx, net, cf_json_get(net->json, "depth")));
  CF_TRY(cf_program_plan(ctx, &net->program));
done:
  return status;
}

cf_status cf_net_parse(cf_context *ctx, const cf_model_files *files, cf_net *net) {
  cf_status status = CF_OK;
  char *text = NULL;
  size_t size = 0;
  CF_TRY(cf_strdup(ctx, files->file[0].path, &net->file));
  CF_TRY(cf_io_read_bytes(ctx, net->file, FILE_LIMIT, &text, &size));
  CF_TRY(cf_json_parse(ctx, net->file, text, size, &net->json));
  CF_TRY(cf_weights_read(ctx, files, 1, &net->weights));
  CF_TRY(parse_document(ctx, net));
done:
  cf_free(text);
  return status;
}
