/* What the population's responses say about the stimulus, over growing and shrinking windows.
 *
 * Features of a condition are its means over the window. Sums run along: window [0 .. t] adds bin t to [0 .. t - 1],
 * and [t .. T - 1] adds it to [t + 1 .. T - 1]. A window costs one matrix of distances (k-NN), and one product of
 * conditions x neurons with itself, after which fits see conditions only. Each fold's fit starts from its probabilities
 * in the window before.
 *
 * Chance: labels shuffled over conditions, scored in the same way (runs, folds and all) on the whole window; the
 * nearest neighbours and the products stay. p counts the shuffles that are as good. */
#include "base/internal.h"
#include "trajectory/internal.h"

#include <cortifold/linalg.h>
#include <cortifold/stats.h>
#include <math.h>
#include <string.h>

enum { FOLDS = 0x666f6c64, FOLDS_MEAN = 0x666f6c65, SHUFFLE = 0x6c616265 };
#define CONVERGED 1e-6

static void free_score(cf_decode_score *s) {
  cf_free(s->run);
  cf_free(s->confusion);
  cf_free(s->increasing);
  cf_free(s->decreasing);
  cf_free(s->increasing_sd);
  cf_free(s->decreasing_sd);
}

void cf_decoding_free(cf_decoding *d) {
  if (!d) return;
  cf_free(d->code);
  cf_free(d->predicted);
  for (size_t k = 0; k < CF_SCORES; k++) free_score(&d->score[k]);
  cf_free(d);
}

typedef struct job {
  const cf_decode_options *o;
  cf_decoding *d;
  size_t neurons;
  double *bin;         /* times x conditions x neurons */
  double *sum, *mean;  /* conditions x neurons */
  cf_window w;         /* the current one */
  const size_t *code;  /* true or shuffled labels */
  size_t *fold;        /* runs x conditions, of logistic regression */
  bool warm;           /* probability and intercept hold the last window's */
  double *probability; /* runs x folds x conditions x classes */
  double *intercept;   /* runs x folds x classes */
  size_t *predicted;   /* runs x conditions */
  double *gradient;    /* runs x folds */
  double *null;        /* permutations x CF_SCORES */
} job;

static bool wants(const job *j, size_t score) {
  return (j->o->classifiers & (1u << score)) != 0;
}

/* ----------------------------------------------------------------- a window -- */

/* sum over `bins` bins to neighbours, products and coordinates. */
static cf_status look(cf_context *ctx, job *j, size_t bins) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = j->d->conditions, p = j->neurons;
  double *gram;
  for (size_t i = 0; i < n * p; i++) j->mean[i] = j->o->root ? sqrt(j->sum[i]) : j->sum[i];
  if (wants(j, CF_SCORE_KNN)) CF_TRY(cf_nearest(ctx, n, p, j->mean, j->w.k, j->w.neighbour));
  if (!wants(j, CF_SCORE_LOGISTIC) && !wants(j, CF_SCORE_MEAN)) goto done;
  const double scale = 1 / (j->o->root ? sqrt((double)bins) : (double)bins);
  for (size_t i = 0; i < n * p; i++) j->mean[i] *= scale;
  cf_center_columns(n, p, j->mean, p, NULL);
  CF_TRY(cf_syrk(ctx, false, n, p, 1, j->mean, p, 0, j->w.gram, n));
  if (!wants(j, CF_SCORE_LOGISTIC)) goto done;
  CF_TRY(CF_SCRATCH(ctx, &gram, n * n));
  memcpy(gram, j->w.gram, n * n * sizeof *gram);
  CF_TRY(cf_gram_coordinates(ctx, n, gram, j->w.z, &j->w.r));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static void add_bin(const job *j, size_t t) {
  const size_t size = j->d->conditions * j->neurons;
  const double *bin = j->bin + t * size;
  for (size_t i = 0; i < size; i++) j->sum[i] += bin[i];
}

/* Share of right predictions. */
static double hits(size_t n, const size_t *code, const size_t *predicted) {
  size_t right = 0;
  for (size_t i = 0; i < n; i++) right += code[i] == predicted[i];
  return (double)right / (double)n;
}

