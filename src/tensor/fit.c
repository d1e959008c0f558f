/* Random restarts of the permuted non-negative CP factorisation.
 *
 * In a restart several random starts compete, in single precision: after five sweeps the best third goes on, after six
 * more a third of those, after twelve more the best one, until the error no longer falls by the tolerance in a sweep. A
 * few sweeps in double precision follow,
 * then the exact shifts of the factors as they are handed back, and the error of both. Every draw comes from the stream
 * (seed, rank, restart); neural factors are drawn in the order of the neurons' energies, so that neither the order of
 * the neurons nor the unit of the responses changes a result. With one start only (and without shifts) A, B and C are
 * U(0,1), as published.
 *
 * Dyballa et al., PNAS 121, e2317773121 (2024); restarts and their agreement: Williams et al., Neuron 98, 1099 (2018).
 */
#include "tensor/internal.h"

#include <cortifold/linalg.h>
#include <float.h>
#include <math.h>
#include <string.h>

enum {
  TRIALS = 8,
  PLAIN_TRIALS = 16,
  ROUNDS = 3,
  TRIAL_TRACE = 64,
  SWEEPS = 500,
  ITERATIONS = 1000,
  LAST_SWEEPS = 12,
  LEAST_SWEEPS = 6
};
static const size_t rounds[ROUNDS] = {5, 6, 12}; /* sweeps; a third of the starts stays after each round */
#define APART            0.3
#define SINGLE_TOLERANCE 1e-6 /* progress at which single precision has done its part */
#define SINGLE_FLOOR     1e-5 /* share of the data below which the error is rounding in single precision */

typedef struct job {
  const cf_tensor *x;
  cf_factor_options o;
  size_t from;
  cf_factors **out;
} job;

/* A start for the competition: components near one random pattern, so that the first shift step turns all maps towards
 * it, and far enough from each other to part. Ends in better minima than independent components do. */
static void draw_alike(cf_fit *f, cf_rng *rng) {
  const size_t r = f->r;
  for (size_t i = 0; i < f->x->s * r; i++) f->b[i] = 1 + APART * cf_rng_uniform(rng);
  for (size_t p = 0; p < f->x->p; p++) {
    const double common = cf_rng_uniform(rng);
    for (size_t i = 0; i < r; i++) f->c[p * r + i] = common + APART * cf_rng_uniform(rng);
  }
  for (size_t n = 0; n < f->x->n; n++)
    for (size_t i = 0; i < r; i++) f->a[f->x->order[n] * r + i] = 1 + APART * cf_rng_uniform(rng);
  memset(f->k, 0, f->x->maps * sizeof *f->k);
}

/* A plain start. */
static void draw(cf_fit *f, cf_rng *rng) {
  const size_t r = f->r;
  for (size_t i = 0; i < f->x->s * r; i++) f->b[i] = cf_rng_uniform(rng);
  for (size_t i = 0; i < f->x->p * r; i++) f->c[i] = cf_rng_uniform(rng);
  for (size_t n = 0; n < f->x->n; n++)
    for (size_t i = 0; i < r; i++) f->a[f->x->order[n] * r + i] = cf_rng_uniform(rng);
  memset(f->k, 0, f->x->maps * sizeof *f->k);
}

static void copy_state(const cf_tensor *x, size_t r, const double *a, const double *b, const double *c,
                       const int32_t *k, double *a2, double *b2, double *c2, int32_t *k2) {
  memcpy(a2, a, x->n * r * sizeof *a);
  memcpy(b2, b, x->s * r * sizeof *b);
  memcpy(c2, c, x->p * r * sizeof *c);
  memcpy(k2, k, x->maps * sizeof *k);
}

/* The model as large as the data, so that the unit of the responses does not matter. */
static void scale_start(cf_fit *f) {
  const size_t r = f->r;
  double sum = 0;
  cf_factor_gram(f->x->n, r, f->a, f->ga);
  cf_factor_gram(f->x->s, r, f->b, f->gb);
  cf_factor_gram(f->x->p, r, f->c, f->gc);
  for (size_t i = 0; i < r * r; i++) sum += f->ga[i] * f->gb[i] * f->gc[i];
  const double scale = sum > 0 ? sqrt(f->x->norm2 / sum) : 1;
  for (size_t i = 0; i < f->x->n * r; i++) f->a[i] *= scale;
}

/* One of the starts that compete: where it stands. */
typedef struct start {
  double *a, *b, *c, value;
  int32_t *k;
  double *trace;
  size_t count;
} start;

static cf_status start_new(cf_context *worker, const cf_tensor *x, size_t r, start *s) {
  cf_status status = CF_OK;
  s->value = INFINITY;
  s->count = 0;
  CF_TRY(CF_SCRATCH(worker, &s->a, x->n * r));
  CF_TRY(CF_SCRATCH(worker, &s->b, x->s * r));
  CF_TRY(CF_SCRATCH(worker, &s->c, x->p * r));
  CF_TRY(CF_SCRATCH(worker, &s->k, x->maps));
  CF_TRY(CF_SCRATCH(worker, &s->trace, TRIAL_TRACE));
done:
  return status;
}

