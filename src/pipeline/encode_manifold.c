/* From the neural matrix to the manifold: PCA cut, outliers, adaptive graph, diffusion map, embedding, clusters, local
 * dimension. */
#include "base/internal.h"
#include "pipeline/encode.h"
#include "pipeline/graph_result.h"

#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- points -- */

/* Components until their cumulative share of variance exceeds the target; all of them when none does. */
static size_t components_for(const double *ratio, size_t most, double share) {
  double sum = 0;
  for (size_t k = 0; k < most; k++) {
    sum += ratio[k];
    if (sum > share) return k + 1;
  }
  return most;
}

static cf_status cut_components(cf_context *ctx, const cf_options *options, cf_encoding *e) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_view y = cf_view_matrix(e->matrix, e->neurons, e->columns);
  double *scores = NULL;
  size_t rank = 0;
  e->most_pcs = CF_MIN(e->neurons, e->columns);
  CF_TRY(CF_SCRATCH(ctx, &scores, e->neurons * e->most_pcs));
  CF_TRY(CF_ALLOC(ctx, &e->ratio, e->most_pcs));
  CF_TRY(cf_pca(ctx, &y, e->most_pcs, NULL, scores, NULL, e->ratio, NULL));
  while (rank < e->most_pcs && e->ratio[rank] > 1e-12) rank++;
  if (rank == 0)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "all neurons have the same row in the neural matrix; there is no manifold"));
  const int64_t asked = cf_options_integer(options, "pcs");
  e->pcs = asked > 0 ? (size_t)asked : components_for(e->ratio, rank, cf_options_number(options, "variance"));
  if (e->pcs > rank) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--pcs %zu: the neural matrix has rank %zu", e->pcs, rank));
  CF_TRY(CF_ALLOC(ctx, &e->scores, e->neurons * e->pcs));
  for (size_t i = 0; i < e->neurons; i++)
    memcpy(e->scores + i * e->pcs, scores + i * e->most_pcs, e->pcs * sizeof *scores);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Keeps the rows that keep names of the points and of the list of neurons. */
static void keep_points(cf_encoding *e, const bool *keep) {
  size_t at = 0;
  for (size_t i = 0; i < e->n; i++) {
    if (!keep[i]) continue;
    if (at < i) memcpy(e->points + at * e->pcs, e->points + i * e->pcs, e->pcs * sizeof *e->points);
    e->kept[at++] = e->kept[i];
  }
  e->n = at;
}

/* Neurons that do nothing (a zero row) or stand where another one stands have no place of their own in the graph. */
static cf_status leave_out_silent(cf_context *ctx, cf_encoding *e, bool *keep) {
  size_t silent = 0;
  for (size_t i = 0; i < e->neurons; i++) {
    bool any = false;
    for (size_t c = 0; c < e->columns; c++) any |= e->matrix[i * e->columns + c] > 0;
    keep[i] = any;
    silent += !any;
  }
  if (silent) cf_warn(ctx, "%zu of %zu neurons respond to nothing and are left out", silent, e->neurons);
  keep_points(e, keep);
  return CF_OK;
}

static cf_status leave_out_copies(cf_context *ctx, cf_encoding *e, bool *keep) {
  size_t copies = 0;
  for (size_t i = 0; i < e->n; i++) {
    keep[i] = true;
    for (size_t j = 0; j < i && keep[i]; j++)
      if (memcmp(e->points + i * e->pcs, e->points + j * e->pcs, e->pcs * sizeof *e->points) == 0) keep[i] = false;
    copies += !keep[i];
  }
  if (copies) cf_warn(ctx, "%zu neurons stand exactly where another one stands and are left out", copies);
  keep_points(e, keep);
  return CF_OK;
}

static cf_status choose_points(cf_context *ctx, const cf_options *options, cf_encoding *e) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  bool *keep = NULL;
  const size_t far = (size_t)cf_options_integer(options, "far"), near = (size_t)cf_options_integer(options, "near");
  CF_TRY(CF_SCRATCH(ctx, &keep, e->neurons));
  CF_TRY(CF_ALLOC(ctx, &e->points, e->neurons * e->pcs));
  CF_TRY(CF_ALLOC(ctx, &e->kept, e->neurons));
  memcpy(e->points, e->scores, e->neurons * e->pcs * sizeof *e->points);
  for (size_t i = 0; i < e->neurons; i++) e->kept[i] = i;
  e->n = e->neurons;
  CF_TRY(leave_out_silent(ctx, e, keep));
  CF_TRY(leave_out_copies(ctx, e, keep));
  if (e->n < far + near + 10)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                   "%zu neurons remain before %zu outliers are taken out; an encoding manifold needs at least ten more",
                   e->n, far + near));
  if (far + near > 0) {
    CF_TRY(cf_manifold_outliers(ctx, e->n, e->pcs, e->points, far, near, keep));
    keep_points(e, keep);
  }
  e->outliers = e->neurons - e->n;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ----------------------------------------------------------------- graph -- */

