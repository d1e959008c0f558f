/* FNN networks of random sizes as files: a safetensors file and a configuration. */
#ifndef CF_FNN_RANDOM_H
#define CF_FNN_RANDOM_H
#include "io_test.h"

typedef struct maker {
  cf_context *ctx;
  cf_rng rng;
  cf_dataset *tensors;
} maker;

static inline size_t draw(maker *m, size_t low, size_t high) {
  return low + (size_t)cf_rng_below(&m->rng, high - low + 1);
}

static inline void put(maker *m, const char *name, size_t stream, int ndim, const size_t *shape, double low,
                       double high) {
  cf_array *a = NULL;
  char full[128];
  snprintf(full, sizeof full, stream == SIZE_MAX ? "%s" : "%s.%zu", name, stream);
  assert_ok(m->ctx, cf_array_new(m->ctx, full, CF_F32, ndim, shape, &a));
  for (size_t i = 0; i < cf_array_count(a); i++)
    ((float *)a->data)[i] = (float)(low + (high - low) * cf_rng_uniform(&m->rng));
  assert_ok(m->ctx, cf_dataset_add(m->ctx, m->tensors, a));
}

typedef struct kernel_shape {
  size_t out, in, time, side, groups; /* in: of a group; groups: of gains and biases */
} kernel_shape;

static inline void put_conv(maker *m, const char *name, size_t streams, kernel_shape s, bool gain, bool bias) {
  char full[100];
  const size_t w[5] = {s.out, s.in, s.time, s.side, s.side}, g[2] = {s.groups, s.out / s.groups};
  for (size_t i = 0; i < streams; i++) {
    snprintf(full, sizeof full, "%s.weights", name);
    put(m, full, i, 5, w, -1, 1);
    snprintf(full, sizeof full, "%s.gains", name);
    if (gain) put(m, full, i, 2, g, 0.5, 1.5);
    snprintf(full, sizeof full, "%s.biases", name);
    if (bias) put(m, full, i, 2, g, -0.5, 0.5);
  }
}

static inline void put_front(maker *m, size_t streams, size_t height, size_t width) {
  const size_t three[1] = {3}, one[1] = {1};
  (void)height;
  (void)width;
  put_conv(m, "perspective.mlp.linears.0", 1, (kernel_shape){4, 2, 1, 1, 1}, false, true);
  put_conv(m, "perspective.mlp.linears.1", 1, (kernel_shape){3, 4, 1, 1, 1}, true, true);
  put(m, "perspective.monitor.center", SIZE_MAX, 1, three, 0.1, 0.5);
  put(m, "perspective.monitor.angle", SIZE_MAX, 1, three, -0.1, 0.1);
  put(m, "perspective.retina_pixel.logit", SIZE_MAX, 1, one, -0.5, 0.5);
  put(m, "perspective.retina_pixel.scale", SIZE_MAX, 1, one, 0.8, 1.6);
  put(m, "perspective.retina_pixel.offset", SIZE_MAX, 1, one, -0.5, 0);
  put_conv(m, "modulation.mlp.linears.0", streams, (kernel_shape){5, 2, 1, 1, 1}, false, true);
  for (size_t i = 0; i < 4; i++) {
    char name[40];
    snprintf(name, sizeof name, "modulation.lstm.proj_%c", "ifgo"[i]);
    put_conv(m, name, streams, (kernel_shape){6, 11, 1, 1, 1}, true, true);
  }
}

/* Blocks of the feed-forward part; channels that the last one gives. */
static inline size_t put_blocks(maker *m, size_t streams, size_t blocks, size_t first_side, FILE *config) {
  size_t in = 1, pool[4];
  char name[80];
  for (size_t i = 0; i < blocks; i++) {
    const size_t groups = draw(m, 1, 3), channels = groups * draw(m, 1, 20), layers = draw(m, 1, 3),
                 time = draw(m, 1, 3), side = 2 * draw(m, 0, 2) + 1;
    pool[i] = draw(m, 1, 2);
    snprintf(name, sizeof name, "core.feedforward.inputs.%zu", i);
    put_conv(m, name, streams, (kernel_shape){channels, in, 1, i ? 1 : first_side, groups}, i > 0, true);
    for (size_t l = 0; l < layers; l++) {
      snprintf(name, sizeof name, "core.feedforward.blocks.%zu.convs.%zu", i, l);
      put_conv(m, name, streams, (kernel_shape){channels, channels / groups, time, side, groups}, true, true);
      snprintf(name, sizeof name, "core.feedforward.blocks.%zu.skips.%zu", i, l);
      if (l) put_conv(m, name, streams, (kernel_shape){channels, l * channels / groups, 1, 1, groups}, true, false);
    }
    in = channels * (layers + 1);
  }
  for (size_t i = 0; i < blocks; i++) fprintf(config, "%s%zu", i ? ", " : "\"block_pools\": [", pool[i]);
  fprintf(config, "]}");
  return in;
}

