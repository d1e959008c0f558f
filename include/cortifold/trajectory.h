/* cortifold/trajectory.h - what a population says about the stimulus, and the
 * paths that it takes: decoding manifold, classifiers over growing and
 * shrinking windows, trajectories, and tubularity.
 * Spec: Bertram, Dyballa, Keller, Kinger & Zucker (2026), arXiv 2601.21508. */
#ifndef CORTIFOLD_TRAJECTORY_H
#define CORTIFOLD_TRAJECTORY_H

#include <cortifold/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------ resampling -- */

/* Series of n points to m points over the same span, each row of x (series x n) to a row of out (series x m): the
 * spectrum times a periodic Hamming window, cut or padded, and back (SciPy's signal.resample with window='hamming').
 * Errors: CF_ERR_USAGE (n or m of 0, n m above 2^28). Cost: series (n + m) min(n, m) products in BLAS. */
CF_API CF_CHECKED cf_status cf_resample_hamming(cf_context *ctx, size_t series, size_t n, const double *x, size_t m,
                                                double *out);

/* -------------------------------------------------------------- manifolds -- */

/* Decoding manifold: the k leading principal components (centred, not scaled) of the time means of responses (neuron,
 * stimulus, direction, time). coordinates conditions x k, conditions stimulus by stimulus; ratio k explained shares.
 * k is at most min(conditions, neurons). Errors: CF_ERR_INPUT (not four axes, NaN), CF_ERR_USAGE (k). */
CF_API CF_CHECKED cf_status cf_decoding_manifold(cf_context *ctx, const cf_view *responses, size_t k,
                                                 double *coordinates, double *ratio);
/* Decoding trajectories: the same of all rows (stimulus, direction, time): coordinates conditions x times x k. zscore:
 * neurons are first centred and divided by their sd (population) over the rows; those that are constant up to rounding
 * by 1. */
CF_API CF_CHECKED cf_status cf_decoding_trajectories(cf_context *ctx, const cf_view *responses, size_t k, bool zscore,
                                                     double *coordinates, double *ratio);

/* ------------------------------------------------------------ classifiers -- */

/* Leave-one-out vote of the k nearest others (Euclidean, ties to the lower index, equal votes to the lowest code):
 * predicted code of each of n points (n x dims). Errors: CF_ERR_USAGE (k not in 1 .. n - 1). O(n^2 dims). */
CF_API CF_CHECKED cf_status cf_knn_leave_one_out(cf_context *ctx, size_t n, size_t dims, const double *x,
                                                 const size_t *code, size_t k, size_t *predicted);

/* Folds that hold every code as evenly as can be: fold[i] in 0 .. folds - 1; each code's points in the order of the
 * stream (task, replicate). */
CF_API CF_CHECKED cf_status cf_folds_stratified(cf_context *ctx, size_t n, const size_t *code, size_t codes,
                                                size_t folds, uint64_t task, uint32_t replicate, size_t *fold);

/* Multinomial logistic regression with L2 penalty: minimises c * sum of -log p(code) + |W|^2 / 2 over weights W (codes
 * x dims) and intercepts b (codes), which are not penalised and have mean 0. x n x dims; the work is done in
 * the space of the rows, n^2 dims flops and a few n^3. W and b may be NULL; a code that does not occur gets weights of
 * 0 and an intercept of -INFINITY. The optimum is unique in W and found to a gradient of 1e-6, so that W is off by no
 * more; *residual (may be NULL) is that gradient's length.
 * Errors: CF_ERR_USAGE (c not positive, fewer than two codes), CF_ERR_INPUT (NaN). */
CF_API CF_CHECKED cf_status cf_logistic_fit(cf_context *ctx, size_t n, size_t dims, const double *x, const size_t *code,
                                            size_t codes, double c, double *w, double *b, double *residual);

typedef enum cf_classifier { CF_CLASSIFY_KNN = 1, CF_CLASSIFY_LOGISTIC = 2, CF_CLASSIFY_MEAN = 4 } cf_classifier;

