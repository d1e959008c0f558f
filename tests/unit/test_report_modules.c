/* The report of a network's modules, from planted results: layers in a row, activity, what stands side by side, and the
 * modules at a glance, whose nearest to the recording is known. */
#include "report_fixture.h"
#include <math.h>

enum { UNITS = 12, S = 2, D = 4, T = 5, MODULES = 3 };
static const char *const module[MODULES] = {"hidden", "rates", "cortex"};

static void set(cf_json *o, const char *key, double value) {
  cf_json_set(o, key, cf_json_number(value));
}

static cf_json *of(const char *key, double value) {
  cf_json *o = cf_json_object();
  set(o, key, value);
  return o;
}

static cf_json *spread(double median) {
  const double q[3] = {median - 0.1, median, median + 0.1};
  cf_json *o = of("mean", median);
  cf_json_set(o, "quartiles", cf_json_numbers(q, 3));
  return o;
}

/* ------------------------------------------------------------------ tasks -- */

static void put_layer(cf_context *ctx, cf_study_task *t, const char *name, const char *kind, size_t maps, double gain,
                      cf_json *layers) {
  static const char *const stimulus[S] = {"grating", "dots <b>"};
  const size_t shape[4] = {UNITS, S, D, T};
  const double own[3] = {(double)maps, 3, 5};
  double x[UNITS * S * D * T];
  char array[100];
  for (size_t i = 0; i < UNITS * S * D * T; ++i) x[i] = gain * (double)(i / (S * D * T) + 1) * (1 + sin((double)i));
  snprintf(array, sizeof array, "%s/responses", name);
  put(ctx, t, array, 4, shape, x);
  name_axis(ctx, t, array, 1, "stimulus", S, stimulus);
  cf_json *l = cf_json_object();
  cf_json_set(l, "name", cf_json_text(name));
  cf_json_set(l, "module", cf_json_text(kind));
  cf_json_set(l, "shape", cf_json_numbers(own, 3));
  cf_json_set(l, "array", cf_json_text(array));
  set(l, "units", UNITS);
  set(l, "maps", 4);
  set(l, "mean", 0.5);
  cf_json_append(layers, l);
}

static void run_task(cf_context *ctx, cf_study_task *t, const char *id, const char *title, double gain) {
  cf_json *r = cf_json_object(), *layers = cf_json_list(), *responses = cf_json_object();
  start(ctx, t, id, title, "run", NULL);
  put_layer(ctx, t, "core.feedforward.out", "feedforward", 32, gain, layers);
  put_layer(ctx, t, "core.recurrent.h", "recurrent", 64, 10 * gain, layers);
  cf_json_set(r, "kind", cf_json_text("fnn"));
  set(r, "parameters", 63226);
  cf_json_set(r, "layers", layers);
  set(responses, "stimuli", S);
  set(responses, "directions", D);
  set(responses, "times", T);
  set(responses, "instances", 2);
  cf_json_set(r, "responses", responses);
  envelope(t, r, NULL, NULL);
}

static void decode_task(cf_context *ctx, cf_study_task *t, size_t m) {
  char id[64], title[64];
  cf_json *r = cf_json_object(), *accuracy = of("knn", m == 0 ? 0.5 : 0.9);
  snprintf(id, sizeof id, "decode-%s", module[m]);
  snprintf(title, sizeof title, "Decoding: %s", module[m]);
  start(ctx, t, id, title, "decode", NULL);
  set(accuracy, "logistic", m == 0 ? 0.7 : 0.95);
  cf_json_set(r, "accuracy", accuracy);
  set(r, "neurons", 100);
  envelope(t, r, NULL, NULL);
}

static void tuning_task(cf_context *ctx, cf_study_task *t, size_t m) {
  const size_t n = UNITS;
  double osi[UNITS], dsi[UNITS];
  char id[64], title[64];
  cf_json *r = cf_json_object();
  for (size_t i = 0; i < n; ++i) {
    osi[i] = 0.2 * (double)(m + 1) + 0.01 * (double)i;
    dsi[i] = 0.1 * (double)(m + 1) + 0.01 * (double)i;
  }
  snprintf(id, sizeof id, "tuning-%s", module[m]);
  snprintf(title, sizeof title, "Tuning: %s", module[m]);
  start(ctx, t, id, title, "tuning", NULL);
  put(ctx, t, "OSI", 1, &n, osi);
  put(ctx, t, "DSI", 1, &n, dsi);
  cf_json_set(r, "osi", spread(0.2 * (double)(m + 1)));
  cf_json_set(r, "dsi", spread(0.1 * (double)(m + 1)));
  set(r, "neurons", UNITS);
  envelope(t, r, NULL, NULL);
}

/* hidden has the larger RSA, rates the larger cross-validated CCA; the linear predictivity of both is chance. */
static void alignment_task(cf_context *ctx, cf_study_task *t, const char *id, const char *title, double less) {
  static const char *const measure[3] = {"rsa", "cca-clean", "lp-clean"}, *const recording[1] = {"cortex"};
  const double value[2][3] = {{0.6, 0.3, 0.23}, {0.4, 0.5, -0.9}}, p[2][3] = {{0.01, 0.01, 0.4}, {0.01, 0.01, 0.9}};
  const size_t shape[3] = {2, 1, 3};
  double v[6], ps[6];
  cf_json *r = cf_json_object(), *modules = cf_json_list();
  start(ctx, t, id, title, "alignment", NULL);
  for (size_t m = 0; m < 2; ++m) {
    cf_json *row = cf_json_object(), *list = cf_json_list();
    for (size_t k = 0; k < 3; ++k) {
      cf_json *one = cf_json_object();
      v[3 * m + k] = value[m][k] - less;
      ps[3 * m + k] = p[m][k];
      cf_json_set(one, "name", cf_json_text(measure[k]));
      set(one, "value", value[m][k] - less);
      set(one, "p", p[m][k]);
      cf_json_append(list, one);
    }
    cf_json_set(row, "name", cf_json_text(module[m]));
    cf_json_set(row, "recording", cf_json_text("cortex"));
    cf_json_set(row, "measures", list);
    cf_json_append(modules, row);
  }
  put(ctx, t, "value", 3, shape, v);
  put(ctx, t, "p", 3, shape, ps);
  name_axis(ctx, t, "value", 0, "module", 2, module);
  name_axis(ctx, t, "value", 1, "recording", 1, recording);
  name_axis(ctx, t, "value", 2, "measure", 3, measure);
  cf_json_set(r, "modules", modules);
  set(r, "conditions", 8);
  envelope(t, r, NULL, NULL);
}

