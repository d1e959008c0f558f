/* `cortifold simulate geometry`: the data come from the simulate module; the subjects' dissimilarities are computed
 * from them here, as a user would. */
#include "base/internal.h"
#include "pipeline/simulate.h"

#include <cortifold/rdm.h>
#include <cortifold/simulate.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------- labels -- */

/* Alphabetical, so that conditions sorted by label keep their order; the first half is animate. */
static const char *category_name(size_t i, size_t of, char *buffer, size_t size) {
  static const char *const four[] = {"body", "face", "object", "place"};
  if (of == 4) return four[i];
  int width = snprintf(buffer, size, "%zu", of);
  snprintf(buffer, size, "category%0*zu", width, i + 1);
  return buffer;
}

/* n texts made by say(). */
typedef const char *(*say_fn)(const cf_simulated_geometry *g, size_t i, char *buffer, size_t size);

static const char *say_condition(const cf_simulated_geometry *g, size_t i, char *buffer, size_t size) {
  char group[64], number[32];
  size_t first = i;
  while (first > 0 && g->category[first - 1] == g->category[i]) first--;
  int width = snprintf(number, sizeof number, "%zu", g->conditions / g->categories + 1);
  snprintf(buffer, size, "%s-%0*zu", category_name(g->category[i], g->categories, group, sizeof group),
           width < 2 ? 2 : width, i - first + 1);
  return buffer;
}
static const char *say_category(const cf_simulated_geometry *g, size_t i, char *buffer, size_t size) {
  return category_name(g->category[i], g->categories, buffer, size);
}
static const char *say_trial(const cf_simulated_geometry *g, size_t t, char *buffer, size_t size) {
  return say_condition(g, g->trial_condition[t], buffer, size);
}
static const char *say_subject(const cf_simulated_geometry *g, size_t s, char *buffer, size_t size) {
  char number[32];
  int width = snprintf(number, sizeof number, "%zu", g->subjects);
  snprintf(buffer, size, "sub-%0*zu", width < 2 ? 2 : width, s + 1);
  return buffer;
}

