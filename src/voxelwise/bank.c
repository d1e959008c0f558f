/* Predictions of all penalties from a few: filters f_alpha(l) = 1/(l + alpha) are smooth in alpha, so their matrix
 * (candidates x directions) has a small numerical rank r. Pivoted Gram-Schmidt chooses r of them, the skeleton, and
 * writes each as a combination of those: one product of r stacked operators with the targets replaces one a candidate,
 * and r (r + 1)/2 sums over test samples give the scores of all candidates without their predictions being formed.
 *
 *   prediction_a = scale_a sum_s combine_as P_s,   cov(y, prediction_a) and var(prediction_a) are forms in combine_a.
 *
 * Interpolative decomposition: Cheng, Gimbutas, Martinsson & Rokhlin (2005), SIAM J. Sci. Comput. 26, 1389. */
#include "voxelwise/internal.h"

#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

#define MOST_OPERATOR ((size_t)64 << 20) /* bytes of stacked operators; sizes beyond go by way of the directions */

void cf_bank_free(cf_bank *bank) {
  cf_free(bank->combine);
  cf_free(bank->scale);
  cf_free(bank->weight);
  cf_free(bank->first);
  cf_free(bank->second);
  *bank = (cf_bank){0};
}

/* Filters as rows (candidates x k), each over its largest product with the singular value of the direction, which is
 * kept in scale; g the same times the singular values. */
static void fill_filters(const cf_split *s, const cf_candidates *c, double *f, double *g, double *scale) {
  for (size_t a = 0; a < c->count; a++) {
    double *row = f + a * s->k, most = 0;
    cf_split_filter(s, c, a, row);
    for (size_t i = 0; i < s->k; i++) most = fmax(most, row[i] * sqrt(s->l[i]));
    scale[a] = most > 0 ? most : 1;
    for (size_t i = 0; i < s->k; i++) {
      row[i] /= scale[a];
      g[a * s->k + i] = row[i] * sqrt(s->l[i]);
    }
  }
}

static size_t farthest(const double *left, size_t count) {
  size_t best = 0;
  for (size_t a = 1; a < count; a++)
    if (left[a] > left[best]) best = a;
  return best;
}

/* Rows of g that span the others to `tolerance`: pivot (the first r), and tri (count x count): the row of a candidate
 * holds its products with the orthonormal rows that g is replaced by. */
size_t cf_skeleton_choose(size_t count, size_t k, double *g, double tolerance, size_t *pivot, double *tri, double *left,
                          double *basis) {
  size_t r = 0;
  for (size_t a = 0; a < count; a++) left[a] = cf_norm2(k, g + a * k);
  for (; r < CF_MIN(count, k); r++) {
    const size_t a = farthest(left, count);
    if (!(left[a] > tolerance)) break;
    double *b = basis + r * k;
    memcpy(b, g + a * k, k * sizeof *b);
    for (size_t s = 0; s < r; s++) { /* what is left of the row is orthogonal up to rounding: once more */
      const double shared = cf_dot(k, b, basis + s * k);
      for (size_t i = 0; i < k; i++) b[i] -= shared * basis[s * k + i];
    }
    const double norm = cf_norm2(k, b);
    if (!(norm > 0.5 * tolerance)) break;
    for (size_t i = 0; i < k; i++) b[i] /= norm;
    pivot[r] = a;
    for (size_t c = 0; c < count; c++) {
      const double shared = cf_dot(k, g + c * k, b);
      tri[c * count + r] = shared;
      for (size_t i = 0; i < k; i++) g[c * k + i] -= shared * b[i];
      left[c] = cf_norm2(k, g + c * k);
    }
  }
  return r;
}

/* combine (count x r) with combine T = tri, T the rows of the skeleton: a triangle. */
void cf_skeleton_combine(size_t count, size_t r, const size_t *pivot, const double *tri, double *combine) {
  for (size_t a = 0; a < count; a++)
    for (size_t s = r; s-- > 0;) {
      double sum = tri[a * count + s];
      for (size_t t = s + 1; t < r; t++) sum -= combine[a * r + t] * tri[pivot[t] * count + s];
      combine[a * r + s] = sum / tri[pivot[s] * count + s];
    }
  for (size_t s = 0; s < r; s++)
    for (size_t t = 0; t < r; t++) combine[pivot[s] * r + t] = s == t; /* itself, without rounding */
}

