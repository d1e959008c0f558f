/* cortifold/charts.h - more figures: maps of the cortex, values in groups, schemes.
 * What figure.h says of sizes, text and errors holds here too.               */
#ifndef CORTIFOLD_CHARTS_H
#define CORTIFOLD_CHARTS_H

#include <cortifold/figure.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------- cortex -- */

/* Values of regions, or the category of each with a strength from 0 (grey) to 1: one map. */
typedef struct cf_cortex_map {
  const char *name;       /* may be NULL */
  const double *value;    /* rois; NaN shows grey */
  const size_t *category; /* rois codes or CF_NO_GROUP; NULL: by value */
  const double *strength; /* of the categories; NULL: 1 */
  const char *quantity;   /* of its own colour bar, where maps have one each; NULL: that of all */
  bool diverging;         /* signed values, whatever the colours of the others */
} cf_cortex_map;
/* A picture of a surface, as cf_cortex_look makes it, with the region of each place. */
typedef struct cf_cortex_view {
  const char *name; /* "left lateral" */
  size_t width, height;
  const int32_t *place; /* width x height: 1 + region, 0 nothing, -1 cortex of no region */
  const unsigned char *shade;
} cf_cortex_view;
/* Maps of the cortex, all in one colour range unless each has its own. With views each map is drawn on them, up to
 * eight maps one below the other, more as a sheet. Without, a flat chart: a tile a region, networks beside one another,
 * the left hemisphere above the right. Errors: CF_ERR_USAGE (no regions, no maps, views of no size), CF_ERR_INPUT
 * (place, network or category out of range). */
typedef struct cf_cortex_figure {
  size_t rois, maps, views;
  const cf_cortex_map *map;
  const cf_cortex_view *view;
  const char *const *label; /* rois; NULL: numbers */
  const size_t *network;    /* rois; NULL: all in one */
  size_t networks;
  const char *const *network_name;
  const signed char *side; /* rois: -1 left, 1 right, 0 neither; NULL: not known */
  const char *quantity;    /* of the colour bar, with its unit */
  cf_colour_map colours;
  double low, high; /* of the colour bar; equal: that of the values, from 0 when none is negative */
  bool own_range;
  size_t groups; /* of the categories */
  const char *const *group_name;
  size_t smooth; /* places of a view that one pixel is the mean of, along a side; 0: 3 */
} cf_cortex_figure;
CF_API CF_CHECKED cf_status cf_figure_cortex(cf_context *ctx, const cf_cortex_figure *spec,
                                             const cf_figure_options *options, cf_figure **out);

/* --------------------------------------------------------- grouped values -- */

/* Series (groups of models) within blocks (networks), beside one another: bars from 0 with intervals and, behind each,
 * the band of its null; or, with samples, boxes (quartiles, median; whiskers to the last value within 1.5 quartile
 * ranges) with every value a dot. A text above a block ("***") is a mark. NaN: not known. Errors: CF_ERR_USAGE (nothing
 * to draw). */
typedef struct cf_block_value {
  double value, low, high;               /* a bar and its interval */
  double null_mean, null_low, null_high; /* band behind it */
  size_t n;                              /* samples; 0: a bar */
  const double *sample;
} cf_block_value;
typedef struct cf_blocks_figure {
  size_t blocks, series;
  const cf_block_value *value; /* blocks x series */
  const char *const *block_name, *const *series_name;
  const char *const *mark; /* blocks; entries and list may be NULL */
  const char *y_title;
  const char *mark_note; /* what marks mean, in the key; may be NULL */
} cf_blocks_figure;
CF_API CF_CHECKED cf_status cf_figure_blocks(cf_context *ctx, const cf_blocks_figure *spec,
                                             const cf_figure_options *options, cf_figure **out);

/* ------------------------------------------------------------------ scheme -- */

/* Steps of an analysis as boxes joined by arrows, left to right in lines: what happens, and how it was set. A step that
 * takes a second input has it above. Errors: CF_ERR_USAGE (no steps). */
typedef struct cf_scheme_step {
  const char *name;   /* "DMD along depth" */
  const char *detail; /* "rank 0.99, pooled"; wrapped; may be NULL */
  const char *gives;  /* at the arrow behind it: "λ, layer weights"; may be NULL */
  const char *input;  /* comes in from above: "fMRI"; may be NULL */
} cf_scheme_step;
typedef struct cf_scheme_figure {
  size_t count;
  const cf_scheme_step *step;
} cf_scheme_figure;
CF_API CF_CHECKED cf_status cf_figure_scheme(cf_context *ctx, const cf_scheme_figure *spec,
                                             const cf_figure_options *options, cf_figure **out);

#ifdef __cplusplus
}
#endif
#endif
