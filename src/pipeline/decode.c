/* `cortifold decode`: what a population's responses say about the stimulus. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/analyses.h"
#include "pipeline/trajectory.h"
#include <cortifold/trajectory.h>

static const cf_param params[] = {
    {"classifiers", 'c', CF_PARAM_CHOICES, "NAME,...", "knn,logistic", 0, 0, "knn|logistic|mean",
     "knn: leave-one-out nearest neighbours; logistic: cross-validated multinomial logistic regression; mean: "
     "cross-validated nearest class mean."},
    {"by", 0, CF_PARAM_CHOICE, "AXIS", "stimulus", 0, 0, "stimulus|direction", "What is told apart."},
    {"root", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL,
     "Features are square roots of the means over the window, which levels the variance of spike counts."},
    {"neighbours", 'k', CF_PARAM_INTEGER, "K", "3", 1, 10000, NULL, "Neighbours that vote."},
    {"inverse-penalty", 'C', CF_PARAM_REAL, "C", "1", 1e-9, 1e9, NULL,
     "Weight of the likelihood against the penalty |W|^2 / 2 of logistic regression."},
    {"folds", 0, CF_PARAM_INTEGER, "N", "5", 2, 10000, NULL, "Folds of logistic regression."},
    {"mean-folds", 0, CF_PARAM_INTEGER, "N", "10", 2, 10000, NULL, "Folds of nearest mean."},
    {"runs", 'r', CF_PARAM_INTEGER, "N", "5", 1, 10000, NULL, "Shuffles of the folds."},
    {"no-windows", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL, "Only the whole time, no growing and shrinking windows."},
    {"permutations", 'n', CF_PARAM_INTEGER, "N", "200", 0, 1000000, NULL,
     "Shuffles of the labels that give the chance level; 0: none."},
    {"axes", 0, CF_PARAM_INTEGER, "K", "3", 1, 1000, NULL, "Principal components of manifold and trajectories."},
    CF_RESAMPLE_OPTION,
    CF_RESPONSES_OPTIONS,
    CF_PARAM_END,
};

static const char description[] =
    "What responses (neuron, stimulus, direction, time) say about the stimulus, and when. A condition is a stimulus and "
    "direction; its features are the means of all neurons over a window of time, as they are (or their roots); its label is the "
    "stimulus. Trials may stand for directions.\n\n"
    "- knn: each condition gets the label of most of its three nearest others (Euclidean; ties to the first condition, "
    "equal votes to the first label).\n"
    "- logistic: minimises C sum of -log p(label) + |W|^2 / 2, intercepts free, on stratified shuffled folds; mean over "
    "runs, sd and sd / sqrt(runs) beside it. The work is done in the space of the conditions, to a gradient of 1e-6 "
    "(values.fits says how many got there).\n"
    "- mean: the label whose training mean is nearest.\n\n"
    "Windows: increasing [0 .. t] and decreasing [t .. T - 1] for every t. Chance: labels shuffled over conditions and "
    "scored in the same way on the whole time; with few conditions a class it is not 1 / classes: leaving one out "
    "leaves fewer of its own label. p = (1 + shuffles as good) / (1 + shuffles).\n\n"
    "Decoding manifold: principal components (centred, not scaled) of the time means. Trajectories: principal "
    "components of all rows (stimulus, direction, time).\n\n"
    "Values: accuracy {knn, logistic, mean}, error {logistic, mean}, runs {logistic, mean}, chance {guess = 1 / "
    "classes, knn {mean, sd, p}, ...}, windows {increasing {knn, logistic, logistic_sd}, decreasing, time}, confusion "
    "(label x predicted, over runs), explained, explained_trajectories, classes, conditions, neurons, fits {count, "
    "converged, worst_gradient}. Arrays: coordinates (condition, axis), trajectories (condition, time, axis), "
    "stimulus_code and direction (condition), predicted (condition; knn), windows_* (time), activity and activity_error "
    "(stimulus, time): mean over neurons and directions, and its standard error over neurons.\n\n"
    "Reference: Bertram, Dyballa, Keller, Kinger & Zucker (2026), arXiv 2601.21508.";

static const char examples[] =
    "cortifold decode responses.h5 -o decode.npz\n"
    "cortifold decode trials.npy --trials reaches.npy --average 20 --classifiers mean,knn --root\n"
    "cortifold decode v1.h5:responses --resample 37 --permutations 1000";

/* Measured on two cores of 2.6 GHz: seconds of a fit by conditions^2 classes, a cold one against one that starts from
 * the window before, and products a second. */
