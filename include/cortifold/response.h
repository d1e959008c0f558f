/* cortifold/response.h - from spike trains and model activity to responses
 * (neuron, stimulus, direction, time): rate estimates with their significance,
 * preparation for the factorisation, and tuning.                            */
#ifndef CORTIFOLD_RESPONSE_H
#define CORTIFOLD_RESPONSE_H

#include <cortifold/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --------------------------------------------------- preparing responses -- */

typedef enum cf_prepare_norm {
  CF_PREPARE_NONE,
  CF_PREPARE_UNIT,          /* each (neuron, stimulus) map to unit L2 norm */
  CF_PREPARE_UNIT_RELATIVE, /* unit norm times relFR: "relNorm" of the paper */
  CF_PREPARE_MAX_RELATIVE,  /* map / max times relFR: "relFR" */
  CF_PREPARE_MEAN           /* map / mean: "Norm", for recurrent modules */
} cf_prepare_norm;
typedef struct cf_prepare_options {
  bool subtract_minimum; /* of the whole tensor */
  double smooth;         /* sd of the Gaussian over time, in frames; 0: none; reflected edges, cut at 4 sd */
  bool select_frequency; /* eleven classes to six, per neuron, by the published majority vote */
  cf_prepare_norm norm;
} cf_prepare_options;
#define CF_PREPARE_OPTIONS_INIT                                                                                        \
  { false, 0, false, CF_PREPARE_NONE }
/* The published recipe for network modules: minimum, 3 frames, 11 -> 6, relNorm. */
#define CF_PREPARE_OPTIONS_PAPER                                                                                       \
  { true, 3, true, CF_PREPARE_UNIT_RELATIVE }

typedef struct cf_prepared {
  size_t neurons, stimuli, directions, times;
  double *responses; /* neurons x stimuli x directions x times */
  double *relative;  /* neurons x stimuli: relFR = rate / max rate of the neuron, rate = max_d mean_t */
  double *rate;      /* neurons x stimuli */
  bool *high;        /* neurons: all-high chosen; NULL without selection */
} cf_prepared;
CF_API CF_CHECKED cf_status cf_prepare(cf_context *ctx, const cf_view *responses, const cf_prepare_options *options,
                                       cf_prepared **out);
CF_API void cf_prepared_free(cf_prepared *prepared);

/* ---------------------------------------------------------------- tuning -- */

typedef struct cf_tuning { /* one neuron and stimulus */
  double osi, dsi;         /* |sum R e^{2i th}| / sum R, |sum R e^{i th}| / sum R; R = mean over time per direction */
  double preferred;        /* direction of the largest R, degrees */
  double orientation;      /* half the angle of the second harmonic, degrees in [0, 180) */
  double rate, peak;       /* largest R; largest value of the map */
  double f1f0;             /* modulation: first harmonic over mean at the preferred direction; NaN without frequency */
} cf_tuning;
/* responses (neuron, stimulus, direction, time), direction in degrees; out neurons x stimuli. cycle: frames in one
 * stimulus cycle, one a stimulus (NULL: F1 at the largest harmonic). */
CF_API CF_CHECKED cf_status cf_tuning_compute(cf_context *ctx, const cf_view *responses, const double *direction,
                                              const double *cycle, cf_tuning *out);

#ifdef __cplusplus
}
#endif
#endif
