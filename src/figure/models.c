/* Model evaluation: bars, intervals, subjects, noise ceiling, stars, and rows of feathers for pairwise tests.
 *
 * Feathers, from bottom to top in the order of the models: the dot stands at a model, each short tick of its row at a
 * model that it exceeds significantly. All p-values are in data-* attributes, so that a page can switch the correction.
 */
#include "figure/draw.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>

static double chosen_p(cf_figure_correction correction, double p, double holm, double fdr) {
  return correction == CF_FIGURE_P_HOLM ? holm : correction == CF_FIGURE_P_FDR ? fdr : p;
}

static const char *stars(double p) {
  return p < 0.001 ? "***" : p < 0.01 ? "**" : p < 0.05 ? "*" : "";
}

typedef struct layout {
  double left, right, slot, bar, plot_top, plot_bottom, name_angle, name_room;
  cf_scale y;
  cf_ticks ticks;
  size_t wing_rows;
} layout;

static double slot_centre(const layout *l, size_t i) {
  return l->left + l->slot * ((double)i + 0.5);
}

/* Does model i exceed some other, by the uncorrected p? Then a row is kept for it whatever the correction. */
static bool has_wing(const cf_models_figure *spec, size_t i, double alpha) {
  for (size_t k = 0; k < spec->pairs; ++k) {
    const cf_model_pair *q = spec->pair + k;
    size_t better = q->difference >= 0 ? q->a : q->b;
    if (better == i && CF_MIN(q->p, CF_MIN(isnan(q->p_holm) ? 1 : q->p_holm, isnan(q->p_fdr) ? 1 : q->p_fdr)) < alpha)
      return true;
  }
  return false;
}

static void value_extent(const cf_models_figure *spec, double *low, double *high) {
  *low = 0.0;
  *high = 0.0;
  for (size_t i = 0; i < spec->count; ++i) {
    const cf_model_bar *m = spec->model + i;
    const double at[3] = {m->mean, m->low, m->high};
    for (int k = 0; k < 3; ++k)
      if (isfinite(at[k])) *low = CF_MIN(*low, at[k]), *high = CF_MAX(*high, at[k]);
    for (size_t s = 0; m->subject && s < m->subjects; ++s)
      if (isfinite(m->subject[s])) *low = CF_MIN(*low, m->subject[s]), *high = CF_MAX(*high, m->subject[s]);
  }
  if (isfinite(spec->ceiling_high)) *high = CF_MAX(*high, spec->ceiling_high);
  if (isfinite(spec->ceiling_low)) *high = CF_MAX(*high, spec->ceiling_low), *low = CF_MIN(*low, spec->ceiling_low);
}

static void make_layout(cf_draw *draw, const cf_models_figure *spec, double alpha, layout *l) {
  double low, high, widest = 0.0;
  value_extent(spec, &low, &high);
  cf_ticks_make(low, high + 0.04 * (high - low), 5, &l->ticks);
  l->left = 17.0 + cf_ticks_width(&l->ticks) + 4.0;
  l->right = draw->width - 4.0;
  l->slot = (l->right - l->left) / (double)spec->count;
  l->bar = CF_MIN(0.66 * l->slot, 26.0);
  for (size_t i = 0; i < spec->count; ++i) widest = CF_MAX(widest, 7.0 * cf_text_width(spec->model[i].name));
  bool turned = widest > l->slot - 3.0;
  l->name_angle = turned ? (l->slot < 9.0 ? -90.0 : -40.0) : 0.0;
  l->name_room = turned ? 82.0 : l->slot;
  l->wing_rows = 0;
  if (spec->count <= 24)
    for (size_t i = 0; i < spec->count; ++i) l->wing_rows += has_wing(spec, i, alpha) ? 1 : 0;
  l->plot_top = draw->top + 8.0 + (l->wing_rows ? 5.5 * (double)l->wing_rows + 3.0 : 0.0);
  double height = draw->options->height_mm > 0 ? draw->options->height_mm * CF_MM - l->plot_top - 30.0 : 128.0;
  l->plot_bottom = l->plot_top + CF_MAX(60.0, height);
  double from, to;
  cf_ticks_limits(&l->ticks, low, high, &from, &to);
  l->y = (cf_scale){from, to, l->plot_bottom, l->plot_top};
}