#define FIT_SECONDS 4e-8
#define FIT_COLD    1.5
#define PRODUCTS    2e10

static const char *const score_name[CF_SCORES] = {"knn", "logistic", "mean"};

typedef struct job {
  cf_decode_options o;
  cf_responses *r;
  cf_decoding *d;
  cf_array *condition;
  size_t axes;
  double *coordinates, *trajectories, *explained, *explained_trajectories;
} job;

static void job_free(job *j) {
  cf_responses_free(j->r);
  cf_decoding_free(j->d);
  cf_array_free(j->condition);
  cf_free(j->coordinates);
  cf_free(j->trajectories);
  cf_free(j->explained);
  cf_free(j->explained_trajectories);
}

static void read_options(const cf_options *options, job *j) {
  const cf_decode_options standard = CF_DECODE_OPTIONS_INIT;
  char name[32];
  j->o = standard;
  j->o.classifiers = 0;
  for (size_t i = 0; i < cf_options_list_count(options, "classifiers"); i++) {
    cf_options_list_entry(options, "classifiers", i, name, sizeof name);
    for (size_t k = 0; k < CF_SCORES; k++)
      if (strcmp(name, score_name[k]) == 0) j->o.classifiers |= 1u << k;
  }
  j->o.by_direction = strcmp(cf_options_text(options, "by"), "direction") == 0;
  j->o.root = cf_options_flag(options, "root");
  j->o.neighbours = (size_t)cf_options_integer(options, "neighbours");
  j->o.c = cf_options_number(options, "inverse-penalty");
  j->o.folds = (size_t)cf_options_integer(options, "folds");
  j->o.mean_folds = (size_t)cf_options_integer(options, "mean-folds");
  j->o.runs = (size_t)cf_options_integer(options, "runs");
  j->o.windows = !cf_options_flag(options, "no-windows");
  j->o.permutations = (size_t)cf_options_integer(options, "permutations");
}

static cf_status compute(cf_context *ctx, const cf_options *options, job *j) {
  cf_status status = CF_OK;
  const cf_view v = cf_responses_view(j->r);
  const size_t n = j->r->stimuli * j->r->directions, rows = n * j->r->times;
  CF_TRY(cf_decode(ctx, &v, &j->o, &j->d));
  j->axes = CF_MIN((size_t)cf_options_integer(options, "axes"), CF_MIN(n, j->r->neurons));
  CF_TRY(CF_ALLOC(ctx, &j->coordinates, n * j->axes));
  CF_TRY(CF_ALLOC(ctx, &j->trajectories, rows * j->axes));
  CF_TRY(CF_ALLOC(ctx, &j->explained, j->axes));
  CF_TRY(CF_ALLOC(ctx, &j->explained_trajectories, j->axes));
  CF_TRY(cf_decoding_manifold(ctx, &v, j->axes, j->coordinates, j->explained));
  CF_TRY(cf_decoding_trajectories(ctx, &v, j->axes, false, j->trajectories, j->explained_trajectories));
  CF_TRY(cf_condition_labels(ctx, j->r, &j->condition));
done:
  return status;
}

/* ----------------------------------------------------------------- values -- */

static const char *class_name(const job *j, size_t k, char *buffer, size_t size) {
  return j->o.by_direction ? cf_direction_name(j->r, k, buffer, size) : cf_stimulus_name(j->r, k, buffer, size);
}

static cf_json *confusion(const job *j, const cf_decode_score *s) {
  cf_json *rows = cf_json_list();
  for (size_t a = 0; a < j->d->classes; a++) {
    cf_json *row = cf_json_list();
    for (size_t b = 0; b < j->d->classes; b++)
      cf_json_append(row, cf_json_number((double)s->confusion[a * j->d->classes + b]));
    cf_json_append(rows, row);
  }
  return rows;
}

