/* The analyses compare and distances on files: patterns of members, matching by label, missing values, what comes out.
 */
#include "test.h"
#include <cortifold/compare.h>
#include <cortifold/io.h>
#include <cortifold/pipeline.h>
#include <unistd.h>

enum { N = 12, P = 3, LAYERS = 3 };
static char folder[] = "/tmp/cf-compare-XXXXXX";
static char path_x[64], path_y[64], path_nan[64];

static double entry(size_t layer, size_t i, size_t j) {
  return sin((double)(i * (j + 2))) + 0.4 * cos((double)(i * (layer + 3) + j));
}

static void put(cf_context *ctx, cf_dataset *set, const char *name, size_t layer, const size_t *order, double *hole) {
  double data[N * P];
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < P; j++) data[i * P + j] = entry(layer, order ? order[i] : i, j);
  if (hole) data[4 * P + 1] = *hole;
  assert_ok(ctx, cf_dataset_put(ctx, set, name, 2, (const size_t[]){N, P}, data));
}

/* Labels c0 .. c11 in the given order. */
static void put_labels(cf_context *ctx, cf_dataset *set, const size_t *order) {
  char text[N][8];
  const char *names[N];
  cf_array *a = NULL;
  for (size_t i = 0; i < N; i++) {
    snprintf(text[i], sizeof text[i], "c%zu", order ? order[i] : i);
    names[i] = text[i];
  }
  assert_ok(ctx, cf_array_from_texts(ctx, "condition", N, names, &a));
  assert_ok(ctx, cf_dataset_add(ctx, set, a));
}

static int setup(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_dataset *set = NULL;
  const cf_io_write_options write = CF_IO_WRITE_OPTIONS_INIT;
  size_t reversed[N];
  double nan = NAN;
  assert_non_null(mkdtemp(folder));
  for (size_t i = 0; i < N; i++) reversed[i] = N - 1 - i;
  snprintf(path_x, sizeof path_x, "%s/x.npz", folder);
  snprintf(path_y, sizeof path_y, "%s/y.npz", folder);
  snprintf(path_nan, sizeof path_nan, "%s/nan.npz", folder);
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  put(ctx, set, "layer10", 0, NULL, NULL);
  put(ctx, set, "layer2", 1, NULL, NULL);
  put(ctx, set, "other", 2, NULL, NULL);
  put_labels(ctx, set, NULL);
  assert_ok(ctx, cf_io_write(ctx, path_x, set, &write));
  cf_dataset_free(set);
  assert_ok(ctx, cf_dataset_new(ctx, &set)); /* the same numbers as layer10, rows in another order */
  put(ctx, set, "patterns", 0, reversed, NULL);
  put_labels(ctx, set, reversed);
  assert_ok(ctx, cf_io_write(ctx, path_y, set, &write));
  cf_dataset_free(set);
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  put(ctx, set, "patterns", 0, NULL, &nan);
  assert_ok(ctx, cf_io_write(ctx, path_nan, set, &write));
  cf_dataset_free(set);
  cf_context_free(ctx);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  unlink(path_x);
  unlink(path_y);
  unlink(path_nan);
  return rmdir(folder);
}

/* options: name, text, ..., NULL. Returns the status; *out is filled on success. */
static cf_status run(cf_context *ctx, const char *analysis, const char *x, const char *y, const char *const *options,
                     cf_result **out) {
  const cf_analysis *a = cf_analysis_find(analysis);
  assert_non_null(a);
  const cf_param *tables[2] = {a->params, cf_common_params()};
  cf_options *o = NULL;
  assert_ok(ctx, cf_options_new(ctx, tables, 2, &o));
  assert_ok(ctx, cf_options_add_argument(ctx, o, x));
  assert_ok(ctx, cf_options_add_argument(ctx, o, y));
  for (; options && options[0]; options += 2) assert_ok(ctx, cf_options_set(ctx, o, options[0], options[1]));
  assert_ok(ctx, cf_result_new(ctx, out));
  const cf_status status = a->run(ctx, o, *out);
  cf_options_free(o);
  return status;
}

static const cf_json *measure_at(const cf_result *r, size_t i) {
  return cf_json_at(cf_json_get(r->values, "measures"), i);
}
static double number(const cf_json *entry_json, const char *key) {
  return cf_json_as_number(cf_json_get(entry_json, key));
}

static void test_rows_are_matched_by_label(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_result *r = NULL;
  char address[96];
  snprintf(address, sizeof address, "%s:layer10", path_x);
  assert_ok(ctx, run(ctx, "compare", address, path_y, (const char *const[]){"measure", "cka,procrustes", NULL}, &r));
  assert_true(number(measure_at(r, 0), "value") == 1);
  assert_true(number(measure_at(r, 1), "value") == 0);
  assert_string_equal(cf_json_as_text(cf_json_get(r->values, "conditions_matched_by")), "label");
  cf_result_free(r);
  /* Without labels on one side the rows count: another answer, and the result says so. */
  assert_ok(ctx, run(ctx, "compare", path_nan, path_y,
                     (const char *const[]){"measure", "cka", "nan", "drop-channel", NULL}, &r));
  assert_true(number(measure_at(r, 0), "value") < 0.999);
  assert_string_equal(cf_json_as_text(cf_json_get(r->values, "conditions_matched_by")), "position");
  cf_result_free(r);
  cf_context_free(ctx);
}

