/* Two-dimensional convolution (cross-correlation).
 *
 * y[o, i, j] = b[o] + sum_{c, u, v} w[o, c, u, v] x[g n + c, i s + u d - p, j s + v d - p], n channels in a group g.
 * The windows are laid out as columns of a matrix (c, u, v) by (i, j), a strip of output rows at a time, and multiplied
 * by the weights: one task for an image, a group and a strip. */
#include <string.h>

#include <cortifold/linalg.h>

#include "base/internal.h"
#include "model/kernels.h"

enum { STRIP = 2048 }; /* places in a strip, about */

typedef struct job {
  const cf_conv2d *c;
  size_t height, width, out[2], rows, strips;
  const float *x, *weight, *bias;
  float *y;
  bool add;
} job;

void cf_conv2d_size(const cf_conv2d *conv, size_t height, size_t width, size_t out[2]) {
  const size_t size[2] = {height, width};
  for (int d = 0; d < 2; d++) {
    const size_t span = (conv->kernel[d] - 1) * conv->dilation[d] + 1, padded = size[d] + 2 * conv->padding[d];
    out[d] = padded < span || size[d] == 0 ? 0 : (padded - span) / conv->stride[d] + 1;
  }
}

/* Row (c, u, v) of the matrix for output rows [from, from + rows). */
static void lay_row(const job *j, const float *map, size_t u, size_t v, size_t from, size_t rows, float *out) {
  const cf_conv2d *c = j->c;
  const ptrdiff_t h = (ptrdiff_t)j->height, w = (ptrdiff_t)j->width;
  for (size_t r = 0; r < rows; r++) {
    ptrdiff_t y = (ptrdiff_t)((from + r) * c->stride[0] + u * c->dilation[0]) - (ptrdiff_t)c->padding[0];
    float *to = out + r * j->out[1];
    if (c->replicate) y = y < 0 ? 0 : y >= h ? h - 1 : y;
    if (y < 0 || y >= h) {
      memset(to, 0, j->out[1] * sizeof *to);
      continue;
    }
    for (size_t s = 0; s < j->out[1]; s++) {
      ptrdiff_t x = (ptrdiff_t)(s * c->stride[1] + v * c->dilation[1]) - (ptrdiff_t)c->padding[1];
      if (c->replicate) x = x < 0 ? 0 : x >= w ? w - 1 : x;
      to[s] = x < 0 || x >= w ? 0 : map[y * w + x];
    }
  }
}

static cf_status strip(cf_context *worker, size_t task, void *payload) {
  cf_status status = CF_OK;
  const job *j = payload;
  const cf_conv2d *c = j->c;
  const cf_mark mark = cf_scratch_mark(worker);
  const size_t image = task / j->strips / c->groups, group = task / j->strips % c->groups;
  const size_t from = task % j->strips * j->rows, rows = CF_MIN(j->rows, j->out[0] - from);
  const size_t in = c->in / c->groups, out = c->out / c->groups, window = c->kernel[0] * c->kernel[1];
  const size_t places = j->out[0] * j->out[1], n = rows * j->out[1];
  const float *x = j->x + (image * c->in + group * in) * j->height * j->width;
  float *y = j->y + (image * c->out + group * out) * places + from * j->out[1], *columns;
  CF_TRY(cf_check_cancel(worker));
  CF_TRY(CF_SCRATCH(worker, &columns, in * window * n));
  for (size_t k = 0; k < in * window; k++)
    lay_row(j, x + k / window * j->height * j->width, k % window / c->kernel[1], k % c->kernel[1], from, rows,
            columns + k * n);
  for (size_t o = 0; o < out && (j->bias || !j->add); o++) {
    const float b = j->bias ? j->bias[group * out + o] : 0;
    for (size_t i = 0; i < n; i++) y[o * places + i] = j->add ? y[o * places + i] + b : b;
  }
  cf_gemm_serial_single(false, false, out, n, in * window, 1, j->weight + group * out * in * window, in * window,
                        columns, n, 1, y, places);
done:
  cf_scratch_release(worker, mark);
  return status;
}

cf_status cf_conv2d_run(cf_context *ctx, const cf_conv2d *conv, size_t images, size_t height, size_t width,
                        const float *x, const float *weight, const float *bias, bool add, float *y) {
  job j = {.c = conv, .height = height, .width = width, .x = x, .weight = weight, .bias = bias, .y = y, .add = add};
  cf_conv2d_size(conv, height, width, j.out);
  if (images == 0 || j.out[0] == 0 || j.out[1] == 0) return CF_OK;
  j.rows = CF_MAX((size_t)1, STRIP / j.out[1]);
  j.strips = (j.out[0] + j.rows - 1) / j.rows;
  return cf_parallel_for(ctx, images * conv->groups * j.strips, strip, &j);
}
