/* A few of the largest eigenvalues of a large symmetric operator, by block Lanczos with full orthogonalisation.
 *
 * The rows of Q (m x n) are an orthonormal basis of span{X, X A, X A^2, ...} for a random block X of b rows. Each step
 * multiplies the newest block by A, which gives the next columns of H = Q A Q', takes out what lies in Q twice
 * (classical Gram-Schmidt needs the second time), and appends the rest. Eigenpairs (theta, s) of H give theta and s Q;
 * the residual
 * ||A v - theta v|| is the part of A v outside Q. When a block adds nothing new (a low-rank matrix), random rows take
 * its place. A block finds at most b copies of an eigenvalue that is repeated among many others; so for k > b the
 * iteration, once settled, goes on from fresh random rows and must settle again.
 *
 * A full basis is replaced by its best vectors s Q and the newest block (thick restart): A maps each of them into the
 * span of both, so the iteration goes on as if the rest had never been there. Eigenvectors that are known stand first
 * in Q and take no part in H.
 *
 * Golub & Underwood, The block Lanczos method, 1977; Wu & Simon, SIAM J. Matrix Anal. Appl. 22, 602 (2000); Saad,
 * Numerical Methods for Large Eigenvalue Problems, 2011, ch. 6. Cost: m products with A, and 4 m^2 n + m^3 flops while
 * the basis fills. */
#include "base/internal.h"
#include "linalg/internal.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = CF_KRYLOV_BLOCK, SECOND_STEPS = 4 };
#define HOPELESS  1e-5
#define TOLERANCE 1e-13 /* residual over the largest |eigenvalue|; LAPACK's own is of this order for n of thousands */

typedef struct rank {
  double theta;
  size_t at;
} rank;

