/* `cortifold rdm`: representational dissimilarity matrices of patterns. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cortifold/linalg.h>

#include "base/internal.h"
#include "pipeline/analyses.h"
#include "pipeline/load.h"

static const cf_param params[] = {
    {"metric", 'm', CF_PARAM_CHOICE, "NAME", "correlation", 0, 0, CF_RDM_METRICS,
     "Dissimilarity of two patterns; definitions above."},
    {"conditions", 'c', CF_PARAM_ADDRESS, "LABELS", NULL, 0, 0, NULL,
     "Condition of each row (.npy or a one-column .tsv with a header). Rows of one condition are averaged and the "
     "matrix is in ascending order of label. Default: the member `condition` or `conditions` beside the patterns; "
     "without one each row is a condition."},
    {"folds", 0, CF_PARAM_ADDRESS, "LABELS", NULL, 0, 0, NULL,
     "Run or session of each row, for crossnobis and poisson-cv. Default: the member `fold`, `folds`, `run` or "
     "`runs` beside the patterns."},
    {"noise", 0, CF_PARAM_ADDRESS, "KIND|FILE", "none", 0, 0, "none|diagonal|shrinkage|full",
     "Noise covariance of mahalanobis and crossnobis: estimated from the residuals (rows minus the mean of their "
     "condition) as diagonal, Ledoit-Wolf shrinkage or full; or a file with a covariance (channels x channels), for "
     "crossnobis also one per fold in ascending order of fold (folds x channels x channels)."},
    {"noise-estimate", 0, CF_PARAM_CHOICE, "HOW", "pooled", 0, 0, "pooled|per-fold",
     "crossnobis: one estimate over all folds, or one per fold; each pair of folds then uses the mean of their two "
     "covariances."},
    {"per-channel", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL,
     "Divide squared distances and the Poisson divergence by the number of channels (before the root for euclidean)."},
    {"nan", 0, CF_PARAM_CHOICE, "POLICY", "error", 0, 0, "error|drop-channel|drop-condition|pairwise",
     "Missing and infinite values: an error; leave out channels or conditions that have any; or use for each pair "
     "the channels that both have (correlation, cosine, euclidean, sqeuclidean, poisson; sums are scaled up to all "
     "channels)."},
    {"constant", 0, CF_PARAM_CHOICE, "POLICY", "error", 0, 0, "error|nan",
     "A constant pattern under correlation, or a zero pattern under cosine: an error that names it, or NaN entries."},
    {"prior", 0, CF_PARAM_REAL, "RATE", "1", 0, 1e300, NULL,
     "Poisson: rate lambda0 of the prior, in the units of the data."},
    {"prior-weight", 0, CF_PARAM_REAL, "W", "0.1", 0, 1e300, NULL, "Poisson: weight w of the prior, in observations."},
    {"precision", 0, CF_PARAM_CHOICE, "HOW", "auto", 0, 0, "auto|double",
     "crossnobis of a large problem (from 256 conditions) multiplies the differences between folds, which are noise, "
     "in single precision: half the time, with an error of about 1e-9 of the noise power. double: never."},
    CF_PARAM_END,
};

static const char description[] =
    "Dissimilarity of every pair of conditions from patterns (condition, channel), or from a stack (subject, "
    "condition, channel), which gives a stack of matrices. The diagonal is exactly 0 and the matrix exactly "
    "symmetric. Files larger than --memory are read in blocks of channels.\n\n"
    "x_i is the pattern of condition i (the mean of its rows), sums run over channels c.\n\n"
    "@metrics\n"
    "Folds of crossnobis and poisson-cv may be unbalanced; a pair that is missing from some folds is averaged over "
    "the others.\n\n"
    "Noise covariance Sigma (--noise) from residuals R, rows minus the mean of their condition, n rows, K "
    "conditions, dof = n - K:\n"
    "- diagonal: sum r_c^2 / dof for each channel.\n"
    "- shrinkage: with S = R'R/n, m = tr S / p, d2 = |S - mI|^2, b2 = min(d2, sum_k |r_k r_k' - S|^2 / n^2), Sigma = "
    "((b2/d2) m I + (1 - b2/d2) S) n/dof; it is never formed, the work is done on the Gram matrix of the rows "
    "(Ledoit & Wolf 2004, J Multivar Anal 88:365).\n"
    "- full: R'R / dof, needs at least as many residual degrees of freedom as channels.\n\n"
    "Values: metric, formula, conditions, channels, channels_used, rows, folds, subjects, noise {kind, shrinkage, "
    "dof, per_fold}, range [low, high], mean, labels. Arrays: rdm (condition, condition) or (subject, condition, "
    "condition).";

static const char examples[] = "cortifold rdm layer4.npy --metric correlation -o rdm.npz\n"
                               "cortifold rdm betas.npz --conditions conditions.npy --folds runs.npy --metric "
                               "crossnobis --noise shrinkage -o rdm.npz\n"
                               "cortifold rdm huge.h5:/features --metric sqeuclidean --memory 500M -o rdm.h5";

/* ---------------------------------------------------------------- inputs -- */

