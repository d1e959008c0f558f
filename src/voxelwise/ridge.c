/* Ridge regression of many targets: weights for given penalties, and penalties by cross-validation.
 *
 *   B = V diag(s/(s^2 + alpha)) U'Y = X'(X X' + alpha I)^-1 Y. Hoerl & Kennard (1970), Technometrics 12, 55;
 *   Dupre la Tour, Eickenberg, Nunez-Elizalde & Gallant (2022), NeuroImage 264, 119728. */
#include "voxelwise/internal.h"

#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

/* Distinct penalties and which of them each target has. */
static cf_status distinct(cf_context *ctx, size_t t, const double *alpha, cf_candidates *c, size_t *choice) {
  cf_status status = CF_OK;
  double *value;
  size_t count = 0;
  CF_TRY(CF_SCRATCH(ctx, &value, t + 1));
  for (size_t j = 0; j < t; j++) {
    if (!(alpha[j] >= 0) || isinf(alpha[j]))
      CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "penalty %zu is %g; penalties are 0 or more", j, alpha[j]));
    for (choice[j] = 0; choice[j] < count && value[choice[j]] != alpha[j];) choice[j]++;
    if (choice[j] == count) value[count++] = alpha[j];
  }
  *c = (cf_candidates){CF_VOXEL_RIDGE, count, value};
done:
  return status;
}

static cf_status fit(cf_context *ctx, cf_factor factor, size_t n, size_t p, size_t t, const double *x, const double *y,
                     const double *alpha, double *weights, double *dual) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_split split = {0};
  cf_candidates c;
  size_t *choice;
  const cf_view vx = cf_view_matrix(x, n, p), vy = cf_view_matrix(y, n, t);
  CF_TRY(cf_view_check_finite(ctx, &vx, "features"));
  CF_TRY(cf_view_check_finite(ctx, &vy, "targets"));
  if (n == 0 || p == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%zu samples of %zu features fit nothing", n, p));
  CF_TRY(CF_SCRATCH(ctx, &choice, t + 1));
  CF_TRY(distinct(ctx, t, alpha, &c, choice));
  CF_TRY(cf_split_weights(ctx, factor, n, p, x, &split));
  CF_TRY(cf_split_predict(ctx, &split, &c, t, y, choice, weights, dual));
done:
  cf_split_free(&split);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_ridge_svd(cf_context *ctx, size_t n, size_t p, size_t t, const double *x, const double *y,
                       const double *alpha, double *weights) {
  return fit(ctx, CF_FACTOR_SVD, n, p, t, x, y, alpha, weights, NULL);
}

cf_status cf_ridge_kernel(cf_context *ctx, size_t n, size_t p, size_t t, const double *x, const double *y,
                          const double *alpha, double *weights, double *dual) {
  return fit(ctx, CF_FACTOR_KERNEL, n, p, t, x, y, alpha, weights, dual);
}

/* ------------------------------------------------------ cross-validation -- */

typedef struct cv {
  const cf_candidates *candidates;
  const cf_ridge_options *options;
  const cf_selector *selector;
  const cf_split *all; /* of the refit; NULL: none */
  size_t n, p, t;
  size_t from, cols; /* targets at hand */
  const double *y;   /* n x cols */
  double *total;     /* tiles at hand x candidates: sums of mean scores, for one alpha for all */
  size_t *choice;    /* t */
  double *alpha, *best, *scores, *weights, *dual;
} cv;

static void keep_scores(const cv *job, size_t first, size_t w, const double *score, const double *value) {
  const size_t count = job->candidates->count, folds = job->selector->folds;
  for (size_t j = 0; j < w; j++) {
    if (job->best) job->best[first + j] = value[j];
    for (size_t a = 0; a < count && job->scores; a++) {
      double mean = 0;
      for (size_t f = 0; f < folds; f++) mean += score[(f * count + a) * w + j] / (double)folds;
      job->scores[a * job->t + first + j] = mean;
    }
  }
}

static cf_status select_tile(cf_context *worker, size_t tile, void *payload) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  const cv *job = payload;
  const size_t at = tile * CF_TILE, w = CF_MIN((size_t)CF_TILE, job->cols - at), count = job->candidates->count;
  const size_t folds = job->selector->folds, first = job->from + at;
  double *y, *score, *mean, *value;
  CF_TRY(CF_SCRATCH(worker, &y, job->n * w));
  CF_TRY(CF_SCRATCH(worker, &score, folds * count * w));
  CF_TRY(CF_SCRATCH(worker, &mean, count));
  CF_TRY(CF_SCRATCH(worker, &value, w));
  for (size_t i = 0; i < job->n; i++) memcpy(y + i * w, job->y + i * job->cols + at, w * sizeof *y);
  CF_TRY(cf_selector_score(worker, job->selector, w, y, score));
  cf_choose(job->candidates, job->options, folds, w, score, mean, job->choice + first, value);
  keep_scores(job, first, w, score, value);
  for (size_t a = 0; a < count; a++) {
    job->total[tile * count + a] = 0;
    for (size_t f = 0; f < folds; f++)
      for (size_t j = 0; j < w; j++) job->total[tile * count + a] += score[(f * count + a) * w + j] / (double)folds;
  }
  cf_progress_step(worker, w);
done:
  cf_scratch_release(worker, mark);
  return status;
}

