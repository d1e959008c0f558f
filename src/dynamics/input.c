/* Systems with inputs: subspace identification and the distance of InputDSA.
 *
 *   x(t+1) = A x(t) + B u(t),  y(t) = C x(t) + D u(t)
 *
 * Rows of samples [u future | u past, y past | y future] = [Uf Zp Yf], `delays` steps each, have the triangle R of QR.
 * With L = R' the oblique projection of Yf along Uf onto Zp is
 *   O = L32 L22^+ Zp' = Gamma X        (Gamma: extended observability, X: states)
 *   O = U S V', n directions; X = S^(1/2) V' = S^(-1/2) U' O
 * and [A B], [C D] follow by ridge regression within trials. Van Overschee & De Moor, 1996.
 *
 * Distance: K = [B, AB, ..., A^(n-1) B]; C = argmin ||K1 - C K2||_F over O(n) = U V' of svd(K1 K2'). The published code
 * takes the transpose of C, which does not minimise. Huang, Ostrow et al., arXiv 2510.25943. */
#include "base/internal.h"

#include <cortifold/dynamics.h>
#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

#define PSEUDO 1e-10 /* singular values of the past below this share of the largest are none */

void cf_input_system_free(cf_input_system *s) {
  if (!s) return;
  cf_free(s->a);
  cf_free(s->b);
  cf_free(s->c);
  cf_free(s->d);
  cf_free(s->eigenvalue);
  cf_free(s->singular);
  cf_free(s);
}

typedef struct problem {
  const cf_trajectories *y, *u;
  size_t q, m, delays, rows, past, future, inputs; /* past: columns of Zp; future: of Yf; inputs: of Uf */
  double *h;                                       /* rows x (inputs + past + future) */
  double ridge;
} problem;

static size_t samples(const problem *p, size_t trial) {
  const size_t t = p->y->trial[trial].shape[0];
  return t >= 2 * p->delays ? t - 2 * p->delays + 1 : 0;
}

static cf_status check(cf_context *ctx, problem *p) {
  if (p->y->trials == 0 || p->y->trials != p->u->trials)
    return cf_fail(ctx, CF_ERR_INPUT, "%zu trials of outputs and %zu of inputs; they must be the same trials",
                   p->y->trials, p->u->trials);
  if (p->delays == 0) return cf_fail(ctx, CF_ERR_USAGE, "subspace identification: 0 delays; at least 1");
  if (!(p->ridge >= 0 && isfinite(p->ridge)))
    return cf_fail(ctx, CF_ERR_USAGE, "ridge %g is negative or not finite", p->ridge);
  p->q = p->y->trial[0].shape[1];
  p->m = p->u->trial[0].shape[1];
  for (size_t r = 0; r < p->y->trials; r++) {
    const cf_view *y = &p->y->trial[r], *u = &p->u->trial[r];
    if (y->shape[0] != u->shape[0] || y->shape[1] != p->q || u->shape[1] != p->m)
      return cf_fail(ctx, CF_ERR_INPUT, "trial %zu: outputs of %zu x %zu and inputs of %zu x %zu do not fit", r,
                     y->shape[0], y->shape[1], u->shape[0], u->shape[1]);
    cf_status status = cf_view_check_finite(ctx, y, p->y->name);
    if (status == CF_OK) status = cf_view_check_finite(ctx, u, p->u->name);
    if (status != CF_OK) return cf_explain(ctx, status, "trial %zu", r);
    p->rows += samples(p, r);
  }
  p->inputs = p->delays * p->m;
  p->past = p->delays * (p->m + p->q);
  p->future = p->delays * p->q;
  if (p->rows < p->inputs + p->past + p->future)
    return cf_fail(ctx, CF_ERR_INPUT,
                   "subspace identification: %zu samples are fewer than the %zu columns of past and future; fewer "
                   "delays help",
                   p->rows, p->inputs + p->past + p->future);
  return CF_OK;
}

