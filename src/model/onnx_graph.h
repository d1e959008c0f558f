/* The few facts of an ONNX file that reading out layers needs, read from its bytes. */
#ifndef CF_MODEL_ONNX_GRAPH_H
#define CF_MODEL_ONNX_GRAPH_H

#include "model/model.h"

/* What a node at top level computes, in graph order. */
typedef struct cf_onnx_tensor {
  char *name, *op; /* op: type of the node */
  bool constant;   /* written down in the graph */
  bool output;     /* an output of the graph already */
  bool weighted;   /* of a node that reads weights: constants or initializers */
} cf_onnx_tensor;

/* A tensor inside the body of an If, Loop or Scan. */
typedef struct cf_onnx_inner {
  char *name, *op; /* op: type of the node at top level that it lies in */
} cf_onnx_inner;

typedef struct cf_onnx_graph {
  cf_onnx_tensor *tensor;
  cf_onnx_inner *inner;
  char **input; /* inputs of the graph that no initializer fills */
  size_t tensors, inners, inputs, rooms[3];
  bool branches;     /* some node at top level has a body: an If, Loop or Scan */
  double parameters; /* numbers in initializers of floating type */
} cf_onnx_graph;

/* Reads the graph; `what` begins messages. Every length is checked against the bytes, nesting is at most 32 deep. */
cf_status cf_onnx_parse(cf_context *ctx, const char *what, const unsigned char *bytes, size_t size, cf_onnx_graph *out);
void cf_onnx_graph_free(cf_onnx_graph *graph);
/* True when the first bytes of a file of that size begin an ONNX model: a version, then fields up to a graph. */
bool cf_onnx_looks_like(const unsigned char *head, size_t head_size, uint64_t size);

/* Bytes that, put behind the model's, make every tensor but constants an output: protobuf merges repeated submessages,
 * so a second `graph` field that holds output names only adds them to the first. Freed with cf_free. */
cf_status cf_onnx_exposing(cf_context *ctx, const cf_onnx_graph *graph, char **out, size_t *size);

#endif
