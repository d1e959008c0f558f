/* Dissimilarity matrices of 1000 x 20000 against a threaded BLAS product of the same shape, crossnobis of four runs
 * against the correlation matrix, and reading in blocks against having the data in memory. */
#include "bench.h"

#include <cortifold/rdm.h>

enum { K = 1000, P = 20000, F = 4 };

static void compute(cf_context *ctx, const cf_view *v, const cf_rdm_options *o) {
  cf_rdm *r = NULL;
  BENCH_OK(ctx, cf_rdm_compute(ctx, v, o, &r));
  cf_rdm_free(r);
}

static void compute_blocks(cf_context *ctx, const cf_view *v, const cf_rdm_options *o) {
  cf_rdm *r = NULL;
  cf_blocks b;
  BENCH_OK(ctx, cf_blocks_from_view(ctx, v, "patterns", &b));
  BENCH_OK(ctx, cf_rdm_compute_blocks(ctx, &b, o, &r));
  cf_blocks_close(&b);
  cf_rdm_free(r);
}

static cf_array *codes(cf_context *ctx, size_t n, size_t divide, size_t modulo) {
  cf_array *a = NULL;
  BENCH_OK(ctx, cf_array_new(ctx, "code", CF_I64, 1, &n, &a));
  for (size_t i = 0; i < n; i++) ((int64_t *)a->data)[i] = (int64_t)(i / divide % modulo);
  return a;
}

static void run(cf_context *ctx) {
  double *x = bench_numbers((size_t)F * K * P, 1), *c = malloc((size_t)F * K * F * K * sizeof *c);
  cf_array *conditions = codes(ctx, (size_t)F * K, 1, K), *folds = codes(ctx, (size_t)F * K, K, F);
  cf_view one = cf_view_matrix(x, K, P), all = cf_view_matrix(x, (size_t)F * K, P);
  cf_rdm_options o = CF_RDM_OPTIONS_INIT;
  double ours, blas, correlation;
  if (!c) exit(1);
  BENCH_PAIR(correlation, blas, 3, compute(ctx, &one, &o), bench_dsyrk(K, P, x, c));
  bench_row("rdm correlation, against dsyrk", "1000 x 20000", correlation, blas, 1 / 0.7);
  bench_row_peer("rdm correlation, against scipy", "1000 x 20000", correlation, "rdm-correlation-scipy", 0.5);
  bench_row_peer("rdm correlation, against numpy", "1000 x 20000", correlation, "rdm-correlation-numpy", 1);
  o.metric = "sqeuclidean";
  BENCH_PAIR(ours, blas, 3, compute(ctx, &one, &o), bench_dsyrk(K, P, x, c));
  bench_row("rdm sqeuclidean, against dsyrk", "1000 x 20000", ours, blas, 1 / 0.7);
  bench_row_peer("rdm sqeuclidean, against scipy", "1000 x 20000", ours, "rdm-sqeuclidean-scipy", 0.5);
  cf_context *small = NULL;
  cf_context_options co = CF_CONTEXT_OPTIONS_INIT;
  co.memory = (size_t)64 << 20;
  if (cf_context_new(&co, &small) != CF_OK) exit(1);
  double within;
  BENCH_PAIR(within, ours, 2, compute_blocks(small, &one, &o), compute(ctx, &one, &o));
  bench_row("rdm sqeuclidean in blocks within 64 MB", "1000 x 20000", within, ours, 2);
  cf_context_free(small);
  cf_rdm_options cross = CF_RDM_OPTIONS_INIT, plain = CF_RDM_OPTIONS_INIT;
  cross.metric = "crossnobis";
  cross.conditions = conditions;
  cross.folds = folds;
  BENCH_PAIR(ours, correlation, 3, compute(ctx, &all, &cross), compute(ctx, &one, &plain));
  bench_row("rdm crossnobis, against correlation", "4 x 1000 x 20000", ours, correlation, 3);
  cross.noise = CF_RDM_NOISE_DIAGONAL;
  BENCH_PAIR(ours, correlation, 1, compute(ctx, &all, &cross), compute(ctx, &one, &plain));
  bench_row("rdm crossnobis, diagonal noise, against correlation", "4 x 1000 x 20000", ours, correlation, 4);
  cross.noise = CF_RDM_NOISE_SHRINKAGE;
  BENCH_PAIR(ours, blas, 1, compute(ctx, &all, &cross), bench_dsyrk((size_t)F * K, P, x, c));
  bench_row("rdm crossnobis, shrinkage noise, against dsyrk of all rows", "4 x 1000 x 20000", ours, blas, 2);
  cf_array_free(conditions);
  cf_array_free(folds);
  free(x), free(c);
}

static void small(cf_context *ctx, const char *metric, cf_rdm_noise noise) {
  static double x[120 * 500];
  for (size_t i = 0; i < sizeof x / sizeof *x; i++) x[i] = (double)(i * 2654435761u % 4093);
  cf_array *conditions = codes(ctx, 120, 1, 40), *folds = codes(ctx, 120, 40, 3);
  cf_view v = cf_view_matrix(x, 120, 500);
  cf_rdm_options o = CF_RDM_OPTIONS_INIT;
  o.metric = metric;
  o.noise = noise;
  o.conditions = conditions;
  if (cf_rdm_metric_find(metric)->needs_folds) o.folds = folds;
  compute(ctx, &v, &o);
  cf_array_free(conditions);
  cf_array_free(folds);
}
static void small_correlation(cf_context *ctx) {
  small(ctx, "correlation", CF_RDM_NOISE_NONE);
}
static void small_crossnobis(cf_context *ctx) {
  small(ctx, "crossnobis", CF_RDM_NOISE_NONE);
}
static void small_shrinkage(cf_context *ctx) {
  small(ctx, "crossnobis", CF_RDM_NOISE_SHRINKAGE);
}
static const bench_case cases[] = {{"rdm correlation 40 x 500", small_correlation},
                                   {"rdm crossnobis 3 x 40 x 500", small_crossnobis},
                                   {"rdm crossnobis, shrinkage 3 x 40 x 500", small_shrinkage},
                                   {NULL, NULL}};

int main(int argc, char **argv) {
  return bench_main(argc, argv, run, cases);
}
