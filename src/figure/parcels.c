/* Maps of the cortex as a flat chart: a square tile for each region, networks as blocks beside one another, of each
 * block the left hemisphere above, the right one below. Where no surface is known this shows what lies where. */
#include "figure/cortex.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_ROWS = 12 };

/* Tiles: `rows` of them for each side of a hemisphere; the others when regions have no side. */
typedef struct chart {
  size_t rows, blocks, halves; /* halves 2: left and right */
  double tile, gap, x;
} chart;

static size_t network_of(const cf_cortex_figure *spec, size_t r) {
  return spec->network ? spec->network[r] : 0;
}

/* Half of the chart that a region lies in: those of neither side are put where there is room for them: below. */
static size_t half_of(const cf_cortex_figure *spec, const chart *c, size_t r) {
  return c->halves == 2 && spec->side[r] >= 0 ? 1 : 0;
}

static size_t regions_in(const cf_cortex_figure *spec, const chart *c, size_t block, size_t half) {
  size_t n = 0;
  for (size_t r = 0; r < spec->rois; ++r) n += network_of(spec, r) == block && half_of(spec, c, r) == half;
  return n;
}

/* Columns of tiles that a block takes. */
static size_t columns_of(const cf_cortex_figure *spec, const chart *c, size_t block) {
  size_t most = 0;
  for (size_t h = 0; h < c->halves; ++h) most = CF_MAX(most, regions_in(spec, c, block, h));
  return (most + c->rows - 1) / c->rows;
}

/* The least number of rows with which tiles of a fair size fit into the width. */
static chart lay_out(const cf_cortex_figure *spec, double width) {
  chart c = {.blocks = spec->network ? spec->networks : 1, .halves = 1, .gap = 5.0, .x = 12.0};
  bool left = false, right = false;
  for (size_t r = 0; spec->side && r < spec->rois; ++r) left |= spec->side[r]<0, right |= spec->side[r]> 0;
  if (left && right) c.halves = 2;
  for (c.rows = 1;; ++c.rows) {
    size_t columns = 0;
    for (size_t b = 0; b < c.blocks; ++b) columns += columns_of(spec, &c, b);
    c.tile = (width - c.x - c.gap * (double)(c.blocks - 1)) / (double)CF_MAX(columns, (size_t)1);
    if (c.tile >= 7.0 || c.rows == MOST_ROWS) break;
  }
  c.tile = CF_MIN(11.0, CF_MAX(0.8, c.tile));
  return c;
}

static void draw_tiles(cf_draw *draw, const cf_cortex_figure *spec, size_t map, const chart *c, size_t block,
                       double left, double top) {
  const double inset = c->tile > 3.0 ? 0.5 : 0.1;
  char hex[8], words[256];
  cf_cortex_range range;
  size_t at[2] = {0, 0};
  cf_cortex_find_range(spec, map, &range);
  for (size_t r = 0; r < spec->rois; ++r) {
    unsigned char rgb[3];
    if (network_of(spec, r) != block) continue;
    const size_t half = half_of(spec, c, r), k = at[half]++;
    const double x = left + c->tile * (double)(k / c->rows),
                 y = top + c->tile * (double)(k % c->rows) + (half ? (double)c->rows * c->tile + 2.5 : 0.0);
    cf_cortex_colour(spec, map, &range, r, rgb);
    cf_hex(rgb, hex);
    cf_cortex_words(spec, map, r, words, sizeof words);
    cf_text_write(&draw->body,
                  "<rect class=\"cf-tile\" data-i=\"$i\" x=\"$n\" y=\"$n\" width=\"$n\" height=\"$n\" "
                  "fill=\"$s\"><title>$t</title></rect>\n",
                  (int)r, x, y, c->tile - inset, c->tile - inset, hex, words);
  }
}

/* Names of the networks above their blocks; turned when some are wider than theirs. Returns the y below them. */
static double draw_names(cf_draw *draw, const cf_cortex_figure *spec, const chart *c, double y) {
  bool turned = false;
  double deepest = 8.0, x = c->x;
  if (!spec->network || !spec->network_name) return y;
  for (size_t b = 0; b < c->blocks; ++b)
    turned |= 6.5 * cf_text_width(spec->network_name[b]) > c->tile * (double)columns_of(spec, c, b) + c->gap;
  for (size_t b = 0; b < c->blocks && turned; ++b)
    deepest = CF_MAX(deepest, 6.0 + 0.6 * CF_MIN(70.0, 6.5 * cf_text_width(spec->network_name[b])));
  for (size_t b = 0; b < c->blocks; ++b) {
    const double wide = c->tile * (double)columns_of(spec, c, b);
    if (turned)
      cf_draw_text(draw, x + 2.0, y + deepest - 2.0, (cf_type){.size = 6.5, .angle = -35, .room = 70.0},
                   spec->network_name[b]);
    else
      cf_draw_text(draw, x + 0.5 * wide, y + 6.0, (cf_type){.size = 6.5, .anchor = CF_MIDDLE, .muted = true},
                   spec->network_name[b]);
    x += wide + c->gap;
  }
  return y + deepest + 1.0;
}

double cf_cortex_chart(cf_draw *draw, const cf_cortex_figure *spec, double top) {
  const double room = cf_cortex_bar_room(spec);
  const chart c = lay_out(spec, draw->width - room - 4.0);
  const double tall = c.tile * (double)c.rows, height = tall * (double)c.halves + (c.halves == 2 ? 2.5 : 0.0);
  double y = draw_names(draw, spec, &c, top);
  const double first = y;
  for (size_t m = 0; m < spec->maps; ++m) {
    const double start = y;
    double x = c.x;
    cf_text_write(&draw->body, "<g class=\"cf-panel\" data-name=\"$t\" shape-rendering=\"crispEdges\">\n",
                  spec->map[m].name ? spec->map[m].name : "");
    if (spec->map[m].name) {
      cf_draw_text(draw, 2.0, y + 6.0, (cf_type){.size = 7, .room = draw->width - room, .bold = true},
                   spec->map[m].name);
      y += 9.0;
    }
    for (size_t b = 0; b < c.blocks; ++b) {
      draw_tiles(draw, spec, m, &c, b, x, y);
      x += c.tile * (double)columns_of(spec, &c, b) + c.gap;
    }
    for (size_t h = 0; h < c.halves && c.halves == 2; ++h)
      cf_draw_text(draw, 3.0, y + tall * ((double)h + 0.5) + (h ? 2.5 : 0.0) + 2.2,
                   (cf_type){.size = 6.5, .muted = true}, h ? "R" : "L");
    cf_text_put(&draw->body, "</g>\n");
    y += height + 5.0;
    if (spec->own_range && !spec->map[m].category) { /* the bar's title is turned: it needs room in height */
      const char *title = spec->map[m].quantity ? spec->map[m].quantity : "";
      const double slot = CF_MAX(36.0, CF_MIN(66.0, 7.6 * cf_text_width(title) + 8.0));
      cf_cortex_bar(draw, spec, m, start + 4.0, CF_MAX(slot - 10.0, height));
      y = CF_MAX(y, start + slot);
    }
  }
  if (!spec->own_range && room > 0.0) {
    const double bar = CF_MAX(40.0, CF_MIN(120.0, y - first - 10.0));
    cf_cortex_bar(draw, spec, 0, first + 4.0, bar);
    y = CF_MAX(y, first + bar + 8.0);
  }
  return y;
}
