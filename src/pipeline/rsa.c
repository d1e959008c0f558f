/* `cortifold rsa`: evaluation of models of representational geometry. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/internal.h"
#include "pipeline/analyses.h"
#include "pipeline/load.h"
#include <cortifold/io.h>
#include <cortifold/rdm.h>
#include <cortifold/rsa.h>

static const cf_param params[] = {
    {"data", 'd', CF_PARAM_ADDRESS, "RDMS", NULL, 0, 0, NULL,
     "Dissimilarity matrices of the subjects: (subject, condition, condition), one matrix, or packed upper triangles; "
     "several addresses separated by commas, or a pattern of members (FILE:models/*), are stacked. Required."},
    {"models", 'm', CF_PARAM_ADDRESS, "RDMS", NULL, 0, 0, NULL,
     "Dissimilarity matrices of the models, in the same forms. Conditions are matched by label when both sides have "
     "labels, else by position. Required."},
    {"model-names", 0, CF_PARAM_LIST, "NAME,...", NULL, 0, 0, NULL,
     "Names of the model matrices, in order; default: from the file (coordinate or member `name`) or the file's name."},
    {"comparator", 'c', CF_PARAM_CHOICE, "NAME", "spearman", 0, 0, CF_COMPARATORS,
     "Similarity of two matrices. For ratio-scale distances cosine-cov or corr-cov are the most powerful; for ordinal "
     "predictions rho-a (models that predict ties are not favoured) or spearman."},
    {"bootstrap", 'b', CF_PARAM_CHOICE, "UNITS", "none", 0, 0, "none|subjects|stimuli|both",
     "What the inference generalises to. none: tests over the given subjects; subjects, stimuli: resample one of them; "
     "both: the dual bootstrap with its variance correction."},
    {"replicates", 'n', CF_PARAM_INTEGER, "N", "1000", 10, 10000000, NULL, "Bootstrap samples."},
    {"model-type", 0, CF_PARAM_CHOICE, "TYPE", "fixed", 0, 0, "fixed|selected|weighted|interpolated",
     "fixed: each matrix is a model. Otherwise the matrices (of each --group) are the components of one flexible "
     "model, fitted on training folds: the best one, their best non-negative combination, or the best point on the "
     "line through consecutive ones."},
    {"group", 0, CF_PARAM_ADDRESS, "LABELS", NULL, 0, 0, NULL,
     "Labels, one per model matrix: matrices of equal label form one flexible model of that name."},
    {"stimulus-groups", 0, CF_PARAM_ADDRESS, "LABELS", NULL, 0, 0, NULL,
     "Labels, one per condition of the data: stimuli of equal label are drawn and put in folds together."},
    {"subject-groups", 0, CF_PARAM_ADDRESS, "LABELS", NULL, 0, 0, NULL,
     "Labels, one per data matrix: matrices of equal label (sessions of a person) are drawn, left out and put in folds "
     "together, and count as one in tests over subjects."},
    {"folds-stimuli", 0, CF_PARAM_INTEGER, "K", "0", 0, 1000, NULL,
     "Cross-validation folds over stimuli; 1: none; 0: 2 to 5 by their number for flexible models, none for fixed "
     "ones."},
    {"folds-subjects", 0, CF_PARAM_INTEGER, "K", "0", 0, 1000, NULL,
     "Cross-validation folds over subjects; 1: none; 0: 2 to 5 by their number for flexible models, none for fixed "
     "ones."},
    {"cv-repeats", 0, CF_PARAM_INTEGER, "N", "2", 1, 1000, NULL,
     "Fold assignments per bootstrap sample; from 2 on the variance that they add is removed."},
    {"alternative", 0, CF_PARAM_CHOICE, "SIDE", "two-sided", 0, 0, "two-sided|greater",
     "Test of a model against 0. Comparisons of models and with the ceiling are always two-sided."},
    {"test", 0, CF_PARAM_CHOICE, "TEST", "t", 0, 0, "t|wilcoxon",
     "Without bootstrap: one-sample t test or signed-rank test over subjects."},
    {"interval", 0, CF_PARAM_CHOICE, "KIND", "t", 0, 0, "t|percentile",
     "Intervals from the standard error and a t quantile, or bootstrap percentiles (too wide for --bootstrap both, "
     "whose samples carry the noise three times)."},
    {"coverage", 0, CF_PARAM_REAL, "SHARE", "0.95", 0.01, 0.9999, NULL, "Coverage of the intervals."},
    {"square", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL,
     "Square every similarity before averaging, ceilings included (R2 of ranks with --comparator spearman)."},
    {"pool", 0, CF_PARAM_CHOICE, "RULE", "comparator", 0, 0, "comparator|mean",
     "How subjects are pooled for the noise ceiling: by the comparator's rule (unit length, z-scores or ranks), or "
     "the plain mean of the matrices."},
    {"nan", 0, CF_PARAM_CHOICE, "POLICY", "error", 0, 0, "error|drop-pair",
     "Missing dissimilarities: an error, or leave the pair out of every matrix."},
    CF_PARAM_END,
};

static const char description[] =
    "Compares every model matrix with every subject's matrix and tests the models against 0, against each other and "
    "against the noise ceiling.\n\n"
    "Comparators of upper triangles d1 and d2 with n pairs; r average ranks; C and D concordant and discordant "
    "pairs:\n"
    "@comparators\n"
    "The score of a model is the mean over subjects of the comparator's similarity. The noise ceiling bounds what "
    "any model could reach: above by the similarity of the subjects with their pooled matrix, below with each "
    "subject left out of the pool.\n\n"
    "Without bootstrap the tests run over subjects (dof subjects - 1). With it every sample draws subjects, stimuli "
    "or both with replacement, the same draws for all models; pairs of a stimulus with its own copy are left out. "
    "Standard errors are corrected for sample size, t tests have subjects - 1, stimuli - 1 or the smaller dof. "
    "`both` runs three bootstraps on the same draws and combines their variances, S subjects and n stimuli: f "
    "var_subjects + g var_stimuli - f g (var_both - var_subjects - var_stimuli), f = S/(S-1), g = n/(n-1), because "
    "resampling both counts the measurement noise three times.\n\n"
    "Flexible models (--model-type) are fitted inside every sample on training folds and judged on stimuli and "
    "subjects that the fit has not seen. Rank comparators fit weights to mean ranks by least squares (ours, as a "
    "stand-in for a fit of the ranks themselves); scores use the comparator itself.\n\n"
    "Values: models [{name, mean, ci, sem, p, p_holm, p_fdr, p_ceiling, p_ceiling_holm, p_ceiling_fdr, "
    "percent_of_lower, per_subject, components}], noise_ceiling {lower, upper, ci, per_subject_lower, "
    "per_subject_upper}, pairwise [{a, b, difference, sem, p, p_holm, p_fdr}]. Arrays: scores (model, subject), "
    "bootstrap (replicate, model), bootstrap_ceiling, data_mean_rdm, data_rdms, model_rdms.\n\n"
    "References: Schuett, Kipnis, Diedrichsen & Kriegeskorte (2023), eLife 12:e82566; Nili et al. (2014), PLoS "
    "Comput Biol 10:e1003553; Diedrichsen et al. (2021), Neurons Behav Data Anal Theory 5(3).";

static const char examples[] =
    "cortifold rsa --data subjects.npz --models layers.npz --comparator rho-a --bootstrap both\n"
    "cortifold rsa --data it.npy --models layers.npy --model-type weighted --comparator cosine-cov --bootstrap both\n"
    "cortifold rsa --data it.npy --models layer3.npy,layer4.npy --square --pool mean";

/* ---------------------------------------------------------------- inputs -- */

