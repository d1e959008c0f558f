/* Baselines of `cortifold nfas`: is the stable mode better than simpler representations of the same layers? And what
 * was planted, beside what was found.
 *
 * Paired over models: d_m = mean over regions of the stable mode's alignment less that of the baseline; mean with its t
 * interval, t test and signed-rank test, adjusted over the baselines. Models of one study share the recording and its
 * noise: the interval is about other models, not about other brains. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "pipeline/nfas.h"
#include <cortifold/space.h>
#include <cortifold/stats.h>

typedef struct baseline {
  nfas_kind kind;
  size_t n; /* models that have it */
  double mean, stable, difference, low, high, t, p, p_rank, adjusted;
  double ci[2], stable_ci[2]; /* of the means themselves */
} baseline;

/* 95 % of the mean of x. */
static void interval(size_t n, const double *x, double *low, double *high) {
  const double half = n > 1 ? cf_t_quantile(0.975, (double)n - 1) * sqrt(cf_variance(n, x, 1) / (double)n) : NAN;
  *low = cf_mean(n, x) - half;
  *high = cf_mean(n, x) + half;
}

/* Mean over the regions that both have. */
static bool pair_of(const nfas_job *j, size_t m, nfas_kind kind, double *a, double *b) {
  const double *x = j->r2[NFAS_STABLE] + m * j->rois, *y = j->r2[kind] + m * j->rois;
  double count = 0;
  *a = *b = 0;
  for (size_t r = 0; r < j->rois; r++) {
    if (isnan(x[r]) || isnan(y[r])) continue;
    *a += x[r];
    *b += y[r];
    count++;
  }
  *a /= count;
  *b /= count;
  return count > 0;
}

