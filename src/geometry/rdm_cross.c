/* Cross-validated dissimilarities: crossnobis and the cross-validated Poisson divergence.
 *
 *   d_ij = mean_f (t_i - t_j)' P (e_i - e_j),   e = condition means in fold f, t = means in all other folds, P =
 * Sigma^-1
 *
 * Expanding: d_ij = D_i + D_j - H_ij - H_ji with H = mean_f T_f P E_f', D its diagonal. When the training weights are
 * the same for all conditions (each fold has the conditions in the same proportion), the sum over folds is one
 * quadratic form in the fold means x_f: sum_f T_f E_f' ~ sum_fg q_fg x_f x_g',   q symmetrised = V diag(lambda) V',   H
 * = sum_h lambda_h y_h y_h',  y_h = sum_f v_hf x_f which costs F symmetric products (no more than one a fold) instead
 * of F general ones, and none at all for lambda = 0. Signs are grouped, so that each block of columns takes two
 * symmetric products.
 *
 * Conditions that are missing from a fold have zero rows there, and the sum over folds runs over those where both
 * conditions of the pair can be tested and trained.  */
#include <math.h>
#include <string.h>

#include <cortifold/linalg.h>

#include "base/internal.h"
#include "geometry/rdm_internal.h"

/* ----------------------------------------------------------------- terms -- */

cf_status rdm_terms_new(cf_context *ctx, size_t K, size_t T, double *h, rdm_terms *out) {
  cf_status status;
  size_t size;
  *out = (rdm_terms){.K = K, .T = T, .h = h};
  CF_TRY(cf_size_mul(ctx, K, T, &size));
  CF_TRY(CF_SCRATCH(ctx, &out->valid, size));
  CF_TRY(CF_SCRATCH(ctx, &out->diag, size));
  memset(out->valid, 0, size * sizeof *out->valid);
  memset(out->diag, 0, size * sizeof *out->diag);
done:
  return status;
}

cf_status rdm_terms_finish(cf_context *ctx, rdm_terms *t, const cf_array *labels) {
  size_t K = t->K;
  for (size_t i = 0; i < K; i++) {
    t->h[i * K + i] = 0;
    for (size_t j = i + 1; j < K; j++) {
      double sum = 0, count = 0;
      for (size_t f = 0; f < t->T; f++) {
        double v = t->valid[f * K + i] * t->valid[f * K + j];
        sum += v * (t->diag[f * K + i] + t->diag[f * K + j]);
        count += v;
      }
      if (count == 0) {
        char a[96], b[96];
        return cf_fail(
            ctx, CF_ERR_INPUT,
            "conditions '%s' and '%s' cannot be cross-validated: both must occur together in a fold and again in "
            "another fold",
            cf_array_label(labels, i, a, sizeof a), cf_array_label(labels, j, b, sizeof b));
      }
      t->h[i * K + j] = t->h[j * K + i] = (sum - t->h[i * K + j] - t->h[j * K + i]) / count;
    }
  }
  return CF_OK;
}

/* ------------------------------------------------------ equal proportions -- */

/* Rows sqrt|lambda_h| v_h of the fold form, negative ones first; *negative and *slots count them. */
static cf_status fold_mix(cf_context *ctx, const rdm_design *d, double *mix, size_t *negative, size_t *slots) {
  cf_status status;
  size_t F = d->F;
  double *q, *values, *vectors, total = 0, largest = 0;
  CF_TRY(CF_SCRATCH(ctx, &q, F * F));
  CF_TRY(CF_SCRATCH(ctx, &values, F));
  CF_TRY(CF_SCRATCH(ctx, &vectors, F * F));
  for (size_t f = 0; f < F; f++) total += d->count[f * d->K];
  for (size_t f = 0; f < F; f++) {
    for (size_t g = 0; g < F; g++) {
      double nf = d->count[f * d->K], ng = d->count[g * d->K];
      q[f * F + g] = f == g ? 0 : 0.5 * (ng / (total - nf) + nf / (total - ng)) / (double)F;
    }
  }
  CF_TRY(cf_eigh(ctx, F, q, values, vectors));
  for (size_t h = 0; h < F; h++) largest = CF_MAX(largest, fabs(values[h]));
  *negative = *slots = 0;
  for (size_t h = 0; h < F; h++) {
    if (fabs(values[h]) <= 1e-14 * largest) continue;
    for (size_t f = 0; f < F; f++) mix[*slots * F + f] = sqrt(fabs(values[h])) * vectors[h * F + f];
    if (values[h] < 0) ++*negative;
    ++*slots;
  }
done:
  return status;
}

/* Where the noise part is worth single precision: half the time of a large product. */
static bool worth_single(const rdm_job *job, size_t negative) {
  double K = (double)job->design->K, work = K * K * (double)job->source->cols * (double)negative;
  return !job->options->double_precision && job->design->K >= 256 && work >= 4e9;
}

