/* From measured activity to what is factorised: floor, smoothing, spatial frequency, scale of each map.
 *
 * X (N x S x D x T). In this order:
 *   floor      X - min X (global), X_n - min(0, min X_n) (neuron) or max(X, 0) (clip)
 *   smoothing  X_t <- sum_k w_k X_{t+k}, w_k ~ exp(-k^2 / 2 sd^2), |k| <= int(4 sd + 0.5), sum w = 1; the series is
 *              continued by reflection about the edges of its end bins (d c b a | a b c d | d c b a)
 *   rate       r_ns = max_d mean_t X_nsdt
 *   selection  medium if #{k: r_n,medium(k) > r_n,high(k)} > #{k: r_n,medium(k) < r_n,high(k)}, else high
 *   relFR      r_ns / max_s r_ns over the classes that are kept
 *   norm       map / ||map||_2, map / max, map / mean (the first two times relFR), or the neuron's maps / max, / mean
 *
 * Reference: Bertram, Dyballa, Keller, Kinger & Zucker (2026), arXiv:2601.21508, and its published code. */
#include "base/internal.h"

#include <cortifold/response.h>
#include <math.h>
#include <string.h>

const char *const cf_eleven_classes[CF_ELEVEN] = {
    "grat_W12",       "grat_W1",        "grat_W2",        "neg1dotflow_D1", "neg3dotflow_D1", "neg1dotflow_D2",
    "neg3dotflow_D2", "pos1dotflow_D1", "pos3dotflow_D1", "pos1dotflow_D2", "pos3dotflow_D2"};
const char *const cf_six_classes[CF_SIX] = {"LF grating", "HF grating", "-1dot", "-3dot", "+1dot", "+3dot"};

static const size_t eleven_medium[CF_SIX] = {0, 2, 5, 6, 9, 10}, eleven_high[CF_SIX] = {0, 1, 3, 4, 7, 8};
const cf_prepare_selection cf_prepare_eleven = {CF_SIX, eleven_medium, eleven_high};

void cf_prepared_free(cf_prepared *p) {
  if (!p) return;
  cf_free(p->responses);
  cf_free(p->relative);
  cf_free(p->rate);
  cf_free(p->high);
  cf_free(p);
}

typedef struct job {
  const cf_view *in;
  const cf_prepare_options *o;
  cf_prepared *out;
  const double *kernel; /* weights of lags 0 .. radius */
  size_t radius;
  double floor;              /* global minimum */
  bool *negative, *silent;   /* neurons */
  size_t stimuli, map, time; /* of the input */
} job;

static cf_status check(cf_context *ctx, const cf_view *x, const cf_prepare_options *o) {
  if (x->ndim != 4)
    return cf_fail(ctx, CF_ERR_INPUT, "responses have the axes (neuron, stimulus, direction, time), this has %d axes",
                   x->ndim);
  if (cf_view_count(x) == 0) return cf_fail(ctx, CF_ERR_INPUT, "responses: an axis is empty");
  if (!(o->smooth >= 0 && o->smooth <= 1e6))
    return cf_fail(ctx, CF_ERR_USAGE, "smoothing over %g bins; it must lie between 0 and 1e6", o->smooth);
  for (size_t k = 0; o->selection && k < o->selection->classes; k++)
    if (o->selection->medium[k] >= x->shape[1] || o->selection->high[k] >= x->shape[1])
      return cf_fail(ctx, CF_ERR_INPUT, "the selection of frequencies needs stimulus %zu, there are %zu",
                     CF_MAX(o->selection->medium[k], o->selection->high[k]), x->shape[1]);
  if (o->selection && o->selection->classes == 0)
    return cf_fail(ctx, CF_ERR_INPUT, "the selection of frequencies has no classes");
  return cf_view_check_finite(ctx, x, "responses");
}

static cf_view neuron_of(const job *j, size_t n) {
  return cf_view_index(*j->in, 0, n);
}

static double minimum(const double *x, size_t n) {
  double least = x[0];
  for (size_t i = 1; i < n; i++) least = fmin(least, x[i]);
  return least;
}

static cf_status minimum_task(cf_context *worker, size_t n, void *payload) {
  const job *j = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  const cf_view own = neuron_of(j, n);
  double *x = NULL;
  CF_TRY(CF_SCRATCH(worker, &x, j->stimuli * j->map));
  cf_view_copy(&own, x);
  j->out->rate[n] = minimum(x, j->stimuli * j->map); /* the place is free until rates are known */
done:
  cf_scratch_release(worker, mark);
  return status;
}

