/* The report of results that are built here: complete, self-contained, escaped, the same twice. With
 * CF_REPORT_OUT=FOLDER it is left there for a look (tests/report/browser.sh does). */
#include "test.h"
#include "report_fixture.h"
#include "xmlcheck.h"

enum { CONDITIONS = 48, SUBJECTS = 12, MODELS = 7, LAYERS = 8, SYSTEMS = 9 };

static const char hostile[] = "</script><script>alert('x')</script>\"& <b>bold</b> \x01";

/* ------------------------------------------------------------- fixtures -- */

static cf_json *ci(double low, double high) {
  double v[2] = {low, high};
  return cf_json_numbers(v, 2);
}

static double noise(cf_rng *rng) {
  return cf_rng_normal(rng);
}

/* Four categories on two axes plus noise. */
static void planted(double *rdm, uint32_t replicate, double level, const double weight[3]) {
  double x[CONDITIONS][6];
  cf_rng rng = cf_rng_make(7, 1, 0), own = cf_rng_make(7, 2, replicate);
  for (size_t i = 0; i < CONDITIONS; ++i) {
    size_t g = i / 12;
    x[i][0] = weight[0] * (g < 2 ? 1.0 : -1.0);
    x[i][1] = weight[1] * (g % 2 ? 0.7 : -0.7);
    for (int k = 2; k < 6; ++k) x[i][k] = weight[2] * 0.45 * noise(&rng) + level * noise(&own);
  }
  for (size_t i = 0; i < CONDITIONS; ++i)
    for (size_t j = 0; j < CONDITIONS; ++j) {
      double s = 0.0;
      for (int k = 0; k < 6; ++k) s += (x[i][k] - x[j][k]) * (x[i][k] - x[j][k]);
      rdm[i * CONDITIONS + j] = sqrt(s);
    }
}

static void labels(cf_context *ctx, cf_array *array, int axis) {
  static const char *const category[4] = {"face", "body", "house", "tool"};
  char text[CONDITIONS][32];
  const char *pointer[CONDITIONS];
  cf_array *coordinate = NULL;
  for (size_t i = 0; i < CONDITIONS; ++i) {
    snprintf(text[i], sizeof text[i], "%s %zu", category[i / 12], i % 12 + 1);
    pointer[i] = text[i];
  }
  assert_ok(ctx, cf_array_from_texts(ctx, "condition", CONDITIONS, pointer, &coordinate));
  assert_ok(ctx, cf_array_set_axis(ctx, array, axis, "condition", coordinate));
  cf_array_free(coordinate);
}

static void rdm_task(cf_context *ctx, cf_study_task *t) {
  static double rdm[CONDITIONS * CONDITIONS];
  const double weight[3] = {1, 1, 1};
  const size_t shape[2] = {CONDITIONS, CONDITIONS};
  start(ctx, t, "it-rdm", "Geometry of inferior temporal cortex", "rdm",
        "Trial-averaged responses of 316 sites, two monkeys pooled.");
  planted(rdm, 0, 0.1, weight);
  cf_array *array = NULL;
  assert_ok(ctx, cf_array_from_doubles(ctx, "rdm", 2, shape, rdm, &array));
  labels(ctx, array, 1);
  assert_ok(ctx, cf_dataset_add(ctx, t->arrays, array));
  cf_json *result = cf_json_object(), *options = cf_json_object();
  cf_json_set(result, "metric", cf_json_text("euclidean"));
  cf_json_set(result, "reference", cf_json_text("Walther et al. (2016), NeuroImage 137:188"));
  cf_json_set(result, "formula", cf_json_text("d(x, y) = sqrt(sum_c (x_c - y_c)^2)"));
  cf_json_set(result, "conditions", cf_json_number(CONDITIONS));
  cf_json_set(options, "metric", cf_json_text("euclidean"));
  cf_json_set(options, "per-channel", cf_json_bool(false));
  envelope(t, result, options, "3 channels are constant and were left out");
}

