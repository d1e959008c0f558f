/* The operator of a system for dynamical similarity analysis: regression from one step of a delay embedding to the
 * next.
 *
 *   H = V S U'                      rows x dims: all trials' embeddings, whitened coordinates v = rows of V
 *   V- rows t, V+ rows t + steps    within each trial
 *   principal components            A = [(V-'V- + a I)^-1 V-'V+]', first r columns of V
 *   reduced rank                    B = (V-'V- + a I)^-1 V-'V+,  P = V+'V- (V-'V- + a I)^-1 V-'V+,
 *                                   A = (B E E')', E the top r eigenvectors of P
 *   on the embedding                U S A S^-1 U'
 *
 * U and S come from the triangle of H (QR by blocks of rows) and its SVD, so no digits are lost to a Gram matrix:
 * delays make H ill-conditioned. Ostrow, Eisen, Kozachkov & Fiete, NeurIPS 2023; reduced rank: Izenman, J. Multivar.
 * Anal. 5, 248 (1975). */
#include "base/internal.h"
#include "dynamics/dmd.h"
#include "dynamics/operator.h"

#include <cortifold/linalg.h>
#include <cortifold/stats.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const cf_operator_options defaults = CF_OPERATOR_OPTIONS_INIT;

void cf_operator_free(cf_operator *op) {
  if (!op) return;
  cf_free(op->name);
  cf_free(op->a);
  cf_free(op->basis);
  cf_free(op->singular);
  cf_free(op->eigenvalue);
  cf_free(op);
}

/* ------------------------------------------------------------- inputs -- */

/* All rows of all trials one after the other. */
static void stack(const cf_trajectories *data, double *out) {
  for (size_t r = 0; r < data->trials; r++) {
    cf_view_copy(&data->trial[r], out);
    out += cf_view_count(&data->trial[r]);
  }
}

static cf_status check(cf_context *ctx, const cf_trajectories *data, const cf_operator_options *o) {
  if (data->trials == 0) return cf_fail(ctx, CF_ERR_INPUT, "%s: no trials", data->name);
  if (o->steps == 0) return cf_fail(ctx, CF_ERR_USAGE, "steps ahead: 0; at least 1");
  if (!(o->ridge >= 0 && isfinite(o->ridge)))
    return cf_fail(ctx, CF_ERR_USAGE, "ridge %g is negative or not finite", o->ridge);
  for (size_t r = 0; r < data->trials; r++) {
    char what[256];
    if (data->trial[r].ndim != 2 || data->trial[r].shape[1] == 0)
      return cf_fail(ctx, CF_ERR_INPUT, "%s: trial %zu is not time x channels", data->name, r);
    cf_status status = cf_view_check_finite(ctx, &data->trial[r], "");
    if (status != CF_OK) {
      snprintf(what, sizeof what, "%s", cf_context_error(ctx));
      return cf_fail(ctx, status, "%s: trial %zu (time, channel)%s", data->name, r, what);
    }
  }
  return CF_OK;
}

cf_status cf_components_of(cf_context *ctx, const cf_trajectories *data, size_t components, cf_view *trials) {
  cf_status status = CF_OK;
  size_t rows = 0;
  double *all, *scores;
  const size_t channels = data->trial[0].shape[1];
  for (size_t r = 0; r < data->trials; r++) rows += data->trial[r].shape[0];
  if (components > CF_MIN(rows, channels))
    return cf_fail(ctx, CF_ERR_INPUT, "%s: %zu principal components asked of %zu time points x %zu channels",
                   data->name, components, rows, channels);
  CF_TRY(CF_SCRATCH(ctx, &all, rows * channels));
  CF_TRY(CF_SCRATCH(ctx, &scores, rows * components));
  stack(data, all);
  const cf_view view = cf_view_matrix(all, rows, channels);
  CF_TRY(cf_pca(ctx, &view, components, NULL, scores, NULL, NULL, NULL));
  for (size_t r = 0; r < data->trials; r++) {
    trials[r] = cf_view_matrix(scores, data->trial[r].shape[0], components);
    scores += data->trial[r].shape[0] * components;
  }
done:
  return status;
}

