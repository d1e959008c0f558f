/* `cortifold psth`: spike trains to responses, with a test of each unit and stimulus. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/analyses.h"
#include "pipeline/psth.h"
#include <cortifold/response.h>

static const cf_param params[] = {
    {"preset", 0, CF_PARAM_CHOICE, "P", "clean", 0, 0, "clean|paper|drifting|static",
     "clean: the bandwidth as its authors define it, whole windows. paper: as the published rates, whose bandwidths are "
     "half as wide because their code takes the range of the spikes for the grid; a last window may be partial. drifting, "
     "static: paper with a bandwidth of 25 ms and 250 ms before, or 10 ms, 50 ms before and bins of 5 ms, as for the "
     "Allen data. The options below replace single choices."},
    {"bin", 'b', CF_PARAM_REAL, "MS", NULL, 0.01, 1e6, NULL, "Length of a time bin; 10 (static: 5) when not given."},
    {"pre", 0, CF_PARAM_REAL, "MS", NULL, 0, 1e7, NULL,
     "Time shown before the stimulus starts; 100 (drifting 250, static 50) when not given, 0 when no spike is earlier "
     "than the stimulus."},
    {"duration", 0, CF_PARAM_REAL, "MS", NULL, 0.01, 1e9, NULL,
     "Time shown after it starts; the shortest presentation, or up to the last spike when the file does not tell."},
    {"bandwidth", 0, CF_PARAM_TEXT, "MS", NULL, 0, 0, "isj",
     "Standard deviation of the Gaussian kernel, or isj: the improved rule of Sheather and Jones for every unit and "
     "stimulus, from the direction with most spikes."},
    {"range", 0, CF_PARAM_LIST, "LOW,HIGH", "10,50", 0, 0, NULL,
     "ms to which bandwidths by isj are confined; the upper one where the rule finds none."},
    {"edges", 0, CF_PARAM_CHOICE, "E", "none", 0, 0, "none|reflect",
     "none: the density leaks out at the ends of the window, as published. reflect: it stays within, so that rates add up "
     "to the spikes (ours)."},
    {"baseline", 0, CF_PARAM_LIST, "FROM,TO", NULL, 0, 0, NULL,
     "ms of each trial that responses are tested against; the interval that the file counts (isi_counts), else all the "
     "time before the stimulus when not given."},
    {"test", 0, CF_PARAM_CHOICE, "T", "mann-whitney", 0, 0, "mann-whitney|exact|wilcoxon|none",
     "One-sided, counts of trials in a window against those in the baseline. mann-whitney: exact for up to 8 trials "
     "without ties, else the normal approximation, as published. exact: Mann-Whitney, exact also with ties, up to 20 "
     "trials (ours). wilcoxon: signed ranks of the differences."},
    {"alpha", 0, CF_PARAM_REAL, "P", "0.001", 1e-12, 0.999999, NULL, "Level of significance."},
    {"correction", 0, CF_PARAM_CHOICE, "C", "none", 0, 0, "none|bonferroni",
     "Of the smallest p over the directions; none as published, bonferroni is ours."},
    {"maps", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL,
     "Also write allT, every map (direction x time) at unit norm, and sigT, the same with zeros for maps that are not "
     "significant."},
    CF_SPIKES_OPTIONS,
    CF_PARAM_END,
};

static const char description[] =
    "From spike trains to responses (neuron, stimulus, direction, time) in spikes a second. The spikes of all trials are "
    "smoothed with a Gaussian kernel on a grid of 1 ms: rate = density x spikes x 1000 / trials, averaged over each "
    "bin. The bandwidth follows from the direction with most spikes (Botev, Grotowski & Kroese 2010) within "
    "--range.\n\n"
    "SPIKES is a table with columns unit, stimulus, direction, trial and time_ms or time (s); a file with members "
    "spike_times_ms, time_ms or spike_times (s), unit, stimulus, direction, trial, or with unit, presentation and "
    "presentation_stimulus, presentation_direction; an NWB file with /units and /intervals; or JSON {unit: {stimulus: "
    "{direction: [[times in ms], ...]}}}. Time 0 is the start of the stimulus. FILE:GROUP chooses a group of members. "
    "docs/files.md, section Spike trains, tells all of it.\n\n"
    "Significance, for each unit and stimulus: windows as long as the baseline lie one after the other from the start of "
    "the stimulus; in each direction the window with most spikes is tested for more spikes than the baseline, and the one "
    "with fewest for fewer. A unit responds when the smallest p over directions is at most --alpha (times the number of "
    "directions with bonferroni), or, suppressed, when the p for fewer is at most --alpha in all directions. Since the "
    "window is chosen on the data that are tested, units that do nothing pass more often than --alpha; `chance` gives "
    "the bound.\n\n"
    "Values: units, stimuli, directions, times, bin, pre, duration, spikes, trials, bandwidth {median, at_low, at_high}, "
    "significant [{stimulus, units}], tested, chance {per_map, bound, maps}. Arrays: responses with neuron, stimulus, "
    "direction, time (s); significant (neuron, stimulus; 1, 0, -1 not tested); p_max, p_min; p_max_direction, "
    "p_min_direction, spike_count, trials (neuron, stimulus, direction); bandwidth (ms), rate_max, norm and latency "
    "(neuron, stimulus; latency: the first time at half of the best direction's rise, s; our definition).\n\n"
    "References: Dyballa et al. (2024), PNAS 121, e2317773121; Botev, Grotowski & Kroese (2010), Ann. Stat. 38, 2916.";

static const char examples[] =
    "cortifold psth spikes.tsv -o responses.npz\n"
    "cortifold psth recording.nwb --intervals drifting_gratings_presentations --stimulus-column temporal_frequency "
    "--preset drifting -o responses.h5\n"
    "cortifold psth cortex.h5:spikes --duration 1250 -o responses.h5";

typedef struct job {
  const cf_options *options;
  cf_result *result;
  cf_spike_data *data;
  double pre, duration; /* ms */
  bool tested;
  cf_psth_options p;
  cf_significance_options s;
  cf_psth *psth;
  cf_significance *significance; /* NULL when not tested */
} job;

