/* Diffusion maps on random kernels: against LAPACK on the matrix itself, the same for any order of the points and
 * number of threads, relations between alpha, time and scale, kernels that fall apart, and kernels that are none. */
#include "test.h"
#include <cortifold/linalg.h>
#include <cortifold/manifold.h>

static cf_context *threaded(int threads) {
  cf_context *ctx = NULL;
  cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
  o.threads = threads;
  if (cf_context_new(&o, &ctx) != CF_OK) abort();
  return ctx;
}

/* Gaussian kernel of n points in two dimensions, `blobs` of them far apart; below `floor` it is 0. */
static double *kernel_of(uint32_t which, size_t n, size_t blobs, double width, double floor) {
  cf_rng rng = cf_rng_make(31, 1, which);
  double *x = malloc(2 * n * sizeof *x), *k = malloc(n * n * sizeof *k);
  for (size_t i = 0; i < n; i++) {
    x[2 * i] = cf_rng_uniform(&rng) + 100 * (double)(i % blobs);
    x[2 * i + 1] = 0.5 * cf_rng_uniform(&rng);
  }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) {
      const double a = x[2 * i] - x[2 * j], b = x[2 * i + 1] - x[2 * j + 1],
                   v = exp(-(a * a + b * b) / (width * width));
      k[i * n + j] = v < floor ? 0 : v;
    }
  free(x);
  return k;
}

static cf_graph *sparse_of(cf_context *ctx, size_t n, const double *full) {
  size_t *degree = calloc(n, sizeof *degree);
  cf_graph *g = NULL;
  for (size_t i = 0; i < n * n; i++) degree[i / n] += full[i] != 0;
  assert_ok(ctx, cf_graph_new(ctx, n, degree, &g));
  for (size_t i = 0, at = 0; i < n * n; i++)
    if (full[i] != 0) {
      g->to[at] = (uint32_t)(i % n);
      g->weight[at++] = full[i];
    }
  free(degree);
  return g;
}

typedef struct map {
  size_t n, dims;
  double *x, *values, residual;
} map;

static map map_of(cf_context *ctx, size_t n, const double *kernel, bool sparse, cf_diffusion_options o) {
  map m = {n, o.dims, calloc(n * o.dims, sizeof(double)), calloc(o.dims + 1, sizeof(double)), NAN};
  if (sparse) {
    cf_graph *g = sparse_of(ctx, n, kernel);
    assert_ok(ctx, cf_diffusion_map(ctx, g, &o, m.x, m.values, &m.residual));
    cf_graph_free(g);
  } else {
    assert_ok(ctx, cf_diffusion_map_full(ctx, n, kernel, &o, m.x, m.values, &m.residual));
  }
  assert_true(m.residual < 1e-9);
  return m;
}
static void map_free(map *m) {
  free(m->x);
  free(m->values);
}

static void same_map(const map *a, const map *b, const size_t *order, double tolerance) {
  for (size_t c = 0; c <= a->dims; c++) assert_close(a->values[c], b->values[c], 0, 1e-11);
  for (size_t c = 0; c < a->dims; c++) {
    double most = 0, gap = 1;
    for (size_t i = 0; i < a->n; i++) most = fmax(most, fabs(a->x[i * a->dims + c]));
    for (size_t d = 0; d <= a->dims; d++)
      if (d != c + 1) gap = fmin(gap, fabs(a->values[c + 1] - a->values[d]));
    if (gap < 1e-4 || c + 1 == a->dims) continue; /* vectors that are hardly defined */
    for (size_t i = 0; i < a->n; i++)
      assert_close(a->x[(order ? order[i] : i) * a->dims + c], b->x[i * a->dims + c], 0, tolerance * most);
  }
}

