/* The measures of one time bin: the published recipe from the table of measures, and the cross-validated forms.
 *   rsa  1 - Pearson between conditions, Spearman of the upper triangles
 *   cca  mean canonical correlation of min(3, n/8, p, q) principal components a side, in sample
 *   lp   z-scores and components of all conditions, ridge, R^2 clipped to [0, 1], mean over splits and components
 * Source: Bertram, Dyballa, Keller, Kinger & Zucker (2026), arXiv 2601.21508, appendix. */
#include <math.h>
#include <string.h>

#include <cortifold/stats.h>
#include "base/internal.h"
#include "pipeline/alignment.h"

bool cf_align_wanted(const cf_align_job *job, size_t measure) {
  switch (measure) {
  case CF_ALIGN_CCA:
  case CF_ALIGN_LP:
    return job->paper;
  case CF_ALIGN_CCA_CLEAN:
  case CF_ALIGN_LP_CLEAN:
    return job->clean;
  default:
    return true;
  }
}

/* A measure that the data of a bin do not define is missing there. */
static cf_status forgive(cf_context *ctx, cf_status status) {
  if (status != CF_ERR_INPUT && status != CF_ERR_NUMERIC) return status;
  cf_context_clear(ctx);
  return CF_OK;
}

static cf_status components(cf_context *ctx, size_t n, size_t cols, const double *x, size_t k, double **scores) {
  const cf_view view = cf_view_matrix(x, n, cols);
  const cf_status status = CF_SCRATCH(ctx, scores, n * k);
  return status == CF_OK ? cf_pca(ctx, &view, k, NULL, *scores, NULL, NULL, NULL) : status;
}

/* Value and null of one measure of the table; k > 0: of the first k principal components. */
static cf_status one(cf_context *ctx, const char *id, const cf_compare_options *o, size_t n, const size_t cols[2],
                     const double *const data[2], size_t k, double *value, size_t permutations, double *null) {
  static const char *const name[2] = {"module", "recording"};
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_measure *m = cf_measure_find(id);
  cf_system *s[2] = {NULL, NULL};
  cf_compare_value v = {0};
  for (int i = 0; i < 2; i++) {
    double *scores = NULL;
    if (k) CF_TRY(components(ctx, n, cols[i], data[i], k, &scores));
    const cf_view view = cf_view_matrix(k ? scores : data[i], n, k ? k : cols[i]);
    CF_TRY(cf_system_new(ctx, &view, name[i], &s[i]));
  }
  CF_TRY(cf_compare(ctx, m, s[0], s[1], o, &v));
  if (permutations) CF_TRY(cf_compare_permute(ctx, m, s[0], s[1], o, permutations, null));
  *value = v.value;
done:
  cf_compare_value_free(&v);
  cf_system_free(s[0]);
  cf_system_free(s[1]);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_align_bin(cf_context *ctx, const cf_align_job *job, size_t p, const double *x, size_t q, const double *y,
                       double *value, size_t n, double *null) {
  cf_status status = CF_OK;
  const size_t c = job->conditions, cols[2] = {p, q};
  const double *const data[2] = {x, y};
  const size_t k = CF_MAX((size_t)1, CF_MIN(CF_MIN((size_t)3, c / 8), CF_MIN(p, q)));
  cf_compare_options o = CF_COMPARE_OPTIONS_INIT;
  o.paper = true;
  o.test = job->test;
  o.splits = job->splits;
  for (size_t i = 0; i < CF_ALIGN_MEASURES; i++) value[i] = NAN;
  for (size_t i = 0; i < CF_ALIGN_MEASURES * n; i++) null[i] = NAN;
  double *const at_rsa = n ? null + CF_ALIGN_RSA * n : NULL, *const at_cca = n ? null + CF_ALIGN_CCA * n : NULL,
                *const at_lp = n ? null + CF_ALIGN_LP * n : NULL;
  CF_TRY(forgive(ctx, one(ctx, "rsa", &o, c, cols, data, 0, &value[CF_ALIGN_RSA], n, at_rsa)));
  if (job->paper) {
    CF_TRY(forgive(ctx, one(ctx, "cca", &o, c, cols, data, k, &value[CF_ALIGN_CCA], n, at_cca)));
    CF_TRY(forgive(ctx, one(ctx, "linear-predictivity", &o, c, cols, data, 0, &value[CF_ALIGN_LP], n, at_lp)));
  }
  if (job->clean) /* the two clean measures lie one after the other */
    CF_TRY(forgive(ctx, cf_align_clean(ctx, c, job->folds, p, x, q, y, &value[CF_ALIGN_CCA_CLEAN], n,
                                       n ? null + CF_ALIGN_CCA_CLEAN * n : NULL)));
done:
  return status;
}
