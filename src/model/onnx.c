/* `onnx:FILE.onnx`: any ONNX model with one floating input, or with tokens, run by ONNX Runtime with the graph as it is
 * written: one thread, no optimisation, so that every tensor at top level exists. Layers are the floating tensors that
 * nodes at top level compute, in graph order; integers, truth values, constants and the insides of If, Loop and Scan
 * are none.
 *
 * An axis in front whose size the model leaves free, or fixes at 1, is the batch: stimuli are run one by one, side by
 * side on the threads, so that a stimulus gives the same numbers whatever else is in the input. A tensor whose first
 * axis has one entry then loses it. Where a stimulus would change what others give (a branch taken for the whole batch;
 * found by running the first two stimuli alone and together) the whole input is one batch, as the model means it;
 * tensors that do not follow the batch then belong to the run and not to a stimulus. Models without a batch axis take
 * one stimulus, or an array with one axis more. */
#include "model/onnx_graph.h"
#include "model/onnx_input.h"
#include "model/onnxruntime.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct state {
  cf_onnx_graph graph;
  cf_ort_session *session;
  const char *path;
  cf_onnx_input in;
  const char **port; /* name of each layer's tensor, owned by the graph */
  const char **why;  /* of each tensor of the graph that is no layer: its type */
  bool *rankless;    /* of each layer: a scalar, or of a number of axes that is not known */
  unsigned *free;    /* of each layer: bit d is set where the size of own axis d is not known before a run */
} state;

static bool sniff(const cf_model_files *files) {
  const cf_model_file *f = &files->file[0];
  return cf_onnx_looks_like(f->head, f->head_size, f->size);
}

static void close_onnx(cf_network *network) {
  state *s = network->state;
  if (!s) return;
  cf_ort_close(s->session);
  cf_onnx_graph_free(&s->graph);
  cf_free(s->port);
  cf_free(s->why);
  cf_free(s->rankless);
  cf_free(s->free);
  cf_free(s);
  network->state = NULL;
}

/* --------------------------------------------------------------- opening -- */

/* The model's bytes with those behind that make tensors outputs. */
static cf_status load(cf_context *ctx, state *s, const cf_model_file *file) {
  cf_status status = CF_OK;
  const uint64_t limit = (uint64_t)1 << 31; /* of a protobuf message */
  char *bytes = NULL, *behind = NULL, *both = NULL, *folder = NULL;
  size_t size, more;
  if (file->size >= limit)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                   "%s: is larger than 2 GiB; keep the weights in files of their own (external data)", file->path));
  CF_TRY(cf_io_read_bytes(ctx, file->path, (size_t)limit, &bytes, &size));
  CF_TRY(cf_onnx_parse(ctx, file->path, (const unsigned char *)bytes, size, &s->graph));
  CF_TRY(cf_onnx_exposing(ctx, &s->graph, &behind, &more));
  CF_TRY(CF_ALLOC(ctx, &both, size + more));
  memcpy(both, bytes, size);
  memcpy(both + size, behind, more);
  cf_free(bytes);
  bytes = NULL;
  const char *slash = strrchr(file->path, '/');
  CF_TRY(cf_sprintf(ctx, &folder, "%.*s", slash ? (int)(slash - file->path) + 1 : 1, slash ? file->path : "."));
  CF_TRY(cf_ort_open(ctx, file->path, folder, both, size + more, &s->session));
done:
  cf_free(bytes);
  cf_free(behind);
  cf_free(both);
  cf_free(folder);
  return status;
}

/* Axes of a tensor behind the batch; those of unknown size are 0. */
static void own_shape(const state *s, const cf_ort_type *type, cf_layer *layer) {
  int first = s->in.batch && type->ndim > 0 && (type->shape[0] == -1 || type->shape[0] == 1);
  layer->ndim = type->ndim - first;
  for (int d = 0; d < layer->ndim; d++) {
    int64_t n = type->shape[d + first];
    layer->shape[d] = n < 0 ? 0 : (size_t)n;
  }
}

typedef struct named_type {
  const char *name;
  cf_ort_type type;
} named_type;

static int by_name(const void *a, const void *b) {
  return strcmp(((const named_type *)a)->name, ((const named_type *)b)->name);
}

