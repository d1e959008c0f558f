/* Two quantities of the same things as bars on two axes: the left one red, the right one blue. */
#include "figure/draw.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { RED = 6, BLUE = 0 };

typedef struct side {
  cf_ticks ticks;
  cf_scale scale;
  int colour;
} side;

static const cf_twin_value *value_of(const cf_twin_bar *bar, bool right) {
  return right ? &bar->right : &bar->left;
}

/* From 0 to the largest end of an interval; below 0 only where something is negative. */
static side make_side(const cf_twins_figure *spec, bool right, double top, double bottom) {
  side s = {.colour = right ? BLUE : RED};
  double low = 0.0, high = 0.0;
  for (size_t i = 0; i < spec->count; ++i) {
    const cf_twin_value *v = value_of(spec->bar + i, right);
    const double at[4] = {v->value, v->low, v->high, v->chance};
    for (int k = 0; k < 4; ++k)
      if (isfinite(at[k])) low = CF_MIN(low, at[k]), high = CF_MAX(high, at[k]);
  }
  if (!(high > low)) high = low + 1.0;
  cf_ticks_inside(low, high, 4, &s.ticks);
  s.scale = (cf_scale){low, high + 0.04 * (high - low), bottom, top};
  return s;
}

/* The axis at x with its title in its colour, ticks away from the panel. */
static void draw_side(cf_draw *draw, const side *s, bool right, double x, const char *title) {
  char label[64], whole[256], shown[256];
  const double away = right ? 1.0 : -1.0, middle = 0.5 * (s->scale.from + s->scale.to);
  cf_text_write(&draw->body, "<g class=\"cf-axis cf-y\" data-side=\"$s\">\n", right ? "right" : "left");
  cf_draw_line(draw, "cf-line", x, s->scale.from, x, s->scale.to, CF_INK, 0.5);
  for (size_t i = 0; i < s->ticks.n; ++i) {
    if (s->ticks.at[i] < s->scale.low - 1e-9 * s->ticks.step || s->ticks.at[i] > s->scale.high) continue;
    double y = cf_scale_at(&s->scale, s->ticks.at[i]);
    cf_draw_line(draw, "cf-line", x, y, x + 2.5 * away, y, CF_INK, 0.5);
    cf_draw_text(draw, x + 4.0 * away, y + 2.3, (cf_type){.size = 6.5, .anchor = right ? CF_START : CF_END},
                 cf_ticks_label(&s->ticks, i, label, sizeof label));
  }
  cf_text_fit(cf_ticks_title(&s->ticks, title, whole, sizeof whole), (s->scale.from - s->scale.to + 20.0) / 7.0, shown,
              sizeof shown);
  x += away * (10.0 + 1.1 * cf_ticks_width(&s->ticks));
  if (title)
    cf_text_write(&draw->body,
                  "<text class=\"cf-c$i\" x=\"$n\" y=\"$n\" text-anchor=\"middle\" font-weight=\"bold\" fill=\"$s\" "
                  "transform=\"rotate($i $n $n)\">$t</text>\n",
                  s->colour, x, middle, cf_figure_colour((size_t)s->colour), right ? 90 : -90, x, middle, shown);
  cf_text_put(&draw->body, "</g>\n");
}

