/* `cortifold align`: cross-validated encoding models of many targets. */
#include "pipeline/align.h"
#include "pipeline/analyses.h"
#include "pipeline/cortex.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const cf_param params[] = {
    {"delays", 'd', CF_PARAM_LIST, "K,...", NULL, 0, 0, NULL,
     "Finite impulse response: features of K samples earlier, zeros before the start of a run. 0 means no delay, negative "
     "is later. 1,2,3,4 when not given, 0 with --hrf."},
    {"hrf", 0, CF_PARAM_CHOICE, "H", "none", 0, 0, "none|spm|glover",
     "Convolve the features with a haemodynamic response, each sample held for one TR; needs --tr."},
    {"hrf-grid", 0, CF_PARAM_CHOICE, "G", "exact", 0, 0, "exact|published",
     "Grid of the response: exact steps of TR/50, or the published one (nilearn), which is one step late and slightly "
     "stretched."},
    {"tr", 0, CF_PARAM_REAL, "S", NULL, 1e-3, 1e4, NULL, "Seconds from one sample to the next."},
    {"runs", 'r', CF_PARAM_ADDRESS, "F", NULL, 0, 0, NULL,
     "Run of each sample. Runs are the outer folds (leave one run out) unless --folds says otherwise; delays, convolution, "
     "detrending and z-scores stay within runs."},
    {"folds", 0, CF_PARAM_TEXT, "K|F", NULL, 0, 0, NULL,
     "Outer folds: a number of contiguous ones, or a file with the fold of each sample. 5 when neither it nor --runs is "
     "given."},
    {"inner-folds", 0, CF_PARAM_TEXT, "K", "5", 0, 0, "runs",
     "Contiguous folds among the training samples that choose alpha; runs: leave one run (or labelled fold) out."},
    {"trim", 0, CF_PARAM_TEXT, "K", "auto", 0, 0, "auto",
     "Samples left out of the scores at each edge of a test block that borders on training samples of its own run; auto: "
     "5, none in a fold that would lose more than half of its samples."},
    {"alphas", 'a', CF_PARAM_LIST, "A,...|LOW:HIGH:N", "1e-1:1e8:20", 0, 0, NULL,
     "Penalties to choose from, on the scale of unit-variance columns; alpha multiplies |B|^2 and is divided by nothing."},
    {"alpha-scope", 0, CF_PARAM_CHOICE, "S", "target", 0, 0, "target|shared", "One alpha a target, or one for all."},
    {"conservative", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL,
     "The largest alpha within one standard deviation (over inner folds) of the best."},
    {"inner-score", 0, CF_PARAM_CHOICE, "S", "correlation", 0, 0, "correlation|mse",
     "What alpha is chosen by; ties go to the larger alpha."},
    {"method", 'm', CF_PARAM_CHOICE, "M", "ridge", 0, 0, "ridge|ols|pcr",
     "ridge; ols: least squares of least norm; pcr: regression on the first k components, k from --components."},
    {"components", 0, CF_PARAM_LIST, "K,...", NULL, 0, 0, NULL, "Numbers of components that pcr chooses from."},
    {"bands", 0, CF_PARAM_ADDRESS, "F", NULL, 0, 0, NULL,
     "Band of each feature: ridge with a weight for each band, found by random search for each target."},
    {"draws", 0, CF_PARAM_INTEGER, "N", "100", 1, 1e6, NULL,
     "Weightings of the bands that are tried, the first equal."},
    {"features-scale", 0, CF_PARAM_CHOICE, "S", "zscore", 0, 0, "zscore|center|none",
     "Features by mean and standard deviation of the training samples; columns that do not vary there are dropped."},
    {"targets-scale", 0, CF_PARAM_CHOICE, "S", NULL, 0, 0, "training|run|none",
     "training: less the mean of the training samples. run: first every run to mean 0 and standard deviation 1. run when "
     "runs are given, else training."},
    {"detrend", 0, CF_PARAM_TEXT, "T", "none", 0, 0, "none|linear|quadratic|cubic|cosine",
     "Trend taken out of the targets in every run; cosine: all slower than --cutoff, and the mean."},
    {"cutoff", 0, CF_PARAM_REAL, "S", "128", 1e-3, 1e9, NULL, "Period in seconds below which cosines are kept."},
    {"sign", 0, CF_PARAM_CHOICE, "P", "square", 0, 0, "square|clip|signed",
     "r2 of a negative correlation: its square (as \"squared Pearson\" says), 0 (clip, recommended), or the negative "
     "square."},
    {"null", 0, CF_PARAM_CHOICE, "N", "none", 0, 0, "none|shift|permute",
     "Chance: test responses rotated in time (series), or permuted (separate clips). The same for all targets, and for "
     "all models with the same seed and folds."},
    {"refit", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL,
     "Null: move all responses (rotated within runs, or permuted) and fit again, with the alphas that were chosen. Without "
     "it only test responses move, as is the custom; but folds share training samples, so small p are then too frequent: "
     "with 100 samples of 5 features 12 % of targets without effect have p <= 0.05."},
    {"permutations", 0, CF_PARAM_INTEGER, "N", "1000", 1, 1e7, NULL, "Draws of the null distribution."},
    {"bootstrap", 0, CF_PARAM_INTEGER, "N", "0", 0, 1e6, NULL,
     "Resamplings of test blocks for a 95 % interval of r2; 0: none."},
    {"block", 0, CF_PARAM_INTEGER, "K", "20", 1, 1e9, NULL, "Samples of a resampled block."},
    {"ceiling", 0, CF_PARAM_ADDRESS, "F", NULL, 0, 0, NULL,
     "Share of explainable variance of each target (`ceiling`): adds r and r2 over what is possible. Never clipped; below "
     "0.05 NaN."},
    {"predictions", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL, "Also write the predicted test samples."},
    {"precision", 0, CF_PARAM_CHOICE, "P", "auto", 0, 0, "auto|double|single",
     "Of the products that alpha is chosen by; auto: single where they take more than 1e11 operations. Scores are always "
     "computed in double."},
    CF_NETWORKS_PARAM,
    CF_CORTEX_PARAMS,
    CF_PARAM_END,
};

