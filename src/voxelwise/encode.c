/* Cross-validated encoding models: outer folds give scores, inner folds among the training samples the penalty.
 *
 *   y_t = B z_t + noise, z the features, convolved or delayed; B(alpha) by ridge regression; rho = corr(y, B z) over
 * the test samples of a fold. Naselaris, Kay, Nishimoto & Gallant (2011), NeuroImage 56, 400; Nunez-Elizalde, Huth &
 *   Gallant (2019), NeuroImage 197, 482 (bands).
 *
 * First pass, fold after fold: design, inner folds, choices of all targets. Second pass, block after block of targets:
 * predictions of all folds and everything that is made from them. */
#include "voxelwise/encode.h"

#include <cortifold/stats.h>
#include <math.h>
#include <string.h>

#define MOST_OPERATORS 268435456.0 /* bytes */

void cf_voxel_result_free(cf_voxel_result *e) {
  if (!e) return;
  double *const arrays[] = {e->candidate,   e->r,          e->r2,         e->R2,       e->r_concatenated,
                            e->rho,         e->alpha,      e->alpha_fold, e->p,        e->q,
                            e->low,         e->high,       e->null_mean,  e->split_r2, e->split_r,
                            e->band_weight, e->prediction, e->inner,      e->null_r2};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) cf_free(arrays[i]);
  cf_free(e->state);
  cf_free(e);
}

static cf_status allocate(cf_context *ctx, const cf_voxel_options *o, cf_voxel_result *e) {
  cf_status status = CF_OK;
  const size_t t = CF_MAX(e->targets, (size_t)1);
  double **const plain[] = {&e->r, &e->r2, &e->R2, &e->r_concatenated, &e->alpha};
  double **const tested[] = {&e->p, &e->q, &e->null_mean};
  for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) CF_TRY(CF_ALLOC(ctx, plain[i], t));
  for (size_t i = 0; i < 3 && o->null_kind != CF_NULL_NONE; i++) CF_TRY(CF_ALLOC(ctx, tested[i], t));
  if (o->null_r2 && o->null_kind != CF_NULL_NONE) CF_TRY(CF_ALLOC(ctx, &e->null_r2, o->permutations * t));
  CF_TRY(CF_ALLOC(ctx, &e->rho, e->folds * t));
  CF_TRY(CF_ALLOC(ctx, &e->alpha_fold, e->folds * t));
  CF_TRY(CF_ALLOC(ctx, &e->state, t));
  CF_TRY(CF_ALLOC(ctx, &e->candidate, e->candidates));
  if (o->bootstrap) {
    CF_TRY(CF_ALLOC(ctx, &e->low, t));
    CF_TRY(CF_ALLOC(ctx, &e->high, t));
  }
  if (o->band) {
    CF_TRY(CF_ALLOC(ctx, &e->band_weight, e->bands * t));
    CF_TRY(CF_ALLOC(ctx, &e->split_r2, e->bands * t));
    CF_TRY(CF_ALLOC(ctx, &e->split_r, e->bands * t));
  }
  if (o->held) CF_TRY(CF_ALLOC(ctx, &e->inner, e->folds * t));
  if (!o->predictions && !o->band && !o->held) goto done;
  if ((double)e->n * (double)t * 8 > (double)cf_context_memory(ctx))
    CF_TRY(cf_fail(ctx, CF_ERR_MEMORY, "predictions of %zu targets take %.0f MB, allowed are %.0f MB; raise --memory",
                   t, (double)e->n * (double)t * 8e-6, (double)cf_context_memory(ctx) / 1e6));
  CF_TRY(CF_ALLOC(ctx, &e->prediction, e->n * t));
  for (size_t i = 0; i < e->n * t; i++) e->prediction[i] = NAN;
done:
  return status;
}

/* Weightings of bands: the first equal, then by turns from Dirichlet distributions of concentration 0.1 and 1. */
static cf_status draw_bands(cf_context *ctx, cf_voxel_encode_job *job) {
  cf_status status = CF_OK;
  const size_t bands = job->o->bands;
  CF_TRY(CF_SCRATCH(ctx, &job->gamma, job->o->draws * bands));
  for (size_t d = 0; d < job->o->draws; d++) {
    cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("align/bands"), (uint32_t)d);
    double *g = job->gamma + d * bands, sum = 0;
    for (size_t b = 0; b < bands; b++) sum += g[b] = d == 0 ? 1 : cf_rng_gamma(&rng, d % 2 ? 0.1 : 1.0);
    for (size_t b = 0; b < bands; b++) g[b] = sum > 0 ? g[b] / sum : 1 / (double)bands;
  }
done:
  return status;
}

