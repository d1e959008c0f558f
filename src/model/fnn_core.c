/* The core of the FNN, plain: every map in double, channel by channel. */
#include "model/fnn_core.h"

#include <math.h>
#include <string.h>

struct cf_fnn_core {
  const cf_fnn *fnn;
  size_t clips;
  double **past; /* [clip, stream, conv of all blocks]: the last time - 1 inputs, oldest first */
  double **c, **h, **out;
};

typedef struct map {
  size_t channels, rows, cols;
  double *x;
} map;

static cf_status new_map(cf_context *ctx, size_t channels, size_t rows, size_t cols, map *out) {
  *out = (map){channels, rows, cols, NULL};
  return CF_SCRATCH(ctx, &out->x, channels * rows * cols);
}

/* y = conv of `time` maps, oldest first, of stream s. */
static void convolve(const cf_fnn_conv *c, size_t s, const map *x, size_t stride, size_t pad, bool replicate, map *y) {
  const size_t each = c->in / c->groups, per = c->out / c->groups;
  for (size_t o = 0; o < c->out; o++)
    for (size_t i = 0; i < y->rows; i++)
      for (size_t j = 0; j < y->cols; j++) {
        double sum = c->bias ? (double)c->bias[s * c->out + o] : 0;
        const float *w = c->weight + (s * c->out + o) * each * c->time * c->side * c->side;
        for (size_t k = 0; k < each; k++)
          for (size_t t = 0; t < c->time; t++)
            for (size_t a = 0; a < c->side; a++)
              for (size_t b = 0; b < c->side; b++, w++) {
                ptrdiff_t u = (ptrdiff_t)(i * stride + a) - (ptrdiff_t)pad,
                          v = (ptrdiff_t)(j * stride + b) - (ptrdiff_t)pad;
                const ptrdiff_t rows = (ptrdiff_t)x->rows, cols = (ptrdiff_t)x->cols;
                if (replicate) {
                  u = u < 0 ? 0 : u >= rows ? rows - 1 : u;
                  v = v < 0 ? 0 : v >= cols ? cols - 1 : v;
                }
                if (u < 0 || v < 0 || u >= rows || v >= cols) continue;
                sum += (double)*w * x[t].x[((o / per * each + k) * x->rows + (size_t)u) * x->cols + (size_t)v];
              }
        y->x[(o * y->rows + i) * y->cols + j] = sum;
      }
}

static void save(const cf_fnn_taps *taps, size_t layer, size_t clip, size_t s, const map *m) {
  float *to = cf_fnn_tap(taps, layer, clip);
  const size_t n = m->channels * m->rows * m->cols;
  for (size_t i = 0; to && i < n; i++) to[s * n + i] = (float)m->x[i];
}

/* Group by group: the maps of a, of b, ... */
static cf_status join(cf_context *ctx, size_t groups, size_t n, const map *part, map *out) {
  size_t channels = 0;
  for (size_t i = 0; i < n; i++) channels += part[i].channels;
  cf_status status = new_map(ctx, channels, part->rows, part->cols, out);
  if (status != CF_OK) return status;
  double *to = out->x;
  for (size_t g = 0; g < groups; g++)
    for (size_t i = 0; i < n; i++) {
      const size_t each = part[i].channels / groups * part->rows * part->cols;
      memcpy(to, part[i].x + g * each, each * sizeof *to);
      to += each;
    }
  return CF_OK;
}

static cf_status run_conv(cf_context *ctx, const cf_fnn_conv *c, size_t s, const map *x, map *y) {
  cf_status status = new_map(ctx, c->out, x->rows, x->cols, y);
  if (status == CF_OK) convolve(c, s, x, 1, c->side / 2, false, y);
  return status;
}

static cf_status temporal(cf_context *ctx, double *past, const cf_fnn_conv *c, size_t s, const map *now, map *y) {
  cf_status status;
  map *x;
  const size_t n = now->channels * now->rows * now->cols;
  CF_TRY(CF_SCRATCH(ctx, &x, c->time));
  for (size_t t = 0; t < c->time; t++) x[t] = *now;
  for (size_t t = 0; t + 1 < c->time; t++) x[t].x = past + t * n;
  CF_TRY(run_conv(ctx, c, s, x, y));
  if (c->time > 1) {
    memmove(past, past + n, (c->time - 2) * n * sizeof *past);
    memcpy(past + (c->time - 2) * n, now->x, n * sizeof *past);
  }
done:
  return status;
}

