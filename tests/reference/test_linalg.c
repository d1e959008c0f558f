/* Products, factorisations and solvers against plain loops on random shapes. */
#include "test.h"
#include "linalg/internal.h"
#include <cortifold/linalg.h>

static double *random_matrix(cf_rng *rng, size_t count) {
  double *a = calloc(count + 1, sizeof *a);
  for (size_t i = 0; i < count; i++) a[i] = cf_rng_normal(rng);
  return a;
}

static void slow_gemm(bool ta, bool tb, size_t m, size_t n, size_t k, double alpha, const double *a, size_t lda,
                      const double *b, size_t ldb, double beta, double *c, size_t ldc) {
  for (size_t i = 0; i < m; i++)
    for (size_t j = 0; j < n; j++) {
      long double sum = 0;
      for (size_t l = 0; l < k; l++)
        sum += (long double)(ta ? a[l * lda + i] : a[i * lda + l]) * (tb ? b[j * ldb + l] : b[l * ldb + j]);
      c[i * ldc + j] = alpha * (double)sum + (beta == 0 ? 0 : beta * c[i * ldc + j]);
    }
}

/* Shapes at and around 0, 1, the tile edge and the group depth. */
static size_t some_size(cf_rng *rng) {
  static const size_t sizes[] = {0, 1, 2, 3, 7, 31, 64, 65, 130};
  return sizes[cf_rng_below(rng, sizeof sizes / sizeof *sizes)];
}

static void check_gemm(cf_context *ctx, cf_rng *rng, size_t m, size_t n, size_t k) {
  bool ta = cf_rng_below(rng, 2), tb = cf_rng_below(rng, 2);
  size_t pad = cf_rng_below(rng, 3), lda = (ta ? m : k) + pad, ldb = (tb ? k : n) + pad, ldc = n + pad;
  double alpha = cf_rng_normal(rng), beta = cf_rng_below(rng, 2) ? cf_rng_normal(rng) : 0;
  double *a = random_matrix(rng, (ta ? k : m) * lda), *b = random_matrix(rng, (tb ? n : k) * ldb);
  double *c = random_matrix(rng, m * ldc), *d = malloc((m * ldc + 1) * sizeof *d);
  memcpy(d, c, m * ldc * sizeof *d);
  slow_gemm(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, d, ldc);
  if (beta == 0)
    for (size_t i = 0; i < m; i++)
      for (size_t j = 0; j < n; j++) c[i * ldc + j] = NAN; /* must not be read */
  assert_ok(ctx, cf_gemm(ctx, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc));
  for (size_t i = 0; i < m * ldc; i++) assert_close(c[i], d[i], 1e-12, 1e-12 * sqrt((double)k + 1));
  free(a), free(b), free(c), free(d);
}

static void check_syrk(cf_context *ctx, cf_rng *rng, size_t n, size_t k) {
  bool trans = cf_rng_below(rng, 2);
  size_t pad = cf_rng_below(rng, 3), lda = (trans ? n : k) + pad, ldc = n + pad;
  double alpha = cf_rng_normal(rng), beta = cf_rng_below(rng, 2) ? cf_rng_normal(rng) : 0;
  double *a = random_matrix(rng, (trans ? k : n) * lda), *c = random_matrix(rng, n * ldc);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++) c[j * ldc + i] = c[i * ldc + j];
  double *d = malloc((n * ldc + 1) * sizeof *d);
  memcpy(d, c, n * ldc * sizeof *d);
  slow_gemm(trans, !trans, n, n, k, alpha, a, lda, a, lda, beta, d, ldc);
  assert_ok(ctx, cf_syrk(ctx, trans, n, k, alpha, a, lda, beta, c, ldc));
  for (size_t i = 0; i < n * ldc; i++) assert_close(c[i], d[i], 1e-12, 1e-12 * sqrt((double)k + 1));
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++) assert_true(c[i * ldc + j] == c[j * ldc + i]);
  free(a), free(c), free(d);
}

static void products_agree_with_loops(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (uint32_t i = 0; i < test_cases(150); i++) {
    cf_rng rng = cf_rng_make(11, 1, i);
    check_gemm(ctx, &rng, some_size(&rng), some_size(&rng), some_size(&rng));
    check_syrk(ctx, &rng, some_size(&rng), some_size(&rng));
  }
  cf_rng rng = cf_rng_make(11, 2, 0);
  static const size_t shapes[][3] = {{1, 1, 3000000}, {1, 5000, 900}, {5000, 1, 900},  {3, 9000, 150},  {521, 517, 20},
                                     {515, 9, 1200},  {40, 40, 6000}, {530, 1030, 40}, {1500, 1500, 3}, {92, 92, 2000}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    check_gemm(ctx, &rng, shapes[i][0], shapes[i][1], shapes[i][2]);
    if (shapes[i][0] < 2000) check_syrk(ctx, &rng, shapes[i][0], shapes[i][2]);
  }
  check_syrk(ctx, &rng, 1100, 30);
  check_syrk(ctx, &rng, 600, 700);
  cf_context_free(ctx);
}

