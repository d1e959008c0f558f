/* The data of a factorisation, and what is computed from them as they are: exact shifts and residuals of given factors.
 *
 *   k(n,s) = argmax_k sum_{d,t} X[n,s,(d-k) mod D,t] M[n,s,d,t], ties to the smallest k
 *   f = 1/2 sum (Xs - M)^2, summed as it stands: a perfect fit gives zero and not rounding of the data's squares. */
#include "tensor/internal.h"

#include <cortifold/linalg.h>
#include <float.h>
#include <math.h>
#include <string.h>

/* ------------------------------------------------------------- the data -- */

static void copy_maps(const cf_view *v, cf_tensor *x) {
  double *out = x->x;
  for (size_t n = 0; n < x->n; n++)
    for (size_t s = 0; s < x->s; s++) {
      const double *map = v->data + (ptrdiff_t)n * v->stride[0] + (ptrdiff_t)s * v->stride[1];
      for (size_t t = 0; t < x->t; t++)
        for (size_t d = 0; d < x->d; d++) *out++ = map[(ptrdiff_t)d * v->stride[2] + (ptrdiff_t)t * v->stride[3]];
    }
}

/* Neurons by falling energy; equal ones as they stand. Shell's sort keeps the code short. */
static void sort_neurons(size_t n, const double *energy, size_t *order) {
  for (size_t i = 0; i < n; i++) order[i] = i;
  size_t gap = 1;
  while (gap < n / 3) gap = 3 * gap + 1;
  for (; gap > 0; gap /= 3)
    for (size_t i = gap; i < n; i++) {
      const size_t v = order[i];
      size_t j = i;
      for (; j >= gap; j -= gap) {
        const size_t u = order[j - gap];
        if (energy[u] > energy[v] || (u < v && energy[u] == energy[v])) break; /* NOLINT: exact ties by index */
        order[j] = u;
      }
      order[j] = v;
    }
}

/* Norm of a map less its mean over directions at each time. */
static double varying_norm(size_t d, size_t times, const double *x) {
  double sum = 0;
  for (size_t t = 0; t < times; t++, x += d) {
    double mean = 0;
    for (size_t e = 0; e < d; e++) mean += x[e] / (double)d;
    for (size_t e = 0; e < d; e++) sum += (x[e] - mean) * (x[e] - mean);
  }
  return sqrt(sum);
}

static cf_status measure(cf_context *ctx, cf_tensor *x) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *energy;
  CF_TRY(CF_SCRATCH(ctx, &energy, x->n));
  for (size_t n = 0; n < x->n; n++) {
    energy[n] = 0;
    for (size_t s = 0; s < x->s; s++) {
      const size_t m = n * x->s + s;
      x->norm[m] = cf_norm2(x->p, x->x + m * x->p);
      x->varying[m] = varying_norm(x->d, x->t, x->x + m * x->p);
      energy[n] += x->norm[m] * x->norm[m];
    }
    x->norm2 += energy[n];
  }
  sort_neurons(x->n, energy, x->order);
  if (!(x->norm2 > 0))
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "all %zu responses are zero (or too small to square); there is nothing to factor",
                   x->maps * x->p));
  if (!isfinite(x->norm2)) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "the squares of the responses overflow; rescale them"));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_tensor_new(cf_context *ctx, const cf_view *responses, bool shift, cf_tensor **out) {
  cf_status status = CF_OK;
  cf_tensor *x = NULL;
  size_t count = 0;
  if (responses->ndim != 4)
    return cf_fail(ctx, CF_ERR_INPUT,
                   "responses have %d axes; four are needed: neuron, stimulus, direction, time (one entry is enough)",
                   responses->ndim);
  for (int i = 0; i < 4; i++)
    if (responses->shape[i] == 0) return cf_fail(ctx, CF_ERR_INPUT, "responses: axis %d is empty", i);
  CF_TRY(cf_view_check_finite(ctx, responses, "responses"));
  CF_TRY(CF_ALLOC(ctx, &x, 1));
  x->n = responses->shape[0];
  x->s = responses->shape[1];
  x->d = responses->shape[2];
  x->t = responses->shape[3];
  x->shift = shift;
  CF_TRY(cf_size_mul(ctx, x->d, x->t, &x->p));
  CF_TRY(cf_size_mul(ctx, x->n, x->s, &x->maps));
  CF_TRY(cf_size_mul(ctx, x->maps, x->p, &count));
  if (x->maps > INT32_MAX || x->p > INT32_MAX)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "responses: %zu maps of %zu values are too many for BLAS", x->maps, x->p));
  CF_TRY(CF_ALLOC(ctx, &x->x, count));
  CF_TRY(CF_ALLOC(ctx, &x->norm, x->maps));
  CF_TRY(CF_ALLOC(ctx, &x->varying, x->maps));
  CF_TRY(CF_ALLOC(ctx, &x->order, x->n));
  copy_maps(responses, x);
  CF_TRY(measure(ctx, x));
  *out = x;
  return CF_OK;
