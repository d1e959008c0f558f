/* Hierarchical alternating least squares with an exact shift step, extrapolated.
 *
 * One sweep, with the modes' products W and G the Hadamard product of the other modes' Grams:
 *   shift step and Y = Xs C in one pass over the data; then twice: A, B by columns from Y; a pass for W_C; C by
 * columns, f_r <- max(0, f_r + (W_r - F G_r) / G_rr), every mode repeated a few times while its products hold (they
 * cost nothing more). After the update the factors move on, F^ = max(0, F + beta (F - F_before)), and the next sweep
 * starts there; beta grows while the error falls and is cut when it rises, from where the sweep starts at the factors
 * themselves.
 *
 * Cichocki & Phan, IEICE Trans. Fundamentals E92-A, 708 (2009); repeats: Gillis & Glineur, Neural Comput. 24, 1085
 * (2012); extrapolation: Ang, Cohen, Hien & Gillis, Numer. Linear Algebra Appl. 27, e2305 (2020). */
#include "tensor/internal.h"

#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

enum { PASSES = 3, ROUNDS = 2, WINDOW = 4 };

enum { LANES = 8 };
typedef double lanes __attribute__((vector_size(LANES * sizeof(double)), aligned(sizeof(double)), may_alias));
typedef int64_t masks __attribute__((vector_size(LANES * sizeof(int64_t))));

/* Eight rows at a time, one a lane: rest = w - f g, then coordinates one after the other. rest, x: R x 8. */
static inline __attribute__((always_inline)) void update_lanes(size_t r, const double *restrict g,
                                                               const double *restrict inverse, lanes *restrict rest,
                                                               lanes *restrict x) {
  for (size_t i = 0; i < r; i++) {
    const lanes v = x[i];
    for (size_t j = 0; j < r; j++) rest[j] -= g[i * r + j] * v;
  }
  for (size_t pass = 0; pass < PASSES; pass++)
    for (size_t i = 0; i < r; i++) {
      const lanes next = x[i] + inverse[i] * rest[i], zero = {0};
      const lanes kept = (lanes)((masks)next & (next > zero)), step = kept - x[i];
      x[i] = kept;
      for (size_t j = 0; j < r; j++) rest[j] -= g[i * r + j] * step;
    }
}

/* Rows of f (n x r) towards the non-negative least squares solution of f g = w. work: r (2 LANES + 1). */
CF_CLONES static void update_rows(size_t n, size_t r, const double *restrict w, const double *restrict g,
                                  double *restrict f, double *restrict work) {
  double *rest = work, *x = rest + r * LANES, *inverse = x + r * LANES;
  for (size_t i = 0; i < r; i++) inverse[i] = g[i * r + i] > 0 ? 1 / g[i * r + i] : 0; /* a dead column stays */
  for (size_t from = 0; from < n; from += LANES) {
    const size_t rows = CF_MIN((size_t)LANES, n - from);
    if (rows < LANES) memset(work, 0, 2 * r * LANES * sizeof *work);
    for (size_t l = 0; l < rows; l++)
      for (size_t i = 0; i < r; i++) {
        rest[i * LANES + l] = w[(from + l) * r + i];
        x[i * LANES + l] = f[(from + l) * r + i];
      }
    update_lanes(r, g, inverse, (lanes *)rest, (lanes *)x);
    for (size_t l = 0; l < rows; l++)
      for (size_t i = 0; i < r; i++) f[(from + l) * r + i] = x[i * LANES + l];
  }
}

static void hadamard(size_t n, const double *a, const double *b, double *out) {
  for (size_t i = 0; i < n; i++) out[i] = a[i] * b[i];
}

typedef struct sweep {
  double *a, *b, *c; /* the factors themselves; fit->a, b, c are the extrapolated ones */
  double *rest, *before;
  double beta, limit; /* beta 0 for the first sweeps: a random start is no direction */
} sweep;

/* point <- max(0, now + beta (now - before)); now is kept in `kept`. */
static void extrapolate(size_t n, double beta, const double *now, double *kept, double *point) {
  for (size_t i = 0; i < n; i++) {
    const double v = now[i];
    point[i] = fmax(0, v + beta * (v - kept[i]));
    kept[i] = v;
  }
}

