/* Passes over the data in blocks of maps that stay in the second-level cache. The unfolded copies of the textbook form
 * are never made: with maps m = (n, s) as rows, Y = Xs C (maps x P by P x R) serves the modes A and B, for
 * W_A[n] = sum_s Y[n,s] o B[s] and W_B[s] = sum_n Y[n,s] o A[n], and W_C = Xs' (A (.) B) is one more product on the
 * data as they lie. Two products of 2 N S P R flops a sweep instead of three, and the shift step works on the block
 * while it is in cache.
 *
 * Phan, Tichavsky & Cichocki, IEEE Trans. Signal Process. 61, 4834 (2013), on sharing between the modes' products. */
#include "tensor/internal.h"

#include <cortifold/linalg.h>
#include <float.h>
#include <math.h>
#include <string.h>

#define INLINE     static inline __attribute__((always_inline)) /* into every clone of the caller */
#define UNROLL     _Pragma("GCC unroll 8")
#define BLOCK_SIZE ((size_t)1 << 18) /* bytes of data in a block: it stays in the second-level cache */

typedef struct pass {
  bool shift;
  size_t ld, wide, padded;   /* R in half vectors and in whole ones, P in whole ones */
  void *c, *ct;              /* P x ld, R x padded */
  void *weights, *model, *q; /* block x ld, block x padded, D x (D + 1), of the storage type */
  size_t *maps;
  double *length, *varying,
      *moved; /* of each pattern: norm, norm of what varies with direction, of how far that moved */
} pass;

/* Numbers in whole vectors of so many bytes. */
static size_t whole(size_t n, size_t bytes, bool single) {
  const size_t lanes = bytes / (single ? sizeof(float) : sizeof(double));
  return (n + lanes - 1) / lanes * lanes;
}

static size_t padded_rank(const cf_fit *f) {
  return whole(f->r, 32, f->single);
}

#define REAL    double
#define NAME(x) x##_double
#define EPSILON DBL_EPSILON
#include "tensor/blocks.h"
#undef REAL
#undef NAME
#undef EPSILON

#define REAL    float
#define NAME(x) x##_single
#define EPSILON (double)FLT_EPSILON
#include "tensor/blocks.h"

static size_t block_maps(const cf_tensor *x, bool single) {
  const size_t row = x->p * (single ? sizeof(float) : sizeof(double));
  return CF_MIN(x->maps, CF_MAX((size_t)16, BLOCK_SIZE / row));
}

/* Lengths of the parts of the work memory, in doubles: enough for both types. */
typedef struct sizes {
  size_t c, ct, weights, model, q, total;
} sizes;

static sizes work_sizes(const cf_tensor *x, size_t r) {
  const size_t block = block_maps(x, true), ld = whole(r, 64, true), padded = whole(x->p, 64, true);
  sizes s = {x->p * ld, r * padded, block * ld, block * padded, (x->d * (x->d + 1) + 7) / 8 * 8, 0};
  s.total = s.c + s.ct + s.weights + s.model + s.q + 3 * r + block;
  return s;
}

/* Aligned data and their products. */
static cf_status data_new(cf_context *ctx, cf_fit *f) {
  cf_status status = CF_OK;
  const size_t size = f->single ? sizeof(float) : sizeof(double);
  CF_TRY(cf_scratch_bytes(ctx, f->x->maps * f->x->p, size, &f->xs));
  CF_TRY(cf_scratch_bytes(ctx, f->x->maps * padded_rank(f), size, &f->y));
done:
  return status;
}

cf_status cf_fit_new(cf_context *ctx, const cf_tensor *x, size_t rank, bool single, cf_fit *fit) {
  cf_status status = CF_OK;
  cf_fit f = {.x = x, .r = rank, .single = single};
  CF_TRY(CF_SCRATCH(ctx, &f.a, x->n * rank));
  CF_TRY(CF_SCRATCH(ctx, &f.b, x->s * rank));
  CF_TRY(CF_SCRATCH(ctx, &f.c, x->p * rank));
  CF_TRY(CF_SCRATCH(ctx, &f.a0, x->n * rank));
  CF_TRY(CF_SCRATCH(ctx, &f.b0, x->s * rank));
  CF_TRY(CF_SCRATCH(ctx, &f.c0, x->p * rank));
  CF_TRY(CF_SCRATCH(ctx, &f.k, x->maps));
  CF_TRY(CF_SCRATCH(ctx, &f.slack, x->maps));
  CF_TRY(CF_SCRATCH(ctx, &f.w, CF_MAX(x->n, CF_MAX(x->s, x->p)) * rank));
  CF_TRY(CF_SCRATCH(ctx, &f.gram, 4 * rank * rank));
  f.ga = f.gram + rank * rank;
  f.gb = f.ga + rank * rank;
  f.gc = f.gb + rank * rank;
  CF_TRY(cf_scratch_bytes(ctx, work_sizes(x, rank).total, sizeof(double), &f.block));
  CF_TRY(data_new(ctx, &f));
  memset(f.k, 0, x->maps * sizeof *f.k);
  *fit = f;
done:
  return status;
}

