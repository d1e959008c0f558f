/* Spike trains of NWB files: times of each unit in one clock, cut at the starts of presentations.
 *
 * units/spike_times holds all spikes (seconds), units/spike_times_index the end of each unit's part; a table in
 * intervals has start_time, stop_time and columns that tell what was shown. NWB schema: nwb-schema.readthedocs.io. */
#include "pipeline/spikes_build.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"

typedef struct reader {
  const cf_spike_file *file;
  const cf_options *options;
  cf_spike_data *data;
  char *table;                    /* "intervals/trials/" */
  cf_array *time, *index, *id;    /* of units */
  cf_array *start, *stop;         /* of presentations; stop may be NULL */
  cf_array *stimulus, *direction; /* columns; may be NULL */
  size_t rows;                    /* presentations in the file */
  size_t *row;                    /* of each event: presentations without a direction are left out */
  double before, after, factor;   /* seconds before and after a start (NaN: until its stop); ms per unit of time */
  cf_spike_events e;
} reader;

/* -------------------------------------------------------- presentations -- */

static bool is_table(const char *member, char *name, size_t size) {
  static const char head[] = "intervals/", tail[] = "/start_time";
  const char *from = strstr(member, head);
  const size_t n = strlen(member), t = strlen(tail);
  if (!from || n < t || strcmp(member + n - t, tail) != 0) return false;
  from += strlen(head);
  if (from > member + n - t) return false;
  snprintf(name, size, "%.*s", (int)(member + n - t - from), from);
  return true;
}

/* The table that --intervals names, else the only one, else the one named trials. */
static cf_status find_table(cf_context *ctx, reader *r) {
  const char *wanted = cf_options_text(r->options, "intervals");
  const char *chosen = NULL;
  char names[400] = "", name[128];
  size_t tables = 0;
  for (size_t i = 0; i < r->file->listing->count; i++) {
    const char *member = r->file->listing->entry[i].member;
    if (!is_table(member, name, sizeof name)) continue;
    const size_t used = strlen(names);
    snprintf(names + used, sizeof names - used, "%s%s", tables++ ? ", " : "", name);
    if (strcmp(name, wanted ? wanted : "trials") == 0 || (!wanted && !chosen)) chosen = member;
  }
  bool right = chosen && is_table(chosen, name, sizeof name) && (strcmp(name, wanted ? wanted : "trials") == 0);
  if (!chosen || (!right && tables > 1) || (wanted && !right))
    return cf_fail(ctx, CF_ERR_INPUT, "%s: %s%s; --intervals NAME chooses one of: %s", r->file->address,
                   wanted ? "there are no intervals named " : "which presentations", wanted ? wanted : "",
                   tables ? names : "(the file has none)");
  return cf_sprintf(ctx, &r->table, "%.*s", (int)(strlen(chosen) - strlen("start_time")), chosen);
}

/* The column that the option names, else the first of the usual ones; NULL when there is none. */
static cf_status read_column(cf_context *ctx, reader *r, const char *option, const char *const *usual, cf_array **out) {
  const char *given = cf_options_text(r->options, option);
  if (given) return cf_spike_file_need(ctx, r->file, r->table, given, SIZE_MAX, out);
  for (; *usual; usual++)
    if (cf_spike_file_has(r->file, r->table, *usual)) return cf_spike_file_read(ctx, r->file, r->table, *usual, out);
  return CF_OK;
}

static cf_status check_rows(cf_context *ctx, const reader *r, const cf_array *a, const char *what) {
  if (!a || a->shape[0] == r->rows) return CF_OK;
  return cf_fail(ctx, CF_ERR_INPUT, "%s: %s%s has %zu entries, there are %zu presentations", r->file->address, r->table,
                 what, a->shape[0], r->rows);
}

