/* Heat map of a table of numbers, its rows in a tree, rows and columns with strips of their groups. */
#include "figure/draw.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { RECTS_UP_TO = 3000 };

typedef struct heat {
  cf_draw draw;
  const cf_heat_figure *spec;
  double low, high;
  cf_box box;
} heat;

static size_t at(const cf_heat_side *side, size_t i) {
  return side->order ? side->order[i] : i;
}

static cf_status check_side(cf_context *ctx, const cf_heat_side *side) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  unsigned char *seen = NULL;
  if (side->n == 0) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "a heat map needs rows and columns"));
  for (size_t i = 0; side->group && i < side->n; ++i)
    if (side->group[i] >= side->groups)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "group of entry %zu of the heat map is out of range", i));
  CF_TRY(CF_SCRATCH(ctx, &seen, side->n));
  memset(seen, 0, side->n);
  for (size_t i = 0; side->order && i < side->n; ++i) {
    if (side->order[i] >= side->n || seen[side->order[i]])
      CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "order of the heat map is not a permutation (position %zu)", i));
    seen[side->order[i]] = 1;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static void find_range(heat *h) {
  const cf_heat_figure *s = h->spec;
  h->low = INFINITY;
  h->high = -INFINITY;
  for (size_t k = 0; k < s->row.n * s->column.n; ++k)
    if (isfinite(s->value[k])) h->low = CF_MIN(h->low, s->value[k]), h->high = CF_MAX(h->high, s->value[k]);
  if (h->low > h->high) h->low = 0.0, h->high = 1.0;
  if (s->diverging) {
    h->high = CF_MAX(fabs(h->low), fabs(h->high));
    h->low = -h->high;
  }
  if (!(h->high > h->low)) h->high = h->low + (h->low != 0.0 ? 0.1 * fabs(h->low) : 1.0);
}

static void colour_of(const heat *h, size_t row, size_t column, unsigned char rgb[3]) {
  const double v = h->spec->value[row * h->spec->column.n + column];
  cf_figure_map(h->spec->diverging ? CF_MAP_DIVERGING : CF_MAP_SEQUENTIAL,
                isfinite(v) ? (v - h->low) / (h->high - h->low) : NAN, rgb);
}

static const char *name_of(const cf_heat_side *side, size_t i, char *buffer, size_t size) {
  if (side->label) return side->label[i];
  snprintf(buffer, size, "%s %zu", side->title ? side->title : "", i + 1);
  return buffer;
}

static void draw_rects(heat *h) {
  const cf_heat_figure *s = h->spec;
  const double w = h->box.w / (double)s->column.n, t = h->box.h / (double)s->row.n;
  char a[64], b[64], value[64];
  cf_text_put(&h->draw.body, "<g class=\"cf-cells\" shape-rendering=\"crispEdges\">\n");
  for (size_t r = 0; r < s->row.n; ++r)
    for (size_t c = 0; c < s->column.n; ++c) {
      const size_t i = at(&s->row, r), j = at(&s->column, c);
      unsigned char rgb[3];
      char hex[8];
      colour_of(h, i, j, rgb);
      cf_hex(rgb, hex);
      cf_text_write(&h->draw.body,
                    "<rect x=\"$n\" y=\"$n\" width=\"$n\" height=\"$n\" fill=\"$s\" data-value=\"$v\"><title>$t, $t: "
                    "$s</title></rect>\n",
                    h->box.x + w * (double)c, h->box.y + t * (double)r, w + 0.1, t + 0.1, hex,
                    s->value[i * s->column.n + j], name_of(&s->row, i, a, sizeof a),
                    name_of(&s->column, j, b, sizeof b),
                    cf_text_value(s->value[i * s->column.n + j], value, sizeof value));
    }
  cf_text_put(&h->draw.body, "</g>\n");
}

static cf_status draw_picture(heat *h) {
  cf_status status = CF_OK;
  const cf_heat_figure *s = h->spec;
  const cf_mark mark = cf_scratch_mark(h->draw.ctx);
  unsigned char *rgb = NULL;
  CF_TRY(CF_SCRATCH(h->draw.ctx, &rgb, 3 * s->row.n * s->column.n));
  for (size_t r = 0; r < s->row.n; ++r)
    for (size_t c = 0; c < s->column.n; ++c)
      colour_of(h, at(&s->row, r), at(&s->column, c), rgb + 3 * (r * s->column.n + c));
  CF_TRY(cf_draw_picture(&h->draw, s->column.n, s->row.n, 3, rgb, h->box, false));
done:
  cf_scratch_release(h->draw.ctx, mark);
  return status;
}

