/* Regularised incomplete gamma and beta functions, accurate in relative terms far into both tails.
 *
 * Both have the form (density at the edge) x (series or continued fraction). The density carries the error, since its
 * exponent may be in the hundreds; it is written by saddle points so that no large numbers cancel:
 *   x^a e^-x / Gamma(a+1) = exp(-delta(a) - D(a, x)) / sqrt(2 pi a)
 *   D(a, m) = a log(a/m) + m - a,  delta(a) = log Gamma(a+1) - (a + 1/2) log a + a - log(2 pi)/2.
 * Loader, Fast and accurate computation of binomial probabilities, 2000; DiDonato & Morris, ACM TOMS 12, 377 (1986) and
 * 18, 360 (1992); Abramowitz & Stegun 6.5, 26.5. */
#include "stats/internal.h"

#include <float.h>
#include <math.h>

#define HALF_LOG_2PI 0.91893853320467274178
#define TWO_PI       6.28318530717958647693
enum { MOST_TERMS = 1000000 };

/* delta(a): what Stirling's formula leaves. */
static double stirling_rest(double a) {
  if (a < 12) {
    /* Gamma itself is exact to an ulp or two here, its logarithm less so */
    return log(tgamma(a + 1)) - (a + 0.5) * log(a) + a - HALF_LOG_2PI;
  }
  double r = 1 / (a * a);
  return (1.0 / 12 -
          r * (1.0 / 360 -
               r * (1.0 / 1260 - r * (1.0 / 1680 - r * (1.0 / 1188 - r * (691.0 / 360360 - r * (1.0 / 156))))))) /
         a;
}

/* D(a, m) = a log(a/m) + m - a >= 0; `difference` is a - m, given apart when it is known better than by subtraction. */
static double deviance(double a, double m, double difference) {
  double v = difference / (a + m);
  if (fabs(v) >= 0.5) return a * log(a / m) - difference;
  /* a log(a/m) = 2a (v + v^3/3 + v^5/5 ...), of which 2av - (a - m) = (a - m) v */
  double sum = difference * v, term = 2 * a * v, v2 = v * v;
  for (int j = 1; j < 200; j++) {
    term *= v2;
    double next = sum + term / (2 * j + 1);
    if (next == sum) break;
    sum = next;
  }
  return sum;
}

/* x^a e^-x / Gamma(a + 1) */
static double gamma_density(double a, double x) {
  if (a < 1) return exp(a * log(x) - x) / tgamma(a + 1);
  return exp(-stirling_rest(a) - deviance(a, x, a - x)) / sqrt(TWO_PI * a);
}

void cf_incomplete_gamma(double a, double x, double *lower, double *upper) {
  if (!(a > 0) || isnan(x)) {
    *lower = *upper = NAN;
    return;
  }
  if (x <= 0 || isinf(x)) {
    *lower = x > 0;
    *upper = 1 - *lower;
    return;
  }
  double density = gamma_density(a, x);
  if (x < a + 1) { /* P = density (1 + x/(a+1) + x^2/((a+1)(a+2)) + ...) */
    double sum = 1, term = 1;
    for (int n = 1; n < MOST_TERMS && term > sum * (DBL_EPSILON / 8); n++) {
      term *= x / (a + n);
      sum += term;
    }
    *lower = fmin(1, density * sum);
    *upper = 1 - *lower;
    return;
  }
  /* Q = density a / (x+1-a - 1(1-a)/(x+3-a - 2(2-a)/(x+5-a - ...))), Lentz */
  const double tiny = 1e-300;
  double b = x + 1 - a, c = 1 / tiny, d = 1 / b, fraction = d;
  for (int n = 1; n < MOST_TERMS; n++) {
    double an = -n * (n - a);
    b += 2;
    d = an * d + b;
    if (fabs(d) < tiny) d = tiny;
    c = b + an / c;
    if (fabs(c) < tiny) c = tiny;
    d = 1 / d;
    double step = c * d;
    fraction *= step;
    if (fabs(step - 1) < DBL_EPSILON) break;
  }
  *upper = fmin(1, density * a * fraction);
  *lower = 1 - *upper;
}

