/* Parts of `cortifold space`. */
#ifndef CF_PIPELINE_SPACE_H
#define CF_PIPELINE_SPACE_H
#include "pipeline/models.h"

typedef struct space_job {
  cf_models m;
  double *a; /* models x kept: regions without NaN; NULL with distances */
  size_t kept;
  size_t *roi; /* kept: which region of the file */
  cf_space_metric metric;
  const char *metric_name;
  double *distance;
  cf_permute_options permute;
  size_t *strata, strata_count;
  size_t *dataset, datasets; /* NULL: not given */
  cf_array *dataset_name;
  size_t *family, families; /* NULL: not given */
  cf_array *family_name;
  bool nested;     /* each data set has one group only */
  double *crossed; /* groups x datasets: models */

  /* positions */
  size_t components;
  double *component, *score, *variance, *ratio; /* PCA of the alignment; NULL with distances */
  double *position, *axis_value;                /* classical scaling of the distances, components axes */
  double *merge;
  size_t clusters, *kmeans, *tree_code;
  double kmeans_within, kmeans_ari, tree_ari;
  cf_linkage linkage;

  /* tests */
  cf_permuted permanova, permdisp, anosim, silhouette;
  cf_group_pair *pair;
  size_t pairs;
  cf_permdisp_options dispersion;
  double *spread, *spread_mean, negative;
  double *width, *group_width; /* silhouettes; of the groups */

  /* regions: of all in the file, NaN where left out */
  double *f, *f_p, *f_q, *eta2, *h, *h_p, *h_q;
  cf_convergence c; /* of the kept regions */
  double *conv[8];  /* its arrays over all regions, in the order of space_convergence_name */
  double *winner;
  size_t *spins, spin_count; /* spin_count x rois; NULL: not given */
  double *network_mean;      /* models x networks */
  double *contraction;
  double *net_f, *net_p, *net_q; /* networks: one-way ANOVA of their means over the groups */
  cf_twoway twoway;
} space_job;

enum { SPACE_CONVERGENCE = 8 };
extern const char *const space_convergence_name[SPACE_CONVERGENCE];

/* Positions, trees and clusters; tests of groups; what is done region by region. */
CF_CHECKED cf_status space_positions(cf_context *ctx, const cf_options *options, space_job *j);
CF_CHECKED cf_status space_tests(cf_context *ctx, const cf_options *options, space_job *j);
CF_CHECKED cf_status space_regions(cf_context *ctx, const cf_options *options, space_job *j);
CF_CHECKED cf_status space_report(cf_context *ctx, const cf_options *options, const space_job *j, cf_result *result);
#endif
