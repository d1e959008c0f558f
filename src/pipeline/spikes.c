/* Spike trains as lists of spikes, in tables and in members of arrays; which format a file has. */
#include "pipeline/spikes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/spikes_build.h"

/* --------------------------------------------------------------- members -- */

static const cf_io_entry *find(const cf_spike_file *file, const char *prefix, const char *name) {
  const size_t n = strlen(prefix);
  for (size_t i = 0; i < file->listing->count; i++) {
    const cf_io_entry *e = &file->listing->entry[i];
    if (strncmp(e->member, prefix, n) == 0 && strcmp(e->member + n, name) == 0) return e;
  }
  return NULL;
}

bool cf_spike_file_has(const cf_spike_file *file, const char *prefix, const char *name) {
  return find(file, prefix, name) != NULL;
}

cf_status cf_spike_file_member(cf_context *ctx, const cf_spike_file *file, const char *prefix, const char *name,
                               cf_array **out) {
  cf_status status = CF_OK;
  char *address = NULL;
  const cf_io_entry *e = find(file, prefix, name);
  *out = NULL;
  if (!e) return CF_OK;
  CF_TRY(cf_sprintf(ctx, &address, "%s:%s", file->path, e->member));
  CF_TRY(cf_io_read(ctx, address, NULL, out));
done:
  cf_free(address);
  return status;
}

cf_status cf_spike_file_read(cf_context *ctx, const cf_spike_file *file, const char *prefix, const char *name,
                             cf_array **out) {
  const cf_status status = cf_spike_file_member(ctx, file, prefix, name, out);
  if (status == CF_OK && *out && (*out)->ndim != 1)
    return cf_fail(ctx, CF_ERR_INPUT, "%s:%s%s: it has %d axes; lists of spikes have one", file->path, prefix, name,
                   (*out)->ndim);
  return status;
}

cf_status cf_spike_file_need(cf_context *ctx, const cf_spike_file *file, const char *prefix, const char *name, size_t n,
                             cf_array **out) {
  const cf_status status = cf_spike_file_read(ctx, file, prefix, name, out);
  const char *what = file->table ? "column" : "member";
  if (status != CF_OK) return status;
  if (!*out) return cf_fail(ctx, CF_ERR_INPUT, "%s: there is no %s %s%s", file->path, what, prefix, name);
  if (n != SIZE_MAX && (*out)->shape[0] != n)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: %s%s has %zu entries, there are %zu spikes", file->path, prefix, name,
                   (*out)->shape[0], n);
  return CF_OK;
}

/* The part of a member's path before its last name; true when that is `name` and the path begins with `group`. */
static bool split_member(const char *member, const char *group, const char *name, size_t *prefix) {
  const char *slash = strrchr(member, '/');
  *prefix = slash ? (size_t)(slash + 1 - member) : 0;
  if (strcmp(member + *prefix, name) != 0) return false;
  const size_t n = strlen(group);
  return n == 0 || (*prefix == n && strncmp(member, group, n) == 0);
}

/* The member of spike times; its group becomes file->group. *name is a static text. */
static cf_status find_times(cf_context *ctx, cf_spike_file *file, const char **name) {
  static const char *const names[] = {"spike_times_ms", "spike_times", "time_ms", "time"};
  const size_t candidates = file->table ? 4 : 3; /* `time` of arrays is the axis of responses */
  for (size_t k = 0; k < candidates; k++) {
    const cf_io_entry *found = NULL;
    size_t length = 0;
    for (size_t i = 0; i < file->listing->count; i++) {
      const cf_io_entry *e = &file->listing->entry[i];
      size_t prefix;
      if (!split_member(e->member, file->group, names[k], &prefix)) continue;
      if (found)
        return cf_fail(ctx, CF_ERR_INPUT, "%s: %s and %s are both spike times: name the group, as in %s:GROUP",
                       file->path, found->member, e->member, file->path);
      found = e;
      length = prefix;
    }
    if (!found) continue;
    cf_free(file->group);
    file->group = NULL;
    *name = names[k];
    return cf_sprintf(ctx, &file->group, "%.*s", (int)length, found->member);
  }
  return cf_fail(ctx, CF_ERR_INPUT,
                 file->table ? "%s: no column is named time_ms or time; a table of spikes has unit, stimulus, "
                               "direction, trial and time_ms or time"
                             : "%s: no member is named spike_times_ms, spike_times or time_ms%s",
                 file->address, *file->group ? " in that group" : "");
}