static cf_json *windows(const job *j, bool increasing) {
  cf_json *out = cf_json_object();
  char name[32];
  for (size_t k = 0; k < CF_SCORES; k++) {
    const cf_decode_score *s = &j->d->score[k];
    const double *mean = increasing ? s->increasing : s->decreasing;
    const double *sd = increasing ? s->increasing_sd : s->decreasing_sd;
    if (mean) cf_json_set(out, score_name[k], cf_json_numbers(mean, j->d->times));
    snprintf(name, sizeof name, "%s_sd", score_name[k]);
    if (sd) cf_json_set(out, name, cf_json_numbers(sd, j->d->times));
  }
  return out;
}

static cf_json *times_of(const cf_responses *r) {
  cf_json *list = cf_json_list();
  for (size_t t = 0; t < r->times; t++)
    cf_json_append(list, r->time && r->time->dtype != CF_TEXT ? cf_json_number(cf_array_number(r->time, t))
                                                              : cf_json_number((double)t));
  return list;
}

static void fill_scores(const job *j, cf_json *values) {
  cf_json *accuracy = cf_json_object(), *error = cf_json_object(), *sd = cf_json_object(), *runs = cf_json_object();
  cf_json *chance = cf_json_object(), *mixed = cf_json_object();
  cf_json_set(chance, "guess", cf_json_number(1 / (double)j->d->classes));
  cf_json_set(chance, "permutations", cf_json_number((double)j->d->permutations));
  for (size_t k = 0; k < CF_SCORES; k++) {
    const cf_decode_score *s = &j->d->score[k];
    if (!s->run) continue;
    cf_json *one = cf_json_object();
    cf_json_set(accuracy, score_name[k], cf_json_number(s->accuracy));
    cf_json_set(one, "mean", cf_json_number(s->chance));
    cf_json_set(one, "sd", cf_json_number(s->chance_sd));
    cf_json_set(one, "p", cf_json_number(s->p));
    cf_json_set(chance, score_name[k], one);
    cf_json_set(mixed, score_name[k], confusion(j, s));
    if (k == CF_SCORE_KNN) continue;
    cf_json_set(error, score_name[k], cf_json_number(s->error));
    cf_json_set(sd, score_name[k], cf_json_number(s->sd));
    cf_json_set(runs, score_name[k], cf_json_numbers(s->run, s->runs));
  }
  cf_json_set(values, "accuracy", accuracy);
  cf_json_set(values, "error", error);
  cf_json_set(values, "sd", sd);
  cf_json_set(values, "runs", runs);
  cf_json_set(values, "chance", chance);
  cf_json_set(values, "confusion", mixed);
}

static void fill_values(const job *j, cf_json *values) {
  const cf_decoding *d = j->d;
  cf_json *names = cf_json_list(), *fits = cf_json_object(), *window = cf_json_object();
  char buffer[200];
  for (size_t k = 0; k < d->classes; k++) cf_json_append(names, cf_json_text(class_name(j, k, buffer, sizeof buffer)));
  fill_scores(j, values);
  if (j->o.windows) {
    cf_json_set(window, "increasing", windows(j, true));
    cf_json_set(window, "decreasing", windows(j, false));
    cf_json_set(window, "time", times_of(j->r));
    cf_json_set(values, "windows", window);
  } else {
    cf_json_free(window);
  }
  cf_json_set(values, "explained", cf_json_numbers(j->explained, j->axes));
  cf_json_set(values, "explained_trajectories", cf_json_numbers(j->explained_trajectories, j->axes));
  cf_json_set(values, "by", cf_json_text(j->o.by_direction ? "direction" : "stimulus"));
  cf_json_set(values, "classes", names);
  cf_json_set(values, "conditions", cf_json_number((double)d->conditions));
  cf_json_set(values, "neurons", cf_json_number((double)j->r->neurons));
  cf_json_set(values, "neurons_dropped", cf_json_number((double)j->r->dropped));
  cf_json_set(values, "times", cf_json_number((double)d->times));
  cf_json_set(values, "directions_named", cf_json_bool(j->r->direction != NULL));
  cf_json_set(values, "neighbours", cf_json_number((double)j->o.neighbours));
  cf_json_set(fits, "count", cf_json_number((double)d->fits));
  cf_json_set(fits, "converged", cf_json_number((double)d->converged));
  cf_json_set(fits, "worst_gradient", cf_json_number(d->worst_gradient));
  cf_json_set(values, "fits", fits);
}

