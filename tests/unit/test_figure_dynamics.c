/* Figures of decoding, trajectories, tubes, dynamics and alignment: well formed, the same twice, right counts and
 * places, told errors. With CF_FIGURE_OUT=FOLDER each is left there as SVG and PNG for a look. */
#include "test.h"
#include "planted.h"
#include "xmlcheck.h"
#include <cortifold/figure.h>
#include <math.h>

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

/* Number behind `attribute` in the k-th element that begins with `start`. */
static double number_in(const char *svg, const char *start, size_t k, const char *attribute) {
  const char *s = svg;
  for (size_t i = 0; (s = strstr(s, start)) && i < k; ++i) s += strlen(start);
  if (!s) fail_msg("no %s number %zu", start, k);
  const char *end = strchr(s, '>'), *at = strstr(s, attribute);
  if (!at || at > end) fail_msg("%s %zu has no %s", start, k, attribute);
  return strtod(at + strlen(attribute), NULL);
}

/* ----------------------------------------------------------------- twins -- */

static void twins(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_twin_bar bar[4] = {{"all", {0.2, 0.15, 0.3, 0.45}, {4e-5, 3e-5, 6e-5, 8e-5}, true},
                        {"LF <grating>", {0.1, 0.08, 0.12, NAN}, {2e-5, 1e-5, 3e-5, NAN}, false},
                        {"−1 dot", {0.4, NAN, NAN, NAN}, {8e-5, NAN, NAN, NAN}, false},
                        {"+3 dots", {NAN, NAN, NAN, NAN}, {1e-5, NAN, NAN, NAN}, false}};
  cf_twins_figure spec = {4, bar, "S_tight", "L · S_cross"};
  cf_figure_options o = CF_FIGURE_OPTIONS_INIT;
  cf_figure *figure = NULL, *again = NULL;
  o.name = "tightness and crossings";
  assert_ok(ctx, cf_figure_twins(ctx, &spec, &o, &figure));
  assert_ok(ctx, cf_figure_twins(ctx, &spec, &o, &again));
  assert_string_equal(figure->svg, again->svg);
  cf_figure_free(again);
  assert_int_equal(count_of(figure->svg, "<rect class=\"cf-mark cf-c6\""), 3); /* red, left: one is not known */
  assert_int_equal(count_of(figure->svg, "<rect class=\"cf-mark cf-c0\""), 4);
  assert_int_equal(count_of(figure->svg, "cf-chance"), 2);
  assert_int_equal(count_of(figure->svg, "class=\"cf-band\""), 1);
  /* heights on each axis are in proportion to the values, all bars stand on one foot */
  const char *red = "<rect class=\"cf-mark cf-c6\"", *blue = "<rect class=\"cf-mark cf-c0\"";
  double foot = number_in(figure->svg, red, 0, " y=\"") + number_in(figure->svg, red, 0, "height=\"");
  assert_true(fabs(number_in(figure->svg, red, 0, "height=\"") / number_in(figure->svg, red, 1, "height=\"") - 2.0) <
              0.01);
  assert_true(fabs(number_in(figure->svg, red, 2, "height=\"") / number_in(figure->svg, red, 0, "height=\"") - 2.0) <
              0.01);
  assert_true(fabs(number_in(figure->svg, blue, 2, "height=\"") / number_in(figure->svg, blue, 1, "height=\"") - 4.0) <
              0.02);
  for (size_t k = 0; k < 4; ++k)
    assert_true(fabs(number_in(figure->svg, blue, k, " y=\"") + number_in(figure->svg, blue, k, "height=\"") - foot) <
                0.02);
  assert_non_null(strstr(figure->svg, "data-side=\"right\""));
  take(ctx, figure, "twins");
  spec.count = 0;
  assert_status(ctx, CF_ERR_USAGE, cf_figure_twins(ctx, &spec, &o, &figure));
  cf_context_free(ctx);
}

/* -------------------------------------------------------------- profiles -- */

