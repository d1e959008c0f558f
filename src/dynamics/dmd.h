/* What the files of DMD share. */
#ifndef CF_DYNAMICS_DMD_H
#define CF_DYNAMICS_DMD_H
#include <complex.h>
#include <cortifold/dynamics.h>

/* Kept singular values may span this much before the Gram matrix gives too few digits: eps 2e3^2 = 1e-9. */
#define CF_DMD_GRAM_CONDITION 2e3

static inline double complex *cf_pairs(double *x) {
  return (double complex *)(void *)x;
}

/* DMD of the snapshots in the columns of r (k x n): the coordinates of the data in an orthonormal basis of k
 * directions, or the data themselves. gram: r'r (n x n), which then gives the singular values with the digits that it
 * has; NULL: from r. dims: rows of the data, for the hard threshold. phi (k x rank pairs, from scratch) holds the modes
 * in these coordinates. out->mode and out->method are left to the caller. */
cf_status cf_dmd_small(cf_context *ctx, size_t k, size_t n, size_t dims, const double *r, const double *gram,
                       const cf_dmd_options *options, cf_dmd **out, double **phi);
/* Whether these r values are real ones and conjugate pairs only, the members of a pair side by side. Then a real mode
 * is one real column and a pair of modes two. Square roots of negative numbers (forward-backward) are neither. */
bool cf_dmd_in_pairs(size_t r, const double *value);
/* CF_ERR_USAGE names the option that is out of range. */
cf_status cf_dmd_check(cf_context *ctx, const cf_dmd_options *options, size_t snapshots);
#endif
