/* Tuning against closed forms: cosine curves, one direction, equal responses, modulation of a sinusoid. */
#include "test.h"
#include <cortifold/response.h>

enum { D = 8, T = 24 };
static const double pi = 3.14159265358979323846;

typedef double (*curve_fn)(double degrees, size_t t);

static double degrees[D];

static cf_tuning tune(curve_fn curve, const cf_tuning_options *o) {
  cf_context *ctx = test_context();
  const size_t shape[4] = {1, 1, D, T};
  double x[D * T];
  cf_tuning out;
  for (size_t d = 0; d < D; d++) degrees[d] = 45.0 * (double)d;
  for (size_t i = 0; i < D * T; i++) x[i] = curve(degrees[i / T], i % T);
  const cf_view view = cf_view_tensor(x, 4, shape);
  assert_ok(ctx, cf_tuning_compute(ctx, &view, degrees, o, &out, NULL, NULL));
  cf_context_free(ctx);
  return out;
}

static double cosine(double th, size_t t) {
  (void)t;
  return 3 + 2 * cos((th - 100) * pi / 180) + 0.5 * cos(2 * (th - 30) * pi / 180);
}

/* sum over even directions of (a + b cos(th - u) + c cos 2(th - v)) e^{i m th} picks one term: DSI b / 2a, OSI c / 2a.
 */
static void cosine_tuning(void **state) {
  (void)state;
  const cf_tuning t = tune(cosine, NULL);
  assert_close(t.dsi, 2.0 / 6, 1e-13, 0);
  assert_close(t.osi, 0.5 / 6, 1e-12, 0);
  assert_close(t.vector, 100, 1e-12, 0);
  assert_close(t.orientation, 30, 1e-10, 0);
  assert_close(t.preferred, 90, 0, 0);
  assert_close(t.mean, 3, 1e-14, 0);
  const double pref = cosine(90, 0), null = cosine(270, 0), orth = (cosine(0, 0) + cosine(180, 0)) / 2;
  assert_close(t.rate, pref, 1e-14, 0);
  assert_close(t.dsi_contrast, (pref - null) / (pref + null), 1e-13, 0);
  assert_close(t.osi_contrast, (pref - orth) / (pref + orth), 1e-13, 0);
  assert_true(isnan(t.f1f0) && isnan(t.osi_p));
}

static double single(double th, size_t t) {
  return th == 225 ? (double)(t % 2) : 0;
}

static void one_direction(void **state) {
  (void)state;
  const cf_tuning_options o = {.permutations = 50};
  const cf_tuning t = tune(single, &o);
  assert_close(t.osi, 1, 1e-14, 0);
  assert_close(t.dsi, 1, 1e-14, 0);
  assert_close(t.preferred, 225, 0, 0);
  assert_close(t.vector, 225, 1e-12, 0);
  assert_close(t.orientation, 45, 1e-12, 0);
  assert_close(t.dsi_contrast, 1, 0, 0);
  assert_close(t.peak, 1, 0, 0);
  assert_close(t.rate, 0.5, 1e-15, 0);
  assert_close(t.osi_p, 1, 0, 0); /* as selective in any order */
  assert_true(isnan(t.osi_z));
}

static double both(double th, size_t t) {
  (void)t;
  return th == 45 || th == 225 ? 2 : 0;
}

static void opposite_directions(void **state) {
  (void)state;
  const cf_tuning t = tune(both, NULL);
  assert_close(t.osi, 1, 1e-14, 0);
  assert_close(t.dsi, 0, 0, 1e-14);
  assert_close(t.preferred, 45, 0, 0); /* the first of equals */
  assert_close(t.dsi_contrast, 0, 0, 0);
}

static double flat(double th, size_t t) {
  (void)th, (void)t;
  return 4;
}
static double nothing(double th, size_t t) {
  (void)th, (void)t;
  return 0;
}

static void equal_and_silent(void **state) {
  (void)state;
  const cf_tuning_options paper = {.paper = true};
  cf_tuning t = tune(flat, NULL);
  assert_close(t.osi, 0, 0, 1e-15);
  assert_close(t.dsi, 0, 0, 1e-15);
  t = tune(nothing, NULL);
  assert_true(isnan(t.osi) && isnan(t.dsi) && isnan(t.preferred) && isnan(t.orientation) && isnan(t.f1f0));
  t = tune(nothing, &paper);
  assert_true(t.osi == 0 && t.dsi == 0);
  t = tune(single, &paper);
  assert_close(t.osi, 0.5 / (0.5 + 1e-8), 1e-14, 0);
}

