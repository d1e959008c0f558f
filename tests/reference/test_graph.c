/* Slow twins: the Gabriel graph by its definition, the scale programme from nothing against the one kept up
 * to date, and its rows in the words of their definition. */
#include "test.h"
#include <cortifold/graph.h>
#include "manifold/ian_internal.h"

#include <float.h>

static void draw(cf_rng *rng, size_t count, double *x) {
  for (size_t i = 0; i < count; i++) x[i] = cf_rng_normal(rng);
}

/* n^3: edge ij unless some k has d2_ik + d2_jk <= d2_ij + 10 eps, the smallest distance being 1. */
static bool is_edge(size_t n, const double *d, double least, size_t i, size_t j) {
  for (size_t k = 0; k < n; k++)
    if (k != i && k != j && d[i * n + k] + d[j * n + k] <= d[i * n + j] + 10 * DBL_EPSILON * least) return false;
  return true;
}

static void check_gabriel(cf_context *ctx, size_t n, size_t dims, const double *x) {
  double *d = calloc(n * n, sizeof *d), least = INFINITY;
  cf_graph *g = NULL, *other = NULL;
  size_t edges = 0;
  assert_non_null(d);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) {
      for (size_t c = 0; c < dims; c++)
        d[i * n + j] += (x[i * dims + c] - x[j * dims + c]) * (x[i * dims + c] - x[j * dims + c]);
      if (i != j) least = fmin(least, d[i * n + j]);
    }
  assert_ok(ctx, cf_graph_gabriel(ctx, n, dims, x, false, &g));
  assert_ok(ctx, cf_graph_gabriel_distances(ctx, n, d, false, &other));
  for (size_t i = 0; i < n; i++)
    for (size_t j = i + 1; j < n; j++) {
      const bool expected = is_edge(n, d, least, i, j);
      const size_t at = cf_graph_edge(g, i, j);
      if ((at != SIZE_MAX) != expected) fail_msg("%zu points in %zu: edge %zu-%zu", n, dims, i, j);
      if (expected) assert_close(g->weight[at], sqrt(d[i * n + j]), 1e-15, 0);
      edges += expected;
    }
  assert_int_equal(g->start[n], 2 * edges);
  assert_memory_equal(g->to, other->to, 2 * edges * sizeof *g->to);
  cf_graph_free(g);
  cf_graph_free(other);
  free(d);
}

static void gabriel_is_the_plain_search(void **state) {
  (void)state;
  static const size_t sizes[][2] = {{2, 1}, {3, 2}, {40, 1}, {90, 2}, {300, 3}, {270, 8}, {70, 70}};
  cf_context *ctx = test_context();
  cf_rng rng = cf_rng_make(3, cf_hash_text("reference/gabriel"), 0);
  double *x = calloc(5000, sizeof *x);
  assert_non_null(x);
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    draw(&rng, sizes[s][0] * sizes[s][1], x);
    check_gabriel(ctx, sizes[s][0], sizes[s][1], x);
  }
  for (size_t i = 0; i < 400; i++) { /* all right angles: whole numbers make every tie exact */
    x[2 * i] = (double)(i % 20);
    x[2 * i + 1] = (double)(i / 20);
  }
  check_gabriel(ctx, 400, 2, x);
  free(x);
  cf_context_free(ctx);
}

/* ---------------------------------------------------------- programme -- */

/* Every row and bound of the programme at s, in the words of its definition. */
static void check_feasible(const cf_scales *p, double c) {
  for (size_t i = 0; i < p->n; i++) {
    assert_true(p->sigma[i] >= 0 && p->sigma[i] <= p->upper[i] * (1 + 1e-12));
    for (size_t k = p->graph->start[i]; k < p->graph->start[i + 1]; k++) {
      const size_t j = p->graph->to[k];
      if (!p->alive[k] || j < i) continue;
      const double w = c * p->graph->weight[k], ui = p->upper[i], uj = p->upper[j];
      assert_true(w / ui * p->sigma[i] + p->sigma[j] >= (w + w * w / ui) * (1 - 1e-10));
      assert_true(uj / w * p->sigma[i] + p->sigma[j] >= (w + uj) * (1 - 1e-10));
    }
  }
}

