/* Every measure of the table on random systems: what it declares (bounds, symmetry, invariances, value with itself)
 * holds, permutations and bootstrap equal plain evaluation, and results do not depend on the number of threads. */
#include "test.h"
#include <cortifold/compare.h>
#include <cortifold/linalg.h>

#define SHAPES 6
static const struct {
  size_t n, p, q;
} shapes[SHAPES] = {{30, 5, 7}, {24, 7, 4}, {40, 1, 3}, {20, 26, 31}, {150, 80, 70}, {80, 90, 6}};

static double *random_matrix(uint64_t seed, uint32_t which, size_t n, size_t p) {
  double *a = malloc(n * p * sizeof *a);
  cf_rng rng = cf_rng_make(seed, 77, which);
  for (size_t i = 0; i < n * p; i++) a[i] = cf_rng_normal(&rng);
  return a;
}

/* n x p with a part that all systems of a seed share, unequal channel variances and means. */
static double *random_system(uint64_t seed, uint32_t which, size_t n, size_t p) {
  double *shared = random_matrix(seed, 100, n, 3), *map = random_matrix(seed, 101 + which, 3, p);
  double *a = random_matrix(seed, which, n, p);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < p; j++) {
      for (size_t k = 0; k < 3; k++) a[i * p + j] += shared[i * 3 + k] * map[k * p + j];
      a[i * p + j] = a[i * p + j] * (0.5 + (double)(j % 3)) + (double)j;
    }
  free(shared);
  free(map);
  return a;
}

static cf_system *make(cf_context *ctx, const double *a, size_t n, size_t p) {
  const cf_view v = cf_view_matrix(a, n, p);
  cf_system *s = NULL;
  assert_ok(ctx, cf_system_new(ctx, &v, "system", &s));
  return s;
}

static double value_of(cf_context *ctx, const cf_measure *m, const double *x, size_t p, const double *y, size_t q,
                       size_t n, const cf_compare_options *o) {
  cf_system *sx = make(ctx, x, n, p), *sy = make(ctx, y, n, q);
  cf_compare_value v;
  assert_ok(ctx, cf_compare(ctx, m, sx, sy, o, &v));
  const double out = v.value;
  cf_compare_value_free(&v);
  cf_system_free(sx);
  cf_system_free(sy);
  return out;
}

/* scale * a t (n x p times p x p; t NULL: identity), plus a shift per channel. */
static double *mapped(cf_context *ctx, const double *a, size_t n, size_t p, const double *t, double scale,
                      const double *shift) {
  double *out = malloc(n * p * sizeof *out);
  if (t)
    assert_ok(ctx, cf_gemm(ctx, false, false, n, p, p, scale, a, p, t, p, 0, out, p));
  else
    for (size_t i = 0; i < n * p; i++) out[i] = scale * a[i];
  for (size_t i = 0; i < n && shift; i++)
    for (size_t j = 0; j < p; j++) out[i * p + j] += shift[j];
  return out;
}

static double *rotation(cf_context *ctx, uint64_t seed, size_t p) {
  double *q = random_matrix(seed, 200, p, p);
  assert_ok(ctx, cf_qr(ctx, p, p, q, NULL));
  return q;
}

/* Well conditioned but not orthogonal: Q diag(1 .. 3) Q2. */
static double *invertible(cf_context *ctx, uint64_t seed, size_t p) {
  double *a = rotation(ctx, seed, p), *b = rotation(ctx, seed + 5000, p), *out = malloc(p * p * sizeof *out);
  for (size_t i = 0; i < p; i++)
    for (size_t j = 0; j < p; j++) a[i * p + j] *= 1 + 2.0 * (double)j / (double)p;
  assert_ok(ctx, cf_gemm(ctx, false, false, p, p, p, 1, a, p, b, p, 0, out, p));
  free(a);
  free(b);
  return out;
}

/* Rows of a in the order pi. */
static void take_rows(const double *a, size_t p, const size_t *pi, size_t n, double *out) {
  for (size_t i = 0; i < n; i++) memcpy(out + i * p, a + pi[i] * p, p * sizeof *a);
}

static void holds(const char *what, const cf_measure *m, size_t seed, double got, double expected) {
  if (!(fabs(got - expected) <= 1e-8))
    fail_msg("%s, %s, seed %zu: %.17g, expected %.17g", m->id, what, seed, got, expected);
}

