/* Cross-validated ridge regression of few features from products of features: samples are looked at once.
 *
 *   A = X'X, C = X'Y, and of each inner fold g   A_g, C_g:   V diag(l) V' = A - A_g,
 *   b(alpha) = V diag(1/(l + alpha)) V' (C - C_g)          weights of the fold left out, for all penalties,
 *   X_g = Q R (thin),  X_g b = Q (R b),   R from A_g by Cholesky where that keeps the digits, else by QR
 *
 * Q keeps all inner products: the q rows of R stand for the m scored samples of the fold, Q'z for what was measured
 * there and Q'1 for a row of ones, and scores (bank_score.c) take q rows instead of m. Cost a fold: 2 m q (q + t) to
 * make, about 25 q^3 for the eigenvalues and 2 r q^2 t for the r predictions of the skeleton; deletion.c, which takes
 * many features better, solves m x m systems of all targets for each penalty. */
#include "voxelwise/internal.h"

#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

#define REGULAR 1e-3 /* of a factor's diagonal: products have lost six digits of sixteen */
#define MUCH    1e9  /* operations on predictions from which single precision is taken */

bool cf_reduced_pays(const cf_design *design, const cf_candidates *c, size_t train, size_t folds, size_t targets) {
  enum { SKELETON = 8 }; /* filters that stand for all, about */
  const double q = (double)design->q, t = (double)targets, m = (double)train / (double)folds, r = SKELETON;
  if (design->q == 0 || c->method != CF_VOXEL_RIDGE) return false;
  const double here = 25 * q * q * q + 2 * r * q * q * t + 2 * m * q * (q + t);
  const double there = (double)c->count * (m * m * m / 3 + 2 * m * m * t) + r * (m * m * q + 2 * m * q * t);
  return here < there;
}

/* Rows of an inner fold, the scored ones first. */
static cf_status rows_of(cf_context *ctx, const cf_fold_set *inner, size_t fold, size_t *scored, size_t *all,
                         size_t **row) {
  cf_status status = CF_OK;
  *scored = *all = 0;
  CF_TRY(CF_SCRATCH(ctx, row, inner->n));
  for (int pass = 0; pass < 2; pass++) {
    for (size_t i = 0; i < inner->n; i++)
      if (inner->fold[i] == fold && inner->scored[i] == (pass == 0)) (*row)[(*all)++] = i;
    if (pass == 0) *scored = *all;
  }
done:
  return status;
}

/* Sums of what was measured in the scored samples, and of its squares. */
static void sums_of(size_t m, size_t t, const double *y, double *sum, double *square) {
  memset(sum, 0, t * sizeof *sum);
  memset(square, 0, t * sizeof *square);
  for (size_t i = 0; i < m; i++)
    for (size_t j = 0; j < t; j++) {
      sum[j] += y[i * t + j];
      square[j] += y[i * t + j] * y[i * t + j];
    }
}

/* Room for `rows` that stand for the scored samples. */
static cf_status make_rows(cf_context *ctx, size_t rows, size_t q, size_t t, cf_reduced_block *b) {
  cf_status status = CF_OK;
  b->m = rows;
  CF_TRY(CF_SCRATCH(ctx, &b->rows, rows * q));
  CF_TRY(CF_SCRATCH(ctx, &b->z, rows * t));
  CF_TRY(CF_SCRATCH(ctx, &b->ones, rows));
done:
  return status;
}

/* R = L', Q'y = L^-1 X'y and Q'1 = L^-1 X'1 from X'X = L L' (in a) and X'y (in c); *known false where L is far from
 * regular. */
static cf_status by_cholesky(cf_context *ctx, size_t m, size_t q, size_t t, const double *x, cf_reduced_block *b,
                             bool *known) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *l, least = INFINITY, most = 0;
  CF_TRY(CF_SCRATCH(ctx, &l, q * q));
  memcpy(l, b->a, q * q * sizeof *l);
  status = cf_cholesky(ctx, q, l);
  *known = status == CF_OK;
  if (status == CF_ERR_NUMERIC) {
    cf_context_clear(ctx);
    status = CF_OK;
  }
  CF_TRY(status);
  for (size_t i = 0; i < q && *known; i++) {
    least = fmin(least, l[i * q + i]);
    most = fmax(most, l[i * q + i]);
  }
  *known = *known && least > REGULAR * most;
  if (!*known) goto done;
  for (size_t i = 0; i < q; i++)
    for (size_t j = 0; j < q; j++) b->rows[i * q + j] = l[j * q + i];
  memcpy(b->z, b->c, q * t * sizeof *b->z);
  memset(b->ones, 0, q * sizeof *b->ones);
  for (size_t i = 0; i < m; i++)
    for (size_t k = 0; k < q; k++) b->ones[k] += x[i * q + k];
  CF_TRY(cf_solve_lower(ctx, false, q, l, t, b->z));
  CF_TRY(cf_solve_lower(ctx, false, q, l, 1, b->ones));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status by_qr(cf_context *ctx, size_t m, size_t q, size_t t, const double *x, const double *y,
                       cf_reduced_block *b) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *copy;
  CF_TRY(CF_SCRATCH(ctx, &copy, m * q));
  memcpy(copy, x, m * q * sizeof *copy);
  CF_TRY(cf_qr(ctx, m, q, copy, b->rows));
  CF_TRY(cf_gemm(ctx, true, false, q, t, m, 1, copy, q, y, t, 0, b->z, t));
  memset(b->ones, 0, q * sizeof *b->ones);
  for (size_t i = 0; i < m; i++)
    for (size_t k = 0; k < q; k++) b->ones[k] += copy[i * q + k];
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Of the m scored samples x and y: their products, and the rows that stand for them (themselves, where there are no
 * more of them than features). */
