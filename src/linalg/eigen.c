/* Symmetric eigenproblems A v = lambda v, A n x n.
 *
 * A symmetric matrix is its own transpose, so row-major memory goes to LAPACK as it is and the eigenvectors, columns
 * for LAPACK, are rows here. Divide and conquer (dsyevd) for all pairs, MRRR (dsyevr) for some, block Lanczos for a few
 * of many. Anderson et al., LAPACK Users' Guide, 3rd ed., 1999. */
#include "linalg/internal.h"
#include "base/internal.h"
#include "linalg/lapack.h"

#include <math.h>
#include <string.h>

enum { KRYLOV_SIDE = 400, KRYLOV_MOST = 32 };

double cf_vector_sign(size_t n, const double *x, size_t stride) {
  double most = 0, value = 1;
  for (size_t i = 0; i < n; i++) {
    double size = fabs(x[i * stride]);
    if (size > most) {
      most = size;
      value = x[i * stride];
    }
  }
  return value < 0 ? -1 : 1;
}

void cf_vector_scale(size_t n, double factor, double *x, size_t stride) {
  if (factor == 1) return;
  for (size_t i = 0; i < n; i++) x[i * stride] *= factor;
}

cf_status cf_require_finite(cf_context *ctx, const char *what, size_t rows, size_t cols, const double *a, size_t ld) {
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < cols; j++)
      if (!isfinite(a[i * ld + j]))
        return cf_fail(ctx, CF_ERR_NUMERIC, "%s: entry (%zu, %zu) of the matrix is %s", what, i, j,
                       isnan(a[i * ld + j]) ? "NaN" : "infinite");
  return CF_OK;
}

static cf_status no_convergence(cf_context *ctx, size_t n, int info) {
  return cf_fail(ctx, CF_ERR_NUMERIC, "eigenvalues of a %zu x %zu matrix did not converge (LAPACK info %d)", n, n,
                 info);
}

static void fix_signs(size_t k, size_t n, double *vectors) {
  for (size_t i = 0; i < k; i++) cf_vector_scale(n, cf_vector_sign(n, vectors + i * n, 1), vectors + i * n, 1);
}

cf_status cf_eigh(cf_context *ctx, size_t n, double *a, double *values, double *vectors) {
  cf_status status = CF_OK;
  int info = 0;
  if (n == 0) return CF_OK;
  CF_TRY(cf_require_finite(ctx, "eigenvalues", n, n, a, n));
  CF_TRY(cf_lapack_syevd(ctx, vectors != NULL, n, a, values, &info));
  if (info != 0) return no_convergence(ctx, n, info);
  if (vectors) {
    if (vectors != a) memcpy(vectors, a, n * n * sizeof *a);
    fix_signs(n, n, vectors);
  }
done:
  return status;
}

/* All pairs, of which the k largest are kept in descending order. */
static cf_status top_of_all(cf_context *ctx, size_t n, double *a, size_t k, double *values, double *vectors) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  double *all;
  int info = 0;
  CF_TRY(CF_SCRATCH(ctx, &all, n));
  CF_TRY(cf_lapack_syevd(ctx, vectors != NULL, n, a, all, &info));
  if (info != 0) {
    status = no_convergence(ctx, n, info);
    goto done;
  }
  for (size_t i = 0; i < k; i++) {
    values[i] = all[n - 1 - i];
    if (vectors) memcpy(vectors + i * n, a + (n - 1 - i) * n, n * sizeof *a);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_eigh_top(cf_context *ctx, size_t n, double *a, size_t k, double *values, double *vectors) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  double *some, *z = NULL, *copy;
  size_t found = 0;
  int info = 0;
  if (k > n) return cf_fail(ctx, CF_ERR_USAGE, "%zu eigenvalues asked of a %zu x %zu matrix", k, n, n);
  if (k == 0) return CF_OK;
  CF_TRY(cf_require_finite(ctx, "eigenvalues", n, n, a, n));
  if (k > n / 4 || n < 32) {
    CF_TRY(top_of_all(ctx, n, a, k, values, vectors));
    if (vectors) fix_signs(k, n, vectors);
    goto done;
  }
  if (n >= KRYLOV_SIDE && k <= KRYLOV_MOST) {
    bool converged;
    CF_TRY(cf_krylov_top(ctx, n, a, k, values, vectors, &converged));
    if (converged) {
      if (vectors) fix_signs(k, n, vectors);
      goto done;
    }
  }
  CF_TRY(CF_SCRATCH(ctx, &some, k));
  CF_TRY(CF_SCRATCH(ctx, &copy, n * n));
  if (vectors) CF_TRY(CF_SCRATCH(ctx, &z, n * k));
  memcpy(copy, a, n * n * sizeof *a);
  CF_TRY(cf_lapack_syevr_top(ctx, n, copy, k, some, z, &found, &info));
  if (info != 0 || found != k) {
    CF_TRY(top_of_all(ctx, n, a, k, values, vectors));
  } else {
    for (size_t i = 0; i < k; i++) {
      values[i] = some[k - 1 - i];
      if (vectors) memcpy(vectors + i * n, z + (k - 1 - i) * n, n * sizeof *z);
    }
  }
  if (vectors) fix_signs(k, n, vectors);
done:
  cf_scratch_release(ctx, mark);
  return status;
}