static void draw_ceiling(cf_draw *draw, const cf_models_figure *spec, const layout *l) {
  if (!isfinite(spec->ceiling_low) && !isfinite(spec->ceiling_high)) return;
  double low = isfinite(spec->ceiling_low) ? spec->ceiling_low : spec->ceiling_high;
  double high = isfinite(spec->ceiling_high) ? spec->ceiling_high : low;
  double top = cf_scale_at(&l->y, high), bottom = cf_scale_at(&l->y, low);
  char a[64], b[64];
  cf_text_write(&draw->body, "<g class=\"cf-ceiling\" data-lower=\"$v\" data-upper=\"$v\">\n", low, high);
  cf_text_write(&draw->body,
                "<rect class=\"cf-band\" x=\"$n\" y=\"$n\" width=\"$n\" height=\"$n\" fill=\"#c9d1d9\" "
                "fill-opacity=\"0.65\"><title>noise ceiling: $s to $s</title></rect>\n",
                l->left, top, l->right - l->left, CF_MAX(0.8, bottom - top), cf_text_value(low, a, sizeof a),
                cf_text_value(high, b, sizeof b));
  cf_text_put(&draw->body, "</g>\n");
}

/* The band's name is drawn last, over whatever crosses the band, on a halo of paper. */
static void label_ceiling(cf_draw *draw, const cf_models_figure *spec, const layout *l) {
  double low = isfinite(spec->ceiling_low) ? spec->ceiling_low : spec->ceiling_high;
  double high = isfinite(spec->ceiling_high) ? spec->ceiling_high : low;
  if (!isfinite(low)) return;
  double top = cf_scale_at(&l->y, high), bottom = cf_scale_at(&l->y, low);
  double y = bottom - top >= 8.0 ? top + 6.6 : top > l->plot_top + 8.0 ? top - 2.0 : bottom + 7.0;
  cf_text_write(
      &draw->body,
      "<text class=\"cf-muted cf-halo\" x=\"$n\" y=\"$n\" font-size=\"6\" text-anchor=\"end\" fill=\"" CF_MUTED
      "\" stroke=\"#fff\" stroke-opacity=\"0.75\" stroke-width=\"1.6\" stroke-linejoin=\"round\" "
      "paint-order=\"stroke\">noise ceiling</text>\n",
      l->right - 2.0, y);
}

static void draw_bar(cf_draw *draw, const cf_models_figure *spec, const layout *l, size_t i) {
  const cf_model_bar *m = spec->model + i;
  double x = slot_centre(l, i), zero = cf_scale_at(&l->y, 0.0),
         y = isfinite(m->mean) ? cf_scale_at(&l->y, m->mean) : zero;
  char a[64], b[64], c[64], p[64];
  cf_text_write(&draw->body,
                "<g class=\"cf-model cf-mark\" data-name=\"$t\" data-mean=\"$v\" data-low=\"$v\" data-high=\"$v\">",
                m->name, m->mean, m->low, m->high);
  cf_text_write(&draw->body, "<title>$t: $s", m->name, cf_text_value(m->mean, a, sizeof a));
  if (isfinite(m->low) && isfinite(m->high))
    cf_text_write(&draw->body, " [$s, $s]", cf_text_value(m->low, b, sizeof b), cf_text_value(m->high, c, sizeof c));
  if (isfinite(m->p)) cf_text_write(&draw->body, ", $t", cf_text_p(m->p, p, sizeof p));
  cf_text_put(&draw->body, "</title>\n");
  cf_text_write(
      &draw->body,
      "<rect class=\"cf-bar cf-c0\" x=\"$n\" y=\"$n\" width=\"$n\" height=\"$n\" fill=\"$s\" fill-opacity=\"0.55\"/>\n",
      x - 0.5 * l->bar, CF_MIN(y, zero), l->bar, CF_MAX(0.3, fabs(zero - y)), cf_figure_colour(0));
  cf_text_put(&draw->body, "</g>\n");
}

