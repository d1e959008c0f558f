/* Tests of groups of models: PERMANOVA with one matrix product for all permutations, against scikit-bio in the same
 * run, processor time on both sides (vegan takes 29 s for the large case). */
#include "bench.h"

#include <cortifold/groups.h>
#include <cortifold/space.h>

static void fill(cf_context *ctx, size_t n, size_t dims, double *d, size_t *code) {
  double *x = bench_numbers(n * dims, 1);
  BENCH_OK(ctx, cf_space_distances(ctx, n, dims, x, CF_SPACE_EUCLIDEAN, d));
  for (size_t i = 0; i < n; i++) code[i] = i % 3;
  free(x);
}

static double permanova(cf_context *ctx, size_t n, size_t permutations) {
  double *d = malloc(n * n * sizeof *d), seconds;
  size_t *code = malloc(n * sizeof *code);
  cf_permute_options o = CF_PERMUTE_OPTIONS_INIT;
  cf_permuted t;
  o.permutations = permutations;
  fill(ctx, n, 100, d, code);
  seconds = INFINITY;
  for (int k = 0; k < 5; k++) {
    const clock_t start = clock();
    BENCH_OK(ctx, cf_permanova(ctx, n, d, 3, code, &o, &t));
    cf_permuted_clear(&t);
    seconds = fmin(seconds, (double)(clock() - start) / CLOCKS_PER_SEC);
  }
  free(d), free(code);
  return seconds;
}

static void run(cf_context *ctx) {
  bench_row_peer("permanova", "1000 x 1000, 999", permanova(ctx, 1000, 999), "permanova-1000", 0.2);
  bench_row_peer("permanova", "45 x 45, 9999", permanova(ctx, 45, 9999), "permanova-45", 1);
}

static void small(cf_context *ctx) {
  static double d[40 * 40];
  static size_t code[40];
  cf_permute_options o = CF_PERMUTE_OPTIONS_INIT;
  cf_permuted t;
  o.permutations = 100;
  fill(ctx, 40, 10, d, code);
  BENCH_OK(ctx, cf_permanova(ctx, 40, d, 3, code, &o, &t));
  cf_permuted_clear(&t);
}
static const bench_case cases[] = {{"permanova 40 x 40, 100", small}, {NULL, NULL}};

int main(int argc, char **argv) {
  return bench_main(argc, argv, run, cases);
}
