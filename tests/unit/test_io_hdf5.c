/* HDF5: every type comes back, axes and coordinates too; files of other writers; unsafe members are listed, not read.
 */
#include "io_test.h"

#define CORPUS CF_TEST_DIR "/fuzz/corpus/hdf5/"

static cf_io_entry *entry_of(cf_io_listing *listing, const char *member) {
  for (size_t i = 0; i < listing->count; i++)
    if (strcmp(listing->entry[i].member, member) == 0) return &listing->entry[i];
  fail_msg("no member %s", member);
  return NULL;
}

static void set_comes_back(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_dataset *set = NULL, *back = NULL;
  static const size_t shape[] = {3, 4}, cube[] = {2, 3, 5}, none[] = {0, 3}, large[] = {300, 300};
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  for (int t = CF_BOOL; t <= CF_TEXT; t++) {
    char name[64];
    assert_ok(ctx, cf_dataset_add(ctx, set, sample_array(ctx, cf_dtype_name((cf_dtype)t), (cf_dtype)t, 2, shape)));
    snprintf(name, sizeof name, "deep/er/%s", cf_dtype_name((cf_dtype)t));
    assert_ok(ctx, cf_dataset_add(ctx, set, sample_array(ctx, name, (cf_dtype)t, 3, cube)));
    snprintf(name, sizeof name, "empty_%s", cf_dtype_name((cf_dtype)t));
    assert_ok(ctx, cf_dataset_add(ctx, set, sample_array(ctx, name, (cf_dtype)t, 2, none)));
    snprintf(name, sizeof name, "scalar_%s", cf_dtype_name((cf_dtype)t));
    assert_ok(ctx, cf_dataset_add(ctx, set, sample_array(ctx, name, (cf_dtype)t, 0, NULL)));
  }
  assert_ok(ctx, cf_dataset_add(ctx, set, sample_array(ctx, "deflated", CF_I32, 2, large)));
  cf_io_write_options options = {false, NULL, "{\"metric\": \"euclidean\"}"};
  assert_ok(ctx, cf_io_write(ctx, test_path("s.h5"), set, &options));
  assert_ok(ctx, cf_io_read_all(ctx, test_path("s.h5"), &back));
  assert_int_equal(back->count, set->count);
  for (size_t i = 0; i < set->count; i++) {
    const cf_array *b = cf_dataset_get(back, set->array[i]->name);
    if (!b) fail_msg("%s is not there", set->array[i]->name);
    assert_same_array(set->array[i], b);
  }
  assert_status(ctx, CF_ERR_FAILURE, cf_io_write(ctx, test_path("none/s.h5"), set, &options));
  cf_dataset_free(set);
  cf_dataset_free(back);
  cf_context_free(ctx);
}

/* Two arrays whose axes have one name but different labels keep their own. */
static void axes_come_back(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_dataset *set = NULL, *back = NULL;
  static const size_t shape[] = {3, 2}, other[] = {2, 3};
  static const char *const first[] = {"a", "b", "c"}, *const second[] = {"c", "b", "a"};
  const char *names[] = {"one", "two", "area/three"};
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  for (int k = 0; k < 3; k++) {
    cf_array *a = sample_array(ctx, names[k], CF_F32, 2, k == 2 ? other : shape), *labels = NULL;
    assert_ok(ctx, cf_array_from_texts(ctx, "", 3, k ? second : first, &labels));
    assert_ok(ctx, cf_array_set_axis(ctx, a, k == 2, "condition", labels));
    assert_ok(ctx, cf_array_set_axis(ctx, a, k != 2, "channel", NULL));
    cf_array_free(labels);
    assert_ok(ctx, cf_dataset_add(ctx, set, a));
  }
  assert_ok(ctx, cf_io_write(ctx, test_path("a.h5"), set, NULL));
  assert_ok(ctx, cf_io_read_all(ctx, test_path("a.h5"), &back));
  for (int k = 0; k < 3; k++) {
    const cf_array *a = cf_dataset_get(set, names[k]), *b = cf_dataset_get(back, names[k]);
    assert_non_null(b);
    assert_same_array(a, b);
    assert_string_equal(b->axis[k == 2], "condition");
    assert_string_equal(b->axis[k != 2], "channel");
    assert_non_null(b->coordinate[k == 2]);
    assert_null(b->coordinate[k != 2]);
    assert_same_array(a->coordinate[k == 2], b->coordinate[k == 2]);
  }
  /* each set of labels once: beside the arrays, or under the array's name */
  assert_int_equal(back->count, 3 + 3);
  cf_dataset_free(set);
  cf_dataset_free(back);
  cf_context_free(ctx);
}

