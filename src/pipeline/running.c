/* A network with its input: opening, choosing layers, and keeping all that comes out. */
#include "pipeline/running.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"

void cf_running_close(cf_running *running) {
  cf_network_free(running->network);
  cf_input_free(&running->stimuli);
  cf_array_free(running->perspective);
  cf_array_free(running->modulation);
  cf_array_free(running->behavior);
  cf_array_free(running->pupil);
  cf_free(running->layer);
}

const cf_array *cf_running_labels(const cf_running *r, int axis) {
  const cf_array *values = r->stimuli.values;
  if (axis == 0 && r->ndim > 0 && r->stimuli.labels && strcmp(r->axes[0], "time") != 0) return r->stimuli.labels;
  return values && axis < values->ndim ? values->coordinate[axis] : NULL;
}

/* -------------------------------------------------------------- inputs -- */

static cf_status read_side(cf_context *ctx, const cf_options *options, const char *name, bool header_only,
                           cf_result *result, cf_array **array, const cf_array **input) {
  const char *address = cf_options_text(options, name);
  if (!address) return CF_OK;
  cf_status status =
      header_only ? cf_input_header(ctx, options, address, array) : cf_io_read(ctx, address, name, array);
  if (status == CF_OK && result) status = cf_result_input(ctx, result, address);
  *input = *array;
  return status;
}

static cf_status read_norm(cf_context *ctx, const cf_options *options, cf_network_input *input) {
  double *const target[2] = {&input->norm_mean, &input->norm_sd};
  input->norm_given = cf_options_given(options, "input-norm");
  for (size_t i = 0; i < 2 && input->norm_given; i++) {
    char buffer[64], *end = NULL;
    const char *entry = cf_options_list_entry(options, "input-norm", i, buffer, sizeof buffer);
    if (entry) *target[i] = strtod(entry, &end);
    if (!entry || end == entry || *end || !isfinite(*target[i]) || cf_options_list_count(options, "input-norm") != 2 ||
        (i == 1 && !(*target[i] > 0)))
      return cf_fail(ctx, CF_ERR_USAGE, "--input-norm: '%s' is not MEAN,STD with STD above 0",
                     cf_options_text(options, "input-norm"));
  }
  return CF_OK;
}

static cf_status read_inputs(cf_context *ctx, const cf_options *options, bool header_only, cf_result *result,
                             cf_running *r) {
  cf_status status = CF_OK;
  r->address = r->input.label = cf_options_argument(options, 1);
  CF_TRY(cf_input_read(ctx, options, r->address, "frames|images|movie|tokens|input|x",
                       strcmp(cf_network_kind(r->network), "llama2c") == 0 || cf_options_given(options, "vocabulary"),
                       header_only, result, &r->stimuli));
  r->input.values = r->stimuli.values;
  r->input.texts = r->stimuli.texts;
  r->input.n_texts = r->stimuli.n_texts;
  CF_TRY(read_side(ctx, options, "perspective", header_only, result, &r->perspective, &r->input.perspective));
  CF_TRY(read_side(ctx, options, "modulation", header_only, result, &r->modulation, &r->input.modulation));
  CF_TRY(read_side(ctx, options, "behavior", header_only, result, &r->behavior, &r->input.behavior));
  CF_TRY(read_side(ctx, options, "pupil", header_only, result, &r->pupil, &r->input.pupil));
  CF_TRY(read_norm(ctx, options, &r->input));
  r->input.extend = strcmp(cf_options_text(options, "periphery"), "extend") == 0;
  const char *pool = cf_options_text(options, "pool");
  r->input.pool = strcmp(pool, "last") == 0 ? CF_POOL_LAST : strcmp(pool, "mean") == 0 ? CF_POOL_MEAN : CF_POOL_NONE;
  r->input.generate = (size_t)cf_options_integer(options, "generate");
done:
  return status;
}

/* -------------------------------------------------------------- layers -- */

