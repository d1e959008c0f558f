/* Permuted CP factorisation: one HALS sweep with its shift search against what its flops cost at the rate of dgemm in
 * the same run, five restarts without shifts, and pieces of the scan of ranks 2-30 with 50 restarts that tell its whole
 * time. In brackets the time of tensorly 0.9.0 on two cores of the same kind (5 starts, without shifts). */
#include "bench.h"

#include "../src/tensor/internal.h"
#include <cortifold/linalg.h>
#include <cortifold/response.h>
#include <cortifold/simulate.h>

/* Sparse neural factors, smooth patterns, a random shift of each map, noise in proportion to it. */
static double *responses(size_t n, size_t s, size_t d, size_t t, size_t r, double noise) {
  double *u = bench_numbers((n + s + d + t) * r, 1), *x = bench_numbers(n * s * d * t, 2);
  for (size_t i = 0; i < (n + s) * r; i++) u[i] = u[i] > 0.2 ? 6 * (u[i] - 0.2) : 0.01;
  const double *a = u, *b = u + n * r, *c = b + s * r, *e = c + d * r;
  for (size_t m = 0; m < n * s; m++)
    for (size_t j = 0; j < d; j++)
      for (size_t k = 0; k < t; k++) {
        double v = 0, *out = x + (m * d + (j + m * 7 / 5) % d) * t + k;
        for (size_t i = 0; i < r; i++) {
          const double turn = (double)j / (double)d - c[i], late = (double)k / (double)t - 0.5 - e[i];
          v += a[m / s * r + i] * b[m % s * r + i] * exp(2 * cos(6.2832 * turn) - 40 * late * late);
        }
        *out = fmax(0, v * (1 + noise * *out) + 0.02 * (*out + 0.5));
      }
  free(u);
  return x;
}

static void sweep_row(cf_context *ctx, bool single, const double *x) {
  enum { N = 2000, S = 6, D = 8, T = 37, R = 11, M = 768 };
  const size_t shape[4] = {N, S, D, T};
  const cf_view v = cf_view_tensor(x, 4, shape);
  const cf_solver_options o = {1, 1, 0, 0, 0};
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_tensor *tensor = NULL;
  cf_fit f;
  double ours, gemm, value, *a = bench_numbers(M * M, 3), *c = malloc(M * M * sizeof *c);
  size_t sweeps = 0;
  bool converged;
  BENCH_OK(ctx, cf_tensor_new(ctx, &v, true, &tensor));
  BENCH_OK(ctx, cf_fit_new(ctx, tensor, R, single, &f));
  cf_rng rng = cf_rng_make(1, 1, 1);
  for (size_t i = 0; i < N * R; i++) f.a[i] = cf_rng_uniform(&rng);
  for (size_t i = 0; i < S * R; i++) f.b[i] = cf_rng_uniform(&rng);
  for (size_t i = 0; i < D * T * R; i++) f.c[i] = cf_rng_uniform(&rng);
  cf_fit_align(&f);
  ours = gemm = INFINITY;
  for (int k = 0; k < 15; k++) { /* every map is looked at: nothing is known of the leads */
    for (size_t m = 0; m < N * S; m++) f.slack[m] = -1;
    double t = bench_clock();
    BENCH_OK(ctx, cf_hals(ctx, &f, &o, NULL, &value, &sweeps, &converged));
    ours = fmin(ours, bench_clock() - t);
    t = bench_clock();
    cf_gemm_serial(false, true, M, M, M, 1, a, M, a, M, 0, c, M);
    gemm = fmin(gemm, bench_clock() - t);
  }
  /* model, shift search over D shifts, three products of a tensor with two factors */
  const double maps = N * S, p = D * T, flops = 2 * maps * p * (R + D) + 3 * 2 * maps * p * R;
  bench_row(single ? "HALS sweep, single precision, one thread" : "HALS sweep, one thread", "2000 x 6 x 296, rank 11",
            ours, flops * gemm / (2.0 * M * M * M), 2);
  cf_tensor_free(tensor);
  cf_scratch_release(ctx, mark);
  free(a);
  free(c);
}

static double fit(cf_context *ctx, const size_t *shape, const double *x, size_t rank, size_t restarts, bool shift) {
  const cf_view v = cf_view_tensor(x, 4, shape);
  cf_factor_options o = CF_FACTOR_OPTIONS_INIT;
  cf_factorisation *f = NULL;
  o.rank = rank;
  o.restarts = restarts;
  o.shift = shift;
  const double t = bench_clock();
  BENCH_OK(ctx, cf_factor_fit(ctx, &v, &o, &f));
  const double seconds = bench_clock() - t;
  cf_factorisation_free(f);
  return seconds;
}