static cf_status block(cf_context *ctx, const cf_fnn_block *b, size_t s, size_t clip, double **past,
                       const cf_fnn_taps *taps, const map *x0, map *out) {
  cf_status status;
  map *x, *y, all, skip;
  const size_t n = b->channels * b->rows * b->cols;
  CF_TRY(CF_SCRATCH(ctx, &x, b->layers + 1));
  CF_TRY(CF_SCRATCH(ctx, &y, b->layers + 1));
  x[0] = *x0;
  for (size_t l = 0; l < b->layers; l++) {
    CF_TRY(new_map(ctx, b->channels, b->rows, b->cols, &y[l]));
    for (size_t i = 0; i < n; i++) y[l].x[i] = CF_FNN_GELU * x[l].x[i] * 0.5 * erfc(-x[l].x[i] * sqrt(0.5));
    CF_TRY(temporal(ctx, past[l], &b->conv[l], s, &y[l], &x[l + 1]));
    save(taps, b->conv_layer[l], clip, s, &x[l + 1]);
    if (l == 0) continue;
    CF_TRY(join(ctx, b->groups, l, y, &all));
    CF_TRY(run_conv(ctx, &b->skip[l], s, &all, &skip));
    save(taps, b->skip_layer[l], clip, s, &skip);
    for (size_t i = 0; i < n; i++) x[l + 1].x[i] += skip.x[i];
  }
  CF_TRY(join(ctx, b->groups, b->layers + 1, x, &all));
  CF_TRY(new_map(ctx, all.channels, b->rows / b->pool, b->cols / b->pool, out));
  for (size_t c = 0; c < all.channels; c++)
    for (size_t i = 0; i < out->rows; i++)
      for (size_t j = 0; j < out->cols; j++) {
        double sum = 0;
        for (size_t k = 0; k < b->pool * b->pool; k++)
          sum += all.x[(c * b->rows + i * b->pool + k / b->pool) * b->cols + j * b->pool + k % b->pool];
        out->x[(c * out->rows + i) * out->cols + j] = sum / (double)(b->pool * b->pool);
      }
  save(taps, b->block_layer, clip, s, out);
done:
  return status;
}

/* a: softmax over positions of the normalised products, head by head. */
static cf_status attend(cf_context *ctx, const cf_fnn *f, size_t s, const map *q, const map *k, const map *v, map *a) {
  cf_status status;
  const size_t p = q->rows * q->cols, each = f->inner / f->groups;
  double *w, *nq, *nk;
  CF_TRY(new_map(ctx, f->inner, q->rows, q->cols, a));
  CF_TRY(CF_SCRATCH(ctx, &w, p));
  CF_TRY(CF_SCRATCH(ctx, &nq, p));
  CF_TRY(CF_SCRATCH(ctx, &nk, p));
  for (size_t g = 0; g < f->groups; g++) {
    const double *qg = q->x + g * each * p, *kg = k->x + g * each * p, *vg = v->x + g * each * p;
    for (size_t i = 0; i < p; i++) {
      nq[i] = nk[i] = 0;
      for (size_t c = 0; c < each; c++) {
        nq[i] += qg[c * p + i] * qg[c * p + i];
        nk[i] += kg[c * p + i] * kg[c * p + i];
      }
      nq[i] = nq[i] > 0 ? 1 / sqrt(nq[i]) : 0;
      nk[i] = nk[i] > 0 ? 1 / sqrt(nk[i]) : 0;
    }
    for (size_t i = 0; i < p; i++) {
      double top = -INFINITY, sum = 0;
      for (size_t j = 0; j < p; j++) {
        w[j] = 0;
        for (size_t c = 0; c < each; c++)
          w[j] += qg[c * p + i] * nq[i] * (double)f->scale[s * f->inner + g * each + c] * kg[c * p + j] * nk[j];
        top = fmax(top, w[j]);
      }
      for (size_t j = 0; j < p; j++) sum += w[j] = exp(w[j] - top);
      for (size_t c = 0; c < each; c++) {
        double value = 0;
        for (size_t j = 0; j < p; j++) value += w[j] * vg[c * p + j];
        a->x[(g * each + c) * p + i] = value / sum;
      }
    }
  }
done:
  return status;
}

static double sigmoid(double x) {
  return 1 / (1 + exp(-x));
}

