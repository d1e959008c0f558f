/* RDM heat maps, grids of RDMs, and distance matrices with a dendrogram.
 *
 * Up to n = 60 each cell is a rectangle that knows its pair and value (data-i, data-j, data-value, <title>); above that
 * the cells are one embedded PNG of n x n pixels shown without smoothing.          */
#include "figure/draw.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { RECTS_UP_TO = 60, NUMBERS_UP_TO = 10 };

typedef struct range {
  double low, high;
} range;

static bool shown(const cf_matrix_figure *spec, size_t i, size_t j) {
  return spec->keep_diagonal || i != j;
}

static range value_range(const cf_matrix_figure *spec) {
  range r = {INFINITY, -INFINITY};
  for (size_t p = 0; p < spec->panels; ++p)
    for (size_t i = 0; i < spec->n; ++i)
      for (size_t j = 0; j < spec->n; ++j) {
        double v = spec->panel[p].values[i * spec->n + j];
        if (!shown(spec, i, j) || !isfinite(v)) continue;
        r.low = CF_MIN(r.low, v);
        r.high = CF_MAX(r.high, v);
      }
  if (r.low > r.high) r.low = 0.0, r.high = 1.0;
  if (isfinite(spec->low)) r.low = spec->low;
  if (isfinite(spec->high)) r.high = spec->high;
  if (spec->diverging) {
    r.high = CF_MAX(fabs(r.low), fabs(r.high));
    r.low = -r.high;
  }
  if (!(r.high > r.low)) r.high = r.low + (r.low != 0.0 ? 0.1 * fabs(r.low) : 1.0);
  return r;
}

static cf_status check(cf_context *ctx, const cf_matrix_figure *spec) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  unsigned char *seen = NULL;
  if (spec->n == 0 || spec->panels == 0)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "a matrix figure needs conditions and panels"));
  if (spec->group)
    for (size_t i = 0; i < spec->n; ++i)
      if (spec->group[i] >= spec->groups)
        CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "category of condition %zu is out of range", i));
  if (spec->order) {
    CF_TRY(CF_SCRATCH(ctx, &seen, spec->n));
    memset(seen, 0, spec->n);
    for (size_t i = 0; i < spec->n; ++i) {
      if (spec->order[i] >= spec->n || seen[spec->order[i]])
        CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "order of the matrix figure is not a permutation (position %zu)", i));
      seen[spec->order[i]] = 1;
    }
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static size_t at(const cf_matrix_figure *spec, size_t i) {
  return spec->order ? spec->order[i] : i;
}

static const char *label_of(const cf_matrix_figure *spec, size_t i, char *buffer, size_t size) {
  if (spec->label) return spec->label[i];
  snprintf(buffer, size, "%zu", i + 1);
  return buffer;
}

static void colour_of(const cf_matrix_figure *spec, range r, size_t i, size_t j, double v, unsigned char rgb[3]) {
  cf_figure_map(spec->diverging ? CF_MAP_DIVERGING : CF_MAP_SEQUENTIAL,
                shown(spec, i, j) && isfinite(v) ? (v - r.low) / (r.high - r.low) : NAN, rgb);
  if (!shown(spec, i, j)) rgb[0] = rgb[1] = rgb[2] = 224;
}

static cf_status draw_picture(cf_draw *draw, const cf_matrix_figure *spec, const double *values, range r, double x,
                              double y, double side) {
  cf_status status = CF_OK;
  size_t n = spec->n, cells = 0;
  unsigned char *rgb = NULL;
  cf_mark mark = cf_scratch_mark(draw->ctx);
  CF_TRY(cf_size_mul(draw->ctx, n, n, &cells));
  CF_TRY(cf_size_mul(draw->ctx, cells, 3, &cells));
  CF_TRY(CF_SCRATCH(draw->ctx, &rgb, cells));
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n; ++j)
      colour_of(spec, r, at(spec, i), at(spec, j), values[at(spec, i) * n + at(spec, j)], rgb + 3 * (i * n + j));
  CF_TRY(cf_draw_picture(draw, n, n, 3, rgb, (cf_box){x, y, side, side}, false));
done:
  cf_scratch_release(draw->ctx, mark);
  return status;
}