typedef struct rsa_inputs {
  cf_rdm_stack *data, *models;
  bool by_position;
  cf_array *names;                      /* of the evaluated models */
  size_t *group;                        /* code per model matrix; NULL without --group */
  size_t *stimulus_unit, *subject_unit; /* codes; NULL without labels */
} rsa_inputs;

static void inputs_free(rsa_inputs *in) {
  cf_rdm_stack_free(in->data);
  cf_rdm_stack_free(in->models);
  cf_array_free(in->names);
  cf_free(in->group);
  cf_free(in->stimulus_unit);
  cf_free(in->subject_unit);
}

/* --model-names instead of what the files say. */
static cf_status rename_models(cf_context *ctx, const cf_options *o, cf_rdm_stack *models) {
  cf_status status = CF_OK;
  size_t n = cf_options_list_count(o, "model-names");
  char **text = NULL;
  cf_array *names = NULL;
  if (n == 0) return CF_OK;
  if (n != models->rdms)
    return cf_fail(ctx, CF_ERR_USAGE, "--model-names: %zu names for %zu model matrices", n, models->rdms);
  CF_TRY(CF_ALLOC(ctx, &text, n));
  for (size_t i = 0; i < n; i++) {
    char buffer[256];
    const char *entry = cf_options_list_entry(o, "model-names", i, buffer, sizeof buffer);
    CF_TRY(cf_strdup(ctx, entry ? entry : "", &text[i]));
  }
  CF_TRY(cf_array_from_texts(ctx, "name", n, (const char *const *)text, &names));
  cf_array_free(models->names);
  models->names = names;
done:
  for (size_t i = 0; text && i < n; i++) cf_free(text[i]);
  cf_free(text);
  return status;
}

