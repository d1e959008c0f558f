/* `cortifold stimulus`: from options to classes, directions, instances and trials. */
#include "base/internal.h"
#include "pipeline/stimulus.h"

#include <cortifold/io.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The published generator's screen: 800 x 600 pixels, 40 cm wide, seen from 25 cm. */
enum { PUBLISHED_WIDTH = 800, PUBLISHED_HEIGHT = 600 };
static const double published_cm = 40, published_distance = 25, published_scale = 0.7;

void cf_stimulus_plan_free(void *payload) {
  cf_stimulus_plan *p = payload;
  if (!p) return;
  cf_clip_free(p->clip);
  cf_free(p->shown);
  cf_free(p->angle);
  cf_free(p->phase);
  cf_free(p->still);
  cf_free(p->trial);
  cf_free(p);
}

size_t cf_stimulus_clips(const cf_stimulus_plan *p) {
  return p->classes * p->directions * p->instances;
}

/* ------------------------------------------------------------ directions -- */

static cf_status read_numbers(cf_context *ctx, const cf_options *options, const char *name, double low, double high,
                              double **out, size_t *n) {
  cf_status status = CF_OK;
  double *value = NULL;
  char text[64], *end;
  *n = cf_options_list_count(options, name);
  CF_TRY(CF_ALLOC(ctx, &value, *n));
  for (size_t i = 0; i < *n; i++) {
    cf_options_list_entry(options, name, i, text, sizeof text);
    value[i] = strtod(text, &end);
    if (*end || end == text || !(value[i] >= low && value[i] <= high))
      CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--%s: '%s' is not a number from %g to %g", name, text, low, high));
    for (size_t j = 0; j < i; j++)
      if (value[j] == value[i]) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--%s: %s comes twice", name, text));
  }
  *out = value;
  value = NULL;
done:
  cf_free(value);
  return status;
}

static cf_status read_angles(cf_context *ctx, const cf_options *options, cf_stimulus_plan *p) {
  cf_status status = CF_OK;
  p->directed = strcmp(p->kind, "flash") != 0 && strcmp(p->kind, "chirp") != 0;
  if (!p->directed && (cf_options_given(options, "angles") || cf_options_given(options, "directions")))
    return cf_fail(ctx, CF_ERR_USAGE, "a %s has no direction: leave out --directions and --angles", p->kind);
  if (cf_options_given(options, "angles") && cf_options_given(options, "directions"))
    return cf_fail(ctx, CF_ERR_USAGE, "--angles already says which directions: leave out --directions");
  if (cf_options_given(options, "angles"))
    return read_numbers(ctx, options, "angles", -3600, 3600, &p->angle, &p->directions);
  p->directions = p->directed ? (size_t)cf_options_integer(options, "directions") : 1;
  CF_TRY(CF_ALLOC(ctx, &p->angle, p->directions));
  for (size_t d = 0; d < p->directions; d++) p->angle[d] = 360.0 * (double)d / (double)p->directions;
done:
  return status;
}

static cf_status read_instances(cf_context *ctx, const cf_options *options, cf_stimulus_plan *p) {
  cf_status status = CF_OK;
  size_t n = 0;
  p->instances = cf_options_given(options, "instances") ? (size_t)cf_options_integer(options, "instances")
                 : p->set                               ? 3
                                                        : 1;
  const char *phases = cf_options_text(options, "phases");
  if (!phases) goto done;
  if (strcmp(phases, "random") != 0) {
    CF_TRY(read_numbers(ctx, options, "phases", -3600, 3600, &p->phase, &n));
    if (cf_options_given(options, "instances") && p->instances != n)
      CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--phases lists %zu phases, one an instance: leave out --instances", n));
    p->instances = n;
    for (size_t i = 0; i < n; i++) p->phase[i] /= 360;
    goto done;
  }
  CF_TRY(CF_ALLOC(ctx, &p->phase, p->instances));
  for (size_t i = 0; i < p->instances; i++) {
    cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("stimulus/phase"), (uint32_t)i);
    p->phase[i] = cf_rng_uniform(&rng);
  }
done:
  return status;
}

/* ---------------------------------------------------------------- screen -- */

static double seconds_to_frames(double seconds, double rate) {
  return floor(seconds * rate + 1e-9);
}

