/* Single linkage from the edges of a minimum spanning tree, shortest first: each edge merges the two clusters that its
 * ends are in. Gower & Ross, Appl. Statist. 18, 54 (1969). O(n log n) at most. */
#include "base/internal.h"

#include <cortifold/graph.h>
#include <math.h>

static size_t cluster_of(size_t *up, size_t i) {
  while (up[i] != i) {
    up[i] = up[up[i]];
    i = up[i];
  }
  return i;
}

cf_status cf_tree_single_linkage(cf_context *ctx, size_t n, const cf_tree_edge *edge, double *merge) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *up;
  if (n < 2) return CF_OK;
  CF_TRY(CF_SCRATCH(ctx, &up, 2 * n));
  for (size_t i = 0; i < 2 * n; i++) up[i] = i;
  for (size_t k = 0; k + 1 < n; k++) {
    if (edge[k].a >= n || edge[k].b >= n || (k > 0 && !(edge[k - 1].weight <= edge[k].weight)))
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "single linkage: edge %zu is out of order or out of range", k));
    const size_t a = cluster_of(up, edge[k].a), b = cluster_of(up, edge[k].b);
    if (a == b) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "single linkage: edge %zu closes a circle", k));
    double size = 0;
    const size_t pair[2] = {CF_MIN(a, b), CF_MAX(a, b)};
    for (int side = 0; side < 2; side++) {
      merge[4 * k + (size_t)side] = (double)pair[side];
      size += pair[side] < n ? 1 : merge[4 * (pair[side] - n) + 3];
    }
    merge[4 * k + 2] = edge[k].weight;
    merge[4 * k + 3] = size;
    up[a] = up[b] = n + k;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
