/* JPEG images and sounds: values against Pillow and the samples they were written from, what is refused, damage
 * everywhere. */
#include "io_test.h"

#define FOLDER CF_TEST_DIR "/golden/io/"

static unsigned char *read_sample(cf_context *ctx, const char *name, size_t *size) {
  char path[600], *bytes;
  snprintf(path, sizeof path, "%s%s", FOLDER, name);
  assert_ok(ctx, cf_io_read_bytes(ctx, path, 1 << 20, &bytes, size));
  return (unsigned char *)bytes;
}

static void compare(cf_context *ctx, const char *file, const char *expected, double tolerance) {
  cf_array *got = NULL, *want = NULL;
  char path[600];
  snprintf(path, sizeof path, "%s%s", FOLDER, file);
  assert_ok(ctx, cf_io_read(ctx, path, NULL, &got));
  snprintf(path, sizeof path, "%s%s", FOLDER, expected);
  assert_ok(ctx, cf_io_read(ctx, path, NULL, &want));
  assert_int_equal(got->ndim, want->ndim);
  assert_int_equal(got->dtype, want->dtype);
  for (int d = 0; d < want->ndim; d++) assert_int_equal(got->shape[d], want->shape[d]);
  for (size_t i = 0; i < cf_array_count(want); i++)
    if (!(fabs(cf_array_number(got, i) - cf_array_number(want, i)) <= tolerance))
      fail_msg("%s[%zu] = %g, expected %g", file, i, cf_array_number(got, i), cf_array_number(want, i));
  cf_array_free(got);
  cf_array_free(want);
}

static void images(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  compare(ctx, "colour.jpg", "colour.npy", 1); /* decoders may round otherwise */
  compare(ctx, "progressive.jpg", "progressive.npy", 1);
  compare(ctx, "grey.jpg", "grey.npy", 1);
  cf_array *a = NULL;
  assert_status(ctx, CF_ERR_INPUT, cf_io_read(ctx, FOLDER "cmyk.jpg", NULL, &a));
  assert_non_null(strstr(cf_context_error(ctx), "cmyk.jpg: is a CMYK image"));
  assert_ok(ctx, cf_io_read(ctx, FOLDER "colour.jpg", NULL, &a));
  assert_string_equal(a->axis[0], "height");
  assert_string_equal(a->axis[2], "channel");
  cf_array_free(a);
  cf_context_free(ctx);
}

static void sounds(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_array *rate = NULL, *mono = NULL;
  compare(ctx, "stereo.wav", "stereo.npy", 0);
  compare(ctx, "stereo.aiff", "stereo.npy", 0);
  compare(ctx, "stereo.flac", "stereo.npy", 0);
  compare(ctx, "float.wav", "stereo.npy", 0);
  cf_array *lossy = NULL, *want = NULL;
  double products = 0, squares = 0, wanted = 0;
  assert_ok(ctx, cf_io_read(ctx, FOLDER "stereo.ogg", NULL, &lossy)); /* as loud as it gets, so compared by its form */
  assert_ok(ctx, cf_io_read(ctx, FOLDER "stereo.npy", NULL, &want));
  assert_int_equal(cf_array_count(lossy), cf_array_count(want));
  for (size_t i = 0; i < cf_array_count(want); i++) {
    double x = cf_array_number(lossy, i), y = cf_array_number(want, i);
    products += x * y, squares += x * x, wanted += y * y;
  }
  assert_true(products > 0.98 * sqrt(squares * wanted));
  cf_array_free(lossy);
  cf_array_free(want);
  assert_ok(ctx, cf_io_read(ctx, FOLDER "stereo.flac:rate", NULL, &rate));
  assert_int_equal(rate->ndim, 0);
  assert_int_equal((int)cf_array_number(rate, 0), 22050);
  cf_array_free(rate);
  assert_ok(ctx, cf_io_read(ctx, FOLDER "mono8.wav", NULL, &mono));
  assert_int_equal(mono->ndim, 1);
  assert_int_equal(mono->shape[0], 600);
  assert_string_equal(mono->axis[0], "time");
  cf_array_free(mono);
  cf_context_free(ctx);
}

/* A file that ends early is refused; other damage may read as something else. Lengths of Ogg are not written down. */
static void damage(void **state) {
  (void)state;
  static const struct {
    const char *name;
    bool strict;
  } files[] = {{"colour.jpg", true}, {"grey.jpg", true},    {"progressive.jpg", true}, {"stereo.wav", true},
               {"mono8.wav", true},  {"stereo.flac", true}, {"stereo.aiff", true},     {"stereo.ogg", false}};
  cf_context *ctx = test_context();
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    size_t size;
    unsigned char *bytes = read_sample(ctx, files[i].name, &size);
    if (files[i].strict)
      for (size_t cut = 0; cut + 2 < size; cut += 1 + size / 150) { /* the end marker of a JPEG alone is no loss */
        write_file(test_path(files[i].name), bytes, cut);
        if (read_everything(ctx, test_path(files[i].name)) == CF_OK)
          fail_msg("%s cut at %zu of %zu was accepted", files[i].name, cut, size);
      }
    if (size < 1000 || i > 6) damage_everywhere(ctx, files[i].name, bytes, size < 900 ? size : 900, false);
    cf_free(bytes);
  }
  cf_context_free(ctx);
}

static void infinite_sample(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  size_t size;
  unsigned char *bytes = read_sample(ctx, "float.wav", &size);
  const float infinite = INFINITY;
  cf_array *a = NULL;
  memcpy(bytes + size - 8, &infinite, 4); /* second last sample: the left channel of frame 599 */
  write_file(test_path("x.wav"), bytes, size);
  assert_status(ctx, CF_ERR_INPUT, cf_io_read(ctx, test_path("x.wav"), NULL, &a));
  assert_non_null(strstr(cf_context_error(ctx), "sample 599 is infinite"));
  cf_free(bytes);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(images), cmocka_unit_test(sounds), cmocka_unit_test(damage),
                                     cmocka_unit_test(infinite_sample)};
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
