/* array: views, storage types, data sets, blocks, labels. */
#include "test.h"

#include <cortifold/array.h>

static void strided_views_copy_like_plain_loops(void **state) {
  (void)state;
  double x[24];
  for (int i = 0; i < 24; i++) x[i] = i;
  cf_view t = cf_view_tensor(x, 3, (size_t[]){2, 3, 4});
  assert_int_equal(cf_view_count(&t), 24);
  assert_true(cf_view_contiguous(&t));
  cf_view slice = cf_view_index(t, 1, 2); /* (2, 4) at [:, 2, :] */
  double out[24];
  cf_view_copy(&slice, out);
  for (size_t i = 0; i < 2; i++)
    for (size_t j = 0; j < 4; j++) assert_true(out[i * 4 + j] == x[i * 12 + 8 + j]);
  cf_view turned = cf_view_transposed(slice);
  cf_view_copy(&turned, out);
  for (size_t i = 0; i < 4; i++)
    for (size_t j = 0; j < 2; j++) assert_true(out[i * 2 + j] == cf_at(&slice, j, i));
}

static void a_nan_is_found_where_it_lies(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double x[24] = {0};
  cf_view t = cf_view_tensor(x, 3, (size_t[]){2, 3, 4});
  assert_ok(ctx, cf_view_check_finite(ctx, &t, "x"));
  x[17] = NAN;
  assert_status(ctx, CF_ERR_INPUT, cf_view_check_finite(ctx, &t, "a.npy"));
  assert_string_equal(cf_context_error(ctx), "a.npy: NaN at [1, 1, 1]");
  x[17] = 0;
  x[6] = -INFINITY;
  cf_view turned = cf_view_transposed(cf_view_index(t, 0, 0));
  assert_status(ctx, CF_ERR_INPUT, cf_view_check_finite(ctx, &turned, "b"));
  assert_string_equal(cf_context_error(ctx), "b: infinity at [2, 1]");
  cf_context_free(ctx);
}

static void every_half_survives_the_way_to_double_and_back(void **state) {
  (void)state;
  for (uint32_t bits = 0; bits < 65536; bits++) {
    double x = cf_f16_to_double((uint16_t)bits);
    if (!isnan(x)) assert_int_equal(cf_double_to_f16(x), bits);
    double y = cf_bf16_to_double((uint16_t)bits);
    if (!isnan(y)) assert_int_equal(cf_double_to_bf16(y), bits);
  }
  assert_true(isnan(cf_f16_to_double(cf_double_to_f16(NAN))));
  assert_true(isnan(cf_bf16_to_double(cf_double_to_bf16(NAN))));
  assert_int_equal(cf_double_to_f16(65519.9), 0x7bff);
  assert_int_equal(cf_double_to_f16(65520), 0x7c00);
  assert_int_equal(cf_double_to_f16(2049), 0x6800); /* half way: to even, 2048 */
  assert_int_equal(cf_double_to_f16(2051), 0x6802); /* to even, 2052 */
  assert_int_equal(cf_double_to_f16(ldexp(1, -25)), 0);
  assert_int_equal(cf_double_to_f16(ldexp(1.01, -25)), 1);
}

static void integers_convert_to_double(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_array *a;
  size_t n = 3;
  assert_ok(ctx, cf_array_new(ctx, "a", CF_I16, 1, &n, &a));
  memcpy(a->data, (int16_t[]){-5, 0, 32767}, 6);
  assert_ok(ctx, cf_array_to_doubles(ctx, a));
  assert_int_equal(a->dtype, CF_F64);
  assert_true(cf_array_number(a, 0) == -5 && cf_array_number(a, 2) == 32767);
  cf_array_free(a);
  assert_ok(ctx, cf_array_from_texts(ctx, "t", 2, (const char *[]){"x", "y"}, &a));
  assert_status(ctx, CF_ERR_INPUT, cf_array_to_doubles(ctx, a));
  cf_array_free(a);
  cf_context_free(ctx);
}

static void copies_are_deep(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_array *a, *b, *names;
  assert_ok(ctx, cf_array_from_doubles(ctx, "m", 2, (size_t[]){2, 2}, (double[]){1, 2, 3, 4}, &a));
  assert_ok(ctx, cf_array_from_texts(ctx, "condition", 2, (const char *[]){"cat", "dog"}, &names));
  assert_ok(ctx, cf_array_set_axis(ctx, a, 0, "condition", names));
  assert_status(ctx, CF_ERR_USAGE, cf_array_set_axis(ctx, a, 2, "x", NULL));
  cf_array_free(names);
  assert_ok(ctx, cf_array_copy(ctx, a, &b));
  cf_array_free(a);
  char text[16];
  assert_string_equal(cf_array_label(b->coordinate[0], 1, text, sizeof text), "dog");
  assert_string_equal(b->axis[0], "condition");
  assert_true(cf_array_number(b, 3) == 4);
  cf_array_free(b);
  cf_context_free(ctx);
}

static void coordinates_must_fit_their_axis(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_array *a, *names;
  assert_ok(ctx, cf_array_from_doubles(ctx, "m", 2, (size_t[]){3, 1}, (double[]){1, 2, 3}, &a));
  assert_ok(ctx, cf_array_from_texts(ctx, "condition", 2, (const char *[]){"cat", "dog"}, &names));
  assert_status(ctx, CF_ERR_INPUT, cf_array_set_axis(ctx, a, 0, "condition", names));
  cf_array_free(names);
  cf_array_free(a);
  cf_context_free(ctx);
}

