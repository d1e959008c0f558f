/* Dynamics: dynamical similarity of ten systems with all 45 angular distances, and exact dynamic mode decomposition of
 * a thousand stimuli. In brackets the times of DSA 2.0.1 and PyDMD on two cores of the same kind; the 45 angular
 * distances of DSA are extrapolated from three pairs. Data: two families of noisy rotations, each system seen through a
 * random orthogonal map; eight oscillating modes with noise. */
#include "bench.h"

#include <complex.h>
#include <cortifold/dynamics.h>
#include <cortifold/linalg.h>

/* Processor time of all threads: what a busy machine does not stretch. */
static void say_cpu(const char *what) {
  static clock_t last;
  const clock_t now = clock();
  fprintf(stderr, "%s: %.1f s of processor time\n", what, (double)(now - last) / CLOCKS_PER_SEC);
  last = now;
}

static double normal(cf_rng *rng) {
  return cf_rng_normal(rng);
}

/* Random orthogonal n x n. */
static double *rotation(cf_context *ctx, size_t n, cf_rng *rng) {
  double *q = malloc(n * n * sizeof *q);
  for (size_t i = 0; i < n * n; i++) q[i] = normal(rng);
  BENCH_OK(ctx, cf_qr(ctx, n, n, q, NULL));
  return q;
}

/* Trials x steps x n of x(t+1) = A x(t) + noise, A = Q R Q' with n / 2 damped rotations. */
static double *system_of(cf_context *ctx, size_t trials, size_t steps, size_t n, double speed, double damping,
                         uint64_t seed) {
  cf_rng rng = cf_rng_make(seed, cf_hash_text("bench"), 0);
  double *q = rotation(ctx, n, &rng), *r = calloc(n * n, sizeof *r), *t = malloc(n * n * sizeof *t),
         *a = malloc(n * n * sizeof *a), *out = malloc(trials * steps * n * sizeof *out),
         *x = malloc(trials * n * sizeof *x), *y = malloc(trials * n * sizeof *y);
  for (size_t k = 0; k < n / 2; k++) {
    const double w = speed * (0.05 + 0.35 * (double)k / ((double)n / 2 - 1));
    r[2 * k * n + 2 * k] = r[(2 * k + 1) * n + 2 * k + 1] = damping * cos(w);
    r[2 * k * n + 2 * k + 1] = -damping * sin(w);
    r[(2 * k + 1) * n + 2 * k] = damping * sin(w);
  }
  BENCH_OK(ctx, cf_gemm(ctx, false, false, n, n, n, 1, q, n, r, n, 0, t, n));
  BENCH_OK(ctx, cf_gemm(ctx, false, true, n, n, n, 1, t, n, q, n, 0, a, n));
  for (size_t i = 0; i < trials * n; i++) x[i] = normal(&rng);
  for (size_t s = 0; s < steps; s++) {
    for (size_t i = 0; i < trials; i++)
      for (size_t j = 0; j < n; j++) out[(i * steps + s) * n + j] = x[i * n + j] + 0.01 * normal(&rng);
    BENCH_OK(ctx, cf_gemm(ctx, false, true, trials, n, n, 1, x, n, a, n, 0, y, n));
    for (size_t i = 0; i < trials * n; i++) x[i] = y[i] + 0.05 * normal(&rng);
  }
  free(q);
  free(r);
  free(t);
  free(a);
  free(x);
  free(y);
  return out;
}

static cf_operator *fit(cf_context *ctx, const double *x, size_t trials, size_t steps, size_t n) {
  cf_view *view = malloc(trials * sizeof *view);
  cf_operator *op = NULL;
  for (size_t i = 0; i < trials; i++) view[i] = cf_view_matrix(x + i * steps * n, steps, n);
  const cf_trajectories t = {trials, view, "system"};
  BENCH_OK(ctx, cf_operator_fit(ctx, &t, NULL, &op));
  free(view);
  return op;
}

static double all_pairs(cf_context *ctx, size_t k, double *const *x, size_t trials, size_t steps, size_t n, double *d,
                        cf_dsa_match *match) {
  cf_operator *op[16];
  const double start = bench_clock();
  for (size_t i = 0; i < k; i++) op[i] = fit(ctx, x[i], trials, steps, n);
  BENCH_OK(ctx, cf_dsa_distances(ctx, CF_DSA_ANGULAR, k, op, NULL, d, match));
  const double seconds = bench_clock() - start;
  for (size_t i = 0; i < k; i++) cf_operator_free(op[i]);
  return seconds;
}

