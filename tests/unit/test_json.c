/* JSON facade: round trips, strictness of the parser, text of numbers. */
#include "test.h"
#include <cortifold/json.h>

static char *printed(cf_json *value, int indent) {
  char *text = cf_json_print(value, indent);
  cf_json_free(value);
  assert_non_null(text);
  return text;
}

static void check_text(cf_json *value, const char *expected) {
  char *text = printed(value, 0);
  assert_string_equal(text, expected);
  cf_free(text);
}

static void numbers_print_shortest(void **state) {
  (void)state;
  check_text(cf_json_number(0.1), "0.1");
  check_text(cf_json_number(1.0 / 3.0), "0.3333333333333333");
  check_text(cf_json_number(3.0), "3");
  check_text(cf_json_number(-9007199254740992.0), "-9007199254740992");
  check_text(cf_json_number(0.0), "0");
  check_text(cf_json_number(-0.0), "-0.0");
  check_text(cf_json_number(1e22), "1e+22");
  check_text(cf_json_number(5e-324), "5e-324");
  check_text(cf_json_number(2.0000000000000004), "2.0000000000000004");
  check_text(cf_json_number((double)NAN), "null");
  check_text(cf_json_number((double)-INFINITY), "null");
  check_text(cf_json_integer(INT64_MIN), "-9223372036854775808");
  check_text(cf_json_integer(INT64_MAX), "9223372036854775807");
}

static void every_double_reads_back(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_rng rng = cf_rng_make(1, cf_hash_text("json"), 0);
  for (size_t i = 0; i < test_cases(5000); i++) {
    uint64_t bits = cf_rng_u64(&rng);
    double value, back;
    memcpy(&value, &bits, 8);
    if (!isfinite(value)) continue;
    char *text = printed(cf_json_number(value), 0);
    cf_json *parsed = NULL;
    assert_ok(ctx, cf_json_parse(ctx, "number", text, strlen(text), &parsed));
    back = cf_json_as_number(parsed);
    assert_memory_equal(&value, &back, 8);
    cf_json_free(parsed);
    cf_free(text);
  }
  cf_context_free(ctx);
}

static void objects_keep_order_and_index(void **state) {
  (void)state;
  cf_json *object = cf_json_object();
  char key[16];
  for (int i = 0; i < 3000; i++) {
    snprintf(key, sizeof key, "k%d", (i * 7919) % 3000);
    assert_true(cf_json_set(object, key, cf_json_number(i)));
  }
  assert_int_equal(cf_json_count(object), 3000);
  for (int i = 0; i < 3000; i++) {
    snprintf(key, sizeof key, "k%d", (i * 7919) % 3000);
    assert_string_equal(cf_json_key(object, (size_t)i), key);
    assert_true(cf_json_as_number(cf_json_value(object, (size_t)i)) == i);
  }
  assert_string_equal(cf_json_key(object, 0), "k0");
  assert_null(cf_json_key(object, 3000));
  cf_json_free(object);
  /* the cursor must not survive the object: the next one often gets the same address */
  cf_json *next = cf_json_object();
  assert_null(cf_json_key(next, 0));
  assert_true(cf_json_set(next, "only", cf_json_bool(true)));
  assert_string_equal(cf_json_key(next, 0), "only");
  assert_null(cf_json_value(next, 1));
  assert_true(cf_json_as_bool(cf_json_get(next, "only")));
  cf_json_free(next);
}

static void text_is_escaped_and_mended(void **state) {
  (void)state;
  check_text(cf_json_text("a\"b\\c\n\t\x01/"), "\"a\\\"b\\\\c\\n\\t\\u0001/\"");
  check_text(cf_json_text("\xC3\xA9"), "\"\xC3\xA9\"");
  check_text(cf_json_text("x\xFFy\xC0\xAF"), "\"x\xEF\xBF\xBDy\xEF\xBF\xBD\xEF\xBF\xBD\"");
  check_text(cf_json_text(NULL), "null");
  cf_json *object = cf_json_object();
  assert_true(cf_json_set(object, "k\xFE", cf_json_null()));
  check_text(object, "{\"k\xEF\xBF\xBD\": null}");
}

