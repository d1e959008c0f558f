/* The eight comparators of RDMs: their table, and the comparison of two stacks.
 *
 * d1, d2: packed upper triangles, n = pairs; r: average ranks; C, D: concordant and discordant pairs of
 * dissimilarities; V = (C C')^(o2): covariance of the dissimilarities of independent conditions of equal variance. The
 * work is done in rsa_sample.c on the sample that holds every condition once. */
#include <math.h>
#include <string.h>
#include "base/internal.h"
#include "geometry/rsa_sample.h"

enum {
  ANY = CF_INVARIANT_ORDER | CF_INVARIANT_SYMMETRIC | CF_INVARIANT_SCALE,
  RANKS = ANY | CF_INVARIANT_SHIFT | CF_INVARIANT_MONOTONE
};

static const cf_comparator_info table[] = {
    {"spearman", CF_COMPARE_SPEARMAN, "Pearson correlation of the average ranks of d1 and d2", "Spearman (1904)", -1, 1,
     RANKS, true, false},
    {"rho-a", CF_COMPARE_RHO_A, "12 sum (r1 - mean r1)(r2 - mean r2) / (n^3 - n), average ranks, no tie correction",
     "Schuett et al. (2023), eLife 12:e82566", -1, 1, RANKS, true, false},
    {"pearson", CF_COMPARE_PEARSON, "sum (d1 - mean d1)(d2 - mean d2) / (n sd(d1) sd(d2))", "Pearson (1896)", -1, 1,
     ANY | CF_INVARIANT_SHIFT, false, false},
    {"cosine", CF_COMPARE_COSINE, "d1'd2 / (|d1| |d2|)", "Walther et al. (2016), NeuroImage 137:188", -1, 1, ANY, false,
     false},
    {"kendall-tau-a", CF_COMPARE_KENDALL_TAU_A, "(C - D) / (n (n - 1) / 2)",
     "Kendall (1938); Nili et al. (2014), PLoS Comput Biol 10:e1003553", -1, 1, RANKS, true, false},
    {"kendall-tau-b", CF_COMPARE_KENDALL_TAU_B, "(C - D) / sqrt((n0 - T1)(n0 - T2)), n0 = n (n - 1) / 2, T tied pairs",
     "Kendall (1945), Biometrika 33:239", -1, 1, RANKS, true, false},
    {"corr-cov", CF_COMPARE_CORR_COV,
     "c1'V^-1 c2 / sqrt(c1'V^-1 c1 c2'V^-1 c2), c = d - mean d, V = (C C')^(o2), C the pair contrasts",
     "Diedrichsen et al. (2021), Neurons Behav Data Anal Theory 5(3)", -1, 1, ANY | CF_INVARIANT_SHIFT, false, true},
    {"cosine-cov", CF_COMPARE_COSINE_COV,
     "d1'V^-1 d2 / sqrt(d1'V^-1 d1 d2'V^-1 d2), V = (C C')^(o2), C the pair contrasts",
     "Diedrichsen et al. (2021), Neurons Behav Data Anal Theory 5(3)", -1, 1, ANY, false, true},
};

const cf_comparator_info *cf_comparator_at(size_t i) {
  return i < sizeof table / sizeof *table ? &table[i] : NULL;
}

const cf_comparator_info *cf_comparator_find(const char *name) {
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (name && strcmp(table[i].name, name) == 0) return &table[i];
  return NULL;
}

/* One stack as the comparator wants it. Pairs that are out are set to 0, so that orders stay defined. */
static cf_status make_stack(cf_context *ctx, cf_comparator comparator, size_t count, size_t pairs, const double *x,
                            const bool *present, rsa_stack *out) {
  cf_status status = CF_OK;
  *out = (rsa_stack){count, pairs, x, NULL, NULL};
  if (!cf_rsa_ranked(comparator)) return CF_OK;
  size_t size;
  double *clean;
  uint32_t *order;
  bool *tied;
  CF_TRY(cf_size_mul(ctx, count, pairs, &size));
  CF_TRY(CF_SCRATCH(ctx, &clean, size));
  CF_TRY(CF_SCRATCH(ctx, &order, size));
  CF_TRY(CF_SCRATCH(ctx, &tied, count));
  for (size_t i = 0; i < size; i++) clean[i] = present[i % pairs] ? x[i] : 0;
  CF_TRY(cf_rsa_order(ctx, count, pairs, clean, order, tied));
  *out = (rsa_stack){count, pairs, clean, order, tied};
done:
  return status;
}

cf_status cf_rdm_compare(cf_context *ctx, cf_comparator comparator, size_t conditions, size_t n_a, const double *a,
                         size_t n_b, const double *b, double *out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t pairs = conditions * (conditions - (conditions > 0)) / 2;
  rsa_sample sample;
  rsa_stack stack_a, stack_b;
  rsa_rows rows_a, rows_b;
  bool *present;
  if (conditions < 3)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "RDMs of %zu conditions cannot be compared: at least 3 are needed", conditions));
  CF_TRY(CF_SCRATCH(ctx, &present, pairs));
  for (size_t p = 0; p < pairs; p++) present[p] = true;
  for (size_t i = 0; i < n_a + n_b; i++) {
    const double *x = i < n_a ? a + i * pairs : b + (i - n_a) * pairs;
    for (size_t p = 0; p < pairs; p++) {
      if (isinf(x[p])) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "RDM %zu: pair %zu is infinite", i < n_a ? i : i - n_a, p));
      if (isnan(x[p])) present[p] = false;
    }
  }
  CF_TRY(cf_rsa_sample_make(ctx, conditions, NULL, present, comparator, &sample));
  if (sample.pairs < 3)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "only %zu pairs have a value in every RDM: at least 3 are needed", sample.pairs));
  CF_TRY(make_stack(ctx, comparator, n_a, pairs, a, present, &stack_a));
  CF_TRY(make_stack(ctx, comparator, n_b, pairs, b, present, &stack_b));
  CF_TRY(cf_rsa_rows_new(ctx, comparator, &sample, n_a, &rows_a));
  CF_TRY(cf_rsa_rows_new(ctx, comparator, &sample, n_b, &rows_b));
  CF_TRY(cf_rsa_rows_fill(ctx, comparator, &sample, &stack_a, &rows_a));
  CF_TRY(cf_rsa_rows_fill(ctx, comparator, &sample, &stack_b, &rows_b));
  CF_TRY(cf_rsa_similarity(ctx, comparator, &sample, &rows_a, &rows_b, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}
