/* Dissimilarity matrices: checks, missing-data policy, choice of the kernel, scaling of the result. */
#include <math.h>
#include <string.h>

#include "base/internal.h"
#include "geometry/rdm_internal.h"

cf_status rdm_dispatch(cf_context *ctx, rdm_job *job) {
  switch (job->options->noise) {
  case CF_RDM_NOISE_SHRINKAGE:
    return rdm_shrinkage(ctx, job);
  case CF_RDM_NOISE_FULL:
  case CF_RDM_NOISE_GIVEN:
    return rdm_whitened(ctx, job);
  default:
    return job->metric->needs_folds ? rdm_crossvalidated(ctx, job) : rdm_plain(ctx, job);
  }
}

/* ---------------------------------------------------------------- checks -- */

static cf_status check_covariance(cf_context *ctx, const cf_rdm_options *o, bool cross, size_t p) {
  const cf_view *c = o->covariance;
  if (!c) return cf_fail(ctx, CF_ERR_USAGE, "noise given: a covariance is needed");
  if (c->ndim == 2 && c->shape[0] == p && c->shape[1] == p) return CF_OK;
  if (c->ndim == 3 && c->shape[1] == p && c->shape[2] == p) {
    if (cross) return CF_OK;
    return cf_fail(ctx, CF_ERR_USAGE, "one noise covariance per fold is for crossnobis; %s takes one of %zu x %zu",
                   o->metric, p, p);
  }
  return cf_fail(
      ctx, CF_ERR_INPUT,
      "noise covariance: %zu x %zu%s is not a covariance of %zu channels (channels x channels, or folds x channels "
      "x channels)",
      c->shape[0], c->ndim > 1 ? c->shape[1] : 1, c->ndim > 2 ? " x ..." : "", p);
}

static cf_status check_options(cf_context *ctx, const cf_rdm_options *o, const rdm_source *s,
                               const cf_rdm_metric **metric) {
  const cf_rdm_metric *m = *metric = cf_rdm_metric_find(o->metric);
  if (!m) {
    return cf_fail(ctx, CF_ERR_USAGE, "no metric '%s'; there are %s", o->metric ? o->metric : "", CF_RDM_METRICS);
  }
  if (o->noise != CF_RDM_NOISE_NONE && !m->uses_noise) {
    return cf_fail(ctx, CF_ERR_USAGE, "metric %s takes no noise normalisation; mahalanobis and crossnobis do", m->id);
  }
  if (m->needs_folds && !o->folds) {
    return cf_fail(ctx, CF_ERR_USAGE, "metric %s needs folds (--folds): a label per row that says which run it is from",
                   m->id);
  }
  if (o->folds && !m->needs_folds) cf_warn(ctx, "metric %s does not use folds; they are ignored", m->id);
  if (o->noise_per_fold && !m->needs_folds) {
    return cf_fail(ctx, CF_ERR_USAGE, "noise per fold is for crossnobis, not for %s", m->id);
  }
  if (o->per_channel && !m->per_channel) {
    return cf_fail(ctx, CF_ERR_USAGE, "metric %s has no per-channel form: it does not depend on the number of channels",
                   m->id);
  }
  if (o->nan == CF_RDM_NAN_PAIRWISE && (!m->pairwise || o->noise != CF_RDM_NOISE_NONE)) {
    return cf_fail(ctx, CF_ERR_USAGE,
                   "missing values cannot be handled pair by pair with metric %s; use drop-channel or drop-condition",
                   m->id);
  }
  if (!(o->prior_lambda >= 0) || !(o->prior_weight >= 0)) {
    return cf_fail(ctx, CF_ERR_USAGE, "the Poisson prior must not be negative: lambda %g, weight %g", o->prior_lambda,
                   o->prior_weight);
  }
  if (s->rows == 0 || s->cols == 0) {
    return cf_fail(ctx, CF_ERR_INPUT, "%s: %zu x %zu patterns are empty", s->name, s->rows, s->cols);
  }
  if (o->noise == CF_RDM_NOISE_GIVEN) return check_covariance(ctx, o, m->needs_folds, s->cols);
  if (o->noise != CF_RDM_NOISE_NONE && !o->conditions) {
    return cf_fail(ctx, CF_ERR_USAGE,
                   "%s noise is estimated from repeated rows of a condition, so conditions (--conditions) are needed",
                   cf_rdm_noise_name(o->noise));
  }
  return CF_OK;
}

static cf_status check_design(cf_context *ctx, const rdm_design *d, const cf_rdm_options *o, const cf_rdm_metric *m,
                              const char *name) {
  if (d->K < 2) {
    return cf_fail(ctx, CF_ERR_INPUT, "%s: a dissimilarity matrix needs at least two conditions, there %s %zu", name,
                   d->K == 1 ? "is" : "are", d->K);
  }
  if (m->needs_folds && d->F < 2) {
    return cf_fail(ctx, CF_ERR_INPUT, "%s: cross-validation needs at least two folds, there is one", name);
  }
  if (o->noise == CF_RDM_NOISE_GIVEN && o->covariance->ndim == 3 && o->covariance->shape[0] != d->F) {
    return cf_fail(ctx, CF_ERR_INPUT, "noise covariance: %zu matrices for %zu folds", o->covariance->shape[0], d->F);
  }
  return CF_OK;
}

