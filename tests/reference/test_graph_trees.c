/* Shortest paths, spanning trees, single linkage and condensed trees against slow twins. */
#include "test.h"
#include <cortifold/graph.h>

enum { MOST = 40 };

/* A random graph with lengths from a few values, so that ties and several components are frequent; full: lengths or
 * INFINITY. */
static cf_graph *random_graph(cf_context *ctx, cf_rng *rng, size_t n, double density, double *full) {
  uint32_t a[MOST * MOST], b[MOST * MOST];
  double w[MOST * MOST];
  size_t edges = 0;
  cf_graph *g = NULL;
  for (size_t i = 0; i < n * n; i++) full[i] = i % (n + 1) == 0 ? 0 : INFINITY;
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t j = 0; j < i; j++) {
      if (cf_rng_uniform(rng) > density) continue;
      a[edges] = i;
      b[edges] = j;
      w[edges] = (double)cf_rng_below(rng, 9);
      full[i * n + j] = full[j * n + i] = w[edges++];
    }
  assert_ok(ctx, cf_graph_from_edges(ctx, n, edges, a, b, w, &g));
  return g;
}

static void paths_are_floyd_and_warshalls(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (uint32_t k = 0; k < test_cases(60); k++) {
    cf_rng rng = cf_rng_make(1, 1, k);
    const size_t n = 1 + cf_rng_below(&rng, MOST);
    double slow[MOST * MOST], fast[MOST * MOST], one[MOST];
    cf_graph *g = random_graph(ctx, &rng, n, cf_rng_uniform(&rng) * 0.4, slow);
    for (size_t m = 0; m < n; m++)
      for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) slow[i * n + j] = fmin(slow[i * n + j], slow[i * n + m] + slow[m * n + j]);
    assert_ok(ctx, cf_graph_shortest_all(ctx, g, fast));
    assert_memory_equal(fast, slow, n * n * sizeof *fast);
    assert_ok(ctx, cf_graph_shortest(ctx, g, n - 1, one));
    assert_memory_equal(one, slow + (n - 1) * n, n * sizeof *one);
    cf_graph_free(g);
  }
  cf_context_free(ctx);
}

static void negative_lengths_are_refused(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_graph *g = NULL;
  double length[3], bad[2] = {-1, NAN};
  for (int k = 0; k < 2; k++) {
    assert_ok(ctx, cf_graph_from_edges(ctx, 3, 1, (uint32_t[]){0}, (uint32_t[]){2}, &bad[k], &g));
    assert_status(ctx, CF_ERR_INPUT, cf_graph_shortest(ctx, g, 0, length));
    assert_non_null(strstr(cf_context_error(ctx), "vertices 0 and 2"));
    if (k == 0) assert_status(ctx, CF_ERR_USAGE, cf_graph_shortest(ctx, g, 3, length));
    cf_graph_free(g);
  }
  cf_context_free(ctx);
}

/* Whether i and j hang together over edges that come before (w, x, y) in the order of edges: then such an edge is not
 * part of the minimum spanning tree, else it is. */
static bool joined_before(size_t n, const double *full, double w, size_t x, size_t y) {
  bool seen[MOST] = {false};
  size_t stack[MOST], depth = 0;
  seen[x] = true;
  stack[depth++] = x;
  while (depth) {
    const size_t i = stack[--depth];
    for (size_t j = 0; j < n; j++) {
      if (seen[j] || full[i * n + j] > w) continue;
      const size_t a = i < j ? i : j, b = i < j ? j : i;
      if (full[i * n + j] == w && (a > x || (a == x && b >= y))) continue;
      seen[j] = true;
      stack[depth++] = j;
    }
  }
  return seen[y];
}

