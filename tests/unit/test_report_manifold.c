/* The report of factorisations, graphs, diffusion maps, encoding manifolds, tuning and responses, from planted results:
 * whole, well formed, and every number from the result. With CF_REPORT_OUT=FOLDER it is left there
 * (tests/report/browser.sh). */
#include "planted.h"
#include "report_fixture.h"
#include "report/page.h"

enum {
  N = 240,
  S = PLANTED_STIMULI,
  D = PLANTED_DIRECTIONS,
  T = PLANTED_TIMES,
  R = PLANTED_TYPES,
  RANKS = 9,
  RESTARTS = 20
};
static const char *const type_name[R] = {"broad", "oriented", "phasic", "flat"};

static void vector(cf_context *ctx, cf_study_task *t, const char *name, size_t n, const double *data) {
  put(ctx, t, name, 1, &n, data);
}

static void neurons_axis(cf_context *ctx, cf_study_task *t, const char *array, size_t n) {
  char(*text)[24] = calloc(n, sizeof *text);
  const char **pointer = calloc(n, sizeof *pointer);
  for (size_t i = 0; i < n; ++i) {
    snprintf(text[i], sizeof text[i], i == 3 ? "</script> & \"%zu\"" : "unit %zu", i + 100);
    pointer[i] = text[i];
  }
  name_axis(ctx, t, array, 0, "neuron", n, pointer);
  free(pointer);
  free(text);
}

static cf_json *mean_and(const char *other, double mean, double value) {
  cf_json *o = cf_json_object();
  cf_json_set(o, "mean", cf_json_number(mean));
  cf_json_set(o, other, cf_json_number(value));
  return o;
}

/* Arrays and values of a factorisation with a scan of ranks. */
static void add_factors(cf_context *ctx, cf_study_task *t, cf_json *result, const planted *p) {
  const size_t neuron[2] = {p->n, R}, stimulus[2] = {S, R}, pattern[2] = {D * T, R}, scan[2] = {RANKS, RESTARTS};
  const double lambda[R] = {820, 611, 340, 125};
  double direction[D], time[T], rank[RANKS], mean[RANKS], sd[RANKS], best[RANKS], slope[RANKS], congruence[RANKS],
      error[RANKS * RESTARTS];
  cf_rng rng = cf_rng_make(9, 9, 0);
  for (int i = 0; i < D; ++i) direction[i] = 45.0 * i;
  for (int i = 0; i < T; ++i) time[i] = i / 16.0;
  cf_json *ranks = cf_json_list(), *errors = cf_json_list(), *within = cf_json_object();
  for (int k = 0; k < RANKS; ++k) {
    rank[k] = k + 2;
    mean[k] = 3.2 * (1.0 - exp(-0.5 * (k + 1)));
    sd[k] = 0.1 + 0.02 * k;
    best[k] = 14.0 + 30.0 * exp(-0.6 * k);
    slope[k] = 1.2 * exp(-0.5 * k);
    congruence[k] = 0.98 - 0.03 * k;
    for (int r = 0; r < RESTARTS; ++r)
      error[k * RESTARTS + r] = best[k] * (1.0 + (r < 6 ? 0.001 * r : 0.15 * fabs(cf_rng_normal(&rng))));
    cf_json *row = cf_json_object();
    cf_json_set(row, "rank", cf_json_number(rank[k]));
    cf_json_set(row, "error_best", cf_json_number(best[k]));
    cf_json_set(row, "dimension_mean", cf_json_number(mean[k]));
    cf_json_set(row, "congruence", cf_json_number(congruence[k]));
    cf_json_set(row, "within", cf_json_number(0.3));
    cf_json_append(ranks, row);
  }
  for (int r = 0; r < RESTARTS; ++r) cf_json_append(errors, cf_json_number(error[2 * RESTARTS + r]));
  put(ctx, t, "neuron", 2, neuron, p->neuron);
  neurons_axis(ctx, t, "neuron", p->n);
  put(ctx, t, "stimulus", 2, stimulus, p->stimulus);
  name_axis(ctx, t, "stimulus", 0, "stimulus", S, planted_stimulus);
  put(ctx, t, "pattern", 2, pattern, p->pattern);
  vector(ctx, t, "lambda", R, lambda);
  vector(ctx, t, "direction", D, direction);
  vector(ctx, t, "time", T, time);
  vector(ctx, t, "scan/rank", RANKS, rank);
  vector(ctx, t, "scan/dimension_mean", RANKS, mean);
  vector(ctx, t, "scan/dimension_sd", RANKS, sd);
  vector(ctx, t, "scan/error_best", RANKS, best);
  vector(ctx, t, "scan/derivative", RANKS, slope);
  vector(ctx, t, "scan/congruence_mean", RANKS, congruence);
  put(ctx, t, "scan/error", 2, scan, error);
  cf_json_set(within, "percent", cf_json_number(1));
  cf_json_set(within, "share", cf_json_number(0.3));
  cf_json_set(result, "rank", cf_json_number(R));
  cf_json_set(result, "restarts", cf_json_number(RESTARTS));
  cf_json_set(result, "error_percent", cf_json_number(16.5));
  cf_json_set(result, "within", within);
  cf_json_set(result, "congruence", mean_and("min", 0.93, 0.71));
  cf_json_set(result, "effective_dimension", mean_and("sd", 2.8, 0.12));
  cf_json_set(result, "ranks", ranks);
  cf_json_set(result, "errors", errors);
  cf_json_set(result, "suggested_rank", cf_json_number(5));
  cf_json_set(result, "suggestion_rule",
              cf_json_text("first rank whose smoothed slope falls below a tenth of its largest"));
}

