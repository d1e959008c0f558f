/* What the measures between two systems share. */
#ifndef CF_GEOMETRY_COMPARE_INTERNAL_H
#define CF_GEOMETRY_COMPARE_INTERNAL_H

#include <cortifold/compare.h>

/* One n x n matrix that was asked for, with the setting it was made for. */
struct cf_system {
  char *name;
  size_t n, p;
  double *raw;           /* n x p, as given */
  double *x;             /* n x p, columns centred */
  double *mean;          /* p */
  double norm2;          /* ||X||_F^2 of the centred data */
  double largest;        /* largest |entry| of raw, for round-off */
  double noise;          /* singular values that centring may leave behind of nothing */
  size_t constant;       /* channels without variance */
  size_t dominant;       /* channel of most variance */
  double dominant_share; /* its share of norm2 */
  uint64_t hash;         /* of raw */
  const size_t *source;  /* bootstrap sample: which original condition a row is (borrowed); NULL: all differ */
  double *gram;          /* n x n, X X' */
  double *rotated;       /* p > n: n x n, X Q with orthonormal Q whose columns span the rows of X */
  double *u, *s;         /* thin SVD: u n x rank, s rank, descending */
  size_t rank;
  double *top_u, *top_s; /* leading `top` of the same */
  size_t top;
  double *z_scores; /* n x z_count: principal components of the columns at unit variance */
  size_t z_count;
  double *rbf[2]; /* centred rbf kernels, clean and paper */
  double *rdm;    /* n x n, of metric */
  char *metric;
};

/* True when both systems hold the same numbers: then a distance is 0 and a similarity 1, exactly. */
bool cf_system_same(const cf_system *x, const cf_system *y);

/* Above this many conditions no n x n matrix is made where the measure has another way. */
#define CF_GRAM_LIMIT 12000

/* Makes what is not there yet. */
cf_status cf_system_gram(cf_context *ctx, cf_system *s);
cf_status cf_system_rotated(cf_context *ctx, cf_system *s); /* stays NULL unless p > n */
cf_status cf_system_svd(cf_context *ctx, cf_system *s);
cf_status cf_system_top(cf_context *ctx, cf_system *s, size_t k);

/* Products of two symmetric matrices under permutations of one of them:
 * out[r] = sum_ij a_ij b_{pi(i) pi(j)}, for the permutations of replicates 0 .. n_perm-1. `diagonal` false leaves i = j
 * out. Values within 2^-22 ||a|| ||b|| of `observed` are in double precision. */
cf_status cf_gram_permute(cf_context *ctx, size_t n, const double *a, const double *b, bool diagonal, double observed,
                          size_t n_perm, double *out);
/* The permutation of a replicate. */
void cf_compare_permutation(cf_context *ctx, uint32_t replicate, size_t n, size_t *pi);

/* Bootstrap of HSIC ratios from two kernels by weights; debiased: half samples, U-statistic; else with replacement. */
cf_status cf_gram_bootstrap(cf_context *ctx, size_t n, const double *k, const double *l, bool debiased, size_t reps,
                            double *out);

/* A system as a matrix whose column space (cca family) or shape (procrustes family) is compared: n x r, rows are
 * conditions. Every such measure is a function of the singular values of Zx' Zy. */
typedef struct cf_basis {
  size_t r;
  const double *z; /* n x r, contiguous */
} cf_basis;

/* m (rx x ry) = Zx' P Zy, row i of P Zy being row pi[i] of Zy; pi NULL: identity. */
cf_status cf_basis_product(cf_context *ctx, size_t n, const cf_basis *x, const cf_basis *y, const size_t *pi,
                           double *m);
/* out[r] = score(Zx' P_r Zy) over permutations; score gets the product (destroyed), its sizes and the payload. */
typedef cf_status (*cf_basis_score)(cf_context *ctx, size_t rx, size_t ry, double *m, const void *payload, double *out);
cf_status cf_basis_permute(cf_context *ctx, size_t n, const cf_basis *x, const cf_basis *y, cf_basis_score score,
                           const void *payload, size_t n_perm, double *out);

/* Angle between two shapes of unit Frobenius norm, accurate near zero. */
cf_status cf_shape_angle(cf_context *ctx, size_t n, const cf_basis *x, const cf_basis *y, double *angle);
/* The representation whose angle is the shape distance; alpha 1: the centred data; unit norm; taken from scratch. */
cf_status cf_shape_basis(cf_context *ctx, cf_system *s, double alpha, double regularization, cf_basis *out);

/* Distances between k systems, lower and upper triangle of d. */
cf_status cf_shape_distances(cf_context *ctx, size_t k, cf_system *const *systems, const cf_compare_options *o,
                             double alpha, double *d);

/* Registry entries' run functions. */
#define CF_MEASURE_FUNCTIONS(name)                                                                                     \
  cf_status cf_##name##_value(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o,                \
                              cf_compare_value *out);                                                                  \
  cf_status cf_##name##_permute(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o, size_t n,    \
                                double *out);                                                                          \
  cf_status cf_##name##_prepare(cf_context *ctx, cf_system *s, const cf_compare_options *o)
#define CF_MEASURE_RESAMPLE(name)                                                                                      \
  cf_status cf_##name##_resample(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o, size_t n,   \
                                 double *out)
CF_MEASURE_FUNCTIONS(measure_rsa);
CF_MEASURE_RESAMPLE(measure_rsa);
CF_MEASURE_FUNCTIONS(measure_cka);
CF_MEASURE_RESAMPLE(measure_cka);
CF_MEASURE_FUNCTIONS(measure_cka_debiased);
CF_MEASURE_RESAMPLE(measure_cka_debiased);
CF_MEASURE_FUNCTIONS(measure_cka_rbf);
CF_MEASURE_RESAMPLE(measure_cka_rbf);
CF_MEASURE_FUNCTIONS(measure_cca);
CF_MEASURE_FUNCTIONS(measure_svcca);
CF_MEASURE_FUNCTIONS(measure_pwcca);
CF_MEASURE_FUNCTIONS(measure_procrustes);
CF_MEASURE_FUNCTIONS(measure_shape);
CF_MEASURE_FUNCTIONS(measure_linear_predictivity);

#endif
