/* What tests of groups must not depend on, and what SNCI and convergence must be by their definitions. */
#include "test.h"
#include <cortifold/groups.h>
#include <cortifold/space.h>

enum { N = 24, DIMS = 7, GROUPS = 3 };

static void draw(cf_rng *rng, double shift, double *x, size_t *code) {
  for (size_t i = 0; i < N; i++) {
    code[i] = i < 12 ? 0 : i < 19 ? 1 : 2;
    for (size_t c = 0; c < DIMS; c++) x[i * DIMS + c] = fabs(cf_rng_normal(rng)) + shift * (double)(code[i] == c);
  }
}

/* Statistics and p of all tests: eight numbers. */
static void all_tests(cf_context *ctx, const double *d, const size_t *code, double *out) {
  cf_permute_options o = CF_PERMUTE_OPTIONS_INIT;
  cf_permuted t;
  o.permutations = 199;
  o.task = 5;
  assert_ok(ctx, cf_permanova(ctx, N, d, GROUPS, code, &o, &t));
  out[0] = t.statistic, out[1] = t.p;
  cf_permuted_clear(&t);
  assert_ok(ctx, cf_anosim(ctx, N, d, GROUPS, code, &o, &t));
  out[2] = t.statistic, out[3] = t.p;
  cf_permuted_clear(&t);
  assert_ok(ctx, cf_permdisp(ctx, N, d, GROUPS, code, NULL, &o, &t, NULL, NULL, NULL));
  out[4] = t.statistic, out[5] = t.p;
  cf_permuted_clear(&t);
  assert_ok(ctx, cf_silhouette(ctx, N, d, GROUPS, code, &o, NULL, &t));
  out[6] = t.statistic, out[7] = t.p;
  cf_permuted_clear(&t);
}

static void scale_and_names_of_groups_do_not_matter(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (uint32_t c = 0; c < test_cases(5); c++) {
    cf_rng rng = cf_rng_make(21, 1, c);
    double x[N * DIMS], d[N * N], scaled[N * N], a[8], b[8];
    size_t code[N], renamed[N];
    draw(&rng, 0.7, x, code);
    assert_ok(ctx, cf_space_distances(ctx, N, DIMS, x, CF_SPACE_EUCLIDEAN, d));
    for (size_t i = 0; i < N * N; i++) scaled[i] = 1e-6 * d[i];
    for (size_t i = 0; i < N; i++) renamed[i] = (code[i] + 1) % GROUPS;
    all_tests(ctx, d, code, a);
    all_tests(ctx, scaled, code, b);
    for (size_t k = 0; k < 8; k++) assert_close(b[k], a[k], k % 2 ? 0.011 : 1e-6, 1e-9);
    all_tests(ctx, d, renamed, b);
    for (size_t k = 0; k < 8; k++) assert_close(b[k], a[k], k % 2 ? 0.011 : 1e-6, 1e-9);
  }
  cf_context_free(ctx);
}

