/* General matrices: eigenpairs, Schur form, complex systems, triangles by blocks, transport. */
#include "test.h"
#include <complex.h>
#include <cortifold/linalg.h>

static double complex pair(const double *z, size_t i) {
  return z[2 * i] + I * z[2 * i + 1];
}

static void numbers(uint64_t seed, size_t n, double *x) {
  cf_rng rng = cf_rng_make(seed, 1, 0);
  for (size_t i = 0; i < n; i++) x[i] = cf_rng_normal(&rng);
}

/* A v = lambda v, unit vectors, descending magnitudes, conjugates side by side. */
static void test_eigenpairs(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (size_t n = 1; n <= 9; n++) {
    double a[81], copy[81], value[18], vector[162];
    numbers(n, n * n, a);
    memcpy(copy, a, sizeof a);
    assert_ok(ctx, cf_eig(ctx, n, copy, value, vector));
    for (size_t k = 0; k < n; k++) {
      double norm = 0, most = 0;
      for (size_t i = 0; i < n; i++) {
        double complex sum = 0;
        for (size_t j = 0; j < n; j++) sum += a[i * n + j] * pair(vector, j * n + k);
        assert_true(cabs(sum - pair(value, k) * pair(vector, i * n + k)) < 1e-12);
        norm += pow(cabs(pair(vector, i * n + k)), 2);
        most = fmax(most, cabs(pair(vector, i * n + k)));
      }
      assert_close(norm, 1, 1e-12, 0);
      bool real = false;
      for (size_t i = 0; i < n; i++) real = real || cabs(pair(vector, i * n + k) - most) < 1e-9;
      assert_true(real);
      if (k) assert_true(cabs(pair(value, k)) <= cabs(pair(value, k - 1)));
      if (cimag(pair(value, k)) > 0) assert_true(pair(value, k + 1) == conj(pair(value, k)));
    }
  }
  cf_context_free(ctx);
}

static void test_schur(void **state) {
  (void)state;
  enum { N = 6 };
  cf_context *ctx = test_context();
  double a[N * N], t[2 * N * N], z[2 * N * N];
  numbers(21, N * N, a);
  assert_ok(ctx, cf_schur(ctx, N, a, t, z));
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < N; j++) {
      double complex sum = 0, unit = 0;
      for (size_t k = 0; k < N; k++) {
        for (size_t l = 0; l < N; l++) sum += pair(z, i * N + k) * pair(t, k * N + l) * conj(pair(z, j * N + l));
        unit += conj(pair(z, k * N + i)) * pair(z, k * N + j);
      }
      assert_true(cabs(sum - a[i * N + j]) < 1e-12 && cabs(unit - (i == j)) < 1e-12);
      if (j < i) assert_true(pair(t, i * N + j) == 0);
    }
  cf_context_free(ctx);
}

static void test_complex_systems(void **state) {
  (void)state;
  enum { M = 7, N = 4 };
  cf_context *ctx = test_context();
  double a[2 * M * N], copy[2 * M * N], b[2 * M], x[2 * N], s[2 * N * N], r[4 * N], kept[4 * N];
  numbers(31, 2 * M * N, a);
  numbers(32, 2 * M, b);
  memcpy(copy, a, sizeof a);
  assert_ok(ctx, cf_least_squares_complex(ctx, M, N, copy, b, x));
  for (size_t j = 0; j < N; j++) { /* the rest is orthogonal to the columns */
    double complex dot = 0;
    for (size_t i = 0; i < M; i++) {
      double complex rest = pair(b, i);
      for (size_t k = 0; k < N; k++) rest -= pair(a, i * N + k) * pair(x, k);
      dot += conj(pair(a, i * N + j)) * rest;
    }
    assert_true(cabs(dot) < 1e-12);
  }
  for (size_t i = 0; i < M; i++) memcpy(a + 2 * (i * N + 1), a + 2 * i * N, 2 * sizeof *a); /* two equal columns */
  memcpy(copy, a, sizeof a);
  assert_ok(ctx, cf_least_squares_complex(ctx, M, N, copy, b, x));
  assert_true(cabs(pair(x, 0) - pair(x, 1)) < 1e-10); /* least norm shares the coefficient */
  numbers(33, 2 * N * N, s);
  numbers(34, 4 * N, r);
  memcpy(kept, r, sizeof r);
  memcpy(copy, s, sizeof s);
  assert_ok(ctx, cf_solve_complex(ctx, N, copy, 2, r));
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < 2; j++) {
      double complex sum = 0;
      for (size_t k = 0; k < N; k++) sum += pair(s, i * N + k) * pair(r, k * 2 + j);
      assert_true(cabs(sum - pair(kept, i * 2 + j)) < 1e-12);
    }
  memset(s, 0, sizeof s);
  assert_status(ctx, CF_ERR_NUMERIC, cf_solve_complex(ctx, N, s, 2, r));
  cf_context_free(ctx);
}

