/* Real factorisations: the published restarts of a foundation model and of ResNet-50 give their errors and effective
 * dimensions; the published factors of mouse V1 and retina are read from plain arrays. */
#include "test.h"
#include "pipeline/factor_files.h"
#include <unistd.h>

static const struct {
  const char *file;
  size_t rank;
  double error, mean, sd; /* best error in per cent; effective dimension over restarts */
} known[] = {
    {"fnn_output_R02", 2, 25.8327, 1.0000, 0},          {"fnn_output_R03", 3, 20.5486, 1.6728, .0059},
    {"fnn_output_R04", 4, 17.0994, 1.9986, .0330},      {"fnn_output_R05", 5, 13.8885, 2.2844, .0156},
    {"fnn_output_R06", 6, 12.5073, 2.6892, .0416},      {"fnn_output_R07", 7, 11.3243, 3.1347, .1374},
    {"fnn_output_R08", 8, 10.3243, 3.3237, .1044},      {"fnn_output_R09", 9, 9.5988, 3.4634, .1926},
    {"fnn_block0_R05", 5, 23.8887, 2.4163, .1493},      {"fnn_block1_R08", 8, 20.1887, 3.6638, .2100},
    {"fnn_block2_R05", 5, 25.1153, 2.8438, .2707},      {"resnet50_layer1_R09", 9, 8.8197, 3.9726, .2744},
    {"resnet50_layer4_R18", 18, 3.8210, 4.4587, .2292},
};

static void published_restarts(void **state) {
  (void)state;
  const char *folder = CF_SHARED_DIR "/data/fnn-factors";
  if (access(folder, R_OK) != 0) {
    printf("SKIPPED: %s is not here\n", folder);
    skip();
  }
  cf_context *ctx = test_context();
  for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
    char path[300];
    cf_factor_set *set = NULL;
    cf_restart_agreement agreement;
    snprintf(path, sizeof path, "%s/%s.mat", folder, known[k].file);
    assert_ok(ctx, cf_load_factors(ctx, path, 0, NULL, &set));
    const cf_factors *best = set->fits->restart[0];
    assert_true(set->fits->restarts >= 5);
    assert_int_equal(best->rank, known[k].rank);
    assert_int_equal(best->directions, 8);
    assert_int_equal(best->times, 37);
    assert_close(best->error_percent, known[k].error, 0, 5.1e-5);
    assert_ok(ctx, cf_factorisation_agreement(ctx, set->fits, false, NULL, NULL, &agreement));
    assert_close(agreement.dimension_mean, known[k].mean, 0, 5.1e-5);
    assert_close(agreement.dimension_sd, known[k].sd, 0, 5.1e-5);
    cf_factor_set_free(set);
  }
  cf_context_free(ctx);
}

static void published_arrays(void **state) {
  (void)state;
  const char *folder = CF_SHARED_DIR "/data/nem-v1-retina";
  if (access(folder, R_OK) != 0) {
    printf("SKIPPED: %s is not here\n", folder);
    skip();
  }
  static const struct {
    const char *name;
    size_t neurons, rank;
    double first, last; /* lambda */
  } sets[] = {{"v1", 641, 17, 12.855, 4.229}, {"retina", 1149, 16, 20.235, 6.712}};
  cf_context *ctx = test_context();
  for (size_t k = 0; k < 2; k++) {
    char address[1200];
    cf_factor_set *set = NULL;
    const char *n = sets[k].name;
    snprintf(address, sizeof address, "%s/%s_neuron.npy,%s/%s_stim.npy,%s/%s_dirtime.npy,%s/%s_lambda.npy", folder, n,
             folder, n, folder, n, folder, n);
    assert_ok(ctx, cf_load_factors(ctx, address, 0, NULL, &set));
    const cf_factors *f = set->fits->restart[0];
    assert_int_equal(f->neurons, sets[k].neurons);
    assert_int_equal(f->stimuli, 6);
    assert_int_equal(f->times, 135);
    assert_int_equal(f->rank, sets[k].rank);
    assert_int_equal(f->alive, sets[k].rank);
    assert_close(f->lambda[0], sets[k].first, 0, 5.1e-4);
    assert_close(f->lambda[f->rank - 1], sets[k].last, 0, 5.1e-4);
    assert_true(isnan(f->error_percent) && !set->shifts);
    cf_factor_set_free(set);
  }
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(published_restarts), cmocka_unit_test(published_arrays)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
