/* Scores of all penalties from the predictions P_s of the skeleton (bank.c): for each target the Gram matrix of the r
 * predictions, the test samples z and a row of ones holds every sum that a score needs, and no other prediction is
 * formed.
 *
 *   prediction_a = scale_a sum_s combine_as P_s,   z . prediction_a and |prediction_a|^2 are forms in combine_a.
 *
 * Targets go through in panels of eight, one a lane, so that the sums stay in registers. */
#include "voxelwise/internal.h"

#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

enum { LANES = 8, BLOCK = 4 };
typedef double lanes __attribute__((vector_size(LANES * sizeof(double)), aligned(sizeof(double)), may_alias));

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

/* Predictions of the skeleton, (r m) x w, in the precision of the bank. */
static cf_status predict_skeleton(cf_context *ctx, const cf_bank *b, size_t w, const double *y, void *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t item = b->single ? sizeof(float) : sizeof(double);
  const void *in = y;
  float *narrow;
  char *q = NULL, *scaled = NULL;
  if (b->single) {
    CF_TRY(CF_SCRATCH(ctx, &narrow, b->n * w));
    for (size_t i = 0; i < b->n * w; i++) narrow[i] = (float)y[i];
    in = narrow;
  }
  if (b->direct) {
    multiply(b->single, b->r * b->m, w, b->n, b->first, in, out);
  } else {
    CF_TRY(CF_SCRATCH(ctx, &q, b->k * w * item + 1));
    CF_TRY(CF_SCRATCH(ctx, &scaled, b->k * w * item + 1));
    multiply(b->single, b->k, w, b->n, b->first, in, q);
    for (size_t s = 0; s < b->r; s++) {
      scale_rows(b->single, b->k, w, b->weight + s * b->k, q, scaled);
      multiply(b->single, b->m, w, b->k, b->second, scaled, (char *)out + s * b->m * w * item);
    }
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------------ panels -- */

/* Targets j to j + LANES - 1 (fewer at the end: zeros) as m x rows lanes: skeleton, z, ones, zeros up to whole blocks.
 */
static void pack(const cf_bank *b, size_t rows, size_t w, size_t j, const void *prediction, const cf_bank_test *test,
                 double *panel) {
  const size_t wide = CF_MIN((size_t)LANES, w - j);
  memset(panel, 0, b->m * rows * LANES * sizeof *panel);
  for (size_t i = 0; i < b->m; i++) {
    double *to = panel + i * rows * LANES;
    for (size_t s = 0; s < b->r; s++, to += LANES) {
      const size_t from = (s * b->m + i) * w + j;
      for (size_t l = 0; l < wide; l++)
        to[l] = b->single ? (double)((const float *)prediction)[from + l] : ((const double *)prediction)[from + l];
    }
    for (size_t l = 0; l < wide; l++) {
      to[l] = test->z[i * w + j + l];
      to[LANES + l] = test->ones ? test->ones[i] : 1;
    }
  }
}

/* gram (rows x rows, blocks on and below the diagonal) of each lane. */
CF_CLONES static void gram_of(size_t m, size_t rows, const double *panel, double *gram) {
  for (size_t a = 0; a < rows; a += BLOCK)
    for (size_t b = 0; b <= a; b += BLOCK) {
      lanes sum[BLOCK][BLOCK];
      memset(sum, 0, sizeof sum);
      for (size_t i = 0; i < m; i++) {
        const lanes *x = (const lanes *)(panel + (i * rows + a) * LANES),
                    *y = (const lanes *)(panel + (i * rows + b) * LANES);
        for (size_t u = 0; u < BLOCK; u++)
          for (size_t v = 0; v < BLOCK; v++) sum[u][v] += x[u] * y[v];
      }
      for (size_t u = 0; u < BLOCK; u++)
        for (size_t v = 0; v < BLOCK; v++) *(lanes *)(gram + ((a + u) * rows + b + v) * LANES) = sum[u][v];
    }
}

/* Of one candidate (a row of combine), each lane: sum, product with z, and norm^2 of the prediction before its scale.
 */
typedef struct forms {
  double p[LANES], zp[LANES], pp[LANES];
} forms;

CF_CLONES static void forms_of(size_t r, size_t rows, const double *gram, const double *combine, forms *out) {
  const lanes *g = (const lanes *)gram;
  lanes p = {0}, zp = {0}, pp = {0};
  for (size_t a = 0; a < r; a++) {
    lanes row = {0};
    p += combine[a] * g[(r + 1) * rows + a];
    zp += combine[a] * g[r * rows + a];
    for (size_t b = 0; b < a; b++) row += combine[b] * g[a * rows + b];
    pp += combine[a] * (2 * row + combine[a] * g[a * rows + a]);
  }
  memcpy(out->p, &p, sizeof p);
  memcpy(out->zp, &zp, sizeof zp);
  memcpy(out->pp, &pp, sizeof pp);
}

/* `samples` whose targets sum to z and their squares to zz. */
static double score_of(size_t samples, double z, double zz, double p, double zp, double pp, double scale,
                       cf_inner_score kind) {
  const double n = (double)samples;
  if (kind == CF_INNER_MSE) return -(zz - 2 * scale * zp + scale * scale * pp) / n;
  const double vz = zz - z * z / n, vp = pp - p * p / n, c = zp - z * p / n;
  if (!(vz > 1e-14 * zz) || !(vp > 1e-14 * pp)) return 0;
  return fmin(1, fmax(-1, c / sqrt(vz) / sqrt(vp)));
}

static void score_panel(const cf_bank *b, cf_inner_score kind, size_t rows, const cf_bank_test *test, size_t j,
                        const double *gram, size_t w, double *score) {
  const size_t wide = CF_MIN((size_t)LANES, w - j);
  const double *zz = test->ones ? test->square + j : gram + (b->r * rows + b->r) * LANES;
  const double *z = test->ones ? test->sum + j : gram + ((b->r + 1) * rows + b->r) * LANES;
  forms f;
  for (size_t a = 0; a < b->candidates; a++) {
    forms_of(b->r, rows, gram, b->combine + a * b->r, &f);
    for (size_t l = 0; l < wide; l++)
      score[a * w + j + l] = score_of(test->samples, z[l], zz[l], f.p[l], f.zp[l], f.pp[l], b->scale[a], kind);
  }
}

cf_status cf_bank_score(cf_context *ctx, const cf_bank *b, cf_inner_score kind, size_t w, const double *y,
                        const cf_bank_test *test, double *score) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t rows = (b->r + 2 + BLOCK - 1) / BLOCK * BLOCK;
  char *prediction;
  double *panel, *gram;
  CF_TRY(CF_SCRATCH(ctx, &prediction, b->r * b->m * w * (b->single ? sizeof(float) : sizeof(double)) + 1));
  CF_TRY(CF_SCRATCH(ctx, &panel, b->m * rows * LANES));
  CF_TRY(CF_SCRATCH(ctx, &gram, rows * rows * LANES));
  if (b->r > 0) CF_TRY(predict_skeleton(ctx, b, w, y, prediction));
  for (size_t j = 0; j < w; j += LANES) {
    pack(b, rows, w, j, prediction, test, panel);
    gram_of(b->m, rows, panel, gram);
    score_panel(b, kind, rows, test, j, gram, w, score);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
