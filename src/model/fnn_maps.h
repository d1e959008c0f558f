/* Maps of the FNN in memory and the layers between them. */
#ifndef CF_MODEL_FNN_MAPS_H
#define CF_MODEL_FNN_MAPS_H

#include "model/fnn_core.h"
#include "model/fnn_pack.h"

/* [clip, group, row, column, channel of the group], padded channels are 0. */
typedef struct cf_fnn_map {
  float *x;
  size_t groups, count, each; /* channels of a group, the same padded */
  size_t rows, cols;
} cf_fnn_map;
static inline size_t cf_fnn_map_group(const cf_fnn_map *m) {
  return m->rows * m->cols * m->each;
}
static inline float *cf_fnn_map_at(const cf_fnn_map *m, size_t clip, size_t group) {
  return m->x + (clip * m->groups + group) * cf_fnn_map_group(m);
}
static inline cf_fnn_map cf_fnn_map_like(size_t groups, size_t channels, size_t rows, size_t cols) {
  return (cf_fnn_map){NULL, groups, channels / groups, cf_fnn_padded(channels / groups), rows, cols};
}
static inline size_t cf_fnn_map_numbers(const cf_fnn_map *m, size_t clips) {
  return clips * m->groups * cf_fnn_map_group(m);
}

/* An input of a layer: a group of a map, or the result's own group (SIZE_MAX). Results of group `skip` leave it out. */
typedef struct cf_fnn_input {
  const cf_fnn_map *map;
  size_t group, skip;
} cf_fnn_input;

/* What the layers of a step have in common. */
typedef struct cf_fnn_step {
  const cf_fnn *fnn;
  const cf_lanes *lanes;
  size_t clips;
  size_t stream;
  const cf_fnn_taps *taps;
} cf_fnn_step;

/* out = sum of 1 x 1 products + bias; y = scaled GELU of it when y is given. Tasks of 48 pixels. */
cf_status cf_fnn_dense(cf_context *ctx, const cf_fnn_step *step, const cf_fnn_packed *w, const cf_fnn_input *in,
                       const cf_fnn_map *out, const cf_fnn_map *y);
/* out = convolution with zero padding over the terms' inputs, the layer's output to `layer`; then out += more, y =
 * scaled GELU of it (both may be NULL). */
cf_status cf_fnn_convolve(cf_context *ctx, const cf_fnn_step *step, const cf_fnn_packed *w, const cf_fnn_input *in,
                          const cf_fnn_map *out, size_t layer, const cf_fnn_map *more, const cf_fnn_map *y);
/* The same for one clip and group, rows of tiles `from` to `to` (of 4 rows of the map; SIZE_MAX: to the end): in holds
 * each term's group, `each` their channels. Serial. */
cf_status cf_fnn_convolve_group(cf_context *ctx, const cf_lanes *lanes, const cf_fnn_packed *w, const float *weights,
                                const float *bias, const float *const *in, const size_t *each, size_t rows, size_t cols,
                                size_t from, size_t to, float *out);
/* Mean over p x p. */
cf_status cf_fnn_pool(cf_context *ctx, const cf_fnn_step *step, const cf_fnn_map *in, size_t p, const cf_fnn_map *out);

/* Copies a group to where a chosen layer is collected; nothing when it was not chosen. */
void cf_fnn_save_group(const cf_fnn_step *step, size_t layer, size_t clip, size_t groups, size_t group, size_t first,
                       size_t of, size_t count, size_t each, size_t pixels, const float *x);
void cf_fnn_save(const cf_fnn_step *step, size_t layer, const cf_fnn_map *map);

/* The recurrent part of one stream: fnn_recurrent.c. */
cf_status cf_fnn_recur(cf_context *ctx, const cf_fnn_step *step, const cf_fnn_map *feed, const float *modulation,
                       const cf_fnn_map *c, const cf_fnn_map *h, const cf_fnn_map *out);

#endif
