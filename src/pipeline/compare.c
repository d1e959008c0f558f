/* `cortifold compare`: measures between two systems, each with permutation null and bootstrap interval. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/internal.h"
#include "pipeline/analyses.h"
#include "pipeline/compare_job.h"
#include <cortifold/rdm.h>
#include <cortifold/rsa.h>
#include <cortifold/stats.h>

static const cf_param params[] = {
    {"measure", 'm', CF_PARAM_CHOICES, "NAME,...", "cka-debiased", 0, 0, CF_MEASURE_NAMES "|" CF_TRAJECTORY_NAMES,
     "One or several measures, separated by commas."},
    {"permutations", 'p', CF_PARAM_INTEGER, "N", "0", 0, 1e8, NULL,
     "Permutations of the pairing of conditions (dsa: of the time steps of X): p (one-sided, for being more alike than "
     "chance), mean and spread of the null."},
    {"bootstrap", 'b', CF_PARAM_INTEGER, "N", "0", 0, 1e8, NULL, "Bootstrap samples for an interval."},
    {"resample", 0, CF_PARAM_CHOICE, "UNITS", "conditions", 0, 0, "conditions|units|both",
     "What the bootstrap draws: conditions, the channels of both systems, or both."},
    {"interval", 0, CF_PARAM_CHOICE, "KIND", "centred", 0, 0, "centred|percentile",
     "centred: percentiles of the bootstrap values, moved so that their mean is the value (samples with repeated "
     "conditions bias most measures), within the measure's bounds. percentile: as they are."},
    {"coverage", 0, CF_PARAM_REAL, "SHARE", "0.95", 0.01, 0.9999, NULL, "Coverage of the interval."},
    CF_MEASURE_OPTIONS,
    CF_TRAJECTORY_OPTIONS,
    {"splits", 0, CF_PARAM_ADDRESS, "F", NULL, 0, 0, NULL,
     "linear-predictivity, preset paper: (split, condition), 1 marks test conditions; default: 10 random splits."},
    CF_PARAM_END,
};

static const char description[] =
    "How alike two systems are: X and Y hold the same conditions in their rows and their own channels (units, "
    "voxels, features) in their columns; further axes are flattened into channels. Either may be several: addresses "
    "separated by commas, or a pattern, as in layers.npz:* for all layers of a network. Every measure is then taken "
    "for every pair, and what is computed from one system alone (centring, Gram matrix, singular vectors) is "
    "computed once.\n\n"
    "Conditions are matched by label when both sides have labels (a member or coordinate named condition, stimulus "
    "or label), else by position, and the result says which. Systems go by the name of their member, or of their file; where "
    "that does not tell them apart by file and member, then by folders too (sub-01/run:V1).\n\n"
    "Measures (columns of X and Y centred; K = XX', L = YY'):\n"
    "@measures\n"
    "What to keep in mind: cka and rv are biased upwards when channels outnumber conditions, cka-debiased is near 0 "
    "for unrelated systems. cca and pwcca are 1 whatever the data when the ranks add up to the number of conditions "
    "or more: use svcca, --regularization or another measure. pwcca weighs directions by how much of X they carry. "
    "shape with --alpha strictly between 0 and 1 depends on the units. With --preset paper scaling and components of "
    "linear-predictivity see the test rows.\n\n"
    "dsa-angular, dsa-euclidean and dsa-wasserstein compare dynamics: X and Y are trajectories (condition, time, "
    "channel), and need neither the same conditions nor the same channels. Each system's trials give one linear operator "
    "(delay embedding, whitened, regression from one step to the next): by default one delay, full rank, ridge 1e-8, no "
    "centring. `alignment` says how the best rotation was found: gradient at the end, how many starts agree with the "
    "best (reached of starts), the best for each determinant. dsa-wasserstein is the squared distance unless --root.\n\n"
    "dsa-input-angular and dsa-input-euclidean compare driven systems x' = A x + B u, y = C x + D u (InputDSA): how their "
    "states answer the inputs, under the best rotation of the states. A and B are identified by subspaces from outputs "
    "(the trajectories) and inputs (--inputs), with --delays steps of past and of future and --rank states (full: 99.9 % "
    "of the energy). Both systems need the same inputs and one order. `systems` shows orders, singular values and "
    "eigenvalues. Coordinates of states come from the data: the same data through rotated channels are at distance 0; "
    "other recordings of one system are not, exactly.\n\n"
    "--permutations: rows of Y are permuted; for dsa the time steps of X, the same order in all its trials; p = (1 + number of permutations at least as alike) / (1 + N), z is "
    "positive for more alike than chance, for distances too. p_fdr adjusts over all entries of the result (Benjamini "
    "and Hochberg).\n"
    "--bootstrap: interval from percentiles of the bootstrap values. Conditions are drawn with replacement; rsa "
    "leaves out the pair of a condition with its own copy, linear-predictivity keeps copies in one fold, and "
    "cka-debiased takes half samples without replacement, which keep it unbiased and have the right spread. Most "
    "measures are biased in samples with repeated conditions (`bootstrap.mean` shows by how much), so the interval "
    "is moved by that bias unless --interval percentile is chosen.\n\n"
    "Values: measures [{name, x, y, value, kind, ci, p, p_fdr, null_mean, null_sd, z, bootstrap, formula, preset, n, "
    "channels, rank, correlations, operators, systems, ...}]. Arrays: value (measure, x, y), and of each measure null/NAME, "
    "bootstrap/NAME and canonical_correlations/NAME, with the axes x and y where there are several.";

static const char examples[] =
    "cortifold compare layer4.npy it.npy --measure cka-debiased,procrustes --permutations 1000 --bootstrap 1000\n"
    "cortifold compare 'resnet.npz:layer*' it.npz --measure cka-debiased,linear-predictivity --permutations 1000 -o "
    "layers.h5\n"
    "cortifold compare a.npy b.npy --measure shape --alpha 0.5\n"
    "cortifold compare a.npy b.npy --measure svcca --directions 20\n"
    "cortifold compare model.npy cortex.npy --measure dsa-wasserstein,dsa-angular --pca 10 --permutations 50\n"
    "cortifold compare a.npz:rates b.npz:rates --measure dsa-input-angular --inputs stimulus --delays 5 --rank 4";

static void job_free(cf_compare_job *j) {
  for (size_t i = 0; i < j->entries && j->entry; i++) cf_compare_value_free(&j->entry[i].v);
  cf_free(j->entry);
  cf_free(j->null);
  cf_free(j->boot);
  cf_free(j->test);
  cf_trajectories_free(j->tx, j->x.count);
  cf_trajectories_free(j->ty, j->y.count);
  cf_systems_free(&j->x);
  cf_systems_free(&j->y);
}

/* ---------------------------------------------------------------- inputs -- */

