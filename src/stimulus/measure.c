/* What pictures show, measured from their pixels: levels, bars, discs, spacing and motion.
 *
 * Bars: along lines through the picture in the direction, the places where the grey crosses the middle between the two
 * commonest levels; the distance of the first and last over the number of steps between. Discs: groups of touching
 * pixels that are nearer to the foreground than to the background; the area of one is the sum of the shares by which
 * its pixels and those about them are foreground. Groups that touch the border are left out; what several elements make
 * when they touch is larger than one, so that the lower quartile is that of single ones. Motion: of gratings, the
 * advance of their crossings in phase; else the shift that correlates two pictures best, by steps of half a pixel and a
 * parabola. */
#include "stimulus/internal.h"
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double lower_quartile(double *value, size_t n) {
  if (n == 0) return (double)NAN;
  qsort(value, n, sizeof *value, by_value);
  return value[n / 4];
}

static double between(size_t width, size_t height, const unsigned char *p, double x, double y) {
  const size_t x0 = CF_MIN((size_t)x, width - 1), y0 = CF_MIN((size_t)y, height - 1);
  const size_t x1 = CF_MIN(x0 + 1, width - 1), y1 = CF_MIN(y0 + 1, height - 1);
  const double fx = x - (double)x0, fy = y - (double)y0;
  return (1 - fy) * ((1 - fx) * p[y0 * width + x0] + fx * p[y0 * width + x1]) +
         fy * ((1 - fx) * p[y1 * width + x0] + fx * p[y1 * width + x1]);
}

/* The commonest level, and the commonest of those that lie a quarter of the range or more away from it: scaled pictures
 * have many levels beside one another. */
static void find_levels(size_t n, const unsigned char *p, cf_picture_measures *m) {
  size_t count[256] = {0}, first = 0, second = 256, low = 255, high = 0;
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    count[p[i]]++;
    sum += p[i];
    low = CF_MIN(low, (size_t)p[i]);
    high = CF_MAX(high, (size_t)p[i]);
  }
  for (size_t v = 1; v < 256; v++)
    if (count[v] > count[first]) first = v;
  for (size_t v = 0; v < 256; v++) {
    const size_t apart = v > first ? v - first : first - v;
    if (4 * apart < high - low || v == first || count[v] == 0) continue;
    if (second == 256 || count[v] > count[second]) second = v;
  }
  if (second == 256) second = first;
  m->mean = sum / (double)n;
  m->low = (double)CF_MIN(first, second);
  m->high = (double)CF_MAX(first, second);
}

/* ------------------------------------------------------------------ bars -- */

/* Where lines along a direction cross the grey between two levels. */
typedef struct lines {
  size_t width, height;
  const unsigned char *picture;
  cf_heading d;
  double middle, range; /* range: between the levels */
  double period;        /* of the phase; NaN: none is wanted */
  double length;        /* between the first and last crossing of each line, added up */
  size_t steps;         /* from crossing to crossing */
  double re, im;        /* exp(2 pi i s / period) of rising crossings, and of falling ones half a period on */
} lines;

static void cross(lines *l, double s, bool rising) {
  const double turn = 2 * CF_PI * s / l->period + (rising ? 0 : CF_PI);
  l->re += cos(turn);
  l->im += sin(turn);
}

/* One line through (x0, y0), where pixel (i, j) stands at i, j. Grey near the middle, as outside of an aperture, says
 * nothing, and no crossing is taken over more than three pixels of it. */
static void walk_line(lines *l, double x0, double y0) {
  const double far = (double)(l->width + l->height), step = 0.25, reach = 3;
  double first = NAN, last = NAN, before = NAN, where = NAN;
  size_t crossings = 0;
  for (double t = -far; t <= far; t += step) {
    const double x = x0 + t * l->d.x, y = y0 - t * l->d.y;
    if (x < 0 || y < 0 || x > (double)(l->width - 1) || y > (double)(l->height - 1)) continue;
    const double v = between(l->width, l->height, l->picture, x, y) - l->middle;
    if (fabs(v) < 0.02 * l->range) continue;
    if (!isnan(before) && (v > 0) != (before > 0) && t - where <= reach) {
      last = where + (t - where) * before / (before - v);
      if (crossings++ == 0) first = last;
      cross(l, last + x0 * l->d.x - y0 * l->d.y, v > 0);
    }
    before = v;
    where = t;
  }
  if (crossings < 2) return;
  l->length += last - first;
  l->steps += crossings - 1;
}

