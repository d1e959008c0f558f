/* Dynamical similarity in the alignment table. Every operator belongs to one side alone, whatever it is held against:
 * those of the data, of the bootstrap and of the shuffled time steps are fitted once, all sides at a time, and a pair
 * is then a matching of eigenvalues. score = 1 - d, d = mean |lambda_i - mu_s(i)|^2 over the best matching s of the
 * eigenvalues Source: Ostrow, Eisen, Kozachkov & Fiete (2023), NeurIPS, on 10 principal components as in arXiv
 * 2601.21508. Cost: a side one PCA of all rows, a replicate another one, a shuffle one least-squares fit of 10
 * components. */
#include <math.h>
#include <string.h>

#include <cortifold/stats.h>
#include "base/internal.h"
#include "pipeline/alignment.h"

/* The operator of trials x (c x t x k), time steps in the order `time` (NULL: as they are). */
static cf_status fit(cf_context *ctx, size_t c, size_t t, size_t k, const double *x, const size_t *time,
                     const char *name, cf_operator **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_operator_options standard = CF_OPERATOR_OPTIONS_INIT;
  double *copy;
  cf_view *trial;
  CF_TRY(CF_SCRATCH(ctx, &trial, c));
  if (time) {
    CF_TRY(CF_SCRATCH(ctx, &copy, c * t * k));
    for (size_t i = 0; i < c; i++)
      for (size_t s = 0; s < t; s++) memcpy(copy + (i * t + s) * k, x + (i * t + time[s]) * k, k * sizeof *copy);
    x = copy;
  }
  for (size_t i = 0; i < c; i++) trial[i] = cf_view_matrix(x + i * t * k, t, k);
  const cf_trajectories all = {c, trial, name};
  CF_TRY(cf_operator_fit(ctx, &all, &standard, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Principal components of all rows of a side, neurons index[] (NULL: all), as trials of conditions: c x t x k. A neuron
 * that is drawn m times is one column times sqrt(m): the same sums of products from two thirds of the columns. */
static cf_status components(cf_context *ctx, const cf_align_job *job, const cf_align_side *side, const size_t *index,
                            size_t k, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = side->neurons, c = job->conditions, t = job->bins;
  size_t *column, columns = 0;
  double *x, *weight;
  CF_TRY(CF_SCRATCH(ctx, &column, n));
  CF_TRY(CF_SCRATCH(ctx, &weight, n));
  for (size_t j = 0; j < n; j++) weight[j] = index ? 0 : 1;
  for (size_t j = 0; j < n && index; j++) weight[index[j]]++;
  for (size_t j = 0; j < n; j++)
    if (weight[j] > 0) column[columns++] = j;
  if (columns < k) { /* fewer directions than components: columns as they were drawn */
    columns = n;
    memcpy(column, index, n * sizeof *column);
    for (size_t j = 0; j < n; j++) weight[j] = 1;
  }
  for (size_t j = 0; j < n; j++) weight[j] = sqrt(weight[j]);
  CF_TRY(CF_SCRATCH(ctx, &x, c * t * columns));
  for (size_t i = 0; i < c; i++)
    for (size_t b = 0; b < t; b++) {
      const double *from = side->x + (b * c + i) * n;
      double *to = x + (i * t + b) * columns;
      for (size_t j = 0; j < columns; j++) to[j] = weight[column[j]] * from[column[j]];
    }
  const cf_view view = cf_view_matrix(x, c * t, columns);
  CF_TRY(cf_pca(ctx, &view, k, NULL, out, NULL, NULL, NULL));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static size_t width(const cf_align_job *job, const cf_align_side *side) {
  return CF_MIN((size_t)CF_ALIGN_COMPONENTS, CF_MIN(side->neurons, job->conditions * job->bins));
}

typedef struct sides {
  const cf_align_job *job;
  size_t shuffles; /* of a module; a recording has none */
} sides;

static cf_align_side *side_at(const cf_align_job *job, size_t i) {
  return i < job->modules.count ? &job->module[i] : &job->recording[i - job->modules.count];
}

/* The data of a side. One whose dynamics are undefined keeps the reason and has no operator. */
static cf_status observe(cf_context *ctx, size_t i, void *payload) {
  const sides *s = payload;
  cf_status status = CF_OK;
  cf_align_side *side = side_at(s->job, i);
  cf_trajectory *out = &side->scores;
  const size_t k = width(s->job, side);
  CF_TRY(cf_strdup(ctx, side->name, &out->name));
  CF_TRY(CF_ALLOC(ctx, &out->data, s->job->conditions * s->job->bins * k));
  out->trials = s->job->conditions;
  out->steps = s->job->bins;
  out->channels = k;
  status = components(ctx, s->job, side, NULL, k, out->data);
  if (status == CF_OK) status = fit(ctx, out->trials, out->steps, k, out->data, NULL, side->name, &out->op);
  if (status == CF_ERR_INPUT || status == CF_ERR_NUMERIC) {
    CF_TRY(cf_strdup(ctx, cf_context_error(ctx), &side->trouble));
    cf_context_clear(ctx);
    status = CF_OK;
  }
done:
  return status;
}

/* Keeps the eigenvalues; an operator that is undefined has order 0. */
static cf_status keep(cf_context *ctx, cf_status status, cf_operator *op, cf_align_spectrum *out) {
  if (status == CF_OK) {
    out->n = op->n;
    memcpy(out->value, op->eigenvalue, 2 * op->n * sizeof(double));
  } else if (status == CF_ERR_INPUT || status == CF_ERR_NUMERIC) {
    cf_context_clear(ctx);
    status = CF_OK;
  }
  cf_operator_free(op);
  return status;
}

static cf_status resample(cf_context *ctx, const cf_align_job *job, size_t i, size_t r) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_align_side *side = side_at(job, i);
  const size_t k = width(job, side);
  cf_operator *op = NULL;
  size_t *index;
  double *scores;
  CF_TRY(CF_SCRATCH(ctx, &index, side->neurons));
  CF_TRY(CF_SCRATCH(ctx, &scores, job->conditions * job->bins * k));
  cf_align_draw(ctx, job, i, r, index);
  status = components(ctx, job, side, index, k, scores);
  if (status == CF_OK) status = fit(ctx, job->conditions, job->bins, k, scores, NULL, side->name, &op);
  status = keep(ctx, status, op, &side->drawn[r]);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* All modules see the same orders of time. */
static cf_status shuffle(cf_context *ctx, const cf_align_job *job, size_t i, size_t r) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_align_side *side = side_at(job, i);
  const cf_trajectory *t = &side->scores;
  cf_operator *op = NULL;
  size_t *time;
  cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("compare/time"), (uint32_t)r);
  CF_TRY(CF_SCRATCH(ctx, &time, t->steps));
  cf_rng_permutation(&rng, t->steps, time);
  status = fit(ctx, t->trials, t->steps, t->channels, t->data, time, t->name, &op);
  status = keep(ctx, status, op, &side->shuffled[r]);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Task: replicate of a side, replicates of all sides one after the other, then the shuffles of all modules. */
static cf_status replicate(cf_context *ctx, size_t task, void *payload) {
  const sides *s = payload;
  cf_status status = CF_OK;
  const size_t all = s->job->modules.count + s->job->recordings.count, draws = all * s->job->bootstrap;
  const bool drawn = task < draws;
  const size_t i = drawn ? task / s->job->bootstrap : (task - draws) / s->shuffles;
  if (side_at(s->job, i)->scores.op)
    status = drawn ? resample(ctx, s->job, i, task % s->job->bootstrap)
                   : shuffle(ctx, s->job, i, (task - draws) % s->shuffles);
  cf_progress_step(ctx, 1);
  return status;
}

cf_status cf_align_dynamics(cf_context *ctx, const cf_align_job *job) {
  cf_status status = CF_OK;
  const size_t all = job->modules.count + job->recordings.count;
  sides s = {job, job->shuffles};
  CF_TRY(cf_parallel_for(ctx, all, observe, &s));
  for (size_t i = 0; i < all; i++) {
    cf_align_side *side = side_at(job, i);
    if (side->trouble) cf_warn(ctx, "%s: no dsa: %s", side->name, side->trouble);
    CF_TRY(CF_ALLOC(ctx, &side->drawn, job->bootstrap));
    if (i < job->modules.count) CF_TRY(CF_ALLOC(ctx, &side->shuffled, job->shuffles));
  }
  const size_t tasks = all * job->bootstrap + job->modules.count * job->shuffles;
  cf_progress_begin(ctx, "dynamics", tasks);
  status = cf_parallel_for(ctx, tasks, replicate, &s);
  cf_progress_end(ctx);
done:
  return status;
}

/* 1 - d of two sets of eigenvalues; NaN where either is undefined. */
static cf_status score(cf_context *ctx, size_t n, const double *a, const cf_align_spectrum *b, double *out) {
  double d;
  *out = NAN;
  if (n == 0 || b->n == 0) return CF_OK;
  const cf_status status = cf_dsa_wasserstein(ctx, n, a, b->n, b->value, NULL, &d);
  if (status == CF_OK) *out = 1 - d;
  return status;
}

cf_status cf_align_dsa(cf_context *ctx, const cf_align_job *job, const cf_align_side *module,
                       const cf_align_side *recording, double *value, double *null, double *boot) {
  cf_status status = CF_OK;
  const cf_operator *a = module->scores.op, *b = recording->scores.op;
  double d;
  *value = NAN;
  for (size_t r = 0; r < job->shuffles; r++) null[r] = NAN;
  for (size_t r = 0; r < job->bootstrap; r++) boot[r] = NAN;
  if (!a || !b) return CF_OK;
  CF_TRY(cf_dsa_wasserstein(ctx, a->n, a->eigenvalue, b->n, b->eigenvalue, NULL, &d));
  *value = 1 - d;
  for (size_t r = 0; r < job->shuffles; r++) CF_TRY(score(ctx, b->n, b->eigenvalue, &module->shuffled[r], &null[r]));
  for (size_t r = 0; r < job->bootstrap; r++)
    CF_TRY(score(ctx, module->drawn[r].n, module->drawn[r].value, &recording->drawn[r], &boot[r]));
done:
  return status;
}
