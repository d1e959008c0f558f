/* MATLAB 5 and 7.3: every class, cells, structures, sparse and characters; files of other writers; damage. */
#include "io_test.h"

#define CORPUS CF_TEST_DIR "/fuzz/corpus/mat/"

static cf_array *member(cf_context *ctx, const char *file, const char *name) {
  char address[400];
  cf_array *a = NULL;
  snprintf(address, sizeof address, "%s%s:%s", CORPUS, file, name);
  assert_ok(ctx, cf_io_read(ctx, address, NULL, &a));
  return a;
}

static void assert_numbers(cf_context *ctx, const char *file, const char *name, cf_dtype dtype, size_t rows,
                           size_t cols, const double *expected) {
  cf_array *a = member(ctx, file, name);
  assert_int_equal(a->dtype, dtype);
  assert_int_equal(a->ndim, 2);
  assert_int_equal(a->shape[0], rows);
  assert_int_equal(a->shape[1], cols);
  for (size_t i = 0; i < rows * cols; i++)
    if (cf_array_number(a, i) != expected[i]) fail_msg("%s:%s [%zu] is %g", file, name, i, cf_array_number(a, i));
  cf_array_free(a);
}

static void assert_texts(cf_context *ctx, const char *file, const char *name, size_t n, const char *const *expected) {
  cf_array *a = member(ctx, file, name);
  assert_int_equal(a->dtype, CF_TEXT);
  assert_int_equal(a->ndim, 1);
  assert_int_equal(a->shape[0], n);
  for (size_t i = 0; i < n; i++) assert_string_equal(((char **)a->data)[i], expected[i]);
  cf_array_free(a);
}

static const double x23[] = {0, 1, 2, 3, 4, 5};

static void scipy_files_are_read(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  assert_numbers(ctx, "n.mat", "x", CF_F64, 2, 3, x23);
  assert_numbers(ctx, "z.mat", "x", CF_F64, 2, 3, x23); /* compressed */
  assert_numbers(ctx, "n.mat", "i", CF_I16, 1, 3, x23);
  assert_numbers(ctx, "n.mat", "b", CF_BOOL, 1, 2, (double[]){1, 0});
  cf_array *z = member(ctx, "n.mat", "z");
  assert_int_equal(z->dtype, CF_C128);
  assert_true(((double *)z->data)[0] == 1 && ((double *)z->data)[1] == 2);
  cf_array_free(z);
  assert_texts(ctx, "t.mat", "s", 1, (const char *[]){"ab"});
  assert_texts(ctx, "t.mat", "c", 2, (const char *[]){"ab", "c"});
  assert_texts(ctx, "t.mat", "m", 2, (const char *[]){"ab", "cd"});
  assert_numbers(ctx, "st.mat", "s.a", CF_F64, 1, 1, (double[]){1});
  assert_numbers(ctx, "st.mat", "s.b.c", CF_I64, 1, 2, x23);
  assert_numbers(ctx, "st.mat", "cell{1}", CF_F64, 1, 2, x23);
  assert_texts(ctx, "st.mat", "cell{2}", 1, (const char *[]){"t"});
  assert_numbers(ctx, "st.mat", "sa(2).p", CF_I32, 1, 1, (double[]){3});
  assert_numbers(ctx, "st.mat", "sa(1).q", CF_F64, 1, 1, (double[]){2});
  assert_numbers(ctx, "z.mat", "c{1}", CF_F64, 1, 2, x23);
  assert_numbers(ctx, "sp.mat", "s", CF_F64, 2, 2, (double[]){0, 1, 2, 0});
  cf_array *none = NULL;
  assert_status(ctx, CF_ERR_INPUT, cf_io_read(ctx, CORPUS "st.mat:s.q", NULL, &none));
  assert_non_null(strstr(cf_context_error(ctx), "s.q"));
  cf_context_free(ctx);
}

static void version_73_is_read(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_io_listing *listing = NULL;
  cf_blocks blocks;
  double block[4];
  assert_ok(ctx, cf_io_list(ctx, CORPUS "v73.mat", &listing));
  assert_string_equal(listing->format, "mat73");
  cf_io_listing_free(listing);
  assert_numbers(ctx, "v73.mat", "x", CF_F64, 2, 3, x23);
  assert_texts(ctx, "v73.mat", "s", 1, (const char *[]){"ab"});
  assert_numbers(ctx, "v73.mat", "c{1}", CF_F64, 1, 1, (double[]){1});
  assert_texts(ctx, "v73.mat", "c{2}", 1, (const char *[]){"ab"});
  assert_ok(ctx, cf_io_open_blocks(ctx, CORPUS "v73.mat:x", NULL, &blocks));
  assert_int_equal(blocks.rows, 2);
  assert_int_equal(blocks.cols, 3);
  assert_ok(ctx, blocks.read(ctx, blocks.payload, 0, 2, 1, 2, block));
  assert_true(block[0] == 1 && block[1] == 2 && block[2] == 4 && block[3] == 5);
  cf_blocks_close(&blocks);
  listing = NULL; /* a cell array that contains itself */
  assert_status(ctx, CF_ERR_INPUT, cf_io_list(ctx, CORPUS "loop73.mat", &listing));
  assert_non_null(strstr(cf_context_error(ctx), "circle"));
  cf_context_free(ctx);
}

