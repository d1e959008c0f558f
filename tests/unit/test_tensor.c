/* The edges of the factorisation: hostile data, degenerate shapes, unfit options, memory that runs out; assignment,
 * agreement of restarts, rank curve, neural matrix. */
#include "test.h"
#include <cortifold/linalg.h>
#include <cortifold/tensor.h>

static cf_status fit(cf_context *ctx, const size_t *shape, const double *x, size_t rank, size_t restarts, bool shift,
                     cf_factorisation **out) {
  cf_factor_options o = CF_FACTOR_OPTIONS_INIT;
  const cf_view v = cf_view_tensor(x, 4, shape);
  o.rank = rank;
  o.restarts = restarts;
  o.shift = shift;
  *out = NULL;
  return cf_factor_fit(ctx, &v, &o, out);
}

static void bad_input(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double x[24] = {0};
  const size_t shape[4] = {2, 3, 2, 2};
  cf_factorisation *f = NULL;
  assert_status(ctx, CF_ERR_INPUT, fit(ctx, shape, x, 2, 2, true, &f)); /* all zero */
  assert_non_null(strstr(cf_context_error(ctx), "zero"));
  x[13] = NAN;
  assert_status(ctx, CF_ERR_INPUT, fit(ctx, shape, x, 2, 2, true, &f));
  assert_non_null(strstr(cf_context_error(ctx), "[1, 0, 0, 1]"));
  x[13] = 1e200;
  assert_status(ctx, CF_ERR_INPUT, fit(ctx, shape, x, 2, 2, true, &f)); /* squares overflow */
  x[13] = 1;
  assert_status(ctx, CF_ERR_USAGE, fit(ctx, shape, x, 0, 2, true, &f));
  assert_status(ctx, CF_ERR_USAGE, fit(ctx, shape, x, 1, 0, true, &f));
  const size_t empty[4] = {2, 0, 2, 2};
  assert_status(ctx, CF_ERR_INPUT, fit(ctx, empty, x, 1, 1, true, &f));
  const cf_view matrix = cf_view_matrix(x, 4, 6);
  cf_factor_options o = CF_FACTOR_OPTIONS_INIT;
  assert_status(ctx, CF_ERR_INPUT, cf_factor_fit(ctx, &matrix, &o, &f));
  assert_null(f);
  cf_context_free(ctx);
}

/* Everything that must hold of any result. */
static void check(const cf_factors *f) {
  assert_true(isfinite(f->error_percent) && f->error_percent >= 0);
  for (size_t r = 0; r < f->rank; r++) {
    double norm = 0;
    for (size_t n = 0; n < f->neurons; n++) norm += f->neuron[n * f->rank + r] * f->neuron[n * f->rank + r];
    assert_close(norm, 1, 1e-12, 0);
    assert_true(isfinite(f->lambda[r]) && f->lambda[r] >= 0);
    if (r > 0) assert_true(f->lambda[r] <= f->lambda[r - 1]);
    assert_true((f->lambda[r] > 0) == (r < f->alive));
  }
  for (size_t m = 0; m < f->neurons * f->stimuli; m++)
    assert_true(f->shift[m] >= 0 && (size_t)f->shift[m] < f->directions);
}

/* What factors rebuild leaves of the data exactly the error that the fit reports, whatever way its maps were turned. */
static void rebuilt_responses_leave_the_error(void **state) {
  (void)state;
  enum { N = 9, S = 3, D = 4, T = 5, COUNT = N * S * D * T };
  cf_context *ctx = test_context();
  const size_t shape[4] = {N, S, D, T};
  double x[COUNT], back[COUNT];
  cf_rng rng = cf_rng_make(4, 0, 0);
  for (size_t i = 0; i < COUNT; i++) x[i] = cf_rng_uniform(&rng);
  for (int shifted = 0; shifted < 2; shifted++) {
    cf_factorisation *f = NULL;
    double left = 0, all = 0;
    bool turned = false;
    assert_ok(ctx, fit(ctx, shape, x, 3, 2, shifted == 1, &f));
    cf_factors_rebuild(f->restart[0], back);
    for (size_t i = 0; i < COUNT; i++) {
      left += (x[i] - back[i]) * (x[i] - back[i]);
      all += x[i] * x[i];
    }
    for (size_t i = 0; i < N * S; i++) turned = turned || f->restart[0]->shift[i] != 0;
    assert_true(turned == (shifted == 1));
    assert_close(100 * left / all, f->restart[0]->error_percent, 1e-9, 0);
    cf_factorisation_free(f);
  }
  cf_context_free(ctx);
}

