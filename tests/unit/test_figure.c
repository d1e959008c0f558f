/* Figures: escaping, sizes, errors, rendering, scales and colours. */
#include "test.h"
#include "xmlcheck.h"
#include "figure/draw.h"

static const char *const hostile[] = {"</title><script>alert(1)</script>",
                                      "a & b",
                                      "\"quoted\" 'twice'",
                                      "tab\tline\nend",
                                      "bell\a and \x1b[31m",
                                      "broken \xff\xfe utf",
                                      "&amp; already",
                                      "naïve Ünïcode 猫",
                                      "]]> <!-- -->",
                                      "\xEF\xBF\xBE",
                                      "$s $t",
                                      ""};
enum { HOSTILE = sizeof hostile / sizeof *hostile };

static void escaping_is_complete(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_text text;
  cf_text_init(&text, ctx);
  cf_text_escape(&text, "<a href=\"x\" b='y'>&\x01\xC3\x28");
  assert_string_equal(text.data, "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;\xEF\xBF\xBD\xEF\xBF\xBD(");
  cf_text_free(&text);
  cf_text_init(&text, ctx);
  cf_text_script_json(&text, "{\"a\":\"</script>&\xE2\x80\xA8\"}");
  assert_string_equal(text.data, "{\"a\":\"\\u003c/script\\u003e\\u0026\\u2028\"}");
  cf_text_free(&text);
  cf_text_init(&text, ctx);
  cf_text_base64(&text, "light w", 7);
  assert_string_equal(text.data, "bGlnaHQgdw==");
  cf_text_free(&text);
  cf_context_free(ctx);
}

static void hostile_labels_stay_well_formed(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double values[HOSTILE * HOSTILE];
  size_t group[HOSTILE];
  cf_matrix_panel panel = {hostile[0], values};
  cf_figure_options o = CF_FIGURE_OPTIONS_INIT;
  o.id = "x\"><script>";
  o.heading = o.name = o.note = o.description = hostile[0];
  for (size_t i = 0; i < HOSTILE * HOSTILE; ++i) values[i] = (double)(i % 7) / 7.0;
  for (size_t i = 0; i < HOSTILE; ++i) group[i] = i;
  cf_matrix_figure m = {.n = HOSTILE,
                        .panels = 1,
                        .panel = &panel,
                        .label = hostile,
                        .group = group,
                        .groups = HOSTILE,
                        .group_name = hostile,
                        .quantity = hostile[2],
                        .low = NAN,
                        .high = NAN};
  cf_figure *figure[6] = {NULL};
  assert_ok(ctx, cf_figure_matrix(ctx, &m, &o, figure));
  cf_scatter_figure s = {.n = HOSTILE,
                         .x = values,
                         .y = values + HOSTILE / 2,
                         .label = hostile,
                         .group = group,
                         .groups = HOSTILE,
                         .group_name = hostile,
                         .x_title = hostile[0],
                         .y_title = hostile[1]};
  assert_ok(ctx, cf_figure_scatter(ctx, &s, &o, figure + 1));
  cf_model_bar bar[HOSTILE];
  cf_interval_row row[HOSTILE];
  cf_line_series line[HOSTILE];
  for (size_t i = 0; i < HOSTILE; ++i) {
    bar[i] = (cf_model_bar){hostile[i], 0.1, 0.0, 0.2, 0.01, 0.01, 0.01, values, 3};
    row[i] = (cf_interval_row){hostile[i], hostile[i], 0.1, NAN, NAN, 0, NAN, NAN, 0.5};
    line[i] = (cf_line_series){hostile[i], values + i, NULL, NULL, NULL};
  }
  cf_model_pair pair = {0, 1, 0.1, 0.01, 0.01, 0.01};
  cf_models_figure b = {.count = HOSTILE,
                        .model = bar,
                        .ceiling_low = NAN,
                        .ceiling_high = NAN,
                        .pairs = 1,
                        .pair = &pair,
                        .y_title = hostile[0],
                        .subject_name = hostile};
  assert_ok(ctx, cf_figure_models(ctx, &b, &o, figure + 2));
  cf_intervals_figure r = {HOSTILE, row, hostile[0]};
  assert_ok(ctx, cf_figure_intervals(ctx, &r, &o, figure + 3));
  cf_lines_figure l = {HOSTILE, HOSTILE, line, hostile, hostile[0], hostile[0]};
  assert_ok(ctx, cf_figure_lines(ctx, &l, &o, figure + 4));
  cf_histogram_figure h = {20, values, 0.4, 0.1, hostile[0]};
  assert_ok(ctx, cf_figure_histogram(ctx, &h, &o, figure + 5));
  for (int i = 0; i < 6; ++i) {
    const char *wrong = xml_check(figure[i]->svg);
    if (wrong) fail_msg("figure %d: %s", i, wrong);
    assert_null(strstr(figure[i]->svg, "<script"));
    char *bytes = NULL;
    size_t size = 0;
    assert_ok(ctx, cf_figure_png(ctx, figure[i], 72, &bytes, &size)); /* librsvg's parser agrees */
    cf_free(bytes);
    cf_figure_free(figure[i]);
  }
  cf_context_free(ctx);
}

