/* Predictions of all penalties from a few: filters f_alpha(l) = 1/(l + alpha) are smooth in alpha, so their matrix
 * (candidates x directions) has a small numerical rank r. Pivoted Gram-Schmidt chooses r of them, the skeleton, and
 * writes each as a combination of those: one product of r stacked operators with the targets replaces one a candidate
 * (scores: bank_score.c).
 *
 *   prediction_a = scale_a sum_s combine_as P_s.
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

static void copy(bool single, size_t count, const double *x, void *to) {
  if (!single) memcpy(to, x, count * sizeof *x);
  for (size_t i = 0; i < count && single; i++) ((float *)to)[i] = (float)x[i];
}

/* A copy in the precision of the bank. */
static cf_status store(cf_context *ctx, bool single, size_t count, const double *x, void **out) {
  cf_status status = cf_alloc_bytes(ctx, count, single ? sizeof(float) : sizeof(double), out);
  if (status == CF_OK) copy(single, count, x, *out);
  return status;
}

/* Stacked operators M diag(weight_s) P, (r m) x n. */
static cf_status stack_operators(cf_context *ctx, const cf_split *s, cf_bank *b) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = s->n, m = s->m, k = s->k, item = b->single ? sizeof(float) : sizeof(double);
  double *left, *op;
  CF_TRY(CF_SCRATCH(ctx, &left, m * k));
  CF_TRY(CF_SCRATCH(ctx, &op, m * n));
  CF_TRY(cf_alloc_bytes(ctx, b->r * m * n, item, &b->first));
  for (size_t t = 0; t < b->r; t++) {
    for (size_t i = 0; i < m; i++)
      for (size_t j = 0; j < k; j++) left[i * k + j] = s->mm[i * k + j] * b->weight[t * k + j];
    CF_TRY(cf_gemm(ctx, false, false, m, n, k, 1, left, k, s->p, n, 0, op, n));
    copy(b->single, m * n, op, (char *)b->first + t * m * n * item);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_bank_make(cf_context *ctx, const cf_split *s, const cf_candidates *c, bool single, size_t targets,
                       cf_bank *out) {
  cf_status status = CF_OK;
  *out = (cf_bank){.n = s->n, .m = s->m, .k = s->k, .candidates = c->count, .single = single};
  CF_TRY(skeleton(ctx, s, c, out));
  const double r = (double)out->r, n = (double)s->n, m = (double)s->m, k = (double)s->k, t = (double)targets;
  const size_t bytes = out->r * s->m * s->n * (single ? sizeof(float) : sizeof(double));
  out->direct = r * m * n * (t + k) <= (k * n + r * m * k) * t && bytes <= MOST_OPERATOR;
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