static void h5py_types_are_read(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_dataset *set = NULL;
  assert_ok(ctx, cf_io_read_all(ctx, CORPUS "types.h5", &set));
  const cf_array *b = cf_dataset_get(set, "b"), *z = cf_dataset_get(set, "z"), *f = cf_dataset_get(set, "g/f"),
                 *h = cf_dataset_get(set, "h");
  assert_true(b && z && f && h);
  assert_int_equal(b->dtype, CF_BOOL);
  assert_true(cf_array_number(b, 0) == 1 && cf_array_number(b, 1) == 0);
  assert_int_equal(z->dtype, CF_C128);
  assert_true(((double *)z->data)[0] == 1 && ((double *)z->data)[1] == 2);
  assert_int_equal(f->dtype, CF_TEXT);
  assert_string_equal(((char **)f->data)[0], "ab");
  assert_string_equal(((char **)f->data)[1], "c");
  assert_int_equal(h->dtype, CF_F16); /* stored big-endian */
  for (size_t i = 0; i < 3; i++) assert_true(cf_array_number(h, i) == (double)i);
  cf_dataset_free(set);
  cf_context_free(ctx);
}

static void member_by_last_part(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_array *a = NULL;
  assert_ok(ctx, cf_io_read(ctx, CORPUS "types.h5:f", NULL, &a));
  assert_int_equal(a->shape[0], 2);
  cf_array_free(a);
  a = NULL;
  assert_ok(ctx, cf_io_read(ctx, CORPUS "types.h5:/g/f", NULL, &a));
  cf_array_free(a);
  a = NULL;
  assert_status(ctx, CF_ERR_INPUT, cf_io_read(ctx, CORPUS "hostile.h5:x", NULL, &a));
  assert_non_null(strstr(cf_context_error(ctx), "g/x"));
  assert_null(a);
  assert_status(ctx, CF_ERR_INPUT, cf_io_read(ctx, CORPUS "types.h5:nothing", NULL, &a));
  assert_non_null(strstr(cf_context_error(ctx), "nothing"));
  cf_context_free(ctx);
}

/* Reading a file reads that file alone, and believes no size. */
static void unsafe_members_are_refused(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_io_listing *listing = NULL;
  cf_dataset *set = NULL;
  static const char *const refused[] = {"huge", "virtual", "outside", "compound", "nine", "ref", "ragged"};
  assert_ok(ctx, cf_io_list(ctx, CORPUS "hostile.h5", &listing));
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    char address[400];
    cf_array *a = NULL;
    const cf_io_entry *e = entry_of(listing, refused[i]);
    if (i > 0) assert_false(e->readable);
    assert_true(e->stored[0] != 0);
    snprintf(address, sizeof address, CORPUS "hostile.h5:%s", refused[i]);
    assert_status(ctx, CF_ERR_INPUT, cf_io_read(ctx, address, NULL, &a));
    assert_non_null(strstr(cf_context_error(ctx), refused[i]));
    assert_null(a);
  }
  for (size_t i = 0; i < listing->count; i++) { /* links: the cycle ends, the outward one is not there */
    assert_null(strstr(listing->entry[i].member, "loop/"));
    assert_string_not_equal(listing->entry[i].member, "ext");
  }
  cf_io_listing_free(listing);
  assert_status(ctx, CF_ERR_INPUT, cf_io_read_all(ctx, CORPUS "hostile.h5", &set)); /* for the huge one */
  cf_array *fill = NULL;                                                            /* never written: the fill value */
  assert_ok(ctx, cf_io_read(ctx, CORPUS "hostile.h5:fill", NULL, &fill));
  for (size_t i = 0; i < 6; i++) assert_true(cf_array_number(fill, i) == 7.0);
  cf_array_free(fill);
  cf_context_free(ctx);
}

