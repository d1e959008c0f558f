/* Procrustes and the shape metrics between CCA and Procrustes.
 *
 *   Z_a(X) = X (a I + (1-a) (X'X)^(-1/2)) = U diag(a s + (1-a)) V'     (X centred, = U S V')
 *   angular    theta = arccos( ||Zx' Zy||_* / (||Zx||_F ||Zy||_F) )
 *   Euclidean  sqrt(|X|^2 + |Y|^2 - 2 |X| |Y| cos theta)
 *
 * (Williams, Kunz, Kornblith and Linderman 2021). a = 1 is Procrustes, a = 0
 * canonical correlation; in between the measure depends on the scale of X, as
 * published. Right factors of Z do not matter: U diag(.) stands for Z.
 *
 * arccos loses half of the digits near 1, so close pairs are measured by their
 * chord: with Zx' Zy = A diag(s) B' (unit norms)
 *   4 sin^2(theta/2) = ||Zx A - Zy B||^2 + ||Zx - Zx A A'||^2 + ||Zy - Zy B B'||^2.   */
#include <math.h>
#include <string.h>

#include <cortifold/linalg.h>
#include "base/internal.h"
#include "geometry/compare_internal.h"

cf_status cf_shape_basis(cf_context *ctx, cf_system *s, double alpha, double regularization, cf_basis *out) {
  cf_status status = CF_OK;
  double *z = NULL;
  const size_t n = s->n;
  if (alpha == 1 && s->p <= n) {
    CF_TRY(CF_SCRATCH(ctx, &z, n * s->p));
    const double norm = sqrt(s->norm2);
    for (size_t i = 0; i < n * s->p; i++) z[i] = s->x[i] / norm;
    *out = (cf_basis){s->p, z};
    return CF_OK;
  }
  CF_TRY(cf_system_svd(ctx, s));
  const size_t r = s->rank;
  double *f = NULL;
  CF_TRY(CF_SCRATCH(ctx, &f, r));
  CF_TRY(CF_SCRATCH(ctx, &z, n * r));
  const double ridge = regularization * s->norm2 / (double)CF_MIN(n - 1, s->p);
  double norm = 0;
  for (size_t k = 0; k < r; k++) {
    const double white = ridge > 0 ? s->s[k] / sqrt(s->s[k] * s->s[k] + ridge) : 1;
    f[k] = alpha * s->s[k] + (1 - alpha) * white;
    norm += f[k] * f[k];
  }
  norm = sqrt(norm);
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < r; k++) z[i * r + k] = s->u[i * r + k] * f[k] / norm;
  *out = (cf_basis){r, z};
done:
  return status;
}