static cf_status fit_one(cf_context *ctx, size_t task, void *payload) {
  const job *j = payload;
  const size_t n = j->d->conditions, k = j->d->classes, run = task / j->o->folds, held = task % j->o->folds;
  return cf_predict_logistic(ctx, &j->w, j->code, k, j->o->c, j->fold + run * n, held, j->warm,
                             j->probability + task * n * k, j->intercept + task * k, j->predicted + run * n,
                             j->gradient + task);
}

/* Accuracy of each run on the current window; predicted labels stay in j->predicted. */
static cf_status score_logistic(cf_context *ctx, job *j, double *accuracy) {
  const size_t tasks = j->o->runs * j->o->folds, n = j->d->conditions;
  const cf_status status = cf_parallel_for(ctx, tasks, fit_one, j);
  if (status != CF_OK) return status;
  j->warm = true;
  for (size_t t = 0; t < tasks; t++) {
    j->d->fits++;
    j->d->converged += j->gradient[t] <= CONVERGED;
    j->d->worst_gradient = fmax(j->d->worst_gradient, j->gradient[t]);
  }
  for (size_t r = 0; r < j->o->runs; r++) accuracy[r] = hits(n, j->code, j->predicted + r * n);
  return CF_OK;
}

static cf_status score_mean(cf_context *ctx, const job *j, double *accuracy, size_t *predicted) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = j->d->conditions, k = j->d->classes;
  size_t *fold;
  CF_TRY(CF_SCRATCH(ctx, &fold, n));
  for (size_t r = 0; r < j->o->runs; r++) {
    CF_TRY(cf_folds_stratified(ctx, n, j->code, k, j->o->mean_folds, FOLDS_MEAN, (uint32_t)r, fold));
    for (size_t held = 0; held < j->o->mean_folds; held++)
      CF_TRY(cf_predict_mean(ctx, &j->w, j->code, k, fold, held, predicted + r * n));
    accuracy[r] = hits(n, j->code, predicted + r * n);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status score_knn(cf_context *ctx, const job *j, double *accuracy, size_t *predicted) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *votes;
  CF_TRY(CF_SCRATCH(ctx, &votes, j->d->classes));
  cf_vote(j->d->conditions, j->w.k, j->w.neighbour, j->code, j->d->classes, votes, predicted);
  *accuracy = hits(j->d->conditions, j->code, predicted);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status score_any(cf_context *ctx, job *j, size_t which, double *accuracy) {
  if (which == CF_SCORE_KNN) return score_knn(ctx, j, accuracy, j->predicted);
  if (which == CF_SCORE_MEAN) return score_mean(ctx, j, accuracy, j->predicted);
  return score_logistic(ctx, j, accuracy);
}

/* ------------------------------------------------------------ whole window -- */

static cf_status score_whole(cf_context *ctx, job *j) {
  cf_status status = CF_OK;
  const size_t n = j->d->conditions, k = j->d->classes;
  for (size_t which = 0; which < CF_SCORES; which++) {
    cf_decode_score *s = &j->d->score[which];
    s->accuracy = s->sd = s->error = s->chance = s->chance_sd = s->p = NAN;
    if (!wants(j, which)) continue;
    s->runs = which == CF_SCORE_KNN ? 1 : j->o->runs;
    CF_TRY(CF_ALLOC(ctx, &s->run, s->runs));
    CF_TRY(CF_ALLOC(ctx, &s->confusion, k * k));
    CF_TRY(score_any(ctx, j, which, s->run));
    for (size_t r = 0; r < s->runs; r++)
      for (size_t i = 0; i < n; i++) s->confusion[j->code[i] * k + j->predicted[r * n + i]]++;
    s->accuracy = cf_mean(s->runs, s->run);
    s->sd = sqrt(cf_variance(s->runs, s->run, 1));
    s->error = s->sd / sqrt((double)s->runs);
    if (which != CF_SCORE_KNN) continue;
    CF_TRY(CF_ALLOC(ctx, &j->d->predicted, n));
    memcpy(j->d->predicted, j->predicted, n * sizeof *j->predicted);
  }
done:
  return status;
}

/* Windows that grow from one end; the last, which is the whole, is known. */
static cf_status sweep(cf_context *ctx, job *j, bool increasing) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t times = j->d->times;
  double *accuracy;
  CF_TRY(CF_SCRATCH(ctx, &accuracy, j->o->runs));
  memset(j->sum, 0, j->d->conditions * j->neurons * sizeof *j->sum);
  j->warm = false;
  for (size_t step = 0; step < times; step++) {
    const size_t t = increasing ? step : times - 1 - step;
    const bool whole = step + 1 == times;
    add_bin(j, t);
    if (!whole) CF_TRY(look(ctx, j, step + 1));
    for (size_t which = 0; which < CF_SCORES; which++) {
      cf_decode_score *s = &j->d->score[which];
      if (!wants(j, which)) continue;
      if (!whole) CF_TRY(score_any(ctx, j, which, accuracy));
      const double *a = whole ? s->run : accuracy;
      (increasing ? s->increasing : s->decreasing)[t] = cf_mean(s->runs, a);
      double *sd = increasing ? s->increasing_sd : s->decreasing_sd;
      if (sd) sd[t] = sqrt(cf_variance(s->runs, a, 1));
    }
    cf_progress_step(ctx, 1);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status sweep_both(cf_context *ctx, job *j) {
  cf_status status = CF_OK;
  const size_t times = j->d->times;
  for (size_t which = 0; which < CF_SCORES; which++) {
    cf_decode_score *s = &j->d->score[which];
    if (!wants(j, which)) continue;
    CF_TRY(CF_ALLOC(ctx, &s->increasing, times));
    CF_TRY(CF_ALLOC(ctx, &s->decreasing, times));
    if (s->runs < 2) continue;
    CF_TRY(CF_ALLOC(ctx, &s->increasing_sd, times));
    CF_TRY(CF_ALLOC(ctx, &s->decreasing_sd, times));
  }
  cf_progress_begin(ctx, "decoding windows", 2 * times);
  status = sweep(ctx, j, true);
  if (status == CF_OK) status = sweep(ctx, j, false);
  cf_progress_end(ctx);
done:
  return status;
}

/* ------------------------------------------------------------------ chance -- */

static cf_status shuffle_logistic(cf_context *ctx, const job *j, const size_t *code, size_t *predicted, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = j->d->conditions, k = j->d->classes;
  size_t *fold;
  double gradient;
  CF_TRY(CF_SCRATCH(ctx, &fold, n));
  *out = 0;
  for (size_t r = 0; r < j->o->runs; r++) {
    CF_TRY(cf_folds_stratified(ctx, n, code, k, j->o->folds, FOLDS, (uint32_t)r, fold));
    for (size_t held = 0; held < j->o->folds; held++)
      CF_TRY(cf_predict_logistic(ctx, &j->w, code, k, j->o->c, fold, held, false, NULL, NULL, predicted, &gradient));
    *out += hits(n, code, predicted) / (double)j->o->runs;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status shuffle_one(cf_context *ctx, size_t task, void *payload) {
  const job *j = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = j->d->conditions;
  cf_rng rng = cf_rng_make(cf_context_seed(ctx), SHUFFLE, (uint32_t)task);
  size_t *order, *code, *predicted;
  double *accuracy, *null = j->null + task * CF_SCORES;
  job own = *j;
  CF_TRY(CF_SCRATCH(ctx, &order, n));
  CF_TRY(CF_SCRATCH(ctx, &code, n));
  CF_TRY(CF_SCRATCH(ctx, &predicted, n * j->o->runs));
  CF_TRY(CF_SCRATCH(ctx, &accuracy, j->o->runs));
  cf_rng_permutation(&rng, n, order);
  for (size_t i = 0; i < n; i++) code[i] = j->d->code[order[i]];
  own.code = code;
  if (wants(j, CF_SCORE_KNN)) CF_TRY(score_knn(ctx, &own, &null[CF_SCORE_KNN], predicted));
  if (wants(j, CF_SCORE_MEAN)) {
    CF_TRY(score_mean(ctx, &own, accuracy, predicted));
    null[CF_SCORE_MEAN] = cf_mean(j->o->runs, accuracy);
  }
  if (wants(j, CF_SCORE_LOGISTIC)) CF_TRY(shuffle_logistic(ctx, j, code, predicted, &null[CF_SCORE_LOGISTIC]));
  cf_progress_step(ctx, 1);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status find_chance(cf_context *ctx, job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = j->o->permutations;
  double *one;
  j->d->permutations = n;
  if (n == 0) return CF_OK;
  CF_TRY(CF_SCRATCH(ctx, &j->null, n * CF_SCORES));
  CF_TRY(CF_SCRATCH(ctx, &one, n));
  cf_progress_begin(ctx, "shuffling labels", n);
  status = cf_parallel_for(ctx, n, shuffle_one, j);
  cf_progress_end(ctx);
  for (size_t which = 0; status == CF_OK && which < CF_SCORES; which++) {
    cf_decode_score *s = &j->d->score[which];
    if (!wants(j, which)) continue;
    for (size_t r = 0; r < n; r++) one[r] = j->null[r * CF_SCORES + which];
    s->chance = cf_mean(n, one);
    s->chance_sd = sqrt(cf_variance(n, one, 1));
    s->p = cf_permutation_p(s->accuracy, n, one);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* -------------------------------------------------------------------- whole -- */

static cf_status check(cf_context *ctx, const cf_view *v, const cf_decode_options *o) {
  if (v->ndim != 4)
    return cf_fail(ctx, CF_ERR_INPUT, "responses have four axes (neuron, stimulus, direction, time), not %d", v->ndim);
  for (int k = 0; k < 4; k++)
    if (v->shape[k] == 0) return cf_fail(ctx, CF_ERR_INPUT, "responses: axis %d is empty", k);
  const size_t classes = v->shape[o->by_direction ? 2 : 1], n = v->shape[1] * v->shape[2];
  const bool knn = o->classifiers & CF_CLASSIFY_KNN, logistic = o->classifiers & CF_CLASSIFY_LOGISTIC;
  if (classes < 2)
    return cf_fail(ctx, CF_ERR_INPUT, "responses have one %s; decoding tells two or more apart",
                   o->by_direction ? "direction" : "stimulus");
  if (!knn && !logistic && !(o->classifiers & CF_CLASSIFY_MEAN)) return cf_fail(ctx, CF_ERR_USAGE, "no classifier");
  if (knn && (o->neighbours < 1 || o->neighbours >= n))
    return cf_fail(ctx, CF_ERR_USAGE, "%zu neighbours of %zu conditions: there are at most %zu", o->neighbours, n,
                   n - 1);
  if (o->runs < 1) return cf_fail(ctx, CF_ERR_USAGE, "cross-validation needs one run or more");
  for (int k = 0; k < 2; k++) {
    const size_t folds = k ? o->mean_folds : o->folds;
    if ((k ? (o->classifiers & CF_CLASSIFY_MEAN) != 0 : logistic) && (folds < 2 || folds > n))
      return cf_fail(ctx, CF_ERR_USAGE, "%zu folds of %zu conditions: from 2 to as many as conditions", folds, n);
  }
  if (logistic && !(o->c > 0)) return cf_fail(ctx, CF_ERR_USAGE, "logistic regression: C is positive, not %g", o->c);
  if (n / classes < 2)
    return cf_fail(
        ctx, CF_ERR_INPUT,
        "every %s has one condition; decoding holds conditions out and needs two or more of each (trials may "
        "stand for directions)",
        o->by_direction ? "direction" : "stimulus");
  return cf_view_check_finite(ctx, v, "responses");
}

static cf_status check_root(cf_context *ctx, const job *j) {
  const size_t size = j->d->conditions * j->neurons;
  for (size_t i = 0; j->o->root && i < j->d->times * size; i++)
    if (j->bin[i] < 0)
      return cf_fail(ctx, CF_ERR_INPUT,
                     "the response of neuron %zu to condition %zu at time %zu is %g, which has no root", i % j->neurons,
                     i % size / j->neurons, i / size, j->bin[i]);
  return CF_OK;
}

/* Some neuron's mean over all times differs between conditions. */
static cf_status check_varies(cf_context *ctx, const job *j) {
  for (size_t i = j->neurons; i < j->d->conditions * j->neurons; i++)
    if (fabs(j->sum[i] - j->sum[i % j->neurons]) > 1e-12 * fabs(j->sum[i])) return CF_OK;
  return cf_fail(ctx, CF_ERR_INPUT,
                 "no neuron's mean over time differs between conditions; there is nothing to decode");
}

static cf_status rooms(cf_context *ctx, job *j, const cf_view *v) {
  cf_status status = CF_OK;
  cf_decoding *d = j->d;
  const size_t n = d->conditions, k = d->classes, tasks = j->o->runs * j->o->folds;
  const cf_view turned = {v->data,
                          4,
                          {v->shape[3], v->shape[1], v->shape[2], v->shape[0]},
                          {v->stride[3], v->stride[1], v->stride[2], v->stride[0]}};
  CF_TRY(CF_SCRATCH(ctx, &j->bin, cf_view_count(v)));
  cf_view_copy(&turned, j->bin);
  CF_TRY(CF_SCRATCH(ctx, &j->sum, n * j->neurons));
  CF_TRY(CF_SCRATCH(ctx, &j->mean, n * j->neurons));
  CF_TRY(CF_SCRATCH(ctx, &j->w.neighbour, n * j->w.k));
  CF_TRY(CF_SCRATCH(ctx, &j->w.gram, n * n));
  CF_TRY(CF_SCRATCH(ctx, &j->w.z, n * n));
  CF_TRY(CF_SCRATCH(ctx, &j->predicted, n * j->o->runs));
  if (!wants(j, CF_SCORE_LOGISTIC)) goto done;
  CF_TRY(CF_SCRATCH(ctx, &j->fold, n * j->o->runs));
  CF_TRY(CF_SCRATCH(ctx, &j->probability, tasks * n * k));
  CF_TRY(CF_SCRATCH(ctx, &j->intercept, tasks * k));
  CF_TRY(CF_SCRATCH(ctx, &j->gradient, tasks));
  memset(j->probability, 0, tasks * n * k * sizeof *j->probability);
  for (size_t r = 0; r < j->o->runs; r++)
    CF_TRY(cf_folds_stratified(ctx, n, d->code, k, j->o->folds, FOLDS, (uint32_t)r, j->fold + r * n));
done:
  return status;
}

cf_status cf_decode(cf_context *ctx, const cf_view *v, const cf_decode_options *options, cf_decoding **out) {
  static const cf_decode_options standard = CF_DECODE_OPTIONS_INIT;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  job j = {.o = options ? options : &standard};
  *out = NULL;
  CF_TRY(check(ctx, v, j.o));
  CF_TRY(CF_ALLOC(ctx, &j.d, 1));
  j.neurons = v->shape[0];
  j.d->conditions = j.w.n = v->shape[1] * v->shape[2];
  j.d->times = v->shape[3];
  j.d->classes = v->shape[j.o->by_direction ? 2 : 1];
  j.w.k = wants(&j, CF_SCORE_KNN) ? j.o->neighbours : 1;
  CF_TRY(CF_ALLOC(ctx, &j.d->code, j.d->conditions));
  for (size_t i = 0; i < j.d->conditions; i++) j.d->code[i] = j.o->by_direction ? i % v->shape[2] : i / v->shape[2];
  j.code = j.d->code;
  CF_TRY(rooms(ctx, &j, v));
  CF_TRY(check_root(ctx, &j));
  memset(j.sum, 0, j.d->conditions * j.neurons * sizeof *j.sum);
  for (size_t t = 0; t < j.d->times; t++) add_bin(&j, t);
  CF_TRY(check_varies(ctx, &j));
  CF_TRY(look(ctx, &j, j.d->times));
  CF_TRY(score_whole(ctx, &j));
  CF_TRY(find_chance(ctx, &j));
  if (j.o->windows) CF_TRY(sweep_both(ctx, &j));
  *out = j.d;
  j.d = NULL;
done:
  cf_decoding_free(j.d);
  cf_scratch_release(ctx, mark);
  return status;
}
