/* fastDSA's rule for the number of delays (arXiv 2511.22828), on one standardised signal s of N samples:
 *
 *   by correlation  ceil(2 tau), tau = 1 + 2 sum_{k < k0} rho_k, rho the (biased) autocorrelation, k0 its first lag
 * that is not positive, at most max(8, N / 4) by period       ceil of the period of the peak of a Hann periodogram,
 * when it is 8 times the median, lasts 8 samples or more and goes round 3 times or more; else 0 by length       ceil(2
 * N^(1/3)) q0              the largest of them, within [16 (N < 256) or 32, (N + 1) / 2] q               ceil(q0 (1 +
 * (r0 / q0)^2)), at most (N + 1) / 2; r0 the hard-threshold rank of the q0-row Hankel matrix of s; the rank is that at
 * q */
#include "base/internal.h"

#include <cortifold/dynamics.h>
#include <cortifold/linalg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TWO_PI 6.28318530717958647692
enum { MOST_CHANNELS = 128 };

/* To mean 0 and standard deviation 1 (ddof 0); a constant stays at 0. */
static void standardise(size_t n, double *x) {
  double mean = 0, sum2 = 0;
  for (size_t i = 0; i < n; i++) mean += x[i] / (double)n;
  for (size_t i = 0; i < n; i++) {
    x[i] -= mean;
    sum2 += x[i] * x[i];
  }
  const double sd = sqrt(sum2 / (double)n);
  for (size_t i = 0; i < n; i++) x[i] = sd > 1e-13 * fabs(mean) && sd > 0 ? x[i] / sd : 0;
}

/* Mean of the z-scored channels, standardised; of more than 128 channels evenly spaced ones. */
static cf_status representative(cf_context *ctx, const cf_view *signal, double *s) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = signal->shape[0], p = signal->shape[1], used = CF_MIN(p, (size_t)MOST_CHANNELS);
  double *column;
  CF_TRY(CF_SCRATCH(ctx, &column, n));
  memset(s, 0, n * sizeof *s);
  for (size_t c = 0; c < used; c++) {
    const size_t j = used > 1 ? c * (p - 1) / (used - 1) : 0;
    for (size_t i = 0; i < n; i++) column[i] = cf_at(signal, i, j);
    standardise(n, column);
    for (size_t i = 0; i < n; i++) s[i] += column[i] / (double)used;
  }
  standardise(n, s);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static double correlation_time(size_t n, const double *s) {
  const size_t most = CF_MIN(CF_MAX((size_t)8, n / 4), n - 1);
  double tau = 1;
  for (size_t k = 1; k <= most; k++) {
    const double rho = cf_dot(n - k, s, s + k) / (double)n;
    if (!(rho > 0)) break;
    tau += 2 * rho;
  }
  return tau;
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

typedef struct periodogram {
  size_t n;
  const double *wave; /* signal under the window */
  double *power;
} periodogram;

/* One frequency by rotation of a phasor, set right every 64 samples. */
static cf_status one_frequency(cf_context *ctx, size_t task, void *payload) {
  const periodogram *p = payload;
  const size_t f = task + 1;
  const double turn = TWO_PI * (double)f / (double)p->n, cs = cos(turn), sn = sin(turn);
  double re = 0, im = 0, c = 1, s = 0;
  (void)ctx;
  for (size_t t = 0; t < p->n; t++) {
    if (t % 64 == 0) {
      const double angle = TWO_PI * (double)(f * t % p->n) / (double)p->n;
      c = cos(angle);
      s = sin(angle);
    }
    re += p->wave[t] * c;
    im += p->wave[t] * s;
    const double next = c * cs - s * sn;
    s = c * sn + s * cs;
    c = next;
  }
  p->power[task] = re * re + im * im;
  return CF_OK;
}

static cf_status dominant_period(cf_context *ctx, size_t n, const double *s, size_t *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t count = n / 2;
  double *wave, *power;
  size_t peak = 0;
  *out = 0;
  CF_TRY(CF_SCRATCH(ctx, &wave, n));
  CF_TRY(CF_SCRATCH(ctx, &power, count));
  for (size_t t = 0; t < n; t++) wave[t] = s[t] * (0.5 - 0.5 * cos(TWO_PI * (double)t / (double)(n - 1)));
  periodogram p = {n, wave, power};
  CF_TRY(cf_parallel_for(ctx, count, one_frequency, &p));
  for (size_t f = 1; f < count; f++)
    if (power[f] > power[peak]) peak = f;
  const double top = power[peak], period = (double)n / (double)(peak + 1);
  qsort(power, count, sizeof *power, ascending);
  const double median = count % 2 ? power[count / 2] : 0.5 * (power[count / 2 - 1] + power[count / 2]);
  if (top > 0 && top >= 8 * median && period >= 8 && peak + 1 >= 3) *out = (size_t)ceil(period - 1e-9);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Hard-threshold rank of the Hankel matrix with q rows. */
static cf_status hankel_rank(cf_context *ctx, size_t n, const double *s, size_t q, size_t *rank) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t cols = n - q + 1, r = CF_MIN(q, cols);
  const cf_rank svht = {CF_RANK_SVHT, 0};
  double *h, *values;
  CF_TRY(CF_SCRATCH(ctx, &h, q * cols));
  CF_TRY(CF_SCRATCH(ctx, &values, r));
  for (size_t i = 0; i < q; i++) memcpy(h + i * cols, s + i, cols * sizeof *h);
  CF_TRY(cf_svdvals(ctx, q, cols, h, values));
  *rank = cf_rank_of(&svht, q, cols, r, values, NULL);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_delay_choose(cf_context *ctx, const cf_view *signal, cf_delay_rule *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *s;
  memset(out, 0, sizeof *out);
  if (signal->ndim != 2 || signal->shape[0] < 8 || signal->shape[1] == 0)
    CF_TRY(
        cf_fail(ctx, CF_ERR_INPUT, "the rule for delays needs a signal of time x channels with 8 time steps or more"));
  CF_TRY(cf_view_check_finite(ctx, signal, "signal"));
  const size_t n = signal->shape[0];
  CF_TRY(CF_SCRATCH(ctx, &s, n));
  CF_TRY(representative(ctx, signal, s));
  out->correlation_time = correlation_time(n, s);
  out->by_correlation = (size_t)ceil(2 * out->correlation_time);
  CF_TRY(dominant_period(ctx, n, s, &out->by_period));
  out->by_length = (size_t)ceil(2 * cbrt((double)n) - 1e-9);
  out->least = n < 256 ? 16 : 32;
  out->most = (n + 1) / 2;
  out->first = CF_MAX(CF_MAX(out->by_correlation, out->by_period), CF_MAX(out->by_length, out->least));
  out->first = CF_MIN(out->first, out->most);
  CF_TRY(hankel_rank(ctx, n, s, out->first, &out->first_rank));
  const double share = (double)out->first_rank / (double)out->first;
  out->delays = (size_t)ceil((double)out->first * (1 + share * share) - 1e-9);
  out->delays = CF_MIN(out->delays, out->most);
  CF_TRY(hankel_rank(ctx, n, s, out->delays, &out->rank));
done:
  cf_scratch_release(ctx, mark);
  return status;
}