/* ---------------------------------------------------------------- options -- */

static bool preset_is(const job *j, const char *name) {
  return strcmp(cf_options_text(j->options, "preset"), name) == 0;
}

static double number_or(const job *j, const char *name, double clean, double drifting, double fixed) {
  if (cf_options_given(j->options, name)) return cf_options_number(j->options, name);
  return preset_is(j, "drifting") ? drifting : preset_is(j, "static") ? fixed : clean;
}

static cf_status read_pair(cf_context *ctx, const job *j, const char *name, double *low, double *high) {
  char first[64], second[64], *end[2] = {NULL, NULL};
  const size_t n = cf_options_list_count(j->options, name);
  const char *a = n == 2 ? cf_options_list_entry(j->options, name, 0, first, sizeof first) : NULL;
  const char *b = n == 2 ? cf_options_list_entry(j->options, name, 1, second, sizeof second) : NULL;
  if (a) *low = strtod(a, &end[0]);
  if (b) *high = strtod(b, &end[1]);
  if (!a || !b || end[0] == a || *end[0] || end[1] == b || *end[1] || !(*high >= *low) || isinf(*high - *low))
    return cf_fail(ctx, CF_ERR_USAGE, "--%s needs two numbers, the smaller one first", name);
  return CF_OK;
}

static cf_status read_bandwidth(cf_context *ctx, job *j) {
  const char *text = cf_options_text(j->options, "bandwidth");
  char *end = NULL;
  j->p.bandwidth = preset_is(j, "drifting") ? 25 : preset_is(j, "static") ? 10 : 0;
  if (text && strcmp(text, "isj") == 0) j->p.bandwidth = 0;
  if (text && strcmp(text, "isj") != 0) {
    j->p.bandwidth = strtod(text, &end);
    if (end == text || *end || !(j->p.bandwidth > 0) || isinf(j->p.bandwidth))
      return cf_fail(ctx, CF_ERR_USAGE, "--bandwidth %s: give milliseconds above 0, or isj", text);
  }
  const cf_status status = read_pair(ctx, j, "range", &j->p.low, &j->p.high);
  if (status == CF_OK && !(j->p.low > 0)) return cf_fail(ctx, CF_ERR_USAGE, "--range: bandwidths are above 0");
  return status;
}

