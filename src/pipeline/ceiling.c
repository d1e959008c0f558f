/* `cortifold ceiling`: the noise ceiling of each target from repeats. */
#include "base/internal.h"
#include "pipeline/analyses.h"
#include "pipeline/cortex.h"

#include <cortifold/io.h>
#include <cortifold/stats.h>
#include <cortifold/voxelwise.h>
#include <math.h>
#include <string.h>

static const cf_param params[] = {
    {"method", 'm', CF_PARAM_CHOICE, "M", "explainable", 0, 0, "explainable|split-half|ncsnr|cc-norm|isc",
     "explainable: variance of the mean over that of the repeats, corrected for their number. split-half: reliability by "
     "Spearman and Brown. ncsnr: signal over noise. cc-norm: signal power. isc: repeats are subjects."},
    {"prediction", 'p', CF_PARAM_ADDRESS, "F", NULL, 0, 0, NULL,
     "Predictions (sample, target) for cc-norm: adds their normalised correlation."},
    {"halvings", 0, CF_PARAM_INTEGER, "N", "1000", 1, 1e6, NULL,
     "split-half: all distinct halvings up to that many, else that many drawn."},
    CF_NETWORKS_PARAM,
    CF_CORTEX_PARAMS,
    CF_PARAM_END,
};

static const char description[] =
    "How well any model could predict each target, from REPEATS (repeat, sample, target) or (repeat, sample). With n "
    "repeats R_i, variances over samples:\n\n"
    "- explainable: repeats z-scored, ev = Var(mean R)/mean Var(R), ceiling = ev - (1 - ev)/(n - 1): share of variance.\n"
    "- split-half: r between means of halves, ceiling = mean over halvings of 2 r/(1 + r): share of variance; a "
    "correlation is divided by its root.\n"
    "- ncsnr: noise^2 = mean over samples of Var over repeats, signal^2 = max(0, Var over all - noise^2), "
    "ncsnr = signal/noise, ceiling = ncsnr^2/(ncsnr^2 + 1/n): share of variance.\n"
    "- cc-norm: SP = (Var(sum R) - sum Var(R))/(n (n - 1)); ceiling = SP/Var(mean R): share of variance; with "
    "--prediction cc_norm = cov(mean R, prediction)/sqrt(Var(prediction) SP).\n"
    "- isc: corr(subject, mean of the others) is `lower`, corr(subject, mean of all) `upper` (subject, target); ceiling = "
    "mean of lower^2 of those above 0.\n\n"
    "`ceiling` is what align --ceiling takes. It is not clipped: below 0 there is no signal to speak of. Targets with NaN "
    "or without variance have NaN.\n\n"
    "Values: method, repeats, samples, targets, mean, median, missing. Arrays: ceiling and, by method, "
    "explainable_variance, ncsnr, signal_power, cc_norm, lower, upper.\n\n"
    "References: Schoppe et al. (2016), Front. Comput. Neurosci. 10, 10; Allen et al. (2022), Nat. Neurosci. 25, 116; "
    "Lage-Castellanos et al. (2019), PLoS Comput. Biol. 15, e1006397.";

static const char examples[] = "cortifold ceiling repeats.npy --method ncsnr -o ceiling.npz\n"
                               "cortifold ceiling subjects.npy --method isc --json";

typedef struct job {
  const char *method;
  cf_array *data, *prediction;
  cf_repeats d;
  double *ceiling, *first, *second; /* targets, or repeats x targets for isc */
} job;

static cf_status load(cf_context *ctx, const cf_options *options, cf_result *result, job *j) {
  cf_status status = CF_OK;
  const char *address = cf_options_argument(options, 0), *prediction = cf_options_text(options, "prediction");
  CF_TRY(cf_io_read(ctx, address, "repeats|responses", &j->data));
  CF_TRY(cf_result_input(ctx, result, address));
  CF_TRY(cf_array_to_doubles(ctx, j->data));
  const cf_array *a = j->data;
  if (a->ndim != 2 && a->ndim != 3)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %d ax%s; repeats are (repeat, sample, target) or (repeat, sample)", address,
                   a->ndim, a->ndim == 1 ? "is" : "es"));
  j->d = (cf_repeats){a->shape[0], a->shape[1], a->ndim == 3 ? a->shape[2] : 1, a->data};
  if (j->d.targets == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: there are no targets", address));
  if (!prediction) goto done;
  if (strcmp(j->method, "cc-norm") != 0) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--prediction is for --method cc-norm"));
  CF_TRY(cf_io_read(ctx, prediction, "prediction|predictions", &j->prediction));
  CF_TRY(cf_result_input(ctx, result, prediction));
  CF_TRY(cf_array_to_doubles(ctx, j->prediction));
  const cf_array *p = j->prediction;
  if (cf_array_count(p) != j->d.samples * j->d.targets || p->shape[0] != j->d.samples)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: predictions are (%zu samples, %zu targets)", prediction, j->d.samples,
                   j->d.targets));
done:
  return status;
}

