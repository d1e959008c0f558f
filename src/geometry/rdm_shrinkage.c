/* Ledoit-Wolf shrinkage noise without a channels x channels matrix.
 *
 * R (n x p): residuals, rows minus the mean of their condition. With S = R'R/n the estimate (Ledoit & Wolf 2004, J
 * Multivar Anal 88:365; equations of section 3.3) is m = tr S / p,  d2 = ||S||_F^2 - p m^2,  b2 = min(d2, (sum_k
 * |r_k|^4 / n^2) - ||S||_F^2 / n),  rho = b2/d2 Sigma = (rho m I + (1 - rho) S) n/dof = a I + c R'R,   a = rho m n/dof,
 * c = (1 - rho)/dof and by Woodbury's identity, for patterns u, v: u' Sigma^-1 v = (u'v - (R u)' ((a/c) I + R R')^-1 (R
 * v)) / a. Patterns and residuals are linear in the rows, so u'v, R u and R R' all come from the Gram matrix of the
 * rows G = X X' (columns centred first): n^2 p flops, then O(n^3). tr S and the Frobenius norm are those of R R'/n.
 *
 * With one estimate per fold, the pair of folds (f, g) uses (Sigma_f + Sigma_g)/2 = (a_f + a_g)/2 I + sum_k w_k r_k
 * r_k', w_k = c_f/2 or c_g/2: the same identity on the scaled residuals of the two folds.  */
#include <math.h>
#include <string.h>

#include <cortifold/linalg.h>

#include "base/internal.h"
#include "geometry/rdm_internal.h"

#define CHUNK 16

/* Sets of kept rows by number: rows of set s are member[start[s]] .. */
typedef struct sets {
  size_t count, *start, *member;
} sets;

typedef struct rows {
  size_t n;          /* kept rows */
  double *gram;      /* n x n; becomes R R' */
  sets cells, noise; /* cells (f K + k); groups about whose mean residuals are taken */
  double *bt;        /* n x cells: R u for each cell mean u */
  double *uu;        /* cells x cells: u'v */
} rows;

typedef struct fit {
  double a, c, rho;
} fit;

/* Group numbers per kept row to row lists. */
static cf_status make_sets(cf_context *ctx, size_t n, const size_t *code, size_t count, sets *out) {
  cf_status status;
  out->count = count;
  CF_TRY(CF_SCRATCH(ctx, &out->start, count + 1));
  CF_TRY(CF_SCRATCH(ctx, &out->member, n));
  memset(out->start, 0, (count + 1) * sizeof *out->start);
  for (size_t i = 0; i < n; i++) out->start[code[i] + 1]++;
  for (size_t s = 0; s < count; s++) out->start[s + 1] += out->start[s];
  for (size_t i = 0; i < n; i++) out->member[out->start[code[i]]++] = i;
  memmove(out->start + 1, out->start, count * sizeof *out->start);
  out->start[0] = 0;
done:
  return status;
}

static cf_status make_rows(cf_context *ctx, const rdm_design *d, size_t n, bool per_fold, rows *out) {
  cf_status status;
  size_t *cell, *noise, at = 0;
  out->n = n;
  CF_TRY(CF_SCRATCH(ctx, &cell, n));
  CF_TRY(CF_SCRATCH(ctx, &noise, n));
  for (size_t i = 0; i < d->n; i++) {
    if (d->cond[i] == RDM_DROPPED) continue;
    cell[at] = d->fold[i] * d->K + d->cond[i];
    noise[at] = per_fold ? cell[at] : d->cond[i];
    at++;
  }
  CF_TRY(make_sets(ctx, n, cell, d->F * d->K, &out->cells));
  CF_TRY(make_sets(ctx, n, noise, per_fold ? d->F * d->K : d->K, &out->noise));
done:
  return status;
}

/* x[j] -= mean of x over the set of j. */
static void subtract_set_means(const sets *s, double *x) {
  for (size_t g = 0; g < s->count; g++) {
    double sum = 0;
    size_t n = s->start[g + 1] - s->start[g];
    for (size_t i = s->start[g]; i < s->start[g + 1]; i++) sum += x[s->member[i]];
    for (size_t i = s->start[g]; i < s->start[g + 1]; i++) x[s->member[i]] -= sum / (double)n;
  }
}

