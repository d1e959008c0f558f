/* Matrix products, parallel over tiles.
 *
 * C (m x n) = alpha op(A) op(B) + beta C is cut into tiles of C and, when there are too few of them to keep several
 * threads busy, the inner dimension k into G groups whose partial products are added in the order of the groups. The
 * cut depends on (m, n, k) alone, each piece is one serial BLAS call, and a nested call runs the same pieces one after
 * the other: so the bits of C do not depend on the number of threads. For A A' only tiles on and below the diagonal are
 * computed and then mirrored.
 *
 * Tiles of 512 keep both packed panels of OpenBLAS within the second-level cache while its packing costs a few per cent
 * of the product. */
#include "linalg/blas.h"
#include "base/internal.h"

#include <string.h>

enum { TILE = 512, LEAST_TILE = 128, WIDE = 4096, WANTED_TASKS = 12, FEW_TASKS = 4, LEAST_DEPTH = 256, MIRROR = 32 };
#define SERIAL_FLOPS 4e6 /* below this one BLAS call beats starting threads */

typedef struct product {
  bool ta, tb, symmetric;
  size_t m, n, k, lda, ldb, ldc;
  double alpha, beta;
  const double *a, *b;
  double *c;
  size_t rows, cols, row_tiles, col_tiles, tiles, groups; /* shape and number of tiles */
  double *partial;                                        /* groups x tiles x (rows x cols), NULL for one group */
} product;

/* Equal parts of at most `most`, rounded up to whole vector registers. */
static size_t tile_extent(size_t n, size_t most) {
  size_t parts = (n + most - 1) / most, extent = (n + parts - 1) / parts;
  return CF_MIN(n, (extent + 7) / 8 * 8);
}

static void cut(product *p, size_t edge) {
  p->rows = tile_extent(p->m, edge);
  p->cols = tile_extent(p->n, edge);
  if (!p->symmetric && edge == TILE) { /* thin products get longer tiles of about the same area */
    if (p->m < p->n)
      p->cols = tile_extent(p->n, CF_MIN(WIDE, CF_MAX(TILE, TILE * TILE / p->rows)));
    else
      p->rows = tile_extent(p->m, CF_MIN(WIDE, CF_MAX(TILE, TILE * TILE / p->cols)));
  }
  p->row_tiles = (p->m + p->rows - 1) / p->rows;
  p->col_tiles = (p->n + p->cols - 1) / p->cols;
  p->tiles = p->symmetric ? p->row_tiles * (p->row_tiles + 1) / 2 : p->row_tiles * p->col_tiles;
  double flops = 2.0 * (double)p->m * (double)p->n * (double)p->k;
  size_t by_work = (size_t)(flops / SERIAL_FLOPS) / p->tiles, by_depth = p->k / LEAST_DEPTH;
  p->groups = (WANTED_TASKS + p->tiles - 1) / p->tiles;
  p->groups = CF_MAX(1, CF_MIN(p->groups, CF_MIN(by_work, by_depth)));
}

/* A product neither large nor deep enough for several pieces is cut into smaller tiles. */
static void plan_tiles(product *p) {
  size_t edge = TILE;
  cut(p, edge);
  while (p->tiles * p->groups < FEW_TASKS && edge > LEAST_TILE) cut(p, edge /= 2);
}

/* Off-diagonal tiles come first: they take twice the time of diagonal ones. */
static void tile_position(const product *p, size_t tile, size_t *row, size_t *col) {
  if (!p->symmetric) {
    *row = tile / p->col_tiles;
    *col = tile % p->col_tiles;
    return;
  }
  size_t below = p->row_tiles * (p->row_tiles - 1) / 2;
  if (tile >= below) {
    *row = *col = tile - below;
    return;
  }
  size_t i = 1;
  while (tile >= i) tile -= i++;
  *row = i;
  *col = tile;
}

static void multiply(const product *p, size_t i, size_t j, size_t rows, size_t cols, size_t from, size_t depth,
                     double alpha, double beta, double *out, size_t ld) {
  const double *a = p->a + (p->ta ? from * p->lda + i : i * p->lda + from);
  if (p->symmetric && i == j) {
    cf_blas_syrk(p->ta, rows, depth, alpha, a, p->lda, beta, out, ld);
    return;
  }
  const double *b = p->b + (p->tb ? j * p->ldb + from : from * p->ldb + j);
  cf_blas_gemm(p->ta, p->tb, rows, cols, depth, alpha, a, p->lda, b, p->ldb, beta, out, ld);
}

/* Copies the tile at (i, j), i >= j, to its place above the diagonal. */
static void mirror(double *c, size_t ld, size_t i, size_t j, size_t rows, size_t cols) {
  for (size_t r0 = 0; r0 < rows; r0 += MIRROR)
    for (size_t s0 = 0; s0 < cols; s0 += MIRROR)
      for (size_t s = s0; s < CF_MIN(cols, s0 + MIRROR); s++)
        for (size_t r = r0; r < CF_MIN(rows, r0 + MIRROR); r++)
          if (i + r > j + s) c[(j + s) * ld + i + r] = c[(i + r) * ld + j + s];
}

