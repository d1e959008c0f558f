/* How `cortifold dmd` brings layers to one width. */
#ifndef CF_PIPELINE_DMD_WIDTH_H
#define CF_PIPELINE_DMD_WIDTH_H
#include <cortifold/dynamics.h>
#include <cortifold/pipeline.h>

#define CF_DMD_WIDTH_OPTIONS                                                                                               \
  {"width",                                                                                                                \
   0,                                                                                                                      \
   CF_PARAM_CHOICE,                                                                                                        \
   "RULE",                                                                                                                 \
   "auto",                                                                                                                 \
   0,                                                                                                                      \
   0,                                                                                                                      \
   "auto|identity|pca|joint|random|zeros|gram",                                                                            \
   "How layers come to one width. auto: identity for equal widths, else pca. identity: as they are. pca: principal "       \
   "scores of each layer, turned layer after layer to the one before. joint: one PCA of all layers. random: random "       \
   "projection. zeros: missing features are 0. gram: inner products of the stimuli instead of features, experimental."},   \
      {"components",                                                                                                       \
       0,                                                                                                                  \
       CF_PARAM_INTEGER,                                                                                                   \
       "K",                                                                                                                \
       "0",                                                                                                                \
       0,                                                                                                                  \
       1e6,                                                                                                                \
       NULL,                                                                                                               \
       "Width of --width pca, joint and random; 0: 100, or as many as layers and training stimuli give."},                 \
      {"unmatched",                                                                                                        \
       0,                                                                                                                  \
       CF_PARAM_FLAG,                                                                                                      \
       NULL,                                                                                                               \
       NULL,                                                                                                               \
       0,                                                                                                                  \
       0,                                                                                                                  \
       NULL,                                                                                                               \
       "--width random: also layers of different width, whose projections have axes that do not match."},                  \
  {                                                                                                                        \
    "train", 0, CF_PARAM_ADDRESS, "F", NULL, 0, 0, NULL,                                                                   \
        "Training stimuli, 1 (or train) against 0 (or test), one a stimulus: means, widths and the operator are found on " \
        "them, features are made for all. Default: all train."                                                             \
  }

typedef struct cf_dmd_width {
  const char *name; /* the rule that was used */
  bool identity, gram;
  cf_width_options o;
  cf_widths *widths; /* NULL with identity */
  bool *train;       /* stimuli; NULL: all */
  size_t stimuli, training;
  double *features; /* layers: as they were */
} cf_dmd_width;
/* Scope, rank, rule and all other options of `dmd` that are not about widths. */
CF_CHECKED cf_status cf_dmd_read_options(cf_context *ctx, const cf_options *options, cf_depth_options *out);
void cf_dmd_width_free(cf_dmd_width *w);
/* Reads the options and puts layers of one width in the place of the blocks. Errors: CF_ERR_USAGE, CF_ERR_INPUT. */
CF_CHECKED cf_status cf_dmd_width_apply(cf_context *ctx, const cf_options *options, size_t layers, cf_blocks *blocks,
                                        cf_depth_options *depth, cf_result *result, cf_dmd_width *w);
/* Adds the array `trajectory` (stimulus, layer, feature): the layers of one width, as measures between dynamics take
 * them. labels (of the stimuli) and names (of the layers) may be NULL. Not for gram, which has no stimuli. */
CF_CHECKED cf_status cf_dmd_width_trajectory(cf_context *ctx, const cf_dmd_width *w, size_t layers,
                                             const cf_blocks *blocks, const cf_array *labels, const cf_array *names,
                                             cf_result *result);
/* {"rule", "features", "width", "explained", "training"} */
cf_json *cf_dmd_width_json(const cf_dmd_width *w, size_t layers);
/* A line of the summary, and warnings. */
CF_CHECKED cf_status cf_dmd_width_say(cf_context *ctx, const cf_dmd_width *w, size_t layers, cf_result *result);
#endif
