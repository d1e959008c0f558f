/* Loading of spike trains from tables, arrays, NWB files and nested JSON. */
#ifndef CF_PIPELINE_SPIKES_H
#define CF_PIPELINE_SPIKES_H
#include <cortifold/io.h>
#include <cortifold/pipeline.h>
#include <cortifold/response.h>

typedef struct cf_spike_data {
  cf_spikes spikes;
  cf_array *unit, *stimulus, *direction; /* labels; directions are degrees, ascending */
  double first, last;                    /* ms: earliest and latest spike kept; NaN without spikes */
  double duration;                       /* ms: shortest presentation, where the file tells; else NaN */
  double *isi_counts; /* trials of `spikes`: spikes in the interval before each, where the file counts them; or NULL */
  double isi;         /* ms: length of that interval */
  size_t presentations_left_out; /* NWB: blank ones, without a direction */
} cf_spike_data;

/* The options that cf_load_spikes looks at. */
#define CF_SPIKES_OPTIONS                                                                                               \
  {"time-unit",                                                                                                         \
   0,                                                                                                                   \
   CF_PARAM_CHOICE,                                                                                                     \
   "U",                                                                                                                 \
   "auto",                                                                                                              \
   0,                                                                                                                   \
   0,                                                                                                                   \
   "auto|ms|s",                                                                                                         \
   "Unit of spike times. auto: ms for JSON and for columns and members whose name ends in _ms, else seconds."},         \
      {"trials",                                                                                                        \
       0,                                                                                                               \
       CF_PARAM_TEXT,                                                                                                   \
       "N",                                                                                                             \
       "shared",                                                                                                        \
       0,                                                                                                               \
       0,                                                                                                               \
       "shared|unit",                                                                                                   \
       "Trials of a list of spikes, in which a trial without spikes leaves no trace. shared: units were recorded "      \
       "together, a trial counts for all when any has a spike in it. unit: each unit has the trials it has spikes in. " \
       "N: so many for every unit, stimulus and direction."},                                                           \
      {"intervals",                                                                                                     \
       0,                                                                                                               \
       CF_PARAM_TEXT,                                                                                                   \
       "NAME",                                                                                                          \
       NULL,                                                                                                            \
       0,                                                                                                               \
       0,                                                                                                               \
       NULL,                                                                                                            \
       "NWB: the table of presentations, a group in /intervals; not needed when there is one, or one named trials."},   \
      {"stimulus-column",                                                                                               \
       0,                                                                                                               \
       CF_PARAM_TEXT,                                                                                                   \
       "NAME",                                                                                                          \
       NULL,                                                                                                            \
       0,                                                                                                               \
       0,                                                                                                               \
       NULL,                                                                                                            \
       "NWB: column of that table that names the stimulus; stimulus, stimulus_name or condition when not given."},      \
  {                                                                                                                     \
    "direction-column", 0, CF_PARAM_TEXT, "NAME", NULL, 0, 0, NULL,                                                     \
        "NWB: column with the direction in degrees; direction, orientation or angle when not given."                    \
  }

/* Reads spike trains. Formats:
 *  table   columns unit, stimulus, direction, trial, and time_ms or time (seconds); one spike a row
 *  arrays  members spike_times_ms, time_ms or spike_times (seconds), unit, stimulus, direction, trial, one entry a
 * spike; or spike_times..., unit, presentation with presentation_stimulus, presentation_direction and optionally
 *          presentation_trial, one entry a presentation, and unit_name. With one entry a spike also: trials (their
 *          number in every cell; trial is then 0 .. trials - 1), trial_ms (duration), isi_counts (unit, stimulus,
 *          direction, trial) and isi_ms, the spikes in the interval before each trial and its length
 *  NWB     /units/spike_times with spike_times_index, and a table of presentations in /intervals
 *  JSON    {unit: {stimulus: {direction: [trial: [times in ms]]}}}
 * The address may name the group of the members. stimulus and direction may be missing: then there is one. before,
 * after: NWB spikes are kept from `before` ms before to `after` ms after a presentation's start (after NaN: its stop).
 * Order of units and directions ascending, of stimuli as they come. Times of a trial are sorted. Errors: CF_ERR_INPUT
 * naming file, member and position. */
CF_CHECKED cf_status cf_load_spikes(cf_context *ctx, const char *address, const cf_options *options, double before,
                                    double after, cf_result *result, cf_spike_data **out);
/* Number of spikes, from the file's headers, or its size where it has none; 0 when it cannot be told. */
double cf_spikes_extent(cf_context *ctx, const char *address);
void cf_spike_data_free(cf_spike_data *data);
#endif
