/* Options of preparation: presets, labels of the eleven classes, milliseconds, maps that are not significant. */
#include "io_test.h"
#include "pipeline/prepare.h"

enum { N = 2, D = 4, T = 5 };

static const cf_param params[] = {CF_RESPONSES_OPTIONS, CF_PREPARE_OPTIONS("clean"), CF_PARAM_END};

typedef struct world {
  cf_context *ctx;
  cf_options *options;
  cf_responses *r;
  cf_preparation p;
} world;

/* Stimuli in the order of `label` (NULL: no labels); the response to stimulus s is s + 1 everywhere. */
static void write_responses(cf_context *ctx, const char *path, size_t stimuli, const char *const *label, bool extras) {
  const size_t shape[4] = {N, stimuli, D, T};
  cf_dataset *set = NULL;
  cf_array *a = NULL;
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  assert_ok(ctx, cf_array_new(ctx, "responses", CF_F64, 4, shape, &a));
  for (size_t i = 0; i < cf_array_count(a); i++) ((double *)a->data)[i] = (double)(i / (D * T) % stimuli + 1);
  assert_ok(ctx, cf_dataset_add(ctx, set, a));
  if (label) {
    assert_ok(ctx, cf_array_from_texts(ctx, "stimulus", stimuli, label, &a));
    assert_ok(ctx, cf_dataset_add(ctx, set, a));
  }
  if (extras) {
    static const double time[T] = {0, 0.02, 0.04, 0.06, 0.08};
    double *significant = calloc(N * stimuli, sizeof *significant);
    significant[1] = 1;
    assert_ok(ctx, cf_dataset_put(ctx, set, "time", 1, (size_t[]){T}, time));
    assert_ok(ctx, cf_dataset_put(ctx, set, "significant", 2, shape, significant));
    free(significant);
  }
  cf_io_write_options o = CF_IO_WRITE_OPTIONS_INIT;
  o.force = true;
  assert_ok(ctx, cf_io_write(ctx, path, set, &o));
  cf_dataset_free(set);
}

/* Sets "name value" pairs and prepares. */
static cf_status prepare(world *w, const char *path, const char *const *set) {
  const cf_param *tables[1] = {params};
  *w = (world){.ctx = test_context()};
  assert_ok(w->ctx, cf_options_new(w->ctx, tables, 1, &w->options));
  for (; set && *set; set += 2) assert_ok(w->ctx, cf_options_set(w->ctx, w->options, set[0], set[1]));
  assert_ok(w->ctx, cf_load_responses(w->ctx, path, w->options, NULL, &w->r));
  return cf_prepare_responses(w->ctx, w->options, path, w->r, &w->p);
}

static void end(world *w) {
  cf_preparation_free(&w->p);
  cf_responses_free(w->r);
  cf_options_free(w->options);
  cf_context_free(w->ctx);
}

static const char *const shuffled[CF_ELEVEN] = {
    "pos3dotflow_D2_bg", "grat_W12",          "pos1dotflow_D1_bg", "grat_W2",           "neg1dotflow_D2_bg", "grat_W1",
    "neg3dotflow_D2_bg", "pos3dotflow_D1_bg", "neg1dotflow_D1_bg", "pos1dotflow_D2_bg", "neg3dotflow_D1_bg"};

static void frequency_goes_by_label(void **state) {
  (void)state;
  world w;
  cf_context *ctx = test_context();
  const char *path = test_path("eleven.npz");
  write_responses(ctx, path, CF_ELEVEN, shuffled, false);
  assert_ok(ctx, prepare(&w, path, (const char *[]){"norm", "none", NULL}));
  /* medium against high by the values 1 .. 11 of their places: 4:6 9:5... -> 4 < 6, 5 < 9, 7 < 11, 10 > 3, 1 < 8 */
  assert_true(w.p.prepared->high[0]);
  const double expected[CF_SIX] = {2, 6, 9, 11, 3, 8};
  assert_int_equal(w.r->stimuli, CF_SIX);
  for (size_t s = 0; s < CF_SIX; s++) assert_close(w.r->values[s * D * T], expected[s], 0, 0);
  assert_string_equal(((char **)w.r->stimulus->data)[1], "HF grating");
  assert_string_equal(cf_json_as_text(cf_json_get(w.p.json, "frequency")), "label");
  end(&w);
  cf_context_free(ctx);
}

