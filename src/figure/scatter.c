/* Scatter of an embedding: equal scale on both axes, categories by colour and shape-free dots, labels without
 * collisions. */
#include "figure/draw.h"
#include "base/internal.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct box {
  double x0, y0, x1, y1;
} box;

static bool overlap(box a, box b) {
  return a.x0 < b.x1 && b.x0 < a.x1 && a.y0 < b.y1 && b.y0 < a.y1;
}

/* Tries eight places around each point, nearest to the right first, and takes the first that is free. */
static cf_status place_labels(cf_draw *draw, const cf_scatter_figure *spec, const double *px, const double *py,
                              box frame, double dot) {
  cf_status status = CF_OK;
  const double size = 6.0;
  static const double step[8][2] = {{1, 0}, {-1, 0}, {0, -1}, {0, 1}, {1, -1}, {-1, -1}, {1, 1}, {-1, 1}};
  cf_mark mark = cf_scratch_mark(draw->ctx);
  box *taken = NULL;
  size_t used = 0;
  CF_TRY(CF_SCRATCH(draw->ctx, &taken, 2 * spec->n));
  for (size_t i = 0; i < spec->n; ++i) taken[used++] = (box){px[i] - dot, py[i] - dot, px[i] + dot, py[i] + dot};
  cf_text_put(&draw->body, "<g class=\"cf-labels\" pointer-events=\"none\">\n");
  for (size_t i = 0; i < spec->n; ++i) {
    char text[128];
    cf_text_fit(spec->label[i], 14.0, text, sizeof text);
    double wide = size * cf_text_width(text);
    for (int s = 0; s < 8; ++s) {
      double sx = step[s][0], sy = step[s][1];
      double x0 = px[i] + sx * (dot + 1.5) - (sx < 0 ? wide : sx == 0 ? 0.5 * wide : 0.0);
      double middle = py[i] + sy * (dot + 0.5 * size);
      box b = {x0, middle - 0.5 * size, x0 + wide, middle + 0.5 * size};
      bool free_place = b.x0 >= frame.x0 && b.x1 <= frame.x1 && b.y0 >= frame.y0 && b.y1 <= frame.y1;
      for (size_t k = 0; k < used && free_place; ++k) free_place = !(k != i && overlap(b, taken[k]));
      if (!free_place) continue;
      taken[used++] = b;
      cf_text_write(&draw->body, "<text class=\"cf-text\" data-i=\"$i\" x=\"$n\" y=\"$n\" font-size=\"6\">$t</text>\n",
                    (int)i, x0, middle + 0.35 * size, text);
      break;
    }
  }
  cf_text_put(&draw->body, "</g>\n");
done:
  cf_scratch_release(draw->ctx, mark);
  return status;
}

/* Two bars of the same round length say how far apart points are. */
static void draw_scale_bar(cf_draw *draw, double units_per_point, double x, double y) {
  cf_ticks ticks;
  cf_ticks_make(0.0, 60.0 * units_per_point, 2, &ticks);
  double length = ticks.step / units_per_point;
  char text[64];
  cf_text_put(&draw->body, "<g class=\"cf-scalebar\">\n");
  cf_draw_line(draw, "cf-line", x, y, x + length, y, CF_INK, 1.0);
  cf_draw_text(draw, x, y - 2.5, (cf_type){.size = 6, .muted = true},
               cf_text_fixed(ticks.step, CF_MAX(0, ticks.decimals - ticks.exponent), text, sizeof text));
  cf_text_put(&draw->body, "</g>\n");
}

/* Shapes of families, of about one area, radius 1; the first is the circle. */
static const char *const shapes[] = {NULL,
                                     "-0.9 -0.9h1.8v1.8h-1.8z",
                                     "0 -1.25l1.15 2h-2.3z",
                                     "0 -1.25l1.25 1.25l-1.25 1.25l-1.25 -1.25z",
                                     "0 1.25l1.15 -2h-2.3z",
                                     "-0.4 -1.2h0.8v0.8h0.8v0.8h-0.8v0.8h-0.8v-0.8h-0.8v-0.8h0.8z",
                                     "-1.15 -0.66l1.15 -0.66l1.15 0.66v1.32l-1.15 0.66l-1.15 -0.66z",
                                     "0 -1.4l0.4 0.9h1l-0.75 0.65l0.3 1l-0.95 -0.6l-0.95 0.6l0.3 -1l-0.75 -0.65h1z"};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* A shape's path, scaled: numbers of `shapes` times r. */
