/* Bundles of trajectories in a plane: thin curves, thick centrelines on top, circles where they begin.
 *
 * Both axes have one scale, so that the width of a tube and its length compare. Curves are drawn through at most about
 * MOST_POINTS of their points together, in tenths of a typographic point. */
#include "figure/draw.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_POINTS = 9000, MOST_SPLIT = 11 };

typedef struct plane {
  cf_scale scale[2];
  cf_ticks ticks[2];
  double wide, tall;
} plane;

static cf_status check(cf_context *ctx, const cf_tubes_figure *spec) {
  if (spec->curves == 0 || spec->points == 0) return cf_fail(ctx, CF_ERR_USAGE, "a figure of tubes needs curves");
  if (spec->axis[0] >= spec->dims || spec->axis[1] >= spec->dims)
    return cf_fail(ctx, CF_ERR_USAGE, "a figure of tubes needs a coordinate that is not there");
  for (size_t i = 0; i < spec->curves; ++i)
    if (spec->bundle[i] != CF_NO_GROUP && spec->bundle[i] >= spec->bundles)
      return cf_fail(ctx, CF_ERR_INPUT, "bundle of curve %zu is out of range", i);
  for (size_t i = 0; i < spec->curves * spec->points; ++i)
    for (int k = 0; k < 2; ++k)
      if (!isfinite(spec->curve[i * spec->dims + spec->axis[k]]))
        return cf_fail(ctx, CF_ERR_INPUT, "curve %zu is not finite at point %zu", i / spec->points, i % spec->points);
  return CF_OK;
}

/* Ranges of the two coordinates, the shorter one widened until the panel is at least 0.55 as tall as wide. */
static plane make_plane(const cf_tubes_figure *spec, double wide) {
  plane p = {.wide = wide};
  double low[2], high[2];
  for (int k = 0; k < 2; ++k) {
    low[k] = INFINITY, high[k] = -INFINITY;
    for (size_t i = 0; i < spec->curves * spec->points; ++i) {
      double v = spec->curve[i * spec->dims + spec->axis[k]];
      low[k] = CF_MIN(low[k], v), high[k] = CF_MAX(high[k], v);
    }
    double pad = high[k] > low[k] ? 0.05 * (high[k] - low[k]) : 0.5;
    low[k] -= pad, high[k] += pad;
  }
  double need[2] = {high[0] - low[0], high[1] - low[1]};
  double want[2] = {CF_MAX(need[0], need[1] / 1.05), CF_MAX(need[1], 0.55 * need[0])};
  for (int k = 0; k < 2; ++k) {
    low[k] -= 0.5 * (want[k] - need[k]);
    high[k] += 0.5 * (want[k] - need[k]);
    cf_ticks_inside(low[k], high[k], 3, p.ticks + k);
  }
  p.tall = wide * want[1] / want[0];
  p.scale[0] = (cf_scale){low[0], high[0], 0.0, wide};
  p.scale[1] = (cf_scale){low[1], high[1], p.tall, 0.0};
  return p;
}

/* Places of one curve (or centreline) of the figure on the page. */
static void place(const cf_tubes_figure *spec, const double *curve, const plane *p, double *x, double *y) {
  for (size_t i = 0; i < spec->points; ++i) {
    x[i] = cf_scale_at(p->scale, curve[i * spec->dims + spec->axis[0]]);
    y[i] = cf_scale_at(p->scale + 1, curve[i * spec->dims + spec->axis[1]]);
  }
}

/* Colour of a bundle as attributes of a stroke; none: grey. */
static void paint(cf_draw *draw, const cf_tubes_figure *spec, size_t bundle) {
  unsigned char rgb[3];
  char hex[8];
  cf_figure_category(bundle, spec->bundles, false, rgb);
  cf_hex(rgb, hex);
  if (bundle != CF_NO_GROUP && spec->bundles <= 10) cf_text_write(&draw->body, "class=\"cf-stroke-c$i\" ", (int)bundle);
  cf_text_write(&draw->body, "stroke=\"$s\" ", hex);
}

