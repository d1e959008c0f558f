/* A few of the largest eigenvalues of a large symmetric matrix, by block Lanczos with full orthogonalisation.
 *
 * The rows of Q (m x n) are an orthonormal basis of span{X, A X, A^2 X, ...} for a random block X of b rows. Each step
 * multiplies the newest block by A, which gives the next columns of H = Q A Q', takes out what lies in Q twice
 * (classical Gram-Schmidt needs the second time), and appends the rest. Eigenpairs (theta, s) of H give theta and s Q;
 * the residual
 * ||A v - theta v|| is the part of A v outside Q. When a block adds nothing new (a low-rank matrix), random rows take
 * its place. A block finds at most b copies of an eigenvalue that is repeated among many others; so for k > b the
 * iteration, once settled, goes on from fresh random rows and must settle again. Golub & Underwood, The block Lanczos
 * method, 1977; Saad, Numerical Methods for Large Eigenvalue Problems, 2011, ch. 6. Cost: about m n^2 + 2 m^2 n + m^3
 * flops, nearly all of them in parallel products. */
#include "base/internal.h"
#include "linalg/internal.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { BLOCK = 8, SECOND_STEPS = 4 };
#define HOPELESS  1e-5
#define TOLERANCE 1e-13 /* residual over the largest |eigenvalue|; LAPACK's own is of this order for n of thousands */

typedef struct krylov {
  size_t n, k, block, most, m; /* m rows of q are filled */
  const double *a;
  double *q, *w, *h;               /* most x n, block x n, most x most (leading dimension most) */
  double *tall, *r, *overlap;      /* n x block, block x block, block x most */
  double *small, *theta, *vectors; /* most x most, most, most x most: eigenpairs of the leading m x m part of h */
} krylov;

static void fill_random(krylov *s, size_t row, uint32_t replicate) {
  cf_rng rng = cf_rng_make(0, 0x6b72796c6f76, replicate);
  for (size_t j = 0; j < s->n; j++) s->w[row * s->n + j] = cf_rng_normal(&rng);
}

/* w -= (w Q') Q over the rows of Q so far; overlap = w Q' (block x m, leading dimension most). */
static cf_status take_out(cf_context *ctx, krylov *s) {
  if (s->m == 0) return CF_OK;
  cf_status status = cf_gemm(ctx, false, true, s->block, s->m, s->n, 1, s->w, s->n, s->q, s->n, 0, s->overlap, s->most);
  if (status != CF_OK) return status;
  return cf_gemm(ctx, false, false, s->block, s->n, s->m, -1, s->overlap, s->most, s->q, s->n, 1, s->w, s->n);
}

/* Rows of w made orthonormal; r keeps what they were: w' = q_new' r. */
static cf_status orthonormalise(cf_context *ctx, krylov *s) {
  for (size_t i = 0; i < s->block; i++)
    for (size_t j = 0; j < s->n; j++) s->tall[j * s->block + i] = s->w[i * s->n + j];
  cf_status status = cf_qr(ctx, s->n, s->block, s->tall, s->r);
  if (status != CF_OK) return status;
  for (size_t i = 0; i < s->block; i++)
    for (size_t j = 0; j < s->n; j++) s->w[i * s->n + j] = s->tall[j * s->block + i];
  return CF_OK;
}

/* Appends w, already outside Q, as the next block. size: of A, below which a row counts as nothing. r stays that of the
 * first factorisation, for the residuals. */
static cf_status append(cf_context *ctx, krylov *s, double size) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  double *first;
  bool again = false; /* short rows lose their right angles to Q when they are stretched to unit length */
  CF_TRY(CF_SCRATCH(ctx, &first, s->block * s->block));
  CF_TRY(orthonormalise(ctx, s));
  memcpy(first, s->r, s->block * s->block * sizeof *first);
  for (size_t i = 0; i < s->block; i++) {
    double length = fabs(s->r[i * s->block + i]);
    if (!(length > 1e-12 * size)) fill_random(s, i, (uint32_t)(s->m + i));
    if (!(length > 1e-3 * size)) again = true;
  }
  for (int pass = 0; again && pass < 2; pass++) {
    CF_TRY(take_out(ctx, s));
    CF_TRY(orthonormalise(ctx, s));
  }
  memcpy(s->r, first, s->block * s->block * sizeof *first);
  memcpy(s->q + s->m * s->n, s->w, s->block * s->n * sizeof *s->w);
  s->m += s->block;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* w = (newest block) A, its part of H, and w made orthogonal to Q. */
static cf_status multiply(cf_context *ctx, krylov *s) {
  cf_status status = CF_OK;
  size_t from = s->m - s->block;
  CF_TRY(cf_gemm(ctx, false, false, s->block, s->n, s->n, 1, s->q + from * s->n, s->n, s->a, s->n, 0, s->w, s->n));
  for (int pass = 0; pass < 2; pass++) {
    CF_TRY(take_out(ctx, s));
    for (size_t i = 0; i < s->block; i++)
      for (size_t j = 0; j < s->m; j++) {
        double *h = s->h + (from + i) * s->most + j;
        *h = pass == 0 ? s->overlap[i * s->most + j] : *h + s->overlap[i * s->most + j];
        s->h[j * s->most + from + i] = *h;
      }
  }
done:
  return status;
}

