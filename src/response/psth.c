/* Firing rates from spike trains: kernel density of the spikes of all trials, times their number over the trials.
 *
 * rate(g) = (1000 / trials) sum_i N(g; x_i, h^2) on a grid of about 1 ms, averaged over each bin. Reference: Dyballa et
 * al. (2024), PNAS 121, e2317773121, and its published code. */
#include "base/internal.h"

#include <cortifold/response.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void cf_psth_free(cf_psth *p) {
  if (!p) return;
  cf_free(p->rate);
  cf_free(p->time);
  cf_free(p->bandwidth);
  cf_free(p->count);
  cf_free(p->trials);
  cf_free(p);
}

typedef struct job {
  const cf_spikes *in;
  const cf_psth_options *o;
  cf_psth *out;
  size_t per_bin; /* grid steps */
} job;

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The spikes of all trials of a cell that lie in the window, ascending; counted only where x is NULL. */
static size_t pool(const job *j, size_t cell, double *x) {
  const cf_spikes *in = j->in;
  size_t n = 0;
  for (size_t i = in->start[in->first[cell]]; i < in->start[in->first[cell + 1]]; i++) {
    if (in->time[i] < j->o->from || in->time[i] >= j->o->to) continue;
    if (x) x[n] = in->time[i];
    n++;
  }
  if (x) qsort(x, n, sizeof *x, by_value);
  return n;
}

/* Bandwidth of a unit and stimulus, from the direction with most spikes (first of equals). */
static cf_status map_bandwidth(cf_context *worker, const job *j, size_t map, double *x) {
  const size_t dirs = j->in->directions;
  const cf_psth_options *o = j->o;
  cf_psth *out = j->out;
  size_t best = SIZE_MAX;
  out->bandwidth[map] = NAN;
  for (size_t c = map * dirs; c < (map + 1) * dirs; c++) {
    out->trials[c] = j->in->first[c + 1] - j->in->first[c];
    out->count[c] = pool(j, c, NULL);
    if (out->trials[c] > 0 && (best == SIZE_MAX || out->count[c] > out->count[best])) best = c;
  }
  if (best == SIZE_MAX) return CF_OK;
  out->bandwidth[map] = o->bandwidth;
  if (o->bandwidth > 0) return CF_OK;
  const size_t n = pool(j, best, x);
  return cf_kde_bandwidth(worker, n, x, o->scale, o->low, o->high, &out->bandwidth[map]);
}

static void cell_rate(const job *j, size_t cell, double *x, double *grid) {
  const cf_psth *out = j->out;
  const size_t points = out->times * j->per_bin, trials = out->trials[cell];
  double *rate = out->rate + cell * out->times;
  if (trials == 0) {
    for (size_t t = 0; t < out->times; t++) rate[t] = NAN;
    return;
  }
  const size_t n = pool(j, cell, x);
  memset(grid, 0, points * sizeof *grid);
  cf_kde_add(n, x, j->o->from, j->o->to, out->bandwidth[cell / out->directions], j->o->edges, points, grid);
  for (size_t t = 0; t < out->times; t++) {
    double sum = 0;
    for (size_t i = 0; i < j->per_bin; i++) sum += grid[t * j->per_bin + i];
    rate[t] = 1000 / (double)trials * sum / (double)j->per_bin;
  }
}

static cf_status unit_task(cf_context *worker, size_t unit, void *payload) {
  const job *j = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  const size_t dirs = j->in->directions, cells = j->in->stimuli * dirs, first = unit * cells;
  size_t most = 1;
  double *x = NULL, *grid = NULL;
  for (size_t c = first; c < first + cells; c++)
    most = CF_MAX(most, j->in->start[j->in->first[c + 1]] - j->in->start[j->in->first[c]]);
  CF_TRY(CF_SCRATCH(worker, &x, most));
  CF_TRY(CF_SCRATCH(worker, &grid, j->out->times * j->per_bin));
  for (size_t c = first; c < first + cells; c++) {
    if (c % dirs == 0) CF_TRY(map_bandwidth(worker, j, c / dirs, x));
    cell_rate(j, c, x, grid);
  }
done:
  cf_scratch_release(worker, mark);
  return status;
}

static cf_status check(cf_context *ctx, const cf_psth_options *o) {
  const double length = o->to - o->from, bins = length / o->bin;
  if (!(length > 0) || !isfinite(length))
    return cf_fail(ctx, CF_ERR_USAGE, "the window from %g to %g ms is empty", o->from, o->to);
  if (!(o->bin >= 0.01) || !(bins >= 1) || bins > 1e6 || fabs(bins - floor(bins + 0.5)) > 1e-6 * bins)
    return cf_fail(ctx, CF_ERR_USAGE, "a window of %g ms is not a whole number of bins of %g ms", length, o->bin);
  if (!(o->bandwidth >= 0) || isinf(o->bandwidth) || !(o->low > 0) || !(o->high >= o->low) || isinf(o->high))
    return cf_fail(ctx, CF_ERR_USAGE, "a bandwidth of %g ms, or between %g and %g ms: it must be positive",
                   o->bandwidth, o->low, o->high);
  return CF_OK;
}

static cf_status allocate(cf_context *ctx, const cf_spikes *in, const cf_psth_options *o, cf_psth *p) {
  cf_status status = CF_OK;
  size_t cells, count;
  *p = (cf_psth){.units = in->units, .stimuli = in->stimuli, .directions = in->directions};
  p->times = (size_t)floor((o->to - o->from) / o->bin + 0.5);
  CF_TRY(cf_size_mul(ctx, in->units * in->stimuli, in->directions, &cells));
  CF_TRY(cf_size_mul(ctx, cells, p->times, &count));
  CF_TRY(CF_ALLOC(ctx, &p->rate, count));
  CF_TRY(CF_ALLOC(ctx, &p->time, p->times));
  CF_TRY(CF_ALLOC(ctx, &p->bandwidth, in->units * in->stimuli));
  CF_TRY(CF_ALLOC(ctx, &p->count, cells));
  CF_TRY(CF_ALLOC(ctx, &p->trials, cells));
  for (size_t t = 0; t < p->times; t++) p->time[t] = o->from + ((double)t + 0.5) * o->bin;
done:
  return status;
}

cf_status cf_psth_compute(cf_context *ctx, const cf_spikes *spikes, const cf_psth_options *options, cf_psth **out) {
  static const cf_psth_options standard = CF_PSTH_OPTIONS_INIT;
  cf_status status = CF_OK;
  job j = {.in = spikes, .o = options ? options : &standard};
  *out = NULL;
  CF_TRY(check(ctx, j.o));
  CF_TRY(CF_ALLOC(ctx, &j.out, 1));
  CF_TRY(allocate(ctx, spikes, j.o, j.out));
  j.per_bin = (size_t)fmax(1, floor(j.o->bin + 0.5));
  CF_TRY(cf_parallel_for(ctx, spikes->units, unit_task, &j));
  *out = j.out;
  j.out = NULL;
done:
  cf_psth_free(j.out);
  return status;
}
