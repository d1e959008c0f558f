/* Simulated data hold what was planted. */
#include "test.h"
#include <cortifold/linalg.h>
#include <cortifold/rdm.h>
#include <cortifold/simulate.h>
#include <cortifold/stats.h>

static cf_simulated_geometry *simulate(int threads, uint64_t seed, const cf_simulate_geometry_options *o,
                                       cf_context **keep) {
  cf_context_options c = CF_CONTEXT_OPTIONS_INIT;
  c.threads = threads;
  c.seed = seed;
  cf_context *ctx;
  cf_simulated_geometry *g = NULL;
  assert_int_equal(cf_context_new(&c, &ctx), CF_OK);
  assert_ok(ctx, cf_simulate_geometry(ctx, o, &g));
  if (keep)
    *keep = ctx;
  else
    cf_context_free(ctx);
  return g;
}

static void same_seed_same_data(void **state) {
  (void)state;
  cf_simulated_geometry *a = simulate(1, 7, NULL, NULL), *b = simulate(4, 7, NULL, NULL),
                        *c = simulate(1, 8, NULL, NULL);
  size_t n = a->subjects * a->trials * a->channels, f = a->conditions * a->features;
  assert_memory_equal(a->patterns, b->patterns, n * sizeof(double));
  assert_memory_equal(a->layer[3], b->layer[3], f * sizeof(double));
  assert_memory_equal(a->rotated, b->rotated, f * sizeof(double));
  assert_memory_not_equal(a->patterns, c->patterns, n * sizeof(double));
  assert_memory_not_equal(a->truth, c->truth, a->conditions * a->conditions * sizeof(double));
  cf_simulated_geometry_free(a), cf_simulated_geometry_free(b), cf_simulated_geometry_free(c);
}

static void truth_has_its_three_parts(void **state) {
  (void)state;
  for (int nested = 0; nested < 2; nested++) {
    cf_simulate_geometry_options o = CF_SIMULATE_GEOMETRY_OPTIONS_INIT;
    o.nested = nested;
    o.conditions = 19; /* categories of unequal size */
    cf_simulated_geometry *g = simulate(2, 3, &o, NULL);
    size_t k = g->conditions;
    for (size_t i = 0; i < k; i++)
      for (size_t j = 0; j < k; j++) {
        size_t at = i * k + j, a = g->category[i], b = g->category[j];
        double category = a == b ? 0 : !nested || (a < 2) != (b < 2) ? 1 : 0.5;
        assert_close(g->model[2][at], category, 1e-14, 1e-14);
        assert_close(g->model[3][at], 0.36 * pow(g->graded[i] - g->graded[j], 2), 1e-13, 1e-14);
        assert_close(g->model[2][at] + g->model[3][at] + g->model[4][at], g->truth[at], 1e-13, 1e-14);
        assert_true(g->truth[at] == g->truth[j * k + i] && (i != j || g->truth[at] == 0));
      }
    assert_true(g->graded[0] == -1 && g->graded[k - 1] == 1);
    cf_simulated_geometry_free(g);
  }
}

static void models_are_ordered_by_the_truth(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < 5; seed++) {
    cf_simulated_geometry *g = simulate(2, seed, NULL, NULL);
    assert_true(g->order[0] == 0 && g->model_correlation[0] > 1 - 1e-12);
    assert_true(g->order[1] == 1); /* the noisy truth */
    for (size_t i = 1; i < CF_SIMULATED_MODELS; i++)
      assert_true(g->model_correlation[g->order[i]] <= g->model_correlation[g->order[i - 1]]);
    assert_true(fabs(g->model_correlation[5]) < 0.15 && fabs(g->model_correlation[6]) < 0.15);
    cf_simulated_geometry_free(g);
  }
}