typedef struct cf_decode_options {
  unsigned classifiers; /* of cf_classifier */
  bool by_direction;    /* the label of a condition is its direction instead of its stimulus */
  bool root;            /* features are square roots of the means, which levels the variance of counts */
  size_t neighbours;    /* 3 */
  double c;             /* 1 */
  size_t folds;         /* of logistic regression, 5 */
  size_t mean_folds;    /* of nearest mean, 10 */
  size_t runs;          /* shuffles of the folds, 5 */
  bool windows;         /* growing and shrinking windows too */
  size_t permutations;  /* of the labels, for chance; 200; 0: none */
} cf_decode_options;
#define CF_DECODE_OPTIONS_INIT                                                                                         \
  { CF_CLASSIFY_KNN | CF_CLASSIFY_LOGISTIC, false, false, 3, 1, 5, 10, 5, true, 200 }

typedef struct cf_decode_score {   /* of one classifier; NaN and NULL where it was not asked for */
  double accuracy;                 /* mean over runs */
  double sd, error;                /* over runs: sd (n - 1) and sd / sqrt(runs); NaN for a single run */
  double chance, chance_sd, p;     /* of permuted labels; p = (1 + number as good) / (1 + permutations); NaN without */
  size_t runs;                     /* 1 for k-NN, which shuffles nothing */
  double *run;                     /* runs: accuracy of each */
  size_t *confusion;               /* classes x classes: label, predicted label; over all runs */
  double *increasing, *decreasing; /* times: window [0 .. t], window [t .. T - 1]; NULL without windows */
  double *increasing_sd, *decreasing_sd; /* the same, over runs; NULL for a single run */
} cf_decode_score;
enum { CF_SCORE_KNN, CF_SCORE_LOGISTIC, CF_SCORE_MEAN, CF_SCORES };

typedef struct cf_decoding {
  size_t conditions, times, classes, permutations;
  size_t *code;      /* conditions: label, its number */
  size_t *predicted; /* conditions: by k-NN; NULL without it */
  cf_decode_score score[CF_SCORES];
  size_t fits, converged; /* logistic fits; those that ended with a gradient below 1e-6 */
  double worst_gradient;
} cf_decoding;

/* Features of a condition (stimulus, direction) are its means over the window, of every neuron, as they are. Logistic
 * regression: `runs` stratified shuffled cross-validations. Nearest mean: the label whose training mean is nearest.
 * Permutations shuffle labels over conditions and score anew in the same way. All of it in the space of the conditions:
 * one product of size conditions^2 x neurons a window. Same bits for any number of threads.
 * Errors: CF_ERR_INPUT (fewer than two labels, a negative response with root), CF_ERR_USAGE (an option). */
CF_API CF_CHECKED cf_status cf_decode(cf_context *ctx, const cf_view *responses, const cf_decode_options *options,
                                      cf_decoding **out);
CF_API void cf_decoding_free(cf_decoding *decoding);

/* ----------------------------------------------------------------- curves -- */

/* Curves of equally many points at equal arc lengths, u = 0 .. 1. */
typedef struct cf_curves {
  size_t count, points, dims;
  double *x;          /* count x points x dims */
  double *derivative; /* the same: dx/du by central differences, one-sided at the ends */
  double *tangent;    /* the same: derivative / (|derivative| + 1e-12) */
  double *length;     /* count: of the polyline as given */
} cf_curves;
/* points[i] points of dims numbers each, curve after curve in x; `resampled` points each come out. Errors: CF_ERR_INPUT
 * (a curve of fewer than 2 points, NaN), CF_ERR_USAGE (resampled < 3). */
CF_API CF_CHECKED cf_status cf_curves_make(cf_context *ctx, size_t count, const size_t *points, size_t dims,
                                           const double *x, size_t resampled, cf_curves **out);
