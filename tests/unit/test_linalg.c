/* What linalg promises on small systems, and how it refuses. */
#include "test.h"
#include <cortifold/linalg.h>
#include <omp.h>

static void qr_gives_an_orthonormal_factor(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { M = 7, N = 4 };
  double a[M * N], q[M * N], r[N * N];
  cf_rng rng = cf_rng_make(1, 2, 3);
  for (size_t i = 0; i < M * N; i++) q[i] = a[i] = cf_rng_normal(&rng);
  assert_ok(ctx, cf_qr(ctx, M, N, q, r));
  for (size_t i = 0; i < M; i++)
    for (size_t j = 0; j < N; j++) {
      double sum = 0;
      for (size_t k = 0; k < N; k++) sum += q[i * N + k] * r[k * N + j];
      assert_close(sum, a[i * N + j], 0, 1e-14);
    }
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < N; j++) {
      double sum = 0;
      for (size_t k = 0; k < M; k++) sum += q[k * N + i] * q[k * N + j];
      assert_close(sum, i == j, 0, 1e-14);
      if (j < i) assert_true(r[i * N + j] == 0);
    }
  assert_status(ctx, CF_ERR_INPUT, cf_qr(ctx, 2, 3, q, r));
  cf_context_free(ctx);
}

static void cholesky_and_solvers(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const double a[9] = {4, 2, -2, 2, 10, 2, -2, 2, 6}, x[6] = {1, -1, 2, 0.5, 3, -4};
  double l[9], b[6], c[6];
  memcpy(l, a, sizeof a);
  assert_ok(ctx, cf_cholesky(ctx, 3, l));
  const double expected[9] = {2, 0, 0, 1, 3, 0, -1, 1, 2};
  for (size_t i = 0; i < 9; i++) assert_close(l[i], expected[i], 1e-15, 1e-15);
  for (size_t i = 0; i < 3; i++)
    for (size_t j = 0; j < 2; j++) {
      b[i * 2 + j] = 0;
      for (size_t k = 0; k < 3; k++) b[i * 2 + j] += a[i * 3 + k] * x[k * 2 + j];
    }
  memcpy(c, b, sizeof b);
  assert_ok(ctx, cf_solve_lower(ctx, false, 3, l, 2, c));
  assert_ok(ctx, cf_solve_lower(ctx, true, 3, l, 2, c));
  for (size_t i = 0; i < 6; i++) assert_close(c[i], x[i], 1e-14, 1e-14);
  memcpy(l, a, sizeof a), memcpy(c, b, sizeof b);
  assert_ok(ctx, cf_solve_spd(ctx, 3, l, 2, c));
  for (size_t i = 0; i < 6; i++) assert_close(c[i], x[i], 1e-14, 1e-14);

  double general[9] = {0, 2, 1, 1, -1, 3, 4, 0, 0.5}; /* not symmetric, zero first pivot */
  memcpy(l, general, sizeof general);
  for (size_t i = 0; i < 3; i++)
    for (size_t j = 0; j < 2; j++) {
      c[i * 2 + j] = 0;
      for (size_t k = 0; k < 3; k++) c[i * 2 + j] += general[i * 3 + k] * x[k * 2 + j];
    }
  assert_ok(ctx, cf_solve(ctx, 3, l, 2, c));
  for (size_t i = 0; i < 6; i++) assert_close(c[i], x[i], 1e-14, 1e-14);
  cf_context_free(ctx);
}

static void singular_systems_are_refused(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double indefinite[4] = {1, 2, 2, 1}, b[2] = {1, 1};
  assert_status(ctx, CF_ERR_NUMERIC, cf_cholesky(ctx, 2, indefinite));
  assert_non_null(strstr(cf_context_error(ctx), "pivot 2"));
  double nan[4] = {1, 0, 0, NAN};
  assert_status(ctx, CF_ERR_NUMERIC, cf_cholesky(ctx, 2, nan));
  double singular[4] = {1, 2, 2, 4};
  assert_status(ctx, CF_ERR_NUMERIC, cf_solve(ctx, 2, singular, 1, b));
  double nearly[4] = {1, 2, 2, 4 + 1e-15};
  assert_status(ctx, CF_ERR_NUMERIC, cf_solve(ctx, 2, nearly, 1, b));
  double missing[4] = {1, NAN, 2, 4};
  assert_status(ctx, CF_ERR_NUMERIC, cf_solve(ctx, 2, missing, 1, b));
  double zero[4] = {1, 0, 2, 0};
  assert_status(ctx, CF_ERR_NUMERIC, cf_solve_lower(ctx, false, 2, zero, 1, b));
  double symmetric[4] = {1, INFINITY, INFINITY, 1}, w[2], v[4];
  assert_status(ctx, CF_ERR_NUMERIC, cf_eigh(ctx, 2, symmetric, w, v));
  assert_status(ctx, CF_ERR_NUMERIC, cf_svdvals(ctx, 2, 2, symmetric, w));
  assert_status(ctx, CF_ERR_USAGE, cf_eigh_top(ctx, 2, singular, 3, w, v));
  cf_context_free(ctx);
}

