/* Promises of the manifold module on small sets: outliers, clusters, geodesics, mixing. */
#include "test.h"
#include <cortifold/manifold.h>
#include <cortifold/stats.h>

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

/* Points on a line, unevenly: a chain of n vertices with lengths, and a kernel of the same edges. */
static cf_graph *chain(cf_context *ctx, size_t n, const double *x, bool kernel) {
  uint32_t a[64], b[64];
  double w[64];
  size_t edges = 0;
  cf_graph *g = NULL;
  for (uint32_t i = 0; i + 1 < n; i++) {
    const double step = x[i + 1] - x[i];
    a[edges] = i;
    b[edges] = i + 1;
    w[edges++] = kernel ? exp(-step * step) : step;
  }
  assert_ok(ctx, cf_graph_from_edges(ctx, n, edges, a, b, w, &g));
  return g;
}

static void isomap_unrolls_a_chain(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const double x[6] = {-2.75, -1.75, -0.25, 0.25, 1.25, 3.25}; /* mean 0 */
  double y[18], values[2];
  cf_graph *g = chain(ctx, 6, x, false);
  assert_ok(ctx, cf_isomap(ctx, g, 2, y, values));
  for (size_t i = 0; i < 6; i++) {
    assert_close(y[2 * i], x[i], 1e-12, 1e-12);
    assert_close(y[2 * i + 1], 0, 0, 1e-6);
  }
  assert_close(values[0], 22.875, 1e-12, 0);
  assert_status(ctx, CF_ERR_USAGE, cf_isomap(ctx, g, 6, y, values));
  assert_status(ctx, CF_ERR_USAGE, cf_isomap(ctx, g, 0, y, values));
  cf_graph_free(g);
  /* two components: the larger one, the others NaN */
  assert_ok(ctx, cf_graph_from_edges(ctx, 6, 3, (uint32_t[]){0, 2, 2}, (uint32_t[]){4, 3, 5}, (double[]){9, 1, 1}, &g));
  assert_ok(ctx, cf_isomap(ctx, g, 1, y, values));
  assert_true(isnan(y[0]) && isnan(y[1]) && isnan(y[4]));
  assert_close(fabs(y[3] - y[5]), 2, 1e-12, 0);
  assert_close(y[2], 0, 0, 1e-12);
  cf_graph_free(g);
  cf_context_free(ctx);
}

/* A metric at every time; it adds up along a chain, also where next to nothing arrives. */
static void heat_is_a_metric(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { N = 40 };
  double x[N], d[N * N], edges[N], lengths[N];
  cf_rng rng = cf_rng_make(7, 7, 0);
  for (size_t i = 0; i < N; i++) x[i] = (double)i + 0.5 * cf_rng_uniform(&rng);
  cf_graph *g = chain(ctx, N, x, false), *k = chain(ctx, N, x, true);
  static const double times[4] = {1e-6, 0.1, 10, 1e6};
  for (size_t t = 0; t < 4; t++) {
    assert_ok(ctx, cf_heat_geodesics(ctx, k, g, times[t], d));
    for (size_t i = 0; i < N; i++)
      for (size_t j = i; j < N; j++) {
        assert_true(d[i * N + j] == d[j * N + i]);
        for (size_t m = i; m <= j; m++) assert_close(d[i * N + m] + d[m * N + j], d[i * N + j], 1e-6, 1e-9);
      }
    for (size_t i = 0; i + 1 < N; i++) {
      edges[i] = d[i * N + i + 1];
      lengths[i] = x[i + 1] - x[i];
    }
    assert_close(cf_median(N - 1, edges), cf_median(N - 1, lengths), 1e-9, 0);
  }
  cf_graph_free(g), cf_graph_free(k);
  uint32_t a[N * N], b[N * N];
  double w[N * N];
  size_t count = 0;
  for (uint32_t i = 0; i + 1 < N; i++)
    for (uint32_t j = 0; j <= i; j++)
      if (cf_rng_uniform(&rng) < 0.15) {
        a[count] = i;
        b[count] = j;
        w[count++] = cf_rng_uniform(&rng);
      }
  assert_ok(ctx, cf_graph_from_edges(ctx, N, count, a, b, w, &k));
  for (size_t t = 0; t < 4; t++) {
    assert_ok(ctx, cf_heat_geodesics(ctx, k, NULL, times[t], d));
    for (size_t i = 0; i < N * N; i++)
      for (size_t m = 0; m < N; m++) assert_true(d[i] <= d[i / N * N + m] + d[m * N + i % N] + 1e-9);
    assert_true(isinf(d[N - 1]) && d[N * N - 1] == 0);
  }
  assert_status(ctx, CF_ERR_USAGE, cf_heat_geodesics(ctx, k, NULL, 0, d));
  assert_status(ctx, CF_ERR_NUMERIC, cf_heat_geodesics(ctx, k, NULL, 1e-200, d)); /* nothing arrives */
  k->weight[0] = -1;
  assert_status(ctx, CF_ERR_INPUT, cf_heat_geodesics(ctx, k, NULL, 1, d));
  cf_graph_free(k);
  cf_context_free(ctx);
}

