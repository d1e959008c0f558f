/* Tubularity of a population: responses to curves, resampled neurons, permuted labels, sensitivity.
 *
 * A replicate draws neurons (as many as there are, with replacement; or a smaller number without), and goes through the
 * principal components, the curves and, where bundles are clusters, the clustering anew. The permutation test keeps the
 * curves and shuffles their labels: tubes are tighter than bundles of any curves when few shuffles are as small.
 *
 * Bertram, Dyballa, Keller, Kinger & Zucker (2026); intervals by percentiles, Efron & Tibshirani (1993). */
#include "base/internal.h"
#include "trajectory/internal.h"

#include <cortifold/stats.h>
#include <math.h>
#include <string.h>

enum { DRAW = 0x74756265, SHUFFLE = 0x73687566, SENSE_BINS = 20 };

void cf_tubes_free(cf_tubes *t) {
  if (!t) return;
  cf_free(t->explained);
  cf_curves_free(t->curves);
  cf_free(t->label);
  cf_tubularity_free(t->all);
  cf_tubularity_free(t->beside);
  for (size_t k = 0; k < CF_TUBES_SCORES; k++) {
    cf_free(t->score[k].replicate);
    cf_free(t->beside_score[k].replicate);
  }
  cf_free(t->tube_interval);
  cf_free(t->clusters);
  cf_free(t);
}

typedef struct job {
  cf_space *space;
  const cf_tubes_options *o;
  cf_tubes *t;
  double *tube;                  /* replicates x tubes x scores */
  double *null[CF_TUBES_SCORES]; /* permutations */
  double *sensed;                /* repetitions x (quantiles + smoothings) x 2 */
} job;

/* -------------------------------------------------------------- one sample -- */

