/* Density clusters of the points of a manifold, with neighbourhoods from its graph.
 *
 * HDBSCAN with one change: the core distance of a point is that to its farthest neighbour in the graph, not to its k-th
 * neighbour. Mutual reachability of i and j: max(core_i, core_j, |x_i - x_j|); its minimum spanning tree, single
 * linkage, condensed tree, and clusters by excess of mass. A vertex without neighbours is far from everything
 * (infinite core distance), hence noise. Campello, Moulavi & Sander, PAKDD 2013; neighbours from the graph: Dyballa et
 * al., PNAS 2024. O(n^2 dims) time, O(n) memory. */
#include "base/internal.h"

#include <cortifold/manifold.h>
#include <math.h>

typedef struct reach {
  size_t n, dims;
  const double *points, *core;
} reach;

static double distance(const reach *r, size_t i, size_t j) {
  double sum = 0;
  for (size_t d = 0; d < r->dims; d++) {
    const double step = r->points[i * r->dims + d] - r->points[j * r->dims + d];
    sum += step * step;
  }
  return sqrt(sum);
}

static cf_status reachability(cf_context *ctx, size_t i, double *length, void *payload) {
  (void)ctx;
  const reach *r = payload;
  for (size_t j = 0; j < r->n; j++) length[j] = fmax(distance(r, i, j), fmax(r->core[i], r->core[j]));
  return CF_OK;
}

static void core_distances(const reach *r, const cf_graph *graph, double *core) {
  for (size_t i = 0; i < r->n; i++) {
    bool alone = true;
    core[i] = 0;
    for (size_t k = graph->start[i]; k < graph->start[i + 1]; k++) {
      if (graph->to[k] == i) continue;
      core[i] = fmax(core[i], distance(r, i, graph->to[k]));
      alone = false;
    }
    if (alone) core[i] = INFINITY;
  }
}

static cf_status select_clusters(cf_context *ctx, cf_clustering *c) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *stability;
  CF_TRY(CF_SCRATCH(ctx, &stability, c->tree->clusters));
  CF_TRY(cf_tree_select(ctx, c->tree, false, c->label, stability, &c->clusters));
  CF_TRY(CF_ALLOC(ctx, &c->stability, c->clusters));
  for (size_t i = 0; i < c->clusters; i++) c->stability[i] = stability[i];
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_cluster_manifold(cf_context *ctx, size_t n, size_t dims, const double *points, const cf_graph *graph,
                              size_t min_size, cf_clustering **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_clustering *c = NULL;
  cf_tree_edge *edge;
  const cf_view view = cf_view_matrix(points, n, dims);
  *out = NULL;
  if (graph->n != n) return cf_fail(ctx, CF_ERR_INPUT, "clusters: %zu points and a graph of %zu vertices", n, graph->n);
  CF_TRY(cf_view_check_finite(ctx, &view, "clusters: points"));
  CF_TRY(CF_ALLOC(ctx, &c, 1));
  c->n = n;
  CF_TRY(CF_ALLOC(ctx, &c->label, n));
  CF_TRY(CF_ALLOC(ctx, &c->core, n));
  CF_TRY(CF_ALLOC(ctx, &c->merge, 4 * n));
  CF_TRY(CF_SCRATCH(ctx, &edge, n));
  reach r = {n, dims, points, c->core};
  core_distances(&r, graph, c->core);
  CF_TRY(cf_tree_spanning_rows(ctx, n, reachability, &r, edge));
  CF_TRY(cf_tree_single_linkage(ctx, n, edge, c->merge));
  CF_TRY(cf_tree_condense(ctx, n, c->merge, min_size, &c->tree));
  CF_TRY(select_clusters(ctx, c));
  *out = c;
  c = NULL;
done:
  cf_clustering_free(c);
  cf_scratch_release(ctx, mark);
  return status;
}

void cf_clustering_free(cf_clustering *clustering) {
  if (!clustering) return;
  cf_free(clustering->label);
  cf_free(clustering->merge);
  cf_free(clustering->core);
  cf_free(clustering->stability);
  cf_condensed_tree_free(clustering->tree);
  cf_free(clustering);
}