/* Types of all outputs, sorted by name, in scratch. */
static cf_status output_types(cf_context *ctx, const state *s, named_type **out, size_t *n) {
  cf_status status = CF_OK;
  *n = cf_ort_outputs(s->session);
  CF_TRY(CF_SCRATCH(ctx, out, *n + 1));
  for (size_t i = 0; i < *n; i++) CF_TRY(cf_ort_port(ctx, s->session, true, i, &(*out)[i].name, &(*out)[i].type));
  qsort(*out, *n, sizeof **out, by_name);
done:
  return status;
}

/* Layers proper: what products with weights give, and the outputs of the graph; the others are steps between them. */
static bool is_depth(const cf_onnx_tensor *t) {
  static const char *const products[] = {"Conv",      "ConvTranspose",     "Gemm", "MatMul", "LSTM", "GRU", "RNN",
                                         "Attention", "MultiHeadAttention"};
  for (size_t i = 0; i < sizeof products / sizeof *products; i++)
    if (t->weighted && strcmp(t->op, products[i]) == 0) return true;
  return t->output;
}

static cf_status take_layers(cf_context *ctx, state *s, cf_network *network) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  named_type *types;
  size_t n;
  CF_TRY(output_types(ctx, s, &types, &n));
  CF_TRY(CF_ALLOC(ctx, &s->port, s->graph.tensors));
  CF_TRY(CF_ALLOC(ctx, &s->why, s->graph.tensors));
  CF_TRY(CF_ALLOC(ctx, &s->rankless, s->graph.tensors));
  CF_TRY(CF_ALLOC(ctx, &s->free, s->graph.tensors));
  for (size_t i = 0; i < s->graph.tensors; i++) {
    const cf_onnx_tensor *t = &s->graph.tensor[i];
    named_type key = {.name = t->name};
    const named_type *found = !t->constant ? bsearch(&key, types, n, sizeof *types, by_name) : NULL;
    if (!found) continue;
    if (!found->type.known || !cf_onnx_floating(found->type.dtype)) {
      s->why[i] = found->type.type_name;
      continue;
    }
    cf_layer layer = {.name = t->name, .module = t->op, .depth = is_depth(t)};
    own_shape(s, &found->type, &layer);
    s->port[network->n_layers] = t->name;
    s->rankless[network->n_layers] = found->type.ndim == 0;
    for (int d = 0; d < layer.ndim; d++)
      if (layer.shape[d] == 0) s->free[network->n_layers] |= 1U << d;
    if (found->type.ndim == 0) s->free[network->n_layers] = ~0U;
    CF_TRY(cf_network_add_layer(ctx, network, &layer));
  }
  if (!network->n_layers)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the graph computes no floating tensor at top level", s->path));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* A stimulus of zeros tells the number of axes where the graph alone does not, if all sizes are known for it. What it
 * does not tell a run will. */