static cf_status refit_tile(cf_context *worker, size_t tile, void *payload) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  const cv *job = payload;
  const size_t at = tile * CF_TILE, w = CF_MIN((size_t)CF_TILE, job->cols - at), first = job->from + at;
  double *y, *b = NULL, *d = NULL;
  CF_TRY(CF_SCRATCH(worker, &y, job->n * w));
  if (job->weights) CF_TRY(CF_SCRATCH(worker, &b, job->p * w));
  if (job->dual) CF_TRY(CF_SCRATCH(worker, &d, job->n * w));
  for (size_t i = 0; i < job->n; i++) memcpy(y + i * w, job->y + i * job->cols + at, w * sizeof *y);
  CF_TRY(cf_split_predict(worker, job->all, job->candidates, w, y, job->choice + first, b, d));
  for (size_t i = 0; i < job->p && b; i++) memcpy(job->weights + i * job->t + first, b + i * w, w * sizeof *b);
  for (size_t i = 0; i < job->n && d; i++) memcpy(job->dual + i * job->t + first, d + i * w, w * sizeof *d);
  cf_progress_step(worker, w);
done:
  cf_scratch_release(worker, mark);
  return status;
}

/* All targets, block after block, whole tiles: 64 MB, or what keeps all threads busy, within a quarter of the memory.
 */
static cf_status walk(cf_context *ctx, const cf_blocks *targets, cv *job, cf_task_fn body, double *sum) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t tile = job->n * sizeof(double) * CF_TILE, busy = 4 * (size_t)cf_context_threads(ctx);
  const size_t tiles_at_once = CF_MIN(CF_MAX(((size_t)64 << 20) / tile, busy), cf_context_memory(ctx) / 4 / tile);
  const size_t width = CF_MIN(CF_MAX(tiles_at_once, (size_t)1) * CF_TILE, job->t), count = job->candidates->count;
  double *y;
  CF_TRY(CF_SCRATCH(ctx, &y, job->n * width));
  CF_TRY(CF_SCRATCH(ctx, &job->total, (width / CF_TILE + 1) * count));
  job->y = y;
  for (job->from = 0; job->from < job->t; job->from += job->cols) {
    job->cols = CF_MIN(width, job->t - job->from);
    CF_TRY(targets->read(ctx, targets->payload, 0, job->n, job->from, job->cols, y));
    const cf_view view = cf_view_matrix(y, job->n, job->cols);
    CF_TRY(cf_view_check_finite(ctx, &view, targets->name ? targets->name : "targets"));
    const size_t tiles = (job->cols + CF_TILE - 1) / CF_TILE;
    CF_TRY(cf_parallel_for(ctx, tiles, body, job));
    for (size_t i = 0; i < tiles && sum; i++)
      for (size_t a = 0; a < count; a++) sum[a] += job->total[i * count + a];
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status cross_validate(cf_context *ctx, const double *x, const cf_blocks *targets, const cf_fold_set *folds,
                                cv *job) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_selector selector = {0};
  cf_design design = {.n = job->n};
  double *kernel, *sum;
  CF_TRY(CF_SCRATCH(ctx, &sum, job->candidates->count));
  memset(sum, 0, job->candidates->count * sizeof *sum);
  if (job->p < job->n) {
    design.q = job->p;
    design.x = x;
  } else {
    CF_TRY(CF_SCRATCH(ctx, &kernel, job->n * job->n));
    CF_TRY(cf_syrk(ctx, false, job->n, job->p, 1, x, job->p, 0, kernel, job->n));
    design.kernel = kernel;
  }
  CF_TRY(cf_selector_make(ctx, &design, NULL, folds, job->candidates, job->options, job->t, &selector));
  job->selector = &selector;
  CF_TRY(walk(ctx, targets, job, select_tile, sum));
  const size_t shared = cf_choose_shared(job->candidates, sum, (double)job->t);
  for (size_t j = 0; j < job->t && job->options->shared; j++) job->choice[j] = shared;
  for (size_t j = 0; j < job->t && job->alpha; j++) job->alpha[j] = job->candidates->value[job->choice[j]];
done:
  cf_selector_free(&selector);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_ridge_cv(cf_context *ctx, size_t n, size_t p, const double *x, const cf_blocks *targets,
                      const cf_fold_set *folds, const cf_ridge_options *options, double *alpha, double *best,
                      double *scores, double *weights, double *dual) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_ridge_options standard = CF_RIDGE_OPTIONS_INIT;
  const cf_view view = cf_view_matrix(x, n, p);
  cf_candidates candidates;
  cf_split all = {0};
  cv job = {.candidates = &candidates, .options = options ? options : &standard, .n = n, .p = p, .t = targets->cols};
  if (targets->rows != n || folds->n != n)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%zu samples of features, %zu of targets, %zu in folds", n, targets->rows,
                   folds->n));
  CF_TRY(cf_view_check_finite(ctx, &view, "features"));
  CF_TRY(cf_candidates_make(ctx, job.options, &candidates));
  CF_TRY(CF_SCRATCH(ctx, &job.choice, job.t + 1));
  job.alpha = alpha;
  job.best = best;
  job.scores = scores;
  job.weights = weights;
  job.dual = dual;
  CF_TRY(cross_validate(ctx, x, targets, folds, &job));
  if (weights || dual) {
    CF_TRY(cf_split_weights(ctx, dual || p >= n ? CF_FACTOR_KERNEL : CF_FACTOR_FEATURES, n, p, x, &all));
    job.all = &all;
    CF_TRY(walk(ctx, targets, &job, refit_tile, NULL));
  }
done:
  cf_split_free(&all);
  cf_scratch_release(ctx, mark);
  return status;
}
