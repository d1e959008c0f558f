/* cortifold/manifold.h - the shape of a cloud of points: iterated adaptive
 * neighbourhoods, diffusion maps, geodesics, clusters and local dimension.
 * spec: Dyballa & Zucker (2023), arXiv 2208.09123; Coifman & Lafon (2006).  */
#ifndef CORTIFOLD_MANIFOLD_H
#define CORTIFOLD_MANIFOLD_H

#include <cortifold/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------- iterated adaptive neighbourhoods -- */

typedef enum cf_ian_objective { CF_IAN_EXACT, CF_IAN_GREEDY } cf_ian_objective;
typedef enum cf_ian_threshold {
  CF_IAN_C3,
  CF_IAN_C2,
  CF_IAN_MAD,
  CF_IAN_NORMAL_MAD,
  CF_IAN_IQR,
  CF_IAN_SD
} cf_ian_threshold;

typedef struct cf_ian_options {
  cf_ian_objective objective; /* exact: the scale programme solved to its optimum; greedy: edge traversal */
  cf_ian_threshold threshold; /* estimator of location and spread of the volume ratio */
  double tolerance;           /* |median - 1| that needs no tuning; 0.1 */
  double prune_share;         /* share of the candidates pruned at once; 0.1 */
  size_t most_prunes;         /* cap on prunes per iteration; 0: none */
  size_t most_iterations;     /* 0: until nothing is left to prune */
  bool single_precision;      /* Gabriel decisions in float32, as published */
  double kernel_floor;        /* kernel values below are 0; 1e-8 */
  size_t neighbours;          /* 0: all points. K: Gabriel edges, volume ratios and kernel only between points of which
                                 one is among the K nearest of the other: O(n K) memory, O(n^2 dims) time */
  bool spanning;              /* edges of the minimum spanning tree of all points belong to the graph and stay: it is
                                 connected */
  bool multi_scale;           /* no threshold above 3, however much the volume ratios spread */
} cf_ian_options;
#define CF_IAN_OPTIONS_INIT                                                                                            \
  { CF_IAN_EXACT, CF_IAN_C3, 0.1, 0.1, 0, 0, false, 1e-8, 0, false, false }

typedef struct cf_ian_step { /* one iteration of the pruning */
  size_t pruned, edges;
  double connectivity, median, mean, threshold, sum_scale;
} cf_ian_step;

typedef struct cf_ian {
  size_t n, gabriel_edges, pruned, iterations, disconnected_count, steps;
  cf_graph *gabriel;              /* before pruning, weights are lengths in input units */
  cf_graph *graph;                /* after it */
  cf_graph *kernel;               /* K, diagonal 1 */
  double *scale, *first_scale;    /* sigma in input units: final; after the first tuning */
  double *delta, *delta_weighted; /* volume ratios; 0 for disconnected points */
  bool *disconnected;             /* n */
  double first_connectivity, unweighted_connectivity, connectivity;
  double median, weighted_median, mean, weighted_mean;
  cf_ian_step *step;     /* steps = iterations + the last look that pruned nothing */
  size_t solves, pivots; /* scale programmes solved, and simplex steps in all of them */
  double gap;            /* largest relative duality gap of these; 0 for the greedy objective */
} cf_ian;
/* points n x dims row-major. Errors: CF_ERR_INPUT (duplicates, NaN), CF_ERR_USAGE (n < 3; an option out of range),
 * CF_ERR_NUMERIC (the scale programme did not converge). */
CF_API CF_CHECKED cf_status cf_ian_points(cf_context *ctx, size_t n, size_t dims, const double *points,
                                          const cf_ian_options *options, cf_ian **out);
/* From squared distances, n x n symmetric with zero diagonal. */
CF_API CF_CHECKED cf_status cf_ian_distances(cf_context *ctx, size_t n, const double *squared,
                                             const cf_ian_options *options, cf_ian **out);
CF_API void cf_ian_free(cf_ian *ian);

/* ------------------------------------------------------------ diffusion -- */

typedef struct cf_diffusion_options {
  double alpha; /* 1: density removed, 0.5: Fokker-Planck, 0: Markov */
  double time;  /* t of lambda^t; 0: weights sqrt(1 / (1 - lambda)) */
  size_t dims;  /* coordinates beside the trivial one; 20 (fewer when n is small) */
} cf_diffusion_options;
#define CF_DIFFUSION_OPTIONS_INIT                                                                                      \
  { 1, 1, 20 }
/* q_i = sum_j K_ij; K~ = K / (q_i q_j)^alpha; d_i = sum_j K~_ij; Ms = d^-1/2 K~ d^-1/2 = U diag(lambda) U';
 * coordinates |lambda|^t U / sqrt(d) without the trivial first: n x dims, largest-magnitude entry positive; values
 * dims + 1, signed, by descending magnitude, the trivial 1 first. A kernel of several components has an eigenvalue 1
 * for each: then the first coordinates tell the components apart. residual (may be NULL): largest |Ms u - lambda u|.
 * options NULL: the defaults (dims must then be below n). Errors: CF_ERR_INPUT (a row that sums to 0, a negative
 * weight, NaN, a kernel that is not symmetric to 1e-8; n < 2; time 0 with several components), CF_ERR_USAGE (dims >= n;
 * alpha or time negative), CF_ERR_NUMERIC (no convergence). About 40 products of 8 vectors with the kernel where
 * its eigenvalues fall slowly, fewer where they fall quickly; little memory beside the kernel. */
