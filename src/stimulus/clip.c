/* A clip: its options checked, what its frames need made once, and the frames in parallel. */
#include "stimulus/internal.h"
#include <string.h>

enum { MOST_PIXELS = 1 << 28, MOST_POINTS = 1 << 28 };

double cf_pixels_per_degree(double width_px, double width_cm, double distance_cm) {
  return width_px / (2 * atan(width_cm / (2 * distance_cm)) * 180 / CF_PI);
}

const char *cf_clip_kind_name(cf_clip_kind kind) {
  static const char *const names[] = {"grating", "flow", "still", "bar", "flash", "chirp", "noise"};
  return names[kind];
}

cf_clip_options cf_clip_defaults(cf_clip_kind kind) {
  const double ppd = cf_pixels_per_degree(800, 40, 25), diameter = 1.5 * ppd;
  cf_clip_options o = {.kind = kind,
                       .width = 800,
                       .height = 600,
                       .rate = 60,
                       .frames = 75,
                       .foreground = 248,
                       .background = 128,
                       .interval = 128,
                       .speed = 4 * 4 * diameter,
                       .bar = 2 * ppd,
                       .dots = 1,
                       .diameter = diameter,
                       .spacing = 4 * diameter,
                       .spread = 0.09,
                       .jitter = 0.1,
                       .separation = 1.5,
                       .force = 0.04,
                       .tile = 2.5,
                       .step_rate = 60,
                       .settle = 60,
                       .scale = 1,
                       .axes = true,
                       .on = 0.5,
                       .off = 0.5,
                       .cycles = 1,
                       .chirp_low = 0.5,
                       .chirp_high = 8,
                       .chirp_hz = 0.4,
                       .exponent = 1,
                       .mirror = true};
  if (kind == CF_CLIP_GRATING) {
    o.foreground = 192;
    o.background = 64;
    o.speed = 4 * 2 * o.bar;
  }
  if (kind == CF_CLIP_FLASH || kind == CF_CLIP_CHIRP || kind == CF_CLIP_BAR) {
    o.foreground = 255;
    o.background = 0;
  }
  return o;
}

/* ------------------------------------------------------------- checking -- */

typedef struct range {
  const char *what;
  double value, low, high;
} range;

static cf_status check_ranges(cf_context *ctx, const range *list, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!(list[i].value >= list[i].low && list[i].value <= list[i].high))
      return cf_fail(ctx, CF_ERR_USAGE, "%s is %g, but it is from %g to %g", list[i].what, list[i].value, list[i].low,
                     list[i].high);
  return CF_OK;
}

static cf_status check_common(cf_context *ctx, const cf_clip_options *o) {
  const range list[] = {{"the width of the screen", (double)o->width, 1, 1 << 16},
                        {"the height of the screen", (double)o->height, 1, 1 << 16},
                        {"the frame rate (Hz)", o->rate, 1e-3, 1e5},
                        {"the number of frames", (double)o->frames, 1, 1e8},
                        {"the frames before the stimulus", (double)o->before, 0, 1e8},
                        {"the frames after the stimulus", (double)o->after, 0, 1e8},
                        {"the direction (degrees)", o->direction, -1e6, 1e6},
                        {"the foreground (grey)", o->foreground, 0, 255},
                        {"the background (grey)", o->background, 0, 255},
                        {"the interval (grey)", o->interval, 0, 255},
                        {"the speed (pixels a second)", o->speed, 0, 1e7},
                        {"the aperture (pixels)", o->aperture, 0, 1e6},
                        {"the edge of the aperture (pixels)", o->aperture_edge, 0, 1e6}};
  const cf_status status = check_ranges(ctx, list, sizeof list / sizeof *list);
  if (status != CF_OK) return status;
  if (o->width * o->height > MOST_PIXELS)
    return cf_fail(ctx, CF_ERR_USAGE, "a screen of %zu x %zu pixels is too large", o->width, o->height);
  return CF_OK;
}

static cf_status check_flow(cf_context *ctx, const cf_clip_options *o) {
  const range list[] = {{"the discs of an element", (double)o->dots, 1, 99},
                        {"the diameter of a disc (pixels)", o->diameter, 0.1, 1e5},
                        {"the spacing of elements (pixels)", o->spacing, 1, 1e5},
                        {"the spread of directions (radians)", o->spread, 0, 10},
                        {"the jitter of positions (spacings)", o->jitter, 0, 10},
                        {"the weight of separation", o->separation, 0, 1000},
                        {"the limit of forces (pixels a frame^2)", o->force, 0, 1e6},
                        {"the side of a tile (spacings)", o->tile, 0.1, 1e5},
                        {"the steps of motion a second", o->step_rate, 1e-3, 1e5},
                        {"the steps before the first frame", (double)o->settle, 0, 1e7}};
  const cf_status status = check_ranges(ctx, list, sizeof list / sizeof *list);
  if (status != CF_OK) return status;
  const double elements = ceil((double)o->width / o->spacing) * ceil((double)o->height / o->spacing);
  if (elements * ((double)o->frames * o->step_rate / o->rate + 2) > MOST_POINTS)
    return cf_fail(ctx, CF_ERR_USAGE, "%.0f elements over %zu frames are too many; show fewer frames or larger spacing",
                   elements, o->frames);
  return CF_OK;
}

