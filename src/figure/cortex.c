/* Maps of the cortex on pictures of its surface.
 *
 * Every place of a view gets the colour of its region times a brightness, 0.25 + 0.75 shade; where the region changes
 * from a place to the next a thin dark line is drawn. A pixel is the mean of smooth x smooth places, transparent by the
 * share that shows nothing: that is what smooths edges, of the surface and of regions alike. */
#include "figure/cortex.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_ROWS = 8, MOST_OUTLINED = 1200, BAR = 46 };

/* --------------------------------------------------------------- colours -- */

static cf_colour_map colours_of(const cf_cortex_figure *spec, size_t map) {
  return spec->map[map].diverging ? CF_MAP_DIVERGING : spec->colours;
}

void cf_cortex_find_range(const cf_cortex_figure *spec, size_t map, cf_cortex_range *range) {
  double low = INFINITY, high = -INFINITY;
  if (spec->high > spec->low) {
    *range = (cf_cortex_range){spec->low, spec->high};
    return;
  }
  for (size_t m = spec->own_range ? map : 0; m < (spec->own_range ? map + 1 : spec->maps); ++m)
    for (size_t r = 0; spec->map[m].value && !spec->map[m].category && r < spec->rois; ++r)
      if (isfinite(spec->map[m].value[r]))
        low = CF_MIN(low, spec->map[m].value[r]), high = CF_MAX(high, spec->map[m].value[r]);
  if (!(low <= high)) low = 0.0, high = 1.0;
  if (colours_of(spec, map) == CF_MAP_DIVERGING) {
    high = CF_MAX(fabs(low), fabs(high));
    low = -high;
  } else if (low >= 0.0) {
    low = 0.0;
  }
  if (!(high > low)) high = low + (low != 0.0 ? 0.1 * fabs(low) : 1.0);
  *range = (cf_cortex_range){low, high};
}

void cf_cortex_colour(const cf_cortex_figure *spec, size_t map, const cf_cortex_range *range, size_t roi,
                      unsigned char rgb[3]) {
  const cf_cortex_map *m = spec->map + map;
  const unsigned char grey[3] = {206, 206, 206};
  if (!m->category) {
    const double v = m->value[roi];
    cf_figure_map(colours_of(spec, map), isfinite(v) ? (v - range->low) / (range->high - range->low) : NAN, rgb);
    return;
  }
  const double strength = m->category[roi] == CF_NO_GROUP ? 0.0
                          : m->strength                   ? CF_MAX(0.0, CF_MIN(1.0, m->strength[roi]))
                                                          : 1.0;
  memcpy(rgb, grey, 3);
  if (!(strength > 0.0)) return;
  cf_figure_category(m->category[roi], spec->groups, false, rgb);
  for (int k = 0; k < 3; ++k) rgb[k] = (unsigned char)lround(strength * rgb[k] + (1.0 - strength) * grey[k]);
}

void cf_cortex_words(const cf_cortex_figure *spec, size_t map, size_t roi, char *buffer, size_t size) {
  const cf_cortex_map *m = spec->map + map;
  char name[32], value[64] = "";
  snprintf(name, sizeof name, "region %zu", roi + 1);
  const double v = m->category ? (m->strength ? m->strength[roi] : NAN) : m->value[roi];
  if (!m->category || m->strength) cf_text_value(v, value, sizeof value);
  const char *category =
      m->category && m->category[roi] != CF_NO_GROUP && spec->group_name ? spec->group_name[m->category[roi]] : NULL;
  snprintf(buffer, size, "%.120s: %.60s%s%s", spec->label ? spec->label[roi] : name, category ? category : "",
           category && *value ? ", " : "", value);
}

double cf_cortex_bar_room(const cf_cortex_figure *spec) {
  for (size_t m = 0; m < spec->maps; ++m)
    if (!spec->map[m].category) return BAR;
  return 0.0;
}

void cf_cortex_bar(cf_draw *draw, const cf_cortex_figure *spec, size_t map, double y, double height) {
  cf_cortex_range range;
  if (spec->map[map].category) return;
  cf_cortex_find_range(spec, map, &range);
  const char *own = spec->own_range ? spec->map[map].quantity : NULL;
  cf_draw_colourbar(draw, colours_of(spec, map), range.low, range.high, own ? own : spec->quantity,
                    draw->width - BAR + 6.0, y, height);
}

/* ---------------------------------------------------------------- pixels -- */

typedef struct painter {
  const cf_cortex_view *view;
  const unsigned char *colour; /* rois x 3 */
  bool outlined;
} painter;