/* A chain of 5 a's and 5 b's: 8 of 9 edges stay within; values by hand. */
static void mixing_of_a_chain(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { N = 10, P = 199 };
  double x[N], share[N];
  size_t code[N];
  for (size_t i = 0; i < N; i++) {
    x[i] = (double)i;
    code[i] = i >= N / 2;
  }
  cf_graph *g = chain(ctx, N, x, false), *k = chain(ctx, N, x, true);
  k->weight[cf_graph_edge(k, 4, 5)] = k->weight[cf_graph_edge(k, 5, 4)] = 0;
  cf_mixing m, again;
  assert_ok(ctx, cf_graph_mixing(ctx, g, NULL, code, 2, P, 1, share, &m));
  assert_close(m.share, 8.0 / 9, 1e-14, 0);
  assert_close(m.expected, 0.5, 1e-14, 0);
  assert_close(m.assortativity, 7.0 / 9, 1e-14, 0);
  assert_close(m.same, 1.6, 1e-14, 0);
  assert_close(m.same_sd, sqrt(0.24), 1e-14, 0);
  assert_close(m.other, 0.2, 1e-14, 0);
  assert_true(m.same_least == 1 && m.same_most == 2 && m.other_least == 0 && m.other_most == 1);
  assert_true(isnan(m.same_weight) && share[0] == 1 && share[4] == 0.5);
  assert_true(m.p <= 0.05 && fabs(m.null_mean - 4.0 / 9) < 0.06 && m.permutations == P);
  assert_ok(ctx, cf_graph_mixing(ctx, g, k, code, 2, P, 1, share, &m));
  assert_true(m.share == 1 && m.same_weight == 1 && share[4] == 1);
  cf_context *three = NULL;
  cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
  o.threads = 3;
  o.seed = 1;
  assert_ok(ctx, cf_context_new(&o, &three));
  assert_ok(three, cf_graph_mixing(three, g, k, code, 2, P, 1, NULL, &again));
  assert_memory_equal(&m, &again, sizeof m);
  cf_context_free(three);
  memset(code, 0, sizeof code);
  assert_ok(ctx, cf_graph_mixing(ctx, g, NULL, code, 1, P, 1, NULL, &m));
  assert_true(m.share == 1 && isnan(m.assortativity) && isnan(m.p));
  assert_status(ctx, CF_ERR_USAGE, cf_graph_mixing(ctx, g, NULL, code, 0, P, 1, NULL, &m));
  cf_graph_free(g), cf_graph_free(k);
  cf_context_free(ctx);
}

