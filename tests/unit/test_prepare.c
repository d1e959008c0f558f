/* Preparation of responses: each step against its formula, and the order of the steps. */
#include "test.h"
#include <cortifold/response.h>

enum { N = 3, S = 11, D = 4, T = 9, MAP = D * T };

static double wave(size_t n, size_t s, size_t d, size_t t) {
  return sin(1 + 1.7 * (double)n + 0.9 * (double)s + 0.6 * (double)d + 0.8 * (double)t) + 0.2 * (double)s;
}

static void fill(double *x) {
  for (size_t i = 0; i < N * S * MAP; i++) x[i] = wave(i / (S * MAP), i / MAP % S, i / T % D, i % T);
}

static cf_prepared *prepare(cf_context *ctx, const double *x, const cf_prepare_options *o) {
  const size_t shape[4] = {N, S, D, T};
  const cf_view view = cf_view_tensor(x, 4, shape);
  cf_prepared *p = NULL;
  assert_ok(ctx, cf_prepare(ctx, &view, o, &p));
  return p;
}

/* scipy.ndimage.gaussian_filter1d(x, sd, mode="reflect", truncate=4), written from its definition. */
static double smoothed(const double *x, size_t n, double sd, size_t t) {
  const ptrdiff_t radius = (ptrdiff_t)(4 * sd + 0.5), period = 2 * (ptrdiff_t)n;
  double sum = 0, total = 0;
  for (ptrdiff_t k = -radius; k <= radius; k++) {
    const double w = exp(-0.5 * (double)(k * k) / (sd * sd));
    ptrdiff_t i = (ptrdiff_t)t + k;
    while (i < 0 || i >= (ptrdiff_t)n) i = i < 0 ? -1 - i : period - 1 - i;
    sum += w * x[i];
    total += w;
  }
  return sum / total;
}

static void nothing_is_asked_for(void **state) {
  (void)state;
  static double x[N * S * MAP];
  cf_context *ctx = test_context();
  fill(x);
  cf_prepared *p = prepare(ctx, x, NULL);
  assert_memory_equal(p->responses, x, sizeof x);
  assert_null(p->high);
  for (size_t n = 0; n < N; n++) {
    double best = 0;
    for (size_t s = 0; s < S; s++) {
      double rate = -INFINITY;
      for (size_t d = 0; d < D; d++) {
        double sum = 0;
        for (size_t t = 0; t < T; t++) sum += wave(n, s, d, t);
        rate = fmax(rate, sum / T);
      }
      assert_close(p->rate[n * S + s], rate, 1e-13, 1e-14);
      best = fmax(best, rate);
    }
    for (size_t s = 0; s < S; s++) assert_close(p->relative[n * S + s], fmax(0, p->rate[n * S + s] / best), 1e-13, 0);
  }
  assert_int_equal(p->negative, N);
  cf_prepared_free(p);
  cf_context_free(ctx);
}

static void floors(void **state) {
  (void)state;
  static double x[N * S * MAP];
  cf_context *ctx = test_context();
  fill(x);
  for (size_t i = 0; i < S * MAP; i++) x[i] += 5; /* the first neuron is positive */
  double all = INFINITY, own[N] = {INFINITY, INFINITY, INFINITY};
  for (size_t i = 0; i < N * S * MAP; i++) {
    all = fmin(all, x[i]);
    own[i / (S * MAP)] = fmin(own[i / (S * MAP)], x[i]);
  }
  assert_true(own[0] > 0 && own[1] < 0 && own[2] < 0);
  for (int f = CF_PREPARE_FLOOR_GLOBAL; f <= CF_PREPARE_FLOOR_CLIP; f++) {
    const cf_prepare_options o = {(cf_prepare_floor)f, 0, NULL, CF_PREPARE_NONE};
    cf_prepared *p = prepare(ctx, x, &o);
    for (size_t i = 0; i < N * S * MAP; i++) {
      const double expected = f == CF_PREPARE_FLOOR_GLOBAL   ? x[i] - all
                              : f == CF_PREPARE_FLOOR_NEURON ? x[i] - fmin(0, own[i / (S * MAP)])
                                                             : fmax(0, x[i]);
      assert_close(p->responses[i], expected, 1e-14, 1e-15);
    }
    assert_int_equal(p->negative, 0);
    cf_prepared_free(p);
  }
  cf_context_free(ctx);
}