static void apply_floor(const job *j, double *x) {
  const size_t count = j->stimuli * j->map;
  double floor = j->floor;
  if (j->o->floor == CF_PREPARE_FLOOR_NEURON) floor = fmin(0, minimum(x, count));
  if (j->o->floor == CF_PREPARE_FLOOR_CLIP)
    for (size_t i = 0; i < count; i++) x[i] = fmax(x[i], 0);
  if (floor != 0)
    for (size_t i = 0; i < count; i++) x[i] -= floor;
}

/* Position of x[i], i from -radius, in a series of n that is reflected about the edges of its end bins. */
static size_t reflect(ptrdiff_t i, size_t n) {
  const ptrdiff_t period = 2 * (ptrdiff_t)n;
  i = ((i % period) + period) % period;
  return i < (ptrdiff_t)n ? (size_t)i : (size_t)(period - 1 - i);
}

/* One series of `time` bins in place; wide has room for time + 2 radius. */
static void smooth(const job *j, double *x, double *wide) {
  const size_t r = j->radius;
  for (size_t i = 0; i < j->time + 2 * r; i++) wide[i] = x[reflect((ptrdiff_t)i - (ptrdiff_t)r, j->time)];
  for (size_t t = 0; t < j->time; t++) {
    const double *centre = wide + t + r;
    double sum = j->kernel[0] * centre[0];
    for (size_t k = 1; k <= r; k++) sum += j->kernel[k] * (centre[-(ptrdiff_t)k] + centre[k]);
    x[t] = sum;
  }
}

static double rate_of(const job *j, const double *map) {
  double best = -INFINITY;
  for (size_t d = 0; d < j->map / j->time; d++) {
    double sum = 0;
    for (size_t t = 0; t < j->time; t++) sum += map[d * j->time + t];
    best = fmax(best, sum / (double)j->time);
  }
  return best;
}

static bool choose_high(const cf_prepare_selection *s, const double *rate) {
  size_t medium = 0, high = 0;
  for (size_t k = 0; k < s->classes; k++) {
    medium += rate[s->medium[k]] > rate[s->high[k]];
    high += rate[s->medium[k]] < rate[s->high[k]];
  }
  return medium <= high;
}

/* What x (n values) is divided by. */
static double divisor_of(cf_prepare_norm norm, const double *x, size_t n) {
  double square = 0, largest = 0, mean = 0;
  for (size_t i = 0; i < n; i++) {
    square += x[i] * x[i];
    largest = fmax(largest, x[i]);
    mean += x[i] / (double)n;
  }
  switch (norm) {
  case CF_PREPARE_UNIT:
  case CF_PREPARE_UNIT_RELATIVE:
    return sqrt(square);
  case CF_PREPARE_MAX_RELATIVE:
  case CF_PREPARE_NEURON_MAX:
    return largest;
  case CF_PREPARE_MEAN:
  case CF_PREPARE_NEURON_MEAN:
    return mean;
  default:
    return 1;
  }
}

static void divide(double *x, size_t n, double divisor, double factor) {
  /* what has no activity has no shape to scale */
  for (size_t i = 0; i < n; i++) x[i] = divisor > 0 ? x[i] * (factor / divisor) : 0;
}

static void scale_neuron(const job *j, double *maps, const double *relative) {
  const cf_prepare_norm norm = j->o->norm;
  const size_t count = j->out->stimuli * j->map;
  if (norm == CF_PREPARE_NONE) return;
  if (norm == CF_PREPARE_NEURON_MAX || norm == CF_PREPARE_NEURON_MEAN) {
    divide(maps, count, divisor_of(norm, maps, count), 1);
    return;
  }
  const bool by_rate = norm == CF_PREPARE_UNIT_RELATIVE || norm == CF_PREPARE_MAX_RELATIVE;
  for (size_t i = 0; i < j->out->stimuli; i++, maps += j->map)
    divide(maps, j->map, divisor_of(norm, maps, j->map), by_rate ? relative[i] : 1);
}

