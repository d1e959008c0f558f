/* Options of preparation, applied to loaded responses. */
#include "pipeline/prepare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"

void cf_preparation_free(cf_preparation *p) {
  if (!p) return;
  cf_prepared_free(p->prepared);
  cf_free(p->significant);
  cf_json_free(p->json);
  *p = (cf_preparation){0};
}

void cf_preparation_zero(const cf_preparation *p, const cf_responses *r, double *values) {
  const size_t map = r->directions * r->times;
  for (size_t i = 0; p->significant && i < r->neurons * r->stimuli; i++)
    if (!p->significant[i]) memset(values + i * map, 0, map * sizeof *values);
}

/* ---------------------------------------------------------------- choices -- */

typedef struct choices {
  const char *preset, *floor, *norm, *frequency; /* words of the options, or what the preset says */
  double bins;                                   /* sd of smoothing */
  size_t position[CF_ELEVEN];                    /* of the eleven classes along the stimulus axis */
  size_t medium[CF_SIX], high[CF_SIX];
  cf_prepare_selection selection;
} choices;

static bool is_preset(const choices *c, const char *name) {
  return strcmp(c->preset, name) == 0;
}

/* Smoothing text: "none", "3" (bins), "50ms". */
static cf_status read_smooth(cf_context *ctx, const char *text, const cf_responses *r, double *bins) {
  char *end = NULL;
  if (strcmp(text, "none") == 0) {
    *bins = 0;
    return CF_OK;
  }
  const double value = strtod(text, &end);
  const bool in_ms = end != text && strcmp(end, "ms") == 0;
  if (end == text || (*end && !in_ms) || !(value >= 0 && value <= 1e6))
    return cf_fail(ctx, CF_ERR_USAGE, "--smooth %s: give a number of bins (3), of milliseconds (50ms), or none", text);
  if (in_ms && !isfinite(r->step))
    return cf_fail(ctx, CF_ERR_INPUT, "--smooth %s needs a member `time` in seconds with even steps; or give bins",
                   text);
  *bins = in_ms ? value / 1000 / r->step : value;
  return CF_OK;
}

/* Rates that psth estimated are smooth already: they have a bandwidth beside them. */
static cf_status has_bandwidth(cf_context *ctx, const char *address, bool *out) {
  cf_array *a = NULL;
  const cf_status status = cf_io_read_sibling(ctx, address, "bandwidth", &a);
  *out = a != NULL;
  cf_array_free(a);
  return status;
}

static cf_status choose_smooth(cf_context *ctx, const cf_options *options, const char *address, const cf_responses *r,
                               choices *c) {
  bool smooth_already = false;
  if (cf_options_given(options, "smooth")) return read_smooth(ctx, cf_options_text(options, "smooth"), r, &c->bins);
  if (is_preset(c, "none")) return CF_OK;
  if (is_preset(c, "paper")) {
    c->bins = 3;
    return CF_OK;
  }
  if (!isfinite(r->step)) return CF_OK;
  const cf_status status = has_bandwidth(ctx, address, &smooth_already);
  c->bins = smooth_already ? 0 : 0.05 / r->step;
  return status;
}

/* True when a label is the class, with or without the ending "_bg" that the published files have. */
static bool same_class(const char *label, const char *class_name) {
  const size_t n = strlen(class_name);
  return strncmp(label, class_name, n) == 0 && (label[n] == 0 || strcmp(label + n, "_bg") == 0);
}

/* Finds the eleven classes by label; the first that is missing, or NULL. */
static const char *find_classes(const cf_responses *r, choices *c) {
  char buffer[128];
  for (size_t k = 0; k < CF_ELEVEN; k++) {
    size_t s = 0;
    while (r->stimulus && s < r->stimuli &&
           !same_class(cf_array_label(r->stimulus, s, buffer, sizeof buffer), cf_eleven_classes[k]))
      s++;
    if (!r->stimulus || s == r->stimuli) return cf_eleven_classes[k];
    c->position[k] = s;
  }
  return NULL;
}