static cf_study_results *everything(cf_context *ctx) {
  cf_study_results *r = NULL;
  assert_ok(ctx, CF_ALLOC(ctx, &r, 1));
  assert_ok(ctx, CF_ALLOC(ctx, &r->task, 10));
  run_task(ctx, &r->task[0], "net-mini", "Network mini", 1);
  run_task(ctx, &r->task[1], "net-static", "Network static", 100);
  alignment_task(ctx, &r->task[2], "alignment-mini", "Modules of mini against the cortex", 0);
  alignment_task(ctx, &r->task[3], "alignment-static", "Modules of static against the cortex", 0.1);
  for (size_t m = 0; m < MODULES; ++m) {
    decode_task(ctx, &r->task[4 + m], m);
    tuning_task(ctx, &r->task[7 + m], m);
  }
  r->count = 10;
  assert_ok(ctx, cf_strdup(ctx, "Modules", &r->title));
  return r;
}

/* ------------------------------------------------------------------ tests -- */

static void says(const char *html, const char *words) {
  if (!strstr(html, words)) fail_msg("the report does not say: %s", words);
}

static void modules_stand_side_by_side(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  char buffer[512];
  size_t size = 0;
  const char *folder = folder_of(buffer, sizeof buffer);
  cf_study_results *r = everything(ctx);
  cf_report_options o = CF_REPORT_OPTIONS_INIT;
  o.dpi = getenv("CF_REPORT_OUT") ? 200 : 40;
  assert_ok(ctx, cf_report_write(ctx, r, folder, &o));
  char *html = read_all(folder, "report.html", &size);
  assert_null(strstr(html, ">nan<"));
  assert_int_equal(count_of(html, "<svg"), count_of(html, "</svg>"));
  every_id_is_single(html);
  static const char *const sections[] = {"modules-at-a-glance", "runs-side-by-side", "alignment-side-by-side",
                                         "decode-side-by-side", "tuning-side-by-side"};
  for (size_t i = 0; i < sizeof sections / sizeof *sections; ++i) {
    char text[80];
    snprintf(text, sizeof text, "<section id=\"%s\"", sections[i]);
    says(html, text);
    snprintf(text, sizeof text, "href=\"#%s\"", sections[i]);
    says(html, text);
  }
  says(html,
       "A network of kind <code>fnn</code> with 63226 numbers in its weights; 2 layers, 24 units of them; responses "
       "to 2 stimuli in 4 directions over 5 times, means of 2 instances.");
  free(html);
  html = read_all(folder, "figures/side-by-side-activity.svg", &size);
  assert_int_equal(count_of(html, "cf-mark cf-box"), 4);
  says(html, "feedforward.out, static: 12 values");
  free(html);
  html = read_all(folder, "figures/side-by-side-alignment.svg", &size);
  assert_int_equal(count_of(html, "<circle class=\"cf-mark") + count_of(html, "<path class=\"cf-mark"), 12);
  says(html, "data-name=\"static\""); /* what the titles share is left out */
  free(html);
  if (!getenv("CF_REPORT_OUT")) remove_folder(folder);
  cf_study_results_free(r);
  cf_context_free(ctx);
}

/* The recording's row is known by its name, the nearest module by its numbers. */
static void the_nearest_module_is_bold(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  char buffer[512];
  size_t size = 0;
  const char *folder = folder_of(buffer, sizeof buffer);
  cf_study_results *r = everything(ctx);
  cf_report_options o = CF_REPORT_OPTIONS_INIT;
  o.svg_only = true;
  assert_ok(ctx, cf_report_write(ctx, r, folder, &o));
  char *html = read_all(folder, "report.html", &size);
  char *from = strstr(html, "<section id=\"modules-at-a-glance\""), *to = strstr(from, "</section>");
  *to = '\0';
  says(from, "cortex (the recording)");
  says(from, "alignment from <a href=\"#task-alignment-mini\">");
  /* of six numbers: rates in both accuracies, OSI, DSI and CCA, hidden in RSA; LP is chance in both */
  says(from,
       "Nearest to <em>cortex</em>: by the responses to the same conditions, which is what alignment compares, "
       "<em>hidden</em> in 1, <em>rates</em> in 1 of 2. By what each population is like on its own, conditions aside, "
       "<em>rates</em> in 4 of 4.");
  assert_int_equal(count_of(from, "class=\"num strong\""), 6);
  says(from, "<td class=\"num strong\" data-v=\"0.6\">0.600</td>");
  assert_null(strstr(from, "<td class=\"num strong\" data-v=\"0.23\">"));
  free(html);
  if (!getenv("CF_REPORT_OUT")) remove_folder(folder);
  cf_study_results_free(r);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(modules_stand_side_by_side),
                                     cmocka_unit_test(the_nearest_module_is_bold)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
