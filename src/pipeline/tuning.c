/* `cortifold tuning`: orientation and direction selectivity, preferences and modulation of every neuron. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/analyses.h"
#include "pipeline/responses.h"
#include <cortifold/response.h>
#include <cortifold/stats.h>

static const cf_param params[] = {
    {"index", 0, CF_PARAM_CHOICE, "I", "vector", 0, 0, "vector|contrast",
     "vector: |sum R e^{2 i th}| / sum R for OSI, e^{i th} for DSI. contrast: (pref - orth) / (pref + orth) and (pref - "
     "null) / (pref + null)."},
    {"over", 0, CF_PARAM_CHOICE, "HOW", "mean", 0, 0, "mean|max|preferred",
     "A neuron's index from those of its stimuli: their mean, their largest, or that of the stimulus with the largest "
     "rate. Stimuli that never drive the neuron do not count."},
    {"preset", 0, CF_PARAM_CHOICE, "P", "clean", 0, 0, "clean|paper",
     "paper: 1e-8 is added to denominators and stimuli without response count as 0, as published."},
    {"frequency", 0, CF_PARAM_LIST, "HZ", NULL, 0, 0, NULL,
     "Temporal frequency of the stimulus for F1 / F0: one number, or one a stimulus (nan where there is none); needs "
     "time in seconds."},
    {"cycle", 0, CF_PARAM_LIST, "BINS", NULL, 0, 0, NULL,
     "The same as bins in one cycle; 0: the harmonic of the window that is largest, chosen for each neuron."},
    {"window", 0, CF_PARAM_LIST, "FROM,TO", NULL, 0, 0, NULL,
     "Seconds that count; without time, bins from 0 (TO is not part of it). All when not given."},
    {"permutations", 'p', CF_PARAM_INTEGER, "N", "0", 0, 1e6, NULL,
     "Permutations of the directions for p-values of the vector indices; 0: none."},
    CF_RESPONSES_OPTIONS,
    CF_PARAM_END,
};

static const char description[] =
    "How each neuron is tuned to the direction of motion, for every stimulus and over all of them. R is the mean over "
    "time of the response to a direction.\n\n"
    "OSI and DSI are the length of the vector sum of R over twice the direction, and over the direction, relative to "
    "the sum of R: 0 for equal responses, 1 for a response to one direction alone (and, for OSI, its opposite). Baseline "
    "activity lowers them. preferred_stimulus and preferred_direction have the largest R; preferred_orientation is the "
    "axis of motion, half the angle of the second vector sum; bars lie across it. F1F0 is the amplitude at the "
    "stimulus' temporal frequency over the mean, at the preferred stimulus and direction, over the last whole cycles: "
    "above 1 for simple cells, below for complex cells.\n\n"
    "--permutations asks whether neighbouring directions respond alike. A neuron that answers to one direction alone is as "
    "selective in any order, so that its p-value is 1; recordings with trials should test responses with psth.\n\n"
    "Values: neurons, osi, dsi, f1f0 (each {mean, quartiles}), preferred [{stimulus, neurons}], silent, index, over. "
    "Arrays, one row a neuron: OSI, DSI, preferred_stimulus, preferred_direction, preferred_orientation, F1F0, rate "
    "(largest R), mean_rate, peak, log_variance, OSI_p, DSI_p; by stimulus: osi_by_stimulus, dsi_by_stimulus, "
    "f1f0_by_stimulus, rate_by_stimulus, preferred_by_stimulus; curves (neuron, stimulus, direction). A table holds "
    "those with one row a neuron.\n\n"
    "References: Ringach, Shapley & Hawken (2002), J. Neurosci. 22, 5639; Skottun et al. (1991), Vision Res. 31, 1079.";

static const char examples[] = "cortifold tuning cortex.h5 -o tuning.tsv\n"
                               "cortifold tuning cortex.h5 --frequency 4 --window 0.1,0.6 --over preferred\n"
                               "cortifold tuning responses.npy --cycle 12 --permutations 1000 --json";

typedef struct job {
  const cf_options *options;
  cf_result *result;
  cf_responses *r;
  cf_tuning_options o;
  double *cycle; /* stimuli */
  cf_tuning *t;  /* neurons x stimuli */
  cf_tuning_summary *s;
  double *curves;
  double *osi, *dsi; /* neurons */
} job;

