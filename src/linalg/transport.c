/* Transport between two sets of points with whole-number weights.
 *
 *   min sum_ij cost_ij f_ij   f >= 0, row sums = from, column sums = to
 *
 * Successive shortest paths: the flow is sent along the cheapest path of the residual graph from a source with mass
 * left to a sink with room left, as much as the path takes. Potentials keep reduced costs non-negative (Dijkstra's rule
 * on the dense bipartite graph). Ahuja, Magnanti & Orlin, Network Flows, 1993, chapter 9. */
#include "base/internal.h"

#include <cortifold/linalg.h>
#include <math.h>

typedef struct network {
  size_t n, m;
  const double *cost;
  size_t *left, *room, *flow; /* mass at sources, room at sinks, flow n x m */
  double *pi, *dist;          /* n sources, then m sinks */
  size_t *from;
  bool *done;
} network;

/* Dijkstra from all sources with mass left; returns the sink that was reached first with room left. */
static size_t shortest(network *g) {
  const size_t total = g->n + g->m;
  for (size_t i = 0; i < total; i++) {
    g->dist[i] = i < g->n && g->left[i] ? 0 : INFINITY;
    g->from[i] = total;
    g->done[i] = false;
  }
  for (;;) {
    size_t at = total;
    for (size_t i = 0; i < total; i++)
      if (!g->done[i] && isfinite(g->dist[i]) && (at == total || g->dist[i] < g->dist[at])) at = i;
    if (at == total) return total;
    g->done[at] = true;
    if (at >= g->n && g->room[at - g->n]) return at;
    for (size_t k = 0; k < total; k++) {
      double step;
      if (g->done[k] || (k < g->n) == (at < g->n)) continue;
      if (at < g->n)
        step = g->cost[at * g->m + k - g->n] + g->pi[at] - g->pi[k];
      else if (g->flow[k * g->m + at - g->n])
        step = -g->cost[k * g->m + at - g->n] + g->pi[at] - g->pi[k];
      else
        continue;
      if (g->dist[at] + fmax(step, 0) < g->dist[k]) {
        g->dist[k] = g->dist[at] + fmax(step, 0);
        g->from[k] = at;
      }
    }
  }
}

/* Sends as much as the path to `sink` takes. */
static void push(network *g, size_t sink) {
  const size_t total = g->n + g->m;
  size_t most = g->room[sink - g->n], at = sink;
  for (; g->from[at] != total; at = g->from[at])
    if (at < g->n) most = CF_MIN(most, g->flow[at * g->m + g->from[at] - g->n]);
  most = CF_MIN(most, g->left[at]);
  g->left[at] -= most;
  g->room[sink - g->n] -= most;
  for (at = sink; g->from[at] != total; at = g->from[at]) {
    if (at < g->n)
      g->flow[at * g->m + g->from[at] - g->n] -= most;
    else
      g->flow[g->from[at] * g->m + at - g->n] += most;
  }
}

cf_status cf_transport(cf_context *ctx, size_t n, size_t m, const size_t *from, const size_t *to, const double *cost,
                       double *least) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  network g = {.n = n, .m = m, .cost = cost};
  size_t mass = 0, wanted = 0;
  *least = 0;
  for (size_t i = 0; i < n; i++) mass += from[i];
  for (size_t j = 0; j < m; j++) wanted += to[j];
  if (mass != wanted) return cf_fail(ctx, CF_ERR_USAGE, "transport: masses %zu and %zu differ", mass, wanted);
  for (size_t i = 0; i < n * m; i++)
    if (!isfinite(cost[i]))
      return cf_fail(ctx, CF_ERR_NUMERIC, "transport: the cost at [%zu, %zu] is not finite", i / m, i % m);
  CF_TRY(CF_SCRATCH(ctx, &g.left, n));
  CF_TRY(CF_SCRATCH(ctx, &g.room, m));
  CF_TRY(CF_SCRATCH(ctx, &g.flow, n * m));
  CF_TRY(CF_SCRATCH(ctx, &g.pi, n + m));
  CF_TRY(CF_SCRATCH(ctx, &g.dist, n + m));
  CF_TRY(CF_SCRATCH(ctx, &g.from, n + m));
  CF_TRY(CF_SCRATCH(ctx, &g.done, n + m));
  for (size_t i = 0; i < n * m; i++) g.flow[i] = 0;
  for (size_t i = 0; i < n; i++) g.left[i] = from[i], g.pi[i] = 0;
  for (size_t j = 0; j < m; j++) { /* all costs at or above their column's least: reduced costs start non-negative */
    g.room[j] = to[j];
    g.pi[n + j] = INFINITY;
    for (size_t i = 0; i < n; i++) g.pi[n + j] = fmin(g.pi[n + j], cost[i * m + j]);
  }
  for (size_t sink = shortest(&g); mass > 0 && sink < n + m; sink = shortest(&g)) {
    const double reach = g.dist[sink];
    for (size_t i = 0; i < n + m; i++) g.pi[i] += fmin(g.dist[i], reach);
    push(&g, sink);
    mass = 0;
    for (size_t i = 0; i < n; i++) mass += g.left[i];
    if (mass == 0) break;
  }
  for (size_t i = 0; i < n * m; i++) *least += cost[i] * (double)g.flow[i];
done:
  cf_scratch_release(ctx, mark);
  return status;
}
