/* Sampling units of layers by their activity, as Bertram et al. (2026, arXiv 2601.21508) do in their released code.
 *
 * x_u(t): the mean over instances, negatives set to 0. Each frame is divided by the layer's largest value in it. Score
 * of a unit: the mean over time for each stimulus, then the largest over stimuli. M maps are drawn without replacement
 * with probability proportional to the mean score of their units, then P places of each with probability proportional
 * to their score. Layers without maps: M P units, all with the same probability.
 *
 * Draws without replacement: the n largest of log(u) / w, u uniform (Efraimidis & Spirakis 2006), which is the same as
 * drawing one after the other. A whole layer is held for one frame only, beside three sums. The recipe `paper` leaves a
 * quarter of the rows at the top and as many columns at the left out, and takes the first M channels of the layers
 * after the recurrence, as the released code does. */
#include "pipeline/run_sample.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "model/lanes.h"

#define GELU_GAIN 1.7015043497085571F /* of the FNN */
enum { CHUNK = 1 << 13, EIGHT = 8 };  /* units that a task scores; numbers side by side */

cf_status cf_sampling_read(cf_context *ctx, const cf_options *options, cf_sampling *out) {
  const char *sample = cf_options_text(options, "sample"), *transform = cf_options_text(options, "transform");
  *out = (cf_sampling){.sample = sample != NULL};
  out->paper = strcmp(cf_options_text(options, "sample-recipe"), "paper") == 0;
  out->transform = strcmp(transform, "none") == 0   ? CF_TRANSFORM_NONE
                   : strcmp(transform, "gelu") == 0 ? CF_TRANSFORM_GELU
                   : strcmp(transform, "auto") == 0 ? CF_TRANSFORM_AUTO
                                                    : CF_TRANSFORM_RELU;
  if (sample) {
    char *end = NULL, *last = NULL;
    const unsigned long m = strtoul(sample, &end, 10), p = *end == 'x' ? strtoul(end + 1, &last, 10) : 0;
    if (*sample < '0' || *sample > '9' || !last || last == end + 1 || *last || end[1] < '0' || end[1] > '9' || m == 0 ||
        p == 0 || m > 1000000 || p > 1000000)
      return cf_fail(ctx, CF_ERR_USAGE, "--sample: '%s' is not MxP such as 40x50: maps, and places of each", sample);
    out->maps = m;
    out->places = p;
  }
  if (!sample && cf_options_given(options, "sample-recipe"))
    return cf_fail(ctx, CF_ERR_USAGE, "--sample-recipe is for --sample");
  if (!sample && !cf_options_given(options, "labels") && cf_options_given(options, "transform"))
    return cf_fail(ctx, CF_ERR_USAGE, "--transform is for --sample and --labels");
  return CF_OK;
}

void cf_sampling_transform(const cf_sampling *how, const cf_layer *layer, size_t n, float *x) {
  const bool gelu = how->transform == CF_TRANSFORM_GELU || (how->transform == CF_TRANSFORM_AUTO && layer->before_gelu);
  if (!gelu) return;
  for (size_t i = n; i < CF_SAMPLING_PADDED(n); i++) x[i] = 0;
  cf_lanes_best()->finish(CF_SAMPLING_PADDED(n), x, NULL, x, GELU_GAIN);
}

void cf_units_free(cf_units *units) {
  cf_free(units->index);
  cf_free(units->score);
  *units = (cf_units){0};
}

static bool is_axis(const cf_layer *layer, int d, const char *name) {
  return layer->axes[d] && strcmp(layer->axes[d], name) == 0;
}

cf_field cf_field_of(const cf_layer *layer, const size_t *shape) {
  cf_field f = {false, 1, 1, 1, 1, 1};
  for (int d = 0; d < layer->ndim; d++) f.places *= shape[d];
  if (layer->ndim == 3 && is_axis(layer, 0, "channel") && is_axis(layer, 1, "height")) {
    f = (cf_field){true, shape[0], shape[1] * shape[2], shape[1] * shape[2], 1, shape[2]};
  } else if (layer->ndim == 2 && is_axis(layer, 0, "unit") && is_axis(layer, 1, "channel")) {
    f = (cf_field){true, shape[1], shape[0], 1, shape[1], 1};
  }
  return f;
}

