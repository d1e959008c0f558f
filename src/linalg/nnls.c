/* Non-negative least squares, min_x ||A x - b|| subject to x >= 0, from A'A and A'b.
 *
 * Active sets: P holds the free variables, the others are zero. Repeat: free the variable with the largest gradient
 * w = A'b - A'A x; solve on P; while the solution s has entries <= 0, move from x towards s until the first of them
 * reaches zero, drop it from P and solve again. Ends when w <= 0 outside P (Karush-Kuhn-Tucker).
 * Lawson & Hanson, Solving Least Squares Problems, 1974, chapter 23; on normal equations: Bro & De Jong, J.
 * Chemometrics 11, 393 (1997). */
#include "base/internal.h"

#include <cortifold/linalg.h>
#include <float.h>
#include <math.h>
#include <string.h>

typedef struct active {
  size_t n, count;
  const double *ata, *atb;
  bool *free, *barred;            /* barred: freeing it would make the free columns dependent, until x has moved */
  size_t *index;                  /* free variables, ascending */
  double *x, *solution, *sub, *w; /* n, n, n x n, n */
} active;

/* Solution on the free set into solution (zero elsewhere). CF_ERR_NUMERIC when its columns are dependent. */
static cf_status solve_free(cf_context *ctx, active *s) {
  s->count = 0;
  for (size_t i = 0; i < s->n; i++)
    if (s->free[i]) s->index[s->count++] = i;
  size_t p = s->count;
  for (size_t i = 0; i < p; i++) {
    for (size_t j = 0; j < p; j++) s->sub[i * p + j] = s->ata[s->index[i] * s->n + s->index[j]];
    s->w[i] = s->atb[s->index[i]];
  }
  cf_status status = cf_solve_spd(ctx, p, s->sub, 1, s->w);
  if (status != CF_OK) return status;
  memset(s->solution, 0, s->n * sizeof *s->solution);
  for (size_t i = 0; i < p; i++) s->solution[s->index[i]] = s->w[i];
  return CF_OK;
}

static void gradient(active *s) {
  for (size_t i = 0; i < s->n; i++) s->w[i] = s->atb[i] - cf_dot(s->n, s->ata + i * s->n, s->x);
}

/* Steps towards the solution until its first free variable is zero; those at zero become bound. */
static void step_back(active *s) {
  double step = 1;
  size_t blocking = s->index[0];
  for (size_t i = 0; i < s->count; i++) {
    size_t v = s->index[i];
    if (s->solution[v] > 0) continue;
    double part = s->x[v] / (s->x[v] - s->solution[v]);
    if (!(part >= 0)) part = 0;
    if (part <= step) {
      step = part;
      blocking = v;
    }
  }
  for (size_t i = 0; i < s->n; i++) s->x[i] += step * (s->solution[i] - s->x[i]);
  s->x[blocking] = 0;
  for (size_t i = 0; i < s->n; i++)
    if (s->free[i] && s->x[i] <= 0) {
      s->free[i] = false;
      s->x[i] = 0;
    }
}

static bool all_positive(const active *s) {
  for (size_t i = 0; i < s->count; i++)
    if (s->solution[s->index[i]] <= 0) return false;
  return true;
}

static cf_status run_active_set(cf_context *ctx, active *s, double tolerance) {
  for (size_t iteration = 0; iteration <= 30 * s->n; iteration++) {
    size_t best = SIZE_MAX;
    gradient(s);
    for (size_t i = 0; i < s->n; i++)
      if (!s->free[i] && !s->barred[i] && s->w[i] > tolerance && (best == SIZE_MAX || s->w[i] > s->w[best])) best = i;
    if (best == SIZE_MAX) return CF_OK;
    s->free[best] = true;
    cf_status status = solve_free(ctx, s);
    if (status == CF_ERR_NUMERIC || (status == CF_OK && s->solution[best] <= 0)) {
      s->free[best] = false;
      s->barred[best] = true;
      cf_context_clear(ctx);
      continue;
    }
    while (status == CF_OK && !all_positive(s)) {
      step_back(s);
      status = solve_free(ctx, s);
    }
    if (status != CF_OK) return status;
    memcpy(s->x, s->solution, s->n * sizeof *s->x);
    memset(s->barred, 0, s->n * sizeof *s->barred);
  }
  return cf_fail(ctx, CF_ERR_NUMERIC, "non-negative least squares with %zu unknowns did not settle in %zu iterations",
                 s->n, 30 * s->n);
}

cf_status cf_nnls(cf_context *ctx, size_t n, const double *ata, const double *atb, double *x) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  active s = {.n = n, .ata = ata, .atb = atb, .x = x};
  double scale = 0;
  if (n == 0) return CF_OK;
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(atb[i]))
      return cf_fail(ctx, CF_ERR_NUMERIC, "non-negative least squares: right side %zu is not finite", i);
    scale = fmax(scale, fabs(atb[i]));
    x[i] = 0;
  }
  CF_TRY(CF_SCRATCH(ctx, &s.free, n));
  CF_TRY(CF_SCRATCH(ctx, &s.barred, n));
  CF_TRY(CF_SCRATCH(ctx, &s.index, n));
  CF_TRY(CF_SCRATCH(ctx, &s.solution, n));
  CF_TRY(CF_SCRATCH(ctx, &s.sub, n * n));
  CF_TRY(CF_SCRATCH(ctx, &s.w, n));
  memset(s.free, 0, n * sizeof *s.free);
  memset(s.barred, 0, n * sizeof *s.barred);
  CF_TRY(run_active_set(ctx, &s, 10 * DBL_EPSILON * (double)n * scale));
done:
  cf_scratch_release(ctx, mark);
  return status;
}