static cf_status probe(cf_context *ctx, state *s, cf_network *network) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_ort_type *t = &s->in.port[0].type;
  cf_ort_feed feed = {.name = s->in.port[0].name, .dtype = t->dtype, .ndim = t->ndim};
  size_t count = 1, n = 0, *unknown;
  const char **names;
  cf_ort_value *values = NULL;
  void *zeros;
  if (s->in.tokens) goto done;
  for (int d = 0; d < t->ndim; d++) {
    if (t->shape[d] < 0 && !(d == 0 && s->in.batch)) goto done;
    feed.shape[d] = d == 0 && s->in.batch ? 1 : (size_t)t->shape[d];
    CF_TRY(cf_size_mul(ctx, count, feed.shape[d], &count));
  }
  if (t->ndim == 0 || count > (size_t)1 << 24) goto done;
  CF_TRY(CF_SCRATCH(ctx, &unknown, network->n_layers));
  CF_TRY(CF_SCRATCH(ctx, &names, network->n_layers));
  for (size_t i = 0; i < network->n_layers; i++)
    if (s->rankless[i]) unknown[n] = i, names[n++] = s->port[i];
  if (n == 0) goto done;
  CF_TRY(CF_SCRATCH(ctx, &values, n));
  CF_TRY(cf_scratch_bytes(ctx, count, sizeof(double), &zeros));
  memset(zeros, 0, count * sizeof(double));
  feed.data = zeros;
  if (cf_ort_run(ctx, s->session, &feed, 1, names, n, values) != CF_OK) {
    cf_context_clear(ctx);
    goto done;
  }
  for (size_t k = 0; k < n; k++) {
    cf_layer *layer = &network->layer[unknown[k]];
    int first = s->in.batch && values[k].ndim > 0 && values[k].shape[0] == 1;
    layer->ndim = values[k].ndim - first;
    for (int d = 0; d < layer->ndim; d++) layer->shape[d] = values[k].shape[d + first];
    cf_ort_release(&values[k]);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status open_onnx(cf_context *ctx, const cf_model_files *files, cf_network *network) {
  cf_status status = CF_OK;
  state *s = NULL;
  CF_TRY(CF_ALLOC(ctx, &s, 1));
  network->state = s;
  s->path = files->file[0].path;
  CF_TRY(load(ctx, s, &files->file[0]));
  CF_TRY(cf_onnx_input_of(ctx, s->path, s->session, &s->in));
  CF_TRY(take_layers(ctx, s, network));
  CF_TRY(probe(ctx, s, network));
  network->parameters = s->graph.parameters;
done:
  return status;
}

static cf_status refuse(cf_context *ctx, const cf_network *network, const char *name) {
  const state *s = network->state;
  for (size_t i = 0; i < s->graph.inners; i++)
    if (strcmp(s->graph.inner[i].name, name) == 0)
      return cf_fail(ctx, CF_ERR_INPUT,
                     "%s: %s lies inside the body of %s %s; only tensors at top level can be read out", s->path, name,
                     strchr("AEIOU", s->graph.inner[i].op[0]) ? "an" : "a", s->graph.inner[i].op);
  for (size_t i = 0; i < s->graph.tensors; i++) {
    const cf_onnx_tensor *t = &s->graph.tensor[i];
    if (strcmp(t->name, name) != 0) continue;
    if (s->why[i]) return cf_fail(ctx, CF_ERR_INPUT, "%s: %s is %s; layers are floating", s->path, name, s->why[i]);
    if (t->constant) return cf_fail(ctx, CF_ERR_INPUT, "%s: %s is a constant of the graph, no layer", s->path, name);
  }
  return CF_OK;
}

/* ------------------------------------------------------------------- run -- */

/* Positions are pooled where there are some. */
static cf_status check_pool(cf_context *ctx, const cf_network *network, const cf_network_input *input) {
  const state *s = network->state;
  if (input->pool == CF_POOL_NONE || s->in.tokens) return CF_OK;
  return cf_fail(ctx, CF_ERR_USAGE, "%s: a network of kind onnx does not take --pool unless its input is tokens",
                 network->address);
}

static cf_status leading(cf_context *ctx, cf_network *network, const cf_network_input *input, int *ndim, size_t *shape,
                         const char **axes) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const state *s = network->state;
  cf_onnx_plan p;
  CF_TRY(check_pool(ctx, network, input));
  CF_TRY(cf_onnx_plan_of(ctx, &s->in, input, &p));
  *ndim = p.leading;
  shape[0] = p.items;
  axes[0] = "stimulus";
done:
  cf_scratch_release(ctx, mark);
  return status;
}

typedef struct batch {
  state *s;
  const cf_network_input *input;
  const cf_onnx_plan *plan;
  const char **names;   /* of the chosen tensors */
  size_t n, first;      /* layers; first run of those side by side */
  size_t together;      /* stimuli of a run: 1, or all */
  cf_ort_value *values; /* (run, layer) */
} batch;

/* Runs stimuli `item` .. item + together - 1 as one batch. */
static cf_status run_at(cf_context *ctx, const batch *b, size_t item, cf_ort_value *values) {
  cf_status status = CF_OK;
  cf_ort_feed feeds[CF_ORT_FEEDS];
  CF_TRY(cf_check_cancel(ctx));
  CF_TRY(cf_onnx_feeds(ctx, &b->s->in, b->plan, b->input->values, item, b->together, feeds));
  CF_TRY(cf_ort_run(ctx, b->s->session, feeds, b->s->in.n, b->names, b->n, values));
done:
  if (status == CF_ERR_INPUT) status = cf_explain(ctx, status, "stimulus %zu", item);
  return status;
}

