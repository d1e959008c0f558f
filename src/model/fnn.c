/* The FNN among the kinds of network: its layers, its input, and the loop over frames. */
#include "model/fnn_core.h"
#include "model/fnn_pack.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------ layers -- */

typedef struct adder {
  cf_context *ctx;
  cf_network *network;
} adder;

static cf_status add(const adder *a, const char *name, const char *module, bool depth, int ndim, const size_t *shape,
                     const char *const *axes, size_t *index) {
  cf_layer layer = {.name = name, .module = module, .depth = depth, .ndim = ndim};
  for (int d = 0; d < ndim; d++) {
    layer.shape[d] = shape[d];
    layer.axes[d] = axes[d];
  }
  *index = a->network->n_layers;
  return cf_network_add_layer(a->ctx, a->network, &layer);
}

static cf_status add_map(const adder *a, const char *name, const char *module, bool depth, size_t channels, size_t rows,
                         size_t cols, size_t *index) {
  static const char *const axes[3] = {"channel", "height", "width"};
  const size_t shape[3] = {channels, rows, cols};
  return add(a, name, module, depth, 3, shape, axes, index);
}

/* The layer added last: what the network does with it next. */
static void goes_through_gelu(const adder *a) {
  a->network->layer[a->network->n_layers - 1].before_gelu = true;
}

static cf_status add_vector(const adder *a, const char *name, const char *module, size_t n, size_t *index) {
  static const char *const axes[1] = {"feature"};
  return add(a, name, module, false, 1, &n, axes, index);
}

static cf_status add_block(const adder *a, cf_fnn *f, size_t i) {
  cf_status status;
  cf_fnn_block *b = &f->block[i];
  const size_t channels = f->streams * b->channels;
  char name[128];
  snprintf(name, sizeof name, "core.feedforward.inputs.%zu", i);
  CF_TRY(add_map(a, name, "feedforward", true, channels, b->rows, b->cols, &b->input_layer));
  goes_through_gelu(a);
  for (size_t l = 0; l < b->layers; l++) {
    snprintf(name, sizeof name, "core.feedforward.blocks.%zu.convs.%zu", i, l);
    CF_TRY(add_map(a, name, "feedforward", l == 0, channels, b->rows, b->cols, &b->conv_layer[l]));
    goes_through_gelu(a);
    if (l == 0) continue;
    snprintf(name, sizeof name, "core.feedforward.blocks.%zu.skips.%zu", i, l);
    CF_TRY(add_map(a, name, "feedforward", false, channels, b->rows, b->cols, &b->skip_layer[l]));
  }
  snprintf(name, sizeof name, "core.feedforward.blocks.%zu", i);
  CF_TRY(add_map(a, name, "feedforward", true, channels * (b->layers + 1), b->rows / b->pool, b->cols / b->pool,
                 &b->block_layer));
done:
  return status;
}

static cf_status add_recurrent(const adder *a, cf_fnn *f) {
  cf_status status = CF_OK;
  const struct {
    int id;
    const char *name;
    size_t channels;
  } rows[] = {{CF_FNN_PROJ_X, "proj_x", f->common}, {CF_FNN_CONV, "conv", f->inner},
              {CF_FNN_PROJ_Q, "proj_q", f->inner},  {CF_FNN_PROJ_K, "proj_k", f->inner},
              {CF_FNN_PROJ_V, "proj_v", f->inner},  {CF_FNN_ATTENTION, "attention", f->inner},
              {CF_FNN_PROJ_I, "proj_i", f->hidden}, {CF_FNN_PROJ_F, "proj_f", f->hidden},
              {CF_FNN_PROJ_G, "proj_g", f->hidden}, {CF_FNN_PROJ_O, "proj_o", f->hidden},
              {CF_FNN_C, "c", f->hidden},           {CF_FNN_H, "h", f->hidden},
              {CF_FNN_OUT, "out", f->last.out}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const int id = rows[i].id;
    char name[64];
    if (!f->attention && id >= CF_FNN_CONV && id <= CF_FNN_ATTENTION) continue;
    snprintf(name, sizeof name, "core.recurrent.%s", rows[i].name);
    CF_TRY(add_map(a, name, "recurrent", id == CF_FNN_H || id == CF_FNN_OUT, f->streams * rows[i].channels, f->rows,
                   f->cols, &f->layer[id]));
  }
done:
  return status;
}

