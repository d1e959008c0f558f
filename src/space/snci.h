/* The statistics of one group, shared by values, nulls and intervals. */
#ifndef CF_SPACE_SNCI_H
#define CF_SPACE_SNCI_H
#include <cortifold/space.h>

/* Everything of a group in one row: the regions, then CF_SNCI_SCALARS scalars, then the networks. */
static inline size_t cf_snci_width(const cf_snci_problem *p) {
  return p->rois + CF_SNCI_SCALARS + p->networks;
}
/* Statistics of `m` models, rows row[0 .. m - 1] of a (models x rois): values of cf_snci_width; mean and sd (rois) may
 * be NULL. work: room for 2 m + 3 rois doubles. Fewer than three models: NaN. */
void cf_snci_group(const cf_snci_problem *p, const cf_snci_options *o, const double *a, size_t m, const size_t *row,
                   double *values, double *mean, double *sd, double *work);
/* Members of a group into row; how many. */
size_t cf_snci_members(const cf_snci_problem *p, size_t group, size_t *row);
#endif
