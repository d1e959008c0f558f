/* Options and results of adaptive neighbourhoods, which `graph` and the analyses that contain it share. */
#ifndef CF_PIPELINE_GRAPH_RESULT_H
#define CF_PIPELINE_GRAPH_RESULT_H
#include <cortifold/manifold.h>
#include <cortifold/pipeline.h>

/* Rows of an analysis' option table. */
#define CF_GRAPH_OPTIONS                                                                                                \
  {"objective",                                                                                                         \
   0,                                                                                                                   \
   CF_PARAM_CHOICE,                                                                                                     \
   "HOW",                                                                                                               \
   "exact",                                                                                                             \
   0,                                                                                                                   \
   0,                                                                                                                   \
   "exact|greedy",                                                                                                      \
   "Scales of the points: the programme solved to its optimum, or one walk over the edges as published for many "       \
   "points (not optimal, depends on the order of the points)."},                                                        \
      {"threshold",                                                                                                     \
       0,                                                                                                               \
       CF_PARAM_CHOICE,                                                                                                 \
       "NAME",                                                                                                          \
       "c3",                                                                                                            \
       0,                                                                                                               \
       0,                                                                                                               \
       "c3|c2|mad|normal-mad|iqr|sd",                                                                                   \
       "Estimator of location and spread of the volume ratios; an edge is pruned from location + 4.5 spread on."},      \
      {"median-tolerance",                                                                                              \
       0,                                                                                                               \
       CF_PARAM_REAL,                                                                                                   \
       "X",                                                                                                             \
       "0.1",                                                                                                           \
       1e-6,                                                                                                            \
       10,                                                                                                              \
       NULL,                                                                                                            \
       "How far the median volume ratio may be from 1 before the connectivity is tuned."},                              \
      {"prune-share",                                                                                                   \
       0,                                                                                                               \
       CF_PARAM_REAL,                                                                                                   \
       "X",                                                                                                             \
       "0.1",                                                                                                           \
       1e-9,                                                                                                            \
       1,                                                                                                               \
       NULL,                                                                                                            \
       "Share of the candidates that lose an edge in one iteration, at least one."},                                    \
      {"most-prunes", 0, CF_PARAM_INTEGER, "N", "0", 0, 1e9, NULL, "Most edges pruned in one iteration; 0: no limit."}, \
      {"most-iterations",                                                                                               \
       0,                                                                                                               \
       CF_PARAM_INTEGER,                                                                                                \
       "N",                                                                                                             \
       "0",                                                                                                             \
       0,                                                                                                               \
       1e9,                                                                                                             \
       NULL,                                                                                                            \
       "Most iterations that prune; 0: until no candidate is left."},                                                   \
      {"kernel-floor", 0, CF_PARAM_REAL, "X", "1e-8", 0, 0.5, NULL, "Kernel values below are 0 and are not kept."},     \
      {"neighbours",                                                                                                    \
       0,                                                                                                               \
       CF_PARAM_INTEGER,                                                                                                \
       "K",                                                                                                             \
       "0",                                                                                                             \
       0,                                                                                                               \
       1e9,                                                                                                             \
       NULL,                                                                                                            \
       "For many points: edges, volume ratios and kernel only between points of which one is among the K nearest of "   \
       "the other, in memory that grows with K and not with the number of points squared; 0: all (ours)."},             \
      {"connect",                                                                                                       \
       0,                                                                                                               \
       CF_PARAM_CHOICE,                                                                                                 \
       "HOW",                                                                                                           \
       "none",                                                                                                          \
       0,                                                                                                               \
       0,                                                                                                               \
       "none|mst",                                                                                                      \
       "mst: the edges of the minimum spanning tree of all points, which are Gabriel edges, are in the graph whatever " \
       "--neighbours is and are never pruned, so that the graph stays in one piece (ours)."},                           \
      {"multi-scale",                                                                                                   \
       0,                                                                                                               \
       CF_PARAM_FLAG,                                                                                                   \
       NULL,                                                                                                            \
       NULL,                                                                                                            \
       0,                                                                                                               \
       0,                                                                                                               \
       NULL,                                                                                                            \
       "Cap the threshold at 3: where sampling has several scales the volume ratios spread so far that the threshold "  \
       "would let wide neighbourhoods pass (the cap is published, its place in the loop is ours)."},                    \
  {                                                                                                                     \
    "single-precision", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL,                                                       \
        "Decide the edges of the Gabriel graph in single precision, as the published code does."                        \
  }

void cf_graph_options_read(const cf_options *options, cf_ian_options *out);
/* The JSON object of the numbers; NULL when memory is short. */
cf_json *cf_graph_values(cf_context *ctx, const cf_ian *ian, const cf_ian_options *o);
/* kernel_*, edges, gabriel, scale, first_scale, delta, delta_weighted, disconnected, degree, weighted_degree and
 * history/...; label (may be NULL) names the points. keep (n, NULL: all) leaves points out: then `gabriel` is cut to
 * them like the rest. */
CF_CHECKED cf_status cf_graph_arrays(cf_context *ctx, const cf_ian *ian, const bool *keep, const cf_array *label,
                                     cf_result *result);
CF_CHECKED cf_status cf_graph_summary(cf_context *ctx, const cf_ian *ian, cf_result *result);
#endif