static cf_status recur(cf_context *ctx, cf_fnn_core *core, const cf_fnn_taps *taps, size_t clip, size_t s,
                       const map *feed, const float *m) {
  cf_status status;
  const cf_fnn *f = core->fnn;
  const size_t p = f->rows * f->cols, at = clip * f->streams + s;
  map h = {f->hidden, f->rows, f->cols, core->h[at]}, c = {f->hidden, f->rows, f->cols, core->c[at]}, x, y, xh, z, q, k,
      v, a, gate[4], out;
  CF_TRY(run_conv(ctx, &f->feed, s, feed, &x));
  if (f->groups > 1) {
    CF_TRY(run_conv(ctx, &f->across, s, &h, &y));
    for (size_t i = 0; i < f->common * p; i++) x.x[i] += y.x[i];
  }
  for (size_t o = 0; o < f->common; o++) {
    double sum = 0;
    for (size_t i = 0; i < f->memory; i++)
      sum += (double)f->modulate.weight[(s * f->common + o) * f->memory + i] * (double)m[i];
    for (size_t i = 0; i < p; i++) x.x[o * p + i] += sum;
  }
  save(taps, f->layer[CF_FNN_PROJ_X], clip, s, &x);
  for (size_t i = 0; i < f->common * p; i++) x.x[i] = tanh(x.x[i]);
  const map pair[2] = {x, h};
  CF_TRY(join(ctx, f->groups, 2, pair, &xh));
  z = xh;
  if (f->attention) {
    CF_TRY(run_conv(ctx, &f->conv, s, &xh, &y));
    save(taps, f->layer[CF_FNN_CONV], clip, s, &y);
    CF_TRY(run_conv(ctx, &f->query, s, &y, &q));
    CF_TRY(run_conv(ctx, &f->key, s, &y, &k));
    CF_TRY(run_conv(ctx, &f->value, s, &y, &v));
    save(taps, f->layer[CF_FNN_PROJ_Q], clip, s, &q);
    save(taps, f->layer[CF_FNN_PROJ_K], clip, s, &k);
    save(taps, f->layer[CF_FNN_PROJ_V], clip, s, &v);
    CF_TRY(attend(ctx, f, s, &q, &k, &v, &a));
    save(taps, f->layer[CF_FNN_ATTENTION], clip, s, &a);
    const map both[2] = {y, a};
    CF_TRY(join(ctx, f->groups, 2, both, &z));
  }
  for (size_t i = 0; i < 4; i++) {
    CF_TRY(run_conv(ctx, &f->lstm[i], s, &z, &gate[i]));
    save(taps, f->layer[CF_FNN_PROJ_I + i], clip, s, &gate[i]);
  }
  for (size_t i = 0; i < f->hidden * p; i++) {
    c.x[i] = sigmoid(gate[1].x[i]) * c.x[i] + sigmoid(gate[0].x[i]) * tanh(gate[2].x[i]);
    h.x[i] = sigmoid(gate[3].x[i]) * tanh(c.x[i]);
  }
  save(taps, f->layer[CF_FNN_C], clip, s, &c);
  save(taps, f->layer[CF_FNN_H], clip, s, &h);
  CF_TRY(run_conv(ctx, &f->last, s, &h, &out));
  save(taps, f->layer[CF_FNN_OUT], clip, s, &out);
  memcpy(core->out[at], out.x, f->last.out * p * sizeof *out.x);
done:
  return status;
}

static cf_status step(cf_context *ctx, cf_fnn_core *core, const cf_fnn_taps *taps, size_t clip, size_t s,
                      const float *retina, const float *m) {
  cf_status status;
  const cf_fnn *f = core->fnn;
  double **past = core->past + (clip * f->streams + s) * CF_FNN_BLOCKS * 8;
  map x, y;
  CF_TRY(new_map(ctx, 1, f->height, f->width, &x));
  for (size_t i = 0; i < f->height * f->width; i++) x.x[i] = (double)retina[i];
  for (size_t i = 0; i < f->blocks; i++) {
    const cf_fnn_block *b = &f->block[i];
    CF_TRY(new_map(ctx, b->channels, b->rows, b->cols, &y));
    convolve(&b->input, s, &x, i ? 1 : f->stride, i ? 0 : f->pad, true, &y);
    save(taps, b->input_layer, clip, s, &y);
    CF_TRY(block(ctx, b, s, clip, past + i * 8, taps, &y, &x));
  }
  CF_TRY(run_conv(ctx, &f->out, s, &x, &y));
  save(taps, f->layer[CF_FNN_FEEDFORWARD], clip, s, &y);
  if (m) CF_TRY(recur(ctx, core, taps, clip, s, &y, m));
done:
  return status;
}

