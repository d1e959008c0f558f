/* `cortifold graph`: the neighbourhood graph and kernel of a cloud of points. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/analyses.h"
#include "pipeline/graph_result.h"
#include <cortifold/io.h>

static const cf_param params[] = {
    {"input", 0, CF_PARAM_CHOICE, "KIND", "points", 0, 0, "points|distances|squared-distances",
     "What the array holds: points (point, coordinate), or a square symmetric matrix of their distances or squared "
     "distances."},
    {"metric", 'm', CF_PARAM_CHOICE, "NAME", "euclidean", 0, 0, "euclidean|cosine|correlation",
     "Distance between points. cosine and correlation bring each point (correlation: less its mean) to unit length "
     "first, so that the distance is the chord sqrt(2 (1 - r))."},
    CF_GRAPH_OPTIONS,
    {"drop-disconnected", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL,
     "Leave points that lost all their edges out of all arrays; `kept` says which rows are left. The kernel of the "
     "others stays what it is, their scales do not change."},
    CF_PARAM_END,
};

static const char description[] =
    "A graph whose neighbourhoods follow the sampling of a manifold, and a kernel with a scale for each point: "
    "iterated adaptive neighbourhoods (IAN). No number of neighbours and no bandwidth has to be chosen.\n\n"
    "- Gabriel graph: an edge between i and j unless some k has d_ik^2 + d_jk^2 <= d_ij^2.\n"
    "- Scales s: the smallest sum with s_i s_j >= (C d_ij)^2 over all edges and s_i <= u_i, the longest edge of i; "
    "the product is replaced by two chords, which makes it a linear programme. It is solved exactly by a simplex "
    "method on the graph, with a lower bound from its multipliers (solver.gap is the largest relative difference).\n"
    "- Volume ratio delta_i = sum_j exp(-d_ij^2/s_i^2) / (g (sqrt(pi)/2)^(log2 g)), g = max(2, degree); 1 is "
    "expected. C starts from the median of middle over longest edge (0.55 to 0.95) and is bisected when the median "
    "of delta is off by more than the tolerance.\n"
    "- Pruning: points with delta above the threshold lose their longest edge, the largest tenth first, one edge a "
    "point and iteration; then the scales are found again, until no point is above.\n"
    "- Kernel K_ij = exp(-d_ij^2/(s_i s_j)), with C tuned once more to the sums of its rows.\n\n"
    "Thresholds are max(2.75, location + 4.5 spread), or 5 - (median - 1) where no ratio exceeds that and this is "
    "less. c3 and c2 estimate location and spread from quartiles (Wan et al. 2014); mad, normal-mad, iqr and sd take "
    "the median and the median deviation, this over 0.6745, the quartile range over 1.349, and mean and standard "
    "deviation (these four formulas are ours).\n\n"
    "Many points: --neighbours K takes O(n K) memory. Each edge among the candidates is decided as if all points were "
    "looked at; lost are the edges between points that are not among each other's K nearest, and what the tails of the "
    "kernel hold beyond them. On a sheet of 3000 points K = 100 takes a third of the time and C is 0.5 % lower; points "
    "across a hole, whose long edges all points would first get and then lose, are not joined at all.\n\n"
    "Values: n, dims, neighbours, gabriel_edges, pruned, iterations, prunes_per_iteration, connectivity (of the kernel), C_first, "
    "C_unweighted, delta {mean, median}, delta_weighted, degree {mean, min, max}, kernel_entries, components, "
    "disconnected, solver {name, solves, iterations, gap}. Arrays: kernel_data, kernel_indices, kernel_indptr "
    "(compressed rows, which diffuse reads), scale, first_scale, edges (edge, 2), edges_length, gabriel, delta, "
    "delta_weighted, disconnected, degree, weighted_degree, points, history/*.\n\n"
    "Reference: Dyballa & Zucker (2023), Neural Computation 35:453, arXiv 2208.09123.";

static const char examples[] = "cortifold graph neurons.npy -o graph.npz\n"
                               "cortifold graph rdm.npz:rdm --input distances --threshold mad --json\n"
                               "cortifold graph many.h5:points --neighbours 100 --connect mst -o graph.h5";

typedef struct job {
  const char *address;
  cf_ian_options o;
  cf_array *points;
  cf_array *label; /* of the points, NULL: none */
  bool *keep;      /* NULL: all */
  cf_ian *ian;
} job;

static void job_free(job *j) {
  cf_array_free(j->points);
  cf_array_free(j->label);
  cf_free(j->keep);
  cf_ian_free(j->ian);
}

/* -------------------------------------------------------------- inputs -- */