CF_API void cf_curves_free(cf_curves *curves);
/* d^2 = mean over u of |a - b|^2 + weight |a' - b'|^2, count x count. O(count^2 points dims). */
CF_API CF_CHECKED cf_status cf_curves_h1(cf_context *ctx, const cf_curves *curves, double weight, double *distance);

/* Bundles of curves by their H1 distances over the median distance. */
typedef enum cf_curve_rule {
  CF_CURVES_HDBSCAN,   /* excess of mass, core distance to the min_samples-th other curve */
  CF_CURVES_DBSCAN,    /* eps 1.2, 1.5, 2, 3 until there is a cluster, min_samples with the curve itself */
  CF_CURVES_THRESHOLD, /* components of the graph of distances up to 1.2 */
  CF_CURVES_ONE        /* no cluster of two curves or more: all are one */
} cf_curve_rule;
typedef struct cf_curve_cluster_options {
  cf_curve_rule rule; /* HDBSCAN; for fewer curves than min_samples + 1, DBSCAN; where that finds none, THRESHOLD */
  double weight;      /* of the derivatives in H1, 0.5 */
  size_t min_size;    /* 4 */
  size_t min_samples; /* 0: max(3, min_size / 2) */
} cf_curve_cluster_options;
#define CF_CURVE_CLUSTER_OPTIONS_INIT                                                                                  \
  { CF_CURVES_HDBSCAN, 0.5, 4, 0 }
/* label count, -1 = noise, clusters numbered by first appearance; *used (may be NULL) the rule that they come from.
 * Errors: CF_ERR_USAGE (min_size < 2, a weight below 0). Campello, Moulavi & Sander (2013). O(count^2 points dims). */
CF_API CF_CHECKED cf_status cf_curves_cluster(cf_context *ctx, const cf_curves *curves,
                                              const cf_curve_cluster_options *options, int *label, cf_curve_rule *used);

/* ------------------------------------------------------------- tubularity -- */

typedef struct cf_tube_options {
  double smoothing;   /* residual budget s of the centreline's smoothing spline (Dierckx), absolute; 0: natural cubic
                       * interpolation */
  size_t bins;        /* B of u; 100 */
  double quantile;    /* 0.9 */
  bool noise_is_tube; /* curves labelled -1 are a bundle of their own, as published; else they are left out */
} cf_tube_options;
#define CF_TUBE_OPTIONS_INIT                                                                                           \
  { 0, 100, 0.9, false }
#define CF_TUBE_OPTIONS_PAPER                                                                                          \
  { 0.01, 100, 0.9, true }

typedef struct cf_tube { /* one bundle of two curves or more */
  int label;
  size_t curves;
  double eps;    /* median distance to the nearest point of another curve among the 10 nearest points; 1 without */
  double length; /* L of the centreline, polyline at 400 points */
  double tight, cross; /* S_tight, S_cross */
  double crossings;    /* the sum behind S_cross, before 1/L */
  double length_cross; /* L S_cross: without a unit */
  double separation;   /* smallest mean distance to another bundle's centreline; NaN for a single bundle */
  double context;      /* mean radius / separation: tightness seen from the neighbours */
} cf_tube;

typedef struct cf_tubularity {
  size_t tubes, points, dims, bins;
  size_t noise, singletons;          /* curves left out: labelled -1; alone in their bundle */
  double tight, cross, length_cross; /* means over bundles weighted by their numbers of curves; NaN without bundles */
  double context;                    /* the same over bundles that have a neighbour */
  cf_tube *tube;                     /* by first appearance of the label */
  double *centreline;                /* tubes x points x dims, at u = 0 .. 1 */
  double *profile;                   /* tubes x bins: radius R_q(u) */
} cf_tubularity;

