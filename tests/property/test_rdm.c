/* Every metric of the table keeps what the table declares - and, where it declares the opposite, breaks it.
 * Missing-data policies and refusals. */
#include "test.h"

#include <cortifold/linalg.h>
#include <cortifold/rdm.h>

enum { K = 5, F = 3, M = 2, P = 6, N = K * F * M };

typedef struct problem {
  double x[N * P], sigma[P * P];
  cf_array *conditions, *folds;
} problem;

static cf_array *codes(cf_context *ctx, size_t n, size_t divide, size_t modulo) {
  cf_array *a;
  assert_ok(ctx, cf_array_new(ctx, "code", CF_I64, 1, &n, &a));
  for (size_t i = 0; i < n; i++) ((int64_t *)a->data)[i] = (int64_t)(i / divide % modulo);
  return a;
}

static void make(cf_context *ctx, problem *p, cf_rng *rng) {
  p->conditions = codes(ctx, N, 1, K);
  p->folds = codes(ctx, N, K * M, F);
  for (size_t i = 0; i < N; i++) {
    for (size_t c = 0; c < P; c++) p->x[i * P + c] = 1 + cf_rng_uniform(rng) * 4 + (double)((i % K + c) % 3);
  }
  double b[P * P];
  for (size_t i = 0; i < P * P; i++) b[i] = cf_rng_normal(rng);
  for (size_t i = 0; i < P; i++) {
    for (size_t j = 0; j < P; j++) {
      p->sigma[i * P + j] = i == j;
      for (size_t c = 0; c < P; c++) p->sigma[i * P + j] += b[i * P + c] * b[j * P + c];
    }
  }
}

static void drop(problem *p) {
  cf_array_free(p->conditions);
  cf_array_free(p->folds);
}

/* K x K into d; sigma NULL: no noise. */
static void compute(cf_context *ctx, const problem *p, const double *x, const cf_rdm_metric *m, const double *sigma,
                    double *d) {
  cf_rdm_options o = CF_RDM_OPTIONS_INIT;
  cf_rdm *r;
  cf_view v = cf_view_matrix(x, N, P), s;
  o.metric = m->id;
  o.conditions = p->conditions;
  if (m->needs_folds) o.folds = p->folds;
  if (sigma) {
    s = cf_view_matrix(sigma, P, P);
    o.noise = CF_RDM_NOISE_GIVEN;
    o.covariance = &s;
  }
  assert_ok(ctx, cf_rdm_compute(ctx, &v, &o, &r));
  memcpy(d, r->d, K * K * sizeof *d);
  cf_rdm_free(r);
}

static double distance(const double *a, const double *b, double factor) {
  double worst = 0;
  for (size_t i = 0; i < K * K; i++) worst = fmax(worst, fabs(a[i] - factor * b[i]) / (1 + fabs(factor * b[i])));
  return worst;
}

static void expect(const cf_rdm_metric *m, const char *what, bool declared, double difference, size_t seed) {
  if (declared && difference > 1e-9)
    fail_msg("%s declares %s, but changes by %g (seed %zu)", m->id, what, difference, seed);
  if (!declared && difference < 1e-6) fail_msg("%s does not declare %s, but keeps it (seed %zu)", m->id, what, seed);
}

/* Householder reflection: an orthogonal map. */
static void rotate(cf_rng *rng, const double *x, double *y) {
  double u[P], norm = 0;
  for (size_t c = 0; c < P; c++) {
    u[c] = cf_rng_normal(rng);
    norm += u[c] * u[c];
  }
  for (size_t i = 0; i < N; i++) {
    double dot = 0;
    for (size_t c = 0; c < P; c++) dot += x[i * P + c] * u[c];
    for (size_t c = 0; c < P; c++) y[i * P + c] = x[i * P + c] - 2 * dot * u[c] / norm;
  }
}

