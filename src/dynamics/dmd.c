/* Dynamic mode decomposition in few coordinates.
 *
 *   X = [x_1 .. x_{n-1}], X' = [x_2 .. x_n]          k x m, m = n - 1
 *   X ~ U S V'                                       r singular values are kept
 *   G = X' V S^-1,  A = U' G                         r x r, real
 *   A w = lambda w
 *   projected modes  phi = U w  = sum_l c_l x_l      c = V S^-1 w
 *   exact modes      phi = G w / lambda = sum_l c_l x_{l+1} / lambda
 *   amplitudes       b = argmin ||x_1 - Phi b||, or over all snapshots (Jovanovic, Schmid & Nichols 2014)
 *                      P b = q,  P = (Phi^H Phi) o conj(W W^H),  q = conj(diag(W D^H Phi)),  W_il = lambda_i^(l-1)
 *   forward-backward A^2 = Af Ab^-1, both in the basis U: same eigenvectors, eigenvalues by the principal root
 *   residual         ||g'X' - lambda g'X|| / ||g'X||, g' the rows of W^-1 U'
 *
 * A tall data matrix D = Q R has the same A, lambda, c and b as its triangle R, so these few coordinates are all that
 * is needed; only the modes are multiplied with Q. */
#include "dynamics/dmd.h"
#include "base/internal.h"

#include <cortifold/linalg.h>
#include <float.h>
#include <math.h>
#include <string.h>

void cf_dmd_free(cf_dmd *d) {
  if (!d) return;
  cf_free(d->singular);
  cf_free(d->eigenvalue);
  cf_free(d->amplitude);
  cf_free(d->weight);
  cf_free(d->size);
  cf_free(d->residual);
  cf_free(d->mode);
  cf_free(d);
}

cf_status cf_dmd_check(cf_context *ctx, const cf_dmd_options *o, size_t n) {
  if (n < 2) return cf_fail(ctx, CF_ERR_INPUT, "DMD needs at least 2 snapshots, %zu is given", n);
  if (!(o->tikhonov >= 0 && isfinite(o->tikhonov)))
    return cf_fail(ctx, CF_ERR_USAGE, "tikhonov %g is negative or not finite", o->tikhonov);
  if (o->rank.rule == CF_RANK_ENERGY && !(o->rank.value > 0 && o->rank.value <= 1))
    return cf_fail(ctx, CF_ERR_USAGE, "an energy share of %g is outside (0, 1]", o->rank.value);
  if (o->rank.rule == CF_RANK_FIXED && !(o->rank.value >= 1))
    return cf_fail(ctx, CF_ERR_USAGE, "a rank of %g is below 1", o->rank.value);
  return CF_OK;
}

/* The work of one decomposition; matrices row-major, blocks from scratch. */
typedef struct small {
  size_t k, n, m, q, r; /* coordinates, snapshots, pairs, singular values, kept */
  const cf_dmd_options *o;
  const double *all;  /* k x n */
  const double *gram; /* all' all, n x n; NULL: singular values come from all */
  double *x, *y;      /* k x m, projected for total least squares */
  double *s, *u, *vt; /* q, k x q, q x m */
  double *g, *a;      /* k x r, r x r */
  double *value, *w;  /* r pairs, r x r pairs */
  double *phi;        /* k x r pairs */
} small;

/* First or last m columns. */
static void columns(const small *p, size_t first, double *out) {
  for (size_t i = 0; i < p->k; i++) memcpy(out + i * p->m, p->all + i * p->n + first, p->m * sizeof *out);
}

static cf_status decompose(cf_context *ctx, size_t k, size_t m, const double *x, double *s, double *u, double *vt) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *copy;
  CF_TRY(CF_SCRATCH(ctx, &copy, k * m));
  memcpy(copy, x, k * m * sizeof *copy);
  CF_TRY(cf_svd(ctx, k, m, copy, s, u, vt));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* The same of x = p->x from the corner of the Gram matrix: x'x = V S^2 V', U = x V S^-1. The lengths of the columns of
 * x V are the singular values to one power of the condition more than roots of eigenvalues. */