typedef struct inputs {
  cf_array *patterns; /* NULL when read in blocks */
  cf_blocks blocks;
  bool in_blocks;
  size_t subjects, rows, channels;
  bool stack;
  cf_array *conditions, *folds; /* labels that group rows; NULL: none */
  cf_array *labels;             /* names of the rows in file order, when nothing is averaged */
  cf_array *covariance;
} inputs;

static void inputs_free(inputs *in) {
  cf_array_free(in->patterns);
  if (in->in_blocks) cf_blocks_close(&in->blocks);
  cf_array_free(in->conditions);
  cf_array_free(in->folds);
  cf_array_free(in->labels);
  cf_array_free(in->covariance);
}

#define PREFERRED "patterns|responses|features|data"

/* Shape of the array behind an address, from the file's header; ndim 0 when it cannot be told. */
static cf_status peek(cf_context *ctx, const char *address, int *ndim, size_t shape[CF_MAX_DIMS]) {
  cf_status status = CF_OK;
  char *path = NULL, *member = NULL;
  cf_io_listing *list = NULL;
  const cf_io_entry *found = NULL;
  *ndim = 0;
  CF_TRY(cf_io_split(ctx, address, &path, &member));
  CF_TRY(cf_io_list(ctx, path, &list));
  for (size_t i = 0; i < list->count; i++) {
    const cf_io_entry *e = &list->entry[i];
    if (member ? e->member && strcmp(e->member, member) == 0 : e->ndim >= 2) {
      if (!found || strcmp(e->member ? e->member : "", "patterns") == 0) found = e;
    }
  }
  if (found) {
    *ndim = found->ndim;
    memcpy(shape, found->shape, sizeof found->shape);
  }
done:
  cf_io_listing_free(list);
  cf_free(path);
  cf_free(member);
  return status;
}

/* Opens in blocks what would not fit the memory budget as doubles, reads the rest. */
static cf_status load_patterns(cf_context *ctx, const char *address, cf_result *result, inputs *in) {
  cf_status status = CF_OK;
  int ndim;
  size_t shape[CF_MAX_DIMS];
  CF_TRY(peek(ctx, address, &ndim, shape));
  if (ndim == 2 && 8.0 * (double)shape[0] * (double)shape[1] > 0.5 * (double)cf_context_memory(ctx)) {
    CF_TRY(cf_io_open_blocks(ctx, address, PREFERRED, &in->blocks));
    in->in_blocks = true;
    in->rows = in->blocks.rows;
    in->channels = in->blocks.cols;
    in->subjects = 1;
    CF_TRY(cf_result_input(ctx, result, address));
    goto done;
  }
  CF_TRY(cf_io_read(ctx, address, PREFERRED, &in->patterns));
  CF_TRY(cf_result_input(ctx, result, address));
  status = cf_array_to_doubles(ctx, in->patterns);
  if (status != CF_OK) goto done; /* names the address */
  int axes = in->patterns->ndim;
  if (axes != 2 && axes != 3) {
    status =
        cf_fail(ctx, CF_ERR_INPUT, "%s: %d ax%s; patterns are (condition, channel) or (subject, condition, channel)",
                address, axes, axes == 1 ? "is" : "es");
    goto done;
  }
  in->stack = axes == 3;
  in->subjects = in->stack ? in->patterns->shape[0] : 1;
  in->rows = in->patterns->shape[axes - 2];
  in->channels = in->patterns->shape[axes - 1];
  if (in->subjects == 0) status = cf_fail(ctx, CF_ERR_INPUT, "%s: the stack has no subjects", address);
done:
  return status;
}