static const char description[] =
    "How well FEATURES (sample, feature) predict each of many TARGETS (sample, target: voxels, regions, units): "
    "y = Z B + noise with B = argmin |y - Z B|^2 + alpha |B|^2, Z the delayed or convolved features. Both files are read "
    "in blocks; one eigendecomposition a fold serves all penalties and targets. Samples are paired by a member "
    "`stimulus`, `condition` or `time` that both files have, else by position.\n\n"
    "Outer folds give the scores, folds among their training samples alone choose alpha. Over the test samples of a "
    "fold rho = corr(y, yhat) and R2 = 1 - SSE/SST. r, r2 and R2 are means over folds of rho, rho^2 and R2; a constant "
    "prediction or target has 0. Targets that are constant, or have NaN, are counted, reported and left out of means.\n\n"
    "The choices that no publication fixes are options: delays, folds, trimming, scaling, penalties, sign policy. Their "
    "defaults are ours.\n\n"
    "--bands: kernels K_b = Z_b Z_b' are weighted, K = sum gamma_b K_b, gamma from Dirichlet distributions of "
    "concentrations 0.1 and 1 by turns; each target keeps the best pair (gamma, alpha). split_r2 and split_r are the "
    "bands' shares: sum_t (2 y yhat_b - yhat_b yhat) / sum y^2 and cov(y, yhat_b)/(sd y sd yhat).\n\n"
    "--null: p = (1 + #{null >= r}) / (1 + N) for the mean correlation, q adjusted over targets (Benjamini-Hochberg). "
    "Under no effect r2 of m test samples is 1/(m - 1) on average, not 0; null_mean is that of the draws.\n\n"
    "Values: mean_r2, mean_r, mean_R2, samples, features, constant_features, targets, fitted, constant, missing, folds, "
    "runs, paired, delays, alphas, alpha {median, at_low, at_high}, negative, and with --null significant. Arrays, one "
    "entry a target: r, r2, R2, r_concatenated, alpha (median over folds), state (0 fitted, 1 constant, 2 NaN); rho and "
    "alpha_fold (fold, target); p, q, null_mean; r2_low, r2_high; ceiling, r_normalised = r/sqrt(ceiling), "
    "r2_normalised = r2/ceiling; band_weight, split_r2, split_r (band, target); prediction (sample, target).\n\n"
    "References: Naselaris et al. (2011), NeuroImage 56, 400; Dupre la Tour et al. (2022), NeuroImage 264, 119728; "
    "Nunez-Elizalde et al. (2019), NeuroImage 197, 482.";

