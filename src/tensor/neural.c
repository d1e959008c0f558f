/* The neural matrix: how strongly each neuron takes part in each component, found anew from its own responses.
 *
 *   h_r = (B_r / max_s B_sr) (x) C_r,  x_n = argmin_{x >= 0} ||z_n - H x||^2,  Y = sqrt(x)
 * with z_n the aligned maps of neuron n, one stimulus after the other. H is never made: H'H = (B'B) o (C'C) and
 * H'z = sum_s B_s o (C' z_s). Maps that the fit had set to zero have no shift of their own: all D common rotations of
 * them are tried. Dyballa et al., PNAS 121, e2317773121 (2024); NNLS: Lawson & Hanson (1974). */
#include "tensor/internal.h"

#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

typedef struct job {
  const cf_factors *f;
  const cf_view *v;
  const bool *zeroed;
  size_t live;       /* components that take part */
  double *b, *c, *g; /* S x live (largest of a column 1), P x live, live x live */
  double *matrix;
  int32_t *rotation;
} job;

/* y += b o (C' z) for the map of stimulus s moved on by k. */
static void add_map(const job *j, size_t n, size_t s, size_t k, double *y) {
  const cf_view *v = j->v;
  const size_t d = j->f->directions, r = j->live;
  const double *map = v->data + (ptrdiff_t)n * v->stride[0] + (ptrdiff_t)s * v->stride[1], *c = j->c;
  for (size_t t = 0; t < j->f->times; t++)
    for (size_t e = 0; e < d; e++, c += r) {
      const size_t from = e >= k ? e - k : e + d - k;
      const double x = map[(ptrdiff_t)from * v->stride[2] + (ptrdiff_t)t * v->stride[3]];
      for (size_t i = 0; i < r; i++) y[i] += x * j->b[s * r + i] * c[i];
    }
}

/* 1/2 ||z - H x||^2 but for the constant. */
static double cost_of(size_t r, const double *g, const double *y, const double *x) {
  double cost = 0;
  for (size_t i = 0; i < r; i++) cost += x[i] * (0.5 * cf_dot(r, g + i * r, x) - y[i]);
  return cost;
}

static cf_status fit_neuron(cf_context *worker, size_t n, void *payload) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  const job *j = payload;
  const cf_factors *f = j->f;
  const size_t r = j->live;
  double *fixed, *y, *x, best = INFINITY;
  bool any = false;
  CF_TRY(cf_check_cancel(worker));
  CF_TRY(CF_SCRATCH(worker, &fixed, r));
  CF_TRY(CF_SCRATCH(worker, &y, r));
  CF_TRY(CF_SCRATCH(worker, &x, r));
  memset(fixed, 0, r * sizeof *fixed);
  for (size_t s = 0; s < f->stimuli; s++) {
    if (j->zeroed && j->zeroed[n * f->stimuli + s])
      any = true;
    else
      add_map(j, n, s, (size_t)f->shift[n * f->stimuli + s], fixed);
  }
  if (j->rotation) j->rotation[n] = 0;
  for (size_t k = 0; k < (any ? f->directions : 1); k++) {
    memcpy(y, fixed, r * sizeof *y);
    for (size_t s = 0; any && s < f->stimuli; s++)
      if (j->zeroed[n * f->stimuli + s]) add_map(j, n, s, k, y);
    status = cf_nnls(worker, r, j->g, y, x);
    if (status != CF_OK) {
      status = cf_explain(worker, status, "neural matrix, neuron %zu", n);
      goto done;
    }
    const double cost = cost_of(r, j->g, y, x);
    if (!(cost < best - 1e-12 * fabs(best)) && k > 0) continue;
    best = cost;
    for (size_t i = 0; i < r; i++) j->matrix[n * f->rank + i] = sqrt(fmax(0, x[i]));
    if (j->rotation) j->rotation[n] = (int32_t)k;
  }
done:
  cf_scratch_release(worker, mark);
  return status;
}

static double largest_weight(const cf_factors *f, size_t r) {
  double largest = 0;
  for (size_t s = 0; s < f->stimuli; s++) largest = fmax(largest, f->stimulus[s * f->rank + r]);
  return largest;
}

/* Without responses the neuron's maps are its own rows of the model: x = lambda A max_s B. */
static void closed_form(const cf_factors *f, double *matrix) {
  for (size_t r = 0; r < f->rank; r++) {
    const double scale = f->lambda[r] * largest_weight(f, r);
    for (size_t n = 0; n < f->neurons; n++) matrix[n * f->rank + r] = sqrt(scale * f->neuron[n * f->rank + r]);
  }
}

cf_status cf_neural_matrix(cf_context *ctx, const cf_factors *f, const cf_view *responses, const bool *zeroed,
                           double *matrix, int32_t *rotation) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  job j = {.f = f, .v = responses, .zeroed = zeroed, .matrix = matrix, .rotation = rotation, .live = f->alive};
  if (!responses) {
    closed_form(f, matrix);
    if (rotation) memset(rotation, 0, f->neurons * sizeof *rotation);
    return CF_OK;
  }
  const size_t shape[4] = {f->neurons, f->stimuli, f->directions, f->times};
  for (int i = 0; i < 4; i++)
    if (responses->ndim != 4 || responses->shape[i] != shape[i])
      return cf_fail(ctx, CF_ERR_INPUT, "responses do not have the factors' shape (%zu, %zu, %zu, %zu)", shape[0],
                     shape[1], shape[2], shape[3]);
  CF_TRY(cf_view_check_finite(ctx, responses, "responses"));
  const size_t r = j.live;
  double *gb;
  CF_TRY(CF_SCRATCH(ctx, &j.b, f->stimuli * r));
  CF_TRY(CF_SCRATCH(ctx, &j.c, f->patterns * r));
  CF_TRY(CF_SCRATCH(ctx, &j.g, r * r));
  CF_TRY(CF_SCRATCH(ctx, &gb, r * r));
  for (size_t i = 0; i < r; i++) {
    const double largest = largest_weight(f, i);
    for (size_t s = 0; s < f->stimuli; s++) j.b[s * r + i] = largest > 0 ? f->stimulus[s * f->rank + i] / largest : 0;
    for (size_t p = 0; p < f->patterns; p++) j.c[p * r + i] = f->pattern[p * f->rank + i];
  }
  cf_factor_gram(f->stimuli, r, j.b, gb);
  cf_factor_gram(f->patterns, r, j.c, j.g);
  for (size_t i = 0; i < r * r; i++) j.g[i] *= gb[i];
  memset(matrix, 0, f->neurons * f->rank * sizeof *matrix);
  CF_TRY(cf_parallel_for(ctx, f->neurons, fit_neuron, &j));
done:
  cf_scratch_release(ctx, mark);
  return status;
}
