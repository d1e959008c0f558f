/* Adaptive neighbourhoods against the published package with a second solver, on point sets made from formulas;
 * tests/golden/manifold/README.md says how. The path is the same in every decision, so numbers agree to 1e-6. */
#include "test.h"
#include <cortifold/io.h>
#include <cortifold/json.h>
#include <cortifold/manifold.h>

typedef struct golden {
  cf_context *ctx;
  cf_json *cases;
  cf_dataset *file; /* of the case at hand */
  const cf_json *row;
  char name[128];
} golden;

static const char *path_of(const char *name, const char *ending, char *buffer, size_t size) {
  snprintf(buffer, size, CF_TEST_DIR "/golden/manifold/%s%s", name, ending);
  return buffer;
}

static double value(const golden *g, const char *key) {
  const double x = cf_json_as_number(cf_json_get(g->row, key));
  if (isnan(x)) fail_msg("%s: no %s", g->name, key);
  return x;
}

static const cf_array *member(const golden *g, const char *name) {
  const cf_array *a = cf_dataset_get(g->file, name);
  if (!a) fail_msg("%s: no member %s", g->name, name);
  return a;
}

static void same_edges(const golden *g, const cf_graph *graph, const char *name) {
  const cf_array *expected = member(g, name);
  if (graph->start[graph->n] / 2 != expected->shape[0])
    fail_msg("%s: %zu edges, expected %zu (%s)", g->name, graph->start[graph->n] / 2, expected->shape[0], name);
  for (size_t e = 0; e < expected->shape[0]; e++) {
    const size_t i = (size_t)cf_array_number(expected, 2 * e), j = (size_t)cf_array_number(expected, 2 * e + 1);
    if (cf_graph_edge(graph, i, j) == SIZE_MAX) fail_msg("%s: edge %zu-%zu of %s is missing", g->name, i, j, name);
  }
}

static void same_values(const golden *g, const double *x, const char *name) {
  const cf_array *expected = member(g, name);
  for (size_t i = 0; i < cf_array_count(expected); i++) {
    const double y = cf_array_number(expected, i);
    if (!(fabs(x[i] - y) <= 1e-6 * fabs(y) + 1e-12))
      fail_msg("%s: %s[%zu] is %.12g, expected %.12g", g->name, name, i, x[i], y);
  }
}

static void same_kernel(const golden *g, const cf_graph *kernel) {
  const cf_array *si = member(g, "sample_i"), *sj = member(g, "sample_j"), *sv = member(g, "sample_value");
  assert_int_equal(kernel->start[kernel->n], (size_t)value(g, "kernel_nnz"));
  for (size_t k = 0; k < cf_array_count(sv); k++) {
    const size_t at = cf_graph_edge(kernel, (size_t)cf_array_number(si, k), (size_t)cf_array_number(sj, k));
    assert_close(at == SIZE_MAX ? 0 : kernel->weight[at], cf_array_number(sv, k), 0, 1e-6);
  }
  double *sum = calloc(kernel->n, sizeof *sum);
  assert_non_null(sum);
  for (size_t i = 0; i < kernel->n; i++)
    for (size_t k = kernel->start[i]; k < kernel->start[i + 1]; k++) sum[i] += kernel->weight[k];
  same_values(g, sum, "kernel_rowsum");
  free(sum);
}

static void same_counts(const golden *g, const cf_ian *r) {
  const cf_json *prunes = cf_json_get(g->row, "prunes_per_iteration");
  assert_int_equal(r->gabriel_edges, (size_t)value(g, "gabriel_edges"));
  assert_int_equal(r->pruned, (size_t)value(g, "pruned"));
  assert_int_equal(r->iterations, (size_t)value(g, "iterations"));
  assert_int_equal(r->steps, r->iterations + 1);
  assert_int_equal(cf_json_count(prunes), r->iterations);
  for (size_t k = 0; k < r->iterations; k++)
    assert_int_equal(r->step[k].pruned, (size_t)cf_json_as_number(cf_json_at(prunes, k)));
  const cf_json *apart = cf_json_get(g->row, "disconnected");
  assert_int_equal(r->disconnected_count, cf_json_count(apart));
  for (size_t k = 0; k < cf_json_count(apart); k++)
    assert_true(r->disconnected[(size_t)cf_json_as_number(cf_json_at(apart, k))]);
}

