/* One factorisation as it is handed to the caller: unit-norm columns, lambda descending. */
#include "tensor/internal.h"

#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

#define DEAD 1e-9 /* of the largest lambda */

void cf_factors_free(cf_factors *f) {
  if (!f) return;
  cf_free(f->neuron);
  cf_free(f->stimulus);
  cf_free(f->pattern);
  cf_free(f->lambda);
  cf_free(f->shift);
  cf_free(f->residual);
  cf_free(f->trace);
  cf_free(f);
}

cf_status cf_factors_new(cf_context *ctx, size_t neurons, size_t stimuli, size_t directions, size_t times, size_t rank,
                         cf_factors **out) {
  cf_status status = CF_OK;
  cf_factors *f = NULL;
  size_t a, b, c, maps;
  CF_TRY(CF_ALLOC(ctx, &f, 1));
  f->neurons = neurons;
  f->stimuli = stimuli;
  f->directions = directions;
  f->times = times;
  f->rank = rank;
  CF_TRY(cf_size_mul(ctx, directions, times, &f->patterns));
  CF_TRY(cf_size_mul(ctx, neurons, rank, &a));
  CF_TRY(cf_size_mul(ctx, stimuli, rank, &b));
  CF_TRY(cf_size_mul(ctx, f->patterns, rank, &c));
  CF_TRY(cf_size_mul(ctx, neurons, stimuli, &maps));
  CF_TRY(CF_ALLOC(ctx, &f->neuron, a));
  CF_TRY(CF_ALLOC(ctx, &f->stimulus, b));
  CF_TRY(CF_ALLOC(ctx, &f->pattern, c));
  CF_TRY(CF_ALLOC(ctx, &f->lambda, rank));
  CF_TRY(CF_ALLOC(ctx, &f->shift, maps));
  CF_TRY(CF_ALLOC(ctx, &f->residual, neurons));
  for (size_t r = 0; r < rank; r++) f->lambda[r] = 1;
  *out = f;
  return CF_OK;
done:
  cf_factors_free(f);
  return status;
}

/* Divides column r by its norm, which is returned; a column of zeros stays. */
static double unit_column(size_t n, size_t rank, size_t r, double *f) {
  double largest = 0, sum = 0;
  for (size_t i = 0; i < n; i++) largest = fmax(largest, fabs(f[i * rank + r]));
  if (!(largest > 0)) return 0;
  for (size_t i = 0; i < n; i++) sum += (f[i * rank + r] / largest) * (f[i * rank + r] / largest);
  const double norm = largest * sqrt(sum);
  for (size_t i = 0; i < n; i++) f[i * rank + r] /= norm;
  return norm;
}

static void constant_column(size_t n, size_t rank, size_t r, double *f) {
  for (size_t i = 0; i < n; i++) f[i * rank + r] = 1 / sqrt((double)n);
}

static void reorder(size_t n, size_t rank, const size_t *order, double *row, double *f) {
  for (size_t i = 0; i < n; i++, f += rank) {
    memcpy(row, f, rank * sizeof *row);
    for (size_t r = 0; r < rank; r++) f[r] = row[order[r]];
  }
}

cf_status cf_factors_normalise(cf_context *ctx, cf_factors *f) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t rank = f->rank;
  size_t *order;
  double *row, largest = 0;
  CF_TRY(CF_SCRATCH(ctx, &order, rank));
  CF_TRY(CF_SCRATCH(ctx, &row, rank));
  for (size_t r = 0; r < rank; r++) {
    const double na = unit_column(f->neurons, rank, r, f->neuron), nb = unit_column(f->stimuli, rank, r, f->stimulus),
                 nc = unit_column(f->patterns, rank, r, f->pattern);
    f->lambda[r] *= na * nb * nc;
    largest = fmax(largest, f->lambda[r]);
  }
  f->alive = 0;
  for (size_t r = 0; r < rank; r++) {
    if (f->lambda[r] > DEAD * largest) {
      f->alive++;
    } else {
      f->lambda[r] = 0;
      constant_column(f->neurons, rank, r, f->neuron);
      constant_column(f->stimuli, rank, r, f->stimulus);
      constant_column(f->patterns, rank, r, f->pattern);
    }
    size_t at = r; /* insertion keeps equal ones in their order */
    for (; at > 0 && f->lambda[order[at - 1]] < f->lambda[r]; at--) order[at] = order[at - 1];
    order[at] = r;
  }
  reorder(f->neurons, rank, order, row, f->neuron);
  reorder(f->stimuli, rank, order, row, f->stimulus);
  reorder(f->patterns, rank, order, row, f->pattern);
  reorder(1, rank, order, row, f->lambda);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

void cf_factorisation_free(cf_factorisation *f) {
  if (!f) return;
  for (size_t i = 0; f->restart && i < f->restarts; i++) cf_factors_free(f->restart[i]);
  cf_free(f->restart);
  cf_free(f);
}

cf_status cf_factorisation_join(cf_context *ctx, cf_factorisation *a, cf_factorisation *b) {
  cf_status status = CF_OK;
  cf_factors **all = NULL;
  CF_TRY(CF_ALLOC(ctx, &all, a->restarts + b->restarts));
  size_t i = 0, j = 0, at = 0;
  while (i < a->restarts || j < b->restarts) { /* ties: the first piece first */
    const bool first =
        j == b->restarts || (i < a->restarts && a->restart[i]->error_percent <= b->restart[j]->error_percent);
    all[at++] = first ? a->restart[i++] : b->restart[j++];
  }
  cf_free(a->restart);
  a->restart = all;
  a->restarts = at;
  b->restarts = 0;
done:
  cf_factorisation_free(b);
  return status;
}

/* Adds w times component c, turned back by k directions, to one map (directions x times). */
static void add_component(const cf_factors *f, size_t c, double w, size_t k, double *map) {
  const size_t D = f->directions, T = f->times;
  for (size_t d = 0; d < D; d++) /* the data at d stand at d + k in the model */
    for (size_t t = 0; t < T; t++) map[d * T + t] += w * f->pattern[((d + k) % D + D * t) * f->rank + c];
}

void cf_factors_rebuild(const cf_factors *f, double *out) {
  const size_t S = f->stimuli, R = f->rank;
  memset(out, 0, f->neurons * S * f->patterns * sizeof *out);
  for (size_t i = 0; i < f->neurons * S; i++)
    for (size_t c = 0; c < R; c++) {
      const double w = f->lambda[c] * f->neuron[i / S * R + c] * f->stimulus[i % S * R + c];
      if (w != 0) add_component(f, c, w, (size_t)f->shift[i], out + i * f->patterns);
    }
}
