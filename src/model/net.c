/* `net:ARCH.json+WEIGHTS.safetensors`: feed-forward networks declared operator by operator. The format is described in
 * net_parse.c, the operators in operators.c. Images run in chunks through all operators up to the last chosen layer. */
#include "model/net.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CHUNK = 16 }; /* images that run together, when half of --memory holds them */

static size_t chunk_of(cf_context *ctx, const cf_net *net, size_t images) {
  double one, work;
  cf_program_cost(&net->program, 1, &one, &work);
  const double room = (double)cf_context_memory(ctx) / 2 / one;
  return CF_MAX((size_t)1, CF_MIN(images, (size_t)fmin(room, CHUNK)));
}

static bool sniff(const cf_model_files *files) {
  const char *head = (const char *)files->file[0].head;
  char text[sizeof files->file[0].head + 1];
  memcpy(text, head, sizeof files->file[0].head);
  text[sizeof text - 1] = 0;
  return text[strspn(text, " \t\r\n")] == '{' && strstr(text, "cortifold-net/1");
}

/* -------------------------------------------------------------- layers -- */

static const char *module_of(const cf_net_layer *layer, char *buffer, size_t size) {
  if (layer->module) return layer->module;
  snprintf(buffer, size, "%.*s", (int)strcspn(layer->name, "."), layer->name);
  return buffer;
}

static cf_status add_layers(cf_context *ctx, const cf_net *net, cf_network *network) {
  static const char *const map[3] = {"channel", "height", "width"};
  for (size_t i = 0; i < net->layers; i++) {
    const cf_op *op = &net->program.op[i + 1];
    char module[256];
    cf_layer layer = {.name = net->layer[i].name, .depth = net->layer[i].depth, .ndim = op->ndim};
    layer.module = module_of(&net->layer[i], module, sizeof module);
    for (int d = 0; d < op->ndim; d++) {
      layer.shape[d] = op->shape[d];
      layer.axes[d] = op->ndim == 3 ? map[d] : "unit";
    }
    const cf_status status = cf_network_add_layer(ctx, network, &layer);
    if (status != CF_OK) return status;
  }
  return CF_OK;
}

static void close_net(cf_network *network) {
  cf_net *net = network->state;
  if (net) cf_net_free(net);
  cf_free(net);
  network->state = NULL;
}

static cf_status open_net(cf_context *ctx, const cf_model_files *files, cf_network *network) {
  cf_status status = CF_OK;
  cf_net *net = NULL;
  CF_TRY(CF_ALLOC(ctx, &net, 1));
  network->state = net;
  CF_TRY(cf_net_parse(ctx, files, net));
  network->parameters = cf_weights_numbers(net->weights);
  CF_TRY(add_layers(ctx, net, network));
done:
  return status;
}

/* --------------------------------------------------------------- input -- */

static cf_status leading(cf_context *ctx, cf_network *network, const cf_network_input *input, int *ndim, size_t *shape,
                         const char **axes) {
  const cf_net *net = network->state;
  const cf_op *in = &net->program.op[0];
  const size_t c = in->shape[0], h = in->shape[1], w = in->shape[2];
  const cf_array *a = input->values;
  char have[128];
  const bool pixels = a->dtype == CF_U8;
  const bool floating = a->dtype == CF_F32 || a->dtype == CF_F64 || a->dtype == CF_F16 || a->dtype == CF_BF16;
  bool fits = false;
  if (pixels && c == 1 && a->ndim == 3) fits = a->shape[1] == h && a->shape[2] == w;
  if (pixels && a->ndim == 4) fits = a->shape[1] == h && a->shape[2] == w && a->shape[3] == c;
  if (floating && a->ndim == 4) fits = a->shape[1] == c && a->shape[2] == h && a->shape[3] == w;
  if (!fits)
    return cf_fail(ctx, CF_ERR_INPUT,
                   "%s: is %s of %s; the network takes uint8 (stimulus, %zu, %zu, %zu), scaled and normalised as its "
                   "architecture says, or floating (stimulus, %zu, %zu, %zu)",
                   input->label, cf_dtype_name(a->dtype), cf_model_shape_text(a->ndim, a->shape, have, sizeof have), h,
                   w, c, c, h, w);
  if (a->shape[0] == 0) return cf_fail(ctx, CF_ERR_INPUT, "%s: has no stimuli", input->label);
  *ndim = 1;
  shape[0] = a->shape[0];
  axes[0] = "stimulus";
  return CF_OK;
}

