/* What measures between systems refuse, and with what words. */
#include "test.h"

#include <cortifold/compare.h>

static cf_system *make(cf_context *ctx, const double *a, size_t n, size_t p) {
  const cf_view v = cf_view_matrix(a, n, p);
  cf_system *s = NULL;
  assert_ok(ctx, cf_system_new(ctx, &v, "system", &s));
  return s;
}

static void systems_and_options_out_of_range_are_refused(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double x[12] = {1, 2, 3, 4, 5, 7, 8, 9, 1, 0, 2, 5}, flat[6] = {2, 2, 2, 2, 2, 2};
  cf_view v = cf_view_matrix(flat, 3, 2);
  cf_system *s = NULL, *t = NULL;
  cf_compare_value value;
  assert_status(ctx, CF_ERR_INPUT, cf_system_new(ctx, &v, "flat", &s));
  assert_non_null(strstr(cf_context_error(ctx), "flat"));
  v = cf_view_matrix(x, 1, 12);
  assert_status(ctx, CF_ERR_INPUT, cf_system_new(ctx, &v, "one", &s));
  x[5] = NAN;
  v = cf_view_matrix(x, 6, 2);
  assert_status(ctx, CF_ERR_INPUT, cf_system_new(ctx, &v, "nan", &s));
  x[5] = 7;
  s = make(ctx, x, 3, 4);
  t = make(ctx, x, 4, 3);
  assert_status(ctx, CF_ERR_INPUT, cf_compare(ctx, cf_measure_find("cka"), s, t, NULL, &value));
  assert_status(ctx, CF_ERR_INPUT, cf_compare(ctx, cf_measure_find("cka-debiased"), s, s, NULL, &value));
  cf_compare_options o = CF_COMPARE_OPTIONS_INIT;
  o.alpha = 1.5;
  assert_status(ctx, CF_ERR_USAGE, cf_compare(ctx, cf_measure_find("shape"), s, s, &o, &value));
  o = (cf_compare_options)CF_COMPARE_OPTIONS_INIT;
  o.metric = "no-such";
  assert_status(ctx, CF_ERR_USAGE, cf_compare(ctx, cf_measure_find("rsa"), s, s, &o, &value));
  assert_null(cf_measure_find("no-such"));
  cf_system_free(s);
  cf_system_free(t);
  cf_system_free(NULL);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(systems_and_options_out_of_range_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
