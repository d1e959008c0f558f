/* cortifold/simulate.h - data with planted truth, for demonstrations, power
 * calculations and tests of whole analyses. The same seed gives the same data
 * for any number of threads.                                                */
#ifndef CORTIFOLD_SIMULATE_H
#define CORTIFOLD_SIMULATE_H

#include <cortifold/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------ geometry -- */

/* Subjects who see K conditions of C categories, N runs, one trial a condition and run, P channels.
 *
 * True latent u_i of condition i, D = C (+ 2 when nested) + 1 + exemplar_dims coordinates:
 *   category    one-hot, squared distance category^2 between categories (nested: half of it between basic categories,
 *               half between the two superordinate halves)
 *   graded      graded * g_i, g_i evenly spaced from -1 to 1 within each category
 *   exemplar    exemplar * e_i, e_i ~ N(0, I / exemplar_dims)
 * Subject s has u_is = u_i + idiosyncrasy * N(0, I / D). Trial t of condition i:  y_t = u_is W_s + noise * n_t,
 * n_t ~ N(0, Sigma), Sigma_ab = sd_a sd_b exp(-|a - b| / length), and W_s random with W_s Sigma^-1 W_s' = P I. So
 * squared Mahalanobis distances per channel, and crossnobis, estimate the planted ||u_i - u_j||^2. */
typedef struct cf_simulate_geometry_options {
  size_t conditions;                 /* K >= 2 C */
  size_t categories;                 /* C >= 2 */
  bool nested;                       /* categories belong to two superordinate halves */
  size_t subjects;                   /* >= 1 */
  size_t channels;                   /* P >= D */
  size_t runs;                       /* N >= 1 */
  size_t features;                   /* units of a network layer, >= D */
  double noise;                      /* sd of trial noise in units of Sigma^(1/2) */
  double idiosyncrasy;               /* subjects' own geometry */
  double length;                     /* noise correlation over channels, in channels; 0: independent */
  double category, graded, exemplar; /* weights */
  size_t exemplar_dims;
} cf_simulate_geometry_options;
#define CF_SIMULATE_GEOMETRY_OPTIONS_INIT                                                                              \
  { 48, 4, false, 12, 200, 4, 100, 2.5, 0.3, 5.0, 1.0, 0.6, 0.5, 8 }

enum { CF_SIMULATED_LAYERS = 4, CF_SIMULATED_MODELS = 7, CF_SIMULATED_COVARIANCE = 2000 };

typedef struct cf_simulated_geometry {
  size_t conditions, categories, subjects, channels, runs, features, dims, trials; /* trials = conditions * runs */
  size_t *category;                                                                /* conditions */
  double *graded;                                                                  /* conditions: g */
  double *latent;                                                                  /* conditions x dims: u */
  double *patterns;                                                                /* subjects x trials x channels */
  size_t *trial_condition,
      *trial_run; /* trials; each run shows all conditions in an order of its own, a single one in theirs */
  double
      *noise_covariance; /* channels x channels: noise^2 Sigma; NULL for more than CF_SIMULATED_COVARIANCE channels */
  double *truth;         /* conditions x conditions: ||u_i - u_j||^2 */
  const char *model_name[CF_SIMULATED_MODELS];
  double *model[CF_SIMULATED_MODELS];            /* conditions x conditions, squared distances, first the truth */
  double model_correlation[CF_SIMULATED_MODELS]; /* Pearson with the truth over the pairs */
  size_t order[CF_SIMULATED_MODELS];             /* models by falling correlation with the truth */
  double *layer[CF_SIMULATED_LAYERS];            /* conditions x features, closer and closer to the truth */
  double *rotated;                               /* the last layer, rotated, scaled by 2.5 and shifted */
  /* Expected Pearson correlation of the truth with one subject's crossnobis RDM (noise covariance known), to first
   * order; the true model reaches it, and the noise ceilings enclose it. NaN for one run. */
  double expected_ceiling;
} cf_simulated_geometry;

/* options NULL: defaults. Errors: CF_ERR_USAGE (an option out of its range), CF_ERR_MEMORY.
 * Cost: subjects * trials * channels * dims flops and as many doubles without dims. */
CF_API CF_CHECKED cf_status cf_simulate_geometry(cf_context *ctx, const cf_simulate_geometry_options *options,
                                                 cf_simulated_geometry **out);
CF_API void cf_simulated_geometry_free(cf_simulated_geometry *geometry);

/* -------------------------------------------------------------- cortex -- */

