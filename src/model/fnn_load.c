/* Tensors of an FNN by their released names: sizes read off their shapes and checked against one another and against
 * the configuration, weights standardised once: w' = gain (w - mean) / sqrt(n var + 1e-5) per output channel. */
#include "model/fnn_pack.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { RAW = 1, GAIN = 2, BIAS = 4 };

typedef struct loader {
  cf_context *ctx;
  const cf_weights *weights;
  const cf_fnn_config *config;
  cf_fnn *fnn;
} loader;

/* What a convolution must look like; 0: free (groups: read off the shape). */
typedef struct wanted {
  size_t streams, in, out, groups, time, side;
  int parts;
} wanted;

static void conv_free(cf_fnn_conv *c) {
  cf_free(c->weight);
  cf_free(c->bias);
}

static void mlp_free(cf_fnn_mlp *mlp) {
  for (size_t i = 0; mlp->linear && i < mlp->layers; i++) conv_free(&mlp->linear[i]);
  cf_free(mlp->linear);
}

static void block_free(cf_fnn_block *b) {
  conv_free(&b->input);
  for (size_t l = 0; b->conv && l < b->layers; l++) conv_free(&b->conv[l]);
  for (size_t l = 0; b->skip && l < b->layers; l++) conv_free(&b->skip[l]);
  cf_free(b->conv);
  cf_free(b->skip);
  cf_free(b->conv_layer);
  cf_free(b->skip_layer);
}

void cf_fnn_free(cf_fnn *fnn) {
  if (!fnn) return;
  cf_fnn_conv *const convs[] = {&fnn->out,   &fnn->across, &fnn->feed,  &fnn->modulate, &fnn->conv,
                                &fnn->query, &fnn->key,    &fnn->value, &fnn->last};
  for (size_t i = 0; i < sizeof convs / sizeof *convs; i++) conv_free(convs[i]);
  for (size_t i = 0; i < 4; i++) {
    conv_free(&fnn->gate[i]);
    conv_free(&fnn->lstm[i]);
  }
  for (size_t i = 0; fnn->block && i < fnn->blocks; i++) block_free(&fnn->block[i]);
  mlp_free(&fnn->gaze);
  mlp_free(&fnn->mlp);
  cf_free(fnn->block);
  cf_free(fnn->ray);
  cf_free(fnn->scale);
  cf_free(fnn->position);
  cf_free(fnn->feature);
  cf_free(fnn->offset);
  cf_fnn_plan_free(fnn->plan);
  cf_free(fnn);
}

/* --------------------------------------------------------- one convolution -- */

/* "name.part.stream" */
static const char *tensor_name(char buffer[256], const char *name, const char *part, size_t stream) {
  snprintf(buffer, 256, "%.180s.%s.%zu", name, part, stream);
  return buffer;
}

/* n rows of `length`, consecutive, in place. */
static void standardise(size_t n, size_t length, float *w) {
  for (size_t r = 0; r < n; r++, w += length) {
    double mean = 0, squares = 0;
    for (size_t i = 0; i < length; i++) mean += (double)w[i];
    mean /= (double)length;
    for (size_t i = 0; i < length; i++) squares += ((double)w[i] - mean) * ((double)w[i] - mean);
    const double scale = 1 / sqrt(squares + 1e-5);
    for (size_t i = 0; i < length; i++) w[i] = (float)(((double)w[i] - mean) * scale);
  }
}

/* `out` numbers of a 2-D tensor (groups, channels per group). */
static cf_status channel_numbers(const loader *l, const char *name, const char *part, size_t stream, size_t out,
                                 const float **values) {
  cf_status status;
  char full[256], text[128];
  const size_t any[2] = {SIZE_MAX, SIZE_MAX}, *shape;
  tensor_name(full, name, part, stream);
  CF_TRY(cf_weights_need(l->ctx, l->weights, full, 2, any, values));
  cf_weights_get(l->weights, full, NULL, &shape);
  if (shape[0] * shape[1] != out)
    CF_TRY(cf_fail(l->ctx, CF_ERR_INPUT, "%s:%s: its shape is %s, the network needs %zu numbers",
                   cf_weights_file(l->weights, full), full, cf_model_shape_text(2, shape, text, sizeof text), out));
done:
  return status;
}

