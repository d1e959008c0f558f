/* Cross-validated canonical correlation and linear predictivity between two systems, X (n x p) and Y (n x q).
 *
 * The n conditions are cut into folds. In each, with T the training conditions, G the Gram matrix of the rows after the
 * training mean is taken off (lp: and columns divided by their sd on T), and G_TT v_a = l_a v_a:
 *   scores s_ia = sum_{j in T} G_ij v_aj / sqrt(l_a),  whitened w_ia = s_ia / sqrt(l_a)   for all rows i
 * so the test rows are projected on axes that they had no part in.
 *   cca: P S Q' = svd(W_X' W_Y) on T, min(3, n/8, p, q) components each; u = W_X P and v = W_Y Q on the test rows; per
 *        component sum u v / sqrt(sum u^2 sum v^2) over the test rows of all folds, and the mean over components. The
 *        sign of a pair is fixed on T, so that chance is 0 and not above it.
 *   lp:  10 components of X, 2 of Y; ridge with alpha 1: prediction = sum_a s_ia / (l_a + 1) sum_{j in T} s_ja y_jb;
 *        1 - sum (y - prediction)^2 / sum y^2 over the test rows of all folds and both components. Not clipped: it is
 *        below 0 when the training mean does better.
 * Source: the recipe of arXiv 2601.21508 without its leaks. Cost: folds n^2 (p + q), and folds n^2 q a permutation. */
#include <math.h>
#include <string.h>

#include <cortifold/linalg.h>
#include <cortifold/stats.h>
#include "base/internal.h"
#include "pipeline/alignment.h"

enum { CCA_MOST = 3, LP_X = CF_ALIGN_COMPONENTS, LP_Y = 2 };

/* Scores of one side in one fold. */
typedef struct axes {
  size_t k;
  double *l; /* k */
  double *w; /* n x k, whitened */
} axes;

/* One side: its conditions cut into folds, which depend on their number alone. */
struct cf_align_folds {
  size_t n, folds, cols;
  size_t most[2];  /* components: cca, lp */
  const double *x; /* borrowed */
  double *gram;    /* n x n, rows centred on all */
  size_t *fold;    /* n */
  axes *axes[2];   /* cca, lp: folds each */
};
typedef struct cf_align_folds side;

