/* Variances, tests and intervals of model scores.
 *
 * Bootstrap over one factor with n units: the variance of the replicates times n / (n - 1), since resampling n units
 * understates the variance of their mean by (n - 1) / n.
 *
 * Bootstrap over subjects and stimuli (Schuett et al. 2023): let a score vary with variance s for subjects, c for
 * stimuli and e for what belongs to the combination (interaction and measurement noise), all as contributions to the
 * variance of the mean. The two one-factor bootstraps see s + e and c + e, but resampling both counts e three times: s
 * + c + 3 e. So
 *
 *     var = 2 (var_subjects + var_stimuli) - var_both = s + c + e,
 *
 * and for small numbers S of subjects and n of stimuli, with f = S / (S - 1), g = n / (n - 1),
 *
 *     var = f var_subjects + g var_stimuli - f g (var_both - var_subjects - var_stimuli),
 *
 * kept between max(f var_subjects, g var_stimuli) and f g var_both, which no truth can leave. (Capping by var_both
 * itself, as is sometimes done, would take the small-sample factors back: without e, var_both is (s / f + c / g).) It
 * is applied to each contrast (a model, a difference of two, a difference from the ceiling) after the contrast's
 * variance is taken in each of the three.
 *
 * Cross-validation: fold assignments add variance that more repeats would remove. With R repeats per sample, V_R the
 * variance of their mean and V_1 the mean variance of single ones, the limit of infinitely many is (R V_R - V_1) / (R -
 * 1).
 *
 * Tests are t tests with the bootstrap standard error; dof: subjects - 1, stimuli - 1 or the smaller of both. */
#include <math.h>
#include "base/internal.h"
#include "geometry/rsa_problem.h"
#include <cortifold/stats.h>

#define NO_SPREAD 1e-13

typedef struct variances {
  const rsa_problem *p;
  size_t kinds, columns;
  const double *cov; /* kinds x columns x columns, of the cross-validation limit */
} variances;

/* Variance of column a, or of a - b (b < columns), over all kinds of bootstrap, corrected. */
static double contrast(const variances *v, size_t a, size_t b) {
  double var[3] = {0, 0, 0}, s = (double)v->p->subject.count, n = (double)v->p->stimulus.count;
  for (size_t k = 0; k < v->kinds; k++) {
    const double *c = v->cov + k * v->columns * v->columns;
    var[k] = c[a * v->columns + a];
    if (b < v->columns) var[k] += c[b * v->columns + b] - 2 * c[a * v->columns + b];
    var[k] = fmax(var[k], 0);
  }
  double f = s / (s - 1), g = n / (n - 1);
  if (v->kinds == 1) return var[0] * (v->p->options->bootstrap == CF_BOOTSTRAP_SUBJECTS ? f : g);
  double corrected = f * var[1] + g * var[2] - f * g * (var[0] - var[1] - var[2]);
  return fmin(fmax(corrected, fmax(f * var[1], g * var[2])), f * g * var[0]);
}

/* Adds factor * covariance of columns a and b over the rows where both are finite. value(r) = at[r * step]. */
static double covariance(size_t rows, size_t step, const double *x, size_t a, size_t b) {
  double ma = 0, mb = 0, sum = 0;
  size_t n = 0;
  for (size_t r = 0; r < rows; r++) {
    double u = x[r * step + a], v = x[r * step + b];
    if (!isfinite(u) || !isfinite(v)) continue;
    ma += u;
    mb += v;
    n++;
  }
  if (n < 2) return NAN;
  ma /= (double)n;
  mb /= (double)n;
  for (size_t r = 0; r < rows; r++) {
    double u = x[r * step + a], v = x[r * step + b];
    if (isfinite(u) && isfinite(v)) sum += (u - ma) * (v - mb);
  }
  return sum / (double)(n - 1);
}

