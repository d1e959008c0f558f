/* What adaptive neighbourhoods promise of any points: order, motion, unit and threads do not matter; points that are
 * hard (ties, lines, far clusters) are solved and not refused. */
#include "test.h"
#include <cortifold/manifold.h>

static cf_context *context_with(int threads) {
  cf_context *ctx = NULL;
  cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
  o.threads = threads;
  if (cf_context_new(&o, &ctx) != CF_OK) abort();
  return ctx;
}

static double *sheet(cf_rng *rng, size_t n) {
  double *x = calloc(3 * n, sizeof *x);
  assert_non_null(x);
  for (size_t i = 0; i < n; i++) {
    const double a = 3 * cf_rng_uniform(rng);
    x[3 * i] = a * cos(2 * a) + 0.02 * cf_rng_normal(rng);
    x[3 * i + 1] = a * sin(2 * a) + 0.02 * cf_rng_normal(rng);
    x[3 * i + 2] = 2 * cf_rng_uniform(rng);
  }
  return x;
}

/* Values of b at order[i] are those of a at i, lengths times `unit`. */
static void assert_same(const cf_ian *a, const cf_ian *b, const size_t *order, double unit, double tolerance) {
  assert_int_equal(a->pruned, b->pruned);
  assert_int_equal(a->iterations, b->iterations);
  assert_int_equal(a->gabriel_edges, b->gabriel_edges);
  assert_int_equal(a->kernel->start[a->n], b->kernel->start[b->n]);
  assert_close(a->connectivity, b->connectivity, tolerance, 0);
  for (size_t i = 0; i < a->n; i++) {
    const size_t j = order ? order[i] : i;
    assert_close(b->scale[j], unit * a->scale[i], tolerance, 0);
    assert_close(b->delta[j], a->delta[i], tolerance, 0);
    for (size_t k = a->graph->start[i]; k < a->graph->start[i + 1]; k++) {
      const size_t to = order ? order[a->graph->to[k]] : a->graph->to[k];
      assert_true(cf_graph_edge(b->graph, j, to) != SIZE_MAX);
    }
  }
}

static void order_motion_and_unit_do_not_matter(void **state) {
  (void)state;
  cf_context *ctx = context_with(1);
  cf_rng rng = cf_rng_make(9, cf_hash_text("property/ian"), 0);
  for (size_t round = 0; round < test_cases(3); round++) {
    const size_t n = 120 + 30 * round;
    double *x = sheet(&rng, n), *y = calloc(3 * n, sizeof *y);
    size_t *order = calloc(n, sizeof *order);
    cf_ian *a = NULL, *b = NULL;
    assert_true(y && order);
    assert_ok(ctx, cf_ian_points(ctx, n, 3, x, NULL, &a));
    cf_rng_permutation(&rng, n, order);
    for (size_t i = 0; i < n; i++) memcpy(y + 3 * order[i], x + 3 * i, 3 * sizeof *y);
    assert_ok(ctx, cf_ian_points(ctx, n, 3, y, NULL, &b));
    assert_same(a, b, order, 1, 1e-9);
    cf_ian_free(b);
    const double c = cos(1.1), s = sin(1.1), unit = 317.5;
    for (size_t i = 0; i < n; i++) { /* turned, mirrored, moved, enlarged */
      y[3 * i] = unit * (c * x[3 * i] - s * x[3 * i + 2] + 5);
      y[3 * i + 1] = unit * (1 - x[3 * i + 1]);
      y[3 * i + 2] = unit * (s * x[3 * i] + c * x[3 * i + 2] - 3);
    }
    assert_ok(ctx, cf_ian_points(ctx, n, 3, y, NULL, &b));
    assert_same(a, b, NULL, unit, 1e-8);
    cf_ian_free(a);
    cf_ian_free(b);
    free(x), free(y), free(order);
  }
  cf_context_free(ctx);
}

static void threads_give_the_same_bits(void **state) {
  (void)state;
  cf_context *one = context_with(1), *many = context_with(3);
  cf_rng rng = cf_rng_make(10, cf_hash_text("property/ian"), 0);
  const size_t n = 400;
  double *x = sheet(&rng, n);
  cf_ian *a = NULL, *b = NULL;
  assert_ok(one, cf_ian_points(one, n, 3, x, NULL, &a));
  assert_ok(many, cf_ian_points(many, n, 3, x, NULL, &b));
  assert_int_equal(a->kernel->start[n], b->kernel->start[n]);
  assert_memory_equal(a->kernel->weight, b->kernel->weight, a->kernel->start[n] * sizeof(double));
  assert_memory_equal(a->scale, b->scale, n * sizeof(double));
  assert_memory_equal(a->delta_weighted, b->delta_weighted, n * sizeof(double));
  cf_ian_free(a);
  cf_ian_free(b);
  free(x);
  cf_context_free(one);
  cf_context_free(many);
}

