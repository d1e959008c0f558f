/* Reading and writing of graphs: compressed rows and lists of edges. */
#include "pipeline/graph_files.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/internal.h"
#include <cortifold/io.h>

/* ------------------------------------------------------------- reading -- */

static cf_status read_doubles(cf_context *ctx, const char *address, const char *member, int ndim, bool required,
                              cf_array **out) {
  cf_status status = CF_OK;
  CF_TRY(cf_io_read_sibling(ctx, address, member, out));
  if (!*out && required)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the member `%s` is missing beside the rest of the graph", address, member));
  if (!*out) goto done;
  status = cf_array_to_doubles(ctx, *out);
  if (status == CF_OK && (*out)->ndim != ndim)
    status = cf_fail(ctx, CF_ERR_INPUT, "%s: the member `%s` has %d axes, not %d", address, member, (*out)->ndim, ndim);
done:
  return status;
}

/* A whole number from 0 to most, or SIZE_MAX. */
static size_t whole(double value, size_t most) {
  return value >= 0 && value <= (double)most && value == floor(value) ? (size_t)value : SIZE_MAX;
}

static cf_status check_symmetric(cf_context *ctx, const char *address, const cf_graph *g) {
  double most = 0;
  for (size_t k = 0; k < g->start[g->n]; k++) most = fmax(most, fabs(g->weight[k]));
  for (size_t i = 0; i < g->n; i++)
    for (size_t k = g->start[i]; k < g->start[i + 1]; k++) {
      const size_t twin = cf_graph_edge(g, g->to[k], i);
      const double other = twin == SIZE_MAX ? 0 : g->weight[twin];
      if (fabs(other - g->weight[k]) > 1e-8 * most)
        return cf_fail(ctx, CF_ERR_INPUT, "%s: the kernel is not symmetric: (%zu, %u) is %.9g, (%u, %zu) is %.9g",
                       address, i, g->to[k], g->weight[k], g->to[k], i, other);
    }
  return CF_OK;
}

/* One entry of the rows after the other; the diagonal and what is not 0 are kept. */
static cf_status add_entry(cf_context *ctx, const char *address, cf_graph *g, size_t row, size_t column, double value) {
  if (!isfinite(value))
    return cf_fail(ctx, CF_ERR_INPUT, "%s: entry (%zu, %zu) of the kernel is %s", address, row, column,
                   isnan(value) ? "NaN" : "infinite");
  if (value == 0 && row != column) return CF_OK;
  const size_t at = g->start[row + 1]++;
  g->to[at] = (uint32_t)column;
  g->weight[at] = value;
  return CF_OK;
}

static cf_status new_rows(cf_context *ctx, size_t n, size_t entries, cf_graph **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *degree = NULL;
  CF_TRY(CF_SCRATCH(ctx, &degree, n + 1));
  memset(degree, 0, (n + 1) * sizeof *degree);
  if (n > 0) degree[n - 1] = entries;
  CF_TRY(cf_graph_new(ctx, n, degree, out));
  memset((*out)->start, 0, (n + 1) * sizeof *(*out)->start);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status rows_from_compressed(cf_context *ctx, const char *address, const cf_array *data, const cf_array *index,
                                      const cf_array *start, cf_graph **out) {
  cf_status status = CF_OK;
  const double *x = data->data, *to = index->data, *from = start->data;
  const size_t entries = data->shape[0];
  cf_graph *g = NULL;
  if (start->shape[0] < 2 || index->shape[0] != entries)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %zu values, %zu indices and %zu row starts make no compressed rows", address,
                   entries, index->shape[0], start->shape[0]));
  const size_t n = start->shape[0] - 1;
  CF_TRY(new_rows(ctx, n, entries, &g));
  for (size_t i = 0; i < n; i++) {
    const size_t low = whole(from[i], entries), high = whole(from[i + 1], entries);
    if (low == SIZE_MAX || high == SIZE_MAX || low > high || (i == 0 && low != 0) || (i + 1 == n && high != entries))
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: row %zu is said to go from %g to %g of %zu values", address, i, from[i],
                     from[i + 1], entries));
    g->start[i + 1] = g->start[i];
    size_t last = SIZE_MAX;
    for (size_t k = low; k < high; k++) {
      const size_t column = whole(to[k], n - 1);
      if (column == SIZE_MAX || (last != SIZE_MAX && column <= last))
        CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: index %zu (row %zu) is %g; columns ascend within a row and end at %zu",
                       address, k, i, to[k], n - 1));
      last = column;
      CF_TRY(add_entry(ctx, address, g, i, column, x[k]));
    }
  }
  *out = g;
  g = NULL;