/* R'R = A'A, whether in one block or many; the triangle that grows by pieces ends at the same place. */
static void test_triangles(void **state) {
  (void)state;
  enum { M = 9001, N = 5 };
  cf_context *ctx = test_context();
  static double a[M * N], t[N * M];
  double r[N * N], gram[N * N], l[N * N] = {0};
  numbers(41, M * N, a);
  assert_ok(ctx, cf_qr_triangle(ctx, M, N, a, N, r));
  assert_ok(ctx, cf_syrk(ctx, true, N, M, 1, a, N, 0, gram, N));
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < N; j++) {
      double sum = 0;
      for (size_t k = 0; k < N; k++) sum += r[k * N + i] * r[k * N + j];
      assert_close(sum, gram[i * N + j], 0, 1e-9);
      if (j < i) assert_true(r[i * N + j] == 0);
    }
  for (size_t i = 0; i < M; i++)
    for (size_t j = 0; j < N; j++) t[j * M + i] = a[i * N + j];
  for (size_t first = 0; first < M; first += 4000)
    assert_ok(ctx, cf_lq_append(ctx, N, first + 4000 < M ? 4000 : M - first, t + first, M, l));
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < N; j++) assert_close(l[i * N + j], r[j * N + i], 0, 1e-9);
  cf_context_free(ctx);
}

/* Transport between equal weights is assignment; between unequal ones it is assignment of copies. */
static void test_transport(void **state) {
  (void)state;
  enum { N = 4, M = 6, COPIES = 12 };
  cf_context *ctx = test_context();
  double cost[N * M], big[COPIES * COPIES], least, want = 0;
  size_t from[N], to[M], column[COPIES];
  numbers(51, N * M, cost);
  for (size_t i = 0; i < N; i++) from[i] = COPIES / N;
  for (size_t j = 0; j < M; j++) to[j] = COPIES / M;
  for (size_t i = 0; i < COPIES; i++)
    for (size_t j = 0; j < COPIES; j++) big[i * COPIES + j] = cost[i / (COPIES / N) * M + j / (COPIES / M)];
  assert_ok(ctx, cf_transport(ctx, N, M, from, to, cost, &least));
  assert_ok(ctx, cf_assignment(ctx, COPIES, big, column));
  for (size_t i = 0; i < COPIES; i++) want += big[i * COPIES + column[i]];
  assert_close(least, want, 1e-12, 1e-12);
  from[0]++;
  assert_status(ctx, CF_ERR_USAGE, cf_transport(ctx, N, M, from, to, cost, &least));
  from[0]--;
  cost[3] = NAN;
  assert_status(ctx, CF_ERR_NUMERIC, cf_transport(ctx, N, M, from, to, cost, &least));
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_eigenpairs), cmocka_unit_test(test_schur),     cmocka_unit_test(test_complex_systems),
      cmocka_unit_test(test_triangles),  cmocka_unit_test(test_transport),
  };
  return cmocka_run_group_tests_name("general matrices", tests, NULL, NULL);
}
