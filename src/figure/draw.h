/* What the figures are drawn with; not installed. Lengths are points (1/72 inch), y grows downwards. */
#ifndef CF_FIGURE_DRAW_H
#define CF_FIGURE_DRAW_H
#include <cortifold/charts.h>
#include "figure/text.h"

typedef struct cf_draw {
  cf_context *ctx;
  cf_text body;
  const cf_figure_options *options;
  const char *kind; /* class of the root: cf-matrix ... */
  char id[80];
  double width; /* points */
  double top;   /* where content may begin, below the heading */
} cf_draw;

#define CF_MM    (72.0 / 25.4)
#define CF_INK   "#1f2328"
#define CF_MUTED "#59636e"
#define CF_FAINT "#d9dde2"
#define CF_BAND  "#e9edf1"
#define CF_TURN  6.283185307179586 /* of a circle, radians */

/* Starts a figure of standard width when the options give none. */
void cf_draw_begin(cf_draw *draw, cf_context *ctx, const char *kind, const cf_figure_options *options,
                   double standard_mm);
/* Adds the note below y = bottom and closes; frees the body in every case. */
cf_status cf_draw_finish(cf_draw *draw, double bottom, cf_figure **out);

typedef enum cf_anchor { CF_START, CF_MIDDLE, CF_END } cf_anchor;
/* Text with its baseline at (x, y); class "cf-text" or "cf-muted". Cut to `room` points when room > 0. angle in
 * degrees. */
typedef struct cf_type {
  double size, room, angle;
  cf_anchor anchor;
  bool bold, muted;
} cf_type;
void cf_draw_text(cf_draw *draw, double x, double y, cf_type type, const char *text);
void cf_draw_line(cf_draw *draw, const char *css, double x1, double y1, double x2, double y2, const char *stroke,
                  double width);

typedef struct cf_scale {
  double low, high, from, to;
} cf_scale;
double cf_scale_at(const cf_scale *scale, double value);

typedef struct cf_ticks {
  size_t n;
  double at[24];
  double low, high, step;
  int decimals, exponent; /* labels are at / 10^exponent */
} cf_ticks;
/* About `target` intervals of 1, 2 or 5 times a power of ten that cover low..high. */
void cf_ticks_make(double low, double high, int target, cf_ticks *out);
/* Limits of an axis: the data with a margin of 4 per cent, but no further than the ticks reach. */
void cf_ticks_limits(const cf_ticks *ticks, double low, double high, double *from, double *to);
const char *cf_ticks_label(const cf_ticks *ticks, size_t i, char *buffer, size_t size);

/* Axes on the scale with ticks inside its range; the title gets the power of ten. y axis at x; x axis at y. */
void cf_draw_y_axis(cf_draw *draw, const cf_scale *scale, const cf_ticks *ticks, double x, const char *title,
                    double title_x);
void cf_draw_x_axis(cf_draw *draw, const cf_scale *scale, const cf_ticks *ticks, double y, const char *title);
/* Width in points that the widest tick label takes at 6.5 points. */
double cf_ticks_width(const cf_ticks *ticks);
/* Colour key of categories, flowing in lines from (x, y) within room; returns the y below it. */
double cf_draw_legend(cf_draw *draw, double x, double y, double room, size_t groups, const char *const *name);

/* Axis title with the power of ten that the tick labels leave out. */
const char *cf_ticks_title(const cf_ticks *ticks, const char *title, char *buffer, size_t size);

/* ------------------------------------------- what figures of many panels share (panel.c, cloud.c) -- */
typedef struct cf_box {
  double x, y, w, h;
} cf_box;
/* w x h pixels as one picture that fills the box; `smooth`: interpolated. */
cf_status cf_draw_picture(cf_draw *draw, size_t w, size_t h, size_t channels, const unsigned char *pixel, cf_box box,
                          bool smooth);
/* Frame of a small panel: y axis at the left, x axis below, titles within the panel. `below`: room that the x axis
 * takes. */
void cf_draw_panel(cf_draw *draw, cf_box box, const cf_scale *x, const cf_ticks *tx, const char *x_title,
                   const cf_scale *y, const cf_ticks *ty, const char *y_title);
enum { CF_PANEL_BELOW = 23 };
/* Ticks of which two or more lie between low and high, where that is possible. */
void cf_ticks_inside(double low, double high, int target, cf_ticks *out);
/* Title of the y axis of a panel, turned, clear of the tick labels. */
void cf_draw_y_title(cf_draw *draw, cf_box box, const cf_ticks *ty, const char *title);
/* Room that a y axis with these ticks takes at the left of a panel. */
double cf_panel_left(const cf_ticks *ty);
/* Upright colour bar of the given height, ticks and title at its right. */
void cf_draw_colourbar(cf_draw *draw, cf_colour_map map, double low, double high, const char *quantity, double x,
                       double y, double height);
/* Lying colour bar, ticks below it; returns the y below. */
double cf_draw_colourbar_flat(cf_draw *draw, cf_colour_map map, double low, double high, const char *quantity, double x,
                              double y, double width);
void cf_hex(const unsigned char rgb[3], char hex[8]);
/* Rows: to the right, up, towards the eye (formula at the head of space.c). */
void cf_eye_turn(double azimuth, double elevation, double turn[3][3]);
/* Arms of the axes as the eye sees them, from (x, y). */
void cf_draw_triad(cf_draw *draw, const char *const axis_name[3], const double turn[3][3], double x, double y);
/* Every `stride`-th of n points and the last as the d attribute of a path, in tenths of a point. */
void cf_draw_steps(cf_draw *draw, size_t n, const double *x, const double *y, size_t stride);
/* Names below a row of positions, turned where they are too wide for their slot; returns the height they take. */
double cf_draw_names(cf_draw *draw, size_t n, const char *const *name, double first, double slot, double y);
/* White or black, whichever can be read on this colour. */
const char *cf_ink_on(const unsigned char rgb[3]);

/* Points already on the page: places, radius and opacity of each, drawn in `order`. */
typedef struct cf_cloud {
  size_t n;
  const double *x, *y;
  const double *radius, *opacity;
  const size_t *order;
  const char *const *label;
  bool light; /* dots without names in few colours: a smaller document */
} cf_cloud;
/* Range of the colouring's values as it is shown. */
void cf_colouring_range(const cf_colouring *colouring, size_t n, double *low, double *high);
cf_status cf_colouring_check(cf_context *ctx, const cf_colouring *colouring, size_t n);
/* Circles, or above CF_FIGURE_CIRCLES one picture of the box. */
cf_status cf_draw_cloud(cf_draw *draw, const cf_cloud *cloud, const cf_colouring *colouring, cf_box box);
/* Legend with counts or colour bar below a panel; returns the y below it. */
double cf_draw_key(cf_draw *draw, const cf_colouring *colouring, size_t n, double x, double y, double room);

#endif