static cf_status skeleton(cf_context *ctx, const cf_split *s, const cf_candidates *c, cf_bank *b) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t count = c->count;
  double *f, *g, *tri, *left, *basis;
  size_t *pivot;
  CF_TRY(CF_SCRATCH(ctx, &f, count * s->k));
  CF_TRY(CF_SCRATCH(ctx, &g, count * s->k));
  CF_TRY(CF_SCRATCH(ctx, &basis, count * s->k));
  CF_TRY(CF_SCRATCH(ctx, &tri, count * count));
  CF_TRY(CF_SCRATCH(ctx, &left, count));
  CF_TRY(CF_SCRATCH(ctx, &pivot, count));
  CF_TRY(CF_ALLOC(ctx, &b->scale, count));
  memset(tri, 0, count * count * sizeof *tri);
  fill_filters(s, c, f, g, b->scale);
  b->r = cf_skeleton_choose(count, s->k, g, b->single ? 1e-6 : 1e-12, pivot, tri, left, basis);
  CF_TRY(CF_ALLOC(ctx, &b->combine, count * CF_MAX(b->r, (size_t)1)));
  CF_TRY(CF_ALLOC(ctx, &b->weight, CF_MAX(b->r, (size_t)1) * s->k));
  cf_skeleton_combine(count, b->r, pivot, tri, b->combine);
  for (size_t t = 0; t < b->r; t++) memcpy(b->weight + t * s->k, f + pivot[t] * s->k, s->k * sizeof *f);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* A copy in the precision of the bank. */
static cf_status store(cf_context *ctx, bool single, size_t count, const double *x, void **out) {
  cf_status status = CF_OK;
  float *f = NULL;
  double *d = NULL;
  if (single) {
    CF_TRY(CF_ALLOC(ctx, &f, count));
    for (size_t i = 0; i < count; i++) f[i] = (float)x[i];
    *out = f;
  } else {
    CF_TRY(CF_ALLOC(ctx, &d, count));
    memcpy(d, x, count * sizeof *d);
    *out = d;
  }
done:
  return status;
}

/* Stacked operators M diag(weight_s) P, (r m) x n. */
static cf_status stack_operators(cf_context *ctx, const cf_split *s, cf_bank *b) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = s->n, m = s->m, k = s->k, rows = b->r * m;
  double *left, *op;
  CF_TRY(CF_SCRATCH(ctx, &left, rows * k));
  CF_TRY(CF_SCRATCH(ctx, &op, rows * n));
  for (size_t t = 0; t < b->r; t++)
    for (size_t i = 0; i < m; i++)
      for (size_t j = 0; j < k; j++) left[(t * m + i) * k + j] = s->mm[i * k + j] * b->weight[t * k + j];
  CF_TRY(cf_gemm(ctx, false, false, rows, n, k, 1, left, k, s->p, n, 0, op, n));
  CF_TRY(store(ctx, b->single, rows * n, op, &b->first));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_bank_make(cf_context *ctx, const cf_split *s, const cf_candidates *c, bool single, cf_bank *out) {
  cf_status status = CF_OK;
  *out = (cf_bank){.n = s->n, .m = s->m, .k = s->k, .candidates = c->count, .single = single};
  CF_TRY(skeleton(ctx, s, c, out));
  const double r = (double)out->r, n = (double)s->n, m = (double)s->m, k = (double)s->k;
  const size_t bytes = out->r * s->m * s->n * (single ? sizeof(float) : sizeof(double));
  out->direct = r * m * n <= k * n + r * m * k && bytes <= MOST_OPERATOR;
  if (out->direct) {
    CF_TRY(stack_operators(ctx, s, out));
  } else {
    CF_TRY(store(ctx, single, s->k * s->n, s->p, &out->first));
    CF_TRY(store(ctx, single, s->m * s->k, s->mm, &out->second));
  }
done:
  if (status != CF_OK) cf_bank_free(out);
  return status;
}

/* ---------------------------------------------------------------- scores -- */

static void multiply(bool single, size_t m, size_t n, size_t k, const void *a, const void *b, void *c) {
  if (single)
    cf_gemm_serial_single(false, false, m, n, k, 1, a, k, b, n, 0, c, n);
  else
    cf_gemm_serial(false, false, m, n, k, 1, a, k, b, n, 0, c, n);
}

/* q_s = weight_s q, k x w. */
static void scale_rows(bool single, size_t k, size_t w, const double *weight, const void *q, void *out) {
  for (size_t i = 0; i < k; i++) {
    if (single)
      for (size_t j = 0; j < w; j++) ((float *)out)[i * w + j] = (float)weight[i] * ((const float *)q)[i * w + j];
    else
      for (size_t j = 0; j < w; j++) ((double *)out)[i * w + j] = weight[i] * ((const double *)q)[i * w + j];
  }
}

