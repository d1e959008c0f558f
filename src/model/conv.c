/* Two-dimensional convolution (cross-correlation).
 *
 * y[o, i, j] = b[o] + sum_{c, u, v} w[o, c, u, v] x[g n + c, i s + u d - p, j s + v d - p], n channels in a group g.
 * One task is an image, a group and a strip of output rows, in one of three ways: kernels of one pixel multiply the
 * maps as they lie; groups of one channel are summed directly on a padded copy, BLOCK places at a time; for all others
 * the windows are laid out as columns of a matrix (c, u, v) by (i, j) and multiplied by the weights. */
#include <string.h>

#include <cortifold/linalg.h>

#include "base/internal.h"
#include "model/kernels.h"

enum { STRIP = 2048, BLOCK = 16 }; /* places in a strip, about; places that are summed together */

typedef struct job {
  const cf_conv2d *c;
  size_t height, width, out[2], rows, strips;
  const float *x, *weight, *bias;
  float *y;
  bool add;
} job;

/* A task's part: pointers to its first input map and to its output rows. */
typedef struct part {
  const float *x, *weight, *bias; /* bias: of the group, or NULL */
  float *y;
  size_t in, out, from, rows; /* channels of the group; output rows */
} part;

void cf_conv2d_size(const cf_conv2d *conv, size_t height, size_t width, size_t out[2]) {
  const size_t size[2] = {height, width};
  for (int d = 0; d < 2; d++) {
    const size_t span = (conv->kernel[d] - 1) * conv->dilation[d] + 1, padded = size[d] + 2 * conv->padding[d];
    out[d] = padded < span || size[d] == 0 ? 0 : (padded - span) / conv->stride[d] + 1;
  }
}

/* ------------------------------------------------------------- windows -- */

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

/* y + bias, or the bias alone; then the product of weights and columns. */
static void multiply(const job *j, const part *p, const float *columns, size_t ld) {
  const size_t places = j->out[0] * j->out[1], n = p->rows * j->out[1];
  const size_t depth = p->in * j->c->kernel[0] * j->c->kernel[1];
  for (size_t o = 0; o < p->out && (p->bias || !j->add); o++) {
    const float b = p->bias ? p->bias[o] : 0;
    for (size_t i = 0; i < n; i++) p->y[o * places + i] = j->add ? p->y[o * places + i] + b : b;
  }
  cf_gemm_serial_single(false, false, p->out, n, depth, 1, p->weight, depth, columns, ld, 1, p->y, places);
}

static cf_status by_columns(cf_context *worker, const job *j, const part *p) {
  cf_status status = CF_OK;
  const size_t n = p->rows * j->out[1], window = j->c->kernel[0] * j->c->kernel[1], across = j->c->kernel[1];
  float *columns = NULL;
  CF_TRY(CF_SCRATCH(worker, &columns, p->in * window * n));
  for (size_t k = 0; k < p->in * window; k++)
    lay_row(j, p->x + k / window * j->height * j->width, k % window / across, k % across, p->from, p->rows,
            columns + k * n);
  multiply(j, p, columns, n);
done:
  return status;
}

/* -------------------------------------------------- groups of one channel -- */

/* The rows that output rows [from, from + rows) read, with their padding: lines of `wide`. */
static void pad_rows(const job *j, const part *p, size_t lines, size_t wide, float *out) {
  const cf_conv2d *c = j->c;
  const ptrdiff_t h = (ptrdiff_t)j->height, w = (ptrdiff_t)j->width;
  for (size_t l = 0; l < lines; l++) {
    ptrdiff_t y = (ptrdiff_t)(p->from * c->stride[0] + l) - (ptrdiff_t)c->padding[0];
    float *to = out + l * wide;
    const bool edge = c->replicate;
    memset(to, 0, wide * sizeof *to);
    if (edge) y = y < 0 ? 0 : y >= h ? h - 1 : y;
    if (y < 0 || y >= h) continue;
    const size_t many = CF_MIN(j->width, wide > c->padding[1] ? wide - c->padding[1] : 0);
    if (many) memcpy(to + c->padding[1], p->x + y * w, many * sizeof *to);
    for (size_t s = 0; s < wide && edge; s++)
      if (s < c->padding[1] || s >= c->padding[1] + j->width) to[s] = p->x[y * w + (s < c->padding[1] ? 0 : w - 1)];
  }
}