typedef struct transform {
  unsigned flag;
  const char *what;
  const double *tx, *ty;
  double scale;
  const double *shift;
} transform;

static void test_invariances(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (size_t seed = 0; seed < test_cases(SHAPES - 1); seed++) {
    const size_t n = shapes[seed % SHAPES].n, p = shapes[seed % SHAPES].p, q = shapes[seed % SHAPES].q;
    double *x = random_system(seed, 1, n, p), *y = random_system(seed, 2, n, q);
    double *rx = rotation(ctx, seed + 300, p), *ry = rotation(ctx, seed + 400, q);
    double *lx = invertible(ctx, seed + 500, p), *ly = invertible(ctx, seed + 600, q);
    double *shift = random_matrix(seed, 300, 1, p + q);
    const transform list[] = {{CF_MEASURE_ORTHOGONAL, "rotation", rx, ry, 1.0, NULL},
                              {CF_MEASURE_SCALING, "scaling", NULL, NULL, 37.5, NULL},
                              {CF_MEASURE_SHIFT, "shift", NULL, NULL, 1.0, shift},
                              {CF_MEASURE_LINEAR, "linear map", lx, ly, 1.0, NULL}};
    for (size_t i = 0; cf_measure_at(i); i++) {
      const cf_measure *m = cf_measure_at(i);
      cf_compare_options o = CF_COMPARE_OPTIONS_INIT;
      if (p < 3) o.metric = "euclidean"; /* one channel has no correlation */
      const double v = value_of(ctx, m, x, p, y, q, n, &o);
      if (!(v >= m->low && v <= m->high))
        fail_msg("%s, seed %zu: %g outside [%g, %g]", m->id, seed, v, m->low, m->high);
      if (m->symmetric) holds("symmetry", m, seed, value_of(ctx, m, y, q, x, p, n, &o), v);
      for (size_t t = 0; t < sizeof list / sizeof *list; t++) {
        if (!(m->invariances & list[t].flag)) continue;
        double *a = mapped(ctx, x, n, p, list[t].tx, list[t].scale, list[t].shift);
        double *b = mapped(ctx, y, n, q, list[t].ty, list[t].scale, list[t].shift);
        holds(list[t].what, m, seed, value_of(ctx, m, a, p, y, q, n, &o), v);
        holds(list[t].what, m, seed, value_of(ctx, m, x, p, b, q, n, &o), v);
        free(a);
        free(b);
      }
      if (m->invariances & CF_MEASURE_ORDER) {
        size_t *pi = malloc(n * sizeof *pi);
        double *a = malloc(n * p * sizeof *a), *b = malloc(n * q * sizeof *b);
        cf_rng rng = cf_rng_make(seed, 9, 0);
        cf_rng_permutation(&rng, n, pi);
        take_rows(x, p, pi, n, a);
        take_rows(y, q, pi, n, b);
        holds("order of the conditions", m, seed, value_of(ctx, m, a, p, b, q, n, &o), v);
        free(pi);
        free(a);
        free(b);
      }
    }
    free(x);
    free(y);
    free(rx);
    free(ry);
    free(lx);
    free(ly);
    free(shift);
  }
  cf_context_free(ctx);
}

/* d(A, A) is 0 and s(A, A) is 1 to the last bit, also for a copy; a rotated and shifted copy is close. */
static void test_self(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (size_t seed = 0; seed < test_cases(SHAPES - 1); seed++) {
    const size_t n = shapes[seed % SHAPES].n, p = shapes[seed % SHAPES].p;
    double *x = random_system(seed, 1, n, p), *r = rotation(ctx, seed, p), *shift = random_matrix(seed, 300, 1, p);
    double *turned = mapped(ctx, x, n, p, r, 1.0, shift);
    for (size_t i = 0; cf_measure_at(i); i++) {
      const cf_measure *m = cf_measure_at(i);
      if (!m->self) continue;
      for (int variant = 0; variant < 6; variant++) {
        cf_compare_options o = CF_COMPARE_OPTIONS_INIT;
        if (p < 3) o.metric = "euclidean";
        o.alpha = (variant / 2) / 2.0;
        o.euclidean = variant % 2;
        const double v = value_of(ctx, m, x, p, x, p, n, &o), self = m->distance ? 0 : 1;
        if (v != self) fail_msg("%s, seed %zu: m(A, A) = %.17g", m->id, seed, v);
        const unsigned both = CF_MEASURE_ORTHOGONAL | CF_MEASURE_SHIFT;
        if ((m->invariances & both) != both) continue;
        const double w = value_of(ctx, m, x, p, turned, p, n, &o);
        /* far below the 1e-8 that an arccos near 1 would leave; lengths are in units of the data */
        const double room = (o.euclidean ? 1e3 : 1) * 1e-11;
        if (!(fabs(w - self) <= room)) fail_msg("%s, seed %zu: rotated copy %.17g", m->id, seed, w);
      }
    }
    free(x);
    free(r);
    free(shift);
    free(turned);
  }
  cf_context_free(ctx);
}

