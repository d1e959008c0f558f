/* Multinomial logistic regression with L2 penalty in the space of the samples.
 *
 *   f(W, b) = c sum_i [ log sum_k exp(w_k . z_i + b_k) - (w_y . z_i + b_y) ] + 1/2 |W|^2
 *
 * The optimal weights lie in the span of the samples, so n samples of any number of features are rotated to at most n
 * coordinates z (principal axes of the Gram matrix; shifts go into b). Along axis j the curvature is between 1 and
 * 1 + c s_j^2 / 2 (Boehning 1992), s_j^2 the sum of squares of the coordinate: weights are scaled by
 * sqrt(1 + c s_j^2 / (6 classes)), found to serve, and L-BFGS with a strong Wolfe search does the rest (Liu & Nocedal
 * 1989; Nocedal & Wright, Numerical Optimization, chapters 3 and 7). f is strictly convex in W, with curvature 1 or
 * more: a gradient of length g bounds the distance of W from the optimum by g. At the optimum W = c Z'(Y - P), which
 * starts a neighbouring problem from the probabilities of this one. */
#include "base/internal.h"
#include "trajectory/internal.h"

#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

enum { HISTORY = 8, MOST_STEPS = 500, MOST_SEARCH = 25 };
#define GOAL 1e-6

/* Value and gradient at the scaled variables u: weights (r x classes, row j divided by scale[j]), then intercepts. */
static cf_status evaluate(cf_context *ctx, cf_logistic *p, const double *u, double *gradient, double *value) {
  cf_status status = CF_OK;
  const size_t n = p->n, r = p->r, k = p->classes;
  double total = 0, norm = 0;
  for (size_t j = 0; j < r; j++)
    for (size_t c = 0; c < k; c++) {
      const double w = u[j * k + c] / p->scale[j];
      p->w[j * k + c] = w;
      norm += w * w;
    }
  const double *b = u + r * k;
  CF_TRY(cf_gemm(ctx, false, false, n, k, r, 1, p->z, r, p->w, k, 0, p->p, k));
  for (size_t i = 0; i < n; i++) {
    double *row = p->p + i * k, most = -INFINITY;
    for (size_t c = 0; c < k; c++) {
      row[c] += b[c];
      most = row[c] > most ? row[c] : most;
    }
    total -= row[p->code[i]] - most;
    double sum = row[0] = exp(row[0] - most);
    for (size_t c = 1; c < k; c++) sum += row[c] = exp(row[c] - most);
    total += log(sum);
    for (size_t c = 0; c < k; c++) row[c] /= sum;
    row[p->code[i]] -= 1;
  }
  CF_TRY(cf_gemm(ctx, true, false, r, k, n, p->c, p->z, r, p->p, k, 0, gradient, k));
  for (size_t c = 0; c < k; c++) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += p->p[i * k + c];
    gradient[r * k + c] = p->c * sum;
  }
  p->length = 0; /* of the gradient in W and b themselves */
  for (size_t j = 0; j < r; j++)
    for (size_t c = 0; c < k; c++) {
      double *g = gradient + j * k + c;
      *g += p->w[j * k + c];
      p->length += *g * *g;
      *g /= p->scale[j];
    }
  p->length = sqrt(p->length + cf_dot(k, gradient + r * k, gradient + r * k));
  *value = p->c * total + 0.5 * norm;
done:
  return status;
}

/* Direction -H g by the two-loop recursion; pairs are kept in a ring of HISTORY rows. */
static void direction(const cf_logistic *p, size_t size, const double *g, size_t pairs, double *out) {
  double alpha[HISTORY] = {0};
  const size_t used = CF_MIN(pairs, (size_t)HISTORY);
  for (size_t i = 0; i < size; i++) out[i] = -g[i];
  for (size_t q = 0; q < used; q++) {
    const size_t at = (pairs - 1 - q) % HISTORY;
    const double *s = p->s + at * size, *y = p->y + at * size;
    alpha[q] = p->rho[at] * cf_dot(size, s, out);
    for (size_t i = 0; i < size; i++) out[i] -= alpha[q] * y[i];
  }
  if (used > 0) {
    const size_t at = (pairs - 1) % HISTORY;
    const double *y = p->y + at * size;
    const double gamma = 1 / (p->rho[at] * cf_dot(size, y, y));
    for (size_t i = 0; i < size; i++) out[i] *= gamma;
  }
  for (size_t q = used; q-- > 0;) {
    const size_t at = (pairs - 1 - q) % HISTORY;
    const double *s = p->s + at * size, *y = p->y + at * size;
    const double beta = p->rho[at] * cf_dot(size, y, out);
    for (size_t i = 0; i < size; i++) out[i] += (alpha[q] - beta) * s[i];
  }
}

typedef struct search {
  size_t size;
  const double *u, *d;
  double *at, *g; /* point tried and its gradient */
  double value, slope;
} search;

static cf_status try_step(cf_context *ctx, cf_logistic *p, search *s, double step) {
  for (size_t i = 0; i < s->size; i++) s->at[i] = s->u[i] + step * s->d[i];
  const cf_status status = evaluate(ctx, p, s->at, s->g, &s->value);
  s->slope = cf_dot(s->size, s->g, s->d);
  return status;
}

