/* Delays and rank by prediction of what was not seen.
 *
 *   fit on 80 % of the trials (of the time, for one trial), predict x(t + steps) of the others from their embedding:
 *   x^ = first channels of U S A v(t)
 *   AIC / N   ln(SSE / N) + 2 (r^2 + 1) / N           N predicted numbers, r the rank
 *   MASE      mean |x - x^| / mean |x - x(t)|         below 1: better than persistence
 *   error     SSE / sum (x - mean)^2
 *   normality ||B'B - BB'||_F of B = S A S^-1
 *   residual  mean over eigenpairs of ||g v(t + steps) - lambda g v(t)|| / ||g v(t)||, g A = lambda g
 *
 * Ostrow, Eisen, Kozachkov & Fiete, NeurIPS 2023 (AIC, MASE); Colbrook & Townsend, Commun. Pure Appl. Math. 77, 221
 * (2024) (residual). */
#include "base/internal.h"
#include "dynamics/dmd.h"
#include "dynamics/operator.h"

#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

#define TRAINING  0.8
#define NEAR_BEST 0.01

typedef struct sweep {
  cf_trajectories train, test;
  cf_operator_options o;
  size_t n_ranks;
  const size_t *delays, *ranks;
  cf_sweep_entry *out;
} sweep;

/* Held-out data of one operator: whitened rows at t and t + steps, the newest channels at both. */
typedef struct held {
  size_t pairs, n, channels;
  double *now, *next, *x, *y;
} held;

static cf_status hold_out(cf_context *ctx, const cf_trajectories *test, const cf_operator_options *o,
                          const cf_operator *op, held *out) {
  cf_status status = CF_OK;
  const size_t c = test->trial[0].shape[1];
  size_t *length, rows = 0, at = 0, row = 0;
  double *h, *v;
  CF_TRY(CF_SCRATCH(ctx, &length, test->trials));
  CF_TRY(cf_delay_embed(ctx, test, o->delays, o->interval, NULL, length));
  for (size_t r = 0; r < test->trials; r++) {
    rows += length[r];
    out->pairs += length[r] > o->steps ? length[r] - o->steps : 0;
  }
  if (out->pairs == 0)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the held-out trials are too short to predict", test->name));
  out->n = op->n;
  out->channels = c;
  CF_TRY(CF_SCRATCH(ctx, &h, rows * op->dims));
  CF_TRY(CF_SCRATCH(ctx, &v, rows * op->n));
  CF_TRY(CF_SCRATCH(ctx, &out->now, out->pairs * op->n));
  CF_TRY(CF_SCRATCH(ctx, &out->next, out->pairs * op->n));
  CF_TRY(CF_SCRATCH(ctx, &out->x, out->pairs * c));
  CF_TRY(CF_SCRATCH(ctx, &out->y, out->pairs * c));
  CF_TRY(cf_delay_embed(ctx, test, o->delays, o->interval, h, length));
  CF_TRY(cf_operator_white(ctx, op, rows, h, v));
  for (size_t r = 0; r < test->trials; row += length[r++])
    for (size_t t = 0; t + o->steps < length[r]; t++, at++) {
      memcpy(out->now + at * op->n, v + (row + t) * op->n, op->n * sizeof *v);
      memcpy(out->next + at * op->n, v + (row + t + o->steps) * op->n, op->n * sizeof *v);
      memcpy(out->x + at * c, h + (row + t) * op->dims, c * sizeof *h);
      memcpy(out->y + at * c, h + (row + t + o->steps) * op->dims, c * sizeof *h);
    }
done:
  return status;
}

