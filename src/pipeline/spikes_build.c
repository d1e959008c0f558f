/* Spike trains by unit, stimulus, direction and trial, from events and spikes in any order. */
#include "pipeline/spikes_build.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"

void cf_spike_data_free(cf_spike_data *d) {
  if (!d) return;
  cf_free(d->spikes.first);
  cf_free(d->spikes.start);
  cf_free(d->spikes.time);
  cf_free(d->isi_counts);
  cf_array_free(d->unit);
  cf_array_free(d->stimulus);
  cf_array_free(d->direction);
  cf_free(d);
}

double cf_spike_time_factor(const cf_options *options, const char *name) {
  const char *unit = cf_options_text(options, "time-unit");
  const size_t n = strlen(name);
  if (strcmp(unit, "auto") == 0) return n > 3 && strcmp(name + n - 3, "_ms") == 0 ? 1 : 1000;
  return strcmp(unit, "ms") == 0 ? 1 : 1000;
}

/* ---------------------------------------------------------------- labels -- */

static cf_status one_label(cf_context *ctx, const char *name, size_t n, size_t *code, cf_array **names) {
  const size_t one = 1;
  for (size_t i = 0; i < n; i++) code[i] = 0;
  return cf_array_new(ctx, name, CF_F64, 1, &one, names);
}

/* Puts the distinct labels into the order in which they first occur. */
static cf_status in_order_of_coming(cf_context *ctx, size_t n, size_t *code, cf_array *names) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t groups = names->shape[0], size = cf_dtype_size(names->dtype);
  size_t *place = NULL, seen = 0;
  char *moved = NULL;
  CF_TRY(CF_SCRATCH(ctx, &place, groups));
  CF_TRY(CF_SCRATCH(ctx, &moved, groups * size));
  for (size_t g = 0; g < groups; g++) place[g] = SIZE_MAX;
  for (size_t i = 0; i < n; i++) {
    if (place[code[i]] == SIZE_MAX) place[code[i]] = seen++;
    code[i] = place[code[i]];
  }
  for (size_t g = 0; g < groups; g++) memcpy(moved + place[g] * size, (char *)names->data + g * size, size);
  memcpy(names->data, moved, groups * size);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_spike_stimuli(cf_context *ctx, const cf_spike_file *file, const cf_array *labels, size_t n, size_t *code,
                           cf_array **names) {
  size_t groups = 0;
  if (!labels) return one_label(ctx, "stimulus", n, code, names);
  cf_status status = cf_labels_group(ctx, labels, code, &groups, names);
  if (status != CF_OK) return cf_explain(ctx, status, "%s: stimulus", file->address);
  return in_order_of_coming(ctx, n, code, *names);
}

/* Text directions become numbers. */
static cf_status degrees_of(cf_context *ctx, const cf_spike_file *file, const cf_array *labels, cf_array **out) {
  cf_status status = cf_array_new(ctx, "direction", CF_F64, 1, &labels->shape[0], out);
  for (size_t i = 0; status == CF_OK && i < labels->shape[0]; i++) {
    double *to = (double *)(*out)->data + i;
    char *end = NULL;
    *to = cf_array_number(labels, i);
    if (labels->dtype == CF_TEXT) {
      const char *text = ((char **)labels->data)[i];
      *to = strtod(text, &end);
      if (end == text || *end)
        status = cf_fail(ctx, CF_ERR_INPUT, "%s: direction %zu is '%.60s'; directions are numbers of degrees",
                         file->address, i, text);
    }
    if (status == CF_OK && !isfinite(*to))
      status = cf_fail(ctx, CF_ERR_INPUT, "%s: direction %zu is not a finite number of degrees", file->address, i);
  }
  return status;
}

cf_status cf_spike_directions(cf_context *ctx, const cf_spike_file *file, const cf_array *labels, size_t n,
                              size_t *code, cf_array **names) {
  cf_status status = CF_OK;
  cf_array *degrees = NULL;
  size_t groups = 0;
  if (!labels) return one_label(ctx, "direction", n, code, names);
  CF_TRY(degrees_of(ctx, file, labels, &degrees));
  CF_TRY(cf_labels_group(ctx, degrees, code, &groups, names));
done:
  cf_array_free(degrees);
  return status;
}

/* ---------------------------------------------------------------- trials -- */

typedef struct build {
  const cf_spike_events *e;
  cf_spikes *s;
  size_t *rank;   /* events: place among the trials of its stimulus and direction */
  size_t *number; /* stimuli x directions: trials of every unit */
  size_t *place;  /* CF_SPIKE_TRIALS_UNIT: units x events: place among the unit's trials of the cell + 1, or 0 */
} build;

static size_t condition_of(const build *b, size_t event) {
  return b->e->stimulus[event] * b->s->directions + b->e->direction[event];
}

static cf_status rank_events(cf_context *ctx, const cf_spike_file *file, cf_spike_trials how, size_t trials, build *b) {
  cf_status status = CF_OK;
  const size_t conditions = b->s->stimuli * b->s->directions;
  CF_TRY(CF_SCRATCH(ctx, &b->rank, b->e->events));
  CF_TRY(CF_SCRATCH(ctx, &b->number, conditions));
  memset(b->number, 0, conditions * sizeof *b->number);
  for (size_t i = 0; i < b->e->events; i++) {
    const size_t place = b->number[condition_of(b, i)]++;
    b->rank[i] = b->e->trial ? b->e->trial[i] : place;
  }
  for (size_t c = 0; c < conditions && how == CF_SPIKE_TRIALS_NUMBER; c++) {
    if (b->number[c] > trials)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: --trials %zu, but a stimulus and direction have spikes in %zu trials",
                     file->address, trials, b->number[c]));
    b->number[c] = trials;
  }
