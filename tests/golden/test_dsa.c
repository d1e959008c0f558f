/* Golden values of dynamical similarity analysis: tests/golden/dynamics-dsa, one check for each entry of expected.json.
 */
#include "test.h"
#include <cortifold/dynamics.h>
#include <cortifold/io.h>
#include <cortifold/json.h>

#define FOLDER CF_TEST_DIR "/golden/dynamics-dsa/"

static cf_json *expected;

static cf_array *read_array(cf_context *ctx, const char *file, const char *member) {
  char address[600];
  cf_array *a = NULL;
  snprintf(address, sizeof address, member ? "%s%s:%s" : "%s%s", FOLDER, file, member);
  assert_ok(ctx, cf_io_read(ctx, address, NULL, &a));
  if (a->dtype != CF_C64 && a->dtype != CF_C128) assert_ok(ctx, cf_array_to_doubles(ctx, a));
  return a;
}

static double number(const cf_json *o, const char *key) {
  return cf_json_as_number(cf_json_get(o, key));
}
static const char *text(const cf_json *o, const char *key) {
  return cf_json_as_text(cf_json_get(o, key));
}
static bool null(const cf_json *o, const char *key) {
  return isnan(number(o, key));
}

/* value <= golden (1 + 1e-3) + 1e-6 and value >= golden - 1e-6: other optima lie above, nothing below. */
static void assert_minimum(const char *what, double value, double golden) {
  if (!(value <= golden * (1 + 1e-3) + 1e-6 && value >= golden - 1e-6))
    fail_msg("%s: %.12g, golden %.12g", what, value, golden);
}

static void check_pair(cf_context *ctx, const char *name, const cf_json *want, const cf_operator *a,
                       const cf_operator *b) {
  cf_dsa_match m;
  double w;
  assert_ok(ctx, cf_dsa_align(ctx, a, b, NULL, &m, NULL));
  const bool same = number(want, "euclidean") == 0;
  assert_minimum(name, m.euclidean, number(want, "euclidean"));
  if (same)
    assert_true(m.euclidean < 1e-6 && m.angular < 1e-3);
  else
    assert_minimum(name, m.angular, number(want, "angular"));
  assert_true(m.converged);
  const double known = number(want, "known_optimum");
  if (!isnan(known)) assert_close(m.euclidean, known, 1e-6, 1e-6);
  assert_ok(ctx, cf_dsa_wasserstein(ctx, a->n, a->eigenvalue, b->n, b->eigenvalue, NULL, &w));
  assert_close(w, number(want, "wasserstein"), 1e-5, 1e-7);
  if (same && number(want, "wasserstein") == 0) assert_true(w < 1e-9);
}

static void test_pairs(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const cf_json *list = cf_json_get(expected, "pairs");
  for (size_t i = 0; i < cf_json_count(list); i++) {
    const cf_json *e = cf_json_at(list, i);
    cf_array *a = read_array(ctx, text(e, "input"), "A"), *b = read_array(ctx, text(e, "input"), "B");
    const cf_view va = cf_array_view(a), vb = cf_array_view(b);
    cf_operator *oa = NULL, *ob = NULL;
    assert_ok(ctx, cf_operator_from_matrix(ctx, &va, "A", &oa));
    assert_ok(ctx, cf_operator_from_matrix(ctx, &vb, "B", &ob));
    check_pair(ctx, text(e, "name"), e, oa, ob);
    cf_operator_free(oa);
    cf_operator_free(ob);
    cf_array_free(a);
    cf_array_free(b);
  }
  assert_true(cf_json_count(list) >= 11);
  cf_context_free(ctx);
}

static cf_operator *fit(cf_context *ctx, const cf_array *x, const cf_operator_options *o) {
  cf_view trial[64];
  const cf_view all = cf_array_view(x);
  cf_operator *op = NULL;
  assert_true(x->shape[0] <= 64);
  for (size_t i = 0; i < x->shape[0]; i++) trial[i] = cf_view_index(all, 0, i);
  const cf_trajectories t = {x->shape[0], trial, "x"};
  assert_ok(ctx, cf_operator_fit(ctx, &t, o, &op));
  return op;
}

