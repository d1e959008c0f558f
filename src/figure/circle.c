/* Eigenvalues in the complex plane with the unit circle: inside it modes fade, outside they grow, around it they turn.
 */
#include "figure/draw.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { RED = 6, BLUE = 0 };

/* One square for all panels: the circle and every value that is not far outside it. */
static double reach_of(const cf_circle_figure *spec) {
  double reach = 1.0;
  for (size_t p = 0; p < spec->panels; ++p)
    for (size_t i = 0; i < 2 * spec->panel[p].n; ++i)
      if (isfinite(spec->panel[p].value[i])) reach = CF_MAX(reach, fabs(spec->panel[p].value[i]));
  return 1.08 * reach;
}

static double largest(const cf_circle_panel *panel) {
  double most = 0.0;
  for (size_t i = 0; panel->size && i < panel->n; ++i)
    if (isfinite(panel->size[i])) most = CF_MAX(most, panel->size[i]);
  return most;
}

static void draw_value(cf_draw *draw, const cf_circle_panel *panel, size_t i, double most, const cf_scale *x,
                       const cf_scale *y) {
  char re[64], im[64], size[64];
  const double *v = panel->value + 2 * i;
  bool chosen = panel->chosen && panel->chosen[i];
  if (!isfinite(v[0]) || !isfinite(v[1])) return;
  double radius = panel->n > 60 ? 1.5 : 2.1;
  if (panel->size && most > 0.0)
    radius = 1.3 + (panel->n > 60 ? 1.8 : 3.2) * sqrt(isfinite(panel->size[i]) ? panel->size[i] / most : 0.0);
  int colour = chosen ? RED : BLUE;
  if (chosen)
    cf_text_write(&draw->body,
                  "<circle class=\"cf-stroke-c$i\" cx=\"$n\" cy=\"$n\" r=\"$n\" fill=\"none\" stroke=\"$s\" "
                  "stroke-width=\"0.9\"/>\n",
                  colour, cf_scale_at(x, v[0]), cf_scale_at(y, v[1]), radius + 2.0, cf_figure_colour((size_t)colour));
  cf_text_write(&draw->body,
                "<circle class=\"cf-mark cf-c$i\" data-i=\"$i\" data-value=\"$v\" cx=\"$n\" cy=\"$n\" r=\"$n\" "
                "fill=\"$s\" fill-opacity=\"0.8\" stroke=\"#fff\" stroke-width=\"0.4\"><title>",
                colour, (int)i, hypot(v[0], v[1]), cf_scale_at(x, v[0]), cf_scale_at(y, v[1]), radius,
                cf_figure_colour((size_t)colour));
  if (panel->name)
    cf_text_write(&draw->body, "$t", panel->name[i]);
  else
    cf_text_write(&draw->body, "mode $i", (int)i);
  cf_text_write(&draw->body, ": $s $s $s i, modulus $d", cf_text_value(v[0], re, sizeof re), v[1] < 0.0 ? "−" : "+",
                cf_text_value(fabs(v[1]), im, sizeof im), hypot(v[0], v[1]));
  if (panel->size) cf_text_write(&draw->body, ", size $s", cf_text_value(panel->size[i], size, sizeof size));
  cf_text_put(&draw->body, "</title></circle>\n");
}