/* Sample j of a trial: its past are steps j .. j + d - 1, its future j + d .. j + 2d - 1. */
static void fill(const problem *p) {
  const size_t d = p->delays;
  double *out = p->h;
  for (size_t r = 0; r < p->y->trials; r++)
    for (size_t j = 0; j < samples(p, r); j++) {
      const cf_view *y = &p->y->trial[r], *u = &p->u->trial[r];
      for (size_t k = 0; k < d; k++)
        for (size_t c = 0; c < p->m; c++) *out++ = cf_at(u, j + d + k, c);
      for (size_t k = 0; k < d; k++)
        for (size_t c = 0; c < p->m; c++) *out++ = cf_at(u, j + k, c);
      for (size_t k = 0; k < d; k++)
        for (size_t c = 0; c < p->q; c++) *out++ = cf_at(y, j + k, c);
      for (size_t k = 0; k < d; k++)
        for (size_t c = 0; c < p->q; c++) *out++ = cf_at(y, j + d + k, c);
    }
}

/* map (future x past) = L32 L22^+, with L22 = R22' and L32 = R23'. */
static cf_status projection(cf_context *ctx, const problem *p, const double *r, double *map) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = p->past, f = p->future, all = p->inputs + n + f;
  double *block, *s, *u, *vt, *t;
  CF_TRY(CF_SCRATCH(ctx, &block, n * n));
  CF_TRY(CF_SCRATCH(ctx, &s, n));
  CF_TRY(CF_SCRATCH(ctx, &u, n * n));
  CF_TRY(CF_SCRATCH(ctx, &vt, n * n));
  CF_TRY(CF_SCRATCH(ctx, &t, f * n));
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) block[i * n + j] = r[(p->inputs + j) * all + p->inputs + i];
  CF_TRY(cf_svd(ctx, n, n, block, s, u, vt));
  const double *r23 = r + p->inputs * all + p->inputs + n; /* past x future */
  CF_TRY(cf_gemm(ctx, true, true, f, n, n, 1, r23, all, vt, n, 0, t, n));
  for (size_t i = 0; i < f; i++)
    for (size_t j = 0; j < n; j++) t[i * n + j] *= s[j] > PSEUDO * s[0] ? 1 / s[j] : 0;
  CF_TRY(cf_gemm(ctx, false, true, f, n, n, 1, t, n, u, n, 0, map, n));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* States (rows x n) of all samples. */
static cf_status states(cf_context *ctx, const problem *p, size_t order, cf_input_system *out, double **x) {
  cf_status status = CF_OK;
  const size_t n = p->past, f = p->future, all = p->inputs + n + f, k = CF_MIN(f, p->inputs + n);
  double *r, *map, *l, *o, *s, *u, *vt, *lift;
  CF_TRY(CF_SCRATCH(ctx, &r, all * all));
  CF_TRY(CF_SCRATCH(ctx, &map, f * n));
  CF_TRY(CF_SCRATCH(ctx, &l, n * (p->inputs + n)));
  CF_TRY(CF_SCRATCH(ctx, &o, f * (p->inputs + n)));
  CF_TRY(CF_SCRATCH(ctx, &s, k));
  CF_TRY(CF_SCRATCH(ctx, &u, f * k));
  CF_TRY(CF_SCRATCH(ctx, &vt, k * (p->inputs + n)));
  CF_TRY(cf_qr_triangle(ctx, p->rows, all, p->h, all, r));
  CF_TRY(projection(ctx, p, r, map));
  for (size_t i = 0; i < n; i++) /* [L21 L22]: the past in the basis Q */
    for (size_t j = 0; j < p->inputs + n; j++) l[i * (p->inputs + n) + j] = r[j * all + p->inputs + i];
  CF_TRY(cf_gemm(ctx, false, false, f, p->inputs + n, n, 1, map, n, l, p->inputs + n, 0, o, p->inputs + n));
  CF_TRY(cf_svd(ctx, f, p->inputs + n, o, s, u, vt));
  if (!(s[0] > 0)) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "subspace identification: the past tells nothing of the outputs"));
  const cf_rank rank = order ? (cf_rank){CF_RANK_FIXED, (double)order} : (cf_rank){CF_RANK_ENERGY, 0.999};
  out->n = cf_rank_of(&rank, p->rows, f, k, s, NULL);
  if (order && out->n != order)
    CF_TRY(cf_fail(
        ctx, CF_ERR_INPUT,
        "subspace identification: order %zu asked, the data have %zu directions; more delays, or a smaller --rank",
        order, out->n));
  out->n_singular = k;
  CF_TRY(CF_ALLOC(ctx, &out->singular, k));
  memcpy(out->singular, s, k * sizeof *s);
  CF_TRY(CF_SCRATCH(ctx, &lift, n * out->n)); /* past x n: map' U S^(-1/2) */
  CF_TRY(CF_SCRATCH(ctx, x, p->rows * out->n));
  CF_TRY(cf_gemm(ctx, true, false, n, out->n, f, 1, map, n, u, k, 0, lift, out->n));
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < out->n; j++) lift[i * out->n + j] /= sqrt(s[j]);
  CF_TRY(cf_gemm(ctx, false, false, p->rows, out->n, n, 1, p->h + p->inputs, all, lift, out->n, 0, *x, out->n));
