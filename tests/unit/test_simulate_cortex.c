/* The simulated cortex has what was planted: tuning, modulation, latency, clouds, copies, Poisson trains. */
#include "test.h"
#include <cortifold/simulate.h>

static cf_simulated_cortex *simulate(int threads, uint64_t seed, const cf_simulate_cortex_options *o) {
  cf_context_options c = CF_CONTEXT_OPTIONS_INIT;
  c.threads = threads;
  c.seed = seed;
  cf_context *ctx = NULL;
  cf_simulated_cortex *out = NULL;
  assert_int_equal(cf_context_new(&c, &ctx), CF_OK);
  assert_ok(ctx, cf_simulate_cortex(ctx, o, &out));
  cf_context_free(ctx);
  return out;
}

static cf_simulate_cortex_options standard(void) {
  cf_simulate_cortex_options o = CF_SIMULATE_CORTEX_OPTIONS_INIT;
  o.neurons = 60;
  return o;
}

static const double *map_of(const cf_simulated_cortex *c, size_t n, size_t s, size_t d) {
  return c->rate + ((n * c->stimuli + s) * c->directions + d) * c->times;
}

static double mean_rate(const cf_simulated_cortex *c, size_t n, size_t s, size_t d) {
  double sum = 0;
  for (size_t t = 0; t < c->times; t++) sum += map_of(c, n, s, d)[t];
  return sum / (double)c->times;
}

static void same_seed_same_data(void **state) {
  (void)state;
  cf_simulate_cortex_options o = standard();
  o.trials = 2;
  cf_simulated_cortex *a = simulate(1, 7, &o), *b = simulate(4, 7, &o), *c = simulate(1, 8, &o);
  const size_t count = a->neurons * a->stimuli * a->directions * a->times;
  assert_memory_equal(a->responses, b->responses, count * sizeof(double));
  assert_int_equal(a->spikes, b->spikes);
  assert_memory_equal(a->spike_time, b->spike_time, a->spikes * sizeof(double));
  assert_memory_equal(a->spike_presentation, b->spike_presentation, a->spikes * sizeof(uint32_t));
  assert_memory_not_equal(a->responses, c->responses, count * sizeof(double));
  cf_simulated_cortex_free(a), cf_simulated_cortex_free(b), cf_simulated_cortex_free(c);
}

/* Neurons with little flow preference respond most near their direction or the opposite one, direction-selective ones
 * near their direction. */
static void prefers_what_was_planted(void **state) {
  (void)state;
  cf_simulate_cortex_options o = standard();
  o.clusters = 4;
  o.directions = 24;
  cf_simulated_cortex *c = simulate(2, 3, &o);
  for (size_t n = 0; n < c->neurons; n++) {
    size_t stimulus = 0, best = 0; /* best grating */
    double most = -1;
    for (size_t s = 0; s < 2; s++)
      for (size_t d = 0; d < c->directions; d++)
        if (mean_rate(c, n, s, d) > most) most = mean_rate(c, n, s, d), stimulus = s, best = d;
    const double off = remainder(c->direction[best] - c->parameter[CF_CORTEX_PREFERRED_DIRECTION][n],
                                 c->type[n] == CF_CORTEX_DIRECTION ? 360 : 180);
    assert_true(fabs(off) <= 15.001);
    const double against = mean_rate(c, n, stimulus, (best + 12) % 24);
    if (c->type[n] == CF_CORTEX_DIRECTION) assert_true(against < most / 2);
    if (c->type[n] == CF_CORTEX_COMPLEX) assert_true(against > 0.4 * most);
  }
  cf_simulated_cortex_free(c);
}

static void modulation_tells_simple_from_complex(void **state) {
  (void)state;
  cf_simulate_cortex_options o = standard();
  o.clusters = 4;
  cf_simulated_cortex *c = simulate(2, 4, &o);
  for (size_t n = 0; n < c->neurons; n++) {
    const double f1f0 = c->parameter[CF_CORTEX_F1F0][n];
    if (c->type[n] == CF_CORTEX_SIMPLE) assert_true(f1f0 > 1 && f1f0 < 2);
    if (c->type[n] == CF_CORTEX_COMPLEX) assert_true(f1f0 < 0.5);
  }
  cf_simulated_cortex_free(c);
}

/* Nothing but the baseline before the latency; the largest rate stays below baseline + gain. */
static void baseline_until_latency(void **state) {
  (void)state;
  cf_simulate_cortex_options o = standard();
  o.before = 0.1;
  o.bin = 0.005;
  o.times = 80;
  cf_simulated_cortex *c = simulate(2, 5, &o);
  assert_close(c->time[0], -0.0975, 1e-12, 0);
  for (size_t n = 0; n < c->neurons; n++) {
    const double baseline = c->parameter[CF_CORTEX_BASELINE][n], gain = c->parameter[CF_CORTEX_GAIN][n];
    double most = 0;
    for (size_t i = 0; i < c->stimuli * c->directions * c->times; i++) {
      const double r = c->rate[n * c->stimuli * c->directions * c->times + i];
      if (c->time[i % c->times] < c->parameter[CF_CORTEX_LATENCY][n]) assert_close(r, baseline, 1e-15, 0);
      assert_true(r >= baseline && r <= baseline + gain * (1 + 1e-12));
      most = fmax(most, r);
    }
    assert_true(most > baseline + 0.2 * gain);
  }
  cf_simulated_cortex_free(c);
}