/* Among the 6 orders of three conditions one is the observed one: with 300 draws about 50 of them tie with it, however
 * badly the arccos of a rotated copy rounds. */
static void test_ties_of_angles_count(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const cf_io_write_options write = CF_IO_WRITE_OPTIONS_INIT;
  char x[64], y[64];
  snprintf(x, sizeof x, "%s/a.npy", folder);
  snprintf(y, sizeof y, "%s/b.npy", folder);
  for (int k = 0; k < 12; k++) {
    double a[6], b[6];
    const double c = cos(1 + k), s = sin(1 + k);
    cf_dataset *set[2];
    cf_result *r = NULL;
    for (int i = 0; i < 6; i++) a[i] = sin(3 * i + k) + 0.1 * i;
    for (int i = 0; i < 3; i++) {
      b[2 * i] = c * a[2 * i] - s * a[2 * i + 1];
      b[2 * i + 1] = s * a[2 * i] + c * a[2 * i + 1];
    }
    for (int side = 0; side < 2; side++) {
      assert_ok(ctx, cf_dataset_new(ctx, &set[side]));
      assert_ok(ctx, cf_dataset_put(ctx, set[side], "patterns", 2, (const size_t[]){3, 2}, side ? b : a));
      assert_ok(ctx, cf_io_write(ctx, side ? y : x, set[side], &write));
      cf_dataset_free(set[side]);
    }
    assert_ok(ctx, run(ctx, "compare", x, y,
                       (const char *const[]){"measure", "procrustes", "permutations", "300", NULL}, &r));
    assert_close(number(measure_at(r, 0), "value"), 0, 0, 1e-14);
    assert_true(number(measure_at(r, 0), "p") > 0.1);
    cf_result_free(r);
    unlink(x);
    unlink(y);
  }
  cf_context_free(ctx);
}

static void test_patterns_give_all_layers(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_result *r = NULL;
  char address[96];
  snprintf(address, sizeof address, "%s:layer*", path_x);
  assert_ok(ctx, run(ctx, "compare", address, path_y,
                     (const char *const[]){"measure", "cka,cca", "permutations", "19", "bootstrap", "20", NULL}, &r));
  assert_int_equal(cf_json_count(cf_json_get(r->values, "measures")), 4);
  assert_string_equal(cf_json_as_text(cf_json_get(measure_at(r, 0), "x")), "layer10"); /* order of the npz */
  assert_string_equal(cf_json_as_text(cf_json_get(measure_at(r, 1), "x")), "layer2");
  assert_true(number(measure_at(r, 0), "value") == 1 && number(measure_at(r, 1), "value") < 1);
  assert_close(number(measure_at(r, 0), "p"), 0.05, 1e-12, 0); /* no permutation is as alike */
  assert_true(number(measure_at(r, 0), "z") > 0);
  const cf_array *null = cf_dataset_get(r->arrays, "null/cka"), *value = cf_dataset_get(r->arrays, "value");
  assert_non_null(null);
  assert_int_equal(null->ndim, 3);
  assert_int_equal(null->shape[0], 2);
  assert_int_equal(null->shape[2], 19);
  assert_non_null(cf_dataset_get(r->arrays, "bootstrap/cca"));
  assert_non_null(cf_dataset_get(r->arrays, "canonical_correlations/cca"));
  assert_close(cf_array_number(value, 1), number(measure_at(r, 1), "value"), 0, 0);
  cf_result_free(r);
  snprintf(address, sizeof address, "%s:nothing*", path_x);
  assert_status(ctx, CF_ERR_INPUT, run(ctx, "compare", address, path_y, NULL, &r));
  assert_non_null(strstr(cf_context_error(ctx), "nothing*"));
  cf_result_free(r);
  cf_context_free(ctx);
}

static void test_centred_interval_holds_the_value(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_result *r = NULL;
  char address[96];
  snprintf(address, sizeof address, "%s:layer2", path_x);
  assert_ok(ctx, run(ctx, "compare", address, path_y,
                     (const char *const[]){"measure", "cca", "bootstrap", "50", "interval", "centred", NULL}, &r));
  const cf_json *ci = cf_json_get(measure_at(r, 0), "ci");
  const double v = number(measure_at(r, 0), "value");
  assert_true(cf_json_as_number(cf_json_at(ci, 0)) < v && v < cf_json_as_number(cf_json_at(ci, 1)));
  assert_true(cf_json_as_number(cf_json_at(ci, 1)) <= 1);
  cf_result_free(r);
  cf_context_free(ctx);
}