static const char examples[] =
    "cortifold align features.npy bold.npy --delays 1,2,3,4 --runs runs.npy -o scores.npz\n"
    "cortifold align layers.h5:layer3 rois.npz:series --hrf glover --tr 2 --null shift --json\n"
    "cortifold align clips.npy betas.npy --delays 0 --folds folds.npy --null permute --sign clip -o scores.npz";

/* --------------------------------------------------------------- options -- */

static size_t choice_of(const cf_options *options, const char *name, const char *const *names, size_t n) {
  const char *text = cf_options_text(options, name);
  for (size_t i = 0; i < n && text; i++)
    if (strcmp(text, names[i]) == 0) return i;
  return 0;
}
#define CHOICE(name, ...)                                                                                              \
  choice_of(options, name, (const char *const[]){__VA_ARGS__},                                                         \
            sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

cf_status cf_encoder_numbers(cf_context *ctx, const cf_options *options, const char *name, bool zero, size_t *count,
                             double **out) {
  cf_status status = CF_OK;
  char word[96], *end = NULL;
  double low, high, n;
  *count = cf_options_list_count(options, name);
  const char *first = cf_options_list_entry(options, name, 0, word, sizeof word);
  if (*count == 1 && first && strchr(first, ':')) {
    char rest;
    if (sscanf(first, "%lf:%lf:%lf%c", &low, &high, &n, &rest) != 3 || !(low > 0) || !(high >= low) || isinf(high) ||
        !(n >= 1) || n > 10000 || floor(n) != n)
      CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--%s %s: a range is LOW:HIGH:COUNT with 0 < LOW <= HIGH", name, first));
    *count = (size_t)n;
    CF_TRY(CF_SCRATCH(ctx, out, *count));
    for (size_t i = 0; i < *count; i++)
      (*out)[i] = *count == 1 ? low : low * pow(high / low, (double)i / (double)(*count - 1));
    goto done;
  }
  if (*count == 0) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--%s is empty", name));
  CF_TRY(CF_SCRATCH(ctx, out, *count));
  for (size_t i = 0; i < *count; i++) {
    const char *text = cf_options_list_entry(options, name, i, word, sizeof word);
    (*out)[i] = text ? strtod(text, &end) : NAN;
    if (!text || end == text || *end || isnan((*out)[i]) || isinf((*out)[i]) || (*out)[i] < 0 ||
        (!zero && (*out)[i] == 0))
      CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--%s: '%s' is not a number %s", name, text ? text : "",
                     zero ? "of 0 or more" : "above 0"));
  }
done:
  return status;
}

static cf_status read_delays(cf_context *ctx, cf_encoder_job *job) {
  cf_status status = CF_OK;
  const cf_options *options = job->options;
  const bool given = cf_options_given(options, "delays");
  const size_t n = given ? cf_options_list_count(options, "delays") : job->o.hrf != CF_HRF_NONE ? 1 : 4;
  CF_TRY(CF_SCRATCH(ctx, &job->delays, n + 1));
  for (size_t i = 0; i < n; i++) {
    char word[64], *end = NULL;
    job->delays[i] = job->o.hrf != CF_HRF_NONE ? 0 : (int)i + 1;
    if (!given) continue;
    const char *text = cf_options_list_entry(options, "delays", i, word, sizeof word);
    const long value = text ? strtol(text, &end, 10) : 0;
    if (!text || end == text || *end || value < -10000 || value > 10000)
      CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--delays: '%s' is not a whole number of samples", text ? text : ""));
    job->delays[i] = (int)value;
    for (size_t k = 0; k < i; k++)
      if (job->delays[k] == job->delays[i])
        CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--delays: %d is there twice", job->delays[i]));
  }
  job->o.delays = n;
  job->o.delay = job->delays;
done:
  return status;
}

