/* What the files of the report on the alignment space share. */
#ifndef CF_REPORT_NFAS_H
#define CF_REPORT_NFAS_H
#include "report/page.h"

enum { NFAS_MOST_GROUPS = 8 };

typedef struct nfas {
  size_t models, rois, groups;
  cf_block alignment;
  const char **model, **roi;
  size_t *group;
  const char **group_name; /* in the order of the tests */
} nfas;

/* Modes of depth, moduli of the stable ones, and the layers they live on (kind_nfas_modes.c). */
cf_status cf_nfas_draw_modes(cf_page *page, const cf_part *part, const nfas *x);
#endif
