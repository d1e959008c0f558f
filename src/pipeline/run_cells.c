/* Items of a run put into sequences, by labels or by their leading axes, and run in that order.
 *
 * Clips: all instances of one sequence run together, so that no more than their state is held, and a time of all of
 * Clips: all instances of one sequence run together, so that no more than their state is held, and a time of all of
 * them arrives before the next; where the state is small, several sequences do, which leaves less to wait for. Of
 * instances that are the same (gratings without a random phase) one runs and counts as often. Still images: one run in
 * the order sequence, time, instance. A single movie cannot be put in another order: it runs as it is, and its items
 * arrive one by one. */
#include "pipeline/run_cells.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"

void cf_cells_free(cf_cells *cells) {
  cf_free(cells->sequence);
  cf_free(cells->time);
  cf_free(cells->instances);
  cf_array_free(cells->stimulus);
  cf_array_free(cells->direction);
  cf_array_free(cells->seconds);
}

/* -------------------------------------------------------------- labels -- */

/* The same of a file that a task is still to write: false when it is none, or has no such labels. */
static bool promised_label(const cf_options *options, const char *path, const char *name, const cf_array **out) {
  char address[4200];
  *out = NULL;
  for (int nested = 1; nested >= 0 && !*out; nested--) {
    const int n = snprintf(address, sizeof address, "%s:%s%s", path, nested ? "labels/" : "", name);
    if (n > 0 && (size_t)n < sizeof address) *out = cf_options_promised(options, address);
  }
  return *out && (*out)->data;
}

