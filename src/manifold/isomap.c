/* Isomap: classical scaling of the lengths of shortest paths. Tenenbaum, de Silva & Langford, Science 290, 2319 (2000).
 *
 * Only the largest component (the first of equals) has finite lengths between all its points; the others are left out.
 */
#include "base/internal.h"

#include <cortifold/manifold.h>
#include <cortifold/stats.h>
#include <math.h>
#include <string.h>

/* Vertices of the largest component, in their order. */
static cf_status largest_component(cf_context *ctx, const cf_graph *graph, size_t *member, size_t *count) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *label, *size, components, best = 0;
  CF_TRY(CF_SCRATCH(ctx, &label, graph->n));
  CF_TRY(CF_SCRATCH(ctx, &size, graph->n));
  CF_TRY(cf_graph_components(ctx, graph, label, &components));
  memset(size, 0, graph->n * sizeof *size);
  for (size_t i = 0; i < graph->n; i++) size[label[i]]++;
  for (size_t c = 1; c < components; c++)
    if (size[c] > size[best]) best = c;
  *count = 0;
  for (size_t i = 0; i < graph->n; i++)
    if (label[i] == best) member[(*count)++] = i;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_isomap(cf_context *ctx, const cf_graph *graph, size_t k, double *coordinates, double *values) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = graph->n;
  size_t *member, count;
  double *length, *part;
  CF_TRY(CF_SCRATCH(ctx, &member, n));
  CF_TRY(largest_component(ctx, graph, member, &count));
  if (k < 1 || k >= CF_MAX(count, (size_t)1))
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "isomap: %zu axes for the %zu points of the largest component; at most %zu", k,
                   count, count ? count - 1 : 0));
  CF_TRY(CF_SCRATCH(ctx, &length, n * n));
  CF_TRY(CF_SCRATCH(ctx, &part, count * k));
  CF_TRY(cf_graph_shortest_all(ctx, graph, length));
  for (size_t a = 0; a < count; a++) /* member[a] >= a: nothing is overwritten before it is read */
    for (size_t b = 0; b < count; b++) length[a * count + b] = length[member[a] * n + member[b]];
  CF_TRY(cf_classical_mds(ctx, count, length, k, part, values));
  for (size_t i = 0; i < n * k; i++) coordinates[i] = NAN;
  for (size_t a = 0; a < count; a++) memcpy(coordinates + member[a] * k, part + a * k, k * sizeof *part);
done:
  cf_scratch_release(ctx, mark);
  return status;
}
