/* The FNN (Wang et al. 2025, Nature 640, 470) as the released code computes it, with free sizes.
 *
 * A frame passes the perspective (what the retina sees of the monitor), S streams of feed-forward blocks and a
 * recurrent core that the modulation vector enters, and a readout per unit; rate = exp(mean of the streams). Weights
 * are kept standardised: w' = gain (w - mean) / sqrt(n var + 1e-5) over the n inputs of an output channel, biased
 * variance. Channels of a map are ordered by stream, group, channel. */
#ifndef CF_MODEL_FNN_H
#define CF_MODEL_FNN_H

#include "model/model.h"

#define CF_FNN_GELU 1.7015043497085571 /* E[gelu(z)^2] is 1 for a normal z after this factor */

/* A convolution or a linear layer in all streams. */
typedef struct cf_fnn_conv {
  size_t out, in, groups, time, side; /* in: of all groups */
  float *weight;                      /* [stream, out, in / groups, time, side, side], oldest frame first */
  float *bias;                        /* [stream, out]; NULL: none */
} cf_fnn_conv;

typedef struct cf_fnn_block {
  size_t channels, groups, layers, pool;
  size_t rows, cols;                                         /* before pooling */
  cf_fnn_conv input;                                         /* 1 x 1, or the first one of the network with a stride */
  cf_fnn_conv *conv, *skip;                                  /* of each layer; skip[0] is empty */
  size_t input_layer, *conv_layer, *skip_layer, block_layer; /* among the network's layers */
} cf_fnn_block;

/* x -> gelu(Wx + b), the last one linear when `open`. */
typedef struct cf_fnn_mlp {
  size_t layers;
  bool open;
  cf_fnn_conv *linear;
} cf_fnn_mlp;

/* Layers of the core and the readout that are there once; CF_FNN_CONV to CF_FNN_ATTENTION in the CvT core only. */
enum {
  CF_FNN_RAYS,
  CF_FNN_GRID,
  CF_FNN_PERSPECTIVE,
  CF_FNN_MLP,
  CF_FNN_MODULATION,
  CF_FNN_FEEDFORWARD,
  CF_FNN_PROJ_X,
  CF_FNN_CONV,
  CF_FNN_PROJ_Q,
  CF_FNN_PROJ_K,
  CF_FNN_PROJ_V,
  CF_FNN_ATTENTION,
  CF_FNN_PROJ_I,
  CF_FNN_PROJ_F,
  CF_FNN_PROJ_G,
  CF_FNN_PROJ_O,
  CF_FNN_C,
  CF_FNN_H,
  CF_FNN_OUT,
  CF_FNN_POSITION,
  CF_FNN_READOUT,
  CF_FNN_RATES,
  CF_FNN_NAMED
};

typedef struct cf_fnn_plan cf_fnn_plan; /* weights packed for the kernels */

typedef struct cf_fnn {
  size_t streams, perspectives, modulations, units;
  size_t layer[CF_FNN_NAMED]; /* index among the network's layers; SIZE_MAX: not there */
  size_t layers;
  double parameters; /* numbers among the weights */
  /* perspective */
  size_t height, width; /* retina */
  double *ray;          /* [height, width, 3] */
  double center[3], angle[3], monitor_eps;
  double pixel_power, pixel_scale, pixel_offset;
  double retina_power, retina_scale, retina_offset, retina_eps;
  cf_fnn_mlp gaze;
  /* modulation */
  cf_fnn_mlp mlp;
  size_t memory;       /* units of its LSTM */
  cf_fnn_conv gate[4]; /* i f g o */
  /* core */
  size_t stride, pad, blocks;
  cf_fnn_block *block;
  size_t rows, cols; /* maps of the recurrent part */
  cf_fnn_conv out;
  bool attention;                       /* CvT-LSTM, else Conv-LSTM */
  bool forgets;                         /* the recurrent state is zero before every frame: a control, ours */
  size_t common, hidden, groups, inner; /* channels of x, h, and z (all groups) */
  cf_fnn_conv across, feed, modulate;   /* of x: from h of the other groups (dense, own group zero), f, m */
  cf_fnn_conv conv, query, key, value, lstm[4], last;
  float *scale; /* [stream, inner] of the queries */
  /* readout */
  float *position;         /* [unit, 2]: x, y in -1 .. 1 */
  float *feature, *offset; /* [stream, unit, channel], [stream, unit] */
  cf_fnn_plan *plan;       /* made by the first run */
  size_t lanes;            /* which set of kernels, 0 the widest; for tests */
} cf_fnn;

void cf_fnn_free(cf_fnn *fnn);
/* Tensors and configuration to a network whose sizes fit together: fnn_load.c. */
cf_status cf_fnn_load(cf_context *ctx, const cf_weights *weights, const char *config, cf_fnn *fnn);

/* What tensors do not tell: fnn_config.c. Counts are 0 where the configuration is silent. */
enum { CF_FNN_BLOCKS = 64 };
typedef struct cf_fnn_config {
  const char *path; /* NULL: none was given, these are the released values */
  size_t stride, blocks, pool[CF_FNN_BLOCKS];
  size_t streams, perspectives, modulations, units, height, width;
  size_t channels[CF_FNN_BLOCKS], groups[CF_FNN_BLOCKS], layers[CF_FNN_BLOCKS], time[CF_FNN_BLOCKS],
      side[CF_FNN_BLOCKS];
  size_t input_side, feedforward, common, hidden, inner, heads, last, spatial, memory;
  double monitor_eps, retina_eps, max_power, degrees, power;
  int core; /* 0: not told, 1: CvT-LSTM, 2: Conv-LSTM */
  bool forgets;
} cf_fnn_config;
cf_status cf_fnn_configure(cf_context *ctx, const char *path, cf_fnn_config *out);

#endif
