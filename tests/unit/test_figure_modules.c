/* Boxes of samples and rows of layers: well formed, the same twice, quantiles where they belong, told errors. With
 * CF_FIGURE_OUT=FOLDER each is left there as SVG and PNG for a look. */
#include "test.h"
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
  const char *at = strstr(s, attribute);
  if (!at) fail_msg("%s %zu has no %s", start, k, attribute);
  return strtod(at + strlen(attribute), NULL);
}

static void boxes_show_quantiles(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double ramp[101], twice[101], few[3] = {0, NAN, 100};
  for (int i = 0; i <= 100; ++i) ramp[i] = i, twice[i] = 2.0 * i;
  const cf_box_sample sample[2][4] = {{{101, ramp}, {101, twice}, {3, few}, {0, NULL}},
                                      {{101, ramp}, {101, twice}, {3, few}, {0, NULL}}};
  const cf_boxes_panel panel[2] = {{.title = "on a line & <so>", .sample = sample[0]},
                                   {.title = "logarithmic", .sample = sample[1], .logarithmic = true}};
  static const char *const series[2] = {"mini", "static"}, *const position[2] = {"feedforward", "recurrent"};
  const cf_boxes_figure spec = {2, 2, 2, panel, series, position};
  cf_figure *figure = NULL, *again = NULL;
  assert_ok(ctx, cf_figure_boxes(ctx, &spec, NULL, &figure));
  assert_ok(ctx, cf_figure_boxes(ctx, &spec, NULL, &again));
  assert_string_equal(figure->svg, again->svg);
  cf_figure_free(again);
  static const char box[] = "<g class=\"cf-mark cf-box\"";
  assert_int_equal(count_of(figure->svg, box), 6); /* an empty sample has none */
  assert_true(number_in(figure->svg, box, 0, "data-median=\"") == 50 &&
              number_in(figure->svg, box, 1, "data-median=\"") == 100);
  assert_true(number_in(figure->svg, box, 0, "data-max=\"") == 100);
  assert_true(number_in(figure->svg, box, 2, "data-n=\"") == 2 &&
              number_in(figure->svg, box, 2, "data-median=\"") == 50);
  /* linear: a box of twice the values is twice as high; logarithmic: equally high, its upper end higher */
  static const char rect[] = "<rect class=\"cf-c";
  const double one = number_in(figure->svg, box, 0, "height=\""), two = number_in(figure->svg, box, 1, "height=\"");
  assert_true(fabs(two / one - 2) < 0.02);
  const double a = number_in(figure->svg, box, 3, "height=\""), b = number_in(figure->svg, box, 4, "height=\"");
  assert_true(fabs(a - b) < 0.05);
  assert_true(number_in(figure->svg, box, 4, " y=\"") < number_in(figure->svg, box, 3, " y=\"") - 0.5);
  assert_int_equal(count_of(figure->svg, rect), 6);
  assert_non_null(strstr(figure->svg, "median 50, quartiles 25 and 75"));
  assert_non_null(strstr(figure->svg, "1 not above 0"));
  take(ctx, figure, "boxes");
  const cf_boxes_figure none = {1, 0, 2, panel, series, position};
  assert_status(ctx, CF_ERR_USAGE, cf_figure_boxes(ctx, &none, NULL, &figure));
  cf_context_free(ctx);
}

static void a_row_of_layers(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const cf_module_layer layer[6] = {{"perspective", "perspective", 3, {1, 24, 40}, 150, 1},
                                    {"feedforward.blocks.0", "feedforward", 3, {48, 6, 10}, 200, 20},
                                    {"feedforward.out & <more>", "feedforward", 3, {32, 3, 5}, 200, 20},
                                    {"recurrent.h", "recurrent", 3, {64, 3, 5}, 200, 20},
                                    {"readout.position", "readout", 2, {200, 32, 0}, 200, 20},
                                    {"rates", "readout", 1, {200, 0, 0}, 200, 0}};
  const cf_modules_figure spec = {6, layer}, none = {0, layer};
  cf_figure *figure = NULL, *again = NULL;
  assert_ok(ctx, cf_figure_modules(ctx, &spec, NULL, &figure));
  assert_ok(ctx, cf_figure_modules(ctx, &spec, NULL, &again));
  assert_string_equal(figure->svg, again->svg);
  cf_figure_free(again);
  assert_int_equal(count_of(figure->svg, "class=\"cf-panel\""), 6);
  assert_int_equal(count_of(figure->svg, "<g class=\"cf-key\""), 4); /* modules, each once */
  /* sheets: 1, 6, 6, 7, 6 and a bar */
  assert_int_equal(count_of(figure->svg, "fill-opacity=\"0.95\""), 6);
  assert_int_equal(count_of(figure->svg, "fill-opacity=\"0.6\""), 0 + 5 + 5 + 6 + 5 + 0);
  assert_non_null(strstr(figure->svg, "48 maps, 6 × 10"));
  assert_non_null(strstr(figure->svg, "taken: 150 of 1 map<"));
  take(ctx, figure, "modules");
  assert_status(ctx, CF_ERR_USAGE, cf_figure_modules(ctx, &none, NULL, &figure));
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(boxes_show_quantiles), cmocka_unit_test(a_row_of_layers)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
