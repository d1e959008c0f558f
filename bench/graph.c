/* Neighbourhood graphs: the Gabriel graph, adaptive neighbourhoods whole, and their scale programme alone against Clp
 * where it is installed. Points are a sheet of three dimensions (two angles and a height) bent into 20, with a little
 * noise, or, where said, normal numbers. In brackets the time of the published package (ECOS; one thread) on a machine
 * of the same kind. */
#include "bench.h"

#include <cortifold/manifold.h>
#include "manifold/ian_internal.h"
#ifdef BENCH_CLP
#include <coin/Clp_C_Interface.h>
#endif

enum { DIMS = 20 };

static double *sheet(size_t n) {
  double *u = bench_numbers(3 * n, 1), *noise = bench_numbers(n * DIMS, 2), *map = bench_numbers(5 * DIMS, 3);
  double *x = malloc(n * DIMS * sizeof *x);
  for (size_t a = 0; a < 5; a++) { /* rows of the map are made orthonormal */
    double *row = map + a * DIMS, norm = 0;
    for (size_t b = 0; b < a; b++) {
      double dot = 0;
      for (size_t c = 0; c < DIMS; c++) dot += row[c] * map[b * DIMS + c];
      for (size_t c = 0; c < DIMS; c++) row[c] -= dot * map[b * DIMS + c];
    }
    for (size_t c = 0; c < DIMS; c++) norm += row[c] * row[c];
    for (size_t c = 0; c < DIMS; c++) row[c] /= sqrt(norm);
  }
  for (size_t i = 0; i < n; i++) {
    const double a = 6.283185307179586 * u[3 * i], b = 6.283185307179586 * u[3 * i + 1];
    const double at[5] = {cos(a), cos(b), sin(a), sin(b), 2 * u[3 * i + 2]};
    for (size_t c = 0; c < DIMS; c++) {
      double v = 0.07 * noise[i * DIMS + c]; /* of standard deviation 0.02 */
      for (size_t k = 0; k < 5; k++) v += at[k] * map[k * DIMS + c];
      x[i * DIMS + c] = v;
    }
  }
  free(u), free(noise), free(map);
  return x;
}

/* Normal numbers without structure: a graph of about 400 edges a point. */
static double *cloud(size_t n) {
  cf_rng rng = cf_rng_make(3, cf_hash_text("gauss"), 0);
  double *x = malloc(n * DIMS * sizeof *x);
  for (size_t k = 0; k < n * DIMS; k++) x[k] = cf_rng_normal(&rng);
  return x;
}

static void gabriel(cf_context *ctx, size_t n, const double *x) {
  cf_graph *g = NULL;
  BENCH_OK(ctx, cf_graph_gabriel(ctx, n, DIMS, x, false, &g));
  cf_graph_free(g);
}

static void ian(cf_context *ctx, size_t n, const double *x, cf_ian_objective objective) {
  cf_ian_options o = CF_IAN_OPTIONS_INIT;
  cf_ian *r = NULL;
  o.objective = objective;
  BENCH_OK(ctx, cf_ian_points(ctx, n, DIMS, x, &o, &r));
  cf_ian_free(r);
}

static void whole_rows(cf_context *ctx) {
  static const struct {
    size_t n;
    double gabriel, exact, greedy; /* of the package; 0: not measured */
    double gabriel_goal, exact_goal, greedy_goal;
  } row[] = {
      {1000, 0.0638, 4.78, 0.589, 0.06, 0.5, 0.4}, {3000, 0.634, 63.8, 6.41, 0.6, 3, 2}, {8000, 0, 0, 0, 6, 20, 20}};
  for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
    const size_t n = row[k].n;
    const int times = n > 4000 ? 1 : 3;
    double *x = sheet(n), seconds;
    char shape[32];
    snprintf(shape, sizeof shape, "%zu x %d", n, DIMS);
    BENCH_BEST(seconds, times, gabriel(ctx, n, x));
    bench_row_seconds("Gabriel graph", shape, seconds, row[k].gabriel, row[k].gabriel_goal);
    BENCH_BEST(seconds, times, ian(ctx, n, x, CF_IAN_EXACT));
    bench_row_seconds("adaptive neighbourhoods, exact scales", shape, seconds, row[k].exact, row[k].exact_goal);
    BENCH_BEST(seconds, times, ian(ctx, n, x, CF_IAN_GREEDY));
    bench_row_seconds("adaptive neighbourhoods, greedy scales", shape, seconds, row[k].greedy, row[k].greedy_goal);
    free(x);
  }
}

static void near(cf_context *ctx, size_t n, const double *x) {
  cf_ian_options o = CF_IAN_OPTIONS_INIT;
  cf_ian *r = NULL;
  o.neighbours = 100;
  BENCH_OK(ctx, cf_ian_points(ctx, n, DIMS, x, &o, &r));
  cf_ian_free(r);
}

