/* Geodesics from heat: how little of what is put in at one point arrives at another.
 *
 * K without its diagonal, D its row sums, L = D - K. One implicit step of heat flow of length t gives
 * G = (D + t L)^-1, and
 *   d_ij = -c ln(G_ij / sqrt(G_ii G_jj)).
 * This is a metric for every t > 0, since G_ij G_jk <= G_ik G_jj for walks that are killed now and then; it adds up
 * along points that every way must pass. For t -> 0 the shortest ways count alone (Varadhan), for large t all of them.
 * t counts steps of the walk. c makes the median of d over the edges of the graph equal their median length; without a
 * graph it is sqrt(t), the natural unit of the walk.
 *
 * D + t L is an M-matrix: its Cholesky factor and all substitutions add numbers of one sign, so that entries of G hold
 * their digits even where they are many decades below the largest.
 *
 * Varadhan, Comm. Pure Appl. Math. 20, 431 (1967); Crane, Weischedel & Wardetzky, ACM Trans. Graph. 32, 152 (2013) for
 * the implicit step; Chebotarev, Discrete Appl. Math. 159, 295 (2011) for the metric. O(n^3). */
#include "base/internal.h"

#include <cortifold/linalg.h>
#include <cortifold/manifold.h>
#include <cortifold/stats.h>
#include <math.h>
#include <string.h>

static cf_status fill(cf_context *ctx, const cf_graph *kernel, double time, double *a) {
  const size_t n = kernel->n;
  memset(a, 0, n * n * sizeof *a);
  for (size_t i = 0; i < n; i++) {
    double sum = 0;
    for (size_t k = kernel->start[i]; k < kernel->start[i + 1]; k++) {
      const size_t j = kernel->to[k];
      const double weight = kernel->weight[k];
      if (!(weight >= 0 && weight < INFINITY))
        return cf_fail(ctx, CF_ERR_INPUT, "heat geodesics: entry (%zu, %zu) of the kernel is %g", i, j, weight);
      if (j == i) continue;
      a[i * n + j] = -time * weight;
      sum += weight;
    }
    a[i * n + i] = sum > 0 ? (1 + time) * sum : 1; /* a point that is alone */
  }
  return CF_OK;
}

/* What brings the median over edges to the median length; edges between components do not count. */
static cf_status unit_of(cf_context *ctx, const cf_graph *graph, const double *distance, double *unit) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *length, *heat;
  size_t edges = 0;
  CF_TRY(CF_SCRATCH(ctx, &length, graph->start[graph->n] + 1));
  CF_TRY(CF_SCRATCH(ctx, &heat, graph->start[graph->n] + 1));
  for (size_t i = 0; i < graph->n; i++)
    for (size_t k = graph->start[i]; k < graph->start[i + 1]; k++) {
      const double d = distance[i * graph->n + graph->to[k]];
      if (graph->to[k] <= i || !isfinite(d)) continue;
      length[edges] = graph->weight[k];
      heat[edges++] = d;
    }
  if (edges == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "heat geodesics: no edge of the graph is in the kernel"));
  *unit = cf_median(edges, length) / cf_median(edges, heat);
  if (!(isfinite(*unit) && *unit > 0))
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "heat geodesics: the median length of the graph's edges is not positive"));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Heat that arrived (n x n) becomes distance in units of the walk, in place. */
static cf_status take_logs(cf_context *ctx, const cf_graph *kernel, double time, double *distance) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = kernel->n;
  size_t *component, components;
  double *own;
  CF_TRY(CF_SCRATCH(ctx, &component, n));
  CF_TRY(CF_SCRATCH(ctx, &own, n));
  CF_TRY(cf_graph_components(ctx, kernel, component, &components));
  for (size_t i = 0; i < n; i++) own[i] = log(distance[i * n + i]);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j <= i; j++) {
      const double both = 0.5 * (distance[i * n + j] + distance[j * n + i]);
      double d = i == j ? 0 : fmax(0, 0.5 * (own[i] + own[j]) - log(both));
      if (component[i] != component[j]) d = INFINITY;
      if (isinf(d) && component[i] == component[j])
        CF_TRY(cf_fail(ctx, CF_ERR_NUMERIC,
                       "heat geodesics: in time %g nothing arrives from point %zu at point %zu; use a longer time",
                       time, j, i));
      distance[i * n + j] = distance[j * n + i] = d;
    }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_heat_geodesics(cf_context *ctx, const cf_graph *kernel, const cf_graph *graph, double time,
                            double *distance) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = kernel->n;
  double *a, unit = sqrt(time);
  if (!(time > 0 && time < INFINITY)) return cf_fail(ctx, CF_ERR_USAGE, "heat geodesics: time %g; it is above 0", time);
  if (graph && graph->n != n)
    return cf_fail(ctx, CF_ERR_INPUT, "heat geodesics: a kernel of %zu points and a graph of %zu", n, graph->n);
  CF_TRY(CF_SCRATCH(ctx, &a, n * n));
  CF_TRY(fill(ctx, kernel, time, a));
  CF_TRY(cf_cholesky(ctx, n, a));
  memset(distance, 0, n * n * sizeof *distance);
  for (size_t i = 0; i < n; i++) distance[i * n + i] = 1;
  CF_TRY(cf_solve_lower(ctx, false, n, a, n, distance));
  CF_TRY(cf_solve_lower(ctx, true, n, a, n, distance));
  CF_TRY(take_logs(ctx, kernel, time, distance));
  if (graph) CF_TRY(unit_of(ctx, graph, distance, &unit));
  for (size_t i = 0; i < n * n; i++) distance[i] *= unit;
done:
  cf_scratch_release(ctx, mark);
  return status;
}
