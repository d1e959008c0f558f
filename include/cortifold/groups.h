/* cortifold/groups.h - groups of objects from the distances between them:
 * PERMANOVA, PERMDISP, ANOSIM, silhouette, Mantel, analysis of variance,
 * clustering. p-values come from rearranged labels: all arrangements when they
 * are few, else a sample. The same bits for any number of threads.           */
#ifndef CORTIFOLD_GROUPS_H
#define CORTIFOLD_GROUPS_H

#include <cortifold/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------ permutation -- */

/* Labels change places freely, or within strata (n codes). When the number of distinct arrangements is at most
 * exact_up_to, all of them are looked at, the observed one among them, and p is the share that reaches the observed
 * value; else p = (1 + reached) / (1 + permutations). Ties count as reached, with a relative tolerance of 1e-12. */
typedef struct cf_permute_options {
  size_t permutations;
  double exact_up_to;   /* 0: never */
  const size_t *strata; /* NULL: none */
  uint64_t task;        /* names the random stream */
} cf_permute_options;
#define CF_PERMUTE_OPTIONS_INIT                                                                                        \
  { 9999, 1e6, NULL, 0 }

typedef struct cf_permuted {
  double statistic, p;
  double effect;       /* share of variance where the test has one: R^2; else NaN */
  size_t permutations; /* arrangements looked at */
  bool exact;          /* these were all there are */
  double null_mean, null_sd;
  double *null; /* one value an arrangement */
} cf_permuted;
/* Frees the null values and leaves zeros; the struct is the caller's. */
CF_API void cf_permuted_clear(cf_permuted *test);

/* All functions on distances take n x n symmetric matrices with zero diagonal and group codes 0 .. groups - 1, each of
 * them used. Errors: CF_ERR_USAGE (fewer than two groups, a group without members, no permutations),
 * CF_ERR_INPUT (as many groups as objects, distances all 0), CF_ERR_MEMORY. */

/* F = (SSA / (a - 1)) / (SSW / (n - a)) with SST = sum_{i<j} d^2 / n, SSW = sum_g sum_{i<j in g} d^2 / n_g, SSA = SST -
 * SSW; effect R^2 = SSA / SST. F is infinite when SSW is 0. Anderson, Austral Ecology 26, 32 (2001). The permutations
 * are one product of d^2 with their indicators: n^2 (a - 1) permutations flops. */
CF_API CF_CHECKED cf_status cf_permanova(cf_context *ctx, size_t n, const double *distance, size_t groups,
                                         const size_t *code, const cf_permute_options *options, cf_permuted *out);
/* R = (mean rank between - mean rank within) / (n (n - 1) / 4), ranks of all distances, ties averaged. Clarke, Austral
 * Ecology 18, 117 (1993). Cost as for cf_permanova. */
CF_API CF_CHECKED cf_status cf_anosim(cf_context *ctx, size_t n, const double *distance, size_t groups,
                                      const size_t *code, const cf_permute_options *options, cf_permuted *out);

/* PERMANOVA of each two groups on their objects alone: groups (groups - 1) / 2 tests in the order (0,1), (0,2) ..,
 * adjusted together. Pairs of one object each give NaN. */
typedef struct cf_group_pair {
  size_t a, b;
  cf_permuted test;
  double adjusted;
} cf_group_pair;
CF_API CF_CHECKED cf_status cf_permanova_pairs(cf_context *ctx, size_t n, const double *distance, size_t groups,
                                               const size_t *code, const cf_permute_options *options,
                                               cf_correction correction, cf_group_pair *out);

/* PERMDISP: one-way F of the distances of the objects to the centre of their group, in principal coordinates. Anderson,
 * Biometrics 62, 245 (2006). */
typedef enum cf_centre { CF_CENTRE_MEDIAN, CF_CENTRE_CENTROID } cf_centre;
typedef enum cf_negative_axes {
  CF_NEGATIVE_ZERO,    /* axes of negative eigenvalues are left out, as scikit-bio does */
  CF_NEGATIVE_SUBTRACT /* sqrt |d^2 of the others - d^2 in these axes|, as vegan does */
} cf_negative_axes;
typedef enum cf_dispersion_null {
  CF_DISPERSION_DISTANCES, /* labels are rearranged over the distances to the own centre; cautious in small groups */
  CF_DISPERSION_LABELS     /* labels are rearranged over the objects and the centres found anew, as scikit-bio does:
                              groups that lie apart are called different in spread far too often */
} cf_dispersion_null;
typedef struct cf_permdisp_options {
  cf_centre centre;
  cf_negative_axes negative;
  cf_dispersion_null null;
  bool euclidean; /* the distances are known to be Euclidean: negative eigenvalues are not looked for */
} cf_permdisp_options;
#define CF_PERMDISP_OPTIONS_INIT                                                                                       \
  { CF_CENTRE_MEDIAN, CF_NEGATIVE_ZERO, CF_DISPERSION_DISTANCES, false }