/* Drawn after the dots, which would hide it. */
static void draw_interval(cf_draw *draw, const cf_models_figure *spec, const layout *l, size_t i) {
  const cf_model_bar *m = spec->model + i;
  if (!isfinite(m->low) || !isfinite(m->high)) return;
  double x = slot_centre(l, i), cap = CF_MIN(2.5, 0.3 * l->bar);
  double top = cf_scale_at(&l->y, m->high), bottom = cf_scale_at(&l->y, m->low);
  cf_text_write(&draw->body,
                "<path class=\"cf-line cf-error\" d=\"M$n $nH$nM$n $nV$nM$n $nH$n\" fill=\"none\" stroke=\"" CF_INK
                "\" stroke-width=\"1.1\" pointer-events=\"none\"/>\n",
                x - cap, top, x + cap, x, top, bottom, x - cap, bottom, x + cap);
}

/* Dots side by side in the order of the subjects, the same place in every bar. */
static void draw_subjects(cf_draw *draw, const cf_models_figure *spec, const layout *l, size_t i) {
  const cf_model_bar *m = spec->model + i;
  if (!m->subject || m->subjects < 2) return; /* the dot of one subject is the bar */
  char value[64], number[32];
  double x = slot_centre(l, i), room = 0.8 * l->bar;
  double r = m->subjects > 40 || l->bar < 12.0 ? 0.8 : 1.2;
  cf_text_put(&draw->body, "<g class=\"cf-subjects\" fill=\"#fff\" stroke=\"" CF_MUTED "\" stroke-width=\"0.6\">\n");
  for (size_t s = 0; s < m->subjects; ++s) {
    if (!isfinite(m->subject[s])) continue;
    double at = m->subjects > 1 ? (double)s / (double)(m->subjects - 1) - 0.5 : 0.0;
    snprintf(number, sizeof number, "subject %zu", s + 1);
    cf_text_write(&draw->body,
                  "<circle class=\"cf-mark cf-dot\" data-subject=\"$i\" data-value=\"$v\" cx=\"$n\" cy=\"$n\" r=\"$n\">"
                  "<title>$t, $t: $s</title></circle>\n",
                  (int)s, m->subject[s], x + room * at, cf_scale_at(&l->y, m->subject[s]), r, m->name,
                  spec->subject_name ? spec->subject_name[s] : number,
                  cf_text_value(m->subject[s], value, sizeof value));
  }
  cf_text_put(&draw->body, "</g>\n");
}

/* All stars in one row above the frame: they mark tests against 0, not heights. */
static void draw_star(cf_draw *draw, const cf_models_figure *spec, const layout *l, size_t i) {
  const cf_model_bar *m = spec->model + i;
  cf_text_write(&draw->body,
                "<text class=\"cf-text cf-star\" data-p=\"$v\" data-p-holm=\"$v\" data-p-fdr=\"$v\" x=\"$n\" y=\"$n\" "
                "font-size=\"8\" text-anchor=\"middle\">$s</text>\n",
                m->p, m->p_holm, m->p_fdr, slot_centre(l, i), l->plot_top - 0.5,
                stars(chosen_p(spec->correction, m->p, m->p_holm, m->p_fdr)));
}

