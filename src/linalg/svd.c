/* Singular values and orthogonal bases.
 *
 * A = U S V' (A m x n, r = min(m, n)). Row-major A is column-major A' = V S U', so LAPACK's left vectors are the rows
 * of V' here and its right ones the columns of U. Divide and conquer (dgesdd), which itself starts with a QR or LQ when
 * one side is much longer. */
#include "linalg/internal.h"
#include "base/internal.h"
#include "linalg/blas.h"
#include "linalg/lapack.h"

#include <float.h>
#include <math.h>
#include <string.h>

static cf_status run_svd(cf_context *ctx, size_t m, size_t n, double *a, double *s, double *u, double *vt) {
  cf_status status = CF_OK;
  int info = 0;
  CF_TRY(cf_require_finite(ctx, "singular values", m, n, a, n));
  CF_TRY(cf_lapack_gesdd(ctx, n, m, a, s, vt, u, &info));
  if (info != 0)
    return cf_fail(ctx, CF_ERR_NUMERIC, "singular values of a %zu x %zu matrix did not converge (LAPACK info %d)", m, n,
                   info);
done:
  return status;
}

cf_status cf_svd(cf_context *ctx, size_t m, size_t n, double *a, double *s, double *u, double *vt) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t r = CF_MIN(m, n);
  double *left = u, *right = vt;
  if (r == 0) return CF_OK;
  if (u || vt) {
    if (!u) CF_TRY(CF_SCRATCH(ctx, &left, m * r));
    if (!vt) CF_TRY(CF_SCRATCH(ctx, &right, r * n));
  }
  CF_TRY(run_svd(ctx, m, n, a, s, left, right));
  for (size_t i = 0; i < r && left; i++) {
    double sign = vt ? cf_vector_sign(n, right + i * n, 1) : cf_vector_sign(m, left + i, r);
    cf_vector_scale(n, sign, right + i * n, 1);
    cf_vector_scale(m, sign, left + i, r);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_svd_lapack(cf_context *ctx, size_t m, size_t n, double *a, double *s, double *u, double *vt) {
  /* Column-major m x n is row-major n x m: the factors change places. */
  return m == 0 || n == 0 ? CF_OK : run_svd(ctx, n, m, a, s, vt, u);
}

cf_status cf_svdvals(cf_context *ctx, size_t m, size_t n, double *a, double *s) {
  if (m == 0 || n == 0) return CF_OK;
  return run_svd(ctx, m, n, a, s, NULL, NULL);
}

/* ------------------------------------------------------------ bases -- */

static void copy_rows(size_t m, size_t n, const double *a, size_t lda, double *out) {
  for (size_t i = 0; i < m; i++) memcpy(out + i * n, a + i * lda, n * sizeof *a);
}

/* Basis from the eigenvectors of A A', whose eigenvalues are squared singular values: a direction of relative size
 * c = s_i/s_1 is known to eps/c^2, and one below sqrt(16 m eps) not at all. So it is taken, and *finished set, only
 * when all directions are kept (then any basis of the whole space will do), or when each is either above 1e-2 or at the
 * level of rounding while tol, too, lies above that level. */
static cf_status orth_gram(cf_context *ctx, size_t m, size_t n, const double *a, size_t lda, double tol, double *q,
                           size_t *rank, bool *finished) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  double *gram, *values;
  size_t strong = 0, zero = 0;
  CF_TRY(CF_SCRATCH(ctx, &gram, m * m));
  CF_TRY(CF_SCRATCH(ctx, &values, m));
  CF_TRY(cf_syrk(ctx, false, m, n, 1, a, lda, 0, gram, m));
  CF_TRY(cf_eigh(ctx, m, gram, values, gram));
  double most = values[m - 1], noise = 16 * (double)m * DBL_EPSILON * most;
  if (most <= 0) goto done;
  for (size_t i = 0; i < m; i++) {
    strong += values[i] > 1e-4 * most;
    zero += fabs(values[i]) <= noise;
  }
  bool whole = values[0] > 1e-8 * most && values[0] > 4 * tol * tol * most;
  bool parted = strong + zero == m && tol <= 5e-3 && tol * tol * most >= noise;
  if (!whole && !parted) goto done;
  *rank = whole ? m : strong;
  for (size_t j = 0; j < *rank; j++)
    for (size_t i = 0; i < m; i++) q[i * m + j] = gram[(m - 1 - j) * m + i];
  *finished = true;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* A = L Q with L m x m has the column space and the singular values of A. */
static cf_status reduce_wide(cf_context *ctx, size_t m, size_t n, double *a, double *lower) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  double *tau;
  int info = 0;
  CF_TRY(CF_SCRATCH(ctx, &tau, m));
  CF_TRY(cf_lapack_geqrf(ctx, n, m, a, tau, &info)); /* A' = Q' L', R = L' in column-major = L in row-major */
  for (size_t i = 0; i < m; i++)
    for (size_t j = 0; j < m; j++) lower[i * m + j] = j <= i ? a[i * n + j] : 0;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_orth(cf_context *ctx, size_t m, size_t n, const double *a, size_t lda, double tol, double *q,
                  size_t *rank) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t r = CF_MIN(m, n), width = n;
  double *copy, *s, *square;
  bool finished = false;
  *rank = 0;
  if (r == 0) return CF_OK;
  CF_TRY(cf_require_finite(ctx, "orthonormal basis", m, n, a, lda));
  if (n / 2 >= m && m >= 32) {
    CF_TRY(orth_gram(ctx, m, n, a, lda, tol, q, rank, &finished));
    if (finished) goto done;
  }
  CF_TRY(CF_SCRATCH(ctx, &copy, m * n));
  CF_TRY(CF_SCRATCH(ctx, &s, r));
  copy_rows(m, n, a, lda, copy);
  if (n > m) {
    CF_TRY(CF_SCRATCH(ctx, &square, m * m));
    CF_TRY(reduce_wide(ctx, m, n, copy, square));
    copy = square;
    width = m;
  }
  CF_TRY(cf_svd(ctx, m, width, copy, s, q, NULL));
  while (*rank < r && s[*rank] > tol * s[0]) ++*rank;
done:
  cf_scratch_release(ctx, mark);
  return status;
}
