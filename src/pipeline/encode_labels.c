/* What the neurons are known for, laid on the manifold: groups (feature map, cell type), quantities, and what they
 * prefer. Each group is scored by the graph (do neighbours share it?), by the map (can it be read off the neighbours?)
 * and by the clusters (are they the same partition?). */
#include "base/internal.h"
#include "pipeline/encode.h"
#include "pipeline/load.h"
#include "pipeline/manifold_result.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NEIGHBOURS = 5 };

/* Labels of the file's neurons; those of the points, in order, as an array of the same kind. */
static cf_status pick_points(cf_context *ctx, const cf_encoding *e, const cf_array *labels, const char *name,
                             cf_array **out) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  const size_t size = cf_dtype_size(labels->dtype);
  *out = NULL;
  CF_TRY(cf_array_new(ctx, name, labels->dtype, 1, &e->n, &a));
  for (size_t i = 0; i < e->n; i++) {
    const size_t from = e->set[0].responses->index[e->kept[i]];
    if (labels->dtype == CF_TEXT)
      CF_TRY(cf_strdup(ctx, ((char **)labels->data)[from], &((char **)a->data)[i]));
    else
      memcpy((char *)a->data + i * size, (const char *)labels->data + from * size, size);
  }
  CF_TRY(cf_array_set_axis(ctx, a, 0, "point", NULL));
  *out = a;
  a = NULL;
done:
  cf_array_free(a);
  return status;
}

/* "groups/map" out of "units.npz:map" or "map.tsv". */
static cf_status member_name(cf_context *ctx, const char *folder, const char *address, char **out) {
  cf_status status = CF_OK;
  char *path = NULL, *member = NULL;
  *out = NULL;
  CF_TRY(cf_io_split(ctx, address, &path, &member));
  const char *name = member ? member : path, *slash = strrchr(name, '/');
  if (slash) name = slash + 1;
  const char *dot = member ? NULL : strrchr(name, '.');
  CF_TRY(cf_sprintf(ctx, out, "%s/%.*s", folder, dot && dot > name ? (int)(dot - name) : (int)strlen(name), name));
done:
  cf_free(path);
  cf_free(member);
  return status;
}

static size_t file_neurons(const cf_encoding *e) {
  return e->set[0].responses->neurons + e->set[0].responses->dropped;
}

/* ---------------------------------------------------------------- scoring -- */