static cf_status check_still(cf_context *ctx, const cf_clip_options *o) {
  const range list[] = {{"the scale", o->scale, 1e-3, 1e3}};
  const cf_status status = check_ranges(ctx, list, 1);
  size_t w, h;
  if (status != CF_OK) return status;
  if (!o->still || o->still_width == 0 || o->still_height == 0)
    return cf_fail(ctx, CF_ERR_USAGE, "there is no still to move");
  cf_picture_size(o->still_width, o->still_height, o->scale, &w, &h);
  if ((double)w * (double)h > MOST_PIXELS)
    return cf_fail(ctx, CF_ERR_USAGE, "a still of %zu x %zu pixels is too large", w, h);
  if (w < o->width || h < o->height)
    return cf_fail(
        ctx, CF_ERR_USAGE,
        "the still has %zu x %zu pixels after scaling by %g, and a screen of %zu x %zu cannot be cut from it", w, h,
        o->scale, o->width, o->height);
  return CF_OK;
}

static cf_status check(cf_context *ctx, const cf_clip_options *o) {
  const range bar[] = {{"the width of a bar (pixels)", o->bar, 0.5, 1e6}, {"the phase", o->phase, -1e6, 1e6}};
  const range flash[] = {{"the flash (s)", o->on, 1e-4, 1e6},
                         {"the dark after a flash (s)", o->off, 0, 1e6},
                         {"the number of flashes", (double)o->cycles, 1, 1e6}};
  const range chirp[] = {{"the lowest frequency (Hz)", o->chirp_low, 0, 1e4},
                         {"the highest frequency (Hz)", o->chirp_high, 0, 1e4},
                         {"the frequency of the contrast sweep (Hz)", o->chirp_hz, 0, 1e4}};
  const range noise[] = {{"the exponent of the spectrum", o->exponent, -4, 8}};
  const cf_status status = check_common(ctx, o);
  if (status != CF_OK) return status;
  switch (o->kind) {
  case CF_CLIP_GRATING:
  case CF_CLIP_BAR:
    return check_ranges(ctx, bar, 2);
  case CF_CLIP_FLOW:
    return check_flow(ctx, o);
  case CF_CLIP_STILL:
    return check_still(ctx, o);
  case CF_CLIP_FLASH:
    return check_ranges(ctx, flash, 3);
  case CF_CLIP_CHIRP:
    return check_ranges(ctx, chirp, 3);
  default:
    return check_ranges(ctx, noise, 1);
  }
}

/* --------------------------------------------------------------- making -- */

static cf_status make_picture(cf_context *ctx, cf_clip *c) {
  const cf_clip_options *o = &c->o;
  cf_status status = CF_OK;
  c->picture_width = o->width;
  c->picture_height = o->height;
  if (o->kind == CF_CLIP_STILL)
    cf_picture_size(o->still_width, o->still_height, o->scale, &c->picture_width, &c->picture_height);
  CF_TRY(CF_ALLOC(ctx, &c->picture, c->picture_width * c->picture_height));
  if (o->kind == CF_CLIP_NOISE)
    CF_TRY(cf_noise_picture(ctx, o, c->picture));
  else if (c->picture_width == o->still_width && c->picture_height == o->still_height)
    memcpy(c->picture, o->still, o->still_width * o->still_height);
  else
    CF_TRY(cf_picture_scale(ctx, o->still_width, o->still_height, o->still, o->scale, c->picture));
done:
  return status;
}

cf_status cf_clip_new(cf_context *ctx, const cf_clip_options *options, cf_clip **out) {
  cf_status status = CF_OK;
  cf_clip *c = NULL;
  *out = NULL;
  CF_TRY(check(ctx, options));
  CF_TRY(CF_ALLOC(ctx, &c, 1));
  c->o = *options;
  c->heading = cf_heading_of(options->direction);
  if (options->kind == CF_CLIP_FLOW) CF_TRY(cf_flow_simulate(ctx, options, &c->path));
  if (options->kind == CF_CLIP_STILL || options->kind == CF_CLIP_NOISE) CF_TRY(make_picture(ctx, c));
  c->o.still = NULL; /* it was the caller's */
  *out = c;
  c = NULL;
done:
  cf_clip_free(c);
  return status;
}

