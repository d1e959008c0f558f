/* Dynamics: ranks, stable modes, the three scopes along depth, the choice between Gram matrix and QR, the sweep. */
#include "test.h"
#include <cortifold/dynamics.h>
#include <cortifold/linalg.h>

static void test_hard_threshold(void **state) {
  (void)state;
  const double beta[] = {1, 0.5, 0.25, 0.1, 0.05}, omega[] = {2.858365, 2.171185, 1.836866, 1.608772, 1.519341};
  for (size_t i = 0; i < 5; i++) assert_close(cf_svht_omega(beta[i]), omega[i], 0, 4e-6);
  /* beta = 1: x = 2 + 2 cos t with t - sin t = pi / 2. */
  assert_close(cf_svht_omega(1), 4 / sqrt(3) / sqrt(2 + 2 * cos(2.309881460010057)), 1e-12, 0);
  assert_close(cf_svht_omega(1e-12), sqrt(2), 0, 1e-5);
  const double s[] = {10, 8, 1, 0.9, 0.8, 0.7};
  double energy;
  assert_int_equal(cf_rank_of(&(cf_rank){CF_RANK_SVHT, 0}, 100, 6, 6, s, &energy), 2);
  assert_close(energy, 164 / (164 + 1 + 0.81 + 0.64 + 0.49), 1e-12, 0);
  assert_int_equal(cf_rank_of(&(cf_rank){CF_RANK_ENERGY, 0.5}, 100, 6, 6, s, NULL), 1);
  assert_int_equal(cf_rank_of(&(cf_rank){CF_RANK_ENERGY, 0.98}, 100, 6, 6, s, NULL), 2);
  assert_int_equal(cf_rank_of(&(cf_rank){CF_RANK_FIXED, 9}, 100, 6, 6, s, NULL), 6);
  const double low[] = {1, 0.5, 1e-17};
  assert_int_equal(cf_rank_of(&(cf_rank){CF_RANK_FULL, 0}, 100, 3, 3, low, NULL), 2);
}

