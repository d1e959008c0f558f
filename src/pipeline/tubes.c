/* `cortifold tubes`: tubularity of decoding trajectories. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/analyses.h"
#include "pipeline/load.h"
#include "pipeline/tubes.h"

static const cf_param params[] = {
    {"variant", 0, CF_PARAM_CHOICE, "NAME", "clean", 0, 0, "paper|clean",
     "clean: centrelines interpolate, noise is left out, the value is that of all neurons. paper: as published, with "
     "its slips. The other one is computed too; `differences` holds both."},
    {"labels", 'l', CF_PARAM_TEXT, "F|RULE", "stimulus", 0, 0, "stimulus|direction|hdbscan|dbscan|threshold",
     "What makes a bundle: the stimulus, the direction, clusters of the curves, or a file with a label for each "
     "condition (stimulus by stimulus)."},
    {"bootstrap", 'b', CF_PARAM_INTEGER, "N", "30", 0, 100000, NULL,
     "Replicates with resampled neurons; 0: no resampling."},
    {"equal", 0, CF_PARAM_INTEGER, "N", "0", 0, 10000000, NULL,
     "Draw N neurons without replacement in every replicate, so that populations of different sizes compare; 0: as "
     "many as there are, with replacement."},
    {"permutations", 'n', CF_PARAM_INTEGER, "N", "100", 0, 1000000, NULL,
     "Shuffles of the labels over the curves; 0: none. Not for clusters."},
    {"components", 'k', CF_PARAM_INTEGER, "K", "10", 1, 1000, NULL, "Principal components."},
    {"points", 'M', CF_PARAM_INTEGER, "M", "150", 5, 100000, NULL, "Points a curve is resampled to."},
    {"bins", 'B', CF_PARAM_INTEGER, "B", "100", 1, 100000, NULL, "Bins of S_tight along the tube."},
    {"quantile", 0, CF_PARAM_REAL, "Q", "0.9", 0, 1, NULL, "Quantile that is the radius of a bin."},
    {"smoothing", 0, CF_PARAM_REAL, "S", NULL, 0, 1e12, NULL,
     "Residual budget of the centreline's smoothing spline, in squared units of the components; 0: natural cubic "
     "interpolation (clean), 0.01 as published (paper)."},
    {"min-size", 0, CF_PARAM_INTEGER, "N", "4", 2, 100000, NULL, "Curves that make a cluster."},
    {"min-samples", 0, CF_PARAM_INTEGER, "N", "0", 0, 100000, NULL,
     "Neighbour that gives the core distance; 0: max(3, half of --min-size)."},
    {"h1-weight", 0, CF_PARAM_REAL, "W", "0.5", 0, 1e6, NULL, "Weight of derivatives in the distance of two curves."},
    {"coverage", 0, CF_PARAM_REAL, "P", "0.95", 0.5, 0.999, NULL, "Coverage of the intervals."},
    {"sensitivity", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL,
     "Also the scores against the quantile (0.7 to 0.95) and the smoothing (1 to 3), over repetitions, with 20 bins."},
    {"repetitions", 0, CF_PARAM_INTEGER, "N", "10", 2, 10000, NULL, "Replicates of --sensitivity."},
    {"synthetic", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL,
     "No responses: test the method on tubes that are known, with a verdict for each."},
    CF_RESAMPLE_OPTION,
    CF_RESPONSES_OPTIONS,
    CF_PARAM_END,
};

static const char description[] =
    "How far the trajectories of a population run in tubes. Every neuron is z-scored over all rows (stimulus, direction, "
    "time), principal components make one curve of each condition (stimulus and direction), every curve is resampled to "
    "M points at equal arc lengths u = 0 .. 1, and labels bundle the curves. For a bundle of m curves with centreline "
    "c(u), the cubic through their mean, of length L:\n\n"
    "S_tight = 1/L mean over B bins of quantile_q |x_i(u) - c(bin centre)|\n\n"
    "S_cross = 1/L 2/(m (m-1)) sum over pairs of points of different curves with rho <= 3 eps of exp(-rho^2 / (2 "
    "eps^2)) (1 - (T_i . T_j)^2) / M^2\n\n"
    "T are unit tangents; eps is the median distance to the first point of another curve among a point's ten nearest. "
    "The scores of bundles are averaged by their numbers of curves. Low is tubular, for both.\n\n"
    "What to know of them: rotations, the order of neurons and a common scale leave S_tight and L S_cross alone; "
    "S_cross has the unit 1 / length, and the components grow with the root of the number of neurons, so compare "
    "populations of different sizes by L_S_cross, or by --equal. S_tight has a floor from the width of a bin, up to L / "
    "(2 B). Where curves are far apart eps comes from the few places where they meet.\n\n"
    "Intervals are percentiles over replicates that resample neurons; such replicates are no independent samples, so "
    "no test between populations is made of them. The permutation test asks whether the labels make tubes: p = (1 + "
    "shuffles as small) / (1 + shuffles). S_tight_context is the mean radius over the smallest mean distance to "
    "another centreline.\n\n"
    "Slips of the published code that --variant paper keeps: a smoothing spline with the fixed budget 0.01, so that "
    "S_tight depends on scale; the error bar sd / sqrt(100) whatever the number of replicates; noise of the "
    "clustering as a bundle; the mean over replicates as value.\n\n"
    "Clusters: HDBSCAN on d^2 = mean |x_i - x_j|^2 + W mean |x_i' - x_j'|^2 over the median distance; for too few curves "
    "DBSCAN, then a threshold graph (1.2), then one bundle.\n\n"
    "Values: S_tight, S_cross, L_S_cross, each with *_ci, S_tight_context; bundles [{label, curves, eps, L, S_tight, "
    "S_cross, L_S_cross, *_ci, separation, S_tight_context}], noise, singletons, variant, differences {S_tight {paper, "
    "clean, relative}, ..., rules}, bootstrap {replicates, S_tight {mean, sd, error, low, high}, ...}, permutation "
    "{permutations, S_tight {p, null_mean}, ...}, clusters, sensitivity, explained. With --synthetic: tests [{kind, "
    "..., pass}], passed, failed. Arrays: curves (curve, point, axis), centreline (bundle, point, axis), label (curve), "
    "profile (bundle, bin), replicates (replicate, score); with --synthetic curves (test, curve, point, axis), NaN where "
    "a test has fewer, and label (test, curve).\n\n"
    "References: Bertram, Dyballa, Keller, Kinger & Zucker (2026), arXiv 2601.21508; Dierckx (1993), Curve and Surface "
    "Fitting with Splines; Campello, Moulavi & Sander (2013).";

static const char examples[] = "cortifold tubes responses.h5 -o tubes.npz\n"
                               "cortifold tubes v1.h5 --labels hdbscan --variant paper --json\n"
                               "cortifold tubes model.h5 --equal 637 --bootstrap 200\n"
                               "cortifold tubes --synthetic";

/* ---------------------------------------------------------------- options -- */