typedef struct job {
  cf_fnn_core *core;
  const cf_fnn_taps *taps;
  const float *retina, *modulation;
} job;

static cf_status task(cf_context *worker, size_t i, void *payload) {
  const job *j = payload;
  const cf_fnn *f = j->core->fnn;
  const size_t clip = i / f->streams;
  return step(worker, j->core, j->taps, clip, i % f->streams, j->retina + clip * f->height * f->width,
              j->modulation ? j->modulation + i * f->memory : NULL);
}

cf_status cf_fnn_core_step(cf_context *ctx, cf_fnn_core *core, const cf_fnn_taps *taps, const float *retina,
                           const float *modulation) {
  job j = {core, taps, retina, modulation};
  return cf_parallel_for(ctx, core->clips * core->fnn->streams, task, &j);
}

cf_status cf_fnn_core_new(cf_context *ctx, const cf_fnn *f, size_t clips, cf_fnn_core **out) {
  cf_status status;
  cf_fnn_core *core = NULL;
  *out = NULL;
  CF_TRY(CF_ALLOC(ctx, &core, 1));
  *out = core;
  core->fnn = f;
  core->clips = clips;
  const size_t n = clips * f->streams, p = f->rows * f->cols;
  CF_TRY(CF_ALLOC(ctx, &core->past, n * CF_FNN_BLOCKS * 8));
  CF_TRY(CF_ALLOC(ctx, &core->c, n));
  CF_TRY(CF_ALLOC(ctx, &core->h, n));
  CF_TRY(CF_ALLOC(ctx, &core->out, n));
  for (size_t i = 0; i < n; i++) {
    for (size_t b = 0; b < f->blocks; b++)
      for (size_t l = 0; l < f->block[b].layers; l++)
        CF_TRY(CF_ALLOC(ctx, &core->past[(i * CF_FNN_BLOCKS + b) * 8 + l],
                        f->block[b].channels * f->block[b].rows * f->block[b].cols * f->block[b].conv[l].time));
    CF_TRY(CF_ALLOC(ctx, &core->c[i], f->hidden * p));
    CF_TRY(CF_ALLOC(ctx, &core->h[i], f->hidden * p));
    CF_TRY(CF_ALLOC(ctx, &core->out[i], f->last.out * p));
  }
done:
  return status;
}

void cf_fnn_core_free(cf_fnn_core *core) {
  if (!core) return;
  const size_t n = core->clips * core->fnn->streams;
  for (size_t i = 0; core->past && i < n * CF_FNN_BLOCKS * 8; i++) cf_free(core->past[i]);
  for (size_t i = 0; i < n; i++) {
    if (core->c) cf_free(core->c[i]);
    if (core->h) cf_free(core->h[i]);
    if (core->out) cf_free(core->out[i]);
  }
  cf_free(core->past);
  cf_free(core->c);
  cf_free(core->h);
  cf_free(core->out);
  cf_free(core);
}

void cf_fnn_core_point(const cf_fnn_core *core, size_t clip, size_t s, double x, double y, float *out) {
  const cf_fnn *f = core->fnn;
  const double *from = core->out[clip * f->streams + s], w = (double)f->cols, h = (double)f->rows;
  x = fmin(fmax(((x + 1) * w - 1) / 2, 0), w - 1);
  y = fmin(fmax(((y + 1) * h - 1) / 2, 0), h - 1);
  const size_t x0 = (size_t)x, y0 = (size_t)y, x1 = CF_MIN(x0 + 1, f->cols - 1), y1 = CF_MIN(y0 + 1, f->rows - 1);
  const double a = x - (double)x0, b = y - (double)y0;
  for (size_t c = 0; c < f->last.out; c++, from += f->rows * f->cols)
    out[c] = (float)((1 - b) * ((1 - a) * from[y0 * f->cols + x0] + a * from[y0 * f->cols + x1]) +
                     b * ((1 - a) * from[y1 * f->cols + x0] + a * from[y1 * f->cols + x1]));
}