/* Objects in another order: the same statistics; the same exact p. */
static void order_of_objects_does_not_matter(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (uint32_t c = 0; c < test_cases(5); c++) {
    cf_rng rng = cf_rng_make(21, 2, c);
    enum { SMALL = 9 };
    double x[N * DIMS], y[SMALL * DIMS], d[SMALL * SMALL], e[SMALL * SMALL];
    size_t code[N], first[SMALL], other[SMALL], order[SMALL];
    cf_permuted s, t;
    draw(&rng, 0.5, x, code);
    cf_rng_permutation(&rng, SMALL, order);
    for (size_t i = 0; i < SMALL; i++) first[i] = i % 3;
    for (size_t i = 0; i < SMALL; i++) {
      memcpy(y + i * DIMS, x + order[i] * DIMS, DIMS * sizeof *y);
      other[i] = first[order[i]];
    }
    assert_ok(ctx, cf_space_distances(ctx, SMALL, DIMS, x, CF_SPACE_CORRELATION, d));
    assert_ok(ctx, cf_space_distances(ctx, SMALL, DIMS, y, CF_SPACE_CORRELATION, e));
    assert_ok(ctx, cf_permanova(ctx, SMALL, d, 3, first, NULL, &s));
    assert_ok(ctx, cf_permanova(ctx, SMALL, e, 3, other, NULL, &t));
    assert_true(s.exact);
    assert_int_equal(s.permutations, 1680);
    assert_close(t.statistic, s.statistic, 1e-10, 0);
    assert_close(t.p, s.p, 1e-12, 0);
    cf_permuted_clear(&s);
    cf_permuted_clear(&t);
    assert_ok(ctx, cf_mantel(ctx, SMALL, d, d, false, CF_TAIL_GREATER, NULL, &s));
    assert_close(s.statistic, 1, 1e-12, 0);
    assert_close(s.p, 1.0 / 362880, 1e-12, 0);
    cf_permuted_clear(&s);
  }
  cf_context_free(ctx);
}

static void threads_do_not_matter(void **state) {
  (void)state;
  double x[N * DIMS], d[N * N], a[2][8], low[2][GROUPS * DIMS], high[2][GROUPS * DIMS];
  size_t code[N], kmeans[2][N];
  cf_rng rng = cf_rng_make(21, 3, 0);
  draw(&rng, 0.5, x, code);
  for (int threads = 1; threads <= 2; threads++) {
    cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
    cf_context *ctx = NULL;
    double within;
    o.threads = threads;
    if (cf_context_new(&o, &ctx) != CF_OK) abort();
    assert_ok(ctx, cf_space_distances(ctx, N, DIMS, x, CF_SPACE_EUCLIDEAN, d));
    all_tests(ctx, d, code, a[threads - 1]);
    assert_ok(ctx, cf_kmeans(ctx, N, DIMS, x, 3, 10, 1, kmeans[threads - 1], &within));
    const cf_snci_problem p = {.models = N, .rois = DIMS, .groups = GROUPS, .a = x, .code = code};
    const cf_snci_interval out = {low[threads - 1], high[threads - 1]};
    assert_ok(ctx, cf_snci_bootstrap(ctx, &p, NULL, 300, 0.95, true, 1, &out, NULL, NULL));
    cf_context_free(ctx);
  }
  assert_memory_equal(a[0], a[1], sizeof a[0]);
  assert_memory_equal(kmeans[0], kmeans[1], sizeof kmeans[0]);
  assert_memory_equal(low[0], low[1], sizeof low[0]);
  assert_memory_equal(high[0], high[1], sizeof high[0]);
}

/* Every arrangement keeps the labels of each stratum where they are. */
static void strata_keep_their_labels(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double x[N * DIMS], d[N * N];
  size_t code[N], strata[N];
  cf_rng rng = cf_rng_make(21, 4, 0);
  cf_permute_options o = CF_PERMUTE_OPTIONS_INIT;
  cf_permuted t;
  draw(&rng, 0, x, code);
  for (size_t i = 0; i < N; i++) strata[i] = code[i]; /* every stratum one group: nothing can move */
  assert_ok(ctx, cf_space_distances(ctx, N, DIMS, x, CF_SPACE_EUCLIDEAN, d));
  o.strata = strata;
  assert_ok(ctx, cf_permanova(ctx, N, d, GROUPS, code, &o, &t));
  assert_true(t.exact);
  assert_int_equal(t.permutations, 1);
  assert_close(t.p, 1, 0, 0);
  cf_permuted_clear(&t);
  o.exact_up_to = 0;
  o.permutations = 20;
  assert_ok(ctx, cf_permanova(ctx, N, d, GROUPS, code, &o, &t));
  for (size_t i = 0; i < 20; i++) assert_close(t.null[i], t.statistic, 1e-10, 0);
  cf_permuted_clear(&t);
  cf_context_free(ctx);
}

