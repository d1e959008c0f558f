/* What the files of the module share. */
#ifndef CF_VOXELWISE_INTERNAL_H
#define CF_VOXELWISE_INTERNAL_H
#include "base/internal.h"
#include <cortifold/voxelwise.h>

/* Columns of targets that one task handles: fixed, so that the bits of a target do not depend on memory or threads. */
enum { CF_TILE = 256 };

/* Some samples, by their rows. */
typedef struct cf_sample_list {
  size_t count;
  size_t *row;
} cf_sample_list;

/* ------------------------------------------------- candidates, filters -- */

/* What the penalties are: the library's own copy. */
typedef struct cf_candidates {
  cf_voxel_method method;
  size_t count;
  const double *value; /* scratch */
} cf_candidates;
cf_status cf_candidates_make(cf_context *ctx, const cf_ridge_options *o, cf_candidates *out);

/* --------------------------------------------------------------- design -- */

/* Features of all samples, ready to be split: the kernel X X' (n x n), or X itself (n x q) where q is smaller. */
typedef struct cf_design {
  size_t n, q; /* q 0: a kernel */
  const double *kernel, *x;
} cf_design;

/* ------------------------------------------------------------------ split -- */

/* Everything about one pair of training and test samples that does not depend on targets.
 *
 *   prediction(alpha) = M diag(f_alpha) P y,   P y: k numbers, f_alpha,i = 1/(l_i + alpha)
 *
 * With the kernel, K = V diag(l) V': P = V', M = K_test V. With features, X'X = V diag(l) V': P = V'X', M = X_test V.
 */
typedef struct cf_split {
  size_t n, m, k;             /* training samples, test samples, directions */
  const size_t *train, *test; /* rows of the samples */
  double *l, *p, *mm;         /* k; k x n; m x k: long-lived */
  double **op;                /* candidates: M diag(f) P, m x n, of those that are used; NULL: made by way of P */
  double *ops;                /* memory of all of them */
} cf_split;
cf_status cf_split_make(cf_context *ctx, const cf_design *design, size_t n, const size_t *train, size_t m,
                        const size_t *test, cf_split *out);
void cf_split_free(cf_split *split);
/* The same with the weights themselves as prediction: all samples train, m = p, and M diag(f) P y = B. With the kernel
 * no direction is left out, so that dual weights are those of (X X' + alpha I)^-1 y. */
typedef enum cf_factor { CF_FACTOR_SVD, CF_FACTOR_KERNEL, CF_FACTOR_FEATURES } cf_factor;
cf_status cf_split_weights(cf_context *ctx, cf_factor factor, size_t n, size_t p, const double *x, cf_split *out);
/* The same from products of q features, a = X'X (q x q, destroyed), and the m test samples, rows (m x q): its n is q
 * and its y is X'y (q numbers). train and test are not set. */
cf_status cf_split_products(cf_context *ctx, size_t q, double *a, size_t m, const double *rows, cf_split *out);
/* Whether all penalties are so far above rounding that samples can be left out of the split of them all. */
bool cf_split_safe(const cf_split *s, const cf_candidates *c);
/* f (k) of a candidate. */
void cf_split_filter(const cf_split *s, const cf_candidates *c, size_t which, double *f);

/* Rows of g (count x k, destroyed) that span the others to `tolerance`: pivot (r of them, returned), tri (count x
 * count, zeros at first), left (count) and basis (count x k) for work; then combine (count x r): each row from those.
 */
size_t cf_skeleton_choose(size_t count, size_t k, double *g, double tolerance, size_t *pivot, double *tri, double *left,
                          double *basis);
void cf_skeleton_combine(size_t count, size_t r, const size_t *pivot, const double *tri, double *combine);

/* Scores (folds x candidates x t) of t targets y (n x t, training samples of the split) with each block of the fold set
 * left out in turn, from the split's decomposition alone; kernel: of a kernel, else of features. *known false (and
 * nothing done) where a penalty is too near to rounding, or the method is not ridge. */
cf_status cf_deletion_score(cf_context *ctx, const cf_split *split, bool kernel, const cf_fold_set *folds,
                            const cf_candidates *candidates, const cf_ridge_options *o, size_t t, const double *y,
                            double *score, bool *known);

/* The candidates' predictions all at once. Filters are smooth in alpha: a few of them, the skeleton, give all others as
 * combinations, to 1e-12 (in single precision to 1e-6) of the largest entry. */
typedef struct cf_bank {
  size_t n, m, k, candidates, r; /* r: filters of the skeleton */
  bool single, direct;
  double *combine; /* candidates x r */
  double *scale;   /* candidates: filter = scale x combination */
  double *weight;  /* r x k, when not direct */
  void *first;     /* direct: (r m) x n; else P, k x n */
  void *second;    /* direct: NULL; else M, m x k */
} cf_bank;
cf_status cf_bank_make(cf_context *ctx, const cf_split *split, const cf_candidates *candidates, bool single,
                       size_t targets, cf_bank *out);