static void draw_curves(cf_draw *draw, const cf_tubes_figure *spec, const plane *p, size_t only, double *x, double *y) {
  size_t stride = CF_MAX((size_t)1, CF_MIN(spec->points / 24, spec->curves * spec->points / MOST_POINTS));
  cf_text_put(&draw->body,
              "<g class=\"cf-curves-of\" fill=\"none\" transform=\"scale(.1)\" stroke-linejoin=\"round\">\n");
  for (int pass = 0; pass < 2; ++pass) /* what is in no bundle lies behind */
    for (size_t i = 0; i < spec->curves; ++i) {
      size_t b = spec->bundle[i];
      if ((b == CF_NO_GROUP) != (pass == 0) || (only != SIZE_MAX && b != only)) continue;
      place(spec, spec->curve + i * spec->points * spec->dims, p, x, y);
      cf_text_put(&draw->body, "<path ");
      paint(draw, spec, b);
      cf_text_put(&draw->body, "stroke-width=\"5\" stroke-opacity=\"0.45\" d=\"");
      cf_draw_steps(draw, spec->points, x, y, stride);
      cf_text_put(&draw->body, "\"/>\n<circle ");
      paint(draw, spec, b);
      cf_text_write(&draw->body, "stroke-width=\"5\" stroke-opacity=\"0.7\" cx=\"$i\" cy=\"$i\" r=\"9\"/>\n",
                    (int)lround(10.0 * x[0]), (int)lround(10.0 * y[0]));
    }
  cf_text_put(&draw->body, "</g>\n");
}

static void draw_centre(cf_draw *draw, const cf_tubes_figure *spec, const plane *p, size_t b, bool faint, double *x,
                        double *y) {
  place(spec, spec->centreline + b * spec->points * spec->dims, p, x, y);
  for (int pass = faint ? 1 : 0; pass < 2; ++pass) {
    cf_text_put(&draw->body, "<path fill=\"none\" transform=\"scale(.1)\" stroke-linejoin=\"round\" ");
    if (faint)
      cf_text_put(&draw->body, "class=\"cf-gridline\" stroke=\"" CF_FAINT "\" stroke-width=\"12\" ");
    else if (pass == 0)
      cf_text_put(&draw->body, "class=\"cf-halo\" stroke=\"#fff\" stroke-width=\"34\" stroke-opacity=\"0.85\" ");
    else
      paint(draw, spec, b), cf_text_put(&draw->body, "stroke-width=\"20\" ");
    cf_text_put(&draw->body, "d=\"");
    cf_draw_steps(draw, spec->points, x, y, CF_MAX((size_t)1, spec->points / 150));
    if (pass == 1)
      cf_text_write(&draw->body, "\"><title>$t</title></path>\n", spec->bundle_name ? spec->bundle_name[b] : "");
    else
      cf_text_put(&draw->body, "\"/>\n");
  }
}

/* `only` SIZE_MAX: every bundle, called `name` (NULL: "all", with their number). */
static cf_status draw_panel(cf_draw *draw, const cf_tubes_figure *spec, const plane *at, size_t only, const char *name,
                            bool y_title, double left, double top) {
  cf_status status = CF_OK;
  double *x = NULL, *y = NULL;
  plane p = *at;
  cf_mark mark = cf_scratch_mark(draw->ctx);
  CF_TRY(CF_SCRATCH(draw->ctx, &x, spec->points));
  CF_TRY(CF_SCRATCH(draw->ctx, &y, spec->points));
  p.scale[0].from += left, p.scale[0].to += left;
  p.scale[1].from += top, p.scale[1].to += top;
  size_t members = 0;
  for (size_t i = 0; i < spec->curves; ++i) members += only == SIZE_MAX || spec->bundle[i] == only;
  char title[200], plain[32];
  snprintf(plain, sizeof plain, "bundle %zu", only + 1);
  if (name)
    snprintf(title, sizeof title, "%.150s", name);
  else
    snprintf(title, sizeof title, "%.150s (%zu)",
             only == SIZE_MAX    ? "all"
             : spec->bundle_name ? spec->bundle_name[only]
                                 : plain,
             members);
  cf_text_write(&draw->body, "<g class=\"cf-panel\" data-name=\"$t\">\n", title);
  cf_draw_text(draw, left, top - 3.0, (cf_type){.size = 7, .room = p.wide, .bold = true}, title);
  for (size_t b = 0; spec->centreline && only != SIZE_MAX && b < spec->bundles; ++b)
    if (b != only) draw_centre(draw, spec, &p, b, true, x, y);
  draw_curves(draw, spec, &p, only, x, y);
  for (size_t b = 0; spec->centreline && b < spec->bundles; ++b)
    if (only == SIZE_MAX || b == only) draw_centre(draw, spec, &p, b, false, x, y);
  cf_draw_panel(draw, (cf_box){left, top, p.wide, p.tall}, p.scale, p.ticks, spec->axis_title[0], p.scale + 1,
                p.ticks + 1, y_title ? spec->axis_title[1] : NULL);
  cf_text_put(&draw->body, "</g>\n");
done:
  cf_scratch_release(draw->ctx, mark);
  return status;
}