/* --------------------------------------------------------- regressions -- */

/* Whitened coordinates v (rows x n), cut into trials. */
typedef struct white {
  size_t rows, n, trials, steps, pairs;
  const size_t *length;
  const double *v;
} white;

/* Earlier and later rows, without those that would cross the end of a trial. */
static cf_status pairs_of(cf_context *ctx, const white *w, double **before, double **after) {
  cf_status status = CF_OK;
  size_t at = 0, row = 0;
  CF_TRY(CF_SCRATCH(ctx, before, w->pairs * w->n));
  CF_TRY(CF_SCRATCH(ctx, after, w->pairs * w->n));
  for (size_t r = 0; r < w->trials; row += w->length[r++]) {
    const size_t count = w->length[r] > w->steps ? w->length[r] - w->steps : 0;
    memcpy(*before + at * w->n, w->v + row * w->n, count * w->n * sizeof **before);
    memcpy(*after + at * w->n, w->v + (row + w->steps) * w->n, count * w->n * sizeof **after);
    at += count;
  }
done:
  return status;
}

/* b (n x n) = (V-'V- + ridge I)^-1 V-'V+ */
static cf_status least_squares(cf_context *ctx, const white *w, const double *before, const double *after, double ridge,
                               double *cross, double *b) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = w->n;
  double *gram;
  CF_TRY(CF_SCRATCH(ctx, &gram, n * n));
  CF_TRY(cf_syrk(ctx, true, n, w->pairs, 1, before, n, 0, gram, n));
  CF_TRY(cf_gemm(ctx, true, false, n, n, w->pairs, 1, before, n, after, n, 0, cross, n));
  for (size_t i = 0; i < n; i++) gram[i * n + i] += ridge;
  memcpy(b, cross, n * n * sizeof *b);
  status = cf_solve_spd(ctx, n, gram, n, b);
  if (status == CF_ERR_NUMERIC)
    status = cf_explain(ctx, status, "the earlier steps do not span the embedding; a ridge or a smaller rank helps");
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status reduce_rank(cf_context *ctx, size_t n, size_t rank, const double *cross, const double *b, double *a) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *p, *value, *e, *t;
  CF_TRY(CF_SCRATCH(ctx, &p, n * n));
  CF_TRY(CF_SCRATCH(ctx, &value, rank));
  CF_TRY(CF_SCRATCH(ctx, &e, rank * n));
  CF_TRY(CF_SCRATCH(ctx, &t, n * rank));
  CF_TRY(cf_gemm(ctx, true, false, n, n, n, 1, cross, n, b, n, 0, p, n));
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++) p[i * n + j] = p[j * n + i] = 0.5 * (p[i * n + j] + p[j * n + i]);
  CF_TRY(cf_eigh_top(ctx, n, p, rank, value, e));
  CF_TRY(cf_gemm(ctx, false, true, n, rank, n, 1, b, n, e, n, 0, t, rank));
  CF_TRY(cf_gemm(ctx, false, false, n, n, rank, 1, t, rank, e, n, 0, a, n));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ||V+ - V- A'|| / ||V+|| */
static cf_status misfit(cf_context *ctx, const white *w, const double *before, double *after, const double *a,
                        double *out) {
  cf_status status = CF_OK;
  const size_t count = w->pairs * w->n;
  const double size = cf_norm2(count, after);
  CF_TRY(cf_gemm(ctx, false, true, w->pairs, w->n, w->n, -1, before, w->n, a, w->n, 1, after, w->n));
  *out = size > 0 ? cf_norm2(count, after) / size : 0;
done:
  return status;
}