static cf_status add_layers(const adder *a, cf_fnn *f) {
  cf_status status;
  static const char *const place[3] = {"height", "width", NULL}, *const units[2] = {"unit", "channel"},
                           *const streams[2] = {"stream", "unit"};
  const size_t rays[3] = {f->height, f->width, 3}, grid[3] = {f->height, f->width, 2},
               position[2] = {f->units, f->streams * f->last.out}, readout[2] = {f->streams, f->units};
  for (size_t i = 0; i < CF_FNN_NAMED; i++) f->layer[i] = SIZE_MAX;
  CF_TRY(add(a, "perspective.rays", "perspective", false, 3, rays, place, &f->layer[CF_FNN_RAYS]));
  CF_TRY(add(a, "perspective.grid", "perspective", false, 3, grid, place, &f->layer[CF_FNN_GRID]));
  CF_TRY(add_map(a, "perspective", "perspective", false, 1, f->height, f->width, &f->layer[CF_FNN_PERSPECTIVE]));
  CF_TRY(add_vector(a, "modulation.mlp", "modulation", f->streams * f->mlp.linear[f->mlp.layers - 1].out,
                    &f->layer[CF_FNN_MLP]));
  CF_TRY(add_vector(a, "modulation", "modulation", f->streams * f->memory, &f->layer[CF_FNN_MODULATION]));
  for (size_t i = 0; i < f->blocks; i++) CF_TRY(add_block(a, f, i));
  CF_TRY(add_map(a, "core.feedforward.out", "feedforward", true, f->streams * f->out.out, f->rows, f->cols,
                 &f->layer[CF_FNN_FEEDFORWARD]));
  CF_TRY(add_recurrent(a, f));
  CF_TRY(add(a, "readout.position", "readout", true, 2, position, units, &f->layer[CF_FNN_POSITION]));
  CF_TRY(add(a, "readout", "readout", false, 2, readout, streams, &f->layer[CF_FNN_READOUT]));
  CF_TRY(add(a, "rates", "readout", true, 1, &f->units, units, &f->layer[CF_FNN_RATES]));
done:
  return status;
}

/* ----------------------------------------------------------- open and close -- */

static bool sniff(const cf_model_files *files) {
  return cf_model_has(files, "core.feedforward.inputs.0.weights.0") ||
         cf_model_has(files, "perspective.monitor.center");
}

static void close_network(cf_network *network) {
  cf_fnn_free(network->state);
  network->state = NULL;
}

/* JSON begins with a brace; the rest are files of tensors. */
static bool is_config(const cf_model_file *file) {
  size_t i = 0;
  while (i < file->head_size && strchr(" \t\r\n", file->head[i]) && file->head[i]) i++;
  return i < file->head_size && file->head[i] == '{';
}

