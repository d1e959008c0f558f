/* Between the readers of spike trains: events (presentations) and spikes in them, and what becomes of them. */
#ifndef CF_PIPELINE_SPIKES_BUILD_H
#define CF_PIPELINE_SPIKES_BUILD_H
#include "pipeline/spikes.h"

/* Presentations of a stimulus and direction to all units, and spikes in any order. */
typedef struct cf_spike_events {
  size_t events, spikes;
  size_t *stimulus, *direction; /* events: codes */
  size_t *trial;                /* events: place among the trials of the stimulus and direction; NULL: as they come */
  size_t *unit, *event;         /* spikes: codes */
  double *time;                 /* spikes: ms from the start of the event */
} cf_spike_events;

typedef enum cf_spike_trials {
  CF_SPIKE_TRIALS_SHARED, /* every event is a trial of every unit */
  CF_SPIKE_TRIALS_UNIT,   /* of the units with a spike in it */
  CF_SPIKE_TRIALS_NUMBER  /* of every unit; events without spikes are added up to the number */
} cf_spike_trials;

/* A file and its members, read once. */
typedef struct cf_spike_file {
  const char *address; /* for messages */
  char *path, *group;  /* group: prefix of the members, "units/" or "" */
  cf_io_listing *listing;
  bool table; /* text, whose members are columns */
} cf_spike_file;
bool cf_spike_file_has(const cf_spike_file *file, const char *prefix, const char *name);
/* The member prefix + name as a 1-D array; *out NULL when it is not there. */
cf_status cf_spike_file_read(cf_context *ctx, const cf_spike_file *file, const char *prefix, const char *name,
                             cf_array **out);
/* The same with any number of axes. */
cf_status cf_spike_file_member(cf_context *ctx, const cf_spike_file *file, const char *prefix, const char *name,
                               cf_array **out);
/* As a 1-D array, an error when it is not there or has another length than n (n SIZE_MAX: any). */
cf_status cf_spike_file_need(cf_context *ctx, const cf_spike_file *file, const char *prefix, const char *name, size_t n,
                             cf_array **out);

/* ms in one unit of the file's times. name: of their member. */
double cf_spike_time_factor(const cf_options *options, const char *name);

/* Codes of labels: stimuli in the order in which they come, directions ascending as numbers of degrees. names: the
 * distinct ones. labels NULL: all n are one. */
cf_status cf_spike_stimuli(cf_context *ctx, const cf_spike_file *file, const cf_array *labels, size_t n, size_t *code,
                           cf_array **names);
cf_status cf_spike_directions(cf_context *ctx, const cf_spike_file *file, const cf_array *labels, size_t n,
                              size_t *code, cf_array **names);

/* Sorts events and spikes into data->spikes; the labels of data give the numbers of units, stimuli and directions. */
cf_status cf_spikes_build(cf_context *ctx, const cf_spike_file *file, const cf_spike_events *events,
                          cf_spike_trials how, size_t trials, cf_spike_data *data);
/* Sorts the times of each trial, notes the first and last, warns of equal ones. */
cf_status cf_spikes_finish(cf_context *ctx, const cf_spike_file *file, cf_spike_data *data);

cf_status cf_spikes_from_nwb(cf_context *ctx, const cf_spike_file *file, const cf_options *options, double before,
                             double after, cf_spike_data *data);
cf_status cf_spikes_from_json(cf_context *ctx, const char *path, const cf_options *options, cf_spike_data *data);
#endif