/* --------------------------------------------------------------- scores -- */

/* What a layer's scores grow from. Counts are those of the layer's own axes. */
typedef struct scorer {
  bool begun;
  cf_field field;
  size_t maps, top, left; /* candidates: maps below `maps`, rows from top, columns from left */
  size_t count, received;
  size_t sequence, time;         /* of the items received */
  size_t *which;                 /* the candidates' indices, ascending; NULL: all units */
  float *frame;                  /* of candidates: the mean over instances so far */
  size_t frames[CF_CELLS_SLOTS]; /* of each sequence that runs now ... */
  double *sum[CF_CELLS_SLOTS];   /* ... and their sum; NULL: no such sequence yet */
  double *best;
} scorer;

static void scorer_free(scorer *s) {
  cf_free(s->which);
  cf_free(s->frame);
  for (size_t i = 0; i < CF_CELLS_SLOTS; i++) cf_free(s->sum[i]);
  cf_free(s->best);
}

typedef struct scoring {
  const cf_sampling *how;
  const cf_running *running;
  const size_t *place; /* of a layer among the chosen */
  scorer *scorer;      /* one a chosen layer */
} scoring;

/* Layers of which the released analysis kept the first channels only. */
static bool after_recurrence(const char *name) {
  return strcmp(name, "core.recurrent.out") == 0 || strncmp(name, "readout", 7) == 0;
}

static bool is_candidate(const scorer *s, size_t map, size_t place) {
  return map < s->maps && place / s->field.columns >= s->top && place % s->field.columns >= s->left;
}

/* Only candidates are scored: of readout.position they are few. */
static cf_status list_candidates(cf_context *ctx, scorer *s) {
  const cf_field *f = &s->field;
  size_t n = 0;
  const cf_status status = CF_ALLOC(ctx, &s->which, s->count);
  if (status != CF_OK) return status;
  for (size_t i = 0; i < s->count; i++) { /* in memory, maps or places come first */
    const size_t m = f->place_stride == 1 ? i / f->map_stride : i % f->maps,
                 p = f->place_stride == 1 ? i % f->map_stride : i / f->place_stride;
    if (is_candidate(s, m, p)) s->which[n++] = i;
  }
  s->count = n;
  return CF_OK;
}

static cf_status begin_scorer(cf_context *ctx, const scoring *g, const cf_layer *layer, const size_t *shape,
                              scorer *s) {
  cf_status status = CF_OK;
  s->begun = true;
  s->field = cf_field_of(layer, shape);
  s->count = s->field.maps * s->field.places;
  s->maps = s->field.maps;
  if (g->how->paper) {
    const size_t rows = s->field.places / s->field.columns;
    if (layer->ndim == 3) s->top = s->left = rows / 4;
    if (s->left >= s->field.columns) s->left = 0;
    if (after_recurrence(layer->name)) s->maps = CF_MIN(s->maps, g->how->maps);
  }
  if (s->maps < s->field.maps || s->top || s->left) CF_TRY(list_candidates(ctx, s));
  CF_TRY(CF_ALLOC(ctx, &s->frame, s->count));
  CF_TRY(CF_ALLOC(ctx, &s->best, s->count));
done:
  return status;
}

/* A task is CHUNK units of a layer. */
typedef struct score_job {
  const cf_sampling *how;
  const cf_layer *layer;
  const scorer *s;
  const float *values;
  float share, *most; /* most: of each task */
  size_t item, slot;
} score_job;

