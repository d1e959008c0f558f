/* Tubularity: what leaves it alone and what does not, tested as such; decoding: the same bits for any number of
 * threads, hostile responses, the logistic optimum by its own equations. */
#include "test.h"
#include <cortifold/trajectory.h>

enum { N = 20, S = 3, D = 4, T = 16, EACH = S * D * T };

static cf_context *context(int threads, uint64_t seed) {
  cf_context *ctx = NULL;
  cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
  o.threads = threads;
  o.seed = seed;
  if (cf_context_new(&o, &ctx) != CF_OK) abort();
  return ctx;
}

/* Neurons that follow slow signals of their stimulus, a little different for each direction, and noise. */
static double *responses(uint32_t which, double noise) {
  double *x = malloc(N * EACH * sizeof *x), signal[4];
  cf_rng rng = cf_rng_make(5, 77, which);
  for (size_t n = 0; n < N; n++) {
    for (size_t k = 0; k < 4; k++) signal[k] = cf_rng_normal(&rng);
    for (size_t s = 0; s < S; s++)
      for (size_t d = 0; d < D; d++)
        for (size_t t = 0; t < T; t++) {
          double sum = noise * cf_rng_normal(&rng);
          for (size_t k = 0; k < 4; k++)
            sum += signal[k] * sin(0.12 * (double)((k + 1) * t) + 2.1 * (double)(s * (k + 1)) + 0.15 * (double)d);
          x[((n * S + s) * D + d) * T + t] = sum;
        }
  }
  return x;
}

static cf_view view(const double *x, size_t neurons) {
  return cf_view_tensor(x, 4, (const size_t[]){neurons, S, D, T});
}

/* m curves of 40 points in three dimensions, labels by halves. */
static void random_curves(uint32_t which, double *x, int *label, size_t m) {
  cf_rng rng = cf_rng_make(6, 78, which);
  for (size_t i = 0; i < m; i++) {
    label[i] = i < m / 2 ? 0 : 1;
    double phase = 0.2 * cf_rng_normal(&rng), lift = 0.1 * cf_rng_normal(&rng);
    for (size_t k = 0; k < 40; k++) {
      const double t = (double)k / 39;
      x[(i * 40 + k) * 3] = cos(3 * t + phase) + label[i];
      x[(i * 40 + k) * 3 + 1] = sin((2 + label[i]) * t) + lift;
      x[(i * 40 + k) * 3 + 2] = t * t + 0.02 * cf_rng_normal(&rng);
    }
  }
}

static cf_tubularity *measure(cf_context *ctx, const double *x, const int *label, size_t m, double smoothing) {
  size_t points[16];
  cf_curves *c = NULL;
  cf_tubularity *t = NULL;
  cf_tube_options o = CF_TUBE_OPTIONS_INIT;
  o.smoothing = smoothing;
  for (size_t i = 0; i < m; i++) points[i] = 40;
  assert_ok(ctx, cf_curves_make(ctx, m, points, 3, x, 60, &c));
  assert_ok(ctx, cf_tubularity_compute(ctx, c, label, &o, &t));
  cf_curves_free(c);
  return t;
}

static void invariances(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { M = 8, SIZE = M * 40 * 3 };
  double x[SIZE], y[SIZE];
  int label[M], other[M];
  for (uint32_t draw = 0; draw < test_cases(5); draw++) {
    random_curves(draw, x, label, M);
    cf_tubularity *a = measure(ctx, x, label, M, 0), *s = measure(ctx, x, label, M, 0.01);
    const double angle = 0.3 + draw, c = cos(angle), sn = sin(angle);
    for (size_t i = 0; i < SIZE; i += 3) { /* rotation in two planes, and a shift */
      const double u = c * x[i] - sn * x[i + 1], v = sn * x[i] + c * x[i + 1], w = x[i + 2];
      y[i] = u + 3;
      y[i + 1] = c * v - sn * w - 7;
      y[i + 2] = sn * v + c * w;
    }
    cf_tubularity *b = measure(ctx, y, label, M, 0);
    assert_close(b->tight, a->tight, 1e-9, 0);
    assert_close(b->cross, a->cross, 1e-7, 0);
    cf_tubularity_free(b);
    for (size_t i = 0; i < SIZE; i++) y[i] = 40 * x[i];
    b = measure(ctx, y, label, M, 0);
    assert_close(b->tight, a->tight, 1e-9, 0);
    assert_close(b->length_cross, a->length_cross, 1e-9, 0);
    assert_close(b->cross, a->cross / 40, 1e-9, 0); /* known: the unit of S_cross is 1 / length */
    cf_tubularity_free(b);
    b = measure(ctx, y, label, M, 0.01); /* known: the published spline has an absolute budget */
    assert_true(fabs(b->tight - s->tight) > 1e-4 * s->tight);
    cf_tubularity_free(b);
    for (size_t i = 0; i < M; i++) { /* order of the curves within and between bundles */
      const size_t from = M - 1 - i;
      memcpy(y + i * 120, x + from * 120, 120 * sizeof *x);
      other[i] = label[from];
    }
    b = measure(ctx, y, other, M, 0);
    assert_close(b->tight, a->tight, 1e-12, 0);
    assert_close(b->cross, a->cross, 1e-9, 0);
    cf_tubularity_free(b);
    cf_tubularity_free(a);
    cf_tubularity_free(s);
  }
  cf_context_free(ctx);
}