/* How often neuron i counts in a replicate. */
static cf_status draw(cf_context *ctx, const job *j, uint32_t replicate, double *weight) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = j->space->neurons, take = j->o->equal ? j->o->equal : n;
  cf_rng rng = cf_rng_make(cf_context_seed(ctx), DRAW, replicate);
  size_t *index;
  CF_TRY(CF_SCRATCH(ctx, &index, n));
  memset(weight, 0, n * sizeof *weight);
  if (j->o->equal)
    cf_rng_permutation(&rng, n, index);
  else
    cf_rng_resample(&rng, n, n, index);
  for (size_t i = 0; i < take; i++) weight[index[i]] += 1;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status make_curves(cf_context *ctx, const job *j, const double *weight, double *ratio, cf_curves **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_space *s = j->space;
  const size_t k = j->t->components;
  double *scores;
  size_t *points;
  CF_TRY(CF_SCRATCH(ctx, &scores, s->rows * k));
  CF_TRY(CF_SCRATCH(ctx, &points, s->conditions));
  CF_TRY(cf_space_scores(ctx, s, weight, k, scores, ratio));
  for (size_t i = 0; i < s->conditions; i++) points[i] = s->times;
  CF_TRY(cf_curves_make(ctx, s->conditions, points, k, scores, j->o->points, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Number of different labels other than noise. */
static size_t count_labels(size_t n, const int *label) {
  size_t count = 0;
  for (size_t i = 0; i < n; i++) {
    bool seen = label[i] == -1;
    for (size_t k = 0; k < i && !seen; k++) seen = label[k] == label[i];
    count += !seen;
  }
  return count;
}

/* The curves of a replicate and their labels. */
static cf_status sample(cf_context *ctx, const job *j, uint32_t replicate, cf_curves **curves, int *label) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = j->space->conditions;
  double *weight;
  CF_TRY(CF_SCRATCH(ctx, &weight, j->space->neurons));
  CF_TRY(draw(ctx, j, replicate, weight));
  CF_TRY(make_curves(ctx, j, weight, NULL, curves));
  if (j->o->cluster)
    CF_TRY(cf_curves_cluster(ctx, *curves, &j->o->clusters, label, NULL));
  else
    memcpy(label, j->t->label, n * sizeof *label);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static void keep(cf_tubes_estimate *score, size_t r, const cf_tubularity *found) {
  score[CF_TUBES_TIGHT].replicate[r] = found->tight;
  score[CF_TUBES_CROSS].replicate[r] = found->cross;
  score[CF_TUBES_LENGTH_CROSS].replicate[r] = found->length_cross;
}

static void keep_whole(cf_tubes_estimate *score, const cf_tubularity *found) {
  score[CF_TUBES_TIGHT].value = found->tight;
  score[CF_TUBES_CROSS].value = found->cross;
  score[CF_TUBES_LENGTH_CROSS].value = found->length_cross;
}

static cf_status replicate_one(cf_context *ctx, size_t r, void *payload) {
  const job *j = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = j->space->conditions, tubes = j->t->all->tubes;
  cf_curves *curves = NULL;
  cf_tubularity *found = NULL, *beside = NULL;
  int *label;
  CF_TRY(CF_SCRATCH(ctx, &label, n));
  CF_TRY(sample(ctx, j, (uint32_t)r, &curves, label));
  CF_TRY(cf_tubularity_compute(ctx, curves, label, &j->o->tube, &found));
  keep(j->t->score, r, found);
  if (j->o->cluster) j->t->clusters[r] = count_labels(n, label);
  for (size_t k = 0; !j->o->cluster && k < tubes; k++) {
    double *at = j->tube + (r * tubes + k) * CF_TUBES_SCORES;
    at[CF_TUBES_TIGHT] = found->tube[k].tight;
    at[CF_TUBES_CROSS] = found->tube[k].cross;
    at[CF_TUBES_LENGTH_CROSS] = found->tube[k].length_cross;
  }
  if (j->o->beside) {
    CF_TRY(cf_tubularity_beside(ctx, curves, label, j->o->beside, found, &beside));
    keep(j->t->beside_score, r, beside);
  }
  cf_progress_step(ctx, 1);
done:
  cf_tubularity_free(found);
  cf_tubularity_free(beside);
  cf_curves_free(curves);
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------- replicates -- */

static cf_status summarise(cf_context *ctx, size_t n, double coverage, cf_tubes_estimate *e) {
  e->mean = cf_mean(n, e->replicate);
  e->sd = sqrt(cf_variance(n, e->replicate, 1));
  e->error = e->sd / sqrt((double)n);
  return cf_percentile_interval(ctx, n, e->replicate, coverage, &e->low, &e->high);
}

static cf_status tube_intervals(cf_context *ctx, job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = j->o->bootstrap, values = j->t->all->tubes * CF_TUBES_SCORES;
  double *one;
  CF_TRY(CF_SCRATCH(ctx, &one, n));
  CF_TRY(CF_ALLOC(ctx, &j->t->tube_interval, 2 * values));
  for (size_t v = 0; v < values; v++) {
    for (size_t r = 0; r < n; r++) one[r] = j->tube[r * values + v];
    CF_TRY(cf_percentile_interval(ctx, n, one, j->o->coverage, j->t->tube_interval + 2 * v,
                                  j->t->tube_interval + 2 * v + 1));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_tubes_estimate *estimate(job *j, size_t k) {
  return k < CF_TUBES_SCORES ? &j->t->score[k] : &j->t->beside_score[k - CF_TUBES_SCORES];
}

static cf_status bootstrap(cf_context *ctx, job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = j->o->bootstrap;
  for (size_t k = 0; k < 2 * CF_TUBES_SCORES; k++) {
    cf_tubes_estimate *e = estimate(j, k);
    e->mean = e->sd = e->error = e->low = e->high = e->null_mean = e->p = NAN;
    if (n > 0) CF_TRY(CF_ALLOC(ctx, &e->replicate, n));
  }
  j->t->replicates = n;
  if (n == 0) goto done;
  if (j->o->cluster) CF_TRY(CF_ALLOC(ctx, &j->t->clusters, n));
  CF_TRY(CF_SCRATCH(ctx, &j->tube, n * j->t->all->tubes * CF_TUBES_SCORES));
  cf_progress_begin(ctx, "resampling neurons", n);
  status = cf_parallel_for(ctx, n, replicate_one, j);
  cf_progress_end(ctx);
  if (status != CF_OK) goto done;
  for (size_t k = 0; k < CF_TUBES_SCORES * (j->o->beside ? 2 : 1); k++)
    CF_TRY(summarise(ctx, n, j->o->coverage, estimate(j, k)));
  if (!j->o->cluster) CF_TRY(tube_intervals(ctx, j));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status permute_one(cf_context *ctx, size_t r, void *payload) {
  const job *j = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = j->space->conditions;
  cf_rng rng = cf_rng_make(cf_context_seed(ctx), SHUFFLE, (uint32_t)r);
  cf_tubularity *found = NULL;
  size_t *order;
  int *label;
  CF_TRY(CF_SCRATCH(ctx, &order, n));
  CF_TRY(CF_SCRATCH(ctx, &label, n));
  cf_rng_permutation(&rng, n, order);
  for (size_t i = 0; i < n; i++) label[i] = j->t->label[order[i]];
  CF_TRY(cf_tubularity_compute(ctx, j->t->curves, label, &j->o->tube, &found));
  j->null[CF_TUBES_TIGHT][r] = found->tight;
  j->null[CF_TUBES_CROSS][r] = found->cross;
  j->null[CF_TUBES_LENGTH_CROSS][r] = found->length_cross;
  cf_progress_step(ctx, 1);
done:
  cf_tubularity_free(found);
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status permute(cf_context *ctx, job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = j->o->cluster ? 0 : j->o->permutations;
  j->t->permutations = n;
  if (n == 0) goto done;
  for (size_t k = 0; k < CF_TUBES_SCORES; k++) CF_TRY(CF_SCRATCH(ctx, &j->null[k], n));
  cf_progress_begin(ctx, "permuting labels", n);
  status = cf_parallel_for(ctx, n, permute_one, j);
  cf_progress_end(ctx);
  for (size_t k = 0; status == CF_OK && k < CF_TUBES_SCORES; k++) {
    cf_tubes_estimate *e = &j->t->score[k];
    size_t smaller = 0;
    for (size_t r = 0; r < n; r++) smaller += j->null[k][r] <= e->value * (1 + 1e-12);
    e->null_mean = cf_mean(n, j->null[k]);
    e->p = (double)(1 + smaller) / (double)(1 + n);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ----------------------------------------------------------------- whole -- */

static cf_status check(cf_context *ctx, const job *j) {
  const cf_space *s = j->space;
  const cf_tubes_options *o = j->o;
  if (s->times < 2) return cf_fail(ctx, CF_ERR_INPUT, "responses have one time bin; a trajectory needs two or more");
  if (s->conditions < 2)
    return cf_fail(ctx, CF_ERR_INPUT,
                   "responses have one condition (stimulus and direction); tubularity compares two "
                   "or more");
  if (s->constant == s->neurons) return cf_fail(ctx, CF_ERR_INPUT, "all %zu neurons are constant", s->neurons);
  if (o->components < 1) return cf_fail(ctx, CF_ERR_USAGE, "trajectories need one principal component or more");
  if (o->bootstrap == 1) return cf_fail(ctx, CF_ERR_USAGE, "one replicate has no spread: 0, or 2 and more");
  if (o->equal > s->neurons)
    return cf_fail(ctx, CF_ERR_USAGE, "%zu neurons a replicate cannot be drawn from %zu without replacement", o->equal,
                   s->neurons);
  if (o->points < 5) return cf_fail(ctx, CF_ERR_USAGE, "curves need 5 points or more, not %zu", o->points);
  return CF_OK;
}

/* Space and labels; j->t holds what belongs to the responses. */
static cf_status begin(cf_context *ctx, const cf_view *responses, job *j) {
  cf_status status = CF_OK;
  CF_TRY(CF_ALLOC(ctx, &j->t, 1));
  CF_TRY(cf_space_new(ctx, responses, &j->space));
  CF_TRY(check(ctx, j));
  const cf_space *s = j->space;
  cf_tubes *t = j->t;
  t->neurons = s->neurons;
  t->conditions = s->conditions;
  t->times = s->times;
  t->constant = s->constant;
  t->components = CF_MIN(j->o->components, CF_MIN(s->neurons, s->rows));
  t->rule = CF_CURVES_ONE;
  CF_TRY(CF_ALLOC(ctx, &t->explained, t->components));
  CF_TRY(CF_ALLOC(ctx, &t->label, t->conditions));
  for (size_t i = 0; i < t->conditions; i++)
    t->label[i] = j->o->label ? j->o->label[i] : (int)(i / responses->shape[2]);
done:
  return status;
}

cf_status cf_tubes_compute(cf_context *ctx, const cf_view *responses, const cf_tubes_options *options, cf_tubes **out) {
  static const cf_tubes_options standard = CF_TUBES_OPTIONS_INIT;
  cf_status status = CF_OK;
  job j = {.o = options ? options : &standard};
  *out = NULL;
  CF_TRY(begin(ctx, responses, &j));
  CF_TRY(make_curves(ctx, &j, NULL, j.t->explained, &j.t->curves));
  if (j.o->cluster) CF_TRY(cf_curves_cluster(ctx, j.t->curves, &j.o->clusters, j.t->label, &j.t->rule));
  CF_TRY(cf_tubularity_compute(ctx, j.t->curves, j.t->label, &j.o->tube, &j.t->all));
  keep_whole(j.t->score, j.t->all);
  if (j.o->beside) {
    CF_TRY(cf_tubularity_beside(ctx, j.t->curves, j.t->label, j.o->beside, j.t->all, &j.t->beside));
    keep_whole(j.t->beside_score, j.t->beside);
  }
  CF_TRY(bootstrap(ctx, &j));
  CF_TRY(permute(ctx, &j));
  *out = j.t;
  j.t = NULL;
done:
  cf_space_free(j.space);
  cf_tubes_free(j.t);
  return status;
}

/* ------------------------------------------------------------ sensitivity -- */

static const double quantiles[CF_TUBES_QUANTILES] = {0.7, 0.75, 0.8, 0.85, 0.9, 0.95};
static const double smoothings[CF_TUBES_SMOOTHINGS] = {1, 1.5, 2, 2.5, 3};

static cf_status sense_one(cf_context *ctx, size_t r, void *payload) {
  const job *j = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_curves *curves = NULL;
  cf_tubularity *first = NULL;
  int *label;
  double *to = j->sensed + r * 2 * (CF_TUBES_QUANTILES + CF_TUBES_SMOOTHINGS);
  CF_TRY(CF_SCRATCH(ctx, &label, j->space->conditions));
  CF_TRY(sample(ctx, j, (uint32_t)r, &curves, label));
  for (size_t k = 0; k < CF_TUBES_QUANTILES + CF_TUBES_SMOOTHINGS; k++) {
    cf_tube_options o = j->o->tube;
    o.bins = SENSE_BINS;
    if (k < CF_TUBES_QUANTILES)
      o.quantile = quantiles[k];
    else
      o.smoothing = smoothings[k - CF_TUBES_QUANTILES];
    cf_tubularity *found = NULL;
    CF_TRY(cf_tubularity_beside(ctx, curves, label, &o, first, &found));
    to[2 * k] = found->tight;
    to[2 * k + 1] = found->cross;
    if (k == 0)
      first = found;
    else
      cf_tubularity_free(found);
  }
  cf_progress_step(ctx, 1);
done:
  cf_tubularity_free(first);
  cf_curves_free(curves);
  cf_scratch_release(ctx, mark);
  return status;
}

/* Mean and sd over repetitions of entry k. */
static void spread(const job *j, size_t repetitions, size_t k, double out[2]) {
  const size_t each = 2 * (CF_TUBES_QUANTILES + CF_TUBES_SMOOTHINGS);
  double mean = 0, square = 0;
  for (size_t r = 0; r < repetitions; r++) mean += j->sensed[r * each + k] / (double)repetitions;
  for (size_t r = 0; r < repetitions; r++) square += pow(j->sensed[r * each + k] - mean, 2);
  out[0] = mean;
  out[1] = sqrt(square / (double)(repetitions - 1));
}

cf_status cf_tubes_sense(cf_context *ctx, const cf_view *responses, const cf_tubes_options *options, size_t repetitions,
                         cf_tubes_sensitivity *out) {
  static const cf_tubes_options standard = CF_TUBES_OPTIONS_INIT;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  job j = {.o = options ? options : &standard};
  if (repetitions < 2) return cf_fail(ctx, CF_ERR_USAGE, "sensitivity needs two repetitions or more");
  memcpy(out->quantile, quantiles, sizeof quantiles);
  memcpy(out->smoothing, smoothings, sizeof smoothings);
  CF_TRY(begin(ctx, responses, &j));
  CF_TRY(CF_SCRATCH(ctx, &j.sensed, repetitions * 2 * (CF_TUBES_QUANTILES + CF_TUBES_SMOOTHINGS)));
  cf_progress_begin(ctx, "sensitivity", repetitions);
  status = cf_parallel_for(ctx, repetitions, sense_one, &j);
  cf_progress_end(ctx);
  for (size_t k = 0; status == CF_OK && k < CF_TUBES_QUANTILES; k++) {
    spread(&j, repetitions, 2 * k, out->tight_by_quantile[k]);
    spread(&j, repetitions, 2 * k + 1, out->cross_by_quantile[k]);
  }
  for (size_t k = 0; status == CF_OK && k < CF_TUBES_SMOOTHINGS; k++) {
    spread(&j, repetitions, 2 * (CF_TUBES_QUANTILES + k), out->tight_by_smoothing[k]);
    spread(&j, repetitions, 2 * (CF_TUBES_QUANTILES + k) + 1, out->cross_by_smoothing[k]);
  }
done:
  cf_space_free(j.space);
  cf_tubes_free(j.t);
  cf_scratch_release(ctx, mark);
  return status;
}
