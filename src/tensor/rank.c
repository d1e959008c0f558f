/* The curve of a rank scan: the effective dimension smoothed over ranks, its derivative, and a rank to begin with.
 *
 * Smoothing as published: Gaussian of sd 1.5 ranks, cut at 4 sd, edges reflected (d c b a | a b c d | d c b a); the
 * rank was then chosen by eye where the curve bends. The rule of cf_rank_suggest is this library's own. */
#include "tensor/internal.h"

#include <math.h>

#define SIGMA    1.5
#define REACH    6 /* 4 SIGMA */
#define PLATEAU  0.9
#define AGREEING 0.85

static size_t reflect(ptrdiff_t i, size_t n) {
  const ptrdiff_t period = 2 * (ptrdiff_t)n;
  i = (i % period + period) % period;
  return (size_t)(i < (ptrdiff_t)n ? i : period - 1 - i);
}

/* Smooths the entries that are numbers; the others stay NaN. */
static cf_status smooth(cf_context *ctx, size_t n, const double *x, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *at, count = 0;
  CF_TRY(CF_SCRATCH(ctx, &at, n));
  for (size_t i = 0; i < n; i++) {
    out[i] = NAN;
    if (isfinite(x[i])) at[count++] = i;
  }
  for (size_t i = 0; i < count; i++) {
    double sum = 0, weights = 0;
    for (int k = -REACH; k <= REACH; k++) {
      const double w = exp(-0.5 * k * k / (SIGMA * SIGMA));
      sum += w * x[at[reflect((ptrdiff_t)i + k, count)]];
      weights += w;
    }
    out[at[i]] = sum / weights;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_rank_derivative(cf_context *ctx, size_t n, const double *dimension, double *derivative) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *s;
  CF_TRY(CF_SCRATCH(ctx, &s, n));
  CF_TRY(smooth(ctx, n, dimension, s));
  for (size_t i = 0; i + 1 < n; i++) derivative[i] = s[i + 1] - s[i];
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_rank_suggest(cf_context *ctx, size_t n, const double *dimension, const double *congruence, size_t *index) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *s, first = NAN, top = -INFINITY, agreement = -INFINITY;
  size_t count = 0, reached = SIZE_MAX, best = SIZE_MAX;
  *index = SIZE_MAX;
  CF_TRY(CF_SCRATCH(ctx, &s, n));
  CF_TRY(smooth(ctx, n, dimension, s));
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(s[i])) continue;
    if (count++ == 0) first = s[i];
    top = fmax(top, s[i]);
    if (isfinite(congruence[i])) agreement = fmax(agreement, congruence[i]);
  }
  if (count < 3) goto done;
  for (size_t i = 0; i < n && reached == SIZE_MAX; i++)
    if (isfinite(s[i]) && s[i] - first >= PLATEAU * (top - first)) reached = i;
  for (size_t i = reached; i < n && best == SIZE_MAX; i++)
    if (isfinite(s[i]) && (!isfinite(congruence[i]) || congruence[i] >= AGREEING * agreement)) best = i;
  for (size_t i = reached; i-- > 0 && best == SIZE_MAX;)
    if (isfinite(s[i]) && congruence[i] >= AGREEING * agreement) best = i;
  *index = best == SIZE_MAX ? reached : best;
done:
  cf_scratch_release(ctx, mark);
  return status;
}
