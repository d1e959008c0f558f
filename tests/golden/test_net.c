/* A declared network with one of each of many operators, through the program: every layer against PyTorch in double
 * precision (tests/golden/net, from golden/models: oracle PyTorch 1.13.0). */
#include "network_program.h"

#define FOLDER CF_TEST_DIR "/golden/net/"
#define MODEL  "net:" FOLDER "toy0.json+" FOLDER "toy0.safetensors"

static void every_layer(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  cf_json *cases = read_golden_json(ctx, FOLDER "nets.json");
  check_program(ctx, MODEL, FOLDER "toy0_images.npy", "", cf_json_get(cases, "toy0"), FOLDER "toy0_expected.npz", true);
  cf_json_free(cases);
  cf_context_free(ctx);
}

/* The layers proper come out alone, and in depth order. */
static void depth_layers(void **unused) {
  (void)unused;
  static const char *const want[] = {"act1", "relu", "cat", "tanh", "fc", "prob"};
  cf_context *ctx = test_context();
  cf_dataset *got = NULL;
  char arguments[2000];
  snprintf(arguments, sizeof arguments, "run %s %s --force --quiet -o %s", MODEL, FOLDER "toy0_images.npy",
           test_path("out.h5"));
  assert_int_equal(run_program(arguments), 0);
  assert_ok(ctx, cf_io_read_all(ctx, test_path("out.h5"), &got));
  assert_int_equal(got->count, 6);
  for (size_t i = 0; i < 6; i++) {
    const cf_array *a = cf_dataset_get(got, want[i]);
    assert_non_null(a);
    assert_string_equal(a->axis[0], "stimulus");
    assert_string_equal(a->axis[1], a->ndim == 4 ? "channel" : "unit");
  }
  cf_dataset_free(got);
  cf_context_free(ctx);
}

/* Without a prefix the content says what it is. */
static void recognised_by_content(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  cf_network *network = NULL;
  assert_ok(ctx, cf_network_open(ctx, FOLDER "toy0.json+" FOLDER "toy0.safetensors", &network));
  assert_string_equal(cf_network_kind(network), "net");
  assert_int_equal(cf_network_files(network), 2);
  cf_network_free(network);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_layer), cmocka_unit_test(depth_layers),
                                     cmocka_unit_test(recognised_by_content)};
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