static cf_status prepare(cf_context *ctx, const cf_blocks *features, const cf_blocks *targets, const size_t *run,
                         cf_voxel_encode_job *job) {
  cf_status status = CF_OK;
  const size_t folds = job->folds->folds;
  CF_TRY(cf_candidates_make(ctx, &job->o->ridge, &job->candidates));
  *job->e = (cf_voxel_result){.n = targets->rows,
                              .targets = targets->cols,
                              .folds = folds,
                              .candidates = job->candidates.count,
                              .bands = job->o->band ? job->o->bands : 0,
                              .features = features->cols};
  CF_TRY(allocate(ctx, job->o, job->e));
  memcpy(job->e->candidate, job->candidates.value, job->candidates.count * sizeof(double));
  CF_TRY(cf_feature_source_open(ctx, features, run, job->o, folds, &job->features));
  CF_TRY(cf_target_source_open(ctx, targets, run, job->o, job->e->state, &job->targets));
  CF_TRY(CF_SCRATCH(ctx, &job->train, folds));
  CF_TRY(CF_SCRATCH(ctx, &job->test, folds));
  for (size_t f = 0; f < folds; f++) CF_TRY(cf_fold_lists(ctx, job->folds, f, &job->train[f], &job->test[f]));
  CF_TRY(CF_SCRATCH(ctx, &job->choice, folds * CF_MAX(targets->cols, (size_t)1)));
  job->prediction = job->e->prediction;
  if (job->o->held) {
    CF_TRY(CF_SCRATCH(ctx, &job->constant, folds));
    if (job->targets.width < targets->cols)
      CF_TRY(cf_fail(ctx, CF_ERR_MEMORY, "%zu targets of %zu samples do not fit the memory; raise --memory",
                     targets->cols, targets->rows));
    CF_TRY(cf_target_source_read(ctx, &job->targets, 0));
  } else if (job->o->band) {
    CF_TRY(draw_bands(ctx, job));
    CF_TRY(CF_SCRATCH(ctx, &job->chosen_gamma, CF_MAX(targets->cols, (size_t)1)));
  } else {
    CF_TRY(CF_ALLOC(ctx, &job->split, folds));
  }
done:
  return status;
}

/* Which targets sit at an end of the grid in most folds. */
static void count_edges(const cf_voxel_encode_job *job) {
  cf_voxel_result *e = job->e;
  double low = INFINITY, high = -INFINITY;
  for (size_t a = 0; a < e->candidates; a++) {
    low = fmin(low, e->candidate[a]);
    high = fmax(high, e->candidate[a]);
  }
  for (size_t j = 0; j < e->targets && e->candidates > 1; j++) {
    size_t at_low = 0, at_high = 0;
    for (size_t f = 0; f < e->folds; f++) {
      at_low += e->alpha_fold[f * e->targets + j] == low;
      at_high += e->alpha_fold[f * e->targets + j] == high;
    }
    e->edge_low += 2 * at_low > e->folds;
    e->edge_high += 2 * at_high > e->folds;
  }
}

static cf_status summarise(cf_context *ctx, const cf_voxel_encode_job *job) {
  cf_voxel_result *e = job->e;
  double r = 0, r2 = 0, R2 = 0, negative = 0;
  for (size_t j = 0; j < e->targets; j++) {
    e->fitted += e->state[j] == CF_TARGET_FITTED;
    e->constant += e->state[j] == CF_TARGET_CONSTANT;
    e->missing += e->state[j] == CF_TARGET_NAN;
    if (e->state[j] != CF_TARGET_FITTED) continue;
    r += e->r[j];
    r2 += e->r2[j];
    R2 += e->R2[j];
    negative += e->r[j] < 0;
  }
  const double count = e->fitted ? (double)e->fitted : NAN;
  e->mean_r = r / count;
  e->mean_r2 = r2 / count;
  e->mean_R2 = R2 / count;
  e->negative = negative / count;
  count_edges(job);
  return e->p ? cf_p_adjust(ctx, CF_CORRECT_BH, e->targets, e->p, e->q) : CF_OK;
}

