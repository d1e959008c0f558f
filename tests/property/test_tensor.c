/* What a permuted CP factorisation must keep: order of neurons, common rotation of directions, unit of the responses,
 * number of threads; the objective never rises above that of fewer sweeps; shifts stay exact with the bound at work. */
#include "test.h"
#include "tensor/internal.h"
#include <cortifold/tensor.h>

enum { N = 17, S = 3, D = 8, T = 5, R = 3, COUNT = N * S * D * T };

/* A planted tensor: sparse factors, random shifts, noise, one silent neuron. */
static void plant(cf_rng *rng, double *x) {
  double a[N][R], b[S][R], c[D * T][R];
  for (size_t r = 0; r < R; r++) {
    for (size_t n = 0; n < N; n++) a[n][r] = cf_rng_uniform(rng) < 0.5 ? cf_rng_gamma(rng, 1) : 0;
    for (size_t s = 0; s < S; s++) b[s][r] = cf_rng_uniform(rng);
    for (size_t p = 0; p < D * T; p++) c[p][r] = pow(cf_rng_uniform(rng), 4);
  }
  for (size_t n = 0; n < N; n++)
    for (size_t s = 0; s < S; s++) {
      const size_t k = cf_rng_below(rng, D);
      for (size_t d = 0; d < D; d++)
        for (size_t t = 0; t < T; t++) {
          double v = 0.05 * cf_rng_uniform(rng);
          for (size_t r = 0; r < R; r++) v += a[n][r] * b[s][r] * c[(d + k) % D + D * t][r];
          x[((n * S + s) * D + d) * T + t] = n == 5 ? 0 : v;
        }
    }
}

static cf_factorisation *fit(const double *x, int threads, size_t restarts, bool single) {
  cf_context *ctx = NULL;
  cf_context_options co = CF_CONTEXT_OPTIONS_INIT;
  cf_factor_options o = CF_FACTOR_OPTIONS_INIT;
  cf_factorisation *f = NULL;
  const size_t shape[4] = {N, S, D, T};
  const cf_view v = cf_view_tensor(x, 4, shape);
  co.threads = threads;
  co.seed = 3;
  o.rank = R;
  o.restarts = restarts;
  o.single = single;
  assert_int_equal(cf_context_new(&co, &ctx), CF_OK);
  assert_ok(ctx, cf_factor_fit(ctx, &v, &o, &f));
  cf_context_free(ctx);
  return f;
}

static void threads(void **state) {
  (void)state;
  double x[COUNT];
  for (size_t k = 0; k < test_cases(3); k++) {
    cf_rng rng = cf_rng_make(11, k, 0);
    plant(&rng, x);
    cf_factorisation *f = fit(x, 1, 5, true), *g = fit(x, 2, 5, true);
    for (size_t i = 0; i < 5; i++) {
      const cf_factors *a = f->restart[i], *b = g->restart[i];
      assert_memory_equal(a->neuron, b->neuron, N * R * sizeof(double));
      assert_memory_equal(a->pattern, b->pattern, D * T * R * sizeof(double));
      assert_memory_equal(a->shift, b->shift, N * S * sizeof(int32_t));
      assert_true(a->error_percent == b->error_percent);
      if (i > 0) assert_true(a->error_percent >= f->restart[i - 1]->error_percent);
    }
    cf_factorisation_free(f);
    cf_factorisation_free(g);
  }
}

/* Same minimum, but for the rounding that another order of sums brings. */
static void same_errors(const cf_factorisation *f, const cf_factorisation *g) {
  assert_close(g->restart[0]->error_percent, f->restart[0]->error_percent, 1e-3, 1e-9);
  assert_true(g->restart[0]->alive == f->restart[0]->alive);
}

static void neuron_order(void **state) {
  (void)state;
  double x[COUNT], y[COUNT];
  size_t order[N];
  cf_rng rng = cf_rng_make(12, 0, 0);
  plant(&rng, x);
  cf_rng_permutation(&rng, N, order);
  for (size_t n = 0; n < N; n++) memcpy(y + n * S * D * T, x + order[n] * S * D * T, S * D * T * sizeof *x);
  cf_factorisation *f = fit(x, 2, 4, false), *g = fit(y, 2, 4, false);
  same_errors(f, g);
  for (size_t n = 0; n < N; n++)
    for (size_t r = 0; r < R; r++)
      assert_close(g->restart[0]->neuron[n * R + r], f->restart[0]->neuron[order[n] * R + r], 0, 0.02);
  cf_factorisation_free(f);
  cf_factorisation_free(g);
}

static void common_rotation(void **state) {
  (void)state;
  double x[COUNT], y[COUNT];
  cf_rng rng = cf_rng_make(13, 0, 0);
  plant(&rng, x);
  for (size_t m = 0; m < N * S; m++)
    for (size_t d = 0; d < D; d++) memcpy(y + (m * D + (d + 3) % D) * T, x + (m * D + d) * T, T * sizeof *x);
  cf_factorisation *f = fit(x, 2, 4, false), *g = fit(y, 2, 4, false);
  same_errors(f, g);
  cf_factorisation_free(f);
  cf_factorisation_free(g);
}