/* Visual neurons that watch gratings and fields of dots drift in several directions. Each neuron is one formula whose
 * parameters are known; simple, complex, direction-selective and flow cells are regions of its parameters. The formula
 * stands at the head of src/simulate/cortex.c and in `cortifold help simulate`.
 *
 * clusters 0: parameters are smooth functions of two latent numbers drawn uniformly from the unit square, so that the
 * neurons fill a surface. clusters K: they scatter about K centres, the types in turn, so that there are K clouds.
 * feature_maps M: neurons belong to M maps as in a convolutional network; those of a map share all parameters, the
 * preferred direction too, and see different places. */
typedef enum cf_cortex_type {
  CF_CORTEX_SIMPLE,
  CF_CORTEX_COMPLEX,
  CF_CORTEX_DIRECTION,
  CF_CORTEX_FLOW,
  CF_CORTEX_TYPES
} cf_cortex_type;

/* What is known of a neuron, one array each. */
typedef enum cf_cortex_parameter {
  CF_CORTEX_PREFERRED_DIRECTION, /* degrees in [0, 360) */
  CF_CORTEX_SPATIAL_FREQUENCY,   /* preferred, cycles per degree */
  CF_CORTEX_WIDTH,               /* half width at half height of the orientation tuning, degrees */
  CF_CORTEX_COMPLEXITY,          /* 0: half-wave rectified (simple), 1: energy (complex) */
  CF_CORTEX_DIRECTION_BIAS,      /* 0: both directions alike, 1: none against the preferred one */
  CF_CORTEX_FLOW_PREFERENCE,     /* 0: gratings, 1: flow */
  CF_CORTEX_POLARITY,            /* -1: dark dots alone, 1: bright dots alone */
  CF_CORTEX_SUSTAINED,           /* share of the response that does not decay */
  CF_CORTEX_LATENCY,             /* seconds */
  CF_CORTEX_GAIN,                /* largest rate above baseline, spikes a second */
  CF_CORTEX_BASELINE,            /* spikes a second */
  CF_CORTEX_F1F0,                /* of the steady response to the best grating */
  CF_CORTEX_PARAMETERS
} cf_cortex_parameter;
CF_API const char *cf_cortex_type_name(cf_cortex_type type);                /* "simple" ... */
CF_API const char *cf_cortex_parameter_name(cf_cortex_parameter parameter); /* "preferred_direction" ... */

typedef struct cf_simulate_cortex_options {
  size_t neurons, directions, times; /* >= 1 */
  bool eleven;                       /* the eleven published classes, else the six of recordings */
  size_t clusters;                   /* 0: a continuum */
  size_t feature_maps;               /* 0: none */
  double bin, before;                /* seconds: length of a time bin; time shown before the stimulus starts */
  double temporal_frequency;         /* of gratings, and of dots at their own spatial frequency, Hz */
  double scatter;                    /* sd of every parameter about its centre or surface, in units of its range */
  double threshold;                  /* drive below it, as a share of the largest, gives no response: sparseness */
  double noise;                      /* sd of noise of each value of `responses`, in units of the neuron's gain */
  size_t instances;                  /* of each field of dots, whose responses are averaged */
  size_t trials;                     /* of spike trains; 0: none are made */
} cf_simulate_cortex_options;
#define CF_SIMULATE_CORTEX_OPTIONS_INIT                                                                                \
  { 300, 8, 37, false, 0, 0, 1.0 / 60, 0, 4, 0.05, 0.1, 0.05, 8, 0 }

typedef struct cf_simulated_cortex {
  size_t neurons, stimuli, directions, times;
  const char *const *stimulus;             /* names of the stimuli; static */
  double *direction;                       /* directions, degrees */
  double *time;                            /* times, seconds from the start of the stimulus, centres of the bins */
  double *rate;                            /* neurons x stimuli x directions x times, spikes a second: the truth */
  double *responses;                       /* the same with noise, not below 0 */
  double *parameter[CF_CORTEX_PARAMETERS]; /* neurons each */
  double *latent;                          /* neurons x 2 of the surface; NULL with clusters */
  cf_cortex_type *type;                    /* neurons */
  size_t *cluster;                         /* neurons; NULL without clusters */
  size_t *feature_map;                     /* neurons; NULL without */
  /* Spike trains: presentation i shows stimulus i / (directions * trials), direction i / trials % directions. Spikes
   * are sorted by unit, presentation and time. NULL and 0 without trials. */
  size_t trials, presentations, spikes;
  double *spike_time; /* spikes: milliseconds from the start of the stimulus */
  uint32_t *spike_unit, *spike_presentation;
} cf_simulated_cortex;