static cf_status product_task(cf_context *worker, size_t task, void *payload) {
  const product *p = payload;
  size_t group = task / p->tiles, row, col;
  tile_position(p, task % p->tiles, &row, &col);
  size_t i = row * p->rows, j = col * p->cols;
  size_t rows = CF_MIN(p->rows, p->m - i), cols = CF_MIN(p->cols, p->n - j);
  if (p->groups == 1) {
    multiply(p, i, j, rows, cols, 0, p->k, p->alpha, p->beta, p->c + i * p->ldc + j, p->ldc);
    if (p->symmetric) mirror(p->c, p->ldc, i, j, rows, cols);
  } else {
    size_t depth = (p->k + p->groups - 1) / p->groups, from = group * depth;
    depth = from < p->k ? CF_MIN(depth, p->k - from) : 0;
    multiply(p, i, j, rows, cols, from, depth, p->alpha, 0, p->partial + task * p->rows * p->cols, p->cols);
  }
  cf_progress_step(worker, 1);
  return cf_check_cancel(worker);
}

/* Adds the groups' partial tiles in their order. */
static cf_status gather_task(cf_context *worker, size_t tile, void *payload) {
  (void)worker;
  const product *p = payload;
  size_t row, col, area = p->rows * p->cols;
  tile_position(p, tile, &row, &col);
  size_t i = row * p->rows, j = col * p->cols;
  size_t rows = CF_MIN(p->rows, p->m - i), cols = CF_MIN(p->cols, p->n - j);
  for (size_t r = 0; r < rows; r++) {
    double *restrict out = p->c + (i + r) * p->ldc + j;
    const double *part = p->partial + tile * area + r * p->cols;
    size_t width = p->symmetric && i == j ? r + 1 : cols;
    if (p->beta == 0)
      memset(out, 0, width * sizeof *out);
    else
      for (size_t s = 0; s < width; s++) out[s] *= p->beta;
    for (size_t g = 0; g < p->groups; g++)
      for (size_t s = 0; s < width; s++) out[s] += part[g * p->tiles * area + s];
  }
  if (p->symmetric) mirror(p->c, p->ldc, i, j, rows, cols);
  return CF_OK;
}

static cf_status run_product(cf_context *ctx, product *p) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  plan_tiles(p);
  if (p->groups > 1) {
    size_t count;
    CF_TRY(cf_size_mul(ctx, p->groups * p->tiles, p->rows * p->cols, &count));
    CF_TRY(CF_SCRATCH(ctx, &p->partial, count));
  }
  cf_progress_begin(ctx, "products", p->groups * p->tiles);
  status = cf_parallel_for(ctx, p->groups * p->tiles, product_task, p);
  cf_progress_end(ctx);
  CF_TRY(status);
  if (p->groups > 1) CF_TRY(cf_parallel_for(ctx, p->tiles, gather_task, p));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status too_large(cf_context *ctx) {
  return cf_fail(ctx, CF_ERR_INPUT, "matrix product: a dimension of more than 2147483647; work on blocks of it");
}

cf_status cf_gemm(cf_context *ctx, bool ta, bool tb, size_t m, size_t n, size_t k, double alpha, const double *a,
                  size_t lda, const double *b, size_t ldb, double beta, double *c, size_t ldc) {
  if (m == 0 || n == 0) return CF_OK;
  if (!cf_blas_fits(m, n, k) || !cf_blas_fits(lda, ldb, ldc)) return too_large(ctx);
  if (2.0 * (double)m * (double)n * (double)k <= SERIAL_FLOPS) {
    cf_blas_gemm(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    return CF_OK;
  }
  product p = {.ta = ta,
               .tb = tb,
               .m = m,
               .n = n,
               .k = k,
               .lda = lda,
               .ldb = ldb,
               .ldc = ldc,
               .alpha = alpha,
               .beta = beta,
               .a = a,
               .b = b,
               .c = c};
  return run_product(ctx, &p);
}

cf_status cf_syrk(cf_context *ctx, bool trans, size_t n, size_t k, double alpha, const double *a, size_t lda,
                  double beta, double *c, size_t ldc) {
  if (n == 0) return CF_OK;
  if (!cf_blas_fits(n, k, 0) || !cf_blas_fits(lda, ldc, 0)) return too_large(ctx);
  if ((double)n * (double)n * (double)k <= SERIAL_FLOPS) {
    cf_blas_syrk(trans, n, k, alpha, a, lda, beta, c, ldc);
    mirror(c, ldc, 0, 0, n, n);
    return CF_OK;
  }
  product p = {.ta = trans,
               .tb = !trans,
               .symmetric = true,
               .m = n,
               .n = n,
               .k = k,
               .lda = lda,
               .ldb = lda,
               .ldc = ldc,
               .alpha = alpha,
               .beta = beta,
               .a = a,
               .b = a,
               .c = c};
  return run_product(ctx, &p);
}

void cf_center_columns(size_t rows, size_t cols, double *a, size_t lda, double *means) {
  enum { BAND = 64 };
  if (rows == 0) return;
  for (size_t j = 0; j < cols; j += BAND) {
    size_t width = CF_MIN((size_t)BAND, cols - j);
    double mean[BAND] = {0}, rest[BAND] = {0};
    for (size_t i = 0; i < rows; i++)
      for (size_t s = 0; s < width; s++) mean[s] += a[i * lda + j + s];
    for (size_t s = 0; s < width; s++) mean[s] /= (double)rows;
    /* the second pass takes out what rounding left of a large mean */
    for (size_t i = 0; i < rows; i++)
      for (size_t s = 0; s < width; s++) rest[s] += a[i * lda + j + s] - mean[s];
    for (size_t s = 0; s < width; s++) mean[s] += rest[s] / (double)rows;
    for (size_t i = 0; i < rows; i++)
      for (size_t s = 0; s < width; s++) a[i * lda + j + s] -= mean[s];
    if (means) memcpy(means + j, mean, width * sizeof *mean);
  }
}