static void eigenvectors_are_rows_with_a_positive_peak(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double a[4] = {2, -1, -1, 2}, w[2], v[4];
  assert_ok(ctx, cf_eigh(ctx, 2, a, w, v));
  assert_close(w[0], 1, 1e-15, 0);
  assert_close(w[1], 3, 1e-15, 0);
  assert_close(v[0], sqrt(0.5), 1e-15, 0);
  assert_close(v[1], sqrt(0.5), 1e-15, 0);
  assert_close(fabs(v[2]), sqrt(0.5), 1e-15, 0);
  assert_close(v[2], -v[3], 1e-15, 0);
  double b[9] = {1, 0, 0, 0, 5, 0, 0, 0, 3}, top[2], tv[6];
  assert_ok(ctx, cf_eigh_top(ctx, 3, b, 2, top, tv));
  assert_true(top[0] == 5 && top[1] == 3 && tv[1] == 1 && tv[5] == 1);
  cf_context_free(ctx);
}

static void centering_leaves_means_of_zero(void **state) {
  (void)state;
  enum { ROWS = 9, COLS = 70, LD = 72 };
  double a[ROWS * LD], means[COLS];
  for (size_t i = 0; i < ROWS * LD; i++) a[i] = 1e9 + (double)(i % 17);
  double untouched = a[LD - 1], first = a[0];
  cf_center_columns(ROWS, COLS, a, LD, means);
  assert_true(a[LD - 1] == untouched);
  assert_close(a[0] + means[0], first, 1e-15, 0);
  for (size_t j = 0; j < COLS; j++) {
    double sum = 0;
    for (size_t i = 0; i < ROWS; i++) sum += a[i * LD + j];
    assert_close(sum, 0, 0, 1e-5);
  }
  double two[2] = {1, 3};
  cf_center_columns(2, 1, two, 1, NULL);
  assert_true(two[0] == -1 && two[1] == 1);
}

/* The caller's OpenMP keeps its thread number although BLAS runs on one. */
static void blas_leaves_openmp_alone(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  omp_set_num_threads(3);
  cf_blas_serial();
  enum { N = 200 };
  double *a = calloc(N * N, sizeof *a), *c = calloc(N * N, sizeof *c), *w = calloc(N, sizeof *w);
  for (size_t i = 0; i < N; i++) a[i * N + i] = (double)i;
  assert_ok(ctx, cf_gemm(ctx, false, false, N, N, N, 1, a, N, a, N, 0, c, N));
  assert_ok(ctx, cf_eigh(ctx, N, c, w, NULL));
  assert_int_equal(omp_get_max_threads(), 3);
  assert_close(w[N - 1], 199.0 * 199.0, 1e-14, 0);
  assert_non_null(strstr(cf_blas_name(), "OpenBLAS"));
  free(a), free(c), free(w);
  cf_context_free(ctx);
}

static void a_failed_allocation_is_an_error(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { N = 300, K = 3000 };
  double *a = calloc((size_t)N * K, sizeof *a), *c = calloc((size_t)N * N, sizeof *c), *w = calloc(N, sizeof *w);
  cf_test_fail_allocation(1);
  assert_status(ctx, CF_ERR_MEMORY, cf_syrk(ctx, false, N, K, 1, a, K, 0, c, N));
  cf_test_fail_allocation(0);
  assert_ok(ctx, cf_syrk(ctx, false, N, K, 1, a, K, 0, c, N));
  assert_status(ctx, CF_ERR_INPUT, cf_gemm(ctx, false, false, 1, (size_t)1 << 40, 1, 1, a, 1, a, 1, 0, c, 1));
  free(a), free(c), free(w);
  cf_context_free(ctx);
}

static void nnls_binds_what_would_be_negative(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double ata[4] = {1, 0, 0, 1}, atb[2] = {2, -3}, x[2];
  assert_ok(ctx, cf_nnls(ctx, 2, ata, atb, x));
  assert_true(x[0] == 2 && x[1] == 0);
  double twin[4] = {1, 1, 1, 1}, right[2] = {2, 2}; /* two equal columns: either will do */
  assert_ok(ctx, cf_nnls(ctx, 2, twin, right, x));
  assert_close(x[0] + x[1], 2, 1e-14, 0);
  double bad[2] = {NAN, 1};
  assert_status(ctx, CF_ERR_NUMERIC, cf_nnls(ctx, 2, ata, bad, x));
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(qr_gives_an_orthonormal_factor),  cmocka_unit_test(cholesky_and_solvers),
      cmocka_unit_test(singular_systems_are_refused),    cmocka_unit_test(eigenvectors_are_rows_with_a_positive_peak),
      cmocka_unit_test(centering_leaves_means_of_zero),  cmocka_unit_test(blas_leaves_openmp_alone),
      cmocka_unit_test(a_failed_allocation_is_an_error), cmocka_unit_test(nnls_binds_what_would_be_negative),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