static void assert_matrix(const char *what, const double *got, const cf_array *want, double rtol) {
  double most = 0;
  for (size_t i = 0; i < cf_array_count(want); i++) most = fmax(most, fabs(cf_array_number(want, i)));
  for (size_t i = 0; i < cf_array_count(want); i++)
    if (!(fabs(got[i] - cf_array_number(want, i)) <= rtol * most))
      fail_msg("%s[%zu] = %.15g, golden %.15g", what, i, got[i], cf_array_number(want, i));
}

static void assert_full(cf_context *ctx, const char *what, const cf_operator *op, const cf_array *want, double rtol) {
  double *full = malloc(op->dims * op->dims * sizeof *full);
  assert_int_equal(cf_array_count(want), op->dims * op->dims);
  assert_ok(ctx, cf_operator_full(ctx, op, full));
  assert_matrix(what, full, want, rtol);
  free(full);
}

static void test_trajectories(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const cf_json *list = cf_json_get(expected, "trajectories");
  for (size_t i = 0; i < cf_json_count(list); i++) {
    const cf_json *e = cf_json_at(list, i);
    char file[200];
    cf_array *x = read_array(ctx, text(e, "x"), NULL), *y = read_array(ctx, text(e, "y"), NULL);
    cf_operator *a = fit(ctx, x, NULL), *b = fit(ctx, y, NULL);
    snprintf(file, sizeof file, "%s_operators.npz", text(e, "name"));
    cf_array *wa = read_array(ctx, file, "A"), *wb = read_array(ctx, file, "B");
    assert_full(ctx, file, a, wa, 1e-7);
    assert_full(ctx, file, b, wb, 1e-7);
    check_pair(ctx, text(e, "name"), e, a, b);
    cf_array_free(wa);
    cf_array_free(wb);
    cf_array_free(x);
    cf_array_free(y);
    cf_operator_free(a);
    cf_operator_free(b);
  }
  assert_true(cf_json_count(list) >= 5);
  cf_context_free(ctx);
}

static void test_operators(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const cf_json *list = cf_json_get(expected, "operators");
  cf_array *x = read_array(ctx, "operators.npz", "x");
  for (size_t i = 0; i < cf_json_count(list); i++) {
    const cf_json *e = cf_json_at(list, i);
    char member[200];
    cf_operator_options o = CF_OPERATOR_OPTIONS_INIT;
    o.delays = (size_t)number(e, "delays");
    o.interval = (size_t)number(e, "interval");
    if (!null(e, "rank")) o.rank = (cf_rank){CF_RANK_FIXED, number(e, "rank")};
    o.ridge = number(e, "alpha");
    o.steps = (size_t)number(e, "steps_ahead");
    o.reduced_rank = strcmp(text(e, "form"), "reduced-rank") == 0;
    cf_operator *op = fit(ctx, x, &o);
    snprintf(member, sizeof member, "full_%s", text(e, "name"));
    cf_array *full = read_array(ctx, "operators.npz", member);
    assert_full(ctx, member, op, full, number(e, "rel_tol"));
    cf_array_free(full);
    cf_operator_free(op);
  }
  assert_true(cf_json_count(list) >= 6);
  cf_array_free(x);
  cf_context_free(ctx);
}

static void test_delay_embedding(void **state) {
  (void)state;
  static const size_t cases[][2] = {{1, 1}, {3, 1}, {2, 3}, {4, 2}};
  cf_context *ctx = test_context();
  cf_array *x = read_array(ctx, "delay_embedding.npz", "x");
  cf_view trial[8];
  size_t length[8];
  for (size_t r = 0; r < x->shape[0]; r++) trial[r] = cf_view_index(cf_array_view(x), 0, r);
  const cf_trajectories t = {x->shape[0], trial, "x"};
  for (size_t i = 0; i < 4; i++) {
    char member[64];
    double out[1024];
    snprintf(member, sizeof member, "h_q%zu_tau%zu", cases[i][0], cases[i][1]);
    cf_array *want = read_array(ctx, "delay_embedding.npz", member);
    assert_ok(ctx, cf_delay_embed(ctx, &t, cases[i][0], cases[i][1], out, length));
    assert_int_equal(length[0], want->shape[1]);
    for (size_t k = 0; k < cf_array_count(want); k++) assert_true(out[k] == cf_array_number(want, k));
    cf_array_free(want);
  }
  cf_array_free(x);
  cf_context_free(ctx);
}

/* Pairs (re, im) of a complex or real array; up to 16. */
static const double *pairs_of(const cf_array *a, double *out) {
  if (a->dtype == CF_C128) return a->data;
  for (size_t i = 0; i < a->shape[0] && i < 16; i++) {
    out[2 * i] = cf_array_number(a, i);
    out[2 * i + 1] = 0;
  }
  return out;
}