static void draw_bar(cf_draw *draw, const side *s, const char *name, const char *title, const cf_twin_value *v,
                     double x, double wide) {
  char value[64], low[64], high[64];
  const char *fill = cf_figure_colour((size_t)s->colour);
  double foot = cf_scale_at(&s->scale, 0.0), head = cf_scale_at(&s->scale, v->value);
  bool spread = isfinite(v->low) && isfinite(v->high);
  if (!isfinite(v->value)) return;
  cf_text_write(&draw->body,
                "<rect class=\"cf-mark cf-c$i\" data-value=\"$v\" x=\"$n\" y=\"$n\" width=\"$n\" height=\"$n\" "
                "fill=\"$s\" fill-opacity=\"0.85\"><title>$t, $t: $s",
                s->colour, v->value, x - 0.5 * wide, CF_MIN(head, foot), wide, fabs(foot - head), fill,
                name ? name : "", title ? title : "", cf_text_value(v->value, value, sizeof value));
  if (spread)
    cf_text_write(&draw->body, " [$s, $s]", cf_text_value(v->low, low, sizeof low),
                  cf_text_value(v->high, high, sizeof high));
  cf_text_put(&draw->body, "</title></rect>\n");
  if (spread) {
    double y0 = cf_scale_at(&s->scale, v->low), y1 = cf_scale_at(&s->scale, v->high);
    cf_text_write(&draw->body,
                  "<path class=\"cf-line\" d=\"M$n $nV$nM$n $nh3M$n $nh3\" fill=\"none\" stroke=\"" CF_INK
                  "\" stroke-width=\"0.7\"/>\n",
                  x, y0, y1, x - 1.5, y0, x - 1.5, y1);
  }
  if (isfinite(v->chance))
    cf_text_write(&draw->body,
                  "<path class=\"cf-line cf-chance\" d=\"M$n $nh$n\" fill=\"none\" stroke=\"" CF_INK
                  "\" stroke-width=\"1\" stroke-dasharray=\"2 1.2\"/>\n",
                  x - 0.48 * wide, cf_scale_at(&s->scale, v->chance), 0.96 * wide);
}

cf_status cf_figure_twins(cf_context *ctx, const cf_twins_figure *spec, const cf_figure_options *options,
                          cf_figure **out) {
  cf_status status = CF_OK;
  cf_draw draw;
  const char **name = NULL;
  cf_mark mark = cf_scratch_mark(ctx);
  cf_draw_begin(&draw, ctx, "cf-twins", options,
                spec->count > 12  ? CF_FIGURE_TWO_COLUMNS
                : spec->count > 6 ? 120.0
                                  : CF_FIGURE_ONE_COLUMN);
  if (spec->count == 0) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "a figure of bars needs something to draw"));
  CF_TRY(CF_SCRATCH(ctx, &name, spec->count));
  double tall = draw.options->height_mm > 0 ? CF_MAX(50.0, draw.options->height_mm * CF_MM - draw.top - 40.0) : 120.0;
  double top = draw.top + 4.0, bottom = top + tall;
  side left = make_side(spec, false, top, bottom), right = make_side(spec, true, top, bottom);
  double from = 3.0 + cf_panel_left(&left.ticks), to = draw.width - 3.0 - cf_panel_left(&right.ticks);
  double slot = (to - from) / (double)spec->count, wide = CF_MIN(14.0, 0.36 * slot);
  for (size_t i = 0; i < spec->count; ++i) {
    const cf_twin_bar *b = spec->bar + i;
    double x = from + slot * ((double)i + 0.5);
    name[i] = b->name ? b->name : "";
    if (b->shaded)
      cf_text_write(&draw.body,
                    "<rect class=\"cf-band\" x=\"$n\" y=\"$n\" width=\"$n\" height=\"$n\" fill=\"" CF_BAND "\"/>\n",
                    x - 0.5 * slot, top, slot, tall);
    cf_text_write(&draw.body, "<g class=\"cf-panel\" data-name=\"$t\">\n", name[i]);
    draw_bar(&draw, &left, b->name, spec->left_title, &b->left, x - 0.53 * wide, wide);
    draw_bar(&draw, &right, b->name, spec->right_title, &b->right, x + 0.53 * wide, wide);
    cf_text_put(&draw.body, "</g>\n");
  }
  draw_side(&draw, &left, false, from, spec->left_title);
  draw_side(&draw, &right, true, to, spec->right_title);
  double foot = cf_scale_at(&left.scale, 0.0);
  cf_draw_line(&draw, "cf-line", from, foot, to, foot, CF_INK, 0.5);
  double below = cf_draw_names(&draw, spec->count, name, from + 0.5 * slot, slot, bottom + 2.0);
  cf_scratch_release(ctx, mark);
  return cf_draw_finish(&draw, bottom + below + 3.0, out);
done:
  cf_scratch_release(ctx, mark);
  cf_text_free(&draw.body);
  return status;
}
