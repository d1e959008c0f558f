/* Histograms with their mean (30 bins, or one a number for whole numbers), scatters of two quantities with the
 * diagonal, and strips of samples. */
#include "figure/draw.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BINS = 30, MOST_BINS = 60 };

/* Range of x (and of y, the same) over the finite values, or as given. */
static void range_of(const cf_distribution_panel *p, double *low, double *high) {
  *low = INFINITY;
  *high = -INFINITY;
  for (size_t i = 0; i < p->n; ++i)
    for (int k = 0; k < (p->y ? 2 : 1); ++k) {
      double v = k ? p->y[i] : p->x[i];
      if (isfinite(v)) *low = CF_MIN(*low, v), *high = CF_MAX(*high, v);
    }
  if (p->bounded) *low = p->low, *high = p->high;
  if (!(*low <= *high)) *low = 0.0, *high = 1.0;
  if (*low == *high && (p->y || p->bounded || *low != floor(*low))) *low -= 0.5, *high += 0.5;
}

static void draw_histogram(cf_draw *draw, const size_t *count, size_t bins, size_t n, double mean, const cf_scale *x,
                           const cf_scale *y, cf_box box) {
  char from[64], to[64], text[160];
  double width = (x->high - x->low) / (double)bins;
  cf_text_put(&draw->body, "<g class=\"cf-bins\" fill=\"#a9b4c0\" stroke=\"#fff\" stroke-width=\"0.3\">\n");
  for (size_t b = 0; b < bins; ++b) {
    if (count[b] == 0) continue;
    double a = x->low + width * (double)b, top = cf_scale_at(y, (double)count[b]);
    cf_text_write(&draw->body,
                  "<rect class=\"cf-mark cf-bin\" data-count=\"$i\" x=\"$n\" y=\"$n\" width=\"$n\" "
                  "height=\"$n\"><title>$s to $s: $i</title></rect>\n",
                  (int)count[b], cf_scale_at(x, a), top, cf_scale_at(x, a + width) - cf_scale_at(x, a),
                  box.y + box.h - top, cf_text_value(a, from, sizeof from), cf_text_value(a + width, to, sizeof to),
                  (int)count[b]);
  }
  cf_text_put(&draw->body, "</g>\n");
  if (n == 0 || !isfinite(mean)) return;
  double at = CF_MIN(box.x + box.w, CF_MAX(box.x, cf_scale_at(x, mean)));
  cf_text_write(&draw->body,
                "<path class=\"cf-stroke-c6\" d=\"M$n $nV$n\" fill=\"none\" stroke=\"$s\" stroke-width=\"1\"/>\n", at,
                box.y + box.h, box.y, cf_figure_colour(6));
  snprintf(text, sizeof text, "mean %s", cf_text_value(mean, from, sizeof from));
  bool right = at < box.x + 0.6 * box.w;
  cf_draw_text(draw, at + (right ? 2.5 : -2.5), box.y + 4.5,
               (cf_type){.size = 6, .muted = true, .anchor = right ? CF_START : CF_END}, text);
}

static size_t fill_bins(const cf_distribution_panel *p, double low, double high, size_t *count, size_t bins,
                        double *mean) {
  size_t n = 0;
  double sum = 0.0;
  memset(count, 0, MOST_BINS * sizeof *count);
  for (size_t i = 0; i < p->n; ++i) {
    if (!isfinite(p->x[i])) continue;
    double place = (p->x[i] - low) / (high - low) * (double)bins;
    ++count[place < 0.0 ? 0 : place >= (double)bins ? bins - 1 : (size_t)place];
    sum += p->x[i];
    ++n;
  }
  *mean = n ? sum / (double)n : NAN;
  return n;
}

static cf_status draw_scatter(cf_draw *draw, const cf_distribution_panel *p, const cf_scale *x, const cf_scale *y,
                              cf_box box) {
  cf_status status = CF_OK;
  double *place = NULL;
  size_t n = 0;
  cf_mark mark = cf_scratch_mark(draw->ctx);
  CF_TRY(CF_SCRATCH(draw->ctx, &place, 4 * p->n + 1));
  double *px = place, *py = place + p->n, *radius = place + 2 * p->n, *opacity = place + 3 * p->n;
  for (size_t i = 0; i < p->n; ++i) {
    if (!isfinite(p->x[i]) || !isfinite(p->y[i])) continue;
    px[n] = cf_scale_at(x, p->x[i]);
    py[n] = cf_scale_at(y, p->y[i]);
    radius[n] = p->n > 400 ? 0.9 : 1.3;
    opacity[n++] = 0.55;
  }
  cf_text_write(&draw->body,
                "<path class=\"cf-tree\" d=\"M$n $nL$n $n\" fill=\"none\" stroke=\"" CF_MUTED
                "\" stroke-width=\"0.5\" stroke-dasharray=\"2 1.5\"/>\n",
                box.x, box.y + box.h, box.x + box.w, box.y);
  cf_cloud cloud = {n, px, py, radius, opacity, NULL, NULL, false};
  cf_colouring plain = {0};
  status = cf_draw_cloud(draw, &cloud, &plain, box);
done:
  cf_scratch_release(draw->ctx, mark);
  return status;
}

