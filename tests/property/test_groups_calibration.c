/* Tests of groups say what they claim, over fresh data: p uniform when groups do not differ, also within strata that
 * do, and power that grows with the effect. */
#include "test.h"
#include <cortifold/groups.h>
#include <cortifold/space.h>

enum { N = 15, DIMS = 6, BINS = 5, PERMUTATIONS = 99, TESTS = 6 };

static double p_of(cf_context *ctx, size_t which, const double *x, const double *d, const size_t *code,
                   const cf_permute_options *o) {
  cf_permuted t = {0};
  cf_permdisp_options how = CF_PERMDISP_OPTIONS_INIT;
  double other[N * N];
  how.null = which == 3 ? CF_DISPERSION_DISTANCES : CF_DISPERSION_LABELS;
  how.euclidean = true;
  switch (which) {
  case 0:
    assert_ok(ctx, cf_permanova(ctx, N, d, 3, code, o, &t));
    break;
  case 1:
    assert_ok(ctx, cf_anosim(ctx, N, d, 3, code, o, &t));
    break;
  case 2:
  case 3:
    assert_ok(ctx, cf_permdisp(ctx, N, d, 3, code, &how, o, &t, NULL, NULL, NULL));
    break;
  case 4:
    assert_ok(ctx, cf_silhouette(ctx, N, d, 3, code, o, NULL, &t));
    break;
  default: /* distances over half the coordinates against those over the others */
    assert_ok(ctx, cf_space_distances(ctx, N, DIMS / 2, x + N * DIMS / 2, CF_SPACE_EUCLIDEAN, other));
    assert_ok(ctx, cf_mantel(ctx, N, d, other, false, CF_TAIL_BOTH, o, &t));
  }
  const double p = t.p;
  cf_permuted_clear(&t);
  return p;
}

/* Groups one apart in each coordinate by `shift`, strata (pairs of rows) by 3. */
static double draw_p(uint32_t which, uint32_t data, double shift, bool strata) {
  double x[N * DIMS], d[N * N];
  size_t code[N], stratum[N];
  cf_context *ctx = NULL;
  cf_context_options c = CF_CONTEXT_OPTIONS_INIT;
  cf_permute_options o = CF_PERMUTE_OPTIONS_INIT;
  cf_rng rng = cf_rng_make(77, which, data);
  c.seed = data;
  c.threads = 1;
  if (cf_context_new(&c, &ctx) != CF_OK) abort();
  for (size_t i = 0; i < N; i++) {
    code[i] = i % 3;
    stratum[i] = i / 5;
    for (size_t k = 0; k < DIMS; k++)
      x[i * DIMS + k] = cf_rng_normal(&rng) + shift * (double)code[i] + (strata ? 3 * (double)stratum[i] : 0);
  }
  o.permutations = PERMUTATIONS;
  o.exact_up_to = 0;
  if (strata) o.strata = stratum;
  assert_ok(ctx, cf_space_distances(ctx, N, which == 5 ? DIMS / 2 : DIMS, x, CF_SPACE_EUCLIDEAN, d));
  const double p = p_of(ctx, which, x, d, code, &o);
  cf_context_free(ctx);
  return p;
}

/* Chi-squared over five equal bins, 4 degrees of freedom: 25 has probability 5e-5. */
static double bins(uint32_t which, bool strata) {
  const size_t count = test_cases(300);
  double bin[BINS] = {0}, chi2 = 0;
  for (uint32_t data = 0; data < count; data++) {
    const double p = draw_p(which, data, 0, strata);
    const size_t b = (size_t)((p * (PERMUTATIONS + 1) - 0.5) * BINS / (PERMUTATIONS + 1));
    bin[b < BINS ? b : BINS - 1]++;
  }
  for (size_t b = 0; b < BINS; b++) chi2 += pow(bin[b] - (double)count / BINS, 2) / ((double)count / BINS);
  return chi2;
}