/* ---------------------------------------------------------------- options -- */

static cf_status read_number(cf_context *ctx, const cf_options *options, const char *name, size_t i, double *out) {
  char buffer[64], *end = NULL;
  const char *text = cf_options_list_entry(options, name, i, buffer, sizeof buffer);
  *out = text ? strtod(text, &end) : NAN;
  if (!text || end == text || *end)
    return cf_fail(ctx, CF_ERR_USAGE, "--%s: '%s' is not a number", name, text ? text : "");
  return CF_OK;
}

/* Bins in a cycle, from --cycle or from --frequency and the length of a bin. */
static cf_status read_cycles(cf_context *ctx, job *j) {
  cf_status status = CF_OK;
  const bool in_bins = cf_options_given(j->options, "cycle"), in_hertz = cf_options_given(j->options, "frequency");
  const char *name = in_bins ? "cycle" : "frequency";
  if (!in_bins && !in_hertz) return CF_OK;
  if (in_bins && in_hertz) return cf_fail(ctx, CF_ERR_USAGE, "--cycle and --frequency say the same: give one");
  if (in_hertz && !isfinite(j->r->step))
    return cf_fail(ctx, CF_ERR_INPUT, "--frequency needs a member `time` in seconds with even steps; or give --cycle");
  const size_t given = cf_options_list_count(j->options, name);
  if (given != 1 && given != j->r->stimuli)
    return cf_fail(ctx, CF_ERR_USAGE, "--%s has %zu numbers: give one, or one for each of %zu stimuli", name, given,
                   j->r->stimuli);
  CF_TRY(CF_ALLOC(ctx, &j->cycle, j->r->stimuli));
  for (size_t s = 0; s < j->r->stimuli; s++) {
    double value = NAN;
    CF_TRY(read_number(ctx, j->options, name, given == 1 ? 0 : s, &value));
    if (value < 0 || (in_hertz && value == 0) || isinf(value))
      CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--%s: %g is out of range", name, value));
    j->cycle[s] = in_bins ? value : 1 / (value * j->r->step);
    if (j->cycle[s] > 0 && j->cycle[s] < 2)
      CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--%s: a cycle of %.3g bins is too short; it needs two or more", name,
                     j->cycle[s]));
  }
  j->o.cycle = j->cycle;
done:
  return status;
}

static cf_status read_window(cf_context *ctx, job *j) {
  cf_status status = CF_OK;
  const cf_responses *r = j->r;
  double from = 0, to = 0;
  if (!cf_options_given(j->options, "window")) return CF_OK;
  if (cf_options_list_count(j->options, "window") != 2)
    return cf_fail(ctx, CF_ERR_USAGE, "--window needs two numbers, FROM,TO");
  CF_TRY(read_number(ctx, j->options, "window", 0, &from));
  CF_TRY(read_number(ctx, j->options, "window", 1, &to));
  const bool timed = r->time && r->time->dtype != CF_TEXT;
  for (size_t t = 0; t < r->times; t++) {
    const double at = timed ? cf_array_number(r->time, t) : (double)t;
    if (at < from) j->o.first = t + 1;
    if (at < to) j->o.last = t + 1;
  }
  if (!(to > from) || j->o.last <= j->o.first)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--window %g,%g holds no time bin", from, to));
done:
  return status;
}

static void warn_about(cf_context *ctx, const job *j) {
  const size_t maps = j->r->neurons * j->r->stimuli;
  size_t negative = 0;
  for (size_t i = 0; i < maps * j->r->directions; i++) negative += j->curves[i] < 0;
  if (negative > 0)
    cf_warn(ctx, "%zu mean responses are negative: indices of selectivity are made for rates", negative);
  if (j->r->directions == 1)
    cf_warn(ctx, "there is one direction: OSI and DSI say nothing");
  else if (!j->r->even)
    cf_warn(ctx, "the directions do not go round in equal steps: equal responses do not give 0");
}