static cf_status eigenvalues_of(cf_context *ctx, cf_operator *op) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *copy;
  CF_TRY(CF_SCRATCH(ctx, &copy, op->n * op->n));
  CF_TRY(CF_ALLOC(ctx, &op->eigenvalue, 2 * op->n));
  memcpy(copy, op->a, op->n * op->n * sizeof *copy);
  CF_TRY(cf_eig(ctx, op->n, copy, op->eigenvalue, NULL));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status regress(cf_context *ctx, const white *w, const cf_operator_options *o, cf_operator *op) {
  cf_status status = CF_OK;
  const size_t n = w->n;
  double *before, *after, *cross, *b;
  CF_TRY(pairs_of(ctx, w, &before, &after));
  CF_TRY(CF_SCRATCH(ctx, &cross, n * n));
  CF_TRY(CF_SCRATCH(ctx, &b, n * n));
  CF_TRY(CF_ALLOC(ctx, &op->a, n * n));
  CF_TRY(least_squares(ctx, w, before, after, o->ridge, cross, b));
  const double *rows = b; /* maps rows: v(t + steps)' = v(t)' rows */
  if (o->reduced_rank) {
    double *reduced;
    CF_TRY(CF_SCRATCH(ctx, &reduced, n * n));
    CF_TRY(reduce_rank(ctx, n, op->rank, cross, b, reduced));
    rows = reduced;
  }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) op->a[j * n + i] = rows[i * n + j];
  CF_TRY(misfit(ctx, w, before, after, op->a, &op->residual));
  CF_TRY(eigenvalues_of(ctx, op));
done:
  return status;
}

/* ------------------------------------------------------------- fitting -- */

/* U and S of the embedding by its triangle: columns of basis, n of them. */
static cf_status directions(cf_context *ctx, size_t rows, size_t dims, const double *h, const cf_operator_options *o,
                            cf_operator *op) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *r, *s, *vt;
  CF_TRY(CF_SCRATCH(ctx, &r, dims * dims));
  CF_TRY(CF_SCRATCH(ctx, &s, dims));
  CF_TRY(CF_SCRATCH(ctx, &vt, dims * dims));
  CF_TRY(cf_qr_triangle(ctx, rows, dims, h, dims, r));
  CF_TRY(cf_svd(ctx, dims, dims, r, s, NULL, vt));
  if (!(s[0] > 0)) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: all values are zero", op->name));
  const cf_rank full = {CF_RANK_FULL, 0};
  op->rank = cf_rank_of(&o->rank, rows, dims, dims, s, NULL);
  op->n = o->reduced_rank ? cf_rank_of(&full, rows, dims, dims, s, NULL) : op->rank;
  op->dims = dims;
  CF_TRY(CF_ALLOC(ctx, &op->singular, op->n));
  CF_TRY(CF_ALLOC(ctx, &op->basis, dims * op->n));
  memcpy(op->singular, s, op->n * sizeof *s);
  for (size_t i = 0; i < dims; i++)
    for (size_t j = 0; j < op->n; j++) op->basis[i * op->n + j] = vt[j * dims + i];
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_operator_white(cf_context *ctx, const cf_operator *op, size_t rows, const double *h, double *v) {
  cf_status status = CF_OK;
  CF_TRY(cf_gemm(ctx, false, false, rows, op->n, op->dims, 1, h, op->dims, op->basis, op->n, 0, v, op->n));
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < op->n; j++) v[i * op->n + j] /= op->singular[j];
done:
  return status;
}