/* Same bits for 1 to 5 threads and inside a worker. */
typedef struct job {
  size_t n, k;
  const double *a;
  double *c, *g;
} job;
static cf_status product_job(cf_context *worker, size_t i, void *payload) {
  job *j = payload;
  if (i > 0) return CF_OK;
  cf_status s = cf_syrk(worker, false, j->n, j->k, 1.5, j->a, j->k, 0, j->c, j->n);
  if (s == CF_OK) s = cf_gemm(worker, true, false, 300, 700, j->n, 1, j->a, j->k, j->a, j->k, 0, j->g, 700);
  return s;
}
static void bits_do_not_depend_on_threads(void **state) {
  (void)state;
  enum { N = 600, K = 2500 };
  cf_rng rng = cf_rng_make(12, 0, 0);
  double *a = random_matrix(&rng, (size_t)N * K), *c[7], *g[7];
  for (int t = 1; t <= 6; t++) {
    cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
    o.threads = t == 6 ? 2 : t;
    cf_context *ctx;
    assert_int_equal(cf_context_new(&o, &ctx), CF_OK);
    c[t] = calloc((size_t)N * N, sizeof(double));
    g[t] = calloc(300 * 700, sizeof(double));
    job j = {N, K, a, c[t], g[t]};
    if (t == 6)
      assert_ok(ctx, cf_parallel_for(ctx, 2, product_job, &j));
    else
      assert_ok(ctx, product_job(ctx, 0, &j));
    if (t > 1) {
      assert_memory_equal(c[1], c[t], (size_t)N * N * sizeof(double));
      assert_memory_equal(g[1], g[t], 300 * 700 * sizeof(double));
    }
    cf_context_free(ctx);
  }
  for (int t = 1; t <= 6; t++) free(c[t]), free(g[t]);
  free(a);
}

/* max |A - U S V'| / (1 + s_1), and how far U and V are from orthonormal */
static void check_svd(cf_context *ctx, cf_rng *rng, size_t m, size_t n, size_t rank) {
  size_t r = m < n ? m : n;
  double *l = random_matrix(rng, m * rank), *right = random_matrix(rng, rank * n), *a = calloc(m * n + 1, sizeof *a);
  slow_gemm(false, false, m, n, rank, 1, l, rank, right, n, 0, a, n);
  double *copy = malloc((m * n + 1) * sizeof *a), *s = calloc(r + 1, sizeof *s), *only = calloc(r + 1, sizeof *s);
  double *u = calloc(m * r + 1, sizeof *u), *vt = calloc(r * n + 1, sizeof *vt), *u2 = calloc(m * r + 1, sizeof *u);
  memcpy(copy, a, m * n * sizeof *a);
  assert_ok(ctx, cf_svd(ctx, m, n, copy, s, u, vt));
  memcpy(copy, a, m * n * sizeof *a);
  assert_ok(ctx, cf_svdvals(ctx, m, n, copy, only));
  double scale = r ? 1 + s[0] : 1;
  for (size_t i = 0; i < r; i++) {
    assert_close(only[i], s[i], 0, 1e-12 * scale);
    assert_true(s[i] >= 0 && (i == 0 || s[i] <= s[i - 1]));
    if (i >= rank) assert_close(s[i], 0, 0, 1e-12 * scale);
  }
  for (size_t i = 0; i < m; i++)
    for (size_t j = 0; j < n; j++) {
      double sum = 0;
      for (size_t k = 0; k < r; k++) sum += u[i * r + k] * s[k] * vt[k * n + j];
      assert_close(sum, a[i * n + j], 0, 1e-12 * scale);
    }
  for (size_t i = 0; i < r; i++) {
    double most = 0, value = 0;
    for (size_t j = 0; j < n; j++)
      if (fabs(vt[i * n + j]) > most) most = fabs(vt[i * n + j]), value = vt[i * n + j];
    assert_true(value > 0);
    for (size_t k = 0; k < r; k++) {
      double uu = 0;
      for (size_t j = 0; j < m; j++) uu += u[j * r + i] * u[j * r + k];
      assert_close(uu, i == k, 0, 1e-12);
      assert_close(cf_dot(n, vt + i * n, vt + k * n), i == k, 0, 1e-12);
    }
  }
  memcpy(copy, a, m * n * sizeof *a); /* u alone: same up to sign */
  assert_ok(ctx, cf_svd(ctx, m, n, copy, s, u2, NULL));
  for (size_t i = 0; i < r && i < rank; i++)
    for (size_t j = 0; j < m; j++) assert_close(fabs(u2[j * r + i]), fabs(u[j * r + i]), 0, 1e-9);
  free(l), free(right), free(a), free(copy), free(s), free(only), free(u), free(vt), free(u2);
}

