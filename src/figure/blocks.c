/* Series within blocks: bars with intervals before the band of their null, or boxes with every value a dot.
 *
 * A box: quartiles and median (linear between order statistics, as R's type 7), whiskers to the furthest values
 * within 1.5 quartile ranges of the box (Tukey 1977). Dots stand beside one another where they would hide each other.
 */
#include "figure/draw.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct plan {
  const cf_blocks_figure *spec;
  cf_scale y;
  cf_ticks ticks;
  cf_box box;
  double slot, thick; /* of a block, of a series within it */
} plan;

static const cf_block_value *value_at(const plan *p, size_t block, size_t series) {
  return p->spec->value + block * p->spec->series + series;
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void stretch(double v, double *low, double *high) {
  if (isfinite(v)) *low = CF_MIN(*low, v), *high = CF_MAX(*high, v);
}

static bool find_range(const cf_blocks_figure *spec, double *low, double *high) {
  bool bars = false;
  *low = INFINITY;
  *high = -INFINITY;
  for (size_t i = 0; i < spec->blocks * spec->series; ++i) {
    const cf_block_value *v = spec->value + i;
    for (size_t k = 0; k < v->n; ++k) stretch(v->sample[k], low, high);
    if (v->n) continue;
    const double each[] = {v->value, v->low, v->high, v->null_mean, v->null_low, v->null_high};
    for (size_t k = 0; k < sizeof each / sizeof *each; ++k) stretch(each[k], low, high);
    bars |= isfinite(v->value);
  }
  const bool any = *low <= *high;
  if (!any) *low = 0.0, *high = 1.0;
  if (bars) *low = CF_MIN(*low, 0.0), *high = CF_MAX(*high, 0.0);
  return any;
}

static double middle_of(const plan *p, size_t block, size_t series) {
  return p->box.x + p->slot * ((double)block + 0.5) + p->thick * ((double)series - 0.5 * (double)(p->spec->series - 1));
}

static void open_mark(cf_draw *draw, const plan *p, size_t block, size_t series, char *words, size_t size) {
  snprintf(words, size, "%.80s%s%.80s", p->spec->block_name[block], p->spec->series > 1 ? ", " : "",
           p->spec->series > 1 ? p->spec->series_name[series] : "");
  cf_text_write(&draw->body, "<g class=\"cf-series\" data-group=\"$i\">\n", (int)series);
}

static void draw_bar(cf_draw *draw, const plan *p, size_t block, size_t series) {
  const cf_block_value *v = value_at(p, block, series);
  const double x = middle_of(p, block, series), half = 0.40 * p->thick, zero = cf_scale_at(&p->y, 0.0);
  char words[200], value[64];
  if (!isfinite(v->value)) return;
  open_mark(draw, p, block, series, words, sizeof words);
  if (isfinite(v->null_low) && isfinite(v->null_high)) {
    const double top = cf_scale_at(&p->y, v->null_high), low = cf_scale_at(&p->y, v->null_low);
    cf_text_write(&draw->body,
                  "<rect class=\"cf-band\" x=\"$n\" y=\"$n\" width=\"$n\" height=\"$n\" fill=\"#d3dae1\"/>\n",
                  x - 0.49 * p->thick, top, 0.98 * p->thick, CF_MAX(low - top, 0.3));
  }
  const double at = cf_scale_at(&p->y, v->value);
  cf_text_write(&draw->body,
                "<rect class=\"cf-mark cf-c$i\" data-value=\"$v\" x=\"$n\" y=\"$n\" width=\"$n\" height=\"$n\" "
                "fill=\"$s\" fill-opacity=\"0.85\"><title>$t: $s</title></rect>\n",
                (int)(series % 10), v->value, x - half, CF_MIN(at, zero), 2.0 * half, fabs(at - zero),
                cf_figure_colour(series), words, cf_text_value(v->value, value, sizeof value));
  if (isfinite(v->low) && isfinite(v->high))
    cf_draw_line(draw, "cf-line", x, cf_scale_at(&p->y, v->low), x, cf_scale_at(&p->y, v->high), CF_INK, 0.7);
  if (isfinite(v->null_mean))
    cf_draw_line(draw, "cf-line", x - 0.49 * p->thick, cf_scale_at(&p->y, v->null_mean), x + 0.49 * p->thick,
                 cf_scale_at(&p->y, v->null_mean), CF_MUTED, 0.8);
  cf_text_put(&draw->body, "</g>\n");
}

static double quantile(const double *sorted, size_t n, double q) {
  const double at = q * (double)(n - 1);
  const size_t k = (size_t)at;
  return k + 1 < n ? sorted[k] + (at - (double)k) * (sorted[k + 1] - sorted[k]) : sorted[n - 1];
}

static void draw_dots(cf_draw *draw, const plan *p, const double *sorted, size_t n, size_t series, double x,
                      double *place) {
  const double r = CF_MAX(0.7, CF_MIN(1.6, 0.12 * p->thick));
  for (size_t i = 0; i < n; ++i) {
    const double y = cf_scale_at(&p->y, sorted[i]);
    for (int step = 0;; ++step) {
      const double shift = (step % 2 ? 1.0 : -1.0) * ((step + 1) / 2) * 1.8 * r;
      bool open = true;
      place[i] = x + shift;
      for (size_t k = i; k-- > 0 && open && cf_scale_at(&p->y, sorted[k]) - y < 2.0 * r;)
        open = hypot(place[k] - place[i], cf_scale_at(&p->y, sorted[k]) - y) >= 1.7 * r;
      if (open) break;
      if (fabs(shift) > 0.4 * p->thick) {
        place[i] = x + 0.4 * p->thick * (2.0 * fmod(0.618033988749895 * (double)i, 1.0) - 1.0);
        break;
      }
    }
    cf_text_write(&draw->body,
                  "<circle class=\"cf-mark cf-c$i\" data-value=\"$v\" cx=\"$n\" cy=\"$n\" r=\"$n\" "
                  "fill=\"$s\" stroke=\"#fff\" stroke-width=\"0.25\"/>\n",
                  (int)(series % 10), sorted[i], place[i], y, r, cf_figure_colour(series));
  }
}

static cf_status draw_samples(cf_draw *draw, const plan *p, size_t block, size_t series) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(draw->ctx);
  const cf_block_value *v = value_at(p, block, series);
  const double x = middle_of(p, block, series), half = 0.38 * p->thick;
  double *sorted = NULL, *place = NULL;
  size_t n = 0;
  char words[200], value[64];
  CF_TRY(CF_SCRATCH(draw->ctx, &sorted, v->n));
  CF_TRY(CF_SCRATCH(draw->ctx, &place, v->n));
  for (size_t i = 0; i < v->n; ++i)
    if (isfinite(v->sample[i])) sorted[n++] = v->sample[i];
  if (n == 0) goto done;
  qsort(sorted, n, sizeof *sorted, ascending);
  const double q1 = quantile(sorted, n, 0.25), q2 = quantile(sorted, n, 0.5), q3 = quantile(sorted, n, 0.75);
  size_t a = 0, b = n - 1;
  while (sorted[a] < q1 - 1.5 * (q3 - q1)) ++a;
  while (sorted[b] > q3 + 1.5 * (q3 - q1)) --b;
  open_mark(draw, p, block, series, words, sizeof words);
  cf_draw_line(draw, "cf-line", x, cf_scale_at(&p->y, sorted[a]), x, cf_scale_at(&p->y, sorted[b]), CF_MUTED, 0.6);
  cf_text_write(&draw->body,
                "<rect class=\"cf-mark cf-c$i\" data-median=\"$v\" data-low=\"$v\" data-high=\"$v\" x=\"$n\" y=\"$n\" "
                "width=\"$n\" height=\"$n\" fill=\"$s\" fill-opacity=\"0.28\" stroke=\"$s\" stroke-width=\"0.6\">"
                "<title>$t: median $s of $i</title></rect>\n",
                (int)(series % 10), q2, q1, q3, x - half, cf_scale_at(&p->y, q3), 2.0 * half,
                CF_MAX(cf_scale_at(&p->y, q1) - cf_scale_at(&p->y, q3), 0.2), cf_figure_colour(series),
                cf_figure_colour(series), words, cf_text_value(q2, value, sizeof value), (int)n);
  draw_dots(draw, p, sorted, n, series, x, place);
  cf_draw_line(draw, "cf-line", x - half, cf_scale_at(&p->y, q2), x + half, cf_scale_at(&p->y, q2), CF_INK, 1.0);
  cf_text_put(&draw->body, "</g>\n");
done:
  cf_scratch_release(draw->ctx, mark);
  return status;
}

