/* From which volume ratio on a neighbourhood counts as too wide: location + 4.5 spread of all ratios, by one of six
 * estimators of location and spread, but never below 2.75.
 *
 *   c3          0.333 (q1 + m + q3), (q3 - q1) / (2 z1)
 *   c2          (a + 2 q1 + 2 m + 2 q3 + b) / 8, (b - a) / (4 z0) + (q3 - q1) / (4 z1)
 *   mad         m, median |x - m|
 *   normal-mad  m, median |x - m| / z(3/4)
 *   iqr         m, (q3 - q1) / (2 z(3/4))
 *   sd          mean, standard deviation
 *
 * a, q1, m, q3, b are minimum, quartiles and maximum, z the normal quantile, z0 = z((n - 3/8)/(n + 1/4)),
 * z1 = z((3n/4 - 1/8)/(n + 1/4)). c3, with 0.333 for a third, is the published choice and the names are the published
 * ones; the formulas of mad, normal-mad, iqr and sd are ours.
 * Reference: Wan, Wang, Liu & Tong (2014), BMC Med Res Methodol 14:135 (c2, c3). */
#include "manifold/ian_internal.h"

#include <cortifold/stats.h>
#include <math.h>

#define SPREADS    4.5
#define LEAST      2.75
#define QUARTILE_Z 0.67448975019608174320

/* Median of |x - center| of ascending x: deviations grow from the centre outwards, so the two sides merge. */
static double median_deviation(size_t n, const double *sorted, double center) {
  size_t right = 0;
  while (right < n && sorted[right] < center) right++;
  size_t left = right; /* entries below `left` are still to come from the left */
  double last = 0, before = 0;
  for (size_t taken = 0; taken <= n / 2; taken++) {
    before = last;
    const double l = left > 0 ? center - sorted[left - 1] : INFINITY;
    const double r = right < n ? sorted[right] - center : INFINITY;
    if (l < r)
      left--;
    else
      right++;
    last = fmin(l, r);
  }
  return n % 2 ? last : 0.5 * (before + last);
}

double cf_ian_threshold_of(cf_ian_threshold how, size_t n, const double *sorted) {
  if (n == 0) return LEAST;
  const double q1 = cf_quantile_sorted(n, sorted, 0.25), m = cf_quantile_sorted(n, sorted, 0.5);
  const double q3 = cf_quantile_sorted(n, sorted, 0.75), a = sorted[0], b = sorted[n - 1], count = (double)n;
  const double z1 = cf_normal_quantile((0.75 * count - 0.125) / (count + 0.25));
  const double z0 = cf_normal_quantile((count - 0.375) / (count + 0.25));
  double center = m, spread = 0;
  switch (how) {
  case CF_IAN_C3:
    center = 0.333 * (q1 + m + q3);
    spread = (q3 - q1) / (2 * z1);
    break;
  case CF_IAN_C2:
    center = (a + 2 * q1 + 2 * m + 2 * q3 + b) / 8;
    spread = (b - a) / (4 * z0) + (q3 - q1) / (4 * z1);
    break;
  case CF_IAN_MAD:
    spread = median_deviation(n, sorted, m);
    break;
  case CF_IAN_NORMAL_MAD:
    spread = median_deviation(n, sorted, m) / QUARTILE_Z;
    break;
  case CF_IAN_IQR:
    spread = (q3 - q1) / (2 * QUARTILE_Z);
    break;
  case CF_IAN_SD:
    center = cf_mean(n, sorted);
    spread = n > 1 ? sqrt(cf_variance(n, sorted, 0)) : 0;
    break;
  }
  const double threshold = fmax(LEAST, center + SPREADS * spread);
  /* All below: with a median under 1 the largest ones may still stand out. */
  const double other = 5 - (m - 1);
  return b <= threshold && other < threshold ? other : threshold;
}
