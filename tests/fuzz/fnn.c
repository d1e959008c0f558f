/* Fuzz target of FNN networks: the configuration, a zero byte, then a safetensors file; a network that opens and is
 * small runs for a frame. Sizes that lie, tensors that are missing and numbers that are not finite must end in a line.
 */
#include "fuzz.h"
#include <cortifold/model.h>

static char config_path[80];
static void config_remove(void) {
  unlink(config_path);
}

static const char *config_file(const uint8_t *data, size_t size) {
  if (!config_path[0]) {
    snprintf(config_path, sizeof config_path, "/tmp/cortifold-fuzz-config-%d", (int)getpid());
    atexit(config_remove);
  }
  const int fd = open(config_path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (fd < 0 || write(fd, data, size) != (ssize_t)size) abort();
  close(fd);
  return config_path;
}

static cf_status drop(cf_context *ctx, void *user, size_t layer, size_t item, const size_t *shape,
                      const float *values) {
  (void)ctx;
  (void)layer;
  (void)item;
  (void)shape;
  *(float *)user += values[0];
  return CF_OK;
}

static void run_frame(cf_context *ctx, cf_network *network) {
  cf_network_input input = CF_NETWORK_INPUT_INIT;
  const size_t shape[3] = {1, 4, 4}, layers = cf_network_layers(network);
  const cf_layer *retina = cf_network_layer(network, 2);
  cf_array *movie = NULL;
  float sum = 0;
  size_t all[64], n = 0;
  if (retina->shape[1] * retina->shape[2] > 4096) return;
  if (cf_array_new(ctx, "movie", CF_U8, 3, shape, &movie) != CF_OK) return;
  input.label = "movie";
  input.values = movie;
  for (size_t i = 0; i < layers && n < 64; i++) all[n++] = i;
  const cf_status status = cf_network_run(ctx, network, &input, all, n, drop, &sum);
  if (status != CF_OK && !*cf_context_error(ctx)) abort();
  cf_array_free(movie);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const uint8_t *zero = memchr(data, 0, size);
  char address[200];
  if (!zero) return 0;
  cf_context *ctx = fuzz_context();
  cf_network *network = NULL;
  snprintf(address, sizeof address, "fnn:%s+%s", fuzz_file(zero + 1, size - (size_t)(zero + 1 - data)),
           config_file(data, (size_t)(zero - data)));
  const cf_status status = cf_network_open(ctx, address, &network);
  fuzz_check(ctx, status, network);
  if (network) run_frame(ctx, network);
  cf_network_free(network);
  cf_context_free(ctx);
  return 0;
}
