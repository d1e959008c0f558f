/* Diffusion maps of full and sparse kernels against SciPy's eigsh on the same matrix, and what is read off them. */
#include "bench.h"

#include <cortifold/manifold.h>

enum { COORDINATES = 16, NEIGHBOUR = 30 };

/* A sheet in 16 dimensions: Fourier terms of points that fill the unit square evenly. peers.py makes the same. */
static double *sheet(size_t n) {
  double *x = bench_numbers(n * COORDINATES, 1);
  for (size_t i = 0; i < n; i++) {
    const double a = fmod((double)i * 0.6180339887498949, 1), b = ((double)i + 0.5) / (double)n;
    size_t c = 0;
    for (int k = 0; k < 3; k++)
      for (int l = 0; l < 3; l++) {
        if (k + l == 0) continue;
        const double angle = 2 * acos(-1.0) * (k * a + 1.3 * l * b);
        x[i * COORDINATES + c++] = cos(angle) / (1 + k + l);
        x[i * COORDINATES + c++] = sin(angle) / (1 + k + l);
      }
  }
  return x;
}

static int ascending(const void *p, const void *q) {
  const double a = *(const double *)p, b = *(const double *)q;
  return a < b ? -1 : a > b;
}

/* d_ij^2, and each point's distance to its NEIGHBOUR-th neighbour. */
static double *squares(size_t n, double *width) {
  double *x = sheet(n), *d2 = bench_numbers(n * n, 2), *row = bench_numbers(n, 3);
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) {
      double sum = 0;
      for (size_t c = 0; c < COORDINATES; c++) {
        const double step = x[i * COORDINATES + c] - x[j * COORDINATES + c];
        sum += step * step;
      }
      d2[i * n + j] = row[j] = sum;
    }
    qsort(row, n, sizeof *row, ascending);
    width[i] = sqrt(row[NEIGHBOUR]);
  }
  free(x);
  free(row);
  return d2;
}

/* exp(-d_ij^2 / s_i s_j), what is below `floor` left out. */
static cf_graph *kernel_of(cf_context *ctx, size_t n, double floor) {
  double *width = bench_numbers(n, 4), *k = squares(n, width);
  size_t *degree = calloc(n, sizeof *degree);
  cf_graph *g = NULL;
  for (size_t i = 0; i < n * n; i++) {
    k[i] = exp(-k[i] / (width[i / n] * width[i % n]));
    degree[i / n] += k[i] >= floor;
  }
  BENCH_OK(ctx, cf_graph_new(ctx, n, degree, &g));
  for (size_t i = 0, at = 0; i < n * n; i++)
    if (k[i] >= floor) {
      g->to[at] = (uint32_t)(i % n);
      g->weight[at++] = k[i];
    }
  free(width);
  free(k);
  free(degree);
  return g;
}

static double *map(cf_context *ctx, const cf_graph *kernel, size_t dims) {
  const cf_diffusion_options o = {1, 1, dims};
  double *x = bench_numbers(kernel->n * dims, 5), *values = bench_numbers(dims + 1, 6);
  BENCH_OK(ctx, cf_diffusion_map(ctx, kernel, &o, x, values, NULL));
  free(values);
  return x;
}

static void map_row(cf_context *ctx, size_t n, double floor, int runs, const char *key, double limit) {
  cf_graph *kernel = kernel_of(ctx, n, floor);
  char shape[64];
  double seconds;
  BENCH_BEST(seconds, runs, free(map(ctx, kernel, 20)));
  snprintf(shape, sizeof shape, "%zu points, %.0f %% full", n,
           100 * (double)kernel->start[n] / ((double)n * (double)n));
  if (key)
    bench_row_peer("diffusion map, 20 coordinates", shape, seconds, key, limit);
  else
    bench_row_seconds("diffusion map, 20 coordinates", shape, seconds, 0, limit);
  cf_graph_free(kernel);
}

static void cluster_row(cf_context *ctx) {
  const size_t n = 3000;
  cf_graph *kernel = kernel_of(ctx, n, 0.5);
  double *x = map(ctx, kernel, 20), seconds;
  cf_clustering *c = NULL;
  BENCH_BEST(seconds, 3, {
    BENCH_OK(ctx, cf_cluster_manifold(ctx, n, 20, x, kernel, 10, &c));
    cf_clustering_free(c);
  });
  bench_row_seconds("density clusters of a manifold", "3000 x 20", seconds, 0, 1);
  free(x);
  cf_graph_free(kernel);
}

static void run(cf_context *ctx) {
  map_row(ctx, 3000, 1e-8, 3, "eigsh-full", 1);
  map_row(ctx, 3000, 0.05, 3, "eigsh-sparse", 1.5);
  map_row(ctx, 10000, 1e-3, 1, NULL, 60);
  cluster_row(ctx);
}

static void small_map(cf_context *ctx, double floor) {
  cf_graph *kernel = kernel_of(ctx, 600, floor);
  free(map(ctx, kernel, 10));
  cf_graph_free(kernel);
}
static void small_full(cf_context *ctx) {
  small_map(ctx, 1e-8);
}
static void small_sparse(cf_context *ctx) {
  small_map(ctx, 0.1);
}
static void small_paths(cf_context *ctx) {
  cf_graph *kernel = kernel_of(ctx, 200, 0.3);
  double *d = bench_numbers((size_t)200 * 200, 7);
  BENCH_OK(ctx, cf_graph_shortest_all(ctx, kernel, d));
  free(d);
  cf_graph_free(kernel);
}
static const bench_case cases[] = {{"diffusion map, full kernel of 600", small_full},
                                   {"diffusion map, sparse kernel of 600", small_sparse},
                                   {"shortest paths, 200 vertices", small_paths},
                                   {NULL, NULL}};

int main(int argc, char **argv) {
  return bench_main(argc, argv, run, cases);
}
