/* Permutation and bootstrap of compare say what they claim: p is uniform when the systems are unrelated, intervals of
 * the debiased CKA cover the value of the population, and noise predicts nothing. Over fresh data, hence the name's
 * tier. */
#include "test.h"
#include <cortifold/compare.h>
#include <cortifold/stats.h>

static double *normal(uint32_t which, uint32_t draw, size_t n, size_t p) {
  double *a = malloc(n * p * sizeof *a);
  cf_rng rng = cf_rng_make(31, which, draw);
  for (size_t i = 0; i < n * p; i++) a[i] = cf_rng_normal(&rng);
  return a;
}

static cf_system *make(cf_context *ctx, double *a, size_t n, size_t p) {
  const cf_view v = cf_view_matrix(a, n, p);
  cf_system *s = NULL;
  assert_ok(ctx, cf_system_new(ctx, &v, "system", &s));
  free(a);
  return s;
}

static double value(cf_context *ctx, const cf_measure *m, cf_system *x, cf_system *y) {
  cf_compare_value v;
  assert_ok(ctx, cf_compare(ctx, m, x, y, NULL, &v));
  const double out = v.value;
  cf_compare_value_free(&v);
  return out;
}

/* p = (1 + number at least as alike) / (1 + 19) is uniform on 1/20 .. 1. Chi-squared over five equal bins, 4 degrees of
 * freedom: 25 has probability 5e-5. */
static void p_is_uniform(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { N = 12, P = 4, Q = 5, DATA = 150, PERM = 19, BINS = 5 };
  for (size_t k = 0; cf_measure_at(k); k++) {
    const cf_measure *m = cf_measure_at(k);
    const double sign = m->distance ? -1 : 1;
    size_t bin[BINS] = {0};
    for (uint32_t d = 0; d < DATA; d++) {
      cf_system *x = make(ctx, normal(1, d, N, P), N, P), *y = make(ctx, normal(2, d, N, Q), N, Q);
      const double seen = value(ctx, m, x, y);
      double null[PERM];
      cf_context *own = NULL;
      cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
      o.seed = d; /* permutations of their own: the draws of one seed are the same for all data */
      if (cf_context_new(&o, &own) != CF_OK) abort();
      assert_ok(own, cf_compare_permute(own, m, x, y, NULL, PERM, null));
      size_t count = 0;
      for (size_t r = 0; r < PERM; r++) count += sign * null[r] >= sign * seen - 1e-12;
      bin[count * BINS / (PERM + 1)]++;
      cf_context_free(own);
      cf_system_free(x);
      cf_system_free(y);
    }
    double chi2 = 0;
    for (size_t b = 0; b < BINS; b++) {
      const double e = (double)DATA / BINS, off = (double)bin[b] - e;
      chi2 += off * off / e;
    }
    if (!(chi2 < 25)) fail_msg("%s: p is not uniform under the null: chi-squared %g", m->id, chi2);
  }
  cf_context_free(ctx);
}

/* Y = X diag(1 .. P) + 2 E. The population's value is that of many conditions. */
static cf_system *related(cf_context *ctx, uint32_t draw, size_t n, size_t p, cf_system **y) {
  double *x = normal(3, draw, n, p), *e = normal(4, draw, n, p);
  for (size_t i = 0; i < n * p; i++) e[i] = x[i] * (double)(1 + i % p) + 2 * e[i];
  *y = make(ctx, e, n, p);
  return make(ctx, x, n, p);
}

static void intervals_cover(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { N = 60, P = 5, DATA = 160, REPS = 150 };
  const cf_measure *m = cf_measure_find("cka-debiased");
  cf_system *y, *x = related(ctx, 9999, 6000, P, &y);
  const double truth = value(ctx, cf_measure_find("cka"), x, y);
  size_t covered = 0;
  cf_system_free(x);
  cf_system_free(y);
  for (uint32_t d = 0; d < DATA; d++) {
    double boot[REPS], mean = 0, low, high;
    x = related(ctx, d, N, P, &y);
    assert_ok(ctx, cf_compare_bootstrap(ctx, m, x, y, NULL, CF_RESAMPLE_CONDITIONS, REPS, boot));
    for (size_t r = 0; r < REPS; r++) mean += boot[r] / REPS;
    assert_ok(ctx, cf_percentile_interval(ctx, REPS, boot, 0.9, &low, &high));
    const double shift = value(ctx, m, x, y) - mean;
    covered += truth >= low + shift && truth <= high + shift;
    cf_system_free(x);
    cf_system_free(y);
  }
  const double share = (double)covered / DATA; /* 90 % nominal; the binomial error is 2.4 % */
  if (!(share > 0.80 && share < 0.97)) fail_msg("intervals of 90 %% cover the truth in %g of the data", share);
  cf_context_free(ctx);
}

/* Cross-validation lets nothing through: unrelated systems of many channels are predicted no better than by the mean.
 */
static void noise_predicts_nothing(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  static const size_t size[3][3] = {{24, 3, 4}, {30, 90, 60}, {20, 19, 2}};
  const cf_measure *m = cf_measure_find("linear-predictivity");
  enum { DATA = 100 };
  for (size_t k = 0; k < 3; k++) {
    const size_t n = size[k][0], p = size[k][1], q = size[k][2];
    double sum = 0, sum2 = 0;
    for (uint32_t d = 0; d < DATA; d++) {
      cf_system *x = make(ctx, normal(5, d, n, p), n, p), *y = make(ctx, normal(6, d, n, q), n, q);
      const double v = value(ctx, m, x, y);
      sum += v;
      sum2 += v * v;
      cf_system_free(x);
      cf_system_free(y);
    }
    const double mean = sum / DATA, error = sqrt((sum2 / DATA - mean * mean) / DATA);
    if (!(mean < 3 * error)) fail_msg("%zu x %zu to %zu: noise predicts %g +- %g", n, p, q, mean, error);
  }
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(p_is_uniform), cmocka_unit_test(intervals_cover),
                                     cmocka_unit_test(noise_predicts_nothing)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