static cf_status decompose_gram(cf_context *ctx, small *p) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t k = p->k, m = p->m;
  double *corner, *value;
  CF_TRY(CF_SCRATCH(ctx, &corner, m * m));
  CF_TRY(CF_SCRATCH(ctx, &value, m));
  for (size_t i = 0; i < m; i++) memcpy(corner + i * m, p->gram + i * p->n, m * sizeof *corner);
  CF_TRY(cf_eigh(ctx, m, corner, value, corner));
  for (size_t i = 0; i < m; i++) memcpy(p->vt + i * m, corner + (m - 1 - i) * m, m * sizeof *corner);
  CF_TRY(cf_gemm(ctx, false, true, k, m, m, 1, p->x, m, p->vt, m, 0, p->u, m));
  memset(p->s, 0, m * sizeof *p->s);
  for (size_t i = 0; i < k; i++)
    for (size_t j = 0; j < m; j++) p->s[j] += p->u[i * m + j] * p->u[i * m + j];
  for (size_t j = 0; j < m; j++) {
    p->s[j] = sqrt(p->s[j]);
    if (j > 0) p->s[j] = fmin(p->s[j], p->s[j - 1]); /* equal ones, up to rounding */
  }
  for (size_t i = 0; i < k; i++)
    for (size_t j = 0; j < m; j++) p->u[i * m + j] = p->s[j] > 0 ? p->u[i * m + j] / p->s[j] : 0;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* X <- X V V', X' <- X' V V', V the leading right singular vectors of [X; X']. */
static cf_status project_total(cf_context *ctx, small *p, size_t rank) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t k = p->k, m = p->m, q = CF_MIN(2 * k, m), keep = CF_MIN(rank, q);
  double *both, *s, *u, *vt, *t;
  CF_TRY(CF_SCRATCH(ctx, &both, 2 * k * m));
  CF_TRY(CF_SCRATCH(ctx, &s, q));
  CF_TRY(CF_SCRATCH(ctx, &u, 2 * k * q));
  CF_TRY(CF_SCRATCH(ctx, &vt, q * m));
  CF_TRY(CF_SCRATCH(ctx, &t, 2 * k * keep));
  memcpy(both, p->x, k * m * sizeof *both);
  memcpy(both + k * m, p->y, k * m * sizeof *both);
  CF_TRY(decompose(ctx, 2 * k, m, both, s, u, vt));
  CF_TRY(cf_gemm(ctx, false, true, 2 * k, keep, m, 1, both, m, vt, m, 0, t, keep));
  CF_TRY(cf_gemm(ctx, false, false, k, m, keep, 1, t, keep, vt, m, 0, p->x, m));
  CF_TRY(cf_gemm(ctx, false, false, k, m, keep, 1, t + k * keep, keep, vt, m, 0, p->y, m));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* g (k x r) = y V diag(1/s), or the regularised inverse. */
static cf_status weigh(cf_context *ctx, const small *p, const double *y, const double *s, const double *vt, double *g) {
  cf_status status = CF_OK;
  double norm2 = 0;
  for (size_t i = 0; i < p->q; i++) norm2 += s[i] * s[i];
  const double ridge = p->o->tikhonov * sqrt(norm2);
  CF_TRY(cf_gemm(ctx, false, true, p->k, p->r, p->m, 1, y, p->m, vt, p->m, 0, g, p->r));
  for (size_t i = 0; i < p->k; i++)
    for (size_t j = 0; j < p->r; j++) g[i * p->r + j] *= ridge > 0 ? s[j] / (s[j] * s[j] + ridge) : 1 / s[j];
done:
  return status;
}

static void transpose(size_t n, const double *a, double *out) {
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) out[j * n + i] = a[i * n + j];
}

/* a <- Af Ab^-1. Ab, the operator that steps back, is in the basis of the later snapshots, whose vectors take the signs
 * that are nearer to those of U. */