static void test_missing_values(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_result *r = NULL;
  assert_status(ctx, CF_ERR_INPUT, run(ctx, "compare", path_nan, path_y, NULL, &r));
  assert_non_null(strstr(cf_context_error(ctx), "nan.npz"));
  cf_result_free(r);
  assert_ok(ctx, run(ctx, "compare", path_nan, path_y,
                     (const char *const[]){"measure", "cka", "nan", "drop-condition", NULL}, &r));
  assert_true(number(measure_at(r, 0), "n") == N - 1);
  assert_true(cf_json_as_number(cf_json_get(r->values, "conditions_dropped")) == 1);
  cf_result_free(r);
  cf_context_free(ctx);
}

static void test_distances(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_result *r = NULL;
  char address[96];
  snprintf(address, sizeof address, "%s:*", path_x);
  assert_ok(
      ctx, run(ctx, "distances", address, path_y, (const char *const[]){"measure", "shape", "alpha", "0.5", NULL}, &r));
  const cf_array *d = cf_dataset_get(r->arrays, "distances");
  assert_non_null(d);
  assert_int_equal(d->shape[0], LAYERS + 1);
  assert_true(cf_array_number(d, 0) == 0 && cf_array_number(d, 3) == 0); /* layer10 and y hold the same numbers */
  assert_true(cf_array_number(d, 1) > 0 && cf_array_number(d, 1) == cf_array_number(d, LAYERS + 1));
  cf_result_free(r);
  cf_context_free(ctx);
}

static void test_every_measure_is_described(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_result *r = NULL;
  char address[96];
  snprintf(address, sizeof address, "%s:layer2", path_x);
  assert_ok(ctx,
            run(ctx, "compare", address, path_y,
                (const char *const[]){
                    "measure", "rsa,cka,cka-debiased,cka-rbf,cca,svcca,pwcca,procrustes,shape,rv,linear-predictivity",
                    "scale", "zscore", NULL},
                &r));
  assert_int_equal(cf_json_count(cf_json_get(r->values, "measures")), 11);
  for (size_t i = 0; i < 11; i++) {
    assert_true(isfinite(number(measure_at(r, i), "value")));
    assert_non_null(cf_json_as_text(cf_json_get(measure_at(r, i), "formula")));
    assert_string_equal(cf_json_as_text(cf_json_get(measure_at(r, i), "name")), cf_measure_at(i)->id);
  }
  cf_result_free(r);
  cf_context_free(ctx);
}

#define DYNAMICS CF_TEST_DIR "/golden/dynamics-dsa/"

/* Trajectories beside patterns: golden distances, how the search ended, nulls and intervals of the same bits for any
 * number of threads. */
static void test_dynamics(void **state) {
  (void)state;
  const char *const options[] = {
      "measure", "dsa-angular,cka,dsa-euclidean,dsa-wasserstein", "permutations", "6", "bootstrap", "5", NULL};
  double seen[2][4];
  for (int k = 0; k < 2; k++) {
    cf_context *ctx = NULL;
    cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
    cf_result *r = NULL;
    o.threads = 1 + k;
    assert_int_equal(cf_context_new(&o, &ctx), CF_OK);
    assert_ok(ctx, run(ctx, "compare", DYNAMICS "traj_linear_2d_x.npy", DYNAMICS "traj_linear_2d_y.npy", options, &r));
    assert_close(number(measure_at(r, 0), "value"), 0.15623336646711994, 1e-6, 0);
    assert_close(number(measure_at(r, 2), "value"), 0.15607451997735697, 1e-6, 0);
    assert_close(number(measure_at(r, 3), "value"), 0.021808252437477787, 1e-5, 0);
    assert_string_equal(cf_json_as_text(cf_json_get(measure_at(r, 1), "name")), "cka");
    const cf_json *alignment = cf_json_get(measure_at(r, 0), "alignment");
    assert_true(cf_json_as_bool(cf_json_get(alignment, "converged")));
    assert_true(number(alignment, "gradient") < 1e-8 && number(alignment, "reached") >= 1);
    for (size_t i = 0; i < 4; i++) {
      seen[k][i] = number(measure_at(r, i), "null_mean");
      assert_true(!isnan(seen[k][i]) && seen[k][i] == seen[0][i]);
      assert_int_equal(cf_json_count(cf_json_get(measure_at(r, i), "ci")), 2);
    }
    cf_result_free(r);
    assert_ok(ctx, run(ctx, "distances", DYNAMICS "traj_linear_2d_x.npy", DYNAMICS "traj_linear_2d_y.npy",
                       (const char *const[]){"measure", "dsa-wasserstein", "root", "yes", NULL}, &r));
    assert_close(cf_json_as_number(cf_json_at(cf_json_at(cf_json_get(r->values, "distances"), 0), 1)),
                 sqrt(0.021808252437477787), 1e-5, 0);
    cf_result_free(r);
    cf_context_free(ctx);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_dynamics),
      cmocka_unit_test(test_rows_are_matched_by_label),
      cmocka_unit_test(test_ties_of_angles_count),
      cmocka_unit_test(test_patterns_give_all_layers),
      cmocka_unit_test(test_centred_interval_holds_the_value),
      cmocka_unit_test(test_missing_values),
      cmocka_unit_test(test_distances),
      cmocka_unit_test(test_every_measure_is_described),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