static void rsa_task(cf_context *ctx, cf_study_task *t) {
  static const char *const name[MODELS] = {"categories", "resnet50 layer4", "animacy",        "resnet50 layer1",
                                           "gist",       "pixels",          "random features"};
  static const double mean[MODELS] = {0.412, 0.371, 0.335, 0.187, 0.121, 0.046, -0.004};
  static double data[SUBJECTS * CONDITIONS * CONDITIONS], models[MODELS * CONDITIONS * CONDITIONS],
      scores[MODELS * SUBJECTS];
  const size_t data_shape[3] = {SUBJECTS, CONDITIONS, CONDITIONS}, model_shape[3] = {MODELS, CONDITIONS, CONDITIONS},
               score_shape[2] = {MODELS, SUBJECTS};
  start(ctx, t, "models", "Which model explains the geometry?", "rsa", NULL);
  cf_rng rng = cf_rng_make(5, 5, 0);
  for (uint32_t s = 0; s < SUBJECTS; ++s)
    planted(data + s * CONDITIONS * CONDITIONS, s + 1, 0.5, (const double[3]){1, 1, 1});
  for (uint32_t k = 0; k < MODELS; ++k)
    planted(models + k * CONDITIONS * CONDITIONS, 100 + k, 0.1 + 0.15 * k,
            (const double[3]){k == 6 ? 0 : 1.0 / (1 + k), k == 2 || k == 6 ? 0 : 1.0 / (1 + k), k == 0 ? 0 : 1});
  cf_json *result = cf_json_object(), *options = cf_json_object(), *list = cf_json_list(), *pairs = cf_json_list(),
          *ceiling = cf_json_object();
  for (size_t k = 0; k < MODELS; ++k) {
    cf_json *m = cf_json_object();
    double half = 0.05 + 0.012 * noise(&rng), p = mean[k] > 0.1 ? 0.000999 : mean[k] > 0.01 ? 0.032 : 0.54;
    for (size_t s = 0; s < SUBJECTS; ++s) scores[k * SUBJECTS + s] = mean[k] + 0.07 * noise(&rng);
    cf_json_set(m, "name", cf_json_text(name[k]));
    cf_json_set(m, "mean", cf_json_number(mean[k]));
    cf_json_set(m, "ci", ci(mean[k] - half, mean[k] + half));
    cf_json_set(m, "sem", cf_json_number(half / 2));
    cf_json_set(m, "p", cf_json_number(p));
    cf_json_set(m, "p_holm", cf_json_number(fmin(1.0, p * 7)));
    cf_json_set(m, "p_fdr", cf_json_number(fmin(1.0, p * 1.4)));
    cf_json_set(m, "p_ceiling", cf_json_number(k < 2 ? 0.21 : 0.002));
    cf_json_append(list, m);
    for (size_t b = k + 1; b < MODELS; ++b) {
      double d = mean[k] - mean[b], q = d > 0.1 ? 0.001 : d > 0.06 ? 0.02 : 0.2;
      cf_json *pair = cf_json_object();
      cf_json_set(pair, "a", cf_json_text(name[k]));
      cf_json_set(pair, "b", cf_json_text(name[b]));
      cf_json_set(pair, "difference", cf_json_number(d));
      cf_json_set(pair, "p", cf_json_number(q));
      cf_json_set(pair, "p_holm", cf_json_number(fmin(1.0, q * 12)));
      cf_json_set(pair, "p_fdr", cf_json_number(fmin(1.0, q * 1.5)));
      cf_json_append(pairs, pair);
    }
  }
  cf_json_set(ceiling, "lower", cf_json_number(0.436));
  cf_json_set(ceiling, "upper", cf_json_number(0.512));
  cf_json_set(result, "models", list);
  cf_json_set(result, "noise_ceiling", ceiling);
  cf_json_set(result, "pairwise", pairs);
  cf_json *comparator = cf_json_object();
  cf_json_set(comparator, "name", cf_json_text("rho-a"));
  cf_json_set(comparator, "formula", cf_json_text("rho_a = 12 r1.r2 / (P^3 - P) - 3 (P + 1) / (P - 1)"));
  cf_json_set(result, "comparator", comparator);
  cf_json_set(options, "comparator", cf_json_text("rho-a"));
  cf_json_set(options, "bootstrap", cf_json_text("both"));
  cf_json_set(options, "replicates", cf_json_number(1000));
  assert_ok(ctx, cf_dataset_put(ctx, t->arrays, "data_rdms", 3, data_shape, data));
  assert_ok(ctx, cf_dataset_put(ctx, t->arrays, "model_rdms", 3, model_shape, models));
  assert_ok(ctx, cf_dataset_put(ctx, t->arrays, "scores", 2, score_shape, scores));
  labels(ctx, cf_dataset_get(t->arrays, "data_rdms"), 2);
  envelope(t, result, options, NULL);
}

