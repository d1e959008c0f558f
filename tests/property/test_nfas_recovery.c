/* What was planted comes back, over many simulated studies: bias of alignments, eigenvalues and the consistency index,
 * coverage of intervals, power of the tests. The name's tier: CF_TEST_FACTOR scales the number of studies (25: a
 * hundred).
 */
#include "nfas_case.h"
#include <cortifold/stats.h>
#include <unistd.h>

enum { MODELS = 18, ROIS = 28, GROUPS = 3 };

typedef struct tally {
  double studies, bias, square, correlation, modulus, inside, cells, low_bias, high_bias, low_cells, high_cells;
  double apart, ari, consistent, index_bias, index_inside, mean_inside, groups, stable_better, mean_difference;
} tally;

static double number(const cf_json *o, const char *key) {
  return cf_json_as_number(cf_json_get(o, key));
}

static double pair(const cf_json *o, const char *key, size_t i) {
  return cf_json_as_number(cf_json_at(cf_json_get(o, key), i));
}

static void count_cells(const cf_result *r, tally *t) {
  const double *a = case_numbers(r, "alignment", MODELS * ROIS),
               *truth = case_numbers(r, "truth/alignment", MODELS * ROIS),
               *low = case_numbers(r, "alignment_low", MODELS * ROIS),
               *high = case_numbers(r, "alignment_high", MODELS * ROIS);
  for (size_t i = 0; i < MODELS * ROIS; i++) {
    t->cells++;
    t->bias += a[i] - truth[i];
    t->square += (a[i] - truth[i]) * (a[i] - truth[i]);
    t->inside += low[i] <= truth[i] && truth[i] <= high[i];
    if (truth[i] < 0.05) t->low_bias += a[i] - truth[i], t->low_cells++;
    if (truth[i] > 0.2) t->high_bias += a[i] - truth[i], t->high_cells++;
  }
}

static void count_groups(const cf_result *r, tally *t) {
  const cf_json *truth = cf_json_get(cf_json_get(r->values, "truth"), "groups"),
                *snci = cf_json_get(cf_json_get(r->values, "snci"), "groups");
  const double *a = case_numbers(r, "alignment", MODELS * ROIS);
  const cf_array *group = cf_dataset_get(r->arrays, "group");
  for (size_t g = 0; g < GROUPS; g++) {
    const cf_json *q = cf_json_at(truth, g), *s = cf_json_at(snci, g);
    double sum = 0, square = 0, n = 0;
    char name[64];
    for (size_t m = 0; m < MODELS; m++) {
      double mean = 0;
      if (strcmp(cf_array_label(group, m, name, sizeof name), cf_json_as_text(cf_json_get(q, "name"))) != 0) continue;
      for (size_t i = 0; i < ROIS; i++) mean += a[m * ROIS + i] / ROIS;
      sum += mean;
      square += mean * mean;
      n++;
    }
    const double half = cf_t_quantile(0.975, n - 1) * sqrt((square - sum * sum / n) / (n - 1) / n);
    t->groups++;
    t->mean_inside += fabs(sum / n - number(q, "alignment")) <= half;
    t->index_bias += number(q, "snci_found") - number(q, "snci");
    t->index_inside += pair(s, "mean_ci", 0) <= number(q, "snci") && number(q, "snci") <= pair(s, "mean_ci", 1);
    t->consistent += number(cf_json_get(s, "mean_null"), "p") <= 0.05;
  }
}

static void study(uint32_t seed, const char *path, tally *t) {
  cf_context *ctx = case_context(seed, 0, 0);
  cf_result *data = NULL, *r = NULL;
  char ceiling[96], truth[96];
  static const char *const simulation[] = {"nfas",        "models-each=6", "depth=8",    "width=16",
                                           "samples=480", "run-count=4",   "regions=28", NULL};
  snprintf(ceiling, sizeof ceiling, "ceiling=%s:truth/ceiling", path);
  snprintf(truth, sizeof truth, "truth=%s:truth/alignment", path);
  const char *const words[] = {path,
                               ceiling,
                               truth,
                               "distance=correlation",
                               "nulls=99",
                               "resample=100",
                               "permutations=199",
                               "bootstrap=200",
                               "baselines=mean",
                               NULL};
  assert_ok(ctx, case_run(ctx, "simulate", simulation, &data));
  case_write(ctx, path, data->arrays);
  assert_ok(ctx, case_run(ctx, "nfas", words, &r));
  count_cells(r, t);
  count_groups(r, t);
  const cf_json *v = r->values, *space = cf_json_get(v, "space"), *mean = cf_json_at(cf_json_get(v, "baselines"), 0);
  t->studies++;
  t->correlation += number(cf_json_get(v, "truth"), "correlation");
  for (size_t m = 0; m < MODELS; m++)
    t->modulus += number(cf_json_get(cf_json_at(cf_json_get(v, "models"), m), "stable"), "modulus") / MODELS;
  t->apart += number(cf_json_get(space, "permanova"), "p") <= 0.05;
  t->ari += number(cf_json_get(cf_json_get(space, "clusters"), "tree"), "ari");
  t->mean_difference += number(mean, "difference");
  t->stable_better += number(mean, "p_adjusted") <= 0.05 && number(mean, "difference") > 0;
  cf_result_free(r);
  cf_result_free(data);
  cf_context_free(ctx);
}

static void recovery(void **state) {
  (void)state;
  char folder[] = "/tmp/cf-recovery-XXXXXX", path[64];
  const size_t n = test_cases(4);
  tally t = {0};
  assert_non_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/study.h5", folder);
  for (uint32_t seed = 0; seed < n; seed++) study(1000 + seed, path, &t);
  unlink(path);
  rmdir(folder);
  printf("%g studies of %d models and %d regions\n", t.studies, MODELS, ROIS);
  printf("alignment: bias %+.4f (planted below 0.05: %+.4f, above 0.2: %+.4f), rms error %.4f, correlation %.3f\n",
         t.bias / t.cells, t.low_bias / t.low_cells, t.high_bias / t.high_cells, sqrt(t.square / t.cells),
         t.correlation / t.studies);
  printf("coverage of 95 %% intervals: of an alignment %.3f, of a group's mean %.3f, of its consistency %.3f\n",
         t.inside / t.cells, t.mean_inside / t.groups, t.index_inside / t.groups);
  printf("stable eigenvalue: bias %+.4f; consistency index: bias %+.3f\n", t.modulus / t.studies - 0.99,
         t.index_bias / t.groups);
  printf(
      "groups apart (PERMANOVA) in %.3f, tree against groups %.3f (adjusted Rand), consistent beyond the null %.3f\n",
      t.apart / t.studies, t.ari / t.studies, t.consistent / t.groups);
  printf("mean layer: stable mode less it %+.5f, called better in %.3f\n", t.mean_difference / t.studies,
         t.stable_better / t.studies);
  /* what is planted is what endless data would give: ridge regression from a few hundred samples stays below it, and
   * the noise of layers makes modes seem to decay */
  assert_true(fabs(t.bias / t.cells) < 0.06);
  assert_true(t.correlation / t.studies > 0.85);
  assert_true(fabs(t.modulus / t.studies - 0.99) < 0.04);
  assert_true(t.apart / t.studies > 0.95);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(recovery)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
