/* What `cortifold align` hands back: numbers, arrays by target, warnings and a few lines of text. */
#include "pipeline/align.h"

#include <cortifold/stats.h>
#include <math.h>
#include <string.h>

static cf_status put(cf_context *ctx, const cf_encoder_job *job, const char *name, size_t rows, const char *row_axis,
                     const double *x) {
  cf_status status = CF_OK;
  const size_t shape[2] = {rows ? rows : job->e->targets, job->e->targets};
  cf_array *a = NULL;
  if (!x) goto done;
  CF_TRY(cf_array_from_doubles(ctx, name, rows ? 2 : 1, shape, x, &a));
  CF_TRY(cf_array_set_axis(ctx, a, rows ? 1 : 0, job->names_axis, job->names));
  if (rows) CF_TRY(cf_array_set_axis(ctx, a, 0, row_axis, strcmp(row_axis, "band") == 0 ? job->bands : NULL));
  status = cf_dataset_add(ctx, job->result->arrays, a);
  a = NULL;
done:
  cf_array_free(a);
  return status;
}

static cf_status put_state(cf_context *ctx, const cf_encoder_job *job) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  CF_TRY(cf_array_new(ctx, "state", CF_U8, 1, &job->e->targets, &a));
  memcpy(a->data, job->e->state, job->e->targets);
  CF_TRY(cf_array_set_axis(ctx, a, 0, job->names_axis, job->names));
  status = cf_dataset_add(ctx, job->result->arrays, a);
  a = NULL;
done:
  cf_array_free(a);
  return status;
}

