/* Canonical correlations and the measures made of them.
 *
 *   Xc = Ux Sx Vx', Yc = Uy Sy Vy' (centred, n x p and n x q, ranks rx and ry)
 *   rho_1 >= rho_2 >= ... the min(rx, ry) singular values of Ux' Uy = A diag(rho) B'
 *   cca   = mean rho                                          (Hotelling 1936)
 *   svcca = the same after keeping of each system the fewest left singular vectors with
 *           sum s^2 >= 0.99 of the total (or a given number)  (Raghu et al. 2017)
 *   pwcca = sum_i w_i rho_i / sum_i w_i, h_i = Ux a_i the canonical variates of X,
 *           w_i = sum_j |<h_i, x_j>| over the centred channels of X (Morcos et al. 2018)
 *
 * Regularised: (Xc'Xc + k m I) for the covariance, m its mean non-zero
 * eigenvalue; then column i of U is scaled by s_i / sqrt(s_i^2 + k m).
 *
 * pwcca, preset paper, as the published code does it: the variates are
 * h = (Xc u)_i + mean_i with u = Vx A from the whitened cross-covariance but
 * without the inverse square root, orthonormalised in order; the weights use
 * the data with their means. That code runs only where X has no more channels
 * than Y, and moves when a constant is added to a channel, and with the signs
 * that LAPACK gives to the columns of u.                                      */
#include <math.h>
#include <string.h>

#include <cortifold/linalg.h>
#include "base/internal.h"
#include "geometry/compare_internal.h"

/* The first k columns of U, regularised, as a basis in scratch (or U itself). */
static cf_status canonical_basis(cf_context *ctx, const cf_system *s, const double *u, const double *sv, size_t have,
                                 size_t k, double regularization, cf_basis *out) {
  cf_status status = CF_OK;
  out->r = k;
  out->z = u;
  if (k == have && regularization == 0) return CF_OK;
  double *z = NULL;
  CF_TRY(CF_SCRATCH(ctx, &z, s->n * k));
  const double ridge = regularization * s->norm2 / (double)CF_MIN(s->n - 1, s->p);
  for (size_t i = 0; i < s->n; i++)
    for (size_t j = 0; j < k; j++)
      z[i * k + j] = u[i * have + j] * (ridge > 0 ? sv[j] / sqrt(sv[j] * sv[j] + ridge) : 1.0);
  out->z = z;
done:
  return status;
}

static cf_status full_basis(cf_context *ctx, cf_system *s, const cf_compare_options *o, cf_basis *out) {
  cf_status status = CF_OK;
  CF_TRY(cf_system_svd(ctx, s));
  CF_TRY(canonical_basis(ctx, s, s->u, s->s, s->rank, s->rank, o->regularization, out));
done:
  return status;
}

static cf_status truncated_basis(cf_context *ctx, cf_system *s, const cf_compare_options *o, cf_basis *out) {
  cf_status status = CF_OK;
  if (o->directions) {
    CF_TRY(cf_system_top(ctx, s, o->directions));
    CF_TRY(canonical_basis(ctx, s, s->top_u, s->top_s, s->top, s->top, o->regularization, out));
    return CF_OK;
  }
  CF_TRY(cf_system_svd(ctx, s));
  double total = 0, sum = 0;
  for (size_t i = 0; i < s->rank; i++) total += s->s[i] * s->s[i];
  size_t k = 0;
  while (k < s->rank && sum < o->energy * total * (1 - 1e-14)) {
    sum += s->s[k] * s->s[k];
    k++;
  }
  CF_TRY(canonical_basis(ctx, s, s->u, s->s, s->rank, k, o->regularization, out));
done:
  return status;
}

/* Singular values of m, clipped to [0, 1]. */
static cf_status correlations(cf_context *ctx, size_t rx, size_t ry, double *m, double *rho) {
  cf_status status = CF_OK;
  CF_TRY(cf_svdvals(ctx, rx, ry, m, rho));
  for (size_t i = 0; i < CF_MIN(rx, ry); i++) rho[i] = rho[i] > 1 ? 1 : rho[i];
done:
  return status;
}

