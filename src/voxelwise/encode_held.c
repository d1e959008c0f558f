/* One outer fold of targets that are held whole: everything from its design to its predictions, so that folds are tasks
 * of their own. The inner folds come out of products of features (reduced.c) where these are few, else out of the
 * fold's one decomposition (deletion.c) where they can, else from decompositions of their own. */
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

/* choice and the score of it (t each), from scores of the candidates (folds x candidates x t). */
static cf_status choose(cf_context *ctx, const cf_voxel_encode_job *job, size_t folds, const double *score,
                        size_t *choice, double *value) {
  cf_status status = CF_OK;
  const size_t t = job->targets.t, count = job->candidates.count;
  double *mean;
  CF_TRY(CF_SCRATCH(ctx, &mean, count));
  cf_choose(&job->candidates, &job->o->ridge, folds, t, score, mean, choice, value);
  if (job->o->ridge.shared) {
    share(job, folds, score, mean, choice);
    for (size_t j = 0; j < t; j++) {
      value[j] = 0;
      for (size_t f = 0; f < folds; f++) value[j] += score[(f * count + choice[j]) * t + j] / (double)folds;
    }
  }
done:
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

/* One fold at work. */
typedef struct held {
  cf_voxel_encode_job *job;
  size_t fold;
  const cf_sample_list *train, *test;
  cf_design design;
  cf_fold_set *inner;
  double *y, *mean, *score; /* train x t, t, inner folds x candidates x t */
} held;

static cf_status select_and_predict(cf_context *ctx, const held *h, const cf_split *split, const double *y) {
  cf_status status = CF_OK;
  cf_voxel_encode_job *job = h->job;
  const size_t at = h->fold * job->targets.t;
  CF_TRY(choose(ctx, job, h->inner->folds, h->score, job->choice + at, job->e->inner + at));
  CF_TRY(predict(ctx, job, h->fold, split, y, h->mean));
done:
  return status;
}

static cf_status by_samples(cf_context *ctx, const held *h) {
  cf_status status = CF_OK;
  cf_split split = {0};
  CF_TRY(cf_split_make(ctx, &h->design, h->train->count, h->train->row, h->test->count, h->test->row, &split));
  CF_TRY(score_candidates(ctx, h->job, &h->design, h->train, &split, h->inner, h->y, h->score));
  CF_TRY(select_and_predict(ctx, h, &split, h->y));
done:
  cf_split_free(&split);
  return status;
}

/* *known false, and nothing done, where a penalty is too near to rounding. */
static cf_status by_products(cf_context *ctx, const held *h, bool *known) {
  cf_status status = CF_OK;
  const size_t q = h->design.q, m = h->test->count;
  const cf_candidates *candidates = &h->job->candidates;
  cf_split split = {0};
  cf_reduced r;
  double *a, *rows;
  CF_TRY(cf_reduced_make(ctx, &h->design, h->train, h->inner, h->job->targets.t, h->y, &r));
  CF_TRY(CF_SCRATCH(ctx, &a, q * q));
  CF_TRY(CF_SCRATCH(ctx, &rows, m * q));
  memcpy(a, r.a, q * q * sizeof *a);
  cf_take_rows(m, h->test->row, q, h->design.x, q, rows);
  CF_TRY(cf_split_products(ctx, q, a, m, rows, &split));
  *known = cf_split_safe(&split, candidates);
  if (!*known) goto done;
  CF_TRY(cf_reduced_score(ctx, &r, candidates, &h->job->o->ridge, h->score));
  CF_TRY(select_and_predict(ctx, h, &split, r.c));
done:
  cf_split_free(&split);
  return status;
}

cf_status cf_voxel_encode_held(cf_context *ctx, cf_voxel_encode_job *job, size_t fold) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t t = job->targets.t, count = job->candidates.count;
  held h = {.job = job, .fold = fold, .train = &job->train[fold], .test = &job->test[fold]};
  cf_feature_source features = job->features;
  bool known = false;
  if (job->o->fold_features) features.blocks = &job->o->fold_features[fold];
  CF_TRY(cf_feature_designs(ctx, &features, h.train, &h.design, &job->constant[fold]));
  if (job->constant[fold] == features.p)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: no feature varies among the training samples of fold %zu",
                   features.blocks->name ? features.blocks->name : "features", fold));
  CF_TRY(CF_SCRATCH(ctx, &h.y, h.train->count * t));
  CF_TRY(CF_SCRATCH(ctx, &h.mean, t));
  cf_voxel_encode_center(job, h.train, 0, t, h.y, h.mean);
  CF_TRY(cf_voxel_encode_inner(ctx, job, h.train, &h.inner));
  CF_TRY(CF_SCRATCH(ctx, &h.score, h.inner->folds * count * t));
  if (cf_reduced_pays(&h.design, &job->candidates, h.train->count, h.inner->folds, t))
    CF_TRY(by_products(ctx, &h, &known));
  if (!known) CF_TRY(by_samples(ctx, &h));
done:
  cf_fold_set_free(h.inner);
  cf_scratch_release(ctx, mark);
  return status;
}
