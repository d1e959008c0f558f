/* What an `encode` result holds, as figures need it; not installed. */
#ifndef CF_REPORT_ENCODING_H
#define CF_REPORT_ENCODING_H
#include "report/page.h"

enum { CF_MOST_COLOURINGS = 64, CF_MANY_POINTS = 400 /* drawn lightly inside the page */ };

typedef struct cf_encoding {
  size_t n;           /* points with a finite place; 0: no embedding */
  size_t rows;        /* points of the result */
  size_t *row;        /* of each point in the result's arrays */
  double *point;      /* n x 3 */
  const char **label; /* n; may be NULL */
  cf_colouring colouring[CF_MOST_COLOURINGS];
  const char *unit[CF_MOST_COLOURINGS];
  size_t colourings, shown; /* the factors come last and are not shown for single neurons */
  size_t cluster;           /* the colouring by cluster; SIZE_MAX: none */
  size_t coordinates;
  double *coordinate; /* n x coordinates */
  size_t stimuli, directions, times;
  double *map; /* n x stimuli x directions x times; may be NULL */
  const char **stimulus_name;
  double *direction, *time;
} cf_encoding;

/* In scratch memory of the page's context. */
cf_status cf_encoding_read(cf_page *page, const cf_part *part, cf_encoding *out);
/* A few neurons' response maps, in rows and around the manifold; nothing when there are no maps. */
cf_status cf_page_examples(cf_page *page, const cf_part *part, const cf_encoding *encoding);
/* Activity of clusters and other groups over time; nothing when there are no maps. */
cf_status cf_page_activity(cf_page *page, const cf_part *part, const cf_encoding *encoding);
void cf_encoding_view(const cf_encoding *encoding, cf_cloud_view *view);

#endif