static void set_comes_back(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_dataset *set = NULL, *back = NULL;
  static const size_t shape[] = {3, 4}, cube[] = {2, 3, 5}, line[] = {4};
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  for (int t = CF_BOOL; t <= CF_TEXT; t++) {
    char name[64];
    if (t == CF_F16 || t == CF_BF16) continue; /* MATLAB has no half precision */
    assert_ok(ctx, cf_dataset_add(ctx, set, sample_array(ctx, cf_dtype_name((cf_dtype)t), (cf_dtype)t, 2, shape)));
    snprintf(name, sizeof name, "cube_%s", cf_dtype_name((cf_dtype)t));
    assert_ok(ctx, cf_dataset_add(ctx, set, sample_array(ctx, name, (cf_dtype)t, 3, cube)));
  }
  assert_ok(ctx, cf_dataset_add(ctx, set, sample_array(ctx, "words", CF_TEXT, 1, line)));
  assert_ok(ctx, cf_io_write(ctx, test_path("s.mat"), set, NULL));
  assert_ok(ctx, cf_io_read_all(ctx, test_path("s.mat"), &back));
  assert_int_equal(back->count, set->count);
  for (size_t i = 0; i < set->count; i++) assert_same_array(set->array[i], back->array[i]);
  cf_dataset_free(set);
  cf_dataset_free(back);
  cf_context_free(ctx);
}

static void names_and_labels_are_fitted(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  static const size_t shape[] = {2, 3};
  static const char *const labels[] = {"a", "b"};
  cf_array *a = sample_array(ctx, "resp/rates 1", CF_F16, 2, shape), *coordinate = NULL;
  assert_ok(ctx, cf_array_from_texts(ctx, "", 2, labels, &coordinate));
  assert_ok(ctx, cf_array_set_axis(ctx, a, 0, "condition", coordinate));
  cf_array_free(coordinate);
  cf_dataset *set = set_of(ctx, a), *back = NULL;
  assert_ok(ctx, cf_dataset_add(ctx, set, sample_array(ctx, "resp_rates_1", CF_F64, 2, shape)));
  assert_ok(ctx, cf_dataset_add(ctx, set, sample_array(ctx, "1st", CF_F64, 0, NULL)));
  assert_ok(ctx, cf_io_write(ctx, test_path("n.mat"), set, NULL));
  assert_int_equal(cf_warning_count(ctx), 1); /* one for all names */
  assert_non_null(strstr(cf_warning(ctx, 0), "3 names are no MATLAB names and were changed, the first 'resp/rates 1'"));
  assert_ok(ctx, cf_io_read_all(ctx, test_path("n.mat"), &back));
  assert_int_equal(back->count, 4);
  const cf_array *half = cf_dataset_get(back, "resp_rates_1");
  assert_int_equal(half->dtype, CF_F32); /* wider, the same values */
  for (size_t i = 0; i < 6; i++) assert_true(cf_array_number(half, i) == cf_array_number(set->array[0], i));
  assert_non_null(cf_dataset_get(back, "resp_rates_1_2"));
  assert_non_null(cf_dataset_get(back, "x1st"));
  const cf_array *condition = cf_dataset_get(back, "condition");
  assert_non_null(condition);
  assert_string_equal(((char **)condition->data)[1], "b");
  cf_dataset_free(set);
  cf_dataset_free(back);
  cf_context_free(ctx);
}

/* Cuts and changed bytes all over the small files. */
static void damage_is_survived(void **state) {
  (void)state;
  cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
  cf_context *ctx = NULL;
  o.memory = (size_t)4 << 20;
  assert_int_equal(cf_context_new(&o, &ctx), CF_OK);
  static const char *const files[] = {"n.mat", "t.mat", "st.mat", "sp.mat", "z.mat", "v73.mat"};
  for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
    char path[300];
    size_t size, step = f == 5 ? 97 : 7;
    snprintf(path, sizeof path, "%s%s", CORPUS, files[f]);
    unsigned char *bytes = slurp(path, &size);
    snprintf(path, sizeof path, "%s/d.mat", test_folder);
    for (size_t cut = 0; cut < size; cut += step) { /* whole variables may be left */
      write_file(path, bytes, cut);
      read_everything(ctx, path);
    }
    for (size_t i = 0; i < size; i += step)
      for (int k = 0; k < 2; k++) {
        unsigned char kept = bytes[i];
        bytes[i] ^= k ? 0xff : 0x01;
        write_file(path, bytes, size);
        read_everything(ctx, path);
        bytes[i] = kept;
      }
    free(bytes);
  }
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(scipy_files_are_read), cmocka_unit_test(version_73_is_read),
      cmocka_unit_test(set_comes_back),       cmocka_unit_test(names_and_labels_are_fitted),
      cmocka_unit_test(damage_is_survived),
  };
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