/* Rates of all classes, the classes that are kept, and their maps at their place in the result. */
static void finish_neuron(const job *j, size_t n, double *x, double *all) {
  cf_prepared *out = j->out;
  const cf_prepare_selection *s = j->o->selection;
  double *rate = out->rate + n * out->stimuli, *relative = out->relative + n * out->stimuli, best = 0;
  for (size_t i = 0; i < j->stimuli; i++) all[i] = rate_of(j, x + i * j->map);
  j->negative[n] = minimum(x, j->stimuli * j->map) < 0;
  if (s) out->high[n] = choose_high(s, all);
  for (size_t i = 0; i < out->stimuli; i++) {
    const size_t from = !s ? i : out->high[n] ? s->high[i] : s->medium[i];
    rate[i] = all[from];
    best = fmax(best, rate[i]);
    memcpy(out->responses + (n * out->stimuli + i) * j->map, x + from * j->map, j->map * sizeof *x);
  }
  j->silent[n] = !(best > 0);
  for (size_t i = 0; i < out->stimuli; i++) relative[i] = best > 0 ? fmax(0, rate[i] / best) : 0;
  scale_neuron(j, out->responses + n * out->stimuli * j->map, relative);
}

static cf_status neuron_task(cf_context *worker, size_t n, void *payload) {
  const job *j = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  const cf_view own = neuron_of(j, n);
  double *x = NULL, *wide = NULL, *all = NULL;
  CF_TRY(CF_SCRATCH(worker, &x, j->stimuli * j->map));
  CF_TRY(CF_SCRATCH(worker, &wide, j->time + 2 * j->radius));
  CF_TRY(CF_SCRATCH(worker, &all, j->stimuli));
  cf_view_copy(&own, x);
  apply_floor(j, x);
  if (j->radius > 0)
    for (size_t i = 0; i < j->stimuli * j->map; i += j->time) smooth(j, x + i, wide);
  finish_neuron(j, n, x, all);
done:
  cf_scratch_release(worker, mark);
  return status;
}

static cf_status make_kernel(cf_context *ctx, double sd, job *j) {
  j->radius = (size_t)(4 * sd + 0.5);
  double *w = NULL, sum = 0;
  cf_status status = CF_SCRATCH(ctx, &w, j->radius + 1);
  if (status != CF_OK) return status;
  for (size_t k = 0; k <= j->radius; k++) {
    w[k] = k == 0 ? 1 : exp(-0.5 * (double)k * (double)k / (sd * sd));
    sum += k == 0 ? w[k] : 2 * w[k];
  }
  for (size_t k = 0; k <= j->radius; k++) w[k] /= sum;
  j->kernel = w;
  return CF_OK;
}

static cf_status allocate(cf_context *ctx, const cf_view *x, const cf_prepare_options *o, cf_prepared **out) {
  cf_status status = CF_OK;
  cf_prepared *p = NULL;
  CF_TRY(CF_ALLOC(ctx, &p, 1));
  *p = (cf_prepared){.neurons = x->shape[0], .directions = x->shape[2], .times = x->shape[3]};
  p->stimuli = o->selection ? o->selection->classes : x->shape[1];
  CF_TRY(CF_ALLOC(ctx, &p->responses, p->neurons * p->stimuli * p->directions * p->times));
  CF_TRY(CF_ALLOC(ctx, &p->rate, p->neurons * p->stimuli));
  CF_TRY(CF_ALLOC(ctx, &p->relative, p->neurons * p->stimuli));
  if (o->selection) CF_TRY(CF_ALLOC(ctx, &p->high, p->neurons));
  *out = p;
  p = NULL;
done:
  cf_prepared_free(p);
  return status;
}

cf_status cf_prepare(cf_context *ctx, const cf_view *responses, const cf_prepare_options *options, cf_prepared **out) {
  static const cf_prepare_options standard = CF_PREPARE_OPTIONS_INIT;
  const cf_prepare_options *o = options ? options : &standard;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  job j = {.in = responses, .o = o};
  *out = NULL;
  CF_TRY(check(ctx, responses, o));
  CF_TRY(allocate(ctx, responses, o, &j.out));
  j.stimuli = responses->shape[1];
  j.time = responses->shape[3];
  j.map = responses->shape[2] * j.time;
  CF_TRY(make_kernel(ctx, o->smooth, &j));
  CF_TRY(CF_SCRATCH(ctx, &j.negative, j.out->neurons));
  CF_TRY(CF_SCRATCH(ctx, &j.silent, j.out->neurons));
  if (o->floor == CF_PREPARE_FLOOR_GLOBAL) {
    CF_TRY(cf_parallel_for(ctx, j.out->neurons, minimum_task, &j));
    j.floor = minimum(j.out->rate, j.out->neurons);
  }
  CF_TRY(cf_parallel_for(ctx, j.out->neurons, neuron_task, &j));
  for (size_t n = 0; n < j.out->neurons; n++) {
    j.out->negative += j.negative[n];
    j.out->silent += j.silent[n];
  }
  *out = j.out;
  j.out = NULL;
done:
  cf_prepared_free(j.out);
  cf_scratch_release(ctx, mark);
  return status;
}
