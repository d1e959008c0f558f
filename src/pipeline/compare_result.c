/* What `compare` tells: values, arrays and summary. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/internal.h"
#include "pipeline/compare_job.h"

/* ---------------------------------------------------------------- values -- */

const char *cf_compare_name(const cf_systems *s, size_t i) {
  return ((char **)s->names->data)[i];
}

static cf_json *pair(double a, double b) {
  const double both[2] = {a, b};
  return cf_json_numbers(both, 2);
}

/* What the value was computed with, beyond the definition. */
static void set_variant(const cf_measure *m, const cf_compare_options *o, cf_json *out) {
  const bool has_preset = m->slip != NULL;
  cf_json_set(out, "preset", cf_json_text(has_preset && o->paper ? "paper" : "clean"));
  if (has_preset && o->paper) cf_json_set(out, "published_variant", cf_json_text(m->slip));
  if (strcmp(m->id, "rsa") == 0) {
    cf_json_set(out, "metric", cf_json_text(o->metric));
    cf_json_set(out, "comparator", cf_json_text(o->comparator));
  }
  if (strcmp(m->id, "shape") == 0) cf_json_set(out, "alpha", cf_json_number(o->alpha));
  if (m->distance && !cf_trajectory_measure(m))
    cf_json_set(out, "form", cf_json_text(o->euclidean ? "euclidean" : "angular"));
  if (o->regularization > 0 && (strstr(m->id, "cca") || strcmp(m->id, "shape") == 0))
    cf_json_set(out, "regularization", cf_json_number(o->regularization));
}

static cf_json *entry_json(const cf_compare_job *j, const cf_compare_entry *e) {
  const cf_measure *m = j->measure[e->measure];
  cf_json *o = cf_json_object();
  cf_json_set(o, "name", cf_json_text(m->id));
  cf_json_set(o, "x", cf_json_text(cf_compare_name(&j->x, e->x)));
  cf_json_set(o, "y", cf_json_text(cf_compare_name(&j->y, e->y)));
  cf_json_set(o, "value", cf_json_number(e->v.value));
  cf_json_set(o, "kind", cf_json_text(m->distance ? "distance" : "similarity"));
  cf_json_set(o, "ci", j->bootstrap ? pair(e->low, e->high) : cf_json_null());
  cf_json_set(o, "p", cf_json_number(e->p));
  cf_json_set(o, "p_fdr", cf_json_number(e->p_fdr));
  cf_json_set(o, "null_mean", cf_json_number(e->null_mean));
  cf_json_set(o, "null_sd", cf_json_number(e->null_sd));
  cf_json_set(o, "z", cf_json_number(e->z));
  if (j->bootstrap) {
    cf_json *b = cf_json_object();
    cf_json_set(b, "mean", cf_json_number(e->boot_mean));
    cf_json_set(b, "sd", cf_json_number(e->boot_sd));
    cf_json_set(b, "defined", cf_json_number((double)e->boot_defined));
    cf_json_set(b, "scheme",
                cf_json_text(j->what == CF_RESAMPLE_UNITS ? "with replacement"
                             : m->halves                  ? "half samples of the conditions without replacement"
                                                          : "with replacement"));
    cf_json_set(o, "bootstrap", b);
  }
  cf_json_set(o, "formula", cf_json_text(m->formula));
  cf_json_set(o, "reference", cf_json_text(m->reference));
  set_variant(m, &j->o, o);
  cf_json_set(o, "bounds",
              m->distance && j->o.euclidean && !cf_trajectory_measure(m) ? pair(0, INFINITY) : pair(m->low, m->high));
  if (cf_trajectory_measure(m)) {
    const cf_trajectory *x = &j->tx[e->x], *y = &j->ty[e->y];
    const bool driven = cf_trajectory_measure_has_inputs(m);
    cf_json *both = cf_json_list();
    cf_json_append(both, driven ? cf_trajectory_input_json(x) : cf_trajectory_json(x));
    cf_json_append(both, driven ? cf_trajectory_input_json(y) : cf_trajectory_json(y));
    cf_json_set(o, "trials", pair((double)x->trials, (double)y->trials));
    cf_json_set(o, "channels", pair((double)x->channels, (double)y->channels));
    cf_json_set(o, driven ? "systems" : "operators", both);
    if (e->match.starts) cf_json_set(o, "alignment", cf_trajectory_match_json(&e->match));
    return o;
  }
  const cf_system *x = j->x.system[e->x], *y = j->y.system[e->y];
  cf_json_set(o, "n", cf_json_number((double)cf_system_conditions(x)));
  cf_json_set(o, "channels", pair((double)cf_system_channels(x), (double)cf_system_channels(y)));
  if (e->v.rank_x && e->v.rank_y) cf_json_set(o, "rank", pair((double)e->v.rank_x, (double)e->v.rank_y));
  if (e->v.n_correlations) cf_json_set(o, "correlations", cf_json_numbers(e->v.correlations, e->v.n_correlations));
  if (e->v.r2) cf_json_set(o, "r2", cf_json_numbers(e->v.r2, e->v.splits * e->v.targets));
  return o;
}

