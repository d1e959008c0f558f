/* V1 beside retina, rebuilt from their published factors as responses sum_r lambda a b c: what decode, tubes and
 * alignment say of them. Loose bounds around what was found once; the order of the two is the point. */
#include "test.h"
#include "pipeline/factor_files.h"
#include <cortifold/io.h>
#include <cortifold/pipeline.h>
#include <unistd.h>

#define FOLDER CF_SHARED_DIR "/data/nem-v1-retina"
enum { V1, RETINA, SETS };
static const char *const id[SETS] = {"v1", "retina"};
static char folder[] = "/tmp/cf-v1-retina-XXXXXX", path[SETS][64];

static void rebuild(cf_context *ctx, int set) {
  static const char *const stimuli[] = {"LF grating", "HF grating", "-1dot", "-3dot", "+1dot", "+3dot"};
  const cf_io_write_options write = CF_IO_WRITE_OPTIONS_INIT;
  char address[1400];
  cf_factor_set *read = NULL;
  cf_dataset *out = NULL;
  cf_array *names = NULL;
  snprintf(address, sizeof address, "%s/%s_neuron.npy,%s/%s_stim.npy,%s/%s_dirtime.npy,%s/%s_lambda.npy", FOLDER,
           id[set], FOLDER, id[set], FOLDER, id[set], FOLDER, id[set]);
  assert_ok(ctx, cf_load_factors(ctx, address, 8, NULL, &read));
  const cf_factors *f = read->fits->restart[0];
  const size_t n = f->neurons, s = f->stimuli, d = f->directions, t = f->times;
  double *x = calloc(n * s * d * t, sizeof *x);
  cf_factors_rebuild(f, x);
  assert_ok(ctx, cf_dataset_new(ctx, &out));
  assert_ok(ctx, cf_dataset_put(ctx, out, "responses", 4, (const size_t[]){n, s, d, t}, x));
  assert_ok(ctx, cf_array_from_texts(ctx, "stimulus", s, stimuli, &names));
  assert_ok(ctx, cf_dataset_add(ctx, out, names));
  assert_ok(ctx, cf_io_write(ctx, path[set], out, &write));
  cf_dataset_free(out);
  cf_factor_set_free(read);
  free(x);
}

static int setup(void **state) {
  (void)state;
  if (access(FOLDER, R_OK) != 0) return 0;
  cf_context *ctx = test_context();
  assert_non_null(mkdtemp(folder));
  for (int k = 0; k < SETS; k++) {
    snprintf(path[k], sizeof path[k], "%s/%s.npz", folder, id[k]);
    rebuild(ctx, k);
  }
  cf_context_free(ctx);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  for (int k = 0; k < SETS; k++) unlink(path[k]);
  rmdir(folder);
  return 0;
}

static void need_data(void) {
  if (access(FOLDER, R_OK) == 0) return;
  printf("SKIPPED: %s is not here\n", FOLDER);
  skip();
}

/* options: name, text, ..., NULL */
static cf_result *run(cf_context *ctx, const char *analysis, const char *file, const char *const *options) {
  const cf_analysis *a = cf_analysis_find(analysis);
  const cf_param *tables[2] = {a->params, cf_common_params()};
  cf_options *o = NULL;
  cf_result *out = NULL;
  assert_ok(ctx, cf_options_new(ctx, tables, 2, &o));
  assert_ok(ctx, cf_options_add_argument(ctx, o, file));
  for (; options[0]; options += 2) assert_ok(ctx, cf_options_set(ctx, o, options[0], options[1]));
  assert_ok(ctx, cf_result_new(ctx, &out));
  assert_ok(ctx, a->run(ctx, o, out));
  cf_options_free(o);
  return out;
}

static double at(const cf_json *o, const char *a, const char *b, const char *c) {
  o = cf_json_get(o, a);
  if (b) o = cf_json_get(o, b);
  if (c) o = cf_json_get(o, c);
  return cf_json_as_number(o);
}

static void decoding(void **state) {
  (void)state;
  need_data();
  cf_context *ctx = test_context();
  double logistic[SETS];
  for (int k = 0; k < SETS; k++) {
    cf_result *r = run(ctx, "decode", path[k],
                       (const char *const[]){"resample", "37", "no-windows", "yes", "permutations", "20", NULL});
    const double knn = at(r->values, "accuracy", "knn", NULL);
    logistic[k] = at(r->values, "accuracy", "logistic", NULL);
    printf("%s: knn %.3f, logistic %.3f\n", id[k], knn, logistic[k]);
    assert_true(knn > 0.9);
    assert_true(at(r->values, "chance", "knn", "p") < 0.05 && at(r->values, "chance", "logistic", "p") < 0.05);
    cf_result_free(r);
  }
  assert_true(logistic[V1] > 0.75 && logistic[RETINA] > 0.45 && logistic[V1] > logistic[RETINA]);
  cf_context_free(ctx);
}

/* Published, of the recordings: V1 .1357, retina .0688. */
static void tubes(void **state) {
  (void)state;
  need_data();
  cf_context *ctx = test_context();
  double tight[SETS];
  for (int k = 0; k < SETS; k++) {
    cf_result *r = run(ctx, "tubes", path[k],
                       (const char *const[]){"resample", "37", "bootstrap", "0", "permutations", "19", NULL});
    tight[k] = at(r->values, "S_tight", NULL, NULL);
    printf("%s: S_tight %.4f, L S_cross %.3g\n", id[k], tight[k], at(r->values, "L_S_cross", NULL, NULL));
    assert_true(at(r->values, "permutation", "S_tight", "p") < 0.06);
    cf_result_free(r);
  }
  assert_close(tight[V1], 0.1366, 0, 0.002);
  assert_close(tight[RETINA], 0.0850, 0, 0.002);
  cf_context_free(ctx);
}

static void alignment(void **state) {
  (void)state;
  need_data();
  static const double least[] = {0.4, 0.6, 0.6, 0.95, 0.6, 0.5};
  cf_context *ctx = test_context();
  cf_result *r = run(ctx, "alignment", path[RETINA],
                     (const char *const[]){"brain", path[V1], "bins", "37", "bootstrap", "0", "permutations", "20",
                                           "time-average", "yes", NULL});
  const cf_json *list = cf_json_get(cf_json_at(cf_json_get(r->values, "modules"), 0), "measures");
  assert_int_equal(cf_json_count(list), 6);
  for (size_t i = 0; i < cf_json_count(list); i++) {
    const cf_json *m = cf_json_at(list, i);
    const double value = at(m, "value", NULL, NULL);
    printf("%s: %.3f, chance %.3f, z %.1f\n", cf_json_as_text(cf_json_get(m, "name")), value,
           at(m, "null_mean", NULL, NULL), at(m, "z", NULL, NULL));
    assert_true(value > least[i] && value < 1 && value > at(m, "null_95", NULL, NULL));
    assert_true(at(m, "z", NULL, NULL) > 3);
  }
  assert_string_equal(cf_json_as_text(cf_json_get(cf_json_get(r->values, "matched_by"), "stimuli")), "label");
  cf_result_free(r);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(decoding), cmocka_unit_test(tubes), cmocka_unit_test(alignment)};
  return cmocka_run_group_tests(tests, setup, teardown);
}
