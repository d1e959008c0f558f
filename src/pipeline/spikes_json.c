/* Spike trains as nested JSON: {unit: {stimulus: {direction: [trial: [times]]}}}. */
#include "pipeline/spikes_build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"

typedef struct reader {
  const char *path;
  double factor; /* ms in a unit of its times */
  const cf_json *root;
  cf_spike_data *data;
} reader;

typedef cf_status (*visit_fn)(cf_context *ctx, void *payload, const char *unit, const char *stimulus,
                              const char *direction, const cf_json *trials);

/* Calls visit for every unit, stimulus and direction, in the order of the file. */
static cf_status walk(cf_context *ctx, const reader *r, visit_fn visit, void *payload) {
  cf_status status = CF_OK;
  for (size_t u = 0; u < cf_json_count(r->root); u++) {
    const cf_json *stimuli = cf_json_value(r->root, u);
    const char *unit = cf_json_key(r->root, u);
    if (!stimuli || !cf_json_is_object(stimuli))
      return cf_fail(ctx, CF_ERR_INPUT, "%s: unit %s is not an object of stimuli", r->path, unit);
    for (size_t s = 0; s < cf_json_count(stimuli); s++) {
      const cf_json *directions = cf_json_value(stimuli, s);
      const char *stimulus = cf_json_key(stimuli, s);
      if (!directions || !cf_json_is_object(directions))
        return cf_fail(ctx, CF_ERR_INPUT, "%s: unit %s, stimulus %s is not an object of directions", r->path, unit,
                       stimulus);
      for (size_t d = 0; d < cf_json_count(directions); d++) {
        const cf_json *trials = cf_json_value(directions, d);
        if (!trials || !cf_json_is_list(trials))
          return cf_fail(ctx, CF_ERR_INPUT, "%s: unit %s, stimulus %s, direction %s is not a list of trials", r->path,
                         unit, stimulus, cf_json_key(directions, d));
        CF_TRY(visit(ctx, payload, unit, stimulus, cf_json_key(directions, d), trials));
      }
    }
  }
done:
  return status;
}

/* ---------------------------------------------------------------- labels -- */

typedef struct labels {
  const char **unit, **stimulus, **direction; /* of each visit */
  size_t visits;
} labels;

static cf_status count_visit(cf_context *ctx, void *payload, const char *unit, const char *stimulus,
                             const char *direction, const cf_json *trials) {
  (void)ctx, (void)unit, (void)stimulus, (void)direction, (void)trials;
  ++*(size_t *)payload;
  return CF_OK;
}

static cf_status note_labels(cf_context *ctx, void *payload, const char *unit, const char *stimulus,
                             const char *direction, const cf_json *trials) {
  labels *l = payload;
  (void)ctx, (void)trials;
  l->unit[l->visits] = unit;
  l->stimulus[l->visits] = stimulus;
  l->direction[l->visits++] = direction;
  return CF_OK;
}

/* ---------------------------------------------------------------- trains -- */

typedef struct codes {
  const size_t *unit, *stimulus, *direction;
  size_t visit;
  const reader *r;
  const cf_json **source; /* cells: list of trials */
} codes;

static size_t cell_of(const codes *c) {
  const cf_spikes *s = &c->r->data->spikes;
  return (c->unit[c->visit] * s->stimuli + c->stimulus[c->visit]) * s->directions + c->direction[c->visit];
}

static cf_status note_source(cf_context *ctx, void *payload, const char *unit, const char *stimulus,
                             const char *direction, const cf_json *trials) {
  codes *c = payload;
  const size_t cell = cell_of(c);
  c->visit++;
  if (c->source[cell])
    return cf_fail(ctx, CF_ERR_INPUT, "%s: unit %s, stimulus %s has direction %s twice", c->r->path, unit, stimulus,
                   direction);
  c->source[cell] = trials;
  for (size_t t = 0; t < cf_json_count(trials); t++)
    if (!cf_json_is_list(cf_json_at(trials, t)))
      return cf_fail(ctx, CF_ERR_INPUT, "%s: unit %s, stimulus %s, direction %s: trial %zu is not a list of times",
                     c->r->path, unit, stimulus, direction, t);
  return CF_OK;
}

static cf_status fill_trial(cf_context *ctx, const reader *r, const cf_json *list, size_t trial, double *out) {
  for (size_t i = 0; i < cf_json_count(list); i++) {
    out[i] = r->factor * cf_json_as_number(cf_json_at(list, i));
    if (!isfinite(out[i]))
      return cf_fail(ctx, CF_ERR_INPUT, "%s: time %zu of trial %zu (of all, in order) is not a number", r->path, i,
                     trial);
  }
  return CF_OK;
}

