/* Maps of the cortex, blocks of bars and boxes, schemes: well formed, the same twice, the right colours in the pixels
 * and the right numbers in the marks, told errors. With CF_FIGURE_OUT=FOLDER each is left there as SVG and PNG for a
 * look. */
#include "io_test.h"
#include "xmlcheck.h"
#include <cortifold/charts.h>
#include <math.h>

static size_t count_of(const char *text, const char *word) {
  size_t n = 0;
  for (const char *s = text; (s = strstr(s, word)); s += strlen(word)) ++n;
  return n;
}

static void keep(const char *folder, const char *name, const char *ending, const char *bytes, size_t size) {
  char path[600];
  snprintf(path, sizeof path, "%s/%s.%s", folder, name, ending);
  write_file(path, bytes, size);
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
    keep(folder, name, "svg", figure->svg, figure->size);
    keep(folder, name, "png", png, size);
  }
  cf_free(png);
  cf_figure_free(figure);
}

/* --------------------------------------------------------------- cortex -- */

enum { W = 90, H = 60, ROIS = 3, SMOOTH = 3 };

/* A disc of three regions, the lower quarter of no region, full light but for a dark column at the right. */
static void make_view(int32_t *place, unsigned char *shade) {
  for (int i = 0; i < H; i++)
    for (int j = 0; j < W; j++) {
      const double x = (j + 0.5 - W / 2) / (W / 2), y = (i + 0.5 - H / 2) / (H / 2);
      const bool inside = x * x + y * y < 1;
      place[i * W + j] = !inside ? 0 : y > 0.5 ? -1 : x < -0.3 ? 1 : x < 0.3 ? 2 : 3;
      shade[i * W + j] = inside ? 255 : 0;
    }
}

/* The k-th picture inside an SVG, read as pixels (height, width, 4). */
static cf_array *picture(cf_context *ctx, const char *svg, size_t k) {
  static const char mark[] = "data:image/png;base64,",
                    digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const char *s = svg;
  unsigned char *bytes = malloc(strlen(svg));
  size_t n = 0;
  uint32_t bits = 0, have = 0;
  cf_array *a = NULL;
  for (size_t i = 0; i <= k; i++) {
    s = strstr(s, mark);
    assert_non_null(s);
    s += sizeof mark - 1;
  }
  for (; *s && strchr(digits, *s); s++) {
    bits = bits << 6 | (uint32_t)(strchr(digits, *s) - digits);
    have += 6;
    if (have >= 8) bytes[n++] = (unsigned char)(bits >> (have -= 8));
  }
  write_file(test_path("view.png"), bytes, n);
  assert_ok(ctx, cf_io_read(ctx, test_path("view.png"), NULL, &a));
  assert_int_equal(a->ndim, 3);
  assert_int_equal(a->shape[2], 4);
  free(bytes);
  return a;
}

static void pixel_is(const cf_array *a, size_t row, size_t column, const unsigned char rgb[3], double light) {
  for (size_t k = 0; k < 3; k++)
    assert_close(cf_array_number(a, (row * a->shape[1] + column) * 4 + k), light * rgb[k], 0, 2);
  assert_close(cf_array_number(a, (row * a->shape[1] + column) * 4 + 3), 255, 0, 0);
}

