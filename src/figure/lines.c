/* Values over ordered positions (network depth) with bands, each series named at its right end. */
#include "figure/draw.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *position_text(const cf_lines_figure *spec, size_t i, char *buffer, size_t size) {
  if (spec->position_name) return spec->position_name[i];
  snprintf(buffer, size, "%zu", i + 1);
  return buffer;
}

static void extent(const cf_lines_figure *spec, double *low, double *high) {
  *low = INFINITY;
  *high = -INFINITY;
  for (size_t s = 0; s < spec->count; ++s)
    for (size_t i = 0; i < spec->positions; ++i) {
      const cf_line_series *q = spec->series + s;
      const double at[4] = {q->y[i], q->low ? q->low[i] : NAN, q->high ? q->high[i] : NAN,
                            q->chance ? q->chance[i] : NAN};
      for (int k = 0; k < 4; ++k)
        if (isfinite(at[k])) *low = CF_MIN(*low, at[k]), *high = CF_MAX(*high, at[k]);
    }
  if (*low > *high) *low = 0.0, *high = 1.0;
  if (*low > 0.0 && *low < *high - *low) *low = 0.0;
}

static double place(const cf_lines_figure *spec, double left, double right, size_t i) {
  return spec->positions > 1 ? left + (right - left) * (double)i / (double)(spec->positions - 1) : 0.5 * (left + right);
}

static void draw_path(cf_draw *draw, const cf_lines_figure *spec, size_t s, const double *value, const cf_scale *y,
                      double left, double right, const char *style) {
  bool pen = false;
  cf_text_write(&draw->body,
                "<path class=\"cf-stroke-c$i\" fill=\"none\" stroke=\"$s\" $s stroke-linejoin=\"round\" d=\"",
                (int)(s % 10), cf_figure_colour(s), style);
  for (size_t i = 0; i < spec->positions; ++i) {
    if (isfinite(value[i]))
      cf_text_write(&draw->body, "$s$n $n", pen ? "L" : "M", place(spec, left, right, i), cf_scale_at(y, value[i]));
    pen = isfinite(value[i]);
  }
  cf_text_put(&draw->body, "\"/>\n");
}

static void draw_series(cf_draw *draw, const cf_lines_figure *spec, size_t s, const cf_scale *y, double left,
                        double right) {
  const cf_line_series *q = spec->series + s;
  const char *colour = cf_figure_colour(s);
  char value[64], a[64], b[64], number[32];
  cf_text_write(&draw->body, "<g class=\"cf-series\" data-name=\"$t\" data-group=\"$i\">\n", q->name, (int)s);
  if (q->low && q->high)
    for (size_t i = 0; i + 1 < spec->positions; ++i) {
      if (!isfinite(q->low[i]) || !isfinite(q->high[i]) || !isfinite(q->low[i + 1]) || !isfinite(q->high[i + 1]))
        continue;
      double x0 = place(spec, left, right, i), x1 = place(spec, left, right, i + 1);
      cf_text_write(&draw->body,
                    "<path class=\"cf-c$i\" d=\"M$n $nL$n $nL$n $nL$n $nZ\" fill=\"$s\" fill-opacity=\"0.18\"/>\n",
                    (int)(s % 10), x0, cf_scale_at(y, q->low[i]), x1, cf_scale_at(y, q->low[i + 1]), x1,
                    cf_scale_at(y, q->high[i + 1]), x0, cf_scale_at(y, q->high[i]), colour);
    }
  if (q->chance) draw_path(draw, spec, s, q->chance, y, left, right, "stroke-width=\"0.7\" stroke-dasharray=\"2 1.5\"");
  draw_path(draw, spec, s, q->y, y, left, right, "stroke-width=\"1.3\"");
  for (size_t i = 0; i < spec->positions; ++i) {
    if (!isfinite(q->y[i])) continue;
    cf_text_write(&draw->body,
                  "<circle class=\"cf-mark cf-c$i\" data-i=\"$i\" data-value=\"$v\" cx=\"$n\" cy=\"$n\" r=\"2\" "
                  "fill=\"$s\" stroke=\"#fff\" stroke-width=\"0.5\"><title>$t, $t: $s",
                  (int)(s % 10), (int)i, q->y[i], place(spec, left, right, i), cf_scale_at(y, q->y[i]), colour, q->name,
                  position_text(spec, i, number, sizeof number), cf_text_value(q->y[i], value, sizeof value));
    if (q->low && q->high && isfinite(q->low[i]) && isfinite(q->high[i]))
      cf_text_write(&draw->body, " [$s, $s]", cf_text_value(q->low[i], a, sizeof a),
                    cf_text_value(q->high[i], b, sizeof b));
    cf_text_put(&draw->body, "</title></circle>\n");
  }
  cf_text_put(&draw->body, "</g>\n");
}

