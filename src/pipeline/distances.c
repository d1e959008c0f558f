/* `cortifold distances`: the matrix of distances between many systems. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/internal.h"
#include "pipeline/analyses.h"
#include "pipeline/systems.h"
#include <cortifold/rdm.h>
#include <cortifold/rsa.h>

static const cf_param params[] = {
    {"measure", 'm', CF_PARAM_CHOICE, "NAME", "procrustes", 0, 0, CF_MEASURE_NAMES, "Measure between two systems."},
    CF_MEASURE_OPTIONS,
    CF_PARAM_END,
};

static const char description[] =
    "Distances between all pairs of systems (condition x channel) over the same conditions, as a square matrix that "
    "multidimensional scaling, clustering and permutation tests take. Each FILE may list several addresses separated "
    "by commas, or be a pattern like nets.h5:*. The systems' factorisations are made once and pairs run in "
    "parallel.\n\n"
    "procrustes and shape are distances already. Similarities become distances: arccos of cka, cka-rbf and rv (an "
    "angle, a metric), 1 - value of the others; pwcca and linear-predictivity, which are not symmetric, are averaged "
    "over both directions. The diagonal is 0. The measures are described under compare.\n\n"
    "Values: distances (rows of the matrix), names, transform, nearest [{a, b, distance}]. Arrays: distances "
    "(system, system).\n\n"
    "Reference: Williams, Kunz, Kornblith & Linderman (2021), NeurIPS.";

static const char examples[] = "cortifold distances nets/*.npy --measure shape --alpha 0.5 -o distances.npz\n"
                               "cortifold distances 'resnet.npz:*' --measure cka";

typedef struct job {
  cf_systems systems;
  cf_compare_options o;
  const cf_measure *measure;
  double *d;
  size_t dropped;
} job;

static cf_status read_options(cf_context *ctx, const cf_options *options, job *j) {
  cf_status status = CF_OK;
  cf_measure_options(options, &j->o);
  CF_TRY(cf_compare_options_check(ctx, &j->o));
  j->measure = cf_measure_find(cf_options_text(options, "measure"));
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
  cf_json_set(values, "conditions", cf_json_number((double)cf_system_conditions(j->systems.system[0])));
  cf_json_set(values, "conditions_dropped", cf_json_number((double)j->dropped));
  cf_json_set(values, "conditions_matched_by", cf_json_text(j->systems.by_position ? "position" : "label"));
}

static cf_status fill_arrays(cf_context *ctx, const job *j, cf_result *result) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  const size_t shape[2] = {j->systems.count, j->systems.count};
  CF_TRY(cf_array_from_doubles(ctx, "distances", 2, shape, j->d, &a));
  CF_TRY(cf_array_set_axis(ctx, a, 0, "system", j->systems.names));
  CF_TRY(cf_array_set_axis(ctx, a, 1, "system", j->systems.names));
  status = cf_dataset_add(ctx, result->arrays, a);
  return status;
done:
  cf_array_free(a);
  return status;
}

static cf_status say_summary(cf_context *ctx, const job *j, cf_result *result) {
  cf_status status = CF_OK;
  const size_t k = j->systems.count, shown = CF_MIN(k, (size_t)12);
  char **name = j->systems.names->data;
  CF_TRY(cf_result_say(ctx, result, "%s of %zu systems over %zu conditions (matched by %s), transform: %s\n",
                       j->measure->id, k, cf_system_conditions(j->systems.system[0]),
                       j->systems.by_position ? "position" : "label", transform_of(j->measure)));
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

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  job j = {0};
  cf_systems *sets[1] = {&j.systems};
  CF_TRY(read_options(ctx, options, &j));
  const size_t k = j.systems.count;
  CF_TRY(cf_systems_load(ctx, sets, 1, cf_measure_nan(options), cf_measure_zscore(options), result, &j.dropped));
  size_t count = 0;
  CF_TRY(cf_size_mul(ctx, k, k, &count));
  CF_TRY(CF_ALLOC(ctx, &j.d, count));
  CF_TRY(cf_compare_distances(ctx, j.measure, k, j.systems.system, &j.o, j.d));
  CF_TRY(warn_pairs(ctx, &j));
  fill_values(&j, result->values);
  CF_TRY(fill_arrays(ctx, &j, result));
  CF_TRY(say_summary(ctx, &j, result));
done:
  cf_free(j.d);
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