/* Reads shape from stream 0. */
static cf_status conv_shape(const loader *l, const char *name, const wanted *w, cf_fnn_conv *c) {
  cf_status status;
  char full[256], have[128];
  const size_t any[5] = {SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX}, *s;
  const float *first;
  tensor_name(full, name, "weights", 0);
  CF_TRY(cf_weights_need(l->ctx, l->weights, full, 5, any, &first));
  cf_weights_get(l->weights, full, NULL, &s);
  *c = (cf_fnn_conv){.out = s[0], .in = w->in, .time = s[2], .side = s[3]};
  const char *file = cf_weights_file(l->weights, full);
  cf_model_shape_text(5, s, have, sizeof have);
  if (!s[0] || !s[1] || !s[2] || !s[3] || s[3] != s[4])
    CF_TRY(cf_fail(l->ctx, CF_ERR_INPUT, "%s:%s: its shape is %s, a square kernel was expected", file, full, have));
  if ((w->out && s[0] != w->out) || (w->time && s[2] != w->time) || (w->side && s[3] != w->side))
    CF_TRY(cf_fail(l->ctx, CF_ERR_INPUT,
                   "%s:%s: its shape is %s; the other tensors need %zu outputs, %zu frames and side %zu here (0: any)",
                   file, full, have, w->out, w->time, w->side));
  c->groups = w->in / s[1];
  if (c->groups * s[1] != w->in || c->groups == 0 || c->out % c->groups || (w->groups && c->groups != w->groups))
    CF_TRY(cf_fail(l->ctx, CF_ERR_INPUT, "%s:%s: its shape is %s, which does not fit %zu input channels in %s", file,
                   full, have, w->in, w->groups == 1 ? "one group" : "equal groups"));
done:
  return status;
}

static cf_status load_conv(const loader *l, const char *name, const wanted *w, cf_fnn_conv *c) {
  cf_status status;
  char full[256];
  const float *values;
  size_t total;
  CF_TRY(conv_shape(l, name, w, c));
  const size_t fan = c->in / c->groups * c->time * c->side * c->side, n = c->out * fan;
  const size_t shape[5] = {c->out, c->in / c->groups, c->time, c->side, c->side};
  CF_TRY(cf_size_mul(l->ctx, w->streams, n, &total));
  CF_TRY(CF_ALLOC(l->ctx, &c->weight, total));
  if (w->parts & BIAS) CF_TRY(CF_ALLOC(l->ctx, &c->bias, w->streams * c->out));
  for (size_t s = 0; s < w->streams; s++) {
    float *to = c->weight + s * n;
    CF_TRY(cf_weights_need(l->ctx, l->weights, tensor_name(full, name, "weights", s), 5, shape, &values));
    memcpy(to, values, n * sizeof *to);
    if (!(w->parts & RAW)) standardise(c->out, fan, to);
    if (w->parts & GAIN) {
      CF_TRY(channel_numbers(l, name, "gains", s, c->out, &values));
      for (size_t i = 0; i < n; i++) to[i] *= values[i / fan];
    }
    if (w->parts & BIAS) {
      CF_TRY(channel_numbers(l, name, "biases", s, c->out, &values));
      memcpy(c->bias + s * c->out, values, c->out * sizeof *values);
    }
  }
done:
  return status;
}

/* The term from the other groups' outputs: stored [group, other groups, out, in], standardised over the middle and the
 * last; here [out, in] of all channels with zeros for the own group. */
