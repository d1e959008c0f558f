/* How well any model could do, from repeats of the same samples (or from other subjects).
 *
 * data (repeat, sample, target); n repeats R_1 .. R_n of a target, variances over samples.
 *   explainable   z-scored repeats, ev = Var(mean_i R_i) / mean_i Var(R_i), corrected ev - (1 - ev)/(n - 1)
 *   split half    2 r/(1 + r), r between the means of two halves, averaged over halvings
 *   ncsnr         noise^2 = mean over samples of Var over repeats, signal^2 = max(0, Var over all - noise^2)
 *   signal power  SP = (Var(sum_i R_i) - sum_i Var(R_i)) / (n (n - 1)) */
#include "voxelwise/internal.h"

#include <cortifold/stats.h>
#include <math.h>
#include <string.h>

typedef struct ceiling_job ceiling_job;
/* One target: its repeats as rows x (repeats x samples), and where results go. */
typedef cf_status (*target_fn)(cf_context *ctx, const ceiling_job *job, size_t target, double *x);
struct ceiling_job {
  const cf_repeats *data;
  const double *prediction;
  size_t most;
  target_fn body;
  double *out[3];
};

static cf_status each_target(cf_context *worker, size_t target, void *payload) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  const ceiling_job *job = payload;
  const cf_repeats *d = job->data;
  double *x;
  CF_TRY(CF_SCRATCH(worker, &x, d->repeats * d->samples + 1));
  for (size_t i = 0; i < d->repeats * d->samples; i++) x[i] = d->data[i * d->targets + target];
  CF_TRY(job->body(worker, job, target, x));
done:
  cf_scratch_release(worker, mark);
  return status;
}

static cf_status run_targets(cf_context *ctx, const ceiling_job *job) {
  const cf_repeats *d = job->data;
  if (d->repeats < 2)
    return cf_fail(ctx, CF_ERR_INPUT, "%zu repeat%s: a noise ceiling needs at least 2", d->repeats,
                   d->repeats == 1 ? "" : "s");
  if (d->samples < 3) return cf_fail(ctx, CF_ERR_INPUT, "%zu samples: a noise ceiling needs at least 3", d->samples);
  return cf_parallel_for(ctx, d->targets, each_target, (void *)(uintptr_t)job);
}

/* Each of rows to mean 0 and SD 1 (ddof 0); false when one of them is constant or has NaN. */
static bool standardise(size_t rows, size_t n, double *x) {
  for (size_t r = 0; r < rows; r++) {
    double *row = x + r * n, most = 0;
    const double mean = cf_mean(n, row), sd = sqrt(cf_variance(n, row, 0));
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(row[i]));
    if (!(sd > 1e-12 * most)) return false;
    for (size_t i = 0; i < n; i++) row[i] = (row[i] - mean) / sd;
  }
  return true;
}

/* Mean over the rows whose bit is set (all with a mask of all ones). */
static void mean_rows(size_t rows, size_t n, const double *x, const bool *chosen, double *out) {
  size_t count = 0;
  memset(out, 0, n * sizeof *out);
  for (size_t r = 0; r < rows; r++) {
    if (chosen && !chosen[r]) continue;
    count++;
    for (size_t i = 0; i < n; i++) out[i] += x[r * n + i];
  }
  for (size_t i = 0; i < n; i++) out[i] /= (double)count;
}

/* ------------------------------------------------------------ explainable -- */

static cf_status explainable(cf_context *ctx, const ceiling_job *job, size_t target, double *x) {
  cf_status status = CF_OK;
  const size_t rows = job->data->repeats, n = job->data->samples;
  double *mean, spread = 0, ev = NAN;
  CF_TRY(CF_SCRATCH(ctx, &mean, n));
  if (standardise(rows, n, x)) {
    mean_rows(rows, n, x, NULL, mean);
    for (size_t r = 0; r < rows; r++) spread += cf_variance(n, x + r * n, 1) / (double)rows;
    ev = cf_variance(n, mean, 1) / spread;
  }
  if (job->out[0]) job->out[0][target] = ev;
  if (job->out[1]) job->out[1][target] = ev - (1 - ev) / (double)(rows - 1);
done:
  return status;
}

cf_status cf_ceiling_explainable(cf_context *ctx, const cf_repeats *data, double *ev, double *corrected) {
  return run_targets(ctx, &(ceiling_job){.data = data, .body = explainable, .out = {ev, corrected}});
}

/* ------------------------------------------------------------- split half -- */

