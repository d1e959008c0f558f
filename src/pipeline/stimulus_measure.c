/* `cortifold stimulus`: what the finished frames show, beside what was asked for. */
#include "base/internal.h"
#include "pipeline/stimulus.h"

#include <math.h>
#include <string.h>

/* Of one class and direction. */
typedef struct seen {
  cf_picture_measures m;
  double motion; /* pixels a frame along the direction */
} seen;

/* Frames over which motion is measured: so many that it goes a quarter of a period, and no shift is tried that is a
 * whole period away. */
static size_t lag_of(const cf_shown_class *c, double step, size_t last) {
  if (!(step > 0)) return 1;
  const double lag = floor(0.25 * c->period / step);
  return lag < 1 ? 1 : lag > (double)last ? last : (size_t)lag;
}

static double step_of(const cf_shown_class *c, double angle) {
  const double step = c->clip.speed / c->clip.rate;
  const bool diagonal = fabs(remainder(angle, 90)) > 1e-6;
  if (c->clip.kind == CF_CLIP_STILL && c->clip.axes) return floor(step + 0.5) * (diagonal ? sqrt(2) : 1);
  return step;
}

/* Mean over a few pairs of frames: edges within a pixel are found a little off, and differently in each. */
static cf_status measure_motion(cf_context *ctx, const cf_shown_class *c, const cf_clip *clip, double angle,
                                seen *out) {
  enum { PAIRS = 8 };
  cf_status status = CF_OK;
  const cf_clip_options *o = &c->clip;
  const size_t pixels = o->width * o->height, fade = CF_MIN(o->fade, o->frames / 2), first = fade ? fade - 1 : 0;
  const double step = step_of(c, angle);
  unsigned char *a = NULL;
  double sum = 0;
  out->motion = (double)NAN;
  if (o->frames < 2 + 2 * first || !(c->period > 0)) return CF_OK;
  const size_t last = o->frames - 1 - 2 * first, lag = lag_of(c, step, last);
  const size_t pairs = c->dots ? 1 : CF_MIN((size_t)PAIRS, last - lag + 1);
  const double most = fmin(0.5 * c->period, 1.5 * step * (double)lag + 2);
  CF_TRY(CF_SCRATCH(ctx, &a, 2 * pixels));
  for (size_t k = 0; k < pairs; k++) {
    double motion;
    CF_TRY(cf_clip_frames(ctx, clip, o->before + first + k, 1, a));
    CF_TRY(cf_clip_frames(ctx, clip, o->before + first + k + lag, 1, a + pixels));
    CF_TRY(cf_picture_motion(ctx, o->width, o->height, a, a + pixels, angle, c->dots ? (double)NAN : c->period, most,
                             &motion));
    sum += motion;
  }
  out->motion = sum / (double)(pairs * lag);
done:
  return status;
}

