/* A feed-forward network as a list of operators on maps or vectors: shapes and buffers are planned once, then chunks of
 * images run through it. Operators are those of golden/models: their meaning stands in operators.c. */
#ifndef CF_MODEL_OPERATORS_H
#define CF_MODEL_OPERATORS_H

#include "base/internal.h"
#include "model/kernels.h"

typedef enum cf_op_kind {
  CF_OP_INPUT,
  CF_OP_CONV2D,
  CF_OP_BATCH_NORM,
  CF_OP_RELU,
  CF_OP_RELU6,
  CF_OP_ELU,
  CF_OP_GELU,
  CF_OP_SILU,
  CF_OP_SIGMOID,
  CF_OP_TANH,
  CF_OP_ADD,
  CF_OP_MUL,
  CF_OP_CONCAT,
  CF_OP_MAX_POOL,
  CF_OP_AVG_POOL,
  CF_OP_SUBSAMPLE_PAD,
  CF_OP_MEAN_HW,
  CF_OP_FLATTEN,
  CF_OP_LINEAR,
  CF_OP_SOFTMAX
} cf_op_kind;

/* One operator, and the value it makes for one image: a map (channel, height, width) or a vector. */
typedef struct cf_op {
  cf_op_kind kind;
  size_t *from, n_from; /* earlier operators; owned by the program */
  const float *weight, *bias;
  float *scale, *shift; /* batch_norm, folded; owned by the program */
  cf_conv2d window;     /* of convolutions and pools (kernel, stride, padding) */
  size_t pad[2];        /* channels put before and after, subsample_pad */
  int ndim;             /* 3 or 1 */
  size_t shape[3], count;
  size_t slot, last; /* buffer; the last operator that reads the value */
  double work;       /* multiply-adds or so for one image */
} cf_op;

typedef struct cf_program {
  cf_op *op; /* op[0] is the input */
  size_t n, room;
  size_t *slot, slots; /* largest count that a buffer holds */
} cf_program;

/* Starts a program with its input of (channels, height, width). */
cf_status cf_program_begin(cf_context *ctx, size_t channels, size_t height, size_t width, cf_program *out);
/* Appends an operator, whose kind, inputs, weights and window are set, and works out its shape; what begins messages
 * ("arch.json: layer conv1"). Weights must have the sizes that the shapes ask for. CF_ERR_INPUT for what does not fit.
 */
cf_status cf_program_add(cf_context *ctx, cf_program *program, const cf_op *op, const char *what);
/* y = (x - mean) / sqrt(var + eps) weight + bias as scale and shift of n channels. */
cf_status cf_program_fold(cf_context *ctx, size_t n, const float *weight, const float *bias, const float *mean,
                          const float *var, double eps, float **scale, float **shift);
/* Plans buffers; after the last operator was added. */
cf_status cf_program_plan(cf_context *ctx, cf_program *program);
void cf_program_free(cf_program *program);

/* Values of one operator for `images` images, one after the other. */
typedef cf_status (*cf_program_sink)(cf_context *ctx, void *user, size_t op, const float *values);
/* Runs `images` images as far as the last wanted operator; wanted has one entry an operator. */
cf_status cf_program_run(cf_context *ctx, const cf_program *program, size_t images, const float *input,
                         const bool *wanted, cf_program_sink sink, void *user);
/* Bytes that running `images` images takes, and multiply-adds for one. */
void cf_program_cost(const cf_program *program, size_t images, double *bytes, double *work);

#endif
