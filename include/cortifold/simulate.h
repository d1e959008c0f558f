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

#ifdef __cplusplus
}
#endif
#endif
