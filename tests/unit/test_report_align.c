/* The report of encoding models, noise ceilings and series from images: numbers from the result, names that are markup,
 * arrays that are missing. */
#include "report_fixture.h"

enum { N = 60, FOLDS = 3 };

static void numbers(cf_json *result, const char *const *names, const double *values, size_t n) {
  for (size_t i = 0; i < n; i++) cf_json_set(result, names[i], cf_json_number(values[i]));
}

static void align(cf_context *ctx, cf_study_task *t, bool whole) {
  static const char *const names[] = {
      "fitted", "features", "folds", "mean_r", "mean_r2", "mean_R2", "missing", "significant", "mean_r2_normalised"};
  static const double values[] = {58, 12, FOLDS, 0.4321, 0.2109, 0.1987, 2, 31, 0.6123};
  static const double grid[] = {0.1, 10, 1000};
  static const char *const one[] = {"r2", "R2", "alpha", "q", "r2_low", "r2_high", "ceiling", "r2_normalised"};
  const size_t n = N, both[2] = {FOLDS, N}, bands[2] = {2, N};
  double r[N], x[N], folds[FOLDS * N], split[2 * N];
  const char *label[N];
  static char text[N][24];
  cf_json *result = cf_json_object();
  cf_array *labels = NULL;
  start(ctx, t, whole ? "model" : "bare", "Voxels from features", "align", NULL);
  numbers(result, names, values, sizeof values / sizeof *values);
  cf_json_set(result, "alphas", cf_json_numbers(grid, 3));
  for (size_t i = 0; i < N; i++) {
    r[i] = i == 5 ? NAN : sin((double)i);
    snprintf(text[i], sizeof text[i], i == 3 ? "</script> & \"%zu\"" : "V%zu", i);
    label[i] = text[i];
    for (size_t f = 0; f < FOLDS; f++) folds[f * N + i] = grid[(i + f) % 3];
    for (size_t b = 0; b < 2; b++) split[b * N + i] = 0.1 * (double)(b + 1);
  }
  put(ctx, t, "r", 1, &n, r);
  assert_ok(ctx, cf_array_from_texts(ctx, "roi", N, label, &labels));
  assert_ok(ctx, cf_array_set_axis(ctx, cf_dataset_get(t->arrays, "r"), 0, "roi", labels));
  cf_array_free(labels);
  for (size_t k = 0; k < sizeof one / sizeof *one && whole; k++) {
    for (size_t i = 0; i < N; i++) x[i] = 0.9 - 0.01 * (double)(k + i);
    put(ctx, t, one[k], 1, &n, x);
  }
  if (whole) put(ctx, t, "alpha_fold", 2, both, folds);
  if (whole) put(ctx, t, "split_r2", 2, bands, split);
  envelope(t, result, cf_json_object(), whole ? "3 targets choose the largest alpha" : NULL);
}

static void ceiling(cf_context *ctx, cf_study_task *t) {
  static const char *const names[] = {"targets", "repeats", "mean", "median"};
  static const double values[] = {N, 4, 0.5512, 0.5437};
  const size_t n = N;
  double x[N];
  cf_json *result = cf_json_object();
  start(ctx, t, "ceiling", "How well", "ceiling", NULL);
  numbers(result, names, values, 4);
  cf_json_set(result, "method", cf_json_text("ncsnr"));
  for (size_t i = 0; i < N; i++) x[i] = (double)i / N;
  put(ctx, t, "ceiling", 1, &n, x);
  envelope(t, result, cf_json_object(), NULL);
}

static void regions(cf_context *ctx, cf_study_task *t) {
  static const char *const names[] = {"columns", "samples", "runs", "voxels", "constant_voxels", "nan_voxels", "empty"};
  static const double values[] = {N, 300, 2, 4096, 77, 5, 1};
  const size_t n = N;
  double x[N];
  cf_json *result = cf_json_object();
  start(ctx, t, "images", "Series", "regions", NULL);
  numbers(result, names, values, 7);
  for (size_t i = 0; i < N; i++) x[i] = (double)(i + 3);
  put(ctx, t, "voxels", 1, &n, x);
  envelope(t, result, cf_json_object(), NULL);
}

static void every_number_is_on_the_page(void **state) {
  (void)state;
  static const char *const words[] = {"mean r 0.432", "mean r² 0.211",   "31 are above chance", "2 targets have NaN",
                                      "0.612",        "Penalties",       "Bands of features",   "ncsnr",
                                      "0.551",        "77 are constant", "5 have NaN",          "Size of regions"};
  cf_context *ctx = test_context();
  cf_study_results *r = NULL;
  cf_report_options o = CF_REPORT_OPTIONS_INIT;
  char buffer[600];
  size_t size;
  assert_ok(ctx, CF_ALLOC(ctx, &r, 1));
  assert_ok(ctx, cf_strdup(ctx, "Encoding", &r->title));
  r->count = 4;
  assert_ok(ctx, CF_ALLOC(ctx, &r->task, r->count));
  align(ctx, &r->task[0], true);
  align(ctx, &r->task[1], false);
  ceiling(ctx, &r->task[2]);
  regions(ctx, &r->task[3]);
  r->provenance = cf_json_object();
  const char *folder = folder_of(buffer, sizeof buffer);
  assert_ok(ctx, cf_report_write(ctx, r, folder, &o));
  char *html = read_all(folder, "report.html", &size);
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (!strstr(html, words[i])) fail_msg("\"%s\" is not on the page", words[i]);
  assert_non_null(strstr(html, "&lt;/script&gt; &amp; "));
  every_id_is_single(html);
  free(html);
  if (!getenv("CF_REPORT_OUT")) remove_folder(folder);
  cf_study_results_free(r);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_number_is_on_the_page)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
