/* Forest plot: values with intervals beside what chance gives, the numbers in print at the right.
 *
 * Filled dot and line: value and interval. Hollow diamond and pale bar: mean and central range of the null. Measures of
 * different scale (similarities, distances) get an axis each below their rows. */
#include "figure/draw.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_ROWS = 400 };

static bool same_axis(const cf_interval_row *a, const cf_interval_row *b) {
  return strcmp(a->axis ? a->axis : "", b->axis ? b->axis : "") == 0;
}

static void row_text(const cf_interval_row *row, char *buffer, size_t size) {
  char v[64], a[64], b[64], p[64];
  cf_text_value(row->value, v, sizeof v);
  cf_text_p(row->p, p, sizeof p);
  if (isfinite(row->low) && isfinite(row->high))
    snprintf(buffer, size, "%s [%s, %s]%s%s", v, cf_text_value(row->low, a, sizeof a),
             cf_text_value(row->high, b, sizeof b), p[0] ? ", " : "", p);
  else
    snprintf(buffer, size, "%s%s%s", v, p[0] ? ", " : "", p);
}

static void draw_row(cf_draw *draw, const cf_interval_row *row, const cf_scale *x, double y, double left,
                     double text_x) {
  char numbers[300], a[64];
  row_text(row, numbers, sizeof numbers);
  cf_text_write(&draw->body,
                "<g class=\"cf-row cf-mark\" data-name=\"$t\" data-value=\"$v\" data-low=\"$v\" data-high=\"$v\" "
                "data-null=\"$v\" data-p=\"$v\"><title>$t: $s",
                row->name, row->value, row->low, row->high, row->null_mean, row->p, row->name, numbers);
  if (isfinite(row->null_mean)) cf_text_write(&draw->body, "; chance $s", cf_text_value(row->null_mean, a, sizeof a));
  cf_text_put(&draw->body, "</title>\n");
  cf_text_write(&draw->body, "<rect x=\"0\" y=\"$n\" width=\"$n\" height=\"12\" fill=\"#fff\" fill-opacity=\"0\"/>\n",
                y - 6.0, draw->width);
  cf_draw_text(draw, left - 5.0, y + 2.4, (cf_type){.size = 7, .anchor = CF_END, .room = (left - 7.0) / 1.13},
               row->name);
  if (isfinite(row->null_low) && isfinite(row->null_high)) {
    double from = cf_scale_at(x, row->null_low), to = cf_scale_at(x, row->null_high);
    cf_text_write(&draw->body,
                  "<rect class=\"cf-band\" x=\"$n\" y=\"$n\" width=\"$n\" height=\"5\" rx=\"1.5\" fill=\"#c9d1d9\"/>\n",
                  CF_MIN(from, to), y - 2.5, CF_MAX(0.8, fabs(to - from)));
  }
  if (isfinite(row->null_mean)) {
    double at = cf_scale_at(x, row->null_mean);
    cf_text_write(&draw->body,
                  "<path class=\"cf-null\" d=\"M$n $nL$n $nL$n $nL$n $nZ\" fill=\"#fff\" stroke=\"" CF_MUTED
                  "\" stroke-width=\"0.8\"/>\n",
                  at - 2.4, y, at, y - 2.4, at + 2.4, y, at, y + 2.4);
  }
  if (isfinite(row->low) && isfinite(row->high)) {
    cf_text_write(&draw->body,
                  "<path class=\"cf-stroke-c0\" d=\"M$n $nH$nM$n $nV$nM$n $nV$n\" fill=\"none\" stroke=\"$s\" "
                  "stroke-width=\"1.1\"/>\n",
                  cf_scale_at(x, row->low), y, cf_scale_at(x, row->high), cf_scale_at(x, row->low), y - 2.0, y + 2.0,
                  cf_scale_at(x, row->high), y - 2.0, y + 2.0, cf_figure_colour(0));
  }
  if (isfinite(row->value))
    cf_text_write(&draw->body, "<circle class=\"cf-c0\" cx=\"$n\" cy=\"$n\" r=\"2.3\" fill=\"$s\"/>\n",
                  cf_scale_at(x, row->value), y, cf_figure_colour(0));
  cf_draw_text(draw, text_x, y + 2.3, (cf_type){.size = 6.5, .room = draw->width - text_x - 2.0}, numbers);
  cf_text_put(&draw->body, "</g>\n");
}

