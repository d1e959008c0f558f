/* Shapes of operators and the plan of their buffers.
 *
 * conv2d: see conv.c. batch_norm: (x - mean) / sqrt(var + eps) w + b, channel by channel. add, mul: of values of one
 * shape. concat: along channels. max_pool, avg_pool: over windows, output floor((size + 2 padding - kernel) / stride) +
 * 1; padding counts as minus infinity in max, as zeros that are counted in avg. subsample_pad: every stride-th row and
 * column from 0, then pad[0] zero channels before and pad[1] after (the option A shortcut of residual networks).
 * mean_hw: over rows and columns. flatten: in C order. linear: W x + b. softmax: over channels. */
#include "model/operators.h"

#include <math.h>
#include <string.h>

#define COUNT_LIMIT ((size_t)1 << 29) /* numbers of one value of one image: 2 GiB */
#define PLACE_LIMIT ((size_t)1 << 24) /* rows, columns, channels */

void cf_program_free(cf_program *program) {
  for (size_t i = 0; i < program->n; i++) {
    cf_free(program->op[i].from);
    cf_free(program->op[i].scale);
    cf_free(program->op[i].shift);
  }
  cf_free(program->op);
  cf_free(program->slot);
  *program = (cf_program){0};
}

static cf_status append(cf_context *ctx, cf_program *program, const cf_op *op) {
  cf_status status = CF_OK;
  if (program->n == program->room) {
    const size_t room = 2 * program->room + 32;
    cf_op *more = NULL;
    CF_TRY(CF_ALLOC(ctx, &more, room));
    if (program->n) memcpy(more, program->op, program->n * sizeof *more);
    cf_free(program->op);
    program->op = more;
    program->room = room;
  }
  program->op[program->n++] = *op;
done:
  return status;
}

/* -------------------------------------------------------------- shapes -- */

static cf_status set_shape(cf_context *ctx, const char *what, cf_op *op, size_t channels, size_t height, size_t width) {
  const size_t limit = PLACE_LIMIT;
  if (channels == 0 || height == 0 || width == 0)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: nothing is left of its map: %zu x %zu x %zu", what, channels, height, width);
  if (channels > limit || height > limit || width > limit || channels > COUNT_LIMIT / height / width)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: its map of %zu x %zu x %zu is larger than can be", what, channels, height,
                   width);
  op->ndim = 3;
  op->shape[0] = channels;
  op->shape[1] = height;
  op->shape[2] = width;
  op->count = channels * height * width;
  return CF_OK;
}

static void set_vector(cf_op *op, size_t n) {
  op->ndim = 1;
  op->shape[0] = n;
  op->shape[1] = op->shape[2] = 1;
  op->count = n;
}

static cf_status need_map(cf_context *ctx, const char *what, const cf_op *in) {
  if (in->ndim == 3) return CF_OK;
  return cf_fail(ctx, CF_ERR_INPUT, "%s: needs maps, its input is a vector of %zu", what, in->count);
}

static cf_status check_window(cf_context *ctx, const char *what, const cf_conv2d *w, bool pool) {
  for (int d = 0; d < 2; d++) {
    if (w->kernel[d] == 0 || w->stride[d] == 0 || w->dilation[d] == 0 || w->kernel[d] > 65536 || w->stride[d] > 65536 ||
        w->padding[d] > 65536 || w->dilation[d] > 65536)
      return cf_fail(ctx, CF_ERR_INPUT, "%s: kernel, stride and dilation lie between 1 and 65536, padding up to 65536",
                     what);
    if (pool && w->padding[d] >= w->kernel[d])
      return cf_fail(ctx, CF_ERR_INPUT, "%s: padding %zu is not below the kernel %zu", what, w->padding[d],
                     w->kernel[d]);
  }
  return CF_OK;
}

