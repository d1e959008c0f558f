/* Centred kernel alignment and its relatives.
 *
 *   X n x p, Y n x q with centred columns, K = X X', L = Y Y'
 *   cka  = ||Y'X||_F^2 / (||X'X||_F ||Y'Y||_F) = <K, L> / (||K|| ||L||)
 *          (Kornblith et al. 2019; linear, biased: the V-statistic of HSIC)
 *   rv   = tr(Sxy Syx) / sqrt(tr(Sxx^2) tr(Syy^2)), the same number (Escoufier 1973; Robert and Escoufier 1976)
 *   cka-debiased = HSIC_u(K,L) / sqrt(HSIC_u(K,K) HSIC_u(L,L)), with the U-statistic of Song et al. (2012):
 *          U-centre K: off the diagonal K_ij - r_i/(n-2) - r_j/(n-2) + r/((n-1)(n-2)), r_i the row sums of K without
 * its diagonal, r their sum; zero on it. HSIC_u(K,L) = <K_u, L_u> / (n(n-3)). n >= 4; may be negative. cka-rbf: K_ij =
 * exp(-d_ij^2 / (2 s^2)), s^2 the median of d_ij^2 over pairs i < j of each system, double centred. The published code
 * takes the median over all n^2 entries, the n zeros of the diagonal included (preset paper).
 *
 * Linear, one evaluation: the side with fewer flops, n x n (n^2 (p+q)) or
 * p x q (n (p^2 + q^2 + 2pq)); the Gram matrices are kept, so a further layer costs one.   */
#include <cortifold/stats.h>
#include <math.h>
#include <string.h>

#include <cortifold/linalg.h>
#include "base/internal.h"
#include "geometry/compare_internal.h"

static double clip(double v, double low, double high) {
  return v < low ? low : v > high ? high : v;
}