static void write_shape(cf_draw *draw, size_t family, double x, double y, double r) {
  const char *s = shapes[family % SHAPES];
  char *end = NULL;
  cf_text_write(&draw->body, "M$n ", x + r * strtod(s, &end));
  cf_text_write(&draw->body, "$n", y + r * strtod(end, &end));
  for (s = end; *s;) {
    if ((*s >= '0' && *s <= '9') || *s == '-') {
      cf_text_write(&draw->body, "$n", r * strtod(s, &end));
      s = end;
    } else {
      const char letter[2] = {*s++, 0};
      cf_text_put(&draw->body, letter);
    }
  }
}

/* Two standard deviations of each group along the axes of its covariance (n - 1), in points on the page. */
static void draw_ellipses(cf_draw *draw, const cf_scatter_figure *spec, const double *px, const double *py) {
  cf_text_put(&draw->body, "<g class=\"cf-ellipses\">\n");
  for (size_t g = 0; g < spec->groups; ++g) {
    double n = 0, mx = 0, my = 0, xx = 0, xy = 0, yy = 0;
    for (size_t i = 0; i < spec->n; ++i)
      if (spec->group[i] == g) ++n, mx += px[i], my += py[i];
    if (n < 3) continue;
    mx /= n, my /= n;
    for (size_t i = 0; i < spec->n; ++i)
      if (spec->group[i] == g) {
        xx += (px[i] - mx) * (px[i] - mx) / (n - 1);
        xy += (px[i] - mx) * (py[i] - my) / (n - 1);
        yy += (py[i] - my) * (py[i] - my) / (n - 1);
      }
    const double half = 0.5 * (xx + yy), root = sqrt(0.25 * (xx - yy) * (xx - yy) + xy * xy);
    const double angle = 0.5 * atan2(2.0 * xy, xx - yy) * 360.0 / CF_TURN;
    cf_text_write(&draw->body,
                  "<ellipse class=\"cf-fill cf-c$i\" data-group=\"$i\" cx=\"$n\" cy=\"$n\" rx=\"$n\" ry=\"$n\" "
                  "transform=\"rotate($n $n $n)\" fill=\"$s\" fill-opacity=\"0.12\" stroke=\"$s\" "
                  "stroke-width=\"0.6\"/>\n",
                  (int)(g % 10), (int)g, mx, my, 2.0 * sqrt(half + root), 2.0 * sqrt(CF_MAX(half - root, 0.0)), angle,
                  mx, my, cf_figure_colour(g), cf_figure_colour(g));
  }
  cf_text_put(&draw->body, "</g>\n");
}

/* Widens the range of x (or y) to what the ellipses take. */
static void reach(const cf_scatter_figure *spec, const double *x, double *low, double *high) {
  for (size_t g = 0; g < spec->groups && spec->ellipses && spec->group; ++g) {
    double n = 0, mean = 0, square = 0;
    for (size_t i = 0; i < spec->n; ++i)
      if (spec->group[i] == g) ++n, mean += x[i];
    if (n < 3) continue;
    mean /= n;
    for (size_t i = 0; i < spec->n; ++i)
      if (spec->group[i] == g) square += (x[i] - mean) * (x[i] - mean) / (n - 1);
    *low = CF_MIN(*low, mean - 2.0 * sqrt(square));
    *high = CF_MAX(*high, mean + 2.0 * sqrt(square));
  }
}

