/* One pair of training and test samples: an eigendecomposition that serves all penalties and all targets.
 *
 *   ridge  w = (K + alpha I)^-1 y,  prediction = K_test w  =  M diag(1/(l + alpha)) P y
 *
 * with K = V diag(l) V', P = V', M = K_test V for the kernel K = X X' of the training samples, and with
 * X'X = V diag(l) V', P = V'X', M = X_test V where there are fewer features than samples. Directions with l below the
 * rounding of the largest carry nothing and are left out: alpha = 0 then gives the least-squares solution of least
 * norm. */
#include "voxelwise/internal.h"

#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

#define LEAST_PENALTY 1e-9 /* of the largest eigenvalue: seven digits are left above it */

cf_status cf_candidates_make(cf_context *ctx, const cf_ridge_options *o, cf_candidates *out) {
  enum { STANDARD = 20 };
  cf_status status = CF_OK;
  double *value = NULL;
  out->method = o->method;
  out->count = o->method == CF_VOXEL_OLS ? 1 : o->candidates ? o->candidates : STANDARD;
  CF_TRY(CF_SCRATCH(ctx, &value, out->count));
  for (size_t c = 0; c < out->count; c++) {
    if (o->method == CF_VOXEL_OLS)
      value[c] = 0;
    else if (o->candidates)
      value[c] = o->candidate[c];
    else if (o->method == CF_VOXEL_PCR)
      value[c] = (double)(c < 5 ? c + 1 : c < 10 ? 5 * (c - 3) : c < 15 ? 25 * (c - 7) : 100 * (c - 12));
    else
      value[c] = pow(10, -1 + 9 * (double)c / (STANDARD - 1));
    if (!(value[c] >= 0) || isinf(value[c]))
      CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "penalty %zu is %g; penalties are 0 or more", c, value[c]));
    if (o->method == CF_VOXEL_PCR && (value[c] < 1 || floor(value[c]) != value[c]))
      CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "number of components %zu is %g; it is 1, 2, ...", c, value[c]));
  }
  out->value = value;
done:
  return status;
}

void cf_split_free(cf_split *split) {
  cf_free(split->l);
  cf_free(split->p);
  cf_free(split->mm);
  cf_free(split->op);
  cf_free(split->ops);
  *split = (cf_split){0};
}

/* Eigenvalues descending, those that are rounding left out unless `all` are wanted: k, l and the first k rows of v. */
static cf_status decompose(cf_context *ctx, size_t size, double *a, bool all, cf_split *out, double *v) {
  cf_status status = CF_OK;
  CF_TRY(CF_ALLOC(ctx, &out->l, size));
  CF_TRY(cf_eigh(ctx, size, a, out->l, v));
  for (size_t i = 0; i < size / 2; i++) {
    const double swap = out->l[i];
    out->l[i] = out->l[size - 1 - i];
    out->l[size - 1 - i] = swap;
    double *x = v + i * size, *y = v + (size - 1 - i) * size;
    for (size_t j = 0; j < size; j++) {
      const double s = x[j];
      x[j] = y[j];
      y[j] = s;
    }
  }
  const double least = 1e-14 * (double)size * fmax(out->l[0], 0);
  while (out->k < size && (all || out->l[out->k] > least)) {
    out->l[out->k] = fmax(out->l[out->k], 0);
    out->k++;
  }
done:
  return status;
}

static cf_status from_kernel(cf_context *ctx, const cf_design *d, cf_split *s) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = s->n, m = s->m;
  double *k, *test;
  CF_TRY(CF_SCRATCH(ctx, &k, n * n));
  CF_TRY(CF_SCRATCH(ctx, &test, m * n));
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) k[i * n + j] = d->kernel[s->train[i] * d->n + s->train[j]];
  for (size_t i = 0; i < m; i++)
    for (size_t j = 0; j < n; j++) test[i * n + j] = d->kernel[s->test[i] * d->n + s->train[j]];
  CF_TRY(CF_ALLOC(ctx, &s->p, n * n));
  CF_TRY(decompose(ctx, n, k, false, s, s->p));
  CF_TRY(CF_ALLOC(ctx, &s->mm, m * s->k));
  CF_TRY(cf_gemm(ctx, false, true, m, s->k, n, 1, test, n, s->p, n, 0, s->mm, s->k));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status from_features(cf_context *ctx, const cf_design *d, cf_split *s) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = s->n, m = s->m, q = d->q;
  double *train, *test, *gram, *v;
  CF_TRY(CF_SCRATCH(ctx, &train, n * q));
  CF_TRY(CF_SCRATCH(ctx, &test, m * q));
  CF_TRY(CF_SCRATCH(ctx, &gram, q * q));
  CF_TRY(CF_SCRATCH(ctx, &v, q * q));
  cf_take_rows(n, s->train, q, d->x, q, train);
  cf_take_rows(m, s->test, q, d->x, q, test);
  CF_TRY(cf_syrk(ctx, true, q, n, 1, train, q, 0, gram, q));
  CF_TRY(decompose(ctx, q, gram, false, s, v));
  CF_TRY(CF_ALLOC(ctx, &s->p, s->k * n));
  CF_TRY(CF_ALLOC(ctx, &s->mm, m * s->k));
  CF_TRY(cf_gemm(ctx, false, true, s->k, n, q, 1, v, q, train, q, 0, s->p, n));
  CF_TRY(cf_gemm(ctx, false, true, m, s->k, q, 1, test, q, v, q, 0, s->mm, s->k));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_split_products(cf_context *ctx, size_t q, double *a, size_t m, const double *rows, cf_split *out) {
  cf_status status = CF_OK;
  *out = (cf_split){.n = q, .m = m};
  CF_TRY(CF_ALLOC(ctx, &out->p, q * q));
  CF_TRY(decompose(ctx, q, a, false, out, out->p));
  CF_TRY(CF_ALLOC(ctx, &out->mm, m * out->k + 1));
  CF_TRY(cf_gemm(ctx, false, true, m, out->k, q, 1, rows, q, out->p, q, 0, out->mm, out->k));
done:
  if (status != CF_OK) cf_split_free(out);
  return status;
}