static void colours_are_in_the_pixels(void **state) {
  (void)state;
  static int32_t place[W * H];
  static unsigned char shade[W * H];
  static const double value[2][ROIS] = {{0, 1, NAN}, {2, 0.5, 1}};
  static const char *const label[ROIS] = {"L_V1 & V2", "M1", "R_<x>"};
  cf_context *ctx = test_context();
  cf_figure *figure = NULL, *again = NULL;
  unsigned char rgb[3];
  make_view(place, shade);
  const cf_cortex_view view[2] = {{"left <lateral>", W, H, place, shade}, {"left medial", W, H, place, shade}};
  const cf_cortex_map map[2] = {{.name = "vision", .value = value[0]}, {.name = "audio", .value = value[1]}};
  cf_cortex_figure spec = {
      .rois = ROIS, .maps = 2, .views = 2, .map = map, .view = view, .label = label, .quantity = "mean r²"};
  assert_ok(ctx, cf_figure_cortex(ctx, &spec, NULL, &figure));
  assert_ok(ctx, cf_figure_cortex(ctx, &spec, NULL, &again));
  assert_string_equal(figure->svg, again->svg);
  cf_figure_free(again);
  assert_int_equal(count_of(figure->svg, "data:image/png"), 4);
  assert_int_equal(count_of(figure->svg, "class=\"cf-colourbar\""), 1);
  for (size_t m = 0; m < 2; m++) { /* one colour range for both maps: from 0 to 2 */
    cf_array *a = picture(ctx, figure->svg, 2 * m);
    assert_true(a->shape[0] == H / SMOOTH && a->shape[1] == W / SMOOTH);
    for (size_t r = 0; r < ROIS; r++) {
      cf_figure_map(CF_MAP_SEQUENTIAL, value[m][r] / 2, rgb);
      pixel_is(a, 10, r == 0 ? 5 : r == 1 ? 15 : 25, rgb, 1);
    }
    assert_close(cf_array_number(a, 3), 0, 0, 0); /* a corner shows nothing */
    /* the line between regions is darker than both */
    cf_figure_map(CF_MAP_SEQUENTIAL, value[m][0] / 2, rgb);
    cf_array_free(a);
  }
  take(ctx, figure, "cortex-views");

  spec.own_range = true;
  assert_ok(ctx, cf_figure_cortex(ctx, &spec, NULL, &figure));
  assert_int_equal(count_of(figure->svg, "class=\"cf-colourbar\""), 2);
  cf_array *a = picture(ctx, figure->svg, 0);
  cf_figure_map(CF_MAP_SEQUENTIAL, 1, rgb);
  pixel_is(a, 10, 15, rgb, 1);
  cf_array_free(a);
  cf_figure_free(figure);
  cf_context_free(ctx);
}

static void shade_darkens_and_edges_are_soft(void **state) {
  (void)state;
  static int32_t place[36];
  static unsigned char shade[36];
  static const double value[1] = {1};
  cf_context *ctx = test_context();
  cf_figure *figure = NULL;
  unsigned char rgb[3];
  for (int i = 0; i < 36; i++) {
    place[i] = i % 6 < 4; /* four of six columns: the second pixel of three places is covered by a third */
    shade[i] = i / 6 < 3 ? 255 : 0;
  }
  const cf_cortex_view view = {NULL, 6, 6, place, shade};
  const cf_cortex_map map = {.value = value};
  const cf_cortex_figure spec = {.rois = 1, .maps = 1, .views = 1, .map = &map, .view = &view, .low = 0, .high = 1};
  assert_ok(ctx, cf_figure_cortex(ctx, &spec, NULL, &figure));
  cf_array *a = picture(ctx, figure->svg, 0);
  cf_figure_map(CF_MAP_SEQUENTIAL, 1, rgb);
  pixel_is(a, 0, 0, rgb, 1);
  pixel_is(a, 1, 0, rgb, 0.25);
  assert_close(cf_array_number(a, 7), 255 / 3.0, 0, 1);
  cf_array_free(a);
  cf_figure_free(figure);
  cf_context_free(ctx);
}

static void categories_fade_to_grey(void **state) {
  (void)state;
  static int32_t place[W * H];
  static unsigned char shade[W * H];
  static const size_t category[ROIS] = {1, 0, CF_NO_GROUP};
  static const double strength[ROIS] = {1, 0, 1};
  static const char *const group[2] = {"vision", "audio & sound"};
  static const unsigned char grey[3] = {206, 206, 206};
  cf_context *ctx = test_context();
  cf_figure *figure = NULL;
  unsigned char rgb[3];
  make_view(place, shade);
  const cf_cortex_view view = {"right lateral", W, H, place, shade};
  const cf_cortex_map map = {.name = "winner", .category = category, .strength = strength};
  cf_cortex_figure spec = {
      .rois = ROIS, .maps = 1, .views = 1, .map = &map, .view = &view, .groups = 2, .group_name = group};
  assert_ok(ctx, cf_figure_cortex(ctx, &spec, NULL, &figure));
  cf_array *a = picture(ctx, figure->svg, 0);
  cf_figure_category(1, 2, false, rgb);
  pixel_is(a, 10, 5, rgb, 1);
  pixel_is(a, 10, 15, grey, 1);
  pixel_is(a, 10, 25, grey, 1);
  cf_array_free(a);
  assert_non_null(strstr(figure->svg, "audio &amp; sound"));
  take(ctx, figure, "cortex-winner");
  place[W * H / 2 + W / 2] = ROIS + 1;
  assert_status(ctx, CF_ERR_INPUT, cf_figure_cortex(ctx, &spec, NULL, &figure));
  assert_non_null(strstr(cf_context_error(ctx), "shows region 4 of 3"));
  cf_context_clear(ctx);
  spec.maps = 0;
  assert_status(ctx, CF_ERR_USAGE, cf_figure_cortex(ctx, &spec, NULL, &figure));
  cf_context_free(ctx);
}

