/* What figures of many small panels are made of: pictures, axes that stay within their panel, colour bars. */
#include "figure/draw.h"
#include "base/internal.h"
#include <cortifold/io.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void cf_hex(const unsigned char rgb[3], char hex[8]) {
  snprintf(hex, 8, "#%02x%02x%02x", rgb[0], rgb[1], rgb[2]);
}

/* Few cells are repeated until a cell has several pixels: renderers that smooth pictures then keep its edges. */
static cf_status enlarge(cf_context *ctx, size_t w, size_t h, size_t channels, const unsigned char *pixel, size_t times,
                         const unsigned char **out) {
  cf_status status = CF_OK;
  unsigned char *large = NULL;
  CF_TRY(CF_SCRATCH(ctx, &large, w * h * times * times * channels));
  for (size_t i = 0; i < h * times; ++i)
    for (size_t j = 0; j < w * times; ++j)
      memcpy(large + (i * w * times + j) * channels, pixel + (i / times * w + j / times) * channels, channels);
  *out = large;
done:
  return status;
}

cf_status cf_draw_picture(cf_draw *draw, size_t w, size_t h, size_t channels, const unsigned char *pixel, cf_box box,
                          bool smooth) {
  cf_status status = CF_OK;
  unsigned char *png = NULL;
  size_t size = 0, times = 1;
  cf_mark mark = cf_scratch_mark(draw->ctx);
  if (!smooth && w * h <= 2500)
    times = CF_MAX((size_t)1, (size_t)ceil(CF_MAX(3.0 * box.w / (double)w, 3.0 * box.h / (double)h)));
  if (times > 1) CF_TRY(enlarge(draw->ctx, w, h, channels, pixel, times, &pixel));
  const cf_io_png image = {.width = w * times,
                           .height = h * times,
                           .channels = (unsigned)channels,
                           .frames = 1,
                           .data = pixel,
                           .drawn = times > 1};
  CF_TRY(cf_io_png_encode(draw->ctx, &image, &png, &size));
  cf_text_write(&draw->body,
                "<image class=\"cf-cells\" x=\"$n\" y=\"$n\" width=\"$n\" height=\"$n\" preserveAspectRatio=\"none\" "
                "$shref=\"data:image/png;base64,",
                box.x, box.y, box.w, box.h, smooth ? "" : "style=\"image-rendering:pixelated\" ");
  cf_text_base64(&draw->body, png, size);
  cf_text_put(&draw->body, "\"/>\n");
done:
  cf_free(png);
  cf_scratch_release(draw->ctx, mark);
  return status;
}

double cf_panel_left(const cf_ticks *ty) {
  return 1.1 * cf_ticks_width(ty) + 16.5;
}

void cf_ticks_inside(double low, double high, int target, cf_ticks *out) {
  for (int more = 0; more < 4; ++more) {
    size_t inside = 0;
    cf_ticks_make(low, high, target + more, out);
    for (size_t i = 0; i < out->n; ++i) inside += out->at[i] >= low && out->at[i] <= high;
    if (inside >= 2) return;
  }
}

void cf_draw_y_title(cf_draw *draw, cf_box box, const cf_ticks *ty, const char *title) {
  char whole[256];
  cf_draw_text(draw, box.x - 8.0 - 1.1 * cf_ticks_width(ty), box.y + 0.5 * box.h,
               (cf_type){.size = 7, .anchor = CF_MIDDLE, .angle = -90, .room = box.h + 14.0},
               cf_ticks_title(ty, title, whole, sizeof whole));
}

void cf_draw_panel(cf_draw *draw, cf_box box, const cf_scale *x, const cf_ticks *tx, const char *x_title,
                   const cf_scale *y, const cf_ticks *ty, const char *y_title) {
  char whole[256];
  cf_draw_x_axis(draw, x, tx, box.y + box.h, NULL);
  if (x_title)
    cf_draw_text(draw, box.x + 0.5 * box.w, box.y + box.h + 18.0,
                 (cf_type){.size = 7, .anchor = CF_MIDDLE, .room = box.w + 12.0},
                 cf_ticks_title(tx, x_title, whole, sizeof whole));
  cf_draw_y_axis(draw, y, ty, box.x, NULL, 0.0);
  if (y_title) cf_draw_y_title(draw, box, ty, y_title);
}

