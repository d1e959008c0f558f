/* cortifold/stimulus.h - visual stimuli: gratings, flows of dots, movies from
 * stills, bars, flashes, chirps and noise, made frame by frame.
 *
 * All lengths are pixels, all angles degrees: direction 0 moves to the right,
 * 90 up the screen, anticlockwise. Grey levels are 0 .. 255. The same options
 * and seed give the same bytes for any number of threads.                   */
#ifndef CORTIFOLD_STIMULUS_H
#define CORTIFOLD_STIMULUS_H

#include <cortifold/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Pixels a degree of visual angle over a screen: width_px / (2 atan(width_cm / (2 distance_cm))), atan in degrees. */
CF_API double cf_pixels_per_degree(double width_px, double width_cm, double distance_cm);

typedef enum cf_clip_kind {
  CF_CLIP_GRATING,
  CF_CLIP_FLOW,
  CF_CLIP_STILL,
  CF_CLIP_BAR,
  CF_CLIP_FLASH,
  CF_CLIP_CHIRP,
  CF_CLIP_NOISE
} cf_clip_kind;
CF_API const char *cf_clip_kind_name(cf_clip_kind kind);

/* One clip: `before` frames of the interval's grey, `frames` of the stimulus, `after` of grey again. */
typedef struct cf_clip_options {
  cf_clip_kind kind;
  size_t width, height; /* of the screen, pixels */
  double rate;          /* frames a second */
  size_t before, frames, after;
  size_t fade; /* frames over which the stimulus comes up at its beginning and goes down at its end: k / fade */
  double direction;
  uint64_t seed, task; /* name the random stream ... */
  uint32_t instance;   /* ... and this */
  double foreground, background, interval;
  double speed;         /* pixels a second along the direction */
  double aperture;      /* diameter of a circle about the centre outside of which the interval's grey stays; 0: none */
  double aperture_edge; /* width over which it fades, as a raised cosine */
  bool hard;            /* pixels are taken at their centres; else by the share of their area that is covered */

  /* grating, and the width of a moving bar */
  double bar;       /* half a period */
  double phase;     /* of a period, along the direction; at 0 an edge lies on the centre */
  bool sine;        /* luminance is a sine between foreground and background */
  double bar_limit; /* bar: length across the motion; 0: over the whole screen */

  /* flow: one element a cell of side `spacing`, each a row of touching discs across its heading */
  size_t dots;
  double diameter, spacing;
  double spread;     /* sd of the field's directions about the direction, radians */
  double jitter;     /* sd of starting positions, in spacings */
  double separation; /* weight of the force that keeps elements apart */
  double force;      /* limit of a force, pixels a (1 / step_rate s)^2 */
  double tile;       /* side of a tile of the field, in spacings */
  double step_rate;  /* steps of the motion a second; other frame rates see straight lines between them */
  size_t settle;     /* steps before the first frame */
  bool rigid;        /* no forces: every element moves exactly along the direction */
  bool exact_speed; /* raise the limit of velocities until the elements' mean progress is the speed: forces take some */

  /* still: a picture shifted on a torus, then cut about its centre to the screen */
  const unsigned char *still; /* still_height x still_width; copied */
  size_t still_width, still_height;
  double scale; /* the picture is scaled first, by Lanczos windows of three lobes widened by 1 / scale */
  bool axes;    /* steps are whole pixels on each axis that the direction has a part on, as published: diagonals are
                 * faster by sqrt 2; else the speed is that along the direction, between pixels bilinearly */

  /* flash: `cycles` of foreground and background; chirp: steps, then a sweep of frequency, then one of contrast */
  double on, off; /* seconds */
  size_t cycles;
  double chirp_low, chirp_high, chirp_hz; /* Hz: range of the sweep, and of the contrast sweep */

  /* noise: white noise whose spectrum falls as frequency^-exponent, moved */
  double exponent;
  bool mirror; /* at the border the picture comes back mirrored; else it is a torus */
} cf_clip_options;
/* Defaults: FlowStims' where it has them (a flow of single bright dots of 1.5 degrees on 800 x 600 pixels). */
CF_API cf_clip_options cf_clip_defaults(cf_clip_kind kind);

typedef struct cf_clip cf_clip;
/* Prepares a clip; flows are simulated here, noise is drawn. Errors: CF_ERR_USAGE (which option is out of range).
 * Cost of a flow: steps x elements x neighbours. */
