/* Measures between trajectories (condition, time, channel), beside those between patterns: for compare and distances.
 */
#ifndef CF_PIPELINE_TRAJECTORIES_H
#define CF_PIPELINE_TRAJECTORIES_H
#include "pipeline/systems.h"
#include <cortifold/dynamics.h>

/* One system: trials of one length, held. */
typedef struct cf_trajectory {
  char *name;
  size_t trials, steps, channels;
  double *data;     /* trials x steps x channels */
  cf_array *labels; /* of the trials; NULL when the file has none */
  cf_operator *op;  /* made by cf_trajectories_load when a measure needs it */
  size_t n_inputs;
  double *inputs; /* trials x steps x n_inputs, by cf_trajectories_load_inputs; NULL without */
  cf_input_system *system;
  double *control; /* its controllability matrix: system->n x columns */
  size_t columns;
} cf_trajectory;
void cf_trajectories_free(cf_trajectory *t, size_t count);

typedef struct cf_trajectory_options {
  cf_operator_options op;
  cf_dsa_options dsa;
  bool zscore;       /* every channel over all trials and times */
  bool channel_time; /* files hold (condition, channel, time) */
  bool no_operator;  /* only systems with inputs are wanted */
  bool published;    /* controllability matrices as the published code has them */
} cf_trajectory_options;

/* The description of a measure between trajectories in the form of the others' table; its functions are NULL. NULL when
 * there is none of that id. */
const cf_measure *cf_trajectory_measure_find(const char *id);
bool cf_trajectory_measure(const cf_measure *m);
bool cf_trajectory_measure_has_inputs(const cf_measure *m);

/* CF_ERR_USAGE names the option. */
cf_status cf_trajectory_read_options(cf_context *ctx, const cf_options *options, cf_trajectory_options *out);
/* Reads all arrays of `systems` and fits their operators. *out: systems->count of them. Errors: CF_ERR_INPUT naming
 * file, member and position. */
cf_status cf_trajectories_load(cf_context *ctx, const cf_systems *systems, const cf_trajectory_options *o,
                               cf_result *result, cf_trajectory **out);
/* Reads the inputs of all systems of all sets as --inputs says (addresses count through the sets) and identifies the
 * systems. t[s]: the trajectories of sets[s]. */
cf_status cf_trajectories_load_inputs(cf_context *ctx, const cf_options *options, size_t n_sets,
                                      const cf_systems *const *sets, cf_trajectory *const *t,
                                      const cf_trajectory_options *o, cf_result *result);
/* The system with inputs of trials rows[], time steps time[] and channels cols[] (NULL: all, as they are), of the order
 * given (0: by the options), and its controllability matrix (columns as out->columns). Other fields are left alone. */
cf_status cf_trajectory_identify(cf_context *ctx, const cf_trajectory *t, const size_t *rows, const size_t *time,
                                 const size_t *cols, size_t order, const cf_trajectory_options *o, cf_trajectory *out);
/* The distance of two identified systems. */
cf_status cf_trajectory_input_value(cf_context *ctx, const cf_measure *m, const cf_trajectory *x,
                                    const cf_trajectory *y, double *value);

cf_status cf_trajectory_value(cf_context *ctx, const cf_measure *m, const cf_trajectory *x, const cf_trajectory *y,
                              const cf_trajectory_options *o, double *value, cf_dsa_match *match);
/* Null: the time steps of X in another order, the same for all its trials; n values. */
cf_status cf_trajectory_permute(cf_context *ctx, const cf_measure *m, const cf_trajectory *x, const cf_trajectory *y,
                                const cf_trajectory_options *o, size_t n, double *values);
/* Bootstrap over trials (jointly when both have the same labels), channels, or both. */
cf_status cf_trajectory_bootstrap(cf_context *ctx, const cf_measure *m, const cf_trajectory *x, const cf_trajectory *y,
                                  const cf_trajectory_options *o, cf_resample what, size_t n, double *values);
/* {"dimensions", "rank", "embedding", "residual", "eigenvalues"} of a system's operator. */
cf_json *cf_trajectory_json(const cf_trajectory *t);
/* {"order", "inputs", "outputs", "singular_values", "eigenvalues"} of a system with inputs. */
cf_json *cf_trajectory_input_json(const cf_trajectory *t);
/* What the search for the alignment found. */
cf_json *cf_trajectory_match_json(const cf_dsa_match *match);
/* Seconds of one distance and of one operator. */
double cf_trajectory_cost(const cf_measure *m, double trials, double steps, double channels,
                          const cf_trajectory_options *o, double *fit);

/* clang-format off */
#define CF_TRAJECTORY_NAMES "dsa-angular|dsa-euclidean|dsa-wasserstein|dsa-input-angular|dsa-input-euclidean"
#define CF_TRAJECTORY_OPTIONS                                                                                          \
  {"axes", 0, CF_PARAM_CHOICE, "ORDER", "time-channel", 0, 0, "time-channel|channel-time",                             \
   "dsa: order of the axes after the conditions; MNE and EEGLAB write channel-time."},                                 \
  {"delays", 0, CF_PARAM_INTEGER, "Q", "1", 1, 1e6, NULL, "dsa: delays of the embedding."},                            \
  {"delay-interval", 0, CF_PARAM_INTEGER, "T", "1", 1, 1e6, NULL, "dsa: time steps between delays."},                  \
  {"rank", 0, CF_PARAM_TEXT, "R", "full", 0, 0, "svht|full",                                                           \
   "dsa: directions of the embedding: an integer from 1, a share of the energy between 0 and 1, svht or full."},       \
  {"ridge", 0, CF_PARAM_REAL, "A", "1e-8", 0, 1e12, NULL, "dsa: ridge of the regression, in whitened coordinates."},   \
  {"operator", 0, CF_PARAM_CHOICE, "FORM", "principal-component", 0, 0, "principal-component|reduced-rank",            \
   "dsa: regression on the leading directions, or reduced-rank regression on all."},                                   \
  {"steps", 0, CF_PARAM_INTEGER, "N", "1", 1, 1e6, NULL, "dsa: time steps ahead that the operator predicts."},         \
  {"pca", 0, CF_PARAM_INTEGER, "K", "0", 0, 1e6, NULL,                                                                 \
   "dsa: principal components of each system's channels first; 0: the channels as they are, not centred."},            \
  {"starts", 0, CF_PARAM_INTEGER, "N", "0", 0, 1e6, NULL,                                                              \
   "dsa-angular, dsa-euclidean: random starts of the search beside those from eigenvectors; 0: by size."},             \
  {"root", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL, "dsa-wasserstein: the root of the mean squared distance."},       \
  {"unequal", 0, CF_PARAM_CHOICE, "HOW", "zeros", 0, 0, "zeros|weights",                                               \
   "dsa-wasserstein, systems of different size: add zeros to the smaller spectrum, or give each spectrum weight 1."},   \
  {"inputs", 0, CF_PARAM_TEXT, "WHAT", "inputs", 0, 0, NULL,                                                            \
   "dsa-input: what drove each system, (condition, time, input): the name of a member beside its trajectories, or an "  \
   "address for each system, separated by commas, in the order of the systems."}
/* clang-format on */
#endif
