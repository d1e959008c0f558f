/* Grids of response maps: direction down, time across, one small picture each. */
#include "figure/draw.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static size_t cells_of(const cf_maps_figure *spec) {
  return spec->directions * spec->times;
}

static bool empty_map(const cf_maps_figure *spec, const double *map) {
  for (size_t i = 0; i < cells_of(spec); ++i)
    if (isfinite(map[i])) return false;
  return true;
}

/* Range of one row (own) or of all maps; from 0 when nothing is negative. */
static void range_of(const cf_maps_figure *spec, size_t row, bool own, double *low, double *high) {
  size_t each = spec->columns * cells_of(spec), from = own ? row * each : 0;
  size_t to = own ? from + each : spec->rows * each;
  *low = INFINITY;
  *high = -INFINITY;
  for (size_t i = from; i < to; ++i)
    if (isfinite(spec->value[i])) *low = CF_MIN(*low, spec->value[i]), *high = CF_MAX(*high, spec->value[i]);
  if (*low > *high) *low = 0.0, *high = 1.0;
  *low = CF_MIN(0.0, *low);
  if (!(*high > *low)) *high = *low + 1.0;
}

static cf_status draw_map(cf_draw *draw, const cf_maps_figure *spec, size_t row, size_t column, double low, double high,
                          cf_box box) {
  cf_status status = CF_OK;
  const double *map = spec->value + (row * spec->columns + column) * cells_of(spec);
  bool faint = spec->faint && spec->faint[row * spec->columns + column];
  unsigned char *rgb = NULL;
  cf_mark mark = cf_scratch_mark(draw->ctx);
  if (empty_map(spec, map)) return CF_OK;
  CF_TRY(CF_SCRATCH(draw->ctx, &rgb, 3 * cells_of(spec)));
  for (size_t i = 0; i < cells_of(spec); ++i)
    cf_figure_map(CF_MAP_SEQUENTIAL, isfinite(map[i]) ? (map[i] - low) / (high - low) : NAN, rgb + 3 * i);
  if (faint) cf_text_put(&draw->body, "<g class=\"cf-faint\" opacity=\"0.35\">\n");
  CF_TRY(cf_draw_picture(draw, spec->times, spec->directions, 3, rgb, box, false));
  if (faint) cf_text_put(&draw->body, "</g>\n");
done:
  cf_scratch_release(draw->ctx, mark);
  return status;
}

/* First and last direction at the left of a map, first and last time below it. */
static void draw_ends(cf_draw *draw, const cf_maps_figure *spec, cf_box box, bool left, bool below) {
  char text[64], number[32];
  double row = box.h / (double)spec->directions;
  const cf_type small = {.size = 5.5, .muted = true, .anchor = CF_END}, start = {.size = 5.5, .muted = true};
  if (left && spec->direction)
    for (int k = 0; k < 2; ++k) {
      size_t d = k ? spec->directions - 1 : 0;
      snprintf(text, sizeof text, "%s°", cf_text_fixed(spec->direction[d], 0, number, sizeof number));
      cf_draw_text(draw, box.x - 1.5, box.y + row * ((double)d + 0.5) + 1.9, small, text);
    }
  if (!below) return;
  if (spec->time) {
    double step = spec->times > 1 ? spec->time[1] - spec->time[0] : 0.0;
    cf_draw_text(draw, box.x, box.y + box.h + 6.5, start, cf_text_fixed(spec->time[0], 0, number, sizeof number));
    snprintf(text, sizeof text, "%s s",
             cf_text_fixed(spec->time[spec->times - 1] + step, step < 0.1 ? 2 : 1, number, sizeof number));
    cf_draw_text(draw, box.x + box.w, box.y + box.h + 6.5, small, text);
  } else {
    snprintf(text, sizeof text, "%zu %ss", spec->times, spec->frame ? spec->frame : "frame");
    cf_draw_text(draw, box.x + box.w, box.y + box.h + 6.5, small, text);
  }
}

cf_status cf_figure_maps(cf_context *ctx, const cf_maps_figure *spec, const cf_figure_options *options,
                         cf_figure **out) {
  cf_status status = CF_OK;
  cf_draw draw;
  const double gap = 4.0, wider = 1.18; /* fonts at hand may be wider than the one that widths are taken from */
  double names = 0.0;
  cf_draw_begin(&draw, ctx, "cf-maps", options, spec->columns * spec->rows > 6 ? CF_FIGURE_TWO_COLUMNS : 120.0);
  if (spec->rows == 0 || spec->columns == 0 || cells_of(spec) == 0)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "a figure of response maps needs maps"));
  for (size_t r = 0; r < spec->rows && spec->row_name; ++r)
    names = CF_MAX(names, 6.5 * cf_text_width(spec->row_name[r]));
  names = spec->row_name ? CF_MIN(0.25 * draw.width, wider * names) + 6.0 : 0.0;
  double left = 2.0 + names + (spec->direction ? 14.0 : 0.0), bar = 42.0;
  double title = spec->cell_name ? 9.0 : 0.0, space = draw.width - left - bar;
  double wide = CF_MIN(110.0, (space + gap) / (double)spec->columns - gap);
  double tall = CF_MAX(14.0, CF_MIN(0.5 * wide, 5.0 * (double)spec->directions));
  if (spec->rows <= 3) tall = CF_MAX(tall, CF_MIN(0.55 * wide, 44.0));
  double y = draw.top + (spec->column_name ? 9.0 : 1.0), low, high;
  for (size_t c = 0; c < spec->columns && spec->column_name; ++c)
    cf_draw_text(&draw, left + (wide + gap) * (double)c, y - 3.0, (cf_type){.size = 6.5, .room = wide},
                 spec->column_name[c]);
  for (size_t r = 0; r < spec->rows; ++r) {
    range_of(spec, r, spec->own_range, &low, &high);
    y += title;
    cf_text_write(&draw.body, "<g class=\"cf-panel\" data-name=\"$t\">\n", spec->row_name ? spec->row_name[r] : "");
    if (spec->row_name)
      cf_draw_text(&draw, 2.0 + names - 5.0, y + 0.5 * tall + 2.3,
                   (cf_type){.size = 6.5, .anchor = CF_END, .room = (names - 6.0) / wider + 0.1}, spec->row_name[r]);
    for (size_t c = 0; c < spec->columns; ++c) {
      cf_box box = {left + (wide + gap) * (double)c, y, wide, tall};
      if (spec->cell_name)
        cf_draw_text(&draw, box.x, y - 2.5, (cf_type){.size = 6.5, .room = wide},
                     spec->cell_name[r * spec->columns + c]);
      CF_TRY(draw_map(&draw, spec, r, c, low, high, box));
      draw_ends(&draw, spec, box, c == 0, r + 1 == spec->rows);
    }
    cf_text_put(&draw.body, "</g>\n");
    y += tall + gap;
  }
  range_of(spec, 0, false, &low, &high);
  double right = left + (wide + gap) * (double)spec->columns + 3.0,
         height = CF_MIN(90.0, CF_MAX(30.0, y - draw.top - 16.0));
  cf_draw_colourbar(&draw, CF_MAP_SEQUENTIAL, spec->own_range ? 0.0 : low, spec->own_range ? 1.0 : high, spec->quantity,
                    right, draw.top + 9.0, height);
  return cf_draw_finish(&draw, CF_MAX(y + 5.0, draw.top + 12.0 + height), out);
done:
  cf_text_free(&draw.body);
  return status;
}