static void draw_level(cf_draw *draw, const plan *p) {
  if (p->y.low < 0.0 && p->y.high > 0.0)
    cf_draw_line(draw, "cf-line", p->box.x, cf_scale_at(&p->y, 0.0), p->box.x + p->box.w, cf_scale_at(&p->y, 0.0),
                 CF_MUTED, 0.5);
}

cf_status cf_figure_blocks(cf_context *ctx, const cf_blocks_figure *spec, const cf_figure_options *options,
                           cf_figure **out) {
  cf_status status = CF_OK;
  cf_draw draw;
  double low = 0.0, high = 1.0;
  const size_t bars = spec->blocks * spec->series;
  cf_draw_begin(&draw, ctx, "cf-blocks", options,
                bars > 16  ? CF_FIGURE_TWO_COLUMNS
                : bars > 8 ? 136.0
                           : CF_FIGURE_ONE_COLUMN);
  if (bars == 0 || !find_range(spec, &low, &high))
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "a figure of blocks needs values"));
  plan p = {.spec = spec};
  cf_ticks_make(low, high, 5, &p.ticks);
  const double margin = 0.05 * CF_MAX(high - low, 1e-300), left = 2.0 + cf_panel_left(&p.ticks);
  p.y =
      (cf_scale){low < 0.0 ? low - margin : CF_MAX(0.0, low - margin), high + (spec->mark ? 2.4 : 1.0) * margin, 0, 0};
  p.box =
      (cf_box){left, draw.top + 4.0, draw.width - left - 4.0,
               draw.options->height_mm > 0 ? CF_MAX(50.0, draw.options->height_mm * CF_MM - draw.top - 40.0) : 130.0};
  p.y.from = p.box.y + p.box.h, p.y.to = p.box.y;
  p.slot = p.box.w / (double)spec->blocks;
  p.thick = CF_MIN(22.0, 0.84 * p.slot / (double)spec->series);
  draw_level(&draw, &p);
  for (size_t b = 0; b < spec->blocks; ++b)
    for (size_t s = 0; s < spec->series; ++s) {
      if (value_at(&p, b, s)->n)
        CF_TRY(draw_samples(&draw, &p, b, s));
      else
        draw_bar(&draw, &p, b, s);
    }
  for (size_t b = 0; spec->mark && b < spec->blocks; ++b)
    if (spec->mark[b])
      cf_draw_text(&draw, p.box.x + p.slot * ((double)b + 0.5), p.box.y + 4.5,
                   (cf_type){.size = 7, .anchor = CF_MIDDLE, .room = p.slot}, spec->mark[b]);
  cf_draw_line(&draw, "cf-line", p.box.x, p.box.y + p.box.h, p.box.x + p.box.w, p.box.y + p.box.h, CF_INK, 0.5);
  cf_draw_y_axis(&draw, &p.y, &p.ticks, p.box.x, NULL, 0.0);
  if (spec->y_title) cf_draw_y_title(&draw, p.box, &p.ticks, spec->y_title);
  double y = p.box.y + p.box.h + 2.0;
  y += cf_draw_names(&draw, spec->blocks, spec->block_name, p.box.x + 0.5 * p.slot, p.slot, y) + 4.0;
  if (spec->series > 1) y = cf_draw_legend(&draw, p.box.x, y, p.box.w, spec->series, spec->series_name);
  if (spec->mark_note && spec->mark) {
    cf_draw_text(&draw, p.box.x, y + 5.0, (cf_type){.size = 6, .muted = true, .room = p.box.w}, spec->mark_note);
    y += 8.0;
  }
  return cf_draw_finish(&draw, y, out);
done:
  cf_text_free(&draw.body);
  return status;
}