/* One-way F of F distances on a line is that of PERMANOVA; H does not see monotone maps; sums of squares add up. */
static void analyses_of_variance_agree(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (uint32_t c = 0; c < test_cases(10); c++) {
    cf_rng rng = cf_rng_make(21, 5, c);
    double x[N * DIMS], line[N], d[N * N], curved[N];
    size_t code[N];
    cf_anova f;
    cf_test h, again;
    cf_permuted t;
    cf_twoway two;
    cf_permute_options o = CF_PERMUTE_OPTIONS_INIT;
    o.permutations = 1;
    draw(&rng, 0.4, x, code);
    for (size_t i = 0; i < N; i++) {
      line[i] = x[i * DIMS];
      curved[i] = exp(3 * line[i]);
    }
    assert_ok(ctx, cf_space_distances(ctx, N, 1, line, CF_SPACE_EUCLIDEAN, d));
    assert_ok(ctx, cf_permanova(ctx, N, d, GROUPS, code, &o, &t));
    assert_ok(ctx, cf_anova_oneway(ctx, N, line, GROUPS, code, &f));
    assert_close(t.statistic, f.f, 1e-9, 0);
    assert_close(t.effect, f.eta2, 1e-9, 0);
    cf_permuted_clear(&t);
    assert_ok(ctx, cf_kruskal(ctx, N, line, GROUPS, code, &h));
    assert_ok(ctx, cf_kruskal(ctx, N, curved, GROUPS, code, &again));
    assert_close(again.statistic, h.statistic, 1e-12, 0);
    assert_ok(ctx, cf_anova_twoway(ctx, N, DIMS, x, GROUPS, code, &two));
    const double error = 1 - two.group.eta2 - two.condition.eta2 - two.interaction.eta2;
    assert_true(error > 0 && error < 1);
    assert_close(two.interaction.f, two.interaction.eta2 / two.interaction.df1 / (error / two.interaction.df2), 1e-9,
                 0);
    double mean[N];
    for (size_t i = 0; i < N; i++) mean[i] = cf_mean(DIMS, x + i * DIMS);
    assert_ok(ctx, cf_anova_oneway(ctx, N, mean, GROUPS, code, &f)); /* groups in a split plot: objects' means */
    assert_close(two.repeated_group.f, f.f, 1e-9, 0);
  }
  cf_context_free(ctx);
}

/* SNCI-1 is free of scale, -3 follows from it, fewer than three models give NaN. */
static void consistency_by_its_definition(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  for (uint32_t c = 0; c < test_cases(10); c++) {
    cf_rng rng = cf_rng_make(21, 6, c);
    double x[N * DIMS], scaled[N * DIMS], one[GROUPS * DIMS], two[GROUPS * DIMS], three[GROUPS * DIMS];
    double again[GROUPS * DIMS], scalar[GROUPS * CF_SNCI_SCALARS], network[GROUPS * 2];
    size_t code[N];
    static const size_t of[DIMS] = {0, 0, 1, 1, 1, 0, 1};
    cf_snci_options o = CF_SNCI_OPTIONS_INIT;
    draw(&rng, 0, x, code);
    code[N - 1] = 1; /* leaves 4 of group 2 */
    for (size_t i = 0; i < N * DIMS; i++) scaled[i] = 1000 * x[i];
    cf_snci_problem p = {N, DIMS, GROUPS, 2, x, code, of};
    o.epsilon = 0;
    assert_ok(ctx, cf_snci(ctx, &p, &o, NULL, NULL, one, scalar, network));
    o.kind = 2;
    assert_ok(ctx, cf_snci(ctx, &p, &o, NULL, NULL, two, NULL, NULL));
    o.kind = 3;
    assert_ok(ctx, cf_snci(ctx, &p, &o, NULL, NULL, three, NULL, NULL));
    o.kind = 1;
    p.a = scaled;
    assert_ok(ctx, cf_snci(ctx, &p, &o, NULL, NULL, again, NULL, NULL));
    for (size_t k = 0; k < GROUPS * DIMS; k++) {
      assert_close(again[k], one[k], 1e-10, 0);
      assert_close(two[k], one[k] * one[k], 1e-10, 0);
      assert_close(three[k], two[k] / (1 + two[k]), 1e-10, 0);
    }
    for (size_t g = 0; g < GROUPS; g++) {
      assert_close(scalar[g * CF_SNCI_SCALARS], cf_mean(DIMS, one + g * DIMS), 1e-10, 0);
      assert_close(network[2 * g], (one[g * DIMS] + one[g * DIMS + 1] + one[g * DIMS + 5]) / 3, 1e-10, 0);
    }
    for (size_t i = 0; i < N; i++)
      if (code[i] == 2) code[i] = i < 21 ? 2 : 1; /* two models are left of the last group */
    assert_ok(ctx, cf_snci(ctx, &p, &o, NULL, NULL, again, scalar, network));
    for (size_t r = 0; r < DIMS; r++) assert_true(isnan(again[2 * DIMS + r]) && !isnan(again[r]));
    assert_true(isnan(scalar[2 * CF_SNCI_SCALARS]) && isnan(network[4]));
  }
  cf_context_free(ctx);
}

