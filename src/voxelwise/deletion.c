/* Inner folds from the decomposition of their outer fold: blocks left out of ridge regression.
 *
 *   H(alpha) = Z (Z'Z + alpha I)^-1 Z' = P' diag(h) P,   e_g = (I - H_gg)^-1 (y_g - (H y)_g)
 *
 * e_g is the residual of the samples g when the model is fitted without them (the Sherman-Morrison-Woodbury identity;
 * Cook & Weisberg 1982, Residuals and influence in regression, ch. 3): exact, and one eigendecomposition serves all
 * folds. h = f for the P of features (split.c), l f for that of a kernel. All h are combinations of a few, the
 * skeleton (bank.c), so that of the products that grow with samples or directions there are a few a fold, not one a
 * penalty. Cost a fold of m samples: r (m^2 k + 2 m k t) and for each penalty m^3 / 3 + 2 m^2 t. */
#include "voxelwise/internal.h"

#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

#define TOLERANCE 1e-10
#define SINGLE    1e-6 /* tolerance in single precision */
#define MUCH      5e9  /* operations of the largest products from which single precision is taken */

typedef struct work {
  const cf_split *split;
  const cf_candidates *candidates;
  size_t t, r;
  bool single;     /* products of the skeleton; their combinations and all that follows are double */
  float *py4;      /* P y in single precision */
  double *weight;  /* r x k: h of the skeleton, for P */
  double *combine; /* candidates x r, scales in */
  double *py;      /* k x t: P y */
  const double *y; /* n x t */
} work;

/* h over its largest value, by candidates (rows). */
static void fill_filters(const cf_split *s, const cf_candidates *c, bool kernel, double *h, double *shape,
                         double *scale) {
  for (size_t a = 0; a < c->count; a++) {
    double most = 0, *row = h + a * s->k;
    cf_split_filter(s, c, a, row);
    for (size_t i = 0; i < s->k; i++) {
      shape[a * s->k + i] = row[i] * s->l[i];
      most = fmax(most, shape[a * s->k + i]);
      if (kernel) row[i] *= s->l[i];
    }
    scale[a] = most > 0 ? most : 1;
    for (size_t i = 0; i < s->k; i++) {
      row[i] /= scale[a];
      shape[a * s->k + i] /= scale[a];
    }
  }
}

static cf_status make_skeleton(cf_context *ctx, bool kernel, work *w) {
  cf_status status = CF_OK;
  const cf_split *s = w->split;
  const size_t count = w->candidates->count;
  double *h, *shape, *scale, *tri, *left, *basis;
  size_t *pivot;
  CF_TRY(CF_SCRATCH(ctx, &h, count * s->k));
  CF_TRY(CF_SCRATCH(ctx, &shape, count * s->k));
  CF_TRY(CF_SCRATCH(ctx, &basis, count * s->k));
  CF_TRY(CF_SCRATCH(ctx, &scale, count));
  CF_TRY(CF_SCRATCH(ctx, &left, count));
  CF_TRY(CF_SCRATCH(ctx, &pivot, count));
  CF_TRY(CF_SCRATCH(ctx, &tri, count * count));
  memset(tri, 0, count * count * sizeof *tri);
  fill_filters(s, w->candidates, kernel, h, shape, scale);
  w->r = cf_skeleton_choose(count, s->k, shape, w->single ? SINGLE : TOLERANCE, pivot, tri, left, basis);
  CF_TRY(CF_SCRATCH(ctx, &w->combine, count * w->r + 1));
  CF_TRY(CF_SCRATCH(ctx, &w->weight, s->k * w->r + 1));
  cf_skeleton_combine(count, w->r, pivot, tri, w->combine);
  for (size_t i = 0; i < w->r; i++) memcpy(w->weight + i * s->k, h + pivot[i] * s->k, s->k * sizeof *h);
  for (size_t a = 0; a < count; a++)
    for (size_t i = 0; i < w->r; i++) w->combine[a * w->r + i] *= scale[a];
done:
  return status;
}

