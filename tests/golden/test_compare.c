/* Golden values of the measures between two systems: cases compare/... and library/... of golden/geometry/cases.json,
 * through the library. */
#include "test.h"
#include <cortifold/compare.h>
#include <cortifold/io.h>
#include <cortifold/json.h>

#define GOLDEN CF_TEST_DIR "/golden/geometry/"

static cf_array *load(cf_context *ctx, const char *name) {
  char path[512];
  cf_array *a = NULL;
  snprintf(path, sizeof path, GOLDEN "%s", name);
  assert_ok(ctx, cf_io_read(ctx, path, NULL, &a));
  assert_ok(ctx, cf_array_to_doubles(ctx, a));
  return a;
}

static cf_system *system_of(cf_context *ctx, const char *name) {
  cf_array *a = load(ctx, name);
  const cf_view v = cf_array_view(a);
  cf_system *s = NULL;
  assert_ok(ctx, cf_system_new(ctx, &v, name, &s));
  cf_array_free(a);
  return s;
}

static cf_json *cases(cf_context *ctx) {
  char *text = NULL;
  size_t size = 0;
  cf_json *json = NULL;
  assert_ok(ctx, cf_io_read_bytes(ctx, GOLDEN "cases.json", 1 << 24, &text, &size));
  assert_ok(ctx, cf_json_parse(ctx, "cases.json", text, size, &json));
  cf_free(text);
  return json;
}

static void expect(const cf_json *e, double got, double value) {
  const double rtol = cf_json_as_number(cf_json_get(e, "rtol")), atol = cf_json_as_number(cf_json_get(e, "atol"));
  if (!(fabs(got - value) <= atol + rtol * fabs(value)))
    fail_msg("%s: %.17g, expected %.17g", cf_json_as_text(cf_json_get(e, "at")), got, value);
}

static cf_compare_value evaluate(cf_context *ctx, const char *id, cf_system *x, cf_system *y,
                                 const cf_compare_options *o) {
  cf_compare_value v;
  const cf_measure *m = cf_measure_find(id);
  assert_non_null(m);
  assert_ok(ctx, cf_compare(ctx, m, x, y, o, &v));
  return v;
}

/* "json:measures[name=cka].value" */
static void check_measure(cf_context *ctx, const cf_json *e, cf_system *x, cf_system *y) {
  char id[64];
  assert_int_equal(sscanf(cf_json_as_text(cf_json_get(e, "at")), "json:measures[name=%63[^]]", id), 1);
  cf_compare_value v = evaluate(ctx, id, x, y, NULL);
  expect(e, v.value, cf_json_as_number(cf_json_get(e, "value")));
  cf_compare_value_free(&v);
}

/* Entries of the library-level cases. */
static void check_library(cf_context *ctx, const cf_json *e, cf_system *x, cf_system *y) {
  const char *at = cf_json_as_text(cf_json_get(e, "at"));
  const cf_json *value = cf_json_get(e, "value");
  cf_compare_options o = CF_COMPARE_OPTIONS_INIT;
  cf_compare_value v = {0};
  char form[16];
  if (strcmp(at, "canonical_correlations") == 0) {
    v = evaluate(ctx, "cca", x, y, NULL);
    assert_int_equal(v.n_correlations, cf_json_count(value));
    for (size_t i = 0; i < v.n_correlations; i++) expect(e, v.correlations[i], cf_json_as_number(cf_json_at(value, i)));
  } else if (sscanf(at, "shape_alpha_%lf_%15s", &o.alpha, form) == 2) {
    o.euclidean = strcmp(form, "euclidean") == 0;
    v = evaluate(ctx, "shape", x, y, &o);
    expect(e, v.value, cf_json_as_number(value));
  } else {
    const char *id = NULL;
    if (strcmp(at, "procrustes_euclidean") == 0) {
      id = "procrustes";
      o.euclidean = true;
    } else if (strcmp(at, "paper_cka_rbf") == 0) {
      id = "cka-rbf";
      o.paper = true;
    } else if (strcmp(at, "paper_pwcca") == 0) {
      id = "pwcca";
      o.paper = true;
    } else {
      fail_msg("unknown entry %s", at);
    }
    v = evaluate(ctx, id, x, y, &o);
    expect(e, v.value, cf_json_as_number(value));
  }
  cf_compare_value_free(&v);
}

static void test_pairs(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_json *json = cases(ctx);
  const cf_json *list = cf_json_get(json, "cases");
  size_t done = 0;
  for (size_t c = 0; c < cf_json_count(list); c++) {
    const cf_json *item = cf_json_at(list, c), *inputs = cf_json_get(item, "inputs"),
                  *exps = cf_json_get(item, "expect");
    const char *id = cf_json_as_text(cf_json_get(item, "id"));
    if (strncmp(id, "compare/", 8) != 0 && strcmp(id, "library/shape-d") != 0) continue;
    cf_system *x = system_of(ctx, cf_json_as_text(cf_json_at(inputs, 0)));
    cf_system *y = system_of(ctx, cf_json_as_text(cf_json_at(inputs, 1)));
    for (size_t i = 0; i < cf_json_count(exps); i++) {
      const cf_json *e = cf_json_at(exps, i);
      if (strncmp(cf_json_as_text(cf_json_get(e, "at")), "json:", 5) == 0)
        check_measure(ctx, e, x, y);
      else
        check_library(ctx, e, x, y);
      done++;
    }
    cf_system_free(x);
    cf_system_free(y);
  }
  assert_true(done >= 50);
  cf_json_free(json);
  cf_context_free(ctx);
}

static void test_linear_predictivity(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_system *x = system_of(ctx, "lp_x.npy"), *y = system_of(ctx, "lp_y.npy");
  cf_array *test = load(ctx, "lp_test.npy"), *r2 = load(ctx, "expect_library_linear-predictivity_r2.npy");
  unsigned char marks[10 * 48];
  assert_int_equal(cf_array_count(test), sizeof marks);
  for (size_t i = 0; i < sizeof marks; i++) marks[i] = cf_array_number(test, i) != 0;
  cf_compare_options o = CF_COMPARE_OPTIONS_INIT;
  o.paper = true;
  o.test = marks;
  o.splits = 10;
  cf_compare_value v = evaluate(ctx, "linear-predictivity", x, y, &o);
  assert_close(v.value, 0.2845780538039519, 1e-7, 1e-10);
  assert_int_equal(v.splits * v.targets, cf_array_count(r2));
  for (size_t i = 0; i < cf_array_count(r2); i++) assert_close(v.r2[i], cf_array_number(r2, i), 1e-6, 1e-8);
  cf_compare_value_free(&v);
  cf_array_free(test);
  cf_array_free(r2);
  cf_system_free(x);
  cf_system_free(y);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_pairs), cmocka_unit_test(test_linear_predictivity)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
