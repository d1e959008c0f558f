/* Values over a number: lines with bands or error bars, bars and marks, in panels beside one another. */
#include "figure/draw.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_MARKED = 60 };

static void widen(double v, double *low, double *high) {
  if (!isfinite(v)) return;
  *low = CF_MIN(*low, v);
  *high = CF_MAX(*high, v);
}

typedef struct axes {
  cf_scale x, y;
  cf_ticks tx, ty;
} axes;

static int colour_of(const cf_curve_panel *panel, size_t k) {
  return (int)((panel->colour ? panel->colour[k] : k) % 10);
}

static bool has_bars(const cf_curve_panel *panel) {
  for (size_t k = 0; k < panel->count; ++k)
    if (panel->curve[k].style == CF_CURVE_BARS) return true;
  return false;
}

/* Least distance of neighbouring bars. */
static double spacing(const cf_curve_panel *panel) {
  double least = INFINITY;
  for (size_t k = 0; k < panel->count; ++k)
    for (size_t i = 1; i < panel->curve[k].n; ++i)
      least = CF_MIN(least, fabs(panel->curve[k].x[i] - panel->curve[k].x[i - 1]));
  return isfinite(least) && least > 0.0 ? least : 1.0;
}

/* Few bars are labelled each, or every second, third ... of them. */
static void label_bars(const cf_curve_panel *panel, cf_ticks *ticks) {
  const cf_curve *c = panel->curve;
  size_t every = 1;
  if (c->style != CF_CURVE_BARS || c->n > 24) return;
  while (c->n / every > 9) ++every;
  ticks->n = 0;
  ticks->exponent = 0;
  ticks->decimals = 0;
  for (size_t i = 0; i < c->n; i += every) {
    ticks->at[ticks->n++] = c->x[i];
    if (c->x[i] != floor(c->x[i])) ticks->decimals = 1;
  }
}

static axes make_axes(const cf_curve_panel *panel) {
  axes a;
  double x0 = INFINITY, x1 = -INFINITY, y0 = INFINITY, y1 = -INFINITY;
  bool whole = true;
  for (size_t k = 0; k < panel->count; ++k) {
    const cf_curve *c = panel->curve + k;
    for (size_t i = 0; i < c->n; ++i) {
      widen(c->x[i], &x0, &x1);
      widen(c->y[i], &y0, &y1);
      if (c->low && c->high) widen(c->low[i], &y0, &y1), widen(c->high[i], &y0, &y1);
      whole = whole && c->x[i] == floor(c->x[i]);
    }
  }
  if (panel->levelled) widen(panel->level, &y0, &y1);
  if (panel->from_zero) widen(0.0, &y0, &y1);
  if (panel->bounded) y0 = panel->low, y1 = panel->high;
  if (x0 > x1) x0 = 0.0, x1 = 1.0;
  if (y0 > y1) y0 = 0.0, y1 = 1.0;
  if (!(y1 > y0)) { /* one value: a range around it */
    double pad = y0 != 0.0 ? 0.1 * fabs(y0) : 0.5;
    y0 -= pad;
    y1 += pad;
  }
  double margin = has_bars(panel) ? 0.6 * spacing(panel) : x1 > x0 ? 0.03 * (x1 - x0) : 0.5;
  cf_ticks_inside(x0, x1, 5, &a.tx);
  if (whole && a.tx.step < 1.0) cf_ticks_make(x0 - (x1 > x0 ? 0.0 : 1.0), x1 + (x1 > x0 ? 0.0 : 1.0), 1, &a.tx);
  label_bars(panel, &a.tx);
  cf_ticks_inside(y0, y1, 4, &a.ty);
  a.x = (cf_scale){x0 - margin, x1 + margin, 0, 0};
  double from, to;
  cf_ticks_limits(&a.ty, y0, y1, &from, &to);
  if (panel->bounded) from = y0 - 0.03 * (y1 - y0), to = y1 + 0.03 * (y1 - y0);
  a.y = (cf_scale){from, to, 0, 0};
  return a;
}

