/* The report of spaces of models, their consistency and Mantel tests, from results of the analyses themselves: whole,
 * well formed, with names that try to break it. With CF_REPORT_OUT=FOLDER it is left there (tests/report/browser.sh).
 */
#include "report_fixture.h"
#include "xmlcheck.h"
#include <cortifold/figure.h>
#include <cortifold/io.h>
#include <cortifold/pipeline.h>

enum { MODELS = 18, ROIS = 12, NULLS = 40 };
static char data[] = "/tmp/cortifold-space-XXXXXX";

static void save(cf_context *ctx, const char *name, cf_array *first, cf_array *second, cf_array *third) {
  char path[256];
  cf_dataset *set = NULL;
  cf_array *all[] = {first, second, third};
  cf_io_write_options o = CF_IO_WRITE_OPTIONS_INIT;
  snprintf(path, sizeof path, "%s/%s", data, name);
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  for (int k = 0; k < 3; k++)
    if (all[k]) assert_ok(ctx, cf_dataset_add(ctx, set, all[k]));
  o.force = true;
  assert_ok(ctx, cf_io_write(ctx, path, set, &o));
  cf_dataset_free(set);
}

static cf_array *texts(cf_context *ctx, const char *name, size_t n, const char *const *text) {
  cf_array *a = NULL;
  assert_ok(ctx, cf_array_from_texts(ctx, name, n, text, &a));
  return a;
}

static cf_array *numbers(cf_context *ctx, const char *name, int ndim, const size_t *shape, const double *x) {
  cf_array *a = NULL;
  assert_ok(ctx, cf_array_from_doubles(ctx, name, ndim, shape, x, &a));
  return a;
}

/* A barrel of ROIS staves as a left hemisphere, a region each; a file of points and triangles is a surface too. */
static void make_surface(cf_context *ctx) {
  enum { RINGS = 9 };
  double point[ROIS * RINGS * 3], triangle[ROIS * (RINGS - 1) * 6], parcel[ROIS * RINGS];
  const size_t points[2] = {ROIS * RINGS, 3}, triangles[2] = {ROIS * (RINGS - 1) * 2, 3}, vertices = ROIS * RINGS;
  size_t t = 0;
  for (size_t i = 0; i < ROIS; i++)
    for (size_t j = 0; j < RINGS; j++) {
      const double a = 6.283185307 * (double)i / ROIS, r = 40 * sin(3.14159 * ((double)j + 0.5) / RINGS);
      double *p = point + 3 * (i * RINGS + j);
      p[0] = -40 + 0.6 * r * cos(a), p[1] = 20 * ((double)j - 4), p[2] = r * sin(a);
      parcel[i * RINGS + j] = (double)i + 1;
      if (j + 1 == RINGS) continue;
      const double c[4] = {(double)(i * RINGS + j), (double)(i * RINGS + j + 1), (double)((i + 1) % ROIS * RINGS + j),
                           (double)((i + 1) % ROIS * RINGS + j + 1)};
      const double two[6] = {c[0], c[1], c[2], c[1], c[3], c[2]};
      memcpy(triangle + 3 * t, two, sizeof two);
      t += 2;
    }
  save(ctx, "lh.npz", numbers(ctx, "points", 2, points, point), numbers(ctx, "triangles", 2, triangles, triangle),
       NULL);
  save(ctx, "lp.npz", numbers(ctx, "parcels", 1, &vertices, parcel), NULL, NULL);
}

/* Three groups of models with a region of their own each, and two networks. */
static void make_inputs(cf_context *ctx) {
  static const char *const groups[3] = {"vision", "audio & <b>sound</b>", "language"};
  double a[MODELS * ROIS], null[NULLS * MODELS * ROIS];
  char label[MODELS][32];
  const char *model[MODELS], *group[MODELS], *network[ROIS];
  const size_t shape[2] = {MODELS, ROIS}, cube[3] = {NULLS, MODELS, ROIS};
  cf_rng rng = cf_rng_make(3, 3, 0);
  for (size_t i = 0; i < MODELS; i++) {
    snprintf(label[i], sizeof label[i], i == 4 ? "</script>\"%zu" : "net %zu", i);
    model[i] = label[i];
    group[i] = groups[i % 3];
    for (size_t r = 0; r < ROIS; r++)
      a[i * ROIS + r] = 0.1 + 0.05 * cf_rng_uniform(&rng) + (r == i % 3 ? 0.3 : 0) + (r == 7 ? 0.2 : 0);
  }
  for (size_t r = 0; r < ROIS; r++) network[r] = r < 5 ? "sensory" : "\xff integrative";
  for (size_t k = 0; k < NULLS * MODELS * ROIS; k++) null[k] = 0.05 * cf_rng_uniform(&rng);
  save(ctx, "a.npz", numbers(ctx, "alignment", 2, shape, a), texts(ctx, "model", MODELS, model), NULL);
  save(ctx, "g.npz", texts(ctx, "group", MODELS, group), NULL, NULL);
  save(ctx, "n.npz", texts(ctx, "network", ROIS, network), NULL, NULL);
  make_surface(ctx);
  for (size_t i = 0; i < MODELS; i++) group[i] = i % 4 ? "ResNet" : "ViT <b>";
  save(ctx, "f.npz", texts(ctx, "family", MODELS, group), NULL, NULL);
  save(ctx, "null.npz", numbers(ctx, "alignment", 3, cube, null), NULL, NULL);
}

