/* cortifold/rdm.h - representational dissimilarity matrices: the table of
 * metrics, noise normalisation, cross-validation over folds, missing data, and
 * packing of square matrices to upper triangles.                            */
#ifndef CORTIFOLD_RDM_H
#define CORTIFOLD_RDM_H

#include <cortifold/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------- triangles -- */

/* Pairs i < j of n conditions: n (n - 1) / 2. Row-major order (0,1) (0,2) ... (n-2,n-1), that of scipy's squareform. */
CF_API size_t cf_rdm_pairs(size_t n);
/* Conditions n with n (n - 1) / 2 == pairs, 0 when there is none (pairs 0 gives 0). */
CF_API size_t cf_rdm_conditions(size_t pairs);

typedef enum cf_rdm_check {
  CF_RDM_FINITE = 0,   /* every off-diagonal entry must be finite */
  CF_RDM_ALLOW_NAN = 1 /* NaN passes (when both triangles have it), infinities do not */
} cf_rdm_check;
/* Upper triangle (cf_rdm_pairs(n) doubles) of a square n x n view: the mean of both triangles. Checks that it is square
 * and symmetric (|d_ij - d_ji| <= 1e-5 max |d|), that the diagonal is zero to the same tolerance (NaN there is taken as
 * "not given") and that entries are finite. `what` names the matrix in messages. Errors: CF_ERR_INPUT with the
 * position. O(n^2). */
CF_API CF_CHECKED cf_status cf_rdm_pack(cf_context *ctx, const cf_view *square, cf_rdm_check check, const char *what,
                                        double *packed);
/* Square n x n row-major matrix with a zero diagonal from an upper triangle. */
CF_API void cf_rdm_unpack(size_t n, const double *packed, double *square);

/* --------------------------------------------------------------- metrics -- */

/* What a metric promises on data without missing values; the property tests check each. */
typedef struct cf_rdm_metric {
  const char *id;      /* name of the option's value */
  const char *formula; /* with x_i the pattern of condition i, sums over channels c */
  const char *reference;
  const char *input;    /* kind of values it is made for */
  bool needs_folds;     /* cross-validated: wants `folds` */
  bool uses_noise;      /* `noise` other than none is allowed */
  bool may_be_negative; /* unbiased estimates may fall below zero */
  bool root;            /* per-channel division comes before a square root */
  bool per_channel;     /* per-channel division has a meaning */
  bool pairwise;        /* the pairwise missing-data policy is defined */
  /* Declared invariances: d does not change when every pattern ... */
  bool pattern_scale; /* ... is multiplied by a positive factor of its own */
  bool pattern_shift; /* ... gets a constant of its own added to all its channels */
  bool common_shift;  /* ... gets the same vector added */
  bool rotation;      /* ... is rotated by one orthogonal channels x channels matrix (without noise normalisation) */
  bool linear;   /* ... is mapped by one invertible matrix (with noise `full` or a given covariance mapped along) */
  double degree; /* d(a X) = a^degree d(X) for a > 0; NaN: no such law */
} cf_rdm_metric;
/* In the order of help; NULL past the end.                                  */
CF_API const cf_rdm_metric *cf_rdm_metric_at(size_t i);
CF_API const cf_rdm_metric *cf_rdm_metric_find(const char *id);
/* "correlation|cosine|..." for option tables.                               */
#define CF_RDM_METRICS "correlation|cosine|euclidean|sqeuclidean|mahalanobis|crossnobis|poisson|poisson-cv"

/* --------------------------------------------------------------- options -- */

/* Noise covariance Sigma of mahalanobis and crossnobis. Residuals are rows minus the mean of their condition, n rows, K
 * conditions, dof = n - K (per-fold estimates: condition means and counts within the fold).
 *   diagonal   Sigma_cc = sum_k r_kc^2 / dof
 *   shrinkage  Ledoit & Wolf (2004) towards m I: S = R'R/n, m = tr S / p, d2 = ||S - mI||_F^2,
 *              b2 = min(d2, sum_k ||r_k r_k' - S||_F^2 / n^2), Sigma = ((b2/d2) m I + (1 - b2/d2) S) n/dof;
 *              never formed: diagonal plus low rank, all products from the Gram matrix of the rows
 *   full       R'R / dof, needs dof >= channels
 *   given      a covariance (channels x channels), or one per fold in ascending fold order (folds x channels x
 * channels) */
typedef enum cf_rdm_noise {
  CF_RDM_NOISE_NONE,
  CF_RDM_NOISE_DIAGONAL,
  CF_RDM_NOISE_SHRINKAGE,
  CF_RDM_NOISE_FULL,
  CF_RDM_NOISE_GIVEN
} cf_rdm_noise;
CF_API const char *cf_rdm_noise_name(cf_rdm_noise noise);