static cf_status choose_frequency(cf_context *ctx, const cf_options *options, const cf_responses *r, choices *c) {
  const char *missing = find_classes(r, c), *given = cf_options_text(options, "frequency");
  c->frequency = given;
  if (!given) {
    c->frequency = "none";
    if (!is_preset(c, "none") && !missing) c->frequency = "label";
    if (is_preset(c, "paper") && missing && !r->stimulus && r->stimuli == CF_ELEVEN) {
      c->frequency = "position";
      cf_warn(ctx, "the stimuli have no labels: the eleven classes are taken in their published order");
    }
  }
  if (strcmp(c->frequency, "none") == 0) return CF_OK;
  if (strcmp(c->frequency, "label") == 0 && missing)
    return cf_fail(ctx, CF_ERR_INPUT, "--frequency label: no stimulus is labelled %s; the eleven classes are needed%s",
                   missing, r->stimulus ? "" : ", and the file has no member `stimulus`");
  if (strcmp(c->frequency, "position") == 0) {
    if (r->stimuli != CF_ELEVEN)
      return cf_fail(ctx, CF_ERR_INPUT, "--frequency position: there are %zu stimuli, the published order has 11",
                     r->stimuli);
    for (size_t k = 0; k < CF_ELEVEN; k++) c->position[k] = k;
  }
  for (size_t k = 0; k < CF_SIX; k++) {
    c->medium[k] = c->position[cf_prepare_eleven.medium[k]];
    c->high[k] = c->position[cf_prepare_eleven.high[k]];
  }
  c->selection = (cf_prepare_selection){CF_SIX, c->medium, c->high};
  return CF_OK;
}

static const char *word(const cf_options *options, const char *name, const char *preset_word) {
  return cf_options_given(options, name) ? cf_options_text(options, name) : preset_word;
}

static cf_prepare_floor floor_of(const char *name) {
  return strcmp(name, "global") == 0   ? CF_PREPARE_FLOOR_GLOBAL
         : strcmp(name, "neuron") == 0 ? CF_PREPARE_FLOOR_NEURON
         : strcmp(name, "clip") == 0   ? CF_PREPARE_FLOOR_CLIP
                                       : CF_PREPARE_FLOOR_NONE;
}

static cf_prepare_norm norm_of(const char *name) {
  return strcmp(name, "unit") == 0           ? CF_PREPARE_UNIT
         : strcmp(name, "relative") == 0     ? CF_PREPARE_UNIT_RELATIVE
         : strcmp(name, "max-relative") == 0 ? CF_PREPARE_MAX_RELATIVE
         : strcmp(name, "mean") == 0         ? CF_PREPARE_MEAN
         : strcmp(name, "neuron-max") == 0   ? CF_PREPARE_NEURON_MAX
         : strcmp(name, "neuron-mean") == 0  ? CF_PREPARE_NEURON_MEAN
                                             : CF_PREPARE_NONE;
}

static cf_status choose(cf_context *ctx, const cf_options *options, const char *address, const cf_responses *r,
                        choices *c) {
  cf_status status = CF_OK;
  c->preset = cf_options_text(options, "prepare");
  const bool none = is_preset(c, "none"), paper = is_preset(c, "paper");
  c->floor = word(options, "floor", none ? "none" : paper ? "global" : "neuron");
  c->norm = word(options, "norm", none ? "none" : "relative");
  CF_TRY(choose_smooth(ctx, options, address, r, c));
  CF_TRY(choose_frequency(ctx, options, r, c));
done:
  return status;
}

/* ----------------------------------------------------------- significance -- */

