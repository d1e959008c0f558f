/* Noise given as a covariance, or the full residual covariance: Sigma = L L', and d_ij are plain distances of L^-1 x_i.
 * The data are loaded (n x p); with one covariance per fold, the pair of folds (f, g) uses (Sigma_f + Sigma_g) / 2.  */
#include <math.h>
#include <string.h>

#include <cortifold/linalg.h>

#include "base/internal.h"
#include "geometry/rdm_internal.h"

/* All rows, kept channels, columns centred; rows that are left out are zero. */
static cf_status load(cf_context *ctx, rdm_job *job, double **out) {
  cf_status status;
  const rdm_source *s = job->source;
  const rdm_design *d = job->design;
  size_t n = s->rows, p = s->cols, q = job->out->channels_used, size, at = 0;
  double *x = NULL;
  CF_TRY(cf_size_mul(ctx, n, p, &size));
  if (s->blocks && 24.0 * (double)size > (double)cf_context_memory(ctx)) {
    status =
        cf_fail(ctx, CF_ERR_MEMORY,
                "%s: full and given noise covariances load the data, which takes %.0f MB of the %.0f MB budget; use "
                "diagonal or shrinkage noise, or raise --memory",
                s->name, 24e-6 * (double)size, 1e-6 * (double)cf_context_memory(ctx));
    goto done;
  }
  CF_TRY(CF_SCRATCH(ctx, &x, size));
  if (s->blocks) {
    CF_TRY(s->blocks->read(ctx, s->blocks->payload, 0, n, 0, p, x));
  } else {
    cf_view_copy(s->view, x);
  }
  for (size_t i = 0; i < n; i++) {
    for (size_t c = 0; c < p; c++) {
      if (job->drop && job->drop[c]) continue;
      double v = d->cond[i] == RDM_DROPPED ? 0 : x[i * p + c];
      if (!isfinite(v)) {
        job->missing = true;
        goto done;
      }
      x[at++] = v;
    }
  }
  double *mean;
  CF_TRY(CF_SCRATCH(ctx, &mean, q));
  memset(mean, 0, q * sizeof *mean);
  double kept = 0;
  for (size_t i = 0; i < n; i++) {
    if (d->cond[i] == RDM_DROPPED) continue;
    kept++;
    for (size_t c = 0; c < q; c++) mean[c] += x[i * q + c];
  }
  for (size_t i = 0; i < n; i++) {
    if (d->cond[i] == RDM_DROPPED) continue;
    for (size_t c = 0; c < q; c++) x[i * q + c] -= mean[c] / kept;
  }
  *out = x;
done:
  return status;
}

/* Means of cells first .. first + count, count x p; empty ones zero. */
static void means(const rdm_design *d, const double *x, size_t p, size_t first, size_t count, double *out) {
  memset(out, 0, count * p * sizeof *out);
  for (size_t i = 0; i < count; i++) {
    size_t cell = first + i;
    for (size_t r = d->start[cell]; r < d->start[cell + 1]; r++) {
      for (size_t c = 0; c < p; c++) out[i * p + c] += x[d->row[r] * p + c] / d->count[cell];
    }
  }
}

