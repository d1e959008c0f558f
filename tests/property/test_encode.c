/* The encoding manifold does not depend on what it must not depend on: the order of neurons, where the directions
 * begin, the unit of the responses, the number of threads. */
#include "test.h"
#include <cortifold/io.h>
#include <cortifold/pipeline.h>
#include <unistd.h>

enum { N = 70, S = 4, D = 8, T = 12, R = 4, P = D * T };
static char folder[] = "/tmp/cf-encode-XXXXXX", path[64];

/* Non-negative maps of R components with a few neurons sharing each, turned by a shift per map, with noise. */
static void make_responses(uint32_t seed, double *x) {
  cf_rng rng = cf_rng_make(11, 5, seed);
  double stimulus[S * R], pattern[P * R], weight[R];
  for (size_t i = 0; i < S * R; i++) stimulus[i] = cf_rng_uniform(&rng);
  for (size_t r = 0; r < R; r++) {
    const double at = cf_rng_uniform(&rng) * T, width = 1 + 3 * cf_rng_uniform(&rng);
    const double sharp = 0.5 + 2 * cf_rng_uniform(&rng);
    for (size_t d = 0; d < D; d++)
      for (size_t t = 0; t < T; t++)
        pattern[(d + D * t) * R + r] =
            exp(sharp * (cos(6.28318 * (double)d / D) - 1)) * exp(-pow(((double)t - at) / width, 2));
  }
  for (size_t n = 0; n < N; n++) {
    for (size_t r = 0; r < R; r++) weight[r] = cf_rng_gamma(&rng, 0.6);
    for (size_t s = 0; s < S; s++) {
      const size_t k = cf_rng_below(&rng, D);
      for (size_t d = 0; d < D; d++)
        for (size_t t = 0; t < T; t++) {
          double sum = 0.002 * cf_rng_uniform(&rng);
          for (size_t r = 0; r < R; r++)
            sum += weight[r] * stimulus[s * R + r] * pattern[((d + k) % D + D * t) * R + r];
          x[((n * S + s) * D + d) * T + t] = sum;
        }
    }
  }
}

static cf_result *encode(const double *x, int threads) {
  cf_context *ctx = NULL;
  cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
  cf_dataset *set = NULL;
  cf_options *options = NULL;
  cf_result *result = NULL;
  const cf_analysis *a = cf_analysis_find("encode");
  static const char *const given[][2] = {{"rank", "4"},       {"restarts", "4"},      {"far", "1"},
                                         {"near", "1"},       {"min-cluster", "5"},   {"permutations", "40"},
                                         {"prepare", "none"}, {"tolerance", "1e-11"}, {"sweeps", "4000"}};
  cf_io_write_options write = CF_IO_WRITE_OPTIONS_INIT;
  o.seed = 4;
  o.threads = threads;
  write.force = true;
  assert_int_equal(cf_context_new(&o, &ctx), CF_OK);
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  assert_ok(ctx, cf_dataset_put(ctx, set, "responses", 4, (const size_t[]){N, S, D, T}, x));
  assert_ok(ctx, cf_io_write(ctx, path, set, &write));
  const cf_param *const tables[] = {a->params, cf_common_params()};
  assert_ok(ctx, cf_options_new(ctx, tables, 2, &options));
  assert_ok(ctx, cf_options_add_argument(ctx, options, path));
  for (size_t i = 0; i < sizeof given / sizeof *given; i++)
    assert_ok(ctx, cf_options_set(ctx, options, given[i][0], given[i][1]));
  assert_ok(ctx, cf_result_new(ctx, &result));
  assert_ok(ctx, a->run(ctx, options, result));
  cf_options_free(options);
  cf_dataset_free(set);
  cf_context_free(ctx);
  return result;
}

static const double *numbers(const cf_result *r, const char *name, size_t *count) {
  const cf_array *a = cf_dataset_get(r->arrays, name);
  assert_non_null(a);
  assert_int_equal(a->dtype, CF_F64);
  *count = cf_array_count(a);
  return a->data;
}

/* Coordinates of point i of `a` against those of the point of `b` that is the same neuron; columns up to sign. */
static void assert_same_manifold(const cf_result *a, const cf_result *b, const size_t *b_neuron, uint32_t seed) {
  const cf_array *ka = cf_dataset_get(a->arrays, "kept"), *kb = cf_dataset_get(b->arrays, "kept");
  size_t na, nb;
  const double *xa = numbers(a, "coordinates", &na), *xb = numbers(b, "coordinates", &nb);
  if (na != nb || cf_array_count(ka) != cf_array_count(kb)) fail_msg("seed %u: other points are kept", seed);
  const size_t n = cf_array_count(ka), dims = na / n;
  for (size_t c = 0; c < 3; c++) {
    double sign = 0, scale = 0;
    for (size_t i = 0; i < na; i += dims) scale = fmax(scale, fabs(xa[i + c]));
    for (size_t i = 0; i < n; i++) {
      const size_t neuron = (size_t)((int64_t *)ka->data)[i];
      size_t j = 0;
      while (j < n && b_neuron[((int64_t *)kb->data)[j]] != neuron) j++;
      if (j == n) fail_msg("seed %u: neuron %zu is missing", seed, neuron);
      const double va = xa[i * dims + c], vb = xb[j * dims + c];
      if (sign == 0 && fabs(va) > 0.3 * scale) sign = va * vb > 0 ? 1 : -1;
      if (fabs(va) > 0.3 * scale && fabs(va - sign * vb) > 1e-4 * scale)
        fail_msg("seed %u: coordinate %zu of neuron %zu is %g, then %g", seed, c, neuron, va, sign * vb);
    }
  }
}

static void the_manifold_is_invariant(void **state) {
  (void)state;
  static double x[N * S * P], y[N * S * P];
  size_t same[N], order[N];
  for (uint32_t c = 0; c < test_cases(2); c++) {
    make_responses(c, x);
    cf_rng rng = cf_rng_make(12, 6, c);
    for (size_t i = 0; i < N; i++) same[i] = i;
    cf_result *first = encode(x, 1), *other = encode(x, 2);
    size_t count, again;
    const double *a = numbers(first, "coordinates", &count), *b = numbers(other, "coordinates", &again);
    assert_int_equal(count, again);
    assert_memory_equal(a, b, count * sizeof *a); /* threads */
    cf_result_free(other);

    cf_rng_permutation(&rng, N, order); /* order of neurons */
    for (size_t i = 0; i < N; i++) memcpy(y + i * S * P, x + order[i] * S * P, S * P * sizeof *x);
    other = encode(y, 2);
    assert_same_manifold(first, other, order, c);
    cf_result_free(other);

    for (size_t i = 0; i < N * S * P; i++) y[i] = 32 * x[i]; /* unit */
    other = encode(y, 2);
    assert_same_manifold(first, other, same, c);
    cf_result_free(other);

    for (size_t m = 0; m < N * S; m++) /* where directions begin */
      for (size_t d = 0; d < D; d++) memcpy(y + m * P + d * T, x + m * P + (d + 3) % D * T, T * sizeof *x);
    other = encode(y, 2);
    assert_same_manifold(first, other, same, c);
    cf_result_free(other);
    cf_result_free(first);
  }
}

static int setup(void **state) {
  (void)state;
  if (!mkdtemp(folder)) return -1;
  snprintf(path, sizeof path, "%s/x.npz", folder);
  return 0;
}
static int teardown(void **state) {
  (void)state;
  unlink(path);
  return rmdir(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_manifold_is_invariant)};
  return cmocka_run_group_tests(tests, setup, teardown);
}
