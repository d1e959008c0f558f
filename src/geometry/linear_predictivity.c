/* Linear predictivity: how much of Y (n x q) a ridge regression on X (n x p) predicts on conditions it has not seen.
 *
 * clean (default): k folds of the conditions (shuffled, seeded). In each, with
 * T the training and S the test rows, everything is fitted on T alone:
 *   Kc = H X_T X_T' H = Q diag(l) Q',  B = Q' H Y_T                (H centres)
 *   lambda = the g in 10^-6 .. 10^4 times tr(Kc)/|T| with the least generalised cross-validation error
 *            GCV = sum_k (1-d_k)^2 ||B_k||^2 / (|T| - 1 - sum d)^2,  d_k = l_k/(l_k + lambda)   (Golub, Heath, Wahba
 * 1979) prediction  mean(Y_T) + (X_S - mean X_T) X_T' H Q diag(1/(l + lambda)) B value = 1 - sum ||Y_S - prediction||^2
 * / sum ||Y_S - mean(Y_T)||^2 pooled over channels and folds: a share of Y's variance, rotations of either system leave
 * it alone. At most 1; negative when the prediction is worse than the mean.
 *
 * paper: the published recipe (spec "encoding" score). z-score the columns of both (ddof 0), principal components: 10
 * of X, 2 of Y, all on all rows; per split ridge with lambda 1 and unpenalised intercept from the components of X to
 * each component of Y; R^2 on the test rows clipped to [0, 1]; mean over splits and components. Scaling and components
 * have seen the test rows, so the value flatters.
 *
 * Of X only the Gram matrix enters (clean), so n decides the cost: per fold one
 * symmetric eigenproblem; a permutation adds n^2 q flops a fold.              */
#include <math.h>
#include <string.h>

#include <cortifold/linalg.h>
#include <cortifold/stats.h>
#include "base/internal.h"
#include "geometry/compare_internal.h"

#define GRID         21
#define PAPER_X      10
#define PAPER_Y      2
#define PAPER_SPLITS 10

/* --------------------------------------------------------------- clean -- */

typedef struct fold {
  size_t nt, ns;
  size_t *train, *test;
  double *q;     /* nt x nt, rows are eigenvectors */
  double *l;     /* nt */
  double *cross; /* ns x nt: centred test-training products times Q' */
  double scale;  /* tr(Kc)/nt */
} fold;

typedef struct plan {
  size_t n, q, k;
  fold *fold;
  const double *y; /* n x q, centred over all rows (a shift that cancels); q <= n by a rotation */
} plan;

static double ridge_at(const fold *f, int g) {
  return pow(10.0, -6.0 + 0.5 * g) * f->scale;
}

/* Folds over distinct conditions: the copies of one in a bootstrap sample stay together. */
static cf_status assign_folds(cf_context *ctx, const cf_system *x, size_t k, size_t *of_row) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *slot = NULL, *of_slot = NULL, top = 0, distinct = 0;
  const uint64_t task = cf_hash_text("compare/folds");
  if (!x->source) {
    CF_TRY(cf_folds(ctx, x->n, k, true, task, of_row));
    goto done;
  }
  for (size_t i = 0; i < x->n; i++) top = CF_MAX(top, x->source[i] + 1);
  CF_TRY(CF_SCRATCH(ctx, &slot, top));
  for (size_t i = 0; i < top; i++) slot[i] = SIZE_MAX;
  for (size_t i = 0; i < x->n; i++)
    if (slot[x->source[i]] == SIZE_MAX) slot[x->source[i]] = distinct++;
  if (distinct < k) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%zu distinct conditions for %zu folds", distinct, k));
  CF_TRY(CF_SCRATCH(ctx, &of_slot, distinct));
  CF_TRY(cf_folds(ctx, distinct, k, true, task, of_slot));
  for (size_t i = 0; i < x->n; i++) of_row[i] = of_slot[slot[x->source[i]]];
done:
  cf_scratch_release(ctx, mark);
  return status;
}

typedef struct fold_job {
  const plan *plan;
  const double *gram;
} fold_job;

