/* What `cortifold encode` hands out: arrays of every step and the numbers that judge them. */
#include "base/internal.h"
#include "pipeline/encode.h"
#include "pipeline/graph_result.h"
#include "pipeline/manifold_result.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAP_BINS = 24, MOST_AXES = 4 };

/* ---------------------------------------------------------------- arrays -- */

typedef struct shape {
  const char *name[MOST_AXES]; /* axis names; the first NULL ends them */
  size_t length[MOST_AXES];
} shape;

static cf_status put(cf_context *ctx, cf_result *result, const char *name, shape s, const double *data,
                     const cf_array *label) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  int ndim = 0;
  while (ndim < MOST_AXES && s.name[ndim]) ndim++;
  CF_TRY(cf_array_from_doubles(ctx, name, ndim, s.length, data, &a));
  for (int d = 0; d < ndim; d++) CF_TRY(cf_array_set_axis(ctx, a, d, s.name[d], d == 0 ? label : NULL));
  status = cf_dataset_add(ctx, result->arrays, a);
  a = NULL;
done:
  cf_array_free(a);
  return status;
}

/* Neuron of each point, as its position in the file, with the file's label as coordinate. */
static cf_status put_kept(cf_context *ctx, const cf_encoding *e, cf_result *result) {
  cf_status status = CF_OK;
  const cf_responses *r = e->set[0].responses;
  cf_array *kept = NULL, *label = NULL;
  char buffer[64];
  CF_TRY(cf_array_new(ctx, "kept", CF_I64, 1, &e->n, &kept));
  for (size_t i = 0; i < e->n; i++) ((int64_t *)kept->data)[i] = (int64_t)r->index[e->kept[i]];
  if (r->neuron) {
    CF_TRY(cf_array_new(ctx, "neuron", CF_TEXT, 1, &e->n, &label));
    for (size_t i = 0; i < e->n; i++)
      CF_TRY(cf_strdup(ctx, cf_array_label(r->neuron, e->kept[i], buffer, sizeof buffer), &((char **)label->data)[i]));
  }
  CF_TRY(cf_array_set_axis(ctx, kept, 0, "point", label));
  status = cf_dataset_add(ctx, result->arrays, kept);
  kept = NULL;
done:
  cf_array_free(kept);
  cf_array_free(label);
  return status;
}

/* Response maps of the points with at most MAP_BINS time bins, each the mean of what falls into it; single precision:
 * they are for looking at. */
static cf_status put_maps(cf_context *ctx, const cf_encoding *e, cf_result *result) {
  cf_status status = CF_OK;
  const cf_responses *r = e->set[0].responses;
  const size_t bins = CF_MIN(r->times, (size_t)MAP_BINS), cells = r->stimuli * r->directions;
  const size_t dims[] = {e->n, r->stimuli, r->directions, bins};
  cf_array *maps = NULL, *time = NULL;
  CF_TRY(cf_array_new(ctx, "maps", CF_F32, 4, dims, &maps));
  for (size_t i = 0; i < e->n; i++)
    for (size_t c = 0; c < cells; c++) {
      const double *x = r->values + (e->kept[i] * cells + c) * r->times;
      for (size_t b = 0; b < bins; b++) {
        const size_t from = b * r->times / bins, to = (b + 1) * r->times / bins;
        ((float *)maps->data)[(i * cells + c) * bins + b] = (float)cf_mean(to - from, x + from);
      }
    }
  if (r->time && r->time->dtype != CF_TEXT) {
    CF_TRY(cf_array_new(ctx, "time", CF_F64, 1, &bins, &time));
    for (size_t b = 0; b < bins; b++)
      ((double *)time->data)[b] = cf_array_number(r->time, (b * r->times / bins + (b + 1) * r->times / bins) / 2);
  }
  CF_TRY(cf_array_set_axis(ctx, maps, 0, "point", NULL));
  CF_TRY(cf_array_set_axis(ctx, maps, 1, "stimulus", r->stimulus));
  CF_TRY(cf_array_set_axis(ctx, maps, 2, "direction", r->direction));
  CF_TRY(cf_array_set_axis(ctx, maps, 3, "time", time));
  status = cf_dataset_add(ctx, result->arrays, maps);
  maps = NULL;
done:
  cf_array_free(maps);
  cf_array_free(time);
  return status;
}

static cf_status put_graph_arrays(cf_context *ctx, const cf_encoding *e, cf_result *result) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  bool *keep = NULL;
  CF_TRY(CF_SCRATCH(ctx, &keep, e->ian->n));
  for (size_t i = 0; i < e->ian->n; i++) keep[i] = !e->ian->disconnected[i];
  CF_TRY(cf_graph_arrays(ctx, e->ian, keep, NULL, result));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Factors of the sets after the first. */
static cf_status put_set(cf_context *ctx, const cf_encode_set *s, size_t which, cf_result *result) {
  cf_status status = CF_OK;
  const cf_factors *f = s->factors;
  const struct {
    const char *name, *axis;
    size_t rows;
    const double *data;
  } part[] = {{"neuron", "neuron", f->neurons, f->neuron},
              {"stimulus", "stimulus", f->stimuli, f->stimulus},
              {"pattern", "pattern", f->patterns, f->pattern}};
  char name[64];
  for (size_t k = 0; k < sizeof part / sizeof *part; k++) {
    snprintf(name, sizeof name, "set-%zu/%s", which + 1, part[k].name);
    CF_TRY(put(ctx, result, name, (shape){{part[k].axis, "component"}, {part[k].rows, f->rank}}, part[k].data, NULL));
  }
  snprintf(name, sizeof name, "set-%zu/lambda", which + 1);
  CF_TRY(put(ctx, result, name, (shape){{"component"}, {f->rank}}, f->lambda, NULL));
done:
  return status;
}

