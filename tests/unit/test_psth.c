/* Rate estimates and their significance: kernels, bandwidths, counts, windows. */
#include "test.h"
#include <cortifold/response.h>
#include <cortifold/stats.h>

static const double pi = 3.14159265358979323846;

/* ---------------------------------------------------------------- kernel -- */

static double kernel_sum(size_t n, const double *x, double g, double h) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += exp(-(g - x[i]) * (g - x[i]) / (2 * h * h)) / (h * sqrt(2 * pi));
  return sum;
}

static void kernels_are_gaussian(void **state) {
  (void)state;
  cf_rng rng = cf_rng_make(1, 2, 3);
  for (size_t k = 0; k < test_cases(20); k++) {
    enum { N = 7, POINTS = 400 };
    double x[N], out[POINTS] = {0};
    const double h = 5 + 60 * cf_rng_uniform(&rng), from = -100, to = 300;
    for (size_t i = 0; i < N; i++) x[i] = -200 + 600 * cf_rng_uniform(&rng); /* outside too */
    cf_kde_add(N, x, from, to, h, CF_KDE_EDGES_NONE, POINTS, out);
    for (size_t i = 0; i < POINTS; i++)
      assert_close(out[i], kernel_sum(N, x, from + (double)i + 0.5, h), 0, 1e-12 * N / h);
  }
}

static void reflection_keeps_the_count(void **state) {
  (void)state;
  enum { N = 50, POINTS = 500 };
  cf_rng rng = cf_rng_make(1, 2, 4);
  double x[N], out[POINTS] = {0}, none[POINTS] = {0}, sum = 0, leaked = 0;
  for (size_t i = 0; i < N; i++) x[i] = 500 * cf_rng_uniform(&rng);
  cf_kde_add(N, x, 0, 500, 40, CF_KDE_EDGES_REFLECT, POINTS, out);
  cf_kde_add(N, x, 0, 500, 40, CF_KDE_EDGES_NONE, POINTS, none);
  for (size_t i = 0; i < POINTS; i++) sum += out[i], leaked += none[i];
  assert_close(sum, N, 1e-9, 0);
  assert_true(leaked < N - 2);
}

/* ------------------------------------------------------------- bandwidth -- */

static void sample(size_t n, uint32_t k, double *x) {
  cf_rng rng = cf_rng_make(8, 9, k);
  for (size_t i = 0; i < n; i++)
    x[i] = cf_rng_uniform(&rng) < 0.5 ? 300 + 25 * cf_rng_normal(&rng) : 700 + 60 * cf_rng_normal(&rng);
  for (size_t i = 1; i < n; i++)
    for (size_t j = i; j > 0 && x[j - 1] > x[j]; j--) {
      const double t = x[j];
      x[j] = x[j - 1], x[j - 1] = t;
    }
}

/* The recursion of Botev, Grotowski & Kroese written out stage by stage: values shared out on the grid one by one,
 * every sum by cos, pow and exp. */
enum { GRID = 1024 };

static double grid_length(size_t n, const double *x) {
  return x[n - 1] - x[0] + 2 * fmax((x[n - 1] - x[0]) / 2, 6);
}

static void slow_squares(size_t n, const double *x, double *square) {
  static double weight[GRID];
  const double length = grid_length(n, x), from = (x[0] + x[n - 1] - length) / 2, step = length / (GRID - 1);
  for (size_t j = 0; j < GRID; j++) {
    weight[j] = 0;
    for (size_t i = 0; i < n; i++) weight[j] += fmax(0, 1 - fabs(from + (double)j * step - x[i]) / step) / (double)n;
  }
  for (size_t k = 1; k < GRID; k++) {
    double a = 0;
    for (size_t j = 0; j < GRID; j++) a += weight[j] * cos(pi * (double)k * (2 * (double)j + 1) / (2 * GRID));
    square[k] = a * a;
  }
}

static double stage_sum(const double *square, int s, double t) {
  double sum = 0;
  for (int k = 1; k < GRID; k++) sum += pow(k, 2 * s) * square[k] * exp(-(double)k * k * pi * pi * t);
  return 2 * pow(pi, 2 * s) * sum;
}

