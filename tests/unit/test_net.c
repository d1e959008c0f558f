/* Declared networks: operators against their definitions on a few numbers, and what an address may be. */
#include "io_test.h"
#include "network_golden.h"

/* Layers of an architecture without weights, run on one float image of 2 channels, 3 rows and 4 columns. */
static const char architecture[] =
    "{\"format\": \"cortifold-net/1\", \"input\": {\"channels\": 2, \"height\": 3, \"width\": 4}, \"layers\": ["
    "{\"name\": \"relu6\", \"op\": \"relu6\", \"input\": \"input\"},"
    "{\"name\": \"elu\", \"op\": \"elu\", \"input\": \"input\"},"
    "{\"name\": \"silu\", \"op\": \"silu\", \"input\": \"input\"},"
    "{\"name\": \"sigmoid\", \"op\": \"sigmoid\", \"input\": \"input\"},"
    "{\"name\": \"mul\", \"op\": \"mul\", \"inputs\": [\"input\", \"elu\", \"sigmoid\"]},"
    "{\"name\": \"add\", \"op\": \"add\", \"inputs\": [\"input\", \"input\", \"mul\"]},"
    "{\"name\": \"cat\", \"op\": \"concat\", \"inputs\": [\"input\", \"relu6\", \"elu\"]},"
    "{\"name\": \"max\", \"op\": \"max_pool\", \"input\": \"input\", \"kernel\": [2, 3], \"stride\": [1, 2], \"padding\": [1, 1]},"
    "{\"name\": \"avg\", \"op\": \"avg_pool\", \"input\": \"input\", \"kernel\": [2, 3], \"stride\": [1, 2], \"padding\": [1, 1]},"
    "{\"name\": \"short\", \"op\": \"subsample_pad\", \"input\": \"input\", \"stride\": 2, \"pad_channels\": [1, 2]},"
    "{\"name\": \"mean\", \"op\": \"mean_hw\", \"input\": \"input\"},"
    "{\"name\": \"flat\", \"op\": \"flatten\", \"input\": \"input\", \"module\": \"head\"},"
    "{\"name\": \"soft\", \"op\": \"softmax\", \"input\": \"input\"},"
    "{\"name\": \"last\", \"op\": \"softmax\", \"input\": \"mean\"}]}";

enum { C = 2, H = 3, W = 4, N = C * H * W };

static double elu(double x) {
  return x > 0 ? x : expm1(x);
}

static double sigmoid(double x) {
  return 1 / (1 + exp(-x));
}

static const float *values_of(cf_context *ctx, const collector *c, const char *name, int ndim, size_t own) {
  const collected *l = collected_layer(ctx, c, name);
  assert_int_equal(l->ndim, ndim);
  assert_int_equal(l->own, own);
  return l->values;
}

/* Largest value or mean of the window at output row i, column j: 2 x 3, stride 1 x 2, padding 1 x 1. */
static double window(const float *x, size_t i, size_t j, bool most) {
  double sum = 0, peak = -INFINITY;
  for (size_t u = 0; u < 2; u++)
    for (size_t v = 0; v < 3; v++) {
      const size_t r = i + u, c = 2 * j + v; /* one more than the place in the map */
      if (r < 1 || r > H || c < 1 || c > W) continue;
      sum += (double)x[(r - 1) * W + c - 1];
      peak = fmax(peak, (double)x[(r - 1) * W + c - 1]);
    }
  return most ? peak : sum / 6;
}

static cf_network *open_text(cf_context *ctx, const char *text) {
  cf_network *network = NULL;
  char address[300];
  write_file(test_path("arch.json"), text, strlen(text));
  snprintf(address, sizeof address, "net:%s", test_path("arch.json"));
  assert_ok(ctx, cf_network_open(ctx, address, &network));
  return network;
}

static void operators_follow_their_definitions(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  cf_network *network = open_text(ctx, architecture);
  cf_array *image = NULL;
  cf_rng rng = cf_rng_make(3, 0, 0);
  assert_ok(ctx, cf_array_new(ctx, "x", CF_F32, 4, (size_t[]){1, C, H, W}, &image));
  float *x = image->data;
  for (size_t i = 0; i < N; i++) x[i] = (float)(4 * cf_rng_normal(&rng));
  cf_network_input input = CF_NETWORK_INPUT_INIT;
  input.label = "x";
  input.values = image;
  collector c = collect_run(ctx, network, &input, NULL);
  const float *relu6 = values_of(ctx, &c, "relu6", 3, N), *silu = values_of(ctx, &c, "silu", 3, N);
  const float *mul = values_of(ctx, &c, "mul", 3, N), *add = values_of(ctx, &c, "add", 3, N);
  const float *cat = values_of(ctx, &c, "cat", 3, 3 * N), *soft = values_of(ctx, &c, "soft", 3, N);
  const float *mean = values_of(ctx, &c, "mean", 1, C), *last = values_of(ctx, &c, "last", 1, C);
  const float *most = values_of(ctx, &c, "max", 3, C * 4 * 2), *avg = values_of(ctx, &c, "avg", 3, C * 4 * 2);
  const float *cut = values_of(ctx, &c, "short", 3, 5 * 2 * 2);
  assert_memory_equal(values_of(ctx, &c, "flat", 1, N), x, N * sizeof *x);
  for (size_t i = 0; i < N; i++) {
    const double v = (double)x[i], other = (double)x[(i + N / 2) % N], product = v * elu(v) * sigmoid(v);
    assert_close((double)relu6[i], fmin(6, fmax(0, v)), 0, 0);
    assert_close((double)silu[i], v * sigmoid(v), 1e-6, 1e-7);
    assert_close((double)mul[i], product, 1e-6, 1e-7);
    assert_close((double)add[i], 2 * v + product, 1e-6, 1e-6);
    assert_close((double)cat[i], v, 0, 0);
    assert_close((double)cat[N + i], fmin(6, fmax(0, v)), 0, 0);
    assert_close((double)cat[2 * N + i], elu(v), 1e-6, 1e-7);
    assert_close((double)soft[i], sigmoid(v - other), 1e-5, 1e-7);
  }
  for (size_t k = 0; k < C * 4 * 2; k++) {
    assert_close((double)most[k], window(x + k / 8 * H * W, k % 8 / 2, k % 2, true), 0, 0);
    assert_close((double)avg[k], window(x + k / 8 * H * W, k % 8 / 2, k % 2, false), 1e-6, 1e-6);
  }
  for (size_t k = 0; k < 5 * 4; k++) {
    const bool there = k / 4 >= 1 && k / 4 < 3;
    assert_close((double)cut[k], there ? (double)x[(k / 4 - 1) * H * W + k % 4 / 2 * 2 * W + k % 2 * 2] : 0, 0, 0);
  }
  for (size_t k = 0; k < C; k++) {
    double sum = 0;
    for (size_t i = 0; i < H * W; i++) sum += (double)x[k * H * W + i] / (H * W);
    assert_close((double)mean[k], sum, 1e-6, 1e-6);
  }
  assert_close((double)last[0], sigmoid((double)mean[0] - (double)mean[1]), 1e-5, 1e-7);
  assert_string_equal(cf_network_layer(network, 11)->module, "head");
  collector_free(&c);
  cf_array_free(image);
  cf_network_free(network);
  cf_context_free(ctx);
}

