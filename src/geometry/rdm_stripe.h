/* Stripes of columns: the unit of work of a pass over the data. */
#ifndef CF_GEOMETRY_RDM_STRIPE_H
#define CF_GEOMETRY_RDM_STRIPE_H
#include "geometry/rdm_internal.h"

/* One stripe: columns from .. from + w of the window. */
typedef struct stripe {
  const rdm_plan *plan;
  const double *x; /* row 0, first column of the stripe */
  ptrdiff_t row_step, col_step;
  size_t from, w;
} stripe;

stripe rdm_stripe_at(const rdm_plan *p, size_t index);
/* Mean of the rows of a cell over the stripe's columns; zero for an empty one, with keep_missing over what is finite.
 */
void rdm_cell_mean(const stripe *s, size_t cell, double *restrict out);
/* Moves on to the next window and has it in memory. */
CF_CHECKED cf_status rdm_next_window(cf_context *ctx, rdm_plan *p, bool *more);
#endif