/* Names of the models as they are evaluated: of the matrices, of the groups, or of the one flexible model. */
static cf_status name_models(cf_context *ctx, const cf_options *o, cf_result *result, rsa_inputs *in) {
  cf_status status = CF_OK;
  const char *type = cf_options_text(o, "model-type"), *file = cf_options_text(o, "group");
  cf_array *labels = NULL, *groups = NULL;
  char **text = NULL;
  size_t count = 0;
  if (!file) {
    if (strcmp(type, "fixed") == 0) return cf_array_copy(ctx, in->models->names, &in->names);
    return cf_array_from_texts(ctx, "name", 1, &type, &in->names);
  }
  CF_TRY(cf_load_labels(ctx, file, "--group", in->models->rdms, result, &labels));
  CF_TRY(CF_ALLOC(ctx, &in->group, in->models->rdms));
  CF_TRY(cf_labels_group(ctx, labels, in->group, &count, &groups));
  CF_TRY(CF_ALLOC(ctx, &text, count));
  for (size_t i = 0; i < count; i++) {
    char buffer[256];
    CF_TRY(cf_strdup(ctx, cf_array_label(groups, i, buffer, sizeof buffer), &text[i]));
  }
  CF_TRY(cf_array_from_texts(ctx, "name", count, (const char *const *)text, &in->names));
done:
  for (size_t i = 0; text && i < count; i++) cf_free(text[i]);
  cf_free(text);
  cf_array_free(labels);
  cf_array_free(groups);
  return status;
}

/* Codes of --stimulus-groups or --subject-groups; NULL when not given. */
static cf_status load_units(cf_context *ctx, const cf_options *o, const char *option, const char *shown, size_t n,
                            cf_result *result, size_t **out) {
  cf_status status = CF_OK;
  const char *file = cf_options_text(o, option);
  cf_array *labels = NULL;
  size_t count;
  if (!file) return CF_OK;
  CF_TRY(cf_load_labels(ctx, file, shown, n, result, &labels));
  CF_TRY(CF_ALLOC(ctx, out, n));
  CF_TRY(cf_labels_group(ctx, labels, *out, &count, NULL));
done:
  cf_array_free(labels);
  return status;
}

