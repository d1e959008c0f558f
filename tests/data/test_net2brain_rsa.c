/* The expected tables of Net2Brain: R2 = mean over subjects of squared Spearman, p of a two-sided one-sample t test of
 * the R2, SEM with ddof 1, ceilings with the plain mean of the RDMs. As a user would ask for them: cortifold rsa --data
 * fmri_IT_rdms.npy --models ... --comparator spearman --square --pool mean */
#include "test.h"
#include "pipeline/analyses.h"
#include <cortifold/io.h>
#include <cortifold/json.h>

#define FOLDER CF_SHARED_DIR "/data/net2brain-78/"

static bool have_data(void) {
  FILE *f = fopen(FOLDER "fmri_IT_rdms.npy", "rb");
  if (f) fclose(f);
  return f != NULL;
}

typedef struct row {
  bool it;
  const char *model;
  double r2, percent, p, sem, lower, upper;
} row;

/* Numbers of case1_rsa_expected.csv and case2_rsa_expected.csv. */
static const row rows[6] = {
    {true, "case1_rdm_layer3.1.conv2.npy", 0.002116532020238181, 75.99958894213192, 0.0046154793005868675,
     0.0006288132238802675, 0.002784925615650058, 0.0647332511659806},
    {true, "case1_rdm_layer4.1.bn2.npy", 0.0018402013413235168, 66.07721696344039, 0.0008316519564754755,
     0.0004344994592447629, 0.002784925615650058, 0.0647332511659806},
    {false, "case1_rdm_layer3.1.conv2.npy", 0.0008296788172746916, 12.169552448656326, 0.0642492826650717,
     0.0004130239122369914, 0.006817660885847111, 0.06397469419484077},
    {false, "case1_rdm_layer4.1.bn2.npy", 0.0006886062445416333, 10.10032995291863, 0.09997398417790593,
     0.0003909294582765324, 0.006817660885847111, 0.06397469419484077},
    {true, "case2_rdm_visual.layer4.npy", 0.005043808608057736, 181.11107096411297, 0.000785353105619995,
     0.0011826724047470634, 0.002784925615650058, 0.0647332511659806},
    {false, "case2_rdm_visual.layer4.npy", 0.0018803787623249244, 27.580995796203826, 0.0011560836280693982,
     0.00046244409233674644, 0.006817660885847111, 0.06397469419484077},
};

static double number(const cf_json *object, const char *key) {
  return cf_json_as_number(cf_json_get(object, key));
}

static void check_row(cf_context *ctx, const row *e) {
  const cf_param *both[2] = {cf_analysis_rsa.params, cf_common_params()};
  cf_options *options = NULL;
  cf_result *result = NULL;
  char model[1024];
  snprintf(model, sizeof model, FOLDER "%s", e->model);
  assert_ok(ctx, cf_options_new(ctx, both, 2, &options));
  assert_ok(ctx, cf_options_set(ctx, options, "data", e->it ? FOLDER "fmri_IT_rdms.npy" : FOLDER "fmri_EVC_rdms.npy"));
  assert_ok(ctx, cf_options_set(ctx, options, "models", model));
  assert_ok(ctx, cf_options_set(ctx, options, "comparator", "spearman"));
  assert_ok(ctx, cf_options_set(ctx, options, "square", NULL));
  assert_ok(ctx, cf_options_set(ctx, options, "pool", "mean"));
  assert_ok(ctx, cf_result_new(ctx, &result));
  assert_ok(ctx, cf_analysis_rsa.run(ctx, options, result));
  const cf_json *m = cf_json_at(cf_json_get(result->values, "models"), 0);
  const cf_json *ceiling = cf_json_get(result->values, "noise_ceiling");
  assert_close(number(m, "mean"), e->r2, 0, 1e-12);
  assert_close(number(m, "p"), e->p, 0, 1e-12);
  assert_close(number(m, "sem"), e->sem, 0, 1e-12);
  assert_close(number(m, "percent_of_lower"), e->percent, 1e-12, 0);
  assert_close(number(ceiling, "lower"), e->lower, 0, 1e-12);
  assert_close(number(ceiling, "upper"), e->upper, 0, 1e-12);
  cf_result_free(result);
  cf_options_free(options);
}

static void six_rows(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (size_t i = 0; i < 6; i++) check_row(ctx, &rows[i]);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(six_rows)};
  if (!have_data()) {
    printf("skipped: " FOLDER " is not there\n");
    return 77;
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
