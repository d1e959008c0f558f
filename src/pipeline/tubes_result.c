/* Values and words of `cortifold tubes`. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/tubes.h"
#include <cortifold/stats.h>

static const char *const score_name[CF_TUBES_SCORES] = {"S_tight", "S_cross", "L_S_cross"};

/* The published value is the mean over replicates, ours that of all neurons. */
static double value_of(const cf_tubes_estimate *e, bool paper, size_t replicates) {
  return paper && replicates > 0 ? e->mean : e->value;
}

/* The published error bar divides by the root of 100. */
static double error_of(const cf_tubes_estimate *e, bool paper) {
  return paper ? e->sd / 10 : e->error;
}

static cf_json *interval(double low, double high) {
  return cf_json_numbers((const double[]){low, high}, 2);
}

static void set_interval(cf_json *to, size_t k, double low, double high) {
  char name[32];
  snprintf(name, sizeof name, "%s_ci", score_name[k]);
  cf_json_set(to, name, interval(low, high));
}

static cf_json *bundles(const tubes_job *j) {
  const cf_tubes *t = j->t;
  cf_json *list = cf_json_list();
  for (size_t k = 0; k < t->all->tubes; k++) {
    const cf_tube *tube = &t->all->tube[k];
    cf_json *b = cf_json_object();
    cf_json_set(b, "label", cf_json_text(((char **)j->bundle->data)[k]));
    cf_json_set(b, "code", cf_json_number(tube->label));
    cf_json_set(b, "curves", cf_json_number((double)tube->curves));
    cf_json_set(b, "n", cf_json_number((double)tube->curves));
    cf_json_set(b, "eps", cf_json_number(tube->eps));
    cf_json_set(b, "L", cf_json_number(tube->length));
    cf_json_set(b, "S_tight", cf_json_number(tube->tight));
    cf_json_set(b, "S_cross", cf_json_number(tube->cross));
    cf_json_set(b, "L_S_cross", cf_json_number(tube->length_cross));
    for (size_t s = 0; t->tube_interval && s < CF_TUBES_SCORES; s++) {
      const double *at = t->tube_interval + 2 * (k * CF_TUBES_SCORES + s);
      set_interval(b, s, at[0], at[1]);
    }
    cf_json_set(b, "separation", cf_json_number(tube->separation));
    cf_json_set(b, "S_tight_context", cf_json_number(tube->context));
    cf_json_append(list, b);
  }
  return list;
}

static cf_json *differences(const tubes_job *j) {
  static const char *const rule[][3] = {
      {"centreline", "smoothing spline, s = 0.01", "natural cubic interpolation"},
      {"value", "mean over replicates", "all neurons"},
      {"error bar", "sd / sqrt(100)", "sd / sqrt(replicates), and a percentile interval"},
      {"noise of the clustering", "a bundle", "left out and counted"},
  };
  const cf_tubes *t = j->t;
  const cf_tubes_estimate *paper = j->paper ? t->score : t->beside_score,
                          *clean = j->paper ? t->beside_score : t->score;
  cf_json *out = cf_json_object(), *rules = cf_json_list();
  for (size_t k = 0; k < CF_TUBES_SCORES; k++) {
    const double a = value_of(&paper[k], true, t->replicates), b = value_of(&clean[k], false, t->replicates);
    cf_json *one = cf_json_object();
    cf_json_set(one, "paper", cf_json_number(a));
    cf_json_set(one, "clean", cf_json_number(b));
    cf_json_set(one, "relative", cf_json_number((a - b) / b));
    cf_json_set(one, "paper_all_neurons", cf_json_number(paper[k].value));
    cf_json_set(one, "paper_error", cf_json_number(error_of(&paper[k], true)));
    cf_json_set(one, "clean_error", cf_json_number(error_of(&clean[k], false)));
    cf_json_set(out, score_name[k], one);
  }
  for (size_t k = 0; k < sizeof rule / sizeof *rule; k++) {
    cf_json *one = cf_json_object();
    cf_json_set(one, "what", cf_json_text(rule[k][0]));
    cf_json_set(one, "paper", cf_json_text(rule[k][1]));
    cf_json_set(one, "clean", cf_json_text(rule[k][2]));
    cf_json_append(rules, one);
  }
  cf_json_set(out, "rules", rules);
  return out;
}

