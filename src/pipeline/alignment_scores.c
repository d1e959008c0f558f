/* Values, nulls and intervals of the alignment table. A replicate draws a recording's neurons once for all modules. */
#include <math.h>
#include <string.h>

#include <cortifold/stats.h>
#include "base/internal.h"
#include "pipeline/alignment.h"

enum { M = CF_ALIGN_MEASURES };

typedef struct pair {
  const cf_align_job *job;
  const cf_align_side *side[2];
  size_t index[2], bins;
  double *value; /* bins x M */
  double *null;  /* bins x M x permutations */
  double *boot;  /* bootstrap x bins x M */
} pair;

static const double *patterns(const pair *p, int k, size_t bin) {
  const cf_align_side *s = p->side[k];
  return p->job->time_average ? s->mean : s->x + bin * p->job->conditions * s->neurons;
}

static cf_status observe(cf_context *ctx, size_t bin, void *payload) {
  const pair *p = payload;
  const size_t n = p->job->permutations;
  return cf_align_bin(ctx, p->job, p->side[0]->neurons, patterns(p, 0, bin), p->side[1]->neurons, patterns(p, 1, bin),
                      p->value + bin * M, n, n ? p->null + bin * M * n : NULL);
}

/* The neurons of a replicate: of a module or of a recording, whatever it is paired with. */
static cf_status draw(cf_context *ctx, int k, size_t side, size_t replicate, size_t n, size_t *out) {
  const uint64_t task = cf_hash_text(k ? "alignment/recording" : "alignment/module") + side;
  cf_rng rng = cf_rng_make(cf_context_seed(ctx), task, (uint32_t)replicate);
  cf_rng_resample(&rng, n, n, out);
  return cf_check_cancel(ctx);
}