static cf_status item_task(cf_context *worker, size_t task, void *payload) {
  const batch *b = payload;
  return run_at(worker, b, (b->first + task) * b->together, b->values + task * b->n);
}

/* Float32 numbers of a value: its own, or converted into scratch. */
static cf_status as_floats(cf_context *ctx, const cf_ort_value *v, const float **out) {
  cf_status status = CF_OK;
  size_t count = 1;
  float *to;
  for (int d = 0; d < v->ndim; d++) count *= v->shape[d];
  *out = v->data;
  if (v->dtype == CF_F32) goto done;
  CF_TRY(CF_SCRATCH(ctx, &to, count));
  for (size_t i = 0; i < count; i++)
    to[i] = v->dtype == CF_F64   ? (float)((const double *)v->data)[i]
            : v->dtype == CF_F16 ? (float)cf_f16_to_double(((const uint16_t *)v->data)[i])
                                 : (float)cf_bf16_to_double(((const uint16_t *)v->data)[i]);
  *out = to;
done:
  return status;
}

/* What a layer is for each stimulus is known now; it must be the same for all. */
static cf_status settle(cf_context *ctx, const batch *b, const cf_ort_value *v, cf_layer *layer, size_t item,
                        const size_t **own) {
  bool follows = b->s->in.batch && v->ndim > 0 && v->shape[0] == b->together;
  *own = v->shape + follows;
  if (item == 0) {
    layer->whole = b->together > 1 && !follows;
    layer->ndim = v->ndim - follows;
    memcpy(layer->shape, *own, (size_t)layer->ndim * sizeof(size_t));
  }
  if (v->ndim - follows != layer->ndim || memcmp(layer->shape, *own, (size_t)layer->ndim * sizeof(size_t)) != 0)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: %s has another shape for stimulus %zu than for the first", b->s->path,
                   layer->name, item);
  return CF_OK;
}

/* Axes of the first n tokens' layer that count positions, as bits: those of free size that are as long as it is. */
static unsigned positions_of(const batch *b, size_t index, int ndim, const size_t *own, size_t n) {
  unsigned bits = 0;
  for (int d = 0; d < ndim; d++)
    if (b->s->free[index] >> d & 1 && own[d] == n) bits |= 1U << d;
  return bits;
}

/* Values of `own` shape into one of `full`, NaN behind. */
static void fill_up(int ndim, const size_t *own, const size_t *full, const float *from, float *to) {
  size_t at[CF_MAX_DIMS] = {0}, all = 1;
  for (int d = 0; d < ndim; d++) all *= full[d];
  for (size_t i = 0; i < all; i++) {
    bool inside = true;
    for (int d = 0; d < ndim; d++) inside = inside && at[d] < own[d];
    to[i] = inside ? *from++ : (float)NAN;
    for (int d = ndim - 1; d >= 0 && ++at[d] == full[d]; d--) at[d] = 0;
  }
}

/* The mean over the first axis of n entries, or its last entry. */
static void pool_first(cf_pool how, size_t n, size_t width, const float *from, float *to) {
  for (size_t e = 0; e < width; e++) {
    double sum = 0;
    for (size_t p = how == CF_POOL_LAST ? n - 1 : 0; p < n; p++) sum += (double)from[p * width + e];
    to[e] = (float)(sum / (how == CF_POOL_LAST ? 1 : (double)n));
  }
}

