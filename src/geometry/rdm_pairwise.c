/* Missing data pair by pair: each pair of patterns uses the channels that both have (m of p).
 *   correlation, cosine: over the shared channels;  squared Euclidean and Poisson: the sum times p / m;
 *   Euclidean: the root of that. Condition means are over what is finite. A pair without enough shared channels is NaN.
 * Cost about 6 K^2 p operations without BLAS: only taken when something is missing.  */
#include <math.h>
#include <string.h>

#include "base/internal.h"
#include "geometry/rdm_internal.h"

enum { COUNT, X, Y, XX, YY, XY, SUMS };

typedef struct work {
  const rdm_plan *plan;
  double *sum; /* K x K x SUMS, only j > i used */
  bool difference;
} work;

static cf_status add_row_pairs(cf_context *ctx, size_t i, void *payload) {
  (void)ctx;
  work *w = payload;
  const rdm_plan *p = w->plan;
  size_t K = p->design->K, cols = p->cols;
  const double *restrict a = p->a + i * cols;
  const double *restrict la = p->poisson ? p->b + i * cols : a;
  for (size_t j = i + 1; j < K; j++) {
    const double *restrict b = p->a + j * cols;
    const double *restrict lb = p->poisson ? p->b + j * cols : b;
    double s[SUMS] = {0};
    for (size_t c = 0; c < cols; c++) {
      bool both = isfinite(a[c]) && isfinite(b[c]) && !(p->drop && p->drop[p->col + c]);
      double x = both ? a[c] : 0, y = both ? b[c] : 0;
      s[COUNT] += both;
      if (w->difference) {
        s[XY] += both ? (a[c] - b[c]) * (la[c] - lb[c]) : 0;
        continue;
      }
      s[X] += x;
      s[Y] += y;
      s[XX] += x * x;
      s[YY] += y * y;
      s[XY] += x * y;
    }
    double *out = w->sum + (i * K + j) * SUMS;
    for (size_t k = 0; k < SUMS; k++) out[k] += s[k];
  }
  return CF_OK;
}

/* Correlation and cosine from sums; NaN when a side is constant (zero) over the shared channels. */
static double angle(const double *s, bool centred) {
  double n = s[COUNT], xx = s[XX], yy = s[YY], xy = s[XY];
  if (n < (centred ? 2 : 1)) return NAN;
  if (centred) {
    xx -= s[X] * s[X] / n;
    yy -= s[Y] * s[Y] / n;
    xy -= s[X] * s[Y] / n;
  }
  if (!(xx > 1e-20 * s[XX]) || !(yy > 1e-20 * s[YY])) return NAN;
  double r = xy / sqrt(xx) / sqrt(yy);
  return 1 - CF_MAX(-1.0, CF_MIN(1.0, r));
}

cf_status rdm_pairwise(cf_context *ctx, rdm_job *job) {
  cf_status status;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t K = job->design->K, size, undefined = 0;
  const char *id = job->metric->id;
  bool correlation = strcmp(id, "correlation") == 0, cosine = strcmp(id, "cosine") == 0, more = true;
  double *mean, *largest, *count, *d = job->out->d, p = (double)job->out->channels_used;
  work w = {.difference = !correlation && !cosine};
  rdm_plan plan = {.source = job->source, .design = job->design, .slots = 1, .keep_missing = true, .drop = job->drop};
  plan.poisson = strcmp(id, "poisson") == 0;
  plan.lambda = job->options->prior_lambda;
  plan.weight = job->options->prior_weight;
  CF_TRY(CF_SCRATCH(ctx, &mean, K));
  CF_TRY(CF_SCRATCH(ctx, &largest, K));
  CF_TRY(CF_SCRATCH(ctx, &count, K));
  CF_TRY(cf_size_mul(ctx, K * SUMS, K, &size));
  CF_TRY(CF_SCRATCH(ctx, &w.sum, size));
  memset(w.sum, 0, size * sizeof *w.sum);
  CF_TRY(rdm_plan_open(ctx, &plan, 8.0 * (SUMS + 2.0) * (double)K * (double)K));
  if (correlation) { /* shifting by the mean keeps the one-pass sums accurate */
    CF_TRY(rdm_row_sums(ctx, &plan, mean, largest, count));
    for (size_t k = 0; k < K; k++) mean[k] = count[k] > 0 ? mean[k] / count[k] : 0;
    plan.row_mean = mean;
  }
  w.plan = &plan;
  for (;;) {
    CF_TRY(rdm_plan_next(ctx, &plan, &more));
    if (!more) break;
    CF_TRY(cf_parallel_for(ctx, K, add_row_pairs, &w));
  }
  for (size_t i = 0; i < K; i++) {
    d[i * K + i] = 0;
    for (size_t j = i + 1; j < K; j++) {
      const double *s = w.sum + (i * K + j) * SUMS;
      double x = w.difference ? (s[COUNT] > 0 ? s[XY] * p / s[COUNT] : NAN) : angle(s, correlation);
      if (isnan(x)) undefined++;
      d[i * K + j] = d[j * K + i] = x;
    }
  }
  if (undefined && !job->options->constant_nan && !w.difference) {
    cf_warn(ctx, "%zu pairs share too few channels or are constant over them; their entries are NaN", undefined);
  } else if (undefined) {
    cf_warn(ctx, "%zu pairs share no channel; their entries are NaN", undefined);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