void cf_clip_free(cf_clip *clip) {
  if (!clip) return;
  cf_free(clip->path.point);
  cf_free(clip->picture);
  cf_free(clip);
}

const cf_clip_options *cf_clip_settings(const cf_clip *clip) {
  return &clip->o;
}

const unsigned char *cf_clip_picture(const cf_clip *clip, size_t *width, size_t *height) {
  *width = clip->picture_width;
  *height = clip->picture_height;
  return clip->picture;
}

size_t cf_clip_length(const cf_clip *clip) {
  return clip->o.before + clip->o.frames + clip->o.after;
}

size_t cf_clip_elements(const cf_clip *clip, double side[2]) {
  side[0] = clip->path.side[0];
  side[1] = clip->path.side[1];
  return clip->path.elements;
}

void cf_clip_positions(const cf_clip *clip, size_t frame, double *xy) {
  for (size_t e = 0; e < clip->path.elements; e++) {
    const cf_flow_point p = cf_flow_at(&clip->o, &clip->path, e, frame);
    xy[2 * e] = p.x;
    xy[2 * e + 1] = p.y;
  }
}

/* --------------------------------------------------------------- frames -- */

static unsigned char level(double v) {
  return (unsigned char)(v <= 0 ? 0 : v >= 255 ? 255 : v + 0.5);
}

/* How far the stimulus has come up at a frame of its own: k / fade at its k-th, and likewise from its end. */
static double faded(const cf_clip_options *o, size_t frame) {
  const double in = o->fade ? (double)(frame + 1) / (double)o->fade : 1;
  const double out = o->fade ? (double)(o->frames - frame) / (double)o->fade : 1;
  return fmin(1, fmin(in, out));
}

static double open_share(const cf_clip_options *o, size_t x, size_t y) {
  const double dx = (double)x + 0.5 - 0.5 * (double)o->width, dy = (double)y + 0.5 - 0.5 * (double)o->height;
  const double in = 0.5 * o->aperture - sqrt(dx * dx + dy * dy);
  if (o->aperture_edge <= 0) return o->hard ? (in > 0 ? 1 : 0) : fmax(0, fmin(1, in + 0.5));
  const double u = in / o->aperture_edge;
  return u <= 0 ? 0 : u >= 1 ? 1 : 0.5 - 0.5 * cos(CF_PI * u);
}

static cf_status draw(cf_context *ctx, const cf_clip *clip, size_t frame, double *levels) {
  const cf_clip_options *o = &clip->o;
  switch (o->kind) {
  case CF_CLIP_GRATING:
    cf_clip_draw_grating(clip, frame, levels);
    break;
  case CF_CLIP_FLOW:
    cf_clip_draw_flow(clip, frame, levels);
    break;
  case CF_CLIP_BAR:
    cf_clip_draw_bar(clip, frame, levels);
    break;
  case CF_CLIP_STILL:
  case CF_CLIP_NOISE:
    return cf_clip_draw_picture(ctx, clip, frame, levels);
  default:
    for (size_t i = 0; i < o->width * o->height; i++) levels[i] = cf_field_level(o, frame);
  }
  return CF_OK;
}

typedef struct job {
  const cf_clip *clip;
  size_t first;
  unsigned char *out;
} job;

static cf_status make_frame(cf_context *worker, size_t i, void *payload) {
  const job *j = payload;
  const cf_clip_options *o = &j->clip->o;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  const size_t pixels = o->width * o->height, frame = j->first + i;
  unsigned char *out = j->out + i * pixels;
  double *levels = NULL;
  if (frame < o->before || frame >= o->before + o->frames) {
    memset(out, level(o->interval), pixels);
    goto done;
  }
  CF_TRY(CF_SCRATCH(worker, &levels, pixels));
  CF_TRY(draw(worker, j->clip, frame - o->before, levels));
  const double share = faded(o, frame - o->before);
  for (size_t y = 0; y < o->height; y++)
    for (size_t x = 0; x < o->width; x++) {
      const size_t k = y * o->width + x;
      const double open = share * (o->aperture > 0 ? open_share(o, x, y) : 1);
      out[k] = level(open == 1 ? levels[k] : o->interval + open * (levels[k] - o->interval));
    }
done:
  cf_scratch_release(worker, mark);
  return status;
}

cf_status cf_clip_frames(cf_context *ctx, const cf_clip *clip, size_t first, size_t n, unsigned char *out) {
  job j = {clip, first, out};
  if (first > cf_clip_length(clip) || n > cf_clip_length(clip) - first)
    return cf_fail(ctx, CF_ERR_USAGE, "frames %zu to %zu of a clip of %zu", first, first + n, cf_clip_length(clip));
  return cf_parallel_for(ctx, n, make_frame, &j);
}
