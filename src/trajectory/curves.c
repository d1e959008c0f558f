/* Curves in the space of a population's principal components.
 *
 * Arc-length resampling: s_k = sum of |x_{j+1} - x_j| over j < k; point i of M lies at s = i/(M - 1) s_end on the
 * polyline. Derivative in u = s / s_end by central differences, one-sided at the ends, du = 1/(M - 1).
 * H1 distance of curves a and b: d^2 = mean_u |a - b|^2 + w mean_u |a' - b'|^2.
 *
 * Bertram, Dyballa, Keller, Kinger & Zucker (2026). */
#include "base/internal.h"
#include "trajectory/internal.h"

#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

void cf_curves_free(cf_curves *c) {
  if (!c) return;
  cf_free(c->x);
  cf_free(c->derivative);
  cf_free(c->tangent);
  cf_free(c->length);
  cf_free(c);
}

static double distance(size_t dims, const double *a, const double *b) {
  double sum = 0;
  for (size_t d = 0; d < dims; d++) sum += (a[d] - b[d]) * (a[d] - b[d]);
  return sqrt(sum);
}

/* n points of a polyline to m at equal arc lengths; s has room for n. Returns its length. */
static double resample(size_t n, size_t dims, const double *x, double *s, size_t m, double *out) {
  s[0] = 0;
  for (size_t k = 1; k < n; k++) s[k] = s[k - 1] + distance(dims, x + (k - 1) * dims, x + k * dims);
  const double total = s[n - 1], step = 1 / (double)(m - 1);
  for (size_t i = 0, j = 0; i < m; i++) {
    const double at = (i + 1 == m ? 1 : (double)i * step) * total;
    while (j + 2 < n && s[j + 1] < at) j++;
    const double t = s[j + 1] > s[j] ? (at - s[j]) / (s[j + 1] - s[j]) : 0;
    for (size_t d = 0; d < dims; d++) out[i * dims + d] = x[j * dims + d] * (1 - t) + x[(j + 1) * dims + d] * t;
  }
  return total;
}

static void differentiate(size_t m, size_t dims, const double *x, double *dx, double *tangent) {
  const double du = 1 / (double)(m - 1);
  for (size_t i = 0; i < m; i++) {
    const size_t low = i > 0 ? i - 1 : 0, high = i + 1 < m ? i + 1 : i;
    for (size_t d = 0; d < dims; d++)
      dx[i * dims + d] = (x[high * dims + d] - x[low * dims + d]) / ((double)(high - low) * du);
    const double norm = cf_norm2(dims, dx + i * dims) + 1e-12;
    for (size_t d = 0; d < dims; d++) tangent[i * dims + d] = dx[i * dims + d] / norm;
  }
}

cf_status cf_curves_make(cf_context *ctx, size_t count, const size_t *points, size_t dims, const double *x,
                         size_t resampled, cf_curves **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_curves *c = NULL;
  double *s;
  size_t most = 0, total = 0, size;
  *out = NULL;
  if (count < 1 || dims < 1) return cf_fail(ctx, CF_ERR_USAGE, "there are no curves");
  if (resampled < 3) return cf_fail(ctx, CF_ERR_USAGE, "curves have 3 points or more, not %zu", resampled);
  for (size_t i = 0; i < count; i++) {
    if (points[i] < 2)
      return cf_fail(ctx, CF_ERR_INPUT, "curve %zu has %zu points; a curve needs 2 or more", i, points[i]);
    most = CF_MAX(most, points[i]);
    total += points[i];
  }
  for (size_t i = 0; i < total * dims; i++)
    if (!isfinite(x[i])) return cf_fail(ctx, CF_ERR_INPUT, "point %zu of the curves is not finite", i / dims);
  CF_TRY(CF_ALLOC(ctx, &c, 1));
  *c = (cf_curves){.count = count, .points = resampled, .dims = dims};
  CF_TRY(cf_size_mul(ctx, count, resampled * dims, &size));
  CF_TRY(CF_ALLOC(ctx, &c->x, size));
  CF_TRY(CF_ALLOC(ctx, &c->derivative, size));
  CF_TRY(CF_ALLOC(ctx, &c->tangent, size));
  CF_TRY(CF_ALLOC(ctx, &c->length, count));
  CF_TRY(CF_SCRATCH(ctx, &s, most));
  for (size_t i = 0; i < count; i++) {
    const size_t at = i * resampled * dims;
    c->length[i] = resample(points[i], dims, x, s, resampled, c->x + at);
    differentiate(resampled, dims, c->x + at, c->derivative + at, c->tangent + at);
    x += points[i] * dims;
  }
  *out = c;
  c = NULL;
done:
  cf_curves_free(c);
  cf_scratch_release(ctx, mark);
  return status;
}

typedef struct h1_job {
  const cf_curves *c;
  double weight, *d;
} h1_job;

static cf_status h1_row(cf_context *ctx, size_t i, void *payload) {
  (void)ctx;
  const h1_job *job = payload;
  const cf_curves *c = job->c;
  const size_t size = c->points * c->dims;
  const double *xi = c->x + i * size, *di = c->derivative + i * size;
  for (size_t j = i + 1; j < c->count; j++) {
    const double *xj = c->x + j * size, *dj = c->derivative + j * size;
    double place = 0, slope = 0;
    for (size_t k = 0; k < size; k++) {
      place += (xi[k] - xj[k]) * (xi[k] - xj[k]);
      slope += (di[k] - dj[k]) * (di[k] - dj[k]);
    }
    job->d[i * c->count + j] = job->d[j * c->count + i] = sqrt((place + job->weight * slope) / (double)c->points);
  }
  return CF_OK;
}

cf_status cf_curves_h1(cf_context *ctx, const cf_curves *c, double weight, double *out) {
  h1_job job = {c, weight, out};
  for (size_t i = 0; i < c->count; i++) out[i * c->count + i] = 0;
  return cf_parallel_for(ctx, c->count, h1_row, &job);
}