/* Names at the right ends, pushed apart so that none overlap; in the series' colour order from top to bottom. */
static cf_status draw_names(cf_draw *draw, const cf_lines_figure *spec, const cf_scale *y, double x, double room) {
  cf_status status = CF_OK;
  const double gap = 8.0;
  cf_mark mark = cf_scratch_mark(draw->ctx);
  double *at = NULL;
  size_t *order = NULL;
  CF_TRY(CF_SCRATCH(draw->ctx, &at, spec->count));
  CF_TRY(CF_SCRATCH(draw->ctx, &order, spec->count));
  for (size_t s = 0; s < spec->count; ++s) {
    at[s] = y->from;
    for (size_t i = 0; i < spec->positions; ++i)
      if (isfinite(spec->series[s].y[i])) at[s] = cf_scale_at(y, spec->series[s].y[i]);
    size_t k = s;
    for (; k > 0 && at[order[k - 1]] > at[s]; --k) order[k] = order[k - 1];
    order[k] = s;
  }
  for (size_t k = 1; k < spec->count; ++k) at[order[k]] = CF_MAX(at[order[k]], at[order[k - 1]] + gap);
  double over = spec->count ? at[order[spec->count - 1]] - y->from : 0.0;
  for (size_t k = spec->count; over > 0.0 && k-- > 0;) {
    double most = k + 1 < spec->count ? at[order[k + 1]] - gap : y->from;
    at[order[k]] = CF_MIN(at[order[k]], most);
  }
  cf_text_put(&draw->body, "<g class=\"cf-legend\">\n");
  for (size_t s = 0; s < spec->count; ++s) {
    cf_text_write(&draw->body,
                  "<g class=\"cf-key\" data-group=\"$i\"><rect class=\"cf-fill cf-c$i\" x=\"$n\" y=\"$n\" width=\"5\" "
                  "height=\"2.4\" fill=\"$s\"/>\n",
                  (int)s, (int)(s % 10), x, at[s] - 1.2, cf_figure_colour(s));
    cf_draw_text(draw, x + 7.5, at[s] + 2.3, (cf_type){.size = 6.5, .room = room - 7.5}, spec->series[s].name);
    cf_text_put(&draw->body, "</g>\n");
  }
  cf_text_put(&draw->body, "</g>\n");
done:
  cf_scratch_release(draw->ctx, mark);
  return status;
}

cf_status cf_figure_lines(cf_context *ctx, const cf_lines_figure *spec, const cf_figure_options *options,
                          cf_figure **out) {
  cf_status status = CF_OK;
  cf_draw draw;
  char number[32];
  cf_draw_begin(&draw, ctx, "cf-lines", options, spec->positions > 8 ? 136.0 : 110.0);
  if (spec->count == 0 || spec->positions == 0)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "a line figure needs series and positions"));
  double low, high, names = 0.0, widest = 0.0;
  cf_ticks ticks;
  extent(spec, &low, &high);
  cf_ticks_make(low, high, 5, &ticks);
  for (size_t s = 0; s < spec->count; ++s) names = CF_MAX(names, 6.5 * cf_text_width(spec->series[s].name));
  names = CF_MIN(0.3 * draw.width, 1.1 * names) + 9.0; /* other fonts are wider than the one that is measured */
  double left = 17.0 + cf_ticks_width(&ticks) + 4.0, right = draw.width - names - 10.0;
  double first = left + 6.0, last = right - 2.0;
  double slot = spec->positions > 1 ? (last - first) / (double)(spec->positions - 1) : last - first;
  for (size_t i = 0; i < spec->positions; ++i)
    widest = CF_MAX(widest, 6.5 * cf_text_width(position_text(spec, i, number, sizeof number)));
  bool turned = widest > slot - 3.0;
  double bottom =
      draw.top + CF_MAX(CF_MAX(draw.options->height_mm * CF_MM - draw.top - 40.0, 110.0), 8.5 * (double)spec->count);
  double from, to;
  cf_ticks_limits(&ticks, low, high, &from, &to);
  cf_scale y = {from, to, bottom, draw.top + 2.0};
  cf_text_put(&draw.body, "<g class=\"cf-grid\">\n");
  for (size_t t = 0; t < ticks.n; ++t)
    if (ticks.at[t] >= from - 1e-9 * ticks.step && ticks.at[t] <= to + 1e-9 * ticks.step)
      cf_draw_line(&draw, "cf-gridline", left, cf_scale_at(&y, ticks.at[t]), right, cf_scale_at(&y, ticks.at[t]),
                   ticks.at[t] == 0.0 ? CF_MUTED : CF_FAINT, 0.5);
  cf_text_put(&draw.body, "</g>\n");
  for (size_t s = 0; s < spec->count; ++s) draw_series(&draw, spec, s, &y, first, last);
  CF_TRY(draw_names(&draw, spec, &y, right + 5.0, names));
  cf_draw_y_axis(&draw, &y, &ticks, left, spec->y_title, 9.0);
  cf_draw_line(&draw, "cf-line", left, bottom, right, bottom, CF_INK, 0.5);
  size_t every = turned && slot < 8.0 ? (size_t)ceil(8.0 / slot) : 1;
  double below = 0.0;
  for (size_t i = 0; i < spec->positions; i += every) {
    double x = place(spec, first, last, i);
    const char *text = position_text(spec, i, number, sizeof number);
    cf_draw_line(&draw, "cf-line", x, bottom, x, bottom + 2.5, CF_INK, 0.5);
    cf_draw_text(&draw, x + (turned ? 2.0 : 0.0), bottom + (turned ? 7.0 : 9.5),
                 (cf_type){.size = 6.5,
                           .anchor = turned ? CF_END : CF_MIDDLE,
                           .angle = turned ? -40 : 0,
                           .room = turned ? CF_MIN(70.0, (x - 2.0) / 0.766) : slot},
                 text);
    below = CF_MAX(below, turned ? 8.0 + 0.643 * CF_MIN(70.0, 6.5 * cf_text_width(text)) : 9.5);
  }
  if (spec->x_title) {
    below += 10.0;
    cf_draw_text(&draw, 0.5 * (left + right), bottom + below,
                 (cf_type){.size = 7, .anchor = CF_MIDDLE, .room = draw.width - 6.0}, spec->x_title);
  }
  return cf_draw_finish(&draw, bottom + below + 3.0, out);
done:
  cf_text_free(&draw.body);
  return status;
}