static void degenerate_shapes(void **state) {
  (void)state;
  static const size_t shapes[][4] = {{1, 1, 1, 1}, {1, 2, 8, 3}, {2, 1, 8, 3}, {2, 3, 1, 4},
                                     {5, 1, 1, 9}, {4, 2, 8, 1}, {3, 1, 2, 2}, {1, 1, 8, 1}};
  cf_context *ctx = test_context();
  cf_rng rng = cf_rng_make(31, 0, 0);
  for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++)
    for (size_t rank = 1; rank <= 6; rank += 5) /* 6: above what the data have */
      for (int solver = 0; solver < 2; solver++) {
        double x[200];
        const size_t *s = shapes[k], count = s[0] * s[1] * s[2] * s[3];
        const cf_view v = cf_view_tensor(x, 4, s);
        cf_factorisation *f = NULL;
        cf_factor_options o = CF_FACTOR_OPTIONS_INIT;
        for (size_t i = 0; i < count; i++) x[i] = 0.1 + cf_rng_uniform(&rng);
        o.rank = rank;
        o.restarts = 3;
        o.sweeps = 100;
        o.solver = solver ? CF_FACTOR_QUASI_NEWTON : CF_FACTOR_HALS;
        assert_ok(ctx, cf_factor_fit(ctx, &v, &o, &f));
        for (size_t i = 0; i < 3; i++) check(f->restart[i]);
        if (s[0] * s[1] == 1 && !solver) assert_true(f->restart[0]->error_percent < 1e-8); /* one map: exact */
        cf_factorisation_free(f);
      }
  cf_context_free(ctx);
}

static void silent_neurons_have_no_part(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_rng rng = cf_rng_make(32, 0, 0);
  const size_t shape[4] = {6, 2, 8, 3};
  double x[6 * 2 * 8 * 3];
  for (size_t i = 0; i < 6 * 48; i++) x[i] = i / 48 == 2 || i / 24 == 7 ? 0 : cf_rng_uniform(&rng);
  cf_factorisation *f = NULL;
  assert_ok(ctx, fit(ctx, shape, x, 2, 4, true, &f));
  const cf_factors *best = f->restart[0];
  check(best);
  for (size_t r = 0; r < 2; r++) assert_true(best->neuron[2 * 2 + r] == 0);
  assert_true(isnan(best->residual[2]) && best->shift[4] == 0 && best->shift[5] == 0 && best->shift[7] == 0);
  cf_factorisation_free(f);
  cf_context_free(ctx);
}

static void more_restarts_begin_alike(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_rng rng = cf_rng_make(33, 0, 0);
  const size_t shape[4] = {6, 2, 4, 3};
  double x[144];
  for (size_t i = 0; i < 144; i++) x[i] = cf_rng_uniform(&rng);
  const cf_view v = cf_view_tensor(x, 4, shape);
  cf_factor_options o = CF_FACTOR_OPTIONS_INIT;
  cf_factorisation *all = NULL, *a = NULL, *b = NULL;
  o.rank = 2;
  o.restarts = 6;
  assert_ok(ctx, cf_factor_fit(ctx, &v, &o, &all));
  assert_ok(ctx, cf_factor_fit_some(ctx, &v, &o, 0, 4, &a));
  assert_ok(ctx, cf_factor_fit_some(ctx, &v, &o, 4, 6, &b));
  assert_ok(ctx, cf_factorisation_join(ctx, a, b));
  for (size_t i = 0; i < 6; i++) assert_true(a->restart[i]->error_percent == all->restart[i]->error_percent);
  cf_factorisation_free(all);
  cf_factorisation_free(a);
  cf_context_free(ctx);
}

