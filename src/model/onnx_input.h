/* What an ONNX model is fed with: floating arrays, or sequences of tokens. */
#ifndef CF_MODEL_ONNX_INPUT_H
#define CF_MODEL_ONNX_INPUT_H

#include "model/model.h"
#include "model/onnxruntime.h"

typedef enum cf_onnx_role {
  CF_ONNX_NUMBERS,   /* floating; the only input */
  CF_ONNX_TOKENS,    /* integers */
  CF_ONNX_MASK,      /* 1 for every token */
  CF_ONNX_KINDS,     /* 0 for every token: all belong to the first of two texts */
  CF_ONNX_POSITIONS, /* 0, 1, 2 ... */
} cf_onnx_role;

typedef struct cf_onnx_port {
  const char *name;
  cf_ort_type type;
  cf_onnx_role role;
} cf_onnx_port;
/* The inputs of a model; port[0] is what the user gives. */
typedef struct cf_onnx_input {
  const char *path;
  size_t n;
  cf_onnx_port port[CF_ORT_FEEDS];
  bool tokens;
  bool batch; /* the first axis of port[0] is free or 1 */
} cf_onnx_input;

bool cf_onnx_floating(cf_dtype dtype);
/* CF_ERR_INPUT, with the inputs, for models that take anything else. */
cf_status cf_onnx_input_of(cf_context *ctx, const char *path, const cf_ort_session *session, cf_onnx_input *out);

/* How an array becomes stimuli. */
typedef struct cf_onnx_plan {
  bool leading;        /* the array's first axis counts stimuli */
  size_t items, count; /* count: numbers of a stimulus */
  int ndim;
  size_t shape[CF_MAX_DIMS]; /* of one stimulus as the model takes it */
  size_t *length, longest;   /* tokens of each stimulus, in scratch; NULL: numbers */
} cf_onnx_plan;
/* CF_ERR_INPUT naming what does not fit. */
cf_status cf_onnx_plan_of(cf_context *ctx, const cf_onnx_input *in, const cf_network_input *input, cf_onnx_plan *out);

/* Feeds of stimuli item .. item + together - 1 (together is 1 for tokens), in scratch. */
cf_status cf_onnx_feeds(cf_context *ctx, const cf_onnx_input *in, const cf_onnx_plan *plan, const cf_array *array,
                        size_t item, size_t together, cf_ort_feed feeds[CF_ORT_FEEDS]);

#endif