/* 2 + cos with a cycle of 5.5 bins, half-wave rectified with 8: F1/F0 of a sinusoid m on 1 is m, of a rectified one
 * pi / 2. */
static double wave(double th, size_t t) {
  return th == 0 ? 2 + cos(2 * pi * (double)t / 5.5 + 1) : 0.1;
}
static double rectified(double th, size_t t) {
  (void)th;
  return fmax(0, cos(2 * pi * ((double)t + 0.5) / 24));
}

static void modulation(void **state) {
  (void)state;
  double cycle = 5.5;
  const cf_tuning_options o = {.cycle = &cycle};
  assert_close(tune(wave, &o).f1f0, 0.5, 1e-12, 0); /* 22 of 24 bins are whole cycles */
  cycle = 24;
  assert_close(tune(rectified, &o).f1f0, pi / 2, 0.01, 0);
  cycle = 0;
  assert_close(tune(rectified, &o).f1f0, pi / 2, 0.01, 0);
  cycle = 25;
  assert_true(isnan(tune(rectified, &o).f1f0));
  cycle = NAN;
  assert_true(isnan(tune(rectified, &o).f1f0));
}

static double late(double th, size_t t) {
  return t < 12 ? (th == 0 ? 5 : 0) : (th == 90 ? 1 : 0);
}

static void window_of_time(void **state) {
  (void)state;
  const cf_tuning_options o = {.first = 12}, first = {.last = 12};
  assert_close(tune(late, NULL).preferred, 0, 0, 0);
  assert_close(tune(late, &o).preferred, 90, 0, 0);
  assert_close(tune(late, &o).peak, 1, 0, 0);
  assert_close(tune(late, &first).rate, 5, 1e-15, 0);
}

/* All 24 orders of four directions: p from many permutations is the share of orders. */
static void permutations_against_all_orders(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const double th[4] = {0, 90, 180, 270}, r[4] = {5, 4, 1, 3};
  double observed = hypot(r[0] - r[2], r[1] - r[3]) / 13, share = 0, mean = 0, square = 0;
  for (int a = 0; a < 4; a++)
    for (int b = 0; b < 4; b++)
      for (int c = 0; c < 4; c++) {
        const int d = 6 - a - b - c;
        if (a == b || a == c || b == c) continue;
        const double value = hypot(r[a] - r[c], r[b] - r[d]) / 13;
        share += (value >= observed - 1e-12) / 24.0;
        mean += value / 24;
        square += value * value / 24;
      }
  const size_t shape[4] = {1, 1, 4, 1};
  const cf_view view = cf_view_tensor(r, 4, shape);
  const cf_tuning_options o = {.permutations = 20000};
  cf_tuning t;
  assert_ok(ctx, cf_tuning_compute(ctx, &view, th, &o, &t, NULL, NULL));
  assert_close(t.dsi, observed, 1e-14, 0);
  assert_close(t.dsi_p, share, 0, 0.015);
  assert_close(t.dsi_z, (observed - mean) / sqrt(square - mean * mean), 0.05, 0);
  cf_context_free(ctx);
}

/* Two stimuli: means leave the silent one out, the preferred one is the larger. */
static void over_stimuli(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double x[2 * 3 * D] = {0}, curves[2 * 3 * D];
  const size_t shape[4] = {2, 3, D, 1};
  cf_tuning t[6];
  cf_tuning_summary s[2];
  for (size_t d = 0; d < D; d++) {
    degrees[d] = 45.0 * (double)d;
    x[d] = cosine(degrees[d], 0);
    x[2 * D + d] = d == 3 ? 40 : 0;
  }
  const cf_view view = cf_view_tensor(x, 4, shape);
  assert_ok(ctx, cf_tuning_compute(ctx, &view, degrees, NULL, t, s, curves));
  assert_close(s[0].osi, (0.5 / 6 + 1) / 2, 1e-12, 0);
  assert_close(s[0].dsi, (2.0 / 6 + 1) / 2, 1e-12, 0);
  assert_int_equal(s[0].stimulus, 2);
  assert_close(s[0].best.preferred, 135, 0, 0);
  assert_close(s[0].rate, (3 + 0 + 5) / 3.0, 1e-14, 0);
  assert_true(isnan(s[1].osi) && isnan(s[1].best.preferred));
  assert_memory_equal(curves, x, sizeof x);
  cf_context_free(ctx);
}

