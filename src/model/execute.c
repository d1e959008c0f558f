/* Running chunks of images through a list of operators. A task belongs to one image and some of its channels, so that
 * the values of an image depend neither on the number of threads nor on the other images. */
#include <math.h>
#include <string.h>

#include <cortifold/linalg.h>

#include "model/operators.h"

enum { PIECE = 16384 }; /* numbers in a task, about */

typedef struct job {
  const cf_op *op;
  const cf_op *in[2];
  const float *x[2]; /* of all images */
  float *y;
  size_t channels, pieces; /* channels of the output in a task, tasks an image */
  size_t offset;           /* of a joined input among the channels of the output */
} job;

/* Window over one channel: its largest value or mean. */
static void pool_channel(const cf_op *op, const cf_op *in, const float *x, float *y) {
  const cf_conv2d *w = &op->window;
  const bool most = op->kind == CF_OP_MAX_POOL;
  const double area = (double)(w->kernel[0] * w->kernel[1]);
  for (size_t i = 0; i < op->shape[1]; i++)
    for (size_t j = 0; j < op->shape[2]; j++) {
      const size_t top = i * w->stride[0], left = j * w->stride[1];
      const size_t r0 = top > w->padding[0] ? top - w->padding[0] : 0;
      const size_t c0 = left > w->padding[1] ? left - w->padding[1] : 0;
      const size_t r1 = CF_MIN(top + w->kernel[0] - w->padding[0], in->shape[1]);
      const size_t c1 = CF_MIN(left + w->kernel[1] - w->padding[1], in->shape[2]);
      float peak = -INFINITY;
      double sum = 0;
      for (size_t r = r0; r < r1; r++)
        for (size_t c = c0; c < c1; c++) {
          const float v = x[r * in->shape[2] + c];
          sum += (double)v;
          peak = v > peak || isnan(v) ? v : peak;
        }
      y[i * op->shape[2] + j] = most ? peak : (float)(sum / area);
    }
}

static void subsample_channel(const cf_op *op, const cf_op *in, size_t channel, const float *x, float *y) {
  const size_t places = op->shape[1] * op->shape[2];
  if (channel < op->pad[0] || channel >= op->pad[0] + in->shape[0]) {
    memset(y, 0, places * sizeof *y);
    return;
  }
  x += (channel - op->pad[0]) * in->shape[1] * in->shape[2];
  for (size_t i = 0; i < op->shape[1]; i++)
    for (size_t j = 0; j < op->shape[2]; j++)
      y[i * op->shape[2] + j] = x[i * op->window.stride[0] * in->shape[2] + j * op->window.stride[1]];
}

static void activate(cf_op_kind kind, size_t n, float *y) {
  switch (kind) {
  case CF_OP_RELU:
    cf_relu(n, y);
    break;
  case CF_OP_RELU6:
    cf_relu6(n, y);
    break;
  case CF_OP_ELU:
    cf_elu(n, y);
    break;
  case CF_OP_GELU:
    cf_gelu(n, y, 1);
    break;
  case CF_OP_SILU:
    cf_silu(n, y);
    break;
  case CF_OP_SIGMOID:
    cf_sigmoid(n, y);
    break;
  case CF_OP_TANH:
    cf_tanh(n, y);
    break;
  default:
    break;
  }
}

/* Channels [from, from + n) of one image. */
static void piece(const job *j, size_t image, size_t from, size_t n) {
  const cf_op *op = j->op;
  const size_t places = op->shape[1] * op->shape[2], many = n * places;
  const float *x = j->x[0] + image * j->in[0]->count, *other = j->x[1] ? j->x[1] + image * op->count : NULL;
  float *y = j->y + image * op->count + from * places;
  const size_t at = from * places;
  switch (op->kind) {
  case CF_OP_BATCH_NORM:
    for (size_t c = from; c < from + n; c++)
      for (size_t i = 0; i < places; i++) y[(c - from) * places + i] = x[c * places + i] * op->scale[c] + op->shift[c];
    break;
  case CF_OP_ADD: /* the running sum with one more input */
    for (size_t i = 0; i < many; i++) y[i] = x[at + i] + other[at + i];
    break;
  case CF_OP_MUL:
    for (size_t i = 0; i < many; i++) y[i] = x[at + i] * other[at + i];
    break;
  case CF_OP_MAX_POOL:
  case CF_OP_AVG_POOL:
    for (size_t c = from; c < from + n; c++)
      pool_channel(op, j->in[0], x + c * j->in[0]->shape[1] * j->in[0]->shape[2], y + (c - from) * places);
    break;
  case CF_OP_SUBSAMPLE_PAD:
    for (size_t c = from; c < from + n; c++) subsample_channel(op, j->in[0], c, x, y + (c - from) * places);
    break;
  case CF_OP_MEAN_HW:
    for (size_t c = from; c < from + n; c++) {
      const size_t in = j->in[0]->shape[1] * j->in[0]->shape[2];
      double sum = 0;
      for (size_t i = 0; i < in; i++) sum += (double)x[c * in + i];
      y[c - from] = (float)(sum / (double)in);
    }
    break;
  default:
    if (y != x + at) memcpy(y, x + at, many * sizeof *y);
    activate(op->kind, many, y);
  }
}

