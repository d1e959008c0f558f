/* Tubularity, decoding and resampling against tests/golden/trajectory: values of the published functions, SciPy and
 * scikit-learn on formulas and seeded numbers. */
#include "test.h"
#include <cortifold/io.h>
#include <cortifold/json.h>
#include <cortifold/trajectory.h>

#define FOLDER CF_TEST_DIR "/golden/trajectory/"

static cf_json *expected(cf_context *ctx) {
  char *text = NULL;
  size_t size = 0;
  cf_json *root = NULL;
  assert_ok(ctx, cf_io_read_bytes(ctx, FOLDER "expected.json", 1 << 24, &text, &size));
  assert_ok(ctx, cf_json_parse(ctx, "expected.json", text, size, &root));
  cf_free(text);
  return root;
}

static cf_array *numbers(cf_context *ctx, const char *file, const char *member) {
  char address[600];
  cf_array *a = NULL;
  snprintf(address, sizeof address, member ? FOLDER "%s:%s" : FOLDER "%s%s", file, member ? member : "");
  assert_ok(ctx, cf_io_read(ctx, address, NULL, &a));
  assert_ok(ctx, cf_array_to_doubles(ctx, a));
  return a;
}

static double number(const cf_json *object, const char *key) {
  const double v = cf_json_as_number(cf_json_get(object, key));
  assert_true(!isnan(v));
  return v;
}

static void resampling(void **state) {
  (void)state;
  static const char *const pair[] = {"formula", "random", "even"};
  cf_context *ctx = test_context();
  for (size_t k = 0; k < 3; k++) {
    char name[32];
    snprintf(name, sizeof name, "%s_in", pair[k]);
    cf_array *in = numbers(ctx, "resample.npz", name);
    snprintf(name, sizeof name, "%s_out", pair[k]);
    cf_array *want = numbers(ctx, "resample.npz", name);
    const size_t n = in->shape[in->ndim - 1], m = want->shape[want->ndim - 1], series = cf_array_count(in) / n;
    double *got = malloc(series * m * sizeof *got);
    assert_ok(ctx, cf_resample_hamming(ctx, series, n, in->data, m, got));
    for (size_t i = 0; i < series * m; i++) assert_close(got[i], cf_array_number(want, i), 1e-10, 1e-12);
    free(got);
    cf_array_free(in);
    cf_array_free(want);
  }
  cf_context_free(ctx);
}

static void check_tubes(const cf_tubularity *got, const cf_json *want, double tol, double floor) {
  const cf_json *bundles = cf_json_get(want, "bundles");
  assert_int_equal(got->tubes, cf_json_count(bundles));
  for (size_t k = 0; k < got->tubes; k++) {
    const cf_json *b = cf_json_at(bundles, k);
    const cf_tube *t = &got->tube[k];
    assert_int_equal(t->label, (int)number(b, "label"));
    assert_int_equal(t->curves, (size_t)number(b, "n"));
    assert_close(t->eps, number(b, "eps"), tol, 0);
    assert_close(t->length, number(b, "L"), tol, 0);
    assert_close(t->tight, number(b, "S_tight"), tol, 0);
    assert_close(t->cross, number(b, "S_cross"), tol, floor);
    assert_close(t->length_cross, number(b, "L_S_cross"), tol, floor);
  }
  assert_close(got->tight, number(want, "S_tight"), tol, 0);
  assert_close(got->cross, number(want, "S_cross"), tol, floor);
  assert_close(got->length_cross, number(want, "L_S_cross"), tol, floor);
}

