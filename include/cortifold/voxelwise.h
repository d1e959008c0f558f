/* cortifold/voxelwise.h - encoding models of many targets (voxels, regions,
 * units): preparation of series, folds, ridge regression with all its
 * penalties at once, banded ridge, cross-validated scores, chance and
 * intervals, noise ceilings.
 *
 * Samples are rows. A run is a stretch of samples recorded without a break:
 * `run` gives the code of each sample's run (NULL: one run), its samples lie
 * one after the other. Penalties alpha multiply |B|^2 and are divided by
 * nothing.                                                                  */
#ifndef CORTIFOLD_VOXELWISE_H
#define CORTIFOLD_VOXELWISE_H

#include <cortifold/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------ series -- */

/* CF_ERR_INPUT when a run is interrupted by another. `what` begins the message. */
CF_API CF_CHECKED cf_status cf_runs_check(cf_context *ctx, size_t n, const size_t *run, const char *what);

/* out (n x delays p): delay k copies the row k samples earlier (k < 0: later) within its run, zeros where there is
 * none; columns of the first delay, then those of the next. */
CF_API CF_CHECKED cf_status cf_delay_columns(cf_context *ctx, size_t n, size_t p, const double *x, const size_t *run,
                                             size_t delays, const int *delay, double *out);

/* Takes a trend out of each column of x (n x p, leading dimension ld), in every run by itself: polynomials up to
 * `degree` (-1: none, 0: the mean), and cosines slower than cutoff seconds (0: none; tr seconds a sample). A constant
 * series becomes 0. Least squares on an orthonormal basis. */
typedef struct cf_detrend {
  int degree;
  double cutoff, tr;
} cf_detrend;
CF_API CF_CHECKED cf_status cf_detrend_columns(cf_context *ctx, size_t n, size_t p, double *x, size_t ld,
                                               const size_t *run, const cf_detrend *how);
/* Brings each column to mean 0 and standard deviation 1 (ddof 0) in every run; constant ones become 0. */
CF_API void cf_zscore_columns(size_t n, size_t p, double *x, size_t ld, const size_t *run);

/* Haemodynamic response: h(t) = g(t; d/s, s) - ratio g(t; u/w, w), g the gamma density by shape and scale, on a grid of
 * `oversampling` points a TR over `seconds`, divided by its sum. SPM d 6, u 16, s = w = 1, ratio 0.167; Glover d 6,
 * u 12, s = w = 0.9, ratio 0.35. CF_HRF_GRID_PUBLISHED: nilearn's grid, whose last point is `seconds` itself and whose
 * densities start one step late. Glover (1999), NeuroImage 9, 416. */
typedef enum cf_hrf { CF_HRF_NONE, CF_HRF_SPM, CF_HRF_GLOVER } cf_hrf;
typedef enum cf_hrf_grid { CF_HRF_GRID_EXACT, CF_HRF_GRID_PUBLISHED } cf_hrf_grid;
/* Points of the grid; then the kernel itself (as many doubles). */
CF_API size_t cf_hrf_points(double tr, size_t oversampling, double seconds);
CF_API CF_CHECKED cf_status cf_hrf_kernel(cf_context *ctx, cf_hrf hrf, cf_hrf_grid grid, double tr, size_t oversampling,
                                          double seconds, double *out);
/* Convolves columns of x (n x p), each sample held for one TR, and samples at the start of each TR; runs apart, in
 * place. 50 points a TR, 32 s. */
CF_API CF_CHECKED cf_status cf_hrf_columns(cf_context *ctx, size_t n, size_t p, double *x, size_t ld, const size_t *run,
                                           cf_hrf hrf, cf_hrf_grid grid, double tr);
/* A regressor of one run from its events: a boxcar of height 1 from onset[i] for duration[i] seconds on the grid of
 * 50 points a TR, convolved (hrf NONE: not) and sampled at the start of each of n TRs. */
CF_API CF_CHECKED cf_status cf_hrf_events(cf_context *ctx, size_t events, const double *onset, const double *duration,
                                          size_t n, double tr, cf_hrf hrf, cf_hrf_grid grid, double *out);

/* ------------------------------------------------------------- folds -- */

