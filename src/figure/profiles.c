/* Profiles over named positions, one panel a quantity above the next, on one common axis of positions. */
#include "figure/draw.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct frame {
  cf_box box;
  cf_scale y;
  cf_ticks ticks;
  double first, slot, floor;
} frame;

static void widen(const double *v, size_t n, double *low, double *high) {
  for (size_t i = 0; v && i < n; ++i)
    if (isfinite(v[i])) *low = CF_MIN(*low, v[i]), *high = CF_MAX(*high, v[i]);
}

static void range_of(const cf_profiles_figure *spec, const cf_profile_panel *panel, frame *f) {
  double low = INFINITY, high = -INFINITY;
  for (size_t k = 0; k < spec->count; ++k) {
    const cf_profile *p = panel->profile + k;
    widen(p->y, spec->positions, &low, &high);
    widen(p->low, spec->positions, &low, &high);
    widen(p->high, spec->positions, &low, &high);
    widen(p->chance, spec->positions, &low, &high);
  }
  f->floor = panel->floored ? panel->floor : -INFINITY;
  low = CF_MAX(low, f->floor);
  if (low > high) low = 0.0, high = 1.0;
  if (low > 0.0 && low < high - low) low = 0.0;
  if (!(high > low)) low -= 0.1, high += 0.1;
  cf_ticks_inside(low, high, 3, &f->ticks);
  f->y.low = low - 0.05 * (high - low);
  f->y.high = high + 0.05 * (high - low);
}

static double height(const frame *f, double value) {
  return cf_scale_at(&f->y, CF_MAX(value, f->floor));
}

static double place(const frame *f, size_t i) {
  return f->first + f->slot * (double)i;
}

static void draw_band(cf_draw *draw, const cf_profiles_figure *spec, const cf_profile *p, const frame *f, size_t k) {
  for (size_t i = 0; i + 1 < spec->positions; ++i) {
    if (!isfinite(p->low[i]) || !isfinite(p->high[i]) || !isfinite(p->low[i + 1]) || !isfinite(p->high[i + 1]))
      continue;
    cf_text_write(&draw->body,
                  "<path class=\"cf-c$i\" d=\"M$n $nL$n $nL$n $nL$n $nZ\" fill=\"$s\" fill-opacity=\"0.18\"/>\n",
                  (int)(k % 10), place(f, i), height(f, p->low[i]), place(f, i + 1), height(f, p->low[i + 1]),
                  place(f, i + 1), height(f, p->high[i + 1]), place(f, i), height(f, p->high[i]), cf_figure_colour(k));
  }
}

static void draw_line(cf_draw *draw, const cf_profiles_figure *spec, const double *value, const frame *f, size_t k,
                      const char *style) {
  bool pen = false;
  cf_text_write(&draw->body, "<path class=\"cf-stroke-c$i\" fill=\"none\" stroke=\"$s\" $s d=\"", (int)(k % 10),
                cf_figure_colour(k), style);
  for (size_t i = 0; i < spec->positions; ++i) {
    if (isfinite(value[i])) cf_text_write(&draw->body, "$s$n $n", pen ? "L" : "M", place(f, i), height(f, value[i]));
    pen = isfinite(value[i]);
  }
  cf_text_put(&draw->body, "\"/>\n");
}

static void draw_marks(cf_draw *draw, const cf_profiles_figure *spec, const cf_profile *p, const frame *f, size_t k) {
  char value[64], a[64], b[64];
  const char *colour = cf_figure_colour(k);
  for (size_t i = 0; i < spec->positions; ++i) {
    bool hollow = p->hollow && p->hollow[i], under = p->y[i] < f->floor;
    if (!isfinite(p->y[i])) continue;
    if (under)
      cf_text_write(&draw->body, "<path class=\"cf-mark cf-c$i\" d=\"M$n $nl-2.2 -3.6h4.4Z\" fill=\"$s\"",
                    (int)(k % 10), place(f, i), height(f, p->y[i]) + 1.6, colour);
    else if (hollow)
      cf_text_write(&draw->body,
                    "<circle class=\"cf-mark cf-subjects cf-hollow cf-stroke-c$i\" stroke=\"$s\" stroke-width=\"0.9\" "
                    "fill=\"#fff\"",
                    (int)(k % 10), colour);
    else
      cf_text_write(&draw->body, "<circle class=\"cf-mark cf-c$i\" fill=\"$s\" stroke=\"#fff\" stroke-width=\"0.4\"",
                    (int)(k % 10), colour);
    if (!under)
      cf_text_write(&draw->body, " cx=\"$n\" cy=\"$n\" r=\"$s\"", place(f, i), height(f, p->y[i]),
                    hollow ? "1.7" : "2");
    cf_text_write(&draw->body, " data-i=\"$i\" data-value=\"$v\"><title>$t, $t: $s", (int)i, p->y[i], spec->name[k],
                  spec->position_name[i], cf_text_value(p->y[i], value, sizeof value));
    if (p->low && p->high && isfinite(p->low[i]) && isfinite(p->high[i]))
      cf_text_write(&draw->body, " [$s, $s]", cf_text_value(p->low[i], a, sizeof a),
                    cf_text_value(p->high[i], b, sizeof b));
    if (p->chance && isfinite(p->chance[i]))
      cf_text_write(&draw->body, "; chance $s", cf_text_value(p->chance[i], a, sizeof a));
    cf_text_put(&draw->body, under ? "</title></path>\n" : "</title></circle>\n");
  }
}