static void draw_wings(cf_draw *draw, const cf_models_figure *spec, const layout *l, double alpha) {
  size_t row = 0;
  char value[64], p[64];
  cf_text_put(&draw->body, "<g class=\"cf-wings\" stroke-linecap=\"round\">\n");
  for (size_t i = 0; i < spec->count; ++i) {
    if (!has_wing(spec, i, alpha)) continue;
    double y = l->plot_top - 12.5 - 5.5 * (double)row++, x = slot_centre(l, i);
    cf_text_write(&draw->body, "<g class=\"cf-wing\" data-model=\"$i\">\n", (int)i);
    for (size_t k = 0; k < spec->pairs; ++k) {
      const cf_model_pair *q = spec->pair + k;
      size_t better = q->difference >= 0 ? q->a : q->b, other = better == q->a ? q->b : q->a;
      if (better != i) continue;
      double at = slot_centre(l, other), used = chosen_p(spec->correction, q->p, q->p_holm, q->p_fdr);
      cf_text_write(&draw->body,
                    "<g class=\"cf-pair cf-mark\" data-a=\"$i\" data-b=\"$i\" data-difference=\"$v\" data-p=\"$v\" "
                    "data-p-holm=\"$v\" data-p-fdr=\"$v\"$s><title>$t exceeds $t by $s ($t)</title>",
                    (int)better, (int)other, fabs(q->difference), q->p, q->p_holm, q->p_fdr,
                    used < alpha ? "" : " display=\"none\"", spec->model[better].name, spec->model[other].name,
                    cf_text_value(fabs(q->difference), value, sizeof value), cf_text_p(used, p, sizeof p));
      cf_text_write(&draw->body,
                    "<path class=\"cf-line\" d=\"M$n $nH$nM$n $nV$n\" fill=\"none\" stroke=\"" CF_MUTED
                    "\" stroke-width=\"0.8\"/><circle class=\"cf-ink\" cx=\"$n\" cy=\"$n\" r=\"1.5\"/></g>\n",
                    x, y, at, at, y, y + 2.6, x, y);
    }
    cf_text_put(&draw->body, "</g>\n");
  }
  cf_text_put(&draw->body, "</g>\n");
}

cf_status cf_figure_models(cf_context *ctx, const cf_models_figure *spec, const cf_figure_options *options,
                           cf_figure **out) {
  cf_status status = CF_OK;
  cf_draw draw;
  layout l;
  double alpha = spec->alpha > 0 ? spec->alpha : 0.05;
  cf_draw_begin(&draw, ctx, "cf-models", options, spec->count > 7 ? 136.0 : CF_FIGURE_ONE_COLUMN);
  if (spec->count == 0) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "a model figure needs models"));
  for (size_t k = 0; k < spec->pairs; ++k)
    if (spec->pair[k].a >= spec->count || spec->pair[k].b >= spec->count)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "pair %zu of the model figure names a model that is not there", k));
  make_layout(&draw, spec, alpha, &l);
  draw_ceiling(&draw, spec, &l);
  for (size_t i = 0; i < spec->count; ++i) draw_bar(&draw, spec, &l, i);
  for (size_t i = 0; i < spec->count; ++i) draw_subjects(&draw, spec, &l, i);
  for (size_t i = 0; i < spec->count; ++i) draw_interval(&draw, spec, &l, i);
  label_ceiling(&draw, spec, &l);
  for (size_t i = 0; i < spec->count; ++i) draw_star(&draw, spec, &l, i);
  if (l.wing_rows) draw_wings(&draw, spec, &l, alpha);
  cf_draw_y_axis(&draw, &l.y, &l.ticks, l.left, spec->y_title, 9.0);
  double zero = cf_scale_at(&l.y, 0.0), deepest = 0.0;
  cf_draw_line(&draw, "cf-line", l.left, zero, l.right, zero, CF_INK, 0.5);
  cf_text_put(&draw.body, "<g class=\"cf-names\">\n");
  for (size_t i = 0; i < spec->count; ++i) {
    bool turned = l.name_angle != 0.0;
    double wide = CF_MIN(l.name_room, 7.0 * cf_text_width(spec->model[i].name));
    double room = turned ? CF_MIN(l.name_room, l.name_angle > -60 ? (slot_centre(&l, i) - 2.0) / 0.766 : l.name_room)
                         : l.name_room;
    cf_draw_text(&draw, slot_centre(&l, i) + (turned ? 2.5 : 0.0), l.plot_bottom + (turned ? 6.0 : 9.5),
                 (cf_type){.size = 7, .anchor = turned ? CF_END : CF_MIDDLE, .angle = l.name_angle, .room = room},
                 spec->model[i].name);
    deepest = CF_MAX(deepest, turned ? wide * (l.name_angle < -60 ? 1.0 : 0.643) + 6.0 : 9.5);
  }
  cf_text_put(&draw.body, "</g>\n");
  return cf_draw_finish(&draw, l.plot_bottom + deepest + 3.0, out);
done:
  cf_text_free(&draw.body);
  return status;
}
