/* One-sided rank tests against SciPy 1.10 and against all arrangements. */
#include "test.h"
#include <cortifold/stats.h>

static cf_test whitney(size_t n, const double *x, size_t m, const double *y, cf_tail tail, cf_exactness exact) {
  cf_context *ctx = test_context();
  cf_test t;
  assert_ok(ctx, cf_mann_whitney(ctx, n, x, m, y, tail, exact, &t));
  cf_context_free(ctx);
  return t;
}

typedef struct whitney_case {
  size_t n, m;
  double x[12], y[12], u, both, greater, less;
} whitney_case;

/* scipy.stats.mannwhitneyu(x, y, alternative) */
static void as_scipy(void **state) {
  (void)state;
  static const whitney_case cases[] = {
      {5, 4, {3, 5, 1, 8, 9}, {2, 4, 0, 7}, 14, 0.4126984126984127, 0.20634920634920634, 0.8571428571428572},
      {9,
       9,
       {4, 4, 6, 1, 0, 2, 9, 9, 5},
       {0, 1, 1, 2, 0, 3, 1, 0, 2},
       67,
       0.019949778699134963,
       0.009974889349567482,
       0.9921712399042775},
      {3, 3, {1, 2, 2}, {2, 2, 3}, 2, 0.3016995824783478, 0.9393323748207589, 0.1508497912391739},
      {9, 9, {5, 5, 5, 5, 5, 5, 5, 5, 5}, {5, 5, 5, 5, 5, 5, 5, 5, 5}, 40.5, 1, 1, 1},
      {10,
       11,
       {12, 15, 9, 14, 11, 10, 13, 16, 8.5, 20},
       {1, 2, 3, 4, 5, 6, 7, 8, 9, 9.5, 11.5},
       102.5,
       0.0009305780198664238,
       0.0004652890099332119,
       0.999639092444519},
      {9,
       9,
       {0, 0, 1, 0, 2, 0, 0, 1, 0},
       {0, 3, 1, 0, 4, 2, 0, 1, 5},
       22.5,
       0.09657553463487792,
       0.9605104575436932,
       0.04828776731743896},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const whitney_case *c = &cases[i];
    const cf_test t = whitney(c->n, c->x, c->m, c->y, CF_TAIL_GREATER, CF_EXACT_AUTO);
    assert_close(t.statistic, c->u, 0, 0);
    assert_close(t.p, c->greater, 1e-12, 0);
    assert_close(whitney(c->n, c->x, c->m, c->y, CF_TAIL_LESS, CF_EXACT_AUTO).p, c->less, 1e-12, 0);
    assert_close(whitney(c->n, c->x, c->m, c->y, CF_TAIL_BOTH, CF_EXACT_AUTO).p, c->both, 1e-12, 0);
    /* exchanging the samples exchanges the tails */
    assert_close(whitney(c->m, c->y, c->n, c->x, CF_TAIL_LESS, CF_EXACT_AUTO).p, c->greater, 1e-12, 0);
  }
}

/* Share of all choices of n of the n + m values whose sum is as large. */
static double by_enumeration(size_t n, size_t total, const double *value, double observed) {
  size_t as_large = 0, all = 0;
  for (unsigned set = 0; set < 1u << total; set++) {
    double sum = 0;
    size_t members = 0;
    for (size_t i = 0; i < total; i++)
      if (set >> i & 1) members++, sum += value[i];
    if (members != n) continue;
    all++;
    as_large += sum >= observed - 1e-9;
  }
  return (double)as_large / (double)all;
}

static void exact_with_ties(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_rng rng = cf_rng_make(5, 6, 7);
  for (size_t k = 0; k < test_cases(60); k++) {
    const size_t n = 1 + (size_t)cf_rng_below(&rng, 6), m = 1 + (size_t)cf_rng_below(&rng, 6);
    double x[12], rank[12], sum = 0;
    for (size_t i = 0; i < n + m; i++) x[i] = (double)cf_rng_below(&rng, 4);
    assert_ok(ctx, cf_ranks(ctx, n + m, x, rank));
    for (size_t i = 0; i < n; i++) sum += rank[i];
    assert_close(whitney(n, x, m, x + n, CF_TAIL_GREATER, CF_EXACT_ALWAYS).p, by_enumeration(n, n + m, rank, sum),
                 1e-12, 0);
    for (size_t i = 0; i < n + m; i++) rank[i] = -rank[i];
    assert_close(whitney(n, x, m, x + n, CF_TAIL_LESS, CF_EXACT_ALWAYS).p, by_enumeration(n, n + m, rank, -sum), 1e-12,
                 0);
  }
  cf_context_free(ctx);
}

static void empty_samples(void **state) {
  (void)state;
  const double x[1] = {1};
  assert_true(isnan(whitney(0, x, 1, x, CF_TAIL_GREATER, CF_EXACT_AUTO).p));
  assert_true(isnan(whitney(1, x, 0, x, CF_TAIL_LESS, CF_EXACT_ALWAYS).p));
}

/* scipy.stats.wilcoxon(x, alternative) */
static void signed_ranks_as_scipy(void **state) {
  (void)state;
  static const struct {
    size_t n;
    double x[8], v, greater, less;
  } cases[] = {
      {7, {3, -1, 4, 2, 5, -2.5, 6}, 24, 0.0546875, 0.9609375},
      {7, {0, 2, -1, 3, 4, 0, 5}, 14, 0.03980790073005672, 0.9601920992699433},
      {3, {2, -3, 1}, 3, 0.625, 0.625},
      {2, {0, 0}, 0, 1, 1},
  };
  cf_context *ctx = test_context();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cf_test t;
    assert_ok(ctx, cf_wilcoxon_tail(ctx, cases[i].n, cases[i].x, CF_TAIL_GREATER, &t));
    assert_close(t.statistic, cases[i].v, 0, 0);
    assert_close(t.p, cases[i].greater, 1e-12, 0);
    assert_ok(ctx, cf_wilcoxon_tail(ctx, cases[i].n, cases[i].x, CF_TAIL_LESS, &t));
    assert_close(t.p, cases[i].less, 1e-12, 0);
  }
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(as_scipy), cmocka_unit_test(exact_with_ties),
                                     cmocka_unit_test(empty_samples), cmocka_unit_test(signed_ranks_as_scipy)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
