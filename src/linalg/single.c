/* Symmetric products with factors in single precision.
 *
 * C += alpha A A' for float A (n x k). The inner dimension is cut into pieces of DEPTH; each piece is one serial BLAS
 * call in single precision and is added to C in double, so that rounding does not grow with k. Tiles depend on n alone
 * and a tile belongs to one task: the same bits for any number of threads. About twice as fast as in double precision.
 */
#include "linalg/blas.h"
#include "base/internal.h"

#include <string.h>

enum { EDGE = 256, DEPTH = 1024 };

typedef struct product {
  size_t n, k, lda, ldc, edge, tiles;
  double alpha;
  const float *a;
  double *c;
} product;

static cf_status tile_task(cf_context *worker, size_t task, void *payload) {
  cf_status status;
  const product *p = payload;
  cf_mark mark = cf_scratch_mark(worker);
  float *part;
  double *sum;
  size_t row = 0;
  while ((row + 1) * (row + 2) / 2 <= task) row++;
  size_t i = row * p->edge, j = (task - row * (row + 1) / 2) * p->edge;
  size_t rows = CF_MIN(p->edge, p->n - i), cols = CF_MIN(p->edge, p->n - j);
  CF_TRY(cf_check_cancel(worker));
  CF_TRY(CF_SCRATCH(worker, &part, rows * cols));
  CF_TRY(CF_SCRATCH(worker, &sum, rows * cols));
  memset(sum, 0, rows * cols * sizeof *sum);
  memset(part, 0, rows * cols * sizeof *part); /* the upper triangle of diagonal tiles stays so */
  for (size_t from = 0; from < p->k; from += DEPTH) {
    const float *a = p->a + i * p->lda + from, *b = p->a + j * p->lda + from;
    size_t depth = CF_MIN(DEPTH, p->k - from);
    if (i == j) {
      cf_blas_syrk_single(rows, depth, a, p->lda, part, cols);
    } else {
      cf_blas_gemm_single(rows, cols, depth, a, p->lda, b, p->lda, part, cols);
    }
    for (size_t e = 0; e < rows * cols; e++) sum[e] += (double)part[e];
  }
  for (size_t r = 0; r < rows; r++) {
    for (size_t s = 0; s < cols; s++) {
      double x = p->alpha * sum[r * cols + s];
      if (i + r < j + s) continue;
      p->c[(i + r) * p->ldc + j + s] += x;
      if (i + r > j + s) p->c[(j + s) * p->ldc + i + r] += x;
    }
  }
done:
  cf_scratch_release(worker, mark);
  return status;
}

cf_status cf_syrk_single(cf_context *ctx, size_t n, size_t k, double alpha, const float *a, size_t lda, double *c,
                         size_t ldc) {
  if (n == 0 || k == 0) return CF_OK;
  if (!cf_blas_fits(n, k, lda)) return cf_fail(ctx, CF_ERR_INPUT, "a product of %zu x %zu is too large for BLAS", n, k);
  size_t parts = (n + EDGE - 1) / EDGE, edge = ((n + parts - 1) / parts + 7) / 8 * 8;
  parts = (n + edge - 1) / edge;
  product p = {.n = n, .k = k, .lda = lda, .ldc = ldc, .edge = edge, .tiles = parts, .alpha = alpha, .a = a, .c = c};
  return cf_parallel_for(ctx, parts * (parts + 1) / 2, tile_task, &p);
}