/* y = x A', sigma_out = A sigma A'. */
static void map_linear(cf_rng *rng, const problem *p, double *y, double *sigma) {
  double a[P * P], t[P * P] = {0};
  for (size_t i = 0; i < P * P; i++) a[i] = (i % (P + 1) == 0 ? 2 : 0) + 0.5 * cf_rng_normal(rng);
  memset(y, 0, sizeof p->x);
  memset(sigma, 0, sizeof p->sigma);
  for (size_t i = 0; i < N; i++) {
    for (size_t j = 0; j < P; j++) {
      for (size_t c = 0; c < P; c++) y[i * P + j] += p->x[i * P + c] * a[j * P + c];
    }
  }
  for (size_t i = 0; i < P; i++) {
    for (size_t j = 0; j < P; j++) {
      for (size_t c = 0; c < P; c++) t[i * P + j] += a[i * P + c] * p->sigma[c * P + j];
    }
  }
  for (size_t i = 0; i < P; i++) {
    for (size_t j = 0; j < P; j++) {
      for (size_t c = 0; c < P; c++) sigma[i * P + j] += t[i * P + c] * a[j * P + c];
    }
  }
}

static void check_metric(cf_context *ctx, const cf_rdm_metric *m, const problem *p, cf_rng *rng, size_t seed) {
  double d[K * K], e[K * K], y[N * P], sigma[P * P], common[P];
  bool rates = strncmp(m->id, "poisson", 7) == 0;
  compute(ctx, p, p->x, m, NULL, d);
  for (size_t i = 0; i < K; i++) {
    assert_true(d[i * K + i] == 0);
    for (size_t j = 0; j < K; j++) {
      assert_true(d[i * K + j] == d[j * K + i]);
      if (!m->may_be_negative) assert_true(d[i * K + j] >= 0);
    }
  }
  double scale[K], shift[K];
  for (size_t k = 0; k < K; k++) scale[k] = 0.5 + cf_rng_uniform(rng) * 2, shift[k] = cf_rng_uniform(rng);
  for (size_t c = 0; c < P; c++) common[c] = 3 * cf_rng_uniform(rng);
  for (size_t i = 0; i < N * P; i++) y[i] = p->x[i] * scale[i / P % K];
  compute(ctx, p, y, m, NULL, e);
  expect(m, "pattern_scale", m->pattern_scale, distance(e, d, 1), seed);
  for (size_t i = 0; i < N * P; i++) y[i] = p->x[i] + shift[i / P % K];
  compute(ctx, p, y, m, NULL, e);
  expect(m, "pattern_shift", m->pattern_shift, distance(e, d, 1), seed);
  for (size_t i = 0; i < N * P; i++) y[i] = p->x[i] + common[i % P];
  compute(ctx, p, y, m, NULL, e);
  expect(m, "common_shift", m->common_shift, distance(e, d, 1), seed);
  if (!rates) {
    rotate(rng, p->x, y);
    compute(ctx, p, y, m, NULL, e);
    expect(m, "rotation", m->rotation, distance(e, d, 1), seed);
  }
  for (size_t i = 0; i < N * P; i++) y[i] = 3 * p->x[i];
  compute(ctx, p, y, m, NULL, e);
  if (!isnan(m->degree)) expect(m, "degree", true, distance(e, d, pow(3, m->degree)), seed);
  if (!m->uses_noise) return;
  compute(ctx, p, p->x, m, p->sigma, d);
  map_linear(rng, p, y, sigma);
  compute(ctx, p, y, m, sigma, e);
  expect(m, "linear", m->linear, distance(e, d, 1) < 1e-7 ? 0 : 1, seed);
}

static void metrics_keep_what_they_declare(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (size_t seed = 0; seed < test_cases(20); seed++) {
    cf_rng rng = cf_rng_make(seed, cf_hash_text("rdm property"), 0);
    problem p;
    make(ctx, &p, &rng);
    for (size_t i = 0; cf_rdm_metric_at(i); i++) check_metric(ctx, cf_rdm_metric_at(i), &p, &rng, seed);
    drop(&p);
  }
  cf_context_free(ctx);
}

