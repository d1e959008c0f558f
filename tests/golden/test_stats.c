/* Statistics against other programs' values; tests/golden/stats/README.md names them. */
#include "test.h"
#include <cortifold/io.h>
#include <cortifold/stats.h>

static cf_array *load(cf_context *ctx, const char *name) {
  char path[512];
  cf_array *array = NULL;
  snprintf(path, sizeof path, CF_TEST_DIR "/golden/stats/%s", name);
  assert_ok(ctx, cf_io_read(ctx, path, NULL, &array));
  assert_ok(ctx, cf_array_to_doubles(ctx, array));
  return array;
}

static void adjusted_p_values_are_those_of_r(void **state) {
  (void)state;
  static const double holm[15] = {1, 1, 0.397, 0.397, 1, 0.397, 1, 0.039, 0.216, 1, 0.3619, 1, 1, 0.112, 0.1391};
  static const double bh[15] = {0.41959090909090907,
                                0.2445,
                                0.082875,
                                0.082875,
                                0.903,
                                0.082875,
                                0.7521923076923078,
                                0.039,
                                0.0675,
                                0.80025,
                                0.082875,
                                0.2445,
                                0.612375,
                                0.0535,
                                0.0535};
  cf_context *ctx = test_context();
  cf_array *p = load(ctx, "p_values.npy");
  double out[15];
  assert_int_equal(cf_array_count(p), 15);
  assert_ok(ctx, cf_p_adjust(ctx, CF_CORRECT_HOLM, 15, p->data, out));
  for (size_t i = 0; i < 15; i++) assert_close(out[i], holm[i], 1e-12, 1e-10);
  assert_ok(ctx, cf_p_adjust(ctx, CF_CORRECT_BH, 15, p->data, out));
  for (size_t i = 0; i < 15; i++) assert_close(out[i], bh[i], 1e-12, 1e-10);
  cf_array_free(p);
  cf_context_free(ctx);
}

static void principal_components_are_those_of_scikit_learn(void **state) {
  (void)state;
  static const double expected[4] = {0.03336248950486892, 0.020922872002219803, 0.018408676364325898,
                                     0.011671041209953135};
  cf_context *ctx = test_context();
  cf_array *x = load(ctx, "alignment_a.npy"), *c = load(ctx, "expect_library_pca-a_components.npy");
  cf_array *s = load(ctx, "expect_library_pca-a_scores.npy");
  cf_view view = cf_array_view(x);
  double components[4 * 12], scores[10 * 4], variance[4];
  assert_ok(ctx, cf_pca(ctx, &view, 4, components, scores, variance, NULL, NULL));
  for (size_t i = 0; i < 48; i++) assert_close(components[i], cf_array_number(c, i), 1e-6, 1e-9);
  for (size_t i = 0; i < 40; i++) assert_close(scores[i], cf_array_number(s, i), 1e-6, 1e-9);
  for (size_t i = 0; i < 4; i++) assert_close(variance[i], expected[i], 1e-8, 1e-10);
  cf_array_free(x), cf_array_free(c), cf_array_free(s);
  cf_context_free(ctx);
}

static void tails_are_those_of_scipy(void **state) {
  (void)state;
  static const double f[3] = {0.09422802352791287, 0.9999518633978941, 5.639648057564127e-10};
  static const double chi2[3] = {0.2865047968601901, 0.9999915920809419, 2.5396285894708634e-10};
  static const double t[3] = {0.016410412092185793, 0.9992300172449988, 6.290642918257955e-158};
  cf_context *ctx = test_context();
  cf_array *rows = load(ctx, "tails.npy");
  for (size_t i = 0; i < 3; i++) {
    double x = cf_array_number(rows, 3 * i), d1 = cf_array_number(rows, 3 * i + 1),
           d2 = cf_array_number(rows, 3 * i + 2);
    assert_close(cf_f_upper(x, d1, d2), f[i], 1e-9, 0);
    assert_close(cf_chi2_upper(x, d1), chi2[i], 1e-9, 0);
    assert_close(cf_t_two_sided(x, d2), t[i], 1e-9, 0);
  }
  cf_array_free(rows);
  cf_context_free(ctx);
}

static void tails_hold_twelve_digits_far_out(void **state) {
  (void)state;
  FILE *file = fopen(CF_TEST_DIR "/golden/stats/tails_wide.tsv", "r");
  assert_non_null(file);
  char kind;
  double x, a, b, value;
  size_t rows = 0;
  while (fscanf(file, " %c %lf %lf %lf %lf", &kind, &x, &a, &b, &value) == 5) {
    double got = NAN;
    switch (kind) {
    case 't':
      got = cf_t_two_sided(x, a);
      break;
    case 'c':
      got = cf_chi2_upper(x, a);
      break;
    case 'f':
      got = cf_f_upper(x, a, b);
      break;
    case 'z':
      got = cf_normal_cdf(x);
      break;
    }
    assert_close(got, value, 1e-12, 0);
    rows++;
  }
  fclose(file);
  assert_int_equal(rows, 273);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(adjusted_p_values_are_those_of_r),
      cmocka_unit_test(principal_components_are_those_of_scikit_learn),
      cmocka_unit_test(tails_are_those_of_scipy),
      cmocka_unit_test(tails_hold_twelve_digits_far_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