/* ------------------------------------------------------------------ lists -- */

typedef struct list {
  const cf_spike_file *file;
  const cf_options *options;
  cf_spike_data *data;
  cf_spike_events e;
  cf_spike_trials how;
  size_t trials;
  bool placed; /* trial is the place among `trials`: the file tells their number */
} list;

static cf_status read_trials_option(cf_context *ctx, list *l) {
  const char *text = cf_options_text(l->options, "trials");
  char *end = NULL;
  if (strcmp(text, "shared") == 0) return CF_OK;
  if (strcmp(text, "unit") == 0) {
    l->how = CF_SPIKE_TRIALS_UNIT;
    return CF_OK;
  }
  const double number = strtod(text, &end);
  if (end == text || *end || !(number >= 1 && number <= 1e6) || number != floor(number))
    return cf_fail(ctx, CF_ERR_USAGE, "--trials %s: give shared, unit, or a whole number from 1", text);
  l->how = CF_SPIKE_TRIALS_NUMBER;
  l->trials = (size_t)number;
  return CF_OK;
}

static cf_status read_times(cf_context *ctx, list *l, const char *name) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  const double factor = cf_spike_time_factor(l->options, name);
  CF_TRY(cf_spike_file_need(ctx, l->file, l->file->group, name, SIZE_MAX, &a));
  if (a->dtype == CF_TEXT) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %s holds words, not times", l->file->address, name));
  l->e.spikes = a->shape[0];
  if (l->e.spikes == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: there are no spikes", l->file->address));
  CF_TRY(CF_SCRATCH(ctx, &l->e.time, l->e.spikes));
  CF_TRY(CF_SCRATCH(ctx, &l->e.unit, l->e.spikes));
  CF_TRY(CF_SCRATCH(ctx, &l->e.event, l->e.spikes));
  for (size_t i = 0; i < l->e.spikes; i++) {
    l->e.time[i] = factor * cf_array_number(a, i);
    if (!isfinite(l->e.time[i]))
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the time of spike %zu is %s", l->file->address, i,
                     isnan(l->e.time[i]) ? "missing" : "infinite"));
  }
done:
  cf_array_free(a);
  return status;
}

/* Whole numbers from 0 up to `most` - 1. */
static cf_status read_codes(cf_context *ctx, const list *l, const cf_array *a, const char *name, size_t most,
                            size_t *code) {
  for (size_t i = 0; i < a->shape[0]; i++) {
    const double value = cf_array_number(a, i);
    if (!(value >= 0 && value < (double)most) || value != floor(value))
      return cf_fail(ctx, CF_ERR_INPUT, "%s: %s of spike %zu is %g; there are 0 to %zu", l->file->address, name, i,
                     value, most - 1);
    code[i] = (size_t)value;
  }
  return CF_OK;
}

/* Units are numbers of the list unit_name, or labels. */
static cf_status read_units(cf_context *ctx, list *l) {
  cf_status status = CF_OK;
  cf_array *a = NULL, *names = NULL;
  size_t groups = 0;
  CF_TRY(cf_spike_file_need(ctx, l->file, l->file->group, "unit", l->e.spikes, &a));
  CF_TRY(cf_spike_file_read(ctx, l->file, l->file->group, "unit_name", &names));
  if (names && a->dtype != CF_TEXT && !l->file->table) {
    CF_TRY(read_codes(ctx, l, a, "unit", names->shape[0], l->e.unit));
    l->data->unit = names;
    names = NULL;
  } else {
    status = cf_labels_group(ctx, a, l->e.unit, &groups, &l->data->unit);
    if (status != CF_OK) status = cf_explain(ctx, status, "%s: unit", l->file->address);
  }
done:
  cf_array_free(a);
  cf_array_free(names);
  return status;
}

