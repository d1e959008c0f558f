/* The analysis `graph` and the files it writes: what goes out comes in again, whatever the points were stored as;
 * damaged graphs are named; memory that runs out leaves an orderly error. */
#include "io_test.h"
#include <cortifold/manifold.h>
#include "pipeline/graph_files.h"

enum { N = 40 };

/* The spiral of forty points. */
static double *cloud(void) {
  static double x[2 * N];
  for (size_t k = 0; k < N; k++) {
    const double t = 1 + 0.25 * (double)k;
    x[2 * k] = t * cos(t);
    x[2 * k + 1] = t * sin(t);
  }
  return x;
}

static const char *save(cf_context *ctx, const char *name, cf_dataset *set) {
  cf_io_write_options o = CF_IO_WRITE_OPTIONS_INIT;
  const char *path = test_path(name);
  o.force = true;
  assert_ok(ctx, cf_io_write(ctx, path, set, &o));
  cf_dataset_free(set);
  return path;
}

static const char *save_points(cf_context *ctx, const char *name, cf_dtype dtype) {
  const size_t shape[2] = {N, 2};
  cf_dataset *set = NULL;
  cf_array *a = NULL;
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  assert_ok(ctx, cf_array_new(ctx, "points", dtype, 2, shape, &a));
  for (size_t i = 0; i < 2 * N; i++) {
    if (dtype == CF_F32)
      ((float *)a->data)[i] = (float)cloud()[i];
    else
      ((double *)a->data)[i] = cloud()[i];
  }
  assert_ok(ctx, cf_dataset_add(ctx, set, a));
  return save(ctx, name, set);
}

/* pairs: option, text, ..., NULL */
static cf_status run_graph(cf_context *ctx, const char *path, const char *const *pairs, cf_result **result) {
  const cf_analysis *analysis = cf_analysis_find("graph");
  assert_non_null(analysis);
  const cf_param *tables[] = {analysis->params, cf_common_params()};
  cf_options *options = NULL;
  cf_status status = cf_options_new(ctx, tables, 2, &options);
  *result = NULL;
  if (status == CF_OK) status = cf_options_add_argument(ctx, options, path);
  for (; status == CF_OK && pairs && *pairs; pairs += 2) status = cf_options_set(ctx, options, pairs[0], pairs[1]);
  if (status == CF_OK) status = cf_result_new(ctx, result);
  if (status == CF_OK) status = analysis->run(ctx, options, *result);
  cf_options_free(options);
  return status;
}

static double number(const cf_result *r, const char *key) {
  return cf_json_as_number(cf_json_get(r->values, key));
}

/* The arrays of a result as a file. */
static const char *save_result(cf_context *ctx, const char *name, const cf_result *r) {
  cf_io_write_options o = CF_IO_WRITE_OPTIONS_INIT;
  const char *path = test_path(name);
  o.force = true;
  assert_ok(ctx, cf_io_write(ctx, path, r->arrays, &o));
  return path;
}

static void what_goes_out_comes_in_again(void **state) {
  (void)state;
  static const char *const endings[] = {"graph.npz", "graph.h5"};
  cf_context *ctx = test_context();
  cf_result *r = NULL;
  cf_ian *ian = NULL;
  assert_ok(ctx, cf_ian_points(ctx, N, 2, cloud(), NULL, &ian));
  assert_ok(ctx, run_graph(ctx, save_points(ctx, "points.npy", CF_F64), NULL, &r));
  assert_true(number(r, "gabriel_edges") == 70 && number(r, "pruned") == 1 && number(r, "n") == N);
  assert_true(number(r, "kernel_entries") == 1148 && number(r, "dims") == 2 && number(r, "disconnected") == 0);
  assert_non_null(strstr(r->summary, "70 edges"));
  for (size_t k = 0; k < 2; k++) {
    cf_graph *kernel = NULL, *edges = NULL, *gabriel = NULL;
    const char *path = save_result(ctx, endings[k], r);
    assert_ok(ctx, cf_load_kernel(ctx, path, NULL, &kernel));
    assert_int_equal(kernel->start[N], ian->kernel->start[N]);
    assert_memory_equal(kernel->start, ian->kernel->start, (N + 1) * sizeof(size_t));
    assert_memory_equal(kernel->to, ian->kernel->to, kernel->start[N] * sizeof(uint32_t));
    assert_memory_equal(kernel->weight, ian->kernel->weight, kernel->start[N] * sizeof(double));
    assert_ok(ctx, cf_load_edges(ctx, path, "edges", N, &edges));
    assert_memory_equal(edges->weight, ian->graph->weight, edges->start[N] * sizeof(double));
    assert_ok(ctx, cf_load_edges(ctx, path, "gabriel", N, &gabriel));
    assert_int_equal(gabriel->start[N], 140);
    assert_true(gabriel->weight[0] == 1);
    cf_graph_free(kernel);
    cf_graph_free(edges);
    cf_graph_free(gabriel);
    assert_ok(ctx, cf_load_edges(ctx, path, "nothing", N, &edges));
    assert_null(edges);
  }
  cf_result_free(r);
  cf_ian_free(ian);
  cf_context_free(ctx);
}

