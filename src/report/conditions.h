/* Conditions (stimulus and direction) as points and trajectories; not installed. */
#ifndef CF_REPORT_CONDITIONS_H
#define CF_REPORT_CONDITIONS_H
#include "report/page.h"

enum { CF_CONDITION_COLOURINGS = 3 };

typedef struct cf_conditions {
  size_t n;                 /* 0: the result has none */
  const char *const *label; /* n; NULL: none */
  cf_colouring colouring[CF_CONDITION_COLOURINGS];
  size_t colourings; /* by stimulus, by direction, and what is added */
  size_t directions;
  bool repeats; /* what stands for directions are repeats: the responses named none */
} cf_conditions;

/* From the arrays stimulus_code and direction, in scratch memory. */
cf_status cf_conditions_read(cf_page *page, const cf_part *part, cf_conditions *out);
/* First three of `dims` coordinates of n x steps rows, those that are missing 0. */
cf_status cf_conditions_three(cf_page *page, size_t rows, size_t dims, const double *from, double **out);
/* Repeats are noisy one by one: their mean for each stimulus in place of them. */
cf_status cf_conditions_mean(cf_page *page, size_t steps, cf_conditions *c, const double **path);
/* Trajectories (n x steps x 3) that play over time, with their still figure. time: steps, may be NULL. */
cf_status cf_page_trajectories(cf_page *page, const cf_part *part, const char *stem, const char *title,
                               const char *caption, const cf_conditions *c, size_t steps, const double *path,
                               const double *time, const char *unit);
#endif
