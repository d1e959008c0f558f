/* The analysis `correct`: values, arrays of the input's shape, missing p-values. */
#include "test.h"
#include <cortifold/io.h>
#include <cortifold/pipeline.h>

#include <unistd.h>

/* Runs `correct` on a 2 x 3 file of p-values. */
static cf_result *correct(cf_context *ctx, const double p[6], const char *method) {
  const cf_analysis *analysis = cf_analysis_find("correct");
  assert_non_null(analysis);
  const cf_param *tables[] = {analysis->params, cf_common_params()};
  char folder[] = "/tmp/cf_correct_XXXXXX", path[64];
  assert_non_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/p.npy", folder);
  cf_dataset *set;
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  assert_ok(ctx, cf_dataset_put(ctx, set, "p", 2, (const size_t[]){2, 3}, p));
  assert_ok(ctx, cf_io_write(ctx, path, set, NULL));
  cf_dataset_free(set);
  cf_options *options;
  cf_result *result;
  assert_ok(ctx, cf_options_new(ctx, tables, 2, &options));
  assert_ok(ctx, cf_options_add_argument(ctx, options, path));
  if (method) assert_ok(ctx, cf_options_set(ctx, options, "method", method));
  assert_ok(ctx, cf_result_new(ctx, &result));
  assert_ok(ctx, analysis->run(ctx, options, result));
  cf_options_free(options);
  unlink(path);
  rmdir(folder);
  return result;
}

static const double p[6] = {0.01, 0.02, NAN, 0.5, 0.03, 0.04};

static void check(const char *method, const double expected[6], double rejected) {
  cf_context *ctx = test_context();
  cf_result *r = correct(ctx, p, method);
  const cf_json *rows = cf_json_get(r->values, "adjusted");
  const cf_array *adjusted = cf_dataset_get(r->arrays, "adjusted"), *marks = cf_dataset_get(r->arrays, "rejected");
  assert_int_equal(cf_json_count(rows), 2);
  assert_int_equal(adjusted->ndim, 2);
  assert_int_equal(adjusted->shape[1], 3);
  for (size_t i = 0; i < 6; i++) {
    assert_close(cf_array_number(adjusted, i), expected[i], 1e-14, 0);
    assert_close(cf_json_as_number(cf_json_at(cf_json_at(rows, i / 3), i % 3)), expected[i], 1e-14, 0);
    assert_true(cf_array_number(marks, i) == (expected[i] <= 0.05));
  }
  assert_true(cf_json_as_number(cf_json_get(r->values, "tests")) == 5);
  assert_true(cf_json_as_number(cf_json_get(r->values, "rejected")) == rejected);
  assert_int_equal(cf_warning_count(ctx), 1); /* the NaN */
  assert_non_null(strstr(r->summary, "5 p-values, "));
  cf_result_free(r);
  cf_context_free(ctx);
}

static void methods_give_their_formulas(void **state) {
  (void)state;
  check(NULL, (const double[]){0.05, 0.08, NAN, 0.5, 0.09, 0.09}, 1); /* holm */
  check("bh", (const double[]){0.05, 0.05, NAN, 0.5, 0.05, 0.05}, 4);
  check("bonferroni", (const double[]){0.05, 0.1, NAN, 1, 0.15, 0.2}, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(methods_give_their_formulas)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