static void read_screen(cf_context *ctx, const cf_options *options, cf_stimulus_plan *p, cf_clip_options *o) {
  o->width = (size_t)cf_options_integer(options, "width");
  o->height = (size_t)cf_options_integer(options, "height");
  o->rate = cf_options_number(options, "rate");
  o->seed = cf_context_seed(ctx);
  o->before = (size_t)seconds_to_frames(cf_options_number(options, "pre"), o->rate);
  o->after = (size_t)seconds_to_frames(cf_options_number(options, "post"), o->rate);
  o->frames = (size_t)CF_MAX(seconds_to_frames(cf_options_number(options, "duration"), o->rate), 1.0);
  if (cf_options_given(options, "frames")) o->frames = (size_t)cf_options_integer(options, "frames");
  o->fade = cf_options_given(options, "fade") ? (size_t)cf_options_integer(options, "fade")
            : o->before || o->after           ? 3
                                              : 0;
  o->hard = strcmp(cf_options_text(options, "edges"), "hard") == 0;
  if (cf_options_given(options, "px-per-deg")) {
    p->px_per_deg = cf_options_number(options, "px-per-deg");
    p->px_source = "given";
  } else if (p->set) { /* the published stills on their screen, scaled */
    p->px_per_deg = cf_pixels_per_degree(PUBLISHED_WIDTH, published_cm, published_distance) *
                    (cf_options_given(options, "scale") ? cf_options_number(options, "scale") : published_scale);
    p->px_source = "800 pixels of 40 cm from 25 cm, scaled";
  } else {
    p->px_per_deg = cf_pixels_per_degree((double)o->width, cf_options_number(options, "screen-cm"),
                                         cf_options_number(options, "distance-cm"));
    p->px_source = "from the screen's width and distance";
  }
}

/* A length in pixels of an option in degrees or pixels. */
static double length_of(const cf_stimulus_plan *p, const cf_options *options, double value) {
  const double px = strcmp(cf_options_text(options, "units"), "deg") == 0 ? value * p->px_per_deg : value;
  return cf_options_flag(options, "whole-pixels") ? fmax(1, floor(px + 0.5)) : px;
}

/* A size as it was asked for, in degrees: it names the stimulus. */
static double asked_degrees(const cf_stimulus_plan *p, const cf_options *options, double value) {
  return strcmp(cf_options_text(options, "units"), "deg") == 0 ? value : value / p->px_per_deg;
}

/* Levels of the kind's default unless given. Contrast draws both towards their middle, or the foreground towards the
 * background. */
static void read_levels(const cf_options *options, cf_clip_options *o, bool about_mean) {
  if (cf_options_given(options, "foreground")) o->foreground = cf_options_number(options, "foreground");
  if (cf_options_given(options, "background")) o->background = cf_options_number(options, "background");
  const double contrast = cf_options_number(options, "contrast"), middle = 0.5 * (o->foreground + o->background);
  if (about_mean) {
    o->foreground = middle + contrast * (o->foreground - middle);
    o->background = middle + contrast * (o->background - middle);
  } else {
    o->foreground = o->background + contrast * (o->foreground - o->background);
  }
}

static void read_interval(const cf_options *options, cf_clip_options *o, double standard) {
  o->interval = cf_options_given(options, "interval") ? cf_options_number(options, "interval") : standard;
}

/* Area of the elements over that of their cells: the interval's grey has the flow's mean. */
static double flow_mean(const cf_clip_options *o) {
  const double share = (double)o->dots * 3.14159265358979 * o->diameter * o->diameter / (4 * o->spacing * o->spacing);
  return o->background + (o->foreground - o->background) * fmin(share, 1);
}

/* Pixels a second: what --speed says, else temporal frequency times the period. */
static double speed_of(const cf_stimulus_plan *p, const cf_options *options, double period) {
  if (cf_options_given(options, "speed"))
    return cf_options_number(options, "speed") *
           (strcmp(cf_options_text(options, "units"), "deg") == 0 ? p->px_per_deg : 1);
  return cf_options_number(options, "temporal-frequency") * period;
}

/* ----------------------------------------------------------------- kinds -- */

