/* What adaptive neighbourhoods hand back: numbers, arrays and a few lines of text. */
#include "pipeline/graph_result.h"

#include <math.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/graph_files.h"

void cf_graph_options_read(const cf_options *options, cf_ian_options *out) {
  static const char *const names[] = {"c3", "c2", "mad", "normal-mad", "iqr", "sd"};
  static const cf_ian_threshold value[] = {CF_IAN_C3, CF_IAN_C2, CF_IAN_MAD, CF_IAN_NORMAL_MAD, CF_IAN_IQR, CF_IAN_SD};
  const char *threshold = cf_options_text(options, "threshold");
  *out = (cf_ian_options)CF_IAN_OPTIONS_INIT;
  if (strcmp(cf_options_text(options, "objective"), "greedy") == 0) out->objective = CF_IAN_GREEDY;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(names[i], threshold) == 0) out->threshold = value[i];
  out->tolerance = cf_options_number(options, "median-tolerance");
  out->prune_share = cf_options_number(options, "prune-share");
  out->most_prunes = (size_t)cf_options_integer(options, "most-prunes");
  out->most_iterations = (size_t)cf_options_integer(options, "most-iterations");
  out->kernel_floor = cf_options_number(options, "kernel-floor");
  out->single_precision = cf_options_flag(options, "single-precision");
  out->neighbours = (size_t)cf_options_integer(options, "neighbours");
  out->spanning = strcmp(cf_options_text(options, "connect"), "mst") == 0;
  out->multi_scale = cf_options_flag(options, "multi-scale");
}

/* -------------------------------------------------------------- values -- */

static cf_json *pair(const char *a, double x, const char *b, double y) {
  cf_json *object = cf_json_object();
  cf_json_set(object, a, cf_json_number(x));
  cf_json_set(object, b, cf_json_number(y));
  return object;
}

static cf_json *degrees(const cf_ian *ian) {
  double least = INFINITY, most = 0;
  cf_json *object = cf_json_object();
  for (size_t i = 0; i < ian->n; i++) {
    least = fmin(least, (double)cf_graph_degree(ian->graph, i));
    most = fmax(most, (double)cf_graph_degree(ian->graph, i));
  }
  cf_json_set(object, "mean", cf_json_number((double)ian->graph->start[ian->n] / (double)ian->n));
  cf_json_set(object, "min", cf_json_number(least));
  cf_json_set(object, "max", cf_json_number(most));
  return object;
}

static cf_json *solver(const cf_ian *ian, const cf_ian_options *o) {
  cf_json *object = cf_json_object();
  const bool greedy = o->objective == CF_IAN_GREEDY;
  cf_json_set(object, "name", cf_json_text(greedy ? "greedy" : "local simplex"));
  cf_json_set(object, "solves", cf_json_number((double)ian->solves));
  cf_json_set(object, "iterations", cf_json_number((double)ian->pivots));
  cf_json_set(object, "gap", greedy ? cf_json_null() : cf_json_number(ian->gap));
  return object;
}

cf_json *cf_graph_values(cf_context *ctx, const cf_ian *ian, const cf_ian_options *o) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *label = NULL, components = 0;
  cf_json *values = NULL, *prunes = NULL;
  CF_TRY(CF_SCRATCH(ctx, &label, ian->n));
  CF_TRY(cf_graph_components(ctx, ian->graph, label, &components));
  values = cf_json_object();
  prunes = cf_json_list();
  for (size_t k = 0; k < ian->steps; k++)
    if (ian->step[k].pruned > 0) cf_json_append(prunes, cf_json_number((double)ian->step[k].pruned));
  cf_json_set(values, "neighbours", o->neighbours > 0 ? cf_json_number((double)o->neighbours) : cf_json_null());
  cf_json_set(values, "gabriel_edges", cf_json_number((double)ian->gabriel_edges));
  cf_json_set(values, "pruned", cf_json_number((double)ian->pruned));
  cf_json_set(values, "iterations", cf_json_number((double)ian->iterations));
  cf_json_set(values, "connectivity", cf_json_number(ian->connectivity));
  cf_json_set(values, "prunes_per_iteration", prunes);
  cf_json_set(values, "C_first", cf_json_number(ian->first_connectivity));
  cf_json_set(values, "C_unweighted", cf_json_number(ian->unweighted_connectivity));
  cf_json_set(values, "delta", pair("mean", ian->mean, "median", ian->median));
  cf_json_set(values, "delta_weighted", pair("mean", ian->weighted_mean, "median", ian->weighted_median));
  cf_json_set(values, "degree", degrees(ian));
  cf_json_set(values, "kernel_entries", cf_json_number((double)ian->kernel->start[ian->n]));
  cf_json_set(values, "components", cf_json_number((double)components));
  cf_json_set(values, "disconnected", cf_json_number((double)ian->disconnected_count));
  cf_json_set(values, "solver", solver(ian, o));
done:
  cf_scratch_release(ctx, mark);
  return values;
}

/* -------------------------------------------------------------- arrays -- */

/* The kept entries of one value a point. */
static cf_status put_points(cf_context *ctx, cf_result *result, const char *name, size_t n, const double *x,
                            const bool *keep, const cf_array *label) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *kept = NULL;
  size_t m = 0;
  cf_array *a = NULL;
  CF_TRY(CF_SCRATCH(ctx, &kept, n));
  for (size_t i = 0; i < n; i++)
    if (!keep || keep[i]) kept[m++] = x[i];
  CF_TRY(cf_array_from_doubles(ctx, name, 1, &m, kept, &a));
  CF_TRY(cf_array_set_axis(ctx, a, 0, "point", label));
  status = cf_dataset_add(ctx, result->arrays, a);
  a = NULL;