/* Tubularity of labelled curves. For a bundle of m curves of M points, centreline c(u), q-quantiles over bins of u:
 *   S_tight = 1/L mean over bins of quantile_q |x_i(u) - c(bin centre)|
 *   S_cross = 1/L 2/(m (m - 1)) sum over pairs of points of different curves with rho <= 3 eps of
 *             exp(-rho^2 / (2 eps^2)) (1 - (T_i . T_j)^2) / M^2
 * Without a bundle of two curves all curves are one. Both are 0 for perfect tubes. S_tight has no unit but a floor from
 * the bins' width (up to L / (2 B) along the tube); S_cross has the unit 1 / length.
 * Errors: CF_ERR_INPUT (one curve), CF_ERR_USAGE (bins 0, quantile outside 0 .. 1). Cost: m M searches in a k-d tree of
 * m M points a bundle. */
CF_API CF_CHECKED cf_status cf_tubularity_compute(cf_context *ctx, const cf_curves *curves, const int *label,
                                                  const cf_tube_options *options, cf_tubularity **out);
CF_API void cf_tubularity_free(cf_tubularity *tubularity);

/* ------------------------------------------------- tubularity of responses -- */

typedef struct cf_tubes_options {
  cf_tube_options tube;
  const cf_tube_options *beside; /* NULL, or a second set of rules, measured on the same curves of every replicate */
  size_t components;             /* of the PCA, 10; fewer when there are fewer neurons */
  size_t points;                 /* M, 150 */
  const int *label;              /* conditions; NULL: the stimulus, or clusters */
  bool cluster;                  /* bundles are clusters of the curves, found anew in every replicate */
  cf_curve_cluster_options clusters;
  size_t bootstrap;    /* replicates of the neurons, 30 */
  size_t equal;        /* 0: a replicate draws as many neurons as there are, with replacement; else that many without */
  size_t permutations; /* of the labels over the curves; 0: none. Not for clusters, which come from the same curves */
  double coverage;     /* of the intervals, 0.95 */
} cf_tubes_options;
#define CF_TUBES_OPTIONS_INIT                                                                                          \
  { CF_TUBE_OPTIONS_INIT, NULL, 10, 150, NULL, false, CF_CURVE_CLUSTER_OPTIONS_INIT, 30, 0, 0, 0.95 }

typedef struct cf_tubes_estimate {
  double value;        /* of all neurons */
  double mean, sd;     /* over replicates; NaN without */
  double error;        /* sd / sqrt(replicates): how well the mean is known */
  double low, high;    /* percentile interval of the replicates */
  double null_mean, p; /* of permuted labels: p = (1 + number as small) / (1 + permutations); NaN without */
  double *replicate;   /* values */
} cf_tubes_estimate;
enum { CF_TUBES_TIGHT, CF_TUBES_CROSS, CF_TUBES_LENGTH_CROSS, CF_TUBES_SCORES };

typedef struct cf_tubes {
  size_t neurons, conditions, times, components;
  size_t constant; /* neurons without variance */
  size_t replicates, permutations;
  double *explained;  /* components: shares of variance */
  cf_curves *curves;  /* of all neurons */
  int *label;         /* conditions */
  cf_curve_rule rule; /* when clustered */
  cf_tubularity *all; /* of all neurons */
  cf_tubes_estimate score[CF_TUBES_SCORES];
  cf_tubularity *beside; /* by the second set of rules, without a permutation test; NULL without */
  cf_tubes_estimate beside_score[CF_TUBES_SCORES];
  double *tube_interval; /* tubes x scores x 2: interval of each bundle; NULL when clustered or without replicates */
  size_t *clusters;      /* replicates: bundles found; NULL unless clustered */
} cf_tubes;

/* z-score of every neuron over all rows (stimulus, direction, time), PCA, one curve a condition (stimulus, direction),
 * tubularity; then of resampled neurons, and of labels permuted over the curves.
 * Errors: CF_ERR_INPUT (not four axes, NaN, one time bin, one condition, all neurons constant), CF_ERR_USAGE (equal
 * above the number of neurons, fewer than two replicates).
 * Cost: neurons^2 x rows once, and a few products of a matrix of that side with vectors a replicate; for more than 4096
 * neurons that are more than the rows, rows^2 x neurons a replicate. */
