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

/* What is done about values below zero, which a non-negative factorisation cannot hold. */
typedef enum cf_prepare_floor {
  CF_PREPARE_FLOOR_NONE,
  CF_PREPARE_FLOOR_GLOBAL, /* the minimum of the whole tensor is subtracted, as published: one unit lifts all others */
  CF_PREPARE_FLOOR_NEURON, /* a neuron's minimum is subtracted where it is below zero; other neurons stay as they are */
  CF_PREPARE_FLOOR_CLIP    /* values below zero become zero */
} cf_prepare_floor;

/* How the map (direction x time) of a neuron and stimulus is scaled. relFR of it = rate / largest rate of the neuron,
 * rate = max over directions of the mean over time. Maps of zeros stay zeros. */
typedef enum cf_prepare_norm {
  CF_PREPARE_NONE,
  CF_PREPARE_UNIT,          /* unit L2 norm */
  CF_PREPARE_UNIT_RELATIVE, /* unit L2 norm times relFR: "relNorm" of the paper */
  CF_PREPARE_MAX_RELATIVE,  /* map / its largest value, times relFR: "relFR" of the paper */
  CF_PREPARE_MEAN,          /* map / its mean: "Norm" of the paper, for its recurrent module */
  CF_PREPARE_NEURON_MAX,    /* all maps of a neuron / its largest value: what "relFR" does in the public code */
  CF_PREPARE_NEURON_MEAN    /* all maps of a neuron / its mean: what "Norm" does in the public code */
} cf_prepare_norm;

/* Classes of which a neuron keeps one set: for all of its classes the medium spatial frequency, or for all the high
 * one. The sets have `classes` entries each, positions along the stimulus axis; entry k of one matches entry k of the
 * other. Medium is kept when more of its entries have a larger rate than their match than have a smaller one. */
typedef struct cf_prepare_selection {
  size_t classes;
  const size_t *medium, *high;
} cf_prepare_selection;

typedef struct cf_prepare_options {
  cf_prepare_floor floor;
  double smooth; /* sd of a Gaussian along time, in bins; 0: none. Edges are reflected, the kernel is cut at 4 sd */
  const cf_prepare_selection *selection; /* NULL: all classes stay */
  cf_prepare_norm norm;
} cf_prepare_options;
#define CF_PREPARE_OPTIONS_INIT                                                                                        \
  { CF_PREPARE_FLOOR_NONE, 0, NULL, CF_PREPARE_NONE }
/* The published recipe for the modules of a network: global minimum, 3 frames, eleven classes to six, relNorm. */
#define CF_PREPARE_OPTIONS_PAPER                                                                                       \
  { CF_PREPARE_FLOOR_GLOBAL, 3, &cf_prepare_eleven, CF_PREPARE_UNIT_RELATIVE }

/* The eleven published classes in their published order, and the two sets of six among them with the six names they
 * take (LF grating, HF grating, -1dot, -3dot, +1dot, +3dot). */
enum { CF_ELEVEN = 11, CF_SIX = 6 };
CF_API extern const char *const cf_eleven_classes[CF_ELEVEN];
CF_API extern const char *const cf_six_classes[CF_SIX];
CF_API extern const cf_prepare_selection cf_prepare_eleven;

typedef struct cf_prepared {
  size_t neurons, stimuli, directions, times; /* stimuli: those of a set after selection */
  double *responses;                          /* neurons x stimuli x directions x times */
  double *relative;                           /* neurons x stimuli: relFR, 0 for neurons without response */
  double *rate;                               /* neurons x stimuli, in the responses' unit above the floor */
  bool *high;                                 /* neurons: the high frequencies were kept; NULL without selection */
  size_t negative;                            /* neurons that have values below zero after the floor was dealt with */
  size_t silent;                              /* neurons whose largest rate is not positive */
} cf_prepared;

/* responses (neuron, stimulus, direction, time), any strides, finite. options NULL: nothing but the rates.
 * Order: floor, smoothing, rates, selection, relFR over the kept classes, norm.
 * Errors: CF_ERR_INPUT (not four axes, NaN, a position of the selection outside the axis), CF_ERR_USAGE (smooth).
 * Cost: 8 sd + 1 multiplications a value and one more tensor. Spec: Bertram, Dyballa, Keller, Kinger & Zucker (2026).
 */
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