/* Predictions of the skeleton, (r m) x w, widened to double. */
static cf_status predict_skeleton(cf_context *ctx, const cf_bank *b, size_t w, const double *y, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t item = b->single ? sizeof(float) : sizeof(double), rows = b->r * b->m;
  char *in = (char *)(uintptr_t)y, *product = (char *)out, *q = NULL, *scaled = NULL;
  if (b->single) {
    CF_TRY(CF_SCRATCH(ctx, &in, b->n * w * item));
    CF_TRY(CF_SCRATCH(ctx, &product, rows * w * item + 1));
    for (size_t i = 0; i < b->n * w; i++) ((float *)(void *)in)[i] = (float)y[i];
  }
  if (b->direct) {
    multiply(b->single, rows, w, b->n, b->first, in, product);
  } else {
    CF_TRY(CF_SCRATCH(ctx, &q, b->k * w * item + 1));
    CF_TRY(CF_SCRATCH(ctx, &scaled, b->k * w * item + 1));
    multiply(b->single, b->k, w, b->n, b->first, in, q);
    for (size_t s = 0; s < b->r; s++) {
      scale_rows(b->single, b->k, w, b->weight + s * b->k, q, scaled);
      multiply(b->single, b->m, w, b->k, b->second, scaled, product + s * b->m * w * item);
    }
  }
  if (b->single)
    for (size_t i = 0; i < rows * w; i++) out[i] = (double)((const float *)(const void *)product)[i];
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Sums over test samples, each w wide: of skeleton predictions (r), of their products with z (r) and among each other
 * (r x r, lower triangle), of z and z^2. */
typedef struct sums {
  double *p, *zp, *pp, *z, *zz;
} sums;

static cf_status sums_make(cf_context *ctx, size_t r, size_t w, sums *out) {
  cf_status status = CF_OK;
  double *all;
  const size_t rows = 2 * r + r * r + 2;
  CF_TRY(CF_SCRATCH(ctx, &all, rows * w));
  memset(all, 0, rows * w * sizeof *all);
  *out = (sums){all, all + r * w, all + 2 * r * w, all + (2 * r + r * r) * w, all + (2 * r + r * r + 1) * w};
done:
  return status;
}

static void add_product(size_t w, const double *restrict x, const double *restrict y, double *restrict sum) {
  for (size_t j = 0; j < w; j++) sum[j] += x[j] * y[j];
}

static void add_up(size_t m, size_t r, size_t w, const double *prediction, const double *z, sums *s) {
  for (size_t i = 0; i < m; i++) {
    const double *zi = z + i * w;
    for (size_t j = 0; j < w; j++) s->z[j] += zi[j];
    add_product(w, zi, zi, s->zz);
    for (size_t a = 0; a < r; a++) {
      const double *pa = prediction + (a * m + i) * w;
      for (size_t j = 0; j < w; j++) s->p[a * w + j] += pa[j];
      add_product(w, zi, pa, s->zp + a * w);
      for (size_t b = 0; b <= a; b++) add_product(w, pa, prediction + (b * m + i) * w, s->pp + (a * r + b) * w);
    }
  }
}

/* Score of one candidate (a row of combine) for target j. */
static double score_of(const sums *s, size_t m, size_t r, size_t w, size_t j, const double *combine, double scale,
                       cf_inner_score kind) {
  double p = 0, zp = 0, pp = 0;
  const double n = (double)m;
  for (size_t a = 0; a < r; a++) {
    double row = 0;
    p += combine[a] * s->p[a * w + j];
    zp += combine[a] * s->zp[a * w + j];
    for (size_t b = 0; b < a; b++) row += combine[b] * s->pp[(a * r + b) * w + j];
    pp += combine[a] * (2 * row + combine[a] * s->pp[(a * r + a) * w + j]);
  }
  if (kind == CF_INNER_MSE) return -(s->zz[j] - 2 * scale * zp + scale * scale * pp) / n;
  const double vz = s->zz[j] - s->z[j] * s->z[j] / n, vp = pp - p * p / n, c = zp - s->z[j] * p / n;
  if (!(vz > 1e-14 * s->zz[j]) || !(vp > 1e-14 * pp)) return 0;
  return fmin(1, fmax(-1, c / sqrt(vz) / sqrt(vp)));
}

cf_status cf_bank_score(cf_context *ctx, const cf_bank *b, cf_inner_score kind, size_t w, const double *y,
                        const double *z, double *score) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *prediction;
  sums s;
  CF_TRY(CF_SCRATCH(ctx, &prediction, b->r * b->m * w + 1));
  CF_TRY(sums_make(ctx, b->r, w, &s));
  if (b->r > 0) CF_TRY(predict_skeleton(ctx, b, w, y, prediction));
  add_up(b->m, b->r, w, prediction, z, &s);
  for (size_t a = 0; a < b->candidates; a++)
    for (size_t j = 0; j < w; j++)
      score[a * w + j] = score_of(&s, b->m, b->r, w, j, b->combine + a * b->r, b->scale[a], kind);
done:
  cf_scratch_release(ctx, mark);
  return status;
}
