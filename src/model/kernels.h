/* Kernels in single precision that several kinds of network use. Work is cut into tasks whose shape depends on sizes
 * only: the same bits for any number of threads. */
#ifndef CF_MODEL_KERNELS_H
#define CF_MODEL_KERNELS_H

#include <cortifold/base.h>

/* In place, n numbers, serial. */
void cf_relu(size_t n, float *x);
void cf_relu6(size_t n, float *x);
void cf_elu(size_t n, float *x);              /* x > 0 ? x : e^x - 1 */
void cf_gelu(size_t n, float *x, float gain); /* gain x Phi(x), the erf form */
void cf_silu(size_t n, float *x);
void cf_sigmoid(size_t n, float *x);
void cf_tanh(size_t n, float *x);
void cf_softmax(size_t n, float *x, size_t stride); /* over n numbers, `stride` apart */

/* C (m x n, row-major, ldc) = A B (+ C when add), A m x k, B k x n; in tiles over threads. */
cf_status cf_product_single(cf_context *ctx, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b,
                            size_t ldb, bool add, float *c, size_t ldc);
/* y (rows x out) = x (rows x in) W' + bias, W out x in; bias may be NULL. */
cf_status cf_linear(cf_context *ctx, size_t rows, size_t in, size_t out, const float *x, const float *weight,
                    const float *bias, float *y);

/* Two-dimensional convolution (cross-correlation) of `images` maps of (in, height, width), weights [out, in / groups,
 * kernel rows, kernel columns]; pairs are (vertical, horizontal). */
typedef struct cf_conv2d {
  size_t in, out, groups, kernel[2], stride[2], padding[2], dilation[2];
  bool replicate; /* padding repeats the edge instead of zeros */
} cf_conv2d;
/* Rows and columns of the output; 0 when the kernel does not fit. */
void cf_conv2d_size(const cf_conv2d *conv, size_t height, size_t width, size_t out[2]);
/* y = conv(x) + bias (+ y when add); bias may be NULL. */
cf_status cf_conv2d_run(cf_context *ctx, const cf_conv2d *conv, size_t images, size_t height, size_t width,
                        const float *x, const float *weight, const float *bias, bool add, float *y);

#endif
