/* Real MATLAB 5 files: published factorisations of a foundation model and of ResNet-50, cells in cells. Every file
 * lists and reads, and the error of the best restart is the published one. */
#include "test.h"
#include <cortifold/io.h>
#include <unistd.h>

static const struct {
  const char *file;
  double error; /* best of all restarts, per cent */
} known[] = {
    {"fnn_output_R02", 25.8327},     {"fnn_output_R03", 20.5486}, {"fnn_output_R04", 17.0994},
    {"fnn_output_R05", 13.8885},     {"fnn_output_R06", 12.5073}, {"fnn_output_R07", 11.3243},
    {"fnn_output_R08", 10.3243},     {"fnn_output_R09", 9.5988},  {"fnn_block0_R05", 23.8887},
    {"fnn_block1_R08", 20.1887},     {"fnn_block2_R05", 25.1153}, {"resnet50_layer1_R09", 8.8197},
    {"resnet50_layer4_R18", 3.8210},
};

static void factors_are_read(void **state) {
  (void)state;
  const char *folder = CF_SHARED_DIR "/data/fnn-factors";
  if (access(folder, R_OK) != 0) {
    printf("%s is not here\n", folder);
    skip();
  }
  cf_context *ctx = test_context();
  for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
    char path[300], address[400];
    cf_io_listing *listing = NULL;
    snprintf(path, sizeof path, "%s/%s.mat", folder, known[k].file);
    assert_ok(ctx, cf_io_list(ctx, path, &listing));
    double best = INFINITY;
    size_t restarts = 0, factors = 0;
    for (size_t i = 0; i < listing->count; i++) {
      const cf_io_entry *e = &listing->entry[i];
      assert_true(e->readable);
      factors += strncmp(e->member, "factors{", 8) == 0;
      if (strncmp(e->member, "objs{", 5) != 0) continue;
      cf_array *a = NULL;
      snprintf(address, sizeof address, "%s:%s", path, e->member);
      if (restarts++ > 0) continue; /* the best comes first */
      assert_ok(ctx, cf_io_read(ctx, address, NULL, &a));
      best = fmin(best, cf_array_number(a, 0));
      cf_array_free(a);
    }
    assert_true(restarts > 0 && factors == 3 * restarts);
    assert_close(best, known[k].error, 0, 5.1e-5);
    cf_io_listing_free(listing);
  }
  /* one file in full */
  cf_dataset *set = NULL;
  char path[300];
  snprintf(path, sizeof path, "%s/%s.mat", folder, known[0].file);
  assert_ok(ctx, cf_io_read_all(ctx, path, &set));
  const cf_array *neuron = cf_dataset_get(set, "factors{1}{1}"), *pattern = cf_dataset_get(set, "factors{50}{3}");
  assert_true(neuron && neuron->shape[0] == 1000 && neuron->shape[1] == 2);
  assert_true(pattern && pattern->shape[0] == 296 && pattern->shape[1] == 2);
  double length = 0; /* columns have unit norm */
  for (size_t i = 0; i < 1000; i++) length += cf_array_number(neuron, 2 * i + 1) * cf_array_number(neuron, 2 * i + 1);
  assert_close(length, 1.0, 1e-9, 0);
  cf_dataset_free(set);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(factors_are_read)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