static cf_status compress(cf_context *ctx, size_t m, size_t q, size_t t, const double *x, const double *y,
                          cf_reduced_block *b) {
  cf_status status = CF_OK;
  bool known = false;
  CF_TRY(cf_syrk(ctx, true, q, m, 1, x, q, 0, b->a, q));
  CF_TRY(cf_gemm(ctx, true, false, q, t, m, 1, x, q, y, t, 0, b->c, t));
  CF_TRY(make_rows(ctx, CF_MIN(m, q), q, t, b));
  if (m > q) {
    CF_TRY(by_cholesky(ctx, m, q, t, x, b, &known));
    if (!known) CF_TRY(by_qr(ctx, m, q, t, x, y, b));
  } else {
    memcpy(b->rows, x, m * q * sizeof *x);
    memcpy(b->z, y, m * t * sizeof *y);
    for (size_t i = 0; i < m; i++) b->ones[i] = 1;
  }
done:
  return status;
}

static cf_status make_block(cf_context *ctx, const cf_design *design, const size_t *train, const cf_fold_set *inner,
                            size_t fold, size_t t, const double *y, cf_reduced_block *b) {
  cf_status status = CF_OK;
  const size_t q = design->q;
  size_t m, all, *row;
  double *x, *z;
  CF_TRY(CF_SCRATCH(ctx, &b->a, q * q));
  CF_TRY(CF_SCRATCH(ctx, &b->c, q * t));
  CF_TRY(CF_SCRATCH(ctx, &b->sum, t));
  CF_TRY(CF_SCRATCH(ctx, &b->square, t));
  CF_TRY(rows_of(ctx, inner, fold, &m, &all, &row));
  CF_TRY(CF_SCRATCH(ctx, &x, all * q));
  CF_TRY(CF_SCRATCH(ctx, &z, all * t));
  for (size_t i = 0; i < all; i++) memcpy(x + i * q, design->x + train[row[i]] * q, q * sizeof *x);
  cf_take_rows(all, row, t, y, t, z);
  b->samples = m;
  sums_of(m, t, z, b->sum, b->square);
  CF_TRY(compress(ctx, m, q, t, x, z, b));
  if (all > m) { /* samples that neither train nor count */
    CF_TRY(cf_syrk(ctx, true, q, all - m, 1, x + m * q, q, 1, b->a, q));
    CF_TRY(cf_gemm(ctx, true, false, q, t, all - m, 1, x + m * q, q, z + m * t, t, 1, b->c, t));
  }
done:
  return status;
}

cf_status cf_reduced_make(cf_context *ctx, const cf_design *design, const cf_sample_list *train,
                          const cf_fold_set *inner, size_t t, const double *y, cf_reduced *out) {
  cf_status status = CF_OK;
  const size_t q = design->q;
  *out = (cf_reduced){.q = q, .t = t, .folds = inner->folds};
  CF_TRY(CF_SCRATCH(ctx, &out->a, q * q));
  CF_TRY(CF_SCRATCH(ctx, &out->c, q * t));
  CF_TRY(CF_SCRATCH(ctx, &out->block, inner->folds));
  memset(out->a, 0, q * q * sizeof *out->a);
  memset(out->c, 0, q * t * sizeof *out->c);
  for (size_t f = 0; f < inner->folds; f++) {
    cf_reduced_block *b = &out->block[f];
    CF_TRY(make_block(ctx, design, train->row, inner, f, t, y, b));
    for (size_t i = 0; i < q * q; i++) out->a[i] += b->a[i];
    for (size_t i = 0; i < q * t; i++) out->c[i] += b->c[i];
  }
done:
  return status;
}

static cf_status score_block(cf_context *ctx, const cf_reduced *r, const cf_reduced_block *b,
                             const cf_candidates *candidates, cf_inner_score kind, bool single, double *score) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_split split = {0};
  cf_bank bank = {0};
  double *a, *c;
  CF_TRY(CF_SCRATCH(ctx, &a, r->q * r->q));
  CF_TRY(CF_SCRATCH(ctx, &c, r->q * r->t));
  for (size_t i = 0; i < r->q * r->q; i++) a[i] = r->a[i] - b->a[i];
  for (size_t i = 0; i < r->q * r->t; i++) c[i] = r->c[i] - b->c[i];
  CF_TRY(cf_split_products(ctx, r->q, a, b->m, b->rows, &split));
  CF_TRY(cf_bank_make(ctx, &split, candidates, single, r->t, &bank));
  const cf_bank_test test = {b->samples, b->z, b->ones, b->sum, b->square};
  CF_TRY(cf_bank_score(ctx, &bank, kind, r->t, c, &test, score));
done:
  cf_bank_free(&bank);
  cf_split_free(&split);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_reduced_score(cf_context *ctx, const cf_reduced *r, const cf_candidates *candidates,
                           const cf_ridge_options *o, double *score) {
  cf_status status = CF_OK;
  const double q = (double)r->q, much = 2 * (double)r->folds * q * q * (double)r->t * (double)candidates->count;
  const bool single = o->precision == CF_PRECISION_AUTO ? much > MUCH : o->precision == CF_PRECISION_SINGLE;
  for (size_t f = 0; f < r->folds; f++) {
    CF_TRY(cf_check_cancel(ctx));
    CF_TRY(score_block(ctx, r, &r->block[f], candidates, o->score, single, score + f * candidates->count * r->t));
  }
done:
  return status;
}
