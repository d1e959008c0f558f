/* What holds for linear dynamics whatever the data: dynamical similarity does not see rotations, reflections and scale,
 * modes do not see the basis, and nothing depends on the number of threads. */
#include "test.h"
#include <cortifold/dynamics.h>
#include <cortifold/linalg.h>

enum { TRIALS = 6, STEPS = 25, CHANNELS = 5 };

static cf_context *context(int threads) {
  cf_context *ctx = NULL;
  cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
  o.seed = 3;
  o.threads = threads;
  if (cf_context_new(&o, &ctx) != CF_OK) abort();
  return ctx;
}

static void normals(cf_rng *rng, size_t n, double *x) {
  for (size_t i = 0; i < n; i++) x[i] = cf_rng_normal(rng);
}

/* Orthogonal q with the determinant's sign wanted: n x n. */
static void rotation(cf_context *ctx, cf_rng *rng, size_t n, bool reflected, double *q) {
  normals(rng, n * n, q);
  assert_ok(ctx, cf_qr(ctx, n, n, q, NULL));
  if (reflected)
    for (size_t i = 0; i < n; i++) q[i * n] = -q[i * n];
}

static cf_operator *operator_of(cf_context *ctx, size_t n, const double *a) {
  const cf_view view = cf_view_matrix(a, n, n);
  cf_operator *op = NULL;
  assert_ok(ctx, cf_operator_from_matrix(ctx, &view, "a", &op));
  return op;
}

/* b = factor q a q' */
static void turn(cf_context *ctx, size_t n, const double *q, const double *a, double factor, double *b) {
  double t[64 * 64];
  assert_ok(ctx, cf_gemm(ctx, false, false, n, n, n, factor, q, n, a, n, 0, t, n));
  assert_ok(ctx, cf_gemm(ctx, false, true, n, n, n, 1, t, n, q, n, 0, b, n));
}

static void test_rotated_copies_are_the_same(void **state) {
  (void)state;
  cf_context *ctx = context(2);
  for (size_t c = 0; c < test_cases(12); c++) {
    cf_rng rng = cf_rng_make(11, c, 0);
    const size_t n = 2 + c % 11;
    double a[144], b[144], q[144], w;
    cf_dsa_match m;
    normals(&rng, n * n, a);
    rotation(ctx, &rng, n, c % 2, q);
    turn(ctx, n, q, a, 7, b);
    cf_operator *x = operator_of(ctx, n, a), *y = operator_of(ctx, n, b);
    assert_ok(ctx, cf_dsa_align(ctx, x, y, NULL, &m, NULL));
    assert_true(m.euclidean < 1e-6 && m.angular < 1e-3 && m.converged);
    turn(ctx, n, q, a, 1, b);
    cf_operator_free(y);
    y = operator_of(ctx, n, b);
    assert_ok(ctx, cf_dsa_wasserstein(ctx, n, x->eigenvalue, n, y->eigenvalue, NULL, &w));
    assert_true(w < 1e-12);
    cf_operator_free(x);
    cf_operator_free(y);
  }
  cf_context_free(ctx);
}

/* Scale by 7 leaves both unit-norm scores alone; they are symmetric, and angle and length belong together. */
static void test_scale_and_symmetry(void **state) {
  (void)state;
  cf_context *ctx = context(2);
  for (size_t c = 0; c < test_cases(6); c++) {
    cf_rng rng = cf_rng_make(12, c, 0);
    const size_t n = 2 + c % 5;
    double a[64], b[64], s[64], chord = 0, best[64], cb[64];
    cf_dsa_match m, scaled, back;
    normals(&rng, n * n, a);
    normals(&rng, n * n, b);
    for (size_t i = 0; i < n * n; i++) s[i] = 7 * b[i];
    cf_operator *x = operator_of(ctx, n, a), *y = operator_of(ctx, n, b), *z = operator_of(ctx, n, s);
    assert_ok(ctx, cf_dsa_align(ctx, x, y, NULL, &m, best));
    assert_ok(ctx, cf_dsa_align(ctx, x, z, NULL, &scaled, NULL));
    assert_ok(ctx, cf_dsa_align(ctx, y, x, NULL, &back, NULL));
    assert_close(scaled.euclidean, m.euclidean, 1e-9, 1e-9);
    assert_close(back.euclidean, m.euclidean, 1e-6, 1e-9);
    assert_close(2 * sin(m.angular / 2), m.euclidean, 1e-12, 0);
    assert_true(m.reached >= 1 && m.reached <= m.starts && m.worst >= m.median && m.median >= m.euclidean);
    /* The rotation that comes out gives the distance that comes out. */
    turn(ctx, n, best, b, 1 / cf_norm2(n * n, b), cb);
    for (size_t i = 0; i < n * n; i++) chord += pow(a[i] / cf_norm2(n * n, a) - cb[i], 2);
    assert_close(sqrt(chord), m.euclidean, 1e-9, 1e-12);
    cf_operator_free(x);
    cf_operator_free(y);
    cf_operator_free(z);
  }
  cf_context_free(ctx);
}