static cf_status proportional(cf_context *ctx, rdm_job *job) {
  cf_status status;
  const rdm_design *d = job->design;
  size_t K = d->K, negative, slots;
  double *mix, *diag, *square, *g = job->out->d;
  bool more = true;
  CF_TRY(CF_SCRATCH(ctx, &mix, d->F * d->F));
  CF_TRY(CF_SCRATCH(ctx, &diag, K));
  CF_TRY(CF_SCRATCH(ctx, &square, K));
  CF_TRY(fold_mix(ctx, d, mix, &negative, &slots));
  rdm_plan plan = {
      .source = job->source, .design = d, .fill = RDM_FILL_MIX, .slots = slots, .mix = mix, .drop = job->drop};
  plan.diagonal = job->options->noise == CF_RDM_NOISE_DIAGONAL;
  plan.dof = job->out->noise_dof;
  job->out->single_precision = worth_single(job, negative);
  if (job->out->single_precision) {
    plan.narrow = negative;
    plan.slots = slots - negative;
    plan.square = square;
    memset(square, 0, K * sizeof *square);
  }
  CF_TRY(rdm_plan_open(ctx, &plan, 16.0 * (double)K * (double)K));
  for (;;) {
    CF_TRY(rdm_plan_next(ctx, &plan, &more));
    if (!more) break;
    size_t ld = plan.slots * plan.cols, first = plan.narrow ? 0 : negative;
    if (plan.narrow) {
      size_t depth = plan.narrow * plan.cols;
      CF_TRY(cf_syrk_single(ctx, K, depth, -1.0, plan.single, depth, g, K));
    } else {
      CF_TRY(cf_syrk(ctx, false, K, negative * plan.cols, -1.0, plan.a, ld, 1.0, g, K));
    }
    CF_TRY(cf_syrk(ctx, false, K, (slots - negative) * plan.cols, 1.0, plan.a + first * plan.cols, ld, 1.0, g, K));
  }
  job->missing = plan.missing;
  for (size_t k = 0; k < K; k++) diag[k] = plan.narrow ? square[k] : g[k * K + k];
  for (size_t i = 0; i < K; i++) {
    g[i * K + i] = 0;
    for (size_t j = i + 1; j < K; j++) g[i * K + j] = g[j * K + i] = diag[i] + diag[j] - 2 * g[i * K + j];
  }
done:
  return status;
}

/* ------------------------------------------------------------ any design -- */

/* Adds the diagonal of T_f E_f' of this block, fold by fold; in fixed order. */
static void add_diagonals(const rdm_plan *p, rdm_terms *t) {
  for (size_t k = 0; k < t->K; k++) {
    for (size_t f = 0; f < t->T; f++) {
      size_t at = (k * p->slots + f) * p->cols;
      t->diag[f * t->K + k] += cf_dot(p->cols, p->a + at, p->b + at);
    }
  }
}

static cf_status leave_one_out(cf_context *ctx, rdm_job *job) {
  cf_status status;
  const rdm_design *d = job->design;
  size_t K = d->K, F = d->F;
  rdm_terms terms;
  bool more = true;
  CF_TRY(rdm_terms_new(ctx, K, F, job->out->d, &terms));
  for (size_t f = 0; f < F; f++) {
    for (size_t k = 0; k < K; k++) {
      double n = d->count[f * K + k];
      terms.valid[f * K + k] = n > 0 && d->total[k] > n ? 1 : 0;
    }
  }
  rdm_plan plan = {
      .source = job->source, .design = d, .fill = RDM_FILL_TRAIN_TEST, .slots = F, .center = true, .drop = job->drop};
  plan.poisson = strcmp(job->metric->id, "poisson-cv") == 0;
  plan.lambda = job->options->prior_lambda;
  plan.weight = job->options->prior_weight;
  plan.diagonal = job->options->noise == CF_RDM_NOISE_DIAGONAL;
  plan.dof = job->out->noise_dof;
  CF_TRY(rdm_plan_open(ctx, &plan, 16.0 * (double)K * (double)K));
  for (;;) {
    CF_TRY(rdm_plan_next(ctx, &plan, &more));
    if (!more) break;
    size_t ld = F * plan.cols;
    add_diagonals(&plan, &terms);
    CF_TRY(cf_gemm(ctx, false, true, K, K, ld, 1.0, plan.a, ld, plan.b, ld, 1.0, terms.h, K));
  }
  job->missing = plan.missing;
  if (!job->missing) CF_TRY(rdm_terms_finish(ctx, &terms, job->labels));
done:
  return status;
}

/* ------------------------------------------- diagonal noise of each fold -- */