/* Centres with the training rows' means, decomposes, and projects the test rows. */
static cf_status prepare_fold(cf_context *ctx, size_t index, void *payload) {
  const fold_job *job = payload;
  fold *f = &job->plan->fold[index];
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = job->plan->n, nt = f->nt, ns = f->ns;
  const double *gram = job->gram;
  double *kc = NULL, *mean = NULL, *c = NULL, total = 0;
  CF_TRY(CF_SCRATCH(ctx, &kc, nt * nt));
  CF_TRY(CF_SCRATCH(ctx, &mean, nt));
  CF_TRY(CF_SCRATCH(ctx, &c, ns * nt));
  for (size_t i = 0; i < nt; i++) {
    mean[i] = 0;
    for (size_t j = 0; j < nt; j++) mean[i] += gram[f->train[i] * n + f->train[j]];
    mean[i] /= (double)nt;
    total += mean[i] / (double)nt;
  }
  double trace = 0;
  for (size_t i = 0; i < nt; i++) {
    for (size_t j = 0; j < nt; j++) kc[i * nt + j] = gram[f->train[i] * n + f->train[j]] - mean[i] - mean[j] + total;
    trace += kc[i * nt + i];
  }
  f->scale = trace / (double)nt;
  if (!(f->scale > 0))
    CF_TRY(cf_fail(ctx, CF_ERR_NUMERIC, "fold %zu: the predictors do not vary over the %zu training conditions", index,
                   nt));
  CF_TRY(cf_eigh(ctx, nt, kc, f->l, f->q));
  for (size_t i = 0; i < nt; i++) f->l[i] = f->l[i] > 0 ? f->l[i] : 0;
  for (size_t i = 0; i < ns; i++) {
    double row = 0;
    for (size_t j = 0; j < nt; j++) row += gram[f->test[i] * n + f->train[j]];
    row /= (double)nt;
    for (size_t j = 0; j < nt; j++) c[i * nt + j] = gram[f->test[i] * n + f->train[j]] - row - mean[j] + total;
  }
  CF_TRY(cf_gemm(ctx, false, true, ns, nt, nt, 1.0, c, nt, f->q, nt, 0.0, f->cross, nt));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status make_plan(cf_context *ctx, cf_system *x, cf_system *y, size_t k, plan *p) {
  cf_status status = CF_OK;
  size_t *of_row = NULL;
  const size_t n = x->n;
  if (k > n || n < 4)
    return cf_fail(ctx, CF_ERR_INPUT, "%zu conditions; linear predictivity with %zu folds needs at least %zu", n, k,
                   CF_MAX(k, (size_t)4));
  CF_TRY(cf_system_gram(ctx, x));
  /* Errors of a prediction are lengths: a rotation of Y leaves them alone. */
  CF_TRY(cf_system_rotated(ctx, y));
  *p = (plan){n, y->rotated ? n : y->p, k, NULL, y->rotated ? y->rotated : y->x};
  CF_TRY(CF_SCRATCH(ctx, &p->fold, k));
  CF_TRY(CF_SCRATCH(ctx, &of_row, n));
  CF_TRY(assign_folds(ctx, x, k, of_row));
  for (size_t f = 0; f < k; f++) {
    fold *d = &p->fold[f];
    d->ns = d->nt = 0;
    CF_TRY(CF_SCRATCH(ctx, &d->train, n));
    CF_TRY(CF_SCRATCH(ctx, &d->test, n));
    for (size_t i = 0; i < n; i++) {
      if (of_row[i] == f)
        d->test[d->ns++] = i;
      else
        d->train[d->nt++] = i;
    }
    if (d->nt < 2) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "fold %zu leaves %zu training conditions", f, d->nt));
    CF_TRY(CF_SCRATCH(ctx, &d->q, d->nt * d->nt));
    CF_TRY(CF_SCRATCH(ctx, &d->l, d->nt));
    CF_TRY(CF_SCRATCH(ctx, &d->cross, d->ns * d->nt));
  }
  fold_job job = {p, x->gram};
  CF_TRY(cf_parallel_for(ctx, k, prepare_fold, &job));
done:
  return status;
}

