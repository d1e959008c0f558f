/* Gratings and moving bars.
 *
 * With s = x cos d + y sin d - v t - phase * period, in pixels from the screen's centre, a square grating is bright
 * where s mod 2 b < b. A pixel takes the share of its area that is bright: the square wave averaged over a box of width
 * |cos d| and one of width |sin d|, which is exact for straight edges. Its second antiderivative gives it in closed
 * form: [F(s + (p+q)/2) - F(s + (p-q)/2) - F(s - (p-q)/2) + F(s - (p+q)/2)] / (p q). A bar is one such stripe. */
#include "stimulus/internal.h"

cf_heading cf_heading_of(double degrees) {
  double a = fmod(degrees, 360);
  if (a < 0) a += 360;
  const double turn = floor(a / 90 + 0.5), rest = a - 90 * turn;
  double c = cos(rest * CF_PI / 180), s = sin(rest * CF_PI / 180);
  if (fabs(rest) == 45) {
    c = sqrt(0.5);
    s = rest > 0 ? c : -c;
  }
  switch ((int)turn % 4) {
  case 0:
    return (cf_heading){c, s};
  case 1:
    return (cf_heading){-s, c};
  case 2:
    return (cf_heading){-c, -s};
  default:
    return (cf_heading){s, -c};
  }
}

/* Second antiderivative of the square wave that is 1 on [0, b) and -1 on [b, 2 b): zero mean, so its first one is a
 * triangle of height b and only that triangle's mean b / 2 is left to grow; it cancels in the formula above. */
static double wave_area(double s, double b) {
  const double u = s - 2 * b * floor(s / (2 * b));
  return u < b ? 0.5 * u * (u - b) : -0.5 * (u - b) * (u - 2 * b);
}

/* First antiderivative, less its mean. */
static double wave_sum(double s, double b) {
  const double u = s - 2 * b * floor(s / (2 * b));
  return u < b ? u - 0.5 * b : 1.5 * b - u;
}

static double wave(double s, double b) {
  return s - 2 * b * floor(s / (2 * b)) < b ? 1 : -1;
}

/* Antiderivatives of a stripe that is 1 on [-b/2, b/2) and 0 elsewhere. */
static double stripe_area(double s, double b) {
  const double u = s + 0.5 * b, v = s - 0.5 * b;
  return 0.5 * ((u > 0 ? u * u : 0) - (v > 0 ? v * v : 0));
}

static double stripe_sum(double s, double b) {
  return s < -0.5 * b ? 0 : s > 0.5 * b ? b : s + 0.5 * b;
}

static double stripe(double s, double b) {
  return s >= -0.5 * b && s < 0.5 * b ? 1 : 0;
}

typedef double (*profile)(double s, double b);

/* The profile averaged over a pixel whose sides project to p and q. Thin projections are left out: they would lose all
 * digits and change less than a level. */
static double over_pixel(profile point, profile sum, profile area, double s, double b, double p, double q) {
  enum { THIN = 10000 };
  const double wide = CF_MAX(p, q), thin = CF_MIN(p, q);
  if (wide <= 0) return point(s, b);
  if (thin * THIN < 1) return (sum(s + 0.5 * wide, b) - sum(s - 0.5 * wide, b)) / wide;
  const double far = 0.5 * (wide + thin), near = 0.5 * (wide - thin);
  return (area(s + far, b) - area(s + near, b) - area(s - near, b) + area(s - far, b)) / (wide * thin);
}

void cf_clip_draw_grating(const cf_clip *clip, size_t frame, double *out) {
  const cf_clip_options *o = &clip->o;
  const cf_heading d = clip->heading;
  const double middle = 0.5 * (o->foreground + o->background), half = 0.5 * (o->foreground - o->background);
  const double shift = o->speed * (double)frame / o->rate + o->phase * 2 * o->bar;
  const double p = o->hard ? 0 : fabs(d.x), q = o->hard ? 0 : fabs(d.y);
  for (size_t y = 0; y < o->height; y++)
    for (size_t x = 0; x < o->width; x++) {
      const double right = (double)x + 0.5 - 0.5 * (double)o->width, up = 0.5 * (double)o->height - (double)y - 0.5;
      const double s = right * d.x + up * d.y - shift;
      const double w = o->sine ? sin(CF_PI * s / o->bar) : over_pixel(wave, wave_sum, wave_area, s, o->bar, p, q);
      out[y * o->width + x] = middle + half * w;
    }
}

