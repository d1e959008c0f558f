/* How many dimensions the neural factors fill, and how well restarts agree.
 *
 * Effective dimension: H = (I - 11'/R) A' for unit-norm A (N x R), s its singular values, E = sum s_i^2 / s_1^2; from
 * the eigenvalues of the R x R matrix H H' = (I - 11'/R) A'A (I - 11'/R). Dyballa et al., PNAS 121, e2317773121 (2024).
 * Congruence: Tucker's product of cosines of matched components; matching by linear assignment. Lorenzo-Seva & ten
 * Berge, Methodology 2, 57 (2006); Tomasi & Bro, Comput. Stat. Data Anal. 50, 1700 (2006). */
#include "tensor/internal.h"

#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

/* E of the Gram matrix g (r x r) of the columns, which is destroyed. */
static cf_status dimension_of(cf_context *ctx, size_t r, double *g, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *values, *mean, total = 0, sum = 0;
  CF_TRY(CF_SCRATCH(ctx, &values, r));
  CF_TRY(CF_SCRATCH(ctx, &mean, r));
  for (size_t i = 0; i < r; i++) {
    mean[i] = 0;
    for (size_t j = 0; j < r; j++) mean[i] += g[i * r + j] / (double)r;
    total += mean[i] / (double)r;
  }
  for (size_t i = 0; i < r; i++)
    for (size_t j = 0; j < r; j++) g[i * r + j] += total - mean[i] - mean[j];
  CF_TRY(cf_eigh(ctx, r, g, values, NULL));
  for (size_t i = 0; i < r; i++) sum += fmax(0, values[i]);
  *out = r > 1 && values[r - 1] > 0 ? sum / values[r - 1] : NAN;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Of the first `count` of the columns. */
static cf_status dimension_of_columns(cf_context *ctx, size_t n, size_t rank, size_t count, const double *a,
                                      double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *g;
  CF_TRY(CF_SCRATCH(ctx, &g, count * count));
  CF_TRY(cf_gemm(ctx, true, false, count, count, n, 1, a, rank, a, rank, 0, g, count));
  /* unit norm, whatever the columns' lengths */
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < i; j++)
      g[i * count + j] = g[j * count + i] = g[i * count + i] > 0 && g[j * count + j] > 0
                                                ? g[i * count + j] / sqrt(g[i * count + i] * g[j * count + j])
                                                : 0;
  for (size_t i = 0; i < count; i++) g[i * count + i] = g[i * count + i] > 0;
  CF_TRY(dimension_of(ctx, count, g, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_effective_dimension(cf_context *ctx, size_t neurons, size_t rank, const double *neuron, double *out) {
  return dimension_of_columns(ctx, neurons, rank, rank, neuron, out);
}

cf_status cf_factors_dimension(cf_context *ctx, const cf_factors *f, double *out) {
  return dimension_of_columns(ctx, f->neurons, f->rank, f->alive, f->neuron, out);
}

/* ------------------------------------------------------------ congruence -- */

/* Largest inner product of pattern i of a with pattern j of b over rotations of the direction axis. */
static double rotated_product(const cf_factors *a, size_t i, const cf_factors *b, size_t j, size_t rotations) {
  const size_t d = a->directions, r = a->rank;
  double best = 0;
  for (size_t k = 0; k < rotations; k++) {
    double sum = 0;
    for (size_t t = 0; t < a->times; t++)
      for (size_t e = 0; e < d; e++)
        sum += a->pattern[(t * d + e) * r + i] * b->pattern[(t * d + (e >= k ? e - k : e + d - k)) * r + j];
    best = fmax(best, sum);
  }
  return best;
}

cf_status cf_factor_congruence(cf_context *ctx, const cf_factors *a, const cf_factors *b, bool rotate, double *out,
                               size_t *match, double *each) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t r = a->rank;
  double *cost, *stimulus, sum = 0;
  size_t *column;
  if (a->rank != b->rank || a->neurons != b->neurons || a->stimuli != b->stimuli || a->directions != b->directions ||
      a->times != b->times)
    return cf_fail(ctx, CF_ERR_USAGE, "factorisations of different shapes or ranks (%zu, %zu) have no congruence",
                   a->rank, b->rank);
  CF_TRY(CF_SCRATCH(ctx, &cost, r * r));
  CF_TRY(CF_SCRATCH(ctx, &stimulus, r * r));
  CF_TRY(CF_SCRATCH(ctx, &column, r));
  CF_TRY(cf_gemm(ctx, true, false, r, r, a->neurons, -1, a->neuron, r, b->neuron, r, 0, cost, r));
  CF_TRY(cf_gemm(ctx, true, false, r, r, a->stimuli, 1, a->stimulus, r, b->stimulus, r, 0, stimulus, r));
  for (size_t i = 0; i < r; i++)
    for (size_t j = 0; j < r; j++) {
      const bool dead_a = !(a->lambda[i] > 0), dead_b = !(b->lambda[j] > 0);
      double *c = cost + i * r + j;
      if (dead_a || dead_b)
        *c = dead_a && dead_b ? -1 : 0;
      else if (*c != 0) /* NOLINT: sparse factors are often orthogonal */
        *c *= stimulus[i * r + j] * rotated_product(a, i, b, j, rotate ? a->directions : 1);
    }
  CF_TRY(cf_assignment(ctx, r, cost, column));
  for (size_t i = 0; i < r; i++) {
    const double product = -cost[i * r + column[i]];
    sum += product;
    if (match) match[i] = column[i];
    if (each) each[i] = product;
  }
  *out = sum / (double)r;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static void mean_sd(size_t n, const double *x, double *mean, double *sd) {
  double sum = 0, squares = 0;
  for (size_t i = 0; i < n; i++) sum += x[i];
  *mean = sum / (double)n;
  for (size_t i = 0; i < n; i++) squares += (x[i] - *mean) * (x[i] - *mean);
  *sd = sqrt(squares / (double)n);
}

typedef struct job {
  const cf_factorisation *f;
  bool rotate;
  double *congruence, *dimension, *error;
} job;

static cf_status compare_restart(cf_context *worker, size_t i, void *payload) {
  cf_status status = CF_OK;
  const job *j = payload;
  const cf_factors *f = j->f->restart[i];
  j->error[i] = f->error_percent;
  j->congruence[i] = 1;
  CF_TRY(cf_factors_dimension(worker, f, &j->dimension[i]));
  if (i > 0) CF_TRY(cf_factor_congruence(worker, j->f->restart[0], f, j->rotate, &j->congruence[i], NULL, NULL));
done:
  return status;
}

cf_status cf_factorisation_agreement(cf_context *ctx, const cf_factorisation *f, bool rotate, double *congruence,
                                     double *dimension, cf_restart_agreement *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  job j = {.f = f, .rotate = rotate, .congruence = congruence, .dimension = dimension};
  double unused;
  if (!congruence) CF_TRY(CF_SCRATCH(ctx, &j.congruence, f->restarts));
  if (!dimension) CF_TRY(CF_SCRATCH(ctx, &j.dimension, f->restarts));
  CF_TRY(CF_SCRATCH(ctx, &j.error, f->restarts));
  CF_TRY(cf_parallel_for(ctx, f->restarts, compare_restart, &j));
  mean_sd(f->restarts, j.dimension, &out->dimension_mean, &out->dimension_sd);
  mean_sd(f->restarts, j.error, &out->error_mean, &out->error_sd);
  out->congruence_mean = out->congruence_min = NAN;
  if (f->restarts > 1) {
    mean_sd(f->restarts - 1, j.congruence + 1, &out->congruence_mean, &unused);
    out->congruence_min = j.congruence[1];
    for (size_t i = 2; i < f->restarts; i++) out->congruence_min = fmin(out->congruence_min, j.congruence[i]);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
