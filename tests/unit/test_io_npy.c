/* npy: every type, both orders of bytes and axes, blocks, and files that lie. */
#include "io_test.h"

/* A npy file with this header text (version 1) and data. */
static void write_npy(const char *path, const char *header, const void *data, size_t size) {
  unsigned char bytes[4096] = "\x93NUMPY\x01\x00";
  size_t n = strlen(header);
  bytes[8] = (unsigned char)(n & 0xFF);
  bytes[9] = (unsigned char)(n >> 8);
  memcpy(bytes + 10, header, n);
  if (size) memcpy(bytes + 10 + n, data, size);
  write_file(path, bytes, 10 + n + size);
}

static void every_type_comes_back(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  static const size_t shapes[][3] = {{2, 3, 4}, {5, 1, 1}, {0, 3, 1}};
  cf_io_write_options force = {true, NULL, NULL};
  for (int t = CF_BOOL; t <= CF_TEXT; t++)
    for (int s = 0; s < 3; s++)
      for (int ndim = 0; ndim <= 3; ndim++) {
        cf_array *array = sample_array(ctx, "x", (cf_dtype)t, ndim, shapes[s]), *back = NULL;
        cf_dataset *set = set_of(ctx, array);
        assert_ok(ctx, cf_io_write(ctx, test_path("t.npy"), set, &force));
        assert_ok(ctx, cf_io_read(ctx, test_path("t.npy"), NULL, &back));
        if (t == CF_BF16) { /* npy has no bfloat16 */
          assert_int_equal(back->dtype, CF_F32);
          for (size_t i = 0; i < cf_array_count(array); i++)
            assert_true(cf_array_number(array, i) == cf_array_number(back, i));
        } else {
          assert_same_array(array, back);
        }
        cf_array_free(back);
        cf_dataset_free(set);
      }
  assert_int_equal(test_folder_files(), 1);
  cf_context_free(ctx);
}

static void orders_of_bytes_and_axes(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_array *a = NULL;
  /* [[1,2,3],[4,5,6]] as big-endian int16 in Fortran order */
  static const unsigned char data[] = {0, 1, 0, 4, 0, 2, 0, 5, 0, 3, 0, 6};
  write_npy(test_path("f.npy"), "{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }\n", data, sizeof data);
  assert_ok(ctx, cf_io_read(ctx, test_path("f.npy"), NULL, &a));
  assert_int_equal(a->dtype, CF_I16);
  assert_true(a->fortran);
  for (size_t i = 0; i < 6; i++) assert_true(cf_array_number(a, i) == (double)i + 1);
  cf_array_free(a);
  cf_io_listing *listing = NULL;
  assert_ok(ctx, cf_io_list(ctx, test_path("f.npy"), &listing));
  assert_string_equal(listing->entry[0].stored, ">i2");
  assert_true(listing->entry[0].fortran);
  cf_io_listing_free(listing);
  /* keys in another order, double quotes, Python 2's long, no spaces */
  write_npy(test_path("g.npy"), "{\"shape\":(2L,3L),\"fortran_order\":False,\"descr\":\">i2\"}", data, sizeof data);
  assert_ok(ctx, cf_io_read(ctx, test_path("g.npy"), NULL, &a));
  assert_true(cf_array_number(a, 1) == 4.0 && cf_array_number(a, 5) == 6.0);
  cf_array_free(a);
  /* strings: two of three characters, Fortran order says nothing for one axis */
  static const unsigned char text[] = {0, 0, 0,    'a',  0, 0, 0, 0xE9, 0, 0, 0, 0,
                                       0, 1, 0xF9, 0xE0, 0, 0, 0, 0,    0, 0, 0, 0};
  write_npy(test_path("u.npy"), "{'descr': '>U3', 'fortran_order': False, 'shape': (2,), }", text, sizeof text);
  assert_ok(ctx, cf_io_read_labels(ctx, test_path("u.npy"), &a));
  assert_string_equal(((char **)a->data)[0], "a\xC3\xA9");
  assert_string_equal(((char **)a->data)[1], "\xF0\x9F\xA7\xA0");
  cf_array_free(a);
  write_npy(test_path("s.npy"), "{'descr': '|S3', 'fortran_order': False, 'shape': (2, 1), }", "abc\xE9\0\0", 6);
  assert_ok(ctx, cf_io_read_labels(ctx, test_path("s.npy"), &a));
  assert_int_equal(a->ndim, 1);
  assert_string_equal(((char **)a->data)[0], "abc");
  assert_string_equal(((char **)a->data)[1], "\xC3\xA9");
  cf_array_free(a);
  /* complex, big-endian: the parts are swapped one by one */
  static const unsigned char complex[] = {0x3F, 0x80, 0, 0, 0xC0, 0, 0, 0};
  write_npy(test_path("c.npy"), "{'descr': '>c8', 'fortran_order': False, 'shape': (), }", complex, sizeof complex);
  assert_ok(ctx, cf_io_read(ctx, test_path("c.npy"), NULL, &a));
  assert_true(((float *)a->data)[0] == 1.0f && ((float *)a->data)[1] == -2.0f);
  cf_array_free(a);
  cf_context_free(ctx);
}

