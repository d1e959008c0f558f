/* Weights of the FNN in the order in which the kernels read them. */
#ifndef CF_MODEL_FNN_PACK_H
#define CF_MODEL_FNN_PACK_H

#include "model/fnn.h"
#include "model/lanes.h"

/* Channels of a group of a map, rounded up to whole lanes. */
static inline size_t cf_fnn_padded(size_t channels) {
  return (channels + CF_LANES - 1) / CF_LANES * CF_LANES;
}

/* Some input channels of a convolution that lie side by side in memory: `count` of them from `offset` within the
 * convolution's group, at one time. Results of group `skip` leave this term out. */
typedef struct cf_fnn_term {
  const cf_fnn_conv *conv;
  size_t offset, count, time, skip;
} cf_fnn_term;

typedef struct cf_fnn_packed {
  size_t groups, count, each; /* of the result: groups, channels of a group, the same padded */
  size_t side, taps, depth;   /* depth: padded inputs of a tap; taps: side^2, or 36 with Winograd's method */
  size_t terms;
  float *w;    /* [stream, group, tap, panel, depth, width] or, plain, [stream, group, panel, tap, ...] */
  float *bias; /* [stream, group, each] */
} cf_fnn_packed;

struct cf_fnn_plan {
  struct cf_fnn_plan_block {
    cf_fnn_packed input, *conv, *skip;
  } * block;
  size_t blocks;
  const size_t *layers;
  cf_fnn_packed out, x, conv, query, key, value, lstm[4], last;
  float *scale;   /* [stream, group, padded] of the queries */
  float *feature; /* [stream, unit, padded] */
  size_t *corner; /* [unit, 4]: pixels around a unit's place */
  float *share;   /* [unit, 4] */
};

/* Packs everything once; fnn->plan stays with the network. */
cf_status cf_fnn_plan_make(cf_context *ctx, cf_fnn *fnn);
void cf_fnn_plan_free(cf_fnn_plan *plan);

static inline bool cf_fnn_winograd(const cf_fnn_packed *p) {
  return p->taps == 36 && p->side == 3;
}
/* Weights of one stream and group, and its bias. */
static inline const float *cf_fnn_weights(const cf_fnn_packed *p, size_t stream, size_t group) {
  return p->w + (stream * p->groups + group) * p->taps * p->depth * p->each;
}
static inline const float *cf_fnn_bias(const cf_fnn_packed *p, size_t stream, size_t group) {
  return p->bias + (stream * p->groups + group) * p->each;
}

#endif
