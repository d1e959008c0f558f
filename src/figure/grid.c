/* Rectangular tables of numbers as coloured cells, each panel with a colour bar of its own. */
#include "figure/draw.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct layout {
  double names, cell_w, cell_h, wide, tall, below;
} layout;

static void range_of(const cf_grid_figure *spec, const cf_grid_panel *panel, double *low, double *high) {
  *low = panel->low;
  *high = panel->high;
  if (*high > *low) return;
  *low = INFINITY;
  *high = -INFINITY;
  for (size_t i = 0; i < spec->rows * spec->columns; ++i)
    if (isfinite(panel->value[i])) *low = CF_MIN(*low, panel->value[i]), *high = CF_MAX(*high, panel->value[i]);
  if (*low > *high) *low = 0.0, *high = 1.0;
  if (!(*high > *low)) *high = *low + (*low != 0.0 ? 0.1 * fabs(*low) : 1.0);
}

static const char *name_of(const char *const *name, size_t i, char *buffer, size_t size) {
  if (name) return name[i];
  snprintf(buffer, size, "%zu", i + 1);
  return buffer;
}

static void draw_number(cf_draw *draw, double v, int decimals, const unsigned char rgb[3], cf_box cell) {
  char text[64];
  if (decimals < 0)
    cf_text_value(v, text, sizeof text);
  else
    cf_text_fixed(v, decimals, text, sizeof text);
  double size = CF_MIN(6.5, CF_MIN(0.7 * cell.h, 0.86 * cell.w / CF_MAX(1.0, cf_text_width(text))));
  if (size >= 3.8)
    cf_text_write(&draw->body,
                  "<text x=\"$n\" y=\"$n\" font-size=\"$n\" text-anchor=\"middle\" pointer-events=\"none\" "
                  "fill=\"$s\">$t</text>\n",
                  cell.x + 0.5 * cell.w, cell.y + 0.5 * cell.h + 0.35 * size, size, cf_ink_on(rgb), text);
}

/* Whole numbers stay whole; others get what tells neighbours on the colour bar apart and one digit more, and at least
 * what shows a digit of the smallest. */
static int decimals_of(const cf_grid_figure *spec, const cf_grid_panel *panel, double low, double high) {
  cf_ticks ticks;
  bool whole = true;
  double least = INFINITY;
  for (size_t i = 0; i < spec->rows * spec->columns; ++i) {
    double v = panel->value[i];
    if (!isfinite(v)) continue;
    whole = whole && v == floor(v);
    if (v != 0.0) least = CF_MIN(least, fabs(v));
  }
  cf_ticks_make(low, high, 5, &ticks);
  int decimals = ticks.decimals + 1;
  if (!panel->rounded && isfinite(least)) decimals = CF_MAX(decimals, (int)ceil(-log10(least)));
  return whole ? 0 : ticks.exponent ? -1 : CF_MIN(3, decimals);
}

static void draw_cells(cf_draw *draw, const cf_grid_figure *spec, const cf_grid_panel *panel, double x, double y,
                       const layout *at) {
  char a[32], b[32], text[64], hex[8];
  double low, high;
  range_of(spec, panel, &low, &high);
  int decimals = decimals_of(spec, panel, low, high);
  for (size_t r = 0; r < spec->rows; ++r)
    for (size_t c = 0; c < spec->columns; ++c) {
      unsigned char rgb[3];
      double v = panel->value[r * spec->columns + c];
      cf_box cell = {x + at->cell_w * (double)c, y + at->cell_h * (double)r, at->cell_w, at->cell_h};
      cf_figure_map(CF_MAP_SEQUENTIAL, isfinite(v) ? (v - low) / (high - low) : NAN, rgb);
      cf_hex(rgb, hex);
      cf_text_write(
          &draw->body,
          "<rect class=\"cf-bin\" shape-rendering=\"crispEdges\" data-i=\"$i\" data-j=\"$i\" data-value=\"$v\" "
          "x=\"$n\" y=\"$n\" width=\"$n\" height=\"$n\" fill=\"$s\"><title>$t $t, $t $t: $s</title></rect>\n",
          (int)r, (int)c, v, cell.x, cell.y, cell.w, cell.h, hex, spec->row_title ? spec->row_title : "",
          name_of(spec->row_name, r, a, sizeof a), spec->column_title ? spec->column_title : "",
          name_of(spec->column_name, c, b, sizeof b), cf_text_value(v, text, sizeof text));
      if (isfinite(v)) draw_number(draw, v, decimals, rgb, cell);
    }
  if (!panel->chosen) return;
  cf_text_write(&draw->body,
                "<rect class=\"cf-chosen\" x=\"$n\" y=\"$n\" width=\"$n\" height=\"$n\" fill=\"none\" stroke=\"$s\" "
                "stroke-width=\"1.8\"/>\n",
                x + at->cell_w * (double)panel->column, y + at->cell_h * (double)panel->row, at->cell_w, at->cell_h,
                cf_figure_colour(6));
}

