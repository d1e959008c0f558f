/* Representational similarity of two systems as one measure: RDM of each (any
 * metric of the table), compared by any comparator (Kriegeskorte, Mur and Bandettini 2008).
 *
 * Permutations. Spearman, rho-a, Pearson and cosine are scalar products of the
 * RDMs after a transformation that does not see the order of the conditions
 * (average ranks, centring, length), so they run as products of symmetric
 * matrices; the others compare each permuted RDM.
 * Bootstrap. Conditions with replacement; the pair of a condition with its own
 * copy has dissimilarity 0 by construction and is left out.                    */
#include <math.h>
#include <string.h>

#include <cortifold/linalg.h>
#include <cortifold/rdm.h>
#include <cortifold/rsa.h>
#include <cortifold/stats.h>
#include "base/internal.h"
#include "geometry/compare_internal.h"
#include "geometry/rsa_sample.h"

static cf_status comparator_of(cf_context *ctx, const cf_compare_options *o, cf_comparator *out) {
  const cf_comparator_info *info = cf_comparator_find(o->comparator);
  if (!info) return cf_fail(ctx, CF_ERR_USAGE, "comparator '%s' is none of %s", o->comparator, CF_COMPARATORS);
  *out = info->id;
  return CF_OK;
}

cf_status cf_measure_rsa_prepare(cf_context *ctx, cf_system *s, const cf_compare_options *o) {
  cf_status status = CF_OK;
  cf_rdm *rdm = NULL;
  cf_rdm_options options = CF_RDM_OPTIONS_INIT;
  if (s->rdm && strcmp(s->metric, o->metric) == 0) return CF_OK;
  const cf_rdm_metric *metric = cf_rdm_metric_find(o->metric);
  if (!metric) return cf_fail(ctx, CF_ERR_USAGE, "metric '%s' is none of %s", o->metric, CF_RDM_METRICS);
  if (metric->needs_folds)
    return cf_fail(ctx, CF_ERR_USAGE,
                   "metric '%s' needs folds, which two plain systems do not have; make the RDMs first and "
                   "compare those",
                   o->metric);
  cf_free(s->rdm);
  cf_free(s->metric);
  s->rdm = NULL;
  s->metric = NULL;
  options.metric = o->metric;
  const cf_view view = cf_view_matrix(s->raw, s->n, s->p);
  status = cf_rdm_compute(ctx, &view, &options, &rdm);
  if (status != CF_OK) CF_TRY(cf_explain(ctx, status, "%s: RDM", s->name));
  CF_TRY(cf_strdup(ctx, o->metric, &s->metric));
  s->rdm = rdm->d;
  rdm->d = NULL;
done:
  cf_rdm_free(rdm);
  return status;
}

/* Upper triangle of the rows and columns idx (NULL: all); pairs of equal source are NaN. */
static void pack(const cf_system *s, const size_t *idx, const size_t *source, double *out) {
  const size_t n = s->n;
  for (size_t i = 0; i < n; i++)
    for (size_t j = i + 1; j < n; j++) {
      const size_t a = idx ? idx[i] : i, b = idx ? idx[j] : j;
      const bool copy = source && source[i] == source[j];
      *out++ = copy ? NAN : s->rdm[a * n + b];
    }
}

static cf_status both_rdms(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o, cf_comparator *c) {
  cf_status status = CF_OK;
  CF_TRY(comparator_of(ctx, o, c));
  if (x->n < 3) return cf_fail(ctx, CF_ERR_INPUT, "%zu conditions; rsa needs at least 3", x->n);
  CF_TRY(cf_measure_rsa_prepare(ctx, x, o));
  CF_TRY(cf_measure_rsa_prepare(ctx, y, o));
done:
  return status;
}