static cf_status read_presentations(cf_context *ctx, reader *r) {
  static const char *const stimuli[] = {"stimulus", "stimulus_name", "condition", "stim", NULL};
  static const char *const directions[] = {"direction", "orientation", "angle", NULL};
  cf_status status = CF_OK;
  CF_TRY(find_table(ctx, r));
  CF_TRY(cf_spike_file_need(ctx, r->file, r->table, "start_time", SIZE_MAX, &r->start));
  r->rows = r->start->shape[0];
  CF_TRY(cf_spike_file_read(ctx, r->file, r->table, "stop_time", &r->stop));
  CF_TRY(check_rows(ctx, r, r->stop, "stop_time"));
  CF_TRY(read_column(ctx, r, "stimulus-column", stimuli, &r->stimulus));
  CF_TRY(check_rows(ctx, r, r->stimulus, "(the stimulus)"));
  CF_TRY(read_column(ctx, r, "direction-column", directions, &r->direction));
  CF_TRY(check_rows(ctx, r, r->direction, "(the direction)"));
  if (!r->stimulus && !r->direction)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                   "%s: %s has no column stimulus or direction; --stimulus-column and --direction-column name them",
                   r->file->address, r->table));
done:
  return status;
}

static bool is_blank(const cf_array *column, size_t row) {
  if (!column) return false;
  if (column->dtype != CF_TEXT) return isnan(cf_array_number(column, row));
  const char *text = ((char **)column->data)[row];
  return strcmp(text, "") == 0 || strcmp(text, "null") == 0 || strcmp(text, "nan") == 0;
}

/* The kept rows of a column. */
static cf_status subset(cf_context *ctx, const cf_array *from, const size_t *row, size_t n, cf_array **out) {
  *out = NULL;
  if (!from) return CF_OK;
  cf_status status = cf_array_new(ctx, from->name, from->dtype, 1, &n, out);
  const size_t size = cf_dtype_size(from->dtype);
  for (size_t i = 0; status == CF_OK && i < n; i++) {
    if (from->dtype != CF_TEXT) {
      memcpy((char *)(*out)->data + i * size, (const char *)from->data + row[i] * size, size);
      continue;
    }
    char **to = (char **)(*out)->data + i;
    cf_free(*to);
    *to = NULL;
    status = cf_strdup(ctx, ((char **)from->data)[row[i]], to);
  }
  return status;
}

static cf_status make_events(cf_context *ctx, reader *r) {
  cf_status status = CF_OK;
  cf_array *stimulus = NULL, *direction = NULL;
  double shortest = INFINITY;
  CF_TRY(CF_SCRATCH(ctx, &r->row, r->rows));
  for (size_t i = 0; i < r->rows; i++) {
    if (is_blank(r->stimulus, i) || is_blank(r->direction, i)) continue;
    const double start = cf_array_number(r->start, i), stop = r->stop ? cf_array_number(r->stop, i) : NAN;
    if (!isfinite(start) || (r->stop && !(stop > start)))
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: presentation %zu in %s lasts from %g to %g s", r->file->address, i,
                     r->table, start, stop));
    if (r->stop) shortest = fmin(shortest, stop - start);
    r->row[r->e.events++] = i;
  }
  r->data->presentations_left_out = r->rows - r->e.events;
  if (r->e.events == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %s has no presentations", r->file->address, r->table));
  r->data->duration = isfinite(shortest) ? 1000 * shortest : NAN;
  CF_TRY(subset(ctx, r->stimulus, r->row, r->e.events, &stimulus));
  CF_TRY(subset(ctx, r->direction, r->row, r->e.events, &direction));
  CF_TRY(CF_SCRATCH(ctx, &r->e.stimulus, r->e.events));
  CF_TRY(CF_SCRATCH(ctx, &r->e.direction, r->e.events));
  CF_TRY(cf_spike_stimuli(ctx, r->file, stimulus, r->e.events, r->e.stimulus, &r->data->stimulus));
  CF_TRY(cf_spike_directions(ctx, r->file, direction, r->e.events, r->e.direction, &r->data->direction));
done:
  cf_array_free(stimulus);
  cf_array_free(direction);
  return status;
}

/* ----------------------------------------------------------------- units -- */