/* ---------------------------------------------------------------- indices -- */

typedef double (*field_fn)(const cf_tuning *t);
static double osi_of(const cf_tuning *t) {
  return t->osi;
}
static double dsi_of(const cf_tuning *t) {
  return t->dsi;
}
static double osi_contrast_of(const cf_tuning *t) {
  return t->osi_contrast;
}
static double dsi_contrast_of(const cf_tuning *t) {
  return t->dsi_contrast;
}
static double f1f0_of(const cf_tuning *t) {
  return t->f1f0;
}
static double rate_of(const cf_tuning *t) {
  return t->rate;
}
static double preferred_of(const cf_tuning *t) {
  return t->preferred;
}

static double combine(const job *j, size_t n, const char *over, field_fn field) {
  const size_t stimuli = j->r->stimuli;
  const cf_tuning *t = j->t + n * stimuli;
  double sum = 0, most = NAN, used = 0;
  if (strcmp(over, "preferred") == 0) return field(&t[j->s[n].stimulus]);
  for (size_t s = 0; s < stimuli; s++) {
    const double value = field(&t[s]);
    if (isnan(value)) continue;
    sum += value;
    used++;
    most = isnan(most) ? value : fmax(most, value);
  }
  return strcmp(over, "max") == 0 ? most : sum / used;
}

static cf_status combine_all(cf_context *ctx, job *j) {
  cf_status status = CF_OK;
  const char *over = cf_options_text(j->options, "over");
  const bool vector = strcmp(cf_options_text(j->options, "index"), "vector") == 0;
  CF_TRY(CF_ALLOC(ctx, &j->osi, j->r->neurons));
  CF_TRY(CF_ALLOC(ctx, &j->dsi, j->r->neurons));
  for (size_t n = 0; n < j->r->neurons; n++) {
    j->osi[n] = combine(j, n, over, vector ? osi_of : osi_contrast_of);
    j->dsi[n] = combine(j, n, over, vector ? dsi_of : dsi_contrast_of);
  }
done:
  return status;
}

/* ----------------------------------------------------------------- arrays -- */

static cf_status put_labels(cf_context *ctx, job *j) {
  const cf_array *const labels[4] = {j->r->neuron, j->r->stimulus, j->r->direction, NULL};
  cf_status status = CF_OK;
  cf_array *a = NULL;
  if (!j->r->neuron) {
    CF_TRY(cf_array_new(ctx, "neuron", CF_I64, 1, &j->r->neurons, &a));
    for (size_t n = 0; n < j->r->neurons; n++) ((int64_t *)a->data)[n] = (int64_t)j->r->index[n];
    CF_TRY(cf_dataset_add(ctx, j->result->arrays, a));
  }
  for (int i = 0; labels[i] || i < 3; i++) {
    if (!labels[i]) continue;
    CF_TRY(cf_array_copy(ctx, labels[i], &a));
    CF_TRY(cf_dataset_add(ctx, j->result->arrays, a));
  }
done:
  return status;
}

static bool is_table(const char *path) {
  const char *dot = path ? strrchr(path, '.') : NULL;
  return dot && (strcmp(dot, ".tsv") == 0 || strcmp(dot, ".csv") == 0 || strcmp(dot, ".txt") == 0);
}

static const char *stimulus_name(const job *j, size_t s, char *buffer, size_t size) {
  if (j->r->stimulus) return cf_array_label(j->r->stimulus, s, buffer, size);
  snprintf(buffer, size, "%zu", s);
  return buffer;
}

