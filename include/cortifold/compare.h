/* cortifold/compare.h - measures between two systems.
 *
 * A system is a matrix of conditions x channels: a layer of a network, the
 * recordings of an area. Two systems share their conditions (row i of X and of
 * Y belong to the same stimulus) and may differ in their channels. One table
 * of measures holds for each what it is, its bounds and its invariances; the
 * command line, the documentation and the property tests read that table.   */
#ifndef CORTIFOLD_COMPARE_H
#define CORTIFOLD_COMPARE_H

#include <cortifold/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------ systems -- */

/* One system with everything that is computed from it alone (centred data, Gram matrix, singular vectors, kernels,
 * RDM): each is made when a measure first needs it and kept for all later ones.  */
typedef struct cf_system cf_system;

/* x: conditions x channels (n >= 2, p >= 1), finite; copied. name is for messages.
 * Errors: CF_ERR_INPUT (shape, NaN with its position, all channels constant). Cost O(np).             */
CF_API CF_CHECKED cf_status cf_system_new(cf_context *ctx, const cf_view *x, const char *name, cf_system **out);
CF_API void cf_system_free(cf_system *system);
CF_API size_t cf_system_conditions(const cf_system *system);
CF_API size_t cf_system_channels(const cf_system *system);
/* Number of channels that do not vary over the conditions.                  */
CF_API size_t cf_system_constant(const cf_system *system);
CF_API const char *cf_system_name(const cf_system *system);

/* ------------------------------------------------------------ options -- */

typedef struct cf_compare_options {
  const char *metric;     /* rsa: metric of the RDMs; "correlation" */
  const char *comparator; /* rsa: how two RDMs are compared; "spearman" */
  double alpha;           /* shape: 1 Procrustes .. 0 CCA */
  double regularization;  /* cca, svcca, pwcca, shape: added to the covariance eigenvalues, in units of their mean */
  bool euclidean;         /* procrustes, shape: length instead of angle */
  bool paper;             /* the published recipe where it differs from the clean definition */
  double energy;          /* svcca: share of the variance kept, (0, 1] */
  size_t directions;      /* svcca: this many directions instead; 0: by energy */
  size_t folds;           /* linear-predictivity, clean: folds, >= 2 */
  const unsigned char
      *test; /* linear-predictivity, paper: splits x conditions, 1 marks test rows; NULL: 10 random splits */
  size_t splits;
} cf_compare_options;
#define CF_COMPARE_OPTIONS_INIT                                                                                        \
  { "correlation", "spearman", 1.0, 0.0, false, false, 0.99, 0, 5, NULL, 0 }
/* CF_ERR_USAGE names the field that is out of range.                        */
CF_API CF_CHECKED cf_status cf_compare_options_check(cf_context *ctx, const cf_compare_options *options);

/* ------------------------------------------------------------ measures -- */

/* Transformations of either system that leave a measure's value alone.      */
enum {
  CF_MEASURE_ORTHOGONAL = 1, /* rotations and reflections of the channels */
  CF_MEASURE_SCALING = 2,    /* one positive factor on all channels */
  CF_MEASURE_SHIFT = 4,      /* a constant added to each channel */
  CF_MEASURE_LINEAR = 8,     /* any invertible linear map of the channels */
  CF_MEASURE_ORDER = 16      /* the same reordering of both systems' conditions */
};

/* What a measure says of one pair.                                          */
typedef struct cf_compare_value {
  double value;
  size_t rank_x, rank_y;  /* dimensions that entered; 0 where the notion does not apply */
  size_t n_correlations;  /* cca family: canonical correlations, descending */
  double *correlations;   /* owned; cf_compare_value_free */
  size_t splits, targets; /* linear-predictivity: R2 per split and target, clean: one per fold */
  double *r2;             /* owned */
} cf_compare_value;
CF_API void cf_compare_value_free(cf_compare_value *value);

typedef struct cf_measure {
  const char *id; /* "cka" */
  const char *title;
  const char *formula; /* in plain text */
  const char *reference;
  bool symmetric;   /* m(X, Y) = m(Y, X) */
  bool distance;    /* small means alike */
  bool halves;      /* conditions are resampled as half samples without replacement, see cf_compare_bootstrap */
  bool self;        /* m(X, X) is exactly 1 (similarities) or 0 (distances) */
  double low, high; /* bounds of the value; infinite where there is none */
  unsigned invariances;
  const char *slip;       /* what the published code does otherwise (preset paper); NULL: nothing */
  const cf_param *params; /* options that it reads */
  cf_status (*value)(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *options,
                     cf_compare_value *out);
  cf_status (*prepare)(cf_context *ctx, cf_system *system, const cf_compare_options *options); /* fills its caches */
  cf_status (*permute)(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *options, size_t n,
                       double *out);
  cf_status (*resample)(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *options, size_t n,
                        double *out); /* conditions only; NULL: by evaluating anew */
} cf_measure;
CF_API const cf_measure *cf_measure_at(size_t i); /* NULL past the end */
CF_API const cf_measure *cf_measure_find(const char *id);

