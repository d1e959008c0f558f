/* `cortifold alignment`: how close each module of a network comes to recordings, on every measure side by side. */
#include <math.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/alignment.h"
#include "pipeline/analyses.h"
#include "pipeline/trajectory.h"

static const cf_param params[] = {
    {"brain", 'b', CF_PARAM_ADDRESS, "RECORDING,...", NULL, 0, 0, NULL,
     "The recordings: responses (neuron, stimulus, direction, time) to the same conditions."},
    {"module-names", 0, CF_PARAM_LIST, "NAME,...", NULL, 0, 0, NULL,
     "What the modules are called, one name each; otherwise as their members or files."},
    {"brain-names", 0, CF_PARAM_LIST, "NAME,...", NULL, 0, 0, NULL, "The same for the recordings."},
    {"stimuli", 0, CF_PARAM_LIST, "NAME[=OTHER],...", NULL, 0, 0, NULL,
     "Only these stimuli of the modules, by their labels and in this order; NAME=OTHER: what the recordings call OTHER. "
     "All when not given."},
    {"variant", 0, CF_PARAM_CHOICE, "V", "both", 0, 0, "both|paper|clean",
     "paper: the published recipes, whose cca is not cross-validated and whose linear predictivity fits its principal "
     "components on the test conditions too. clean: both fitted on training conditions alone. rsa and dsa are the same "
     "in both."},
    {"time-average", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL,
     "rsa, cca and lp of the means over time; otherwise of every time bin, averaged."},
    {"bins", 0, CF_PARAM_INTEGER, "N", NULL, 2, 100000, NULL,
     "Resample all to N time bins; otherwise the recordings to those of the modules."},
    {"folds", 0, CF_PARAM_INTEGER, "K", "6", 2, 1000, NULL, "clean: folds of the conditions."},
    {"bootstrap", 0, CF_PARAM_INTEGER, "N", "200", 0, 100000, NULL,
     "Joint bootstrap: a recording's neurons are drawn once a replicate for all modules, each module's on their own; 0: "
     "no intervals."},
    {"permutations", 'n', CF_PARAM_INTEGER, "N", "200", 0, 100000, NULL,
     "Permutations of the conditions behind the chance level of rsa, cca and lp."},
    {"shuffles", 0, CF_PARAM_INTEGER, "N", "50", 0, 100000, NULL,
     "Shuffles of the module's time axis behind the chance level of dsa."},
    CF_RESPONSES_OPTIONS,
    CF_PARAM_END,
};

static const char description[] =
    "The alignment table: each module's responses against each recording's over the same conditions (stimulus and "
    "direction, matched by label; by position only where files have no labels, and the result says so; --stimuli picks and "
    "renames stimuli where a network saw more than the animals). Recordings are "
    "resampled in time to the modules' bins by Fourier interpolation with a Hamming window on the spectrum.\n\n"
    "rsa: Spearman correlation of the upper triangles of two correlation distance matrices over conditions. "
    "cca: mean canonical correlation of 3 principal components a side; clean: components and directions from training "
    "conditions, correlations on the others. "
    "lp: linear predictivity of 2 principal components of the recording from 10 of the module by ridge (alpha 1); paper: "
    "10 random splits, R2 clipped to [0, 1]; clean: folds, everything fitted on training conditions, not clipped. "
    "dsa: 1 - d, d the squared Wasserstein distance of the eigenvalues of two linear dynamics fitted to 10 principal "
    "components of the trajectories, ridge 1e-8.\n\n"
    "Every value stands with its chance level: permuted conditions (rsa, cca, lp), shuffled time (dsa). Published cca "
    "and lp are biased upwards, so compare them with null_mean, not with 0; dsa is near 1 for most systems, so read its "
    "z. Resampling neurons with repetition lowers most values, so an interval may lie below its value. z = (value - mean of the null) / its standard deviation; p is one-sided.\n\n"
    "Values: modules [{name, recording, measures [{name, measure, variant, value, ci, null_mean, null_95, z, p, bins}]}], "
    "means [{name, recording, variant, value}] (of rsa, cca, lp and dsa, as the paper averages them), conditions, bins, "
    "matched_by {stimuli, directions}. Arrays: value, low, high, null_mean, null_95, z, p (module, recording, "
    "measure).\n\n"
    "Ours, not the published work's: the clean variants and the chance levels of rsa, cca and lp.\n\n"
    "References: Bertram, Dyballa, Keller, Kinger & Zucker (2026), arXiv 2601.21508; Ostrow et al. (2023), NeurIPS; "
    "Kriegeskorte, Mur & Bandettini (2008).";