static cf_status mean_correlation(cf_context *ctx, size_t rx, size_t ry, double *m, const void *payload, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t k = CF_MIN(rx, ry);
  double sum = 0;
  (void)payload;
  /* No value above 1 but for round-off, which the mean does not show. */
  CF_TRY(cf_nuclear_norm(ctx, rx, ry, m, &sum));
  *out = CF_MIN(sum / (double)k, 1.0);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

typedef cf_status (*basis_of)(cf_context *ctx, cf_system *s, const cf_compare_options *o, cf_basis *out);

static cf_status cca_value(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o, basis_of basis,
                           cf_compare_value *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_basis bx, by;
  double *m = NULL;
  CF_TRY(basis(ctx, x, o, &bx));
  CF_TRY(basis(ctx, y, o, &by));
  const size_t k = CF_MIN(bx.r, by.r);
  CF_TRY(cf_scratch_bytes(ctx, bx.r, by.r * sizeof(double), (void **)&m));
  CF_TRY(CF_ALLOC(ctx, &out->correlations, k));
  out->n_correlations = k;
  out->rank_x = bx.r;
  out->rank_y = by.r;
  if (cf_system_same(x, y) && o->regularization == 0) {
    for (size_t i = 0; i < k; i++) out->correlations[i] = 1;
    out->value = 1;
    goto done;
  }
  CF_TRY(cf_basis_product(ctx, x->n, &bx, &by, NULL, m));
  CF_TRY(correlations(ctx, bx.r, by.r, m, out->correlations));
  double sum = 0;
  for (size_t i = k; i-- > 0;) sum += out->correlations[i];
  out->value = CF_MIN(sum / (double)k, 1.0);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status cca_permute(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o, basis_of basis,
                             size_t n, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_basis bx, by;
  CF_TRY(basis(ctx, x, o, &bx));
  CF_TRY(basis(ctx, y, o, &by));
  CF_TRY(cf_basis_permute(ctx, x->n, &bx, &by, mean_correlation, NULL, n, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_measure_cca_prepare(cf_context *ctx, cf_system *s, const cf_compare_options *o) {
  (void)o;
  return cf_system_svd(ctx, s);
}
cf_status cf_measure_pwcca_prepare(cf_context *ctx, cf_system *s, const cf_compare_options *o) {
  (void)o;
  return cf_system_svd(ctx, s);
}
cf_status cf_measure_svcca_prepare(cf_context *ctx, cf_system *s, const cf_compare_options *o) {
  return o->directions ? cf_system_top(ctx, s, o->directions) : cf_system_svd(ctx, s);
}

cf_status cf_measure_cca_value(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o,
                               cf_compare_value *out) {
  return cca_value(ctx, x, y, o, full_basis, out);
}
cf_status cf_measure_cca_permute(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o, size_t n,
                                 double *out) {
  return cca_permute(ctx, x, y, o, full_basis, n, out);
}
cf_status cf_measure_svcca_value(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o,
                                 cf_compare_value *out) {
  return cca_value(ctx, x, y, o, truncated_basis, out);
}
cf_status cf_measure_svcca_permute(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o, size_t n,
                                   double *out) {
  return cca_permute(ctx, x, y, o, truncated_basis, n, out);
}

/* --------------------------------------------------------------- pwcca -- */

typedef struct weighting {
  const cf_system *x;
  bool paper;
  const double *loading;   /* clean: Zx' Xc, r x p; paper: Vx', rows are right singular vectors of X */
  const double *loading_y; /* paper: Vy' */
} weighting;

/* w_i = sum_j |(A' L)_ij| for the k columns of A (r x k). */
static cf_status weights_clean(cf_context *ctx, const weighting *w, size_t r, size_t k, const double *a,
                               double *weight) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t p = w->x->p;
  double *h = NULL;
  CF_TRY(cf_scratch_bytes(ctx, k, p * sizeof(double), (void **)&h));
  CF_TRY(cf_gemm(ctx, true, false, k, p, r, 1.0, a, k, w->loading, p, 0.0, h, p));
  for (size_t i = 0; i < k; i++) {
    weight[i] = 0;
    for (size_t j = 0; j < p; j++) weight[i] += fabs(h[i * p + j]);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* The published recipe. Its channel means are added to variates whose signs are LAPACK's, so the value depends on the
 * signs that the SVD of the whitened cross-covariance Vx M Vy' (p x q) comes with; they are taken as they come. */
static cf_status weighted_mean_paper(cf_context *ctx, size_t rx, size_t ry, const double *m, const weighting *w,
                                     double *rho, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_system *x = w->x;
  const size_t n = x->n, p = rx, q = ry; /* full column rank */
  double *t = NULL, *arr = NULL, *u = NULL, *vt = NULL, *d = NULL, *h = NULL;
  CF_TRY(CF_SCRATCH(ctx, &t, q * p));
  CF_TRY(CF_SCRATCH(ctx, &arr, q * p));
  CF_TRY(CF_SCRATCH(ctx, &u, p * p));
  CF_TRY(CF_SCRATCH(ctx, &vt, p * q));
  CF_TRY(CF_SCRATCH(ctx, &d, n * p));
  CF_TRY(CF_SCRATCH(ctx, &h, p * p));
  /* (Vx M Vy')' row-major is Vx M Vy' column-major; rows of the loadings are the columns of V. */
  CF_TRY(cf_gemm(ctx, true, true, q, p, q, 1.0, w->loading_y, q, m, q, 0.0, t, p));
  CF_TRY(cf_gemm(ctx, false, false, q, p, p, 1.0, t, p, w->loading, p, 0.0, arr, p));
  CF_TRY(cf_svd_lapack(ctx, p, q, arr, rho, u, vt));
  /* u column-major p x p is u' row-major: d = Xc u. */
  CF_TRY(cf_gemm(ctx, false, true, n, p, p, 1.0, x->x, p, u, p, 0.0, d, p));
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < p; j++) d[i * p + j] += x->mean[j];
  CF_TRY(cf_qr(ctx, n, p, d, NULL));
  CF_TRY(cf_gemm(ctx, true, false, p, p, n, 1.0, d, p, x->raw, p, 0.0, h, p));
  double sum = 0, total = 0;
  for (size_t i = 0; i < p; i++) {
    double weight = 0;
    for (size_t j = 0; j < p; j++) weight += fabs(h[i * p + j]);
    rho[i] = CF_MIN(rho[i], 1.0);
    sum += weight * rho[i];
    total += weight;
  }
  *out = CF_MIN(sum / total, 1.0);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Score of one product, rho (k) filled when not NULL. */
static cf_status weighted_mean(cf_context *ctx, size_t rx, size_t ry, double *m, const weighting *w, double *rho_out,
                               double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t k = CF_MIN(rx, ry);
  double *a = NULL, *rho = NULL, *weight = NULL;
  CF_TRY(cf_scratch_bytes(ctx, rx, k * sizeof(double), (void **)&a));
  CF_TRY(CF_SCRATCH(ctx, &rho, k));
  CF_TRY(CF_SCRATCH(ctx, &weight, k));
  if (w->paper) {
    CF_TRY(weighted_mean_paper(ctx, rx, ry, m, w, rho, out));
    if (rho_out) memcpy(rho_out, rho, k * sizeof *rho);
    goto done;
  }
  CF_TRY(cf_svd(ctx, rx, ry, m, rho, a, NULL));
  CF_TRY(weights_clean(ctx, w, rx, k, a, weight));
  double sum = 0, total = 0;
  for (size_t i = 0; i < k; i++) {
    rho[i] = CF_MIN(rho[i], 1.0);
    sum += weight[i] * rho[i];
    total += weight[i];
  }
  *out = CF_MIN(sum / total, 1.0);
  if (rho_out) memcpy(rho_out, rho, k * sizeof *rho);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status weighted_score(cf_context *ctx, size_t rx, size_t ry, double *m, const void *payload, double *out) {
  return weighted_mean(ctx, rx, ry, m, payload, NULL, out);
}

/* Z' Xc (r x p); divided by the singular values it is V'. */
static cf_status make_loading(cf_context *ctx, const cf_system *s, const cf_basis *b, bool divide, double **out) {
  cf_status status = CF_OK;
  CF_TRY(CF_SCRATCH(ctx, out, b->r * s->p));
  CF_TRY(cf_gemm(ctx, true, false, b->r, s->p, s->n, 1.0, b->z, b->r, s->x, s->p, 0.0, *out, s->p));
  for (size_t i = 0; divide && i < b->r; i++)
    for (size_t j = 0; j < s->p; j++) (*out)[i * s->p + j] /= s->s[i];
done:
  return status;
}

static cf_status pwcca_bases(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o, cf_basis *bx,
                             cf_basis *by, weighting *w) {
  cf_status status = CF_OK;
  double *loading = NULL, *loading_y = NULL;
  CF_TRY(full_basis(ctx, x, o, bx));
  CF_TRY(full_basis(ctx, y, o, by));
  if (o->paper) {
    if (x->p > y->p)
      return cf_fail(ctx, CF_ERR_INPUT,
                     "pwcca, preset paper: X has %zu channels and Y %zu; the published code stops when X has more, "
                     "use preset clean",
                     x->p, y->p);
    if (x->rank < x->p || y->rank < y->p)
      return cf_fail(
          ctx, CF_ERR_INPUT,
          "pwcca, preset paper: the published code needs full column rank (X has rank %zu of %zu channels, Y %zu "
          "of %zu), use preset clean",
          x->rank, x->p, y->rank, y->p);
    if (o->regularization > 0)
      return cf_fail(ctx, CF_ERR_USAGE, "pwcca, preset paper: the published recipe has no regularization");
  }
  CF_TRY(make_loading(ctx, x, bx, o->paper, &loading));
  if (o->paper) CF_TRY(make_loading(ctx, y, by, true, &loading_y));
  *w = (weighting){x, o->paper, loading, loading_y};
done:
  return status;
}

cf_status cf_measure_pwcca_value(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o,
                                 cf_compare_value *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_basis bx, by;
  weighting w;
  double *m = NULL;
  CF_TRY(pwcca_bases(ctx, x, y, o, &bx, &by, &w));
  const size_t k = CF_MIN(bx.r, by.r);
  CF_TRY(CF_SCRATCH(ctx, &m, bx.r * by.r));
  CF_TRY(CF_ALLOC(ctx, &out->correlations, k));
  out->n_correlations = k;
  out->rank_x = bx.r;
  out->rank_y = by.r;
  if (cf_system_same(x, y) && o->regularization == 0) {
    for (size_t i = 0; i < k; i++) out->correlations[i] = 1;
    out->value = 1;
    goto done;
  }
  CF_TRY(cf_basis_product(ctx, x->n, &bx, &by, NULL, m));
  CF_TRY(weighted_mean(ctx, bx.r, by.r, m, &w, out->correlations, &out->value));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_measure_pwcca_permute(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o, size_t n,
                                   double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_basis bx, by;
  weighting w;
  CF_TRY(pwcca_bases(ctx, x, y, o, &bx, &by, &w));
  CF_TRY(cf_basis_permute(ctx, x->n, &bx, &by, weighted_score, &w, n, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}
