/* Golden values of the permuted CP factorisation, golden/tensor/expected.json: objective and gradient, effective
 * dimension, neural matrix, through the library; the factorisations are in test_factor.c. */
#include "test.h"
#include <cortifold/io.h>
#include <cortifold/json.h>
#include <cortifold/linalg.h>
#include <cortifold/stats.h>
#include <cortifold/tensor.h>

#define GOLDEN CF_TEST_DIR "/golden/tensor/"

static cf_json *expected(cf_context *ctx) {
  char *text = NULL;
  size_t size = 0;
  cf_json *json = NULL;
  assert_ok(ctx, cf_io_read_bytes(ctx, GOLDEN "expected.json", 1 << 24, &text, &size));
  assert_ok(ctx, cf_json_parse(ctx, "expected.json", text, size, &json));
  cf_free(text);
  return json;
}

static double number(const cf_json *object, const char *key) {
  return cf_json_as_number(cf_json_get(object, key));
}

static cf_dataset *load(cf_context *ctx, const char *name) {
  char path[512];
  cf_dataset *set = NULL;
  snprintf(path, sizeof path, GOLDEN "%s", name);
  assert_ok(ctx, cf_io_read_all(ctx, path, &set));
  return set;
}

static cf_array *doubles(cf_context *ctx, const cf_dataset *set, const char *name) {
  cf_array *a = cf_dataset_get(set, name);
  if (!a) fail_msg("no member %s", name);
  assert_ok(ctx, cf_array_to_doubles(ctx, a));
  return a;
}

/* ||a - b|| <= rtol ||b|| */
static void check_norm(const char *what, size_t n, const double *a, const double *b, double rtol) {
  double rest = 0, norm = 0;
  for (size_t i = 0; i < n; i++) {
    rest += (a[i] - b[i]) * (a[i] - b[i]);
    norm += b[i] * b[i];
  }
  if (!(rest <= rtol * rtol * norm)) fail_msg("%s: differs by %g of itself", what, sqrt(rest / norm));
}

static void objective(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_json *json = expected(ctx);
  const cf_json *list = cf_json_get(json, "objective");
  assert_int_equal(cf_json_count(list), 3);
  for (size_t i = 0; i < cf_json_count(list); i++) {
    const cf_json *e = cf_json_at(list, i);
    cf_dataset *set = load(ctx, cf_json_as_text(cf_json_get(e, "input")));
    const cf_array *x = doubles(ctx, set, "responses"), *a = doubles(ctx, set, "neuron"),
                   *b = doubles(ctx, set, "stimulus"), *c = doubles(ctx, set, "pattern"),
                   *k = doubles(ctx, set, "shift");
    const char *const names[3] = {"grad_neuron", "grad_stimulus", "grad_pattern"};
    const cf_view v = cf_array_view(x);
    const double rtol = number(e, "rel_tol");
    double f = 0, plain = 0, *grad[3];
    int32_t *shift = calloc(cf_array_count(k), sizeof *shift);
    for (size_t g = 0; g < 3; g++) grad[g] = calloc(cf_array_count(g == 0 ? a : g == 1 ? b : c), sizeof **grad);
    assert_ok(ctx, cf_factor_objective(ctx, &v, a->shape[1], a->data, b->data, c->data, true, &f, shift, grad[0],
                                       grad[1], grad[2]));
    assert_ok(ctx, cf_factor_objective(ctx, &v, a->shape[1], a->data, b->data, c->data, false, &plain, NULL, NULL, NULL,
                                       NULL));
    assert_close(f, number(e, "f"), rtol, 0);
    assert_close(plain, number(e, "f_unshifted"), rtol, 0);
    for (size_t m = 0; m < cf_array_count(k); m++) assert_int_equal(shift[m], (int)((const double *)k->data)[m]);
    for (size_t g = 0; g < 3; g++) {
      const cf_array *known = cf_dataset_get(set, names[g]);
      if (!known) known = doubles(ctx, set, g == 0 ? "grad_A" : g == 1 ? "grad_B" : "grad_C");
      check_norm(names[g], cf_array_count(known), grad[g], known->data, rtol);
      free(grad[g]);
    }
    free(shift);
    cf_dataset_free(set);
  }
  cf_json_free(json);
  cf_context_free(ctx);
}