static double slow_fixed_point(size_t n, const double *square, double t) {
  static const double odd[] = {0, 1, 3, 15, 105, 945, 10395};
  double f = stage_sum(square, 7, t);
  for (int s = 6; s >= 2; s--)
    f = stage_sum(square, s,
                  pow(2 * (1 + pow(0.5, s + 0.5)) / 3 * odd[s] / sqrt(2 * pi) / ((double)n * f), 2 / (3 + 2.0 * s)));
  return pow(2 * (double)n * sqrt(pi) * f, -0.4);
}

static void bandwidth_is_the_fixed_point(void **state) {
  (void)state;
  enum { N = 150 };
  cf_context *ctx = test_context();
  for (uint32_t k = 0; k < 2; k++) {
    static double square[GRID];
    double x[N], h, half;
    sample(N, k, x);
    slow_squares(N, x, square);
    assert_ok(ctx, cf_kde_bandwidth(ctx, N, x, CF_KDE_SCALE_GRID, 1, 200, &h));
    assert_true(h > 5 && h < 60);
    const double share = h / grid_length(N, x), t = share * share;
    assert_close(slow_fixed_point(N, square, t), t, 1e-6, 0);
    assert_ok(ctx, cf_kde_bandwidth(ctx, N, x, CF_KDE_SCALE_RANGE, 1, 200, &half)); /* half the grid is margin */
    assert_close(half, h / 2, 1e-6, 0);
  }
  cf_context_free(ctx);
}

static void bandwidth_scales_with_the_data(void **state) {
  (void)state;
  enum { N = 400 };
  cf_context *ctx = test_context();
  for (uint32_t k = 0; k < test_cases(5); k++) {
    double x[N], y[N], h, wide, less;
    sample(N, k, x);
    for (size_t i = 0; i < N; i++) y[i] = 3 * x[i] - 50;
    assert_ok(ctx, cf_kde_bandwidth(ctx, N, x, CF_KDE_SCALE_GRID, 1, 200, &h));
    assert_ok(ctx, cf_kde_bandwidth(ctx, N, y, CF_KDE_SCALE_GRID, 3, 600, &wide));
    assert_close(wide, 3 * h, 1e-6, 0);
    assert_ok(ctx, cf_kde_bandwidth(ctx, N, x, CF_KDE_SCALE_GRID, 2 * h, 200, &less)); /* clipped from below */
    assert_close(less, 2 * h, 1e-12, 0);
    assert_ok(ctx, cf_kde_bandwidth(ctx, N, x, CF_KDE_SCALE_GRID, 0.5, h / 2, &less));
    assert_close(less, h / 2, 1e-12, 0);
  }
  cf_context_free(ctx);
}

/* For a normal sample the rule comes near the best bandwidth, 1.06 sd n^(-1/5). */
static void bandwidth_of_normal_data(void **state) {
  (void)state;
  enum { N = 2000 };
  static double x[N];
  cf_context *ctx = test_context();
  double sum = 0;
  for (uint32_t k = 0; k < 10; k++) {
    cf_rng rng = cf_rng_make(8, 10, k);
    double h;
    for (size_t i = 0; i < N; i++) x[i] = 500 + 60 * cf_rng_normal(&rng);
    for (size_t i = 1; i < N; i++)
      for (size_t j = i; j > 0 && x[j - 1] > x[j]; j--) {
        const double t = x[j];
        x[j] = x[j - 1], x[j - 1] = t;
      }
    assert_ok(ctx, cf_kde_bandwidth(ctx, N, x, CF_KDE_SCALE_GRID, 0.5, 300, &h));
    sum += h / 10;
  }
  assert_close(sum, 1.06 * 60 * pow(N, -0.2), 0.1, 0);
  cf_context_free(ctx);
}

static void bandwidth_of_nearly_nothing(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const double x[3] = {5, 5, 5};
  double h;
  for (size_t n = 0; n <= 3; n++) {
    assert_ok(ctx, cf_kde_bandwidth(ctx, n, x, CF_KDE_SCALE_GRID, 1, 50, &h));
    assert_close(h, 50, 0, 0);
  }
  assert_status(ctx, CF_ERR_USAGE, cf_kde_bandwidth(ctx, 3, x, CF_KDE_SCALE_GRID, 50, 1, &h));
  assert_status(ctx, CF_ERR_USAGE, cf_kde_bandwidth(ctx, 3, x, CF_KDE_SCALE_GRID, 0, 50, &h));
  cf_context_free(ctx);
}

/* ----------------------------------------------------------------- trains -- */