/* Rotating the directions rotates the preferences and leaves the indices; scaling leaves both. */
static void invariances(void **state) {
  (void)state;
  cf_rng rng = cf_rng_make(3, 4, 5);
  for (size_t k = 0; k < test_cases(20); k++) {
    cf_context *ctx = test_context();
    const size_t shape[4] = {1, 1, D, 5}, turn = (size_t)cf_rng_below(&rng, D);
    double x[D * 5], y[D * 5];
    cf_tuning a, b;
    for (size_t i = 0; i < D * 5; i++) x[i] = cf_rng_gamma(&rng, 1);
    for (size_t i = 0; i < D * 5; i++) y[(i + turn * 5) % (D * 5)] = 7 * x[i];
    for (size_t d = 0; d < D; d++) degrees[d] = 45.0 * (double)d;
    cf_view vx = cf_view_tensor(x, 4, shape), vy = cf_view_tensor(y, 4, shape);
    assert_ok(ctx, cf_tuning_compute(ctx, &vx, degrees, NULL, &a, NULL, NULL));
    assert_ok(ctx, cf_tuning_compute(ctx, &vy, degrees, NULL, &b, NULL, NULL));
    assert_close(a.osi, b.osi, 1e-10, 1e-12);
    assert_close(a.dsi, b.dsi, 1e-10, 1e-12);
    assert_close(b.rate, 7 * a.rate, 1e-12, 0);
    assert_close(remainder(b.preferred - a.preferred - 45.0 * (double)turn, 360), 0, 0, 1e-9);
    assert_close(remainder(b.vector - a.vector - 45.0 * (double)turn, 360), 0, 0, 1e-7);
    assert_close(remainder(b.orientation - a.orientation - 45.0 * (double)turn, 180), 0, 0, 1e-7);
    cf_context_free(ctx);
  }
}

static void same_for_any_threads(void **state) {
  (void)state;
  enum { N = 9, S = 2 };
  double x[N * S * D * 3];
  cf_tuning t[2][N * S];
  cf_tuning_summary s[2][N];
  const size_t shape[4] = {N, S, D, 3};
  const cf_tuning_options o = {.permutations = 30};
  cf_rng rng = cf_rng_make(1, 2, 3);
  for (size_t i = 0; i < N * S * D * 3; i++) x[i] = cf_rng_uniform(&rng);
  for (size_t d = 0; d < D; d++) degrees[d] = 45.0 * (double)d;
  const cf_view view = cf_view_tensor(x, 4, shape);
  for (int k = 0; k < 2; k++) {
    cf_context *ctx = NULL;
    cf_context_options c = CF_CONTEXT_OPTIONS_INIT;
    c.threads = k ? 3 : 1;
    assert_int_equal(cf_context_new(&c, &ctx), CF_OK);
    assert_ok(ctx, cf_tuning_compute(ctx, &view, degrees, &o, t[k], s[k], NULL));
    cf_context_free(ctx);
  }
  for (size_t i = 0; i < N * S; i++) assert_true(t[0][i].osi_p == t[1][i].osi_p && t[0][i].osi_z == t[1][i].osi_z);
  for (size_t n = 0; n < N; n++) assert_true(s[0][n].dsi_p == s[1][n].dsi_p && s[0][n].dsi == s[1][n].dsi);
}

static void what_does_not_fit(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double x[D] = {0};
  const size_t shape[4] = {1, 1, D, 1};
  cf_view view = cf_view_tensor(x, 4, shape);
  cf_tuning t;
  cf_tuning_options o = {.first = 1};
  assert_status(ctx, CF_ERR_USAGE, cf_tuning_compute(ctx, &view, degrees, &o, &t, NULL, NULL));
  o = (cf_tuning_options){.last = 2};
  assert_status(ctx, CF_ERR_USAGE, cf_tuning_compute(ctx, &view, degrees, &o, &t, NULL, NULL));
  x[3] = INFINITY;
  assert_status(ctx, CF_ERR_INPUT, cf_tuning_compute(ctx, &view, degrees, NULL, &t, NULL, NULL));
  view.ndim = 3;
  assert_status(ctx, CF_ERR_INPUT, cf_tuning_compute(ctx, &view, degrees, NULL, &t, NULL, NULL));
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cosine_tuning),
      cmocka_unit_test(one_direction),
      cmocka_unit_test(opposite_directions),
      cmocka_unit_test(equal_and_silent),
      cmocka_unit_test(modulation),
      cmocka_unit_test(window_of_time),
      cmocka_unit_test(permutations_against_all_orders),
      cmocka_unit_test(over_stimuli),
      cmocka_unit_test(invariances),
      cmocka_unit_test(same_for_any_threads),
      cmocka_unit_test(what_does_not_fit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