static cf_status choose_measures(cf_context *ctx, const cf_options *options, cf_compare_job *j) {
  char name[64];
  for (size_t i = 0; i < cf_options_list_count(options, "measure"); i++) {
    const char *id = cf_options_list_entry(options, "measure", i, name, sizeof name);
    const cf_measure *m = id ? cf_measure_find(id) : NULL;
    if (!m && id) m = cf_trajectory_measure_find(id);
    if (!m)
      return cf_fail(ctx, CF_ERR_USAGE, "--measure: '%s' is none of %s", id ? id : "",
                     CF_MEASURE_NAMES "|" CF_TRAJECTORY_NAMES);
    j->of_trajectories = j->of_trajectories || cf_trajectory_measure(m);
    j->of_patterns = j->of_patterns || !cf_trajectory_measure(m);
    j->of_inputs = j->of_inputs || cf_trajectory_measure_has_inputs(m);
    j->of_operators = j->of_operators || (cf_trajectory_measure(m) && !cf_trajectory_measure_has_inputs(m));
    bool again = false;
    for (size_t k = 0; k < j->n_measures; k++) again = again || j->measure[k] == m;
    if (!again && j->n_measures < CF_MOST_MEASURES) j->measure[j->n_measures++] = m;
  }
  if (j->n_measures == 0) return cf_fail(ctx, CF_ERR_USAGE, "--measure names no measure");
  return CF_OK;
}

