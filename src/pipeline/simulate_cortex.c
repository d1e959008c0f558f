/* `cortifold simulate cortex`: the members and values that it writes. */
#include "base/internal.h"
#include "pipeline/simulate.h"

#include <cortifold/simulate.h>
#include <stdio.h>
#include <string.h>

typedef struct job {
  cf_result *result;
  cf_simulated_cortex *c;
  cf_array *neuron, *stimulus, *direction, *time; /* labels */
} job;

static cf_simulate_cortex_options settings(const cf_options *options) {
  return (cf_simulate_cortex_options){
      .neurons = (size_t)cf_options_integer(options, "neurons"),
      .directions = (size_t)cf_options_integer(options, "directions"),
      .times = (size_t)cf_options_integer(options, "times"),
      .eleven = strcmp(cf_options_text(options, "stimuli"), "11") == 0,
      .clusters = (size_t)cf_options_integer(options, "clusters"),
      .feature_maps = (size_t)cf_options_integer(options, "feature-maps"),
      .bin = cf_options_number(options, "bin") / 1000,
      .before = cf_options_number(options, "before") / 1000,
      .temporal_frequency = cf_options_number(options, "temporal-frequency"),
      .scatter = cf_options_number(options, "scatter"),
      .threshold = cf_options_number(options, "threshold"),
      .noise = cf_options_number(options, "rate-noise"),
      .instances = (size_t)cf_options_integer(options, "instances"),
      .trials = (size_t)cf_options_integer(options, "trials"),
  };
}

static cf_status add(cf_context *ctx, job *j, cf_array *a) {
  return cf_dataset_add(ctx, j->result->arrays, a);
}

static cf_status add_copy(cf_context *ctx, job *j, const cf_array *a) {
  cf_array *copy = NULL;
  const cf_status status = cf_array_copy(ctx, a, &copy);
  return status == CF_OK ? add(ctx, j, copy) : status;
}