static cf_status load_inputs(cf_context *ctx, const cf_options *o, cf_result *result, rsa_inputs *in) {
  cf_status status = CF_OK;
  const char *data = cf_options_text(o, "data"), *models = cf_options_text(o, "models");
  cf_rdm_check check = strcmp(cf_options_text(o, "nan"), "drop-pair") == 0 ? CF_RDM_ALLOW_NAN : CF_RDM_FINITE;
  if (!data || !models)
    return cf_fail(ctx, CF_ERR_USAGE, "--%s is required: the dissimilarity matrices of the %s",
                   data ? "models" : "data", data ? "models" : "subjects");
  CF_TRY(cf_load_rdms(ctx, data, "data", check, result, &in->data));
  CF_TRY(cf_load_rdms(ctx, models, "models", check, result, &in->models));
  status = cf_rdm_stack_match(ctx, in->data, in->models, &in->by_position);
  if (status != CF_OK) CF_TRY(cf_explain(ctx, status, "data %s, models %s", data, models));
  if (in->by_position && (in->data->conditions || in->models->conditions))
    cf_warn(ctx, "conditions of data and models are paired by position: only one side has labels");
  CF_TRY(rename_models(ctx, o, in->models));
  CF_TRY(name_models(ctx, o, result, in));
  CF_TRY(load_units(ctx, o, "stimulus-groups", "--stimulus-groups", in->data->n, result, &in->stimulus_unit));
  CF_TRY(load_units(ctx, o, "subject-groups", "--subject-groups", in->data->rdms, result, &in->subject_unit));
done:
  return status;
}

static void read_options(const cf_options *o, const rsa_inputs *in, cf_rsa_options *out) {
  static const char *const bootstraps[] = {"none", "subjects", "stimuli", "both"};
  static const char *const types[] = {"fixed", "selected", "weighted", "interpolated"};
  *out = (cf_rsa_options)CF_RSA_OPTIONS_INIT;
  out->comparator = cf_comparator_find(cf_options_text(o, "comparator"))->id;
  for (int i = 0; i < 4; i++) {
    if (strcmp(cf_options_text(o, "bootstrap"), bootstraps[i]) == 0) out->bootstrap = (cf_rsa_bootstrap)i;
    if (strcmp(cf_options_text(o, "model-type"), types[i]) == 0) out->type = (cf_rsa_type)i;
  }
  out->replicates = (size_t)cf_options_integer(o, "replicates");
  out->group = in->group;
  out->stimulus_unit = in->stimulus_unit;
  out->subject_unit = in->subject_unit;
  out->folds_stimuli = (size_t)cf_options_integer(o, "folds-stimuli");
  out->folds_subjects = (size_t)cf_options_integer(o, "folds-subjects");
  out->cv_repeats = (size_t)cf_options_integer(o, "cv-repeats");
  out->greater = strcmp(cf_options_text(o, "alternative"), "greater") == 0;
  out->wilcoxon = strcmp(cf_options_text(o, "test"), "wilcoxon") == 0;
  out->percentile = strcmp(cf_options_text(o, "interval"), "percentile") == 0;
  out->coverage = cf_options_number(o, "coverage");
  out->square = cf_options_flag(o, "square");
  out->pool_raw = strcmp(cf_options_text(o, "pool"), "mean") == 0;
  out->drop_pairs = strcmp(cf_options_text(o, "nan"), "drop-pair") == 0;
}

/* ---------------------------------------------------------------- values -- */

static const char *name_of(const cf_array *names, size_t i) {
  return ((char **)names->data)[i];
}

static cf_json *interval(double low, double high) {
  return cf_json_numbers((double[]){low, high}, 2);
}

static cf_json *model_json(const cf_rsa_result *r, const rsa_inputs *in, size_t m) {
  cf_json *o = cf_json_object();
  cf_json_set(o, "name", cf_json_text(name_of(in->names, m)));
  cf_json_set(o, "mean", cf_json_number(r->mean[m]));
  cf_json_set(o, "ci", interval(r->ci_low[m], r->ci_high[m]));
  cf_json_set(o, "sem", cf_json_number(r->sem[m]));
  cf_json_set(o, "p", cf_json_number(r->p[m]));
  cf_json_set(o, "p_holm", cf_json_number(r->p_holm[m]));
  cf_json_set(o, "p_fdr", cf_json_number(r->p_fdr[m]));
  cf_json_set(o, "p_ceiling", cf_json_number(r->p_ceiling[m]));
  cf_json_set(o, "p_ceiling_holm", cf_json_number(r->p_ceiling_holm[m]));
  cf_json_set(o, "p_ceiling_fdr", cf_json_number(r->p_ceiling_fdr[m]));
  cf_json_set(o, "percent_of_lower", cf_json_number(100 * r->mean[m] / r->lower));
  if (r->bootstrap) cf_json_set(o, "ci_percentile", interval(r->percentile_low[m], r->percentile_high[m]));
  cf_json_set(o, "per_subject", cf_json_numbers(r->scores + m * r->subjects, r->subjects));
  if (!r->weights) return o;
  cf_json *list = cf_json_list();
  for (size_t i = 0; i < r->components; i++) {
    if (in->group && in->group[i] != m) continue;
    cf_json *c = cf_json_object();
    cf_json_set(c, "name", cf_json_text(name_of(in->models->names, i)));
    cf_json_set(c, "weight", cf_json_number(r->weights[i]));
    cf_json_append(list, c);
  }
  cf_json_set(o, "components", list);
  return o;
}

