/* `cortifold diffuse`: the diffusion map of a kernel, and what can be seen in it. */
#include <math.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/analyses.h"
#include "pipeline/diffuse.h"
#include "pipeline/graph_files.h"
#include "pipeline/load.h"
#include <cortifold/io.h>
#include <cortifold/stats.h>

enum { MOST_POINTS = 1000000 };

static const cf_param params[] = {
    {"alpha", 'a', CF_PARAM_REAL, "A", "1", 0, 1, NULL,
     "How much of the density of points is removed. 1: the geometry alone; 0.5: Fokker-Planck; 0: plain random walk."},
    {"time", 0, CF_PARAM_REAL, "T", "1", 0, 1e6, NULL,
     "Steps of diffusion: coordinates are weighted by |lambda|^T. 0: by sqrt(1 / (1 - lambda)), all times together."},
    {"dims", 'd', CF_PARAM_INTEGER, "N", "20", 1, MOST_POINTS, NULL,
     "Diffusion coordinates beside the trivial one; fewer by default when there are not so many points."},
    {"embed", 'e', CF_PARAM_INTEGER, "K", "0", 0, MOST_POINTS, NULL,
     "Leading coordinates that the embedding and the clusters see; 0: all."},
    {"axes", 0, CF_PARAM_INTEGER, "N", "10", 1, MOST_POINTS, NULL,
     "Axes of the embedding (and of isomap), at most as many as coordinates."},
    {"isomap", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL,
     "Also scale the shortest paths over the graph's edges (isomap) to the same number of axes."},
    {"heat", 0, CF_PARAM_REAL, "T", NULL, 1e-300, 1e300, NULL,
     "Also heat geodesics between all points, for this time in steps of the walk."},
    {"cluster", 'c', CF_PARAM_INTEGER, "SIZE", NULL, 2, MOST_POINTS, NULL,
     "Also density clusters with at least this many points (10 is usual), by the neighbourhoods of the graph."},
    {"dimension", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL, "Also the local dimension at each point."},
    {"hops", 0, CF_PARAM_INTEGER, "N", "2", 1, 1000, NULL,
     "dimension: edges that a neighbourhood reaches; 2, or 3 for networks."},
    {"groups", 'g', CF_PARAM_LIST, "FILE,...", NULL, 0, 0, NULL,
     "Labels of the points, one address for each way to group them: how often are neighbours of the same group?"},
    {"permutations", 0, CF_PARAM_INTEGER, "N", "1000", 0, 1e8, NULL, "groups: shuffles of the labels for p."},
    CF_PARAM_END,
};

