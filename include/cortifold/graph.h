/* cortifold/graph.h - neighbour graphs as compressed rows, and what is asked
 * of them: components, shortest paths, spanning trees, single linkage and
 * condensed trees.                                                          */
#ifndef CORTIFOLD_GRAPH_H
#define CORTIFOLD_GRAPH_H

#include <cortifold/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------- graphs -- */

/* Undirected graph of n vertices, or a symmetric sparse matrix: every edge stands in both rows, columns ascend within a
 * row. An adjacency graph has no self loops; a kernel holds its diagonal.   */
typedef struct cf_graph {
  size_t n;
  size_t *start;  /* n + 1: row i is start[i] .. start[i + 1] - 1 */
  uint32_t *to;   /* start[n] columns */
  double *weight; /* start[n] lengths or similarities */
} cf_graph;
/* Row starts are set, columns and weights are not. Errors: CF_ERR_MEMORY, CF_ERR_USAGE (n above 2^32 - 1). */
CF_API CF_CHECKED cf_status cf_graph_new(cf_context *ctx, size_t n, const size_t *degree, cf_graph **out);
/* From edges given once each, in any order and direction (a == b is a self loop, stored once); weight NULL: 1. Errors:
 * CF_ERR_INPUT (vertex out of range, an edge twice). O(n + edges log degree). */
CF_API CF_CHECKED cf_status cf_graph_from_edges(cf_context *ctx, size_t n, size_t edges, const uint32_t *a,
                                                const uint32_t *b, const double *weight, cf_graph **out);
/* The vertices that keep names, in order, and the edges between them. O(n + edges). */
CF_API CF_CHECKED cf_status cf_graph_subset(cf_context *ctx, const cf_graph *graph, const bool *keep, cf_graph **out);
CF_API void cf_graph_free(cf_graph *graph);
static inline size_t cf_graph_degree(const cf_graph *g, size_t i) {
  return g->start[i + 1] - g->start[i];
}
/* Position of edge (i, j) in `to` and `weight`; SIZE_MAX when there is none. O(log degree). */
CF_API size_t cf_graph_edge(const cf_graph *graph, size_t i, size_t j);

/* Squared distances of n points (n x dims row-major): n x n, exactly symmetric, zero diagonal, from differences of the
 * coordinates. Errors: CF_ERR_INPUT (NaN or infinity, named). O(n^2 dims). */
CF_API CF_CHECKED cf_status cf_squared_distances(cf_context *ctx, size_t n, size_t dims, const double *points,
                                                 double *squared);
/* Gabriel graph of n points (n x dims row-major): edge ij, with its length, unless some k has
 * d2_ik + d2_jk <= d2_ij + 10 eps (distances in units of the smallest off-diagonal one, as the published code
 * scales them). single_precision: decisions as the published code takes them in float32, eps that of float. Errors:
 * CF_ERR_INPUT (duplicate points, named; NaN), CF_ERR_USAGE (n < 2). O(n^2 dims) and about O(n^2) tests when points
 * have few neighbours, O(n^3 / vector width) at worst; n^2 doubles of scratch. */
CF_API CF_CHECKED cf_status cf_graph_gabriel(cf_context *ctx, size_t n, size_t dims, const double *points,
                                             bool single_precision, cf_graph **out);
/* The same from squared distances (n x n, exactly symmetric, zero diagonal). */
CF_API CF_CHECKED cf_status cf_graph_gabriel_distances(cf_context *ctx, size_t n, const double *squared,
                                                       bool single_precision, cf_graph **out);

/* Connected components numbered by their first vertex: label n. O(n + edges). */
CF_API CF_CHECKED cf_status cf_graph_components(cf_context *ctx, const cf_graph *graph, size_t *label, size_t *count);
/* Lengths of the shortest paths from one vertex over weights as lengths (Dijkstra); INFINITY where there is no path.
 * Errors: CF_ERR_INPUT (a negative length or NaN). O((edges + n) log n). */
CF_API CF_CHECKED cf_status cf_graph_shortest(cf_context *ctx, const cf_graph *graph, size_t source, double *length);
/* All pairs, n x n, sources in parallel. O(n (edges + n) log n). */
CF_API CF_CHECKED cf_status cf_graph_shortest_all(cf_context *ctx, const cf_graph *graph, double *length);

/* ----------------------------------------------------------------- trees -- */

/* Minimum spanning tree (forest: INFINITY weights join the components in order of their first vertex) of a graph whose
 * weights are lengths, or of a full n x n matrix of lengths: n - 1 edges, ascending by weight, ties by vertices. */
typedef struct cf_tree_edge {
  uint32_t a, b;
  double weight;
} cf_tree_edge;
CF_API CF_CHECKED cf_status cf_tree_spanning(cf_context *ctx, const cf_graph *graph, cf_tree_edge *edge);
CF_API CF_CHECKED cf_status cf_tree_spanning_full(cf_context *ctx, size_t n, const double *length, cf_tree_edge *edge);
/* The same when lengths are made on demand: row() fills the n lengths from vertex i (that to itself is not looked at).
 * It is called once for every vertex, on the calling thread. Errors: CF_ERR_INPUT (NaN), those of row. O(n^2). */
typedef cf_status (*cf_length_row_fn)(cf_context *ctx, size_t i, double *length, void *payload);
CF_API CF_CHECKED cf_status cf_tree_spanning_rows(cf_context *ctx, size_t n, cf_length_row_fn row, void *payload,
                                                  cf_tree_edge *edge);

/* Single linkage from n - 1 ascending edges: merge (n - 1) x 4 of cluster a, cluster b, height, size; leaves are
 * 0..n-1, merge k makes n + k (SciPy's convention). */
CF_API CF_CHECKED cf_status cf_tree_single_linkage(cf_context *ctx, size_t n, const cf_tree_edge *edge, double *merge);

/* HDBSCAN's condensed tree of a single-linkage tree: a split counts when both sides have at least min_size points,
 * otherwise points fall out of the parent. lambda = 1 / height. Merges of equal height are undone one by one,
 * the last first, as in the hdbscan program: their order may matter to clusters of about min_size points. Errors:
 * CF_ERR_USAGE (min_size < 2), CF_ERR_INPUT (not a linkage). Reference: Campello, Moulavi & Sander (2013); McInnes &
 * Healy (2017).      */
typedef struct cf_condensed_row {
  size_t parent, child; /* clusters from n on (the root is n); children below n are points */
  double lambda;        /* 1 / height at which the child leaves the parent */
  size_t size;
} cf_condensed_row;
typedef struct cf_condensed_tree {
  size_t n, clusters, rows;
  cf_condensed_row *row;
} cf_condensed_tree;
CF_API CF_CHECKED cf_status cf_tree_condense(cf_context *ctx, size_t n, const double *merge, size_t min_size,
                                             cf_condensed_tree **out);
CF_API void cf_condensed_tree_free(cf_condensed_tree *tree);
/* Excess of mass (or leaves of the tree): label n, -1 = noise, clusters numbered by first appearance; stability one
 * value a cluster (may be NULL, room for tree->clusters; infinite when points coincide); *count clusters chosen. The
 * root is never chosen. */
CF_API CF_CHECKED cf_status cf_tree_select(cf_context *ctx, const cf_condensed_tree *tree, bool leaves, int *label,
                                           double *stability, size_t *count);

#ifdef __cplusplus
}
#endif
#endif
