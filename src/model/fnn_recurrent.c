/* The recurrent part of the FNN for one stream: x = tanh(other groups' h + P f + b + Q m), then group by group
 *
 *   CvT-LSTM:  z = conv [x, h];  a = softmax((s q / |q|) . k / |k|) v over all positions;  gates from [z, a]
 *   Conv-LSTM: gates = convolutions of [x, h]
 *   c = s(f) c + s(i) tanh(g);  h = s(o) tanh(c)
 *
 * and out = 1 x 1 of h. What a group needs stays within one task: its maps fit the second cache. Queries go through the
 * attention in blocks, so that no matrix of positions x positions is kept. */
#include "model/fnn_maps.h"

#include <string.h>

enum { QUERIES = 24 };

typedef struct recur_job {
  const cf_fnn_step *step;
  const cf_fnn_map *x, *c, *h;
} recur_job;

/* Positions rounded up to whole lanes. */
static size_t padded(size_t n) {
  return cf_fnn_padded(n);
}

/* Of one group: 1 x 1 product of up to two inputs. */
static void project(const cf_fnn_step *step, const cf_fnn_packed *w, size_t g, size_t pixels, const float *a,
                    size_t each, const float *b, float *out) {
  const cf_segment segment[2] = {{a, each, each}, {b, each, each}};
  const float *weights = cf_fnn_weights(w, step->stream, g), *bias = cf_fnn_bias(w, step->stream, g);
  for (size_t o = 0; o < w->each; o += CF_PANEL)
    step->lanes->product(pixels, b ? 2 : 1, segment, weights + o * w->depth, CF_MIN((size_t)CF_PANEL, w->each - o),
                         bias + o, out + o, w->each);
}

/* Keys (positions, each) to panels of 32 positions, channel by channel: what a product takes as weights. */
static void turn_keys(size_t n, size_t each, const float *k, float *out) {
  const size_t all = padded(n);
  for (size_t from = 0; from < all; from += CF_PANEL) {
    const size_t width = CF_MIN((size_t)CF_PANEL, all - from);
    for (size_t c = 0; c < each; c++)
      for (size_t p = 0; p < width; p++) out[c * width + p] = from + p < n ? k[(from + p) * each + c] : 0;
    out += each * width;
  }
}

/* Values (positions, each) to panels of 32 channels, zero rows behind the last position. */
static void turn_values(size_t n, size_t each, const float *v, float *out) {
  const size_t all = padded(n);
  for (size_t from = 0; from < each; from += CF_PANEL) {
    const size_t width = CF_MIN((size_t)CF_PANEL, each - from);
    for (size_t p = 0; p < all; p++) {
      if (p < n) {
        memcpy(out, v + p * each + from, width * sizeof *out);
      } else {
        memset(out, 0, width * sizeof *out);
      }
      out += width;
    }
  }
}

