/* Real networks through the program: the four published Sensorium models and ResNets of CIFAR-10, every golden layer.
 */
#include "network_program.h"

#define NETS      CF_SHARED_DIR "/golden/models/"
#define SENSORIUM CF_SHARED_DIR "/golden/fnn/sensorium/"
#define WEIGHTS   CF_SHARED_DIR "/data/"

static void declared_networks(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  cf_json *cases = read_golden_json(ctx, NETS "nets.json");
  size_t checked = 0;
  for (size_t i = 0; i < cf_json_count(cases); i++) {
    const cf_json *facts = cf_json_value(cases, i);
    char model[1500], input[600], expected[600];
    if (strcmp(cf_json_as_text(cf_json_get(facts, "weights_in")), "data") != 0) continue;
    snprintf(model, sizeof model, "net:%s%s+%s%s", NETS, cf_json_as_text(cf_json_get(facts, "arch")), WEIGHTS,
             cf_json_as_text(cf_json_get(facts, "weights")));
    snprintf(input, sizeof input, "%s%s", NETS, cf_json_as_text(cf_json_get(facts, "input")));
    snprintf(expected, sizeof expected, "%s%s", NETS, cf_json_as_text(cf_json_get(facts, "expected")));
    check_program(ctx, model, input, "", facts, expected, false);
    checked++;
  }
  assert_int_equal(checked, 5);
  cf_json_free(cases);
  cf_context_free(ctx);
}

static void sensorium_models(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  cf_json *cases = read_golden_json(ctx, SENSORIUM "cases.json");
  assert_int_equal(cf_json_count(cases), 4);
  for (size_t i = 0; i < cf_json_count(cases); i++) {
    const cf_json *facts = cf_json_value(cases, i);
    const char *behavior = cf_json_as_text(cf_json_get(facts, "behavior"));
    const char *pupil = cf_json_as_text(cf_json_get(facts, "pupil"));
    char model[1000], options[1500] = "", expected[600];
    snprintf(model, sizeof model, "sensorium2d:%smodels-neuro/%s", WEIGHTS,
             cf_json_as_text(cf_json_get(facts, "file")));
    if (behavior)
      snprintf(options, sizeof options, "--behavior %s%s --pupil %s%s", SENSORIUM, behavior, SENSORIUM, pupil);
    snprintf(expected, sizeof expected, "%s%s", SENSORIUM, cf_json_as_text(cf_json_get(facts, "expected")));
    check_program(ctx, model, SENSORIUM "images.npy", options, facts, expected, true);
  }
  cf_json_free(cases);
  cf_context_free(ctx);
}

/* uint8 with the standard normalisation and the same numbers already normalised are one input. */
static void normalised_input(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  cf_network *network = NULL;
  cf_array *images = NULL, *floats = NULL;
  assert_ok(ctx, cf_network_open(ctx, WEIGHTS "models-neuro/sensorium_ln_model.pth", &network));
  assert_string_equal(cf_network_kind(network), "sensorium2d");
  assert_ok(ctx, cf_io_read(ctx, SENSORIUM "images.npy", NULL, &images));
  assert_ok(ctx, cf_array_new(ctx, "x", CF_F32, 3, images->shape, &floats));
  for (size_t i = 0; i < cf_array_count(images); i++)
    ((float *)floats->data)[i] = (float)((cf_array_number(images, i) - 113) / 60);
  cf_network_input input = CF_NETWORK_INPUT_INIT;
  input.label = "images";
  input.values = images;
  collector a = collect_run(ctx, network, &input, "rates");
  input.values = floats;
  collector b = collect_run(ctx, network, &input, "rates");
  const collected *x = collected_layer(ctx, &a, "rates"), *y = collected_layer(ctx, &b, "rates");
  assert_memory_equal(x->values, y->values, x->items * x->own * sizeof *x->values);
  collector_free(&a);
  collector_free(&b);
  cf_array_free(images);
  cf_array_free(floats);
  cf_network_free(network);
  cf_context_free(ctx);
}

int main(void) {
  if (access(WEIGHTS "models-neuro", R_OK) != 0 || access(NETS "nets.json", R_OK) != 0) {
    printf("SKIPPED: no networks at %s\n", WEIGHTS);
    return 77;
  }
  const struct CMUnitTest tests[] = {cmocka_unit_test(declared_networks), cmocka_unit_test(sensorium_models),
                                     cmocka_unit_test(normalised_input)};
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
