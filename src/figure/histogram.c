/* Null distribution with the observed value. Bin width 2 IQR n^(-1/3) (Freedman and Diaconis 1981), 8 to 60 bins. */
#include "figure/draw.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

cf_status cf_figure_histogram(cf_context *ctx, const cf_histogram_figure *spec, const cf_figure_options *options,
                              cf_figure **out) {
  cf_status status = CF_OK;
  cf_draw draw;
  double *sorted = NULL, mean = 0.0;
  size_t count[64] = {0}, n = 0, most = 0;
  cf_mark mark = cf_scratch_mark(ctx);
  cf_draw_begin(&draw, ctx, "cf-histogram", options, CF_FIGURE_ONE_COLUMN);
  CF_TRY(CF_SCRATCH(ctx, &sorted, spec->n + 1));
  for (size_t i = 0; i < spec->n; ++i)
    if (isfinite(spec->value[i])) {
      sorted[n++] = spec->value[i];
      mean += spec->value[i];
    }
  if (n == 0) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "a histogram needs at least one finite value"));
  mean /= (double)n;
  qsort(sorted, n, sizeof *sorted, by_value);
  if (fabs(mean) < 1e-4 * (sorted[n - 1] - sorted[0])) mean = 0.0; /* nothing that the eye could see */
  double low = sorted[0], high = sorted[n - 1],
         width = 2.0 * (sorted[(3 * (n - 1)) / 4] - sorted[(n - 1) / 4]) / cbrt((double)n);
  size_t bins = width > 0 ? (size_t)CF_MIN(60.0, CF_MAX(8.0, ceil((high - low) / width))) : 8;
  if (!(high > low)) {
    double pad = CF_MAX(1e-3 * fabs(low), 1e-9);
    low -= pad;
    high += pad;
  }
  width = (high - low) / (double)bins;
  for (size_t i = 0; i < n; ++i) ++count[CF_MIN(bins - 1, (size_t)((sorted[i] - low) / width))];
  for (size_t b = 0; b < bins; ++b) most = CF_MAX(most, count[b]);
  double x0 = low, x1 = high;
  if (isfinite(spec->observed)) x0 = CF_MIN(x0, spec->observed), x1 = CF_MAX(x1, spec->observed);
  cf_ticks tx, ty;
  cf_ticks_make(x0, x1 + 0.02 * (x1 - x0), 5, &tx);
  cf_ticks_make(0.0, (double)most, 4, &ty);
  double left = 17.0 + cf_ticks_width(&ty) + 4.0, right = draw.width - 8.0, top = draw.top + 15.0;
  double bottom = draw.options->height_mm > 0 ? draw.options->height_mm * CF_MM - 24.0 : top + 92.0;
  cf_scale x = {tx.low, tx.high, left, right}, y = {0.0, ty.high, bottom, top};
  cf_text_put(&draw.body, "<g class=\"cf-bins\" fill=\"#a9b4c0\" stroke=\"#fff\" stroke-width=\"0.3\">\n");
  for (size_t b = 0; b < bins; ++b) {
    if (count[b] == 0) continue;
    char from[64], to[64];
    double a = low + width * (double)b, at = cf_scale_at(&y, (double)count[b]);
    cf_text_write(&draw.body,
                  "<rect class=\"cf-mark cf-bin\" data-count=\"$i\" x=\"$n\" y=\"$n\" width=\"$n\" "
                  "height=\"$n\"><title>$s to $s: $i</title></rect>\n",
                  (int)count[b], cf_scale_at(&x, a), at, cf_scale_at(&x, a + width) - cf_scale_at(&x, a), bottom - at,
                  cf_text_value(a, from, sizeof from), cf_text_value(a + width, to, sizeof to), (int)count[b]);
  }
  cf_text_put(&draw.body, "</g>\n");
  double centre = cf_scale_at(&x, mean);
  cf_text_write(&draw.body,
                "<line class=\"cf-line\" x1=\"$n\" y1=\"$n\" x2=\"$n\" y2=\"$n\" stroke=\"" CF_MUTED
                "\" stroke-width=\"0.8\" stroke-dasharray=\"2 1.5\"/>\n",
                centre, bottom, centre, top - 2.0);
  cf_type label = {.size = 6.5, .anchor = CF_MIDDLE, .muted = true};
  char text[160], value[64], p[64];
  snprintf(text, sizeof text, "chance %s", cf_text_value(mean, value, sizeof value));
  double chance_half = 3.25 * cf_text_width(text);
  double chance_at = CF_MIN(right - chance_half, CF_MAX(left + chance_half, centre));
  cf_draw_text(&draw, chance_at, top - 4.5, label, text);
  if (isfinite(spec->observed)) {
    double at = cf_scale_at(&x, spec->observed);
    cf_text_write(&draw.body,
                  "<g class=\"cf-observed cf-mark\" data-value=\"$v\" data-p=\"$v\"><title>observed $s</title><line "
                  "class=\"cf-stroke-c6\" x1=\"$n\" y1=\"$n\" x2=\"$n\" y2=\"$n\" stroke=\"$s\" "
                  "stroke-width=\"1.4\"/></g>\n",
                  spec->observed, spec->p, cf_text_value(spec->observed, value, sizeof value), at, bottom, at,
                  top - 2.0, cf_figure_colour(6));
    snprintf(text, sizeof text, "observed %s%s%s", value, isnan(spec->p) ? "" : ", ", cf_text_p(spec->p, p, sizeof p));
    double half = 3.25 * 1.2 * cf_text_width(text), place /* bold, and fonts that stand in for Arial are wider */ =
                                                        CF_MIN(right - half, CF_MAX(left + half, at));
    double line = fabs(place - chance_at) < half + chance_half + 5.0 ? top - 12.0 : top - 4.5;
    cf_draw_text(&draw, place, line, (cf_type){.size = 6.5, .anchor = CF_MIDDLE, .bold = true}, text);
  }
  cf_draw_x_axis(&draw, &x, &tx, bottom, spec->x_title ? spec->x_title : "value under the null");
  cf_draw_y_axis(&draw, &y, &ty, left, "permutations", 9.0);
  cf_scratch_release(ctx, mark);
  return cf_draw_finish(&draw, bottom + 22.0, out);
done:
  cf_scratch_release(ctx, mark);
  cf_text_free(&draw.body);
  return status;
}