static void test_unequal_spectra(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const cf_json *e = cf_json_get(expected, "wasserstein_unequal");
  cf_array *a = read_array(ctx, text(e, "input"), "a"), *b = read_array(ctx, text(e, "input"), "b");
  cf_dsa_options o = CF_DSA_OPTIONS_INIT;
  double value, room[2][32];
  const double *pa = pairs_of(a, room[0]), *pb = pairs_of(b, room[1]);
  assert_ok(ctx, cf_dsa_wasserstein(ctx, a->shape[0], pa, b->shape[0], pb, &o, &value));
  assert_close(value, number(e, "zero_padded"), 1e-9, 0);
  o.weights = true;
  assert_ok(ctx, cf_dsa_wasserstein(ctx, a->shape[0], pa, b->shape[0], pb, &o, &value));
  assert_close(value, number(e, "unequal_weights"), 1e-9, 0);
  o.root = true;
  assert_ok(ctx, cf_dsa_wasserstein(ctx, a->shape[0], pa, b->shape[0], pb, &o, &value));
  assert_close(value * value, number(e, "unequal_weights"), 1e-9, 0);
  cf_array_free(a);
  cf_array_free(b);
  cf_context_free(ctx);
}

static void test_delay_rule(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const cf_json *list = cf_json_get(expected, "fastdsa");
  for (size_t i = 0; i < cf_json_count(list); i++) {
    const cf_json *e = cf_json_at(list, i);
    cf_array *x = read_array(ctx, "fastdsa_signals.npz", text(e, "name"));
    const cf_view view = cf_array_view(x);
    cf_delay_rule r;
    assert_ok(ctx, cf_delay_choose(ctx, &view, &r));
    assert_close(r.correlation_time, number(e, "tau_int_samples"), 0, 1e-9);
    assert_int_equal(r.by_correlation, number(e, "q_acf"));
    assert_int_equal(r.by_period, number(e, "q_period"));
    assert_int_equal(r.by_length, number(e, "q_prop"));
    assert_int_equal(r.least, number(e, "q_min"));
    assert_int_equal(r.most, number(e, "q_geom"));
    assert_int_equal(r.first, number(e, "q0"));
    assert_int_equal(r.first_rank, number(e, "r0_svht"));
    assert_int_equal(r.delays, number(e, "q_star"));
    assert_int_equal(r.rank, number(e, "r_star"));
    cf_array_free(x);
  }
  assert_true(cf_json_count(list) >= 7);
  cf_context_free(ctx);
}

static void test_input_distance(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const cf_json *list = cf_json_get(expected, "input_dsa");
  for (size_t i = 0; i < cf_json_count(list); i++) {
    const cf_json *e = cf_json_at(list, i);
    cf_input_system s[2] = {{0}, {0}};
    cf_array *a[2], *b[2], *k[2];
    double out[2][1024], euclidean, angular;
    for (int j = 0; j < 2; j++) {
      a[j] = read_array(ctx, text(e, "input"), j ? "A2" : "A1");
      b[j] = read_array(ctx, text(e, "input"), j ? "B2" : "B1");
      k[j] = read_array(ctx, text(e, "input"), j ? "K2" : "K1");
      s[j].n = a[j]->shape[0];
      s[j].inputs = b[j]->shape[1];
      s[j].a = a[j]->data;
      s[j].b = b[j]->data;
    }
    for (int published = 0; published < 2; published++) {
      const cf_json *want = cf_json_get(e, published ? "paper_K" : "plain");
      for (int j = 0; j < 2; j++) assert_ok(ctx, cf_controllability(ctx, &s[j], published, out[j]));
      for (size_t j = 0; j < cf_array_count(k[0]) && !published; j++)
        assert_close(out[0][j], cf_array_number(k[0], j), 1e-12, 1e-13);
      assert_ok(ctx, cf_input_distance(ctx, s[0].n, s[0].inputs * (published ? 2 * s[0].n - 1 : s[0].n), out[0], out[1],
                                       &euclidean, &angular, NULL));
      assert_close(euclidean, number(want, "euclidean"), 1e-9, 1e-9);
      assert_close(angular, number(want, "angular"), 1e-9, 1e-7);
    }
    for (int j = 0; j < 2; j++) {
      cf_array_free(a[j]);
      cf_array_free(b[j]);
      cf_array_free(k[j]);
    }
  }
  assert_true(cf_json_count(list) >= 3);
  cf_context_free(ctx);
}