/* Rows of the sibling are the neurons of the file, of which some may be left out. */
static cf_status read_significant(cf_context *ctx, const cf_options *options, const char *address,
                                  const cf_responses *r, bool selected, cf_preparation *out) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  if (strcmp(cf_options_text(options, "significant"), "ignore") == 0) return CF_OK;
  CF_TRY(cf_io_read_sibling(ctx, address, "significant", &a));
  if (!a) goto done;
  if (selected || a->ndim != 2 || a->dtype == CF_TEXT || a->shape[0] != r->neurons + r->dropped ||
      a->shape[1] != r->stimuli) {
    cf_warn(ctx, "%s: its member `significant` does not fit the responses that are used, and is ignored", address);
    goto done;
  }
  CF_TRY(CF_ALLOC(ctx, &out->significant, r->neurons * r->stimuli));
  for (size_t i = 0; i < r->neurons * r->stimuli; i++) {
    const double value = cf_array_number(a, r->index[i / r->stimuli] * r->stimuli + i % r->stimuli);
    out->significant[i] = value != 0 && !isnan(value); /* psth writes -1 for what it did not test */
  }
done:
  cf_array_free(a);
  return status;
}

/* ------------------------------------------------------------------ result -- */

static cf_status describe(cf_context *ctx, const choices *c, const cf_responses *r, cf_preparation *p) {
  bool good = true;
  size_t high = 0, significant = 0;
  for (size_t n = 0; p->prepared->high && n < p->prepared->neurons; n++) high += p->prepared->high[n];
  for (size_t i = 0; p->significant && i < r->neurons * r->stimuli; i++) significant += p->significant[i];
  p->json = cf_json_object();
  if (!p->json) return cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for the result");
  good &= cf_json_set(p->json, "preset", cf_json_text(c->preset));
  good &= cf_json_set(p->json, "floor", cf_json_text(c->floor));
  good &= cf_json_set(p->json, "smooth_bins", cf_json_number(c->bins));
  good &= cf_json_set(p->json, "smooth_seconds", cf_json_number(c->bins > 0 ? c->bins * r->step : 0));
  good &= cf_json_set(p->json, "frequency", cf_json_text(c->frequency));
  good &= cf_json_set(p->json, "norm", cf_json_text(c->norm));
  good &= cf_json_set(p->json, "high_frequency", p->prepared->high ? cf_json_number((double)high) : cf_json_null());
  good &= cf_json_set(p->json, "silent", cf_json_number((double)p->prepared->silent));
  good &=
      cf_json_set(p->json, "significant_maps", p->significant ? cf_json_number((double)significant) : cf_json_null());
  return good ? CF_OK : cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for the result");
}

static void warn_about(cf_context *ctx, const cf_prepared *p) {
  if (p->negative > 0)
    cf_warn(ctx,
            "%zu of %zu neurons have negative responses, which a non-negative factorisation cannot hold; "
            "--floor neuron or clip removes them",
            p->negative, p->neurons);
  if (p->silent > 0) cf_warn(ctx, "%zu of %zu neurons never respond: their maps are zero", p->silent, p->neurons);
}

/* Values, number and labels of the stimuli after preparation. */
static cf_status replace(cf_context *ctx, cf_responses *r, cf_prepared *p) {
  cf_status status = CF_OK;
  if (p->high) {
    cf_array_free(r->stimulus);
    r->stimulus = NULL;
    CF_TRY(cf_array_from_texts(ctx, "stimulus", CF_SIX, cf_six_classes, &r->stimulus));
  }
  cf_free(r->values);
  r->values = p->responses;
  p->responses = NULL;
  r->stimuli = p->stimuli;
done:
  return status;
}

cf_status cf_prepare_responses(cf_context *ctx, const cf_options *options, const char *address, cf_responses *r,
                               cf_preparation *out) {
  cf_status status = CF_OK;
  choices c = {0};
  *out = (cf_preparation){0};
  CF_TRY(choose(ctx, options, address, r, &c));
  const bool selected = strcmp(c.frequency, "none") != 0;
  const cf_prepare_options o = {floor_of(c.floor), c.bins, selected ? &c.selection : NULL, norm_of(c.norm)};
  const cf_view view = cf_responses_view(r);
  CF_TRY(read_significant(ctx, options, address, r, selected, out));
  CF_TRY(cf_prepare(ctx, &view, &o, &out->prepared));
  CF_TRY(replace(ctx, r, out->prepared));
  CF_TRY(describe(ctx, &c, r, out));
  warn_about(ctx, out->prepared);
done:
  return status;
}