/* Events are told by a list of presentations. */
static cf_status read_presentations(cf_context *ctx, list *l) {
  cf_status status = CF_OK;
  cf_array *code = NULL, *stimulus = NULL, *direction = NULL;
  const char *group = l->file->group;
  CF_TRY(cf_spike_file_need(ctx, l->file, group, "presentation", l->e.spikes, &code));
  CF_TRY(cf_spike_file_need(ctx, l->file, group, "presentation_stimulus", SIZE_MAX, &stimulus));
  CF_TRY(cf_spike_file_read(ctx, l->file, group, "presentation_direction", &direction));
  l->e.events = stimulus->shape[0];
  if (direction && direction->shape[0] != l->e.events)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: presentation_direction has %zu entries, presentation_stimulus %zu",
                   l->file->address, direction->shape[0], l->e.events));
  CF_TRY(CF_SCRATCH(ctx, &l->e.stimulus, l->e.events));
  CF_TRY(CF_SCRATCH(ctx, &l->e.direction, l->e.events));
  CF_TRY(read_codes(ctx, l, code, "presentation", l->e.events, l->e.event));
  CF_TRY(cf_spike_stimuli(ctx, l->file, stimulus, l->e.events, l->e.stimulus, &l->data->stimulus));
  CF_TRY(cf_spike_directions(ctx, l->file, direction, l->e.events, l->e.direction, &l->data->direction));
done:
  cf_array_free(code);
  cf_array_free(stimulus);
  cf_array_free(direction);
  return status;
}

static cf_status read_optional(cf_context *ctx, const list *l, const char *name, cf_array **out) {
  if (!cf_spike_file_has(l->file, l->file->group, name)) return CF_OK;
  return cf_spike_file_need(ctx, l->file, l->file->group, name, l->e.spikes, out);
}

typedef struct key {
  size_t stimulus, direction, trial, spike;
} key;

static int by_event(const void *a, const void *b) {
  const key *x = a, *y = b;
  if (x->stimulus != y->stimulus) return x->stimulus < y->stimulus ? -1 : 1;
  if (x->direction != y->direction) return x->direction < y->direction ? -1 : 1;
  if (x->trial != y->trial) return x->trial < y->trial ? -1 : 1;
  return (x->spike > y->spike) - (x->spike < y->spike);
}

/* Events are the different combinations of stimulus, direction and trial that spikes have. */
static cf_status number_events(cf_context *ctx, list *l, key *k) {
  cf_status status = CF_OK;
  const size_t n = l->e.spikes;
  qsort(k, n, sizeof *k, by_event);
  CF_TRY(CF_SCRATCH(ctx, &l->e.stimulus, n));
  CF_TRY(CF_SCRATCH(ctx, &l->e.direction, n));
  if (l->placed) CF_TRY(CF_SCRATCH(ctx, &l->e.trial, n));
  for (size_t i = 0; i < n; i++) {
    if (i == 0 || k[i].stimulus != k[i - 1].stimulus || k[i].direction != k[i - 1].direction ||
        k[i].trial != k[i - 1].trial) {
      l->e.stimulus[l->e.events] = k[i].stimulus;
      if (l->placed) l->e.trial[l->e.events] = k[i].trial;
      l->e.direction[l->e.events++] = k[i].direction;
    }
    l->e.event[k[i].spike] = l->e.events - 1;
  }
done:
  return status;
}

static cf_status read_conditions(cf_context *ctx, list *l) {
  cf_status status = CF_OK;
  cf_array *stimulus = NULL, *direction = NULL, *trial = NULL;
  const size_t n = l->e.spikes;
  size_t *s = NULL, *d = NULL, *t = NULL, groups = 0;
  key *k = NULL;
  CF_TRY(CF_SCRATCH(ctx, &s, n));
  CF_TRY(CF_SCRATCH(ctx, &d, n));
  CF_TRY(CF_SCRATCH(ctx, &t, n));
  CF_TRY(CF_SCRATCH(ctx, &k, n));
  CF_TRY(read_optional(ctx, l, "stimulus", &stimulus));
  CF_TRY(read_optional(ctx, l, "direction", &direction));
  CF_TRY(cf_spike_file_need(ctx, l->file, l->file->group, "trial", n, &trial));
  CF_TRY(cf_spike_stimuli(ctx, l->file, stimulus, n, s, &l->data->stimulus));
  CF_TRY(cf_spike_directions(ctx, l->file, direction, n, d, &l->data->direction));
  if (l->placed)
    CF_TRY(read_codes(ctx, l, trial, "trial", l->trials, t));
  else if ((status = cf_labels_group(ctx, trial, t, &groups, NULL)) != CF_OK) {
    status = cf_explain(ctx, status, "%s: trial", l->file->address);
    goto done;
  }
  for (size_t i = 0; i < n; i++) k[i] = (key){s[i], d[i], t[i], i};
  CF_TRY(number_events(ctx, l, k));
done:
  cf_array_free(stimulus);
  cf_array_free(direction);
  cf_array_free(trial);
  return status;
}

