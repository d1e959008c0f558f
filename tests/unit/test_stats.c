/* What stats promises on examples small enough to work out by hand, and where it refuses. */
#include "test.h"
#include <cortifold/stats.h>

static void ties_share_their_mean_rank(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const double x[7] = {3, -1, 3, 0.0, -0.0, INFINITY, 3}, expected[7] = {5, 1, 5, 2.5, 2.5, 7, 5};
  double r[7];
  assert_ok(ctx, cf_ranks(ctx, 7, x, r));
  for (size_t i = 0; i < 7; i++) assert_true(r[i] == expected[i]);
  const double nan[2] = {1, NAN};
  assert_status(ctx, CF_ERR_INPUT, cf_ranks(ctx, 2, nan, r));
  assert_non_null(strstr(cf_context_error(ctx), "value 1"));
  assert_ok(ctx, cf_ranks(ctx, 0, nan, r));
  cf_context_free(ctx);
}

static void correlations(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const double x[5] = {1, 2, 2, 4, 5}, y[5] = {3, 1, 1, 7, 2}, flat[5] = {0.1, 0.1, 0.1, 0.1, 0.1};
  double rho, z[5];
  assert_close(cf_pearson(5, x, x), 1, 1e-15, 0);
  for (size_t i = 0; i < 5; i++) z[i] = 1e8 - 3 * x[i];
  assert_close(cf_pearson(5, x, z), -1, 1e-15, 0);
  assert_true(isnan(cf_pearson(5, x, flat)));
  assert_true(isnan(cf_pearson(1, x, y)));
  assert_ok(ctx, cf_spearman(ctx, 5, x, y, &rho));
  assert_close(rho, 0.15789473684210528, 1e-14, 0); /* scipy spearmanr */
  cf_context_free(ctx);
}

static void moments_and_quantiles(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const double x[4] = {1e15 + 1, 1e15 + 2, 1e15 + 3, 1e15 + 6}, sorted[5] = {1, 2, 4, 8, 16};
  assert_true(cf_mean(4, x) == 1e15 + 3);
  assert_close(cf_variance(4, x, 1), 14.0 / 3, 1e-15, 0);
  assert_close(cf_variance(4, x, 0), 14.0 / 4, 1e-15, 0);
  assert_true(isnan(cf_variance(1, x, 1)) && isnan(cf_mean(0, x)));
  assert_true(cf_quantile_sorted(5, sorted, 0) == 1 && cf_quantile_sorted(5, sorted, 1) == 16);
  assert_true(cf_quantile_sorted(5, sorted, 0.5) == 4);
  assert_close(cf_quantile_sorted(5, sorted, 0.9), 12.8, 1e-15, 0);
  assert_true(isnan(cf_quantile_sorted(5, sorted, 1.1)) && isnan(cf_quantile_sorted(0, sorted, 0.5)));
  const double mixed[6] = {16, NAN, 1, 8, 2, 4};
  double low, high;
  assert_ok(ctx, cf_percentile_interval(ctx, 6, mixed, 0.5, &low, &high));
  assert_true(low == 2 && high == 8);
  assert_status(ctx, CF_ERR_USAGE, cf_percentile_interval(ctx, 6, mixed, 95, &low, &high));
  cf_context_free(ctx);
}

static void quantiles_invert_the_tails(void **state) {
  (void)state;
  static const double p[] = {1e-250, 1e-30,  1e-9,      1e-3, 0.1,   0.2499,  0.26,
                             0.4,    0.4999, 0.5000001, 0.75, 0.975, 0.999999};
  static const double df[] = {1, 2, 3.3, 30, 1e4, 1e6, INFINITY};
  for (size_t i = 0; i < sizeof p / sizeof *p; i++) {
    assert_close(cf_normal_cdf(cf_normal_quantile(p[i])), p[i], 5e-13, 0);
    for (size_t j = 0; j < sizeof df / sizeof *df; j++) {
      double t = cf_t_quantile(p[i], df[j]);
      assert_close(cf_t_upper(-t, df[j]), p[i], 2e-12, 0);
    }
  }
  assert_close(cf_normal_quantile(0.975), 1.959963984540054, 1e-15, 0);
  assert_close(cf_t_quantile(0.975, 10), 2.2281388519649385, 1e-10, 0);
  assert_close(cf_t_quantile(0.75, 1), 1, 1e-14, 0);
  assert_true(cf_normal_quantile(0.5) == 0 && cf_t_quantile(0.5, 3) == 0);
  assert_true(isinf(cf_normal_quantile(0)) && isinf(cf_t_quantile(1, 3)) && isnan(cf_normal_quantile(-1)));
}

