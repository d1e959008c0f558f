/* Gaussian kernel density of values in a window, and the bandwidth that suits them.
 *
 * Improved Sheather-Jones: with the cosine series a_k = (1/N) sum_i cos(pi k (x_i - from) / R) on [from, to], R = to -
 * from, and I = k^2, k = 1 .. 1023, the bandwidth is R sqrt(t) for the t that solves
 *   t = (2 N sqrt(pi) f_2)^(-2/5),
 *   f_7 = 2 pi^14 sum I^7 a_k^2 exp(-I pi^2 t), and for s = 6 .. 2
 *   t_s = (2 (1 + 2^(-s-1/2)) / 3 K_s / (N f_{s+1}))^(2 / (3 + 2 s)), K_s = 1 3 .. (2 s - 1) / sqrt(2 pi),
 *   f_s = 2 pi^(2 s) sum I^s a_k^2 exp(-I pi^2 t_s).
 * N counts different values. The series makes the density even about both ends, so that the kernel does not leak.
 *
 * Reference: Botev, Grotowski & Kroese (2010), Ann. Stat. 38, 2916. */
#include "base/internal.h"

#include <cortifold/response.h>
#include <math.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

enum { TERMS = 1023, STAGES = 7 };

/* a_k^2 of all terms. cos(k th) follows from cos((k - 1) th) and cos((k - 2) th). */
static void cosine_series(size_t n, const double *x, double from, double to, double *square) {
  memset(square, 0, TERMS * sizeof *square);
  for (size_t i = 0; i < n; i++) {
    const double c = cos(pi * (x[i] - from) / (to - from));
    double before = 1, now = c;
    for (size_t k = 0; k < TERMS; k++) {
      square[k] += now;
      const double next = 2 * c * now - before;
      before = now;
      now = next;
    }
  }
  for (size_t k = 0; k < TERMS; k++) square[k] = square[k] / (double)n * (square[k] / (double)n);
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

/* t - xi gamma^[5](t): negative below the smallest fixed point. */
static double beyond_fixed_point(const double *square, double count, double t) {
  double f = functional(square, STAGES, t), odd = 10395; /* 1 3 5 7 9 11 */
  for (int s = STAGES - 1; s >= 2; s--) {
    const double constant = (1 + pow(0.5, s + 0.5)) / 3, k = odd / sqrt(2 * pi);
    f = functional(square, s, pow(2 * constant * k / (count * f), 2 / (3 + 2.0 * s)));
    odd /= 2 * s - 1;
  }
  return t - pow(2 * count * sqrt(pi) * f, -0.4);
}

/* The root between t with signs - and +, in logarithms, to a relative precision of 1e-8. */
static double root(const double *square, double count, double low, double high) {
  for (int i = 0; i < 60 && high > low * (1 + 1e-8); i++) {
    const double middle = sqrt(low * high);
    if (beyond_fixed_point(square, count, middle) < 0)
      low = middle;
    else
      high = middle;
  }
  return sqrt(low * high);
}

static double smallest_fixed_point(const double *square, double count, double low, double high) {
  enum { STEPS = 12 };
  const double ratio = pow(high / low, 1.0 / STEPS);
  if (!(beyond_fixed_point(square, count, low) < 0)) return low;
  for (int i = 0; i < STEPS; i++, low *= ratio)
    if (!(beyond_fixed_point(square, count, low * ratio) < 0)) return root(square, count, low, low * ratio);
  return high;
}

cf_status cf_kde_bandwidth(cf_context *ctx, size_t n, const double *x, double from, double to, double low, double high,
                           double *bandwidth) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const double range = to - from;
  double *square = NULL;
  size_t different = n > 0;
  if (!(range > 0) || !(low > 0) || !(high >= low))
    return cf_fail(ctx, CF_ERR_USAGE, "bandwidth between %g and %g in a window from %g to %g", low, high, from, to);
  for (size_t i = 1; i < n; i++) different += x[i] != x[i - 1];
  *bandwidth = high;
  if (different < 2 || low == high) return CF_OK;
  CF_TRY(CF_SCRATCH(ctx, &square, TERMS));
  cosine_series(n, x, from, to, square);
  const double t =
      smallest_fixed_point(square, (double)different, low * low / (range * range), high * high / (range * range));
  *bandwidth = fmin(high, fmax(low, range * sqrt(t)));
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