/* A layer of a sequence of tokens: pooled, or filled up to the longest sequence. */
static cf_status hand_tokens(cf_context *ctx, const batch *b, cf_layer *layer, size_t index, const cf_ort_value *v,
                             size_t item, cf_layer_sink sink, void *user) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const bool first = b->s->in.batch && v->ndim > 0 && v->shape[0] == 1;
  const size_t *own = v->shape + first, n = b->plan->length[item];
  const int ndim = v->ndim - first;
  const unsigned bits = positions_of(b, index, ndim, own, n);
  const bool pooled = b->input->pool != CF_POOL_NONE && (bits & 1);
  size_t full[CF_MAX_DIMS], count = 1;
  const float *values;
  float *to;
  for (int d = 0; d < ndim; d++) full[d] = bits >> d & 1 ? b->plan->longest : own[d];
  for (int d = pooled; d < ndim; d++) CF_TRY(cf_size_mul(ctx, count, full[d], &count));
  CF_TRY(as_floats(ctx, v, &values));
  CF_TRY(CF_SCRATCH(ctx, &to, count + 1));
  if (pooled) {
    size_t width = 1;
    for (int d = 1; d < ndim; d++) width *= own[d];
    float *mean;
    CF_TRY(CF_SCRATCH(ctx, &mean, width + 1));
    pool_first(b->input->pool, n, width, values, mean);
    fill_up(ndim - 1, own + 1, full + 1, mean, to);
  } else {
    fill_up(ndim, own, full, values, to);
  }
  const size_t *shape = full + pooled;
  if (item == 0) {
    layer->ndim = ndim - pooled;
    memcpy(layer->shape, shape, (size_t)layer->ndim * sizeof *shape);
    for (int d = 0; d < layer->ndim; d++) layer->axes[d] = bits >> (d + pooled) & 1 ? "position" : NULL;
  }
  if (ndim - pooled != layer->ndim || memcmp(layer->shape, shape, (size_t)layer->ndim * sizeof *shape) != 0)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                   "%s: %s has another shape for stimulus %zu than for the first, beside its %zu "
                   "tokens",
                   b->s->path, layer->name, item, n));
  CF_TRY(sink(ctx, user, index, item, shape, to));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* One layer of one run to the sink, item by item. */
static cf_status hand_layer(cf_context *ctx, const batch *b, cf_layer *layer, size_t index, const cf_ort_value *v,
                            size_t item, cf_layer_sink sink, void *user) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t *own;
  const float *values;
  size_t count = 1;
  if (!cf_onnx_floating(v->dtype))
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %s is %s", b->s->path, layer->name, cf_dtype_name(v->dtype)));
  if (b->s->in.tokens) {
    CF_TRY(hand_tokens(ctx, b, layer, index, v, item, sink, user));
    goto done;
  }
  CF_TRY(settle(ctx, b, v, layer, item, &own));
  CF_TRY(as_floats(ctx, v, &values));
  for (int d = 0; d < layer->ndim; d++) count *= own[d];
  for (size_t i = 0; i < (layer->whole ? 1 : b->together); i++)
    CF_TRY(sink(ctx, user, index, item + i, own, values + i * count));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static void release(cf_ort_value *values, size_t n) {
  for (size_t i = 0; i < n; i++) cf_ort_release(&values[i]);
}

static double bytes_of(const cf_ort_value *values, size_t n) {
  double bytes = 0;
  for (size_t k = 0; k < n; k++) {
    double one = 8;
    for (int d = 0; d < values[k].ndim; d++) one *= (double)values[k].shape[d];
    bytes += one;
  }
  return bytes;
}

enum { SIDE_BY_SIDE = 16 };

/* The first run alone, which tells the sizes; then as many side by side as the memory takes. */
static cf_status run_items(cf_context *ctx, batch *b, cf_network *network, const size_t *layers, cf_layer_sink sink,
                           void *user) {
  cf_status status = CF_OK;
  size_t side = 1, runs = b->plan->items / b->together;
  cf_progress_begin(ctx, "stimuli", runs);
  for (b->first = 0; b->first < runs && status == CF_OK;) {
    size_t count = CF_MIN(side, runs - b->first);
    cf_progress_span(ctx, b->first, b->first + count);
    status = cf_parallel_for(ctx, count, item_task, b);
    if (b->first == 0 && status == CF_OK) {
      double fit = (double)cf_context_memory(ctx) / (bytes_of(b->values, b->n) + 1);
      side = fit < 1 ? 1 : fit > SIDE_BY_SIDE ? SIDE_BY_SIDE : (size_t)fit;
    }
    for (size_t i = 0; i < count * b->n && status == CF_OK; i++)
      status = hand_layer(ctx, b, &network->layer[layers[i % b->n]], layers[i % b->n], &b->values[i],
                          (b->first + i / b->n) * b->together, sink, user);
    release(b->values, count * b->n);
    b->first += count;
  }
  cf_progress_end(ctx);
  return status;
}

