/* One outer fold: features scaled by its training samples, the penalty of each target from inner folds among them. */
#include "voxelwise/encode.h"

#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

typedef struct selection {
  cf_voxel_encode_job *job;
  cf_selector selector; /* of the design at hand */
  const cf_sample_list *train;
  size_t *choice; /* targets */
  double *total;  /* tiles at hand x candidates */
  double *value;  /* targets, with bands: best so far */
  size_t draw;    /* with bands */
} selection;

static void add_totals(const selection *s, size_t tile, size_t first, size_t w, const double *score) {
  const size_t count = s->selector.candidates->count, folds = s->selector.folds;
  for (size_t a = 0; a < count; a++) {
    double sum = 0;
    for (size_t f = 0; f < folds; f++)
      for (size_t j = 0; j < w; j++)
        if (s->job->e->state[first + j] == CF_TARGET_FITTED) sum += score[(f * count + a) * w + j] / (double)folds;
    s->total[tile * count + a] = sum;
  }
}

/* A draw of bands is taken where it beats all before it. */
static void keep_draw(const selection *s, size_t first, size_t w, const size_t *choice, const double *value) {
  for (size_t j = 0; j < w; j++) {
    if (s->draw > 0 && !(value[j] > s->value[first + j] + 1e-12)) continue;
    s->value[first + j] = value[j];
    s->choice[first + j] = choice[j];
    s->job->chosen_gamma[first + j] = s->draw;
  }
}

static cf_status select_tile(cf_context *worker, size_t tile, void *payload) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  const selection *s = payload;
  const cf_target_source *source = &s->job->targets;
  const size_t at = tile * CF_TILE, w = CF_MIN((size_t)CF_TILE, source->cols - at), first = source->from + at;
  const size_t count = s->selector.candidates->count, folds = s->selector.folds;
  double *y, *score, *mean, *value;
  size_t *choice;
  CF_TRY(CF_SCRATCH(worker, &y, s->train->count * w));
  CF_TRY(CF_SCRATCH(worker, &score, folds * count * w));
  CF_TRY(CF_SCRATCH(worker, &mean, CF_MAX(count, w)));
  CF_TRY(CF_SCRATCH(worker, &value, w));
  CF_TRY(CF_SCRATCH(worker, &choice, w));
  cf_voxel_encode_center(s->job, s->train, at, w, y, mean);
  CF_TRY(cf_selector_score(worker, &s->selector, w, y, score));
  cf_choose(s->selector.candidates, &s->job->o->ridge, folds, w, score, mean, choice, value);
  if (s->value)
    keep_draw(s, first, w, choice, value);
  else
    memcpy(s->choice + first, choice, w * sizeof *choice);
  add_totals(s, tile, first, w, score);
  cf_progress_step(worker, w);
done:
  cf_scratch_release(worker, mark);
  return status;
}

/* Choices of all targets with one design. */
static cf_status choose_all(cf_context *ctx, selection *s, const cf_design *design, const cf_fold_set *inner,
                            double *sum) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_voxel_encode_job *job = s->job;
  const size_t count = job->candidates.count;
  CF_TRY(CF_SCRATCH(ctx, &s->total, (job->targets.width / CF_TILE + 1) * count));
  memset(sum, 0, count * sizeof *sum);
  CF_TRY(cf_selector_make(ctx, design, s->train->row, inner, &job->candidates, &job->o->ridge, job->targets.t,
                          &s->selector));
  job->e->single = job->e->single || s->selector.single;
  for (size_t from = 0; from < job->targets.t; from += job->targets.cols) {
    CF_TRY(cf_target_source_read(ctx, &job->targets, from));
    const size_t tiles = (job->targets.cols + CF_TILE - 1) / CF_TILE;
    CF_TRY(cf_parallel_for(ctx, tiles, select_tile, s));
    for (size_t i = 0; i < tiles; i++)
      for (size_t a = 0; a < count; a++) sum[a] += s->total[i * count + a];
  }
done:
  cf_selector_free(&s->selector);
  cf_scratch_release(ctx, mark);
  return status;
}

/* Inner folds among the training samples: contiguous ones, as many as asked for and there are samples for; else runs,
 * or the other outer folds where there are no runs. */