/* One region that all groups share is found; one that a group has alone is not, and is selective. */
static void convergence_finds_what_is_shared(void **state) {
  (void)state;
  enum { MODELS = 30, ROIS = 40 };
  cf_context *ctx = test_context();
  double a[MODELS * ROIS], room[8][ROIS], ratio[2];
  size_t code[MODELS], winner[ROIS], network[ROIS];
  cf_rng rng = cf_rng_make(21, 7, 0);
  for (size_t i = 0; i < MODELS; i++) {
    code[i] = i % 3;
    for (size_t r = 0; r < ROIS; r++) a[i * ROIS + r] = 0.1 + 0.02 * cf_rng_uniform(&rng);
    a[i * ROIS + 7] += 0.4;
    if (code[i] == 1) a[i * ROIS + 12] += 0.4;
  }
  for (size_t r = 0; r < ROIS; r++) network[r] = r == 12;
  cf_convergence c = {.conjunction = room[0],
                      .entropy = room[1],
                      .total = room[2],
                      .overlap = room[3],
                      .selectivity = room[4],
                      .p = room[5],
                      .q = room[6],
                      .p_max = room[7],
                      .winner = winner};
  cf_convergence_options o = CF_CONVERGENCE_OPTIONS_INIT;
  o.top = 5;
  assert_ok(ctx, cf_space_convergence(ctx, MODELS, ROIS, a, 3, code, &o, &c));
  assert_true(c.p_max[7] < 0.01 && c.q[7] < 0.05);
  assert_true(c.q[12] > 0.05);
  assert_close(c.overlap[7], 3, 0, 0);
  assert_true(c.full >= 1);
  assert_true(c.entropy[7] > 0.999 && c.entropy[12] < 0.95);
  assert_int_equal(winner[12], 1);
  assert_close(c.selectivity[12], 0.4 / 0.62, 0, 0.02);
  assert_true(c.selectivity[7] < 0.1);
  assert_ok(ctx, cf_space_contraction(ctx, MODELS, ROIS, a, code, 2, network, ratio));
  assert_true(ratio[0] < 1 && ratio[1] > 2);
  cf_context_free(ctx);
}

