/* One-sided rank tests of two samples and of paired differences.
 *
 * Mann-Whitney: U = R - n (n + 1) / 2, R the sum of the ranks of x among all N = n + m values.
 *   exact    the ranks of x are any n of the N, each choice as likely: choices are counted by their sum of ranks,
 * doubled so that mid-ranks of ties are whole normal   z = (U - n m / 2 -+ 1/2) / s, s^2 = n m / 12 (N + 1 - sum (t^3 -
 * t) / (N (N - 1))), t the sizes of ties Wilcoxon: V = sum of the ranks of |x| where x > 0, zeros left out; z = (V - k
 * (k + 1) / 4) / s, s^2 = k (k + 1) (2 k + 1) / 24 - sum (t^3 - t) / 48.
 *
 * References: Mann & Whitney (1947), Ann. Math. Stat. 18, 50; Wilcoxon (1945), Biometrics Bulletin 1, 80. */
#include "base/internal.h"
#include "stats/internal.h"

#include <math.h>
#include <string.h>

/* sum of t^3 - t over groups of equal ranks: each of the t members adds t^2 - 1. */
static double tie_sum(size_t n, const double *rank) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    double t = 0;
    for (size_t j = 0; j < n; j++) t += rank[j] == rank[i];
    sum += t * t - 1;
  }
  return sum;
}

/* P(sum of k of the N doubled ranks <= observed) and P(>= observed). */
static cf_status exact_tails(cf_context *ctx, size_t total, const size_t *doubled, size_t k, size_t observed,
                             double *lower, double *upper) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *ways = NULL, all = 0;
  size_t most = 0;
  for (size_t i = 0; i < total; i++) most += doubled[i];
  CF_TRY(CF_SCRATCH(ctx, &ways, (k + 1) * (most + 1)));
  memset(ways, 0, (k + 1) * (most + 1) * sizeof *ways);
  ways[0] = 1;
  for (size_t i = 0, top = 0; i < total; i++) {
    top += doubled[i];
    for (size_t c = CF_MIN(i + 1, k); c > 0; c--) {
      double *to = ways + c * (most + 1);
      const double *from = ways + (c - 1) * (most + 1);
      for (size_t s = top; s + 1 > doubled[i]; s--) to[s] += from[s - doubled[i]];
    }
  }
  *lower = *upper = 0;
  for (size_t s = 0; s <= most; s++) {
    const double w = ways[k * (most + 1) + s];
    all += w;
    *lower += s <= observed ? w : 0;
    *upper += s >= observed ? w : 0;
  }
  *lower /= all;
  *upper /= all;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static double pick(cf_tail tail, double less, double greater) {
  const double p = tail == CF_TAIL_GREATER ? greater : tail == CF_TAIL_LESS ? less : 2 * fmin(less, greater);
  return fmin(1, p);
}

/* Tails of U by the normal approximation; s 0: all values are equal. */
static double normal_p(cf_tail tail, double u, double centre, double s) {
  if (!(s > 0)) return 1;
  return pick(tail, cf_normal_cdf((u - centre + 0.5) / s), cf_normal_cdf(-(u - centre - 0.5) / s));
}

/* rank: of x, then of y; the smaller sample's choices are counted. */
static cf_status exact_p(cf_context *ctx, size_t n, size_t m, const double *rank, cf_tail tail, double *p) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *doubled = NULL, observed = 0;
  double lower = 0, upper = 0;
  const bool of_x = n <= m;
  CF_TRY(CF_SCRATCH(ctx, &doubled, n + m));
  for (size_t i = 0; i < n + m; i++) {
    doubled[i] = (size_t)(2 * rank[i] + 0.5);
    if ((i < n) == of_x) observed += doubled[i];
  }
  CF_TRY(exact_tails(ctx, n + m, doubled, CF_MIN(n, m), observed, &lower, &upper));
  *p = pick(tail, of_x ? lower : upper, of_x ? upper : lower);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_mann_whitney(cf_context *ctx, size_t n, const double *x, size_t m, const double *y, cf_tail tail,
                          cf_exactness exactness, cf_test *out) {
  enum { SMALLER = 8, AUTO_MOST = 200, EXACT_MOST = 40 };
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *all = NULL, *rank = NULL, u = 0;
  const double a = (double)n, b = (double)m, total = a + b;
  *out = (cf_test){NAN, total, NAN};
  if (n == 0 || m == 0) return CF_OK;
  CF_TRY(CF_SCRATCH(ctx, &all, n + m));
  CF_TRY(CF_SCRATCH(ctx, &rank, n + m));
  memcpy(all, x, n * sizeof *x);
  memcpy(all + n, y, m * sizeof *y);
  CF_TRY(cf_ranks(ctx, n + m, all, rank));
  for (size_t i = 0; i < n; i++) u += rank[i];
  u -= a * (a + 1) / 2;
  out->statistic = u;
  const double ties = tie_sum(n + m, rank);
  const bool few = CF_MIN(n, m) <= SMALLER && n + m <= AUTO_MOST && ties == 0;
  if (few || (exactness == CF_EXACT_ALWAYS && n + m <= EXACT_MOST)) {
    CF_TRY(exact_p(ctx, n, m, rank, tail, &out->p));
  } else {
    const double variance = a * b / 12 * (total + 1 - ties / (total * (total - 1)));
    out->p = normal_p(tail, u, a * b / 2, sqrt(fmax(0, variance)));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_wilcoxon_tail(cf_context *ctx, size_t n, const double *x, cf_tail tail, cf_test *out) {
  enum { EXACT_MOST = 25 };
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *size = NULL, *rank = NULL, v = 0;
  size_t k = 0, j = 0;
  if (tail == CF_TAIL_BOTH) return cf_wilcoxon(ctx, n, x, out);
  *out = (cf_test){NAN, 0, NAN};
  CF_TRY(CF_SCRATCH(ctx, &size, n));
  CF_TRY(CF_SCRATCH(ctx, &rank, n));
  for (size_t i = 0; i < n; i++)
    if (x[i] != 0) size[k++] = fabs(x[i]);
  CF_TRY(cf_ranks(ctx, k, size, rank));
  for (size_t i = 0; i < n; i++)
    if (x[i] != 0) v += x[i] > 0 ? rank[j++] : (j++, 0.0);
  const double ties = tie_sum(k, rank), count = (double)k;
  out->statistic = v;
  out->df = count;
  if (k == 0) {
    out->p = 1;
  } else if (k == n && ties == 0 && k <= EXACT_MOST) {
    const size_t most = k * (k + 1) / 2, at = (size_t)(v + 0.5);
    out->p = pick(tail, cf_signed_rank_lower(k, at), cf_signed_rank_lower(k, most - at));
  } else {
    const double s = sqrt(count * (count + 1) * (2 * count + 1) / 24 - ties / 48);
    const double z = (v - count * (count + 1) / 4) / s;
    out->p = pick(tail, cf_normal_cdf(z), cf_normal_cdf(-z));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
