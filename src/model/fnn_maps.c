/* The layers of the FNN on maps with channels as lanes: 1 x 1 products, 3 x 3 convolutions by Winograd's F(4 x 4, 3 x
 * 3) (Lavin & Gray 2016), kernels of other sizes directly, pooling.
 *
 * Winograd: V = B' d B of every 6 x 6 patch of every input (of all times), M = sum over inputs of V U at each of 36
 * frequencies, out = A' M A: a quarter of the products of the direct sum, one way back for all times. Strips of 24
 * tiles or one row of tiles keep V, M and the weights of a frequency in the nearest caches. Times before the current
 * one are transformed anew: 7 % more work for less than half of the state. */
#include "model/fnn_maps.h"

#include <string.h>

enum { PIXELS = 48, TILES = 24, OFFSET = 16, SIDE = 32 };

/* -------------------------------------------------------------------- saving -- */

void cf_fnn_save_group(const cf_fnn_step *step, size_t layer, size_t clip, size_t groups, size_t group, size_t first,
                       size_t of, size_t count, size_t each, size_t pixels, const float *x) {
  float *to = cf_fnn_tap(step->taps, layer, clip);
  if (!to) return;
  to += ((step->stream * groups + group) * of + first) * pixels;
  for (size_t from = 0; from < pixels; from += SIDE) { /* some pixels at a time stay in the nearest cache */
    const size_t end = CF_MIN(from + SIDE, pixels);
    for (size_t c = 0; c < count; c++)
      for (size_t p = from; p < end; p++) to[c * pixels + p] = x[p * each + c];
  }
}

void cf_fnn_save(const cf_fnn_step *step, size_t layer, const cf_fnn_map *m) {
  if (!cf_fnn_tap(step->taps, layer, 0)) return;
  for (size_t clip = 0; clip < step->clips; clip++)
    for (size_t g = 0; g < m->groups; g++)
      cf_fnn_save_group(step, layer, clip, m->groups, g, 0, m->count, m->count, m->each, m->rows * m->cols,
                        cf_fnn_map_at(m, clip, g));
}

/* ------------------------------------------------------------------ 1 x 1 -- */

typedef struct dense_job {
  const cf_fnn_step *step;
  const cf_fnn_packed *w;
  const cf_fnn_input *in;
  const cf_fnn_map *out, *y;
} dense_job;

static cf_status dense_task(cf_context *worker, size_t task, void *payload) {
  cf_status status;
  const dense_job *j = payload;
  const cf_fnn_packed *w = j->w;
  const cf_lanes *lanes = j->step->lanes;
  const size_t all = j->out->rows * j->out->cols, pieces = (all + PIXELS - 1) / PIXELS, clip = task / pieces;
  const size_t from = task % pieces * PIXELS, n = CF_MIN((size_t)PIXELS, all - from);
  cf_segment *segment;
  CF_TRY(CF_SCRATCH(worker, &segment, w->terms));
  for (size_t g = 0; g < w->groups; g++) {
    size_t segments = 0;
    for (size_t t = 0; t < w->terms; t++) {
      const cf_fnn_map *m = j->in[t].map;
      if (j->in[t].skip == g) continue;
      const float *a = cf_fnn_map_at(m, clip, j->in[t].group == SIZE_MAX ? g : j->in[t].group);
      segment[segments++] = (cf_segment){a + from * m->each, m->each, m->each};
    }
    const float *weights = cf_fnn_weights(w, j->step->stream, g), *bias = cf_fnn_bias(w, j->step->stream, g);
    float *out = cf_fnn_map_at(j->out, clip, g) + from * w->each;
    for (size_t o = 0; o < w->each; o += CF_PANEL)
      lanes->product(n, segments, segment, weights + o * w->depth, CF_MIN((size_t)CF_PANEL, w->each - o), bias + o,
                     out + o, w->each);
    if (j->y) lanes->finish(n * w->each, out, NULL, cf_fnn_map_at(j->y, clip, g) + from * w->each, (float)CF_FNN_GELU);
  }
done:
  return status;
}

cf_status cf_fnn_dense(cf_context *ctx, const cf_fnn_step *step, const cf_fnn_packed *w, const cf_fnn_input *in,
                       const cf_fnn_map *out, const cf_fnn_map *y) {
  dense_job j = {step, w, in, out, y};
  return cf_parallel_for(ctx, step->clips * ((out->rows * out->cols + PIXELS - 1) / PIXELS), dense_task, &j);
}

/* ------------------------------------------------------- Winograd, one group -- */

typedef struct patch {
  size_t rows, cols, each;
  const float *x, *zero;
} patch;

/* The 36 pixels of a tile whose first output is at (i, j). */
static void pixels_of(const patch *p, size_t i, size_t j, const float **pixel) {
  for (size_t a = 0; a < 6; a++)
    for (size_t b = 0; b < 6; b++) { /* one row and column of the border lie before the output: off by one */
      const bool inside = i + a >= 1 && i + a <= p->rows && j + b >= 1 && j + b <= p->cols;
      pixel[6 * a + b] = inside ? p->x + ((i + a - 1) * p->cols + j + b - 1) * p->each : p->zero;
    }
}

