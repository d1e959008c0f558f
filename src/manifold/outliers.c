/* Points that would spoil a neighbourhood graph: those far from all others, and near copies of others.
 *
 * The far ones are those with the largest distance to their nearest neighbour. Then, as often as asked, the closest
 * pair of what is left loses the one whose second neighbour is closer (the later one when these are equal), and its
 * neighbours look for new ones. Dyballa et al. leave out both points of a close pair; one is enough. */
#include "base/internal.h"

#include <cortifold/manifold.h>
#include <math.h>

typedef struct cloud {
  size_t n, dims;
  const double *points;
  const bool *keep;
  size_t *neighbour; /* nearest kept point; n when there is none */
  double *first, *second;
} cloud;

static double squared(const cloud *c, size_t i, size_t j) {
  double sum = 0;
  for (size_t d = 0; d < c->dims; d++) {
    const double step = c->points[i * c->dims + d] - c->points[j * c->dims + d];
    sum += step * step;
  }
  return sum;
}

static cf_status look_task(cf_context *worker, size_t i, void *payload) {
  const cloud *c = payload;
  c->neighbour[i] = c->n;
  c->first[i] = c->second[i] = INFINITY;
  for (size_t j = 0; j < c->n; j++) {
    if (j == i || !c->keep[j]) continue;
    const double d = squared(c, i, j);
    if (d < c->first[i]) {
      c->second[i] = c->first[i];
      c->first[i] = d;
      c->neighbour[i] = j;
    } else if (d < c->second[i]) {
      c->second[i] = d;
    }
  }
  return cf_check_cancel(worker);
}

static void drop_farthest(const cloud *c, bool *keep) {
  size_t worst = c->n;
  for (size_t i = 0; i < c->n; i++)
    if (keep[i] && (worst == c->n || c->first[i] > c->first[worst])) worst = i;
  keep[worst] = false;
}

static cf_status drop_copy(cf_context *ctx, cloud *c, bool *keep) {
  cf_status status = CF_OK;
  size_t one = c->n;
  for (size_t i = 0; i < c->n; i++)
    if (keep[i] && (one == c->n || c->first[i] < c->first[one])) one = i;
  const size_t other = c->neighbour[one];
  size_t gone = CF_MAX(one, other);
  if (c->second[one] != c->second[other]) gone = c->second[one] < c->second[other] ? one : other;
  keep[gone] = false;
  for (size_t i = 0; i < c->n; i++) /* who lost a nearest or second neighbour looks again */
    if (keep[i] && squared(c, i, gone) <= c->second[i]) CF_TRY(look_task(ctx, i, c));
done:
  return status;
}

cf_status cf_manifold_outliers(cf_context *ctx, size_t n, size_t dims, const double *points, size_t far, size_t near,
                               bool *keep) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cloud c = {.n = n, .dims = dims, .points = points, .keep = keep};
  const cf_view view = cf_view_matrix(points, n, dims);
  if (far >= n || near >= n - far || (far + near > 0 && n - far - near < 2))
    return cf_fail(ctx, CF_ERR_USAGE, "%zu far and %zu near points to leave out of %zu; at least 2 must stay", far,
                   near, n);
  CF_TRY(cf_view_check_finite(ctx, &view, "outliers: points"));
  CF_TRY(CF_SCRATCH(ctx, &c.neighbour, n));
  CF_TRY(CF_SCRATCH(ctx, &c.first, n));
  CF_TRY(CF_SCRATCH(ctx, &c.second, n));
  for (size_t i = 0; i < n; i++) keep[i] = true;
  if (far + near == 0) goto done;
  CF_TRY(cf_parallel_for(ctx, n, look_task, &c));
  for (size_t k = 0; k < far; k++) drop_farthest(&c, keep);
  if (near == 0) goto done;
  if (far > 0) CF_TRY(cf_parallel_for(ctx, n, look_task, &c));
  for (size_t k = 0; k < near; k++) CF_TRY(drop_copy(ctx, &c, keep));
done:
  cf_scratch_release(ctx, mark);
  return status;
}
