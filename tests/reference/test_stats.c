/* Ranks, exact signed ranks and principal components against slow and obvious versions. */
#include "test.h"
#include <cortifold/stats.h>

static void ranks_agree_with_counting(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  static const size_t sizes[] = {1, 2, 3, 47, 48, 49, 50, 300, 2000};
  for (uint32_t c = 0; c < test_cases(60); c++) {
    cf_rng rng = cf_rng_make(21, 0, c);
    size_t n = sizes[cf_rng_below(&rng, sizeof sizes / sizeof *sizes)], coarse = cf_rng_below(&rng, 4);
    double *x = calloc(n, sizeof *x), *r = calloc(n, sizeof *r), scale = pow(10, 300 * (cf_rng_uniform(&rng) - 0.5));
    for (size_t i = 0; i < n; i++) {
      x[i] = cf_rng_normal(&rng);
      if (coarse == 0) x[i] = round(2 * x[i]); /* many ties, zeros of both signs */
      if (coarse == 1) x[i] *= scale;
      if (coarse == 2 && i % 9 == 0) x[i] = i % 2 ? -INFINITY : INFINITY;
    }
    assert_ok(ctx, cf_ranks(ctx, n, x, r));
    for (size_t i = 0; i < n; i++) {
      size_t below = 0, equal = 0;
      for (size_t j = 0; j < n; j++) below += x[j] < x[i], equal += x[j] == x[i];
      assert_true(r[i] == (double)below + 0.5 * ((double)equal + 1));
    }
    free(x), free(r);
  }
  cf_context_free(ctx);
}

/* p over all 2^n signs */
static void signed_ranks_agree_with_enumeration(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (uint32_t c = 0; c < test_cases(20); c++) {
    cf_rng rng = cf_rng_make(22, 0, c);
    size_t n = 1 + cf_rng_below(&rng, 11), lower = 0, upper = 0;
    double x[12], size[12], rank[12], v = 0;
    for (size_t i = 0; i < n; i++) x[i] = cf_rng_normal(&rng) + 0.5, size[i] = fabs(x[i]);
    assert_ok(ctx, cf_ranks(ctx, n, size, rank));
    for (size_t i = 0; i < n; i++) v += x[i] > 0 ? rank[i] : 0;
    for (size_t signs = 0; signs < (size_t)1 << n; signs++) {
      double sum = 0;
      for (size_t i = 0; i < n; i++) sum += signs >> i & 1 ? rank[i] : 0;
      lower += sum <= v, upper += sum >= v;
    }
    cf_test test;
    assert_ok(ctx, cf_wilcoxon(ctx, n, x, &test));
    assert_close(test.p, fmin(1, 2 * (double)(lower < upper ? lower : upper) / (double)((size_t)1 << n)), 1e-14, 0);
  }
  cf_context_free(ctx);
}

/* Components are orthonormal eigenvectors of the covariance, the scores have their variances, whichever side was used;
 * strides do not matter. */
static void check_pca(cf_context *ctx, cf_rng *rng, size_t n, size_t p, size_t k, bool transposed) {
  double *x = calloc(n * p, sizeof *x), *means = calloc(p, sizeof *means), *c = calloc(k * p, sizeof *c);
  double *s = calloc(n * k, sizeof *s), *variance = calloc(k, sizeof *variance), *ratio = calloc(k, sizeof *ratio);
  for (size_t i = 0; i < n * p; i++) x[i] = 7 + cf_rng_normal(rng) * (1 + 20.0 / (double)(1 + i % p % 17));
  cf_view view = cf_view_matrix(x, n, p);
  if (transposed) view = (cf_view){x, 2, {n, p}, {1, (ptrdiff_t)n}};
  assert_ok(ctx, cf_pca(ctx, &view, k, c, s, variance, ratio, means));
  double total = 0, shares = 0;
  for (size_t j = 0; j < p; j++) {
    double mean = 0, square = 0;
    for (size_t i = 0; i < n; i++) mean += cf_at(&view, i, j) / (double)n;
    assert_close(means[j], mean, 1e-12, 0);
    for (size_t i = 0; i < n; i++) square += pow(cf_at(&view, i, j) - mean, 2);
    total += square / (double)(n - 1);
  }
  for (size_t a = 0; a < k; a++) {
    double most = 0;
    for (size_t j = 0; j < p; j++)
      if (fabs(c[a * p + j]) > fabs(most)) most = c[a * p + j];
    assert_true(most > 0);
    assert_close(ratio[a], variance[a] / total, 1e-10, 1e-14);
    assert_true(a == 0 || variance[a] <= variance[a - 1] * (1 + 1e-12));
    shares += ratio[a];
    for (size_t b = 0; b < k; b++) {
      double cc = 0, ss = 0;
      for (size_t j = 0; j < p; j++) cc += c[a * p + j] * c[b * p + j];
      for (size_t i = 0; i < n; i++) ss += s[i * k + a] * s[i * k + b] / (double)(n - 1);
      assert_close(cc, a == b, 0, 1e-10);
      assert_close(ss, a == b ? variance[a] : 0, 1e-9, 1e-9 * variance[0]);
    }
    for (size_t i = 0; i < n; i += 7) {
      double score = 0;
      for (size_t j = 0; j < p; j++) score += (cf_at(&view, i, j) - means[j]) * c[a * p + j];
      assert_close(s[i * k + a], score, 1e-10, 1e-9);
    }
  }
  if (k == (n - 1 < p ? n - 1 : p)) assert_close(shares, 1, 1e-12, 0);
  free(x), free(means), free(c), free(s), free(variance), free(ratio);
}

static void components_are_eigenvectors_of_the_covariance(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_rng rng = cf_rng_make(23, 0, 0);
  check_pca(ctx, &rng, 20, 6, 6, false);
  check_pca(ctx, &rng, 8, 30, 7, true);
  check_pca(ctx, &rng, 450, 500, 5, false); /* rows' side of the Gram way */
  check_pca(ctx, &rng, 600, 430, 6, true);  /* columns' side */
  double x[6] = {1, 2, 3, 4, NAN, 6};
  cf_view view = cf_view_matrix(x, 3, 2);
  assert_status(ctx, CF_ERR_INPUT, cf_pca(ctx, &view, 1, NULL, NULL, NULL, NULL, NULL));
  x[4] = 5;
  assert_status(ctx, CF_ERR_INPUT, cf_pca(ctx, &view, 3, NULL, NULL, NULL, NULL, NULL));
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ranks_agree_with_counting),
      cmocka_unit_test(signed_ranks_agree_with_enumeration),
      cmocka_unit_test(components_are_eigenvectors_of_the_covariance),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