static cf_status read_options(cf_context *ctx, const cf_options *options, cf_compare_job *j) {
  cf_status status = CF_OK;
  const char *what = cf_options_text(options, "resample");
  j->options = options;
  cf_measure_options(options, &j->o);
  CF_TRY(cf_compare_options_check(ctx, &j->o));
  CF_TRY(cf_trajectory_read_options(ctx, options, &j->t));
  CF_TRY(choose_measures(ctx, options, j));
  j->t.published = j->o.paper;
  j->t.no_operator = !j->of_operators;
  if (cf_options_given(options, "inputs") && !j->of_inputs)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--inputs belongs to --measure dsa-input-angular or dsa-input-euclidean"));
  j->permutations = (size_t)cf_options_integer(options, "permutations");
  j->bootstrap = (size_t)cf_options_integer(options, "bootstrap");
  j->coverage = cf_options_number(options, "coverage");
  j->centred = strcmp(cf_options_text(options, "interval"), "centred") == 0;
  j->what = strcmp(what, "units") == 0  ? CF_RESAMPLE_UNITS
            : strcmp(what, "both") == 0 ? CF_RESAMPLE_BOTH
                                        : CF_RESAMPLE_CONDITIONS;
  CF_TRY(cf_systems_expand(ctx, cf_options_argument(options, 0), &j->x));
  CF_TRY(cf_systems_expand(ctx, cf_options_argument(options, 1), &j->y));
  CF_TRY(cf_systems_name(ctx, (cf_systems *const[]){&j->x, &j->y}, 2));
done:
  return status;
}

static cf_status read_splits(cf_context *ctx, cf_result *result, cf_compare_job *j) {
  cf_status status = CF_OK;
  const char *address = cf_options_text(j->options, "splits");
  cf_array *a = NULL;
  if (!address || !j->of_patterns) return CF_OK;
  const size_t n = cf_system_conditions(j->x.system[0]);
  if (!j->o.paper) return cf_fail(ctx, CF_ERR_USAGE, "--splits belongs to --preset paper");
  CF_TRY(cf_io_read(ctx, address, "test|splits", &a));
  CF_TRY(cf_result_input(ctx, result, address));
  if (a->ndim != 2 || a->shape[0] == 0 || a->shape[1] != n)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: --splits needs (split, condition) with %zu conditions", address, n));
  CF_TRY(CF_ALLOC(ctx, &j->test, cf_array_count(a)));
  for (size_t i = 0; i < cf_array_count(a); i++) {
    const double v = cf_array_number(a, i);
    if (v != 0 && v != 1)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: split %zu, condition %zu is %g; 1 marks test conditions and 0 the others",
                     address, i / n, i % n, v));
    j->test[i] = v == 1;
  }
  j->o.test = j->test;
  j->o.splits = a->shape[0];
done:
  cf_array_free(a);
  return status;
}

/* ------------------------------------------------------------ statistics -- */

/* One-sided p for being more alike; values within rounding of the observed one count as equal. */
static void null_statistics(const cf_measure *m, const double *null, size_t n, cf_compare_entry *e) {
  const double sign = m->distance ? -1 : 1, observed = sign * e->v.value;
  /* An angle is the arccos of a sum good to about 1e-13: near 0 it keeps half of the digits, and a permutation that
   * swaps equal conditions must count as a tie there too. */
  const double near0 = m->distance ? sqrt(observed * observed + 1e-12) - fabs(observed) : 0;
  const double room = 1e-12 * (1 + fabs(observed)) + near0;
  size_t count = 0, defined = 0;
  double mean = 0, sum2 = 0;
  for (size_t i = 0; i < n; i++) {
    if (isnan(null[i])) continue;
    defined++;
    count += sign * null[i] >= observed - room;
    const double d = null[i] - mean;
    mean += d / (double)defined;
    sum2 += d * (null[i] - mean);
  }
  if (isnan(observed) || defined == 0) return;
  e->p = (1.0 + (double)count) / (1.0 + (double)defined);
  e->null_mean = mean;
  if (defined < 2) return;
  e->null_sd = sqrt(sum2 / (double)(defined - 1));
  /* A null without spread (every permutation saturates) has no z. */
  if (e->null_sd > 1e-12 * (1 + fabs(mean))) e->z = sign * (e->v.value - mean) / e->null_sd;
}

