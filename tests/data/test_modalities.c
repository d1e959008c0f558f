/* Networks of three modalities on the same 66 objects: the study of examples/modalities.yaml, run by the program on
 * real pictures, sounds and words, and the facts that any sane run of it has. Without ONNX Runtime the speech network
 * is left out. */
#include "network_program.h"
#include <cortifold/study.h>

#define DATA   CF_SHARED_DIR "/data/"
#define GOLDEN CF_SHARED_DIR "/golden/models/"

static void link_to(const char *target, const char *name) {
  char path[600];
  snprintf(path, sizeof path, "%s/%s", test_folder, name);
  if (symlink(target, path) != 0) fail_msg("cannot link %s", path);
}

static bool has_runtime(void) {
  return access(CF_TEST_DIR "/../tools/onnxruntime/lib/libonnxruntime.so", R_OK) == 0 ||
         getenv("CORTIFOLD_ONNXRUNTIME");
}

/* The manifest of the example, with the folders that it wants; without a runtime for them, without the tasks that need
 * the sounds. */
static void lay_out(void) {
  static const struct {
    const char *target, *name;
  } links[] = {{DATA "stimuli/tuxpaint", "objects"},
               {DATA "stimuli/tuxpaint.csv", "objects.csv"},
               {GOLDEN "resnet20.json", "models/resnet20.json"},
               {GOLDEN "resnet56.json", "models/resnet56.json"},
               {DATA "models-vision/resnet20_cifar10.safetensors", "models/resnet20.safetensors"},
               {DATA "models-vision/resnet56_cifar10.safetensors", "models/resnet56.safetensors"},
               {DATA "models-audio/speech_melspectrogram.onnx", "models/speech_melspectrogram.onnx"},
               {DATA "models-audio/speech_embedding_model.onnx", "models/speech_embedding_model.onnx"},
               {DATA "models-language/stories260k_llama2c.bin", "models/stories260k.bin"},
               {DATA "models-language/stories260k_tokenizer.bin", "models/stories260k_tokenizer.bin"}};
  char path[600], command[2000];
  snprintf(path, sizeof path, "%s/models", test_folder);
  assert_int_equal(mkdir(path, 0777), 0);
  for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
    char target[1200];
    assert_non_null(realpath(links[i].target, target));
    link_to(target, links[i].name);
  }
  snprintf(
      command, sizeof command,
      "sed -e 's|^output:.*|output: out|; s/permutations: 1000/permutations: 199/; s/permutations: 99}/permutations: 19}/' "
      "-e '%s' " CF_TEST_DIR "/../examples/modalities.yaml > %s/study.yaml",
      has_runtime() ? "" : "/^  - id: .*s\\(pectrum\\|ound\\)/,/^$/d", test_folder);
  assert_int_equal(system(command), 0);
}

static cf_study_results *results;

static const cf_json *task(const char *id) {
  for (size_t i = 0; i < results->count; i++)
    if (strcmp(results->task[i].id, id) == 0) return cf_json_get(results->task[i].envelope, "result");
  return NULL;
}

/* A number of a measure in a comparison of one system with one. */
static double found(const char *id, const char *measure, const char *key) {
  const cf_json *list = cf_json_get(task(id), "measures");
  if (!list) fail_msg("there is no task %s", id);
  for (size_t i = 0; i < cf_json_count(list); i++)
    if (strcmp(cf_json_as_text(cf_json_get(cf_json_at(list, i), "name")), measure) == 0)
      return cf_json_as_number(cf_json_get(cf_json_at(list, i), key));
  fail_msg("%s has no %s", id, measure);
  return NAN;
}

static void the_study_runs(void **unused) {
  (void)unused;
  char arguments[700], folder[600];
  cf_context *ctx = test_context();
  lay_out();
  snprintf(arguments, sizeof arguments, "study run %s/study.yaml --quiet", test_folder);
  assert_int_equal(run_program(arguments), 0);
  snprintf(folder, sizeof folder, "%s/out", test_folder);
  assert_ok(ctx, cf_study_results_read(ctx, folder, &results));
  assert_int_equal(results->count, has_runtime() ? 21 : 12);
  cf_context_free(ctx);
}

