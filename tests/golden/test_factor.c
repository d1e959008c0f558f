/* Golden factorisations of golden/tensor/expected.json through the program. Nothing that it says is believed: shifts
 * and error are computed anew from the factors that it wrote, and components are set against the planted ones. */
#include "test.h"
#include <cortifold/io.h>
#include <cortifold/json.h>
#include <cortifold/tensor.h>
#include <unistd.h>

#define GOLDEN CF_TEST_DIR "/golden/tensor/"

typedef struct solution {
  cf_array *x, *a, *b, *c, *lambda, *shift;
  size_t n, s, d, t, r;
} solution;

static cf_array *member(cf_context *ctx, const char *path, const char *name) {
  char address[700];
  cf_array *a = NULL;
  snprintf(address, sizeof address, "%s%s%s", path, name ? ":" : "", name ? name : "");
  assert_ok(ctx, cf_io_read(ctx, address, NULL, &a));
  assert_ok(ctx, cf_array_to_doubles(ctx, a));
  return a;
}

static double value(const cf_array *a, size_t i) {
  return ((const double *)a->data)[i];
}

static double model(const solution *u, size_t n, size_t s, size_t p) {
  double m = 0;
  for (size_t r = 0; r < u->r; r++)
    m += value(u->lambda, r) * value(u->a, n * u->r + r) * value(u->b, s * u->r + r) * value(u->c, p * u->r + r);
  return m;
}

/* <rot_k X, M> and ||rot_k X - M||^2 of one map */
static double score(const solution *u, size_t n, size_t s, size_t k, const double *m, double *rest) {
  double sum = 0;
  *rest = 0;
  for (size_t t = 0; t < u->t; t++)
    for (size_t d = 0; d < u->d; d++) {
      const double x = value(u->x, ((n * u->s + s) * u->d + (d + u->d - k) % u->d) * u->t + t), y = m[d + u->d * t];
      sum += x * y;
      *rest += (x - y) * (x - y);
    }
  return sum;
}

/* The error of what was written; fails when a shift is not the best. */
static double error_of(const solution *u, bool shifts) {
  double rest = 0, total = 0, *m = calloc(u->d * u->t, sizeof *m);
  for (size_t i = 0; i < cf_array_count(u->x); i++) total += value(u->x, i) * value(u->x, i);
  for (size_t n = 0; n < u->n; n++)
    for (size_t s = 0; s < u->s; s++) {
      const size_t kept = (size_t)value(u->shift, n * u->s + s);
      double own, other;
      for (size_t p = 0; p < u->d * u->t; p++) m[p] = model(u, n, s, p);
      const double best = score(u, n, s, kept, m, &own);
      for (size_t k = 0; shifts && k < u->d; k++) {
        const double there = score(u, n, s, k, m, &other);
        if (there > best + 1e-10 * fabs(best)) fail_msg("map %zu %zu: shift %zu beats %zu", n, s, k, kept);
      }
      if (!shifts) assert_int_equal(kept, 0);
      rest += own;
    }
  free(m);
  return 100 * rest / total;
}

static void check_form(const solution *u) {
  const cf_array *factors[3] = {u->a, u->b, u->c};
  for (size_t r = 0; r < u->r; r++) {
    if (r > 0) assert_true(value(u->lambda, r) <= value(u->lambda, r - 1));
    for (size_t f = 0; f < 3; f++) {
      double norm = 0;
      for (size_t i = 0; i < factors[f]->shape[0]; i++) {
        const double v = value(factors[f], i * u->r + r);
        assert_true(v >= 0);
        norm += v * v;
      }
      assert_close(norm, 1, 1e-12, 0);
    }
  }
}

static void copy_factors(const cf_array *a, const cf_array *b, const cf_array *c, cf_factors *f) {
  memcpy(f->neuron, a->data, cf_array_count(a) * sizeof(double));
  memcpy(f->stimulus, b->data, cf_array_count(b) * sizeof(double));
  memcpy(f->pattern, c->data, cf_array_count(c) * sizeof(double));
}

