/* cortifold/model.h - networks with weights: opened by address, their layers
 * listed, run on stimuli, and layers handed over item by item.
 *
 * MODEL address: [PREFIX:]FILE[+FILE...]. Without a prefix the format is found
 * by content. Values are float32. Nothing in a file is executed.            */
#ifndef CORTIFOLD_MODEL_H
#define CORTIFOLD_MODEL_H

#include <cortifold/array.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cf_network cf_network;

/* One layer that can be read out. Shapes are without the leading axes of a run (stimulus, sequence, clip, time). */
typedef struct cf_layer {
  const char *name;          /* as `layers` prints it and -o names its array */
  const char *module;        /* the part it belongs to: "feedforward", "recurrent", "readout" ... */
  bool depth;                /* one of the network's layers proper, in depth order, and no step within one */
  bool whole;                /* has no leading axes: one array for the whole run, item 0 of the sink */
  bool before_gelu;          /* the network goes on with the scaled GELU of these values (convolutions of the FNN) */
  int ndim;                  /* own axes */
  size_t shape[CF_MAX_DIMS]; /* 0: known when running only */
  const char *axes[CF_MAX_DIMS]; /* constant texts: "channel", "height", "width", "unit", "position", "dim" ...; NULL:
                                    nameless */
} cf_layer;

/* Sequences of any length as one vector each. */
typedef enum cf_pool {
  CF_POOL_NONE, /* every position */
  CF_POOL_LAST, /* the last token */
  CF_POOL_MEAN  /* the mean over tokens; a leading BOS does not count where others follow */
} cf_pool;

/* What a network is run on. Arrays are as read from files: any dtype, C order. */
typedef struct cf_network_input {
  const char *label;        /* address of the input, for messages */
  const cf_array *values;   /* movie, images, tokens, features; NULL with texts. Its data NULL: a header alone, for
                               cf_network_leading and cf_network_cost */
  const char *const *texts; /* UTF-8 sequences, with n_texts; NULL with values */
  size_t n_texts;
  const cf_array *perspective, *modulation, *behavior, *pupil; /* NULL: absent */
  bool extend;                                                 /* periphery: true extend, false dark */
  bool norm_given;                                             /* the next two were set by the user */
  double norm_mean, norm_sd;                                   /* of uint8 pixels: (x - mean) / sd */
  size_t generate;                                             /* greedy tokens after each sequence */
  cf_pool pool;                                                /* of positions, where a layer has some */
} cf_network_input;
#define CF_NETWORK_INPUT_INIT                                                                                          \
  { NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, false, false, 113, 60, 0, CF_POOL_NONE }

/* Reads weights and architecture. Errors: CF_ERR_USAGE (unknown prefix, wrong number of files), CF_ERR_INPUT (missing,
 * damaged or unfit files: names file and tensor). Cost: the files' sizes. */
CF_API CF_CHECKED cf_status cf_network_open(cf_context *ctx, const char *address, cf_network **out);
CF_API void cf_network_free(cf_network *network);
CF_API const char *cf_network_kind(const cf_network *network);           /* the prefix: "fnn" */
CF_API size_t cf_network_files(const cf_network *network);               /* files the address names */
CF_API const char *cf_network_file(const cf_network *network, size_t i); /* NULL past the end */
CF_API double cf_network_parameters(const cf_network *network);          /* numbers among the weights */
CF_API size_t cf_network_layers(const cf_network *network);
CF_API const cf_layer *cf_network_layer(const cf_network *network, size_t i); /* depth order; NULL past the end */
/* Index of a layer by name. CF_ERR_INPUT names it, with the nearest name that exists. */
CF_API CF_CHECKED cf_status cf_network_find(cf_context *ctx, const cf_network *network, const char *name, size_t *out);

/* Leading axes of what a run will give: 1 (stimulus, sequence or time), 2 (clip, time), or 0 (one item). Checks the
 * input against the network: CF_ERR_INPUT for what does not fit, CF_ERR_USAGE for inputs the kind does not take. */
CF_API CF_CHECKED cf_status cf_network_leading(cf_context *ctx, cf_network *network, const cf_network_input *input,
                                               int *ndim, size_t shape[2], const char *axes[2]);
/* Values of one layer for one item (flat index in the leading axes; 0 for `whole` layers). shape has the layer's own
 * axes. Called on the thread that called cf_network_run; values are valid during the call only. */
typedef cf_status (*cf_layer_sink)(cf_context *ctx, void *user, size_t layer, size_t item, const size_t *shape,
                                   const float *values);
/* Runs the input through the network as far as the chosen layers need it. The order of the calls: networks with a time
 * axis hand over all clips of one time before the next time, as many clips together as half of the context's memory
 * holds, the other clips afterwards; others may use any order. The values do not depend on the
 * number of threads, nor on what else is in the batch. What the sink returns ends the run unless it is CF_OK. */
CF_API CF_CHECKED cf_status cf_network_run(cf_context *ctx, cf_network *network, const cf_network_input *input,
                                           const size_t *layers, size_t n, cf_layer_sink sink, void *user);
/* What the last run made beside layers (tokens, generated ...), added to a data set. */
CF_API CF_CHECKED cf_status cf_network_extras(cf_context *ctx, cf_network *network, cf_dataset *out);
/* Estimated seconds and bytes (beyond inputs and what the sink keeps) of a run that hands over these layers. */
CF_API CF_CHECKED cf_status cf_network_cost(cf_context *ctx, cf_network *network, const cf_network_input *input,
                                            const size_t *layers, size_t n, double *seconds, double *bytes);

/* The kinds, for help and docs: NULL past the end. */
typedef struct cf_network_kind_info {
  const char *prefix;      /* "net" */
  const char *form;        /* "net:ARCH.json+WEIGHTS.safetensors" */
  const char *description; /* one line: network and input */
  bool available;          /* in this build */
} cf_network_kind_info;
CF_API const cf_network_kind_info *cf_network_kinds(size_t i);

#ifdef __cplusplus
}
#endif
#endif
