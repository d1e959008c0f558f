/* Silhouettes of objects as bars, group by group (Rousseeuw 1987). */
#include "figure/draw.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>

typedef struct rows {
  const cf_silhouette_figure *spec;
  size_t *order;
  double mean;
} rows;

/* By group, within a group the widest first; ties by index. */
static cf_status sort_rows(cf_context *ctx, const cf_silhouette_figure *spec, rows *r) {
  cf_status status = CF_OK;
  CF_TRY(CF_SCRATCH(ctx, &r->order, spec->n));
  for (size_t i = 0; i < spec->n; ++i) {
    size_t at = i;
    if (spec->group[i] >= spec->groups)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "group of object %zu of the silhouette figure is out of range", i));
    for (; at > 0; --at) {
      const size_t other = r->order[at - 1];
      const bool before = spec->group[other] < spec->group[i] ||
                          (spec->group[other] == spec->group[i] && spec->width[other] >= spec->width[i]);
      if (before) break;
      r->order[at] = other;
    }
    r->order[at] = i;
    r->mean += spec->width[i] / (double)spec->n;
  }
done:
  return status;
}

static void draw_bar(cf_draw *draw, const cf_silhouette_figure *spec, size_t i, const cf_scale *x, double y,
                     double thick) {
  char value[64], plain[32];
  const char *name = plain;
  const double zero = cf_scale_at(x, 0.0), at = cf_scale_at(x, spec->width[i]);
  snprintf(plain, sizeof plain, "%zu", i + 1);
  if (spec->label) name = spec->label[i];
  cf_text_write(&draw->body,
                "<rect class=\"cf-mark cf-c$i\" data-value=\"$v\" x=\"$n\" y=\"$n\" width=\"$n\" height=\"$n\" "
                "fill=\"$s\"><title>$t: $s</title></rect>\n",
                (int)(spec->group[i] % 10), spec->width[i], CF_MIN(zero, at), y + 0.08 * thick, fabs(at - zero),
                0.84 * thick, cf_figure_colour(spec->group[i]), name,
                cf_text_value(spec->width[i], value, sizeof value));
}

/* Name and mean of a group at the right of its bars. */
static void draw_group(cf_draw *draw, const cf_silhouette_figure *spec, size_t g, double x, double y, double room) {
  double sum = 0.0, count = 0.0;
  char text[256], value[64];
  for (size_t i = 0; i < spec->n; ++i)
    if (spec->group[i] == g) sum += spec->width[i], ++count;
  if (!(count > 0)) return;
  cf_draw_text(draw, x, y - 1.0, (cf_type){.size = 6.5, .room = room, .bold = true}, spec->group_name[g]);
  snprintf(text, sizeof text, "%g: mean %s", count, cf_text_value(sum / count, value, sizeof value));
  cf_draw_text(draw, x, y + 7.0, (cf_type){.size = 6.5, .room = room, .muted = true}, text);
}

static double label_room(const cf_draw *draw, const cf_silhouette_figure *spec, double size) {
  double widest = 0.0;
  for (size_t i = 0; spec->label && i < spec->n; ++i) widest = CF_MAX(widest, cf_text_width(spec->label[i]));
  return CF_MIN(0.3 * draw->width, 1.08 * size * widest);
}

static void draw_rows(cf_draw *draw, const rows *r, double *bottom) {
  const cf_silhouette_figure *spec = r->spec;
  const double thick = CF_MAX(0.6, CF_MIN(9.0, 330.0 / (double)spec->n)), gap = 5.0, names = 74.0;
  const double size = CF_MIN(6.5, 0.92 * thick), room = size >= 3.4 ? label_room(draw, spec, size) : 0.0;
  double low = 0.0, high = 0.0, y = draw->top + 3.0;
  for (size_t i = 0; i < spec->n; ++i) low = CF_MIN(low, spec->width[i]), high = CF_MAX(high, spec->width[i]);
  cf_ticks ticks;
  cf_ticks_make(low, CF_MAX(high, 0.1), 5, &ticks);
  const cf_scale x = {ticks.low, ticks.high, room + 6.0, draw->width - names};
  size_t from = 0;
  while (from < spec->n) {
    const size_t g = spec->group[r->order[from]];
    const double start = y;
    for (; from < spec->n && spec->group[r->order[from]] == g; ++from, y += thick) {
      draw_bar(draw, spec, r->order[from], &x, y, thick);
      if (room > 0.0)
        cf_draw_text(draw, room + 3.0, y + 0.5 * thick + 0.35 * size,
                     (cf_type){.size = size, .anchor = CF_END, .room = room + 1.0}, spec->label[r->order[from]]);
    }
    draw_group(draw, spec, g, draw->width - names + 6.0, 0.5 * (start + y), names - 8.0);
    y += gap;
  }
  cf_draw_line(draw, "cf-line", cf_scale_at(&x, 0.0), draw->top + 1.0, cf_scale_at(&x, 0.0), y, CF_MUTED, 0.6);
  cf_text_write(&draw->body,
                "<line class=\"cf-line\" x1=\"$n\" y1=\"$n\" x2=\"$n\" y2=\"$n\" stroke=\"" CF_INK
                "\" stroke-width=\"0.7\" stroke-dasharray=\"2 1.5\"><title>mean of all $d</title></line>\n",
                cf_scale_at(&x, r->mean), draw->top + 1.0, cf_scale_at(&x, r->mean), y, r->mean);
  cf_draw_x_axis(draw, &x, &ticks, y, "silhouette width (dashed: mean of all)");
  *bottom = y + 22.0;
}

cf_status cf_figure_silhouette(cf_context *ctx, const cf_silhouette_figure *spec, const cf_figure_options *options,
                               cf_figure **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_draw draw;
  rows r = {.spec = spec};
  double bottom = 0.0;
  cf_draw_begin(&draw, ctx, "cf-silhouette", options, 120.0);
  if (spec->n == 0) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "a silhouette figure needs objects"));
  CF_TRY(sort_rows(ctx, spec, &r));
  draw_rows(&draw, &r, &bottom);
  cf_scratch_release(ctx, mark);
  return cf_draw_finish(&draw, bottom, out);
done:
  cf_scratch_release(ctx, mark);
  cf_text_free(&draw.body);
  return status;
}