typedef struct strip {
  const cf_lanes *lanes;
  const cf_fnn_packed *w;
  const float *weights, *bias;
  const float *const *in;
  const size_t *each;
  size_t rows, cols, across; /* tiles in a row */
  float *v, *m, *zero, *out;
} strip;

static void tiles_in(const strip *s, size_t first, size_t tiles) {
  const float *pixel[36];
  const size_t step = tiles * s->w->depth + OFFSET;
  for (size_t t = 0; t < tiles; t++) {
    float *v = s->v + t * s->w->depth;
    const size_t i = (first + t) / s->across * 4, j = (first + t) % s->across * 4;
    for (size_t k = 0; k < s->w->terms; k++) {
      const patch p = {s->rows, s->cols, s->each[k], s->in[k], s->zero};
      pixels_of(&p, i, j, pixel);
      s->lanes->tile_in(p.each, pixel, v, step);
      v += p.each;
    }
  }
}

static void tiles_out(const strip *s, size_t first, size_t tiles) {
  float *pixel[16];
  const size_t each = s->w->each, step = tiles * each + OFFSET;
  for (size_t t = 0; t < tiles; t++) {
    const size_t i = (first + t) / s->across * 4, j = (first + t) % s->across * 4;
    for (size_t k = 0; k < 16; k++) {
      const size_t a = i + k / 4, b = j + k % 4;
      pixel[k] = a < s->rows && b < s->cols ? s->out + (a * s->cols + b) * each : NULL;
    }
    s->lanes->tile_out(each, s->m + t * each, step, s->bias, pixel);
  }
}

static void winograd(const strip *s, size_t first, size_t tiles) {
  const cf_fnn_packed *w = s->w;
  tiles_in(s, first, tiles);
  for (size_t f = 0; f < 36; f++) {
    const cf_segment segment = {s->v + f * (tiles * w->depth + OFFSET), w->depth, w->depth};
    for (size_t o = 0; o < w->each; o += CF_PANEL)
      s->lanes->product(tiles, 1, &segment, s->weights + (f * w->each + o) * w->depth,
                        CF_MIN((size_t)CF_PANEL, w->each - o), NULL, s->m + f * (tiles * w->each + OFFSET) + o,
                        w->each);
  }
  tiles_out(s, first, tiles);
}

/* --------------------------------------------------------- directly, one group -- */

/* Rows of the map with its border of zeros, all terms of one row after the other. */
static cf_status direct(cf_context *ctx, const strip *s, size_t from, size_t to) {
  cf_status status;
  const cf_fnn_packed *w = s->w;
  const size_t pad = w->side / 2, wide = s->cols + 2 * pad, high = to - from + 2 * pad;
  cf_segment *segment;
  float *copy;
  size_t total = 0, *start;
  CF_TRY(CF_SCRATCH(ctx, &segment, w->taps * w->terms));
  CF_TRY(CF_SCRATCH(ctx, &start, w->terms));
  for (size_t k = 0; k < w->terms; k++) {
    start[k] = total;
    total += high * wide * s->each[k];
  }
  CF_TRY(CF_SCRATCH(ctx, &copy, total));
  memset(copy, 0, total * sizeof *copy);
  for (size_t k = 0; k < w->terms; k++)
    for (size_t i = 0; i < high; i++) {
      const size_t row = from + i; /* counted with the border */
      if (row < pad || row >= s->rows + pad) continue;
      memcpy(copy + start[k] + (i * wide + pad) * s->each[k], s->in[k] + (row - pad) * s->cols * s->each[k],
             s->cols * s->each[k] * sizeof *copy);
    }
  for (size_t i = from; i < to; i++) {
    for (size_t tap = 0; tap < w->taps; tap++)
      for (size_t k = 0; k < w->terms; k++)
        segment[tap * w->terms + k] = (cf_segment){
            copy + start[k] + ((i - from + tap / w->side) * wide + tap % w->side) * s->each[k], s->each[k], s->each[k]};
    for (size_t o = 0; o < w->each; o += CF_PANEL)
      s->lanes->product(s->cols, w->taps * w->terms, segment, s->weights + o * w->depth * w->taps,
                        CF_MIN((size_t)CF_PANEL, w->each - o), s->bias + o, s->out + i * s->cols * w->each + o,
                        w->each);
  }
done:
  return status;
}

