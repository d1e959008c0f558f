/* Graphs as compressed rows: making them from edges, looking up an edge, connected components.
 *
 * Rows are put in ascending order of column without sorting: the transpose of a row-wise list, written row by row,
 * comes out ordered, and an undirected graph is its own transpose. */
#include "base/internal.h"

#include <cortifold/graph.h>
#include <string.h>

cf_status cf_graph_new(cf_context *ctx, size_t n, const size_t *degree, cf_graph **out) {
  cf_status status = CF_OK;
  cf_graph *g = NULL;
  size_t entries = 0;
  *out = NULL;
  if (n >= UINT32_MAX) return cf_fail(ctx, CF_ERR_USAGE, "a graph of %zu vertices; the most are %u", n, UINT32_MAX - 1);
  for (size_t i = 0; i < n; i++) entries += degree[i];
  CF_TRY(CF_ALLOC(ctx, &g, 1));
  g->n = n;
  CF_TRY(CF_ALLOC(ctx, &g->start, n + 1));
  CF_TRY(CF_ALLOC(ctx, &g->to, CF_MAX(entries, 1)));
  CF_TRY(CF_ALLOC(ctx, &g->weight, CF_MAX(entries, 1)));
  for (size_t i = 0; i < n; i++) g->start[i + 1] = g->start[i] + degree[i];
  *out = g;
  g = NULL;
done:
  cf_graph_free(g);
  return status;
}

void cf_graph_free(cf_graph *graph) {
  if (!graph) return;
  cf_free(graph->start);
  cf_free(graph->to);
  cf_free(graph->weight);
  cf_free(graph);
}

/* Both directions of every edge, rows in the order of the list. next: n counters, on return the ends of the rows. */
static void scatter_edges(cf_graph *g, size_t edges, const uint32_t *a, const uint32_t *b, const double *weight,
                          size_t *next) {
  memcpy(next, g->start, g->n * sizeof *next);
  for (size_t e = 0; e < edges; e++) {
    const double w = weight ? weight[e] : 1;
    g->to[next[a[e]]] = b[e];
    g->weight[next[a[e]]++] = w;
    if (a[e] == b[e]) continue;
    g->to[next[b[e]]] = a[e];
    g->weight[next[b[e]]++] = w;
  }
}

static void transpose(const cf_graph *from, cf_graph *to, size_t *next) {
  memcpy(next, from->start, from->n * sizeof *next);
  for (size_t i = 0; i < from->n; i++)
    for (size_t k = from->start[i]; k < from->start[i + 1]; k++) {
      const size_t at = next[from->to[k]]++;
      to->to[at] = (uint32_t)i;
      to->weight[at] = from->weight[k];
    }
}

static cf_status reject_repeats(cf_context *ctx, const cf_graph *g) {
  for (size_t i = 0; i < g->n; i++)
    for (size_t k = g->start[i]; k + 1 < g->start[i + 1]; k++)
      if (g->to[k] == g->to[k + 1])
        return cf_fail(ctx, CF_ERR_INPUT, "the edge between vertices %zu and %u is given twice", i, g->to[k]);
  return CF_OK;
}

cf_status cf_graph_from_edges(cf_context *ctx, size_t n, size_t edges, const uint32_t *a, const uint32_t *b,
                              const double *weight, cf_graph **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_graph *loose = NULL, *g = NULL;
  size_t *degree = NULL;
  *out = NULL;
  CF_TRY(CF_SCRATCH(ctx, &degree, n + 1));
  memset(degree, 0, (n + 1) * sizeof *degree);
  for (size_t e = 0; e < edges; e++) {
    if (a[e] >= n || b[e] >= n)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "edge %zu joins vertices %u and %u, but there are %zu vertices", e, a[e], b[e],
                     n));
    degree[a[e]]++;
    if (a[e] != b[e]) degree[b[e]]++;
  }
  CF_TRY(cf_graph_new(ctx, n, degree, &loose));
  CF_TRY(cf_graph_new(ctx, n, degree, &g));
  scatter_edges(loose, edges, a, b, weight, degree);
  transpose(loose, g, degree);
  CF_TRY(reject_repeats(ctx, g));
  *out = g;
  g = NULL;
done:
  cf_graph_free(g);
  cf_graph_free(loose);
  cf_scratch_release(ctx, mark);
  return status;
}

size_t cf_graph_edge(const cf_graph *graph, size_t i, size_t j) {
  if (i >= graph->n || j >= graph->n) return SIZE_MAX;
  size_t low = graph->start[i], high = graph->start[i + 1];
  while (low < high) {
    const size_t mid = low + (high - low) / 2;
    if (graph->to[mid] < j)
      low = mid + 1;
    else
      high = mid;
  }
  return low < graph->start[i + 1] && graph->to[low] == j ? low : SIZE_MAX;
}

cf_status cf_graph_components(cf_context *ctx, const cf_graph *graph, size_t *label, size_t *count) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  uint32_t *stack = NULL;
  *count = 0;
  CF_TRY(CF_SCRATCH(ctx, &stack, graph->n + 1));
  for (size_t i = 0; i < graph->n; i++) label[i] = SIZE_MAX;
  for (size_t i = 0; i < graph->n; i++) {
    if (label[i] != SIZE_MAX) continue;
    size_t depth = 0;
    stack[depth++] = (uint32_t)i;
    label[i] = *count;
    while (depth) {
      const size_t v = stack[--depth];
      for (size_t k = graph->start[v]; k < graph->start[v + 1]; k++)
        if (label[graph->to[k]] == SIZE_MAX) {
          label[graph->to[k]] = *count;
          stack[depth++] = graph->to[k];
        }
    }
    ++*count;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
