/* Fuzz target of declared networks: the architecture alone, or, behind a zero byte, with a safetensors file; a network
 * that opens and is small runs on one image. Whatever the file says must end in a network or in one line. */
#include "fuzz.h"
#include <cortifold/model.h>

static char weights_path[80];
static void weights_remove(void) {
  unlink(weights_path);
}

static const char *weights_file(const uint8_t *data, size_t size) {
  if (!weights_path[0]) {
    snprintf(weights_path, sizeof weights_path, "/tmp/cortifold-fuzz-weights-%d", (int)getpid());
    atexit(weights_remove);
  }
  const int fd = open(weights_path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (fd < 0 || write(fd, data, size) != (ssize_t)size) abort();
  close(fd);
  return weights_path;
}

static cf_status drop(cf_context *ctx, void *user, size_t layer, size_t item, const size_t *shape,
                      const float *values) {
  (void)ctx;
  (void)layer;
  (void)item;
  *(float *)user += values[0] + values[shape[0] - 1];
  return CF_OK;
}

/* One image of zeros; how large it is the error for one of another shape does not tell, so the first layers try. */
static void run_image(cf_context *ctx, cf_network *network) {
  cf_network_input input = CF_NETWORK_INPUT_INIT;
  size_t all[16], n = 0;
  float sum = 0;
  for (size_t i = 0; i < cf_network_layers(network) && n < 16; i++) all[n++] = i;
  for (size_t side = 1; side <= 8; side *= 2)
    for (size_t channels = 1; channels <= 3; channels++) {
      const size_t shape[4] = {1, side, side, channels};
      cf_array *image = NULL;
      double seconds, bytes;
      if (cf_array_new(ctx, "image", CF_U8, 4, shape, &image) != CF_OK) return;
      input.label = "image";
      input.values = image;
      int ndim;
      size_t lead[2];
      const char *axes[2];
      if (cf_network_leading(ctx, network, &input, &ndim, lead, axes) == CF_OK &&
          cf_network_cost(ctx, network, &input, all, n, &seconds, &bytes) == CF_OK && seconds < 0.01 && bytes < 64e6 &&
          cf_network_run(ctx, network, &input, all, n, drop, &sum) != CF_OK && !*cf_context_error(ctx))
        abort();
      cf_array_free(image);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const uint8_t *zero = memchr(data, 0, size);
  const size_t length = zero ? (size_t)(zero - data) : size;
  char address[200];
  cf_context *ctx = fuzz_context();
  cf_network *network = NULL;
  const char *arch = fuzz_file(data, length);
  if (zero)
    snprintf(address, sizeof address, "net:%s+%s", arch, weights_file(zero + 1, size - length - 1));
  else
    snprintf(address, sizeof address, "net:%s", arch);
  const cf_status status = cf_network_open(ctx, address, &network);
  fuzz_check(ctx, status, network);
  if (network) run_image(ctx, network);
  cf_network_free(network);
  cf_context_free(ctx);
  return 0;
}
