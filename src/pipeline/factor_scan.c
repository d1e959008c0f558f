/* Results of one rank and of a scan over ranks: values, arrays, summary. */
#include "pipeline/factor_scan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/internal.h"

const char *const cf_suggestion_rule =
    "our own rule, to begin with: the smallest rank at which the smoothed effective dimension has made 90 % of its "
    "rise over the scan and whose restarts agree at least 0.85 times as well as those of the best agreeing rank; where "
    "there is none, the largest rank below whose restarts do; the published work chooses by eye";

/* ------------------------------------------------------------ summaries -- */

void cf_rank_summary_free(cf_rank_summary *s) {
  if (!s) return;
  cf_factors_free(s->best);
  cf_free(s->error);
  cf_free(s->dimension);
  cf_free(s->congruence);
  cf_free(s);
}

cf_status cf_rank_summary_new(cf_context *ctx, cf_factorisation *fits, bool rotate, cf_rank_summary **out) {
  cf_status status = CF_OK;
  cf_rank_summary *s = NULL;
  const size_t k = fits->restarts;
  CF_TRY(CF_ALLOC(ctx, &s, 1));
  CF_TRY(CF_ALLOC(ctx, &s->error, k));
  CF_TRY(CF_ALLOC(ctx, &s->dimension, k));
  CF_TRY(CF_ALLOC(ctx, &s->congruence, k));
  CF_TRY(cf_factorisation_agreement(ctx, fits, rotate, s->congruence, s->dimension, &s->agreement));
  s->restarts = k;
  s->rank = fits->restart[0]->rank;
  for (size_t i = 0; i < k; i++) {
    s->error[i] = fits->restart[i]->error_percent;
    s->converged += fits->restart[i]->converged ? 1 / (double)k : 0;
    s->sweeps += (double)fits->restart[i]->sweeps / (double)k;
  }
  s->best = fits->restart[0];
  fits->restart[0] = NULL;
  *out = s;
  s = NULL;
done:
  cf_rank_summary_free(s);
  cf_factorisation_free(fits);
  return status;
}

cf_status cf_rank_scan_choose(cf_context *ctx, cf_rank_scan *scan, size_t wanted) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *dimension, *congruence;
  CF_TRY(CF_SCRATCH(ctx, &dimension, scan->count));
  CF_TRY(CF_SCRATCH(ctx, &congruence, scan->count));
  for (size_t i = 0; i < scan->count; i++) {
    dimension[i] = scan->rank[i]->agreement.dimension_mean;
    congruence[i] = scan->rank[i]->agreement.congruence_mean;
  }
  CF_TRY(cf_rank_suggest(ctx, scan->count, dimension, congruence, &scan->suggested));
  scan->chosen = scan->suggested == SIZE_MAX ? scan->count - 1 : scan->suggested;
  if (wanted == 0) goto done;
  for (size_t i = 0; i < scan->count; i++)
    if (scan->rank[i]->rank == wanted) {
      scan->chosen = i;
      goto done;
    }
  status = cf_fail(ctx, CF_ERR_USAGE, "--choose %zu: the rank is not one of those scanned, %zu to %zu", wanted,
                   scan->rank[0]->rank, scan->rank[scan->count - 1]->rank);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* --------------------------------------------------------------- values -- */

static double share_within(const cf_rank_summary *s, double percent) {
  size_t count = 0;
  for (size_t i = 0; i < s->restarts; i++) count += s->error[i] <= s->error[0] * (1 + percent / 100) + 1e-6;
  return isnan(s->error[0]) ? NAN : (double)count / (double)s->restarts;
}

static cf_json *shares(const cf_rank_summary *s) {
  static const double percent[] = {0.1, 1, 5};
  cf_json *list = cf_json_list();
  for (size_t i = 0; i < sizeof percent / sizeof *percent; i++) {
    cf_json *entry = cf_json_object();
    cf_json_set(entry, "percent", cf_json_number(percent[i]));
    cf_json_set(entry, "share", cf_json_number(share_within(s, percent[i])));
    cf_json_append(list, entry);
  }
  return list;
}

static cf_json *mean_and(const char *other, double mean, double value) {
  cf_json *object = cf_json_object();
  cf_json_set(object, "mean", cf_json_number(mean));
  cf_json_set(object, other, cf_json_number(value));
  return object;
}