/* Marks what one entry of --layers names: all, depth, a name, or a pattern with * ? [. */
static cf_status mark_layers(cf_context *ctx, const cf_network *network, const char *entry, bool *chosen) {
  const size_t n = cf_network_layers(network);
  size_t found = 0, one;
  for (size_t i = 0; i < n; i++) {
    const cf_layer *l = cf_network_layer(network, i);
    if (strcmp(entry, l->name) == 0) {
      chosen[i] = true;
      return CF_OK;
    }
  }
  for (size_t i = 0; i < n; i++) {
    const cf_layer *l = cf_network_layer(network, i);
    const bool takes = strcmp(entry, "all") == 0 || (strcmp(entry, "depth") == 0 && l->depth) ||
                       (strpbrk(entry, "*?[") && fnmatch(entry, l->name, 0) == 0);
    if (takes) chosen[i] = true;
    found += takes;
  }
  if (found) return CF_OK;
  if (strcmp(entry, "depth") == 0)
    return cf_fail(ctx, CF_ERR_USAGE, "--layers: this network marks no layers as depth; name some, or take all");
  return cf_network_find(ctx, network, entry, &one); /* which says that there is none */
}

static cf_status choose_layers(cf_context *ctx, const cf_options *options, cf_running *r) {
  cf_status status = CF_OK;
  const size_t n = cf_network_layers(r->network);
  const cf_mark mark = cf_scratch_mark(ctx);
  bool *chosen = NULL;
  char entry[1024];
  CF_TRY(CF_SCRATCH(ctx, &chosen, n + 1));
  memset(chosen, 0, n + 1);
  for (size_t i = 0; i < cf_options_list_count(options, "layers"); i++)
    CF_TRY(mark_layers(ctx, r->network, cf_options_list_entry(options, "layers", i, entry, sizeof entry), chosen));
  CF_TRY(CF_ALLOC(ctx, &r->layer, n + 1));
  for (size_t i = 0; i < n; i++)
    if (chosen[i]) r->layer[r->n++] = i;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_running_open(cf_context *ctx, const cf_options *options, bool headers_only, cf_result *result,
                          cf_running *out) {
  cf_status status = CF_OK;
  const char *output = cf_options_text(options, "output");
  *out = (cf_running){.input = CF_NETWORK_INPUT_INIT};
  CF_TRY(cf_network_open(ctx, cf_options_argument(options, 0), &out->network));
  for (size_t i = 0; i < cf_network_files(out->network); i++) {
    const char *path = cf_network_file(out->network, i);
    if (output) CF_TRY(cf_io_check_not_input(ctx, output, path));
    if (result) CF_TRY(cf_result_input(ctx, result, path));
  }
  CF_TRY(choose_layers(ctx, options, out));
  CF_TRY(read_inputs(ctx, options, headers_only, result, out));
  CF_TRY(cf_network_leading(ctx, out->network, &out->input, &out->ndim, out->shape, out->axes));
  out->items = 1;
  for (int d = 0; d < out->ndim; d++) CF_TRY(cf_size_mul(ctx, out->items, out->shape[d], &out->items));
done:
  return status;
}

/* ------------------------------------------------------ what is seen -- */

/* Values are looked at in chunks of a fixed size, eight sums side by side in each: so the sums are the same for any
 * number of threads. */
enum { CHUNK = 1 << 15, SUMS = 8 };

typedef struct look {
  size_t values, nans;
  double sum, squares;
  float least, most;
} look;

typedef struct look_job {
  size_t n;
  const float *values;
  double first;
  look *look;
} look_job;

typedef struct sums {
  double sum[SUMS], squares[SUMS];
  float least[SUMS], most[SUMS];
  int nans[SUMS];
} sums;

static inline void take(sums *s, size_t k, float x, double first) {
  const double y = isnan(x) ? 0 : (double)x - first;
  s->nans[k] += isnan(x) != 0;
  s->sum[k] += y;
  s->squares[k] += y * y;
  s->least[k] = x < s->least[k] ? x : s->least[k];
  s->most[k] = x > s->most[k] ? x : s->most[k];
}

static cf_status look_task(cf_context *worker, size_t task, void *payload) {
  const look_job *j = payload;
  const float *x = j->values + task * CHUNK;
  const size_t n = CF_MIN((size_t)CHUNK, j->n - task * CHUNK), whole = n / SUMS * SUMS;
  sums s = {0};
  look *l = &j->look[task];
  (void)worker;
  for (size_t k = 0; k < SUMS; k++) {
    s.least[k] = INFINITY;
    s.most[k] = -INFINITY;
  }
  for (size_t i = 0; i < whole; i += SUMS)
    for (size_t k = 0; k < SUMS; k++) take(&s, k, x[i + k], j->first);
  for (size_t i = whole; i < n; i++) take(&s, i - whole, x[i], j->first);
  *l = (look){n, 0, 0, 0, INFINITY, -INFINITY};
  for (size_t k = 0; k < SUMS; k++) {
    l->nans += (size_t)s.nans[k];
    l->sum += s.sum[k];
    l->squares += s.squares[k];
    l->least = fminf(l->least, s.least[k]);
    l->most = fmaxf(l->most, s.most[k]);
  }
  l->values -= l->nans;
  return CF_OK;
}

/* The item's shape: that of the first, or the same as before. */
static cf_status check_shape(cf_context *ctx, const cf_layer *layer, const size_t *shape, cf_layer_seen *seen) {
  cf_status status = CF_OK;
  if (!seen->begun) {
    *seen = (cf_layer_seen){.begun = true, .ndim = layer->ndim, .count = 1, .least = INFINITY, .most = -INFINITY};
    for (int d = 0; d < layer->ndim; d++) {
      seen->shape[d] = shape[d];
      CF_TRY(cf_size_mul(ctx, seen->count, shape[d], &seen->count));
    }
  }
  for (int d = 0; d < layer->ndim; d++)
    if (shape[d] != seen->shape[d])
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "layer %s: its shape changes during the run: axis %d has %zu, then %zu entries",
                     layer->name, d, seen->shape[d], shape[d]));
