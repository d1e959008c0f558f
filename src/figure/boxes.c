/* Boxes of samples over named positions, one panel a quantity above the next: quartiles with the median, whiskers from
 * the 5th to the 95th percentile, a short line at the largest value. Several samples at a position (series) stand
 * beside one another in colours of their own. Quantiles are interpolated linearly (type 7). */
#include "figure/draw.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOW, FIRST, MIDDLE, THIRD, HIGH, MOST, LEVELS };

typedef struct summary {
  size_t n, under; /* values; of these not above 0 on a logarithmic axis */
  double mean, at[LEVELS];
} summary;

typedef struct frame {
  cf_box box;
  cf_scale y; /* of the logarithm where the panel is logarithmic */
  cf_ticks ticks;
  double first, slot, floor; /* floor: what values not above 0 are shown as */
} frame;

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double quantile(size_t n, const double *sorted, double q) {
  const double place = q * (double)(n - 1);
  const size_t i = (size_t)place;
  return i + 1 < n ? sorted[i] + (place - (double)i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

static cf_status summarise(cf_context *ctx, const cf_box_sample *sample, summary *out) {
  static const double share[LEVELS] = {0.05, 0.25, 0.5, 0.75, 0.95, 1.0};
  cf_status status = CF_OK;
  double *kept = NULL;
  cf_mark mark = cf_scratch_mark(ctx);
  *out = (summary){0, 0, NAN, {NAN, NAN, NAN, NAN, NAN, NAN}};
  CF_TRY(CF_SCRATCH(ctx, &kept, sample->n + 1));
  for (size_t i = 0; i < sample->n; ++i)
    if (isfinite(sample->value[i])) kept[out->n++] = sample->value[i];
  if (out->n == 0) goto done;
  out->mean = 0.0;
  for (size_t i = 0; i < out->n; ++i) {
    out->mean += kept[i] / (double)out->n;
    out->under += !(kept[i] > 0.0);
  }
  qsort(kept, out->n, sizeof *kept, by_value);
  for (int k = 0; k < LEVELS; ++k) out->at[k] = quantile(out->n, kept, share[k]);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------------ axes -- */

/* Range of what is drawn; on a logarithmic axis from the smallest positive value, at most eight decades. */
static void range_of(const cf_boxes_panel *panel, size_t n, const summary *s, frame *f) {
  double low = INFINITY, high = -INFINITY;
  for (size_t i = 0; i < n; ++i)
    for (int k = 0; k < LEVELS; ++k) {
      const double v = s[i].at[k];
      if (!isfinite(v) || (panel->logarithmic && !(v > 0.0))) continue;
      low = CF_MIN(low, v);
      high = CF_MAX(high, v);
    }
  if (low > high) low = 0.0, high = 1.0;
  if (panel->logarithmic) {
    high = log10(CF_MAX(high, 1e-300));
    low = CF_MAX(log10(CF_MAX(low, 1e-300)), high - 8.0);
    if (high - low < 0.2) low -= 0.5, high += 0.5;
    f->floor = low;
    cf_ticks_make(floor(low), ceil(high), 4, &f->ticks);
    f->y = (cf_scale){low - 0.06 * (high - low), high + 0.06 * (high - low), 0, 0};
    return;
  }
  if (panel->bounded) low = panel->low, high = panel->high;
  if (!panel->bounded && low > 0.0 && low < high - low) low = 0.0;
  if (!(high > low)) low -= 0.1, high += 0.1;
  f->floor = -INFINITY;
  cf_ticks_inside(low, high, 3, &f->ticks);
  f->y = (cf_scale){low - 0.03 * (high - low), high + 0.05 * (high - low), 0, 0};
}

static double height(const frame *f, bool logarithmic, double value) {
  if (logarithmic) value = value > 0.0 ? CF_MAX(f->floor, log10(value)) : f->floor;
  return cf_scale_at(&f->y, value);
}

/* "0.01", "10", ... at whole powers of ten. */
static void draw_decades(cf_draw *draw, const frame *f) {
  char label[64];
  cf_text_put(&draw->body, "<g class=\"cf-axis cf-y\">\n");
  cf_draw_line(draw, "cf-line", f->box.x, f->y.from, f->box.x, f->y.to, CF_INK, 0.5);
  const double step = CF_MAX(1.0, round(f->ticks.step));
  for (double e = ceil(f->y.low / step) * step; e <= f->y.high; e += step) {
    const double y = cf_scale_at(&f->y, e);
    cf_draw_line(draw, "cf-line", f->box.x - 2.5, y, f->box.x, y, CF_INK, 0.5);
    cf_draw_text(draw, f->box.x - 4.0, y + 2.3, (cf_type){.size = 6.5, .anchor = CF_END},
                 fabs(e) < 6.0 ? cf_text_fixed(pow(10.0, e), CF_MAX(0, (int)-e), label, sizeof label)
                               : cf_text_value(pow(10.0, e), label, sizeof label));
  }
  cf_text_put(&draw->body, "</g>\n");
}

/* ----------------------------------------------------------------- boxes -- */

static void draw_box(cf_draw *draw, const cf_boxes_figure *spec, const cf_boxes_panel *panel, const frame *f,
                     const summary *s, size_t position, size_t series) {
  char text[LEVELS][64];
  double y[LEVELS];
  const double wide = CF_MIN(11.0, 0.8 * f->slot / (double)spec->series);
  const double x =
      f->first + f->slot * (double)position +
      ((double)series - 0.5 * (double)(spec->series - 1)) * CF_MIN(12.5, 0.9 * f->slot / (double)spec->series);
  const char *colour = cf_figure_colour(series);
  if (s->n == 0) return;
  for (int k = 0; k < LEVELS; ++k) {
    y[k] = height(f, panel->logarithmic, s->at[k]);
    cf_text_value(s->at[k], text[k], sizeof text[k]);
  }
  cf_text_write(&draw->body, "<g class=\"cf-mark cf-box\" data-n=\"$i\" data-median=\"$v\" data-max=\"$v\">", (int)s->n,
                s->at[MIDDLE], s->at[MOST]);
  cf_text_write(&draw->body, "<title>$t$s$t: $i values, median $s, quartiles $s and $s, 5 % $s, 95 % $s, largest $s",
                spec->position_name[position], spec->series > 1 ? ", " : "",
                spec->series > 1 ? spec->series_name[series] : "", (int)s->n, text[MIDDLE], text[FIRST], text[THIRD],
                text[LOW], text[HIGH], text[MOST]);
  if (panel->logarithmic && s->under) cf_text_write(&draw->body, "; $i not above 0", (int)s->under);
  cf_text_write(&draw->body,
                "</title>\n<path class=\"cf-stroke-c$i\" d=\"M$n $nV$nM$n $nV$n\" fill=\"none\" stroke=\"$s\" "
                "stroke-width=\"0.8\"/>\n",
                (int)(series % 10), x, y[LOW], y[FIRST], x, y[THIRD], y[HIGH], colour);
  cf_text_write(
      &draw->body,
      "<rect class=\"cf-c$i\" x=\"$n\" y=\"$n\" width=\"$n\" height=\"$n\" fill=\"$s\" fill-opacity=\"0.75\"/>\n",
      (int)(series % 10), x - 0.5 * wide, y[THIRD], wide, CF_MAX(0.6, y[FIRST] - y[THIRD]), colour);
  cf_text_write(&draw->body,
                "<path class=\"cf-line\" d=\"M$n $nh$n\" stroke=\"" CF_INK "\" stroke-width=\"1\" fill=\"none\"/>\n",
                x - 0.5 * wide, y[MIDDLE], wide);
  cf_text_write(
      &draw->body,
      "<path class=\"cf-stroke-c$i\" d=\"M$n $nh$n\" stroke=\"$s\" stroke-width=\"1\" fill=\"none\"/>\n</g>\n",
      (int)(series % 10), x - 0.35 * wide, y[MOST], 0.7 * wide, colour);
}

static void draw_panel(cf_draw *draw, const cf_boxes_figure *spec, const cf_boxes_panel *panel, const summary *s,
                       const frame *f) {
  cf_text_write(&draw->body, "<g class=\"cf-panel\" data-name=\"$t\">\n", panel->title ? panel->title : "");
  if (panel->title)
    cf_draw_text(draw, f->box.x + 2.0, f->box.y - 3.0, (cf_type){.size = 7, .room = f->box.w, .bold = true},
                 panel->title);
  for (size_t i = 0; i < spec->positions; ++i)
    for (size_t k = 0; k < spec->series; ++k) draw_box(draw, spec, panel, f, s + i * spec->series + k, i, k);
  if (panel->logarithmic)
    draw_decades(draw, f);
  else
    cf_draw_y_axis(draw, &f->y, &f->ticks, f->box.x, NULL, 0.0);
  cf_draw_line(draw, "cf-line", f->box.x, f->box.y + f->box.h, f->box.x + f->box.w, f->box.y + f->box.h, CF_INK, 0.5);
  cf_text_put(&draw->body, "</g>\n");
}

cf_status cf_figure_boxes(cf_context *ctx, const cf_boxes_figure *spec, const cf_figure_options *options,
                          cf_figure **out) {
  cf_status status = CF_OK;
  cf_draw draw;
  summary *all = NULL;
  const size_t each = spec->positions * spec->series;
  double widest = 0.0;
  cf_mark mark = cf_scratch_mark(ctx);
  cf_draw_begin(&draw, ctx, "cf-boxes", options,
                each > 24  ? CF_FIGURE_TWO_COLUMNS
                : each > 9 ? 136.0
                           : CF_FIGURE_ONE_COLUMN);
  if (spec->panels == 0 || each == 0)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "a figure of boxes needs panels, series and positions"));
  CF_TRY(CF_SCRATCH(ctx, &all, spec->panels * each));
  for (size_t p = 0; p < spec->panels; ++p) {
    frame f = {.slot = 0.0};
    for (size_t i = 0; i < each; ++i) CF_TRY(summarise(ctx, spec->panel[p].sample + i, all + p * each + i));
    range_of(spec->panel + p, each, all + p * each, &f);
    widest = CF_MAX(widest, spec->panel[p].logarithmic ? 30.0 : cf_ticks_width(&f.ticks));
  }
  double left = 1.1 * widest + 9.0, wide = draw.width - left - 4.0, tall = 68.0, below = 0.0;
  double y = draw.top + (spec->series > 1 ? 2.0 : 0.0);
  if (spec->series > 1) y = cf_draw_legend(&draw, left, y, wide, spec->series, spec->series_name) + 1.0;
  for (size_t p = 0; p < spec->panels; ++p) {
    frame f = {.box = {left, y + 10.0, wide, tall}};
    f.slot = wide / (double)spec->positions;
    f.first = left + 0.5 * f.slot;
    range_of(spec->panel + p, each, all + p * each, &f);
    f.y.from = f.box.y + f.box.h;
    f.y.to = f.box.y;
    draw_panel(&draw, spec, spec->panel + p, all + p * each, &f);
    y += 10.0 + tall + 7.0;
    if (p + 1 == spec->panels)
      below = cf_draw_names(&draw, spec->positions, spec->position_name, f.first, f.slot, y - 5.0);
  }
  cf_scratch_release(ctx, mark);
  return cf_draw_finish(&draw, y + below - 2.0, out);
done:
  cf_scratch_release(ctx, mark);
  cf_text_free(&draw.body);
  return status;
}