/* Seven lines beside one another. */
static void walk_lines(lines *l) {
  enum { LINES = 7 };
  const double far = 0.4 * (fabs(l->d.y) * (double)l->width + fabs(l->d.x) * (double)l->height);
  for (int k = 0; k < LINES && l->range > 0; k++) {
    const double off = far * (2.0 * k / (LINES - 1) - 1);
    walk_line(l, 0.5 * (double)(l->width - 1) - off * l->d.y, 0.5 * (double)(l->height - 1) - off * l->d.x);
  }
}

static lines lines_of(size_t width, size_t height, const unsigned char *p, double direction, double period) {
  cf_picture_measures m;
  find_levels(width * height, p, &m);
  lines l = {width, height, p, cf_heading_of(direction), 0.5 * (m.low + m.high), m.high - m.low, period, 0, 0, 0, 0};
  walk_lines(&l);
  return l;
}

/* ------------------------------------------------------------------ dots -- */

typedef struct blob {
  double area, low[2], high[2]; /* extents along and across */
  bool border;
} blob;

typedef struct scan {
  size_t width, height;
  const double *share;
  uint32_t *label; /* 0: none */
  size_t *stack;
  cf_heading d;
} scan;

/* Grows a group from one pixel over its eight neighbours. The rim of fainter pixels belongs to it. */
static void grow(scan *s, size_t from, uint32_t label, blob *b) {
  size_t top = 0;
  s->stack[top++] = from;
  s->label[from] = label;
  while (top > 0) {
    const size_t at = s->stack[--top], x = at % s->width, y = at / s->width;
    const double right = (double)x, up = -(double)y;
    const double place[2] = {right * s->d.x + up * s->d.y, up * s->d.x - right * s->d.y};
    b->area += s->share[at];
    b->border = b->border || x == 0 || y == 0 || x + 1 == s->width || y + 1 == s->height;
    for (int k = 0; k < 2 && s->share[at] >= 0.5; k++) {
      b->low[k] = fmin(b->low[k], place[k]);
      b->high[k] = fmax(b->high[k], place[k]);
    }
    if (s->share[at] < 0.5) continue;
    for (size_t j = y ? y - 1 : 0; j <= y + 1 && j < s->height; j++)
      for (size_t i = x ? x - 1 : 0; i <= x + 1 && i < s->width; i++) {
        const size_t to = j * s->width + i;
        if (s->label[to] != 0 || s->share[to] <= 0.02) continue;
        s->label[to] = label;
        s->stack[top++] = to;
      }
  }
}

