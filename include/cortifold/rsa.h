/* cortifold/rsa.h - comparing representational dissimilarity matrices (RDMs)
 * and inference on models of representational geometry.
 *
 * An RDM of n conditions is its packed upper triangle: pairs = n (n - 1) / 2
 * doubles in row-major order (0,1) (0,2) ... (n-2,n-1).                      */
#ifndef CORTIFOLD_RSA_H
#define CORTIFOLD_RSA_H

#include <cortifold/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* -------------------------------------------------------- comparators -- */

typedef enum cf_comparator {
  CF_COMPARE_SPEARMAN,
  CF_COMPARE_RHO_A,
  CF_COMPARE_PEARSON,
  CF_COMPARE_COSINE,
  CF_COMPARE_KENDALL_TAU_A,
  CF_COMPARE_KENDALL_TAU_B,
  CF_COMPARE_CORR_COV,
  CF_COMPARE_COSINE_COV
} cf_comparator;
#define CF_COMPARATORS "spearman|rho-a|pearson|cosine|kendall-tau-a|kendall-tau-b|corr-cov|cosine-cov"

/* What a comparator's value does not change under, applied to either RDM.   */
enum {
  CF_INVARIANT_SCALE = 1,     /* multiplication by a positive number */
  CF_INVARIANT_SHIFT = 2,     /* addition of a constant to all dissimilarities */
  CF_INVARIANT_MONOTONE = 4,  /* any strictly increasing function */
  CF_INVARIANT_ORDER = 8,     /* the same permutation of the conditions in both */
  CF_INVARIANT_SYMMETRIC = 16 /* exchange of the two RDMs */
};

typedef struct cf_comparator_info {
  const char *name;
  cf_comparator id;
  const char *formula; /* d1, d2: packed triangles; r: their average ranks; n pairs */
  const char *reference;
  double low, high; /* bounds */
  unsigned invariances;
  bool ranks;    /* uses the order of the dissimilarities only */
  bool whitened; /* weights by the inverse covariance of dissimilarity estimates */
} cf_comparator_info;
CF_API const cf_comparator_info *cf_comparator_at(size_t i);           /* NULL past the end; i == id */
CF_API const cf_comparator_info *cf_comparator_find(const char *name); /* NULL when there is none */

/* out (n_a x n_b): similarity of every packed RDM of a (n_a x pairs) with every one of b (n_b x pairs), over
 * `conditions` conditions (>= 3). Pairs that are NaN in any of the RDMs are left out of all of them. An RDM that is
 * constant gives NaN (0 for rho-a and tau-a, by their formulas; for the cosines only an RDM of zeros gives NaN).
 * Errors: CF_ERR_INPUT (conditions < 3, fewer than 3 pairs left, infinite values). Cost: pairs * n_a * n_b, with a
 * factor log(pairs) for kendall; ranks are taken once per RDM; the whitened forms cost no more than the plain ones. */
CF_API CF_CHECKED cf_status cf_rdm_compare(cf_context *ctx, cf_comparator comparator, size_t conditions, size_t n_a,
                                           const double *a, size_t n_b, const double *b, double *out);

/* ---------------------------------------------------------- inference -- */

typedef enum cf_rsa_bootstrap {
  CF_BOOTSTRAP_NONE,
  CF_BOOTSTRAP_SUBJECTS,
  CF_BOOTSTRAP_STIMULI,
  CF_BOOTSTRAP_BOTH /* dual: subjects, stimuli and both, combined into one variance */
} cf_rsa_bootstrap;

typedef enum cf_rsa_type {
  CF_MODEL_FIXED,       /* the RDM as it is */
  CF_MODEL_SELECTED,    /* the best RDM of the set */
  CF_MODEL_WEIGHTED,    /* non-negative combination of the set */
  CF_MODEL_INTERPOLATED /* a point on the line through consecutive RDMs of the set */
} cf_rsa_type;