static void svd_rebuilds_the_matrix(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  static const size_t shapes[][3] = {{0, 0, 0}, {0, 5, 0},    {5, 0, 0},    {1, 1, 1},    {1, 40, 1},   {40, 1, 1},
                                     {5, 5, 3}, {20, 90, 20}, {90, 20, 11}, {3, 4000, 3}, {4000, 3, 2}, {33, 34, 33}};
  for (uint32_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    cf_rng rng = cf_rng_make(13, 0, i);
    check_svd(ctx, &rng, shapes[i][0], shapes[i][1], shapes[i][2]);
  }
  cf_context_free(ctx);
}

/* q spans a: Q'Q = I, Q Q' A = A, rank as planted; condition decides which of the two ways is taken. */
static void check_orth(cf_context *ctx, cf_rng *rng, size_t m, size_t n, size_t rank, double condition, double tol) {
  size_t r = m < n ? m : n, found;
  double *l = random_matrix(rng, m * rank), *right = random_matrix(rng, rank * n), *a = calloc(m * n, sizeof *a);
  for (size_t k = 0; k < rank && rank > 1; k++)
    for (size_t i = 0; i < m; i++) l[i * rank + k] *= pow(condition, -(double)k / (double)(rank - 1));
  slow_gemm(false, false, m, n, rank, 1, l, rank, right, n, 0, a, n);
  double *q = calloc(m * r, sizeof *q), *proj = calloc(r * n, sizeof *proj);
  assert_ok(ctx, cf_orth(ctx, m, n, a, n, tol, q, &found));
  assert_int_equal(found, rank);
  for (size_t i = 0; i < rank; i++)
    for (size_t k = 0; k < rank; k++) {
      double sum = 0;
      for (size_t j = 0; j < m; j++) sum += q[j * r + i] * q[j * r + k];
      assert_close(sum, i == k, 0, 1e-12);
    }
  slow_gemm(true, false, rank, n, m, 1, q, r, a, n, 0, proj, n);
  double worst = 0, most = 0;
  for (size_t i = 0; i < m; i++)
    for (size_t j = 0; j < n; j++) {
      double sum = 0;
      for (size_t k = 0; k < rank; k++) sum += q[i * r + k] * proj[k * n + j];
      worst = fmax(worst, fabs(sum - a[i * n + j]));
      most = fmax(most, fabs(a[i * n + j]));
    }
  assert_true(worst <= 1e-12 * most);
  free(l), free(right), free(a), free(q), free(proj);
}

static void orth_spans_the_columns(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_rng rng = cf_rng_make(14, 0, 0);
  check_orth(ctx, &rng, 30, 8, 8, 10, 1e-10);
  check_orth(ctx, &rng, 30, 8, 5, 1e4, 1e-10);
  check_orth(ctx, &rng, 40, 200, 40, 3, 1e-10);   /* Gram side, full rank */
  check_orth(ctx, &rng, 40, 200, 39, 5, 1e-5);    /* Gram side, clear gap */
  check_orth(ctx, &rng, 40, 200, 39, 5, 1e-10);   /* tol below what the Gram side sees */
  check_orth(ctx, &rng, 40, 200, 30, 1e6, 1e-10); /* small directions need the matrix itself */
  check_orth(ctx, &rng, 40, 50, 20, 1e5, 1e-10);
  check_orth(ctx, &rng, 1, 50, 1, 1, 1e-10);
  check_orth(ctx, &rng, 50, 1, 1, 1, 1e-10);
  double zero[200] = {0}, q[100];
  size_t rank = 9;
  assert_ok(ctx, cf_orth(ctx, 10, 20, zero, 20, 1e-10, q, &rank));
  assert_int_equal(rank, 0);
  cf_context_free(ctx);
}

