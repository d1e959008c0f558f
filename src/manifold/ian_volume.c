/* Volume ratios and the kernel of iterated adaptive neighbourhoods.
 *
 *   delta_i = sum_j exp(-d2_ij / s_i^2) / (g_i (sqrt(pi)/2)^(log2 g_i)),   g_i = max(2, degree of i), j = i included
 *   K_ij    = exp(-d2_ij / (s_i s_j)), values below the floor 0, diagonal 1
 *
 * weighted: the row sum of K in place of the first sum. About 1 where the scale suits the neighbourhood.
 * Reference: Dyballa & Zucker (2023), arXiv 2208.09123. */
#include "manifold/ian_internal.h"
#include "base/internal.h"
#include "graph/internal.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 512 };

/* exp(-x) = 2^-k exp(-r), k = round(x / ln 2), x = k ln 2 + r, by Taylor's series to r^13: 4e-18 at |r| = ln(2)/2. */
CF_CLONES void cf_exp_minus(size_t n, const double *x, double *out) {
  for (size_t j = 0; j < n; j++) {
    const double v = x[j] < 700 ? x[j] : 700;
    const double shifted = v * 1.4426950408889634 + 0x1.8p52;
    const double k = shifted - 0x1.8p52;
    const double r = (k * 0x1.62e42fefa0000p-1 - v) + k * 0x1.cf79abc9e3b39p-40; /* ln 2 in two parts */
    double p = 1.0 / 6227020800.0;
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    uint64_t low;
    memcpy(&low, &shifted, sizeof low);
    const uint64_t bits = (UINT64_C(1023) - (low & 0x7ff)) << 52; /* k is in the low bits of shifted, k <= 1010 */
    double power;
    memcpy(&power, &bits, sizeof power);
    out[j] = x[j] < 700 ? p * power : 0;
  }
}

CF_CLONES static void scale_twice(size_t n, const double *restrict d, double factor, double *restrict out) {
  for (size_t j = 0; j < n; j++) out[j] = d[j] * factor * factor; /* the square alone may overflow */
}

CF_CLONES static void scale_each(size_t n, const double *restrict d, double factor, const double *restrict by,
                                 double *restrict out) {
  for (size_t j = 0; j < n; j++) out[j] = d[j] * factor * by[j];
}

CF_CLONES static void scale_near(size_t n, const double *restrict d, double factor, const double *restrict by,
                                 const uint32_t *restrict to, double *restrict out) {
  for (size_t j = 0; j < n; j++) out[j] = d[j] * factor * by[to[j]];
}

CF_CLONES static double sum_above(size_t n, const double *restrict x, double floor) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t j = 0; j < n; j++) sum += x[j] >= floor ? x[j] : 0;
  return sum;
}

typedef struct rows {
  const cf_volume *v;
  const double *inverse; /* 1 / s_i, huge where s_i is 0 */
  size_t *count;         /* kernel entries of each row */
  cf_graph *kernel;
} rows;

static size_t row_length(const cf_volume *v, size_t i) {
  return v->near ? cf_graph_degree(v->near, i) : v->n;
}

/* Entries j .. j + m - 1 of row i of the kernel, before the floor; without that of i and itself where pairs are near.
 */
static void kernel_block(const rows *r, size_t i, size_t j, size_t m, double *value) {
  double x[BLOCK];
  const cf_graph *near = r->v->near;
  const double *d = near ? near->weight + near->start[i] + j : r->v->squared + i * r->v->n + j;
  if (r->v->weighted && near)
    scale_near(m, d, r->inverse[i], r->inverse, near->to + near->start[i] + j, x);
  else if (r->v->weighted)
    scale_each(m, d, r->inverse[i], r->inverse + j, x);
  else
    scale_twice(m, d, r->inverse[i], x);
  cf_exp_minus(m, x, value);
}