static cf_json *graph_values(void) {
  cf_json *g = cf_json_object();
  cf_json_set(g, "n", cf_json_number(N));
  cf_json_set(g, "dims", cf_json_number(8));
  cf_json_set(g, "gabriel_edges", cf_json_number(611));
  cf_json_set(g, "pruned", cf_json_number(27));
  cf_json_set(g, "iterations", cf_json_number(9));
  cf_json_set(g, "connectivity", cf_json_number(0.82));
  cf_json_set(g, "delta_weighted", mean_and("median", 1.07, 1.02));
  cf_json_set(g, "degree", mean_and("max", 5.1, 14));
  cf_json_set(g, "components", cf_json_number(1));
  cf_json_set(g, "disconnected", cf_json_number(0));
  return g;
}

static void add_graph(cf_context *ctx, cf_study_task *t, const planted *p) {
  double *degree = calloc(p->n, sizeof *degree), *delta = calloc(p->n, sizeof *delta), pruned[10], median[10], c[10];
  cf_rng rng = cf_rng_make(4, 4, 1);
  for (size_t i = 0; i < p->n; ++i) {
    degree[i] = 3.0 + floor(6.0 * cf_rng_uniform(&rng));
    delta[i] = exp(0.3 * cf_rng_normal(&rng));
  }
  for (int k = 0; k < 10; ++k) {
    pruned[k] = 10 - k;
    median[k] = 1.0 + 0.2 * exp(-0.5 * k);
    c[k] = 0.6 + 0.02 * k;
  }
  vector(ctx, t, "degree", p->n, degree);
  vector(ctx, t, "delta_weighted", p->n, delta);
  vector(ctx, t, "scale", p->n, delta);
  vector(ctx, t, "history/pruned", 10, pruned);
  vector(ctx, t, "history/median", 10, median);
  vector(ctx, t, "history/connectivity", 10, c);
  free(degree);
  free(delta);
}

static void add_diffusion(cf_context *ctx, cf_study_task *t, const planted *p) {
  const size_t wide[2] = {p->n, 4}, three[2] = {p->n, 3};
  const double value[5] = {1, 0.98, 0.961, -0.93, 0.88};
  double *xyz = calloc(3 * p->n, sizeof *xyz);
  for (size_t i = 0; i < p->n; ++i)
    for (size_t k = 0; k < 3; ++k) xyz[3 * i + k] = p->point[4 * i + k];
  put(ctx, t, "coordinates", 2, wide, p->point);
  put(ctx, t, "embedding", 2, three, xyz);
  neurons_axis(ctx, t, "embedding", p->n);
  vector(ctx, t, "eigenvalues", 5, value);
  free(xyz);
}