static void check_eigh(cf_context *ctx, cf_rng *rng, size_t n, size_t rank) {
  double *x = random_matrix(rng, n * rank), *a = calloc(n * n + 1, sizeof *a), *copy = malloc((n * n + 1) * sizeof *a);
  slow_gemm(false, true, n, n, rank, 1, x, rank, x, rank, 0, a, n);
  double *w = calloc(n + 1, sizeof *w), *v = calloc(n * n + 1, sizeof *v), *top = calloc(n + 1, sizeof *w);
  memcpy(copy, a, n * n * sizeof *a);
  assert_ok(ctx, cf_eigh(ctx, n, copy, w, v));
  double scale = n ? w[n - 1] : 1;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) {
      double sum = 0;
      for (size_t k = 0; k < n; k++) sum += v[k * n + i] * w[k] * v[k * n + j];
      assert_close(sum, a[i * n + j], 0, 1e-12 * scale);
      assert_close(cf_dot(n, v + i * n, v + j * n), i == j, 0, 1e-12);
    }
  for (size_t k = 1; k <= n; k = k < 4 ? k + 1 : k * 2) {
    double *tv = calloc(k * n, sizeof *tv);
    memcpy(copy, a, n * n * sizeof *a);
    assert_ok(ctx, cf_eigh_top(ctx, n, copy, k, top, tv));
    for (size_t i = 0; i < k; i++) {
      assert_close(top[i], w[n - 1 - i], 1e-12, 1e-12 * scale);
      for (size_t j = 0; j < n; j++) /* residual A v - w v */
        assert_close(cf_dot(n, a + j * n, tv + i * n), top[i] * tv[i * n + j], 0, 1e-11 * scale);
      for (size_t l = 0; l <= i; l++) assert_close(cf_dot(n, tv + i * n, tv + l * n), l == i, 0, 1e-11);
    }
    memcpy(copy, a, n * n * sizeof *a);
    assert_ok(ctx, cf_eigh_top(ctx, n, copy, k, top, NULL));
    for (size_t i = 0; i < k; i++) assert_close(top[i], w[n - 1 - i], 1e-12, 1e-12 * scale);
    free(tv);
  }
  free(x), free(a), free(copy), free(w), free(v), free(top);
}

static void eigenpairs_rebuild_the_matrix(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  static const size_t shapes[][2] = {{0, 1}, {1, 1}, {2, 1}, {7, 7}, {40, 12}, {64, 80}, {150, 150}, {150, 5}};
  for (uint32_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    cf_rng rng = cf_rng_make(15, 0, i);
    check_eigh(ctx, &rng, shapes[i][0], shapes[i][1]);
  }
  cf_context_free(ctx);
}

/* lanczos: the pairs must come from block Lanczos, not from LAPACK behind it. A = V' diag(w) V with random orthonormal
 * rows V: a few pairs out of many against what was planted. */
static void check_few(cf_context *ctx, cf_rng *rng, size_t n, const double *planted, size_t k, bool lanczos) {
  double *v = random_matrix(rng, n * n), *scaled = malloc(n * n * sizeof *v), *a = calloc(n * n, sizeof *a);
  double *copy = malloc(n * n * sizeof *a), *top = calloc(k, sizeof *top), *x = calloc(k * n, sizeof *x), size = 0;
  assert_ok(ctx, cf_qr(ctx, n, n, v, NULL));
  for (size_t i = 0; i < n; i++) size = fmax(size, fabs(planted[i]));
  for (size_t i = 0; i < n * n; i++) scaled[i] = v[i] * planted[i % n];
  assert_ok(ctx, cf_gemm(ctx, false, true, n, n, n, 1, scaled, n, v, n, 0, a, n));
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++) a[j * n + i] = a[i * n + j];
  memcpy(copy, a, n * n * sizeof *a);
  bool converged = false;
  if (lanczos) {
    assert_ok(ctx, cf_krylov_top(ctx, n, a, k, top, x, &converged));
    assert_true(converged);
  } else {
    assert_ok(ctx, cf_eigh_top(ctx, n, copy, k, top, x));
  }
  for (size_t i = 0; i < k; i++) {
    assert_close(top[i], planted[i], 0, 1e-12 * size);
    for (size_t l = 0; l <= i; l++) assert_close(cf_dot(n, x + i * n, x + l * n), l == i, 0, 1e-12);
    double square = 0;
    for (size_t j = 0; j < n; j++) square += pow(cf_dot(n, a + j * n, x + i * n) - top[i] * x[i * n + j], 2);
    assert_close(sqrt(square) / size, 0, 0, 2e-12);
  }
  free(v), free(scaled), free(a), free(copy), free(top), free(x);
}