static void storage_and_kind_of_input_do_not_matter(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_result *a = NULL, *b = NULL;
  double d[N * N];
  assert_ok(ctx, run_graph(ctx, save_points(ctx, "points.npy", CF_F64), NULL, &a));
  assert_ok(ctx, run_graph(ctx, save_points(ctx, "single.npy", CF_F32), NULL, &b));
  assert_true(number(b, "gabriel_edges") == 70);
  assert_close(number(b, "connectivity"), number(a, "connectivity"), 1e-6, 0);
  cf_result_free(b);
  for (int squared = 0; squared < 2; squared++) {
    const size_t shape[2] = {N, N};
    const char *pairs[] = {"input", squared ? "squared-distances" : "distances", NULL};
    cf_dataset *set = NULL;
    assert_ok(ctx, cf_squared_distances(ctx, N, 2, cloud(), d));
    for (size_t i = 0; i < (size_t)N * N; i++) d[i] = squared ? d[i] : sqrt(d[i]);
    assert_ok(ctx, cf_dataset_new(ctx, &set));
    assert_ok(ctx, cf_dataset_put(ctx, set, "distances", 2, shape, d));
    assert_ok(ctx, run_graph(ctx, save(ctx, "d.npy", set), pairs, &b));
    const cf_array *sa = cf_dataset_get(a->arrays, "scale"), *sb = cf_dataset_get(b->arrays, "scale");
    for (size_t i = 0; i < N; i++) assert_close(cf_array_number(sb, i), cf_array_number(sa, i), 1e-9, 0);
    assert_null(cf_dataset_get(b->arrays, "points"));
    cf_result_free(b);
  }
  cf_result_free(a);
  cf_context_free(ctx);
}

static void disconnected_points_can_be_left_out(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_result *all = NULL, *r = NULL;
  const char *pairs[] = {"drop-disconnected", NULL, NULL};
  const char *path = CF_TEST_DIR "/golden/manifold/ray160.npy";
  assert_ok(ctx, run_graph(ctx, path, NULL, &all));
  assert_ok(ctx, run_graph(ctx, path, pairs, &r));
  assert_true(number(r, "disconnected") == 1 && number(r, "n") == 160);
  const cf_array *kept = cf_dataset_get(r->arrays, "kept"), *whole = cf_dataset_get(all->arrays, "scale");
  const cf_array *scale = cf_dataset_get(r->arrays, "scale"), *points = cf_dataset_get(r->arrays, "points");
  assert_int_equal(kept->shape[0], 159);
  assert_int_equal(points->shape[0], 159);
  for (size_t i = 0; i < 159; i++)
    assert_true(cf_array_number(scale, i) == cf_array_number(whole, (size_t)cf_array_number(kept, i)));
  cf_graph *kernel = NULL, *before = NULL;
  assert_ok(ctx, cf_load_kernel(ctx, save_result(ctx, "r.npz", r), NULL, &kernel));
  assert_ok(ctx, cf_load_kernel(ctx, save_result(ctx, "all.npz", all), NULL, &before));
  assert_int_equal(kernel->n, 159);
  assert_int_equal(kernel->start[159] + 1, before->start[160]); /* the diagonal entry of the lone point is gone */
  cf_graph_free(kernel);
  cf_graph_free(before);
  cf_result_free(all);
  cf_result_free(r);
  cf_context_free(ctx);
}

static void options_reach_the_graph(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_result *r = NULL;
  cf_ian *ian = NULL;
  cf_ian_options o = CF_IAN_OPTIONS_INIT;
  const char *pairs[] = {"neighbours", "3", "connect", "mst", "multi-scale", NULL, NULL};
  o.neighbours = 3;
  o.spanning = o.multi_scale = true;
  assert_ok(ctx, cf_ian_points(ctx, N, 2, cloud(), &o, &ian));
  assert_ok(ctx, run_graph(ctx, save_points(ctx, "points.npy", CF_F64), pairs, &r));
  assert_true(number(r, "neighbours") == 3 && number(r, "components") == 1);
  assert_true(number(r, "gabriel_edges") < 70);
  assert_true(number(r, "gabriel_edges") == (double)ian->gabriel_edges);
  assert_true(number(r, "kernel_entries") == (double)ian->kernel->start[N]);
  const cf_array *threshold = cf_dataset_get(r->arrays, "history/threshold");
  assert_true(cf_array_number(threshold, 0) <= 3);
  cf_ian_free(ian);
  cf_result_free(r);
  cf_context_free(ctx);
}