static void encode_task(cf_context *ctx, cf_study_task *t, const char *id, const char *title, uint32_t replicate) {
  planted p = planted_make(N, replicate);
  const size_t maps[4] = {N, S, D, T}, merge[2] = {N - 1, 4}, matrix[2] = {N, R};
  size_t condensed[2] = {p.rows, 4};
  double cluster[N], group[N], preferred[N], dimension[N], kept[N];
  const double explained[6] = {0.5, 0.22, 0.12, 0.08, 0.05, 0.03};
  const char *const groups[2] = {"layer 2/3", "layer <4>"};
  start(ctx, t, id, title, "encode", replicate ? NULL : "Planted population of four types.");
  cf_json *result = cf_json_object(), *clusters = cf_json_list(), *mixing = cf_json_list(), *dims = cf_json_object(),
          *recovered = cf_json_object();
  size_t noise = 0, size[R] = {0};
  for (size_t i = 0; i < N; ++i) {
    cluster[i] = p.cluster[i];
    group[i] = (double)(i % 2);
    preferred[i] = (double)(p.type[i] + 1);
    dimension[i] = 1.5 + 0.4 * p.selectivity[i];
    kept[i] = (double)i;
    if (p.cluster[i] < 0)
      ++noise;
    else
      ++size[p.cluster[i]];
  }
  add_factors(ctx, t, result, &p);
  add_graph(ctx, t, &p);
  add_diffusion(ctx, t, &p);
  put(ctx, t, "neural_matrix", 2, matrix, p.neuron);
  vector(ctx, t, "kept", N, kept);
  vector(ctx, t, "cluster", N, cluster);
  vector(ctx, t, "group", N, group);
  cf_array *names = NULL;
  assert_ok(ctx, cf_array_from_texts(ctx, "group_name", 2, groups, &names));
  assert_ok(ctx, cf_dataset_add(ctx, t->arrays, names));
  vector(ctx, t, "preferred_stimulus", N, preferred);
  vector(ctx, t, "preferred_direction", N, p.direction);
  vector(ctx, t, "osi", N, p.selectivity);
  vector(ctx, t, "dimension", N, dimension);
  vector(ctx, t, "explained", 6, explained);
  put(ctx, t, "merge", 2, merge, p.merge);
  put(ctx, t, "condensed", 2, condensed, p.condensed);
  p.map[5] = NAN;
  put(ctx, t, "maps", 4, maps, p.map);
  for (int k = 0; k < R; ++k) {
    cf_json *c = cf_json_object();
    cf_json_set(c, "label", cf_json_number(k));
    cf_json_set(c, "size", cf_json_number((double)size[k]));
    cf_json_set(c, "stability", cf_json_number(0.4 + 0.1 * k));
    cf_json_append(clusters, c);
  }
  cf_json *m = cf_json_object();
  cf_json_set(m, "by", cf_json_text("group"));
  cf_json_set(m, "share", cf_json_number(0.61));
  cf_json_set(m, "expected", cf_json_number(0.5));
  cf_json_set(m, "p", cf_json_number(0.002));
  cf_json_append(mixing, m);
  cf_json_set(dims, "median", cf_json_number(1.62));
  cf_json_set(recovered, "adjusted_rand", cf_json_number(0.97));
  cf_json_set(result, "neurons", cf_json_number(N + 3));
  cf_json_set(result, "kept", cf_json_number(N));
  cf_json_set(result, "outliers", cf_json_number(3));
  cf_json_set(result, "pcs", cf_json_number(3));
  cf_json_set(result, "graph", graph_values());
  cf_json_set(result, "clusters", clusters);
  cf_json_set(result, "noise", cf_json_number((double)noise));
  cf_json_set(result, "mixing", mixing);
  cf_json_set(result, "dimension", dims);
  cf_json_set(result, "recovered", recovered);
  envelope(t, result, cf_json_object(), NULL);
  planted_free(&p);
}

static void first_encode(cf_context *ctx, cf_study_task *t) {
  encode_task(ctx, t, "v1", "Encoding manifold of V1", 0);
}
static void second_encode(cf_context *ctx, cf_study_task *t) {
  encode_task(ctx, t, "retina", "Encoding manifold of the retina", 1);
}

static void factor_task(cf_context *ctx, cf_study_task *t) {
  planted p = planted_make(N, 0);
  start(ctx, t, "factors", "Which components?", "factor", NULL);
  cf_json *result = cf_json_object();
  add_factors(ctx, t, result, &p);
  envelope(t, result, cf_json_object(), NULL);
  planted_free(&p);
}

static void graph_task(cf_context *ctx, cf_study_task *t) {
  planted p = planted_make(N, 0);
  start(ctx, t, "ian", "Who is near whom?", "graph", NULL);
  add_graph(ctx, t, &p);
  envelope(t, graph_values(), cf_json_object(), NULL);
  planted_free(&p);
}