done:
  return status;
}

/* Number of trials of every cell, as first[cell + 1]. */
static cf_status count_trials(cf_context *ctx, cf_spike_trials how, build *b) {
  cf_status status = CF_OK;
  const size_t conditions = b->s->stimuli * b->s->directions;
  size_t count = 0;
  if (how != CF_SPIKE_TRIALS_UNIT) {
    for (size_t c = 0; c < b->s->units * conditions; c++) b->s->first[c + 1] = b->number[c % conditions];
    return CF_OK;
  }
  CF_TRY(cf_size_mul(ctx, b->s->units, b->e->events, &count));
  CF_TRY(CF_SCRATCH(ctx, &b->place, count));
  memset(b->place, 0, count * sizeof *b->place);
  for (size_t i = 0; i < b->e->spikes; i++) b->place[b->e->unit[i] * b->e->events + b->e->event[i]] = 1;
  for (size_t u = 0; u < b->s->units; u++)
    for (size_t i = 0; i < b->e->events; i++) {
      size_t *place = b->place + u * b->e->events + i, *trials = b->s->first + u * conditions + condition_of(b, i) + 1;
      if (*place) *place = ++*trials;
    }
done:
  return status;
}

static size_t trial_of(const build *b, size_t spike) {
  const size_t unit = b->e->unit[spike], event = b->e->event[spike];
  const size_t cell = unit * b->s->stimuli * b->s->directions + condition_of(b, event);
  return b->s->first[cell] + (b->place ? b->place[unit * b->e->events + event] - 1 : b->rank[event]);
}

/* data->spikes.first holds numbers of trials at [cell + 1]; start is made, and the spikes put in. */
static cf_status fill(cf_context *ctx, build *b) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t cells = b->s->units * b->s->stimuli * b->s->directions;
  size_t *next = NULL, trials = 0;
  for (size_t c = 0; c < cells; c++) b->s->first[c + 1] += b->s->first[c];
  trials = b->s->first[cells];
  CF_TRY(CF_ALLOC(ctx, &b->s->start, trials + 1));
  CF_TRY(CF_ALLOC(ctx, &b->s->time, CF_MAX(b->e->spikes, (size_t)1)));
  CF_TRY(CF_SCRATCH(ctx, &next, trials + 1));
  for (size_t i = 0; i < b->e->spikes; i++) b->s->start[trial_of(b, i) + 1]++;
  for (size_t t = 0; t < trials; t++) b->s->start[t + 1] += b->s->start[t];
  memcpy(next, b->s->start, (trials + 1) * sizeof *next);
  for (size_t i = 0; i < b->e->spikes; i++) b->s->time[next[trial_of(b, i)]++] = b->e->time[i];
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_spikes_build(cf_context *ctx, const cf_spike_file *file, const cf_spike_events *events,
                          cf_spike_trials how, size_t trials, cf_spike_data *data) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  build b = {.e = events, .s = &data->spikes};
  size_t cells = 0;
  data->spikes.units = data->unit->shape[0];
  data->spikes.stimuli = data->stimulus->shape[0];
  data->spikes.directions = data->direction->shape[0];
  CF_TRY(cf_size_mul(ctx, b.s->units * b.s->stimuli, b.s->directions, &cells));
  CF_TRY(CF_ALLOC(ctx, &b.s->first, cells + 1));
  CF_TRY(rank_events(ctx, file, how, trials, &b));
  CF_TRY(count_trials(ctx, how, &b));
  CF_TRY(fill(ctx, &b));
  CF_TRY(cf_spikes_finish(ctx, file, data));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

cf_status cf_spikes_finish(cf_context *ctx, const cf_spike_file *file, cf_spike_data *data) {
  const cf_spikes *s = &data->spikes;
  const size_t trials = s->first[s->units * s->stimuli * s->directions];
  size_t equal = 0;
  data->first = data->last = NAN;
  for (size_t t = 0; t < trials; t++) {
    double *x = s->time + s->start[t];
    const size_t n = s->start[t + 1] - s->start[t];
    if (n == 0) continue;
    bool sorted = true;
    for (size_t i = 1; i < n; i++) sorted &= x[i] >= x[i - 1];
    if (!sorted) qsort(x, n, sizeof *x, by_value);
    for (size_t i = 1; i < n; i++) equal += x[i] == x[i - 1];
    data->first = isnan(data->first) ? x[0] : fmin(data->first, x[0]);
    data->last = isnan(data->last) ? x[n - 1] : fmax(data->last, x[n - 1]);
  }
  if (equal > 0)
    cf_warn(ctx, "%s: %zu spikes have the same unit, trial and time as another; are rows doubled?", file->address,
            equal);
  if (isnan(data->first)) return cf_fail(ctx, CF_ERR_INPUT, "%s: there are no spikes in any trial", file->address);
  return CF_OK;
}