done:
  cf_array_free(a);
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status put_history(cf_context *ctx, const cf_ian *ian, cf_result *result) {
  static const char *const names[] = {"history/connectivity", "history/median", "history/mean",     "history/threshold",
                                      "history/pruned",       "history/edges",  "history/sum_scale"};
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_array *a = NULL;
  double *x = NULL;
  CF_TRY(CF_SCRATCH(ctx, &x, ian->steps + 1));
  for (size_t c = 0; c < sizeof names / sizeof *names; c++) {
    for (size_t k = 0; k < ian->steps; k++) {
      const cf_ian_step *s = &ian->step[k];
      const double row[] = {s->connectivity,   s->median,        s->mean,     s->threshold,
                            (double)s->pruned, (double)s->edges, s->sum_scale};
      x[k] = row[c];
    }
    CF_TRY(cf_array_from_doubles(ctx, names[c], 1, &ian->steps, x, &a));
    CF_TRY(cf_array_set_axis(ctx, a, 0, "step", NULL));
    status = cf_dataset_add(ctx, result->arrays, a);
    a = NULL;
    CF_TRY(status);
  }
done:
  cf_array_free(a);
  cf_scratch_release(ctx, mark);
  return status;
}

/* The graph with its vertices cut to the kept ones, handed to put. */
static cf_status put_cut(cf_context *ctx, cf_result *result, const char *name, const bool *keep, const cf_graph *g) {
  cf_status status = CF_OK;
  cf_graph *cut = NULL;
  if (keep) CF_TRY(cf_graph_subset(ctx, g, keep, &cut));
  if (keep) g = cut;
  if (strcmp(name, "kernel") == 0)
    CF_TRY(cf_put_graph(ctx, result, name, g));
  else
    CF_TRY(cf_put_edges(ctx, result, name, strcmp(name, "edges") == 0, g));
done:
  cf_graph_free(cut);
  return status;
}

static void fill_degrees(const cf_ian *ian, double *degree, double *weighted, double *apart) {
  for (size_t i = 0; i < ian->n; i++) {
    degree[i] = (double)cf_graph_degree(ian->graph, i);
    apart[i] = ian->disconnected[i];
    weighted[i] = 0;
    for (size_t k = ian->kernel->start[i]; k < ian->kernel->start[i + 1]; k++)
      weighted[i] += ian->kernel->to[k] == i ? 0 : ian->kernel->weight[k];
  }
}

cf_status cf_graph_arrays(cf_context *ctx, const cf_ian *ian, const bool *keep, const cf_array *label,
                          cf_result *result) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *degree = NULL, *weighted = NULL, *apart = NULL;
  const size_t n = ian->n;
  CF_TRY(CF_SCRATCH(ctx, &degree, n));
  CF_TRY(CF_SCRATCH(ctx, &weighted, n));
  CF_TRY(CF_SCRATCH(ctx, &apart, n));
  fill_degrees(ian, degree, weighted, apart);
  CF_TRY(put_cut(ctx, result, "kernel", keep, ian->kernel));
  CF_TRY(put_cut(ctx, result, "edges", keep, ian->graph));
  CF_TRY(put_cut(ctx, result, "gabriel", keep, ian->gabriel));
  const struct {
    const char *name;
    const double *x;
  } each[] = {{"scale", ian->scale},        {"first_scale", ian->first_scale},
              {"delta", ian->delta},        {"delta_weighted", ian->delta_weighted},
              {"disconnected", apart},      {"degree", degree},
              {"weighted_degree", weighted}};
  for (size_t k = 0; k < sizeof each / sizeof *each; k++)
    CF_TRY(put_points(ctx, result, each[k].name, n, each[k].x, keep, label));
  CF_TRY(put_history(ctx, ian, result));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_graph_summary(cf_context *ctx, const cf_ian *ian, cf_result *result) {
  cf_status status = CF_OK;
  CF_TRY(cf_result_say(ctx, result, "Gabriel graph    %zu edges\n", ian->gabriel_edges));
  CF_TRY(cf_result_say(ctx, result, "pruned           %zu edges in %zu iteration%s, mean degree %.2f\n", ian->pruned,
                       ian->iterations, ian->iterations == 1 ? "" : "s",
                       (double)ian->graph->start[ian->n] / (double)ian->n));
  CF_TRY(cf_result_say(ctx, result, "connectivity     %.6g at first, %.6g after pruning, %.6g of the kernel\n",
                       ian->first_connectivity, ian->unweighted_connectivity, ian->connectivity));
  CF_TRY(cf_result_say(ctx, result, "volume ratio     median %.4g, mean %.4g; weighted median %.4g, mean %.4g\n",
                       ian->median, ian->mean, ian->weighted_median, ian->weighted_mean));
  CF_TRY(cf_result_say(ctx, result, "kernel           %zu entries\n", ian->kernel->start[ian->n]));
  if (ian->disconnected_count)
    CF_TRY(cf_result_say(ctx, result, "disconnected     %zu point%s\n", ian->disconnected_count,
                         ian->disconnected_count == 1 ? "" : "s"));
done:
  return status;
}