static cf_json *replicates(const tubes_job *j) {
  cf_json *out = cf_json_object();
  cf_json_set(out, "replicates", cf_json_number((double)j->t->replicates));
  cf_json_set(out, "equal", cf_json_number((double)j->o.equal));
  cf_json_set(out, "coverage", cf_json_number(j->o.coverage));
  for (size_t k = 0; k < CF_TUBES_SCORES && j->t->replicates > 0; k++) {
    const cf_tubes_estimate *e = &j->t->score[k];
    cf_json *one = cf_json_object();
    cf_json_set(one, "mean", cf_json_number(e->mean));
    cf_json_set(one, "sd", cf_json_number(e->sd));
    cf_json_set(one, "error", cf_json_number(error_of(e, j->paper)));
    cf_json_set(one, "low", cf_json_number(e->low));
    cf_json_set(one, "high", cf_json_number(e->high));
    cf_json_set(out, score_name[k], one);
  }
  return out;
}

static cf_json *permutation(const tubes_job *j) {
  cf_json *out = cf_json_object();
  cf_json_set(out, "permutations", cf_json_number((double)j->t->permutations));
  for (size_t k = 0; k < CF_TUBES_SCORES && j->t->permutations > 0; k++) {
    cf_json *one = cf_json_object();
    cf_json_set(one, "p", cf_json_number(j->t->score[k].p));
    cf_json_set(one, "null_mean", cf_json_number(j->t->score[k].null_mean));
    cf_json_set(out, score_name[k], one);
  }
  return out;
}

static const char *rule_name(cf_curve_rule rule) {
  static const char *const name[] = {"hdbscan", "dbscan", "threshold", "one"};
  return name[rule];
}

