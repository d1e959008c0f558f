/* The nearest points of many points, and the Gabriel graph among them, without a matrix of distances.
 *
 * Distances are made in tiles, a few rows by a few hundred columns, and each row keeps its k smallest in a heap. A pair
 * ij is a candidate when j is among the k nearest of i or the other way round. A point that rules out ij lies within
 * d_ij of both, so where j is among the nearest of i such a point is, too, and looking through the nearest of i and of
 * j decides every candidate as looking through all points would. What is lost are the edges between points that are not
 * among each other's k nearest.
 * A minimum spanning tree of all points adds its edges: a point in the ball of such an edge would be nearer to both
 * ends and the tree could be made shorter, so they all belong to the Gabriel graph. */
#include "graph/internal.h"
#include "base/internal.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 16, TILE = 512 };

cf_status cf_cloud_init(cf_context *ctx, size_t n, size_t dims, const double *points, const double *squared,
                        cf_cloud *out) {
  cf_status status = CF_OK;
  double *columns = NULL;
  size_t count = 0;
  *out = (cf_cloud){n, dims, points, NULL, squared};
  if (!points) return CF_OK;
  CF_TRY(cf_size_mul(ctx, n, dims, &count));
  CF_TRY(CF_SCRATCH(ctx, &columns, count + 1));
  for (size_t i = 0; i < n; i++)
    for (size_t c = 0; c < dims; c++) {
      if (!isfinite(points[i * dims + c]))
        CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "point %zu, coordinate %zu is %s", i, c,
                       isnan(points[i * dims + c]) ? "NaN" : "infinite"));
      columns[c * n + i] = points[i * dims + c];
    }
  out->columns = columns;
done:
  return status;
}

double cf_cloud_squared(const cf_cloud *cloud, size_t i, size_t j) {
  if (!cloud->points) return cloud->squared[i * cloud->n + j];
  const double *x = cloud->points + i * cloud->dims, *y = cloud->points + j * cloud->dims;
  double sum = 0;
  for (size_t c = 0; c < cloud->dims; c++) sum += (x[c] - y[c]) * (x[c] - y[c]);
  return sum;
}

/* Squared distances from i to the points first .. first + count - 1. */
static const double *distances_from(const cf_cloud *cloud, size_t i, size_t first, size_t count, double *sum) {
  if (!cloud->points) return cloud->squared + i * cloud->n + first;
  memset(sum, 0, count * sizeof *sum);
  for (size_t c = 0; c < cloud->dims; c++)
    cf_add_squares(count, cloud->points[i * cloud->dims + c], cloud->columns + c * cloud->n + first, sum);
  return sum;
}

/* ------------------------------------------------------------ k nearest -- */

typedef struct neighbour {
  double squared;
  uint32_t index;
} neighbour;

static bool is_after(neighbour a, neighbour b) {
  return a.squared > b.squared || (a.squared == b.squared && a.index > b.index);
}

static void sift_down(neighbour *heap, size_t n, size_t at, neighbour x) {
  for (size_t child; (child = 2 * at + 1) < n; at = child) {
    if (child + 1 < n && is_after(heap[child + 1], heap[child])) child++;
    if (!is_after(heap[child], x)) break;
    heap[at] = heap[child];
  }
  heap[at] = x;
}