static void draw_band(cf_draw *draw, const cf_curve *c, const axes *a, int colour) {
  for (size_t i = 0; i + 1 < c->n; ++i) {
    if (!isfinite(c->low[i]) || !isfinite(c->high[i]) || !isfinite(c->low[i + 1]) || !isfinite(c->high[i + 1]))
      continue;
    cf_text_write(
        &draw->body, "<path class=\"cf-c$i\" d=\"M$n $nL$n $nL$n $nL$n $nZ\" fill=\"$s\" fill-opacity=\"0.18\"/>\n",
        colour, cf_scale_at(&a->x, c->x[i]), cf_scale_at(&a->y, c->low[i]), cf_scale_at(&a->x, c->x[i + 1]),
        cf_scale_at(&a->y, c->low[i + 1]), cf_scale_at(&a->x, c->x[i + 1]), cf_scale_at(&a->y, c->high[i + 1]),
        cf_scale_at(&a->x, c->x[i]), cf_scale_at(&a->y, c->high[i]), cf_figure_colour((size_t)colour));
  }
}

static void draw_line(cf_draw *draw, const cf_curve *c, const axes *a, int colour) {
  bool pen = false;
  cf_text_write(
      &draw->body,
      "<path class=\"cf-stroke-c$i\" fill=\"none\" stroke=\"$s\" stroke-width=\"1\" stroke-linejoin=\"round\" d=\"",
      colour, cf_figure_colour((size_t)colour));
  for (size_t i = 0; i < c->n; ++i) {
    bool there = isfinite(c->y[i]) && isfinite(c->x[i]);
    if (there)
      cf_text_write(&draw->body, "$s$n $n", pen ? "L" : "M", cf_scale_at(&a->x, c->x[i]), cf_scale_at(&a->y, c->y[i]));
    pen = there;
  }
  cf_text_put(&draw->body, "\"/>\n");
}

static void draw_marks(cf_draw *draw, const cf_curve *c, const axes *a, const char *x_title, int colour) {
  char at[64], value[64], low[64], high[64];
  const char *fill = cf_figure_colour((size_t)colour);
  double slot = c->n > 1 ? fabs(cf_scale_at(&a->x, c->x[1]) - cf_scale_at(&a->x, c->x[0])) : 20.0;
  double foot = cf_scale_at(&a->y, CF_MAX(a->y.low, CF_MIN(a->y.high, 0.0)));
  for (size_t i = 0; i < c->n; ++i) {
    if (!isfinite(c->x[i]) || !isfinite(c->y[i])) continue;
    double x = cf_scale_at(&a->x, c->x[i]), y = cf_scale_at(&a->y, c->y[i]);
    bool spread = c->low && c->high && isfinite(c->low[i]) && isfinite(c->high[i]);
    if (spread && c->error_bars)
      cf_text_write(
          &draw->body,
          "<path class=\"cf-stroke-c$i\" d=\"M$n $nV$n\" fill=\"none\" stroke=\"$s\" stroke-width=\"0.7\"/>\n", colour,
          x, cf_scale_at(&a->y, c->low[i]), cf_scale_at(&a->y, c->high[i]), fill);
    if (c->style == CF_CURVE_BARS)
      cf_text_write(
          &draw->body,
          "<rect class=\"cf-mark cf-c$i\" data-value=\"$v\" x=\"$n\" y=\"$n\" width=\"$n\" height=\"$n\" fill=\"$s\" fill-opacity=\"0.75\"><title>",
          colour, c->y[i], x - 0.36 * CF_MIN(slot, 20.0), CF_MIN(y, foot), 0.72 * CF_MIN(slot, 20.0), fabs(foot - y),
          fill);
    else
      cf_text_write(
          &draw->body,
          "<circle class=\"cf-mark cf-c$i\" data-value=\"$v\" cx=\"$n\" cy=\"$n\" r=\"$n\" fill=\"$s\" stroke=\"#fff\" stroke-width=\"0.4\"><title>",
          colour, c->y[i], x, y, c->n > 30 ? 1.2 : 1.7, fill);
    cf_text_write(&draw->body, "$t$s$t $s: $s", c->name ? c->name : "", c->name ? ", " : "", x_title ? x_title : "",
                  cf_text_value(c->x[i], at, sizeof at), cf_text_value(c->y[i], value, sizeof value));
    if (spread)
      cf_text_write(&draw->body, " [$s, $s]", cf_text_value(c->low[i], low, sizeof low),
                    cf_text_value(c->high[i], high, sizeof high));
    cf_text_put(&draw->body, c->style == CF_CURVE_BARS ? "</title></rect>\n" : "</title></circle>\n");
  }
}

