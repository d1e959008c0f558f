/* DMD along depth, one trajectory a stimulus, and one operator shared by all.
 *
 * Per stimulus: X_t = [h_1(t) .. h_L(t)], feature x layer; z(t) = Re(b_t phi_t). Without the amplitude b_t the sign of
 * a mode is arbitrary and the features are noise.
 *
 * Shared: A = argmin sum_{t,l} ||h_{l+1}(t) - A h_l(t)||^2 + a ||A||^2 in the leading directions U of Cxx,
 *   Cxx = sum h_l h_l', Cxy = sum h_l h_{l+1}', Cyy = sum h_{l+1} h_{l+1}'
 *   U'Cxx U = S^2,  A~ = (U'Cxy U)' (S^2 + a I)^-1
 *   g A~ = lambda g,  z(t) = g U'h_1(t): z goes over into lambda z from layer to layer (Koopman eigenfunction)
 *   residual^2 = sum |g y - lambda g x|^2 / sum |g x|^2 over all steps. */
#include "base/internal.h"
#include "dynamics/depth.h"
#include "dynamics/dmd.h"

#include <cortifold/linalg.h>
#include <cortifold/stats.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------ per stimulus -- */

typedef struct each {
  const cf_depth_reader *r;
  const cf_depth_options *o;
  cf_depth *out;
  size_t first, count;
} each;

