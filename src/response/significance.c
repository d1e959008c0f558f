/* Which stimuli a unit responds to: the best and the worst window of each direction against the baseline.
 *
 * Windows have the length of the baseline. Counts of every trial in the window with most spikes over all trials (first
 * of equals) are compared with counts of every trial in the baseline; significant when the smallest p over directions
 * is at most alpha. The window with fewest is compared the other way; significant suppression when the largest p over
 * directions is at most alpha. Reference: Dyballa et al. (2024), PNAS 121, e2317773121, and its published code. */
#include "base/internal.h"

#include <cortifold/response.h>
#include <cortifold/stats.h>
#include <math.h>
#include <string.h>

void cf_significance_free(cf_significance *s) {
  if (!s) return;
  cf_free(s->significant);
  cf_free(s->p_max);
  cf_free(s->p_min);
  cf_free(s->p_max_each);
  cf_free(s->p_min_each);
  cf_free(s->window_max);
  cf_free(s);
}

typedef struct job {
  const cf_spikes *in;
  const cf_significance_options *o;
  cf_significance *out;
  double length; /* of the baseline and of a window */
} job;

static double spikes_in(const cf_spikes *in, size_t trial, double from, double to) {
  double count = 0;
  for (size_t i = in->start[trial]; i < in->start[trial + 1]; i++) count += in->time[i] >= from && in->time[i] < to;
  return count;
}

/* Total over the trials of a cell in each window; the windows with most and with fewest. */
static void choose_windows(const job *j, size_t cell, double *total, size_t *best, size_t *worst) {
  const cf_spikes *in = j->in;
  const size_t windows = j->out->windows;
  memset(total, 0, windows * sizeof *total);
  for (size_t i = in->start[in->first[cell]]; i < in->start[in->first[cell + 1]]; i++) {
    const double at = floor((in->time[i] - j->o->from) / j->length);
    if (at >= 0 && at < (double)windows) total[(size_t)at]++;
  }
  *best = *worst = 0;
  for (size_t w = 1; w < windows; w++) {
    if (total[w] > total[*best]) *best = w;
    if (total[w] < total[*worst]) *worst = w;
  }
}

static cf_status compare(cf_context *worker, const job *j, size_t trials, double *counts, const double *baseline,
                         cf_tail tail, double *p) {
  cf_test test;
  cf_status status;
  if (j->o->wilcoxon) {
    for (size_t t = 0; t < trials; t++) counts[t] -= baseline[t];
    status = cf_wilcoxon_tail(worker, trials, counts, tail, &test);
  } else {
    status = cf_mann_whitney(worker, trials, counts, trials, baseline, tail,
                             j->o->exact ? CF_EXACT_ALWAYS : CF_EXACT_AUTO, &test);
  }
  *p = test.p;
  return status;
}

/* p-values of one direction. scratch: windows + 2 trials. */
static cf_status cell_test(cf_context *worker, const job *j, size_t cell, double *scratch) {
  cf_status status = CF_OK;
  const cf_spikes *in = j->in;
  const size_t first = in->first[cell], trials = in->first[cell + 1] - first;
  double *total = scratch, *counts = scratch + j->out->windows, *baseline = counts + trials;
  size_t window[2];
  j->out->p_max_each[cell] = j->out->p_min_each[cell] = 1;
  if (trials == 0) return CF_OK;
  choose_windows(j, cell, total, &window[0], &window[1]);
  j->out->window_max[cell] = window[0];
  for (size_t t = 0; t < trials; t++)
    baseline[t] =
        j->o->baseline ? j->o->baseline[first + t] : spikes_in(in, first + t, j->o->baseline_from, j->o->baseline_to);
  for (int k = 0; k < 2; k++) {
    const double from = j->o->from + (double)window[k] * j->length;
    for (size_t t = 0; t < trials; t++) counts[t] = spikes_in(in, first + t, from, from + j->length);
    CF_TRY(compare(worker, j, trials, counts, baseline, k ? CF_TAIL_LESS : CF_TAIL_GREATER,
                   (k ? j->out->p_min_each : j->out->p_max_each) + cell));
  }
done:
  return status;
}