static const char examples[] =
    "cortifold alignment 'modules.h5:*' --brain v1.h5,retina.h5 -o table.h5\n"
    "cortifold alignment layer1.npz layer8.npz --brain v1.npz --variant clean --bootstrap 0\n"
    "cortifold alignment net.h5:core.recurrent.h/responses --brain v1.h5 --stimuli 'grat_W12=LF grating,grat_W2=HF "
    "grating'";

static cf_status read_options(cf_context *ctx, const cf_options *options, cf_align_job *job) {
  const char *variant = cf_options_text(options, "variant");
  if (!cf_options_text(options, "brain"))
    return cf_fail(ctx, CF_ERR_USAGE, "--brain RECORDING is needed: what the modules are held against");
  job->paper = strcmp(variant, "clean") != 0;
  job->clean = strcmp(variant, "paper") != 0;
  job->time_average = cf_options_flag(options, "time-average");
  job->bins = cf_options_given(options, "bins") ? (size_t)cf_options_integer(options, "bins") : 0;
  job->folds = (size_t)cf_options_integer(options, "folds");
  job->bootstrap = (size_t)cf_options_integer(options, "bootstrap");
  job->permutations = (size_t)cf_options_integer(options, "permutations");
  job->shuffles = (size_t)cf_options_integer(options, "shuffles");
  return CF_OK;
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  cf_align_job job = {0};
  CF_TRY(read_options(ctx, options, &job));
  CF_TRY(cf_align_load(ctx, options, result, &job));
  if (job.conditions < 2 * job.folds)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%zu conditions are too few for %zu folds of at least two", job.conditions,
                   job.folds));
  if (job.bins < 3)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "the responses have %zu time bin%s; dynamics need at least three", job.bins,
                   job.bins == 1 ? "" : "s"));
  CF_TRY(cf_align_scores(ctx, &job));
  CF_TRY(cf_align_report(ctx, &job, result));
done:
  cf_align_free(&job);
  return status;
}

/* Seconds of one bin of two sides: its inner products and, for every permutation, what is scored anew. Measured on two
 * cores of 2.6 GHz. */
static double bin_cost(const cf_align_job *job, double n, double p, double q, double permutations) {
  const double once = n * n * (p + q) / 1e10 + 5e-8 * n * n * n * (1 + (double)job->folds / 3);
  const double again = 6e-8 * n * n + (job->clean ? (double)job->folds * n * n * q / 2e10 : 0);
  return once + permutations * again;
}

/* One PCA of all rows and its operator. */
static double dynamics_cost(double n, double bins, double neurons) {
  const double rows = n * bins, side = fmin(rows, neurons);
  return side * side * fmax(rows, neurons) / 2e10 + 3e-7 * side * side + 3e-8 * rows * neurons;
}

static cf_status cost(cf_context *ctx, const cf_options *options, cf_cost *out) {
  cf_status status = CF_OK;
  cf_align_job job = {0};
  CF_TRY(read_options(ctx, options, &job));
  for (size_t i = 0; i < cf_options_arguments(options); i++)
    CF_TRY(cf_systems_expand(ctx, cf_options_argument(options, i), &job.modules));
  CF_TRY(cf_systems_expand(ctx, cf_options_text(options, "brain"), &job.recordings));
  const double boot = (double)job.bootstrap;
  double bins = (double)job.bins, work = 0;
  for (size_t m = 0; m < job.modules.count + job.recordings.count; m++) {
    const bool module = m < job.modules.count;
    double one[4], other[4];
    if (!cf_trajectories_shape(ctx, module ? job.modules.address[m] : job.recordings.address[m - job.modules.count],
                               options, one))
      continue;
    const double n = one[1] * one[2];
    if (bins == 0) bins = one[3]; /* the first module's */
    work += (1 + boot) * dynamics_cost(n, bins, one[0]);
    out->bytes += 8 * 2.5 * n * one[0] * fmax(one[3], bins);
    for (size_t r = 0; module && r < job.recordings.count; r++) {
      if (!cf_trajectories_shape(ctx, job.recordings.address[r], options, other)) continue;
      const double used = job.time_average ? 1 : bins;
      work += used * (bin_cost(&job, n, one[0], other[0], (double)job.permutations) +
                      boot * (bin_cost(&job, n, one[0], other[0], 0) + 1e-8 * n * (one[0] + other[0])));
      work += (double)job.shuffles * 3e-7 * n * bins;
    }
  }
  out->seconds = work / cf_context_threads(ctx);
done:
  cf_context_clear(ctx);
  cf_align_free(&job);
  return CF_OK;
}

const cf_analysis cf_analysis_alignment = {"alignment",  "Decoding", "Modules of a network against recordings",
                                           "MODULES...", 1,          -1,
                                           description,  examples,   params,
                                           run,          cost,       false};