static const char description[] =
    "The diffusion map of a kernel, from `cortifold graph` or a square matrix of similarities K (symmetric, none below "
    "0): coordinates in which Euclidean distance is the distance that a random walk on the points feels.\n\n"
    "q_i = sum_j K_ij; K~_ij = K_ij / (q_i q_j)^alpha; d_i = sum_j K~_ij; Ms = d^-1/2 K~ d^-1/2 = U diag(lambda) U'; "
    "coordinates |lambda|^t U / sqrt(d) without the trivial first, by descending |lambda|, the largest entry of each "
    "positive. lambda is signed; residual is the largest |Ms u - lambda u|.\n\n"
    "A kernel of several components has the eigenvalue 1 for each of them: then the first coordinates only tell the "
    "components apart. Leave small components out first (graph --drop-disconnected).\n\n"
    "- embedding: classical scaling of the first K coordinates, that is their principal components; explained are the "
    "shares of variance. Where the eigenvalues hardly fall, all coordinates weigh alike and the axes mix them: take "
    "fewer (--embed) or a longer --time.\n"
    "- --isomap: classical scaling of the shortest paths over the graph's edges, NaN outside the largest component.\n"
    "- --heat T: with L the Laplacian and D the degrees of K, G = (D + T L)^-1, d_ij = -c ln(G_ij / sqrt(G_ii G_jj)); "
    "a metric for every T; c gives the edges of the graph their median length (without edges c = sqrt(T)). The choice "
    "of this form is ours.\n"
    "- --cluster SIZE: HDBSCAN on the first K coordinates, with the distance to the farthest neighbour in the graph as "
    "core distance: single linkage of max(core_i, core_j, |x_i - x_j|), condensed tree, excess of mass, no single "
    "cluster. -1 is noise.\n"
    "- --dimension: the neighbourhood correlation dimension (ncd), the slope of ln sum_j exp(-d_j^2/2s^2) over ln s at "
    "its highest plateau, and the degree dimension, floor(max(1, log2 degree)), both averaged over neighbours; "
    "dimension is the larger. Edges of the manifold bias it down.\n"
    "- --groups: share of graph neighbours of the same group, weighted by the kernel; expected from degrees alone; "
    "assortativity (share - expected) / (1 - expected); p of the share from shuffled labels; neighbours of the same "
    "and of other groups (mean, sd, min, max over points); kernel_share, the same share over all of the kernel.\n\n"
    "--isomap, --cluster, --dimension and --groups need the edges that graph writes, --dimension its points too.\n\n"
    "Values: n, alpha, time, dims, eigenvalues (trivial first), residual, components, negative (eigenvalues below 0), "
    "embed, explained, clusters [{label, size, stability}], noise, min_size, dimension {median, quartiles}, ncd, "
    "degree_dimension, hops, mixing [{by, share, expected, assortativity, same, other, kernel_share, null_mean, "
    "null_sd, z, p, permutations}], isomap_values, heat_time. Arrays: coordinates (point, coordinate), eigenvalues, "
    "embedding (point, axis), explained, isomap, isomap_values, heat (point, point), cluster, core, merge (SciPy's "
    "linkage), condensed (parent, child, lambda, size), ncd, degree_dimension, dimension, group, group_share (with a "
    "number when there are several groupings).\n\n"
    "References: Coifman & Lafon (2006), Appl. Comput. Harmon. Anal. 21, 5; Dyballa & Zucker (2023), Neural "
    "Computation 35, 453; Campello, Moulavi & Sander (2013), PAKDD; Tenenbaum, de Silva & Langford (2000), Science "
    "290, 2319; Chebotarev (2011), Discrete Appl. Math. 159, 295; Newman (2003), Phys. Rev. E 67, 026126.";

static const char examples[] =
    "cortifold diffuse graph.npz --cluster 10 -o map.npz\n"
    "cortifold diffuse graph.h5 --alpha 0.5 --embed 8 --dimension --groups cells.tsv:area -o map.h5\n"
    "cortifold diffuse kernel.npy --time 0 --json";

static void job_free(cf_diffuse *d) {
  cf_graph_free(d->kernel);
  cf_graph_free(d->edges);
  cf_array_free(d->label);
  cf_free(d->coordinates);
  cf_free(d->values);
  cf_free(d->embedding);
  cf_free(d->explained);
  cf_free(d->isomap);
  cf_free(d->isomap_values);
  cf_free(d->heat);
  cf_clustering_free(d->clusters);
  cf_free(d->ncd);
  cf_free(d->degree_dimension);
  cf_free(d->dimension);
  for (size_t g = 0; g < d->groups; g++) {
    cf_free(d->group[g].name);
    cf_free(d->group[g].share);
    cf_array_free(d->group[g].labels);
  }
  cf_free(d->group);
}

/* -------------------------------------------------------------- inputs -- */

/* Labels of the points: the coordinate of what graph wrote, or which points it kept. */
static cf_status read_label(cf_context *ctx, cf_diffuse *d) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  CF_TRY(cf_io_read_sibling(ctx, d->address, "scale", &a));
  if (a && a->ndim == 1 && a->shape[0] == d->n && a->coordinate[0])
    CF_TRY(cf_array_copy(ctx, a->coordinate[0], &d->label));
done:
  cf_array_free(a);
  return status;
}

static cf_status need_edges(cf_context *ctx, const cf_options *options, const cf_diffuse *d) {
  static const char *const names[] = {"isomap", "cluster", "dimension", "groups"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (!d->edges && cf_options_given(options, names[i]))
      return cf_fail(ctx, CF_ERR_INPUT,
                     "%s: no member `edges`, which --%s needs; `cortifold graph` writes them beside the kernel",
                     d->address, names[i]);
  return CF_OK;
}

static cf_status load(cf_context *ctx, const cf_options *options, cf_result *result, cf_diffuse *d) {
  cf_status status = CF_OK;
  d->address = cf_options_argument(options, 0);
  CF_TRY(cf_load_kernel(ctx, d->address, result, &d->kernel));
  d->n = d->kernel->n;
  if (d->n < 2)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: a kernel of %zu point%s; at least 2 are needed", d->address, d->n,
                   d->n == 1 ? "" : "s"));
  CF_TRY(cf_load_edges(ctx, d->address, "edges", d->n, &d->edges));
  CF_TRY(need_edges(ctx, options, d));
  CF_TRY(read_label(ctx, d));
