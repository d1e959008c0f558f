/* The report of tests on tubes that are known: what they are and how the scores follow, from planted results, also when
 * an array is missing. */
#include "report_fixture.h"
#include "report/page.h"
#include <math.h>

static void set(cf_json *o, const char *key, double value) {
  cf_json_set(o, key, cf_json_number(value));
}

/* Tests of one tube, of two beside one another and of two that cross, with curves of their own. */
static void known_task(cf_context *ctx, cf_study_task *t) {
  enum { TESTS = 6, CURVES = 4, POINTS = 64 };
  static const struct {
    const char *kind, *name;
    double radius, apart, angle;
  } world[TESTS] = {{"one", "one, jitter 0.01", 0.01, NAN, NAN},
                    {"one", "one, jitter 0.08", 0.08, NAN, NAN},
                    {"parallel", "parallel, jitter 0.02, apart 0.2", 0.02, 0.2, NAN},
                    {"parallel", "parallel, jitter 0.02, apart 0.6", 0.02, 0.6, NAN},
                    {"crossing", "crossing, jitter 0.01, 30Â°", 0.01, NAN, 30},
                    {"crossing", "crossing, jitter 0.01, 90Â°", 0.01, NAN, 90}};
  const size_t shape[4] = {TESTS, CURVES, POINTS, 2};
  const char *name[TESTS];
  double *x = calloc(TESTS * CURVES * POINTS * 2, sizeof *x), label[TESTS * CURVES];
  start(ctx, t, "known", "Tubes that are known", "tubes", NULL);
  cf_json *r = cf_json_object(), *list = cf_json_list();
  for (size_t k = 0; k < TESTS; ++k) {
    cf_json *one = cf_json_object();
    name[k] = world[k].name;
    cf_json_set(one, "kind", cf_json_text(world[k].kind));
    set(one, "radius", world[k].radius);
    set(one, "separation", world[k].apart);
    set(one, "angle", world[k].angle);
    set(one, "S_tight", 0.031);
    set(one, "planted_S_tight", 0.02 + world[k].radius);
    set(one, "together_S_tight", 0.2);
    set(one, "together_L_S_cross", 1e-3);
    cf_json_set(one, "pass", cf_json_bool(true));
    cf_json_set(one, "expected", cf_json_text("two bundles"));
    cf_json_append(list, one);
    for (size_t i = 0; i < CURVES; ++i) {
      const bool second = k >= 2 && i >= CURVES / 2;
      label[k * CURVES + i] = k < 2 && i == CURVES - 1 ? -1.0 : second; /* fewer curves of one tube */
      for (size_t p = 0; p < POINTS; ++p) {
        double *at = x + ((k * CURVES + i) * POINTS + p) * 2, u = (double)p / (POINTS - 1);
        at[0] = label[k * CURVES + i] < 0.0 ? NAN : u;
        at[1] = label[k * CURVES + i] < 0.0 ? NAN : world[k].radius * (double)i + (second ? 0.3 * u : 0.0);
      }
    }
  }
  put(ctx, t, "curves", 4, shape, x);
  name_axis(ctx, t, "curves", 0, "test", TESTS, name);
  put(ctx, t, "label", 2, shape, label);
  free(x);
  cf_json_set(r, "tests", list);
  set(r, "passed", TESTS);
  set(r, "failed", 0);
  envelope(t, r, cf_json_object(), NULL);
}

static cf_study_results *results_of(cf_context *ctx) {
  cf_study_results *r = NULL;
  assert_ok(ctx, CF_ALLOC(ctx, &r, 1));
  r->count = 1;
  assert_ok(ctx, CF_ALLOC(ctx, &r->task, 1));
  known_task(ctx, r->task);
  assert_ok(ctx, cf_strdup(ctx, "Known tubes", &r->title));
  return r;
}

static char *page_of(cf_context *ctx, const char *folder, const char *gone) {
  cf_study_results *r = results_of(ctx);
  cf_report_options o = CF_REPORT_OPTIONS_INIT;
  size_t size = 0;
  o.svg_only = true;
  for (size_t i = 0; gone && i < r->task->arrays->count; ++i)
    if (strcmp(r->task->arrays->array[i]->name, gone) == 0) {
      free(r->task->arrays->array[i]->name);
      assert_ok(ctx, cf_strdup(ctx, "other", &r->task->arrays->array[i]->name));
    }
  assert_ok(ctx, cf_report_write(ctx, r, folder, &o));
  cf_study_results_free(r);
  return read_all(folder, "report.html", &size);
}

static void says(const char *html, const char *words) {
  if (!strstr(html, words)) fail_msg("the report does not say: %s", words);
}

static void known_tubes_are_drawn(void **state) {
  (void)state;
  char folder[] = "/tmp/cortifold-report-XXXXXX";
  cf_context *ctx = test_context();
  size_t size = 0;
  assert_non_null(mkdtemp(folder));
  char *html = page_of(ctx, folder, NULL);
  says(html, "Of 6 tests on tubes that are known all 6 pass.");
  says(html, "<figure id=\"fig-known-known\"");
  says(html, "<figure id=\"fig-known-known-scores\"");
  char *svg = read_all(folder, "figures/known-known.svg", &size);
  /* four of the six are among those shown: three curves of either single tube, four of two; a halo a centreline */
  assert_int_equal(count_of(svg, "stroke-opacity=\"0.45\""), 2 * 3 + 2 * 4);
  assert_int_equal(count_of(svg, "class=\"cf-halo\""), 2 * 1 + 2 * 2);
  assert_non_null(strstr(svg, "crossing, jitter 0.01, 30"));
  free(svg);
  free(html);
  html = page_of(ctx, folder, "label"); /* no curves without their tubes */
  assert_null(strstr(html, "<figure id=\"fig-known-known\""));
  says(html, "<figure id=\"fig-known-known-scores\"");
  free(html);
  remove_folder(folder);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(known_tubes_are_drawn)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
