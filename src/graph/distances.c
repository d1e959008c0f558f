/* Squared Euclidean distances between points, and whether a matrix of them can carry a graph.
 *
 *   d2_ij = sum_c (x_ic - x_jc)^2
 *
 * Differences and not |x_i|^2 + |x_j|^2 - 2 x_i'x_j: the short form loses the digits of close pairs, and these decide
 * the graph. Coordinates are transposed, so that a row of distances is a vector loop over points. */
#include "graph/internal.h"
#include "base/internal.h"

#include <math.h>

enum {
  TILE = 256, /* points a side: sums of a tile's row stay in the first cache */
  STRIP = 8   /* rows that are checked together */
};

typedef struct pairwise {
  size_t n, dims, tiles;
  const double *columns; /* dims x n */
  double *squared;
} pairwise;

CF_CLONES void cf_add_squares(size_t n, double x, const double *restrict y, double *restrict sum) {
  for (size_t j = 0; j < n; j++) {
    const double d = x - y[j];
    sum[j] += d * d;
  }
}

/* One tile of the upper triangle, written to both sides. */
static void fill_tile(const pairwise *p, size_t row, size_t column) {
  const size_t rows = CF_MIN(row + TILE, p->n), columns = CF_MIN(column + TILE, p->n) - column;
  double sum[TILE];
  for (size_t i = row; i < rows; i++) {
    for (size_t j = 0; j < columns; j++) sum[j] = 0;
    for (size_t c = 0; c < p->dims; c++)
      cf_add_squares(columns, p->columns[c * p->n + i], p->columns + c * p->n + column, sum);
    for (size_t j = 0; j < columns; j++) {
      p->squared[i * p->n + column + j] = sum[j];
      p->squared[(column + j) * p->n + i] = sum[j];
    }
  }
}

static cf_status tile_row(cf_context *worker, size_t tile, void *payload) {
  const pairwise *p = payload;
  (void)worker;
  for (size_t t = tile; t < p->tiles; t++) fill_tile(p, tile * TILE, t * TILE);
  return CF_OK;
}

cf_status cf_squared_distances(cf_context *ctx, size_t n, size_t dims, const double *points, double *squared) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *columns = NULL;
  size_t count = 0;
  CF_TRY(cf_size_mul(ctx, n, dims, &count));
  CF_TRY(CF_SCRATCH(ctx, &columns, count + 1));
  for (size_t i = 0; i < n; i++)
    for (size_t c = 0; c < dims; c++) {
      if (!isfinite(points[i * dims + c]))
        CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "point %zu, coordinate %zu is %s", i, c,
                       isnan(points[i * dims + c]) ? "NaN" : "infinite"));
      columns[c * n + i] = points[i * dims + c];
    }
  pairwise p = {n, dims, (n + TILE - 1) / TILE, columns, squared};
  CF_TRY(cf_parallel_for(ctx, p.tiles, tile_row, &p));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------- checks -- */

typedef struct checking {
  size_t n;
  const double *squared;
  double *least; /* of each row */
} checking;

/* The first entry of row i that cannot be, and why. */
static cf_status refuse(cf_context *worker, const checking *c, size_t i) {
  for (size_t j = 0; j < c->n; j++) {
    const double d = c->squared[i * c->n + j], twin = c->squared[j * c->n + i];
    if (isnan(d)) return cf_fail(worker, CF_ERR_INPUT, "the distance of points %zu and %zu is NaN", i, j);
    if (isinf(d))
      return cf_fail(worker, CF_ERR_INPUT,
                     "the squared distance of points %zu and %zu is infinite or too large for a number; scale the "
                     "data down",
                     i, j);
    if (d < 0) return cf_fail(worker, CF_ERR_INPUT, "the squared distance of points %zu and %zu is %.9g", i, j, d);
    if (i == j && d != 0)
      return cf_fail(worker, CF_ERR_INPUT, "the distance of point %zu to itself is %.9g, not 0", i, d);
    if (d != twin)
      return cf_fail(worker, CF_ERR_INPUT, "distances are not symmetric: (%zu, %zu) is %.17g, (%zu, %zu) is %.17g", i,
                     j, d, j, i, twin);
    if (i != j && d == 0)
      return cf_fail(worker, CF_ERR_INPUT, "points %zu and %zu are duplicates (distance 0); leave one of them out", i,
                     j);
  }
  return CF_OK;
}

/* STRIP rows at a time: their columns share cache lines. */
static cf_status check_rows(cf_context *worker, size_t strip, void *payload) {
  cf_status status = CF_OK;
  const checking *c = payload;
  const size_t first = strip * STRIP, rows = CF_MIN((size_t)STRIP, c->n - first);
  double least[STRIP];
  bool good[STRIP];
  for (size_t r = 0; r < rows; r++) {
    least[r] = INFINITY;
    good[r] = true;
  }
  for (size_t j = 0; j < c->n; j++)
    for (size_t r = 0; r < rows; r++) {
      const size_t i = first + r;
      const double d = c->squared[i * c->n + j];
      good[r] = good[r] && d < INFINITY && d == c->squared[j * c->n + i] && (j == i ? d == 0 : d > 0);
      least[r] = j != i && d < least[r] ? d : least[r];
    }
  for (size_t r = 0; r < rows; r++) {
    c->least[first + r] = least[r];
    if (!good[r]) CF_TRY(refuse(worker, c, first + r));
  }
done:
  return status;
}

CF_CLONES static void extremes(size_t n, const double *restrict x, double *least, double *most) {
  double low = INFINITY, high = 0;
#pragma omp simd reduction(min : low) reduction(max : high)
  for (size_t j = 0; j < n; j++) {
    low = x[j] < low ? x[j] : low;
    high = x[j] > high ? x[j] : high;
  }
  *least = fmin(*least, low);
  *most = fmax(*most, high);
}

/* A row that cf_squared_distances made: symmetric and free of NaN, unless a sum overflowed. */
static cf_status check_made_row(cf_context *worker, size_t i, void *payload) {
  const checking *c = payload;
  const double *row = c->squared + i * c->n;
  double most = 0;
  c->least[i] = INFINITY;
  extremes(i, row, &c->least[i], &most);
  extremes(c->n - i - 1, row + i + 1, &c->least[i], &most);
  return c->least[i] > 0 && most < INFINITY ? CF_OK : refuse(worker, c, i);
}

cf_status cf_squared_check(cf_context *ctx, size_t n, const double *squared, bool made_here, double *least) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  checking c = {n, squared, NULL};
  if (n < 2) return cf_fail(ctx, CF_ERR_USAGE, "%zu point%s; a graph needs at least 2", n, n == 1 ? "" : "s");
  CF_TRY(CF_SCRATCH(ctx, &c.least, n));
  if (made_here)
    CF_TRY(cf_parallel_for(ctx, n, check_made_row, &c));
  else
    CF_TRY(cf_parallel_for(ctx, (n + STRIP - 1) / STRIP, check_rows, &c));
  *least = c.least[0];
  for (size_t i = 1; i < n; i++) *least = fmin(*least, c.least[i]);
done:
  cf_scratch_release(ctx, mark);
  return status;
}
