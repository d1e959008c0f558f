/* What `cortifold run` would take, told beforehand. Memory beside the input: the network's own account of weights and
 * of what runs in lockstep, the results that are held, the sums of a sample. Time: a slice of the run, with zeros in
 * place of the stimuli, timed on this machine; where the network cannot run it, an estimate from the number of
 * operations. */
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/internal.h"
#include "pipeline/run_sample.h"

static double seconds_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double bytes_of(const cf_array *a) {
  double bytes = a ? (double)cf_dtype_size(a->dtype) : 0;
  for (int d = 0; a && d < a->ndim; d++) bytes *= (double)a->shape[d];
  return bytes;
}

/* -------------------------------------------------------------- a slice -- */

typedef struct slice {
  const cf_running *running;
  cf_array *array[5];
  cf_network_input input;
  cf_layer_seen *seen;
} slice;

static void slice_free(slice *s) {
  for (size_t i = 0; i < 5; i++) cf_array_free(s->array[i]);
  cf_free(s->seen);
}

/* Zeros of the array's shape with `n` entries on the axis that counts items; one clip of several. */
static cf_status zeros(cf_context *ctx, const cf_running *r, const cf_array *from, bool frames, size_t n,
                       cf_array **out) {
  size_t shape[CF_MAX_DIMS];
  memcpy(shape, from->shape, sizeof shape);
  const bool clips = frames && r->ndim == 2;
  const bool has_clips = clips && from->ndim == (from == r->input.values ? 4 : 3);
  if (has_clips) shape[0] = 1;
  if (r->ndim) shape[has_clips ? 1 : 0] = n;
  return cf_array_new(ctx, from->name, from->dtype, from->ndim, shape, out);
}

static cf_status make_slice(cf_context *ctx, const cf_running *r, size_t n, slice *s) {
  cf_status status = CF_OK;
  const bool frames = r->ndim > 0 && strcmp(r->axes[r->ndim - 1], "time") == 0;
  *s = (slice){.running = r, .input = r->input};
  const cf_array **field[5] = {&s->input.values, &s->input.perspective, &s->input.modulation, &s->input.behavior,
                               &s->input.pupil};
  for (size_t i = 0; i < 5; i++) {
    if (!*field[i]) continue;
    CF_TRY(zeros(ctx, r, *field[i], frames, n, &s->array[i]));
    *field[i] = s->array[i];
  }
  if (s->input.texts) s->input.n_texts = CF_MIN(n, s->input.n_texts);
  CF_TRY(CF_ALLOC(ctx, &s->seen, r->n + 1));
done:
  return status;
}

/* What the real sinks do to all values of a layer, more or less. */
static cf_status look_on(cf_context *ctx, void *user, size_t layer, size_t item, const size_t *shape,
                         const float *values) {
  slice *s = user;
  const cf_running *r = s->running;
  (void)item;
  for (size_t i = 0; i < r->n; i++)
    if (r->layer[i] == layer) return cf_layer_see(ctx, cf_network_layer(r->network, layer), shape, values, &s->seen[i]);
  return CF_OK;
}

static cf_status time_items(cf_context *ctx, const cf_running *r, size_t n, double *seconds) {
  cf_status status = CF_OK;
  slice s;
  CF_TRY(make_slice(ctx, r, n, &s));
  const double start = seconds_now();
  CF_TRY(cf_network_run(ctx, r->network, &s.input, r->layer, r->n, look_on, &s));
  *seconds = seconds_now() - start;
done:
  slice_free(&s);
  return status;
}

/* Seconds of all items. The first run also pays for what is made once (packed weights, files that are mapped). */
static cf_status time_slice(cf_context *ctx, const cf_running *r, double *seconds) {
  cf_status status = CF_OK;
  const size_t items = r->input.texts ? r->input.n_texts : r->ndim == 2 ? r->shape[1] : r->ndim ? r->shape[0] : 1;
  double first, more;
  CF_TRY(time_items(ctx, r, CF_MIN((size_t)1, items), &first));
  *seconds = first * (double)r->items;
  const double wanted = fmax(2 * cf_context_threads(ctx), 0.5 / first);
  const size_t n = (size_t)fmin((double)items, fmin(wanted, 64));
  if (n < 2 || first > 5) goto done;
  CF_TRY(time_items(ctx, r, n, &more));
  *seconds = more / (double)n * (double)r->items;
done:
  return status;
}

