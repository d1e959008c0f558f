/* GIFTI: series, surfaces and labels in every encoding, and files that lie. The small files are those that fuzzing
 * begins with. */
#include "io_test.h"

#define CORPUS CF_TEST_DIR "/fuzz/corpus/gifti/"

static void maps_make_a_matrix(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_array *a = NULL;
  assert_ok(ctx, cf_io_read(ctx, CORPUS "series.func.gii", NULL, &a));
  assert_true(a->dtype == CF_F32 && a->ndim == 2 && a->shape[0] == 3 && a->shape[1] == 4);
  for (size_t k = 0; k < 12; k++) assert_close(cf_array_number(a, k), (double)k, 0, 0);
  cf_array_free(a);
  cf_context_free(ctx);
}

static void surfaces_have_points_and_triangles(void **state) {
  (void)state;
  static const int32_t corner[] = {0, 1, 2, 1, 2, 3};
  cf_context *ctx = test_context();
  cf_array *a = NULL;
  assert_ok(ctx, cf_io_read(ctx, CORPUS "surface.surf.gii:points", NULL, &a));
  assert_true(a->ndim == 2 && a->shape[0] == 4 && a->shape[1] == 3);
  for (size_t k = 0; k < 12; k++) assert_close(cf_array_number(a, k), (double)k, 0, 0);
  cf_array_free(a);
  assert_ok(ctx, cf_io_read(ctx, CORPUS "surface.surf.gii:triangles", NULL, &a));
  assert_int_equal(a->dtype, CF_I32);
  for (size_t k = 0; k < 6; k++) assert_close(cf_array_number(a, k), corner[k], 0, 0);
  cf_array_free(a);
  cf_context_free(ctx);
}

static void labels_have_names(void **state) {
  (void)state;
  static const double of_vertex[] = {0, 7, 7, 2}, index[] = {0, 2, 7};
  static const char *const name[] = {"unknown", "V1 & V2", "IT"};
  cf_context *ctx = test_context();
  cf_array *a = NULL, *i = NULL, *n = NULL;
  char text[64];
  assert_ok(ctx, cf_io_read(ctx, CORPUS "areas.label.gii", NULL, &a));
  assert_ok(ctx, cf_io_read(ctx, CORPUS "areas.label.gii:index", NULL, &i));
  assert_ok(ctx, cf_io_read(ctx, CORPUS "areas.label.gii:name", NULL, &n));
  for (size_t k = 0; k < 4; k++) assert_close(cf_array_number(a, k), of_vertex[k], 0, 0);
  for (size_t k = 0; k < 3; k++) {
    assert_close(cf_array_number(i, k), index[k], 0, 0);
    assert_string_equal(cf_array_label(n, k, text, sizeof text), name[k]);
  }
  cf_array_free(a);
  cf_array_free(i);
  cf_array_free(n);
  cf_context_free(ctx);
}

static void damage_is_an_error(void **state) {
  (void)state;
  static const char *const names[] = {"series.func.gii", "areas.label.gii"};
  cf_context *ctx = test_context();
  cf_array *a = NULL;
  assert_status(ctx, CF_ERR_INPUT, cf_io_read(ctx, CORPUS "entities.gii", NULL, &a));
  assert_non_null(strstr(cf_context_error(ctx), "entities"));
  for (size_t i = 0; i < 2; i++) {
    char path[600];
    size_t size;
    snprintf(path, sizeof path, CORPUS "%s", names[i]);
    unsigned char *bytes = slurp(path, &size);
    assert_true(damage_everywhere(ctx, "damaged.gii", bytes, size - 1, true) > size / 2);
    free(bytes);
  }
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(maps_make_a_matrix),
      cmocka_unit_test(surfaces_have_points_and_triangles),
      cmocka_unit_test(labels_have_names),
      cmocka_unit_test(damage_is_an_error),
  };
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
