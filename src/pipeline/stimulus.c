/* `cortifold stimulus`: the table of its options, and which kinds of stimulus each belongs to. */
#include "pipeline/stimulus.h"
#include "base/internal.h"
#include "pipeline/analyses.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const cf_param params[] = {
    {"width", 0, CF_PARAM_INTEGER, "PIXELS", "256", 1, 65536, NULL, "Width of the screen, which is what is written."},
    {"height", 0, CF_PARAM_INTEGER, "PIXELS", "144", 1, 65536, NULL, "Height of the screen."},
    {"rate", 'r', CF_PARAM_REAL, "HZ", "30", 0.001, 100000, NULL, "Frames a second."},
    {"screen-cm", 0, CF_PARAM_REAL, "CM", "40", 0.001, 1e6, NULL, "Width of the screen in centimetres."},
    {"distance-cm", 0, CF_PARAM_REAL, "CM", "25", 0.001, 1e6, NULL, "Distance of the eye from the screen's centre."},
    {"px-per-deg", 0, CF_PARAM_REAL, "PIXELS", NULL, 0.001, 1e6, NULL,
     "Pixels a degree; else they come from the screen: width / (2 atan(width cm / (2 distance)))."},
    {"units", 'u', CF_PARAM_CHOICE, "UNIT", "deg", 0, 0, "deg|px",
     "Of --bar, --diameter, --length, --aperture, --aperture-edge and --speed: degrees or pixels."},
    {"whole-pixels", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL,
     "Round lengths to whole pixels, as the published generator does."},
    {"duration", 0, CF_PARAM_REAL, "S", "1.25", 0.0001, 1e6, NULL,
     "Time that the stimulus is shown, cut to whole frames; bars, flashes and chirps last as long as they need."},
    {"frames", 'n', CF_PARAM_INTEGER, "N", NULL, 1, 1e8, NULL, "The same in frames."},
    {"pre", 0, CF_PARAM_REAL, "S", "0", 0, 1e6, NULL, "Grey before the stimulus."},
    {"post", 0, CF_PARAM_REAL, "S", "0", 0, 1e6, NULL, "Grey after it."},
    {"fade", 0, CF_PARAM_INTEGER, "FRAMES", NULL, 0, 1e6, NULL,
     "Frames over which the stimulus comes out of the grey and goes back; 3 with --pre or --post, else 0."},
    {"directions", 'd', CF_PARAM_INTEGER, "N", "8", 1, 3600, NULL, "Directions of motion, evenly spaced from 0."},
    {"angles", 0, CF_PARAM_LIST, "DEG,...", NULL, 0, 0, NULL,
     "The directions themselves: 0 moves to the right, 90 up, anticlockwise."},
    {"instances", 'i', CF_PARAM_INTEGER, "N", NULL, 1, 100000, NULL,
     "Different layouts of the same stimulus; 1, or 3 of a set."},
    {"blocks", 'b', CF_PARAM_INTEGER, "N", "0", 0, 100000, NULL,
     "Trials: in each block every class shows every direction once in an order of its own; 0: each clip once, in order."},
    {"flat", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL,
     "One movie (time, height, width) of all trials in their order, instead of one movie a clip."},
    {"name", 0, CF_PARAM_TEXT, "NAME", NULL, 0, 0, NULL, "Name of the stimulus in labels; else kind and size."},
    {"png", 0, CF_PARAM_PATH, "FOLDER", NULL, 0, 0, NULL,
     "Also write PNG files: FOLDER/NAME_instI/DIRECTION/FRAME.png, or DIRECTION.png for clips of one frame."},
    {"foreground", 0, CF_PARAM_REAL, "GREY", NULL, 0, 255, NULL,
     "Grey of bright bars, dots or flashes. Gratings 192, pos flows 248, neg flows 8, others 255."},
    {"background", 0, CF_PARAM_REAL, "GREY", NULL, 0, 255, NULL,
     "Grey of dark bars, or of what lies behind. Gratings 64, flows 128, others 0."},
    {"interval", 0, CF_PARAM_REAL, "GREY", NULL, 0, 255, NULL,
     "Grey before and after and outside of the aperture; else the stimulus' mean (bars and flashes: the background)."},
    {"contrast", 0, CF_PARAM_REAL, "SHARE", "1", 0, 1, NULL,
     "Draws foreground and background towards their middle (gratings, chirps) or towards the background."},
    {"edges", 0, CF_PARAM_CHOICE, "EDGES", "soft", 0, 0, "soft|hard",
     "soft: a pixel shows the share of its area that is covered; hard: what lies at its centre."},
    {"aperture", 0, CF_PARAM_REAL, "DIAMETER", "0", 0, 1e6, NULL,
     "Circle about the screen's centre outside of which the interval's grey stays; 0: none."},
    {"aperture-edge", 0, CF_PARAM_REAL, "WIDTH", "0", 0, 1e6, NULL, "Its edge, a raised cosine inwards; 0: sharp."},
    {"temporal-frequency", 0, CF_PARAM_REAL, "HZ", "4", 0, 10000, NULL,
     "Periods a second along the direction of motion. A flow's period is its spacing."},
    {"spatial-frequency", 0, CF_PARAM_REAL, "CYCLES/DEG", NULL, 0.00001, 10000, NULL,
     "Period of a grating instead of --bar; of a flow, what the temporal frequency counts instead of the spacing."},
    {"speed", 0, CF_PARAM_REAL, "UNITS/S", NULL, 0, 1e6, NULL,
     "Speed along the direction instead of the temporal frequency; a moving bar's is 20 degrees a second otherwise."},
    {"bar", 'w', CF_PARAM_REAL, "WIDTH", NULL, 0.0001, 1e6, NULL,
     "Width of a bar. Grating: half a period, 2 (degrees or pixels); moving bar: 5."},
    {"wave", 0, CF_PARAM_CHOICE, "WAVE", "square", 0, 0, "square|sine", "Profile of a grating."},
    {"phases", 0, CF_PARAM_LIST, "DEG,...", NULL, 0, 0, NULL,
     "Phase of each instance of a grating in degrees of its period, or the word random."},
    {"dots", 0, CF_PARAM_INTEGER, "N", "1", 1, 99, NULL, "Touching discs of an element, in a row across its heading."},
    {"polarity", 0, CF_PARAM_CHOICE, "SIGN", "pos", 0, 0, "pos|neg", "Bright or dark dots."},
    {"diameter", 0, CF_PARAM_REAL, "SIZE", "1.5", 0.0001, 1e6, NULL,
     "Diameter of a single dot; those of N have the same area together: diameter / sqrt N."},
    {"keep-diameter", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL, "N dots are as large as a single one."},
    {"spacing", 0, CF_PARAM_REAL, "DIAMETERS", "4", 1, 1000, NULL,
     "Distance of neighbouring elements, in diameters of a single dot; 2 in the published recordings."},
    {"spread", 0, CF_PARAM_REAL, "RADIANS", "0.09", 0, 10, NULL, "Spread of the field's directions."},
    {"tile", 0, CF_PARAM_REAL, "SPACINGS", "2.5", 0.1, 100000, NULL, "Side of the tiles that have one direction."},
    {"jitter", 0, CF_PARAM_REAL, "SPACINGS", "0.1", 0, 10, NULL, "Of the elements' first places."},
    {"separation", 0, CF_PARAM_REAL, "WEIGHT", "1.5", 0, 1000, NULL, "Weight of the force that keeps elements apart."},
    {"force-limit", 0, CF_PARAM_REAL, "PX/STEP2", NULL, 0, 1000000, NULL,
     "Limit of each force in pixels a step^2; else 0.04 pixels of the published screen (10.35 a degree), in degrees."},
    {"rigid", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL, "No forces: every element moves alike."},
    {"exact-speed", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL,
     "Raise the limit of the elements' speed until their mean progress is what was asked for; forces take 5 to 20 %."},
    {"settle", 0, CF_PARAM_INTEGER, "STEPS", "60", 0, 10000000, NULL, "Steps of motion before the first frame."},
    {"step-rate", 0, CF_PARAM_REAL, "HZ", "60", 0.001, 100000, NULL,
     "Steps of motion a second. Frames at whole numbers of steps show those; others lie on the line between two."},
    {"scale", 0, CF_PARAM_REAL, "SHARE", NULL, 0.001, 1000, NULL,
     "still: its size is scaled first, by Lanczos windows (1); set: that of the published stills (0.7)."},
    {"shift", 0, CF_PARAM_CHOICE, "WAY", "axes", 0, 0, "axes|exact",
     "still: whole pixels on each axis, so that diagonals are sqrt 2 faster, as published; or exactly along the direction."},
    {"step", 0, CF_PARAM_REAL, "PIXELS", NULL, 0, 100000, NULL,
     "still, noise, set paper: motion a frame; 1, noise 1.5."},
    {"length", 0, CF_PARAM_REAL, "LENGTH", "0", 0, 1e6, NULL, "bar: across its motion; 0: over the whole screen."},
    {"on", 0, CF_PARAM_REAL, "S", "0.5", 0.0001, 1e6, NULL, "flash: time of the foreground."},
    {"off", 0, CF_PARAM_REAL, "S", "0.5", 0, 1e6, NULL, "flash: time of the background behind it."},
    {"cycles", 0, CF_PARAM_INTEGER, "N", "1", 1, 1000000, NULL, "flash: how many."},
    {"chirp-low", 0, CF_PARAM_REAL, "HZ", "0.5", 0, 10000, NULL, "chirp: where the frequency sweep begins ..."},
    {"chirp-high", 0, CF_PARAM_REAL, "HZ", "8", 0, 10000, NULL, "... and ends, after 8 s."},
    {"chirp-contrast", 0, CF_PARAM_REAL, "HZ", "0.4", 0, 10000, NULL, "chirp: frequency of the sweep of contrast."},
    {"exponent", 0, CF_PARAM_REAL, "E", "1", -4, 8, NULL,
     "noise: amplitude falls as frequency^-E; 1 is pink, 0 white."},
    {"border", 0, CF_PARAM_CHOICE, "BORDER", "mirror", 0, 0, "mirror|torus",
     "noise: what comes in from beyond the border."},
    CF_PARAM_END,
};