/* A matrix of 8 MB under a budget of 1 MB, and a terabyte that was never written. */
static void blocks_need_little_memory(void **state) {
  (void)state;
  cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
  o.memory = (size_t)1 << 20;
  cf_context *ctx = NULL, *wide = test_context();
  assert_int_equal(cf_context_new(&o, &ctx), CF_OK);
  static const size_t shape[] = {1000, 1000};
  static const cf_dtype types[] = {CF_F64, CF_F32, CF_I16, CF_BOOL, CF_F16};
  double *window = malloc(100 * 300 * sizeof *window);
  for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
    cf_dataset *set = set_of(wide, sample_array(wide, "x", types[t], 2, shape));
    cf_io_write_options options = CF_IO_WRITE_OPTIONS_INIT;
    cf_blocks blocks;
    options.force = true;
    assert_ok(wide, cf_io_write(wide, test_path("b.h5"), set, &options));
    assert_ok(ctx, cf_io_open_blocks(ctx, test_path("b.h5"), NULL, &blocks));
    assert_int_equal(blocks.rows, 1000);
    assert_int_equal(blocks.cols, 1000);
    for (size_t row = 0; row < 1000; row += 300) {
      size_t rows = row + 100 <= 1000 ? 100 : 1000 - row;
      assert_ok(ctx, blocks.read(ctx, blocks.payload, row, rows, 650, 300, window));
      for (size_t i = 0; i < rows * 300; i++)
        assert_true(window[i] == cf_array_number(set->array[0], (row + i / 300) * 1000 + 650 + i % 300));
    }
    cf_blocks_close(&blocks);
    cf_dataset_free(set);
  }
  cf_blocks blocks;
  assert_ok(ctx, cf_io_open_blocks(ctx, CORPUS "hostile.h5:huge", NULL, &blocks));
  assert_true(blocks.rows == (size_t)1 << 40);
  assert_ok(ctx, blocks.read(ctx, blocks.payload, ((size_t)1 << 40) - 2, 2, 0, 4, window));
  assert_true(window[7] == 0);
  assert_int_not_equal(blocks.read(ctx, blocks.payload, (size_t)1 << 40, 1, 0, 4, window), CF_OK);
  cf_blocks_close(&blocks);
  free(window);
  cf_context_free(ctx);
  cf_context_free(wide);
}

/* Cut and changed files: an orderly refusal, or a value that is different, never a crash. */
static void damage_is_survived(void **state) {
  (void)state;
  cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
  cf_context *ctx = NULL;
  o.memory = (size_t)8 << 20;
  assert_int_equal(cf_context_new(&o, &ctx), CF_OK);
  static const char *const files[] = {CORPUS "types.h5", CORPUS "chunk.h5", CORPUS "old.h5"};
  for (size_t f = 0; f < 3; f++) {
    size_t size;
    unsigned char *bytes = slurp(files[f], &size);
    char path[300];
    snprintf(path, sizeof path, "%s/d.h5", test_folder);
    for (size_t cut = 0; cut < size; cut += 61) {
      write_file(path, bytes, cut);
      assert_int_not_equal(read_everything(ctx, path), CF_OK);
    }
    for (size_t i = f; i < size; i += 17) {
      bytes[i] ^= 0xff;
      write_file(path, bytes, size);
      read_everything(ctx, path);
      bytes[i] ^= 0xff;
    }
    free(bytes);
  }
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(set_comes_back),
      cmocka_unit_test(axes_come_back),
      cmocka_unit_test(h5py_types_are_read),
      cmocka_unit_test(member_by_last_part),
      cmocka_unit_test(unsafe_members_are_refused),
      cmocka_unit_test(blocks_need_little_memory),
      cmocka_unit_test(damage_is_survived),
  };
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
