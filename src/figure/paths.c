/* Trajectories in three dimensions, the eye as in space.c. A trajectory is drawn in its colour; over its first third
 * lies ink that fades, so that it begins dark, and a dot ends it. Those farther from the eye are drawn first. */
#include "figure/draw.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DARK_PARTS = 6, MOST_POINTS = 9000 };

typedef struct projected {
  double *x, *y, *depth; /* n x steps, n x steps, n */
  size_t *order;
  double height;
} projected;

typedef struct keyed {
  double key;
  size_t i;
} keyed;

static int by_key(const void *a, const void *b) {
  const keyed *x = a, *y = b;
  if (x->key != y->key) return x->key < y->key ? -1 : 1;
  return (x->i > y->i) - (x->i < y->i);
}

static cf_status check(cf_context *ctx, const cf_paths_figure *spec) {
  cf_status status = CF_OK;
  if (spec->n == 0 || spec->steps == 0 || spec->panels == 0)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "a figure of trajectories needs trajectories and panels"));
  for (size_t i = 0; i < 3 * spec->n * spec->steps; ++i)
    if (!isfinite(spec->point[i]))
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "trajectory %zu is not finite", i / (3 * spec->steps)));
  for (size_t p = 0; p < spec->panels; ++p) CF_TRY(cf_colouring_check(ctx, spec->panel + p, spec->n));
done:
  return status;
}

/* Places in a box at the origin `side` wide. */
static cf_status project(cf_context *ctx, const cf_paths_figure *spec, const double turn[3][3], double side,
                         projected *m) {
  cf_status status = CF_OK;
  const double pad = 5.0;
  double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
  size_t all = spec->n * spec->steps;
  keyed *item = NULL;
  CF_TRY(CF_SCRATCH(ctx, &m->x, all));
  CF_TRY(CF_SCRATCH(ctx, &m->y, all));
  CF_TRY(CF_SCRATCH(ctx, &m->depth, spec->n));
  CF_TRY(CF_SCRATCH(ctx, &m->order, spec->n));
  CF_TRY(CF_SCRATCH(ctx, &item, spec->n));
  for (size_t i = 0; i < spec->n; ++i) m->depth[i] = 0.0;
  for (size_t i = 0; i < all; ++i) {
    double seen[3] = {0.0, 0.0, 0.0};
    for (int k = 0; k < 3; ++k)
      for (size_t c = 0; c < 3; ++c) seen[k] += turn[k][c] * spec->point[3 * i + c];
    m->x[i] = seen[0], m->y[i] = seen[1];
    m->depth[i / spec->steps] += seen[2];
    for (int k = 0; k < 2; ++k) low[k] = CF_MIN(low[k], seen[k]), high[k] = CF_MAX(high[k], seen[k]);
  }
  double per_point = CF_MAX((high[0] - low[0]) / (side - 2.0 * pad), (high[1] - low[1]) / (0.9 * side - 2.0 * pad));
  if (!(per_point > 0.0)) per_point = 1.0;
  m->height = CF_MAX(0.5 * side, (high[1] - low[1]) / per_point + 2.0 * pad);
  for (size_t i = 0; i < all; ++i) {
    m->x[i] = 0.5 * side + (m->x[i] - 0.5 * (low[0] + high[0])) / per_point;
    m->y[i] = 0.5 * m->height - (m->y[i] - 0.5 * (low[1] + high[1])) / per_point;
  }
  for (size_t i = 0; i < spec->n; ++i) item[i] = (keyed){m->depth[i], i};
  qsort(item, spec->n, sizeof *item, by_key);
  for (size_t i = 0; i < spec->n; ++i) m->order[i] = item[i].i;
done:
  return status;
}

/* Colour of trajectory i as attributes; `what`: "stroke" or "fill". */
static void paint(cf_draw *draw, const cf_colouring *c, size_t n, size_t i, const char *what) {
  unsigned char rgb[3];
  char hex[8];
  double low, high;
  bool themed = c->group ? !c->cyclic && c->groups <= 10 && c->group[i] != CF_NO_GROUP : !c->value;
  cf_colouring_range(c, n, &low, &high);
  if (c->group)
    cf_figure_category(c->group[i], c->groups, c->cyclic, rgb);
  else if (c->value)
    cf_figure_map(c->map, isfinite(c->value[i]) ? (c->value[i] - low) / (high - low) : NAN, rgb);
  else
    cf_figure_category(0, 1, false, rgb);
  cf_hex(rgb, hex);
  const char *css = strcmp(what, "stroke") == 0 ? "cf-stroke-c" : "cf-mark cf-c";
  if (themed)
    cf_text_write(&draw->body, "class=\"$s$i\" ", css, c->group ? (int)c->group[i] : 0);
  else if (css[3] == 'm')
    cf_text_put(&draw->body, "class=\"cf-mark\" ");
  cf_text_write(&draw->body, "$s=\"$s\" ", what, hex);
}

