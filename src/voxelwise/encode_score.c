/* Predictions against what was measured, target by target over all folds. */
#include "voxelwise/encode.h"

#include <cortifold/stats.h>
#include <math.h>
#include <string.h>

/* Test samples of all folds one after the other: measured and predicted (rows x w). */
static cf_status collect(cf_context *worker, const cf_voxel_encode_job *job, size_t at, size_t w, double *measured,
                         double *predicted) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  const cf_target_source *s = &job->targets;
  double *y, *mean;
  CF_TRY(CF_SCRATCH(worker, &y, s->n * w));
  CF_TRY(CF_SCRATCH(worker, &mean, w));
  for (size_t f = 0, row = 0; f < job->folds->folds; f++) {
    const cf_sample_list *test = &job->test[f];
    cf_take_rows(test->count, test->row, w, s->y + at, s->cols, measured + row * w);
    if (job->split) {
      cf_voxel_encode_center(job, &job->train[f], at, w, y, mean);
      CF_TRY(cf_split_predict(worker, &job->split[f], &job->candidates, w, y, job->choice + f * s->t + s->from + at,
                              predicted + row * w, NULL));
      for (size_t i = 0; i < test->count; i++)
        for (size_t j = 0; j < w; j++) predicted[(row + i) * w + j] += mean[j];
    } else {
      cf_take_rows(test->count, test->row, w, job->prediction + s->from + at, s->t, predicted + row * w);
    }
    row += test->count;
  }
done:
  cf_scratch_release(worker, mark);
  return status;
}

static void keep_predictions(const cf_voxel_encode_job *job, size_t first, size_t w, const double *predicted) {
  for (size_t f = 0, row = 0; f < job->folds->folds; f++)
    for (size_t i = 0; i < job->test[f].count; i++, row++)
      memcpy(job->e->prediction + job->test[f].row[i] * job->targets.t + first, predicted + row * w,
             w * sizeof *predicted);
}

/* One target: y and p hold its test samples of all folds. */
static void score_target(const cf_voxel_encode_job *job, size_t target, size_t rows, const double *y, const double *p,
                         double *alphas) {
  cf_voxel_result *e = job->e;
  const size_t t = e->targets, folds = e->folds;
  const bool skipped = e->state[target] == CF_TARGET_NAN, flat = e->state[target] == CF_TARGET_CONSTANT;
  const double missing = skipped ? NAN : 0;
  e->r[target] = e->r2[target] = e->R2[target] = e->r_concatenated[target] = missing;
  e->alpha[target] = skipped || flat ? NAN : 0;
  for (size_t f = 0, row = 0; f < folds; f++) {
    const size_t m = job->test[f].count;
    e->rho[f * t + target] = missing;
    e->alpha_fold[f * t + target] = alphas[f] = job->candidates.value[job->choice[f * t + target]];
    if (skipped || flat) e->alpha_fold[f * t + target] = NAN;
    if (!skipped && !flat) {
      const double r = cf_score_r(m, y + row, p + row);
      e->rho[f * t + target] = r;
      e->r[target] += r / (double)folds;
      e->r2[target] += cf_signed_square(r, job->o->sign) / (double)folds;
      e->R2[target] += cf_score_R2(m, y + row, p + row) / (double)folds;
    }
    row += m;
  }
  if (skipped || flat) return;
  e->r_concatenated[target] = cf_score_r(rows, y, p);
  e->alpha[target] = cf_median(folds, alphas);
}

static cf_status score_tile(cf_context *worker, size_t tile, void *payload) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  cf_voxel_encode_job *job = payload;
  const size_t at = tile * CF_TILE, w = CF_MIN((size_t)CF_TILE, job->targets.cols - at);
  const size_t first = job->targets.from + at;
  size_t rows = 0;
  double *measured, *predicted, *y, *alphas;
  for (size_t f = 0; f < job->folds->folds; f++) rows += job->test[f].count;
  CF_TRY(CF_SCRATCH(worker, &measured, rows * w));
  CF_TRY(CF_SCRATCH(worker, &predicted, rows * w));
  CF_TRY(CF_SCRATCH(worker, &y, 2 * rows));
  CF_TRY(CF_SCRATCH(worker, &alphas, job->folds->folds));
  CF_TRY(collect(worker, job, at, w, measured, predicted));
  for (size_t j = 0; j < w; j++) {
    for (size_t i = 0; i < rows; i++) {
      y[i] = measured[i * w + j];
      y[rows + i] = predicted[i * w + j];
    }
    score_target(job, first + j, rows, y, y + rows, alphas);
  }
  if (job->o->null_kind != CF_NULL_NONE || job->o->bootstrap)
    CF_TRY(cf_voxel_encode_chance(worker, job, first, w, measured, predicted));
  if (job->e->prediction && job->split) keep_predictions(job, first, w, predicted);
  cf_progress_step(worker, w);
done:
  cf_scratch_release(worker, mark);
  return status;
}

cf_status cf_voxel_encode_scores(cf_context *ctx, cf_voxel_encode_job *job) {
  cf_status status = CF_OK;
  for (size_t from = 0; from < job->targets.t; from += job->targets.cols) {
    CF_TRY(cf_target_source_read(ctx, &job->targets, from));
    CF_TRY(cf_parallel_for(ctx, (job->targets.cols + CF_TILE - 1) / CF_TILE, score_tile, job));
  }
done:
  return status;
}