static void lying_files_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *header, *says;
  } bad[] = {
      {"{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", "pickled"},
      {"{'descr': [('a', '<f8'), ('b', '<i4')], 'fortran_order': False, 'shape': (1,), }", "struct"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }", "shape"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (3), }", "shape"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (1e3,), }", "header"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,), }", "shape"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", "address space"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (0, 9223372036854775807), }", "impossible length"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000,), }", "truncated"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", "9 axes"},
      {"{'descr': '<f16', 'fortran_order': False, 'shape': (1,), }", "f16"},
      {"{'descr': '<U0', 'fortran_order': False, 'shape': (1000000000000,), }", "empty strings"},
      {"{'descr': '<U99999999999', 'fortran_order': False, 'shape': (0,), }", "type"},
      {"{'descr': '<q8', 'fortran_order': False, 'shape': (1,), }", "type"},
      {"{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", "malformed"},
      {"{'descr': '<f8', 'fortran_order': 0, 'shape': (1,), }", "malformed"},
      {"{'descr': '<f8', 'shape': (1,), }", "malformed"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'x': 1}", "malformed"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (1,), } import os", "malformed"},
      {"{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (1,), }", "dates"},
      {"", "malformed"},
  };
  cf_context *ctx = test_context();
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    cf_array *a = NULL;
    write_npy(test_path("bad.npy"), bad[i].header, "12345678", 8);
    assert_status(ctx, CF_ERR_INPUT, cf_io_read(ctx, test_path("bad.npy"), NULL, &a));
    assert_null(a);
    if (!strstr(cf_context_error(ctx), bad[i].says) || !strstr(cf_context_error(ctx), "bad.npy"))
      fail_msg("%s: \"%s\" should say \"%s\"", bad[i].header, cf_context_error(ctx), bad[i].says);
    cf_context_clear(ctx);
  }
  static const unsigned char long_header[] = "\x93NUMPY\x02\x00\xFF\xFF\xFF\x7F{'descr': ";
  write_file(test_path("bad.npy"), long_header, sizeof long_header);
  cf_array *a = NULL;
  assert_status(ctx, CF_ERR_INPUT, cf_io_read(ctx, test_path("bad.npy"), NULL, &a));
  static const unsigned char future[] = "\x93NUMPY\x04\x00\x10\x00";
  write_file(test_path("bad.npy"), future, sizeof future);
  assert_status(ctx, CF_ERR_INPUT, cf_io_read(ctx, test_path("bad.npy"), NULL, &a));
  assert_non_null(strstr(cf_context_error(ctx), "version 4.0"));
  cf_context_free(ctx);
}