static cf_status sum_row(cf_context *worker, size_t i, void *payload) {
  const rows *r = payload;
  const cf_volume *v = r->v;
  (void)worker;
  if (v->degree[i] == 0) {
    v->delta[i] = 0;
    return CF_OK;
  }
  if (v->known && !v->weighted && v->known[i] == v->sigma[i]) {
    v->delta[i] = v->known_sum[i];
  } else {
    double value[BLOCK], sum = v->near ? 1 : 0;
    for (size_t j = 0; j < row_length(v, i); j += BLOCK) {
      const size_t m = CF_MIN((size_t)BLOCK, row_length(v, i) - j);
      kernel_block(r, i, j, m, value);
      sum += sum_above(m, value, v->weighted ? v->floor : 0);
    }
    v->delta[i] = sum;
    if (v->known && !v->weighted) {
      v->known[i] = v->sigma[i];
      v->known_sum[i] = sum;
    }
  }
  const double g = v->degree[i] > 2 ? (double)v->degree[i] : 2;
  v->delta[i] /= g * pow(0.88622692545275801365, log2(g)); /* sqrt(pi) / 2 */
  return CF_OK;
}

static cf_status invert(cf_context *ctx, const cf_volume *v, double **out) {
  cf_status status = CF_OK;
  CF_TRY(CF_SCRATCH(ctx, out, v->n + 1));
  for (size_t i = 0; i < v->n; i++) (*out)[i] = v->sigma[i] > 0 ? 1 / (v->sigma[i] * v->unit) : 1e300;
done:
  return status;
}

cf_status cf_volume_ratios(cf_context *ctx, const cf_volume *v) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *inverse = NULL;
  CF_TRY(invert(ctx, v, &inverse));
  rows r = {v, inverse, NULL, NULL};
  CF_TRY(cf_parallel_for(ctx, v->n, sum_row, &r));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* --------------------------------------------------------------- kernel -- */

/* Column of entry j of a row. */
static size_t column_of(const cf_volume *v, size_t i, size_t j) {
  return v->near ? v->near->to[v->near->start[i] + j] : j;
}

static bool is_kept(const rows *r, double value) {
  return value >= r->v->floor && value > 0;
}

static cf_status count_row(cf_context *worker, size_t i, void *payload) {
  const rows *r = payload;
  const size_t length = row_length(r->v, i);
  double value[BLOCK];
  (void)worker;
  r->count[i] = 1;
  for (size_t j = 0; j < length; j += BLOCK) {
    const size_t m = CF_MIN((size_t)BLOCK, length - j);
    kernel_block(r, i, j, m, value);
    for (size_t k = 0; k < m; k++) r->count[i] += column_of(r->v, i, j + k) != i && is_kept(r, value[k]);
  }
  return CF_OK;
}

static void put_entry(cf_graph *kernel, size_t *at, size_t column, double value) {
  kernel->to[*at] = (uint32_t)column;
  kernel->weight[(*at)++] = value;
}

static cf_status fill_row(cf_context *worker, size_t i, void *payload) {
  const rows *r = payload;
  const size_t length = row_length(r->v, i);
  double value[BLOCK];
  size_t at = r->kernel->start[i];
  bool self = false; /* whether the diagonal stands already */
  (void)worker;
  for (size_t j = 0; j < length; j += BLOCK) {
    const size_t m = CF_MIN((size_t)BLOCK, length - j);
    kernel_block(r, i, j, m, value);
    for (size_t k = 0; k < m; k++) {
      const size_t column = column_of(r->v, i, j + k);
      if (column >= i && !self) {
        put_entry(r->kernel, &at, i, 1);
        self = true;
      }
      if (column != i && is_kept(r, value[k])) put_entry(r->kernel, &at, column, value[k]);
    }
  }
  if (!self) put_entry(r->kernel, &at, i, 1);
  return CF_OK;
}

cf_status cf_volume_kernel(cf_context *ctx, const cf_volume *v, cf_graph **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *inverse = NULL;
  rows r = {v, NULL, NULL, NULL};
  *out = NULL;
  CF_TRY(invert(ctx, v, &inverse));
  r.inverse = inverse;
  CF_TRY(CF_SCRATCH(ctx, &r.count, v->n + 1));
  CF_TRY(cf_parallel_for(ctx, v->n, count_row, &r));
  CF_TRY(cf_graph_new(ctx, v->n, r.count, &r.kernel));
  CF_TRY(cf_parallel_for(ctx, v->n, fill_row, &r));
  *out = r.kernel;
  r.kernel = NULL;
done:
  cf_graph_free(r.kernel);
  cf_scratch_release(ctx, mark);
  return status;
}