/* A step with f <= f0 + 1e-4 step slope0 and |slope| <= 0.9 |slope0|: by safeguarded cubic steps within a bracket.
 * *found false when rounding leaves no such step. */
static cf_status line_search(cf_context *ctx, cf_logistic *p, search *s, double f0, double slope0, bool *found) {
  double low = 0, high = INFINITY, f_low = f0, slope_low = slope0, step = 1;
  const double noise = 1e-13 * fabs(f0);
  *found = false;
  for (int t = 0; t < MOST_SEARCH; t++) {
    const cf_status status = try_step(ctx, p, s, step);
    if (status != CF_OK) return status;
    if (isfinite(s->value) && s->value <= f0 + 1e-4 * step * slope0 + noise && fabs(s->slope) <= -0.9 * slope0) {
      *found = true;
      return CF_OK;
    }
    if (!(s->value <= f0 + 1e-4 * step * slope0 + noise) || s->slope > 0) {
      high = step;
    } else {
      low = step;
      f_low = s->value;
      slope_low = s->slope;
    }
    double next = low + 0.5 * (high - low);
    if (isinf(high)) {
      next = 2 * step;
    } else if (high == step && isfinite(s->value)) { /* cubic through both ends */
      const double width = high - low, d1 = slope_low + s->slope - 3 * (s->value - f_low) / width;
      const double root = d1 * d1 - slope_low * s->slope;
      if (root >= 0) next = high - width * (s->slope + sqrt(root) - d1) / (s->slope - slope_low + 2 * sqrt(root));
      if (!(next > low + 0.05 * width && next < high - 0.05 * width)) next = low + 0.5 * width;
    }
    step = next;
  }
  return CF_OK;
}

cf_status cf_logistic_minimise(cf_context *ctx, cf_logistic *p, double *u) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t size = (p->r + 1) * p->classes;
  double *g, *d, *at, *next, value;
  size_t pairs = 0;
  CF_TRY(CF_SCRATCH(ctx, &g, size));
  CF_TRY(CF_SCRATCH(ctx, &d, size));
  CF_TRY(CF_SCRATCH(ctx, &at, size));
  CF_TRY(CF_SCRATCH(ctx, &next, size));
  CF_TRY(CF_SCRATCH(ctx, &p->s, HISTORY * size));
  CF_TRY(CF_SCRATCH(ctx, &p->y, HISTORY * size));
  CF_TRY(CF_SCRATCH(ctx, &p->rho, HISTORY));
  CF_TRY(evaluate(ctx, p, u, g, &value));
  for (p->steps = 0; p->steps < MOST_STEPS && p->length > GOAL; p->steps++) {
    direction(p, size, g, pairs, d);
    double slope = cf_dot(size, g, d);
    if (!(slope < 0)) { /* the pairs have gone stale */
      pairs = 0;
      direction(p, size, g, pairs, d);
      slope = -cf_dot(size, g, g);
    }
    search s = {size, u, d, at, next, 0, 0};
    bool found = false;
    CF_TRY(line_search(ctx, p, &s, value, slope, &found));
    if (!found && pairs == 0) break;
    if (!found) {
      pairs = 0;
      CF_TRY(evaluate(ctx, p, u, g, &value));
      continue;
    }
    double *step = p->s + pairs % HISTORY * size, *change = p->y + pairs % HISTORY * size;
    for (size_t i = 0; i < size; i++) {
      step[i] = at[i] - u[i];
      change[i] = next[i] - g[i];
    }
    const double curvature = cf_dot(size, step, change);
    if (curvature > 0) p->rho[pairs++ % HISTORY] = 1 / curvature;
    memcpy(u, at, size * sizeof *u);
    memcpy(g, next, size * sizeof *g);
    value = s.value;
  }
  CF_TRY(evaluate(ctx, p, u, g, &value)); /* leaves p->w and p->p at the optimum */
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_logistic_room(cf_context *ctx, cf_logistic *p) {
  cf_status status = CF_OK;
  CF_TRY(CF_SCRATCH(ctx, &p->w, p->r * p->classes));
  CF_TRY(CF_SCRATCH(ctx, &p->p, p->n * p->classes));
  CF_TRY(CF_SCRATCH(ctx, &p->scale, p->r));
  for (size_t j = 0; j < p->r; j++) {
    double square = 0;
    for (size_t i = 0; i < p->n; i++) square += p->z[i * p->r + j] * p->z[i * p->r + j];
    p->scale[j] = sqrt(1 + p->c * square / (6 * (double)p->classes));
  }
done:
  return status;
}