static void write_title(cf_draw *draw, const cf_scatter_figure *spec, size_t i, size_t g) {
  const bool group = spec->group && spec->group_name, family = spec->family && spec->family_name;
  if (!spec->label) return;
  cf_text_write(&draw->body, "<title>$t$s$t$s$t</title>", spec->label[i], group ? " · " : "",
                group ? spec->group_name[g] : "", family ? " · " : "",
                family ? spec->family_name[spec->family[i]] : "");
}

static void draw_point(cf_draw *draw, const cf_scatter_figure *spec, size_t i, double x, double y, double dot) {
  const size_t g = spec->group ? spec->group[i] : 0, f = spec->family ? spec->family[i] : 0;
  const bool circle = !shapes[f % SHAPES];
  cf_text_write(&draw->body,
                "<$s class=\"cf-mark cf-c$i\" data-i=\"$i\" data-group=\"$i\" data-x=\"$v\" data-y=\"$v\" ",
                circle ? "circle" : "path", (int)(g % 10), (int)i, (int)g, spec->x[i], spec->y[i]);
  if (circle) {
    cf_text_write(&draw->body, "cx=\"$n\" cy=\"$n\" r=\"$n\" fill=\"$s\">", x, y, dot, cf_figure_colour(g));
  } else {
    cf_text_write(&draw->body, "data-family=\"$i\" d=\"", (int)f);
    write_shape(draw, f, x, y, dot);
    cf_text_write(&draw->body, "\" fill=\"$s\">", cf_figure_colour(g));
  }
  write_title(draw, spec, i, g);
  cf_text_write(&draw->body, "</$s>\n", circle ? "circle" : "path");
}

/* Key of the shapes, flowing in lines; returns the y below it. */
static double draw_families(cf_draw *draw, const cf_scatter_figure *spec, double x, double y, double room) {
  double at = x;
  cf_text_put(&draw->body, "<g class=\"cf-legend\">\n");
  for (size_t f = 0; f < spec->families; ++f) {
    const double wide = 9.0 + 6.5 * cf_text_width(spec->family_name[f]) + 9.0;
    if (at > x && at + wide - 9.0 > x + room) {
      at = x;
      y += 9.5;
    }
    if (!shapes[f % SHAPES]) {
      cf_text_write(&draw->body, "<circle class=\"cf-mark\" cx=\"$n\" cy=\"$n\" r=\"2.6\" fill=\"" CF_MUTED "\"/>\n",
                    at + 3.0, y + 3.0);
    } else {
      cf_text_put(&draw->body, "<path class=\"cf-mark\" d=\"");
      write_shape(draw, f, at + 3.0, y + 3.0, 2.6);
      cf_text_put(&draw->body, "\" fill=\"" CF_MUTED "\"/>\n");
    }
    cf_draw_text(draw, at + 8.5, y + 5.4, (cf_type){.size = 6.5, .room = 0.6 * room}, spec->family_name[f]);
    at += wide;
  }
  cf_text_put(&draw->body, "</g>\n");
  return y + 9.5;
}

