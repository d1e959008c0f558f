/* Diffusion maps, classical scaling, clusters and local dimension against golden/manifold/maps.json. */
#include "test.h"
#include <cortifold/io.h>
#include <cortifold/json.h>
#include <cortifold/manifold.h>
#include <cortifold/stats.h>

#define GOLDEN CF_TEST_DIR "/golden/manifold/"

static cf_array *load(cf_context *ctx, const char *file, const char *member) {
  char address[512];
  cf_array *a = NULL;
  snprintf(address, sizeof address, GOLDEN "%s%s%s", file, member ? ":" : "", member ? member : "");
  assert_ok(ctx, cf_io_read(ctx, address, NULL, &a));
  assert_ok(ctx, cf_array_to_doubles(ctx, a));
  return a;
}

static cf_json *cases(cf_context *ctx) {
  char *text = NULL;
  size_t size = 0;
  cf_json *json = NULL;
  assert_ok(ctx, cf_io_read_bytes(ctx, GOLDEN "maps.json", 1 << 24, &text, &size));
  assert_ok(ctx, cf_json_parse(ctx, "maps.json", text, size, &json));
  cf_free(text);
  return json;
}

static const char *text_of(const cf_json *c, const char *key) {
  const char *text = cf_json_as_text(cf_json_get(c, key));
  assert_non_null(text);
  return text;
}
static double number_of(const cf_json *c, const char *key) {
  const double x = cf_json_as_number(cf_json_get(c, key));
  assert_true(x == x);
  return x;
}

/* Runs check() on every case of a part, and makes sure that there are as many as there should be. */
static void each(const char *part, size_t expected, void (*check)(cf_context *ctx, const cf_json *c)) {
  cf_context *ctx = test_context();
  cf_json *json = cases(ctx);
  const cf_json *list = cf_json_get(json, part);
  assert_true(cf_json_count(list) == expected);
  for (size_t i = 0; i < expected; i++) check(ctx, cf_json_at(list, i));
  cf_json_free(json);
  cf_context_free(ctx);
}

static cf_graph *sparse_of(cf_context *ctx, size_t n, const double *full) {
  uint32_t *a = calloc(n * (n + 1) / 2, sizeof *a), *b = calloc(n * (n + 1) / 2, sizeof *b);
  double *w = calloc(n * (n + 1) / 2, sizeof *w);
  size_t edges = 0;
  cf_graph *g = NULL;
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t j = i; j < n; j++)
      if (full[i * n + j] != 0) {
        a[edges] = i;
        b[edges] = j;
        w[edges++] = full[i * n + j];
      }
  assert_ok(ctx, cf_graph_from_edges(ctx, n, edges, a, b, w, &g));
  free(a), free(b), free(w);
  return g;
}

static void compare_map(const cf_json *c, size_t n, size_t dims, const double *values, const double *coordinates,
                        const cf_array *e, const cf_array *x, const cf_array *comparable) {
  const char *name = text_of(c, "name");
  for (size_t i = 0; i <= dims; i++)
    if (!(fabs(values[i] - cf_array_number(e, i)) <= number_of(c, "abs_tol_eigenvalue")))
      fail_msg("%s: eigenvalue %zu is %.15g, not %.15g", name, i, values[i], cf_array_number(e, i));
  for (size_t k = 0; k < dims; k++) {
    double most = 0;
    if (cf_array_number(comparable, k) == 0) continue;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(cf_array_number(x, i * dims + k)));
    for (size_t i = 0; i < n; i++)
      if (!(fabs(coordinates[i * dims + k] - cf_array_number(x, i * dims + k)) <=
            number_of(c, "rel_tol_coordinate") * most))
        fail_msg("%s: coordinate %zu of point %zu is %.15g, not %.15g", name, k, i, coordinates[i * dims + k],
                 cf_array_number(x, i * dims + k));
  }
}

static void check_diffusion(cf_context *ctx, const cf_json *c) {
  cf_array *kernel = load(ctx, text_of(c, "input"), NULL), *e = load(ctx, text_of(c, "expected"), "eigenvalues");
  cf_array *x = load(ctx, text_of(c, "expected"), "coordinates");
  cf_array *comparable = load(ctx, text_of(c, "expected"), "comparable");
  const size_t n = kernel->shape[0], dims = x->shape[1];
  cf_diffusion_options o = {number_of(c, "alpha"), number_of(c, "time"), dims};
  double *coordinates = calloc(n * dims, sizeof *coordinates), *values = calloc(dims + 1, sizeof *values), residual;
  cf_graph *sparse = sparse_of(ctx, n, kernel->data);
  assert_ok(ctx, cf_diffusion_map_full(ctx, n, kernel->data, &o, coordinates, values, &residual));
  assert_true(residual < 1e-12);
  compare_map(c, n, dims, values, coordinates, e, x, comparable);
  assert_ok(ctx, cf_diffusion_map(ctx, sparse, &o, coordinates, values, &residual));
  compare_map(c, n, dims, values, coordinates, e, x, comparable);
  cf_graph_free(sparse);
  cf_array_free(kernel), cf_array_free(e), cf_array_free(x), cf_array_free(comparable);
  free(coordinates), free(values);
}

static void diffusion_maps(void **state) {
  (void)state;
  each("diffusion", 18, check_diffusion);
}

