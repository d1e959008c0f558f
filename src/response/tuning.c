/* Selectivity for orientation and direction of motion, preferences and modulation of each neuron and stimulus.
 *
 * R_d = mean over time, th_d the direction:
 *   OSI = |sum_d R_d e^{2 i th_d}| / sum_d R_d        DSI = |sum_d R_d e^{i th_d}| / sum_d R_d
 *   F1 = 2 |sum_t r_t e^{-2 pi i t / cycle}| / n, F0 = sum_t r_t / n over the last n bins, n whole cycles rounded to
 * bins
 *
 * References: cortifold/response.h. */
#include "base/internal.h"

#include <cortifold/response.h>
#include <math.h>
#include <string.h>

static const double pi = 3.14159265358979323846;
static const double published_epsilon = 1e-8;

typedef struct job {
  const cf_view *in;
  const cf_tuning_options *o;
  const double *degrees;
  const double *cosine, *sine; /* 2 x directions: of th and of 2 th */
  const size_t *across;        /* 3 x directions: th + 180, th + 90, th - 90; directions where there is none */
  size_t first, last;          /* time window */
  cf_tuning *out;
  cf_tuning_summary *summary;
  double *curves;
} job;

static cf_status check(cf_context *ctx, const cf_view *x, const cf_tuning_options *o) {
  if (x->ndim != 4)
    return cf_fail(ctx, CF_ERR_INPUT, "responses have the axes (neuron, stimulus, direction, time), this has %d axes",
                   x->ndim);
  if (cf_view_count(x) == 0) return cf_fail(ctx, CF_ERR_INPUT, "responses: an axis is empty");
  if (o->last > x->shape[3] || (o->last > 0 && o->first >= o->last) || o->first >= x->shape[3])
    return cf_fail(ctx, CF_ERR_USAGE, "time bins %zu to %zu of %zu: the window is empty or too long", o->first, o->last,
                   x->shape[3]);
  return cf_view_check_finite(ctx, x, "responses");
}

/* --------------------------------------------------------------- indices -- */

static double product(size_t n, const double *x, const double *y) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += x[i] * y[i];
  return sum;
}

/* |sum R e^{i m th}| / sum R for harmonic m = 1, 2. */
static double selectivity(const job *j, const double *r, size_t dirs, int harmonic, double sum) {
  const double *c = j->cosine + (size_t)(harmonic - 1) * dirs, *s = j->sine + (size_t)(harmonic - 1) * dirs;
  const double denominator = j->o->paper ? sum + published_epsilon : sum;
  if (!j->o->paper && !(sum > 0)) return NAN;
  return hypot(product(dirs, r, c), product(dirs, r, s)) / denominator;
}

static double contrast(double preferred, double other) {
  return preferred + other > 0 ? (preferred - other) / (preferred + other) : NAN;
}

/* Angle of the harmonic in degrees, from 0 up to 360. */
static double angle_of(const job *j, const double *r, size_t dirs, int harmonic) {
  const double *c = j->cosine + (size_t)(harmonic - 1) * dirs, *s = j->sine + (size_t)(harmonic - 1) * dirs;
  const double angle = atan2(product(dirs, r, s), product(dirs, r, c)) * 180 / pi;
  return angle < 0 ? fmod(angle + 360, 360) : angle;
}

/* F1 / F0 of a series of n bins at a cycle of the given length: the last whole cycles. */
static double modulation(const double *x, size_t n, double cycle) {
  double f0 = 0, c = 0, s = 0;
  const double cycles = floor((double)n / cycle + 1e-9);
  if (!(cycle >= 2) || cycles < 1) return NAN;
  const size_t used = CF_MIN(n, (size_t)(cycles * cycle + 0.5));
  x += n - used;
  for (size_t t = 0; t < used; t++) {
    const double phase = 2 * pi * (double)t / cycle;
    f0 += x[t];
    c += 2 * x[t] * cos(phase);
    s += 2 * x[t] * sin(phase);
  }
  return f0 > 0 ? hypot(c, s) / f0 : NAN;
}

/* The cycle of the harmonic of the whole window with the largest amplitude. */
static double largest_cycle(const double *x, size_t n) {
  double best = 0, cycle = NAN;
  for (size_t k = 1; 2 * k <= n; k++) {
    const double amplitude = modulation(x, n, (double)n / (double)k);
    if (amplitude > best * (1 + 1e-9)) {
      best = amplitude;
      cycle = (double)n / (double)k;
    }
  }
  return cycle;
}

static double modulation_at(const job *j, size_t stimulus, const double *x, size_t n) {
  const double cycle = j->o->cycle ? j->o->cycle[stimulus] : NAN;
  if (isnan(cycle)) return NAN;
  return modulation(x, n, cycle == 0 ? largest_cycle(x, n) : cycle);
}

/* ----------------------------------------------------------- permutations -- */