static void draw_path(cf_draw *draw, const cf_paths_figure *spec, const cf_colouring *c, size_t i, const double *x,
                      const double *y, size_t stride) {
  const size_t steps = spec->steps, dark = CF_MAX(steps / 3, CF_MIN(steps, (size_t)2));
  cf_text_put(&draw->body, "<path fill=\"none\" transform=\"scale(.1)\" ");
  paint(draw, c, spec->n, i, "stroke");
  cf_text_put(&draw->body, "stroke-width=\"9\" stroke-opacity=\"0.85\" stroke-linejoin=\"round\" d=\"");
  cf_draw_steps(draw, steps, x, y, stride);
  cf_text_put(&draw->body, "\"/>\n");
  for (size_t k = 0; k < DARK_PARTS; ++k) {
    size_t from = k * (dark - 1) / DARK_PARTS, to = (k + 1) * (dark - 1) / DARK_PARTS;
    if (to == from) continue;
    cf_text_write(&draw->body,
                  "<path class=\"cf-line\" fill=\"none\" transform=\"scale(.1)\" stroke=\"" CF_INK
                  "\" stroke-width=\"9\" stroke-opacity=\"$n\" d=\"",
                  0.9 * (1.0 - (double)k / DARK_PARTS));
    cf_draw_steps(draw, to - from + 1, x + from, y + from, stride);
    cf_text_put(&draw->body, "\"/>\n");
  }
  cf_text_write(&draw->body, "<circle class=\"cf-ink\" cx=\"$n\" cy=\"$n\" r=\"0.9\" fill=\"" CF_INK "\"/>\n<circle ",
                x[0], y[0]);
  paint(draw, c, spec->n, i, "fill");
  cf_text_write(&draw->body, "data-i=\"$i\" cx=\"$n\" cy=\"$n\" r=\"1.7\" stroke=\"#fff\" stroke-width=\"0.3\">",
                (int)i, x[steps - 1], y[steps - 1]);
  if (spec->label) cf_text_write(&draw->body, "<title>$t</title>", spec->label[i]);
  cf_text_put(&draw->body, "</circle>\n");
}

static cf_status draw_panel(cf_draw *draw, const cf_paths_figure *spec, const cf_colouring *c, const double turn[3][3],
                            cf_box box, const projected *m, double *bottom) {
  cf_status status = CF_OK;
  double *x = NULL, *y = NULL;
  size_t stride = CF_MAX((size_t)1, CF_MIN(spec->steps / 16, spec->n * spec->steps / MOST_POINTS));
  cf_mark mark = cf_scratch_mark(draw->ctx);
  CF_TRY(CF_SCRATCH(draw->ctx, &x, spec->steps));
  CF_TRY(CF_SCRATCH(draw->ctx, &y, spec->steps));
  cf_text_write(&draw->body, "<g class=\"cf-panel\" data-name=\"$t\">\n", c->title ? c->title : "");
  if (c->title) cf_draw_text(draw, box.x, box.y + 6.0, (cf_type){.size = 7, .room = box.w, .bold = true}, c->title);
  cf_text_put(&draw->body, "<g class=\"cf-points\">\n");
  for (size_t k = 0; k < spec->n; ++k) {
    size_t i = m->order[k];
    for (size_t t = 0; t < spec->steps; ++t) {
      x[t] = box.x + m->x[i * spec->steps + t];
      y[t] = box.y + 10.0 + m->y[i * spec->steps + t];
    }
    draw_path(draw, spec, c, i, x, y, stride);
  }
  cf_text_put(&draw->body, "</g>\n");
  cf_draw_triad(draw, spec->axis_name, turn, box.x + (spec->axis_name[0] ? 26.0 : 18.0), box.y + 10.0 + box.h + 17.0);
  double below = cf_draw_key(draw, c, spec->n, box.x, box.y + 10.0 + box.h + 32.0, box.w);
  *bottom = CF_MAX(*bottom, below);
  cf_text_put(&draw->body, "</g>\n");
done:
  cf_scratch_release(draw->ctx, mark);
  return status;
}

cf_status cf_figure_paths(cf_context *ctx, const cf_paths_figure *spec, const cf_figure_options *options,
                          cf_figure **out) {
  cf_status status = CF_OK;
  cf_draw draw;
  projected m = {.height = 0.0};
  double turn[3][3];
  const double gap = 12.0;
  cf_mark mark = cf_scratch_mark(ctx);
  cf_draw_begin(&draw, ctx, "cf-paths", options, spec->panels > 1 ? CF_FIGURE_TWO_COLUMNS : CF_FIGURE_ONE_COLUMN);
  CF_TRY(check(ctx, spec));
  size_t across = CF_MIN(spec->panels, CF_MAX((size_t)1, (size_t)(draw.width / 200.0)));
  double side = (draw.width - 4.0 + gap) / (double)across - gap, y = draw.top, bottom = y;
  cf_eye_turn(spec->azimuth, spec->elevation, turn);
  CF_TRY(project(ctx, spec, (const double(*)[3])turn, side, &m));
  for (size_t p = 0; p < spec->panels; ++p) {
    cf_box box = {2.0 + (double)(p % across) * (side + gap), y, side, m.height};
    CF_TRY(draw_panel(&draw, spec, spec->panel + p, (const double(*)[3])turn, box, &m, &bottom));
    if (p % across + 1 == across) y = bottom + 8.0;
  }
  cf_scratch_release(ctx, mark);
  return cf_draw_finish(&draw, bottom, out);
done:
  cf_scratch_release(ctx, mark);
  cf_text_free(&draw.body);
  return status;
}
