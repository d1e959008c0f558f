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

enum { CCA_MOST = 3 };

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

static cf_compare_options recipe(const cf_align_job *job) {
  cf_compare_options o = CF_COMPARE_OPTIONS_INIT;
  o.paper = true;
  o.test = job->test;
  o.splits = job->splits;
  return o;
}

/* Components of cca that n conditions and p neurons allow. */
static size_t components(size_t n, size_t p) {
  return CF_MAX((size_t)1, CF_MIN(CF_MIN((size_t)CCA_MOST, n / 8), p));
}

/* ----------------------------------------------------------------- faces -- */

void cf_align_face_free(cf_align_face *face) {
  cf_system_free(face->raw);
  cf_system_free(face->scores);
  cf_free(face->top);
  cf_align_folds_free(face->fold);
  *face = (cf_align_face){0};
}

static cf_status make_scores(cf_context *ctx, const char *name, const double *x, cf_align_face *face) {
  cf_status status = CF_OK;
  const cf_view view = cf_view_matrix(x, face->conditions, face->neurons);
  const size_t k = components(face->conditions, face->neurons);
  CF_TRY(CF_ALLOC(ctx, &face->top, face->conditions * k));
  CF_TRY(cf_pca(ctx, &view, k, NULL, face->top, NULL, NULL, NULL));
  const cf_view top = cf_view_matrix(face->top, face->conditions, k);
  CF_TRY(cf_system_new(ctx, &top, name, &face->scores));
done:
  return status;
}

/* What a measure keeps in the system is made here, since many pairs then read it at once. */
static cf_status prepare(cf_context *ctx, const cf_align_job *job, const char *measure, cf_system *s) {
  const cf_compare_options o = recipe(job);
  return s ? forgive(ctx, cf_measure_find(measure)->prepare(ctx, s, &o)) : CF_OK;
}

cf_status cf_align_face_new(cf_context *ctx, const cf_align_job *job, bool module, size_t neurons, const double *x,
                            cf_align_face *out) {
  cf_status status = CF_OK;
  const char *name = module ? "module" : "recording";
  const size_t n = job->conditions;
  const cf_view view = cf_view_matrix(x, n, neurons);
  *out = (cf_align_face){.conditions = n, .neurons = neurons};
  CF_TRY(forgive(ctx, cf_system_new(ctx, &view, name, &out->raw)));
  CF_TRY(prepare(ctx, job, "rsa", out->raw));
  if (job->paper) {
    CF_TRY(prepare(ctx, job, "linear-predictivity", out->raw));
    CF_TRY(forgive(ctx, make_scores(ctx, name, x, out)));
    CF_TRY(prepare(ctx, job, "cca", out->scores));
  }
  if (job->clean) CF_TRY(forgive(ctx, cf_align_folds_new(ctx, n, job->folds, module, neurons, x, &out->fold)));
done:
  if (status != CF_OK) cf_align_face_free(out);
  return status;
}

/* ----------------------------------------------------------------- pairs -- */

/* The two systems of a measure. cca of unequal numbers of components takes the smaller number of both; *own is a
 * shortened system to be freed. */
static cf_status systems_of(cf_context *ctx, size_t measure, const cf_align_face *module,
                            const cf_align_face *recording, cf_system *s[2], cf_system **own) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_align_face *face[2] = {module, recording};
  *own = NULL;
  for (int i = 0; i < 2; i++) {
    s[i] = measure == CF_ALIGN_CCA ? face[i]->scores : face[i]->raw;
    if (!s[i]) goto done;
  }
  if (measure != CF_ALIGN_CCA) goto done;
  const size_t k = CF_MIN(cf_system_channels(s[0]), cf_system_channels(s[1]));
  for (int i = 0; i < 2; i++) {
    const size_t has = cf_system_channels(s[i]), n = face[i]->conditions;
    double *first;
    if (has == k) continue;
    CF_TRY(CF_SCRATCH(ctx, &first, n * k));
    for (size_t c = 0; c < n; c++) memcpy(first + c * k, face[i]->top + c * has, k * sizeof *first);
    const cf_view view = cf_view_matrix(first, n, k);
    CF_TRY(cf_system_new(ctx, &view, cf_system_name(s[i]), own));
    s[i] = *own;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static const cf_measure *measure_of(size_t measure) {
  return cf_measure_find(measure == CF_ALIGN_RSA ? "rsa" : measure == CF_ALIGN_CCA ? "cca" : "linear-predictivity");
}

static cf_status one(cf_context *ctx, const cf_align_job *job, size_t measure, const cf_align_face *module,
                     const cf_align_face *recording, double *value) {
  cf_status status = CF_OK;
  const cf_compare_options o = recipe(job);
  cf_system *s[2] = {NULL, NULL}, *own = NULL;
  cf_compare_value v = {0};
  CF_TRY(systems_of(ctx, measure, module, recording, s, &own));
  if (!s[0] || !s[1]) goto done;
  CF_TRY(cf_compare(ctx, measure_of(measure), s[0], s[1], &o, &v));
  *value = v.value;
done:
  cf_compare_value_free(&v);
  cf_system_free(own);
  return forgive(ctx, status);
}

cf_status cf_align_pair(cf_context *ctx, const cf_align_job *job, const cf_align_face *module,
                        const cf_align_face *recording, double *value) {
  cf_status status = CF_OK;
  for (size_t k = 0; k < CF_ALIGN_MEASURES; k++) value[k] = NAN;
  CF_TRY(one(ctx, job, CF_ALIGN_RSA, module, recording, &value[CF_ALIGN_RSA]));
  if (job->paper) {
    CF_TRY(one(ctx, job, CF_ALIGN_CCA, module, recording, &value[CF_ALIGN_CCA]));
    CF_TRY(one(ctx, job, CF_ALIGN_LP, module, recording, &value[CF_ALIGN_LP]));
  }
  if (module->fold && recording->fold) /* the two clean measures lie one after the other */
    CF_TRY(forgive(ctx, cf_align_clean(ctx, module->fold, recording->fold, &value[CF_ALIGN_CCA_CLEAN])));
done:
  return status;
}

cf_status cf_align_null(cf_context *ctx, const cf_align_job *job, size_t measure, const cf_align_face *module,
                        const cf_align_face *recording, size_t n, double *null) {
  cf_status status = CF_OK;
  const cf_compare_options o = recipe(job);
  cf_system *s[2] = {NULL, NULL}, *own = NULL;
  for (size_t r = 0; r < n; r++) null[r] = NAN;
  CF_TRY(systems_of(ctx, measure, module, recording, s, &own));
  if (s[0] && s[1]) status = cf_compare_permute(ctx, measure_of(measure), s[0], s[1], &o, n, null);
done:
  cf_system_free(own);
  return forgive(ctx, status);
}