static cf_status make_texts(cf_context *ctx, const cf_simulated_geometry *g, const char *name, size_t n, say_fn say,
                            cf_array **out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  enum { LONGEST = 160 };
  char *text;
  const char **list;
  CF_TRY(CF_SCRATCH(ctx, &text, n * LONGEST));
  CF_TRY(CF_SCRATCH(ctx, &list, n));
  for (size_t i = 0; i < n; i++) list[i] = say(g, i, text + i * LONGEST, LONGEST);
  CF_TRY(cf_array_from_texts(ctx, name, n, list, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------- members -- */

typedef struct job {
  cf_result *result;
  const cf_options *options;
  cf_simulated_geometry *g;
  cf_array *condition, *subject, *trial, *run; /* labels */
  bool *wanted;                                /* per model */
  size_t models;
} job;

typedef struct axis {
  const char *name;
  size_t length;
  const cf_array *label; /* NULL: none */
} axis;

/* Adds row-major doubles under a name with up to three axes; the list ends with a NULL name. */
static cf_status put(cf_context *ctx, job *j, const char *name, const double *data, const axis *axes) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  size_t shape[CF_MAX_DIMS] = {0};
  int ndim = 0;
  for (; axes[ndim].name; ndim++) shape[ndim] = axes[ndim].length;
  CF_TRY(cf_array_from_doubles(ctx, name, ndim, shape, data, &a));
  for (int d = 0; d < ndim; d++) CF_TRY(cf_array_set_axis(ctx, a, d, axes[d].name, axes[d].label));
  status = cf_dataset_add(ctx, j->result->arrays, a);
  a = NULL;
done:
  cf_array_free(a);
  return status;
}

static cf_status put_copy(cf_context *ctx, job *j, const cf_array *array) {
  cf_array *copy = NULL;
  cf_status status = cf_array_copy(ctx, array, &copy);
  return status == CF_OK ? cf_dataset_add(ctx, j->result->arrays, copy) : status;
}

static cf_status make_labels(cf_context *ctx, job *j) {
  cf_simulated_geometry *g = j->g;
  cf_status status = CF_OK;
  cf_array *category = NULL;
  CF_TRY(make_texts(ctx, g, "condition", g->conditions, say_condition, &j->condition));
  CF_TRY(make_texts(ctx, g, "category", g->conditions, say_category, &category));
  CF_TRY(make_texts(ctx, g, "subject", g->subjects, say_subject, &j->subject));
  CF_TRY(make_texts(ctx, g, "conditions", g->trials, say_trial, &j->trial));
  CF_TRY(cf_array_new(ctx, "folds", CF_I64, 1, &g->trials, &j->run));
  for (size_t t = 0; t < g->trials; t++) ((int64_t *)j->run->data)[t] = (int64_t)g->trial_run[t] + 1;
  CF_TRY(put_copy(ctx, j, j->condition));
  CF_TRY(put_copy(ctx, j, category));
  CF_TRY(put_copy(ctx, j, j->subject));
  CF_TRY(put_copy(ctx, j, j->trial));
  CF_TRY(put_copy(ctx, j, j->run));
done:
  cf_array_free(category);
  return status;
}

/* Mean over the trials of each condition. */
static void condition_means(const cf_simulated_geometry *g, const double *trials, double *mean) {
  size_t p = g->channels;
  memset(mean, 0, g->conditions * p * sizeof *mean);
  for (size_t t = 0; t < g->trials; t++)
    for (size_t c = 0; c < p; c++) mean[g->trial_condition[t] * p + c] += trials[t * p + c] / (double)g->runs;
}

static cf_status put_patterns(cf_context *ctx, job *j) {
  cf_simulated_geometry *g = j->g;
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  double *mean;
  const axis trial = {"trial", g->trials, NULL}, channel = {"channel", g->channels, NULL}, end = {NULL, 0, NULL};
  const axis condition = {"condition", g->conditions, j->condition}, subject = {"subject", g->subjects, j->subject};
  size_t each = g->conditions * g->channels;
  CF_TRY(CF_SCRATCH(ctx, &mean, g->subjects * each));
  for (size_t s = 0; s < g->subjects; s++)
    condition_means(g, g->patterns + s * g->trials * g->channels, mean + s * each);
  CF_TRY(put(ctx, j, "patterns", g->patterns, (const axis[]){trial, channel, end}));
  CF_TRY(put(ctx, j, "patterns_mean", mean, (const axis[]){condition, channel, end}));
  CF_TRY(put(ctx, j, "subjects/patterns", g->patterns, (const axis[]){subject, trial, channel, end}));
  CF_TRY(put(ctx, j, "subjects/patterns_mean", mean, (const axis[]){subject, condition, channel, end}));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Dissimilarities of each subject as `cortifold rdm` computes them. */
static cf_status put_data_rdms(cf_context *ctx, job *j) {
  const char *metric = cf_options_text(j->options, "metric"), *noise = cf_options_text(j->options, "normalise");
  cf_simulated_geometry *g = j->g;
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  cf_rdm *rdm = NULL;
  double *stack;
  size_t k = g->conditions;
  if (strcmp(metric, "none") == 0) return CF_OK;
  cf_rdm_options o = CF_RDM_OPTIONS_INIT;
  o.metric = metric;
  o.conditions = j->trial;
  if (strcmp(metric, "crossnobis") == 0) {
    if (g->runs < 2)
      return cf_fail(ctx, CF_ERR_USAGE, "--metric crossnobis needs --runs 2 or more; it is %zu", g->runs);
    o.folds = j->run;
    o.noise = strcmp(noise, "none") == 0       ? CF_RDM_NOISE_NONE
              : strcmp(noise, "diagonal") == 0 ? CF_RDM_NOISE_DIAGONAL
                                               : CF_RDM_NOISE_SHRINKAGE;
  }
  o.per_channel = strcmp(metric, "correlation") != 0;
  CF_TRY(CF_SCRATCH(ctx, &stack, g->subjects * k * k));
  for (size_t s = 0; s < g->subjects; s++) {
    cf_view trials = cf_view_matrix(g->patterns + s * g->trials * g->channels, g->trials, g->channels);
    status = cf_rdm_compute(ctx, &trials, &o, &rdm);
    if (status != CF_OK) {
      char name[64];
      status = cf_explain(ctx, status, "%s", say_subject(g, s, name, sizeof name));
      goto done;
    }
    memcpy(stack + s * k * k, rdm->d, k * k * sizeof *stack);
    cf_rdm_free(rdm);
    rdm = NULL;
  }
  const axis condition = {"condition", k, j->condition}, subject = {"subject", g->subjects, j->subject};
  CF_TRY(put(ctx, j, "data_rdms", stack, (const axis[]){subject, condition, condition, {NULL, 0, NULL}}));
done:
  cf_rdm_free(rdm);
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status put_models(cf_context *ctx, job *j) {
  cf_simulated_geometry *g = j->g;
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  cf_array *names = NULL;
  const char *name[CF_SIMULATED_MODELS];
  double *stack;
  size_t k = g->conditions, n = 0;
  const axis condition = {"condition", k, j->condition}, end = {NULL, 0, NULL};
  CF_TRY(CF_SCRATCH(ctx, &stack, CF_SIMULATED_MODELS * k * k));
  for (size_t m = 0; m < CF_SIMULATED_MODELS; m++) {
    char member[64];
    if (!j->wanted[m]) continue;
    snprintf(member, sizeof member, "models/%s", g->model_name[m]);
    CF_TRY(put(ctx, j, member, g->model[m], (const axis[]){condition, condition, end}));
    memcpy(stack + n * k * k, g->model[m], k * k * sizeof *stack);
    name[n++] = g->model_name[m];
  }
  CF_TRY(cf_array_from_texts(ctx, "model", n, name, &names));
  CF_TRY(put(ctx, j, "model_rdms", stack, (const axis[]){{"model", n, names}, condition, condition, end}));
  CF_TRY(put_copy(ctx, j, names));
done:
  cf_array_free(names);
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status put_layers(cf_context *ctx, job *j) {
  cf_simulated_geometry *g = j->g;
  cf_status status = CF_OK;
  const axis axes[] = {{"condition", g->conditions, j->condition}, {"feature", g->features, NULL}, {NULL, 0, NULL}};
  for (size_t l = 0; l < CF_SIMULATED_LAYERS; l++) {
    char member[64];
    snprintf(member, sizeof member, "layers/layer%zu", l + 1);
    CF_TRY(put(ctx, j, member, g->layer[l], axes));
  }
  CF_TRY(put(ctx, j, "layers/layer4_rotated", g->rotated, axes));
done:
  return status;
}

static cf_status put_truth(cf_context *ctx, job *j) {
  cf_simulated_geometry *g = j->g;
  cf_status status = CF_OK;
  cf_array *order = NULL;
  const char *name[CF_SIMULATED_MODELS];
  double r[CF_SIMULATED_MODELS];
  size_t n = 0;
  const axis condition = {"condition", g->conditions, j->condition}, end = {NULL, 0, NULL};
  const axis channel = {"channel", g->channels, NULL};
  CF_TRY(put(ctx, j, "truth/latent", g->latent, (const axis[]){condition, {"dimension", g->dims, NULL}, end}));
  CF_TRY(put(ctx, j, "truth/graded", g->graded, (const axis[]){condition, end}));
  CF_TRY(put(ctx, j, "truth/rdm", g->truth, (const axis[]){condition, condition, end}));
  if (g->noise_covariance)
    CF_TRY(put(ctx, j, "truth/noise_covariance", g->noise_covariance, (const axis[]){channel, channel, end}));
  for (size_t i = 0; i < CF_SIMULATED_MODELS; i++)
    if (j->wanted[g->order[i]]) {
      r[n] = g->model_correlation[g->order[i]];
      name[n++] = g->model_name[g->order[i]];
    }
  CF_TRY(cf_array_from_texts(ctx, "truth/order", n, name, &order));
  CF_TRY(put(ctx, j, "truth/order_correlation", r, (const axis[]){{"order", n, NULL}, end}));
  status = cf_dataset_add(ctx, j->result->arrays, order);
  order = NULL;
  if (status != CF_OK) goto done;
  CF_TRY(put(ctx, j, "truth/noise_ceiling", &g->expected_ceiling, (const axis[]){end}));
done:
  cf_array_free(order);
  return status;
}

static cf_status put_values(cf_context *ctx, job *j) {
  cf_simulated_geometry *g = j->g;
  cf_json *values = j->result->values, *models = cf_json_list();
  bool crossnobis = strcmp(cf_options_text(j->options, "metric"), "crossnobis") == 0, good = true;
  for (size_t i = 0; i < CF_SIMULATED_MODELS; i++) {
    size_t m = g->order[i];
    if (!j->wanted[m]) continue;
    cf_json *one = cf_json_object();
    good &= cf_json_set(one, "name", cf_json_text(g->model_name[m]));
    good &= cf_json_set(one, "correlation", cf_json_number(g->model_correlation[m]));
    good &= cf_json_append(models, one);
  }
  good &= cf_json_set(values, "conditions", cf_json_number((double)g->conditions));
  good &= cf_json_set(values, "categories", cf_json_number((double)g->categories));
  good &= cf_json_set(values, "subjects", cf_json_number((double)g->subjects));
  good &= cf_json_set(values, "channels", cf_json_number((double)g->channels));
  good &= cf_json_set(values, "trials", cf_json_number((double)g->trials));
  good &= cf_json_set(values, "expected_order", models);
  good &= cf_json_set(values, "expected_ceiling", cf_json_number(crossnobis ? g->expected_ceiling : NAN));
  if (!good) return cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for the result");
  cf_status status =
      cf_result_say(ctx, j->result,
                    "Simulated data: %zu subjects, %zu conditions of %zu categories, %zu runs, %zu channels\n"
                    "True geometry: correlation of each model with it\n",
                    g->subjects, g->conditions, g->categories, g->runs, g->channels);
  for (size_t i = 0; i < CF_SIMULATED_MODELS && status == CF_OK; i++)
    if (j->wanted[g->order[i]])
      status = cf_result_say(ctx, j->result, "  %-12s %.3f\n", g->model_name[g->order[i]],
                             g->model_correlation[g->order[i]]);
  if (status == CF_OK && crossnobis)
    status = cf_result_say(ctx, j->result, "Expected correlation of the true model with one subject: %.3f\n",
                           g->expected_ceiling);
  return status;
}

static cf_simulate_geometry_options settings(const cf_options *o) {
  cf_simulate_geometry_options s = CF_SIMULATE_GEOMETRY_OPTIONS_INIT;
  s.conditions = (size_t)cf_options_integer(o, "conditions");
  s.categories = (size_t)cf_options_integer(o, "categories");
  s.nested = cf_options_flag(o, "nested");
  s.subjects = (size_t)cf_options_integer(o, "subjects");
  s.channels = (size_t)cf_options_integer(o, "channels");
  s.runs = (size_t)cf_options_integer(o, "runs");
  s.features = (size_t)cf_options_integer(o, "features");
  s.noise = cf_options_number(o, "noise");
  s.length = cf_options_number(o, "noise-length");
  s.idiosyncrasy = cf_options_number(o, "idiosyncrasy");
  s.category = cf_options_number(o, "category");
  s.graded = cf_options_number(o, "graded");
  s.exemplar = cf_options_number(o, "exemplar");
  return s;
}

static void choose_models(const cf_options *o, const cf_simulated_geometry *g, bool *wanted) {
  for (size_t i = 0; i < cf_options_list_count(o, "models"); i++) {
    char buffer[64];
    const char *name = cf_options_list_entry(o, "models", i, buffer, sizeof buffer);
    for (size_t m = 0; m < CF_SIMULATED_MODELS; m++) wanted[m] |= name && strcmp(name, g->model_name[m]) == 0;
  }
}

cf_status cf_simulate_geometry_run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  bool wanted[CF_SIMULATED_MODELS] = {false};
  job j = {.result = result, .options = options, .wanted = wanted};
  cf_simulate_geometry_options s = settings(options);
  CF_TRY(cf_simulate_geometry(ctx, &s, &j.g));
  choose_models(options, j.g, wanted);
  CF_TRY(make_labels(ctx, &j));
  CF_TRY(put_patterns(ctx, &j));
  CF_TRY(put_data_rdms(ctx, &j));
  CF_TRY(put_models(ctx, &j));
  CF_TRY(put_layers(ctx, &j));
  CF_TRY(put_truth(ctx, &j));
  CF_TRY(put_values(ctx, &j));
done:
  cf_array_free(j.condition);
  cf_array_free(j.subject);
  cf_array_free(j.trial);
  cf_array_free(j.run);
  cf_simulated_geometry_free(j.g);
  return status;
}

cf_status cf_simulate_geometry_cost(cf_context *ctx, const cf_options *options, cf_cost *out) {
  (void)ctx;
  cf_simulate_geometry_options s = settings(options);
  double numbers = (double)s.subjects * (double)s.conditions * (double)s.runs * (double)s.channels;
  double pairs = (double)s.conditions * (double)s.conditions, rows = (double)s.conditions * (double)s.runs;
  out->seconds =
      4e-8 * numbers + (double)s.subjects * (2 * pairs * (double)s.runs + 2 * rows * rows) * (double)s.channels * 1e-10;
  out->bytes = 8 * (3 * numbers + pairs * (2 * (double)s.subjects + 20));
  return CF_OK;
}
