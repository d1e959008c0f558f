/* Sum, largest magnitude and count of each pattern over channels: the first of correlation's two passes. */
#include <math.h>

#include "base/internal.h"
#include "geometry/rdm_stripe.h"

typedef struct sums {
  const rdm_plan *plan;
  double *part; /* stripes x K x 3: sum, largest magnitude, count */
} sums;

static cf_status sum_stripe(cf_context *ctx, size_t index, void *payload) {
  cf_status status;
  const sums *q = payload;
  const rdm_plan *p = q->plan;
  stripe s = rdm_stripe_at(p, index);
  cf_mark mark = cf_scratch_mark(ctx);
  double *z;
  CF_TRY(CF_SCRATCH(ctx, &z, s.w));
  const bool *drop = p->drop ? p->drop + p->col + s.from : NULL;
  for (size_t k = 0; k < p->design->K; k++) {
    double sum[4] = {0}, high[4] = {0}, count = 0;
    rdm_cell_mean(&s, k, z);
    for (size_t c = 0; c < s.w; c++) {
      if ((drop && drop[c]) || (p->keep_missing && !isfinite(z[c]))) {
        z[c] = 0;
      } else {
        count++;
      }
    }
    for (size_t c = 0; c + 4 <= s.w; c += 4) {
      for (size_t i = 0; i < 4; i++) {
        sum[i] += z[c + i];
        high[i] = fabs(z[c + i]) > high[i] ? fabs(z[c + i]) : high[i];
      }
    }
    for (size_t c = s.w / 4 * 4; c < s.w; c++) {
      sum[0] += z[c];
      high[0] = fabs(z[c]) > high[0] ? fabs(z[c]) : high[0];
    }
    double *out = q->part + (index * p->design->K + k) * 3;
    out[0] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    out[1] = CF_MAX(CF_MAX(high[0], high[1]), CF_MAX(high[2], high[3]));
    out[2] = count;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status rdm_row_sums(cf_context *ctx, rdm_plan *p, double *sum, double *largest, double *count) {
  cf_status status;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t K = p->design->K, size;
  bool more = true;
  sums q = {.plan = p};
  for (size_t k = 0; k < K; k++) sum[k] = largest[k] = count[k] = 0;
  size_t most = (p->width + p->stripe - 1) / p->stripe;
  CF_TRY(cf_size_mul(ctx, most * 3, K, &size));
  CF_TRY(CF_SCRATCH(ctx, &q.part, size));
  p->col = p->cols = 0;
  for (;;) {
    CF_TRY(rdm_next_window(ctx, p, &more));
    if (!more) break;
    size_t stripes = (p->cols + p->stripe - 1) / p->stripe;
    CF_TRY(cf_parallel_for(ctx, stripes, sum_stripe, &q));
    for (size_t i = 0; i < stripes; i++) {
      for (size_t k = 0; k < K; k++) {
        const double *part = q.part + (i * K + k) * 3;
        sum[k] += part[0];
        largest[k] = CF_MAX(largest[k], part[1]);
        count[k] += part[2];
      }
    }
    cf_progress_step(ctx, p->cols);
  }
  for (size_t k = 0; k < K; k++) {
    if (!isfinite(sum[k]) && !p->keep_missing) p->missing = true;
  }
  p->col = p->cols = 0;
done:
  cf_scratch_release(ctx, mark);
  return status;
}