/* --------------------------------------------------- what a file may tell -- */

/* A positive number that stands alone; NaN when the file has none. */
static cf_status read_alone(cf_context *ctx, const list *l, const char *name, double *out) {
  cf_array *a = NULL;
  *out = NAN;
  const cf_status status = cf_spike_file_member(ctx, l->file, l->file->group, name, &a);
  if (status != CF_OK || !a) return status;
  *out = cf_array_count(a) == 1 ? cf_array_number(a, 0) : NAN;
  cf_array_free(a);
  if (*out > 0 && isfinite(*out)) return CF_OK;
  return cf_fail(ctx, CF_ERR_INPUT, "%s: %s%s must be one number above 0", l->file->path, l->file->group, name);
}

/* Number and length of trials. A number that --trials gives counts more. */
static cf_status read_trial_numbers(cf_context *ctx, list *l) {
  cf_status status = CF_OK;
  double trials;
  if (l->file->table) return CF_OK;
  CF_TRY(read_alone(ctx, l, "trial_ms", &l->data->duration));
  if (cf_options_given(l->options, "trials")) return CF_OK;
  CF_TRY(read_alone(ctx, l, "trials", &trials));
  if (isnan(trials)) return CF_OK;
  if (trials != floor(trials) || trials > 1e6)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: %strials is %g, not a number of trials", l->file->path, l->file->group,
                   trials);
  l->how = CF_SPIKE_TRIALS_NUMBER;
  l->trials = (size_t)trials;
  l->placed = true;
done:
  return status;
}

static cf_status check_interval(cf_context *ctx, const list *l, const cf_array *a) {
  const cf_spikes *s = &l->data->spikes;
  const size_t cells = s->units * s->stimuli * s->directions, shape[4] = {s->units, s->stimuli, s->directions};
  static const char *const axes[4] = {"units", "stimuli", "directions", "trials"};
  if (a->ndim != 4 || a->dtype == CF_TEXT)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: isi_counts must be numbers (unit, stimulus, direction, trial)",
                   l->file->address);
  for (int d = 0; d < 3; d++)
    if (a->shape[d] != shape[d])
      return cf_fail(ctx, CF_ERR_INPUT, "%s: isi_counts has %zu %s, the spikes have %zu", l->file->address, a->shape[d],
                     axes[d], shape[d]);
  for (size_t c = 0; c < cells; c++)
    if (s->first[c + 1] - s->first[c] != a->shape[3])
      return cf_fail(
          ctx, CF_ERR_INPUT,
          "%s: isi_counts has %zu trials, a stimulus and direction %zu; a member `trials` tells their number",
          l->file->address, a->shape[3], s->first[c + 1] - s->first[c]);
  for (size_t i = 0; i < cf_array_count(a); i++)
    if (!(cf_array_number(a, i) >= 0) || isinf(cf_array_number(a, i)))
      return cf_fail(ctx, CF_ERR_INPUT, "%s: isi_counts: entry %zu is %g, not a number of spikes", l->file->address, i,
                     cf_array_number(a, i));
  return CF_OK;
}

/* Spikes in the interval before each trial, in the order of the trials. */
static cf_status read_interval(cf_context *ctx, list *l) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  if (l->file->table) return CF_OK;
  CF_TRY(cf_spike_file_member(ctx, l->file, l->file->group, "isi_counts", &a));
  if (!a) return CF_OK;
  CF_TRY(read_alone(ctx, l, "isi_ms", &l->data->isi));
  if (isnan(l->data->isi))
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: isi_counts needs isi_ms, the length of the interval", l->file->address));
  CF_TRY(check_interval(ctx, l, a));
  CF_TRY(CF_ALLOC(ctx, &l->data->isi_counts, cf_array_count(a)));
  for (size_t i = 0; i < cf_array_count(a); i++) l->data->isi_counts[i] = cf_array_number(a, i);
done:
  cf_array_free(a);
  return status;
}