/* The window: pre and duration as given, as the file tells, or as the spikes tell. */
static cf_status choose_window(cf_context *ctx, job *j) {
  const double bin = j->p.bin, last = j->data->last;
  j->pre = number_or(j, "pre", 100, 250, 50);
  if (!cf_options_given(j->options, "pre") && j->data->first >= 0) j->pre = 0;
  if (fabs(remainder(j->pre, bin)) > 1e-6 * bin)
    return cf_fail(ctx, CF_ERR_USAGE, "--pre %g is not a whole number of bins of %g ms", j->pre, bin);
  if (cf_options_given(j->options, "duration")) {
    j->duration = cf_options_number(j->options, "duration");
    if (fabs(remainder(j->duration, bin)) > 1e-6 * bin)
      return cf_fail(ctx, CF_ERR_USAGE, "--duration %g is not a whole number of bins of %g ms", j->duration, bin);
  } else if (!isnan(j->data->duration)) {
    j->duration = bin * floor(j->data->duration / bin + 1e-6);
  } else {
    j->duration = bin * fmax(1, floor(last / bin) + 1);
    cf_warn(ctx,
            "the file does not tell how long stimuli last: responses end with the last spike, at %g ms; --duration "
            "tells",
            j->duration);
  }
  if (!(j->duration >= bin))
    return cf_fail(ctx, CF_ERR_INPUT, "presentations last %g ms, less than a bin of %g ms", j->data->duration, bin);
  if (last < -j->pre || j->data->first >= j->duration)
    return cf_fail(ctx, CF_ERR_INPUT,
                   "all spikes lie between %g and %g ms, outside the window from %g to %g ms; --time-unit tells their "
                   "unit",
                   j->data->first, last, 0 - j->pre, j->duration);
  if (!cf_options_given(j->options, "time-unit") && last > 1e5)
    cf_warn(ctx, "the last spike is %g s after the start of a stimulus; are times in ms? --time-unit tells",
            last / 1000);
  j->p.from = j->pre > 0 ? -j->pre : 0;
  j->p.to = j->duration;
  return CF_OK;
}

static cf_status choose_test(cf_context *ctx, job *j) {
  const char *test = cf_options_text(j->options, "test");
  j->s = (cf_significance_options){.baseline_from = -j->pre,
                                   .baseline_to = 0,
                                   .from = 0,
                                   .to = j->duration,
                                   .partial = !preset_is(j, "clean"),
                                   .wilcoxon = strcmp(test, "wilcoxon") == 0,
                                   .exact = strcmp(test, "exact") == 0,
                                   .correct = strcmp(cf_options_text(j->options, "correction"), "bonferroni") == 0,
                                   .alpha = cf_options_number(j->options, "alpha")};
  j->tested = strcmp(test, "none") != 0;
  if (!j->tested) return CF_OK;
  if (cf_options_given(j->options, "baseline"))
    return read_pair(ctx, j, "baseline", &j->s.baseline_from, &j->s.baseline_to);
  if (j->data->isi_counts) {
    j->s.baseline_from = -j->data->isi;
    j->s.baseline = j->data->isi_counts;
    return CF_OK;
  }
  if (j->pre > 0) return CF_OK;
  j->tested = false;
  cf_warn(ctx, "no spike comes before the stimulus: responses are not tested; --pre MS says that such spikes were "
               "recorded, --baseline FROM,TO gives another baseline");
  return CF_OK;
}

static cf_status read_options(cf_context *ctx, job *j) {
  cf_status status = CF_OK;
  const bool reflect = strcmp(cf_options_text(j->options, "edges"), "reflect") == 0;
  j->p.bin = number_or(j, "bin", 10, 10, 5);
  j->p.edges = reflect ? CF_KDE_EDGES_REFLECT : CF_KDE_EDGES_NONE;
  j->p.scale = preset_is(j, "clean") ? CF_KDE_SCALE_GRID : CF_KDE_SCALE_RANGE;
  CF_TRY(read_bandwidth(ctx, j));
done:
  return status;
}

/* ----------------------------------------------------------------- arrays -- */

typedef struct axis {
  const char *name;
  const cf_array *label;
  size_t length;
} axis;

/* Adds an array over the first `ndim` of neuron, stimulus, direction, time. */
static cf_status put(cf_context *ctx, job *j, const char *name, int ndim, const double *data, const cf_array *time) {
  const axis axes[4] = {{"neuron", j->data->unit, j->psth->units},
                        {"stimulus", j->data->stimulus, j->psth->stimuli},
                        {"direction", j->data->direction, j->psth->directions},
                        {"time", time, j->psth->times}};
  cf_status status = CF_OK;
  cf_array *a = NULL;
  size_t shape[4];
  for (int d = 0; d < ndim; d++) shape[d] = axes[d].length;
  CF_TRY(cf_array_from_doubles(ctx, name, ndim, shape, data, &a));
  for (int d = 0; d < ndim; d++) CF_TRY(cf_array_set_axis(ctx, a, d, axes[d].name, axes[d].label));
  status = cf_dataset_add(ctx, j->result->arrays, a);
  a = NULL;
done:
  cf_array_free(a);
  return status;
}