/* Ms written down, all its eigenvalues. */
static void iteration_finds_what_lapack_does(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (uint32_t which = 0; which < test_cases(3); which++) {
    const size_t n = 450 + 130 * (which % 3), dims = 15;
    double *k = kernel_of(which, n, 1, 0.25, which % 2 ? 1e-3 : 0), *m = malloc(n * n * sizeof *m);
    double *q = calloc(n, sizeof *q), *d = calloc(n, sizeof *d), *all = malloc(n * sizeof *all);
    const cf_diffusion_options o = {0.5, 1, dims};
    for (size_t i = 0; i < n * n; i++) q[i / n] += k[i];
    for (size_t i = 0; i < n * n; i++) m[i] = k[i] / sqrt(q[i / n] * q[i % n]);
    for (size_t i = 0; i < n * n; i++) d[i / n] += m[i];
    for (size_t i = 0; i < n * n; i++) m[i] /= sqrt(d[i / n] * d[i % n]);
    assert_ok(ctx, cf_eigh(ctx, n, m, all, m));
    for (int sparse = 0; sparse < 2; sparse++) {
      map got = map_of(ctx, n, k, sparse, o);
      for (size_t c = 0; c < dims; c++) {
        const double *u = m + (n - 2 - c) * n;
        double dot = 0, length = 0;
        assert_close(got.values[c + 1], all[n - 2 - c], 0, 1e-12);
        for (size_t i = 0; i < n; i++) {
          const double v = got.x[i * dims + c] * sqrt(d[i]);
          dot += v * u[i];
          length += v * v;
        }
        assert_close(fabs(dot), sqrt(length), 0, 1e-10);            /* the same direction ... */
        assert_close(sqrt(length), fabs(all[n - 2 - c]), 1e-10, 0); /* ... of length lambda */
      }
      map_free(&got);
    }
    free(k), free(m), free(q), free(d), free(all);
  }
  cf_context_free(ctx);
}

static void order_and_threads_do_not_matter(void **state) {
  (void)state;
  cf_context *one = threaded(1), *three = threaded(3);
  static const size_t sizes[3] = {90, 500, 900};
  for (uint32_t which = 0; which < 3; which++) {
    const size_t n = sizes[which];
    double *k = kernel_of(10 + which, n, 1, 0.2, 1e-4), *turned = malloc(n * n * sizeof *turned);
    size_t *order = malloc(n * sizeof *order);
    cf_rng rng = cf_rng_make(32, 1, which);
    cf_rng_permutation(&rng, n, order);
    for (size_t i = 0; i < n * n; i++) turned[i] = k[order[i / n] * n + order[i % n]];
    for (int sparse = 0; sparse < 2; sparse++) {
      const cf_diffusion_options o = {1, 1, 10};
      map a = map_of(one, n, k, sparse, o), b = map_of(three, n, k, sparse, o), c = map_of(one, n, turned, sparse, o);
      assert_memory_equal(a.x, b.x, n * o.dims * sizeof(double));
      assert_memory_equal(a.values, b.values, (o.dims + 1) * sizeof(double));
      same_map(&a, &c, order, 1e-7);
      map_free(&a), map_free(&b), map_free(&c);
    }
    free(k), free(turned), free(order);
  }
  cf_context_free(one), cf_context_free(three);
}

/* alpha 1 on K is alpha 0 on K / (q q'); a factor on K only scales the vectors; time multiplies by eigenvalues. */
static void alpha_time_and_scale(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const size_t n = 480, dims = 8;
  double *k = kernel_of(20, n, 1, 0.3, 0), *q = calloc(n, sizeof *q), *other = malloc(n * n * sizeof *other);
  for (size_t i = 0; i < n * n; i++) q[i / n] += k[i];
  for (size_t i = 0; i < n * n; i++) other[i] = k[i] / (q[i / n] * q[i % n]);
  map a = map_of(ctx, n, k, false, (cf_diffusion_options){1, 1, dims});
  map b = map_of(ctx, n, other, false, (cf_diffusion_options){0, 1, dims});
  same_map(&a, &b, NULL, 1e-8);
  for (size_t i = 0; i < n * n; i++) other[i] = 7 * k[i];
  map c = map_of(ctx, n, other, false, (cf_diffusion_options){0.5, 1, dims});
  map d = map_of(ctx, n, k, false, (cf_diffusion_options){0.5, 1, dims});
  map e = map_of(ctx, n, k, false, (cf_diffusion_options){1, 3, dims});
  map z = map_of(ctx, n, k, false, (cf_diffusion_options){1, 0, dims});
  same_map(&c, &d, NULL, 1e-8);
  for (size_t i = 0; i < n * dims; i++) {
    const double lambda = a.values[i % dims + 1];
    assert_close(e.x[i], a.x[i] * lambda * lambda, 1e-8, 1e-12);
    assert_close(z.x[i], a.x[i] / lambda * sqrt(1 / (1 - lambda)), 1e-8, 1e-12);
  }
  map_free(&a), map_free(&b), map_free(&c), map_free(&d), map_free(&e), map_free(&z);
  free(k), free(q), free(other);
  cf_context_free(ctx);
}