static void set_rank_values(const cf_rank_summary *s, cf_json *values) {
  const cf_restart_agreement *g = &s->agreement;
  cf_json *congruence = mean_and("min", g->congruence_mean, g->congruence_min);
  cf_json_set(congruence, "each", cf_json_numbers(s->congruence, s->restarts));
  cf_json_set(values, "rank", cf_json_number((double)s->rank));
  cf_json_set(values, "error_percent", cf_json_number(s->error[0]));
  cf_json_set(values, "errors", cf_json_numbers(s->error, s->restarts));
  cf_json_set(values, "restarts", cf_json_number((double)s->restarts));
  cf_json_set(values, "within", shares(s));
  cf_json_set(values, "congruence", congruence);
  cf_json_set(values, "effective_dimension", mean_and("sd", g->dimension_mean, g->dimension_sd));
  cf_json_set(values, "components", cf_json_number((double)s->best->alive));
  cf_json_set(values, "lambda", cf_json_numbers(s->best->lambda, s->rank));
  cf_json_set(values, "converged", cf_json_number(s->converged));
  cf_json_set(values, "sweeps", cf_json_number(s->sweeps));
}

static cf_json *scan_entry(const cf_rank_summary *s, double derivative) {
  const cf_restart_agreement *g = &s->agreement;
  cf_json *e = cf_json_object();
  cf_json_set(e, "rank", cf_json_number((double)s->rank));
  cf_json_set(e, "error_best", cf_json_number(s->error[0]));
  cf_json_set(e, "error_mean", cf_json_number(g->error_mean));
  cf_json_set(e, "dimension_mean", cf_json_number(g->dimension_mean));
  cf_json_set(e, "dimension_sd", cf_json_number(g->dimension_sd));
  cf_json_set(e, "derivative", cf_json_number(derivative));
  cf_json_set(e, "congruence", cf_json_number(g->congruence_mean));
  cf_json_set(e, "within", shares(s));
  return e;
}

/* --------------------------------------------------------------- arrays -- */

static cf_status label_of(cf_context *ctx, const cf_rank_scan *scan, const char *axis, size_t length, cf_array **out) {
  cf_status status = CF_OK;
  const double *numbers = strcmp(axis, "direction") == 0 ? scan->degrees
                          : strcmp(axis, "time") == 0    ? scan->seconds
                                                         : NULL;
  const cf_array *known = strcmp(axis, "neuron") == 0     ? scan->neuron
                          : strcmp(axis, "stimulus") == 0 ? scan->stimulus
                                                          : NULL;
  *out = NULL;
  if (numbers)
    CF_TRY(cf_array_from_doubles(ctx, axis, 1, &length, numbers, out));
  else if (known && cf_array_count(known) == length)
    CF_TRY(cf_array_copy(ctx, known, out));
done:
  return status;
}

static cf_status add_axes(cf_context *ctx, const cf_rank_scan *scan, cf_array *a, const char *const *axes) {
  cf_status status = CF_OK;
  cf_array *label = NULL;
  for (int d = 0; d < a->ndim; d++) {
    CF_TRY(label_of(ctx, scan, axes[d], a->shape[d], &label));
    CF_TRY(cf_array_set_axis(ctx, a, d, axes[d], label));
    cf_array_free(label);
    label = NULL;
  }
done:
  cf_array_free(label);
  return status;
}

cf_status cf_factor_put(cf_context *ctx, const cf_rank_scan *scan, cf_result *result, const char *name, int ndim,
                        const size_t *shape, const char *const *axes, const double *data) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  CF_TRY(cf_array_from_doubles(ctx, name, ndim, shape, data, &a));
  CF_TRY(add_axes(ctx, scan, a, axes));
  status = cf_dataset_add(ctx, result->arrays, a);
  a = NULL;
done:
  cf_array_free(a);
  return status;
}

