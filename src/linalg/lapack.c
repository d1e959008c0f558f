/* The one file that sees lapacke.h. */
#include "linalg/lapack.h"
#include "base/internal.h"
#include "linalg/blas.h"

#include <complex.h>
#include <float.h>
#include <lapacke.h>

#define COL LAPACK_COL_MAJOR

static lapack_int as_int(size_t n) {
  return (lapack_int)n;
}
static lapack_int lead(size_t n) {
  return n == 0 ? 1 : (lapack_int)n;
}

static cf_status check_sizes(cf_context *ctx, size_t m, size_t n) {
  if (cf_blas_fits(m, n, 0)) return CF_OK;
  return cf_fail(ctx, CF_ERR_INPUT, "a matrix of %zu x %zu is too large for LAPACK's 32-bit sizes", m, n);
}

cf_status cf_lapack_syevd(cf_context *ctx, bool vectors, size_t n, double *a, double *values, int *info) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  int threads = cf_blas_enter();
  char job = vectors ? 'V' : 'N';
  double size = 0, *work;
  lapack_int isize = 0, *iwork;
  CF_TRY(check_sizes(ctx, n, n));
  *info = LAPACKE_dsyevd_work(COL, job, 'L', as_int(n), a, lead(n), values, &size, -1, &isize, -1);
  if (*info != 0) goto done;
  CF_TRY(CF_SCRATCH(ctx, &work, (size_t)size));
  CF_TRY(CF_SCRATCH(ctx, &iwork, (size_t)isize));
  *info = LAPACKE_dsyevd_work(COL, job, 'L', as_int(n), a, lead(n), values, work, (lapack_int)size, iwork, isize);
done:
  cf_blas_leave(threads);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_lapack_syevr_top(cf_context *ctx, size_t n, double *a, size_t k, double *values, double *z, size_t *found,
                              int *info) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  int threads = cf_blas_enter();
  char job = z ? 'V' : 'N';
  double size = 0, *work, *all;
  lapack_int isize = 0, *iwork, *support, number = 0, low = as_int(n - k + 1);
  CF_TRY(check_sizes(ctx, n, n));
  CF_TRY(CF_SCRATCH(ctx, &all, n));
  CF_TRY(CF_SCRATCH(ctx, &support, 2 * n));
  *info = LAPACKE_dsyevr_work(COL, job, 'I', 'L', as_int(n), a, lead(n), 0, 0, low, as_int(n), 0, &number, all, z,
                              lead(n), support, &size, -1, &isize, -1);
  if (*info != 0) goto done;
  CF_TRY(CF_SCRATCH(ctx, &work, (size_t)size));
  CF_TRY(CF_SCRATCH(ctx, &iwork, (size_t)isize));
  *info = LAPACKE_dsyevr_work(COL, job, 'I', 'L', as_int(n), a, lead(n), 0, 0, low, as_int(n), 0, &number, all, z,
                              lead(n), support, work, (lapack_int)size, iwork, isize);
  *found = (size_t)number;
  for (size_t i = 0; i < CF_MIN(k, *found); i++) values[i] = all[i];
done:
  cf_blas_leave(threads);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_lapack_gesdd(cf_context *ctx, size_t m, size_t n, double *a, double *s, double *u, double *vt, int *info) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  int threads = cf_blas_enter();
  size_t r = CF_MIN(m, n);
  char job = u ? 'S' : 'N';
  double size = 0, *work;
  lapack_int *iwork;
  CF_TRY(check_sizes(ctx, m, n));
  CF_TRY(CF_SCRATCH(ctx, &iwork, 8 * r));
  *info = LAPACKE_dgesdd_work(COL, job, as_int(m), as_int(n), a, lead(m), s, u, lead(m), vt, lead(r), &size, -1, iwork);
  if (*info != 0) goto done;
  CF_TRY(CF_SCRATCH(ctx, &work, (size_t)size));
  *info = LAPACKE_dgesdd_work(COL, job, as_int(m), as_int(n), a, lead(m), s, u, lead(m), vt, lead(r), work,
                              (lapack_int)size, iwork);
done:
  cf_blas_leave(threads);
  cf_scratch_release(ctx, mark);
  return status;
}

/* Factors by Householder reflections: the two routines differ in their name only. */
typedef lapack_int (*reflections_fn)(int, lapack_int, lapack_int, double *, lapack_int, double *, double *, lapack_int);