cf_status cf_figure_tubes(cf_context *ctx, const cf_tubes_figure *spec, const cf_figure_options *options,
                          cf_figure **out) {
  cf_status status = CF_OK;
  cf_draw draw;
  bool split = spec->split && spec->bundles > 1 && spec->bundles <= MOST_SPLIT;
  size_t panels = split ? spec->bundles + 1 : 1, across = panels == 1 ? 1 : panels <= 4 ? 2 : panels <= 6 ? 3 : 4;
  cf_draw_begin(&draw, ctx, "cf-tubes", options,
                panels == 1   ? CF_FIGURE_ONE_COLUMN
                : across == 2 ? 136.0
                              : CF_FIGURE_TWO_COLUMNS);
  CF_TRY(check(ctx, spec));
  double pitch = (draw.width - 4.0) / (double)across;
  plane p = make_plane(spec, pitch);
  double left = cf_panel_left(p.ticks + 1), y = draw.top + 8.0;
  p = make_plane(spec, pitch - left - 8.0);
  for (size_t k = 0; k < panels; ++k) {
    CF_TRY(draw_panel(&draw, spec, &p, k == 0 ? SIZE_MAX : k - 1, NULL, k % across == 0,
                      2.0 + pitch * (double)(k % across) + left, y));
    if (k % across + 1 == across || k + 1 == panels) y += p.tall + CF_PANEL_BELOW + 10.0;
  }
  y -= 9.0;
  if (!split && spec->bundle_name && spec->bundles > 1)
    y = cf_draw_legend(&draw, 2.0 + left, y, draw.width - left - 6.0, CF_MIN(spec->bundles, 10), spec->bundle_name);
  return cf_draw_finish(&draw, y, out);
done:
  cf_text_free(&draw.body);
  return status;
}

/* Whether all panels have the same bundles, so that one legend will do. */
static bool same_bundles(const cf_tubes_grid *spec) {
  const cf_tubes_figure *first = spec->panel;
  if (!first->bundle_name || first->bundles < 2) return false;
  for (size_t k = 1; k < spec->panels; ++k) {
    const cf_tubes_figure *own = spec->panel + k;
    if (!own->bundle_name || own->bundles != first->bundles) return false;
    for (size_t b = 0; b < own->bundles; ++b)
      if (strcmp(own->bundle_name[b], first->bundle_name[b]) != 0) return false;
  }
  return true;
}

cf_status cf_figure_tubes_grid(cf_context *ctx, const cf_tubes_grid *spec, const cf_figure_options *options,
                               cf_figure **out) {
  cf_status status = CF_OK;
  cf_draw draw;
  const size_t columns = spec->columns ? spec->columns : 4, across = CF_MAX((size_t)1, CF_MIN(columns, spec->panels));
  const cf_mark mark = cf_scratch_mark(ctx);
  plane *p = NULL;
  double left = 0.0;
  cf_draw_begin(&draw, ctx, "cf-tubes", options, across == 1 ? CF_FIGURE_ONE_COLUMN : CF_FIGURE_TWO_COLUMNS);
  if (spec->panels == 0) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "a grid of tubes needs panels"));
  CF_TRY(CF_SCRATCH(ctx, &p, spec->panels));
  const double pitch = (draw.width - 4.0) / (double)across;
  for (size_t k = 0; k < spec->panels; ++k) {
    CF_TRY(check(ctx, spec->panel + k));
    p[k] = make_plane(spec->panel + k, pitch);
    left = CF_MAX(left, cf_panel_left(p[k].ticks + 1));
  }
  double y = draw.top + 8.0, tall = 0.0;
  for (size_t k = 0; k < spec->panels; ++k) {
    p[k] = make_plane(spec->panel + k, pitch - left - 8.0);
    const char *title = spec->panel[k].axis_title[1], *first = spec->panel->axis_title[1];
    const bool own = title && first && strcmp(title, first) != 0;
    CF_TRY(draw_panel(&draw, spec->panel + k, p + k, SIZE_MAX, spec->name[k], own || k % across == 0,
                      2.0 + pitch * (double)(k % across) + left, y));
    tall = CF_MAX(tall, p[k].tall);
    if (k % across + 1 == across || k + 1 == spec->panels) y += tall + CF_PANEL_BELOW + 10.0, tall = 0.0;
  }
  y -= 9.0;
  if (same_bundles(spec))
    y = cf_draw_legend(&draw, 2.0 + left, y, draw.width - left - 6.0, CF_MIN(spec->panel->bundles, (size_t)10),
                       spec->panel->bundle_name);
  cf_scratch_release(ctx, mark);
  return cf_draw_finish(&draw, y, out);
done:
  cf_scratch_release(ctx, mark);
  cf_text_free(&draw.body);
  return status;
}