static cf_status put_shift(cf_context *ctx, const cf_rank_scan *scan, cf_result *result, const char *name,
                           const cf_factors *f) {
  static const char *const axes[] = {"neuron", "stimulus"};
  cf_status status = CF_OK;
  cf_array *a = NULL;
  const size_t shape[2] = {f->neurons, f->stimuli};
  CF_TRY(cf_array_new(ctx, name, CF_I32, 2, shape, &a));
  memcpy(a->data, f->shift, f->neurons * f->stimuli * sizeof *f->shift);
  CF_TRY(add_axes(ctx, scan, a, axes));
  status = cf_dataset_add(ctx, result->arrays, a);
  a = NULL;
done:
  cf_array_free(a);
  return status;
}

/* The factors of one rank under "" or "rank-07/". */
static cf_status put_factors(cf_context *ctx, const cf_rank_scan *scan, cf_result *result, const char *prefix,
                             const cf_rank_summary *s) {
  static const char *const neuron[] = {"neuron", "component"}, *const stimulus[] = {"stimulus", "component"},
                           *const pattern[] = {"pattern", "component"}, *const component[] = {"component"},
                           *const restart[] = {"restart"}, *const sweep[] = {"sweep"};
  cf_status status = CF_OK;
  const cf_factors *f = s->best;
  const struct {
    const char *name;
    int ndim;
    size_t shape[2];
    const char *const *axes;
    const double *data;
  } table[] = {{"neuron", 2, {f->neurons, f->rank}, neuron, f->neuron},
               {"stimulus", 2, {f->stimuli, f->rank}, stimulus, f->stimulus},
               {"pattern", 2, {f->patterns, f->rank}, pattern, f->pattern},
               {"lambda", 1, {f->rank, 0}, component, f->lambda},
               {"residual", 1, {f->neurons, 0}, neuron, f->residual},
               {"error", 1, {s->restarts, 0}, restart, s->error},
               {"congruence", 1, {s->restarts, 0}, restart, s->congruence},
               {"trace", 1, {f->trace_count, 0}, sweep, f->trace}};
  char name[64];
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    if (!table[i].data || (strcmp(table[i].name, "trace") == 0 && f->trace_count == 0)) continue;
    snprintf(name, sizeof name, "%s%s", prefix, table[i].name);
    CF_TRY(cf_factor_put(ctx, scan, result, name, table[i].ndim, table[i].shape, table[i].axes, table[i].data));
  }
  snprintf(name, sizeof name, "%sshift", prefix);
  CF_TRY(put_shift(ctx, scan, result, name, f));
done:
  return status;
}

static cf_status put_label(cf_context *ctx, cf_result *result, const char *name, const cf_array *label) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  if (!label) return CF_OK;
  CF_TRY(cf_array_copy(ctx, label, &a));
  cf_free(a->name);
  a->name = NULL;
  CF_TRY(cf_strdup(ctx, name, &a->name));
  status = cf_dataset_add(ctx, result->arrays, a);
  a = NULL;
done:
  cf_array_free(a);
  return status;
}

static cf_status put_labels(cf_context *ctx, const cf_rank_scan *scan, cf_result *result) {
  static const char *const direction[] = {"direction"}, *const time[] = {"time"};
  cf_status status = CF_OK;
  const cf_factors *f = scan->rank[scan->chosen]->best;
  if (scan->degrees) CF_TRY(cf_factor_put(ctx, scan, result, "direction", 1, &f->directions, direction, scan->degrees));
  if (scan->seconds) CF_TRY(cf_factor_put(ctx, scan, result, "time", 1, &f->times, time, scan->seconds));
  CF_TRY(put_label(ctx, result, "neuron_label", scan->neuron));
  CF_TRY(put_label(ctx, result, "stimulus_label", scan->stimulus));
done:
  return status;
}