static void compare_task(cf_context *ctx, cf_study_task *t) {
  static const char *const name[5] = {"cka-debiased", "cka", "rsa", "linear-predictivity", "procrustes"};
  static const double value[5] = {0.384, 0.672, 0.411, 0.297, 0.814}, chance[5] = {0.001, 0.438, 0.0, -0.032, 1.21};
  start(ctx, t, "v4-layer3", "Is layer 3 like V4?", "compare", NULL);
  cf_json *result = cf_json_object(), *list = cf_json_list();
  cf_rng rng = cf_rng_make(6, 6, 0);
  for (size_t k = 0; k < 5; ++k) {
    cf_json *m = cf_json_object();
    cf_json_set(m, "name", cf_json_text(name[k]));
    cf_json_set(m, "value", cf_json_number(value[k]));
    cf_json_set(m, "ci", ci(value[k] - 0.06, value[k] + 0.05));
    cf_json_set(m, "p", cf_json_number(0.000999));
    cf_json_set(m, "z", cf_json_number(7.3));
    cf_json_set(m, "kind", cf_json_text(k == 4 ? "distance" : "similarity"));
    cf_json_set(m, "x", cf_json_text("layer3"));
    cf_json_set(m, "y", cf_json_text("V4"));
    cf_json_set(m, "null_mean", cf_json_number(chance[k]));
    cf_json_set(m, "formula", cf_json_text(k == 1 ? "CKA(K, L) = <HKH, HLH>_F / (|HKH|_F |HLH|_F)" : "see the manual"));
    cf_json_set(m, "reference", cf_json_text("Kornblith et al. (2019), ICML"));
    cf_json_append(list, m);
    double null[1000];
    char array[64];
    const size_t shape[1] = {1000};
    for (size_t i = 0; i < 1000; ++i) null[i] = chance[k] + 0.03 * noise(&rng);
    snprintf(array, sizeof array, "null/%s", name[k]);
    assert_ok(ctx, cf_dataset_put(ctx, t->arrays, array, 1, shape, null));
  }
  cf_json_set(result, "measures", list);
  envelope(t, result, cf_json_object(),
           "features outnumber conditions 40 to 1: biased CKA is inflated, read cka-debiased");
}

static void layers_task(cf_context *ctx, cf_study_task *t) {
  static const char *const name[3] = {"cka-debiased", "rsa", "shape"};
  start(ctx, t, "depth", "Where along the network is V4?", "compare", NULL);
  cf_json *result = cf_json_object(), *list = cf_json_list();
  char layer[32];
  for (size_t k = 0; k < 3; ++k)
    for (size_t l = 0; l < LAYERS; ++l) {
      double v = k == 2 ? 1.2 - 0.5 * exp(-0.2 * pow((double)l - 4, 2))
                        : (0.5 - 0.15 * (double)k) * exp(-0.1 * pow((double)l - 4 + (double)k, 2));
      cf_json *m = cf_json_object();
      snprintf(layer, sizeof layer, "block%zu.conv%zu", l / 2 + 1, l % 2 + 1);
      cf_json_set(m, "name", cf_json_text(name[k]));
      cf_json_set(m, "x", cf_json_text(layer));
      cf_json_set(m, "y", cf_json_text("V4"));
      cf_json_set(m, "kind", cf_json_text(k == 2 ? "distance" : "similarity"));
      cf_json_set(m, "null_mean", cf_json_number(k == 2 ? 1.3 : 0.02));
      cf_json_set(m, "value", cf_json_number(v));
      if (k < 2) cf_json_set(m, "ci", ci(v - 0.04, v + 0.05));
      cf_json_append(list, m);
    }
  cf_json_set(result, "measures", list);
  envelope(t, result, cf_json_object(), NULL);
}

