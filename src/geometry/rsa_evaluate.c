/* Scores of models and noise ceilings on one sample of stimuli and subjects.
 *
 * Noise ceiling (Nili et al. 2014): the best any model could reach is bounded above by the mean similarity of the
 * subjects with their pooled RDM and below by the same with each subject left out of the pool. With y_s the vector of
 * subject s as the comparator pools it (unit root mean square; z-scored; ranks) pool = sum_s k_s y_s.
 *
 * For the linear comparators the pool is never formed: with y_s = c_s z_s (z prepared to unit norm), a_s = k_s c_s and
 * the Gram matrix G_st = z_s . z_t in the comparator's metric,
 *
 *     sim(pool, t) = (G a)_t / sqrt(a'G a),
 *
 * with a_s = 0 for those who are left out; a resample of subjects costs subjects^2 a pool. Rank comparators rank the
 * pooled ranks again, once per pool.
 *
 * Cross-validation (flexible models): stimuli and subjects are cut into folds; weights are fitted where neither is in
 * the fold and judged where both are. Copies of a stimulus or subject share its fold. The lower ceiling then pools the
 * training subjects on the test stimuli.                                    */
#include <math.h>
#include <string.h>
#include "base/internal.h"
#include "geometry/rsa_problem.h"
#include <cortifold/linalg.h>

static double squared(const rsa_problem *p, double sim) {
  return p->options->square ? sim * sim : sim;
}

/* The components where weights are fitted: the comparator's own space, or centred raw values for rank comparators. */
static cf_status prepare_fit(cf_context *ctx, const rsa_problem *p, rsa_cell *cell) {
  cf_status status = CF_OK;
  cf_comparator c = p->options->comparator;
  if (cf_rsa_ranked(c)) {
    c = CF_COMPARE_PEARSON;
    CF_TRY(cf_rsa_rows_new(ctx, c, &cell->sample, p->components, &cell->fit));
    CF_TRY(cf_rsa_rows_fill(ctx, c, &cell->sample, &p->parts, &cell->fit));
  } else {
    cell->fit = cell->parts;
  }
  CF_TRY(CF_SCRATCH(ctx, &cell->fit_gram, p->components * p->components));
  CF_TRY(cf_rsa_similarity(ctx, c, &cell->sample, &cell->fit, &cell->fit, cell->fit_gram));
done:
  return status;
}

cf_status cf_rsa_cell_make(cf_context *ctx, const rsa_problem *p, const uint32_t *mult, bool parts, rsa_cell *out) {
  cf_status status = CF_OK;
  cf_comparator c = p->options->comparator;
  memset(out, 0, sizeof *out);
  CF_TRY(cf_rsa_sample_make(ctx, p->n, mult, p->present, c, &out->sample));
  CF_TRY(cf_rsa_rows_new(ctx, c, &out->sample, p->subjects, &out->data));
  CF_TRY(cf_rsa_rows_fill(ctx, c, &out->sample, &p->data, &out->data));
  if (!cf_rsa_ranked(c)) {
    CF_TRY(CF_SCRATCH(ctx, &out->gram, p->subjects * p->subjects));
    CF_TRY(cf_rsa_similarity(ctx, c, &out->sample, &out->data, &out->data, out->gram));
  }
  if (parts) {
    CF_TRY(cf_rsa_rows_new(ctx, c, &out->sample, p->components, &out->parts));
    CF_TRY(cf_rsa_rows_fill(ctx, c, &out->sample, &p->parts, &out->parts));
    CF_TRY(CF_SCRATCH(ctx, &out->sim, p->components * p->subjects));
    CF_TRY(cf_rsa_similarity(ctx, c, &out->sample, &out->parts, &out->data, out->sim));
    if (p->options->type >= CF_MODEL_WEIGHTED) CF_TRY(prepare_fit(ctx, p, out));
  }
done:
  return status;
}

/* ------------------------------------------------------------- ceilings -- */

/* ga = G a; gives a'Ga. Subjects of weight 0 do not enter, whatever their entries. */
static double gram_times(size_t n, const double *gram, const double *a, double *ga) {
  double sum = 0;
  for (size_t t = 0; t < n; t++) {
    ga[t] = 0;
    for (size_t s = 0; s < n; s++)
      if (a[s] != 0) ga[t] += gram[t * n + s] * a[s];
    if (a[t] != 0) sum += a[t] * ga[t];
  }
  return sum;
}

static void pool_weights(const rsa_problem *p, const rsa_cell *cell, const uint32_t *k, double *a) {
  const double *c = p->options->pool_raw ? cell->data.norm : cell->data.pool;
  for (size_t s = 0; s < p->subjects; s++) a[s] = k[s] ? k[s] * c[s] : 0;
}