/* The same as products() below with factors in single precision. */
static cf_status products_single(cf_context *ctx, const work *w, size_t m, const size_t *row, double *hat,
                                 double *fitted) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t k = w->split->k, n = w->split->n, t = w->t;
  float *p, *scaled, *product;
  CF_TRY(CF_SCRATCH(ctx, &p, k * m + 1));
  CF_TRY(CF_SCRATCH(ctx, &scaled, k * m + 1));
  CF_TRY(CF_SCRATCH(ctx, &product, m * t + 1));
  for (size_t i = 0; i < k; i++)
    for (size_t j = 0; j < m; j++) p[j * k + i] = (float)w->split->p[i * n + row[j]];
  memset(hat, 0, w->r * m * m * sizeof *hat);
  for (size_t s = 0; s < w->r; s++) {
    const double *h = w->weight + s * k;
    for (size_t j = 0; j < m; j++)
      for (size_t i = 0; i < k; i++) scaled[j * k + i] = (float)sqrt(h[i]) * p[j * k + i];
    CF_TRY(cf_syrk_single(ctx, m, k, 1, scaled, k, hat + s * m * m, m));
    for (size_t j = 0; j < m; j++)
      for (size_t i = 0; i < k; i++) scaled[j * k + i] = (float)h[i] * p[j * k + i];
    cf_gemm_serial_single(false, false, m, t, k, 1, scaled, k, w->py4, t, 0, product, t);
    for (size_t i = 0; i < m * t; i++) fitted[s * m * t + i] = (double)product[i];
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Products of the skeleton over the m samples `row`: hat (r x m x m) and fitted (r x m x t). */
static cf_status products(cf_context *ctx, const work *w, size_t m, const size_t *row, double *hat, double *fitted) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t k = w->split->k, n = w->split->n;
  double *p, *root;
  CF_TRY(CF_SCRATCH(ctx, &p, k * m + 1));
  CF_TRY(CF_SCRATCH(ctx, &root, k * m + 1));
  for (size_t i = 0; i < k; i++)
    for (size_t j = 0; j < m; j++) p[i * m + j] = w->split->p[i * n + row[j]];
  for (size_t s = 0; s < w->r; s++) {
    const double *h = w->weight + s * k;
    for (size_t i = 0; i < k; i++)
      for (size_t j = 0; j < m; j++) root[i * m + j] = sqrt(h[i]) * p[i * m + j];
    CF_TRY(cf_syrk(ctx, true, m, k, 1, root, m, 0, hat + s * m * m, m));
    for (size_t i = 0; i < k; i++)
      for (size_t j = 0; j < m; j++) root[i * m + j] = h[i] * p[i * m + j];
    CF_TRY(cf_gemm(ctx, true, false, m, w->t, k, 1, root, m, w->py, w->t, 0, fitted + s * m * w->t, w->t));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

enum { SUMS = 6 }; /* y, p, yy, pp, yp, ee */

/* Scores (t) of the predictions y - e over the scored samples; sum: SUMS x t for work. */
static void score_all(size_t m, size_t t, const size_t *row, const bool *scored, const double *y, const double *e,
                      cf_inner_score kind, double *sum, double *score) {
  double n = 0;
  memset(sum, 0, SUMS * t * sizeof *sum);
  for (size_t i = 0; i < m; i++) {
    const double *restrict u = y + i * t, *restrict v = e + i * t;
    double *restrict s = sum;
    if (!scored[row[i]]) continue;
    n++;
    for (size_t j = 0; j < t; j++) {
      const double p = u[j] - v[j];
      s[j] += u[j];
      s[t + j] += p;
      s[2 * t + j] += u[j] * u[j];
      s[3 * t + j] += p * p;
      s[4 * t + j] += u[j] * p;
      s[5 * t + j] += v[j] * v[j];
    }
  }
  for (size_t j = 0; j < t; j++) {
    const double sy = sum[j], sp = sum[t + j], syy = sum[2 * t + j], spp = sum[3 * t + j];
    const double vy = syy - sy * sy / n, vp = spp - sp * sp / n;
    if (kind == CF_INNER_MSE)
      score[j] = -sum[5 * t + j] / n;
    else if (!(vy > 1e-14 * syy) || !(vp > 1e-14 * spp))
      score[j] = 0;
    else
      score[j] = fmin(1, fmax(-1, (sum[4 * t + j] - sy * sp / n) / sqrt(vy) / sqrt(vp)));
  }
}

/* From I - H and y - H y of one penalty to the residuals without the block, in the place of the latter; *known false
 * where I - H is singular. */
static cf_status leave_out(cf_context *ctx, size_t m, size_t t, double *left, double *e, bool *known) {
  cf_status status = cf_cholesky(ctx, m, left);
  *known = status == CF_OK;
  if (status == CF_ERR_NUMERIC) {
    cf_context_clear(ctx);
    return CF_OK;
  }
  CF_TRY(status);
  CF_TRY(cf_solve_lower(ctx, false, m, left, t, e));
  CF_TRY(cf_solve_lower(ctx, true, m, left, t, e));
done:
  return status;
}

static cf_status score_fold(cf_context *ctx, const work *w, const cf_fold_set *folds, size_t fold, cf_inner_score kind,
                            double *score) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t t = w->t, count = w->candidates->count;
  size_t m = 0, *row;
  double *y, *e, *left, *hat, *fitted, *sum;
  CF_TRY(CF_SCRATCH(ctx, &row, folds->n));
  for (size_t i = 0; i < folds->n; i++)
    if (folds->fold[i] == fold) row[m++] = i;
  CF_TRY(CF_SCRATCH(ctx, &y, m * t));
  CF_TRY(CF_SCRATCH(ctx, &e, count * m * t));
  CF_TRY(CF_SCRATCH(ctx, &left, count * m * m));
  CF_TRY(CF_SCRATCH(ctx, &hat, w->r * m * m + 1));
  CF_TRY(CF_SCRATCH(ctx, &fitted, w->r * m * t + 1));
  CF_TRY(CF_SCRATCH(ctx, &sum, SUMS * t));
  cf_take_rows(m, row, t, w->y, t, y);
  CF_TRY(w->single ? products_single(ctx, w, m, row, hat, fitted) : products(ctx, w, m, row, hat, fitted));
  for (size_t a = 0; a < count; a++) memcpy(e + a * m * t, y, m * t * sizeof *e);
  CF_TRY(cf_gemm(ctx, false, false, count, m * m, w->r, -1, w->combine, w->r, hat, m * m, 0, left, m * m));
  CF_TRY(cf_gemm(ctx, false, false, count, m * t, w->r, -1, w->combine, w->r, fitted, m * t, 1, e, m * t));
  for (size_t a = 0; a < count; a++) {
    bool known = false;
    double *one = left + a * m * m;
    for (size_t i = 0; i < m; i++) one[i * m + i] += 1;
    CF_TRY(leave_out(ctx, m, t, one, e + a * m * t, &known));
    if (known)
      score_all(m, t, row, folds->scored, y, e + a * m * t, kind, sum, score + a * t);
    else
      for (size_t j = 0; j < t; j++) score[a * t + j] = -INFINITY;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_deletion_score(cf_context *ctx, const cf_split *split, bool kernel, const cf_fold_set *folds,
                            const cf_candidates *candidates, const cf_ridge_options *o, size_t t, const double *y,
                            double *score, bool *known) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  work w = {.split = split, .candidates = candidates, .t = t, .y = y};
  *known = candidates->method == CF_VOXEL_RIDGE && cf_split_safe(split, candidates);
  if (!*known) goto done;
  const double much = 2 * (double)split->n * (double)split->k * (double)t * (double)candidates->count;
  w.single = o->precision == CF_PRECISION_AUTO ? much > MUCH : o->precision == CF_PRECISION_SINGLE;
  CF_TRY(make_skeleton(ctx, kernel, &w));
  CF_TRY(CF_SCRATCH(ctx, &w.py, split->k * t));
  CF_TRY(cf_gemm(ctx, false, false, split->k, t, split->n, 1, split->p, split->n, y, t, 0, w.py, t));
  if (w.single) CF_TRY(CF_SCRATCH(ctx, &w.py4, split->k * t));
  for (size_t i = 0; i < split->k * t && w.single; i++) w.py4[i] = (float)w.py[i];
  for (size_t f = 0; f < folds->folds; f++) {
    CF_TRY(cf_check_cancel(ctx));
    CF_TRY(score_fold(ctx, &w, folds, f, o->score, score + f * candidates->count * t));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