/* --------------------------------------------------------- missing values -- */

typedef struct missing {
  bool *channel, *condition;
  size_t channels, conditions, values;
  size_t row, col; /* of the first */
  double value;
} missing;

static void note_missing(missing *m, const rdm_design *d, size_t row, size_t col, double x) {
  if (m->values++ == 0) {
    m->row = row;
    m->col = col;
    m->value = x;
  }
  if (!m->channel[col]) m->channels++;
  m->channel[col] = true;
  if (!m->condition[d->cond[row]]) m->conditions++;
  m->condition[d->cond[row]] = true;
}

static cf_status find_missing(cf_context *ctx, const rdm_source *s, const rdm_design *d, missing *m) {
  cf_status status;
  cf_mark mark = cf_scratch_mark(ctx);
  double *x = NULL;
  size_t width = CF_MAX((size_t)(CF_MIN(64e6, 0.5 * (double)cf_context_memory(ctx)) / 8.0 / (double)s->rows), 1);
  if (s->blocks) CF_TRY(CF_SCRATCH(ctx, &x, s->rows * CF_MIN(width, s->cols)));
  status = CF_OK;
  for (size_t col = 0; col < s->cols; col += width) {
    size_t cols = CF_MIN(width, s->cols - col);
    CF_TRY(cf_check_cancel(ctx));
    if (s->blocks) CF_TRY(s->blocks->read(ctx, s->blocks->payload, 0, s->rows, col, cols, x));
    for (size_t i = 0; i < s->rows; i++) {
      if (d->cond[i] == RDM_DROPPED) continue;
      for (size_t c = 0; c < cols; c++) {
        double v = x ? x[i * cols + c] : cf_at(s->view, i, col + c);
        if (!isfinite(v)) note_missing(m, d, i, col + c, v);
      }
    }
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------------- run -- */

static void finish(rdm_job *job) {
  cf_rdm *r = job->out;
  size_t n = r->n;
  double scale = job->options->per_channel ? 1.0 / (double)r->channels_used : 1.0;
  bool root = job->metric->root;
  if (scale == 1.0 && !root) return;
  for (size_t i = 0; i < n * n; i++) r->d[i] = root ? sqrt(r->d[i] * scale) : r->d[i] * scale;
}

/* One attempt with the channels and conditions left out so far. */
static cf_status attempt(cf_context *ctx, rdm_job *job, rdm_design *d, const bool *drop_condition) {
  cf_status status;
  cf_rdm *r = job->out;
  const cf_rdm_options *o = job->options;
  size_t size;
  cf_free(r->d);
  r->d = NULL;
  cf_array_free(r->conditions);
  r->conditions = NULL;
  CF_TRY(rdm_design_make(ctx, job->source->rows, o, job->metric->needs_folds, drop_condition, d, &r->conditions));
  CF_TRY(check_design(ctx, d, o, job->metric, job->source->name));
  job->design = d;
  job->labels = r->conditions;
  job->missing = false;
  r->n = d->K;
  r->folds = job->metric->needs_folds ? d->F : 0;
  r->noise_dof = r->shrinkage = NAN;
  if (o->noise != CF_RDM_NOISE_NONE && o->noise != CF_RDM_NOISE_GIVEN) {
    double rows = 0, cells = 0;
    for (size_t c = 0; c < d->F * d->K; c++) rows += d->count[c], cells += d->count[c] > 0;
    r->noise_dof = rows - (o->noise_per_fold ? cells : (double)d->K);
    if (r->noise_dof < 1) {
      status = cf_fail(ctx, CF_ERR_INPUT,
                       "%s: no condition has two rows%s, so there are no residuals to estimate the noise from",
                       job->source->name, o->noise_per_fold ? " in a fold" : "");
      goto done;
    }
  }
  CF_TRY(cf_size_mul(ctx, r->n, r->n, &size));
  if (job->source->blocks && 16.0 * (double)size > (double)cf_context_memory(ctx)) {
    status = cf_fail(ctx, CF_ERR_MEMORY,
                     "%s: a matrix of %zu conditions takes %.0f MB, the budget is %.0f MB; raise --memory",
                     job->source->name, r->n, 8e-6 * (double)size, 1e-6 * (double)cf_context_memory(ctx));
    goto done;
  }
  CF_TRY(CF_ALLOC(ctx, &r->d, size));
  CF_TRY(rdm_dispatch(ctx, job));
done:
  return status;
}

/* A missing value stopped the first attempt: do as the policy says. */
static cf_status with_missing(cf_context *ctx, rdm_job *job, rdm_design *d) {
  cf_status status;
  cf_rdm *r = job->out;
  const rdm_source *s = job->source;
  missing m = {0};
  CF_TRY(CF_SCRATCH(ctx, &m.channel, s->cols));
  CF_TRY(CF_SCRATCH(ctx, &m.condition, d->K));
  memset(m.channel, 0, s->cols * sizeof *m.channel);
  memset(m.condition, 0, d->K * sizeof *m.condition);
  CF_TRY(find_missing(ctx, s, d, &m));
  if (m.values == 0) {
    status =
        cf_fail(ctx, CF_ERR_NUMERIC, "%s: values are so large that their sums overflow; rescale the data", s->name);
    goto done;
  }
  switch (job->options->nan) {
  case CF_RDM_NAN_ERROR:
    status = cf_fail(
        ctx, CF_ERR_INPUT,
        "%s: %s at row %zu, channel %zu (%zu such values in %zu channels and %zu conditions); say what to do with "
        "missing values (--nan drop-channel, drop-condition or pairwise)",
        s->name, isnan(m.value) ? "NaN" : "an infinity", m.row, m.col, m.values, m.channels, m.conditions);
    break;
  case CF_RDM_NAN_DROP_CHANNEL:
    if (m.channels == s->cols) {
      status =
          cf_fail(ctx, CF_ERR_INPUT, "%s: every channel has missing values; dropping channels leaves none", s->name);
      break;
    }
    job->drop = m.channel;
    r->channels_used = s->cols - m.channels;
    cf_warn(ctx, "%zu of %zu channels have missing values and are left out", m.channels, s->cols);
    status = attempt(ctx, job, d, NULL);
    break;
  case CF_RDM_NAN_DROP_CONDITION:
    r->dropped_conditions = m.conditions;
    cf_warn(ctx, "%zu of %zu conditions have missing values and are left out", m.conditions, d->K);
    status = attempt(ctx, job, d, m.condition);
    break;
  default:
    memset(r->d, 0, r->n * r->n * sizeof *r->d);
    status = rdm_pairwise(ctx, job);
  }
done:
  return status;
}

static cf_status compute(cf_context *ctx, const rdm_source *source, const cf_rdm_options *options, cf_rdm **out) {
  cf_status status;
  cf_mark mark = cf_scratch_mark(ctx);
  const cf_rdm_options standard = CF_RDM_OPTIONS_INIT;
  rdm_design design;
  rdm_job job = {.source = source, .options = options ? options : &standard};
  *out = NULL;
  CF_TRY(check_options(ctx, job.options, source, &job.metric));
  CF_TRY(CF_ALLOC(ctx, &job.out, 1));
  job.out->rows = source->rows;
  job.out->channels = job.out->channels_used = source->cols;
  job.out->noise = job.options->noise;
  cf_progress_begin(ctx, "dissimilarities", source->cols);
  status = attempt(ctx, &job, &design, NULL);
  if (status == CF_OK && job.missing) status = with_missing(ctx, &job, &design);
  cf_progress_end(ctx);
  if (status != CF_OK) goto done;
  finish(&job);
  *out = job.out;
  job.out = NULL;
done:
  cf_rdm_free(job.out);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_rdm_compute(cf_context *ctx, const cf_view *patterns, const cf_rdm_options *options, cf_rdm **out) {
  *out = NULL;
  if (patterns->ndim != 2) {
    return cf_fail(ctx, CF_ERR_INPUT, "patterns have %d axes, (condition, channel) is needed", patterns->ndim);
  }
  rdm_source s = {.view = patterns, .rows = patterns->shape[0], .cols = patterns->shape[1], .name = "patterns"};
  return compute(ctx, &s, options, out);
}

cf_status cf_rdm_compute_blocks(cf_context *ctx, const cf_blocks *patterns, const cf_rdm_options *options,
                                cf_rdm **out) {
  rdm_source s = {.blocks = patterns, .rows = patterns->rows, .cols = patterns->cols, .name = patterns->name};
  if (!s.name) s.name = "patterns";
  return compute(ctx, &s, options, out);
}

void cf_rdm_cost(size_t rows, size_t channels, size_t conditions, size_t folds, const char *metric, cf_rdm_noise noise,
                 double *flops, double *bytes) {
  const cf_rdm_metric *m = cf_rdm_metric_find(metric);
  double n = (double)rows, p = (double)channels, K = conditions ? (double)conditions : n, F = folds ? (double)folds : 1;
  double work = K * K * p, memory = 16 * K * K;
  if (m && m->needs_folds) work *= F;
  if (m && strcmp(m->id, "poisson") == 0) work *= 2;
  if (noise == CF_RDM_NOISE_SHRINKAGE) {
    double cells = K * F;
    work = n * n * p + n * n * n / 3 + n * n * cells + cells * cells * n;
    memory += 8 * (n * n + n * cells + cells * cells);
  } else if (noise == CF_RDM_NOISE_FULL || noise == CF_RDM_NOISE_GIVEN) {
    work += n * p * p + p * p * p / 3;
    memory += 8 * (3 * n * p + p * p);
  }
  *flops = work + 10 * n * p;
  *bytes = memory + CF_MIN(128e6, 16 * n * p);
}