/* Options that belong to some kinds only; the others go with all. */
static const struct {
  const char *option, *kinds;
} owners[] = {
    {"screen-cm", "grating flow still bar flash chirp noise"},
    {"distance-cm", "grating flow still bar flash chirp noise"},
    {"whole-pixels", "grating flow bar"},
    {"name", "grating flow still bar flash chirp noise"},
    {"foreground", "grating flow bar flash chirp"},
    {"background", "grating flow bar flash chirp"},
    {"contrast", "grating flow bar flash chirp"},
    {"temporal-frequency", "grating flow clean"},
    {"spatial-frequency", "grating flow"},
    {"speed", "grating flow still bar noise"},
    {"bar", "grating bar"},
    {"wave", "grating"},
    {"phases", "grating"},
    {"dots", "flow"},
    {"polarity", "flow"},
    {"diameter", "flow"},
    {"keep-diameter", "flow"},
    {"spacing", "flow"},
    {"spread", "flow"},
    {"tile", "flow"},
    {"jitter", "flow"},
    {"separation", "flow"},
    {"force-limit", "flow"},
    {"rigid", "flow"},
    {"exact-speed", "flow"},
    {"settle", "flow"},
    {"step-rate", "flow"},
    {"scale", "still paper clean"},
    {"shift", "still"},
    {"step", "still noise paper"},
    {"length", "bar"},
    {"on", "flash"},
    {"off", "flash"},
    {"cycles", "flash"},
    {"chirp-low", "chirp"},
    {"chirp-high", "chirp"},
    {"chirp-contrast", "chirp"},
    {"exponent", "noise"},
    {"border", "noise"},
};