static cf_status shape_window(cf_context *ctx, const char *what, const cf_op *in, cf_op *op) {
  cf_status status = CF_OK;
  cf_conv2d *w = &op->window;
  const bool pool = op->kind != CF_OP_CONV2D;
  size_t out[2];
  CF_TRY(need_map(ctx, what, in));
  CF_TRY(check_window(ctx, what, w, pool));
  if (!pool && (w->groups == 0 || w->in != in->shape[0] || w->in % w->groups || w->out % w->groups))
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                   "%s: %zu input channels, weights for %zu and %zu output channels in %zu groups "
                   "do not fit",
                   what, in->shape[0], w->in, w->out, w->groups));
  cf_conv2d_size(w, in->shape[1], in->shape[2], out);
  if (out[0] == 0 || out[1] == 0)
    CF_TRY(cf_fail(
        ctx, CF_ERR_INPUT, "%s: its window of %zu x %zu is larger than the map of %zu x %zu with its padding", what,
        (w->kernel[0] - 1) * w->dilation[0] + 1, (w->kernel[1] - 1) * w->dilation[1] + 1, in->shape[1], in->shape[2]));
  CF_TRY(set_shape(ctx, what, op, pool ? in->shape[0] : w->out, out[0], out[1]));
  op->work = (double)op->count * (double)(w->kernel[0] * w->kernel[1]);
  if (!pool) op->work *= (double)(w->in / w->groups);
done:
  return status;
}

static cf_status shape_joined(cf_context *ctx, const char *what, const cf_program *program, cf_op *op) {
  const cf_op *first = &program->op[op->from[0]];
  const bool joined = op->kind == CF_OP_CONCAT;
  size_t channels = 0;
  for (size_t i = 0; i < op->n_from; i++) {
    const cf_op *in = &program->op[op->from[i]];
    bool same = in->ndim == first->ndim && (joined || in->shape[0] == first->shape[0]);
    for (int d = 1; d < first->ndim; d++) same = same && in->shape[d] == first->shape[d];
    if (!same)
      return cf_fail(ctx, CF_ERR_INPUT, "%s: input %zu (%zu x %zu x %zu) does not fit the first (%zu x %zu x %zu)",
                     what, i, in->shape[0], in->shape[1], in->shape[2], first->shape[0], first->shape[1],
                     first->shape[2]);
    channels += in->shape[0];
  }
  const cf_status status =
      set_shape(ctx, what, op, joined ? channels : first->shape[0], first->shape[1], first->shape[2]);
  op->ndim = first->ndim;
  return status;
}

static cf_status shape_of(cf_context *ctx, const char *what, const cf_program *program, cf_op *op) {
  cf_status status = CF_OK;
  const cf_op *in = &program->op[op->from[0]];
  op->work = (double)in->count;
  switch (op->kind) {
  case CF_OP_CONV2D:
  case CF_OP_MAX_POOL:
  case CF_OP_AVG_POOL:
    CF_TRY(shape_window(ctx, what, in, op));
    break;
  case CF_OP_ADD:
  case CF_OP_MUL:
  case CF_OP_CONCAT:
    CF_TRY(shape_joined(ctx, what, program, op));
    break;
  case CF_OP_SUBSAMPLE_PAD: {
    const size_t *s = op->window.stride;
    CF_TRY(need_map(ctx, what, in));
    CF_TRY(check_window(ctx, what, &op->window, false));
    if (op->pad[0] > PLACE_LIMIT || op->pad[1] > PLACE_LIMIT)
      CF_TRY(
          cf_fail(ctx, CF_ERR_INPUT, "%s: pads %zu and %zu channels, more than can be", what, op->pad[0], op->pad[1]));
    CF_TRY(set_shape(ctx, what, op, op->pad[0] + in->shape[0] + op->pad[1], (in->shape[1] + s[0] - 1) / s[0],
                     (in->shape[2] + s[1] - 1) / s[1]));
    break;
  }
  case CF_OP_MEAN_HW:
    CF_TRY(need_map(ctx, what, in));
    set_vector(op, in->shape[0]);
    break;
  case CF_OP_FLATTEN:
    set_vector(op, in->count);
    break;
  case CF_OP_LINEAR:
    if (in->ndim != 1 || op->window.in != in->count)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: its weights take a vector of %zu, its input is %s of %zu", what,
                     op->window.in, in->ndim == 1 ? "one" : "a map", in->count));
    set_vector(op, op->window.out);
    op->work = (double)op->window.in * (double)op->window.out;
    break;
  default: /* number by number */
    op->ndim = in->ndim;
    memcpy(op->shape, in->shape, sizeof op->shape);
    op->count = in->count;
  }