void cf_draw_colourbar(cf_draw *draw, cf_colour_map map, double low, double high, const char *quantity, double x,
                       double y, double height) {
  const int steps = 64;
  char label[64];
  cf_text_put(&draw->body, "<g class=\"cf-colourbar\">\n<g shape-rendering=\"crispEdges\">\n");
  for (int s = 0; s < steps; ++s) {
    unsigned char c[3];
    char hex[8];
    cf_figure_map(map, (s + 0.5) / steps, c);
    cf_hex(c, hex);
    double top = y + height * (steps - 1 - s) / steps;
    cf_text_write(&draw->body, "<rect x=\"$n\" y=\"$n\" width=\"7\" height=\"$n\" fill=\"$s\"/>\n", x, top,
                  height / steps + (s ? 0.4 : 0.0), hex);
  }
  cf_text_put(&draw->body, "</g>\n");
  cf_ticks ticks;
  cf_ticks_make(low, high, height < 40.0 ? 2 : 4, &ticks);
  cf_scale scale = {low, high, y + height, y};
  for (size_t i = 0; i < ticks.n; ++i) {
    double slack = 1e-9 * (high - low);
    if (ticks.at[i] < low - slack || ticks.at[i] > high + slack) continue;
    double ty = cf_scale_at(&scale, ticks.at[i]);
    cf_draw_line(draw, "cf-line", x + 7, ty, x + 9, ty, CF_INK, 0.5);
    cf_draw_text(draw, x + 10.5, ty + 2.3, (cf_type){.size = 6.5}, cf_ticks_label(&ticks, i, label, sizeof label));
  }
  if (quantity) {
    char title[256], power[64] = "";
    if (ticks.exponent) cf_text_value(pow(10.0, ticks.exponent), power, sizeof power);
    const char *times = strstr(power, "×");
    snprintf(title, sizeof title, "%s%s%s%s", quantity, times ? " (" : "", times ? times : "", times ? ")" : "");
    cf_draw_text(draw, x + 19.0 + cf_ticks_width(&ticks), y + 0.5 * height,
                 (cf_type){.size = 7, .anchor = CF_MIDDLE, .angle = -90, .room = CF_MAX(height, 60.0)}, title);
  }
  cf_text_put(&draw->body, "</g>\n");
}

double cf_draw_colourbar_flat(cf_draw *draw, cf_colour_map map, double low, double high, const char *quantity, double x,
                              double y, double width) {
  const int steps = 48;
  char label[64], whole[256];
  cf_ticks ticks;
  cf_scale scale = {low, high, x, x + width};
  cf_ticks_inside(low, high, 3, &ticks);
  cf_text_put(&draw->body, "<g class=\"cf-colourbar\">\n");
  if (quantity) {
    cf_draw_text(draw, x, y + 5.5, (cf_type){.size = 6.5, .room = width * 1.4},
                 cf_ticks_title(&ticks, quantity, whole, sizeof whole));
    y += 9.0;
  }
  cf_text_put(&draw->body, "<g shape-rendering=\"crispEdges\">\n");
  for (int s = 0; s < steps; ++s) {
    unsigned char c[3];
    char hex[8];
    cf_figure_map(map, (s + 0.5) / steps, c);
    cf_hex(c, hex);
    cf_text_write(&draw->body, "<rect x=\"$n\" y=\"$n\" width=\"$n\" height=\"5\" fill=\"$s\"/>\n",
                  x + width * s / steps, y, width / steps + (s + 1 < steps ? 0.4 : 0.0), hex);
  }
  cf_text_put(&draw->body, "</g>\n");
  for (size_t i = 0; i < ticks.n; ++i) {
    double slack = 1e-9 * (high - low);
    if (ticks.at[i] < low - slack || ticks.at[i] > high + slack) continue;
    double at = cf_scale_at(&scale, ticks.at[i]);
    cf_draw_line(draw, "cf-line", at, y + 5, at, y + 6.8, CF_INK, 0.5);
    cf_draw_text(draw, at, y + 13.0, (cf_type){.size = 6, .anchor = CF_MIDDLE},
                 cf_ticks_label(&ticks, i, label, sizeof label));
  }
  cf_text_put(&draw->body, "</g>\n");
  return y + 15.0;
}

const char *cf_ink_on(const unsigned char rgb[3]) {
  return 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2] < 120.0 ? "#fff" : "#111";
}

void cf_draw_steps(cf_draw *draw, size_t n, const double *x, const double *y, size_t stride) {
  long px = 0, py = 0;
  for (size_t i = 0; i < n; i = i + 1 < n ? CF_MIN(i + CF_MAX(stride, (size_t)1), n - 1) : n) {
    long qx = lround(10.0 * x[i]), qy = lround(10.0 * y[i]);
    if (i == 0)
      cf_text_write(&draw->body, "M$i $il", (int)qx, (int)qy);
    else
      cf_text_write(&draw->body, qy < py ? "$i$i " : "$i $i ", (int)(qx - px), (int)(qy - py));
    px = qx, py = qy;
  }
  if (n < 2) cf_text_put(&draw->body, "0 0");
}

double cf_draw_names(cf_draw *draw, size_t n, const char *const *name, double first, double slot, double y) {
  const double most = 70.0;
  double widest = 0.0, below = 0.0;
  for (size_t i = 0; i < n; ++i) widest = CF_MAX(widest, 6.8 * cf_text_width(name[i]));
  bool turned = widest > slot - 2.0;
  size_t every = turned && slot < 8.0 ? (size_t)ceil(8.0 / slot) : 1;
  for (size_t i = 0; i < n; i += every) {
    double x = first + slot * (double)i, room = turned ? CF_MIN(most, 0.86 * (x - 2.0) / 0.766) : slot;
    cf_draw_text(
        draw, x + (turned ? 2.0 : 0.0), y + (turned ? 4.5 : 6.5),
        (cf_type){.size = 6.5, .anchor = turned ? CF_END : CF_MIDDLE, .angle = turned ? -40.0 : 0.0, .room = room},
        name[i]);
    below = CF_MAX(below, turned ? 6.0 + 0.643 * CF_MIN(room, 6.8 * cf_text_width(name[i])) : 8.5);
  }
  return below;
}