cf_status cf_figure_scatter(cf_context *ctx, const cf_scatter_figure *spec, const cf_figure_options *options,
                            cf_figure **out) {
  cf_status status = CF_OK;
  cf_draw draw;
  double *px = NULL, *py = NULL;
  cf_mark mark = cf_scratch_mark(ctx);
  cf_draw_begin(&draw, ctx, "cf-scatter", options, CF_FIGURE_ONE_COLUMN);
  if (spec->n == 0) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "a scatter needs points"));
  double x0 = INFINITY, x1 = -INFINITY, y0 = INFINITY, y1 = -INFINITY;
  for (size_t i = 0; i < spec->n; ++i) {
    if (!isfinite(spec->x[i]) || !isfinite(spec->y[i]))
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "point %zu of the scatter is not finite", i));
    if (spec->group && spec->group[i] >= spec->groups)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "category of point %zu is out of range", i));
    if (spec->family && spec->family[i] >= spec->families)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "family of point %zu is out of range", i));
    x0 = CF_MIN(x0, spec->x[i]), x1 = CF_MAX(x1, spec->x[i]);
    y0 = CF_MIN(y0, spec->y[i]), y1 = CF_MAX(y1, spec->y[i]);
  }
  reach(spec, spec->x, &x0, &x1);
  reach(spec, spec->y, &y0, &y1);
  bool axes = spec->x_title || spec->y_title;
  double left = axes ? 34.0 : 6.0, right = 6.0;
  double inner_w = draw.width - left - right;
  double span_x = CF_MAX(x1 - x0, 1e-300), span_y = CF_MAX(y1 - y0, 1e-300);
  double inner_h = draw.options->height_mm > 0 ? draw.options->height_mm * CF_MM - draw.top - (axes ? 26.0 : 12.0)
                                               : CF_MIN(inner_w, CF_MAX(0.55 * inner_w, inner_w * span_y / span_x));
  const double pad = 12.0;
  double per_point = CF_MAX(span_x / (inner_w - 2.0 * pad), span_y / (inner_h - 2.0 * pad));
  if (x1 == x0 && y1 == y0) per_point = 1.0;
  box frame = {left, draw.top, left + inner_w, draw.top + inner_h};
  double cx = 0.5 * (x0 + x1), cy = 0.5 * (y0 + y1), mx = 0.5 * (frame.x0 + frame.x1), my = 0.5 * (frame.y0 + frame.y1);
  cf_scale sx = {cx - 0.5 * inner_w * per_point, cx + 0.5 * inner_w * per_point, frame.x0, frame.x1};
  cf_scale sy = {cy - 0.5 * inner_h * per_point, cy + 0.5 * inner_h * per_point, frame.y1, frame.y0};
  CF_TRY(CF_SCRATCH(ctx, &px, spec->n));
  CF_TRY(CF_SCRATCH(ctx, &py, spec->n));
  cf_text_write(&draw.body,
                "<rect class=\"cf-frame\" x=\"$n\" y=\"$n\" width=\"$n\" height=\"$n\" fill=\"none\" stroke=\"" CF_FAINT
                "\" stroke-width=\"0.5\"/>\n",
                frame.x0, frame.y0, inner_w, inner_h);
  if (axes) {
    cf_ticks tx, ty;
    cf_ticks_make(sx.low, sx.high, 5, &tx);
    cf_ticks_make(sy.low, sy.high, 5, &ty);
    cf_draw_x_axis(&draw, &sx, &tx, frame.y1, spec->x_title);
    cf_draw_y_axis(&draw, &sy, &ty, frame.x0, spec->y_title, 8.0);
  } else {
    draw_scale_bar(&draw, per_point, frame.x0 + 6.0, frame.y1 - 5.0);
  }
  double dot = spec->n <= 40 ? 2.6 : spec->n <= 200 ? 2.0 : 1.4;
  for (size_t i = 0; i < spec->n; ++i) {
    px[i] = mx + (spec->x[i] - cx) / per_point;
    py[i] = my - (spec->y[i] - cy) / per_point;
  }
  if (spec->ellipses && spec->group) draw_ellipses(&draw, spec, px, py);
  cf_text_put(&draw.body, "<g class=\"cf-points\" stroke=\"#fff\" stroke-width=\"0.5\">\n");
  for (size_t i = 0; i < spec->n; ++i) draw_point(&draw, spec, i, px[i], py[i], dot);
  cf_text_put(&draw.body, "</g>\n");
  if (spec->label && spec->n <= 120) CF_TRY(place_labels(&draw, spec, px, py, frame, dot));
  double bottom = frame.y1 + (axes ? 23.0 : 4.0);
  if (spec->group && spec->group_name && spec->groups > 1)
    bottom = cf_draw_legend(&draw, frame.x0, bottom + 2.0, inner_w, spec->groups, spec->group_name);
  if (spec->family && spec->family_name && spec->families > 1)
    bottom = draw_families(&draw, spec, frame.x0, bottom + 2.0, inner_w);
  cf_scratch_release(ctx, mark);
  return cf_draw_finish(&draw, bottom, out);
done:
  cf_scratch_release(ctx, mark);
  cf_text_free(&draw.body);
  return status;
}
