/* What `diffuse` and `encode` both say of points on a manifold: clusters, mixing of labels, spread of a quantity. */
#ifndef CF_PIPELINE_MANIFOLD_RESULT_H
#define CF_PIPELINE_MANIFOLD_RESULT_H
#include <cortifold/manifold.h>
#include <cortifold/pipeline.h>

/* Adds one value a point; label (may be NULL) names the points. */
CF_CHECKED cf_status cf_points_put(cf_context *ctx, cf_result *result, const char *name, size_t n, const double *x,
                                   const cf_array *label);
/* Adds cluster (-1: none), core, merge and condensed. */
CF_CHECKED cf_status cf_clusters_put(cf_context *ctx, cf_result *result, const cf_clustering *clusters,
                                     const cf_array *label);
/* [{label, size, stability}]; points in none. */
cf_json *cf_clusters_json(const cf_clustering *clusters);
size_t cf_clusters_noise(const cf_clustering *clusters);
/* {share, expected, assortativity, same {mean, sd, min, max}, other, kernel_share, null_mean, null_sd, z, p,
 * permutations} */
cf_json *cf_mixing_json(const cf_mixing *mixing);
/* {median, quartiles, mean} of what is a number. */
CF_CHECKED cf_status cf_spread_json(cf_context *ctx, size_t n, const double *x, cf_json **out);
#endif
