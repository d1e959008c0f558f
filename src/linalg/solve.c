/* Factorisations and linear systems.
 *
 * Row-major memory is the transpose to LAPACK: the lower Cholesky factor L of A = L L' is its upper one, and the QR of
 * A is found as the LQ of A'. Golub & Van Loan, Matrix Computations, 4th ed., 2013, chapters 3 to 5. */
#include "base/internal.h"
#include "linalg/blas.h"
#include "linalg/lapack.h"

#include <float.h>
#include <math.h>
#include <string.h>

cf_status cf_qr(cf_context *ctx, size_t m, size_t n, double *a, double *r) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  double *tau;
  int info = 0;
  if (m < n) return cf_fail(ctx, CF_ERR_INPUT, "QR: %zu rows are fewer than %zu columns", m, n);
  if (n == 0) return CF_OK;
  CF_TRY(CF_SCRATCH(ctx, &tau, n));
  CF_TRY(cf_lapack_gelqf(ctx, n, m, a, tau, &info)); /* A' = L Q', so A = Q L' */
  if (info == 0 && r) {
    for (size_t i = 0; i < n; i++)
      for (size_t j = 0; j < n; j++) r[i * n + j] = j >= i ? a[i * n + j] : 0;
  }
  if (info == 0) CF_TRY(cf_lapack_orglq(ctx, n, m, a, tau, &info));
  if (info != 0) status = cf_fail(ctx, CF_ERR_NUMERIC, "QR of a %zu x %zu matrix failed (LAPACK info %d)", m, n, info);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_cholesky(cf_context *ctx, size_t n, double *a) {
  if (n == 0) return CF_OK;
  if (!cf_blas_fits(n, 0, 0)) return cf_fail(ctx, CF_ERR_INPUT, "Cholesky: %zu rows are too many", n);
  int info = cf_lapack_potrf_upper(n, a);
  for (size_t i = 0; info == 0 && i < n; i++) /* LAPACK before 3.10 may carry a NaN through */
    if (!isfinite(a[i * n + i])) info = (int)i + 1;
  if (info != 0)
    return cf_fail(ctx, CF_ERR_NUMERIC,
                   "matrix of %zu x %zu is not positive definite (pivot %d of its Cholesky factor is not positive)", n,
                   n, info);
  for (size_t i = 0; i < n; i++) memset(a + i * n + i + 1, 0, (n - i - 1) * sizeof *a);
  return CF_OK;
}

cf_status cf_solve_lower(cf_context *ctx, bool trans, size_t n, const double *l, size_t nrhs, double *b) {
  if (!cf_blas_fits(n, nrhs, 0))
    return cf_fail(ctx, CF_ERR_INPUT, "triangular system of %zu x %zu is too large", n, nrhs);
  for (size_t i = 0; i < n; i++)
    if (l[i * n + i] == 0)
      return cf_fail(ctx, CF_ERR_NUMERIC, "triangular system is singular: diagonal entry %zu is zero", i);
  cf_blas_trsm(trans, n, nrhs, l, b);
  return CF_OK;
}

cf_status cf_solve_spd(cf_context *ctx, size_t n, double *a, size_t nrhs, double *b) {
  cf_status status = CF_OK;
  CF_TRY(cf_cholesky(ctx, n, a));
  CF_TRY(cf_solve_lower(ctx, false, n, a, nrhs, b));
  CF_TRY(cf_solve_lower(ctx, true, n, a, nrhs, b));
done:
  return status;
}

cf_status cf_solve(cf_context *ctx, size_t n, double *a, size_t nrhs, double *b) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  double *columns, rcond = 0;
  int info = 0;
  if (n == 0 || nrhs == 0) return CF_OK;
  CF_TRY(CF_SCRATCH(ctx, &columns, n * nrhs));
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < nrhs; j++) columns[j * n + i] = b[i * nrhs + j];
  CF_TRY(cf_lapack_lu_solve_transposed(ctx, n, a, nrhs, columns, &rcond, &info));
  if (info > 0) {
    status = cf_fail(ctx, CF_ERR_NUMERIC, "matrix of %zu x %zu is singular (pivot %d is zero)", n, n, info);
    goto done;
  }
  if (info < 0 || !(rcond >= DBL_EPSILON)) {
    status = cf_fail(ctx, CF_ERR_NUMERIC, "matrix of %zu x %zu is singular to working precision (1/condition %.2g)", n,
                     n, rcond);
    goto done;
  }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < nrhs; j++) b[i * nrhs + j] = columns[j * n + i];
done:
  cf_scratch_release(ctx, mark);
  return status;
}