static void draw(cf_context *ctx, size_t r, size_t n, size_t *pi) {
  cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("compare/permutation"), (uint32_t)r);
  cf_rng_permutation(&rng, n, pi);
}

/* The null of each measure equals evaluating every permuted pair anew: the slow reference. */
static void permutation_is_evaluation(size_t p, size_t q) {
  cf_context *ctx = test_context();
  enum { N = 26, REPS = 12 };
  double *x = random_system(3, 1, N, p), *y = random_system(3, 2, N, q), *z = malloc(N * q * sizeof *z), null[REPS];
  cf_system *sx = make(ctx, x, N, p), *sy = make(ctx, y, N, q);
  static const char *const comparators[8] = {"spearman",      "pearson",  "cosine",     "rho-a",
                                             "kendall-tau-a", "corr-cov", "cosine-cov", "kendall-tau-b"};
  for (size_t i = 0; cf_measure_at(i); i++) {
    const cf_measure *m = cf_measure_at(i);
    for (int variant = 0; variant < 8; variant++) {
      cf_compare_options o = CF_COMPARE_OPTIONS_INIT;
      o.comparator = comparators[variant];
      o.alpha = variant / 7.0;
      o.euclidean = variant % 2;
      o.directions = variant == 3 ? 4 : 0;
      o.regularization = variant == 5 ? 0.1 : 0;
      o.paper = variant % 2 && strcmp(m->id, "linear-predictivity") != 0 && strcmp(m->id, "pwcca") != 0;
      assert_ok(ctx, cf_compare_permute(ctx, m, sx, sy, &o, REPS, null));
      for (size_t r = 0; r < REPS; r++) {
        size_t pi[N];
        draw(ctx, r, N, pi);
        take_rows(y, q, pi, N, z);
        const double v = value_of(ctx, m, x, p, z, q, N, &o);
        if (!(fabs(v - null[r]) <= 1e-9 * (1 + fabs(v))))
          fail_msg("%s variant %d replicate %zu: %.17g, evaluated %.17g", m->id, variant, r, null[r], v);
      }
    }
  }
  cf_system_free(sx);
  cf_system_free(sy);
  free(x);
  free(y);
  free(z);
  cf_context_free(ctx);
}

static void test_permutation_is_evaluation(void **state) {
  (void)state;
  permutation_is_evaluation(6, 30);
  permutation_is_evaluation(3, 8); /* few channels: cka permutes by p x q products */
}

/* Where one factor is stored in single precision, each value is within the stated bound of double precision. */
static void test_single_precision_bound(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const size_t n = 700, p = 90, reps = 40;
  double *x = random_system(5, 1, n, p), *y = random_system(5, 2, n, p), *z = malloc(n * p * sizeof *z), null[40];
  size_t *pi = malloc(n * sizeof *pi);
  cf_system *sx = make(ctx, x, n, p), *sy = make(ctx, y, n, p);
  static const char *const ids[2] = {"cka", "cka-debiased"};
  for (int which = 0; which < 2; which++) {
    const cf_measure *m = cf_measure_find(ids[which]);
    assert_ok(ctx, cf_compare_permute(ctx, m, sx, sy, NULL, reps, null));
    for (size_t r = 0; r < 5; r++) {
      draw(ctx, r, n, pi);
      take_rows(y, p, pi, n, z);
      assert_close(null[r], value_of(ctx, m, x, p, z, p, n, NULL), 0, ldexp(1, -24) + 1e-12);
    }
  }
  cf_system_free(sx);
  cf_system_free(sy);
  free(x);
  free(y);
  free(z);
  free(pi);
  cf_context_free(ctx);
}

