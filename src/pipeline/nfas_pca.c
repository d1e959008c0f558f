/* The baseline `pca` of `cortifold nfas`: principal components of all layers side by side, F = [H_1 ... H_L].
 *
 * Training samples t, their means taken off: F_t F_t' = U diag(e) U', and the scores of all samples are F F_t' U
 * e^(-1/2). The leading U are found by subspace iteration with Rayleigh-Ritz steps,
 *
 *   Q <- orth(F_t F_t' Q),   Q' F_t F_t' Q = V diag(e) V',   U = Q V,
 *
 * until a step adds less than one part in 10,000 to the variance that they hold. Layers of one small width are taken as
 * they are, two products a step; else the kernel of all samples is summed up layer by layer, so that no two are held.
 */
#include "pipeline/nfas.h"

#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

enum { MOST_COMPONENTS = 100, SPARE = 10, MOST_STEPS = 40 };
#define ENOUGH 1e-4

/* What takes vectors over training samples (m) to K times them. */
typedef struct products {
  size_t n, m, wide;
  const size_t *train;
  double *all, *fit;     /* layers side by side: n x wide, and the training rows of them; NULL: */
  double *rows, *square; /* the kernel: n x m, and its training rows */
} products;

/* out (samples x k) = K x for all samples, or those that train. */
static cf_status multiply(cf_context *ctx, const products *p, bool all, size_t k, const double *x, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *across;
  if (p->fit) {
    CF_TRY(CF_SCRATCH(ctx, &across, p->wide * k));
    CF_TRY(cf_gemm(ctx, true, false, p->wide, k, p->m, 1, p->fit, p->wide, x, k, 0, across, k));
    CF_TRY(cf_gemm(ctx, false, false, all ? p->n : p->m, k, p->wide, 1, all ? p->all : p->fit, p->wide, across, k, 0,
                   out, k));
  } else {
    CF_TRY(cf_gemm(ctx, false, false, all ? p->n : p->m, k, p->m, 1, all ? p->rows : p->square, p->m, x, k, 0, out, k));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Layers whose rows train, their means taken off. */
static cf_status lay_side_by_side(cf_context *ctx, const nfas_layers *s, size_t fold, products *p) {
  cf_status status = CF_OK;
  nfas_features f = {0};
  double *mean;
  size_t from = 0;
  CF_TRY(CF_SCRATCH(ctx, &p->all, p->n * p->wide));
  CF_TRY(CF_SCRATCH(ctx, &p->fit, p->m * p->wide));
  for (size_t l = 0; l < s->layers; l++, from += f.width) {
    nfas_features_free(&f);
    CF_TRY(nfas_features_layer(ctx, s, l, fold, &f));
    const double *x = f.data + (f.sets > 1 ? fold : 0) * p->n * f.width;
    for (size_t t = 0; t < p->n; t++) memcpy(p->all + t * p->wide + from, x + t * f.width, f.width * sizeof *x);
  }
  for (size_t i = 0; i < p->m; i++)
    memcpy(p->fit + i * p->wide, p->all + p->train[i] * p->wide, p->wide * sizeof *p->fit);
  CF_TRY(CF_SCRATCH(ctx, &mean, p->wide));
  cf_center_columns(p->m, p->wide, p->fit, p->wide, mean);
  for (size_t t = 0; t < p->n; t++)
    for (size_t j = 0; j < p->wide; j++) p->all[t * p->wide + j] -= mean[j];
done:
  nfas_features_free(&f);
  return status;
}

/* The kernel less the means of the training samples. */
static cf_status centre_kernel(cf_context *ctx, const double *kernel, products *p) {
  cf_status status = CF_OK;
  const size_t n = p->n, m = p->m;
  double *mean, *column, all = 0;
  CF_TRY(CF_SCRATCH(ctx, &p->rows, n * m));
  CF_TRY(CF_SCRATCH(ctx, &p->square, m * m));
  CF_TRY(CF_SCRATCH(ctx, &mean, n));
  CF_TRY(CF_SCRATCH(ctx, &column, m));
  memset(mean, 0, n * sizeof *mean);
  for (size_t t = 0; t < n; t++)
    for (size_t i = 0; i < m; i++) mean[t] += (p->rows[t * m + i] = kernel[t * n + p->train[i]]) / (double)m;
  for (size_t i = 0; i < m; i++) all += (column[i] = mean[p->train[i]]) / (double)m;
  for (size_t t = 0; t < n; t++)
    for (size_t i = 0; i < m; i++) p->rows[t * m + i] += all - mean[t] - column[i];
  for (size_t i = 0; i < m; i++) memcpy(p->square + i * m, p->rows + p->train[i] * m, m * sizeof *p->rows);
done:
  return status;
}

/* Where the iteration begins: the same random numbers for all folds and models, taken through K once. */
static cf_status begin(cf_context *ctx, const products *p, size_t b, double *y) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *x;
  CF_TRY(CF_SCRATCH(ctx, &x, p->m * b));
  for (size_t i = 0; i < p->m; i++) {
    cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("nfas/pca"), (uint32_t)i);
    for (size_t j = 0; j < b; j++) x[i * b + j] = cf_rng_normal(&rng);
  }
  CF_TRY(multiply(ctx, p, false, b, x, y));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* The k leading eigenvalues, descending, and vectors (m x k) of F_t F_t'. */
static cf_status iterate(cf_context *ctx, const products *p, size_t k, double *value, double *u) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t m = p->m, b = CF_MIN(k + SPARE, m);
  double *q, *y, *small, *all, *v, held = 0;
  CF_TRY(CF_SCRATCH(ctx, &q, m * b));
  CF_TRY(CF_SCRATCH(ctx, &y, m * b));
  CF_TRY(CF_SCRATCH(ctx, &small, b * b));
  CF_TRY(CF_SCRATCH(ctx, &all, b));
  CF_TRY(CF_SCRATCH(ctx, &v, b * b));
  CF_TRY(begin(ctx, p, b, y));
  for (size_t step = 0; step < MOST_STEPS; step++) {
    double sum = 0;
    CF_TRY(cf_check_cancel(ctx));
    memcpy(q, y, m * b * sizeof *q);
    CF_TRY(cf_qr(ctx, m, b, q, NULL));
    CF_TRY(multiply(ctx, p, false, b, q, y));
    CF_TRY(cf_gemm(ctx, true, false, b, b, m, 1, q, b, y, b, 0, small, b));
    for (size_t i = 0; i < b; i++)
      for (size_t j = 0; j < i; j++) small[i * b + j] = small[j * b + i] = 0.5 * (small[i * b + j] + small[j * b + i]);
    CF_TRY(cf_eigh(ctx, b, small, all, v));
    for (size_t i = 0; i < k; i++) sum += value[i] = fmax(all[b - 1 - i], 0);
    const bool enough = sum - held <= ENOUGH * sum;
    held = sum;
    if (enough) break;
  }
  for (size_t i = 0; i < k; i++) memcpy(small + i * b, v + (b - 1 - i) * b, b * sizeof *v);
  CF_TRY(cf_gemm(ctx, false, true, m, k, b, 1, q, b, small, b, 0, u, k));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Scores of all samples, divided by one factor that brings their mean variance to 1. */
static cf_status scores(cf_context *ctx, const products *p, size_t k, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *value, *u, sum = 0;
  CF_TRY(CF_SCRATCH(ctx, &value, k));
  CF_TRY(CF_SCRATCH(ctx, &u, p->m * k));
  CF_TRY(iterate(ctx, p, k, value, u));
  for (size_t i = 0; i < k; i++) sum += value[i] / (double)k / (double)p->m;
  for (size_t c = 0; c < p->m; c++)
    for (size_t i = 0; i < k; i++)
      u[c * k + i] *= value[i] > 1e-12 * value[0] && sum > 0 ? 1 / sqrt(value[i] * sum) : 0;
  CF_TRY(multiply(ctx, p, true, k, u, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* -------------------------------------------------------------------- folds -- */

typedef struct joint {
  const nfas_layers *s;
  const double *kernel; /* NULL: layers are taken as they are */
  size_t wide;
  nfas_features *out;
} joint;

static cf_status joint_fold(cf_context *worker, size_t fold, void *payload) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  const joint *job = payload;
  const nfas_job *j = job->s->j;
  const size_t k = job->out->width;
  products p = {.n = j->times, .wide = job->wide};
  size_t *train;
  CF_TRY(CF_SCRATCH(worker, &train, p.n));
  for (size_t t = 0; t < p.n; t++)
    if (j->folds->fold[t] != fold) train[p.m++] = t;
  p.train = train;
  CF_TRY(job->kernel ? centre_kernel(worker, job->kernel, &p) : lay_side_by_side(worker, job->s, fold, &p));
  CF_TRY(scores(worker, &p, k, job->out->data + fold * p.n * k));
done:
  cf_scratch_release(worker, mark);
  return status;
}

/* Kernel of all layers side by side, K = sum_l H_l H_l' (times x times), a layer at a time. */
static cf_status joint_kernel(cf_context *ctx, const nfas_job *j, const nfas_layers *s, double *k) {
  cf_status status = CF_OK;
  nfas_features f = {0};
  memset(k, 0, j->times * j->times * sizeof *k);
  for (size_t l = 0; l < s->layers; l++) {
    CF_TRY(nfas_features_layer(ctx, s, l, 0, &f));
    cf_center_columns(f.times, f.width, f.data, f.width, NULL); /* against loss of digits; each fold centres anew */
    CF_TRY(cf_syrk(ctx, false, f.times, f.width, 1, f.data, f.width, 1, k, f.times));
    nfas_features_free(&f);
  }
done:
  nfas_features_free(&f);
  return status;
}

/* As many as asked for, 100 at the most, fewer than training samples. */
static size_t components_of(const nfas_job *j, size_t wide) {
  size_t least = j->times;
  for (size_t k = 0; k < j->folds->folds; k++) {
    size_t train = 0;
    for (size_t t = 0; t < j->times; t++) train += j->folds->fold[t] != k;
    least = CF_MIN(least, train);
  }
  const size_t most = CF_MIN(CF_MIN((size_t)MOST_COMPONENTS, wide), least - 1);
  return j->components ? CF_MIN(most, j->components) : most;
}

cf_status nfas_all_layers(cf_context *ctx, nfas_job *j, const nfas_layers *s) {
  cf_status status = CF_OK;
  nfas_features f = {j->folds->folds, j->times, 0, NULL};
  cf_voxel_result *e = NULL;
  double *kernel = NULL;
  joint job = {.s = s, .out = &f};
  for (size_t l = 0; l < s->layers; l++) job.wide += nfas_layers_of(s, 0)[l].cols;
  f.width = components_of(j, job.wide);
  CF_TRY(CF_ALLOC(ctx, &f.data, f.sets * f.times * f.width));
  if (!s->sized || (s->sets == 1 && job.wide > j->times)) { /* layers that are the same in all folds */
    CF_TRY(CF_ALLOC(ctx, &kernel, j->times * j->times));
    CF_TRY(joint_kernel(ctx, j, s, kernel));
    job.kernel = kernel;
  }
  CF_TRY(cf_parallel_for(ctx, f.sets, joint_fold, &job));
  cf_free(kernel);
  kernel = NULL;
  CF_TRY(nfas_encode(ctx, j, s->m, NFAS_PCA, &f, &e));
  nfas_keep(j, s->m, NFAS_PCA, e);
done:
  cf_free(kernel);
  cf_voxel_result_free(e);
  nfas_features_free(&f);
  return status;
}
