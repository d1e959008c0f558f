/* Golden values of encoding models through the library, golden/voxelwise/cases.json: ridge regression, penalties by
 * cross-validation, delays, haemodynamic responses, scores and noise ceilings. The cases with a command line are run by
 * test_cli_cases.c. */
#include "test.h"
#include <cortifold/io.h>
#include <cortifold/json.h>
#include <cortifold/voxelwise.h>

#define FOLDER CF_TEST_DIR "/golden/voxelwise/"

static cf_json *cases;

static cf_array *load(cf_context *ctx, const char *name) {
  char path[600];
  cf_array *a = NULL;
  snprintf(path, sizeof path, FOLDER "%s", name);
  assert_ok(ctx, cf_io_read(ctx, path, NULL, &a));
  assert_ok(ctx, cf_array_to_doubles(ctx, a));
  return a;
}

static void read_cases(cf_context *ctx) {
  char *text = NULL;
  size_t size = 0;
  if (cases) return;
  assert_ok(ctx, cf_io_read_bytes(ctx, FOLDER "cases.json", 1 << 24, &text, &size));
  assert_ok(ctx, cf_json_parse(ctx, "cases.json", text, size, &cases));
  cf_free(text);
}

/* Compares x with what case `id` expects at `at`. */
static void check(cf_context *ctx, const char *id, const char *at, size_t n, const double *x) {
  read_cases(ctx);
  const cf_json *list = cf_json_get(cases, "cases");
  for (size_t i = 0; i < cf_json_count(list); i++) {
    const cf_json *c = cf_json_at(list, i), *expect = cf_json_get(c, "expect");
    if (strcmp(cf_json_as_text(cf_json_get(c, "id")), id) != 0) continue;
    for (size_t k = 0; k < cf_json_count(expect); k++) {
      const cf_json *e = cf_json_at(expect, k), *value = cf_json_get(e, "value");
      const char *file = cf_json_as_text(cf_json_get(e, "file"));
      if (strcmp(cf_json_as_text(cf_json_get(e, "at")), at) != 0) continue;
      cf_array *a = file ? load(ctx, file) : NULL;
      const size_t count = a ? cf_array_count(a) : cf_json_is_list(value) ? cf_json_count(value) : 1;
      if (count != n) fail_msg("%s %s: %zu values, expected %zu", id, at, n, count);
      for (size_t j = 0; j < n; j++) {
        const double want =
            a ? cf_array_number(a, j) : cf_json_as_number(cf_json_is_list(value) ? cf_json_at(value, j) : value);
        const double limit =
            cf_json_as_number(cf_json_get(e, "atol")) + cf_json_as_number(cf_json_get(e, "rtol")) * fabs(want);
        if (!(fabs(x[j] - want) <= limit)) fail_msg("%s %s[%zu] is %.15g, expected %.15g", id, at, j, x[j], want);
      }
      cf_array_free(a);
      return;
    }
  }
  fail_msg("no case %s with %s", id, at);
}

/* ----------------------------------------------------------------- ridge -- */

static void check_ridge(cf_context *ctx, const char *id, const char *prefix) {
  char name[64];
  snprintf(name, sizeof name, "%s_x.npy", prefix);
  cf_array *x = load(ctx, name);
  snprintf(name, sizeof name, "%s_y.npy", prefix);
  cf_array *y = load(ctx, name);
  snprintf(name, sizeof name, "%s_alpha.npy", prefix);
  cf_array *alpha = load(ctx, name);
  const size_t n = x->shape[0], p = x->shape[1], t = y->shape[1];
  double *b = malloc(p * t * sizeof *b), *dual = malloc(n * t * sizeof *dual), *shift = malloc(t * sizeof *shift);
  assert_true(b && dual && shift);
  assert_ok(ctx, cf_ridge_svd(ctx, n, p, t, x->data, y->data, alpha->data, b));
  check(ctx, id, "B", p * t, b);
  assert_ok(ctx, cf_ridge_kernel(ctx, n, p, t, x->data, y->data, alpha->data, b, dual));
  check(ctx, id, "B", p * t, b);
  check(ctx, id, "dual", n * t, dual);
  double mean_x[64] = {0}, *xs = x->data, *ys = y->data;
  for (size_t j = 0; j < t; j++) shift[j] = 0;
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < p; j++) mean_x[j] += xs[i * p + j] / (double)n;
    for (size_t j = 0; j < t; j++) shift[j] += ys[i * t + j] / (double)n;
  }
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < p; j++) xs[i * p + j] -= mean_x[j];
    for (size_t j = 0; j < t; j++) ys[i * t + j] -= shift[j];
  }
  assert_ok(ctx, cf_ridge_svd(ctx, n, p, t, xs, ys, alpha->data, b));
  check(ctx, id, "B_with_intercept", p * t, b);
  for (size_t j = 0; j < t; j++)
    for (size_t k = 0; k < p; k++) shift[j] -= mean_x[k] * b[k * t + j];
  check(ctx, id, "intercept", t, shift);
  free(b);
  free(dual);
  free(shift);
  cf_array_free(x);
  cf_array_free(y);
  cf_array_free(alpha);
}

