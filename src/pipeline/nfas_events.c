/* From stimuli to samples in `cortifold nfas`: words, frames or clips have times of their own, the recording one sample
 * a TR. A table of events gives the onset of each stimulus (a row of the layers) in seconds from the start of its run.
 *
 *   average   a sample is the mean of the stimuli whose onset lies in [k TR, (k + 1) TR)
 *   lanczos   sum over stimuli of L(u) z, u = (centre of the sample - onset) / TR, L(u) = 3 sin(pi u) sin(pi u / 3) /
 *             (pi u)^2 for |u| < 3, L(0) = 1, not renormalised
 *
 * Both are linear, so that weightings of layers are made first and assigned afterwards. A sample without any stimulus
 * gets the mean of the training samples that have one: it says nothing. */
#include "pipeline/nfas.h"

#include <cortifold/io.h>
#include <math.h>
#include <string.h>

#include "pipeline/load.h"

void nfas_events_free(nfas_events *e) {
  cf_free(e->start);
  cf_free(e->index);
  cf_free(e->weight);
  cf_free(e->fold);
  *e = (nfas_events){0};
}

static double lanczos(double u) {
  const double pi = 3.14159265358979323846;
  if (fabs(u) >= 3) return 0;
  return fabs(u) < 1e-9 ? 1 : 3 * sin(pi * u) * sin(pi * u / 3) / (pi * pi * u * u);
}

/* Onsets and the run (code) of each stimulus. */
static cf_status read_table(cf_context *ctx, nfas_job *j, const char *address, double **onset, size_t **run,
                            size_t *count) {
  cf_status status = CF_OK;
  char *column = NULL, word[128], name[128];
  cf_array *times = NULL, *runs = NULL;
  CF_TRY(cf_sprintf(ctx, &column, "%s:onset", address));
  CF_TRY(cf_io_read(ctx, column, NULL, &times));
  CF_TRY(cf_result_input(ctx, j->result, address));
  CF_TRY(cf_array_to_doubles(ctx, times));
  *count = cf_array_count(times);
  CF_TRY(cf_io_read_sibling(ctx, column, "run", &runs));
  CF_TRY(CF_SCRATCH(ctx, onset, *count + 1));
  CF_TRY(CF_SCRATCH(ctx, run, *count + 1));
  for (size_t s = 0; s < *count; s++) {
    (*onset)[s] = ((const double *)times->data)[s];
    (*run)[s] = 0;
    if (!isfinite((*onset)[s]))
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the onset of stimulus %zu is no number", address, s));
    if (j->runs < 2) continue;
    if (!runs || cf_array_count(runs) != *count)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: there are %zu runs; a column \"run\" must say which each stimulus is in",
                     address, j->runs));
    cf_array_label(runs, s, word, sizeof word);
    size_t r = 0;
    while (r < j->runs && strcmp(word, cf_array_label(j->run_name, r, name, sizeof name)) != 0) r++;
    if (r == j->runs)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: stimulus %zu is in run '%s', which the series do not have", address, s,
                     word));
    (*run)[s] = r;
  }
done:
  cf_free(column);
  cf_array_free(times);
  cf_array_free(runs);
  return status;
}

/* Adds up (count NULL) or lists the stimuli of every sample. */
static void assign(const nfas_job *j, size_t count, const double *onset, const size_t *run, double tr, bool smooth,
                   nfas_events *e, bool fill) {
  size_t at = 0;
  for (size_t t = 0, k = 0; t < j->times; t++) {
    k = t > 0 && (!j->run || j->run[t] == j->run[t - 1]) ? k + 1 : 0;
    e->start[t] = at;
    for (size_t s = 0; s < count; s++) {
      if (j->run && run[s] != j->run[t]) continue;
      const double place = onset[s] / tr - (double)k;
      const double w = smooth ? lanczos(0.5 - place) : place >= 0 && place < 1 ? 1 : 0;
      if (w == 0) continue;
      if (fill) {
        e->index[at] = s;
        e->weight[at] = w;
      }
      at++;
    }
    for (size_t i = e->start[t]; i < at && fill && !smooth; i++) e->weight[i] /= (double)(at - e->start[t]);
    if (fill && at == e->start[t]) e->empty = true;
  }
  e->start[j->times] = at;
}