static cf_status one_stimulus(cf_context *ctx, size_t t, void *payload) {
  const each *e = payload;
  const cf_depth_reader *r = e->r;
  cf_depth *out = e->out;
  cf_status status = CF_OK;
  const size_t d = r->width, m = r->layers - 1, at = e->first + t, parts = e->o->imaginary ? 2 : 1,
               shift = e->o->dmd.exact ? 1 : 0;
  const ptrdiff_t layer = (ptrdiff_t)(e->count * d);
  const cf_view view = {r->buffer + t * d, 2, {d, r->layers}, {1, layer}};
  cf_dmd_options o = e->o->dmd;
  cf_dmd *dmd = NULL;
  bool *chosen;
  CF_TRY(cf_check_cancel(ctx));
  o.modes = false;
  status = cf_dmd_fit(ctx, &view, &o, &dmd);
  if (status != CF_OK) CF_TRY(cf_explain(ctx, status, "stimulus %zu", at));
  CF_TRY(CF_SCRATCH(ctx, &chosen, dmd->rank));
  const size_t best = cf_stable_choose(dmd, &e->o->stable, chosen);
  double *weight = out->weight_each + 2 * at * m;
  for (size_t i = 0; i < dmd->rank; i++)
    for (size_t l = 0; l < 2 * m && chosen[i]; l++) weight[l] += dmd->weight[2 * i * m + l];
  for (size_t part = 0; part < parts; part++)
    for (size_t l = 0; l < m; l++)
      for (size_t j = 0; j < d; j++)
        out->features[at * out->columns + part * d + j] +=
            weight[2 * l + part] * r->buffer[(l + shift) * e->count * d + t * d + j];
  memcpy(out->eigenvalue_each + 2 * at, dmd->eigenvalue + 2 * best, 2 * sizeof *weight);
  out->rank_each[at] = (double)dmd->rank;
  out->energy_each[at] = dmd->energy;
  out->residual_each[at] = dmd->residual[best];
  cf_progress_step(ctx, 1);
done:
  cf_dmd_free(dmd);
  return status;
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static cf_status medians(cf_context *ctx, cf_depth *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *v;
  CF_TRY(CF_SCRATCH(ctx, &v, out->stimuli));
  for (size_t k = 0; k < 2; k++) {
    for (size_t t = 0; t < out->stimuli; t++) {
      const double *z = out->eigenvalue_each + 2 * t;
      v[t] = k == 0 ? hypot(z[0], z[1]) : fabs(atan2(z[1], z[0]));
    }
    qsort(v, out->stimuli, sizeof *v, ascending);
    out->stable_value[k] = cf_quantile_sorted(out->stimuli, v, 0.5);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_depth_per_stimulus(cf_context *ctx, cf_depth_reader *r, const cf_depth_options *o, cf_depth *out) {
  cf_status status = CF_OK;
  const size_t n = r->stimuli, m = r->layers - 1;
  each e = {r, o, out, 0, 0};
  out->columns = (o->imaginary ? 2 : 1) * r->width;
  CF_TRY(CF_ALLOC(ctx, &out->features, n * out->columns));
  CF_TRY(CF_ALLOC(ctx, &out->eigenvalue_each, 2 * n));
  CF_TRY(CF_ALLOC(ctx, &out->rank_each, n));
  CF_TRY(CF_ALLOC(ctx, &out->energy_each, n));
  CF_TRY(CF_ALLOC(ctx, &out->residual_each, n));
  CF_TRY(CF_ALLOC(ctx, &out->weight_each, 2 * n * m));
  CF_TRY(CF_ALLOC(ctx, &out->layer_weight, 2 * m));
  cf_progress_begin(ctx, "stimuli", n);
  for (; e.first < n && status == CF_OK; e.first += e.count) {
    status = cf_depth_read(ctx, r, e.first, &e.count);
    if (status == CF_OK) status = cf_parallel_for(ctx, e.count, one_stimulus, &e);
  }
  cf_progress_end(ctx);
  if (status != CF_OK) goto done;
  for (size_t t = 0; t < n; t++)
    for (size_t l = 0; l < 2 * m; l++) out->layer_weight[l] += out->weight_each[2 * t * m + l] / (double)n;
  CF_TRY(medians(ctx, out));
done:
  return status;
}

/* ----------------------------------------------------------------- shared -- */

typedef struct moments {
  size_t d, p;
  double *xx, *xy, *yy; /* d x d */
  double *basis, *s2;   /* p x d rows, p */
} moments;

static cf_status collect(cf_context *ctx, cf_depth_reader *r, moments *m) {
  cf_status status = CF_OK;
  const size_t d = m->d;
  size_t count, n, seen = 0;
  CF_TRY(CF_SCRATCH(ctx, &m->xx, d * d));
  CF_TRY(CF_SCRATCH(ctx, &m->xy, d * d));
  CF_TRY(CF_SCRATCH(ctx, &m->yy, d * d));
  for (size_t first = 0; first < r->stimuli; first += count) {
    CF_TRY(cf_check_cancel(ctx));
    CF_TRY(cf_depth_read_training(ctx, r, first, &count, &n));
    if (n == 0) continue;
    for (size_t l = 0; l + 1 < r->layers; l++) {
      const double *x = r->buffer + l * n * d, *y = x + n * d, keep = seen + l ? 1 : 0;
      CF_TRY(cf_syrk(ctx, true, d, n, 1, x, d, keep, m->xx, d));
      CF_TRY(cf_gemm(ctx, true, false, d, d, n, 1, x, d, y, d, keep, m->xy, d));
      CF_TRY(cf_syrk(ctx, true, d, n, 1, y, d, keep, m->yy, d));
    }
    seen += n;
  }
done:
  return status;
}

/* Leading directions of Cxx by the rank rule; those below 1e-7 of the first are lost in the squares. */
static cf_status directions(cf_context *ctx, const cf_depth_reader *r, const cf_depth_options *o, moments *m,
                            cf_dmd *dmd) {
  cf_status status = CF_OK;
  const size_t d = m->d, samples = r->training * (r->layers - 1);
  double *copy, *s;
  CF_TRY(CF_SCRATCH(ctx, &copy, d * d));
  CF_TRY(CF_SCRATCH(ctx, &s, d));
  CF_TRY(CF_SCRATCH(ctx, &m->s2, d));
  CF_TRY(CF_SCRATCH(ctx, &m->basis, d * d));
  memcpy(copy, m->xx, d * d * sizeof *copy);
  CF_TRY(cf_eigh_top(ctx, d, copy, d, m->s2, m->basis));
  if (!(m->s2[0] > 0)) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "DMD along depth: all layers are zero"));
  for (size_t i = 0; i < d; i++) s[i] = sqrt(fmax(m->s2[i], 0));
  m->p = cf_rank_of(&o->dmd.rank, samples, d, CF_MIN(d, samples), s, &dmd->energy);
  while (m->p > 1 && s[m->p - 1] < 1e-7 * s[0]) m->p--;
  dmd->rank = m->p;
  dmd->condition = s[0] / s[m->p - 1];
  dmd->n_singular = d;
  CF_TRY(CF_ALLOC(ctx, &dmd->singular, d));
  memcpy(dmd->singular, s, d * sizeof *s);
done:
  return status;
}

/* out (p x p) = U' c U */
static cf_status reduce(cf_context *ctx, const moments *m, const double *c, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *t;
  CF_TRY(CF_SCRATCH(ctx, &t, m->p * m->d));
  CF_TRY(cf_gemm(ctx, false, false, m->p, m->d, m->d, 1, m->basis, m->d, c, m->d, 0, t, m->d));
  CF_TRY(cf_gemm(ctx, false, true, m->p, m->p, m->d, 1, t, m->d, m->basis, m->d, 0, out, m->p));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* sum_ij conj(g_i) c_ij g_j for column k of g (p x p pairs); c need not be symmetric. */
static double complex form(size_t p, const double *c, const double complex *g, size_t k) {
  double complex sum = 0;
  for (size_t i = 0; i < p; i++)
    for (size_t j = 0; j < p; j++) sum += conj(g[i * p + k]) * c[i * p + j] * g[j * p + k];
  return sum;
}

/* Eigenvalues, eigenfunctions g (p x p pairs, a column each) and residuals. */
static cf_status operator_of(cf_context *ctx, const moments *m, const cf_depth_options *o, cf_dmd *dmd, double *g) {
  cf_status status = CF_OK;
  const size_t p = m->p;
  double *xy, *yy, *xx, *turned;
  CF_TRY(CF_SCRATCH(ctx, &xx, p * p));
  CF_TRY(CF_SCRATCH(ctx, &xy, p * p));
  CF_TRY(CF_SCRATCH(ctx, &yy, p * p));
  CF_TRY(CF_SCRATCH(ctx, &turned, p * p));
  CF_TRY(CF_ALLOC(ctx, &dmd->eigenvalue, 2 * p));
  CF_TRY(CF_ALLOC(ctx, &dmd->residual, p));
  CF_TRY(reduce(ctx, m, m->xx, xx));
  CF_TRY(reduce(ctx, m, m->xy, xy));
  CF_TRY(reduce(ctx, m, m->yy, yy));
  double total = 0;
  for (size_t i = 0; i < m->d; i++) total += m->xx[i * m->d + i];
  const double ridge = o->ridge * total / (double)m->d;
  for (size_t i = 0; i < p; i++) /* the transpose of A~ */
    for (size_t j = 0; j < p; j++) turned[i * p + j] = xy[i * p + j] / (m->s2[i] + ridge);
  CF_TRY(cf_eig(ctx, p, turned, dmd->eigenvalue, g));
  const double complex *z = cf_pairs(g), *lambda = cf_pairs(dmd->eigenvalue);
  for (size_t k = 0; k < p; k++) {
    /* |g y - lambda g x|^2 with real x, y: conj(g) yy g + |lambda|^2 conj(g) xx g - 2 Re(lambda ...) */
    const double size = creal(form(p, xx, z, k));
    double complex cross = 0; /* conj(g'y) g'x summed = conj(g)_i yx_ij g_j, yx = xy' */
    for (size_t i = 0; i < p; i++)
      for (size_t j = 0; j < p; j++) cross += conj(z[i * p + k]) * xy[j * p + i] * z[j * p + k];
    const double off = creal(form(p, yy, z, k)) + pow(cabs(lambda[k]), 2) * size - 2 * creal(lambda[k] * cross);
    dmd->residual[k] = size > 0 ? sqrt(fmax(off, 0) / size) : NAN;
  }
done:
  return status;
}

/* The modes with Im >= 0 nearest to what the rule looks for, at most `most`, best first. */
static size_t nearest(const cf_dmd *dmd, const cf_stable *rule, size_t most, size_t *order) {
  size_t count = 0;
  for (size_t i = 0; i < dmd->rank; i++) {
    if (dmd->eigenvalue[2 * i + 1] < 0) continue;
    size_t j = count++;
    for (; j > 0 && cf_stable_score(dmd, rule, i) < cf_stable_score(dmd, rule, order[j - 1]); j--)
      order[j] = order[j - 1];
    order[j] = i;
  }
  return CF_MIN(count, most);
}

static cf_status eigenfunctions(cf_context *ctx, cf_depth_reader *r, const moments *m, const double *g, size_t modes,
                                const size_t *order, cf_depth *out) {
  cf_status status = CF_OK;
  const size_t d = m->d, p = m->p;
  double *map, *lift; /* p x columns, d x columns */
  size_t at = 0, count;
  out->columns = 0;
  for (size_t k = 0; k < modes; k++) out->columns += out->dmd->eigenvalue[2 * order[k] + 1] > 0 ? 2 : 1;
  const size_t columns = out->columns;
  CF_TRY(CF_SCRATCH(ctx, &map, p * columns));
  CF_TRY(CF_SCRATCH(ctx, &lift, d * columns));
  CF_TRY(CF_ALLOC(ctx, &out->features, r->stimuli * columns));
  for (size_t k = 0; k < modes; k++)
    for (size_t part = 0; part < (out->dmd->eigenvalue[2 * order[k] + 1] > 0 ? 2u : 1u); part++, at++)
      for (size_t i = 0; i < p; i++) map[i * columns + at] = g[2 * (i * p + order[k]) + part];
  CF_TRY(cf_gemm(ctx, true, false, d, columns, p, 1, m->basis, d, map, columns, 0, lift, columns));
  for (size_t first = 0; first < r->stimuli; first += count) {
    CF_TRY(cf_depth_read(ctx, r, first, &count));
    CF_TRY(cf_gemm(ctx, false, false, count, columns, d, 1, r->buffer, d, lift, columns, 0,
                   out->features + first * columns, columns));
  }
done:
  return status;
}

cf_status cf_depth_shared(cf_context *ctx, cf_depth_reader *r, const cf_depth_options *o, cf_depth *out) {
  cf_status status = CF_OK;
  moments m = {.d = r->width};
  double *g;
  size_t *order;
  if (o->stable.rule == CF_STABLE_INTEGRAL)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "the rule `integral` needs amplitudes, which a shared operator does not have"));
  if (o->dmd.correction != CF_DMD_PLAIN)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "corrections belong to the scopes pooled and per-stimulus"));
  if (o->shared_modes == 0) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "a shared operator with 0 modes has no features"));
  CF_TRY(CF_ALLOC(ctx, &out->dmd, 1));
  out->dmd->dims = r->width;
  out->dmd->snapshots = r->layers;
  out->dmd->method = CF_DMD_BY_GRAM;
  CF_TRY(collect(ctx, r, &m));
  CF_TRY(directions(ctx, r, o, &m, out->dmd));
  CF_TRY(CF_SCRATCH(ctx, &g, 2 * m.p * m.p));
  CF_TRY(CF_SCRATCH(ctx, &order, m.p));
  CF_TRY(operator_of(ctx, &m, o, out->dmd, g));
  out->dmd->error = NAN;
  CF_TRY(CF_ALLOC(ctx, &out->chosen, m.p));
  out->stable = cf_stable_choose(out->dmd, &o->stable, out->chosen);
  memcpy(out->stable_value, out->dmd->eigenvalue + 2 * out->stable, sizeof out->stable_value);
  const size_t modes = nearest(out->dmd, &o->stable, o->shared_modes, order);
  for (size_t i = 0; i < m.p; i++) out->chosen[i] = false;
  for (size_t k = 0; k < modes; k++) out->chosen[order[k]] = true;
  CF_TRY(eigenfunctions(ctx, r, &m, g, modes, order, out));
done:
  return status;
}