static cf_status plan_grating(cf_context *ctx, const cf_options *options, cf_stimulus_plan *p, cf_shown_class *c) {
  cf_clip_options *o = &c->clip;
  const bool sine = strcmp(cf_options_text(options, "wave"), "sine") == 0;
  if (cf_options_given(options, "spatial-frequency") && cf_options_given(options, "bar"))
    return cf_fail(ctx, CF_ERR_USAGE, "--spatial-frequency and --bar both say the period: leave one out");
  o->sine = sine;
  const double asked = cf_options_given(options, "bar") ? cf_options_number(options, "bar") : 2;
  o->bar = length_of(p, options, asked);
  if (cf_options_given(options, "spatial-frequency"))
    o->bar = 0.5 * p->px_per_deg / cf_options_number(options, "spatial-frequency");
  c->period = 2 * o->bar;
  c->measured = true;
  o->speed = speed_of(p, options, c->period);
  read_levels(options, o, true);
  read_interval(options, o, 0.5 * (o->foreground + o->background));
  const bool given = !cf_options_given(options, "spatial-frequency");
  snprintf(c->name, sizeof c->name, "%s_W%.4g", sine ? "sine" : "grat",
           given ? asked_degrees(p, options, asked) : o->bar / p->px_per_deg);
  return CF_OK;
}

static cf_status plan_flow(cf_context *ctx, const cf_options *options, cf_stimulus_plan *p, cf_shown_class *c) {
  cf_clip_options *o = &c->clip;
  const bool bright = strcmp(cf_options_text(options, "polarity"), "pos") == 0;
  const double size = length_of(p, options, cf_options_number(options, "diameter"));
  o->dots = c->dots = (size_t)cf_options_integer(options, "dots");
  o->spacing = cf_options_number(options, "spacing") * size;
  o->diameter = size;
  if (o->dots > 1 && !cf_options_flag(options, "keep-diameter")) o->diameter = size / sqrt((double)o->dots);
  if (cf_options_flag(options, "whole-pixels")) {
    o->spacing = floor(o->spacing + 0.5);
    o->diameter = fmax(1, floor(o->diameter + 0.5));
  }
  o->spread = cf_options_number(options, "spread");
  o->jitter = cf_options_number(options, "jitter");
  o->separation = cf_options_number(options, "separation");
  o->force *= p->px_per_deg / cf_pixels_per_degree(PUBLISHED_WIDTH, published_cm, published_distance);
  if (cf_options_given(options, "force-limit")) o->force = cf_options_number(options, "force-limit");
  o->tile = cf_options_number(options, "tile");
  o->step_rate = cf_options_number(options, "step-rate");
  o->settle = (size_t)cf_options_integer(options, "settle");
  o->rigid = cf_options_flag(options, "rigid");
  o->exact_speed = cf_options_flag(options, "exact-speed");
  if (!bright) o->foreground = 8;
  c->measured = true;
  c->period = o->spacing;
  if (cf_options_given(options, "spatial-frequency"))
    c->period = p->px_per_deg / cf_options_number(options, "spatial-frequency");
  o->speed = speed_of(p, options, c->period);
  read_levels(options, o, false);
  read_interval(options, o, flow_mean(o));
  snprintf(c->name, sizeof c->name, "%s%zudotflow_D%.4g", bright ? "pos" : "neg", o->dots,
           asked_degrees(p, options, cf_options_number(options, "diameter")));
  return o->spacing < 1 ? cf_fail(ctx, CF_ERR_USAGE, "elements %g pixels apart cannot be shown", o->spacing) : CF_OK;
}

static cf_status plan_bar(const cf_options *options, cf_stimulus_plan *p, cf_shown_class *c) {
  cf_clip_options *o = &c->clip;
  const double asked = cf_options_given(options, "bar") ? cf_options_number(options, "bar") : 5;
  o->bar = length_of(p, options, asked);
  o->bar_limit =
      cf_options_number(options, "length") > 0 ? length_of(p, options, cf_options_number(options, "length")) : 0;
  o->speed = cf_options_given(options, "speed") ? speed_of(p, options, 0) : 20 * p->px_per_deg;
  read_levels(options, o, false);
  read_interval(options, o, o->background);
  snprintf(c->name, sizeof c->name, "bar_W%.4g", asked_degrees(p, options, asked));
  return CF_OK;
}

static cf_status plan_field(const cf_options *options, cf_shown_class *c) {
  cf_clip_options *o = &c->clip;
  const bool chirp = o->kind == CF_CLIP_CHIRP;
  o->on = cf_options_number(options, "on");
  o->off = cf_options_number(options, "off");
  o->cycles = (size_t)cf_options_integer(options, "cycles");
  o->chirp_low = cf_options_number(options, "chirp-low");
  o->chirp_high = cf_options_number(options, "chirp-high");
  o->chirp_hz = cf_options_number(options, "chirp-contrast");
  read_levels(options, o, chirp);
  read_interval(options, o, chirp ? 0.5 * (o->foreground + o->background) : o->background);
  snprintf(c->name, sizeof c->name, "%s", chirp ? "chirp" : "flash");
  return CF_OK;
}