static cf_status piece_task(cf_context *worker, size_t task, void *payload) {
  const job *j = payload;
  const size_t from = task % j->pieces * j->channels;
  const cf_status status = cf_check_cancel(worker);
  if (status == CF_OK) piece(j, task / j->pieces, from, CF_MIN(j->channels, j->op->shape[0] - from));
  return status;
}

static cf_status run_pieces(cf_context *ctx, job *j, size_t images) {
  const size_t places = CF_MAX(j->op->shape[1] * j->op->shape[2], j->in[0]->shape[1] * j->in[0]->shape[2]);
  j->channels = CF_MAX((size_t)1, PIECE / places);
  j->pieces = (j->op->shape[0] + j->channels - 1) / j->channels;
  return cf_parallel_for(ctx, images * j->pieces, piece_task, j);
}

/* Along channels; a vector's numbers are its channels. */
static void join(const cf_op *op, const cf_op *in, size_t offset, size_t images, const float *x, float *y) {
  for (size_t b = 0; b < images; b++) memcpy(y + b * op->count + offset, x + b * in->count, in->count * sizeof *y);
}

static cf_status linear_task(cf_context *worker, size_t image, void *payload) {
  const job *j = payload;
  const cf_op *op = j->op;
  float *y = j->y + image * op->count;
  const cf_status status = cf_check_cancel(worker);
  if (status != CF_OK) return status;
  for (size_t o = 0; o < op->count; o++) y[o] = op->bias ? op->bias[o] : 0;
  cf_gemm_serial_single(false, true, 1, op->count, op->window.in, 1, j->x[0] + image * j->in[0]->count, op->window.in,
                        op->weight, op->window.in, 1, y, op->count);
  return CF_OK;
}

/* Over channels, at every place. */
static void softmax(const cf_op *op, size_t images, const float *x, float *y) {
  const size_t places = op->shape[1] * op->shape[2];
  if (y != x) memcpy(y, x, images * op->count * sizeof *y);
  for (size_t b = 0; b < images; b++)
    for (size_t i = 0; i < places; i++) cf_softmax(op->shape[0], y + b * op->count + i, places);
}

typedef struct run_state {
  const cf_program *program;
  size_t images;
  const float *input;
  float **buffer; /* one a slot */
} run_state;

static const float *value_of(const run_state *r, size_t op) {
  return op ? r->buffer[r->program->op[op].slot] : r->input;
}

static cf_status run_op(cf_context *ctx, const run_state *r, size_t i) {
  cf_status status = CF_OK;
  const cf_op *op = &r->program->op[i], *in = &r->program->op[op->from[0]];
  const float *x = value_of(r, op->from[0]);
  float *y = r->buffer[op->slot];
  job j = {.op = op, .in = {in, NULL}, .x = {x, NULL}, .y = y};
  switch (op->kind) {
  case CF_OP_CONV2D:
    return cf_conv2d_run(ctx, &op->window, r->images, in->shape[1], in->shape[2], x, op->weight, op->bias, false, y);
  case CF_OP_LINEAR:
    return cf_parallel_for(ctx, r->images, linear_task, &j);
  case CF_OP_SOFTMAX:
    softmax(op, r->images, x, y);
    return CF_OK;
  case CF_OP_CONCAT:
    for (size_t k = 0, offset = 0; k < op->n_from; k++) {
      const cf_op *part = &r->program->op[op->from[k]];
      join(op, part, offset, r->images, value_of(r, op->from[k]), y);
      offset += part->count;
    }
    return CF_OK;
  case CF_OP_ADD:
  case CF_OP_MUL:
    for (size_t k = 1; k < op->n_from; k++) {
      j.x[1] = value_of(r, op->from[k]);
      CF_TRY(run_pieces(ctx, &j, r->images));
      j.x[0] = y; /* further inputs join what there is */
    }
    return CF_OK;
  default:
    return run_pieces(ctx, &j, r->images);
  }
done:
  return status;
}

cf_status cf_program_run(cf_context *ctx, const cf_program *program, size_t images, const float *input,
                         const bool *wanted, cf_program_sink sink, void *user) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  run_state r = {program, images, input, NULL};
  size_t last = 0, count;
  CF_TRY(CF_SCRATCH(ctx, &r.buffer, program->slots + 1));
  for (size_t s = 0; s < program->slots; s++) {
    CF_TRY(cf_size_mul(ctx, program->slot[s], images, &count));
    CF_TRY(CF_SCRATCH(ctx, &r.buffer[s], count));
  }
  for (size_t i = 0; i < program->n; i++)
    if (wanted[i]) last = i;
  for (size_t i = 0; i <= last; i++) {
    CF_TRY(cf_check_cancel(ctx));
    if (i) CF_TRY(run_op(ctx, &r, i));
    if (wanted[i]) CF_TRY(sink(ctx, user, i, value_of(&r, i)));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
