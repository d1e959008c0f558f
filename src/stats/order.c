/* Ranks, moments, correlation and quantiles. */
#include "stats/internal.h"
#include "base/internal.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* ---------------------------------------------------------- sorting -- */

/* Order-preserving map of doubles to unsigned integers; -0 becomes 0. */
static uint64_t double_key(double x) {
  uint64_t bits;
  x += 0.0;
  memcpy(&bits, &x, sizeof bits);
  return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

double cf_keyed_value(uint64_t key) {
  uint64_t bits = key >> 63 ? key ^ (uint64_t)1 << 63 : ~key;
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static void insertion_sort(size_t n, cf_keyed *pair) {
  for (size_t i = 1; i < n; i++) {
    cf_keyed held = pair[i];
    size_t j = i;
    for (; j > 0 && pair[j - 1].key > held.key; j--) pair[j] = pair[j - 1];
    pair[j] = held;
  }
}

/* Least-significant-digit radix sort with 8 digits of 8 bits; digits that are the same everywhere are skipped. */
cf_keyed *cf_sort_keyed(size_t n, const double *x, cf_keyed *pair, cf_keyed *spare) {
  enum { SMALL = 48, DIGITS = 8, BASE = 256 };
  for (size_t i = 0; i < n; i++) pair[i] = (cf_keyed){double_key(x[i]), i};
  if (n <= SMALL) {
    insertion_sort(n, pair);
    return pair;
  }
  size_t count[DIGITS][BASE];
  memset(count, 0, sizeof count);
  for (size_t i = 0; i < n; i++)
    for (int d = 0; d < DIGITS; d++) count[d][pair[i].key >> (8 * d) & (BASE - 1)]++;
  for (int d = 0; d < DIGITS; d++) {
    size_t *c = count[d], before = 0;
    if (c[pair[0].key >> (8 * d) & (BASE - 1)] == n) continue;
    for (int b = 0; b < BASE; b++) {
      size_t here = c[b];
      c[b] = before;
      before += here;
    }
    for (size_t i = 0; i < n; i++) spare[c[pair[i].key >> (8 * d) & (BASE - 1)]++] = pair[i];
    cf_keyed *swap = pair;
    pair = spare;
    spare = swap;
  }
  return pair;
}

cf_status cf_ranks(cf_context *ctx, size_t n, const double *x, double *ranks) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  cf_keyed *pair, *spare;
  for (size_t i = 0; i < n; i++)
    if (isnan(x[i])) return cf_fail(ctx, CF_ERR_INPUT, "ranks: value %zu of %zu is NaN", i, n);
  CF_TRY(CF_SCRATCH(ctx, &pair, n));
  CF_TRY(CF_SCRATCH(ctx, &spare, n));
  pair = cf_sort_keyed(n, x, pair, spare);
  for (size_t i = 0, j; i < n; i = j) {
    for (j = i + 1; j < n && pair[j].key == pair[i].key; j++) {
    }
    double rank = 0.5 * (double)(i + 1 + j); /* mean of i+1 .. j */
    for (size_t k = i; k < j; k++) ranks[pair[k].index] = rank;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ---------------------------------------------------------- moments -- */

/* A second pass takes out the rounding of the first. */
double cf_mean(size_t n, const double *x) {
  if (n == 0) return NAN;
  double sum = 0, rest = 0;
  for (size_t i = 0; i < n; i++) sum += x[i];
  double mean = sum / (double)n;
  if (!isfinite(mean)) return mean;
  for (size_t i = 0; i < n; i++) rest += x[i] - mean;
  return mean + rest / (double)n;
}

double cf_variance(size_t n, const double *x, int ddof) {
  if ((double)n <= (double)ddof) return NAN;
  double mean = cf_mean(n, x), sum = 0;
  for (size_t i = 0; i < n; i++) sum += (x[i] - mean) * (x[i] - mean);
  return sum / ((double)n - (double)ddof);
}

/* Spread that rounding of the mean alone can make. */
static bool constant(size_t n, double mean, double squares) {
  double noise = 2 * DBL_EPSILON * mean;
  return !(squares > (double)n * noise * noise);
}

double cf_pearson(size_t n, const double *x, const double *y) {
  if (n < 2) return NAN;
  double mx = cf_mean(n, x), my = cf_mean(n, y), xx = 0, yy = 0, xy = 0;
  for (size_t i = 0; i < n; i++) {
    double dx = x[i] - mx, dy = y[i] - my;
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  if (constant(n, mx, xx) || constant(n, my, yy)) return NAN;
  double r = xy / (sqrt(xx) * sqrt(yy));
  return r > 1 ? 1 : r < -1 ? -1 : r;
}

cf_status cf_spearman(cf_context *ctx, size_t n, const double *x, const double *y, double *out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  double *rx, *ry;
  CF_TRY(CF_SCRATCH(ctx, &rx, n));
  CF_TRY(CF_SCRATCH(ctx, &ry, n));
  CF_TRY(cf_ranks(ctx, n, x, rx));
  CF_TRY(cf_ranks(ctx, n, y, ry));
  *out = cf_pearson(n, rx, ry);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* -------------------------------------------------------- quantiles -- */

double cf_quantile_sorted(size_t n, const double *sorted, double q) {
  if (n == 0 || !(q >= 0 && q <= 1)) return NAN;
  double place = q * (double)(n - 1);
  size_t low = (size_t)place;
  if (low + 1 >= n) return sorted[n - 1];
  double part = place - (double)low;
  return part == 0 ? sorted[low] : sorted[low] + part * (sorted[low + 1] - sorted[low]);
}

cf_status cf_percentile_interval(cf_context *ctx, size_t n, const double *values, double coverage, double *low,
                                 double *high) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  cf_keyed *pair, *spare;
  double *kept;
  size_t m = 0;
  *low = *high = NAN;
  if (!(coverage > 0 && coverage < 1))
    return cf_fail(ctx, CF_ERR_USAGE, "coverage of an interval is %g; it must lie between 0 and 1", coverage);
  CF_TRY(CF_SCRATCH(ctx, &pair, n));
  CF_TRY(CF_SCRATCH(ctx, &spare, n));
  CF_TRY(CF_SCRATCH(ctx, &kept, n));
  for (size_t i = 0; i < n; i++)
    if (!isnan(values[i])) kept[m++] = values[i];
  pair = cf_sort_keyed(m, kept, pair, spare);
  for (size_t i = 0; i < m; i++) kept[i] = cf_keyed_value(pair[i].key);
  *low = cf_quantile_sorted(m, kept, (1 - coverage) / 2);
  *high = cf_quantile_sorted(m, kept, (1 + coverage) / 2);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* k-th smallest of v (0-based) by Hoare's selection; reorders v so that v[0..k-1] <= v[k]. */
static double select_kth(size_t n, double *v, size_t k) {
  ptrdiff_t lo = 0, hi = (ptrdiff_t)n - 1;
  const ptrdiff_t at = (ptrdiff_t)k;
  while (lo < hi) {
    const double pivot = v[lo + (hi - lo) / 2];
    ptrdiff_t i = lo, j = hi;
    while (i <= j) {
      while (v[i] < pivot) i++;
      while (v[j] > pivot) j--;
      if (i > j) break;
      const double t = v[i];
      v[i++] = v[j];
      v[j--] = t;
    }
    if (at <= j)
      hi = j;
    else if (at >= i)
      lo = i;
    else
      break;
  }
  return v[k];
}

double cf_median(size_t n, double *v) {
  if (n == 0) return NAN;
  const double high = select_kth(n, v, n / 2);
  if (n % 2) return high;
  double low = v[0];
  for (size_t i = 1; i < n / 2; i++) low = fmax(low, v[i]);
  return 0.5 * (low + high);
}
