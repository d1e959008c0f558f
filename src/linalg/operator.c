/* Eigenvalues of a symmetric operator that is given by its products with vectors.
 *
 * Block Lanczos where it converges, else the matrix row by row from products with unit vectors, and LAPACK. Known
 * eigenvectors u are taken out of the matrix by A - s sum u u' with s so large that they come out last. */
#include "base/internal.h"
#include "linalg/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_SIDE = 400, FORM_SIDE = 4000, FORM_ROWS = 64, LEAST_BASIS = 120, MOST_PRODUCTS = 12000 };
#define TOLERANCE 1e-12
#define ACCEPTED  1e-9 /* measured residual over the largest |eigenvalue| */

typedef struct task {
  size_t n, k, known;
  cf_operator_fn apply;
  void *payload;
  const double *known_vectors;
} task;

static cf_status form(cf_context *ctx, const task *t, double *a) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *unit;
  CF_TRY(CF_SCRATCH(ctx, &unit, FORM_ROWS * t->n));
  memset(unit, 0, FORM_ROWS * t->n * sizeof *unit);
  for (size_t i = 0; i < t->n; i += FORM_ROWS) {
    const size_t rows = CF_MIN((size_t)FORM_ROWS, t->n - i);
    for (size_t r = 0; r < rows; r++) unit[r * t->n + i + r] = 1;
    CF_TRY(t->apply(ctx, rows, unit, a + i * t->n, t->payload));
    for (size_t r = 0; r < rows; r++) unit[r * t->n + i + r] = 0;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* A -= s sum u u' for a shift above twice the norm of A, which is at most Frobenius'. */
static cf_status push_known_down(cf_context *ctx, const task *t, double *a) {
  if (t->known == 0) return CF_OK;
  return cf_gemm(ctx, true, false, t->n, t->n, t->known, -3 * cf_norm2(t->n * t->n, a), t->known_vectors, t->n,
                 t->known_vectors, t->n, 1, a, t->n);
}

static double smaller_last(const double *values, size_t low, size_t high) {
  return fabs(values[high]) >= fabs(values[low]) ? 1 : -1;
}

static cf_status by_lapack(cf_context *ctx, const task *t, double *values, double *vectors) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = t->n;
  double *a, *all;
  CF_TRY(CF_SCRATCH(ctx, &a, n * n));
  CF_TRY(CF_SCRATCH(ctx, &all, n));
  CF_TRY(form(ctx, t, a));
  CF_TRY(push_known_down(ctx, t, a));
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++) a[i * n + j] = a[j * n + i] = 0.5 * (a[i * n + j] + a[j * n + i]);
  CF_TRY(cf_eigh(ctx, n, a, all, a));
  size_t low = t->known, high = n - 1; /* ascending: the largest magnitude is at one of the ends */
  for (size_t i = 0; i < t->k; i++) {
    const size_t at = smaller_last(all, low, high) > 0 ? high-- : low++;
    values[i] = all[at];
    memcpy(vectors + i * n, a + at * n, n * sizeof *a);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status by_krylov(cf_context *ctx, const task *t, double *values, double *vectors, bool *converged) {
  const size_t wanted = CF_MAX((size_t)LEAST_BASIS, 4 * t->k);
  const cf_krylov p = {.n = t->n,
                       .k = t->k,
                       .apply = t->apply,
                       .payload = t->payload,
                       .magnitude = true,
                       .known = t->known,
                       .known_vectors = t->known_vectors,
                       .tolerance = TOLERANCE,
                       .basis = (wanted + CF_KRYLOV_BLOCK - 1) / CF_KRYLOV_BLOCK * CF_KRYLOV_BLOCK,
                       .give_up = t->n <= FORM_SIDE ? t->n / 2 : SIZE_MAX,
                       .most_products = t->n <= FORM_SIDE ? t->n : MOST_PRODUCTS};
  *converged = false;
  if (t->n < LEAST_SIDE || t->known + p.basis + CF_KRYLOV_BLOCK >= t->n) return CF_OK;
  return cf_krylov_run(ctx, &p, values, vectors, converged);
}

static cf_status measure(cf_context *ctx, const task *t, const double *values, const double *vectors,
                         double *residual) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *product;
  CF_TRY(CF_SCRATCH(ctx, &product, t->k * t->n));
  CF_TRY(t->apply(ctx, t->k, vectors, product, t->payload));
  *residual = 0;
  for (size_t i = 0; i < t->k; i++) {
    for (size_t j = 0; j < t->n; j++) product[i * t->n + j] -= values[i] * vectors[i * t->n + j];
    *residual = fmax(*residual, cf_norm2(t->n, product + i * t->n));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_eigh_operator(cf_context *ctx, size_t n, cf_operator_fn apply, void *payload, size_t k, size_t known,
                           const double *known_vectors, double *values, double *vectors, double *residual) {
  cf_status status = CF_OK;
  const task t = {n, k, known, apply, payload, known_vectors};
  bool converged;
  double error = 0;
  if (known > n || k > n - known)
    return cf_fail(ctx, CF_ERR_USAGE, "%zu eigenvalues beside %zu known ones of a %zu x %zu matrix", k, known, n, n);
  if (residual) *residual = 0;
  if (k == 0) return CF_OK;
  CF_TRY(by_krylov(ctx, &t, values, vectors, &converged));
  if (converged) {
    CF_TRY(measure(ctx, &t, values, vectors, &error));
    converged = error <= ACCEPTED * fabs(values[0]);
  }
  if (!converged && n > FORM_SIDE)
    CF_TRY(cf_fail(ctx, CF_ERR_NUMERIC,
                   "%zu eigenvalues of a %zu x %zu matrix did not converge: they lie too close together; ask for fewer",
                   k, n, n));
  if (!converged) {
    CF_TRY(by_lapack(ctx, &t, values, vectors));
    CF_TRY(measure(ctx, &t, values, vectors, &error));
  }
  for (size_t i = 0; i < k; i++) cf_vector_scale(n, cf_vector_sign(n, vectors + i * n, 1), vectors + i * n, 1);
  if (residual) *residual = error;
done:
  return status;
}
