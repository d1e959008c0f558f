/* What the table of comparators declares holds for every one of them, on random RDMs with and without ties. */
#include "test.h"
#include <cortifold/rsa.h>

enum { N = 9, P = N * (N - 1) / 2 };

static double compare(cf_context *ctx, cf_comparator c, const double *a, const double *b) {
  double out;
  assert_ok(ctx, cf_rdm_compare(ctx, c, N, 1, a, 1, b, &out));
  return out;
}

static void draw(cf_rng *rng, bool ties, double *x) {
  for (size_t p = 0; p < P; p++) x[p] = ties ? (double)cf_rng_below(rng, 6) : 1.5 + cf_rng_normal(rng);
}

static void expect(size_t k, const cf_comparator_info *info, const char *what, double got, double want) {
  if (!(fabs(got - want) < 1e-12)) fail_msg("case %zu: %s under %s: %.17g, was %.17g", k, info->name, what, got, want);
}

static void map(const double *x, double scale, double shift, double *out) {
  for (size_t p = 0; p < P; p++) out[p] = scale * x[p] + shift;
}

static void permute(const double *x, const size_t *order, double *out) {
  for (size_t i = 0, p = 0; i < N; i++)
    for (size_t j = i + 1; j < N; j++, p++) {
      size_t a = order[i] < order[j] ? order[i] : order[j], b = order[i] < order[j] ? order[j] : order[i];
      out[p] = x[a * N - a * (a + 1) / 2 + b - a - 1];
    }
}

static void one_case(cf_context *ctx, size_t k, const cf_comparator_info *info) {
  cf_rng rng = cf_rng_make(17, (uint64_t)info->id, (uint32_t)k);
  double a[P], b[P], c[P], d[P];
  size_t order[N];
  draw(&rng, k % 2, a);
  draw(&rng, k % 4 > 1, b);
  double value = compare(ctx, info->id, a, b);
  assert_true(value >= info->low - 1e-12 && value <= info->high + 1e-12);
  if (info->invariances & CF_INVARIANT_SYMMETRIC) expect(k, info, "exchange", compare(ctx, info->id, b, a), value);
  if (info->invariances & CF_INVARIANT_SCALE) {
    map(a, 3.7, 0, c);
    expect(k, info, "scale", compare(ctx, info->id, c, b), value);
  }
  if (info->invariances & CF_INVARIANT_SHIFT) {
    map(a, 1, -4, c);
    expect(k, info, "shift", compare(ctx, info->id, c, b), value);
  } else {
    map(a, 1, 40, c);
    assert_true(fabs(compare(ctx, info->id, c, b) - value) > 1e-6);
  }
  if (info->invariances & CF_INVARIANT_MONOTONE) {
    for (size_t p = 0; p < P; p++) c[p] = exp(a[p] / 2);
    expect(k, info, "a monotone map", compare(ctx, info->id, c, b), value);
  }
  if (info->invariances & CF_INVARIANT_ORDER) {
    cf_rng_permutation(&rng, N, order);
    permute(a, order, c);
    permute(b, order, d);
    expect(k, info, "reordering", compare(ctx, info->id, c, d), value);
  }
  double self = compare(ctx, info->id, a, a);
  bool untied = info->id != CF_COMPARE_RHO_A && info->id != CF_COMPARE_KENDALL_TAU_A;
  if (untied || k % 2 == 0)
    expect(k, info, "itself", self, 1);
  else
    assert_true(self < 1); /* without tie correction ties cost */
}

static void declared_properties(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  size_t cases = test_cases(24);
  for (size_t i = 0; cf_comparator_at(i); i++) {
    assert_int_equal(cf_comparator_at(i)->id, i);
    assert_ptr_equal(cf_comparator_find(cf_comparator_at(i)->name), cf_comparator_at(i));
    assert_non_null(strstr(CF_COMPARATORS, cf_comparator_at(i)->name));
    for (size_t k = 0; k < cases; k++) one_case(ctx, k, cf_comparator_at(i));
  }
  assert_null(cf_comparator_find("euclid"));
  cf_context_free(ctx);
}

/* A missing pair is left out of both, whichever has it. */
static void missing_pairs(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_rng rng = cf_rng_make(5, 6, 7);
  double a[P], b[P], c[P];
  for (size_t i = 0; cf_comparator_at(i); i++) {
    draw(&rng, false, a);
    draw(&rng, false, b);
    memcpy(c, b, sizeof c);
    a[4] = NAN;
    c[4] = 1e6;
    double value = compare(ctx, (cf_comparator)i, a, b);
    assert_true(isfinite(value));
    assert_close(compare(ctx, (cf_comparator)i, a, c), value, 0, 0);
    b[4] = NAN;
    a[4] = 3;
    assert_close(compare(ctx, (cf_comparator)i, a, b), value, 0, 1e-15);
  }
  cf_context_free(ctx);
}

static void constants_and_errors(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_rng rng = cf_rng_make(5, 6, 8);
  double a[P], b[P], out;
  draw(&rng, false, a);
  for (size_t p = 0; p < P; p++) b[p] = 0.1;
  for (size_t i = 0; cf_comparator_at(i); i++) {
    double value = compare(ctx, (cf_comparator)i, a, b);
    if (i == CF_COMPARE_RHO_A || i == CF_COMPARE_KENDALL_TAU_A)
      assert_close(value, 0, 0, 0);
    else
      assert_true(!isfinite(value) == (i != CF_COMPARE_COSINE && i != CF_COMPARE_COSINE_COV));
  }
  assert_status(ctx, CF_ERR_INPUT, cf_rdm_compare(ctx, CF_COMPARE_COSINE, 2, 1, a, 1, b, &out));
  a[0] = INFINITY;
  assert_status(ctx, CF_ERR_INPUT, cf_rdm_compare(ctx, CF_COMPARE_COSINE, N, 1, a, 1, b, &out));
  for (size_t p = 0; p < P - 2; p++) a[p] = NAN;
  assert_status(ctx, CF_ERR_INPUT, cf_rdm_compare(ctx, CF_COMPARE_COSINE, N, 1, a, 1, b, &out));
  cf_context_free(ctx);
}

/* Values that are equal but for their last digits are ties: RDMs of binary features are full of them. */
static void rounding_is_no_order(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (uint32_t k = 0; k < 20; k++) {
    cf_rng rng = cf_rng_make(18, 19, k);
    double a[P], b[P], noisy[P];
    draw(&rng, true, a);
    draw(&rng, k % 2, b);
    for (size_t p = 0; p < P; p++) noisy[p] = a[p] * (1 + 4e-16 * ((double)cf_rng_below(&rng, 9) - 4));
    for (size_t i = 0; cf_comparator_at(i); i++)
      expect(k, cf_comparator_at(i), "rounding", compare(ctx, (cf_comparator)i, noisy, b),
             compare(ctx, (cf_comparator)i, a, b));
  }
  cf_context_free(ctx);
}

/* With itself an RDM has exactly 1 (rho-a and tau-a where nothing is tied). */
static void exactly_one(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (uint32_t k = 0; k < 50; k++) {
    cf_rng rng = cf_rng_make(18, 20, k);
    double a[P], twice[P];
    draw(&rng, false, a);
    map(a, 1.0 / 3, 0, twice);
    for (size_t i = 0; cf_comparator_at(i); i++) assert_close(compare(ctx, (cf_comparator)i, a, twice), 1, 0, 0);
  }
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(declared_properties), cmocka_unit_test(missing_pairs),
                                     cmocka_unit_test(constants_and_errors), cmocka_unit_test(rounding_is_no_order),
                                     cmocka_unit_test(exactly_one)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