static cf_status plan_noise(const cf_options *options, cf_stimulus_plan *p, cf_shown_class *c) {
  cf_clip_options *o = &c->clip;
  o->exponent = cf_options_number(options, "exponent");
  o->mirror = strcmp(cf_options_text(options, "border"), "mirror") == 0;
  o->speed = (cf_options_given(options, "step") ? cf_options_number(options, "step") : 1.5) * o->rate;
  if (cf_options_given(options, "speed")) o->speed = speed_of(p, options, 0);
  read_interval(options, o, 128);
  snprintf(c->name, sizeof c->name, "noise_%.4g", o->exponent);
  return CF_OK;
}

/* The picture as one grey a pixel; colours by the weights of ITU-R 601, as imaging libraries do. */
static cf_status read_still(cf_context *ctx, const char *address, cf_stimulus_plan *p, cf_clip_options *o) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  CF_TRY(cf_io_read(ctx, address, "still|image|frames", &a));
  if (a->dtype != CF_U8)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: holds %s; a still has uint8 grey levels 0 to 255", address,
                   cf_dtype_name(a->dtype)));
  if (a->ndim < 2 || a->ndim > 3 || (a->ndim == 3 && (a->shape[2] < 1 || a->shape[2] > 4)))
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                   "%s: a still is (height, width) or (height, width, channel of 1 to 4); this has %d axes", address,
                   a->ndim));
  const size_t n = a->shape[0] * a->shape[1], channels = a->ndim == 3 ? a->shape[2] : 1;
  if (n == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the still has no pixels", address));
  CF_TRY(CF_ALLOC(ctx, &p->still, n));
  for (size_t i = 0; i < n; i++) {
    const unsigned char *v = (const unsigned char *)a->data + i * channels;
    p->still[i] = channels < 3 ? v[0] : (unsigned char)((299u * v[0] + 587u * v[1] + 114u * v[2] + 500u) / 1000u);
  }
  o->still = p->still;
  o->still_width = a->shape[1];
  o->still_height = a->shape[0];
done:
  cf_array_free(a);
  return status;
}

static cf_status plan_still(cf_context *ctx, const cf_options *options, cf_result *result, cf_stimulus_plan *p,
                            cf_shown_class *c) {
  cf_status status = CF_OK;
  cf_clip_options *o = &c->clip;
  const char *address = cf_options_argument(options, 1);
  CF_TRY(read_still(ctx, address, p, o));
  CF_TRY(cf_result_input(ctx, result, address));
  o->scale = cf_options_given(options, "scale") ? cf_options_number(options, "scale") : 1;
  o->axes = strcmp(cf_options_text(options, "shift"), "axes") == 0;
  o->speed = (cf_options_given(options, "step") ? cf_options_number(options, "step") : 1) * o->rate;
  if (cf_options_given(options, "speed")) o->speed = speed_of(p, options, 0);
  read_interval(options, o, 128);
  const char *slash = strrchr(address, '/'), *name = slash ? slash + 1 : address;
  snprintf(c->name, sizeof c->name, "%.*s", (int)CF_MIN(strcspn(name, ".:"), (size_t)70), name);
done:
  return status;
}

/* ------------------------------------------------------------------ sets -- */

static void class_levels(cf_clip_options *o, const cf_stimulus_class *k) {
  o->foreground = k->dots == 0 ? 188 : k->bright ? 248 : 8;
  o->background = k->dots == 0 ? 68 : 128;
}

/* A class on a screen of px_per_deg: sizes in degrees, one temporal frequency for all. */
static void size_class(cf_clip_options *o, const cf_stimulus_class *k, double px_per_deg, bool whole, double hz) {
  double size = k->size * px_per_deg;
  if (whole) size = floor(size + 0.5);
  o->bar = size;
  o->dots = CF_MAX(k->dots, (size_t)1);
  o->spacing = 2 * size;
  o->diameter = k->dots > 1 ? size / sqrt((double)k->dots) : size;
  if (whole) o->diameter = floor(o->diameter + 0.5);
  o->speed = hz * 2 * size;
  o->force *= px_per_deg / cf_pixels_per_degree(PUBLISHED_WIDTH, published_cm, published_distance);
  class_levels(o, k);
}