typedef struct krylov {
  const cf_krylov *p;
  size_t n, k, block, most, m;     /* m rows of q are filled, the known ones first; there is room for most + block */
  double *q, *w, *h;               /* (most + block) x n, block x n, most x most (leading dimension most) */
  double *tall, *r, *overlap;      /* n x block, block x block, block x most */
  double *small, *theta, *vectors; /* most x most, most, most x most: eigenpairs of the leading part of h */
  rank *order;                     /* the wanted first */
  double size;                     /* of A: longest row of A Q' so far */
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

/* Appends w, already outside Q, as the next block; rows far below the size of A count as nothing. r stays that of the
 * first factorisation, for the residuals. */
static cf_status append(cf_context *ctx, krylov *s) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  double *first;
  bool again = false; /* short rows lose their right angles to Q when they are stretched to unit length */
  CF_TRY(CF_SCRATCH(ctx, &first, s->block * s->block));
  CF_TRY(orthonormalise(ctx, s));
  memcpy(first, s->r, s->block * s->block * sizeof *first);
  for (size_t i = 0; i < s->block; i++) {
    double length = fabs(s->r[i * s->block + i]);
    if (!(length > 1e-12 * s->size)) fill_random(s, i, (uint32_t)(s->m + i));
    if (!(length > 1e-3 * s->size)) again = true;
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
  const size_t from = s->m - s->block, known = s->p->known;
  CF_TRY(s->p->apply(ctx, s->block, s->q + from * s->n, s->w, s->p->payload));
  for (int pass = 0; pass < 2; pass++) {
    CF_TRY(take_out(ctx, s));
    for (size_t i = 0; i < s->block; i++)
      for (size_t j = known; j < s->m; j++) {
        double *h = s->h + (from - known + i) * s->most + (j - known);
        *h = pass == 0 ? s->overlap[i * s->most + j] : *h + s->overlap[i * s->most + j];
        s->h[(j - known) * s->most + (from - known + i)] = *h;
      }
  }
  for (size_t i = 0; i < s->block; i++) /* a row of H is at most as long as that row of A Q' */
    s->size = fmax(s->size, cf_norm2(s->m - known, s->h + (from - known + i) * s->most));
done:
  return status;
}

static int by_value(const void *x, const void *y) {
  const rank *a = x, *b = y;
  return a->theta > b->theta ? -1 : a->theta < b->theta;
}
static int by_magnitude(const void *x, const void *y) {
  const double a = fabs(((const rank *)x)->theta), b = fabs(((const rank *)y)->theta);
  return a != b ? (a > b ? -1 : 1) : by_value(x, y);
}

/* Eigenpairs of the leading m x m part of H, and the largest residual of the wanted ones relative to A, by the part r
 * of the newest product. */
static cf_status ritz(cf_context *ctx, krylov *s, size_t m, double *residual) {
  cf_status status = CF_OK;
  const size_t b = s->block;
  for (size_t i = 0; i < m; i++) memcpy(s->small + i * m, s->h + i * s->most, m * sizeof *s->small);
  CF_TRY(cf_eigh(ctx, m, s->small, s->theta, s->vectors));
  for (size_t i = 0; i < m; i++) s->order[i] = (rank){s->theta[i], i};
  qsort(s->order, m, sizeof *s->order, s->p->magnitude ? by_magnitude : by_value);
  const double size = fmax(fabs(s->theta[0]), fabs(s->theta[m - 1]));
  *residual = m < s->k ? INFINITY : 0;
  for (size_t i = 0; i < s->k && i < m && size > 0; i++) {
    const double *last = s->vectors + s->order[i].at * m + (m - b);
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
  CF_TRY(CF_SCRATCH(ctx, &s->overlap, s->block * (s->most + s->block)));
  CF_TRY(CF_SCRATCH(ctx, &s->h, s->most * s->most));
  CF_TRY(CF_SCRATCH(ctx, &s->small, s->most * s->most));
  CF_TRY(CF_SCRATCH(ctx, &s->vectors, s->most * s->most));
  CF_TRY(CF_SCRATCH(ctx, &s->theta, s->most));
  CF_TRY(CF_SCRATCH(ctx, &s->order, s->most));
  if (s->p->known) memcpy(s->q, s->p->known_vectors, s->p->known * s->n * sizeof *s->q);
  s->m = s->p->known;
done:
  return status;
}

/* Drops the block that has not been multiplied yet and goes on from random rows outside Q. */
static cf_status restart(cf_context *ctx, krylov *s) {
  cf_status status = CF_OK;
  s->m -= s->block;
  for (size_t i = 0; i < s->block; i++) fill_random(s, i, UINT32_MAX / 2 + (uint32_t)i);
  CF_TRY(take_out(ctx, s));
  CF_TRY(take_out(ctx, s));
  CF_TRY(append(ctx, s));
done:
  return status;
}

/* out (count x n) = the best `count` of the m eigenvectors of H, as vectors of A. */
static cf_status lift(cf_context *ctx, krylov *s, size_t m, size_t count, double *out) {
  for (size_t i = 0; i < count; i++) memcpy(s->small + i * m, s->vectors + s->order[i].at * m, m * sizeof *s->small);
  return cf_gemm(ctx, false, false, count, s->n, m, 1, s->small, m, s->q + s->p->known * s->n, s->n, 0, out, s->n);
}

/* The basis becomes its best vectors and the newest block; ritz() of the m rows before it has just been called. */
static cf_status thick_restart(cf_context *ctx, krylov *s, size_t m) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t known = s->p->known, keep = CF_MIN(s->k + (m - CF_MIN(m, s->k)) / 3, m);
  double *best;
  CF_TRY(CF_SCRATCH(ctx, &best, keep * s->n));
  CF_TRY(lift(ctx, s, m, keep, best));
  memcpy(s->q + known * s->n, best, keep * s->n * sizeof *best);
  memmove(s->q + (known + keep) * s->n, s->q + (s->m - s->block) * s->n, s->block * s->n * sizeof *best);
  s->m = known + keep + s->block;
  for (size_t i = 0; i < keep; i++)
    for (size_t j = 0; j < keep; j++) s->h[i * s->most + j] = i == j ? s->order[i].theta : 0;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status put_pairs(cf_context *ctx, krylov *s, size_t m, double *values, double *vectors) {
  for (size_t i = 0; i < s->k; i++) values[i] = s->order[i].theta;
  return vectors ? lift(ctx, s, m, s->k, vectors) : CF_OK;
}

cf_status cf_krylov_run(cf_context *ctx, const cf_krylov *p, double *values, double *vectors, bool *converged) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  krylov s = {.p = p, .n = p->n, .k = p->k, .block = BLOCK, .most = p->known + p->basis};
  size_t next = CF_MAX(3 * s.block, p->k + s.block), chances = p->k > s.block ? 2 : 1, settled = 0, products = 0;
  double residual;
  *converged = false;
  CF_TRY(allocate(ctx, &s));
  for (size_t i = 0; i < s.block; i++) fill_random(&s, i, UINT32_MAX - (uint32_t)i);
  CF_TRY(take_out(ctx, &s));
  CF_TRY(take_out(ctx, &s));
  CF_TRY(append(ctx, &s));
  while (products < p->most_products) {
    CF_TRY(cf_check_cancel(ctx));
    CF_TRY(multiply(ctx, &s));
    products += s.block;
    const size_t m = s.m - p->known;
    CF_TRY(append(ctx, &s));
    const bool full = s.m > s.most, last = products + s.block > p->most_products;
    if (m < next && !full && !last) continue;
    CF_TRY(ritz(ctx, &s, m, &residual));
    next = CF_MAX(m + s.block, m / 5 * 6);
    if (products >= p->give_up && residual > HOPELESS && settled == 0) break;
    if (residual <= p->tolerance && ++settled == chances) {
      CF_TRY(put_pairs(ctx, &s, m, values, vectors));
      *converged = true;
      break;
    }
    if (residual <= p->tolerance) {
      CF_TRY(restart(ctx, &s));
      next = m + SECOND_STEPS * s.block;
    }
    if (full) {
      CF_TRY(thick_restart(ctx, &s, m));
      next = (s.m - p->known + p->basis) / 2;
    }
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

typedef struct dense {
  size_t n;
  const double *a;
} dense;

static cf_status times_dense(cf_context *ctx, size_t rows, const double *x, double *y, void *payload) {
  const dense *d = payload;
  return cf_gemm(ctx, false, false, rows, d->n, d->n, 1, x, d->n, d->a, d->n, 0, y, d->n);
}

cf_status cf_krylov_top(cf_context *ctx, size_t n, const double *a, size_t k, double *values, double *vectors,
                        bool *converged) {
  dense d = {n, a};
  /* LAPACK takes no longer than n/8 rows do, so what is not well on its way at half of that is left to it */
  const size_t give_up = CF_MAX(n / 16, 8 * BLOCK), basis = (2 * give_up / BLOCK + SECOND_STEPS + 1) * BLOCK;
  const cf_krylov p = {.n = n,
                       .k = k,
                       .apply = times_dense,
                       .payload = &d,
                       .tolerance = TOLERANCE,
                       .basis = basis,
                       .give_up = give_up,
                       .most_products = basis - BLOCK};
  return cf_krylov_run(ctx, &p, values, vectors, converged);
}
