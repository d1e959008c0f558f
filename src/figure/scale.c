/* Nice ticks, scales and colours.
 *
 * The sequential map runs through CIELAB with lightness rising linearly from 14 to 92 while the hue turns from indigo
 * over blue, teal and green to yellow; the diverging map is near-white at 0 and equally dark at both ends. Equal steps
 * in value are therefore about equal steps in perceived lightness, also in grey print and for colour-blind readers.
 * The cyclic map is a circle in CIELAB whose lightness rises and falls once, so that opposite directions differ in grey
 * too. CIELAB to sRGB (D65): CIE 15:2004 and IEC 61966-2-1.                       */
#include "figure/draw.h"
#include "base/internal.h"
#include <math.h>

double cf_scale_at(const cf_scale *scale, double value) {
  double span = scale->high - scale->low;
  return scale->from + (span != 0.0 ? (value - scale->low) / span : 0.5) * (scale->to - scale->from);
}

void cf_ticks_make(double low, double high, int target, cf_ticks *out) {
  if (!isfinite(low) || !isfinite(high)) low = 0.0, high = 1.0;
  if (high < low) {
    double swap = low;
    low = high;
    high = swap;
  }
  double size = CF_MAX(fabs(low), fabs(high));
  if (high - low <= 1e-12 * size || high == low) {
    double pad = size > 0.0 ? 0.5 * size : 0.5;
    low -= pad;
    high += pad;
  }
  double raw = (high - low) / CF_MAX(1, target);
  double power = pow(10.0, floor(log10(raw)));
  double ratio = raw / power;
  double step = power * (ratio <= 1.0 ? 1.0 : ratio <= 2.0 ? 2.0 : ratio <= 5.0 ? 5.0 : 10.0);
  double first = floor(low / step + 1e-9) * step;
  double last = ceil(high / step - 1e-9) * step;
  out->low = first;
  out->high = last;
  out->step = step;
  out->n = 0;
  for (double k = 0.0; out->n < sizeof out->at / sizeof *out->at && first + k * step <= last + 0.5 * step; ++k) {
    double at = first + k * step;
    out->at[out->n++] = fabs(at) < 1e-9 * step ? 0.0 : at;
  }
  double largest = CF_MAX(fabs(first), fabs(last));
  out->exponent = largest >= 1e5 || largest < 1e-2 ? (int)floor(log10(largest)) : 0;
  double unit = pow(10.0, out->exponent);
  out->decimals = CF_MAX(0, (int)ceil(-log10(step / unit) - 1e-9));
}

void cf_ticks_limits(const cf_ticks *ticks, double low, double high, double *from, double *to) {
  double margin = 0.04 * (high - low);
  *from = CF_MAX(ticks->low, low - margin);
  *to = CF_MIN(ticks->high, high + margin);
  if (!(*to > *from)) *from = ticks->low, *to = ticks->high;
}

const char *cf_ticks_label(const cf_ticks *ticks, size_t i, char *buffer, size_t size) {
  return cf_text_fixed(ticks->at[i] / pow(10.0, ticks->exponent), ticks->decimals, buffer, size);
}

static const char *const palette[] = {"#2f6fb7", "#e0872a", "#1a9a86", "#b5478f", "#c9a90f",
                                      "#69b3e7", "#c8442f", "#7b5fc0", "#6b8e23", "#7f7f7f"};

const char *cf_figure_colour(size_t i) {
  return palette[i % (sizeof palette / sizeof *palette)];
}

static void lab_to_rgb(double L, double a, double b, unsigned char rgb[3]);