/* The bar's centre starts half a bar outside of the screen's corner farthest behind and ends as far beyond. */
static double bar_way(const cf_clip_options *o, cf_heading d) {
  return fabs(d.x) * (double)o->width + fabs(d.y) * (double)o->height + o->bar;
}

void cf_clip_draw_bar(const cf_clip *clip, size_t frame, double *out) {
  const cf_clip_options *o = &clip->o;
  const cf_heading d = clip->heading;
  const double at = -0.5 * bar_way(o, d) + o->speed * (double)frame / o->rate;
  const double p = o->hard ? 0 : fabs(d.x), q = o->hard ? 0 : fabs(d.y);
  for (size_t y = 0; y < o->height; y++)
    for (size_t x = 0; x < o->width; x++) {
      const double right = (double)x + 0.5 - 0.5 * (double)o->width, up = 0.5 * (double)o->height - (double)y - 0.5;
      double share = over_pixel(stripe, stripe_sum, stripe_area, right * d.x + up * d.y - at, o->bar, p, q);
      if (o->bar_limit > 0)
        share *= over_pixel(stripe, stripe_sum, stripe_area, up * d.x - right * d.y, o->bar_limit, p, q);
      out[y * o->width + x] = o->background + (o->foreground - o->background) * share;
    }
}

/* ------------------------------------------------- flashes and chirps -- */

/* The chirp after Baden et al. 2016 (Nature 529, 345), as it is commonly shown: seconds of each part. The sweeps go
 * over the whole range between background and foreground. */
enum { DARK, BRIGHT, DARK_AGAIN, GREY, FREQUENCY, GREY_AGAIN, CONTRAST, GREY_LAST, DARK_LAST, PARTS };
static const double part_seconds[PARTS] = {2, 3, 3, 2, 8, 2, 8, 2, 2};

double cf_chirp_seconds(void) {
  double sum = 0;
  for (int i = 0; i < PARTS; i++) sum += part_seconds[i];
  return sum;
}

static double chirp_share(const cf_clip_options *o, double t) {
  int part = 0;
  while (part < PARTS - 1 && t >= part_seconds[part]) t -= part_seconds[part++];
  const double whole = part_seconds[part];
  switch (part) {
  case DARK:
  case DARK_AGAIN:
  case DARK_LAST:
    return 0;
  case BRIGHT:
    return 1;
  case FREQUENCY:
    return 0.5 + 0.5 * sin(2 * CF_PI * (o->chirp_low * t + 0.5 * (o->chirp_high - o->chirp_low) * t * t / whole));
  case CONTRAST:
    return 0.5 + 0.5 * t / whole * sin(2 * CF_PI * o->chirp_hz * t);
  default:
    return 0.5;
  }
}

double cf_field_level(const cf_clip_options *o, size_t frame) {
  const double t = (double)frame / o->rate;
  double share;
  if (o->kind == CF_CLIP_CHIRP) {
    share = chirp_share(o, t);
  } else { /* frames and seconds need not divide: a hair forward keeps a flash's first frame its own */
    const double now = t + 1e-9, cycle = o->on + o->off, k = floor(now / cycle);
    share = k < (double)o->cycles && now - k * cycle < o->on ? 1 : 0;
  }
  return o->background + (o->foreground - o->background) * share;
}

size_t cf_clip_natural_frames(const cf_clip_options *o) {
  double seconds = 1.25;
  if (o->kind == CF_CLIP_CHIRP) seconds = cf_chirp_seconds();
  if (o->kind == CF_CLIP_FLASH) seconds = (o->on + o->off) * (double)o->cycles;
  if (o->kind == CF_CLIP_BAR) {
    if (!(o->speed > 0)) return 1;
    return (size_t)ceil(bar_way(o, cf_heading_of(o->direction)) / o->speed * o->rate - 1e-9) + 1;
  }
  const double frames = floor(seconds * o->rate + 1e-9);
  return frames < 1 ? 1 : (size_t)frames;
}