/* Runs of one group: beside the rows, or above the columns, these with their names where they fit. */
static void draw_strip(heat *h, const cf_heat_side *side, bool upright) {
  const double length = upright ? h->box.h : h->box.w, cell = length / (double)side->n;
  cf_text_put(&h->draw.body, "<g class=\"cf-groups\" shape-rendering=\"crispEdges\">\n");
  for (size_t from = 0, to; from < side->n; from = to) {
    const size_t g = side->group[at(side, from)];
    for (to = from; to < side->n && side->group[at(side, to)] == g; ++to) {
    }
    const double start = cell * (double)from, run = cell * (double)(to - from);
    const cf_box b = upright ? (cf_box){h->box.x - 5.5, h->box.y + start, 4.0, run}
                             : (cf_box){h->box.x + start, h->box.y - 5.5, run, 4.0};
    /* only rows have colours of their own: networks of columns are told apart by their names */
    cf_text_write(&h->draw.body, upright ? "<rect class=\"cf-c$i\"" : "<rect class=\"cf-strip\" data-group=\"$i\"",
                  upright ? (int)(g % 10) : (int)g);
    cf_text_write(&h->draw.body, " x=\"$n\" y=\"$n\" width=\"$n\" height=\"$n\" fill=\"$s\"><title>$t</title></rect>\n",
                  b.x, b.y, b.w, b.h,
                  upright ? cf_figure_colour(g)
                  : g % 2 ? "#8a96a3"
                          : "#c3cbd3",
                  side->group_name[g]);
  }
  cf_text_put(&h->draw.body, "</g>\n");
  if (upright) return;
  for (size_t from = 0, to; from < side->n; from = to) {
    const size_t g = side->group[at(side, from)];
    for (to = from; to < side->n && side->group[at(side, to)] == g; ++to) {
    }
    const double run = cell * (double)(to - from);
    if (run > 9.0)
      cf_draw_text(&h->draw, h->box.x + cell * (double)from + 0.5 * run, h->box.y - 8.0,
                   (cf_type){.size = 6.0, .room = run - 1.0, .anchor = CF_MIDDLE, .muted = true}, side->group_name[g]);
  }
}

/* Tree at the left of x: a node's y is the mean of its children's. */
static cf_status draw_tree(heat *h, double x, double depth) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(h->draw.ctx);
  const size_t n = h->spec->row.n;
  const double *merge = h->spec->merge;
  double *centre = NULL, *level = NULL, top = 0.0;
  CF_TRY(CF_SCRATCH(h->draw.ctx, &centre, 2 * n));
  CF_TRY(CF_SCRATCH(h->draw.ctx, &level, 2 * n));
  for (size_t i = 0; i < n; ++i) {
    centre[at(&h->spec->row, i)] = h->box.y + h->box.h * ((double)i + 0.5) / (double)n;
    level[i] = 0.0;
  }
  for (size_t k = 0; k + 1 < n; ++k) top = CF_MAX(top, merge[4 * k + 2]);
  if (!(top > 0.0)) top = 1.0;
  cf_text_put(&h->draw.body, "<g class=\"cf-tree\" fill=\"none\" stroke=\"" CF_MUTED "\" stroke-width=\"0.6\">\n");
  for (size_t k = 0; k + 1 < n; ++k) {
    const double a = merge[4 * k], b = merge[4 * k + 1], height = merge[4 * k + 2];
    if (!(a >= 0 && b >= 0 && a < (double)(n + k) && b < (double)(n + k)))
      CF_TRY(cf_fail(h->draw.ctx, CF_ERR_INPUT,
                     "merge %zu of the heat map's tree names a cluster that is not there yet", k));
    const size_t ia = (size_t)a, ib = (size_t)b;
    cf_text_write(&h->draw.body, "<path d=\"M$n $nH$nV$nH$n\" data-height=\"$v\"/>\n", x - depth * level[ia] / top,
                  centre[ia], x - depth * height / top, centre[ib], x - depth * level[ib] / top, height);
    centre[n + k] = 0.5 * (centre[ia] + centre[ib]);
    level[n + k] = height;
  }
  cf_text_put(&h->draw.body, "</g>\n");
done:
  cf_scratch_release(h->draw.ctx, mark);
  return status;
}