/* ------------------------------------------------------------- damage -- */

static void refuses(cf_context *ctx, const char *words, size_t entries, const double *data, const double *index,
                    size_t starts, const double *start) {
  cf_dataset *set = NULL;
  cf_graph *g = NULL;
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  assert_ok(ctx, cf_dataset_put(ctx, set, "kernel_data", 1, &entries, data));
  if (index) assert_ok(ctx, cf_dataset_put(ctx, set, "kernel_indices", 1, &entries, index));
  assert_ok(ctx, cf_dataset_put(ctx, set, "kernel_indptr", 1, &starts, start));
  const char *path = save(ctx, "bad.npz", set);
  assert_status(ctx, CF_ERR_INPUT, cf_load_kernel(ctx, path, NULL, &g));
  if (!strstr(cf_context_error(ctx), words)) fail_msg("'%s' does not say '%s'", cf_context_error(ctx), words);
  assert_null(g);
}

static void damaged_kernels_are_named(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const double x[4] = {1, 0.5, 0.5, 1}, to[4] = {0, 1, 0, 1}, from[3] = {0, 2, 4};
  refuses(ctx, "kernel_indices", 4, x, NULL, 3, from);
  refuses(ctx, "(0, 1) is 0.5", 4, (const double[]){1, 0.5, 0.25, 1}, to, 3, from);
  refuses(ctx, "NaN", 4, (const double[]){1, NAN, NAN, 1}, to, 3, from);
  refuses(ctx, "index 1 (row 0) is 2", 4, x, (const double[]){0, 2, 0, 1}, 3, from);
  refuses(ctx, "index 1 (row 0) is 0", 4, x, (const double[]){0, 0, 0, 1}, 3, from);
  refuses(ctx, "index 0 (row 0) is 0.5", 4, x, (const double[]){0.5, 1, 0, 1}, 3, from);
  refuses(ctx, "row 0", 4, x, to, 3, (const double[]){0, 5, 4});
  refuses(ctx, "row 1", 4, x, to, 3, (const double[]){0, 2, 3});
  refuses(ctx, "no compressed rows", 4, x, to, 1, from);
  cf_context_free(ctx);
}

static void dense_kernels_load(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_dataset *set = NULL;
  cf_graph *g = NULL;
  const double k[9] = {1, 0.5, 0, 0.5, 1, 0, 0, 0, 0}, wide[6] = {1, 0, 0, 0, 1, 0};
  const size_t start[4] = {0, 2, 4, 5};
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  assert_ok(ctx, cf_dataset_put(ctx, set, "k", 2, (const size_t[]){3, 3}, k));
  assert_ok(ctx, cf_load_kernel(ctx, save(ctx, "k.npy", set), NULL, &g));
  assert_memory_equal(g->start, start, sizeof start); /* the diagonal is kept, also where it is 0 */
  cf_graph_free(g);
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  assert_ok(ctx, cf_dataset_put(ctx, set, "k", 2, (const size_t[]){2, 3}, wide));
  assert_status(ctx, CF_ERR_INPUT, cf_load_kernel(ctx, save(ctx, "k.npy", set), NULL, &g));
  assert_non_null(strstr(cf_context_error(ctx), "kernel_indptr"));
  cf_context_free(ctx);
}

static void memory_may_run_out(void **state) {
  (void)state;
  char path[256];
  cf_context *first = test_context();
  snprintf(path, sizeof path, "%s", save_points(first, "points.npy", CF_F64));
  cf_context_free(first);
  const char *near[] = {"neighbours", "10", "connect", "mst", NULL};
  for (int round = 0; round < 2; round++) {
    size_t failures = 0, fine = 0;
    for (uint64_t n = 1; fine < 64; n++) {
      cf_context *ctx = test_context();
      cf_result *r = NULL;
      cf_test_fail_allocation(n);
      const cf_status status = run_graph(ctx, path, round ? near : NULL, &r);
      cf_test_fail_allocation(0);
      fine = status == CF_OK ? fine + 1 : 0;
      failures += status != CF_OK;
      if (status != CF_OK && !*cf_context_error(ctx)) fail_msg("allocation %d failed without a message", (int)n);
      cf_result_free(r);
      cf_context_free(ctx);
    }
    assert_true(failures > 30);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_goes_out_comes_in_again),
      cmocka_unit_test(storage_and_kind_of_input_do_not_matter),
      cmocka_unit_test(disconnected_points_can_be_left_out),
      cmocka_unit_test(options_reach_the_graph),
      cmocka_unit_test(damaged_kernels_are_named),
      cmocka_unit_test(dense_kernels_load),
      cmocka_unit_test(memory_may_run_out),
  };
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