/* a = softmax(q k') v: queries and keys normalised. */
static cf_status attend(cf_context *ctx, const cf_lanes *lanes, size_t n, size_t each, const float *q, const float *k,
                        const float *v, float *a) {
  cf_status status;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t all = padded(n);
  float *keys, *values, *weight;
  CF_TRY(CF_SCRATCH(ctx, &keys, all * each));
  CF_TRY(CF_SCRATCH(ctx, &values, all * each));
  CF_TRY(CF_SCRATCH(ctx, &weight, QUERIES * all));
  turn_keys(n, each, k, keys);
  turn_values(n, each, v, values);
  for (size_t from = 0; from < n; from += QUERIES) {
    const size_t rows = CF_MIN((size_t)QUERIES, n - from);
    const cf_segment query = {q + from * each, each, each}, mixed = {weight, all, all};
    float factor[QUERIES];
    for (size_t p = 0; p < all; p += CF_PANEL)
      lanes->product(rows, 1, &query, keys + p * each, CF_MIN((size_t)CF_PANEL, all - p), NULL, weight + p, all);
    for (size_t r = 0; r < rows; r++) factor[r] = lanes->softmax(n, all, weight + r * all);
    for (size_t c = 0; c < each; c += CF_PANEL)
      lanes->product(rows, 1, &mixed, values + c * all, CF_MIN((size_t)CF_PANEL, each - c), NULL, a + from * each + c,
                     each);
    for (size_t r = 0; r < rows; r++) lanes->scale(each, factor[r], a + (from + r) * each);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* z and a of one group, in scratch. */
static cf_status attention_part(cf_context *ctx, const recur_job *j, size_t clip, size_t g, const float *const *xh,
                                const size_t *sides, float **z, float **a) {
  cf_status status;
  const cf_fnn_step *step = j->step;
  const cf_fnn *f = step->fnn;
  const cf_fnn_plan *plan = f->plan;
  const size_t pixels = f->rows * f->cols, count = f->inner / f->groups, each = padded(count), n = pixels * each;
  float *q, *k, *v;
  CF_TRY(CF_SCRATCH(ctx, z, n));
  CF_TRY(CF_SCRATCH(ctx, a, n));
  CF_TRY(CF_SCRATCH(ctx, &q, n));
  CF_TRY(CF_SCRATCH(ctx, &k, n));
  CF_TRY(CF_SCRATCH(ctx, &v, n));
  CF_TRY(cf_fnn_convolve_group(ctx, step->lanes, &plan->conv, cf_fnn_weights(&plan->conv, step->stream, g),
                               cf_fnn_bias(&plan->conv, step->stream, g), xh, sides, f->rows, f->cols, 0, SIZE_MAX,
                               *z));
  project(step, &plan->query, g, pixels, *z, each, NULL, q);
  project(step, &plan->key, g, pixels, *z, each, NULL, k);
  project(step, &plan->value, g, pixels, *z, each, NULL, v);
  cf_fnn_save_group(step, f->layer[CF_FNN_CONV], clip, f->groups, g, 0, count, count, each, pixels, *z);
  cf_fnn_save_group(step, f->layer[CF_FNN_PROJ_Q], clip, f->groups, g, 0, count, count, each, pixels, q);
  cf_fnn_save_group(step, f->layer[CF_FNN_PROJ_K], clip, f->groups, g, 0, count, count, each, pixels, k);
  cf_fnn_save_group(step, f->layer[CF_FNN_PROJ_V], clip, f->groups, g, 0, count, count, each, pixels, v);
  step->lanes->normalise(pixels, each, plan->scale + (step->stream * f->groups + g) * each, q, q);
  step->lanes->normalise(pixels, each, NULL, k, k);
  CF_TRY(attend(ctx, step->lanes, pixels, each, q, k, v, *a));
  cf_fnn_save_group(step, f->layer[CF_FNN_ATTENTION], clip, f->groups, g, 0, count, count, each, pixels, *a);
done:
  return status;
}

/* One group of one clip: gates, c and h. */
static cf_status group_task(cf_context *worker, size_t task, void *payload) {
  cf_status status;
  const recur_job *j = payload;
  const cf_fnn_step *step = j->step;
  const cf_fnn *f = step->fnn;
  const size_t g = task / step->clips, clip = task % step->clips, pixels = f->rows * f->cols;
  float *x = cf_fnn_map_at(j->x, clip, g), *h = cf_fnn_map_at(j->h, clip, g), *c = cf_fnn_map_at(j->c, clip, g), *z, *a,
        *gate[4];
  const float *const xh[2] = {x, h};
  const size_t sides[2] = {j->x->each, j->h->each};
  step->lanes->tanh(pixels * j->x->each, x, x);
  if (f->attention) CF_TRY(attention_part(worker, j, clip, g, xh, sides, &z, &a));
  for (size_t i = 0; i < 4; i++) {
    const cf_fnn_packed *w = &f->plan->lstm[i];
    CF_TRY(CF_SCRATCH(worker, &gate[i], pixels * w->each));
    if (f->attention) {
      project(step, w, g, pixels, z, padded(f->inner / f->groups), a, gate[i]);
    } else {
      CF_TRY(cf_fnn_convolve_group(worker, step->lanes, w, cf_fnn_weights(w, step->stream, g),
                                   cf_fnn_bias(w, step->stream, g), xh, sides, f->rows, f->cols, 0, SIZE_MAX, gate[i]));
    }
    cf_fnn_save_group(step, f->layer[CF_FNN_PROJ_I + i], clip, f->groups, g, 0, w->count, w->count, w->each, pixels,
                      gate[i]);
  }
  step->lanes->memory(pixels * j->h->each, gate[0], gate[1], gate[2], gate[3], c, h);
done:
  return status;
}

/* The bias of x with what the modulation adds: x packs it per clip, so x is made clip by clip. */
static cf_status make_x(cf_context *ctx, const cf_fnn_step *step, const cf_fnn_map *feed, const float *modulation,
                        const cf_fnn_map *h, const cf_fnn_map *x) {
  cf_status status;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_fnn *f = step->fnn;
  const size_t across = f->groups > 1 ? f->groups : 0, n = f->common / f->groups;
  cf_fnn_packed w = f->plan->x;
  cf_fnn_input *in;
  CF_TRY(CF_SCRATCH(ctx, &in, across + 1));
  CF_TRY(CF_SCRATCH(ctx, &w.bias, f->streams * w.groups * w.each));
  for (size_t clip = 0; clip < step->clips; clip++) {
    cf_fnn_step one = *step;
    cf_fnn_map own_h = *h, own_feed = *feed, own_x = *x;
    const float *m = modulation + (clip * f->streams + step->stream) * f->memory;
    one.clips = 1;
    own_h.x = cf_fnn_map_at(h, clip, 0);
    own_feed.x = cf_fnn_map_at(feed, clip, 0);
    own_x.x = cf_fnn_map_at(x, clip, 0);
    for (size_t g = 0; g < across; g++) in[g] = (cf_fnn_input){&own_h, g, g};
    in[across] = (cf_fnn_input){&own_feed, 0, SIZE_MAX};
    memcpy(w.bias, f->plan->x.bias, f->streams * w.groups * w.each * sizeof *w.bias);
    for (size_t o = 0; o < f->common; o++) {
      double sum = 0;
      for (size_t i = 0; i < f->memory; i++)
        sum += (double)f->modulate.weight[(step->stream * f->common + o) * f->memory + i] * (double)m[i];
      w.bias[(step->stream * w.groups + o / n) * w.each + o % n] += (float)sum;
    }
    CF_TRY(cf_fnn_dense(ctx, &one, &w, in, &own_x, NULL));
  }
  cf_fnn_save(step, f->layer[CF_FNN_PROJ_X], x);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_fnn_recur(cf_context *ctx, const cf_fnn_step *step, const cf_fnn_map *feed, const float *modulation,
                       const cf_fnn_map *c, const cf_fnn_map *h, const cf_fnn_map *out) {
  cf_status status;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_fnn *f = step->fnn;
  cf_fnn_map x = cf_fnn_map_like(f->groups, f->common, f->rows, f->cols);
  cf_fnn_input *in;
  CF_TRY(CF_SCRATCH(ctx, &x.x, cf_fnn_map_numbers(&x, step->clips)));
  CF_TRY(make_x(ctx, step, feed, modulation, h, &x));
  recur_job j = {step, &x, c, h};
  CF_TRY(cf_parallel_for(ctx, f->groups * step->clips, group_task, &j));
  cf_fnn_save(step, f->layer[CF_FNN_C], c);
  cf_fnn_save(step, f->layer[CF_FNN_H], h);
  CF_TRY(CF_SCRATCH(ctx, &in, f->groups));
  for (size_t g = 0; g < f->groups; g++) in[g] = (cf_fnn_input){h, g, SIZE_MAX};
  CF_TRY(cf_fnn_dense(ctx, step, &f->plan->last, in, out, NULL));
  cf_fnn_save(step, f->layer[CF_FNN_OUT], out);
done:
  cf_scratch_release(ctx, mark);
  return status;
}