/* ---------------------------------------------------------------- memory -- */

/* Arrays of all chosen layers as far as they are held: large ones are mapped. With a sample: its responses, and sums
 * over the whole layer where units are scored. */
static double kept_bytes(cf_context *ctx, const cf_running *r, const cf_sampling *how, const cf_cells *cells) {
  double sum = 0, held = 0;
  const double budget = (double)cf_context_memory(ctx) / 4;
  const double items = cells->labelled ? (double)(cells->sequences * cells->times) : (double)r->items;
  for (size_t i = 0; i < r->n; i++) {
    const cf_layer *l = cf_network_layer(r->network, r->layer[i]);
    double own = 1;
    for (int d = 0; d < l->ndim; d++) own *= (double)CF_MAX((size_t)1, l->shape[d]);
    if (how->sample) {
      /* a frame, two sums, and marks of what is no candidate */
      if (cf_field_of(l, l->shape).maps_there) sum += (4 + 8 + 8 + 1) * own;
      own = CF_MIN(own, (double)how->maps * (double)how->places);
    }
    const double bytes = sizeof(float) * own * (l->whole ? 1 : items);
    if (held + bytes <= budget) held += bytes;
  }
  return sum + held;
}

/* Clips that run together: the instances of a stimulus where there are labels, one where units are sampled without. */
static cf_status network_bytes(cf_context *ctx, const cf_running *r, const cf_cells *cells, bool gathered,
                               double *seconds, double *bytes) {
  cf_status status = CF_OK;
  cf_array head;
  cf_network_input input = r->input;
  const size_t together = cells->labelled && cells->most_instances ? cells->most_instances : 1;
  if (gathered && r->ndim == 2 && together < r->shape[0]) {
    head = *input.values;
    head.shape[0] = together;
    input.values = &head;
    *bytes = bytes_of(&head); /* the clips of a sequence are copied */
  }
  double own;
  CF_TRY(cf_network_cost(ctx, r->network, &input, r->layer, r->n, seconds, &own));
  if (input.values == &head) *seconds *= (double)r->shape[0] / (double)together;
  *bytes += own;
done:
  return status;
}

static bool scores_maps(const cf_running *r) {
  for (size_t i = 0; i < r->n; i++) {
    const cf_layer *l = cf_network_layer(r->network, r->layer[i]);
    if (cf_field_of(l, l->shape).maps_there) return true;
  }
  return false;
}

cf_status cf_run_cost(cf_context *ctx, const cf_options *options, cf_cost *out) {
  cf_status status = CF_OK;
  cf_running r = {0};
  cf_sampling how;
  cf_cells cells = {0};
  double seconds = 0, bytes = 0;
  const bool gathered = cf_options_given(options, "sample") || cf_options_given(options, "labels");
  CF_TRY(cf_sampling_read(ctx, options, &how));
  CF_TRY(cf_running_open(ctx, options, true, NULL, &r));
  if (gathered && cf_cells_make(ctx, options, &r, NULL, &cells) != CF_OK) cf_context_clear(ctx);
  CF_TRY(network_bytes(ctx, &r, &cells, gathered, &seconds, &bytes));
  out->bytes = bytes + kept_bytes(ctx, &r, &how, &cells);
  if (time_slice(ctx, &r, &seconds) != CF_OK) cf_context_clear(ctx);
  out->seconds = seconds * (how.sample && scores_maps(&r) ? 2 : 1);
done:
  cf_context_clear(ctx);
  cf_cells_free(&cells);
  cf_running_close(&r);
  return CF_OK;
}