/* ||Z - (Z A) A'||^2 given Z A; zero work when A is square. */
static cf_status left_over(cf_context *ctx, size_t n, const cf_basis *b, size_t k, const double *a, const double *za,
                           double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *rest = NULL;
  *out = 0;
  if (k == b->r) goto done;
  CF_TRY(CF_SCRATCH(ctx, &rest, n * b->r));
  memcpy(rest, b->z, n * b->r * sizeof *rest);
  CF_TRY(cf_gemm(ctx, false, true, n, b->r, k, -1.0, za, k, a, k, 1.0, rest, b->r));
  *out = cf_dot(n * b->r, rest, rest);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Angle by the chord, for near pairs. m = Zx' Zy, destroyed. */
static cf_status angle_by_chord(cf_context *ctx, size_t n, const cf_basis *x, const cf_basis *y, double *m,
                                double *angle) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t k = CF_MIN(x->r, y->r);
  double *a = NULL, *b = NULL, *vt = NULL, *s = NULL, *xa = NULL, *yb = NULL;
  CF_TRY(CF_SCRATCH(ctx, &a, x->r * k));
  CF_TRY(CF_SCRATCH(ctx, &vt, k * y->r));
  CF_TRY(CF_SCRATCH(ctx, &b, y->r * k));
  CF_TRY(CF_SCRATCH(ctx, &s, k));
  CF_TRY(CF_SCRATCH(ctx, &xa, n * k));
  CF_TRY(CF_SCRATCH(ctx, &yb, n * k));
  CF_TRY(cf_svd(ctx, x->r, y->r, m, s, a, vt));
  for (size_t i = 0; i < k; i++)
    for (size_t j = 0; j < y->r; j++) b[j * k + i] = vt[i * y->r + j];
  CF_TRY(cf_gemm(ctx, false, false, n, k, x->r, 1.0, x->z, x->r, a, k, 0.0, xa, k));
  CF_TRY(cf_gemm(ctx, false, false, n, k, y->r, 1.0, y->z, y->r, b, k, 0.0, yb, k));
  double chord2 = 0, rest_x = 0, rest_y = 0;
  CF_TRY(left_over(ctx, n, x, k, a, xa, &rest_x));
  CF_TRY(left_over(ctx, n, y, k, b, yb, &rest_y));
  for (size_t i = 0; i < n * k; i++) chord2 += (xa[i] - yb[i]) * (xa[i] - yb[i]);
  *angle = 2 * asin(CF_MIN(0.5 * sqrt(chord2 + rest_x + rest_y), 1.0));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_shape_angle(cf_context *ctx, size_t n, const cf_basis *x, const cf_basis *y, double *angle) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *m = NULL, *copy = NULL, nuclear = 0;
  const size_t count = x->r * y->r;
  CF_TRY(CF_SCRATCH(ctx, &m, count));
  CF_TRY(cf_basis_product(ctx, n, x, y, NULL, m));
  CF_TRY(CF_SCRATCH(ctx, &copy, count));
  memcpy(copy, m, count * sizeof *m);
  CF_TRY(cf_nuclear_norm(ctx, x->r, y->r, copy, &nuclear));
  if (nuclear > 0.999)
    CF_TRY(angle_by_chord(ctx, n, x, y, m, angle));
  else
    *angle = acos(nuclear);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* What the score of a permutation needs: the lengths, for the Euclidean form. */
typedef struct lengths {
  bool euclidean;
  double x, y;
} lengths;

static double from_angle(const lengths *l, double angle) {
  if (!l->euclidean) return angle;
  const double chord = 2 * sin(0.5 * angle), d = l->x - l->y;
  return sqrt(d * d + l->x * l->y * chord * chord);
}

static cf_status shape_score(cf_context *ctx, size_t rx, size_t ry, double *m, const void *payload, double *out) {
  cf_status status = CF_OK;
  double nuclear = 0;
  CF_TRY(cf_nuclear_norm(ctx, rx, ry, m, &nuclear));
  *out = from_angle(payload, acos(CF_MIN(nuclear, 1.0)));
done:
  return status;
}

static cf_status shape_value(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o, double alpha,
                             cf_compare_value *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const lengths l = {o->euclidean, sqrt(x->norm2), sqrt(y->norm2)};
  cf_basis bx, by;
  double angle = 0;
  CF_TRY(cf_shape_basis(ctx, x, alpha, o->regularization, &bx));
  CF_TRY(cf_shape_basis(ctx, y, alpha, o->regularization, &by));
  if (!cf_system_same(x, y)) CF_TRY(cf_shape_angle(ctx, x->n, &bx, &by, &angle));
  out->value = from_angle(&l, angle);
  out->rank_x = x->rank;
  out->rank_y = y->rank;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status shape_permute(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o, double alpha,
                               size_t n, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const lengths l = {o->euclidean, sqrt(x->norm2), sqrt(y->norm2)};
  cf_basis bx, by;
  CF_TRY(cf_shape_basis(ctx, x, alpha, o->regularization, &bx));
  CF_TRY(cf_shape_basis(ctx, y, alpha, o->regularization, &by));
  CF_TRY(cf_basis_permute(ctx, x->n, &bx, &by, shape_score, &l, n, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

typedef struct pairing {
  size_t k;
  cf_system *const *systems;
  const cf_basis *basis;
  bool euclidean;
  double *d;
} pairing;

/* Pair number t of i < j, rows of the upper triangle one after the other. */
static void pair_of(size_t k, size_t t, size_t *i, size_t *j) {
  size_t row = 0, left = t;
  while (left >= k - 1 - row) left -= k - 1 - row++;
  *i = row;
  *j = row + 1 + left;
}

static cf_status one_pair(cf_context *ctx, size_t t, void *payload) {
  const pairing *job = payload;
  cf_status status = CF_OK;
  size_t i = 0, j = 0;
  double angle = 0;
  CF_TRY(cf_check_cancel(ctx));
  pair_of(job->k, t, &i, &j);
  const cf_system *x = job->systems[i], *y = job->systems[j];
  const lengths l = {job->euclidean, sqrt(x->norm2), sqrt(y->norm2)};
  if (!cf_system_same(x, y)) CF_TRY(cf_shape_angle(ctx, x->n, &job->basis[i], &job->basis[j], &angle));
  job->d[i * job->k + j] = job->d[j * job->k + i] = from_angle(&l, angle);
  cf_progress_step(ctx, 1);
done:
  return status;
}

cf_status cf_shape_distances(cf_context *ctx, size_t k, cf_system *const *systems, const cf_compare_options *o,
                             double alpha, double *d) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_basis *basis = NULL;
  CF_TRY(CF_SCRATCH(ctx, &basis, k));
  for (size_t i = 0; i < k; i++) {
    CF_TRY(cf_shape_basis(ctx, systems[i], alpha, o->regularization, &basis[i]));
    d[i * k + i] = 0;
  }
  pairing job = {k, systems, basis, o->euclidean, d};
  cf_progress_begin(ctx, "pairs", k * (k - 1) / 2);
  status = cf_parallel_for(ctx, k * (k - 1) / 2, one_pair, &job);
  cf_progress_end(ctx);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_measure_procrustes_prepare(cf_context *ctx, cf_system *s, const cf_compare_options *o) {
  (void)o;
  return s->p <= s->n ? CF_OK : cf_system_svd(ctx, s);
}
cf_status cf_measure_shape_prepare(cf_context *ctx, cf_system *s, const cf_compare_options *o) {
  return o->alpha == 1 && s->p <= s->n ? CF_OK : cf_system_svd(ctx, s);
}

cf_status cf_measure_procrustes_value(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o,
                                      cf_compare_value *out) {
  return shape_value(ctx, x, y, o, 1.0, out);
}
cf_status cf_measure_procrustes_permute(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o,
                                        size_t n, double *out) {
  return shape_permute(ctx, x, y, o, 1.0, n, out);
}
cf_status cf_measure_shape_value(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o,
                                 cf_compare_value *out) {
  return shape_value(ctx, x, y, o, o->alpha, out);
}
cf_status cf_measure_shape_permute(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o, size_t n,
                                   double *out) {
  return shape_permute(ctx, x, y, o, o->alpha, n, out);
}
