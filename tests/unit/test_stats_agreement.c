/* Adjusted Rand index and nearest-neighbour agreement: known values, invariances, and the level of the test. */
#include "test.h"
#include <cortifold/stats.h>

/* Contingency table [[2,1,0],[0,1,2]]: index 2, row and column pairs 6 and 3, of 15: (2 - 1.2) / (4.5 - 1.2). */
static void rand_of_a_small_table(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const size_t a[] = {0, 0, 0, 1, 1, 1}, b[] = {0, 0, 1, 1, 2, 2};
  double r;
  assert_ok(ctx, cf_adjusted_rand(ctx, 6, a, b, &r));
  assert_close(r, 0.8 / 3.3, 1e-14, 0);
  cf_context_free(ctx);
}

static void rand_is_one_for_renamed_and_symmetric(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (size_t c = 0; c < test_cases(20); c++) {
    cf_rng rng = cf_rng_make(7, 1, (uint32_t)c);
    size_t a[60], renamed[60], b[60];
    double same, ab, ba;
    for (size_t i = 0; i < 60; i++) {
      a[i] = cf_rng_below(&rng, 4);
      b[i] = cf_rng_below(&rng, 5);
      renamed[i] = (a[i] + 3) % 4;
    }
    assert_ok(ctx, cf_adjusted_rand(ctx, 60, a, renamed, &same));
    assert_ok(ctx, cf_adjusted_rand(ctx, 60, a, b, &ab));
    assert_ok(ctx, cf_adjusted_rand(ctx, 60, b, a, &ba));
    assert_close(same, 1, 1e-14, 0);
    assert_close(ab, ba, 1e-13, 1e-15);
    assert_true(fabs(ab) < 0.2);
  }
  cf_context_free(ctx);
}

static void neighbours_of_clouds_and_of_noise(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { N = 90 };
  double x[N * 2];
  size_t code[N], random[N];
  cf_rng rng = cf_rng_make(3, 2, 0);
  cf_neighbour_score clouds, noise;
  for (size_t i = 0; i < N; i++) {
    code[i] = i % 3;
    random[i] = cf_rng_below(&rng, 3);
    for (size_t d = 0; d < 2; d++) x[i * 2 + d] = cf_rng_normal(&rng) + (d == 0 ? 20.0 * (double)code[i] : 0);
  }
  assert_ok(ctx, cf_neighbour_accuracy(ctx, N, 2, x, code, 5, 199, 4, &clouds));
  assert_ok(ctx, cf_neighbour_accuracy(ctx, N, 2, x, random, 5, 199, 4, &noise));
  assert_close(clouds.accuracy, 1, 0, 0);
  assert_close(clouds.p, 1 / 200.0, 1e-12, 0);
  assert_true(fabs(clouds.null_mean - 1 / 3.0) < 0.08);
  assert_true(noise.p > 0.01 && fabs(noise.accuracy - noise.null_mean) < 4 * noise.null_sd);
  assert_status(ctx, CF_ERR_USAGE, cf_neighbour_accuracy(ctx, N, 2, x, code, N, 0, 4, &clouds));
  assert_status(ctx, CF_ERR_USAGE, cf_neighbour_accuracy(ctx, N, 2, x, code, 0, 0, 4, &clouds));
  cf_context_free(ctx);
}

/* Points on a line, codes 0 0 1: the end point's only neighbour has the other code. */
static void neighbours_by_hand(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const double x[] = {0, 1, 2.5};
  const size_t code[] = {0, 0, 1};
  cf_neighbour_score s;
  assert_ok(ctx, cf_neighbour_accuracy(ctx, 3, 1, x, code, 1, 0, 0, &s));
  assert_close(s.accuracy, 2 / 3.0, 1e-15, 0);
  assert_true(isnan(s.p));
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rand_of_a_small_table),
      cmocka_unit_test(rand_is_one_for_renamed_and_symmetric),
      cmocka_unit_test(neighbours_of_clouds_and_of_noise),
      cmocka_unit_test(neighbours_by_hand),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