/* 400 regions in seven networks, two hemispheres; and many maps in a sheet. */
static void the_flat_chart_has_a_tile_each(void **state) {
  (void)state;
  enum { MANY = 400, NETWORKS = 7 };
  static double value[2][MANY];
  static size_t network[MANY];
  static signed char side[MANY];
  static const char *const name[NETWORKS] = {"Visual", "Somatomotor",   "Dorsal attention", "Ventral attention",
                                             "Limbic", "Control & <b>", "Default"};
  cf_context *ctx = test_context();
  cf_figure *figure = NULL;
  for (size_t r = 0; r < MANY; r++) {
    side[r] = r < MANY / 2 ? -1 : 1;
    network[r] = r % (MANY / 2) * NETWORKS / (MANY / 2);
    value[0][r] = sin((double)r);
    value[1][r] = r == 7 ? NAN : cos((double)r);
  }
  const cf_cortex_map map[2] = {{.name = "first", .value = value[0]}, {.name = "second", .value = value[1]}};
  cf_cortex_figure spec = {.rois = MANY,
                           .maps = 2,
                           .map = map,
                           .network = network,
                           .networks = NETWORKS,
                           .network_name = name,
                           .side = side,
                           .quantity = "z",
                           .colours = CF_MAP_DIVERGING};
  assert_ok(ctx, cf_figure_cortex(ctx, &spec, NULL, &figure));
  assert_int_equal(count_of(figure->svg, "class=\"cf-tile\""), 2 * MANY);
  assert_int_equal(count_of(figure->svg, ">L</text>"), 2);
  assert_non_null(strstr(figure->svg, "Control &amp; &lt;b&gt;"));
  assert_non_null(strstr(figure->svg, "region 8: n/a"));
  /* every tile lies inside the page */
  for (const char *s = figure->svg; (s = strstr(s, "class=\"cf-tile\"")); s++) {
    const double x = strtod(strstr(s, " x=\"") + 4, NULL), wide = strtod(strstr(s, "width=\"") + 7, NULL);
    assert_true(x >= 0 && x + wide <= figure->width_mm * 72 / 25.4 && wide > 1);
  }
  take(ctx, figure, "cortex-chart");
  network[3] = NETWORKS;
  assert_status(ctx, CF_ERR_INPUT, cf_figure_cortex(ctx, &spec, NULL, &figure));
  cf_context_free(ctx);
}

static void many_maps_make_a_sheet(void **state) {
  (void)state;
  enum { MAPS = 12 };
  static int32_t place[W * H];
  static unsigned char shade[W * H];
  static double value[MAPS][ROIS];
  cf_cortex_map map[MAPS];
  cf_context *ctx = test_context();
  cf_figure *figure = NULL;
  make_view(place, shade);
  const cf_cortex_view view[4] = {{"left lateral", W, H, place, shade},
                                  {"left medial", W, H, place, shade},
                                  {"right medial", W, H, place, shade},
                                  {"right lateral", W, H, place, shade}};
  for (size_t m = 0; m < MAPS; m++) {
    for (size_t r = 0; r < ROIS; r++) value[m][r] = (double)(m * r);
    map[m] = (cf_cortex_map){.name = "a model", .value = value[m]};
  }
  const cf_cortex_figure spec = {.rois = ROIS, .maps = MAPS, .views = 4, .map = map, .view = view};
  assert_ok(ctx, cf_figure_cortex(ctx, &spec, NULL, &figure));
  assert_int_equal(count_of(figure->svg, "data:image/png"), 4 * MAPS);
  assert_int_equal(count_of(figure->svg, ">a model</text>"), MAPS);
  take(ctx, figure, "cortex-sheet");
  cf_context_free(ctx);
}

