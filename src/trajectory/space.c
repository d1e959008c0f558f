/* Principal components of responses whose neurons are drawn several times.
 *
 * X (rows x neurons) is z-scored once: that is each neuron's own affair. With neuron i counted w_i times, the scores
 * are those of X W^(1/2). Eigenvectors v of W^(1/2) X'X W^(1/2) give the scores X W^(1/2) v, so X'X is made once and a
 * replicate costs the top of a matrix of the neurons that were drawn. For many neurons and fewer rows: eigenvectors u
 * of X W X', scores u sqrt(lambda). */
#include "base/internal.h"
#include "trajectory/internal.h"

#include <cortifold/linalg.h>
#include <cortifold/stats.h>
#include <float.h>
#include <math.h>
#include <string.h>

enum { MOST_NEURONS = 4096 };

void cf_space_free(cf_space *s) {
  if (!s) return;
  cf_free(s->x);
  cf_free(s->gram);
  cf_free(s);
}

/* Checks the axes and puts neurons last: rows x neurons. */
static cf_status spread(cf_context *ctx, const cf_view *v, cf_space **out) {
  cf_status status = CF_OK;
  cf_space *s = NULL;
  size_t size;
  if (v->ndim != 4)
    return cf_fail(ctx, CF_ERR_INPUT, "responses have four axes (neuron, stimulus, direction, time), not %d", v->ndim);
  for (int k = 0; k < 4; k++)
    if (v->shape[k] == 0) return cf_fail(ctx, CF_ERR_INPUT, "responses: axis %d is empty", k);
  CF_TRY(cf_view_check_finite(ctx, v, "responses"));
  CF_TRY(CF_ALLOC(ctx, &s, 1));
  s->neurons = v->shape[0];
  s->conditions = v->shape[1] * v->shape[2];
  s->times = v->shape[3];
  s->rows = s->conditions * s->times;
  CF_TRY(cf_size_mul(ctx, s->rows, s->neurons, &size));
  CF_TRY(CF_ALLOC(ctx, &s->x, size));
  const cf_view turned = {v->data,
                          4,
                          {v->shape[1], v->shape[2], v->shape[3], v->shape[0]},
                          {v->stride[1], v->stride[2], v->stride[3], v->stride[0]}};
  cf_view_copy(&turned, s->x);
  *out = s;
  s = NULL;
done:
  cf_space_free(s);
  return status;
}

/* Centres and divides by the sd; a variance that rounding could make counts as none (the bound of Higham for the
 * two-pass variance: n eps var + (n mean eps)^2). */
static cf_status standardise(cf_context *ctx, cf_space *s) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = s->rows, p = s->neurons;
  double *mean, *square;
  CF_TRY(CF_SCRATCH(ctx, &mean, p));
  CF_TRY(CF_SCRATCH(ctx, &square, p));
  cf_center_columns(n, p, s->x, p, mean);
  memset(square, 0, p * sizeof *square);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < p; j++) square[j] += s->x[i * p + j] * s->x[i * p + j];
  for (size_t j = 0; j < p; j++) {
    const double variance = square[j] / (double)n, slip = (double)n * mean[j] * DBL_EPSILON;
    const bool none = variance <= (double)n * DBL_EPSILON * variance + slip * slip;
    s->constant += none;
    square[j] = none ? 1 : 1 / sqrt(variance);
  }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < p; j++) s->x[i * p + j] *= square[j];
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_space_new(cf_context *ctx, const cf_view *responses, cf_space **out) {
  cf_status status = CF_OK;
  cf_space *s = NULL;
  *out = NULL;
  CF_TRY(spread(ctx, responses, &s));
  CF_TRY(standardise(ctx, s));
  const size_t p = s->neurons;
  if (p <= MOST_NEURONS || p <= s->rows) {
    CF_TRY(CF_ALLOC(ctx, &s->gram, p * p));
    CF_TRY(cf_syrk(ctx, true, p, s->rows, 1, s->x, p, 0, s->gram, p));
  }
  *out = s;
  s = NULL;
done:
  cf_space_free(s);
  return status;
}

