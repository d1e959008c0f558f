/* Measures of the singular values of Zx' Zy: the product, its nuclear norm and its permutation null.
 *
 * Nuclear norm  ||M||_* = sum_i s_i, M r x c. The eigenvalues of the smaller
 * Gram matrix (M'M or M M') cost half of the bidiagonal reduction, but carry an
 * absolute error of a few eps s_1^2 (8 is allowed for; measured: below 1), so s_i
 * is wrong by that over s_i. The sum of these errors is known once the s_i are;
 * only when it exceeds 1e-9 of the norm are the singular values taken from M.  */
#include <math.h>
#include <string.h>

#include <cortifold/linalg.h>
#include "base/internal.h"
#include "geometry/compare_internal.h"

#define NUCLEAR_TOL 1e-9
#define EPS         2.220446049250313e-16

cf_status cf_nuclear_norm(cf_context *ctx, size_t rows, size_t cols, double *m, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t k = CF_MIN(rows, cols);
  double *g = NULL, *s = NULL;
  double sum = 0, error = 0;
  *out = 0;
  CF_TRY(CF_SCRATCH(ctx, &s, k));
  if (k > 32) {
    CF_TRY(cf_scratch_bytes(ctx, k, k * sizeof(double), (void **)&g));
    CF_TRY(cf_syrk(ctx, rows > cols, k, CF_MAX(rows, cols), 1.0, m, cols, 0.0, g, k));
    CF_TRY(cf_eigh(ctx, k, g, s, NULL));
    const double noise = 8 * EPS * s[k - 1];
    for (size_t i = 0; i < k; i++) {
      const double v = s[i] > 0 ? sqrt(s[i]) : 0;
      sum += v;
      error += v * v > noise ? noise / v : sqrt(noise);
    }
    if (error <= NUCLEAR_TOL * sum) {
      *out = sum;
      goto done;
    }
  }
  CF_TRY(cf_svdvals(ctx, rows, cols, m, s));
  sum = 0;
  for (size_t i = k; i-- > 0;) sum += s[i];
  *out = sum;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_basis_product(cf_context *ctx, size_t n, const cf_basis *x, const cf_basis *y, const size_t *pi,
                           double *m) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const double *z = y->z;
  if (pi) {
    double *rows = NULL;
    CF_TRY(cf_scratch_bytes(ctx, n, y->r * sizeof(double), (void **)&rows));
    for (size_t i = 0; i < n; i++) memcpy(rows + i * y->r, y->z + pi[i] * y->r, y->r * sizeof *rows);
    z = rows;
  }
  CF_TRY(cf_gemm(ctx, true, false, x->r, y->r, n, 1.0, x->z, x->r, z, y->r, 0.0, m, y->r));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

typedef struct permuting {
  size_t n;
  const cf_basis *x, *y;
  cf_basis_score score;
  const void *payload;
  double *out;
} permuting;

static cf_status permute_one(cf_context *ctx, size_t r, void *payload) {
  const permuting *job = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *pi = NULL;
  double *m = NULL;
  CF_TRY(cf_check_cancel(ctx));
  CF_TRY(CF_SCRATCH(ctx, &pi, job->n));
  CF_TRY(cf_scratch_bytes(ctx, job->x->r, job->y->r * sizeof(double), (void **)&m));
  cf_compare_permutation(ctx, (uint32_t)r, job->n, pi);
  CF_TRY(cf_basis_product(ctx, job->n, job->x, job->y, pi, m));
  CF_TRY(job->score(ctx, job->x->r, job->y->r, m, job->payload, job->out + r));
  cf_progress_step(ctx, 1);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_basis_permute(cf_context *ctx, size_t n, const cf_basis *x, const cf_basis *y, cf_basis_score score,
                           const void *payload, size_t n_perm, double *out) {
  permuting job = {n, x, y, score, payload, out};
  cf_progress_begin(ctx, "permutations", n_perm);
  const cf_status status = cf_parallel_for(ctx, n_perm, permute_one, &job);
  cf_progress_end(ctx);
  return status;
}
