/* What the files of the stimuli share. */
#ifndef CF_STIMULUS_INTERNAL_H
#define CF_STIMULUS_INTERNAL_H
#include "base/internal.h"
#include <cortifold/stimulus.h>
#include <math.h>

#define CF_PI 3.14159265358979323846

/* A heading on the screen: x to the right, y up. Exact for multiples of 90 degrees, equal parts for those of 45. */
typedef struct cf_heading {
  double x, y;
} cf_heading;
cf_heading cf_heading_of(double degrees);

/* The path of a flow: element e at step s is at (x, y), its row of discs lies along (across_x, across_y); y down. */
typedef struct cf_flow_point {
  double x, y, across_x, across_y;
} cf_flow_point;
typedef struct cf_flow_path {
  size_t elements, steps, columns, rows;
  double side[2];       /* of the torus */
  cf_flow_point *point; /* steps x elements; positions go on beyond the torus */
} cf_flow_path;

struct cf_clip {
  cf_clip_options o;
  cf_heading heading;
  cf_flow_path path;
  unsigned char *picture; /* still, scaled; noise */
  size_t picture_width, picture_height;
};

/* flow.c: steps that the stimulus frames need, from frame 0 on. */
cf_status cf_flow_simulate(cf_context *ctx, const cf_clip_options *o, cf_flow_path *out);
/* Element e at a stimulus frame, between steps along a straight line. */
cf_flow_point cf_flow_at(const cf_clip_options *o, const cf_flow_path *path, size_t e, size_t frame);

/* One stimulus frame as levels before aperture and fading, out: height x width. */
void cf_clip_draw_flow(const cf_clip *clip, size_t frame, double *out);
void cf_clip_draw_grating(const cf_clip *clip, size_t frame, double *out);
void cf_clip_draw_bar(const cf_clip *clip, size_t frame, double *out);
cf_status cf_clip_draw_picture(cf_context *ctx, const cf_clip *clip, size_t frame, double *out);
double cf_field_level(const cf_clip_options *o, size_t frame); /* flash and chirp: one grey over the screen */
double cf_chirp_seconds(void);

/* noise.c: a picture of 0 .. 255 with the spectrum of the options. */
cf_status cf_noise_picture(cf_context *ctx, const cf_clip_options *o, unsigned char *out);
/* fft.c: in place, n complex numbers (re, im), unscaled; any n >= 1. scratch: 4 n doubles. */
void cf_fft(size_t n, double *data, double *scratch, bool inverse);

#endif