/* A feasible point that meets a lower bound is optimal. */
static void check_optimal(const cf_scales *p) {
  double sum = 0;
  for (size_t i = 0; i < p->n; i++) sum += p->sigma[i];
  assert_close(p->objective, sum, 1e-13, 0);
  assert_close(p->bound, sum, 1e-11, 0);
}

static void the_programme_is_solved_after_every_change(void **state) {
  (void)state;
  static const size_t sizes[][2] = {{12, 1}, {60, 2}, {150, 3}, {80, 6}, {60, 10}, {150, 20}};
  cf_context *ctx = test_context();
  cf_rng rng = cf_rng_make(4, cf_hash_text("reference/scales"), 0);
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
    for (size_t round = 0; round < test_cases(8); round++) {
      const cf_mark mark = cf_scratch_mark(ctx);
      double x[3000];
      cf_graph *g = NULL;
      cf_scales kept, fresh;
      draw(&rng, sizes[s][0] * sizes[s][1], x);
      assert_ok(ctx, cf_graph_gabriel(ctx, sizes[s][0], sizes[s][1], x, false, &g));
      assert_ok(ctx, cf_scales_init(ctx, g, &kept));
      double c = 0.7;
      for (size_t step = 0; step < 12; step++) {
        if (step % 3 == 0) c = 0.4 + 0.6 * cf_rng_uniform(&rng);
        if (step == 6) c = 1;
        if (step > 0) {
          const size_t k = (size_t)cf_rng_below(&rng, g->start[g->n]);
          if (kept.alive[k]) cf_scales_prune(&kept, k);
        }
        assert_ok(ctx, cf_scales_solve(ctx, &kept, c));
        check_feasible(&kept, c);
        check_optimal(&kept);
        /* from nothing: the same optimum */
        assert_ok(ctx, cf_scales_init(ctx, g, &fresh));
        for (size_t k = 0; k < g->start[g->n]; k++)
          if (!kept.alive[k] && fresh.alive[k]) cf_scales_prune(&fresh, k);
        assert_ok(ctx, cf_scales_solve(ctx, &fresh, c));
        assert_close(kept.objective, fresh.objective, 1e-11, 0);
      }
      cf_graph_free(g);
      cf_scratch_release(ctx, mark);
    }
  cf_context_free(ctx);
}

/* Three points on a line, 0 - 1 - 3: solved by hand. u = 1, 2, 2; C = 1: the middle edge row of 1-2 has w = 2 = u. */
static void three_points_by_hand(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const cf_mark mark = cf_scratch_mark(ctx);
  const double x[3] = {0, 1, 3};
  cf_graph *g = NULL;
  cf_scales p;
  assert_ok(ctx, cf_graph_gabriel(ctx, 3, 1, x, false, &g));
  assert_int_equal(g->start[3], 4);
  assert_ok(ctx, cf_scales_init(ctx, g, &p));
  assert_ok(ctx, cf_scales_solve(ctx, &p, 1));
  assert_close(p.sigma[0], 0.5, 1e-12, 0); /* w = 1, s_1 = 2: w^2 / 2 */
  assert_close(p.sigma[1], 2, 1e-12, 0);
  assert_close(p.sigma[2], 2, 1e-12, 0);
  cf_graph_free(g);
  cf_scratch_release(ctx, mark);
  cf_context_free(ctx);
}

static void exponentials_are_those_of_the_c_library(void **state) {
  (void)state;
  double x[4001], y[4001];
  for (size_t i = 0; i <= 4000; i++) x[i] = i < 2000 ? (double)i * 0.01 : (double)(i - 2000) * 0.36;
  x[4000] = INFINITY;
  cf_exp_minus(4001, x, y);
  for (size_t i = 0; i < 4000; i++) assert_close(y[i], x[i] < 700 ? exp(-x[i]) : 0, 5e-16, 0);
  assert_true(y[4000] == 0 && y[0] == 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gabriel_is_the_plain_search),
      cmocka_unit_test(the_programme_is_solved_after_every_change),
      cmocka_unit_test(three_points_by_hand),
      cmocka_unit_test(exponentials_are_those_of_the_c_library),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