#define CF_TRIM_AUTO SIZE_MAX /* 5 samples, none in a fold that would lose more than half of its own */

/* fold[i] = which fold tests sample i; scored[i] = whether it counts in scores: the first and last `trim` samples of a
 * test block that borders on training samples of its own run do not. */
typedef struct cf_fold_set {
  size_t n, folds;
  size_t *fold;
  bool *scored;
} cf_fold_set;
/* k contiguous folds, the first n mod k one sample longer; k = 0: one fold a run. labels (may be NULL): the fold of
 * each sample as code instead. Errors: CF_ERR_USAGE (fewer than 2 folds, more folds than samples), CF_ERR_INPUT (a fold
 * with fewer than 2 scored or training samples). */
CF_API CF_CHECKED cf_status cf_voxel_folds(cf_context *ctx, size_t n, const size_t *run, size_t k, const size_t *labels,
                                           size_t trim, cf_fold_set **out);
CF_API void cf_fold_set_free(cf_fold_set *set);

/* ------------------------------------------------------------ scores -- */

/* Of a prediction: r 0 where either is constant; R2 = 1 - SSE/SST, 0 where SST is 0. */
CF_API double cf_score_r(size_t n, const double *y, const double *prediction);
CF_API double cf_score_R2(size_t n, const double *y, const double *prediction);
/* Shares of `parts` predictions (parts x n) in the scores of their sum p: R2_i = sum(2 y p_i - p_i p) / sum y^2 with y
 * less its mean, and r_i = cov(y, p_i) / (sd y sd p). Either output (parts) may be NULL. */
CF_API void cf_score_split(size_t n, const double *y, size_t parts, const double *part, double *R2, double *r);

/* Which accuracy a correlation r stands for: r^2; max(r, 0)^2; sign(r) r^2. */
typedef enum cf_sign_policy { CF_SIGN_SQUARE, CF_SIGN_CLIP, CF_SIGN_SIGNED } cf_sign_policy;
CF_API double cf_signed_square(double r, cf_sign_policy policy);

/* ------------------------------------------------------------- ridge -- */

typedef enum cf_voxel_method {
  CF_VOXEL_RIDGE, /* shrinkage s/(s^2 + alpha) */
  CF_VOXEL_OLS,   /* 1/s for singular values above 1e-7 of the largest */
  CF_VOXEL_PCR    /* 1/s for the first k, the candidates being counts k */
} cf_voxel_method;
typedef enum cf_inner_score { CF_INNER_CORRELATION, CF_INNER_MSE } cf_inner_score;
typedef enum cf_voxel_precision {
  CF_PRECISION_AUTO, /* single where the choice of alpha takes more than 1e11 operations (held: 5e9, or 1e9 from
                      * products of few features) */
  CF_PRECISION_DOUBLE,
  CF_PRECISION_SINGLE
} cf_voxel_precision;

typedef struct cf_ridge_options {
  cf_voxel_method method;
  size_t candidates; /* of alpha (pcr: numbers of components); 0: 20 from 1e-1 to 1e8, evenly in their logarithm */
  const double *candidate;      /* ascending or not; NULL with candidates 0 */
  bool shared;                  /* one alpha for all targets, by their mean score */
  bool conservative;            /* the largest alpha whose score is within one SD (over folds) of the best */
  cf_inner_score score;         /* that alpha is chosen by: its mean over the folds, ties toward the larger alpha */
  cf_voxel_precision precision; /* of the products that alpha is chosen by; all else is double */
} cf_ridge_options;
#define CF_RIDGE_OPTIONS_INIT                                                                                          \
  { CF_VOXEL_RIDGE, 0, NULL, false, false, CF_INNER_CORRELATION, CF_PRECISION_AUTO }

/* Weights B (p x t) of min |Y - X B|^2 + alpha_j |B_j|^2 for x (n x p), y (n x t) and one alpha a target: from the SVD
 * of X, B = V diag(s/(s^2 + alpha)) U'Y, or from the kernel, w = (X X' + alpha I)^-1 Y, B = X'w (dual may be NULL: n x
 * t). Nothing is centred. O(n p min(n, p) + n p t). */