static void check_mds(cf_context *ctx, const cf_json *c) {
  cf_array *d = load(ctx, text_of(c, "input"), "squared_distances"), *x = load(ctx, text_of(c, "input"), "coordinates");
  cf_array *e = load(ctx, text_of(c, "input"), "eigenvalues");
  const size_t n = d->shape[0], k = x->shape[1];
  double *length = d->data, *coordinates = calloc(n * k, sizeof *coordinates), *values = calloc(k, sizeof *values);
  const double tol = number_of(c, "rel_tol"), largest = cf_array_number(e, 0);
  for (size_t i = 0; i < n * n; i++) length[i] = sqrt(length[i]);
  assert_ok(ctx, cf_classical_mds(ctx, n, length, k, coordinates, values));
  for (size_t i = 0; i < k; i++) assert_close(values[i], cf_array_number(e, i), tol, tol * largest);
  for (size_t i = 0; i < n * k; i++) assert_close(coordinates[i], cf_array_number(x, i), tol, tol * sqrt(largest));
  cf_array_free(d), cf_array_free(x), cf_array_free(e);
  free(coordinates), free(values);
}

static void classical_scaling(void **state) {
  (void)state;
  each("mds", 3, check_mds);
}

static cf_graph *graph_of(cf_context *ctx, const char *file, size_t n) {
  cf_array *edges = load(ctx, file, "edges");
  const size_t count = edges->shape[0];
  uint32_t *a = calloc(count, sizeof *a), *b = calloc(count, sizeof *b);
  cf_graph *g = NULL;
  for (size_t i = 0; i < count; i++) {
    a[i] = (uint32_t)cf_array_number(edges, 2 * i);
    b[i] = (uint32_t)cf_array_number(edges, 2 * i + 1);
  }
  assert_ok(ctx, cf_graph_from_edges(ctx, n, count, a, b, NULL, &g));
  free(a), free(b);
  cf_array_free(edges);
  return g;
}

static void check_labels(cf_context *ctx, const cf_json *c, const cf_array *x, const cf_graph *g, size_t min_size) {
  char member[32], key[8];
  snprintf(member, sizeof member, "labels_mcs%zu", min_size);
  snprintf(key, sizeof key, "%zu", min_size);
  cf_array *labels = load(ctx, text_of(c, "input"), member), *core = load(ctx, text_of(c, "input"), "core");
  cf_array *heights = load(ctx, text_of(c, "input"), "single_linkage_heights");
  cf_clustering *k = NULL;
  assert_ok(ctx, cf_cluster_manifold(ctx, x->shape[0], x->shape[1], x->data, g, min_size, &k));
  double noise = 0;
  for (size_t i = 0; i < k->n; i++) {
    assert_close(k->core[i], cf_array_number(core, i), 1e-12, 0);
    if (k->label[i] != (int)cf_array_number(labels, i))
      fail_msg("%s, smallest cluster %zu: point %zu is in %d, not in %g", text_of(c, "name"), min_size, i, k->label[i],
               cf_array_number(labels, i));
    noise += k->label[i] < 0;
  }
  for (size_t i = 0; i + 1 < k->n; i++) assert_close(k->merge[4 * i + 2], cf_array_number(heights, i), 1e-12, 0);
  assert_true((double)k->clusters == number_of(cf_json_get(c, "n_clusters"), key));
  assert_true(noise == number_of(cf_json_get(c, "n_noise"), key));
  cf_clustering_free(k);
  cf_array_free(labels), cf_array_free(core), cf_array_free(heights);
}

static void check_clusters(cf_context *ctx, const cf_json *c) {
  cf_array *x = load(ctx, text_of(c, "input"), "coordinates");
  cf_graph *g = graph_of(ctx, text_of(c, "input"), x->shape[0]);
  check_labels(ctx, c, x, g, 5);
  check_labels(ctx, c, x, g, 10);
  cf_graph_free(g);
  cf_array_free(x);
}

static void clusters(void **state) {
  (void)state;
  each("clustering", 3, check_clusters);
}

static void check_dimension(cf_context *ctx, const cf_json *c) {
  const char *file = text_of(c, "input");
  cf_array *x = load(ctx, file, "points"), *e = load(ctx, file, "ncd"), *f = load(ctx, file, "degree_dimension");
  const size_t n = x->shape[0], dims = x->shape[1];
  double *squared = calloc(n * n, sizeof *squared), *ncd = calloc(n, sizeof *ncd), *degree = calloc(n, sizeof *degree);
  cf_graph *g = graph_of(ctx, file, n);
  double near = 0;
  for (size_t i = 0; i < n * n; i++)
    for (size_t d = 0; d < dims; d++) {
      const double step = cf_array_number(x, i / n * dims + d) - cf_array_number(x, i % n * dims + d);
      squared[i] += step * step;
    }
  assert_ok(ctx, cf_local_dimension(ctx, n, squared, g, (size_t)number_of(c, "hops"), ncd, degree, NULL));
  for (size_t i = 0; i < n; i++) {
    assert_close(degree[i], cf_array_number(f, i), 1e-12, 0);
    near += fabs(ncd[i] - cf_array_number(e, i)) <= number_of(c, "abs_tol_point");
  }
  if (near < number_of(c, "share_of_points") * (double)n) fail_msg("%s: %g of %zu points agree", file, near, n);
  assert_close(cf_median(n, ncd), number_of(c, "ncd_median"), 0, number_of(c, "abs_tol_median"));
  assert_close(cf_median(n, degree), number_of(c, "degree_median"), 0, number_of(c, "abs_tol_median"));
  cf_graph_free(g);
  cf_array_free(x), cf_array_free(e), cf_array_free(f);
  free(squared), free(ncd), free(degree);
}

static void local_dimension(void **state) {
  (void)state;
  each("local_dimension", 4, check_dimension);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(diffusion_maps),
      cmocka_unit_test(classical_scaling),
      cmocka_unit_test(clusters),
      cmocka_unit_test(local_dimension),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
