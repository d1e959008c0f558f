/* Activations and products in single precision.
 *
 * elu(x) = x > 0 ? x : e^x - 1; gelu(x) = x Phi(x), Phi the normal distribution function; silu(x) = x sigmoid(x);
 * softmax(x)_i = e^(x_i - max) / sum_j e^(x_j - max). Product: C (m x n) = A (m x k) B (k x n), cut into tiles of EDGE
 * rows by EDGE columns, one serial BLAS call each. */
#include "model/kernels.h"

#include <math.h>
#include <string.h>

#include <cortifold/linalg.h>

#include "base/internal.h"

void cf_relu(size_t n, float *x) {
  for (size_t i = 0; i < n; i++) x[i] = x[i] < 0 ? 0 : x[i]; /* a NaN stays */
}

void cf_relu6(size_t n, float *x) {
  for (size_t i = 0; i < n; i++) x[i] = x[i] < 0 ? 0 : x[i] > 6 ? 6 : x[i];
}

/* e^x - 1 for x <= 0 without branches: x = k ln 2 + r, e^x - 1 = 2^k (e^r - 1) + (2^k - 1), e^r - 1 by its series.
 * Within 1.5e-7 of the value, relative also where x is small. A NaN stays. */
static inline float below_zero(float x) {
  const float shift = 12582912; /* 1.5 2^23: adding it rounds to a whole number */
  const float y = x < -87 ? -87 : x, k = (y * 1.44269504F + shift) - shift;
  const float r = (y - k * 0.693359375F) - k * -2.12194440e-4F;
  const float p = 1 + r * (1.0F / 2 + r * (1.0F / 6 + r * (1.0F / 24 + r * (1.0F / 120 + r * (1.0F / 720)))));
  const int32_t bits = ((int32_t)k + 127) * (1 << 23);
  float two;
  memcpy(&two, &bits, sizeof two);
  return two * (p * r) + (two - 1);
}

void cf_elu(size_t n, float *x) {
  for (size_t i = 0; i < n; i++) {
    const float low = x[i] < 0 ? x[i] : 0;
    x[i] = x[i] > 0 ? x[i] : isnan(x[i]) ? x[i] : below_zero(low);
  }
}

void cf_gelu(size_t n, float *x, float gain) {
  const float root = 0.70710678118654752440F;
  for (size_t i = 0; i < n; i++) x[i] = gain * 0.5F * x[i] * erfcf(-x[i] * root);
}

static float sigmoid(float x) {
  const float e = expf(x < 0 ? x : -x); /* never overflows */
  return (x < 0 ? e : 1) / (1 + e);
}

void cf_sigmoid(size_t n, float *x) {
  for (size_t i = 0; i < n; i++) x[i] = sigmoid(x[i]);
}

void cf_silu(size_t n, float *x) {
  for (size_t i = 0; i < n; i++) x[i] = x[i] / (1 + expf(-x[i]));
}

void cf_tanh(size_t n, float *x) {
  for (size_t i = 0; i < n; i++) x[i] = tanhf(x[i]);
}

void cf_softmax(size_t n, float *x, size_t stride) {
  float most = -INFINITY;
  double sum = 0;
  for (size_t i = 0; i < n; i++) most = fmaxf(most, x[i * stride]);
  for (size_t i = 0; i < n; i++) sum += (double)(x[i * stride] = expf(x[i * stride] - most));
  for (size_t i = 0; i < n; i++) x[i * stride] = (float)((double)x[i * stride] / sum);
}

/* ------------------------------------------------------------- products -- */

enum { EDGE = 256 };

typedef struct product {
  size_t m, n, k, lda, ldb, ldc, across;
  const float *a, *b;
  float *c;
  bool add, transposed; /* B is n x k */
} product;

static cf_status tile(cf_context *worker, size_t i, void *payload) {
  const product *p = payload;
  const size_t row = i / p->across * EDGE, col = i % p->across * EDGE;
  const cf_status status = cf_check_cancel(worker);
  if (status != CF_OK) return status;
  cf_gemm_serial_single(false, p->transposed, CF_MIN((size_t)EDGE, p->m - row), CF_MIN((size_t)EDGE, p->n - col), p->k,
                        1, p->a + row * p->lda, p->lda, p->b + col * (p->transposed ? p->ldb : 1), p->ldb,
                        p->add ? 1 : 0, p->c + row * p->ldc + col, p->ldc);
  return CF_OK;
}

static cf_status multiply(cf_context *ctx, product *p) {
  if (p->m == 0 || p->n == 0) return CF_OK;
  p->across = (p->n + EDGE - 1) / EDGE;
  return cf_parallel_for(ctx, (p->m + EDGE - 1) / EDGE * p->across, tile, p);
}

cf_status cf_product_single(cf_context *ctx, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b,
                            size_t ldb, bool add, float *c, size_t ldc) {
  product p = {.m = m, .n = n, .k = k, .lda = lda, .ldb = ldb, .ldc = ldc, .a = a, .b = b, .c = c, .add = add};
  return multiply(ctx, &p);
}

cf_status cf_linear(cf_context *ctx, size_t rows, size_t in, size_t out, const float *x, const float *weight,
                    const float *bias, float *y) {
  product p = {.m = rows,
               .n = out,
               .k = in,
               .lda = in,
               .ldb = in,
               .ldc = out,
               .a = x,
               .b = weight,
               .c = y,
               .add = bias != NULL,
               .transposed = true};
  for (size_t r = 0; bias && r < rows; r++)
    for (size_t o = 0; o < out; o++) y[r * out + o] = bias[o];
  return multiply(ctx, &p);
}