/* Least congruence of matched components with the planted ones. */
static double least_congruence(cf_context *ctx, const solution *u, const char *truth, bool shifts) {
  cf_factors *f = NULL, *g = NULL;
  double mean, each[16], least = 1;
  cf_array *a = member(ctx, truth, "neuron"), *b = member(ctx, truth, "stimulus"), *c = member(ctx, truth, "pattern");
  assert_ok(ctx, cf_factors_new(ctx, u->n, u->s, u->d, u->t, u->r, &f));
  assert_ok(ctx, cf_factors_new(ctx, u->n, u->s, u->d, u->t, u->r, &g));
  copy_factors(a, b, c, f);
  copy_factors(u->a, u->b, u->c, g);
  assert_ok(ctx, cf_factors_normalise(ctx, f));
  assert_ok(ctx, cf_factors_normalise(ctx, g));
  assert_ok(ctx, cf_factor_congruence(ctx, f, g, shifts, &mean, NULL, each));
  for (size_t r = 0; r < u->r; r++) least = fmin(least, each[r]);
  cf_array_free(a), cf_array_free(b), cf_array_free(c);
  cf_factors_free(f), cf_factors_free(g);
  return least;
}

static double said(cf_context *ctx, const char *path) {
  char *text = NULL;
  size_t size = 0;
  cf_json *json = NULL;
  assert_ok(ctx, cf_io_read_bytes(ctx, path, 1 << 24, &text, &size));
  assert_ok(ctx, cf_json_parse(ctx, path, text, size, &json));
  const double error = cf_json_as_number(cf_json_get(cf_json_get(json, "result"), "error_percent"));
  cf_free(text);
  cf_json_free(json);
  return error;
}

static void check_case(cf_context *ctx, const cf_json *e, const char *folder) {
  char command[1500], input[500], truth[500], out[200], json[200];
  const size_t rank = (size_t)cf_json_as_number(cf_json_get(e, "rank"));
  const bool shifts = !cf_json_as_bool(cf_json_get(e, "no_shift"));
  snprintf(input, sizeof input, GOLDEN "%s", cf_json_as_text(cf_json_get(e, "input")));
  snprintf(truth, sizeof truth, GOLDEN "%s", cf_json_as_text(cf_json_get(e, "truth")));
  snprintf(out, sizeof out, "%s/out.npz", folder);
  snprintf(json, sizeof json, "%s/out.json", folder);
  snprintf(command, sizeof command, "'%s' factor '%s' --rank %zu --restarts %.0f %s --quiet --json -f -o '%s' > '%s'",
           CF_PROGRAM, input, rank, cf_json_as_number(cf_json_get(e, "restarts")), shifts ? "" : "--no-shift", out,
           json);
  assert_int_equal(system(command), 0);
  solution u = {.x = member(ctx, input, NULL),
                .a = member(ctx, out, "neuron"),
                .b = member(ctx, out, "stimulus"),
                .c = member(ctx, out, "pattern"),
                .lambda = member(ctx, out, "lambda"),
                .shift = member(ctx, out, "shift")};
  u.n = u.x->shape[0], u.s = u.x->shape[1], u.d = u.x->shape[2], u.t = u.x->shape[3], u.r = u.a->shape[1];
  assert_int_equal(u.r, rank);
  check_form(&u);
  const double error = error_of(&u, shifts), reference = cf_json_as_number(cf_json_get(e, "error_percent"));
  const double wanted =
      cf_json_as_number(cf_json_get(e, "factor")) * reference + cf_json_as_number(cf_json_get(e, "small"));
  assert_close(said(ctx, json), error, 1e-9, 1e-12);
  if (error > wanted) fail_msg("%s: error %g %%, at most %g is wanted", input, error, wanted);
  const double least = cf_json_as_number(cf_json_get(e, "congruence_min"));
  if (!isnan(least)) {
    const double got = least_congruence(ctx, &u, truth, shifts);
    if (got < least) fail_msg("%s: congruence %g, at least %g is wanted", input, got, least);
  }
  cf_array_free(u.x), cf_array_free(u.a), cf_array_free(u.b), cf_array_free(u.c);
  cf_array_free(u.lambda), cf_array_free(u.shift);
  unlink(out), unlink(json);
}

static void factorisations(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  char folder[] = "/tmp/cortifold_factor_XXXXXX", *text = NULL;
  size_t size = 0;
  cf_json *json = NULL;
  assert_non_null(mkdtemp(folder));
  assert_ok(ctx, cf_io_read_bytes(ctx, GOLDEN "expected.json", 1 << 24, &text, &size));
  assert_ok(ctx, cf_json_parse(ctx, "expected.json", text, size, &json));
  const cf_json *list = cf_json_get(json, "factorisations");
  assert_int_equal(cf_json_count(list), 8);
  for (size_t i = 0; i < cf_json_count(list); i++) check_case(ctx, cf_json_at(list, i), folder);
  rmdir(folder);
  cf_free(text);
  cf_json_free(json);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(factorisations)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