/* Independent noise in each fold and no signal: the mean of crossnobis is 0, that of sqeuclidean is not. */
static void crossnobis_is_unbiased(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double cross = 0, plain = 0, square = 0;
  size_t n = 0;
  for (size_t seed = 0; seed < test_cases(150); seed++) {
    cf_rng rng = cf_rng_make(seed, 99, 0);
    problem p;
    double d[K * K];
    make(ctx, &p, &rng);
    for (size_t i = 0; i < N; i++)
      ((int64_t *)p.folds->data)[i] = i < 3 * K ? 0 : i < 4 * K ? 1 : 2; /* unequal folds */
    for (size_t i = 0; i < N * P; i++) p.x[i] = cf_rng_normal(&rng);
    compute(ctx, &p, p.x, cf_rdm_metric_find("crossnobis"), NULL, d);
    double mean = 0;
    for (size_t i = 0; i < K * K; i++) mean += d[i] / (K * (K - 1));
    cross += mean, square += mean * mean, n++;
    compute(ctx, &p, p.x, cf_rdm_metric_find("sqeuclidean"), NULL, d);
    for (size_t i = 0; i < K * K; i++) plain += d[i] / (K * (K - 1));
    drop(&p);
  }
  double mean = cross / (double)n, error = sqrt(square / (double)n / (double)n);
  assert_true(fabs(mean) < 4 * error);
  assert_true(plain / (double)n > 1);
  cf_context_free(ctx);
}

/* ------------------------------------------------------------ missing data -- */

static cf_status with(cf_context *ctx, const double *x, size_t n, size_t p, const char *metric, cf_rdm_nan nan,
                      cf_rdm **r) {
  cf_rdm_options o = CF_RDM_OPTIONS_INIT;
  cf_view v = cf_view_matrix(x, n, p);
  o.metric = metric;
  o.nan = nan;
  return cf_rdm_compute(ctx, &v, &o, r);
}

static void missing_values_follow_the_policy(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  static const char *const metrics[] = {"correlation", "cosine", "euclidean", "sqeuclidean", "poisson"};
  enum { n = 7, p = 40 };
  double x[n * p], kept[n * p];
  cf_rng rng = cf_rng_make(1, 2, 0);
  for (size_t i = 0; i < n * p; i++) x[i] = 1 + cf_rng_uniform(&rng);
  x[2 * p + 5] = NAN, x[4 * p + 5] = INFINITY, x[4 * p + 30] = NAN;
  for (size_t m = 0; m < 5; m++) {
    cf_rdm *r, *q;
    assert_status(ctx, CF_ERR_INPUT, with(ctx, x, n, p, metrics[m], CF_RDM_NAN_ERROR, &r));
    assert_non_null(strstr(cf_context_error(ctx), "NaN at row 2, channel 5"));
    assert_null(r);
    size_t w = 0;
    for (size_t i = 0; i < n; i++) {
      for (size_t c = 0; c < p; c++) {
        if (c != 5 && c != 30) kept[w++] = x[i * p + c];
      }
    }
    assert_ok(ctx, with(ctx, x, n, p, metrics[m], CF_RDM_NAN_DROP_CHANNEL, &r));
    assert_ok(ctx, with(ctx, kept, n, p - 2, metrics[m], CF_RDM_NAN_ERROR, &q));
    assert_int_equal(r->channels_used, p - 2);
    for (size_t i = 0; i < n * n; i++) assert_close(r->d[i], q->d[i], 1e-11, 1e-13);
    cf_rdm_free(r), cf_rdm_free(q);
    w = 0;
    for (size_t i = 0; i < n; i++) {
      if (i == 2 || i == 4) continue;
      memcpy(kept + w * p, x + i * p, p * sizeof *x), w++;
    }
    assert_ok(ctx, with(ctx, x, n, p, metrics[m], CF_RDM_NAN_DROP_CONDITION, &r));
    assert_ok(ctx, with(ctx, kept, n - 2, p, metrics[m], CF_RDM_NAN_ERROR, &q));
    assert_int_equal(r->n, n - 2);
    assert_int_equal(r->dropped_conditions, 2);
    assert_true(cf_array_number(r->conditions, 2) == 3);
    for (size_t i = 0; i < r->n * r->n; i++) assert_close(r->d[i], q->d[i], 1e-11, 1e-13);
    cf_rdm_free(r), cf_rdm_free(q);
    assert_ok(ctx, with(ctx, x, n, p, metrics[m], CF_RDM_NAN_PAIRWISE, &r));
    for (size_t i = 0; i < n; i++) { /* each pair is that of its shared channels alone */
      for (size_t j = i + 1; j < n; j++) {
        double pair[2 * p];
        size_t shared = 0;
        for (size_t c = 0; c < p; c++) shared += isfinite(x[i * p + c]) && isfinite(x[j * p + c]);
        w = 0;
        for (size_t c = 0; c < p; c++) {
          if (!isfinite(x[i * p + c]) || !isfinite(x[j * p + c])) continue;
          pair[w] = x[i * p + c], pair[shared + w] = x[j * p + c], w++;
        }
        assert_ok(ctx, with(ctx, pair, 2, shared, metrics[m], CF_RDM_NAN_ERROR, &q));
        double factor = m < 2 ? 1 : (double)p / (double)shared;
        assert_close(r->d[i * n + j], q->d[1] * (m == 2 ? sqrt(factor) : factor), 1e-11, 1e-13);
        cf_rdm_free(q);
      }
    }
    cf_rdm_free(r);
  }
  cf_context_free(ctx);
}