static cf_status unit_task(cf_context *worker, size_t unit, void *payload) {
  const job *j = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  const size_t dirs = j->in->directions;
  size_t most = 0;
  double *scratch = NULL;
  for (size_t c = unit * j->in->stimuli * dirs; c < (unit + 1) * j->in->stimuli * dirs; c++)
    most = CF_MAX(most, j->in->first[c + 1] - j->in->first[c]);
  CF_TRY(CF_SCRATCH(worker, &scratch, j->out->windows + 2 * most));
  for (size_t s = 0; s < j->in->stimuli; s++) {
    const size_t map = unit * j->in->stimuli + s;
    double smallest = 1, largest = 0;
    for (size_t d = 0; d < dirs; d++) {
      CF_TRY(cell_test(worker, j, map * dirs + d, scratch));
      smallest = fmin(smallest, j->out->p_max_each[map * dirs + d]);
      largest = fmax(largest, j->out->p_min_each[map * dirs + d]);
    }
    j->out->p_max[map] = j->o->correct ? fmin(1, smallest * (double)dirs) : smallest;
    j->out->p_min[map] = largest;
    j->out->significant[map] = j->out->p_max[map] <= j->o->alpha || largest <= j->o->alpha;
  }
done:
  cf_scratch_release(worker, mark);
  return status;
}

static cf_status check(cf_context *ctx, const cf_significance_options *o) {
  const double length = o->baseline_to - o->baseline_from;
  if (!(length > 0) || !isfinite(length))
    return cf_fail(ctx, CF_ERR_USAGE, "the baseline from %g to %g ms is empty", o->baseline_from, o->baseline_to);
  if (!(o->to - o->from > 0) || isinf(o->to - o->from) || (!o->partial && o->to - o->from < length * (1 - 1e-9)))
    return cf_fail(ctx, CF_ERR_USAGE,
                   "no window of %g ms, as long as the baseline, fits between %g and %g ms; give a shorter baseline",
                   length, o->from, o->to);
  if (!(o->alpha > 0 && o->alpha < 1))
    return cf_fail(ctx, CF_ERR_USAGE, "alpha is %g; it must lie between 0 and 1", o->alpha);
  return CF_OK;
}

static cf_status allocate(cf_context *ctx, const job *j, cf_significance *s) {
  cf_status status = CF_OK;
  const cf_spikes *in = j->in;
  const double windows = (j->o->to - j->o->from) / j->length;
  size_t cells;
  *s = (cf_significance){.units = in->units, .stimuli = in->stimuli, .directions = in->directions};
  s->windows = (size_t)(j->o->partial ? ceil(windows - 1e-9) : floor(windows + 1e-9));
  CF_TRY(cf_size_mul(ctx, in->units * in->stimuli, in->directions, &cells));
  CF_TRY(CF_ALLOC(ctx, &s->significant, in->units * in->stimuli));
  CF_TRY(CF_ALLOC(ctx, &s->p_max, in->units * in->stimuli));
  CF_TRY(CF_ALLOC(ctx, &s->p_min, in->units * in->stimuli));
  CF_TRY(CF_ALLOC(ctx, &s->p_max_each, cells));
  CF_TRY(CF_ALLOC(ctx, &s->p_min_each, cells));
  CF_TRY(CF_ALLOC(ctx, &s->window_max, cells));
done:
  return status;
}

cf_status cf_significance_compute(cf_context *ctx, const cf_spikes *spikes, const cf_significance_options *options,
                                  cf_significance **out) {
  static const cf_significance_options standard = CF_SIGNIFICANCE_OPTIONS_INIT;
  cf_status status = CF_OK;
  job j = {.in = spikes, .o = options ? options : &standard};
  *out = NULL;
  CF_TRY(check(ctx, j.o));
  j.length = j.o->baseline_to - j.o->baseline_from;
  CF_TRY(CF_ALLOC(ctx, &j.out, 1));
  CF_TRY(allocate(ctx, &j, j.out));
  CF_TRY(cf_parallel_for(ctx, spikes->units, unit_task, &j));
  *out = j.out;
  j.out = NULL;
done:
  cf_significance_free(j.out);
  return status;
}
