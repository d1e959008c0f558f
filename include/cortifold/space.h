/* cortifold/space.h - the space of models: alignment (model x region) seen as
 * points. Consistency of models within a group (SNCI), convergence of groups
 * and selectivity of regions. The published name SNCI has no published formula
 * at hand: all six forms, and the measures of convergence, are ours.          */
#ifndef CORTIFOLD_SPACE_H
#define CORTIFOLD_SPACE_H

#include <cortifold/groups.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------- distances -- */

typedef enum cf_space_metric { CF_SPACE_EUCLIDEAN, CF_SPACE_CORRELATION, CF_SPACE_COSINE } cf_space_metric;
/* Distances of the rows of a (models x rois, finite): Euclidean, 1 - Pearson over the rois, 1 - cosine; exactly
 * symmetric, diagonal 0. Errors: CF_ERR_INPUT (a constant or zero row, which has no correlation or cosine; named by its
 * index). O(models^2 rois). */
CF_API CF_CHECKED cf_status cf_space_distances(cf_context *ctx, size_t models, size_t rois, const double *a,
                                               cf_space_metric metric, double *distance);

/* ----------------------------------------------------------- consistency -- */

/* For a group and a region, mean m, standard deviation s (n - 1), over the models of the group:
 *   1  m / (s + eps)          2  m^2 / (s^2 + eps)          3  m^2 / (m^2 + s^2)
 *   6  median / (1.4826 median |a - median| + eps), or median / (quartile range + eps)
 * and for a group as a whole, over the regions:
 *   4  max(0, Var_r(m) - mean_r(s^2) / n) / mean_r(s^2)
 *   5  mean over the models of corr_r(model, mean of the others of the group), optionally c -> k c / (1 + (k - 1) c),
 *      k = n / (n - 1) (Spearman-Brown: of the mean of all n).
 * Groups of fewer than three models give NaN, as does a region with NaN in one of them. */
typedef struct cf_snci_options {
  int kind;       /* per region: 1, 2, 3 or 6 */
  double epsilon; /* 1e-8 */
  bool quartiles; /* kind 6: quartile range instead of median deviation */
  bool spearman_brown;
} cf_snci_options;
#define CF_SNCI_OPTIONS_INIT                                                                                           \
  { 1, 1e-8, false, false }

/* What a group comes to, in this order: mean over regions, mean weighted by m, kind 4, kind 5. */
typedef enum cf_snci_scalar {
  CF_SNCI_MEAN,
  CF_SNCI_WEIGHTED,
  CF_SNCI_PATTERN,
  CF_SNCI_LEAVE_ONE_OUT,
  CF_SNCI_SCALARS
} cf_snci_scalar;

/* a: models x rois; network (may be NULL): code of each roi. Outputs (any may be NULL): mean, sd and snci groups x
 * rois, scalar groups x CF_SNCI_SCALARS, by_network groups x networks (mean of snci). */
typedef struct cf_snci_problem {
  size_t models, rois, groups, networks;
  const double *a;
  const size_t *code, *network;
} cf_snci_problem;
CF_API CF_CHECKED cf_status cf_snci(cf_context *ctx, const cf_snci_problem *p, const cf_snci_options *options,
                                    double *mean, double *sd, double *snci, double *scalar, double *by_network);

/* Against alignments under a null (null: count x models x rois; the same shift or permutation of the responses for all
 * models of one of them). One-sided p = (1 + reached) / (1 + count), z in null standard deviations, q by
 * Benjamini-Hochberg over the regions of a group; limits are the 5 % and 95 % quantiles. Regions: groups x rois;
 * scalars groups x CF_SNCI_SCALARS; networks groups x networks. */
typedef struct cf_snci_null {
  double *mean, *sd, *low, *high, *z, *p, *q;
} cf_snci_null;
CF_API CF_CHECKED cf_status cf_snci_against(cf_context *ctx, const cf_snci_problem *p, const cf_snci_options *options,
                                            size_t count, const double *null, const cf_snci_null *region,
                                            const cf_snci_null *scalar, const cf_snci_null *network);

/* Intervals from models drawn with replacement within their group; draws of one model alone have no spread and are left
 * out. bca: bias-corrected and accelerated (Efron 1987, JASA 82, 171) instead of percentile. low and high as the
 * outputs of cf_snci; any may be NULL. O(draws models rois). */
typedef struct cf_snci_interval {
  double *low, *high;
} cf_snci_interval;
CF_API CF_CHECKED cf_status cf_snci_bootstrap(cf_context *ctx, const cf_snci_problem *p, const cf_snci_options *options,
                                              size_t replicates, double coverage, bool bca, uint64_t task,
                                              const cf_snci_interval *region, const cf_snci_interval *scalar,
                                              const cf_snci_interval *network);

/* Without signal squared correlations over n held-out samples follow Beta(1/2, (n - 2) / 2): kind 1 of infinitely many
 * independent models is sqrt((n + 1) / (2 (n - 2))), kinds 2 and 3 follow; kind 6 NaN. NaN for n < 3. */
CF_API double cf_snci_floor(double samples, int kind);
/* Draws (`draws`, ascending) of the statistic of `models` independent models without signal. */
CF_API CF_CHECKED cf_status cf_snci_chance(cf_context *ctx, double samples, size_t models,
                                           const cf_snci_options *options, size_t draws, uint64_t task, double *sorted);

/* ----------------------------------------------------------- convergence -- */

/* From the means m_kr of the groups:
 *   conjunction  min_k z_kr, z over the regions of a group (n - 1)
 *   entropy      -sum_k p_k log p_k / log(groups), p_k = m_kr / sum_k m_kr; NaN when a mean is negative
 *   total        sum_k m_kr
 *   overlap      of how many groups r is among the `top` per cent (at least one) of their regions
 *   selectivity  (max - mean of the others) / (max + mean of the others); winner: the group of the maximum
 * p of the conjunction: regions change places in each group on its own (or by rows of `spins`, groups by different
 * ones), the share of arrangements that reach r's value; p_max against the largest of an arrangement; q by
 * Benjamini-Hochberg. */
typedef struct cf_convergence {
  double *conjunction, *entropy, *total, *overlap, *selectivity, *p, *q, *p_max; /* rois each */
  size_t *winner;
  size_t full;              /* regions among the top of all groups */
  double full_mean, full_p; /* under rearrangement */
} cf_convergence;
typedef struct cf_convergence_options {
  double top; /* per cent */
  size_t permutations;
  const size_t *spins; /* spin_count x rois: which region comes to r; NULL: regions are permuted */
  size_t spin_count;
  uint64_t task;
} cf_convergence_options;
#define CF_CONVERGENCE_OPTIONS_INIT                                                                                    \
  { 20, 9999, NULL, 0, 0 }
/* out's arrays are the caller's, all given. Errors: CF_ERR_USAGE (fewer than two groups or regions). */
CF_API CF_CHECKED cf_status cf_space_convergence(cf_context *ctx, size_t models, size_t rois, const double *a,
                                                 size_t groups, const size_t *code,
                                                 const cf_convergence_options *options, cf_convergence *out);
/* Per network: mean distance between models of different groups over its regions, over the same of all regions, each
 * divided by the root of the number of regions: below 1 the groups are nearer here than elsewhere. */
CF_API CF_CHECKED cf_status cf_space_contraction(cf_context *ctx, size_t models, size_t rois, const double *a,
                                                 const size_t *code, size_t networks, const size_t *network,
                                                 double *ratio);

#ifdef __cplusplus
}
#endif
#endif