static void constant_patterns(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double x[4 * 5] = {1, 2, 3, 4, 5, .1, .1, .1, .1, .1, 5, 1, 4, 2, 3, 0, 0, 0, 0, 0};
  cf_view v = cf_view_matrix(x, 4, 5);
  cf_rdm_options o = CF_RDM_OPTIONS_INIT;
  cf_rdm *r;
  assert_status(ctx, CF_ERR_INPUT, cf_rdm_compute(ctx, &v, &o, &r));
  assert_non_null(strstr(cf_context_error(ctx), "condition '1' is constant"));
  o.constant_nan = true;
  assert_ok(ctx, cf_rdm_compute(ctx, &v, &o, &r));
  assert_true(isnan(r->d[1]) && isnan(r->d[3]) && isfinite(r->d[2]) && r->d[5] == 0);
  cf_rdm_free(r);
  o.metric = "cosine";
  assert_ok(ctx, cf_rdm_compute(ctx, &v, &o, &r));
  assert_true(isfinite(r->d[1]) && isnan(r->d[3]));
  cf_rdm_free(r);
  o.metric = "sqeuclidean";
  assert_ok(ctx, cf_rdm_compute(ctx, &v, &o, &r));
  assert_close(r->d[3], 55, 1e-14, 0);
  cf_rdm_free(r);
  cf_context_free(ctx);
}

