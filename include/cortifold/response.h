/* cortifold/response.h - from spike trains and model activity to responses
 * (neuron, stimulus, direction, time): rate estimates with their significance,
 * preparation for the factorisation, and tuning.                            */
#ifndef CORTIFOLD_RESPONSE_H
#define CORTIFOLD_RESPONSE_H

#include <cortifold/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --------------------------------------------------------- spike trains -- */

/* Spike times of units, by stimulus, direction and trial; a cell is one unit, stimulus and direction, number (unit *
 * stimuli + stimulus) * directions + direction. Cells may have different numbers of trials, and none.           */
typedef struct cf_spikes {
  size_t units, stimuli, directions;
  size_t *first; /* cells + 1: the first trial of each cell */
  size_t *start; /* trials + 1: the first spike of each trial */
  double *time;  /* spikes: ms from the start of the stimulus, ascending within a trial */
} cf_spikes;

/* ------------------------------------------------------- rate estimates -- */

/* What the fixed point of the rule below, a share, is a share of. */
typedef enum cf_kde_scale {
  CF_KDE_SCALE_GRID, /* the grid on which it was found: the rule as its authors define it */
  CF_KDE_SCALE_RANGE /* the range of the values, about half of that: what the published rates were made with */
} cf_kde_scale;
/* Bandwidth of a Gaussian kernel for n values (ms) by the improved rule of Sheather and Jones (Botev, Grotowski &
 * Kroese 2010): a fixed point of xi gamma^[5](t), from the cosine transform of the values on a grid of 1024 points that
 * reaches half their range, and at least 6 ms, beyond them on either side; of several the one in the first of the
 * intervals that double from 1e-5 (n - 50). The result is confined to [low, high]: high when there are fewer than two
 * different values, or no fixed point. x ascending, finite. Errors: CF_ERR_USAGE (low <= 0, high < low). Cost: 1023
 * multiplications a value or grid point, whichever are fewer, and some 20 times 6 sums over the transform. */
CF_API CF_CHECKED cf_status cf_kde_bandwidth(cf_context *ctx, size_t n, const double *x, cf_kde_scale scale, double low,
                                             double high, double *bandwidth);

typedef enum cf_kde_edges {
  CF_KDE_EDGES_NONE,   /* density leaks out of the window, as published */
  CF_KDE_EDGES_REFLECT /* values are mirrored at both ends: the density in the window integrates to 1 */
} cf_kde_edges;
/* Adds sum_i N(g; x_i, bandwidth^2) at the centres g of `points` equal steps of [from, to] to out. Exact to 1e-12 of
 * the peak; beyond 8 bandwidths nothing is added. */
CF_API void cf_kde_add(size_t n, const double *x, double from, double to, double bandwidth, cf_kde_edges edges,
                       size_t points, double *out);

typedef struct cf_psth_options {
  double from, to;  /* window, ms; bins * bin is its length */
  double bin;       /* ms; rates are means over a grid of about 1 ms, a whole number of steps a bin */
  double bandwidth; /* ms; 0: by cf_kde_bandwidth for each unit and stimulus, from the direction with most spikes */
  double low, high; /* range of that, ms */
  cf_kde_edges edges;
  cf_kde_scale scale;
} cf_psth_options;
#define CF_PSTH_OPTIONS_INIT                                                                                           \
  { -100, 1250, 10, 0, 10, 50, CF_KDE_EDGES_NONE, CF_KDE_SCALE_GRID }

typedef struct cf_psth {
  size_t units, stimuli, directions, times;
  double *rate;      /* units x stimuli x directions x times: spikes a second, mean over trials; NaN without trials */
  double *time;      /* times: centres of the bins, ms */
  double *bandwidth; /* units x stimuli: ms; NaN without trials */
  size_t *count;     /* cells: spikes in the window, all trials */
  size_t *trials;    /* cells */
} cf_psth;
/* rate = density of the pooled spikes * their number * 1000 / trials. options NULL: defaults. Errors: CF_ERR_USAGE.
 * Cost: 16 bandwidths / 1 ms multiplications a spike, and that of the bandwidth. */
CF_API CF_CHECKED cf_status cf_psth_compute(cf_context *ctx, const cf_spikes *spikes, const cf_psth_options *options,
                                            cf_psth **out);
CF_API void cf_psth_free(cf_psth *psth);

/* --------------------------------------------------------- significance -- */

typedef struct cf_significance_options {
  double baseline_from, baseline_to; /* ms, of every trial: the interval between stimuli */
  double from, to;                   /* ms: windows as long as the baseline lie one after the other from `from` */
  bool partial;                      /* a last window may reach beyond `to`, as published */
  bool wilcoxon;                     /* signed-rank test of the trials' differences instead of Mann-Whitney */
  bool exact;                        /* exact p of Mann-Whitney, also with ties, up to 40 trials in all */
  bool correct;                      /* Bonferroni over the directions of the test for responses */
  double alpha;
  const double *baseline; /* counts in the interval for every trial; NULL: the trial's own spikes between the ends */
} cf_significance_options;
#define CF_SIGNIFICANCE_OPTIONS_INIT                                                                                   \
  { -100, 0, 0, 1250, false, false, false, false, 1e-3, NULL }