/* Trials minus their condition's pattern have the covariance that is told. */
static void noise_has_its_covariance(void **state) {
  (void)state;
  cf_simulate_geometry_options o = CF_SIMULATE_GEOMETRY_OPTIONS_INIT;
  o.subjects = 1, o.channels = 20, o.runs = 400, o.length = 3;
  cf_context *ctx;
  cf_simulated_geometry *g = simulate(1, 5, &o, &ctx);
  size_t p = g->channels, n = g->trials, k = g->conditions;
  double *mean = calloc(k * p, sizeof *mean), *s = calloc(p * p, sizeof *s);
  for (size_t t = 0; t < n; t++)
    for (size_t c = 0; c < p; c++) mean[g->trial_condition[t] * p + c] += g->patterns[t * p + c] / (double)g->runs;
  for (size_t t = 0; t < n; t++)
    for (size_t c = 0; c < p; c++) g->patterns[t * p + c] -= mean[g->trial_condition[t] * p + c];
  assert_ok(ctx, cf_syrk(ctx, true, p, n, 1 / (double)(n - k), g->patterns, p, 0, s, p));
  for (size_t a = 0; a < p; a++)
    for (size_t b = 0; b < p; b++) {
      double scale = sqrt(g->noise_covariance[a * p + a] * g->noise_covariance[b * p + b]);
      assert_close(s[a * p + b] / scale, g->noise_covariance[a * p + b] / scale, 0, 5 / sqrt((double)n));
    }
  free(mean), free(s);
  cf_simulated_geometry_free(g);
  cf_context_free(ctx);
}

static cf_array *labels(cf_context *ctx, const size_t *code, size_t n) {
  cf_array *a = NULL;
  assert_ok(ctx, cf_array_new(ctx, "label", CF_I64, 1, &n, &a));
  for (size_t i = 0; i < n; i++) ((int64_t *)a->data)[i] = (int64_t)code[i];
  return a;
}

static void triangle(size_t n, const double *square, double *out) {
  for (size_t i = 0; i < n; i++)
    for (size_t j = i + 1; j < n; j++) *out++ = square[i * n + j];
}

/* crossnobis with the true noise covariance: unbiased, and as close to the truth as is told. */
static void crossnobis_finds_the_truth(void **state) {
  (void)state;
  cf_simulate_geometry_options o = CF_SIMULATE_GEOMETRY_OPTIONS_INIT;
  o.subjects = 24;
  cf_context *ctx;
  cf_simulated_geometry *g = simulate(0, 11, &o, &ctx);
  size_t k = g->conditions, p = g->channels, pairs = k * (k - 1) / 2;
  double *sigma = malloc(p * p * sizeof *sigma), *truth = malloc(pairs * sizeof *truth),
         *one = malloc(pairs * sizeof *one);
  double *sum = calloc(pairs, sizeof *sum), r = 0;
  for (size_t i = 0; i < p * p; i++) sigma[i] = g->noise_covariance[i] / (o.noise * o.noise);
  triangle(k, g->truth, truth);
  cf_view covariance = cf_view_matrix(sigma, p, p);
  cf_rdm_options options = CF_RDM_OPTIONS_INIT;
  options.metric = "crossnobis";
  options.conditions = labels(ctx, g->trial_condition, g->trials);
  options.folds = labels(ctx, g->trial_run, g->trials);
  options.noise = CF_RDM_NOISE_GIVEN;
  options.covariance = &covariance;
  options.per_channel = true;
  for (size_t s = 0; s < g->subjects; s++) {
    cf_rdm *rdm = NULL;
    cf_view trials = cf_view_matrix(g->patterns + s * g->trials * p, g->trials, p);
    assert_ok(ctx, cf_rdm_compute(ctx, &trials, &options, &rdm));
    triangle(k, rdm->d, one);
    r += cf_pearson(pairs, one, truth) / (double)g->subjects;
    for (size_t i = 0; i < pairs; i++) sum[i] += one[i] / (double)g->subjects;
    cf_rdm_free(rdm);
  }
  assert_close(r, g->expected_ceiling, 0, 0.03);
  /* idiosyncrasy adds 2 t^2 to every distance */
  assert_close(cf_mean(pairs, sum), cf_mean(pairs, truth) + 2 * o.idiosyncrasy * o.idiosyncrasy, 0, 0.07);
  assert_true(cf_pearson(pairs, sum, truth) > 0.97);
  cf_array_free((cf_array *)(uintptr_t)options.conditions);
  cf_array_free((cf_array *)(uintptr_t)options.folds);
  free(sigma), free(truth), free(one), free(sum);
  cf_simulated_geometry_free(g);
  cf_context_free(ctx);
}

