/* Figures of manifolds, factors, responses and distributions: well formed, the same twice, right counts and colours,
 * told errors. With CF_FIGURE_OUT=FOLDER each is left there as SVG and PNG for a look. */
#include "test.h"
#include "planted.h"
#include "xmlcheck.h"
#include <cortifold/figure.h>

static size_t count_of(const char *text, const char *word) {
  size_t n = 0;
  for (const char *s = text; (s = strstr(s, word)); s += strlen(word)) ++n;
  return n;
}

static void write_file(const char *folder, const char *name, const char *ending, const char *bytes, size_t size) {
  char path[600];
  snprintf(path, sizeof path, "%s/%s.%s", folder, name, ending);
  FILE *out = fopen(path, "wb");
  assert_non_null(out);
  assert_int_equal(fwrite(bytes, 1, size, out), size);
  fclose(out);
}

/* Well formed for us and for the renderer; kept for a look when a folder is given. */
static void take(cf_context *ctx, cf_figure *figure, const char *name) {
  const char *wrong = xml_check(figure->svg), *folder = getenv("CF_FIGURE_OUT");
  char *png = NULL;
  size_t size = 0;
  if (wrong) fail_msg("%s: %s", name, wrong);
  assert_null(strstr(figure->svg, "\"nan"));
  assert_null(strstr(figure->svg, "\"inf"));
  assert_ok(ctx, cf_figure_png(ctx, figure, folder ? 200 : 40, &png, &size));
  if (folder) {
    write_file(folder, name, "svg", figure->svg, figure->size);
    write_file(folder, name, "png", png, size);
  }
  cf_free(png);
  cf_figure_free(figure);
}

static const char *const type_name[4] = {"broad", "oriented", "phasic", "flat"};

static void points_of(const planted *p, double *xyz) {
  for (size_t i = 0; i < p->n; ++i)
    for (size_t k = 0; k < 3; ++k) xyz[3 * i + k] = p->point[4 * i + k];
}

static void space(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { N = 400, LARGE = 2200 };
  planted p = planted_make(N, 0), large = planted_make(LARGE, 1);
  double *xyz = calloc(3 * LARGE, sizeof *xyz), cyclic[N];
  size_t group[N], ring[N], many[N], *grey = calloc(LARGE, sizeof *grey);
  char names[30][16], *name[30];
  const char *const direction[8] = {"0°", "45°", "90°", "135°", "180°", "225°", "270°", "315°"};
  cf_figure *figure = NULL, *again = NULL;
  points_of(&p, xyz);
  for (size_t i = 0; i < 30; ++i) snprintf(name[i] = names[i], sizeof names[i], "map %zu", i + 1);
  for (size_t i = 0; i < N; ++i) {
    group[i] = p.cluster[i] < 0 ? CF_NO_GROUP : (size_t)p.cluster[i];
    ring[i] = (size_t)(p.direction[i] / 45.0);
    many[i] = i % 30;
    cyclic[i] = i == 3 ? NAN : p.selectivity[i];
  }
  cf_colouring panel[6] = {
      {.title = "cluster", .group = group, .groups = 4, .group_name = type_name},
      {.title = "preferred direction", .group = ring, .groups = 8, .group_name = direction, .cyclic = true},
      {.title = "feature map", .group = many, .groups = 30, .group_name = (const char *const *)name},
      {.title = "OSI", .value = cyclic, .low = 0, .high = 1},
      {.title = "contrast", .value = p.direction, .map = CF_MAP_DIVERGING},
      {.title = NULL}};
  cf_space_figure spec = {
      .n = N, .point = xyz, .panels = 6, .panel = panel, .azimuth = CF_SPACE_AZIMUTH, .elevation = CF_SPACE_ELEVATION};
  cf_figure_options o = CF_FIGURE_OPTIONS_INIT;
  o.name = "encoding manifold";
  assert_ok(ctx, cf_figure_space(ctx, &spec, &o, &figure));
  assert_ok(ctx, cf_figure_space(ctx, &spec, &o, &again));
  assert_string_equal(figure->svg, again->svg);
  assert_int_equal(count_of(figure->svg, "<circle class=\"cf-mark"), 6 * N);
  assert_int_equal(count_of(figure->svg, "class=\"cf-key\""), 5 + 8 + 30);
  size_t noise = 0;
  for (size_t i = 0; i < N; ++i) noise += p.cluster[i] < 0;
  char text[64];
  snprintf(text, sizeof text, ">none (%zu)<", noise);
  assert_non_null(strstr(figure->svg, text));
  cf_figure_free(again);
  take(ctx, figure, "space");
  /* one panel, and many points as a picture */
  points_of(&large, xyz);
  for (size_t i = 0; i < LARGE; ++i) grey[i] = large.type[i];
  cf_colouring one = {.group = grey, .groups = 4, .group_name = type_name};
  spec = (cf_space_figure){.n = LARGE, .point = xyz, .panels = 1, .panel = &one, .azimuth = 20, .elevation = 30};
  assert_ok(ctx, cf_figure_space(ctx, &spec, &o, &figure));
  assert_int_equal(count_of(figure->svg, "<circle class=\"cf-mark"), 0);
  assert_int_equal(count_of(figure->svg, "data:image/png;base64"), 1);
  take(ctx, figure, "space-large");
  /* light dots: the same points in a few paths, a fraction of the bytes */
  size_t full = 0, light = 0;
  spec.n = CF_FIGURE_CIRCLES;
  assert_ok(ctx, cf_figure_space(ctx, &spec, &o, &figure));
  full = figure->size;
  cf_figure_free(figure);
  spec.light = true;
  assert_ok(ctx, cf_figure_space(ctx, &spec, &o, &figure));
  light = figure->size;
  assert_int_equal(count_of(figure->svg, "<circle class=\"cf-mark"), 0);
  assert_int_equal(count_of(figure->svg, "data:image/png;base64"), 0);
  assert_true(count_of(figure->svg, "h0") > 0.9 * CF_FIGURE_CIRCLES); /* points in one place share a dot */
  assert_true(light < full / 5);
  take(ctx, figure, "space-light");
  grey[7] = 4;
  assert_status(ctx, CF_ERR_INPUT, cf_figure_space(ctx, &spec, &o, &figure));
  xyz[4] = NAN;
  assert_status(ctx, CF_ERR_INPUT, cf_figure_space(ctx, &spec, &o, &figure));
  spec.panels = 0;
  assert_status(ctx, CF_ERR_USAGE, cf_figure_space(ctx, &spec, &o, &figure));
  free(xyz);
  free(grey);
  planted_free(&p);
  planted_free(&large);
  cf_context_free(ctx);
}