/* distances (n) and mean (groups; of them) may be NULL; *negative (may be NULL): sum of the negative eigenvalues over
 * the sum of all magnitudes. Spatial median by Weiszfeld's steps with the correction of Vardi & Zhang (2000), on
 * squared distances. Cost of CF_DISPERSION_LABELS: about 50 sum n_g^2 flops a permutation. */
CF_API CF_CHECKED cf_status cf_permdisp(cf_context *ctx, size_t n, const double *distance, size_t groups,
                                        const size_t *code, const cf_permdisp_options *how,
                                        const cf_permute_options *options, cf_permuted *out, double *distances,
                                        double *mean, double *negative);

/* s_i = (b - a) / max(a, b): a the mean distance to the own group, b the least mean distance to another; 0 for the only
 * member of a group. Statistic: the mean over the objects. options NULL: no permutations, p NaN. Rousseeuw, J. Comput.
 * Appl. Math. 20, 53 (1987). 2 n^2 a flops a permutation. */
CF_API CF_CHECKED cf_status cf_silhouette(cf_context *ctx, size_t n, const double *distance, size_t groups,
                                          const size_t *code, const cf_permute_options *options, double *per_object,
                                          cf_permuted *out);

/* Mantel: correlation of the upper triangles of a and b (n x n); rows and columns of b change places together. Mantel,
 * Cancer Research 27, 209 (1967). Errors: CF_ERR_USAGE (n < 3), CF_ERR_INPUT (a triangle is constant). n^2 a
 * permutation. */
CF_API CF_CHECKED cf_status cf_mantel(cf_context *ctx, size_t n, const double *a, const double *b, bool spearman,
                                      cf_tail tail, const cf_permute_options *options, cf_permuted *out);

/* ---------------------------------------------------- analysis of variance -- */

typedef struct cf_anova {
  double f, df1, df2, p;
  double eta2; /* sum of squares between over all */
} cf_anova;
/* One-way F; NaN for fewer than two groups, no degrees of freedom or NaN among the values; infinite when nothing varies
 * within groups. */
CF_API CF_CHECKED cf_status cf_anova_oneway(cf_context *ctx, size_t n, const double *y, size_t groups,
                                            const size_t *code, cf_anova *out);
/* Kruskal-Wallis H with correction for ties, p from chi-squared with a - 1 degrees of freedom; NaN as above, and when
 * all values are equal. Kruskal & Wallis, JASA 47, 583 (1952). */
CF_API CF_CHECKED cf_status cf_kruskal(cf_context *ctx, size_t n, const double *y, size_t groups, const size_t *code,
                                       cf_test *out);
/* Group (between objects) by condition (within: each object has a value in each): y is n x conditions. Sums of squares
 * are those of the means weighted by group size, which are orthogonal here. `independent` takes all n x conditions
 * values as independent and tests against the spread within cells; `repeated` tests groups against objects within
 * groups, conditions and interaction against what is left (split plot). eta2 are shares of the total. */
typedef struct cf_twoway {
  cf_anova group, condition, interaction;                            /* independent */
  cf_anova repeated_group, repeated_condition, repeated_interaction; /* split plot */
} cf_twoway;
CF_API CF_CHECKED cf_status cf_anova_twoway(cf_context *ctx, size_t n, size_t conditions, const double *y,
                                            size_t groups, const size_t *code, cf_twoway *out);

/* --------------------------------------------------------------- clusters -- */

typedef enum cf_linkage { CF_LINKAGE_SINGLE, CF_LINKAGE_COMPLETE, CF_LINKAGE_AVERAGE, CF_LINKAGE_WARD } cf_linkage;
/* Agglomerative tree of n objects: merge (n - 1) x 4 of cluster a, cluster b, height, size in ascending height; leaves
 * 0 .. n - 1, merge k makes n + k (SciPy's convention). Nearest-neighbour chains with the updates of Lance & Williams
 * (1967); ward takes the distances as Euclidean. O(n^2). */
CF_API CF_CHECKED cf_status cf_linkage_tree(cf_context *ctx, size_t n, const double *distance, cf_linkage linkage,
                                            double *merge);
/* The k clusters of a tree, numbered by their first object. CF_ERR_USAGE unless 1 <= k <= n. */
CF_API CF_CHECKED cf_status cf_linkage_cut(cf_context *ctx, size_t n, const double *merge, size_t k, size_t *code);
/* Lloyd's k-means of points (n x dims) from k-means++ starts (Arthur & Vassilvitskii 2007), the best of `starts`;
 * clusters numbered by their first object; *within the sum of squares. O(n dims k) a step. */
CF_API CF_CHECKED cf_status cf_kmeans(cf_context *ctx, size_t n, size_t dims, const double *points, size_t k,
                                      size_t starts, uint64_t task, size_t *code, double *within);

#ifdef __cplusplus
}
#endif
#endif