typedef struct null {
  double sum[2], square[2]; /* DSI, OSI */
  size_t above[2];
} null;

static void count(null *n, int harmonic, double value, double observed) {
  n->sum[harmonic - 1] += value;
  n->square[harmonic - 1] += value * value;
  n->above[harmonic - 1] += !(value < observed - 1e-12 * fabs(observed));
}

static double p_of(const null *n, int harmonic, size_t permutations, double observed) {
  return isnan(observed) || permutations == 0 ? NAN : (double)(n->above[harmonic - 1] + 1) / (double)(permutations + 1);
}

static double z_of(const null *n, int harmonic, size_t permutations, double observed) {
  const double k = (double)permutations, mean = n->sum[harmonic - 1] / k;
  const double variance = n->square[harmonic - 1] / k - mean * mean;
  return permutations > 1 && variance > 1e-18 ? (observed - mean) / sqrt(variance) : NAN;
}

/* Shuffles the directions of every stimulus, and counts indices of each and of their means. */
static cf_status permute(cf_context *worker, const job *j, size_t neuron, const double *r, cf_tuning *own,
                         cf_tuning_summary *mean) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  const size_t stimuli = j->in->shape[1], dirs = j->in->shape[2], permutations = j->o->permutations;
  double *shuffled = NULL;
  size_t *order = NULL;
  null *each = NULL, means = {{0}, {0}, {0}};
  CF_TRY(CF_SCRATCH(worker, &shuffled, dirs));
  CF_TRY(CF_SCRATCH(worker, &order, dirs));
  CF_TRY(CF_SCRATCH(worker, &each, stimuli));
  memset(each, 0, stimuli * sizeof *each);
  cf_rng rng = cf_rng_make(cf_context_seed(worker), cf_hash_text("tuning: permutations"), (uint32_t)neuron);
  for (size_t k = 0; k < permutations; k++) {
    double total[2] = {0}, used = 0;
    for (size_t s = 0; s < stimuli; s++) {
      double sum = 0;
      cf_rng_permutation(&rng, dirs, order);
      for (size_t d = 0; d < dirs; d++) sum += shuffled[d] = r[s * dirs + order[d]];
      const double dsi = selectivity(j, shuffled, dirs, 1, sum), osi = selectivity(j, shuffled, dirs, 2, sum);
      if (isnan(osi)) continue;
      count(&each[s], 1, dsi, own[s].dsi);
      count(&each[s], 2, osi, own[s].osi);
      total[0] += dsi;
      total[1] += osi;
      used++;
    }
    count(&means, 1, total[0] / used, mean->dsi);
    count(&means, 2, total[1] / used, mean->osi);
  }
  for (size_t s = 0; s < stimuli; s++) {
    own[s].dsi_p = p_of(&each[s], 1, permutations, own[s].dsi);
    own[s].osi_p = p_of(&each[s], 2, permutations, own[s].osi);
    own[s].dsi_z = z_of(&each[s], 1, permutations, own[s].dsi);
    own[s].osi_z = z_of(&each[s], 2, permutations, own[s].osi);
  }
  mean->dsi_p = p_of(&means, 1, permutations, mean->dsi);
  mean->osi_p = p_of(&means, 2, permutations, mean->osi);
done:
  cf_scratch_release(worker, mark);
  return status;
}

/* --------------------------------------------------------------- neurons -- */

/* map: directions x times of the window; r: its means over time. */
static cf_tuning tuning_of(const job *j, size_t stimulus, const double *map, const double *r, size_t times) {
  const size_t dirs = j->in->shape[2];
  cf_tuning t = {.osi_p = NAN, .dsi_p = NAN, .osi_z = NAN, .dsi_z = NAN, .peak = map[0]};
  double sum = 0;
  size_t best = 0;
  for (size_t d = 0; d < dirs; d++) {
    sum += r[d];
    if (r[d] > r[best]) best = d;
  }
  for (size_t i = 1; i < dirs * times; i++) t.peak = fmax(t.peak, map[i]);
  t.rate = r[best];
  t.mean = sum / (double)dirs;
  t.dsi = selectivity(j, r, dirs, 1, sum);
  t.osi = selectivity(j, r, dirs, 2, sum);
  const bool drives = sum > 0;
  t.preferred = drives ? j->degrees[best] : NAN;
  t.vector = drives ? angle_of(j, r, dirs, 1) : NAN;
  t.orientation = drives ? angle_of(j, r, dirs, 2) / 2 : NAN;
  const size_t back = j->across[best], left = j->across[dirs + best], right = j->across[2 * dirs + best];
  t.dsi_contrast = drives && back < dirs ? contrast(r[best], r[back]) : NAN;
  t.osi_contrast = drives && left < dirs && right < dirs ? contrast(r[best], (r[left] + r[right]) / 2) : NAN;
  t.f1f0 = drives ? modulation_at(j, stimulus, map + best * times, times) : NAN;
  return t;
}