/* What to do with NaN and infinities in the patterns.                       */
typedef enum cf_rdm_nan {
  CF_RDM_NAN_ERROR,          /* an error that names the position */
  CF_RDM_NAN_DROP_CHANNEL,   /* channels with a missing value in any row are left out */
  CF_RDM_NAN_DROP_CONDITION, /* conditions with a missing value in any of their rows are left out */
  CF_RDM_NAN_PAIRWISE /* each pair uses the channels that both have; sums are scaled by channels / shared channels */
} cf_rdm_nan;
CF_API const char *cf_rdm_nan_name(cf_rdm_nan nan);

typedef struct cf_rdm_options {
  const char *metric;         /* id of a metric */
  const cf_array *conditions; /* label per row; rows of one label are averaged. NULL: each row is a condition */
  const cf_array *folds;      /* label per row (run, session); for cross-validated metrics */
  cf_rdm_noise noise;
  const cf_view *covariance; /* for CF_RDM_NOISE_GIVEN */
  bool noise_per_fold; /* crossnobis: one estimate per fold; a pair of folds (f, g) uses (Sigma_f + Sigma_g) / 2 */
  bool per_channel;    /* divide squared distances (and the Poisson divergence) by the number of channels used */
  cf_rdm_nan nan;
  bool constant_nan; /* constant pattern under correlation, zero pattern under cosine: NaN instead of an error */
  double prior_lambda, prior_weight; /* of the Poisson metrics */
  bool double_precision; /* crossnobis: no product in single precision, whatever its size (see cf_rdm.single_precision)
                          */
} cf_rdm_options;
#define CF_RDM_OPTIONS_INIT                                                                                            \
  { "correlation", NULL, NULL, CF_RDM_NOISE_NONE, NULL, false, false, CF_RDM_NAN_ERROR, false, 1.0, 0.1, false }

/* ---------------------------------------------------------------- result -- */

typedef struct cf_rdm {
  size_t n;              /* conditions in the matrix */
  double *d;             /* n x n row-major, exactly symmetric, diagonal exactly 0 */
  cf_array *conditions;  /* n labels in the order of the rows; integers 0.. when no labels were given */
  size_t rows, channels; /* of the input */
  size_t channels_used;
  size_t folds; /* 0 when the metric has none */
  size_t dropped_conditions;
  size_t recomputed;     /* pairs that were so close that they were computed a second time from the differences */
  bool single_precision; /* crossnobis of a large problem: the products of the differences between folds (noise) were
                          * taken in single precision, their diagonal in double; error about 1e-9 of the noise power */
  cf_rdm_noise noise;
  double noise_dof; /* residual degrees of freedom (sum over folds when per fold); NaN for none and given */
  double shrinkage; /* Ledoit-Wolf intensity b2/d2 in 0..1 (mean over folds when per fold); NaN otherwise */
} cf_rdm;
CF_API void cf_rdm_free(cf_rdm *rdm);

/* RDM of patterns (rows x channels), any strides. Conditions come out in ascending order of label.
 * Averaging: rows of one condition have equal weight. crossnobis and poisson-cv leave one fold out: test = mean of the
 * condition's rows in the fold, train = mean of its rows in all other folds; a pair that is missing from some folds is
 * averaged over the folds where both conditions can be tested and trained.
 * Errors: CF_ERR_USAGE (metric, noise or missing-data policy that do not fit together), CF_ERR_INPUT (fewer than two
 * conditions, label lengths, missing values, constant patterns, a pair that no fold can test, negative rates),
 * CF_ERR_NUMERIC (singular noise covariance), CF_ERR_MEMORY.
 * Cost: K^2 p flops (one symmetric rank-p product); crossnobis F times that when every fold has each condition equally
 * often, else 2 F times; shrinkage noise n^2 p for n rows. Memory: K^2, plus a block of columns. */
CF_API CF_CHECKED cf_status cf_rdm_compute(cf_context *ctx, const cf_view *patterns, const cf_rdm_options *options,
                                           cf_rdm **out);
/* The same over a matrix that need not fit in memory: read in blocks of columns, once for the squared distances, twice
 * for correlation, once more when pairs must be recomputed; stays within cf_context_memory(). Noise `full` and `given`
 * load the data, and fail with CF_ERR_MEMORY when they exceed the budget. */
CF_API CF_CHECKED cf_status cf_rdm_compute_blocks(cf_context *ctx, const cf_blocks *patterns,
                                                  const cf_rdm_options *options, cf_rdm **out);
/* Flops and peak bytes of such a call, for planning. conditions and folds 0: unknown, taken as rows and 1. */
CF_API void cf_rdm_cost(size_t rows, size_t channels, size_t conditions, size_t folds, const char *metric,
                        cf_rdm_noise noise, double *flops, double *bytes);

#ifdef __cplusplus
}
#endif
#endif