static void profiles(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { M = 7, R = 2, K = 3 };
  static const char *const module[M] = {"encoder L1",        "encoder L2", "encoder L4", "encoder L8",
                                        "recurrent & gated", "readout",    "output"};
  static const char *const recording[R] = {"V1", "retina <a>"}, *const title[K] = {"RSA", "CCA", "DSA"};
  double y[K][R][M], low[K][R][M], high[K][R][M], chance[K][R][M];
  bool hollow[R][M];
  cf_profile profile[K][R];
  cf_profile_panel panel[K];
  size_t hollows = 0;
  for (int k = 0; k < K; ++k) {
    for (int r = 0; r < R; ++r) {
      for (int m = 0; m < M; ++m) {
        y[k][r][m] = 0.1 * m + 0.2 * r - 0.3 * (k == 0);
        low[k][r][m] = y[k][r][m] - 0.05;
        high[k][r][m] = y[k][r][m] + 0.08;
        chance[k][r][m] = 0.05 * k;
        hollow[r][m] = m < 2 + r;
      }
      profile[k][r] = (cf_profile){y[k][r], low[k][r], high[k][r], chance[k][r], hollow[r]};
    }
    panel[k] = (cf_profile_panel){title[k], profile[k], k == 0, -0.25};
  }
  y[1][0][3] = NAN;
  for (int r = 0; r < R; ++r)
    for (int m = 0; m < M; ++m) hollows += hollow[r][m];
  cf_profiles_figure spec = {K, R, M, panel, recording, module, NULL};
  cf_figure *figure = NULL, *again = NULL;
  assert_ok(ctx, cf_figure_profiles(ctx, &spec, NULL, &figure));
  assert_ok(ctx, cf_figure_profiles(ctx, &spec, NULL, &again));
  assert_string_equal(figure->svg, again->svg);
  cf_figure_free(again);
  assert_int_equal(count_of(figure->svg, "class=\"cf-panel\""), K);
  assert_int_equal(count_of(figure->svg, "<circle class=\"cf-mark"), K * R * M - 2);
  assert_int_equal(count_of(figure->svg, "<path class=\"cf-mark"), 1); /* -0.3 stands on the floor at -0.25 */
  assert_int_equal(count_of(figure->svg, "cf-hollow"), K * hollows - 1);
  assert_int_equal(count_of(figure->svg, "stroke-dasharray"), K * R);
  assert_int_equal(count_of(figure->svg, "fill-opacity=\"0.18\""), K * R * (M - 1));
  assert_int_equal(count_of(figure->svg, ">encoder L1<"), 1); /* names below the last panel only */
  take(ctx, figure, "profiles");
  spec.panels = 0;
  assert_status(ctx, CF_ERR_USAGE, cf_figure_profiles(ctx, &spec, NULL, &figure));
  cf_context_free(ctx);
}

/* ------------------------------------------------------------------ grid -- */

