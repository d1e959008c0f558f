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

#define CLONES     __attribute__((target_clones("default", "avx2", "avx512f")))
#define BLOCK_SIZE ((size_t)1 << 19) /* bytes of data in a block: half of a second-level cache */

typedef struct pass {
  bool shift;
  void *c, *weights, *model, *q; /* P x R, block x R, block x P (or P x R), D x D, of the storage type */
  size_t *maps;
  double *length, *moved; /* ||C_r||, ||C_r - C0_r|| */
} pass;

#define REAL    double
#define NAME(x) x##_double
#define GEMM    cf_gemm_serial
#define EPSILON DBL_EPSILON
#include "tensor/blocks.h"
#undef REAL
#undef NAME
#undef GEMM
#undef EPSILON

#define REAL    float
#define NAME(x) x##_single
#define GEMM    cf_gemm_serial_single
#define EPSILON (double)FLT_EPSILON
#include "tensor/blocks.h"

static size_t block_maps(const cf_tensor *x, bool single) {
  const size_t row = x->p * (single ? sizeof(float) : sizeof(double));
  return CF_MIN(x->maps, CF_MAX((size_t)16, BLOCK_SIZE / row));
}

cf_status cf_fit_new(cf_context *ctx, const cf_tensor *x, size_t rank, bool single, cf_fit *fit) {
  cf_status status = CF_OK;
  cf_fit f = {.x = x, .r = rank, .single = single};
  const size_t size = single ? sizeof(float) : sizeof(double), block = block_maps(x, true);
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
  const size_t model = CF_MAX(block * x->p, x->p * rank);
  CF_TRY(cf_scratch_bytes(ctx, x->p * rank + block * rank + model + x->d * x->d + 2 * rank + block + 64, sizeof(double),
                          &f.block));
  CF_TRY(cf_scratch_bytes(ctx, x->maps * x->p, size, &f.xs));
  CF_TRY(cf_scratch_bytes(ctx, x->maps * rank, size, &f.y));
  memset(f.k, 0, x->maps * sizeof *f.k);
  *fit = f;
done:
  return status;
}

/* Parts of the work memory, which was measured in doubles: enough for both types. */
static pass parts(const cf_fit *f, bool shift) {
  const size_t block = block_maps(f->x, true), r = f->r;
  double *at = f->block;
  pass p = {.shift = shift && f->x->shift && f->x->d > 1};
  p.c = at;
  at += f->x->p * r;
  p.weights = at;
  at += block * r;
  p.model = at;
  at += CF_MAX(block * f->x->p, f->x->p * r);
  p.q = at;
  at += f->x->d * f->x->d;
  p.length = at;
  p.moved = at + r;
  p.maps = (size_t *)(void *)(at + 2 * r);
  return p;
}

void cf_fit_align(cf_fit *fit) {
  const pass p = parts(fit, false);
  if (fit->single)
    align_single(fit, p.q);
  else
    align_double(fit, p.q);
  for (size_t m = 0; m < fit->x->maps; m++) fit->slack[m] = -1;
  memcpy(fit->a0, fit->a, fit->x->n * fit->r * sizeof *fit->a);
  memcpy(fit->b0, fit->b, fit->x->s * fit->r * sizeof *fit->b);
  memcpy(fit->c0, fit->c, fit->x->p * fit->r * sizeof *fit->c);
}

cf_status cf_fit_set_single(cf_context *ctx, cf_fit *fit, bool single) {
  cf_status status = CF_OK;
  if (!single && fit->single) {
    CF_TRY(cf_scratch_bytes(ctx, fit->x->maps * fit->x->p, sizeof(double), &fit->xs));
    CF_TRY(cf_scratch_bytes(ctx, fit->x->maps * fit->r, sizeof(double), &fit->y));
  }
  fit->single = single;
  cf_fit_align(fit);
done:
  return status;
}

/* How far the patterns have moved since the last shift step; that becomes this one. */
static void measure_moves(cf_fit *f, const pass *p) {
  const size_t r = f->r;
  for (size_t i = 0; i < r; i++) p->length[i] = p->moved[i] = 0;
  for (size_t e = 0; e < f->x->p * r; e++) {
    const double move = f->c[e] - f->c0[e];
    p->length[e % r] += f->c[e] * f->c[e];
    p->moved[e % r] += move * move;
  }
  for (size_t i = 0; i < r; i++) {
    p->length[i] = sqrt(p->length[i]);
    p->moved[i] = sqrt(p->moved[i]);
  }
}

static void load_patterns(const cf_fit *f, const pass *p) {
  const size_t count = f->x->p * f->r;
  if (f->single)
    for (size_t i = 0; i < count; i++) ((float *)p->c)[i] = (float)f->c[i];
  else
    memcpy(p->c, f->c, count * sizeof *f->c);
}

void cf_fit_pass(cf_fit *fit, bool shift) {
  const pass p = parts(fit, shift);
  const size_t block = block_maps(fit->x, fit->single), maps = fit->x->maps;
  fit->changed = fit->tried = 0;
  load_patterns(fit, &p);
  if (p.shift) measure_moves(fit, &p);
  for (size_t from = 0; from < maps; from += block) {
    if (fit->single)
      pass_block_single(fit, &p, from, CF_MIN(block, maps - from));
    else
      pass_block_double(fit, &p, from, CF_MIN(block, maps - from));
  }
  if (!p.shift) return;
  memcpy(fit->a0, fit->a, fit->x->n * fit->r * sizeof *fit->a);
  memcpy(fit->b0, fit->b, fit->x->s * fit->r * sizeof *fit->b);
  memcpy(fit->c0, fit->c, fit->x->p * fit->r * sizeof *fit->c);
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
