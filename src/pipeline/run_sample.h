/* Drawing units of layers, and gathering what they do. */
#ifndef CF_PIPELINE_RUN_SAMPLE_H
#define CF_PIPELINE_RUN_SAMPLE_H

#include "pipeline/run_cells.h"

typedef struct cf_sampling {
  bool sample; /* else all units */
  size_t maps, places;
  bool paper; /* the published crop and choice of channels */
  enum { CF_TRANSFORM_NONE, CF_TRANSFORM_RELU, CF_TRANSFORM_GELU, CF_TRANSFORM_AUTO } transform;
} cf_sampling;
/* Of --sample, --sample-recipe and --transform. */
cf_status cf_sampling_read(cf_context *ctx, const cf_options *options, cf_sampling *out);

/* A layer as maps of places: maps over rows and columns, or channels over units; otherwise one map of all units. */
typedef struct cf_field {
  bool maps_there; /* has maps to draw; else units are drawn uniformly */
  size_t maps, places, map_stride, place_stride, columns;
} cf_field;
cf_field cf_field_of(const cf_layer *layer, const size_t *shape);
static inline size_t cf_field_index(const cf_field *f, size_t map, size_t place) {
  return map * f->map_stride + place * f->place_stride;
}

/* The units of a layer that were drawn, ascending. */
typedef struct cf_units {
  size_t n;
  size_t *index; /* in the layer's own axes, C order; NULL: all units */
  double *score; /* NULL where units were not scored */
  cf_field field;
  size_t maps, silent; /* maps that were drawn; maps without activity */
} cf_units;
void cf_units_free(cf_units *units);

/* Draws units of every chosen layer: one pass over the stimuli for those that have maps. units: one a chosen layer. */
cf_status cf_sample_units(cf_context *ctx, const cf_sampling *how, const cf_cells *cells, const cf_running *running,
                          cf_units *units);
/* In place: what is done to each value of one item. x has room for CF_SAMPLING_PADDED(n) numbers. */
void cf_sampling_transform(const cf_sampling *how, const cf_layer *layer, size_t n, float *x);
#define CF_SAMPLING_PADDED(n) (((n) + 15) / 16 * 16)

/* Runs and gathers the units' values into the result: with labels (neuron, stimulus, direction, time), instances
 * averaged, negatives set to 0 unless the transform is none; without (leading axes, unit). */
cf_status cf_gather_units(cf_context *ctx, const cf_options *options, const cf_sampling *how, const cf_cells *cells,
                          const cf_running *running, cf_units *units, cf_result *result);

/* What `run` would take: run_cost.c. */
cf_status cf_run_cost(cf_context *ctx, const cf_options *options, cf_cost *out);

#endif
