/* Components of a factorisation of responses as triptychs: neurons, stimuli, direction x time.
 *
 * The pattern is turned along the circle of directions so that the direction of its largest mean is row 2; `blank`
 * empty columns before its first frame mark the onset, as in the published figures. Each part is scaled to its own
 * maximum. */
#include "figure/draw.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BEST_ROW = 1 }; /* row 2, counted from 1 */

static double largest(const double *v, size_t n, size_t stride) {
  double most = 0.0;
  for (size_t i = 0; i < n; ++i) most = CF_MAX(most, v[i * stride]);
  return most > 0.0 ? most : 1.0;
}

typedef struct place {
  size_t component, neuron;
  double loading;
} place;

static int by_component(const void *a, const void *b) {
  const place *x = a, *y = b;
  if (x->component != y->component) return x->component < y->component ? -1 : 1;
  if (x->loading != y->loading) return x->loading > y->loading ? -1 : 1;
  return (x->neuron > y->neuron) - (x->neuron < y->neuron);
}

/* Neurons by the component that is strongest for them, strongest first. */
static cf_status sort_neurons(cf_context *ctx, const cf_factors_figure *spec, size_t *order) {
  cf_status status = CF_OK;
  place *p = NULL;
  cf_mark mark = cf_scratch_mark(ctx);
  CF_TRY(CF_SCRATCH(ctx, &p, spec->neurons));
  for (size_t i = 0; i < spec->neurons; ++i) {
    const double *row = spec->neuron + i * spec->rank;
    p[i] = (place){0, i, row[0]};
    for (size_t r = 1; r < spec->rank; ++r)
      if (row[r] > p[i].loading) p[i].component = r, p[i].loading = row[r];
  }
  qsort(p, spec->neurons, sizeof *p, by_component);
  for (size_t i = 0; i < spec->neurons; ++i) order[i] = p[i].neuron;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Loadings over the neurons as one filled outline; beyond two neurons a column the largest of each column is kept. */
static void draw_neurons(cf_draw *draw, const cf_factors_figure *spec, size_t r, const size_t *order, cf_box box) {
  double most = largest(spec->neuron + r, spec->neurons, spec->rank);
  size_t columns = CF_MIN(spec->neurons, (size_t)(box.w * 2.5));
  double step = box.w / (double)columns;
  cf_text_write(&draw->body, "<path class=\"cf-c0\" fill=\"$s\" d=\"M$n $n", cf_figure_colour(0), box.x, box.y + box.h);
  for (size_t c = 0; c < columns; ++c) {
    double v = 0.0;
    for (size_t i = c * spec->neurons / columns; i < (c + 1) * spec->neurons / columns; ++i)
      v = CF_MAX(v, spec->neuron[order[i] * spec->rank + r]);
    cf_text_write(&draw->body, "V$nH$n", box.y + box.h * (1.0 - v / most), box.x + step * (double)(c + 1));
  }
  cf_text_write(&draw->body, "V$nZ\"/>\n", box.y + box.h);
  cf_draw_line(draw, "cf-line", box.x, box.y + box.h, box.x + box.w, box.y + box.h, CF_INK, 0.4);
}

static void draw_stimuli(cf_draw *draw, const cf_factors_figure *spec, size_t r, cf_box box, bool labels) {
  double most = largest(spec->stimulus + r, spec->stimuli, spec->rank), slot = box.w / (double)spec->stimuli;
  char text[64], number[32];
  for (size_t s = 0; s < spec->stimuli; ++s) {
    double share = spec->stimulus[s * spec->rank + r] / most, tall = box.h * CF_MAX(0.0, share);
    snprintf(number, sizeof number, "%zu", s + 1);
    const char *name = spec->stimulus_name ? spec->stimulus_name[s] : number;
    cf_text_write(
        &draw->body,
        "<rect class=\"cf-mark cf-c1\" data-value=\"$v\" x=\"$n\" y=\"$n\" width=\"$n\" height=\"$n\" fill=\"$s\">"
        "<title>$t: $s of the largest</title></rect>\n",
        share, box.x + slot * (double)s + 0.1 * slot, box.y + box.h - tall, 0.8 * slot, tall, cf_figure_colour(1), name,
        cf_text_value(share, text, sizeof text));
    if (labels && slot >= 5.0)
      cf_draw_text(draw, box.x + slot * ((double)s + 0.5) + 1.8, box.y + box.h + 3.0,
                   (cf_type){.size = CF_MIN(5.6, slot), .anchor = CF_END, .angle = -60, .room = 42.0}, name);
  }
  cf_draw_line(draw, "cf-line", box.x, box.y + box.h, box.x + box.w, box.y + box.h, CF_INK, 0.4);
}

static cf_status draw_pattern(cf_draw *draw, const cf_factors_figure *spec, size_t r, cf_box box) {
  cf_status status = CF_OK;
  size_t D = spec->directions, T = spec->times, wide = T + spec->blank, best = 0;
  double most = largest(spec->pattern + r, D * T, spec->rank), top = -1.0;
  unsigned char *rgb = NULL;
  cf_mark mark = cf_scratch_mark(draw->ctx);
  CF_TRY(CF_SCRATCH(draw->ctx, &rgb, 3 * D * wide));
  for (size_t d = 0; d < D; ++d) {
    double sum = 0.0;
    for (size_t t = 0; t < T; ++t) sum += spec->pattern[(d + D * t) * spec->rank + r];
    if (sum > top) top = sum, best = d;
  }
  for (size_t row = 0; row < D; ++row) {
    size_t d = (row + best + D - CF_MIN(BEST_ROW, D - 1)) % D;
    for (size_t t = 0; t < wide; ++t) {
      double v = t < spec->blank ? 0.0 : spec->pattern[(d + D * (t - spec->blank)) * spec->rank + r];
      cf_figure_map(CF_MAP_SEQUENTIAL, v / most, rgb + 3 * (row * wide + t));
    }
  }
  status = cf_draw_picture(draw, wide, D, 3, rgb, box, false);
  if (spec->blank > 0) {
    double onset = box.x + box.w * (double)spec->blank / (double)wide;
    cf_draw_line(draw, "cf-onset", onset, box.y, onset, box.y + box.h, "#ffffff", 0.5);
  }
done:
  cf_scratch_release(draw->ctx, mark);
  return status;
}

/* Heads over and scales under one column of triptychs. */
static void draw_heads(cf_draw *draw, const cf_factors_figure *spec, const cf_box part[3], double y) {
  char text[96], number[32];
  const cf_type head = {.size = 6.5, .muted = true};
  snprintf(text, sizeof text, "neurons (%zu)", spec->neurons);
  cf_draw_text(draw, part[0].x, y, head, text);
  cf_draw_text(draw, part[1].x, y, head, "stimuli");
  bool timed = spec->time && spec->times > 1 && part[2].w > 95.0;
  snprintf(text, sizeof text, "direction × time");
  if (timed)
    snprintf(text, sizeof text, "direction × time (%s s)",
             cf_text_fixed(spec->time[spec->times - 1] - spec->time[0] + (spec->time[1] - spec->time[0]), 1, number,
                           sizeof number));
  cf_draw_text(draw, part[2].x, y, (cf_type){.size = 6.5, .muted = true, .room = part[2].w}, text);
}

static cf_status check(cf_context *ctx, const cf_factors_figure *spec) {
  cf_status status = CF_OK;
  unsigned char *seen = NULL;
  cf_mark mark = cf_scratch_mark(ctx);
  if (spec->rank == 0 || spec->neurons == 0 || spec->stimuli == 0 || spec->directions == 0 || spec->times == 0)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "a figure of factors needs neurons, stimuli, patterns and components"));
  if (spec->order) {
    CF_TRY(CF_SCRATCH(ctx, &seen, spec->neurons));
    memset(seen, 0, spec->neurons);
    for (size_t i = 0; i < spec->neurons; ++i) {
      if (spec->order[i] >= spec->neurons || seen[spec->order[i]])
        CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "order of the neurons is not a permutation (place %zu)", i));
      seen[spec->order[i]] = 1;
    }
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_figure_factors(cf_context *ctx, const cf_factors_figure *spec, const cf_figure_options *options,
                            cf_figure **out) {
  cf_status status = CF_OK;
  cf_draw draw;
  size_t *order = NULL;
  char text[64], number[32];
  cf_mark mark = cf_scratch_mark(ctx);
  cf_draw_begin(&draw, ctx, "cf-factors", options, spec->rank > 4 ? CF_FIGURE_TWO_COLUMNS : 120.0);
  CF_TRY(check(ctx, spec));
  CF_TRY(CF_SCRATCH(ctx, &order, spec->neurons));
  if (spec->order)
    memcpy(order, spec->order, spec->neurons * sizeof *order);
  else
    CF_TRY(sort_neurons(ctx, spec, order));
  size_t columns = spec->rank > 4 ? 2 : 1, rows = (spec->rank + columns - 1) / columns;
  double cell = (draw.width - 4.0 + 14.0) / (double)columns - 14.0, name = 22.0, names = 6.0;
  double tall = CF_MIN(34.0, CF_MAX(20.0, 4.0 * (double)spec->directions)), pitch = tall + 6.0, y = draw.top + 12.0;
  for (size_t s = 0; s < spec->stimuli && spec->stimulus_name; ++s)
    names = CF_MAX(names, 4.0 + CF_MIN(46.0, 6.2 * cf_text_width(spec->stimulus_name[s])));
  for (size_t r = 0; r < spec->rank; ++r) {
    size_t column = r / rows, row = r % rows;
    double x = 2.0 + (cell + 14.0) * (double)column, at = y + pitch * (double)row, room = cell - name - 16.0;
    double share = CF_MIN(0.34, 0.1 + 0.02 * (double)spec->stimuli);
    cf_box part[3] = {{x + name, at, room * (0.62 - 0.5 * share), tall},
                      {x + name + room * (0.62 - 0.5 * share) + 8.0, at, room * share, tall},
                      {x + name + room * (0.62 + 0.5 * share) + 16.0, at, room * (0.38 - 0.5 * share), tall}};
    bool last = row + 1 == rows || r + 1 == spec->rank;
    if (row == 0) draw_heads(&draw, spec, part, y - 4.0);
    cf_text_write(&draw.body, "<g class=\"cf-panel cf-component\" data-i=\"$i\">\n", (int)r);
    snprintf(text, sizeof text, "%zu", r + 1);
    cf_draw_text(&draw, x, at + 0.5 * tall, (cf_type){.size = 8, .bold = true}, text);
    if (spec->lambda) {
      snprintf(text, sizeof text, "λ %s", cf_text_value(spec->lambda[r], number, sizeof number));
      cf_draw_text(&draw, x, at + 0.5 * tall + 7.5, (cf_type){.size = 5.5, .muted = true, .room = name + 4.0}, text);
    }
    draw_neurons(&draw, spec, r, order, part[0]);
    draw_stimuli(&draw, spec, r, part[1], last);
    CF_TRY(draw_pattern(&draw, spec, r, part[2]));
    cf_text_put(&draw.body, "</g>\n");
  }
  double bottom = y + pitch * (double)rows - 6.0 + names;
  cf_scratch_release(ctx, mark);
  return cf_draw_finish(&draw, bottom, out);
done:
  cf_scratch_release(ctx, mark);
  cf_text_free(&draw.body);
  return status;
}
