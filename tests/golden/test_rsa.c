/* The rsa cases of tests/golden/geometry/cases.json, through the analysis as the command line runs it. */
#include "test.h"
#include "pipeline/analyses.h"
#include <cortifold/io.h>
#include <cortifold/json.h>
#include <cortifold/rsa.h>

#define FOLDER CF_TEST_DIR "/golden/geometry/"

/* Runs `rsa` with the options of a case; file names are relative to the folder. */
static cf_result *run_case(cf_context *ctx, const cf_json *argv) {
  const cf_param *both[2] = {cf_analysis_rsa.params, cf_common_params()};
  cf_options *options = NULL;
  cf_result *result = NULL;
  assert_ok(ctx, cf_options_new(ctx, both, 2, &options));
  for (size_t i = 1; i < cf_json_count(argv); i++) {
    const char *name = cf_json_as_text(cf_json_at(argv, i)) + 2, *value = cf_json_as_text(cf_json_at(argv, i + 1));
    char path[1024];
    if (!value || strncmp(value, "--", 2) == 0) {
      assert_ok(ctx, cf_options_set(ctx, options, name, NULL));
      continue;
    }
    bool file = strstr(value, ".npy") != NULL;
    snprintf(path, sizeof path, "%s%s", file ? FOLDER : "", value);
    assert_ok(ctx, cf_options_set(ctx, options, name, path));
    i++;
  }
  assert_ok(ctx, cf_result_new(ctx, &result));
  assert_ok(ctx, cf_analysis_rsa.run(ctx, options, result));
  cf_options_free(options);
  return result;
}

static void check(const char *id, const cf_json *expect, double got, double want) {
  double rtol = cf_json_as_number(cf_json_get(expect, "rtol")), atol = cf_json_as_number(cf_json_get(expect, "atol"));
  if (!(fabs(got - want) <= atol + rtol * fabs(want)))
    fail_msg("%s %s: %.16g, expected %.16g", id, cf_json_as_text(cf_json_get(expect, "at")), got, want);
}

static void check_case(const char *id, const cf_result *result, const cf_json *expects) {
  for (size_t i = 0; i < cf_json_count(expects); i++) {
    const cf_json *e = cf_json_at(expects, i), *value = cf_json_get(e, "value");
    const char *at = cf_json_as_text(cf_json_get(e, "at"));
    if (strcmp(at, "json:models[*].mean") == 0) {
      const cf_json *models = cf_json_get(result->values, "models");
      assert_int_equal(cf_json_count(models), cf_json_count(value));
      for (size_t m = 0; m < cf_json_count(models); m++)
        check(id, e, cf_json_as_number(cf_json_get(cf_json_at(models, m), "mean")),
              cf_json_as_number(cf_json_at(value, m)));
    } else {
      assert_true(strncmp(at, "json:noise_ceiling.", 19) == 0);
      check(id, e, cf_json_as_number(cf_json_get(cf_json_get(result->values, "noise_ceiling"), at + 19)),
            cf_json_as_number(value));
    }
  }
}

static void golden_cases(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  char *text = NULL;
  size_t size = 0, run = 0;
  cf_json *root = NULL;
  assert_ok(ctx, cf_io_read_bytes(ctx, FOLDER "cases.json", 1 << 24, &text, &size));
  assert_ok(ctx, cf_json_parse(ctx, "cases.json", text, size, &root));
  const cf_json *cases = cf_json_get(root, "cases");
  for (size_t i = 0; i < cf_json_count(cases); i++) {
    const cf_json *c = cf_json_at(cases, i);
    const char *id = cf_json_as_text(cf_json_get(c, "id"));
    if (strncmp(id, "rsa/", 4) != 0) continue;
    cf_result *result = run_case(ctx, cf_json_get(c, "argv"));
    check_case(id, result, cf_json_get(c, "expect"));
    cf_result_free(result);
    run++;
  }
  assert_int_equal(run, 16);
  cf_json_free(root);
  cf_free(text);
  cf_context_free(ctx);
}

/* Help lists the comparators from their table, the one place of each definition. */
static void formulas_in_help(void **state) {
  (void)state;
  assert_non_null(strstr(cf_analysis_rsa.description, "\n@comparators\n"));
  for (size_t i = 0; cf_comparator_at(i); i++) assert_true(strlen(cf_comparator_at(i)->formula) > 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(golden_cases), cmocka_unit_test(formulas_in_help)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