static cf_status open_network(cf_context *ctx, const cf_model_files *files, cf_network *network) {
  cf_status status;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_weights *weights = NULL;
  cf_fnn *fnn;
  const char *config = NULL;
  cf_model_files tensors = {0, NULL};
  const adder a = {ctx, network};
  CF_TRY(CF_SCRATCH(ctx, &tensors.file, files->n));
  for (size_t i = 0; i < files->n; i++) {
    if (!is_config(&files->file[i])) {
      tensors.file[tensors.n++] = files->file[i];
    } else if (config) {
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: a second configuration beside %s", files->file[i].path, config));
    } else {
      config = files->file[i].path;
    }
  }
  if (tensors.n == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: a file of tensors is needed beside it", config));
  CF_TRY(cf_weights_read(ctx, &tensors, 0, &weights));
  CF_TRY(CF_ALLOC(ctx, &fnn, 1));
  network->state = fnn;
  network->parameters = cf_weights_numbers(weights);
  CF_TRY(cf_fnn_load(ctx, weights, config, fnn));
  fnn->parameters = network->parameters;
  CF_TRY(add_layers(&a, fnn));
done:
  cf_weights_free(weights);
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------------- input -- */

typedef struct clips {
  size_t n, frames, height, width;
  bool many; /* the movie has an axis of clips */
} clips;

static cf_status check_movie(cf_context *ctx, const cf_network_input *input, clips *out) {
  const cf_array *v = input->values;
  char text[128];
  const bool fits = v->dtype == CF_U8 && (v->ndim == 3 || v->ndim == 4);
  if (!fits)
    return cf_fail(ctx, CF_ERR_INPUT,
                   "%s: is %s %s; a movie is uint8 (time, height, width) or (clip, time, height, width)", input->label,
                   cf_dtype_name(v->dtype), cf_model_shape_text(v->ndim, v->shape, text, sizeof text));
  const size_t *s = v->shape + v->ndim - 3;
  *out = (clips){v->ndim == 4 ? v->shape[0] : 1, s[0], s[1], s[2], v->ndim == 4};
  if (!out->n || !out->frames || out->height < 2 || out->width < 2)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: is %s; a movie needs one frame of 2 x 2 pixels at least", input->label,
                   cf_model_shape_text(v->ndim, v->shape, text, sizeof text));
  return CF_OK;
}

/* (time, columns) or (clip, time, columns) as float [clip, time, columns]; zeros when absent. */
static cf_status side_input(cf_context *ctx, const cf_array *array, const char *option, const clips *c, size_t columns,
                            float **out) {
  cf_status status = CF_OK;
  char text[128];
  const size_t n = c->frames * columns;
  CF_TRY(CF_ALLOC(ctx, out, c->n * n));
  if (!array) goto done;
  const size_t *s = array->shape;
  const bool each = array->ndim == 3 && c->many && s[0] == c->n && s[1] == c->frames && s[2] == columns,
             shared = array->ndim == 2 && s[0] == c->frames && s[1] == columns;
  if (!each && !shared)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: --%s is %s, this movie and network need %s%zu x %zu",
                   array->source ? array->source : option, option,
                   cf_model_shape_text(array->ndim, s, text, sizeof text), c->many ? "clips x " : "", c->frames,
                   columns));
  for (size_t i = 0; i < c->n * n; i++) {
    const double x = cf_array_number(array, shared ? i % n : i);
    if (!isfinite(x) || fabs(x) > 1e30)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: --%s holds %g at frame %zu, column %zu",
                     array->source ? array->source : option, option, x, i % n / columns, i % columns));
    (*out)[i] = (float)x;
  }
done:
  return status;
}

static cf_status leading(cf_context *ctx, cf_network *network, const cf_network_input *input, int *ndim, size_t *shape,
                         const char **axes) {
  cf_status status;
  const cf_fnn *f = network->state;
  clips c;
  float *eye = NULL, *state = NULL;
  CF_TRY(check_movie(ctx, input, &c));
  CF_TRY(side_input(ctx, input->perspective, "perspective", &c, f->perspectives, &eye));
  CF_TRY(side_input(ctx, input->modulation, "modulation", &c, f->modulations, &state));
  *ndim = c.many ? 2 : 1;
  shape[0] = c.many ? c.n : c.frames;
  shape[1] = c.frames;
  axes[0] = c.many ? "clip" : "time";
  axes[1] = "time";
done:
  cf_free(eye);
  cf_free(state);
  return status;
}

/* --------------------------------------------------------------------- run -- */

typedef struct running {
  const cf_network *network;
  cf_fnn *fnn;
  const cf_network_input *input;
  clips c;
  size_t first, now, together; /* clips in lockstep: the first, how many there are, how many memory takes */
  cf_fnn_taps taps;
  size_t *numbers;
  float *eye, *behaviour; /* [clip, time, ...] */
  cf_fnn_view *view;
  double *cell, *output; /* modulation LSTM [clip, stream, memory] */
  float *retina, *modulation;
  cf_fnn_core *core;
  cf_layer_sink sink;
  void *user;
  const size_t *layers;
  size_t n;
} running;

static void running_free(running *r) {
  for (size_t i = 0; r->taps.values && i < r->network->n_layers; i++) cf_free(r->taps.values[i]);
  for (size_t i = 0; r->view && i < r->together; i++) cf_fnn_view_free(&r->view[i]);
  cf_free(r->taps.values);
  cf_free(r->numbers);
  cf_free(r->eye);
  cf_free(r->behaviour);
  cf_free(r->view);
  cf_free(r->cell);
  cf_free(r->output);
  cf_free(r->retina);
  cf_free(r->modulation);
  cf_fnn_core_free(r->core);
}