static void draw_cells(cf_draw *draw, const cf_matrix_figure *spec, const double *values, range r, double x, double y,
                       double side, bool titles) {
  size_t n = spec->n;
  double cell = side / (double)n;
  char a[32], b[32], text[64];
  cf_text_put(&draw->body, "<g class=\"cf-cells\" shape-rendering=\"crispEdges\">\n");
  for (size_t row = 0; row < n; ++row)
    for (size_t col = 0; col < n; ++col) {
      size_t i = at(spec, row), j = at(spec, col);
      double v = values[i * n + j];
      unsigned char c[3];
      char hex[8];
      colour_of(spec, r, i, j, v, c);
      snprintf(hex, sizeof hex, "#%02x%02x%02x", c[0], c[1], c[2]);
      cf_text_write(&draw->body, "<rect x=\"$n\" y=\"$n\" width=\"$n\" height=\"$n\" fill=\"$s\"",
                    x + cell * (double)col, y + cell * (double)row, cell, cell, hex);
      if (!titles) {
        cf_text_put(&draw->body, "/>\n");
        continue;
      }
      cf_text_write(&draw->body, " data-i=\"$i\" data-j=\"$i\" data-value=\"$v\"><title>$t – $t: $s</title></rect>\n",
                    (int)i, (int)j, v, label_of(spec, i, a, sizeof a), label_of(spec, j, b, sizeof b),
                    shown(spec, i, j) ? cf_text_value(v, text, sizeof text) : "same");
    }
  cf_text_put(&draw->body, "</g>\n");
  if (!titles || n > NUMBERS_UP_TO || cell < 13.0) return;
  cf_ticks ticks;
  cf_ticks_make(r.low, r.high, 5, &ticks);
  int decimals = ticks.exponent ? -1 : CF_MIN(4, ticks.decimals + 1);
  cf_text_put(&draw->body, "<g class=\"cf-numbers\" pointer-events=\"none\" text-anchor=\"middle\">\n");
  for (size_t row = 0; row < n; ++row)
    for (size_t col = 0; col < n; ++col) {
      size_t i = at(spec, row), j = at(spec, col);
      double v = values[i * n + j];
      unsigned char c[3];
      if (!shown(spec, i, j) || !isfinite(v)) continue;
      colour_of(spec, r, i, j, v, c);
      if (decimals < 0)
        cf_text_value(v, text, sizeof text);
      else
        cf_text_fixed(v, decimals, text, sizeof text);
      double size = CF_MIN(6.5, 0.88 * cell / CF_MAX(1.0, cf_text_width(text)));
      if (size >= 4.0)
        cf_text_write(&draw->body, "<text x=\"$n\" y=\"$n\" font-size=\"$n\" fill=\"$s\">$t</text>\n",
                      x + cell * ((double)col + 0.5), y + cell * ((double)row + 0.5) + 0.35 * size, size, cf_ink_on(c),
                      text);
    }
  cf_text_put(&draw->body, "</g>\n");
}

/* Runs of equal category along the top and the left. */
static void draw_groups(cf_draw *draw, const cf_matrix_figure *spec, double x, double y, double side, double thick) {
  double cell = side / (double)spec->n;
  cf_text_put(&draw->body, "<g class=\"cf-groups\" shape-rendering=\"crispEdges\">\n");
  for (size_t from = 0; from < spec->n;) {
    size_t g = spec->group[at(spec, from)], to = from;
    while (to < spec->n && spec->group[at(spec, to)] == g) ++to;
    double start = cell * (double)from, length = cell * (double)(to - from);
    const char *fill = cf_figure_colour(g), *name = spec->group_name ? spec->group_name[g] : "";
    cf_text_write(
        &draw->body,
        "<rect class=\"cf-c$i\" x=\"$n\" y=\"$n\" width=\"$n\" height=\"$n\" fill=\"$s\"><title>$t</title></rect>\n",
        (int)(g % 10), x + start, y - thick - 1.5, length, thick, fill, name);
    cf_text_write(
        &draw->body,
        "<rect class=\"cf-c$i\" x=\"$n\" y=\"$n\" width=\"$n\" height=\"$n\" fill=\"$s\"><title>$t</title></rect>\n",
        (int)(g % 10), x - thick - 1.5, y + start, thick, length, fill, name);
    from = to;
  }
  cf_text_put(&draw->body, "</g>\n");
}