static cf_status bootstrap_statistics(cf_context *ctx, const cf_compare_job *j, const cf_measure *m,
                                      cf_compare_entry *e) {
  cf_status status = CF_OK;
  double mean = 0, sum2 = 0;
  e->boot_defined = 0;
  for (size_t i = 0; i < j->bootstrap; i++) {
    if (isnan(e->boot[i])) continue;
    const double d = e->boot[i] - mean;
    mean += d / (double)++e->boot_defined;
    sum2 += d * (e->boot[i] - mean);
  }
  if (e->boot_defined < 2) return CF_OK;
  e->boot_mean = mean;
  e->boot_sd = sqrt(sum2 / (double)(e->boot_defined - 1));
  CF_TRY(cf_percentile_interval(ctx, j->bootstrap, e->boot, j->coverage, &e->low, &e->high));
  if (j->centred) {
    const double top = m->distance && j->o.euclidean && !cf_trajectory_measure(m) ? INFINITY : m->high;
    e->low = fmax(e->low + e->v.value - mean, m->low);
    e->high = fmin(e->high + e->v.value - mean, top);
  }
done:
  return status;
}

/* Value, null and bootstrap by the measure's own kind of system. */
static cf_status evaluate(cf_context *ctx, cf_compare_job *j, const cf_measure *m, cf_compare_entry *e) {
  if (cf_trajectory_measure(m))
    return cf_trajectory_value(ctx, m, &j->tx[e->x], &j->ty[e->y], &j->t, &e->v.value, &e->match);
  return cf_compare(ctx, m, j->x.system[e->x], j->y.system[e->y], &j->o, &e->v);
}
static cf_status permute(cf_context *ctx, cf_compare_job *j, const cf_measure *m, cf_compare_entry *e) {
  if (cf_trajectory_measure(m))
    return cf_trajectory_permute(ctx, m, &j->tx[e->x], &j->ty[e->y], &j->t, j->permutations, e->null);
  return cf_compare_permute(ctx, m, j->x.system[e->x], j->y.system[e->y], &j->o, j->permutations, e->null);
}
static cf_status resample(cf_context *ctx, cf_compare_job *j, const cf_measure *m, cf_compare_entry *e) {
  if (cf_trajectory_measure(m))
    return cf_trajectory_bootstrap(ctx, m, &j->tx[e->x], &j->ty[e->y], &j->t, j->what, j->bootstrap, e->boot);
  return cf_compare_bootstrap(ctx, m, j->x.system[e->x], j->y.system[e->y], &j->o, j->what, j->bootstrap, e->boot);
}

/* index: place of the entry in the result; at: how many were done before it. */
static cf_status run_entry(cf_context *ctx, cf_compare_job *j, cf_compare_entry *e, size_t index, size_t at) {
  cf_status status = CF_OK;
  const cf_measure *m = j->measure[e->measure];
  e->p = e->p_fdr = e->null_mean = e->null_sd = e->z = e->low = e->high = e->boot_mean = e->boot_sd = NAN;
  const uint64_t unit = 1 + j->permutations + j->bootstrap, start = at * unit;
  cf_progress_span(ctx, start, start + 1);
  CF_TRY(evaluate(ctx, j, m, e));
  if (j->permutations) {
    e->null = j->null + index * j->permutations;
    cf_progress_span(ctx, start + 1, start + 1 + j->permutations);
    CF_TRY(permute(ctx, j, m, e));
    null_statistics(m, e->null, j->permutations, e);
  }
  if (j->bootstrap) {
    e->boot = j->boot + index * j->bootstrap;
    cf_progress_span(ctx, start + 1 + j->permutations, start + unit);
    CF_TRY(resample(ctx, j, m, e));
    CF_TRY(bootstrap_statistics(ctx, j, m, e));
  }
done:
  return status;
}

/* The value lies outside its own interval, and not by rounding. */
static bool outside(const cf_compare_entry *e) {
  const double room = 1e-6 * (1 + fabs(e->v.value));
  return e->v.value < e->low - room || e->v.value > e->high + room;
}