/* From the Gram matrix of rows centred on the training rows. */
static cf_status principal(cf_context *ctx, const side *p, size_t f, const double *gram, size_t k, axes *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = p->n;
  double *a, *v;
  size_t *train, nt = 0;
  CF_TRY(CF_SCRATCH(ctx, &train, n));
  for (size_t i = 0; i < n; i++)
    if (p->fold[i] != f) train[nt++] = i;
  k = CF_MIN(k, nt);
  CF_TRY(CF_SCRATCH(ctx, &a, nt * nt));
  CF_TRY(CF_SCRATCH(ctx, &v, k * nt));
  for (size_t i = 0; i < nt; i++)
    for (size_t j = 0; j < nt; j++) a[i * nt + j] = gram[train[i] * n + train[j]];
  CF_TRY(cf_eigh_top(ctx, nt, a, k, out->l, v));
  if (!(out->l[0] > 0)) CF_TRY(cf_fail(ctx, CF_ERR_NUMERIC, "fold %zu: nothing varies over its training rows", f));
  while (k > 0 && !(out->l[k - 1] > 1e-12 * out->l[0])) k--;
  out->k = k;
  for (size_t i = 0; i < n; i++)
    for (size_t c = 0; c < k; c++) {
      double sum = 0;
      for (size_t j = 0; j < nt; j++) sum += gram[i * n + train[j]] * v[c * nt + j];
      out->w[i * k + c] = sum / out->l[c];
    }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Gram matrix of the columns scaled on the training rows; row i of the system is row pi[i] of x (NULL: row i). */
static cf_status scaled_gram(cf_context *ctx, const side *p, size_t f, const size_t *pi, double *gram) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t cols = p->cols;
  const double *x = p->x;
  double *z, *mean, *square;
  size_t nt = 0;
  CF_TRY(CF_SCRATCH(ctx, &z, p->n * cols));
  CF_TRY(CF_SCRATCH(ctx, &mean, cols));
  CF_TRY(CF_SCRATCH(ctx, &square, cols));
  memset(mean, 0, cols * sizeof *mean);
  memset(square, 0, cols * sizeof *square);
  for (size_t i = 0; i < p->n; i++) {
    if (p->fold[i] == f) continue;
    const double *row = x + (pi ? pi[i] : i) * cols;
    for (size_t j = 0; j < cols; j++) mean[j] += row[j];
    nt++;
  }
  for (size_t j = 0; j < cols; j++) mean[j] /= (double)nt;
  for (size_t i = 0; i < p->n; i++) {
    const double *row = x + (pi ? pi[i] : i) * cols;
    for (size_t j = 0; j < cols; j++) {
      const double d = row[j] - mean[j];
      z[i * cols + j] = d;
      if (p->fold[i] != f) square[j] += d * d;
    }
  }
  for (size_t j = 0; j < cols; j++) {
    const double sd = sqrt(square[j] / (double)nt);
    square[j] = sd > 1e-12 * fabs(mean[j]) ? 1 / sd : 0; /* constant up to rounding: no part in it */
  }
  for (size_t i = 0; i < p->n; i++)
    for (size_t j = 0; j < cols; j++) z[i * cols + j] *= square[j];
  CF_TRY(cf_syrk(ctx, false, p->n, cols, 1, z, cols, 0, gram, p->n));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Gram matrix of rows centred on the training rows, from that of rows centred on all (row i: pi[i]). */
static cf_status centred_gram(cf_context *ctx, const side *p, size_t f, const size_t *pi, double *gram) {
  cf_status status = CF_OK;
  const double *k = p->gram;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = p->n;
  double *mean, total = 0;
  size_t nt = 0;
  CF_TRY(CF_SCRATCH(ctx, &mean, n));
  for (size_t i = 0; i < n; i++) nt += p->fold[i] != f;
  for (size_t i = 0; i < n; i++) {
    mean[i] = 0;
    for (size_t j = 0; j < n; j++) {
      gram[i * n + j] = k[(pi ? pi[i] : i) * n + (pi ? pi[j] : j)];
      if (p->fold[j] != f) mean[i] += gram[i * n + j] / (double)nt;
    }
    if (p->fold[i] != f) total += mean[i] / (double)nt;
  }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) gram[i * n + j] += total - mean[i] - mean[j];
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Gram matrix of rows centred on all. */
static cf_status whole_gram(cf_context *ctx, size_t n, size_t cols, const double *x, double *gram) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *copy;
  CF_TRY(CF_SCRATCH(ctx, &copy, n * cols));
  memcpy(copy, x, n * cols * sizeof *copy);
  cf_center_columns(n, cols, copy, cols, NULL);
  CF_TRY(cf_syrk(ctx, false, n, cols, 1, copy, cols, 0, gram, n));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Room for the components of every fold, from one block. */
static cf_status axes_new(cf_context *ctx, const side *s, size_t most, axes **out) {
  cf_status status = CF_OK;
  axes *a = NULL;
  double *block;
  CF_TRY(CF_ALLOC(ctx, &a, s->folds));
  *out = a;
  CF_TRY(CF_ALLOC(ctx, &block, s->folds * most * (s->n + 1)));
  for (size_t f = 0; f < s->folds; f++) {
    a[f].l = block + f * most * (s->n + 1);
    a[f].w = a[f].l + most;
  }
done:
  return status;
}

static void axes_free(axes *a) {
  if (a) cf_free(a[0].l);
  cf_free(a);
}

static cf_status fit_axes(cf_context *ctx, const side *s, const size_t *pi, axes *const to[2]) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *gram;
  CF_TRY(CF_SCRATCH(ctx, &gram, s->n * s->n));
  for (size_t f = 0; f < s->folds; f++) {
    CF_TRY(centred_gram(ctx, s, f, pi, gram));
    CF_TRY(principal(ctx, s, f, gram, s->most[0], &to[0][f]));
    CF_TRY(scaled_gram(ctx, s, f, pi, gram));
    CF_TRY(principal(ctx, s, f, gram, s->most[1], &to[1][f]));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

void cf_align_folds_free(side *s) {
  if (!s) return;
  cf_free(s->gram);
  cf_free(s->fold);
  axes_free(s->axes[0]);
  axes_free(s->axes[1]);
  cf_free(s);
}

cf_status cf_align_folds_new(cf_context *ctx, size_t n, size_t folds, bool module, size_t cols, const double *x,
                             side **out) {
  cf_status status = CF_OK;
  side *s = NULL;
  *out = NULL;
  if (folds < 2 || folds > n || n - (n + folds - 1) / folds < 2)
    return cf_fail(ctx, CF_ERR_INPUT, "%zu conditions do not fit %zu folds", n, folds);
  CF_TRY(CF_ALLOC(ctx, &s, 1));
  s->n = n;
  s->folds = folds;
  s->cols = cols;
  s->x = x;
  s->most[0] = CF_MAX((size_t)1, CF_MIN(CF_MIN((size_t)CCA_MOST, n / 8), cols));
  s->most[1] = CF_MIN((size_t)(module ? LP_X : LP_Y), cols);
  CF_TRY(CF_ALLOC(ctx, &s->gram, n * n));
  CF_TRY(CF_ALLOC(ctx, &s->fold, n));
  for (int k = 0; k < 2; k++) CF_TRY(axes_new(ctx, s, s->most[k], &s->axes[k]));
  CF_TRY(cf_folds(ctx, n, folds, true, cf_hash_text("alignment/folds"), s->fold));
  CF_TRY(whole_gram(ctx, n, cols, x, s->gram));
  CF_TRY(fit_axes(ctx, s, NULL, s->axes));
  *out = s;
  s = NULL;
done:
  cf_align_folds_free(s);
  return status;
}

/* Adds one fold's test rows to sums[component] = {u v, u u, v v}. */
static cf_status add_cca(cf_context *ctx, const side *p, size_t f, size_t most, const axes *x, const axes *y,
                         double (*sums)[3]) {
  cf_status status = CF_OK;
  const size_t kx = CF_MIN(x->k, most), ky = CF_MIN(y->k, most), r = CF_MIN(kx, ky);
  double m[CCA_MOST * CCA_MOST] = {0}, s[CCA_MOST], u[CCA_MOST * CCA_MOST], vt[CCA_MOST * CCA_MOST];
  for (size_t i = 0; i < p->n; i++)
    for (size_t a = 0; a < kx && p->fold[i] != f; a++)
      for (size_t b = 0; b < ky; b++) m[a * ky + b] += x->w[i * x->k + a] * y->w[i * y->k + b];
  CF_TRY(cf_svd(ctx, kx, ky, m, s, u, vt));
  for (size_t i = 0; i < p->n; i++) {
    if (p->fold[i] != f) continue;
    for (size_t c = 0; c < r; c++) {
      double left = 0, right = 0;
      for (size_t a = 0; a < kx; a++) left += x->w[i * x->k + a] * u[a * r + c];
      for (size_t b = 0; b < ky; b++) right += y->w[i * y->k + b] * vt[c * ky + b];
      sums[c][0] += left * right;
      sums[c][1] += left * left;
      sums[c][2] += right * right;
    }
  }
done:
  return status;
}

/* Adds one fold's test rows to {squared errors, squares}. */
static void add_lp(const side *p, size_t f, const axes *x, const axes *y, double sums[2]) {
  double beta[LP_X * LP_Y] = {0};
  for (size_t i = 0; i < p->n; i++)
    for (size_t a = 0; a < x->k && p->fold[i] != f; a++)
      for (size_t b = 0; b < y->k; b++) beta[a * LP_Y + b] += x->w[i * x->k + a] * y->w[i * y->k + b];
  for (size_t a = 0; a < x->k; a++)
    for (size_t b = 0; b < y->k; b++) beta[a * LP_Y + b] *= x->l[a] * sqrt(y->l[b]) / (x->l[a] + 1);
  for (size_t i = 0; i < p->n; i++) {
    if (p->fold[i] != f) continue;
    for (size_t b = 0; b < y->k; b++) {
      const double known = y->w[i * y->k + b] * sqrt(y->l[b]);
      double error = known;
      for (size_t a = 0; a < x->k; a++) error -= x->w[i * x->k + a] * beta[a * LP_Y + b];
      sums[0] += error * error;
      sums[1] += known * known;
    }
  }
}

static cf_status evaluate(cf_context *ctx, const side *p, size_t k, axes *const x[2], axes *const y[2], double out[2]) {
  cf_status status = CF_OK;
  double cca[CCA_MOST][3] = {{0}}, lp[2] = {0}, sum = 0;
  for (size_t f = 0; f < p->folds; f++) {
    CF_TRY(add_cca(ctx, p, f, k, &x[0][f], &y[0][f], cca));
    add_lp(p, f, &x[1][f], &y[1][f], lp);
  }
  for (size_t c = 0; c < k; c++) {
    const double norm = sqrt(cca[c][1] * cca[c][2]);
    sum += norm > 0 ? cca[c][0] / norm : 0; /* a component that one side lacks predicts nothing */
  }
  out[0] = sum / (double)k;
  out[1] = lp[1] > 0 ? 1 - lp[0] / lp[1] : NAN;
done:
  return status;
}

cf_status cf_align_clean(cf_context *ctx, const side *x, const side *y, double out[2]) {
  out[0] = out[1] = NAN;
  return evaluate(ctx, x, CF_MIN(x->most[0], y->most[0]), x->axes, y->axes, out);
}

/* An order of the conditions for which the recording is undefined leaves all values missing. */
cf_status cf_align_clean_permuted(cf_context *ctx, size_t count, const side *const *x, const side *y, size_t r,
                                  double (*out)[2]) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  axes *turned[2] = {NULL, NULL};
  size_t *pi;
  cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("alignment/permutation"), (uint32_t)r);
  for (size_t i = 0; i < count; i++) out[i][0] = out[i][1] = NAN;
  CF_TRY(CF_SCRATCH(ctx, &pi, y->n));
  for (int k = 0; k < 2; k++) CF_TRY(axes_new(ctx, y, y->most[k], &turned[k]));
  cf_rng_permutation(&rng, y->n, pi);
  CF_TRY(fit_axes(ctx, y, pi, turned));
  for (size_t i = 0; i < count; i++) {
    if (!x[i]) continue;
    status = evaluate(ctx, y, CF_MIN(x[i]->most[0], y->most[0]), x[i]->axes, turned, out[i]);
    if (status == CF_ERR_NUMERIC) {
      cf_context_clear(ctx);
      status = CF_OK;
    }
    CF_TRY(status);
  }
done:
  axes_free(turned[0]);
  axes_free(turned[1]);
  cf_scratch_release(ctx, mark);
  if (status != CF_ERR_NUMERIC) return status;
  cf_context_clear(ctx);
  return CF_OK;
}