static double key_width(const cf_curve *curve) {
  return 14.0 + 6.3 * cf_text_width(curve->name);
}

static void draw_key(cf_draw *draw, const cf_curve_panel *panel, size_t k, double x, double y, double room) {
  cf_text_write(
      &draw->body,
      "<g class=\"cf-key\" data-group=\"$i\"><rect class=\"cf-fill cf-c$i\" x=\"$n\" y=\"$n\" width=\"5\" height=\"2\" fill=\"$s\"/>\n",
      (int)k, colour_of(panel, k), x, y - 3.0, cf_figure_colour((size_t)colour_of(panel, k)));
  cf_draw_text(draw, x + 7.0, y, (cf_type){.size = 6.3, .room = room}, panel->curve[k].name);
  cf_text_put(&draw->body, "</g>\n");
}

/* Whether one key below can stand for those of all panels: they have the same curves, and their names do not fit. */
static bool one_key(const cf_curves_figure *spec, double wide) {
  const cf_curve_panel *first = spec->panel;
  bool fits = true;
  if (first->count < 2) return false;
  for (size_t p = 0; p < spec->panels; ++p) {
    const cf_curve_panel *panel = spec->panel + p;
    double all = 4.0;
    if (panel->count != first->count) return false;
    for (size_t k = 0; k < panel->count; ++k) {
      const char *a = panel->curve[k].name, *b = first->curve[k].name;
      if (!a || !b || strcmp(a, b) != 0 || colour_of(panel, k) != colour_of(first, k)) return false;
      all += key_width(panel->curve + k);
    }
    fits = fits && all <= wide;
  }
  return !fits;
}

/* The key of all panels in as many lines as it takes; returns where it ends. */
static double draw_one_key(cf_draw *draw, const cf_curve_panel *panel, double x, double y) {
  double at = x, right = draw->width - 4.0;
  cf_text_put(&draw->body, "<g class=\"cf-legend\">\n");
  for (size_t k = 0; k < panel->count; ++k) {
    const double wide = key_width(panel->curve + k);
    if (at > x && at + wide > right) at = x, y += 9.0;
    draw_key(draw, panel, k, at, y, right - x - 8.0);
    at += wide;
  }
  cf_text_put(&draw->body, "</g>\n");
  return y + 6.0;
}

/* Names of two or more curves as a key inside the top of the panel. */
static void draw_names(cf_draw *draw, const cf_curve_panel *panel, cf_box box) {
  double at = box.x + 4.0, y = box.y - 3.0;
  if (panel->count < 2) return;
  cf_text_put(&draw->body, "<g class=\"cf-legend\">\n");
  for (size_t k = 0; k < panel->count; ++k) {
    if (!panel->curve[k].name) continue;
    const double wide = key_width(panel->curve + k);
    if (at > box.x + 4.0 && at + wide > box.x + box.w) break;
    draw_key(draw, panel, k, at, y, box.w - 12.0);
    at += wide;
  }
  cf_text_put(&draw->body, "</g>\n");
}

/* The name stands below the line, or above where there is no room below. */
static void draw_level(cf_draw *draw, const cf_curve_panel *panel, const axes *a, cf_box box) {
  const double y = cf_scale_at(&a->y, panel->level);
  cf_text_write(&draw->body,
                "<path class=\"cf-tree\" d=\"M$n $nH$n\" stroke=\"" CF_MUTED
                "\" stroke-width=\"0.6\" stroke-dasharray=\"1.2 1.5\" fill=\"none\"/>\n",
                box.x, y, box.x + box.w);
  if (panel->level_name)
    cf_draw_text(draw, box.x + box.w - 1.0, y + 8.0 < box.y + box.h ? y + 6.5 : y - 2.0,
                 (cf_type){.size = 6, .muted = true, .anchor = CF_END, .room = box.w - 2.0}, panel->level_name);
}

static void draw_mark(cf_draw *draw, const cf_curve_panel *panel, const axes *a, cf_box box) {
  const double x = cf_scale_at(&a->x, panel->mark);
  const bool right = x < box.x + 0.6 * box.w;
  cf_text_write(&draw->body,
                "<path class=\"cf-tree\" d=\"M$n $nV$n\" stroke=\"" CF_MUTED
                "\" stroke-width=\"0.7\" stroke-dasharray=\"2 1.5\" fill=\"none\"/>\n",
                x, box.y + box.h, box.y);
  if (panel->mark_name)
    cf_draw_text(draw, x + (right ? 2.5 : -2.5), box.y + box.h - 3.0,
                 (cf_type){.size = 6,
                           .muted = true,
                           .anchor = right ? CF_START : CF_END,
                           .room = right ? box.x + box.w - x : x - box.x},
                 panel->mark_name);
}