/* ----------------------------------------------------------------- arrays -- */

static cf_status put_windows(cf_context *ctx, const job *j, cf_result *result) {
  cf_status status = CF_OK;
  char name[64];
  for (size_t k = 0; k < CF_SCORES; k++)
    for (int up = 0; up < 2; up++) {
      const double *mean = up ? j->d->score[k].increasing : j->d->score[k].decreasing;
      if (!mean) continue;
      snprintf(name, sizeof name, "windows_%s_%s", up ? "increasing" : "decreasing", score_name[k]);
      CF_TRY(cf_responses_put(ctx, result, j->r, name, "t", mean));
    }
done:
  return status;
}

/* Mean response of the population to each stimulus over time, and its standard error over neurons. */
static cf_status put_activity(cf_context *ctx, const job *j, cf_result *result) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_responses *r = j->r;
  const size_t cells = r->stimuli * r->times, each = r->directions * r->times;
  double *mean, *error;
  CF_TRY(CF_SCRATCH(ctx, &mean, cells));
  CF_TRY(CF_SCRATCH(ctx, &error, cells));
  for (size_t c = 0; c < cells; c++) {
    const size_t s = c / r->times, t = c % r->times;
    double m = 0, square = 0;
    for (size_t i = 0; i < r->neurons; i++) {
      const double *own = r->values + (i * r->stimuli + s) * each + t;
      double x = 0;
      for (size_t d = 0; d < r->directions; d++) x += own[d * r->times] / (double)r->directions;
      const double step = x - m;
      m += step / (double)(i + 1);
      square += step * (x - m);
    }
    mean[c] = m;
    error[c] = r->neurons > 1 ? sqrt(square / ((double)r->neurons * (double)(r->neurons - 1))) : NAN;
  }
  CF_TRY(cf_responses_put(ctx, result, r, "activity", "st", mean));
  CF_TRY(cf_responses_put(ctx, result, r, "activity_error", "st", error));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status fill_arrays(cf_context *ctx, const job *j, cf_result *result) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = j->d->conditions;
  const size_t place[2] = {n, j->axes}, path[3] = {n, j->d->times, j->axes};
  double *number;
  CF_TRY(CF_SCRATCH(ctx, &number, n));
  CF_TRY(cf_put_axes(ctx, result, "coordinates", "condition axis", place, j->coordinates, j->condition));
  CF_TRY(cf_put_axes(ctx, result, "trajectories", "condition time axis", path, j->trajectories, j->condition));
  for (size_t i = 0; i < n; i++) number[i] = (double)(i / j->r->directions);
  CF_TRY(cf_put_axes(ctx, result, "stimulus_code", "condition", place, number, j->condition));
  for (size_t i = 0; i < n; i++) number[i] = j->r->degrees[i % j->r->directions];
  CF_TRY(cf_put_axes(ctx, result, "direction", "condition", place, number, j->condition));
  if (j->d->predicted) {
    for (size_t i = 0; i < n; i++) number[i] = (double)j->d->predicted[i];
    CF_TRY(cf_put_axes(ctx, result, "predicted", "condition", place, number, j->condition));
  }
  if (j->o.windows) CF_TRY(put_windows(ctx, j, result));
  CF_TRY(put_activity(ctx, j, result));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ---------------------------------------------------------------- summary -- */

/* First time from which the growing window stays as good as nine tenths of the whole above chance. */
static cf_status say_window(cf_context *ctx, const job *j, const cf_decode_score *s, cf_result *result) {
  const double chance = isnan(s->chance) ? 1 / (double)j->d->classes : s->chance;
  const double goal = chance + 0.9 * (s->accuracy - chance);
  size_t t = j->d->times - 1;
  if (!s->increasing || !(s->accuracy > chance)) return CF_OK;
  while (t > 0 && s->increasing[t - 1] >= goal) t--;
  return cf_result_say(ctx, result, "; 90 %% of the way with bins 0 .. %zu", t);
}