/* Symmetric operators: sorted eigenvalues are the optimum; skew ones: sorted singular values. */
static void test_known_optima(void **state) {
  (void)state;
  cf_context *ctx = context(2);
  for (size_t c = 0; c < test_cases(8); c++) {
    cf_rng rng = cf_rng_make(13, c, 0);
    const size_t n = 3 + c % 6;
    double a[2][64], g[2][64], s[2][8], want = 0;
    cf_operator *op[2];
    cf_dsa_match m;
    for (int k = 0; k < 2; k++) {
      normals(&rng, n * n, g[k]);
      for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) a[k][i * n + j] = g[k][i * n + j] + (c % 2 ? -1 : 1) * g[k][j * n + i];
      op[k] = operator_of(ctx, n, a[k]);
      const double norm = cf_norm2(n * n, a[k]);
      memcpy(g[k], a[k], n * n * sizeof g[k][0]);
      if (c % 2)
        assert_ok(ctx, cf_svdvals(ctx, n, n, g[k], s[k]));
      else
        assert_ok(ctx, cf_eigh(ctx, n, g[k], s[k], NULL));
      for (size_t i = 0; i < n; i++) s[k][i] /= norm;
    }
    for (size_t i = 0; i < n; i++) want += (s[0][i] - s[1][i]) * (s[0][i] - s[1][i]);
    assert_ok(ctx, cf_dsa_align(ctx, op[0], op[1], NULL, &m, NULL));
    assert_close(m.euclidean, sqrt(want), 1e-6, 1e-7);
    cf_operator_free(op[0]);
    cf_operator_free(op[1]);
  }
  cf_context_free(ctx);
}

static void trajectories(cf_rng *rng, double *x) {
  for (size_t r = 0; r < TRIALS; r++)
    for (size_t t = 0; t < STEPS; t++)
      for (size_t j = 0; j < CHANNELS; j++) {
        const double *before = x + (r * STEPS + t - 1) * CHANNELS;
        x[(r * STEPS + t) * CHANNELS + j] =
            cf_rng_normal(rng) * (t ? 0.3 : 1) + (t ? 0.8 * before[j] - 0.4 * before[(j + 1) % CHANNELS] : 0);
      }
}

static cf_operator *fit(cf_context *ctx, const double *x, const cf_operator_options *o) {
  cf_view trial[TRIALS];
  cf_operator *op = NULL;
  for (size_t r = 0; r < TRIALS; r++) trial[r] = cf_view_matrix(x + r * STEPS * CHANNELS, STEPS, CHANNELS);
  const cf_trajectories t = {TRIALS, trial, "x"};
  assert_ok(ctx, cf_operator_fit(ctx, &t, o, &op));
  return op;
}

/* Data seen through a rotation and a gain, delays included, have the same dynamics. */
static void test_rotated_data_have_the_same_dynamics(void **state) {
  (void)state;
  cf_context *ctx = context(2);
  for (size_t c = 0; c < test_cases(4); c++) {
    cf_rng rng = cf_rng_make(14, c, 0);
    double x[TRIALS * STEPS * CHANNELS], y[TRIALS * STEPS * CHANNELS], q[CHANNELS * CHANNELS], w;
    cf_operator_options o = CF_OPERATOR_OPTIONS_INIT;
    cf_dsa_match m;
    o.delays = 1 + c % 3;
    trajectories(&rng, x);
    rotation(ctx, &rng, CHANNELS, c % 2, q);
    assert_ok(ctx, cf_gemm(ctx, false, true, TRIALS * STEPS, CHANNELS, CHANNELS, 3, x, CHANNELS, q, CHANNELS, 0, y,
                           CHANNELS));
    cf_operator *a = fit(ctx, x, &o), *b = fit(ctx, y, &o);
    assert_ok(ctx, cf_dsa_align(ctx, a, b, NULL, &m, NULL));
    assert_true(m.euclidean < 1e-6);
    assert_ok(ctx, cf_dsa_wasserstein(ctx, a->n, a->eigenvalue, b->n, b->eigenvalue, NULL, &w));
    assert_true(w < 1e-12);
    cf_operator_free(a);
    cf_operator_free(b);
  }
  cf_context_free(ctx);
}