static void a_data_set_refuses_a_second_array_of_a_name(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_dataset *set;
  double x = 1;
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  for (int i = 0; i < 20; i++) {
    char name[8];
    snprintf(name, sizeof name, "a%d", i);
    assert_ok(ctx, cf_dataset_put(ctx, set, name, 0, NULL, &x));
  }
  assert_status(ctx, CF_ERR_INPUT, cf_dataset_put(ctx, set, "a7", 0, NULL, &x));
  assert_int_equal(set->count, 20);
  assert_non_null(cf_dataset_get(set, "a19"));
  assert_null(cf_dataset_get(set, "b"));
  cf_dataset_free(set);
  cf_context_free(ctx);
}

static void blocks_of_a_view_are_windows(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double x[12], out[4];
  for (int i = 0; i < 12; i++) x[i] = i;
  cf_view m = cf_view_transposed(cf_view_matrix(x, 3, 4)); /* 4 x 3 */
  cf_blocks b;
  assert_ok(ctx, cf_blocks_from_view(ctx, &m, "x", &b));
  assert_ok(ctx, b.read(ctx, b.payload, 2, 2, 1, 2, out));
  assert_true(out[0] == 6 && out[1] == 10 && out[2] == 7 && out[3] == 11);
  assert_status(ctx, CF_ERR_USAGE, b.read(ctx, b.payload, 3, 2, 0, 1, out));
  cf_blocks_close(&b);
  cf_context_free(ctx);
}

/* -------------------------------------------------------------- labels -- */

static cf_array *texts(cf_context *ctx, const char *name, size_t n, const char *const *t) {
  cf_array *a;
  assert_ok(ctx, cf_array_from_texts(ctx, name, n, t, &a));
  return a;
}

static void labels_pair_whatever_their_order(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_array *a = texts(ctx, "a", 3, (const char *[]){"x", "z", "y"});
  cf_array *b = texts(ctx, "b", 3, (const char *[]){"y", "x", "z"});
  size_t index[3];
  assert_ok(ctx, cf_labels_match(ctx, a, b, index));
  assert_int_equal(index[0], 1);
  assert_int_equal(index[1], 2);
  assert_int_equal(index[2], 0);
  cf_array_free(a);
  cf_array_free(b);
  cf_context_free(ctx);
}

static void labels_without_a_partner_are_named(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_array *a = texts(ctx, "a", 2, (const char *[]){"x", "cat"});
  cf_array *b = texts(ctx, "b", 2, (const char *[]){"dog", "x"});
  cf_array *twice = texts(ctx, "c", 2, (const char *[]){"x", "x"});
  size_t index[2];
  assert_status(ctx, CF_ERR_INPUT, cf_labels_match(ctx, a, b, index));
  assert_string_equal(cf_context_error(ctx), "a has labels that b lacks: 'cat'");
  assert_status(ctx, CF_ERR_INPUT, cf_labels_match(ctx, a, twice, index));
  assert_string_equal(cf_context_error(ctx), "c: labels occur more than once: 'x'");
  cf_array_free(a);
  cf_array_free(b);
  cf_array_free(twice);
  cf_context_free(ctx);
}

static void groups_come_in_ascending_order(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double x[] = {10, 2, 10, -1, 2};
  cf_array *a, *names;
  size_t code[5], n = 5, groups;
  assert_ok(ctx, cf_array_from_doubles(ctx, "c", 1, &n, x, &a));
  assert_ok(ctx, cf_labels_group(ctx, a, code, &groups, &names));
  assert_int_equal(groups, 3);
  const size_t expected[] = {2, 1, 2, 0, 1};
  for (int i = 0; i < 5; i++) assert_int_equal(code[i], expected[i]);
  assert_true(cf_array_number(names, 0) == -1 && cf_array_number(names, 2) == 10);
  cf_array_free(names);
  x[0] = NAN;
  ((double *)a->data)[3] = NAN;
  assert_status(ctx, CF_ERR_INPUT, cf_labels_group(ctx, a, code, &groups, NULL));
  cf_array_free(a);
  cf_context_free(ctx);
}

static void numbers_print_shortest(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_array *a;
  size_t n = 3;
  char text[32];
  assert_ok(ctx, cf_array_from_doubles(ctx, "x", 1, &n, (double[]){0.1, 3, 1.0 / 3}, &a));
  assert_string_equal(cf_array_label(a, 0, text, sizeof text), "0.1");
  assert_string_equal(cf_array_label(a, 1, text, sizeof text), "3");
  assert_true(strtod(cf_array_label(a, 2, text, sizeof text), NULL) == 1.0 / 3);
  cf_array_free(a);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(strided_views_copy_like_plain_loops),
      cmocka_unit_test(a_nan_is_found_where_it_lies),
      cmocka_unit_test(every_half_survives_the_way_to_double_and_back),
      cmocka_unit_test(integers_convert_to_double),
      cmocka_unit_test(copies_are_deep),
      cmocka_unit_test(coordinates_must_fit_their_axis),
      cmocka_unit_test(a_data_set_refuses_a_second_array_of_a_name),
      cmocka_unit_test(blocks_of_a_view_are_windows),
      cmocka_unit_test(labels_pair_whatever_their_order),
      cmocka_unit_test(labels_without_a_partner_are_named),
      cmocka_unit_test(groups_come_in_ascending_order),
      cmocka_unit_test(numbers_print_shortest),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
