/* Surfaces of the cortex that results of regions are drawn on: options, and what reports need. Shared by `space`,
 * `snci`, `align`, `ceiling` and whatever else has a value for each region. */
#ifndef CF_PIPELINE_CORTEX_H
#define CF_PIPELINE_CORTEX_H
#include <cortifold/pipeline.h>

/* Rows for a table of parameters. */
#define CF_CORTEX_PARAMS                                                                                                     \
  {"surface-left",                                                                                                           \
   0,                                                                                                                        \
   CF_PARAM_ADDRESS,                                                                                                         \
   "FILE",                                                                                                                   \
   NULL,                                                                                                                     \
   0,                                                                                                                        \
   0,                                                                                                                        \
   NULL,                                                                                                                     \
   "Surface of the left hemisphere (GIFTI: points and triangles, mm) that the report draws maps of the regions on."},        \
      {"surface-right", 0, CF_PARAM_ADDRESS, "FILE", NULL, 0, 0, NULL, "Surface of the right hemisphere."}, {                \
    "parcels", 0, CF_PARAM_ADDRESS, "FILES", NULL, 0, 0, NULL,                                                               \
        "Region of each vertex: one CIFTI-2 file (labels, or any dense one when regions are its places), or one file a "     \
        "surface, LEFT,RIGHT (GIFTI labels, or numbers). Paired by name, else by number, else in order. Without it regions " \
        "are the vertices."                                                                                                  \
  }

/* Reads the surfaces and parcels, before anything is computed, and makes the arrays `cortex/place` (view, row, column:
 * 1 + region, 0 nothing, -1 cortex of no region) and `cortex/shade` (brightness); with `networks` also `network/of_roi`
 * and the value `networks` [{name}] from that option. The value `cortex` {hemispheres, shown, paired} says what was
 * found. roi (may be NULL) are the names of the rois. *out is NULL when none of the options was given. Errors:
 * CF_ERR_USAGE, CF_ERR_INPUT naming the file. Cost: about 0.1 s a view. */
CF_CHECKED cf_status cf_cortex_load(cf_context *ctx, const cf_options *options, bool networks, size_t rois,
                                    const cf_array *roi, cf_result *result, cf_dataset **out);
/* Moves the arrays into the result, behind its own; set may be NULL. */
CF_CHECKED cf_status cf_cortex_put(cf_context *ctx, cf_dataset *set, cf_result *result);

/* For the table of a command that has no networks of its own. */
#define CF_NETWORKS_PARAM                                                                                              \
  {                                                                                                                    \
    "networks", 0, CF_PARAM_ADDRESS, "FILE", NULL, 0, 0, NULL,                                                         \
        "One label a target: its network, by which the report sets regions together."                                  \
  }
#endif