/* values: rows x repeats x columns of one kind. mean: rows x columns of the repeats' means. */
static void limit_covariance(size_t rows, size_t repeats, size_t columns, const double *values, const double *mean,
                             double *cov) {
  double n = (double)repeats;
  for (size_t a = 0; a < columns; a++)
    for (size_t b = 0; b <= a; b++) {
      double c = covariance(rows, columns, mean, a, b);
      if (repeats > 1) {
        double single = 0;
        for (size_t r = 0; r < repeats; r++)
          single += covariance(rows, repeats * columns, values + r * columns, a, b) / n;
        c = (n * c - single) / (n - 1);
      }
      cov[a * columns + b] = cov[b * columns + a] = c;
    }
}

/* p of value against 0 with a standard error; two-sided unless greater. A standard error of rounding alone (identical
 * RDMs, three conditions) is none: similarities are at most 1. */
static double t_p(double value, double sem, double dof, bool greater) {
  if (!(sem > NO_SPREAD) || !isfinite(value) || !(dof > 0)) return NAN;
  return greater ? cf_t_upper(value / sem, dof) : cf_t_two_sided(value / sem, dof);
}

static void t_interval(double value, double sem, double dof, double coverage, double *low, double *high) {
  double t = dof > 0 ? cf_t_quantile(0.5 + coverage / 2, dof) : NAN;
  *low = value - t * sem;
  *high = value + t * sem;
}