static void draw_bar(cf_draw *draw, const cf_matrix_figure *spec, range r, double x, double y, double height) {
  cf_draw_colourbar(draw, spec->diverging ? CF_MAP_DIVERGING : CF_MAP_SEQUENTIAL, r.low, r.high, spec->quantity, x, y,
                    height);
}

/* Tree above the matrix: a node's x is the mean of its children's, its y the height of the merge. */
static cf_status draw_tree(cf_draw *draw, const cf_matrix_figure *spec, double x, double y, double side,
                           double height) {
  cf_status status = CF_OK;
  size_t n = spec->n, nodes = 2 * n - 1;
  double *centre = NULL, *level = NULL, top = 0.0;
  cf_mark mark = cf_scratch_mark(draw->ctx);
  CF_TRY(CF_SCRATCH(draw->ctx, &centre, nodes));
  CF_TRY(CF_SCRATCH(draw->ctx, &level, nodes));
  for (size_t i = 0; i < n; ++i) {
    centre[at(spec, i)] = x + side * ((double)i + 0.5) / (double)n;
    level[i] = 0.0;
  }
  for (size_t k = 0; k + 1 < n; ++k) top = CF_MAX(top, spec->merge[3 * k + 2]);
  if (!(top > 0.0)) top = 1.0;
  cf_text_put(&draw->body, "<g class=\"cf-tree\" fill=\"none\" stroke=\"" CF_MUTED "\" stroke-width=\"0.6\">\n");
  for (size_t k = 0; k + 1 < n; ++k) {
    double a = spec->merge[3 * k], b = spec->merge[3 * k + 1];
    if (!(a >= 0 && b >= 0 && a < (double)(n + k) && b < (double)(n + k)))
      CF_TRY(cf_fail(draw->ctx, CF_ERR_INPUT, "merge %zu of the dendrogram names a cluster that is not there yet", k));
    size_t ia = (size_t)a, ib = (size_t)b;
    double h = spec->merge[3 * k + 2], up = y - height * h / top;
    cf_text_write(&draw->body, "<path d=\"M$n $nV$nH$nV$n\" data-height=\"$v\"/>\n", centre[ia],
                  y - height * level[ia] / top, up, centre[ib], y - height * level[ib] / top, h);
    centre[n + k] = 0.5 * (centre[ia] + centre[ib]);
    level[n + k] = h;
  }
  cf_text_put(&draw->body, "</g>\n");
done:
  cf_scratch_release(draw->ctx, mark);
  return status;
}

static cf_status draw_single(cf_draw *draw, const cf_matrix_figure *spec, range r, double *bottom) {
  cf_status status = CF_OK;
  size_t n = spec->n;
  const double thick = 4.0, bar = 44.0;
  double side0 = draw->width - bar - 8.0, size = 6.5, left = 3.0;
  bool labels = spec->label != NULL;
  if (labels) {
    double widest = 0.0;
    for (size_t i = 0; i < n; ++i) widest = CF_MAX(widest, cf_text_width(spec->label[i]));
    double room = CF_MIN(0.3 * draw->width, size * widest);
    double cell = (side0 - room) / (double)n;
    size = CF_MIN(6.5, 0.92 * cell);
    labels = size >= 3.4;
    if (labels) left += CF_MIN(0.3 * draw->width, size * widest) + 2.5;
  }
  double room = left - 5.5, x = left + (spec->group ? thick + 1.5 : 0.0);
  double y = draw->top + (spec->group ? thick + 1.5 : 0.0);
  double tree = spec->merge && n > 1 ? 26.0 : 0.0;
  double side = draw->width - x - bar;
  y += tree;
  if (tree > 0.0) CF_TRY(draw_tree(draw, spec, x, y - (spec->group ? thick + 3.0 : 1.0), side, tree - 3.0));
  cf_text_write(&draw->body, "<g class=\"cf-panel\" data-name=\"$t\">\n",
                spec->panel[0].title ? spec->panel[0].title : "");
  if (n <= RECTS_UP_TO && !spec->picture)
    draw_cells(draw, spec, spec->panel[0].values, r, x, y, side, true);
  else
    CF_TRY(draw_picture(draw, spec, spec->panel[0].values, r, x, y, side));
  cf_text_put(&draw->body, "</g>\n");
  if (spec->group) draw_groups(draw, spec, x, y, side, thick);
  double below = y + side + 3.0;
  if (labels) {
    double cell = side / (double)n, deepest = 0.0;
    cf_text_put(&draw->body, "<g class=\"cf-labels\">\n");
    for (size_t i = 0; i < n; ++i) {
      const char *text = spec->label[at(spec, i)];
      double middle = cell * ((double)i + 0.5) + 0.35 * size;
      cf_draw_text(draw, x - (spec->group ? thick + 1.5 : 0.0) - 2.0, y + middle,
                   (cf_type){.size = size, .anchor = CF_END, .room = room + 0.5}, text);
      cf_draw_text(draw, x + middle, y + side + 3.0,
                   (cf_type){.size = size, .anchor = CF_END, .angle = -90, .room = room + 0.5}, text);
      deepest = CF_MAX(deepest, CF_MIN(room, size * cf_text_width(text)));
    }
    cf_text_put(&draw->body, "</g>\n");
    below += deepest + 1.0;
  }
  draw_bar(draw, spec, r, x + side + 8.0, y, CF_MIN(side, 120.0));
  if (spec->group && spec->group_name)
    below = cf_draw_legend(draw, x, below + 3.0, side + bar - 4.0, spec->groups, spec->group_name);
  *bottom = below;
done:
  return status;
}