/* Labels that came with the file: distinct ones name the rows, repeated ones group them. */
static cf_status labels_of_file(cf_context *ctx, const char *address, inputs *in) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  cf_array *found = NULL;
  size_t *code, groups;
  int axis = in->stack ? 1 : 0;
  if (in->patterns && in->patterns->coordinate[axis]) {
    CF_TRY(cf_array_copy(ctx, in->patterns->coordinate[axis], &found));
  } else {
    for (size_t i = 0; i < 2 && (!found || cf_array_count(found) != in->rows); i++) {
      cf_array *other = NULL;
      CF_TRY(cf_io_read_sibling(ctx, address, i ? "conditions" : "condition", &other));
      if (!other) continue;
      cf_array_free(found);
      found = other;
    }
  }
  if (!found) goto done;
  if (found->ndim != 1 || found->shape[0] != in->rows) {
    status = cf_fail(ctx, CF_ERR_INPUT, "%s: the member `%s` has %zu entries for %zu rows; give --conditions", address,
                     *found->name ? found->name : "condition", cf_array_count(found), in->rows);
    goto done;
  }
  CF_TRY(CF_SCRATCH(ctx, &code, in->rows));
  CF_TRY(cf_labels_group(ctx, found, code, &groups, NULL));
  if (groups == in->rows) {
    in->labels = found;
  } else {
    in->conditions = found;
  }
  found = NULL;
done:
  cf_array_free(found);
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status folds_of_file(cf_context *ctx, const char *address, inputs *in) {
  static const char *const members[] = {"fold", "folds", "run", "runs"};
  cf_status status = CF_OK;
  for (size_t i = 0; i < sizeof members / sizeof *members && !in->folds; i++) {
    CF_TRY(cf_io_read_sibling(ctx, address, members[i], &in->folds));
    if (in->folds && (in->folds->ndim != 1 || in->folds->shape[0] != in->rows)) {
      cf_array_free(in->folds);
      in->folds = NULL;
    }
  }
done:
  return status;
}

static cf_status load_noise(cf_context *ctx, const char *address, cf_result *result, inputs *in) {
  cf_status status = CF_OK;
  CF_TRY(cf_io_read(ctx, address, "noise|covariance", &in->covariance));
  CF_TRY(cf_result_input(ctx, result, address));
  status = cf_array_to_doubles(ctx, in->covariance);
  if (status == CF_OK && in->covariance->ndim != 2 && in->covariance->ndim != 3) {
    status = cf_fail(ctx, CF_ERR_INPUT,
                     "a noise covariance is channels x channels or folds x channels x channels, this has %d axes",
                     in->covariance->ndim);
  }
  if (status != CF_OK) status = cf_explain(ctx, status, "%s", address);
done:
  return status;
}

