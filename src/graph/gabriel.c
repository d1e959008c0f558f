/* Gabriel graph: i and j are neighbours unless a third point lies in the ball that has the line between them as its
 * diameter.
 *
 *   edge ij unless some k has d2_ik + d2_jk <= d2_ij + 10 eps m,   m the smallest squared distance
 *
 * The published code takes the test in single precision on distances divided by their smallest, eps that of float.
 * Reference: Gabriel & Sokal (1969), Syst Zool 18:259; Dyballa & Zucker (2023), arXiv 2208.09123.
 *
 * A plain search is n^3/6 tests. Most pairs are far apart and are ruled out by one of the nearest neighbours of i: the
 * smallest d2_ik + d2_kj over these few k is taken for all j at once, row by row of the matrix. A pair that they leave
 * is held against all points. */
#include "graph/internal.h"
#include "base/internal.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { NEAREST = 32, CHUNK = 256 };

typedef struct gabriel {
  size_t n, words;
  const double *squared;
  float *single; /* NULL: decisions in double */
  double tie;
  uint64_t *edge; /* n rows of `words` bits; bit j of row i, j > i */
} gabriel;

/* How many k have a_k + b_k <= bound. */
CF_CLONES static size_t count_within(size_t n, const double *restrict a, const double *restrict b, double bound) {
  uint64_t hits = 0;
  for (size_t k = 0; k < n; k++) hits += a[k] + b[k] <= bound;
  return hits;
}

CF_CLONES static size_t count_within_single(size_t n, const float *restrict a, const float *restrict b, float bound) {
  uint32_t hits = 0;
  for (size_t k = 0; k < n; k++) hits += a[k] + b[k] <= bound;
  return hits;
}

/* Any k besides i and j themselves, which always count. */
static bool is_blocked(const gabriel *g, size_t i, size_t j, double bound) {
  const double *a = g->squared + i * g->n, *b = g->squared + j * g->n;
  size_t hits = 0;
  for (size_t k = 0; k < g->n && hits <= 2; k += CHUNK)
    hits += count_within(CF_MIN((size_t)CHUNK, g->n - k), a + k, b + k, bound);
  return hits > 2;
}

static bool is_blocked_single(const gabriel *g, size_t i, size_t j) {
  const float *a = g->single + i * g->n, *b = g->single + j * g->n;
  const float bound = a[j] + (float)g->tie;
  size_t hits = 0;
  for (size_t k = 0; k < g->n && hits <= 2; k += CHUNK)
    hits += count_within_single(CF_MIN((size_t)CHUNK, g->n - k), a + k, b + k, bound);
  return hits > 2;
}

/* The nearest points of a row, ascending, without the point itself. */
static size_t nearest_of(size_t n, const double *row, size_t self, uint32_t near[NEAREST]) {
  size_t m = 0;
  double last = INFINITY;
  for (size_t k = 0; k < n; k++) {
    if (row[k] >= last || k == self) continue;
    size_t at = m < NEAREST ? m++ : NEAREST - 1;
    for (; at > 0 && row[near[at - 1]] > row[k]; at--) near[at] = near[at - 1];
    near[at] = (uint32_t)k;
    if (m == NEAREST) last = row[near[m - 1]];
  }
  return m;
}

/* least[j] = min(least[j], a + b[j]) */
CF_CLONES static void lower_to_sum(size_t n, double a, const double *restrict b, double *restrict least) {
  for (size_t j = 0; j < n; j++) least[j] = a + b[j] < least[j] ? a + b[j] : least[j];
}

/* One row of decisions in double. least: n of scratch. */
static void find_row(const gabriel *g, size_t i, double *least, uint64_t *bits) {
  const size_t n = g->n, first = i + 1;
  const double *row = g->squared + i * n;
  uint32_t near[NEAREST];
  const size_t m = nearest_of(n, row, i, near);
  for (size_t j = first; j < n; j++) least[j] = INFINITY;
  for (size_t k = 0; k < m; k++)
    lower_to_sum(n - first, row[near[k]], g->squared + (size_t)near[k] * n + first, least + first);
  for (size_t k = 0; k < m; k++) least[near[k]] = INFINITY; /* a point rules out no edge of its own */
  for (size_t j = first; j < n; j++) {
    const double bound = row[j] + g->tie;
    if (least[j] > bound && !is_blocked(g, i, j, bound)) bits[j / 64] |= (uint64_t)1 << (j % 64);
  }
}