static void draw_panel(cf_draw *draw, const cf_circle_panel *panel, double reach, cf_box box) {
  cf_scale x = {-reach, reach, box.x, box.x + box.w}, y = {-reach, reach, box.y + box.h, box.y};
  cf_ticks ticks;
  double cx = cf_scale_at(&x, 0.0), cy = cf_scale_at(&y, 0.0);
  cf_ticks_inside(-reach, reach, 4, &ticks);
  cf_text_write(&draw->body, "<g class=\"cf-panel\" data-name=\"$t\">\n", panel->title ? panel->title : "");
  if (panel->title)
    cf_draw_text(draw, box.x, box.y - 4.0, (cf_type){.size = 7, .room = box.w, .bold = true}, panel->title);
  cf_draw_line(draw, "cf-gridline", box.x, cy, box.x + box.w, cy, CF_FAINT, 0.5);
  cf_draw_line(draw, "cf-gridline", cx, box.y, cx, box.y + box.h, CF_FAINT, 0.5);
  cf_text_write(&draw->body,
                "<circle class=\"cf-tree cf-unit\" cx=\"$n\" cy=\"$n\" r=\"$n\" fill=\"none\" stroke=\"" CF_MUTED
                "\" stroke-width=\"0.8\"/>\n",
                cx, cy, 0.5 * box.w / reach);
  double most = largest(panel);
  cf_text_put(&draw->body, "<g class=\"cf-points\">\n");
  for (int pass = 0; pass < 2; ++pass) /* the chosen ones on top */
    for (size_t i = 0; i < panel->n; ++i)
      if ((panel->chosen && panel->chosen[i]) == (pass == 1)) draw_value(draw, panel, i, most, &x, &y);
  cf_text_put(&draw->body, "</g>\n");
  cf_draw_panel(draw, box, &x, &ticks, "real part", &y, &ticks, "imaginary part");
  cf_text_put(&draw->body, "</g>\n");
}

static double draw_key(cf_draw *draw, const cf_circle_figure *spec, double x, double y) {
  const char *const name[2] = {spec->chosen_name, spec->other_name};
  const int colour[2] = {RED, BLUE};
  if (!name[0] && !name[1]) return y;
  cf_text_put(&draw->body, "<g class=\"cf-legend\">\n");
  for (int k = 0; k < 2; ++k) {
    if (!name[k]) continue;
    cf_text_write(&draw->body,
                  "<g class=\"cf-key\" data-group=\"$i\"><circle class=\"cf-fill cf-c$i\" cx=\"$n\" cy=\"$n\" r=\"2\" "
                  "fill=\"$s\"/>\n",
                  k, colour[k], x + 2.5, y, cf_figure_colour((size_t)colour[k]));
    cf_draw_text(draw, x + 7.5, y + 2.3, (cf_type){.size = 6.5}, name[k]);
    cf_text_put(&draw->body, "</g>\n");
    x += 20.0 + 6.8 * cf_text_width(name[k]);
  }
  cf_text_put(&draw->body, "</g>\n");
  return y + 6.0;
}

cf_status cf_figure_circle(cf_context *ctx, const cf_circle_figure *spec, const cf_figure_options *options,
                           cf_figure **out) {
  cf_status status = CF_OK;
  cf_draw draw;
  bool titled = false;
  cf_draw_begin(&draw, ctx, "cf-circle", options,
                spec->panels == 1   ? CF_FIGURE_ONE_COLUMN
                : spec->panels == 2 ? 136.0
                                    : CF_FIGURE_TWO_COLUMNS);
  if (spec->panels == 0) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "a figure of eigenvalues needs panels"));
  for (size_t p = 0; p < spec->panels; ++p) titled = titled || spec->panel[p].title;
  double reach = reach_of(spec);
  size_t across = CF_MIN(spec->panels, 3);
  cf_ticks ticks;
  cf_ticks_inside(-reach, reach, 4, &ticks);
  double left = cf_panel_left(&ticks), pitch = (draw.width - 6.0) / (double)across;
  double side = CF_MIN(215.0, pitch - left - 6.0), head = titled ? 10.0 : 2.0, y = draw.top + head;
  for (size_t p = 0; p < spec->panels; ++p) {
    draw_panel(&draw, spec->panel + p, reach, (cf_box){3.0 + pitch * (double)(p % across) + left, y, side, side});
    if (p % across + 1 == across || p + 1 == spec->panels)
      y += side + CF_PANEL_BELOW + (p + 1 < spec->panels ? head : 0.0);
  }
  return cf_draw_finish(&draw, draw_key(&draw, spec, 3.0 + left, y + 4.0), out);
done:
  cf_text_free(&draw.body);
  return status;
}