static void curves(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_json *root = expected(ctx);
  const cf_json *cases = cf_json_get(root, "curves");
  assert_true(cf_json_count(cases) >= 9);
  for (size_t i = 0; i < cf_json_count(cases); i++) {
    const cf_json *c = cf_json_at(cases, i);
    const char *file = cf_json_as_text(cf_json_get(c, "input"));
    cf_array *x = numbers(ctx, file, "curves"), *labels = numbers(ctx, file, "labels");
    size_t points[64];
    int label[64];
    cf_curves *made = NULL;
    assert_true(x->shape[0] <= 64);
    for (size_t k = 0; k < x->shape[0]; k++) {
      points[k] = x->shape[1];
      label[k] = (int)cf_array_number(labels, k);
    }
    assert_ok(ctx, cf_curves_make(ctx, x->shape[0], points, x->shape[2], x->data, (size_t)number(c, "M"), &made));
    for (int paper = 0; paper < 2; paper++) {
      cf_tube_options clean = CF_TUBE_OPTIONS_INIT, o = CF_TUBE_OPTIONS_PAPER;
      cf_tubularity *t = NULL;
      if (!paper) o = clean;
      o.bins = (size_t)number(c, "B");
      o.quantile = number(c, "q");
      assert_ok(ctx, cf_tubularity_compute(ctx, made, label, &o, &t));
      check_tubes(t, cf_json_get(c, paper ? "paper" : "clean"), number(c, paper ? "rel_tol_paper" : "rel_tol_clean"),
                  number(c, "abs_tol_S_cross"));
      cf_tubularity_free(t);
    }
    cf_curves_free(made);
    cf_array_free(x);
    cf_array_free(labels);
  }
  cf_json_free(root);
  cf_context_free(ctx);
}

static void tubes_of_responses(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_json *root = expected(ctx);
  const cf_json *cases = cf_json_get(root, "responses");
  assert_int_equal(cf_json_count(cases), 4);
  for (size_t i = 0; i < cf_json_count(cases); i++) {
    const cf_json *c = cf_json_at(cases, i), *want = cf_json_get(c, "tubes");
    const char *file = cf_json_as_text(cf_json_get(c, "input"));
    cf_array *x = numbers(ctx, file, NULL);
    const cf_view v = cf_array_view(x);
    for (int paper = 0; paper < 2; paper++) {
      cf_tubes_options o = CF_TUBES_OPTIONS_INIT;
      const cf_tube_options published = CF_TUBE_OPTIONS_PAPER;
      cf_tubes *t = NULL;
      if (paper) o.tube = published;
      o.bootstrap = 0;
      assert_ok(ctx, cf_tubes_compute(ctx, &v, &o, &t));
      check_tubes(t->all, cf_json_get(want, paper ? "paper" : "clean"), 1e-6, 1e-13);
      assert_int_equal(t->constant, strcmp(file, "resp_d_constant.npy") == 0 ? 2 : 0);
      cf_tubes_free(t);
    }
    cf_array_free(x);
  }
  cf_json_free(root);
  cf_context_free(ctx);
}

/* Columns agree up to sign, to tol of the largest entry. */
static void same_columns(const double *got, const cf_array *want, size_t rows, size_t cols, double tol) {
  for (size_t j = 0; j < cols; j++) {
    double dot = 0, most = 0;
    for (size_t i = 0; i < rows; i++) {
      dot += got[i * cols + j] * cf_array_number(want, i * cols + j);
      most = fmax(most, fabs(cf_array_number(want, i * cols + j)));
    }
    for (size_t i = 0; i < rows; i++)
      assert_close(got[i * cols + j] * (dot < 0 ? -1 : 1), cf_array_number(want, i * cols + j), 0, tol * most);
  }
}

/* Keeps the rows that the file has: all, or the first two directions and every fourth bin. Returns their number. */
static size_t thin(double *rows, const cf_view *v, const cf_array *path) {
  const size_t step = path->shape[1] < v->shape[2] ? 4 : 1;
  size_t kept = 0;
  for (size_t s = 0; s < v->shape[1]; s++)
    for (size_t d = 0; d < path->shape[1]; d++)
      for (size_t t = 0; t < v->shape[3]; t += step, kept++)
        memmove(rows + 3 * kept, rows + 3 * ((s * v->shape[2] + d) * v->shape[3] + t), 3 * sizeof *rows);
  assert_int_equal(cf_array_count(path), 3 * kept);
  return kept;
}