/* --------------------------------------------------------------- blocks -- */

/* Value of an attribute of the k-th element of a class. */
static double attribute(const char *svg, const char *start, size_t k, const char *name) {
  const char *s = svg;
  for (size_t i = 0; i <= k; i++) {
    s = strstr(s, start);
    if (!s) fail_msg("no element %zu of %s", k, start);
    s += strlen(start);
  }
  const char *at = strstr(s, name);
  assert_non_null(at);
  return strtod(at + strlen(name), NULL);
}

static void boxes_hold_quartiles(void **state) {
  (void)state;
  static const double a[5] = {5, 1, 2, 4, 3}, b[6] = {1, 2, 3, 4, 100, NAN}, one[1] = {2.5};
  static const char *const block[2] = {"Visual", "Default & more"}, *const series[2] = {"vision", "audio"};
  static const char *const mark[2] = {"***", NULL};
  cf_context *ctx = test_context();
  cf_figure *figure = NULL;
  const cf_block_value value[4] = {
      {.n = 5, .sample = a}, {.n = 6, .sample = b}, {.n = 1, .sample = one}, {.value = NAN, .n = 0}};
  cf_blocks_figure spec = {2, 2, value, block, series, mark, "mean alignment", "*** q ≤ 0.001"};
  assert_ok(ctx, cf_figure_blocks(ctx, &spec, NULL, &figure));
  assert_int_equal(count_of(figure->svg, "data-median="), 3);
  assert_int_equal(count_of(figure->svg, "<circle class=\"cf-mark"), 11);
  assert_close(attribute(figure->svg, "<rect class=\"cf-mark", 0, "data-median=\""), 3, 0, 0);
  assert_close(attribute(figure->svg, "<rect class=\"cf-mark", 0, "data-low=\""), 2, 0, 0);
  assert_close(attribute(figure->svg, "<rect class=\"cf-mark", 0, "data-high=\""), 4, 0, 0);
  assert_close(attribute(figure->svg, "<rect class=\"cf-mark", 1, "data-median=\""), 3, 0, 0);
  assert_non_null(strstr(figure->svg, ">***</text>"));
  take(ctx, figure, "blocks-boxes");
  cf_context_free(ctx);
}

static void bars_stand_before_their_null(void **state) {
  (void)state;
  enum { BLOCKS = 7, SERIES = 3 };
  static const char *const block[BLOCKS] = {"Visual", "Somatomotor", "Dorsal attention", "Ventral attention",
                                            "Limbic", "Control",     "Default"},
                           *const series[SERIES] = {"vision", "audio", "language"};
  cf_block_value value[BLOCKS * SERIES];
  cf_context *ctx = test_context();
  cf_figure *figure = NULL;
  for (size_t i = 0; i < BLOCKS * SERIES; i++) {
    const double v = 1 + 0.5 * sin((double)i);
    value[i] = (cf_block_value){
        .value = v, .low = v - 0.2, .high = v + 0.3, .null_mean = 0.8, .null_low = 0.6, .null_high = 1};
  }
  value[4].value = -0.4;
  value[4].low = value[4].high = value[4].null_low = NAN;
  const cf_blocks_figure spec = {BLOCKS, SERIES, value, block, series, NULL, "mean SNCI", NULL};
  assert_ok(ctx, cf_figure_blocks(ctx, &spec, NULL, &figure));
  assert_int_equal(count_of(figure->svg, "class=\"cf-band\""), BLOCKS * SERIES - 1);
  /* heights are as the values, on one scale from 0 */
  const double first = attribute(figure->svg, "<rect class=\"cf-mark", 0, "height=\""),
               fifth = attribute(figure->svg, "<rect class=\"cf-mark", 4, "height=\"");
  assert_close(first / fifth, value[0].value / 0.4, 0.01, 0);
  take(ctx, figure, "blocks-bars");
  const cf_blocks_figure none = {0};
  assert_status(ctx, CF_ERR_USAGE, cf_figure_blocks(ctx, &none, NULL, &figure));
  cf_context_free(ctx);
}

/* --------------------------------------------------------------- scheme -- */