/* Poisson trains: baseline from -100 to 0 ms, rate(stimulus, direction) after, to 1000 ms. */
typedef struct trains {
  cf_spikes s;
  size_t cells, trials;
} trains;

typedef double (*rate_fn)(size_t unit, size_t stimulus, size_t direction, double ms);

static trains make_trains(size_t units, size_t stimuli, size_t directions, size_t trials, rate_fn rate, uint32_t seed) {
  const size_t cells = units * stimuli * directions;
  trains t = {{units, stimuli, directions, NULL, NULL, NULL}, cells, trials};
  size_t count = 0, capacity = 1000;
  cf_rng rng = cf_rng_make(11, 12, seed);
  t.s.first = calloc(cells + 1, sizeof *t.s.first);
  t.s.start = calloc(cells * trials + 1, sizeof *t.s.start);
  t.s.time = calloc(capacity, sizeof *t.s.time);
  for (size_t c = 0; c < cells; c++) {
    for (size_t k = 0; k < trials; k++) {
      for (double ms = -100; ms < 1000; ms++) {
        const double r = rate(c / directions / stimuli, c / directions % stimuli, c % directions, ms);
        if (cf_rng_uniform(&rng) >= r / 1000) continue;
        if (count == capacity) t.s.time = realloc(t.s.time, (capacity *= 2) * sizeof *t.s.time);
        t.s.time[count++] = ms + cf_rng_uniform(&rng);
      }
      t.s.start[c * trials + k + 1] = count;
    }
    t.s.first[c + 1] = (c + 1) * trials;
  }
  return t;
}

static void free_trains(trains *t) {
  free(t->s.first);
  free(t->s.start);
  free(t->s.time);
}

static double driven(size_t unit, size_t stimulus, size_t direction, double ms) {
  (void)direction;
  if (unit == 0 && stimulus == 0) return ms > 200 && ms < 350 ? 60 : 5; /* a response */
  if (unit == 0) return ms > 0 && ms < 500 ? 0.5 : 40;                  /* suppression in all directions */
  return 10;                                                            /* nothing happens */
}

static cf_psth *psth(int threads, const cf_spikes *s, const cf_psth_options *o) {
  cf_context_options c = CF_CONTEXT_OPTIONS_INIT;
  cf_context *ctx = NULL;
  cf_psth *p = NULL;
  c.threads = threads;
  assert_int_equal(cf_context_new(&c, &ctx), CF_OK);
  assert_ok(ctx, cf_psth_compute(ctx, s, o, &p));
  cf_context_free(ctx);
  return p;
}

static void rate_integrates_to_the_mean_count(void **state) {
  (void)state;
  trains t = make_trains(2, 2, 3, 9, driven, 1);
  const cf_psth_options o = {-100, 1000, 10, 0, 10, 50, CF_KDE_EDGES_REFLECT, CF_KDE_SCALE_GRID};
  cf_psth *p = psth(2, &t.s, &o);
  assert_int_equal(p->times, 110);
  assert_close(p->time[0], -95, 1e-12, 0);
  for (size_t c = 0; c < t.cells; c++) {
    double sum = 0;
    for (size_t i = 0; i < p->times; i++) sum += p->rate[c * p->times + i] * 0.01;
    const size_t spikes = t.s.start[t.s.first[c + 1]] - t.s.start[t.s.first[c]];
    assert_close(sum, (double)spikes / 9, 1e-9, 0);
    assert_int_equal(p->count[c], spikes);
    assert_int_equal(p->trials[c], 9);
    assert_true(p->bandwidth[c / 3] >= 10 && p->bandwidth[c / 3] <= 50);
  }
  /* the estimate follows the rate where it is steady */
  assert_close(p->rate[37], 60, 0.3, 0);
  assert_close(p->rate[80], 5, 0, 4);
  cf_psth_free(p);
  free_trains(&t);
}

static void bins_are_means_of_the_grid(void **state) {
  (void)state;
  trains t = make_trains(1, 1, 1, 4, driven, 2);
  const cf_psth_options fine = {-100, 1000, 1, 25, 10, 50, CF_KDE_EDGES_NONE, CF_KDE_SCALE_GRID},
                        wide = {-100, 1000, 20, 25, 10, 50, CF_KDE_EDGES_NONE, CF_KDE_SCALE_GRID};
  cf_psth *a = psth(1, &t.s, &fine), *b = psth(1, &t.s, &wide);
  for (size_t i = 0; i < b->times; i++) {
    double sum = 0;
    for (size_t k = 0; k < 20; k++) sum += a->rate[i * 20 + k] / 20;
    assert_close(b->rate[i], sum, 1e-12, 0);
  }
  assert_close(a->bandwidth[0], 25, 0, 0);
  const size_t n = t.s.start[4];
  assert_close(a->rate[500], kernel_sum(n, t.s.time, 400.5, 25) * 250, 1e-10, 0);
  cf_psth_free(a);
  cf_psth_free(b);
  free_trains(&t);
}