static void other_rows(cf_context *ctx) {
  double *x = cloud(1000), seconds;
  BENCH_BEST(seconds, 2, ian(ctx, 1000, x, CF_IAN_EXACT));
  bench_row_seconds("adaptive neighbourhoods, 400 edges a point", "1000 x 20", seconds, 0, 3);
  free(x);
  x = sheet(8000);
  BENCH_BEST(seconds, 1, near(ctx, 8000, x));
  bench_row_seconds("adaptive neighbourhoods, 100 nearest points", "8000 x 20", seconds, 0, 4);
  free(x);
}

/* ------------------------------------------------------------ programme -- */

#ifdef BENCH_CLP
/* The dual: max c'y - u'z with sum a y - z <= 1, which Clp solves faster than the programme itself. */
static Clp_Simplex *dual_of(const cf_scales *s, double connectivity) {
  const size_t m = s->rows, n = s->n;
  CoinBigIndex *start = malloc((m + n + 1) * sizeof *start);
  int *index = malloc((2 * m + n) * sizeof *index);
  double *entry = malloc((2 * m + n) * sizeof *entry), *cost = malloc((m + n) * sizeof *cost);
  double *low = calloc(m + n, sizeof *low), *high = malloc((m + n) * sizeof *high);
  Clp_Simplex *clp = Clp_newModel();
  Clp_setLogLevel(clp, 0);
  Clp_resize(clp, (int)n, 0);
  for (size_t k = 0; k < m; k++) {
    const double w = connectivity * s->graph->weight[k], gain = w / s->upper[s->from[k]];
    start[k] = (CoinBigIndex)(2 * k);
    index[2 * k] = (int)s->from[k];
    index[2 * k + 1] = (int)s->graph->to[k];
    entry[2 * k] = gain;
    entry[2 * k + 1] = 1;
    cost[k] = -w * (1 + gain);
    high[k] = INFINITY;
  }
  for (size_t i = 0; i <= n; i++) {
    start[m + i] = (CoinBigIndex)(2 * m + i);
    if (i == n) break;
    index[2 * m + i] = (int)i;
    entry[2 * m + i] = -1;
    cost[m + i] = s->upper[i];
    high[m + i] = INFINITY;
    Clp_rowLower(clp)[i] = -INFINITY;
    Clp_rowUpper(clp)[i] = 1;
  }
  Clp_addColumns(clp, (int)(m + n), low, high, cost, start, index, entry);
  free(start), free(index), free(entry), free(cost), free(low), free(high);
  return clp;
}
#endif

static void programme_rows(cf_context *ctx) {
  enum { N = 3000, PRUNES = 5 };
  const cf_mark mark = cf_scratch_mark(ctx);
  double *x = sheet(N), cold = INFINITY, warm = 0, clp_seconds = 0;
  cf_graph *g = NULL;
  cf_scales s;
  BENCH_OK(ctx, cf_graph_gabriel(ctx, N, DIMS, x, false, &g));
  for (int round = 0; round < 3; round++) {
    double seconds;
    BENCH_OK(ctx, cf_scales_init(ctx, g, &s));
    BENCH_BEST(seconds, 1, BENCH_OK(ctx, cf_scales_solve(ctx, &s, 0.7)));
    cold = fmin(cold, seconds);
  }
#ifdef BENCH_CLP
  Clp_Simplex *clp = dual_of(&s, 0.7);
  BENCH_BEST(clp_seconds, 1, Clp_primal(clp, 0));
  if (fabs(Clp_objectiveValue(clp) + s.objective) > 1e-7 * s.objective)
    fprintf(stderr, "Clp and we differ: %.12g, %.12g\n", -Clp_objectiveValue(clp), s.objective);
  Clp_deleteModel(clp);
#endif
  if (clp_seconds > 0)
    bench_row("scale programme / Clp on its dual", "3000 points", cold, clp_seconds, 0.6);
  else
    bench_row_seconds("scale programme", "3000 points", cold, 0, 0.3);
  for (size_t k = 0; k < PRUNES; k++) {
    const size_t edge = (k + 1) * s.rows / (PRUNES + 2);
    if (s.alive[edge]) cf_scales_prune(&s, edge);
  }
  BENCH_BEST(warm, 1, BENCH_OK(ctx, cf_scales_solve(ctx, &s, 0.7)));
  bench_row("again after 5 prunings / from nothing", "3000 points", warm, cold, 0.1);
  cf_graph_free(g);
  free(x);
  cf_scratch_release(ctx, mark);
}

static void run(cf_context *ctx) {
  whole_rows(ctx);
  other_rows(ctx);
  programme_rows(ctx);
}

static void small_gabriel(cf_context *ctx) {
  double *x = sheet(100);
  gabriel(ctx, 100, x);
  free(x);
}
static void small_exact(cf_context *ctx) {
  double *x = sheet(100);
  ian(ctx, 100, x, CF_IAN_EXACT);
  free(x);
}
static void small_greedy(cf_context *ctx) {
  double *x = sheet(100);
  ian(ctx, 100, x, CF_IAN_GREEDY);
  free(x);
}
static const bench_case cases[] = {{"gabriel 100 x 20", small_gabriel},
                                   {"neighbourhoods 100 x 20", small_exact},
                                   {"neighbourhoods 100 x 20, greedy", small_greedy},
                                   {NULL, NULL}};

int main(int argc, char **argv) {
  return bench_main(argc, argv, run, cases);
}
