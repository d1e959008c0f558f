/* Preparation of loaded responses, which the encoding analyses share: options and one call. */
#ifndef CF_PIPELINE_PREPARE_H
#define CF_PIPELINE_PREPARE_H
#include "pipeline/responses.h"
#include <cortifold/response.h>

/* The rows of an analysis' table that cf_prepare_responses looks at; `preset` is the default of --prepare. */
#define CF_PREPARE_OPTIONS(preset)                                                                                     \
  {"prepare",                                                                                                          \
   0,                                                                                                                  \
   CF_PARAM_CHOICE,                                                                                                    \
   "P",                                                                                                                \
   preset,                                                                                                             \
   0,                                                                                                                  \
   0,                                                                                                                  \
   "clean|paper|none",                                                                                                 \
   "How responses are prepared. clean: floor neuron, smoothing over 50 ms where time is known and rates were not "     \
   "estimated by psth, frequency by label where the eleven classes are there, norm relative. paper: as the published " \
   "code, floor global, smoothing over 3 bins, frequency by label or position, norm relative. none: as they are. "     \
   "The options below replace single steps."},                                                                         \
      {"floor",                                                                                                        \
       0,                                                                                                              \
       CF_PARAM_CHOICE,                                                                                                \
       "F",                                                                                                            \
       NULL,                                                                                                           \
       0,                                                                                                              \
       0,                                                                                                              \
       "none|global|neuron|clip",                                                                                      \
       "Values below zero. global: the minimum of the whole tensor is subtracted, as published, so that one unit "     \
       "lifts all others. neuron: each neuron's minimum, where it is below zero. clip: they become zero."},            \
      {"smooth",                                                                                                       \
       0,                                                                                                              \
       CF_PARAM_TEXT,                                                                                                  \
       "SD",                                                                                                           \
       NULL,                                                                                                           \
       0,                                                                                                              \
       0,                                                                                                              \
       "none",                                                                                                         \
       "Gaussian smoothing along time: standard deviation in bins (3), in milliseconds (50ms, where the file gives "   \
       "time in seconds), or none."},                                                                                  \
      {"frequency",                                                                                                    \
       0,                                                                                                              \
       CF_PARAM_CHOICE,                                                                                                \
       "HOW",                                                                                                          \
       NULL,                                                                                                           \
       0,                                                                                                              \
       0,                                                                                                              \
       "none|label|position",                                                                                          \
       "Of the eleven published classes (grat_W12 ... pos3dotflow_D2) each neuron keeps six, those of the spatial "    \
       "frequency that it prefers. label: found by their names. position: taken in the published order."},             \
      {"norm",                                                                                                         \
       0,                                                                                                              \
       CF_PARAM_CHOICE,                                                                                                \
       "N",                                                                                                            \
       NULL,                                                                                                           \
       0,                                                                                                              \
       0,                                                                                                              \
       "none|unit|relative|max-relative|mean|neuron-max|neuron-mean",                                                  \
       "Scale of each map (direction x time). unit: norm 1. relative: norm 1 times the rate relative to the neuron's " \
       "best stimulus (relNorm). max-relative: map / max times that (relFR). mean: map / mean (Norm). neuron-max, "    \
       "neuron-mean: all maps of a neuron by one number, which is what the public code does for relFR and Norm."},     \
  {                                                                                                                    \
    "significant", 0, CF_PARAM_CHOICE, "USE", "auto", 0, 0, "auto|ignore",                                             \
        "A member `significant` (neuron, stimulus) beside the responses, as psth writes it. auto: maps that are not "  \
        "significant are handed on as zeros, as published. ignore: all maps stay."                                     \
  }

/* What was done and what is known about the prepared responses. */
typedef struct cf_preparation {
  cf_prepared *prepared; /* its `responses` have moved to the cf_responses and are NULL here */
  bool *significant;     /* neurons x stimuli; NULL: no test is known, or ignored */
  cf_json *json;         /* {preset, floor, smooth_bins, smooth_seconds, frequency, norm, high, silent, significant} */
} cf_preparation;

/* Prepares loaded responses in place as the options say: r->values, r->stimuli and r->stimulus become those after
 * selection. address: where r came from, for the siblings `bandwidth` (rates that are smooth already) and
 * `significant`. With `significant`, maps that are not stay in r->values; out->significant tells them, and
 * cf_preparation_zero makes them zeros. Non-negative afterwards unless --floor none; what stays negative is a warning.
 * Errors: CF_ERR_USAGE and CF_ERR_INPUT naming the option. out is to be freed by the caller also on error. */
CF_CHECKED cf_status cf_prepare_responses(cf_context *ctx, const cf_options *options, const char *address,
                                          cf_responses *r, cf_preparation *out);
/* Sets the maps that are not significant to zero, in values of the shape of r. */
void cf_preparation_zero(const cf_preparation *preparation, const cf_responses *r, double *values);
void cf_preparation_free(cf_preparation *preparation);
#endif