cf_status cf_measure_rsa_value(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o,
                               cf_compare_value *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t pairs = cf_rdm_pairs(x->n);
  double *a = NULL, *b = NULL;
  cf_comparator c;
  CF_TRY(both_rdms(ctx, x, y, o, &c));
  CF_TRY(CF_SCRATCH(ctx, &a, pairs));
  CF_TRY(CF_SCRATCH(ctx, &b, pairs));
  pack(x, NULL, x->source, a);
  pack(y, NULL, y->source, b);
  CF_TRY(cf_rdm_compare(ctx, c, x->n, 1, a, 1, b, &out->value));
  /* rho-a and tau-a stay below 1 when dissimilarities tie: that is their definition and is left alone. */
  if (cf_system_same(x, y) && isfinite(out->value) && c != CF_COMPARE_RHO_A && c != CF_COMPARE_KENDALL_TAU_A)
    out->value = 1;
  out->value = out->value > 1 ? 1 : out->value < -1 ? -1 : out->value;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* The symmetric matrix whose product with its like is the comparator's value; *usable false when it is not one. */
static cf_status product_form(cf_context *ctx, const cf_system *s, cf_comparator c, double **out) {
  cf_status status = CF_OK;
  const size_t n = s->n, pairs = cf_rdm_pairs(n);
  double *v = NULL;
  CF_TRY(CF_SCRATCH(ctx, out, n * n));
  CF_TRY(CF_SCRATCH(ctx, &v, pairs));
  pack(s, NULL, NULL, v);
  if (c == CF_COMPARE_SPEARMAN || c == CF_COMPARE_RHO_A) {
    double *ranks = NULL;
    CF_TRY(CF_SCRATCH(ctx, &ranks, pairs));
    CF_TRY(cf_rsa_snap_ties(ctx, pairs, v));
    CF_TRY(cf_ranks(ctx, pairs, v, ranks));
    v = ranks;
  }
  if (c != CF_COMPARE_COSINE) {
    const double mean = cf_mean(pairs, v);
    for (size_t i = 0; i < pairs; i++) v[i] -= mean;
  }
  const double m = (double)pairs;
  /* The sum over the full matrix counts each pair twice. */
  const double length = c == CF_COMPARE_RHO_A ? sqrt((m * m * m - m) / 12) : cf_norm2(pairs, v);
  for (size_t i = 0; i < pairs; i++) v[i] /= length * sqrt(2.0);
  cf_rdm_unpack(n, v, *out);
done:
  return status;
}

typedef struct permuting {
  const cf_system *y;
  const double *a; /* packed RDM of x */
  cf_comparator comparator;
  double *out;
} permuting;

static cf_status permute_one(cf_context *ctx, size_t r, void *payload) {
  const permuting *job = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = job->y->n;
  size_t *pi = NULL;
  double *b = NULL;
  CF_TRY(cf_check_cancel(ctx));
  CF_TRY(CF_SCRATCH(ctx, &pi, n));
  CF_TRY(CF_SCRATCH(ctx, &b, cf_rdm_pairs(n)));
  cf_compare_permutation(ctx, (uint32_t)r, n, pi);
  pack(job->y, pi, NULL, b);
  CF_TRY(cf_rdm_compare(ctx, job->comparator, n, 1, job->a, 1, b, job->out + r));
  cf_progress_step(ctx, 1);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_measure_rsa_permute(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o, size_t n,
                                 double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_comparator c;
  CF_TRY(both_rdms(ctx, x, y, o, &c));
  if (c == CF_COMPARE_SPEARMAN || c == CF_COMPARE_RHO_A || c == CF_COMPARE_PEARSON || c == CF_COMPARE_COSINE) {
    double *a = NULL, *b = NULL;
    CF_TRY(product_form(ctx, x, c, &a));
    CF_TRY(product_form(ctx, y, c, &b));
    CF_TRY(cf_gram_permute(ctx, x->n, a, b, false, cf_dot(x->n * x->n, a, b), n, out));
  } else {
    permuting job = {y, NULL, c, out};
    double *a = NULL;
    CF_TRY(CF_SCRATCH(ctx, &a, cf_rdm_pairs(x->n)));
    pack(x, NULL, NULL, a);
    job.a = a;
    cf_progress_begin(ctx, "permutations", n);
    status = cf_parallel_for(ctx, n, permute_one, &job);
    cf_progress_end(ctx);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

typedef struct resampling {
  const cf_system *x, *y;
  cf_comparator comparator;
  double *out;
} resampling;

static cf_status resample_one(cf_context *ctx, size_t r, void *payload) {
  const resampling *job = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = job->x->n;
  size_t *idx = NULL;
  double *a = NULL, *b = NULL;
  CF_TRY(cf_check_cancel(ctx));
  CF_TRY(CF_SCRATCH(ctx, &idx, n));
  CF_TRY(CF_SCRATCH(ctx, &a, cf_rdm_pairs(n)));
  CF_TRY(CF_SCRATCH(ctx, &b, cf_rdm_pairs(n)));
  cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("compare/bootstrap"), (uint32_t)r);
  cf_rng_resample(&rng, n, n, idx);
  pack(job->x, idx, idx, a);
  pack(job->y, idx, idx, b);
  status = cf_rdm_compare(ctx, job->comparator, n, 1, a, 1, b, job->out + r);
  if (status == CF_ERR_INPUT) { /* too few distinct conditions in this sample */
    cf_context_clear(ctx);
    job->out[r] = NAN;
    status = CF_OK;
  }
  cf_progress_step(ctx, 1);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_measure_rsa_resample(cf_context *ctx, cf_system *x, cf_system *y, const cf_compare_options *o, size_t n,
                                  double *out) {
  cf_status status = CF_OK;
  resampling job = {x, y, CF_COMPARE_SPEARMAN, out};
  CF_TRY(both_rdms(ctx, x, y, o, &job.comparator));
  CF_TRY(cf_parallel_for(ctx, n, resample_one, &job));
done:
  return status;
}