/* Index of the grid's ridge with the least GCV error; b2[k] = ||B_k||^2. */
static int choose_ridge(const fold *f, const double *b2) {
  double best = INFINITY;
  int chosen = GRID - 1;
  for (int g = GRID - 1; g >= 0; g--) { /* ties go to the stronger penalty */
    const double ridge = ridge_at(f, g);
    double rss = 0, dof = 0;
    for (size_t k = 0; k < f->nt; k++) {
      const double d = f->l[k] / (f->l[k] + ridge);
      rss += (1 - d) * (1 - d) * b2[k];
      dof += d;
    }
    const double rest = (double)f->nt - 1 - dof;
    if (rest < 0.5) continue; /* interpolation: GCV is 0/0 there */
    const double gcv = rss / (rest * rest);
    if (gcv < best) {
      best = gcv;
      chosen = g;
    }
  }
  return chosen;
}

/* Error and total sum of squares on the test rows of one fold; pi permutes the rows of Y (NULL: none). */
static cf_status score_fold(cf_context *ctx, const plan *p, const fold *f, const size_t *pi, double *rss, double *tss) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t nt = f->nt, ns = f->ns, q = p->q;
  double *yt = NULL, *mean = NULL, *b = NULL, *b2 = NULL, *pred = NULL;
  CF_TRY(CF_SCRATCH(ctx, &yt, nt * q));
  CF_TRY(CF_SCRATCH(ctx, &mean, q));
  CF_TRY(CF_SCRATCH(ctx, &b, nt * q));
  CF_TRY(CF_SCRATCH(ctx, &b2, nt));
  CF_TRY(CF_SCRATCH(ctx, &pred, ns * q));
  for (size_t i = 0; i < nt; i++) memcpy(yt + i * q, p->y + (pi ? pi[f->train[i]] : f->train[i]) * q, q * sizeof *yt);
  cf_center_columns(nt, q, yt, q, mean);
  CF_TRY(cf_gemm(ctx, false, false, nt, q, nt, 1.0, f->q, nt, yt, q, 0.0, b, q));
  for (size_t k = 0; k < nt; k++) b2[k] = cf_dot(q, b + k * q, b + k * q);
  const double ridge = ridge_at(f, choose_ridge(f, b2));
  for (size_t k = 0; k < nt; k++)
    for (size_t j = 0; j < q; j++) b[k * q + j] /= f->l[k] + ridge;
  CF_TRY(cf_gemm(ctx, false, false, ns, q, nt, 1.0, f->cross, nt, b, q, 0.0, pred, q));
  *rss = *tss = 0;
  for (size_t i = 0; i < ns; i++) {
    const double *y = p->y + (pi ? pi[f->test[i]] : f->test[i]) * q;
    for (size_t j = 0; j < q; j++) {
      const double d = y[j] - mean[j], e = d - pred[i * q + j];
      *rss += e * e;
      *tss += d * d;
    }
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status score_clean(cf_context *ctx, const plan *p, const size_t *pi, double *per_fold, double *out) {
  cf_status status = CF_OK;
  double rss = 0, tss = 0;
  for (size_t f = 0; f < p->k; f++) {
    double r = 0, t = 0;
    CF_TRY(score_fold(ctx, p, &p->fold[f], pi, &r, &t));
    if (per_fold) per_fold[f] = 1 - r / t;
    rss += r;
    tss += t;
  }
  *out = 1 - rss / tss;
done:
  return status;
}

/* --------------------------------------------------------------- paper -- */

typedef struct paper_plan {
  size_t n, kx, ky, splits;
  double *x, *y;             /* scores n x kx, n x ky */
  const unsigned char *test; /* splits x n */
} paper_plan;

/* Principal component scores of the z-scored columns, as many as either role wants. */
static cf_status make_z_scores(cf_context *ctx, cf_system *s) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t k = CF_MIN((size_t)PAPER_X, CF_MIN(s->n, s->p));
  double *z = NULL, *scores = NULL;
  if (s->z_scores) return CF_OK;
  CF_TRY(CF_ALLOC(ctx, &scores, s->n * k));
  CF_TRY(CF_SCRATCH(ctx, &z, s->n * s->p));
  for (size_t j = 0; j < s->p; j++) {
    double sum = 0;
    for (size_t i = 0; i < s->n; i++) sum += s->x[i * s->p + j] * s->x[i * s->p + j];
    const double sd = sqrt(sum / (double)s->n);
    for (size_t i = 0; i < s->n; i++) z[i * s->p + j] = sd > 0 ? s->x[i * s->p + j] / sd : 0;
  }
  const cf_view view = cf_view_matrix(z, s->n, s->p);
  CF_TRY(cf_pca(ctx, &view, k, NULL, scores, NULL, NULL, NULL));
  s->z_scores = scores;
  s->z_count = k;
  scores = NULL;
done:
  cf_free(scores);
  cf_scratch_release(ctx, mark);
  return status;
}

