/* The core of the FNN in time: what a run keeps and the step of one frame. */
#ifndef CF_MODEL_FNN_CORE_H
#define CF_MODEL_FNN_CORE_H

#include "model/fnn.h"

/* Where values of chosen layers go: by the network's layer, [clip, own axes]; NULL for layers that were not chosen. */
typedef struct cf_fnn_taps {
  float **values;
  const size_t *numbers; /* of one clip */
  size_t deepest;        /* the last chosen layer: nothing behind it is computed */
} cf_fnn_taps;
static inline float *cf_fnn_tap(const cf_fnn_taps *taps, size_t layer, size_t clip) {
  return layer == SIZE_MAX || !taps->values[layer] ? NULL : taps->values[layer] + clip * taps->numbers[layer];
}

typedef struct cf_fnn_core cf_fnn_core;
/* State of `clips` clips, zeros. */
cf_status cf_fnn_core_new(cf_context *ctx, cf_fnn *fnn, size_t clips, cf_fnn_core **out);
void cf_fnn_core_free(cf_fnn_core *core);
double cf_fnn_core_bytes(const cf_fnn *fnn, size_t clips);

/* Bytes of a run: fixed + clips that run in lockstep * clip. collected: numbers of the chosen layers, of one clip. */
typedef struct cf_fnn_memory {
  double fixed, clip;
} cf_fnn_memory;
cf_fnn_memory cf_fnn_memory_of(const cf_fnn *fnn, int threads, size_t height, size_t width, double collected);
/* Floating-point operations of a frame of one clip, convolutions counted as direct sums. */
double cf_fnn_operations(const cf_fnn *fnn);
/* One frame: retina [clip, height, width], modulation [clip, stream, memory] (may be NULL when nothing behind the
 * feed-forward part is asked for). */
cf_status cf_fnn_core_step(cf_context *ctx, cf_fnn_core *core, const cf_fnn_taps *taps, const float *retina,
                           const float *modulation);
/* The core's output of a stream at the place of a unit: `last.out` numbers and zeros up to whole lanes; their product
 * with the unit's weights, without its bias. */
void cf_fnn_core_point(const cf_fnn_core *core, size_t clip, size_t stream, size_t unit, float *out);
float cf_fnn_core_unit(const cf_fnn_core *core, size_t stream, size_t unit, const float *point);

/* What the retina sees: fnn_view.c. One per clip. */
typedef struct cf_fnn_view {
  const cf_fnn *fnn;
  size_t height, width; /* of the movie */
  bool extend, known;
  float *eye; /* [perspectives] that the tables below belong to, when known */
  double rotation[9], monitor[9];
  double *ray, *point; /* [retina, 3] rotated rays, [retina, 2] on the plane */
  double level[256];   /* of a pixel on the monitor */
  const unsigned char *frame;
  float *image; /* the last result, [retina] */
} cf_fnn_view;
cf_status cf_fnn_view_init(cf_context *ctx, const cf_fnn *fnn, size_t height, size_t width, bool extend,
                           cf_fnn_view *view);
void cf_fnn_view_free(cf_fnn_view *view);
/* A new frame with the eye's position; then every row of the retina, in any order or at once; then known = true. */
cf_status cf_fnn_view_begin(cf_context *ctx, cf_fnn_view *view, const float *eye, const unsigned char *frame);
void cf_fnn_view_row(cf_fnn_view *view, size_t row);

/* Small dense layers in double. */
void cf_fnn_mlp_run(const cf_fnn_mlp *mlp, size_t stream, const double *in, double *out);
size_t cf_fnn_mlp_width(const cf_fnn_mlp *mlp); /* the widest layer */

#endif
