/* cortifold/stats.h - ranks, distribution tails, tests, intervals, multiple
 * testing, resampling plans and PCA.                                        */
#ifndef CORTIFOLD_STATS_H
#define CORTIFOLD_STATS_H

#include <cortifold/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Average ranks 1..n, ties share their mean. O(n log n).                    */
CF_API CF_CHECKED cf_status cf_ranks(cf_context *ctx, size_t n, const double *x, double *ranks);
/* Pearson correlation; NaN when either is constant.                         */
CF_API double cf_pearson(size_t n, const double *x, const double *y);
CF_API CF_CHECKED cf_status cf_spearman(cf_context *ctx, size_t n, const double *x, const double *y, double *out);

/* Mean (NaN for n = 0) and sum of squared deviations over n - ddof (NaN when that is not positive). */
CF_API double cf_mean(size_t n, const double *x);
CF_API double cf_variance(size_t n, const double *x, int ddof);
/* Median (NaN for n = 0; NaN among the values is not looked for); reorders the values. O(n). */
CF_API double cf_median(size_t n, double *values);
/* Linear-interpolated quantile (R type 7) of sorted values, q in [0,1].     */
CF_API double cf_quantile_sorted(size_t n, const double *sorted, double q);
/* Percentile interval at the given coverage of values (NaN ignored, copied and sorted inside). */
CF_API CF_CHECKED cf_status cf_percentile_interval(cf_context *ctx, size_t n, const double *values, double coverage,
                                                   double *low, double *high);

/* Tails. Regularised incomplete gamma and beta to about 1e-13 relative.     */
CF_API double cf_normal_cdf(double z);
CF_API double cf_normal_quantile(double p);
CF_API double cf_t_two_sided(double t, double df);
CF_API double cf_t_upper(double t, double df);
CF_API double cf_t_quantile(double p, double df);
CF_API double cf_f_upper(double f, double df1, double df2);
CF_API double cf_chi2_upper(double x, double df);

/* One-sample t test of mean(x) == mu.                                       */
typedef struct cf_test {
  double statistic, df, p; /* p two-sided unless the function says otherwise */
} cf_test;
CF_API cf_test cf_t_test(size_t n, const double *x, double mu);
/* Wilcoxon signed-rank, two-sided, exact for n <= 25 without ties, else normal with tie and continuity correction. */
CF_API CF_CHECKED cf_status cf_wilcoxon(cf_context *ctx, size_t n, const double *x, cf_test *out);

/* Which differences count: larger, smaller, or both ways. */
typedef enum cf_tail { CF_TAIL_BOTH, CF_TAIL_GREATER, CF_TAIL_LESS } cf_tail;
typedef enum cf_exactness {
  CF_EXACT_AUTO,  /* exact when the smaller sample has up to 8 values, both up to 200, and there are no ties */
  CF_EXACT_ALWAYS /* exact, given the ties, up to 40 values in all; above as CF_EXACT_AUTO */
} cf_exactness;
/* Mann-Whitney: is x larger (GREATER) or smaller (LESS) than y? statistic U of x; else normal with correction for ties
 * and continuity. p is 1 when all values are equal, NaN for an empty sample. Mann & Whitney (1947), Ann. Math. Stat.
 * 18,
 * 50. Cost O((n + m) log), exact (n + m)^3 min(n, m) at most. */
CF_API CF_CHECKED cf_status cf_mann_whitney(cf_context *ctx, size_t n, const double *x, size_t m, const double *y,
                                            cf_tail tail, cf_exactness exactness, cf_test *out);
/* One-sided Wilcoxon signed-rank of x against 0: exact for n <= 25 without ties or zeros, else normal with correction
 * for ties and without one for continuity. p is 1 when all x are 0. BOTH: cf_wilcoxon. */
CF_API CF_CHECKED cf_status cf_wilcoxon_tail(cf_context *ctx, size_t n, const double *x, cf_tail tail, cf_test *out);

typedef enum cf_correction { CF_CORRECT_NONE, CF_CORRECT_HOLM, CF_CORRECT_BH, CF_CORRECT_BONFERRONI } cf_correction;
/* Adjusted p-values; NaN stay NaN and do not count. adjusted may be p.       */
CF_API CF_CHECKED cf_status cf_p_adjust(cf_context *ctx, cf_correction method, size_t n, const double *p,
                                        double *adjusted);

/* p = (1 + #{null >= observed (1 - 1e-12)}) / (1 + n), one-sided greater.    */
CF_API double cf_permutation_p(double observed, size_t n, const double *null);

/* Adjusted Rand index of two partitions given as codes: 1 the same, 0 what chance gives; NaN for n < 2. Hubert & Arabie
 * (1985). O(n + codes of a times codes of b). */
CF_API CF_CHECKED cf_status cf_adjusted_rand(cf_context *ctx, size_t n, const size_t *a, const size_t *b, double *out);
/* How far the codes of points follow their places: share of points (n x dims) whose code is the majority among their k
 * nearest others (ties to the lowest code), with the null of shuffled codes and one-sided p; NaN p without
 * permutations. Errors: CF_ERR_USAGE (k not in 1 .. n - 1). O(n^2 dims + permutations n k). */
typedef struct cf_neighbour_score {
  double accuracy, null_mean, null_sd, p;
} cf_neighbour_score;
CF_API CF_CHECKED cf_status cf_neighbour_accuracy(cf_context *ctx, size_t n, size_t dims, const double *points,
                                                  const size_t *code, size_t k, size_t permutations, uint64_t task,
                                                  cf_neighbour_score *out);

/* fold[i] in 0..k-1, sizes differing by at most one, shuffled by the stream (task) unless shuffle is false. */
CF_API CF_CHECKED cf_status cf_folds(cf_context *ctx, size_t n, size_t k, bool shuffle, uint64_t task, size_t *fold);

/* PCA by columns (centred, not scaled). components: k x cols, largest-magnitude entry of each positive; scores rows x
 * k; variance (ddof 1) and ratio k each; any output may be NULL. Picks the smaller Gram side. k <= min(rows, cols). */
CF_API CF_CHECKED cf_status cf_pca(cf_context *ctx, const cf_view *x, size_t k, double *components, double *scores,
                                   double *variance, double *ratio, double *means);
/* Classical (Torgerson) multidimensional scaling of an n x n distance matrix to k axes; coordinates n x k; values k. */
CF_API CF_CHECKED cf_status cf_classical_mds(cf_context *ctx, size_t n, const double *distance, size_t k,
                                             double *coordinates, double *values);

#ifdef __cplusplus
}
#endif
#endif