static cf_status load_inputs(cf_context *ctx, const cf_options *o, const cf_rdm_options *rdm, cf_result *result,
                             inputs *in) {
  cf_status status = CF_OK;
  const char *address = cf_options_argument(o, 0);
  const char *conditions = cf_options_text(o, "conditions"), *folds = cf_options_text(o, "folds");
  CF_TRY(load_patterns(ctx, address, result, in));
  if (conditions) {
    CF_TRY(cf_load_labels(ctx, conditions, "--conditions", in->rows, result, &in->conditions));
  } else {
    CF_TRY(labels_of_file(ctx, address, in));
  }
  if (folds) {
    CF_TRY(cf_load_labels(ctx, folds, "--folds", in->rows, result, &in->folds));
  } else if (cf_rdm_metric_find(rdm->metric)->needs_folds) {
    CF_TRY(folds_of_file(ctx, address, in));
  }
  if (rdm->noise == CF_RDM_NOISE_GIVEN) CF_TRY(load_noise(ctx, cf_options_text(o, "noise"), result, in));
done:
  return status;
}

static void read_options(const cf_options *o, cf_rdm_options *out) {
  *out = (cf_rdm_options)CF_RDM_OPTIONS_INIT;
  out->metric = cf_options_text(o, "metric");
  out->noise = CF_RDM_NOISE_GIVEN;
  for (int i = 0; i < (int)CF_RDM_NOISE_GIVEN; i++) {
    if (strcmp(cf_options_text(o, "noise"), cf_rdm_noise_name((cf_rdm_noise)i)) == 0) out->noise = (cf_rdm_noise)i;
  }
  for (int i = 0; i <= (int)CF_RDM_NAN_PAIRWISE; i++) {
    if (strcmp(cf_options_text(o, "nan"), cf_rdm_nan_name((cf_rdm_nan)i)) == 0) out->nan = (cf_rdm_nan)i;
  }
  out->noise_per_fold = strcmp(cf_options_text(o, "noise-estimate"), "per-fold") == 0;
  out->constant_nan = strcmp(cf_options_text(o, "constant"), "nan") == 0;
  out->double_precision = strcmp(cf_options_text(o, "precision"), "double") == 0;
  out->per_channel = cf_options_flag(o, "per-channel");
  out->prior_lambda = cf_options_number(o, "prior");
  out->prior_weight = cf_options_number(o, "prior-weight");
}

/* --------------------------------------------------------------- results -- */

/* Labels of the matrix: those that grouped the rows, or the file's own in file order (some may have been left out). */
static cf_status result_labels(cf_context *ctx, const inputs *in, const cf_rdm *r, cf_array **out) {
  cf_status status = CF_OK;
  const char **text = NULL;
  double *number = NULL;
  size_t n = r->n;
  if (!in->labels || n == in->rows) return cf_array_copy(ctx, in->labels ? in->labels : r->conditions, out);
  if (in->labels->dtype == CF_TEXT) {
    CF_TRY(CF_ALLOC(ctx, &text, n));
    for (size_t i = 0; i < n; i++) text[i] = ((char **)in->labels->data)[(size_t)cf_array_number(r->conditions, i)];
    CF_TRY(cf_array_from_texts(ctx, "condition", n, text, out));
  } else {
    CF_TRY(CF_ALLOC(ctx, &number, n));
    for (size_t i = 0; i < n; i++) number[i] = cf_array_number(in->labels, (size_t)cf_array_number(r->conditions, i));
    CF_TRY(cf_array_from_doubles(ctx, "condition", 1, &n, number, out));
  }
done:
  cf_free(text);
  cf_free(number);
  return status;
}

static cf_status put_rdm(cf_context *ctx, const inputs *in, const double *d, size_t n, const cf_array *labels,
                         cf_result *result) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  size_t shape[3] = {in->subjects, n, n};
  int axes = in->stack ? 3 : 2;
  CF_TRY(cf_array_from_doubles(ctx, "rdm", axes, in->stack ? shape : shape + 1, d, &a));
  if (in->stack) {
    CF_TRY(cf_array_set_axis(ctx, a, 0, in->patterns->axis[0] ? in->patterns->axis[0] : "subject",
                             in->patterns->coordinate[0]));
  }
  CF_TRY(cf_array_set_axis(ctx, a, axes - 2, "condition", labels));
  CF_TRY(cf_array_set_axis(ctx, a, axes - 1, "condition", labels));
  cf_array *given = a;
  a = NULL;
  CF_TRY(cf_dataset_add(ctx, result->arrays, given));
