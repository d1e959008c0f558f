/* What `cortifold diffuse` computes, between its two files. */
#ifndef CF_PIPELINE_DIFFUSE_H
#define CF_PIPELINE_DIFFUSE_H
#include <cortifold/manifold.h>
#include <cortifold/pipeline.h>

/* One set of codes over the points, and how the graph keeps to them. */
typedef struct cf_diffuse_group {
  char *name; /* the address as given */
  cf_array *labels;
  double *share; /* point */
  cf_mixing mixing;
} cf_diffuse_group;

typedef struct cf_diffuse {
  const char *address;
  size_t n, embed, axes, components, largest, negative; /* points of the largest component; values below 0 */
  cf_diffusion_options o;
  cf_graph *kernel, *edges; /* edges NULL: the file has none */
  cf_array *label;          /* of the points, NULL: none */
  double residual;
  double *coordinates, *values;  /* n x dims, dims + 1 */
  double *embedding, *explained; /* n x axes, axes */
  double *isomap, *isomap_values, *heat;
  double heat_time;
  cf_clustering *clusters;
  size_t min_size, hops;
  double *ncd, *degree_dimension, *dimension;
  cf_diffuse_group *group;
  size_t groups;
} cf_diffuse;

/* Values, arrays and a few lines of text of what was computed. */
CF_CHECKED cf_status cf_diffuse_report(cf_context *ctx, const cf_diffuse *d, cf_result *result);
#endif
