/* `cortifold layers`: what can be read out of a network. */
#include <stdio.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/analyses.h"
#include "pipeline/internal.h"
#include <cortifold/model.h>

static const cf_param params[] = {
    {"depth", 'd', CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL,
     "List the network's layers proper only, not the steps within them."},
    CF_PARAM_END,
};

static const char description[] =
    "Lists the layers of a network that `run` can read out, in depth order: name, the module it belongs to, shape "
    "without the leading axes (stimulus, sequence, clip, time; ? where only a run tells), number of units. A star marks "
    "the layers proper, which `run --layers depth` takes; the others are steps within them.\n\n"
    "A MODEL is one of\n\n"
    "- fnn:CORE.pt+SCAN.pt[+CONFIG.json]: the FNN of Wang et al. (2025), Nature 640:470, as released\n"
    "- sensorium2d:FILE.pth: the published models of the Sensorium 2022 competition\n"
    "- net:ARCH.json+WEIGHTS.safetensors: any feed-forward network, declared operator by operator\n"
    "- onnx:FILE.onnx: an ONNX model with one floating input; layers are the floating tensors at top level, a star has "
    "what products with weights give and the outputs\n"
    "- llama2c:MODEL.bin[+TOKENIZER.bin]: a llama2.c language model\n\n"
    "Without a prefix the kind is found by content. Several files are joined by +; nothing in them is executed.\n\n"
    "Values: kind, parameters (numbers among the weights), layers [{name, module, shape, units, axes, depth, whole}]; "
    "shape and units have null where they are not known before a run.";

static const char examples[] = "cortifold layers net:resnet.json+resnet.safetensors\n"
                               "cortifold layers sensorium2d:model.pth --depth\n"
                               "cortifold layers fnn:params_core.pt+params_8_5.pt --json";

/* ? for what a run only tells; *units 0 then. */
static void shape_text(const cf_layer *layer, char *buffer, size_t size, size_t *units) {
  size_t used = (size_t)snprintf(buffer, size, "%s", layer->ndim ? "" : "one number");
  *units = 1;
  for (int d = 0; d < layer->ndim && used < size; d++) {
    if (layer->shape[d])
      used += (size_t)snprintf(buffer + used, size - used, "%s%zu", d ? " x " : "", layer->shape[d]);
    else
      used += (size_t)snprintf(buffer + used, size - used, "%s?", d ? " x " : "");
    *units *= layer->shape[d];
  }
}

static cf_json *layer_json(const cf_layer *layer) {
  cf_json *row = cf_json_object(), *shape = cf_json_list(), *axes = cf_json_list();
  bool known = true, ok = row && shape && axes;
  double units = 1;
  for (int d = 0; d < layer->ndim && ok; d++) {
    known = known && layer->shape[d] > 0;
    units *= (double)layer->shape[d];
    ok = cf_json_append(shape, layer->shape[d] ? cf_json_number((double)layer->shape[d]) : cf_json_null());
    ok = cf_json_append(axes, layer->axes[d] ? cf_json_text(layer->axes[d]) : cf_json_null()) && ok;
  }
  ok = cf_json_set(row, "name", cf_json_text(layer->name)) && ok;
  ok = cf_json_set(row, "module", cf_json_text(layer->module)) && ok;
  ok = cf_json_set(row, "shape", shape) && ok;
  ok = cf_json_set(row, "units", known ? cf_json_number(units) : cf_json_null()) && ok;
  ok = cf_json_set(row, "axes", axes) && ok;
  ok = cf_json_set(row, "depth", cf_json_bool(layer->depth)) && ok;
  ok = cf_json_set(row, "whole", cf_json_bool(layer->whole)) && ok;
  if (ok) return row;
  cf_json_free(row);
  return NULL;
}

static cf_status list(cf_context *ctx, const cf_network *network, bool depth, cf_result *result) {
  cf_status status = CF_OK;
  cf_json *layers = cf_json_list();
  bool ok = layers != NULL;
  int name = 4, module = 6;
  for (size_t i = 0; i < cf_network_layers(network); i++) {
    const cf_layer *l = cf_network_layer(network, i);
    name = CF_MAX(name, (int)CF_MIN(strlen(l->name), (size_t)48));
    module = CF_MAX(module, (int)CF_MIN(strlen(l->module), (size_t)24));
  }
  CF_TRY(cf_result_say(ctx, result, "  %-*s  %-*s  %-18s  %s\n", name, "name", module, "module", "shape", "units"));
  for (size_t i = 0; i < cf_network_layers(network) && ok; i++) {
    const cf_layer *l = cf_network_layer(network, i);
    char shape[200], count[32] = "?";
    size_t units;
    if (depth && !l->depth) continue;
    ok = cf_json_append(layers, layer_json(l));
    shape_text(l, shape, sizeof shape, &units);
    if (units) snprintf(count, sizeof count, "%zu", units);
    CF_TRY(cf_result_say(ctx, result, "%c %-*s  %-*s  %-18s  %s\n", l->depth ? '*' : ' ', name, l->name, module,
                         l->module, shape, count));
  }
  ok = cf_json_set(result->values, "kind", cf_json_text(cf_network_kind(network))) && ok;
  ok = cf_json_set(result->values, "parameters", cf_json_number(cf_network_parameters(network))) && ok;
  ok = cf_json_set(result->values, "layers", layers) && ok;
  layers = NULL;
  if (!ok) status = cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for the result");
done:
  cf_json_free(layers);
  return status;
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  cf_network *network = NULL;
  const char *address = cf_options_argument(options, 0);
  CF_TRY(cf_network_open(ctx, address, &network));
  for (size_t i = 0; i < cf_network_files(network); i++)
    CF_TRY(cf_result_input(ctx, result, cf_network_file(network, i)));
  CF_TRY(cf_result_say(ctx, result, "%s: kind %s, %.0f parameters, %zu layers\n", address, cf_network_kind(network),
                       cf_network_parameters(network), cf_network_layers(network)));
  CF_TRY(list(ctx, network, cf_options_flag(options, "depth"), result));
done:
  cf_network_free(network);
  return status;
}

const cf_analysis cf_analysis_layers = {
    .name = "layers",
    .group = "Networks",
    .summary = "List the layers of a network",
    .arguments = "MODEL",
    .least = 1,
    .most = 1,
    .description = description,
    .examples = examples,
    .params = params,
    .run = run,
    .prints_only = true,
};