/* Scores over what is possible, never clipped; where next to nothing is, NaN. */
static cf_status put_normalised(cf_context *ctx, const cf_encoder_job *job) {
  cf_status status = CF_OK;
  const cf_voxel_result *e = job->e;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *r, *r2, sum = 0;
  size_t above = 0, count = 0;
  if (!job->ceiling) goto done;
  CF_TRY(CF_SCRATCH(ctx, &r, e->targets));
  CF_TRY(CF_SCRATCH(ctx, &r2, e->targets));
  for (size_t j = 0; j < e->targets; j++) {
    const bool possible = job->ceiling[j] >= 0.05;
    r[j] = possible ? e->r[j] / sqrt(job->ceiling[j]) : NAN;
    r2[j] = possible ? e->r2[j] / job->ceiling[j] : NAN;
    above += r2[j] > 1;
    if (isnan(r2[j]) || e->state[j] != CF_TARGET_FITTED) continue;
    sum += r2[j];
    count++;
  }
  CF_TRY(put(ctx, job, "ceiling", 0, NULL, job->ceiling));
  CF_TRY(put(ctx, job, "r_normalised", 0, NULL, r));
  CF_TRY(put(ctx, job, "r2_normalised", 0, NULL, r2));
  if (!cf_json_set(job->result->values, "mean_r2_normalised", cf_json_number(sum / (count ? (double)count : NAN))))
    CF_TRY(cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for the result"));
  if (above) cf_warn(ctx, "%zu targets have r2 above their noise ceiling", above);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status put_arrays(cf_context *ctx, const cf_encoder_job *job) {
  cf_status status = CF_OK;
  const cf_voxel_result *e = job->e;
  const struct {
    const char *name;
    size_t rows;
    const char *axis;
    const double *x;
  } each[] = {{"r", 0, NULL, e->r},
              {"r2", 0, NULL, e->r2},
              {"R2", 0, NULL, e->R2},
              {"r_concatenated", 0, NULL, e->r_concatenated},
              {"alpha", 0, NULL, e->alpha},
              {"rho", e->folds, "fold", e->rho},
              {"alpha_fold", e->folds, "fold", e->alpha_fold},
              {"p", 0, NULL, e->p},
              {"q", 0, NULL, e->q},
              {"null_mean", 0, NULL, e->null_mean},
              {"r2_low", 0, NULL, e->low},
              {"r2_high", 0, NULL, e->high},
              {"band_weight", e->bands, "band", e->band_weight},
              {"split_r2", e->bands, "band", e->split_r2},
              {"split_r", e->bands, "band", e->split_r},
              {"prediction", e->n, "sample", e->prediction}};
  for (size_t i = 0; i < sizeof each / sizeof *each; i++)
    CF_TRY(put(ctx, job, each[i].name, each[i].rows, each[i].axis, each[i].x));
  CF_TRY(put_state(ctx, job));
  CF_TRY(put_normalised(ctx, job));
done:
  return status;
}

static size_t significant(const cf_voxel_result *e, double level) {
  size_t count = 0;
  for (size_t j = 0; j < e->targets && e->q; j++) count += e->q[j] <= level;
  return count;
}

static double median_alpha(cf_context *ctx, const cf_voxel_result *e) {
  const cf_mark mark = cf_scratch_mark(ctx);
  double *x = NULL, median = NAN;
  size_t n = 0;
  if (CF_SCRATCH(ctx, &x, e->targets + 1) == CF_OK) {
    for (size_t j = 0; j < e->targets; j++)
      if (!isnan(e->alpha[j])) x[n++] = e->alpha[j];
    median = cf_median(n, x);
  }
  cf_scratch_release(ctx, mark);
  return median;
}

static bool put_grid(const cf_encoder_job *job, cf_json *values) {
  cf_json *delays = cf_json_list();
  for (size_t i = 0; i < job->o.delays; i++)
    if (!cf_json_append(delays, cf_json_number(job->o.delay[i]))) return false;
  return cf_json_set(values, "delays", delays) &&
         cf_json_set(values, "alphas", cf_json_numbers(job->e->candidate, job->e->candidates));
}

static cf_status put_values(cf_context *ctx, const cf_encoder_job *job) {
  const cf_voxel_result *e = job->e;
  cf_json *values = job->result->values, *alpha = cf_json_object();
  const struct {
    const char *name;
    double value;
  } each[] = {{"mean_r2", e->mean_r2},           {"mean_r", e->mean_r},
              {"mean_R2", e->mean_R2},           {"samples", (double)e->n},
              {"features", (double)e->features}, {"constant_features", (double)e->constant_features},
              {"targets", (double)e->targets},   {"fitted", (double)e->fitted},
              {"constant", (double)e->constant}, {"missing", (double)e->missing},
              {"folds", (double)e->folds},       {"runs", job->run ? (double)job->runs : 1},
              {"negative", e->negative}};
  bool ok = cf_json_set(alpha, "median", cf_json_number(median_alpha(ctx, e))) &&
            cf_json_set(alpha, "at_low", cf_json_number((double)e->edge_low)) &&
            cf_json_set(alpha, "at_high", cf_json_number((double)e->edge_high));
  for (size_t i = 0; i < sizeof each / sizeof *each && ok; i++)
    ok = cf_json_set(values, each[i].name, cf_json_number(each[i].value));
  ok = cf_json_set(values, "alpha", alpha) && ok;
  ok = ok && cf_json_set(values, "paired", cf_json_text(job->paired)) && put_grid(job, values);
  ok = ok && cf_json_set(values, "selection_precision", cf_json_text(e->single ? "single" : "double"));
  if (e->q) ok = ok && cf_json_set(values, "significant", cf_json_number((double)significant(e, 0.05)));
  return ok ? CF_OK : cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for the result");
}

static void warn(cf_context *ctx, const cf_encoder_job *job) {
  const cf_voxel_result *e = job->e;
  if (e->missing)
    cf_warn(ctx, "%s: %zu of %zu targets have NaN and are left out", job->target_address, e->missing, e->targets);
  if (e->constant)
    cf_warn(ctx, "%s: %zu of %zu targets are constant; their scores are 0 and do not count", job->target_address,
            e->constant, e->targets);
  if (e->constant_features)
    cf_warn(ctx, "%s: %zu of %zu features are constant among training samples and are dropped", job->feature_address,
            e->constant_features, e->features);
  if (e->edge_low && job->o.ridge.method == CF_VOXEL_RIDGE)
    cf_warn(ctx, "%zu of %zu targets choose the smallest alpha; give smaller ones", e->edge_low, e->fitted);
  if (e->edge_high && job->o.ridge.method == CF_VOXEL_RIDGE)
    cf_warn(ctx, "%zu of %zu targets choose the largest alpha: nothing predicts them, or it is too small", e->edge_high,
            e->fitted);
  if (job->o.sign == CF_SIGN_SQUARE && e->negative > 0.2)
    cf_warn(ctx,
            "%.0f %% of the targets have a negative mean correlation, whose square counts as accuracy; --sign clip "
            "or signed does not",
            100 * e->negative);
}

static cf_status say(cf_context *ctx, const cf_encoder_job *job) {
  cf_status status = CF_OK;
  const cf_voxel_result *e = job->e;
  cf_result *result = job->result;
  CF_TRY(cf_result_say(ctx, result, "%zu features, %zu targets, %zu samples paired by %s, %zu folds\n", e->features,
                       e->targets, e->n, job->paired, e->folds));
  CF_TRY(cf_result_say(ctx, result, "mean r %.4f, mean r2 %.4f, mean R2 %.4f over %zu targets\n", e->mean_r, e->mean_r2,
                       e->mean_R2, e->fitted));
  if (e->candidates > 1)
    CF_TRY(cf_result_say(ctx, result, "median alpha %.4g out of %zu\n", median_alpha(ctx, e), e->candidates));
  if (e->q)
    CF_TRY(cf_result_say(ctx, result, "%zu targets above chance at a false discovery rate of 0.05\n",
                         significant(e, 0.05)));
  for (size_t j = 0; j < e->targets && e->targets <= 40; j++) {
    char label[64] = "";
    if (job->names) cf_array_label(job->names, j, label, sizeof label);
    CF_TRY(cf_result_say(ctx, result, "  %-4zu %-16.40s r %7.4f  r2 %7.4f  R2 %8.4f  alpha %.4g\n", j, label, e->r[j],
                         e->r2[j], e->R2[j], e->alpha[j]));
  }
done:
  return status;
}

cf_status cf_encoder_results(cf_context *ctx, cf_encoder_job *job) {
  cf_status status = CF_OK;
  CF_TRY(put_values(ctx, job));
  CF_TRY(put_arrays(ctx, job));
  CF_TRY(say(ctx, job));
  warn(ctx, job);
done:
  return status;
}