/* True when what stimuli 0 and 1 give together is, but for rounding, what they give alone. */
static bool agrees(const cf_ort_value *both, const cf_ort_value *alone, size_t half) {
  const float *b = both->data, *a = alone->data;
  double most = 0, worst = 0;
  size_t n = 1;
  if (alone->dtype != CF_F32 || alone->ndim == 0 || both->ndim != alone->ndim || alone->shape[0] != 1) return true;
  for (int d = 0; d < alone->ndim; d++) {
    if (both->shape[d] != (d ? alone->shape[d] : 2)) return true; /* it does not follow the batch */
    n *= alone->shape[d];
  }
  for (size_t i = 0; i < n; i++) {
    double x = (double)a[i], y = (double)b[half * n + i];
    if (isnan(x) && isnan(y)) continue;
    most = fmax(most, fabs(x));
    worst = isfinite(x - y) ? fmax(worst, fabs(x - y)) : x == y ? worst : INFINITY;
  }
  return worst <= 1e-3 * most;
}

/* Whether stimuli change what others give: seen on the first two of the input. */
static cf_status look_for_mixing(cf_context *ctx, batch *b, bool *mixes) {
  cf_status status = CF_OK;
  cf_ort_value *both = b->values + 2 * b->n;
  b->first = 0;
  *mixes = false;
  CF_TRY(cf_parallel_for(ctx, 2, item_task, b));
  b->together = 2;
  const cf_mark mark = cf_scratch_mark(ctx);
  if (run_at(ctx, b, 0, both) == CF_OK) {
    for (size_t k = 0; k < b->n; k++)
      *mixes = *mixes || !agrees(&both[k], &b->values[k], 0) || !agrees(&both[k], &b->values[b->n + k], 1);
  } else { /* not made for more than one, whatever it says of its input */
    status = cf_check_cancel(ctx);
    if (status == CF_OK) cf_context_clear(ctx);
  }
  cf_scratch_release(ctx, mark);
done:
  b->together = 1;
  release(b->values, 3 * b->n);
  return status;
}

static cf_status run_onnx(cf_context *ctx, cf_network *network, const cf_network_input *input, const size_t *layers,
                          size_t n, cf_layer_sink sink, void *user) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  state *s = network->state;
  cf_onnx_plan p;
  batch b = {.s = s, .input = input, .plan = &p, .n = n, .together = 1};
  CF_TRY(check_pool(ctx, network, input));
  CF_TRY(cf_onnx_plan_of(ctx, &s->in, input, &p));
  if (n == 0) goto done;
  CF_TRY(CF_SCRATCH(ctx, &b.names, n + 1));
  for (size_t k = 0; k < n; k++) b.names[k] = s->port[layers[k]];
  CF_TRY(CF_SCRATCH(ctx, &b.values, SIDE_BY_SIDE * n + 1));
  memset(b.values, 0, (SIDE_BY_SIDE * n + 1) * sizeof *b.values);
  const cf_ort_type *t = &s->in.port[0].type;
  bool mixes = s->graph.branches, free_axis = s->in.batch && !s->in.tokens && t->ndim > 0 && t->shape[0] == -1;
  if (free_axis && p.items > 1) {
    if (!mixes) CF_TRY(look_for_mixing(ctx, &b, &mixes));
    if (mixes) b.together = p.items;
  }
  CF_TRY(run_items(ctx, &b, network, layers, sink, user));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* What made the numbers. */
static cf_status extras(cf_context *ctx, cf_network *network, cf_dataset *out) {
  cf_status status = CF_OK;
  cf_array *array = NULL;
  char text[160];
  (void)network;
  snprintf(text, sizeof text, "ONNX Runtime %.40s, graph optimisation off, one thread a stimulus", cf_ort_version());
  CF_TRY(cf_array_from_texts(ctx, "info/runtime", 1, (const char *const[]){text}, &array));
  cf_array *taken = array;
  array = NULL;
  CF_TRY(cf_dataset_add(ctx, out, taken));
done:
  cf_array_free(array);
  return status;
}

const cf_network_ops cf_network_onnx = {
    .least = 1,
    .most = 1,
    .takes = CF_TAKES_POOL,
    .sniff = sniff,
    .open = open_onnx,
    .close = close_onnx,
    .leading = leading,
    .run = run_onnx,
    .extras = extras,
    .refuse = refuse,
};