static void extent(const cf_intervals_figure *spec, size_t first, double *low, double *high) {
  *low = INFINITY;
  *high = -INFINITY;
  for (size_t i = first; i < spec->count; ++i) {
    const cf_interval_row *r = spec->row + i;
    if (!same_axis(r, spec->row + first)) continue;
    const double at[6] = {r->value, r->low, r->high, r->null_mean, r->null_low, r->null_high};
    for (int k = 0; k < 6; ++k)
      if (isfinite(at[k])) *low = CF_MIN(*low, at[k]), *high = CF_MAX(*high, at[k]);
  }
  if (*low > *high) *low = 0.0, *high = 1.0;
  /* Zero is the natural reference for these measures: show it when it is not far away. */
  if (*low > 0.0 && *low < 1.5 * (*high - *low) + 1e-300) *low = 0.0;
  if (*high < 0.0) *high = 0.0;
}

cf_status cf_figure_intervals(cf_context *ctx, const cf_intervals_figure *spec, const cf_figure_options *options,
                              cf_figure **out) {
  cf_status status = CF_OK;
  cf_draw draw;
  cf_draw_begin(&draw, ctx, "cf-intervals", options, 136.0);
  if (spec->count == 0) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "an interval figure needs rows"));
  if (spec->count > MOST_ROWS)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "an interval figure shows at most %d rows, not %zu", MOST_ROWS, spec->count));
  const double spare = 1.13; /* fonts that stand in for Arial are wider */
  double names = 0.0, numbers = 0.0;
  for (size_t i = 0; i < spec->count; ++i) {
    char text[300];
    row_text(spec->row + i, text, sizeof text);
    names = CF_MAX(names, spare * 7.0 * cf_text_width(spec->row[i].name));
    numbers = CF_MAX(numbers, spare * 6.5 * cf_text_width(text));
  }
  double left = CF_MIN(0.32 * draw.width, names) + 9.0, text_x = draw.width - CF_MIN(0.42 * draw.width, numbers) - 3.0;
  double y = draw.top + 2.0;
  for (size_t first = 0; first < spec->count; ++first) {
    bool seen = false;
    for (size_t k = 0; k < first; ++k) seen = seen || same_axis(spec->row + k, spec->row + first);
    if (seen) continue;
    double low, high;
    cf_ticks ticks;
    extent(spec, first, &low, &high);
    cf_ticks_make(low, high, 4, &ticks);
    cf_scale x = {ticks.low, ticks.high, left, text_x - 9.0};
    size_t rows = 0;
    for (size_t i = first; i < spec->count; ++i) rows += same_axis(spec->row + i, spec->row + first) ? 1 : 0;
    double top = y, base = y + 13.0 * (double)rows + 2.0;
    cf_text_put(&draw.body, "<g class=\"cf-grid\">\n");
    for (size_t t = 0; t < ticks.n; ++t)
      cf_draw_line(&draw, ticks.at[t] == 0.0 ? "cf-line" : "cf-gridline", cf_scale_at(&x, ticks.at[t]), top,
                   cf_scale_at(&x, ticks.at[t]), base, ticks.at[t] == 0.0 ? CF_MUTED : CF_FAINT, 0.5);
    cf_text_put(&draw.body, "</g>\n");
    for (size_t i = first; i < spec->count; ++i) {
      if (!same_axis(spec->row + i, spec->row + first)) continue;
      draw_row(&draw, spec->row + i, &x, y + 7.0, left, text_x);
      y += 13.0;
    }
    cf_draw_x_axis(&draw, &x, &ticks, base, spec->row[first].axis ? spec->row[first].axis : spec->x_title);
    y = base + 30.0;
  }
  return cf_draw_finish(&draw, y - 6.0, out);
done:
  cf_text_free(&draw.body);
  return status;
}
