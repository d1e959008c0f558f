/* Analysis of variance.
 *
 * One way: F = (SSB / (a - 1)) / (SSW / (n - a)), SSB = sum_g n_g (m_g - m)^2, SSW = sum_i (y_i - m_{g(i)})^2.
 * Kruskal-Wallis: H = 12 / (n (n + 1)) sum_g R_g^2 / n_g - 3 (n + 1), over 1 - sum (t^3 - t) / (n^3 - n) for ties of t;
 * written here as (n - 1) SSB / SST of the ranks, which is the same.
 * Two ways, a groups of objects by b conditions, every object in each: with weights n_g all effects are orthogonal,
 *   SS_G = b sum_g n_g (m_g. - m)^2, SS_C = n sum_c (m_.c - m)^2, SS_GC = sum_gc n_g (m_gc - m)^2 - SS_G - SS_C,
 *   SS_O = b sum_i (m_i - m_g(i).)^2 (objects within groups), SS_E = the rest within cells.
 * independent: error (SS_O + SS_E) / (b (n - a)); repeated: groups over SS_O / (n - a), the others over SS_E / ((b - 1)
 * (n - a)). Winer, Statistical Principles in Experimental Design, 2nd ed. (1971), ch. 7. */
#include "base/internal.h"

#include <cortifold/groups.h>
#include <float.h>
#include <math.h>
#include <string.h>

/* F test of a sum of squares; what rounding alone leaves counts as 0. */
static cf_anova test(double ss, double df1, double error, double df2, double total, double scale) {
  const double least = 4 * DBL_EPSILON * DBL_EPSILON * scale;
  cf_anova out = {NAN, df1, df2, NAN, NAN};
  if (!(df1 > 0) || !(df2 > 0) || isnan(ss) || isnan(error)) return out;
  if (ss <= least) ss = 0;
  if (error <= least) error = 0;
  out.f = ss / df1 / (error / df2);
  out.p = cf_f_upper(out.f, df1, df2);
  out.eta2 = total > least ? ss / total : NAN;
  return out;
}

typedef struct sums {
  double between, within, total, scale; /* scale: sum of squares about 0 */
  size_t used;                          /* groups with members */
} sums;

static cf_status sums_of_squares(cf_context *ctx, size_t n, const double *y, size_t groups, const size_t *code,
                                 sums *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *mean = NULL, *count = NULL;
  const double grand = cf_mean(n, y);
  *out = (sums){0};
  CF_TRY(CF_SCRATCH(ctx, &mean, groups));
  CF_TRY(CF_SCRATCH(ctx, &count, groups));
  for (size_t g = 0; g < groups; g++) mean[g] = count[g] = 0;
  for (size_t i = 0; i < n; i++) {
    mean[code[i]] += y[i] - grand;
    count[code[i]]++;
  }
  for (size_t g = 0; g < groups; g++) {
    if (!(count[g] > 0)) continue;
    mean[g] /= count[g];
    out->between += count[g] * mean[g] * mean[g];
    out->used++;
  }
  for (size_t i = 0; i < n; i++) {
    const double d = y[i] - grand, e = d - mean[code[i]];
    out->total += d * d;
    out->within += e * e;
    out->scale += y[i] * y[i] * (double)n;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_anova_oneway(cf_context *ctx, size_t n, const double *y, size_t groups, const size_t *code,
                          cf_anova *out) {
  cf_status status = CF_OK;
  sums s;
  CF_TRY(sums_of_squares(ctx, n, y, groups, code, &s));
  *out = test(s.between, (double)s.used - 1, s.within, (double)n - (double)s.used, s.total, s.scale);
done:
  return status;
}

cf_status cf_kruskal(cf_context *ctx, size_t n, const double *y, size_t groups, const size_t *code, cf_test *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *rank = NULL;
  sums s;
  *out = (cf_test){NAN, NAN, NAN};
  for (size_t i = 0; i < n; i++)
    if (isnan(y[i])) goto done;
  CF_TRY(CF_SCRATCH(ctx, &rank, n));
  CF_TRY(cf_ranks(ctx, n, y, rank));
  CF_TRY(sums_of_squares(ctx, n, rank, groups, code, &s));
  out->df = (double)s.used - 1;
  if (s.used < 2 || !(s.total > 0)) goto done;
  out->statistic = ((double)n - 1) * s.between / s.total;
  out->p = cf_chi2_upper(out->statistic, out->df);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ----------------------------------------------------------------- two ways -- */

typedef struct cells {
  double *object, *group, *condition, *cell; /* means */
} cells;

static void fill_means(size_t n, size_t b, const double *y, const size_t *code, size_t groups, const double *count,
                       cells *m) {
  for (size_t i = 0; i < n; i++) m->object[i] = 0;
  for (size_t g = 0; g < groups; g++) m->group[g] = 0;
  for (size_t c = 0; c < b; c++) m->condition[c] = 0;
  for (size_t k = 0; k < groups * b; k++) m->cell[k] = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t c = 0; c < b; c++) {
      const double x = y[i * b + c], size = count[code[i]];
      m->object[i] += x / (double)b;
      m->group[code[i]] += x / ((double)b * size);
      m->condition[c] += x / (double)n;
      m->cell[code[i] * b + c] += x / size;
    }
}

cf_status cf_anova_twoway(cf_context *ctx, size_t n, size_t conditions, const double *y, size_t groups,
                          const size_t *code, cf_twoway *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t b = conditions;
  double *count = NULL, group = 0, condition = 0, cell = 0, object = 0, total = 0, scale = 0;
  const double grand = cf_mean(n * b, y);
  size_t used = 0;
  cells m;
  CF_TRY(CF_SCRATCH(ctx, &count, groups));
  CF_TRY(CF_SCRATCH(ctx, &m.object, n));
  CF_TRY(CF_SCRATCH(ctx, &m.group, groups));
  CF_TRY(CF_SCRATCH(ctx, &m.condition, b));
  CF_TRY(CF_SCRATCH(ctx, &m.cell, groups * b));
  memset(count, 0, groups * sizeof *count);
  for (size_t i = 0; i < n; i++) count[code[i]]++;
  for (size_t g = 0; g < groups; g++) used += count[g] > 0;
  fill_means(n, b, y, code, groups, count, &m);
  for (size_t i = 0; i < n; i++) {
    const double g = m.group[code[i]] - grand, o = m.object[i] - m.group[code[i]];
    group += (double)b * g * g;
    object += (double)b * o * o;
    for (size_t c = 0; c < b; c++) {
      const double d = m.condition[c] - grand, e = m.cell[code[i] * b + c] - grand, x = y[i * b + c];
      condition += d * d;
      cell += e * e;
      total += (x - grand) * (x - grand);
      scale += x * x * (double)(n * b);
    }
  }
  const double a = (double)used, k = (double)b, objects = (double)n - a, crossed = cell - group - condition;
  const double error = total - cell, rest = error - object;
  out->group = test(group, a - 1, error, k * objects, total, scale);
  out->condition = test(condition, k - 1, error, k * objects, total, scale);
  out->interaction = test(crossed, (a - 1) * (k - 1), error, k * objects, total, scale);
  out->repeated_group = test(group, a - 1, object, objects, total, scale);
  out->repeated_condition = test(condition, k - 1, rest, (k - 1) * objects, total, scale);
  out->repeated_interaction = test(crossed, (a - 1) * (k - 1), rest, (k - 1) * objects, total, scale);
done:
  cf_scratch_release(ctx, mark);
  return status;
}