/* How many clips half of the memory takes; the other half is for what is kept. */
static cf_status lockstep(cf_context *ctx, const cf_network *network, const clips *c, const size_t *layers, size_t n,
                          size_t *together, double *bytes) {
  const cf_fnn *f = network->state;
  const double budget = (double)cf_context_memory(ctx);
  double collected = 0;
  for (size_t i = 0; i < n; i++) {
    const cf_layer *layer = &network->layer[layers[i]];
    double numbers = 1;
    for (int d = 0; d < layer->ndim; d++) numbers *= (double)layer->shape[d];
    collected += numbers;
  }
  const cf_fnn_memory m = cf_fnn_memory_of(f, cf_context_threads(ctx), c->height, c->width, collected);
  const double room = fmax(1, (budget / 2 - m.fixed) / m.clip);
  *together = room < (double)c->n ? (size_t)room : c->n;
  *bytes = m.fixed + m.clip * (double)*together;
  if (m.fixed + m.clip <= budget) return CF_OK;
  return cf_fail(ctx, CF_ERR_INPUT,
                 "%s: weights take %.1f MB and a clip %.1f MB, more than the %.1f MB allowed; raise --memory or name "
                 "fewer layers",
                 network->address, m.fixed / 1e6, m.clip / 1e6, budget / 1e6);
}

static cf_status prepare(cf_context *ctx, running *r) {
  cf_status status;
  cf_fnn *f = r->fnn;
  const size_t all = r->network->n_layers;
  size_t together;
  double bytes;
  CF_TRY(check_movie(ctx, r->input, &r->c));
  CF_TRY(lockstep(ctx, r->network, &r->c, r->layers, r->n, &together, &bytes));
  const size_t vectors = together * f->streams * f->memory;
  CF_TRY(side_input(ctx, r->input->perspective, "perspective", &r->c, f->perspectives, &r->eye));
  CF_TRY(side_input(ctx, r->input->modulation, "modulation", &r->c, f->modulations, &r->behaviour));
  CF_TRY(CF_ALLOC(ctx, &r->taps.values, all));
  CF_TRY(CF_ALLOC(ctx, &r->numbers, all));
  r->taps.numbers = r->numbers;
  for (size_t i = 0; i < all; i++) {
    const cf_layer *layer = &r->network->layer[i];
    r->numbers[i] = 1;
    for (int d = 0; d < layer->ndim; d++) r->numbers[i] *= layer->shape[d];
  }
  for (size_t i = 0; i < r->n; i++) {
    const size_t layer = r->layers[i];
    r->taps.deepest = CF_MAX(r->taps.deepest, layer);
    if (!r->taps.values[layer]) CF_TRY(CF_ALLOC(ctx, &r->taps.values[layer], together * r->numbers[layer]));
  }
  CF_TRY(CF_ALLOC(ctx, &r->view, together));
  r->together = together;
  for (size_t i = 0; i < together; i++)
    CF_TRY(cf_fnn_view_init(ctx, f, r->c.height, r->c.width, r->input->extend, &r->view[i]));
  CF_TRY(CF_ALLOC(ctx, &r->retina, together * f->height * f->width));
  CF_TRY(CF_ALLOC(ctx, &r->cell, vectors));
  CF_TRY(CF_ALLOC(ctx, &r->output, vectors));
  CF_TRY(CF_ALLOC(ctx, &r->modulation, vectors));
done:
  return status;
}

/* Clips `first` .. first + now - 1 from a state of zeros. */
static cf_status begin_clips(cf_context *ctx, running *r, size_t first) {
  const cf_fnn *f = r->fnn;
  const size_t vectors = r->together * f->streams * f->memory;
  r->first = first;
  r->now = CF_MIN(r->together, r->c.n - first);
  memset(r->cell, 0, vectors * sizeof *r->cell);
  memset(r->output, 0, vectors * sizeof *r->output);
  cf_fnn_core_free(r->core);
  r->core = NULL;
  return r->taps.deepest > f->layer[CF_FNN_MODULATION] ? cf_fnn_core_new(ctx, r->fnn, r->now, &r->core) : CF_OK;
}

static void copy_doubles(float *to, const double *from, size_t n) {
  for (size_t i = 0; to && i < n; i++) to[i] = (float)from[i];
}

