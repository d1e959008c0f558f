/* Tables as text: headers, missing cells, quoting, ragged lines, writing. */
#include "io_test.h"

static cf_array *read_text(cf_context *ctx, const char *text, const char *member) {
  char address[300];
  cf_array *a = NULL;
  write_file(test_path("t.csv"), text, strlen(text));
  snprintf(address, sizeof address, "%s%s%s", test_path("t.csv"), member ? ":" : "", member ? member : "");
  assert_ok(ctx, cf_io_read(ctx, address, NULL, &a));
  return a;
}

static void check_matrix(cf_context *ctx, const char *text, size_t rows, size_t cols) {
  cf_array *a = read_text(ctx, text, NULL);
  assert_int_equal(a->dtype, CF_F64);
  assert_int_equal(a->ndim, 2);
  assert_int_equal(a->shape[0], rows);
  assert_int_equal(a->shape[1], cols);
  for (size_t i = 0; i < rows * cols; i++) {
    double v = ((double *)a->data)[i];
    if (!isnan(v) && v != (double)i + 1) fail_msg("\"%s\": element %zu is %g", text, i, v);
  }
  cf_array_free(a);
}

static void numbers_without_header(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  check_matrix(ctx, "1,2\n3,4\n", 2, 2);
  check_matrix(ctx, "1\t2\r\n3\t4", 2, 2);
  check_matrix(ctx, "1;2\n3;4\n\n\n", 2, 2);
  check_matrix(ctx, "1 2  3\n4 5 6 \n", 2, 3);
  check_matrix(ctx, "  1   2\n  3   4\n", 2, 2);
  check_matrix(ctx,
               "\xEF\xBB\xBF"
               "1,2\n3,4\n",
               2, 2);
  check_matrix(ctx, "# made by a program\n# twice\n1,2\n3,4\n", 2, 2);
  check_matrix(ctx, "1e0,+2\n3.0,.4e1\n", 2, 2);
  check_matrix(ctx, "1, \"2\" ,3\n4,5,6\n", 2, 3);
  check_matrix(ctx, "1,,3\n4,nan,NA\n", 2, 3);
  check_matrix(ctx, "1,2,3", 1, 3);
  cf_array *a = read_text(ctx, "0.5\n1.5\n\n", NULL);
  assert_int_equal(a->ndim, 1);
  assert_int_equal(a->shape[0], 2);
  cf_array_free(a);
  cf_context_free(ctx);
}

static void columns_with_header(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const char *text = "name,age,\"weight, kg\",age\n\"a \"\"b\"\"\",1,2,3\n\"line\nbreak\",4,,6\n";
  cf_io_listing *listing = NULL;
  cf_array *a = read_text(ctx, text, NULL);
  assert_int_equal(a->shape[1], 3);
  assert_true(isnan(((double *)a->data)[4]));
  assert_string_equal(a->axis[0], "name");
  assert_string_equal(((char **)a->coordinate[0]->data)[1], "line\nbreak");
  assert_string_equal(((char **)a->coordinate[1]->data)[1], "weight, kg");
  cf_array_free(a);
  assert_ok(ctx, cf_io_list(ctx, test_path("t.csv"), &listing));
  assert_int_equal(listing->count, 5);
  assert_string_equal(listing->entry[4].member, "age_4");
  assert_int_equal(listing->entry[2].dtype, CF_I64);
  assert_int_equal(listing->entry[3].dtype, CF_F64);
  cf_io_listing_free(listing);
  a = read_text(ctx, text, "age");
  assert_int_equal(a->dtype, CF_I64);
  assert_int_equal(((int64_t *)a->data)[1], 4);
  cf_array_free(a);
  a = read_text(ctx, text, "name");
  assert_string_equal(((char **)a->data)[0], "a \"b\"");
  cf_array_free(a);
  cf_context_free(ctx);
}

static void label_files(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_array *a = NULL;
  write_file(test_path("l.tsv"), "condition\nface\nA bird.\nface\n", 27);
  assert_ok(ctx, cf_io_read_labels(ctx, test_path("l.tsv"), &a));
  assert_int_equal(a->shape[0], 3);
  assert_string_equal(((char **)a->data)[1], "A bird.");
  cf_array_free(a);
  write_file(test_path("l.tsv"), "fold\n1\n2\n9007199254740993\n", 26);
  assert_ok(ctx, cf_io_read_labels(ctx, test_path("l.tsv"), &a));
  assert_int_equal(a->dtype, CF_I64);
  assert_true(((int64_t *)a->data)[2] == 9007199254740993);
  cf_array_free(a);
  write_file(test_path("l.tsv"), "fold\n1\nnan\n", 11);
  assert_status(ctx, CF_ERR_INPUT, cf_io_read_labels(ctx, test_path("l.tsv"), &a));
  assert_non_null(strstr(cf_context_error(ctx), "label 1 is NaN"));
  write_file(test_path("l.tsv"), "a\tb\nx\ty\nz\tw\n", 12);
  assert_status(ctx, CF_ERR_INPUT, cf_io_read_labels(ctx, test_path("l.tsv"), &a));
  assert_non_null(strstr(cf_context_error(ctx), "a (2), b (2)"));
  assert_null(a);
  cf_context_free(ctx);
}

