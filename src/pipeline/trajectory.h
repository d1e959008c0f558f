/* What the analyses of decoding and of trajectories share: responses to other numbers of time bins, names of
 * conditions.
 */
#ifndef CF_PIPELINE_TRAJECTORY_H
#define CF_PIPELINE_TRAJECTORY_H
#include "pipeline/responses.h"

/* Rows of an analysis' table. */
#define CF_RESAMPLE_OPTION                                                                                             \
  {"trials",                                                                                                           \
   0,                                                                                                                  \
   CF_PARAM_ADDRESS,                                                                                                   \
   "LABELS",                                                                                                           \
   NULL,                                                                                                               \
   0,                                                                                                                  \
   0,                                                                                                                  \
   NULL,                                                                                                               \
   "The array is (trial, neuron, time) and this file has the label of each trial: labels are the stimuli, and trials " \
   "of a label stand for directions, as many as the label with the fewest has."},                                      \
      {"average", 0,    CF_PARAM_INTEGER,                                                                              \
       "N",       "1",  1,                                                                                             \
       100000,    NULL, "Means over N neighbouring time bins first (counts of 1 ms to bins of 20 ms: 20)."},           \
  {                                                                                                                    \
    "resample", 0, CF_PARAM_INTEGER, "T", "0", 0, 100000, NULL,                                                        \
        "Resample time to T bins first, by Fourier transform with a Hamming window on the spectrum (to compare a "     \
        "recording with a model of fewer frames); 0: as they are."                                                     \
  }
/* Loads responses (or trials), averages bins and resamples them when asked; their time labels then go evenly over the
 * same span. */
CF_CHECKED cf_status cf_load_trajectories(cf_context *ctx, const char *address, const cf_options *options,
                                          cf_result *result, cf_responses **out);
/* Neurons, stimuli, directions and times that cf_load_trajectories will give, from the file's header; false when that
 * cannot be told. For estimates of cost. */
bool cf_trajectories_shape(cf_context *ctx, const char *address, const cf_options *options, double shape[4]);
/* Text labels of the conditions, stimulus by stimulus: "stimulus direction", or the stimulus alone for one direction.
 */
CF_CHECKED cf_status cf_condition_labels(cf_context *ctx, const cf_responses *r, cf_array **out);
/* Name of a stimulus (by its label, else its number) or of a direction (degrees). */
const char *cf_stimulus_name(const cf_responses *r, size_t s, char *buffer, size_t size);
const char *cf_direction_name(const cf_responses *r, size_t d, char *buffer, size_t size);

/* Adds an array of doubles whose axes are named by a text such as "condition time axis"; the first axis takes `label`
 * when that is not NULL. */
CF_CHECKED cf_status cf_put_axes(cf_context *ctx, cf_result *result, const char *name, const char *axes,
                                 const size_t *shape, const double *data, const cf_array *label);
#endif