static void layout(void **state) {
  (void)state;
  cf_json *object = cf_json_object(), *list = cf_json_list();
  double row[2] = {1, 2.5};
  assert_true(cf_json_append(list, cf_json_numbers(row, 2)));
  assert_true(cf_json_append(list, cf_json_numbers(row, 0)));
  assert_true(cf_json_set(object, "m", list));
  assert_true(cf_json_set(object, "e", cf_json_object()));
  char *text = cf_json_print(object, 2);
  assert_string_equal(text, "{\n  \"m\": [\n    [1, 2.5],\n    []\n  ],\n  \"e\": {}\n}");
  cf_free(text);
  check_text(object, "{\"m\": [[1, 2.5], []], \"e\": {}}");
}

static void wrong_use_is_refused(void **state) {
  (void)state;
  cf_json *list = cf_json_list(), *object = cf_json_object();
  assert_false(cf_json_set(list, "a", cf_json_null()));
  assert_false(cf_json_append(object, cf_json_text("lost")));
  assert_false(cf_json_set(object, "a", NULL));
  assert_null(cf_json_get(list, "a"));
  assert_null(cf_json_at(object, 0));
  assert_null(cf_json_at(list, 0));
  assert_null(cf_json_as_text(list));
  assert_true(isnan(cf_json_as_number(object)));
  assert_true(isnan(cf_json_as_number(NULL)));
  assert_int_equal(cf_json_count(NULL), 0);
  assert_null(cf_json_print(NULL, 0));
  cf_json_free(list);
  cf_json_free(object);
}

static void integers_keep_64_bits(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_json *value = NULL;
  int64_t i = 0;
  const char *text = "[9007199254740993, -9223372036854775808, 2.0, \"3\"]";
  assert_ok(ctx, cf_json_parse(ctx, "t", text, strlen(text), &value));
  assert_true(cf_json_as_integer(cf_json_at(value, 0), &i) && i == 9007199254740993);
  assert_true(cf_json_as_integer(cf_json_at(value, 1), &i) && i == INT64_MIN);
  assert_false(cf_json_as_integer(cf_json_at(value, 2), &i));
  assert_false(cf_json_as_integer(cf_json_at(value, 3), &i));
  assert_true(cf_json_as_number(cf_json_at(value, 2)) == 2.0);
  cf_json_free(value);
  cf_context_free(ctx);
}

static void bad_text_names_line_and_column(void **state) {
  (void)state;
  static const struct {
    const char *text, *says;
  } bad[] = {
      {"{\"a\": 1, \"a\": 2}", "duplicate"},
      {"{\"a\": 1,\n  }", "line 2"},
      {"[1, 2", "line 1"},
      {"", "line 1"},
      {"{} x", "line 1"},
      {"[1e999]", "overflow"},
      {"nan", "line 1"},
      {"[\"\\ud800\"]", "line 1"},
      {"[\"\xFF\"]", "decode byte 0xff"},
      {"[99999999999999999999]", "big"},
  };
  cf_context *ctx = test_context();
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    cf_json *value = NULL;
    assert_status(ctx, CF_ERR_INPUT, cf_json_parse(ctx, "file.json", bad[i].text, strlen(bad[i].text), &value));
    assert_null(value);
    if (!strstr(cf_context_error(ctx), bad[i].says) || !strstr(cf_context_error(ctx), "file.json"))
      fail_msg("%s: \"%s\" should say \"%s\"", bad[i].text, cf_context_error(ctx), bad[i].says);
    assert_null(strchr(cf_context_error(ctx), '\n'));
    cf_context_clear(ctx);
  }
  char deep[1024];
  cf_json *value = NULL;
  memset(deep, '[', 512);
  memset(deep + 512, ']', 512);
  assert_status(ctx, CF_ERR_INPUT, cf_json_parse(ctx, "deep", deep, 1024, &value));
  assert_non_null(strstr(cf_context_error(ctx), "column 257"));
  assert_ok(ctx, cf_json_parse(ctx, "deep", deep + 256, 512, &value));
  cf_json_free(value);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_print_shortest),
      cmocka_unit_test(every_double_reads_back),
      cmocka_unit_test(objects_keep_order_and_index),
      cmocka_unit_test(text_is_escaped_and_mended),
      cmocka_unit_test(layout),
      cmocka_unit_test(wrong_use_is_refused),
      cmocka_unit_test(integers_keep_64_bits),
      cmocka_unit_test(bad_text_names_line_and_column),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