/* The value of a measure for one pair. options NULL: defaults. out is filled and owned by the caller.
 * Errors: CF_ERR_INPUT (different numbers of conditions, too few of them), CF_ERR_USAGE, CF_ERR_NUMERIC.    */
CF_API CF_CHECKED cf_status cf_compare(cf_context *ctx, const cf_measure *measure, cf_system *x, cf_system *y,
                                       const cf_compare_options *options, cf_compare_value *out);
/* Warnings into the context about what would mislead: biased CKA with many channels (says what the debiased one gives),
 * CCA that must be 1 because channels outnumber conditions, constant channels. */
CF_API CF_CHECKED cf_status cf_compare_check(cf_context *ctx, const cf_measure *measure, cf_system *x, cf_system *y,
                                             const cf_compare_options *options, double value);
/* The same for many pairs x[i], y[i]: one warning for each thing that would mislead, with the first example and the
 * number of pairs or systems it holds for. Cost: the bases of each system for cca and pwcca, one debiased CKA. */
CF_API CF_CHECKED cf_status cf_compare_check_pairs(cf_context *ctx, const cf_measure *measure, size_t pairs,
                                                   cf_system *const *x, cf_system *const *y,
                                                   const cf_compare_options *options, const double *values);

/* Null distribution: the pairing of conditions is permuted (rows of Y; uniform, independent, stream
 * "compare/permutation"). All measures see the same permutations. Gram matrices and bases are made once. values: n.
 * Gram-based measures (rsa with a product form, cka, rv): O(n^2 / 2) gathered products a permutation. Above 512
 * conditions one matrix is stored in single precision: a value is within 2^-24 of the double-precision one
 * (Cauchy-Schwarz), and any value that close to the observed one is computed again in double, so the p-value is that of
 * double precision. */
CF_API CF_CHECKED cf_status cf_compare_permute(cf_context *ctx, const cf_measure *measure, cf_system *x, cf_system *y,
                                               const cf_compare_options *options, size_t n, double *values);

typedef enum cf_resample { CF_RESAMPLE_CONDITIONS, CF_RESAMPLE_UNITS, CF_RESAMPLE_BOTH } cf_resample;
/* Bootstrap distribution of the value. Units: columns of each system with replacement. Conditions: rows with
 * replacement, for measures made of pairs of conditions without the pairs of a condition with its own copy (rsa), and
 * with all copies in one fold (linear-predictivity). cka-debiased takes half samples without replacement instead: a
 * condition and its copy are not independent, which is what its unbiasedness rests on, while a half sample keeps it
 * unbiased and has the variance of the estimate (1/(n/2) - 1/n = 1/n; Politis, Romano and Wolf 1999). rbf kernels keep
 * the width of the full data when only conditions are drawn. A sample in which the measure is undefined gives NaN. */
CF_API CF_CHECKED cf_status cf_compare_bootstrap(cf_context *ctx, const cf_measure *measure, cf_system *x, cf_system *y,
                                                 const cf_compare_options *options, cf_resample what, size_t n,
                                                 double *values);

/* Symmetric k x k matrix of distances between systems, diagonal exactly 0. Similarities become distances: arccos of
 * cka, cka-rbf and rv (an angle, hence a metric), 1 - value of the others. Measures that are not symmetric are averaged
 * over both directions. Parallel over pairs; each system's factorisation is made once. */
CF_API CF_CHECKED cf_status cf_compare_distances(cf_context *ctx, const cf_measure *measure, size_t k,
                                                 cf_system *const *systems, const cf_compare_options *options,
                                                 double *distances);

/* Sum of the singular values of m (rows x cols, row-major, destroyed). Serial. By the eigenvalues of the smaller Gram
 * matrix where the errors 8 eps s_1^2 / s_i add up to less than 1e-9 of it, else by the SVD. */
CF_API CF_CHECKED cf_status cf_nuclear_norm(cf_context *ctx, size_t rows, size_t cols, double *m, double *out);

#ifdef __cplusplus
}
#endif
#endif