/* The weighted bootstrap of the kernels is the evaluation of the drawn rows. */
static void test_bootstrap_is_evaluation(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { N = 22, P = 6, Q = 9, REPS = 9 };
  double *x = random_system(4, 1, N, P), *y = random_system(4, 2, N, Q), values[REPS], a[N * P], b[N * Q];
  cf_system *sx = make(ctx, x, N, P), *sy = make(ctx, y, N, Q);
  static const char *const ids[3] = {"cka", "rv", "cka-debiased"};
  for (int which = 0; which < 3; which++) {
    const cf_measure *m = cf_measure_find(ids[which]);
    assert_ok(ctx, cf_compare_bootstrap(ctx, m, sx, sy, NULL, CF_RESAMPLE_CONDITIONS, REPS, values));
    for (size_t r = 0; r < REPS; r++) {
      size_t idx[N], k = N;
      cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("compare/bootstrap"), (uint32_t)r);
      if (m->halves) {
        cf_rng_permutation(&rng, N, idx);
        k = N / 2;
      } else {
        cf_rng_resample(&rng, N, N, idx);
      }
      take_rows(x, P, idx, k, a);
      take_rows(y, Q, idx, k, b);
      assert_close(values[r], value_of(ctx, m, a, P, b, Q, k, NULL), 1e-9, 1e-11);
    }
  }
  cf_system_free(sx);
  cf_system_free(sy);
  free(x);
  free(y);
  cf_context_free(ctx);
}

/* Samples of three conditions: all alike has no value (1 in 9), two alike say 1, all different the value itself. */
static void test_degenerate_samples(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { N = 3, P = 3, Q = 2, REPS = 400 };
  for (uint64_t seed = 0; seed < 6; seed++) {
    double *x = random_matrix(seed, 1, N, P), *y = random_matrix(seed, 2, N, Q), values[REPS];
    cf_system *sx = make(ctx, x, N, P), *sy = make(ctx, y, N, Q);
    static const char *const ids[2] = {"cka", "rv"};
    for (int which = 0; which < 2; which++) {
      const cf_measure *m = cf_measure_find(ids[which]);
      const double all = value_of(ctx, m, x, P, y, Q, N, NULL);
      assert_ok(ctx, cf_compare_bootstrap(ctx, m, sx, sy, NULL, CF_RESAMPLE_CONDITIONS, REPS, values));
      for (size_t r = 0; r < REPS; r++) {
        size_t i[N];
        cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("compare/bootstrap"), (uint32_t)r);
        cf_rng_resample(&rng, N, N, i);
        if (i[0] == i[1] && i[1] == i[2])
          assert_true(isnan(values[r]));
        else
          assert_close(values[r], i[0] == i[1] || i[1] == i[2] || i[0] == i[2] ? 1 : all, 0, 1e-9);
        assert_false(values[r] > 1);
      }
    }
    cf_system_free(sx);
    cf_system_free(sy);
    free(x);
    free(y);
  }
  cf_context_free(ctx);
}

/* With more channels than conditions the samples are taken from a rotation of each system: the same values as from all
 * channels. */
static void test_wide_bootstrap_is_evaluation(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { N = 14, P = 37, Q = 29, REPS = 9 };
  double *x = random_system(8, 1, N, P), *y = random_system(8, 2, N, Q), values[REPS], a[N * P], b[N * Q];
  cf_compare_options o = CF_COMPARE_OPTIONS_INIT;
  o.alpha = 0.3;
  o.energy = 0.7;
  for (size_t i = 0; i < N * P; i++) x[i] += 1e5;
  cf_system *sx = make(ctx, x, N, P), *sy = make(ctx, y, N, Q);
  static const char *const ids[5] = {"svcca", "procrustes", "shape", "pwcca", "cca"};
  for (int which = 0; which < 5; which++) {
    const cf_measure *m = cf_measure_find(ids[which]);
    o.regularization = which == 2 ? 0 : 0.1;
    assert_ok(ctx, cf_compare_bootstrap(ctx, m, sx, sy, &o, CF_RESAMPLE_CONDITIONS, REPS, values));
    for (size_t r = 0; r < REPS; r++) {
      size_t idx[N];
      cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("compare/bootstrap"), (uint32_t)r);
      cf_rng_resample(&rng, N, N, idx);
      take_rows(x, P, idx, N, a);
      take_rows(y, Q, idx, N, b);
      /* The mean eigenvalue, in whose units the ridge stands, is over min(n - 1, p) either way. */
      assert_close(values[r], value_of(ctx, m, a, P, b, Q, N, &o), 1e-9, 1e-10);
    }
  }
  cf_system_free(sx);
  cf_system_free(sy);
  free(x);
  free(y);
  cf_context_free(ctx);
}