/* Eigenpairs of H, and the largest residual of the k largest relative to A, by the part r of the newest product. */
static cf_status ritz(cf_context *ctx, krylov *s, size_t m, double *residual) {
  cf_status status = CF_OK;
  size_t b = s->block;
  for (size_t i = 0; i < m; i++) memcpy(s->small + i * m, s->h + i * s->most, m * sizeof *s->small);
  CF_TRY(cf_eigh(ctx, m, s->small, s->theta, s->vectors));
  double size = fmax(fabs(s->theta[0]), fabs(s->theta[m - 1]));
  *residual = 0;
  for (size_t i = 0; i < s->k && size > 0; i++) {
    const double *last = s->vectors + (m - 1 - i) * m + (m - b);
    double square = 0;
    for (size_t row = 0; row < b; row++) {
      double sum = 0;
      for (size_t col = row; col < b; col++) sum += s->r[row * b + col] * last[col];
      square += sum * sum;
    }
    *residual = fmax(*residual, sqrt(square) / size);
  }
done:
  return status;
}

static cf_status allocate(cf_context *ctx, krylov *s) {
  cf_status status = CF_OK;
  CF_TRY(CF_SCRATCH(ctx, &s->q, (s->most + s->block) * s->n));
  CF_TRY(CF_SCRATCH(ctx, &s->w, s->block * s->n));
  CF_TRY(CF_SCRATCH(ctx, &s->tall, s->block * s->n));
  CF_TRY(CF_SCRATCH(ctx, &s->r, s->block * s->block));
  CF_TRY(CF_SCRATCH(ctx, &s->overlap, s->block * s->most));
  CF_TRY(CF_SCRATCH(ctx, &s->h, s->most * s->most));
  CF_TRY(CF_SCRATCH(ctx, &s->small, s->most * s->most));
  CF_TRY(CF_SCRATCH(ctx, &s->vectors, s->most * s->most));
  CF_TRY(CF_SCRATCH(ctx, &s->theta, s->most));
done:
  return status;
}

/* Drops the block that has not been multiplied yet and goes on from random rows outside Q. */
static cf_status restart(cf_context *ctx, krylov *s, double size) {
  cf_status status = CF_OK;
  s->m -= s->block;
  for (size_t i = 0; i < s->block; i++) fill_random(s, i, UINT32_MAX / 2 + (uint32_t)i);
  CF_TRY(take_out(ctx, s));
  CF_TRY(take_out(ctx, s));
  CF_TRY(append(ctx, s, size));
done:
  return status;
}

static cf_status put_pairs(cf_context *ctx, krylov *s, size_t m, double *values, double *vectors) {
  for (size_t i = 0; i < s->k; i++) {
    values[i] = s->theta[m - 1 - i];
    memcpy(s->small + i * m, s->vectors + (m - 1 - i) * m, m * sizeof *s->small);
  }
  if (!vectors) return CF_OK;
  return cf_gemm(ctx, false, false, s->k, s->n, m, 1, s->small, m, s->q, s->n, 0, vectors, s->n);
}

cf_status cf_krylov_top(cf_context *ctx, size_t n, const double *a, size_t k, double *values, double *vectors,
                        bool *converged) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  krylov s = {.n = n, .k = k, .a = a, .block = BLOCK};
  size_t next = CF_MAX(3 * s.block, k + s.block), chances = k > s.block ? 2 : 1, settled = 0;
  double size = 0, residual;
  *converged = false;
  /* LAPACK takes no longer than n/8 rows do, so what is not well on its way at half of that is left to it */
  size_t give_up = CF_MAX(n / 16, 8 * s.block);
  s.most = (2 * give_up / s.block + SECOND_STEPS + 1) * s.block;
  CF_TRY(allocate(ctx, &s));
  for (size_t i = 0; i < s.block; i++) fill_random(&s, i, UINT32_MAX - (uint32_t)i);
  CF_TRY(append(ctx, &s, 0));
  while (s.m < s.most) {
    CF_TRY(multiply(ctx, &s));
    for (size_t i = 0; i < s.block; i++) /* a row of H is at most as long as that row of A Q' */
      size = fmax(size, cf_norm2(s.m, s.h + (s.m - s.block + i) * s.most));
    size_t m = s.m;
    CF_TRY(append(ctx, &s, size));
    if (m < next && m + s.block < s.most) continue;
    CF_TRY(ritz(ctx, &s, m, &residual));
    next = CF_MAX(m + s.block, m / 5 * 6);
    if (m >= give_up && residual > HOPELESS && settled == 0) break;
    if (!(residual <= TOLERANCE)) continue;
    if (++settled == chances) {
      CF_TRY(put_pairs(ctx, &s, m, values, vectors));
      *converged = true;
      break;
    }
    CF_TRY(restart(ctx, &s, size));
    next = m + SECOND_STEPS * s.block;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
