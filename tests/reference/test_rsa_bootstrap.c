/* The bootstrap against a slow twin: every sample written out as full RDMs of its positions, compared pair by pair with
 * cf_rdm_compare, ceilings by pooling vectors, and the variance formula term by term. */
#include "test.h"
#include <cortifold/rsa.h>
#include <cortifold/stats.h>

enum { N = 8, P = N * (N - 1) / 2, S = 4, M = 3, R = 24, MOST = N * (N - 1) / 2 };

static void draws(const char *what, uint32_t r, size_t n, size_t *picks) {
  cf_rng rng = cf_rng_make(1, cf_hash_text(what), r);
  cf_rng_resample(&rng, n, n, picks);
}

/* Packed RDM of the drawn positions; copies of a condition get NaN. */
static void resample(const double *x, const size_t *picks, double *out) {
  for (size_t i = 0, p = 0; i < N; i++)
    for (size_t j = i + 1; j < N; j++, p++) {
      size_t a = picks[i] < picks[j] ? picks[i] : picks[j], b = picks[i] < picks[j] ? picks[j] : picks[i];
      out[p] = a == b ? NAN : x[a * N - a * (a + 1) / 2 + b - a - 1];
    }
}

/* Vector as the comparator pools it. */
static void pool_vector(cf_context *ctx, cf_comparator c, const double *x, double *out) {
  double v[MOST], mean = 0, sd = 0;
  size_t n = 0, at = 0;
  for (size_t p = 0; p < P; p++)
    if (!isnan(x[p])) v[n++] = x[p];
  const cf_comparator_info *info = cf_comparator_at(c);
  if (info->ranks) assert_ok(ctx, cf_ranks(ctx, n, v, v));
  bool centred = c == CF_COMPARE_PEARSON || c == CF_COMPARE_CORR_COV;
  for (size_t i = 0; i < n && centred; i++) mean += v[i] / (double)n;
  for (size_t i = 0; i < n; i++) sd += (v[i] - mean) * (v[i] - mean) / (double)n;
  for (size_t p = 0; p < P; p++) out[p] = isnan(x[p]) ? NAN : info->ranks ? v[at++] : (v[at++] - mean) / sqrt(sd);
}

static double one(cf_context *ctx, cf_comparator c, const double *a, const double *b) {
  double out;
  assert_ok(ctx, cf_rdm_compare(ctx, c, N, 1, a, 1, b, &out));
  return out;
}

/* values: M models, lower, upper. */
static void slow_sample(cf_context *ctx, cf_comparator c, const double *data, const double *models,
                        const size_t *stimuli, const size_t *subjects, double *values) {
  double x[S][P], y[P], pooled[S][P];
  for (size_t s = 0; s < S; s++) {
    resample(data + subjects[s] * P, stimuli, x[s]);
    pool_vector(ctx, c, x[s], pooled[s]);
  }
  for (size_t m = 0; m < M; m++) {
    values[m] = 0;
    resample(models + m * P, stimuli, y);
    for (size_t s = 0; s < S; s++) values[m] += one(ctx, c, y, x[s]) / S;
  }
  values[M] = values[M + 1] = 0;
  for (size_t t = 0; t < S; t++) {
    double all[P] = {0}, rest[P] = {0};
    size_t others = 0;
    for (size_t s = 0; s < S; s++) {
      bool same = subjects[s] == subjects[t];
      others += !same;
      for (size_t p = 0; p < P; p++) {
        all[p] += pooled[s][p];
        if (!same) rest[p] += pooled[s][p];
      }
    }
    values[M + 1] += one(ctx, c, all, x[t]) / S;
    if (others == 0)
      values[M] = NAN;
    else
      values[M] += one(ctx, c, rest, x[t]) / S;
  }
}

static size_t distinct(const size_t *picks) {
  size_t n = 0;
  for (size_t c = 0; c < N; c++) {
    bool drawn = false;
    for (size_t i = 0; i < N; i++) drawn |= picks[i] == c;
    n += drawn;
  }
  return n;
}