/* The first `most` of them. */
static cf_status z_scores(cf_context *ctx, cf_system *s, size_t most, size_t *k, double **scores) {
  cf_status status = CF_OK;
  CF_TRY(make_z_scores(ctx, s));
  *k = CF_MIN(most, s->z_count);
  CF_TRY(CF_SCRATCH(ctx, scores, s->n * *k));
  for (size_t i = 0; i < s->n; i++)
    for (size_t j = 0; j < *k; j++) (*scores)[i * *k + j] = s->z_scores[i * s->z_count + j];
done:
  return status;
}

/* Random splits with n/6 test rows, at least two. */
static cf_status random_splits(cf_context *ctx, size_t n, size_t splits, unsigned char **out) {
  cf_status status = CF_OK;
  size_t *pi = NULL;
  CF_TRY(CF_SCRATCH(ctx, out, splits * n));
  CF_TRY(CF_SCRATCH(ctx, &pi, n));
  memset(*out, 0, splits * n);
  for (size_t s = 0; s < splits; s++) {
    cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("compare/splits"), (uint32_t)s);
    cf_rng_permutation(&rng, n, pi);
    for (size_t i = 0; i < CF_MAX(n / 6, (size_t)2); i++) (*out)[s * n + pi[i]] = 1;
  }
done:
  return status;
}

static cf_status make_paper_plan(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o,
                                 paper_plan *p) {
  cf_status status = CF_OK;
  unsigned char *made = NULL;
  if (x->n < 6)
    return cf_fail(ctx, CF_ERR_INPUT, "%zu conditions; the published recipe of linear predictivity needs at least 6",
                   x->n);
  *p = (paper_plan){x->n, 0, 0, o->test ? o->splits : PAPER_SPLITS, NULL, NULL, o->test};
  CF_TRY(z_scores(ctx, x, PAPER_X, &p->kx, &p->x));
  CF_TRY(z_scores(ctx, y, PAPER_Y, &p->ky, &p->y));
  if (!p->test) {
    CF_TRY(random_splits(ctx, x->n, p->splits, &made));
    p->test = made;
  }
done:
  return status;
}