/* Colour of a place; false where nothing is. */
static bool place_colour(const painter *p, size_t x, size_t y, float rgb[3]) {
  const cf_cortex_view *v = p->view;
  const size_t i = y * v->width + x;
  const int32_t place = v->place[i];
  const unsigned char bare[3] = {222, 222, 222};
  if (place == 0) return false;
  const unsigned char *colour = place > 0 ? p->colour + 3 * (size_t)(place - 1) : bare;
  float light = 0.25F + 0.75F * (float)v->shade[i] / 255.0F;
  const int32_t right = x + 1 < v->width ? v->place[i + 1] : place,
                below = y + 1 < v->height ? v->place[i + v->width] : place;
  if (p->outlined && ((right != place && right != 0) || (below != place && below != 0))) light *= 0.45F;
  for (int k = 0; k < 3; ++k) rgb[k] = light * (float)colour[k];
  return true;
}

static cf_status paint(cf_draw *draw, const painter *p, size_t smooth, cf_box box) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(draw->ctx);
  const size_t w = (p->view->width + smooth - 1) / smooth, h = (p->view->height + smooth - 1) / smooth;
  unsigned char *pixel = NULL;
  CF_TRY(CF_SCRATCH(draw->ctx, &pixel, 4 * w * h));
  for (size_t i = 0; i < h; ++i)
    for (size_t j = 0; j < w; ++j) {
      float sum[3] = {0, 0, 0}, rgb[3], seen = 0;
      unsigned char *out = pixel + 4 * (i * w + j);
      for (size_t y = i * smooth; y < CF_MIN((i + 1) * smooth, p->view->height); ++y)
        for (size_t x = j * smooth; x < CF_MIN((j + 1) * smooth, p->view->width); ++x) {
          if (!place_colour(p, x, y, rgb)) continue;
          for (int k = 0; k < 3; ++k) sum[k] += rgb[k];
          ++seen;
        }
      for (int k = 0; k < 3; ++k) out[k] = seen > 0 ? (unsigned char)lrintf(sum[k] / seen) : 255;
      out[3] = (unsigned char)lrintf(255.0F * seen / (float)(smooth * smooth));
    }
  status = cf_draw_picture(draw, w, h, 4, pixel, box, true);
done:
  cf_scratch_release(draw->ctx, mark);
  return status;
}

/* All views of one map in boxes of `columns` beside one another; returns the y below. */
static cf_status draw_map(cf_draw *draw, const cf_cortex_figure *spec, size_t map, size_t smooth, size_t columns,
                          cf_box area, double *bottom) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(draw->ctx);
  const double gap = columns > 1 ? 0.02 * area.w : 0.0, wide = (area.w - gap * (double)(columns - 1)) / (double)columns;
  cf_cortex_range range;
  unsigned char *colour = NULL;
  double y = area.y, tall = 0.0;
  CF_TRY(CF_SCRATCH(draw->ctx, &colour, 3 * spec->rois));
  cf_cortex_find_range(spec, map, &range);
  for (size_t r = 0; r < spec->rois; ++r) cf_cortex_colour(spec, map, &range, r, colour + 3 * r);
  for (size_t v = 0; v < spec->views; ++v) {
    const cf_cortex_view *view = spec->view + v;
    const painter p = {view, colour, spec->rois <= MOST_OUTLINED};
    if (v > 0 && v % columns == 0) y += tall + gap, tall = 0.0;
    const cf_box box = {area.x + (wide + gap) * (double)(v % columns), y, wide,
                        wide * (double)view->height / (double)view->width};
    cf_text_write(&draw->body, "<g class=\"cf-view\" data-name=\"$t\" data-map=\"$i\">\n", view->name ? view->name : "",
                  (int)map);
    if (view->name) cf_text_write(&draw->body, "<title>$t</title>\n", view->name);
    CF_TRY(paint(draw, &p, smooth, box));
    cf_text_put(&draw->body, "</g>\n");
    tall = CF_MAX(tall, box.h);
  }
  *bottom = y + tall;
done:
  cf_scratch_release(draw->ctx, mark);
  return status;
}

/* ---------------------------------------------------------------- layout -- */

static cf_status check(cf_context *ctx, const cf_cortex_figure *spec) {
  if (spec->rois == 0 || spec->maps == 0) return cf_fail(ctx, CF_ERR_USAGE, "maps of the cortex need regions and maps");
  for (size_t v = 0; v < spec->views; ++v) {
    const cf_cortex_view *view = spec->view + v;
    if (view->width == 0 || view->height == 0) return cf_fail(ctx, CF_ERR_USAGE, "view %zu of the cortex is empty", v);
    for (size_t i = 0; i < view->width * view->height; ++i)
      if (view->place[i] > 0 && (size_t)view->place[i] > spec->rois)
        return cf_fail(ctx, CF_ERR_INPUT, "view %zu of the cortex shows region %d of %zu", v, (int)view->place[i],
                       spec->rois);
  }
  for (size_t r = 0; spec->network && r < spec->rois; ++r)
    if (spec->network[r] >= spec->networks)
      return cf_fail(ctx, CF_ERR_INPUT, "network of region %zu is out of range", r);
  for (size_t m = 0; m < spec->maps; ++m) {
    if (!spec->map[m].value && !spec->map[m].category)
      return cf_fail(ctx, CF_ERR_USAGE, "map %zu of the cortex has neither values nor categories", m);
    for (size_t r = 0; spec->map[m].category && r < spec->rois; ++r)
      if (spec->map[m].category[r] != CF_NO_GROUP && spec->map[m].category[r] >= spec->groups)
        return cf_fail(ctx, CF_ERR_INPUT, "category of region %zu in map %zu is out of range", r, m);
  }
  return CF_OK;
}