static void refusals_say_why(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  problem p;
  cf_rng rng = cf_rng_make(1, 1, 0);
  cf_rdm *r;
  make(ctx, &p, &rng);
  cf_view v = cf_view_matrix(p.x, N, P), one = cf_view_matrix(p.x, 1, P), sigma = cf_view_matrix(p.sigma, P, P);
#define REFUSE(view, code, words, ...)                                                                                 \
  do {                                                                                                                 \
    cf_rdm_options o = CF_RDM_OPTIONS_INIT;                                                                            \
    __VA_ARGS__;                                                                                                       \
    assert_status(ctx, code, cf_rdm_compute(ctx, view, &o, &r));                                                       \
    if (!strstr(cf_context_error(ctx), words)) fail_msg("'%s' lacks '%s'", cf_context_error(ctx), words);              \
  } while (0)
  REFUSE(&v, CF_ERR_USAGE, "no metric 'manhattan'", o.metric = "manhattan");
  REFUSE(&one, CF_ERR_INPUT, "at least two conditions", o.metric = "cosine");
  REFUSE(&v, CF_ERR_USAGE, "takes no noise", o.noise = CF_RDM_NOISE_DIAGONAL);
  REFUSE(&v, CF_ERR_USAGE, "--conditions", o.metric = "mahalanobis", o.noise = CF_RDM_NOISE_SHRINKAGE);
  REFUSE(&v, CF_ERR_USAGE, "--folds", o.metric = "crossnobis");
  REFUSE(&v, CF_ERR_USAGE, "no per-channel form", o.per_channel = true);
  REFUSE(&v, CF_ERR_USAGE, "pair by pair", o.metric = "mahalanobis", o.nan = CF_RDM_NAN_PAIRWISE);
  REFUSE(&v, CF_ERR_INPUT, "cannot be cross-validated", o.metric = "crossnobis", o.folds = p.folds);
  REFUSE(&one, CF_ERR_INPUT, "one label for each of 1 rows", o.conditions = p.conditions);
  REFUSE(&one, CF_ERR_INPUT, "at least two conditions", o.metric = "correlation");
  /* full noise with 25 residual degrees of freedom is enough for 6 channels; a covariance of rank 1 is not */
  double flat[P * P];
  for (size_t i = 0; i < P * P; i++) flat[i] = 1;
  cf_view singular = cf_view_matrix(flat, P, P);
  REFUSE(&v, CF_ERR_NUMERIC, "singular", o.metric = "mahalanobis", o.noise = CF_RDM_NOISE_GIVEN,
         o.covariance = &singular);
  cf_view few = cf_view_matrix(p.x, K + 3, P);
  size_t shorter = K + 3;
  cf_array *few_conditions = codes(ctx, shorter, 1, K);
  REFUSE(&few, CF_ERR_NUMERIC, "shrinkage", o.metric = "mahalanobis", o.noise = CF_RDM_NOISE_FULL,
         o.conditions = few_conditions);
  cf_view small = cf_view_matrix(p.sigma, 2, 2);
  REFUSE(&v, CF_ERR_INPUT, "not a covariance of 6 channels", o.metric = "mahalanobis", o.noise = CF_RDM_NOISE_GIVEN,
         o.covariance = &small);
  double negative[4] = {1, 2, -3, 4};
  cf_view rates = cf_view_matrix(negative, 2, 2);
  REFUSE(&rates, CF_ERR_INPUT, "channel 0 has the rate -3", o.metric = "poisson");
  cf_rdm_options o = CF_RDM_OPTIONS_INIT;
  o.metric = "mahalanobis";
  o.noise = CF_RDM_NOISE_GIVEN;
  o.covariance = &sigma;
  assert_ok(ctx, cf_rdm_compute(ctx, &v, &o, &r));
  cf_rdm_free(r);
  cf_array_free(few_conditions);
  drop(&p);
  cf_context_free(ctx);
}

/* A failed allocation anywhere is an error, never a crash or a leak. */
static void allocation_failures_are_errors(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  problem p;
  cf_rng rng = cf_rng_make(2, 1, 0);
  make(ctx, &p, &rng);
  for (size_t kind = 0; kind < 3; kind++) {
    bool failed = true;
    for (uint64_t n = 1; failed && n < 300; n++) {
      cf_rdm *r = NULL;
      cf_context *fresh = test_context();
      cf_view v = cf_view_matrix(p.x, N, P);
      cf_rdm_options o = CF_RDM_OPTIONS_INIT;
      if (kind > 0) o.metric = "crossnobis", o.folds = p.folds, o.conditions = p.conditions;
      if (kind > 1) o.noise = CF_RDM_NOISE_SHRINKAGE;
      cf_test_fail_allocation(n);
      cf_status status = cf_rdm_compute(fresh, &v, &o, &r);
      cf_test_fail_allocation(0);
      failed = status != CF_OK;
      if (failed) assert_int_equal(status, CF_ERR_MEMORY);
      cf_rdm_free(r);
      cf_context_free(fresh);
    }
    assert_false(failed);
  }
  drop(&p);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(metrics_keep_what_they_declare),
      cmocka_unit_test(crossnobis_is_unbiased),
      cmocka_unit_test(missing_values_follow_the_policy),
      cmocka_unit_test(constant_patterns),
      cmocka_unit_test(refusals_say_why),
      cmocka_unit_test(allocation_failures_are_errors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