static void smoothing_is_reflected(void **state) {
  (void)state;
  static double x[N * S * MAP];
  cf_context *ctx = test_context();
  fill(x);
  for (int k = 0; k < 3; k++) {
    const double sd[3] = {0.8, 3, 7}; /* the last kernel is wider than twice the series */
    const cf_prepare_options o = {CF_PREPARE_FLOOR_NONE, sd[k], NULL, CF_PREPARE_NONE};
    cf_prepared *p = prepare(ctx, x, &o);
    for (size_t i = 0; i < N * S * MAP; i++)
      assert_close(p->responses[i], smoothed(x + i / T * T, T, sd[k], i % T), 1e-13, 1e-13);
    cf_prepared_free(p);
  }
  cf_context_free(ctx);
}

static void norms(void **state) {
  (void)state;
  static double x[N * S * MAP];
  cf_context *ctx = test_context();
  fill(x);
  memset(x + 2 * MAP, 0, MAP * sizeof *x); /* a map without activity */
  for (int k = CF_PREPARE_UNIT; k <= CF_PREPARE_MEAN; k++) {
    const cf_prepare_options o = {CF_PREPARE_FLOOR_CLIP, 0, NULL, (cf_prepare_norm)k};
    cf_prepared *p = prepare(ctx, x, &o);
    for (size_t m = 0; m < N * S; m++) {
      double square = 0, sum = 0, largest = 0;
      for (size_t i = 0; i < MAP; i++) {
        const double value = p->responses[m * MAP + i];
        square += value * value;
        sum += value;
        largest = fmax(largest, value);
      }
      if (m == 2) {
        assert_true(square == 0);
      } else if (k == CF_PREPARE_UNIT) {
        assert_close(square, 1, 1e-13, 0);
      } else if (k == CF_PREPARE_UNIT_RELATIVE) {
        assert_close(sqrt(square), p->relative[m], 1e-13, 0);
      } else if (k == CF_PREPARE_MAX_RELATIVE) {
        assert_close(largest, p->relative[m], 1e-13, 0);
      } else {
        assert_close(sum, MAP, 1e-13, 0);
      }
    }
    cf_prepared_free(p);
  }
  cf_context_free(ctx);
}

/* The first neuron likes medium frequencies in four of five pairs, the second in two, the third has only ties. */
static void one_number_a_neuron(void **state) {
  (void)state;
  static double x[N * S * MAP];
  cf_context *ctx = test_context();
  fill(x);
  for (int k = CF_PREPARE_NEURON_MAX; k <= CF_PREPARE_NEURON_MEAN; k++) {
    const cf_prepare_options o = {CF_PREPARE_FLOOR_CLIP, 0, NULL, (cf_prepare_norm)k};
    cf_prepared *p = prepare(ctx, x, &o);
    for (size_t n = 0; n < N; n++) {
      double divisor = 0;
      for (size_t i = n * S * MAP; i < (n + 1) * S * MAP; i++)
        divisor = k == CF_PREPARE_NEURON_MAX ? fmax(divisor, x[i]) : divisor + fmax(0, x[i]) / (S * MAP);
      for (size_t i = n * S * MAP; i < (n + 1) * S * MAP; i++)
        assert_close(p->responses[i], fmax(0, x[i]) / divisor, 1e-13, 0);
    }
    cf_prepared_free(p);
  }
  cf_context_free(ctx);
}