/* The curves over ranks; derivative has one entry less and is NaN at the last rank. */
static cf_status put_curves(cf_context *ctx, const cf_rank_scan *scan, cf_result *result) {
  static const char *const axes[] = {"rank", "restart"};
  enum { RANK, BEST, MEAN, SD, DERIVATIVE, CONGRUENCE, CURVES };
  static const char *const names[CURVES] = {"scan/rank",         "scan/error_best", "scan/dimension_mean",
                                            "scan/dimension_sd", "scan/derivative", "scan/congruence_mean"};
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = scan->count;
  size_t most = 0;
  double *curve[CURVES], *error, *dimension;
  for (size_t i = 0; i < n; i++) most = CF_MAX(most, scan->rank[i]->restarts);
  for (size_t c = 0; c < CURVES; c++) CF_TRY(CF_SCRATCH(ctx, &curve[c], n));
  CF_TRY(CF_SCRATCH(ctx, &error, n * most));
  CF_TRY(CF_SCRATCH(ctx, &dimension, n * most));
  for (size_t i = 0; i < n; i++) {
    const cf_rank_summary *s = scan->rank[i];
    curve[RANK][i] = (double)s->rank;
    curve[BEST][i] = s->error[0];
    curve[MEAN][i] = s->agreement.dimension_mean;
    curve[SD][i] = s->agreement.dimension_sd;
    curve[CONGRUENCE][i] = s->agreement.congruence_mean;
    curve[DERIVATIVE][i] = NAN;
    for (size_t k = 0; k < most; k++) {
      error[i * most + k] = k < s->restarts ? s->error[k] : NAN;
      dimension[i * most + k] = k < s->restarts ? s->dimension[k] : NAN;
    }
  }
  CF_TRY(cf_rank_derivative(ctx, n, curve[MEAN], curve[DERIVATIVE]));
  for (size_t c = 0; c < CURVES; c++) CF_TRY(cf_factor_put(ctx, scan, result, names[c], 1, &n, axes, curve[c]));
  const size_t shape[2] = {n, most};
  CF_TRY(cf_factor_put(ctx, scan, result, "scan/error", 2, shape, axes, error));
  CF_TRY(cf_factor_put(ctx, scan, result, "scan/dimension", 2, shape, axes, dimension));
  cf_json *ranks = cf_json_list();
  for (size_t i = 0; i < n; i++) cf_json_append(ranks, scan_entry(scan->rank[i], curve[DERIVATIVE][i]));
  cf_json_set(result->values, "ranks", ranks);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_rank_scan_results(cf_context *ctx, const cf_rank_scan *scan, cf_result *result) {
  cf_status status = CF_OK;
  set_rank_values(scan->rank[scan->chosen], result->values);
  CF_TRY(put_factors(ctx, scan, result, "", scan->rank[scan->chosen]));
  CF_TRY(put_labels(ctx, scan, result));
  if (scan->count < 2) goto done;
  CF_TRY(put_curves(ctx, scan, result));
  for (size_t i = 0; i < scan->count; i++) {
    char prefix[40];
    snprintf(prefix, sizeof prefix, "rank-%02zu/", scan->rank[i]->rank);
    CF_TRY(put_factors(ctx, scan, result, prefix, scan->rank[i]));
  }
  if (scan->suggested == SIZE_MAX) goto done;
  cf_json_set(result->values, "suggested_rank", cf_json_number((double)scan->rank[scan->suggested]->rank));
  cf_json_set(result->values, "suggestion_rule", cf_json_text(cf_suggestion_rule));
done:
  return status;
}

cf_status cf_rank_scan_say(cf_context *ctx, const cf_rank_scan *scan, cf_result *result) {
  cf_status status = CF_OK;
  CF_TRY(cf_result_say(ctx, result, "rank  restarts  best error %%  within 1 %%  agreement  dimensions\n"));
  for (size_t i = 0; i < scan->count; i++) {
    const cf_rank_summary *s = scan->rank[i];
    CF_TRY(cf_result_say(ctx, result, "%4zu%c %9zu %13.4f %11.2f %10.3f %8.3f +- %.3f\n", s->rank,
                         scan->count > 1 && i == scan->chosen ? '*' : ' ', s->restarts, s->error[0], share_within(s, 1),
                         s->agreement.congruence_mean, s->agreement.dimension_mean, s->agreement.dimension_sd));
  }
  const cf_rank_summary *s = scan->rank[scan->chosen];
  if (s->best->alive < s->rank)
    CF_TRY(cf_result_say(ctx, result, "%zu of %zu components of rank %zu ended at zero\n", s->rank - s->best->alive,
                         s->rank, s->rank));
  if (scan->count > 1 && scan->suggested != SIZE_MAX)
    CF_TRY(cf_result_say(ctx, result, "rank to begin with: %zu (%s)\n", scan->rank[scan->suggested]->rank,
                         cf_suggestion_rule));
done:
  return status;
}