static cf_status load(cf_context *ctx, bool square, cf_result *result, job *j) {
  cf_status status = CF_OK;
  CF_TRY(cf_io_read(ctx, j->address, square ? "distances|rdm" : "points|neural_matrix|coordinates", &j->points));
  CF_TRY(cf_result_input(ctx, result, j->address));
  CF_TRY(cf_array_to_doubles(ctx, j->points));
  const cf_array *p = j->points;
  if (p->ndim != 2)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %d ax%s; points are (point, coordinate)", j->address, p->ndim,
                   p->ndim == 1 ? "is" : "es"));
  if (p->shape[0] < 3)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %zu point%s; adaptive neighbourhoods need at least 3", j->address,
                   p->shape[0], p->shape[0] == 1 ? "" : "s"));
  if (p->shape[1] == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the points have no coordinates", j->address));
  if (square && p->shape[0] != p->shape[1])
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: a matrix of distances is square, this is %zu x %zu", j->address, p->shape[0],
                   p->shape[1]));
  if (p->coordinate[0]) CF_TRY(cf_array_copy(ctx, p->coordinate[0], &j->label));
done:
  return status;
}

static void warn_constant(cf_context *ctx, const job *j) {
  const double *x = j->points->data;
  const size_t n = j->points->shape[0], dims = j->points->shape[1];
  size_t constant = 0, first = 0;
  for (size_t c = dims; c-- > 0;) {
    bool same = true;
    for (size_t i = 1; i < n && same; i++) same = x[i * dims + c] == x[c];
    if (same) first = c;
    constant += same;
  }
  if (constant == 1)
    cf_warn(ctx, "%s: coordinate %zu is constant and separates no points", j->address, first);
  else if (constant > 1)
    cf_warn(ctx, "%s: %zu coordinates are constant and separate no points; the first is %zu", j->address, constant,
            first);
}

/* Each row to unit length, for correlation less its mean. */
static cf_status normalise(cf_context *ctx, const job *j, const char *metric) {
  double *x = j->points->data;
  const size_t dims = j->points->shape[1];
  if (strcmp(metric, "euclidean") == 0) return CF_OK;
  const bool center = strcmp(metric, "correlation") == 0;
  for (size_t i = 0; i < j->points->shape[0]; i++) {
    double *row = x + i * dims, mean = 0, square = 0, most = 0;
    for (size_t c = 0; c < dims; c++) {
      mean += row[c] / (double)dims;
      most = fmax(most, fabs(row[c]));
    }
    for (size_t c = 0; c < dims; c++) {
      row[c] -= center ? mean : 0;
      square += row[c] * row[c];
    }
    if (!(sqrt(square) > 1e-12 * most))
      return cf_fail(ctx, CF_ERR_INPUT, "%s: point %zu is %s, so its %s is not defined; leave it out", j->address, i,
                     center ? "constant" : "zero", metric);
    for (size_t c = 0; c < dims; c++) row[c] /= sqrt(square);
  }
  return CF_OK;
}

/* A matrix read from a file may differ from its transpose by rounding, and may have a rounded diagonal. */
static cf_status tidy_distances(cf_context *ctx, const job *j, bool squared) {
  cf_status status = CF_OK;
  const size_t n = j->points->shape[0];
  double *d = j->points->data, most = 0;
  const cf_view view = cf_array_view(j->points);
  CF_TRY(cf_view_check_finite(ctx, &view, j->address));
  for (size_t k = 0; k < n * n; k++) {
    if (d[k] < 0)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the distance (%zu, %zu) is %.9g", j->address, k / n, k % n, d[k]));
    most = fmax(most, d[k]);
  }
  for (size_t i = 0; i < n; i++)
    for (size_t k = i; k < n; k++) {
      const double a = d[i * n + k], b = d[k * n + i];
      if (fabs(a - b) > 1e-6 * most)
        CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: not symmetric: (%zu, %zu) is %.9g, (%zu, %zu) is %.9g", j->address, i, k,
                       a, k, i, b));
      if (i == k && a > 1e-6 * most)
        CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the diagonal is not 0: (%zu, %zu) is %.9g", j->address, i, i, a));
      const double mean = i == k ? 0 : 0.5 * (a + b);
      d[i * n + k] = d[k * n + i] = squared ? mean : mean * mean;
    }
done:
  return status;
}

/* -------------------------------------------------------------- results -- */

static cf_status compute(cf_context *ctx, const cf_options *options, job *j) {
  cf_status status = CF_OK;
  const char *input = cf_options_text(options, "input"), *metric = cf_options_text(options, "metric");
  const cf_array *p = j->points;
  if (strcmp(input, "points") == 0) {
    const cf_view view = cf_array_view(p);
    CF_TRY(cf_view_check_finite(ctx, &view, j->address));
    CF_TRY(normalise(ctx, j, metric));
    status = cf_ian_points(ctx, p->shape[0], p->shape[1], p->data, &j->o, &j->ian);
    if (status == CF_OK && strcmp(metric, "euclidean") == 0) warn_constant(ctx, j);
  } else {
    CF_TRY(tidy_distances(ctx, j, strcmp(input, "squared-distances") == 0));
    status = cf_ian_distances(ctx, p->shape[0], p->data, &j->o, &j->ian);
  }
  if (status != CF_OK) status = cf_explain(ctx, status, "%s", j->address);
done:
  return status;
}