static void memory_runs_out(void **state) {
  (void)state;
  const size_t shape[4] = {5, 2, 4, 3};
  double x[120];
  size_t failures = 0, fine = 0;
  for (size_t i = 0; i < 120; i++) x[i] = 1 + (double)(i * i % 7);
  for (uint64_t n = 1; fine < 20; n++) {
    cf_context *ctx = test_context();
    cf_factorisation *f = NULL;
    cf_test_fail_allocation(n);
    const cf_status status = fit(ctx, shape, x, 2, 2, true, &f);
    cf_test_fail_allocation(0);
    assert_true((status == CF_OK) == (f != NULL));
    fine = status == CF_OK ? fine + 1 : 0;
    failures += status != CF_OK;
    if (status != CF_OK) assert_true(*cf_context_error(ctx));
    cf_factorisation_free(f);
    cf_context_free(ctx);
  }
  assert_true(failures >= 5);
}

/* The least cost over all permutations. */
static double least_cost(size_t n, const double *cost, size_t row, unsigned used) {
  if (row == n) return 0;
  double best = INFINITY;
  for (size_t j = 0; j < n; j++)
    if (!(used >> j & 1)) best = fmin(best, cost[row * n + j] + least_cost(n, cost, row + 1, used | 1u << j));
  return best;
}

static void assignment(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (size_t c = 0; c < test_cases(60); c++) {
    cf_rng rng = cf_rng_make(34, c, 0);
    double cost[49];
    size_t column[7];
    const size_t n = 1 + c % 7;
    for (size_t i = 0; i < n * n; i++) cost[i] = c % 2 ? (double)cf_rng_below(&rng, 3) : cf_rng_normal(&rng);
    assert_ok(ctx, cf_assignment(ctx, n, cost, column));
    double sum = 0;
    unsigned used = 0;
    for (size_t i = 0; i < n; i++) {
      sum += cost[i * n + column[i]];
      used |= 1u << column[i];
    }
    assert_int_equal(used, (1u << n) - 1);
    assert_close(sum, least_cost(n, cost, 0, 0), 1e-12, 1e-12);
  }
  double bad[4] = {0, 1, NAN, 2};
  size_t column[2];
  assert_ok(ctx, cf_assignment(ctx, 0, NULL, NULL));
  assert_status(ctx, CF_ERR_NUMERIC, cf_assignment(ctx, 2, bad, column));
  cf_context_free(ctx);
}