static void effective_dimension(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_json *json = expected(ctx);
  const cf_json *list = cf_json_get(json, "effective_dimension");
  cf_dataset *set = load(ctx, "effective_dimension.npz");
  assert_int_equal(cf_json_count(list), 5);
  for (size_t i = 0; i < cf_json_count(list); i++) {
    const cf_json *e = cf_json_at(list, i);
    const cf_array *a = doubles(ctx, set, cf_json_as_text(cf_json_get(e, "name")));
    double got = 0;
    assert_ok(ctx, cf_effective_dimension(ctx, a->shape[0], a->shape[1], a->data, &got));
    assert_close(got, number(e, "E"), number(e, "rel_tol"), 0);
  }
  cf_dataset_free(set);
  cf_json_free(json);
  cf_context_free(ctx);
}

/* Factors that hold the golden stimulus and pattern, and no shifts: the maps are aligned already. */
static cf_factors *factors_of(cf_context *ctx, size_t neurons, size_t directions, const cf_array *b,
                              const cf_array *c) {
  cf_factors *f = NULL;
  const size_t rank = b->shape[1];
  assert_ok(ctx, cf_factors_new(ctx, neurons, b->shape[0], directions, c->shape[0] / directions, rank, &f));
  memcpy(f->stimulus, b->data, cf_array_count(b) * sizeof(double));
  memcpy(f->pattern, c->data, cf_array_count(c) * sizeof(double));
  f->alive = rank;
  return f;
}

static void neural_matrix(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_json *json = expected(ctx);
  const cf_json *list = cf_json_get(json, "neural_matrix");
  assert_int_equal(cf_json_count(list), 2);
  for (size_t i = 0; i < cf_json_count(list); i++) {
    const cf_json *e = cf_json_at(list, i);
    cf_dataset *set = load(ctx, cf_json_as_text(cf_json_get(e, "input")));
    const cf_array *z = doubles(ctx, set, "aligned"), *b = doubles(ctx, set, "stimulus"),
                   *c = doubles(ctx, set, "pattern"), *zeroed = cf_dataset_get(set, "zeroed"),
                   *known = doubles(ctx, set, "neural_matrix"), *rotation = doubles(ctx, set, "rotation");
    const size_t n = z->shape[0], s = z->shape[1], r = b->shape[1],
                 d = (size_t)cf_array_number(cf_dataset_get(set, "directions"), 0), t = z->shape[2] / d;
    cf_factors *f = factors_of(ctx, n, d, b, c);
    const cf_view v = {.data = z->data,
                       .ndim = 4,
                       .shape = {n, s, d, t},
                       .stride = {(ptrdiff_t)(s * d * t), (ptrdiff_t)(d * t), 1, (ptrdiff_t)d}};
    bool *marked = calloc(n * s, sizeof *marked);
    double *y = calloc(n * r, sizeof *y), ratio[16];
    int32_t *k = calloc(n, sizeof *k);
    for (size_t m = 0; m < n * s; m++) marked[m] = cf_array_number(zeroed, m) > 0;
    assert_ok(ctx, cf_neural_matrix(ctx, f, &v, marked, y, k));
    for (size_t m = 0; m < n * r; m++) assert_close(y[m], ((const double *)known->data)[m], 0, number(e, "abs_tol"));
    for (size_t m = 0; m < n; m++) assert_int_equal(k[m], (int)((const double *)rotation->data)[m]);
    /* share of variance of the matrix' components */
    const cf_view m = cf_view_matrix(y, n, r);
    const cf_json *shares = cf_json_get(e, "pca_variance_ratio");
    assert_ok(ctx, cf_pca(ctx, &m, r, NULL, NULL, NULL, ratio, NULL));
    for (size_t j = 0; j < r; j++) assert_close(ratio[j], cf_json_as_number(cf_json_at(shares, j)), 0, 1e-6);
    cf_factors_free(f);
    free(marked), free(y), free(k);
    cf_dataset_free(set);
  }
  cf_json_free(json);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(objective), cmocka_unit_test(effective_dimension),
                                     cmocka_unit_test(neural_matrix)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