static void tails_at_the_edges(void **state) {
  (void)state;
  assert_true(cf_t_two_sided(0, 5) == 1 && cf_t_two_sided(INFINITY, 5) == 0 && isnan(cf_t_two_sided(1, 0)));
  assert_close(cf_t_two_sided(1, 1), 0.5, 1e-15, 0);
  assert_close(cf_t_two_sided(1e200, 1), 2 / 3.14159265358979323846 * 1e-200, 1e-13, 0);
  assert_close(cf_t_upper(-2, 2) + cf_t_upper(2, 2), 1, 1e-15, 0);
  assert_true(cf_f_upper(0, 2, 3) == 1 && cf_f_upper(INFINITY, 2, 3) == 0 && isnan(cf_f_upper(1, -1, 3)));
  assert_close(cf_f_upper(2, 3, INFINITY), cf_chi2_upper(6, 3), 1e-14, 0);
  assert_true(cf_chi2_upper(0, 2) == 1 && cf_chi2_upper(INFINITY, 2) == 0 && isnan(cf_chi2_upper(NAN, 2)));
  assert_close(cf_chi2_upper(3, 2), exp(-1.5), 1e-15, 0);
}

static void t_and_signed_rank_tests(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  /* Hollander & Wolfe's depression scores; scipy 1.10 ttest_1samp and wilcoxon */
  const double d[9] = {0.952, -0.147, 1.022, 0.430, 0.620, 0.590, 0.490, -0.080, 0.010};
  cf_test t = cf_t_test(9, d, 0), w;
  assert_close(t.statistic, 3.0353754156485917, 1e-13, 0);
  assert_close(t.p, 0.016176627434908095, 1e-12, 0);
  assert_true(t.df == 8);
  assert_ok(ctx, cf_wilcoxon(ctx, 9, d, &w));
  assert_true(w.statistic == 40 && w.df == 9);
  assert_close(w.p, 0.0390625, 1e-15, 0);
  const double tied[10] = {1, 2, -2, 3, 4, 5, -1, 2, 6, 7};
  assert_ok(ctx, cf_wilcoxon(ctx, 10, tied, &w));
  assert_true(w.statistic == 55 - 5.5);
  assert_close(w.p, 0.027904030795170242, 1e-12, 0);
  double many[30];
  for (int i = 0; i < 30; i++) many[i] = i % 3 == 0 ? -(i + 1) : i + 1;
  assert_ok(ctx, cf_wilcoxon(ctx, 30, many, &w));
  assert_true(w.statistic == 320);
  assert_close(w.p, 0.07354309334531799, 1e-12, 0);
  const double zeros[3] = {0, 0, 0};
  assert_ok(ctx, cf_wilcoxon(ctx, 3, zeros, &w));
  assert_true(w.p == 1 && w.df == 0);
  assert_true(isnan(cf_t_test(1, d, 0).p));
  assert_true(cf_t_test(3, (const double[]){2, 2, 2}, 0).p == 0);
  cf_context_free(ctx);
}

