/* `cortifold distances`: the matrix of distances between many systems. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/internal.h"
#include "pipeline/analyses.h"
#include "pipeline/trajectories.h"
#include <cortifold/rdm.h>
#include <cortifold/rsa.h>

static const cf_param params[] = {
    {"measure", 'm', CF_PARAM_CHOICE, "NAME", "procrustes", 0, 0, CF_MEASURE_NAMES "|" CF_TRAJECTORY_NAMES,
     "Measure between two systems."},
    CF_MEASURE_OPTIONS,
    CF_TRAJECTORY_OPTIONS,
    CF_PARAM_END,
};

static const char description[] =
    "Distances between all pairs of systems (condition x channel) over the same conditions, as a square matrix that "
    "multidimensional scaling, clustering and permutation tests take. Each FILE may list several addresses separated "
    "by commas, or be a pattern like nets.h5:*. The systems' factorisations are made once and pairs run in "
    "parallel.\n\n"
    "procrustes and shape are distances already. Similarities become distances: arccos of cka, cka-rbf and rv (an "
    "angle, a metric), 1 - value of the others; pwcca and linear-predictivity, which are not symmetric, are averaged "
    "over both directions. The diagonal is 0. The measures are described under compare. The dsa measures take "
    "trajectories (condition, time, channel), whose conditions need no partner; for dsa-angular and dsa-euclidean the "
    "arrays gradient, reached and starts tell how each pair's search ended.\n\n"
    "Values: distances (rows of the matrix), names, transform, nearest [{a, b, distance}]. Arrays: distances "
    "(system, system), dsa: gradient, reached, starts.\n\n"
    "Reference: Williams, Kunz, Kornblith & Linderman (2021), NeurIPS.";

static const char examples[] = "cortifold distances nets/*.npy --measure shape --alpha 0.5 -o distances.npz\n"
                               "cortifold distances 'resnet.npz:*' --measure cka";

typedef struct job {
  cf_systems systems;
  cf_compare_options o;
  cf_trajectory_options t;
  cf_trajectory *trajectory; /* for measures between trajectories */
  cf_dsa_match *match;
  const cf_measure *measure;
  double *d;
  size_t dropped;
} job;

static cf_status read_options(cf_context *ctx, const cf_options *options, job *j) {
  cf_status status = CF_OK;
  cf_measure_options(options, &j->o);
  CF_TRY(cf_compare_options_check(ctx, &j->o));
  CF_TRY(cf_trajectory_read_options(ctx, options, &j->t));
  j->measure = cf_measure_find(cf_options_text(options, "measure"));
  if (!j->measure) j->measure = cf_trajectory_measure_find(cf_options_text(options, "measure"));
  j->t.published = j->o.paper;
  j->t.no_operator = cf_trajectory_measure_has_inputs(j->measure);
  if (cf_options_given(options, "inputs") && !j->t.no_operator)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--inputs belongs to --measure dsa-input-angular or dsa-input-euclidean"));
  for (size_t i = 0; i < cf_options_arguments(options); i++)
    CF_TRY(cf_systems_expand(ctx, cf_options_argument(options, i), &j->systems));
  if (j->systems.count < 2)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "at least two systems are needed, %s is one", j->systems.address[0]));
done:
  return status;
}

static const char *transform_of(const cf_measure *m) {
  if (m->distance) return "none";
  return strcmp(m->id, "cka") == 0 || strcmp(m->id, "rv") == 0 || strcmp(m->id, "cka-rbf") == 0 ? "arccos"
                                                                                                : "1 - value";
}

static bool of_trajectories(const job *j) {
  return cf_trajectory_measure(j->measure);
}

static size_t conditions_of(const job *j) {
  return of_trajectories(j) ? j->trajectory[0].trials : cf_system_conditions(j->systems.system[0]);
}

static const char *matched_by(const job *j) {
  return of_trajectories(j) ? "none: trials need no partner" : j->systems.by_position ? "position" : "label";
}