/* (neuron, stimulus); in a table one column a stimulus, named "osi +1dot". */
static cf_status put_by_stimulus(cf_context *ctx, job *j, const char *prefix, field_fn field) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t stimuli = j->r->stimuli;
  double *x = NULL;
  char name[256], label[128];
  CF_TRY(CF_SCRATCH(ctx, &x, j->r->neurons * stimuli));
  if (!is_table(cf_options_text(j->options, "output"))) {
    for (size_t i = 0; i < j->r->neurons * stimuli; i++) x[i] = field(&j->t[i]);
    snprintf(name, sizeof name, "%s_by_stimulus", prefix);
    CF_TRY(cf_responses_put(ctx, j->result, j->r, name, "ns", x));
    goto done;
  }
  for (size_t s = 0; s < stimuli; s++) {
    for (size_t n = 0; n < j->r->neurons; n++) x[n] = field(&j->t[n * stimuli + s]);
    snprintf(name, sizeof name, "%s %s", prefix, stimulus_name(j, s, label, sizeof label));
    CF_TRY(cf_responses_put(ctx, j->result, j->r, name, "n", x));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status put_preferred_stimulus(cf_context *ctx, job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  enum { LONGEST = 128 };
  char *text = NULL;
  const char **list = NULL;
  cf_array *a = NULL;
  CF_TRY(CF_SCRATCH(ctx, &text, j->r->stimuli * LONGEST));
  CF_TRY(CF_SCRATCH(ctx, &list, j->r->neurons));
  for (size_t s = 0; s < j->r->stimuli; s++) stimulus_name(j, s, text + s * LONGEST, LONGEST);
  for (size_t n = 0; n < j->r->neurons; n++) {
    const size_t s = j->s[n].stimulus;
    const bool as_text = j->r->stimulus && j->r->stimulus->dtype == CF_TEXT;
    list[n] = as_text ? ((char **)j->r->stimulus->data)[s] : text + s * LONGEST;
    if (!(j->t[n * j->r->stimuli + s].mean > 0)) list[n] = "";
  }
  CF_TRY(cf_array_from_texts(ctx, "preferred_stimulus", j->r->neurons, list, &a));
  status = cf_array_set_axis(ctx, a, 0, "neuron", j->r->neuron);
  if (status == CF_OK)
    status = cf_dataset_add(ctx, j->result->arrays, a);
  else
    cf_array_free(a);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static double summary_value(const cf_tuning_summary *s, int which) {
  const double values[] = {s->best.preferred, s->best.orientation, s->best.f1f0, s->best.rate, s->rate,
                           s->best.peak,      s->log_variance,     s->osi_p,     s->dsi_p};
  return values[which];
}

static cf_status put_arrays(cf_context *ctx, job *j) {
  static const char *const name[] = {"preferred_direction",
                                     "preferred_orientation",
                                     "F1F0",
                                     "rate",
                                     "mean_rate",
                                     "peak",
                                     "log_variance",
                                     "OSI_p",
                                     "DSI_p"};
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const bool vector = strcmp(cf_options_text(j->options, "index"), "vector") == 0;
  double *x = NULL;
  CF_TRY(CF_SCRATCH(ctx, &x, j->r->neurons));
  CF_TRY(cf_responses_put(ctx, j->result, j->r, "OSI", "n", j->osi));
  CF_TRY(cf_responses_put(ctx, j->result, j->r, "DSI", "n", j->dsi));
  CF_TRY(put_preferred_stimulus(ctx, j));
  for (int k = 0; k < (j->o.permutations ? 9 : 7); k++) {
    for (size_t n = 0; n < j->r->neurons; n++) x[n] = summary_value(&j->s[n], k);
    CF_TRY(cf_responses_put(ctx, j->result, j->r, name[k], "n", x));
  }
  CF_TRY(put_by_stimulus(ctx, j, "osi", vector ? osi_of : osi_contrast_of));
  CF_TRY(put_by_stimulus(ctx, j, "dsi", vector ? dsi_of : dsi_contrast_of));
  if (j->o.cycle) CF_TRY(put_by_stimulus(ctx, j, "f1f0", f1f0_of));
  CF_TRY(put_by_stimulus(ctx, j, "rate", rate_of));
  CF_TRY(put_by_stimulus(ctx, j, "preferred", preferred_of));
  if (!is_table(cf_options_text(j->options, "output"))) {
    CF_TRY(cf_responses_put(ctx, j->result, j->r, "curves", "nsd", j->curves));
    CF_TRY(put_labels(ctx, j));
  } else if (!j->r->neuron) {
    CF_TRY(put_labels(ctx, j));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ----------------------------------------------------------------- values -- */

typedef struct spread {
  double mean, quartile[3];
  size_t n;
} spread;

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static cf_status spread_of(cf_context *ctx, size_t n, const double *x, spread *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *kept = NULL;
  *out = (spread){NAN, {NAN, NAN, NAN}, 0};
  CF_TRY(CF_SCRATCH(ctx, &kept, n));
  for (size_t i = 0; i < n; i++)
    if (!isnan(x[i])) kept[out->n++] = x[i];
  if (out->n == 0) goto done;
  out->mean = cf_mean(out->n, kept);
  qsort(kept, out->n, sizeof *kept, by_value);
  for (int k = 0; k < 3; k++) out->quartile[k] = cf_quantile_sorted(out->n, kept, 0.25 * (k + 1));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static bool set_spread(cf_json *values, const char *name, const spread *s) {
  cf_json *one = cf_json_object();
  bool good = cf_json_set(one, "mean", cf_json_number(s->mean));
  good &= cf_json_set(one, "quartiles", cf_json_numbers(s->quartile, 3));
  good &= cf_json_set(one, "neurons", cf_json_number((double)s->n));
  return cf_json_set(values, name, one) && good;
}

static cf_status say(cf_context *ctx, job *j, const char *name, const spread *s) {
  if (s->n == 0) return CF_OK;
  return cf_result_say(ctx, j->result, "%-5s mean %.3f, quartiles %.3f %.3f %.3f (%zu neurons)\n", name, s->mean,
                       s->quartile[0], s->quartile[1], s->quartile[2], s->n);
}

static cf_status put_values(cf_context *ctx, job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_responses *r = j->r;
  cf_json *values = j->result->values, *preferred = cf_json_list();
  double *f1f0 = NULL;
  size_t *count = NULL, silent = 0;
  spread osi, dsi, f;
  bool good = true;
  CF_TRY(CF_SCRATCH(ctx, &f1f0, r->neurons));
  CF_TRY(CF_SCRATCH(ctx, &count, r->stimuli));
  memset(count, 0, r->stimuli * sizeof *count);
  for (size_t n = 0; n < r->neurons; n++) {
    const bool drives = j->s[n].best.mean > 0;
    f1f0[n] = j->s[n].best.f1f0;
    silent += !drives;
    count[j->s[n].stimulus] += drives;
  }
  CF_TRY(spread_of(ctx, r->neurons, j->osi, &osi));
  CF_TRY(spread_of(ctx, r->neurons, j->dsi, &dsi));
  CF_TRY(spread_of(ctx, r->neurons, f1f0, &f));
  CF_TRY(cf_result_say(ctx, j->result, "Tuning of %zu neurons to %zu stimuli in %zu directions (%s, %s over stimuli)\n",
                       r->neurons, r->stimuli, r->directions, cf_options_text(j->options, "index"),
                       cf_options_text(j->options, "over")));
  CF_TRY(say(ctx, j, "OSI", &osi));
  CF_TRY(say(ctx, j, "DSI", &dsi));
  CF_TRY(say(ctx, j, "F1/F0", &f));
  CF_TRY(cf_result_say(ctx, j->result, "Preferred stimulus:\n"));
  for (size_t s = 0; s < r->stimuli; s++) {
    char buffer[128] = "";
    stimulus_name(j, s, buffer, sizeof buffer);
    cf_json *one = cf_json_object();
    good &= cf_json_set(one, "stimulus", cf_json_text(buffer));
    good &= cf_json_set(one, "neurons", cf_json_number((double)count[s]));
    good &= cf_json_append(preferred, one);
    CF_TRY(cf_result_say(ctx, j->result, "  %-20s %zu\n", buffer, count[s]));
  }
  if (silent) CF_TRY(cf_result_say(ctx, j->result, "%zu neurons never respond\n", silent));
  good &= cf_json_set(values, "neurons", cf_json_number((double)r->neurons));
  good &= cf_json_set(values, "stimuli", cf_json_number((double)r->stimuli));
  good &= cf_json_set(values, "directions", cf_json_number((double)r->directions));
  good &= cf_json_set(values, "index", cf_json_text(cf_options_text(j->options, "index")));
  good &= cf_json_set(values, "over", cf_json_text(cf_options_text(j->options, "over")));
  good &= set_spread(values, "osi", &osi) & set_spread(values, "dsi", &dsi) & set_spread(values, "f1f0", &f);
  good &= cf_json_set(values, "silent", cf_json_number((double)silent));
  good &= cf_json_set(values, "preferred", preferred);
  preferred = NULL;
  if (!good) status = cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for the result");
done:
  cf_json_free(preferred);
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  job j = {.options = options, .result = result, .o = CF_TUNING_OPTIONS_INIT};
  CF_TRY(cf_load_responses(ctx, cf_options_argument(options, 0), options, result, &j.r));
  const cf_view view = cf_responses_view(j.r);
  const size_t maps = j.r->neurons * j.r->stimuli;
  j.o.paper = strcmp(cf_options_text(options, "preset"), "paper") == 0;
  j.o.permutations = (size_t)cf_options_integer(options, "permutations");
  CF_TRY(read_cycles(ctx, &j));
  CF_TRY(read_window(ctx, &j));
  CF_TRY(CF_ALLOC(ctx, &j.t, maps));
  CF_TRY(CF_ALLOC(ctx, &j.s, j.r->neurons));
  CF_TRY(CF_ALLOC(ctx, &j.curves, maps * j.r->directions));
  CF_TRY(cf_tuning_compute(ctx, &view, j.r->degrees, &j.o, j.t, j.s, j.curves));
  warn_about(ctx, &j);
  CF_TRY(combine_all(ctx, &j));
  CF_TRY(put_arrays(ctx, &j));
  CF_TRY(put_values(ctx, &j));
done:
  cf_free(j.cycle);
  cf_free(j.t);
  cf_free(j.s);
  cf_free(j.curves);
  cf_free(j.osi);
  cf_free(j.dsi);
  cf_responses_free(j.r);
  return status;
}

/* One pass over the values, and the permutations of every map's directions; the shape is that of the file's largest
 * array, or of the member that the address names. */
static cf_status cost(cf_context *ctx, const cf_options *options, cf_cost *out) {
  cf_status status = CF_OK;
  const double permutations = (double)cf_options_integer(options, "permutations");
  char *path = NULL, *member = NULL;
  cf_io_listing *list = NULL;
  CF_TRY(cf_io_split(ctx, cf_options_argument(options, 0), &path, &member));
  CF_TRY(cf_io_list(ctx, path, &list));
  for (size_t i = 0; i < list->count; i++) {
    const cf_io_entry *e = &list->entry[i];
    double values = 1, curves = 1;
    if (e->ndim < 3 || (member && (!e->member || strcmp(e->member, member) != 0))) continue;
    for (int d = 0; d < e->ndim; d++) values *= (double)e->shape[d];
    for (int d = 0; d < CF_MIN(3, e->ndim); d++) curves *= (double)e->shape[d];
    out->seconds = fmax(out->seconds, (3e-8 * values + 4e-8 * curves * permutations) / cf_context_threads(ctx));
    out->bytes = fmax(out->bytes, 8 * values + 100 * curves);
  }
done:
  cf_context_clear(ctx);
  cf_io_listing_free(list);
  cf_free(path);
  cf_free(member);
  return CF_OK;
}

const cf_analysis cf_analysis_tuning = {
    .name = "tuning",
    .group = "Responses",
    .summary = "Orientation and direction selectivity of neurons",
    .arguments = "RESPONSES",
    .least = 1,
    .most = 1,
    .description = description,
    .examples = examples,
    .params = params,
    .run = run,
    .cost = cost,
};
