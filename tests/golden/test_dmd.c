/* Golden values of dynamic mode decomposition that no command line reaches: the cases without argv of
 * tests/golden/dynamics-dmd. What each is computed with stands here, by the name of the case. */
#include "test.h"
#include <complex.h>
#include <cortifold/dynamics.h>
#include <cortifold/io.h>
#include <cortifold/json.h>

#define FOLDER CF_TEST_DIR "/golden/dynamics-dmd/"

typedef struct setup {
  const char *id;
  cf_rank rank;
  bool exact;
  cf_dmd_amplitudes amplitudes;
  cf_dmd_correction correction;
  size_t total_rank;
} setup;
static const setup setups[] = {
    {"library/acceptance-1", {CF_RANK_FIXED, 2}, false, CF_DMD_FIRST, CF_DMD_PLAIN, 0},
    {"library/fixed-projected", {CF_RANK_FIXED, 3}, false, CF_DMD_FIRST, CF_DMD_PLAIN, 0},
    {"library/fixed-exact", {CF_RANK_FIXED, 3}, true, CF_DMD_FIRST, CF_DMD_PLAIN, 0},
    {"library/optimal-amplitudes", {CF_RANK_FIXED, 3}, false, CF_DMD_PUBLISHED, CF_DMD_PLAIN, 0},
    {"library/energy", {CF_RANK_ENERGY, 0.99}, false, CF_DMD_FIRST, CF_DMD_PLAIN, 0},
    {"library/svht", {CF_RANK_SVHT, 0}, true, CF_DMD_FIRST, CF_DMD_PLAIN, 0},
    {"library/full-wide", {CF_RANK_FULL, 0}, false, CF_DMD_FIRST, CF_DMD_PLAIN, 0},
    {"library/forward-backward", {CF_RANK_FIXED, 3}, false, CF_DMD_FIRST, CF_DMD_FORWARD_BACKWARD, 0},
    {"library/tls", {CF_RANK_FIXED, 3}, false, CF_DMD_FIRST, CF_DMD_TOTAL, 3},
    {"library/tls-exact", {CF_RANK_FIXED, 3}, true, CF_DMD_FIRST, CF_DMD_TOTAL, 4},
};

static const cf_json *case_named(const cf_json *cases, const char *id) {
  for (size_t i = 0; i < cf_json_count(cases); i++)
    if (strcmp(cf_json_as_text(cf_json_get(cf_json_at(cases, i), "id")), id) == 0) return cf_json_at(cases, i);
  fail_msg("no case %s", id);
  return NULL;
}

static cf_array *read_array(cf_context *ctx, const char *file) {
  char address[600];
  cf_array *a = NULL;
  snprintf(address, sizeof address, "%s%s", FOLDER, file);
  assert_ok(ctx, cf_io_read(ctx, address, NULL, &a));
  assert_ok(ctx, cf_array_to_doubles(ctx, a));
  return a;
}

static double complex as_pair(const cf_json *v) {
  if (!cf_json_is_list(v)) return cf_json_as_number(v);
  return cf_json_as_number(cf_json_at(v, 0)) + I * cf_json_as_number(cf_json_at(v, 1));
}

/* order[i]: our mode for golden eigenvalue i, each within the tolerance and taken once. */
static void match(const cf_dmd *d, const cf_json *want, double tolerance, size_t *order) {
  bool used[64] = {false};
  assert_int_equal(cf_json_count(want), d->rank);
  for (size_t i = 0; i < d->rank; i++) {
    const double complex z = as_pair(cf_json_at(want, i));
    size_t best = d->rank;
    for (size_t k = 0; k < d->rank; k++) {
      const double complex v = d->eigenvalue[2 * k] + I * d->eigenvalue[2 * k + 1];
      if (!used[k] && cabs(v - z) <= tolerance) best = k;
    }
    if (best == d->rank) fail_msg("eigenvalue %zu (%.12g, %.12g) is missing", i, creal(z), cimag(z));
    used[order[i] = best] = true;
  }
}