/* Number of ways to choose k of n, capped. */
static double choose(size_t n, size_t k) {
  double c = 1;
  for (size_t i = 0; i < k; i++) c *= (double)(n - i) / (double)(i + 1);
  return nearbyint(c);
}

static double half_score(size_t rows, size_t n, const double *x, const bool *first, const bool *second, double *a,
                         double *b) {
  mean_rows(rows, n, x, first, a);
  mean_rows(rows, n, x, second, b);
  const double r = cf_pearson(n, a, b);
  return 2 * r / (1 + r);
}

/* The halvings one after the other: a subset of half the repeats, and of what is left the same number. With an even
 * number each pair comes once (the first repeat stays in the first half); with an odd one each repeat is left out. */
typedef struct halving {
  size_t rows, half;
  bool *first, *second;
} halving;

static bool next_subset(size_t n, bool *set) {
  size_t i = 0, ones = 0;
  while (i < n && !set[i]) i++;
  while (i < n && set[i]) {
    ones++;
    i++;
  }
  if (i == n) return false;
  memset(set, 0, i * sizeof *set);
  for (size_t k = 0; k + 1 < ones; k++) set[k] = true;
  set[i] = true;
  return true;
}

/* All pairs of disjoint halves: the second half begins after the first's lowest member, so that none comes twice. */
static double all_halvings(const halving *h, size_t n, const double *x, double *a, double *b) {
  double sum = 0, count = 0;
  memset(h->first, 0, h->rows * sizeof *h->first);
  for (size_t i = 0; i < h->half; i++) h->first[i] = true;
  do {
    size_t low = 0, spare = h->rows - 2 * h->half, left = 0;
    while (!h->first[low]) low++;
    for (size_t skip = 0; skip < (spare ? h->rows : 1); skip++) {
      bool fits = true;
      if (spare && h->first[skip]) continue;
      for (size_t i = left = 0; i < h->rows; i++) {
        h->second[i] = !h->first[i] && !(spare && i == skip);
        if (i < low && h->second[i]) fits = false;
        left += h->second[i];
      }
      if (!fits || left != h->half) continue;
      sum += half_score(h->rows, n, x, h->first, h->second, a, b);
      count++;
    }
  } while (next_subset(h->rows, h->first));
  return sum / count;
}

/* Drawn by a stream of their own: the same halvings for every target. */
static cf_status drawn_halvings(cf_context *ctx, const halving *h, size_t draws, size_t n, const double *x, double *a,
                                double *b, double *out) {
  cf_status status = CF_OK;
  size_t *order;
  double sum = 0;
  CF_TRY(CF_SCRATCH(ctx, &order, h->rows));
  for (size_t d = 0; d < draws; d++) {
    cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("split-half"), (uint32_t)d);
    cf_rng_permutation(&rng, h->rows, order);
    for (size_t i = 0; i < h->rows; i++) {
      h->first[order[i]] = i < h->half;
      h->second[order[i]] = i >= h->half && i < 2 * h->half;
    }
    sum += half_score(h->rows, n, x, h->first, h->second, a, b);
  }
  *out = sum / (double)draws;
done:
  return status;
}

static cf_status split_half(cf_context *ctx, const ceiling_job *job, size_t target, double *x) {
  cf_status status = CF_OK;
  const size_t rows = job->data->repeats, n = job->data->samples;
  halving h = {.rows = rows, .half = rows / 2};
  double *a, *b;
  CF_TRY(CF_SCRATCH(ctx, &a, n));
  CF_TRY(CF_SCRATCH(ctx, &b, n));
  CF_TRY(CF_SCRATCH(ctx, &h.first, rows));
  CF_TRY(CF_SCRATCH(ctx, &h.second, rows));
  const double ways = choose(rows, h.half) * choose(rows - h.half, h.half) / 2;
  if (ways <= (double)job->most)
    job->out[0][target] = all_halvings(&h, n, x, a, b);
  else
    CF_TRY(drawn_halvings(ctx, &h, job->most, n, x, a, b, &job->out[0][target]));
done:
  return status;
}

cf_status cf_ceiling_split_half(cf_context *ctx, const cf_repeats *data, size_t most, double *out) {
  if (most < 1) return cf_fail(ctx, CF_ERR_USAGE, "at least one halving is needed");
  return run_targets(ctx, &(ceiling_job){.data = data, .body = split_half, .most = most, .out = {out}});
}

/* ------------------------------------------------------ signal and noise -- */