static void distances_task(cf_context *ctx, cf_study_task *t) {
  static const char *const name[SYSTEMS] = {"VGG-16", "VGG-19", "ResNet-18",  "ResNet-50", "ResNet-101",
                                            "ViT-S",  "ViT-B",  "random VGG", "pixels"};
  static const double place[SYSTEMS] = {0, 0.1, 0.8, 1.0, 1.05, 2.0, 2.2, 3.5, 4.0};
  double d[SYSTEMS * SYSTEMS];
  const size_t shape[2] = {SYSTEMS, SYSTEMS};
  cf_array *array = NULL, *names = NULL;
  start(ctx, t, "shapes", "Shape distances between networks", "distances", NULL);
  for (size_t i = 0; i < SYSTEMS; ++i)
    for (size_t j = 0; j < SYSTEMS; ++j) d[i * SYSTEMS + j] = i == j ? 0 : 0.1 + 0.3 * fabs(place[i] - place[j]);
  assert_ok(ctx, cf_array_from_doubles(ctx, "distances", 2, shape, d, &array));
  assert_ok(ctx, cf_array_from_texts(ctx, "names", SYSTEMS, name, &names));
  assert_ok(ctx, cf_array_set_axis(ctx, array, 1, "names", names));
  cf_array_free(names);
  assert_ok(ctx, cf_dataset_add(ctx, t->arrays, array));
  cf_json *result = cf_json_object();
  cf_json_set(result, "quantity", cf_json_text("angular shape distance (radians)"));
  envelope(t, result, cf_json_object(), NULL);
}

static void other_task(cf_context *ctx, cf_study_task *t) {
  start(ctx, t, "hostile", hostile, "unheard-of", hostile);
  cf_json *result = cf_json_object(), *inner = cf_json_object();
  cf_json_set(inner, hostile, cf_json_text(hostile));
  cf_json_set(result, "inner", inner);
  cf_json_set(result, "answer", cf_json_number(42));
  cf_json_set(result, "missing", cf_json_null());
  double d[9] = {0, -1, 2, -1, 0, 1.5, 2, 1.5, 0};
  const size_t shape[2] = {3, 3};
  const char *const names[3] = {hostile, "</title>", "b"};
  cf_array *array = NULL, *labels3 = NULL;
  assert_ok(ctx, cf_array_from_doubles(ctx, "contrast <i>", 2, shape, d, &array));
  assert_ok(ctx, cf_array_from_texts(ctx, "names", 3, names, &labels3));
  assert_ok(ctx, cf_array_set_axis(ctx, array, 1, "names", labels3));
  cf_array_free(labels3);
  assert_ok(ctx, cf_dataset_add(ctx, t->arrays, array));
  envelope(t, result, cf_json_object(), hostile);
}

static cf_study_results *results_new(cf_context *ctx) {
  cf_study_results *r = NULL;
  void (*const make[])(cf_context *, cf_study_task *) = {rdm_task,    rsa_task,       compare_task,
                                                         layers_task, distances_task, other_task};
  assert_ok(ctx, CF_ALLOC(ctx, &r, 1));
  r->count = sizeof make / sizeof *make;
  assert_ok(ctx, CF_ALLOC(ctx, &r->task, r->count));
  for (size_t i = 0; i < r->count; ++i) make[i](ctx, r->task + i);
  assert_ok(ctx, cf_strdup(ctx, "Object representations in cortex and networks", &r->title));
  assert_ok(ctx, cf_strdup(ctx,
                           "How the geometry of responses to 48 object images in inferior temporal cortex compares "
                           "with seven models, from pixels to trained networks.",
                           &r->description));
  assert_ok(ctx,
            cf_strdup(ctx, "Simulated data with planted truth: no recording from an animal or a person is in here.",
                      &r->banner));
  r->provenance = cf_json_object();
  cf_json *machine = cf_json_object();
  cf_json_set(machine, "processor", cf_json_text("x86_64, 2 threads"));
  cf_json_set(machine, "blas", cf_json_text("OpenBLAS 0.3.21"));
  cf_json_set(r->provenance, "finished", cf_json_text("2026-01-02 03:04 UTC"));
  cf_json_set(r->provenance, "seed", cf_json_number(1));
  cf_json_set(r->provenance, "machine", machine);
  return r;
}