/* Into a heap of the `most` first neighbours, the last of them on top. */
static void keep(neighbour *heap, size_t *n, size_t most, neighbour x) {
  if (*n == most) {
    if (is_after(heap[0], x)) sift_down(heap, *n, 0, x);
    return;
  }
  size_t at = (*n)++;
  for (; at > 0 && is_after(x, heap[(at - 1) / 2]); at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
  heap[at] = x;
}

static int by_index(const void *a, const void *b) {
  const neighbour *x = a, *y = b;
  return (x->index > y->index) - (x->index < y->index);
}

typedef struct search {
  const cf_cloud *cloud;
  size_t k;
  neighbour *list; /* n x k, in the end by index */
} search;

static cf_status refuse_pair(cf_context *ctx, size_t i, size_t j, double squared) {
  const size_t a = CF_MIN(i, j), b = CF_MAX(i, j);
  if (squared == 0)
    return cf_fail(ctx, CF_ERR_INPUT, "points %zu and %zu are duplicates (distance 0); leave one of them out", a, b);
  return cf_fail(
      ctx, CF_ERR_INPUT,
      "the squared distance of points %zu and %zu is infinite or too large for a number; scale the data down", a, b);
}

static cf_status search_rows(cf_context *worker, size_t group, void *payload) {
  const search *s = payload;
  const size_t n = s->cloud->n, first = group * ROWS, rows = CF_MIN((size_t)ROWS, n - first);
  size_t count[ROWS] = {0};
  double sum[TILE];
  for (size_t column = 0; column < n; column += TILE) {
    const size_t columns = CF_MIN((size_t)TILE, n - column);
    for (size_t r = 0; r < rows; r++) {
      const size_t i = first + r;
      neighbour *heap = s->list + i * s->k;
      const double *d = distances_from(s->cloud, i, column, columns, sum);
      for (size_t j = 0; j < columns; j++) {
        if ((count[r] == s->k && d[j] >= heap[0].squared) || column + j == i) continue;
        if (!(d[j] > 0 && d[j] < INFINITY)) return refuse_pair(worker, i, column + j, d[j]);
        keep(heap, &count[r], s->k, (neighbour){d[j], (uint32_t)(column + j)});
      }
    }
  }
  for (size_t r = 0; r < rows; r++) qsort(s->list + (first + r) * s->k, s->k, sizeof *s->list, by_index);
  return CF_OK;
}

static bool is_listed(const search *s, size_t i, size_t j) {
  const neighbour key = {0, (uint32_t)j};
  return bsearch(&key, s->list + i * s->k, s->k, sizeof key, by_index) != NULL;
}

/* ------------------------------------------------------------ spanning -- */

static cf_status fill_lengths(cf_context *ctx, size_t i, double *length, void *payload) {
  const cf_cloud *cloud = payload;
  const double *d = distances_from(cloud, i, 0, cloud->n, length);
  (void)ctx;
  if (d != length) memcpy(length, d, cloud->n * sizeof *length);
  return CF_OK;
}

cf_status cf_cloud_nearest(cf_context *ctx, const cf_cloud *cloud, size_t k, bool spanning, cf_graph **out,
                           double *least) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = cloud->n;
  search s = {cloud, CF_MIN(k, n - 1), NULL};
  uint32_t *a = NULL, *b = NULL;
  double *squared = NULL;
  cf_tree_edge *tree = NULL;
  size_t count = 0, edges = 0;
  *out = NULL;
  CF_TRY(cf_size_mul(ctx, n, s.k + 1, &count));
  CF_TRY(CF_SCRATCH(ctx, &s.list, count));
  CF_TRY(cf_parallel_for(ctx, (n + ROWS - 1) / ROWS, search_rows, &s));
  CF_TRY(CF_SCRATCH(ctx, &a, count));
  CF_TRY(CF_SCRATCH(ctx, &b, count));
  CF_TRY(CF_SCRATCH(ctx, &squared, count));
  *least = INFINITY;
  for (size_t i = 0; i < n; i++)
    for (size_t m = 0; m < s.k; m++) {
      const neighbour x = s.list[i * s.k + m];
      *least = fmin(*least, x.squared);
      if (x.index < i && is_listed(&s, x.index, i)) continue; /* it stands in that row */
      a[edges] = (uint32_t)i;
      b[edges] = x.index;
      squared[edges++] = x.squared;
    }
  if (spanning) {
    cf_cloud copy = *cloud;
    CF_TRY(CF_SCRATCH(ctx, &tree, n));
    CF_TRY(cf_tree_spanning_rows(ctx, n, fill_lengths, &copy, tree));
    for (size_t e = 0; e + 1 < n; e++) {
      if (!isfinite(tree[e].weight)) CF_TRY(refuse_pair(ctx, tree[e].a, tree[e].b, tree[e].weight));
      if (is_listed(&s, tree[e].a, tree[e].b) || is_listed(&s, tree[e].b, tree[e].a)) continue;
      a[edges] = tree[e].a;
      b[edges] = tree[e].b;
      squared[edges++] = tree[e].weight;
    }
  }
  CF_TRY(cf_graph_from_edges(ctx, n, edges, a, b, squared, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------- Gabriel -- */

typedef struct sieve {
  const cf_cloud *cloud;
  const cf_graph *near;
  double least, tie; /* tie: in units of the smallest distance */
  bool single;
  bool *edge; /* of every entry of near, those with column > row */
} sieve;

static bool is_within(const sieve *s, double a, double b, double bound) {
  if (!s->single) return a + b <= bound + s->tie * s->least;
  return (float)(a / s->least) + (float)(b / s->least) <= (float)(bound / s->least) + (float)s->tie;
}

/* Any of the nearest points of i in the ball between i and j. */
static bool is_ruled_out(const sieve *s, size_t i, size_t j, double squared) {
  const cf_graph *g = s->near;
  for (size_t m = g->start[i]; m < g->start[i + 1]; m++) {
    const size_t k = g->to[m];
    if (g->weight[m] > squared * (1 + 1e-6) + s->tie * s->least || k == j) continue;
    if (is_within(s, g->weight[m], cf_cloud_squared(s->cloud, j, k), squared)) return true;
  }
  return false;
}

static cf_status sieve_row(cf_context *worker, size_t i, void *payload) {
  const sieve *s = payload;
  const cf_graph *g = s->near;
  (void)worker;
  for (size_t m = g->start[i]; m < g->start[i + 1]; m++) {
    const size_t j = g->to[m];
    s->edge[m] = j > i && !is_ruled_out(s, i, j, g->weight[m]) && !is_ruled_out(s, j, i, g->weight[m]);
  }
  return CF_OK;
}

cf_status cf_gabriel_near(cf_context *ctx, const cf_cloud *cloud, const cf_graph *near, double least,
                          bool single_precision, cf_graph **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t entries = near->start[near->n];
  sieve s = {cloud, near, least, 10 * (single_precision ? (double)FLT_EPSILON : DBL_EPSILON), single_precision, NULL};
  uint32_t *a = NULL, *b = NULL;
  double *length = NULL;
  size_t edges = 0;
  *out = NULL;
  CF_TRY(CF_SCRATCH(ctx, &s.edge, entries + 1));
  CF_TRY(CF_SCRATCH(ctx, &a, entries / 2 + 1));
  CF_TRY(CF_SCRATCH(ctx, &b, entries / 2 + 1));
  CF_TRY(CF_SCRATCH(ctx, &length, entries / 2 + 1));
  CF_TRY(cf_parallel_for(ctx, near->n, sieve_row, &s));
  for (size_t i = 0; i < near->n; i++)
    for (size_t m = near->start[i]; m < near->start[i + 1]; m++) {
      if (!s.edge[m]) continue;
      a[edges] = (uint32_t)i;
      b[edges] = near->to[m];
      length[edges++] = sqrt(near->weight[m]);
    }
  CF_TRY(cf_graph_from_edges(ctx, near->n, edges, a, b, length, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}