static cf_status agreement(cf_context *ctx, const tubes_job *j, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = j->t->conditions;
  size_t *found, *stimulus;
  CF_TRY(CF_SCRATCH(ctx, &found, n));
  CF_TRY(CF_SCRATCH(ctx, &stimulus, n));
  for (size_t i = 0; i < n; i++) {
    found[i] = (size_t)(j->t->label[i] + 1);
    stimulus[i] = i / j->r->directions;
  }
  CF_TRY(cf_adjusted_rand(ctx, n, found, stimulus, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status fill_clusters(cf_context *ctx, const tubes_job *j, cf_json *values) {
  double rand = NAN;
  const cf_status status = agreement(ctx, j, &rand);
  if (status != CF_OK) return status;
  cf_json *out = cf_json_object(), *each = cf_json_list();
  int most = -1;
  for (size_t i = 0; i < j->t->conditions; i++) most = CF_MAX(most, j->t->label[i]);
  for (size_t r = 0; r < j->t->replicates; r++) cf_json_append(each, cf_json_number((double)j->t->clusters[r]));
  cf_json_set(out, "rule", cf_json_text(rule_name(j->t->rule)));
  cf_json_set(out, "found", cf_json_number(most + 1));
  cf_json_set(out, "agreement_with_stimulus", cf_json_number(rand));
  cf_json_set(out, "replicates", each);
  cf_json_set(values, "clusters", out);
  return CF_OK;
}

static cf_json *curve_of(size_t n, const double *at, const double (*score)[2], const char *name) {
  cf_json *list = cf_json_list();
  for (size_t k = 0; k < n; k++) {
    cf_json *one = cf_json_object();
    cf_json_set(one, name, cf_json_number(at[k]));
    cf_json_set(one, "mean", cf_json_number(score[k][0]));
    cf_json_set(one, "sd", cf_json_number(score[k][1]));
    cf_json_append(list, one);
  }
  return list;
}

static cf_json *sensitivity(const cf_tubes_sensitivity *s) {
  cf_json *out = cf_json_object();
  cf_json_set(out, "S_tight_by_quantile", curve_of(CF_TUBES_QUANTILES, s->quantile, s->tight_by_quantile, "quantile"));
  cf_json_set(out, "S_cross_by_quantile", curve_of(CF_TUBES_QUANTILES, s->quantile, s->cross_by_quantile, "quantile"));
  cf_json_set(out, "S_tight_by_smoothing",
              curve_of(CF_TUBES_SMOOTHINGS, s->smoothing, s->tight_by_smoothing, "smoothing"));
  cf_json_set(out, "S_cross_by_smoothing",
              curve_of(CF_TUBES_SMOOTHINGS, s->smoothing, s->cross_by_smoothing, "smoothing"));
  return out;
}

cf_status tubes_fill_values(cf_context *ctx, const tubes_job *j, cf_json *values) {
  const cf_tubes *t = j->t;
  for (size_t k = 0; k < CF_TUBES_SCORES; k++) {
    cf_json_set(values, score_name[k], cf_json_number(value_of(&t->score[k], j->paper, t->replicates)));
    if (t->replicates > 0) set_interval(values, k, t->score[k].low, t->score[k].high);
  }
  cf_json_set(values, "S_tight_context", cf_json_number(t->all->context));
  cf_json_set(values, "variant", cf_json_text(j->paper ? "paper" : "clean"));
  cf_json_set(values, "bundles", bundles(j));
  cf_json_set(values, "noise", cf_json_number((double)t->all->noise));
  cf_json_set(values, "singletons", cf_json_number((double)t->all->singletons));
  cf_json_set(values, "differences", differences(j));
  cf_json_set(values, "bootstrap", replicates(j));
  cf_json_set(values, "permutation", permutation(j));
  if (j->sensed) cf_json_set(values, "sensitivity", sensitivity(&j->sense));
  cf_json_set(values, "explained", cf_json_numbers(t->explained, t->components));
  cf_json_set(values, "neurons", cf_json_number((double)t->neurons));
  cf_json_set(values, "neurons_constant", cf_json_number((double)t->constant));
  cf_json_set(values, "neurons_dropped", cf_json_number((double)j->r->dropped));
  cf_json_set(values, "conditions", cf_json_number((double)t->conditions));
  cf_json_set(values, "times", cf_json_number((double)t->times));
  cf_json_set(values, "directions_named", cf_json_bool(j->r->direction != NULL));
  return j->o.cluster ? fill_clusters(ctx, j, values) : CF_OK;
}

/* ------------------------------------------------------------------- words -- */

static cf_status say_score(cf_context *ctx, const tubes_job *j, size_t k, cf_result *result) {
  cf_status status = CF_OK;
  const cf_tubes_estimate *e = &j->t->score[k];
  CF_TRY(cf_result_say(ctx, result, "%-10s %.6g", score_name[k], value_of(e, j->paper, j->t->replicates)));
  if (j->t->replicates > 0)
    CF_TRY(cf_result_say(ctx, result, "  [%.4g, %.4g] over %zu replicates (mean %.4g, +- %.2g)", e->low, e->high,
                         j->t->replicates, e->mean, error_of(e, j->paper)));
  if (j->t->permutations > 0)
    CF_TRY(cf_result_say(ctx, result, "; chance %.4g, p %.3g", e->null_mean, e->p));
  else
    CF_TRY(cf_result_say(ctx, result, "; chance not estimated"));
  CF_TRY(cf_result_say(ctx, result, "\n"));
done:
  return status;
}

cf_status tubes_say(cf_context *ctx, const tubes_job *j, cf_result *result) {
  cf_status status = CF_OK;
  const cf_tubes *t = j->t;
  const cf_tubes_estimate *paper = j->paper ? t->score : t->beside_score,
                          *clean = j->paper ? t->beside_score : t->score;
  double explained = 0;
  for (size_t k = 0; k < t->components; k++) explained += t->explained[k];
  CF_TRY(cf_result_say(ctx, result, "%zu neurons, %zu curves in %zu components (%.1f %% of the variance), %zu bundles",
                       t->neurons, t->conditions, t->components, 100 * explained, t->all->tubes));
  if (j->o.cluster) CF_TRY(cf_result_say(ctx, result, " by %s", rule_name(t->rule)));
  if (t->all->noise + t->all->singletons > 0)
    CF_TRY(cf_result_say(ctx, result, ", %zu curves left out as noise, %zu alone", t->all->noise, t->all->singletons));
  CF_TRY(cf_result_say(ctx, result, "; variant %s, low is tubular\n", j->paper ? "paper" : "clean"));
  for (size_t k = 0; k < CF_TUBES_SCORES; k++) CF_TRY(say_score(ctx, j, k, result));
  for (size_t k = 0; k < t->all->tubes && k < 12; k++) {
    const cf_tube *b = &t->all->tube[k];
    CF_TRY(cf_result_say(ctx, result, "  %-14.14s %3zu curves  S_tight %.4f  S_cross %.3e  L %.3g  eps %.3g\n",
                         ((char **)j->bundle->data)[k], b->curves, b->tight, b->cross, b->length, b->eps));
  }
  CF_TRY(cf_result_say(ctx, result, "paper against clean: S_tight %.6g against %.6g, S_cross %.4g against %.4g\n",
                       value_of(&paper[0], true, t->replicates), clean[0].value,
                       value_of(&paper[1], true, t->replicates), clean[1].value));
done:
  return status;
}

/* -------------------------------------------------------------- known tubes -- */

static cf_json *test_json(const cf_synthetic_row *r, const char *kind) {
  cf_json *one = cf_json_object();
  cf_json_set(one, "kind", cf_json_text(kind));
  cf_json_set(one, "smooth", cf_json_bool(r->world.smooth));
  cf_json_set(one, "radius", cf_json_number(r->world.radius));
  cf_json_set(one, "separation", cf_json_number(r->world.separation));
  cf_json_set(one, "angle", cf_json_number(r->world.angle));
  cf_json_set(one, "curves_per_tube", cf_json_number((double)r->world.per_tube));
  cf_json_set(one, "S_tight", cf_json_number(r->tight));
  cf_json_set(one, "S_cross", cf_json_number(r->cross));
  cf_json_set(one, "L_S_cross", cf_json_number(r->length_cross));
  cf_json_set(one, "planted_S_tight", cf_json_number(r->planted_tight));
  cf_json_set(one, "planted_L_S_cross", cf_json_number(r->planted_length_cross));
  cf_json_set(one, "together_S_tight", cf_json_number(r->together_tight));
  cf_json_set(one, "together_L_S_cross", cf_json_number(r->together_length_cross));
  cf_json_set(one, "clusters", cf_json_number((double)r->clusters));
  cf_json_set(one, "agreement", cf_json_number(r->agreement));
  cf_json_set(one, "agreement_places", cf_json_number(r->agreement_places));
  cf_json_set(one, "expected", cf_json_text(r->expected));
  cf_json_set(one, "pass", cf_json_bool(r->pass));
  return one;
}

/* The curves of every test, `points` of each; those that a test has fewer of than the largest are NaN, their labels -1.
 * Arrays: curves (test, curve, point, axis), label (test, curve). */
static cf_status keep_worlds(cf_context *ctx, const cf_synthetic_row *rows, const cf_array *names, cf_result *result) {
  enum { POINTS = 64, MOST = 36 };
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t shape[4] = {CF_SYNTHETIC_ROWS, MOST, POINTS, 2}, each = (size_t)POINTS * 2;
  cf_curves *curves = NULL;
  double *x, *label;
  CF_TRY(CF_SCRATCH(ctx, &x, CF_SYNTHETIC_ROWS * MOST * each));
  CF_TRY(CF_SCRATCH(ctx, &label, (size_t)CF_SYNTHETIC_ROWS * MOST));
  for (size_t i = 0; i < CF_SYNTHETIC_ROWS * MOST * each; i++) x[i] = NAN;
  for (size_t t = 0; t < CF_SYNTHETIC_ROWS; t++) {
    int own[MOST];
    CF_TRY(cf_synthetic_tubes(ctx, &rows[t].world, (uint32_t)t, POINTS, &curves, own)); /* the same curves as tested */
    for (size_t i = 0; i < MOST; i++) label[t * MOST + i] = i < curves->count ? own[i] : -1;
    memcpy(x + t * MOST * each, curves->x, curves->count * each * sizeof *x);
    cf_curves_free(curves);
    curves = NULL;
  }
  CF_TRY(cf_put_axes(ctx, result, "curves", "test curve point axis", shape, x, names));
  CF_TRY(cf_put_axes(ctx, result, "label", "test curve", shape, label, names));
done:
  cf_curves_free(curves);
  cf_scratch_release(ctx, mark);
  return status;
}

/* "crossing, jitter 0.03, 45°" */
static void name_world(const cf_tube_world *w, char *out, size_t size) {
  static const char *const kind[] = {"one", "parallel", "crossing"};
  int used = snprintf(out, size, "%s, %s %g", kind[w->kind], w->smooth ? "offset" : "jitter", w->radius);
  if (!isnan(w->separation)) snprintf(out + used, size - (size_t)used, ", apart %g", w->separation);
  if (!isnan(w->angle)) snprintf(out + used, size - (size_t)used, ", %g°", w->angle);
}

cf_status tubes_synthetic(cf_context *ctx, const tubes_job *j, cf_result *result) {
  static const char *const kind[] = {"one", "parallel", "crossing"};
  cf_status status = CF_OK;
  cf_synthetic_row rows[CF_SYNTHETIC_ROWS];
  cf_json *tests = cf_json_list();
  cf_array *names = NULL;
  char title[CF_SYNTHETIC_ROWS][64];
  const char *list[CF_SYNTHETIC_ROWS];
  size_t passed = 0;
  CF_TRY(cf_synthetic_tests(ctx, &j->o.tube, rows));
  CF_TRY(cf_result_say(ctx, result, "%-9s %-7s %6s %5s %5s  %8s %8s %8s %10s  %s\n", "tubes", "curves", "radius",
                       "apart", "angle", "S_tight", "planted", "together", "clusters", "verdict"));
  for (size_t i = 0; i < CF_SYNTHETIC_ROWS; i++) {
    const cf_synthetic_row *r = &rows[i];
    char apart[16] = "", angle[16] = "";
    passed += r->pass;
    cf_json_append(tests, test_json(r, kind[r->world.kind]));
    if (!isnan(r->world.separation)) snprintf(apart, sizeof apart, "%.1f", r->world.separation);
    if (!isnan(r->world.angle)) snprintf(angle, sizeof angle, "%.0f", r->world.angle);
    CF_TRY(cf_result_say(ctx, result, "%-9s %-7s %6.2f %5s %5s  %8.4f %8.4f %8.4f %10zu  %s: %s\n", kind[r->world.kind],
                         r->world.smooth ? "smooth" : "jitter", r->world.radius, apart, angle, r->tight,
                         r->planted_tight, r->together_tight, r->clusters, r->pass ? "pass" : "FAIL", r->expected));
  }
  CF_TRY(cf_result_say(ctx, result, "%zu of %d tests passed\n", passed, CF_SYNTHETIC_ROWS));
  cf_json_set(result->values, "tests", tests);
  tests = NULL;
  for (size_t i = 0; i < CF_SYNTHETIC_ROWS; i++) {
    name_world(&rows[i].world, title[i], sizeof title[i]);
    list[i] = title[i];
  }
  CF_TRY(cf_array_from_texts(ctx, "test", CF_SYNTHETIC_ROWS, list, &names));
  CF_TRY(keep_worlds(ctx, rows, names, result));
  cf_json_set(result->values, "passed", cf_json_number((double)passed));
  cf_json_set(result->values, "failed", cf_json_number((double)(CF_SYNTHETIC_ROWS - passed)));
  if (passed < CF_SYNTHETIC_ROWS)
    cf_warn(ctx, "%zu of %d tests on known tubes failed", CF_SYNTHETIC_ROWS - passed, CF_SYNTHETIC_ROWS);
done:
  cf_json_free(tests);
  cf_array_free(names);
  return status;
}