static cf_status both_ways(cf_context *ctx, small *p) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t k = p->k, m = p->m, q = p->q, r = p->r;
  double *s, *u, *vt, *g, *back, *turned, *at;
  CF_TRY(CF_SCRATCH(ctx, &s, q));
  CF_TRY(CF_SCRATCH(ctx, &u, k * q));
  CF_TRY(CF_SCRATCH(ctx, &vt, q * m));
  CF_TRY(CF_SCRATCH(ctx, &g, k * r));
  CF_TRY(CF_SCRATCH(ctx, &back, r * r));
  CF_TRY(CF_SCRATCH(ctx, &turned, r * r));
  CF_TRY(CF_SCRATCH(ctx, &at, r * r));
  CF_TRY(decompose(ctx, k, m, p->y, s, u, vt));
  for (size_t j = 0; j < r; j++) {
    double dot = 0;
    for (size_t i = 0; i < k; i++) dot += u[i * q + j] * p->u[i * q + j];
    for (size_t i = 0; i < k && dot < 0; i++) u[i * q + j] = -u[i * q + j];
    for (size_t i = 0; i < m && dot < 0; i++) vt[j * m + i] = -vt[j * m + i];
  }
  CF_TRY(weigh(ctx, p, p->x, s, vt, g));
  CF_TRY(cf_gemm(ctx, true, false, r, r, k, 1, u, q, g, r, 0, back, r));
  transpose(r, back, turned);
  transpose(r, p->a, at);
  CF_TRY(cf_solve(ctx, r, turned, r, at)); /* Ab' Z' = Af' */
  transpose(r, at, p->a);
done:
  cf_scratch_release(ctx, mark);
  return status == CF_ERR_NUMERIC ? cf_explain(ctx, status, "forward-backward DMD, backward operator") : status;
}

/* Everything up to eigenvalues and eigenvectors. */
static cf_status operator_of(cf_context *ctx, small *p, size_t dims, cf_dmd *out) {
  cf_status status = CF_OK;
  const size_t k = p->k, m = p->m, q = p->q = CF_MIN(p->k, p->m);
  CF_TRY(CF_SCRATCH(ctx, &p->x, k * m));
  CF_TRY(CF_SCRATCH(ctx, &p->y, k * m));
  CF_TRY(CF_SCRATCH(ctx, &p->s, q));
  CF_TRY(CF_SCRATCH(ctx, &p->u, k * q));
  CF_TRY(CF_SCRATCH(ctx, &p->vt, q * m));
  columns(p, 0, p->x);
  columns(p, 1, p->y);
  if (p->gram)
    CF_TRY(decompose_gram(ctx, p));
  else
    CF_TRY(decompose(ctx, k, m, p->x, p->s, p->u, p->vt));
  if (!(p->s[0] > 0)) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "DMD: the snapshots are all zero"));
  p->r = cf_rank_of(&p->o->rank, dims, m, q, p->s, &out->energy);
  if (p->o->correction == CF_DMD_TOTAL) {
    CF_TRY(project_total(ctx, p, p->o->total_rank ? p->o->total_rank : p->r));
    CF_TRY(decompose(ctx, k, m, p->x, p->s, p->u, p->vt));
    p->r = CF_MIN(p->r, cf_rank_of(&p->o->rank, dims, m, q, p->s, &out->energy));
  }
  const size_t r = p->r;
  CF_TRY(CF_SCRATCH(ctx, &p->g, k * r));
  CF_TRY(CF_SCRATCH(ctx, &p->a, r * r));
  CF_TRY(CF_SCRATCH(ctx, &p->value, 2 * r));
  CF_TRY(CF_SCRATCH(ctx, &p->w, 2 * r * r));
  CF_TRY(weigh(ctx, p, p->y, p->s, p->vt, p->g));
  CF_TRY(cf_gemm(ctx, true, false, r, r, k, 1, p->u, q, p->g, r, 0, p->a, r));
  if (p->o->correction == CF_DMD_FORWARD_BACKWARD) CF_TRY(both_ways(ctx, p));
  CF_TRY(cf_eig(ctx, r, p->a, p->value, p->w));
  if (p->o->correction == CF_DMD_FORWARD_BACKWARD) {
    double complex *z = cf_pairs(p->value);
    for (size_t i = 0; i < r; i++) {
      if (cimag(z[i]) == 0 && creal(z[i]) < 0)
        cf_warn(ctx, "forward-backward DMD: a negative squared eigenvalue has no real root; fewer modes avoid it");
      z[i] = csqrt(z[i]);
    }
  }
done:
  return status;
}