static cf_status load_list(cf_context *ctx, const cf_spike_file *file, const cf_options *options, const char *times,
                           cf_spike_data *data) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  list l = {.file = file, .options = options, .data = data};
  CF_TRY(read_trials_option(ctx, &l));
  if (!cf_spike_file_has(file, file->group, "presentation")) CF_TRY(read_trial_numbers(ctx, &l));
  CF_TRY(read_times(ctx, &l, times));
  CF_TRY(read_units(ctx, &l));
  if (cf_spike_file_has(file, file->group, "presentation"))
    CF_TRY(read_presentations(ctx, &l));
  else
    CF_TRY(read_conditions(ctx, &l));
  CF_TRY(cf_spikes_build(ctx, file, &l.e, l.how, l.trials, data));
  CF_TRY(read_interval(ctx, &l));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------------- all -- */

static void file_close(cf_spike_file *file) {
  cf_io_listing_free(file->listing);
  cf_free(file->path);
  cf_free(file->group);
}

/* The group of the address, with a slash at its end and none before it. */
static cf_status group_of(cf_context *ctx, const char *member, char **out) {
  while (member && *member == '/') member++;
  size_t n = member ? strlen(member) : 0;
  while (n > 0 && member[n - 1] == '/') n--;
  return cf_sprintf(ctx, out, "%.*s%s", (int)n, member ? member : "", n ? "/" : "");
}

/* A JSON file begins with a brace; no other format of text does. */
static bool looks_like_json(const char *path) {
  FILE *f = fopen(path, "rb");
  int c = ' ';
  while (f && (c == ' ' || c == '\n' || c == '\r' || c == '\t')) c = getc(f);
  if (f) fclose(f);
  return f && c == '{';
}

static cf_status load_arrays(cf_context *ctx, cf_spike_file *file, const cf_options *options, double before,
                             double after, cf_spike_data *data) {
  cf_status status = CF_OK;
  const char *times = NULL;
  CF_TRY(cf_io_list(ctx, file->path, &file->listing));
  file->table = strcmp(file->listing->format, "tsv") == 0 || strcmp(file->listing->format, "csv") == 0;
  CF_TRY(find_times(ctx, file, &times));
  if (cf_spike_file_has(file, file->group, "spike_times_index"))
    CF_TRY(cf_spikes_from_nwb(ctx, file, options, before, after, data));
  else
    CF_TRY(load_list(ctx, file, options, times, data));
done:
  return status;
}

cf_status cf_load_spikes(cf_context *ctx, const char *address, const cf_options *options, double before, double after,
                         cf_result *result, cf_spike_data **out) {
  cf_status status = CF_OK;
  cf_spike_file file = {.address = address};
  cf_spike_data *data = NULL;
  char *member = NULL;
  *out = NULL;
  CF_TRY(cf_io_split(ctx, address, &file.path, &member));
  CF_TRY(group_of(ctx, member, &file.group));
  CF_TRY(CF_ALLOC(ctx, &data, 1));
  data->duration = NAN;
  if (looks_like_json(file.path))
    CF_TRY(cf_spikes_from_json(ctx, file.path, options, data));
  else
    CF_TRY(load_arrays(ctx, &file, options, before, after, data));
  if (result) CF_TRY(cf_result_input(ctx, result, address));
  *out = data;
  data = NULL;
done:
  cf_spike_data_free(data);
  cf_free(member);
  file_close(&file);
  return status;
}

double cf_spikes_extent(cf_context *ctx, const char *address) {
  cf_status status = CF_OK;
  cf_spike_file file = {.address = address};
  const char *times = NULL;
  char *member = NULL;
  double spikes = 0;
  CF_TRY(cf_io_split(ctx, address, &file.path, &member));
  CF_TRY(group_of(ctx, member, &file.group));
  if (looks_like_json(file.path)) {
    FILE *f = fopen(file.path, "rb");
    if (f && fseek(f, 0, SEEK_END) == 0) spikes = (double)ftell(f) / 12; /* bytes of a number and its comma */
    if (f) fclose(f);
    goto done;
  }
  CF_TRY(cf_io_list(ctx, file.path, &file.listing));
  file.table = strcmp(file.listing->format, "tsv") == 0 || strcmp(file.listing->format, "csv") == 0;
  CF_TRY(find_times(ctx, &file, &times));
  const cf_io_entry *e = find(&file, file.group, times);
  if (e && e->ndim == 1) spikes = (double)e->shape[0];
done:
  cf_free(member);
  file_close(&file);
  return spikes;
}
