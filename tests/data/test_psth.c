/* Two recorded units of mouse V1: significance as the published notebook lists it, rates and latencies. */
#include "test.h"
#include "pipeline/analyses.h"
#include <cortifold/json.h>

#define FILE_NAME CF_SHARED_DIR "/data/nem-v1-retina/example_spike_trains.json"

static bool have_data(void) {
  FILE *f = fopen(FILE_NAME, "rb");
  if (f) fclose(f);
  return f != NULL;
}

static cf_result *run(cf_context *ctx, const char *preset) {
  const cf_param *tables[2] = {cf_analysis_psth.params, cf_common_params()};
  static const char *const set[][2] = {{"duration", "1250"}, {"baseline", "0,50"}, {"edges", "reflect"}};
  cf_options *options = NULL;
  cf_result *result = NULL;
  assert_ok(ctx, cf_options_new(ctx, tables, 2, &options));
  assert_ok(ctx, cf_options_add_argument(ctx, options, FILE_NAME));
  for (size_t i = 0; i < 3; i++) assert_ok(ctx, cf_options_set(ctx, options, set[i][0], set[i][1]));
  assert_ok(ctx, cf_options_set(ctx, options, "preset", preset));
  assert_ok(ctx, cf_result_new(ctx, &result));
  assert_ok(ctx, cf_analysis_psth.run(ctx, options, result));
  cf_options_free(options);
  return result;
}

static double value(const cf_result *r, const char *name, size_t i) {
  return cf_array_number(cf_dataset_get(r->arrays, name), i);
}

/* The trains begin with the stimulus: the 50 ms before activity arrives stand for the interval between stimuli. The
 * notebook has units 21: LF grating, HF grating, +1dot, +3dot; 464: all six. */
static void significance_as_published(void **state) {
  (void)state;
  static const int expected[2][6] = {{1, 1, 0, 0, 1, 1}, {1, 1, 1, 1, 1, 1}};
  cf_context *ctx = test_context();
  cf_result *r = run(ctx, "paper");
  for (size_t i = 0; i < 12; i++) assert_close(value(r, "significant", i), expected[i / 6][i % 6], 0, 0);
  cf_result_free(r);
  cf_context_free(ctx);
}

static void rates_and_latencies(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_result *r = run(ctx, "clean");
  const cf_array *x = cf_dataset_get(r->arrays, "responses");
  const size_t shape[4] = {2, 6, 8, 125};
  for (int d = 0; d < 4; d++) assert_int_equal(x->shape[d], shape[d]);
  for (size_t c = 0; c < 2 * 6 * 8; c++) { /* the rate adds up to the spikes of the nine trials */
    double sum = 0;
    for (size_t t = 0; t < 125; t++) sum += 0.01 * cf_array_number(x, c * 125 + t);
    assert_close(sum, value(r, "spike_count", c) / 9, 1e-8, 1e-9);
    assert_close(value(r, "trials", c), 9, 0, 0);
  }
  assert_close(value(r, "spike_count", 0), 178, 0, 0);
  for (size_t m = 0; m < 12; m++) {
    const bool driven = m != 2 && m != 3;
    assert_true((value(r, "rate_max", m) > 20) == driven);
    if (driven) assert_true(value(r, "latency", m) > 0.02 && value(r, "latency", m) < 0.35);
  }
  cf_result_free(r);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(significance_as_published),
                                     cmocka_unit_test(rates_and_latencies)};
  if (!have_data()) {
    printf("skipped: " FILE_NAME " is not there\n");
    return 77;
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