static bool has_word(const char *list, const char *word) {
  const size_t n = strlen(word);
  for (const char *at = list; (at = strstr(at, word)); at += n)
    if ((at == list || at[-1] == ' ') && (at[n] == ' ' || !at[n])) return true;
  return false;
}

static cf_status check_arguments(cf_context *ctx, const cf_options *options) {
  static const char kinds[] = "grating flow still bar flash chirp noise set";
  const char *kind = cf_options_argument(options, 0), *second = cf_options_argument(options, 1);
  if (!has_word(kinds, kind) || strchr(kind, ' '))
    return cf_fail(ctx, CF_ERR_USAGE, "there is no stimulus '%s'; there are: %s", kind, kinds);
  const bool set = strcmp(kind, "set") == 0, still = strcmp(kind, "still") == 0;
  if (still && !second)
    return cf_fail(ctx, CF_ERR_USAGE, "name the picture that moves: stimulus still FILE (PNG or an array)");
  if (set && (!second || (strcmp(second, "paper") != 0 && strcmp(second, "clean") != 0)))
    return cf_fail(ctx, CF_ERR_USAGE, "%s%s%s; there are: paper, clean", second ? "there is no set '" : "name the set",
                   second ? second : "", second ? "'" : "");
  if (second && !set && !still)
    return cf_fail(ctx, CF_ERR_USAGE, "stimulus %s takes no more arguments: '%s' is one too many", kind, second);
  const char *owner = set ? second : kind;
  for (size_t i = 0; i < sizeof owners / sizeof *owners; i++)
    if (cf_options_given(options, owners[i].option) && !has_word(owners[i].kinds, owner))
      return cf_fail(ctx, CF_ERR_USAGE, "--%s does not go with stimulus %s%s%s; it belongs to: %s", owners[i].option,
                     kind, set ? " " : "", set ? second : "", owners[i].kinds);
  return CF_OK;
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  cf_stimulus_plan *plan = NULL;
  const char *folder = cf_options_text(options, "png");
  const bool force = cf_options_flag(options, "force");
  CF_TRY(check_arguments(ctx, options));
  if (folder) CF_TRY(cf_stimulus_check_folder(ctx, folder, force));
  CF_TRY(cf_stimulus_plan_make(ctx, options, result, &plan));
  CF_TRY(cf_stimulus_measure(ctx, plan, result));
  if (folder) {
    CF_TRY(cf_stimulus_png(ctx, plan, folder, force));
    CF_TRY(cf_result_say(ctx, result, "PNG files: %s\n", folder));
  }
  status = cf_stimulus_arrays(ctx, plan, result);
  plan = NULL;
done:
  cf_stimulus_plan_free(plan);
  return status;
}