void cf_bank_free(cf_bank *bank);
/* Test samples as a bank takes them: its m rows, or rows with the same inner products in the place of more samples. */
typedef struct cf_bank_test {
  size_t samples;
  const double *z;            /* m x w: what was measured */
  const double *ones;         /* m: a row of ones; NULL: m rows are the samples themselves, and the sums are theirs */
  const double *sum, *square; /* w, with `ones`: of what was measured in all samples */
} cf_bank_test;
/* Scores of each candidate for w targets, y (n x w) of training samples: score (candidates x w). */
cf_status cf_bank_score(cf_context *ctx, const cf_bank *bank, cf_inner_score kind, size_t w, const double *y,
                        const cf_bank_test *test, double *score);

/* Ridge regression from products of features (reduced.c), all in scratch: of the training samples of a fold and, apart,
 * of each of its inner folds. */
typedef struct cf_reduced_block {
  size_t samples, m;    /* scored ones; rows that stand for them */
  double *a, *c;        /* q x q, q x t: X'X and X'y of the whole inner fold */
  double *rows;         /* m x q */
  double *z, *ones;     /* m x t, m */
  double *sum, *square; /* t */
} cf_reduced_block;
typedef struct cf_reduced {
  size_t q, t, folds;
  double *a, *c; /* X'X and X'y of all training samples */
  cf_reduced_block *block;
} cf_reduced;
/* Whether that is cheaper than leaving blocks out (deletion.c); false also where the method is not ridge. */
bool cf_reduced_pays(const cf_design *design, const cf_candidates *c, size_t train, size_t folds, size_t targets);
/* y: n x t, the training samples; inner: folds among them. */
cf_status cf_reduced_make(cf_context *ctx, const cf_design *design, const cf_sample_list *train,
                          const cf_fold_set *inner, size_t t, const double *y, cf_reduced *out);
/* Scores (folds x candidates x t). */
cf_status cf_reduced_score(cf_context *ctx, const cf_reduced *r, const cf_candidates *candidates,
                           const cf_ridge_options *o, double *score);

/* Makes the operators of the candidates that are used, where that saves work for t targets: sizes alone decide. most:
 * bytes that they may take. */
cf_status cf_split_operators(cf_context *ctx, cf_split *split, const cf_candidates *candidates, const bool *used,
                             size_t t, double most);
/* Predictions of w targets with a candidate each: out (m x w), and (may be NULL) dual weights (n x w). */
cf_status cf_split_predict(cf_context *ctx, const cf_split *split, const cf_candidates *candidates, size_t w,
                           const double *y, const size_t *choice, double *out, double *dual);

/* ---------------------------------------------------------------- choice -- */

/* Which candidate each of w targets takes, from scores (folds x candidates x w). value: its mean score; mean: scratch
 * of as many doubles as there are candidates. */
void cf_choose(const cf_candidates *candidates, const cf_ridge_options *o, size_t folds, size_t w, const double *score,
               double *mean, size_t *choice, double *value);

/* Folds and what each needs to score all candidates: the targets' part comes tile by tile. */
typedef struct cf_selector {
  const cf_candidates *candidates;
  const cf_ridge_options *options;
  size_t n, folds;
  cf_sample_list *train, *test; /* of each fold: positions among the n rows */
  cf_bank *bank;
  bool single;
} cf_selector;
/* rows: those of the design that the fold set is about (NULL: all). */
cf_status cf_selector_make(cf_context *ctx, const cf_design *design, const size_t *rows, const cf_fold_set *folds,
                           const cf_candidates *candidates, const cf_ridge_options *options, size_t targets,
                           cf_selector *out);
void cf_selector_free(cf_selector *selector);
/* y: n x w, score: folds x candidates x w. */
cf_status cf_selector_score(cf_context *ctx, const cf_selector *selector, size_t w, const double *y, double *score);
/* The best candidate by the mean over targets of their mean scores (targets x candidates sums in `total`). */
size_t cf_choose_shared(const cf_candidates *candidates, const double *total, double targets);

/* Rows rows[i] of y (leading dimension ld) to out (count x w). */
void cf_take_rows(size_t count, const size_t *rows, size_t w, const double *y, size_t ld, double *out);

/* Splits of a fold set's samples: lists in scratch. */
cf_status cf_fold_lists(cf_context *ctx, const cf_fold_set *set, size_t fold, cf_sample_list *train,
                        cf_sample_list *test);
/* Contiguous folds (k 0: by `group`, codes) of chosen rows. */
cf_status cf_inner_folds(cf_context *ctx, size_t n, const size_t *rows, const size_t *run, size_t k,
                         const size_t *group, size_t trim, cf_fold_set **out);

#endif
