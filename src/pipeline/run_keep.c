/* Running a network and keeping every value of the chosen layers. */
#include <stdio.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/running.h"

cf_status cf_running_array(cf_context *ctx, const cf_options *options, const char *name, int ndim, const size_t *shape,
                           double *held, cf_array **out) {
  const char *output = cf_options_text(options, "output"), *slash = output ? strrchr(output, '/') : NULL;
  char folder[4096];
  double bytes = sizeof(float);
  for (int d = 0; d < ndim; d++) bytes *= (double)shape[d];
  if (*held + bytes <= (double)cf_context_memory(ctx) / 4) {
    *held += bytes;
    return cf_array_new(ctx, name, CF_F32, ndim, shape, out);
  }
  if (!output || (slash && (size_t)(slash - output) >= sizeof folder))
    return cf_array_new_mapped(ctx, name, CF_F32, ndim, shape, NULL, out);
  snprintf(folder, sizeof folder, "%.*s", slash == output ? 1 : (int)(slash ? slash - output : 1),
           slash ? output : ".");
  return cf_array_new_mapped(ctx, name, CF_F32, ndim, shape, folder, out);
}

typedef struct keeper {
  const cf_options *options;
  cf_running *running;
  cf_array **array; /* one a chosen layer, made when its first item comes */
  cf_layer_seen *seen;
  size_t *place;      /* of each layer of the network among the chosen */
  double held, paged; /* bytes of results in memory; written to mapped files since they were let go */
} keeper;

/* Leading axes, then the layer's own. */
static cf_status make_array(cf_context *ctx, keeper *k, const cf_layer *layer, const size_t *own, cf_array **out) {
  cf_status status = CF_OK;
  const cf_running *r = k->running;
  const int lead = layer->whole ? 0 : r->ndim;
  size_t shape[CF_MAX_DIMS];
  cf_array *a = NULL;
  if (lead + layer->ndim > CF_MAX_DIMS)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "layer %s: has %d axes with those of the run, at most %d can be written",
                   layer->name, lead + layer->ndim, CF_MAX_DIMS));
  for (int d = 0; d < lead; d++) shape[d] = r->shape[d];
  for (int d = 0; d < layer->ndim; d++) shape[lead + d] = own[d];
  CF_TRY(cf_running_array(ctx, k->options, layer->name, lead + layer->ndim, shape, &k->held, &a));
  for (int d = 0; d < lead + layer->ndim; d++) {
    const char *name = d < lead ? r->axes[d] : layer->axes[d - lead];
    const cf_array *from = d < lead ? cf_running_labels(r, d) : NULL;
    if (from && from->shape[0] != shape[d]) from = NULL;
    if (name) CF_TRY(cf_array_set_axis(ctx, a, d, name, from));
  }
  *out = a;
  a = NULL;
done:
  cf_array_free(a);
  return status;
}

/* Now and then what lies in mapped files leaves memory; the system writes it out as it likes. */
static void let_go(keeper *k, double bytes) {
  k->paged += bytes;
  if (k->paged < 64e6) return;
  for (size_t i = 0; i < k->running->n; i++)
    if (k->array[i]) cf_array_let_go(k->array[i]);
  k->paged = 0;
}

static cf_status take(cf_context *ctx, void *user, size_t index, size_t item, const size_t *shape,
                      const float *values) {
  cf_status status = CF_OK;
  keeper *k = user;
  const size_t i = k->place[index];
  const cf_layer *layer = cf_network_layer(k->running->network, index);
  CF_TRY(cf_check_cancel(ctx));
  CF_TRY(cf_layer_see(ctx, layer, shape, values, &k->seen[i]));
  if (!k->array[i]) CF_TRY(make_array(ctx, k, layer, shape, &k->array[i]));
  if (item >= (layer->whole ? 1 : k->running->items))
    CF_TRY(cf_fail(ctx, CF_ERR_FAILURE, "layer %s: item %zu is beyond the end of the run", layer->name, item));
  memcpy((float *)k->array[i]->data + item * k->seen[i].count, values, k->seen[i].count * sizeof *values);
  if (k->array[i]->mapped) let_go(k, (double)(k->seen[i].count * sizeof *values));
  if (i == 0) cf_progress_step(ctx, 1);
done:
  return status;
}

/* Values and a line of the summary for each layer; the arrays move into the result. */
static cf_status hand_over(cf_context *ctx, keeper *k, cf_result *result) {
  cf_status status = CF_OK;
  const cf_running *r = k->running;
  cf_json *layers = cf_json_list();
  int width = 5;
  for (size_t i = 0; i < r->n; i++)
    width = CF_MAX(width, (int)CF_MIN(strlen(cf_network_layer(r->network, r->layer[i])->name), (size_t)48));
  for (size_t i = 0; i < r->n; i++) {
    const cf_layer *layer = cf_network_layer(r->network, r->layer[i]);
    const cf_layer_seen *s = &k->seen[i];
    char shape[200] = "";
    size_t used = 0;
    if (!k->array[i]) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "layer %s: the run gave no values of it", layer->name));
    for (int d = 0; d < k->array[i]->ndim; d++)
      used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%zu", d ? " x " : "", k->array[i]->shape[d]);
    CF_TRY(cf_result_say(ctx, result, "  %-*s  %-24s  %.5g to %.5g, mean %.5g\n", width, layer->name, shape, s->least,
                         s->most, s->first + s->sum / (double)s->values));
    if (s->nans) cf_warn(ctx, "layer %s: %zu of %zu values are NaN", layer->name, s->nans, s->nans + s->values);
    if (!cf_json_append(layers, cf_layer_seen_json(layer, s)))
      CF_TRY(cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for the result"));
    cf_array *a = k->array[i];
    k->array[i] = NULL;
    CF_TRY(cf_dataset_add(ctx, result->arrays, a));
  }
  if (!cf_json_set(result->values, "layers", layers))
    status = cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for the result");
  layers = NULL;
done:
  cf_json_free(layers);
  return status;
}

cf_status cf_running_keep(cf_context *ctx, const cf_options *options, cf_running *running, cf_result *result) {
  cf_status status = CF_OK;
  keeper k = {.options = options, .running = running};
  const size_t n = cf_network_layers(running->network);
  bool begun = false;
  CF_TRY(CF_ALLOC(ctx, &k.array, running->n + 1));
  CF_TRY(CF_ALLOC(ctx, &k.seen, running->n + 1));
  CF_TRY(CF_ALLOC(ctx, &k.place, n + 1));
  for (size_t i = 0; i < running->n; i++) k.place[running->layer[i]] = i;
  cf_progress_begin(ctx, "running", running->items);
  begun = true;
  CF_TRY(cf_network_run(ctx, running->network, &running->input, running->layer, running->n, take, &k));
  let_go(&k, 64e6);
  CF_TRY(hand_over(ctx, &k, result));
  CF_TRY(cf_network_extras(ctx, running->network, result->arrays));
done:
  if (begun) cf_progress_end(ctx);
  for (size_t i = 0; k.array && i < running->n; i++) cf_array_free(k.array[i]);
  cf_free(k.array);
  cf_free(k.seen);
  cf_free(k.place);
  return status;
}