static void spanning_trees_hold_the_edges_that_join(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (uint32_t k = 0; k < test_cases(60); k++) {
    cf_rng rng = cf_rng_make(2, 1, k);
    const size_t n = 2 + cf_rng_below(&rng, MOST - 1);
    double full[MOST * MOST];
    cf_tree_edge sparse[MOST], dense[MOST];
    size_t expected = 0;
    cf_graph *g = random_graph(ctx, &rng, n, cf_rng_uniform(&rng), full);
    assert_ok(ctx, cf_tree_spanning(ctx, g, sparse));
    assert_ok(ctx, cf_tree_spanning_full(ctx, n, full, dense));
    for (size_t e = 0; e + 1 < n; e++) {
      assert_int_equal(sparse[e].a, dense[e].a);
      assert_int_equal(sparse[e].b, dense[e].b);
      assert_true(sparse[e].weight == dense[e].weight && sparse[e].a < sparse[e].b);
      if (e > 0) assert_true(sparse[e - 1].weight <= sparse[e].weight);
    }
    for (size_t i = 0; i < n; i++)
      for (size_t j = i + 1; j < n; j++) {
        if (joined_before(n, full, full[i * n + j], i, j)) continue;
        bool found = false;
        for (size_t e = 0; e + 1 < n; e++) found |= sparse[e].a == i && sparse[e].b == j;
        if (!found) fail_msg("case %u: edge %zu-%zu is missing", k, i, j);
        expected++;
      }
    assert_true(expected == n - 1);
    cf_graph_free(g);
  }
  cf_context_free(ctx);
}

/* Clusters at height h by joining everything nearer. */
static void linkage_cuts_where_distances_do(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (uint32_t k = 0; k < test_cases(40); k++) {
    cf_rng rng = cf_rng_make(3, 1, k);
    const size_t n = 2 + cf_rng_below(&rng, MOST - 1);
    double full[MOST * MOST], merge[4 * MOST];
    cf_tree_edge edge[MOST];
    for (size_t i = 0; i < n; i++)
      for (size_t j = 0; j < n; j++)
        full[i * n + j] = i == j ? 0 : i < j ? (double)cf_rng_below(&rng, 50) : full[j * n + i];
    assert_ok(ctx, cf_tree_spanning_full(ctx, n, full, edge));
    assert_ok(ctx, cf_tree_single_linkage(ctx, n, edge, merge));
    size_t id[MOST];
    for (size_t i = 0; i < n; i++) id[i] = i;
    for (size_t m = 0; m + 1 < n; m++) {
      const double *row = merge + 4 * m;
      double least = INFINITY;
      size_t members = 0;
      for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
          if (id[i] != id[j]) least = fmin(least, full[i * n + j]);
      assert_true(row[2] == least && row[0] < row[1]);
      double between = INFINITY; /* the merged clusters are that near */
      for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
          if (id[i] == (size_t)row[0] && id[j] == (size_t)row[1]) between = fmin(between, full[i * n + j]);
      assert_true(between == least);
      for (size_t i = 0; i < n; i++)
        if (id[i] == (size_t)row[0] || id[i] == (size_t)row[1]) {
          id[i] = n + m;
          members++;
        }
      assert_true((double)members == row[3]);
    }
  }
  cf_context_free(ctx);
}

/* ------------------------------------------------------- condensed trees -- */

typedef struct twin { /* recursive HDBSCAN on sets of points */
  size_t n, min_size;
  const double *merge;
  bool leaves;
  int label[MOST], next;
} twin;

static size_t members(const twin *t, size_t node, size_t *out, size_t count) {
  if (node < t->n) {
    out[count++] = node;
    return count;
  }
  count = members(t, (size_t)t->merge[4 * (node - t->n)], out, count);
  return members(t, (size_t)t->merge[4 * (node - t->n) + 1], out, count);
}

/* Labels the points of the clusters taken at or below `node`, which is a cluster from lambda `birth` on; returns their
 * joint stability. The root is never taken. */
static double descend(twin *t, size_t node, double birth, bool root) {
  double own = 0, below = 0;
  size_t inside[MOST], count = members(t, node, inside, 0), at = node;
  int before[MOST];
  const int first = t->next;
  bool ended = false;
  memcpy(before, t->label, sizeof before);
  while (at >= t->n && !ended) {
    const double *m = t->merge + 4 * (at - t->n), lambda = 1 / m[2];
    size_t side[2] = {(size_t)m[0], (size_t)m[1]}, size[2], scratch[MOST];
    for (int s = 0; s < 2; s++) size[s] = members(t, side[s], scratch, 0);
    if (size[0] >= t->min_size && size[1] >= t->min_size) {
      own += (lambda - birth) * (double)(size[0] + size[1]);
      below = descend(t, side[0], lambda, false);
      below += descend(t, side[1], lambda, false);
      ended = true;
    } else if (size[0] < t->min_size && size[1] < t->min_size) {
      own += (lambda - birth) * (double)(size[0] + size[1]);
      break;
    } else {
      const int large = size[1] >= t->min_size;
      own += (lambda - birth) * (double)size[!large];
      at = side[large];
    }
  }
  if (root || (ended && (t->leaves || below > own))) return below;
  memcpy(t->label, before, sizeof before);
  t->next = first;
  for (size_t i = 0; i < count; i++) t->label[inside[i]] = t->next;
  t->next++;
  return own;
}