done:
  cf_array_free(a);
  return status;
}

typedef struct spread {
  double low, high, mean, count, missing, negative;
} spread;

static spread measure(const double *d, size_t subjects, size_t n) {
  spread s = {INFINITY, -INFINITY, 0, 0, 0, 0};
  for (size_t m = 0; m < subjects; m++) {
    for (size_t i = 0; i < n; i++) {
      for (size_t j = i + 1; j < n; j++) {
        double x = d[(m * n + i) * n + j];
        if (isnan(x)) {
          s.missing++;
          continue;
        }
        s.low = fmin(s.low, x);
        s.high = fmax(s.high, x);
        s.mean += x;
        s.count++;
        s.negative += x < 0;
      }
    }
  }
  s.mean /= s.count;
  if (s.count == 0) s.low = s.high = NAN;
  return s;
}

static void fill_values(const inputs *in, const cf_rdm_options *o, const cf_rdm *r, double shrinkage, const spread *s,
                        const cf_array *labels, cf_json *values) {
  const cf_rdm_metric *m = cf_rdm_metric_find(o->metric);
  cf_json *noise = cf_json_object(), *names = cf_json_list();
  cf_json_set(values, "metric", cf_json_text(m->id));
  cf_json_set(values, "formula", cf_json_text(m->formula));
  cf_json_set(values, "reference", cf_json_text(m->reference));
  cf_json_set(values, "conditions", cf_json_number((double)r->n));
  cf_json_set(values, "channels", cf_json_number((double)r->channels));
  cf_json_set(values, "channels_used", cf_json_number((double)r->channels_used));
  cf_json_set(values, "rows", cf_json_number((double)r->rows));
  cf_json_set(values, "folds", cf_json_number((double)r->folds));
  cf_json_set(values, "subjects", cf_json_number((double)in->subjects));
  cf_json_set(values, "per_channel", cf_json_bool(o->per_channel));
  cf_json_set(noise, "kind", cf_json_text(cf_rdm_noise_name(o->noise)));
  cf_json_set(noise, "shrinkage", cf_json_number(shrinkage));
  cf_json_set(noise, "dof", cf_json_number(r->noise_dof));
  cf_json_set(noise, "per_fold", cf_json_bool(o->noise_per_fold || (in->covariance && in->covariance->ndim == 3)));
  cf_json_set(values, "noise", noise);
  cf_json_set(values, "precision",
              cf_json_text(r->single_precision ? "single for differences between folds" : "double"));
  cf_json_set(values, "range", cf_json_numbers((double[]){s->low, s->high}, 2));
  cf_json_set(values, "mean", cf_json_number(s->mean));
  cf_json_set(values, "negative_pairs", cf_json_number(s->negative));
  cf_json_set(values, "missing_pairs", cf_json_number(s->missing));
  cf_json_set(values, "recomputed_pairs", cf_json_number((double)r->recomputed));
  cf_json_set(values, "dropped_conditions", cf_json_number((double)r->dropped_conditions));
  for (size_t i = 0; i < r->n; i++) {
    char buffer[256];
    const char *text = cf_array_label(labels, i, buffer, sizeof buffer);
    cf_json_append(names, labels->dtype == CF_TEXT ? cf_json_text(text) : cf_json_number(cf_array_number(labels, i)));
  }
  cf_json_set(values, "labels", names);
}