static void long_labels_are_cut_and_kept(void **state) {
  (void)state;
  char word[2001], cut[64];
  memset(word, 'w', 2000);
  word[2000] = '\0';
  assert_true(cf_text_fit(word, 10.0, cut, sizeof cut));
  assert_true(cf_text_width(cut) <= 10.0);
  assert_string_equal(cut + strlen(cut) - 3, "…");
  assert_false(cf_text_fit("short", 10.0, cut, sizeof cut));
  assert_string_equal(cut, "short");
  cf_context *ctx = test_context();
  const double values[4] = {0, 1, 1, 0};
  const char *const label[2] = {word, "b"};
  cf_matrix_panel panel = {"", values};
  cf_matrix_figure m = {.n = 2, .panels = 1, .panel = &panel, .label = label, .low = NAN, .high = NAN};
  cf_figure *figure = NULL;
  assert_ok(ctx, cf_figure_matrix(ctx, &m, NULL, &figure));
  assert_null(xml_check(figure->svg));
  assert_non_null(strstr(figure->svg, word)); /* whole in a title */
  cf_figure_free(figure);
  cf_context_free(ctx);
}

static uint32_t big_endian(const char *b) {
  const unsigned char *u = (const unsigned char *)b;
  return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

static void large_matrix_is_a_picture_and_renders(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  enum { N = 90 };
  double *values = calloc(N * N, sizeof *values);
  for (size_t i = 0; i < N * N; ++i) values[i] = fabs((double)(i / N) - (double)(i % N));
  cf_matrix_panel panel = {"stripes", values};
  cf_matrix_figure m = {.n = N, .panels = 1, .panel = &panel, .low = NAN, .high = NAN, .quantity = "distance"};
  cf_figure *figure = NULL, *again = NULL;
  char *bytes = NULL;
  size_t size = 0;
  assert_ok(ctx, cf_figure_matrix(ctx, &m, NULL, &figure));
  assert_ok(ctx, cf_figure_matrix(ctx, &m, NULL, &again));
  assert_string_equal(figure->svg, again->svg);
  assert_non_null(strstr(figure->svg, "data:image/png;base64,iVBOR"));
  assert_null(xml_check(figure->svg));
  assert_ok(ctx, cf_figure_png(ctx, figure, 300, &bytes, &size));
  assert_memory_equal(bytes, "\x89PNG\r\n\x1a\n", 8);
  assert_int_equal(big_endian(bytes + 16), (uint32_t)ceil(figure->width_mm / 25.4 * 300));
  assert_memory_equal(bytes + 37, "pHYs", 4);
  assert_int_equal(big_endian(bytes + 41), 11811); /* 300 dots an inch */
  cf_free(bytes);
  assert_ok(ctx, cf_figure_pdf(ctx, figure, &bytes, &size));
  assert_memory_equal(bytes, "%PDF-", 5);
  char *twice = NULL;
  size_t size_twice = 0;
  assert_ok(ctx, cf_figure_pdf(ctx, figure, &twice, &size_twice));
  assert_int_equal(size, size_twice);
  assert_memory_equal(bytes, twice, size);
  cf_free(bytes);
  cf_free(twice);
  cf_figure_free(figure);
  cf_figure_free(again);
  free(values);
  cf_context_free(ctx);
}

static void wrong_input_is_told(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_figure *figure = NULL;
  const double v[4] = {0, 1, NAN, 0};
  const size_t order[2] = {0, 0}, group[2] = {0, 3};
  cf_matrix_panel panel = {"", v};
  cf_matrix_figure m = {.n = 2, .panels = 1, .panel = &panel, .order = order, .low = NAN, .high = NAN};
  assert_status(ctx, CF_ERR_USAGE, cf_figure_matrix(ctx, &m, NULL, &figure));
  m.order = NULL;
  m.group = group;
  m.groups = 2;
  assert_status(ctx, CF_ERR_INPUT, cf_figure_matrix(ctx, &m, NULL, &figure));
  m.n = 0;
  assert_status(ctx, CF_ERR_USAGE, cf_figure_matrix(ctx, &m, NULL, &figure));
  cf_scatter_figure s = {.n = 2, .x = v + 1, .y = v};
  assert_status(ctx, CF_ERR_INPUT, cf_figure_scatter(ctx, &s, NULL, &figure));
  cf_histogram_figure h = {1, v + 2, 0, 0, NULL};
  assert_status(ctx, CF_ERR_USAGE, cf_figure_histogram(ctx, &h, NULL, &figure));
  cf_model_bar bar = {"m", NAN, NAN, NAN, NAN, NAN, NAN, NULL, 0};
  cf_model_pair pair = {0, 1, 0.1, 0.01, 0.01, 0.01};
  cf_models_figure b = {.count = 1, .model = &bar, .ceiling_low = NAN, .ceiling_high = NAN, .pairs = 1, .pair = &pair};
  assert_status(ctx, CF_ERR_INPUT, cf_figure_models(ctx, &b, NULL, &figure));
  b.pairs = 0;
  assert_ok(ctx, cf_figure_models(ctx, &b, NULL, &figure)); /* nothing known: an empty frame, not a crash */
  assert_null(strstr(figure->svg, "nan"));
  cf_figure_free(figure);
  figure = NULL;
  cf_test_fail_allocation(2);
  assert_status(ctx, CF_ERR_MEMORY, cf_figure_models(ctx, &b, NULL, &figure));
  cf_test_fail_allocation(0);
  assert_null(figure);
  cf_context_free(ctx);
}

static void ticks_are_round_and_cover(void **state) {
  (void)state;
  cf_rng rng = cf_rng_make(3, 1, 0);
  for (size_t k = 0; k < test_cases(500); ++k) {
    double low = pow(10.0, 12.0 * cf_rng_uniform(&rng) - 6.0) * (cf_rng_uniform(&rng) - 0.5);
    double high = low + pow(10.0, 8.0 * cf_rng_uniform(&rng) - 6.0);
    cf_ticks t;
    char a[64], b[64];
    cf_ticks_make(low, high, 5, &t);
    assert_true(t.low <= low + 1e-6 * t.step && t.high >= high - 1e-6 * t.step);
    assert_true(t.n >= 2 && t.n <= 13);
    double power = t.step / pow(10.0, floor(log10(t.step) + 1e-9));
    assert_true(fabs(power - 1) < 1e-6 || fabs(power - 2) < 1e-6 || fabs(power - 5) < 1e-6);
    for (size_t i = 1; i < t.n; ++i) /* labels tell neighbours apart */
      assert_string_not_equal(cf_ticks_label(&t, i - 1, a, sizeof a), cf_ticks_label(&t, i, b, sizeof b));
  }
  cf_ticks t;
  cf_ticks_make(5.0, 5.0, 5, &t);
  assert_true(t.low < 5.0 && t.high > 5.0);
}

static void colours_are_even(void **state) {
  (void)state;
  double last = -1.0;
  for (int i = 0; i <= 64; ++i) { /* luminance rises all the way */
    unsigned char c[3];
    cf_figure_map(CF_MAP_SEQUENTIAL, i / 64.0, c);
    double y = 0.2126 * pow(c[0] / 255.0, 2.2) + 0.7152 * pow(c[1] / 255.0, 2.2) + 0.0722 * pow(c[2] / 255.0, 2.2);
    assert_true(y > last);
    last = y;
  }
  unsigned char low[3], middle[3], high[3];
  cf_figure_map(CF_MAP_DIVERGING, 0, low);
  cf_figure_map(CF_MAP_DIVERGING, 0.5, middle);
  cf_figure_map(CF_MAP_DIVERGING, 1, high);
  assert_true(low[2] > low[0] + 60 && high[0] > high[2] + 60);
  assert_true(middle[0] > 230 && middle[1] > 230 && middle[2] > 230);
  cf_figure_map(CF_MAP_SEQUENTIAL, NAN, low);
  assert_true(low[0] == low[1] && low[1] == low[2]);
}

static void numbers_for_people(void **state) {
  (void)state;
  char b[64];
  assert_string_equal(cf_text_value(0.49123, b, sizeof b), "0.491");
  assert_string_equal(cf_text_value(-12.345, b, sizeof b), "−12.3");
  assert_string_equal(cf_text_value(0.0, b, sizeof b), "0");
  assert_string_equal(cf_text_value(12.0, b, sizeof b), "12");
  assert_string_equal(cf_text_value(2.5e-7, b, sizeof b), "2.50×10⁻⁷");
  assert_string_equal(cf_text_value(NAN, b, sizeof b), "n/a");
  assert_string_equal(cf_text_fixed(-0.001, 1, b, sizeof b), "0.0");
  assert_string_equal(cf_text_p(0.00001, b, sizeof b), "p < 0.0001");
  assert_string_equal(cf_text_p(0.0312, b, sizeof b), "p = 0.031");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(escaping_is_complete),
                                     cmocka_unit_test(hostile_labels_stay_well_formed),
                                     cmocka_unit_test(long_labels_are_cut_and_kept),
                                     cmocka_unit_test(large_matrix_is_a_picture_and_renders),
                                     cmocka_unit_test(wrong_input_is_told),
                                     cmocka_unit_test(ticks_are_round_and_cover),
                                     cmocka_unit_test(colours_are_even),
                                     cmocka_unit_test(numbers_for_people)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