static void ridge_weights(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  check_ridge(ctx, "library/ridge-tall", "ridge_tall");
  check_ridge(ctx, "library/ridge-wide", "ridge_wide");
  cf_context_free(ctx);
}

static void leave_one_run_out(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_array *x = load(ctx, "loro_x.npy"), *y = load(ctx, "loro_y.npy"), *runs = load(ctx, "loro_runs.npy");
  cf_array *alphas = load(ctx, "loro_alphas.npy");
  const size_t n = x->shape[0], p = x->shape[1], t = y->shape[1], c = alphas->shape[0];
  size_t run[512];
  cf_fold_set *folds = NULL;
  cf_blocks targets = {0};
  double alpha[16], best[16], scores[512], weights[512];
  cf_ridge_options o = CF_RIDGE_OPTIONS_INIT;
  assert_true(n <= 512 && t <= 16 && c * t <= 512 && p * t <= 512);
  for (size_t i = 0; i < n; i++) run[i] = (size_t)cf_array_number(runs, i);
  const cf_view view = cf_array_view(y);
  assert_ok(ctx, cf_voxel_folds(ctx, n, run, 0, NULL, CF_TRIM_AUTO, &folds));
  assert_ok(ctx, cf_blocks_from_view(ctx, &view, "y", &targets));
  o.candidates = c;
  o.candidate = alphas->data;
  o.score = CF_INNER_MSE;
  assert_ok(ctx, cf_ridge_cv(ctx, n, p, x->data, &targets, folds, &o, alpha, best, scores, weights, NULL));
  check(ctx, "library/leave-one-run-out", "best_alpha", t, alpha);
  check(ctx, "library/leave-one-run-out", "best_score", t, best);
  check(ctx, "library/leave-one-run-out", "scores", c * t, scores);
  check(ctx, "library/leave-one-run-out", "coefficients", p * t, weights);
  o.shared = true;
  assert_ok(ctx, cf_ridge_cv(ctx, n, p, x->data, &targets, folds, &o, alpha, NULL, NULL, NULL, NULL));
  for (size_t j = 0; j < t; j++) check(ctx, "library/leave-one-run-out", "shared_alpha", 1, &alpha[j]);
  cf_blocks_close(&targets);
  cf_fold_set_free(folds);
  cf_array_free(x);
  cf_array_free(y);
  cf_array_free(runs);
  cf_array_free(alphas);
  cf_context_free(ctx);
}

/* ---------------------------------------------------------------- series -- */

static void delays(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_array *x = load(ctx, "fir_x.npy"), *runs = load(ctx, "fir_runs.npy");
  const int delay[] = {1, 2, 3, 4};
  size_t run[64];
  double out[1024];
  for (size_t i = 0; i < x->shape[0]; i++) run[i] = (size_t)cf_array_number(runs, i);
  assert_ok(ctx, cf_delay_columns(ctx, x->shape[0], x->shape[1], x->data, run, 4, delay, out));
  check(ctx, "library/fir", "delayed", x->shape[0] * x->shape[1] * 4, out);
  cf_array_free(x);
  cf_array_free(runs);
  cf_context_free(ctx);
}

