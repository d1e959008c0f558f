/* Dissimilarities from one Gram matrix of the condition means.
 *
 *   squared Euclidean (and Mahalanobis with none or diagonal noise):  z_i = columns centred (and scaled),  G = Z Z',
 *       d_ij = g_ii + g_jj - 2 g_ij
 *   correlation: z_i = x_i - mean x_i;  cosine: z_i = x_i;            d_ij = 1 - g_ij / sqrt(g_ii g_jj)
 *   Poisson (symmetrised Kullback-Leibler divergence):                H = Y log(Y)',  d_ij = h_ii + h_jj - h_ij - h_ji
 *
 * Z is K x p, G costs K^2 p flops. The differences cancel when two patterns are nearly the same: g carries an error of
 * about eps sqrt(p) |z_i||z_j|. Pairs with d below CLOSE of that scale are therefore computed a second time, from the
 * differences of the patterns themselves: sum (z_i - z_j)^2, half the squared distance of the unit vectors, sum (y_i -
 * y_j)(l_i - l_j).  */
#include <math.h>
#include <string.h>

#include <cortifold/linalg.h>

#include "base/internal.h"
#include "geometry/rdm_internal.h"

#define CLOSE    1e-3
#define PARALLEL 1e-29 /* unit vectors that differ in their last digits point the same way */
#define CONSTANT 1e-13 /* relative spread below which a pattern is taken as constant */

typedef enum kind { DIFFERENCE, ANGLE, DIVERGENCE } kind;

/* Pairs to compute again, by row: j[start[i]] .. j[start[i+1]-1] are the partners of i. */
typedef struct closes {
  size_t *start, *j;
  double *sum;
} closes;

typedef struct work {
  rdm_plan *plan;
  kind how;
  const double *scale; /* per pattern; ANGLE: 1 / norm */
  closes *list;
} work;

static cf_status close_row(cf_context *ctx, size_t i, void *payload) {
  (void)ctx;
  const work *w = payload;
  const rdm_plan *p = w->plan;
  size_t cols = p->cols;
  const double *restrict a = p->a + i * cols;
  const double *restrict la = p->poisson ? p->b + i * cols : a;
  for (size_t at = w->list->start[i]; at < w->list->start[i + 1]; at++) {
    size_t j = w->list->j[at];
    const double *restrict b = p->a + j * cols;
    const double *restrict lb = p->poisson ? p->b + j * cols : b;
    double si = w->scale ? w->scale[i] : 1, sj = w->scale ? w->scale[j] : 1;
    double sum[8] = {0};
    size_t c = 0;
    for (; c + 8 <= cols; c += 8) {
      for (size_t u = 0; u < 8; u++) {
        double x = si * a[c + u] - sj * b[c + u], y = si * la[c + u] - sj * lb[c + u];
        sum[u] += x * y;
      }
    }
    for (; c < cols; c++) sum[0] += (si * a[c] - sj * b[c]) * (si * la[c] - sj * lb[c]);
    w->list->sum[at] += ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
  }
  return CF_OK;
}

/* One pass over the data for the pairs in the list. */
static cf_status recompute(cf_context *ctx, rdm_plan *plan, kind how, const double *scale, closes *list) {
  cf_status status = CF_OK;
  bool more = true;
  work w = {plan, how, scale, list};
  plan->col = plan->cols = 0;
  for (;;) {
    CF_TRY(rdm_plan_next(ctx, plan, &more));
    if (!more) break;
    CF_TRY(cf_parallel_for(ctx, plan->design->K, close_row, &w));
  }
done:
  return status;
}

/* Dissimilarity from the Gram matrix; *close says that it lost digits. */
static double from_gram(kind how, const double *g, const double *diag, size_t K, size_t i, size_t j, bool *close) {
  double d, scale;
  if (how == ANGLE) {
    scale = 2;
    d = 2 - 2 * g[i * K + j] / (sqrt(diag[i]) * sqrt(diag[j]));
    if (d > 4) d = 4;
  } else {
    scale = diag[i] + diag[j];
    d = scale - g[i * K + j] - g[j * K + i];
  }
  *close = d < CLOSE * scale;
  if (how == ANGLE) d *= 0.5;
  return d > 0 ? d : 0;
}

/* Pairs that need a second look. NaN never is close. */
static cf_status find_closes(cf_context *ctx, kind how, const double *g, const double *diag, size_t K, closes *out) {
  cf_status status;
  bool close;
  size_t count = 0;
  CF_TRY(CF_SCRATCH(ctx, &out->start, K + 1));
  for (int round = 0; round < 2; round++) {
    size_t at = 0;
    for (size_t i = 0; i < K; i++) {
      out->start[i] = at;
      for (size_t j = i + 1; j < K; j++) {
        from_gram(how, g, diag, K, i, j, &close);
        if (!close) continue;
        if (round) out->j[at] = j;
        at++;
      }
    }
    out->start[K] = count = at;
    if (round == 0) {
      CF_TRY(CF_SCRATCH(ctx, &out->j, count));
      CF_TRY(CF_SCRATCH(ctx, &out->sum, count));
      memset(out->sum, 0, count * sizeof *out->sum);
    }
  }
done:
  return status;
}