static cf_status load_across(const loader *l, const char *name, cf_fnn_conv *c) {
  cf_status status;
  char full[256];
  const cf_fnn *f = l->fnn;
  const size_t g = f->groups, out = f->common / g, in = f->hidden / g, shape[4] = {g, g - 1, out, in};
  const float *values, *gains;
  float *row = NULL;
  *c = (cf_fnn_conv){.out = f->common, .in = f->hidden, .groups = 1, .time = 1, .side = 1};
  CF_TRY(CF_ALLOC(l->ctx, &c->weight, f->streams * c->out * c->in));
  CF_TRY(CF_ALLOC(l->ctx, &row, (g - 1) * in));
  for (size_t s = 0; s < f->streams; s++) {
    CF_TRY(cf_weights_need(l->ctx, l->weights, tensor_name(full, name, "weights", s), 4, shape, &values));
    CF_TRY(channel_numbers(l, name, "gains", s, c->out, &gains));
    for (size_t o = 0; o < c->out; o++) {
      float *to = c->weight + (s * c->out + o) * c->in;
      const float *from = values + (o / out * (g - 1) * out + o % out) * in;
      for (size_t k = 0; k < g - 1; k++) memcpy(row + k * in, from + k * out * in, in * sizeof *row);
      standardise(1, (g - 1) * in, row);
      for (size_t k = 0; k < g - 1; k++)
        for (size_t i = 0; i < in; i++) to[(k < o / out ? k : k + 1) * in + i] = row[k * in + i] * gains[o];
    }
  }
done:
  cf_free(row);
  return status;
}

/* --------------------------------------------------------------- agreement -- */

/* A size that configuration and tensors both tell. */
static cf_status agree(const loader *l, const char *key, size_t told, size_t found) {
  if (told == 0 || told == found) return CF_OK;
  return cf_fail(l->ctx, CF_ERR_INPUT, "%s: %s is %zu, the tensors make it %zu", l->config->path, key, told, found);
}

static size_t count_names(const loader *l, const char *before, const char *after) {
  size_t n = 0;
  char full[256];
  do snprintf(full, sizeof full, "%.150s%zu%.80s", before, n, after);
  while (cf_weights_get(l->weights, full, NULL, NULL) && ++n < 65536);
  return n;
}

static bool has(const loader *l, const char *name) {
  return cf_weights_get(l->weights, name, NULL, NULL) != NULL;
}

/* Length of axis 0 of a tensor whose rank is `ndim`; 0 with an error in the context otherwise. */
static cf_status axis_of(const loader *l, const char *name, int ndim, int axis, size_t *out) {
  cf_status status;
  const size_t any[5] = {SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX}, *shape;
  const float *values;
  CF_TRY(cf_weights_need(l->ctx, l->weights, name, ndim, any, &values));
  cf_weights_get(l->weights, name, NULL, &shape);
  *out = shape[axis];
  if (*out == 0)
    CF_TRY(cf_fail(l->ctx, CF_ERR_INPUT, "%s:%s: has an axis of length 0", cf_weights_file(l->weights, name), name));
done:
  return status;
}

/* ------------------------------------------------------------------- parts -- */

static cf_status load_mlp(const loader *l, const char *name, size_t streams, size_t in, bool open, cf_fnn_mlp *mlp) {
  cf_status status = CF_OK;
  char full[256];
  snprintf(full, sizeof full, "%s.linears.", name);
  mlp->open = open;
  mlp->layers = CF_MAX(count_names(l, full, ".weights.0"), (size_t)1);
  CF_TRY(CF_ALLOC(l->ctx, &mlp->linear, mlp->layers));
  for (size_t i = 0; i < mlp->layers; i++) {
    const wanted w = {streams, in, 0, 1, 1, 1, i == 0 ? RAW | BIAS : GAIN | BIAS};
    snprintf(full, sizeof full, "%s.linears.%zu", name, i);
    CF_TRY(load_conv(l, full, &w, &mlp->linear[i]));
    in = mlp->linear[i].out;
  }
done:
  return status;
}

/* A number that the files may hold, in a tensor of one element. */
static cf_status load_number(const loader *l, const char *name, bool must, double *out) {
  int ndim;
  const size_t *shape;
  size_t n = 1;
  const float *x = cf_weights_get(l->weights, name, &ndim, &shape);
  if (!x && !must) return CF_OK;
  if (!x) return cf_weights_need(l->ctx, l->weights, name, 0, NULL, &x);
  for (int d = 0; d < ndim; d++) n *= shape[d];
  if (n != 1 || !isfinite(*x))
    return cf_fail(l->ctx, CF_ERR_INPUT, "%s:%s: must be one finite number", cf_weights_file(l->weights, name), name);
  *out = (double)*x;
  return CF_OK;
}