done:
  return status;
}

/* Ridge regression z' w = target; out (targets x (n + m)). */
static cf_status regress(cf_context *ctx, size_t rows, size_t k, const double *z, size_t targets, const double *target,
                         double ridge, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *gram, *w;
  CF_TRY(CF_SCRATCH(ctx, &gram, k * k));
  CF_TRY(CF_SCRATCH(ctx, &w, k * targets));
  CF_TRY(cf_syrk(ctx, true, k, rows, 1, z, k, 0, gram, k));
  CF_TRY(cf_gemm(ctx, true, false, k, targets, rows, 1, z, k, target, targets, 0, w, targets));
  for (size_t i = 0; i < k; i++) gram[i * k + i] += ridge;
  CF_TRY(cf_solve_spd(ctx, k, gram, targets, w));
  for (size_t i = 0; i < k; i++)
    for (size_t j = 0; j < targets; j++) out[j * k + i] = w[i * targets + j];
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status matrices(cf_context *ctx, const problem *p, const double *x, cf_input_system *out) {
  cf_status status = CF_OK;
  const size_t n = out->n, k = n + p->m, targets = n + p->q, d = p->delays;
  size_t pairs = 0, first = 0;
  double *z, *target, *w;
  CF_TRY(CF_SCRATCH(ctx, &z, p->rows * k));
  CF_TRY(CF_SCRATCH(ctx, &target, p->rows * targets));
  CF_TRY(CF_SCRATCH(ctx, &w, targets * k));
  for (size_t r = 0; r < p->y->trials; first += samples(p, r++))
    for (size_t j = 0; j + 1 < samples(p, r); j++, pairs++) {
      memcpy(z + pairs * k, x + (first + j) * n, n * sizeof *z);
      memcpy(target + pairs * targets, x + (first + j + 1) * n, n * sizeof *z);
      for (size_t c = 0; c < p->m; c++) z[pairs * k + n + c] = cf_at(&p->u->trial[r], j + d, c);
      for (size_t c = 0; c < p->q; c++) target[pairs * targets + n + c] = cf_at(&p->y->trial[r], j + d, c);
    }
  CF_TRY(regress(ctx, pairs, k, z, targets, target, p->ridge, w));
  CF_TRY(CF_ALLOC(ctx, &out->a, n * n));
  CF_TRY(CF_ALLOC(ctx, &out->b, n * p->m));
  CF_TRY(CF_ALLOC(ctx, &out->c, p->q * n));
  CF_TRY(CF_ALLOC(ctx, &out->d, p->q * p->m));
  CF_TRY(CF_ALLOC(ctx, &out->eigenvalue, 2 * n));
  for (size_t i = 0; i < n; i++) {
    memcpy(out->a + i * n, w + i * k, n * sizeof *w);
    memcpy(out->b + i * p->m, w + i * k + n, p->m * sizeof *w);
  }
  for (size_t i = 0; i < p->q; i++) {
    memcpy(out->c + i * n, w + (n + i) * k, n * sizeof *w);
    memcpy(out->d + i * p->m, w + (n + i) * k + n, p->m * sizeof *w);
  }
  double *copy;
  CF_TRY(CF_SCRATCH(ctx, &copy, n * n));
  memcpy(copy, out->a, n * n * sizeof *copy);
  CF_TRY(cf_eig(ctx, n, copy, out->eigenvalue, NULL));
done:
  return status;
}

cf_status cf_subspace_identify(cf_context *ctx, const cf_trajectories *outputs, const cf_trajectories *inputs,
                               size_t delays, size_t order, double ridge, cf_input_system **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  problem p = {.y = outputs, .u = inputs, .delays = delays, .ridge = ridge};
  cf_input_system *s = NULL;
  double *x;
  *out = NULL;
  CF_TRY(check(ctx, &p));
  CF_TRY(CF_ALLOC(ctx, &s, 1));
  s->inputs = p.m;
  s->outputs = p.q;
  CF_TRY(CF_SCRATCH(ctx, &p.h, p.rows * (p.inputs + p.past + p.future)));
  fill(&p);
  CF_TRY(states(ctx, &p, order, s, &x));
  CF_TRY(matrices(ctx, &p, x, s));
  *out = s;
  s = NULL;
done:
  cf_input_system_free(s);
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------- distance -- */

cf_status cf_controllability(cf_context *ctx, const cf_input_system *s, bool published, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = s->n, m = s->inputs, ld = published ? (2 * n - 1) * m : n * m;
  double *forward, *turned, *t;
  CF_TRY(CF_SCRATCH(ctx, &forward, n * m));
  CF_TRY(CF_SCRATCH(ctx, &turned, n * m));
  CF_TRY(CF_SCRATCH(ctx, &t, n * m));
  memcpy(forward, s->b, n * m * sizeof *t);
  memcpy(turned, s->b, n * m * sizeof *t);
  for (size_t k = 0; k < n; k++) {
    for (size_t i = 0; i < n; i++) {
      double *at = out + i * ld + (published && k ? 2 * k - 1 : k) * m;
      memcpy(at, forward + i * m, m * sizeof *t);
      if (published && k) memcpy(at + m, turned + i * m, m * sizeof *t);
    }
    CF_TRY(cf_gemm(ctx, false, false, n, m, n, 1, s->a, n, forward, m, 0, t, m));
    memcpy(forward, t, n * m * sizeof *t);
    CF_TRY(cf_gemm(ctx, true, false, n, m, n, 1, s->a, n, turned, m, 0, t, m));
    memcpy(turned, t, n * m * sizeof *t);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_input_distance(cf_context *ctx, size_t n, size_t m, const double *k1, const double *k2, double *euclidean,
                            double *angular, double *c) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const double n1 = cf_norm2(n * m, k1), n2 = cf_norm2(n * m, k2);
  double *cross, *s, *u, *vt, *turn, *e;
  if (!(n1 > 0 && n2 > 0)) return cf_fail(ctx, CF_ERR_INPUT, "a system that its inputs do not move has no distance");
  CF_TRY(CF_SCRATCH(ctx, &cross, n * n));
  CF_TRY(CF_SCRATCH(ctx, &s, n));
  CF_TRY(CF_SCRATCH(ctx, &u, n * n));
  CF_TRY(CF_SCRATCH(ctx, &vt, n * n));
  CF_TRY(CF_SCRATCH(ctx, &turn, n * n));
  CF_TRY(CF_SCRATCH(ctx, &e, n * m));
  CF_TRY(cf_gemm(ctx, false, true, n, n, m, 1, k1, m, k2, m, 0, cross, n));
  CF_TRY(cf_svd(ctx, n, n, cross, s, u, vt));
  CF_TRY(cf_gemm(ctx, false, false, n, n, n, 1, u, n, vt, n, 0, turn, n));
  memcpy(e, k1, n * m * sizeof *e);
  CF_TRY(cf_gemm(ctx, false, false, n, m, n, -1, turn, n, k2, m, 1, e, m));
  *euclidean = cf_norm2(n * m, e);
  for (size_t i = 0; i < n * m; i++) e[i] = k1[i] / n1;
  CF_TRY(cf_gemm(ctx, false, false, n, m, n, -1 / n2, turn, n, k2, m, 1, e, m));
  *angular = 2 * asin(fmin(0.5 * cf_norm2(n * m, e), 1));
  if (c) memcpy(c, turn, n * n * sizeof *c);
done:
  cf_scratch_release(ctx, mark);
  return status;
}
