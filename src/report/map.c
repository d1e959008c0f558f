/* Planar maps and trees of a dissimilarity matrix.
 *
 * SMACOF minimises raw stress sigma(X) = sum_{i<j} w_ij (d_ij(X) - delta_ij)^2 by the Guttman transform
 *   x_i <- (1/n) sum_j [ delta_ij / d_ij(X) ] (x_i - x_j)          (w = 1; pairs without a value keep their present
 * distance) which never increases sigma. Stress-1 = sqrt(sigma / sum d_ij^2). De Leeuw (1977); Borg and Groenen (2005),
 * ch. 8. Average linkage (UPGMA) by nearest-neighbour chains, O(n^2): Murtagh (1983), Sokal and Michener (1958). */
#include "report/page.h"
#include "base/internal.h"
#include <cortifold/stats.h>
#include <math.h>
#include <string.h>

enum { MOST_STEPS = 300 };

static double stress_of(size_t n, const double *delta, const double *x) {
  double raw = 0.0, size = 0.0;
  for (size_t i = 0; i < n; ++i)
    for (size_t j = i + 1; j < n; ++j) {
      if (!isfinite(delta[i * n + j])) continue;
      double d = hypot(x[2 * i] - x[2 * j], x[2 * i + 1] - x[2 * j + 1]), e = d - delta[i * n + j];
      raw += e * e;
      size += d * d;
    }
  return size > 0.0 ? sqrt(raw / size) : 0.0;
}

static void guttman(size_t n, const double *delta, const double *x, double *next) {
  for (size_t i = 0; i < n; ++i) {
    double a = 0.0, b = 0.0;
    for (size_t j = 0; j < n; ++j) {
      if (j == i) continue;
      double dx = x[2 * i] - x[2 * j], dy = x[2 * i + 1] - x[2 * j + 1], d = hypot(dx, dy);
      double want = isfinite(delta[i * n + j]) ? delta[i * n + j] : d;
      double ratio = d > 1e-12 ? want / d : 0.0;
      a += ratio * dx;
      b += ratio * dy;
    }
    next[2 * i] = a / (double)n;
    next[2 * i + 1] = b / (double)n;
  }
}

/* Centres and turns to principal axes; the largest coordinate of each axis is positive. */
static void settle(size_t n, double *x) {
  double mx = 0.0, my = 0.0, xx = 0.0, xy = 0.0, yy = 0.0;
  for (size_t i = 0; i < n; ++i) mx += x[2 * i] / (double)n, my += x[2 * i + 1] / (double)n;
  for (size_t i = 0; i < n; ++i) {
    x[2 * i] -= mx;
    x[2 * i + 1] -= my;
    xx += x[2 * i] * x[2 * i];
    xy += x[2 * i] * x[2 * i + 1];
    yy += x[2 * i + 1] * x[2 * i + 1];
  }
  double angle = 0.5 * atan2(2.0 * xy, xx - yy), c = cos(angle), s = sin(angle), top[2] = {0.0, 0.0};
  for (size_t i = 0; i < n; ++i) {
    double a = c * x[2 * i] + s * x[2 * i + 1], b = c * x[2 * i + 1] - s * x[2 * i];
    x[2 * i] = a;
    x[2 * i + 1] = b;
    if (fabs(a) > fabs(top[0]) * (1.0 + 1e-12)) top[0] = a;
    if (fabs(b) > fabs(top[1]) * (1.0 + 1e-12)) top[1] = b;
  }
  for (size_t i = 0; i < n; ++i)
    for (int k = 0; k < 2; ++k)
      if (top[k] < 0.0) x[2 * i + (size_t)k] = -x[2 * i + (size_t)k];
}

cf_status cf_map_plane(cf_context *ctx, size_t n, const double *distance, double *coordinates, double *stress) {
  cf_status status = CF_OK;
  double *delta = NULL, *next = NULL, *filled = NULL, values[2], mean = 0.0;
  size_t known = 0;
  cf_mark mark = cf_scratch_mark(ctx);
  CF_TRY(CF_SCRATCH(ctx, &delta, n * n));
  CF_TRY(CF_SCRATCH(ctx, &filled, n * n));
  CF_TRY(CF_SCRATCH(ctx, &next, 2 * n));
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n; ++j) {
      double a = distance[i * n + j], b = distance[j * n + i];
      double d = isfinite(a) && isfinite(b) ? 0.5 * (a + b) : isfinite(a) ? a : b;
      delta[i * n + j] = i == j        ? 0.0
                         : isfinite(d) ? CF_MAX(0.0, d)
                                       : NAN; /* crossvalidated distances may be negative */
      if (i != j && isfinite(d)) mean += delta[i * n + j], ++known;
    }
  mean = known ? mean / (double)known : 1.0;
  for (size_t i = 0; i < n * n; ++i) filled[i] = isfinite(delta[i]) ? delta[i] : mean;
  if (n < 3) {
    for (size_t i = 0; i < n; ++i) coordinates[2 * i] = i ? filled[1] : 0.0, coordinates[2 * i + 1] = 0.0;
  } else {
    CF_TRY(cf_classical_mds(ctx, n, filled, 2, coordinates, values));
  }
  double last = INFINITY;
  for (int step = 0; step < MOST_STEPS; ++step) {
    guttman(n, delta, coordinates, next);
    memcpy(coordinates, next, 2 * n * sizeof *next);
    double now = stress_of(n, delta, coordinates);
    if (last - now < 1e-6) break;
    last = now;
  }
  settle(n, coordinates);
  *stress = stress_of(n, delta, coordinates);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Sorts the chain's merges by height and renames clusters to leaves 0..n-1 and n+k, as dendrograms are stored. */
