/* Images, sounds, lists and texts as inputs of networks: values against Pillow and SciPy, names, order, threads. */
#include "test.h"

#include "pipeline/input.h"

#define IO CF_TEST_DIR "/golden/io/"

static const cf_param params[] = {CF_INPUT_PARAMS, CF_PARAM_END};

/* Reads with options given as name, value, ..., NULL. */
static cf_status read_input(cf_context *ctx, const char *const *given, const char *address, bool texts,
                            bool headers_only, cf_input *out) {
  const cf_param *const tables[] = {params};
  cf_options *options = NULL;
  assert_ok(ctx, cf_options_new(ctx, tables, 1, &options));
  for (size_t i = 0; given[i]; i += 2) assert_ok(ctx, cf_options_set(ctx, options, given[i], given[i + 1]));
  cf_status status = cf_input_read(ctx, options, address, NULL, texts, headers_only, NULL, out);
  cf_options_free(options);
  return status;
}

static cf_dataset *read_expected(cf_context *ctx) {
  cf_dataset *set = NULL;
  assert_ok(ctx, cf_io_read_all(ctx, CF_TEST_DIR "/golden/preprocess/input.npz", &set));
  return set;
}

static void check(cf_context *ctx, const char *name, const char *const *given, const char *address, double tolerance) {
  cf_dataset *set = read_expected(ctx);
  const cf_array *want = cf_dataset_get(set, name);
  cf_input input, header;
  assert_non_null(want);
  assert_ok(ctx, read_input(ctx, given, address, false, false, &input));
  assert_ok(ctx, read_input(ctx, given, address, false, true, &header));
  assert_int_equal(input.values->dtype, want->dtype);
  assert_int_equal(input.values->ndim, want->ndim);
  assert_null(header.values->data);
  for (int d = 0; d < want->ndim; d++) {
    assert_int_equal(input.values->shape[d], want->shape[d]);
    assert_int_equal(header.values->shape[d], want->shape[d]);
  }
  for (size_t i = 0; i < cf_array_count(want); i++)
    if (!(fabs(cf_array_number(input.values, i) - cf_array_number(want, i)) <= tolerance))
      fail_msg("%s[%zu] = %g, expected %g", name, i, cf_array_number(input.values, i), cf_array_number(want, i));
  cf_input_free(&input);
  cf_input_free(&header);
  cf_dataset_free(set);
}

static void images(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  check(ctx, "imagenet", (const char *const[]){"resize", "12", "crop", "8x9", "normalise", "imagenet", NULL},
        IO "[cg]*[ry].jpg", 0.02);
  check(ctx, "contain", (const char *const[]){"resize", "16x16", "fit", "contain", "background", "10,20,30", NULL},
        IO "colour.jpg", 1);
  check(ctx, "cover", (const char *const[]){"resize", "16x16", "fit", "cover", "interpolation", "bicubic", NULL},
        IO "colour.jpg", 1);
  check(ctx, "grey", (const char *const[]){"colour", "grey", NULL}, IO "colour.jpg", 1);
  cf_context_free(ctx);
}

static void sounds(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  check(ctx, "sound", (const char *const[]){"sample-rate", "16000", "duration", "0.03", "amplitude", "100", NULL},
        IO "stereo.flac", 1e-3);
  check(ctx, "mel",
        (const char *const[]){"sample-rate", "16000",      "duration", "0.03",       "features",  "log-mel", "n-fft",
                              "256",         "win-length", "200",      "hop-length", "80",        "n-mels",  "20",
                              "fmin",        "50",         "fmax",     "7000",       "mel-scale", "slaney",  NULL},
        IO "stereo.wav", 1e-3);
  cf_context_free(ctx);
}

