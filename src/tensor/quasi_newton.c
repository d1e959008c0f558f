/* Bound-constrained quasi-Newton solver, and the objective and gradient it works on.
 *
 * All factors at once, z = (A, B, C) >= 0; f and its gradient with the shifts recomputed at every evaluation and held
 * in the gradient (the maximum over shifts is an envelope). Steps are projected: variables at zero whose gradient
 * pushes outward are held, the limited-memory BFGS direction (m = 5) of the others is followed along
 * max(0, z + step d) with Armijo's rule. Starts as published: U(0,1) with unit-norm columns. Ends when the projected
 * gradient is below pgtol = 1e-4, or f gains less than `tolerance` of itself in an iteration.
 *
 * Byrd, Lu, Nocedal & Zhu, SIAM J. Sci. Comput. 16, 1190 (1995) for the setting; the projected form is Bertsekas, SIAM
 * J. Control Optim. 20, 221 (1982). Acar, Dunlavy & Kolda, J. Chemometrics 25, 67 (2011) for CP. */
#include "tensor/internal.h"

#include <cortifold/linalg.h>
#include <float.h>
#include <math.h>
#include <string.h>

enum { MEMORY = 5, HALVINGS = 40 };
#define PGTOL  1e-4
#define ARMIJO 1e-4

/* Objective and gradients at fit->a, b, c; any gradient may be NULL. */
static double evaluate(cf_fit *f, double *ga, double *gb, double *gc) {
  const size_t r = f->r, rr = r * r;
  cf_fit_pass(f, true);
  cf_factor_gram(f->x->n, r, f->a, f->ga);
  cf_factor_gram(f->x->s, r, f->b, f->gb);
  cf_factor_gram(f->x->p, r, f->c, f->gc);
  cf_fit_products_a(f, f->w);
  double value = 0.5 * f->x->norm2 - cf_dot(f->x->n * r, f->w, f->a);
  for (size_t i = 0; i < rr; i++) value += 0.5 * f->ga[i] * f->gb[i] * f->gc[i];
  if (ga) {
    for (size_t i = 0; i < rr; i++) f->gram[i] = f->gb[i] * f->gc[i];
    memcpy(ga, f->w, f->x->n * r * sizeof *ga);
    cf_gemm_serial(false, false, f->x->n, r, r, 1, f->a, r, f->gram, r, -1, ga, r);
  }
  if (gb) {
    for (size_t i = 0; i < rr; i++) f->gram[i] = f->ga[i] * f->gc[i];
    cf_fit_products_b(f, gb);
    cf_gemm_serial(false, false, f->x->s, r, r, 1, f->b, r, f->gram, r, -1, gb, r);
  }
  if (gc) {
    for (size_t i = 0; i < rr; i++) f->gram[i] = f->ga[i] * f->gb[i];
    cf_fit_products_c(f, gc);
    cf_gemm_serial(false, false, f->x->p, r, r, 1, f->c, r, f->gram, r, -1, gc, r);
  }
  return value;
}

cf_status cf_factor_objective(cf_context *ctx, const cf_view *responses, size_t rank, const double *neuron,
                              const double *stimulus, const double *pattern, bool shifts, double *f, int32_t *shift,
                              double *grad_neuron, double *grad_stimulus, double *grad_pattern) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_tensor *x = NULL;
  cf_fit fit;
  if (rank == 0) return cf_fail(ctx, CF_ERR_USAGE, "rank 0; at least one component is needed");
  CF_TRY(cf_tensor_new(ctx, responses, shifts, &x));
  CF_TRY(cf_fit_new(ctx, x, rank, false, &fit));
  memcpy(fit.a, neuron, x->n * rank * sizeof *neuron);
  memcpy(fit.b, stimulus, x->s * rank * sizeof *stimulus);
  memcpy(fit.c, pattern, x->p * rank * sizeof *pattern);
  if (shifts) CF_TRY(cf_tensor_shifts(ctx, x, rank, neuron, stimulus, pattern, fit.k));
  fit.x = x;
  cf_fit_align(&fit);
  x->shift = false; /* aligned already */
  *f = evaluate(&fit, grad_neuron, grad_stimulus, grad_pattern);
  if (shift) memcpy(shift, fit.k, x->maps * sizeof *shift);
done:
  cf_tensor_free(x);
  cf_scratch_release(ctx, mark);
  return status;
}

/* The variables in one vector, the history of steps s and gradient changes y, newest at `newest`. */
typedef struct state {
  size_t n, na, nb, nc, kept, newest;
  double *z, *g, *d, *z1, *g1, *s, *y, *rho, *alpha;
  bool *held;
} state;

static cf_status state_new(cf_context *ctx, const cf_fit *f, state *st) {
  cf_status status = CF_OK;
  st->na = f->x->n * f->r;
  st->nb = f->x->s * f->r;
  st->nc = f->x->p * f->r;
  st->n = st->na + st->nb + st->nc;
  double **const vectors[] = {&st->z, &st->g, &st->d, &st->z1, &st->g1};
  for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) CF_TRY(CF_SCRATCH(ctx, vectors[i], st->n));
  CF_TRY(CF_SCRATCH(ctx, &st->s, MEMORY * st->n));
  CF_TRY(CF_SCRATCH(ctx, &st->y, MEMORY * st->n));
  CF_TRY(CF_SCRATCH(ctx, &st->rho, MEMORY));
  CF_TRY(CF_SCRATCH(ctx, &st->alpha, MEMORY));
  CF_TRY(CF_SCRATCH(ctx, &st->held, st->n));
done:
  return status;
}