cf_status cf_fnn_convolve_group(cf_context *ctx, const cf_lanes *lanes, const cf_fnn_packed *w, const float *weights,
                                const float *bias, const float *const *in, const size_t *each, size_t rows, size_t cols,
                                size_t from, size_t to, float *out) {
  cf_status status;
  const cf_mark mark = cf_scratch_mark(ctx);
  strip s = {lanes, w, weights, bias, in, each, rows, cols, (cols + 3) / 4, NULL, NULL, NULL, out};
  to = CF_MIN(to, (rows + 3) / 4);
  if (!cf_fnn_winograd(w)) {
    CF_TRY(direct(ctx, &s, 4 * from, CF_MIN(4 * to, rows)));
    goto done;
  }
  size_t widest = 0;
  for (size_t k = 0; k < w->terms; k++) widest = CF_MAX(widest, each[k]);
  const size_t at_once = CF_MAX(TILES / s.across, (size_t)1);
  CF_TRY(CF_SCRATCH(ctx, &s.v, 36 * (at_once * s.across * w->depth + OFFSET)));
  CF_TRY(CF_SCRATCH(ctx, &s.m, 36 * (at_once * s.across * w->each + OFFSET)));
  CF_TRY(CF_SCRATCH(ctx, &s.zero, widest));
  memset(s.zero, 0, widest * sizeof *s.zero);
  for (size_t row = from; row < to; row += at_once) winograd(&s, row * s.across, CF_MIN(at_once, to - row) * s.across);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------ whole maps -- */

typedef struct conv_job {
  const cf_fnn_step *step;
  const cf_fnn_packed *w;
  const cf_fnn_input *in;
  const cf_fnn_map *out, *more, *y;
  size_t tall, strips; /* rows of tiles in a strip, strips */
  bool finish;
} conv_job;

static void finish_rows(const conv_job *j, size_t clip, size_t g, size_t from, size_t to) {
  const size_t row = j->out->cols * j->out->each, n = (to - from) * row;
  float *y = j->y ? cf_fnn_map_at(j->y, clip, g) + from * row : NULL;
  const float *more = j->more ? cf_fnn_map_at(j->more, clip, g) + from * row : NULL;
  if (y || more) j->step->lanes->finish(n, cf_fnn_map_at(j->out, clip, g) + from * row, more, y, (float)CF_FNN_GELU);
}

static cf_status conv_task(cf_context *worker, size_t task, void *payload) {
  cf_status status;
  const conv_job *j = payload;
  const cf_fnn_packed *w = j->w;
  const size_t g = task / (j->step->clips * j->strips), clip = task / j->strips % j->step->clips;
  const size_t from = task % j->strips * j->tall, to = from + j->tall;
  const float **in;
  size_t *each;
  CF_TRY(CF_SCRATCH(worker, &in, w->terms));
  CF_TRY(CF_SCRATCH(worker, &each, w->terms));
  for (size_t t = 0; t < w->terms; t++) {
    in[t] = cf_fnn_map_at(j->in[t].map, clip, g);
    each[t] = j->in[t].map->each;
  }
  CF_TRY(cf_fnn_convolve_group(worker, j->step->lanes, w, cf_fnn_weights(w, j->step->stream, g),
                               cf_fnn_bias(w, j->step->stream, g), in, each, j->out->rows, j->out->cols, from, to,
                               cf_fnn_map_at(j->out, clip, g)));
  if (j->finish) finish_rows(j, clip, g, CF_MIN(4 * from, j->out->rows), CF_MIN(4 * to, j->out->rows));
done:
  return status;
}

cf_status cf_fnn_convolve(cf_context *ctx, const cf_fnn_step *step, const cf_fnn_packed *w, const cf_fnn_input *in,
                          const cf_fnn_map *out, size_t layer, const cf_fnn_map *more, const cf_fnn_map *y) {
  cf_status status;
  const size_t tiles = (out->rows + 3) / 4, tall = CF_MAX(TILES / ((out->cols + 3) / 4), (size_t)1);
  const bool wanted = cf_fnn_tap(step->taps, layer, 0) != NULL;
  conv_job j = {step, w, in, out, more, y, tall, (tiles + tall - 1) / tall, !wanted};
  CF_TRY(cf_parallel_for(ctx, w->groups * step->clips * j.strips, conv_task, &j));
  if (!wanted) goto done;
  cf_fnn_save(step, layer, out);
  for (size_t i = 0; i < step->clips * w->groups; i++) finish_rows(&j, i / w->groups, i % w->groups, 0, out->rows);
done:
  return status;
}

/* -------------------------------------------------------------------- pooling -- */

typedef struct pool_job {
  const cf_fnn_step *step;
  const cf_fnn_map *in, *out;
  size_t p;
} pool_job;

static cf_status pool_task(cf_context *worker, size_t task, void *payload) {
  cf_status status;
  const pool_job *j = payload;
  const cf_fnn_map *in = j->in;
  const size_t p = j->p;
  const float **x, *from = cf_fnn_map_at(in, task / in->groups, task % in->groups);
  float *to = cf_fnn_map_at(j->out, task / in->groups, task % in->groups);
  CF_TRY(CF_SCRATCH(worker, &x, p * p));
  for (size_t i = 0; i < j->out->rows * j->out->cols; i++) {
    const size_t row = i / j->out->cols * p, col = i % j->out->cols * p;
    for (size_t k = 0; k < p * p; k++) x[k] = from + ((row + k / p) * in->cols + col + k % p) * in->each;
    j->step->lanes->mean(in->each, p * p, x, 1 / (float)(p * p), to + i * in->each);
  }
done:
  return status;
}

cf_status cf_fnn_pool(cf_context *ctx, const cf_fnn_step *step, const cf_fnn_map *in, size_t p, const cf_fnn_map *out) {
  pool_job j = {step, in, out, p};
  return cf_parallel_for(ctx, step->clips * in->groups, pool_task, &j);
}
