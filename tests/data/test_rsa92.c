/* Kriegeskorte et al. (2008): human and monkey IT on 92 photographs, against the published numbers. */
#include "test.h"
#include "pipeline/analyses.h"
#include <cortifold/io.h>
#include <cortifold/json.h>

#define FOLDER CF_SHARED_DIR "/data/rsa-92-images/"

static bool have_data(void) {
  FILE *f = fopen(FOLDER "rdm_hIT.npy", "rb");
  if (f) fclose(f);
  return f != NULL;
}

static cf_result *run(cf_context *ctx, const char *const (*set)[2]) {
  const cf_param *both[2] = {cf_analysis_rsa.params, cf_common_params()};
  cf_options *options = NULL;
  cf_result *result = NULL;
  assert_ok(ctx, cf_options_new(ctx, both, 2, &options));
  for (; (*set)[0]; set++) assert_ok(ctx, cf_options_set(ctx, options, (*set)[0], (*set)[1]));
  assert_ok(ctx, cf_result_new(ctx, &result));
  assert_ok(ctx, cf_analysis_rsa.run(ctx, options, result));
  cf_options_free(options);
  return result;
}

static double mean_of(const cf_result *r, size_t m) {
  return cf_json_as_number(cf_json_get(cf_json_at(cf_json_get(r->values, "models"), m), "mean"));
}

static void human_and_monkey(void **state) {
  (void)state;
  if (!have_data()) skip();
  cf_context *ctx = test_context();
  cf_result *r = run(ctx, (const char *const[][2]){{"data", FOLDER "rdm_hIT.npy"},
                                                   {"models", FOLDER "rdm_mIT.npy"},
                                                   {"comparator", "pearson"},
                                                   {NULL, NULL}});
  assert_close(mean_of(r, 0), 0.4912, 0, 5e-5);
  cf_result_free(r);
  cf_context_free(ctx);
}

static void eight_models(void **state) {
  (void)state;
  if (!have_data()) skip();
  /* animacy, FaceBodyManmadeNatobj, monkeyIT, EVA, HMAX, V1, Silhouette, RADON */
  const double expected[8] = {.588, .405, .439, .354, .222, .039, .125, .061};
  cf_context *ctx = test_context();
  cf_result *r = run(ctx, (const char *const[][2]){{"data", FOLDER "rdm_hIT.npy"},
                                                   {"models", FOLDER "rdm_models.npy"},
                                                   {"comparator", "spearman"},
                                                   {NULL, NULL}});
  for (size_t m = 0; m < 8; m++) assert_close(mean_of(r, m), expected[m], 0, 5.01e-4);
  cf_result_free(r);
  r = run(ctx, (const char *const[][2]){{"data", FOLDER "rdm_behaviour_16subj.npy"},
                                        {"models", FOLDER "rdm_hIT.npy"},
                                        {"comparator", "spearman"},
                                        {NULL, NULL}});
  assert_true(mean_of(r, 0) > 0 && mean_of(r, 0) < 0.289); /* single subjects lie below their mean */
  cf_result_free(r);
  cf_context_free(ctx);
}

/* Subjects as data, a bootstrap over both: animacy beats V1, nothing reaches above the ceiling significantly. */
static void subjects_and_stimuli(void **state) {
  (void)state;
  if (!have_data()) skip();
  cf_context *ctx = test_context();
  cf_result *r = run(ctx, (const char *const[][2]){{"data", FOLDER "rdm_behaviour_16subj.npy"},
                                                   {"models", FOLDER "rdm_models.npy"},
                                                   {"comparator", "rho-a"},
                                                   {"bootstrap", "both"},
                                                   {"replicates", "100"},
                                                   {NULL, NULL}});
  const cf_json *ceiling = cf_json_get(r->values, "noise_ceiling");
  double lower = cf_json_as_number(cf_json_get(ceiling, "lower")),
         upper = cf_json_as_number(cf_json_get(ceiling, "upper"));
  assert_true(lower < upper);
  for (size_t m = 0; m < 8; m++) assert_true(mean_of(r, m) < upper);
  const cf_json *pairs = cf_json_get(r->values, "pairwise");
  assert_int_equal(cf_json_count(pairs), 28);
  for (size_t i = 0; i < 28; i++) {
    double p = cf_json_as_number(cf_json_get(cf_json_at(pairs, i), "p"));
    assert_true(p >= 0 && p <= 1);
  }
  cf_result_free(r);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(human_and_monkey), cmocka_unit_test(eight_models),
                                     cmocka_unit_test(subjects_and_stimuli)};
  if (!have_data()) {
    printf("skipped: " FOLDER " is not there\n");
    return 77;
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