done:
  cf_tensor_free(x);
  return status;
}

void cf_tensor_free(cf_tensor *tensor) {
  if (!tensor) return;
  cf_free(tensor->x);
  cf_free(tensor->norm);
  cf_free(tensor->varying);
  cf_free(tensor->order);
  cf_free(tensor);
}

/* ---------------------------------------------------- shifts, residuals -- */

/* scores[k] = sum_{t,b} x[t, (b-k) mod D] m[t, b]; q is D x D. */
CF_CLONES static void correlate(size_t d, size_t times, const double *x, const double *m, double *q, double *scores) {
  memset(q, 0, d * d * sizeof *q);
  for (size_t t = 0; t < times; t++, x += d, m += d)
    for (size_t a = 0; a < d; a++)
      for (size_t b = 0; b < d; b++) q[a * d + b] += x[a] * m[b];
  for (size_t k = 0; k < d; k++) {
    double score = 0;
    for (size_t b = 0; b < d; b++) score += q[(b >= k ? b - k : b + d - k) * d + b];
    scores[k] = score;
  }
}

/* Models of the maps of one neuron: (A_n o B) C', S x P. */
static void neuron_model(const cf_tensor *x, size_t r, const double *a, const double *b, const double *c,
                         double *weights, double *model) {
  for (size_t s = 0; s < x->s; s++)
    for (size_t i = 0; i < r; i++) weights[s * r + i] = a[i] * b[s * r + i];
  cf_gemm_serial(false, true, x->s, x->p, r, 1, weights, r, c, r, 0, model, x->p);
}

typedef struct job {
  const cf_tensor *x;
  size_t r;
  const double *a, *b, *c;
  int32_t *shift;
  const int32_t *held;
  double *by_neuron;
} job;

static cf_status shift_neuron(cf_context *worker, size_t n, void *payload) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  const job *j = payload;
  const cf_tensor *x = j->x;
  double *weights, *model, *q, *scores;
  CF_TRY(CF_SCRATCH(worker, &weights, x->s * j->r));
  CF_TRY(CF_SCRATCH(worker, &model, x->s * x->p));
  CF_TRY(CF_SCRATCH(worker, &q, x->d * x->d));
  CF_TRY(CF_SCRATCH(worker, &scores, x->d));
  neuron_model(x, j->r, j->a + n * j->r, j->b, j->c, weights, model);
  for (size_t s = 0; s < x->s; s++) {
    const size_t m = n * x->s + s;
    j->shift[m] = 0;
    if (!x->shift || x->norm[m] <= 0) continue;
    correlate(x->d, x->t, x->x + m * x->p, model + s * x->p, q, scores);
    double best = scores[0];
    for (size_t k = 1; k < x->d; k++) best = fmax(best, scores[k]);
    /* equal but for rounding is a tie */
    best -= 8 * DBL_EPSILON * x->norm[m] * cf_norm2(x->p, model + s * x->p);
    size_t k = 0;
    while (scores[k] < best) k++;
    j->shift[m] = (int32_t)k;
  }
done:
  cf_scratch_release(worker, mark);
  return status;
}

cf_status cf_tensor_shifts(cf_context *ctx, const cf_tensor *x, size_t r, const double *a, const double *b,
                           const double *c, int32_t *shift) {
  job j = {.x = x, .r = r, .a = a, .b = b, .c = c, .shift = shift};
  return cf_parallel_for(ctx, x->n, shift_neuron, &j);
}

static cf_status residual_neuron(cf_context *worker, size_t n, void *payload) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  const job *j = payload;
  const cf_tensor *x = j->x;
  double *weights, *model, sum = 0;
  CF_TRY(CF_SCRATCH(worker, &weights, x->s * j->r));
  CF_TRY(CF_SCRATCH(worker, &model, x->s * x->p));
  neuron_model(x, j->r, j->a + n * j->r, j->b, j->c, weights, model);
  for (size_t s = 0; s < x->s; s++) {
    const size_t m = n * x->s + s, k = j->held ? (size_t)j->held[m] : 0;
    const double *map = x->x + m * x->p, *y = model + s * x->p;
    for (size_t t = 0; t < x->t; t++, map += x->d, y += x->d)
      for (size_t d = 0; d < x->d; d++) {
        const double rest = map[d >= k ? d - k : d + x->d - k] - y[d];
        sum += rest * rest;
      }
  }
  j->by_neuron[n] = sum;
done:
  cf_scratch_release(worker, mark);
  return status;
}

cf_status cf_tensor_residual(cf_context *ctx, const cf_tensor *x, size_t r, const double *a, const double *b,
                             const double *c, const int32_t *shift, double *by_neuron) {
  job j = {.x = x, .r = r, .a = a, .b = b, .c = c, .held = shift, .by_neuron = by_neuron};
  return cf_parallel_for(ctx, x->n, residual_neuron, &j);
}
