/* npz: members, stored and deflated, expansion bounded, damage noticed. */
#include "io_test.h"
#include "io_samples.h"

static void numpy_file_is_read(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const char *path = test_path("n.npz");
  write_file(path, numpy_deflated, sizeof numpy_deflated);
  cf_io_listing *listing = NULL;
  assert_ok(ctx, cf_io_list(ctx, path, &listing));
  assert_string_equal(listing->format, "npz");
  assert_int_equal(listing->count, 2);
  assert_string_equal(listing->entry[0].member, "a");
  assert_string_equal(listing->entry[0].stored, ">f4");
  assert_true(listing->entry[0].fortran);
  cf_io_listing_free(listing);
  /* the only numeric member needs no name, and its sibling labels the axis of its length */
  cf_array *a = NULL;
  assert_ok(ctx, cf_io_read(ctx, path, NULL, &a));
  assert_string_equal(a->name, "a");
  for (size_t i = 0; i < 6; i++) assert_true(cf_array_number(a, i) == (double)i);
  assert_string_equal(a->axis[0], "condition");
  assert_non_null(a->coordinate[0]);
  assert_string_equal(((char **)a->coordinate[0]->data)[1], "d\xC3\xB6g");
  cf_array_free(a);
  /* blocks of a compressed member: loaded, but only within the budget */
  cf_blocks blocks;
  double block[2];
  assert_ok(ctx, cf_io_open_blocks(ctx, path, NULL, &blocks));
  assert_ok(ctx, blocks.read(ctx, blocks.payload, 0, 2, 2, 1, block));
  assert_true(block[0] == 2.0 && block[1] == 5.0);
  cf_blocks_close(&blocks);
  cf_context_free(ctx);
}

static void set_comes_back(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_dataset *set = NULL, *back = NULL;
  static const size_t shape[] = {3, 4};
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  for (int t = CF_BOOL; t <= CF_TEXT; t++)
    if (t != CF_BF16)
      assert_ok(ctx, cf_dataset_add(ctx, set, sample_array(ctx, cf_dtype_name((cf_dtype)t), (cf_dtype)t, 2, shape)));
  cf_io_write_options options = {false, NULL, "{\"metric\": \"euclidean\"}"};
  assert_ok(ctx, cf_io_write(ctx, test_path("s.npz"), set, &options));
  assert_ok(ctx, cf_io_read_all(ctx, test_path("s.npz"), &back));
  assert_int_equal(back->count, set->count + 1);
  for (size_t i = 0; i < set->count; i++) assert_same_array(set->array[i], back->array[i]);
  assert_string_equal(((char **)cf_dataset_get(back, "attributes")->data)[0], options.attributes);
  /* stored members are read in blocks from where they lie */
  cf_blocks blocks;
  double block[12];
  char address[300];
  snprintf(address, sizeof address, "%s:float64", test_path("s.npz"));
  assert_ok(ctx, cf_io_open_blocks(ctx, address, NULL, &blocks));
  assert_ok(ctx, blocks.read(ctx, blocks.payload, 1, 2, 1, 3, block));
  for (size_t i = 0; i < 6; i++)
    assert_true(block[i] == cf_array_number(cf_dataset_get(set, "float64"), (1 + i / 3) * 4 + 1 + i % 3));
  cf_blocks_close(&blocks);
  /* equal contents, equal bytes */
  size_t n, m;
  unsigned char *one = slurp(test_path("s.npz"), &n);
  options.force = true;
  assert_ok(ctx, cf_io_write(ctx, test_path("s.npz"), set, &options));
  unsigned char *two = slurp(test_path("s.npz"), &m);
  assert_int_equal(n, m);
  assert_memory_equal(one, two, n);
  free(one);
  free(two);
  cf_dataset_free(set);
  cf_dataset_free(back);
  cf_context_free(ctx);
}

