/* Distances between models: rows of an alignment (model x region), in doubles and by differences, since models are few.
 *   euclidean    sqrt(sum_r (a_r - b_r)^2)
 *   correlation  1 - sum_r (a_r - a)(b_r - b) / (|a| |b|) of centred rows
 *   cosine       the same of rows as they are */
#include "base/internal.h"

#include <cortifold/linalg.h>
#include <cortifold/space.h>
#include <math.h>
#include <string.h>

/* Rows of unit length, for correlation less their mean. */
static cf_status normalise(cf_context *ctx, size_t models, size_t rois, bool centre, double *x) {
  for (size_t i = 0; i < models; i++) {
    double *row = x + i * rois, most = 0;
    const double mean = centre ? cf_mean(rois, row) : 0;
    for (size_t r = 0; r < rois; r++) {
      most = fmax(most, fabs(row[r]));
      row[r] -= mean;
    }
    const double length = cf_norm2(rois, row);
    if (!(length > 1e-12 * most))
      return cf_fail(ctx, CF_ERR_INPUT, "model %zu is %s in all regions, so its %s is not defined; leave it out", i,
                     centre ? "the same" : "0", centre ? "correlation" : "cosine");
    for (size_t r = 0; r < rois; r++) row[r] /= length;
  }
  return CF_OK;
}

static double between(size_t rois, const double *a, const double *b, bool unit) {
  double sum = 0;
  for (size_t r = 0; r < rois; r++) sum += (a[r] - b[r]) * (a[r] - b[r]);
  return unit ? 0.5 * sum : sqrt(sum); /* 1 - a'b = |a - b|^2 / 2 for unit rows, without cancellation */
}

cf_status cf_space_distances(cf_context *ctx, size_t models, size_t rois, const double *a, cf_space_metric metric,
                             double *distance) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const bool unit = metric != CF_SPACE_EUCLIDEAN;
  double *x = NULL;
  CF_TRY(CF_SCRATCH(ctx, &x, models * rois));
  memcpy(x, a, models * rois * sizeof *x);
  if (unit) CF_TRY(normalise(ctx, models, rois, metric == CF_SPACE_CORRELATION, x));
  for (size_t i = 0; i < models; i++) {
    distance[i * models + i] = 0;
    for (size_t j = i + 1; j < models; j++)
      distance[i * models + j] = distance[j * models + i] = between(rois, x + i * rois, x + j * rois, unit);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
