/* How good predictions are. Constant series have no correlation: 0, never NaN. */
#include "voxelwise/internal.h"

#include <math.h>

/* Two passes: sums of squares and products about the means. */
typedef struct moments {
  double yy, pp, yp;
} moments;

static moments central(size_t n, const double *y, const double *p) {
  double my = 0, mp = 0;
  moments s = {0, 0, 0};
  for (size_t i = 0; i < n; i++) {
    my += y[i] / (double)n;
    mp += p[i] / (double)n;
  }
  for (size_t i = 0; i < n; i++) {
    s.yy += (y[i] - my) * (y[i] - my);
    s.pp += (p[i] - mp) * (p[i] - mp);
    s.yp += (y[i] - my) * (p[i] - mp);
  }
  return s;
}

static bool varies(size_t n, const double *x, double square) {
  double most = 0;
  for (size_t i = 0; i < n; i++) most = fmax(most, fabs(x[i]));
  return square > 1e-24 * most * most * (double)n;
}

double cf_score_r(size_t n, const double *y, const double *prediction) {
  const moments s = central(n, y, prediction);
  if (isnan(s.yp)) return NAN;
  if (!varies(n, y, s.yy) || !varies(n, prediction, s.pp)) return 0;
  return fmin(1, fmax(-1, s.yp / sqrt(s.yy) / sqrt(s.pp)));
}

double cf_score_R2(size_t n, const double *y, const double *prediction) {
  double error = 0;
  const moments s = central(n, y, y);
  for (size_t i = 0; i < n; i++) error += (y[i] - prediction[i]) * (y[i] - prediction[i]);
  if (isnan(error)) return NAN;
  return varies(n, y, s.yy) ? 1 - error / s.yy : 0;
}

void cf_score_split(size_t n, const double *y, size_t parts, const double *part, double *R2, double *r) {
  double my = 0, mt = 0, vy = 0, vt = 0;
  for (size_t i = 0; i < n; i++) {
    double total = 0;
    for (size_t b = 0; b < parts; b++) total += part[b * n + i];
    my += y[i] / (double)n;
    mt += total / (double)n;
  }
  for (size_t i = 0; i < n; i++) {
    double total = 0;
    for (size_t b = 0; b < parts; b++) total += part[b * n + i];
    vy += (y[i] - my) * (y[i] - my);
    vt += (total - mt) * (total - mt);
  }
  for (size_t b = 0; b < parts; b++) {
    const double *p = part + b * n;
    double product = 0, covariance = 0;
    for (size_t i = 0; i < n; i++) {
      double total = 0;
      for (size_t c = 0; c < parts; c++) total += part[c * n + i];
      product += (2 * (y[i] - my) - total) * p[i];
      covariance += (y[i] - my) * p[i];
    }
    if (R2) R2[b] = vy > 0 ? product / vy : 0;
    if (r) r[b] = vy > 0 && vt > 0 ? covariance / sqrt(vy) / sqrt(vt) : 0;
  }
}

double cf_signed_square(double r, cf_sign_policy policy) {
  if (policy == CF_SIGN_CLIP && r < 0) return 0;
  return policy == CF_SIGN_SIGNED && r < 0 ? -r * r : r * r;
}