/* What must hold of any result. */
static void check_result(const cf_ian *r) {
  size_t kept = r->graph->start[r->n] / 2, pruned = 0;
  assert_int_equal(r->gabriel_edges, kept + r->pruned);
  for (size_t k = 0; k < r->steps; k++) pruned += r->step[k].pruned;
  assert_int_equal(pruned, r->pruned);
  assert_true(r->gap < 1e-9);
  for (size_t i = 0; i < r->n; i++) {
    double longest = 0;
    for (size_t k = r->graph->start[i]; k < r->graph->start[i + 1]; k++) {
      const size_t j = r->graph->to[k];
      const double w = r->connectivity * r->graph->weight[k];
      longest = fmax(longest, r->graph->weight[k]);
      assert_true(r->scale[i] * r->scale[j] >= w * w * (1 - 1e-9));
    }
    assert_true(r->scale[i] <= longest * (1 + 1e-12));
    assert_int_equal(r->disconnected[i], cf_graph_degree(r->graph, i) == 0);
    const size_t self = cf_graph_edge(r->kernel, i, i);
    assert_true(self != SIZE_MAX && r->kernel->weight[self] == 1);
    for (size_t k = r->kernel->start[i]; k < r->kernel->start[i + 1]; k++) {
      const size_t twin = cf_graph_edge(r->kernel, r->kernel->to[k], i);
      assert_true(twin != SIZE_MAX);
      assert_close(r->kernel->weight[twin], r->kernel->weight[k], 1e-14, 0);
    }
  }
}

static void hard_points(void **state) {
  (void)state;
  cf_context *ctx = context_with(2);
  cf_rng rng = cf_rng_make(11, cf_hash_text("property/ian"), 0);
  for (size_t kind = 0; kind < 8; kind++) {
    const size_t n = kind < 2 ? 3 + kind : 120;
    double x[240];
    cf_ian *r = NULL;
    for (size_t i = 0; i < n; i++) {
      const double a = 0.1 * (double)i, u = cf_rng_normal(&rng), v = cf_rng_normal(&rng);
      const double at[8][2] = {{a, 0},                               /* 3 and 4 equal steps on a line */
                               {a, 0},                               /**/
                               {a, 2 * a},                           /* a long line of equal steps */
                               {(double)(i % 11), (double)(i / 11)}, /* a square grid */
                               {cos(0.05235987755982988 * (double)i), sin(0.05235987755982988 * (double)i)},
                               {u + (i % 2 ? 1e7 : 0), v}, /* two clusters far apart */
                               {exp(6 * u), exp(6 * v)},   /* densities over many decades */
                               {1e-150 * u, 1e-150 * v}};  /* squares of 1e-300 */
      x[2 * i] = at[kind][0];
      x[2 * i + 1] = at[kind][1];
    }
    assert_ok(ctx, cf_ian_points(ctx, n, 2, x, NULL, &r));
    check_result(r);
    cf_ian_free(r);
  }
  cf_context_free(ctx);
}

static void every_option_gives_a_sound_graph(void **state) {
  (void)state;
  cf_context *ctx = context_with(2);
  cf_rng rng = cf_rng_make(12, cf_hash_text("property/ian"), 0);
  const size_t n = 150;
  double *x = sheet(&rng, n);
  for (int t = CF_IAN_C3; t <= CF_IAN_SD; t++) {
    cf_ian_options o = CF_IAN_OPTIONS_INIT;
    cf_ian *r = NULL;
    o.threshold = (cf_ian_threshold)t;
    assert_ok(ctx, cf_ian_points(ctx, n, 3, x, &o, &r));
    check_result(r);
    cf_ian_free(r);
  }
  cf_ian_options o = CF_IAN_OPTIONS_INIT;
  cf_ian *r = NULL;
  o.objective = CF_IAN_GREEDY;
  o.most_prunes = 1;
  o.most_iterations = 5;
  o.tolerance = 0.5;
  assert_ok(ctx, cf_ian_points(ctx, n, 3, x, &o, &r));
  check_result(r);
  assert_true(r->iterations <= 5);
  for (size_t k = 0; k < r->steps; k++) assert_true(r->step[k].pruned <= 1);
  cf_ian_free(r);
  free(x);
  cf_context_free(ctx);
}