/* Operators of the penalties that were chosen, where there are targets enough to be worth them. */
static cf_status make_operators(cf_context *ctx, cf_voxel_encode_job *job) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t t = job->targets.t;
  bool *used;
  CF_TRY(CF_SCRATCH(ctx, &used, job->candidates.count));
  for (size_t f = 0; f < job->folds->folds; f++) {
    memset(used, 0, job->candidates.count * sizeof *used);
    for (size_t j = 0; j < t; j++) used[job->choice[f * t + j]] = true;
    CF_TRY(
        cf_split_operators(ctx, &job->split[f], &job->candidates, used, t, MOST_OPERATORS / (double)job->folds->folds));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status check_inputs(cf_context *ctx, const cf_blocks *features, const cf_blocks *targets,
                              const cf_fold_set *folds, const cf_voxel_options *o) {
  if (features->rows != targets->rows || folds->n != targets->rows)
    return cf_fail(ctx, CF_ERR_INPUT, "%zu samples of features and %zu of targets: they are paired by position",
                   features->rows, targets->rows);
  if (features->cols == 0 || targets->cols == 0)
    return cf_fail(ctx, CF_ERR_INPUT, "there are no %s", features->cols == 0 ? "features" : "targets");
  if (o->band && (o->draws < 1 || o->bands < 1)) return cf_fail(ctx, CF_ERR_USAGE, "bands need at least one draw");
  if (o->hrf != CF_HRF_NONE && !(o->tr > 0))
    return cf_fail(ctx, CF_ERR_USAGE, "a haemodynamic response needs the time between samples");
  for (size_t f = 0; f < folds->folds && o->bootstrap; f++) {
    size_t count = 0;
    for (size_t i = 0; i < folds->n; i++) count += folds->fold[i] == f && folds->scored[i];
    if (count < 2 * o->block || o->block < 1)
      return cf_fail(ctx, CF_ERR_USAGE, "fold %zu has %zu scored samples, less than two blocks of %zu to draw from", f,
                     count, o->block);
  }
  if (o->held && (o->band || o->refit))
    return cf_fail(ctx, CF_ERR_USAGE, "folds side by side are not for bands or a null with refitted models");
  for (size_t f = 0; f < folds->folds && o->held && o->fold_features; f++)
    if (o->fold_features[f].rows != features->rows || o->fold_features[f].cols != features->cols)
      return cf_fail(ctx, CF_ERR_INPUT, "features of fold %zu are %zu x %zu, not %zu x %zu", f,
                     o->fold_features[f].rows, o->fold_features[f].cols, features->rows, features->cols);
  if (o->refit && o->band) return cf_fail(ctx, CF_ERR_USAGE, "a null with refitted models is not made with bands");
  if (o->null_kind != CF_NULL_NONE && o->permutations < 1)
    return cf_fail(ctx, CF_ERR_USAGE, "a null distribution needs at least one permutation");
  return CF_OK;
}

static cf_status held_fold(cf_context *worker, size_t fold, void *payload) {
  cf_voxel_encode_job *job = payload;
  const cf_status status = cf_voxel_encode_held(worker, job, fold);
  cf_progress_step(worker, job->targets.t);
  return status;
}

/* Folds side by side where their squares fit the memory, else one after the other: the same bits. */
static cf_status hold(cf_context *ctx, cf_voxel_encode_job *job) {
  cf_status status = CF_OK;
  const cf_feature_source *s = &job->features;
  const double n = (double)s->n, side = s->kernel ? n : (double)(s->p * s->delays);
  const double bytes = 8 * (5 * side * side + 5 * n * side);
  if (bytes * fmin((double)cf_context_threads(ctx), (double)job->folds->folds) <= (double)cf_context_memory(ctx)) {
    CF_TRY(cf_parallel_for(ctx, job->folds->folds, held_fold, job));
  } else {
    for (size_t f = 0; f < job->folds->folds; f++) CF_TRY(held_fold(ctx, f, job));
  }
  for (size_t f = 0; f < job->folds->folds; f++)
    job->e->constant_features = CF_MAX(job->e->constant_features, job->constant[f]);
done:
  return status;
}

cf_status cf_voxel_encode(cf_context *ctx, const cf_blocks *features, const cf_blocks *targets, const size_t *run,
                          const cf_fold_set *folds, const cf_voxel_options *options, cf_voxel_result **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_voxel_options standard = CF_VOXEL_OPTIONS_INIT;
  cf_voxel_encode_job job = {.o = options ? options : &standard, .folds = folds};
  *out = NULL;
  CF_TRY(check_inputs(ctx, features, targets, folds, job.o));
  if (run) CF_TRY(cf_runs_check(ctx, targets->rows, run, "runs"));
  CF_TRY(CF_ALLOC(ctx, &job.e, 1));
  CF_TRY(prepare(ctx, features, targets, run, &job));
  cf_progress_begin(ctx, "encoding", (folds->folds + 1) * targets->cols * (job.o->band ? job.o->draws : 1));
  if (job.o->held) status = hold(ctx, &job);
  for (size_t f = 0; f < folds->folds && status == CF_OK && !job.o->held; f++)
    status = job.o->band ? cf_voxel_encode_banded(ctx, &job, f) : cf_voxel_encode_fold(ctx, &job, f);
  if (status == CF_OK && job.split) status = make_operators(ctx, &job);
  if (status == CF_OK) status = cf_voxel_encode_scores(ctx, &job);
  cf_progress_end(ctx);
  CF_TRY(status);
  CF_TRY(summarise(ctx, &job));
  if (!job.o->predictions) {
    cf_free(job.e->prediction);
    job.e->prediction = NULL;
  }
  *out = job.e;
  job.e = NULL;
done:
  for (size_t f = 0; job.split && f < folds->folds; f++) cf_split_free(&job.split[f]);
  cf_free(job.split);
  cf_target_source_close(&job.targets);
  cf_voxel_result_free(job.e);
  cf_scratch_release(ctx, mark);
  return status;
}