done:
  return status;
}

static cf_status read_sizes(cf_context *ctx, const cf_options *options, cf_diffuse *d) {
  const size_t dims = (size_t)cf_options_integer(options, "dims"), embed = (size_t)cf_options_integer(options, "embed");
  d->o.alpha = cf_options_number(options, "alpha");
  d->o.time = cf_options_number(options, "time");
  d->o.dims = CF_MIN(dims, d->n - 1);
  if (cf_options_given(options, "dims") && dims >= d->n)
    return cf_fail(ctx, CF_ERR_USAGE, "--dims: %zu coordinates of %zu points; there are at most %zu", dims, d->n,
                   d->n - 1);
  if (embed > d->o.dims)
    return cf_fail(ctx, CF_ERR_USAGE, "--embed: %zu of %zu coordinates; raise --dims", embed, d->o.dims);
  d->embed = embed ? embed : d->o.dims;
  d->axes = CF_MIN((size_t)cf_options_integer(options, "axes"), CF_MIN(d->embed, d->n - 1));
  return CF_OK;
}

/* ----------------------------------------------------------------- map -- */

static cf_status look(cf_context *ctx, cf_diffuse *d) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *label = NULL, *size = NULL;
  CF_TRY(CF_SCRATCH(ctx, &label, d->n));
  CF_TRY(CF_SCRATCH(ctx, &size, d->n));
  CF_TRY(cf_graph_components(ctx, d->kernel, label, &d->components));
  memset(size, 0, d->n * sizeof *size);
  for (size_t i = 0; i < d->n; i++) size[label[i]]++;
  for (size_t c = 0; c < d->components; c++) d->largest = CF_MAX(d->largest, size[c]);
  for (size_t c = 1; c <= d->o.dims; c++) d->negative += d->values[c] < -1e-10;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Said when all has gone well, so that an error stands alone. */
static void warn(cf_context *ctx, const cf_diffuse *d) {
  size_t first = 1;
  if (2 * d->o.dims > d->n && d->o.dims > 1)
    cf_warn(ctx, "%zu coordinates of %zu points: most of them follow single points; ask for fewer (--dims)", d->o.dims,
            d->n);
  if (d->components > 1)
    cf_warn(ctx,
            "%s: the kernel has %zu components, the largest of %zu points: the eigenvalue 1 repeats, and leading "
            "coordinates (%zu) only tell components apart",
            d->address, d->components, d->largest, CF_MIN(d->components - 1, d->o.dims));
  while (first < d->o.dims && d->values[first] >= -1e-10) first++;
  if (d->negative)
    cf_warn(ctx,
            "%s: %zu of the eigenvalues %s negative (the first is number %zu, %.4g): the kernel is not positive "
            "definite, and %s between neighbours",
            d->address, d->negative, d->negative == 1 ? "is" : "are", first, d->values[first],
            d->negative == 1 ? "that coordinate alternates" : "those coordinates alternate");
  if (d->clusters && d->clusters->clusters == 0)
    cf_warn(ctx, "no clusters of %zu points or more: the points never part into two such groups", d->min_size);
}

static cf_status map(cf_context *ctx, cf_diffuse *d) {
  cf_status status = CF_OK;
  const size_t dims = d->o.dims;
  size_t count = 0;
  CF_TRY(cf_size_mul(ctx, d->n, dims, &count));
  CF_TRY(CF_ALLOC(ctx, &d->coordinates, count));
  CF_TRY(CF_ALLOC(ctx, &d->values, dims + 1));
  CF_TRY(CF_ALLOC(ctx, &d->embedding, d->n * d->axes));
  CF_TRY(CF_ALLOC(ctx, &d->explained, d->axes));
  status = cf_diffusion_map(ctx, d->kernel, &d->o, d->coordinates, d->values, &d->residual);
  if (status != CF_OK) {
    status = cf_explain(ctx, status, "%s", d->address);
    goto done;
  }
  CF_TRY(look(ctx, d));
  cf_view leading = cf_view_matrix(d->coordinates, d->n, dims);
  leading.shape[1] = d->embed;
  CF_TRY(cf_pca(ctx, &leading, d->axes, NULL, d->embedding, NULL, d->explained, NULL));
done:
  return status;
}