static void draw_panel(cf_draw *draw, const cf_profiles_figure *spec, const cf_profile_panel *panel, frame *f) {
  f->y.from = f->box.y + f->box.h;
  f->y.to = f->box.y;
  cf_text_write(&draw->body, "<g class=\"cf-panel\" data-name=\"$t\">\n", panel->title ? panel->title : "");
  if (panel->title)
    cf_draw_text(draw, f->box.x + 2.0, f->box.y - 3.0, (cf_type){.size = 7, .room = f->box.w, .bold = true},
                 panel->title);
  if (f->y.low < 0.0 && f->y.high > 0.0)
    cf_draw_line(draw, "cf-gridline", f->box.x, cf_scale_at(&f->y, 0.0), f->box.x + f->box.w, cf_scale_at(&f->y, 0.0),
                 CF_FAINT, 0.6);
  for (size_t k = 0; k < spec->count; ++k) {
    const cf_profile *p = panel->profile + k;
    cf_text_write(&draw->body, "<g class=\"cf-series\" data-name=\"$t\" data-group=\"$i\">\n", spec->name[k], (int)k);
    if (p->low && p->high) draw_band(draw, spec, p, f, k);
    if (p->chance) draw_line(draw, spec, p->chance, f, k, "stroke-width=\"0.8\" stroke-dasharray=\"2 1.5\"");
    draw_line(draw, spec, p->y, f, k, "stroke-width=\"1.2\" stroke-linejoin=\"round\"");
    draw_marks(draw, spec, p, f, k);
    cf_text_put(&draw->body, "</g>\n");
  }
  cf_draw_y_axis(draw, &f->y, &f->ticks, f->box.x, NULL, 0.0);
  cf_draw_line(draw, "cf-line", f->box.x, f->box.y + f->box.h, f->box.x + f->box.w, f->box.y + f->box.h, CF_INK, 0.5);
  for (size_t i = 0; i < spec->positions; ++i)
    cf_draw_line(draw, "cf-line", place(f, i), f->box.y + f->box.h, place(f, i), f->box.y + f->box.h + 2.0, CF_INK,
                 0.5);
  cf_text_put(&draw->body, "</g>\n");
}

cf_status cf_figure_profiles(cf_context *ctx, const cf_profiles_figure *spec, const cf_figure_options *options,
                             cf_figure **out) {
  cf_status status = CF_OK;
  cf_draw draw;
  double widest = 0.0;
  cf_draw_begin(&draw, ctx, "cf-profiles", options, spec->positions > 9 ? 136.0 : CF_FIGURE_ONE_COLUMN);
  if (spec->panels == 0 || spec->count == 0 || spec->positions == 0)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "a figure of profiles needs panels, series and positions"));
  for (size_t p = 0; p < spec->panels; ++p) {
    frame f = {.slot = 0.0};
    range_of(spec, spec->panel + p, &f);
    widest = CF_MAX(widest, cf_ticks_width(&f.ticks));
  }
  double left = 1.1 * widest + 9.0, wide = draw.width - left - 4.0, tall = 58.0;
  double y = draw.top + (spec->count > 1 ? 2.0 : 0.0), below = 0.0;
  if (spec->count > 1) y = cf_draw_legend(&draw, left, y, wide, spec->count, spec->name) + 1.0;
  for (size_t p = 0; p < spec->panels; ++p) {
    frame f = {.box = {left, y + 10.0, wide, tall}};
    f.slot = wide / (double)spec->positions;
    f.first = left + 0.5 * f.slot;
    range_of(spec, spec->panel + p, &f);
    draw_panel(&draw, spec, spec->panel + p, &f);
    y += 10.0 + tall + 7.0;
    if (p + 1 == spec->panels)
      below = cf_draw_names(&draw, spec->positions, spec->position_name, f.first, f.slot, y - 5.0);
  }
  y += below - 5.0;
  if (spec->x_title) {
    y += 10.0;
    cf_draw_text(&draw, left + 0.5 * wide, y, (cf_type){.size = 7, .anchor = CF_MIDDLE, .room = wide}, spec->x_title);
  }
  return cf_draw_finish(&draw, y + 3.0, out);
done:
  cf_text_free(&draw.body);
  return status;
}