/* predicted (pairs x channels) = now A' S U', first channels. */
static cf_status predict(cf_context *ctx, const held *d, const cf_operator *op, double *predicted) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *v;
  CF_TRY(CF_SCRATCH(ctx, &v, d->pairs * d->n));
  CF_TRY(cf_gemm(ctx, false, true, d->pairs, d->n, d->n, 1, d->now, d->n, op->a, d->n, 0, v, d->n));
  for (size_t i = 0; i < d->pairs; i++)
    for (size_t j = 0; j < d->n; j++) v[i * d->n + j] *= op->singular[j];
  CF_TRY(
      cf_gemm(ctx, false, true, d->pairs, d->channels, d->n, 1, v, d->n, op->basis, d->n, 0, predicted, d->channels));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status score(cf_context *ctx, const held *d, const cf_operator *op, cf_sweep_entry *e) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t count = d->pairs * d->channels;
  double *predicted, sse = 0, off = 0, still = 0, spread = 0;
  CF_TRY(CF_SCRATCH(ctx, &predicted, count));
  CF_TRY(predict(ctx, d, op, predicted));
  for (size_t j = 0; j < d->channels; j++) {
    double mean = 0;
    for (size_t i = 0; i < d->pairs; i++) mean += d->y[i * d->channels + j] / (double)d->pairs;
    for (size_t i = 0; i < d->pairs; i++) {
      const size_t k = i * d->channels + j;
      const double r = d->y[k] - predicted[k];
      sse += r * r;
      off += fabs(r);
      still += fabs(d->y[k] - d->x[k]);
      spread += (d->y[k] - mean) * (d->y[k] - mean);
    }
  }
  const double n = (double)count, r = (double)op->rank;
  e->aic = log(fmax(sse, 1e-300) / n) + 2 * (r * r + 1) / n;
  e->mase = still > 0 ? off / still : NAN;
  e->error = spread > 0 ? sse / spread : NAN;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status non_normality(cf_context *ctx, const cf_operator *op, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = op->n;
  double *b, *e;
  CF_TRY(CF_SCRATCH(ctx, &b, n * n));
  CF_TRY(CF_SCRATCH(ctx, &e, n * n));
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) b[i * n + j] = op->singular[i] * op->a[i * n + j] / op->singular[j];
  CF_TRY(cf_gemm(ctx, true, false, n, n, n, 1, b, n, b, n, 0, e, n));
  CF_TRY(cf_gemm(ctx, false, true, n, n, n, -1, b, n, b, n, 1, e, n));
  *out = cf_norm2(n * n, e);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status residual(cf_context *ctx, const held *d, const cf_operator *op, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = d->n;
  double *turned, *value, *g, *a, *b;
  CF_TRY(CF_SCRATCH(ctx, &turned, n * n));
  CF_TRY(CF_SCRATCH(ctx, &value, 2 * n));
  CF_TRY(CF_SCRATCH(ctx, &g, 2 * n * n));
  CF_TRY(CF_SCRATCH(ctx, &a, 2 * d->pairs * n));
  CF_TRY(CF_SCRATCH(ctx, &b, 2 * d->pairs * n));
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) turned[i * n + j] = op->a[j * n + i];
  CF_TRY(cf_eig(ctx, n, turned, value, g));
  CF_TRY(cf_gemm(ctx, false, false, d->pairs, 2 * n, n, 1, d->now, n, g, 2 * n, 0, a, 2 * n));
  CF_TRY(cf_gemm(ctx, false, false, d->pairs, 2 * n, n, 1, d->next, n, g, 2 * n, 0, b, 2 * n));
  *out = 0;
  for (size_t k = 0; k < n; k++) {
    const double complex lambda = cf_pairs(value)[k];
    double off = 0, size = 0;
    for (size_t i = 0; i < d->pairs; i++) {
      const double complex x = cf_pairs(a)[i * n + k], e = cf_pairs(b)[i * n + k] - lambda * x;
      off += creal(e) * creal(e) + cimag(e) * cimag(e);
      size += creal(x) * creal(x) + cimag(x) * cimag(x);
    }
    *out += size > 0 ? sqrt(off / size) / (double)n : 0;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status one_entry(cf_context *ctx, size_t task, void *payload) {
  const sweep *s = payload;
  cf_status status = CF_OK;
  cf_sweep_entry *e = &s->out[task];
  cf_operator_options o = s->o;
  cf_operator *op = NULL;
  held d = {0};
  CF_TRY(cf_check_cancel(ctx));
  o.delays = e->delays = s->delays[task / s->n_ranks];
  e->rank = s->ranks[task % s->n_ranks];
  if (e->rank) o.rank = (cf_rank){CF_RANK_FIXED, (double)e->rank};
  e->aic = e->mase = e->error = e->non_normal = e->residual = NAN;
  status = cf_operator_fit(ctx, &s->train, &o, &op);
  if (status == CF_OK && e->rank && op->rank != e->rank)
    status = cf_fail(ctx, CF_ERR_INPUT, "the embedding has fewer directions");
  if (status == CF_OK) status = hold_out(ctx, &s->test, &o, op, &d);
  if (status == CF_OK) {
    e->rank = op->rank;
    CF_TRY(score(ctx, &d, op, e));
    CF_TRY(non_normality(ctx, op, &e->non_normal));
    CF_TRY(residual(ctx, &d, op, &e->residual));
    e->defined = true;
  } else if (status == CF_ERR_INPUT || status == CF_ERR_NUMERIC) { /* out of reach for these data: left undefined */
    cf_context_clear(ctx);
    status = CF_OK;
  }
done:
  cf_operator_free(op);
  return status;
}

/* Trials for fitting and testing; one trial is cut in time. */
static cf_status split(cf_context *ctx, const cf_trajectories *data, sweep *s) {
  cf_status status = CF_OK;
  const size_t n = data->trials;
  cf_view *trial;
  size_t *order;
  CF_TRY(CF_SCRATCH(ctx, &trial, n + 1));
  CF_TRY(CF_SCRATCH(ctx, &order, n));
  s->train = (cf_trajectories){0, trial, data->name};
  s->test = s->train;
  if (n == 1) {
    const size_t steps = data->trial[0].shape[0], first = (size_t)(TRAINING * (double)steps);
    if (first < 2 || steps - first < 2)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %zu time steps are too few to hold some out", data->name, steps));
    trial[0] = trial[1] = data->trial[0];
    trial[0].shape[0] = first;
    trial[1].shape[0] = steps - first;
    trial[1].data += (ptrdiff_t)first * trial[1].stride[0];
    s->train.trials = s->test.trials = 1;
    s->test.trial = trial + 1;
    goto done;
  }
  cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("dsa/split"), 0);
  cf_rng_permutation(&rng, n, order);
  s->train.trials = CF_MIN(CF_MAX((size_t)(TRAINING * (double)n + 0.5), (size_t)1), n - 1);
  for (size_t i = 0; i < n; i++) trial[i] = data->trial[order[i]];
  s->test.trials = n - s->train.trials;
  s->test.trial = trial + s->train.trials;
done:
  return status;
}