/* ---------------------------------------------------------------- tests -- */

static void every_json_parses(cf_context *ctx, const char *html) {
  static const char open[] = "<script type=\"application/json\"";
  size_t n = 0;
  for (const char *s = html; (s = strstr(s, open)); ++n) {
    const char *from = strchr(s, '>') + 1, *to = strstr(from, "</script>");
    cf_json *value = NULL;
    assert_non_null(to);
    assert_ok(ctx, cf_json_parse(ctx, "script", from, (size_t)(to - from), &value));
    const cf_json *items = cf_json_get(value, "items");
    if (items) { /* 4 bytes a pair in base64 */
      double size = cf_json_as_number(cf_json_get(value, "n"));
      size_t values = (size_t)(cf_json_as_bool(cf_json_get(value, "full")) ? size * size : size * (size - 1) / 2);
      for (size_t k = 0; k < cf_json_count(items); ++k)
        assert_int_equal(strlen(cf_json_as_text(cf_json_get(cf_json_at(items, k), "data"))), (4 * values + 2) / 3 * 4);
      const cf_json *orders = cf_json_get(value, "orders");
      for (size_t k = 0; k < cf_json_count(orders); ++k) {
        char seen[256] = {0};
        const cf_json *order = cf_json_value(orders, k);
        assert_int_equal(cf_json_count(order), (size_t)size);
        for (size_t i = 0; i < (size_t)size; ++i) seen[(size_t)cf_json_as_number(cf_json_at(order, i))]++;
        for (size_t i = 0; i < (size_t)size; ++i) assert_int_equal(seen[i], 1);
      }
    }
    cf_json_free(value);
    s = to;
  }
  assert_true(n >= 6);
}

static void every_link_leads_somewhere(const char *folder, const char *html) {
  static const char open[] = "href=\"";
  size_t files = 0, anchors = 0;
  for (const char *s = html; (s = strstr(s, open));) {
    char target[512], path[1600];
    s += sizeof open - 1;
    size_t length = strcspn(s, "\"");
    if (strncmp(s, "data:", 5) == 0) continue;
    assert_true(length < sizeof target);
    snprintf(target, sizeof target, "%.*s", (int)length, s);
    if (target[0] == '#') {
      char id[600];
      snprintf(id, sizeof id, "id=\"%s\"", target + 1);
      if (!strstr(html, id)) fail_msg("nothing has %s", id);
      ++anchors;
    } else {
      struct stat facts;
      snprintf(path, sizeof path, "%s/%s", folder, target);
      if (stat(path, &facts) != 0 || facts.st_size < 200) fail_msg("%s is missing or empty", path);
      ++files;
    }
  }
  assert_true(files >= 30 && anchors >= 9);
}