static void plan_class(const cf_options *options, cf_stimulus_plan *p, const cf_clip_options *screen,
                       const cf_stimulus_class *k, cf_shown_class *c) {
  const bool paper = strcmp(p->set, "paper") == 0;
  const cf_clip_kind kind = k->dots ? CF_CLIP_FLOW : CF_CLIP_GRATING;
  const double hz = cf_options_number(options, "temporal-frequency");
  const double scale = cf_options_given(options, "scale") ? cf_options_number(options, "scale") : published_scale;
  snprintf(c->name, sizeof c->name, "%s", k->name);
  c->dots = k->dots;
  c->measured = true;
  c->clip.kind = paper ? CF_CLIP_STILL : kind;
  if (paper) {
    c->pictured = true;
    c->picture = cf_clip_defaults(kind);
    c->picture.seed = screen->seed;
    c->picture.width = PUBLISHED_WIDTH;
    c->picture.height = PUBLISHED_HEIGHT;
    c->picture.frames = 1;
    c->picture.hard = screen->hard;
    size_class(&c->picture, k, cf_pixels_per_degree(PUBLISHED_WIDTH, published_cm, published_distance), true, 4);
    c->clip.scale = scale;
    c->clip.axes = true;
    c->clip.speed = (cf_options_given(options, "step") ? cf_options_number(options, "step") : 1) * screen->rate;
    c->period = scale * 2 * c->picture.bar;
    class_levels(&c->clip, k);
    read_interval(options, &c->clip, k->dots ? flow_mean(&c->picture) : 128);
  } else {
    size_class(&c->clip, k, p->px_per_deg, false, hz);
    c->clip.exact_speed = true;
    c->period = 2 * c->clip.bar;
    read_interval(options, &c->clip, k->dots ? flow_mean(&c->clip) : 128);
  }
}

/* Layouts differ by dots, size, direction and instance, and are shared by the two polarities. */
static uint64_t stream_of(const cf_clip_options *o, double angle) {
  char text[160];
  snprintf(text, sizeof text, "stimulus/%s/%zu/%.9g/%.9g/%.9g", cf_clip_kind_name(o->kind), o->dots,
           o->kind == CF_CLIP_FLOW ? o->diameter : 0, o->kind == CF_CLIP_FLOW ? o->spacing : 0, angle);
  return cf_hash_text(text);
}

/* ------------------------------------------------------------------ plan -- */

static cf_status plan_one(cf_context *ctx, const cf_options *options, cf_result *result, cf_stimulus_plan *p,
                          cf_shown_class *c) {
  switch (c->clip.kind) {
  case CF_CLIP_GRATING:
    return plan_grating(ctx, options, p, c);
  case CF_CLIP_FLOW:
    return plan_flow(ctx, options, p, c);
  case CF_CLIP_BAR:
    return plan_bar(options, p, c);
  case CF_CLIP_NOISE:
    return plan_noise(options, p, c);
  case CF_CLIP_STILL:
    return plan_still(ctx, options, result, p, c);
  default:
    return plan_field(options, c);
  }
}

/* Movies of bars, flashes and chirps are as long as what they show. */
static void natural_length(const cf_options *options, const cf_stimulus_plan *p, cf_clip_options *o) {
  if (cf_options_given(options, "frames") || cf_options_given(options, "duration")) return;
  if (o->kind != CF_CLIP_BAR && o->kind != CF_CLIP_FLASH && o->kind != CF_CLIP_CHIRP) return;
  o->frames = 1;
  for (size_t d = 0; d < p->directions; d++) {
    cf_clip_options one = *o;
    one.direction = p->angle[d];
    const size_t n = cf_clip_natural_frames(&one);
    o->frames = CF_MAX(o->frames, n);
  }
}