static cf_status draw_panel(cf_draw *draw, const cf_grid_figure *spec, const cf_grid_panel *panel, double x, double y,
                            layout *at) {
  cf_status status = CF_OK;
  char(*buffer)[32] = NULL;
  const char **name = NULL;
  double low, high;
  cf_mark mark = cf_scratch_mark(draw->ctx);
  CF_TRY(CF_SCRATCH(draw->ctx, &buffer, spec->columns));
  CF_TRY(CF_SCRATCH(draw->ctx, &name, spec->columns));
  cf_text_write(&draw->body, "<g class=\"cf-panel\" data-name=\"$t\">\n", panel->title ? panel->title : "");
  if (panel->title) cf_draw_text(draw, x, y - 3.0, (cf_type){.size = 7, .room = at->wide, .bold = true}, panel->title);
  draw_cells(draw, spec, panel, x, y, at);
  for (size_t r = 0; r < spec->rows; ++r)
    cf_draw_text(draw, x - 3.0, y + at->cell_h * ((double)r + 0.5) + 2.3,
                 (cf_type){.size = 6.5, .anchor = CF_END, .room = at->names - 4.0},
                 name_of(spec->row_name, r, buffer[0], sizeof *buffer));
  if (spec->row_title)
    cf_draw_text(draw, x - at->names - 3.0, y + 0.5 * at->tall,
                 (cf_type){.size = 7, .anchor = CF_MIDDLE, .angle = -90, .room = at->tall + 16.0}, spec->row_title);
  for (size_t c = 0; c < spec->columns; ++c) name[c] = name_of(spec->column_name, c, buffer[c], sizeof *buffer);
  double below = cf_draw_names(draw, spec->columns, name, x + 0.5 * at->cell_w, at->cell_w, y + at->tall + 1.0);
  if (spec->column_title) {
    below += 8.5;
    cf_draw_text(draw, x + 0.5 * at->wide, y + at->tall + below,
                 (cf_type){.size = 7, .anchor = CF_MIDDLE, .room = at->wide + at->names}, spec->column_title);
  }
  range_of(spec, panel, &low, &high);
  y = cf_draw_colourbar_flat(draw, CF_MAP_SEQUENTIAL, low, high, panel->quantity, x, y + at->tall + below + 5.0,
                             CF_MIN(at->wide, 110.0));
  at->below = CF_MAX(at->below, y);
  cf_text_put(&draw->body, "</g>\n");
done:
  cf_scratch_release(draw->ctx, mark);
  return status;
}

static cf_status check(cf_context *ctx, const cf_grid_figure *spec) {
  if (spec->rows == 0 || spec->columns == 0 || spec->panels == 0)
    return cf_fail(ctx, CF_ERR_USAGE, "a grid needs rows, columns and panels");
  for (size_t p = 0; p < spec->panels; ++p)
    if (spec->panel[p].chosen && (spec->panel[p].row >= spec->rows || spec->panel[p].column >= spec->columns))
      return cf_fail(ctx, CF_ERR_USAGE, "chosen cell of panel %zu is out of range", p);
  return CF_OK;
}

cf_status cf_figure_grid(cf_context *ctx, const cf_grid_figure *spec, const cf_figure_options *options,
                         cf_figure **out) {
  cf_status status = CF_OK;
  cf_draw draw;
  layout at = {.names = 0.0};
  char buffer[32];
  cf_draw_begin(&draw, ctx, "cf-grid-figure", options,
                spec->panels == 1   ? CF_FIGURE_ONE_COLUMN
                : spec->panels == 2 ? 136.0
                                    : CF_FIGURE_TWO_COLUMNS);
  CF_TRY(check(ctx, spec));
  size_t across = CF_MIN(spec->panels, CF_MAX((size_t)1, (size_t)(draw.width / 160.0)));
  for (size_t r = 0; r < spec->rows; ++r)
    at.names = CF_MAX(at.names, 6.8 * cf_text_width(name_of(spec->row_name, r, buffer, sizeof buffer)));
  double pitch = (draw.width - 4.0) / (double)across, left = spec->row_title ? 10.0 : 0.0;
  at.names = CF_MIN(0.3 * pitch, at.names) + 4.0;
  at.cell_w = CF_MIN(34.0, (pitch - at.names - left - 8.0) / (double)spec->columns);
  at.cell_h = CF_MIN(at.cell_w, CF_MAX(CF_MIN(17.0, at.cell_w), 0.6 * at.cell_w));
  if (at.cell_h * (double)spec->rows > 260.0) at.cell_h = 260.0 / (double)spec->rows;
  at.wide = at.cell_w * (double)spec->columns;
  at.tall = at.cell_h * (double)spec->rows;
  double y = draw.top + 10.0;
  for (size_t p = 0; p < spec->panels; ++p) {
    CF_TRY(draw_panel(&draw, spec, spec->panel + p, 2.0 + pitch * (double)(p % across) + left + at.names, y, &at));
    if (p % across + 1 == across) y = at.below + 14.0;
  }
  return cf_draw_finish(&draw, at.below, out);
done:
  cf_text_free(&draw.body);
  return status;
}