cf_status cf_split_make(cf_context *ctx, const cf_design *design, size_t n, const size_t *train, size_t m,
                        const size_t *test, cf_split *out) {
  cf_status status = CF_OK;
  *out = (cf_split){.n = n, .m = m, .train = train, .test = test};
  CF_TRY(design->q ? from_features(ctx, design, out) : from_kernel(ctx, design, out));
done:
  if (status != CF_OK) cf_split_free(out);
  return status;
}

cf_status cf_split_weights(cf_context *ctx, cf_factor factor, size_t n, size_t p, const double *x, cf_split *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t r = CF_MIN(n, p), side = factor == CF_FACTOR_FEATURES ? p : n;
  double *a, *s = NULL, *v = NULL;
  *out = (cf_split){.n = n, .m = p};
  CF_TRY(CF_SCRATCH(ctx, &a, factor == CF_FACTOR_SVD ? n * p : side * side));
  if (factor == CF_FACTOR_SVD) {
    CF_TRY(CF_SCRATCH(ctx, &s, r + 1));
    CF_TRY(CF_SCRATCH(ctx, &v, n * r));
    CF_TRY(CF_ALLOC(ctx, &out->l, r + 1));
    CF_TRY(CF_ALLOC(ctx, &out->p, r * n));
    CF_TRY(CF_ALLOC(ctx, &out->mm, p * r));
    memcpy(a, x, n * p * sizeof *a);
    CF_TRY(cf_svd(ctx, n, p, a, s, v, out->mm));
    while (out->k < r && s[out->k] > 1e-14 * (double)CF_MAX(n, p) * s[0]) out->k++;
    memcpy(a, out->mm, r * p * sizeof *a); /* V': r x p, at most as large as x */
    for (size_t i = 0; i < out->k; i++) {
      out->l[i] = s[i] * s[i];
      for (size_t j = 0; j < n; j++) out->p[i * n + j] = v[j * r + i];
      for (size_t j = 0; j < p; j++) out->mm[j * out->k + i] = s[i] * a[i * p + j];
    }
  } else if (factor == CF_FACTOR_KERNEL) {
    CF_TRY(CF_ALLOC(ctx, &out->p, n * n));
    CF_TRY(cf_syrk(ctx, false, n, p, 1, x, p, 0, a, n));
    CF_TRY(decompose(ctx, n, a, true, out, out->p));
    CF_TRY(CF_ALLOC(ctx, &out->mm, p * out->k));
    CF_TRY(cf_gemm(ctx, true, true, p, out->k, n, 1, x, p, out->p, n, 0, out->mm, out->k));
  } else {
    CF_TRY(CF_SCRATCH(ctx, &v, p * p));
    CF_TRY(cf_syrk(ctx, true, p, n, 1, x, p, 0, a, p));
    CF_TRY(decompose(ctx, p, a, false, out, v));
    CF_TRY(CF_ALLOC(ctx, &out->p, out->k * n));
    CF_TRY(CF_ALLOC(ctx, &out->mm, p * out->k));
    CF_TRY(cf_gemm(ctx, false, true, out->k, n, p, 1, v, p, x, p, 0, out->p, n));
    for (size_t i = 0; i < out->k; i++)
      for (size_t j = 0; j < p; j++) out->mm[j * out->k + i] = v[i * p + j];
  }
done:
  cf_scratch_release(ctx, mark);
  if (status != CF_OK) cf_split_free(out);
  return status;
}

bool cf_split_safe(const cf_split *s, const cf_candidates *c) {
  bool safe = s->k > 0;
  for (size_t a = 0; a < c->count && safe; a++) safe = c->value[a] > LEAST_PENALTY * s->l[0];
  return safe;
}