static double widest(const cf_heat_side *side) {
  double most = 0.0;
  for (size_t i = 0; side->label && i < side->n; ++i) most = CF_MAX(most, cf_text_width(side->label[i]));
  return most;
}

/* Names of the columns below, turned; returns the y below them. */
static double draw_columns(heat *h) {
  const cf_heat_side *side = &h->spec->column;
  const double cell = h->box.w / (double)side->n, size = CF_MIN(6.0, 0.95 * cell), y = h->box.y + h->box.h;
  if (!side->label || size < 3.4) {
    char text[160];
    snprintf(text, sizeof text, "%zu %s", side->n, side->title ? side->title : "columns");
    cf_draw_text(&h->draw, h->box.x + 0.5 * h->box.w, y + 9.0,
                 (cf_type){.size = 6.5, .anchor = CF_MIDDLE, .muted = true, .room = h->box.w}, text);
    return y + 12.0;
  }
  const double room = CF_MIN(60.0, size * widest(side));
  for (size_t c = 0; c < side->n; ++c)
    cf_draw_text(&h->draw, h->box.x + cell * ((double)c + 0.5) + 0.35 * size, y + 3.0,
                 (cf_type){.size = size, .anchor = CF_END, .angle = -90, .room = room + 0.5}, side->label[at(side, c)]);
  return y + room + 6.0;
}

static cf_status draw_heat(heat *h, double *bottom) {
  cf_status status = CF_OK;
  const cf_heat_figure *s = h->spec;
  const double bar = 46.0, tree = s->merge && s->row.n > 1 ? 34.0 : 0.0;
  const double thick = CF_MAX(2.0, CF_MIN(9.0, 360.0 / (double)s->row.n));
  const double size = CF_MIN(6.5, 0.92 * thick), strip = s->row.group ? 7.0 : 0.0;
  const double room =
      s->row.label && size >= 3.4 ? CF_MIN(0.2 * h->draw.width, 1.1 * size * widest(&s->row)) + 4.0 : 0.0;
  h->box.x = 3.0 + tree + room + strip;
  h->box.y = h->draw.top + (s->column.group ? 16.0 : 2.0);
  h->box.w = h->draw.width - h->box.x - bar;
  h->box.h = thick * (double)s->row.n;
  if (tree > 0.0) CF_TRY(draw_tree(h, 3.0 + tree - 1.0, tree - 3.0));
  if (s->row.n * s->column.n <= RECTS_UP_TO)
    draw_rects(h);
  else
    CF_TRY(draw_picture(h));
  if (s->row.group) draw_strip(h, &s->row, true);
  if (s->column.group) draw_strip(h, &s->column, false);
  for (size_t r = 0; r < s->row.n && room > 0.0; ++r)
    cf_draw_text(&h->draw, h->box.x - strip - 2.0, h->box.y + thick * ((double)r + 0.5) + 0.35 * size,
                 (cf_type){.size = size, .anchor = CF_END, .room = room - 1.0}, s->row.label[at(&s->row, r)]);
  cf_draw_colourbar(&h->draw, s->diverging ? CF_MAP_DIVERGING : CF_MAP_SEQUENTIAL, h->low, h->high, s->quantity,
                    h->box.x + h->box.w + 8.0, h->box.y, CF_MIN(120.0, CF_MAX(40.0, h->box.h)));
  *bottom = CF_MAX(draw_columns(h), h->box.y + CF_MIN(120.0, CF_MAX(40.0, h->box.h)) + 6.0);
  if (s->row.group)
    *bottom = cf_draw_legend(&h->draw, h->box.x, *bottom + 3.0, h->box.w, s->row.groups, s->row.group_name);
done:
  return status;
}

cf_status cf_figure_heat(cf_context *ctx, const cf_heat_figure *spec, const cf_figure_options *options,
                         cf_figure **out) {
  cf_status status = CF_OK;
  heat h = {.spec = spec};
  double bottom = 0.0;
  cf_draw_begin(&h.draw, ctx, "cf-heat", options, CF_FIGURE_TWO_COLUMNS);
  CF_TRY(check_side(ctx, &spec->row));
  CF_TRY(check_side(ctx, &spec->column));
  find_range(&h);
  CF_TRY(draw_heat(&h, &bottom));
  return cf_draw_finish(&h.draw, bottom, out);
done:
  cf_text_free(&h.draw.body);
  return status;
}