static void check_case(golden *g) {
  char path[600];
  cf_array *points = NULL;
  cf_ian *r = NULL;
  cf_graph *single = NULL;
  assert_ok(g->ctx, cf_io_read(g->ctx, path_of(g->name, ".npy", path, sizeof path), NULL, &points));
  assert_ok(g->ctx, cf_array_to_doubles(g->ctx, points));
  assert_ok(g->ctx, cf_io_read_all(g->ctx, path_of(g->name, "_ian.npz", path, sizeof path), &g->file));
  assert_ok(g->ctx, cf_ian_points(g->ctx, points->shape[0], points->shape[1], points->data, NULL, &r));
  same_counts(g, r);
  same_edges(g, r->gabriel, "gabriel");
  same_edges(g, r->graph, "edges");
  assert_close(r->first_connectivity, value(g, "C_first_iteration"), 1e-12, 0);
  assert_close(r->unweighted_connectivity, value(g, "C_unweighted_last"), 1e-12, 0);
  assert_close(r->connectivity, value(g, "connectivity"), 1e-12, 0);
  assert_close(r->median, value(g, "unweighted_median"), 1e-6, 0);
  assert_close(r->mean, value(g, "unweighted_mean"), 1e-6, 0);
  assert_close(r->weighted_median, value(g, "weighted_median"), 1e-6, 0);
  assert_close(r->weighted_mean, value(g, "weighted_mean"), 1e-6, 0);
  same_values(g, r->scale, "scale");
  same_values(g, r->first_scale, "first_scale");
  same_values(g, r->delta, "delta");
  same_values(g, r->delta_weighted, "delta_weighted");
  same_kernel(g, r->kernel);
  assert_true(r->gap < 1e-12);
  assert_ok(g->ctx, cf_graph_gabriel(g->ctx, points->shape[0], points->shape[1], points->data, true, &single));
  assert_int_equal(single->start[single->n] / 2, (size_t)value(g, "gabriel_edges_float32"));
  cf_graph_free(single);
  cf_ian_free(r);
  cf_dataset_free(g->file);
  cf_array_free(points);
}

static void every_case_takes_the_published_path(void **state) {
  (void)state;
  golden g = {.ctx = test_context()};
  char path[600], *text = NULL;
  size_t size = 0;
  assert_ok(g.ctx, cf_io_read_bytes(g.ctx, path_of("ian", ".json", path, sizeof path), 1u << 24, &text, &size));
  assert_ok(g.ctx, cf_json_parse(g.ctx, "ian.json", text, size, &g.cases));
  const cf_json *list = cf_json_get(g.cases, "cases");
  assert_int_equal(cf_json_count(list), 11);
  for (size_t i = 0; i < cf_json_count(list); i++) {
    g.row = cf_json_at(list, i);
    snprintf(g.name, sizeof g.name, "%s", cf_json_as_text(cf_json_get(g.row, "name")));
    check_case(&g);
  }
  cf_json_free(g.cases);
  cf_free(text);
  cf_context_free(g.ctx);
}

/* The published table's self-contained row: 40 points, theta = 1 + k/4, on (theta cos theta, theta sin theta). */
static void the_spiral_of_forty_points(void **state) {
  (void)state;
  static const size_t histogram[10] = {0, 0, 2, 23, 14, 0, 0, 0, 0, 1};
  cf_context *ctx = test_context();
  double points[80], sum = 0;
  size_t degree[10] = {0};
  cf_ian *r = NULL;
  for (size_t k = 0; k < 40; k++) {
    const double theta = 1 + 0.25 * (double)k;
    points[2 * k] = theta * cos(theta);
    points[2 * k + 1] = theta * sin(theta);
  }
  assert_ok(ctx, cf_ian_points(ctx, 40, 2, points, NULL, &r));
  assert_int_equal(r->gabriel_edges, 70);
  assert_int_equal(r->pruned, 1);
  assert_int_equal(r->graph->start[40] / 2, 69);
  assert_int_equal(r->kernel->start[40], 1148);
  for (size_t i = 0; i < 40; i++) {
    sum += r->scale[i];
    degree[cf_graph_degree(r->graph, i)]++;
  }
  for (size_t d = 0; d < 10; d++) assert_int_equal(degree[d], histogram[d]);
  assert_close(sum, 107.76115, 1e-7, 0);
  assert_close(r->kernel->weight[cf_graph_edge(r->kernel, 0, 1)], 0.992068, 1e-6, 0);
  assert_close(r->connectivity, 0.5, 1e-5, 0);
  assert_close(r->weighted_median, 1.012, 1e-3, 0);
  cf_ian_free(r);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_case_takes_the_published_path),
      cmocka_unit_test(the_spiral_of_forty_points),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