static void diffuse_task(cf_context *ctx, cf_study_task *t) {
  planted p = planted_make(N, 0);
  start(ctx, t, "diffusion", "Diffusion map", "diffuse", NULL);
  cf_json *result = cf_json_object(), *values = cf_json_list();
  const double value[5] = {1, 0.98, 0.961, -0.93, 0.88};
  for (int i = 0; i < 5; ++i) cf_json_append(values, cf_json_number(value[i]));
  cf_json_set(result, "eigenvalues", values);
  cf_json_set(result, "alpha", cf_json_number(1));
  add_diffusion(ctx, t, &p);
  envelope(t, result, cf_json_object(), NULL);
  planted_free(&p);
}

static void tuning_task(cf_context *ctx, cf_study_task *t) {
  planted p = planted_make(N, 0);
  double dsi[N], rate[N], stimulus[N];
  for (size_t i = 0; i < N; ++i) {
    dsi[i] = 0.7 * p.selectivity[i];
    rate[i] = 4.0 + 30.0 * p.selectivity[i];
    stimulus[i] = (double)p.type[i];
  }
  start(ctx, t, "tuning", "Tuning", "tuning", NULL);
  vector(ctx, t, "OSI", N, p.selectivity);
  neurons_axis(ctx, t, "OSI", N);
  vector(ctx, t, "DSI", N, dsi);
  vector(ctx, t, "rate", N, rate);
  vector(ctx, t, "preferred_stimulus", N, stimulus);
  vector(ctx, t, "preferred_direction", N, p.direction);
  envelope(t, cf_json_object(), cf_json_object(), NULL);
  planted_free(&p);
}

static void responses_of(cf_context *ctx, cf_study_task *t, const planted *p) {
  const size_t maps[4] = {60, S, D, T};
  double direction[D], time[T];
  cf_array *axis[2] = {NULL};
  for (int i = 0; i < D; ++i) direction[i] = 45.0 * i;
  for (int i = 0; i < T; ++i) time[i] = i / 16.0;
  put(ctx, t, "responses", 4, maps, p->map);
  name_axis(ctx, t, "responses", 1, "stimulus", S, planted_stimulus);
  const size_t n[2] = {D, T};
  assert_ok(ctx, cf_array_from_doubles(ctx, "direction", 1, n, direction, axis));
  assert_ok(ctx, cf_array_from_doubles(ctx, "time", 1, n + 1, time, axis + 1));
  for (int k = 0; k < 2; ++k) {
    assert_ok(ctx,
              cf_array_set_axis(ctx, cf_dataset_get(t->arrays, "responses"), 2 + k, k ? "time" : "direction", axis[k]));
    cf_array_free(axis[k]);
  }
}

static void psth_task(cf_context *ctx, cf_study_task *t) {
  planted p = planted_make(60, 0);
  const size_t table[2] = {60, S};
  double significant[60 * S];
  for (size_t i = 0; i < 60 * S; ++i) significant[i] = i % 5 != 0;
  start(ctx, t, "psth", "Rates", "psth", NULL);
  responses_of(ctx, t, &p);
  put(ctx, t, "significant", 2, table, significant);
  put(ctx, t, "rate_max", 2, table, p.map);
  envelope(t, cf_json_object(), cf_json_object(), NULL);
  planted_free(&p);
}

static void simulate_task(cf_context *ctx, cf_study_task *t) {
  planted p = planted_make(60, 0);
  const char *type[60];
  cf_array *types = NULL;
  for (size_t i = 0; i < 60; ++i) type[i] = type_name[p.type[i]];
  start(ctx, t, "sim", "Planted population", "simulate", NULL);
  responses_of(ctx, t, &p);
  assert_ok(ctx, cf_array_from_texts(ctx, "truth/type", 60, type, &types));
  assert_ok(ctx, cf_dataset_add(ctx, t->arrays, types));
  envelope(t, cf_json_object(), cf_json_object(), NULL);
  planted_free(&p);
}

typedef void (*task_maker)(cf_context *, cf_study_task *);