static void same_for_any_threads(void **state) {
  (void)state;
  trains t = make_trains(5, 2, 3, 3, driven, 3);
  const cf_psth_options o = {-100, 1000, 10, 0, 10, 50, CF_KDE_EDGES_REFLECT, CF_KDE_SCALE_GRID};
  cf_psth *a = psth(1, &t.s, &o), *b = psth(2, &t.s, &o);
  assert_memory_equal(a->rate, b->rate, t.cells * a->times * sizeof(double));
  assert_memory_equal(a->bandwidth, b->bandwidth, t.cells / 3 * sizeof(double));
  cf_psth_free(a);
  cf_psth_free(b);
  free_trains(&t);
}

/* Cells without trials have no rate; a unit without spikes has rate 0. */
static void cells_without_trials(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  size_t first[] = {0, 0, 2}, start[] = {0, 0, 0};
  double time[1] = {0};
  const cf_spikes s = {1, 2, 1, first, start, time};
  cf_psth *p = psth(1, &s, NULL);
  cf_significance *g = NULL;
  assert_true(isnan(p->rate[0]) && isnan(p->bandwidth[0]) && p->trials[0] == 0);
  assert_true(p->rate[p->times] == 0 && p->count[1] == 0);
  assert_ok(ctx, cf_significance_compute(ctx, &s, NULL, &g));
  assert_true(!g->significant[0] && !g->significant[1] && g->p_max[0] == 1 && g->p_max[1] == 1);
  cf_significance_free(g);
  cf_psth_free(p);
  cf_context_free(ctx);
}

/* ------------------------------------------------------------ significance -- */

static cf_significance *significance(const cf_spikes *s, const cf_significance_options *o) {
  cf_context *ctx = test_context();
  cf_significance *g = NULL;
  assert_ok(ctx, cf_significance_compute(ctx, s, o, &g));
  cf_context_free(ctx);
  return g;
}

static void responses_and_suppression_are_found(void **state) {
  (void)state;
  trains t = make_trains(2, 2, 4, 12, driven, 4);
  for (int k = 0; k < 4; k++) {
    cf_significance_options o = CF_SIGNIFICANCE_OPTIONS_INIT;
    o.to = 1000;
    o.wilcoxon = k & 1;
    o.exact = o.correct = !(k & 2);
    if (o.wilcoxon) o.alpha = 0.01; /* twelve signs reach no further */
    cf_significance *g = significance(&t.s, &o);
    assert_int_equal(g->windows, 10);
    assert_true(g->significant[0] && g->p_max[0] <= o.alpha && g->p_min[0] > 1e-3);
    assert_int_equal(g->window_max[0], 2); /* 200 to 300 ms */
    assert_true(g->significant[1] && g->p_min[1] <= o.alpha);
    assert_true(!g->significant[2] && !g->significant[3]);
    cf_significance_free(g);
  }
  free_trains(&t);
}

/* The p-value is that of the test on the counts, told by hand. */
static void p_is_that_of_the_counts(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  /* three trials, two windows of 100 ms; baseline counts 1 0 0, first window 1 2 2, second 2 0 1 */
  size_t first[] = {0, 3}, start[] = {0, 4, 6, 9};
  double time[] = {-50, 10, 120, 199, 0, 99.9, 30, 40, 100};
  const cf_spikes s = {1, 1, 1, first, start, time};
  const double baseline[] = {1, 0, 0}, best[] = {1, 2, 2}, worst[] = {2, 0, 1};
  cf_significance_options o = {-100, 0, 0, 200, false, false, false, true, 1e-3, NULL};
  cf_test test;
  cf_significance *g = significance(&s, &o);
  assert_ok(ctx, cf_mann_whitney(ctx, 3, best, 3, baseline, CF_TAIL_GREATER, CF_EXACT_AUTO, &test));
  assert_int_equal(g->window_max[0], 0);
  assert_close(g->p_max_each[0], test.p, 0, 0);
  assert_ok(ctx, cf_mann_whitney(ctx, 3, worst, 3, baseline, CF_TAIL_LESS, CF_EXACT_AUTO, &test));
  assert_close(g->p_min_each[0], test.p, 0, 0);
  cf_significance_free(g);
  /* counts that are given take the place of the spikes before the stimulus */
  const double given[] = {4, 3, 0};
  o.baseline = given;
  g = significance(&s, &o);
  assert_ok(ctx, cf_mann_whitney(ctx, 3, worst, 3, given, CF_TAIL_LESS, CF_EXACT_AUTO, &test));
  assert_close(g->p_min_each[0], test.p, 0, 0);
  cf_significance_free(g);
  cf_context_free(ctx);
}