/* BLOCK neighbouring places of one output row; lines: the first that it reads. */
static void sum_block(const cf_conv2d *c, const float *lines, size_t wide, const float *weight, float bias,
                      float *restrict out) {
  const size_t across = c->kernel[1], step = c->dilation[1];
  float sum[BLOCK];
  for (size_t k = 0; k < BLOCK; k++) sum[k] = bias;
  for (size_t u = 0; u < c->kernel[0]; u++) {
    const float *x = lines + u * c->dilation[0] * wide, *w = weight + u * across;
    for (size_t v = 0; v < across; v++)
      for (size_t k = 0; k < BLOCK; k++) sum[k] += w[v] * x[v * step + k];
  }
  memcpy(out, sum, sizeof sum);
}

static cf_status by_channel(cf_context *worker, const job *j, const part *p) {
  cf_status status = CF_OK;
  const cf_conv2d *c = j->c;
  const size_t blocks = (j->out[1] + BLOCK - 1) / BLOCK;
  const size_t wide = blocks * BLOCK + (c->kernel[1] - 1) * c->dilation[1];
  const size_t lines = (p->rows - 1) * c->stride[0] + (c->kernel[0] - 1) * c->dilation[0] + 1;
  const float b = p->bias ? p->bias[0] : 0;
  float *padded = NULL;
  CF_TRY(CF_SCRATCH(worker, &padded, lines * wide));
  pad_rows(j, p, lines, wide, padded);
  for (size_t r = 0; r < p->rows; r++)
    for (size_t block = 0; block < blocks; block++) {
      float sum[BLOCK], *y = p->y + r * j->out[1] + block * BLOCK;
      const size_t n = CF_MIN((size_t)BLOCK, j->out[1] - block * BLOCK);
      sum_block(c, padded + r * c->stride[0] * wide + block * BLOCK, wide, p->weight, b, sum);
      for (size_t k = 0; k < n; k++) y[k] = j->add ? y[k] + sum[k] : sum[k];
    }
done:
  return status;
}

/* --------------------------------------------------------------- tasks -- */

static cf_status strip(cf_context *worker, size_t task, void *payload) {
  cf_status status = CF_OK;
  const job *j = payload;
  const cf_conv2d *c = j->c;
  const cf_mark mark = cf_scratch_mark(worker);
  const size_t image = task / j->strips / c->groups, group = task / j->strips % c->groups;
  const size_t pixels = j->height * j->width, places = j->out[0] * j->out[1], window = c->kernel[0] * c->kernel[1];
  part p = {.in = c->in / c->groups, .out = c->out / c->groups, .from = task % j->strips * j->rows};
  p.rows = CF_MIN(j->rows, j->out[0] - p.from);
  p.x = j->x + (image * c->in + group * p.in) * pixels;
  p.y = j->y + (image * c->out + group * p.out) * places + p.from * j->out[1];
  p.weight = j->weight + group * p.out * p.in * window;
  p.bias = j->bias ? j->bias + group * p.out : NULL;
  CF_TRY(cf_check_cancel(worker));
  const bool plain = c->stride[0] == 1 && c->stride[1] == 1 && c->padding[0] == 0 && c->padding[1] == 0;
  if (window == 1 && plain)
    multiply(j, &p, p.x + p.from * j->width, pixels);
  else if (p.in == 1 && p.out == 1 && c->stride[1] == 1)
    CF_TRY(by_channel(worker, j, &p));
  else
    CF_TRY(by_columns(worker, j, &p));
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