static void damage_never_crashes(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  static const cf_dtype types[] = {CF_F64, CF_TEXT, CF_BOOL};
  static const size_t shape[] = {2, 3};
  for (int t = 0; t < 3; t++) {
    cf_dataset *set = set_of(ctx, sample_array(ctx, "x", types[t], 2, shape));
    assert_ok(ctx, cf_io_write(ctx, test_path("whole.npy"), set, &(cf_io_write_options){true, NULL, NULL}));
    cf_dataset_free(set);
    size_t size;
    unsigned char *bytes = slurp(test_path("whole.npy"), &size);
    assert_true(damage_everywhere(ctx, "damaged.npy", bytes, size, true) > size);
    free(bytes);
  }
  cf_context_free(ctx);
}

static void blocks_equal_the_whole(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  static const char *const orders[] = {"False", "True"};
  size_t rows = 37, cols = 53;
  int16_t *data = malloc(rows * cols * sizeof *data);
  double *block = malloc(rows * cols * sizeof *block);
  for (size_t i = 0; i < rows * cols; i++) data[i] = (int16_t)((i * 7919) % 30011);
  cf_rng rng = cf_rng_make(3, 4, 0);
  for (int o = 0; o < 2; o++) {
    char header[128];
    snprintf(header, sizeof header, "{'descr': '<i2', 'fortran_order': %s, 'shape': (%zu, %zu), }", orders[o], rows,
             cols);
    write_npy(test_path("b.npy"), header, data, rows * cols * sizeof *data > 3900 ? 3900 : 0);
    FILE *f = fopen(test_path("b.npy"), "r+b");
    fseek(f, (long)(10 + strlen(header)), SEEK_SET);
    assert_int_equal(fwrite(data, sizeof *data, rows * cols, f), rows * cols);
    fclose(f);
    cf_array *whole = NULL;
    cf_blocks blocks;
    assert_ok(ctx, cf_io_read(ctx, test_path("b.npy"), NULL, &whole));
    assert_ok(ctx, cf_io_open_blocks(ctx, test_path("b.npy"), NULL, &blocks));
    assert_int_equal(blocks.rows, rows);
    assert_int_equal(blocks.cols, cols);
    for (int k = 0; k < 200; k++) {
      size_t r = cf_rng_below(&rng, rows + 1), c = cf_rng_below(&rng, cols + 1);
      size_t m = cf_rng_below(&rng, rows - r + 1), n = cf_rng_below(&rng, cols - c + 1);
      assert_ok(ctx, blocks.read(ctx, blocks.payload, r, m, c, n, block));
      for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) assert_true(block[i * n + j] == cf_array_number(whole, (r + i) * cols + c + j));
    }
    assert_status(ctx, CF_ERR_FAILURE, blocks.read(ctx, blocks.payload, rows, 1, 0, 1, block));
    cf_blocks_close(&blocks);
    cf_array_free(whole);
  }
  free(data);
  free(block);
  cf_context_free(ctx);
}

/* The file is sparse and far larger than any memory here: only what is asked for may be read. */
static void blocks_do_not_load_the_file(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const char *path = test_path("huge.npy");
  write_npy(path, "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000000), }", NULL, 0);
  if (truncate(path, (off_t)8000000000000 + 4096) != 0) skip(); /* file system without such sizes */
  cf_blocks blocks;
  double block[6];
  assert_ok(ctx, cf_io_open_blocks(ctx, path, NULL, &blocks));
  assert_ok(ctx, blocks.read(ctx, blocks.payload, 999998, 2, 999997, 3, block));
  for (int i = 0; i < 6; i++) assert_true(block[i] == 0.0);
  cf_blocks_close(&blocks);
  cf_array *a = NULL;
  assert_status(ctx, CF_ERR_MEMORY, cf_io_read(ctx, path, NULL, &a));
  assert_non_null(strstr(cf_context_error(ctx), "this machine has"));
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_type_comes_back),   cmocka_unit_test(orders_of_bytes_and_axes),
      cmocka_unit_test(lying_files_are_refused), cmocka_unit_test(damage_never_crashes),
      cmocka_unit_test(blocks_equal_the_whole),  cmocka_unit_test(blocks_do_not_load_the_file),
  };
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
