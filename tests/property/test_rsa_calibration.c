/* Calibration on worlds with known truth: p-values of a true null are uniform, intervals cover, planted effects are
 * found. The short form bounds loosely; CF_TEST_FACTOR draws more worlds.
 *
 * World: stimuli are drawn from a population of feature vectors, subjects add their own weights on the features and
 * noise to every dissimilarity. Null model: the RDM of features that are independent of the data's. */
#include "test.h"
#include <cortifold/rsa.h>
#include <cortifold/stats.h>

enum { N = 16, P = N * (N - 1) / 2, S = 8, F = 4 };

static void features(cf_rng *rng, double *x) {
  for (size_t i = 0; i < N * F; i++) x[i] = cf_rng_normal(rng);
}

static void rdm_of(const double *x, const double *weight, double *out) {
  for (size_t i = 0, p = 0; i < N; i++)
    for (size_t j = i + 1; j < N; j++, p++) {
      out[p] = 0;
      for (size_t f = 0; f < F; f++)
        out[p] += weight[f] * (x[i * F + f] - x[j * F + f]) * (x[i * F + f] - x[j * F + f]);
    }
}

/* Two independent null models of equal standing, and with effect > 0 a mixture of the data's features in the first. */
static void make_world(uint32_t k, double effect, double *data, double *models) {
  cf_rng rng = cf_rng_make(31, 32, k);
  double x[N * F], y[N * F], one[F], weight[F];
  for (size_t f = 0; f < F; f++) one[f] = 1;
  features(&rng, x);
  for (size_t s = 0; s < S; s++) {
    for (size_t f = 0; f < F; f++) weight[f] = exp(0.5 * cf_rng_normal(&rng));
    rdm_of(x, weight, data + s * P);
    for (size_t p = 0; p < P; p++) data[s * P + p] += 3 * cf_rng_normal(&rng);
  }
  for (size_t m = 0; m < 2; m++) {
    features(&rng, y);
    for (size_t i = 0; i < N * F && m == 0; i++) y[i] = effect * x[i] + sqrt(1 - effect * effect) * y[i];
    rdm_of(y, one, models + m * P);
  }
}

typedef struct tally {
  double rejected, uniform[4], covered, pairwise, width;
} tally;

/* Small jobs: more threads would only wait for each other. */
static cf_context *single_thread(void) {
  cf_context *ctx = NULL;
  cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
  o.threads = 1;
  if (cf_context_new(&o, &ctx) != CF_OK) abort();
  return ctx;
}

static tally simulate(cf_rsa_bootstrap bootstrap, double effect, size_t worlds) {
  tally t = {0, {0}, 0, 0, 0};
  cf_context *ctx = single_thread();
  for (size_t k = 0; k < worlds; k++) {
    double data[S * P], models[2 * P], share = 1.0 / (double)worlds;
    cf_rsa_options o = CF_RSA_OPTIONS_INIT;
    cf_rsa_result *r = NULL;
    make_world((uint32_t)k, effect, data, models);
    o.comparator = CF_COMPARE_PEARSON;
    o.bootstrap = bootstrap;
    o.replicates = 150;
    assert_ok(ctx, cf_rsa_evaluate(ctx, &o, N, S, data, 2, models, &r));
    t.rejected += share * (r->p[0] < 0.05);
    t.uniform[(size_t)fmin(3, floor(4 * r->p[1]))] += share; /* model 1 is always null */
    t.covered += share * (r->ci_low[1] <= 0 && 0 <= r->ci_high[1]);
    t.pairwise += share * (r->pairwise[0].p < 0.05);
    t.width += share * (r->ci_high[1] - r->ci_low[1]);
    cf_rsa_result_free(r);
  }
  cf_context_free(ctx);
  return t;
}

/* Bootstraps that resample stimuli generalise to new stimuli: nothing may be found where nothing is. */
static void stimuli_null(void **state) {
  (void)state;
  size_t worlds = test_cases(200);
  const cf_rsa_bootstrap kinds[2] = {CF_BOOTSTRAP_STIMULI, CF_BOOTSTRAP_BOTH};
  for (size_t i = 0; i < 2; i++) {
    tally t = simulate(kinds[i], 0, worlds);
    print_message(
        "%s: p < .05 in %.3f, pairwise in %.3f, quarters of p %.2f %.2f %.2f %.2f, 95 %% interval covers %.3f\n",
        i ? "both" : "stimuli", t.rejected, t.pairwise, t.uniform[0], t.uniform[1], t.uniform[2], t.uniform[3],
        t.covered);
    assert_true(t.rejected < 0.11);
    assert_true(t.pairwise < 0.11);
    assert_true(t.covered > 0.89);
    for (size_t q = 0; q < 4; q++) assert_true(t.uniform[q] > 0.1 && t.uniform[q] < 0.45);
  }
}

/* Power rises with the effect, and the dual bootstrap asks for more than that over stimuli alone. */
static void power(void **state) {
  (void)state;
  size_t worlds = test_cases(60);
  tally weak = simulate(CF_BOOTSTRAP_BOTH, 0.4, worlds), strong = simulate(CF_BOOTSTRAP_BOTH, 0.9, worlds);
  tally stimuli = simulate(CF_BOOTSTRAP_STIMULI, 0.4, worlds);
  print_message("power %.2f at 0.4, %.2f at 0.9\n", weak.rejected, strong.rejected);
  assert_true(strong.rejected > 0.95);
  assert_true(strong.pairwise > 0.9);
  assert_true(strong.rejected >= weak.rejected);
  assert_true(weak.width > stimuli.width);
}

/* Subjects alone: scores of subjects are exchangeable around 0 when their RDMs are noise. */
static void subjects_null(void **state) {
  (void)state;
  size_t worlds = test_cases(300), counted = 0;
  double rejected[2] = {0, 0}, covered[2] = {0, 0};
  cf_context *ctx = single_thread();
  for (size_t k = 0; k < worlds; k++) {
    cf_rng rng = cf_rng_make(41, 42, (uint32_t)k);
    double data[S * P], model[P];
    for (size_t i = 0; i < S * P; i++) data[i] = cf_rng_normal(&rng);
    for (size_t i = 0; i < P; i++) model[i] = cf_rng_normal(&rng);
    for (int b = 0; b < 2; b++) {
      cf_rsa_options o = CF_RSA_OPTIONS_INIT;
      cf_rsa_result *r = NULL;
      o.bootstrap = b ? CF_BOOTSTRAP_SUBJECTS : CF_BOOTSTRAP_NONE;
      o.comparator = CF_COMPARE_RHO_A;
      o.replicates = 100;
      assert_ok(ctx, cf_rsa_evaluate(ctx, &o, N, S, data, 1, model, &r));
      rejected[b] += r->p[0] < 0.05;
      covered[b] += r->ci_low[0] <= 0 && 0 <= r->ci_high[0];
      cf_rsa_result_free(r);
    }
    counted++;
  }
  for (int b = 0; b < 2; b++) {
    double rate = rejected[b] / (double)counted;
    print_message("%s: p < .05 in %.3f, interval covers %.3f\n", b ? "subjects" : "none", rate,
                  covered[b] / (double)counted);
    assert_true(rate > 0.01 && rate < 0.1);
    assert_close(covered[b] / (double)counted, 1 - rate, 1e-9, 0); /* the t interval is the inverted test */
  }
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(stimuli_null), cmocka_unit_test(power),
                                     cmocka_unit_test(subjects_null)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