/* Principal coordinates (n x r, centred) of the rows behind a centred Gram matrix (destroyed). */
cf_status cf_gram_coordinates(cf_context *ctx, size_t n, double *gram, double *z, size_t *r) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *values, *vectors;
  CF_TRY(CF_SCRATCH(ctx, &values, n));
  CF_TRY(CF_SCRATCH(ctx, &vectors, n * n));
  CF_TRY(cf_eigh(ctx, n, gram, values, vectors));
  size_t rank = 0;
  while (rank < n && values[n - 1 - rank] > 1e-15 * (double)n * fmax(0, values[n - 1])) rank++;
  *r = rank;
  for (size_t j = 0; j < rank; j++)
    for (size_t i = 0; i < n; i++) z[i * rank + j] = vectors[(n - 1 - j) * n + i] * sqrt(values[n - 1 - j]);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Weights in the features: the optimum is W = c X'(Y - P), X centred; the intercepts take the centre back, and their
 * mean, which nothing determines, out. */
static cf_status to_features(cf_context *ctx, const cf_logistic *p, size_t dims, const double *x, const double *mean,
                             const double *intercept, double *w, double *b) {
  const size_t k = p->classes;
  double centre = 0;
  const cf_status status = cf_gemm(ctx, true, false, k, dims, p->n, -p->c, p->p, k, x, dims, 0, w, dims);
  for (size_t c = 0; c < k; c++) {
    b[c] = intercept[c] - cf_dot(dims, w + c * dims, mean);
    centre += b[c] / (double)k;
  }
  for (size_t c = 0; c < k; c++) b[c] -= centre;
  return status;
}

/* Numbers the codes that occur: compact[i] in 0 .. count - 1, original[k] the code behind k. */
cf_status cf_codes_compact(cf_context *ctx, size_t n, const size_t *code, size_t codes, size_t *compact,
                           size_t *original, size_t *count) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *number;
  CF_TRY(CF_SCRATCH(ctx, &number, codes));
  for (size_t k = 0; k < codes; k++) number[k] = SIZE_MAX;
  for (size_t i = 0; i < n; i++) number[code[i]] = 0;
  *count = 0;
  for (size_t k = 0; k < codes; k++)
    if (number[k] == 0) {
      original[*count] = k;
      number[k] = (*count)++;
    }
  for (size_t i = 0; i < n; i++) compact[i] = number[code[i]];
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status check_samples(cf_context *ctx, size_t n, size_t dims, const double *x, const size_t *code,
                               size_t codes, double c) {
  const cf_view v = cf_view_matrix(x, n, dims);
  if (!(c > 0)) return cf_fail(ctx, CF_ERR_USAGE, "logistic regression: C is positive, not %g", c);
  if (n < 2) return cf_fail(ctx, CF_ERR_USAGE, "logistic regression needs two samples or more");
  for (size_t i = 0; i < n; i++)
    if (code[i] >= codes) return cf_fail(ctx, CF_ERR_USAGE, "logistic regression: sample %zu has no class", i);
  return cf_view_check_finite(ctx, &v, "logistic regression");
}

cf_status cf_logistic_fit(cf_context *ctx, size_t n, size_t dims, const double *x, const size_t *code, size_t codes,
                          double c, double *w, double *b, double *residual) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_logistic p = {.n = n, .c = c};
  double *centred, *mean, *gram, *z, *u, *own, *intercept;
  size_t *compact, *original;
  CF_TRY(check_samples(ctx, n, dims, x, code, codes, c));
  CF_TRY(CF_SCRATCH(ctx, &compact, n));
  CF_TRY(CF_SCRATCH(ctx, &original, codes));
  CF_TRY(cf_codes_compact(ctx, n, code, codes, compact, original, &p.classes));
  if (p.classes < 2) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "logistic regression needs samples of two classes or more"));
  p.code = compact;
  CF_TRY(CF_SCRATCH(ctx, &centred, n * dims));
  CF_TRY(CF_SCRATCH(ctx, &mean, dims));
  CF_TRY(CF_SCRATCH(ctx, &gram, n * n));
  CF_TRY(CF_SCRATCH(ctx, &z, n * n));
  CF_TRY(CF_SCRATCH(ctx, &own, p.classes * dims));
  CF_TRY(CF_SCRATCH(ctx, &intercept, p.classes));
  memcpy(centred, x, n * dims * sizeof *x);
  cf_center_columns(n, dims, centred, dims, mean);
  CF_TRY(cf_syrk(ctx, false, n, dims, 1, centred, dims, 0, gram, n));
  CF_TRY(cf_gram_coordinates(ctx, n, gram, z, &p.r));
  p.z = z;
  CF_TRY(CF_SCRATCH(ctx, &u, (p.r + 1) * p.classes));
  memset(u, 0, (p.r + 1) * p.classes * sizeof *u);
  CF_TRY(cf_logistic_room(ctx, &p));
  CF_TRY(cf_logistic_minimise(ctx, &p, u));
  if (residual) *residual = p.length;
  CF_TRY(to_features(ctx, &p, dims, centred, mean, u + p.r * p.classes, own, intercept));
  for (size_t k = 0; k < codes; k++) {
    if (w) memset(w + k * dims, 0, dims * sizeof *w);
    if (b) b[k] = -INFINITY;
  }
  for (size_t k = 0; k < p.classes; k++) {
    if (w) memcpy(w + original[k] * dims, own + k * dims, dims * sizeof *w);
    if (b) b[original[k]] = intercept[k];
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