static double variance_over_time(const double *map, size_t rows, size_t times) {
  double total = 0;
  for (size_t i = 0; i < rows; i++, map += times) {
    double sum = 0, square = 0;
    for (size_t t = 0; t < times; t++) sum += map[t] / (double)times;
    for (size_t t = 0; t < times; t++) square += (map[t] - sum) * (map[t] - sum);
    total += square / (double)times;
  }
  return total / (double)rows;
}

static void summarise(const cf_tuning *own, size_t stimuli, cf_tuning_summary *out) {
  size_t used = 0;
  *out = (cf_tuning_summary){.osi_p = NAN, .dsi_p = NAN};
  for (size_t s = 0; s < stimuli; s++) {
    if (own[s].rate > own[out->stimulus].rate) out->stimulus = s;
    out->rate += own[s].mean / (double)stimuli;
    if (isnan(own[s].osi)) continue;
    out->osi += own[s].osi;
    out->dsi += own[s].dsi;
    used++;
  }
  out->osi = used ? out->osi / (double)used : NAN;
  out->dsi = used ? out->dsi / (double)used : NAN;
}

static cf_status neuron_task(cf_context *worker, size_t n, void *payload) {
  const job *j = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  const size_t stimuli = j->in->shape[1], dirs = j->in->shape[2], times = j->last - j->first;
  cf_view own = cf_view_index(*j->in, 0, n);
  own.data += (ptrdiff_t)j->first * own.stride[2];
  own.shape[2] = times;
  double *x = NULL, *r = NULL;
  cf_tuning *out = j->out + n * stimuli;
  cf_tuning_summary summary;
  CF_TRY(CF_SCRATCH(worker, &x, stimuli * dirs * times));
  CF_TRY(CF_SCRATCH(worker, &r, stimuli * dirs));
  cf_view_copy(&own, x);
  for (size_t i = 0; i < stimuli * dirs; i++) {
    r[i] = 0;
    for (size_t t = 0; t < times; t++) r[i] += x[i * times + t];
    r[i] /= (double)times;
  }
  for (size_t s = 0; s < stimuli; s++) out[s] = tuning_of(j, s, x + s * dirs * times, r + s * dirs, times);
  summarise(out, stimuli, &summary);
  if (j->o->permutations > 0) CF_TRY(permute(worker, j, n, r, out, &summary));
  summary.best = out[summary.stimulus];
  summary.log_variance = log10(variance_over_time(x, stimuli * dirs, times));
  if (j->summary) j->summary[n] = summary;
  if (j->curves) memcpy(j->curves + n * stimuli * dirs, r, stimuli * dirs * sizeof *r);
done:
  cf_scratch_release(worker, mark);
  return status;
}

/* The direction at an angle, or `dirs`. */
static size_t direction_at(const double *degrees, size_t dirs, double angle) {
  for (size_t d = 0; d < dirs; d++)
    if (fabs(remainder(degrees[d] - angle, 360)) < 1e-3) return d;
  return dirs;
}

static cf_status make_tables(cf_context *ctx, size_t dirs, job *j) {
  cf_status status = CF_OK;
  double *cosine = NULL, *sine = NULL;
  size_t *across = NULL;
  CF_TRY(CF_SCRATCH(ctx, &cosine, 2 * dirs));
  CF_TRY(CF_SCRATCH(ctx, &sine, 2 * dirs));
  CF_TRY(CF_SCRATCH(ctx, &across, 3 * dirs));
  for (size_t d = 0; d < dirs; d++) {
    static const double turn[3] = {180, 90, -90};
    for (size_t m = 0; m < 2; m++) {
      cosine[m * dirs + d] = cos((double)(m + 1) * j->degrees[d] * pi / 180);
      sine[m * dirs + d] = sin((double)(m + 1) * j->degrees[d] * pi / 180);
    }
    for (size_t k = 0; k < 3; k++) across[k * dirs + d] = direction_at(j->degrees, dirs, j->degrees[d] + turn[k]);
  }
  j->cosine = cosine;
  j->sine = sine;
  j->across = across;
done:
  return status;
}

cf_status cf_tuning_compute(cf_context *ctx, const cf_view *responses, const double *direction,
                            const cf_tuning_options *options, cf_tuning *out, cf_tuning_summary *summary,
                            double *curves) {
  static const cf_tuning_options standard = CF_TUNING_OPTIONS_INIT;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  job j = {.in = responses,
           .o = options ? options : &standard,
           .degrees = direction,
           .out = out,
           .summary = summary,
           .curves = curves};
  CF_TRY(check(ctx, responses, j.o));
  j.first = j.o->first;
  j.last = j.o->last ? j.o->last : responses->shape[3];
  CF_TRY(make_tables(ctx, responses->shape[2], &j));
  CF_TRY(cf_parallel_for(ctx, responses->shape[0], neuron_task, &j));
done:
  cf_scratch_release(ctx, mark);
  return status;
}