/* One warning of each kind for all pairs of a measure. */
static cf_status warn_measure(cf_context *ctx, const cf_compare_job *j, size_t measure) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_measure *m = j->measure[measure];
  const size_t pairs = j->x.count * j->y.count;
  const cf_compare_entry *all = j->entry + measure * pairs, *undefined = NULL, *out = NULL;
  size_t n_undefined = 0, n_out = 0;
  cf_system **x = NULL, **y = NULL;
  double *values = NULL;
  char more[64] = "";
  CF_TRY(CF_SCRATCH(ctx, &x, pairs));
  CF_TRY(CF_SCRATCH(ctx, &y, pairs));
  CF_TRY(CF_SCRATCH(ctx, &values, pairs));
  for (size_t i = pairs; i-- > 0;) {
    if (!cf_trajectory_measure(m)) {
      x[i] = j->x.system[all[i].x];
      y[i] = j->y.system[all[i].y];
    }
    values[i] = all[i].v.value;
    if (isnan(values[i])) {
      undefined = &all[i];
      n_undefined++;
    } else if (outside(&all[i])) {
      out = &all[i];
      n_out++;
    }
  }
  if (!cf_trajectory_measure(m)) CF_TRY(cf_compare_check_pairs(ctx, m, pairs, x, y, &j->o, values));
  if (n_undefined > 1) snprintf(more, sizeof more, " (so in %zu of %zu pairs)", n_undefined, pairs);
  if (undefined)
    cf_warn(ctx, "%s of %s and %s is undefined%s", m->id, cf_compare_name(&j->x, undefined->x),
            cf_compare_name(&j->y, undefined->y), more);
  more[0] = 0;
  if (n_out > 1) snprintf(more, sizeof more, " (so in %zu of %zu pairs)", n_out, pairs);
  if (out)
    cf_warn(ctx,
            "%s of %s and %s: the value %.4g lies outside its own bootstrap interval [%.4g, %.4g]: samples with "
            "repeated %s bias this measure; --interval centred takes the bias out%s",
            m->id, cf_compare_name(&j->x, out->x), cf_compare_name(&j->y, out->y), out->v.value, out->low, out->high,
            j->what == CF_RESAMPLE_CONDITIONS ? "conditions" : "channels or conditions", more);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status run_all(cf_context *ctx, cf_compare_job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t count = 0, at = 0, ran = 0;
  double *p = NULL;
  j->entries = j->n_measures * j->x.count * j->y.count;
  CF_TRY(CF_ALLOC(ctx, &j->entry, j->entries));
  CF_TRY(cf_size_mul(ctx, j->entries, CF_MAX(j->permutations, (size_t)1), &count));
  CF_TRY(CF_ALLOC(ctx, &j->null, count));
  CF_TRY(cf_size_mul(ctx, j->entries, CF_MAX(j->bootstrap, (size_t)1), &count));
  CF_TRY(CF_ALLOC(ctx, &j->boot, count));
  cf_progress_begin(ctx, "comparisons", j->entries * (1 + j->permutations + j->bootstrap));
  /* A system of X is finished before the next one, so its Gram matrix and bases are made once. */
  for (size_t x = 0; x < j->x.count && status == CF_OK; x++)
    for (size_t y = 0; y < j->y.count && status == CF_OK; y++)
      for (size_t m = 0; m < j->n_measures && status == CF_OK; m++) {
        at = (m * j->x.count + x) * j->y.count + y;
        j->entry[at].measure = m;
        j->entry[at].x = x;
        j->entry[at].y = y;
        status = run_entry(ctx, j, &j->entry[at], at, ran++);
      }
  cf_progress_end(ctx);
  if (status != CF_OK) goto done;
  for (size_t m = 0; m < j->n_measures; m++) CF_TRY(warn_measure(ctx, j, m));
  CF_TRY(CF_SCRATCH(ctx, &p, j->entries));
  for (size_t i = 0; i < j->entries; i++) p[i] = j->entry[i].p;
  CF_TRY(cf_p_adjust(ctx, CF_CORRECT_BH, j->entries, p, p));
  for (size_t i = 0; i < j->entries; i++) j->entry[i].p_fdr = p[i];
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  cf_compare_job j = {0};
  cf_systems *sets[2] = {&j.x, &j.y};
  CF_TRY(read_options(ctx, options, &j));
  if (j.of_patterns)
    CF_TRY(cf_systems_load(ctx, sets, 2, cf_measure_nan(options), cf_measure_zscore(options), result, &j.dropped));
  if (j.of_trajectories) {
    CF_TRY(cf_trajectories_load(ctx, &j.x, &j.t, result, &j.tx));
    CF_TRY(cf_trajectories_load(ctx, &j.y, &j.t, result, &j.ty));
  }
  if (j.of_inputs)
    CF_TRY(cf_trajectories_load_inputs(ctx, options, 2, (const cf_systems *const[]){&j.x, &j.y},
                                       (cf_trajectory *const[]){j.tx, j.ty}, &j.t, result));
  CF_TRY(read_splits(ctx, result, &j));
  CF_TRY(run_all(ctx, &j));
  cf_compare_fill_values(&j, result->values);
  CF_TRY(cf_compare_fill_arrays(ctx, &j, result));
  CF_TRY(cf_compare_say(ctx, &j, result));
done:
  job_free(&j);
  return status;
}