/* Adds an item's share to the frame. */
static cf_status add_task(cf_context *worker, size_t task, void *payload) {
  cf_status status = CF_OK;
  const score_job *j = payload;
  const size_t from = task * CHUNK, n = CF_MIN((size_t)CHUNK, j->s->count - from);
  const size_t *which = j->s->which ? j->s->which + from : NULL;
  float *x, *frame = j->s->frame + from, wrong[EIGHT] = {0};
  CF_TRY(CF_SCRATCH(worker, &x, CHUNK));
  if (which)
    for (size_t i = 0; i < n; i++) x[i] = j->values[which[i]];
  else
    memcpy(x, j->values + from, n * sizeof *x);
  cf_sampling_transform(j->how, j->layer, n, x);
  for (size_t i = 0; i < n; i++) frame[i] += j->share * x[i];
  for (size_t i = 0; i < n / EIGHT * EIGHT; i += EIGHT)
    for (size_t k = 0; k < EIGHT; k++) wrong[k] += 0 * x[i + k]; /* NaN as soon as one is not finite */
  for (size_t i = n / EIGHT * EIGHT; i < n; i++) wrong[0] += 0 * x[i];
  for (size_t k = 1; k < EIGHT; k++) wrong[0] += wrong[k];
  for (size_t i = 0; isnan(wrong[0]) && i < n; i++)
    if (!isfinite(x[i]))
      CF_TRY(cf_fail(worker, CF_ERR_NUMERIC, "layer %s: item %zu, unit %zu is %s; it cannot be sampled by its activity",
                     j->layer->name, j->item, which ? which[i] : from + i, isnan(x[i]) ? "NaN" : "infinite"));
done:
  return status;
}

static cf_status most_task(cf_context *worker, size_t task, void *payload) {
  const score_job *j = payload;
  const size_t from = task * CHUNK, n = CF_MIN((size_t)CHUNK, j->s->count - from);
  const float *x = j->s->frame + from;
  float most[EIGHT] = {0};
  (void)worker;
  for (size_t i = 0; i < n / EIGHT * EIGHT; i += EIGHT)
    for (size_t k = 0; k < EIGHT; k++) most[k] = x[i + k] > most[k] ? x[i + k] : most[k];
  for (size_t i = n / EIGHT * EIGHT; i < n; i++) most[0] = CF_MAX(most[0], x[i]);
  for (size_t k = 1; k < EIGHT; k++) most[0] = CF_MAX(most[0], most[k]);
  j->most[task] = most[0];
  return CF_OK;
}

/* The frame's share of the largest value goes into the sums. */
static cf_status sum_task(cf_context *worker, size_t task, void *payload) {
  const score_job *j = payload;
  const size_t from = task * CHUNK, n = CF_MIN((size_t)CHUNK, j->s->count - from);
  float *x = j->s->frame + from;
  double *sum = j->s->sum[j->slot] + from;
  const double most = (double)j->most[0];
  (void)worker;
  for (size_t i = 0; i < n; i++) sum[i] += x[i] > 0 ? (double)x[i] / most : 0;
  memset(x, 0, n * sizeof *x);
  return CF_OK;
}

/* The frame of all instances is whole. */
static cf_status end_frame(cf_context *ctx, score_job *j, scorer *s) {
  cf_status status = CF_OK;
  const size_t tasks = (s->count + CHUNK - 1) / CHUNK;
  CF_TRY(CF_SCRATCH(ctx, &j->most, tasks + 1));
  CF_TRY(cf_parallel_for(ctx, tasks, most_task, j));
  for (size_t i = 1; i < tasks; i++) j->most[0] = CF_MAX(j->most[0], j->most[i]);
  if (tasks && j->most[0] > 0)
    CF_TRY(cf_parallel_for(ctx, tasks, sum_task, j));
  else
    memset(s->frame, 0, s->count * sizeof *s->frame);
  s->received = 0;
  s->frames[j->slot]++;
done:
  return status;
}

static void end_sequence(scorer *s, size_t slot) {
  for (size_t i = 0; i < s->count; i++) {
    s->best[i] = fmax(s->best[i], s->sum[slot][i] / (double)s->frames[slot]);
    s->sum[slot][i] = 0;
  }
  s->frames[slot] = 0;
}