static cf_status put_label(cf_context *ctx, job *j, const cf_array *label, const char *name) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  CF_TRY(cf_array_copy(ctx, label, &a));
  cf_free(a->name);
  a->name = NULL;
  CF_TRY(cf_strdup(ctx, name, &a->name));
  status = cf_dataset_add(ctx, j->result->arrays, a);
  a = NULL;
done:
  cf_array_free(a);
  return status;
}

static cf_status put_counts(cf_context *ctx, job *j, const char *name, const size_t *count) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  const size_t shape[3] = {j->psth->units, j->psth->stimuli, j->psth->directions};
  CF_TRY(cf_array_new(ctx, name, CF_I64, 3, shape, &a));
  for (size_t i = 0; i < cf_array_count(a); i++) ((int64_t *)a->data)[i] = (int64_t)count[i];
  CF_TRY(cf_array_set_axis(ctx, a, 0, "neuron", j->data->unit));
  CF_TRY(cf_array_set_axis(ctx, a, 1, "stimulus", j->data->stimulus));
  CF_TRY(cf_array_set_axis(ctx, a, 2, "direction", j->data->direction));
  status = cf_dataset_add(ctx, j->result->arrays, a);
  a = NULL;
done:
  cf_array_free(a);
  return status;
}

/* 1 significant, 0 not, -1 not tested. */
static cf_status put_significant(cf_context *ctx, job *j) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  const size_t shape[2] = {j->psth->units, j->psth->stimuli};
  CF_TRY(cf_array_new(ctx, "significant", CF_I8, 2, shape, &a));
  for (size_t i = 0; i < shape[0] * shape[1]; i++)
    ((int8_t *)a->data)[i] = j->significance ? j->significance->significant[i] : -1;
  CF_TRY(cf_array_set_axis(ctx, a, 0, "neuron", j->data->unit));
  CF_TRY(cf_array_set_axis(ctx, a, 1, "stimulus", j->data->stimulus));
  status = cf_dataset_add(ctx, j->result->arrays, a);
  a = NULL;
done:
  cf_array_free(a);
  return status;
}

/* First time of the best direction at which the rate has risen half way from its mean before the stimulus (0 without
 * such time) to its peak, in seconds. */
static double latency_of(const cf_psth *p, const double *map) {
  size_t best = 0;
  double peak = -INFINITY, before = 0, bins = 0;
  for (size_t i = 0; i < p->directions * p->times; i++)
    if (p->time[i % p->times] > 0 && map[i] > peak) peak = map[i], best = i / p->times;
  const double *rate = map + best * p->times;
  for (size_t t = 0; t < p->times && p->time[t] < 0; t++, bins++) before += rate[t];
  before = bins > 0 ? before / bins : 0;
  for (size_t t = 0; t < p->times && peak > before; t++)
    if (p->time[t] > 0 && rate[t] >= before + (peak - before) / 2) return p->time[t] / 1000;
  return NAN;
}

