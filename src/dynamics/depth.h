/* What the scopes of DMD along depth share. */
#ifndef CF_DYNAMICS_DEPTH_H
#define CF_DYNAMICS_DEPTH_H
#include <cortifold/dynamics.h>

/* The layers as they are read: centred and scaled, in blocks of stimuli. */
typedef struct cf_depth_reader {
  size_t layers, stimuli, width, rows; /* rows: stimuli in a block */
  const cf_blocks *layer;
  double *mean;   /* layers x width, NULL: not centred */
  double *factor; /* layers, NULL: not scaled */
  double *buffer; /* layers x (rows x width): room for one block */
  const bool *train;
  size_t training; /* stimuli that train: all when train is NULL */
} cf_depth_reader;

/* Stimuli first .. first + count - 1 into the buffer: layer l at buffer + l * count * width, a stimulus a row. */
cf_status cf_depth_read(cf_context *ctx, cf_depth_reader *r, size_t first, size_t *count);
/* The same with the `kept` training stimuli among them alone, layer l at buffer + l * kept * width. */
cf_status cf_depth_read_training(cf_context *ctx, cf_depth_reader *r, size_t first, size_t *count, size_t *kept);

cf_status cf_depth_per_stimulus(cf_context *ctx, cf_depth_reader *r, const cf_depth_options *o, cf_depth *out);
cf_status cf_depth_shared(cf_context *ctx, cf_depth_reader *r, const cf_depth_options *o, cf_depth *out);

/* How far a mode is from what a rule looks for: the smaller the better. */
double cf_stable_score(const cf_dmd *d, const cf_stable *rule, size_t i);
#endif