/* Where a point stands on the page follows from the formula at the head of space.c. */
static void the_eye_sees_what_the_formula_says(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const double xyz[12] = {0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1};
  cf_colouring plain = {0};
  double x[4], y[4];
  cf_figure *figure = NULL;
  cf_space_figure spec = {.n = 4, .point = xyz, .panels = 1, .panel = &plain, .azimuth = -90, .elevation = 0};
  assert_ok(ctx, cf_figure_space(ctx, &spec, NULL, &figure));
  for (int i = 0; i < 4; ++i) { /* seen along +y: x to the right, z up */
    char key[32];
    snprintf(key, sizeof key, "data-i=\"%d\" cx=\"", i);
    const char *at = strstr(figure->svg, key);
    assert_non_null(at);
    x[i] = strtod(at + strlen(key), NULL);
    y[i] = strtod(strstr(at, "cy=\"") + 4, NULL);
  }
  assert_true(x[1] > x[0] + 20 && fabs(y[1] - y[0]) < 0.02);
  assert_true(fabs(x[2] - x[0]) < 0.02 && fabs(y[2] - y[0]) < 0.02);
  assert_true(y[3] < y[0] - 20 && fabs(x[3] - x[0]) < 0.02);
  assert_true(fabs((x[1] - x[0]) - (y[0] - y[3])) < 0.02); /* one scale */
  const char *near = strstr(figure->svg, "data-i=\"0\""), *far = strstr(figure->svg, "data-i=\"2\"");
  assert_true(far < near); /* y = 1 is farther from the eye at y = -inf: drawn first */
  cf_figure_free(figure);
  cf_context_free(ctx);
}

