/* What the rules that bring layers to one width share. */
#ifndef CF_DYNAMICS_WIDTH_H
#define CF_DYNAMICS_WIDTH_H
#include <cortifold/dynamics.h>

/* A whole layer into x (stimuli x features), finite. */
cf_status cf_width_read(cf_context *ctx, const cf_blocks *layer, double *x);

/* Sets of training stimuli: group[t] (below groups; others train nowhere), trains (sets x groups). */
typedef struct cf_width_sets {
  size_t groups, sets;
  const size_t *group;
  const bool *trains;
} cf_width_sets;
/* One PCA of all layers for each set: fills data and explained of out (sets of them, made for k columns). CF_ERR_MEMORY
 * where groups x features^2 numbers do not fit half of the memory. */
cf_status cf_widths_joint(cf_context *ctx, size_t layers, const cf_blocks *layer, const cf_width_sets *sets, size_t k,
                          cf_widths *const *out);
#endif
