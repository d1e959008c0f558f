/* Where the search for the best alignment begins: f(C) = <A, C B C'> has many local optima.
 *
 * If B = C'AC then the eigenvectors of B are those of A turned by C' and multiplied by phases: w_b = C' w_a e^{i t}. So
 * the eigenvalues are matched (least sum of squared distances), the phases d found that make the inner products under
 * some matrix X that turns along agree,
 *   max  d^H (conj(Wa^H Xa Wa) o (Wb^H Xb Wb)) d,   |d_j| = 1        (leading eigenvector, entries to unit length)
 * and C is the orthogonal factor of Re(Wa (Wb D)^H). Three choices:
 *   eigenvectors of A and B        X = I
 *   of their symmetric parts       X = the skew part
 *   of their skew parts            X = the symmetric part
 * each also with the least determined direction reflected, which is the other determinant. */
#include "base/internal.h"
#include "dynamics/align.h"

#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

static double complex *pairs(double *x) {
  return (double complex *)(void *)x;
}

typedef enum part { WHOLE, SYMMETRIC, SKEW, UNIT } part;

static void take(size_t n, const double *a, part which, double *out) {
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) {
      const double x = a[i * n + j], y = a[j * n + i];
      out[i * n + j] = which == WHOLE       ? x
                       : which == SYMMETRIC ? 0.5 * (x + y)
                       : which == SKEW      ? 0.5 * (x - y)
                                            : (double)(i == j);
    }
}

/* Wa^H X Wa (n x n pairs). */
static cf_status inner_products(cf_context *ctx, size_t n, const double *w, const double *x, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *xw;
  CF_TRY(CF_SCRATCH(ctx, &xw, 2 * n * n));
  CF_TRY(cf_gemm(ctx, false, false, n, 2 * n, n, 1, x, n, w, 2 * n, 0, xw, 2 * n));
  const double complex *a = (const double complex *)(const void *)w, *b = pairs(xw);
  double complex *z = pairs(out);
  memset(out, 0, 2 * n * n * sizeof *out);
  for (size_t l = 0; l < n; l++)
    for (size_t i = 0; i < n; i++)
      for (size_t j = 0; j < n; j++) z[i * n + j] += conj(a[l * n + i]) * b[l * n + j];
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* match[i]: eigenvalue of B for number i of A. */
static cf_status match_values(cf_context *ctx, size_t n, const double *va, const double *vb, size_t *match) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *cost;
  CF_TRY(CF_SCRATCH(ctx, &cost, n * n));
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) {
      const double x = va[2 * i] - vb[2 * j], y = va[2 * i + 1] - vb[2 * j + 1];
      cost[i * n + j] = x * x + y * y;
    }
  CF_TRY(cf_assignment(ctx, n, cost, match));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* The number of the conjugate eigenvalue: pairs stand next to each other, positive imaginary part first. */
static size_t partner(const double *value, size_t i) {
  return value[2 * i + 1] > 0 ? i + 1 : value[2 * i + 1] < 0 ? i - 1 : i;
}

static double complex unit(double complex z) {
  const double size = cabs(z);
  return size > 1e-9 ? z / size : 1;
}

