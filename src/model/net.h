/* `net:` networks: an architecture in JSON with its weights, as a list of operators. */
#ifndef CF_MODEL_NET_H
#define CF_MODEL_NET_H

#include <cortifold/json.h>

#include "model/model.h"
#include "model/operators.h"

typedef struct cf_net_layer {
  const char *name; /* in the JSON */
  const char *module;
  bool depth;
} cf_net_layer;

typedef struct cf_net {
  char *file; /* of the architecture, for messages */
  cf_json *json;
  cf_weights *weights;
  cf_program program;  /* op[i + 1] is layer i */
  cf_net_layer *layer; /* program.n - 1 */
  size_t layers;
  const char *name; /* of the input */
  double scale, *mean, *sd;
} cf_net;

/* Reads architecture and weights. On error what there is stays in *net, for cf_net_free. */
cf_status cf_net_parse(cf_context *ctx, const cf_model_files *files, cf_net *net);
void cf_net_free(cf_net *net);

#endif