cf_status cf_voxel_encode_inner(cf_context *ctx, const cf_voxel_encode_job *job, const cf_sample_list *train,
                                cf_fold_set **out) {
  const size_t *run = job->features.run, k = CF_MIN(job->o->inner_folds, train->count / 2);
  const size_t *group = job->o->inner_folds ? NULL : run ? run : job->folds->fold;
  return cf_inner_folds(ctx, train->count, train->row, run, k, group, job->o->trim, out);
}

cf_status cf_voxel_encode_fold(cf_context *ctx, cf_voxel_encode_job *job, size_t fold) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_sample_list *train = &job->train[fold], *test = &job->test[fold];
  cf_fold_set *inner = NULL;
  cf_design design;
  double *sum;
  size_t constant = 0;
  selection s = {.job = job, .train = train, .choice = job->choice + fold * job->targets.t};
  CF_TRY(CF_SCRATCH(ctx, &sum, job->candidates.count));
  CF_TRY(cf_feature_designs(ctx, &job->features, train, &design, &constant));
  job->e->constant_features = CF_MAX(job->e->constant_features, constant);
  if (constant == job->features.p)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: no feature varies among the training samples of fold %zu",
                   job->features.blocks->name ? job->features.blocks->name : "features", fold));
  memset(s.choice, 0, job->targets.t * sizeof *s.choice);
  if (job->candidates.count > 1) {
    CF_TRY(cf_voxel_encode_inner(ctx, job, train, &inner));
    CF_TRY(choose_all(ctx, &s, &design, inner, sum));
  }
  if (job->o->ridge.shared && job->candidates.count > 1) {
    const size_t shared = cf_choose_shared(&job->candidates, sum, (double)job->targets.t);
    for (size_t j = 0; j < job->targets.t; j++) s.choice[j] = shared;
  }
  CF_TRY(cf_split_make(ctx, &design, train->count, train->row, test->count, test->row, &job->split[fold]));
done:
  cf_fold_set_free(inner);
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------------ bands -- */

typedef struct band_prediction {
  cf_voxel_encode_job *job;
  const cf_design *bands;
  const cf_split *split;
  const cf_sample_list *train, *test;
  size_t draw, fold;
} band_prediction;

/* Predictions of those targets of a tile that take this draw, and their shares by band: prediction_b = gamma_b K_b w
 * with dual weights w. */
static cf_status predict_tile(cf_context *worker, size_t tile, void *payload) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  const band_prediction *b = payload;
  cf_voxel_encode_job *job = b->job;
  const cf_target_source *source = &job->targets;
  const size_t first = source->from + tile * CF_TILE, last = CF_MIN(first + CF_TILE, source->from + source->cols);
  const size_t n = b->train->count, m = b->test->count, bands = job->features.bands, t = source->t;
  double *y, *one, *out, *dual, *k, *part, *z, *R2, *r, mean;
  size_t *choice, column[CF_TILE], w = 0;
  for (size_t j = first; j < last; j++)
    if (job->chosen_gamma[j] == b->draw) column[w++] = j;
  if (w == 0) goto done;
  CF_TRY(CF_SCRATCH(worker, &y, n * w));
  CF_TRY(CF_SCRATCH(worker, &one, n));
  CF_TRY(CF_SCRATCH(worker, &out, m * w));
  CF_TRY(CF_SCRATCH(worker, &dual, n * w));
  CF_TRY(CF_SCRATCH(worker, &k, m * n));
  CF_TRY(CF_SCRATCH(worker, &part, bands * m * w));
  CF_TRY(CF_SCRATCH(worker, &z, (1 + bands) * m));
  CF_TRY(CF_SCRATCH(worker, &R2, 2 * bands));
  CF_TRY(CF_SCRATCH(worker, &choice, w));
  r = R2 + bands;
  for (size_t j = 0; j < w; j++) {
    const size_t target = column[j];
    choice[j] = job->choice[b->fold * t + target];
    cf_voxel_encode_center(job, b->train, target - source->from, 1, one, &mean);
    for (size_t i = 0; i < n; i++) y[i * w + j] = one[i];
  }
  CF_TRY(cf_split_predict(worker, b->split, &job->candidates, w, y, choice, out, dual));
  for (size_t c = 0; c < bands; c++) {
    const double gamma = job->gamma[b->draw * bands + c];
    for (size_t i = 0; i < m; i++)
      for (size_t j = 0; j < n; j++)
        k[i * n + j] = gamma * b->bands[c].kernel[b->test->row[i] * job->features.n + b->train->row[j]];
    CF_TRY(cf_gemm(worker, false, false, m, w, n, 1, k, n, dual, w, 0, part + c * m * w, w));
  }
  for (size_t j = 0; j < w; j++) {
    const size_t target = column[j];
    cf_voxel_encode_center(job, b->train, target - source->from, 1, one, &mean);
    for (size_t i = 0; i < m; i++) {
      z[i] = source->y[b->test->row[i] * source->cols + target - source->from];
      job->prediction[b->test->row[i] * t + target] = out[i * w + j] + mean;
      for (size_t c = 0; c < bands; c++) z[(1 + c) * m + i] = part[(c * m + i) * w + j];
    }
    cf_score_split(m, z, bands, z + m, R2, r);
    for (size_t c = 0; c < bands; c++) {
      job->e->split_r2[c * t + target] += R2[c] / (double)job->folds->folds;
      job->e->split_r[c * t + target] += r[c] / (double)job->folds->folds;
      job->e->band_weight[c * t + target] += job->gamma[b->draw * bands + c] / (double)job->folds->folds;
    }
  }