/* Some sweeps more from where the start stands in the fit; its new state is kept. */
static cf_status go_on(cf_context *worker, cf_fit *fit, size_t sweeps, start *s) {
  cf_status status = CF_OK;
  const cf_solver_options o = {sweeps, sweeps, s->count > 0 ? 0 : CF_HALS_PLAIN, 0, 0};
  cf_progress_note note = {s->trace, s->count, TRIAL_TRACE};
  size_t total = 0;
  bool converged;
  cf_fit_align(fit);
  CF_TRY(cf_hals(worker, fit, &o, &note, &s->value, &total, &converged));
  s->count = note.count;
  copy_state(fit->x, fit->r, fit->a, fit->b, fit->c, fit->k, s->a, s->b, s->c, s->k);
done:
  return status;
}

/* Starts by rising objective; equal ones as they stand. */
static void rank_starts(size_t n, start *s) {
  for (size_t i = 1; i < n; i++) {
    const start v = s[i];
    size_t at = i;
    for (; at > 0 && s[at - 1].value > v.value; at--) s[at] = s[at - 1];
    s[at] = v;
  }
}

static void draw_start(cf_fit *fit, bool alike, cf_rng *rng) {
  if (alike)
    draw_alike(fit, rng);
  else
    draw(fit, rng);
  scale_start(fit);
}

/* A random start into the fit; with trials, the one of several that comes out of the rounds. */
static cf_status try_starts(cf_context *worker, const job *j, size_t restart, cf_fit *fit, cf_factors *out) {
  cf_status status = CF_OK;
  const size_t r = fit->r;
  size_t left = j->o.trials;
  start *s;
  cf_rng rng = cf_rng_make(cf_context_seed(worker), cf_hash64(&r, sizeof r, 0), (uint32_t)restart);
  if (left <= 1) {
    draw_start(fit, false, &rng);
    return CF_OK;
  }
  CF_TRY(CF_SCRATCH(worker, &s, left));
  for (size_t i = 0; i < left; i++) {
    CF_TRY(start_new(worker, fit->x, r, &s[i]));
    draw_start(fit, fit->x->shift, &rng);
    CF_TRY(go_on(worker, fit, rounds[0], &s[i]));
  }
  for (size_t round = 1; round < ROUNDS; round++) {
    rank_starts(left, s);
    left = (left + 2) / 3;
    for (size_t i = 0; i < left; i++) {
      copy_state(fit->x, r, s[i].a, s[i].b, s[i].c, s[i].k, fit->a, fit->b, fit->c, fit->k);
      CF_TRY(go_on(worker, fit, rounds[round], &s[i]));
    }
  }
  rank_starts(left, s);
  copy_state(fit->x, r, s->a, s->b, s->c, s->k, fit->a, fit->b, fit->c, fit->k);
  memcpy(out->trace, s->trace, s->count * sizeof *s->trace);
  out->trace_count = s->count;
done:
  return status;
}

static cf_status solve(cf_context *worker, const job *j, cf_fit *fit, cf_factors *out) {
  cf_status status = CF_OK;
  double value = 0;
  cf_progress_note note = {out->trace, out->trace_count, j->o.sweeps + TRIAL_TRACE + LAST_SWEEPS};
  cf_solver_options o = {LEAST_SWEEPS, j->o.sweeps, out->trace_count ? 0 : CF_HALS_PLAIN, j->o.tolerance, 0};
  cf_fit_align(fit);
  if (j->o.solver == CF_FACTOR_QUASI_NEWTON) {
    CF_TRY(cf_quasi_newton(worker, fit, &o, &note, &value, &out->sweeps, &out->converged));
  } else {
    if (fit->single) {
      o.tolerance = fmax(o.tolerance, SINGLE_TOLERANCE);
      o.floor = SINGLE_FLOOR;
      CF_TRY(cf_hals(worker, fit, &o, &note, &value, &out->sweeps, &out->converged));
      CF_TRY(cf_fit_set_single(worker, fit, false));
      o = (cf_solver_options){1, j->o.sweeps > out->sweeps ? j->o.sweeps - out->sweeps : 1, 0, j->o.tolerance, 0};
    }
    CF_TRY(cf_hals(worker, fit, &o, &note, &value, &out->sweeps, &out->converged));
  }
  out->trace_count = note.count;
done:
  return status;
}