static void neurons(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double *x = responses(1, 0.1), *y = malloc(N * EACH * sizeof *y);
  cf_tubes_options o = CF_TUBES_OPTIONS_INIT;
  cf_tubes *a = NULL, *b = NULL;
  o.bootstrap = 0;
  o.components = 4; /* the signals: components of noise alone would mix freely */
  const cf_view v = view(x, N), w = view(y, N);
  assert_ok(ctx, cf_tubes_compute(ctx, &v, &o, &a));
  for (size_t n = 0; n < N; n++) /* order of neurons, and a unit and offset of each */
    for (size_t i = 0; i < EACH; i++) y[(N - 1 - n) * EACH + i] = (1 + (double)n) * x[n * EACH + i] - 9;
  assert_ok(ctx, cf_tubes_compute(ctx, &w, &o, &b));
  assert_close(b->all->tight, a->all->tight, 1e-8, 0);
  assert_close(b->all->length_cross, a->all->length_cross, 1e-6, 0);
  cf_tubes_free(b);
  /* Known: twice the same neurons are curves longer by sqrt(2), so S_cross falls and L S_cross stays. */
  double *z = malloc(2 * N * EACH * sizeof *z);
  memcpy(z, x, N * EACH * sizeof *x);
  memcpy(z + N * EACH, x, N * EACH * sizeof *x);
  const cf_view twice = view(z, 2 * N);
  assert_ok(ctx, cf_tubes_compute(ctx, &twice, &o, &b));
  assert_close(b->all->tight, a->all->tight, 1e-8, 0);
  if (a->all->cross > 0) assert_true(b->all->tube[0].length > 1.41 * a->all->tube[0].length);
  cf_tubes_free(a);
  cf_tubes_free(b);
  free(x), free(y), free(z);
  cf_context_free(ctx);
}

static void threads(void **state) {
  (void)state;
  double *x = responses(2, 0.5);
  const cf_view v = view(x, N);
  const cf_tube_options paper = CF_TUBE_OPTIONS_PAPER;
  double seen[2][16];
  for (int k = 0; k < 2; k++) {
    cf_context *ctx = context(k + 1, 3);
    cf_tubes_options o = CF_TUBES_OPTIONS_INIT;
    cf_decode_options p = CF_DECODE_OPTIONS_INIT;
    cf_tubes *t = NULL;
    cf_decoding *d = NULL;
    o.bootstrap = 4;
    o.permutations = 9;
    o.beside = &paper;
    p.permutations = 9;
    p.classifiers = CF_CLASSIFY_KNN | CF_CLASSIFY_LOGISTIC | CF_CLASSIFY_MEAN;
    p.mean_folds = 4;
    assert_ok(ctx, cf_tubes_compute(ctx, &v, &o, &t));
    assert_ok(ctx, cf_decode(ctx, &v, &p, &d));
    const double all[16] = {t->score[0].value,  t->score[0].mean, t->score[1].value,         t->score[1].low,
                            t->score[2].high,   t->score[0].p,    t->beside_score[0].sd,     t->beside_score[2].mean,
                            d->score[0].chance, d->score[1].p,    d->score[2].accuracy,      d->score[1].increasing[3],
                            d->worst_gradient,  d->score[1].sd,   d->score[2].decreasing[5], d->score[1].chance_sd};
    memcpy(seen[k], all, sizeof all);
    cf_tubes_free(t);
    cf_decoding_free(d);
    cf_context_free(ctx);
  }
  assert_memory_equal(seen[0], seen[1], sizeof seen[0]);
  free(x);
}

/* Duplicated curves, neurons that are constant, fewer curves than clustering needs, a single neuron, two time bins. */
static void hostile(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double *x = responses(3, 0.3);
  cf_tubes_options o = CF_TUBES_OPTIONS_INIT;
  cf_tubes *t = NULL;
  o.bootstrap = 2;
  for (size_t n = 0; n < N; n++) {
    memcpy(x + n * EACH + T, x + n * EACH, T * sizeof *x); /* condition 1 is condition 0 */
    for (size_t i = 0; n < 3 && i < EACH; i++) x[n * EACH + i] = 0.1;
  }
  cf_view v = view(x, N);
  assert_ok(ctx, cf_tubes_compute(ctx, &v, &o, &t));
  assert_int_equal(t->constant, 3);
  for (size_t k = 0; k < CF_TUBES_SCORES; k++) assert_true(isfinite(t->score[k].value) && isfinite(t->score[k].mean));
  cf_tubes_free(t);
  o.cluster = true;
  o.clusters.min_size = 30; /* the 15th other of 12 curves: no core distances, no core curves, so the threshold graph */
  assert_ok(ctx, cf_tubes_compute(ctx, &v, &o, &t));
  assert_int_equal(t->rule, CF_CURVES_THRESHOLD);
  assert_true(t->all->tubes >= 1 && t->clusters[0] >= 1);
  cf_tubes_free(t);
  o.clusters.min_size = 4;
  v.shape[0] = 1;
  v.data = x + 5 * EACH;
  v.shape[3] = 2;
  assert_ok(ctx, cf_tubes_compute(ctx, &v, &o, &t));
  assert_int_equal(t->components, 1);
  assert_true(isfinite(t->all->tight));
  cf_tubes_free(t);
  cf_decoding *d = NULL;
  v = view(x, N);
  v.shape[2] = 1; /* a single direction: no other condition has the label */
  cf_decode_options p = CF_DECODE_OPTIONS_INIT;
  p.neighbours = 2;
  p.folds = 3;
  p.permutations = 0;
  assert_int_equal(cf_decode(ctx, &v, &p, &d), CF_ERR_INPUT);
  assert_non_null(strstr(cf_context_error(ctx), "every stimulus has one condition"));
  assert_null(d);
  free(x);
  cf_context_free(ctx);
}