static void test_rank_words(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_rank r;
  assert_ok(ctx, cf_rank_parse(ctx, "1", "--rank", &r));
  assert_true(r.rule == CF_RANK_FIXED && r.value == 1);
  assert_ok(ctx, cf_rank_parse(ctx, "0.9", "--rank", &r));
  assert_true(r.rule == CF_RANK_ENERGY && r.value == 0.9);
  assert_ok(ctx, cf_rank_parse(ctx, "svht", "--rank", &r));
  assert_true(r.rule == CF_RANK_SVHT);
  const char *const bad[] = {"0", "-1", "1.5", "", "some", "nan", "3x"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_status(ctx, CF_ERR_USAGE, cf_rank_parse(ctx, bad[i], "--rank", &r));
  assert_non_null(strstr(cf_context_error(ctx), "--rank: '3x'"));
  cf_context_free(ctx);
}

/* Modes of size from 1 down to `least`, so that the condition number is about 1 / least. */
static cf_dmd *graded(cf_context *ctx, double least) {
  enum { D = 60, N = 5 };
  double x[D * N];
  for (size_t i = 0; i < D; i++)
    for (size_t t = 0; t < N; t++)
      x[i * N + t] = sin((double)i + 1) * pow(0.9, (double)t) + least * cos(3 * (double)i) * pow(-0.7, (double)t);
  const cf_view view = cf_view_matrix(x, D, N);
  cf_dmd_options o = CF_DMD_OPTIONS_INIT;
  cf_dmd *d = NULL;
  o.rank = (cf_rank){CF_RANK_FIXED, 2};
  assert_ok(ctx, cf_dmd_fit(ctx, &view, &o, &d));
  return d;
}

/* The Gram matrix of nearly dependent snapshots would give the small mode to few digits; QR gives it. */
static void test_qr_where_the_gram_matrix_loses_digits(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_dmd *d = graded(ctx, 1e-6);
  assert_int_equal(d->method, CF_DMD_BY_QR);
  assert_close(d->eigenvalue[0], 0.9, 0, 1e-9);
  assert_close(d->eigenvalue[2], -0.7, 0, 1e-7);
  assert_true(d->condition > 1e5 && d->error < 1e-9);
  cf_dmd_free(d);
  cf_context_free(ctx);
}

static void test_gram_for_benign_data(void **state) {
  (void)state;
  enum { D = 500, N = 6 };
  cf_context *ctx = test_context();
  double x[D * N];
  for (size_t i = 0; i < D * N; i++) x[i] = sin((double)(i * i % 977));
  const cf_view view = cf_view_matrix(x, D, N);
  cf_dmd *d = NULL;
  assert_ok(ctx, cf_dmd_fit(ctx, &view, NULL, &d));
  assert_int_equal(d->method, CF_DMD_BY_GRAM);
  assert_string_equal(cf_dmd_method_name(d->method), "gram");
  cf_dmd_free(d);
  x[37] = NAN;
  assert_status(ctx, CF_ERR_INPUT, cf_dmd_fit(ctx, &view, NULL, &d));
  assert_non_null(strstr(cf_context_error(ctx), "[6, 1]"));
  cf_context_free(ctx);
}

/* Modes 1.2, 0.97 e^{+-0.9 i}, 0.9 and 0.3 by hand. */
static void test_stable_rules(void **state) {
  (void)state;
  double value[] = {1.2, 0, 0.97 * 0.6216, 0.97 * 0.7833, 0.97 * 0.6216, -0.97 * 0.7833, 0.9, 0, 0.3, 0},
         amplitude[] = {0.1, 0, 1, 0, 1, 0, 1, 0, 50, 0}, size[] = {0.1, 1, 1, 1, 50},
         residual[] = {0.01, 0.5, 0.5, 0.05, 0.01};
  const cf_dmd d = {
      .snapshots = 8, .rank = 5, .eigenvalue = value, .amplitude = amplitude, .size = size, .residual = residual};
  const size_t expected[] = {1, 0, 3, 4, 1, 3};
  bool chosen[5];
  for (int rule = CF_STABLE_MODULUS; rule <= CF_STABLE_RESIDUAL; rule++) {
    cf_stable s = CF_STABLE_INIT;
    s.rule = (cf_stable_rule)rule;
    s.inner = s.outer = 0.11;
    assert_int_equal(cf_stable_choose(&d, &s, chosen), expected[rule]);
    size_t count = 0;
    for (size_t i = 0; i < 5; i++) count += chosen[i];
    assert_int_equal(count, rule == CF_STABLE_BAND ? 3 : 1);
    assert_true(chosen[expected[rule]]);
  }
}

/* ------------------------------------------------------------------ depth -- */

enum { T = 12, D = 4, L = 7 };

/* h_{l+1} = A h_l for each stimulus, A with eigenvalues 1 and 0.5 e^{+-0.6 i} and -0.3. */
static void layers(double *x) {
  const double c = 0.5 * cos(0.6), s = 0.5 * sin(0.6),
               a[D][D] = {{1, 0, 0, 0}, {0, c, -s, 0}, {0, s, c, 0}, {0, 0, 0, -0.3}};
  double q[D][D];
  for (size_t i = 0; i < D; i++)
    for (size_t j = 0; j < D; j++) q[i][j] = (i == j) + 0.3 * sin((double)(i * D + j));
  double z[T][D];
  for (size_t t = 0; t < T; t++)
    for (size_t j = 0; j < D; j++) z[t][j] = cos(1.7 * (double)(t * D + j)) + (j == 0);
  for (size_t l = 0; l < L; l++)
    for (size_t t = 0; t < T; t++) {
      double next[D];
      for (size_t i = 0; i < D; i++) {
        x[(l * T + t) * D + i] = 0;
        next[i] = 0;
        for (size_t j = 0; j < D; j++) {
          x[(l * T + t) * D + i] += q[i][j] * z[t][j];
          next[i] += a[i][j] * z[t][j];
        }
      }
      memcpy(z[t], next, sizeof next);
    }
}

static cf_depth *run(cf_context *ctx, const double *x, const cf_depth_options *o) {
  cf_blocks blocks[L];
  cf_depth *d = NULL;
  for (size_t l = 0; l < L; l++) {
    const cf_view view = cf_view_matrix(x + l * T * D, T, D);
    assert_ok(ctx, cf_blocks_from_view(ctx, &view, "layer", &blocks[l]));
  }
  assert_ok(ctx, cf_depth_fit(ctx, L, blocks, o, &d));
  for (size_t l = 0; l < L; l++) cf_blocks_close(&blocks[l]);
  return d;
}

static bool has_eigenvalue(const cf_dmd *d, double re, double im, double tolerance) {
  for (size_t i = 0; i < d->rank; i++)
    if (hypot(d->eigenvalue[2 * i] - re, d->eigenvalue[2 * i + 1] - im) < tolerance) return true;
  return false;
}

/* All scopes find the spectrum of the map; features are the stable mode: what goes over unchanged. */
static void test_scopes(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double x[L * T * D];
  layers(x);
  for (int scope = CF_DEPTH_POOLED; scope <= CF_DEPTH_SHARED; scope++) {
    cf_depth_options o = CF_DEPTH_OPTIONS_INIT;
    o.scope = (cf_depth_scope)scope;
    o.centre = false;
    o.dmd.rank = (cf_rank){CF_RANK_FIXED, 4};
    o.shared_modes = 2;
    cf_depth *d = run(ctx, x, &o);
    if (d->dmd) {
      assert_true(has_eigenvalue(d->dmd, 1, 0, 1e-7) && has_eigenvalue(d->dmd, -0.3, 0, 1e-6));
      assert_true(has_eigenvalue(d->dmd, 0.5 * cos(0.6), 0.5 * sin(0.6), 1e-6));
      assert_true(d->dmd->residual[d->stable] < 1e-6);
      assert_close(d->stable_value[0], 1, 1e-7, 0);
    } else {
      for (size_t t = 0; t < T; t++) assert_close(d->eigenvalue_each[2 * t], 1, 1e-5, 0);
    }
    assert_int_equal(d->columns, scope == CF_DEPTH_SHARED ? 3 : D); /* a real mode and a complex one */
    if (scope != CF_DEPTH_SHARED) /* at the last layer the other modes have nearly died out */
      for (size_t i = 0; i < T * D; i++) assert_close(d->features[i], x[(L - 1) * T * D + i], 0, 0.06);
    cf_depth_free(d);
  }
  cf_context_free(ctx);
}

/* Read in blocks of a few stimuli, by a small memory, or at once: the same up to rounding. */
static void test_blocks_do_not_matter(void **state) {
  (void)state;
  double x[L * T * D];
  cf_depth *d[2];
  cf_context *ctx[2];
  layers(x);
  for (size_t i = 0; i < L * T * D; i++) x[i] += 0.01 * sin(12.9898 * (double)i);
  for (int scope = CF_DEPTH_POOLED; scope <= CF_DEPTH_SHARED; scope++) {
    for (int k = 0; k < 2; k++) {
      cf_context_options c = CF_CONTEXT_OPTIONS_INIT;
      cf_depth_options o = CF_DEPTH_OPTIONS_INIT;
      c.memory = k ? 8 * 3 * L * D * sizeof(double) : 0; /* three stimuli a block */
      o.scope = (cf_depth_scope)scope;
      o.scale = true;
      assert_int_equal(cf_context_new(&c, &ctx[k]), CF_OK);
      d[k] = run(ctx[k], x, &o);
    }
    for (size_t i = 0; i < T * d[0]->columns; i++) assert_close(d[1]->features[i], d[0]->features[i], 1e-8, 1e-9);
    for (int k = 0; k < 2; k++) {
      cf_depth_free(d[k]);
      cf_context_free(ctx[k]);
    }
  }
}

static void test_depth_errors(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double x[L * T * D];
  cf_blocks blocks[3];
  cf_depth *d = NULL;
  layers(x);
  for (size_t l = 0; l < 3; l++) {
    const cf_view view = cf_view_matrix(x, T, l == 2 ? D - 1 : D);
    assert_ok(ctx, cf_blocks_from_view(ctx, &view, l == 2 ? "narrow" : "layer", &blocks[l]));
  }
  assert_status(ctx, CF_ERR_INPUT, cf_depth_fit(ctx, 2, blocks, NULL, &d));
  assert_status(ctx, CF_ERR_INPUT, cf_depth_fit(ctx, 3, blocks, NULL, &d));
  assert_non_null(strstr(cf_context_error(ctx), "narrow has 3 features and layer 4"));
  assert_null(d);
  for (size_t l = 0; l < 3; l++) cf_blocks_close(&blocks[l]);
  cf_context_free(ctx);
}

/* ------------------------------------------------------------------ sweep -- */

/* One observed channel of a damped rotation: two delays are what it takes. */
static void test_sweep_finds_the_delays(void **state) {
  (void)state;
  enum { TRIALS = 20, STEPS = 60 };
  static double x[TRIALS * STEPS];
  cf_view trial[TRIALS];
  cf_context *ctx = test_context();
  cf_rng rng = cf_rng_make(5, 5, 0);
  for (size_t r = 0; r < TRIALS; r++) {
    const double phase = 6 * cf_rng_uniform(&rng);
    for (size_t t = 0; t < STEPS; t++)
      x[r * STEPS + t] = pow(0.98, (double)t) * cos(0.4 * (double)t + phase) + 1e-3 * cf_rng_normal(&rng);
    trial[r] = cf_view_matrix(x + r * STEPS, STEPS, 1);
  }
  const cf_trajectories data = {TRIALS, trial, "x"};
  const size_t delays[] = {1, 2, 4}, ranks[] = {1, 2, 4};
  cf_sweep_entry e[9];
  size_t best;
  assert_ok(ctx, cf_operator_sweep(ctx, &data, NULL, 3, delays, 3, ranks, e, &best));
  assert_true(e[0].defined && !e[1].defined && !e[5].defined && e[8].defined); /* rank 2 of one delay cannot be */
  assert_true(e[0].mase > 0.5 && e[4].mase < 0.1 && e[4].error < 1e-3 && e[4].residual < 0.05);
  assert_true(e[best].rank == 2 && e[best].delays >= 2); /* more delays average the noise */
  cf_delay_rule rule;
  const cf_view one = cf_view_matrix(x, STEPS, 1);
  assert_ok(ctx, cf_delay_choose(ctx, &one, &rule));
  assert_true(rule.delays >= rule.first && rule.delays <= rule.most && rule.rank >= 1);
  cf_context_free(ctx);
}

static void test_operator_errors(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double x[3 * 4] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 4};
  cf_view trial[2] = {cf_view_matrix(x, 3, 2), cf_view_matrix(x + 6, 2, 3)};
  cf_operator *op = NULL, *other = NULL;
  cf_operator_options o = CF_OPERATOR_OPTIONS_INIT;
  cf_trajectories t = {2, trial, "x"};
  assert_status(ctx, CF_ERR_INPUT, cf_operator_fit(ctx, &t, NULL, &op)); /* channels differ */
  t.trials = 1;
  o.delays = 4;
  assert_status(ctx, CF_ERR_INPUT, cf_operator_fit(ctx, &t, &o, &op));
  assert_non_null(strstr(cf_context_error(ctx), "need at least 4"));
  o.delays = 2;
  assert_status(ctx, CF_ERR_INPUT, cf_operator_fit(ctx, &t, &o, &op)); /* 2 rows, 4 columns */
  o.delays = 0;
  assert_status(ctx, CF_ERR_USAGE, cf_operator_fit(ctx, &t, &o, &op));
  x[3] = INFINITY;
  assert_status(ctx, CF_ERR_INPUT, cf_operator_fit(ctx, &t, NULL, &op));
  assert_non_null(strstr(cf_context_error(ctx), "trial 0"));
  const double a[4] = {1, 0, 0, 1}, zero[4] = {0};
  const cf_view va = cf_view_matrix(a, 2, 2), vz = cf_view_matrix(zero, 2, 2), one = cf_view_matrix(a, 1, 1);
  cf_dsa_match m;
  assert_ok(ctx, cf_operator_from_matrix(ctx, &va, "identity", &op));
  assert_ok(ctx, cf_operator_from_matrix(ctx, &one, "small", &other));
  assert_status(ctx, CF_ERR_INPUT, cf_dsa_align(ctx, op, other, NULL, &m, NULL));
  assert_non_null(strstr(cf_context_error(ctx), "--pca"));
  cf_operator_free(other);
  assert_ok(ctx, cf_operator_from_matrix(ctx, &vz, "nothing", &other));
  assert_status(ctx, CF_ERR_INPUT, cf_dsa_align(ctx, op, other, NULL, &m, NULL));
  assert_non_null(strstr(cf_context_error(ctx), "nothing"));
  cf_operator_free(op);
  cf_operator_free(other);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_hard_threshold),
      cmocka_unit_test(test_rank_words),
      cmocka_unit_test(test_qr_where_the_gram_matrix_loses_digits),
      cmocka_unit_test(test_gram_for_benign_data),
      cmocka_unit_test(test_stable_rules),
      cmocka_unit_test(test_scopes),
      cmocka_unit_test(test_blocks_do_not_matter),
      cmocka_unit_test(test_depth_errors),
      cmocka_unit_test(test_sweep_finds_the_delays),
      cmocka_unit_test(test_operator_errors),
  };
  return cmocka_run_group_tests_name("dynamics", tests, NULL, NULL);
}
