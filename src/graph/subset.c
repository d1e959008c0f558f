/* The part of a graph between chosen vertices, renumbered in their order. */
#include "base/internal.h"

#include <cortifold/graph.h>

cf_status cf_graph_subset(cf_context *ctx, const cf_graph *graph, const bool *keep, cf_graph **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *number = NULL, *degree = NULL, n = 0;
  cf_graph *g = NULL;
  *out = NULL;
  CF_TRY(CF_SCRATCH(ctx, &number, graph->n));
  CF_TRY(CF_SCRATCH(ctx, &degree, graph->n));
  for (size_t i = 0; i < graph->n; i++)
    if (keep[i]) number[i] = n++;
  for (size_t i = 0; i < graph->n; i++) {
    if (!keep[i]) continue;
    size_t d = 0;
    for (size_t e = graph->start[i]; e < graph->start[i + 1]; e++) d += keep[graph->to[e]];
    degree[number[i]] = d;
  }
  CF_TRY(cf_graph_new(ctx, n, degree, &g));
  for (size_t i = 0; i < graph->n; i++) {
    if (!keep[i]) continue;
    size_t at = g->start[number[i]];
    for (size_t e = graph->start[i]; e < graph->start[i + 1]; e++) {
      if (!keep[graph->to[e]]) continue;
      g->to[at] = (uint32_t)number[graph->to[e]];
      g->weight[at++] = graph->weight[e];
    }
  }
  *out = g;
done:
  cf_scratch_release(ctx, mark);
  return status;
}