/* Images [from, from + n) as maps: pixels are scaled and normalised, (x scale - mean) / std. */
static cf_status load_images(cf_context *ctx, const cf_net *net, const cf_network_input *input, size_t from, size_t n,
                             float *out) {
  const cf_op *in = &net->program.op[0];
  const size_t channels = in->shape[0], places = in->shape[1] * in->shape[2];
  const cf_array *a = input->values;
  for (size_t b = 0; b < n; b++, out += in->count) {
    if (a->dtype == CF_U8) {
      const uint8_t *x = (const uint8_t *)a->data + (from + b) * in->count;
      for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < places; i++)
          out[c * places + i] = (float)(((double)x[i * channels + c] * net->scale - net->mean[c]) / net->sd[c]);
      continue;
    }
    for (size_t i = 0; i < in->count; i++) {
      out[i] = (float)cf_array_number(a, (from + b) * in->count + i);
      if (!isfinite(out[i]))
        return cf_fail(ctx, CF_ERR_INPUT, "%s: stimulus %zu, number %zu is %s", input->label, from + b, i,
                       isnan(out[i]) ? "NaN" : "beyond single precision");
    }
  }
  return CF_OK;
}

/* ------------------------------------------------------------- running -- */

typedef struct passing {
  const cf_network *network;
  const cf_net *net;
  cf_layer_sink sink;
  void *user;
  size_t from, n; /* images of this chunk */
} passing;

static cf_status pass_on(cf_context *ctx, void *user, size_t op, const float *values) {
  const passing *p = user;
  const cf_layer *layer = &p->network->layer[op - 1];
  const size_t count = p->net->program.op[op].count;
  for (size_t b = 0; b < p->n; b++) {
    const cf_status status = p->sink(ctx, p->user, op - 1, p->from + b, layer->shape, values + b * count);
    if (status != CF_OK) return status;
  }
  return CF_OK;
}

static cf_status run(cf_context *ctx, cf_network *network, const cf_network_input *input, const size_t *layers,
                     size_t n, cf_layer_sink sink, void *user) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_net *net = network->state;
  const size_t images = input->values->shape[0], many = chunk_of(ctx, net, images);
  passing p = {network, net, sink, user, 0, 0};
  bool *wanted = NULL;
  float *chunk = NULL;
  CF_TRY(CF_SCRATCH(ctx, &wanted, net->program.n));
  memset(wanted, 0, net->program.n * sizeof *wanted);
  for (size_t i = 0; i < n; i++) wanted[layers[i] + 1] = true;
  CF_TRY(CF_SCRATCH(ctx, &chunk, many * net->program.op[0].count));
  for (; p.from < images; p.from += p.n) {
    p.n = CF_MIN(many, images - p.from);
    CF_TRY(load_images(ctx, net, input, p.from, p.n, chunk));
    CF_TRY(cf_program_run(ctx, &net->program, p.n, chunk, wanted, pass_on, &p));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status cost(cf_context *ctx, cf_network *network, const cf_network_input *input, const size_t *layers,
                      size_t n, double *seconds, double *bytes) {
  const cf_net *net = network->state;
  const size_t images = input->values->shape[0];
  double work;
  (void)layers;
  (void)n;
  cf_program_cost(&net->program, chunk_of(ctx, net, images), bytes, &work);
  *seconds = (double)images * work / 1e10;
  return CF_OK;
}

const cf_network_ops cf_network_net = {
    .least = 1,
    .most = 64,
    .sniff = sniff,
    .open = open_net,
    .close = close_net,
    .leading = leading,
    .run = run,
    .cost = cost,
};