/* Runs `kind` on the words "name=value" (a word without = is an argument); file names stand for those of the folder. */
static void run_task(cf_context *ctx, cf_study_task *t, const char *id, const char *kind, const char *const *word) {
  const cf_analysis *analysis = cf_analysis_find(kind);
  const cf_param *const tables[] = {analysis->params, cf_common_params()};
  cf_options *options = NULL;
  cf_result *result = NULL;
  assert_ok(ctx, cf_options_new(ctx, tables, 2, &options));
  for (; *word; word++) {
    char name[64], value[400];
    const char *equals = strchr(*word, '=');
    const char *text = equals ? equals + 1 : *word;
    snprintf(value, sizeof value, strchr(text, '.') ? "%s/%s" : "%.0s%s", data, text);
    if (!equals) {
      assert_ok(ctx, cf_options_add_argument(ctx, options, value));
      continue;
    }
    snprintf(name, sizeof name, "%.*s", (int)(equals - *word), *word);
    assert_ok(ctx, cf_options_set(ctx, options, name, value));
  }
  assert_ok(ctx, cf_result_new(ctx, &result));
  assert_ok(ctx, analysis->run(ctx, options, result));
  start(ctx, t, id, id, kind, NULL);
  cf_dataset_free(t->arrays);
  t->arrays = result->arrays;
  result->arrays = NULL;
  t->envelope = cf_result_envelope(ctx, analysis, options, result);
  assert_non_null(t->envelope);
  if (strcmp(id, "space") == 0) { /* its distances serve the others */
    char path[256];
    cf_io_write_options o = CF_IO_WRITE_OPTIONS_INIT;
    o.force = true;
    snprintf(path, sizeof path, "%s/space.npz", data);
    assert_ok(ctx, cf_io_write(ctx, path, t->arrays, &o));
  }
  cf_result_free(result);
  cf_options_free(options);
}

static void figures_are_well_formed(cf_context *ctx, const char *folder, const char *const *name) {
  (void)ctx;
  for (; *name; name++) {
    char file[256];
    size_t size = 0;
    snprintf(file, sizeof file, "figures/%s.svg", *name);
    char *svg = read_all(folder, file, &size);
    const char *root = strstr(svg, "<svg");
    const char *why = root ? xml_check(root) : "no root";
    if (why) fail_msg("%s: %s", file, why);
    free(svg);
  }
}

