/* cortifold/linalg.h - dense linear algebra on row-major doubles: a facade over
 * BLAS and LAPACK. Matrices are plain pointers with row counts and leading
 * dimensions (elements from one row to the next); results are the same for any
 * number of threads, because products are cut into tiles whose shape depends
 * on the sizes alone and BLAS inside a tile is serial.                       */
#ifndef CORTIFOLD_LINALG_H
#define CORTIFOLD_LINALG_H

#include <cortifold/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* C (m x n) = alpha op(A) op(B) + beta C; op(A) is m x k, op(B) k x n. Cost 2mnk flops. */
CF_API CF_CHECKED cf_status cf_gemm(cf_context *ctx, bool ta, bool tb, size_t m, size_t n, size_t k, double alpha,
                                    const double *a, size_t lda, const double *b, size_t ldb, double beta, double *c,
                                    size_t ldc);
/* Full symmetric C (n x n) = alpha A A' + beta C (trans false, A n x k) or alpha A'A + beta C (trans true, A k x n).
 * Both triangles are written. Cost n^2 k flops.                              */
CF_API CF_CHECKED cf_status cf_syrk(cf_context *ctx, bool trans, size_t n, size_t k, double alpha, const double *a,
                                    size_t lda, double beta, double *c, size_t ldc);
/* C (n x n) += alpha A A' for A (n x k) in single precision: products of 1024 columns at a time in single precision,
 * their sum in double. Error of an entry: about 1e-7 of the root of the sum of squared terms, 1e-7 of the sum where all
 * terms have one sign (the diagonal). Both triangles are written. Half the time of cf_syrk. */
CF_API CF_CHECKED cf_status cf_syrk_single(cf_context *ctx, size_t n, size_t k, double alpha, const float *a,
                                           size_t lda, double *c, size_t ldc);
/* Serial helpers, for use inside workers: no tiles, no checks of size (dimensions must fit an int). The products are
 * cf_gemm's, in double and in single precision. */
CF_API void cf_gemm_serial(bool ta, bool tb, size_t m, size_t n, size_t k, double alpha, const double *a, size_t lda,
                           const double *b, size_t ldb, double beta, double *c, size_t ldc);
CF_API void cf_gemm_serial_single(bool ta, bool tb, size_t m, size_t n, size_t k, float alpha, const float *a,
                                  size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc);
CF_API double cf_dot(size_t n, const double *x, const double *y);
CF_API double cf_norm2(size_t n, const double *x);

/* Subtracts column means in place (rows x cols); means (cols) may be NULL.   */
CF_API void cf_center_columns(size_t rows, size_t cols, double *a, size_t lda, double *means);

/* All eigenvalues (ascending) of symmetric a (n x n, destroyed); with vectors != NULL, row i of vectors (n x n) is the
 * eigenvector of value i, its largest-magnitude entry positive. CF_ERR_NUMERIC when LAPACK does not converge. O(n^3).
 */
CF_API CF_CHECKED cf_status cf_eigh(cf_context *ctx, size_t n, double *a, double *values, double *vectors);
/* The k largest eigenvalues, descending, and their vectors as rows (k x n); a destroyed. vectors may be NULL. */
CF_API CF_CHECKED cf_status cf_eigh_top(cf_context *ctx, size_t n, double *a, size_t k, double *values,
                                        double *vectors);
/* y = x A for `rows` row vectors of n numbers and a symmetric n x n matrix A that need not be in memory. */
typedef cf_status (*cf_operator_fn)(cf_context *ctx, size_t rows, const double *x, double *y, void *payload);
/* The k eigenvalues of largest magnitude of a symmetric operator, signed, by descending magnitude, and their unit
 * vectors as rows (k x n), largest-magnitude entry positive. `known` eigenvectors, orthonormal rows of known_vectors
 * (known x n), are left out. residual (may be NULL): largest |A v - lambda v|, measured. Errors: CF_ERR_USAGE
 * (k + known > n), CF_ERR_NUMERIC (no convergence, which takes n > 4000). Block Lanczos with restarts on about
 * 160 n numbers of memory for k of 20; small matrices are formed and go to LAPACK, as do those up to n = 4000 that
 * would not converge. */
CF_API CF_CHECKED cf_status cf_eigh_operator(cf_context *ctx, size_t n, cf_operator_fn apply, void *payload, size_t k,
                                             size_t known, const double *known_vectors, double *values, double *vectors,
                                             double *residual);
/* Thin SVD of a (m x n, row-major, destroyed): s descending (r = min(m,n)); u m x r, vt r x n, either may be NULL.
 * Sign: largest-magnitude entry of each row of vt positive (of column of u when vt is NULL). */
CF_API CF_CHECKED cf_status cf_svd(cf_context *ctx, size_t m, size_t n, double *a, double *s, double *u, double *vt);
/* Thin SVD with the signs that LAPACK happens to give, for recipes that depend on them: a is column-major m x n
 * (destroyed), u column-major m x r, vt column-major r x n.                  */
CF_API CF_CHECKED cf_status cf_svd_lapack(cf_context *ctx, size_t m, size_t n, double *a, double *s, double *u,
                                          double *vt);
/* Singular values only.                                                     */
CF_API CF_CHECKED cf_status cf_svdvals(cf_context *ctx, size_t m, size_t n, double *a, double *s);
/* Orthonormal basis of the column space of a (m x n): q (m x *rank, leading dimension min(m,n)), rank by s > tol * s_1
 * of the SVD. Cost O(m n min(m,n)); for n >> m works on the Gram side when that loses no digits that matter. */
