/* One outer fold of targets that are held whole: everything from its design to its predictions, so that folds are tasks
 * of their own. The inner folds come out of the fold's one decomposition (deletion.c) where they can. */
#include "voxelwise/encode.h"

#include <math.h>
#include <string.h>

/* Scores of all candidates (inner folds x candidates x targets). */
static cf_status score_candidates(cf_context *ctx, const cf_voxel_encode_job *job, const cf_design *design,
                                  const cf_sample_list *train, const cf_split *split, const cf_fold_set *inner,
                                  const double *y, double *score) {
  cf_status status = CF_OK;
  cf_selector selector = {0};
  bool known = false;
  CF_TRY(cf_deletion_score(ctx, split, design->q == 0, inner, &job->candidates, &job->o->ridge, job->targets.t, y,
                           score, &known));
  if (known) goto done;
  CF_TRY(cf_selector_make(ctx, design, train->row, inner, &job->candidates, &job->o->ridge, job->targets.t, &selector));
  CF_TRY(cf_selector_score(ctx, &selector, job->targets.t, y, score));
done:
  cf_selector_free(&selector);
  return status;
}

static void share(const cf_voxel_encode_job *job, size_t folds, const double *score, double *sum, size_t *choice) {
  const size_t t = job->targets.t, count = job->candidates.count;
  memset(sum, 0, count * sizeof *sum);
  for (size_t f = 0; f < folds; f++)
    for (size_t a = 0; a < count; a++)
      for (size_t j = 0; j < t; j++)
        if (job->e->state[j] == CF_TARGET_FITTED) sum[a] += score[(f * count + a) * t + j] / (double)folds;
  const size_t best = cf_choose_shared(&job->candidates, sum, (double)t);
  for (size_t j = 0; j < t; j++) choice[j] = best;
}

/* choice and the score of it (t each). */
static cf_status choose(cf_context *ctx, const cf_voxel_encode_job *job, const cf_design *design,
                        const cf_sample_list *train, const cf_split *split, const double *y, size_t *choice,
                        double *value) {
  cf_status status = CF_OK;
  const size_t t = job->targets.t, count = job->candidates.count;
  cf_fold_set *inner = NULL;
  double *score, *mean;
  CF_TRY(cf_voxel_encode_inner(ctx, job, train, &inner));
  CF_TRY(CF_SCRATCH(ctx, &score, inner->folds * count * t));
  CF_TRY(CF_SCRATCH(ctx, &mean, count));
  CF_TRY(score_candidates(ctx, job, design, train, split, inner, y, score));
  cf_choose(&job->candidates, &job->o->ridge, inner->folds, t, score, mean, choice, value);
  if (job->o->ridge.shared) {
    share(job, inner->folds, score, mean, choice);
    for (size_t j = 0; j < t; j++) {
      value[j] = 0;
      for (size_t f = 0; f < inner->folds; f++)
        value[j] += score[(f * count + choice[j]) * t + j] / (double)inner->folds;
    }
  }
done:
  cf_fold_set_free(inner);
  return status;
}

static cf_status predict(cf_context *ctx, cf_voxel_encode_job *job, size_t fold, const cf_split *split, const double *y,
                         const double *mean) {
  cf_status status = CF_OK;
  const size_t t = job->targets.t;
  const cf_sample_list *test = &job->test[fold];
  double *out;
  CF_TRY(CF_SCRATCH(ctx, &out, test->count * t));
  CF_TRY(cf_split_predict(ctx, split, &job->candidates, t, y, job->choice + fold * t, out, NULL));
  for (size_t i = 0; i < test->count; i++)
    for (size_t j = 0; j < t; j++) job->prediction[test->row[i] * t + j] = out[i * t + j] + mean[j];
done:
  return status;
}

cf_status cf_voxel_encode_held(cf_context *ctx, cf_voxel_encode_job *job, size_t fold) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_sample_list *train = &job->train[fold], *test = &job->test[fold];
  const size_t t = job->targets.t;
  cf_feature_source features = job->features;
  cf_design design;
  cf_split split = {0};
  double *y, *mean;
  if (job->o->fold_features) features.blocks = &job->o->fold_features[fold];
  CF_TRY(cf_feature_designs(ctx, &features, train, &design, &job->constant[fold]));
  if (job->constant[fold] == features.p)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: no feature varies among the training samples of fold %zu",
                   features.blocks->name ? features.blocks->name : "features", fold));
  CF_TRY(CF_SCRATCH(ctx, &y, train->count * t));
  CF_TRY(CF_SCRATCH(ctx, &mean, t));
  cf_voxel_encode_center(job, train, 0, t, y, mean);
  CF_TRY(cf_split_make(ctx, &design, train->count, train->row, test->count, test->row, &split));
  memset(job->choice + fold * t, 0, t * sizeof *job->choice);
  for (size_t j = 0; j < t; j++) job->e->inner[fold * t + j] = NAN;
  if (job->candidates.count > 1)
    CF_TRY(choose(ctx, job, &design, train, &split, y, job->choice + fold * t, job->e->inner + fold * t));
  CF_TRY(predict(ctx, job, fold, &split, y, mean));
done:
  cf_split_free(&split);
  cf_scratch_release(ctx, mark);
  return status;
}