/* -------------------------------------------------- options beside the path -- */

/* How many points are nearer to i than j is. */
static size_t rank_of(size_t n, const double *d, size_t i, size_t j) {
  size_t rank = 0;
  for (size_t k = 0; k < n; k++) rank += k != i && d[i * n + k] < d[i * n + j];
  return rank;
}

static void nearest_points_are_those_of_all(void **state) {
  (void)state;
  cf_context *ctx = context_with(2);
  cf_rng rng = cf_rng_make(13, cf_hash_text("property/ian"), 0);
  const size_t n = 300, some = 12;
  double *x = sheet(&rng, n), *d = calloc(n * n, sizeof *d);
  cf_ian_options o = CF_IAN_OPTIONS_INIT;
  cf_ian *all = NULL, *near = NULL, *other = NULL;
  assert_non_null(d);
  assert_ok(ctx, cf_squared_distances(ctx, n, 3, x, d));
  assert_ok(ctx, cf_ian_points(ctx, n, 3, x, NULL, &all));
  o.neighbours = 5 * n; /* more than there are */
  assert_ok(ctx, cf_ian_points(ctx, n, 3, x, &o, &near));
  assert_same(all, near, NULL, 1, 1e-9);
  cf_ian_free(near);
  o.neighbours = some;
  assert_ok(ctx, cf_ian_points(ctx, n, 3, x, &o, &near));
  assert_ok(ctx, cf_ian_distances(ctx, n, d, &o, &other));
  assert_same(near, other, NULL, 1, 1e-12);
  check_result(near);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) {
      const bool candidate = i != j && (rank_of(n, d, i, j) < some || rank_of(n, d, j, i) < some);
      const bool edge = cf_graph_edge(all->gabriel, i, j) != SIZE_MAX;
      assert_int_equal(cf_graph_edge(near->gabriel, i, j) != SIZE_MAX, edge && candidate);
      if (i != j && !candidate) assert_true(cf_graph_edge(near->kernel, i, j) == SIZE_MAX);
    }
  o.single_precision = true;
  cf_ian_free(other);
  assert_ok(ctx, cf_ian_points(ctx, n, 3, x, &o, &other));
  assert_int_equal(other->gabriel_edges, near->gabriel_edges);
  cf_ian_free(all);
  cf_ian_free(near);
  cf_ian_free(other);
  free(x), free(d);
  cf_context_free(ctx);
}

static void the_spanning_tree_stays(void **state) {
  (void)state;
  cf_context *ctx = context_with(2);
  cf_rng rng = cf_rng_make(14, cf_hash_text("property/ian"), 0);
  enum { COUNT = 150 };
  double x[2 * COUNT], *d = calloc((size_t)COUNT * COUNT, sizeof *d);
  size_t label[COUNT];
  cf_tree_edge tree[COUNT];
  assert_non_null(d);
  for (size_t i = 0; i < COUNT; i++) { /* three clusters, and points far out */
    x[2 * i] = cf_rng_normal(&rng) * (i % 15 ? 1 : 8) + 60 * (double)(i % 3);
    x[2 * i + 1] = cf_rng_normal(&rng) * (i % 15 ? 1 : 8);
  }
  assert_ok(ctx, cf_squared_distances(ctx, COUNT, 2, x, d));
  assert_ok(ctx, cf_tree_spanning_full(ctx, COUNT, d, tree));
  for (size_t round = 0; round < 4; round++) {
    cf_ian_options o = CF_IAN_OPTIONS_INIT;
    cf_ian *r = NULL;
    size_t pieces = 0;
    o.neighbours = round < 2 ? 0 : 5;
    o.spanning = round % 2 == 1;
    o.prune_share = 1;
    assert_ok(ctx, cf_ian_points(ctx, COUNT, 2, x, &o, &r));
    check_result(r);
    assert_ok(ctx, cf_graph_components(ctx, r->graph, label, &pieces));
    if (!(o.neighbours || r->pruned > 0)) fail_msg("round %zu: nothing was pruned", round);
    assert_true(o.spanning ? pieces == 1 && r->disconnected_count == 0 : pieces > 1);
    for (size_t e = 0; e + 1 < COUNT && o.spanning; e++)
      assert_true(cf_graph_edge(r->graph, tree[e].a, tree[e].b) != SIZE_MAX);
    cf_ian_free(r);
  }
  free(d);
  cf_context_free(ctx);
}