static cf_json *ceiling_json(const cf_rsa_result *r) {
  cf_json *o = cf_json_object(), *ci = cf_json_object();
  cf_json_set(o, "lower", cf_json_number(r->lower));
  cf_json_set(o, "upper", cf_json_number(r->upper));
  cf_json_set(ci, "lower", interval(r->lower_ci[0], r->lower_ci[1]));
  cf_json_set(ci, "upper", interval(r->upper_ci[0], r->upper_ci[1]));
  cf_json_set(o, "ci", ci);
  cf_json_set(o, "per_subject_lower", cf_json_numbers(r->ceiling_lower, r->subjects));
  cf_json_set(o, "per_subject_upper", cf_json_numbers(r->ceiling_upper, r->subjects));
  return o;
}

static cf_json *pair_json(const cf_rsa_pair *p, const cf_array *names) {
  cf_json *o = cf_json_object();
  cf_json_set(o, "a", cf_json_text(name_of(names, p->a)));
  cf_json_set(o, "b", cf_json_text(name_of(names, p->b)));
  cf_json_set(o, "difference", cf_json_number(p->difference));
  cf_json_set(o, "sem", cf_json_number(p->sem));
  cf_json_set(o, "p", cf_json_number(p->p));
  cf_json_set(o, "p_holm", cf_json_number(p->p_holm));
  cf_json_set(o, "p_fdr", cf_json_number(p->p_fdr));
  return o;
}

static cf_json *count_json(const cf_rsa_result *r) {
  const struct {
    const char *key;
    size_t value;
  } counts[] = {{"subjects", r->subjects},
                {"conditions", r->conditions},
                {"pairs", r->pairs},
                {"models", r->models},
                {"model_rdms", r->components},
                {"folds_stimuli", r->folds_stimuli},
                {"folds_subjects", r->folds_subjects},
                {"stimulus_groups", r->stimulus_units},
                {"subject_groups", r->subject_units},
                {"replicates", r->replicates},
                {"replicates_used", r->replicates_used}};
  cf_json *o = cf_json_object();
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    cf_json_set(o, counts[i].key, cf_json_number((double)counts[i].value));
  return o;
}

static void fill_values(const cf_options *options, const cf_rsa_options *o, const rsa_inputs *in,
                        const cf_rsa_result *r, cf_json *values) {
  const cf_comparator_info *c = cf_comparator_at(o->comparator);
  cf_json *models = cf_json_list(), *pairwise = cf_json_list(), *comparator = cf_json_object();
  for (size_t m = 0; m < r->models; m++) cf_json_append(models, model_json(r, in, m));
  for (size_t i = 0; i < r->n_pairwise; i++) cf_json_append(pairwise, pair_json(&r->pairwise[i], in->names));
  cf_json_set(values, "models", models);
  cf_json_set(values, "noise_ceiling", ceiling_json(r));
  cf_json_set(values, "pairwise", pairwise);
  cf_json_set(values, "n", count_json(r));
  cf_json_set(comparator, "name", cf_json_text(c->name));
  cf_json_set(comparator, "formula", cf_json_text(c->formula));
  cf_json_set(comparator, "reference", cf_json_text(c->reference));
  cf_json_set(comparator, "squared", cf_json_bool(o->square));
  cf_json_set(values, "comparator", comparator);
  cf_json_set(values, "bootstrap", cf_json_text(cf_options_text(options, "bootstrap")));
  cf_json_set(values, "test",
              cf_json_text(o->bootstrap == CF_BOOTSTRAP_NONE && o->wilcoxon ? "signed-rank over subjects"
                           : o->bootstrap == CF_BOOTSTRAP_NONE              ? "t over subjects"
                                                                            : "t with bootstrap standard errors"));
  cf_json_set(values, "alternative", cf_json_text(cf_options_text(options, "alternative")));
  cf_json_set(values, "dof", cf_json_number(r->dof));
  cf_json_set(values, "conditions_matched_by", cf_json_text(in->by_position ? "position" : "label"));
}