/* Of the first system: conditions, or trials. */
static size_t conditions_of(const cf_compare_job *j) {
  return j->of_patterns ? cf_system_conditions(j->x.system[0]) : j->tx[0].trials;
}

void cf_compare_fill_values(const cf_compare_job *j, cf_json *values) {
  cf_json *list = cf_json_list();
  for (size_t i = 0; i < j->entries; i++) cf_json_append(list, entry_json(j, &j->entry[i]));
  cf_json_set(values, "measures", list);
  cf_json_set(values, "conditions", cf_json_number((double)conditions_of(j)));
  cf_json_set(values, "conditions_dropped", cf_json_number((double)j->dropped));
  cf_json_set(values, "conditions_matched_by",
              cf_json_text(!j->of_patterns     ? "none: trials need no partner"
                           : !j->x.by_position ? "label"
                           : j->x.by_label     ? "label where both have labels, else position"
                                               : "position"));
  cf_json_set(values, "permutations", cf_json_number((double)j->permutations));
  cf_json_set(values, "bootstrap", cf_json_number((double)j->bootstrap));
  cf_json_set(values, "resample", cf_json_text(cf_options_text(j->options, "resample")));
  cf_json_set(values, "coverage", cf_json_number(j->coverage));
  cf_json_set(values, "interval", cf_json_text(cf_options_text(j->options, "interval")));
}

/* ---------------------------------------------------------------- arrays -- */

/* A block of one measure: (x, y, n), without the axes x and y where there is one pair. */
static cf_status put_block(cf_context *ctx, const cf_compare_job *j, const char *kind, const char *id, const char *axis,
                           size_t n, const double *data, cf_result *result) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  char name[128];
  const bool many = j->x.count * j->y.count > 1;
  const size_t shape[3] = {j->x.count, j->y.count, n};
  snprintf(name, sizeof name, "%s/%s", kind, id);
  CF_TRY(cf_array_from_doubles(ctx, name, many ? 3 : 1, many ? shape : shape + 2, data, &a));
  if (many) {
    CF_TRY(cf_array_set_axis(ctx, a, 0, "x", j->x.names));
    CF_TRY(cf_array_set_axis(ctx, a, 1, "y", j->y.names));
  }
  CF_TRY(cf_array_set_axis(ctx, a, many ? 2 : 0, axis, NULL));
  status = cf_dataset_add(ctx, result->arrays, a);
  return status;
done:
  cf_array_free(a);
  return status;
}

static cf_status put_correlations(cf_context *ctx, const cf_compare_job *j, size_t m, cf_result *result) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t pairs = j->x.count * j->y.count;
  const cf_compare_entry *e = j->entry + m * pairs;
  double *data = NULL;
  size_t most = 0;
  for (size_t i = 0; i < pairs; i++) most = CF_MAX(most, e[i].v.n_correlations);
  if (most == 0) return CF_OK;
  CF_TRY(CF_SCRATCH(ctx, &data, pairs * most));
  for (size_t i = 0; i < pairs; i++)
    for (size_t k = 0; k < most; k++) data[i * most + k] = k < e[i].v.n_correlations ? e[i].v.correlations[k] : NAN;
  CF_TRY(put_block(ctx, j, "canonical_correlations", j->measure[m]->id, "direction", most, data, result));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_compare_fill_arrays(cf_context *ctx, const cf_compare_job *j, cf_result *result) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t pairs = j->x.count * j->y.count, shape[3] = {j->n_measures, j->x.count, j->y.count};
  const char *ids[CF_MOST_MEASURES];
  cf_array *a = NULL, *names = NULL;
  double *value = NULL;
  CF_TRY(CF_SCRATCH(ctx, &value, j->entries));
  for (size_t i = 0; i < j->entries; i++) value[i] = j->entry[i].v.value;
  for (size_t m = 0; m < j->n_measures; m++) ids[m] = j->measure[m]->id;
  CF_TRY(cf_array_from_texts(ctx, "measure", j->n_measures, ids, &names));
  CF_TRY(cf_array_from_doubles(ctx, "value", 3, shape, value, &a));
  CF_TRY(cf_array_set_axis(ctx, a, 0, "measure", names));
  CF_TRY(cf_array_set_axis(ctx, a, 1, "x", j->x.names));
  CF_TRY(cf_array_set_axis(ctx, a, 2, "y", j->y.names));
  status = cf_dataset_add(ctx, result->arrays, a);
  a = NULL;
  if (status != CF_OK) goto done;
  for (size_t m = 0; m < j->n_measures; m++) {
    if (j->permutations)
      CF_TRY(put_block(ctx, j, "null", ids[m], "permutation", j->permutations, j->null + m * pairs * j->permutations,
                       result));
    if (j->bootstrap)
      CF_TRY(put_block(ctx, j, "bootstrap", ids[m], "replicate", j->bootstrap, j->boot + m * pairs * j->bootstrap,
                       result));
    CF_TRY(put_correlations(ctx, j, m, result));
  }