static void check_contributions(const cf_dmd *d, const size_t *order, const cf_array *want, double rtol, double atol_) {
  const double complex *mode = (const void *)d->mode, *b = (const void *)d->amplitude;
  assert_int_equal(cf_array_count(want), d->dims * d->rank * 2);
  for (size_t i = 0; i < d->dims; i++)
    for (size_t j = 0; j < d->rank; j++) {
      const double complex z = mode[i * d->rank + order[j]] * b[order[j]];
      assert_close(creal(z), cf_array_number(want, 2 * (i * d->rank + j)), rtol, atol_);
      assert_close(cimag(z), cf_array_number(want, 2 * (i * d->rank + j) + 1), rtol, atol_);
    }
}

static void check(cf_context *ctx, const cf_dmd *d, const cf_json *expect) {
  size_t order[64];
  for (size_t i = 0; i < cf_json_count(expect); i++) {
    const cf_json *e = cf_json_at(expect, i), *value = cf_json_get(e, "value");
    const char *at = cf_json_as_text(cf_json_get(e, "at")), *file = cf_json_as_text(cf_json_get(e, "file"));
    const double rtol = cf_json_as_number(cf_json_get(e, "rtol")), atol_ = cf_json_as_number(cf_json_get(e, "atol"));
    cf_array *want = file ? read_array(ctx, file) : NULL;
    if (strcmp(at, "rank") == 0) {
      assert_int_equal(d->rank, cf_json_as_number(value));
    } else if (strcmp(at, "eigenvalues") == 0) {
      match(d, value, isnan(atol_) ? 1e-8 : fmax(atol_, isnan(rtol) ? 0 : rtol), order);
    } else if (strcmp(at, "contributions") == 0) {
      check_contributions(d, order, want, rtol, atol_);
    } else if (strcmp(at, "reconstruction") == 0) {
      double *out = malloc(cf_array_count(want) * sizeof *out);
      assert_ok(ctx, cf_dmd_predict(ctx, d, 0, d->snapshots, out));
      for (size_t k = 0; k < cf_array_count(want); k++) assert_close(out[k], cf_array_number(want, k), rtol, atol_);
      free(out);
    } else if (strcmp(at, "stable_contribution") == 0) { /* the first eigenvalue is 1 */
      for (size_t k = 0; k < d->dims; k++)
        assert_close(d->mode[2 * k * d->rank] * d->amplitude[0] - d->mode[2 * k * d->rank + 1] * d->amplitude[1],
                     cf_json_as_number(cf_json_at(value, k)), rtol, atol_);
    } else if (strcmp(at, "layer_weights") == 0) {
      for (size_t k = 0; k + 1 < d->snapshots; k++)
        assert_close(d->weight[2 * k], cf_json_as_number(cf_json_at(value, k)), rtol, atol_);
    } else {
      fail_msg("%s is not checked", at);
    }
    cf_array_free(want);
  }
}

static void test_library_cases(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_json *json = NULL;
  char *bytes = NULL;
  size_t size = 0;
  assert_ok(ctx, cf_io_read_bytes(ctx, FOLDER "cases.json", (size_t)1 << 24, &bytes, &size));
  assert_ok(ctx, cf_json_parse(ctx, "cases.json", bytes, size, &json));
  cf_free(bytes);
  for (size_t i = 0; i < sizeof setups / sizeof *setups; i++) {
    const setup *s = &setups[i];
    const cf_json *c = case_named(cf_json_get(json, "cases"), s->id);
    cf_array *data = read_array(ctx, cf_json_as_text(cf_json_at(cf_json_get(c, "inputs"), 0)));
    cf_dmd_options o = CF_DMD_OPTIONS_INIT;
    cf_dmd *d = NULL;
    o.rank = s->rank;
    o.exact = s->exact;
    o.amplitudes = s->amplitudes;
    o.correction = s->correction;
    o.total_rank = s->total_rank;
    const cf_view view = cf_array_view(data);
    print_message("%s\n", s->id);
    assert_ok(ctx, cf_dmd_fit(ctx, &view, &o, &d));
    check(ctx, d, cf_json_get(c, "expect"));
    cf_dmd_free(d);
    cf_array_free(data);
  }
  cf_json_free(json);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_library_cases)};
  return cmocka_run_group_tests_name("golden dynamic mode decomposition", tests, NULL, NULL);
}
