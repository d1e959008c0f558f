/* Systems with inputs from files: the distance of a rotated copy is 0, that of another system is not, and what is
 * identified are the matrices that made the data. */
#include "test.h"
#include <cortifold/io.h>
#include <cortifold/linalg.h>
#include <cortifold/pipeline.h>
#include <unistd.h>

enum { TRIALS = 12, STEPS = 50, STATES = 4, INPUTS = 2, CHANNELS = 6 };
static const double modulus[2] = {0.95, 0.8}, angle[2] = {0.3, 1};
static char folder[] = "/tmp/cf-driven-XXXXXX";
static char path[3][64], apart[2][64]; /* one system, its rotated copy, a faster one; trajectories and inputs alone */

/* x(t+1) = speed A x(t) + B u(t), y = Q C x */
static void simulate(double speed, const double *q, double *y, double *u) {
  cf_rng rng = cf_rng_make(5, 1, 0);
  double b[STATES][INPUTS], c[CHANNELS][STATES];
  for (int i = 0; i < STATES * INPUTS; i++) b[i / INPUTS][i % INPUTS] = cf_rng_normal(&rng);
  for (int i = 0; i < CHANNELS * STATES; i++) c[i / STATES][i % STATES] = cf_rng_normal(&rng);
  for (int r = 0; r < TRIALS; r++) {
    double x[STATES];
    for (int i = 0; i < STATES; i++) x[i] = cf_rng_normal(&rng);
    for (int t = 0; t < STEPS; t++, y += CHANNELS, u += INPUTS) {
      double next[STATES], plain[CHANNELS] = {0};
      for (int i = 0; i < INPUTS; i++) u[i] = cf_rng_normal(&rng);
      for (int i = 0; i < CHANNELS; i++)
        for (int j = 0; j < STATES; j++) plain[i] += c[i][j] * x[j];
      for (int i = 0; i < CHANNELS; i++) {
        y[i] = q ? 0 : plain[i];
        for (int j = 0; j < CHANNELS && q; j++) y[i] += q[i * CHANNELS + j] * plain[j];
      }
      for (int k = 0; k < 2; k++) {
        const double cs = speed * modulus[k] * cos(angle[k]), sn = speed * modulus[k] * sin(angle[k]);
        next[2 * k] = cs * x[2 * k] - sn * x[2 * k + 1];
        next[2 * k + 1] = sn * x[2 * k] + cs * x[2 * k + 1];
      }
      for (int i = 0; i < STATES; i++) x[i] = next[i] + b[i][0] * u[0] + b[i][1] * u[1];
    }
  }
}

static void put(cf_context *ctx, const char *file, const double *y, const double *u) {
  const cf_io_write_options write = CF_IO_WRITE_OPTIONS_INIT;
  cf_dataset *set = NULL;
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  if (y) assert_ok(ctx, cf_dataset_put(ctx, set, "trajectories", 3, (const size_t[]){TRIALS, STEPS, CHANNELS}, y));
  if (u) assert_ok(ctx, cf_dataset_put(ctx, set, "drive", 3, (const size_t[]){TRIALS, STEPS, INPUTS}, u));
  assert_ok(ctx, cf_io_write(ctx, file, set, &write));
  cf_dataset_free(set);
}

static int setup(void **state) {
  (void)state;
  static double y[TRIALS * STEPS * CHANNELS], u[TRIALS * STEPS * INPUTS];
  double q[CHANNELS * CHANNELS];
  cf_context *ctx = test_context();
  cf_rng rng = cf_rng_make(5, 2, 0);
  for (size_t i = 0; i < CHANNELS * CHANNELS; i++) q[i] = cf_rng_normal(&rng);
  assert_ok(ctx, cf_qr(ctx, CHANNELS, CHANNELS, q, NULL));
  assert_non_null(mkdtemp(folder));
  for (int k = 0; k < 3; k++) {
    snprintf(path[k], sizeof path[k], "%s/%c.npz", folder, 'a' + k);
    simulate(k == 2 ? 0.7 : 1, k == 1 ? q : NULL, y, u);
    put(ctx, path[k], y, u);
  }
  for (int k = 0; k < 2; k++) snprintf(apart[k], sizeof apart[k], "%s/%s.npy", folder, k ? "u" : "y");
  put(ctx, apart[0], y, NULL);
  put(ctx, apart[1], NULL, u);
  cf_context_free(ctx);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  for (int k = 0; k < 3; k++) unlink(path[k]);
  for (int k = 0; k < 2; k++) unlink(apart[k]);
  return rmdir(folder);
}

