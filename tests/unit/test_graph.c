/* Compressed rows: order, look-up, components, and what is refused. */
#include "test.h"
#include <cortifold/graph.h>

static void rows_ascend_whatever_the_order_of_the_edges(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const uint32_t a[5] = {3, 0, 4, 1, 2}, b[5] = {0, 4, 3, 0, 2};
  const double w[5] = {30, 4, 43, 10, 22};
  cf_graph *g = NULL;
  assert_ok(ctx, cf_graph_from_edges(ctx, 6, 5, a, b, w, &g));
  const size_t start[7] = {0, 3, 4, 5, 7, 9, 9};
  const uint32_t to[9] = {1, 3, 4, 0, 2, 0, 4, 0, 3};
  const double weight[9] = {10, 30, 4, 10, 22, 30, 43, 4, 43};
  assert_memory_equal(g->start, start, sizeof start);
  assert_memory_equal(g->to, to, sizeof to);
  assert_memory_equal(g->weight, weight, sizeof weight);
  assert_int_equal(cf_graph_edge(g, 4, 3), 8);
  assert_int_equal(cf_graph_edge(g, 2, 2), 4);
  assert_true(cf_graph_edge(g, 1, 3) == SIZE_MAX && cf_graph_edge(g, 5, 0) == SIZE_MAX);
  assert_true(cf_graph_edge(g, 9, 0) == SIZE_MAX && cf_graph_edge(g, 0, 9) == SIZE_MAX);
  size_t label[6], count = 0;
  assert_ok(ctx, cf_graph_components(ctx, g, label, &count));
  const size_t expected[6] = {0, 0, 1, 0, 0, 2};
  assert_int_equal(count, 3);
  assert_memory_equal(label, expected, sizeof expected);
  cf_graph_free(g);
  cf_context_free(ctx);
}

static void weights_default_to_one_and_empty_graphs_stand(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const uint32_t a[1] = {1}, b[1] = {0};
  cf_graph *g = NULL;
  assert_ok(ctx, cf_graph_from_edges(ctx, 2, 1, a, b, NULL, &g));
  assert_true(g->weight[0] == 1 && g->weight[1] == 1 && cf_graph_degree(g, 0) == 1);
  cf_graph_free(g);
  size_t count = 7;
  assert_ok(ctx, cf_graph_from_edges(ctx, 0, 0, NULL, NULL, NULL, &g));
  assert_ok(ctx, cf_graph_components(ctx, g, NULL, &count));
  assert_int_equal(count, 0);
  cf_graph_free(g);
  cf_context_free(ctx);
}

static void bad_edges_are_named(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const uint32_t a[2] = {0, 2}, b[2] = {2, 0}, far[2] = {1, 3};
  cf_graph *g = NULL;
  assert_status(ctx, CF_ERR_INPUT, cf_graph_from_edges(ctx, 3, 2, a, b, NULL, &g));
  assert_non_null(strstr(cf_context_error(ctx), "0 and 2"));
  assert_null(g);
  assert_status(ctx, CF_ERR_INPUT, cf_graph_from_edges(ctx, 3, 2, a, far, NULL, &g));
  assert_non_null(strstr(cf_context_error(ctx), "edge 1"));
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_ascend_whatever_the_order_of_the_edges),
      cmocka_unit_test(weights_default_to_one_and_empty_graphs_stand),
      cmocka_unit_test(bad_edges_are_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
