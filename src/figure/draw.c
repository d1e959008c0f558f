/* Frame, text, axes and legends that all figures share. */
#include "figure/draw.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *font = "Arial, 'Liberation Sans', Helvetica, 'DejaVu Sans', sans-serif";

void cf_figure_free(cf_figure *figure) {
  if (!figure) return;
  cf_free(figure->svg);
  cf_free(figure);
}

void cf_draw_begin(cf_draw *draw, cf_context *ctx, const char *kind, const cf_figure_options *options,
                   double standard_mm) {
  static const cf_figure_options none = CF_FIGURE_OPTIONS_INIT;
  memset(draw, 0, sizeof *draw);
  draw->ctx = ctx;
  draw->kind = kind;
  draw->options = options ? options : &none;
  cf_text_init(&draw->body, ctx);
  const char *id = draw->options->id ? draw->options->id : "figure";
  size_t used = 0;
  for (; id[used] && used + 1 < sizeof draw->id; ++used) {
    char c = id[used];
    bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    draw->id[used] = fine ? c : '-';
  }
  if (used == 0) snprintf(draw->id, sizeof draw->id, "figure");
  draw->width = CF_MM * (draw->options->width_mm > 0 ? draw->options->width_mm : standard_mm);
  draw->top = 4.0;
  if (draw->options->heading) {
    cf_draw_text(draw, 2.0, 10.0, (cf_type){.size = 8, .room = draw->width - 4.0, .bold = true},
                 draw->options->heading);
    draw->top = 17.0;
  }
}

/* Words of the note in lines of the figure's width; returns the y below. */
static double draw_note(cf_draw *draw, double y) {
  const char *s = draw->options->note ? draw->options->note : "";
  const double size = 6.0;
  char line[1024] = "";
  while (*s) {
    size_t word = strcspn(s, " ");
    char longer[1024];
    snprintf(longer, sizeof longer, "%s%s%.*s", line, line[0] ? " " : "", (int)CF_MIN(word, 500), s);
    if (line[0] && (cf_text_width(longer) * size > draw->width - 6.0 || strlen(longer) > 900)) {
      cf_draw_text(draw, 2.0, y, (cf_type){.size = size, .muted = true}, line);
      y += 7.6;
      snprintf(longer, sizeof longer, "%.*s", (int)CF_MIN(word, 500), s);
    }
    memcpy(line, longer, sizeof line);
    s += word;
    while (*s == ' ') ++s;
  }
  if (line[0]) {
    cf_draw_text(draw, 2.0, y, (cf_type){.size = size, .muted = true, .room = draw->width - 4.0}, line);
    y += 7.6;
  }
  return y;
}

cf_status cf_draw_finish(cf_draw *draw, double bottom, cf_figure **out) {
  cf_status status = CF_OK;
  cf_figure *figure = NULL;
  cf_text page;
  cf_text_init(&page, draw->ctx);
  if (draw->options->note && draw->options->note[0]) bottom = draw_note(draw, bottom + 7.0) - 4.0;
  double height = ceil(bottom + 2.0);
  const char *name = draw->options->name ? draw->options->name : draw->options->heading;
  cf_text_write(&page,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" id=\"$s\" class=\"cf-figure $s\" width=\"$nmm\" "
                "height=\"$nmm\" viewBox=\"0 0 $n $n\" role=\"img\" font-family=\"$s\" font-size=\"7\" fill=\"" CF_INK
                "\">\n",
                draw->id, draw->kind, draw->width / CF_MM, height / CF_MM, draw->width, height, font);
  if (name) cf_text_write(&page, "<title>$t</title>\n", name);
  if (draw->options->description) cf_text_write(&page, "<desc>$t</desc>\n", draw->options->description);
  cf_text_write(&page, "<rect class=\"cf-paper\" width=\"$n\" height=\"$n\" fill=\"#fff\"/>\n", draw->width, height);
  if (draw->body.size) cf_text_bytes(&page, draw->body.data, draw->body.size);
  cf_text_put(&page, "</svg>\n");
  CF_TRY(cf_text_status(&draw->body));
  CF_TRY(cf_text_status(&page));
  CF_TRY(CF_ALLOC(draw->ctx, &figure, 1));
  figure->svg = page.data;
  figure->size = page.size;
  figure->width_mm = draw->width / CF_MM;
  figure->height_mm = height / CF_MM;
  *out = figure;
  page.data = NULL;
done:
  cf_text_free(&page);
  cf_text_free(&draw->body);
  return status;
}

void cf_draw_text(cf_draw *draw, double x, double y, cf_type type, const char *text) {
  static const char *const anchor[] = {"start", "middle", "end"};
  char shown[1024];
  bool cut = cf_text_fit(text, type.room > 0 ? type.room / type.size : 1e9, shown, sizeof shown);
  cf_text_write(&draw->body, "<text class=\"$s\" x=\"$n\" y=\"$n\"", type.muted ? "cf-muted" : "cf-text", x, y);
  if (type.size != 7.0) cf_text_write(&draw->body, " font-size=\"$n\"", type.size);
  if (type.anchor != CF_START) cf_text_write(&draw->body, " text-anchor=\"$s\"", anchor[type.anchor]);
  if (type.bold) cf_text_put(&draw->body, " font-weight=\"bold\"");
  if (type.muted) cf_text_put(&draw->body, " fill=\"" CF_MUTED "\"");
  if (type.angle != 0.0) cf_text_write(&draw->body, " transform=\"rotate($n $n $n)\"", type.angle, x, y);
  if (cut)
    cf_text_write(&draw->body, "><title>$t</title>$t</text>\n", text, shown);
  else
    cf_text_write(&draw->body, ">$t</text>\n", shown);
}