/* phi (k x r pairs): modes in the coordinates. */
static cf_status modes_of(cf_context *ctx, small *p) {
  cf_status status = CF_OK;
  const size_t k = p->k, r = p->r;
  const double complex *lambda = cf_pairs(p->value);
  CF_TRY(CF_SCRATCH(ctx, &p->phi, 2 * k * r));
  if (!p->o->exact) return cf_gemm(ctx, false, false, k, 2 * r, r, 1, p->u, p->q, p->w, 2 * r, 0, p->phi, 2 * r);
  CF_TRY(cf_gemm(ctx, false, false, k, 2 * r, r, 1, p->g, r, p->w, 2 * r, 0, p->phi, 2 * r));
  double complex *phi = cf_pairs(p->phi), *w = cf_pairs(p->w);
  for (size_t j = 0; j < r; j++) {
    const bool zero = cabs(lambda[j]) <= DBL_EPSILON * cabs(lambda[0]);
    for (size_t i = 0; i < k; i++) {
      double complex sum = 0;
      for (size_t l = 0; l < r && zero; l++) sum += p->u[i * p->q + l] * w[l * r + j];
      phi[i * r + j] = zero ? sum : phi[i * r + j] / lambda[j];
    }
  }
done:
  return status;
}

/* ------------------------------------------------------------ amplitudes -- */

bool cf_dmd_in_pairs(size_t r, const double *value) {
  for (size_t j = 0; j < r; j++) {
    const double *z = value + 2 * j;
    if (z[1] == 0) continue;
    if (j + 1 == r || z[2] != z[0] || z[3] != -z[1]) return false;
    j++;
  }
  return true;
}

/* Amplitudes of exact modes that come in pairs: those of a pair u + iv and u - iv, so Phi b is real, 2 Re phi u - 2 Im
 * phi v, and the problem too. *done stays false where the modes are nearly dependent. */