static cf_status resample(cf_context *ctx, size_t task, void *payload) {
  const pair *p = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t bin = task % p->bins, c = p->job->conditions;
  double *drawn[2];
  for (int k = 0; k < 2; k++) {
    const size_t n = p->side[k]->neurons;
    const double *from = patterns(p, k, bin);
    size_t *index;
    CF_TRY(CF_SCRATCH(ctx, &index, n));
    CF_TRY(CF_SCRATCH(ctx, &drawn[k], c * n));
    CF_TRY(draw(ctx, k, p->index[k], task / p->bins, n, index));
    for (size_t i = 0; i < c; i++)
      for (size_t j = 0; j < n; j++) drawn[k][i * n + j] = from[i * n + index[j]];
  }
  CF_TRY(cf_align_bin(ctx, p->job, p->side[0]->neurons, drawn[0], p->side[1]->neurons, drawn[1], p->boot + task * M, 0,
                      NULL));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Mean over bins of the entries at x[bin * stride] that are defined. */
static double over_bins(size_t bins, const double *x, size_t stride, size_t *used) {
  double sum = 0;
  size_t n = 0;
  for (size_t b = 0; b < bins; b++) {
    if (isnan(x[b * stride])) continue;
    sum += x[b * stride];
    n++;
  }
  if (used) *used = n;
  return n ? sum / (double)n : NAN;
}

/* Chance, z and p of a value from its null; NaN values of the null do not count. */
static cf_status against_null(cf_context *ctx, size_t n, double *null, cf_align_score *s) {
  cf_status status = CF_OK;
  double low;
  size_t kept = 0;
  for (size_t i = 0; i < n; i++)
    if (!isnan(null[i])) null[kept++] = null[i];
  s->null_mean = s->null_95 = s->z = s->p = NAN;
  if (kept < 2 || isnan(s->value)) goto done;
  s->null_mean = cf_mean(kept, null);
  CF_TRY(cf_percentile_interval(ctx, kept, null, 0.9, &low, &s->null_95));
  s->z = (s->value - s->null_mean) / sqrt(cf_variance(kept, null, 1));
  s->p = cf_permutation_p(s->value, kept, null);
done:
  return status;
}

/* ------------------------------------------------------------------- dsa -- */

/* Principal components of all rows of a side (neurons index[], NULL: all) as trials of conditions, and the operator. */
static cf_status dynamics(cf_context *ctx, const cf_align_job *job, const cf_align_side *side, const size_t *index,
                          cf_trajectory *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = side->neurons, c = job->conditions, t = job->bins, rows = c * t;
  const size_t k = CF_MIN((size_t)CF_ALIGN_COMPONENTS, CF_MIN(n, rows));
  const cf_operator_options standard = CF_OPERATOR_OPTIONS_INIT;
  double *x;
  cf_view *trial;
  CF_TRY(CF_SCRATCH(ctx, &x, rows * n));
  CF_TRY(CF_SCRATCH(ctx, &trial, c));
  if (!index) CF_TRY(cf_strdup(ctx, side->name, &out->name));
  CF_TRY(CF_ALLOC(ctx, &out->data, rows * k));
  for (size_t i = 0; i < c; i++)
    for (size_t b = 0; b < t; b++)
      for (size_t j = 0; j < n; j++) x[(i * t + b) * n + j] = side->x[(b * c + i) * n + (index ? index[j] : j)];
  const cf_view view = cf_view_matrix(x, rows, n);
  CF_TRY(cf_pca(ctx, &view, k, NULL, out->data, NULL, NULL, NULL));
  for (size_t i = 0; i < c; i++) trial[i] = cf_view_matrix(out->data + i * t * k, t, k);
  const cf_trajectories all = {c, trial, side->name};
  out->trials = c;
  out->steps = t;
  out->channels = k;
  CF_TRY(cf_operator_fit(ctx, &all, &standard, &out->op));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

typedef struct spectra {
  const cf_align_job *job;
  cf_align_side *side;
  int kind;
  size_t index;
} spectra;

/* A replicate whose operator is undefined has order 0. */
static cf_status spectrum_of(cf_context *ctx, size_t r, void *payload) {
  const spectra *s = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_trajectory drawn = {0};
  size_t *index;
  CF_TRY(CF_SCRATCH(ctx, &index, s->side->neurons));
  CF_TRY(draw(ctx, s->kind, s->index, r, s->side->neurons, index));
  status = dynamics(ctx, s->job, s->side, index, &drawn);
  if (status == CF_OK) {
    s->side->order[r] = drawn.op->n;
    memcpy(s->side->spectrum[r], drawn.op->eigenvalue, 2 * drawn.op->n * sizeof(double));
  } else if (status == CF_ERR_INPUT || status == CF_ERR_NUMERIC) {
    cf_context_clear(ctx);
    status = CF_OK;
  }
done:
  cf_free(drawn.data);
  cf_operator_free(drawn.op);
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status prepare(cf_context *ctx, const cf_align_job *job, cf_align_side *side, int kind, size_t index) {
  cf_status status = dynamics(ctx, job, side, NULL, &side->scores);
  spectra s = {job, side, kind, index};
  if (status == CF_ERR_INPUT || status == CF_ERR_NUMERIC) {
    cf_warn(ctx, "%s: no dsa: %s", side->name, cf_context_error(ctx));
    cf_context_clear(ctx);
    status = CF_OK;
  }
  CF_TRY(status);
  CF_TRY(CF_ALLOC(ctx, &side->order, job->bootstrap));
  CF_TRY(CF_ALLOC(ctx, &side->spectrum, job->bootstrap));
  if (side->scores.op) CF_TRY(cf_parallel_for(ctx, job->bootstrap, spectrum_of, &s));
done:
  return status;
}

/* Score 1 - d, its null of shuffled time steps, and its bootstrap. boot: bootstrap values. */
static cf_status compare_dynamics(cf_context *ctx, const pair *p, cf_align_score *s, double *boot) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_trajectory_options o = {CF_OPERATOR_OPTIONS_INIT, CF_DSA_OPTIONS_INIT, false, false, false, false};
  const cf_measure *m = cf_trajectory_measure_find("dsa-wasserstein");
  const cf_align_side *a = p->side[0], *b = p->side[1];
  double d, *null;
  s->value = s->null_mean = s->null_95 = s->z = s->p = NAN;
  for (size_t r = 0; r < p->job->bootstrap; r++) boot[r] = NAN;
  if (!a->scores.op || !b->scores.op) goto done;
  CF_TRY(cf_trajectory_value(ctx, m, &a->scores, &b->scores, &o, &d, NULL));
  s->value = 1 - d;
  CF_TRY(CF_SCRATCH(ctx, &null, p->job->shuffles));
  CF_TRY(cf_trajectory_permute(ctx, m, &a->scores, &b->scores, &o, p->job->shuffles, null));
  for (size_t r = 0; r < p->job->shuffles; r++) null[r] = 1 - null[r];
  CF_TRY(against_null(ctx, p->job->shuffles, null, s));
  for (size_t r = 0; r < p->job->bootstrap; r++) {
    if (!a->order[r] || !b->order[r]) continue;
    CF_TRY(cf_dsa_wasserstein(ctx, a->order[r], a->spectrum[r], b->order[r], b->spectrum[r], &o.dsa, &d));
    boot[r] = 1 - d;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ----------------------------------------------------------------- pairs -- */

static cf_status score_pair(cf_context *ctx, pair *p, cf_align_score *score) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = p->job->permutations, reps = p->job->bootstrap, bins = p->bins;
  double *null, *boot;
  CF_TRY(CF_SCRATCH(ctx, &p->value, bins * M));
  CF_TRY(CF_SCRATCH(ctx, &p->null, bins * M * n));
  CF_TRY(CF_SCRATCH(ctx, &p->boot, reps * bins * M));
  CF_TRY(CF_SCRATCH(ctx, &null, n));
  CF_TRY(CF_SCRATCH(ctx, &boot, reps));
  CF_TRY(cf_parallel_for(ctx, bins, observe, p));
  CF_TRY(cf_parallel_for(ctx, reps * bins, resample, p));
  for (size_t m = 0; m < M; m++) {
    cf_align_score *s = &score[m];
    if (m == CF_ALIGN_DSA) {
      s->bins = p->job->bins;
      CF_TRY(compare_dynamics(ctx, p, s, boot));
    } else {
      s->value = over_bins(bins, p->value + m, M, &s->bins);
      for (size_t r = 0; r < n; r++) null[r] = over_bins(bins, p->null + m * n + r, M * n, NULL);
      for (size_t r = 0; r < reps; r++) boot[r] = over_bins(bins, p->boot + r * bins * M + m, M, NULL);
      CF_TRY(against_null(ctx, n, null, s));
    }
    s->low = s->high = NAN;
    if (reps && !isnan(s->value)) CF_TRY(cf_percentile_interval(ctx, reps, boot, 0.95, &s->low, &s->high));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_align_scores(cf_context *ctx, cf_align_job *job) {
  cf_status status = CF_OK;
  const size_t modules = job->modules.count, recordings = job->recordings.count;
  CF_TRY(CF_ALLOC(ctx, &job->score, modules * recordings * M));
  for (size_t i = 0; i < modules; i++) CF_TRY(prepare(ctx, job, &job->module[i], 0, i));
  for (size_t i = 0; i < recordings; i++) CF_TRY(prepare(ctx, job, &job->recording[i], 1, i));
  for (size_t i = 0; i < modules * recordings; i++) {
    const size_t a = i / recordings, b = i % recordings;
    pair p = {job, {&job->module[a], &job->recording[b]}, {a, b}, job->time_average ? 1 : job->bins, NULL, NULL, NULL};
    CF_TRY(score_pair(ctx, &p, job->score + i * M));
  }
done:
  return status;
}