static void grid(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { ROWS = 4, COLUMNS = 5 };
  double value[2][ROWS * COLUMNS];
  static const char *const row[ROWS] = {"1", "2", "4", "8"}, *const column[COLUMNS] = {"2", "5", "10", "20", "all"};
  for (int i = 0; i < ROWS * COLUMNS; ++i) {
    value[0][i] = -3.0 + 0.1 * i;
    value[1][i] = 1.0 / (1.0 + i);
  }
  value[0][4] = NAN;
  cf_grid_panel panel[2] = {
      {.title = "AIC & more", .quantity = "AIC", .value = value[0], .chosen = true, .row = 1, .column = 2},
      {.title = "error", .value = value[1], .low = 0, .high = 1}};
  cf_grid_figure spec = {ROWS, COLUMNS, 2, panel, row, column, "delays", "rank"};
  cf_figure *figure = NULL, *again = NULL;
  assert_ok(ctx, cf_figure_grid(ctx, &spec, NULL, &figure));
  assert_ok(ctx, cf_figure_grid(ctx, &spec, NULL, &again));
  assert_string_equal(figure->svg, again->svg);
  cf_figure_free(again);
  assert_int_equal(count_of(figure->svg, "<rect class=\"cf-bin\""), 2 * ROWS * COLUMNS);
  assert_int_equal(count_of(figure->svg, "class=\"cf-chosen\""), 1);
  assert_int_equal(count_of(figure->svg, "class=\"cf-colourbar\""), 2);
  assert_int_equal(count_of(figure->svg, "fill=\"#bebebe\""), 1); /* not known: grey */
  /* the frame lies on the cell of row 1, column 2, which is the 8th */
  const char *cell = "<rect class=\"cf-bin\"", *frame = "<rect class=\"cf-chosen\"";
  assert_true(fabs(number_in(figure->svg, cell, 7, " x=\"") - number_in(figure->svg, frame, 0, " x=\"")) < 0.011);
  assert_true(fabs(number_in(figure->svg, cell, 7, " y=\"") - number_in(figure->svg, frame, 0, " y=\"")) < 0.011);
  assert_non_null(strstr(figure->svg, "delays 2, rank 10: "));
  take(ctx, figure, "grid");
  panel[0].row = ROWS;
  assert_status(ctx, CF_ERR_USAGE, cf_figure_grid(ctx, &spec, NULL, &figure));
  spec.rows = 0;
  assert_status(ctx, CF_ERR_USAGE, cf_figure_grid(ctx, &spec, NULL, &figure));
  /* many classes: no numbers, cells stay inside the figure */
  enum { MANY = 48 };
  double *large = calloc(MANY * MANY, sizeof *large);
  for (size_t i = 0; i < MANY; ++i) large[i * MANY + i] = 0.5;
  cf_grid_panel one = {.value = large, .low = 0, .high = 1};
  spec = (cf_grid_figure){.rows = MANY, .columns = MANY, .panels = 1, .panel = &one};
  assert_ok(ctx, cf_figure_grid(ctx, &spec, NULL, &figure));
  double right = number_in(figure->svg, cell, MANY - 1, " x=\"") + number_in(figure->svg, cell, 0, "width=\"");
  assert_true(right < figure->width_mm * 72.0 / 25.4);
  take(ctx, figure, "grid-many");
  free(large);
  cf_context_free(ctx);
}

/* ---------------------------------------------------------------- circle -- */

static void circle(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { N = 6 };
  const double value[2 * N] = {1, 0, 0.6, 0.8, 0.6, -0.8, 0.2, 0, -0.5, 0.1, NAN, 0}, size[N] = {1, 4, 4, 0.2, 0, 1};
  const bool chosen[N] = {true};
  cf_circle_panel panel = {.title = "modes", .n = N, .value = value, .size = size, .chosen = chosen};
  cf_circle_figure spec = {1, &panel, "stable", "other modes"};
  cf_figure *figure = NULL, *again = NULL;
  assert_ok(ctx, cf_figure_circle(ctx, &spec, NULL, &figure));
  assert_ok(ctx, cf_figure_circle(ctx, &spec, NULL, &again));
  assert_string_equal(figure->svg, again->svg);
  cf_figure_free(again);
  assert_int_equal(count_of(figure->svg, "<circle class=\"cf-mark"), N - 1); /* the one that is no number is left out */
  assert_int_equal(count_of(figure->svg, "<circle class=\"cf-mark cf-c6\""), 1);
  assert_int_equal(count_of(figure->svg, "<circle class=\"cf-stroke-c6\""), 1);
  /* 1 and 0.6 +- 0.8 i lie on the circle */
  const char *unit = "<circle class=\"cf-tree cf-unit\"", *red = "<circle class=\"cf-mark cf-c6\"",
             *blue = "<circle class=\"cf-mark cf-c0\"";
  double cx = number_in(figure->svg, unit, 0, "cx=\""), cy = number_in(figure->svg, unit, 0, "cy=\""),
         r = number_in(figure->svg, unit, 0, " r=\"");
  assert_true(fabs(number_in(figure->svg, red, 0, "cx=\"") - cx - r) < 0.02);
  assert_true(fabs(number_in(figure->svg, red, 0, "cy=\"") - cy) < 0.02);
  for (size_t k = 0; k < 2; ++k)
    assert_true(
        fabs(hypot(number_in(figure->svg, blue, k, "cx=\"") - cx, number_in(figure->svg, blue, k, "cy=\"") - cy) - r) <
        0.03);
  assert_true(number_in(figure->svg, blue, 0, "cy=\"") < cy); /* a positive imaginary part is above */
  take(ctx, figure, "circle");
  spec.panels = 0;
  assert_status(ctx, CF_ERR_USAGE, cf_figure_circle(ctx, &spec, NULL, &figure));
  cf_context_free(ctx);
}