done:
  cf_graph_free(g);
  return status;
}

static cf_status rows_from_dense(cf_context *ctx, const char *address, cf_array *a, cf_graph **out) {
  cf_status status = CF_OK;
  cf_graph *g = NULL;
  CF_TRY(cf_array_to_doubles(ctx, a));
  const double *x = a->data;
  if (a->ndim != 2 || a->shape[0] != a->shape[1])
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                   "%s: a kernel is a square matrix, or a graph file with kernel_data, kernel_indices and "
                   "kernel_indptr; this array is neither",
                   address));
  const size_t n = a->shape[0];
  size_t entries = 0;
  for (size_t k = 0; k < n * n; k++) entries += x[k] != 0 || k / n == k % n;
  CF_TRY(new_rows(ctx, n, entries, &g));
  for (size_t i = 0; i < n; i++) {
    g->start[i + 1] = g->start[i];
    for (size_t j = 0; j < n; j++) CF_TRY(add_entry(ctx, address, g, i, j, x[i * n + j]));
  }
  *out = g;
  g = NULL;
done:
  cf_graph_free(g);
  return status;
}

cf_status cf_load_kernel(cf_context *ctx, const char *address, cf_result *result, cf_graph **out) {
  cf_status status = CF_OK;
  char *path = NULL, *member = NULL, *name[3] = {NULL, NULL, NULL};
  static const char *const part[3] = {"data", "indices", "indptr"};
  cf_array *a[3] = {NULL, NULL, NULL};
  cf_graph *g = NULL;
  *out = NULL;
  CF_TRY(cf_io_split(ctx, address, &path, &member));
  if (result) CF_TRY(cf_result_input(ctx, result, address));
  for (size_t i = 0; i < 3; i++) {
    CF_TRY(cf_sprintf(ctx, &name[i], "%s_%s", member ? member : "kernel", part[i]));
    CF_TRY(read_doubles(ctx, address, name[i], 1, i > 0, &a[i]));
    if (!a[0]) break;
  }
  if (a[0]) {
    CF_TRY(rows_from_compressed(ctx, address, a[0], a[1], a[2], &g));
  } else {
    CF_TRY(cf_io_read(ctx, address, "kernel|K|affinity|similarity", &a[0]));
    CF_TRY(rows_from_dense(ctx, address, a[0], &g));
  }
  CF_TRY(check_symmetric(ctx, address, g));
  *out = g;
  g = NULL;
done:
  cf_graph_free(g);
  for (size_t i = 0; i < 3; i++) {
    cf_array_free(a[i]);
    cf_free(name[i]);
  }
  cf_free(path);
  cf_free(member);
  return status;
}

cf_status cf_load_edges(cf_context *ctx, const char *address, const char *name, size_t n, cf_graph **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_array *pairs = NULL, *lengths = NULL;
  char *member = NULL;
  uint32_t *a = NULL, *b = NULL;
  *out = NULL;
  CF_TRY(read_doubles(ctx, address, name, 2, false, &pairs));
  if (!pairs) goto done;
  if (pairs->shape[1] != 2)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the member `%s` has %zu columns; an edge has two vertices", address, name,
                   pairs->shape[1]));
  const size_t edges = pairs->shape[0];
  const double *v = pairs->data;
  CF_TRY(cf_sprintf(ctx, &member, "%s_length", name));
  CF_TRY(read_doubles(ctx, address, member, 1, false, &lengths));
  if (lengths && lengths->shape[0] != edges)
    CF_TRY(
        cf_fail(ctx, CF_ERR_INPUT, "%s: %zu lengths (`%s`) for %zu edges", address, lengths->shape[0], member, edges));
  CF_TRY(CF_SCRATCH(ctx, &a, edges + 1));
  CF_TRY(CF_SCRATCH(ctx, &b, edges + 1));
  for (size_t e = 0; e < edges; e++) {
    const size_t i = whole(v[2 * e], n), j = whole(v[2 * e + 1], n);
    if (i >= n || j >= n)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: edge %zu of `%s` joins %g and %g; there are %zu vertices", address, e,
                     name, v[2 * e], v[2 * e + 1], n));
    a[e] = (uint32_t)i;
    b[e] = (uint32_t)j;
  }
  status = cf_graph_from_edges(ctx, n, edges, a, b, lengths ? lengths->data : NULL, out);
  if (status != CF_OK) status = cf_explain(ctx, status, "%s: `%s`", address, name);