static void a_few_eigenpairs_of_many(void **state) {
  (void)state;
  enum { N = 450 };
  cf_context *ctx = test_context();
  cf_rng rng = cf_rng_make(17, 0, 0);
  double w[N];
  for (size_t i = 0; i < N; i++) w[i] = pow(0.9, (double)i); /* falls off */
  check_few(ctx, &rng, N, w, 1, true);
  check_few(ctx, &rng, N, w, 20, true);
  check_few(ctx, &rng, N, w, 40, false);
  for (size_t i = 0; i < N; i++) w[i] = 3 - 4 * (double)i / N; /* even, down to negative ones */
  check_few(ctx, &rng, N, w, 12, false);
  for (size_t i = 0; i < N; i++) w[i] = i < 14 ? 5 : 4 - 4 * (double)i / N; /* 14 equal ones above many */
  check_few(ctx, &rng, N, w, 20, false);
  for (size_t i = 0; i < N; i++)
    w[i] = i < 12 ? 5 : 4 * pow(0.5, (double)i - 11); /* more copies than a block has rows */
  check_few(ctx, &rng, N, w, 10, true);
  for (size_t i = 0; i < N; i++) w[i] = i < 3 ? 3 - (double)i : 0; /* rank 3 */
  check_few(ctx, &rng, N, w, 10, true);
  for (size_t i = 0; i < N; i++) w[i] = 2; /* a multiple of the identity */
  check_few(ctx, &rng, N, w, 10, true);
  for (size_t i = 0; i < N; i++) w[i] = -1 - (double)i; /* all negative */
  check_few(ctx, &rng, N, w, 5, false);
  double *zero = calloc(N * N, sizeof *zero), top[3], x[3 * N];
  assert_ok(ctx, cf_eigh_top(ctx, N, zero, 3, top, x));
  for (size_t i = 0; i < 3; i++) {
    assert_true(top[i] == 0);
    assert_close(cf_norm2(N, x + i * N), 1, 1e-14, 0);
  }
  free(zero);
  cf_context_free(ctx);
}

/* Every subset of variables tried: the best feasible one is the answer. */
static double slow_nnls(size_t n, const double *ata, const double *atb, double *best_x) {
  cf_context *ctx = test_context();
  double best = 0;
  memset(best_x, 0, n * sizeof *best_x);
  for (size_t set = 1; set < (size_t)1 << n; set++) {
    size_t index[8], p = 0;
    for (size_t i = 0; i < n; i++)
      if (set >> i & 1) index[p++] = i;
    double sub[64], x[8], value = 0;
    bool feasible = true;
    for (size_t i = 0; i < p; i++) {
      x[i] = atb[index[i]];
      for (size_t j = 0; j < p; j++) sub[i * p + j] = ata[index[i] * n + index[j]];
    }
    if (cf_solve(ctx, p, sub, 1, x) != CF_OK) continue;
    for (size_t i = 0; i < p; i++) feasible &= x[i] >= 0, value -= 0.5 * x[i] * atb[index[i]];
    if (!feasible || value >= best) continue;
    best = value;
    memset(best_x, 0, n * sizeof *best_x);
    for (size_t i = 0; i < p; i++) best_x[index[i]] = x[i];
  }
  cf_context_free(ctx);
  return best;
}

static void nnls_finds_the_best_subset(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (uint32_t c = 0; c < test_cases(60); c++) {
    cf_rng rng = cf_rng_make(16, 0, c);
    size_t n = 1 + cf_rng_below(&rng, 6), m = n + cf_rng_below(&rng, 5);
    double *a = random_matrix(&rng, m * n), *b = random_matrix(&rng, m), ata[64], atb[8], x[8], y[8];
    slow_gemm(true, false, n, n, m, 1, a, n, a, n, 0, ata, n);
    slow_gemm(true, false, n, 1, m, 1, a, n, b, 1, 0, atb, 1);
    slow_nnls(n, ata, atb, y);
    assert_ok(ctx, cf_nnls(ctx, n, ata, atb, x));
    for (size_t i = 0; i < n; i++) {
      assert_true(x[i] >= 0);
      assert_close(x[i], y[i], 1e-8, 1e-9);
    }
    free(a), free(b);
  }
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(products_agree_with_loops),     cmocka_unit_test(bits_do_not_depend_on_threads),
      cmocka_unit_test(svd_rebuilds_the_matrix),       cmocka_unit_test(orth_spans_the_columns),
      cmocka_unit_test(eigenpairs_rebuild_the_matrix), cmocka_unit_test(a_few_eigenpairs_of_many),
      cmocka_unit_test(nnls_finds_the_best_subset),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