CF_API CF_CHECKED cf_status cf_diffusion_map(cf_context *ctx, const cf_graph *kernel,
                                             const cf_diffusion_options *options, double *coordinates, double *values,
                                             double *residual);
/* The same of a full kernel, n x n. */
CF_API CF_CHECKED cf_status cf_diffusion_map_full(cf_context *ctx, size_t n, const double *kernel,
                                                  const cf_diffusion_options *options, double *coordinates,
                                                  double *values, double *residual);

/* Isomap: classical scaling of the graph's geodesics (its weights are lengths) over its largest component; coordinates
 * n x k, NaN outside it; values (may be NULL) k. Errors: CF_ERR_USAGE (k not below the points of that component),
 * CF_ERR_INPUT (a negative length). O(n (edges + n) log n), 2 n^2 memory. */
CF_API CF_CHECKED cf_status cf_isomap(cf_context *ctx, const cf_graph *graph, size_t k, double *coordinates,
                                      double *values);
/* Heat geodesics on a kernel, n x n: with L the Laplacian of K and D its degrees, G = (D + t L)^-1 and
 * d_ij = -c ln(G_ij / sqrt(G_ii G_jj)), a metric for every time t > 0 (in steps of the walk): small times count the
 * shortest ways, large ones all of them. c brings the median over the graph's edges to their median length; graph NULL:
 * c = sqrt(t). INFINITY between components. Errors: CF_ERR_USAGE (time), CF_ERR_INPUT (a negative weight, another
 * size), CF_ERR_NUMERIC (a time so short that nothing arrives). O(n^3), n^2 memory. Varadhan (1967); Crane, Weischedel
 * & Wardetzky (2013); Chebotarev (2011). */
CF_API CF_CHECKED cf_status cf_heat_geodesics(cf_context *ctx, const cf_graph *kernel, const cf_graph *graph,
                                              double time, double *distance);

/* ------------------------------------------------- clusters and dimension -- */

typedef struct cf_clustering {
  size_t n, clusters;
  int *label;        /* n, -1 = noise */
  double *merge;     /* (n - 1) x 4 single linkage of the mutual reachability */
  double *core;      /* n core distances */
  double *stability; /* clusters */
  cf_condensed_tree *tree;
} cf_clustering;
/* points n x dims (diffusion coordinates); core distance = largest distance to the graph's neighbours (INFINITY without
 * any). min_size: smallest cluster; 10. Errors: CF_ERR_INPUT (NaN; a graph of another size), CF_ERR_USAGE (min_size <
 * 2). O(n^2 dims) time, O(n) memory. */
CF_API CF_CHECKED cf_status cf_cluster_manifold(cf_context *ctx, size_t n, size_t dims, const double *points,
                                                const cf_graph *graph, size_t min_size, cf_clustering **out);
CF_API void cf_clustering_free(cf_clustering *clustering);

/* Local dimension by the neighbourhood correlation dimension (NCD) over `hops` (2; 3 for networks) and by degree; each
 * the mean over graph neighbours, NaN for a vertex without any. squared n x n in the space of the graph. n values each;
 * dimension (may be NULL) = the larger one. Errors: CF_ERR_INPUT (NaN; a graph of another size), CF_ERR_USAGE (hops).
 * O(n hood (hood + 1000)) for hoods of that many points. Dyballa & Zucker (2023). */
CF_API CF_CHECKED cf_status cf_local_dimension(cf_context *ctx, size_t n, const double *squared, const cf_graph *graph,
                                               size_t hops, double *ncd, double *degree, double *dimension);

/* How graph neighbours keep to their own code. share (n, may be NULL): of a vertex's neighbours, weighted by the kernel
 * on the edges when one is given, those of its own code (NaN without any). out: the same of the whole graph, what
 * degrees alone would give, Newman's assortativity (share - expected) / (1 - expected), and the null of the share when
 * codes are shuffled over the vertices (stream `task`; p one-sided; NaN without permutations or with one code only).
 * Errors: CF_ERR_USAGE (a code out of range), CF_ERR_INPUT (sizes; a negative weight). O(permutations x edges). Newman
 * (2003). */
typedef struct cf_mixing {
  double same, same_sd, same_least, same_most;     /* neighbours of the same code: mean, sd (over n), range */
  double other, other_sd, other_least, other_most; /* of another code */
  double same_weight; /* share of all off-diagonal weight of the kernel between equal codes; NaN without kernel */
  double share, expected, assortativity;
  double null_mean, null_sd, p; /* of the share */
  size_t permutations;
} cf_mixing;
CF_API CF_CHECKED cf_status cf_graph_mixing(cf_context *ctx, const cf_graph *graph, const cf_graph *kernel,
                                            const size_t *code, size_t codes, size_t permutations, uint64_t task,
                                            double *share, cf_mixing *out);

/* Points to leave out before a graph is built: the `far` with the largest and the `near` with the smallest distance to
 * their nearest neighbour (one of a close pair goes: the one whose second neighbour is closer). keep n. Errors:
 * CF_ERR_INPUT (NaN), CF_ERR_USAGE (fewer than 2 would stay). O(n^2 dims). */
CF_API CF_CHECKED cf_status cf_manifold_outliers(cf_context *ctx, size_t n, size_t dims, const double *points,
                                                 size_t far, size_t near, bool *keep);

#ifdef __cplusplus
}
#endif
#endif