static void pairs(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { N = 300 };
  planted p = planted_make(N, 0);
  cf_figure *figure = NULL;
  cf_pairs_figure spec = {.n = N,
                          .dims = 4,
                          .point = p.point,
                          .axis = "diffusion coordinate",
                          .colouring = {.title = "type", .group = p.type, .groups = 4, .group_name = type_name}};
  assert_ok(ctx, cf_figure_pairs(ctx, &spec, NULL, &figure));
  assert_int_equal(count_of(figure->svg, "class=\"cf-panel\""), 6);
  assert_int_equal(count_of(figure->svg, "<circle class=\"cf-mark"), 6 * N);
  take(ctx, figure, "pairs");
  const size_t pair[2][2] = {{0, 3}, {1, 2}}, wrong[1][2] = {{0, 4}};
  spec.pairs = 2;
  spec.pair = pair;
  spec.colouring = (cf_colouring){.title = "OSI", .value = p.selectivity};
  assert_ok(ctx, cf_figure_pairs(ctx, &spec, NULL, &figure));
  assert_int_equal(count_of(figure->svg, "class=\"cf-panel\""), 2);
  take(ctx, figure, "pairs-value");
  spec.pairs = 1;
  spec.pair = wrong;
  assert_status(ctx, CF_ERR_USAGE, cf_figure_pairs(ctx, &spec, NULL, &figure));
  planted_free(&p);
  cf_context_free(ctx);
}

static void curves(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double rank[15], mean[15], low[15], high[15], slope[15], error[15], each[15];
  for (int i = 0; i < 15; ++i) {
    rank[i] = i + 2;
    mean[i] = 6.0 * (1.0 - exp(-0.25 * i));
    low[i] = mean[i] - 0.4;
    high[i] = mean[i] + 0.4;
    slope[i] = 1.5 * exp(-0.25 * i) - 0.1;
    error[i] = 45.0 * exp(-0.2 * i) + 12.0;
    each[i] = error[i] * 1.05;
  }
  slope[14] = NAN;
  cf_curve a = {"mean of the restarts", 15, rank, mean, low, high, CF_CURVE_LINE, false};
  cf_curve b = {NULL, 15, rank, slope, NULL, NULL, CF_CURVE_LINE, false};
  cf_curve c[2] = {{"best", 15, rank, error, NULL, NULL, CF_CURVE_LINE, false},
                   {"mean", 15, rank, each, NULL, NULL, CF_CURVE_LINE, false}};
  cf_curve d = {NULL, 15, rank, mean, low, high, CF_CURVE_BARS, true};
  cf_curve_panel panel[4] = {
      {.title = "Effective dimension",
       .x_title = "rank",
       .y_title = "E",
       .count = 1,
       .curve = &a,
       .marked = true,
       .mark = 9,
       .mark_name = "suggested 9"},
      {.title = "Its derivative",
       .x_title = "rank",
       .y_title = "dE / dR",
       .count = 1,
       .curve = &b,
       .marked = true,
       .mark = 9,
       .levelled = true,
       .level = 0},
      {.title = "Error",
       .x_title = "rank",
       .y_title = "error (% of the energy)",
       .count = 2,
       .curve = c,
       .from_zero = true},
      {.title = "Bars", .x_title = "component", .y_title = "value", .count = 1, .curve = &d, .from_zero = true}};
  cf_curves_figure spec = {4, 0, panel};
  cf_figure *figure = NULL;
  assert_ok(ctx, cf_figure_curves(ctx, &spec, NULL, &figure));
  assert_int_equal(count_of(figure->svg, "<circle class=\"cf-mark"), 15 + 14 + 30); /* no mark where nothing is known */
  assert_int_equal(count_of(figure->svg, "<rect class=\"cf-mark"), 15);
  assert_non_null(strstr(figure->svg, "suggested 9"));
  take(ctx, figure, "curves");
  spec.panels = 0;
  assert_status(ctx, CF_ERR_USAGE, cf_figure_curves(ctx, &spec, NULL, &figure));
  cf_context_free(ctx);
}