cf_status cf_encode_factors(cf_context *ctx, const cf_encoding *e, cf_result *result) {
  cf_status status = CF_OK;
  CF_TRY(cf_rank_scan_results(ctx, &e->set[0].scan, result));
  for (size_t k = 1; k < e->sets; k++) CF_TRY(put_set(ctx, &e->set[k], k, result));
done:
  return status;
}

cf_status cf_encode_arrays(cf_context *ctx, const cf_encoding *e, cf_result *result) {
  cf_status status = CF_OK;
  CF_TRY(put(ctx, result, "neural_matrix", (shape){{"neuron", "component"}, {e->neurons, e->columns}}, e->matrix,
             e->set[0].responses->neuron));
  CF_TRY(put(ctx, result, "explained", (shape){{"component"}, {e->most_pcs}}, e->ratio, NULL));
  CF_TRY(put_kept(ctx, e, result));
  CF_TRY(put(ctx, result, "points", (shape){{"point", "component"}, {e->n, e->pcs}}, e->points, NULL));
  CF_TRY(put_graph_arrays(ctx, e, result));
  CF_TRY(put(ctx, result, "coordinates", (shape){{"point", "coordinate"}, {e->n, e->dims}}, e->coordinates, NULL));
  CF_TRY(put(ctx, result, "eigenvalues", (shape){{"eigenvalue"}, {e->dims + 1}}, e->eigenvalues, NULL));
  CF_TRY(put(ctx, result, "embedding", (shape){{"point", "axis"}, {e->n, e->axes}}, e->embedding, NULL));
  CF_TRY(put(ctx, result, "embedding_ratio", (shape){{"axis"}, {e->axes}}, e->embedding_ratio, NULL));
  CF_TRY(cf_clusters_put(ctx, result, e->clusters, NULL));
  CF_TRY(cf_points_put(ctx, result, "ncd", e->n, e->ncd, NULL));
  CF_TRY(cf_points_put(ctx, result, "degree_dimension", e->n, e->degree_dimension, NULL));
  CF_TRY(cf_points_put(ctx, result, "dimension", e->n, e->dimension, NULL));
  CF_TRY(put_maps(ctx, e, result));
done:
  return status;
}

/* ---------------------------------------------------------------- values -- */

static void graph_values(cf_context *ctx, const cf_options *options, const cf_encoding *e, cf_json *values) {
  cf_ian_options o = CF_IAN_OPTIONS_INIT;
  cf_graph_options_read(options, &o);
  cf_json *graph = cf_graph_values(ctx, e->ian, &o);
  cf_json_set(graph, "kernel_components", cf_json_number((double)e->components));
  cf_json_set(values, "graph", graph);
}

/* Takes the set's preparation. */
static cf_json *set_values(cf_encode_set *s) {
  cf_json *o = cf_json_object();
  const cf_factors *best = s->factors;
  cf_json_set(o, "stimuli", cf_json_number((double)best->stimuli));
  cf_json_set(o, "rank", cf_json_number((double)best->rank));
  cf_json_set(o, "restarts", cf_json_number((double)s->scan.rank[s->scan.chosen]->restarts));
  cf_json_set(o, "error_percent", cf_json_number(best->error_percent));
  cf_json_set(o, "rebuilt_from_factors", cf_json_bool(s->rebuilt));
  cf_json_set(o, "preparation", s->preparation ? s->preparation : cf_json_null());
  s->preparation = NULL;
  return o;
}

cf_status cf_encode_values(cf_context *ctx, const cf_options *options, const cf_encoding *e, cf_result *result) {
  cf_status status = CF_OK;
  cf_json *v = result->values, *sets = cf_json_list(), *diffusion = cf_json_object(), *dimension = NULL;
  double explained = 0;
  for (size_t k = 0; k < e->pcs; k++) explained += e->ratio[k];
  for (size_t s = 0; s < e->sets; s++) cf_json_append(sets, set_values(&e->set[s]));
  cf_json_set(v, "neurons", cf_json_number((double)e->neurons));
  cf_json_set(v, "kept", cf_json_number((double)e->n));
  cf_json_set(v, "outliers", cf_json_number((double)e->outliers));
  cf_json_set(v, "disconnected", cf_json_number((double)e->disconnected));
  cf_json_set(v, "sets", sets);
  cf_json_set(v, "pcs", cf_json_number((double)e->pcs));
  cf_json_set(v, "explained", cf_json_number(explained));
  cf_json_set(v, "prepare", cf_json_text(cf_options_text(options, "prepare")));
  sets = NULL;
  graph_values(ctx, options, e, v);
  cf_json_set(diffusion, "eigenvalues", cf_json_numbers(e->eigenvalues, e->dims + 1));
  cf_json_set(diffusion, "residual", cf_json_number(e->residual));
  cf_json_set(diffusion, "coordinates_used", cf_json_number((double)e->coordinates_used));
  cf_json_set(diffusion, "embedding_ratio", cf_json_numbers(e->embedding_ratio, e->axes));
  cf_json_set(v, "diffusion", diffusion);
  diffusion = NULL;
  cf_json_set(v, "clusters", cf_clusters_json(e->clusters));
  cf_json_set(v, "noise", cf_json_number((double)cf_clusters_noise(e->clusters)));
  CF_TRY(cf_spread_json(ctx, e->n, e->dimension, &dimension));
  cf_json_set(v, "dimension", dimension);
done:
  cf_json_free(sets);
  cf_json_free(diffusion);
  return status;
}