static void draw_panel(cf_draw *draw, const cf_curve_panel *panel, axes *a, cf_box box, double head, bool named) {
  a->x.from = box.x, a->x.to = box.x + box.w;
  a->y.from = box.y + box.h, a->y.to = box.y;
  cf_text_write(&draw->body, "<g class=\"cf-panel\" data-name=\"$t\">\n", panel->title ? panel->title : "");
  if (panel->title)
    cf_draw_text(draw, box.x - 2.0, box.y - head + 4.0, (cf_type){.size = 7, .room = box.w + 4.0, .bold = true},
                 panel->title);
  if (panel->levelled) draw_level(draw, panel, a, box);
  if (panel->marked && panel->mark >= a->x.low && panel->mark <= a->x.high) draw_mark(draw, panel, a, box);
  for (size_t k = 0; k < panel->count; ++k) {
    const cf_curve *c = panel->curve + k;
    int colour = colour_of(panel, k);
    cf_text_write(&draw->body, "<g class=\"cf-series\" data-group=\"$i\">\n", (int)k);
    if (c->low && c->high && !c->error_bars && c->style == CF_CURVE_LINE) draw_band(draw, c, a, colour);
    if (c->style == CF_CURVE_LINE) draw_line(draw, c, a, colour);
    if (c->style != CF_CURVE_LINE || c->n <= MOST_MARKED) draw_marks(draw, c, a, panel->x_title, colour);
    cf_text_put(&draw->body, "</g>\n");
  }
  if (named) draw_names(draw, panel, box);
  cf_draw_panel(draw, box, &a->x, &a->tx, panel->x_title, &a->y, &a->ty, panel->y_title);
  cf_text_put(&draw->body, "</g>\n");
}

cf_status cf_figure_curves(cf_context *ctx, const cf_curves_figure *spec, const cf_figure_options *options,
                           cf_figure **out) {
  cf_status status = CF_OK;
  cf_draw draw;
  double widest = 0.0, head = 0.0;
  size_t most = CF_MIN(spec->panels, 3);
  cf_draw_begin(&draw, ctx, "cf-curves", options,
                most == 1   ? CF_FIGURE_ONE_COLUMN
                : most == 2 ? 136.0
                            : CF_FIGURE_TWO_COLUMNS);
  if (spec->panels == 0) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "a figure of curves needs panels"));
  for (size_t p = 0; p < spec->panels; ++p) {
    if (spec->panel[p].count == 0) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "panel %zu has no curve", p));
    axes a = make_axes(spec->panel + p);
    widest = CF_MAX(widest, cf_panel_left(&a.ty));
    head = CF_MAX(head, (spec->panel[p].title ? 8.0 : 0.0) + (spec->panel[p].count > 1 ? 8.0 : 0.0));
  }
  size_t columns = CF_MIN(spec->columns ? spec->columns : most, spec->panels);
  double cell = (draw.width - 4.0) / (double)columns, wide = cell - widest - 8.0;
  const bool below = one_key(spec, wide);
  double tall = draw.options->height_mm > 0 ? CF_MAX(40.0, draw.options->height_mm * CF_MM - draw.top - head - 30.0)
                                            : CF_MIN(110.0, CF_MAX(70.0, 0.72 * wide));
  double y = draw.top + head;
  for (size_t p = 0; p < spec->panels; ++p) {
    axes a = make_axes(spec->panel + p);
    cf_box box = {2.0 + cell * (double)(p % columns) + widest, y, wide, tall};
    draw_panel(&draw, spec->panel + p, &a, box, head, !below);
    if (p % columns + 1 == columns && p + 1 < spec->panels) y += tall + CF_PANEL_BELOW + head + 4.0;
  }
  y += tall + CF_PANEL_BELOW;
  if (below) y = draw_one_key(&draw, spec->panel, 2.0 + widest, y + 5.0);
  return cf_draw_finish(&draw, y, out);
done:
  cf_text_free(&draw.body);
  return status;
}