cf_status nfas_events_load(cf_context *ctx, nfas_job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const char *address = cf_options_text(j->options, "events");
  const bool smooth = strcmp(cf_options_text(j->options, "assign"), "lanczos") == 0;
  const double tr = cf_options_number(j->options, "tr");
  nfas_events *e = &j->events;
  double *onset;
  size_t *run, count = 0, outside = 0;
  j->stimuli = j->times;
  if (!address) goto done;
  if (!cf_options_given(j->options, "tr"))
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--events needs --tr, the seconds from one sample to the next"));
  CF_TRY(read_table(ctx, j, address, &onset, &run, &count));
  if (count < 3) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %zu stimuli", address, count));
  j->stimuli = count;
  CF_TRY(CF_ALLOC(ctx, &e->start, j->times + 1));
  CF_TRY(CF_ALLOC(ctx, &e->fold, count));
  assign(j, count, onset, run, tr, smooth, e, false);
  CF_TRY(CF_ALLOC(ctx, &e->index, e->start[j->times] + 1));
  CF_TRY(CF_ALLOC(ctx, &e->weight, e->start[j->times] + 1));
  assign(j, count, onset, run, tr, smooth, e, true);
  /* the fold of a stimulus: that of the sample it falls into; of one outside, that of its run's nearest sample */
  for (size_t s = 0; s < count; s++) {
    double nearest = INFINITY;
    for (size_t t = 0, k = 0; t < j->times; t++) {
      k = t > 0 && (!j->run || j->run[t] == j->run[t - 1]) ? k + 1 : 0;
      if (j->run && run[s] != j->run[t]) continue;
      const double distance = fabs(onset[s] / tr - (double)k - 0.5);
      if (distance >= nearest) continue;
      nearest = distance;
      e->fold[s] = j->folds->fold[t];
    }
    outside += nearest > 0.5 + 1e-9;
  }
  if (outside) cf_warn(ctx, "%s: %zu of %zu stimuli lie outside the samples of their run", address, outside, count);
  if (e->start[j->times] == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: no stimulus falls into any sample", address));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* One set of stimuli (stimuli x d) to samples (times x d); train: samples whose mean the empty ones get. */
static void assign_set(const nfas_job *j, size_t d, const double *x, const size_t *fold, size_t test, double *out) {
  const nfas_events *e = &j->events;
  for (size_t t = 0; t < j->times; t++) {
    double *row = out + t * d;
    memset(row, 0, d * sizeof *row);
    for (size_t i = e->start[t]; i < e->start[t + 1]; i++)
      for (size_t k = 0; k < d; k++) row[k] += e->weight[i] * x[e->index[i] * d + k];
  }
  for (size_t k = 0; k < d && e->empty; k++) {
    double sum = 0, n = 0;
    for (size_t t = 0; t < j->times; t++)
      if (fold[t] != test && e->start[t + 1] > e->start[t]) sum += out[t * d + k], n++;
    for (size_t t = 0; t < j->times; t++)
      if (e->start[t + 1] == e->start[t]) out[t * d + k] = n > 0 ? sum / n : 0;
  }
}

cf_status nfas_events_apply(cf_context *ctx, const nfas_job *j, nfas_features *f) {
  cf_status status = CF_OK;
  const size_t sets = j->events.empty ? j->folds->folds : f->sets, d = f->width;
  nfas_features out = {sets, j->times, d, NULL};
  if (!j->events.start) return CF_OK;
  CF_TRY(CF_ALLOC(ctx, &out.data, sets * j->times * d));
  for (size_t s = 0; s < sets; s++)
    assign_set(j, d, f->data + (f->sets > 1 ? s : 0) * j->stimuli * d, j->folds->fold, s, out.data + s * j->times * d);
  nfas_features_free(f);
  *f = out;
  out.data = NULL;
done:
  cf_free(out.data);
  return status;
}
