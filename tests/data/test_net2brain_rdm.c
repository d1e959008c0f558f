/* ResNet18 layer4 features of 78 photographs to RDMs, against those that Net2Brain computed in single precision. */
#include "test.h"

#include <cortifold/io.h>
#include <cortifold/rdm.h>

#define FOLDER CF_SHARED_DIR "/data/net2brain-78/"

static void layer4(const char *metric, const char *file, double tolerance) {
  cf_context *ctx = test_context();
  cf_array *x = NULL, *e = NULL;
  cf_rdm *r = NULL;
  cf_rdm_options o = CF_RDM_OPTIONS_INIT;
  FILE *f = fopen(FOLDER "resnet18_layer4_features.npy", "rb");
  if (!f) skip();
  fclose(f);
  assert_ok(ctx, cf_io_read(ctx, FOLDER "resnet18_layer4_features.npy", NULL, &x));
  assert_ok(ctx, cf_array_to_doubles(ctx, x));
  assert_ok(ctx, cf_io_read(ctx, file, NULL, &e));
  assert_ok(ctx, cf_array_to_doubles(ctx, e));
  cf_view v = cf_array_view(x);
  o.metric = metric;
  assert_ok(ctx, cf_rdm_compute(ctx, &v, &o, &r));
  assert_int_equal(r->n, 78);
  assert_int_equal(cf_array_count(e), cf_rdm_pairs(78));
  double *packed = calloc(cf_rdm_pairs(78), sizeof *packed);
  cf_view square = cf_view_matrix(r->d, 78, 78);
  assert_ok(ctx, cf_rdm_pack(ctx, &square, CF_RDM_FINITE, metric, packed));
  for (size_t i = 0; i < cf_rdm_pairs(78); i++) assert_close(packed[i], cf_array_number(e, i), 0, tolerance);
  free(packed);
  cf_rdm_free(r);
  cf_array_free(x);
  cf_array_free(e);
  cf_context_free(ctx);
}

static void cosine(void **state) {
  (void)state;
  layer4("cosine", FOLDER "resnet18_cosine_layer4_rdm_utv.npy", 5e-6);
}

static void pearson(void **state) {
  (void)state;
  layer4("correlation", FOLDER "resnet18_pearson_layer4_rdm_utv.npy", 8e-5);
}

static void euclidean(void **state) {
  (void)state;
  layer4("euclidean", FOLDER "resnet18_euclidean_layer4_rdm_utv.npy", 2e-5);
}

int main(void) {
  FILE *f = fopen(FOLDER "resnet18_layer4_features.npy", "rb");
  if (!f) {
    printf("SKIPPED: no data at %s\n", FOLDER);
    return 77;
  }
  fclose(f);
  const struct CMUnitTest tests[] = {cmocka_unit_test(cosine), cmocka_unit_test(pearson), cmocka_unit_test(euclidean)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