static size_t parameters(const cf_sweep_entry *e) {
  return e->rank * e->rank;
}

static size_t choose(const cf_sweep_entry *e, size_t n) {
  double least = INFINITY, most = -INFINITY;
  size_t best = n;
  for (size_t i = 0; i < n; i++)
    if (e[i].defined && e[i].mase < 1) {
      least = fmin(least, e[i].aic);
      most = fmax(most, e[i].aic);
    }
  for (size_t i = 0; i < n; i++) {
    if (!e[i].defined || !(e[i].mase < 1) || e[i].aic > least + NEAR_BEST * (most - least)) continue;
    if (best == n || parameters(&e[i]) < parameters(&e[best]) ||
        (parameters(&e[i]) == parameters(&e[best]) && e[i].delays < e[best].delays))
      best = i;
  }
  return best;
}

cf_status cf_operator_sweep(cf_context *ctx, const cf_trajectories *data, const cf_operator_options *options,
                            size_t n_delays, const size_t *delays, size_t n_ranks, const size_t *ranks,
                            cf_sweep_entry *out, size_t *best) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_operator_options standard = CF_OPERATOR_OPTIONS_INIT;
  sweep s = {.o = options ? *options : standard, .n_ranks = n_ranks, .delays = delays, .ranks = ranks, .out = out};
  cf_trajectories reduced = *data;
  cf_view *trials;
  if (data->trials == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: no trials", data->name));
  for (size_t r = 0; r < data->trials; r++) {
    status = cf_view_check_finite(ctx, &data->trial[r], data->name);
    if (status != CF_OK) CF_TRY(cf_explain(ctx, status, "trial %zu", r));
  }
  if (s.o.components) {
    CF_TRY(CF_SCRATCH(ctx, &trials, data->trials));
    CF_TRY(cf_components_of(ctx, data, s.o.components, trials));
    reduced.trial = trials;
    s.o.components = 0;
  }
  memset(out, 0, n_delays * n_ranks * sizeof *out);
  CF_TRY(split(ctx, &reduced, &s));
  CF_TRY(cf_parallel_for(ctx, n_delays * n_ranks, one_entry, &s));
  *best = choose(out, n_delays * n_ranks);
done:
  cf_scratch_release(ctx, mark);
  return status;
}
