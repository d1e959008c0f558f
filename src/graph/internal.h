/* Shared inside graph, and by the modules that stand on it. */
#ifndef CF_GRAPH_INTERNAL_H
#define CF_GRAPH_INTERNAL_H
#include <cortifold/graph.h>

/* Loops that the compiler makes a version of for each vector width; which one runs is chosen at load time. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define CF_CLONES __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define CF_CLONES
#endif

/* Squared distances (n x n) fit for a graph: finite, symmetric, zero on the diagonal, no two points at one place.
 * made_here: by cf_squared_distances, which leaves less to look at. *least is the smallest off the diagonal. Errors:
 * CF_ERR_INPUT naming the two points; CF_ERR_USAGE (n < 2). */
CF_CHECKED cf_status cf_squared_check(cf_context *ctx, size_t n, const double *squared, bool made_here, double *least);
/* Gabriel graph of distances that were checked. */
CF_CHECKED cf_status cf_gabriel_checked(cf_context *ctx, size_t n, const double *squared, double least,
                                        bool single_precision, cf_graph **out);
#endif