static void similarity_rows(cf_context *ctx) {
  enum { K = 10, TRIALS = 100, STEPS = 200, N = 50 };
  double *x[K], d[K * K], seconds, worst = 0;
  cf_dsa_match match[K * K];
  size_t unfinished = 0, least = SIZE_MAX, most = 0;
  for (size_t i = 0; i < K; i++) x[i] = system_of(ctx, TRIALS, STEPS, N, i < 5 ? 1 : 1.6, i < 5 ? 0.995 : 0.985, i);
  say_cpu("DSA, making the data");
  seconds = all_pairs(ctx, K, x, TRIALS, STEPS, N, d, match);
  say_cpu("DSA, 45 pairs");
  for (size_t i = 0; i < K; i++)
    for (size_t j = i + 1; j < K; j++) {
      const cf_dsa_match *m = &match[i * K + j];
      unfinished += !m->converged;
      worst = fmax(worst, m->gradient);
      least = m->reached < least ? m->reached : least;
      most = m->reached > most ? m->reached : most;
    }
  bench_row_seconds("DSA angular, 10 systems, 45 pairs", "100 x 200 x 50", seconds, 630, 12);
  fprintf(stderr,
          "DSA: %zu of 45 pairs did not converge, largest gradient %.2g; starts that agree: %zu to %zu of %zu\n",
          unfinished, worst, least, most, match[1].starts);
  fprintf(stderr, "DSA: within a family %.4f, between families %.4f\n", d[1], d[9]);
  cf_rng rng = cf_rng_make(99, 1, 0);
  double *q = rotation(ctx, N, &rng), *turned = malloc((size_t)TRIALS * STEPS * N * sizeof *turned);
  BENCH_OK(ctx, cf_gemm(ctx, false, true, (size_t)TRIALS * STEPS, N, N, 1, x[0], N, q, N, 0, turned, N));
  double *both[2] = {x[0], turned};
  all_pairs(ctx, 2, both, TRIALS, STEPS, N, d, NULL);
  bench_row("DSA of a system and its rotated copy / 1e-6", "100 x 200 x 50", d[1], 1e-6, 1);
  free(q);
  free(turned);
  for (size_t i = 0; i < K; i++) free(x[i]);
}

/* ------------------------------------------------------------------- DMD -- */

typedef struct stimuli {
  size_t dims, steps, count;
  const double *x; /* rows enough for a window of its own for each stimulus */
  cf_dmd_options o;
  double *largest;
} stimuli;

static double *snapshots(size_t dims, size_t steps) {
  static const double modulus[4] = {0.999, 0.97, 0.9, 0.8}, angle[4] = {0, 0.15, 0.4, 1.0};
  cf_rng rng = cf_rng_make(15, 1, 0);
  double *x = malloc(dims * steps * sizeof *x);
  for (size_t i = 0; i < dims; i++) {
    double complex mode[4];
    for (size_t k = 0; k < 4; k++) mode[k] = normal(&rng) + I * normal(&rng);
    for (size_t t = 0; t < steps; t++) {
      double sum = 0;
      for (size_t k = 0; k < 4; k++)
        sum += 2 * creal(mode[k] * cexp(I * angle[k] * (double)t)) * pow(modulus[k], (double)t);
      x[i * steps + t] = sum + 0.01 * normal(&rng);
    }
  }
  return x;
}

static cf_status one_stimulus(cf_context *ctx, size_t s, void *payload) {
  stimuli *p = payload;
  cf_status status;
  cf_dmd *d = NULL;
  const cf_view view = cf_view_matrix(p->x + s * p->steps, p->dims, p->steps);
  status = cf_dmd_fit(ctx, &view, &p->o, &d);
  if (status == CF_OK) p->largest[s] = hypot(d->eigenvalue[0], d->eigenvalue[1]);
  cf_dmd_free(d);
  return status;
}

static void decomposition_rows(cf_context *ctx) {
  stimuli p = {.dims = 4096, .steps = 48, .count = 1000, .o = CF_DMD_OPTIONS_INIT};
  double seconds, *x = snapshots(p.dims + p.count, p.steps);
  p.x = x;
  p.largest = calloc(p.count, sizeof *p.largest);
  p.o.exact = true;
  say_cpu("DMD, making the data");
  p.o.rank = (cf_rank){CF_RANK_FULL, 0};
  BENCH_BEST(seconds, 1, BENCH_OK(ctx, cf_parallel_for(ctx, p.count, one_stimulus, &p)));
  say_cpu("DMD, full rank");
  bench_row_seconds("exact DMD, full rank, 1000 stimuli", "4096 x 48", seconds, 37, 3.7);
  fprintf(stderr, "DMD: largest eigenvalue %.4f (made with 0.999)\n", p.largest[0]);
  p.o.rank = (cf_rank){CF_RANK_FIXED, 10};
  BENCH_BEST(seconds, 1, BENCH_OK(ctx, cf_parallel_for(ctx, p.count, one_stimulus, &p)));
  say_cpu("DMD, rank 10");
  bench_row_seconds("exact DMD, rank 10, 1000 stimuli", "4096 x 48", seconds, 13.5, 1.35);
  free(p.largest);
  free(x);
}

static void run(cf_context *ctx) {
  similarity_rows(ctx);
  decomposition_rows(ctx);
}

static void small_dmd(cf_context *ctx) {
  double *x = snapshots(64, 12);
  const cf_view view = cf_view_matrix(x, 64, 12);
  cf_dmd *d = NULL;
  BENCH_OK(ctx, cf_dmd_fit(ctx, &view, NULL, &d));
  cf_dmd_free(d);
  free(x);
}
static void small_dsa(cf_context *ctx) {
  double *x[2] = {system_of(ctx, 4, 30, 6, 1, 0.99, 1), system_of(ctx, 4, 30, 6, 1.6, 0.98, 2)}, d[4];
  all_pairs(ctx, 2, x, 4, 30, 6, d, NULL);
  free(x[0]);
  free(x[1]);
}
static const bench_case cases[] = {{"dmd 64 x 12", small_dmd}, {"dsa angular, 6 channels", small_dsa}, {NULL, NULL}};

int main(int argc, char **argv) {
  return bench_main(argc, argv, run, cases);
}