static cf_status say_summary(cf_context *ctx, const job *j, cf_result *result) {
  cf_status status = CF_OK;
  const cf_decoding *d = j->d;
  double explained = 0;
  for (size_t k = 0; k < j->axes; k++) explained += j->explained[k];
  CF_TRY(cf_result_say(
      ctx, result, "%zu neurons, %zu conditions, %zu labels (%s), %zu time bins; guessing gives %.3f\n", j->r->neurons,
      d->conditions, d->classes, j->o.by_direction ? "direction" : "stimulus", d->times, 1 / (double)d->classes));
  for (size_t k = 0; k < CF_SCORES; k++) {
    const cf_decode_score *s = &d->score[k];
    if (!s->run) continue;
    CF_TRY(cf_result_say(ctx, result, "%-9s %.3f", score_name[k], s->accuracy));
    if (s->runs > 1) CF_TRY(cf_result_say(ctx, result, " +- %.3f over %zu runs", s->error, s->runs));
    if (d->permutations > 0)
      CF_TRY(cf_result_say(ctx, result, "; chance %.3f (sd %.3f), p %s %.4g", s->chance, s->chance_sd,
                           s->p > 1.5 / (double)(1 + d->permutations) ? "=" : "<=", s->p));
    else
      CF_TRY(cf_result_say(ctx, result, "; chance not estimated (--permutations)"));
    CF_TRY(say_window(ctx, j, s, result));
    CF_TRY(cf_result_say(ctx, result, "\n"));
  }
  CF_TRY(cf_result_say(ctx, result, "decoding manifold: %zu components explain %.1f %% of the variance\n", j->axes,
                       100 * explained));
  if (d->converged < d->fits)
    cf_warn(ctx, "%zu of %zu logistic fits ended before a gradient of 1e-6 (the largest is %.2g)",
            d->fits - d->converged, d->fits, d->worst_gradient);
done:
  return status;
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  job j = {0};
  const char *address = cf_options_argument(options, 0);
  read_options(options, &j);
  CF_TRY(cf_load_trajectories(ctx, address, options, result, &j.r));
  status = compute(ctx, options, &j);
  if (status != CF_OK) {
    status = cf_explain(ctx, status, "%s", address);
    goto done;
  }
  fill_values(&j, result->values);
  CF_TRY(fill_arrays(ctx, &j, result));
  CF_TRY(say_summary(ctx, &j, result));
done:
  job_free(&j);
  return status;
}

/* Fits of logistic regression lead: a few dozen steps of conditions^2 classes each. */
static cf_status cost(cf_context *ctx, const cf_options *options, cf_cost *out) {
  job j = {0};
  double shape[4];
  read_options(options, &j);
  if (cf_trajectories_shape(ctx, cf_options_argument(options, 0), options, shape)) {
    const double n = shape[1] * shape[2], classes = j.o.by_direction ? shape[2] : shape[1],
                 values = shape[0] * n * shape[3];
    const double windows = 1 + (j.o.windows ? 2 * shape[3] : 0), shuffles = (double)j.o.permutations;
    const bool logistic = j.o.classifiers & CF_CLASSIFY_LOGISTIC;
    const double fits = logistic ? (double)(j.o.runs * j.o.folds) * (windows + FIT_COLD * shuffles) : 0;
    const double rows = n * shape[3], side = fmin(rows, shape[0]);
    const double products = windows * n * n * shape[0] / PRODUCTS + side * side * fmax(rows, shape[0]) / PRODUCTS;
    out->seconds = (products + FIT_SECONDS * fits * n * n * classes + 1e-8 * n * n * (windows + shuffles)) /
                       cf_context_threads(ctx) +
                   1.5e-7 * values;
    out->bytes = 8 * (6 * values + side * side);
  }
  cf_context_clear(ctx);
  return CF_OK;
}

const cf_analysis cf_analysis_decode = {
    "decode",    "Decoding", "What responses say about the stimulus, over growing and shrinking windows",
    "RESPONSES", 1,          1,
    description, examples,   params,
    run,         cost,       false};