static cf_status measure_dots(cf_context *ctx, size_t width, size_t height, const unsigned char *p, double direction,
                              size_t dots, double background, cf_picture_measures *m) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = width * height;
  const double foreground = fabs(m->high - background) > fabs(m->low - background) ? m->high : m->low;
  double *share = NULL, *area = NULL, *along = NULL, *across = NULL, total = 0;
  scan s = {width, height, NULL, NULL, NULL, cf_heading_of(direction)};
  size_t found = 0;
  if (foreground == background) return CF_OK;
  CF_TRY(CF_SCRATCH(ctx, &share, n));
  CF_TRY(CF_SCRATCH(ctx, &s.label, n));
  CF_TRY(CF_SCRATCH(ctx, &s.stack, n));
  CF_TRY(CF_SCRATCH(ctx, &area, n));
  CF_TRY(CF_SCRATCH(ctx, &along, n));
  CF_TRY(CF_SCRATCH(ctx, &across, n));
  s.share = share;
  memset(s.label, 0, n * sizeof *s.label);
  for (size_t i = 0; i < n; i++) {
    share[i] = fmax(0, fmin(1, (p[i] - background) / (foreground - background)));
    total += share[i];
  }
  for (size_t i = 0; i < n; i++) {
    if (s.label[i] != 0 || share[i] < 0.5) continue;
    blob b = {0, {INFINITY, INFINITY}, {-INFINITY, -INFINITY}, false};
    grow(&s, i, 1, &b);
    if (b.border) continue;
    area[found] = b.area;
    along[found] = b.high[0] - b.low[0] + 1;
    across[found++] = b.high[1] - b.low[1] + 1;
  }
  const double typical = lower_quartile(area, found);
  m->elements = found;
  m->coverage = total / (double)n;
  m->diameter = sqrt(4 * typical / ((double)dots * CF_PI));
  m->along = lower_quartile(along, found);
  m->across = lower_quartile(across, found);
  m->spacing = sqrt((double)n * typical / total);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_picture_measure(cf_context *ctx, size_t width, size_t height, const unsigned char *picture,
                             double direction, size_t dots, double background, cf_picture_measures *out) {
  *out = (cf_picture_measures){.bar = (double)NAN,
                               .diameter = (double)NAN,
                               .along = (double)NAN,
                               .across = (double)NAN,
                               .spacing = (double)NAN,
                               .coverage = (double)NAN};
  if (width == 0 || height == 0) return cf_fail(ctx, CF_ERR_USAGE, "a picture without pixels cannot be measured");
  find_levels(width * height, picture, out);
  if (dots > 0) return measure_dots(ctx, width, height, picture, direction, dots, background, out);
  const lines l = lines_of(width, height, picture, direction, 1);
  if (l.steps) out->bar = l.length / (double)l.steps;
  return CF_OK;
}

/* ---------------------------------------------------------------- motion -- */

typedef struct pair {
  size_t width, height;
  const unsigned char *a, *b;
  cf_heading d;
  double most;
} pair;

/* Correlation of a with b moved back by `shift`, over the pixels that stay inside for every shift that is tried. */
static double correlation(const pair *p, double shift) {
  const double dx = shift * p->d.x, dy = -shift * p->d.y, rim = ceil(p->most) + 1;
  double n = 0, sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
  const size_t left = (size_t)(rim * fabs(p->d.x)) + 1, top = (size_t)(rim * fabs(p->d.y)) + 1;
  for (size_t y = top; y + top < p->height; y++)
    for (size_t x = left; x + left < p->width; x++) {
      const double u = p->a[y * p->width + x], v = between(p->width, p->height, p->b, (double)x + dx, (double)y + dy);
      n += 1;
      sa += u;
      sb += v;
      saa += u * u;
      sbb += v * v;
      sab += u * v;
    }
  const double va = saa - sa * sa / n, vb = sbb - sb * sb / n;
  return va > 0 && vb > 0 ? (sab - sa * sb / n) / sqrt(va * vb) : (double)NAN;
}

cf_status cf_picture_motion(cf_context *ctx, size_t width, size_t height, const unsigned char *a,
                            const unsigned char *b, double direction, double period, double most, double *out) {
  const double step = 0.5;
  pair p = {width, height, a, b, cf_heading_of(direction), most};
  double best = -INFINITY, at = NAN;
  *out = (double)NAN;
  if (period > 0) {
    const lines before = lines_of(width, height, a, direction, period),
                after = lines_of(width, height, b, direction, period);
    if ((before.re == 0 && before.im == 0) || (after.re == 0 && after.im == 0)) return CF_OK;
    *out = remainder(atan2(after.im, after.re) - atan2(before.im, before.re), 2 * CF_PI) * period / (2 * CF_PI);
    return CF_OK;
  }
  if (!(most > 0) || 2 * (most + 3) * fabs(p.d.x) + 3 > (double)width ||
      2 * (most + 3) * fabs(p.d.y) + 3 > (double)height)
    return CF_OK; /* nothing is left to compare */
  for (double shift = -floor(most / step) * step; shift <= most; shift += step) {
    const double r = correlation(&p, shift);
    if (r > best) {
      best = r;
      at = shift;
    }
    const cf_status status = cf_check_cancel(ctx);
    if (status != CF_OK) return status;
  }
  if (isnan(at)) return CF_OK;
  const double before = correlation(&p, at - step), after = correlation(&p, at + step);
  const double bend = before - 2 * best + after;
  *out = bend < 0 ? at + 0.5 * step * (before - after) / bend : at;
  return CF_OK;
}
