/* Networks that ran: their layers in a row, how strongly the sampled units respond, and what one unit of each does. */
#include "report/page.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LAYERS = 24, MOST_EXAMPLES = 10 };

/* ---------------------------------------------------------------- layers -- */

static size_t whole(const cf_json *object, const char *key) {
  const double v = cf_part_number(object, key);
  return v >= 0 && v < 1e15 ? (size_t)v : 0;
}

const char *cf_run_layer_name(const cf_json *layer) {
  const char *name = cf_part_text(layer, "name", "?");
  return strncmp(name, "core.", 5) == 0 ? name + 5 : name; /* which says the same of most layers of such networks */
}

/* The module of a layer is its name up to the first dot where the network has no better word. */
static cf_module_layer layer_of(const cf_json *l) {
  const cf_json *shape = cf_json_get(l, "shape");
  cf_module_layer out = {.name = cf_run_layer_name(l), .module = cf_part_text(l, "module", "network"), .ndim = 1};
  const size_t n = cf_json_count(shape);
  size_t count = 1;
  for (size_t d = 0; d < n; ++d) count *= (size_t)CF_MAX(1.0, cf_json_as_number(cf_json_at(shape, d)));
  if (n >= 1 && n <= 3) {
    out.ndim = (int)n;
    for (size_t d = 0; d < n; ++d) out.shape[d] = (size_t)CF_MAX(1.0, cf_json_as_number(cf_json_at(shape, d)));
  } else {
    out.shape[0] = count;
  }
  out.units = cf_json_get(l, "units") ? whole(l, "units") : count;
  out.maps = whole(l, "maps");
  return out;
}

/* Responses of a layer; value NULL when the run kept none by stimulus and direction. */
static cf_status read_layer(cf_page *page, const cf_part *part, const cf_json *layer, cf_block *out) {
  const char *array = cf_part_text(layer, "array", NULL);
  memset(out, 0, sizeof *out);
  return array ? cf_block_read(page, part, array, 4, out) : CF_OK;
}

cf_status cf_run_peaks(cf_page *page, const cf_part *part, const cf_json *layer, cf_box_sample *out) {
  cf_status status = CF_OK;
  double *peak = NULL;
  cf_block b;
  const char *array = cf_part_text(layer, "array", "");
  const cf_array *a = cf_dataset_get(part->task->arrays, array);
  *out = (cf_box_sample){0, NULL};
  if (!a || a->ndim != 4) return CF_OK;
  CF_TRY(CF_SCRATCH(page->ctx, &peak, a->shape[0] + 1));
  cf_mark mark = cf_scratch_mark(page->ctx); /* the responses go, the peaks stay */
  CF_TRY(read_layer(page, part, layer, &b));
  const size_t each = b.value ? b.shape[1] * b.shape[2] * b.shape[3] : 0;
  for (size_t i = 0; b.value && i < b.shape[0]; ++i) {
    peak[i] = -INFINITY;
    for (size_t k = 0; k < each; ++k) peak[i] = fmax(peak[i], b.value[i * each + k]);
  }
  *out = (cf_box_sample){b.value ? b.shape[0] : 0, peak};
  cf_scratch_release(page->ctx, mark);
done:
  return status;
}

/* ----------------------------------------------------------- the finding -- */

cf_status cf_find_run(cf_page *page, const cf_part *part) {
  const cf_json *r = part->result, *layers = cf_json_get(r, "layers"), *seen = cf_json_get(r, "responses");
  const size_t n = cf_json_count(layers);
  size_t units = 0;
  if (n == 0) return cf_find_other(page, part);
  for (size_t i = 0; i < n; ++i) units += layer_of(cf_json_at(layers, i)).units;
  cf_text_write(&page->html, "<p>A network of kind <code>$t</code> with $i numbers in its weights; $i layer$s",
                cf_part_text(r, "kind", "?"), (int)cf_part_number(r, "parameters"), (int)n, n == 1 ? "" : "s");
  if (cf_json_get(cf_json_at(layers, 0), "units")) cf_text_write(&page->html, ", $i units of them", (int)units);
  if (seen)
    cf_text_write(&page->html, "; responses to $i stimuli in $i directions over $i times, means of $i instance$s",
                  (int)whole(seen, "stimuli"), (int)whole(seen, "directions"), (int)whole(seen, "times"),
                  (int)whole(seen, "instances"), whole(seen, "instances") == 1 ? "" : "s");
  cf_text_put(&page->html, ".</p>\n");
  return CF_OK;
}