static cf_status compute(cf_context *ctx, const cf_options *options, job *j) {
  cf_status status = CF_OK;
  const size_t t = j->d.targets, rows = j->d.repeats * t;
  CF_TRY(CF_SCRATCH(ctx, &j->ceiling, t));
  CF_TRY(CF_SCRATCH(ctx, &j->first, CF_MAX(rows, t)));
  CF_TRY(CF_SCRATCH(ctx, &j->second, CF_MAX(rows, t)));
  if (strcmp(j->method, "explainable") == 0) {
    CF_TRY(cf_ceiling_explainable(ctx, &j->d, j->first, j->ceiling));
  } else if (strcmp(j->method, "split-half") == 0) {
    CF_TRY(cf_ceiling_split_half(ctx, &j->d, (size_t)cf_options_integer(options, "halvings"), j->ceiling));
  } else if (strcmp(j->method, "ncsnr") == 0) {
    CF_TRY(cf_ceiling_ncsnr(ctx, &j->d, j->first, j->ceiling));
  } else if (strcmp(j->method, "cc-norm") == 0) {
    CF_TRY(cf_ceiling_signal_power(ctx, &j->d, j->prediction ? j->prediction->data : NULL, j->first, j->second,
                                   j->ceiling));
    for (size_t i = 0; i < t; i++) j->ceiling[i] *= j->ceiling[i];
  } else {
    CF_TRY(cf_ceiling_isc(ctx, &j->d, j->first, j->second));
    for (size_t i = 0; i < t; i++) {
      j->ceiling[i] = 0;
      for (size_t r = 0; r < j->d.repeats; r++) {
        const double x = j->first[r * t + i];
        j->ceiling[i] += (x < 0 ? 0 : x * x) / (double)j->d.repeats;
      }
    }
  }
done:
  return status;
}

static cf_status put(cf_context *ctx, const job *j, cf_result *result, const char *name, bool rows, const double *x) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  const size_t shape[2] = {rows ? j->d.repeats : j->d.targets, j->d.targets};
  CF_TRY(cf_array_from_doubles(ctx, name, rows ? 2 : 1, shape, x, &a));
  if (rows) CF_TRY(cf_array_set_axis(ctx, a, 0, "subject", NULL));
  const bool named = j->data->ndim == 3 && j->data->coordinate[2];
  CF_TRY(cf_array_set_axis(ctx, a, rows ? 1 : 0, named && j->data->axis[2] ? j->data->axis[2] : "target",
                           named ? j->data->coordinate[2] : NULL));
  status = cf_dataset_add(ctx, result->arrays, a);
  a = NULL;
done:
  cf_array_free(a);
  return status;
}

static cf_status put_arrays(cf_context *ctx, const job *j, cf_result *result) {
  cf_status status = CF_OK;
  CF_TRY(put(ctx, j, result, "ceiling", false, j->ceiling));
  if (strcmp(j->method, "explainable") == 0)
    CF_TRY(put(ctx, j, result, "explainable_variance", false, j->first));
  else if (strcmp(j->method, "ncsnr") == 0)
    CF_TRY(put(ctx, j, result, "ncsnr", false, j->first));
  else if (strcmp(j->method, "cc-norm") == 0)
    CF_TRY(put(ctx, j, result, "signal_power", false, j->first));
  if (j->prediction) CF_TRY(put(ctx, j, result, "cc_norm", false, j->second));
  if (strcmp(j->method, "isc") == 0) {
    CF_TRY(put(ctx, j, result, "lower", true, j->first));
    CF_TRY(put(ctx, j, result, "upper", true, j->second));
  }
done:
  return status;
}

static cf_status put_values(cf_context *ctx, const job *j, cf_result *result) {
  cf_status status = CF_OK;
  double *x, sum = 0;
  size_t n = 0;
  CF_TRY(CF_SCRATCH(ctx, &x, j->d.targets));
  for (size_t i = 0; i < j->d.targets; i++)
    if (!isnan(j->ceiling[i])) sum += x[n++] = j->ceiling[i];
  const double mean = n ? sum / (double)n : NAN, median = cf_median(n, x);
  if (!cf_json_set(result->values, "method", cf_json_text(j->method)) ||
      !cf_json_set(result->values, "repeats", cf_json_number((double)j->d.repeats)) ||
      !cf_json_set(result->values, "samples", cf_json_number((double)j->d.samples)) ||
      !cf_json_set(result->values, "targets", cf_json_number((double)j->d.targets)) ||
      !cf_json_set(result->values, "mean", cf_json_number(mean)) ||
      !cf_json_set(result->values, "median", cf_json_number(median)) ||
      !cf_json_set(result->values, "missing", cf_json_number((double)(j->d.targets - n))))
    CF_TRY(cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for the result"));
  if (n < j->d.targets)
    cf_warn(ctx, "%zu of %zu targets have NaN or no variance and no ceiling", j->d.targets - n, j->d.targets);
  CF_TRY(cf_result_say(ctx, result, "%s: %zu targets, %zu repeats of %zu samples; ceiling mean %.4f, median %.4f\n",
                       j->method, j->d.targets, j->d.repeats, j->d.samples, mean, median));
done:
  return status;
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  job j = {.method = cf_options_text(options, "method")};
  cf_dataset *cortex = NULL;
  CF_TRY(load(ctx, options, result, &j));
  CF_TRY(cf_cortex_load(ctx, options, true, j.d.targets, j.data->ndim == 3 ? j.data->coordinate[2] : NULL, result,
                        &cortex));
  status = compute(ctx, options, &j);
  if (status != CF_OK) status = cf_explain(ctx, status, "%s", cf_options_argument(options, 0));
  CF_TRY(status);
  CF_TRY(put_arrays(ctx, &j, result));
  CF_TRY(put_values(ctx, &j, result));
  CF_TRY(cf_cortex_put(ctx, cortex, result));
done:
  cf_dataset_free(cortex);
  cf_array_free(j.data);
  cf_array_free(j.prediction);
  cf_scratch_release(ctx, mark);
  return status;
}

const cf_analysis cf_analysis_ceiling = {
    .name = "ceiling",
    .group = "Encoding models",
    .summary = "Noise ceiling of each target from repeats or subjects",
    .arguments = "REPEATS",
    .least = 1,
    .most = 1,
    .description = description,
    .examples = examples,
    .params = params,
    .run = run,
};
