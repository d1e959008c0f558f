/* Layers of a run, collected, and their comparison with golden files: shape equal, 95 % of the values within `strict`,
 * all within `atol`; NAME@index lists positions in the flattened own axes. */
#ifndef CF_NETWORK_GOLDEN_H
#define CF_NETWORK_GOLDEN_H
#include <cortifold/io.h>
#include <cortifold/json.h>
#include <cortifold/model.h>

/* What a sink got of one layer: items x own values. */
typedef struct collected {
  size_t items, own, shape[CF_MAX_DIMS];
  int ndim;
  float *values;
} collected;

typedef struct collector {
  const cf_network *network;
  size_t items;
  collected *layer; /* one for each layer of the network */
} collector;

static inline cf_status collect(cf_context *ctx, void *user, size_t layer, size_t item, const size_t *shape,
                                const float *values) {
  collector *c = user;
  collected *l = &c->layer[layer];
  (void)ctx;
  size_t own = 1;
  l->ndim = cf_network_layer(c->network, layer)->ndim;
  for (int d = 0; d < l->ndim; d++) own *= shape[d];
  if (!l->values) {
    l->items = c->items;
    l->own = own;
    memcpy(l->shape, shape, (size_t)l->ndim * sizeof *shape);
    l->values = calloc(c->items * own + 1, sizeof *l->values);
  }
  assert_int_equal(l->own, own);
  assert_true(item < c->items);
  memcpy(l->values + item * own, values, own * sizeof *values);
  return CF_OK;
}

/* Runs all layers, or the one named. */
static inline collector collect_run(cf_context *ctx, cf_network *network, const cf_network_input *input,
                                    const char *only) {
  collector c = {.network = network, .items = 1};
  size_t n = cf_network_layers(network), shape[2], *layers = calloc(n + 1, sizeof *layers), chosen = 0;
  const char *axes[2];
  int ndim;
  c.layer = calloc(n + 1, sizeof *c.layer);
  assert_ok(ctx, cf_network_leading(ctx, network, input, &ndim, shape, axes));
  for (int d = 0; d < ndim; d++) c.items *= shape[d];
  for (size_t i = 0; i < n; i++)
    if (!only || strcmp(cf_network_layer(network, i)->name, only) == 0) layers[chosen++] = i;
  assert_ok(ctx, cf_network_run(ctx, network, input, layers, chosen, collect, &c));
  free(layers);
  return c;
}

static inline void collector_free(collector *c) {
  for (size_t i = 0; i < cf_network_layers(c->network); i++) free(c->layer[i].values);
  free(c->layer);
}

static inline const collected *collected_layer(cf_context *ctx, const collector *c, const char *name) {
  size_t at;
  assert_ok(ctx, cf_network_find(ctx, c->network, name, &at));
  if (!c->layer[at].values) fail_msg("nothing came of %s", name);
  return &c->layer[at];
}

/* Compares one layer with its golden values; last_axis: indices are those of the last axis. */
static inline void check_golden_layer(cf_context *ctx, const collected *got, const char *name, const cf_json *facts,
                                      const cf_dataset *expected, bool last_axis) {
  char key[512];
  const cf_array *want = cf_dataset_get(expected, name);
  snprintf(key, sizeof key, "%s@index", name);
  const cf_array *index = cf_dataset_get(expected, key);
  double strict = cf_json_as_number(cf_json_get(facts, "strict")),
         atol_ = cf_json_as_number(cf_json_get(facts, "atol"));
  const cf_json *shape = cf_json_get(facts, "shape");
  if (!want) fail_msg("no golden values of %s", name);
  assert_int_equal(cf_json_count(shape), got->ndim + 1);
  assert_int_equal((size_t)cf_json_as_number(cf_json_at(shape, 0)), got->items);
  for (int d = 0; d < got->ndim; d++)
    assert_int_equal((size_t)cf_json_as_number(cf_json_at(shape, (size_t)d + 1)), got->shape[d]);
  size_t n = cf_array_count(want), k = index ? cf_array_count(index) : got->own, beyond = 0;
  size_t block = last_axis ? got->shape[got->ndim - 1] : got->own;
  if (last_axis && !index) k = block;
  for (size_t i = 0; i < n; i++) {
    size_t at = i / k * block + (index ? (size_t)cf_array_number(index, i % k) : i % k);
    double error = fabs((double)got->values[at] - cf_array_number(want, i));
    if (!(error <= atol_))
      fail_msg("%s[%zu] = %.9g, expected %.9g (atol %g)", name, at, (double)got->values[at], cf_array_number(want, i),
               atol_);
    beyond += error > strict;
  }
  if (beyond * 20 > n) fail_msg("%s: %zu of %zu values differ by more than %g", name, beyond, n, strict);
  (void)ctx;
}

static inline cf_json *read_golden_json(cf_context *ctx, const char *path) {
  char *text;
  size_t size;
  cf_json *json = NULL;
  assert_ok(ctx, cf_io_read_bytes(ctx, path, (size_t)1 << 24, &text, &size));
  assert_ok(ctx, cf_json_parse(ctx, path, text, size, &json));
  cf_free(text);
  return json;
}

#endif