static void last_window_may_be_partial(void **state) {
  (void)state;
  trains t = make_trains(1, 1, 1, 3, driven, 5);
  cf_significance_options o = {-100, -30, 0, 1000, false, false, true, true, 1e-3, NULL};
  cf_significance *g = significance(&t.s, &o);
  assert_int_equal(g->windows, 14);
  cf_significance_free(g);
  o.partial = true;
  g = significance(&t.s, &o);
  assert_int_equal(g->windows, 15);
  cf_significance_free(g);
  free_trains(&t);
}

static double steady(size_t unit, size_t stimulus, size_t direction, double ms) {
  (void)unit, (void)stimulus, (void)direction, (void)ms;
  return 10;
}

/* False alarms of units that do nothing: the correction over directions brings them down, the choice of the window
 * keeps them above alpha. */
static void false_alarms(void **state) {
  (void)state;
  trains t = make_trains(300, 1, 8, 9, steady, 6);
  cf_significance_options o = CF_SIGNIFICANCE_OPTIONS_INIT;
  double share[2] = {0, 0};
  o.to = 1000;
  o.exact = true;
  o.alpha = 0.01;
  for (int k = 0; k < 2; k++) {
    o.correct = k;
    cf_significance *g = significance(&t.s, &o);
    for (size_t u = 0; u < 300; u++) share[k] += g->significant[u] / 300.0;
    cf_significance_free(g);
  }
  assert_true(share[1] < share[0]);
  assert_true(share[0] > 8 * 0.01 && share[0] < 8 * 10 * 0.01);
  free_trains(&t);
}

static void what_does_not_fit(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  trains t = make_trains(1, 1, 1, 2, driven, 7);
  cf_psth *p = NULL;
  cf_significance *g = NULL;
  for (int k = 0; k < 4; k++) {
    cf_psth_options o = CF_PSTH_OPTIONS_INIT;
    if (k == 0) o.to = o.from;
    if (k == 1) o.bin = 7;
    if (k == 2) o.bandwidth = -1;
    if (k == 3) o.low = 60;
    assert_status(ctx, CF_ERR_USAGE, cf_psth_compute(ctx, &t.s, &o, &p));
    assert_null(p);
  }
  for (int k = 0; k < 3; k++) {
    cf_significance_options o = CF_SIGNIFICANCE_OPTIONS_INIT;
    if (k == 0) o.baseline_to = o.baseline_from;
    if (k == 1) o.to = 50;
    if (k == 2) o.alpha = 1;
    assert_status(ctx, CF_ERR_USAGE, cf_significance_compute(ctx, &t.s, &o, &g));
    assert_null(g);
  }
  free_trains(&t);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(kernels_are_gaussian),
      cmocka_unit_test(reflection_keeps_the_count),
      cmocka_unit_test(bandwidth_is_the_fixed_point),
      cmocka_unit_test(bandwidth_scales_with_the_data),
      cmocka_unit_test(bandwidth_of_normal_data),
      cmocka_unit_test(bandwidth_of_nearly_nothing),
      cmocka_unit_test(rate_integrates_to_the_mean_count),
      cmocka_unit_test(bins_are_means_of_the_grid),
      cmocka_unit_test(same_for_any_threads),
      cmocka_unit_test(cells_without_trials),
      cmocka_unit_test(responses_and_suppression_are_found),
      cmocka_unit_test(p_is_that_of_the_counts),
      cmocka_unit_test(last_window_may_be_partial),
      cmocka_unit_test(false_alarms),
      cmocka_unit_test(what_does_not_fit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
