/* Small figures give exactly the stored bytes. CF_UPDATE_GOLDEN=1 rewrites them: look at the pictures before
 * committing. */
#include "test.h"
#include "xmlcheck.h"
#include <cortifold/figure.h>

static void compare(cf_figure *figure, const char *name) {
  char path[512];
  snprintf(path, sizeof path, "%s/golden/figure/%s.svg", CF_TEST_DIR, name);
  assert_null(xml_check(figure->svg));
  if (getenv("CF_UPDATE_GOLDEN")) {
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(figure->svg, 1, figure->size, out), figure->size);
    fclose(out);
  }
  FILE *in = fopen(path, "rb");
  if (!in) fail_msg("%s is missing", path);
  char *stored = calloc(1, 1 << 20);
  size_t size = fread(stored, 1, (1 << 20) - 1, in);
  fclose(in);
  if (size != figure->size || memcmp(stored, figure->svg, size) != 0) {
    size_t at = 0;
    while (at < size && at < figure->size && stored[at] == figure->svg[at]) ++at;
    fail_msg("%s differs from byte %zu on: ...%.60s", name, at, figure->svg + (at > 20 ? at - 20 : 0));
  }
  free(stored);
  cf_figure_free(figure);
}

static void matrix(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const double values[16] = {0, 0.25, 0.5, 1, 0.25, 0, 0.75, 0.9, 0.5, 0.75, 0, NAN, 1, 0.9, NAN, 0};
  const char *const label[4] = {"face", "body", "house <&>", "scene"};
  const size_t group[4] = {0, 0, 1, 1};
  const char *const names[2] = {"animate", "inanimate"};
  const double merge[9] = {0, 1, 0.25, 2, 3, 0.6, 4, 5, 0.95};
  cf_matrix_panel panel = {"IT", values};
  cf_matrix_figure spec = {.n = 4,
                           .panels = 1,
                           .panel = &panel,
                           .label = label,
                           .group = group,
                           .groups = 2,
                           .group_name = names,
                           .merge = merge,
                           .quantity = "dissimilarity (1 − r)",
                           .low = NAN,
                           .high = NAN};
  cf_figure_options o = CF_FIGURE_OPTIONS_INIT;
  cf_figure *figure = NULL;
  o.id = "m";
  o.name = "four conditions";
  assert_ok(ctx, cf_figure_matrix(ctx, &spec, &o, &figure));
  compare(figure, "matrix");
  cf_matrix_panel panels[3] = {{"a", values}, {"b", values}, {"c", values}};
  spec.panels = 3;
  spec.panel = panels;
  spec.low = -1;
  spec.diverging = true;
  assert_ok(ctx, cf_figure_matrix(ctx, &spec, &o, &figure));
  compare(figure, "grid");
  cf_context_free(ctx);
}

static void models(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  const double s0[3] = {0.1, 0.2, 0.3}, s1[3] = {-0.05, 0.0, 0.1};
  cf_model_bar model[2] = {{"conv5", 0.2, 0.12, 0.28, 0.0004, 0.0008, 0.0008, s0, 3},
                           {"pixels", 0.017, -0.05, 0.08, 0.4, 0.4, 0.4, s1, 3}};
  cf_model_pair pair = {0, 1, 0.183, 0.002, 0.002, 0.002};
  cf_models_figure spec = {.count = 2,
                           .model = model,
                           .ceiling_low = 0.3,
                           .ceiling_high = 0.42,
                           .pairs = 1,
                           .pair = &pair,
                           .correction = CF_FIGURE_P_FDR,
                           .y_title = "Spearman's ρ"};
  cf_figure_options o = CF_FIGURE_OPTIONS_INIT;
  o.note = "Bars: mean over subjects; lines: 95 % interval.";
  cf_figure *figure = NULL;
  assert_ok(ctx, cf_figure_models(ctx, &spec, &o, &figure));
  compare(figure, "models");
  cf_context_free(ctx);
}

static void others(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_figure *figure = NULL;
  const double x[5] = {0, 1, 0.5, -1, 2}, y[5] = {0, 0.2, 1, 0.5, -0.5};
  const char *const label[5] = {"a", "b", "c", "d", "e"};
  const size_t group[5] = {0, 0, 1, 1, 2};
  const char *const names[3] = {"one", "two", "three"};
  cf_scatter_figure scatter = {
      .n = 5, .x = x, .y = y, .label = label, .group = group, .groups = 3, .group_name = names};
  assert_ok(ctx, cf_figure_scatter(ctx, &scatter, NULL, &figure));
  compare(figure, "scatter");
  cf_interval_row row[3] = {{"cka", NULL, 0.62, 0.5, 0.7, 0.41, 0.38, 0.44, 0.001},
                            {"rsa", NULL, 0.31, 0.2, 0.4, 0.0, -0.1, 0.1, 0.002},
                            {"procrustes", "distance", 12.5, NAN, NAN, 20.1, 19, 21, 0.001}};
  cf_intervals_figure forest = {3, row, "similarity"};
  assert_ok(ctx, cf_figure_intervals(ctx, &forest, NULL, &figure));
  compare(figure, "intervals");
  double null[200];
  cf_rng rng = cf_rng_make(1, 2, 0);
  for (size_t i = 0; i < 200; ++i) null[i] = 0.1 * (cf_rng_uniform(&rng) + cf_rng_uniform(&rng) - 1.0);
  cf_histogram_figure histogram = {200, null, 0.23, 0.005, "CKA under shuffled stimuli"};
  assert_ok(ctx, cf_figure_histogram(ctx, &histogram, NULL, &figure));
  compare(figure, "histogram");
  const double a[4] = {0.1, 0.3, 0.5, 0.45}, al[4] = {0.05, 0.2, 0.4, 0.4}, ah[4] = {0.2, 0.4, 0.6, 0.5},
               b[4] = {0.4, NAN, 0.2, 0.1};
  const double chance[4] = {0.05, 0.06, 0.05, 0.04};
  const char *const layer[4] = {"conv1", "conv2", "conv3", "fc"};
  cf_line_series series[2] = {{"V4", a, al, ah, NULL}, {"V1", b, NULL, NULL, chance}};
  cf_lines_figure lines = {2, 4, series, layer, "layer", "CKA"};
  assert_ok(ctx, cf_figure_lines(ctx, &lines, NULL, &figure));
  compare(figure, "lines");
  cf_context_free(ctx);
}

