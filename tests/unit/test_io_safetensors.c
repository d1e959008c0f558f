/* safetensors: round trip, headers that lie, damage. */
#include "io_test.h"

static cf_status read_header_of(cf_context *ctx, const char *header, size_t data, cf_array **out) {
  unsigned char bytes[2048] = {0};
  size_t n = strlen(header);
  for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(n >> 8 * i);
  memcpy(bytes + 8, header, n);
  for (size_t i = 0; i < data; i++) bytes[8 + n + i] = (unsigned char)i;
  write_file(test_path("h.safetensors"), bytes, 8 + n + data);
  return cf_io_read(ctx, test_path("h.safetensors"), NULL, out);
}

static void set_comes_back(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_dataset *set = NULL, *back = NULL;
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  for (int t = CF_BOOL; t <= CF_C64; t++) {
    size_t shape[] = {3, (size_t)t};
    assert_ok(ctx, cf_dataset_add(ctx, set, sample_array(ctx, cf_dtype_name((cf_dtype)t), (cf_dtype)t, t % 3, shape)));
  }
  assert_ok(ctx, cf_io_write(ctx, test_path("s.safetensors"), set, NULL));
  assert_ok(ctx, cf_io_read_all(ctx, test_path("s.safetensors"), &back));
  assert_int_equal(back->count, set->count);
  for (size_t i = 0; i < set->count; i++) assert_same_array(set->array[i], cf_dataset_get(back, set->array[i]->name));
  cf_dataset_free(back);
  cf_dataset_free(set);
  set = set_of(ctx, sample_array(ctx, "words", CF_TEXT, 1, (size_t[]){2}));
  assert_status(ctx, CF_ERR_USAGE, cf_io_write(ctx, test_path("no.safetensors"), set, NULL));
  assert_non_null(strstr(cf_context_error(ctx), "holds no text"));
  cf_dataset_free(set);
  cf_context_free(ctx);
}

static void blocks(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_array *a = NULL;
  cf_blocks b;
  double block[2];
  assert_ok(ctx,
            read_header_of(
                ctx, "{\"a\":{\"dtype\":\"U8\",\"shape\":[2,3],\"data_offsets\":[1,7]},\"__metadata__\":{\"x\":\"y\"}}",
                8, &a));
  assert_true(cf_array_number(a, 5) == 6.0);
  cf_array_free(a);
  assert_ok(ctx, cf_io_open_blocks(ctx, test_path("h.safetensors"), NULL, &b));
  assert_ok(ctx, b.read(ctx, b.payload, 0, 2, 1, 1, block));
  assert_true(block[0] == 2.0 && block[1] == 5.0);
  cf_blocks_close(&b);
  cf_context_free(ctx);
}

static void lying_headers_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *header, *says;
  } bad[] = {
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[9],\"data_offsets\":[0,9]}}", "outside of the file"},
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,0]}}", "outside of the file"},
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[-4,0]}}", "outside of the file"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,8]}}", "needs 16"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", "list of sizes"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,4294967296],\"data_offsets\":[0,8]}}",
       "address space"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,2],\"data_offsets\":[0,8]}}", "9 axes"},
      {"{\"a\":{\"dtype\":\"F33\",\"shape\":[2],\"data_offsets\":[0,8]}}", "unknown"},
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_"
       "offsets\":[3,7]}}",
       "overlap"},
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_"
       "offsets\":[4,8]}}",
       "duplicate"},
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4]}}", "lacks"},
      {"{\"a\":[1,2]}", "lacks"},
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}", "JSON"},
      {"{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[4],\"data_offsets\":[0,4]}}", "F8_E4M3"},
  };
  cf_context *ctx = test_context();
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    cf_array *a = NULL;
    assert_status(ctx, CF_ERR_INPUT, read_header_of(ctx, bad[i].header, 8, &a));
    if (!strstr(cf_context_error(ctx), bad[i].says))
      fail_msg("%s: \"%s\" should say \"%s\"", bad[i].header, cf_context_error(ctx), bad[i].says);
  }
  cf_context_free(ctx);
}

static void damage_never_crashes(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_dataset *set = set_of(ctx, sample_array(ctx, "weight", CF_F32, 2, (size_t[]){2, 2}));
  assert_ok(ctx, cf_dataset_add(ctx, set, sample_array(ctx, "bias", CF_BF16, 1, (size_t[]){2})));
  assert_ok(ctx, cf_io_write(ctx, test_path("whole.safetensors"), set, NULL));
  cf_dataset_free(set);
  size_t size;
  unsigned char *bytes = slurp(test_path("whole.safetensors"), &size);
  assert_true(damage_everywhere(ctx, "d.safetensors", bytes, size, true) > size);
  free(bytes);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(set_comes_back),
      cmocka_unit_test(blocks),
      cmocka_unit_test(lying_headers_are_refused),
      cmocka_unit_test(damage_never_crashes),
  };
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
