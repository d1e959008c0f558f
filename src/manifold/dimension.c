/* Local dimension of the points of a neighbourhood graph.
 *
 * Neighbourhood correlation dimension (NCD). The hood of a point, all within `hops` edges, is centred anew on its
 * medoid m (smallest median squared distance to the hood) and joined with the hood of m. With d_j the distances from m,
 * itself included, S(sigma) = sum_j exp(-d_j^2 / 2 sigma^2) grows like sigma^dimension as long as sigma sees a piece of
 * the manifold and not its grain or its edge:
 *   g1 = dlnS/dlnsigma = A / (S sigma^2),   g2 = dg1/dlog10 sigma = ln 10 (B / (S sigma^4) - g1^2 - 2 g1),
 * A = sum d^2 e, B = sum d^4 e over e = exp(-d^2 / 2 sigma^2). On a grid of log10 sigma, behind the first local maximum
 * of g2, the dimension is the largest g1 where g2 turns from positive to negative.
 *
 * Degree dimension: floor(max(1, log2 degree)), since a Gabriel graph in d dimensions has about 2^d neighbours. Both
 * are averaged over graph neighbours. Boundaries bias the NCD down. Dyballa & Zucker (2023), arXiv 2208.09123. */
#include "base/internal.h"

#include <cortifold/manifold.h>
#include <cortifold/stats.h>
#include <math.h>
#include <string.h>

#define STEP       0.01 /* of log10 sigma */
#define WIDE_STEP  0.25 /* while its ends are looked for */
#define FLAT       1e-4 /* g1 at the ends */
#define MOST_STEPS 400  /* of WIDE_STEP, 100 decades */

typedef struct hoods {
  size_t n, hops;
  const double *squared;
  const cf_graph *graph;
  double *raw; /* n: before the mean over neighbours */
} hoods;

/* Adds what lies within the hops of i to the list; `distance` (n) is hops + 1 outside. */
static size_t add_hood(const hoods *h, size_t i, bool *inside, uint32_t *list, size_t count, uint32_t *queue,
                       uint32_t *distance) {
  size_t head = 0, tail = 0;
  for (size_t j = 0; j < h->n; j++) distance[j] = UINT32_MAX;
  distance[i] = 0;
  queue[tail++] = (uint32_t)i;
  while (head < tail) {
    const uint32_t v = queue[head++];
    if (!inside[v]) list[count++] = v;
    inside[v] = true;
    if (distance[v] == h->hops) continue;
    for (size_t k = h->graph->start[v]; k < h->graph->start[v + 1]; k++)
      if (distance[h->graph->to[k]] == UINT32_MAX) {
        distance[h->graph->to[k]] = distance[v] + 1;
        queue[tail++] = h->graph->to[k];
      }
  }
  return count;
}

static size_t medoid(const hoods *h, const uint32_t *list, size_t count, double *row) {
  size_t best = list[0];
  double least = INFINITY;
  for (size_t a = 0; a < count; a++) {
    for (size_t b = 0; b < count; b++) row[b] = h->squared[list[a] * h->n + list[b]];
    const double middle = cf_median(count, row);
    if (middle < least || (middle == least && list[a] < best)) {
      least = middle;
      best = list[a];
    }
  }
  return best;
}

static void slopes(size_t count, const double *d2, double log_sigma, double *g1, double *g2) {
  const double square = pow(10, 2 * log_sigma);
  double s = 0, a = 0, b = 0;
  for (size_t i = 0; i < count; i++) {
    const double x = d2[i] / square, e = exp(-0.5 * x);
    s += e;
    a += x * e;
    b += x * x * e;
  }
  *g1 = a / s;
  *g2 = log(10) * (b / s - *g1 * *g1 - 2 * *g1);
}

/* From the middle outwards to where S no longer changes. */
static double flat_end(size_t count, const double *d2, double middle, double step) {
  double end = middle, g1, g2;
  for (int k = 0; k < MOST_STEPS; k++) {
    slopes(count, d2, end, &g1, &g2);
    if (!(g1 > FLAT)) break;
    end += step;
  }
  return end;
}