static void a_scheme_has_its_steps(void **state) {
  (void)state;
  static const cf_scheme_step step[6] = {
      {"Layers", "45 networks, 12 to 48 layers, mean over positions", "T × d", "stimuli"},
      {"Common width", "PCA of 100 components, each layer turned to the one before", NULL, NULL},
      {"DMD along depth", "pooled; rank: 99 % of the energy", "λ, φ", NULL},
      {"Stable mode", "|λ| nearest to 1 & <so on>", "T × d", NULL},
      {"Encoding model", "ridge, delays 1 to 4, leave one run out", "r²", "fMRI"},
      {"Alignment space", "models × regions", NULL, NULL}};
  cf_context *ctx = test_context();
  cf_figure *figure = NULL;
  const cf_scheme_figure spec = {6, step};
  assert_ok(ctx, cf_figure_scheme(ctx, &spec, NULL, &figure));
  assert_int_equal(count_of(figure->svg, "class=\"cf-box\""), 6);
  assert_int_equal(count_of(figure->svg, "<path class=\"cf-mark\""), 5 + 2); /* arrows between, and what comes in */
  take(ctx, figure, "scheme");
  const cf_scheme_figure none = {0};
  assert_status(ctx, CF_ERR_USAGE, cf_figure_scheme(ctx, &none, NULL, &figure));
  cf_context_free(ctx);
}

/* -------------------------------------------------------------- scatter -- */

static void ellipses_follow_the_spread(void **state) {
  (void)state;
  enum { N = 24 };
  double x[N], y[N];
  size_t group[N], family[N];
  static const char *const groups[2] = {"vision", "audio"}, *const families[3] = {"ResNet", "ViT & co", "CLIP"};
  cf_context *ctx = test_context();
  cf_figure *figure = NULL;
  for (size_t i = 0; i < N; i++) {
    group[i] = i % 2;
    family[i] = i % 3;
    x[i] = (i % 2 ? 5 : 0) + 2 * cos((double)i);
    y[i] = 0.5 * sin((double)i);
  }
  cf_scatter_figure spec = {.n = N,
                            .x = x,
                            .y = y,
                            .group = group,
                            .groups = 2,
                            .group_name = groups,
                            .x_title = "PC 1",
                            .y_title = "PC 2",
                            .family = family,
                            .families = 3,
                            .family_name = families,
                            .ellipses = true};
  assert_ok(ctx, cf_figure_scatter(ctx, &spec, NULL, &figure));
  assert_int_equal(count_of(figure->svg, "<ellipse"), 2);
  assert_int_equal(count_of(figure->svg, "<circle class=\"cf-mark cf-c"), N / 3);
  assert_int_equal(count_of(figure->svg, "data-family="), 2 * N / 3);
  /* half axes: two standard deviations, in one scale */
  double mean = 0, square = 0, low = 0, high = 0;
  for (size_t i = 0; i < N; i += 2) mean += x[i] / (N / 2);
  for (size_t i = 0; i < N; i += 2) square += (x[i] - mean) * (x[i] - mean) / (N / 2 - 1);
  const double rx = attribute(figure->svg, "<ellipse", 0, "rx=\""), ry = attribute(figure->svg, "<ellipse", 0, "ry=\"");
  assert_true(rx > 3 * ry);
  low = attribute(figure->svg, "data-i=\"3\"", 0, "cx=\"");
  high = attribute(figure->svg, "data-i=\"9\"", 0, "cx=\"");
  assert_close(rx, 2 * sqrt(square) * (high - low) / (x[9] - x[3]), 0.02, 0);
  take(ctx, figure, "scatter-families");
  family[1] = 3;
  assert_status(ctx, CF_ERR_INPUT, cf_figure_scatter(ctx, &spec, NULL, &figure));
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(colours_are_in_the_pixels),    cmocka_unit_test(shade_darkens_and_edges_are_soft),
      cmocka_unit_test(categories_fade_to_grey),      cmocka_unit_test(the_flat_chart_has_a_tile_each),
      cmocka_unit_test(many_maps_make_a_sheet),       cmocka_unit_test(boxes_hold_quartiles),
      cmocka_unit_test(bars_stand_before_their_null), cmocka_unit_test(a_scheme_has_its_steps),
      cmocka_unit_test(ellipses_follow_the_spread),
  };
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
