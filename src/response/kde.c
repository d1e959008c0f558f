/* Gaussian kernel density of values in a window, and the bandwidth that suits them.
 *
 * Improved Sheather-Jones: the values are shared out linearly between the 1024 points of a grid that reaches half their
 * range, and at least 6 ms, beyond them on either side. With the cosine transform a_k = sum_j w_j cos(pi k (2 j + 1) /
 * 2048) of these weights and I = k^2, k = 1 .. 1023, the bandwidth is L sqrt(t) for the t that solves
 *   t = (2 N sqrt(pi) f_2)^(-2/5),
 *   f_7 = 2 pi^14 sum I^7 a_k^2 exp(-I pi^2 t), and for s = 6 .. 2
 *   t_s = (2 (1 + 2^(-s-1/2)) / 3 K_s / (N f_{s+1}))^(2 / (3 + 2 s)), K_s = 1 3 .. (2 s - 1) / sqrt(2 pi),
 *   f_s = 2 pi^(2 s) sum I^s a_k^2 exp(-I pi^2 t_s).
 * N counts different values. L is the length of the grid; the published rates take the range of the values instead.
 * There may be several such t. As its authors do, the root is sought in [0, e], [0, 2 e], ... with e = 1e-5 (N - 50),
 * in the first of these at whose end the right side is the smaller one, by Brent's method.
 *
 * References: Botev, Grotowski & Kroese (2010), Ann. Stat. 38, 2916; Brent (1973), Algorithms for Minimization without
 * Derivatives, chapter 4. */
#include "base/internal.h"

#include <cortifold/response.h>
#include <math.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

enum { GRID = 1024, TERMS = GRID - 1, STAGES = 7 };

/* a_k^2 of all terms. scratch: 5 GRID, for the weights and the cosines of a full turn in 4 GRID steps. */
static void cosine_series(size_t n, const double *x, double from, double to, double *scratch, double *square) {
  double *weight = scratch, *cosine = scratch + GRID;
  memset(weight, 0, GRID * sizeof *weight);
  memset(square, 0, TERMS * sizeof *square);
  for (size_t i = 0; i < n; i++) {
    const double at = (x[i] - from) / (to - from) * (GRID - 1);
    const size_t j = CF_MIN((size_t)at, (size_t)GRID - 2);
    weight[j] += ((double)j + 1 - at) / (double)n;
    weight[j + 1] += (at - (double)j) / (double)n;
  }
  for (size_t i = 0; i < 4 * (size_t)GRID; i++) cosine[i] = cos(pi * (double)i / (2 * GRID));
  for (size_t j = 0; j < GRID; j++) {
    if (weight[j] == 0) continue;
    for (size_t k = 1; k <= TERMS; k++) square[k - 1] += weight[j] * cosine[(k * (2 * j + 1)) % (4 * GRID)];
  }
  for (size_t k = 0; k < TERMS; k++) square[k] *= square[k];
}

/* 2 pi^(2 s) sum_k k^(2 s) a_k^2 exp(-k^2 pi^2 t). The exponentials follow from one another; since a_k^2 <= 1, terms
 * past the peak of their envelope end the sum once that is too small to matter. */
static double functional(const double *square, int s, double t) {
  const double c = pi * pi * t, grow = exp(-2 * c);
  double sum = 0, decay = exp(-c), ratio = exp(-3 * c);
  for (size_t k = 1; k <= TERMS; k++) {
    const double power = (double)(k * k);
    double envelope = decay;
    for (int i = 0; i < s; i++) envelope *= power;
    sum += envelope * square[k - 1];
    if (power * c > s && envelope < 1e-17 * sum) break;
    decay *= ratio;
    ratio *= grow;
  }
  return 2 * pow(pi, 2 * s) * sum;
}

/* t - xi gamma^[5](t): negative below the smallest fixed point, and where t is too large for the sums to say. */
static double beyond_fixed_point(const double *square, double count, double t) {
  double f = functional(square, STAGES, t), odd = 10395; /* 1 3 5 7 9 11 */
  for (int s = STAGES - 1; s >= 2; s--) {
    if (!(f > 0)) return -1;
    const double constant = (1 + pow(0.5, s + 0.5)) / 3, k = odd / sqrt(2 * pi);
    f = functional(square, s, pow(2 * constant * k / (count * f), 2 / (3 + 2.0 * s)));
    odd /= 2 * s - 1;
  }
  return !(f > 0) ? -1 : t - pow(2 * count * sqrt(pi) * f, -0.4);
}

/* The step from `now` that Brent's method takes: where the function's inverse through the three points, or two, crosses
 * zero, when that lies well inside the bracket and closer than half the step before the last; else NaN. */
static double interpolated(const double x[3], const double f[3], double before, double tolerance) {
  enum { LAST, NOW, OTHER };
  double step;
  if (fabs(before) <= tolerance || fabs(f[NOW]) >= fabs(f[LAST])) return NAN;
  if (x[LAST] == x[OTHER]) {
    step = -f[NOW] * (x[NOW] - x[LAST]) / (f[NOW] - f[LAST]);
  } else {
    const double last = (f[LAST] - f[NOW]) / (x[LAST] - x[NOW]), other = (f[OTHER] - f[NOW]) / (x[OTHER] - x[NOW]);
    step = -f[NOW] * (f[OTHER] * other - f[LAST] * last) / (other * last * (f[OTHER] - f[LAST]));
  }
  const double most = fmin(fabs(before), 1.5 * fabs(x[OTHER] - x[NOW]) - tolerance);
  return 2 * fabs(step) < most ? step : NAN;
}