/* ------------------------------------------------------------- the rest -- */

static cf_status geodesics(cf_context *ctx, const cf_options *options, cf_diffuse *d) {
  cf_status status = CF_OK;
  size_t square = 0;
  if (cf_options_flag(options, "isomap")) {
    CF_TRY(CF_ALLOC(ctx, &d->isomap, d->n * d->axes));
    CF_TRY(CF_ALLOC(ctx, &d->isomap_values, d->axes));
    status = cf_isomap(ctx, d->edges, d->axes, d->isomap, d->isomap_values);
    if (status != CF_OK) {
      status = cf_explain(ctx, status, "%s", d->address);
      goto done;
    }
  }
  if (cf_options_given(options, "heat")) {
    d->heat_time = cf_options_number(options, "heat");
    CF_TRY(cf_size_mul(ctx, d->n, d->n, &square));
    CF_TRY(CF_ALLOC(ctx, &d->heat, square));
    status = cf_heat_geodesics(ctx, d->kernel, d->edges, d->heat_time, d->heat);
    if (status != CF_OK) status = cf_explain(ctx, status, "%s", d->address);
  }
done:
  return status;
}

static cf_status clusters(cf_context *ctx, const cf_options *options, cf_diffuse *d) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *leading = NULL;
  if (!cf_options_given(options, "cluster")) return CF_OK;
  d->min_size = (size_t)cf_options_integer(options, "cluster");
  CF_TRY(CF_SCRATCH(ctx, &leading, d->n * d->embed));
  for (size_t i = 0; i < d->n; i++)
    memcpy(leading + i * d->embed, d->coordinates + i * d->o.dims, d->embed * sizeof *leading);
  CF_TRY(cf_cluster_manifold(ctx, d->n, d->embed, leading, d->edges, d->min_size, &d->clusters));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status local_dimension(cf_context *ctx, const cf_options *options, cf_diffuse *d) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_array *points = NULL;
  double *squared = NULL;
  size_t square = 0;
  if (!cf_options_flag(options, "dimension")) return CF_OK;
  CF_TRY(cf_io_read_sibling(ctx, d->address, "points", &points));
  if (!points || points->ndim != 2 || points->shape[0] != d->n)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                   "%s: no member `points` of %zu rows, which --dimension needs; `cortifold graph` writes it when it "
                   "is given points",
                   d->address, d->n));
  CF_TRY(cf_array_to_doubles(ctx, points));
  CF_TRY(cf_size_mul(ctx, d->n, d->n, &square));
  CF_TRY(CF_SCRATCH(ctx, &squared, square));
  const double *x = points->data;
  for (size_t i = 0; i < d->n; i++)
    for (size_t j = 0; j <= i; j++) {
      double sum = 0;
      for (size_t c = 0; c < points->shape[1]; c++) {
        const double step = x[i * points->shape[1] + c] - x[j * points->shape[1] + c];
        sum += step * step;
      }
      squared[i * d->n + j] = squared[j * d->n + i] = sum;
    }
  d->hops = (size_t)cf_options_integer(options, "hops");
  CF_TRY(CF_ALLOC(ctx, &d->ncd, d->n));
  CF_TRY(CF_ALLOC(ctx, &d->degree_dimension, d->n));
  CF_TRY(CF_ALLOC(ctx, &d->dimension, d->n));
  CF_TRY(cf_local_dimension(ctx, d->n, squared, d->edges, d->hops, d->ncd, d->degree_dimension, d->dimension));