static cf_status load_three(const loader *l, const char *name, double *out) {
  cf_status status;
  const size_t shape[1] = {3};
  const float *x;
  CF_TRY(cf_weights_need(l->ctx, l->weights, name, 1, shape, &x));
  for (size_t i = 0; i < 3; i++) out[i] = (double)x[i];
done:
  return status;
}

/* Rays of the retina: x and y H/W evenly in -1 .. 1, both times (W-1)/W as in the released code; r = degrees
 * sqrt(x^2 + y^2), at most 90; (sin r cos th, sin r sin th, cos r). */
static void retina_rays(size_t height, size_t width, double degrees, double *ray) {
  const double turn = acos(-1.0) / 180, h = (double)height, w = (double)width;
  for (size_t i = 0; i < height; i++)
    for (size_t j = 0; j < width; j++, ray += 3) {
      const double x = (2 * (double)j + 1 - w) / w;
      const double y = height > 1 ? (2 * (double)i / (h - 1) - 1) * h / w * (w - 1) / w : 0, d = hypot(x, y);
      const double r = fmin(degrees * d, 90) * turn;
      ray[0] = d > 0 ? sin(r) * x / d : 0;
      ray[1] = d > 0 ? sin(r) * y / d : 0;
      ray[2] = cos(r);
    }
}

static cf_status load_retina(const loader *l) {
  cf_status status;
  cf_fnn *f = l->fnn;
  const cf_fnn_config *c = l->config;
  const char *name = "perspective.retina.grid";
  const float *grid = NULL;
  f->height = c->height ? c->height : 128;
  f->width = c->width ? c->width : 192;
  if (has(l, name)) {
    const size_t any[3] = {SIZE_MAX, SIZE_MAX, 3}, *shape;
    CF_TRY(cf_weights_need(l->ctx, l->weights, name, 3, any, &grid));
    cf_weights_get(l->weights, name, NULL, &shape);
    f->height = shape[0];
    f->width = shape[1];
    CF_TRY(agree(l, "perspective.height", c->height, f->height));
    CF_TRY(agree(l, "perspective.width", c->width, f->width));
  }
  if (!f->height || !f->width || f->height > 4096 || f->width > 4096)
    CF_TRY(cf_fail(l->ctx, CF_ERR_INPUT, "%s: a retina of %zu x %zu pixels cannot be used",
                   grid || !c->path ? cf_weights_file(l->weights, name) : c->path, f->height, f->width));
  CF_TRY(CF_ALLOC(l->ctx, &f->ray, f->height * f->width * 3));
  if (!grid) retina_rays(f->height, f->width, c->degrees, f->ray);
  for (size_t i = 0; grid && i < f->height * f->width * 3; i++) f->ray[i] = (double)grid[i];
done:
  return status;
}

static cf_status load_perspective(const loader *l) {
  cf_status status;
  cf_fnn *f = l->fnn;
  double logit = 0;
  CF_TRY(load_retina(l));
  CF_TRY(axis_of(l, "perspective.mlp.linears.0.weights.0", 5, 1, &f->perspectives));
  CF_TRY(agree(l, "perspectives", l->config->perspectives, f->perspectives));
  CF_TRY(load_mlp(l, "perspective.mlp", 1, f->perspectives, true, &f->gaze));
  if (f->gaze.linear[f->gaze.layers - 1].out != 3)
    CF_TRY(cf_fail(l->ctx, CF_ERR_INPUT, "%s:perspective.mlp.linears.%zu.weights.0: must give 3 angles, not %zu",
                   cf_weights_file(l->weights, "perspective.mlp.linears.0.weights.0"), f->gaze.layers - 1,
                   f->gaze.linear[f->gaze.layers - 1].out));
  CF_TRY(load_three(l, "perspective.monitor.center", f->center));
  CF_TRY(load_three(l, "perspective.monitor.angle", f->angle));
  f->monitor_eps = l->config->monitor_eps;
  f->pixel_power = isnan(l->config->power) ? 1.7 : l->config->power;
  f->pixel_scale = 1;
  CF_TRY(load_number(l, "perspective.monitor_pixel.power", false, &f->pixel_power));
  CF_TRY(load_number(l, "perspective.monitor_pixel.scale", false, &f->pixel_scale));
  CF_TRY(load_number(l, "perspective.monitor_pixel.offset", false, &f->pixel_offset));
  CF_TRY(load_number(l, "perspective.retina_pixel.logit", true, &logit));
  CF_TRY(load_number(l, "perspective.retina_pixel.scale", true, &f->retina_scale));
  CF_TRY(load_number(l, "perspective.retina_pixel.offset", true, &f->retina_offset));
  f->retina_power = l->config->max_power / (1 + exp(-logit));
  f->retina_eps = l->config->retina_eps;
done:
  return status;
}