static cf_status say(cf_context *ctx, const inputs *in, const cf_rdm_options *o, const cf_rdm *r, double shrinkage,
                     const spread *s, cf_result *result) {
  cf_status status = CF_OK;
  CF_TRY(cf_result_say(ctx, result, "%s: %zu conditions x %zu channels", o->metric, r->n, r->channels_used));
  if (in->stack) CF_TRY(cf_result_say(ctx, result, ", %zu subjects", in->subjects));
  if (r->folds) CF_TRY(cf_result_say(ctx, result, ", %zu folds", r->folds));
  if (o->noise != CF_RDM_NOISE_NONE) CF_TRY(cf_result_say(ctx, result, ", noise %s", cf_rdm_noise_name(o->noise)));
  if (!isnan(shrinkage)) CF_TRY(cf_result_say(ctx, result, " (intensity %.3f)", shrinkage));
  CF_TRY(cf_result_say(ctx, result, "\nrange %.6g to %.6g, mean %.6g", s->low, s->high, s->mean));
  if (s->negative > 0) CF_TRY(cf_result_say(ctx, result, ", %.0f pairs below zero", s->negative));
  if (s->missing > 0) CF_TRY(cf_result_say(ctx, result, ", %.0f pairs NaN", s->missing));
  CF_TRY(cf_result_say(ctx, result, "\n"));
done:
  return status;
}

static void warn(cf_context *ctx, const cf_rdm_options *o, const cf_rdm *r, double shrinkage) {
  if (shrinkage > 0.95 && r->channels_used > 1) {
    cf_warn(ctx,
            "the shrinkage intensity is %.3f (%.0f residual degrees of freedom for %zu channels): the noise estimate "
            "is almost one variance for all channels",
            shrinkage, r->noise_dof, r->channels_used);
  }
  if (strcmp(o->metric, "mahalanobis") == 0 && o->noise == CF_RDM_NOISE_NONE)
    cf_warn(ctx, "mahalanobis without --noise is the squared Euclidean distance; give --noise shrinkage, say");
  bool squared = strcmp(o->metric, "mahalanobis") == 0 || strcmp(o->metric, "sqeuclidean") == 0;
  if (squared && r->rows > r->n && o->folds) {
    cf_warn(ctx, "%s distances of noisy patterns are biased upwards; crossnobis over the folds is not", o->metric);
  }
}

/* ------------------------------------------------------------------- run -- */

/* Subjects whose missing data left other conditions cannot be stacked. */
static cf_status check_same(cf_context *ctx, const cf_rdm *first, const cf_rdm *r, size_t subject) {
  bool same = first->n == r->n;
  for (size_t i = 0; same && i < r->n; i++) {
    char a[96], b[96];
    same =
        strcmp(cf_array_label(first->conditions, i, a, sizeof a), cf_array_label(r->conditions, i, b, sizeof b)) == 0;
  }
  if (same) return CF_OK;
  return cf_fail(
      ctx, CF_ERR_INPUT,
      "subject %zu has other conditions left than subject 0, so the matrices cannot be stacked; use --nan drop-channel "
      "or pairwise",
      subject);
}