/* R'R / dof over the rows of fold f (RDM_DROPPED: all folds, about the means of the conditions). */
static cf_status residual_covariance(cf_context *ctx, const rdm_design *d, const double *x, size_t p, size_t f,
                                     double dof, double *out) {
  cf_status status;
  cf_mark mark = cf_scratch_mark(ctx);
  double *r, *mean;
  size_t n = 0;
  bool all = f == RDM_DROPPED;
  CF_TRY(CF_SCRATCH(ctx, &r, d->n * p));
  CF_TRY(CF_SCRATCH(ctx, &mean, d->K * p));
  memset(mean, 0, d->K * p * sizeof *mean);
  for (size_t i = 0; i < d->n; i++) {
    size_t k = d->cond[i];
    if (k == RDM_DROPPED || (!all && d->fold[i] != f)) continue;
    double count = all ? d->total[k] : d->count[f * d->K + k];
    for (size_t c = 0; c < p; c++) mean[k * p + c] += x[i * p + c] / count;
  }
  for (size_t i = 0; i < d->n; i++) {
    size_t k = d->cond[i];
    if (k == RDM_DROPPED || (!all && d->fold[i] != f)) continue;
    for (size_t c = 0; c < p; c++) r[n * p + c] = x[i * p + c] - mean[k * p + c];
    n++;
  }
  CF_TRY(cf_syrk(ctx, true, p, n, 1.0 / dof, r, p, 0.0, out, p));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Given covariance (of fold f when there is one per fold) on the kept channels. */
static cf_status given_covariance(cf_context *ctx, const rdm_job *job, size_t f, double *out) {
  cf_view v = *job->options->covariance;
  size_t p = job->source->cols, at = 0;
  if (v.ndim == 3) v = cf_view_index(v, 0, f);
  double scale = 0;
  for (size_t i = 0; i < p; i++) {
    for (size_t j = 0; j < p; j++) {
      if (!isfinite(cf_at(&v, i, j))) {
        return cf_fail(ctx, CF_ERR_INPUT, "noise covariance: entry (%zu, %zu) is not finite", i, j);
      }
      scale = CF_MAX(scale, fabs(cf_at(&v, i, j)));
    }
  }
  for (size_t i = 0; i < p; i++) {
    if (job->drop && job->drop[i]) continue;
    for (size_t j = 0; j < p; j++) {
      if (job->drop && job->drop[j]) continue;
      if (fabs(cf_at(&v, i, j) - cf_at(&v, j, i)) > 1e-6 * scale) {
        return cf_fail(ctx, CF_ERR_INPUT, "noise covariance: not symmetric at (%zu, %zu)", i, j);
      }
      out[at++] = 0.5 * (cf_at(&v, i, j) + cf_at(&v, j, i));
    }
  }
  return CF_OK;
}

static cf_status factor(cf_context *ctx, const rdm_job *job, size_t p, double *sigma) {
  double low = INFINITY, high = 0;
  cf_status status = cf_cholesky(ctx, p, sigma);
  for (size_t i = 0; i < p && status == CF_OK; i++) {
    low = CF_MIN(low, sigma[i * p + i]);
    high = CF_MAX(high, sigma[i * p + i]);
  }
  if (status == CF_ERR_NUMERIC || (status == CF_OK && !(low > 1e-8 * high))) {
    cf_context_clear(ctx);
    return cf_fail(
        ctx, CF_ERR_NUMERIC,
        "the %s noise covariance (%zu x %zu) is singular or not positive definite; use shrinkage noise, or leave "
        "out channels that repeat others",
        job->options->noise == CF_RDM_NOISE_GIVEN ? "given" : "full residual", p, p);
  }
  return status;
}

/* rows of m (count x p) into columns of out (p x ld) from column first. */
static void transpose_into(const double *m, size_t count, size_t p, double *out, size_t ld, size_t first) {
  for (size_t i = 0; i < count; i++) {
    for (size_t c = 0; c < p; c++) out[c * ld + first + i] = m[i * p + c];
  }
}

static cf_status too_few(cf_context *ctx, double dof, size_t p) {
  return cf_fail(
      ctx, CF_ERR_NUMERIC,
      "full noise covariance: %.0f residual degrees of freedom cannot determine the covariance of %zu channels; use "
      "shrinkage (or diagonal) noise",
      dof, p);
}

static cf_status pooled(cf_context *ctx, rdm_job *job, double *x) {
  cf_status status;
  size_t n = job->source->rows, p = job->out->channels_used;
  double *sigma, *t;
  CF_TRY(CF_SCRATCH(ctx, &sigma, p * p));
  if (job->options->noise == CF_RDM_NOISE_GIVEN) {
    CF_TRY(given_covariance(ctx, job, 0, sigma));
  } else {
    if (job->out->noise_dof < (double)p) {
      status = too_few(ctx, job->out->noise_dof, p);
      goto done;
    }
    CF_TRY(residual_covariance(ctx, job->design, x, p, RDM_DROPPED, job->out->noise_dof, sigma));
  }
  CF_TRY(factor(ctx, job, p, sigma));
  CF_TRY(CF_SCRATCH(ctx, &t, p * n));
  transpose_into(x, n, p, t, n, 0);
  CF_TRY(cf_solve_lower(ctx, false, p, sigma, n, t));
  cf_view white = cf_view_transposed(cf_view_matrix(t, p, n));
  rdm_source source = {.view = &white, .rows = n, .cols = p, .name = job->source->name};
  cf_rdm_options options = *job->options;
  options.noise = CF_RDM_NOISE_NONE;
  rdm_job plain = *job;
  plain.source = &source;
  plain.options = &options;
  plain.drop = NULL;
  CF_TRY(rdm_dispatch(ctx, &plain));
done:
  return status;
}

/* Covariances of all folds, F x p x p. */
static cf_status fold_covariances(cf_context *ctx, rdm_job *job, const double *x, double *sigma) {
  cf_status status = CF_OK;
  const rdm_design *d = job->design;
  size_t p = job->out->channels_used;
  double *dof;
  if (job->options->noise == CF_RDM_NOISE_GIVEN) {
    for (size_t f = 0; f < d->F; f++) CF_TRY(given_covariance(ctx, job, f, sigma + f * p * p));
    goto done;
  }
  CF_TRY(CF_SCRATCH(ctx, &dof, d->F));
  CF_TRY(rdm_fold_dof(ctx, d, dof, NULL));
  for (size_t f = 0; f < d->F; f++) {
    for (size_t g = f + 1; g < d->F; g++) {
      if (dof[f] + dof[g] >= (double)p) continue;
      status = too_few(ctx, dof[f] + dof[g], p);
      goto done;
    }
    CF_TRY(residual_covariance(ctx, d, x, p, f, dof[f], sigma + f * p * p));
  }
done:
  return status;
}

static cf_status by_fold(cf_context *ctx, rdm_job *job, const double *x) {
  cf_status status;
  const rdm_design *d = job->design;
  size_t K = d->K, F = d->F, p = job->out->channels_used, size, term = 0;
  double *sigma, *l, *cells, *t;
  rdm_terms terms;
  CF_TRY(cf_size_mul(ctx, F, p * p, &size));
  CF_TRY(CF_SCRATCH(ctx, &sigma, size));
  CF_TRY(CF_SCRATCH(ctx, &l, p * p));
  CF_TRY(CF_SCRATCH(ctx, &cells, 2 * K * p));
  CF_TRY(CF_SCRATCH(ctx, &t, p * 2 * K));
  CF_TRY(fold_covariances(ctx, job, x, sigma));
  CF_TRY(rdm_terms_new(ctx, K, F * (F - 1) / 2, job->out->d, &terms));
  for (size_t f = 0; f < F; f++) {
    for (size_t g = f + 1; g < F; g++, term++) {
      double *valid = terms.valid + term * K;
      for (size_t i = 0; i < p * p; i++) l[i] = 0.5 * (sigma[f * p * p + i] + sigma[g * p * p + i]);
      CF_TRY(factor(ctx, job, p, l));
      means(d, x, p, f * K, K, cells);
      means(d, x, p, g * K, K, cells + K * p);
      for (size_t k = 0; k < K; k++) {
        valid[k] = d->count[f * K + k] > 0 && d->count[g * K + k] > 0;
        if (valid[k] > 0) continue;
        memset(cells + k * p, 0, p * sizeof *cells);
        memset(cells + (K + k) * p, 0, p * sizeof *cells);
      }
      transpose_into(cells, 2 * K, p, t, 2 * K, 0);
      CF_TRY(cf_solve_lower(ctx, false, p, l, 2 * K, t));
      for (size_t c = 0; c < p; c++) {
        for (size_t k = 0; k < K; k++) terms.diag[term * K + k] += t[c * 2 * K + k] * t[c * 2 * K + K + k];
      }
      CF_TRY(cf_gemm(ctx, true, false, K, K, p, 1.0, t, 2 * K, t + K, 2 * K, 1.0, terms.h, K));
    }
  }
  CF_TRY(rdm_terms_finish(ctx, &terms, job->labels));
done:
  return status;
}

cf_status rdm_whitened(cf_context *ctx, rdm_job *job) {
  cf_status status;
  cf_mark mark = cf_scratch_mark(ctx);
  double *x = NULL;
  const cf_view *given = job->options->noise == CF_RDM_NOISE_GIVEN ? job->options->covariance : NULL;
  CF_TRY(load(ctx, job, &x));
  if (job->missing) goto done;
  if (given ? given->ndim == 3 : job->metric->needs_folds && job->options->noise_per_fold) {
    CF_TRY(by_fold(ctx, job, x));
  } else {
    CF_TRY(pooled(ctx, job, x));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
