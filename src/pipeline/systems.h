/* Systems (condition x channel) from files, for the analyses that compare them. */
#ifndef CF_PIPELINE_SYSTEMS_H
#define CF_PIPELINE_SYSTEMS_H
#include <cortifold/compare.h>
#include <cortifold/io.h>
#include <cortifold/pipeline.h>
#include <cortifold/rsa.h>

/* Several systems, in the order in which they were named. */
typedef struct cf_systems {
  size_t count;
  char **address;       /* one array each: patterns expanded */
  cf_array *names;      /* count unique texts: the member, or the file's name; see cf_systems_name */
  cf_system **system;   /* filled by cf_systems_load */
  cf_array *conditions; /* labels that all share, NULL when no file has any */
  bool by_label;        /* rows were matched by label */
  bool by_position;     /* of some system only the number of rows was matched */
} cf_systems;

/* Expands addresses: each may list several separated by commas, and a member may be a pattern with * and ?
 * ("layers.npz:*", "net.h5:/features/conv*"): then every numeric member of two or more axes that fits it is taken, in
 * the order of the file (npz, mat, torch) or with numbers counted as such (HDF5, safetensors). Appends to *out. */
CF_CHECKED cf_status cf_systems_expand(cf_context *ctx, const char *addresses, cf_systems *out);
void cf_systems_free(cf_systems *systems);
/* Names of the systems of all sets together, unless the same address stands in two of them all different: the member
 * ("conv1"), or the file without folder and ending; where that does not tell them apart the file and the member
 * ("alexnet:conv1"), then folder by folder more of the path ("sub-01/run:V1"), at last the whole path; an address that
 * a set has twice gets a number. cf_systems_expand names each set on its own. */
CF_CHECKED cf_status cf_systems_name(cf_context *ctx, cf_systems *const *sets, size_t n_sets);

typedef enum cf_systems_nan { CF_SYSTEMS_NAN_ERROR, CF_SYSTEMS_DROP_CONDITION, CF_SYSTEMS_DROP_CHANNEL } cf_systems_nan;
/* Reads everything that `sets` name (n_sets of them), matches the rows of all to those of the first system of the first
 * set (by label where both have labels: coordinate of the first axis, or a sibling member condition, stimulus or
 * label), applies the missing-data policy (and z-scores of the channels) to all of them alike, and makes the systems.
 * Axes after the first are flattened into channels. *dropped: conditions left out. Errors: CF_ERR_INPUT naming file,
 * member and position. */
CF_CHECKED cf_status cf_systems_load(cf_context *ctx, cf_systems *const *sets, size_t n_sets, cf_systems_nan policy,
                                     bool zscore, cf_result *result, size_t *dropped);

/* Shape of an address without reading it: rows, and the product of the other axes. False when it cannot be told. */
bool cf_systems_shape(cf_context *ctx, const char *address, size_t *n, size_t *p);
/* All of it: the number of axes, 0 when it cannot be told. Without a member in the address the one named `preferred`
 * (may be NULL), else the first of `least` axes or more. shape: CF_MAX_DIMS. */
int cf_systems_dims(cf_context *ctx, const char *address, const char *preferred, int least, size_t *shape);

/* Options that choose and steer measures, shared by compare and distances. */
#define CF_MEASURE_NAMES "rsa|cka|cka-debiased|cka-rbf|cca|svcca|pwcca|procrustes|shape|rv|linear-predictivity"
#define CF_MEASURE_OPTIONS                                                                                              \
  {"metric",                                                                                                            \
   0,                                                                                                                   \
   CF_PARAM_CHOICE,                                                                                                     \
   "M",                                                                                                                 \
   "correlation",                                                                                                       \
   0,                                                                                                                   \
   0,                                                                                                                   \
   "correlation|cosine|euclidean|sqeuclidean|mahalanobis|poisson",                                                      \
   "rsa: metric of the dissimilarity matrices."},                                                                       \
      {"comparator", 0, CF_PARAM_CHOICE, "C", "spearman", 0, 0, CF_COMPARATORS, "rsa: how two matrices are compared."}, \
      {"alpha", 0, CF_PARAM_REAL, "A", "1", 0, 1, NULL, "shape: 1 is Procrustes, 0 canonical correlation."},            \
      {"regularization",                                                                                                \
       0,                                                                                                               \
       CF_PARAM_REAL,                                                                                                   \
       "R",                                                                                                             \
       "0",                                                                                                             \
       0,                                                                                                               \
       1e6,                                                                                                             \
       NULL,                                                                                                            \
       "cca, svcca, pwcca, shape: ridge added to both covariances, in units of their mean eigenvalue."},                \
      {"form",                                                                                                          \
       0,                                                                                                               \
       CF_PARAM_CHOICE,                                                                                                 \
       "F",                                                                                                             \
       "angular",                                                                                                       \
       0,                                                                                                               \
       0,                                                                                                               \
       "angular|euclidean",                                                                                             \
       "procrustes, shape: an angle, or a length."},                                                                    \
      {"energy", 0, CF_PARAM_REAL, "E", "0.99", 1e-6, 1, NULL, "svcca: share of each system's variance that is kept."}, \
      {"directions",                                                                                                    \
       0,                                                                                                               \
       CF_PARAM_INTEGER,                                                                                                \
       "K",                                                                                                             \
       "0",                                                                                                             \
       0,                                                                                                               \
       1e6,                                                                                                             \
       NULL,                                                                                                            \
       "svcca: keep this many leading directions instead; 0: by --energy. Much faster than a full decomposition."},     \
      {"folds", 0, CF_PARAM_INTEGER, "K", "5", 2, 1e6, NULL, "linear-predictivity: folds of the conditions."},          \
      {"preset",                                                                                                        \
       0,                                                                                                               \
       CF_PARAM_CHOICE,                                                                                                 \
       "P",                                                                                                             \
       "clean",                                                                                                         \
       0,                                                                                                               \
       0,                                                                                                               \
       "clean|paper",                                                                                                   \
       "clean: as defined. paper: as the published code has it, where that differs (cka-rbf, pwcca, "                   \
       "linear-predictivity)."},                                                                                        \
      {"scale",                                                                                                         \
       0,                                                                                                               \
       CF_PARAM_CHOICE,                                                                                                 \
       "RULE",                                                                                                          \
       "none",                                                                                                          \
       0,                                                                                                               \
       0,                                                                                                               \
       "none|zscore",                                                                                                   \
       "zscore: every channel is divided by its standard deviation over the conditions first, for channels of "         \
       "different "                                                                                                     \
       "units; constant channels stay constant."},                                                                      \
  {                                                                                                                     \
    "nan", 0, CF_PARAM_CHOICE, "POLICY", "error", 0, 0, "error|drop-condition|drop-channel",                            \
        "Missing values: an error; leave the condition out of all systems; or leave the channel out."                   \
  }
/* The measures' options from the command line. */
void cf_measure_options(const cf_options *options, cf_compare_options *out);
cf_systems_nan cf_measure_nan(const cf_options *options);
bool cf_measure_zscore(const cf_options *options);
#endif