CF_API CF_CHECKED cf_status cf_ridge_svd(cf_context *ctx, size_t n, size_t p, size_t t, const double *x,
                                         const double *y, const double *alpha, double *weights);
CF_API CF_CHECKED cf_status cf_ridge_kernel(cf_context *ctx, size_t n, size_t p, size_t t, const double *x,
                                            const double *y, const double *alpha, double *weights, double *dual);

/* Chooses alpha for each target by cross-validation over the folds, from one eigendecomposition a fold, and refits on
 * all samples. Nothing is centred. Outputs, each may be NULL: alpha t, best t (mean score of it), scores
 * (candidates x t), weights p x t, dual n x t. Targets come in blocks of columns. NaN in targets: CF_ERR_INPUT. */
CF_API CF_CHECKED cf_status cf_ridge_cv(cf_context *ctx, size_t n, size_t p, const double *x, const cf_blocks *targets,
                                        const cf_fold_set *folds, const cf_ridge_options *options, double *alpha,
                                        double *best, double *scores, double *weights, double *dual);

/* ----------------------------------------------------- encoding models -- */

typedef enum cf_feature_scale { CF_FEATURES_ZSCORE, CF_FEATURES_CENTER, CF_FEATURES_RAW } cf_feature_scale;
typedef enum cf_target_scale {
  CF_TARGETS_TRAINING, /* the mean of the training samples is taken out */
  CF_TARGETS_RUN,      /* first every run to mean 0 and SD 1, then as TRAINING */
  CF_TARGETS_RAW
} cf_target_scale;
typedef enum cf_null_kind { CF_NULL_NONE, CF_NULL_SHIFT, CF_NULL_PERMUTE } cf_null_kind;

typedef struct cf_voxel_options {
  cf_ridge_options ridge;
  size_t delays; /* 0: none, the same as one delay of 0 */
  const int *delay;
  cf_hrf hrf;
  cf_hrf_grid hrf_grid;
  double tr; /* seconds, for the response and for cosines */
  cf_feature_scale features;
  cf_target_scale targets;
  cf_detrend detrend; /* of targets */
  size_t inner_folds; /* contiguous, within the training samples; 0: one a run (or, with folds by label, a fold) */
  size_t trim;        /* of inner test blocks */
  cf_sign_policy sign;
  const size_t *band;  /* band of each feature, codes from 0; NULL: one band, plain ridge */
  size_t bands, draws; /* draws: how many weightings of the bands are tried, the first equal */
  cf_null_kind null_kind;
  bool refit; /* null: all responses are moved and the models fitted again with the same alphas; else those of test
               * samples against predictions that stay, which leaves out that folds share data: too many small p */
  size_t permutations, bootstrap, block; /* block: samples a bootstrap block */
  bool predictions;
  bool null_r2; /* keep r2 of every draw of the null */
  /* Targets are held and folds computed side by side: one decomposition a fold, inner folds left out of it as blocks
   * (exact, where all penalties are well above rounding; else as without). For few targets and many features. Not with
   * bands or refit. */
  bool held;
  const cf_blocks *fold_features; /* held: features of each fold, such as those estimated on its training samples; NULL:
                                   * the same for all */
} cf_voxel_options;
#define CF_VOXEL_OPTIONS_INIT                                                                                          \
  {                                                                                                                    \
    CF_RIDGE_OPTIONS_INIT, 0, NULL, CF_HRF_NONE, CF_HRF_GRID_EXACT, 1, CF_FEATURES_ZSCORE, CF_TARGETS_TRAINING,        \
        {-1, 0, 1}, 5, CF_TRIM_AUTO, CF_SIGN_SQUARE, NULL, 0, 100, CF_NULL_NONE, false, 1000, 0, 20, false, false,     \
        false, NULL                                                                                                    \
  }

typedef enum cf_target_state { CF_TARGET_FITTED = 0, CF_TARGET_CONSTANT = 1, CF_TARGET_NAN = 2 } cf_target_state;

