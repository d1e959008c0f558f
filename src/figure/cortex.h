/* What the two ways of drawing maps of the cortex share; not installed. */
#ifndef CF_FIGURE_CORTEX_H
#define CF_FIGURE_CORTEX_H
#include "figure/draw.h"

/* Colours of a map: range (of all maps, or its own), and the colour of a region. */
typedef struct cf_cortex_range {
  double low, high;
} cf_cortex_range;
void cf_cortex_find_range(const cf_cortex_figure *spec, size_t map, cf_cortex_range *range);
void cf_cortex_colour(const cf_cortex_figure *spec, size_t map, const cf_cortex_range *range, size_t roi,
                      unsigned char rgb[3]);
/* Name and value of a region, for people. */
void cf_cortex_words(const cf_cortex_figure *spec, size_t map, size_t roi, char *buffer, size_t size);
/* Flat chart of all maps below `top`; returns the y below it. */
double cf_cortex_chart(cf_draw *draw, const cf_cortex_figure *spec, double top);
/* Room at the right that the colour bar takes, and the bar; nothing for categories. */
double cf_cortex_bar_room(const cf_cortex_figure *spec);
void cf_cortex_bar(cf_draw *draw, const cf_cortex_figure *spec, size_t map, double y, double height);
#endif