static cf_status signal_to_noise(cf_context *ctx, const ceiling_job *job, size_t target, double *x) {
  (void)ctx;
  const size_t rows = job->data->repeats, n = job->data->samples;
  const double total = cf_variance(rows * n, x, 0);
  double noise = 0, most = 0;
  for (size_t i = 0; i < rows * n; i++) most = fmax(most, fabs(x[i]));
  for (size_t i = 0; i < n; i++) {
    double mean = 0, square = 0;
    for (size_t r = 0; r < rows; r++) mean += x[r * n + i] / (double)rows;
    for (size_t r = 0; r < rows; r++) square += (x[r * n + i] - mean) * (x[r * n + i] - mean);
    noise += square / (double)(rows - 1) / (double)n;
  }
  double ratio = sqrt(fmax(0, total - noise) / noise);
  double share = ratio * ratio / (ratio * ratio + 1 / (double)rows);
  if (isnan(total) || !(total > 1e-24 * most * most)) ratio = share = NAN;
  if (isinf(ratio)) share = 1; /* repeats without noise */
  if (job->out[0]) job->out[0][target] = ratio;
  if (job->out[1]) job->out[1][target] = share;
  return CF_OK;
}

cf_status cf_ceiling_ncsnr(cf_context *ctx, const cf_repeats *data, double *ncsnr, double *ceiling) {
  return run_targets(ctx, &(ceiling_job){.data = data, .body = signal_to_noise, .out = {ncsnr, ceiling}});
}

static cf_status signal_power(cf_context *ctx, const ceiling_job *job, size_t target, double *x) {
  cf_status status = CF_OK;
  const size_t rows = job->data->repeats, n = job->data->samples, targets = job->data->targets;
  const double count = (double)rows;
  double *mean, *p, each = 0, covariance = 0;
  CF_TRY(CF_SCRATCH(ctx, &mean, n));
  CF_TRY(CF_SCRATCH(ctx, &p, n));
  for (size_t r = 0; r < rows; r++) each += cf_variance(n, x + r * n, 1);
  mean_rows(rows, n, x, NULL, mean);
  const double of_mean = cf_variance(n, mean, 1), power = (count * count * of_mean - each) / (count * (count - 1));
  const double m = cf_mean(n, mean);
  if (job->out[0]) job->out[0][target] = each > 0 ? power : NAN;
  if (job->out[2]) job->out[2][target] = each > 0 && of_mean > 0 ? sqrt(fmax(0, power) / of_mean) : NAN;
  if (!job->prediction || !job->out[1]) goto done;
  for (size_t i = 0; i < n; i++) p[i] = job->prediction[i * targets + target];
  const double mp = cf_mean(n, p), vp = cf_variance(n, p, 1);
  for (size_t i = 0; i < n; i++) covariance += (mean[i] - m) * (p[i] - mp) / (double)(n - 1);
  job->out[1][target] = power > 0 && vp > 0 ? covariance / sqrt(vp) / sqrt(power) : NAN;
done:
  return status;
}

cf_status cf_ceiling_signal_power(cf_context *ctx, const cf_repeats *data, const double *prediction, double *power,
                                  double *cc_norm, double *ceiling) {
  return run_targets(
      ctx,
      &(ceiling_job){.data = data, .prediction = prediction, .body = signal_power, .out = {power, cc_norm, ceiling}});
}

/* --------------------------------------------------------- other subjects -- */

static cf_status other_subjects(cf_context *ctx, const ceiling_job *job, size_t target, double *x) {
  cf_status status = CF_OK;
  const size_t rows = job->data->repeats, n = job->data->samples, targets = job->data->targets;
  double *all, *others;
  CF_TRY(CF_SCRATCH(ctx, &all, n));
  CF_TRY(CF_SCRATCH(ctx, &others, n));
  mean_rows(rows, n, x, NULL, all);
  for (size_t r = 0; r < rows; r++) {
    const double count = (double)rows;
    for (size_t i = 0; i < n; i++) others[i] = (count * all[i] - x[r * n + i]) / (count - 1);
    if (job->out[0]) job->out[0][r * targets + target] = cf_pearson(n, x + r * n, others);
    if (job->out[1]) job->out[1][r * targets + target] = cf_pearson(n, x + r * n, all);
  }
done:
  return status;
}

cf_status cf_ceiling_isc(cf_context *ctx, const cf_repeats *data, double *lower, double *upper) {
  return run_targets(ctx, &(ceiling_job){.data = data, .body = other_subjects, .out = {lower, upper}});
}