/* Three clouds: eigenvalue 1 three times, coordinates that tell them apart, and then those of each cloud alone. */
static void clouds_apart(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  static const size_t sizes[2] = {120, 540};
  for (size_t which = 0; which < 2; which++)
    for (int sparse = 0; sparse < 2; sparse++) {
      const size_t n = sizes[which], dims = 9;
      double *k = kernel_of(40, n, 3, 0.3, 1e-12), *part = malloc(n * n / 9 * sizeof *part), expected[27];
      map m = map_of(ctx, n, k, sparse, (cf_diffusion_options){1, 1, dims});
      size_t count = 0;
      for (size_t c = 0; c < 3; c++) {
        for (size_t i = 0; i < n / 3; i++)
          for (size_t j = 0; j < n / 3; j++) part[i * (n / 3) + j] = k[(3 * i + c) * n + 3 * j + c];
        map alone = map_of(ctx, n / 3, part, false, (cf_diffusion_options){1, 1, dims});
        for (size_t d = 1; d < dims; d++) expected[count++] = alone.values[d];
        map_free(&alone);
      }
      for (size_t c = 0; c <= dims; c++) {
        size_t best = 0;
        if (c < 3) {
          assert_true(m.values[c] == 1);
          continue;
        }
        for (size_t i = 1; i < count; i++)
          if (expected[i] > expected[best]) best = i;
        assert_close(m.values[c], expected[best], 0, 1e-11);
        expected[best] = 0;
      }
      for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < 2; c++) assert_close(m.x[i * dims + c], m.x[i % 3 * dims + c], 1e-12, 0);
      for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < i; j++)
          assert_true(fabs(m.x[i * dims] - m.x[j * dims]) + fabs(m.x[i * dims + 1] - m.x[j * dims + 1]) > 1e-3);
      map_free(&m);
      free(k), free(part);
    }
  cf_context_free(ctx);
}

/* A ring: eigenvalues in pairs, known in closed form, negative ones among them, and the large ones too close
 * together for the iteration. */
static void rings_have_cosines(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  static const size_t sizes[3] = {5, 64, 701};
  for (size_t which = 0; which < 3; which++) {
    const size_t n = sizes[which], dims = n < 8 ? n - 1 : 14;
    uint32_t *a = malloc(n * sizeof *a), *b = malloc(n * sizeof *b);
    double *all = malloc(n * sizeof *all);
    cf_graph *g = NULL;
    cf_diffusion_options o = {1, 1, dims};
    map m = {n, dims, calloc(n * dims, sizeof(double)), calloc(dims + 1, sizeof(double)), NAN};
    for (size_t i = 0; i < n; i++) {
      a[i] = (uint32_t)i;
      b[i] = (uint32_t)((i + 1) % n);
      all[i] = cos(2 * acos(-1.0) * (double)i / (double)n);
    }
    assert_ok(ctx, cf_graph_from_edges(ctx, n, n, a, b, NULL, &g));
    assert_ok(ctx, cf_diffusion_map(ctx, g, &o, m.x, m.values, &m.residual));
    for (size_t c = 0; c <= dims; c++) {
      size_t best = 0;
      for (size_t i = 1; i < n; i++)
        if (fabs(all[i]) > fabs(all[best]) + 1e-14) best = i;
      assert_close(fabs(m.values[c]), fabs(all[best]), 0, 1e-10);
      all[best] = 0;
    }
    map_free(&m);
    cf_graph_free(g);
    free(a), free(b), free(all);
  }
  cf_context_free(ctx);
}