static void order_merges(size_t n, double *merge, size_t *parent, double *sorted) {
  for (size_t k = 0; k + 1 < n; ++k) { /* insertion sort: stable */
    size_t at = k;
    double row[3] = {merge[3 * k], merge[3 * k + 1], merge[3 * k + 2]};
    for (; at > 0 && sorted[3 * (at - 1) + 2] > row[2]; --at)
      memcpy(sorted + 3 * at, sorted + 3 * (at - 1), sizeof row);
    memcpy(sorted + 3 * at, row, sizeof row);
  }
  for (size_t i = 0; i < 2 * n; ++i) parent[i] = i;
  for (size_t k = 0; k + 1 < n; ++k) {
    size_t pair[2] = {(size_t)sorted[3 * k], (size_t)sorted[3 * k + 1]};
    for (int s = 0; s < 2; ++s)
      while (parent[pair[s]] != pair[s]) pair[s] = parent[pair[s]];
    parent[pair[0]] = parent[pair[1]] = n + k;
    merge[3 * k] = (double)CF_MIN(pair[0], pair[1]);
    merge[3 * k + 1] = (double)CF_MAX(pair[0], pair[1]);
    merge[3 * k + 2] = sorted[3 * k + 2];
  }
}

cf_status cf_map_tree(cf_context *ctx, size_t n, const double *distance, double *merge, size_t *order) {
  cf_status status = CF_OK;
  double *d = NULL, *sorted = NULL, largest = 0.0;
  size_t *size = NULL, *chain = NULL, *parent = NULL, length = 0, made = 0;
  cf_mark mark = cf_scratch_mark(ctx);
  CF_TRY(CF_SCRATCH(ctx, &d, n * n));
  CF_TRY(CF_SCRATCH(ctx, &sorted, 3 * n));
  CF_TRY(CF_SCRATCH(ctx, &size, n));
  CF_TRY(CF_SCRATCH(ctx, &chain, n + 1));
  CF_TRY(CF_SCRATCH(ctx, &parent, 2 * n));
  for (size_t i = 0; i < n * n; ++i)
    if (isfinite(distance[i])) largest = CF_MAX(largest, distance[i]);
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n; ++j) { /* symmetric, or the chain might not end */
      double x = distance[i * n + j], y = distance[j * n + i];
      d[i * n + j] = isfinite(x) && isfinite(y) ? 0.5 * x + 0.5 * y : largest;
    }
  for (size_t i = 0; i < n; ++i) size[i] = 1;
  while (made + 1 < n) {
    if (length == 0)
      for (size_t i = 0; i < n && length == 0; ++i)
        if (size[i]) chain[length++] = i;
    size_t a = chain[length - 1], best = length > 1 ? chain[length - 2] : SIZE_MAX;
    for (size_t j = 0; j < n; ++j)
      if (size[j] && j != a && (best == SIZE_MAX || d[a * n + j] < d[a * n + best])) best = j;
    if (length < 2 || best != chain[length - 2]) {
      chain[length++] = best;
      continue;
    }
    length -= 2;
    size_t keep = CF_MIN(a, best), gone = CF_MAX(a, best);
    merge[3 * made] = (double)keep;
    merge[3 * made + 1] = (double)gone;
    merge[3 * made++ + 2] = d[a * n + best];
    for (size_t j = 0; j < n; ++j) {
      if (!size[j] || j == keep || j == gone) continue;
      double mean = ((double)size[keep] * d[keep * n + j] + (double)size[gone] * d[gone * n + j]) /
                    (double)(size[keep] + size[gone]);
      d[keep * n + j] = d[j * n + keep] = mean;
    }
    size[keep] += size[gone];
    size[gone] = 0;
  }
  order_merges(n, merge, parent, sorted);
  size_t top = 0, leaves = 0; /* walk the tree from its root, left branch first */
  if (n > 0) parent[top++] = 2 * n - 2;
  while (top > 0) {
    size_t node = parent[--top];
    if (node < n) {
      order[leaves++] = node;
    } else {
      parent[top++] = (size_t)merge[3 * (node - n) + 1];
      parent[top++] = (size_t)merge[3 * (node - n)];
    }
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