/* ------------------------------------------------- tubes and trajectories -- */

enum { CURVES = 24, POINTS = 60, DIMS = 4, BUNDLES = 4 };

typedef struct curves {
  double x[CURVES * POINTS * DIMS], centre[BUNDLES * POINTS * DIMS];
  size_t bundle[CURVES];
} curves;

static const char *const bundle_name[BUNDLES] = {"LF grating", "HF <grating>", "−1 dot", "+3 dots"};

static curves *make_curves(void) {
  curves *c = calloc(1, sizeof *c);
  cf_rng rng = cf_rng_make(3, 3, 3);
  for (size_t i = 0; i < CURVES; ++i) {
    size_t b = c->bundle[i] = i % BUNDLES;
    double away = 0.4 * cf_rng_normal(&rng);
    for (size_t t = 0; t < POINTS; ++t) {
      double u = (double)t / (POINTS - 1), *p = c->x + (i * POINTS + t) * DIMS;
      p[0] = 6.0 * u * cos(1.57 * (double)b) + away * sin(3.0 * u);
      p[1] = 4.0 * u * sin(1.57 * (double)b) + away * cos(3.0 * u);
      p[2] = 2.0 * sin(3.0 * u) + 0.2 * away;
      p[3] = u;
      for (size_t k = 0; k < DIMS; ++k) c->centre[(b * POINTS + t) * DIMS + k] += p[k] / (CURVES / BUNDLES);
    }
  }
  return c;
}

static void tubes(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  curves *c = make_curves();
  cf_tubes_figure spec = {.curves = CURVES,
                          .points = POINTS,
                          .dims = DIMS,
                          .curve = c->x,
                          .bundle = c->bundle,
                          .bundles = BUNDLES,
                          .bundle_name = bundle_name,
                          .centreline = c->centre,
                          .axis = {0, 1},
                          .axis_title = {"PC 1 (61 %)", "PC 2 (22 %)"},
                          .split = true};
  cf_figure *figure = NULL, *again = NULL;
  c->bundle[5] = CF_NO_GROUP;
  assert_ok(ctx, cf_figure_tubes(ctx, &spec, NULL, &figure));
  assert_ok(ctx, cf_figure_tubes(ctx, &spec, NULL, &again));
  assert_string_equal(figure->svg, again->svg);
  cf_figure_free(again);
  assert_int_equal(count_of(figure->svg, "class=\"cf-panel\""), 1 + BUNDLES);
  assert_int_equal(count_of(figure->svg, "stroke-width=\"5\" stroke-opacity=\"0.45\""), CURVES + CURVES - 1);
  assert_int_equal(count_of(figure->svg, "stroke-width=\"20\""), BUNDLES + BUNDLES);
  assert_int_equal(count_of(figure->svg, "class=\"cf-gridline\""), BUNDLES * (BUNDLES - 1));
  take(ctx, figure, "tubes");
  spec.split = false;
  assert_ok(ctx, cf_figure_tubes(ctx, &spec, NULL, &figure));
  assert_int_equal(count_of(figure->svg, "class=\"cf-panel\""), 1);
  assert_int_equal(count_of(figure->svg, "class=\"cf-key\""), BUNDLES);
  take(ctx, figure, "tubes-one");
  c->bundle[2] = BUNDLES;
  assert_status(ctx, CF_ERR_INPUT, cf_figure_tubes(ctx, &spec, NULL, &figure));
  c->bundle[2] = 2;
  c->x[1] = NAN;
  assert_status(ctx, CF_ERR_INPUT, cf_figure_tubes(ctx, &spec, NULL, &figure));
  spec.axis[1] = DIMS;
  assert_status(ctx, CF_ERR_USAGE, cf_figure_tubes(ctx, &spec, NULL, &figure));
  spec.curves = 0;
  assert_status(ctx, CF_ERR_USAGE, cf_figure_tubes(ctx, &spec, NULL, &figure));
  free(c);
  cf_context_free(ctx);
}