/* ------------------------------------------------------------------ cost -- */

/* Seconds of one permutation or bootstrap sample of a measure, by the dominant term. */
static double replicate_cost(const cf_measure *m, double n, double p, double q, bool units, double *once) {
  const double rate = 4e10, slow = 8e9, small = CF_MIN(n, p), small_y = CF_MIN(n, q);
  const double svd =
      (4 * n * small * small + n * p * small) / slow + (4 * n * small_y * small_y + n * q * small_y) / slow;
  const bool kernel = strstr(m->id, "cka") || strcmp(m->id, "rv") == 0 || strcmp(m->id, "rsa") == 0;
  *once = kernel ? n * n * (p + q) / rate : strcmp(m->id, "linear-predictivity") == 0 ? 5 * 4 * n * n * n / slow : svd;
  if (units) return *once;
  if (kernel) return 0.5 * n * n / 3e9;
  if (strcmp(m->id, "linear-predictivity") == 0) return 10 * n * n * q / rate;
  return (2 * n * small * small_y + 4 * CF_MAX(small, small_y) * CF_MIN(small, small_y) * CF_MIN(small, small_y)) /
         slow;
}

static cf_status cost(cf_context *ctx, const cf_options *options, cf_cost *out) {
  cf_status status = CF_OK;
  cf_compare_job j = {0};
  CF_TRY(read_options(ctx, options, &j));
  const double threads = cf_context_threads(ctx);
  for (size_t x = 0; x < j.x.count; x++)
    for (size_t y = 0; y < j.y.count; y++) {
      size_t n = 0, p = 0, m = 0, q = 0;
      if (!cf_systems_shape(ctx, j.x.address[x], &n, &p) || !cf_systems_shape(ctx, j.y.address[y], &m, &q)) continue;
      for (size_t k = 0; k < j.n_measures; k++) {
        double once = 0;
        if (cf_trajectory_measure(
                j.measure[k])) { /* the shape does not tell steps from channels: 20 channels stand in */
          double fit_cost = 0;
          const double pair = cf_trajectory_cost(j.measure[k], (double)n, (double)p / 20, 20, &j.t, &fit_cost);
          out->seconds += (pair + 2 * fit_cost) * (1 + (double)(j.permutations + j.bootstrap)) / threads;
          continue;
        }
        const double null = replicate_cost(j.measure[k], (double)n, (double)p, (double)q, false, &once);
        const double boot =
            replicate_cost(j.measure[k], (double)n, (double)p, (double)q, j.what != CF_RESAMPLE_CONDITIONS, &once);
        out->seconds += once / threads + ((double)j.permutations * null + (double)j.bootstrap * boot) / threads;
      }
      out->bytes = CF_MAX(out->bytes, 8.0 * (3.0 * (double)n * (double)(p + q) + 8.0 * (double)n * (double)n));
    }
done:
  cf_context_clear(ctx);
  job_free(&j);
  return status;
}

const cf_analysis cf_analysis_compare = {
    "compare",   "Geometry", "Measures between two systems, with null and interval",
    "X Y",       2,          2,
    description, examples,   params,
    run,         cost,       false};