/* W^(1/2) X'X W^(1/2) over the neurons that count, its top, and the scores. */
static cf_status by_neurons(cf_context *ctx, const cf_space *s, const double *weight, size_t k, double *scores,
                            double *values, double *total) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t p = s->neurons;
  size_t *drawn, n = 0;
  double *gram, *vectors, *wide;
  CF_TRY(CF_SCRATCH(ctx, &drawn, p));
  for (size_t i = 0; i < p; i++)
    if (!weight || weight[i] > 0) drawn[n++] = i;
  CF_TRY(CF_SCRATCH(ctx, &gram, n * n));
  CF_TRY(CF_SCRATCH(ctx, &vectors, k * n));
  CF_TRY(CF_SCRATCH(ctx, &wide, k * p));
  *total = 0;
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) {
      const double w = weight ? sqrt(weight[drawn[i]] * weight[drawn[j]]) : 1;
      gram[i * n + j] = w * s->gram[drawn[i] * p + drawn[j]];
    }
    *total += gram[i * n + i];
  }
  const size_t found = CF_MIN(k, n);
  CF_TRY(cf_eigh_top(ctx, n, gram, found, values, vectors));
  memset(wide, 0, k * p * sizeof *wide);
  for (size_t c = 0; c < k; c++) {
    if (c >= found) values[c] = 0;
    for (size_t i = 0; i < n && c < found; i++)
      wide[c * p + drawn[i]] = vectors[c * n + i] * (weight ? sqrt(weight[drawn[i]]) : 1);
  }
  CF_TRY(cf_gemm(ctx, false, true, s->rows, k, p, 1, s->x, p, wide, p, 0, scores, k));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status by_rows(cf_context *ctx, const cf_space *s, const double *weight, size_t k, double *scores,
                         double *values, double *total) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = s->rows, p = s->neurons;
  double *gram, *vectors, *x = s->x;
  CF_TRY(CF_SCRATCH(ctx, &gram, n * n));
  CF_TRY(CF_SCRATCH(ctx, &vectors, k * n));
  if (weight) {
    CF_TRY(CF_SCRATCH(ctx, &x, n * p));
    for (size_t i = 0; i < n; i++)
      for (size_t j = 0; j < p; j++) x[i * p + j] = s->x[i * p + j] * sqrt(weight[j]);
  }
  CF_TRY(cf_syrk(ctx, false, n, p, 1, x, p, 0, gram, n));
  *total = 0;
  for (size_t i = 0; i < n; i++) *total += gram[i * n + i];
  CF_TRY(cf_eigh_top(ctx, n, gram, k, values, vectors));
  for (size_t c = 0; c < k; c++)
    for (size_t i = 0; i < n; i++) scores[i * k + c] = vectors[c * n + i] * sqrt(fmax(0, values[c]));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_space_scores(cf_context *ctx, const cf_space *s, const double *weight, size_t k, double *scores,
                          double *ratio) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *values, total = 0;
  CF_TRY(CF_SCRATCH(ctx, &values, k));
  if (s->gram)
    CF_TRY(by_neurons(ctx, s, weight, k, scores, values, &total));
  else
    CF_TRY(by_rows(ctx, s, weight, k, scores, values, &total));
  for (size_t c = 0; ratio && c < k; c++) ratio[c] = total > 0 ? values[c] / total : NAN;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ---------------------------------------------------------------- manifolds -- */

cf_status cf_decoding_manifold(cf_context *ctx, const cf_view *responses, size_t k, double *coordinates,
                               double *ratio) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_space *s = NULL;
  double *mean;
  CF_TRY(spread(ctx, responses, &s));
  const size_t p = s->neurons;
  if (k < 1 || k > CF_MIN(p, s->conditions))
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "%zu axes of %zu conditions and %zu neurons: there are at most %zu", k,
                   s->conditions, p, CF_MIN(p, s->conditions)));
  CF_TRY(CF_SCRATCH(ctx, &mean, s->conditions * p));
  memset(mean, 0, s->conditions * p * sizeof *mean);
  for (size_t r = 0; r < s->rows; r++)
    for (size_t j = 0; j < p; j++) mean[r / s->times * p + j] += s->x[r * p + j] / (double)s->times;
  const cf_view v = cf_view_matrix(mean, s->conditions, p);
  CF_TRY(cf_pca(ctx, &v, k, NULL, coordinates, NULL, ratio, NULL));
done:
  cf_space_free(s);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_decoding_trajectories(cf_context *ctx, const cf_view *responses, size_t k, bool zscore,
                                   double *coordinates, double *ratio) {
  cf_status status = CF_OK;
  cf_space *s = NULL;
  CF_TRY(spread(ctx, responses, &s));
  if (k < 1 || k > CF_MIN(s->neurons, s->rows))
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "%zu axes of %zu rows and %zu neurons: there are at most %zu", k, s->rows,
                   s->neurons, CF_MIN(s->neurons, s->rows)));
  if (zscore) CF_TRY(standardise(ctx, s));
  const cf_view v = cf_view_matrix(s->x, s->rows, s->neurons);
  CF_TRY(cf_pca(ctx, &v, k, NULL, coordinates, NULL, ratio, NULL));
done:
  cf_space_free(s);
  return status;
}