static void frequency_by_majority(void **state) {
  (void)state;
  static double x[N * S * MAP];
  static const double rate[N][S] = {
      {1, 1, 2, 1, 1, 2, 2, 5, 1, 2, 2}, {9, 3, 2, 3, 3, 2, 2, 1, 1, 2, 2}, {4, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2}};
  static const bool high[N] = {false, true, true};
  cf_context *ctx = test_context();
  for (size_t i = 0; i < N * S * MAP; i++) x[i] = rate[i / (S * MAP)][i / MAP % S];
  const cf_prepare_options o = {CF_PREPARE_FLOOR_NONE, 0, &cf_prepare_eleven, CF_PREPARE_NONE};
  cf_prepared *p = prepare(ctx, x, &o);
  assert_int_equal(p->stimuli, CF_SIX);
  for (size_t n = 0; n < N; n++) {
    assert_true(p->high[n] == high[n]);
    double best = 0;
    for (size_t s = 0; s < CF_SIX; s++) {
      const size_t from = (high[n] ? cf_prepare_eleven.high : cf_prepare_eleven.medium)[s];
      best = fmax(best, rate[n][from]);
      assert_close(p->responses[(n * CF_SIX + s) * MAP + 5], rate[n][from], 0, 0);
    }
    for (size_t s = 0; s < CF_SIX; s++) /* relative to the best of the kept classes */
      assert_close(p->relative[n * CF_SIX + s], p->rate[n * CF_SIX + s] / best, 1e-15, 0);
  }
  assert_close(p->relative[0], 0.5, 1e-15, 0); /* not 0.2: class 7 was dropped */
  cf_prepared_free(p);
  cf_context_free(ctx);
}

static void silent_neurons_stay_zero(void **state) {
  (void)state;
  static double x[N * S * MAP];
  cf_context *ctx = test_context();
  const cf_prepare_options o = {CF_PREPARE_FLOOR_NEURON, 2, NULL, CF_PREPARE_UNIT_RELATIVE};
  for (size_t i = MAP * S; i < N * S * MAP; i++) x[i] = 1;
  cf_prepared *p = prepare(ctx, x, &o);
  assert_int_equal(p->silent, 1);
  for (size_t i = 0; i < N * S * MAP; i++) assert_true(isfinite(p->responses[i]));
  assert_true(p->responses[0] == 0 && p->relative[0] == 0 && p->relative[S] > 0.999999);
  cf_prepared_free(p);
  cf_context_free(ctx);
}

static void same_for_any_threads(void **state) {
  (void)state;
  static double x[N * S * MAP];
  static const cf_prepare_options o = CF_PREPARE_OPTIONS_PAPER;
  cf_prepared *p[2];
  fill(x);
  for (int k = 0; k < 2; k++) {
    cf_context *ctx = NULL;
    cf_context_options c = CF_CONTEXT_OPTIONS_INIT;
    c.threads = k ? 3 : 1;
    assert_int_equal(cf_context_new(&c, &ctx), CF_OK);
    p[k] = prepare(ctx, x, &o);
    cf_context_free(ctx);
  }
  assert_memory_equal(p[0]->responses, p[1]->responses, N * CF_SIX * MAP * sizeof(double));
  cf_prepared_free(p[0]);
  cf_prepared_free(p[1]);
}

static void what_does_not_fit(void **state) {
  (void)state;
  static double x[N * S * MAP];
  cf_context *ctx = test_context();
  cf_prepared *p = NULL;
  cf_prepare_options o = CF_PREPARE_OPTIONS_PAPER;
  const size_t six[4] = {N, 6, D, T}, none[4] = {N, S, 0, T};
  cf_view view = cf_view_tensor(x, 4, six);
  assert_status(ctx, CF_ERR_INPUT, cf_prepare(ctx, &view, &o, &p));
  view = cf_view_tensor(x, 4, none);
  assert_status(ctx, CF_ERR_INPUT, cf_prepare(ctx, &view, NULL, &p));
  view = cf_view_tensor(x, 3, six);
  assert_status(ctx, CF_ERR_INPUT, cf_prepare(ctx, &view, NULL, &p));
  view = cf_view_tensor(x, 4, six);
  x[7] = NAN;
  assert_status(ctx, CF_ERR_INPUT, cf_prepare(ctx, &view, NULL, &p));
  x[7] = 0;
  o.selection = NULL;
  o.smooth = -1;
  assert_status(ctx, CF_ERR_USAGE, cf_prepare(ctx, &view, &o, &p));
  assert_null(p);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_is_asked_for),     cmocka_unit_test(floors),
      cmocka_unit_test(smoothing_is_reflected),   cmocka_unit_test(norms),
      cmocka_unit_test(one_number_a_neuron),      cmocka_unit_test(frequency_by_majority),
      cmocka_unit_test(silent_neurons_stay_zero), cmocka_unit_test(same_for_any_threads),
      cmocka_unit_test(what_does_not_fit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
