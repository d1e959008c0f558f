/* NIfTI-1, NIfTI-2 and CIFTI-2 matrices: both byte orders, scaling, gzip, places in space, and files that lie. The
 * small files are those that fuzzing begins with; element (x, y, z, t) is its index in C order. */
#include "io_test.h"

#define CORPUS CF_TEST_DIR "/fuzz/corpus/nifti/"

static void every_kind_reads_the_same(void **state) {
  (void)state;
  static const struct {
    const char *name;
    cf_dtype dtype;
    double slope, intercept, tr;
  } rows[] = {{"little-f4.nii", CF_F32, 1, 0, 2.5},    {"big-i2-scaled.nii", CF_F64, 0.5, 3, 2.5},
              {"quaternion-u1.nii", CF_U8, 1, 0, 2.5}, {"two-f8.nii", CF_F64, 1, 0, 2.5},
              {"two-big-i4.nii", CF_I32, 1, 0, 2.5},   {"packed-f4.nii.gz", CF_F32, 1, 0, 2.5}};
  cf_context *ctx = test_context();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char path[600];
    cf_array *a = NULL, *spacing = NULL;
    snprintf(path, sizeof path, CORPUS "%s", rows[i].name);
    assert_ok(ctx, cf_io_read(ctx, path, NULL, &a));
    assert_int_equal(a->dtype, rows[i].dtype);
    assert_int_equal(a->ndim, 4);
    assert_true(a->shape[0] == 2 && a->shape[1] == 3 && a->shape[2] == 2 && a->shape[3] == 2);
    for (size_t k = 0; k < 24; k++)
      assert_close(cf_array_number(a, k), rows[i].slope * (double)k + rows[i].intercept, 0, 0);
    assert_ok(ctx, cf_io_read_sibling(ctx, path, "spacing", &spacing));
    assert_close(cf_array_number(spacing, 1), 3, 0, 0);
    assert_close(cf_array_number(spacing, 3), rows[i].tr, 1e-6, 0);
    cf_array_free(a);
    cf_array_free(spacing);
  }
  cf_context_free(ctx);
}

static void places_in_space(void **state) {
  (void)state;
  static const double sform[12] = {2, 0, 0, -10, 0, 3, 0, -20, 0, 0, 4, 5};
  static const double qform[12] = {-2, 0, 0, 7, 0, -3, 0, 8, 0, 0, -4, 9}; /* half a turn about z, left-handed */
  static const double sizes[12] = {2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 4, 0};
  static const struct {
    const char *name;
    const double *affine;
  } rows[] = {{"little-f4.nii", sform}, {"quaternion-u1.nii", qform}, {"two-f8.nii", sizes}};
  cf_context *ctx = test_context();
  for (size_t i = 0; i < 3; i++) {
    char path[600];
    cf_array *a = NULL;
    snprintf(path, sizeof path, CORPUS "%s:affine", rows[i].name);
    assert_ok(ctx, cf_io_read(ctx, path, NULL, &a));
    for (size_t k = 0; k < 12; k++) assert_close(cf_array_number(a, k), rows[i].affine[k], 1e-6, 1e-6);
    assert_close(cf_array_number(a, 15), 1, 0, 0);
    cf_array_free(a);
  }
  cf_context_free(ctx);
}

static void cifti_is_a_matrix(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_array *a = NULL;
  cf_io_listing *listing = NULL;
  assert_ok(ctx, cf_io_read(ctx, CORPUS "cifti.dtseries.nii", NULL, &a));
  assert_true(a->ndim == 2 && a->shape[0] == 3 && a->shape[1] == 4);
  for (size_t k = 0; k < 12; k++) assert_close(cf_array_number(a, k), (double)k, 0, 0);
  assert_ok(ctx, cf_io_list(ctx, CORPUS "cifti.dtseries.nii", &listing));
  assert_int_equal(listing->count, 1);
  assert_string_equal(listing->format, "nifti");
  cf_io_listing_free(listing);
  cf_array_free(a);
  assert_status(ctx, CF_ERR_INPUT, cf_io_read(ctx, CORPUS "colours.nii", NULL, &a));
  assert_non_null(strstr(cf_context_error(ctx), "of colours"));
  cf_context_free(ctx);
}

static void damage_is_an_error(void **state) {
  (void)state;
  static const char *const names[] = {"little-f4.nii", "two-f8.nii", "packed-f4.nii.gz"};
  cf_context *ctx = test_context();
  for (size_t i = 0; i < 3; i++) {
    char path[600];
    size_t size;
    snprintf(path, sizeof path, CORPUS "%s", names[i]);
    unsigned char *bytes = slurp(path, &size);
    /* of a gzip file the checksum behind the data is not needed to have all voxels */
    assert_true(damage_everywhere(ctx, "damaged.nii", bytes, i == 2 ? size - 8 : size, i < 2) > size / 2);
    free(bytes);
  }
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_kind_reads_the_same),
      cmocka_unit_test(places_in_space),
      cmocka_unit_test(cifti_is_a_matrix),
      cmocka_unit_test(damage_is_an_error),
  };
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