typedef struct frame {
  cf_scale x, y;
  cf_ticks tx, ty;
  size_t count[MOST_BINS], bins, n;
  double mean;
} frame;

/* Are these whole numbers, with a range of their own? */
static bool counts(const cf_distribution_panel *p) {
  bool any = false;
  for (size_t i = 0; i < p->n; ++i) {
    if (!isfinite(p->x[i])) continue;
    if (p->x[i] != floor(p->x[i])) return false;
    any = true;
  }
  return any && !p->bounded;
}

static frame make_frame(const cf_distribution_panel *p) {
  frame f;
  double low, high;
  size_t most = 1;
  range_of(p, &low, &high);
  f.bins = BINS;
  if (!p->y && counts(p) && high - low + 1.0 <= MOST_BINS) { /* one bin a number */
    f.bins = (size_t)(high - low + 1.5);
    low -= 0.5;
    high += 0.5;
  }
  double margin = p->y ? 0.04 * (high - low) : 0.0;
  f.x = (cf_scale){low - margin, high + margin, 0, 0};
  cf_ticks_inside(low, high, 4, &f.tx);
  f.n = fill_bins(p, low, high, f.count, f.bins, &f.mean);
  for (size_t b = 0; b < f.bins; ++b) most = CF_MAX(most, f.count[b]);
  f.y = f.x;
  f.ty = f.tx;
  if (!p->y) {
    cf_ticks_make(0.0, (double)most, most < 4 ? (int)most : 3, &f.ty);
    f.y = (cf_scale){0.0, CF_MAX((double)most * 1.12, 1.0), 0, 0};
  }
  return f;
}

cf_status cf_figure_distributions(cf_context *ctx, const cf_distributions_figure *spec,
                                  const cf_figure_options *options, cf_figure **out) {
  cf_status status = CF_OK;
  cf_draw draw;
  double widest = 0.0;
  cf_draw_begin(&draw, ctx, "cf-distributions", options,
                spec->panels == 1   ? CF_FIGURE_ONE_COLUMN
                : spec->panels == 2 ? 120.0
                                    : CF_FIGURE_TWO_COLUMNS);
  if (spec->panels == 0) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "a figure of distributions needs panels"));
  for (size_t p = 0; p < spec->panels; ++p) {
    frame f = make_frame(spec->panel + p);
    widest = CF_MAX(widest, cf_panel_left(&f.ty));
  }
  size_t columns =
      CF_MIN(spec->panels, spec->columns ? spec->columns : CF_MAX((size_t)1, (size_t)(draw.width / 150.0)));
  double cell = (draw.width - 4.0) / (double)columns, wide = cell - widest - 9.0;
  double tall = CF_MIN(wide, 110.0), y = draw.top + 10.0;
  for (size_t p = 0; p < spec->panels; ++p) {
    const cf_distribution_panel *panel = spec->panel + p;
    frame f = make_frame(panel);
    cf_box box = {2.0 + cell * (double)(p % columns) + widest, y, panel->y ? tall : wide, tall};
    f.x.from = box.x, f.x.to = box.x + box.w;
    f.y.from = box.y + box.h, f.y.to = box.y;
    cf_text_write(&draw.body, "<g class=\"cf-panel\" data-name=\"$t\">\n", panel->title ? panel->title : "");
    if (panel->title)
      cf_draw_text(&draw, box.x - 2.0, box.y - 5.0, (cf_type){.size = 7, .room = wide, .bold = true}, panel->title);
    if (panel->y)
      CF_TRY(draw_scatter(&draw, panel, &f.x, &f.y, box));
    else
      draw_histogram(&draw, f.count, f.bins, f.n, f.mean, &f.x, &f.y, box);
    cf_draw_panel(&draw, box, &f.x, &f.tx, panel->x_title, &f.y, &f.ty, panel->y_title);
    cf_text_put(&draw.body, "</g>\n");
    if (p % columns + 1 == columns && p + 1 < spec->panels) y += tall + CF_PANEL_BELOW + 14.0;
  }
  return cf_draw_finish(&draw, y + tall + CF_PANEL_BELOW, out);
done:
  cf_text_free(&draw.body);
  return status;
}