/* The first instance of a direction. Bars and discs of stills are measured on the whole picture. */
static cf_status measure_direction(cf_context *ctx, cf_stimulus_plan *p, size_t class, size_t d, seen *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_shown_class *c = &p->shown[class];
  const cf_clip_options *o = &c->clip;
  cf_clip *clip = NULL;
  unsigned char *frame = NULL;
  size_t w, h;
  CF_TRY(cf_stimulus_clip(ctx, p, (class * p->directions + d) * p->instances, &clip));
  const unsigned char *picture = cf_clip_picture(clip, &w, &h);
  if (!picture) {
    CF_TRY(CF_SCRATCH(ctx, &frame, o->width * o->height));
    CF_TRY(cf_clip_frames(ctx, clip, o->before + o->frames / 2, 1, frame));
    w = o->width;
    h = o->height;
    picture = frame;
  }
  CF_TRY(cf_picture_measure(ctx, w, h, picture, p->angle[d], c->dots, o->background, &out->m));
  if (!c->measured) out->m.bar = (double)NAN;
  CF_TRY(measure_motion(ctx, c, clip, p->angle[d], out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ---------------------------------------------------------------- values -- */

typedef struct number {
  const char *name;
  double value;
} number;

static bool set_numbers(cf_json *to, const number *list, size_t n) {
  bool good = true;
  for (size_t i = 0; i < n; i++) good &= cf_json_set(to, list[i].name, cf_json_number(list[i].value));
  return good;
}

static double period_of(const cf_shown_class *c, const seen *s) {
  const double found = c->dots ? s->m.spacing : 2 * s->m.bar;
  return found > 0 ? found : c->period;
}

static cf_json *seen_json(const cf_stimulus_plan *p, const cf_shown_class *c, double angle, const seen *s) {
  const double period = period_of(c, s), rate = c->clip.rate;
  const number list[] = {{"direction", p->directed ? angle : (double)NAN},
                         {"mean", s->m.mean},
                         {"low", s->m.low},
                         {"high", s->m.high},
                         {"bar_px", c->dots ? (double)NAN : s->m.bar},
                         {"bar_deg", c->dots ? (double)NAN : s->m.bar / p->px_per_deg},
                         {"diameter_px", s->m.diameter},
                         {"diameter_deg", s->m.diameter / p->px_per_deg},
                         {"along_px", s->m.along},
                         {"across_px", s->m.across},
                         {"spacing_px", s->m.spacing},
                         {"spacing_deg", s->m.spacing / p->px_per_deg},
                         {"coverage", s->m.coverage},
                         {"elements", c->dots ? (double)s->m.elements : (double)NAN},
                         {"speed_px_per_frame", s->motion},
                         {"speed_deg_per_s", s->motion * rate / p->px_per_deg},
                         {"temporal_frequency", s->motion * rate / c->period},
                         {"spatial_frequency", p->px_per_deg / period}};
  cf_json *object = cf_json_object();
  if (set_numbers(object, list, sizeof list / sizeof *list)) return object;
  cf_json_free(object);
  return NULL;
}

static cf_json *class_json(const cf_stimulus_plan *p, const cf_shown_class *c, const seen *s) {
  const cf_clip_options *o = c->pictured ? &c->picture : &c->clip;
  const double scale = c->pictured ? c->clip.scale : 1, ppd = p->px_per_deg;
  const bool bars = o->kind == CF_CLIP_GRATING || o->kind == CF_CLIP_BAR, dots = o->kind == CF_CLIP_FLOW;
  const bool levels = o->kind != CF_CLIP_NOISE && o->kind != CF_CLIP_STILL; /* pictures bring their own */
  const number list[] = {{"foreground", levels ? c->clip.foreground : (double)NAN},
                         {"background", levels ? c->clip.background : (double)NAN},
                         {"interval", c->clip.interval},
                         {"bar_px", bars ? o->bar * scale : (double)NAN},
                         {"bar_deg", bars ? o->bar * scale / ppd : (double)NAN},
                         {"dots", dots ? (double)o->dots : (double)NAN},
                         {"diameter_px", dots ? o->diameter * scale : (double)NAN},
                         {"diameter_deg", dots ? o->diameter * scale / ppd : (double)NAN},
                         {"spacing_px", dots ? o->spacing * scale : (double)NAN},
                         {"spacing_deg", dots ? o->spacing * scale / ppd : (double)NAN},
                         {"period_px", c->period},
                         {"speed_px_per_frame", c->clip.speed / c->clip.rate},
                         {"speed_deg_per_s", c->clip.speed / ppd},
                         {"temporal_frequency", c->clip.speed / c->period},
                         {"spatial_frequency", ppd / c->period}};
  cf_json *object = cf_json_object(), *measured = cf_json_list();
  bool good = cf_json_set(object, "name", cf_json_text(c->name));
  good &= cf_json_set(object, "kind", cf_json_text(cf_clip_kind_name(o->kind)));
  good &= set_numbers(object, list, sizeof list / sizeof *list);
  for (size_t d = 0; d < p->directions; d++) good &= cf_json_append(measured, seen_json(p, c, p->angle[d], &s[d]));
  good &= cf_json_set(object, "measured", measured);
  if (good) return object;
  cf_json_free(object);
  return NULL;
}

static bool set_values(const cf_stimulus_plan *p, cf_json *values, cf_json *classes) {
  const cf_clip_options *o = &p->shown[0].clip;
  const number screen[] = {{"width", (double)o->width},
                           {"height", (double)o->height},
                           {"px_per_deg", p->px_per_deg},
                           {"width_deg", (double)o->width / p->px_per_deg},
                           {"height_deg", (double)o->height / p->px_per_deg},
                           {"rate", o->rate}};
  const number counts[] = {{"stimuli", (double)p->classes},
                           {"directions", (double)p->directions},
                           {"instances", (double)p->instances},
                           {"clips", (double)cf_stimulus_clips(p)},
                           {"frames_per_clip", (double)p->length},
                           {"frames_before", (double)o->before},
                           {"frames_shown", (double)o->frames},
                           {"frames_after", (double)o->after},
                           {"fade", (double)o->fade},
                           {"blocks", (double)p->blocks},
                           {"trials", (double)p->trials},
                           {"seconds", (double)(p->trials * p->length) / o->rate}};
  cf_json *s = cf_json_object();
  bool good = set_numbers(s, screen, sizeof screen / sizeof *screen);
  good &= cf_json_set(s, "px_per_deg_from", cf_json_text(p->px_source));
  good &= cf_json_set(values, "kind", cf_json_text(p->kind));
  if (p->set) good &= cf_json_set(values, "set", cf_json_text(p->set));
  good &= cf_json_set(values, "screen", s);
  good &= set_numbers(values, counts, sizeof counts / sizeof *counts);
  good &= cf_json_set(values, "classes", classes);
  return good;
}

/* --------------------------------------------------------------- summary -- */

static cf_status say_screen(cf_context *ctx, const cf_stimulus_plan *p, cf_result *result) {
  const cf_clip_options *o = &p->shown[0].clip;
  cf_status status =
      cf_result_say(ctx, result,
                    "Screen %zu x %zu pixels = %.4g x %.4g degrees (%.5g pixels a degree, %s), %g frames a second\n"
                    "%zu clip%s: %zu stimul%s x %zu direction%s x %zu instance%s, %zu frame%s each",
                    o->width, o->height, (double)o->width / p->px_per_deg, (double)o->height / p->px_per_deg,
                    p->px_per_deg, p->px_source, o->rate, cf_stimulus_clips(p), cf_stimulus_clips(p) == 1 ? "" : "s",
                    p->classes, p->classes == 1 ? "us" : "i", p->directions, p->directions == 1 ? "" : "s",
                    p->instances, p->instances == 1 ? "" : "s", p->length, p->length == 1 ? "" : "s");
  if (status == CF_OK && (o->before || o->after))
    status = cf_result_say(ctx, result, " (%zu before, %zu after, fading over %zu)", o->before, o->after, o->fade);
  if (status == CF_OK) status = cf_result_say(ctx, result, "\n");
  if (status == CF_OK && p->blocks)
    status = cf_result_say(ctx, result, "%zu blocks, %zu trials in an order of their own: %.4g s\n", p->blocks,
                           p->trials, (double)(p->trials * p->length) / o->rate);
  return status;
}

static double mean_over(const cf_stimulus_plan *p, const seen *s, double (*get)(const seen *)) {
  double sum = 0;
  size_t n = 0;
  for (size_t d = 0; d < p->directions; d++) {
    const double v = get(&s[d]);
    if (isnan(v)) continue;
    sum += v;
    n++;
  }
  return n ? sum / (double)n : (double)NAN;
}

static double get_bar(const seen *s) {
  return s->m.bar;
}
static double get_diameter(const seen *s) {
  return s->m.diameter;
}
static double get_spacing(const seen *s) {
  return s->m.spacing;
}
static double get_mean(const seen *s) {
  return s->m.mean;
}

/* What is shown by kinds without bars or discs that could be measured: as asked for, lengths in both units. */
static cf_status say_asked(cf_context *ctx, const cf_stimulus_plan *p, const cf_clip_options *o, double mean,
                           cf_result *result) {
  const double ppd = p->px_per_deg, step = o->speed / o->rate;
  switch (o->kind) {
  case CF_CLIP_BAR:
    return cf_result_say(ctx, result, " bar %.2f px = %.3g deg, %.4g px = %.3g deg a second, levels %g and %g", o->bar,
                         o->bar / ppd, o->speed, o->speed / ppd, o->background, o->foreground);
  case CF_CLIP_FLASH:
    return cf_result_say(ctx, result, " levels %g and %g, %g s on, %g s off, %zu time%s", o->background, o->foreground,
                         o->on, o->off, o->cycles, o->cycles == 1 ? "" : "s");
  case CF_CLIP_CHIRP:
    return cf_result_say(ctx, result, " levels %g to %g, frequency %g to %g Hz, contrast at %g Hz", o->background,
                         o->foreground, o->chirp_low, o->chirp_high, o->chirp_hz);
  case CF_CLIP_NOISE:
    return cf_result_say(ctx, result, " amplitude 1/f^%g, moves %.4g px = %.3g deg a frame, mean %.1f", o->exponent,
                         step, step / ppd, mean);
  default:
    return cf_result_say(ctx, result, " moves %.4g px = %.3g deg a frame, mean %.1f", step, step / ppd, mean);
  }
}

/* One line: what was measured, in pixels and degrees, and the temporal frequency at each direction. */
static cf_status say_class(cf_context *ctx, const cf_stimulus_plan *p, const cf_shown_class *c, const seen *s,
                           cf_result *result) {
  const double size = mean_over(p, s, c->dots ? get_diameter : get_bar), spacing = mean_over(p, s, get_spacing);
  cf_status status = cf_result_say(ctx, result, "%-16s", c->name);
  if (status == CF_OK && c->measured)
    status = cf_result_say(ctx, result, " %s %.2f px = %.3g deg", c->dots ? "disc" : "bar", size, size / p->px_per_deg);
  if (status == CF_OK && c->dots)
    status = cf_result_say(ctx, result, ", spacing %.2f px = %.3g deg", spacing, spacing / p->px_per_deg);
  if (status == CF_OK && !c->measured) status = say_asked(ctx, p, &c->clip, mean_over(p, s, get_mean), result);
  if (status == CF_OK && c->measured)
    status =
        cf_result_say(ctx, result, ", levels %g and %g, mean %.1f", s[0].m.low, s[0].m.high, mean_over(p, s, get_mean));
  if (status == CF_OK && c->period > 0) status = cf_result_say(ctx, result, "\n%-16s ", "");
  for (size_t d = 0; d < p->directions && status == CF_OK && c->period > 0; d++)
    status =
        cf_result_say(ctx, result, "%s%g: %.3g Hz", d ? ", " : "", p->angle[d], s[d].motion * c->clip.rate / c->period);
  return status == CF_OK ? cf_result_say(ctx, result, "\n") : status;
}

cf_status cf_stimulus_measure(cf_context *ctx, cf_stimulus_plan *p, cf_result *result) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  seen *s = NULL;
  cf_json *classes = cf_json_list();
  CF_TRY(CF_SCRATCH(ctx, &s, p->directions));
  CF_TRY(say_screen(ctx, p, result));
  cf_progress_begin(ctx, "measure", p->classes * p->directions);
  for (size_t i = 0; i < p->classes && status == CF_OK; i++) {
    for (size_t d = 0; d < p->directions && status == CF_OK; d++) {
      status = measure_direction(ctx, p, i, d, &s[d]);
      cf_progress_step(ctx, 1);
    }
    if (status == CF_OK) status = say_class(ctx, p, &p->shown[i], s, result);
    if (status == CF_OK && !cf_json_append(classes, class_json(p, &p->shown[i], s)))
      status = cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for the result");
  }
  cf_progress_end(ctx);
  CF_TRY(status);
  const bool good = set_values(p, result->values, classes);
  classes = NULL;
  if (!good) status = cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for the result");
done:
  cf_json_free(classes);
  cf_scratch_release(ctx, mark);
  return status;
}