done:
  return status;
}

cf_status cf_program_begin(cf_context *ctx, size_t channels, size_t height, size_t width, cf_program *out) {
  cf_op input = {.kind = CF_OP_INPUT};
  *out = (cf_program){0};
  const cf_status status = set_shape(ctx, "the input", &input, channels, height, width);
  return status == CF_OK ? append(ctx, out, &input) : status;
}

cf_status cf_program_add(cf_context *ctx, cf_program *program, const cf_op *op, const char *what) {
  cf_status status = CF_OK;
  cf_op made = *op;
  made.from = NULL;
  CF_TRY(CF_ALLOC(ctx, &made.from, op->n_from));
  memcpy(made.from, op->from, op->n_from * sizeof *made.from);
  CF_TRY(shape_of(ctx, what, program, &made));
  CF_TRY(append(ctx, program, &made));
  made.from = NULL;
done:
  cf_free(made.from);
  return status;
}

cf_status cf_program_fold(cf_context *ctx, size_t n, const float *weight, const float *bias, const float *mean,
                          const float *var, double eps, float **scale, float **shift) {
  cf_status status = CF_OK;
  CF_TRY(CF_ALLOC(ctx, scale, n));
  CF_TRY(CF_ALLOC(ctx, shift, n));
  for (size_t c = 0; c < n; c++) {
    const double s = (weight ? (double)weight[c] : 1) / sqrt((double)var[c] + eps);
    (*scale)[c] = (float)s;
    (*shift)[c] = (float)((bias ? (double)bias[c] : 0) - (double)mean[c] * s);
  }
done:
  return status;
}

/* ------------------------------------------------------------- buffers -- */

/* May write over its only input. */
static bool in_place(const cf_op *op) {
  switch (op->kind) {
  case CF_OP_BATCH_NORM:
  case CF_OP_RELU:
  case CF_OP_RELU6:
  case CF_OP_ELU:
  case CF_OP_GELU:
  case CF_OP_SILU:
  case CF_OP_SIGMOID:
  case CF_OP_TANH:
  case CF_OP_FLATTEN:
  case CF_OP_SOFTMAX:
    return true;
  default:
    return false;
  }
}

/* Values live from their operator to the last that reads them; a buffer that is free then is used again. */
cf_status cf_program_plan(cf_context *ctx, cf_program *program) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  bool *taken = NULL;
  CF_TRY(CF_SCRATCH(ctx, &taken, program->n));
  memset(taken, 0, program->n * sizeof *taken);
  CF_TRY(CF_ALLOC(ctx, &program->slot, program->n));
  for (size_t i = 0; i < program->n; i++) {
    program->op[i].last = i;
    for (size_t k = 0; k < program->op[i].n_from; k++) program->op[program->op[i].from[k]].last = i;
  }
  program->op[0].last = program->n; /* the input is the caller's, and stays */
  for (size_t i = 1; i < program->n; i++) {
    cf_op *op = &program->op[i];
    const size_t in = op->from[0];
    size_t slot = 0;
    if (in_place(op) && in && program->op[in].last == i) {
      slot = program->op[in].slot;
    } else {
      while (slot < program->slots && taken[slot]) slot++;
      if (slot == program->slots) program->slots++;
    }
    op->slot = slot;
    taken[slot] = true;
    program->slot[slot] = CF_MAX(program->slot[slot], op->count);
    for (size_t k = 0; k < op->n_from; k++) {
      const cf_op *from = &program->op[op->from[k]];
      if (op->from[k] && from->last == i && from->slot != slot) taken[from->slot] = false;
    }
    if (op->last == i) taken[slot] = false;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

void cf_program_cost(const cf_program *program, size_t images, double *bytes, double *work) {
  *bytes = *work = 0;
  for (size_t i = 0; i < program->slots; i++) *bytes += (double)program->slot[i] * (double)images * sizeof(float);
  *bytes += (double)program->op[0].count * (double)images * sizeof(float);
  for (size_t i = 0; i < program->n; i++) *work += program->op[i].work;
}
