/* Tests of groups against scikit-bio, vegan, scipy and enumeration (tests/golden/stats), and the acceptance values of
 * the specification. */
#include "test.h"
#include <cortifold/groups.h>
#include <cortifold/io.h>
#include <cortifold/space.h>

static cf_array *load(cf_context *ctx, const char *name) {
  char path[512];
  cf_array *array = NULL;
  snprintf(path, sizeof path, CF_TEST_DIR "/golden/stats/%s", name);
  assert_ok(ctx, cf_io_read(ctx, path, NULL, &array));
  assert_ok(ctx, cf_array_to_doubles(ctx, array));
  return array;
}

static size_t codes(cf_context *ctx, const char *name, size_t *code) {
  cf_array *labels = load(ctx, name);
  size_t groups = 0;
  assert_ok(ctx, cf_labels_group(ctx, labels, code, &groups, NULL));
  cf_array_free(labels);
  return groups;
}

/* Upper triangle, row after row, to a matrix. */
static void square(size_t n, const double *triangle, double *out) {
  for (size_t i = 0; i < n; i++) {
    out[i * n + i] = 0;
    for (size_t j = i + 1; j < n; j++) out[i * n + j] = out[j * n + i] = *triangle++;
  }
}

static const size_t two_by_two[4] = {0, 0, 1, 1}, three_by_three[6] = {0, 0, 0, 1, 1, 1};
static const double fifteen[15] = {.5, .75, 1, .66, .33, .25, .33, .77, .61, .1, .44, .55, .75, .88, .77};

static void permanova_of_small_matrices(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  static const double first[6] = {1, 1, 4, 3, 2, 3}, second[6] = {1, 5, 4, 3, 2, 3};
  double d[36];
  cf_permuted t;
  square(4, first, d);
  assert_ok(ctx, cf_permanova(ctx, 4, d, 2, two_by_two, NULL, &t));
  assert_close(t.statistic, 2.0, 1e-12, 0);
  assert_true(t.exact);
  assert_int_equal(t.permutations, 6);
  cf_permuted_clear(&t);
  square(4, second, d);
  assert_ok(ctx, cf_permanova(ctx, 4, d, 2, two_by_two, NULL, &t));
  assert_close(t.statistic, 4.4, 1e-12, 0);
  cf_permuted_clear(&t);
  square(6, fifteen, d);
  assert_ok(ctx, cf_permanova(ctx, 6, d, 2, three_by_three, NULL, &t));
  assert_close(t.statistic, 0.2279663434, 1e-9, 0);
  assert_close(t.effect, 0.0539186751, 1e-9, 0);
  assert_close(t.p, 0.9, 1e-12, 0);
  assert_int_equal(t.permutations, 20);
  cf_permuted_clear(&t);
  cf_context_free(ctx);
}

static void anosim_silhouette_and_dispersion_of_a_small_matrix(void **state) {
  (void)state;
  static const double expected[6] = {0.057789, 0.342105, -0.273333, -0.415133, -0.179825, -0.397980};
  cf_context *ctx = test_context();
  double d[36], s[6];
  cf_permuted t;
  cf_permdisp_options how = CF_PERMDISP_OPTIONS_INIT;
  square(6, fifteen, d);
  assert_ok(ctx, cf_anosim(ctx, 6, d, 2, three_by_three, NULL, &t));
  assert_close(t.statistic, -0.2777778, 1e-6, 0);
  cf_permuted_clear(&t);
  assert_ok(ctx, cf_silhouette(ctx, 6, d, 2, three_by_three, NULL, s, &t));
  assert_close(t.statistic, -0.144396068, 1e-8, 0);
  for (size_t i = 0; i < 6; i++) assert_close(s[i], expected[i], 0, 1e-6);
  cf_permuted_clear(&t);
  assert_ok(ctx, cf_permdisp(ctx, 6, d, 2, three_by_three, &how, NULL, &t, NULL, NULL, NULL));
  assert_close(t.statistic, 1.03296, 1e-5, 0);
  cf_permuted_clear(&t);
  how.centre = CF_CENTRE_CENTROID;
  assert_ok(ctx, cf_permdisp(ctx, 6, d, 2, three_by_three, &how, NULL, &t, NULL, NULL, NULL));
  assert_close(t.statistic, 3.670816, 1e-6, 0);
  cf_permuted_clear(&t);
  cf_context_free(ctx);
}

static void dispersion_of_the_alignment(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_array *a = load(ctx, "alignment_a.npy");
  size_t code[10], groups = codes(ctx, "groups_a.npy", code);
  double d[100];
  cf_permuted t;
  cf_permdisp_options how = CF_PERMDISP_OPTIONS_INIT;
  assert_ok(ctx, cf_space_distances(ctx, 10, 12, a->data, CF_SPACE_EUCLIDEAN, d));
  for (int euclidean = 0; euclidean < 2; euclidean++) {
    how.euclidean = euclidean;
    how.centre = CF_CENTRE_MEDIAN;
    assert_ok(ctx, cf_permdisp(ctx, 10, d, groups, code, &how, NULL, &t, NULL, NULL, NULL));
    assert_close(t.statistic, 0.105831245014002, 1e-6, 1e-10);
    cf_permuted_clear(&t);
    how.centre = CF_CENTRE_CENTROID;
    assert_ok(ctx, cf_permdisp(ctx, 10, d, groups, code, &how, NULL, &t, NULL, NULL, NULL));
    assert_close(t.statistic, 0.683180850630504, 1e-6, 1e-10);
    cf_permuted_clear(&t);
  }
  cf_array_free(a);
  cf_context_free(ctx);
}

