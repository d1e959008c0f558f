/* LAPACK for the linalg module alone: lapack.c is the one file that sees lapacke.h. Matrices are column-major as LAPACK
 * has them; a row-major caller hands over the transpose. Return value: LAPACK's info. Workspaces come from the arena.
 * All run on the calling thread. */
#ifndef CF_LINALG_LAPACK_H
#define CF_LINALG_LAPACK_H
#include <cortifold/linalg.h>

/* Symmetric a (n x n): eigenvalues ascending; with vectors a becomes the eigenvectors, one a column. */
cf_status cf_lapack_syevd(cf_context *ctx, bool vectors, size_t n, double *a, double *values, int *info);
/* The k largest, ascending, eigenvectors as the columns of z (n x k). *found may be less than k. */
cf_status cf_lapack_syevr_top(cf_context *ctx, size_t n, double *a, size_t k, double *values, double *z, size_t *found,
                              int *info);
/* Thin SVD of a (m x n): u m x r, vt r x n, or u and vt both NULL. */
cf_status cf_lapack_gesdd(cf_context *ctx, size_t m, size_t n, double *a, double *s, double *u, double *vt, int *info);
/* LQ of a (m x n, m <= n): L in the lower triangle; when q is wanted cf_lapack_orglq turns a into it. */
cf_status cf_lapack_gelqf(cf_context *ctx, size_t m, size_t n, double *a, double *tau, int *info);
cf_status cf_lapack_orglq(cf_context *ctx, size_t m, size_t n, double *a, const double *tau, int *info);
/* QR of a (m x n, m >= n): R in the upper triangle. */
cf_status cf_lapack_geqrf(cf_context *ctx, size_t m, size_t n, double *a, double *tau, int *info);
/* Cholesky factor into the upper triangle (the lower one of a row-major matrix). */
int cf_lapack_potrf_upper(size_t n, double *a);
/* LU of the transpose of a row-major matrix, its reciprocal condition number (1-norm), and the solution of A' X = B
 * where b is column-major n x nrhs. pivot has n ints. */
cf_status cf_lapack_lu_solve_transposed(cf_context *ctx, size_t n, double *a, size_t nrhs, double *b, double *rcond,
                                        int *info);
/* General a (n x n): eigenvalues (re, im) and left eigenvectors, one a column of u (n x n), pairs as LAPACK packs them;
 * u may be NULL. */
cf_status cf_lapack_geev(cf_context *ctx, size_t n, double *a, double *re, double *im, double *u, int *info);
/* Complex a (n x n pairs) to its triangular Schur factor, a = Z T Z^H, z unitary. */
cf_status cf_lapack_complex_gees(cf_context *ctx, size_t n, double *a, double *values, double *z, int *info);
/* Complex (pairs), column-major: solves A' X = B by LU with its reciprocal condition number. */
cf_status cf_lapack_complex_solve_transposed(cf_context *ctx, size_t n, double *a, size_t nrhs, double *b,
                                             double *rcond, int *info);
/* Complex least squares, one right side: b has max(m, n) entries, the first n become the solution. By QR (m >= n, full
 * rank), and by the SVD with singular values below rcond of the largest dropped. */
cf_status cf_lapack_complex_gels(cf_context *ctx, size_t m, size_t n, double *a, double *b, int *info);
cf_status cf_lapack_complex_gelsd(cf_context *ctx, size_t m, size_t n, double *a, double *b, double rcond, int *info);
#endif