static cf_status reflect(cf_context *ctx, reflections_fn routine, size_t m, size_t n, double *a, double *tau,
                         int *info) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  int threads = cf_blas_enter();
  double size = 0, *work;
  CF_TRY(check_sizes(ctx, m, n));
  *info = routine(COL, as_int(m), as_int(n), a, lead(m), tau, &size, -1);
  if (*info != 0) goto done;
  CF_TRY(CF_SCRATCH(ctx, &work, (size_t)size));
  *info = routine(COL, as_int(m), as_int(n), a, lead(m), tau, work, (lapack_int)size);
done:
  cf_blas_leave(threads);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_lapack_gelqf(cf_context *ctx, size_t m, size_t n, double *a, double *tau, int *info) {
  return reflect(ctx, LAPACKE_dgelqf_work, m, n, a, tau, info);
}

cf_status cf_lapack_geqrf(cf_context *ctx, size_t m, size_t n, double *a, double *tau, int *info) {
  return reflect(ctx, LAPACKE_dgeqrf_work, m, n, a, tau, info);
}

cf_status cf_lapack_orglq(cf_context *ctx, size_t m, size_t n, double *a, const double *tau, int *info) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  int threads = cf_blas_enter();
  double size = 0, *work;
  *info = LAPACKE_dorglq_work(COL, as_int(m), as_int(n), as_int(m), a, lead(m), tau, &size, -1);
  if (*info != 0) goto done;
  CF_TRY(CF_SCRATCH(ctx, &work, (size_t)size));
  *info = LAPACKE_dorglq_work(COL, as_int(m), as_int(n), as_int(m), a, lead(m), tau, work, (lapack_int)size);
done:
  cf_blas_leave(threads);
  cf_scratch_release(ctx, mark);
  return status;
}

int cf_lapack_potrf_upper(size_t n, double *a) {
  int threads = cf_blas_enter();
  int info = (int)LAPACKE_dpotrf_work(COL, 'U', as_int(n), a, lead(n));
  cf_blas_leave(threads);
  return info;
}

cf_status cf_lapack_lu_solve_transposed(cf_context *ctx, size_t n, double *a, size_t nrhs, double *b, double *rcond,
                                        int *info) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  int threads = cf_blas_enter();
  lapack_int *pivot, *iwork;
  double *work;
  *rcond = 0;
  CF_TRY(check_sizes(ctx, n, nrhs));
  CF_TRY(CF_SCRATCH(ctx, &pivot, n));
  CF_TRY(CF_SCRATCH(ctx, &iwork, n));
  CF_TRY(CF_SCRATCH(ctx, &work, 4 * n));
  double norm = LAPACKE_dlange_work(COL, '1', as_int(n), as_int(n), a, lead(n), work);
  *info = LAPACKE_dgetrf_work(COL, as_int(n), as_int(n), a, lead(n), pivot);
  if (*info != 0) goto done;
  *info = LAPACKE_dgecon_work(COL, '1', as_int(n), a, lead(n), norm, rcond, work, iwork);
  if (*info == 0 && *rcond >= DBL_EPSILON)
    *info = LAPACKE_dgetrs_work(COL, 'T', as_int(n), as_int(nrhs), a, lead(n), pivot, b, lead(n));
done:
  cf_blas_leave(threads);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_lapack_geev(cf_context *ctx, size_t n, double *a, double *re, double *im, double *u, int *info) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  int threads = cf_blas_enter();
  const char job = u ? 'V' : 'N';
  double size = 0, *work;
  CF_TRY(check_sizes(ctx, n, n));
  *info = LAPACKE_dgeev_work(COL, job, 'N', as_int(n), a, lead(n), re, im, u, u ? lead(n) : 1, NULL, 1, &size, -1);
  if (*info != 0) goto done;
  CF_TRY(CF_SCRATCH(ctx, &work, (size_t)size));
  *info = LAPACKE_dgeev_work(COL, job, 'N', as_int(n), a, lead(n), re, im, u, u ? lead(n) : 1, NULL, 1, work,
                             (lapack_int)size);
done:
  cf_blas_leave(threads);
  cf_scratch_release(ctx, mark);
  return status;
}

static lapack_complex_double *as_complex(double *pairs) {
  return (lapack_complex_double *)(void *)pairs;
}