/* A root in [low, high], at whose ends the function is negative and positive. */
static double root(const double *square, double count, double low, double high) {
  enum { LAST, NOW, OTHER, ITERATIONS = 100 };
  double x[3] = {low, high, low}, f[3] = {-1, -1, -1}, step = high - low, before = step;
  f[LAST] = f[OTHER] = beyond_fixed_point(square, count, low);
  f[NOW] = beyond_fixed_point(square, count, high);
  for (int i = 0; i < ITERATIONS; i++) {
    if ((f[LAST] < 0) != (f[NOW] < 0)) {
      x[OTHER] = x[LAST], f[OTHER] = f[LAST];
      step = before = x[NOW] - x[LAST];
    }
    if (fabs(f[OTHER]) < fabs(f[NOW])) {
      x[LAST] = x[NOW], x[NOW] = x[OTHER], x[OTHER] = x[LAST];
      f[LAST] = f[NOW], f[NOW] = f[OTHER], f[OTHER] = f[LAST];
    }
    const double tolerance = 1e-12 + 4e-16 * fabs(x[NOW]), half = (x[OTHER] - x[NOW]) / 2;
    if (f[NOW] == 0 || fabs(half) < tolerance) break;
    const double inner = interpolated(x, f, before, tolerance);
    before = isnan(inner) ? half : step;
    step = isnan(inner) ? half : inner;
    x[LAST] = x[NOW], f[LAST] = f[NOW];
    x[NOW] += fabs(step) > tolerance ? step : copysign(tolerance, half);
    f[NOW] = beyond_fixed_point(square, count, x[NOW]);
  }
  return x[NOW];
}

/* Infinity where there is none below 1, the whole grid. */
static double fixed_point(const double *square, double count) {
  double high = 1e-11 + 1e-5 * (fmax(50, fmin(1050, count)) - 50);
  while (high < 1 && !(beyond_fixed_point(square, count, high) > 0)) high *= 2;
  return high < 1 ? root(square, count, 0, high) : INFINITY;
}

cf_status cf_kde_bandwidth(cf_context *ctx, size_t n, const double *x, cf_kde_scale scale, double low, double high,
                           double *bandwidth) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *square = NULL, *scratch = NULL;
  size_t different = n > 0;
  if (!(low > 0) || !(high >= low)) return cf_fail(ctx, CF_ERR_USAGE, "bandwidth between %g and %g", low, high);
  for (size_t i = 1; i < n; i++) different += x[i] != x[i - 1];
  *bandwidth = high;
  if (different < 2 || low == high) return CF_OK;
  const double range = x[n - 1] - x[0], margin = fmax(range / 2, 6), from = x[0] - margin, to = x[n - 1] + margin;
  const double length = scale == CF_KDE_SCALE_GRID ? to - from : range;
  CF_TRY(CF_SCRATCH(ctx, &square, TERMS));
  CF_TRY(CF_SCRATCH(ctx, &scratch, 5 * (size_t)GRID));
  cosine_series(n, x, from, to, scratch, square);
  const double t = fixed_point(square, (double)different);
  if (isfinite(t)) *bandwidth = fmin(high, fmax(low, length * sqrt(t)));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* One kernel from its grid point outwards. g(u + step) = g(u) r, r(u + step) = r(u) q, q constant. */
static void add_kernel(double x, double from, double step, double h, ptrdiff_t points, double *out) {
  const double reach = 8 * h, q = exp(-step * step / (h * h)), peak = 1 / (h * sqrt(2 * pi));
  const ptrdiff_t centre = (ptrdiff_t)floor((x - from) / step); /* grid point i is at from + (i + 1/2) step */
  const double u = from + ((double)centre + 0.5) * step - x, g = peak * exp(-u * u / (2 * h * h));
  double value = g, ratio = exp(-(2 * u * step + step * step) / (2 * h * h));
  const ptrdiff_t wide = (ptrdiff_t)(reach / step) + 1;
  for (ptrdiff_t i = centre; i <= centre + wide && i < points; i++, value *= ratio, ratio *= q)
    if (i >= 0) out[i] += value;
  ratio = exp(-(-2 * u * step + step * step) / (2 * h * h));
  value = g * ratio;
  ratio *= q;
  for (ptrdiff_t i = centre - 1; i >= centre - wide && i >= 0; i--, value *= ratio, ratio *= q)
    if (i < points) out[i] += value;
}

void cf_kde_add(size_t n, const double *x, double from, double to, double bandwidth, cf_kde_edges edges, size_t points,
                double *out) {
  const double step = (to - from) / (double)points;
  for (size_t i = 0; i < n; i++) {
    add_kernel(x[i], from, step, bandwidth, (ptrdiff_t)points, out);
    if (edges == CF_KDE_EDGES_NONE) continue;
    if (x[i] - from < 8 * bandwidth) add_kernel(2 * from - x[i], from, step, bandwidth, (ptrdiff_t)points, out);
    if (to - x[i] < 8 * bandwidth) add_kernel(2 * to - x[i], from, step, bandwidth, (ptrdiff_t)points, out);
  }
}