static void report_is_whole(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  char buffer[512];
  const char *folder = folder_of(buffer, sizeof buffer);
  cf_study_results *r = results_new(ctx);
  assert_ok(ctx, cf_report_write(ctx, r, folder, NULL));
  size_t size = 0, again_size = 0;
  char *html = read_all(folder, "report.html", &size);
  assert_int_equal(strlen(html), size);
  /* self-contained: no address of the network and no other file is loaded */
  assert_null(strstr(html, "http://"));
  assert_null(strstr(html, "https://"));
  assert_null(strstr(html, " src="));
  assert_null(strstr(html, "@import"));
  assert_int_equal(count_of(html, "<link "), 1);
  /* the banner is the first thing on the page */
  const char *body = strstr(html, "<body>\n");
  assert_non_null(body);
  assert_int_equal(strncmp(body + 7, "<p class=\"banner\"", 17), 0);
  /* nothing that came from data became markup */
  assert_null(strstr(html, "<script>alert"));
  assert_null(strstr(html, "<b>bold"));
  assert_null(strstr(html, "<i>\""));
  assert_null(strchr(html, '\x01'));
  assert_int_equal(count_of(html, "<script"), count_of(html, "</script>"));
  assert_int_equal(count_of(html, "<section"), 6 + 3);
  assert_int_equal(count_of(html, "<svg"), count_of(html, "</svg>"));
  /* the summary says the numbers with their chance level */
  assert_non_null(
      strstr(html, "Of 7 models, <em>categories</em> is closest to the data: Spearman&#39;s ρ-a 0.412 (95 % interval"));
  assert_non_null(strstr(html, "0.672 (95 % interval 0.612 to 0.722), chance 0.438, p = 0.0010"));
  assert_non_null(strstr(html, "features outnumber conditions 40 to 1"));
  assert_non_null(strstr(html, "CKA(K, L) = &lt;HKH, HLH&gt;_F"));
  assert_non_null(strstr(html, "it&#39;\\&#39;&#39;s &quot;quoted&quot; &amp; &lt;safe&gt;"));
  every_json_parses(ctx, html);
  every_link_leads_somewhere(folder, html);
  every_id_is_single(html);
  assert_ok(ctx, cf_report_write(ctx, r, folder, NULL));
  char *again = read_all(folder, "report.html", &again_size);
  assert_int_equal(size, again_size);
  assert_memory_equal(html, again, size);
  free(again);
  free(html);
  char *svg = read_all(folder, "figures/models-models.svg", &size);
  assert_int_equal(strncmp(svg, "<?xml", 5), 0);
  assert_null(xml_check(strchr(svg, '\n') + 1));
  free(svg);
  if (!getenv("CF_REPORT_OUT")) remove_folder(folder);
  cf_study_results_free(r);
  cf_context_free(ctx);
}

static void incomplete_results_are_shown_as_far_as_they_go(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  char folder[] = "/tmp/cortifold-report-XXXXXX";
  assert_non_null(mkdtemp(folder));
  static const char *const kinds[] = {"rdm", "rsa", "compare", "distances", "other"};
  cf_study_results *r = NULL;
  assert_ok(ctx, CF_ALLOC(ctx, &r, 1));
  r->count = 10;
  assert_ok(ctx, CF_ALLOC(ctx, &r->task, r->count));
  for (size_t i = 0; i < 10; ++i) {
    char id[8];
    snprintf(id, sizeof id, "t%zu", i);
    start(ctx, r->task + i, id, id, kinds[i % 5], NULL);
    cf_json *result = cf_json_object(), *list = cf_json_list();
    if (i >= 5) { /* lists of things without their keys */
      cf_json_append(list, cf_json_object());
      cf_json_set(result, i % 5 == 1 ? "models" : "measures", list);
      cf_json_set(result, "pairwise", cf_json_text("none"));
      cf_json_set(result, "noise_ceiling", cf_json_null());
    } else
      cf_json_free(list);
    envelope(r->task + i, result, NULL, NULL);
  }
  cf_report_options o = CF_REPORT_OPTIONS_INIT;
  o.svg_only = true;
  assert_ok(ctx, cf_report_write(ctx, r, folder, &o));
  size_t size = 0;
  char *html = read_all(folder, "report.html", &size);
  assert_int_equal(count_of(html, "class=\"task\" id=\"task-"), 10);
  assert_null(strstr(html, "class=\"banner\""));
  assert_null(strstr(html, ">nan<"));
  free(html);
  remove_folder(folder);
  assert_status(ctx, CF_ERR_FAILURE, cf_report_write(ctx, r, "/proc/no/such/folder", NULL));
  cf_study_results_free(r);
  cf_context_free(ctx);
}

static void a_small_budget_leaves_still_figures(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  char folder[] = "/tmp/cortifold-report-XXXXXX";
  assert_non_null(mkdtemp(folder));
  cf_study_results *r = results_new(ctx);
  cf_report_options o = CF_REPORT_OPTIONS_INIT;
  o.svg_only = true;
  o.embed = 8000; /* one matrix of 48 conditions takes 6016 */
  assert_ok(ctx, cf_report_write(ctx, r, folder, &o));
  size_t size = 0;
  char *html = read_all(folder, "report.html", &size);
  assert_non_null(strstr(html, "too large to carry the values inside this file"));
  assert_null(strstr(html, ".pdf"));
  free(html);
  remove_folder(folder);
  cf_study_results_free(r);
  cf_context_free(ctx);
}