/* Responses of 2000 simulated neurons, prepared as `factor --prepare clean` does. */
static double *cortex(cf_context *ctx) {
  cf_simulate_cortex_options o = CF_SIMULATE_CORTEX_OPTIONS_INIT;
  cf_prepare_options how = CF_PREPARE_OPTIONS_INIT;
  cf_simulated_cortex *c = NULL;
  cf_prepared *p = NULL;
  o.neurons = 2000;
  BENCH_OK(ctx, cf_simulate_cortex(ctx, &o, &c));
  const size_t shape[4] = {c->neurons, c->stimuli, c->directions, c->times};
  const size_t count = shape[0] * shape[1] * shape[2] * shape[3];
  const cf_view v = cf_view_tensor(c->responses, 4, shape);
  how.floor = CF_PREPARE_FLOOR_NEURON;
  how.smooth = 0.05 / o.bin;
  how.norm = CF_PREPARE_UNIT_RELATIVE;
  BENCH_OK(ctx, cf_prepare(ctx, &v, &how, &p));
  double *x = malloc(count * sizeof *x);
  memcpy(x, p->responses, count * sizeof *x);
  cf_prepared_free(p);
  cf_simulated_cortex_free(c);
  return x;
}

/* 3000 neurons x 40 stimuli x 100 bins of rank 20: gamma-distributed loadings, bumps in time, a tenth of noise. */
static double *bumps(void) {
  enum { N = 3000, S = 40, T = 100, R = 20 };
  cf_rng rng = cf_rng_make(8, 0, 0);
  double *u = malloc((N + S + T) * R * sizeof *u), *v = u + N * R, *w = v + S * R, mean = 0;
  double *x = calloc((size_t)N * S * T, sizeof *x);
  for (size_t i = 0; i < (N + S) * R; i++) u[i] = cf_rng_gamma(&rng, 0.3);
  for (size_t r = 0; r < R; r++) {
    const double at = 100 * cf_rng_uniform(&rng), sd = 3 + 9 * cf_rng_uniform(&rng);
    for (size_t t = 0; t < T; t++) w[t * R + r] = exp(-0.5 * pow(((double)t - at) / sd, 2));
  }
  for (size_t m = 0; m < N * S; m++)
    for (size_t t = 0; t < T; t++) {
      for (size_t r = 0; r < R; r++) x[m * T + t] += u[m / S * R + r] * v[m % S * R + r] * w[t * R + r];
      mean += x[m * T + t] / ((double)N * S * T);
    }
  for (size_t i = 0; i < (size_t)N * S * T; i++) x[i] = fmax(0, x[i] + 0.1 * mean * cf_rng_normal(&rng));
  free(u);
  return x;
}

static void run(cf_context *ctx) {
  static const size_t paper[4] = {2000, 6, 8, 37}, plain[4] = {3000, 40, 1, 100};
  double *x = responses(2000, 6, 8, 37, 14, 0.5);
  sweep_row(ctx, false, x);
  sweep_row(ctx, true, x);
  free(x);
  x = cortex(ctx);
  /* time of a restart grows nearly linearly with the rank: three ranks stand for 2 .. 30 */
  const double low = fit(ctx, paper, x, 2, 2, true) / 2, middle = fit(ctx, paper, x, 11, 2, true) / 2,
               high = fit(ctx, paper, x, 30, 2, true) / 2;
  bench_row_seconds("scan of ranks 2-30, 50 restarts (from 6 fits)", "2000 x 6 x 8 x 37",
                    50 * (4.5 * low + 14.0 * middle + 10.5 * high), 0, 1800);
  free(x);
  x = bumps();
  bench_row_seconds("five restarts without shifts", "3000 x 40 x 100, rank 20", fit(ctx, plain, x, 20, 5, false), 274,
                    27.4);
  free(x);
}

static void small_fit(cf_context *ctx) {
  static const size_t shape[4] = {40, 4, 8, 10};
  double *x = responses(40, 4, 8, 10, 3, 0.2);
  fit(ctx, shape, x, 3, 1, true);
  free(x);
}
static const bench_case cases[] = {{"factor 40 x 4 x 80, rank 3", small_fit}, {NULL, NULL}};

int main(int argc, char **argv) {
  return bench_main(argc, argv, run, cases);
}