/* tr(K L) / sqrt(tr(K K) tr(L L)) with centred Gram matrices */
static double cka(size_t n, const double *x, size_t p, const double *y, size_t q) {
  double kl = 0, kk = 0, ll = 0, *mx = calloc(p, sizeof *mx), *my = calloc(q, sizeof *my);
  for (size_t i = 0; i < n; i++) {
    for (size_t c = 0; c < p; c++) mx[c] += x[i * p + c] / (double)n;
    for (size_t c = 0; c < q; c++) my[c] += y[i * q + c] / (double)n;
  }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) {
      double k = 0, l = 0;
      for (size_t c = 0; c < p; c++) k += (x[i * p + c] - mx[c]) * (x[j * p + c] - mx[c]);
      for (size_t c = 0; c < q; c++) l += (y[i * q + c] - my[c]) * (y[j * q + c] - my[c]);
      kl += k * l, kk += k * k, ll += l * l;
    }
  free(mx), free(my);
  return kl / sqrt(kk * ll);
}

static void layers_come_closer_and_a_rotation_changes_nothing(void **state) {
  (void)state;
  cf_simulated_geometry *g = simulate(2, 2, NULL, NULL);
  double before = 0, last = 0;
  for (size_t l = 0; l < CF_SIMULATED_LAYERS; l++) {
    last = cka(g->conditions, g->layer[l], g->features, g->latent, g->dims);
    assert_true(last > before + 0.02);
    before = last;
  }
  assert_true(last > 0.95);
  assert_close(cka(g->conditions, g->rotated, g->features, g->layer[3], g->features), 1, 1e-12, 0);
  assert_close(cka(g->conditions, g->rotated, g->features, g->latent, g->dims), last, 1e-12, 0);
  cf_simulated_geometry_free(g);
}

static void each_run_shows_every_condition(void **state) {
  (void)state;
  cf_simulate_geometry_options o = CF_SIMULATE_GEOMETRY_OPTIONS_INIT;
  for (o.runs = 1; o.runs <= 3; o.runs++) {
    o.subjects = 1;
    cf_simulated_geometry *g = simulate(1, 1, &o, NULL);
    size_t seen[48][3] = {{0}}, inorder = 0;
    for (size_t t = 0; t < g->trials; t++) {
      seen[g->trial_condition[t]][g->trial_run[t]]++;
      inorder += g->trial_condition[t] == t % 48;
    }
    for (size_t i = 0; i < 48; i++)
      for (size_t r = 0; r < o.runs; r++) assert_int_equal(seen[i][r], 1);
    assert_true(o.runs == 1 ? inorder == 48 && isnan(g->expected_ceiling) : inorder < 48 && g->expected_ceiling > 0);
    cf_simulated_geometry_free(g);
  }
}

static void impossible_settings_are_refused(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_simulated_geometry *g = NULL;
  cf_simulate_geometry_options o = CF_SIMULATE_GEOMETRY_OPTIONS_INIT;
  o.conditions = 7;
  assert_status(ctx, CF_ERR_USAGE, cf_simulate_geometry(ctx, &o, &g));
  assert_non_null(strstr(cf_context_error(ctx), "conditions is 7"));
  o.conditions = 48, o.channels = 5;
  assert_status(ctx, CF_ERR_USAGE, cf_simulate_geometry(ctx, &o, &g));
  o.channels = 50, o.noise = NAN;
  assert_status(ctx, CF_ERR_USAGE, cf_simulate_geometry(ctx, &o, &g));
  o.noise = 1, o.category = o.graded = o.exemplar = 0;
  assert_status(ctx, CF_ERR_USAGE, cf_simulate_geometry(ctx, &o, &g));
  o.category = 1, o.subjects = 3;
  for (uint64_t n = 1; n < 40; n++) { /* every allocation fails once; nothing leaks, nothing is half made */
    cf_test_fail_allocation(n);
    cf_status s = cf_simulate_geometry(ctx, &o, &g);
    cf_test_fail_allocation(0);
    assert_true(s == CF_OK || (s == CF_ERR_MEMORY && !g));
    cf_simulated_geometry_free(g);
    g = NULL;
  }
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(same_seed_same_data),
      cmocka_unit_test(truth_has_its_three_parts),
      cmocka_unit_test(models_are_ordered_by_the_truth),
      cmocka_unit_test(noise_has_its_covariance),
      cmocka_unit_test(crossnobis_finds_the_truth),
      cmocka_unit_test(layers_come_closer_and_a_rotation_changes_nothing),
      cmocka_unit_test(each_run_shows_every_condition),
      cmocka_unit_test(impossible_settings_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