/* Which points stay, and their labels. */
static cf_status choose_points(cf_context *ctx, job *j, cf_result *result) {
  cf_status status = CF_OK;
  const size_t n = j->ian->n;
  const char **text = NULL;
  char *buffer = NULL;
  cf_array *index = NULL, *labels = NULL;
  size_t kept = n - j->ian->disconnected_count, m = 0;
  if (kept < 2) CF_TRY(cf_fail(ctx, CF_ERR_NUMERIC, "%s: fewer than two points have edges left", j->address));
  CF_TRY(CF_ALLOC(ctx, &j->keep, n));
  CF_TRY(CF_ALLOC(ctx, &text, kept));
  CF_TRY(CF_ALLOC(ctx, &buffer, kept * 64));
  CF_TRY(cf_array_new(ctx, "kept", CF_I64, 1, &kept, &index));
  for (size_t i = 0; i < n; i++) {
    j->keep[i] = !j->ian->disconnected[i];
    if (!j->keep[i]) continue;
    ((int64_t *)index->data)[m] = (int64_t)i;
    if (j->label) text[m] = cf_array_label(j->label, i, buffer + 64 * m, 64);
    m++;
  }
  if (j->label) {
    CF_TRY(cf_array_from_texts(ctx, j->label->name, kept, text, &labels));
    cf_array_free(j->label);
    j->label = labels;
  }
  status = cf_dataset_add(ctx, result->arrays, index);
  index = NULL;
done:
  cf_array_free(index);
  cf_free(text);
  cf_free(buffer);
  return status;
}

static cf_status put_points(cf_context *ctx, const job *j, cf_result *result) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t shape[2] = {0, j->points->shape[1]};
  double *x = NULL;
  cf_array *a = NULL;
  CF_TRY(CF_SCRATCH(ctx, &x, j->points->shape[0] * shape[1]));
  for (size_t i = 0; i < j->points->shape[0]; i++) {
    if (j->keep && !j->keep[i]) continue;
    memcpy(x + shape[0]++ * shape[1], (double *)j->points->data + i * shape[1], shape[1] * sizeof *x);
  }
  CF_TRY(cf_array_from_doubles(ctx, "points", 2, shape, x, &a));
  CF_TRY(cf_array_set_axis(ctx, a, 0, "point", j->label));
  status = cf_dataset_add(ctx, result->arrays, a);
  a = NULL;
done:
  cf_array_free(a);
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  job j = {.address = cf_options_argument(options, 0)};
  const bool points = strcmp(cf_options_text(options, "input"), "points") == 0;
  if (!points && cf_options_given(options, "metric"))
    return cf_fail(ctx, CF_ERR_USAGE, "--metric is for --input points; distances have theirs already");
  cf_graph_options_read(options, &j.o);
  CF_TRY(load(ctx, !points, result, &j));
  CF_TRY(compute(ctx, options, &j));
  cf_json *graph = cf_graph_values(ctx, j.ian, &j.o);
  if (!graph) CF_TRY(cf_fail(ctx, CF_ERR_MEMORY, "no memory for the values"));
  cf_json_free(result->values);
  result->values = graph;
  cf_json_set(result->values, "n", cf_json_number((double)j.ian->n));
  cf_json_set(result->values, "dims", points ? cf_json_number((double)j.points->shape[1]) : cf_json_null());
  if (cf_options_flag(options, "drop-disconnected")) CF_TRY(choose_points(ctx, &j, result));
  CF_TRY(cf_graph_arrays(ctx, j.ian, j.keep, j.label, result));
  if (points) CF_TRY(put_points(ctx, &j, result));
  CF_TRY(cf_result_say(ctx, result, "%zu points of %s\n", j.ian->n, j.address));
  CF_TRY(cf_graph_summary(ctx, j.ian, result));
done:
  job_free(&j);
  return status;
}

static cf_status cost(cf_context *ctx, const cf_options *options, cf_cost *out) {
  cf_status status = CF_OK;
  char *path = NULL, *member = NULL;
  cf_io_listing *list = NULL;
  double n = 0;
  CF_TRY(cf_io_split(ctx, cf_options_argument(options, 0), &path, &member));
  CF_TRY(cf_io_list(ctx, path, &list));
  for (size_t i = 0; i < list->count; i++)
    if (list->entry[i].ndim == 2 && (!member || (list->entry[i].member && strcmp(list->entry[i].member, member) == 0)))
      n = fmax(n, (double)list->entry[i].shape[0]);
  const double near = (double)cf_options_integer(options, "neighbours");
  out->seconds = 2e-7 * n * n;
  out->bytes = near > 0 ? 200 * n * near : 24 * n * n;
done:
  cf_context_clear(ctx);
  cf_io_listing_free(list);
  cf_free(path);
  cf_free(member);
  return CF_OK;
}

const cf_analysis cf_analysis_graph = {"graph",
                                       "Manifolds",
                                       "Neighbourhood graph and kernel of points by adaptive "
                                       "neighbourhoods",
                                       "POINTS",
                                       1,
                                       1,
                                       description,
                                       examples,
                                       params,
                                       run,
                                       cost,
                                       false};