/* Shuffled codes on a random graph: p is uniform, so its mean over many graphs is one half. */
static void mixing_has_no_bias(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { N = 30, CASES = 200 };
  double sum = 0;
  for (uint32_t t = 0; t < CASES; t++) {
    cf_rng rng = cf_rng_make(9, 9, t);
    uint32_t a[N * N], b[N * N];
    size_t count = 0, code[N];
    cf_graph *g = NULL;
    cf_mixing m;
    for (uint32_t i = 0; i < N; i++) {
      code[i] = cf_rng_below(&rng, 3);
      for (uint32_t j = 0; j < i; j++)
        if (cf_rng_uniform(&rng) < 0.2) {
          a[count] = i;
          b[count++] = j;
        }
    }
    assert_ok(ctx, cf_graph_from_edges(ctx, N, count, a, b, NULL, &g));
    assert_ok(ctx, cf_graph_mixing(ctx, g, NULL, code, 3, 99, t, NULL, &m));
    sum += m.p;
    cf_graph_free(g);
  }
  assert_close(sum / CASES, 0.51, 0, 3.5 * 0.29 / sqrt(CASES));
  cf_context_free(ctx);
}

/* A grid has two dimensions inside, whatever its unit, order of points and number of threads. */
static void dimension_of_a_grid(void **state) {
  (void)state;
  cf_context *ctx = test_context(), *three = NULL;
  cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
  o.threads = 3;
  assert_ok(ctx, cf_context_new(&o, &three));
  enum { SIDE = 12, N = SIDE * SIDE + 1 }; /* and one point alone */
  static double squared[N * N], ncd[3][N], degree[N], dimension[N];
  uint32_t a[2 * N], b[2 * N];
  size_t edges = 0;
  cf_graph *g = NULL;
  for (uint32_t i = 0; i + 1 < N; i++) {
    if (i % SIDE + 1 < SIDE) a[edges] = i, b[edges++] = i + 1;
    if (i + SIDE + 1 < N) a[edges] = i, b[edges++] = i + SIDE;
  }
  assert_ok(ctx, cf_graph_from_edges(ctx, N, edges, a, b, NULL, &g));
  for (size_t i = 0; i < N * N; i++) {
    const double r = (double)(i / N / SIDE) - (double)(i % N / SIDE),
                 s = (double)(i / N % SIDE) - (double)(i % N % SIDE);
    squared[i] = r * r + s * s;
  }
  assert_ok(ctx, cf_local_dimension(ctx, N, squared, g, 2, ncd[0], degree, dimension));
  assert_ok(three, cf_local_dimension(three, N, squared, g, 2, ncd[1], degree, dimension));
  assert_memory_equal(ncd[0], ncd[1], sizeof ncd[0]);
  for (size_t i = 0; i < N * N; i++) squared[i] *= 1e8;
  assert_ok(ctx, cf_local_dimension(ctx, N, squared, g, 2, ncd[1], degree, dimension));
  for (size_t i = 0; i < N; i++) assert_close(ncd[1][i], ncd[0][i], 0, 1e-6);
  const size_t inside = 5 * SIDE + 5;
  assert_close(ncd[0][inside], 2, 0, 0.5);
  assert_true(degree[inside] == 2 && dimension[inside] >= ncd[1][inside]);
  assert_true(isnan(ncd[0][N - 1]) && isnan(degree[N - 1]));
  assert_status(ctx, CF_ERR_USAGE, cf_local_dimension(ctx, N, squared, g, 0, ncd[0], degree, NULL));
  squared[5] = NAN;
  assert_status(ctx, CF_ERR_INPUT, cf_local_dimension(ctx, N, squared, g, 2, ncd[0], degree, NULL));
  cf_graph_free(g);
  cf_context_free(three);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(outliers_are_far_points_and_copies),
      cmocka_unit_test(copies_go_until_they_are_apart),
      cmocka_unit_test(clusters_of_two_chains),
      cmocka_unit_test(isomap_unrolls_a_chain),
      cmocka_unit_test(heat_is_a_metric),
      cmocka_unit_test(mixing_of_a_chain),
      cmocka_unit_test(mixing_has_no_bias),
      cmocka_unit_test(dimension_of_a_grid),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
