/* Fuzz target of the Sensorium models: a safetensors file with their names (the published files are PyTorch's, which
 * have a target of their own); a model that opens and is small runs on one image. */
#include "fuzz.h"
#include <cortifold/model.h>

static cf_status add(cf_context *ctx, void *user, size_t layer, size_t item, const size_t *shape, const float *values) {
  (void)ctx;
  (void)layer;
  (void)item;
  (void)shape;
  *(float *)user += values[0];
  return CF_OK;
}

static cf_array *zeros(cf_context *ctx, cf_dtype dtype, int ndim, const size_t *shape) {
  cf_array *a = NULL;
  return cf_array_new(ctx, "zeros", dtype, ndim, shape, &a) == CF_OK ? a : NULL;
}

/* Models with and without behaviour and gaze: what does not fit is refused. */
static void run_image(cf_context *ctx, cf_network *network) {
  size_t all[64], n = 0;
  float sum = 0;
  for (size_t i = 0; i < cf_network_layers(network) && n < 64; i++) all[n++] = i;
  cf_array *image = zeros(ctx, CF_U8, 3, (const size_t[]){1, 36, 64});
  cf_array *behavior = zeros(ctx, CF_F32, 2, (const size_t[]){1, 3}),
           *pupil = zeros(ctx, CF_F32, 2, (const size_t[]){1, 2});
  for (int k = 0; k < 4 && image && behavior && pupil; k++) {
    cf_network_input input = CF_NETWORK_INPUT_INIT;
    double seconds, bytes;
    input.label = "image";
    input.values = image;
    input.behavior = k & 1 ? behavior : NULL;
    input.pupil = k & 2 ? pupil : NULL;
    if (cf_network_cost(ctx, network, &input, all, n, &seconds, &bytes) != CF_OK || seconds > 0.01 || bytes > 64e6)
      break;
    const cf_status status = cf_network_run(ctx, network, &input, all, n, add, &sum);
    if (status != CF_OK && !*cf_context_error(ctx)) abort();
  }
  cf_array_free(image);
  cf_array_free(behavior);
  cf_array_free(pupil);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  cf_context *ctx = fuzz_context();
  cf_network *network = NULL;
  char address[200];
  snprintf(address, sizeof address, "sensorium2d:%s", fuzz_file(data, size));
  const cf_status status = cf_network_open(ctx, address, &network);
  fuzz_check(ctx, status, network);
  if (network) run_image(ctx, network);
  cf_network_free(network);
  cf_context_free(ctx);
  return 0;
}