static void faults_name_the_line(void **state) {
  (void)state;
  static const struct {
    const char *text, *says;
  } bad[] = {
      {"1,2\n3\n", "line 2 has 1 cells"},
      {"a,b\n1,2\n\n3,4\n", "line 3 is empty"},
      {"1,2\n3,4,5\n", "line 2 has 3 cells"},
      {"1,2\n3,4\n5,6x\n", "line 3, column 2: \"6x\""},
      {"1,\"2\n3,4\n", "quotation mark in line 1"},
      {"1,\"2\"3\n", "closing quotation mark in line 1"},
      {"\n \n", "no data"},
      {"", "is empty"},
  };
  cf_context *ctx = test_context();
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    cf_array *a = NULL;
    write_file(test_path("bad.csv"), bad[i].text, strlen(bad[i].text));
    assert_status(ctx, CF_ERR_INPUT, cf_io_read(ctx, test_path("bad.csv"), NULL, &a));
    if (!strstr(cf_context_error(ctx), bad[i].says))
      fail_msg("\"%s\": \"%s\" should say \"%s\"", bad[i].text, cf_context_error(ctx), bad[i].says);
    assert_null(a);
  }
  cf_array *a = NULL;
  write_file(test_path("bad.csv"), "1,2\n3,\0\n", 8);
  assert_status(ctx, CF_ERR_INPUT, cf_io_read(ctx, test_path("bad.csv"), NULL, &a));
  /* with a header a stray word makes a text column, which is said */
  a = read_text(ctx, "a,b\n1,2\n3,4\n5,?\n", NULL);
  assert_int_equal(a->shape[1], 1);
  assert_int_equal(cf_warning_count(ctx), 1);
  assert_non_null(strstr(cf_warning(ctx, 0), "line 4"));
  cf_array_free(a);
  cf_context_free(ctx);
}

static void written_tables_come_back(void **state) {
  (void)state;
  static const char *const files[] = {"w.tsv", "w.csv"};
  static const char *const words[] = {"plain", "with,comma", "with\ttab", "say \"x\"\nline", " blank ", ""};
  static const double numbers[] = {0.1, -1e300, (double)NAN, 5e-324, 12345678901234567.0, 1.0 / 3.0};
  cf_context *ctx = test_context();
  for (int f = 0; f < 2; f++) {
    cf_array *labels = NULL, *back = NULL;
    assert_ok(ctx, cf_array_from_texts(ctx, "condition", 6, words, &labels));
    cf_dataset *set = set_of(ctx, labels), *all = NULL;
    assert_ok(ctx, cf_dataset_put(ctx, set, "x", 1, (size_t[]){6}, numbers));
    assert_ok(ctx, cf_io_write(ctx, test_path(files[f]), set, NULL));
    assert_ok(ctx, cf_io_read_all(ctx, test_path(files[f]), &all));
    assert_int_equal(all->count, 2);
    for (size_t i = 0; i < 6; i++) {
      double value = cf_array_number(all->array[0], i);
      assert_close(value, numbers[i], 0, 0);
    }
    assert_same_array(cf_dataset_get(all, "condition"), labels);
    cf_dataset_free(all);
    cf_dataset_free(set);
    /* a matrix with row and column labels */
    assert_ok(ctx, cf_array_from_doubles(ctx, "m", 2, (size_t[]){2, 3}, numbers, &back));
    static const char *const rows[] = {"r1", "r2"}, *const columns[] = {"c1", "c,2", "c3"};
    cf_array *r = NULL, *c = NULL;
    assert_ok(ctx, cf_array_from_texts(ctx, "", 2, rows, &r));
    assert_ok(ctx, cf_array_from_texts(ctx, "", 3, columns, &c));
    assert_ok(ctx, cf_array_set_axis(ctx, back, 0, "model", r));
    assert_ok(ctx, cf_array_set_axis(ctx, back, 1, "column", c));
    cf_array_free(r);
    cf_array_free(c);
    set = set_of(ctx, back);
    cf_io_write_options force = {true, NULL, NULL};
    assert_ok(ctx, cf_io_write(ctx, test_path(files[f]), set, &force));
    assert_ok(ctx, cf_io_read(ctx, test_path(files[f]), NULL, &back));
    assert_string_equal(back->axis[0], "model");
    assert_string_equal(((char **)back->coordinate[0]->data)[1], "r2");
    assert_string_equal(((char **)back->coordinate[1]->data)[1], "c,2");
    for (size_t i = 0; i < 6; i++) assert_close(((double *)back->data)[i], numbers[i], 0, 0);
    cf_array_free(back);
    cf_dataset_free(set);
  }
  cf_context_free(ctx);
}

static void what_is_no_table_is_refused(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_dataset *set = set_of(ctx, sample_array(ctx, "x", CF_F32, 3, (size_t[]){2, 2, 2}));
  assert_status(ctx, CF_ERR_USAGE, cf_io_write(ctx, test_path("no.tsv"), set, NULL));
  cf_dataset_free(set);
  set = set_of(ctx, sample_array(ctx, "x", CF_C64, 1, (size_t[]){2}));
  assert_status(ctx, CF_ERR_USAGE, cf_io_write(ctx, test_path("no.tsv"), set, NULL));
  cf_dataset_free(set);
  assert_int_not_equal(access(test_path("no.tsv"), F_OK), 0);
  cf_context_free(ctx);
}

static void damage_never_crashes(void **state) {
  (void)state;
  static const char text[] = "name,\"a b\",c\n\"x\",1,2.5\ny,nan,3e5\n";
  cf_context *ctx = test_context();
  assert_true(damage_everywhere(ctx, "d.csv", (const unsigned char *)text, sizeof text - 1, false) > 0);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_without_header),
      cmocka_unit_test(columns_with_header),
      cmocka_unit_test(label_files),
      cmocka_unit_test(faults_name_the_line),
      cmocka_unit_test(written_tables_come_back),
      cmocka_unit_test(what_is_no_table_is_refused),
      cmocka_unit_test(damage_never_crashes),
  };
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