/* Components in another order, patterns rotated: the same factorisation. */
static void congruence(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_rng rng = cf_rng_make(35, 0, 0);
  enum { N = 9, S = 3, D = 8, T = 2, R = 3 };
  static const size_t order[R] = {2, 0, 1}, turn[R] = {0, 5, 3};
  cf_factors *f = NULL, *g = NULL;
  double mean, each[R];
  size_t match[R];
  assert_ok(ctx, cf_factors_new(ctx, N, S, D, T, R, &f));
  assert_ok(ctx, cf_factors_new(ctx, N, S, D, T, R, &g));
  for (size_t i = 0; i < N * R; i++) f->neuron[i] = cf_rng_uniform(&rng);
  for (size_t i = 0; i < S * R; i++) f->stimulus[i] = cf_rng_uniform(&rng);
  for (size_t i = 0; i < D * T * R; i++) f->pattern[i] = cf_rng_uniform(&rng);
  assert_ok(ctx, cf_factors_normalise(ctx, f));
  for (size_t r = 0; r < R; r++) {
    for (size_t i = 0; i < N; i++) g->neuron[i * R + order[r]] = f->neuron[i * R + r];
    for (size_t i = 0; i < S; i++) g->stimulus[i * R + order[r]] = f->stimulus[i * R + r];
    for (size_t t = 0; t < T; t++)
      for (size_t d = 0; d < D; d++)
        g->pattern[(t * D + (d + turn[r]) % D) * R + order[r]] = f->pattern[(t * D + d) * R + r];
    g->lambda[order[r]] = f->lambda[r];
  }
  assert_ok(ctx, cf_factor_congruence(ctx, f, g, true, &mean, match, each));
  assert_close(mean, 1, 1e-12, 0);
  for (size_t r = 0; r < R; r++) assert_int_equal(match[r], order[r]);
  assert_ok(ctx, cf_factor_congruence(ctx, f, g, false, &mean, NULL, NULL));
  assert_true(mean < 0.999);
  /* the closed form of the neural matrix is what its own model's maps give */
  double own[N * R], x[N * S * D * T], fitted[N * R];
  memset(f->shift, 0, N * S * sizeof *f->shift);
  for (size_t n = 0; n < N; n++)
    for (size_t s = 0; s < S; s++)
      for (size_t d = 0; d < D; d++)
        for (size_t t = 0; t < T; t++) {
          double v = 0;
          for (size_t r = 0; r < R; r++)
            v += f->lambda[r] * f->neuron[n * R + r] * f->stimulus[s * R + r] * f->pattern[(t * D + d) * R + r];
          x[((n * S + s) * D + d) * T + t] = v;
        }
  const size_t shape[4] = {N, S, D, T};
  const cf_view v = cf_view_tensor(x, 4, shape);
  assert_ok(ctx, cf_neural_matrix(ctx, f, NULL, NULL, own, NULL));
  assert_ok(ctx, cf_neural_matrix(ctx, f, &v, NULL, fitted, NULL));
  for (size_t i = 0; i < N * R; i++) assert_close(fitted[i], own[i], 1e-6, 1e-6);
  cf_factors_free(f);
  cf_factors_free(g);
  cf_context_free(ctx);
}

static void rank_curve(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  /* rises by one a rank up to 4, then is flat; the first entry is rank 1 */
  double dimension[10] = {NAN, 1, 2, 3, 4, 4, 4, 4, 4, 4}, derivative[9], agreement[10];
  size_t index = 0;
  for (size_t i = 0; i < 10; i++) agreement[i] = 0.95;
  assert_ok(ctx, cf_rank_derivative(ctx, 10, dimension, derivative));
  assert_true(isnan(derivative[0]) && derivative[2] > 0.4 && fabs(derivative[8]) < 0.02);
  assert_ok(ctx, cf_rank_suggest(ctx, 10, dimension, agreement, &index));
  assert_true(index == 4 || index == 5);
  const size_t first = index;
  agreement[first] = 0.2; /* its restarts disagree: the next */
  assert_ok(ctx, cf_rank_suggest(ctx, 10, dimension, agreement, &index));
  assert_int_equal(index, first + 1);
  for (size_t i = first; i < 10; i++) agreement[i] = 0.2;
  assert_ok(ctx, cf_rank_suggest(ctx, 10, dimension, agreement, &index));
  assert_int_equal(index, first - 1);
  assert_ok(ctx, cf_rank_suggest(ctx, 3, dimension, agreement, &index));
  assert_true(index == SIZE_MAX);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(bad_input),
                                     cmocka_unit_test(rebuilt_responses_leave_the_error),
                                     cmocka_unit_test(degenerate_shapes),
                                     cmocka_unit_test(silent_neurons_have_no_part),
                                     cmocka_unit_test(more_restarts_begin_alike),
                                     cmocka_unit_test(memory_runs_out),
                                     cmocka_unit_test(assignment),
                                     cmocka_unit_test(congruence),
                                     cmocka_unit_test(rank_curve)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