/* Clusters against codes over the points that are in a cluster. */
static cf_status agreement(cf_context *ctx, const cf_encoding *e, const size_t *code, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *a = NULL, *b = NULL, n = 0;
  CF_TRY(CF_SCRATCH(ctx, &a, e->n));
  CF_TRY(CF_SCRATCH(ctx, &b, e->n));
  for (size_t i = 0; i < e->n; i++) {
    if (e->clusters->label[i] < 0) continue;
    a[n] = (size_t)e->clusters->label[i];
    b[n++] = code[i];
  }
  CF_TRY(cf_adjusted_rand(ctx, n, a, b, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* One group's scores: name, sizes, graph, map, clusters. */
static cf_status score_group(cf_context *ctx, const cf_options *options, const cf_encoding *e, const char *name,
                             const cf_array *labels, cf_json *list) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *code = NULL, groups = 0;
  cf_array *names = NULL;
  cf_json *entry = cf_json_object(), *sizes = cf_json_list(), *near = cf_json_object();
  cf_mixing mixing = {0};
  cf_neighbour_score score = {0};
  double rand = NAN;
  const size_t permutations = (size_t)cf_options_integer(options, "permutations");
  CF_TRY(CF_SCRATCH(ctx, &code, e->n));
  CF_TRY(cf_labels_group(ctx, labels, code, &groups, &names));
  CF_TRY(cf_graph_mixing(ctx, e->graph, e->kernel, code, groups, permutations, cf_hash_text(name), NULL, &mixing));
  CF_TRY(cf_neighbour_accuracy(ctx, e->n, e->dims, e->coordinates, code, CF_MIN((size_t)NEIGHBOURS, e->n - 1),
                               permutations, cf_hash_text(name) + 1, &score));
  CF_TRY(agreement(ctx, e, code, &rand));
  for (size_t g = 0; g < groups; g++) {
    char buffer[64];
    size_t size = 0;
    for (size_t i = 0; i < e->n; i++) size += code[i] == g;
    cf_json *one = cf_json_object();
    cf_json_set(one, "label", cf_json_text(cf_array_label(names, g, buffer, sizeof buffer)));
    cf_json_set(one, "size", cf_json_number((double)size));
    cf_json_append(sizes, one);
  }
  cf_json_set(near, "k", cf_json_number((double)CF_MIN((size_t)NEIGHBOURS, e->n - 1)));
  cf_json_set(near, "accuracy", cf_json_number(score.accuracy));
  cf_json_set(near, "null_mean", cf_json_number(score.null_mean));
  cf_json_set(near, "null_sd", cf_json_number(score.null_sd));
  cf_json_set(near, "p", cf_json_number(score.p));
  cf_json_set(entry, "by", cf_json_text(name));
  cf_json_set(entry, "groups", sizes);
  cf_json_set(entry, "graph", cf_mixing_json(&mixing));
  cf_json_set(entry, "neighbours", near);
  cf_json_set(entry, "adjusted_rand", cf_json_number(rand));
  sizes = near = NULL;
  cf_json_append(list, entry);
  entry = NULL;
done:
  cf_json_free(sizes);
  cf_json_free(near);
  cf_json_free(entry);
  cf_array_free(names);
  cf_scratch_release(ctx, mark);
  return status;
}

/* ----------------------------------------------------------- preferences -- */

typedef struct preferences {
  double *stimulus, *direction, *osi, *dsi, *rate, *variance;
} preferences;

/* Preferred stimulus and direction, selectivity averaged over stimuli, mean rate and log10 variance over time. */
static cf_status find_preferences(cf_context *ctx, const cf_encoding *e, preferences *p) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_responses *r = e->set[0].responses;
  cf_tuning *tuning = NULL;
  cf_tuning_summary *summary = NULL;
  double **field[] = {&p->stimulus, &p->direction, &p->osi, &p->dsi, &p->rate, &p->variance};
  for (size_t k = 0; k < sizeof field / sizeof *field; k++) CF_TRY(CF_ALLOC(ctx, field[k], e->n));
  CF_TRY(CF_SCRATCH(ctx, &tuning, r->neurons * r->stimuli));
  CF_TRY(CF_SCRATCH(ctx, &summary, r->neurons));
  const cf_view v = cf_responses_view(r);
  CF_TRY(cf_tuning_compute(ctx, &v, r->degrees, NULL, tuning, summary, NULL));
  for (size_t i = 0; i < e->n; i++) {
    const cf_tuning_summary *s = &summary[e->kept[i]];
    p->stimulus[i] = (double)s->stimulus;
    p->direction[i] = s->best.preferred;
    p->osi[i] = s->osi;
    p->dsi[i] = s->dsi;
    p->rate[i] = s->rate;
    p->variance[i] = s->log_variance;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static void free_preferences(preferences *p) {
  cf_free(p->stimulus);
  cf_free(p->direction);
  cf_free(p->osi);
  cf_free(p->dsi);
  cf_free(p->rate);
  cf_free(p->variance);
}

/* Names of the stimuli that points prefer, as text labels. */
static cf_status name_preferred(cf_context *ctx, const cf_encoding *e, const double *stimulus, cf_array **out) {
  cf_status status = CF_OK;
  const cf_responses *r = e->set[0].responses;
  cf_array *a = NULL;
  char buffer[64], number[32];
  *out = NULL;
  CF_TRY(cf_array_new(ctx, "preferred_stimulus_name", CF_TEXT, 1, &e->n, &a));
  for (size_t i = 0; i < e->n; i++) {
    const size_t s = (size_t)stimulus[i];
    snprintf(number, sizeof number, "stimulus %zu", s + 1);
    CF_TRY(cf_strdup(ctx, r->stimulus ? cf_array_label(r->stimulus, s, buffer, sizeof buffer) : number,
                     &((char **)a->data)[i]));
  }
  CF_TRY(cf_array_set_axis(ctx, a, 0, "point", NULL));
  *out = a;
  a = NULL;
done:
  cf_array_free(a);
  return status;
}

static cf_status add_preferences(cf_context *ctx, const cf_options *options, const cf_encoding *e, cf_result *result,
                                 cf_json *list) {
  cf_status status = CF_OK;
  preferences p = {0};
  cf_array *names = NULL;
  CF_TRY(find_preferences(ctx, e, &p));
  CF_TRY(cf_points_put(ctx, result, "preferred_stimulus", e->n, p.stimulus, NULL));
  CF_TRY(cf_points_put(ctx, result, "preferred_direction", e->n, p.direction, NULL));
  CF_TRY(cf_points_put(ctx, result, "osi", e->n, p.osi, NULL));
  CF_TRY(cf_points_put(ctx, result, "dsi", e->n, p.dsi, NULL));
  CF_TRY(cf_points_put(ctx, result, "mean_rate", e->n, p.rate, NULL));
  CF_TRY(cf_points_put(ctx, result, "log_variance", e->n, p.variance, NULL));
  CF_TRY(name_preferred(ctx, e, p.stimulus, &names));
  CF_TRY(score_group(ctx, options, e, "preferred stimulus", names, list));
  status = cf_dataset_add(ctx, result->arrays, names);
  names = NULL;
done:
  cf_array_free(names);
  free_preferences(&p);
  return status;
}

/* ----------------------------------------------------------------- files -- */

static cf_status add_group(cf_context *ctx, const cf_options *options, const cf_encoding *e, size_t which,
                           cf_result *result, cf_json *list) {
  cf_status status = CF_OK;
  char address[4096], word[256];
  cf_array *labels = NULL, *points = NULL;
  char *name = NULL;
  cf_options_list_entry(options, "groups", which, address, sizeof address);
  if (cf_options_list_count(options, "group-names") > 0)
    CF_TRY(
        cf_sprintf(ctx, &name, "groups/%s", cf_options_list_entry(options, "group-names", which, word, sizeof word)));
  else
    CF_TRY(member_name(ctx, "groups", address, &name));
  CF_TRY(cf_load_labels(ctx, address, "--groups", file_neurons(e), result, &labels));
  CF_TRY(pick_points(ctx, e, labels, name, &points));
  CF_TRY(score_group(ctx, options, e, name + strlen("groups/"), points, list));
  status = cf_dataset_add(ctx, result->arrays, points);
  points = NULL;
done:
  cf_free(name);
  cf_array_free(labels);
  cf_array_free(points);
  return status;
}

static cf_status add_quantity(cf_context *ctx, const cf_encoding *e, const char *address, cf_result *result) {
  cf_status status = CF_OK;
  cf_array *labels = NULL, *points = NULL;
  char *name = NULL;
  CF_TRY(member_name(ctx, "quantities", address, &name));
  CF_TRY(cf_load_labels(ctx, address, "--quantities", file_neurons(e), result, &labels));
  CF_TRY(pick_points(ctx, e, labels, name, &points));
  CF_TRY(cf_array_to_doubles(ctx, points));
  status = cf_dataset_add(ctx, result->arrays, points);
  points = NULL;
done:
  cf_free(name);
  cf_array_free(labels);
  cf_array_free(points);
  return status;
}

cf_status cf_encode_check_labels(cf_context *ctx, const cf_options *options, size_t neurons) {
  cf_status status = CF_OK;
  static const char *const option[] = {"groups", "quantities"};
  char address[4096], dashed[32];
  cf_array *labels = NULL;
  const size_t groups = cf_options_list_count(options, "groups"), names = cf_options_list_count(options, "group-names");
  if (names > 0 && names != groups)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--group-names has %zu names for %zu groups", names, groups));
  for (size_t k = 0; k < sizeof option / sizeof *option; k++)
    for (size_t i = 0; i < cf_options_list_count(options, option[k]); i++) {
      cf_options_list_entry(options, option[k], i, address, sizeof address);
      snprintf(dashed, sizeof dashed, "--%s", option[k]);
      CF_TRY(cf_load_labels(ctx, address, dashed, neurons, NULL, &labels));
      if (k == 1 && labels->dtype == CF_TEXT)
        CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: --quantities are numbers; text labels go to --groups", address));
      cf_array_free(labels);
      labels = NULL;
    }
done:
  cf_array_free(labels);
  return status;
}

cf_status cf_encode_labels(cf_context *ctx, const cf_options *options, const cf_encoding *e, cf_result *result) {
  cf_status status = CF_OK;
  char address[4096];
  cf_json *list = cf_json_list();
  CF_TRY(add_preferences(ctx, options, e, result, list));
  for (size_t i = 0; i < cf_options_list_count(options, "groups"); i++)
    CF_TRY(add_group(ctx, options, e, i, result, list));
  for (size_t i = 0; i < cf_options_list_count(options, "quantities"); i++)
    CF_TRY(add_quantity(ctx, e, cf_options_list_entry(options, "quantities", i, address, sizeof address), result));
  cf_json_set(result->values, "labels", list);
  list = NULL;
done:
  cf_json_free(list);
  return status;
}