static cf_status find_rows(cf_context *worker, size_t i, void *payload) {
  cf_status status = CF_OK;
  const gabriel *g = payload;
  uint64_t *bits = g->edge + i * g->words;
  double *least = NULL;
  memset(bits, 0, g->words * sizeof *bits);
  if (g->single) {
    for (size_t j = i + 1; j < g->n; j++)
      if (!is_blocked_single(g, i, j)) bits[j / 64] |= (uint64_t)1 << (j % 64);
    goto done;
  }
  CF_TRY(CF_SCRATCH(worker, &least, g->n));
  find_row(g, i, least, bits);
done:
  return status;
}

static cf_status collect_edges(cf_context *ctx, const gabriel *g, cf_graph **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  uint32_t *a = NULL, *b = NULL;
  double *length = NULL;
  size_t edges = 0, e = 0;
  for (size_t w = 0; w < g->n * g->words; w++)
    for (uint64_t bits = g->edge[w]; bits; bits &= bits - 1) edges++;
  CF_TRY(CF_SCRATCH(ctx, &a, edges + 1));
  CF_TRY(CF_SCRATCH(ctx, &b, edges + 1));
  CF_TRY(CF_SCRATCH(ctx, &length, edges + 1));
  for (size_t i = 0; i < g->n; i++)
    for (size_t w = 0; w < g->words; w++) {
      const uint64_t bits = g->edge[i * g->words + w];
      for (size_t k = 0; bits >> k; k++) {
        if ((bits >> k & 1) != 0) {
          a[e] = (uint32_t)i;
          b[e] = (uint32_t)(w * 64 + k);
          length[e] = sqrt(g->squared[i * g->n + b[e]]);
          e++;
        }
        if (k == 63) break;
      }
    }
  CF_TRY(cf_graph_from_edges(ctx, g->n, edges, a, b, length, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_gabriel_checked(cf_context *ctx, size_t n, const double *squared, double least, bool single_precision,
                             cf_graph **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  gabriel g = {n, (n + 63) / 64, squared, NULL, 10 * DBL_EPSILON * least, NULL};
  size_t count = 0;
  *out = NULL;
  CF_TRY(cf_size_mul(ctx, n, n, &count));
  CF_TRY(CF_SCRATCH(ctx, &g.edge, n * g.words));
  if (single_precision) {
    g.tie = 10 * (double)FLT_EPSILON;
    CF_TRY(CF_SCRATCH(ctx, &g.single, count));
    for (size_t k = 0; k < count; k++) g.single[k] = (float)(squared[k] / least);
  }
  CF_TRY(cf_parallel_for(ctx, n, find_rows, &g));
  CF_TRY(collect_edges(ctx, &g, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_graph_gabriel_distances(cf_context *ctx, size_t n, const double *squared, bool single_precision,
                                     cf_graph **out) {
  cf_status status = CF_OK;
  double least = 0;
  *out = NULL;
  CF_TRY(cf_squared_check(ctx, n, squared, false, &least));
  CF_TRY(cf_gabriel_checked(ctx, n, squared, least, single_precision, out));
done:
  return status;
}

cf_status cf_graph_gabriel(cf_context *ctx, size_t n, size_t dims, const double *points, bool single_precision,
                           cf_graph **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *squared = NULL, least = 0;
  size_t count = 0;
  *out = NULL;
  CF_TRY(cf_size_mul(ctx, n, n, &count));
  CF_TRY(CF_SCRATCH(ctx, &squared, count + 1));
  CF_TRY(cf_squared_distances(ctx, n, dims, points, squared));
  CF_TRY(cf_squared_check(ctx, n, squared, true, &least));
  CF_TRY(cf_gabriel_checked(ctx, n, squared, least, single_precision, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}