/* ---------------------------------------------------------------- strips -- */

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Dots of one sample, each as near to the middle as its lower neighbours allow. */
static cf_status draw_swarm(cf_draw *draw, const cf_strip_sample *s, size_t index, double centre, double half,
                            double floor_value, const cf_scale *y) {
  cf_status status = CF_OK;
  double *value = NULL, *px = NULL, *py = NULL;
  size_t n = 0;
  char text[64];
  const double r = 1.3;
  cf_mark mark = cf_scratch_mark(draw->ctx);
  CF_TRY(CF_SCRATCH(draw->ctx, &value, s->n + 1));
  CF_TRY(CF_SCRATCH(draw->ctx, &px, s->n + 1));
  CF_TRY(CF_SCRATCH(draw->ctx, &py, s->n + 1));
  for (size_t i = 0; i < s->n; ++i)
    if (isfinite(s->value[i])) value[n++] = s->value[i];
  qsort(value, n, sizeof *value, by_value);
  for (size_t i = 0; i < n; ++i) {
    py[i] = cf_scale_at(y, value[i]);
    for (int step = 0;; ++step) { /* 0, +1, -1, +2, ... places beside the middle */
      double shift = (step % 2 ? 1.0 : -1.0) * ((step + 1) / 2) * 1.9 * r;
      bool free_place = true;
      px[i] = centre + shift;
      for (size_t k = i; k-- > 0 && py[k] - py[i] < 2.0 * r && free_place;)
        free_place = hypot(px[k] - px[i], py[k] - py[i]) >= 1.9 * r;
      if (free_place && fabs(shift) <= half) break;
      if (fabs(shift) > half) { /* no room left: spread evenly over the width */
        px[i] = centre + half * (2.0 * fmod(0.618033988749895 * (double)i, 1.0) - 1.0);
        break;
      }
    }
  }
  for (size_t i = n; i-- > 0;) { /* the best on top */
    bool best = value[i] <= floor_value;
    cf_text_write(
        &draw->body,
        "<circle class=\"cf-mark cf-c$i\" data-group=\"$i\" data-value=\"$v\" cx=\"$n\" cy=\"$n\" r=\"$n\" fill=\"$s\"$s>"
        "<title>$t: $s</title></circle>\n",
        best ? 6 : 0, (int)index, value[i], px[i], py[i], r, cf_figure_colour(best ? 6 : 0),
        best ? "" : " fill-opacity=\"0.6\"", s->name ? s->name : "", cf_text_value(value[i], text, sizeof text));
  }
done:
  cf_scratch_release(draw->ctx, mark);
  return status;
}

cf_status cf_figure_strip(cf_context *ctx, const cf_strip_figure *spec, const cf_figure_options *options,
                          cf_figure **out) {
  cf_status status = CF_OK;
  cf_draw draw;
  double low = INFINITY, high = -INFINITY;
  cf_draw_begin(&draw, ctx, "cf-strip", options, spec->count > 12 ? 136.0 : CF_FIGURE_ONE_COLUMN);
  if (spec->count == 0) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "a strip figure needs samples"));
  for (size_t s = 0; s < spec->count; ++s)
    for (size_t i = 0; i < spec->sample[s].n; ++i) {
      double v = spec->sample[s].value[i];
      if (isfinite(v)) low = CF_MIN(low, v), high = CF_MAX(high, v);
    }
  if (low > high) low = 0.0, high = 1.0;
  if (!(high > low)) low -= 0.05 * fabs(low) + 1e-9, high += 0.05 * fabs(high) + 1e-9;
  cf_ticks ticks;
  cf_ticks_make(low, high, 5, &ticks);
  double left = 2.0 + cf_panel_left(&ticks), right = draw.width - 6.0, top = draw.top + 4.0;
  double bottom = top + (draw.options->height_mm > 0 ? draw.options->height_mm * CF_MM - 30.0 : 110.0);
  double margin = 0.05 * (high - low), slot = (right - left) / (double)spec->count;
  cf_scale y = {low - margin, high + margin, bottom, top};
  size_t every = slot < 11.0 ? (size_t)ceil(11.0 / slot) : 1;
  cf_text_put(&draw.body, "<g class=\"cf-swarm\">\n");
  for (size_t s = 0; s < spec->count; ++s) {
    const cf_strip_sample *sample = spec->sample + s;
    double centre = left + slot * ((double)s + 0.5), least = INFINITY;
    for (size_t i = 0; i < sample->n; ++i)
      if (isfinite(sample->value[i])) least = CF_MIN(least, sample->value[i]);
    double near = least + spec->near * fabs(least), to = cf_scale_at(&y, CF_MIN(near, y.high));
    if (spec->near > 0 && isfinite(least))
      cf_text_write(&draw.body,
                    "<rect class=\"cf-band\" x=\"$n\" y=\"$n\" width=\"$n\" height=\"$n\" fill=\"" CF_BAND "\"/>\n",
                    centre - 0.45 * slot, to - 1.3, 0.9 * slot, cf_scale_at(&y, least) - to + 2.6);
    CF_TRY(draw_swarm(&draw, sample, s, centre, CF_MIN(0.42 * slot, 40.0), least, &y));
  }
  cf_text_put(&draw.body, "</g>\n");
  cf_scale x = {0, 1, left, right};
  cf_ticks none = {0};
  cf_draw_panel(&draw, (cf_box){left, top, right - left, bottom - top}, &x, &none, spec->x_title, &y, &ticks,
                spec->y_title);
  for (size_t s = 0; s < spec->count; s += every)
    cf_draw_text(&draw, left + slot * ((double)s + 0.5), bottom + 9.5,
                 (cf_type){.size = 6.5, .anchor = CF_MIDDLE, .room = slot * (double)every},
                 spec->sample[s].name ? spec->sample[s].name : "");
  return cf_draw_finish(&draw, bottom + CF_PANEL_BELOW, out);
done:
  cf_text_free(&draw.body);
  return status;
}
