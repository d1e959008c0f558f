/* p-values of decoding and tubularity are uniform when labels mean nothing, and fall when they do. Over fresh data,
 * hence the name's tier: CF_TEST_FACTOR scales the number of simulations. */
#include "test.h"
#include <cortifold/trajectory.h>

enum { N = 8, S = 3, D = 4, T = 6, PERM = 19, BINS = 5 };

static cf_context *context(uint32_t draw) {
  cf_context *ctx = NULL;
  cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
  o.seed = 1000 + draw; /* permutations of their own */
  o.threads = 1;
  if (cf_context_new(&o, &ctx) != CF_OK) abort();
  return ctx;
}

/* Every curve has noise of its own; `effect` moves the curves of a stimulus together. */
static void responses(uint32_t draw, double effect, double *x) {
  cf_rng rng = cf_rng_make(41, 7, draw);
  for (size_t n = 0; n < N; n++)
    for (size_t s = 0; s < S; s++) {
      const double common = effect * cf_rng_normal(&rng);
      for (size_t d = 0; d < D; d++) {
        const double own = cf_rng_normal(&rng);
        for (size_t t = 0; t < T; t++)
          x[((n * S + s) * D + d) * T + t] = (common + own) * (double)t / T + 0.2 * cf_rng_normal(&rng);
      }
    }
}

/* p of k-NN, nearest mean and logistic regression, of S_tight and L S_cross. */
static void p_values(uint32_t draw, double effect, double p[5]) {
  static double x[N * S * D * T];
  cf_context *ctx = context(draw);
  const cf_view v = cf_view_tensor(x, 4, (const size_t[]){N, S, D, T});
  cf_decode_options o = CF_DECODE_OPTIONS_INIT;
  cf_tubes_options q = CF_TUBES_OPTIONS_INIT;
  cf_decoding *d = NULL;
  cf_tubes *t = NULL;
  responses(draw, effect, x);
  o.classifiers = CF_CLASSIFY_KNN | CF_CLASSIFY_MEAN | CF_CLASSIFY_LOGISTIC;
  o.windows = false;
  o.runs = 1;
  o.folds = o.mean_folds = 4;
  o.permutations = q.permutations = PERM;
  q.bootstrap = 0;
  q.points = 30;
  q.tube.bins = 10;
  assert_ok(ctx, cf_decode(ctx, &v, &o, &d));
  assert_ok(ctx, cf_tubes_compute(ctx, &v, &q, &t));
  p[0] = d->score[CF_SCORE_KNN].p;
  p[1] = d->score[CF_SCORE_MEAN].p;
  p[2] = d->score[CF_SCORE_LOGISTIC].p;
  p[3] = t->score[CF_TUBES_TIGHT].p;
  p[4] = t->score[CF_TUBES_LENGTH_CROSS].p;
  cf_decoding_free(d);
  cf_tubes_free(t);
  cf_context_free(ctx);
}

/* The scores of tubes have no ties: chi-squared over five equal bins, 4 degrees of freedom, 25 has probability 5e-5.
 * Accuracies tie, which makes their p larger: they may not fall below alpha more often than alpha, by four binomial
 * errors. */
static void uniform(void **state) {
  (void)state;
  const size_t n = test_cases(100);
  size_t bin[2][BINS] = {{0}}, below[3][2] = {{0}};
  static const double alpha[2] = {0.05, 0.2};
  for (uint32_t draw = 0; draw < n; draw++) {
    double p[5];
    p_values(draw, 0, p);
    for (size_t k = 0; k < 2; k++) bin[k][((size_t)lround(p[3 + k] * (PERM + 1)) - 1) * BINS / (PERM + 1)]++;
    for (size_t k = 0; k < 3; k++)
      for (size_t a = 0; a < 2; a++) below[k][a] += p[k] <= alpha[a] + 1e-9;
  }
  for (size_t k = 0; k < 2; k++) {
    double chi2 = 0;
    for (size_t b = 0; b < BINS; b++) chi2 += pow((double)bin[k][b] - (double)n / BINS, 2) / ((double)n / BINS);
    printf("%s: chi-squared %.1f over %zu data\n", k ? "L S_cross" : "S_tight", chi2, n);
    if (!(chi2 < 25)) fail_msg("p of %s is not uniform: chi-squared %g", k ? "L S_cross" : "S_tight", chi2);
  }
  for (size_t k = 0; k < 3; k++)
    for (size_t a = 0; a < 2; a++) {
      const double share = (double)below[k][a] / (double)n, error = sqrt(alpha[a] * (1 - alpha[a]) / (double)n);
      if (!(share < alpha[a] + 4 * error)) fail_msg("classifier %zu: p <= %g in %g of the data", k, alpha[a], share);
    }
}

static void power(void **state) {
  (void)state;
  static const double effect[3] = {0, 0.7, 2};
  double mean[3][4] = {{0}};
  const size_t n = test_cases(15);
  for (size_t e = 0; e < 3; e++)
    for (uint32_t draw = 0; draw < n; draw++) {
      double p[5];
      p_values(50000 + draw, effect[e], p);
      for (size_t k = 0; k < 4; k++) mean[e][k] += p[k] / (double)n;
    }
  for (size_t k = 0; k < 4; k++) {
    assert_true(mean[1][k] < mean[0][k]);
    assert_true(mean[2][k] < mean[1][k]);
    assert_true(mean[2][k] < 0.1);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(uniform), cmocka_unit_test(power)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