/* Points in clear clouds: both clusterings find them. */
static void clusters_find_clouds(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  static const cf_linkage kinds[] = {CF_LINKAGE_SINGLE, CF_LINKAGE_COMPLETE, CF_LINKAGE_AVERAGE, CF_LINKAGE_WARD};
  for (uint32_t c = 0; c < test_cases(5); c++) {
    cf_rng rng = cf_rng_make(21, 8, c);
    double x[N * DIMS], d[N * N], merge[4 * N], within, ari;
    size_t code[N], found[N];
    draw(&rng, 30, x, code);
    assert_ok(ctx, cf_space_distances(ctx, N, DIMS, x, CF_SPACE_EUCLIDEAN, d));
    assert_ok(ctx, cf_kmeans(ctx, N, DIMS, x, GROUPS, 5, c, found, &within));
    assert_ok(ctx, cf_adjusted_rand(ctx, N, code, found, &ari));
    assert_close(ari, 1, 0, 0);
    for (size_t k = 0; k < 4; k++) {
      assert_ok(ctx, cf_linkage_tree(ctx, N, d, kinds[k], merge));
      assert_ok(ctx, cf_linkage_cut(ctx, N, merge, GROUPS, found));
      assert_ok(ctx, cf_adjusted_rand(ctx, N, code, found, &ari));
      assert_close(ari, 1, 0, 0);
    }
  }
  cf_context_free(ctx);
}

/* Distances that no points in a real space have: vegan's rule and scikit-bio's part ways, and the share is told. */
static void negative_axes_are_a_switch(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  double d[36], negative;
  static const size_t code[6] = {0, 0, 0, 1, 1, 1};
  cf_permdisp_options how = CF_PERMDISP_OPTIONS_INIT;
  cf_permuted t;
  for (size_t i = 0; i < 6; i++) /* points 0 and 5 are much farther apart than any way between them */
    for (size_t j = 0; j < 6; j++) d[i * 6 + j] = i == j ? 0 : i + j == 5 ? 9 : 1 + 0.1 * (double)(i * j % 3);
  for (size_t i = 0; i < 6; i++)
    for (size_t j = 0; j < i; j++) d[i * 6 + j] = d[j * 6 + i];
  assert_ok(ctx, cf_permdisp(ctx, 6, d, 2, code, &how, NULL, &t, NULL, NULL, &negative));
  assert_true(negative > 0.01);
  const double zero = t.statistic;
  cf_permuted_clear(&t);
  how.negative = CF_NEGATIVE_SUBTRACT;
  assert_ok(ctx, cf_permdisp(ctx, 6, d, 2, code, &how, NULL, &t, NULL, NULL, NULL));
  assert_true(fabs(t.statistic - zero) > 1e-3 * fabs(zero));
  cf_permuted_clear(&t);
  cf_context_free(ctx);
}

static void bad_groups_are_refused(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  static const size_t same[4] = {0, 0, 0, 0}, all[4] = {0, 1, 2, 3}, two[4] = {0, 0, 1, 1};
  double d[16] = {0};
  cf_permuted t;
  assert_status(ctx, CF_ERR_USAGE, cf_permanova(ctx, 4, d, 1, same, NULL, &t));
  assert_status(ctx, CF_ERR_INPUT, cf_permanova(ctx, 4, d, 4, all, NULL, &t));
  assert_status(ctx, CF_ERR_USAGE, cf_permanova(ctx, 4, d, 3, two, NULL, &t));
  assert_status(ctx, CF_ERR_INPUT, cf_permanova(ctx, 4, d, 2, two, NULL, &t));
  assert_status(ctx, CF_ERR_INPUT, cf_mantel(ctx, 4, d, d, false, CF_TAIL_BOTH, NULL, &t));
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(scale_and_names_of_groups_do_not_matter),
      cmocka_unit_test(order_of_objects_does_not_matter),
      cmocka_unit_test(threads_do_not_matter),
      cmocka_unit_test(strata_keep_their_labels),
      cmocka_unit_test(analyses_of_variance_agree),
      cmocka_unit_test(consistency_by_its_definition),
      cmocka_unit_test(convergence_finds_what_is_shared),
      cmocka_unit_test(clusters_find_clouds),
      cmocka_unit_test(negative_axes_are_a_switch),
      cmocka_unit_test(bad_groups_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
