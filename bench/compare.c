/* Measures between systems: one linear CKA, its permutation null, SVCCA with few directions, a matrix of shape
 * distances. Data as in a comparison of networks: a shared signal of 60 (40) dimensions plus noise. In brackets the
 * time of netrep 0.0.2 on two cores of the same kind. */
#include "bench.h"

#include <cortifold/compare.h>
#include <cortifold/linalg.h>

/* count systems of n x p around one signal of k dimensions. */
static double *signals(cf_context *ctx, size_t count, size_t n, size_t p, size_t k, double noise) {
  double *z = bench_numbers(n * k, 1), *x = bench_numbers(count * n * p, 2);
  for (size_t i = 0; i < n * k; i++) z[i] *= 3 - 2.7 * (double)(i % k) / (double)k;
  for (size_t s = 0; s < count; s++) {
    double *map = bench_numbers(k * p, 3 + s);
    BENCH_OK(ctx, cf_gemm(ctx, false, false, n, p, k, 0.43, z, k, map, p, noise, x + s * n * p, p));
    free(map);
  }
  free(z);
  return x;
}

static double measure(cf_context *ctx, const char *id, const double *x, size_t n, size_t p,
                      const cf_compare_options *o) {
  cf_system *s[2] = {NULL, NULL};
  cf_compare_value v;
  for (size_t i = 0; i < 2; i++) {
    const cf_view view = cf_view_matrix(x + i * n * p, n, p);
    BENCH_OK(ctx, cf_system_new(ctx, &view, "system", &s[i]));
  }
  BENCH_OK(ctx, cf_compare(ctx, cf_measure_find(id), s[0], s[1], o, &v));
  const double value = v.value;
  cf_compare_value_free(&v);
  cf_system_free(s[0]);
  cf_system_free(s[1]);
  return value;
}

static void pair_rows(cf_context *ctx) {
  enum { N = 2000, P = 4096, PERMUTATIONS = 10000, SAMPLES = 1000 };
  double *x = signals(ctx, 2, N, P, 60, 1), *values = malloc(PERMUTATIONS * sizeof *values), once, null, boot, few;
  cf_compare_options o = CF_COMPARE_OPTIONS_INIT;
  BENCH_BEST(once, 8, measure(ctx, "cka", x, N, P, NULL)); /* as often as its peer */
  bench_row_peer("linear cka", "2000 x 4096", once, "cka-numpy", 1.1);
  cf_system *s[2] = {NULL, NULL};
  for (size_t i = 0; i < 2; i++) {
    const cf_view view = cf_view_matrix(x + i * N * P, N, P);
    BENCH_OK(ctx, cf_system_new(ctx, &view, "system", &s[i]));
  }
  const cf_measure *cka = cf_measure_find("cka"), *debiased = cf_measure_find("cka-debiased");
  BENCH_BEST(null, 1, BENCH_OK(ctx, cf_compare_permute(ctx, cka, s[0], s[1], NULL, PERMUTATIONS, values)));
  bench_row("cka, 10000 permutations / one evaluation", "2000 x 4096", null, once, 20);
  BENCH_BEST(
      boot, 1,
      BENCH_OK(ctx, cf_compare_bootstrap(ctx, debiased, s[0], s[1], NULL, CF_RESAMPLE_CONDITIONS, SAMPLES, values)));
  bench_row("cka-debiased, 1000 half samples / evaluation", "2000 x 4096", boot, once, 20);
  cf_system_free(s[0]);
  cf_system_free(s[1]);
  o.directions = 20;
  BENCH_BEST(few, 2, measure(ctx, "svcca", x, N, P, &o));
  bench_row_peer("svcca, 20 directions / two full SVDs", "2000 x 4096", few, "svd-full-numpy", 0.1);
  free(values);
  free(x);
}

static void shape_row(cf_context *ctx) {
  enum { K = 45, N = 1000, P = 512 };
  double *x = signals(ctx, K, N, P, 40, 0.5), *d = malloc((size_t)K * K * sizeof *d), seconds;
  cf_system *s[K];
  for (size_t i = 0; i < K; i++) {
    const cf_view view = cf_view_matrix(x + i * N * P, N, P);
    BENCH_OK(ctx, cf_system_new(ctx, &view, "system", &s[i]));
  }
  BENCH_BEST(seconds, 1, BENCH_OK(ctx, cf_compare_distances(ctx, cf_measure_find("shape"), K, s, NULL, d)));
  bench_row_seconds("shape distances, 45 networks, 990 pairs", "1000 x 512", seconds, 146, 25);
  for (size_t i = 0; i < K; i++) cf_system_free(s[i]);
  free(d);
  free(x);
}

static void run(cf_context *ctx) {
  pair_rows(ctx);
  shape_row(ctx);
}

static void small_measure(cf_context *ctx, const char *id) {
  double *x = signals(ctx, 2, 60, 40, 5, 1);
  measure(ctx, id, x, 60, 40, NULL);
  free(x);
}
static void small_cka(cf_context *ctx) {
  small_measure(ctx, "cka");
}
static void small_cca(cf_context *ctx) {
  small_measure(ctx, "cca");
}
static void small_shape(cf_context *ctx) {
  small_measure(ctx, "shape");
}
static void small_permute(cf_context *ctx) {
  double *x = signals(ctx, 2, 60, 40, 5, 1), values[64];
  cf_system *s[2] = {NULL, NULL};
  for (size_t i = 0; i < 2; i++) {
    const cf_view view = cf_view_matrix(x + i * 60 * 40, 60, 40);
    BENCH_OK(ctx, cf_system_new(ctx, &view, "system", &s[i]));
  }
  BENCH_OK(ctx, cf_compare_permute(ctx, cf_measure_find("cka"), s[0], s[1], NULL, 64, values));
  cf_system_free(s[0]);
  cf_system_free(s[1]);
  free(x);
}
static const bench_case cases[] = {{"cka 60 x 40", small_cka},
                                   {"cca 60 x 40", small_cca},
                                   {"shape 60 x 40", small_shape},
                                   {"cka 60 x 40, 64 permutations", small_permute},
                                   {NULL, NULL}};

int main(int argc, char **argv) {
  return bench_main(argc, argv, run, cases);
}