done:
  return status;
}

cf_status cf_layer_see(cf_context *ctx, const cf_layer *layer, const size_t *shape, const float *values,
                       cf_layer_seen *seen) {
  const cf_status status = check_shape(ctx, layer, shape, seen);
  return status == CF_OK ? cf_layer_see_some(ctx, layer, shape, seen->count, values, seen) : status;
}

cf_status cf_layer_see_some(cf_context *ctx, const cf_layer *layer, const size_t *shape, size_t n, const float *values,
                            cf_layer_seen *seen) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t chunks = (n + CHUNK - 1) / CHUNK;
  CF_TRY(check_shape(ctx, layer, shape, seen));
  if (seen->values + seen->nans == 0 && n && isfinite(values[0])) seen->first = (double)values[0];
  look_job job = {n, values, seen->first, NULL};
  CF_TRY(CF_SCRATCH(ctx, &job.look, chunks + 1));
  CF_TRY(cf_parallel_for(ctx, chunks, look_task, &job));
  for (size_t i = 0; i < chunks; i++) {
    const look *l = &job.look[i];
    seen->values += l->values;
    seen->nans += l->nans;
    seen->sum += l->sum;
    seen->squares += l->squares;
    seen->least = fmin(seen->least, (double)l->least);
    seen->most = fmax(seen->most, (double)l->most);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_json *cf_layer_seen_json(const cf_layer *layer, const cf_layer_seen *seen) {
  cf_json *row = cf_json_object(), *shape = cf_json_list();
  const double n = (double)seen->values, mean = seen->sum / n;
  bool ok = row && shape;
  for (int d = 0; d < seen->ndim && ok; d++) ok = cf_json_append(shape, cf_json_number((double)seen->shape[d]));
  ok = cf_json_set(row, "name", cf_json_text(layer->name)) && ok;
  ok = cf_json_set(row, "module", cf_json_text(layer->module)) && ok;
  ok = cf_json_set(row, "shape", shape) && ok;
  ok = cf_json_set(row, "mean", cf_json_number(seen->first + mean)) && ok;
  ok = cf_json_set(row, "sd", cf_json_number(sqrt(fmax(0, seen->squares / n - mean * mean)))) && ok;
  ok = cf_json_set(row, "min", seen->values ? cf_json_number(seen->least) : cf_json_null()) && ok;
  ok = cf_json_set(row, "max", seen->values ? cf_json_number(seen->most) : cf_json_null()) && ok;
  ok = cf_json_set(row, "nan", cf_json_number((double)seen->nans)) && ok;
  if (ok) return row;
  cf_json_free(row);
  return NULL;
}