done:
  cf_free(member);
  cf_array_free(pairs);
  cf_array_free(lengths);
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------- writing -- */

static cf_status add_array(cf_context *ctx, cf_result *result, const char *prefix, const char *suffix, cf_dtype dtype,
                           int ndim, const size_t *shape, cf_array **out) {
  cf_status status = CF_OK;
  char *name = NULL;
  cf_array *a = NULL;
  CF_TRY(cf_sprintf(ctx, &name, "%s%s", prefix, suffix));
  CF_TRY(cf_array_new(ctx, name, dtype, ndim, shape, &a));
  CF_TRY(cf_dataset_add(ctx, result->arrays, a));
  *out = a;
done:
  cf_free(name);
  return status;
}

static cf_status check_small(cf_context *ctx, const cf_graph *graph) {
  return graph->n <= INT32_MAX
             ? CF_OK
             : cf_fail(ctx, CF_ERR_USAGE, "a graph of %zu vertices is too large to be written", graph->n);
}

cf_status cf_put_graph(cf_context *ctx, cf_result *result, const char *prefix, const cf_graph *graph) {
  cf_status status = CF_OK;
  const size_t entries = graph->start[graph->n], starts = graph->n + 1;
  cf_array *data = NULL, *index = NULL, *start = NULL;
  CF_TRY(check_small(ctx, graph));
  CF_TRY(add_array(ctx, result, prefix, "_data", CF_F64, 1, &entries, &data));
  CF_TRY(add_array(ctx, result, prefix, "_indices", CF_I32, 1, &entries, &index));
  CF_TRY(add_array(ctx, result, prefix, "_indptr", CF_I64, 1, &starts, &start));
  if (entries) memcpy(data->data, graph->weight, entries * sizeof(double));
  for (size_t k = 0; k < entries; k++) ((int32_t *)index->data)[k] = (int32_t)graph->to[k];
  for (size_t i = 0; i < starts; i++) ((int64_t *)start->data)[i] = (int64_t)graph->start[i];
done:
  return status;
}

cf_status cf_put_edges(cf_context *ctx, cf_result *result, const char *name, bool lengths, const cf_graph *graph) {
  cf_status status = CF_OK;
  size_t shape[2] = {0, 2};
  cf_array *pairs = NULL, *length = NULL;
  for (size_t i = 0; i < graph->n; i++)
    for (size_t k = graph->start[i]; k < graph->start[i + 1]; k++) shape[0] += graph->to[k] > i;
  CF_TRY(check_small(ctx, graph));
  CF_TRY(add_array(ctx, result, name, "", CF_I32, 2, shape, &pairs));
  CF_TRY(cf_array_set_axis(ctx, pairs, 0, "edge", NULL));
  if (lengths) CF_TRY(add_array(ctx, result, name, "_length", CF_F64, 1, shape, &length));
  size_t e = 0;
  for (size_t i = 0; i < graph->n; i++)
    for (size_t k = graph->start[i]; k < graph->start[i + 1]; k++) {
      if (graph->to[k] <= i) continue;
      ((int32_t *)pairs->data)[2 * e] = (int32_t)i;
      ((int32_t *)pairs->data)[2 * e + 1] = (int32_t)graph->to[k];
      if (length) ((double *)length->data)[e] = graph->weight[k];
      e++;
    }
done:
  return status;
}