static cf_status read_labels(cf_context *ctx, const cf_options *options, cf_result *result, tubes_job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const char *labels = cf_options_text(options, "labels");
  const size_t n = j->r->stimuli * j->r->directions;
  static const struct {
    const char *name;
    cf_curve_rule rule;
  } rule[] = {{"hdbscan", CF_CURVES_HDBSCAN}, {"dbscan", CF_CURVES_DBSCAN}, {"threshold", CF_CURVES_THRESHOLD}};
  size_t *code, groups = 0;
  for (size_t k = 0; k < 3; k++)
    if (strcmp(labels, rule[k].name) == 0) {
      j->o.cluster = true;
      j->o.clusters.rule = rule[k].rule;
      return CF_OK;
    }
  CF_TRY(CF_ALLOC(ctx, &j->label, n));
  CF_TRY(CF_SCRATCH(ctx, &code, n));
  j->by = strcmp(labels, "stimulus") == 0 ? BY_STIMULUS : strcmp(labels, "direction") == 0 ? BY_DIRECTION : BY_FILE;
  if (j->by == BY_FILE) {
    status = cf_load_labels(ctx, labels, "--labels", n, result, &j->given);
    if (status == CF_ERR_INPUT && !strpbrk(labels, "./:")) /* a word that is no rule */
      status = cf_fail(ctx, status, "%s; --labels takes stimulus, direction, hdbscan, dbscan, threshold or a file",
                       cf_context_error(ctx));
    CF_TRY(status);
    CF_TRY(cf_labels_group(ctx, j->given, code, &groups, &j->names));
  }
  for (size_t i = 0; i < n; i++)
    j->label[i] = (int)(j->by == BY_FILE        ? code[i]
                        : j->by == BY_DIRECTION ? i % j->r->directions
                                                : i / j->r->directions);
  j->o.label = j->label;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static void read_options(const cf_options *options, tubes_job *j) {
  const cf_tubes_options standard = CF_TUBES_OPTIONS_INIT;
  const cf_tube_options clean = CF_TUBE_OPTIONS_INIT, paper = CF_TUBE_OPTIONS_PAPER;
  j->o = standard;
  j->paper = strcmp(cf_options_text(options, "variant"), "paper") == 0;
  j->o.tube = j->paper ? paper : clean;
  j->beside = j->paper ? clean : paper;
  j->o.tube.bins = j->beside.bins = (size_t)cf_options_integer(options, "bins");
  j->o.tube.quantile = j->beside.quantile = cf_options_number(options, "quantile");
  if (cf_options_given(options, "smoothing")) j->o.tube.smoothing = cf_options_number(options, "smoothing");
  j->o.beside = &j->beside;
  j->o.components = (size_t)cf_options_integer(options, "components");
  j->o.points = (size_t)cf_options_integer(options, "points");
  j->o.bootstrap = (size_t)cf_options_integer(options, "bootstrap");
  j->o.equal = (size_t)cf_options_integer(options, "equal");
  j->o.permutations = (size_t)cf_options_integer(options, "permutations");
  j->o.coverage = cf_options_number(options, "coverage");
  j->o.clusters.weight = cf_options_number(options, "h1-weight");
  j->o.clusters.min_size = (size_t)cf_options_integer(options, "min-size");
  j->o.clusters.min_samples = (size_t)cf_options_integer(options, "min-samples");
}

/* ----------------------------------------------------------------- arrays -- */

static cf_status fill_arrays(cf_context *ctx, const tubes_job *j, cf_result *result) {
  static const char *const score[CF_TUBES_SCORES] = {"S_tight", "S_cross", "L_S_cross"};
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_tubes *t = j->t;
  const size_t n = t->conditions, reps = t->replicates;
  const size_t curves[3] = {n, t->curves->points, t->curves->dims};
  const size_t lines[3] = {t->all->tubes, t->curves->points, t->curves->dims}, bins[2] = {t->all->tubes, t->all->bins};
  cf_array *scores = NULL, *replicates = NULL;
  double *number;
  CF_TRY(CF_SCRATCH(ctx, &number, CF_MAX(n, reps * CF_TUBES_SCORES)));
  CF_TRY(cf_put_axes(ctx, result, "curves", "curve point axis", curves, t->curves->x, j->condition));
  CF_TRY(cf_put_axes(ctx, result, "centreline", "bundle point axis", lines, t->all->centreline, j->bundle));
  CF_TRY(cf_put_axes(ctx, result, "profile", "bundle bin", bins, t->all->profile, j->bundle));
  for (size_t i = 0; i < n; i++) number[i] = t->label[i];
  CF_TRY(cf_put_axes(ctx, result, "label", "curve", curves, number, j->condition));
  for (size_t i = 0; i < n; i++) number[i] = (double)(i / j->r->directions);
  CF_TRY(cf_put_axes(ctx, result, "stimulus_code", "curve", curves, number, j->condition));
  for (size_t i = 0; i < n; i++) number[i] = j->r->degrees[i % j->r->directions];
  CF_TRY(cf_put_axes(ctx, result, "direction", "curve", curves, number, j->condition));
  if (reps == 0) goto done;
  for (size_t r = 0; r < reps; r++)
    for (size_t k = 0; k < CF_TUBES_SCORES; k++) number[r * CF_TUBES_SCORES + k] = t->score[k].replicate[r];
  CF_TRY(cf_array_from_texts(ctx, "score", CF_TUBES_SCORES, score, &scores));
  CF_TRY(cf_array_from_doubles(ctx, "replicates", 2, (const size_t[]){reps, CF_TUBES_SCORES}, number, &replicates));
  CF_TRY(cf_array_set_axis(ctx, replicates, 0, "replicate", NULL));
  CF_TRY(cf_array_set_axis(ctx, replicates, 1, "score", scores));
  status = cf_dataset_add(ctx, result->arrays, replicates);
  replicates = NULL;
done:
  cf_array_free(scores);
  cf_array_free(replicates);
  cf_scratch_release(ctx, mark);
  return status;
}

/* -------------------------------------------------------------------- run -- */

static cf_status name_bundles(cf_context *ctx, tubes_job *j) {
  enum { LONGEST = 160 };
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_tubularity *all = j->t->all;
  char *text;
  const char **list;
  CF_TRY(CF_SCRATCH(ctx, &text, all->tubes * LONGEST));
  CF_TRY(CF_SCRATCH(ctx, &list, all->tubes));
  for (size_t k = 0; k < all->tubes; k++) {
    char *at = text + k * LONGEST, buffer[LONGEST];
    const int label = all->tube[k].label;
    const size_t code = label < 0 ? 0 : (size_t)label;
    const bool whole = all->tube[k].curves == j->t->conditions; /* the one bundle of all curves */
    list[k] = at;
    if (whole && all->tubes == 1)
      snprintf(at, LONGEST, "all");
    else if (j->o.cluster)
      snprintf(at, LONGEST, label < 0 ? "noise" : "cluster %d", label);
    else if (j->by == BY_FILE)
      snprintf(at, LONGEST, "%s", cf_array_label(j->names, code, buffer, sizeof buffer));
    else
      snprintf(at, LONGEST, "%s",
               j->by == BY_DIRECTION ? cf_direction_name(j->r, code, buffer, sizeof buffer)
                                     : cf_stimulus_name(j->r, code, buffer, sizeof buffer));
  }
  CF_TRY(cf_array_from_texts(ctx, "bundle", all->tubes, list, &j->bundle));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Labels of which no two curves share one make no bundles. */
static cf_status check_labels(cf_context *ctx, const tubes_job *j, const char *address) {
  const size_t n = j->r->stimuli * j->r->directions;
  for (size_t i = 0; j->label && i < n; i++)
    for (size_t k = 0; k < i; k++)
      if (j->label[i] == j->label[k]) return CF_OK;
  return j->label ? cf_fail(ctx, CF_ERR_INPUT,
                            "%s: every label has one trajectory; a bundle takes two or more (--labels hdbscan bundles "
                            "those that are alike)",
                            address)
                  : CF_OK;
}

static cf_status run_responses(cf_context *ctx, const cf_options *options, const char *address, cf_result *result,
                               tubes_job *j) {
  cf_status status = CF_OK;
  CF_TRY(cf_load_trajectories(ctx, address, options, result, &j->r));
  CF_TRY(read_labels(ctx, options, result, j));
  const cf_view v = cf_responses_view(j->r);
  status = cf_tubes_compute(ctx, &v, &j->o, &j->t);
  if (status == CF_OK && cf_options_flag(options, "sensitivity")) {
    status = cf_tubes_sense(ctx, &v, &j->o, (size_t)cf_options_integer(options, "repetitions"), &j->sense);
    j->sensed = true;
  }
  if (status != CF_OK) {
    status = cf_explain(ctx, status, "%s", address);
    goto done;
  }
  CF_TRY(check_labels(ctx, j, address));
  if (j->o.cluster && cf_options_given(options, "permutations") && j->o.permutations > 0)
    cf_warn(ctx, "clusters come from the same curves: a permutation test of them would be circular and is left out");
  CF_TRY(cf_condition_labels(ctx, j->r, &j->condition));
  CF_TRY(name_bundles(ctx, j));
  CF_TRY(tubes_fill_values(ctx, j, result->values));
  CF_TRY(fill_arrays(ctx, j, result));
  CF_TRY(tubes_say(ctx, j, result));
done:
  return status;
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  tubes_job j = {0};
  const char *address = cf_options_argument(options, 0);
  const bool synthetic = cf_options_flag(options, "synthetic");
  if (synthetic && address)
    return cf_fail(ctx, CF_ERR_USAGE, "--synthetic makes its own curves; leave out %s", address);
  if (!synthetic && !address) return cf_fail(ctx, CF_ERR_USAGE, "needs RESPONSES, or --synthetic");
  read_options(options, &j);
  status = synthetic ? tubes_synthetic(ctx, &j, result) : run_responses(ctx, options, address, result, &j);
  cf_responses_free(j.r);
  cf_tubes_free(j.t);
  cf_array_free(j.given);
  cf_array_free(j.names);
  cf_array_free(j.condition);
  cf_array_free(j.bundle);
  cf_free(j.label);
  return status;
}

/* Searches among the points of the curves lead, then the components of every replicate. Measured on two cores of 2.6
 * GHz: seconds a point of a curve, and an entry of the smaller Gram matrix. */
static cf_status cost(cf_context *ctx, const cf_options *options, cf_cost *out) {
  const double point = 5.5e-6, entry = 4.5e-8, products = 2e10;
  const char *labels = cf_options_text(options, "labels"), *address = cf_options_argument(options, 0);
  tubes_job j = {0};
  double shape[4];
  read_options(options, &j);
  if (address && cf_trajectories_shape(ctx, address, options, shape)) {
    const double n = shape[1] * shape[2], rows = n * shape[3], neurons = shape[0], side = fmin(rows, neurons);
    const bool clusters =
        strcmp(labels, "hdbscan") == 0 || strcmp(labels, "dbscan") == 0 || strcmp(labels, "threshold") == 0;
    const double curves = n * (double)j.o.points, tube = point * curves;
    const double space = entry * side * side + (neurons > rows ? rows * rows * neurons / products : 0);
    const double repeats =
        cf_options_flag(options, "sensitivity") ? 11 * (double)cf_options_integer(options, "repetitions") : 0;
    const double grouping = clusters ? n * curves * (double)j.o.components / 1e9 : 0;
    out->seconds =
        ((double)j.o.bootstrap * (2 * tube + space + grouping) + repeats * tube / 2 +
         (clusters ? 0 : (double)j.o.permutations * tube) + 2 * tube + side * side * fmax(rows, neurons) / products) /
            cf_context_threads(ctx) +
        1.5e-7 * neurons * rows;
    out->bytes = 8 * (6 * neurons * rows + 3 * side * side);
  }
  cf_context_clear(ctx);
  return CF_OK;
}

const cf_analysis cf_analysis_tubes = {
    "tubes",       "Decoding", "How far trajectories run in tubes: tightness and crossings",
    "[RESPONSES]", 0,          1,
    description,   examples,   params,
    run,           cost,       false};