static void haemodynamic_responses(void **state) {
  (void)state;
  static const struct {
    const char *id;
    double tr;
  } rows[] = {{"library/hrf-tr2", 2}, {"library/hrf-tr1.5", 1.5}};
  static const char *const at[2][2] = {{"spm", "paper_spm"}, {"glover", "paper_glover"}};
  cf_context *ctx = test_context();
  double out[2048];
  for (size_t i = 0; i < 2; i++)
    for (int h = 0; h < 2; h++)
      for (int g = 0; g < 2; g++) {
        const size_t n = cf_hrf_points(rows[i].tr, 50, 32);
        assert_true(n <= 2048);
        assert_ok(ctx, cf_hrf_kernel(ctx, h ? CF_HRF_GLOVER : CF_HRF_SPM, g ? CF_HRF_GRID_PUBLISHED : CF_HRF_GRID_EXACT,
                                     rows[i].tr, 50, 32, out));
        check(ctx, rows[i].id, at[h][g], n, out);
      }
  cf_context_free(ctx);
}

/* --------------------------------------------------------------- scores -- */

static void scores(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_array *y = load(ctx, "scores_y.npy"), *parts = load(ctx, "scores_parts.npy");
  const size_t n = y->shape[0], t = y->shape[1];
  double r[8], R2[8], split_R2[2 * 3], split_r[2 * 3];
  assert_true(parts->shape[0] == 2 && t == 4 && n <= 64);
  for (size_t j = 0; j < t; j++) {
    double obs[64], part[128], sum[64];
    for (size_t i = 0; i < n; i++) {
      obs[i] = cf_array_number(y, i * t + j);
      for (size_t b = 0; b < 2; b++) part[b * n + i] = cf_array_number(parts, (b * n + i) * t + j);
      sum[i] = part[i] + part[n + i];
    }
    r[j] = cf_score_r(n, obs, sum);
    R2[j] = cf_score_R2(n, obs, sum);
    double a[2], b[2];
    cf_score_split(n, obs, 2, part, a, b);
    for (size_t k = 0; k < 2 && j < 3; k++) {
      split_R2[k * 3 + j] = a[k];
      split_r[k * 3 + j] = b[k];
    }
  }
  check(ctx, "library/scores", "r", t, r);
  check(ctx, "library/scores", "R2", t, R2);
  check(ctx, "library/scores", "split_R2", 6, split_R2);
  check(ctx, "library/scores", "split_r", 6, split_r);
  cf_array_free(y);
  cf_array_free(parts);
  cf_context_free(ctx);
}

static void ceilings(void **state) {
  (void)state;
  static const char id[] = "library/noise-ceilings";
  cf_context *ctx = test_context();
  cf_array *a = load(ctx, "ceiling_data.npy"), *p = load(ctx, "ceiling_prediction.npy");
  const cf_repeats d = {a->shape[0], a->shape[1], a->shape[2], a->data};
  double x[16], y[16], lower[64], upper[64];
  assert_true(d.targets <= 16 && d.repeats * d.targets <= 64);
  assert_ok(ctx, cf_ceiling_explainable(ctx, &d, x, y));
  check(ctx, id, "ev", d.targets, x);
  check(ctx, id, "ev_corrected", d.targets, y);
  assert_ok(ctx, cf_ceiling_split_half(ctx, &d, 1000, x));
  check(ctx, id, "split_half", d.targets, x);
  assert_ok(ctx, cf_ceiling_ncsnr(ctx, &d, x, y));
  check(ctx, id, "ncsnr", d.targets, x);
  check(ctx, id, "nc", d.targets, y);
  assert_ok(ctx, cf_ceiling_signal_power(ctx, &d, p->data, x, y, NULL));
  check(ctx, id, "signal_power", d.targets, x);
  check(ctx, id, "cc_norm", d.targets, y);
  assert_ok(ctx, cf_ceiling_isc(ctx, &d, lower, upper));
  check(ctx, id, "isc_lower", d.repeats * d.targets, lower);
  check(ctx, id, "isc_upper", d.repeats * d.targets, upper);
  cf_array_free(a);
  cf_array_free(p);
  cf_context_free(ctx);
}

static int release(void **state) {
  (void)state;
  cf_json_free(cases);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ridge_weights), cmocka_unit_test(leave_one_run_out),      cmocka_unit_test(delays),
      cmocka_unit_test(scores),        cmocka_unit_test(haemodynamic_responses), cmocka_unit_test(ceilings),
  };
  return cmocka_run_group_tests(tests, NULL, release);
}