static void clouds(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_figure *figure = NULL;
  const double point[15] = {0, 0, 0, 1, 0, 0.5, 0, 1, 1, -1, 0.5, 0, 0.5, -1, -0.5};
  const size_t group[5] = {0, 1, 1, CF_NO_GROUP, 0};
  const double value[5] = {0.1, 0.4, NAN, 0.9, 0.6};
  const char *const names[2] = {"sustained", "transient"}, *const label[5] = {"n1", "n2", "n3", "n4", "n5 <&>"};
  cf_colouring panel[2] = {{.title = "type", .group = group, .groups = 2, .group_name = names},
                           {.title = "OSI", .value = value, .low = 0, .high = 1}};
  cf_space_figure space = {.n = 5,
                           .point = point,
                           .label = label,
                           .axis_name = {"ψ1", "ψ2", "ψ3"},
                           .panels = 2,
                           .panel = panel,
                           .azimuth = CF_SPACE_AZIMUTH,
                           .elevation = CF_SPACE_ELEVATION};
  assert_ok(ctx, cf_figure_space(ctx, &space, NULL, &figure));
  compare(figure, "space");
  cf_pairs_figure pairs = {.n = 5, .dims = 3, .point = point, .axis = "ψ", .colouring = panel[0]};
  assert_ok(ctx, cf_figure_pairs(ctx, &pairs, NULL, &figure));
  compare(figure, "pairs");
  const double merge[16] = {0, 1, 0.2, 2, 2, 3, 0.3, 2, 5, 4, 0.4, 3, 7, 6, 1, 5};
  const double condensed[28] = {5, 6, 1, 3, 5,   7, 1, 2, 6,   0, 5, 1, 6,   1,
                                5, 1, 6, 4, 2.5, 1, 7, 2, 3.3, 1, 7, 3, 3.3, 1};
  const int cluster[5] = {0, 0, 1, 1, 0};
  cf_tree_figure tree = {.n = 5, .merge = merge, .rows = 7, .condensed = condensed, .label = cluster};
  assert_ok(ctx, cf_figure_tree(ctx, &tree, NULL, &figure));
  compare(figure, "tree");
  cf_context_free(ctx);
}

static void samples(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_figure *figure = NULL;
  const double x[4] = {2, 3, 4, 5}, y[4] = {0.4, 0.7, NAN, 0.9}, low[4] = {0.3, 0.6, NAN, 0.8},
               high[4] = {0.5, 0.9, NAN, 1.0};
  cf_curve line = {"E", 4, x, y, low, high, CF_CURVE_LINE, false},
           bars = {NULL, 4, x, y, low, high, CF_CURVE_BARS, true};
  cf_curve_panel panel[2] = {{.title = "Dimension",
                              .x_title = "rank",
                              .y_title = "E",
                              .count = 1,
                              .curve = &line,
                              .marked = true,
                              .mark = 3,
                              .mark_name = "chosen"},
                             {.title = "Variance",
                              .x_title = "component",
                              .y_title = "share",
                              .count = 1,
                              .curve = &bars,
                              .from_zero = true,
                              .levelled = true,
                              .level = 0.8}};
  cf_curves_figure curves = {2, 0, panel};
  assert_ok(ctx, cf_figure_curves(ctx, &curves, NULL, &figure));
  compare(figure, "curves");
  cf_distribution_panel sample[2] = {{"OSI", "OSI", "neurons", 4, y, NULL, true, 0, 1},
                                     {"OSI and DSI", "OSI", "DSI", 4, y, high, true, 0, 1}};
  cf_distributions_figure distributions = {2, 0, sample};
  assert_ok(ctx, cf_figure_distributions(ctx, &distributions, NULL, &figure));
  compare(figure, "distributions");
  cf_strip_sample runs[2] = {{"2", 4, high}, {"3", 3, low}};
  cf_strip_figure strip = {2, runs, "rank", "error (%)", 0.01};
  assert_ok(ctx, cf_figure_strip(ctx, &strip, NULL, &figure));
  compare(figure, "strip");
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(matrix), cmocka_unit_test(models), cmocka_unit_test(others),
                                     cmocka_unit_test(clouds), cmocka_unit_test(samples)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