/* A channel in other units does not leave the column space, however small its numbers are: ranks above 64 take the Gram
 * side, which squares them away. */
static void test_small_channel(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { N = 160, P = 80, Q = 12 };
  const cf_measure *m = cf_measure_find("cca");
  double *x = random_system(9, 1, N, P), *y = random_matrix(10, 2, N, Q);
  for (size_t i = 0; i < N; i++) y[i * Q] = x[i * P + 3];
  const double before = value_of(ctx, m, x, P, y, Q, N, NULL);
  for (size_t i = 0; i < N; i++) x[i * P + 3] *= 1e-7;
  assert_close(value_of(ctx, m, x, P, y, Q, N, NULL), before, 0, 1e-7);
  for (size_t i = 0; i < N; i++) x[i * P + 3] = x[i * P]; /* a copy does leave it */
  cf_system *sx = make(ctx, x, N, P), *sy = make(ctx, y, N, Q);
  cf_compare_value v;
  assert_ok(ctx, cf_compare(ctx, m, sx, sy, NULL, &v));
  assert_int_equal(v.rank_x, P - 1);
  cf_compare_value_free(&v);
  cf_system_free(sx);
  cf_system_free(sy);
  free(x);
  free(y);
  cf_context_free(ctx);
}

/* Many pairs with the same flaw make one warning, which counts them. */
static void test_grouped_warnings(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { N = 12, P = 15, K = 4, PAIRS = K * K };
  cf_system *s[K], *x[PAIRS], *y[PAIRS];
  double values[PAIRS] = {0};
  for (uint32_t k = 0; k < K; k++) {
    double *a = random_system(11, k, N, P);
    for (size_t i = 0; i < N && k < 3; i++) a[i * P + 2] = 5;
    s[k] = make(ctx, a, N, P);
    free(a);
  }
  for (size_t i = 0; i < PAIRS; i++) {
    x[i] = s[i / K];
    y[i] = s[i % K];
  }
  assert_ok(ctx, cf_compare_check_pairs(ctx, cf_measure_find("cca"), PAIRS, x, y, NULL, values));
  assert_int_equal(cf_warning_count(ctx), 2);
  assert_non_null(strstr(cf_warning(ctx, 0), "1 of 15 channels are constant"));
  assert_non_null(strstr(cf_warning(ctx, 0), "(so in 2 more systems)"));
  assert_non_null(strstr(cf_warning(ctx, 1), "(so in 16 of 16 pairs)"));
  assert_ok(ctx, cf_compare_check_pairs(ctx, cf_measure_find("cka"), PAIRS, x, y, NULL, values));
  assert_int_equal(cf_warning_count(ctx), 3); /* the constant channels are known by now */
  assert_ok(ctx, cf_compare_check(ctx, cf_measure_find("cka"), s[3], s[3], NULL, 1));
  assert_int_equal(cf_warning_count(ctx), 4);
  assert_null(strstr(cf_warning(ctx, 3), "(so in"));
  for (size_t k = 0; k < K; k++) cf_system_free(s[k]);
  cf_context_free(ctx);
}