static cf_status fit_embedded(cf_context *ctx, const cf_trajectories *data, const cf_operator_options *o,
                              cf_operator *op) {
  cf_status status = CF_OK;
  const size_t dims = o->delays * data->trial[0].shape[1];
  size_t *length;
  double *h, *v;
  white w = {.trials = data->trials, .steps = o->steps};
  CF_TRY(CF_SCRATCH(ctx, &length, data->trials));
  CF_TRY(cf_delay_embed(ctx, data, o->delays, o->interval, NULL, length));
  for (size_t r = 0; r < data->trials; r++) {
    w.rows += length[r];
    w.pairs += length[r] > o->steps ? length[r] - o->steps : 0;
  }
  if (w.rows < dims || w.pairs == 0)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                   "%s: %zu rows of the embedding and %zu pairs are too few for its %zu columns (delays x channels); "
                   "fewer delays or principal components help",
                   op->name, w.rows, w.pairs, dims));
  CF_TRY(CF_SCRATCH(ctx, &h, w.rows * dims));
  CF_TRY(cf_delay_embed(ctx, data, o->delays, o->interval, h, length));
  CF_TRY(directions(ctx, w.rows, dims, h, o, op));
  CF_TRY(CF_SCRATCH(ctx, &v, w.rows * op->n));
  CF_TRY(cf_operator_white(ctx, op, w.rows, h, v));
  w.n = op->n;
  w.v = v;
  w.length = length;
  CF_TRY(regress(ctx, &w, o, op));
done:
  return status;
}

cf_status cf_operator_fit(cf_context *ctx, const cf_trajectories *data, const cf_operator_options *options,
                          cf_operator **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_operator_options *o = options ? options : &defaults;
  cf_trajectories reduced = *data;
  cf_operator *op = NULL;
  cf_view *trials = NULL;
  *out = NULL;
  CF_TRY(check(ctx, data, o));
  CF_TRY(CF_ALLOC(ctx, &op, 1));
  CF_TRY(cf_strdup(ctx, data->name, &op->name));
  if (o->components) {
    CF_TRY(CF_SCRATCH(ctx, &trials, data->trials));
    CF_TRY(cf_components_of(ctx, data, o->components, trials));
    reduced.trial = trials;
  }
  CF_TRY(fit_embedded(ctx, &reduced, o, op));
  *out = op;
  op = NULL;
done:
  cf_operator_free(op);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_operator_from_matrix(cf_context *ctx, const cf_view *a, const char *name, cf_operator **out) {
  cf_status status = CF_OK;
  cf_operator *op = NULL;
  *out = NULL;
  if (a->ndim != 2 || a->shape[0] == 0 || a->shape[0] != a->shape[1])
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: an operator is a square matrix", name));
  CF_TRY(cf_view_check_finite(ctx, a, name));
  CF_TRY(CF_ALLOC(ctx, &op, 1));
  op->n = op->rank = op->dims = a->shape[0];
  CF_TRY(cf_strdup(ctx, name, &op->name));
  CF_TRY(CF_ALLOC(ctx, &op->a, op->n * op->n));
  CF_TRY(CF_ALLOC(ctx, &op->basis, op->n * op->n));
  CF_TRY(CF_ALLOC(ctx, &op->singular, op->n));
  cf_view_copy(a, op->a);
  for (size_t i = 0; i < op->n; i++) op->basis[i * op->n + i] = op->singular[i] = 1;
  CF_TRY(eigenvalues_of(ctx, op));
  *out = op;
  op = NULL;
done:
  cf_operator_free(op);
  return status;
}

cf_status cf_operator_full(cf_context *ctx, const cf_operator *op, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = op->n, d = op->dims;
  double *a, *t;
  CF_TRY(CF_SCRATCH(ctx, &a, n * n));
  CF_TRY(CF_SCRATCH(ctx, &t, d * n));
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) a[i * n + j] = op->singular[i] * op->a[i * n + j] / op->singular[j];
  CF_TRY(cf_gemm(ctx, false, false, d, n, n, 1, op->basis, n, a, n, 0, t, n));
  CF_TRY(cf_gemm(ctx, false, true, d, d, n, 1, t, n, op->basis, n, 0, out, d));
done:
  cf_scratch_release(ctx, mark);
  return status;
}