static cf_status row_task(cf_context *worker, size_t task, void *payload) {
  const running *r = payload;
  (void)worker;
  cf_fnn_view_row(&r->view[task / r->fnn->height], task % r->fnn->height);
  return CF_OK;
}

/* What every clip's retina sees in frame t: the rows of all of them in one loop. */
static cf_status see(cf_context *ctx, running *r, size_t t) {
  cf_status status = CF_OK;
  const cf_fnn *f = r->fnn;
  const size_t pixels = f->height * f->width;
  const unsigned char *movie = r->input->values->data;
  for (size_t clip = 0; clip < r->now; clip++) {
    const size_t at = (r->first + clip) * r->c.frames + t;
    CF_TRY(
        cf_fnn_view_begin(ctx, &r->view[clip], r->eye + at * f->perspectives, movie + at * r->c.height * r->c.width));
  }
  CF_TRY(cf_parallel_for(ctx, r->now * f->height, row_task, r));
  for (size_t clip = 0; clip < r->now; clip++) {
    cf_fnn_view *v = &r->view[clip];
    v->known = true;
    memcpy(r->retina + clip * pixels, v->image, pixels * sizeof *r->retina);
    copy_doubles(cf_fnn_tap(&r->taps, f->layer[CF_FNN_RAYS], clip), v->ray, 3 * pixels);
    copy_doubles(cf_fnn_tap(&r->taps, f->layer[CF_FNN_GRID], clip), v->point, 2 * pixels);
    float *image = cf_fnn_tap(&r->taps, f->layer[CF_FNN_PERSPECTIVE], clip);
    if (image) memcpy(image, v->image, pixels * sizeof *image);
  }
done:
  return status;
}

static double sigmoid(double x) {
  return 1 / (1 + exp(-x));
}