static void expansion_is_bounded(void **state) {
  (void)state;
  const char *path = test_path("z.npz");
  cf_context *ctx = test_context(), *small = NULL;
  cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
  cf_array *a = NULL;
  o.memory = 4096;
  assert_true(cf_context_new(&o, &small) == CF_OK);
  write_file(path, numpy_zeros, sizeof numpy_zeros);
  assert_ok(ctx, cf_io_read(ctx, path, NULL, &a));
  assert_int_equal(cf_array_count(a), 20000);
  cf_array_free(a);
  assert_status(small, CF_ERR_INPUT, cf_io_read(small, path, NULL, &a));
  assert_non_null(strstr(cf_context_error(small), "zip bomb"));
  /* a directory that promises more than deflate can give: the uncompressed size of the central record */
  unsigned char *bomb = malloc(sizeof numpy_zeros);
  memcpy(bomb, numpy_zeros, sizeof numpy_zeros);
  for (size_t i = 0; i + 28 < sizeof numpy_zeros; i++)
    if (memcmp(bomb + i, "PK\1\2", 4) == 0) bomb[i + 27] = 0x10;
  write_file(path, bomb, sizeof numpy_zeros);
  free(bomb);
  assert_status(ctx, CF_ERR_INPUT, cf_io_read(ctx, path, NULL, &a));
  assert_non_null(strstr(cf_context_error(ctx), "deflate cannot"));
  cf_context_free(small);
  cf_context_free(ctx);
}

static void wrong_checksum_is_noticed(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  static const size_t shape[] = {4};
  cf_array *array = sample_array(ctx, "x", CF_F64, 1, shape), *a = NULL;
  cf_dataset *set = set_of(ctx, array);
  assert_ok(ctx, cf_io_write(ctx, test_path("c.npz"), set, NULL));
  size_t size, at = 0;
  unsigned char *bytes = slurp(test_path("c.npz"), &size);
  while (memcmp(bytes + at, array->data, 8) != 0) at++;
  bytes[at] ^= 1;
  write_file(test_path("c.npz"), bytes, size);
  assert_status(ctx, CF_ERR_INPUT, cf_io_read(ctx, test_path("c.npz"), NULL, &a));
  assert_non_null(strstr(cf_context_error(ctx), "CRC"));
  free(bytes);
  cf_dataset_free(set);
  cf_context_free(ctx);
}

static void damage_never_crashes(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  assert_true(damage_everywhere(ctx, "d.npz", numpy_deflated, sizeof numpy_deflated, true) > sizeof numpy_deflated);
  cf_context_free(ctx);
}

static void members_are_suggested(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_array *a = NULL;
  static const size_t shape[] = {2, 2};
  cf_dataset *set = set_of(ctx, sample_array(ctx, "patterns", CF_F32, 2, shape));
  assert_ok(ctx, cf_dataset_add(ctx, set, sample_array(ctx, "rdm/mean", CF_F32, 2, shape)));
  assert_ok(ctx, cf_io_write(ctx, test_path("m.npz"), set, NULL));
  char address[300];
  snprintf(address, sizeof address, "%s:paterns", test_path("m.npz"));
  assert_status(ctx, CF_ERR_INPUT, cf_io_read(ctx, address, NULL, &a));
  assert_non_null(strstr(cf_context_error(ctx), "did you mean \"patterns\"?"));
  assert_status(ctx, CF_ERR_INPUT, cf_io_read(ctx, test_path("m.npz"), NULL, &a));
  assert_non_null(strstr(cf_context_error(ctx), "patterns (2, 2), rdm/mean (2, 2)"));
  assert_ok(ctx, cf_io_read(ctx, test_path("m.npz"), "responses|patterns", &a));
  assert_string_equal(a->name, "patterns");
  assert_string_equal(a->axis[0], "condition");
  cf_array_free(a);
  snprintf(address, sizeof address, "%s:rdm/mean", test_path("m.npz"));
  assert_ok(ctx, cf_io_read(ctx, address, NULL, &a));
  assert_string_equal(a->source, address);
  cf_array_free(a);
  assert_ok(ctx, cf_io_read_sibling(ctx, address, "condition", &a));
  assert_null(a);
  assert_ok(ctx, cf_io_read_sibling(ctx, address, "patterns", &a));
  assert_non_null(a);
  cf_array_free(a);
  cf_dataset_free(set);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numpy_file_is_read),   cmocka_unit_test(set_comes_back),
      cmocka_unit_test(expansion_is_bounded), cmocka_unit_test(wrong_checksum_is_noticed),
      cmocka_unit_test(damage_never_crashes), cmocka_unit_test(members_are_suggested),
  };
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