done:
  cf_array_free(points);
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status one_group(cf_context *ctx, const cf_options *options, cf_result *result, const cf_diffuse *d,
                           const char *address, cf_diffuse_group *g) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *code = NULL, codes = 0;
  CF_TRY(cf_strdup(ctx, address, &g->name));
  CF_TRY(cf_load_labels(ctx, address, "--groups", d->n, result, &g->labels));
  CF_TRY(CF_SCRATCH(ctx, &code, d->n));
  CF_TRY(CF_ALLOC(ctx, &g->share, d->n));
  CF_TRY(cf_labels_group(ctx, g->labels, code, &codes, NULL));
  if (codes < 2) cf_warn(ctx, "%s: all points carry the same label, so there is nothing to mix", address);
  CF_TRY(cf_graph_mixing(ctx, d->edges, d->kernel, code, codes, (size_t)cf_options_integer(options, "permutations"),
                         cf_hash_text("diffuse/mixing"), g->share, &g->mixing));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status groups(cf_context *ctx, const cf_options *options, cf_result *result, cf_diffuse *d) {
  cf_status status = CF_OK;
  const size_t count = cf_options_list_count(options, "groups");
  char address[4096];
  if (count == 0) return CF_OK;
  CF_TRY(CF_ALLOC(ctx, &d->group, count));
  for (; d->groups < count;) {
    const char *entry = cf_options_list_entry(options, "groups", d->groups, address, sizeof address);
    CF_TRY(one_group(ctx, options, result, d, entry, &d->group[d->groups++]));
  }
done:
  return status;
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  cf_diffuse d = {0};
  if (cf_options_given(options, "hops") && !cf_options_flag(options, "dimension"))
    return cf_fail(ctx, CF_ERR_USAGE, "--hops is for --dimension, which is not asked for");
  if (cf_options_given(options, "permutations") && !cf_options_given(options, "groups"))
    return cf_fail(ctx, CF_ERR_USAGE, "--permutations is for --groups, which is not given");
  CF_TRY(load(ctx, options, result, &d));
  CF_TRY(read_sizes(ctx, options, &d));
  CF_TRY(map(ctx, &d));
  CF_TRY(geodesics(ctx, options, &d));
  CF_TRY(clusters(ctx, options, &d));
  CF_TRY(local_dimension(ctx, options, &d));
  CF_TRY(groups(ctx, options, result, &d));
  warn(ctx, &d);
  CF_TRY(cf_diffuse_report(ctx, &d, result));
done:
  job_free(&d);
  return status;
}

static cf_status cost(cf_context *ctx, const cf_options *options, cf_cost *out) {
  cf_status status = CF_OK;
  char *path = NULL, *member = NULL;
  cf_io_listing *list = NULL;
  double n = 0, entries = 0;
  CF_TRY(cf_io_split(ctx, cf_options_argument(options, 0), &path, &member));
  CF_TRY(cf_io_list(ctx, path, &list));
  for (size_t i = 0; i < list->count; i++) {
    const cf_io_entry *e = &list->entry[i];
    const bool data = e->ndim == 1 && e->member && strstr(e->member, "_data");
    const bool square = e->ndim == 2 && e->shape[0] == e->shape[1];
    if (data || square) entries = fmax(entries, (double)e->shape[0] * (data ? 1 : (double)e->shape[1]));
    if (square || (e->ndim == 1 && e->member && strcmp(e->member, "scale") == 0)) n = fmax(n, (double)e->shape[0]);
  }
  const double pairs = cf_options_given(options, "cluster") || cf_options_flag(options, "isomap") ? n * n : 0;
  const double cubes = cf_options_given(options, "heat") ? n * n * n : 0;
  out->seconds = (6e-7 * entries + 2e-5 * n + 3e-8 * pairs + 1e-10 * cubes) / cf_context_threads(ctx);
  out->bytes = 24 * entries + 1600 * n + (cf_options_flag(options, "isomap") || cubes > 0 ? 24 * n * n : 0);
done:
  cf_context_clear(ctx);
  cf_io_listing_free(list);
  cf_free(path);
  cf_free(member);
  return CF_OK;
}

const cf_analysis cf_analysis_diffuse = {"diffuse",
                                         "Manifolds",
                                         "Diffusion map of a kernel: coordinates, clusters, geodesics, local dimension",
                                         "GRAPH|KERNEL",
                                         1,
                                         1,
                                         description,
                                         examples,
                                         params,
                                         run,
                                         cost,
                                         false};