static cf_status load_modulation(const loader *l) {
  cf_status status;
  cf_fnn *f = l->fnn;
  static const char *const gates[4] = {"modulation.lstm.proj_i", "modulation.lstm.proj_f", "modulation.lstm.proj_g",
                                       "modulation.lstm.proj_o"};
  CF_TRY(axis_of(l, "modulation.mlp.linears.0.weights.0", 5, 1, &f->modulations));
  CF_TRY(agree(l, "modulations", l->config->modulations, f->modulations));
  CF_TRY(load_mlp(l, "modulation.mlp", f->streams, f->modulations, false, &f->mlp));
  CF_TRY(axis_of(l, "modulation.lstm.proj_i.weights.0", 5, 0, &f->memory));
  CF_TRY(agree(l, "modulation.lstm_features", l->config->memory, f->memory));
  for (size_t i = 0; i < 4; i++) {
    const wanted w = {f->streams, f->mlp.linear[f->mlp.layers - 1].out + f->memory, f->memory, 1, 1, 1, GAIN | BIAS};
    CF_TRY(load_conv(l, gates[i], &w, &f->gate[i]));
  }
done:
  return status;
}

/* (n + 2 pad - side) / stride + 1 with pad = (side - stride) / 2. */
static cf_status first_map(const loader *l, size_t side, size_t *rows, size_t *cols) {
  cf_fnn *f = l->fnn;
  if (side < f->stride || (side - f->stride) % 2)
    return cf_fail(l->ctx, CF_ERR_INPUT,
                   "%s: a first kernel of side %zu with stride %zu has no padding (side - stride) / 2; check "
                   "feedforward.input_stride",
                   l->config->path ? l->config->path
                                   : cf_weights_file(l->weights, "core.feedforward.inputs.0.weights.0"),
                   side, f->stride);
  f->pad = (side - f->stride) / 2;
  if (f->height + 2 * f->pad < side || f->width + 2 * f->pad < side)
    return cf_fail(l->ctx, CF_ERR_INPUT, "%s: a retina of %zu x %zu pixels is smaller than the first kernel",
                   cf_weights_file(l->weights, "perspective.retina.grid"), f->height, f->width);
  *rows = (f->height + 2 * f->pad - side) / f->stride + 1;
  *cols = (f->width + 2 * f->pad - side) / f->stride + 1;
  return CF_OK;
}

