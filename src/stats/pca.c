/* Principal components and classical scaling.
 *
 * PCA: X (n x p) with centred columns = U S V'; components are the rows of V', scores U S, variances s^2/(n - 1). Small
 * problems, and those that want most of the components, go through the SVD; large ones through the eigenvectors of the
 * smaller of X'X and X X', where components whose variance is below about 1e-15 of the largest are set to zero. So do
 * small ones of which one side is eight times the other, as long as the variance of the last component wanted is above
 * 1e-6 of the largest: eigenvectors of the product know a direction of relative size c to eps / c^2.
 * Classical scaling: B = -1/2 J D^2 J with J = I - 11'/n; coordinates are eigenvectors times the roots of their
 * eigenvalues. Torgerson, Psychometrika 17, 401 (1952). */
#include "stats/internal.h"
#include "base/internal.h"

#include <cortifold/linalg.h>
#include <float.h>
#include <math.h>
#include <string.h>

enum { SVD_SIDE = 400, LONG = 8 };
#define LEAST_SIZE 1e-3 /* of the last singular value over the first */

typedef struct pca {
  size_t n, p, k;
  double *x;                     /* centred, n x p */
  double *components, *singular; /* k x p, k */
} pca;

static double peak_sign(size_t n, const double *x) {
  double most = 0, sign = 1;
  for (size_t i = 0; i < n; i++)
    if (fabs(x[i]) > most) {
      most = fabs(x[i]);
      sign = x[i] < 0 ? -1 : 1;
    }
  return sign;
}

static cf_status by_svd(cf_context *ctx, pca *s) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t r = CF_MIN(s->n, s->p);
  double *copy, *all, *vt;
  CF_TRY(CF_SCRATCH(ctx, &copy, s->n * s->p));
  CF_TRY(CF_SCRATCH(ctx, &all, r));
  CF_TRY(CF_SCRATCH(ctx, &vt, r * s->p));
  memcpy(copy, s->x, s->n * s->p * sizeof *copy);
  CF_TRY(cf_svd(ctx, s->n, s->p, copy, all, NULL, vt));
  memcpy(s->singular, all, s->k * sizeof *all);
  memcpy(s->components, vt, s->k * s->p * sizeof *vt);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status by_gram(cf_context *ctx, pca *s) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  bool rows = s->n < s->p; /* X X' is the smaller side */
  size_t side = rows ? s->n : s->p;
  double *gram, *vectors = s->components;
  CF_TRY(CF_SCRATCH(ctx, &gram, side * side));
  if (rows) CF_TRY(CF_SCRATCH(ctx, &vectors, s->k * side));
  CF_TRY(cf_syrk(ctx, !rows, side, rows ? s->p : s->n, 1, s->x, s->p, 0, gram, side));
  CF_TRY(cf_eigh_top(ctx, side, gram, s->k, s->singular, vectors));
  if (rows) CF_TRY(cf_gemm(ctx, false, false, s->k, s->p, s->n, 1, vectors, s->n, s->x, s->p, 0, s->components, s->p));
  double least = 4 * DBL_EPSILON * (double)side * fmax(0, s->singular[0]);
  for (size_t i = 0; i < s->k; i++) {
    double *c = s->components + i * s->p, factor = 0;
    if (s->singular[i] > least) {
      factor = peak_sign(s->p, c) * (rows ? 1 / cf_norm2(s->p, c) : 1);
      s->singular[i] = sqrt(s->singular[i]);
    } else {
      s->singular[i] = 0;
    }
    for (size_t j = 0; j < s->p; j++) c[j] *= factor;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_pca(cf_context *ctx, const cf_view *x, size_t k, double *components, double *scores, double *variance,
                 double *ratio, double *means) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  if (x->ndim != 2) return cf_fail(ctx, CF_ERR_INPUT, "PCA takes a matrix (rows x columns), not %d axes", x->ndim);
  pca s = {.n = x->shape[0], .p = x->shape[1], .k = k, .components = components};
  size_t least = CF_MIN(s.n, s.p), count;
  double total = 0;
  if (k > least || s.n < 2)
    return cf_fail(ctx, CF_ERR_INPUT, "PCA: %zu components of a matrix of %zu x %zu; there are at most %zu", k, s.n,
                   s.p, s.n < 2 ? 0 : least);
  CF_TRY(cf_view_check_finite(ctx, x, "PCA"));
  CF_TRY(cf_size_mul(ctx, s.n, s.p, &count));
  CF_TRY(CF_SCRATCH(ctx, &s.x, count));
  CF_TRY(CF_SCRATCH(ctx, &s.singular, k));
  if (!components) CF_TRY(CF_SCRATCH(ctx, &s.components, k * s.p));
  cf_view_copy(x, s.x);
  cf_center_columns(s.n, s.p, s.x, s.p, means);
  if (k == 0) goto done;
  const bool large = least > SVD_SIDE, lopsided = CF_MAX(s.n, s.p) >= LONG * least;
  bool found = false;
  if (k <= least / 4 && (large || lopsided)) {
    CF_TRY(by_gram(ctx, &s));
    found = large || s.singular[k - 1] > LEAST_SIZE * s.singular[0];
  }
  if (!found) CF_TRY(by_svd(ctx, &s));
  if (scores) CF_TRY(cf_gemm(ctx, false, true, s.n, k, s.p, 1, s.x, s.p, s.components, s.p, 0, scores, k));
  for (size_t i = 0; i < count; i++) total += s.x[i] * s.x[i];
  for (size_t i = 0; i < k; i++) {
    double square = s.singular[i] * s.singular[i];
    if (variance) variance[i] = square / (double)(s.n - 1);
    if (ratio) ratio[i] = total > 0 ? square / total : NAN;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_classical_mds(cf_context *ctx, size_t n, const double *distance, size_t k, double *coordinates,
                           double *values) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  double *b, *mean, *top, *vectors, all = 0;
  if (k > n) return cf_fail(ctx, CF_ERR_USAGE, "scaling of %zu objects to %zu axes; there are at most %zu", n, k, n);
  if (n == 0 || k == 0) return CF_OK;
  for (size_t i = 0; i < n * n; i++)
    if (!isfinite(distance[i]))
      return cf_fail(ctx, CF_ERR_INPUT, "distance (%zu, %zu) is not finite; classical scaling needs all of them", i / n,
                     i % n);
  CF_TRY(CF_SCRATCH(ctx, &b, n * n));
  CF_TRY(CF_SCRATCH(ctx, &mean, n));
  CF_TRY(CF_SCRATCH(ctx, &top, k));
  CF_TRY(CF_SCRATCH(ctx, &vectors, k * n));
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) {
      double d = 0.5 * (distance[i * n + j] + distance[j * n + i]);
      b[i * n + j] = i == j ? 0 : d * d;
    }
  for (size_t i = 0; i < n; i++) {
    mean[i] = cf_mean(n, b + i * n);
    all += mean[i] / (double)n;
  }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) b[i * n + j] = -0.5 * (b[i * n + j] - mean[i] - mean[j] + all);
  CF_TRY(cf_eigh_top(ctx, n, b, k, top, vectors));
  for (size_t axis = 0; axis < k; axis++) {
    double root = sqrt(fmax(0, top[axis]));
    for (size_t i = 0; i < n; i++) coordinates[i * k + axis] = root * vectors[axis * n + i];
    if (values) values[axis] = top[axis];
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