typedef struct cf_significance {
  size_t units, stimuli, directions, windows;
  bool *significant;  /* units x stimuli: p_max <= alpha or p_min <= alpha */
  double *p_max;      /* units x stimuli: smallest over directions, corrected when asked */
  double *p_min;      /* units x stimuli: largest over directions */
  double *p_max_each; /* cells: more spikes in the window with most than in the baseline; 1 without trials */
  double *p_min_each; /* cells: fewer in the window with fewest */
  size_t *window_max; /* cells */
} cf_significance;
/* Does a unit respond to a stimulus? For each direction the window with most spikes over all trials, and the one with
 * fewest (the first of equals), is compared with the baseline, one-sided. A response: p_max <= alpha in any direction.
 * Suppression: p_min <= alpha in all directions. The window is chosen by the data that are tested, which no correction
 * here makes good. options NULL: defaults. Errors: CF_ERR_USAGE. Reference: Dyballa et al. (2024), PNAS 121. */
CF_API CF_CHECKED cf_status cf_significance_compute(cf_context *ctx, const cf_spikes *spikes,
                                                    const cf_significance_options *options, cf_significance **out);
CF_API void cf_significance_free(cf_significance *significance);

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

/* Angles are directions of motion in degrees. R_d is the mean over time of the response to direction d. A stimulus that
 * never drives the neuron (sum of R not positive) has no selectivity: NaN in every field that is a ratio or an angle.
 */
typedef struct cf_tuning {
  double osi, dsi;     /* |sum R e^{2 i th}| / sum R, |sum R e^{i th}| / sum R */
  double osi_contrast; /* (pref - orth) / (pref + orth), R averaged over the two directions across */
  double dsi_contrast; /* (pref - null) / (pref + null); these two need directions across and opposite, else NaN */
  double preferred;    /* direction of the largest R; the first of equals */
  double vector;       /* angle of sum R e^{i th}, in [0, 360) */
  double orientation;  /* half the angle of sum R e^{2 i th}, in [0, 180): axis of motion; bars lie across it */
  double rate, mean;   /* largest R; mean of R over directions */
  double peak;         /* largest value of the map */
  double f1f0;         /* F1 / F0 at the preferred direction over the last whole cycles; NaN without a cycle */
  double osi_p, dsi_p; /* share of permutations of the directions with an index as large; NaN without permutations */
  double osi_z, dsi_z; /* (index - mean) / sd over the permutations; NaN where sd is 0 */
} cf_tuning;

typedef struct cf_tuning_options {
  bool paper;          /* + 1e-8 in the denominators and 0 for silent stimuli, as published */
  const double *cycle; /* bins in one cycle, one a stimulus; NULL or NaN: no F1; 0: the harmonic that is largest */
  size_t first, last;  /* time bins that count: first .. last - 1; last 0: all */
  size_t permutations; /* of the directions, for each neuron and stimulus */
} cf_tuning_options;
#define CF_TUNING_OPTIONS_INIT                                                                                         \
  { false, NULL, 0, 0, 0 }

/* Over the stimuli of one neuron. */
typedef struct cf_tuning_summary {
  double osi, dsi;     /* means over stimuli, NaN left out */
  double osi_p, dsi_p; /* of these means, directions permuted within each stimulus; NaN without permutations */
  size_t stimulus;     /* of the largest R; the first of equals */
  cf_tuning best;      /* at that stimulus */
  double rate;         /* mean over stimuli and directions of R */
  double log_variance; /* log10 of the variance over time, averaged over stimuli and directions */
} cf_tuning_summary;

/* responses (neuron, stimulus, direction, time), any strides, finite; direction in degrees. out: neurons x stimuli;
 * summary: neurons, may be NULL; curves: R, neurons x stimuli x directions, may be NULL. options NULL: defaults.
 * p counts the observed order too. Permuting asks whether neighbouring directions respond alike: a response to one
 * direction alone is as selective in any order, and is never significant. Errors: CF_ERR_INPUT (axes, NaN),
 * CF_ERR_USAGE (window). Cost: one pass, and permutations * directions a map. Ringach, Shapley & Hawken (2002),
 * J. Neurosci. 22, 5639 (1 - circular variance); Skottun et al. (1991), Vision Res. 31, 1079 (F1 / F0). */
CF_API CF_CHECKED cf_status cf_tuning_compute(cf_context *ctx, const cf_view *responses, const double *direction,
                                              const cf_tuning_options *options, cf_tuning *out,
                                              cf_tuning_summary *summary, double *curves);

#ifdef __cplusplus
}
#endif
#endif