done:
  cf_scratch_release(worker, mark);
  return status;
}

/* K = sum_b gamma_b K_b. */
static void mix(const cf_voxel_encode_job *job, const cf_design *bands, size_t draw, double *k) {
  const size_t n = job->features.n;
  for (size_t i = 0; i < n * n; i++) {
    k[i] = 0;
    for (size_t b = 0; b < job->features.bands; b++)
      k[i] += job->gamma[draw * job->features.bands + b] * bands[b].kernel[i];
  }
}

static cf_status predict_draw(cf_context *ctx, cf_voxel_encode_job *job, const cf_design *bands, const cf_design *mixed,
                              size_t fold, size_t draw) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_split split = {0};
  band_prediction b = {.job = job, .bands = bands, .train = &job->train[fold], .test = &job->test[fold]};
  CF_TRY(cf_split_make(ctx, mixed, b.train->count, b.train->row, b.test->count, b.test->row, &split));
  b.split = &split;
  b.draw = draw;
  b.fold = fold;
  for (size_t from = 0; from < job->targets.t; from += job->targets.cols) {
    CF_TRY(cf_target_source_read(ctx, &job->targets, from));
    CF_TRY(cf_parallel_for(ctx, (job->targets.cols + CF_TILE - 1) / CF_TILE, predict_tile, &b));
  }
done:
  cf_split_free(&split);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_voxel_encode_banded(cf_context *ctx, cf_voxel_encode_job *job, size_t fold) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t t = job->targets.t, n = job->features.n;
  cf_fold_set *inner = NULL;
  cf_design *bands;
  double *sum, *k;
  size_t constant = 0;
  selection s = {.job = job, .train = &job->train[fold], .choice = job->choice + fold * t};
  CF_TRY(CF_SCRATCH(ctx, &sum, job->candidates.count));
  CF_TRY(CF_SCRATCH(ctx, &s.value, t));
  CF_TRY(CF_SCRATCH(ctx, &bands, job->features.bands));
  CF_TRY(CF_SCRATCH(ctx, &k, n * n));
  CF_TRY(cf_feature_designs(ctx, &job->features, s.train, bands, &constant));
  job->e->constant_features = CF_MAX(job->e->constant_features, constant);
  CF_TRY(cf_voxel_encode_inner(ctx, job, s.train, &inner));
  const cf_design mixed = {.n = n, .kernel = k};
  for (s.draw = 0; s.draw < job->o->draws; s.draw++) {
    mix(job, bands, s.draw, k);
    CF_TRY(choose_all(ctx, &s, &mixed, inner, sum));
  }
  for (size_t draw = 0; draw < job->o->draws; draw++) {
    bool used = false;
    for (size_t j = 0; j < t && !used; j++) used = job->chosen_gamma[j] == draw;
    if (!used) continue;
    mix(job, bands, draw, k);
    CF_TRY(predict_draw(ctx, job, bands, &mixed, fold, draw));
  }
done:
  cf_fold_set_free(inner);
  cf_scratch_release(ctx, mark);
  return status;
}