/* What is written, without measuring it. */
cf_status cf_stimulus_announce(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_stimulus_plan *plan = NULL;
  cf_status status = check_arguments(ctx, options);
  if (status == CF_OK) status = cf_stimulus_plan_make(ctx, options, result, &plan);
  return status == CF_OK ? cf_stimulus_arrays(ctx, plan, result) : status;
}

static double seconds_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* One clip of each class and its first frames are made and timed; what is measured on the clips of a class and
 * direction costs about as much as one of its clips. */
static cf_status time_clips(cf_context *ctx, cf_stimulus_plan *p, double *seconds) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_clip_options *o = &p->shown[0].clip;
  const size_t some = CF_MIN(p->length, (size_t)3);
  unsigned char *frames;
  cf_clip *clip;
  CF_TRY(CF_SCRATCH(ctx, &frames, some * o->width * o->height));
  for (size_t c = 0; c < p->classes; c++) {
    const double start = seconds_now();
    CF_TRY(cf_stimulus_clip(ctx, p, c * p->directions * p->instances, &clip));
    const double made = seconds_now();
    CF_TRY(cf_clip_frames(ctx, clip, 0, some, frames));
    const double drawn = (seconds_now() - made) / (double)some * (double)p->length;
    *seconds += (double)(p->directions * (p->instances + 1)) * (made - start + drawn);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status cost(cf_context *ctx, const cf_options *options, cf_cost *out) {
  cf_status status = CF_OK;
  cf_result *result = NULL;
  cf_stimulus_plan *plan = NULL;
  CF_TRY(check_arguments(ctx, options));
  CF_TRY(cf_result_new(ctx, &result));
  CF_TRY(cf_stimulus_plan_make(ctx, options, result, &plan));
  CF_TRY(time_clips(ctx, plan, &out->seconds));
  const cf_clip_options *o = &plan->shown[0].clip;
  out->bytes = 3e7 + 20 * (double)(o->width * o->height) * cf_context_threads(ctx);
done:
  cf_stimulus_plan_free(plan);
  cf_result_free(result);
  return status;
}

static const char description[] =
    "Makes movies of 8-bit grey pixels from words, frame by frame, and says what they show: sizes, spacing, levels and "
    "temporal frequency are measured on the finished frames, in pixels and degrees. With v the direction (0 to the right, "
    "90 up, anticlockwise) and p pixels a degree:\n\n"
    "grating: square or sine bars that drift along v; two bars are a period. A pixel shows the exact share of its area "
    "that is bright.\n\n"
    "flow: elements of one or more touching dots on a torus, one a cell. Each is steered towards a field of directions "
    "that varies by --spread about v from tile to tile, pushed away from neighbours nearer than a spacing, and never "
    "faster than temporal frequency * period: they stream, keep their distance and waver a little (after Dyballa et al. "
    "2018, PNAS 115, 11304; written from a description of the method). The formulas stand in src/stimulus/flow.c.\n\n"
    "still: a picture (PNG or an array) scaled, moved on a torus and cut about its centre.\n\n"
    "bar: one bar over the screen and out. flash: foreground and background in turn. chirp: dark, bright, dark, grey, a "
    "sweep of frequency, grey, a sweep of contrast, grey, dark (32 s, as commonly shown after Baden et al. 2016, "
    "Nature 529, 345). noise: white noise with amplitudes falling as frequency^-E, new for each direction, moved along v.\n\n"
    "set paper: the eleven published classes (grat_W12, grat_W1, grat_W2, negative and positive flows of 1 and 3 dots of 1 "
    "and 2 degrees), 8 directions, 3 instances, as published: stills of 800 x 600 pixels (40 cm seen from 25 cm) in whole "
    "pixels, scaled by 0.7, moved one pixel a frame on each axis, 37 frames of 256 x 144. Temporal frequency then differs "
    "between classes and is sqrt 2 higher on diagonals. The stills are ours: made from the description, not the authors' "
    "files.\n\n"
    "set clean: the same classes at the same sizes in degrees, at one temporal frequency (--temporal-frequency) in every "
    "direction (--exact-speed), flows that flow, no rounding.\n\n"
    "Arrays: frames (clip, time, height, width), uint8, clips in the order of stimulus, direction, instance (with --flat "
    "(time, height, width) in the order of trials); time (s; 0 where the stimulus starts), stimulus, direction; labels of "
    "each clip labels/stimulus, labels/direction, labels/instance; the trials, trials/clip, trials/stimulus, "
    "trials/direction, trials/instance, trials/block and trials/onset (frame of the session). Frames are made while they "
    "are written: .npy, .npz and .h5 files may be larger than memory. The same seed gives the same bytes for any number of "
    "threads.";

const cf_analysis cf_analysis_stimulus = {
    .name = "stimulus",
    .group = "Simulation",
    .summary = "Make visual stimuli: gratings, flows, movies from stills, the published set",
    .arguments = "grating|flow|still|bar|flash|chirp|noise|set [FILE|paper|clean]",
    .least = 1,
    .most = 2,
    .description = description,
    .examples =
        "cortifold stimulus set paper -o paper.npz\n"
        "cortifold stimulus set clean --temporal-frequency 4 --pre 0.5 --post 0.5 -o clean.h5\n"
        "cortifold stimulus grating --spatial-frequency 0.04 --temporal-frequency 2 --wave sine -o sine.npz\n"
        "cortifold stimulus flow --dots 3 --polarity neg --diameter 2 --spacing 2 --blocks 9 --flat -o flow.h5\n"
        "cortifold stimulus still photo.png --scale 0.5 --shift exact --step 1.5 -o moved.npy\n"
        "cortifold stimulus grating --width 800 --height 600 --frames 1 --png stills",
    .params = params,
    .run = run,
    .cost = cost,
};