static cf_status compute_all(cf_context *ctx, const inputs *in, const cf_rdm_options *o, cf_rdm **first, double **d,
                             double *shrinkage) {
  cf_status status = CF_OK;
  cf_rdm *r = NULL;
  size_t size = 0;
  *shrinkage = 0;
  if (in->in_blocks) {
    CF_TRY(cf_rdm_compute_blocks(ctx, &in->blocks, o, first));
    *shrinkage = (*first)->shrinkage;
    goto done;
  }
  cf_view all = cf_array_view(in->patterns);
  cf_progress_begin(ctx, "subjects", in->subjects);
  for (size_t s = 0; s < in->subjects; s++) {
    cf_view one = in->stack ? cf_view_index(all, 0, s) : all;
    status = cf_rdm_compute(ctx, &one, o, &r);
    if (status != CF_OK) {
      if (in->stack) status = cf_explain(ctx, status, "subject %zu", s);
      break;
    }
    *shrinkage += r->shrinkage / (double)in->subjects;
    if (in->stack) {
      if (s == 0) {
        status = cf_size_mul(ctx, r->n * r->n, in->subjects, &size);
        if (status == CF_OK) status = CF_ALLOC(ctx, d, size);
      } else {
        status = check_same(ctx, *first, r, s);
      }
      if (status != CF_OK) break;
      memcpy(*d + s * r->n * r->n, r->d, r->n * r->n * sizeof **d);
    }
    if (s == 0) {
      *first = r;
    } else {
      cf_rdm_free(r);
    }
    r = NULL;
    cf_progress_step(ctx, 1);
  }
  cf_progress_end(ctx);
done:
  cf_rdm_free(r);
  return status;
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  inputs in = {0};
  cf_rdm_options o;
  cf_rdm *r = NULL;
  cf_array *labels = NULL;
  cf_view covariance;
  double *stack = NULL, shrinkage;
  read_options(options, &o);
  CF_TRY(load_inputs(ctx, options, &o, result, &in));
  o.conditions = in.conditions;
  o.folds = in.folds;
  if (in.covariance) {
    covariance = cf_array_view(in.covariance);
    o.covariance = &covariance;
  }
  status = compute_all(ctx, &in, &o, &r, &stack, &shrinkage);
  if (status != CF_OK) {
    if (status == CF_ERR_INPUT || status == CF_ERR_NUMERIC) {
      status = cf_explain(ctx, status, "%s", cf_options_argument(options, 0));
    }
    goto done;
  }
  const double *d = stack ? stack : r->d;
  spread s = measure(d, in.subjects, r->n);
  CF_TRY(result_labels(ctx, &in, r, &labels));
  CF_TRY(put_rdm(ctx, &in, d, r->n, labels, result));
  warn(ctx, &o, r, shrinkage);
  fill_values(&in, &o, r, shrinkage, &s, labels, result->values);
  CF_TRY(say(ctx, &in, &o, r, shrinkage, &s, result));
done:
  cf_array_free(labels);
  cf_free(stack);
  cf_rdm_free(r);
  inputs_free(&in);
  return status;
}

/* ------------------------------------------------------------------ cost -- */

/* Products run at about 12 Gflop/s and thread (doubles, any recent machine), files are read at about 500 MB/s. */
static cf_status cost(cf_context *ctx, const cf_options *options, cf_cost *out) {
  cf_status status = CF_OK;
  int ndim;
  size_t shape[CF_MAX_DIMS], folds = 1, conditions = 0;
  cf_rdm_options o;
  cf_array *labels = NULL;
  cf_mark mark = cf_scratch_mark(ctx);
  if (!cf_options_argument(options, 0)) return CF_OK;
  read_options(options, &o);
  CF_TRY(peek(ctx, cf_options_argument(options, 0), &ndim, shape));
  if (ndim < 2) goto done;
  double subjects = ndim > 2 ? (double)shape[0] : 1, flops, bytes;
  size_t rows = shape[ndim - 2], channels = shape[ndim - 1], *code, groups;
  const char *files[] = {cf_options_text(options, "conditions"), cf_options_text(options, "folds")};
  for (int i = 0; i < 2; i++) {
    if (!files[i] || cf_io_read_labels(ctx, files[i], &labels) != CF_OK) continue;
    CF_TRY(CF_SCRATCH(ctx, &code, cf_array_count(labels)));
    CF_TRY(cf_labels_group(ctx, labels, code, &groups, NULL));
    *(i ? &folds : &conditions) = groups;
    cf_array_free(labels);
    labels = NULL;
  }
  cf_rdm_cost(rows, channels, conditions, folds, o.metric, o.noise, &flops, &bytes);
  double values = (double)rows * (double)channels * subjects;
  out->seconds = subjects * flops / (12e9 * cf_context_threads(ctx)) + 8 * values / 500e6;
  out->bytes = bytes + CF_MIN(8 * values, (double)cf_context_memory(ctx));
done:
  cf_array_free(labels);
  cf_scratch_release(ctx, mark);
  return status;
}

const cf_analysis cf_analysis_rdm = {"rdm",       "Geometry", "Dissimilarity of every pair of conditions",
                                     "PATTERNS",  1,          1,
                                     description, examples,   params,
                                     run,         cost,       false};