static void fill_values(const job *j, cf_json *values) {
  const size_t k = j->systems.count;
  char **name = j->systems.names->data;
  cf_json *rows = cf_json_list(), *names = cf_json_list(), *measure = cf_json_object(), *nearest = cf_json_list();
  for (size_t i = 0; i < k; i++) {
    size_t best = i == 0 ? 1 : 0;
    cf_json *pair = cf_json_object();
    cf_json_append(rows, cf_json_numbers(j->d + i * k, k));
    cf_json_append(names, cf_json_text(name[i]));
    for (size_t b = 0; b < k; b++)
      if (b != i && j->d[i * k + b] < j->d[i * k + best]) best = b;
    cf_json_set(pair, "a", cf_json_text(name[i]));
    cf_json_set(pair, "b", cf_json_text(name[best]));
    cf_json_set(pair, "distance", cf_json_number(j->d[i * k + best]));
    cf_json_append(nearest, pair);
  }
  cf_json_set(measure, "name", cf_json_text(j->measure->id));
  cf_json_set(measure, "formula", cf_json_text(j->measure->formula));
  cf_json_set(measure, "reference", cf_json_text(j->measure->reference));
  cf_json_set(measure, "preset", cf_json_text(j->measure->slip && j->o.paper ? "paper" : "clean"));
  cf_json_set(measure, "transform", cf_json_text(transform_of(j->measure)));
  cf_json_set(measure, "symmetrised", cf_json_bool(!j->measure->symmetric));
  cf_json_set(values, "names", names);
  cf_json_set(values, "distances", rows);
  cf_json_set(values, "nearest", nearest);
  cf_json_set(values, "measure", measure);
  cf_json_set(values, "conditions", cf_json_number((double)conditions_of(j)));
  cf_json_set(values, "conditions_dropped", cf_json_number((double)j->dropped));
  cf_json_set(values, "conditions_matched_by", cf_json_text(matched_by(j)));
}

static cf_status put_matrix(cf_context *ctx, const job *j, cf_result *result, const char *name, const double *data) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  const size_t shape[2] = {j->systems.count, j->systems.count};
  CF_TRY(cf_array_from_doubles(ctx, name, 2, shape, data, &a));
  CF_TRY(cf_array_set_axis(ctx, a, 0, "system", j->systems.names));
  CF_TRY(cf_array_set_axis(ctx, a, 1, "system", j->systems.names));
  status = cf_dataset_add(ctx, result->arrays, a);
  return status;
done:
  cf_array_free(a);
  return status;
}

