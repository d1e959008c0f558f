/* What `cortifold psth` says: numbers and a summary, with what chance alone would give. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/psth.h"

typedef struct facts {
  size_t spikes, least, most, empty; /* spikes in the window; trials of a cell; cells without trials */
  double median, at_low, at_high;    /* bandwidth, and shares of maps at the ends of the range */
} facts;

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static cf_status find_facts(cf_context *ctx, const cf_psth *psth, const cf_psth_options *p, facts *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t maps = psth->units * psth->stimuli, cells = maps * psth->directions;
  double *h = NULL;
  size_t n = 0, low = 0, high = 0;
  *out = (facts){.least = SIZE_MAX};
  CF_TRY(CF_SCRATCH(ctx, &h, maps));
  for (size_t c = 0; c < cells; c++) {
    out->spikes += psth->count[c];
    out->least = CF_MIN(out->least, psth->trials[c]);
    out->most = CF_MAX(out->most, psth->trials[c]);
    out->empty += psth->trials[c] == 0;
  }
  for (size_t m = 0; m < maps; m++) {
    if (isnan(psth->bandwidth[m])) continue;
    low += psth->bandwidth[m] <= p->low;
    high += psth->bandwidth[m] >= p->high;
    h[n++] = psth->bandwidth[m];
  }
  qsort(h, n, sizeof *h, by_value);
  out->median = n ? h[n / 2] : NAN;
  out->at_low = n && p->bandwidth == 0 ? (double)low / (double)n : NAN;
  out->at_high = n && p->bandwidth == 0 ? (double)high / (double)n : NAN;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static size_t significant_units(const cf_significance *s, size_t stimulus) {
  size_t count = 0;
  for (size_t u = 0; u < s->units; u++) count += s->significant[u * s->stimuli + stimulus];
  return count;
}

/* Chance that a map without any response passes: over directions alone, were windows fixed beforehand and directions
 * independent, and a bound that counts every window of every direction. */
static void chance_of(const cf_significance *s, const cf_significance_options *o, double *directions, double *bound) {
  const double d = (double)s->directions, alpha = o->correct ? o->alpha / d : o->alpha;
  *directions = 1 - pow(1 - alpha, d);
  *bound = fmin(1, alpha * d * (double)s->windows);
}

static cf_json *test_json(const cf_significance *s, const cf_significance_options *o, bool *good) {
  cf_json *test = cf_json_object(), *chance = cf_json_object();
  double directions, bound;
  chance_of(s, o, &directions, &bound);
  const double maps = (double)(s->units * s->stimuli);
  *good &= cf_json_set(test, "name", cf_json_text(o->wilcoxon ? "wilcoxon" : "mann-whitney"));
  *good &= cf_json_set(test, "exact", cf_json_bool(o->exact));
  *good &= cf_json_set(test, "baseline", cf_json_text(o->baseline ? "counts of the file" : "spikes of the trials"));
  *good &= cf_json_set(test, "alpha", cf_json_number(o->alpha));
  *good &= cf_json_set(test, "correction", cf_json_text(o->correct ? "bonferroni over directions" : "none"));
  *good &= cf_json_set(test, "baseline_from", cf_json_number(o->baseline_from));
  *good &= cf_json_set(test, "baseline_to", cf_json_number(o->baseline_to));
  *good &= cf_json_set(test, "windows", cf_json_number((double)s->windows));
  *good &= cf_json_set(chance, "per_map", cf_json_number(directions));
  *good &= cf_json_set(chance, "bound", cf_json_number(bound));
  *good &= cf_json_set(chance, "maps", cf_json_number(maps));
  *good &= cf_json_set(chance, "expected_maps", cf_json_number(maps * directions));
  *good &= cf_json_set(
      chance, "note",
      cf_json_text("per_map: directions independent and windows chosen beforehand; bound: the choice of the window "
                   "counted in full"));
  *good &= cf_json_set(test, "chance", chance);
  return test;
}

static cf_status put_json(cf_context *ctx, cf_json *values, const cf_spike_data *data, const cf_psth *psth,
                          const cf_significance *s, const cf_psth_options *p, const cf_significance_options *o,
                          const facts *f) {
  const struct {
    const char *name;
    double value;
  } numbers[] = {{"units", (double)psth->units},
                 {"stimuli", (double)psth->stimuli},
                 {"directions", (double)psth->directions},
                 {"times", (double)psth->times},
                 {"bin", p->bin},
                 {"pre", fabs(p->from)},
                 {"duration", p->to},
                 {"spikes", (double)f->spikes},
                 {"trials_least", (double)f->least},
                 {"trials_most", (double)f->most}};
  cf_json *bandwidth = cf_json_object(), *list = cf_json_list();
  bool good = true;
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    good &= cf_json_set(values, numbers[i].name, cf_json_number(numbers[i].value));
  good &= cf_json_set(bandwidth, "rule", cf_json_text(p->bandwidth == 0 ? "isj" : "fixed"));
  if (p->bandwidth == 0)
    good &= cf_json_set(bandwidth, "scale", cf_json_text(p->scale == CF_KDE_SCALE_GRID ? "grid" : "range of spikes"));
  good &= cf_json_set(bandwidth, "median", cf_json_number(f->median));
  good &= cf_json_set(bandwidth, "at_low", cf_json_number(f->at_low));
  good &= cf_json_set(bandwidth, "at_high", cf_json_number(f->at_high));
  good &= cf_json_set(values, "bandwidth", bandwidth);
  good &= cf_json_set(values, "edges", cf_json_text(p->edges == CF_KDE_EDGES_REFLECT ? "reflect" : "none"));
  good &= cf_json_set(values, "tested", cf_json_bool(s != NULL));
  for (size_t i = 0; i < psth->stimuli; i++) {
    char buffer[128];
    cf_json *one = cf_json_object();
    good &= cf_json_set(one, "stimulus", cf_json_text(cf_array_label(data->stimulus, i, buffer, sizeof buffer)));
    good &= cf_json_set(one, "units", s ? cf_json_number((double)significant_units(s, i)) : cf_json_null());
    good &= cf_json_append(list, one);
  }
  good &= cf_json_set(values, "significant", list);
  if (s) good &= cf_json_set(values, "test", test_json(s, o, &good));
  return good ? CF_OK : cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for the result");
}

static cf_status say(cf_context *ctx, cf_result *result, const cf_spike_data *data, const cf_psth *psth,
                     const cf_significance *s, const cf_psth_options *p, const cf_significance_options *o,
                     const facts *f) {
  cf_status status = CF_OK;
  double directions, bound;
  char buffer[128];
  CF_TRY(cf_result_say(ctx, result,
                       "%zu units, %zu stimuli, %zu directions, %zu to %zu trials, %zu spikes; %zu bins of %g ms from "
                       "%g to %g ms\n",
                       psth->units, psth->stimuli, psth->directions, f->least, f->most, f->spikes, psth->times, p->bin,
                       p->from, p->to));
  CF_TRY(cf_result_say(ctx, result, "Bandwidth: median %.3g ms", f->median));
  if (p->bandwidth == 0)
    CF_TRY(cf_result_say(ctx, result, ", %.0f %% at %g ms and %.0f %% at %g ms, the ends of the range", 100 * f->at_low,
                         p->low, 100 * f->at_high, p->high));
  CF_TRY(cf_result_say(ctx, result, "\n"));
  if (!s) goto done;
  chance_of(s, o, &directions, &bound);
  CF_TRY(cf_result_say(ctx, result, "Units that respond (%s, alpha %g, %s):\n",
                       o->wilcoxon ? "wilcoxon" : "mann-whitney", o->alpha,
                       o->correct ? "bonferroni over directions" : "not corrected"));
  for (size_t i = 0; i < psth->stimuli; i++)
    CF_TRY(cf_result_say(ctx, result, "  %-20s %zu of %zu\n", cf_array_label(data->stimulus, i, buffer, sizeof buffer),
                         significant_units(s, i), psth->units));
  CF_TRY(
      cf_result_say(ctx, result,
                    "Chance: %.3g of maps without response pass if windows were chosen beforehand, at most %.3g since "
                    "they are chosen from %zu\n",
                    directions, bound, s->windows));
done:
  return status;
}

cf_status cf_psth_values(cf_context *ctx, cf_result *result, const cf_spike_data *data, const cf_psth *psth,
                         const cf_significance *significance, const cf_psth_options *p,
                         const cf_significance_options *s) {
  cf_status status = CF_OK;
  facts f;
  CF_TRY(find_facts(ctx, psth, p, &f));
  if (f.empty > 0)
    cf_warn(ctx, "%zu of %zu combinations of unit, stimulus and direction have no trials: their responses are missing",
            f.empty, psth->units * psth->stimuli * psth->directions);
  CF_TRY(put_json(ctx, result->values, data, psth, significance, p, s, &f));
  CF_TRY(say(ctx, result, data, psth, significance, p, s, &f));
done:
  return status;
}
