/* Linear assignment: the permutation s that minimises sum_i cost[i, s(i)].
 *
 * One row after the other joins the matching along a shortest augmenting path of reduced costs
 * cost[i,j] - u_i - v_j >= 0, whose potentials u, v are kept feasible (Dijkstra's rule). O(n^3).
 * Jonker & Volgenant, Computing 38, 325 (1987); Kuhn, Naval Research Logistics 2, 83 (1955). */
#include "base/internal.h"

#include <cortifold/linalg.h>
#include <math.h>

typedef struct matching {
  size_t n;
  const double *cost;
  double *u, *v, *least; /* potentials of rows and columns; shortest path found to each column */
  size_t *row, *from;    /* row of each column (SIZE_MAX: free); column before it on the path */
  bool *done;
} matching;

/* Column n stands for the start. */
static void augment(matching *m, size_t start) {
  const size_t n = m->n;
  size_t at = n;
  m->row[n] = start;
  for (size_t j = 0; j <= n; j++) {
    m->least[j] = INFINITY;
    m->done[j] = false;
  }
  while (m->row[at] != SIZE_MAX) {
    const size_t i = m->row[at];
    size_t next = n;
    double step = INFINITY;
    m->done[at] = true;
    for (size_t j = 0; j < n; j++) {
      if (m->done[j]) continue;
      const double reduced = m->cost[i * n + j] - m->u[i] - m->v[j];
      if (reduced < m->least[j]) {
        m->least[j] = reduced;
        m->from[j] = at;
      }
      if (m->least[j] < step) {
        step = m->least[j];
        next = j;
      }
    }
    for (size_t j = 0; j <= n; j++) {
      if (m->done[j]) {
        m->u[m->row[j]] += step;
        m->v[j] -= step;
      } else {
        m->least[j] -= step;
      }
    }
    at = next;
  }
  for (; at != n; at = m->from[at]) m->row[at] = m->row[m->from[at]];
}

cf_status cf_assignment(cf_context *ctx, size_t n, const double *cost, size_t *column) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  matching m = {.n = n, .cost = cost};
  for (size_t i = 0; i < n * n; i++)
    if (!isfinite(cost[i]))
      return cf_fail(ctx, CF_ERR_NUMERIC, "assignment: the cost at [%zu, %zu] is not finite", i / n, i % n);
  CF_TRY(CF_SCRATCH(ctx, &m.u, n + 1));
  CF_TRY(CF_SCRATCH(ctx, &m.v, n + 1));
  CF_TRY(CF_SCRATCH(ctx, &m.least, n + 1));
  CF_TRY(CF_SCRATCH(ctx, &m.row, n + 1));
  CF_TRY(CF_SCRATCH(ctx, &m.from, n + 1));
  CF_TRY(CF_SCRATCH(ctx, &m.done, n + 1));
  for (size_t j = 0; j <= n; j++) {
    m.u[j] = m.v[j] = 0;
    m.row[j] = SIZE_MAX;
  }
  for (size_t i = 0; i < n; i++) augment(&m, i);
  for (size_t j = 0; j < n; j++) column[m.row[j]] = j;
done:
  cf_scratch_release(ctx, mark);
  return status;
}