/* Maps below one another, all views of each in a row. */
static cf_status draw_rows(cf_draw *draw, const cf_cortex_figure *spec, double *y) {
  cf_status status = CF_OK;
  const size_t smooth = spec->smooth ? spec->smooth : 3;
  const double room = cf_cortex_bar_room(spec), wide = draw->width - room - 4.0, top = *y;
  const double cell = wide / (double)spec->views;
  for (size_t v = 0; v < spec->views; ++v)
    if (spec->view[v].name)
      cf_draw_text(draw, 2.0 + cell * ((double)v + 0.5), *y + 5.0,
                   (cf_type){.size = 6, .anchor = CF_MIDDLE, .room = cell, .muted = true}, spec->view[v].name);
  *y += 8.0;
  for (size_t m = 0; m < spec->maps; ++m) {
    const double start = *y;
    if (spec->map[m].name) {
      cf_draw_text(draw, 2.0, *y + 6.5, (cf_type){.size = 7, .room = wide, .bold = true}, spec->map[m].name);
      *y += 9.0;
    }
    CF_TRY(draw_map(draw, spec, m, smooth, spec->views, (cf_box){2.0, *y, wide, 0.0}, y));
    if (spec->own_range) cf_cortex_bar(draw, spec, m, start + 10.0, CF_MAX(30.0, CF_MIN(90.0, *y - start - 16.0)));
    *y += 4.0;
  }
  if (!spec->own_range && room > 0.0)
    cf_cortex_bar(draw, spec, 0, top + 14.0, CF_MAX(40.0, CF_MIN(120.0, *y - top - 22.0)));
done:
  return status;
}

/* Many maps in a sheet, the views of each in two columns. */
static cf_status draw_sheet(cf_draw *draw, const cf_cortex_figure *spec, double *y) {
  cf_status status = CF_OK;
  const size_t smooth = spec->smooth ? spec->smooth : 6, across = spec->views > 1 ? 2 : 1, columns = 5;
  const double room = cf_cortex_bar_room(spec), cell = (draw->width - room - 4.0) / (double)columns, top = *y;
  double bottom = *y, row = *y;
  for (size_t m = 0; m < spec->maps; ++m) {
    const double x = 2.0 + cell * (double)(m % columns);
    double below = row;
    if (m > 0 && m % columns == 0) row = bottom + 5.0;
    if (spec->map[m].name)
      cf_draw_text(draw, x, row + 6.0, (cf_type){.size = 6.5, .room = cell - 4.0, .bold = true}, spec->map[m].name);
    CF_TRY(draw_map(draw, spec, m, smooth, across, (cf_box){x, row + 8.5, cell - 7.0, 0.0}, &below));
    bottom = CF_MAX(bottom, below);
  }
  *y = bottom + 4.0;
  cf_cortex_bar(draw, spec, 0, top + 8.0, CF_MAX(40.0, CF_MIN(120.0, bottom - top - 16.0)));
done:
  return status;
}

cf_status cf_figure_cortex(cf_context *ctx, const cf_cortex_figure *spec, const cf_figure_options *options,
                           cf_figure **out) {
  cf_status status = CF_OK;
  cf_draw draw;
  cf_draw_begin(&draw, ctx, "cf-cortex", options, spec->views == 1 || spec->views == 2 ? 120.0 : CF_FIGURE_TWO_COLUMNS);
  double y = draw.top;
  CF_TRY(check(ctx, spec));
  if (spec->views == 0)
    y = cf_cortex_chart(&draw, spec, y);
  else
    CF_TRY(spec->maps > MOST_ROWS ? draw_sheet(&draw, spec, &y) : draw_rows(&draw, spec, &y));
  if (spec->groups && spec->group_name)
    y = cf_draw_legend(&draw, 2.0, y + 2.0, draw.width - 4.0, spec->groups, spec->group_name);
  return cf_draw_finish(&draw, y, out);
done:
  cf_text_free(&draw.body);
  return status;
}