static void parse(const char *hex, unsigned char rgb[3]) {
  for (int k = 0; k < 3; ++k) {
    unsigned value = 0;
    for (int d = 1; d <= 2; ++d) {
      char c = hex[2 * k + d];
      value = 16u * value + (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    rgb[k] = (unsigned char)value;
  }
}

/* Above ten: ten hues of the circle at four lightnesses, neighbours in number far apart in hue. */
void cf_figure_category(size_t i, size_t count, bool cyclic, unsigned char rgb[3]) {
  static const double lightness[4] = {56.0, 76.0, 42.0, 66.0}, chroma[4] = {52.0, 46.0, 44.0, 24.0};
  if (i == CF_NO_GROUP) {
    rgb[0] = rgb[1] = rgb[2] = 190;
  } else if (cyclic && count > 0) {
    cf_figure_map(CF_MAP_CYCLIC, (double)(i % count) / (double)count, rgb);
  } else if (count <= sizeof palette / sizeof *palette) {
    parse(cf_figure_colour(i), rgb);
  } else {
    size_t ring = i / 10 % 4, hue = i % 10 * 3 % 10;
    double angle = CF_TURN * ((double)hue + 0.25 * (double)ring + 0.6) / 10.0;
    lab_to_rgb(lightness[ring], chroma[ring] * cos(angle), chroma[ring] * sin(angle), rgb);
  }
}

static double lab_inverse(double t) {
  return t > 6.0 / 29.0 ? t * t * t : 3.0 * 36.0 / 841.0 * (t - 4.0 / 29.0);
}

static unsigned char srgb(double linear) {
  double v = linear <= 0.0031308 ? 12.92 * linear : 1.055 * pow(linear, 1.0 / 2.4) - 0.055;
  v = CF_MIN(1.0, CF_MAX(0.0, v));
  return (unsigned char)(v * 255.0 + 0.5);
}

static void lab_to_rgb(double L, double a, double b, unsigned char rgb[3]) {
  double fy = (L + 16.0) / 116.0;
  double x = 0.95047 * lab_inverse(fy + a / 500.0), y = lab_inverse(fy), z = 1.08883 * lab_inverse(fy - b / 200.0);
  rgb[0] = srgb(3.2404542 * x - 1.5371385 * y - 0.4985314 * z);
  rgb[1] = srgb(-0.9692660 * x + 1.8760108 * y + 0.0415560 * z);
  rgb[2] = srgb(0.0556434 * x - 0.2040259 * y + 1.0572252 * z);
}

/* Monotone cubic would be overkill: Catmull-Rom through evenly spaced control points. */
static double curve(const double *point, int n, double t) {
  double s = t * (n - 1);
  int i = CF_MIN(n - 2, (int)s);
  double u = s - i;
  double p1 = point[i], p2 = point[i + 1];
  double p0 = i > 0 ? point[i - 1] : 2.0 * p1 - p2, p3 = i + 2 < n ? point[i + 2] : 2.0 * p2 - p1;
  return 0.5 * (2.0 * p1 + (p2 - p0) * u + (2.0 * p0 - 5.0 * p1 + 4.0 * p2 - p3) * u * u +
                (3.0 * p1 - p0 - 3.0 * p2 + p3) * u * u * u);
}

void cf_figure_map(cf_colour_map map, double t, unsigned char rgb[3]) {
  if (isnan(t)) {
    rgb[0] = rgb[1] = rgb[2] = 190;
    return;
  }
  t = CF_MIN(1.0, CF_MAX(0.0, t));
  if (map == CF_MAP_DIVERGING) {
    double side = fabs(2.0 * t - 1.0), away = pow(side, 0.9);
    double L = 96.0 - 58.0 * side;
    if (t < 0.5)
      lab_to_rgb(L, -6.0 * away + 10.0 * side * side, -46.0 * away, rgb);
    else
      lab_to_rgb(L, 54.0 * away, 38.0 * away, rgb);
    return;
  }
  if (map == CF_MAP_CYCLIC) { /* a circle in CIELAB, lightest at yellow-green, darkest at violet */
    double angle = CF_TURN * (t + 0.08);
    lab_to_rgb(60.0 + 14.0 * sin(angle - 0.35), 44.0 * cos(angle), 50.0 * sin(angle), rgb);
    return;
  }
  static const double a[] = {24.0, 16.0, -12.0, -36.0, -40.0, -6.0};
  static const double b[] = {-28.0, -40.0, -24.0, 4.0, 44.0, 78.0};
  lab_to_rgb(14.0 + 78.0 * t, curve(a, 6, t), curve(b, 6, t), rgb);
}