/* At the optimum W = c sum_i (y_i - p_i) x_i', and the probabilities of each class sum to its count. */
static void logistic_optimum(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { ROWS = 30, DIMS = 50, CODES = 4 };
  double x[ROWS * DIMS], w[CODES * DIMS], b[CODES], residual;
  size_t code[ROWS];
  for (uint32_t draw = 0; draw < test_cases(4); draw++) {
    cf_rng rng = cf_rng_make(8, 80, draw);
    const double c = 0.1 * pow(4, draw % 5);
    for (size_t i = 0; i < ROWS; i++) code[i] = i % 3; /* code 3 does not occur */
    for (size_t i = 0; i < ROWS * DIMS; i++) x[i] = cf_rng_normal(&rng) + 2;
    assert_ok(ctx, cf_logistic_fit(ctx, ROWS, DIMS, x, code, CODES, c, w, b, &residual));
    assert_true(residual <= 1e-6);
    assert_true(isinf(b[3]) && w[3 * DIMS] == 0);
    double sum[CODES] = {0}, grad[CODES * DIMS];
    memcpy(grad, w, sizeof w);
    for (size_t i = 0; i < ROWS; i++) {
      double p[CODES], total = 0;
      for (size_t k = 0; k < CODES; k++) {
        p[k] = b[k];
        for (size_t j = 0; j < DIMS; j++) p[k] += w[k * DIMS + j] * x[i * DIMS + j];
        p[k] = exp(p[k]);
        total += p[k];
      }
      for (size_t k = 0; k < CODES; k++) {
        const double e = p[k] / total - (code[i] == k);
        sum[k] += e;
        for (size_t j = 0; j < DIMS; j++) grad[k * DIMS + j] += c * e * x[i * DIMS + j];
      }
    }
    for (size_t k = 0; k < CODES; k++) assert_close(sum[k], 0, 0, 1e-5);
    for (size_t k = 0; k < CODES * DIMS; k++) assert_close(grad[k], 0, 0, 2e-5);
  }
  cf_context_free(ctx);
}

/* Every code as evenly over the folds as can be, folds as equal as can be, and another shuffle for another run. */
static void stratified(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { ROWS = 43, CODES = 5, FOLDS = 4 };
  size_t code[ROWS], fold[2][ROWS], count[FOLDS] = {0}, each[CODES][FOLDS] = {{0}}, size[CODES] = {0};
  for (size_t i = 0; i < ROWS; i++) size[code[i] = (i * i + i / 7) % CODES]++;
  for (uint32_t r = 0; r < 2; r++) assert_ok(ctx, cf_folds_stratified(ctx, ROWS, code, CODES, FOLDS, 3, r, fold[r]));
  assert_memory_not_equal(fold[0], fold[1], sizeof fold[0]);
  for (size_t i = 0; i < ROWS; i++) {
    count[fold[0][i]]++;
    each[code[i]][fold[0][i]]++;
  }
  for (size_t f = 0; f < FOLDS; f++) {
    assert_true(count[f] == ROWS / FOLDS || count[f] == ROWS / FOLDS + 1);
    for (size_t k = 0; k < CODES; k++) assert_true(each[k][f] == size[k] / FOLDS || each[k][f] == size[k] / FOLDS + 1);
  }
  cf_context_free(ctx);
}

/* The published grid of known tubes passes for any seed. */
static void known_tubes(void **state) {
  (void)state;
  cf_context *ctx = context(2, 11);
  cf_synthetic_row row[CF_SYNTHETIC_ROWS];
  assert_ok(ctx, cf_synthetic_tests(ctx, NULL, row));
  for (size_t i = 0; i < CF_SYNTHETIC_ROWS; i++)
    if (!row[i].pass) fail_msg("test %zu: %s", i, row[i].expected);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(invariances),      cmocka_unit_test(neurons),
                                     cmocka_unit_test(threads),          cmocka_unit_test(hostile),
                                     cmocka_unit_test(logistic_optimum), cmocka_unit_test(stratified),
                                     cmocka_unit_test(known_tubes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
