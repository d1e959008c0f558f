/* Models as points: an alignment (model, roi) or the distances between models, with groups of models and networks of
 * regions. Shared by `space`, `snci` and `mantel`. */
#ifndef CF_PIPELINE_MODELS_H
#define CF_PIPELINE_MODELS_H
#include <cortifold/pipeline.h>
#include <cortifold/space.h>

typedef struct cf_models {
  const char *address;
  bool square; /* distances, not alignments */
  size_t models, rois;
  cf_array *values;      /* float64, models x rois or models x models */
  cf_array *model, *roi; /* labels; NULL: none */
  cf_array *family;      /* labels of models that are in memory; NULL: none */
  size_t *code, groups;
  cf_array *group; /* names of the groups */
  char **group_text;
  size_t *network, networks; /* of each region; NULL: not given */
  cf_array *network_name;
  char **network_text;
} cf_models;

/* Reads and checks ALIGNMENT (square: distances) and --groups, which may also be a member `group` or `modality` beside
 * the alignment. Errors: CF_ERR_INPUT naming file and position, CF_ERR_USAGE (no groups). */
CF_CHECKED cf_status cf_models_load(cf_context *ctx, const cf_options *options, bool square, cf_result *result,
                                    cf_models *out);
/* --networks, one label a region; leaves networks 0 when it was not given. */
CF_CHECKED cf_status cf_models_networks(cf_context *ctx, const cf_options *options, cf_result *result, cf_models *m);
void cf_models_free(cf_models *m);
/* Codes of the labels in a file of n rows, for `option`; names may be NULL. Both owned by the caller. */
CF_CHECKED cf_status cf_models_codes(cf_context *ctx, const char *address, const char *option, size_t n,
                                     cf_result *result, size_t **code, size_t *count, cf_array **names);
/* A square matrix of distances: finite, not negative, symmetric within rounding (then made exactly so), diagonal 0. */
CF_CHECKED cf_status cf_distances_tidy(cf_context *ctx, const char *address, size_t n, double *d);

/* `space` and `snci` of models that are in memory already (given: taken; NULL: what the options name). null (nulls x
 * models x regions, borrowed; may be NULL): alignments under a null. */
CF_CHECKED cf_status cf_space_run(cf_context *ctx, const cf_options *options, cf_models *given, cf_result *result);
CF_CHECKED cf_status cf_snci_run(cf_context *ctx, const cf_options *options, cf_models *given, size_t nulls,
                                 const double *null, cf_result *result);
/* Texts and codes of labels, for models that are put together in memory. */
CF_CHECKED cf_status cf_models_set_groups(cf_context *ctx, const char *address, const cf_array *labels, cf_models *m);
CF_CHECKED cf_status cf_models_set_networks(cf_context *ctx, const char *address, const cf_array *labels, cf_models *m);

/* Adds an array with one or two axes; label (may be NULL) names the entries of an axis. */
typedef struct cf_axis {
  const char *name;
  size_t count;
  const cf_array *label;
} cf_axis;
CF_CHECKED cf_status cf_axes_put(cf_context *ctx, cf_result *result, const char *name, int ndim, const cf_axis *axis,
                                 const double *x);
/* Null values for files and figures: all of them up to 20000, else as many quantiles, ascending. */
CF_CHECKED cf_status cf_null_put(cf_context *ctx, cf_result *result, const char *name, const cf_permuted *test);
/* {NAME, p, permutations, exact, null_mean, null_sd, smallest_p}; effect_name NULL: none. */
cf_json *cf_permuted_json(const cf_permuted *test, const char *name, const char *effect_name);
#endif