/* A chunk of cells: u'v for all cells v, and R u. */
static cf_status cell_products(cf_context *ctx, size_t chunk, void *payload) {
  cf_status status;
  rows *r = payload;
  size_t n = r->n, C = r->cells.count, first = chunk * CHUNK, last = CF_MIN(first + CHUNK, C);
  cf_mark mark = cf_scratch_mark(ctx);
  double *mean;
  CF_TRY(CF_SCRATCH(ctx, &mean, n));
  for (size_t u = first; u < last; u++) {
    const size_t *member = r->cells.member + r->cells.start[u];
    size_t m = r->cells.start[u + 1] - r->cells.start[u];
    memset(mean, 0, n * sizeof *mean);
    for (size_t i = 0; i < m; i++) {
      const double *restrict g = r->gram + member[i] * n;
      for (size_t j = 0; j < n; j++) mean[j] += g[j];
    }
    for (size_t j = 0; m > 1 && j < n; j++) mean[j] /= (double)m;
    for (size_t v = 0; v < C; v++) {
      double sum = 0;
      size_t count = r->cells.start[v + 1] - r->cells.start[v];
      for (size_t i = r->cells.start[v]; i < r->cells.start[v + 1]; i++) sum += mean[r->cells.member[i]];
      r->uu[u * C + v] = count ? sum / (double)count : 0;
    }
    subtract_set_means(&r->noise, mean);
    for (size_t j = 0; j < n; j++) r->bt[j * C + u] = mean[j];
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* G becomes R R' = (I - M) G (I - M), M the averaging over the noise sets. */
static cf_status residual_gram(cf_context *ctx, rows *r) {
  cf_status status;
  size_t n = r->n;
  double *mean;
  CF_TRY(CF_SCRATCH(ctx, &mean, n));
  for (size_t i = 0; i < n; i++) subtract_set_means(&r->noise, r->gram + i * n);
  for (size_t s = 0; s < r->noise.count; s++) {
    size_t first = r->noise.start[s], last = r->noise.start[s + 1];
    memset(mean, 0, n * sizeof *mean);
    for (size_t i = first; i < last; i++) {
      const double *restrict g = r->gram + r->noise.member[i] * n;
      for (size_t j = 0; j < n; j++) mean[j] += g[j] / (double)(last - first);
    }
    for (size_t i = first; i < last; i++) {
      double *restrict g = r->gram + r->noise.member[i] * n;
      for (size_t j = 0; j < n; j++) g[j] -= mean[j];
    }
  }
done:
  return status;
}

/* The estimate from R R' of the rows listed (all when row is NULL). */
static cf_status ledoit_wolf(cf_context *ctx, const rows *r, const size_t *row, size_t n, double dof, double p,
                             fit *out) {
  double trace = 0, fourth = 0, square = 0, count = (double)n;
  for (size_t i = 0; i < n; i++) {
    const double *g = r->gram + (row ? row[i] : i) * r->n;
    double own = g[row ? row[i] : i], sum = 0;
    trace += own;
    fourth += own * own;
    for (size_t j = 0; j < n; j++) {
      double x = g[row ? row[j] : j];
      sum += x * x;
    }
    square += sum;
  }
  double m = trace / count / p, norm = square / (count * count), d2 = norm - p * m * m;
  double b2 = fourth / (count * count) - norm / count;
  if (!(m > 0)) {
    return cf_fail(ctx, CF_ERR_NUMERIC,
                   "the residuals are all zero, so there is no noise to normalise by; use noise none");
  }
  if (b2 < 0) b2 = 0;
  out->rho = d2 > 1e-14 * norm ? CF_MIN(b2 / d2, 1.0) : 1.0;
  out->a = out->rho * m * count / dof;
  out->c = (1 - out->rho) / dof;
  if (!(out->a > 1e-14 * m)) {
    return cf_fail(
        ctx, CF_ERR_NUMERIC,
        "the shrinkage intensity is %g: the noise covariance is singular; give a covariance or use diagonal noise",
        out->rho);
  }
  return CF_OK;
}

/* uu becomes u' Sigma^-1 v; gram and bt are used up. */
static cf_status whiten_cells(cf_context *ctx, rows *r, const fit *f) {
  cf_status status = CF_OK;
  size_t n = r->n, C = r->cells.count;
  if (f->c > 0) {
    for (size_t i = 0; i < n; i++) r->gram[i * n + i] += f->a / f->c;
    CF_TRY(cf_cholesky(ctx, n, r->gram));
    CF_TRY(cf_solve_lower(ctx, false, n, r->gram, C, r->bt));
    CF_TRY(cf_syrk(ctx, true, C, n, -1.0 / f->a, r->bt, C, 1.0 / f->a, r->uu, C));
  } else {
    for (size_t i = 0; i < C * C; i++) r->uu[i] /= f->a;
  }
done:
  return status;
}

/* ---------------------------------------------------------------- pooled -- */

static void plain_distances(const double *p, size_t K, double *d) {
  for (size_t i = 0; i < K; i++) {
    d[i * K + i] = 0;
    for (size_t j = i + 1; j < K; j++) {
      double x = p[i * K + i] + p[j * K + j] - p[i * K + j] - p[j * K + i];
      d[i * K + j] = d[j * K + i] = x > 0 ? x : 0;
    }
  }
}

/* Leave-one-fold-out sums from products of all cells. */
static cf_status cross_distances(cf_context *ctx, rdm_job *job, const double *p) {
  cf_status status;
  const rdm_design *d = job->design;
  size_t K = d->K, F = d->F, C = F * K;
  rdm_terms t;
  CF_TRY(rdm_terms_new(ctx, K, F, job->out->d, &t));
  for (size_t f = 0; f < F; f++) {
    for (size_t k = 0; k < K; k++) t.valid[f * K + k] = d->count[f * K + k] > 0 && d->total[k] > d->count[f * K + k];
  }
  for (size_t f = 0; f < F; f++) {
    for (size_t i = 0; i < K; i++) {
      if (t.valid[f * K + i] == 0) continue;
      double others = d->total[i] - d->count[f * K + i];
      for (size_t g = 0; g < F; g++) {
        double w = g == f ? 0 : d->count[g * K + i] / others;
        if (w == 0) continue;
        const double *row = p + (g * K + i) * C + f * K;
        for (size_t j = 0; j < K; j++) t.h[i * K + j] += w * row[j] * t.valid[f * K + j];
        t.diag[f * K + i] += w * row[i];
      }
    }
  }
  CF_TRY(rdm_terms_finish(ctx, &t, job->labels));
done:
  return status;
}

/* -------------------------------------------------------------- per fold -- */

/* Kept rows of the folds f and g (g may equal f). */
static size_t fold_rows(const rdm_design *d, size_t f, size_t g, size_t *row, size_t *first) {
  size_t at = 0, n = 0;
  for (int round = 0; round < (f == g ? 1 : 2); round++) {
    at = 0;
    for (size_t i = 0; i < d->n; i++) {
      if (d->cond[i] == RDM_DROPPED) continue;
      if (d->fold[i] == (round ? g : f)) row[n++] = at;
      at++;
    }
    if (round == 0) *first = n;
  }
  return n;
}

/* x' Sigma_fg^-1 y for the cells x of fold f and y of fold g, K x K into out. */
static cf_status pair_products(cf_context *ctx, const rdm_design *d, const rows *r, const fit *fits, size_t f, size_t g,
                               double *out) {
  cf_status status;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t K = d->K, C = d->F * K, first, *row;
  double *w, *q;
  CF_TRY(CF_SCRATCH(ctx, &row, r->n));
  size_t m = fold_rows(d, f, g, row, &first);
  double a = 0.5 * (fits[f].a + fits[g].a);
  CF_TRY(CF_SCRATCH(ctx, &w, m * m));
  CF_TRY(CF_SCRATCH(ctx, &q, m * 2 * K));
  for (size_t i = 0; i < m; i++) {
    double si = sqrt(0.5 * fits[i < first ? f : g].c);
    for (size_t j = 0; j < m; j++) {
      double sj = sqrt(0.5 * fits[j < first ? f : g].c);
      w[i * m + j] = si * sj * r->gram[row[i] * r->n + row[j]] + (i == j ? a : 0);
    }
    for (size_t k = 0; k < K; k++) {
      q[i * 2 * K + k] = si * r->bt[row[i] * C + f * K + k];
      q[i * 2 * K + K + k] = si * r->bt[row[i] * C + g * K + k];
    }
  }
  for (size_t i = 0; i < K; i++) memcpy(out + i * K, r->uu + (f * K + i) * C + g * K, K * sizeof *out);
  CF_TRY(cf_cholesky(ctx, m, w));
  CF_TRY(cf_solve_lower(ctx, false, m, w, 2 * K, q));
  CF_TRY(cf_gemm(ctx, true, false, K, K, m, -1.0 / a, q, 2 * K, q + K, 2 * K, 1.0 / a, out, K));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status per_fold(cf_context *ctx, rdm_job *job, rows *r) {
  cf_status status;
  const rdm_design *d = job->design;
  size_t K = d->K, F = d->F, *row, first;
  double *dof, *p;
  fit *fits;
  rdm_terms t;
  CF_TRY(CF_SCRATCH(ctx, &dof, F));
  CF_TRY(CF_SCRATCH(ctx, &fits, F));
  CF_TRY(CF_SCRATCH(ctx, &row, r->n));
  CF_TRY(CF_SCRATCH(ctx, &p, K * K));
  CF_TRY(rdm_fold_dof(ctx, d, dof, NULL));
  job->out->shrinkage = 0;
  for (size_t f = 0; f < F; f++) {
    size_t n = fold_rows(d, f, f, row, &first);
    CF_TRY(ledoit_wolf(ctx, r, row, n, dof[f], (double)job->out->channels_used, &fits[f]));
    job->out->shrinkage += fits[f].rho / (double)F;
  }
  CF_TRY(rdm_terms_new(ctx, K, F * (F - 1) / 2, job->out->d, &t));
  size_t term = 0;
  for (size_t f = 0; f < F; f++) {
    for (size_t g = f + 1; g < F; g++, term++) {
      double *valid = t.valid + term * K;
      CF_TRY(pair_products(ctx, d, r, fits, f, g, p));
      for (size_t k = 0; k < K; k++) {
        valid[k] = d->count[f * K + k] > 0 && d->count[g * K + k] > 0;
        t.diag[term * K + k] = p[k * K + k];
      }
      for (size_t i = 0; i < K; i++) {
        for (size_t j = 0; j < K; j++) t.h[i * K + j] += valid[i] * valid[j] * p[i * K + j];
      }
    }
  }
  CF_TRY(rdm_terms_finish(ctx, &t, job->labels));
done:
  return status;
}

cf_status rdm_shrinkage(cf_context *ctx, rdm_job *job) {
  cf_status status;
  cf_mark mark = cf_scratch_mark(ctx);
  const rdm_design *d = job->design;
  rdm_design each;
  rows r = {0};
  fit f;
  bool more = true, cross = job->metric->needs_folds, by_fold = cross && job->options->noise_per_fold;
  size_t size, C = d->F * d->K;
  CF_TRY(rdm_design_rows(ctx, d, &each));
  double n = (double)each.K, c = (double)C;
  rdm_plan plan = {.source = job->source, .design = &each, .slots = 1, .center = true, .drop = job->drop};
  CF_TRY(cf_size_mul(ctx, each.K, each.K, &size));
  CF_TRY(CF_SCRATCH(ctx, &r.gram, size));
  memset(r.gram, 0, size * sizeof *r.gram);
  cf_mark before = cf_scratch_mark(ctx);
  CF_TRY(rdm_plan_open(ctx, &plan, 8.0 * (n * n + n * c + c * c)));
  for (;;) {
    CF_TRY(rdm_plan_next(ctx, &plan, &more));
    if (!more) break;
    CF_TRY(cf_syrk(ctx, false, each.K, plan.cols, 1.0, plan.a, plan.cols, 1.0, r.gram, each.K));
  }
  job->missing = plan.missing;
  if (job->missing) goto done;
  cf_scratch_release(ctx, before);
  CF_TRY(make_rows(ctx, d, each.K, by_fold, &r));
  CF_TRY(cf_size_mul(ctx, each.K, C, &size));
  CF_TRY(CF_SCRATCH(ctx, &r.bt, size));
  CF_TRY(cf_size_mul(ctx, C, C, &size));
  CF_TRY(CF_SCRATCH(ctx, &r.uu, size));
  CF_TRY(cf_parallel_for(ctx, (C + CHUNK - 1) / CHUNK, cell_products, &r));
  CF_TRY(residual_gram(ctx, &r));
  if (by_fold) {
    CF_TRY(per_fold(ctx, job, &r));
    goto done;
  }
  CF_TRY(ledoit_wolf(ctx, &r, NULL, each.K, job->out->noise_dof, (double)job->out->channels_used, &f));
  job->out->shrinkage = f.rho;
  CF_TRY(whiten_cells(ctx, &r, &f));
  if (cross) {
    CF_TRY(cross_distances(ctx, job, r.uu));
  } else {
    plain_distances(r.uu, d->K, job->out->d);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
