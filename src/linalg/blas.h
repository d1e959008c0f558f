/* Serial BLAS on row-major matrices, for the linalg module alone: blas.c is the one file that sees cblas.h. */
#ifndef CF_LINALG_BLAS_H
#define CF_LINALG_BLAS_H
#include <cortifold/linalg.h>

/* OpenBLAS takes as many threads as OpenMP offers its caller, whatever it was told before; between enter and leave that
 * is one. Costs a few nanoseconds; leave takes what enter gave. */
int cf_blas_enter(void);
void cf_blas_leave(int threads);

/* Sizes and leading dimensions must fit an int (cf_blas_fits); zero sizes are allowed. */
bool cf_blas_fits(size_t a, size_t b, size_t c);
void cf_blas_gemm(bool ta, bool tb, size_t m, size_t n, size_t k, double alpha, const double *a, size_t lda,
                  const double *b, size_t ldb, double beta, double *c, size_t ldc);
/* C (m x n) = A B' for A m x k and B n x k. */
void cf_blas_gemm_single(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb, float *c,
                         size_t ldc);
/* Lower triangle of C = A A' only, A n x k. */
void cf_blas_syrk_single(size_t n, size_t k, const float *a, size_t lda, float *c, size_t ldc);
/* Lower triangle of C only. */
void cf_blas_syrk(bool trans, size_t n, size_t k, double alpha, const double *a, size_t lda, double beta, double *c,
                  size_t ldc);
/* L X = B or L' X = B in place, L lower n x n, B n x nrhs. */
void cf_blas_trsm(bool trans, size_t n, size_t nrhs, const double *l, double *b);

#endif