static void position_only_when_told_or_unlabelled(void **state) {
  (void)state;
  world w;
  cf_context *ctx = test_context();
  const char *path = test_path("plain.npz");
  write_responses(ctx, path, CF_ELEVEN, NULL, false);
  assert_ok(ctx, prepare(&w, path, NULL)); /* clean: nothing is guessed from a number */
  assert_int_equal(w.r->stimuli, CF_ELEVEN);
  end(&w);
  assert_ok(ctx, prepare(&w, path, (const char *[]){"prepare", "paper", NULL}));
  assert_int_equal(w.r->stimuli, CF_SIX);
  assert_int_equal(cf_warning_count(w.ctx), 1);
  end(&w);
  assert_int_equal(prepare(&w, path, (const char *[]){"frequency", "label", NULL}), CF_ERR_INPUT);
  assert_non_null(strstr(cf_context_error(w.ctx), "grat_W12"));
  end(&w);
  write_responses(ctx, path, 6, NULL, false);
  assert_int_equal(prepare(&w, path, (const char *[]){"frequency", "position", NULL}), CF_ERR_INPUT);
  end(&w);
  cf_context_free(ctx);
}

static void milliseconds_need_time(void **state) {
  (void)state;
  world w;
  cf_context *ctx = test_context();
  const char *path = test_path("timed.npz");
  write_responses(ctx, path, 3, NULL, true);
  assert_ok(ctx, prepare(&w, path, NULL));
  assert_close(cf_json_as_number(cf_json_get(w.p.json, "smooth_bins")), 2.5, 1e-12, 0);
  end(&w);
  assert_ok(ctx, prepare(&w, path, (const char *[]){"smooth", "10ms", NULL}));
  assert_close(cf_json_as_number(cf_json_get(w.p.json, "smooth_bins")), 0.5, 1e-12, 0);
  end(&w);
  for (int i = 0; i < 4; i++) {
    const char *bad[4] = {"3s", "ms", "-1", "nan"};
    assert_int_equal(prepare(&w, path, (const char *[]){"smooth", bad[i], NULL}), CF_ERR_USAGE);
    end(&w);
  }
  write_responses(ctx, path, 3, NULL, false);
  assert_int_equal(prepare(&w, path, (const char *[]){"smooth", "10ms", NULL}), CF_ERR_INPUT);
  end(&w);
  cf_context_free(ctx);
}

static void maps_without_significance_become_zero(void **state) {
  (void)state;
  world w;
  cf_context *ctx = test_context();
  const char *path = test_path("tested.npz");
  write_responses(ctx, path, 3, NULL, true);
  assert_ok(ctx, prepare(&w, path, (const char *[]){"prepare", "none", NULL}));
  assert_non_null(w.p.significant);
  assert_close(w.r->values[0], 1, 0, 0);
  cf_preparation_zero(&w.p, w.r, w.r->values);
  for (size_t i = 0; i < N * 3 * D * T; i++) assert_close(w.r->values[i], i / (D * T) == 1 ? 2 : 0, 0, 0);
  end(&w);
  assert_ok(ctx, prepare(&w, path, (const char *[]){"significant", "ignore", NULL}));
  assert_null(w.p.significant);
  end(&w);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(frequency_goes_by_label),
      cmocka_unit_test(position_only_when_told_or_unlabelled),
      cmocka_unit_test(milliseconds_need_time),
      cmocka_unit_test(maps_without_significance_become_zero),
  };
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
