/* p-values of the alignment table and of dynamical similarity are uniform when systems have nothing in common, and fall
 * with what they share. Over fresh data, hence the name's tier: CF_TEST_FACTOR scales the number of simulations. */
#include "test.h"
#include "pipeline/alignment.h"
#include <cortifold/compare.h>

enum { C = 12, T = 6, P = 3, Q = 4, PERM = 19, BINS = 5, COMPARED = 2, SCORES = CF_ALIGN_MEASURES + COMPARED };
static const char *const name[SCORES] = {"rsa",       "cca",      "lp",          "dsa",
                                         "cca-clean", "lp-clean", "dsa-angular", "dsa-wasserstein"};

static cf_context *context(uint32_t draw) {
  cf_context *ctx = NULL;
  cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
  o.seed = 7000 + draw; /* permutations of their own */
  o.threads = 1;
  if (cf_context_new(&o, &ctx) != CF_OK) abort();
  return ctx;
}

/* bins x conditions x neurons: what lasts over time, so that bins are far from independent, and noise. With an effect Y
 * sees X's, and both turn at one speed. */
static void sides(uint32_t draw, double effect, double *x, double *y) {
  cf_rng rng = cf_rng_make(43, 11, draw);
  double lasting[C][P], phase[C];
  for (size_t c = 0; c < C; c++) {
    phase[c] = 6.28318 * cf_rng_uniform(&rng);
    for (size_t i = 0; i < P; i++) lasting[c][i] = cf_rng_normal(&rng);
  }
  for (size_t c = 0; c < C; c++) {
    double own[Q];
    for (size_t i = 0; i < Q; i++) own[i] = cf_rng_normal(&rng);
    for (size_t t = 0; t < T; t++) {
      const double turn = phase[c] + 1.1 * (double)t;
      for (size_t i = 0; i < P; i++)
        x[(t * C + c) * P + i] = lasting[c][i] + 0.5 * cf_rng_normal(&rng) + 2 * effect * (i ? sin(turn) : cos(turn));
      for (size_t i = 0; i < Q; i++)
        y[(t * C + c) * Q + i] =
            own[i] + 0.5 * cf_rng_normal(&rng) + effect * lasting[c][i % P] + 2 * effect * (i ? sin(turn) : cos(turn));
    }
  }
}

static cf_align_side *side(cf_context *ctx, size_t neurons, const double *x, const char *title) {
  cf_align_side *s = NULL;
  assert_ok(ctx, CF_ALLOC(ctx, &s, 1));
  s->name = title;
  s->neurons = neurons;
  assert_ok(ctx, CF_ALLOC(ctx, &s->x, T * C * neurons));
  memcpy(s->x, x, T * C * neurons * sizeof *x);
  return s;
}

/* The measures that compare has and the table has not, on the table's trajectories: the same null. */
static void compared(cf_context *ctx, const cf_align_job *job, double *p) {
  cf_trajectory_options o = {CF_OPERATOR_OPTIONS_INIT, CF_DSA_OPTIONS_INIT, false, false, false, false};
  const cf_trajectory *x = &job->module->scores, *y = &job->recording->scores;
  o.dsa.starts = 2;
  for (size_t k = 0; k < COMPARED; k++) {
    const cf_measure *m = cf_trajectory_measure_find(name[CF_ALIGN_MEASURES + k]);
    double value, null[PERM];
    size_t count = 0;
    if (k == 0 && x->op->n != y->op->n) { /* of one size only */
      p[k] = NAN;
      continue;
    }
    assert_ok(ctx, cf_trajectory_value(ctx, m, x, y, &o, &value, NULL));
    assert_ok(ctx, cf_trajectory_permute(ctx, m, x, y, &o, PERM, null));
    for (size_t r = 0; r < PERM; r++) count += null[r] <= value * (1 + 1e-9);
    p[k] = (1 + (double)count) / (1 + PERM);
  }
}