static void paths(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  curves *c = make_curves();
  double *xyz = calloc(3 * CURVES * POINTS, sizeof *xyz), speed[CURVES];
  size_t ring[CURVES];
  char text[CURVES][24];
  const char *label[CURVES];
  const char *const direction[6] = {"0°", "60°", "120°", "180°", "240°", "300°"};
  for (size_t i = 0; i < CURVES * POINTS; ++i) memcpy(xyz + 3 * i, c->x + DIMS * i, 3 * sizeof *xyz);
  for (size_t i = 0; i < CURVES; ++i) {
    snprintf(text[i], sizeof text[i], "condition <%zu>", i);
    label[i] = text[i];
    ring[i] = i / BUNDLES;
    speed[i] = (double)i;
  }
  cf_colouring panel[3] = {{.title = "stimulus", .group = c->bundle, .groups = BUNDLES, .group_name = bundle_name},
                           {.title = "direction", .group = ring, .groups = 6, .group_name = direction, .cyclic = true},
                           {.title = "speed", .value = speed}};
  cf_paths_figure spec = {.n = CURVES,
                          .steps = POINTS,
                          .point = xyz,
                          .label = label,
                          .panels = 3,
                          .panel = panel,
                          .azimuth = CF_PATHS_AZIMUTH,
                          .elevation = CF_PATHS_ELEVATION};
  cf_figure *figure = NULL, *again = NULL;
  assert_ok(ctx, cf_figure_paths(ctx, &spec, NULL, &figure));
  assert_ok(ctx, cf_figure_paths(ctx, &spec, NULL, &again));
  assert_string_equal(figure->svg, again->svg);
  cf_figure_free(again);
  assert_int_equal(count_of(figure->svg, "class=\"cf-panel\""), 3);
  assert_int_equal(count_of(figure->svg, "<circle class=\"cf-ink\""), 3 * CURVES); /* beginnings */
  assert_int_equal(count_of(figure->svg, "<circle class=\"cf-mark"), 3 * CURVES);  /* ends */
  take(ctx, figure, "paths");
  /* seen along +y without elevation: a path along x ends to the right of where it begins, on one height */
  const double line[6] = {0, 0, 0, 2, 5, 0};
  cf_colouring plain = {0};
  spec = (cf_paths_figure){
      .n = 1, .steps = 2, .point = line, .panels = 1, .panel = &plain, .azimuth = -90, .elevation = 0};
  assert_ok(ctx, cf_figure_paths(ctx, &spec, NULL, &figure));
  double x0 = number_in(figure->svg, "<circle class=\"cf-ink\"", 0, "cx=\""),
         x1 = number_in(figure->svg, "<circle class=\"cf-mark", 0, "cx=\"");
  assert_true(x1 > x0 + 20.0);
  assert_true(fabs(number_in(figure->svg, "<circle class=\"cf-ink\"", 0, "cy=\"") -
                   number_in(figure->svg, "<circle class=\"cf-mark", 0, "cy=\"")) < 0.02);
  cf_figure_free(figure);
  ring[3] = 6;
  spec = (cf_paths_figure){.n = CURVES, .steps = POINTS, .point = xyz, .panels = 1, .panel = panel + 1};
  assert_status(ctx, CF_ERR_INPUT, cf_figure_paths(ctx, &spec, NULL, &figure));
  ring[3] = 0;
  xyz[7] = NAN;
  assert_status(ctx, CF_ERR_INPUT, cf_figure_paths(ctx, &spec, NULL, &figure));
  spec.steps = 0;
  assert_status(ctx, CF_ERR_USAGE, cf_figure_paths(ctx, &spec, NULL, &figure));
  free(xyz);
  free(c);
  cf_context_free(ctx);
}

