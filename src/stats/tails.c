/* Distribution functions from the incomplete gamma and beta functions and erfc. */
#include "stats/internal.h"

#include <float.h>
#include <math.h>

#define PI          3.14159265358979323846
#define SQRT_HALF   0.70710678118654752440
#define SQRT_TWO_PI 2.50662827463100050242

double cf_normal_cdf(double z) {
  return 0.5 * erfc(-z * SQRT_HALF);
}

/* Halley steps on log Phi from a rational start (Abramowitz & Stegun 26.2.23, 4.5e-4). */
double cf_normal_quantile(double p) {
  if (!(p >= 0 && p <= 1)) return NAN;
  if (p == 0 || p == 1) return p == 0 ? -INFINITY : INFINITY;
  if (p == 0.5) return 0;
  double q = p < 0.5 ? p : 1 - p;
  double t = sqrt(-2 * log(q));
  double z = -(t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))));
  for (int i = 0; i < 6; i++) {
    double cdf = cf_normal_cdf(z), hazard = exp(-0.5 * z * z) / SQRT_TWO_PI / cdf;
    double f = cdf > 0.25 ? (cdf - q) / cdf : log(cdf / q);
    /* f' = hazard, f'' = -hazard (z + hazard) for the logarithm; the sign is the same near 1/2 */
    double step = f / hazard;
    step /= 1 + 0.5 * step * (z + hazard);
    if (!isfinite(step)) break;
    z -= step;
    if (fabs(step) <= 1e-15 * fabs(z)) break;
  }
  return p < 0.5 ? z : -z;
}

/* Two-sided tail P(|T| >= |t|) = I_x(df/2, 1/2), x = df/(df + t^2), and the centre 1 - that. */
static void t_parts(double t, double df, double *tail, double *centre) {
  double ratio = fabs(t) / sqrt(df), a = 0.5 * df;
  if (ratio >
      1e150) { /* x underflows; the first term of the series is all there is, and it is above 0 for small df only */
    *tail = df < 3 ? exp(-df * log(ratio)) * tgamma(a + 0.5) / (sqrt(PI) * tgamma(a + 1)) : 0;
    *centre = 1 - *tail;
    return;
  }
  double y = ratio < 1e-150 ? ratio * ratio : 1 / (1 + 1 / ratio / ratio);
  cf_incomplete_beta(a, 0.5, 1 / (1 + ratio * ratio), y, tail, centre);
}

double cf_t_two_sided(double t, double df) {
  if (isnan(t) || !(df > 0)) return NAN;
  if (isinf(t)) return 0;
  if (isinf(df)) return erfc(fabs(t) * SQRT_HALF);
  double tail, centre;
  t_parts(t, df, &tail, &centre);
  return tail;
}

double cf_t_upper(double t, double df) {
  double half = 0.5 * cf_t_two_sided(t, df);
  return t > 0 ? half : 1 - half;
}

/* Bracketed Newton on the logarithm of the tail (or, near the middle, of the centre) against log t. */
double cf_t_quantile(double p, double df) {
  if (!(p >= 0 && p <= 1) || !(df > 0)) return NAN;
  if (p == 0 || p == 1) return p == 0 ? -INFINITY : INFINITY;
  if (p == 0.5) return 0;
  if (isinf(df)) return cf_normal_quantile(p);
  double q = 2 * (p < 0.5 ? p : 1 - p), middle = 2 * fabs(p - 0.5); /* wanted tail and centre */
  bool by_tail = q < 0.5;
  double low = -745, high = 745, u = log(fmax(1e-8, fabs(cf_normal_quantile(0.5 * q))));
  for (int i = 0; i < 400; i++) {
    double tail, centre, t = exp(u);
    t_parts(t, df, &tail, &centre);
    double value = by_tail ? log(tail / q) : -log(centre / middle); /* falls with u */
    if (value > 0)
      low = u;
    else
      high = u;
    if (value == 0) break;
    /* a difference quotient will do as slope: the bracket guards every step */
    double h = 1e-4, tail2, centre2;
    t_parts(t * (1 + h), df, &tail2, &centre2);
    double slope = (by_tail ? log(tail2 / tail) : -log(centre2 / centre)) / log1p(h);
    double next = u - value / slope;
    if (!(next > low && next < high)) next = 0.5 * (low + high);
    double moved = fabs(next - u);
    u = next;
    if (moved <= 4 * DBL_EPSILON || high - low <= 4 * DBL_EPSILON) break;
  }
  return p < 0.5 ? -exp(u) : exp(u);
}

double cf_f_upper(double f, double df1, double df2) {
  if (isnan(f) || !(df1 > 0) || !(df2 > 0)) return NAN;
  if (f <= 0) return 1;
  if (isinf(f)) return 0;
  if (isinf(df2)) return isinf(df1) ? f < 1 : cf_chi2_upper(f * df1, df1);
  double ratio = df1 / df2 * f, tail, centre;
  cf_incomplete_beta(0.5 * df2, 0.5 * df1, 1 / (1 + ratio), ratio > 1 ? 1 / (1 + 1 / ratio) : ratio / (1 + ratio),
                     &tail, &centre);
  return tail;
}

double cf_chi2_upper(double x, double df) {
  if (isnan(x) || !(df > 0)) return NAN;
  if (x <= 0) return 1;
  double lower, upper;
  cf_incomplete_gamma(0.5 * df, 0.5 * x, &lower, &upper);
  return upper;
}
