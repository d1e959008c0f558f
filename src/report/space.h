/* What the parts of the report on a space of models share. */
#ifndef CF_REPORT_SPACE_H
#define CF_REPORT_SPACE_H
#include "report/page.h"

typedef struct space {
  cf_stack distance; /* with labels and groups of the models */
  const char **label;
  cf_block point; /* models x components: scores, or principal coordinates */
  bool scores;
  double *ratio; /* explained share of the components; NULL: not known */
  size_t ratios;
  cf_block alignment; /* models x regions; value NULL: none */
  cf_brain brain;
  size_t *family, families; /* NULL: not known */
  const char **family_name;
} space;

/* Maps of groups and models, of convergence, boxes of networks, and the scheme of the analysis (space_maps.c). */
cf_status cf_space_draw_maps(cf_page *page, const cf_part *part, const space *s);
cf_status cf_space_draw_convergence(cf_page *page, const cf_part *part, const space *s);
cf_status cf_space_draw_boxes(cf_page *page, const cf_part *part, const space *s);
cf_status cf_space_draw_scheme(cf_page *page, const cf_part *part, const space *s);
#endif
