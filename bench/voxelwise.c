/* Encoding models at the size of a whole-brain study: 1000 samples x 2000 features, 20000 targets, 20 penalties a
 * target, 5 folds. */
#include "bench.h"

#include <cortifold/voxelwise.h>

/* Half of the targets follow the features. */
static double *targets(size_t n, size_t p, size_t t, const double *x, uint64_t seed) {
  enum { USED = 50 };
  double *y = bench_numbers(n * t, seed), *w = bench_numbers(USED * t, seed + 1);
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < USED; k++)
      for (size_t j = 0; j < t / 2; j++) y[i * t + j] += 0.5 * x[i * p + k * (p / USED)] * w[k * t + j];
  free(w);
  return y;
}

typedef struct problem {
  size_t n, p, t;
  double *x, *y, *alpha;
  cf_blocks blocks;
  cf_fold_set *folds;
} problem;

static void make(cf_context *ctx, size_t n, size_t p, size_t t, problem *out) {
  *out = (problem){.n = n, .p = p, .t = t, .x = bench_numbers(n * p, 1)};
  out->y = targets(n, p, t, out->x, 2);
  out->alpha = malloc(t * sizeof *out->alpha);
  const cf_view view = cf_view_matrix(out->y, n, t);
  BENCH_OK(ctx, cf_blocks_from_view(ctx, &view, "targets", &out->blocks));
  BENCH_OK(ctx, cf_voxel_folds(ctx, n, NULL, 5, NULL, 0, &out->folds));
}

static void drop(problem *p) {
  cf_blocks_close(&p->blocks);
  cf_fold_set_free(p->folds);
  free(p->x);
  free(p->y);
  free(p->alpha);
}

static void choose(cf_context *ctx, problem *p, cf_voxel_precision precision, double *dual) {
  cf_ridge_options o = CF_RIDGE_OPTIONS_INIT;
  o.precision = precision;
  BENCH_OK(ctx, cf_ridge_cv(ctx, p->n, p->p, p->x, &p->blocks, p->folds, &o, p->alpha, NULL, NULL, NULL, dual));
}

static void run(cf_context *ctx) {
  problem p;
  double seconds;
  make(ctx, 1000, 2000, 20000, &p);
  double *dual = malloc(p.n * p.t * sizeof *dual);
  /* himalaya's kernel ridge takes 1.9 times as long as the numpy loop (both measured elsewhere in one run) */
  BENCH_BEST(seconds, 2, choose(ctx, &p, CF_PRECISION_AUTO, dual));
  bench_row_peer("ridge, 20 alphas, 5 folds, and refit / numpy without refit", "1000 x 2000 -> 20000", seconds,
                 "ridge-cv", 0.95);
  bench_row_peer("the same / scikit-learn's RidgeCV", "1000 x 2000 -> 20000", seconds, "ridge-sklearn", 0.125);
  BENCH_BEST(seconds, 1, choose(ctx, &p, CF_PRECISION_DOUBLE, dual));
  bench_row_peer("the same, alphas compared in double", "1000 x 2000 -> 20000", seconds, "ridge-cv", 1.9);
  BENCH_BEST(seconds, 2, choose(ctx, &p, CF_PRECISION_AUTO, NULL));
  bench_row_peer("ridge, 20 alphas, 5 folds", "1000 x 2000 -> 20000", seconds, "ridge-cv", 1);
  free(dual);
  drop(&p);
}

static void small(cf_context *ctx) {
  problem p;
  make(ctx, 100, 150, 300, &p);
  choose(ctx, &p, CF_PRECISION_DOUBLE, NULL);
  drop(&p);
}

static const bench_case cases[] = {{"ridge-100x150-300", small}, {NULL, NULL}};

int main(int argc, char **argv) {
  return bench_main(argc, argv, run, cases);
}
