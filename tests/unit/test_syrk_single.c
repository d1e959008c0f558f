/* Products with single-precision factors: right to single precision on any shape, double sums, same bits for any
 * threads. */
#include "test.h"

#include <cortifold/linalg.h>

static void agrees_with_plain_sums(void **state) {
  (void)state;
  cf_context *ctx = test_context(), *one = NULL;
  cf_context_options co = CF_CONTEXT_OPTIONS_INIT;
  co.threads = 1;
  assert_int_equal(cf_context_new(&co, &one), CF_OK);
  const size_t shapes[][3] = {{1, 1, 1}, {3, 5, 5}, {17, 2000, 2003}, {260, 33, 40}, {513, 9, 9}, {0, 4, 4}, {4, 0, 1}};
  for (size_t t = 0; t < sizeof shapes / sizeof *shapes; t++) {
    size_t n = shapes[t][0], k = shapes[t][1], ld = shapes[t][2];
    float *a = calloc(n * ld + 1, sizeof *a);
    double *c = calloc(n * (n + 2) + 1, sizeof *c), *d = calloc(n * (n + 2) + 1, sizeof *d);
    cf_rng rng = cf_rng_make(t, 1, 0);
    for (size_t i = 0; i < n * ld; i++) a[i] = (float)cf_rng_normal(&rng);
    for (size_t i = 0; i < n * (n + 2); i++) c[i] = d[i] = 100;
    assert_ok(ctx, cf_syrk_single(ctx, n, k, -2, a, ld, c, n + 2));
    assert_ok(one, cf_syrk_single(one, n, k, -2, a, ld, d, n + 2));
    assert_memory_equal(c, d, n * (n + 2) * sizeof *c);
    for (size_t i = 0; i < n; i++) {
      for (size_t j = 0; j < n; j++) {
        double sum = 0;
        for (size_t m = 0; m < k; m++) sum += (double)a[i * ld + m] * (double)a[j * ld + m];
        assert_close(c[i * (n + 2) + j], 100 - 2 * sum, 0, 2e-6 * sqrt((double)k) + (i == j ? 2e-6 * (double)k : 0));
        assert_true(c[i * (n + 2) + j] == c[j * (n + 2) + i]);
      }
      assert_true(c[i * (n + 2) + n] == 100); /* outside is left alone */
    }
    free(a), free(c), free(d);
  }
  cf_context_free(ctx);
  cf_context_free(one);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_plain_sums)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