/* rate_max, norm and latency of every map; NaN where a direction has no trials. */
static cf_status put_map_values(cf_context *ctx, job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_psth *p = j->psth;
  const size_t maps = p->units * p->stimuli, map = p->directions * p->times;
  double *most = NULL, *norm = NULL, *latency = NULL;
  CF_TRY(CF_SCRATCH(ctx, &most, maps));
  CF_TRY(CF_SCRATCH(ctx, &norm, maps));
  CF_TRY(CF_SCRATCH(ctx, &latency, maps));
  for (size_t m = 0; m < maps; m++) {
    double square = 0;
    most[m] = NAN;
    for (size_t i = m * map; i < (m + 1) * map; i++) {
      if (isnan(p->rate[i])) continue;
      most[m] = isnan(most[m]) ? p->rate[i] : fmax(most[m], p->rate[i]);
      square += p->rate[i] * p->rate[i];
    }
    norm[m] = sqrt(square);
    latency[m] = latency_of(p, p->rate + m * map);
  }
  CF_TRY(put(ctx, j, "rate_max", 2, most, NULL));
  CF_TRY(put(ctx, j, "norm", 2, norm, NULL));
  CF_TRY(put(ctx, j, "latency", 2, latency, NULL));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* allT, and sigT when significant maps alone are wanted. */
static cf_status put_unit_maps(cf_context *ctx, job *j, const char *name, bool significant_only, const cf_array *time) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_psth *p = j->psth;
  const size_t maps = p->units * p->stimuli, map = p->directions * p->times;
  double *x = NULL;
  CF_TRY(CF_SCRATCH(ctx, &x, maps * map));
  for (size_t m = 0; m < maps; m++) {
    double square = 0;
    for (size_t i = m * map; i < (m + 1) * map; i++) square += p->rate[i] * p->rate[i];
    const bool keep = !significant_only || !j->significance || j->significance->significant[m];
    for (size_t i = m * map; i < (m + 1) * map; i++) x[i] = !keep || square == 0 ? 0 : p->rate[i] / sqrt(square);
  }
  CF_TRY(put(ctx, j, name, 4, x, time));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status put_arrays(cf_context *ctx, job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_psth *p = j->psth;
  const cf_significance *s = j->significance;
  cf_array *time = NULL;
  double *seconds = NULL;
  CF_TRY(CF_SCRATCH(ctx, &seconds, p->times));
  for (size_t t = 0; t < p->times; t++) seconds[t] = p->time[t] / 1000;
  CF_TRY(cf_array_from_doubles(ctx, "time", 1, &p->times, seconds, &time));
  CF_TRY(put(ctx, j, "responses", 4, p->rate, time));
  CF_TRY(put_label(ctx, j, j->data->unit, "neuron"));
  CF_TRY(put_label(ctx, j, j->data->stimulus, "stimulus"));
  CF_TRY(put_label(ctx, j, j->data->direction, "direction"));
  CF_TRY(put_label(ctx, j, time, "time"));
  CF_TRY(put_significant(ctx, j));
  if (s) {
    CF_TRY(put(ctx, j, "p_max", 2, s->p_max, NULL));
    CF_TRY(put(ctx, j, "p_min", 2, s->p_min, NULL));
    CF_TRY(put(ctx, j, "p_max_direction", 3, s->p_max_each, NULL));
    CF_TRY(put(ctx, j, "p_min_direction", 3, s->p_min_each, NULL));
  }
  CF_TRY(put(ctx, j, "bandwidth", 2, p->bandwidth, NULL));
  CF_TRY(put_counts(ctx, j, "spike_count", p->count));
  CF_TRY(put_counts(ctx, j, "trials", p->trials));
  CF_TRY(put_map_values(ctx, j));
  if (cf_options_flag(j->options, "maps")) {
    CF_TRY(put_unit_maps(ctx, j, "allT", false, time));
    CF_TRY(put_unit_maps(ctx, j, "sigT", true, time));
  }
done:
  cf_array_free(time);
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  job j = {.options = options, .result = result};
  CF_TRY(read_options(ctx, &j));
  const double before = number_or(&j, "pre", 100, 250, 50);
  const double after = cf_options_given(options, "duration") ? cf_options_number(options, "duration") : NAN;
  CF_TRY(cf_load_spikes(ctx, cf_options_argument(options, 0), options, before, after, result, &j.data));
  CF_TRY(choose_window(ctx, &j));
  CF_TRY(choose_test(ctx, &j));
  CF_TRY(cf_psth_compute(ctx, &j.data->spikes, &j.p, &j.psth));
  if (j.tested) {
    status = cf_significance_compute(ctx, &j.data->spikes, &j.s, &j.significance);
    if (status == CF_ERR_USAGE) status = cf_explain(ctx, status, j.s.baseline ? "isi_ms" : "--baseline");
    if (status != CF_OK) goto done;
  }
  CF_TRY(put_arrays(ctx, &j));
  CF_TRY(cf_psth_values(ctx, result, j.data, j.psth, j.significance, &j.p, &j.s));
done:
  cf_psth_free(j.psth);
  cf_significance_free(j.significance);
  cf_spike_data_free(j.data);
  return status;
}

/* What the spikes take; how many maps they make is known only when they are read. */
static cf_status cost(cf_context *ctx, const cf_options *options, cf_cost *out) {
  const double spikes = cf_spikes_extent(ctx, cf_options_argument(options, 0));
  out->seconds = spikes * (5e-7 + 3e-6 / cf_context_threads(ctx));
  out->bytes = 120 * spikes;
  cf_context_clear(ctx);
  return CF_OK;
}

const cf_analysis cf_analysis_psth = {
    .name = "psth",
    .group = "Responses",
    .summary = "Spike trains to responses, with a test of significance",
    .arguments = "SPIKES",
    .least = 1,
    .most = 1,
    .description = description,
    .examples = examples,
    .params = params,
    .run = run,
    .cost = cost,
};