/* Factors as they are handed back, their exact shifts, and the error of both. */
static cf_status finish(cf_context *worker, const cf_tensor *x, const cf_fit *fit, cf_factors *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  const size_t r = fit->r;
  double *scaled, sum = 0;
  memcpy(out->neuron, fit->a, x->n * r * sizeof *fit->a);
  memcpy(out->stimulus, fit->b, x->s * r * sizeof *fit->b);
  memcpy(out->pattern, fit->c, x->p * r * sizeof *fit->c);
  CF_TRY(cf_factors_normalise(worker, out));
  CF_TRY(CF_SCRATCH(worker, &scaled, x->n * r));
  for (size_t i = 0; i < x->n * r; i++) scaled[i] = out->neuron[i] * out->lambda[i % r];
  CF_TRY(cf_tensor_shifts(worker, x, r, scaled, out->stimulus, out->pattern, out->shift));
  CF_TRY(cf_tensor_residual(worker, x, r, scaled, out->stimulus, out->pattern, out->shift, out->residual));
  for (size_t n = 0; n < x->n; n++) {
    double energy = 0;
    for (size_t s = 0; s < x->s; s++) energy += x->norm[n * x->s + s] * x->norm[n * x->s + s];
    sum += out->residual[n];
    out->residual[n] = energy > 0 ? out->residual[n] / energy : NAN;
  }
  out->error_percent = 100 * sum / x->norm2;
done:
  cf_scratch_release(worker, mark);
  return status;
}

static cf_status fit_restart(cf_context *worker, size_t i, void *payload) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  const job *j = payload;
  const cf_tensor *x = j->x;
  cf_factors *out = NULL;
  cf_fit fit;
  CF_TRY(cf_check_cancel(worker));
  CF_TRY(cf_factors_new(worker, x->n, x->s, x->d, x->t, j->o.rank, &out));
  CF_TRY(CF_ALLOC(worker, &out->trace, j->o.sweeps + TRIAL_TRACE + LAST_SWEEPS));
  CF_TRY(cf_fit_new(worker, x, j->o.rank, j->o.single, &fit));
  CF_TRY(try_starts(worker, j, j->from + i, &fit, out));
  CF_TRY(solve(worker, j, &fit, out));
  CF_TRY(finish(worker, x, &fit, out));
  j->out[i] = out;
  out = NULL;
  cf_progress_step(worker, 1);
done:
  cf_factors_free(out);
  cf_scratch_release(worker, mark);
  return status;
}

static void sort_restarts(size_t n, cf_factors **f) {
  for (size_t i = 1; i < n; i++) {
    cf_factors *v = f[i];
    size_t at = i;
    for (; at > 0 && f[at - 1]->error_percent > v->error_percent; at--) f[at] = f[at - 1];
    f[at] = v;
  }
}

static cf_status check_options(cf_context *ctx, cf_factor_options *o, size_t from, size_t to) {
  if (o->rank == 0) return cf_fail(ctx, CF_ERR_USAGE, "rank 0; at least one component is needed");
  if (to <= from) return cf_fail(ctx, CF_ERR_USAGE, "no restarts; at least one is needed");
  if (!(o->tolerance >= 0) || o->tolerance >= 1)
    return cf_fail(ctx, CF_ERR_USAGE, "tolerance %g is outside [0, 1)", o->tolerance);
  const bool hals = o->solver == CF_FACTOR_HALS;
  if (o->tolerance <= 0) o->tolerance = hals ? 1e-6 : 1e-5 * DBL_EPSILON; /* factr as published */
  if (o->sweeps == 0) o->sweeps = hals ? SWEEPS : ITERATIONS;
  if (o->trials == 0) o->trials = !hals ? 1 : o->shift ? TRIALS : PLAIN_TRIALS;
  o->single = o->single && hals;
  return CF_OK;
}

cf_status cf_factor_fit_some(cf_context *ctx, const cf_view *responses, const cf_factor_options *options, size_t from,
                             size_t to, cf_factorisation **out) {
  cf_status status = CF_OK;
  cf_tensor *x = NULL;
  cf_factorisation *f = NULL;
  static const cf_factor_options standard = CF_FACTOR_OPTIONS_INIT;
  job j = {.o = options ? *options : standard, .from = from};
  size_t cells;
  CF_TRY(check_options(ctx, &j.o, from, to));
  CF_TRY(cf_tensor_new(ctx, responses, j.o.shift, &x));
  CF_TRY(cf_size_mul(ctx, CF_MAX(x->maps, x->p), j.o.rank, &cells));
  if (cells > INT32_MAX)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "rank %zu is too large for %zu maps of %zu values", j.o.rank, x->maps, x->p));
  CF_TRY(CF_ALLOC(ctx, &f, 1));
  CF_TRY(CF_ALLOC(ctx, &f->restart, to - from));
  f->restarts = to - from;
  j.x = x;
  j.out = f->restart;
  cf_progress_begin(ctx, "restarts", to - from);
  status = cf_parallel_for(ctx, to - from, fit_restart, &j);
  cf_progress_end(ctx);
  CF_TRY(status);
  sort_restarts(f->restarts, f->restart);
  *out = f;
  f = NULL;
done:
  cf_factorisation_free(f);
  cf_tensor_free(x);
  return status;
}

cf_status cf_factor_fit(cf_context *ctx, const cf_view *responses, const cf_factor_options *options,
                        cf_factorisation **out) {
  static const cf_factor_options standard = CF_FACTOR_OPTIONS_INIT;
  return cf_factor_fit_some(ctx, responses, options, 0, options ? options->restarts : standard.restarts, out);
}