/* Depths, objects and eigenvalues: those of these networks on these objects, whatever the machine. */
static void depth_is_what_it_is(void **unused) {
  (void)unused;
  static const struct {
    const char *id;
    size_t layers;
    double modulus;
    bool real, sound;
  } known[] = {{"picture-modes", 10, 0.745, false, false},
               {"picture-deep-modes", 28, 0.960, false, false},
               {"word-modes", 6, 1.081, true, false},
               {"sound-modes", 19, 0.877, false, true}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (known[i].sound && !has_runtime()) continue;
    const cf_json *r = task(known[i].id), *stable = cf_json_get(r, "stable");
    assert_non_null(r);
    assert_int_equal(cf_json_count(cf_json_get(r, "layers")), known[i].layers);
    assert_close(cf_json_as_number(cf_json_get(r, "stimuli")), 66, 0, 0);
    assert_string_equal(cf_json_as_text(cf_json_get(r, "stimuli_matched_by")), "label");
    assert_close(cf_json_as_number(cf_json_get(stable, "modulus")), known[i].modulus, 0.01, 0);
    assert_true((cf_json_as_number(cf_json_get(stable, "angle")) == 0) == known[i].real);
    assert_true(cf_json_as_number(cf_json_get(r, "energy")) >= 0.99);
  }
}

/* Two networks trained on the same pictures agree, by every measure and far above chance; of networks of different
 * modalities that were trained apart none comes near them, and none survives a correction for the comparisons made. */
static void agreement_is_within_a_modality(void **unused) {
  (void)unused;
  static const char *const measures[] = {"rsa", "cka-debiased", "svcca"};
  static const char *const pairs[] = {"picture-word", "picture-sound", "sound-word"};
  const size_t n = has_runtime() ? 3 : 1;
  for (size_t m = 0; m < 3; m++) {
    assert_close(found("last-pictures", measures[m], "p"), 1.0 / 200, 1e-9, 0);
    assert_close(found("stable-pictures", measures[m], "p"), 1.0 / 200, 1e-9, 0);
    assert_true(found("last-pictures", measures[m], "value") > 0.65);
    assert_true(found("last-pictures", measures[m], "z") > 12);
    assert_true(found("stable-pictures", measures[m], "z") > 4);
    for (size_t k = 0; k < n; k++) {
      char last[64], stable[64];
      snprintf(last, sizeof last, "last-%s", pairs[k]);
      snprintf(stable, sizeof stable, "stable-%s", pairs[k]);
      assert_true(fabs(found(last, measures[m], "z")) < 4);
      assert_true(fabs(found(stable, measures[m], "z")) < 4);
      assert_true(found(last, measures[m], "p") * 18 > 0.05 && found(stable, measures[m], "p") * 18 > 0.05);
      assert_true(found(last, measures[m], "value") < 0.7 * found("last-pictures", measures[m], "value"));
    }
  }
}

/* Distances between dynamics are angles, and a null is not a constant. */
static void dynamics_compare(void **unused) {
  (void)unused;
  static const char *const pairs[] = {"dynamics-pictures", "dynamics-picture-word", "dynamics-picture-sound",
                                      "dynamics-sound-word"};
  for (size_t k = 0; k < (has_runtime() ? 4 : 2); k++) {
    const double angle = found(pairs[k], "dsa-angular", "value");
    assert_true(angle > 0 && angle < 3.1416);
    assert_true(found(pairs[k], "dsa-angular", "null_sd") > 0);
  }
  /* networks of one family lie nearer to each other than a picture and a language network */
  assert_true(found("dynamics-pictures", "dsa-angular", "value") <
              found("dynamics-picture-word", "dsa-angular", "value"));
}

static int clear(void **state) {
  char command[200];
  (void)state;
  cf_study_results_free(results);
  snprintf(command, sizeof command, "rm -r '%s'", test_folder);
  return system(command);
}

int main(void) {
  if (access(DATA "stimuli/tuxpaint.csv", R_OK) != 0 || access(GOLDEN "resnet56.json", R_OK) != 0) {
    printf("SKIPPED: no objects and networks at %s\n", DATA);
    return 77;
  }
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_study_runs), cmocka_unit_test(depth_is_what_it_is),
                                     cmocka_unit_test(agreement_is_within_a_modality),
                                     cmocka_unit_test(dynamics_compare)};
  return cmocka_run_group_tests(tests, make_test_folder, clear);
}