/* ---------------------------------------------------------------- arrays -- */

static cf_status put(cf_context *ctx, cf_result *result, const char *name, int ndim, const size_t *shape,
                     const double *data, const char *const *axis, const cf_array *const *coordinate) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  CF_TRY(cf_array_from_doubles(ctx, name, ndim, shape, data, &a));
  for (int d = 0; d < ndim; d++) {
    if (coordinate[d]) {
      CF_TRY(cf_array_set_axis(ctx, a, d, axis[d], coordinate[d]));
    } else {
      CF_TRY(cf_array_set_axis(ctx, a, d, axis[d], NULL));
    }
  }
  status = cf_dataset_add(ctx, result->arrays, a);
  return status;
done:
  cf_array_free(a);
  return status;
}

/* A stack of packed triangles as square matrices. */
static cf_status put_stack(cf_context *ctx, cf_result *result, const char *name, const char *axis,
                           const cf_rdm_stack *stack, const cf_array *conditions) {
  cf_status status = CF_OK;
  double *square = NULL;
  size_t n = stack->n, count, shape[3] = {stack->rdms, n, n};
  CF_TRY(cf_size_mul(ctx, n, n, &count));
  CF_TRY(cf_size_mul(ctx, count, stack->rdms, &count));
  CF_TRY(CF_ALLOC(ctx, &square, count));
  for (size_t r = 0; r < stack->rdms; r++) cf_rdm_unpack(n, stack->packed + r * stack->pairs, square + r * n * n);
  CF_TRY(put(ctx, result, name, 3, shape, square, (const char *const[]){axis, "condition", "condition"},
             (const cf_array *const[]){stack->names, conditions, conditions}));
done:
  cf_free(square);
  return status;
}

static cf_status fill_arrays(cf_context *ctx, const rsa_inputs *in, const cf_rsa_result *r, cf_result *result) {
  cf_status status = CF_OK;
  size_t n = in->data->n, pairs = in->data->pairs;
  const cf_array *conditions = in->data->conditions ? in->data->conditions : in->models->conditions;
  double *mean = NULL, *square = NULL;
  CF_TRY(put(ctx, result, "scores", 2, (const size_t[]){r->models, r->subjects}, r->scores,
             (const char *const[]){"model", "subject"}, (const cf_array *const[]){in->names, in->data->names}));
  if (r->bootstrap) {
    CF_TRY(put(ctx, result, "bootstrap", 2, (const size_t[]){r->replicates, r->models}, r->bootstrap,
               (const char *const[]){"replicate", "model"}, (const cf_array *const[]){NULL, in->names}));
    CF_TRY(put(ctx, result, "bootstrap_ceiling", 2, (const size_t[]){r->replicates, 2}, r->bootstrap_ceiling,
               (const char *const[]){"replicate", "bound"}, (const cf_array *const[]){NULL, NULL}));
  }
  CF_TRY(CF_ALLOC(ctx, &mean, pairs));
  CF_TRY(CF_ALLOC(ctx, &square, n * n));
  for (size_t s = 0; s < in->data->rdms; s++)
    for (size_t p = 0; p < pairs; p++) mean[p] += in->data->packed[s * pairs + p] / (double)in->data->rdms;
  cf_rdm_unpack(n, mean, square);
  CF_TRY(put(ctx, result, "data_mean_rdm", 2, (const size_t[]){n, n}, square,
             (const char *const[]){"condition", "condition"}, (const cf_array *const[]){conditions, conditions}));
  CF_TRY(put_stack(ctx, result, "data_rdms", "subject", in->data, conditions));
  CF_TRY(put_stack(ctx, result, "model_rdms", "model_rdm", in->models, conditions));
done:
  cf_free(mean);
  cf_free(square);
  return status;
}