/* One, two and four threads: the same bits. */
static void test_threads_do_not_matter(void **state) {
  (void)state;
  const int threads[] = {1, 2, 4};
  cf_dsa_match m[3];
  double c[3][CHANNELS * CHANNELS], x[2][TRIALS * STEPS * CHANNELS], weight[3][64];
  cf_rng rng = cf_rng_make(15, 0, 0);
  memset(m, 0, sizeof m);
  trajectories(&rng, x[0]);
  trajectories(&rng, x[1]);
  for (int k = 0; k < 3; k++) {
    cf_context *ctx = context(threads[k]);
    cf_operator *a = fit(ctx, x[0], NULL), *b = fit(ctx, x[1], NULL);
    const cf_view snapshots = cf_view_matrix(x[0], TRIALS * STEPS * CHANNELS / 6, 6);
    cf_dmd *d = NULL;
    assert_ok(ctx, cf_dsa_align(ctx, a, b, NULL, &m[k], c[k]));
    assert_ok(ctx, cf_dmd_fit(ctx, &snapshots, NULL, &d));
    memcpy(weight[k], d->weight, 2 * d->rank * 5 * sizeof weight[k][0]);
    assert_true(m[k].euclidean == m[0].euclidean && m[k].reached == m[0].reached && m[k].worst == m[0].worst);
    assert_memory_equal(c[k], c[0], sizeof c[0]);
    assert_memory_equal(weight[k], weight[0], 2 * d->rank * 5 * sizeof weight[0][0]);
    cf_dmd_free(d);
    cf_operator_free(a);
    cf_operator_free(b);
    cf_context_free(ctx);
  }
}

/* Eigenvalues and errors of modes do not see a rotation of the variables; scale goes into the amplitudes alone. Tall
 * data take the Gram matrix, wide ones the SVD, dependent snapshots QR: all three must agree where they meet. */
static void test_modes_do_not_see_the_basis(void **state) {
  (void)state;
  enum { D = 9, N = 7, TALL = 40 };
  cf_context *ctx = context(1);
  for (size_t c = 0; c < test_cases(6); c++) {
    cf_rng rng = cf_rng_make(16, c, 0);
    double x[D * N], q[TALL * TALL], tall[TALL * N];
    cf_dmd_options o = CF_DMD_OPTIONS_INIT;
    cf_dmd *a = NULL, *b = NULL;
    normals(&rng, D * N, x);
    rotation(ctx, &rng, TALL, false, q);
    assert_ok(ctx, cf_gemm(ctx, false, false, TALL, N, D, 5, q, TALL, x, N, 0, tall, N));
    o.rank = (cf_rank){CF_RANK_FIXED, 3};
    o.exact = c % 2;
    o.amplitudes = c % 3 ? CF_DMD_OPTIMAL : CF_DMD_FIRST;
    const cf_view va = cf_view_matrix(x, D, N), vb = cf_view_matrix(tall, TALL, N);
    assert_ok(ctx, cf_dmd_fit(ctx, &va, &o, &a));
    assert_ok(ctx, cf_dmd_fit(ctx, &vb, &o, &b));
    assert_int_equal(a->rank, b->rank);
    for (size_t i = 0; i < 2 * a->rank; i++) assert_close(b->eigenvalue[i], a->eigenvalue[i], 1e-8, 1e-8);
    for (size_t i = 0; i < 2 * a->rank * (N - 1); i++) assert_close(b->weight[i], a->weight[i], 1e-6, 1e-7);
    assert_close(b->error, a->error, 1e-8, 1e-10);
    for (size_t i = 0; i < a->rank; i++) {
      assert_close(b->residual[i], a->residual[i], 1e-6, 1e-8);
      assert_close(b->size[i], 5 * a->size[i], 1e-6, 1e-8);
    }
    cf_dmd_free(a);
    cf_dmd_free(b);
  }
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rotated_copies_are_the_same),
      cmocka_unit_test(test_scale_and_symmetry),
      cmocka_unit_test(test_known_optima),
      cmocka_unit_test(test_rotated_data_have_the_same_dynamics),
      cmocka_unit_test(test_threads_do_not_matter),
      cmocka_unit_test(test_modes_do_not_see_the_basis),
  };
  return cmocka_run_group_tests_name("properties of linear dynamics", tests, NULL, NULL);
}