static cf_status score(cf_context *ctx, void *user, size_t layer, const cf_arrival *at, const size_t *shape,
                       const float *values) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const scoring *g = user;
  const cf_layer *l = cf_network_layer(g->running->network, layer);
  scorer *s = &g->scorer[g->place[layer]];
  CF_TRY(cf_check_cancel(ctx));
  if (!s->begun) CF_TRY(begin_scorer(ctx, g, l, shape, s));
  const cf_field f = cf_field_of(l, shape);
  if (f.maps != s->field.maps || f.places != s->field.places)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "layer %s: its shape changes during the run", l->name));
  if (s->received && (s->sequence != at->sequence || s->time != at->time))
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                   "layer %s: %zu instances of a stimulus are to be averaged frame by frame, but do not run together "
                   "in %.0f MB; raise --memory",
                   l->name, at->expected, (double)cf_context_memory(ctx) / 1e6));
  s->sequence = at->sequence;
  s->time = at->time;
  score_job j = {g->how, l, s, values, at->expected > 1 ? (float)at->share : 1, NULL, at->item, at->slot};
  if (!s->sum[at->slot]) CF_TRY(CF_ALLOC(ctx, &s->sum[at->slot], s->count));
  CF_TRY(cf_parallel_for(ctx, (s->count + CHUNK - 1) / CHUNK, add_task, &j));
  if (++s->received == at->expected) CF_TRY(end_frame(ctx, &j, s));
  if (at->last) end_sequence(s, at->slot);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* -------------------------------------------------------------- drawing -- */

typedef struct key {
  double value;
  size_t index;
} key;

static int by_key(const void *a, const void *b) {
  const key *x = a, *y = b;
  if (x->value != y->value) return x->value > y->value ? -1 : 1;
  return (x->index > y->index) - (x->index < y->index);
}

static int by_index(const void *a, const void *b) {
  const size_t x = ((const key *)a)->index, y = ((const key *)b)->index;
  return (x > y) - (x < y);
}

/* Draws at most `want` of n without replacement, with probability proportional to weight (>= 0); *got of them, with
 * ascending index, are the first in keys (n). */
static void draw(cf_rng *rng, size_t n, const double *weight, size_t want, key *keys, size_t *got) {
  size_t positive = 0;
  for (size_t i = 0; i < n; i++) {
    const double u = cf_rng_uniform(rng); /* one a candidate, so that draws do not depend on which are silent */
    if (!(weight[i] > 0)) continue;
    keys[positive++] = (key){log(u > 0 ? u : 0x1p-60) / weight[i], i};
  }
  qsort(keys, positive, sizeof *keys, by_key);
  *got = CF_MIN(want, positive);
  qsort(keys, *got, sizeof *keys, by_index);
}

static int ascending(const void *a, const void *b) {
  const key *x = a, *y = b; /* value is a score here */
  return (x->index > y->index) - (x->index < y->index);
}

/* Maps, then places of each. */
static cf_status draw_from_maps(cf_context *ctx, const cf_sampling *how, const char *name, const scorer *s,
                                cf_units *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_field *f = &s->field;
  double *best = s->best; /* of all units, 0 for those that are no candidates */
  cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text(name), 0);
  double *weight = NULL;
  key *maps = NULL, *places = NULL, *chosen = NULL;
  size_t found, n = 0;
  if (s->which) {
    CF_TRY(CF_SCRATCH(ctx, &best, f->maps * f->places));
    memset(best, 0, f->maps * f->places * sizeof *best);
    for (size_t i = 0; i < s->count; i++) best[s->which[i]] = s->best[i];
  }
  CF_TRY(CF_SCRATCH(ctx, &weight, CF_MAX(f->maps, f->places)));
  CF_TRY(CF_SCRATCH(ctx, &maps, f->maps));
  CF_TRY(CF_SCRATCH(ctx, &places, f->places));
  for (size_t m = 0; m < f->maps; m++) {
    weight[m] = 0;
    for (size_t p = 0; p < f->places; p++)
      if (is_candidate(s, m, p)) weight[m] += best[cf_field_index(f, m, p)];
    out->silent += m < s->maps && !(weight[m] > 0);
  }
  draw(&rng, f->maps, weight, how->maps, maps, &out->maps);
  if (out->maps == 0) CF_TRY(cf_fail(ctx, CF_ERR_NUMERIC, "layer %s: no unit is ever active", name));
  CF_TRY(CF_SCRATCH(ctx, &chosen, out->maps * CF_MIN(how->places, f->places)));
  for (size_t k = 0; k < out->maps; k++) {
    const size_t m = maps[k].index;
    rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text(name), (uint32_t)m + 1);
    for (size_t p = 0; p < f->places; p++) weight[p] = is_candidate(s, m, p) ? best[cf_field_index(f, m, p)] : 0;
    draw(&rng, f->places, weight, how->places, places, &found);
    for (size_t p = 0; p < found; p++)
      chosen[n++] = (key){weight[places[p].index], cf_field_index(f, m, places[p].index)};
  }
  qsort(chosen, n, sizeof *chosen, ascending);
  CF_TRY(CF_ALLOC(ctx, &out->index, n));
  CF_TRY(CF_ALLOC(ctx, &out->score, n));
  for (size_t i = 0; i < n; i++) {
    out->index[i] = chosen[i].index;
    out->score[i] = chosen[i].value;
  }
  out->n = n;
  if (n < how->maps * how->places)
    cf_warn(ctx, "layer %s: %zu units were drawn instead of %zu: %zu of %zu maps, and places, are ever active", name, n,
            how->maps * how->places, s->maps - out->silent, s->maps);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* M P units of a layer without maps, all alike. */