/* A pattern that has no direction: constant for correlation, zero for cosine. */
static cf_status check_constant(cf_context *ctx, const rdm_job *job, bool centred, const double *largest,
                                double *diag) {
  size_t K = job->design->K, bad = 0;
  double used = (double)job->out->channels_used;
  for (size_t k = 0; k < K; k++) {
    double limit = centred ? CONSTANT * largest[k] : 0;
    if (sqrt(diag[k] / used) > limit) continue;
    bad++;
    diag[k] = NAN;
    if (job->options->constant_nan) continue;
    char label[96];
    return cf_fail(ctx, CF_ERR_INPUT,
                   "%s: the pattern of condition '%s' is %s, so its %s is not defined; leave it out, take "
                   "another metric, or let rdm give NaN entries (--constant nan)",
                   job->source->name, cf_array_label(job->labels, k, label, sizeof label),
                   centred ? "constant" : "zero", centred ? "correlation" : "cosine");
  }
  if (bad) cf_warn(ctx, "%zu of %zu patterns are %s; their entries are NaN", bad, K, centred ? "constant" : "zero");
  return CF_OK;
}

static cf_status accumulate(cf_context *ctx, rdm_plan *p, double *g) {
  size_t K = p->design->K;
  if (p->poisson) return cf_gemm(ctx, false, true, K, K, p->cols, 1.0, p->a, p->cols, p->b, p->cols, 1.0, g, K);
  return cf_syrk(ctx, false, K, p->cols, 1.0, p->a, p->cols, 1.0, g, K);
}

cf_status rdm_plain(cf_context *ctx, rdm_job *job) {
  cf_status status;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t K = job->design->K;
  const char *id = job->metric->id;
  bool correlation = strcmp(id, "correlation") == 0, poisson = strcmp(id, "poisson") == 0;
  kind how = correlation || strcmp(id, "cosine") == 0 ? ANGLE : poisson ? DIVERGENCE : DIFFERENCE;
  double *g = job->out->d, *diag, *mean, *largest, *count, *scale = NULL;
  bool more = true, close;
  closes list = {0};
  rdm_plan plan = {.source = job->source, .design = job->design, .slots = 1, .drop = job->drop};
  plan.center = how != ANGLE;
  plan.poisson = poisson;
  plan.lambda = job->options->prior_lambda;
  plan.weight = job->options->prior_weight;
  plan.diagonal = job->options->noise == CF_RDM_NOISE_DIAGONAL;
  plan.dof = job->out->noise_dof;
  CF_TRY(CF_SCRATCH(ctx, &diag, K));
  CF_TRY(CF_SCRATCH(ctx, &mean, K));
  CF_TRY(CF_SCRATCH(ctx, &largest, K));
  CF_TRY(CF_SCRATCH(ctx, &count, K));
  CF_TRY(rdm_plan_open(ctx, &plan, 16.0 * (double)K * (double)K));
  if (correlation) {
    CF_TRY(rdm_row_sums(ctx, &plan, mean, largest, count));
    for (size_t k = 0; k < K; k++) mean[k] /= count[k];
    plan.row_mean = mean;
    if (plan.missing) goto missing;
  } else {
    memset(largest, 0, K * sizeof *largest);
  }
  for (;;) {
    CF_TRY(rdm_plan_next(ctx, &plan, &more));
    if (!more) break;
    CF_TRY(accumulate(ctx, &plan, g));
  }
  if (plan.missing) goto missing;
  for (size_t k = 0; k < K; k++) diag[k] = g[k * K + k];
  if (how == ANGLE) {
    CF_TRY(check_constant(ctx, job, correlation, largest, diag));
    CF_TRY(CF_SCRATCH(ctx, &scale, K));
    for (size_t k = 0; k < K; k++) scale[k] = 1.0 / sqrt(diag[k]);
  }
  CF_TRY(find_closes(ctx, how, g, diag, K, &list));
  job->out->recomputed = list.start[K];
  if (job->out->recomputed) CF_TRY(recompute(ctx, &plan, how, scale, &list));
  for (size_t i = 0; i < K; i++) {
    g[i * K + i] = 0;
    size_t at = list.start[i];
    for (size_t j = i + 1; j < K; j++) {
      double d = from_gram(how, g, diag, K, i, j, &close);
      if (close) d = how == ANGLE ? 0.5 * list.sum[at++] : list.sum[at++];
      if (close && how == ANGLE && d < PARALLEL) d = 0;
      if (isnan(diag[i]) || isnan(diag[j])) d = NAN;
      g[i * K + j] = g[j * K + i] = d > 0 || isnan(d) ? d : 0;
    }
  }
  goto done;
missing:
  job->missing = true;
done:
  cf_scratch_release(ctx, mark);
  return status;
}