done:
  cf_array_free(a);
  cf_array_free(names);
  cf_scratch_release(ctx, mark);
  return status;
}

/* --------------------------------------------------------------- summary -- */

static const char *number(double v, const char *format, char *buffer, size_t size) {
  if (isnan(v)) return "-";
  snprintf(buffer, size, format, v);
  return buffer;
}

cf_status cf_compare_say(cf_context *ctx, const cf_compare_job *j, cf_result *result) {
  cf_status status = CF_OK;
  int wx = 1, wy = 1;
  for (size_t i = 0; i < j->x.count; i++) wx = CF_MAX(wx, (int)CF_MIN(strlen(cf_compare_name(&j->x, i)), (size_t)32));
  for (size_t i = 0; i < j->y.count; i++) wy = CF_MAX(wy, (int)CF_MIN(strlen(cf_compare_name(&j->y, i)), (size_t)32));
  CF_TRY(cf_result_say(ctx, result, "%zu conditions", conditions_of(j)));
  if (j->of_patterns)
    CF_TRY(cf_result_say(ctx, result, ", matched by %s%s", j->x.by_position ? "position" : "label",
                         j->o.paper ? ", preset paper" : ""));
  if (j->dropped) CF_TRY(cf_result_say(ctx, result, "; %zu with missing values left out", j->dropped));
  CF_TRY(cf_result_say(ctx, result, "\n"));
  CF_TRY(cf_result_say(ctx, result, "%-*s  %-*s  %-20s %10s", wx, "X", wy, "Y", "measure", "value"));
  if (j->bootstrap) CF_TRY(cf_result_say(ctx, result, "  %-22s", "interval"));
  if (j->permutations) CF_TRY(cf_result_say(ctx, result, "  %8s %8s %10s %8s", "p", "p (fdr)", "null mean", "z"));
  CF_TRY(cf_result_say(ctx, result, "\n"));
  for (size_t i = 0; i < j->entries; i++) {
    const cf_compare_entry *e = &j->entry[i];
    char a[32], b[32], c[80], d[32];
    CF_TRY(cf_result_say(ctx, result, "%-*.32s  %-*.32s  %-20s %10s", wx, cf_compare_name(&j->x, e->x), wy,
                         cf_compare_name(&j->y, e->y), j->measure[e->measure]->id,
                         number(e->v.value, "%.6f", a, sizeof a)));
    if (j->bootstrap) {
      snprintf(c, sizeof c, "[%s, %s]", number(e->low, "%.4f", a, sizeof a), number(e->high, "%.4f", b, sizeof b));
      CF_TRY(cf_result_say(ctx, result, "  %-22s", c));
    }
    if (j->permutations)
      CF_TRY(cf_result_say(ctx, result, "  %8s %8s %10s %8s", number(e->p, e->p < 0.001 ? "%.1e" : "%.4f", a, sizeof a),
                           number(e->p_fdr, e->p_fdr < 0.001 ? "%.1e" : "%.4f", b, sizeof b),
                           number(e->null_mean, "%.4f", c, sizeof c), number(e->z, "%.2f", d, sizeof d)));
    CF_TRY(cf_result_say(ctx, result, "\n"));
  }
done:
  return status;
}
