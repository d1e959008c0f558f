/* Graphs and kernels in files: compressed rows as three members, edges as pairs of vertices. */
#ifndef CF_PIPELINE_GRAPH_FILES_H
#define CF_PIPELINE_GRAPH_FILES_H
#include <cortifold/graph.h>
#include <cortifold/pipeline.h>

/* A symmetric kernel: the members `kernel_data`, `kernel_indices`, `kernel_indptr` of a graph file (SciPy's CSR; an
 * address FILE:NAME looks for NAME_data and so on), or a dense square matrix. Entries that are 0 are dropped, the
 * diagonal is kept. result (may be NULL): the file is noted as an input. Errors: CF_ERR_INPUT naming file, member and
 * position (not square, not symmetric to 1e-8 of the largest entry, NaN, indices out of range). */
CF_CHECKED cf_status cf_load_kernel(cf_context *ctx, const char *address, cf_result *result, cf_graph **out);
/* The member `name` ("edges") beside the kernel of a graph file: (edge, 2) vertices, n of them in all; weights are the
 * member `name`_length where there is one, else 1. *out = NULL when the file has no such member. */
CF_CHECKED cf_status cf_load_edges(cf_context *ctx, const char *address, const char *name, size_t n, cf_graph **out);

/* Adds prefix_data (float64), prefix_indices (int32) and prefix_indptr (int64) to the arrays of a result. */
CF_CHECKED cf_status cf_put_graph(cf_context *ctx, cf_result *result, const char *prefix, const cf_graph *graph);
/* Adds name (edge, 2), i < j, int32, and with lengths also name_length. */
CF_CHECKED cf_status cf_put_edges(cf_context *ctx, cf_result *result, const char *name, bool lengths,
                                  const cf_graph *graph);
#endif
