/* Haemodynamic responses: difference of two gamma densities.
 *
 *   h(t) = g(t; d/s, s) - ratio g(t; u/w, w),  g(t; a, b) = t^(a-1) exp(-t/b) / (b^a Gamma(a)),  h / sum h
 *
 * on t_k = k TR/oversampling. Friston et al. (1998), NeuroImage 7, 30; Glover (1999), NeuroImage 9, 416. */
#include "voxelwise/internal.h"

#include <math.h>
#include <string.h>

#define OVERSAMPLING 50
#define SECONDS      32.0

static double gamma_density(double t, double shape, double scale) {
  if (!(t > 0)) return 0;
  return exp((shape - 1) * log(t / scale) - t / scale - lgamma(shape)) / scale;
}

size_t cf_hrf_points(double tr, size_t oversampling, double seconds) {
  const double points = seconds * (double)oversampling / tr;
  return points > 0 && points < 1e9 ? (size_t)nearbyint(points) : 0;
}

cf_status cf_hrf_kernel(cf_context *ctx, cf_hrf hrf, cf_hrf_grid grid, double tr, size_t oversampling, double seconds,
                        double *out) {
  const size_t n = cf_hrf_points(tr, oversampling, seconds);
  const bool spm = hrf == CF_HRF_SPM;
  const double undershoot = spm ? 16 : 12, width = spm ? 1 : 0.9, ratio = spm ? 0.167 : 0.35;
  const double dt = tr / (double)oversampling;
  double sum = 0;
  if (hrf == CF_HRF_NONE || n < 2)
    return cf_fail(ctx, CF_ERR_USAGE, "a haemodynamic response of %g s needs a name and a TR below it, not %g s",
                   seconds, tr);
  for (size_t k = 0; k < n; k++) {
    double t = (double)k * dt;
    if (grid == CF_HRF_GRID_PUBLISHED) t = (double)k * seconds / (double)(n - 1) - dt;
    out[k] = gamma_density(t, 6 / width, width) - ratio * gamma_density(t, undershoot / width, width);
    sum += out[k];
  }
  for (size_t k = 0; k < n; k++) out[k] /= sum;
  return CF_OK;
}

/* What a sample that is held for one TR weighs `lag` TRs later: h at lags in ((lag - 1) TR, lag TR]. */
static void weights(size_t n, const double *kernel, size_t lags, double *out) {
  memset(out, 0, lags * sizeof *out);
  for (size_t k = 0; k < n; k++) {
    const size_t lag = (k + OVERSAMPLING - 1) / OVERSAMPLING;
    if (lag < lags) out[lag] += kernel[k];
  }
}

cf_status cf_hrf_columns(cf_context *ctx, size_t n, size_t p, double *x, size_t ld, const size_t *run, cf_hrf hrf,
                         cf_hrf_grid grid, double tr) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t points = cf_hrf_points(tr, OVERSAMPLING, SECONDS), lags = points / OVERSAMPLING + 2;
  double *kernel, *weight;
  if (hrf == CF_HRF_NONE) goto done;
  CF_TRY(CF_SCRATCH(ctx, &kernel, points + 1));
  CF_TRY(CF_SCRATCH(ctx, &weight, lags));
  CF_TRY(cf_hrf_kernel(ctx, hrf, grid, tr, OVERSAMPLING, SECONDS, kernel));
  weights(points, kernel, lags, weight);
  for (size_t i = n; i-- > 0;) { /* from the end: a row is made from itself and those before, which are still raw */
    double *row = x + i * ld;
    for (size_t j = 0; j < p; j++) row[j] *= weight[0];
    for (size_t lag = 1; lag < lags && lag <= i && (!run || run[i - lag] == run[i]); lag++)
      for (size_t j = 0; j < p; j++) row[j] += weight[lag] * (row - lag * ld)[j];
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_hrf_events(cf_context *ctx, size_t events, const double *onset, const double *duration, size_t n,
                        double tr, cf_hrf hrf, cf_hrf_grid grid, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const double dt = tr / OVERSAMPLING;
  const size_t steps = n * OVERSAMPLING, points = hrf == CF_HRF_NONE ? 1 : cf_hrf_points(tr, OVERSAMPLING, SECONDS);
  double *fine, *kernel;
  if (!(tr > 0)) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "events need the time between samples, not %g s", tr));
  CF_TRY(CF_SCRATCH(ctx, &fine, steps + 1));
  CF_TRY(CF_SCRATCH(ctx, &kernel, points + 1));
  kernel[0] = 1;
  if (hrf != CF_HRF_NONE) CF_TRY(cf_hrf_kernel(ctx, hrf, grid, tr, OVERSAMPLING, SECONDS, kernel));
  memset(fine, 0, (steps + 1) * sizeof *fine);
  for (size_t e = 0; e < events; e++) {
    const double from = nearbyint(onset[e] / dt), to = nearbyint((onset[e] + duration[e]) / dt);
    for (size_t k = 0; k < steps; k++) fine[k] += (double)k >= from && (double)k < CF_MAX(to, from + 1);
  }
  for (size_t i = 0; i < n; i++) {
    out[i] = 0;
    for (size_t k = 0; k < points && k <= i * OVERSAMPLING; k++) out[i] += kernel[k] * fine[i * OVERSAMPLING - k];
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