static cf_status read_whole(cf_context *ctx, const cf_options *options, const char *name, const char *word,
                            size_t instead, size_t *out) {
  const char *text = cf_options_text(options, name);
  char *end = NULL;
  *out = instead;
  if (!text || strcmp(text, word) == 0) return CF_OK;
  const long value = strtol(text, &end, 10);
  if (end == text || *end || value < 0 || value > 1000000000)
    return cf_fail(ctx, CF_ERR_USAGE, "--%s: '%s' is neither a whole number nor '%s'", name, text, word);
  *out = (size_t)value;
  return CF_OK;
}

static cf_status read_trend(cf_context *ctx, const cf_options *options, cf_voxel_options *o) {
  static const char *const names[] = {"none", "constant", "linear", "quadratic", "cubic", "cosine"};
  const char *text = cf_options_text(options, "detrend");
  size_t i = 0;
  while (i < 6 && strcmp(names[i], text) != 0) i++;
  if (i == 6)
    return cf_fail(ctx, CF_ERR_USAGE, "--detrend: '%s' is none of none, constant, linear, quadratic, cubic, cosine",
                   text);
  o->detrend = (cf_detrend){i == 5 ? 0 : (int)i - 1, i == 5 ? cf_options_number(options, "cutoff") : 0, o->tr};
  if (i == 5 && !cf_options_given(options, "tr"))
    return cf_fail(ctx, CF_ERR_USAGE, "--detrend cosine needs --tr, the seconds between samples");
  return CF_OK;
}

static cf_status read_penalties(cf_context *ctx, cf_encoder_job *job) {
  cf_status status = CF_OK;
  const cf_options *options = job->options;
  cf_ridge_options *r = &job->o.ridge;
  r->method = (cf_voxel_method)CHOICE("method", "ridge", "ols", "pcr");
  r->shared = CHOICE("alpha-scope", "target", "shared") == 1;
  r->conservative = cf_options_flag(options, "conservative");
  r->score = (cf_inner_score)CHOICE("inner-score", "correlation", "mse");
  r->precision = (cf_voxel_precision)CHOICE("precision", "auto", "double", "single");
  if (r->method != CF_VOXEL_PCR && cf_options_given(options, "components"))
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--components is for --method pcr"));
  if (r->method != CF_VOXEL_RIDGE && (cf_options_given(options, "alphas") || cf_options_given(options, "bands")))
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--alphas and --bands are for --method ridge"));
  if (r->method == CF_VOXEL_RIDGE)
    CF_TRY(cf_encoder_numbers(ctx, options, "alphas", true, &r->candidates, &job->alphas));
  if (r->method == CF_VOXEL_PCR && cf_options_given(options, "components"))
    CF_TRY(cf_encoder_numbers(ctx, options, "components", false, &r->candidates, &job->alphas));
  r->candidate = job->alphas;
  if (cf_options_given(options, "bands") && r->shared)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--bands chooses for each target; it does not go with --alpha-scope shared"));
done:
  return status;
}

