/* What chosen units do: one array a layer, of responses where the items have labels. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/run_sample.h"

/* One layer being gathered. */
typedef struct gathered {
  const cf_layer *layer;
  cf_units *units;
  cf_array *out;
  cf_layer_seen seen; /* of the units that are kept, before any transform */
  float *one;         /* an item's values, transformed */
} gathered;

typedef struct gathering {
  const cf_options *options;
  const cf_sampling *how;
  const cf_cells *cells;
  const cf_running *running;
  const size_t *place; /* of a layer among the chosen */
  gathered *layer;
  double held; /* bytes of results in memory */
} gathering;

/* -------------------------------------------------------------- arrays -- */

/* The one layer's responses are `responses`, those of several stand under their layers' names. */
static cf_status name_of(cf_context *ctx, const gathering *g, const cf_layer *layer, char **out) {
  if (!g->cells->labelled) return cf_strdup(ctx, layer->name, out);
  if (g->running->n == 1) return cf_strdup(ctx, "responses", out);
  return cf_sprintf(ctx, out, "%s/responses", layer->name);
}

static cf_status label_responses(cf_context *ctx, const gathering *g, const cf_units *u, cf_array *a) {
  cf_status status = CF_OK;
  const cf_cells *c = g->cells;
  cf_array *neuron = NULL;
  CF_TRY(cf_array_new(ctx, "neuron", CF_I64, 1, &u->n, &neuron));
  for (size_t i = 0; i < u->n; i++) ((int64_t *)neuron->data)[i] = (int64_t)(u->index ? u->index[i] : i);
  /* several layers would have to share one member `neuron`; units/LAYER/index tells in any case */
  CF_TRY(cf_array_set_axis(ctx, a, 0, "neuron", g->running->n == 1 ? neuron : NULL));
  CF_TRY(cf_array_set_axis(ctx, a, 1, "stimulus", c->stimulus));
  CF_TRY(cf_array_set_axis(ctx, a, 2, "direction", c->direction));
  CF_TRY(cf_array_set_axis(ctx, a, 3, "time", c->seconds));
done:
  cf_array_free(neuron);
  return status;
}

static cf_status label_items(cf_context *ctx, const gathering *g, cf_array *a) {
  cf_status status = CF_OK;
  const cf_running *r = g->running;
  for (int d = 0; d < r->ndim; d++) {
    const cf_array *from = cf_running_labels(r, d);
    if (d == r->ndim - 1 && g->cells->seconds) from = g->cells->seconds;
    if (from && from->shape[0] != r->shape[d]) from = NULL;
    CF_TRY(cf_array_set_axis(ctx, a, d, r->axes[d], from));
  }
  CF_TRY(cf_array_set_axis(ctx, a, r->ndim, "unit", NULL));
done:
  return status;
}

static cf_status begin_layer(cf_context *ctx, gathering *g, const size_t *shape, gathered *l) {
  cf_status status = CF_OK;
  const cf_cells *c = g->cells;
  cf_units *u = l->units;
  size_t sizes[4], count = 1;
  int ndim = 4;
  char *name = NULL;
  for (int d = 0; d < l->layer->ndim; d++) count *= shape[d];
  if (!u->index) u->n = count;
  u->field = cf_field_of(l->layer, shape);
  CF_TRY(CF_ALLOC(ctx, &l->one, CF_SAMPLING_PADDED(count)));
  if (c->labelled) {
    sizes[0] = u->n, sizes[1] = c->stimuli, sizes[2] = c->directions, sizes[3] = c->times;
  } else {
    for (int d = 0; d < g->running->ndim; d++) sizes[d] = g->running->shape[d];
    ndim = g->running->ndim;
    sizes[ndim++] = u->n;
  }
  CF_TRY(name_of(ctx, g, l->layer, &name));
  CF_TRY(cf_running_array(ctx, g->options, name, ndim, sizes, &g->held, &l->out));
  CF_TRY(c->labelled ? label_responses(ctx, g, u, l->out) : label_items(ctx, g, l->out));
done:
  cf_free(name);
  return status;
}

static cf_status gather(cf_context *ctx, void *user, size_t layer, const cf_arrival *at, const size_t *shape,
                        const float *values) {
  cf_status status = CF_OK;
  gathering *g = user;
  const cf_cells *c = g->cells;
  gathered *l = &g->layer[g->place[layer]];
  CF_TRY(cf_check_cancel(ctx));
  CF_TRY(cf_layer_see_some(ctx, l->layer, shape, 0, values, &l->seen)); /* its shape, before values are read */
  if (!l->out) CF_TRY(begin_layer(ctx, g, shape, l));
  const cf_units *u = l->units;
  float *out = l->out->data;
  for (size_t i = 0; i < u->n; i++) l->one[i] = values[u->index ? u->index[i] : i];
  CF_TRY(cf_layer_see_some(ctx, l->layer, shape, u->n, l->one, &l->seen));
  cf_sampling_transform(g->how, l->layer, u->n, l->one);
  if (!c->labelled) {
    memcpy(out + at->item * u->n, l->one, u->n * sizeof *out);
    goto done;
  }
  const size_t cells = c->sequences * c->times, cell = at->sequence * c->times + at->time;
  const float share = (float)at->share;
  for (size_t i = 0; i < u->n; i++) out[i * cells + cell] += share * l->one[i];
done:
  return status;
}

/* ------------------------------------------------------------- results -- */