/* sum of squares of a product A'B without keeping it: a n x p, b n x q. */
static cf_status cross_norm2(cf_context *ctx, const cf_system *x, const cf_system *y, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *m = NULL;
  CF_TRY(cf_scratch_bytes(ctx, x->p, y->p * sizeof(double), (void **)&m));
  if (x == y)
    CF_TRY(cf_syrk(ctx, true, x->p, x->n, 1.0, x->x, x->p, 0.0, m, x->p));
  else
    CF_TRY(cf_gemm(ctx, true, false, x->p, y->p, x->n, 1.0, x->x, x->p, y->x, y->p, 0.0, m, y->p));
  *out = cf_dot(x->p * y->p, m, m);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* <a, b>/(||a|| ||b||) of two symmetric matrices. */
static double alignment(size_t n, const double *a, const double *b) {
  return cf_dot(n * n, a, b) / (cf_norm2(n * n, a) * cf_norm2(n * n, b));
}

cf_status cf_measure_cka_value(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o,
                               cf_compare_value *out) {
  cf_status status = CF_OK;
  (void)o;
  if (cf_system_same(x, y)) {
    out->value = 1;
    return CF_OK;
  }
  const double n = (double)x->n, p = (double)x->p, q = (double)y->p;
  const double sample = (x->gram ? 0 : n * n * p) + (y->gram ? 0 : n * n * q) + 4 * n * n;
  const double feature = n * (p * p + q * q + 2 * p * q);
  if (sample <= feature) {
    CF_TRY(cf_system_gram(ctx, x));
    CF_TRY(cf_system_gram(ctx, y));
    out->value = clip(alignment(x->n, x->gram, y->gram), 0, 1);
  } else {
    double xy = 0, xx = 0, yy = 0;
    CF_TRY(cross_norm2(ctx, x, y, &xy));
    CF_TRY(cross_norm2(ctx, x, x, &xx));
    CF_TRY(cross_norm2(ctx, y, y, &yy));
    out->value = clip(xy / (sqrt(xx) * sqrt(yy)), 0, 1);
  }
done:
  return status;
}

/* Copies of two kernels scaled to unit length, then their permuted products. */
static cf_status permute_kernels(cf_context *ctx, size_t n, const double *k, const double *l, bool diagonal,
                                 size_t n_perm, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *a = NULL, *b = NULL;
  const size_t nn = n * n;
  CF_TRY(CF_SCRATCH(ctx, &a, nn));
  CF_TRY(CF_SCRATCH(ctx, &b, nn));
  const double ka = cf_norm2(nn, k), lb = cf_norm2(nn, l);
  for (size_t i = 0; i < nn; i++) {
    a[i] = k[i] / ka;
    b[i] = l[i] / lb;
  }
  CF_TRY(cf_gram_permute(ctx, n, a, b, diagonal, cf_dot(nn, a, b), n_perm, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_measure_cka_prepare(cf_context *ctx, cf_system *s, const cf_compare_options *o) {
  (void)o;
  return s->n <= CF_GRAM_LIMIT ? cf_system_gram(ctx, s) : CF_OK;
}
cf_status cf_measure_cka_debiased_prepare(cf_context *ctx, cf_system *s, const cf_compare_options *o) {
  (void)o;
  return cf_system_gram(ctx, s);
}

/* ||M||_F^2 over the product of both systems' norms. */
static cf_status cross_score(cf_context *ctx, size_t rx, size_t ry, double *m, const void *payload, double *out) {
  (void)ctx;
  *out = cf_dot(rx * ry, m, m) / *(const double *)payload;
  return CF_OK;
}

/* By p x q products instead of gathers: for few channels, or when n x n does not fit. */
static cf_status permute_features(cf_context *ctx, cf_system *x, cf_system *y, size_t n, double *out) {
  cf_status status = CF_OK;
  double xx = 0, yy = 0;
  CF_TRY(cross_norm2(ctx, x, x, &xx));
  CF_TRY(cross_norm2(ctx, y, y, &yy));
  const double scale = sqrt(xx) * sqrt(yy);
  const cf_basis bx = {x->p, x->x}, by = {y->p, y->x};
  CF_TRY(cf_basis_permute(ctx, x->n, &bx, &by, cross_score, &scale, n, out));
done:
  return status;
}

cf_status cf_measure_cka_permute(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o, size_t n,
                                 double *out) {
  cf_status status = CF_OK;
  (void)o;
  /* Flops run about eight times as fast as gathered products. */
  if (x->n > CF_GRAM_LIMIT || (double)x->p * (double)y->p < 4.0 * (double)x->n)
    return permute_features(ctx, x, y, n, out);
  CF_TRY(cf_system_gram(ctx, x));
  CF_TRY(cf_system_gram(ctx, y));
  CF_TRY(permute_kernels(ctx, x->n, x->gram, y->gram, true, n, out));
done:
  return status;
}

cf_status cf_measure_cka_resample(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o, size_t n,
                                  double *out) {
  cf_status status = CF_OK;
  (void)o;
  CF_TRY(cf_system_gram(ctx, x));
  CF_TRY(cf_system_gram(ctx, y));
  CF_TRY(cf_gram_bootstrap(ctx, x->n, x->gram, y->gram, false, n, out));
done:
  return status;
}

/* ------------------------------------------------------------ debiased -- */

/* U-centred copy of a kernel: rows sum to zero without the diagonal, which is zero. */
static void u_center(size_t n, const double *k, double *rows, double *out) {
  double total = 0;
  for (size_t i = 0; i < n; i++) {
    double s = 0;
    for (size_t j = 0; j < n; j++) s += j == i ? 0 : k[i * n + j];
    rows[i] = s / (double)(n - 2);
    total += s;
  }
  total /= (double)(n - 1) * (double)(n - 2);
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) out[i * n + j] = k[i * n + j] - rows[i] - rows[j] + total;
    out[i * n + i] = 0;
  }
}

static cf_status u_centered(cf_context *ctx, cf_system *s, double **out) {
  cf_status status = CF_OK;
  double *rows = NULL;
  if (s->n < 4)
    return cf_fail(ctx, CF_ERR_INPUT,
                   "%s: %zu conditions; debiased CKA needs at least 4 (its U-statistic divides by n - 3)", s->name,
                   s->n);
  CF_TRY(cf_system_gram(ctx, s));
  CF_TRY(CF_SCRATCH(ctx, out, s->n * s->n));
  CF_TRY(CF_SCRATCH(ctx, &rows, s->n));
  u_center(s->n, s->gram, rows, *out);
done:
  return status;
}

cf_status cf_measure_cka_debiased_value(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o,
                                        cf_compare_value *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *a = NULL, *b = NULL;
  (void)o;
  CF_TRY(u_centered(ctx, x, &a));
  CF_TRY(u_centered(ctx, y, &b));
  const double kk = cf_dot(x->n * x->n, a, a), ll = cf_dot(x->n * x->n, b, b);
  /* With four conditions in a plane all U-centred entries can vanish: round-off is no signal. */
  const double tiny_x = 1e-26 * x->norm2 * x->norm2, tiny_y = 1e-26 * y->norm2 * y->norm2;
  if (!(kk > tiny_x) || !(ll > tiny_y))
    out->value = NAN;
  else if (cf_system_same(x, y))
    out->value = 1;
  else
    out->value = clip(cf_dot(x->n * x->n, a, b) / sqrt(kk) / sqrt(ll), -1, 1);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_measure_cka_debiased_permute(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o,
                                          size_t n, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *a = NULL, *b = NULL;
  (void)o;
  CF_TRY(u_centered(ctx, x, &a));
  CF_TRY(u_centered(ctx, y, &b));
  CF_TRY(permute_kernels(ctx, x->n, a, b, false, n, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_measure_cka_debiased_resample(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o,
                                           size_t n, double *out) {
  cf_status status = CF_OK;
  (void)o;
  if (x->n < 8) return cf_fail(ctx, CF_ERR_INPUT, "%zu conditions; half samples of debiased CKA need at least 8", x->n);
  CF_TRY(cf_system_gram(ctx, x));
  CF_TRY(cf_system_gram(ctx, y));
  CF_TRY(cf_gram_bootstrap(ctx, x->n, x->gram, y->gram, true, n, out));
done:
  return status;
}

/* ----------------------------------------------------------------- rbf -- */

static cf_status rbf_kernel(cf_context *ctx, cf_system *s, bool paper) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = s->n;
  double *k = NULL, *d = NULL, *mean = NULL;
  if (s->rbf[paper]) return CF_OK;
  CF_TRY(cf_system_gram(ctx, s));
  CF_TRY(CF_ALLOC(ctx, &k, n * n));
  CF_TRY(CF_SCRATCH(ctx, &d, n * n));
  CF_TRY(CF_SCRATCH(ctx, &mean, n));
  size_t count = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t j = i + 1; j < n; j++) {
      double v = s->gram[i * n + i] + s->gram[j * n + j] - 2 * s->gram[i * n + j];
      v = v > 0 ? v : 0;
      k[i * n + j] = k[j * n + i] = v;
      d[count++] = v;
      if (paper) d[count++] = v;
    }
  for (size_t i = 0; paper && i < n; i++) d[count++] = 0;
  const double width2 = cf_median(count, d);
  if (!(width2 > 0))
    CF_TRY(cf_fail(ctx, CF_ERR_NUMERIC,
                   "%s: the median distance between conditions is 0, so the rbf kernel has no width; "
                   "more than half of the pairs coincide",
                   s->name));
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) k[i * n + j] = exp(-k[i * n + j] / (2 * width2));
  double total = 0;
  for (size_t i = 0; i < n; i++) {
    mean[i] = 0;
    for (size_t j = 0; j < n; j++) mean[i] += k[i * n + j];
    mean[i] /= (double)n;
    total += mean[i] / (double)n;
  }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) k[i * n + j] += total - mean[i] - mean[j];
  s->rbf[paper] = k;
  k = NULL;
done:
  cf_free(k);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_measure_cka_rbf_prepare(cf_context *ctx, cf_system *s, const cf_compare_options *o) {
  return rbf_kernel(ctx, s, o->paper);
}

cf_status cf_measure_cka_rbf_value(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o,
                                   cf_compare_value *out) {
  cf_status status = CF_OK;
  CF_TRY(rbf_kernel(ctx, x, o->paper));
  CF_TRY(rbf_kernel(ctx, y, o->paper));
  out->value = cf_system_same(x, y) ? 1 : clip(alignment(x->n, x->rbf[o->paper], y->rbf[o->paper]), 0, 1);
done:
  return status;
}

cf_status cf_measure_cka_rbf_permute(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o, size_t n,
                                     double *out) {
  cf_status status = CF_OK;
  CF_TRY(rbf_kernel(ctx, x, o->paper));
  CF_TRY(rbf_kernel(ctx, y, o->paper));
  CF_TRY(permute_kernels(ctx, x->n, x->rbf[o->paper], y->rbf[o->paper], true, n, out));
done:
  return status;
}

cf_status cf_measure_cka_rbf_resample(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o,
                                      size_t n, double *out) {
  cf_status status = CF_OK;
  CF_TRY(rbf_kernel(ctx, x, o->paper));
  CF_TRY(rbf_kernel(ctx, y, o->paper));
  CF_TRY(cf_gram_bootstrap(ctx, x->n, x->rbf[o->paper], y->rbf[o->paper], false, n, out));
done:
  return status;
}