static cf_status make_labels(cf_context *ctx, job *j) {
  cf_simulated_cortex *c = j->c;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  enum { LONGEST = 32 };
  char *text = NULL;
  const char **list = NULL;
  char number[LONGEST];
  const int width = snprintf(number, sizeof number, "%zu", c->neurons);
  CF_TRY(CF_SCRATCH(ctx, &text, c->neurons * LONGEST));
  CF_TRY(CF_SCRATCH(ctx, &list, c->neurons));
  for (size_t n = 0; n < c->neurons; n++) {
    list[n] = text + n * LONGEST;
    snprintf(text + n * LONGEST, LONGEST, "neuron-%0*zu", width < 3 ? 3 : width, n + 1);
  }
  CF_TRY(cf_array_from_texts(ctx, "neuron", c->neurons, list, &j->neuron));
  CF_TRY(cf_array_from_texts(ctx, "stimulus", c->stimuli, c->stimulus, &j->stimulus));
  CF_TRY(cf_array_from_doubles(ctx, "direction", 1, &c->directions, c->direction, &j->direction));
  CF_TRY(cf_array_from_doubles(ctx, "time", 1, &c->times, c->time, &j->time));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status put_rates(cf_context *ctx, job *j, const char *name, const double *data) {
  cf_simulated_cortex *c = j->c;
  const size_t shape[4] = {c->neurons, c->stimuli, c->directions, c->times};
  cf_status status = CF_OK;
  cf_array *a = NULL;
  CF_TRY(cf_array_from_doubles(ctx, name, 4, shape, data, &a));
  CF_TRY(cf_array_set_axis(ctx, a, 0, "neuron", j->neuron));
  CF_TRY(cf_array_set_axis(ctx, a, 1, "stimulus", j->stimulus));
  CF_TRY(cf_array_set_axis(ctx, a, 2, "direction", j->direction));
  CF_TRY(cf_array_set_axis(ctx, a, 3, "time", j->time));
  status = add(ctx, j, a);
  a = NULL;
done:
  cf_array_free(a);
  return status;
}

/* Takes an array over the neurons. */
static cf_status add_by_neuron(cf_context *ctx, job *j, cf_array *a) {
  const cf_status status = cf_array_set_axis(ctx, a, 0, "neuron", j->neuron);
  if (status == CF_OK) return add(ctx, j, a);
  cf_array_free(a);
  return status;
}

static cf_status put_codes(cf_context *ctx, job *j, const char *name, const size_t *code) {
  cf_array *a = NULL;
  const cf_status status = cf_array_new(ctx, name, CF_I64, 1, &j->c->neurons, &a);
  if (status != CF_OK) return status;
  for (size_t n = 0; n < j->c->neurons; n++) ((int64_t *)a->data)[n] = (int64_t)code[n];
  return add_by_neuron(ctx, j, a);
}

static cf_status put_types(cf_context *ctx, job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const char **list = NULL;
  cf_array *a = NULL;
  CF_TRY(CF_SCRATCH(ctx, &list, j->c->neurons));
  for (size_t n = 0; n < j->c->neurons; n++) list[n] = cf_cortex_type_name(j->c->type[n]);
  CF_TRY(cf_array_from_texts(ctx, "truth/type", j->c->neurons, list, &a));
  CF_TRY(add_by_neuron(ctx, j, a));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status put_truth(cf_context *ctx, job *j) {
  cf_simulated_cortex *c = j->c;
  cf_status status = CF_OK;
  cf_array *a = NULL;
  CF_TRY(put_rates(ctx, j, "truth/rate", c->rate));
  CF_TRY(put_types(ctx, j));
  for (int p = 0; p < CF_CORTEX_PARAMETERS; p++) {
    char name[64];
    snprintf(name, sizeof name, "truth/%s", cf_cortex_parameter_name((cf_cortex_parameter)p));
    CF_TRY(cf_array_from_doubles(ctx, name, 1, &c->neurons, c->parameter[p], &a));
    CF_TRY(add_by_neuron(ctx, j, a));
  }
  if (c->latent) {
    CF_TRY(cf_array_from_doubles(ctx, "truth/latent", 2, (const size_t[]){c->neurons, 2}, c->latent, &a));
    CF_TRY(add_by_neuron(ctx, j, a));
  }
  if (c->cluster) CF_TRY(put_codes(ctx, j, "truth/cluster", c->cluster));
  if (c->feature_map) CF_TRY(put_codes(ctx, j, "feature_map", c->feature_map));
done:
  return status;
}

/* ---------------------------------------------------------------- spikes -- */

static cf_status put_integers(cf_context *ctx, job *j, const char *name, size_t n, const uint32_t *values) {
  cf_array *a = NULL;
  const cf_status status = cf_array_new(ctx, name, CF_I32, 1, &n, &a);
  if (status != CF_OK) return status;
  for (size_t i = 0; i < n; i++) ((int32_t *)a->data)[i] = (int32_t)values[i];
  return add(ctx, j, a);
}

static cf_status put_presentations(cf_context *ctx, job *j) {
  cf_simulated_cortex *c = j->c;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const char **stimulus = NULL;
  double *direction = NULL;
  uint32_t *trial = NULL;
  cf_array *a = NULL;
  CF_TRY(CF_SCRATCH(ctx, &stimulus, c->presentations));
  CF_TRY(CF_SCRATCH(ctx, &direction, c->presentations));
  CF_TRY(CF_SCRATCH(ctx, &trial, c->presentations));
  for (size_t p = 0; p < c->presentations; p++) {
    stimulus[p] = c->stimulus[p / (c->directions * c->trials)];
    direction[p] = c->direction[p / c->trials % c->directions];
    trial[p] = (uint32_t)(p % c->trials);
  }
  CF_TRY(cf_array_from_texts(ctx, "spikes/presentation_stimulus", c->presentations, stimulus, &a));
  CF_TRY(add(ctx, j, a));
  CF_TRY(cf_dataset_put(ctx, j->result->arrays, "spikes/presentation_direction", 1, &c->presentations, direction));
  CF_TRY(put_integers(ctx, j, "spikes/presentation_trial", c->presentations, trial));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status put_spikes(cf_context *ctx, job *j) {
  cf_simulated_cortex *c = j->c;
  cf_status status = CF_OK;
  cf_array *units = NULL;
  if (c->trials == 0) return CF_OK;
  if (c->presentations > INT32_MAX || c->neurons > INT32_MAX)
    return cf_fail(ctx, CF_ERR_USAGE, "too many presentations for spike trains");
  CF_TRY(cf_dataset_put(ctx, j->result->arrays, "spikes/spike_times_ms", 1, &c->spikes, c->spike_time));
  CF_TRY(put_integers(ctx, j, "spikes/unit", c->spikes, c->spike_unit));
  CF_TRY(put_integers(ctx, j, "spikes/presentation", c->spikes, c->spike_presentation));
  CF_TRY(put_presentations(ctx, j));
  CF_TRY(cf_array_copy(ctx, j->neuron, &units));
  cf_free(units->name);
  units->name = NULL;
  CF_TRY(cf_strdup(ctx, "spikes/unit_name", &units->name));
  status = add(ctx, j, units);
  units = NULL;
done:
  cf_array_free(units);
  return status;
}

/* ---------------------------------------------------------------- values -- */

static cf_status put_values(cf_context *ctx, job *j) {
  cf_simulated_cortex *c = j->c;
  cf_json *values = j->result->values, *types = cf_json_list();
  const size_t map = c->directions * c->times, maps = c->neurons * c->stimuli;
  size_t count[CF_CORTEX_TYPES] = {0}, silent = 0;
  double sum = 0, most = 0;
  bool good = true;
  for (size_t n = 0; n < c->neurons; n++) count[c->type[n]]++;
  for (size_t m = 0; m < maps; m++) {
    const double baseline = c->parameter[CF_CORTEX_BASELINE][m / c->stimuli];
    double peak = 0;
    for (size_t i = m * map; i < (m + 1) * map; i++) {
      peak = peak > c->rate[i] ? peak : c->rate[i];
      sum += c->rate[i];
    }
    most = most > peak ? most : peak;
    silent += peak - baseline < 0.05 * c->parameter[CF_CORTEX_GAIN][m / c->stimuli];
  }
  for (int t = 0; t < CF_CORTEX_TYPES; t++) {
    cf_json *one = cf_json_object();
    good &= cf_json_set(one, "name", cf_json_text(cf_cortex_type_name((cf_cortex_type)t)));
    good &= cf_json_set(one, "neurons", cf_json_number((double)count[t]));
    good &= cf_json_append(types, one);
  }
  const struct {
    const char *name;
    double value;
  } numbers[] = {{"neurons", (double)c->neurons},
                 {"stimuli", (double)c->stimuli},
                 {"directions", (double)c->directions},
                 {"times", (double)c->times},
                 {"mean_rate", sum / (double)(maps * map)},
                 {"largest_rate", most},
                 {"silent_maps", (double)silent / (double)maps},
                 {"trials", (double)c->trials},
                 {"spikes", (double)c->spikes}};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    good &= cf_json_set(values, numbers[i].name, cf_json_number(numbers[i].value));
  good &= cf_json_set(values, "types", types);
  if (!good) return cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for the result");
  cf_status status = cf_result_say(ctx, j->result,
                                   "Simulated cortex: %zu neurons, %zu stimuli, %zu directions, %zu time bins\n"
                                   "Mean rate %.3g, largest %.3g spikes a second; %.3g of the maps are silent\n",
                                   c->neurons, c->stimuli, c->directions, c->times, sum / (double)(maps * map), most,
                                   (double)silent / (double)maps);
  for (int t = 0; t < CF_CORTEX_TYPES && status == CF_OK; t++)
    status = cf_result_say(ctx, j->result, "%-20s %zu\n", cf_cortex_type_name((cf_cortex_type)t), count[t]);
  if (status == CF_OK && c->trials)
    status = cf_result_say(ctx, j->result, "%zu spikes in %zu trials of each stimulus and direction\n", c->spikes,
                           c->trials);
  return status;
}

cf_status cf_simulate_cortex_run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  job j = {.result = result};
  const cf_simulate_cortex_options o = settings(options);
  CF_TRY(cf_simulate_cortex(ctx, &o, &j.c));
  CF_TRY(make_labels(ctx, &j));
  CF_TRY(put_rates(ctx, &j, "responses", j.c->responses));
  CF_TRY(add_copy(ctx, &j, j.neuron));
  CF_TRY(add_copy(ctx, &j, j.stimulus));
  CF_TRY(add_copy(ctx, &j, j.direction));
  CF_TRY(add_copy(ctx, &j, j.time));
  CF_TRY(put_truth(ctx, &j));
  CF_TRY(put_spikes(ctx, &j));
  CF_TRY(put_values(ctx, &j));
done:
  cf_array_free(j.neuron);
  cf_array_free(j.stimulus);
  cf_array_free(j.direction);
  cf_array_free(j.time);
  cf_simulated_cortex_free(j.c);
  return status;
}

cf_status cf_simulate_cortex_cost(cf_context *ctx, const cf_options *options, cf_cost *out) {
  const cf_simulate_cortex_options o = settings(options);
  const double maps = (double)o.neurons * (double)o.directions * (o.eleven ? 11 : 6);
  const double spikes = 8.0 * (double)o.trials * maps * (double)o.times * o.bin;
  out->seconds = (maps * (double)o.times * (double)o.instances * 27 * 4e-9 + 1e-7 * spikes) / cf_context_threads(ctx);
  out->bytes = 32 * maps * (double)o.times + 24 * spikes;
  return CF_OK;
}