static void distributions_and_strips(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { N = 500, K = 9, M = 30 };
  double x[N], y[N], value[K][M];
  cf_rng rng = cf_rng_make(3, 3, 0);
  for (int i = 0; i < N; ++i) {
    x[i] = pow(cf_rng_uniform(&rng), 2);
    y[i] = 0.6 * x[i] + 0.3 * cf_rng_uniform(&rng);
  }
  x[5] = NAN;
  cf_distribution_panel panel[6] = {{"Orientation selectivity", "OSI", "neurons", N, x, NULL, true, 0, 1},
                                    {"Direction selectivity", "DSI", "neurons", N, y, NULL, true, 0, 1},
                                    {"Modulation", "F1 / F0", "neurons", N, x, NULL, false, 0, 0},
                                    {"Rate", "rate (spikes/s)", "neurons", N, y, NULL, false, 0, 0},
                                    {"DSI against OSI", "OSI", "DSI", N, x, y, true, 0, 1},
                                    {"Twice the same", "a", "b", N, y, y, false, 0, 0}};
  cf_distributions_figure spec = {6, 0, panel};
  cf_figure *figure = NULL;
  assert_ok(ctx, cf_figure_distributions(ctx, &spec, NULL, &figure));
  size_t counted = 0;
  const char *end = strstr(figure->svg, "Direction selectivity");
  for (const char *s = figure->svg; (s = strstr(s, "data-count=\"")) && s < end; ++s) counted += (size_t)atoi(s + 12);
  assert_int_equal(counted, N - 1); /* the first panel's bins hold every finite value */
  assert_int_equal(count_of(figure->svg, "<circle class=\"cf-mark"), N - 1 + N);
  take(ctx, figure, "distributions");
  cf_strip_sample sample[K];
  char names[K][8];
  for (int k = 0; k < K; ++k) {
    snprintf(names[k], sizeof names[k], "%d", k + 2);
    for (int i = 0; i < M; ++i)
      value[k][i] = 30.0 / (k + 1) * (1.0 + (i % 3 ? 0.2 * fabs(cf_rng_normal(&rng)) : 0.002 * cf_rng_uniform(&rng)));
    sample[k] = (cf_strip_sample){names[k], M, value[k]};
  }
  cf_strip_figure strip = {K, sample, "rank", "error (% of the energy)", 0.01};
  assert_ok(ctx, cf_figure_strip(ctx, &strip, NULL, &figure));
  assert_int_equal(count_of(figure->svg, "<circle class=\"cf-mark"), K * M);
  assert_int_equal(count_of(figure->svg, "<circle class=\"cf-mark cf-c6\""), K); /* one best a sample */
  take(ctx, figure, "strip");
  cf_strip_figure one = {1, sample, NULL, "error (%)", 0.01};
  assert_ok(ctx, cf_figure_strip(ctx, &one, NULL, &figure));
  take(ctx, figure, "strip-one");
  cf_context_free(ctx);
}

static void trees(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  planted p = planted_make(160, 0);
  cf_figure *figure = NULL;
  cf_tree_figure spec = {.n = p.n,
                         .merge = p.merge,
                         .rows = p.rows,
                         .condensed = p.condensed,
                         .label = p.cluster,
                         .height_title = "mutual reachability"};
  assert_ok(ctx, cf_figure_tree(ctx, &spec, NULL, &figure));
  for (int k = 0; k < 4; ++k) { /* every cluster in its colour, in both trees */
    char key[32];
    snprintf(key, sizeof key, "class=\"cf-c%d\"", k);
    assert_int_equal(count_of(figure->svg, key), 1);
    snprintf(key, sizeof key, "class=\"cf-stroke-c%d\"", k);
    assert_int_equal(count_of(figure->svg, key), 1);
  }
  take(ctx, figure, "tree");
  p.merge[5] = 1e9;
  assert_status(ctx, CF_ERR_INPUT, cf_figure_tree(ctx, &spec, NULL, &figure));
  spec.merge = NULL;
  p.condensed[0] = 3;
  assert_status(ctx, CF_ERR_INPUT, cf_figure_tree(ctx, &spec, NULL, &figure));
  spec.condensed = NULL;
  assert_status(ctx, CF_ERR_USAGE, cf_figure_tree(ctx, &spec, NULL, &figure));
  planted_free(&p);
  cf_context_free(ctx);
}

