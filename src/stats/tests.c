/* Tests of location, corrections for many tests, permutation p-values and folds. */
#include "stats/internal.h"
#include "base/internal.h"

#include <math.h>
#include <string.h>

/* t = (mean - mu) / (s / sqrt(n)), n - 1 degrees of freedom. Equal values give t of infinity (p 0) or, at mu, NaN. */
cf_test cf_t_test(size_t n, const double *x, double mu) {
  cf_test test = {NAN, (double)n - 1, NAN};
  if (n < 2) return test;
  double difference = cf_mean(n, x) - mu, error = sqrt(cf_variance(n, x, 1) / (double)n);
  test.statistic = difference / error;
  test.p = cf_t_two_sided(test.statistic, test.df);
  return test;
}

/* ------------------------------------------------------- signed ranks -- */

/* P(V <= v) for n untied ranks: the number of subsets of {1 .. n} with each sum, built up one rank at a time. n <= 25.
 */
double cf_signed_rank_lower(size_t n, size_t v) {
  enum { MOST = 25 * 26 / 2 };
  double ways[MOST + 1] = {1}, sum = 0;
  for (size_t rank = 1, top = 0; rank <= n; rank++) {
    top += rank;
    for (size_t s = top; s >= rank; s--) ways[s] += ways[s - rank];
  }
  for (size_t s = 0; s <= v && s <= n * (n + 1) / 2; s++) sum += ways[s];
  return ldexp(sum, -(int)n);
}

/* V = sum of the ranks of |x| where x > 0; zeros are left out. Wilcoxon, Biometrics Bulletin 1, 80 (1945). */
cf_status cf_wilcoxon(cf_context *ctx, size_t n, const double *x, cf_test *out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  double *size, *rank, v = 0, ties = 0;
  size_t m = 0;
  *out = (cf_test){NAN, 0, NAN};
  CF_TRY(CF_SCRATCH(ctx, &size, n));
  CF_TRY(CF_SCRATCH(ctx, &rank, n));
  for (size_t i = 0; i < n; i++)
    if (x[i] != 0) size[m++] = fabs(x[i]);
  CF_TRY(cf_ranks(ctx, m, size, rank));
  for (size_t i = 0, j = 0; i < n; i++)
    if (x[i] != 0) v += x[i] > 0 ? rank[j++] : (j++, 0.0);
  bool tied = false;
  for (size_t i = 0; i < m; i++) { /* each tied group of t adds t (t^2 - 1) = sum over its members of t^2 - 1 */
    double t = 0;
    for (size_t j = 0; j < m; j++) t += rank[j] == rank[i];
    ties += t * t - 1;
    tied |= t > 1;
  }
  out->statistic = v;
  out->df = (double)m;
  double k = (double)m, most = k * (k + 1) / 2;
  if (m == 0) {
    out->p = 1;
  } else if (m <= 25 && !tied && m == n) {
    double lower = cf_signed_rank_lower(m, (size_t)v), upper = cf_signed_rank_lower(m, (size_t)(most - v));
    out->p = fmin(1, 2 * fmin(lower, upper));
  } else {
    double centre = most / 2, variance = k * (k + 1) * (2 * k + 1) / 24 - ties / 48;
    double z = fmax(0, fabs(v - centre) - 0.5) / sqrt(variance);
    out->p = fmin(1, 2 * cf_normal_cdf(-z));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* -------------------------------------------------- many tests at once -- */

/* With p_(1) <= ... <= p_(m):
 *   Bonferroni  min(1, m p)
 *   Holm        max over j <= i of min(1, (m - j + 1) p_(j))            Holm, Scand. J. Stat. 6, 65 (1979)
 *   BH          min over j >= i of min(1, m p_(j) / j)                  Benjamini & Hochberg, JRSS B 57, 289 (1995) */
cf_status cf_p_adjust(cf_context *ctx, cf_correction method, size_t n, const double *p, double *adjusted) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  cf_keyed *pair, *spare;
  double *kept, running;
  size_t m = 0, *place;
  CF_TRY(CF_SCRATCH(ctx, &pair, n));
  CF_TRY(CF_SCRATCH(ctx, &spare, n));
  CF_TRY(CF_SCRATCH(ctx, &kept, n));
  CF_TRY(CF_SCRATCH(ctx, &place, n));
  for (size_t i = 0; i < n; i++) {
    if (isnan(p[i])) continue;
    if (p[i] < 0 || p[i] > 1) {
      status = cf_fail(ctx, CF_ERR_INPUT, "p-value %zu is %g; it must lie between 0 and 1", i, p[i]);
      goto done;
    }
    place[m] = i;
    kept[m++] = p[i];
  }
  if (adjusted != p) memcpy(adjusted, p, n * sizeof *p);
  if (method == CF_CORRECT_NONE) goto done;
  pair = cf_sort_keyed(m, kept, pair, spare);
  running = method == CF_CORRECT_BH ? 1 : 0;
  for (size_t step = 0; step < m; step++) {
    size_t i = method == CF_CORRECT_BH ? m - 1 - step : step;
    double value = kept[pair[i].index], *out = adjusted + place[pair[i].index];
    switch (method) {
    case CF_CORRECT_HOLM:
      *out = running = fmax(running, fmin(1, (double)(m - i) * value));
      break;
    case CF_CORRECT_BH:
      *out = running = fmin(running, (double)m / (double)(i + 1) * value);
      break;
    default:
      *out = fmin(1, (double)m * value);
    }
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* A null value that is NaN counts against the observation. Phipson & Smyth, Stat. Appl. Genet. Mol. Biol. 9, 39 (2010).
 */
double cf_permutation_p(double observed, size_t n, const double *null) {
  if (isnan(observed)) return NAN;
  double bar = observed - 1e-12 * fabs(observed);
  size_t above = 1;
  for (size_t i = 0; i < n; i++) above += !(null[i] < bar);
  return (double)above / (double)(n + 1);
}

/* The first n mod k folds have one member more; without shuffling they are runs of neighbours. */
cf_status cf_folds(cf_context *ctx, size_t n, size_t k, bool shuffle, uint64_t task, size_t *fold) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t *order = NULL;
  if (k < 1 || k > n)
    return cf_fail(ctx, CF_ERR_USAGE, "%zu folds of %zu items; the number of folds must lie between 1 and %zu", k, n,
                   n);
  if (shuffle) {
    CF_TRY(CF_SCRATCH(ctx, &order, n));
    cf_rng rng = cf_rng_make(cf_context_seed(ctx), task, 0);
    cf_rng_permutation(&rng, n, order);
  }
  size_t least = n / k, larger = n % k;
  for (size_t f = 0, i = 0; f < k; f++)
    for (size_t end = i + least + (f < larger); i < end; i++) fold[order ? order[i] : i] = f;
done:
  cf_scratch_release(ctx, mark);
  return status;
}
