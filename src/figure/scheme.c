/* Scheme of an analysis: boxes of its steps joined by arrows, in lines from left to right. */
#include "figure/draw.h"
#include "base/internal.h"
#include <stdio.h>
#include <string.h>

enum { ACROSS = 4, LINES = 5 };

/* Words of a text in lines of `room` points, at most LINES; draws them when `draw` is given. Returns their number. */
static size_t write_lines(cf_draw *draw, const char *text, double x, double y, double room, double size, bool bold) {
  char line[256] = "";
  size_t lines = 0;
  for (const char *s = text ? text : ""; *s && lines < LINES;) {
    const size_t word = strcspn(s, " ");
    char longer[256];
    snprintf(longer, sizeof longer, "%s%s%.*s", line, *line ? " " : "", (int)CF_MIN(word, 100), s);
    if (*line && (1.14 * size * cf_text_width(longer) > room || strlen(longer) > 200)) {
      if (draw)
        cf_draw_text(draw, x, y + 1.22 * size * (double)lines,
                     (cf_type){.size = size, .anchor = CF_MIDDLE, .bold = bold}, line);
      ++lines;
      snprintf(longer, sizeof longer, "%.*s", (int)CF_MIN(word, 100), s);
    }
    memcpy(line, longer, sizeof line);
    s += word;
    while (*s == ' ') ++s;
  }
  if (*line && lines < LINES) {
    if (draw)
      cf_draw_text(draw, x, y + 1.22 * size * (double)lines,
                   (cf_type){.size = size, .anchor = CF_MIDDLE, .bold = bold, .room = room + 2.0}, line);
    ++lines;
  }
  return lines;
}

static void draw_arrow(cf_draw *draw, double x1, double y1, double x2, double y2) {
  const bool down = y2 > y1;
  cf_draw_line(draw, "cf-line", x1, y1, down ? x2 : x2 - 2.0, down ? y2 - 2.0 : y2, CF_MUTED, 0.9);
  if (down)
    cf_text_write(&draw->body, "<path class=\"cf-mark\" d=\"M$n $nL$n $nL$n $nZ\" fill=\"" CF_MUTED "\"/>\n", x2, y2,
                  x2 - 2.2, y2 - 4.0, x2 + 2.2, y2 - 4.0);
  else
    cf_text_write(&draw->body, "<path class=\"cf-mark\" d=\"M$n $nL$n $nL$n $nZ\" fill=\"" CF_MUTED "\"/>\n", x2, y2,
                  x2 - 4.0, y2 - 2.2, x2 - 4.0, y2 + 2.2);
}

/* From the end of a line to the beginning of the next. */
static void draw_return(cf_draw *draw, double x1, double y1, double x2, double y2, double between) {
  cf_text_write(&draw->body,
                "<path class=\"cf-tree\" d=\"M$n $nV$nH$nV$n\" fill=\"none\" stroke=\"" CF_MUTED
                "\" stroke-width=\"0.9\"/>\n",
                x1, y1, between, x2, y2 - 2.0);
  cf_text_write(&draw->body, "<path class=\"cf-mark\" d=\"M$n $nL$n $nL$n $nZ\" fill=\"" CF_MUTED "\"/>\n", x2, y2,
                x2 - 2.2, y2 - 4.0, x2 + 2.2, y2 - 4.0);
}

static void draw_step(cf_draw *draw, const cf_scheme_step *step, cf_box box) {
  const size_t name = write_lines(NULL, step->name, 0, 0, box.w - 8.0, 7.5, true);
  const double middle = box.x + 0.5 * box.w;
  cf_text_write(&draw->body,
                "<g class=\"cf-step\"><rect class=\"cf-box\" x=\"$n\" y=\"$n\" width=\"$n\" height=\"$n\" rx=\"3\" "
                "fill=\"#eef2f6\" stroke=\"#8a96a3\" stroke-width=\"0.7\"/>\n",
                box.x, box.y, box.w, box.h);
  (void)write_lines(draw, step->name, middle, box.y + 9.5, box.w - 8.0, 7.5, true);
  (void)write_lines(draw, step->detail, middle, box.y + 10.5 + 9.2 * (double)name, box.w - 8.0, 6.2, false);
  cf_text_put(&draw->body, "</g>\n");
  if (!step->input) return;
  cf_draw_text(draw, middle, box.y - 12.0,
               (cf_type){.size = 6.5, .anchor = CF_MIDDLE, .room = box.w + 10.0, .bold = true}, step->input);
  draw_arrow(draw, middle, box.y - 9.5, middle, box.y);
}

/* Room above a line of steps, for what comes in. */
static double room_above(const cf_scheme_figure *spec, size_t from, size_t across) {
  for (size_t i = from; i < CF_MIN(from + across, spec->count); ++i)
    if (spec->step[i].input) return 20.0;
  return 0.0;
}

cf_status cf_figure_scheme(cf_context *ctx, const cf_scheme_figure *spec, const cf_figure_options *options,
                           cf_figure **out) {
  cf_status status = CF_OK;
  cf_draw draw;
  cf_draw_begin(&draw, ctx, "cf-scheme", options, spec->count <= 2 ? CF_FIGURE_ONE_COLUMN : CF_FIGURE_TWO_COLUMNS);
  if (spec->count == 0) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "a scheme needs steps"));
  const size_t across = CF_MIN(spec->count, (size_t)ACROSS);
  const double gap = 34.0, wide = (draw.width - 4.0 - gap * (double)(across - 1)) / (double)across;
  double y = draw.top;
  for (size_t from = 0; from < spec->count; from += across) {
    const size_t to = CF_MIN(from + across, spec->count);
    double tall = 26.0;
    for (size_t i = from; i < to; ++i) {
      const size_t name = write_lines(NULL, spec->step[i].name, 0, 0, wide - 8.0, 7.5, true),
                   detail = write_lines(NULL, spec->step[i].detail, 0, 0, wide - 8.0, 6.2, false);
      tall = CF_MAX(tall, 8.0 + 9.2 * (double)name + 7.6 * (double)detail);
    }
    y += room_above(spec, from, across);
    for (size_t i = from; i < to; ++i) {
      const double x = 2.0 + (wide + gap) * (double)(i - from);
      draw_step(&draw, &spec->step[i], (cf_box){x, y, wide, tall});
      if (i + 1 == spec->count) continue;
      if (i + 1 < to) {
        draw_arrow(&draw, x + wide, y + 0.5 * tall, x + wide + gap, y + 0.5 * tall);
        (void)write_lines(&draw, spec->step[i].gives, x + wide + 0.5 * gap, y + 0.5 * tall + 8.0, gap + 1.0, 5.6,
                          false);
      } else {
        draw_return(&draw, x + 0.5 * wide, y + tall, 2.0 + 0.2 * wide, y + tall + 18.0 + room_above(spec, to, across),
                    y + tall + 8.0);
        if (spec->step[i].gives)
          cf_draw_text(&draw, x + 0.5 * wide - 3.0, y + tall + 6.0, (cf_type){.size = 5.6, .anchor = CF_END},
                       spec->step[i].gives);
      }
    }
    y += tall + (to < spec->count ? 18.0 : 4.0);
  }
  return cf_draw_finish(&draw, y, out);
done:
  cf_text_free(&draw.body);
  return status;
}
