/* Estimates of time and memory: there is one wherever the header of the file tells the sizes, it grows with the work
 * that is asked for, and a file that cannot be read has none and leaves no error behind. No test asserts a time. */
#include "test.h"
#include <cortifold/io.h>
#include <cortifold/pipeline.h>
#include <unistd.h>

enum { N = 12, S = 3, D = 4, T = 6, LAYERS = 4 };
static char folder[] = "/tmp/cf-cost-XXXXXX", responses[64], trajectories[64], even[64], uneven[64];

static void put(cf_context *ctx, cf_dataset *set, const char *name, int ndim, const size_t *shape) {
  static double x[N * S * D * T];
  for (size_t i = 0; i < N * S * D * T; i++) x[i] = sin((double)(i * i));
  assert_ok(ctx, cf_dataset_put(ctx, set, name, ndim, shape, x));
}

static void save(cf_context *ctx, cf_dataset *set, const char *file, char *path) {
  const cf_io_write_options write = CF_IO_WRITE_OPTIONS_INIT;
  snprintf(path, 64, "%s/%s.npz", folder, file);
  assert_ok(ctx, cf_io_write(ctx, path, set, &write));
  cf_dataset_free(set);
}

static int setup(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_dataset *set = NULL;
  char name[16];
  assert_non_null(mkdtemp(folder));
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  put(ctx, set, "other", 3, (const size_t[]){2, 2, 2}); /* not what is meant */
  put(ctx, set, "responses", 4, (const size_t[]){N, S, D, T});
  save(ctx, set, "responses", responses);
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  put(ctx, set, "trajectories", 3, (const size_t[]){N, T * S, D});
  save(ctx, set, "trajectories", trajectories);
  for (int k = 0; k < 2; k++) {
    assert_ok(ctx, cf_dataset_new(ctx, &set));
    for (size_t l = 0; l < LAYERS; l++) {
      snprintf(name, sizeof name, "layer%zu", l);
      put(ctx, set, name, 2, (const size_t[]){N, k ? D + l : D});
    }
    save(ctx, set, k ? "uneven" : "even", k ? uneven : even);
  }
  cf_context_free(ctx);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  unlink(responses);
  unlink(trajectories);
  unlink(even);
  unlink(uneven);
  return rmdir(folder);
}

/* options: name, text, ..., NULL; more: one further pair, or NULL */
static cf_cost estimate(const char *analysis, const char *file, const char *const *options, const char *name,
                        const char *text) {
  cf_context *ctx = test_context();
  const cf_analysis *a = cf_analysis_find(analysis);
  const cf_param *tables[2] = {a->params, cf_common_params()};
  cf_options *o = NULL;
  cf_cost out = {0, 0};
  char all[80];
  snprintf(all, sizeof all, "%s%s", file, strstr(file, "even") ? ":*" : "");
  assert_ok(ctx, cf_options_new(ctx, tables, 2, &o));
  assert_ok(ctx, cf_options_add_argument(ctx, o, all));
  for (; options && options[0]; options += 2) assert_ok(ctx, cf_options_set(ctx, o, options[0], options[1]));
  if (name) assert_ok(ctx, cf_options_set(ctx, o, name, text));
  assert_non_null(a->cost);
  assert_ok(ctx, a->cost(ctx, o, &out));
  assert_string_equal(cf_context_error(ctx), "");
  cf_options_free(o);
  cf_context_free(ctx);
  return out;
}

static void grows_with_the_work(void **state) {
  (void)state;
  const char *const brain[] = {"brain", responses, NULL};
  const struct {
    const char *analysis, *file;
    const char *const *options;
    const char *name, *more;
  } cases[] = {
      {"decode", responses, NULL, "permutations", "5000"},
      {"decode", responses, NULL, "runs", "50"},
      {"tubes", responses, NULL, "permutations", "5000"},
      {"tubes", responses, NULL, "bootstrap", "500"},
      {"tubes", responses, NULL, "points", "900"},
      {"alignment", responses, brain, "bootstrap", "5000"},
      {"alignment", responses, brain, "permutations", "900"},
      {"dynamics", trajectories, NULL, "sweep-delays", "8,9,10"},
      {"dmd", even, NULL, "scope", "per-stimulus"},
      {"dmd", uneven, NULL, "width", "gram"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const cf_cost a = estimate(cases[i].analysis, cases[i].file, cases[i].options, NULL, NULL);
    const cf_cost b = estimate(cases[i].analysis, cases[i].file, cases[i].options, cases[i].name, cases[i].more);
    if (!(a.seconds > 0 && a.bytes >= 8.0 * N * LAYERS * D))
      fail_msg("%s: %g s, %g bytes", cases[i].analysis, a.seconds, a.bytes);
    if (i + 1 < sizeof cases / sizeof *cases && !(b.seconds > a.seconds))
      fail_msg("%s --%s %s: %g s after %g s", cases[i].analysis, cases[i].name, cases[i].more, b.seconds, a.seconds);
  }
}

static void no_file_no_estimate(void **state) {
  (void)state;
  const char *const brain[] = {"brain", "/tmp/cf-not-there.npz", NULL};
  static const char *const analyses[] = {"decode", "tubes", "dynamics", "dmd"};
  for (size_t i = 0; i < 4; i++) {
    const cf_cost c = estimate(analyses[i], "/tmp/cf-not-there.npy", NULL, NULL, NULL);
    assert_true(c.seconds == 0 && c.bytes == 0);
  }
  assert_true(estimate("alignment", "/tmp/cf-not-there.npy", brain, NULL, NULL).seconds == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(grows_with_the_work), cmocka_unit_test(no_file_no_estimate)};
  return cmocka_run_group_tests(tests, setup, teardown);
}