static cf_status load_block(const loader *l, size_t i, size_t in, size_t *rows, size_t *cols) {
  cf_status status;
  cf_fnn *f = l->fnn;
  cf_fnn_block *b = &f->block[i];
  const cf_fnn_config *c = l->config;
  char name[128];
  b->pool = c->pool[i];
  snprintf(name, sizeof name, "core.feedforward.inputs.%zu", i);
  const wanted first = {f->streams, 1, 0, 1, 1, 0, RAW | BIAS}, later = {f->streams, in, 0, 1, 1, 1, GAIN | BIAS};
  CF_TRY(load_conv(l, name, i ? &later : &first, &b->input));
  if (i == 0) CF_TRY(first_map(l, b->input.side, rows, cols));
  if (i == 0) CF_TRY(agree(l, "feedforward.input_spatial", c->input_side, b->input.side));
  b->rows = *rows;
  b->cols = *cols;
  b->channels = b->input.out;
  snprintf(name, sizeof name, "core.feedforward.blocks.%zu.convs.", i);
  b->layers = CF_MAX(count_names(l, name, ".weights.0"), (size_t)1);
  CF_TRY(CF_ALLOC(l->ctx, &b->conv, b->layers));
  CF_TRY(CF_ALLOC(l->ctx, &b->skip, b->layers));
  CF_TRY(CF_ALLOC(l->ctx, &b->conv_layer, b->layers));
  CF_TRY(CF_ALLOC(l->ctx, &b->skip_layer, b->layers));
  for (size_t k = 0; k < b->layers; k++) {
    const wanted conv = {
        f->streams, b->channels, b->channels, b->groups, k ? b->conv[0].time : 0, k ? b->conv[0].side : 0, GAIN | BIAS};
    snprintf(name, sizeof name, "core.feedforward.blocks.%zu.convs.%zu", i, k);
    CF_TRY(load_conv(l, name, &conv, &b->conv[k]));
    b->groups = b->conv[0].groups;
    if (b->conv[k].side % 2 == 0)
      CF_TRY(cf_fail(l->ctx, CF_ERR_INPUT, "%s:%s.weights.0: a kernel of even side %zu changes the map's size",
                     cf_weights_file(l->weights, name), name, b->conv[k].side));
    if (k == 0) continue;
    const wanted skip = {f->streams, k * b->channels, b->channels, b->groups, 1, 1, GAIN};
    snprintf(name, sizeof name, "core.feedforward.blocks.%zu.skips.%zu", i, k);
    CF_TRY(load_conv(l, name, &skip, &b->skip[k]));
  }
  CF_TRY(agree(l, "feedforward.block_channels", c->channels[i], b->channels));
  CF_TRY(agree(l, "feedforward.block_groups", c->groups[i], b->groups));
  CF_TRY(agree(l, "feedforward.block_layers", c->layers[i], b->layers));
  CF_TRY(agree(l, "feedforward.block_temporals", c->time[i], b->conv[0].time));
  CF_TRY(agree(l, "feedforward.block_spatials", c->side[i], b->conv[0].side));
  if (b->pool == 0 || b->pool > *rows || b->pool > *cols)
    CF_TRY(cf_fail(l->ctx, CF_ERR_INPUT, "%s: pooling by %zu after block %zu leaves nothing of %zu x %zu maps",
                   c->path ? c->path : "(released configuration)", b->pool, i, b->rows, b->cols));
  *rows /= b->pool;
  *cols /= b->pool;
done:
  return status;
}

static cf_status load_feedforward(const loader *l) {
  cf_status status = CF_OK;
  cf_fnn *f = l->fnn;
  const cf_fnn_config *c = l->config;
  const char *first = "core.feedforward.inputs.0.weights.0";
  size_t blocks = CF_MAX(count_names(l, "core.feedforward.inputs.", ".weights.0"), (size_t)1), in = 1;
  if (blocks > CF_FNN_BLOCKS)
    CF_TRY(cf_fail(l->ctx, CF_ERR_INPUT, "%s: more than %d blocks", cf_weights_file(l->weights, first), CF_FNN_BLOCKS));
  if (!c->path && blocks != c->blocks)
    CF_TRY(cf_fail(l->ctx, CF_ERR_INPUT,
                   "%s: has %zu blocks, the released network has 3; give the configuration of this one (+CONFIG.json)",
                   cf_weights_file(l->weights, first), blocks));
  CF_TRY(agree(l, "length of feedforward.block_pools", c->blocks, blocks));
  f->stride = c->stride;
  CF_TRY(CF_ALLOC(l->ctx, &f->block, blocks));
  f->blocks = blocks;
  for (size_t i = 0; i < blocks; i++) {
    CF_TRY(load_block(l, i, in, &f->rows, &f->cols));
    in = f->block[i].channels * (f->block[i].layers + 1);
  }
  const wanted out = {f->streams, in, 0, 1, 1, 1, GAIN | BIAS};
  CF_TRY(load_conv(l, "core.feedforward.out", &out, &f->out));
  CF_TRY(agree(l, "feedforward.out_channels", c->feedforward, f->out.out));
done:
  return status;
}

