/* Which sequence and which time of it every item of a run belongs to, and the order in which they run. */
#ifndef CF_PIPELINE_RUN_CELLS_H
#define CF_PIPELINE_RUN_CELLS_H

#include "pipeline/running.h"

/* Items of a run: its leading axes, flattened. A sequence is a clip, a (stimulus, direction), or one still image. */
typedef struct cf_cells {
  bool labelled; /* by --labels: sequences are (stimulus, direction) */
  size_t items, sequences, times;
  size_t *sequence, *time;                  /* of each item */
  size_t *instances;                        /* items of each (sequence, time) */
  size_t stimuli, directions;               /* labelled: sequence = stimulus x directions + direction */
  cf_array *stimulus, *direction, *seconds; /* coordinates; seconds also without labels, NULL where unknown */
  size_t most_instances, least_instances;
} cf_cells;

/* Reads --labels and --rate. CF_ERR_INPUT for labels that do not fit, and for combinations that are missing. */
cf_status cf_cells_make(cf_context *ctx, const cf_options *options, const cf_running *running, cf_result *result,
                        cf_cells *out);
void cf_cells_free(cf_cells *cells);

enum { CF_CELLS_SLOTS = 16 };

/* One item as it comes: where it belongs. */
typedef struct cf_arrival {
  size_t item, sequence, time;
  size_t expected; /* items that come one after the other for this (sequence, time) */
  double share; /* of the mean over the instances of this (sequence, time): copies count as often as they are there */
  bool last;    /* the last item of its sequence, for now */
  size_t slot;  /* below CF_CELLS_SLOTS: tells apart the sequences that run at the same time */
} cf_arrival;
typedef cf_status (*cf_cells_sink)(cf_context *ctx, void *user, size_t layer, const cf_arrival *at, const size_t *shape,
                                   const float *values);
/* Runs the network over all items, sequence by sequence: instances of a sequence run in lockstep and arrive together.
 * Sequences of clips through small networks run several at a time, frame by frame. Of clips that are the same to the
 * last byte, with all that goes with them, one runs. */
cf_status cf_cells_run(cf_context *ctx, const cf_cells *cells, const cf_running *running, const size_t *layers,
                       size_t n, const char *what, cf_cells_sink sink, void *user);

#endif