static cf_status make_graph(cf_context *ctx, const cf_options *options, cf_encoding *e) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_ian_options o = CF_IAN_OPTIONS_INIT;
  bool *keep = NULL;
  size_t *label = NULL;
  cf_graph_options_read(options, &o);
  CF_TRY(cf_ian_points(ctx, e->n, e->pcs, e->points, &o, &e->ian));
  CF_TRY(CF_SCRATCH(ctx, &keep, e->n));
  CF_TRY(CF_SCRATCH(ctx, &label, e->n));
  for (size_t i = 0; i < e->n; i++) keep[i] = !e->ian->disconnected[i];
  e->disconnected = e->ian->disconnected_count;
  CF_TRY(cf_graph_subset(ctx, e->ian->graph, keep, &e->graph));
  CF_TRY(cf_graph_subset(ctx, e->ian->kernel, keep, &e->kernel));
  keep_points(e, keep);
  if (e->n < 10)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "only %zu neurons are connected to others; there is no manifold", e->n));
  CF_TRY(cf_graph_components(ctx, e->kernel, label, &e->components));
  if (e->components > 1)
    cf_warn(ctx, "the kernel falls into %zu parts; the first %zu diffusion coordinates only tell them apart",
            e->components, e->components - 1);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------------- map -- */

static cf_status make_map(cf_context *ctx, const cf_options *options, cf_encoding *e) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *leading = NULL;
  cf_diffusion_options o = CF_DIFFUSION_OPTIONS_INIT;
  o.alpha = cf_options_number(options, "alpha");
  o.time = cf_options_number(options, "time");
  e->dims = o.dims = CF_MIN((size_t)cf_options_integer(options, "dims"), e->n - 2);
  CF_TRY(CF_ALLOC(ctx, &e->coordinates, e->n * e->dims));
  CF_TRY(CF_ALLOC(ctx, &e->eigenvalues, e->dims + 1));
  CF_TRY(cf_diffusion_map(ctx, e->kernel, &o, e->coordinates, e->eigenvalues, &e->residual));
  const size_t used = e->coordinates_used = CF_MIN(e->pcs, e->dims);
  e->axes = CF_MIN((size_t)cf_options_integer(options, "axes"), used);
  CF_TRY(CF_SCRATCH(ctx, &leading, e->n * used));
  for (size_t i = 0; i < e->n; i++) memcpy(leading + i * used, e->coordinates + i * e->dims, used * sizeof *leading);
  CF_TRY(CF_ALLOC(ctx, &e->embedding, e->n * e->axes));
  CF_TRY(CF_ALLOC(ctx, &e->embedding_ratio, e->axes));
  const cf_view v = cf_view_matrix(leading, e->n, used);
  CF_TRY(cf_pca(ctx, &v, e->axes, NULL, e->embedding, NULL, e->embedding_ratio, NULL));
  CF_TRY(cf_cluster_manifold(ctx, e->n, used, leading, e->graph, (size_t)cf_options_integer(options, "min-cluster"),
                             &e->clusters));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status squared_distances(cf_context *ctx, size_t n, size_t dims, const double *x, double *out) {
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j <= i; j++) {
      double sum = 0;
      for (size_t c = 0; c < dims; c++) {
        const double d = x[i * dims + c] - x[j * dims + c];
        sum += d * d;
      }
      out[i * n + j] = out[j * n + i] = sum;
    }
    if (i % 256 == 0 && cf_cancelled(ctx)) return cf_check_cancel(ctx);
  }
  return CF_OK;
}

static cf_status find_dimension(cf_context *ctx, const cf_options *options, cf_encoding *e) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *squared = NULL;
  size_t count = 0;
  CF_TRY(cf_size_mul(ctx, e->n, e->n, &count));
  CF_TRY(CF_SCRATCH(ctx, &squared, count));
  CF_TRY(CF_ALLOC(ctx, &e->ncd, e->n));
  CF_TRY(CF_ALLOC(ctx, &e->degree_dimension, e->n));
  CF_TRY(CF_ALLOC(ctx, &e->dimension, e->n));
  CF_TRY(squared_distances(ctx, e->n, e->pcs, e->points, squared));
  CF_TRY(cf_local_dimension(ctx, e->n, squared, e->graph, (size_t)cf_options_integer(options, "hops"), e->ncd,
                            e->degree_dimension, e->dimension));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_encode_manifold(cf_context *ctx, const cf_options *options, cf_encoding *e) {
  cf_status status = CF_OK;
  CF_TRY(cut_components(ctx, options, e));
  CF_TRY(choose_points(ctx, options, e));
  CF_TRY(make_graph(ctx, options, e));
  CF_TRY(make_map(ctx, options, e));
  CF_TRY(find_dimension(ctx, options, e));
done:
  return status;
}