void cf_draw_line(cf_draw *draw, const char *css, double x1, double y1, double x2, double y2, const char *stroke,
                  double width) {
  cf_text_write(&draw->body,
                "<line class=\"$s\" x1=\"$n\" y1=\"$n\" x2=\"$n\" y2=\"$n\" stroke=\"$s\" stroke-width=\"$n\"/>\n", css,
                x1, y1, x2, y2, stroke, width);
}

const char *cf_ticks_title(const cf_ticks *ticks, const char *title, char *buffer, size_t size) {
  static const char *const raised[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  char digits[16], power[64] = "";
  snprintf(buffer, size, "%s", title ? title : "");
  if (ticks->exponent == 0) return buffer;
  snprintf(digits, sizeof digits, "%d", abs(ticks->exponent));
  for (const char *c = digits; *c; ++c) strncat(power, raised[*c - '0'], sizeof power - strlen(power) - 1);
  snprintf(buffer, size, "%s (×10%s%s)", title ? title : "", ticks->exponent < 0 ? "⁻" : "", power);
  return buffer;
}

double cf_ticks_width(const cf_ticks *ticks) {
  char label[64];
  double width = 0.0;
  for (size_t i = 0; i < ticks->n; ++i)
    width = CF_MAX(width, 6.5 * cf_text_width(cf_ticks_label(ticks, i, label, sizeof label)));
  return width;
}

static bool inside(const cf_scale *scale, double value) {
  double slack = 1e-9 * fabs(scale->high - scale->low);
  return value >= scale->low - slack && value <= scale->high + slack;
}

void cf_draw_y_axis(cf_draw *draw, const cf_scale *scale, const cf_ticks *ticks, double x, const char *title,
                    double title_x) {
  char label[64], whole[256];
  cf_text_put(&draw->body, "<g class=\"cf-axis cf-y\">\n");
  cf_draw_line(draw, "cf-line", x, scale->from, x, scale->to, CF_INK, 0.5);
  for (size_t i = 0; i < ticks->n; ++i) {
    if (!inside(scale, ticks->at[i])) continue;
    double y = cf_scale_at(scale, ticks->at[i]);
    cf_draw_line(draw, "cf-line", x - 2.5, y, x, y, CF_INK, 0.5);
    cf_draw_text(draw, x - 4.0, y + 2.3, (cf_type){.size = 6.5, .anchor = CF_END},
                 cf_ticks_label(ticks, i, label, sizeof label));
  }
  double middle = 0.5 * (scale->from + scale->to);
  if (title)
    cf_draw_text(draw, title_x, middle,
                 (cf_type){.size = 7, .anchor = CF_MIDDLE, .angle = -90, .room = fabs(scale->from - scale->to) + 24.0},
                 cf_ticks_title(ticks, title, whole, sizeof whole));
  cf_text_put(&draw->body, "</g>\n");
}

void cf_draw_x_axis(cf_draw *draw, const cf_scale *scale, const cf_ticks *ticks, double y, const char *title) {
  char label[64], whole[256];
  cf_text_put(&draw->body, "<g class=\"cf-axis cf-x\">\n");
  cf_draw_line(draw, "cf-line", scale->from, y, scale->to, y, CF_INK, 0.5);
  for (size_t i = 0; i < ticks->n; ++i) {
    if (!inside(scale, ticks->at[i])) continue;
    double x = cf_scale_at(scale, ticks->at[i]);
    cf_draw_line(draw, "cf-line", x, y, x, y + 2.5, CF_INK, 0.5);
    cf_draw_text(draw, x, y + 9.5, (cf_type){.size = 6.5, .anchor = CF_MIDDLE},
                 cf_ticks_label(ticks, i, label, sizeof label));
  }
  if (title)
    cf_draw_text(draw, 0.5 * (scale->from + scale->to), y + 19.5,
                 (cf_type){.size = 7, .anchor = CF_MIDDLE, .room = draw->width - 6.0},
                 cf_ticks_title(ticks, title, whole, sizeof whole));
  cf_text_put(&draw->body, "</g>\n");
}

double cf_draw_legend(cf_draw *draw, double x, double y, double room, size_t groups, const char *const *name) {
  double at = x;
  cf_text_put(&draw->body, "<g class=\"cf-legend\">\n");
  for (size_t g = 0; g < groups; ++g) {
    char shown[256];
    cf_text_fit(name[g], 0.6 * room / 6.5, shown, sizeof shown);
    double wide = 9.0 + 6.5 * cf_text_width(shown) + 9.0;
    if (at > x && at + wide - 9.0 > x + room) {
      at = x;
      y += 9.5;
    }
    cf_text_write(&draw->body,
                  "<g class=\"cf-key\" data-group=\"$i\"><rect class=\"cf-fill cf-c$i\" x=\"$n\" y=\"$n\" "
                  "width=\"6\" height=\"6\" rx=\"1\" fill=\"$s\"/>\n",
                  (int)g, (int)(g % 10), at, y, cf_figure_colour(g));
    cf_draw_text(draw, at + 8.5, y + 5.4, (cf_type){.size = 6.5, .room = 0.6 * room}, name[g]);
    cf_text_put(&draw->body, "</g>\n");
    at += wide;
  }
  cf_text_put(&draw->body, "</g>\n");
  return y + 9.5;
}