/* Ridge with lambda 1 on the training rows of one split; r2: one per component of Y. */
static cf_status score_split(cf_context *ctx, const paper_plan *p, size_t split, const size_t *pi, double *r2) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const unsigned char *test = p->test + split * p->n;
  const size_t kx = p->kx, ky = p->ky;
  double *a = NULL, *b = NULL, mx[PAPER_X] = {0}, my[PAPER_Y] = {0}, mt[PAPER_Y] = {0};
  size_t nt = 0, ns = 0;
  CF_TRY(CF_SCRATCH(ctx, &a, kx * kx));
  CF_TRY(CF_SCRATCH(ctx, &b, kx * ky));
  for (size_t i = 0; i < p->n; i++) {
    const double *y = p->y + (pi ? pi[i] : i) * ky;
    for (size_t c = 0; c < ky; c++) (test[i] ? mt : my)[c] += y[c];
    for (size_t c = 0; c < kx && !test[i]; c++) mx[c] += p->x[i * kx + c];
    if (test[i])
      ns++;
    else
      nt++;
  }
  if (nt < 2 || ns < 2)
    CF_TRY(
        cf_fail(ctx, CF_ERR_INPUT, "split %zu has %zu training and %zu test conditions; both need two", split, nt, ns));
  for (size_t c = 0; c < kx; c++) mx[c] /= (double)nt;
  for (size_t c = 0; c < ky; c++) {
    my[c] /= (double)nt;
    mt[c] /= (double)ns;
  }
  memset(a, 0, kx * kx * sizeof *a);
  memset(b, 0, kx * ky * sizeof *b);
  for (size_t i = 0; i < p->n; i++) {
    if (test[i]) continue;
    const double *x = p->x + i * kx, *y = p->y + (pi ? pi[i] : i) * ky;
    for (size_t c = 0; c < kx; c++) {
      for (size_t d = 0; d < kx; d++) a[c * kx + d] += (x[c] - mx[c]) * (x[d] - mx[d]);
      for (size_t d = 0; d < ky; d++) b[c * ky + d] += (x[c] - mx[c]) * (y[d] - my[d]);
    }
  }
  for (size_t c = 0; c < kx; c++) a[c * kx + c] += 1.0;
  CF_TRY(cf_solve_spd(ctx, kx, a, ky, b));
  for (size_t d = 0; d < ky; d++) {
    double rss = 0, tss = 0;
    for (size_t i = 0; i < p->n; i++) {
      if (!test[i]) continue;
      const double y = p->y[(pi ? pi[i] : i) * ky + d];
      double e = y - my[d];
      for (size_t c = 0; c < kx; c++) e -= (p->x[i * kx + c] - mx[c]) * b[c * ky + d];
      rss += e * e;
      tss += (y - mt[d]) * (y - mt[d]);
    }
    const double v = tss > 0 ? 1 - rss / tss : 0;
    r2[d] = v < 0 ? 0 : v > 1 ? 1 : v;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status score_paper(cf_context *ctx, const paper_plan *p, const size_t *pi, double *r2, double *out) {
  cf_status status = CF_OK;
  double sum = 0;
  for (size_t s = 0; s < p->splits; s++) {
    double v[PAPER_Y];
    CF_TRY(score_split(ctx, p, s, pi, v));
    for (size_t d = 0; d < p->ky; d++) {
      sum += v[d];
      if (r2) r2[s * p->ky + d] = v[d];
    }
  }
  *out = sum / (double)(p->splits * p->ky);
done:
  return status;
}

/* ----------------------------------------------------------- run functions -- */

cf_status cf_measure_linear_predictivity_prepare(cf_context *ctx, cf_system *s, const cf_compare_options *o) {
  cf_status status = CF_OK;
  if (o->paper) return make_z_scores(ctx, s);
  CF_TRY(cf_system_gram(ctx, s));
  CF_TRY(cf_system_rotated(ctx, s));
done:
  return status;
}

cf_status cf_measure_linear_predictivity_value(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o,
                                               cf_compare_value *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  plan p;
  paper_plan pp;
  if (o->paper) {
    CF_TRY(make_paper_plan(ctx, x, y, o, &pp));
    CF_TRY(CF_ALLOC(ctx, &out->r2, pp.splits * pp.ky));
    out->splits = pp.splits;
    out->targets = pp.ky;
    out->rank_x = pp.kx;
    out->rank_y = pp.ky;
    CF_TRY(score_paper(ctx, &pp, NULL, out->r2, &out->value));
  } else {
    CF_TRY(make_plan(ctx, x, y, o->folds, &p));
    CF_TRY(CF_ALLOC(ctx, &out->r2, p.k));
    out->splits = p.k;
    out->targets = 1;
    CF_TRY(score_clean(ctx, &p, NULL, out->r2, &out->value));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

typedef struct permuting {
  const plan *clean;
  const paper_plan *paper;
  double *out;
} permuting;

static cf_status permute_one(cf_context *ctx, size_t r, void *payload) {
  const permuting *job = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *pi = NULL;
  const size_t n = job->clean ? job->clean->n : job->paper->n;
  CF_TRY(cf_check_cancel(ctx));
  CF_TRY(CF_SCRATCH(ctx, &pi, n));
  cf_compare_permutation(ctx, (uint32_t)r, n, pi);
  if (job->clean)
    CF_TRY(score_clean(ctx, job->clean, pi, NULL, job->out + r));
  else
    CF_TRY(score_paper(ctx, job->paper, pi, NULL, job->out + r));
  cf_progress_step(ctx, 1);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_measure_linear_predictivity_permute(cf_context *ctx, cf_system *x, cf_system *y,
                                                 const cf_compare_options *o, size_t n, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  plan p;
  paper_plan pp;
  permuting job = {NULL, NULL, out};
  if (o->paper) {
    CF_TRY(make_paper_plan(ctx, x, y, o, &pp));
    job.paper = &pp;
  } else {
    CF_TRY(make_plan(ctx, x, y, o->folds, &p));
    job.clean = &p;
  }
  cf_progress_begin(ctx, "permutations", n);
  status = cf_parallel_for(ctx, n, permute_one, &job);
  cf_progress_end(ctx);
done:
  cf_scratch_release(ctx, mark);
  return status;
}