static cf_status ceiling_linear(cf_context *ctx, const rsa_problem *p, const rsa_cell *cell, const uint32_t *pooled,
                                const uint32_t *trained, const uint32_t *tested, double *lower, double *upper) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t n = p->subjects;
  double *a, *ga, *b, *gb;
  CF_TRY(CF_SCRATCH(ctx, &a, n));
  CF_TRY(CF_SCRATCH(ctx, &ga, n));
  CF_TRY(CF_SCRATCH(ctx, &b, n));
  CF_TRY(CF_SCRATCH(ctx, &gb, n));
  pool_weights(p, cell, pooled, a);
  double all = gram_times(n, cell->gram, a, ga), part = 0;
  if (trained) {
    pool_weights(p, cell, trained, b);
    part = gram_times(n, cell->gram, b, gb);
  }
  for (size_t t = 0; t < n; t++)
    if (tested[t]) upper[t] = cf_rsa_rounded_off(ga[t] / sqrt(all));
  for (size_t u = 0; u < (trained ? 1 : p->subject.count); u++) {
    if (!trained) { /* the pool without unit u */
      for (size_t s = 0; s < n; s++) b[s] = p->subject.of[s] == u ? 0 : a[s];
      part = gram_times(n, cell->gram, b, gb);
    }
    for (size_t t = 0; t < n; t++)
      if (tested[t] && (trained || p->subject.of[t] == u))
        lower[t] = part > 0 ? cf_rsa_rounded_off(gb[t] / sqrt(part)) : NAN;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Sum over subjects, but those of one unit, of what is pooled: ranks, or raw values when asked for. */
static void pool_sum(const rsa_problem *p, const rsa_cell *cell, const uint32_t *k, size_t without, double *sum) {
  size_t pairs = cell->sample.pairs;
  for (size_t i = 0; i < pairs; i++) sum[i] = 0;
  for (size_t s = 0; s < p->subjects; s++) {
    if (p->subject.of[s] == without || !k[s]) continue;
    double w = k[s];
    const double *rank = cell->data.rank + s * pairs, *x = p->data.x + s * p->data.pairs;
    if (p->options->pool_raw)
      for (size_t i = 0; i < pairs; i++) sum[i] += w * x[cell->sample.full[i]];
    else
      for (size_t i = 0; i < pairs; i++) sum[i] += w * rank[i];
  }
}

typedef struct pool_work {
  rsa_rows row;
  double *sum;
  uint32_t *tree;
} pool_work;

static cf_status pool_similarity(cf_context *ctx, const rsa_problem *p, const rsa_cell *cell, pool_work *work, size_t t,
                                 double *out) {
  *out = cf_rsa_similarity_one(p->options->comparator, &cell->sample, &work->row, 0, &cell->data, t, work->tree);
  return cf_check_cancel(ctx);
}

static cf_status ceiling_ranked(cf_context *ctx, const rsa_problem *p, const rsa_cell *cell, const uint32_t *pooled,
                                const uint32_t *trained, const uint32_t *tested, double *lower, double *upper) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  cf_comparator c = p->options->comparator;
  const rsa_sample *s = &cell->sample;
  pool_work work;
  CF_TRY(cf_rsa_rows_new(ctx, c, s, 1, &work.row));
  CF_TRY(CF_SCRATCH(ctx, &work.sum, s->pairs));
  CF_TRY(CF_SCRATCH(ctx, &work.tree, cf_kendall_tree_size(s->pairs)));
  pool_sum(p, cell, pooled, SIZE_MAX, work.sum);
  CF_TRY(cf_rsa_row_set(ctx, c, s, work.sum, &work.row, 0));
  for (size_t t = 0; t < p->subjects; t++)
    if (tested[t]) CF_TRY(pool_similarity(ctx, p, cell, &work, t, &upper[t]));
  if (trained) {
    pool_sum(p, cell, trained, SIZE_MAX, work.sum);
    CF_TRY(cf_rsa_row_set(ctx, c, s, work.sum, &work.row, 0));
  }
  for (size_t u = 0; u < (trained ? 1 : p->subject.count); u++) {
    bool any = false, others = trained != NULL;
    for (size_t t = 0; t < p->subjects; t++) {
      any |= tested[t] && (trained || p->subject.of[t] == u);
      others |= pooled[t] > 0 && p->subject.of[t] != u;
    }
    if (!any) continue;
    if (!trained && others) { /* the pool without unit u */
      pool_sum(p, cell, pooled, u, work.sum);
      CF_TRY(cf_rsa_row_set(ctx, c, s, work.sum, &work.row, 0));
    }
    for (size_t t = 0; t < p->subjects; t++) {
      if (!tested[t] || (!trained && p->subject.of[t] != u)) continue;
      lower[t] = NAN;
      if (others) CF_TRY(pool_similarity(ctx, p, cell, &work, t, &lower[t]));
    }
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_rsa_ceiling(cf_context *ctx, const rsa_problem *p, const rsa_cell *cell, const uint32_t *pooled,
                         const uint32_t *trained, const uint32_t *tested, double *lower, double *upper) {
  cf_status status = CF_OK;
  if (cf_rsa_ranked(p->options->comparator))
    CF_TRY(ceiling_ranked(ctx, p, cell, pooled, trained, tested, lower, upper));
  else
    CF_TRY(ceiling_linear(ctx, p, cell, pooled, trained, tested, lower, upper));
  for (size_t t = 0; t < p->subjects; t++) {
    if (!tested[t]) continue;
    lower[t] = squared(p, lower[t]);
    upper[t] = squared(p, upper[t]);
  }
done:
  return status;
}

/* --------------------------------------------------------------- scores -- */

cf_status cf_rsa_scores_new(cf_context *ctx, const rsa_problem *p, rsa_scores *out) {
  cf_status status = CF_OK;
  CF_TRY(CF_SCRATCH(ctx, &out->score, p->models * p->subjects));
  CF_TRY(CF_SCRATCH(ctx, &out->lower, p->subjects));
  CF_TRY(CF_SCRATCH(ctx, &out->upper, p->subjects));
done:
  return status;
}

static void scores_set(const rsa_problem *p, rsa_scores *out, double value) {
  for (size_t i = 0; i < p->models * p->subjects; i++) out->score[i] = value;
  for (size_t t = 0; t < p->subjects; t++) out->lower[t] = out->upper[t] = value;
}

static double weighted_mean(size_t n, const double *x, const uint32_t *k) {
  double sum = 0, total = 0;
  for (size_t t = 0; t < n; t++) {
    if (!k[t]) continue;
    sum += k[t] * x[t];
    total += k[t];
  }
  return sum / total;
}

void cf_rsa_scores_mean(const rsa_problem *p, const rsa_scores *scores, const uint32_t *subject, double *values) {
  for (size_t m = 0; m < p->models; m++)
    values[m] = weighted_mean(p->subjects, scores->score + m * p->subjects, subject);
  values[p->models] = weighted_mean(p->subjects, scores->lower, subject);
  values[p->models + 1] = weighted_mean(p->subjects, scores->upper, subject);
}

cf_status cf_rsa_evaluate_fixed(cf_context *ctx, const rsa_problem *p, const rsa_cell *cell, const uint32_t *subject,
                                rsa_scores *out) {
  size_t n = p->subjects;
  for (size_t m = 0; m < p->models; m++)
    for (size_t t = 0; t < n; t++) out->score[m * n + t] = squared(p, cell->sim[p->member[p->first[m]] * n + t]);
  return cf_rsa_ceiling(ctx, p, cell, subject, NULL, subject, out->lower, out->upper);
}

/* ----------------------------------------------------- cross-validation -- */

/* Fold of every drawn item (multiplicity > 0), units together, balanced, in random order; *enough is false when there
 * are fewer than `least` units a fold. */
static cf_status draw_folds(cf_context *ctx, size_t n, const rsa_units *units, const uint32_t *mult, size_t folds,
                            size_t least, cf_rng *rng, size_t *fold, bool *enough) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t *order, *place, count = 0;
  CF_TRY(CF_SCRATCH(ctx, &place, units->count));
  CF_TRY(CF_SCRATCH(ctx, &order, units->count));
  for (size_t u = 0; u < units->count; u++) place[u] = SIZE_MAX;
  for (size_t i = 0; i < n; i++)
    if (mult[i] && place[units->of[i]] == SIZE_MAX) place[units->of[i]] = count++;
  *enough = count >= least * folds && count > 0;
  if (count) cf_rng_permutation(rng, count, order);
  for (size_t i = 0; i < n; i++) fold[i] = mult[i] ? order[place[units->of[i]]] % folds : 0;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Multiplicities inside (keep) or outside fold f; a single fold is everything on both sides. */
static void take_fold(size_t n, const uint32_t *mult, const size_t *fold, size_t folds, size_t f, bool keep,
                      uint32_t *out) {
  for (size_t i = 0; i < n; i++) out[i] = folds == 1 || (fold[i] == f) == keep ? mult[i] : 0;
}

/* Adds what the models fitted to `train` score on the test cell. */
static cf_status judge(cf_context *ctx, const rsa_problem *p, const rsa_cell *train, const rsa_cell *test,
                       const uint32_t *trained, const uint32_t *tested, double share, rsa_scores *out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  cf_comparator c = p->options->comparator;
  size_t n = p->subjects, pairs = test->sample.pairs;
  double *weights, *values;
  uint32_t *tree;
  rsa_rows row;
  CF_TRY(CF_SCRATCH(ctx, &weights, p->components));
  CF_TRY(CF_SCRATCH(ctx, &values, pairs));
  CF_TRY(CF_SCRATCH(ctx, &tree, cf_kendall_tree_size(pairs)));
  CF_TRY(cf_rsa_rows_new(ctx, c, &test->sample, 1, &row));
  for (size_t m = 0; m < p->models; m++) {
    const size_t *member = p->member + p->first[m];
    size_t count = p->first[m + 1] - p->first[m];
    CF_TRY(cf_rsa_fit(ctx, p, train, trained, m, weights));
    for (size_t i = 0; i < pairs; i++) values[i] = 0;
    for (size_t q = 0; q < count; q++) {
      const double *x = p->parts.x + member[q] * p->parts.pairs;
      if (weights[q] == 0) continue;
      for (size_t i = 0; i < pairs; i++) values[i] += weights[q] * x[test->sample.full[i]];
    }
    CF_TRY(cf_rsa_row_set(ctx, c, &test->sample, values, &row, 0));
    for (size_t t = 0; t < n; t++)
      if (tested[t])
        out->score[m * n + t] +=
            share * squared(p, cf_rsa_similarity_one(c, &test->sample, &row, 0, &test->data, t, tree));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* One fold of stimuli with all folds of subjects. */
static cf_status judge_stimuli(cf_context *ctx, const rsa_problem *p, const uint32_t *train_mult,
                               const uint32_t *test_mult, const uint32_t *subject, const size_t *fold,
                               rsa_scores *out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t n = p->subjects;
  double share = 1.0 / (double)p->folds_stimuli, *lower, *upper;
  rsa_cell train, test;
  uint32_t *trained, *tested;
  CF_TRY(CF_SCRATCH(ctx, &trained, n));
  CF_TRY(CF_SCRATCH(ctx, &tested, n));
  CF_TRY(CF_SCRATCH(ctx, &lower, n));
  CF_TRY(CF_SCRATCH(ctx, &upper, n));
  CF_TRY(cf_rsa_cell_make(ctx, p, train_mult, true, &train));
  CF_TRY(cf_rsa_cell_make(ctx, p, test_mult, false, &test));
  if (train.sample.pairs < 3 || test.sample.pairs < 3) {
    scores_set(p, out, NAN);
    goto done;
  }
  for (size_t g = 0; g < p->folds_subjects; g++) {
    take_fold(n, subject, fold, p->folds_subjects, g, false, trained);
    take_fold(n, subject, fold, p->folds_subjects, g, true, tested);
    CF_TRY(judge(ctx, p, &train, &test, trained, tested, share, out));
    CF_TRY(cf_rsa_ceiling(ctx, p, &test, subject, p->folds_subjects > 1 ? trained : NULL, tested, lower, upper));
    for (size_t t = 0; t < n; t++) {
      if (!tested[t]) continue;
      out->lower[t] += share * lower[t];
      out->upper[t] += share * upper[t];
    }
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_rsa_evaluate_crossed(cf_context *ctx, const rsa_problem *p, const uint32_t *mult, const uint32_t *subject,
                                  cf_rng *rng, rsa_scores *out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t *stimulus_fold, *subject_fold;
  uint32_t *train, *test;
  bool stimuli_enough, subjects_enough;
  CF_TRY(CF_SCRATCH(ctx, &stimulus_fold, p->n));
  CF_TRY(CF_SCRATCH(ctx, &subject_fold, p->subjects));
  CF_TRY(CF_SCRATCH(ctx, &train, p->n));
  CF_TRY(CF_SCRATCH(ctx, &test, p->n));
  CF_TRY(draw_folds(ctx, p->n, &p->stimulus, mult, p->folds_stimuli, p->stimulus.blocks ? 1 : 3, rng, stimulus_fold,
                    &stimuli_enough));
  CF_TRY(draw_folds(ctx, p->subjects, &p->subject, subject, p->folds_subjects, 1, rng, subject_fold, &subjects_enough));
  if (!stimuli_enough || !subjects_enough) {
    scores_set(p, out, NAN);
    goto done;
  }
  scores_set(p, out, 0);
  for (size_t f = 0; f < p->folds_stimuli; f++) {
    take_fold(p->n, mult, stimulus_fold, p->folds_stimuli, f, false, train);
    take_fold(p->n, mult, stimulus_fold, p->folds_stimuli, f, true, test);
    CF_TRY(judge_stimuli(ctx, p, train, test, subject, subject_fold, out));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