static cf_study_results *results_of(cf_context *ctx, const task_maker *make, size_t count) {
  cf_study_results *r = NULL;
  assert_ok(ctx, CF_ALLOC(ctx, &r, 1));
  r->count = count;
  assert_ok(ctx, CF_ALLOC(ctx, &r->task, count));
  for (size_t i = 0; i < count; ++i) make[i](ctx, r->task + i);
  assert_ok(ctx, cf_strdup(ctx, "How neurons of two areas arrange themselves", &r->title));
  assert_ok(ctx, cf_strdup(ctx, "Simulated data with planted truth: no recording is in here.", &r->banner));
  return r;
}

static const task_maker everything[] = {simulate_task, psth_task,    tuning_task,  factor_task,
                                        graph_task,    diffuse_task, first_encode, second_encode};
enum { TASKS = sizeof everything / sizeof *everything };

static void says(const char *html, const char *words) {
  if (!strstr(html, words)) fail_msg("the report does not say: %s", words);
}

/* Every cloud carries as many points, labels and map cells as it says. */
static void clouds_are_complete(cf_context *ctx, const char *html) {
  size_t clouds = 0;
  for (const char *s = html; (s = strstr(s, "<script type=\"application/json\" id=\"data-"));) {
    const char *from = strchr(s, '>') + 1, *to = strstr(from, "</script>");
    cf_json *value = NULL;
    assert_ok(ctx, cf_json_parse(ctx, "script", from, (size_t)(to - from), &value));
    s = to;
    const cf_json *list = cf_json_get(value, "colourings"), *maps = cf_json_get(value, "maps");
    size_t n = (size_t)cf_json_as_number(cf_json_get(value, "n"));
    if (list) {
      ++clouds;
      assert_int_equal(strlen(cf_json_as_text(cf_json_get(value, "points"))), (12 * n + 2) / 3 * 4);
      assert_int_equal(cf_json_count(cf_json_get(value, "labels")), n);
      for (size_t k = 0; k < cf_json_count(list); ++k) {
        const char *codes = cf_json_as_text(cf_json_get(cf_json_at(list, k), "codes")),
                   *data = cf_json_as_text(cf_json_get(cf_json_at(list, k), "data"));
        assert_int_equal(strlen(codes ? codes : data), ((codes ? 1 : 4) * n + 2) / 3 * 4);
      }
    }
    if (maps) {
      size_t cells = n * cf_json_count(cf_json_get(maps, "stimuli")) *
                     (size_t)cf_json_as_number(cf_json_get(maps, "directions")) *
                     (size_t)cf_json_as_number(cf_json_get(maps, "times"));
      assert_int_equal(strlen(cf_json_as_text(cf_json_get(maps, "data"))), ((cells + 1) / 2 + 2) / 3 * 4);
      assert_true(cells <= 1500000);
    }
    cf_json_free(value);
  }
  assert_int_equal(clouds, 3);
}

static void report_is_whole(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  char buffer[512];
  const char *folder = folder_of(buffer, sizeof buffer);
  cf_study_results *r = results_of(ctx, everything, TASKS);
  cf_report_options o = CF_REPORT_OPTIONS_INIT;
  o.dpi = getenv("CF_REPORT_OUT") ? 200 : 40;
  assert_ok(ctx, cf_report_write(ctx, r, folder, &o));
  size_t size = 0;
  char *html = read_all(folder, "report.html", &size);
  assert_int_equal(strlen(html), size);
  assert_true(size < 6000000);
  assert_null(strstr(html, "https://"));
  assert_null(strstr(html, ">nan<"));
  assert_null(strstr(html, "</script> &"));
  assert_int_equal(count_of(html, "<script"), count_of(html, "</script>"));
  assert_int_equal(count_of(html, "<svg"), count_of(html, "</svg>"));
  assert_int_equal(count_of(html, "class=\"task\" id=\"task-"), TASKS);
  says(
      html,
      "4 components explain 83.5 % of the energy of the responses of 240 neurons (error 16.5 %). 6 of 20 restarts end within 1 % of the best error.");
  says(html, "Suggested rank: 5, by a rule of cortifold's own");
  says(html, "How the rank was suggested: first rank whose smoothed slope");
  says(html, "240 points in 8 dimensions make 611 neighbour pairs (Gabriel graph); 27 were pruned in 9 iterations.");
  says(html, "240 of 243 neurons on the manifold (3 left out as outliers).");
  says(html, "Neighbours share their group in 61 % of the pairs, 50 % if labels were shuffled (p = 0.0020).");
  says(html, "Against the planted truth: adjusted rand 0.97");
  says(html,
       "60 simulated neurons see 6 stimuli in 8 directions and 24 time bins; their parameters form a continuum of 4 "
       "overlapping types.");
  says(html, "288 of 360 maps are significant");
  says(html, "Activity of the clusters over time");
  says(html, "Activity of groups over time");
  says(html, "<section id=\"side-by-side\"");
  assert_int_equal(count_of(html, "<div class=\"space\""), 3 + 2);
  clouds_are_complete(ctx, html);
  every_id_is_single(html);
  assert_ok(ctx, cf_report_write(ctx, r, folder, &o));
  char *again = read_all(folder, "report.html", &size);
  assert_string_equal(html, again);
  free(again);
  free(html);
  if (!getenv("CF_REPORT_OUT")) remove_folder(folder);
  cf_study_results_free(r);
  cf_context_free(ctx);
}