static cf_status draw_grid(cf_draw *draw, const cf_matrix_figure *spec, range r, double *bottom) {
  cf_status status = CF_OK;
  const double bar = 44.0, gap = 7.0, head = 9.5;
  double space = draw->width - bar - 4.0;
  size_t most = CF_MAX(1, (size_t)(space / 62.0)), cols = CF_MIN(spec->panels, most);
  size_t rows = (spec->panels + cols - 1) / cols;
  cols = (spec->panels + rows - 1) / rows; /* even rows */
  double side = CF_MIN(130.0, (space + gap) / (double)cols - gap);
  for (size_t p = 0; p < spec->panels; ++p) {
    double x = 3.0 + (double)(p % cols) * (side + gap), y = draw->top + (double)(p / cols) * (side + gap + head) + head;
    cf_text_write(&draw->body, "<g class=\"cf-panel\" data-name=\"$t\">\n",
                  spec->panel[p].title ? spec->panel[p].title : "");
    if (spec->panel[p].title)
      cf_draw_text(draw, x, y - 3.0, (cf_type){.size = 6.5, .room = side}, spec->panel[p].title);
    if (spec->n <= 24 && spec->panels <= 24 && !spec->picture)
      draw_cells(draw, spec, spec->panel[p].values, r, x, y, side, false);
    else
      CF_TRY(draw_picture(draw, spec, spec->panel[p].values, r, x, y, side));
    cf_text_put(&draw->body, "</g>\n");
  }
  double height = (double)rows * (side + gap + head) - gap;
  double right = 3.0 + (double)cols * (side + gap) - gap + 9.0;
  draw_bar(draw, spec, r, right, draw->top + head, CF_MIN(120.0, CF_MAX(side, CF_MIN(height - head, 90.0))));
  *bottom = draw->top + height + 2.0;
done:
  return status;
}

cf_status cf_figure_matrix(cf_context *ctx, const cf_matrix_figure *spec, const cf_figure_options *options,
                           cf_figure **out) {
  cf_status status = CF_OK;
  cf_draw draw;
  double bottom = 0.0;
  cf_draw_begin(&draw, ctx, "cf-matrix", options,
                spec->panels > 1 ? CF_FIGURE_TWO_COLUMNS
                : spec->n > 30   ? 120.0
                                 : CF_FIGURE_ONE_COLUMN);
  CF_TRY(check(ctx, spec));
  range r = value_range(spec);
  if (spec->panels == 1)
    CF_TRY(draw_single(&draw, spec, r, &bottom));
  else
    CF_TRY(draw_grid(&draw, spec, r, &bottom));
  return cf_draw_finish(&draw, bottom, out);
done:
  cf_text_free(&draw.body);
  return status;
}