static void unit(void **state) {
  (void)state;
  double x[COUNT], y[COUNT];
  cf_rng rng = cf_rng_make(14, 0, 0);
  plant(&rng, x);
  for (size_t i = 0; i < COUNT; i++) y[i] = 1024 * x[i]; /* a power of two: not even rounding differs */
  cf_factorisation *f = fit(x, 2, 3, true), *g = fit(y, 2, 3, true);
  for (size_t i = 0; i < 3; i++) {
    assert_close(g->restart[i]->error_percent, f->restart[i]->error_percent, 1e-9, 1e-12);
    assert_close(g->restart[i]->lambda[0], 1024 * f->restart[i]->lambda[0], 1e-9, 0);
  }
  cf_factorisation_free(f);
  cf_factorisation_free(g);
}

/* After sweeps in which maps were left out, each map must be at its best rotation for the factors of the last shift
 * step, or tie with it. */
static void left_out_maps(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double x[COUNT];
  size_t left_out = 0;
  for (size_t c = 0; c < test_cases(6); c++) {
    cf_rng rng = cf_rng_make(15, c, 0);
    const cf_mark mark = cf_scratch_mark(ctx);
    const size_t shape[4] = {N, S, D, T};
    const cf_view v = cf_view_tensor(x, 4, shape);
    cf_tensor *tensor = NULL;
    cf_fit f;
    int32_t exact[N * S];
    plant(&rng, x);
    assert_ok(ctx, cf_tensor_new(ctx, &v, true, &tensor));
    assert_ok(ctx, cf_fit_new(ctx, tensor, R, c % 2, &f));
    for (size_t i = 0; i < N * R; i++) f.a[i] = cf_rng_uniform(&rng);
    for (size_t i = 0; i < S * R; i++) f.b[i] = cf_rng_uniform(&rng);
    for (size_t i = 0; i < D * T * R; i++) f.c[i] = cf_rng_uniform(&rng);
    cf_fit_align(&f);
    for (size_t sweep = 0; sweep < 40; sweep++) {
      const cf_solver_options o = {1, 1, 0, 0, 0};
      double value = 0;
      size_t sweeps = 0;
      bool converged;
      assert_ok(ctx, cf_hals(ctx, &f, &o, NULL, &value, &sweeps, &converged));
      left_out += N * S - f.tried;
      /* a0, b0, c0 are the factors of the step */
      assert_ok(ctx, cf_tensor_shifts(ctx, tensor, R, f.a0, f.b0, f.c0, exact));
      for (size_t m = 0; m < N * S; m++) {
        if (f.k[m] == exact[m]) continue;
        double score[2] = {0, 0}, size = 0;
        for (size_t d = 0; d < D; d++)
          for (size_t t = 0; t < T; t++) {
            double model = 0;
            for (size_t r = 0; r < R; r++)
              model += f.a0[m / S * R + r] * f.b0[m % S * R + r] * f.c0[(d + D * t) * R + r];
            score[0] += x[(m * D + (d + D - (size_t)f.k[m]) % D) * T + t] * model;
            score[1] += x[(m * D + (d + D - (size_t)exact[m]) % D) * T + t] * model;
            size += fabs(x[(m * D + d) * T + t] * model);
          }
        assert_close(score[0], score[1], 0, (c % 2 ? 1e-5 : 1e-12) * size);
      }
    }
    cf_tensor_free(tensor);
    cf_scratch_release(ctx, mark);
  }
  assert_true(left_out > 0); /* the bound was at work */
  cf_context_free(ctx);
}

static void solvers_agree(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double x[COUNT];
  cf_rng rng = cf_rng_make(16, 0, 0);
  const size_t shape[4] = {N, S, D, T};
  const cf_view v = cf_view_tensor(x, 4, shape);
  plant(&rng, x);
  double error[2];
  for (int k = 0; k < 2; k++) {
    cf_factor_options o = CF_FACTOR_OPTIONS_INIT;
    cf_factorisation *f = NULL;
    o.rank = R;
    o.restarts = 30;
    o.shift = false;
    o.solver = k ? CF_FACTOR_QUASI_NEWTON : CF_FACTOR_HALS;
    o.tolerance = 1e-9;
    assert_ok(ctx, cf_factor_fit(ctx, &v, &o, &f));
    error[k] = f->restart[0]->error_percent;
    cf_factorisation_free(f);
  }
  assert_close(error[1], error[0], 1e-4, 0);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(threads),         cmocka_unit_test(neuron_order),
                                     cmocka_unit_test(common_rotation), cmocka_unit_test(unit),
                                     cmocka_unit_test(left_out_maps),   cmocka_unit_test(solvers_agree)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