CF_API CF_CHECKED cf_status cf_clip_new(cf_context *ctx, const cf_clip_options *options, cf_clip **out);
CF_API void cf_clip_free(cf_clip *clip);
CF_API const cf_clip_options *cf_clip_settings(const cf_clip *clip);
/* The picture that a still or noise moves; NULL for other kinds. */
CF_API const unsigned char *cf_clip_picture(const cf_clip *clip, size_t *width, size_t *height);
/* before + frames + after. */
CF_API size_t cf_clip_length(const cf_clip *clip);
/* Frames first .. first + n - 1, in parallel, each height x width. */
CF_API CF_CHECKED cf_status cf_clip_frames(cf_context *ctx, const cf_clip *clip, size_t first, size_t n,
                                           unsigned char *out);
/* Length of what chirp and flash show, and of a bar's way over the screen, in frames. */
CF_API size_t cf_clip_natural_frames(const cf_clip_options *options);
/* Flow: elements, and where each is at a stimulus frame (x to the right, y down; positions go on beyond the torus,
 * whose sides are side[0] and side[1]). NULL for other kinds. */
CF_API size_t cf_clip_elements(const cf_clip *clip, double side[2]);
CF_API void cf_clip_positions(const cf_clip *clip, size_t frame, double *xy /* elements x 2 */);

/* -------------------------------------------------------------- pictures -- */

/* Scales a grey picture by Lanczos windows (three lobes, widened by the scale when smaller), edges as the window meets
 * them; out has round(height scale) x round(width scale) pixels: see cf_picture_scaled. */
CF_API void cf_picture_size(size_t width, size_t height, double scale, size_t *out_width, size_t *out_height);
CF_API CF_CHECKED cf_status cf_picture_scale(cf_context *ctx, size_t width, size_t height, const unsigned char *from,
                                             double scale, unsigned char *out);

/* -------------------------------------------------------------- measures -- */

/* What a picture shows, found from its pixels alone. NaN where there is nothing of the kind. */
typedef struct cf_picture_measures {
  double mean, low, high; /* grey: of all pixels; the two commonest levels, darker first */
  double bar;             /* grating: distance of its edges along the direction */
  double diameter;        /* dots: of a disc, from the area of an element; its extents along and across the direction */
  double along, across;
  double spacing;  /* sqrt(area / elements) */
  double coverage; /* share of the picture that is foreground */
  size_t elements; /* whole ones that were measured */
} cf_picture_measures;
/* direction: along which bars lie; background: the grey behind dots, and how many discs an element has; dots 0: a
 * grating. */
CF_API CF_CHECKED cf_status cf_picture_measure(cf_context *ctx, size_t width, size_t height,
                                               const unsigned char *picture, double direction, size_t dots,
                                               double background, cf_picture_measures *out);
/* Displacement along the direction from picture a to picture b, pixels. With a period (gratings): by the phase of its
 * edges, within half of it. Without (NaN): the maximum of their correlation within +- most. NaN for pictures without
 * contrast. */
CF_API CF_CHECKED cf_status cf_picture_motion(cf_context *ctx, size_t width, size_t height, const unsigned char *a,
                                              const unsigned char *b, double direction, double period, double most,
                                              double *out);

/* ---------------------------------------------------------------- trials -- */

/* A sequence of presentations: in each block every class shows each direction once; every class comes up before any
 * does again, in an order drawn anew; directions are drawn per class and block. Block b shows instance b mod instances.
 * order: blocks x classes x directions entries of class, direction, instance and block. blocks 0: all classes,
 * directions and instances once, in that order. */
typedef struct cf_trial {
  size_t stimulus, direction, instance, block;
} cf_trial;
CF_API CF_CHECKED cf_status cf_trial_order(cf_context *ctx, size_t classes, size_t directions, size_t instances,
                                           size_t blocks, cf_trial **out, size_t *count);

/* ------------------------------------------------------------------ sets -- */

/* The eleven published classes in their published order. diameter or bar in degrees; dots 0: a grating. */
typedef struct cf_stimulus_class {
  const char *name;
  double size;
  size_t dots;
  bool bright;
} cf_stimulus_class;
enum { CF_STIMULUS_CLASSES = 11 };
CF_API const cf_stimulus_class *cf_stimulus_class_at(size_t i); /* NULL past the end */

#ifdef __cplusplus
}
#endif
#endif