/* ---------------------------------------------------------------- insets -- */

static bool cross(const double a[4], const double b[4]) {
  double side[4];
  for (int k = 0; k < 4; ++k) { /* which side of a the ends of b lie on, and the other way round */
    const double *line = k < 2 ? a : b, *point = (k < 2 ? b : a) + 2 * (k % 2);
    side[k] = (line[2] - line[0]) * (point[1] - line[1]) - (line[3] - line[1]) * (point[0] - line[0]);
  }
  return side[0] * side[1] < -1e-6 && side[2] * side[3] < -1e-6;
}

/* Lines from insets to points on one side of the figure never cross. */
static void leaders_are_untangled(const char *svg, size_t n) {
  static const char *const end[4] = {"x1=\"", "y1=\"", "x2=\"", "y2=\""};
  double line[16][4];
  for (size_t i = 0; i < n; ++i)
    for (int k = 0; k < 4; ++k) line[i][k] = number_in(svg, "<line class=\"cf-tree\"", i, end[k]);
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < i; ++j)
      if (line[i][0] == line[j][0]) assert_false(cross(line[i], line[j]));
}

static void insets(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { N = 200, EXAMPLES = 8, CELLS = PLANTED_STIMULI * PLANTED_DIRECTIONS * PLANTED_TIMES };
  planted p = planted_make(N, 0);
  double xyz[3 * N], *map = calloc(EXAMPLES * CELLS, sizeof *map);
  static const char *const type[4] = {"broad", "oriented", "phasic", "flat"};
  size_t example[EXAMPLES];
  for (size_t i = 0; i < N; ++i)
    for (size_t k = 0; k < 3; ++k) xyz[3 * i + k] = p.point[4 * i + k];
  for (size_t k = 0; k < EXAMPLES; ++k) {
    example[k] = k * (N / EXAMPLES);
    memcpy(map + k * CELLS, p.map + example[k] * CELLS, CELLS * sizeof *map);
  }
  cf_colouring panel = {.title = "type", .group = p.type, .groups = 4, .group_name = type};
  cf_insets_figure spec = {
      .space = {.n = N, .point = xyz, .panels = 1, .panel = &panel, .azimuth = -60, .elevation = 24},
      .count = EXAMPLES,
      .example = example,
      .map = map,
      .stimuli = PLANTED_STIMULI,
      .directions = PLANTED_DIRECTIONS,
      .times = PLANTED_TIMES};
  cf_figure *figure = NULL, *again = NULL;
  assert_ok(ctx, cf_figure_insets(ctx, &spec, NULL, &figure));
  assert_ok(ctx, cf_figure_insets(ctx, &spec, NULL, &again));
  assert_string_equal(figure->svg, again->svg);
  cf_figure_free(again);
  assert_int_equal(count_of(figure->svg, "cf-inset"), 1 + EXAMPLES); /* the figure's own class and the insets' */
  assert_int_equal(count_of(figure->svg, "<image"), EXAMPLES * PLANTED_STIMULI);
  assert_int_equal(count_of(figure->svg, "<circle class=\"cf-mark"), N);
  leaders_are_untangled(figure->svg, EXAMPLES);
  take(ctx, figure, "insets");
  for (uint32_t s = 0; s < 30; ++s) {
    cf_rng rng = cf_rng_make(5, 5, s);
    for (size_t k = 0; k < EXAMPLES; ++k) example[k] = (size_t)(cf_rng_uniform(&rng) * N);
    assert_ok(ctx, cf_figure_insets(ctx, &spec, NULL, &figure));
    leaders_are_untangled(figure->svg, EXAMPLES);
    cf_figure_free(figure);
  }
  example[3] = N;
  assert_status(ctx, CF_ERR_USAGE, cf_figure_insets(ctx, &spec, NULL, &figure));
  spec.count = 0;
  assert_status(ctx, CF_ERR_USAGE, cf_figure_insets(ctx, &spec, NULL, &figure));
  free(map);
  planted_free(&p);
  cf_context_free(ctx);
}