/* Names are those of the files; a list keeps its order; --names replaces them; arrays of images go the same way. */
static void names(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  cf_input input, array;
  FILE *f = fopen("input-list.csv", "w");
  assert_non_null(f);
  fprintf(f, "file,name\nsmall.jpg,tiny\ngrey.jpg,big\n");
  fclose(f);
  const char *const given[] = {"folder", IO, "resize", "6x7", NULL};
  assert_ok(ctx, read_input(ctx, given, "input-list.csv:file", false, false, &input));
  assert_int_equal(input.values->ndim, 3);
  assert_int_equal(input.values->shape[0], 2);
  assert_string_equal(((char **)input.labels->data)[0], "small");
  assert_string_equal(((char **)input.labels->data)[1], "grey");
  cf_io_write_options options = CF_IO_WRITE_OPTIONS_INIT;
  cf_dataset *set = NULL;
  options.force = true;
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  cf_array *copy = NULL;
  assert_ok(ctx, cf_array_copy(ctx, input.values, &copy));
  assert_ok(ctx, cf_dataset_add(ctx, set, copy));
  assert_ok(ctx, cf_io_write(ctx, "input-images.npy", set, &options));
  cf_dataset_free(set);
  assert_ok(ctx, read_input(ctx, (const char *const[]){"crop", "6x7", "names", "input-list.csv:name", NULL},
                            "input-images.npy", false, false, &array));
  assert_memory_equal(array.values->data, input.values->data, 2 * 6 * 7);
  assert_string_equal(((char **)array.labels->data)[1], "big");
  cf_input_free(&array);
  cf_input_free(&input);
  assert_ok(ctx, read_input(ctx, (const char *const[]){"names", "input-list.csv:file", NULL}, "input-list.csv:name",
                            true, false, &input));
  assert_int_equal(input.n_texts, 2);
  assert_string_equal(input.texts[0], "tiny");
  assert_string_equal(((char **)input.labels->data)[0], "small.jpg");
  cf_input_free(&input);
  remove("input-list.csv");
  remove("input-images.npy");
  cf_context_free(ctx);
}

/* A file of texts: line ends of either kind, a byte order mark, empty lines, a last line without an end. */
static void texts(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  cf_input input;
  FILE *f = fopen("input-texts.txt", "wb");
  assert_non_null(f);
  fputs("\xEF\xBB\xBF"
        "one\r\n\ntwo words\nlast",
        f);
  fclose(f);
  assert_ok(ctx, read_input(ctx, (const char *const[]){NULL}, "input-texts.txt", true, false, &input));
  assert_int_equal(input.n_texts, 4);
  assert_string_equal(input.texts[0], "one");
  assert_string_equal(input.texts[1], "");
  assert_string_equal(input.texts[2], "two words");
  assert_string_equal(input.texts[3], "last");
  cf_input_free(&input);
  remove("input-texts.txt");
  cf_context_free(ctx);
}

/* --affine and --reshape. */
static void changes(void **unused) {
  (void)unused;
  cf_context *ctx = test_context();
  cf_input input;
  const char *const both[] = {"affine", "2,-1", "reshape", "3,1,2", NULL}, *const wrong[] = {"reshape", "4,2", NULL};
  const char *address = CF_TEST_DIR "/golden/onnx/toy_if_input.npy"; /* (2, 6) float32 */
  cf_array *plain = NULL;
  assert_ok(ctx, cf_io_read(ctx, address, NULL, &plain));
  assert_ok(ctx, read_input(ctx, both, address, false, false, &input));
  assert_int_equal(input.values->ndim, 4);
  assert_int_equal(input.values->shape[1], 3);
  for (size_t i = 0; i < 12; i++)
    assert_close(cf_array_number(input.values, i), 2 * cf_array_number(plain, i) - 1, 1e-6, 1e-6);
  cf_input_free(&input);
  assert_status(ctx, CF_ERR_INPUT, read_input(ctx, wrong, address, false, false, &input));
  cf_array_free(plain);
  cf_context_free(ctx);
}

/* The same bits for one and four threads. */
static void threads(void **unused) {
  (void)unused;
  unsigned char *first = NULL;
  size_t bytes = 0;
  for (int n = 1; n <= 4; n += 3) {
    cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
    cf_context *ctx = NULL;
    cf_input input;
    o.threads = n;
    assert_int_equal(cf_context_new(&o, &ctx), CF_OK);
    assert_ok(ctx, read_input(ctx, (const char *const[]){"resize", "11x13", "normalise", "0.4,0.3", NULL},
                              IO "[cgps]*[erl].jpg", false, false, &input));
    bytes = cf_array_count(input.values) * 4;
    if (!first) {
      first = malloc(bytes);
      memcpy(first, input.values->data, bytes);
    }
    assert_memory_equal(first, input.values->data, bytes);
    cf_input_free(&input);
    cf_context_free(ctx);
  }
  free(first);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(images), cmocka_unit_test(sounds),  cmocka_unit_test(names),
                                     cmocka_unit_test(texts),  cmocka_unit_test(changes), cmocka_unit_test(threads)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