static cf_status add_column(cf_context *ctx, cf_result *result, const char *layer, const char *name, cf_dtype dtype,
                            size_t n, cf_array **out) {
  cf_status status = CF_OK;
  char *path = NULL;
  cf_array *a = NULL;
  CF_TRY(cf_sprintf(ctx, &path, "units/%s/%s", layer, name));
  CF_TRY(cf_array_new(ctx, path, dtype, 1, &n, &a));
  *out = a;
  status = cf_dataset_add(ctx, result->arrays, a);
done:
  cf_free(path);
  return status;
}

/* Where each unit lies in its layer. */
static cf_status add_table(cf_context *ctx, const gathered *l, cf_result *result) {
  cf_status status = CF_OK;
  const cf_units *u = l->units;
  const cf_field *f = &u->field;
  const bool rows = l->layer->ndim == 3;
  cf_array *index = NULL, *map = NULL, *row = NULL, *column = NULL, *score = NULL;
  CF_TRY(add_column(ctx, result, l->layer->name, "index", CF_I64, u->n, &index));
  for (size_t i = 0; i < u->n; i++) ((int64_t *)index->data)[i] = (int64_t)(u->index ? u->index[i] : i);
  if (u->score) CF_TRY(add_column(ctx, result, l->layer->name, "score", CF_F64, u->n, &score));
  if (score) memcpy(score->data, u->score, u->n * sizeof *u->score);
  if (!f->maps_there) goto done;
  CF_TRY(add_column(ctx, result, l->layer->name, "map", CF_I64, u->n, &map));
  CF_TRY(add_column(ctx, result, l->layer->name, rows ? "row" : "unit", CF_I64, u->n, &row));
  if (rows) CF_TRY(add_column(ctx, result, l->layer->name, "column", CF_I64, u->n, &column));
  for (size_t i = 0; i < u->n; i++) {
    const size_t at = (size_t)((int64_t *)index->data)[i];
    const size_t m = rows ? at / f->map_stride : at % f->maps, p = rows ? at % f->map_stride : at / f->place_stride;
    ((int64_t *)map->data)[i] = (int64_t)m;
    ((int64_t *)row->data)[i] = (int64_t)(p / f->columns);
    if (column) ((int64_t *)column->data)[i] = (int64_t)(p % f->columns);
  }
done:
  return status;
}

static cf_status layer_values(cf_context *ctx, const gathered *l, cf_json *layers) {
  cf_json *row = cf_layer_seen_json(l->layer, &l->seen);
  bool ok = row && cf_json_set(row, "array", cf_json_text(l->out->name)) &&
            cf_json_set(row, "units", cf_json_number((double)l->units->n));
  if (ok && l->units->score)
    ok = cf_json_set(row, "maps", cf_json_number((double)l->units->maps)) &&
         cf_json_set(row, "silent_maps", cf_json_number((double)l->units->silent));
  if (ok)
    ok = cf_json_append(layers, row);
  else
    cf_json_free(row);
  return ok ? CF_OK : cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for the result");
}

static cf_status say_layer(cf_context *ctx, const gathered *l, cf_result *result) {
  char shape[200] = "";
  size_t used = 0;
  for (int d = 0; d < l->out->ndim; d++)
    used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%zu %s", d ? " x " : "", l->out->shape[d],
                             l->out->axis[d] ? l->out->axis[d] : "");
  return cf_result_say(ctx, result, "  %s: %s, of %zu units\n", l->out->name, shape, l->seen.count);
}

static cf_status hand_over(cf_context *ctx, const gathering *g, cf_result *result) {
  cf_status status = CF_OK;
  cf_json *layers = cf_json_list();
  const bool rectify = g->how->transform != CF_TRANSFORM_NONE;
  for (size_t i = 0; i < g->running->n; i++) {
    gathered *l = &g->layer[i];
    if (!l->out) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "layer %s: the run gave no values of it", l->layer->name));
    float *x = l->out->data;
    const size_t count = cf_array_count(l->out);
    for (size_t k = 0; k < count && rectify; k++) x[k] = x[k] < 0 ? 0 : x[k];
    CF_TRY(layer_values(ctx, l, layers));
    CF_TRY(say_layer(ctx, l, result));
    cf_array *out = l->out;
    l->out = NULL;
    CF_TRY(cf_dataset_add(ctx, result->arrays, out));
    CF_TRY(add_table(ctx, l, result));
  }
  if (!cf_json_set(result->values, "layers", layers))
    status = cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for the result");
  layers = NULL;
done:
  cf_json_free(layers);
  return status;
}

cf_status cf_gather_units(cf_context *ctx, const cf_options *options, const cf_sampling *how, const cf_cells *cells,
                          const cf_running *running, cf_units *units, cf_result *result) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  gathering g = {options, how, cells, running, NULL, NULL, 0};
  size_t *place = NULL;
  CF_TRY(CF_SCRATCH(ctx, &place, cf_network_layers(running->network) + 1));
  CF_TRY(CF_ALLOC(ctx, &g.layer, running->n + 1));
  g.place = place;
  for (size_t i = 0; i < running->n; i++) {
    g.layer[i].layer = cf_network_layer(running->network, running->layer[i]);
    g.layer[i].units = &units[i];
    place[running->layer[i]] = i;
    if (g.layer[i].layer->whole)
      CF_TRY(
          cf_fail(ctx, CF_ERR_USAGE, "layer %s: has no stimulus axis; it gives no responses", g.layer[i].layer->name));
  }
  CF_TRY(cf_cells_run(ctx, cells, running, running->layer, running->n, "running", gather, &g));
  CF_TRY(hand_over(ctx, &g, result));
done:
  for (size_t i = 0; g.layer && i < running->n; i++) {
    cf_array_free(g.layer[i].out);
    cf_free(g.layer[i].one);
  }
  cf_free(g.layer);
  cf_scratch_release(ctx, mark);
  return status;
}