static cf_status fill(cf_context *ctx, const reader *r, const cf_json *const *source, size_t cells) {
  cf_status status = CF_OK;
  cf_spikes *s = &r->data->spikes;
  CF_TRY(CF_ALLOC(ctx, &s->first, cells + 1));
  for (size_t c = 0; c < cells; c++) s->first[c + 1] = s->first[c] + (source[c] ? cf_json_count(source[c]) : 0);
  CF_TRY(CF_ALLOC(ctx, &s->start, s->first[cells] + 1));
  for (size_t c = 0, at = 0; c < cells; c++)
    for (size_t t = 0; t < s->first[c + 1] - s->first[c]; t++, at++)
      s->start[at + 1] = s->start[at] + cf_json_count(cf_json_at(source[c], t));
  CF_TRY(CF_ALLOC(ctx, &s->time, CF_MAX(s->start[s->first[cells]], (size_t)1)));
  for (size_t c = 0, at = 0; c < cells; c++)
    for (size_t t = 0; t < s->first[c + 1] - s->first[c]; t++, at++)
      CF_TRY(fill_trial(ctx, r, cf_json_at(source[c], t), at, s->time + s->start[at]));
done:
  return status;
}

static cf_status make_codes(cf_context *ctx, const reader *r, const cf_spike_file *file, size_t visits, size_t **code) {
  cf_status status = CF_OK;
  labels l = {0};
  cf_array *a = NULL;
  CF_TRY(CF_SCRATCH(ctx, &l.unit, visits));
  CF_TRY(CF_SCRATCH(ctx, &l.stimulus, visits));
  CF_TRY(CF_SCRATCH(ctx, &l.direction, visits));
  CF_TRY(walk(ctx, r, note_labels, &l));
  for (int k = 0; k < 3; k++) CF_TRY(CF_SCRATCH(ctx, &code[k], visits));
  CF_TRY(cf_array_from_texts(ctx, "unit", visits, l.unit, &a));
  CF_TRY(cf_spike_stimuli(ctx, file, a, visits, code[0], &r->data->unit)); /* in the order of the file, too */
  cf_array_free(a);
  a = NULL;
  CF_TRY(cf_array_from_texts(ctx, "stimulus", visits, l.stimulus, &a));
  CF_TRY(cf_spike_stimuli(ctx, file, a, visits, code[1], &r->data->stimulus));
  cf_array_free(a);
  a = NULL;
  CF_TRY(cf_array_from_texts(ctx, "direction", visits, l.direction, &a));
  CF_TRY(cf_spike_directions(ctx, file, a, visits, code[2], &r->data->direction));
done:
  cf_array_free(a);
  return status;
}

cf_status cf_spikes_from_json(cf_context *ctx, const char *path, const cf_options *options, cf_spike_data *data) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_spike_file file = {.address = path};
  reader r = {.path = path, .factor = cf_spike_time_factor(options, "json_ms"), .data = data};
  cf_json *root = NULL;
  char *text = NULL;
  size_t size = 0, visits = 0, cells = 0, *code[3];
  codes c = {.r = &r};
  CF_TRY(cf_io_read_bytes(ctx, path, cf_context_memory(ctx), &text, &size));
  CF_TRY(cf_json_parse(ctx, path, text, size, &root));
  r.root = root;
  CF_TRY(walk(ctx, &r, count_visit, &visits));
  if (visits == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: there are no spike trains", path));
  CF_TRY(make_codes(ctx, &r, &file, visits, code));
  cf_spikes *s = &data->spikes;
  s->units = data->unit->shape[0];
  s->stimuli = data->stimulus->shape[0];
  s->directions = data->direction->shape[0];
  CF_TRY(cf_size_mul(ctx, s->units * s->stimuli, s->directions, &cells));
  CF_TRY(CF_SCRATCH(ctx, &c.source, cells));
  memset((void *)c.source, 0, cells * sizeof *c.source);
  c.unit = code[0], c.stimulus = code[1], c.direction = code[2];
  CF_TRY(walk(ctx, &r, note_source, &c));
  CF_TRY(fill(ctx, &r, c.source, cells));
  CF_TRY(cf_spikes_finish(ctx, &file, data));
done:
  cf_json_free(root);
  cf_free(text);
  cf_scratch_release(ctx, mark);
  return status;
}