static cf_status draw_units(cf_context *ctx, const cf_sampling *how, const cf_layer *layer, cf_units *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text(layer->name), 0);
  double *weight = NULL;
  key *keys = NULL;
  size_t count = 1;
  for (int d = 0; d < layer->ndim; d++) CF_TRY(cf_size_mul(ctx, count, layer->shape[d], &count));
  if (count == 0)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                   "layer %s: the number of its units is known when running only; it cannot be "
                   "sampled",
                   layer->name));
  CF_TRY(CF_SCRATCH(ctx, &weight, count));
  CF_TRY(CF_SCRATCH(ctx, &keys, count));
  for (size_t i = 0; i < count; i++) weight[i] = 1;
  draw(&rng, count, weight, how->maps * how->places, keys, &out->n);
  CF_TRY(CF_ALLOC(ctx, &out->index, out->n));
  for (size_t i = 0; i < out->n; i++) out->index[i] = keys[i].index;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_sample_units(cf_context *ctx, const cf_sampling *how, const cf_cells *cells, const cf_running *running,
                          cf_units *units) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_network *network = running->network;
  size_t *layers = NULL, *place = NULL, n = 0;
  scoring g = {how, running, NULL, NULL};
  CF_TRY(CF_SCRATCH(ctx, &layers, running->n + 1));
  CF_TRY(CF_SCRATCH(ctx, &place, cf_network_layers(network) + 1));
  CF_TRY(CF_ALLOC(ctx, &g.scorer, running->n + 1));
  g.place = place;
  for (size_t i = 0; i < running->n; i++) {
    const cf_layer *l = cf_network_layer(network, running->layer[i]);
    if (l->whole) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "layer %s: has no stimulus axis; it cannot be sampled", l->name));
    place[running->layer[i]] = i;
    if (cf_field_of(l, l->shape).maps_there)
      layers[n++] = running->layer[i];
    else
      CF_TRY(draw_units(ctx, how, l, &units[i]));
  }
  if (n) CF_TRY(cf_cells_run(ctx, cells, running, layers, n, "scoring units", score, &g));
  for (size_t k = 0; k < n; k++) {
    const size_t i = place[layers[k]];
    const cf_layer *l = cf_network_layer(network, layers[k]);
    if (!g.scorer[i].begun) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "layer %s: the run gave no values of it", l->name));
    units[i].field = g.scorer[i].field;
    CF_TRY(draw_from_maps(ctx, how, l->name, &g.scorer[i], &units[i]));
  }
done:
  for (size_t i = 0; g.scorer && i < running->n; i++) scorer_free(&g.scorer[i]);
  cf_free(g.scorer);
  cf_scratch_release(ctx, mark);
  return status;
}