static void report_is_whole(void **state) {
  (void)state;
  static const char *const space[] = {"a.npz",
                                      "groups=g.npz",
                                      "networks=n.npz",
                                      "datasets=g.npz",
                                      "families=f.npz",
                                      "permutations=199",
                                      "roi-permutations=99",
                                      "surface-left=lh.npz",
                                      "parcels=lp.npz",
                                      NULL};
  static const char *const again[] = {"space.npz:distance", "groups=g.npz", "distance=precomputed", "permutations=99",
                                      NULL};
  static const char *const snci[] = {"a.npz",        "groups=g.npz", "networks=n.npz", "null=null.npz",
                                     "bootstrap=50", "samples=100",  "draws=199",      NULL};
  static const char *const bare[] = {"a.npz", "groups=g.npz", "bootstrap=0", NULL};
  static const char *const mantel[] = {"space.npz:distance", "space.npz:distance", "permutations=99", NULL};
  static const char *const expected[] = {"id=\"fig-space-space\"",
                                         "id=\"fig-space-silhouette\"",
                                         "id=\"fig-space-alignment\"",
                                         "id=\"fig-space-null-permanova\"",
                                         "id=\"fig-space-scheme\"",
                                         "id=\"fig-space-networks\"",
                                         "id=\"fig-space-cortex-groups\"",
                                         "id=\"fig-space-cortex-models\"",
                                         "id=\"fig-space-cortex-convergence\"",
                                         "id=\"fig-snci-cortex\"",
                                         "id=\"fig-snci-networks\"",
                                         "ViT &lt;b&gt;",
                                         "id=\"fig-again-distance\"",
                                         "id=\"fig-snci-regions\"",
                                         "id=\"fig-snci-groups\"",
                                         "id=\"fig-mantel-pairs\"",
                                         "id=\"fig-mantel-null\"",
                                         "Every data set holds models of one group alone",
                                         "lie apart",
                                         "r = 1",
                                         "audio &amp; &lt;b&gt;sound&lt;/b&gt;",
                                         NULL};
  static const char *const figures[] = {"space-space",
                                        "space-plane",
                                        "space-silhouette",
                                        "space-distance",
                                        "space-cortex-groups",
                                        "space-cortex-models",
                                        "space-cortex-convergence",
                                        "space-networks",
                                        "space-scheme",
                                        "snci-cortex",
                                        "snci-networks",
                                        "space-alignment",
                                        "space-null-permanova",
                                        "again-space",
                                        "snci-regions",
                                        "snci-groups",
                                        "mantel-pairs",
                                        "mantel-null",
                                        NULL};
  cf_context *ctx = test_context();
  cf_study_task task[5];
  cf_study_results results = {0};
  char buffer[600];
  size_t size = 0;
  cf_report_options o = CF_REPORT_OPTIONS_INIT;
  memset(task, 0, sizeof task);
  assert_non_null(mkdtemp(data));
  make_inputs(ctx);
  run_task(ctx, &task[0], "space", "space", space);
  run_task(ctx, &task[1], "again", "space", again);
  run_task(ctx, &task[2], "snci", "snci", snci);
  run_task(ctx, &task[3], "bare", "snci", bare);
  run_task(ctx, &task[4], "mantel", "mantel", mantel);
  assert_ok(ctx, cf_strdup(ctx, "Spaces", &results.title));
  results.count = 5;
  results.task = task;
  o.svg_only = true;
  const char *folder = folder_of(buffer, sizeof buffer);
  assert_ok(ctx, cf_report_write(ctx, &results, folder, &o));
  char *html = read_all(folder, "report.html", &size);
  for (size_t k = 0; expected[k]; k++)
    if (!strstr(html, expected[k])) fail_msg("the page lacks %s", expected[k]);
  assert_null(strstr(html, "</script>\"4"));
  every_id_is_single(html);
  figures_are_well_formed(ctx, folder, figures);
  free(html);
  if (!getenv("CF_REPORT_OUT")) remove_folder(folder);
  remove_folder(data);
  for (size_t k = 0; k < 5; k++) {
    cf_free(task[k].id), cf_free(task[k].title), cf_free(task[k].kind), cf_free(task[k].note), cf_free(task[k].command);
    cf_json_free(task[k].envelope);
    cf_dataset_free(task[k].arrays);
  }
  cf_free(results.title);
  cf_context_free(ctx);
}

static void figures_refuse_what_is_wrong(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_figure *figure = NULL;
  static const double x[4] = {0.1, 0.2, 0.3, NAN}, merge[4] = {0, 5, 1, 2};
  static const size_t out[2] = {0, 3}, twice[2] = {1, 1};
  cf_silhouette_figure s = {.n = 2, .groups = 1, .width = x, .group = out};
  assert_status(ctx, CF_ERR_INPUT, cf_figure_silhouette(ctx, &s, NULL, &figure));
  s.n = 0;
  assert_status(ctx, CF_ERR_USAGE, cf_figure_silhouette(ctx, &s, NULL, &figure));
  cf_heat_figure h = {.row = {.n = 2}, .column = {.n = 2}, .value = x};
  assert_ok(ctx, cf_figure_heat(ctx, &h, NULL, &figure));
  cf_figure_free(figure);
  h.merge = merge;
  assert_status(ctx, CF_ERR_INPUT, cf_figure_heat(ctx, &h, NULL, &figure));
  h.merge = NULL;
  h.row.order = twice;
  assert_status(ctx, CF_ERR_USAGE, cf_figure_heat(ctx, &h, NULL, &figure));
  h.row.order = NULL;
  h.column.n = 0;
  assert_status(ctx, CF_ERR_USAGE, cf_figure_heat(ctx, &h, NULL, &figure));
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(report_is_whole), cmocka_unit_test(figures_refuse_what_is_wrong)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