/* A simulation, one model against many subjects, two models against one RDM: each in its own words. */
static void small_results_have_their_own_words(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  char folder[] = "/tmp/cortifold-report-XXXXXX";
  assert_non_null(mkdtemp(folder));
  cf_study_results *r = NULL;
  assert_ok(ctx, CF_ALLOC(ctx, &r, 1));
  r->count = 3;
  assert_ok(ctx, CF_ALLOC(ctx, &r->task, r->count));
  start(ctx, r->task, "sim", "Simulation", "simulate", NULL);
  cf_json *result = cf_json_object(), *order = cf_json_list();
  static const char *const names[] = {"truth", "random"};
  for (int i = 0; i < 2; ++i) {
    cf_json *m = cf_json_object();
    cf_json_set(m, "name", cf_json_text(names[i]));
    cf_json_set(m, "correlation", cf_json_number(i ? -0.05 : 1));
    cf_json_append(order, m);
  }
  cf_json_set(result, "subjects", cf_json_number(1));
  cf_json_set(result, "conditions", cf_json_number(3));
  cf_json_set(result, "expected_order", order);
  envelope(r->task, result, NULL, NULL);
  const double truth[9] = {0, 1, 2, 1, 0, 1e-16, 2, 1e-16, 0};
  const size_t square[2] = {3, 3};
  static const char *const array[] = {"truth/rdm", "models/truth", "model_rdms"};
  for (int i = 0; i < 3; ++i) {
    cf_array *a = NULL;
    assert_ok(ctx, cf_array_new(ctx, array[i], CF_F64, 2, square, &a));
    memcpy(a->data, truth, sizeof truth);
    assert_ok(ctx, cf_dataset_add(ctx, r->task[0].arrays, a));
  }
  for (size_t t = 1; t < 3; ++t) {
    start(ctx, r->task + t, t == 1 ? "one" : "two", "Models", "rsa", NULL);
    cf_json *values = cf_json_object(), *list = cf_json_list(), *options = cf_json_object();
    for (size_t i = 0; i < t; ++i) {
      cf_json *m = cf_json_object(), *own = cf_json_list();
      cf_json_set(m, "name", cf_json_text(names[i]));
      cf_json_set(m, "mean", cf_json_number(0.5 - (double)i));
      cf_json_set(m, "p", cf_json_number(i ? 0.9 : 0.01));
      for (size_t s = t; s < 3; ++s) cf_json_append(own, cf_json_number(0.5));
      cf_json_set(m, "per_subject", own);
      cf_json_append(list, m);
    }
    cf_json_set(values, "models", list);
    cf_json_set(options, "data", cf_json_text("f.h5:truth/rdm"));
    envelope(r->task + t, values, options, NULL);
  }
  cf_report_options o = CF_REPORT_OPTIONS_INIT;
  o.svg_only = true;
  assert_ok(ctx, cf_report_write(ctx, r, folder, &o));
  size_t size = 0;
  char *html = read_all(folder, "report.html", &size);
  assert_non_null(strstr(html, "1 simulated subject with 3 conditions. 2 models were planted, from <em>truth</em> "
                               "(correlation with the planted geometry 1) to <em>random</em>"));
  assert_null(strstr(html, "expected_order"));
  assert_int_equal(count_of(html, "id=\"fig-sim-"), 2); /* each matrix once; the map needs four points */
  assert_null(strstr(html, "10⁻¹⁶"));
  assert_non_null(strstr(html, "<em>truth</em> against the data: RDM similarity 0.5"));
  assert_non_null(strstr(html, ": significantly above chance."));
  assert_non_null(strstr(html, "Of 2 models, <em>truth</em> is closest to the one data RDM, <em>truth/rdm</em>"));
  assert_non_null(strstr(html, "One model lies significantly above chance."));
  assert_null(strstr(html, "Of 1 model"));
  free(html);
  remove_folder(folder);
  cf_study_results_free(r);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(report_is_whole), cmocka_unit_test(incomplete_results_are_shown_as_far_as_they_go),
      cmocka_unit_test(small_results_have_their_own_words), cmocka_unit_test(a_small_budget_leaves_still_figures)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