cf_status cf_lapack_complex_gees(cf_context *ctx, size_t n, double *a, double *values, double *z, int *info) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  int threads = cf_blas_enter();
  lapack_complex_double size = 0, *work;
  lapack_int found = 0;
  double *rwork;
  CF_TRY(check_sizes(ctx, n, n));
  CF_TRY(CF_SCRATCH(ctx, &rwork, n));
  *info = LAPACKE_zgees_work(COL, 'V', 'N', NULL, as_int(n), as_complex(a), lead(n), &found, as_complex(values),
                             as_complex(z), lead(n), &size, -1, rwork, NULL);
  if (*info != 0) goto done;
  CF_TRY(CF_SCRATCH(ctx, &work, (size_t)creal(size)));
  *info = LAPACKE_zgees_work(COL, 'V', 'N', NULL, as_int(n), as_complex(a), lead(n), &found, as_complex(values),
                             as_complex(z), lead(n), work, (lapack_int)creal(size), rwork, NULL);
done:
  cf_blas_leave(threads);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_lapack_complex_solve_transposed(cf_context *ctx, size_t n, double *a, size_t nrhs, double *b,
                                             double *rcond, int *info) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  int threads = cf_blas_enter();
  lapack_complex_double *z = as_complex(a), *work;
  lapack_int *pivot;
  double *real;
  *rcond = 0;
  CF_TRY(check_sizes(ctx, n, nrhs));
  CF_TRY(CF_SCRATCH(ctx, &pivot, n));
  CF_TRY(CF_SCRATCH(ctx, &work, 2 * n));
  CF_TRY(CF_SCRATCH(ctx, &real, 2 * n));
  const double norm = LAPACKE_zlange_work(COL, '1', as_int(n), as_int(n), z, lead(n), real);
  *info = LAPACKE_zgetrf_work(COL, as_int(n), as_int(n), z, lead(n), pivot);
  if (*info != 0) goto done;
  *info = LAPACKE_zgecon_work(COL, '1', as_int(n), z, lead(n), norm, rcond, work, real);
  if (*info == 0 && *rcond >= DBL_EPSILON)
    *info = LAPACKE_zgetrs_work(COL, 'T', as_int(n), as_int(nrhs), z, lead(n), pivot, as_complex(b), lead(n));
done:
  cf_blas_leave(threads);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_lapack_complex_gels(cf_context *ctx, size_t m, size_t n, double *a, double *b, int *info) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  int threads = cf_blas_enter();
  lapack_complex_double size = 0, *work;
  CF_TRY(check_sizes(ctx, m, n));
  *info =
      LAPACKE_zgels_work(COL, 'N', as_int(m), as_int(n), 1, as_complex(a), lead(m), as_complex(b), lead(m), &size, -1);
  if (*info != 0) goto done;
  CF_TRY(CF_SCRATCH(ctx, &work, (size_t)creal(size)));
  *info = LAPACKE_zgels_work(COL, 'N', as_int(m), as_int(n), 1, as_complex(a), lead(m), as_complex(b), lead(m), work,
                             (lapack_int)creal(size));
done:
  cf_blas_leave(threads);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_lapack_complex_gelsd(cf_context *ctx, size_t m, size_t n, double *a, double *b, double rcond, int *info) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  int threads = cf_blas_enter();
  lapack_complex_double size = 0, *work;
  lapack_int rank = 0, isize = 0, *iwork;
  double rsize = 0, *rwork, *s;
  const size_t most = CF_MAX(m, n);
  CF_TRY(check_sizes(ctx, m, n));
  CF_TRY(CF_SCRATCH(ctx, &s, CF_MIN(m, n)));
  *info = LAPACKE_zgelsd_work(COL, as_int(m), as_int(n), 1, as_complex(a), lead(m), as_complex(b), lead(most), s, rcond,
                              &rank, &size, -1, &rsize, &isize);
  if (*info != 0) goto done;
  CF_TRY(CF_SCRATCH(ctx, &work, (size_t)creal(size)));
  CF_TRY(CF_SCRATCH(ctx, &rwork, (size_t)rsize));
  CF_TRY(CF_SCRATCH(ctx, &iwork, (size_t)isize));
  *info = LAPACKE_zgelsd_work(COL, as_int(m), as_int(n), 1, as_complex(a), lead(m), as_complex(b), lead(most), s, rcond,
                              &rank, work, (lapack_int)creal(size), rwork, iwork);
done:
  cf_blas_leave(threads);
  cf_scratch_release(ctx, mark);
  return status;
}