static cf_status paired_amplitudes(cf_context *ctx, const small *p, double *b, bool *done_) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t k = p->k, r = p->r;
  double *q, *t, least = INFINITY, most = 0;
  *done_ = false;
  CF_TRY(CF_SCRATCH(ctx, &q, k * r));
  CF_TRY(CF_SCRATCH(ctx, &t, r * r));
  for (size_t i = 0; i < k; i++)
    for (size_t j = 0; j < r; j++) {
      const double *z = p->phi + 2 * (i * r + j);
      const bool pair = p->value[2 * j + 1] != 0;
      q[i * r + j] = pair ? 2 * z[0] : z[0];
      if (pair) q[i * r + ++j] = -2 * z[1];
    }
  CF_TRY(cf_qr(ctx, k, r, q, t));
  for (size_t j = 0; j < r; j++) {
    least = fmin(least, fabs(t[j * r + j]));
    most = fmax(most, fabs(t[j * r + j]));
  }
  if (!(least > 1e-10 * most)) goto done;
  for (size_t j = r; j-- > 0;) { /* t x = q' x_1, from below; x_j in b[2 j] */
    double sum = 0;
    for (size_t i = 0; i < k; i++) sum += q[i * r + j] * p->all[i * p->n];
    for (size_t l = j + 1; l < r; l++) sum -= t[j * r + l] * b[2 * l];
    b[2 * j] = sum / t[j * r + j];
  }
  for (size_t j = 0; j < r; j++) {
    b[2 * j + 1] = 0;
    if (p->value[2 * j + 1] == 0) continue;
    b[2 * j + 1] = b[2 * (j + 1)];
    b[2 * (j + 1)] = b[2 * j];
    b[2 * (j + 1) + 1] = -b[2 * j + 1];
    j++;
  }
  *done_ = true;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status first_amplitudes(cf_context *ctx, const small *p, double *b) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t k = p->k, r = p->r;
  double *a, *x;
  bool finished = false;
  if (p->o->exact && cf_dmd_in_pairs(r, p->value)) CF_TRY(paired_amplitudes(ctx, p, b, &finished));
  if (finished) goto done;
  if (p->o->exact) {
    CF_TRY(CF_SCRATCH(ctx, &a, 2 * k * r));
    CF_TRY(CF_SCRATCH(ctx, &x, 2 * k));
    memcpy(a, p->phi, 2 * k * r * sizeof *a);
    for (size_t i = 0; i < k; i++) {
      x[2 * i] = p->all[i * p->n];
      x[2 * i + 1] = 0;
    }
    CF_TRY(cf_least_squares_complex(ctx, k, r, a, x, b));
  } else { /* U has orthonormal columns: W b = U' x_1 */
    CF_TRY(CF_SCRATCH(ctx, &a, 2 * r * r));
    CF_TRY(CF_SCRATCH(ctx, &x, 2 * r));
    memcpy(a, p->w, 2 * r * r * sizeof *a);
    for (size_t j = 0; j < r; j++) {
      x[2 * j] = x[2 * j + 1] = 0;
      for (size_t i = 0; i < k; i++) x[2 * j] += p->u[i * p->q + j] * p->all[i * p->n];
    }
    CF_TRY(cf_least_squares_complex(ctx, r, r, a, x, b));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* power[i * n + l] = lambda_i^l */
static void powers(size_t r, size_t n, const double complex *lambda, double complex *power) {
  for (size_t i = 0; i < r; i++) {
    power[i * n] = 1;
    for (size_t l = 1; l < n; l++) power[i * n + l] = power[i * n + l - 1] * lambda[i];
  }
}

static cf_status optimal_amplitudes(cf_context *ctx, const small *p, const double complex *power, double *b) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t k = p->k, n = p->n, r = p->r, fitted = p->o->amplitudes == CF_DMD_PUBLISHED && !p->o->exact ? n - 1 : n;
  const double complex *phi = cf_pairs(p->phi);
  double *a, *dp;
  CF_TRY(CF_SCRATCH(ctx, &a, 2 * r * r));
  CF_TRY(CF_SCRATCH(ctx, &dp, 2 * n * r));
  double complex *normal = cf_pairs(a), *q = cf_pairs(b);
  for (size_t i = 0; i < r; i++)
    for (size_t j = 0; j < r; j++) {
      double complex inner = 0, times = 0;
      for (size_t d = 0; d < k; d++) inner += conj(phi[d * r + i]) * phi[d * r + j];
      for (size_t l = 0; l < n; l++) times += power[i * n + l] * conj(power[j * n + l]);
      normal[i * r + j] = inner * conj(times);
    }
  CF_TRY(cf_gemm(ctx, true, false, n, 2 * r, k, 1, p->all, n, p->phi, 2 * r, 0, dp, 2 * r));
  for (size_t i = 0; i < r; i++) {
    q[i] = 0;
    for (size_t l = 0; l < fitted; l++) q[i] += power[i * n + l] * cf_pairs(dp)[l * r + i];
    q[i] = conj(q[i]);
  }
  status = cf_solve_complex(ctx, r, a, 1, b);
  if (status == CF_ERR_NUMERIC)
    status = cf_explain(ctx, status, "optimal amplitudes: two modes have the same time course; a smaller rank helps");
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* -------------------------------------------------- what is told of modes -- */

/* weight (r x m pairs): b phi as a sum of snapshots; for exact modes of the later ones. */
static cf_status weights_of(cf_context *ctx, const small *p, const double complex *lambda, const double complex *b,
                            double complex *weight) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t r = p->r, m = p->m;
  double *scaled, *sum; /* diag(1/s) w, r x r pairs; V of it, m x r pairs */
  double norm2 = 0;
  CF_TRY(CF_SCRATCH(ctx, &scaled, 2 * r * r));
  CF_TRY(CF_SCRATCH(ctx, &sum, 2 * m * r));
  for (size_t i = 0; i < p->q; i++) norm2 += p->s[i] * p->s[i];
  const double ridge = p->o->exact ? p->o->tikhonov * sqrt(norm2) : 0;
  for (size_t i = 0; i < r; i++) {
    const double inverse = ridge > 0 ? p->s[i] / (p->s[i] * p->s[i] + ridge) : 1 / p->s[i];
    for (size_t j = 0; j < 2 * r; j++) scaled[2 * i * r + j] = inverse * p->w[2 * i * r + j];
  }
  CF_TRY(cf_gemm(ctx, true, false, m, 2 * r, r, 1, p->vt, m, scaled, 2 * r, 0, sum, 2 * r));
  for (size_t j = 0; j < r; j++) {
    const double complex factor = p->o->exact && lambda[j] != 0 ? b[j] / lambda[j] : b[j];
    for (size_t l = 0; l < m; l++) weight[j * m + l] = factor * cf_pairs(sum)[l * r + j];
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* The same where eigenvalues come in pairs, in real numbers: rows of W^-1 are those of the inverse of the real W_R,
 * which holds Re w and Im w of a pair, and (a - ic) / 2 of its rows a and c for the first of a pair. */
static cf_status paired_residuals(cf_context *ctx, const small *p, const double complex *lambda, double *residual) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t k = p->k, m = p->m, r = p->r;
  double *w, *z;
  CF_TRY(CF_SCRATCH(ctx, &w, r * r));
  CF_TRY(CF_SCRATCH(ctx, &z, r * 2 * m)); /* U'X and U'Y side by side */
  for (size_t i = 0; i < r; i++)
    for (size_t j = 0; j < r; j++) {
      w[i * r + j] = p->w[2 * (i * r + j)];
      if (p->value[2 * j + 1] == 0) continue;
      w[i * r + j + 1] = p->w[2 * (i * r + j) + 1];
      j++;
    }
  CF_TRY(cf_gemm(ctx, true, false, r, m, k, 1, p->u, p->q, p->x, m, 0, z, 2 * m));
  CF_TRY(cf_gemm(ctx, true, false, r, m, k, 1, p->u, p->q, p->y, m, 0, z + m, 2 * m));
  CF_TRY(cf_solve(ctx, r, w, 2 * m, z));
  for (size_t i = 0; i < r; i++) {
    const bool pair = cimag(lambda[i]) != 0;
    const double *a = z + i * 2 * m, *c = pair ? a + 2 * m : NULL;
    double off = 0, size = 0;
    for (size_t l = 0; l < m; l++) {
      const double complex x = pair ? a[l] - I * c[l] : a[l], y = pair ? a[m + l] - I * c[m + l] : a[m + l],
                           e = y - lambda[i] * x;
      off += creal(e) * creal(e) + cimag(e) * cimag(e);
      size += creal(x) * creal(x) + cimag(x) * cimag(x);
    }
    residual[i] = size > 0 ? sqrt(off / size) : NAN;
    if (pair) residual[i + 1] = residual[i];
    i += pair;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Residual of each eigenpair in the space of the kept directions. */
static cf_status residuals_of(cf_context *ctx, const small *p, const double complex *lambda, double *residual) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t k = p->k, m = p->m, r = p->r;
  double *w, *left, *x, *y, *gx, *gy;
  CF_TRY(CF_SCRATCH(ctx, &w, 2 * r * r));
  CF_TRY(CF_SCRATCH(ctx, &left, 2 * r * r));
  CF_TRY(CF_SCRATCH(ctx, &x, m * r));
  CF_TRY(CF_SCRATCH(ctx, &y, m * r));
  CF_TRY(CF_SCRATCH(ctx, &gx, 2 * m * r));
  CF_TRY(CF_SCRATCH(ctx, &gy, 2 * m * r));
  for (size_t i = 0; i < r; i++) residual[i] = NAN;
  if (cf_dmd_in_pairs(r, p->value)) {
    status = paired_residuals(ctx, p, lambda, residual);
    if (status == CF_ERR_NUMERIC) {
      cf_context_clear(ctx);
      status = CF_OK;
    }
    goto done;
  }
  memcpy(w, p->w, 2 * r * r * sizeof *w);
  memset(left, 0, 2 * r * r * sizeof *left);
  for (size_t i = 0; i < r; i++) left[2 * (i * r + i)] = 1;
  status = cf_solve_complex(ctx, r, w, r, left);
  if (status == CF_ERR_NUMERIC) {
    cf_context_clear(ctx);
    status = CF_OK;
    goto done;
  }
  if (status != CF_OK) goto done;
  /* Columns of W^-T: gx[l] = sum_j left[i][j] xhat_j[l]. */
  for (size_t i = 0; i < r; i++)
    for (size_t j = i + 1; j < r; j++) {
      const double complex t = cf_pairs(left)[i * r + j];
      cf_pairs(left)[i * r + j] = cf_pairs(left)[j * r + i];
      cf_pairs(left)[j * r + i] = t;
    }
  CF_TRY(cf_gemm(ctx, true, false, m, r, k, 1, p->x, m, p->u, p->q, 0, x, r));
  CF_TRY(cf_gemm(ctx, true, false, m, r, k, 1, p->y, m, p->u, p->q, 0, y, r));
  CF_TRY(cf_gemm(ctx, false, false, m, 2 * r, r, 1, x, r, left, 2 * r, 0, gx, 2 * r));
  CF_TRY(cf_gemm(ctx, false, false, m, 2 * r, r, 1, y, r, left, 2 * r, 0, gy, 2 * r));
  for (size_t i = 0; i < r; i++) {
    double off = 0, size = 0;
    for (size_t l = 0; l < m; l++) {
      const double complex a = cf_pairs(gx)[l * r + i], e = cf_pairs(gy)[l * r + i] - lambda[i] * a;
      off += creal(e) * creal(e) + cimag(e) * cimag(e);
      size += creal(a) * creal(a) + cimag(a) * cimag(a);
    }
    residual[i] = size > 0 ? sqrt(off / size) : NAN;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Relative error of the modes' sum over all snapshots. */
static cf_status error_of(cf_context *ctx, const small *p, const double complex *power, const double complex *b,
                          double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = p->n, r = p->r;
  double *course, *rest; /* 2 r x n: real part and minus imaginary part of b lambda^l */
  CF_TRY(CF_SCRATCH(ctx, &course, 2 * r * n));
  CF_TRY(CF_SCRATCH(ctx, &rest, p->k * n));
  for (size_t j = 0; j < r; j++)
    for (size_t l = 0; l < n; l++) {
      const double complex z = b[j] * power[j * n + l];
      course[2 * j * n + l] = creal(z);
      course[(2 * j + 1) * n + l] = -cimag(z);
    }
  memcpy(rest, p->all, p->k * n * sizeof *rest);
  CF_TRY(cf_gemm(ctx, false, false, p->k, n, 2 * r, -1, p->phi, 2 * r, course, n, 1, rest, n));
  *out = cf_norm2(p->k * n, rest) / cf_norm2(p->k * n, p->all);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_dmd_small(cf_context *ctx, size_t k, size_t n, size_t dims, const double *r, const double *gram,
                       const cf_dmd_options *o, cf_dmd **out, double **phi) {
  cf_status status = CF_OK;
  small p = {.k = k, .n = n, .m = n - 1, .o = o, .all = r, .gram = gram};
  cf_dmd *d = NULL;
  double *power;
  *out = NULL;
  CF_TRY(cf_dmd_check(ctx, o, n));
  CF_TRY(CF_ALLOC(ctx, &d, 1));
  CF_TRY(operator_of(ctx, &p, dims, d));
  CF_TRY(modes_of(ctx, &p));
  CF_TRY(CF_ALLOC(ctx, &d->singular, p.q));
  CF_TRY(CF_ALLOC(ctx, &d->eigenvalue, 2 * p.r));
  CF_TRY(CF_ALLOC(ctx, &d->amplitude, 2 * p.r));
  CF_TRY(CF_ALLOC(ctx, &d->weight, 2 * p.r * p.m));
  CF_TRY(CF_ALLOC(ctx, &d->size, p.r));
  CF_TRY(CF_ALLOC(ctx, &d->residual, p.r));
  CF_TRY(CF_SCRATCH(ctx, &power, 2 * p.r * n));
  d->dims = dims;
  d->snapshots = n;
  d->rank = p.r;
  d->n_singular = p.q;
  d->condition = p.s[0] / p.s[p.r - 1];
  memcpy(d->singular, p.s, p.q * sizeof *p.s);
  memcpy(d->eigenvalue, p.value, 2 * p.r * sizeof *p.value);
  const double complex *lambda = cf_pairs(d->eigenvalue), *b = cf_pairs(d->amplitude);
  powers(p.r, n, lambda, cf_pairs(power));
  if (o->amplitudes != CF_DMD_FIRST)
    CF_TRY(optimal_amplitudes(ctx, &p, cf_pairs(power), d->amplitude));
  else
    CF_TRY(first_amplitudes(ctx, &p, d->amplitude));
  CF_TRY(weights_of(ctx, &p, lambda, b, cf_pairs(d->weight)));
  CF_TRY(residuals_of(ctx, &p, lambda, d->residual));
  for (size_t j = 0; j < p.r; j++) {
    double norm2 = 0;
    for (size_t i = 0; i < k; i++)
      norm2 += p.phi[2 * (i * p.r + j)] * p.phi[2 * (i * p.r + j)] +
               p.phi[2 * (i * p.r + j) + 1] * p.phi[2 * (i * p.r + j) + 1];
    d->size[j] = cabs(b[j]) * sqrt(norm2);
  }
  CF_TRY(error_of(ctx, &p, cf_pairs(power), b, &d->error));
  *phi = p.phi;
  *out = d;
  d = NULL;
done:
  cf_dmd_free(d);
  return status;
}