typedef struct cf_rsa_options {
  cf_comparator comparator;   /* default spearman */
  bool square;                /* square every similarity before averaging (explained variance of ranks, "R2") */
  bool pool_raw;              /* ceilings: pool by the plain mean of the RDMs, not by the comparator's rule */
  cf_rsa_bootstrap bootstrap; /* default none */
  size_t replicates;          /* bootstrap samples; default 1000 */
  cf_rsa_type type;           /* default fixed */
  const size_t *group;   /* n_models codes 0 .. groups-1: RDMs of one code form one model; NULL: each RDM is a fixed
                            model, or all are the set of one flexible model */
  size_t folds_stimuli;  /* cross-validation; 0: by the number of stimuli (flexible) or 1 (fixed); 1: none */
  size_t folds_subjects; /* likewise */
  size_t cv_repeats;     /* fold assignments per bootstrap sample, default 2; their variance is removed */
  bool greater;          /* test of a model against 0: one-sided; default two-sided */
  bool wilcoxon;         /* without bootstrap: signed-rank tests over subjects, not t tests */
  bool percentile;       /* ci from bootstrap percentiles; default mean +- t quantile * sem */
  double coverage;       /* default 0.95 */
  bool drop_pairs;       /* leave out pairs that are NaN in any RDM; default: NaN is an error */
  /* Codes 0 .. units-1 per condition and per data RDM: members of one unit (stimuli of a category, sessions of a
   * subject) are drawn, left out and put in folds together. NULL: each is a unit of its own. */
  const size_t *stimulus_unit, *subject_unit;
} cf_rsa_options;
#define CF_RSA_OPTIONS_INIT                                                                                            \
  {                                                                                                                    \
    CF_COMPARE_SPEARMAN, false, false, CF_BOOTSTRAP_NONE, 1000, CF_MODEL_FIXED, NULL, 0, 0, 2, false, false, false,    \
        0.95, false, NULL, NULL                                                                                        \
  }

typedef struct cf_rsa_pair {
  size_t a, b;                              /* models, a < b */
  double difference, sem, p, p_holm, p_fdr; /* mean[a] - mean[b]; two-sided */
} cf_rsa_pair;

/* NaN where a quantity does not exist (one subject: no lower ceiling; ...). */
typedef struct cf_rsa_result {
  size_t models, subjects, conditions, components;
  size_t pairs;                                     /* dissimilarities used */
  size_t folds_stimuli, folds_subjects, cv_repeats; /* as used */
  size_t replicates, replicates_used;               /* used: samples with enough distinct stimuli and subjects */
  size_t stimulus_units, subject_units;             /* what is drawn */
  double dof;                                       /* of the t tests */
  double *scores;                                   /* models x subjects; cross-validated for flexible models */
  double *mean, *sem, *ci_low, *ci_high, *percentile_low, *percentile_high; /* models */
  double *p, *p_holm, *p_fdr;                                               /* against 0 */
  double *p_ceiling, *p_ceiling_holm, *p_ceiling_fdr; /* against the lower noise ceiling, two-sided */
  double lower, upper;                                /* noise ceiling */
  double lower_ci[2], upper_ci[2];
  double *ceiling_lower, *ceiling_upper; /* subjects: similarity of each with the pool */
  double *bootstrap;         /* replicates x models; for `both` the samples of subjects and stimuli; NULL without */
  double *bootstrap_ceiling; /* replicates x 2 */
  size_t n_pairwise;
  cf_rsa_pair *pairwise;
  double *weights; /* components: weights fitted to all data (flexible types); NULL for fixed */
} cf_rsa_result;

/* Evaluates models (n_models x pairs) on data (n_data x pairs, one RDM a subject) of `conditions` conditions. The same
 * for any number of threads. Errors: CF_ERR_INPUT (conditions < 3, NaN without drop_pairs, infinite values, fewer than
 * 3 pairs, a constant data RDM, subject bootstrap of one subject, too few stimuli or subjects for the folds),
 * CF_ERR_USAGE (coverage, replicates < 10). Cost: replicates * (n_models + n_data) * pairs and one product of that size
 * a sample. Schuett, Kipnis, Diedrichsen & Kriegeskorte (2023), eLife 12:e82566; Nili et al. (2014), PLoS Comput Biol
 * 10:e1003553. */
CF_API CF_CHECKED cf_status cf_rsa_evaluate(cf_context *ctx, const cf_rsa_options *options, size_t conditions,
                                            size_t n_data, const double *data, size_t n_models, const double *models,
                                            cf_rsa_result **out);
CF_API void cf_rsa_result_free(cf_rsa_result *result);

#ifdef __cplusplus
}
#endif
#endif