/* A and B from Y, in fit->a and fit->b; the start of each repeat is where the last one ended. */
static void update_a_b(cf_fit *f, sweep *s) {
  const size_t r = f->r;
  cf_factor_gram(f->x->p, r, f->c, f->gc);
  for (size_t round = 0; round < ROUNDS; round++) {
    cf_factor_gram(f->x->s, r, f->b, f->gb);
    hadamard(r * r, f->gb, f->gc, f->gram);
    cf_fit_products_a(f, f->w);
    update_rows(f->x->n, r, f->w, f->gram, f->a, s->rest);
    cf_factor_gram(f->x->n, r, f->a, f->ga);
    hadamard(r * r, f->ga, f->gc, f->gram);
    cf_fit_products_b(f, f->w);
    update_rows(f->x->s, r, f->w, f->gram, f->b, s->rest);
  }
  memcpy(s->before, f->a, f->x->n * r * sizeof *f->a);
  extrapolate(f->x->n * r, s->beta, s->before, s->a, f->a);
  memcpy(s->before, f->b, f->x->s * r * sizeof *f->b);
  extrapolate(f->x->s * r, s->beta, s->before, s->b, f->b);
}

/* C from a pass over the data; gives the objective at fit->a, fit->b and the new C, before C is extrapolated. */
static double update_c(cf_fit *f, sweep *s) {
  const size_t r = f->r, count = f->x->p * r;
  cf_factor_gram(f->x->n, r, f->a, f->ga);
  cf_factor_gram(f->x->s, r, f->b, f->gb);
  hadamard(r * r, f->ga, f->gb, f->gram);
  cf_fit_products_c(f, f->w);
  update_rows(f->x->p, r, f->w, f->gram, f->c, s->rest);
  cf_factor_gram(f->x->p, r, f->c, f->gc);
  const double value = 0.5 * f->x->norm2 - cf_dot(count, f->w, f->c) + 0.5 * cf_dot(r * r, f->gram, f->gc);
  memcpy(s->before, f->c, count * sizeof *f->c);
  extrapolate(count, s->beta, s->before, s->c, f->c);
  return value;
}

static void take_factors(cf_fit *f, const sweep *s) {
  memcpy(f->a, s->a, f->x->n * f->r * sizeof *f->a);
  memcpy(f->b, s->b, f->x->s * f->r * sizeof *f->b);
  memcpy(f->c, s->c, f->x->p * f->r * sizeof *f->c);
}

static cf_status sweep_new(cf_context *ctx, const cf_fit *f, sweep *s) {
  cf_status status = CF_OK;
  const size_t r = f->r;
  CF_TRY(CF_SCRATCH(ctx, &s->a, f->x->n * r));
  CF_TRY(CF_SCRATCH(ctx, &s->b, f->x->s * r));
  CF_TRY(CF_SCRATCH(ctx, &s->c, f->x->p * r));
  CF_TRY(CF_SCRATCH(ctx, &s->rest, r * (2 * LANES + 1)));
  CF_TRY(CF_SCRATCH(ctx, &s->before, CF_MAX(f->x->n, CF_MAX(f->x->s, f->x->p)) * r));
  memcpy(s->a, f->a, f->x->n * r * sizeof *f->a);
  memcpy(s->b, f->b, f->x->s * r * sizeof *f->b);
  memcpy(s->c, f->c, f->x->p * r * sizeof *f->c);
done:
  return status;
}

cf_status cf_hals(cf_context *ctx, cf_fit *f, const cf_solver_options *o, cf_progress_note *note, double *value,
                  size_t *sweeps, bool *converged) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const double half = 0.5 * f->x->norm2;
  double recent[WINDOW + 1], last = INFINITY;
  sweep s = {.beta = 0, .limit = 1};
  size_t done_sweeps = 0;
  CF_TRY(sweep_new(ctx, f, &s));
  *converged = false;
  for (; done_sweeps < o->most && !*converged; done_sweeps++) {
    CF_TRY(cf_check_cancel(ctx));
    if (done_sweeps == o->plain) s.beta = 0.5;
    cf_fit_pass(f, true);
    update_a_b(f, &s);
    const double now = update_c(f, &s);
    if (now > last) {
      take_factors(f, &s);
      s.limit = s.beta;
      s.beta /= 1.5;
    } else {
      s.beta = fmin(s.limit, 1.05 * s.beta);
      s.limit = fmin(1, 1.01 * s.limit);
    }
    last = now;
    if (note && note->count < note->capacity) note->trace[note->count++] = 100 * fmax(0, now) / half;
    recent[done_sweeps % (WINDOW + 1)] = now;
    if (done_sweeps + 1 < o->least || done_sweeps < WINDOW) continue;
    double low = now, high = now; /* extrapolated steps also rise: two equal values alone say nothing */
    for (size_t i = 0; i <= WINDOW; i++) {
      low = fmin(low, recent[i]);
      high = fmax(high, recent[i]);
    }
    *converged = high - low <= WINDOW * o->tolerance * fabs(now) || now <= o->floor * half;
  }
  take_factors(f, &s);
  *value = last;
  *sweeps += done_sweeps;
done:
  cf_scratch_release(ctx, mark);
  return status;
}
