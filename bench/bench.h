/* What every benchmark includes: best-of-k timing, rows of the table, BLAS on all threads as the yardstick.
 *
 * A benchmark is one bench/<name>.c whose main is
 *     static void run(cf_context *ctx) { ... bench_row(...); }
 *     static const bench_case cases[] = {{"syrk-64", small_syrk}, {NULL, NULL}};
 *     int main(int argc, char **argv) { return bench_main(argc, argv, run, cases); }
 * run() prints rows; each case is one small fixed computation whose instructions `bench/run --instructions` counts.
 * Rows are tab-separated: task, shape, ours (s), reference (s, or @KEY of bench/peers.py, or -), kind of goal, goal. */
#ifndef CF_BENCH_H
#define CF_BENCH_H

#include <cblas.h>
#include <cortifold/base.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline double bench_clock(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* seconds = shortest of k runs of the statement */
#define BENCH_BEST(seconds, k, statement)                                                                              \
  do {                                                                                                                 \
    (seconds) = INFINITY;                                                                                              \
    for (int bench_i = 0; bench_i < (k); bench_i++) {                                                                  \
      double bench_t = bench_clock();                                                                                  \
      statement;                                                                                                       \
      bench_t = bench_clock() - bench_t;                                                                               \
      if (bench_t < (seconds)) (seconds) = bench_t;                                                                    \
    }                                                                                                                  \
  } while (0)

/* Two statements in turn, k times each, so that a passing load falls on both: shortest times of each. */
#define BENCH_PAIR(seconds_a, seconds_b, k, statement_a, statement_b)                                                  \
  do {                                                                                                                 \
    (seconds_a) = (seconds_b) = INFINITY;                                                                              \
    for (int bench_j = 0; bench_j < (k); bench_j++) {                                                                  \
      double bench_s;                                                                                                  \
      BENCH_BEST(bench_s, 1, statement_a);                                                                             \
      if (bench_s < (seconds_a)) (seconds_a) = bench_s;                                                                \
      BENCH_BEST(bench_s, 1, statement_b);                                                                             \
      if (bench_s < (seconds_b)) (seconds_b) = bench_s;                                                                \
    }                                                                                                                  \
  } while (0)

/* Ends the benchmark with the context's message when a call fails. */
#define BENCH_OK(ctx, call)                                                                                            \
  do {                                                                                                                 \
    if ((call) != CF_OK) {                                                                                             \
      fprintf(stderr, "%s: %s\n", #call, cf_context_error(ctx));                                                       \
      exit(1);                                                                                                         \
    }                                                                                                                  \
  } while (0)

/* Goal: ours <= at_most times the reference, both measured here. */
static inline void bench_row(const char *task, const char *shape, double ours, double reference, double at_most) {
  printf("%s\t%s\t%.4g\t%.4g\tratio\t%g\n", task, shape, ours, reference, at_most);
  fflush(stdout);
}
/* The same against a time that bench/peers.py measures under KEY in the same run. */
static inline void bench_row_peer(const char *task, const char *shape, double ours, const char *key, double at_most) {
  printf("%s\t%s\t%.4g\t@%s\tratio\t%g\n", task, shape, ours, key, at_most);
  fflush(stdout);
}
/* Goal: ours < limit seconds; reference: seconds that another program took elsewhere, 0 for none (printed, not judged).
 */
static inline void bench_row_seconds(const char *task, const char *shape, double ours, double reference, double limit) {
  printf("%s\t%s\t%.4g\t%.4g\tseconds\t%g\n", task, shape, ours, reference, limit);
  fflush(stdout);
}

/* Fixed pseudo-random numbers in [-0.5, 0.5), never freed by the library. */
static inline double *bench_numbers(size_t n, uint64_t seed) {
  double *x = malloc((n ? n : 1) * sizeof *x);
  if (!x) {
    fputs("bench: not enough memory\n", stderr);
    exit(1);
  }
  uint64_t s = seed * 2 + 1;
  for (size_t i = 0; i < n; i++) {
    s = s * 6364136223846793005u + 1442695040888963407u;
    x[i] = (double)(s >> 11) * 0x1p-53 - 0.5;
  }
  return x;
}

/* BLAS on all threads OpenMP offers: lower triangle of A A' (a is n x k row-major), and C = A B' with b n x k. */
static inline void bench_dsyrk(size_t n, size_t k, const double *a, double *c) {
  openblas_set_num_threads(omp_get_num_procs());
  cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, (int)n, (int)k, 1, a, (int)k, 0, c, (int)n);
}
static inline void bench_dgemm(size_t m, size_t n, size_t k, const double *a, const double *b, double *c) {
  openblas_set_num_threads(omp_get_num_procs());
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)m, (int)n, (int)k, 1, a, (int)k, b, (int)k, 0, c, (int)n);
}

typedef struct bench_case {
  const char *name; /* NULL ends the table */
  void (*body)(cf_context *ctx);
} bench_case;

/* callgrind counts inside this function alone */
__attribute__((noinline)) static void bench_counted(void (*body)(cf_context *ctx), cf_context *ctx) {
  body(ctx);
  __asm__ volatile("" ::: "memory"); /* no tail call */
}

/* Without arguments: the rows. "--cases": names of the small cases. "--case NAME": that one, on one thread, after a
 * first run that is not counted (it allocates and wakes up BLAS). */
static inline int bench_main(int argc, char **argv, void (*run)(cf_context *ctx), const bench_case *cases) {
  cf_context *ctx = NULL;
  cf_context_options options = CF_CONTEXT_OPTIONS_INIT;
  options.seed = 1;
  options.threads = argc > 2 ? 1 : omp_get_num_procs();
  if (cf_context_new(&options, &ctx) != CF_OK) return 1;
  int exit_status = 0;
  if (argc == 1) {
    run(ctx);
  } else if (argc == 2 && strcmp(argv[1], "--cases") == 0) {
    for (; cases->name; cases++) puts(cases->name);
  } else if (argc == 3 && strcmp(argv[1], "--case") == 0) {
    while (cases->name && strcmp(cases->name, argv[2]) != 0) cases++;
    if (cases->name) {
      cases->body(ctx);
      bench_counted(cases->body, ctx);
    } else {
      exit_status = 2;
    }
  } else {
    fprintf(stderr, "usage: %s [--cases | --case NAME]\n", argv[0]);
    exit_status = 2;
  }
  cf_context_free(ctx);
  return exit_status;
}
#endif