static void what_is_no_kernel(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double k[9] = {1, 0.5, 0, 0.5, 1, 0.5, 0, 0.5, 1}, bad[9], x[9], values[4];
  const cf_diffusion_options good = {1, 1, 2}, wide = {1, 1, 3}, none = {1, 1, 0}, before = {1, -1, 2},
                             odd = {NAN, 1, 2};
  static const struct {
    size_t at;
    double value;
    const char *word;
  } cases[] = {{1, -0.5, "(0, 1)"}, {4, NAN, "(1, 1)"}, {5, INFINITY, "(1, 2)"}, {3, 0.6, "not symmetric"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    memcpy(bad, k, sizeof k);
    bad[cases[i].at] = cases[i].value;
    assert_status(ctx, CF_ERR_INPUT, cf_diffusion_map_full(ctx, 3, bad, &good, x, values, NULL));
    assert_non_null(strstr(cf_context_error(ctx), cases[i].word));
    cf_graph *g = sparse_of(ctx, 3, bad);
    assert_status(ctx, CF_ERR_INPUT, cf_diffusion_map(ctx, g, &good, x, values, NULL));
    cf_graph_free(g);
  }
  memcpy(bad, k, sizeof k);
  bad[5] = bad[7] = bad[8] = 0;
  assert_status(ctx, CF_ERR_INPUT, cf_diffusion_map_full(ctx, 3, bad, &good, x, values, NULL));
  assert_non_null(strstr(cf_context_error(ctx), "row 2 of the kernel sums to 0"));
  bad[8] = 1; /* two components: no weight at time 0 */
  assert_status(ctx, CF_ERR_INPUT,
                cf_diffusion_map_full(ctx, 3, bad, &(cf_diffusion_options){1, 0, 2}, x, values, NULL));
  cf_graph *g = sparse_of(ctx, 3, k);
  g->to[1] = 2; /* (0, 2) without (2, 0) */
  assert_status(ctx, CF_ERR_INPUT, cf_diffusion_map(ctx, g, &good, x, values, NULL));
  cf_graph_free(g);
  assert_status(ctx, CF_ERR_USAGE, cf_diffusion_map_full(ctx, 3, k, &wide, x, values, NULL));
  assert_status(ctx, CF_ERR_USAGE, cf_diffusion_map_full(ctx, 3, k, &none, x, values, NULL));
  assert_status(ctx, CF_ERR_USAGE, cf_diffusion_map_full(ctx, 3, k, &before, x, values, NULL));
  assert_status(ctx, CF_ERR_USAGE, cf_diffusion_map_full(ctx, 3, k, &odd, x, values, NULL));
  assert_status(ctx, CF_ERR_INPUT, cf_diffusion_map_full(ctx, 1, k, &good, x, values, NULL));
  assert_ok(ctx,
            cf_diffusion_map_full(ctx, 2, (double[]){1, 1, 1, 1}, &(cf_diffusion_options){1, 1, 1}, x, values, NULL));
  assert_close(values[1], 0, 0, 1e-15);
  for (size_t i = 0; i < 9; i++) bad[i] = i % 4 == 0; /* three points that know nothing of each other */
  assert_ok(ctx, cf_diffusion_map_full(ctx, 3, bad, &good, x, values, NULL));
  for (size_t i = 0; i < 3; i++) assert_true(values[i] == 1);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(iteration_finds_what_lapack_does),
      cmocka_unit_test(order_and_threads_do_not_matter),
      cmocka_unit_test(alpha_time_and_scale),
      cmocka_unit_test(clouds_apart),
      cmocka_unit_test(rings_have_cosines),
      cmocka_unit_test(what_is_no_kernel),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