/* --------------------------------------------------------------- figures -- */

static cf_status draw_modules(cf_page *page, const cf_part *part) {
  static const char title[] = "The layers that were read out";
  static const char caption[] =
      "From the input to the output. Sheets have the proportions of the maps; their number grows with that of the maps.";
  cf_status status = CF_OK;
  cf_module_layer layer[MOST_LAYERS];
  const cf_json *list = cf_json_get(part->result, "layers");
  const size_t n = CF_MIN(cf_json_count(list), (size_t)MOST_LAYERS);
  char id[256];
  cf_figure *figure = NULL;
  for (size_t i = 0; i < n; ++i) layer[i] = layer_of(cf_json_at(list, i));
  const cf_modules_figure spec = {n, layer};
  cf_figure_options o = cf_page_options(part, "modules", title, caption, id);
  CF_TRY(cf_figure_modules(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "modules", title, caption, true, figure);
done:
  return status;
}

static cf_status draw_activity(cf_page *page, const cf_part *part) {
  static const char title[] = "Activity through the layers";
  static const char caption[] =
      "The largest response of each sampled unit over all stimuli, directions and times, on a logarithmic axis. Boxes: quartiles and "
      "median over units; whiskers: 5th to 95th percentile; short line: the largest.";
  cf_status status = CF_OK;
  const cf_json *list = cf_json_get(part->result, "layers");
  const size_t n = CF_MIN(cf_json_count(list), (size_t)MOST_LAYERS);
  cf_box_sample sample[MOST_LAYERS];
  const char *name[MOST_LAYERS];
  bool any = false;
  char id[256];
  cf_figure *figure = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  for (size_t i = 0; i < n; ++i) {
    name[i] = cf_run_layer_name(cf_json_at(list, i));
    CF_TRY(cf_run_peaks(page, part, cf_json_at(list, i), sample + i));
    any = any || sample[i].n;
  }
  if (!any) goto done;
  const cf_boxes_panel panel = {.title = "largest response of a unit", .sample = sample, .logarithmic = true};
  const cf_boxes_figure spec = {1, 1, n, &panel, NULL, name};
  cf_figure_options o = cf_page_options(part, "activity", title, caption, id);
  CF_TRY(cf_figure_boxes(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "activity", title, caption, false, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

typedef struct ranked {
  double peak;
  size_t unit;
} ranked;

static int by_peak(const void *a, const void *b) {
  const ranked *x = a, *y = b;
  if (x->peak != y->peak) return x->peak < y->peak ? -1 : 1;
  return (x->unit > y->unit) - (x->unit < y->unit);
}

/* The unit at the upper quartile of the largest responses: neither silent nor the exception. */
static cf_status typical_unit(cf_page *page, const cf_block *b, size_t *out) {
  cf_status status = CF_OK;
  ranked *r = NULL;
  const size_t each = b->shape[1] * b->shape[2] * b->shape[3];
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(CF_SCRATCH(page->ctx, &r, b->shape[0]));
  for (size_t i = 0; i < b->shape[0]; ++i) {
    r[i] = (ranked){-INFINITY, i};
    for (size_t k = 0; k < each; ++k) r[i].peak = fmax(r[i].peak, b->value[i * each + k]);
  }
  qsort(r, b->shape[0], sizeof *r, by_peak);
  *out = r[(b->shape[0] - 1) * 3 / 4].unit;
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* Copies the maps of one unit of a layer that has the shape of the first; *map stays NULL for others. */
static cf_status example_of(cf_page *page, const cf_part *part, const cf_json *layer, const size_t *shape,
                            double *map) {
  cf_status status = CF_OK;
  cf_block b;
  size_t unit = 0;
  const size_t each = shape[1] * shape[2] * shape[3];
  cf_mark mark = cf_scratch_mark(page->ctx);
  for (size_t k = 0; k < each; ++k) map[k] = NAN;
  CF_TRY(read_layer(page, part, layer, &b));
  if (!b.value || memcmp(b.shape + 1, shape + 1, 3 * sizeof *shape) != 0) goto done;
  CF_TRY(typical_unit(page, &b, &unit));
  memcpy(map, b.value + unit * each, each * sizeof *map);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

static cf_status draw_examples(cf_page *page, const cf_part *part) {
  static const char title[] = "One unit of each layer";
  static const char caption[] =
      "Directions down, time across; each row from 0 to its own largest value. Of each layer the unit at the upper quartile of the "
      "largest responses.";
  cf_status status = CF_OK;
  const cf_json *list = cf_json_get(part->result, "layers");
  const size_t n = CF_MIN(cf_json_count(list), (size_t)MOST_EXAMPLES);
  const char *name[MOST_EXAMPLES], **stimulus = NULL;
  double *value = NULL, *direction = NULL, *time = NULL;
  char id[256];
  cf_figure *figure = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  const cf_array *first = cf_dataset_get(part->task->arrays, cf_part_text(cf_json_at(list, 0), "array", ""));
  if (!first || first->ndim != 4) goto done;
  const size_t each = first->shape[1] * first->shape[2] * first->shape[3];
  CF_TRY(CF_SCRATCH(page->ctx, &value, n * each));
  CF_TRY(cf_block_labels(page, part, first, 1, &stimulus));
  CF_TRY(cf_block_axis(page, part, first, 2, "direction", &direction));
  CF_TRY(cf_block_axis(page, part, first, 3, "time", &time));
  for (size_t i = 0; i < n; ++i) {
    name[i] = cf_run_layer_name(cf_json_at(list, i));
    CF_TRY(example_of(page, part, cf_json_at(list, i), first->shape, value + i * each));
  }
  const cf_maps_figure spec = {.rows = n,
                               .columns = first->shape[1],
                               .directions = first->shape[2],
                               .times = first->shape[3],
                               .value = value,
                               .row_name = name,
                               .column_name = stimulus,
                               .direction = direction,
                               .time = time,
                               .own_range = true,
                               .quantity = "share of maximum"};
  cf_figure_options o = cf_page_options(part, "examples", title, caption, id);
  CF_TRY(cf_figure_maps(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "examples", title, caption, true, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* ----------------------------------------------------------------- table -- */

static void write_layers(cf_page *page, const cf_part *part) {
  static const char *const columns[] = {"Layer", "Module", "Shape",  "#Units taken", "#of maps", "#silent maps",
                                        "#Mean", "#sd",    "#Least", "#Largest",     "Array"};
  const cf_json *list = cf_json_get(part->result, "layers");
  char text[128];
  cf_table_begin(page, part, "layers", "Layers: all units, every frame, before the sampling", columns,
                 sizeof columns / sizeof *columns);
  for (size_t i = 0; i < cf_json_count(list); ++i) {
    const cf_json *l = cf_json_at(list, i), *shape = cf_json_get(l, "shape");
    size_t used = 0;
    text[0] = '\0';
    for (size_t d = 0; d < cf_json_count(shape) && used + 30 < sizeof text; ++d)
      used += (size_t)snprintf(text + used, sizeof text - used, "%s%.0f", d ? " × " : "",
                               cf_json_as_number(cf_json_at(shape, d)));
    cf_table_row(page);
    cf_table_text(page, cf_part_text(l, "name", "?"));
    cf_table_text(page, cf_part_text(l, "module", ""));
    cf_table_text(page, text);
    cf_table_number(page, cf_part_number(l, "units"));
    cf_table_number(page, cf_part_number(l, "maps"));
    cf_table_number(page, cf_part_number(l, "silent_maps"));
    cf_table_number(page, cf_part_number(l, "mean"));
    cf_table_number(page, cf_part_number(l, "sd"));
    cf_table_number(page, cf_part_number(l, "min"));
    cf_table_number(page, cf_part_number(l, "max"));
    cf_table_text(page, cf_part_text(l, "array", cf_part_text(l, "name", "")));
    cf_table_end_row(page);
  }
  cf_table_close(page);
}

cf_status cf_part_run(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  if (cf_json_count(cf_json_get(part->result, "layers")) == 0) return cf_part_other(page, part);
  CF_TRY(cf_find_run(page, part));
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  CF_TRY(draw_modules(page, part));
  CF_TRY(draw_examples(page, part));
  CF_TRY(draw_activity(page, part));
  cf_text_put(&page->html, "</div>\n");
  write_layers(page, part);
done:
  return status;
}