static double variance_of(double (*values)[M + 2], size_t a, size_t b) {
  double x[R];
  size_t n = 0;
  for (size_t r = 0; r < R; r++) {
    double v = values[r][a] - (b < M + 2 ? values[r][b] : 0);
    if (isfinite(v)) x[n++] = v;
  }
  return cf_variance(n, x, 1);
}

static size_t inside; /* contrasts where the correction is not at a bound */

static double corrected(const double *v) {
  double f = S / (S - 1.0), g = N / (N - 1.0), x = f * v[1] + g * v[2] - f * g * (v[0] - v[1] - v[2]);
  inside += x > fmax(f * v[1], g * v[2]) && x < f * g * v[0];
  return fmin(fmax(x, fmax(f * v[1], g * v[2])), f * g * v[0]);
}

static void agrees(cf_context *ctx, cf_comparator c, const double *data, const double *models) {
  static double kinds[3][R][M + 2];
  const size_t each[N] = {0, 1, 2, 3, 4, 5, 6, 7};
  cf_rsa_options o = CF_RSA_OPTIONS_INIT;
  cf_rsa_result *result = NULL;
  o.comparator = c;
  o.bootstrap = CF_BOOTSTRAP_BOTH;
  o.replicates = R;
  assert_ok(ctx, cf_rsa_evaluate(ctx, &o, N, S, data, M, models, &result));
  for (uint32_t r = 0; r < R; r++) {
    size_t stimuli[N], subjects[S];
    draws("rsa/stimuli", r, N, stimuli);
    draws("rsa/subjects", r, S, subjects);
    assert_true(distinct(stimuli) >= 3);
    slow_sample(ctx, c, data, models, stimuli, subjects, kinds[0][r]);
    slow_sample(ctx, c, data, models, each, subjects, kinds[1][r]);
    slow_sample(ctx, c, data, models, stimuli, each, kinds[2][r]);
    for (size_t m = 0; m < M; m++) assert_close(result->bootstrap[r * M + m], kinds[0][r][m], 0, 1e-10);
    for (size_t k = 0; k < 2; k++) assert_close(result->bootstrap_ceiling[2 * r + k], kinds[0][r][M + k], 0, 1e-10);
  }
  double v[3];
  for (size_t m = 0; m < M; m++) {
    for (size_t k = 0; k < 3; k++) v[k] = variance_of(kinds[k], m, SIZE_MAX);
    assert_close(result->sem[m], sqrt(corrected(v)), 1e-8, 1e-12);
    double t = result->mean[m] / result->sem[m];
    assert_close(result->p[m], cf_t_two_sided(t, S - 1), 1e-10, 0);
    assert_close(result->ci_high[m], result->mean[m] + cf_t_quantile(0.975, S - 1) * result->sem[m], 1e-10, 0);
  }
  for (size_t i = 0; i < result->n_pairwise; i++) {
    const cf_rsa_pair *p = &result->pairwise[i];
    for (size_t k = 0; k < 3; k++) v[k] = variance_of(kinds[k], p->a, p->b);
    assert_close(p->sem, sqrt(corrected(v)), 1e-8, 1e-12);
  }
  cf_rsa_result_free(result);
}

static void twin(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_rng rng = cf_rng_make(9, 9, 9);
  double data[S * P], models[M * P];
  const double level[S] = {0.1, 0.4, 1,
                           2}; /* subjects differ, so that neither bootstrap alone has all of the variance */
  for (size_t p = 0; p < P; p++) {
    double base = 3 + cf_rng_normal(&rng);
    for (size_t s = 0; s < S; s++) data[s * P + p] = base + level[s] * cf_rng_normal(&rng);
    for (size_t m = 0; m < M; m++) models[m * P + p] = m == 2 ? floor(base) : base + (double)m * cf_rng_normal(&rng);
  }
  for (size_t c = 0; c < 8; c++) agrees(ctx, (cf_comparator)c, data, models);
  print_message("%zu contrasts inside the bounds of the correction\n", inside);
  assert_true(inside >= 8);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(twin)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