/* a *= 1/sqrt((v_f + v_g)/2) into out, for the conditions of both folds; conditions missing from either are zero. */
static void scale_pair(const rdm_plan *p, size_t f, size_t g, const double *both, double *x, double *y) {
  size_t cols = p->cols;
  for (size_t k = 0; k < p->design->K; k++) {
    const double *a = p->a + (k * p->slots + f) * cols, *b = p->a + (k * p->slots + g) * cols;
    for (size_t c = 0; c < cols; c++) {
      double v = 0.5 * (p->variance[f * cols + c] + p->variance[g * cols + c]);
      double s = both[k] > 0 && v > 0 ? 1.0 / sqrt(v) : 0;
      x[k * cols + c] = s * a[c];
      y[k * cols + c] = s * b[c];
    }
  }
}

static cf_status check_variance(cf_context *ctx, const rdm_plan *p, size_t f, size_t g) {
  for (size_t c = 0; c < p->cols; c++) {
    if (p->drop && p->drop[p->col + c]) continue;
    if (p->variance[f * p->cols + c] + p->variance[g * p->cols + c] > 0) continue;
    return cf_fail(
        ctx, CF_ERR_NUMERIC,
        "%s: channel %zu has no residual variance in folds %zu and %zu, so its noise cannot be normalised; leave "
        "it out, pool the noise over folds or use shrinkage noise",
        p->source->name, p->col + c, f, g);
  }
  return CF_OK;
}

/* Mean over pairs of folds (f, g) with Sigma = (Sigma_f + Sigma_g) / 2. */
static cf_status fold_diagonal(cf_context *ctx, rdm_job *job, const double *fold_dof) {
  cf_status status;
  const rdm_design *d = job->design;
  size_t K = d->K, F = d->F;
  rdm_terms terms;
  bool more = true;
  double *x, *y;
  CF_TRY(rdm_terms_new(ctx, K, F * (F - 1) / 2, job->out->d, &terms));
  rdm_plan plan = {
      .source = job->source, .design = d, .slots = F, .center = true, .drop = job->drop, .fold_variance = true};
  plan.fold_dof = fold_dof;
  CF_TRY(rdm_plan_open(ctx, &plan, 16.0 * (double)K * (double)K));
  CF_TRY(CF_SCRATCH(ctx, &x, K * plan.width));
  CF_TRY(CF_SCRATCH(ctx, &y, K * plan.width));
  for (;;) {
    CF_TRY(rdm_plan_next(ctx, &plan, &more));
    if (!more) break;
    size_t term = 0;
    for (size_t f = 0; f < F; f++) {
      for (size_t g = f + 1; g < F; g++, term++) {
        double *both = terms.valid + term * K;
        for (size_t k = 0; k < K; k++) both[k] = d->count[f * K + k] > 0 && d->count[g * K + k] > 0 ? 1 : 0;
        CF_TRY(check_variance(ctx, &plan, f, g));
        scale_pair(&plan, f, g, both, x, y);
        for (size_t k = 0; k < K; k++)
          terms.diag[term * K + k] += cf_dot(plan.cols, x + k * plan.cols, y + k * plan.cols);
        CF_TRY(cf_gemm(ctx, false, true, K, K, plan.cols, 1.0, x, plan.cols, y, plan.cols, 1.0, terms.h, K));
      }
    }
  }
  job->missing = plan.missing;
  if (!job->missing) CF_TRY(rdm_terms_finish(ctx, &terms, job->labels));
done:
  return status;
}

cf_status rdm_fold_dof(cf_context *ctx, const rdm_design *d, double *dof, double *rows) {
  for (size_t f = 0; f < d->F; f++) {
    double n = 0, conditions = 0;
    for (size_t k = 0; k < d->K; k++) {
      n += d->count[f * d->K + k];
      conditions += d->count[f * d->K + k] > 0;
    }
    if (rows) rows[f] = n;
    dof[f] = n - conditions;
    if (dof[f] < 1) {
      return cf_fail(
          ctx, CF_ERR_INPUT,
          "fold %zu has no condition with two rows, so it has no residuals to estimate its noise from; pool the "
          "noise over folds",
          f);
    }
  }
  return CF_OK;
}

cf_status rdm_crossvalidated(cf_context *ctx, rdm_job *job) {
  cf_status status;
  cf_mark mark = cf_scratch_mark(ctx);
  const rdm_design *d = job->design;
  if (job->options->noise == CF_RDM_NOISE_DIAGONAL && job->options->noise_per_fold) {
    double *dof;
    CF_TRY(CF_SCRATCH(ctx, &dof, d->F));
    CF_TRY(rdm_fold_dof(ctx, d, dof, NULL));
    CF_TRY(fold_diagonal(ctx, job, dof));
  } else if (d->proportional && strcmp(job->metric->id, "crossnobis") == 0) {
    CF_TRY(proportional(ctx, job));
  } else {
    CF_TRY(leave_one_out(ctx, job));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