static void p_values(uint32_t draw, double effect, bool equal, double *p) {
  static double x[T * C * Q], y[T * C * Q];
  cf_context *ctx = context(draw);
  cf_align_job job = {
      .conditions = C, .bins = T, .paper = true, .clean = true, .folds = 4, .permutations = PERM, .shuffles = PERM};
  sides(draw, effect, x, y);
  if (equal) /* as many neurons on both sides: the last of Y is left out */
    for (size_t i = 0; i < T * C; i++) memmove(y + i * P, y + i * Q, P * sizeof *y);
  job.modules.count = job.recordings.count = 1;
  assert_ok(ctx, CF_ALLOC(ctx, &job.modules.address, 1));
  assert_ok(ctx, CF_ALLOC(ctx, &job.recordings.address, 1));
  job.module = side(ctx, P, x, "module");
  job.recording = side(ctx, equal ? P : Q, y, "recording");
  assert_ok(ctx, cf_align_scores(ctx, &job));
  for (size_t k = 0; k < CF_ALIGN_MEASURES; k++) p[k] = job.score[k].p;
  compared(ctx, &job, p + CF_ALIGN_MEASURES);
  cf_align_free(&job);
  cf_context_free(ctx);
}

/* Chi-squared over five equal bins, 4 degrees of freedom: 25 has probability 5e-5. The published lp is clipped at 0, so
 * that values tie, which makes p larger: it may not fall below alpha more often than alpha, by four binomial errors. */
static void uniform(void **state) {
  (void)state;
  const size_t n = test_cases(100);
  size_t bin[SCORES][BINS] = {{0}}, below[2] = {0};
  static const double alpha[2] = {0.05, 0.2};
  for (uint32_t draw = 0; draw < n; draw++) {
    double p[SCORES];
    p_values(draw, 0, true, p);
    for (size_t k = 0; k < SCORES; k++) bin[k][((size_t)lround(p[k] * (PERM + 1)) - 1) * BINS / (PERM + 1)]++;
    for (size_t a = 0; a < 2; a++) below[a] += p[CF_ALIGN_LP] <= alpha[a] + 1e-9;
  }
  for (size_t k = 0; k < SCORES; k++) {
    double chi2 = 0;
    if (k == CF_ALIGN_LP) continue;
    for (size_t b = 0; b < BINS; b++) chi2 += pow((double)bin[k][b] - (double)n / BINS, 2) / ((double)n / BINS);
    printf("%s: %zu %zu %zu %zu %zu of %zu, chi-squared %.1f\n", name[k], bin[k][0], bin[k][1], bin[k][2], bin[k][3],
           bin[k][4], n, chi2);
    if (!(chi2 < 25)) fail_msg("p of %s is not uniform: chi-squared %g", name[k], chi2);
  }
  for (size_t a = 0; a < 2; a++) {
    const double share = (double)below[a] / (double)n, error = sqrt(alpha[a] * (1 - alpha[a]) / (double)n);
    if (!(share < alpha[a] + 4 * error)) fail_msg("lp: p <= %g in %g of the data", alpha[a], share);
  }
}

static void power(void **state) {
  (void)state;
  static const double effect[3] = {0, 0.5, 2};
  double mean[3][SCORES] = {{0}};
  const size_t n = test_cases(20);
  for (size_t e = 0; e < 3; e++)
    for (uint32_t draw = 0; draw < n; draw++) {
      double p[SCORES];
      p_values(50000 + draw, effect[e], true, p);
      for (size_t k = 0; k < SCORES; k++) mean[e][k] += p[k] / (double)n;
    }
  for (size_t k = 0; k < SCORES; k++) {
    printf("%s: mean p %.3f, %.3f, %.3f\n", name[k], mean[0][k], mean[1][k], mean[2][k]);
    if (!(mean[1][k] < mean[0][k] && mean[2][k] < mean[1][k] && mean[2][k] < 0.1))
      fail_msg("p of %s does not fall with the effect: %g, %g, %g", name[k], mean[0][k], mean[1][k], mean[2][k]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(uniform), cmocka_unit_test(power)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
