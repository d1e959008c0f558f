/* Scatter of an embedding: equal scale on both axes, categories by colour and shape-free dots, labels without
 * collisions. */
#include "figure/draw.h"
#include "base/internal.h"
#include <math.h>
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
    x0 = CF_MIN(x0, spec->x[i]), x1 = CF_MAX(x1, spec->x[i]);
    y0 = CF_MIN(y0, spec->y[i]), y1 = CF_MAX(y1, spec->y[i]);
  }
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
  cf_text_put(&draw.body, "<g class=\"cf-points\" stroke=\"#fff\" stroke-width=\"0.5\">\n");
  for (size_t i = 0; i < spec->n; ++i) {
    px[i] = mx + (spec->x[i] - cx) / per_point;
    py[i] = my - (spec->y[i] - cy) / per_point;
    size_t g = spec->group ? spec->group[i] : 0;
    cf_text_write(
        &draw.body,
        "<circle class=\"cf-mark cf-c$i\" data-i=\"$i\" data-group=\"$i\" data-x=\"$v\" data-y=\"$v\" cx=\"$n\" "
        "cy=\"$n\" r=\"$n\" fill=\"$s\">",
        (int)(g % 10), (int)i, (int)g, spec->x[i], spec->y[i], px[i], py[i], dot, cf_figure_colour(g));
    if (spec->label)
      cf_text_write(&draw.body, "<title>$t$s$t</title>", spec->label[i], spec->group && spec->group_name ? " · " : "",
                    spec->group && spec->group_name ? spec->group_name[g] : "");
    cf_text_put(&draw.body, "</circle>\n");
  }
  cf_text_put(&draw.body, "</g>\n");
  if (spec->label && spec->n <= 120) CF_TRY(place_labels(&draw, spec, px, py, frame, dot));
  double bottom = frame.y1 + (axes ? 23.0 : 4.0);
  if (spec->group && spec->group_name && spec->groups > 1)
    bottom = cf_draw_legend(&draw, frame.x0, bottom + 2.0, inner_w, spec->groups, spec->group_name);
  cf_scratch_release(ctx, mark);
  return cf_draw_finish(&draw, bottom, out);
done:
  cf_scratch_release(ctx, mark);
  cf_text_free(&draw.body);
  return status;
}