/* One step of the modulation's LSTM: gates from (MLP output, previous output), c = f c + i g, h = o tanh c. */
static cf_status modulate(cf_context *ctx, running *r, size_t clip, size_t s, size_t t) {
  cf_status status;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_fnn *f = r->fnn;
  const size_t from = f->mlp.linear[f->mlp.layers - 1].out, n = f->memory, at = (clip * f->streams + s) * n;
  double *in, *gate, *c = r->cell + at, *h = r->output + at;
  CF_TRY(CF_SCRATCH(ctx, &in, 2 * cf_fnn_mlp_width(&f->mlp) + n + f->modulations));
  CF_TRY(CF_SCRATCH(ctx, &gate, 4 * n));
  double *values = in + 2 * cf_fnn_mlp_width(&f->mlp) + n;
  for (size_t i = 0; i < f->modulations; i++)
    values[i] = (double)r->behaviour[((r->first + clip) * r->c.frames + t) * f->modulations + i];
  cf_fnn_mlp_run(&f->mlp, s, values, in);
  float *tap = cf_fnn_tap(&r->taps, f->layer[CF_FNN_MLP], clip);
  copy_doubles(tap ? tap + s * from : NULL, in, from);
  memcpy(in + from, h, n * sizeof *in);
  for (size_t k = 0; k < 4; k++)
    for (size_t o = 0; o < n; o++) {
      const cf_fnn_conv *g = &f->gate[k];
      double sum = (double)g->bias[s * n + o];
      for (size_t i = 0; i < from + n; i++) sum += (double)g->weight[(s * n + o) * (from + n) + i] * in[i];
      gate[k * n + o] = k == 2 ? tanh(sum) : sigmoid(sum);
    }
  for (size_t o = 0; o < n; o++) {
    c[o] = gate[n + o] * c[o] + gate[o] * gate[2 * n + o];
    h[o] = gate[3 * n + o] * tanh(c[o]);
  }
  copy_doubles(r->modulation + at, h, n);
  tap = cf_fnn_tap(&r->taps, f->layer[CF_FNN_MODULATION], clip);
  copy_doubles(tap ? tap + s * n : NULL, h, n);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

enum { UNITS = 64 };
static size_t unit_pieces(const cf_fnn *f) {
  return (f->units + UNITS - 1) / UNITS;
}

/* Rates of 64 units of a clip: dot products at the units' places, streams averaged, exponential. */
static cf_status unit_task(cf_context *worker, size_t task, void *payload) {
  cf_status status;
  running *r = payload;
  const cf_fnn *f = r->fnn;
  const size_t n = f->last.out, pieces = unit_pieces(f), clip = task / pieces, first = task % pieces * UNITS;
  float *point, *position = cf_fnn_tap(&r->taps, f->layer[CF_FNN_POSITION], clip),
                *readout = cf_fnn_tap(&r->taps, f->layer[CF_FNN_READOUT], clip),
                *rates = cf_fnn_tap(&r->taps, f->layer[CF_FNN_RATES], clip);
  CF_TRY(CF_SCRATCH(worker, &point, cf_fnn_padded(n)));
  for (size_t u = first; u < CF_MIN(f->units, first + UNITS); u++) {
    double mean = 0;
    for (size_t s = 0; s < f->streams; s++) {
      cf_fnn_core_point(r->core, clip, s, u, point);
      const double sum = (double)f->offset[s * f->units + u] + (double)cf_fnn_core_unit(r->core, s, u, point);
      if (position) memcpy(position + (u * f->streams + s) * n, point, n * sizeof *point);
      if (readout) readout[s * f->units + u] = (float)sum;
      mean += sum / (double)f->streams;
    }
    if (rates) rates[u] = (float)exp(mean);
  }
done:
  return status;
}

static cf_status frame(cf_context *ctx, running *r, size_t t) {
  cf_status status = CF_OK;
  const cf_fnn *f = r->fnn;
  const size_t deepest = r->taps.deepest;
  CF_TRY(cf_check_cancel(ctx));
  CF_TRY(see(ctx, r, t));
  for (size_t i = 0; deepest > f->layer[CF_FNN_PERSPECTIVE] && i < r->now * f->streams; i++)
    CF_TRY(modulate(ctx, r, i / f->streams, i % f->streams, t));
  if (r->core) CF_TRY(cf_fnn_core_step(ctx, r->core, &r->taps, r->retina, r->modulation));
  if (deepest > f->layer[CF_FNN_OUT]) CF_TRY(cf_parallel_for(ctx, r->now * unit_pieces(f), unit_task, r));
  for (size_t i = 0; i < r->n; i++) {
    const size_t layer = r->layers[i];
    for (size_t clip = 0; clip < r->now; clip++)
      CF_TRY(r->sink(ctx, r->user, layer, (r->first + clip) * r->c.frames + t, r->network->layer[layer].shape,
                     cf_fnn_tap(&r->taps, layer, clip)));
  }
done:
  return status;
}

static cf_status run(cf_context *ctx, cf_network *network, const cf_network_input *input, const size_t *layers,
                     size_t n, cf_layer_sink sink, void *user) {
  cf_status status;
  running r = {
      .network = network, .fnn = network->state, .input = input, .sink = sink, .user = user, .layers = layers, .n = n};
  CF_TRY(prepare(ctx, &r));
  cf_progress_begin(ctx, "frames", r.c.n * r.c.frames);
  for (size_t first = 0; first < r.c.n && status == CF_OK; first += r.together) {
    status = begin_clips(ctx, &r, first);
    for (size_t t = 0; t < r.c.frames && status == CF_OK; t++) {
      status = frame(ctx, &r, t);
      cf_progress_step(ctx, r.now);
    }
  }
  cf_progress_end(ctx);
done:
  running_free(&r);
  return status;
}

/* -------------------------------------------------------------------- cost -- */

/* About 60 G operations a second and thread, convolutions counted as direct sums. */
static cf_status cost(cf_context *ctx, cf_network *network, const cf_network_input *input, const size_t *layers,
                      size_t n, double *seconds, double *bytes) {
  cf_status status;
  clips c;
  size_t together;
  CF_TRY(check_movie(ctx, input, &c));
  CF_TRY(lockstep(ctx, network, &c, layers, n, &together, bytes));
  *seconds = cf_fnn_operations(network->state) * (double)(c.frames * c.n) / (60e9 * (double)cf_context_threads(ctx));
done:
  return status;
}

const cf_network_ops cf_network_fnn = {
    .least = 1,
    .most = 3,
    .takes = CF_TAKES_PERSPECTIVE | CF_TAKES_MODULATION | CF_TAKES_EXTEND,
    .sniff = sniff,
    .open = open_network,
    .close = close_network,
    .leading = leading,
    .run = run,
    .cost = cost,
};