/* labels/NAME or NAME of a file; *out stays NULL when it has neither. */
static cf_status read_label(cf_context *ctx, const cf_options *options, const char *path, const char *name, size_t n,
                            cf_array **out) {
  cf_status status = CF_OK;
  const cf_array *promised;
  char *address = NULL;
  cf_io_listing *listing = NULL;
  const char *found = NULL;
  *out = NULL;
  if (promised_label(options, path, name, &promised)) return cf_array_copy(ctx, promised, out);
  CF_TRY(cf_io_list(ctx, path, &listing));
  for (int nested = 1; nested >= 0 && !found; nested--)
    for (size_t i = 0; i < listing->count && !found; i++) {
      const char *member = listing->entry[i].member + (listing->entry[i].member[0] == '/');
      if (nested && strncmp(member, "labels/", 7) != 0) continue;
      if (strcmp(member + (nested ? 7 : 0), name) == 0) found = listing->entry[i].member;
    }
  if (!found) goto done;
  CF_TRY(cf_sprintf(ctx, &address, "%s:%s", path, found));
  CF_TRY(cf_io_read_labels(ctx, address, out));
  if (cf_array_count(*out) != n)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: has %zu labels, the input has %zu", address, cf_array_count(*out), n));
done:
  cf_io_listing_free(listing);
  cf_free(address);
  return status;
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Distinct numbers in ascending order as a coordinate, and the index of each label among them. Without labels: one
 * value, 0. */
static cf_status code_numbers(cf_context *ctx, const char *name, const cf_array *labels, size_t n, size_t *code,
                              cf_array **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *sorted = NULL;
  size_t distinct = 0;
  if (labels && labels->dtype == CF_TEXT)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: labels named %s are numbers, these are words", labels->source, name));
  CF_TRY(CF_SCRATCH(ctx, &sorted, n));
  for (size_t i = 0; i < n; i++) sorted[i] = labels ? cf_array_number(labels, i) : 0;
  qsort(sorted, n, sizeof *sorted, by_value);
  for (size_t i = 0; i < n; i++)
    if (i == 0 || sorted[i] != sorted[distinct - 1]) sorted[distinct++] = sorted[i];
  for (size_t i = 0; i < n; i++) {
    const double x = labels ? cf_array_number(labels, i) : 0;
    code[i] = (size_t)((double *)bsearch(&x, sorted, distinct, sizeof *sorted, by_value) - sorted);
  }
  CF_TRY(cf_array_from_doubles(ctx, name, 1, &distinct, sorted, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Distinct labels in the order of their first appearance. */
static cf_status code_names(cf_context *ctx, const cf_array *labels, size_t n, size_t *code, cf_array **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const char **names = NULL;
  char *text = NULL, buffer[256];
  size_t distinct = 0;
  CF_TRY(cf_scratch_bytes(ctx, n, sizeof *names, (void **)&names));
  for (size_t i = 0; i < n; i++) {
    const char *label = cf_array_label(labels, i, buffer, sizeof buffer);
    for (code[i] = 0; code[i] < distinct && strcmp(names[code[i]], label) != 0; code[i]++) {
    }
    if (code[i] < distinct) continue;
    CF_TRY(CF_SCRATCH(ctx, &text, strlen(label) + 1));
    strcpy(text, label);
    names[distinct++] = text;
  }
  CF_TRY(cf_array_from_texts(ctx, "stimulus", distinct, names, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ---------------------------------------------------------------- cells -- */

/* Seconds of each time: --rate, else the input's own coordinate of its time axis, else unknown. */
static cf_status find_seconds(cf_context *ctx, const cf_options *options, const cf_running *r, cf_cells *c) {
  cf_status status = CF_OK;
  const int axis = r->ndim - 1;
  const double rate = cf_options_number(options, "rate");
  double *x = NULL;
  if (r->ndim == 0 || strcmp(r->axes[axis], "time") != 0 || c->times != r->shape[axis]) goto done;
  const cf_array *own = cf_running_labels(r, axis);
  if (cf_options_given(options, "rate")) {
    CF_TRY(CF_ALLOC(ctx, &x, c->times));
    for (size_t t = 0; t < c->times; t++) x[t] = (double)t / rate;
    CF_TRY(cf_array_from_doubles(ctx, "time", 1, &c->times, x, &c->seconds));
  } else if (own && own->dtype != CF_TEXT && own->shape[0] == c->times) {
    CF_TRY(cf_array_copy(ctx, own, &c->seconds));
  }
done:
  cf_free(x);
  return status;
}

static cf_status count_instances(cf_context *ctx, cf_cells *c) {
  cf_status status = CF_OK;
  size_t cells;
  CF_TRY(cf_size_mul(ctx, c->sequences, c->times, &cells));
  CF_TRY(CF_ALLOC(ctx, &c->instances, cells));
  for (size_t i = 0; i < c->items; i++) c->instances[c->sequence[i] * c->times + c->time[i]]++;
  c->least_instances = SIZE_MAX;
  for (size_t k = 0; k < cells; k++) {
    c->least_instances = CF_MIN(c->least_instances, c->instances[k]);
    c->most_instances = CF_MAX(c->most_instances, c->instances[k]);
  }
done:
  return status;
}

/* Every stimulus with every direction at every time: the array of responses has no holes. */
static cf_status check_complete(cf_context *ctx, const char *path, const cf_cells *c) {
  char stimulus[256], direction[64], time[64] = "";
  for (size_t k = 0; k < c->sequences * c->times; k++) {
    const size_t sequence = k / c->times;
    if (c->instances[k]) continue;
    if (c->seconds) cf_array_label(c->seconds, k % c->times, time, sizeof time);
    return cf_fail(ctx, CF_ERR_INPUT, "%s: no item has stimulus %s, direction %s%s%s; responses need every combination",
                   path, cf_array_label(c->stimulus, sequence / c->directions, stimulus, sizeof stimulus),
                   cf_array_label(c->direction, sequence % c->directions, direction, sizeof direction),
                   *time ? ", time " : "", time);
  }
  return CF_OK;
}

static cf_status by_labels(cf_context *ctx, const cf_options *options, const char *path, const cf_running *r,
                           cf_cells *c) {
  cf_status status = CF_OK;
  const size_t n = r->shape[0]; /* clips, stimuli or frames */
  cf_array *stimulus = NULL, *direction = NULL, *time = NULL;
  size_t *s = NULL, *d = NULL, *t = NULL;
  CF_TRY(read_label(ctx, options, path, "stimulus", n, &stimulus));
  CF_TRY(read_label(ctx, options, path, "direction", n, &direction));
  if (r->ndim == 1) CF_TRY(read_label(ctx, options, path, "time", n, &time));
  if (!stimulus && !direction)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: has neither labels/stimulus nor labels/direction (nor stimulus, direction)",
                   path));
  CF_TRY(CF_ALLOC(ctx, &s, n));
  CF_TRY(CF_ALLOC(ctx, &d, n));
  CF_TRY(CF_ALLOC(ctx, &t, n));
  if (stimulus) {
    CF_TRY(code_names(ctx, stimulus, n, s, &c->stimulus));
  } else {
    const char *const one = "0";
    CF_TRY(cf_array_from_texts(ctx, "stimulus", 1, &one, &c->stimulus));
  }
  CF_TRY(code_numbers(ctx, "direction", direction, n, d, &c->direction));
  c->stimuli = c->stimulus->shape[0];
  c->directions = c->direction->shape[0];
  CF_TRY(cf_size_mul(ctx, c->stimuli, c->directions, &c->sequences));
  if (r->ndim == 1) CF_TRY(code_numbers(ctx, "time", time, n, t, &c->seconds));
  c->times = r->ndim == 2 ? r->shape[1] : c->seconds->shape[0];
  for (size_t i = 0; i < c->items; i++) {
    const size_t k = r->ndim == 2 ? i / r->shape[1] : i;
    c->sequence[i] = s[k] * c->directions + d[k];
    c->time[i] = r->ndim == 2 ? i % r->shape[1] : t[k];
  }
  if (r->ndim == 2) CF_TRY(find_seconds(ctx, options, r, c));
  CF_TRY(count_instances(ctx, c));
  CF_TRY(check_complete(ctx, path, c));
done:
  cf_free(s);
  cf_free(d);
  cf_free(t);
  cf_array_free(stimulus);
  cf_array_free(direction);
  cf_array_free(time);
  return status;
}

cf_status cf_cells_make(cf_context *ctx, const cf_options *options, const cf_running *running, cf_result *result,
                        cf_cells *out) {
  cf_status status = CF_OK;
  const cf_running *r = running;
  const char *path = cf_options_text(options, "labels");
  *out = (cf_cells){.items = r->items, .labelled = path != NULL, .stimuli = 1, .directions = 1};
  if (r->ndim == 0 || r->input.texts)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "%s: --sample and --labels need an array of stimuli, clips or frames",
                   running->address));
  CF_TRY(CF_ALLOC(ctx, &out->sequence, r->items));
  CF_TRY(CF_ALLOC(ctx, &out->time, r->items));
  if (path) {
    if (result) CF_TRY(cf_result_input(ctx, result, path));
    CF_TRY(by_labels(ctx, options, path, r, out));
    goto done;
  }
  const bool movie = strcmp(r->axes[r->ndim - 1], "time") == 0;
  out->times = movie ? r->shape[r->ndim - 1] : 1;
  out->sequences = out->times ? r->items / out->times : 0;
  for (size_t i = 0; i < r->items; i++) {
    out->sequence[i] = i / out->times;
    out->time[i] = i % out->times;
  }
  CF_TRY(find_seconds(ctx, options, r, out));
  CF_TRY(count_instances(ctx, out));
done:
  return status;
}

/* -------------------------------------------------------------- running -- */

/* Some rows of an array's first axis, in order. */
static cf_status take_rows(cf_context *ctx, const cf_array *from, const size_t *row, size_t n, cf_array **out) {
  cf_status status = CF_OK;
  size_t shape[CF_MAX_DIMS], bytes = cf_dtype_size(from->dtype);
  for (int d = 0; d < from->ndim; d++) {
    shape[d] = d ? from->shape[d] : n;
    if (d) bytes *= from->shape[d];
  }
  CF_TRY(cf_array_new(ctx, from->name, from->dtype, from->ndim, shape, out));
  for (size_t i = 0; i < n; i++)
    memcpy((char *)(*out)->data + i * bytes, (const char *)from->data + row[i] * bytes, bytes);
  if (from->source) CF_TRY(cf_strdup(ctx, from->source, &(*out)->source));
done:
  return status;
}

/* True when rows i and j of an array's first axis are the same bytes. */
static bool same_rows(const cf_array *a, size_t i, size_t j) {
  size_t bytes = cf_dtype_size(a->dtype);
  for (int d = 1; d < a->ndim; d++) bytes *= a->shape[d];
  return memcmp((const char *)a->data + i * bytes, (const char *)a->data + j * bytes, bytes) == 0;
}

static bool same_clips(const cf_network_input *in, size_t i, size_t j) {
  return same_rows(in->values, i, j) &&
         (!in->perspective || in->perspective->ndim < 3 || same_rows(in->perspective, i, j)) &&
         (!in->modulation || in->modulation->ndim < 3 || same_rows(in->modulation, i, j));
}

/* Leaves one of clips that are the same; copies counts them. Returns how many clips are left. */
static size_t leave_one(const cf_network_input *in, size_t *row, size_t rows, size_t *copies) {
  size_t n = 0;
  for (size_t i = 0; i < rows; i++) {
    size_t k = 0;
    while (k < n && !same_clips(in, row[k], row[i])) k++;
    if (k == n) {
      row[n] = row[i];
      copies[n++] = 0;
    }
    copies[k]++;
  }
  return n;
}

typedef struct segment {
  const cf_cells *cells;
  const cf_running *running;
  const size_t *row;    /* rows of the input's first axis that run, in order */
  const size_t *copies; /* of each of them among the clips of its sequence, itself included */
  size_t rows;
  bool lockstep; /* clips: item of the segment = row x times + time */
  bool ordered;  /* items of a (sequence, time) come one after the other */
  const char *what;
  size_t first_layer, first_sequence;
  size_t clips[CF_CELLS_SLOTS]; /* of each sequence that runs now */
  cf_cells_sink sink;
  void *user;
} segment;

static cf_status arrive(cf_context *ctx, void *user, size_t layer, size_t item, const size_t *shape,
                        const float *values) {
  const segment *g = user;
  const cf_cells *c = g->cells;
  const size_t times = g->lockstep ? g->running->shape[1] : 1;
  const size_t k = g->row[item / times], original = g->lockstep ? k * times + item % times : k;
  cf_arrival at = {original, c->sequence[original], c->time[original], 1, 1, false, 0};
  const size_t instances = c->instances[at.sequence * c->times + at.time], copies = g->copies[item / times];
  at.share = (double)copies / (double)instances;
  if (g->ordered) at.expected = instances;
  if (g->lockstep) {
    const size_t next = item / times + 1;
    at.slot = at.sequence - g->first_sequence;
    at.expected = g->clips[at.slot];
    at.last = item % times + 1 == times && (next == g->rows || c->sequence[g->row[next] * times] != at.sequence);
  } else {
    at.last = item + 1 == g->rows || c->sequence[g->row[item + 1]] != at.sequence;
  }
  if (layer == g->first_layer) cf_progress_step(ctx, copies);
  return g->sink(ctx, g->user, layer, &at, shape, values);
}

static cf_status run_segment(cf_context *ctx, segment *g, bool whole, const size_t *layers, size_t n) {
  cf_status status = CF_OK;
  const cf_running *r = g->running;
  cf_network_input input = r->input;
  const cf_array **field[5] = {&input.values, &input.perspective, &input.modulation, &input.behavior, &input.pupil};
  cf_array *part[5] = {NULL};
  for (size_t i = 0; i < 5 && !whole; i++) {
    const cf_array *from = *field[i];
    const bool clips = i == 1 || i == 2; /* rows of these are clips only when there is an axis of clips */
    if (!from || (clips && from->ndim < 3)) continue;
    CF_TRY(take_rows(ctx, from, g->row, g->rows, &part[i]));
    *field[i] = part[i];
  }
  g->first_layer = layers[0];
  CF_TRY(cf_network_run(ctx, r->network, &input, layers, n, arrive, g));
done:
  for (size_t i = 0; i < 5; i++) cf_array_free(part[i]);
  return status;
}

/* Rows in the order sequence, time, row: by counting. */
static cf_status order_rows(cf_context *ctx, const cf_cells *c, size_t *row) {
  cf_status status = CF_OK;
  size_t *next = NULL, total = 0;
  const size_t cells = c->sequences * c->times;
  CF_TRY(CF_SCRATCH(ctx, &next, cells + 1));
  for (size_t k = 0; k < cells; k++) {
    next[k] = total;
    total += c->instances[k];
  }
  for (size_t i = 0; i < c->items; i++) row[next[c->sequence[i] * c->times + c->time[i]]++] = i;
done:
  return status;
}

/* Sequences of clips that run at a time: as many as have a small state together, and a network whose state is large
 * runs them one by one, as its caches would have it. */
static size_t sequences_at_once(cf_context *ctx, const cf_cells *c, const cf_running *r, const size_t *layers,
                                size_t n) {
  cf_network_input input = r->input;
  cf_array head = *input.values;
  double seconds = 0, bytes = 0;
  const double most = CF_MIN(16e6, (double)cf_context_memory(ctx) / 16);
  head.shape[0] = c->most_instances;
  head.data = NULL;
  input.values = &head;
  if (cf_network_cost(ctx, r->network, &input, layers, n, &seconds, &bytes) != CF_OK || !(bytes > 0)) {
    cf_context_clear(ctx);
    return 1;
  }
  return (size_t)fmin(fmax(1, most / bytes), CF_CELLS_SLOTS);
}

/* Clips of the sequences up to `last`, sequence by sequence, one of those that are the same. */
static void take_clips(segment *g, size_t last, size_t *row, size_t *copies) {
  const cf_cells *c = g->cells;
  const cf_running *r = g->running;
  g->rows = 0;
  for (size_t s = g->first_sequence; s < last; s++) {
    size_t *here = row + g->rows, n = 0;
    for (size_t k = 0; k < r->shape[0]; k++)
      if (c->sequence[k * r->shape[1]] == s) here[n++] = k;
    n = leave_one(&r->input, here, n, copies + g->rows);
    g->clips[s - g->first_sequence] = n;
    g->rows += n;
  }
}

cf_status cf_cells_run(cf_context *ctx, const cf_cells *cells, const cf_running *running, const size_t *layers,
                       size_t n, const char *what, cf_cells_sink sink, void *user) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t rows = running->shape[0];
  const bool clips = running->ndim == 2, movie = !clips && strcmp(running->axes[0], "time") == 0;
  size_t *row = NULL, *copies = NULL;
  segment g = {.cells = cells, .running = running, .lockstep = clips, .ordered = !movie, .sink = sink, .user = user};
  cf_progress_begin(ctx, what, running->items);
  CF_TRY(CF_SCRATCH(ctx, &row, rows + 1));
  CF_TRY(CF_SCRATCH(ctx, &copies, rows + 1));
  for (size_t i = 0; i < rows; i++) copies[i] = 1;
  g.row = row;
  g.copies = copies;
  if (clips) {
    const size_t at_once = sequences_at_once(ctx, cells, running, layers, n);
    for (size_t s = 0; s < cells->sequences; s += at_once) {
      bool whole = true;
      g.first_sequence = s;
      take_clips(&g, CF_MIN(s + at_once, cells->sequences), row, copies);
      for (size_t k = 0; k < g.rows; k++) whole = whole && row[k] == k;
      CF_TRY(run_segment(ctx, &g, whole && g.rows == rows, layers, n));
    }
    goto done;
  }
  bool sorted = true;
  g.rows = rows;
  if (movie)
    for (size_t i = 0; i < rows; i++) row[i] = i;
  else
    CF_TRY(order_rows(ctx, cells, row));
  for (size_t i = 0; i < rows; i++) sorted = sorted && row[i] == i;
  CF_TRY(run_segment(ctx, &g, sorted, layers, n));
done:
  cf_progress_end(ctx);
  cf_scratch_release(ctx, mark);
  return status;
}