CF_API CF_CHECKED cf_status cf_tubes_compute(cf_context *ctx, const cf_view *responses, const cf_tubes_options *options,
                                             cf_tubes **out);
CF_API void cf_tubes_free(cf_tubes *tubes);

/* Tubularity against the quantile and the centreline's smoothing, over replicates of the neurons. */
enum { CF_TUBES_QUANTILES = 6, CF_TUBES_SMOOTHINGS = 5 };
typedef struct cf_tubes_sensitivity {
  double quantile[CF_TUBES_QUANTILES];                                                       /* .7 .75 .8 .85 .9 .95 */
  double smoothing[CF_TUBES_SMOOTHINGS];                                                     /* 1 1.5 2 2.5 3 */
  double tight_by_quantile[CF_TUBES_QUANTILES][2], cross_by_quantile[CF_TUBES_QUANTILES][2]; /* mean, sd */
  double tight_by_smoothing[CF_TUBES_SMOOTHINGS][2], cross_by_smoothing[CF_TUBES_SMOOTHINGS][2];
} cf_tubes_sensitivity;
/* `repetitions` replicates, 20 bins. Labels as in cf_tubes_compute. */
CF_API CF_CHECKED cf_status cf_tubes_sense(cf_context *ctx, const cf_view *responses, const cf_tubes_options *options,
                                           size_t repetitions, cf_tubes_sensitivity *out);

/* --------------------------------------------------------- synthetic tubes -- */

typedef enum cf_tube_kind { CF_TUBE_ONE, CF_TUBE_PARALLEL, CF_TUBE_CROSSING } cf_tube_kind;
typedef struct cf_tube_world {
  cf_tube_kind kind;
  bool smooth;       /* a curve keeps one offset; else every point is jittered, as in the published tests */
  double radius;     /* sd of offsets or jitter */
  double separation; /* of parallel tubes */
  double angle;      /* of crossing tubes, degrees */
  size_t per_tube;   /* curves */
} cf_tube_world;
/* Curves in the plane of 90 to 129 points around one line, two parallel lines, or two that cross; label count: the tube
 * of each. Random numbers: the stream of `replicate`. */
CF_API CF_CHECKED cf_status cf_synthetic_tubes(cf_context *ctx, const cf_tube_world *world, uint32_t replicate,
                                               size_t resampled, cf_curves **curves, int *label);

/* The published grid: one tube of 4 radii, two parallel ones of 3 separations x 2 radii, two crossing ones of 7 angles
 * x 3 radii; M = 160, B = 30, HDBSCAN with at least 6 curves. Then the same with smooth curves of one radius (ours):
 * jitter hides what crossings are, and dominates the derivatives in H1. */
enum { CF_SYNTHETIC_ROWS = 4 + 6 + 21 + 1 + 3 + 7 };
typedef struct cf_synthetic_row { /* one test */
  cf_tube_world world;
  double tight, cross, length_cross;            /* of the bundles that HDBSCAN finds on H1 distances, as published */
  double planted_tight, planted_length_cross;   /* of the tubes */
  double together_tight, together_length_cross; /* of all curves as one bundle */
  size_t clusters;                              /* that HDBSCAN finds */
  double agreement;        /* adjusted Rand index of them, noise as a group, with the tubes; NaN for one tube */
  double agreement_places; /* the same on distances without derivatives */
  bool pure;               /* no cluster on H1 distances holds curves of both tubes */
  bool pass;
  const char *expected; /* what a tube of this kind must show */
} cf_synthetic_row;
/* options NULL: clean; bins are set to 30. Seconds. */
CF_API CF_CHECKED cf_status cf_synthetic_tests(cf_context *ctx, const cf_tube_options *options, cf_synthetic_row *rows);

#ifdef __cplusplus
}
#endif
#endif