static cf_status read_units(cf_context *ctx, reader *r) {
  cf_status status = CF_OK;
  const char *units = r->file->group;
  double last = 0;
  CF_TRY(cf_spike_file_need(ctx, r->file, units, "spike_times", SIZE_MAX, &r->time));
  CF_TRY(cf_spike_file_need(ctx, r->file, units, "spike_times_index", SIZE_MAX, &r->index));
  CF_TRY(cf_spike_file_read(ctx, r->file, units, "id", &r->id));
  if (r->time->dtype == CF_TEXT || r->index->dtype == CF_TEXT)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: spike times are words", r->file->address));
  for (size_t u = 0; u < r->index->shape[0]; u++) {
    const double end = cf_array_number(r->index, u);
    if (!(end >= last && end <= (double)r->time->shape[0]) || end != floor(end))
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: spike_times_index of unit %zu is %g, outside %g to %zu", r->file->address,
                     u, end, last, r->time->shape[0]));
    last = end;
  }
  if (r->index->shape[0] == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: there are no units", r->file->address));
  if (r->id && r->id->shape[0] == r->index->shape[0]) {
    CF_TRY(cf_array_copy(ctx, r->id, &r->data->unit));
  } else {
    CF_TRY(cf_array_new(ctx, "unit", CF_I64, 1, &r->index->shape[0], &r->data->unit));
    for (size_t u = 0; u < r->index->shape[0]; u++) ((int64_t *)r->data->unit->data)[u] = (int64_t)u;
  }
done:
  return status;
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* First of n ascending values that is not below x. */
static size_t lower_bound(const double *values, size_t n, double x) {
  size_t low = 0, high = n;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (values[middle] < x)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* Spikes of all units around all starts; counts alone while there is no place for them. */
static void cut(reader *r, const double *time) {
  size_t n = 0;
  for (size_t u = 0, from = 0; u < r->index->shape[0]; u++) {
    const size_t to = (size_t)cf_array_number(r->index, u);
    for (size_t e = 0; e < r->e.events; e++) {
      const double start = cf_array_number(r->start, r->row[e]);
      const double stop = !isnan(r->after) ? start + r->after
                          : r->stop        ? cf_array_number(r->stop, r->row[e])
                                           : INFINITY;
      for (size_t i = from + lower_bound(time + from, to - from, start - r->before); i < to && time[i] < stop;
           i++, n++) {
        if (!r->e.time) continue;
        r->e.time[n] = 1000 * (time[i] - start);
        r->e.unit[n] = u;
        r->e.event[n] = e;
      }
    }
    from = to;
  }
  r->e.spikes = n;
}

static cf_status make_spikes(cf_context *ctx, reader *r) {
  cf_status status = CF_OK;
  const size_t n = r->time->shape[0];
  double *time = NULL;
  CF_TRY(CF_SCRATCH(ctx, &time, n));
  for (size_t i = 0; i < n; i++) {
    time[i] = r->factor / 1000 * cf_array_number(r->time, i);
    if (!isfinite(time[i]))
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the time of spike %zu is %s", r->file->address, i,
                     isnan(time[i]) ? "missing" : "infinite"));
  }
  for (size_t u = 0, from = 0; u < r->index->shape[0]; u++) {
    const size_t to = (size_t)cf_array_number(r->index, u);
    qsort(time + from, to - from, sizeof *time, by_value);
    from = to;
  }
  cut(r, time);
  if (r->e.spikes == 0)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: no spike lies near a presentation in %s; are both in seconds of one clock?",
                   r->file->address, r->table));
  CF_TRY(CF_SCRATCH(ctx, &r->e.unit, r->e.spikes));
  CF_TRY(CF_SCRATCH(ctx, &r->e.event, r->e.spikes));
  CF_TRY(CF_SCRATCH(ctx, &r->e.time, r->e.spikes));
  cut(r, time);
done:
  return status;
}

cf_status cf_spikes_from_nwb(cf_context *ctx, const cf_spike_file *file, const cf_options *options, double before,
                             double after, cf_spike_data *data) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  reader r = {.file = file,
              .options = options,
              .data = data,
              .before = before / 1000,
              .after = after / 1000,
              .factor = cf_spike_time_factor(options, "spike_times")};
  CF_TRY(read_presentations(ctx, &r));
  CF_TRY(make_events(ctx, &r));
  CF_TRY(read_units(ctx, &r));
  CF_TRY(make_spikes(ctx, &r));
  CF_TRY(cf_spikes_build(ctx, file, &r.e, CF_SPIKE_TRIALS_SHARED, 0, data));
  if (data->presentations_left_out)
    cf_warn(ctx, "%s: %zu presentations without a stimulus or direction are left out", file->address,
            data->presentations_left_out);
done:
  cf_free(r.table);
  cf_array_free(r.time);
  cf_array_free(r.index);
  cf_array_free(r.id);
  cf_array_free(r.start);
  cf_array_free(r.stop);
  cf_array_free(r.stimulus);
  cf_array_free(r.direction);
  cf_scratch_release(ctx, mark);
  return status;
}