static double evaluate_at(cf_fit *f, const state *st, const double *z, double *g) {
  memcpy(f->a, z, st->na * sizeof *z);
  memcpy(f->b, z + st->na, st->nb * sizeof *z);
  memcpy(f->c, z + st->na + st->nb, st->nc * sizeof *z);
  return evaluate(f, g, g + st->na, g + st->na + st->nb);
}

/* Largest entry of the projected gradient, max_i |max(0, z_i - g_i) - z_i|. */
static double projected_gradient(const state *st) {
  double largest = 0;
  for (size_t i = 0; i < st->n; i++) largest = fmax(largest, fabs(fmax(0, st->z[i] - st->g[i]) - st->z[i]));
  return largest;
}

/* d = -H g over the variables that are not held (two-loop recursion); steepest descent where that does not descend. */
static void direction(state *st) {
  double *d = st->d;
  for (size_t i = 0; i < st->n; i++) {
    st->held[i] = st->z[i] <= 0 && st->g[i] > 0;
    d[i] = st->held[i] ? 0 : -st->g[i];
  }
  for (size_t h = 0; h < st->kept; h++) {
    const size_t at = (st->newest + MEMORY - h) % MEMORY;
    st->alpha[at] = st->rho[at] * cf_dot(st->n, st->s + at * st->n, d);
    for (size_t i = 0; i < st->n; i++) d[i] -= st->alpha[at] * st->y[at * st->n + i];
  }
  if (st->kept > 0) {
    const double *y = st->y + st->newest * st->n;
    const double scale = 1 / (st->rho[st->newest] * cf_dot(st->n, y, y));
    for (size_t i = 0; i < st->n; i++) d[i] *= scale;
  }
  for (size_t h = st->kept; h-- > 0;) {
    const size_t at = (st->newest + MEMORY - h) % MEMORY;
    const double beta = st->rho[at] * cf_dot(st->n, st->y + at * st->n, d);
    for (size_t i = 0; i < st->n; i++) d[i] += (st->alpha[at] - beta) * st->s[at * st->n + i];
  }
  for (size_t i = 0; i < st->n; i++)
    if (st->held[i]) d[i] = 0;
  if (cf_dot(st->n, d, st->g) < 0) return;
  st->kept = 0;
  for (size_t i = 0; i < st->n; i++) d[i] = st->held[i] ? 0 : -st->g[i];
}

/* z1 = max(0, z + step d) with enough descent; *f its objective. False: none was found. */
static bool search(cf_fit *fit, state *st, double step, double *f) {
  for (int half = 0; half < HALVINGS; half++, step *= 0.5) {
    double promise = 0;
    for (size_t i = 0; i < st->n; i++) {
      st->z1[i] = fmax(0, st->z[i] + step * st->d[i]);
      promise += st->g[i] * (st->z1[i] - st->z[i]);
    }
    const double value = evaluate_at(fit, st, st->z1, st->g1);
    if (promise < 0 && value <= *f + ARMIJO * promise) {
      *f = value;
      return true;
    }
  }
  return false;
}

static void remember(state *st) {
  const size_t at = st->kept == 0 ? 0 : (st->newest + 1) % MEMORY;
  double *s = st->s + at * st->n, *y = st->y + at * st->n;
  for (size_t i = 0; i < st->n; i++) {
    s[i] = st->z1[i] - st->z[i];
    y[i] = st->g1[i] - st->g[i];
  }
  const double sy = cf_dot(st->n, s, y);
  if (!(sy > DBL_EPSILON * cf_dot(st->n, y, y))) return; /* no curvature to learn from */
  st->rho[at] = 1 / sy;
  st->newest = at;
  st->kept = CF_MIN(st->kept + 1, (size_t)MEMORY);
}

static void unit_columns(size_t n, size_t r, double *f) {
  for (size_t j = 0; j < r; j++) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += f[i * r + j] * f[i * r + j];
    const double scale = sum > 0 ? 1 / sqrt(sum) : 0;
    for (size_t i = 0; i < n; i++) f[i * r + j] *= scale;
  }
}

cf_status cf_quasi_newton(cf_context *ctx, cf_fit *fit, const cf_solver_options *o, cf_progress_note *note,
                          double *value, size_t *iterations, bool *converged) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const double half = 0.5 * fit->x->norm2;
  state st = {0};
  CF_TRY(state_new(ctx, fit, &st));
  unit_columns(fit->x->n, fit->r, fit->a);
  unit_columns(fit->x->s, fit->r, fit->b);
  unit_columns(fit->x->p, fit->r, fit->c);
  memcpy(st.z, fit->a, st.na * sizeof *st.z);
  memcpy(st.z + st.na, fit->b, st.nb * sizeof *st.z);
  memcpy(st.z + st.na + st.nb, fit->c, st.nc * sizeof *st.z);
  double f = evaluate_at(fit, &st, st.z, st.g);
  size_t done_iterations = 0;
  *converged = false;
  for (; done_iterations < o->most && !*converged; done_iterations++) {
    CF_TRY(cf_check_cancel(ctx));
    direction(&st);
    const double before = f, step = st.kept > 0 ? 1 : 1 / sqrt(cf_dot(st.n, st.g, st.g));
    if (!search(fit, &st, step, &f)) {
      *converged = st.kept == 0;
      if (*converged) break; /* not even along the gradient */
      st.kept = 0;
      continue;
    }
    remember(&st);
    memcpy(st.z, st.z1, st.n * sizeof *st.z);
    memcpy(st.g, st.g1, st.n * sizeof *st.g);
    if (note && note->count < note->capacity) note->trace[note->count++] = 100 * fmax(0, f) / half;
    *converged = projected_gradient(&st) <= PGTOL || before - f <= o->tolerance * fabs(f);
  }
  *value = evaluate_at(fit, &st, st.z, st.g);
  *iterations += done_iterations;
done:
  cf_scratch_release(ctx, mark);
  return status;
}