/* --------------------------------------------------------------- summary -- */

static const char *p_text(double p, char *buffer, size_t size) {
  if (isnan(p))
    snprintf(buffer, size, "-");
  else
    snprintf(buffer, size, p < 0.001 ? "%.1e" : "%.3f", p);
  return buffer;
}

static void number_text(double x, char *buffer, size_t size) {
  if (isnan(x))
    snprintf(buffer, size, "-");
  else
    snprintf(buffer, size, "%.4f", x);
}

static cf_status say_summary(cf_context *ctx, const cf_options *options, const cf_rsa_options *o, const rsa_inputs *in,
                             const cf_rsa_result *r, cf_result *result) {
  cf_status status = CF_OK;
  int width = 5;
  char a[24], b[24], c[24], sem[24], interval[64];
  for (size_t m = 0; m < r->models; m++) width = CF_MAX(width, (int)CF_MIN(strlen(name_of(in->names, m)), (size_t)40));
  CF_TRY(cf_result_say(ctx, result, "%s%s, %zu subject%s, %zu conditions (%zu pairs, matched by %s)",
                       o->square ? "squared " : "", cf_options_text(options, "comparator"), r->subjects,
                       r->subjects == 1 ? "" : "s", r->conditions, r->pairs, in->by_position ? "position" : "label"));
  if (r->bootstrap)
    CF_TRY(cf_result_say(ctx, result, "; bootstrap over %s, %zu of %zu samples used",
                         o->bootstrap == CF_BOOTSTRAP_BOTH ? "subjects and stimuli"
                                                           : cf_options_text(options, "bootstrap"),
                         r->replicates_used, r->replicates));
  if (r->folds_stimuli > 1 || r->folds_subjects > 1)
    CF_TRY(cf_result_say(ctx, result, "; %zu folds of stimuli, %zu of subjects", r->folds_stimuli, r->folds_subjects));
  if (isnan(r->lower))
    CF_TRY(cf_result_say(ctx, result, "\nno noise ceiling: it needs at least two subjects\n\n"));
  else
    CF_TRY(cf_result_say(ctx, result, "\nnoise ceiling %.4f to %.4f\n\n", r->lower, r->upper));
  CF_TRY(cf_result_say(ctx, result, "%-*s  %8s  %8s  %19s  %8s  %8s  %9s\n", width, "model", "mean", "sem", "interval",
                       "p", "p fdr", "p ceiling"));
  for (size_t m = 0; m < r->models; m++) {
    number_text(r->sem[m], sem, sizeof sem);
    snprintf(interval, sizeof interval, "[%8.4f,%8.4f]", r->ci_low[m], r->ci_high[m]);
    if (isnan(r->ci_low[m])) snprintf(interval, sizeof interval, "-");
    CF_TRY(cf_result_say(ctx, result, "%-*.40s  %8.4f  %8s  %19s  %8s  %8s  %9s\n", width, name_of(in->names, m),
                         r->mean[m], sem, interval, p_text(r->p[m], a, sizeof a), p_text(r->p_fdr[m], b, sizeof b),
                         p_text(r->p_ceiling[m], c, sizeof c)));
  }
  if (r->n_pairwise) {
    size_t different = 0;
    for (size_t i = 0; i < r->n_pairwise; i++) different += r->pairwise[i].p_fdr < 0.05;
    CF_TRY(cf_result_say(ctx, result, "\n%zu of %zu pairs of models differ (false discovery rate 0.05)\n", different,
                         r->n_pairwise));
  }
done:
  return status;
}

/* ------------------------------------------------------------------- run -- */

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  rsa_inputs in = {NULL, NULL, false, NULL, NULL, NULL, NULL};
  cf_rsa_options o;
  cf_rsa_result *r = NULL;
  CF_TRY(load_inputs(ctx, options, result, &in));
  read_options(options, &in, &o);
  status = cf_rsa_evaluate(ctx, &o, in.data->n, in.data->rdms, in.data->packed, in.models->rdms, in.models->packed, &r);
  if (status == CF_ERR_INPUT)
    status = cf_explain(ctx, status, "data %s, models %s", cf_options_text(options, "data"),
                        cf_options_text(options, "models"));
  CF_TRY(status);
  fill_values(options, &o, &in, r, result->values);
  CF_TRY(fill_arrays(ctx, &in, r, result));
  CF_TRY(say_summary(ctx, options, &o, &in, r, result));