static inline void put_recurrent(maker *m, size_t streams, size_t in) {
  const size_t groups = draw(m, 1, 3), x = draw(m, 1, 20), h = draw(m, 1, 35), z = draw(m, 1, 40), f = draw(m, 1, 30),
               side = 2 * draw(m, 0, 2) + 1, last = draw(m, 1, 40), units = draw(m, 1, 90);
  const bool attention = cf_rng_below(&m->rng, 3) > 0;
  char name[80];
  put_conv(m, "core.feedforward.out", streams, (kernel_shape){f, in, 1, 1, 1}, true, true);
  for (size_t s = 0; groups > 1 && s < streams; s++) {
    const size_t w[4] = {groups, groups - 1, x, h}, g[2] = {groups, x};
    put(m, "core.recurrent.proj_x.0.weights", s, 4, w, -1, 1);
    put(m, "core.recurrent.proj_x.0.gains", s, 2, g, 0.5, 1.5);
  }
  snprintf(name, sizeof name, "core.recurrent.proj_x.%d", groups > 1);
  put_conv(m, name, streams, (kernel_shape){groups * x, f, 1, 1, groups}, true, true);
  snprintf(name, sizeof name, "core.recurrent.proj_x.%d", 1 + (groups > 1));
  put_conv(m, name, streams, (kernel_shape){groups * x, 6, 1, 1, groups}, true, false);
  if (attention) {
    const size_t scales[2] = {groups, z};
    put_conv(m, "core.recurrent.conv", streams, (kernel_shape){groups * z, x + h, 1, side, groups}, false, false);
    put_conv(m, "core.recurrent.proj_q", streams, (kernel_shape){groups * z, z, 1, 1, groups}, false, false);
    put_conv(m, "core.recurrent.proj_k", streams, (kernel_shape){groups * z, z, 1, 1, groups}, false, false);
    put_conv(m, "core.recurrent.proj_v", streams, (kernel_shape){groups * z, z, 1, 1, groups}, false, false);
    for (size_t s = 0; s < streams; s++) put(m, "core.recurrent.scales", s, 2, scales, 1, 8);
  }
  for (size_t i = 0; i < 4; i++) {
    snprintf(name, sizeof name, "core.recurrent.proj_%c", "ifgo"[i]);
    put_conv(m, name, streams, (kernel_shape){groups * h, attention ? 2 * z : x + h, 1, attention ? 1 : side, groups},
             true, true);
  }
  put_conv(m, "core.recurrent.out", streams, (kernel_shape){last, groups * h, 1, 1, 1}, true, true);
  const size_t place[2] = {units, 2}, feature[3] = {units, 1, last}, bias[2] = {units, 1};
  put(m, "readout.position.mu", SIZE_MAX, 2, place, -1.5, 1.5);
  for (size_t s = 0; s < streams; s++) {
    put(m, "readout.feature.weights", s, 3, feature, -0.2, 0.2);
    put(m, "readout.biases", s, 2, bias, -0.5, 0.5);
  }
}

/* Writes the files of a random network; its address. */
static inline void make_network(maker *m, char *address, size_t size) {
  const cf_io_write_options o = {true, NULL, NULL};
  const size_t streams = draw(m, 1, 3), stride = draw(m, 1, 2), side = stride + 2 * draw(m, 0, 2),
               height = draw(m, 9, 30), width = draw(m, 9, 30), blocks = draw(m, 1, 3);
  FILE *config = fopen(test_path("config.json"), "w");
  assert_non_null(config);
  assert_ok(m->ctx, cf_dataset_new(m->ctx, &m->tensors));
  fprintf(config, "{\"perspective\": {\"height\": %zu, \"width\": %zu}, \"feedforward\": {\"input_stride\": %zu, ",
          height, width, stride);
  put_front(m, streams, height, width);
  put_recurrent(m, streams, put_blocks(m, streams, blocks, side, config));
  fprintf(config, "}\n");
  fclose(config);
  assert_ok(m->ctx, cf_io_write(m->ctx, test_path("fnn.safetensors"), m->tensors, &o));
  cf_dataset_free(m->tensors);
  snprintf(address, size, "fnn:%s+%s", test_path("fnn.safetensors"), test_path("config.json"));
}

#endif
