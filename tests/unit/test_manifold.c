/* Promises of the manifold module on small sets: outliers, clusters, geodesics, mixing. */
#include "test.h"
#include <cortifold/manifold.h>

/* On a line: two pairs of near copies, the second of them at the end, and one point far away. */
static void outliers_are_far_points_and_copies(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const double x[8] = {0, 1, 1.01, 2.5, 4, 1000, 6, 6.001};
  bool keep[8];
  assert_ok(ctx, cf_manifold_outliers(ctx, 8, 1, x, 1, 2, keep));
  /* of 6 and 6.001, 6 has the nearer second neighbour; of 1 and 1.01, it is 1 */
  const bool expected[8] = {true, false, true, true, true, false, false, true};
  for (size_t i = 0; i < 8; i++) assert_int_equal(keep[i], expected[i]);
  assert_ok(ctx, cf_manifold_outliers(ctx, 8, 1, x, 0, 0, keep));
  for (size_t i = 0; i < 8; i++) assert_true(keep[i]);
  assert_status(ctx, CF_ERR_USAGE, cf_manifold_outliers(ctx, 8, 1, x, 4, 3, keep));
  assert_status(ctx, CF_ERR_USAGE, cf_manifold_outliers(ctx, 8, 1, x, SIZE_MAX, SIZE_MAX, keep));
  assert_status(ctx, CF_ERR_INPUT, cf_manifold_outliers(ctx, 2, 1, (double[]){0, NAN}, 0, 0, keep));
  cf_context_free(ctx);
}

/* Three copies of a point lose two, and what is left has no pair nearer than any that was dropped. */
static void copies_go_until_they_are_apart(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { N = 60 };
  double x[2 * N];
  bool keep[N], again[N];
  cf_rng rng = cf_rng_make(5, 5, 0);
  for (size_t i = 0; i < 2 * N; i++) x[i] = cf_rng_uniform(&rng);
  for (size_t i = 0; i < 4; i++) x[20 + i] = x[40 + i] = x[60 + i] + 1e-6;
  assert_ok(ctx, cf_manifold_outliers(ctx, N, 2, x, 3, 4, keep));
  size_t left[2] = {0, 0}, kept = 0;
  for (size_t i = 0; i < N; i++) kept += keep[i];
  for (size_t copy = 0; copy < 3; copy++)
    for (size_t p = 0; p < 2; p++) left[p] += keep[10 + 10 * copy + p];
  assert_true(kept == N - 7 && left[0] == 1 && left[1] == 1);
  cf_context *three = NULL;
  cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
  o.threads = 3;
  assert_ok(ctx, cf_context_new(&o, &three));
  assert_ok(three, cf_manifold_outliers(three, N, 2, x, 3, 4, again));
  assert_memory_equal(keep, again, sizeof keep);
  cf_context_free(three);
  cf_context_free(ctx);
}

/* Two groups on a line, a chain of neighbours in each; a point without neighbours is noise. */
static void clusters_of_two_chains(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { N = 21 };
  double x[N];
  uint32_t a[N], b[N];
  size_t edges = 0;
  cf_graph *g = NULL;
  cf_clustering *c = NULL;
  for (uint32_t i = 0; i < N; i++) {
    x[i] = i < 10 ? i : i + 50.0;
    if (i == 9 || i >= N - 2) continue;
    a[edges] = i;
    b[edges++] = i + 1;
  }
  assert_ok(ctx, cf_graph_from_edges(ctx, N, edges, a, b, NULL, &g));
  assert_ok(ctx, cf_cluster_manifold(ctx, N, 1, x, g, 4, &c));
  assert_int_equal(c->clusters, 2);
  for (size_t i = 0; i < N; i++) assert_int_equal(c->label[i], i < 10 ? 0 : i < N - 1 ? 1 : -1);
  assert_true(isinf(c->core[N - 1]) && isinf(c->merge[4 * (N - 2) + 2]));
  assert_true(c->stability[0] > 0 && c->stability[1] > 0);
  cf_clustering_free(c);
  assert_ok(ctx, cf_cluster_manifold(ctx, N, 1, x, g, 11, &c)); /* too small to be two: the root is not taken */
  assert_int_equal(c->clusters, 0);
  for (size_t i = 0; i < N; i++) assert_int_equal(c->label[i], -1);
  cf_clustering_free(c);
  assert_status(ctx, CF_ERR_USAGE, cf_cluster_manifold(ctx, N, 1, x, g, 1, &c));
  assert_status(ctx, CF_ERR_INPUT, cf_cluster_manifold(ctx, N - 1, 1, x, g, 4, &c));
  x[3] = NAN;
  assert_status(ctx, CF_ERR_INPUT, cf_cluster_manifold(ctx, N, 1, x, g, 4, &c));
  assert_null(c);
  cf_graph_free(g);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(outliers_are_far_points_and_copies),
      cmocka_unit_test(copies_go_until_they_are_apart),
      cmocka_unit_test(clusters_of_two_chains),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