static cf_status plan_classes(cf_context *ctx, const cf_options *options, cf_result *result, cf_stimulus_plan *p) {
  cf_status status = CF_OK;
  const double edge = cf_options_number(options, "aperture-edge"), aperture = cf_options_number(options, "aperture");
  p->classes = p->set ? CF_STIMULUS_CLASSES : 1;
  CF_TRY(CF_ALLOC(ctx, &p->shown, p->classes));
  for (size_t i = 0; i < p->classes; i++) {
    cf_shown_class *c = &p->shown[i];
    cf_clip_kind kind = CF_CLIP_GRATING;
    while (!p->set && strcmp(cf_clip_kind_name(kind), p->kind) != 0) kind++;
    if (p->set && cf_stimulus_class_at(i)->dots) kind = CF_CLIP_FLOW;
    c->clip = cf_clip_defaults(kind);
    c->period = (double)NAN;
    read_screen(ctx, options, p, &c->clip);
    if (p->set)
      plan_class(options, p, &c->clip, cf_stimulus_class_at(i), c);
    else
      CF_TRY(plan_one(ctx, options, result, p, c));
    c->clip.aperture = aperture > 0 ? length_of(p, options, aperture) : 0;
    c->clip.aperture_edge = edge > 0 ? length_of(p, options, edge) : 0;
    if (cf_options_given(options, "name")) snprintf(c->name, sizeof c->name, "%s", cf_options_text(options, "name"));
    natural_length(options, p, &c->clip);
    p->length = c->clip.before + c->clip.frames + c->clip.after;
    if (c->period > 0 && c->clip.speed / c->period > 0.5 * c->clip.rate)
      cf_warn(ctx, "%s: %.3g Hz is beyond half of %g frames a second: it will seem to move otherwise", c->name,
              c->clip.speed / c->period, c->clip.rate);
  }
done:
  return status;
}

cf_status cf_stimulus_plan_make(cf_context *ctx, const cf_options *options, cf_result *result, cf_stimulus_plan **out) {
  cf_status status = CF_OK;
  cf_stimulus_plan *p = NULL;
  cf_clip *clip = NULL;
  size_t clips, frames;
  *out = NULL;
  CF_TRY(CF_ALLOC(ctx, &p, 1));
  p->kind = cf_options_argument(options, 0);
  p->set = strcmp(p->kind, "set") == 0 ? cf_options_argument(options, 1) : NULL;
  p->flat = cf_options_flag(options, "flat");
  const char *name = cf_options_text(options, "name");
  if (name && (!*name || strlen(name) > 70 || strchr(name, '/') || *name == '.'))
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--name: '%s' cannot name a stimulus: 1 to 70 characters without '/'", name));
  p->clip_index = SIZE_MAX;
  CF_TRY(read_angles(ctx, options, p));
  CF_TRY(read_instances(ctx, options, p));
  CF_TRY(plan_classes(ctx, options, result, p));
  p->blocks = (size_t)cf_options_integer(options, "blocks");
  CF_TRY(cf_trial_order(ctx, p->classes, p->directions, p->instances, p->blocks, &p->trial, &p->trials));
  CF_TRY(cf_size_mul(ctx, p->classes * p->directions, p->instances, &clips));
  CF_TRY(cf_size_mul(ctx, p->flat ? p->trials : clips, p->length, &frames));
  CF_TRY(cf_stimulus_clip(ctx, p, 0, &clip)); /* what is out of range fails now */
  *out = p;
  p = NULL;
done:
  cf_stimulus_plan_free(p);
  return status;
}

cf_status cf_stimulus_clip(cf_context *ctx, cf_stimulus_plan *p, size_t index, cf_clip **out) {
  cf_status status = CF_OK;
  cf_clip *picture = NULL;
  unsigned char *still = NULL;
  *out = p->clip;
  if (p->clip && p->clip_index == index) return CF_OK;
  const cf_shown_class *c = &p->shown[index / p->instances / p->directions];
  const size_t instance = index % p->instances;
  cf_clip_options o = c->clip, of = c->picture;
  o.direction = of.direction = p->angle[index / p->instances % p->directions];
  o.instance = of.instance = (uint32_t)instance;
  o.task = stream_of(&o, o.direction);
  if (p->phase) o.phase = p->phase[instance];
  cf_clip_free(p->clip);
  *out = p->clip = NULL;
  if (c->pictured) {
    of.task = stream_of(&of, of.direction);
    CF_TRY(CF_ALLOC(ctx, &still, of.width * of.height));
    CF_TRY(cf_clip_new(ctx, &of, &picture));
    CF_TRY(cf_clip_frames(ctx, picture, 0, 1, still));
    o.still = still;
    o.still_width = of.width;
    o.still_height = of.height;
  }
  CF_TRY(cf_clip_new(ctx, &o, &p->clip));
  p->clip_index = index;
  *out = p->clip;
done:
  cf_clip_free(picture);
  cf_free(still);
  return status;
}
