/* How many singular values are kept.
 *
 *   energy   fewest r with sum_{i<=r} s_i^2 >= E sum s_i^2
 *   svht     s_i > omega(beta) median(s),  omega = lambda(beta) / sqrt(mu(beta)),  beta = shorter / longer side
 *            lambda = sqrt(2 (beta+1) + 8 beta / ((beta+1) + sqrt(beta^2 + 14 beta + 1)))
 *            mu: median of the Marchenko-Pastur law on [(1-sqrt beta)^2, (1+sqrt beta)^2]
 *
 * With x = 1 + beta + 2 sqrt(beta) cos t the law's mass below the angle t has the closed form
 *   G(t) = (2/pi) [ -sin t / q + p t / q^2 - 2 (1-beta)/q^2 atan(k tan(t/2)) ],
 *   p = 1 + beta, q = 2 sqrt(beta), k = (1 - sqrt beta) / (1 + sqrt beta), G(pi) = 1,
 * whose point G = 1/2 is the median. Gavish & Donoho, IEEE Trans. Inf. Theory 60, 5040 (2014). */
#include "base/internal.h"

#include <cortifold/dynamics.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PI 3.14159265358979323846

static double mass_above(double beta, double t) {
  const double p = 1 + beta, q = 2 * sqrt(beta), k = (1 - sqrt(beta)) / (1 + sqrt(beta));
  return 2 / PI * (-sin(t) / q + p * t / (q * q) - 2 * (1 - beta) / (q * q) * atan(k * tan(0.5 * t)));
}

/* For sides more unlike than this the law is a point at 1 as far as doubles can tell the closed form. */
#define THIN 1e-6

static double median_of_law(double beta) {
  double low = 0, high = PI;
  if (beta < THIN) return 1;
  for (int i = 0; i < 100; i++) {
    const double middle = 0.5 * (low + high);
    if (mass_above(beta, middle) < 0.5)
      low = middle;
    else
      high = middle;
  }
  return 1 + beta + 2 * sqrt(beta) * cos(low);
}

double cf_svht_omega(double beta) {
  const double lambda = sqrt(2 * (beta + 1) + 8 * beta / (beta + 1 + sqrt(beta * beta + 14 * beta + 1)));
  return lambda / sqrt(median_of_law(beta));
}

/* s descends. */
static double median(size_t n, const double *s) {
  return n % 2 ? s[n / 2] : 0.5 * (s[n / 2 - 1] + s[n / 2]);
}

size_t cf_rank_of(const cf_rank *rank, size_t rows, size_t cols, size_t n, const double *s, double *energy) {
  const size_t shorter = CF_MIN(rows, cols), longer = CF_MAX(rows, cols);
  double total = 0, kept = 0;
  size_t most = 0, r = 0;
  for (size_t i = 0; i < n; i++) total += s[i] * s[i];
  while (most < n && s[most] > (double)longer * DBL_EPSILON * s[0]) most++;
  switch (rank->rule) {
  case CF_RANK_FULL:
    r = n;
    break;
  case CF_RANK_FIXED:
    r = rank->value < (double)n ? (size_t)rank->value : n;
    break;
  case CF_RANK_ENERGY:
    for (double sum = 0; r < n && sum < rank->value * total; r++) sum += s[r] * s[r];
    break;
  case CF_RANK_SVHT: {
    const double least = n ? cf_svht_omega((double)shorter / (double)longer) * median(n, s) : 0;
    while (r < n && s[r] > least) r++;
    break;
  }
  }
  r = CF_MAX((size_t)1, CF_MIN(r, most));
  for (size_t i = 0; i < CF_MIN(r, n); i++) kept += s[i] * s[i];
  if (energy) *energy = total > 0 ? kept / total : 0;
  return r;
}

cf_status cf_rank_parse(cf_context *ctx, const char *text, const char *option, cf_rank *out) {
  char *end = NULL;
  *out = (cf_rank){CF_RANK_FULL, 0};
  if (strcmp(text, "full") == 0) return CF_OK;
  if (strcmp(text, "svht") == 0) {
    out->rule = CF_RANK_SVHT;
    return CF_OK;
  }
  out->value = strtod(text, &end);
  if (end != text && *end == 0 && out->value > 0 && out->value < 1) {
    out->rule = CF_RANK_ENERGY;
    return CF_OK;
  }
  if (end != text && *end == 0 && out->value >= 1 && out->value < 1e9 && floor(out->value) == out->value) {
    out->rule = CF_RANK_FIXED;
    return CF_OK;
  }
  return cf_fail(
      ctx, CF_ERR_USAGE,
      "%s: '%s' is neither a rank (an integer from 1), nor a share of the energy between 0 and 1, nor svht or "
      "full",
      option, text);
}