static void factors_and_maps(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  planted p = planted_make(200, 0);
  double lambda[4] = {812, 640, 333, 120}, direction[8], time[24];
  bool faint[5 * PLANTED_STIMULI] = {false, true, true};
  const char *const row[5] = {"neuron 1", "neuron 2", "neuron 3", "neuron 4", "neuron 5"};
  const char *const cell[6] = {"low 0°", "medium", "high", "white dot", "black dot", "dots"};
  cf_figure *figure = NULL;
  for (int i = 0; i < 8; ++i) direction[i] = 45.0 * i;
  for (int i = 0; i < 24; ++i) time[i] = i / 16.0;
  cf_factors_figure spec = {.neurons = p.n,
                            .stimuli = 6,
                            .directions = 8,
                            .times = 24,
                            .rank = 4,
                            .neuron = p.neuron,
                            .stimulus = p.stimulus,
                            .pattern = p.pattern,
                            .lambda = lambda,
                            .stimulus_name = planted_stimulus,
                            .direction = direction,
                            .time = time,
                            .blank = 5};
  assert_ok(ctx, cf_figure_factors(ctx, &spec, NULL, &figure));
  assert_int_equal(count_of(figure->svg, "cf-component"), 4);
  assert_int_equal(count_of(figure->svg, "<image"), 4);
  assert_int_equal(count_of(figure->svg, ": 1 of the largest</title>"), 4); /* bars are scaled to the largest */
  take(ctx, figure, "factors");
  double *wide = calloc(11 * 200, sizeof *wide), *ws = calloc(11 * 6, sizeof *ws), *wp = calloc(11 * 192, sizeof *wp);
  for (size_t r = 0; r < 11; ++r) {
    for (size_t i = 0; i < 200; ++i) wide[11 * i + r] = p.neuron[4 * i + (r + i % 3) % 4];
    for (size_t i = 0; i < 6; ++i) ws[11 * i + r] = p.stimulus[4 * i + r % 4];
    for (size_t i = 0; i < 192; ++i) wp[11 * i + r] = p.pattern[4 * i + r % 4];
  }
  spec.rank = 11;
  spec.neuron = wide;
  spec.stimulus = ws;
  spec.pattern = wp;
  spec.lambda = NULL;
  spec.time = NULL;
  assert_ok(ctx, cf_figure_factors(ctx, &spec, NULL, &figure));
  take(ctx, figure, "factors-eleven");
  size_t twice[200] = {0};
  spec.order = twice;
  assert_status(ctx, CF_ERR_USAGE, cf_figure_factors(ctx, &spec, NULL, &figure));
  cf_maps_figure maps = {.rows = 5,
                         .columns = 6,
                         .directions = 8,
                         .times = 24,
                         .value = p.map,
                         .row_name = row,
                         .column_name = planted_stimulus,
                         .direction = direction,
                         .time = time,
                         .faint = faint,
                         .own_range = true,
                         .quantity = "share of maximum"};
  p.map[0] = NAN;
  for (size_t i = 0; i < 192; ++i) p.map[4 * 6 * 192 + i] = NAN;
  assert_ok(ctx, cf_figure_maps(ctx, &maps, NULL, &figure));
  assert_int_equal(count_of(figure->svg, "<image"), 29); /* a map without values is left out */
  assert_int_equal(count_of(figure->svg, "cf-faint"), 2);
  take(ctx, figure, "maps");
  maps.rows = 2;
  maps.columns = 3;
  maps.row_name = maps.column_name = NULL;
  maps.cell_name = cell;
  maps.own_range = false;
  maps.faint = NULL;
  maps.quantity = "rate (spikes/s)";
  assert_ok(ctx, cf_figure_maps(ctx, &maps, NULL, &figure));
  take(ctx, figure, "maps-strip");
  maps.times = 0;
  assert_status(ctx, CF_ERR_USAGE, cf_figure_maps(ctx, &maps, NULL, &figure));
  free(wide);
  free(ws);
  free(wp);
  planted_free(&p);
  cf_context_free(ctx);
}

static void categories_differ(void **state) {
  (void)state;
  for (size_t count = 2; count <= 40; count += 19)
    for (size_t i = 0; i < count; ++i)
      for (size_t j = 0; j < i; ++j) {
        unsigned char a[3], b[3];
        cf_figure_category(i, count, false, a);
        cf_figure_category(j, count, false, b);
        assert_true(abs(a[0] - b[0]) + abs(a[1] - b[1]) + abs(a[2] - b[2]) > 18);
      }
  unsigned char first[3], last[3];
  cf_figure_map(CF_MAP_CYCLIC, 0, first);
  cf_figure_map(CF_MAP_CYCLIC, 1, last);
  assert_memory_equal(first, last, 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(space),
                                     cmocka_unit_test(the_eye_sees_what_the_formula_says),
                                     cmocka_unit_test(pairs),
                                     cmocka_unit_test(curves),
                                     cmocka_unit_test(distributions_and_strips),
                                     cmocka_unit_test(trees),
                                     cmocka_unit_test(factors_and_maps),
                                     cmocka_unit_test(categories_differ)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
