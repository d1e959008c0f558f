/* Minimum spanning trees. Sparse graphs by Kruskal's algorithm, complete ones by Prim's on rows of lengths.
 *
 * Edges are ordered by (length, smaller vertex, larger vertex). In that order no two are equal, so there is exactly one
 * minimum spanning tree, and both algorithms find it. Kruskal, Proc. AMS 7, 48 (1956); Prim, Bell Syst. Tech. J. 36,
 * 1389 (1957). */
#include "base/internal.h"

#include <cortifold/graph.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare_edges(const void *x, const void *y) {
  const cf_tree_edge *a = x, *b = y;
  if (a->weight != b->weight) return a->weight < b->weight ? -1 : 1;
  if (a->a != b->a) return a->a < b->a ? -1 : 1;
  return a->b < b->b ? -1 : a->b > b->b;
}

static cf_tree_edge edge_of(size_t i, size_t j, double weight) {
  return (cf_tree_edge){(uint32_t)CF_MIN(i, j), (uint32_t)CF_MAX(i, j), weight};
}

static uint32_t root_of(uint32_t *up, uint32_t i) {
  while (up[i] != i) {
    up[i] = up[up[i]];
    i = up[i];
  }
  return i;
}

cf_status cf_tree_spanning(cf_context *ctx, const cf_graph *graph, cf_tree_edge *edge) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_tree_edge *all;
  uint32_t *up;
  size_t edges = 0, taken = 0;
  CF_TRY(CF_SCRATCH(ctx, &all, graph->start[graph->n]));
  CF_TRY(CF_SCRATCH(ctx, &up, graph->n));
  for (size_t i = 0; i < graph->n; i++) {
    up[i] = (uint32_t)i;
    for (size_t k = graph->start[i]; k < graph->start[i + 1]; k++) {
      if (isnan(graph->weight[k]))
        CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "spanning tree: the edge between vertices %zu and %u has no length (NaN)", i,
                       graph->to[k]));
      if (graph->to[k] > i) all[edges++] = edge_of(i, graph->to[k], graph->weight[k]);
    }
  }
  qsort(all, edges, sizeof *all, compare_edges);
  for (size_t e = 0; e < edges && taken + 1 < graph->n; e++) {
    const uint32_t a = root_of(up, all[e].a), b = root_of(up, all[e].b);
    if (a == b) continue;
    up[CF_MAX(a, b)] = CF_MIN(a, b);
    edge[taken++] = all[e];
  }
  /* The root of a component is its first vertex. */
  for (uint32_t i = 1; i < graph->n; i++)
    if (root_of(up, i) != root_of(up, 0)) {
      edge[taken++] = edge_of(0, i, INFINITY);
      up[i] = 0;
    }
  qsort(edge, taken, sizeof *edge, compare_edges); /* infinite lengths in the graph itself may precede these */
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_tree_spanning_rows(cf_context *ctx, size_t n, cf_length_row_fn row, void *payload, cf_tree_edge *edge) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_tree_edge *best; /* shortest edge from the tree to each vertex outside it */
  uint32_t *outside;
  double *length;
  size_t left = n - 1, newest = 0;
  if (n < 2) return CF_OK;
  CF_TRY(CF_SCRATCH(ctx, &best, n));
  CF_TRY(CF_SCRATCH(ctx, &outside, n));
  CF_TRY(CF_SCRATCH(ctx, &length, n));
  for (size_t i = 1; i < n; i++) {
    outside[i - 1] = (uint32_t)i;
    best[i] = edge_of(n, n, INFINITY); /* after every true edge */
  }
  for (size_t taken = 0; taken + 1 < n; taken++) {
    size_t nearest = 0;
    CF_TRY(row(ctx, newest, length, payload));
    for (size_t k = 0; k < left; k++) {
      const size_t j = outside[k];
      if (isnan(length[j]))
        CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "spanning tree: the length between %zu and %zu is NaN", newest, j));
      const cf_tree_edge way = edge_of(newest, j, length[j]);
      if (way.weight <= best[j].weight && compare_edges(&way, &best[j]) < 0) best[j] = way;
      if (compare_edges(&best[j], &best[outside[nearest]]) < 0) nearest = k;
    }
    newest = outside[nearest];
    edge[taken] = best[newest];
    outside[nearest] = outside[--left];
    CF_TRY(cf_check_cancel(ctx));
  }
  qsort(edge, n - 1, sizeof *edge, compare_edges);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

typedef struct full {
  size_t n;
  const double *length;
} full;

static cf_status copy_row(cf_context *ctx, size_t i, double *length, void *payload) {
  (void)ctx;
  const full *f = payload;
  memcpy(length, f->length + i * f->n, f->n * sizeof *length);
  return CF_OK;
}

cf_status cf_tree_spanning_full(cf_context *ctx, size_t n, const double *length, cf_tree_edge *edge) {
  full f = {n, length};
  return cf_tree_spanning_rows(ctx, n, copy_row, &f, edge);
}