cf_status cf_encoder_options(cf_context *ctx, cf_encoder_job *job) {
  cf_status status = CF_OK;
  const cf_options *options = job->options;
  cf_voxel_options *o = &job->o;
  *o = (cf_voxel_options)CF_VOXEL_OPTIONS_INIT;
  o->hrf = (cf_hrf)CHOICE("hrf", "none", "spm", "glover");
  o->hrf_grid = (cf_hrf_grid)CHOICE("hrf-grid", "exact", "published");
  o->tr = cf_options_given(options, "tr") ? cf_options_number(options, "tr") : 1;
  if (o->hrf != CF_HRF_NONE && !cf_options_given(options, "tr"))
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--hrf %s needs --tr, the seconds between samples",
                   cf_options_text(options, "hrf")));
  CF_TRY(read_delays(ctx, job));
  CF_TRY(read_penalties(ctx, job));
  CF_TRY(read_trend(ctx, options, o));
  CF_TRY(read_whole(ctx, options, "inner-folds", "runs", 0, &o->inner_folds));
  CF_TRY(read_whole(ctx, options, "trim", "auto", CF_TRIM_AUTO, &o->trim));
  if (o->inner_folds == 1) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--inner-folds 1: at least 2 are needed"));
  o->features = (cf_feature_scale)CHOICE("features-scale", "zscore", "center", "none");
  o->targets = (cf_target_scale)CHOICE("targets-scale", "training", "run", "none");
  if (!cf_options_given(options, "targets-scale") && cf_options_given(options, "runs")) o->targets = CF_TARGETS_RUN;
  o->sign = (cf_sign_policy)CHOICE("sign", "square", "clip", "signed");
  o->null_kind = (cf_null_kind)CHOICE("null", "none", "shift", "permute");
  o->refit = cf_options_flag(options, "refit");
  if (o->refit && o->null_kind == CF_NULL_NONE)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--refit is for --null shift or permute"));
  o->permutations = (size_t)cf_options_integer(options, "permutations");
  o->bootstrap = (size_t)cf_options_integer(options, "bootstrap");
  o->block = (size_t)cf_options_integer(options, "block");
  o->draws = (size_t)cf_options_integer(options, "draws");
  o->predictions = cf_options_flag(options, "predictions");
done:
  return status;
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_encoder_job job = {.options = options,
                        .result = result,
                        .feature_address = cf_options_argument(options, 0),
                        .target_address = cf_options_argument(options, 1)};
  cf_dataset *cortex = NULL;
  CF_TRY(cf_encoder_options(ctx, &job));
  CF_TRY(cf_encoder_load(ctx, &job));
  CF_TRY(cf_cortex_load(ctx, options, true, job.targets.cols, job.names, result, &cortex));
  CF_TRY(cf_voxel_encode(ctx, &job.features, &job.targets, job.run, job.folds, &job.o, &job.e));
  CF_TRY(cf_encoder_results(ctx, &job));
  CF_TRY(cf_cortex_put(ctx, cortex, result));
done:
  cf_dataset_free(cortex);
  cf_encoder_free(&job);
  cf_scratch_release(ctx, mark);
  return status;
}

/* Products over the inner folds, at 20 GFLOP/s a core. */
static cf_status cost(cf_context *ctx, const cf_options *options, cf_cost *out) {
  cf_status status = CF_OK;
  cf_blocks x = {0}, y = {0};
  CF_TRY(cf_io_open_blocks(ctx, cf_options_argument(options, 0), NULL, &x));
  CF_TRY(cf_io_open_blocks(ctx, cf_options_argument(options, 1), NULL, &y));
  const double n = (double)y.rows, t = (double)y.cols, p = (double)x.cols;
  const double draws = cf_options_given(options, "bands") ? (double)cf_options_integer(options, "draws") : 1;
  out->seconds = 5e-11 * draws * 5 * (10 * n * n * t + 5 * 10 * n * n * n + n * n * p);
  out->bytes = fmin(8 * n * t, (double)cf_context_memory(ctx) / 4) + 48 * n * fmin(n, 4 * p) + 60 * t;
done:
  cf_blocks_close(&x);
  cf_blocks_close(&y);
  cf_context_clear(ctx);
  return CF_OK;
}

const cf_analysis cf_analysis_align = {
    .name = "align",
    .group = "Encoding models",
    .summary = "Predict voxels, regions or units from features: cross-validated encoding models",
    .arguments = "FEATURES TARGETS",
    .least = 2,
    .most = 2,
    .description = description,
    .examples = examples,
    .params = params,
    .run = run,
    .cost = cost,
};