/* NCD from squared distances to the centre; 0 when all are 0. work: count. */
static double correlation_dimension(size_t count, const double *d2, double *work) {
  size_t positive = 0;
  for (size_t i = 0; i < count; i++)
    if (d2[i] > 0) work[positive++] = d2[i];
  if (positive == 0) return 0;
  const double middle = 0.5 * log10(cf_median(positive, work));
  const double low = flat_end(count, d2, middle, -WIDE_STEP), high = flat_end(count, d2, middle, WIDE_STEP);
  double best = 0, g1[3] = {0}, g2[3] = {0}; /* of the last three steps */
  bool behind = false;
  for (size_t k = 0; low + STEP * (double)k < high; k++) {
    memmove(g1, g1 + 1, 2 * sizeof *g1);
    memmove(g2, g2 + 1, 2 * sizeof *g2);
    slopes(count, d2, low + STEP * (double)k, &g1[2], &g2[2]);
    if (k >= 2 && g2[1] > g2[0] && g2[1] >= g2[2]) behind = true;
    if (behind && g2[1] > 0 && g2[2] <= 0) best = fmax(best, fmax(g1[1], g1[2]));
  }
  return best;
}

static cf_status hood_task(cf_context *worker, size_t i, void *payload) {
  const hoods *h = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  uint32_t *list, *queue, *distance;
  double *row, *d2;
  bool *inside;
  CF_TRY(CF_SCRATCH(worker, &list, h->n));
  CF_TRY(CF_SCRATCH(worker, &queue, h->n));
  CF_TRY(CF_SCRATCH(worker, &distance, h->n));
  CF_TRY(CF_SCRATCH(worker, &row, h->n));
  CF_TRY(CF_SCRATCH(worker, &d2, h->n));
  CF_TRY(CF_SCRATCH(worker, &inside, h->n));
  memset(inside, 0, h->n * sizeof *inside);
  size_t count = add_hood(h, i, inside, list, 0, queue, distance);
  const size_t centre = medoid(h, list, count, row);
  count = add_hood(h, centre, inside, list, count, queue, distance);
  for (size_t k = 0; k < count; k++) d2[k] = h->squared[centre * h->n + list[k]];
  h->raw[i] = correlation_dimension(count, d2, row);
  cf_progress_step(worker, 1);
  CF_TRY(cf_check_cancel(worker));
done:
  cf_scratch_release(worker, mark);
  return status;
}

static double degree_dimension(const cf_graph *g, size_t i) {
  return floor(fmax(1, log2((double)CF_MAX(cf_graph_degree(g, i), (size_t)1))));
}

static void neighbour_means(const cf_graph *g, const double *raw, double *ncd, double *degree) {
  for (size_t i = 0; i < g->n; i++) {
    double count = 0, sum = 0, by_degree = 0;
    for (size_t k = g->start[i]; k < g->start[i + 1]; k++) {
      sum += raw[g->to[k]];
      by_degree += degree_dimension(g, g->to[k]);
      count++;
    }
    ncd[i] = count > 0 ? sum / count : NAN;
    degree[i] = count > 0 ? by_degree / count : NAN;
  }
}

cf_status cf_local_dimension(cf_context *ctx, size_t n, const double *squared, const cf_graph *graph, size_t hops,
                             double *ncd, double *degree, double *dimension) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  hoods h = {.n = n, .hops = hops, .squared = squared, .graph = graph};
  double *raw;
  const cf_view view = cf_view_matrix(squared, n, n);
  if (graph->n != n)
    return cf_fail(ctx, CF_ERR_INPUT, "local dimension: %zu points and a graph of %zu vertices", n, graph->n);
  if (hops < 1 || hops >= UINT32_MAX)
    return cf_fail(ctx, CF_ERR_USAGE, "local dimension over %zu hops; at least 1", hops);
  CF_TRY(cf_view_check_finite(ctx, &view, "local dimension: squared distances"));
  CF_TRY(CF_SCRATCH(ctx, &raw, n));
  h.raw = raw;
  cf_progress_begin(ctx, "local dimension", n);
  status = cf_parallel_for(ctx, n, hood_task, &h);
  cf_progress_end(ctx);
  CF_TRY(status);
  neighbour_means(graph, raw, ncd, degree);
  for (size_t i = 0; i < n && dimension; i++) dimension[i] = fmax(ncd[i], degree[i]);
done:
  cf_scratch_release(ctx, mark);
  return status;
}