static void manifolds(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_json *root = expected(ctx);
  const cf_json *cases = cf_json_get(root, "responses");
  for (size_t i = 0; i < cf_json_count(cases); i++) {
    const cf_json *c = cf_json_at(cases, i);
    const char *file = cf_json_as_text(cf_json_get(c, "expected"));
    cf_array *x = numbers(ctx, cf_json_as_text(cf_json_get(c, "input")), NULL);
    cf_array *place = numbers(ctx, file, "coordinates"), *path = numbers(ctx, file, "trajectories");
    const cf_view v = cf_array_view(x);
    const size_t n = v.shape[1] * v.shape[2], rows = n * v.shape[3];
    double *got = malloc(rows * 3 * sizeof *got), ratio[3];
    assert_int_equal(cf_array_count(place), 3 * n);
    assert_ok(ctx, cf_decoding_manifold(ctx, &v, 3, got, ratio));
    same_columns(got, place, n, 3, 1e-6);
    assert_close(ratio[0] + ratio[1] + ratio[2], number(c, "explained_variance_3"), 1e-6, 0);
    assert_ok(ctx, cf_decoding_trajectories(ctx, &v, 3, false, got, ratio));
    same_columns(got, path, thin(got, &v, path), 3, 1e-6);
    free(got);
    cf_array_free(x);
    cf_array_free(place);
    cf_array_free(path);
  }
  cf_json_free(root);
  cf_context_free(ctx);
}

/* The 3-NN predictions and both series of windows are exact; the folds of the logistic regression are other ones than
 * scikit-learn's, so its mean over five runs lies near the mean over 200. */
static void decoding(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_json *root = expected(ctx);
  const cf_json *cases = cf_json_get(root, "responses");
  for (size_t i = 0; i < cf_json_count(cases); i++) {
    const cf_json *c = cf_json_at(cases, i);
    const char *file = cf_json_as_text(cf_json_get(c, "expected"));
    cf_array *x = numbers(ctx, cf_json_as_text(cf_json_get(c, "input")), NULL);
    cf_array *guess = numbers(ctx, file, "knn_pred"), *up = numbers(ctx, file, "knn_increasing");
    cf_array *down = numbers(ctx, file, "knn_decreasing");
    const cf_view v = cf_array_view(x);
    cf_decoding *d = NULL;
    cf_decode_options o = CF_DECODE_OPTIONS_INIT;
    o.permutations = 19;
    assert_ok(ctx, cf_decode(ctx, &v, &o, &d));
    const cf_decode_score *knn = &d->score[CF_SCORE_KNN], *logistic = &d->score[CF_SCORE_LOGISTIC];
    assert_close(knn->accuracy, number(c, "accuracy_knn"), 0, 1e-12);
    assert_int_equal(cf_array_count(guess), d->conditions);
    for (size_t k = 0; k < d->conditions; k++) assert_int_equal(d->predicted[k], (int)cf_array_number(guess, k));
    assert_int_equal(cf_array_count(up), d->times);
    for (size_t t = 0; t < d->times; t++) {
      assert_close(knn->increasing[t], cf_array_number(up, t), 0, 1e-12);
      assert_close(knn->decreasing[t], cf_array_number(down, t), 0, 1e-12);
    }
    assert_close(logistic->accuracy, number(c, "logistic_mean_over_splits"), 0, number(c, "logistic_tol"));
    assert_int_equal(d->fits, 25 * (2 * d->times - 1));
    assert_int_equal(d->converged, d->fits);
    assert_true(d->worst_gradient <= 1e-6);
    cf_decoding_free(d);
    cf_array_free(x);
    cf_array_free(guess);
    cf_array_free(up);
    cf_array_free(down);
  }
  cf_json_free(root);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(resampling), cmocka_unit_test(curves),
                                     cmocka_unit_test(tubes_of_responses), cmocka_unit_test(manifolds),
                                     cmocka_unit_test(decoding)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
