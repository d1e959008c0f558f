/* A network with its input: opening, choosing layers, and keeping all that comes out. */
#include "pipeline/running.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"

#define TEXT_LIMIT ((size_t)256 << 20)

void cf_running_close(cf_running *running) {
  cf_network_free(running->network);
  cf_array_free(running->values);
  cf_array_free(running->perspective);
  cf_array_free(running->modulation);
  cf_array_free(running->behavior);
  cf_array_free(running->pupil);
  cf_free(running->text);
  cf_free(running->texts);
  cf_free(running->layer);
}

/* -------------------------------------------------------------- inputs -- */

static bool ends_in(const char *text, const char *ending) {
  const size_t n = strlen(text), m = strlen(ending);
  return n >= m && strcmp(text + n - m, ending) == 0;
}

/* An array as the file's header tells it: nothing is read. */
static cf_status read_header(cf_context *ctx, const char *address, cf_array **out) {
  cf_status status = CF_OK;
  char *path = NULL, *member = NULL;
  cf_io_listing *listing = NULL;
  const cf_io_entry *chosen = NULL;
  const size_t none = 0;
  CF_TRY(cf_io_split(ctx, address, &path, &member));
  CF_TRY(cf_io_list(ctx, path, &listing));
  for (size_t i = 0; i < listing->count; i++) {
    const cf_io_entry *e = &listing->entry[i];
    const char *name = e->member + (e->member[0] == '/' && !(member && member[0] == '/'));
    if (member ? strcmp(name, member) == 0 : e->readable && (!chosen || e->ndim > chosen->ndim)) chosen = e;
  }
  if (!chosen) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: there is no such array", address));
  if (chosen->dtype == CF_TEXT) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: is text", address));
  CF_TRY(cf_array_new(ctx, chosen->member, chosen->dtype, 1, &none, out));
  cf_free((*out)->data);
  (*out)->data = NULL; /* which tells the network that it sees a header */
  (*out)->ndim = chosen->ndim;
  for (int d = 0; d < chosen->ndim; d++) (*out)->shape[d] = chosen->shape[d];
  CF_TRY(cf_strdup(ctx, address, &(*out)->source));
done:
  cf_io_listing_free(listing);
  cf_free(path);
  cf_free(member);
  return status;
}

static cf_status read_array(cf_context *ctx, const char *address, const char *preferred, bool header_only,
                            cf_result *result, cf_array **out) {
  if (header_only) return read_header(ctx, address, out);
  cf_status status = cf_io_read(ctx, address, preferred, out);
  if (status == CF_OK && result) status = cf_result_input(ctx, result, address);
  return status;
}

/* One text a line; the last line may lack its end. */
static cf_status read_texts(cf_context *ctx, cf_result *result, cf_running *r) {
  cf_status status = CF_OK;
  size_t size = 0, lines = 0;
  CF_TRY(cf_io_read_bytes(ctx, r->address, TEXT_LIMIT, &r->text, &size));
  if (strlen(r->text) != size)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: is no text: byte %zu is zero", r->address, strlen(r->text)));
  if (result) CF_TRY(cf_result_input(ctx, result, r->address));
  for (size_t i = 0; i < size; i++) lines += r->text[i] == '\n' || i + 1 == size;
  if (lines == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: has no text", r->address));
  CF_TRY(CF_ALLOC(ctx, &r->texts, lines));
  for (char *at = r->text; at < r->text + size; r->input.n_texts++) {
    char *end = at + strcspn(at, "\n");
    r->texts[r->input.n_texts] = at;
    at = end + (*end == '\n');
    *end = 0;
    if (end > r->texts[r->input.n_texts] && end[-1] == '\r') end[-1] = 0;
  }
  r->input.texts = r->texts;
done:
  return status;
}

static cf_status read_side(cf_context *ctx, const cf_options *options, const char *name, bool header_only,
                           cf_result *result, cf_array **array, const cf_array **input) {
  const char *address = cf_options_text(options, name);
  if (!address) return CF_OK;
  const cf_status status = read_array(ctx, address, name, header_only, result, array);
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
  if (strcmp(cf_network_kind(r->network), "llama2c") == 0 && ends_in(r->address, ".txt"))
    CF_TRY(read_texts(ctx, result, r));
  else
    CF_TRY(read_array(ctx, r->address, "frames|images|movie|tokens|input|x", header_only, result, &r->values));
  r->input.values = r->values;
  CF_TRY(read_side(ctx, options, "perspective", header_only, result, &r->perspective, &r->input.perspective));
  CF_TRY(read_side(ctx, options, "modulation", header_only, result, &r->modulation, &r->input.modulation));
  CF_TRY(read_side(ctx, options, "behavior", header_only, result, &r->behavior, &r->input.behavior));
  CF_TRY(read_side(ctx, options, "pupil", header_only, result, &r->pupil, &r->input.pupil));
  CF_TRY(read_norm(ctx, options, &r->input));
  r->input.extend = strcmp(cf_options_text(options, "periphery"), "extend") == 0;
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

cf_status cf_layer_see(cf_context *ctx, const cf_layer *layer, const size_t *shape, const float *values,
                       cf_layer_seen *seen) {
  if (!seen->begun) {
    *seen = (cf_layer_seen){.begun = true, .ndim = layer->ndim, .count = 1, .least = INFINITY, .most = -INFINITY};
    for (int d = 0; d < layer->ndim; d++) {
      seen->shape[d] = shape[d];
      cf_status status = cf_size_mul(ctx, seen->count, shape[d], &seen->count);
      if (status != CF_OK) return status;
    }
    seen->first = seen->count && isfinite(values[0]) ? (double)values[0] : 0;
  }
  for (int d = 0; d < layer->ndim; d++)
    if (shape[d] != seen->shape[d])
      return cf_fail(ctx, CF_ERR_INPUT, "layer %s: its shape changes during the run: axis %d has %zu, then %zu entries",
                     layer->name, d, seen->shape[d], shape[d]);
  for (size_t i = 0; i < seen->count; i++) {
    const double x = (double)values[i], y = x - seen->first;
    if (isnan(x)) {
      seen->nans++;
      continue;
    }
    seen->values++;
    seen->sum += y;
    seen->squares += y * y;
    if (x < seen->least) seen->least = x;
    if (x > seen->most) seen->most = x;
  }
  return CF_OK;
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
