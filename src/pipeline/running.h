/* What `layers` and `run` share: a network with its input, and where the values of its layers go. */
#ifndef CF_PIPELINE_RUNNING_H
#define CF_PIPELINE_RUNNING_H

#include <cortifold/io.h>
#include <cortifold/model.h>
#include <cortifold/pipeline.h>

#include "pipeline/input.h"

typedef struct cf_running {
  const char *address; /* of the input */
  cf_network *network;
  cf_network_input input; /* points at the arrays below */
  cf_input stimuli;
  cf_array *perspective, *modulation, *behavior, *pupil;
  size_t *layer, n; /* chosen, in depth order */
  int ndim;         /* leading axes of what the run gives */
  size_t shape[2], items;
  const char *axes[2];
} cf_running;

/* Opens the network, reads the inputs that the options name, chooses the layers and asks for the leading axes. With
 * headers_only arrays have shapes but no data. */
cf_status cf_running_open(cf_context *ctx, const cf_options *options, bool headers_only, cf_result *result,
                          cf_running *out);
void cf_running_close(cf_running *running);
/* Labels of a leading axis of the input: names of files or texts, else a coordinate of its array; NULL: none. */
const cf_array *cf_running_labels(const cf_running *running, int axis);

/* What was seen of a layer's values, in passing. */
typedef struct cf_layer_seen {
  bool begun;
  int ndim; /* own axes as they came */
  size_t shape[CF_MAX_DIMS], count;
  size_t values, nans;
  double first, sum, squares, least, most; /* sums of differences from the first value */
} cf_layer_seen;
/* Notes one item, or n of its values; CF_ERR_INPUT when the item's shape differs from that of earlier ones. */
cf_status cf_layer_see(cf_context *ctx, const cf_layer *layer, const size_t *shape, const float *values,
                       cf_layer_seen *seen);
cf_status cf_layer_see_some(cf_context *ctx, const cf_layer *layer, const size_t *shape, size_t n, const float *values,
                            cf_layer_seen *seen);
/* {name, module, shape, mean, sd, min, max, nan}; NULL when memory is short. */
cf_json *cf_layer_seen_json(const cf_layer *layer, const cf_layer_seen *seen);

/* An array for results: in memory, or in a mapped file beside the output when it would make the results held in memory
 * more than a quarter of --memory. held: their bytes so far, 0 at first. */
cf_status cf_running_array(cf_context *ctx, const cf_options *options, const char *name, int ndim, const size_t *shape,
                           double *held, cf_array **out);

/* Runs and keeps every value of the chosen layers: one array a layer, named like it. */
cf_status cf_running_keep(cf_context *ctx, const cf_options *options, cf_running *running, cf_result *result);

#endif