/* options NULL: defaults. Errors: CF_ERR_USAGE (an option out of its range), CF_ERR_MEMORY.
 * Cost: about 1e5 complex products a neuron, direction and instance of the default bins, and two tensors. */
CF_API CF_CHECKED cf_status cf_simulate_cortex(cf_context *ctx, const cf_simulate_cortex_options *options,
                                               cf_simulated_cortex **out);
CF_API void cf_simulated_cortex_free(cf_simulated_cortex *cortex);

/* ---------------------------------------------------------------- nfas -- */

/* Networks of three modalities and a brain that watches, hears and reads with them: everything that an alignment space
 * is made of, with the answer known.
 *
 * Latent series, each an AR(1) process of unit variance: q shared ones and q of each modality. Region r of a network
 * has the shares S_r (shared) and P_kr (modality k) of the variance of its signal, S_r + sum_k P_kr = 1: high P_kr in
 * the home network of modality k, high S_r in the integrative ones. Its series is y_r = sqrt(C_r) signal_r + sqrt(1 -
 * C_r) noise, signal convolved with the weights 0.1 0.4 0.35 0.15 at 1 to 4 samples when delayed, C_r the noise
 * ceiling. Model m of modality k knows the shared series and those of k, each as sqrt(f_m) z + sqrt(1 - f_m) own, f_m
 * its fidelity. Layer l (from 0) of m, times x features, is a sum of modes of depth, x_l = Z_m W_1 lambda_1^l + sum_i
 * N_mi W_i |lambda_i|^l cos(l arg lambda_i) (and sin, for pairs) + layer noise, where the first mode, of modulus
 * `stable`, carries what the model knows and the others series of its own. A linear read-out of the stable mode can so
 * explain the share C_r f_m (S_r + P_kr) of region r. */
enum { CF_NFAS_MODALITIES = 3, CF_NFAS_NETWORKS = 7, CF_NFAS_MODES = 5, CF_NFAS_DELAYS = 4 };
typedef struct cf_simulate_nfas_options {
  size_t models; /* of each modality */
  size_t layers, features, times, runs, rois, latents;
  double stable;                      /* modulus of the mode that carries the knowledge */
  double fidelity_low, fidelity_high; /* of the models of a modality, evenly spaced */
  double ceiling_low, ceiling_high;   /* of the regions, drawn evenly */
  double layer_noise;                 /* sd of every value of every layer, in units of the stable mode's */
  double smoothness;                  /* lag-one correlation of the series within a run */
  bool delayed;
} cf_simulate_nfas_options;
#define CF_SIMULATE_NFAS_OPTIONS_INIT                                                                                  \
  { 15, 12, 64, 2816, 9, 400, 4, 0.99, 0.4, 0.9, 0.1, 0.6, 0.02, 0.5, true }

typedef struct cf_simulated_nfas {
  cf_simulate_nfas_options o;
  size_t models;                             /* of all modalities, one after the other */
  size_t *run;                               /* times; runs of the published lengths for 2816 times and 9 runs */
  size_t *modality, *network;                /* of the models; of the regions */
  double *series;                            /* times x rois */
  double *latent;                            /* times x 4 latents: shared, then each modality */
  double *shared, *own, *ceiling, *fidelity; /* rois; rois x 3; rois; models */
  double *alignment;                         /* models x rois: C f (S + P) */
  double eigenvalue[CF_NFAS_MODES][2];       /* real and imaginary, the stable one first */
} cf_simulated_nfas;
/* Everything but the layers. Errors: CF_ERR_USAGE (an option out of its range), CF_ERR_MEMORY. O(times rois latents).
 */
CF_API CF_CHECKED cf_status cf_simulate_nfas(cf_context *ctx, const cf_simulate_nfas_options *options,
                                             cf_simulated_nfas **out);
CF_API void cf_simulated_nfas_free(cf_simulated_nfas *n);
/* One layer of one model, times x features; layers can be made one by one in any order. O(times features latents). */
CF_API CF_CHECKED cf_status cf_simulate_nfas_layer(cf_context *ctx, const cf_simulated_nfas *n, size_t model,
                                                   size_t layer, float *out);
/* "vision", "audio", "language"; the networks' names. */
CF_API const char *cf_nfas_modality_name(size_t modality);
CF_API const char *cf_nfas_network_name(size_t network);

#ifdef __cplusplus
}
#endif
#endif