static void assert_same_spectrum(const cf_input_system *s, const cf_array *want, double tolerance) {
  double room[32];
  const double *v = pairs_of(want, room);
  assert_int_equal(want->shape[0], s->n);
  for (size_t i = 0; i < s->n; i++) {
    double best = INFINITY;
    for (size_t k = 0; k < s->n; k++)
      best = fmin(best, hypot(s->eigenvalue[2 * k] - v[2 * i], s->eigenvalue[2 * k + 1] - v[2 * i + 1]));
    assert_true(best <= tolerance);
  }
}

static void test_subspace(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const cf_json *list = cf_json_get(expected, "subspace");
  for (size_t i = 0; i < cf_json_count(list); i++) {
    const cf_json *e = cf_json_at(list, i);
    cf_array *y = read_array(ctx, text(e, "input"), "outputs"), *u = read_array(ctx, text(e, "input"), "inputs");
    cf_array *markov = read_array(ctx, text(e, "input"), "markov"),
             *eigen = read_array(ctx, text(e, "input"), "eigenvalues");
    cf_view ty[64], tu[64];
    for (size_t r = 0; r < y->shape[0]; r++) {
      ty[r] = cf_view_index(cf_array_view(y), 0, r);
      tu[r] = cf_view_index(cf_array_view(u), 0, r);
    }
    const cf_trajectories out = {y->shape[0], ty, "outputs"}, in = {u->shape[0], tu, "inputs"};
    cf_input_system *s = NULL;
    assert_ok(ctx,
              cf_subspace_identify(ctx, &out, &in, (size_t)number(e, "delays"), (size_t)number(e, "order"), 1e-8, &s));
    assert_same_spectrum(s, eigen, number(e, "abs_tol_eigenvalue"));
    double *x = malloc(s->n * s->inputs * sizeof *x), *next = malloc(s->n * s->inputs * sizeof *x), most = 0;
    memcpy(x, s->b, s->n * s->inputs * sizeof *x);
    for (size_t j = 0; j < cf_array_count(markov); j++) most = fmax(most, fabs(cf_array_number(markov, j)));
    for (size_t k = 0, at = 0; k < markov->shape[0]; k++) {
      for (size_t a = 0; a < s->outputs; a++)
        for (size_t b = 0; b < s->inputs; b++, at++) {
          double sum = 0;
          for (size_t j = 0; j < s->n; j++) sum += s->c[a * s->n + j] * x[j * s->inputs + b];
          assert_close(sum, cf_array_number(markov, at), number(e, "rel_tol_markov"),
                       most * number(e, "rel_tol_markov"));
        }
      for (size_t a = 0; a < s->n; a++)
        for (size_t b = 0; b < s->inputs; b++) {
          next[a * s->inputs + b] = 0;
          for (size_t j = 0; j < s->n; j++) next[a * s->inputs + b] += s->a[a * s->n + j] * x[j * s->inputs + b];
        }
      memcpy(x, next, s->n * s->inputs * sizeof *x);
    }
    free(x);
    free(next);
    cf_input_system_free(s);
    cf_array_free(y);
    cf_array_free(u);
    cf_array_free(markov);
    cf_array_free(eigen);
  }
  assert_true(cf_json_count(list) >= 2);
  cf_context_free(ctx);
}

static int load(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  char *bytes = NULL;
  size_t size = 0;
  assert_ok(ctx, cf_io_read_bytes(ctx, FOLDER "expected.json", (size_t)1 << 24, &bytes, &size));
  assert_ok(ctx, cf_json_parse(ctx, "expected.json", bytes, size, &expected));
  cf_free(bytes);
  cf_context_free(ctx);
  return 0;
}
static int unload(void **state) {
  (void)state;
  cf_json_free(expected);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_pairs),           cmocka_unit_test(test_trajectories),    cmocka_unit_test(test_operators),
      cmocka_unit_test(test_delay_embedding), cmocka_unit_test(test_unequal_spectra), cmocka_unit_test(test_delay_rule),
      cmocka_unit_test(test_input_distance),  cmocka_unit_test(test_subspace),
  };
  return cmocka_run_group_tests_name("golden dynamical similarity", tests, load, unload);
}
