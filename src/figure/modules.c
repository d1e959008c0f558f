/* The layers of a network in a row, from the input to the output: a sheet for each map with the map's proportions, as
 * many sheets as the number of maps suggests (one more a factor of two), the module's colour, and in words what the
 * layer is and what was taken from it. */
#include "figure/draw.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_SHEETS = 9, MOST_MODULES = 16 };

static size_t module_of(const cf_modules_figure *spec, size_t i, const char **name, size_t *count) {
  size_t k = 0;
  const char *own = spec->layer[i].module ? spec->layer[i].module : "";
  while (k < *count && strcmp(name[k], own) != 0) ++k;
  if (k == *count && *count < MOST_MODULES) name[(*count)++] = own;
  return k;
}

/* Maps, rows and columns of a layer: (maps, rows, columns), (units, channels) as maps of one column, (units). */
static void sizes_of(const cf_module_layer *l, size_t *maps, size_t *rows, size_t *columns) {
  *maps = l->ndim == 3 ? l->shape[0] : l->ndim == 2 ? l->shape[1] : 1;
  *rows = l->ndim == 3 ? l->shape[1] : 1;
  *columns = l->ndim == 3 ? l->shape[2] : 1;
}

static size_t sheets_of(size_t maps) {
  return CF_MIN((size_t)MOST_SHEETS, 1 + (size_t)floor(log2((double)CF_MAX(maps, (size_t)1)) + 1e-9));
}

/* Sheets behind one another, the front one lowest and at the left; layers without maps are a bar. */
static void draw_sheets(cf_draw *draw, const cf_module_layer *l, size_t colour, double middle, double bottom,
                        double unit) {
  size_t maps, rows, columns;
  sizes_of(l, &maps, &rows, &columns);
  const size_t sheets = l->ndim == 1 ? 1 : sheets_of(maps);
  const double w = l->ndim == 3 ? CF_MAX(4.0, unit * (double)columns) : 7.0,
               h = l->ndim == 3 ? CF_MAX(4.0, unit * (double)rows) : 34.0, step = 2.2;
  const double x = middle - 0.5 * (w + step * (double)(sheets - 1));
  for (size_t s = sheets; s-- > 0;)
    cf_text_write(&draw->body,
                  "<rect class=\"cf-c$i\" x=\"$n\" y=\"$n\" width=\"$n\" height=\"$n\" fill=\"$s\" "
                  "fill-opacity=\"$n\" stroke=\"#fff\" stroke-width=\"0.5\"/>\n",
                  (int)(colour % 10), x + step * (double)s, bottom - h - step * (double)s, w, h,
                  cf_figure_colour(colour), s == 0 ? 0.95 : 0.6);
}

static void shape_text(const cf_module_layer *l, char *text, size_t size) {
  if (l->ndim == 3)
    snprintf(text, size, "%zu map%s, %zu × %zu", l->shape[0], l->shape[0] == 1 ? "" : "s", l->shape[1], l->shape[2]);
  else if (l->ndim == 2)
    snprintf(text, size, "%zu units, %zu maps", l->shape[0], l->shape[1]);
  else
    snprintf(text, size, "%zu units", l->shape[0]);
}

static void draw_layer(cf_draw *draw, const cf_module_layer *l, size_t colour, double left, double slot, double top,
                       double tall, double unit) {
  char text[128];
  const double middle = left + 0.5 * slot, bottom = top + tall;
  cf_text_write(&draw->body, "<g class=\"cf-panel\" data-name=\"$t\" data-units=\"$i\">\n", l->name ? l->name : "",
                (int)l->units);
  shape_text(l, text, sizeof text);
  cf_text_write(&draw->body, "<title>$t: $t, $i taken</title>\n", l->name ? l->name : "", text, (int)l->units);
  draw_sheets(draw, l, colour, middle, bottom, unit);
  cf_draw_text(draw, middle, bottom + 10.0,
               (cf_type){.size = 6.5, .anchor = CF_MIDDLE, .room = 0.86 * slot, .bold = true}, l->name ? l->name : "");
  cf_draw_text(draw, middle, bottom + 18.0,
               (cf_type){.size = 6, .anchor = CF_MIDDLE, .room = slot - 1.0, .muted = true}, text);
  if (l->maps)
    snprintf(text, sizeof text, "taken: %zu of %zu map%s", l->units, l->maps, l->maps == 1 ? "" : "s");
  else
    snprintf(text, sizeof text, "taken: %zu", l->units);
  cf_draw_text(draw, middle, bottom + 25.5,
               (cf_type){.size = 6, .anchor = CF_MIDDLE, .room = slot - 1.0, .muted = true}, text);
  cf_text_put(&draw->body, "</g>\n");
}

cf_status cf_figure_modules(cf_context *ctx, const cf_modules_figure *spec, const cf_figure_options *options,
                            cf_figure **out) {
  cf_status status = CF_OK;
  cf_draw draw;
  const char *module[MOST_MODULES];
  size_t modules = 0, rows, columns, maps;
  double widest = 1.0, highest = 1.0;
  cf_draw_begin(&draw, ctx, "cf-modules", options, spec->count > 4 ? CF_FIGURE_TWO_COLUMNS : 120.0);
  if (spec->count == 0) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "a figure of layers needs one"));
  for (size_t i = 0; i < spec->count; ++i) {
    sizes_of(spec->layer + i, &maps, &rows, &columns);
    widest = CF_MAX(widest, (double)columns);
    highest = CF_MAX(highest, (double)rows);
    module_of(spec, i, module, &modules);
  }
  const size_t across = CF_MIN(spec->count, (size_t)8);
  const double slot = (draw.width - 4.0) / (double)across, tall = 58.0, turn = 2.2 * (MOST_SHEETS - 1);
  const double unit = CF_MIN((slot - turn - 6.0) / widest, (tall - turn) / highest);
  double y = cf_draw_legend(&draw, 2.0, draw.top + 2.0, draw.width - 4.0, modules, module) + 2.0;
  for (size_t i = 0; i < spec->count; ++i) {
    const double left = 2.0 + slot * (double)(i % across);
    if (i && i % across == 0) y += tall + 34.0;
    draw_layer(&draw, spec->layer + i, module_of(spec, i, module, &modules), left, slot, y, tall, unit);
    if (i % across + 1 < across && i + 1 < spec->count)
      cf_text_write(&draw.body,
                    "<path class=\"cf-line\" d=\"M$n $nh5m-2 -1.8l2 1.8l-2 1.8\" fill=\"none\" stroke=\"" CF_MUTED
                    "\" stroke-width=\"0.7\"/>\n",
                    left + slot - 2.5, y + tall - 6.0);
  }
  return cf_draw_finish(&draw, y + tall + 28.0, out);
done:
  cf_text_free(&draw.body);
  return status;
}