static void pixels_are_scaled_and_normalised(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  cf_network *network =
      open_text(ctx, "{\"format\": \"cortifold-net/1\", \"input\": {\"channels\": 2, \"height\": 1, \"width\": 2, "
                     "\"scale\": 0.5, \"mean\": [1, 2], \"std\": [4, 8]}, \"layers\": [{\"name\": \"a\", \"op\": "
                     "\"flatten\", \"input\": \"input\"}]}");
  cf_array *image = NULL;
  assert_ok(ctx, cf_array_new(ctx, "x", CF_U8, 4, (size_t[]){1, 1, 2, 2}, &image));
  for (int i = 0; i < 4; i++) ((uint8_t *)image->data)[i] = (uint8_t)(10 * i); /* pixel, channel */
  cf_network_input input = CF_NETWORK_INPUT_INIT;
  input.label = "x";
  input.values = image;
  collector c = collect_run(ctx, network, &input, NULL);
  const float want[4] = {(0 - 1) / 4.0F, (10 - 1) / 4.0F, (5 - 2) / 8.0F, (15 - 2) / 8.0F};
  assert_memory_equal(values_of(ctx, &c, "a", 1, 4), want, sizeof want);
  collector_free(&c);
  cf_array_free(image);
  cf_network_free(network);
  cf_context_free(ctx);
}

static cf_status no_value(cf_context *ctx, void *user, size_t layer, size_t item, const size_t *shape,
                          const float *values) {
  (void)user, (void)layer, (void)item, (void)shape, (void)values;
  return cf_fail(ctx, CF_ERR_NUMERIC, "ran on an image of the wrong size");
}

/* Nobody need have asked for the leading axes first. */
static void runs_check_their_input(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  cf_network *network = open_text(ctx, architecture);
  cf_array *image = NULL;
  double seconds, bytes;
  assert_ok(ctx, cf_array_new(ctx, "x", CF_F32, 4, (size_t[]){1, C, H, W - 1}, &image));
  cf_network_input input = CF_NETWORK_INPUT_INIT;
  input.label = "x";
  input.values = image;
  assert_status(ctx, CF_ERR_INPUT, cf_network_run(ctx, network, &input, (size_t[]){0}, 1, no_value, NULL));
  assert_status(ctx, CF_ERR_INPUT, cf_network_cost(ctx, network, &input, (size_t[]){0}, 1, &seconds, &bytes));
  cf_array_free(image);
  cf_network_free(network);
  cf_context_free(ctx);
}

static void addresses(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  cf_network *network = NULL;
  char address[600];
  size_t at;
  write_file(test_path("a+b.json"), architecture, strlen(architecture));
  snprintf(address, sizeof address, "%s", test_path("a+b.json")); /* a plus within a name */
  assert_ok(ctx, cf_network_open(ctx, address, &network));
  assert_int_equal(cf_network_files(network), 1);
  assert_string_equal(cf_network_kind(network), "net");
  assert_status(ctx, CF_ERR_INPUT, cf_network_find(ctx, network, "relu7", &at));
  assert_non_null(strstr(cf_context_error(ctx), "did you mean 'relu6'"));
  assert_ok(ctx, cf_network_find(ctx, network, "elu", &at));
  assert_int_equal(at, 1);
  cf_network_free(network);
  snprintf(address, sizeof address, "onxx:%s", test_path("a+b.json"));
  assert_status(ctx, CF_ERR_USAGE, cf_network_open(ctx, address, &network));
  assert_non_null(strstr(cf_context_error(ctx), "did you mean 'onnx:'"));
  snprintf(address, sizeof address, "net:%s+", test_path("a+b.json"));
  assert_status(ctx, CF_ERR_USAGE, cf_network_open(ctx, address, &network));
  assert_null(network);
  for (size_t i = 0; cf_network_kinds(i); i++) assert_true(cf_network_kinds(i)->available);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(operators_follow_their_definitions),
                                     cmocka_unit_test(pixels_are_scaled_and_normalised),
                                     cmocka_unit_test(runs_check_their_input), cmocka_unit_test(addresses)};
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