/* Half samples have the spread that the estimate has over fresh data: the reason why cka-debiased uses them. */
static void test_half_samples_have_the_right_spread(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { N = 60, P = 8, FRESH = 150, REPS = 200, SAMPLED = 20 };
  const cf_measure *m = cf_measure_find("cka-debiased");
  double over_data = 0, mean = 0, within = 0, values[REPS], y[N * P];
  for (size_t s = 0; s < FRESH; s++) {
    double *z = random_matrix(s, 1, N, P), *e = random_matrix(s, 2, N, P);
    for (size_t i = 0; i < N * P; i++) y[i] = z[i] * (1 + (double)(i % P)) + 2 * e[i];
    cf_system *sx = make(ctx, z, N, P), *sy = make(ctx, y, N, P);
    cf_compare_value v;
    assert_ok(ctx, cf_compare(ctx, m, sx, sy, NULL, &v));
    const double d = v.value - mean;
    mean += d / (double)(s + 1);
    over_data += d * (v.value - mean);
    if (s < SAMPLED) {
      double sum = 0, sum2 = 0;
      assert_ok(ctx, cf_compare_bootstrap(ctx, m, sx, sy, NULL, CF_RESAMPLE_CONDITIONS, REPS, values));
      for (size_t r = 0; r < REPS; r++) {
        sum += values[r];
        sum2 += values[r] * values[r];
      }
      within += sqrt((sum2 - sum * sum / REPS) / (REPS - 1)) / SAMPLED;
    }
    cf_system_free(sx);
    cf_system_free(sy);
    free(z);
    free(e);
  }
  const double ratio = within / sqrt(over_data / (FRESH - 1));
  if (!(ratio > 0.75 && ratio < 1.35)) fail_msg("spread of half samples is %g times that over fresh data", ratio);
  cf_context_free(ctx);
}

/* All resampling schemes run for all measures, and give the same for one and for three threads. */
static void test_threads(void **state) {
  (void)state;
  enum { N = 40, P = 12, Q = 50, REPS = 10, MEASURES = 32 };
  static double result[2][MEASURES][4][REPS];
  double *x = random_system(8, 1, N, P), *y = random_system(8, 2, N, Q);
  for (int t = 0; t < 2; t++) {
    cf_context_options co = CF_CONTEXT_OPTIONS_INIT;
    cf_context *ctx = NULL;
    co.threads = t ? 3 : 1;
    assert_int_equal(cf_context_new(&co, &ctx), CF_OK);
    cf_system *sx = make(ctx, x, N, P), *sy = make(ctx, y, N, Q);
    for (size_t i = 0; cf_measure_at(i); i++) {
      const cf_measure *m = cf_measure_at(i);
      assert_ok(ctx, cf_compare_permute(ctx, m, sx, sy, NULL, REPS, result[t][i][3]));
      for (int what = 0; what < 3; what++) {
        assert_ok(ctx, cf_compare_bootstrap(ctx, m, sx, sy, NULL, (cf_resample)what, REPS, result[t][i][what]));
        for (size_t r = 0; r < REPS; r++)
          if (!(result[t][i][what][r] >= m->low && result[t][i][what][r] <= m->high))
            fail_msg("%s, scheme %d: %g", m->id, what, result[t][i][what][r]);
      }
      assert_memory_equal(result[t][i], result[0][i], sizeof result[0][i]);
    }
    cf_system_free(sx);
    cf_system_free(sy);
    cf_context_free(ctx);
  }
  free(x);
  free(y);
}

static void test_distances(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { K = 4, N = 30 };
  const size_t sizes[K] = {5, 40, 12, 5};
  double *data[K], d[K * K];
  cf_system *s[K];
  for (size_t k = 0; k < K; k++) {
    data[k] = random_system(11, (uint32_t)(k == 3 ? 0 : k), N, sizes[k]); /* the last one is a copy of the first */
    s[k] = make(ctx, data[k], N, sizes[k]);
  }
  for (size_t i = 0; cf_measure_at(i); i++) {
    const cf_measure *m = cf_measure_at(i);
    cf_compare_value v, w;
    assert_ok(ctx, cf_compare_distances(ctx, m, K, s, NULL, d));
    for (size_t a = 0; a < K; a++)
      for (size_t b = 0; b < K; b++) {
        if (d[a * K + b] != d[b * K + a]) fail_msg("%s: not symmetric", m->id);
        if (a == b && d[a * K + b] != 0) fail_msg("%s: diagonal %g", m->id, d[a * K + b]);
      }
    if (m->self && d[3] != 0) fail_msg("%s: distance of copies %g", m->id, d[3]);
    assert_ok(ctx, cf_compare(ctx, m, s[1], s[2], NULL, &v));
    assert_ok(ctx, cf_compare(ctx, m, s[2], s[1], NULL, &w));
    if (m->distance) assert_close(d[1 * K + 2], v.value, 1e-12, 1e-12);
    if (strcmp(m->id, "cka") == 0) assert_close(d[1 * K + 2], acos(v.value), 1e-12, 1e-12);
    if (strcmp(m->id, "pwcca") == 0) assert_close(d[1 * K + 2], 1 - 0.5 * (v.value + w.value), 1e-12, 1e-12);
    cf_compare_value_free(&v);
    cf_compare_value_free(&w);
    if (!m->distance && strcmp(m->id, "cka") != 0) continue; /* angles are metrics */
    for (size_t t = 0; t < (size_t)K * K * K; t++) {
      const size_t a = t / (K * K), b = t / K % K, c = t % K;
      if (!(d[a * K + c] <= d[a * K + b] + d[b * K + c] + 1e-9)) fail_msg("%s: triangle inequality", m->id);
    }
  }
  for (size_t k = 0; k < K; k++) {
    free(data[k]);
    cf_system_free(s[k]);
  }
  cf_context_free(ctx);
}