done:
  cf_rsa_result_free(r);
  inputs_free(&in);
  return status;
}

/* ------------------------------------------------------------------ cost -- */

/* Matrices and conditions of a list of addresses, from the files' headers; zeros when they cannot be told. */
static cf_status peek(cf_context *ctx, const char *addresses, double *rdms, double *n) {
  cf_status status = CF_OK;
  char *list = NULL, *path = NULL, *member = NULL, *rest = NULL;
  cf_io_listing *listing = NULL;
  *rdms = *n = 0;
  CF_TRY(cf_strdup(ctx, addresses, &list));
  for (char *one = strtok_r(list, ",", &rest); one; one = strtok_r(NULL, ",", &rest)) {
    CF_TRY(cf_io_split(ctx, one, &path, &member));
    CF_TRY(cf_io_list(ctx, path, &listing));
    for (size_t i = 0; i < listing->count; i++) {
      const cf_io_entry *e = &listing->entry[i];
      if (member ? !e->member || strcmp(e->member, member) != 0 : e->ndim < 1 || e->dtype == CF_TEXT) continue;
      size_t last = e->ndim > 0 ? e->shape[e->ndim - 1] : 0;
      bool square = e->ndim > 1 && e->shape[e->ndim - 2] == last;
      *n = fmax(*n, (double)(square ? last : cf_rdm_conditions(last)));
      *rdms += e->ndim == 3 || (e->ndim == 2 && !square) ? (double)e->shape[0] : 1;
      break;
    }
    cf_io_listing_free(listing);
    cf_free(path);
    cf_free(member);
    listing = NULL;
    path = member = NULL;
  }
done:
  cf_io_listing_free(listing);
  cf_free(path);
  cf_free(member);
  cf_free(list);
  return status;
}

/* Measured on one core: about 1.2 ns for each number that is gathered, ranked or whitened, 0.3 ns for each product of
 * the comparison and 12 ns for each step of kendall; a stimulus sample keeps (1 - 1/e)^2 = 0.4 of the pairs. */
static cf_status cost(cf_context *ctx, const cf_options *options, cf_cost *out) {
  cf_status status = CF_OK;
  double subjects, models, n, unused;
  if (!cf_options_text(options, "data") || !cf_options_text(options, "models")) return CF_OK;
  CF_TRY(peek(ctx, cf_options_text(options, "data"), &subjects, &n));
  CF_TRY(peek(ctx, cf_options_text(options, "models"), &models, &unused));
  const char *bootstrap = cf_options_text(options, "bootstrap"), *comparator = cf_options_text(options, "comparator");
  bool none = strcmp(bootstrap, "none") == 0, kendall = strncmp(comparator, "kendall", 7) == 0;
  bool flexible = strcmp(cf_options_text(options, "model-type"), "fixed") != 0;
  double replicates = none ? 1 : (double)cf_options_integer(options, "replicates"), pairs = n * (n - 1) / 2;
  double samples = replicates * (flexible ? 10 * (double)cf_options_integer(options, "cv-repeats") : 1);
  if (flexible && strcmp(bootstrap, "both") == 0) samples *= 3;
  double sample = 3e-9 * (subjects + models) * pairs + (kendall ? 15e-9 : 0.15e-9) * subjects * models * pairs;
  if (cf_comparator_find(comparator)->ranks) sample += 20e-9 * subjects * pairs;
  out->seconds = (sample * samples) / cf_context_threads(ctx);
  out->bytes =
      8 * pairs * ((subjects + models) * (3 + 3.0 * cf_context_threads(ctx))) + 8 * replicates * (models + 2) * 4;
done:
  return status;
}

const cf_analysis cf_analysis_rsa = {
    "rsa", "Geometry", "Evaluate models of representational geometry", "", 0, 0, description, examples, params, run,
    cost,  false};