static cf_status adjust(cf_context *ctx, cf_rsa_result *out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t n = out->n_pairwise;
  double *p, *q;
  CF_TRY(cf_p_adjust(ctx, CF_CORRECT_HOLM, out->models, out->p, out->p_holm));
  CF_TRY(cf_p_adjust(ctx, CF_CORRECT_BH, out->models, out->p, out->p_fdr));
  CF_TRY(cf_p_adjust(ctx, CF_CORRECT_HOLM, out->models, out->p_ceiling, out->p_ceiling_holm));
  CF_TRY(cf_p_adjust(ctx, CF_CORRECT_BH, out->models, out->p_ceiling, out->p_ceiling_fdr));
  CF_TRY(CF_SCRATCH(ctx, &p, n + 1));
  CF_TRY(CF_SCRATCH(ctx, &q, n + 1));
  for (size_t i = 0; i < n; i++) p[i] = out->pairwise[i].p;
  CF_TRY(cf_p_adjust(ctx, CF_CORRECT_HOLM, n, p, q));
  for (size_t i = 0; i < n; i++) out->pairwise[i].p_holm = q[i];
  CF_TRY(cf_p_adjust(ctx, CF_CORRECT_BH, n, p, q));
  for (size_t i = 0; i < n; i++) out->pairwise[i].p_fdr = q[i];
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static void list_pairwise(cf_rsa_result *out) {
  size_t at = 0;
  for (size_t a = 0; a < out->models; a++)
    for (size_t b = a + 1; b < out->models; b++)
      out->pairwise[at++] = (cf_rsa_pair){a, b, out->mean[a] - out->mean[b], NAN, NAN, NAN, NAN};
}

/* ------------------------------------------------------------ bootstrap -- */

/* Percentile interval of column c (rows with NaN are ignored). */
static cf_status percentile(cf_context *ctx, size_t rows, const double *x, size_t step, double coverage, double *low,
                            double *high) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  double *column;
  CF_TRY(CF_SCRATCH(ctx, &column, rows));
  for (size_t r = 0; r < rows; r++) column[r] = x[r * step];
  CF_TRY(cf_percentile_interval(ctx, rows, column, coverage, low, high));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Standard errors, tests and intervals from the covariances; mean: replicates x columns of the main bootstrap. */
static cf_status from_variances(cf_context *ctx, const variances *v, const double *mean, cf_rsa_result *out) {
  cf_status status = CF_OK;
  const cf_rsa_options *o = v->p->options;
  size_t m = out->models, columns = v->columns;
  for (size_t i = 0; i < m; i++) {
    out->sem[i] = sqrt(contrast(v, i, SIZE_MAX));
    out->p[i] = t_p(out->mean[i], out->sem[i], out->dof, o->greater);
    out->p_ceiling[i] = t_p(out->mean[i] - out->lower, sqrt(contrast(v, i, m)), out->dof, false);
    t_interval(out->mean[i], out->sem[i], out->dof, o->coverage, &out->ci_low[i], &out->ci_high[i]);
    CF_TRY(percentile(ctx, out->replicates, mean + i, columns, o->coverage, &out->percentile_low[i],
                      &out->percentile_high[i]));
    if (o->percentile) {
      out->ci_low[i] = out->percentile_low[i];
      out->ci_high[i] = out->percentile_high[i];
    }
  }
  for (size_t k = 0; k < 2; k++) {
    double value = k ? out->upper : out->lower, *ci = k ? out->upper_ci : out->lower_ci;
    t_interval(value, sqrt(contrast(v, m + k, SIZE_MAX)), out->dof, o->coverage, &ci[0], &ci[1]);
    if (o->percentile) CF_TRY(percentile(ctx, out->replicates, mean + m + k, columns, o->coverage, &ci[0], &ci[1]));
  }
  for (size_t i = 0; i < out->n_pairwise; i++) {
    cf_rsa_pair *pair = &out->pairwise[i];
    pair->sem = sqrt(contrast(v, pair->a, pair->b));
    pair->p = t_p(pair->difference, pair->sem, out->dof, false);
  }
done:
  return status;
}

cf_status cf_rsa_infer_bootstrap(cf_context *ctx, const rsa_problem *p, size_t kinds, const double *values,
                                 cf_rsa_result *out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t columns = p->models + 2, rows = out->replicates, repeats = p->repeats;
  double *mean, *cov;
  CF_TRY(CF_SCRATCH(ctx, &mean, kinds * rows * columns));
  CF_TRY(CF_SCRATCH(ctx, &cov, kinds * columns * columns));
  for (size_t k = 0; k < kinds; k++) {
    const double *x = values + k * rows * repeats * columns;
    double *mk = mean + k * rows * columns;
    for (size_t r = 0; r < rows; r++)
      for (size_t c = 0; c < columns; c++) {
        double sum = 0;
        for (size_t q = 0; q < repeats; q++) sum += x[(r * repeats + q) * columns + c];
        mk[r * columns + c] = sum / (double)repeats;
      }
    limit_covariance(rows, repeats, columns, x, mk, cov + k * columns * columns);
  }
  out->replicates_used = 0;
  for (size_t r = 0; r < rows; r++) {
    bool used = false;
    for (size_t m = 0; m < p->models; m++) {
      out->bootstrap[r * p->models + m] = mean[r * columns + m];
      used |= isfinite(mean[r * columns + m]);
    }
    out->bootstrap_ceiling[2 * r] = mean[r * columns + p->models];
    out->bootstrap_ceiling[2 * r + 1] = mean[r * columns + p->models + 1];
    out->replicates_used += used;
  }
  if (out->replicates_used < 2)
    CF_TRY(cf_fail(
        ctx, CF_ERR_INPUT,
        "only %zu of %zu bootstrap samples had enough distinct stimuli and subjects for the folds; use fewer folds",
        out->replicates_used, rows));
  size_t s = p->subject.count - 1, n = p->stimulus.count - 1;
  cf_rsa_bootstrap kind = p->options->bootstrap;
  out->dof = (double)(kind == CF_BOOTSTRAP_SUBJECTS ? s : kind == CF_BOOTSTRAP_STIMULI ? n : CF_MIN(s, n));
  list_pairwise(out);
  variances v = {p, kinds, columns, cov};
  CF_TRY(from_variances(ctx, &v, mean, out));
  CF_TRY(adjust(ctx, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------ over subjects -- */

/* The tests below take one value a unit: the mean over its members. */
static void unit_means(const rsa_problem *p, const double *x, double *out) {
  for (size_t u = 0; u < p->subject.count; u++) {
    double sum = 0, n = 0;
    for (size_t t = 0; t < p->subjects; t++) {
      if (p->subject.of[t] != u) continue;
      sum += x[t];
      n++;
    }
    out[u] = sum / n;
  }
}

/* p of mean(x) against 0: t or signed ranks; greater halves the two-sided one by the side of the statistic. */
static cf_status subject_test(cf_context *ctx, const rsa_problem *p, const double *x, bool greater, double *out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t n = p->subject.count;
  cf_test test;
  *out = NAN;
  for (size_t i = 0; i < n; i++)
    if (!isfinite(x[i])) goto done;
  if (n < 2) goto done;
  if (!p->options->wilcoxon) {
    if (!(cf_variance(n, x, 1) > NO_SPREAD * NO_SPREAD)) goto done;
    test = cf_t_test(n, x, 0);
    *out = greater ? cf_t_upper(test.statistic, test.df) : test.p;
    goto done;
  }
  CF_TRY(cf_wilcoxon(ctx, n, x, &test));
  *out = test.p;
  if (greater) {
    double *size, *rank, side = 0;
    CF_TRY(CF_SCRATCH(ctx, &size, n));
    CF_TRY(CF_SCRATCH(ctx, &rank, n));
    for (size_t i = 0; i < n; i++) size[i] = fabs(x[i]);
    CF_TRY(cf_ranks(ctx, n, size, rank));
    for (size_t i = 0; i < n; i++) side += x[i] > 0 ? rank[i] : x[i] < 0 ? -rank[i] : 0;
    *out = side > 0 ? test.p / 2 : 1 - test.p / 2;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static double standard_error(size_t n, const double *x) {
  return n > 1 ? sqrt(cf_variance(n, x, 1) / (double)n) : NAN;
}

cf_status cf_rsa_infer_subjects(cf_context *ctx, const rsa_problem *p, cf_rsa_result *out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t n = p->subjects, units = p->subject.count;
  double *x, *y;
  CF_TRY(CF_SCRATCH(ctx, &x, n));
  CF_TRY(CF_SCRATCH(ctx, &y, units));
  out->dof = (double)(units - 1);
  list_pairwise(out);
  for (size_t m = 0; m < p->models; m++) {
    const double *score = out->scores + m * n;
    unit_means(p, score, y);
    out->sem[m] = standard_error(units, y);
    t_interval(out->mean[m], out->sem[m], out->dof, p->options->coverage, &out->ci_low[m], &out->ci_high[m]);
    out->percentile_low[m] = out->percentile_high[m] = NAN;
    CF_TRY(subject_test(ctx, p, y, p->options->greater, &out->p[m]));
    for (size_t t = 0; t < n; t++) x[t] = score[t] - out->ceiling_lower[t];
    unit_means(p, x, y);
    CF_TRY(subject_test(ctx, p, y, false, &out->p_ceiling[m]));
  }
  unit_means(p, out->ceiling_lower, y);
  t_interval(out->lower, standard_error(units, y), out->dof, p->options->coverage, &out->lower_ci[0],
             &out->lower_ci[1]);
  unit_means(p, out->ceiling_upper, y);
  t_interval(out->upper, standard_error(units, y), out->dof, p->options->coverage, &out->upper_ci[0],
             &out->upper_ci[1]);
  for (size_t i = 0; i < out->n_pairwise; i++) {
    cf_rsa_pair *pair = &out->pairwise[i];
    for (size_t t = 0; t < n; t++) x[t] = out->scores[pair->a * n + t] - out->scores[pair->b * n + t];
    unit_means(p, x, y);
    pair->sem = standard_error(units, y);
    CF_TRY(subject_test(ctx, p, y, false, &pair->p));
  }
  CF_TRY(adjust(ctx, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}