/* x: from the outputs of the other groups, from the feed-forward maps, from the modulation. */
static cf_status load_proj_x(const loader *l) {
  cf_status status;
  cf_fnn *f = l->fnn;
  const bool across = f->groups > 1;
  const char *const names[3] = {"core.recurrent.proj_x.0", "core.recurrent.proj_x.1", "core.recurrent.proj_x.2"};
  const wanted feed = {f->streams, f->out.out, 0, 1, 1, 1, GAIN | BIAS};
  CF_TRY(load_conv(l, names[across], &feed, &f->feed));
  f->common = f->feed.out;
  CF_TRY(agree(l, "recurrent.in_channels", l->config->common, f->common));
  if (f->common % f->groups)
    CF_TRY(cf_fail(l->ctx, CF_ERR_INPUT, "%s:%s.weights.0: %zu channels cannot be cut into %zu groups",
                   cf_weights_file(l->weights, names[across]), names[across], f->common, f->groups));
  const wanted modulate = {f->streams, f->memory, f->common, 1, 1, 1, GAIN};
  CF_TRY(load_conv(l, names[across + 1], &modulate, &f->modulate));
  if (across) CF_TRY(load_across(l, names[0], &f->across));
done:
  return status;
}

static cf_status load_attention(const loader *l) {
  cf_status status;
  cf_fnn *f = l->fnn;
  char full[256];
  const wanted conv = {f->streams, f->common + f->hidden, 0, f->groups, 1, 0, 0};
  CF_TRY(load_conv(l, "core.recurrent.conv", &conv, &f->conv));
  f->inner = f->conv.out;
  CF_TRY(agree(l, "recurrent.common_channels", l->config->inner, f->inner));
  const wanted proj = {f->streams, f->inner, f->inner, f->groups, 1, 1, 0};
  CF_TRY(load_conv(l, "core.recurrent.proj_q", &proj, &f->query));
  CF_TRY(load_conv(l, "core.recurrent.proj_k", &proj, &f->key));
  CF_TRY(load_conv(l, "core.recurrent.proj_v", &proj, &f->value));
  CF_TRY(CF_ALLOC(l->ctx, &f->scale, f->streams * f->inner));
  for (size_t s = 0; s < f->streams; s++) {
    const size_t shape[2] = {f->groups, f->inner / f->groups};
    const float *scale;
    snprintf(full, sizeof full, "core.recurrent.scales.%zu", s);
    CF_TRY(cf_weights_need(l->ctx, l->weights, full, 2, shape, &scale));
    memcpy(f->scale + s * f->inner, scale, f->inner * sizeof *scale);
  }
done:
  return status;
}