/* options: name, text, ..., NULL */
static cf_result *run(cf_context *ctx, const char *analysis, const char *x, const char *y, const char *const *options) {
  const cf_analysis *a = cf_analysis_find(analysis);
  const cf_param *tables[2] = {a->params, cf_common_params()};
  cf_options *o = NULL;
  cf_result *out = NULL;
  assert_ok(ctx, cf_options_new(ctx, tables, 2, &o));
  assert_ok(ctx, cf_options_add_argument(ctx, o, x));
  if (y) assert_ok(ctx, cf_options_add_argument(ctx, o, y));
  for (; options[0]; options += 2) assert_ok(ctx, cf_options_set(ctx, o, options[0], options[1]));
  assert_ok(ctx, cf_result_new(ctx, &out));
  assert_ok(ctx, a->run(ctx, o, out));
  cf_options_free(o);
  return out;
}

static double value(const cf_result *r, size_t i, const char *key) {
  return cf_json_as_number(cf_json_get(cf_json_at(cf_json_get(r->values, "measures"), i), key));
}

#define MEASURES "dsa-input-angular,dsa-input-euclidean"

static void rotated_copy(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (int paper = 0; paper < 2; paper++) {
    const char *const o[] = {"measure",      MEASURES, "inputs", "drive",
                             "delays",       "3",      "preset", paper ? "paper" : "clean",
                             "permutations", "19",     NULL};
    cf_result *r = run(ctx, "compare", path[0], path[1], o);
    for (size_t m = 0; m < 2; m++) {
      assert_true(value(r, m, "value") < 1e-10);
      assert_true(value(r, m, "null_mean") > 0.1); /* shuffled time is another system */
      assert_close(value(r, m, "p"), 0.05, 0, 1e-12);
    }
    cf_result_free(r);
    r = run(ctx, "compare", path[0], path[2], o);
    assert_true(value(r, 0, "value") > 0.1 && value(r, 1, "value") > 0.1);
    cf_result_free(r);
  }
  cf_context_free(ctx);
}

/* Members beside the trajectories or files of their own: the same number; distances has it in its matrix. */
static void where_inputs_lie(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  char list[200];
  snprintf(list, sizeof list, "%s:drive,%s", path[0], apart[1]);
  cf_result *beside =
      run(ctx, "compare", path[0], path[2],
          (const char *const[]){"measure", MEASURES, "inputs", "drive", "rank", "4", "delays", "3", NULL});
  cf_result *listed = run(ctx, "compare", path[0], apart[0],
                          (const char *const[]){"measure", MEASURES, "inputs", list, "rank", "4", "delays", "3", NULL});
  cf_result *all = run(ctx, "distances", path[0], path[2],
                       (const char *const[]){"measure", "dsa-input-euclidean", "inputs", "drive", "delays", "3", NULL});
  for (size_t m = 0; m < 2; m++) assert_true(value(beside, m, "value") == value(listed, m, "value"));
  const cf_json *d = cf_json_get(all->values, "distances");
  assert_true(cf_json_as_number(cf_json_at(cf_json_at(d, 0), 1)) == value(beside, 1, "value"));
  assert_true(cf_json_as_number(cf_json_at(cf_json_at(d, 1), 0)) == value(beside, 1, "value"));
  cf_result_free(beside);
  cf_result_free(listed);
  cf_result_free(all);
  cf_context_free(ctx);
}

static void identified(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_result *r = run(ctx, "dynamics", path[1], NULL, (const char *const[]){"inputs", "drive", "delays", "3", NULL});
  const cf_json *s = cf_json_get(r->values, "system"), *list = cf_json_get(s, "eigenvalues");
  assert_int_equal((int)cf_json_as_number(cf_json_get(s, "order")), STATES);
  for (size_t i = 0; i < STATES; i++) {
    const cf_json *z = cf_json_at(list, i);
    const double turn = i % 2 ? -angle[i / 2] : angle[i / 2];
    assert_close(cf_json_as_number(cf_json_at(z, 0)), modulus[i / 2] * cos(turn), 0, 1e-8);
    assert_close(cf_json_as_number(cf_json_at(z, 1)), modulus[i / 2] * sin(turn), 0, 1e-8);
  }
  assert_non_null(cf_dataset_get(r->arrays, "system/B"));
  cf_result_free(r);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(rotated_copy), cmocka_unit_test(where_inputs_lie),
                                     cmocka_unit_test(identified)};
  return cmocka_run_group_tests(tests, setup, teardown);
}
