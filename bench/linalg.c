/* Products and eigenvectors against BLAS and LAPACK on all threads. */
#include "bench.h"

#include <cortifold/linalg.h>
#include <cortifold/stats.h>

static void products(cf_context *ctx, size_t n, size_t k) {
  double *a = bench_numbers(n * k, 1), *b = bench_numbers(n * k, 2), *c = bench_numbers(n * n, 3), ours, blas;
  char shape[64];
  snprintf(shape, sizeof shape, "%zu x %zu", n, k);
  BENCH_PAIR(blas, ours, 5, bench_dsyrk(n, k, a, c), BENCH_OK(ctx, cf_syrk(ctx, false, n, k, 1, a, k, 0, c, n)));
  bench_row("A A' against dsyrk", shape, ours, blas, 1 / 0.9);
  BENCH_PAIR(blas, ours, 4, bench_dgemm(n, n, k, a, b, c),
             BENCH_OK(ctx, cf_gemm(ctx, false, true, n, n, k, 1, a, k, b, k, 0, c, n)));
  bench_row("A B' against dgemm", shape, ours, blas, 1 / 0.9);
  free(a), free(b), free(c);
}

static void eigenvectors(cf_context *ctx) {
  enum { N = 1000, K = 4000, TOP = 20 };
  double *a = bench_numbers((size_t)N * K, 4), *g = malloc((size_t)N * N * sizeof *g), *w = malloc(N * sizeof *w);
  double *h = malloc((size_t)N * N * sizeof *h), *v = malloc((size_t)N * N * sizeof *v), few, all;
  BENCH_OK(ctx, cf_syrk(ctx, false, N, K, 1, a, K, 0, g, N));
  memcpy(h, g, (size_t)N * N * sizeof *h);
  BENCH_BEST(all, 2, memcpy(h, g, (size_t)N * N * sizeof *h); BENCH_OK(ctx, cf_eigh(ctx, N, h, w, v)));
  BENCH_BEST(few, 2, memcpy(h, g, (size_t)N * N * sizeof *h); BENCH_OK(ctx, cf_eigh_top(ctx, N, h, TOP, w, v)));
  bench_row("20 eigenvectors against all", "1000 x 1000", few, all, 0.7);
  free(a), free(g), free(w), free(h), free(v);
}

static void run(cf_context *ctx) {
  products(ctx, 1000, 20000);
  products(ctx, 2000, 4096);
  eigenvectors(ctx);
}

static void small_syrk(cf_context *ctx) {
  static double a[64 * 500], c[64 * 64];
  BENCH_OK(ctx, cf_syrk(ctx, false, 64, 500, 1, a, 500, 0, c, 64));
}
static void small_ranks(cf_context *ctx) {
  static double x[4186], r[4186];
  for (size_t i = 0; i < 4186; i++) x[i] = (double)(i * 2654435761u % 4093);
  BENCH_OK(ctx, cf_ranks(ctx, 4186, x, r));
}
static void small_eigh(cf_context *ctx) {
  static double a[40 * 40], w[40];
  for (size_t i = 0; i < 40; i++)
    for (size_t j = 0; j < 40; j++) a[i * 40 + j] = 1.0 / (double)(1 + i + j);
  BENCH_OK(ctx, cf_eigh(ctx, 40, a, w, NULL));
}
static const bench_case cases[] = {{"syrk 64 x 500", small_syrk},
                                   {"ranks of 4186", small_ranks},
                                   {"eigenvalues of 40 x 40", small_eigh},
                                   {NULL, NULL}};

int main(int argc, char **argv) {
  return bench_main(argc, argv, run, cases);
}