/* x^a y^b / B(a, b), x + y = 1 */
static double beta_density(double a, double b, double x, double y) {
  double n = a + b;
  if (a < 1 && b < 1) return exp(a * log(x) + b * log(y)) * (tgamma(n) / (tgamma(a) * tgamma(b)));
  if (a < 1) return beta_density(b, a, y, x);
  if (b < 1) { /* from (a, b + 1): B(a, b) = B(a, b+1) (a+b)/b */
    return beta_density(a, b + 1, x, y) / y * (b / n);
  }
  /* binomial density ab/n x sqrt(n/(2 pi a b)) exp(...); a - nx = ay - bx = -(b - ny) */
  double difference = a * y - b * x;
  double exponent = stirling_rest(n) - stirling_rest(a) - stirling_rest(b) - deviance(a, n * x, difference) -
                    deviance(b, n * y, -difference);
  return exp(exponent) * sqrt(a * b / (TWO_PI * n));
}

/* Continued fraction of DiDonato & Morris, I_x(a, b) = density / (beta_1 + alpha_2/(beta_2 + ...)), quick for x below
 * the mean. */
static double beta_fraction(double a, double b, double x, double y) {
  double lambda = a * y - b * x; /* a - (a+b) x */
  double c = 1 + lambda, c0 = b / a, c1 = 1 + 1 / a, yp1 = y + 1;
  double n = 0, p = 1, s = a + 1, an = 0, bn = 1, anp1 = 1, bnp1 = c / c1, r = c1 / c;
  for (int k = 0; k < MOST_TERMS; k++) {
    n += 1;
    double t = n / a, w = n * (b - n) * x, e = a / s;
    double alpha = p * (p + c0) * e * e * (w * x);
    e = (t + 1) / (c1 + t + t);
    double beta = n + w / s + e * (c + n * yp1);
    p = t + 1;
    s += 2;
    double anew = alpha * an + beta * anp1, bnew = alpha * bn + beta * bnp1;
    an = anp1;
    bn = bnp1;
    anp1 = anew;
    bnp1 = bnew;
    double r0 = r;
    r = anp1 / bnp1;
    if (fabs(r - r0) <= DBL_EPSILON * r) break;
    an /= bnp1;
    bn /= bnp1;
    anp1 = r;
    bnp1 = 1;
  }
  return r;
}

/* Power series for small x and b x: I_x(a, b) = x^a / (a B(a, b)) (1 + a sum_j (1-b)(2-b)...(j-b) / (j! (a+j)) x^j). */
static double beta_series(double a, double b, double x, double y) {
  double sum = 1, term = 1;
  for (int j = 1; j < MOST_TERMS; j++) {
    term *= (j - b) * x / j;
    double add = term * a / (a + j);
    sum += add;
    if (fabs(add) <= fabs(sum) * (DBL_EPSILON / 8)) break;
  }
  return beta_density(a, b, x, y) * exp(-b * log1p(-x)) * sum / a;
}

void cf_incomplete_beta(double a, double b, double x, double y, double *lower, double *upper) {
  if (!(a > 0) || !(b > 0) || isnan(x) || isnan(y)) {
    *lower = *upper = NAN;
    return;
  }
  if (x <= 0 || y <= 0) {
    *lower = x > 0;
    *upper = 1 - *lower;
    return;
  }
  bool low_side = a * y >= b * x; /* x at or below the mean a/(a+b) */
  double *result = low_side ? lower : upper, *rest = low_side ? upper : lower;
  double p = low_side ? a : b, q = low_side ? b : a, u = low_side ? x : y, v = low_side ? y : x;
  double value =
      u <= 0.7 && q * u <= 0.7 ? beta_series(p, q, u, v) : beta_density(p, q, u, v) * beta_fraction(p, q, u, v);
  *result = fmin(1, value);
  *rest = 1 - *result;
}
