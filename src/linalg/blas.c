/* The one file that sees cblas.h. Everything here runs on the calling thread. */
#include "linalg/blas.h"
#include "base/internal.h"

#include <cblas.h>
#include <limits.h>
#include <math.h>
#include <omp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define CF_BLAS_CHUNK ((size_t)1 << 30)

/* Builds with their own thread pool (pthreads) listen to this instead of OpenMP. OpenBLAS 0.3.21 also lowers OpenMP's
 * thread number here, so that is put back. */
void cf_blas_serial(void) {
  int threads = omp_get_max_threads();
  openblas_set_num_threads(1);
  omp_set_num_threads(threads);
}

int cf_blas_enter(void) {
  static atomic_bool told = false;
  if (!atomic_load_explicit(&told, memory_order_relaxed)) {
    cf_blas_serial();
    atomic_store(&told, true);
  }
  int threads = omp_get_max_threads();
  if (threads == 1 || omp_in_parallel()) return 1;
  omp_set_num_threads(1);
  return threads;
}

void cf_blas_leave(int threads) {
  if (threads > 1) omp_set_num_threads(threads);
}

bool cf_blas_fits(size_t a, size_t b, size_t c) {
  return a <= INT_MAX && b <= INT_MAX && c <= INT_MAX;
}

static int leading(size_t ld) {
  return ld == 0 ? 1 : (int)ld;
}

void cf_blas_gemm(bool ta, bool tb, size_t m, size_t n, size_t k, double alpha, const double *a, size_t lda,
                  const double *b, size_t ldb, double beta, double *c, size_t ldc) {
  if (m == 0 || n == 0) return;
  int threads = cf_blas_enter();
  cblas_dgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k,
              alpha, a, leading(lda), b, leading(ldb), beta, c, leading(ldc));
  cf_blas_leave(threads);
}

void cf_gemm_serial(bool ta, bool tb, size_t m, size_t n, size_t k, double alpha, const double *a, size_t lda,
                    const double *b, size_t ldb, double beta, double *c, size_t ldc) {
  cf_blas_gemm(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

void cf_gemm_serial_single(bool ta, bool tb, size_t m, size_t n, size_t k, float alpha, const float *a, size_t lda,
                           const float *b, size_t ldb, float beta, float *c, size_t ldc) {
  if (m == 0 || n == 0) return;
  int threads = cf_blas_enter();
  cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k,
              alpha, a, leading(lda), b, leading(ldb), beta, c, leading(ldc));
  cf_blas_leave(threads);
}

void cf_blas_gemm_single(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb, float *c,
                         size_t ldc) {
  if (m == 0 || n == 0) return;
  int threads = cf_blas_enter();
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)m, (int)n, (int)k, 1.0F, a, leading(lda), b, leading(ldb),
              0.0F, c, leading(ldc));
  cf_blas_leave(threads);
}

void cf_blas_syrk_single(size_t n, size_t k, const float *a, size_t lda, float *c, size_t ldc) {
  if (n == 0) return;
  int threads = cf_blas_enter();
  cblas_ssyrk(CblasRowMajor, CblasLower, CblasNoTrans, (int)n, (int)k, 1.0F, a, leading(lda), 0.0F, c, leading(ldc));
  cf_blas_leave(threads);
}

void cf_blas_syrk(bool trans, size_t n, size_t k, double alpha, const double *a, size_t lda, double beta, double *c,
                  size_t ldc) {
  if (n == 0) return;
  int threads = cf_blas_enter();
  cblas_dsyrk(CblasRowMajor, CblasLower, trans ? CblasTrans : CblasNoTrans, (int)n, (int)k, alpha, a, leading(lda),
              beta, c, leading(ldc));
  cf_blas_leave(threads);
}

void cf_blas_trsm(bool trans, size_t n, size_t nrhs, const double *l, double *b) {
  if (n == 0 || nrhs == 0) return;
  int threads = cf_blas_enter();
  cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, trans ? CblasTrans : CblasNoTrans, CblasNonUnit, (int)n, (int)nrhs,
              1.0, l, (int)n, b, (int)nrhs);
  cf_blas_leave(threads);
}

double cf_dot(size_t n, const double *x, const double *y) {
  double sum = 0;
  int threads = cf_blas_enter();
  for (size_t i = 0; i < n; i += CF_BLAS_CHUNK)
    sum += cblas_ddot((int)CF_MIN(CF_BLAS_CHUNK, n - i), x + i, 1, y + i, 1);
  cf_blas_leave(threads);
  return sum;
}

double cf_norm2(size_t n, const double *x) {
  double norm = 0;
  int threads = cf_blas_enter();
  for (size_t i = 0; i < n; i += CF_BLAS_CHUNK)
    norm = hypot(norm, cblas_dnrm2((int)CF_MIN(CF_BLAS_CHUNK, n - i), x + i, 1));
  cf_blas_leave(threads);
  return norm;
}

/* "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ... Haswell MAX_THREADS=64" shortened to version, threading and kernel. */
const char *cf_blas_name(void) {
  static char name[128];
  char version[32] = "";
  const char *config = openblas_get_config();
  (void)sscanf(config, "OpenBLAS %31s", version);
  char text[sizeof name];
  snprintf(text, sizeof text, "OpenBLAS %s %s %s", version, strstr(config, "USE_OPENMP") ? "openmp" : "threads",
           openblas_get_corename());
  if (strcmp(text, name) != 0) memcpy(name, text, sizeof name);
  return name;
}