static cf_status load_recurrent(const loader *l) {
  cf_status status;
  cf_fnn *f = l->fnn;
  static const char *const gates[4] = {"core.recurrent.proj_i", "core.recurrent.proj_f", "core.recurrent.proj_g",
                                       "core.recurrent.proj_o"};
  f->attention = has(l, "core.recurrent.conv.weights.0");
  f->forgets = l->config->forgets;
  if (l->config->core && (l->config->core == 1) != f->attention)
    CF_TRY(cf_fail(l->ctx, CF_ERR_INPUT, "%s: recurrent.type is %s, but the tensors %s core.recurrent.conv",
                   l->config->path, l->config->core == 1 ? "CvtLstm" : "ConvLstm", f->attention ? "have" : "lack"));
  CF_TRY(axis_of(l, "core.recurrent.proj_i.weights.0", 5, 0, &f->hidden));
  CF_TRY(axis_of(l, "core.recurrent.proj_i.gains.0", 2, 0, &f->groups));
  CF_TRY(agree(l, "recurrent.hidden_channels", l->config->hidden, f->hidden));
  CF_TRY(agree(l, "recurrent.groups", l->config->heads, f->groups));
  if (f->hidden % f->groups)
    CF_TRY(cf_fail(l->ctx, CF_ERR_INPUT, "%s:core.recurrent.proj_i.gains.0: %zu channels cannot be cut into %zu groups",
                   cf_weights_file(l->weights, "core.recurrent.proj_i.gains.0"), f->hidden, f->groups));
  CF_TRY(load_proj_x(l));
  if (f->attention) CF_TRY(load_attention(l));
  for (size_t i = 0; i < 4; i++) {
    const wanted w = {
        f->streams, f->attention ? 2 * f->inner : f->common + f->hidden, f->hidden, f->groups, 1, f->attention ? 1 : 0,
        GAIN | BIAS};
    CF_TRY(load_conv(l, gates[i], &w, &f->lstm[i]));
  }
  const size_t side = f->attention ? f->conv.side : f->lstm[0].side;
  CF_TRY(agree(l, "recurrent.spatial", l->config->spatial, side));
  for (size_t i = 0; i < 4; i++)
    if (side % 2 == 0 || (!f->attention && f->lstm[i].side != side))
      CF_TRY(cf_fail(l->ctx, CF_ERR_INPUT, "%s: the recurrent kernels must have one odd side",
                     cf_weights_file(l->weights, "core.recurrent.proj_i.weights.0")));
  const wanted last = {f->streams, f->hidden, 0, 1, 1, 1, GAIN | BIAS};
  CF_TRY(load_conv(l, "core.recurrent.out", &last, &f->last));
  CF_TRY(agree(l, "recurrent.out_channels", l->config->last, f->last.out));
done:
  return status;
}

static cf_status load_readout(const loader *l) {
  cf_status status;
  cf_fnn *f = l->fnn;
  char full[256];
  const float *x;
  CF_TRY(axis_of(l, "readout.position.mu", 2, 0, &f->units));
  CF_TRY(agree(l, "units", l->config->units, f->units));
  const size_t place[2] = {f->units, 2}, feature[3] = {f->units, 1, f->last.out}, bias[2] = {f->units, 1};
  CF_TRY(cf_weights_need(l->ctx, l->weights, "readout.position.mu", 2, place, &x));
  CF_TRY(CF_ALLOC(l->ctx, &f->position, f->units * 2));
  for (size_t i = 0; i < 2 * f->units; i++) f->position[i] = (float)tanh((double)x[i]);
  CF_TRY(CF_ALLOC(l->ctx, &f->feature, f->streams * f->units * f->last.out));
  CF_TRY(CF_ALLOC(l->ctx, &f->offset, f->streams * f->units));
  for (size_t s = 0; s < f->streams; s++) {
    snprintf(full, sizeof full, "readout.feature.weights.%zu", s);
    CF_TRY(cf_weights_need(l->ctx, l->weights, full, 3, feature, &x));
    memcpy(f->feature + s * f->units * f->last.out, x, f->units * f->last.out * sizeof *x);
    snprintf(full, sizeof full, "readout.biases.%zu", s);
    CF_TRY(cf_weights_need(l->ctx, l->weights, full, 2, bias, &x));
    memcpy(f->offset + s * f->units, x, f->units * sizeof *x);
  }
done:
  return status;
}

cf_status cf_fnn_load(cf_context *ctx, const cf_weights *weights, const char *config, cf_fnn *fnn) {
  cf_status status;
  cf_fnn_config c;
  const loader l = {ctx, weights, &c, fnn};
  CF_TRY(cf_fnn_configure(ctx, config, &c));
  fnn->streams = CF_MAX(count_names(&l, "core.feedforward.inputs.0.weights.", ""), (size_t)1);
  CF_TRY(agree(&l, "streams", c.streams, fnn->streams));
  CF_TRY(load_perspective(&l));
  CF_TRY(load_modulation(&l));
  CF_TRY(load_feedforward(&l));
  CF_TRY(load_recurrent(&l));
  CF_TRY(load_readout(&l));
done:
  return status;
}