/* Results that lack any one array are shown as far as they go. */
static void missing_arrays_are_left_out(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  char folder[] = "/tmp/cortifold-report-XXXXXX";
  assert_non_null(mkdtemp(folder));
  cf_report_options o = CF_REPORT_OPTIONS_INIT;
  o.svg_only = true;
  for (size_t task = 0; task < TASKS - 1; ++task) {
    for (size_t gone = 0;; ++gone) {
      cf_study_results *r = results_of(ctx, everything + task, 1);
      cf_dataset *set = r->task[0].arrays;
      bool last = gone >= set->count;
      if (!last && !(task == 6 && gone % 3 != 0)) { /* the large one every third */
        cf_array_free(set->array[gone]);
        memmove(set->array + gone, set->array + gone + 1, (set->count - gone - 1) * sizeof *set->array);
        --set->count;
        assert_ok(ctx, cf_report_write(ctx, r, folder, &o));
      }
      cf_study_results_free(r);
      if (last) break;
    }
    cf_study_results *r = results_of(ctx, everything + task, 1); /* no arrays, no values */
    cf_dataset_free(r->task[0].arrays);
    assert_ok(ctx, cf_dataset_new(ctx, &r->task[0].arrays));
    cf_json_free(r->task[0].envelope);
    envelope(r->task, cf_json_object(), cf_json_object(), NULL);
    assert_ok(ctx, cf_report_write(ctx, r, folder, &o));
    cf_study_results_free(r);
  }
  remove_folder(folder);
  cf_context_free(ctx);
}

static void a_small_budget_leaves_maps_out(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  char folder[] = "/tmp/cortifold-report-XXXXXX";
  assert_non_null(mkdtemp(folder));
  cf_study_results *r = results_of(ctx, everything + 6, 1);
  cf_report_options o = CF_REPORT_OPTIONS_INIT;
  size_t size = 0;
  o.svg_only = true;
  o.embed = 60000;
  assert_ok(ctx, cf_report_write(ctx, r, folder, &o));
  char *html = read_all(folder, "report.html", &size);
  says(html, "Without response maps, to keep this file small");
  free(html);
  o.embed = 1000;
  assert_ok(ctx, cf_report_write(ctx, r, folder, &o));
  html = read_all(folder, "report.html", &size);
  assert_int_equal(count_of(html, "<div class=\"space\""), 0);
  says(html, "Shown as a still figure");
  free(html);
  remove_folder(folder);
  cf_study_results_free(r);
  cf_context_free(ctx);
}

/* Points of a line come out in the order of the line, or its reverse: no other turn of the branches is as short. */
static void leaves_are_in_the_best_order(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (uint32_t k = 0; k < 20; ++k) {
    enum { POINTS = 37 };
    double x[POINTS];
    size_t order[POINTS];
    bool optimal = false;
    cf_rng rng = cf_rng_make(8, 8, k);
    for (size_t i = 0; i < POINTS; ++i) x[i] = cf_rng_uniform(&rng);
    assert_ok(ctx, cf_map_leaves(ctx, POINTS, 1, x, order, &optimal));
    assert_true(optimal);
    double sign = x[order[1]] > x[order[0]] ? 1.0 : -1.0;
    for (size_t i = 1; i < POINTS; ++i) assert_true(sign * (x[order[i]] - x[order[i - 1]]) > 0.0);
  }
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(report_is_whole), cmocka_unit_test(leaves_are_in_the_best_order),
                                     cmocka_unit_test(missing_arrays_are_left_out),
                                     cmocka_unit_test(a_small_budget_leaves_maps_out)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