/* Leading directions found by the block Krylov space are those of the full decomposition. */
static void test_directions(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const size_t shape[3][2] = {{300, 500}, {700, 260}, {400, 400}};
  const cf_measure *m = cf_measure_find("svcca");
  for (size_t c = 0; c < 3; c++) {
    const size_t n = shape[c][0], p = shape[c][1], k = 3;
    double *x = random_system(20 + c, 1, n, p), *y = random_system(20 + c, 2, n, p);
    cf_compare_options o = CF_COMPARE_OPTIONS_INIT;
    cf_system *sx = make(ctx, x, n, p), *sy = make(ctx, y, n, p);
    cf_compare_value fast, full, all;
    o.directions = k;
    assert_ok(ctx, cf_compare(ctx, m, sx, sy, &o, &fast)); /* nothing cached: Krylov */
    cf_system_free(sx);
    cf_system_free(sy);
    sx = make(ctx, x, n, p);
    sy = make(ctx, y, n, p);
    assert_ok(ctx, cf_compare(ctx, cf_measure_find("cca"), sx, sy, NULL, &all)); /* caches the full decomposition */
    assert_ok(ctx, cf_compare(ctx, m, sx, sy, &o, &full));
    assert_int_equal(fast.n_correlations, k);
    for (size_t i = 0; i < k; i++) assert_close(fast.correlations[i], full.correlations[i], 0, 1e-9);
    cf_compare_value_free(&fast);
    cf_compare_value_free(&full);
    cf_compare_value_free(&all);
    cf_system_free(sx);
    cf_system_free(sy);
    free(x);
    free(y);
  }
  cf_context_free(ctx);
}

/* The nuclear norm equals the sum of singular values where the Gram side is exact, and where it would not be. */
static void test_nuclear_norm(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const size_t shape[4][2] = {{60, 90}, {90, 60}, {1, 50}, {70, 70}};
  for (size_t c = 0; c < 8; c++) {
    const size_t r = shape[c % 4][0], k = shape[c % 4][1], m = r < k ? r : k;
    double *a = random_matrix(c, 1, r, k), *b = malloc(r * k * sizeof *b), s[90], norm = 0, sum = 0;
    for (size_t i = 0; i < r * k && c >= 4; i++) a[i] *= pow(10, -12.0 * (double)(i % k) / (double)k);
    memcpy(b, a, r * k * sizeof *b);
    assert_ok(ctx, cf_svdvals(ctx, r, k, a, s));
    for (size_t i = 0; i < m; i++) sum += s[i];
    assert_ok(ctx, cf_nuclear_norm(ctx, r, k, b, &norm));
    assert_close(norm, sum, 1e-9, 0);
    free(a);
    free(b);
  }
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_invariances),
      cmocka_unit_test(test_self),
      cmocka_unit_test(test_permutation_is_evaluation),
      cmocka_unit_test(test_single_precision_bound),
      cmocka_unit_test(test_bootstrap_is_evaluation),
      cmocka_unit_test(test_wide_bootstrap_is_evaluation),
      cmocka_unit_test(test_small_channel),
      cmocka_unit_test(test_degenerate_samples),
      cmocka_unit_test(test_grouped_warnings),
      cmocka_unit_test(test_half_samples_have_the_right_spread),
      cmocka_unit_test(test_threads),
      cmocka_unit_test(test_distances),
      cmocka_unit_test(test_directions),
      cmocka_unit_test(test_nuclear_norm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