static void same_partition(size_t n, const int *a, const int *b) {
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j <= i; j++) assert_true((a[i] == a[j]) == (b[i] == b[j]) && (a[i] < 0) == (b[i] < 0));
}

static void clusters_are_those_of_the_recursive_twin(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  size_t found = 0;
  for (uint32_t k = 0; k < test_cases(150); k++) {
    cf_rng rng = cf_rng_make(4, 1, k);
    const size_t n = 2 + cf_rng_below(&rng, MOST - 1), min_size = 2 + cf_rng_below(&rng, 5);
    double x[MOST], full[MOST * MOST], merge[4 * MOST], stability[2 * MOST];
    cf_tree_edge edge[MOST];
    for (size_t i = 0; i < n; i++) x[i] = cf_rng_normal(&rng) * 0.2 + (double)cf_rng_below(&rng, 4);
    for (size_t i = 0; i < n * n; i++) full[i] = fabs(x[i / n] - x[i % n]);
    assert_ok(ctx, cf_tree_spanning_full(ctx, n, full, edge));
    assert_ok(ctx, cf_tree_single_linkage(ctx, n, edge, merge));
    cf_condensed_tree *tree = NULL;
    assert_ok(ctx, cf_tree_condense(ctx, n, merge, min_size, &tree));
    for (int leaves = 0; leaves < 2; leaves++) {
      int label[MOST], seen = 0;
      size_t clusters;
      twin t = {.n = n, .min_size = min_size, .merge = merge, .leaves = leaves};
      memset(t.label, 0xff, sizeof t.label);
      descend(&t, 2 * n - 2, 0, true);
      assert_ok(ctx, cf_tree_select(ctx, tree, leaves, label, stability, &clusters));
      same_partition(n, label, t.label);
      for (size_t i = 0; i < n; i++) {
        assert_true(label[i] <= seen); /* numbered by first appearance */
        if (label[i] == seen) seen++;
      }
      assert_true((size_t)seen == clusters);
      for (size_t c = 0; c < clusters; c++) assert_true(stability[c] > 0);
      found += clusters;
    }
    cf_condensed_tree_free(tree);
  }
  assert_true(found > 100); /* the cases are not all noise */
  cf_context_free(ctx);
}

static void coinciding_points_and_bad_trees(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const double same[12] = {0, 1, 0, 2, 2, 4, 0, 3, 3, 5, 0, 4}, bad[12] = {0, 1, 1, 2, 2, 9, 2, 3, 3, 5, 3, 4};
  cf_condensed_tree *tree = NULL;
  int label[4];
  double stability[8];
  size_t clusters;
  assert_ok(ctx, cf_tree_condense(ctx, 4, same, 2, &tree));
  assert_ok(ctx, cf_tree_select(ctx, tree, false, label, stability, &clusters));
  assert_int_equal(clusters, 0);
  cf_condensed_tree_free(tree);
  assert_ok(ctx, cf_tree_condense(ctx, 1, same, 2, &tree));
  assert_ok(ctx, cf_tree_select(ctx, tree, false, label, stability, &clusters));
  assert_true(clusters == 0 && label[0] == -1);
  cf_condensed_tree_free(tree);
  assert_status(ctx, CF_ERR_INPUT, cf_tree_condense(ctx, 4, bad, 2, &tree));
  assert_null(tree);
  assert_status(ctx, CF_ERR_USAGE, cf_tree_condense(ctx, 4, same, 1, &tree));
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(paths_are_floyd_and_warshalls),
      cmocka_unit_test(negative_lengths_are_refused),
      cmocka_unit_test(spanning_trees_hold_the_edges_that_join),
      cmocka_unit_test(linkage_cuts_where_distances_do),
      cmocka_unit_test(clusters_are_those_of_the_recursive_twin),
      cmocka_unit_test(coinciding_points_and_bad_trees),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