static void strata_hold_arrangements_together(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_array *d = load(ctx, "strata_distance.npy");
  const size_t n = d->shape[0];
  size_t code[64], strata[64];
  assert_true(n <= 64);
  const size_t groups = codes(ctx, "strata_groups.npy", code);
  codes(ctx, "strata.npy", strata);
  cf_permute_options o = CF_PERMUTE_OPTIONS_INIT;
  cf_permuted t;
  o.strata = strata;
  assert_ok(ctx, cf_permanova(ctx, n, d->data, groups, code, &o, &t));
  assert_close(t.statistic, 1.7089928678541, 1e-8, 1e-10);
  assert_close(t.effect, 0.221688214939265, 1e-8, 1e-10);
  assert_close(t.p, 0.222222222222222, 1e-12, 0);
  assert_int_equal(t.permutations, 36);
  assert_true(t.exact);
  cf_permuted_clear(&t);
  cf_array_free(d);
  cf_context_free(ctx);
}

static void mantel_over_all_orders(void **state) {
  (void)state;
  static const double expected[2][3] = {{0.692640950839774, 0.00138888888888889, 0.00138888888888889},
                                        {0.539285714285714, 0.0416666666666667, 0.0291666666666667}};
  cf_context *ctx = test_context();
  cf_array *a = load(ctx, "mantel_a.npy"), *b = load(ctx, "mantel_b.npy");
  for (int spearman = 0; spearman < 2; spearman++) {
    cf_permuted t;
    assert_ok(ctx, cf_mantel(ctx, a->shape[0], a->data, b->data, spearman, CF_TAIL_BOTH, NULL, &t));
    assert_close(t.statistic, expected[spearman][0], 1e-8, 1e-10);
    assert_close(t.p, expected[spearman][1], 1e-8, 1e-10);
    assert_int_equal(t.permutations, 720);
    cf_permuted_clear(&t);
    assert_ok(ctx, cf_mantel(ctx, a->shape[0], a->data, b->data, spearman, CF_TAIL_GREATER, NULL, &t));
    assert_close(t.p, expected[spearman][2], 1e-8, 1e-10);
    cf_permuted_clear(&t);
  }
  cf_array_free(a), cf_array_free(b);
  cf_context_free(ctx);
}

static void kruskal_and_anova_are_those_of_scipy(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_array *y = load(ctx, "oneway_y.npy");
  const size_t n = y->shape[0];
  size_t code[256];
  assert_true(n <= 256);
  const size_t groups = codes(ctx, "oneway_g.npy", code);
  cf_anova anova;
  cf_test kruskal;
  assert_ok(ctx, cf_kruskal(ctx, n, y->data, groups, code, &kruskal));
  assert_close(kruskal.statistic, 0.809547325102884, 1e-8, 1e-10);
  assert_close(kruskal.p, 0.667127789773538, 1e-8, 1e-10);
  assert_ok(ctx, cf_anova_oneway(ctx, n, y->data, groups, code, &anova));
  assert_close(anova.f, 0.254141698977793, 1e-8, 1e-10);
  assert_close(anova.p, 0.779083555692856, 1e-8, 1e-10);
  assert_close(anova.eta2, 0.0350340136054422, 1e-8, 1e-10);
  cf_array_free(y);
  cf_context_free(ctx);
}

static void consistency_of_three_models(void **state) {
  (void)state;
  static const double a[3] = {0.2, 0.3, 0.4};
  static const size_t code[3] = {0, 0, 0};
  static const double expected[4][2] = {{1, 3}, {2, 9}, {3, 0.9}, {6, 0.3 / (1.4826 * 0.1)}};
  cf_context *ctx = test_context();
  const cf_snci_problem p = {.models = 3, .rois = 1, .groups = 1, .a = a, .code = code};
  for (size_t k = 0; k < 4; k++) {
    cf_snci_options o = CF_SNCI_OPTIONS_INIT;
    double snci;
    o.kind = (int)expected[k][0];
    assert_ok(ctx, cf_snci(ctx, &p, &o, NULL, NULL, &snci, NULL, NULL));
    assert_close(snci, expected[k][1], 1e-5, 0); /* eps = 1e-8 beside a variance of 0.01 */
    o.epsilon = 0;
    assert_ok(ctx, cf_snci(ctx, &p, &o, NULL, NULL, &snci, NULL, NULL));
    assert_close(snci, expected[k][1], 1e-12, 0);
  }
  cf_context_free(ctx);
}

static void consistency_without_signal(void **state) {
  (void)state;
  enum { DRAWS = 200000 };
  cf_context *ctx = test_context();
  double *draw = malloc(DRAWS * sizeof *draw);
  assert_close(cf_snci_floor(60, 1), 0.7252, 0, 5e-5);
  assert_ok(ctx, cf_snci_chance(ctx, 60, 15, NULL, DRAWS, 1, draw));
  assert_close(cf_quantile_sorted(DRAWS, draw, 0.05), 0.55, 0, 0.01);
  assert_close(cf_quantile_sorted(DRAWS, draw, 0.50), 0.80, 0, 0.01);
  assert_close(cf_quantile_sorted(DRAWS, draw, 0.95), 1.14, 0, 0.01);
  free(draw);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(permanova_of_small_matrices),
      cmocka_unit_test(anosim_silhouette_and_dispersion_of_a_small_matrix),
      cmocka_unit_test(dispersion_of_the_alignment),
      cmocka_unit_test(strata_hold_arrangements_together),
      cmocka_unit_test(mantel_over_all_orders),
      cmocka_unit_test(kruskal_and_anova_are_those_of_scipy),
      cmocka_unit_test(consistency_of_three_models),
      cmocka_unit_test(consistency_without_signal),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