static void p_is_uniform_without_groups(void **state) {
  (void)state;
  for (uint32_t which = 0; which < TESTS; which++) {
    if (which == 3) continue; /* see below */
    const double chi2 = bins(which, false);
    if (chi2 > 25) fail_msg("test %u: p is not uniform, chi-squared %g", which, chi2);
  }
}

/* Rearranged distances to the own centre are not exchangeable in groups of five: that null errs, to the safe side. */
static void rearranged_distances_err_to_the_safe_side(void **state) {
  (void)state;
  double found = 0;
  for (uint32_t data = 0; data < 400; data++) found += draw_p(3, data, 0, false) <= 0.05;
  assert_true(found <= 30);
}

/* Groups far apart with one and the same spread: rearranged distances hold the level, rearranged objects do not. */
static void places_are_not_taken_for_spread(void **state) {
  (void)state;
  double cautious = 0, naive = 0;
  for (uint32_t data = 0; data < 200; data++) {
    cautious += draw_p(3, 5000 + data, 4, false) <= 0.05;
    naive += draw_p(2, 5000 + data, 4, false) <= 0.05;
  }
  assert_true(cautious <= 16);
  assert_true(naive > 30);
}

static void p_is_uniform_within_strata_that_differ(void **state) {
  (void)state;
  const double chi2 = bins(0, true);
  if (chi2 > 25) fail_msg("p is not uniform within strata, chi-squared %g", chi2);
}

static void power_grows_with_the_effect(void **state) {
  (void)state;
  static const double shift[] = {0, 0.3, 0.6, 1.2};
  static const uint32_t tests[] = {0, 1, 4};
  for (size_t k = 0; k < 3; k++) {
    double before = -1;
    for (size_t s = 0; s < 4; s++) {
      double found = 0;
      for (uint32_t data = 0; data < 100; data++) found += draw_p(tests[k], 1000 + data, shift[s], false) <= 0.05;
      if (s == 0) assert_true(found <= 14);
      if (s == 3) assert_true(found >= 95);
      assert_true(found >= before - 5);
      before = found;
    }
  }
}

/* Intervals of SNCI over models from a population cover its value about as often as they say. */
static void intervals_of_consistency_cover(void **state) {
  (void)state;
  enum { MODELS = 40, DATA = 300 };
  size_t covered[2] = {0, 0};
  for (uint32_t data = 0; data < DATA; data++) {
    double a[MODELS], low, high;
    size_t code[MODELS] = {0};
    cf_context *ctx = NULL;
    cf_context_options c = CF_CONTEXT_OPTIONS_INIT;
    cf_rng rng = cf_rng_make(77, 50, data);
    c.seed = data;
    c.threads = 1;
    if (cf_context_new(&c, &ctx) != CF_OK) abort();
    for (size_t i = 0; i < MODELS; i++) a[i] = 3 + cf_rng_normal(&rng);
    const cf_snci_problem p = {.models = MODELS, .rois = 1, .groups = 1, .a = a, .code = code};
    const cf_snci_interval out = {&low, &high};
    for (int bca = 0; bca < 2; bca++) {
      assert_ok(ctx, cf_snci_bootstrap(ctx, &p, NULL, 400, 0.9, bca, 1, &out, NULL, NULL));
      covered[bca] += low <= 3 && 3 <= high;
    }
    cf_context_free(ctx);
  }
  assert_true(covered[0] > 0.80 * DATA && covered[0] < 0.96 * DATA);
  assert_true(covered[1] > 0.83 * DATA && covered[1] < 0.96 * DATA);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(p_is_uniform_without_groups),     cmocka_unit_test(rearranged_distances_err_to_the_safe_side),
      cmocka_unit_test(places_are_not_taken_for_spread), cmocka_unit_test(p_is_uniform_within_strata_that_differ),
      cmocka_unit_test(power_grows_with_the_effect),     cmocka_unit_test(intervals_of_consistency_cover)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