static pass parts(const cf_fit *f, bool shift) {
  const sizes s = work_sizes(f->x, f->r);
  double *at = f->block;
  pass p = {.shift = shift && f->x->shift && f->x->d > 1,
            .ld = padded_rank(f),
            .wide = whole(f->r, 64, f->single),
            .padded = whole(f->x->p, 64, f->single)};
  p.c = at;
  p.ct = at += s.c;
  p.weights = at += s.ct;
  p.model = at += s.weights;
  p.q = at += s.model;
  p.length = at += s.q;
  p.varying = p.length + f->r;
  p.moved = p.varying + f->r;
  p.maps = (size_t *)(void *)(p.moved + f->r);
  return p;
}

static void keep_factors(cf_fit *fit) {
  memcpy(fit->a0, fit->a, fit->x->n * fit->r * sizeof *fit->a);
  memcpy(fit->b0, fit->b, fit->x->s * fit->r * sizeof *fit->b);
  memcpy(fit->c0, fit->c, fit->x->p * fit->r * sizeof *fit->c);
}

void cf_fit_align(cf_fit *fit) {
  const pass p = parts(fit, false);
  if (fit->single)
    align_single(fit, p.q);
  else
    align_double(fit, p.q);
  for (size_t m = 0; m < fit->x->maps; m++) fit->slack[m] = -1;
  keep_factors(fit);
}

cf_status cf_fit_set_single(cf_context *ctx, cf_fit *fit, bool single) {
  cf_status status = CF_OK;
  const bool grows = !single && fit->single;
  fit->single = single;
  if (grows) CF_TRY(data_new(ctx, fit));
  cf_fit_align(fit);
done:
  return status;
}

/* Norms of the patterns, of what varies with direction in them, and of how far that has moved since the last step. */
static void measure_moves(cf_fit *f, const pass *p) {
  const size_t r = f->r, d = f->x->d;
  for (size_t i = 0; i < r; i++) {
    double all = 0, varying = 0, moved = 0;
    for (size_t t = 0; t < f->x->t; t++) {
      const double *c = f->c + t * d * r + i, *c0 = f->c0 + t * d * r + i;
      double mean = 0, move = 0;
      for (size_t e = 0; e < d; e++) {
        mean += c[e * r] / (double)d;
        move += (c[e * r] - c0[e * r]) / (double)d;
      }
      for (size_t e = 0; e < d; e++) {
        const double v = c[e * r], step = v - c0[e * r] - move;
        all += v * v;
        varying += (v - mean) * (v - mean);
        moved += step * step;
      }
    }
    p->length[i] = sqrt(all);
    p->varying[i] = sqrt(varying);
    p->moved[i] = sqrt(moved);
  }
}

void cf_fit_pass(cf_fit *fit, bool shift) {
  const pass p = parts(fit, shift);
  const size_t block = block_maps(fit->x, fit->single), maps = fit->x->maps;
  fit->changed = fit->tried = 0;
  if (fit->single)
    load_patterns_single(fit, &p);
  else
    load_patterns_double(fit, &p);
  if (p.shift) measure_moves(fit, &p);
  for (size_t from = 0; from < maps; from += block) {
    if (fit->single)
      pass_block_single(fit, &p, from, CF_MIN(block, maps - from));
    else
      pass_block_double(fit, &p, from, CF_MIN(block, maps - from));
  }
  if (p.shift) keep_factors(fit);
}

void cf_fit_products_a(const cf_fit *fit, double *w) {
  if (fit->single)
    gather_a_single(fit, w);
  else
    gather_a_double(fit, w);
}

void cf_fit_products_b(const cf_fit *fit, double *w) {
  if (fit->single)
    gather_b_single(fit, w);
  else
    gather_b_double(fit, w);
}

void cf_fit_products_c(const cf_fit *fit, double *w) {
  const pass p = parts(fit, false);
  const size_t block = block_maps(fit->x, fit->single), maps = fit->x->maps;
  memset(w, 0, fit->x->p * fit->r * sizeof *w);
  for (size_t from = 0; from < maps; from += block) {
    if (fit->single)
      pattern_block_single(fit, &p, from, CF_MIN(block, maps - from), w);
    else
      pattern_block_double(fit, &p, from, CF_MIN(block, maps - from), w);
  }
}

void cf_factor_gram(size_t n, size_t r, const double *f, double *g) {
  cf_gemm_serial(true, false, r, r, n, 1, f, r, f, r, 0, g, r);
}
