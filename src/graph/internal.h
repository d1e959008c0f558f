/* Shared inside graph, and by the modules that stand on it. */
#ifndef CF_GRAPH_INTERNAL_H
#define CF_GRAPH_INTERNAL_H
#include "base/internal.h"
#include <cortifold/graph.h>

/* Squared distances (n x n) fit for a graph: finite, symmetric, zero on the diagonal, no two points at one place.
 * made_here: by cf_squared_distances, which leaves less to look at. *least is the smallest off the diagonal. Errors:
 * CF_ERR_INPUT naming the two points; CF_ERR_USAGE (n < 2). */
CF_CHECKED cf_status cf_squared_check(cf_context *ctx, size_t n, const double *squared, bool made_here, double *least);
/* Gabriel graph of distances that were checked. */
CF_CHECKED cf_status cf_gabriel_checked(cf_context *ctx, size_t n, const double *squared, double least,
                                        bool single_precision, cf_graph **out);

/* sum[j] += (x - y[j])^2: one coordinate of a row of squared distances. */
void cf_add_squares(size_t n, double x, const double *restrict y, double *restrict sum);

/* Points, or their squared distances (n x n, checked): distances on demand, without an n x n matrix of our own. */
typedef struct cf_cloud {
  size_t n, dims;
  const double *points;  /* n x dims row-major; NULL: squared is given */
  const double *columns; /* dims x n */
  const double *squared;
} cf_cloud;
/* points or squared, the other NULL; columns live in ctx's scratch. Errors: CF_ERR_INPUT (NaN or infinity, named). */
CF_CHECKED cf_status cf_cloud_init(cf_context *ctx, size_t n, size_t dims, const double *points, const double *squared,
                                   cf_cloud *out);
double cf_cloud_squared(const cf_cloud *cloud, size_t i, size_t j);
/* The pairs ij with j among the k nearest of i, or i among those of j (equal distances: the first points), and with
 * `spanning` also those of the minimum spanning tree; weights are squared distances. *least is the smallest. O(n^2
 * dims) time, O(n k) memory. Errors: CF_ERR_INPUT (duplicates, named; a distance too large). */
CF_CHECKED cf_status cf_cloud_nearest(cf_context *ctx, const cf_cloud *cloud, size_t k, bool spanning, cf_graph **out,
                                      double *least);
/* The edges of the Gabriel graph that are among these pairs: exact for them, because a point that rules out ij is
 * nearer to i and to j than these to each other. Weights are lengths. */
CF_CHECKED cf_status cf_gabriel_near(cf_context *ctx, const cf_cloud *cloud, const cf_graph *near, double least,
                                     bool single_precision, cf_graph **out);
#endif