/* Phases d from the Hermitian p (n x n pairs), conjugate for conjugate eigenvalues of A. */
static cf_status phases(cf_context *ctx, size_t n, const double *p, const double *value, double complex *d) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t m = 2 * n;
  double *real, *top, *vector;
  CF_TRY(CF_SCRATCH(ctx, &real, m * m));
  CF_TRY(CF_SCRATCH(ctx, &top, 1));
  CF_TRY(CF_SCRATCH(ctx, &vector, m));
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) { /* x + iy Hermitian acts on (Re, Im) as [x -y; y x] */
      const double x = 0.5 * (p[2 * (i * n + j)] + p[2 * (j * n + i)]),
                   y = 0.5 * (p[2 * (i * n + j) + 1] - p[2 * (j * n + i) + 1]);
      real[i * m + j] = real[(n + i) * m + n + j] = i == j ? 0 : x;
      real[i * m + n + j] = -y;
      real[(n + i) * m + j] = y;
    }
  CF_TRY(cf_eigh_top(ctx, m, real, 1, top, vector));
  double complex sum = 0;
  for (size_t i = 0; i < n; i++) d[i] = vector[i] + I * vector[n + i];
  for (size_t i = 0; i < n; i++) sum += d[i] * d[partner(value, i)];
  const double complex turn = cabs(sum) > 1e-12 ? cexp(-0.5 * I * carg(sum)) : 1;
  for (size_t i = 0; i < n; i++) d[i] = unit(d[i] * turn);
  for (size_t i = 0; i < n; i++) {
    const size_t k = partner(value, i);
    if (k < i) continue;
    const double complex z = unit(d[i] + conj(d[k]));
    d[i] = z;
    d[k] = conj(z);
    if (k == i) d[i] = creal(z) < 0 ? -1 : 1;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* c = orthogonal factor of k (destroyed), its last direction turned round when `reflected`. */
static cf_status nearest_rotation(cf_context *ctx, size_t n, double *k, bool reflected, double *c) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *s, *u, *vt;
  CF_TRY(CF_SCRATCH(ctx, &s, n));
  CF_TRY(CF_SCRATCH(ctx, &u, n * n));
  CF_TRY(CF_SCRATCH(ctx, &vt, n * n));
  CF_TRY(cf_svd(ctx, n, n, k, s, u, vt));
  for (size_t i = 0; i < n && reflected; i++) u[i * n + n - 1] = -u[i * n + n - 1];
  CF_TRY(cf_gemm(ctx, false, false, n, n, n, 1, u, n, vt, n, 0, c, n));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status by_eigenvectors(cf_context *ctx, const cf_align_pair *p, part of, part along, bool reflected,
                                 double *c) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = p->n;
  double *va, *vb, *wa, *wb, *x, *ga, *gb, *k, *phase;
  size_t *match;
  CF_TRY(CF_SCRATCH(ctx, &va, 2 * n));
  CF_TRY(CF_SCRATCH(ctx, &vb, 2 * n));
  CF_TRY(CF_SCRATCH(ctx, &wa, 2 * n * n));
  CF_TRY(CF_SCRATCH(ctx, &wb, 2 * n * n));
  CF_TRY(CF_SCRATCH(ctx, &ga, 2 * n * n));
  CF_TRY(CF_SCRATCH(ctx, &gb, 2 * n * n));
  CF_TRY(CF_SCRATCH(ctx, &x, n * n));
  CF_TRY(CF_SCRATCH(ctx, &k, n * n));
  CF_TRY(CF_SCRATCH(ctx, &phase, 2 * n));
  CF_TRY(CF_SCRATCH(ctx, &match, n));
  take(n, p->a, of, x);
  CF_TRY(cf_eig(ctx, n, x, va, wa));
  take(n, p->b, of, x);
  CF_TRY(cf_eig(ctx, n, x, vb, wb));
  CF_TRY(match_values(ctx, n, va, vb, match));
  take(n, p->a, along, x);
  CF_TRY(inner_products(ctx, n, wa, x, ga));
  take(n, p->b, along, x);
  CF_TRY(inner_products(ctx, n, wb, x, gb));
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++)
      pairs(ga)[i * n + j] = conj(pairs(ga)[i * n + j]) * pairs(gb)[match[i] * n + match[j]];
  CF_TRY(phases(ctx, n, ga, va, pairs(phase)));
  memset(k, 0, n * n * sizeof *k);
  for (size_t j = 0; j < n; j++)
    for (size_t i = 0; i < n; i++) {
      const double complex left = pairs(wa)[i * n + j] * conj(pairs(phase)[j]);
      for (size_t l = 0; l < n; l++) k[i * n + l] += creal(left * conj(pairs(wb)[l * n + match[j]]));
    }
  CF_TRY(nearest_rotation(ctx, n, k, reflected, c));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_align_start(cf_context *ctx, const cf_align_pair *p, size_t i, double *c) {
  static const struct {
    part of, along;
    bool reflected;
  } kinds[CF_ALIGN_STARTS - 1] = {{WHOLE, UNIT, false},    {WHOLE, UNIT, true},      {SYMMETRIC, SKEW, false},
                                  {SYMMETRIC, SKEW, true}, {SKEW, SYMMETRIC, false}, {SKEW, SYMMETRIC, true}};
  if (i < CF_ALIGN_STARTS - 1) return by_eigenvectors(ctx, p, kinds[i].of, kinds[i].along, kinds[i].reflected, c);
  take(p->n, p->a, UNIT, c);
  return CF_OK;
}

cf_status cf_align_determinant(cf_context *ctx, size_t n, const double *c, int *sign) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *a;
  CF_TRY(CF_SCRATCH(ctx, &a, n * n));
  memcpy(a, c, n * n * sizeof *a);
  *sign = 1;
  for (size_t k = 0; k < n; k++) { /* elimination with partial pivoting: the sign of the product of the pivots */
    size_t best = k;
    for (size_t i = k + 1; i < n; i++)
      if (fabs(a[i * n + k]) > fabs(a[best * n + k])) best = i;
    for (size_t j = k; j < n && best != k; j++) {
      const double t = a[k * n + j];
      a[k * n + j] = a[best * n + j];
      a[best * n + j] = t;
    }
    if ((best != k) != (a[k * n + k] < 0)) *sign = -*sign;
    for (size_t i = k + 1; i < n; i++) {
      const double factor = a[i * n + k] / a[k * n + k];
      for (size_t j = k; j < n; j++) a[i * n + j] -= factor * a[k * n + j];
    }
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_align_random(cf_context *ctx, size_t n, size_t i, double *c) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *r;
  int sign = 1;
  cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("dsa/start"), (uint32_t)i);
  CF_TRY(CF_SCRATCH(ctx, &r, n * n));
  for (size_t k = 0; k < n * n; k++) c[k] = cf_rng_normal(&rng);
  CF_TRY(cf_qr(ctx, n, n, c, r));
  for (size_t j = 0; j < n; j++) /* Haar: the diagonal of R positive */
    for (size_t k = 0; k < n && r[j * n + j] < 0; k++) c[k * n + j] = -c[k * n + j];
  CF_TRY(cf_align_determinant(ctx, n, c, &sign));
  for (size_t j = 0; j < n && sign != (i % 2 ? -1 : 1); j++) c[j] = -c[j];
done:
  cf_scratch_release(ctx, mark);
  return status;
}