static void corrections_skip_missing_p_values(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double p[4] = {0.01, NAN, 0.04, 0.03};
  double q[4];
  assert_ok(ctx, cf_p_adjust(ctx, CF_CORRECT_BONFERRONI, 4, p, q));
  assert_true(isnan(q[1]));
  assert_close(q[0], 0.03, 1e-15, 0);
  assert_close(q[2], 0.12, 1e-15, 0);
  assert_ok(ctx, cf_p_adjust(ctx, CF_CORRECT_HOLM, 4, p, q));
  assert_close(q[0], 0.03, 1e-15, 0);
  assert_close(q[2], 0.06, 1e-15, 0);
  assert_close(q[3], 0.06, 1e-15, 0);
  assert_ok(ctx, cf_p_adjust(ctx, CF_CORRECT_BH, 4, p, p)); /* in place */
  assert_close(p[0], 0.03, 1e-15, 0);
  assert_close(p[2], 0.04, 1e-15, 0);
  assert_close(p[3], 0.04, 1e-15, 0);
  const double wrong[2] = {0.5, 1.5};
  assert_status(ctx, CF_ERR_INPUT, cf_p_adjust(ctx, CF_CORRECT_HOLM, 2, wrong, q));
  assert_non_null(strstr(cf_context_error(ctx), "p-value 1"));
  cf_context_free(ctx);
}

static void permutation_p_counts_the_observation(void **state) {
  (void)state;
  const double null[4] = {0.1, 0.5, 0.3, -2};
  assert_close(cf_permutation_p(0.5, 4, null), 2.0 / 5, 1e-15, 0);
  assert_close(cf_permutation_p(0.5 * (1 + 1e-13), 4, null), 2.0 / 5, 1e-15, 0); /* equal but for rounding */
  assert_close(cf_permutation_p(-2 * (1 - 1e-13), 4, null), 1, 1e-15, 0);
  assert_close(cf_permutation_p(9, 4, null), 1.0 / 5, 1e-15, 0);
  assert_true(isnan(cf_permutation_p(NAN, 4, null)));
}

static void folds_are_even_and_repeatable(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  size_t fold[23], again[23], other[23], size[5] = {0}, same = 0;
  assert_ok(ctx, cf_folds(ctx, 23, 5, false, 0, fold));
  for (size_t i = 1; i < 23; i++) assert_true(fold[i] >= fold[i - 1]);
  assert_ok(ctx, cf_folds(ctx, 23, 5, true, 7, fold));
  assert_ok(ctx, cf_folds(ctx, 23, 5, true, 7, again));
  assert_ok(ctx, cf_folds(ctx, 23, 5, true, 8, other));
  assert_memory_equal(fold, again, sizeof fold);
  for (size_t i = 0; i < 23; i++) size[fold[i]]++, same += fold[i] == other[i];
  for (size_t f = 0; f < 5; f++) assert_int_equal(size[f], f < 3 ? 5 : 4);
  assert_true(same < 23);
  assert_status(ctx, CF_ERR_USAGE, cf_folds(ctx, 3, 4, true, 0, fold));
  assert_status(ctx, CF_ERR_USAGE, cf_folds(ctx, 3, 0, true, 0, fold));
  cf_context_free(ctx);
}

static void scaling_recovers_a_plane(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { N = 12 };
  double x[N][2], d[N * N], y[N * 3], values[3];
  cf_rng rng = cf_rng_make(5, 5, 5);
  for (size_t i = 0; i < N; i++) x[i][0] = 3 * cf_rng_normal(&rng), x[i][1] = cf_rng_normal(&rng);
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < N; j++) d[i * N + j] = hypot(x[i][0] - x[j][0], x[i][1] - x[j][1]);
  assert_ok(ctx, cf_classical_mds(ctx, N, d, 3, y, values));
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < N; j++)
      assert_close(hypot(y[i * 3] - y[j * 3], y[i * 3 + 1] - y[j * 3 + 1]), d[i * N + j], 1e-12, 1e-12);
  assert_true(values[0] > values[1] && fabs(values[2]) < 1e-12 * values[0]);
  d[1] = NAN;
  assert_status(ctx, CF_ERR_INPUT, cf_classical_mds(ctx, N, d, 2, y, values));
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ties_share_their_mean_rank),
      cmocka_unit_test(correlations),
      cmocka_unit_test(moments_and_quantiles),
      cmocka_unit_test(quantiles_invert_the_tails),
      cmocka_unit_test(tails_at_the_edges),
      cmocka_unit_test(t_and_signed_rank_tests),
      cmocka_unit_test(corrections_skip_missing_p_values),
      cmocka_unit_test(permutation_p_counts_the_observation),
      cmocka_unit_test(folds_are_even_and_repeatable),
      cmocka_unit_test(scaling_recovers_a_plane),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