/* Scores of all targets. Those that are constant have 0, those with NaN have NaN; neither counts in means. */
typedef struct cf_voxel_result {
  size_t n, targets, folds, candidates, bands, features, constant_features;
  double *candidate;
  double *r, *r2, *R2;    /* targets: means over folds of rho, its square by the sign policy, and R2 */
  double *r_concatenated; /* targets: correlation over all scored samples of all folds */
  double *rho;            /* folds x targets */
  double *alpha;          /* targets: the median over folds */
  double *alpha_fold;     /* folds x targets */
  double *inner;       /* folds x targets: score over the inner folds of the alpha that was chosen; NULL unless held */
  uint8_t *state;      /* targets: cf_target_state */
  double *p;           /* targets: chance of a mean rho this large, one-sided; NULL without null */
  double *q;           /* p adjusted over targets (Benjamini-Hochberg) */
  double *null_mean;   /* targets: mean of r2 under the null */
  double *null_r2;     /* permutations x targets; NULL unless asked for */
  double *low, *high;  /* targets: 95 % interval of r2 from resampled blocks; NULL without */
  double *band_weight; /* bands x targets: gamma, mean over folds; NULL without bands */
  double *split_r2, *split_r; /* bands x targets: shares of R2 and of r, means over folds */
  double *prediction;         /* n x targets, NaN where nothing is scored; NULL unless asked for */
  size_t fitted, constant, missing;
  double mean_r, mean_r2, mean_R2, negative; /* negative: share of fitted targets with r < 0 */
  size_t edge_low, edge_high;                /* targets whose alpha is at an end of the grid in most folds */
  bool single;                               /* alpha was chosen in single precision */
} cf_voxel_result;

/* Cross-validated encoding models of features (n x p) for targets (n x t), both read in blocks of columns; the memory
 * of the context bounds what is held. Features are convolved, scaled by statistics of the training samples, delayed.
 * Errors: CF_ERR_INPUT (NaN in features, all of them constant, memory too small for the n x n kernel). */
CF_API CF_CHECKED cf_status cf_voxel_encode(cf_context *ctx, const cf_blocks *features, const cf_blocks *targets,
                                            const size_t *run, const cf_fold_set *folds,
                                            const cf_voxel_options *options, cf_voxel_result **out);
CF_API void cf_voxel_result_free(cf_voxel_result *encoding);

/* ----------------------------------------------------- noise ceilings -- */

/* data: repeats (or subjects) x samples x targets. */
typedef struct cf_repeats {
  size_t repeats, samples, targets;
  const double *data;
} cf_repeats;
/* Explainable variance of z-scored repeats, ev = Var_t(mean) / mean(Var_t); corrected = ev - (1 - ev)/(n - 1). Either
 * output (targets) may be NULL. Targets that are constant in a repeat give NaN, here and below. */
CF_API CF_CHECKED cf_status cf_ceiling_explainable(cf_context *ctx, const cf_repeats *data, double *ev,
                                                   double *corrected);
/* Spearman-Brown 2 r/(1 + r) of the means of two halves, averaged over all distinct halvings (an odd repeat is left out
 * in turn; more than `most` halvings: that many drawn). */
CF_API CF_CHECKED cf_status cf_ceiling_split_half(cf_context *ctx, const cf_repeats *data, size_t most, double *out);
/* ncsnr = signal SD / noise SD and NC = ncsnr^2 / (ncsnr^2 + 1/n). Allen et al. (2022), Nat. Neurosci. 25, 116. */
CF_API CF_CHECKED cf_status cf_ceiling_ncsnr(cf_context *ctx, const cf_repeats *data, double *ncsnr, double *ceiling);
/* Signal power SP and, with a prediction (samples x targets), CC_norm = cov(mean, prediction)/sqrt(var(prediction) SP).
 * Schoppe et al. (2016), Front. Comput. Neurosci. 10, 10. ceiling = sqrt(SP / Var(mean)), the correlation of a perfect
 * prediction. Any output may be NULL. */
CF_API CF_CHECKED cf_status cf_ceiling_signal_power(cf_context *ctx, const cf_repeats *data, const double *prediction,
                                                    double *power, double *cc_norm, double *ceiling);
/* Leave-one-out correlation between subjects: lower with the mean of the others, upper with the mean of all; both
 * subjects x targets. */
CF_API CF_CHECKED cf_status cf_ceiling_isc(cf_context *ctx, const cf_repeats *data, double *lower, double *upper);

#ifdef __cplusplus
}
#endif
#endif