static cf_status measure(cf_context *ctx, const nfas_job *j, nfas_kind kind, baseline *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *d, *one, *two;
  cf_test rank;
  *out = (baseline){.kind = kind};
  CF_TRY(CF_SCRATCH(ctx, &d, j->models));
  CF_TRY(CF_SCRATCH(ctx, &one, j->models));
  CF_TRY(CF_SCRATCH(ctx, &two, j->models));
  for (size_t m = 0; m < j->models; m++) {
    double a, b;
    if (!pair_of(j, m, kind, &a, &b)) continue;
    one[out->n] = a;
    two[out->n] = b;
    d[out->n++] = a - b;
  }
  out->stable = cf_mean(out->n, one);
  out->mean = cf_mean(out->n, two);
  out->difference = cf_mean(out->n, d);
  interval(out->n, d, &out->low, &out->high);
  interval(out->n, one, &out->stable_ci[0], &out->stable_ci[1]);
  interval(out->n, two, &out->ci[0], &out->ci[1]);
  const cf_test t = cf_t_test(out->n, d, 0);
  out->t = t.statistic;
  out->p = out->n > 1 ? t.p : NAN;
  out->p_rank = NAN;
  if (out->n > 1) {
    CF_TRY(cf_wilcoxon(ctx, out->n, d, &rank));
    out->p_rank = rank.p;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static const char *verdict_of(const baseline *b, double alpha) {
  if (!(b->adjusted <= alpha)) return "no difference seen";
  return b->difference > 0 ? "stable mode better" : "baseline better";
}

static cf_json *baseline_json(const baseline *b, double alpha) {
  cf_json *o = cf_json_object();
  cf_json_set(o, "name", cf_json_text(nfas_kind_name[b->kind]));
  cf_json_set(o, "models", cf_json_number((double)b->n));
  cf_json_set(o, "mean", cf_json_number(b->mean));
  cf_json_set(o, "ci", cf_json_numbers(b->ci, 2));
  cf_json_set(o, "stable", cf_json_number(b->stable));
  cf_json_set(o, "difference", cf_json_number(b->difference));
  cf_json_set(o, "low", cf_json_number(b->low));
  cf_json_set(o, "high", cf_json_number(b->high));
  cf_json_set(o, "t", cf_json_number(b->t));
  cf_json_set(o, "p", cf_json_number(b->p));
  cf_json_set(o, "p_rank", cf_json_number(b->p_rank));
  cf_json_set(o, "p_adjusted", cf_json_number(b->adjusted));
  cf_json_set(o, "verdict", cf_json_text(verdict_of(b, alpha)));
  return o;
}

/* What must not be overlooked: where something simpler does as well. */
static cf_status conclude(cf_context *ctx, nfas_job *j, const baseline *b, size_t count, double alpha) {
  static const struct {
    nfas_kind kind;
    const char *words;
  } simple[] = {{NFAS_MEAN, "the mean over layers"},
                {NFAS_LAST, "the last layer"},
                {NFAS_FIRST, "the first layer"},
                {NFAS_BEST, "the best layer by inner cross-validation"},
                {NFAS_PCA, "the principal components of all layers"},
                {NFAS_SHUFFLED, "the stable mode of layers in shuffled order"}};
  cf_status status = CF_OK;
  char as_well[400] = "", better[400] = "", text[1024];
  for (size_t i = 0; i < sizeof simple / sizeof *simple; i++)
    for (size_t k = 0; k < count; k++) {
      if (b[k].kind != simple[i].kind || (b[k].adjusted <= alpha && b[k].difference > 0)) continue;
      char *to = b[k].adjusted <= alpha ? better : as_well;
      const size_t n = strlen(to);
      snprintf(to + n, sizeof as_well - n, "%s%s", n ? ", " : "", simple[i].words);
    }
  if (!*as_well && !*better)
    snprintf(text, sizeof text, "the stable mode predicts better than each simple baseline that was asked for");
  else
    snprintf(text, sizeof text, "%s%s%s%s%s", *better ? "better than the stable mode: " : "", better,
             *better && *as_well ? "; " : "", *as_well ? "as good as the stable mode (no difference seen): " : "",
             as_well);
  if (!cf_json_set(j->result->values, "verdict", cf_json_text(count ? text : "no baselines were asked for")))
    status = cf_fail(ctx, CF_ERR_MEMORY, "no memory for the result");
  CF_TRY(status);
  if (count) CF_TRY(cf_result_say(ctx, j->result, "baselines: %s\n", text));
done:
  return status;
}

cf_status nfas_baselines(cf_context *ctx, nfas_job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const double alpha = cf_options_number(j->options, "alpha");
  const char *name = cf_options_text(j->options, "correction");
  const cf_correction correction = strcmp(name, "bh") == 0           ? CF_CORRECT_BH
                                   : strcmp(name, "bonferroni") == 0 ? CF_CORRECT_BONFERRONI
                                                                     : CF_CORRECT_HOLM;
  baseline *b;
  double *p;
  size_t count = 0;
  cf_json *list = cf_json_list();
  CF_TRY(CF_SCRATCH(ctx, &b, NFAS_KINDS));
  CF_TRY(CF_SCRATCH(ctx, &p, NFAS_KINDS));
  for (size_t k = 1; k < NFAS_KINDS; k++)
    if (j->r2[k]) CF_TRY(measure(ctx, j, (nfas_kind)k, &b[count++]));
  for (size_t i = 0; i < count; i++) p[i] = b[i].p;
  CF_TRY(cf_p_adjust(ctx, correction, count, p, p));
  for (size_t i = 0; i < count; i++) {
    b[i].adjusted = p[i];
    cf_json_append(list, baseline_json(&b[i], alpha));
    CF_TRY(cf_result_say(ctx, j->result, "  %-10s %.4f, stable mode less it %+.4f (%.4f to %.4f), p = %.3g adjusted\n",
                         nfas_kind_name[b[i].kind], b[i].mean, b[i].difference, b[i].low, b[i].high, b[i].adjusted));
  }
  cf_json_set(j->result->values, "baselines", list);
  list = NULL;
  if (count) {
    cf_json *stable = cf_json_object();
    cf_json_set(stable, "mean", cf_json_number(b[0].stable));
    cf_json_set(stable, "ci", cf_json_numbers(b[0].stable_ci, 2));
    cf_json_set(j->result->values, "stable", stable);
  }
  CF_TRY(conclude(ctx, j, b, count, alpha));
done:
  cf_json_free(list);
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------------- truth -- */

static double mean_of_group(const nfas_job *j, const cf_models *m, const double *x, size_t g) {
  double sum = 0, count = 0;
  for (size_t i = 0; i < j->models; i++)
    for (size_t r = 0; r < j->rois && m->code[i] == g; r++)
      if (!isnan(x[i * j->rois + r])) {
        sum += x[i * j->rois + r];
        count++;
      }
  return sum / count;
}

/* Consistency and convergence of the planted alignment, as those of the found one are computed. */
static cf_status truth_groups(cf_context *ctx, nfas_job *j, cf_models *m, cf_json *o) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_snci_options how = CF_SNCI_OPTIONS_INIT;
  cf_json *list = cf_json_list();
  double *scalar[2];
  how.kind = cf_options_text(j->options, "snci")[0] - '0';
  for (int side = 0; side < 2; side++) {
    const cf_snci_problem p = {j->models, j->rois, m->groups, 0, side ? j->r2[NFAS_STABLE] : j->truth_values,
                               m->code,   NULL};
    CF_TRY(CF_SCRATCH(ctx, &scalar[side], m->groups * CF_SNCI_SCALARS));
    CF_TRY(cf_snci(ctx, &p, &how, NULL, NULL, NULL, scalar[side], NULL));
  }
  for (size_t g = 0; g < m->groups; g++) {
    cf_json *one = cf_json_object();
    cf_json_set(one, "name", cf_json_text(m->group_text[g]));
    cf_json_set(one, "alignment", cf_json_number(mean_of_group(j, m, j->truth_values, g)));
    cf_json_set(one, "alignment_found", cf_json_number(mean_of_group(j, m, j->r2[NFAS_STABLE], g)));
    cf_json_set(one, "snci", cf_json_number(scalar[0][g * CF_SNCI_SCALARS + CF_SNCI_MEAN]));
    cf_json_set(one, "snci_found", cf_json_number(scalar[1][g * CF_SNCI_SCALARS + CF_SNCI_MEAN]));
    cf_json_append(list, one);
  }
  cf_json_set(o, "groups", list);
  list = NULL;
done:
  cf_json_free(list);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status nfas_truth(cf_context *ctx, nfas_job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_axis axis[2] = {{"model", j->models, j->model_name}, {"roi", j->rois, j->roi_name}};
  const double *found = j->r2[NFAS_STABLE], *truth = j->truth_values;
  cf_models m = {0};
  cf_json *o = NULL;
  double *x, *y, bias = 0, square = 0;
  size_t n = 0;
  if (!truth) return CF_OK;
  CF_TRY(CF_SCRATCH(ctx, &x, j->models * j->rois));
  CF_TRY(CF_SCRATCH(ctx, &y, j->models * j->rois));
  for (size_t i = 0; i < j->models * j->rois; i++) {
    if (isnan(found[i]) || isnan(truth[i])) continue;
    x[n] = truth[i];
    y[n++] = found[i];
    bias += found[i] - truth[i];
    square += (found[i] - truth[i]) * (found[i] - truth[i]);
  }
  o = cf_json_object();
  cf_json_set(o, "correlation", cf_json_number(cf_pearson(n, x, y)));
  cf_json_set(o, "bias", cf_json_number(bias / (double)n));
  cf_json_set(o, "rmse", cf_json_number(sqrt(square / (double)n)));
  CF_TRY(cf_models_set_groups(ctx, "modality", j->group_name, &m));
  CF_TRY(truth_groups(ctx, j, &m, o));
  CF_TRY(cf_axes_put(ctx, j->result, "truth/alignment", 2, axis, truth));
  CF_TRY(cf_result_say(ctx, j->result, "planted alignment: correlation %.4f, bias %+.4f, root mean square error %.4f\n",
                       cf_pearson(n, x, y), bias / (double)n, sqrt(square / (double)n)));
  cf_json_set(j->result->values, "truth", o);
  o = NULL;
done:
  cf_json_free(o);
  cf_models_free(&m);
  cf_scratch_release(ctx, mark);
  return status;
}