CF_API CF_CHECKED cf_status cf_orth(cf_context *ctx, size_t m, size_t n, const double *a, size_t lda, double tol,
                                    double *q, size_t *rank);
/* Thin QR of a (m x n, m >= n): a becomes Q (m x n), r (n x n upper) may be NULL. */
CF_API CF_CHECKED cf_status cf_qr(cf_context *ctx, size_t m, size_t n, double *a, double *r);
/* Lower Cholesky factor in place (upper triangle zeroed). CF_ERR_NUMERIC names the first non-positive pivot. */
CF_API CF_CHECKED cf_status cf_cholesky(cf_context *ctx, size_t n, double *a);
/* Solves L X = B (trans false) or L' X = B in place: b n x nrhs row-major.   */
CF_API CF_CHECKED cf_status cf_solve_lower(cf_context *ctx, bool trans, size_t n, const double *l, size_t nrhs,
                                           double *b);
/* Solves A X = B, A symmetric positive definite (destroyed), b n x nrhs in place. */
CF_API CF_CHECKED cf_status cf_solve_spd(cf_context *ctx, size_t n, double *a, size_t nrhs, double *b);
/* General square solve (LU with partial pivoting); a destroyed.             */
CF_API CF_CHECKED cf_status cf_solve(cf_context *ctx, size_t n, double *a, size_t nrhs, double *b);
/* Non-negative least squares min ||A x - b||, x >= 0, from the normal equations (Lawson-Hanson active set):
 * ata n x n, atb n. CF_ERR_NUMERIC after 30 n iterations.                    */
CF_API CF_CHECKED cf_status cf_nnls(cf_context *ctx, size_t n, const double *ata, const double *atb, double *x);
/* Linear assignment: the one-to-one map of rows onto columns with the least sum of cost (n x n, finite); column[i] is
 * the column of row i. Shortest augmenting paths (Jonker & Volgenant 1987), O(n^3). CF_ERR_NUMERIC for NaN. */
CF_API CF_CHECKED cf_status cf_assignment(cf_context *ctx, size_t n, const double *cost, size_t *column);

/* Transport between two sets of equal mass: weights n and m (whole numbers, equal sums), cost n x m (finite); the least
 * sum of cost times mass. Successive shortest paths with potentials, O((n + m)^3) for like weights. */
CF_API CF_CHECKED cf_status cf_transport(cf_context *ctx, size_t n, size_t m, const size_t *from, const size_t *to,
                                         const double *cost, double *least);

/* ------------------------------------------------- general matrices, complex numbers -- */

/* Complex numbers are pairs (real, imaginary) of doubles one after the other: a matrix of m x n has 2 m n doubles. */

/* Eigenvalues (n pairs) of a general real a (n x n, destroyed), by descending magnitude; of a conjugate pair the one
 * with positive imaginary part first. vectors (n x n pairs, entry (i, j) belongs to value j; may be NULL): unit length,
 * the entry of largest magnitude real and positive. CF_ERR_NUMERIC when LAPACK does not converge. About 25 n^3 flops.
 */
CF_API CF_CHECKED cf_status cf_eig(cf_context *ctx, size_t n, double *a, double *values, double *vectors);
/* Complex Schur form A = Z T Z^H of a real a (n x n, kept): t upper triangular and z unitary, n x n pairs each; the
 * diagonal of t holds the eigenvalues in no particular order. About 100 n^3 flops. */
CF_API CF_CHECKED cf_status cf_schur(cf_context *ctx, size_t n, const double *a, double *t, double *z);
/* Solves A X = B for complex A (n x n pairs, destroyed), b n x nrhs pairs in place. CF_ERR_NUMERIC when A is singular
 * to working precision. */
CF_API CF_CHECKED cf_status cf_solve_complex(cf_context *ctx, size_t n, double *a, size_t nrhs, double *b);
/* Complex least squares of least norm, min ||A x - b||: a m x n pairs (destroyed), b m pairs, x n pairs. Singular
 * values below 1e-13 of the largest count as zero. QR, and the SVD where the triangle is ill-conditioned. */
CF_API CF_CHECKED cf_status cf_least_squares_complex(cf_context *ctx, size_t m, size_t n, double *a, const double *b,
                                                     double *x);
/* The triangle alone of A = Q R (a m x n, kept, m >= n): r n x n upper. Blocks of rows whose size depends on n alone
 * are reduced in parallel and their triangles joined (Demmel, Grigori, Hoemmen & Langou 2012). 2 m n^2 flops. */
CF_API CF_CHECKED cf_status cf_qr_triangle(cf_context *ctx, size_t m, size_t n, const double *a, size_t lda, double *r);
/* The lower triangle l (n x n) of [L A] = L' Q' for the triangle so far (in l) and a further block a (n x k, kept): row
 * spaces that arrive in pieces. */
CF_API CF_CHECKED cf_status cf_lq_append(cf_context *ctx, size_t n, size_t k, const double *a, size_t lda, double *l);

/* Name of the BLAS that is in use, e.g. "OpenBLAS 0.3.21 ... SkylakeX".      */
CF_API const char *cf_blas_name(void);
/* Fixes BLAS to one thread; runs by itself when the library is loaded.       */
CF_API void cf_blas_serial(void);

#ifdef __cplusplus
}
#endif
#endif