void cf_split_filter(const cf_split *s, const cf_candidates *c, size_t which, double *f) {
  const double value = c->value[which], least = 1e-14 * (s->k ? s->l[0] : 0); /* singular values 1e-7 of the largest */
  for (size_t i = 0; i < s->k; i++) {
    if (c->method == CF_VOXEL_PCR)
      f[i] = (double)i < value && s->l[i] > least ? 1 / s->l[i] : 0;
    else if (c->method == CF_VOXEL_OLS)
      f[i] = s->l[i] > least ? 1 / s->l[i] : 0;
    else
      f[i] = s->l[i] + value > 0 ? 1 / (s->l[i] + value) : 0;
  }
}

void cf_take_rows(size_t count, const size_t *rows, size_t w, const double *y, size_t ld, double *out) {
  for (size_t i = 0; i < count; i++) memcpy(out + i * w, y + rows[i] * ld, w * sizeof *out);
}

/* ------------------------------------------------------------ prediction -- */

/* q = diag(f of each target's candidate) P y, k x w. */
static cf_status shrink(cf_context *ctx, const cf_split *s, const cf_candidates *c, size_t w, const double *y,
                        const size_t *choice, double *q) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *f, *turned;
  CF_TRY(CF_SCRATCH(ctx, &f, s->k + 1));
  CF_TRY(CF_SCRATCH(ctx, &turned, s->k * c->count + 1)); /* k x candidates: a direction's filters side by side */
  CF_TRY(cf_gemm(ctx, false, false, s->k, w, s->n, 1, s->p, s->n, y, w, 0, q, w));
  for (size_t a = 0; a < c->count; a++) {
    cf_split_filter(s, c, a, f);
    for (size_t i = 0; i < s->k; i++) turned[i * c->count + a] = f[i];
  }
  for (size_t i = 0; i < s->k; i++)
    for (size_t j = 0; j < w; j++) q[i * w + j] *= turned[i * c->count + choice[j]];
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_split_operators(cf_context *ctx, cf_split *s, const cf_candidates *c, const bool *used, size_t t,
                             double most) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const double m = (double)s->m, n = (double)s->n, k = (double)s->k;
  double *f, *left;
  size_t count = 0, at = 0;
  for (size_t a = 0; a < c->count; a++) count += used[a];
  const double saved = (double)t * (k * n + m * k - m * n), spent = (double)count * m * k * n;
  if (saved < spent || (double)count * m * n * sizeof(double) > most) goto done;
  CF_TRY(CF_SCRATCH(ctx, &f, s->k + 1));
  CF_TRY(CF_SCRATCH(ctx, &left, s->m * s->k + 1));
  CF_TRY(CF_ALLOC(ctx, &s->op, c->count));
  CF_TRY(CF_ALLOC(ctx, &s->ops, count * s->m * s->n));
  for (size_t a = 0; a < c->count; a++) {
    if (!used[a]) continue;
    s->op[a] = s->ops + at++ * s->m * s->n;
    cf_split_filter(s, c, a, f);
    for (size_t i = 0; i < s->m; i++)
      for (size_t j = 0; j < s->k; j++) left[i * s->k + j] = s->mm[i * s->k + j] * f[j];
    CF_TRY(cf_gemm(ctx, false, false, s->m, s->n, s->k, 1, left, s->k, s->p, s->n, 0, s->op[a], s->n));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* With an operator a candidate: its targets side by side, one product. */
static cf_status predict_directly(cf_context *ctx, const cf_split *s, const cf_candidates *c, size_t w, const double *y,
                                  const size_t *choice, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *in, *product;
  size_t *column;
  CF_TRY(CF_SCRATCH(ctx, &in, s->n * w));
  CF_TRY(CF_SCRATCH(ctx, &product, s->m * w));
  CF_TRY(CF_SCRATCH(ctx, &column, w));
  for (size_t a = 0; a < c->count; a++) {
    size_t g = 0;
    for (size_t j = 0; j < w; j++)
      if (choice[j] == a) column[g++] = j;
    if (g == 0) continue;
    for (size_t i = 0; i < s->n; i++)
      for (size_t j = 0; j < g; j++) in[i * g + j] = y[i * w + column[j]];
    CF_TRY(cf_gemm(ctx, false, false, s->m, g, s->n, 1, s->op[a], s->n, in, g, 0, product, g));
    for (size_t i = 0; i < s->m; i++)
      for (size_t j = 0; j < g; j++) out[i * w + column[j]] = product[i * g + j];
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_split_predict(cf_context *ctx, const cf_split *s, const cf_candidates *c, size_t w, const double *y,
                           const size_t *choice, double *out, double *dual) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *q;
  if (s->op && out && !dual) {
    CF_TRY(predict_directly(ctx, s, c, w, y, choice, out));
    goto done;
  }
  CF_TRY(CF_SCRATCH(ctx, &q, s->k * w + 1));
  CF_TRY(shrink(ctx, s, c, w, y, choice, q));
  if (out) CF_TRY(cf_gemm(ctx, false, false, s->m, w, s->k, 1, s->mm, s->k, q, w, 0, out, w));
  if (dual) CF_TRY(cf_gemm(ctx, true, false, s->n, w, s->k, 1, s->p, s->n, q, w, 0, dual, w));
done:
  cf_scratch_release(ctx, mark);
  return status;
}