static cf_status fill_arrays(cf_context *ctx, const job *j, cf_result *result) {
  static const char *const names[] = {"gradient", "reached", "starts"};
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t k = j->systems.count;
  double *data;
  CF_TRY(put_matrix(ctx, j, result, "distances", j->d));
  if (!j->match || strcmp(j->measure->id, "dsa-wasserstein") == 0) goto done;
  CF_TRY(CF_SCRATCH(ctx, &data, k * k));
  for (size_t what = 0; what < 3; what++) {
    for (size_t a = 0; a < k; a++)
      for (size_t b = 0; b < k; b++) {
        const cf_dsa_match *m = &j->match[CF_MIN(a, b) * k + CF_MAX(a, b)];
        data[a * k + b] = what == 0 ? m->gradient : (double)(what == 1 ? m->reached : m->starts);
      }
    CF_TRY(put_matrix(ctx, j, result, names[what], data));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status say_summary(cf_context *ctx, const job *j, cf_result *result) {
  cf_status status = CF_OK;
  const size_t k = j->systems.count, shown = CF_MIN(k, (size_t)12);
  char **name = j->systems.names->data;
  CF_TRY(cf_result_say(ctx, result, "%s of %zu systems over %zu conditions (%s), transform: %s\n", j->measure->id, k,
                       conditions_of(j),
                       of_trajectories(j)       ? "which need no partner"
                       : j->systems.by_position ? "matched by position"
                                                : "matched by label",
                       transform_of(j->measure)));
  for (size_t i = 0; i < shown; i++) {
    CF_TRY(cf_result_say(ctx, result, "%-20.20s", name[i]));
    for (size_t b = 0; b < shown; b++) CF_TRY(cf_result_say(ctx, result, " %7.4f", j->d[i * k + b]));
    CF_TRY(cf_result_say(ctx, result, "\n"));
  }
  if (shown < k) CF_TRY(cf_result_say(ctx, result, "(the first %zu of %zu; -o FILE writes all)\n", shown, k));
done:
  return status;
}

static cf_status warn_pairs(cf_context *ctx, const job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t k = j->systems.count, pairs = k * (k - 1) / 2;
  cf_system **x = NULL, **y = NULL;
  double *values = NULL;
  size_t at = 0;
  const bool angle = strcmp(transform_of(j->measure), "arccos") == 0;
  CF_TRY(CF_SCRATCH(ctx, &x, pairs));
  CF_TRY(CF_SCRATCH(ctx, &y, pairs));
  CF_TRY(CF_SCRATCH(ctx, &values, pairs));
  for (size_t a = 0; a < k; a++)
    for (size_t b = a + 1; b < k; b++, at++) {
      const double d = j->d[a * k + b];
      x[at] = j->systems.system[a];
      y[at] = j->systems.system[b];
      values[at] = angle ? cos(d) : 1 - d;
    }
  CF_TRY(cf_compare_check_pairs(ctx, j->measure, pairs, x, y, &j->o, values));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* All pairs of driven systems. */
static cf_status input_distances(cf_context *ctx, const cf_options *options, job *j, cf_result *result) {
  cf_status status = CF_OK;
  const size_t k = j->systems.count;
  CF_TRY(cf_trajectories_load(ctx, &j->systems, &j->t, result, &j->trajectory));
  CF_TRY(cf_trajectories_load_inputs(ctx, options, 1, (const cf_systems *const[]){&j->systems},
                                     (cf_trajectory *const[]){j->trajectory}, &j->t, result));
  for (size_t a = 0; a < k; a++)
    for (size_t b = a + 1; b < k; b++) {
      double value = 0;
      CF_TRY(cf_trajectory_value(ctx, j->measure, &j->trajectory[a], &j->trajectory[b], &j->t, &value, NULL));
      j->d[a * k + b] = j->d[b * k + a] = value;
    }
done:
  return status;
}

/* The operator of each trajectory, and all pairs of them. */
static cf_status run_trajectories(cf_context *ctx, job *j, cf_result *result) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t k = j->systems.count;
  const cf_dsa_kind kind = strcmp(j->measure->id, "dsa-angular") == 0     ? CF_DSA_ANGULAR
                           : strcmp(j->measure->id, "dsa-euclidean") == 0 ? CF_DSA_EUCLIDEAN
                                                                          : CF_DSA_WASSERSTEIN;
  cf_operator **op;
  CF_TRY(cf_trajectories_load(ctx, &j->systems, &j->t, result, &j->trajectory));
  CF_TRY(CF_SCRATCH(ctx, &op, k));
  CF_TRY(CF_ALLOC(ctx, &j->match, k * k));
  for (size_t i = 0; i < k; i++) op[i] = j->trajectory[i].op;
  CF_TRY(cf_dsa_distances(ctx, kind, k, op, &j->t.dsa, j->d, j->match));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  job j = {0};
  cf_systems *sets[1] = {&j.systems};
  size_t count = 0;
  CF_TRY(read_options(ctx, options, &j));
  CF_TRY(cf_size_mul(ctx, j.systems.count, j.systems.count, &count));
  CF_TRY(CF_ALLOC(ctx, &j.d, count));
  if (cf_trajectory_measure_has_inputs(j.measure)) {
    CF_TRY(input_distances(ctx, options, &j, result));
  } else if (of_trajectories(&j)) {
    CF_TRY(run_trajectories(ctx, &j, result));
  } else {
    CF_TRY(cf_systems_load(ctx, sets, 1, cf_measure_nan(options), cf_measure_zscore(options), result, &j.dropped));
    CF_TRY(cf_compare_distances(ctx, j.measure, j.systems.count, j.systems.system, &j.o, j.d));
    CF_TRY(warn_pairs(ctx, &j));
  }
  fill_values(&j, result->values);
  CF_TRY(fill_arrays(ctx, &j, result));
  CF_TRY(say_summary(ctx, &j, result));
done:
  cf_free(j.d);
  cf_free(j.match);
  cf_trajectories_free(j.trajectory, j.systems.count);
  cf_systems_free(&j.systems);
  return status;
}

static cf_status cost(cf_context *ctx, const cf_options *options, cf_cost *out) {
  cf_status status = CF_OK;
  job j = {0};
  size_t n = 0, p = 0;
  CF_TRY(read_options(ctx, options, &j));
  const double k = (double)j.systems.count, threads = cf_context_threads(ctx);
  if (cf_systems_shape(ctx, j.systems.address[0], &n, &p)) {
    const double r = (double)CF_MIN(n, p), rows = (double)n;
    if (of_trajectories(&j)) { /* the shape does not tell steps from channels: 20 channels stand in */
      double fit = 0;
      const double one = cf_trajectory_cost(j.measure, rows, (double)p / 20, 20, &j.t, &fit);
      out->seconds = (0.5 * k * (k - 1) * one + k * fit) / threads;
      out->bytes = 8 * k * rows * (double)p;
      goto done;
    }
    const bool kernel =
        strstr(j.measure->id, "cka") || strcmp(j.measure->id, "rv") == 0 || strcmp(j.measure->id, "rsa") == 0;
    const double pair = kernel ? rows * rows / 1e9 : (2 * rows * r * r + 3 * r * r * r) / 2e10;
    const double single = rows * r * CF_MAX((double)p, r) * (kernel ? 1 : 6) / 2e10;
    out->seconds = (0.5 * k * (k - 1) * pair + k * single) / threads;
    out->bytes = 8 * k * (3 * rows * (double)p + (kernel ? rows * rows : rows * r));
  }
done:
  cf_context_clear(ctx);
  cf_systems_free(&j.systems);
  return status;
}

const cf_analysis cf_analysis_distances = {"distances", "Geometry", "Distances between all pairs of many systems",
                                           "FILE...",   1,          -1,
                                           description, examples,   params,
                                           run,         cost,       false};