static void no_threshold_above_the_cap(void **state) {
  (void)state;
  cf_context *ctx = context_with(2);
  cf_rng rng = cf_rng_make(15, cf_hash_text("property/ian"), 0);
  const size_t n = 200;
  double x[400], highest = 0;
  cf_ian_options o = CF_IAN_OPTIONS_INIT;
  cf_ian *plain = NULL, *capped = NULL;
  for (size_t i = 0; i < n; i++) { /* densities over many decades */
    x[2 * i] = exp(4 * cf_rng_normal(&rng));
    x[2 * i + 1] = exp(4 * cf_rng_normal(&rng));
  }
  assert_ok(ctx, cf_ian_points(ctx, n, 2, x, &o, &plain));
  o.multi_scale = true;
  assert_ok(ctx, cf_ian_points(ctx, n, 2, x, &o, &capped));
  check_result(capped);
  for (size_t k = 0; k < plain->steps; k++) highest = fmax(highest, plain->step[k].threshold);
  assert_true(highest > 3);
  for (size_t k = 0; k < capped->steps; k++) assert_true(capped->step[k].threshold <= 3);
  for (size_t i = 0; i < n; i++) assert_true(capped->delta[i] <= 3 || cf_graph_degree(capped->graph, i) == 0);
  assert_true(capped->pruned > plain->pruned);
  cf_ian_free(plain);
  cf_ian_free(capped);
  cf_context_free(ctx);
}

static void what_cannot_be_is_named(void **state) {
  (void)state;
  cf_context *ctx = context_with(1);
  cf_ian *r = NULL;
  const double twins[8] = {0, 0, 1, 1, 2, 0, 1, 1}, nan[6] = {0, 0, 1, NAN, 2, 0}, huge[6] = {0, 0, 1e200, 0, 0, 1};
  double d[9] = {0, 1, 4, 1, 0, 1, 4, 2, 0};
  assert_status(ctx, CF_ERR_INPUT, cf_ian_points(ctx, 4, 2, twins, NULL, &r));
  assert_non_null(strstr(cf_context_error(ctx), "points 1 and 3"));
  assert_status(ctx, CF_ERR_INPUT, cf_ian_points(ctx, 3, 2, nan, NULL, &r));
  assert_non_null(strstr(cf_context_error(ctx), "point 1, coordinate 1"));
  assert_status(ctx, CF_ERR_INPUT, cf_ian_points(ctx, 3, 2, huge, NULL, &r));
  assert_non_null(strstr(cf_context_error(ctx), "too large"));
  assert_status(ctx, CF_ERR_USAGE, cf_ian_points(ctx, 2, 2, twins, NULL, &r));
  assert_status(ctx, CF_ERR_INPUT, cf_ian_distances(ctx, 3, d, NULL, &r));
  assert_non_null(strstr(cf_context_error(ctx), "(1, 2)"));
  d[7] = 1;
  assert_ok(ctx, cf_ian_distances(ctx, 3, d, NULL, &r));
  cf_ian_free(r);
  cf_ian_options o = CF_IAN_OPTIONS_INIT;
  o.prune_share = 0;
  assert_status(ctx, CF_ERR_USAGE, cf_ian_distances(ctx, 3, d, &o, &r));
  o = (cf_ian_options)CF_IAN_OPTIONS_INIT;
  o.neighbours = 2;
  assert_status(ctx, CF_ERR_INPUT, cf_ian_points(ctx, 4, 2, twins, &o, &r));
  assert_non_null(strstr(cf_context_error(ctx), "points 1 and 3"));
  assert_status(ctx, CF_ERR_INPUT, cf_ian_points(ctx, 3, 2, nan, &o, &r));
  assert_status(ctx, CF_ERR_INPUT, cf_ian_points(ctx, 3, 2, huge, &o, &r));
  assert_non_null(strstr(cf_context_error(ctx), "too large"));
  o.spanning = o.single_precision = true;
  assert_status(ctx, CF_ERR_USAGE, cf_ian_points(ctx, 4, 2, twins, &o, &r));
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(order_motion_and_unit_do_not_matter),
      cmocka_unit_test(threads_give_the_same_bits),
      cmocka_unit_test(hard_points),
      cmocka_unit_test(every_option_gives_a_sound_graph),
      cmocka_unit_test(nearest_points_are_those_of_all),
      cmocka_unit_test(the_spanning_tree_stays),
      cmocka_unit_test(no_threshold_above_the_cap),
      cmocka_unit_test(what_cannot_be_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