/* ---------------------------------------------------------------- curves -- */

static void curves_take_colours_and_a_range(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const double x[5] = {0, 1, 2, 3, 4}, up[5] = {0.2, 0.3, 0.5, 0.6, 0.7}, down[5] = {0.7, 0.6, 0.5, 0.3, 0.2};
  const size_t colour[2] = {6, 0};
  cf_curve curve[2] = {{.name = "growing", .n = 5, .x = x, .y = up}, {.name = "shrinking", .n = 5, .x = x, .y = down}};
  cf_curve_panel panel = {.x_title = "time (s)",
                          .y_title = "accuracy",
                          .count = 2,
                          .curve = curve,
                          .colour = colour,
                          .levelled = true,
                          .level = 0.14,
                          .level_name = "chance",
                          .bounded = true,
                          .low = 0.0,
                          .high = 1.0};
  cf_curves_figure spec = {1, 1, &panel};
  cf_figure *figure = NULL;
  assert_ok(ctx, cf_figure_curves(ctx, &spec, NULL, &figure));
  assert_int_equal(count_of(figure->svg, "<circle class=\"cf-mark cf-c6\""), 5);
  assert_int_equal(count_of(figure->svg, "<circle class=\"cf-mark cf-c0\""), 5);
  assert_int_equal(count_of(figure->svg, ">1.00<") + count_of(figure->svg, ">1.0<"), 1); /* the axis ends at 1 */
  assert_int_equal(count_of(figure->svg, ">chance<"), 1);
  take(ctx, figure, "curves-range");
  cf_context_free(ctx);
}

/* A category of one point each needs no number of points. */
static void numbers_that_say_nothing(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const double point[9] = {0, 0, 0, 1, 0, 1, 0, 1, 1};
  const size_t alone[3] = {0, 1, 2}, shared[3] = {0, 1, 1};
  static const char *const name[3] = {"left", "right", "up"};
  cf_colouring by = {.title = "reach", .group = alone, .groups = 3, .group_name = name};
  cf_space_figure spec = {.n = 3, .point = point, .axis_name = {"x", "y", "z"}, .panels = 1, .panel = &by};
  cf_figure *figure = NULL;
  assert_ok(ctx, cf_figure_space(ctx, &spec, NULL, &figure));
  assert_int_equal(count_of(figure->svg, ">right<"), 1);
  cf_figure_free(figure);
  by.group = shared;
  assert_ok(ctx, cf_figure_space(ctx, &spec, NULL, &figure));
  assert_int_equal(count_of(figure->svg, ">right (2)<"), 1);
  assert_int_equal(count_of(figure->svg, ">left (1)<"), 1);
  cf_figure_free(figure);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(twins),
                                     cmocka_unit_test(profiles),
                                     cmocka_unit_test(grid),
                                     cmocka_unit_test(circle),
                                     cmocka_unit_test(tubes),
                                     cmocka_unit_test(paths),
                                     cmocka_unit_test(insets),
                                     cmocka_unit_test(curves_take_colours_and_a_range),
                                     cmocka_unit_test(numbers_that_say_nothing)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