static void polarity_chooses_dots(void **state) {
  (void)state;
  cf_simulate_cortex_options o = standard();
  cf_simulated_cortex *c = simulate(2, 6, &o);
  size_t seen = 0;
  for (size_t n = 0; n < c->neurons; n++) {
    double dark = 0, bright = 0;
    const double p = c->parameter[CF_CORTEX_POLARITY][n], baseline = c->parameter[CF_CORTEX_BASELINE][n];
    for (size_t d = 0; d < c->directions; d++) {
      dark += mean_rate(c, n, 2, d) + mean_rate(c, n, 3, d) - 2 * baseline;
      bright += mean_rate(c, n, 4, d) + mean_rate(c, n, 5, d) - 2 * baseline;
    }
    if (fabs(p) < 0.5) continue;
    seen++;
    assert_true((bright > dark) == (p > 0));
  }
  assert_true(seen > 10);
  cf_simulated_cortex_free(c);
}

static void copies_share_their_parameters(void **state) {
  (void)state;
  cf_simulate_cortex_options o = standard();
  o.feature_maps = 5;
  o.clusters = 3;
  cf_simulated_cortex *c = simulate(2, 6, &o);
  for (size_t n = 5; n < c->neurons; n++) {
    assert_int_equal(c->feature_map[n], n % 5);
    assert_int_equal(c->cluster[n], n % 5 % 3);
    for (int p = 0; p < CF_CORTEX_PARAMETERS; p++)
      if (p != CF_CORTEX_F1F0) assert_close(c->parameter[p][n], c->parameter[p][n - 5], 0, 0);
    assert_memory_not_equal(map_of(c, n, 0, 0), map_of(c, n - 5, 0, 0), /* another place, another phase */
                            c->stimuli * c->directions * c->times * sizeof(double));
  }
  cf_simulated_cortex_free(c);
}

/* Counts of each bin are Poisson with the true rate: mean and variance of the standardised counts. */
static void trains_are_poisson(void **state) {
  (void)state;
  cf_simulate_cortex_options o = standard();
  o.neurons = 10;
  o.trials = 20;
  cf_simulated_cortex *c = simulate(2, 9, &o);
  const size_t maps = c->stimuli * c->directions, bins = maps * c->trials * c->times;
  double *count = calloc(c->neurons * bins, sizeof *count), sum = 0, square = 0;
  assert_int_equal(c->presentations, maps * c->trials);
  for (size_t i = 0; i < c->spikes; i++) {
    const double at = (c->spike_time[i] / 1000 - c->time[0]) / o.bin + 0.5;
    assert_true(at >= 0 && at < (double)c->times);
    count[c->spike_unit[i] * bins + c->spike_presentation[i] * c->times + (size_t)at]++;
    if (i > 0 && c->spike_unit[i] == c->spike_unit[i - 1] && c->spike_presentation[i] == c->spike_presentation[i - 1])
      assert_true(c->spike_time[i] >= c->spike_time[i - 1]);
  }
  for (size_t i = 0; i < c->neurons * bins; i++) {
    const size_t n = i / bins, p = i % bins / c->times;
    const double mean =
        map_of(c, n, p / c->trials / c->directions, p / c->trials % c->directions)[i % c->times] * o.bin;
    const double z = (count[i] - mean) / sqrt(mean);
    sum += z;
    square += z * z;
  }
  const double total = (double)(c->neurons * bins);
  assert_close(sum / total, 0, 0, 5 / sqrt(total));
  assert_close(square / total, 1, 0, 0.03);
  free(count);
  cf_simulated_cortex_free(c);
}

static void noise_is_as_large_as_told(void **state) {
  (void)state;
  cf_simulate_cortex_options o = standard();
  o.noise = 0;
  cf_simulated_cortex *c = simulate(2, 9, &o);
  const size_t count = c->neurons * c->stimuli * c->directions * c->times;
  assert_memory_equal(c->rate, c->responses, count * sizeof(double));
  cf_simulated_cortex_free(c);
  o.noise = 0.01;
  c = simulate(2, 9, &o);
  double square = 0;
  size_t used = 0;
  for (size_t i = 0; i < count; i++) {
    const double gain = c->parameter[CF_CORTEX_GAIN][i / (count / c->neurons)];
    if (c->rate[i] < 0.1 * gain) continue; /* nothing is cut off at zero here */
    square += (c->responses[i] - c->rate[i]) * (c->responses[i] - c->rate[i]) / (gain * gain);
    used++;
  }
  assert_close(sqrt(square / (double)used), 0.01, 0.03, 0);
  cf_simulated_cortex_free(c);
}

static void ranges_are_checked(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_simulated_cortex *c = NULL;
  for (int i = 0; i < 5; i++) {
    cf_simulate_cortex_options o = standard();
    if (i == 0) o.neurons = 0;
    if (i == 1) o.times = 1;
    if (i == 2) o.bin = NAN;
    if (i == 3) o.threshold = 1;
    if (i == 4) o.directions = 0;
    assert_status(ctx, CF_ERR_USAGE, cf_simulate_cortex(ctx, &o, &c));
    assert_null(c);
  }
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(same_seed_same_data),
      cmocka_unit_test(prefers_what_was_planted),
      cmocka_unit_test(modulation_tells_simple_from_complex),
      cmocka_unit_test(baseline_until_latency),
      cmocka_unit_test(polarity_chooses_dots),
      cmocka_unit_test(copies_share_their_parameters),
      cmocka_unit_test(trains_are_poisson),
      cmocka_unit_test(noise_is_as_large_as_told),
      cmocka_unit_test(ranges_are_checked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
