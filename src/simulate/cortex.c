/* Visual neurons with known parameters, watching gratings and fields of dots.
 *
 * A stimulus that moves in direction phi is a sum of drifting components i with contrast a_i, spatial frequency f_i
 * (cycles per degree), direction phi_i normal to their bars and temporal frequency w_i (Hz):
 *   grating  square wave of frequency f: f_i = m f, w_i = m w, a_i = 4 / (pi m), m = 1, 3; phi_i = phi
 *   flow     dots of diameter D: bands about f = 1 / 2D, log2(f_i / f) = -1, 0, 1; phi_i = phi + alpha, |alpha| < 90
 *            degrees; w_i = w (f_i / f) cos alpha, since all move at one speed; random phases; a_i ~ exp(-(log2(f_i /
 *            f))^2 / 2) exp(k (cos 2 alpha - 1) / 2), k = 0 for single dots, 2 for rows of three, sum of a_i^2 = 2
 * Neuron n at place x, with preferred direction theta, spatial frequency F, direction bias b, width parameter kappa:
 *   z(t) = sum_i a_i A_i exp(i (2 pi w_i t - 2 pi f_i x . u(phi_i) - psi_i))
 *   A_i  = exp(kappa (cos 2 (phi_i - theta) - 1) / 2) exp(-(log2(f_i / F))^2 / (2 0.8^2))
 *          (1 + b cos(phi_i - theta)) / (1 + b)
 *   drive = ((1 - c) [s Re z]_+ + c |z|) g      c complexity; s polarity of dots, 1 for gratings
 *   g     = 1 - 0.85 q for gratings, (0.35 + 0.65 q) (1 + p s) / (1 + |p|) for flow      q flow preference, p polarity
 * Drive is averaged over instances of the dots and divided by its largest value; with threshold h
 *   rate(t) = baseline + gain E(t) ([drive(t) - h]_+ / (1 - h))^1.5
 *   E(t)    = (1 - exp(-t / 20 ms)) (S + (1 - S) exp(-t / 120 ms)), t after the latency, S the sustained share
 *
 * References: energy model: Adelson & Bergen (1985), J. Opt. Soc. Am. A 2, 284; F1/F0: Skottun et al. (1991), Vision
 * Res. 31, 1079; flow stimuli: Dyballa et al. (2018), PNAS 115, 11625. The parameters' ranges are ours. */
#include "base/internal.h"
#include "simulate/cortex.h"

#include <math.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

typedef cf_simulate_cortex_options settings;
typedef cf_simulated_cortex simulated;

/* ------------------------------------------------------------- stimuli -- */

enum { BANDS = 3, ANGLES = 9, DOTS = BANDS * ANGLES, HARMONICS = 2 };

typedef struct stimulus {
  const char *name;
  bool flow;
  double frequency; /* cycles per degree */
  int dots, sign;   /* dots of an element; polarity */
} stimulus;

static const stimulus six[] = {{"LF grating", false, 1 / 24.0, 0, 1}, {"HF grating", false, 0.25, 0, 1},
                               {"-1dot", true, 0.25, 1, -1},          {"-3dot", true, 0.25, 3, -1},
                               {"+1dot", true, 0.25, 1, 1},           {"+3dot", true, 0.25, 3, 1}};
static const stimulus eleven[] = {
    {"grat_W12", false, 1 / 24.0, 0, 1},   {"grat_W1", false, 0.5, 0, 1},        {"grat_W2", false, 0.25, 0, 1},
    {"neg1dotflow_D1", true, 0.5, 1, -1},  {"neg3dotflow_D1", true, 0.5, 3, -1}, {"neg1dotflow_D2", true, 0.25, 1, -1},
    {"neg3dotflow_D2", true, 0.25, 3, -1}, {"pos1dotflow_D1", true, 0.5, 1, 1},  {"pos3dotflow_D1", true, 0.5, 3, 1},
    {"pos1dotflow_D2", true, 0.25, 1, 1},  {"pos3dotflow_D2", true, 0.25, 3, 1}};
static const char *const six_names[] = {"LF grating", "HF grating", "-1dot", "-3dot", "+1dot", "+3dot"};
static const char *const eleven_names[] = {"grat_W12",       "grat_W1",        "grat_W2",        "neg1dotflow_D1",
                                           "neg3dotflow_D1", "neg1dotflow_D2", "neg3dotflow_D2", "pos1dotflow_D1",
                                           "pos3dotflow_D1", "pos1dotflow_D2", "pos3dotflow_D2"};

typedef struct component {
  double contrast, frequency, angle, temporal, phase; /* angle in radians; phase of the stimulus */
} component;

/* The components of a stimulus that moves at angle phi; phases of dots are drawn from rng. Gives their number. */
static size_t components_of(const stimulus *s, double phi, double tf, cf_rng *rng, component *out) {
  size_t n = 0;
  double power = 0;
  if (!s->flow) {
    for (int m = 1; m <= 3; m += 2)
      out[n++] = (component){4 / (pi * m), m * s->frequency, phi, m * tf, m == 1 ? 0 : pi};
    return n;
  }
  const double k = s->dots > 1 ? 2 : 0;
  for (int band = -1; band <= 1; band++)
    for (int a = 0; a < ANGLES; a++) {
      const double alpha = pi * ((a + 0.5) / ANGLES - 0.5), ratio = exp2(band);
      const double contrast = exp(-0.5 * band * band) * exp(k * (cos(2 * alpha) - 1) / 2);
      power += contrast * contrast;
      out[n++] = (component){contrast, ratio * s->frequency, phi + alpha, tf * ratio * cos(alpha),
                             2 * pi * cf_rng_uniform(rng)};
    }
  for (size_t i = 0; i < n; i++) out[i].contrast *= sqrt(2 / power);
  return n;
}

/* --------------------------------------------------------------- drive -- */

typedef struct neuron {
  double theta, frequency, kappa, complexity, bias, flow, polarity, sustained, latency, gain, baseline;
  double x, y; /* degrees of the visual field */
} neuron;

/* Contrast of a component after the neuron's filter. */
static double amplitude(const neuron *c, const component *s) {
  const double turn = s->angle - c->theta, octaves = log2(s->frequency / c->frequency);
  return s->contrast * exp(c->kappa * (cos(2 * turn) - 1) / 2) * exp(-octaves * octaves / (2 * 0.8 * 0.8)) *
         (1 + c->bias * cos(turn)) / (1 + c->bias);
}

static double stimulus_gain(const neuron *c, const stimulus *s) {
  if (!s->flow) return 1 - 0.85 * c->flow;
  return (0.35 + 0.65 * c->flow) * (1 + c->polarity * s->sign) / (1 + fabs(c->polarity));
}

/* Adds the drive of one instance at times first, first + step, ... to sum. Each component turns by a fixed angle a
 * step, so that only complex products are needed. */
static void add_drive(const neuron *c, const stimulus *s, const component *part, size_t parts, double first,
                      double step, size_t times, double *sum, double *re, double *im) {
  memset(re, 0, times * sizeof *re);
  memset(im, 0, times * sizeof *im);
  for (size_t i = 0; i < parts; i++) {
    const double a = amplitude(c, &part[i]);
    if (a < 1e-6) continue;
    const double place = part[i].frequency * (c->x * cos(part[i].angle) + c->y * sin(part[i].angle));
    const double start = 2 * pi * (part[i].temporal * first - place) - part[i].phase;
    const double turn = 2 * pi * part[i].temporal * step, cr = cos(turn), ci = sin(turn);
    double zr = a * cos(start), zi = a * sin(start);
    for (size_t t = 0; t < times; t++) {
      re[t] += zr;
      im[t] += zi;
      const double next = zr * cr - zi * ci;
      zi = zr * ci + zi * cr;
      zr = next;
    }
  }
  const double g = stimulus_gain(c, s);
  for (size_t t = 0; t < times; t++)
    sum[t] += g * ((1 - c->complexity) * fmax(0, s->sign * re[t]) + c->complexity * hypot(re[t], im[t]));
}

typedef struct job {
  cf_context *ctx;
  const settings *o;
  simulated *out;
  const stimulus *stimulus;
  component *part; /* stimuli x directions x instances x DOTS */
  size_t *parts;   /* stimuli */
  size_t *spikes;  /* neurons: number, then place of the first */
} job;

static cf_rng stream(const cf_context *ctx, const char *name, size_t replicate) {
  return cf_rng_make(cf_context_seed(ctx), cf_hash_text(name), (uint32_t)replicate);
}

static cf_status make_components(cf_context *ctx, job *j) {
  cf_status status = CF_OK;
  const size_t dirs = j->o->directions, instances = j->o->instances;
  size_t count = 0;
  CF_TRY(cf_size_mul(ctx, j->out->stimuli * dirs, instances * DOTS, &count));
  CF_TRY(CF_SCRATCH(ctx, &j->part, count));
  CF_TRY(CF_SCRATCH(ctx, &j->parts, j->out->stimuli));
  for (size_t s = 0; s < j->out->stimuli; s++)
    for (size_t d = 0; d < dirs; d++) {
      cf_rng rng = stream(ctx, "simulate cortex: dots", s * dirs + d);
      for (size_t k = 0; k < instances; k++)
        j->parts[s] = components_of(&j->stimulus[s], j->out->direction[d] * pi / 180, j->o->temporal_frequency, &rng,
                                    j->part + ((s * dirs + d) * instances + k) * DOTS);
    }
done:
  return status;
}

/* Drive relative to its largest value, threshold and exponent: what does not depend on the time since onset. */
static double transfer(const settings *o, double drive, double most) {
  const double above = most > 0 ? (drive / most - o->threshold) / (1 - o->threshold) : 0;
  return above > 0 ? pow(above, 1.5) : 0;
}

static double envelope(const neuron *c, double t) {
  return t <= 0 ? 0 : (1 - exp(-t / 0.02)) * (c->sustained + (1 - c->sustained) * exp(-t / 0.12));
}

/* F1 / F0 over one cycle of the grating that drives the neuron most. */
static double modulation(const job *j, const neuron *c) {
  enum { STEPS = 64 };
  const double tf = j->o->temporal_frequency;
  double best = -1, result = NAN, drive[STEPS], re[STEPS], im[STEPS];
  component part[HARMONICS];
  cf_rng none = stream(j->ctx, "simulate cortex: dots", 0);
  for (size_t s = 0; s < j->out->stimuli; s++) {
    if (j->stimulus[s].flow) continue;
    double most = 0, f0 = 0, cosine = 0, sine = 0;
    memset(drive, 0, sizeof drive);
    add_drive(c, &j->stimulus[s], part, components_of(&j->stimulus[s], c->theta, tf, &none, part), 0, 1 / (tf * STEPS),
              STEPS, drive, re, im);
    for (size_t t = 0; t < STEPS; t++) most = fmax(most, drive[t]);
    if (most <= best) continue;
    best = most;
    for (size_t t = 0; t < STEPS; t++) {
      const double r = transfer(j->o, drive[t], most);
      f0 += r;
      cosine += 2 * r * cos(2 * pi * (double)t / STEPS);
      sine += 2 * r * sin(2 * pi * (double)t / STEPS);
    }
    result = hypot(cosine, sine) / f0;
  }
  return result;
}

/* -------------------------------------------------------------- neurons -- */

static neuron neuron_at(const job *j, size_t n) {
  double *const *p = j->out->parameter;
  cf_rng rng = stream(j->ctx, "simulate cortex: places", n);
  const double half_width = p[CF_CORTEX_WIDTH][n] * pi / 180;
  neuron c = {.theta = p[CF_CORTEX_PREFERRED_DIRECTION][n] * pi / 180,
              .frequency = p[CF_CORTEX_SPATIAL_FREQUENCY][n],
              .kappa = 2 * log(2) / (1 - cos(2 * half_width)),
              .complexity = p[CF_CORTEX_COMPLEXITY][n],
              .bias = p[CF_CORTEX_DIRECTION_BIAS][n],
              .flow = p[CF_CORTEX_FLOW_PREFERENCE][n],
              .polarity = p[CF_CORTEX_POLARITY][n],
              .sustained = p[CF_CORTEX_SUSTAINED][n],
              .latency = p[CF_CORTEX_LATENCY][n],
              .gain = p[CF_CORTEX_GAIN][n],
              .baseline = p[CF_CORTEX_BASELINE][n]};
  c.x = 20 * cf_rng_uniform(&rng) - 10;
  c.y = 20 * cf_rng_uniform(&rng) - 10;
  return c;
}

static cf_status neuron_task(cf_context *worker, size_t n, void *payload) {
  const job *j = payload;
  const settings *o = j->o;
  const size_t times = o->times, maps = j->out->stimuli * o->directions, each = maps * times;
  const neuron c = neuron_at(j, n);
  double *rate = j->out->rate + n * each, *noisy = j->out->responses + n * each, most = 0;
  const double first = j->out->time[0] - c.latency;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  double *re = NULL, *im = NULL;
  CF_TRY(CF_SCRATCH(worker, &re, times));
  CF_TRY(CF_SCRATCH(worker, &im, times));
  for (size_t m = 0; m < maps; m++) {
    const stimulus *s = &j->stimulus[m / o->directions];
    const size_t instances = s->flow ? o->instances : 1;
    for (size_t k = 0; k < instances; k++)
      add_drive(&c, s, j->part + (m * o->instances + k) * DOTS, j->parts[m / o->directions], first, o->bin, times,
                rate + m * times, re, im);
    for (size_t t = 0; t < times; t++) {
      rate[m * times + t] /= (double)instances;
      if (j->out->time[t] > c.latency) most = fmax(most, rate[m * times + t]);
    }
  }
  cf_rng rng = stream(worker, "simulate cortex: noise", n);
  for (size_t i = 0; i < each; i++) {
    rate[i] = c.baseline + c.gain * envelope(&c, j->out->time[i % times] - c.latency) * transfer(o, rate[i], most);
    noisy[i] = fmax(0, rate[i] + (o->noise > 0 ? o->noise * c.gain * cf_rng_normal(&rng) : 0));
  }
  j->out->parameter[CF_CORTEX_F1F0][n] = modulation(j, &c);
done:
  cf_scratch_release(worker, mark);
  return status;
}

/* --------------------------------------------------------------- spikes -- */

/* Poisson counts of each bin, uniform within it. time and presentation NULL: counts only. */
static size_t draw_spikes(const job *j, size_t n, double *time, uint32_t *presentation) {
  const settings *o = j->o;
  const size_t maps = j->out->stimuli * o->directions;
  cf_rng rng = stream(j->ctx, "simulate cortex: spikes", n);
  size_t total = 0;
  for (size_t p = 0; p < maps * o->trials; p++) {
    const double *rate = j->out->rate + (n * maps + p / o->trials) * o->times;
    for (size_t t = 0; t < o->times; t++) {
      const size_t count = (size_t)cf_rng_poisson(&rng, rate[t] * o->bin), from = total;
      for (size_t k = 0; k < count; k++, total++) {
        const double at = 1000 * (j->out->time[t] + o->bin * (cf_rng_uniform(&rng) - 0.5));
        if (!time) continue;
        size_t place = total;
        for (; place > from && time[place - 1] > at; place--) time[place] = time[place - 1];
        time[place] = at;
        presentation[total] = (uint32_t)p;
      }
    }
  }
  return total;
}

static cf_status count_task(cf_context *worker, size_t n, void *payload) {
  const job *j = payload;
  (void)worker;
  j->spikes[n] = draw_spikes(j, n, NULL, NULL);
  return CF_OK;
}

static cf_status spike_task(cf_context *worker, size_t n, void *payload) {
  const job *j = payload;
  (void)worker;
  const size_t from = j->spikes[n],
               count = draw_spikes(j, n, j->out->spike_time + from, j->out->spike_presentation + from);
  for (size_t i = from; i < from + count; i++) j->out->spike_unit[i] = (uint32_t)n;
  return CF_OK;
}

static cf_status make_spikes(cf_context *ctx, job *j) {
  cf_status status = CF_OK;
  simulated *c = j->out;
  if (j->o->trials == 0) return CF_OK;
  c->trials = j->o->trials;
  CF_TRY(cf_size_mul(ctx, c->stimuli * c->directions, c->trials, &c->presentations));
  if (c->presentations > UINT32_MAX) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "simulated cortex: too many trials"));
  CF_TRY(CF_SCRATCH(ctx, &j->spikes, c->neurons));
  CF_TRY(cf_parallel_for(ctx, c->neurons, count_task, j));
  for (size_t n = 0; n < c->neurons; n++) {
    const size_t count = j->spikes[n];
    j->spikes[n] = c->spikes;
    c->spikes += count;
  }
  CF_TRY(CF_ALLOC(ctx, &c->spike_time, c->spikes));
  CF_TRY(CF_ALLOC(ctx, &c->spike_unit, c->spikes));
  CF_TRY(CF_ALLOC(ctx, &c->spike_presentation, c->spikes));
  CF_TRY(cf_parallel_for(ctx, c->neurons, spike_task, j));
done:
  return status;
}

/* ------------------------------------------------------------------ all -- */

void cf_simulated_cortex_free(cf_simulated_cortex *c) {
  if (!c) return;
  void *const parts[] = {
      c->direction,   c->time,       c->rate,       c->responses,         c->latent, c->type, c->cluster,
      c->feature_map, c->spike_time, c->spike_unit, c->spike_presentation};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) cf_free(parts[i]);
  for (size_t i = 0; i < CF_CORTEX_PARAMETERS; i++) cf_free(c->parameter[i]);
  cf_free(c);
}

static cf_status check(cf_context *ctx, const settings *o) {
  const struct {
    const char *name;
    double value, low, high;
  } ranges[] = {
      {"neurons", (double)o->neurons, 1, 1e6},
      {"directions", (double)o->directions, 1, 3600},
      {"times", (double)o->times, 2, 1e6},
      {"clusters", (double)o->clusters, 0, 1000},
      {"feature_maps", (double)o->feature_maps, 0, 1e6},
      {"bin", o->bin, 1e-4, 10},
      {"before", o->before, 0, 1e4},
      {"temporal_frequency", o->temporal_frequency, 0.01, 1000},
      {"scatter", o->scatter, 0, 1},
      {"threshold", o->threshold, 0, 0.99},
      {"noise", o->noise, 0, 1e6},
      {"instances", (double)o->instances, 1, 10000},
      {"trials", (double)o->trials, 0, 1e5},
  };
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
    if (!(ranges[i].value >= ranges[i].low && ranges[i].value <= ranges[i].high))
      return cf_fail(ctx, CF_ERR_USAGE, "simulated cortex: %s is %g; it must lie between %g and %g", ranges[i].name,
                     ranges[i].value, ranges[i].low, ranges[i].high);
  return CF_OK;
}

static cf_status allocate(cf_context *ctx, const settings *o, simulated *c) {
  cf_status status = CF_OK;
  size_t maps, count;
  *c = (simulated){.neurons = o->neurons,
                   .stimuli = o->eleven ? sizeof eleven / sizeof *eleven : sizeof six / sizeof *six,
                   .directions = o->directions,
                   .times = o->times,
                   .stimulus = o->eleven ? eleven_names : six_names};
  CF_TRY(cf_size_mul(ctx, c->stimuli * c->directions, c->times, &maps));
  CF_TRY(cf_size_mul(ctx, c->neurons, maps, &count));
  CF_TRY(CF_ALLOC(ctx, &c->direction, c->directions));
  CF_TRY(CF_ALLOC(ctx, &c->time, c->times));
  CF_TRY(CF_ALLOC(ctx, &c->rate, count));
  CF_TRY(CF_ALLOC(ctx, &c->responses, count));
  CF_TRY(CF_ALLOC(ctx, &c->type, c->neurons));
  for (size_t i = 0; i < CF_CORTEX_PARAMETERS; i++) CF_TRY(CF_ALLOC(ctx, &c->parameter[i], c->neurons));
  if (o->clusters) CF_TRY(CF_ALLOC(ctx, &c->cluster, c->neurons));
  if (!o->clusters) CF_TRY(CF_ALLOC(ctx, &c->latent, 2 * c->neurons));
  if (o->feature_maps) CF_TRY(CF_ALLOC(ctx, &c->feature_map, c->neurons));
  for (size_t d = 0; d < c->directions; d++) c->direction[d] = 360 * (double)d / (double)c->directions;
  for (size_t t = 0; t < c->times; t++) c->time[t] = ((double)t + 0.5) * o->bin - o->before;
done:
  return status;
}

cf_status cf_simulate_cortex(cf_context *ctx, const cf_simulate_cortex_options *options, cf_simulated_cortex **out) {
  static const settings standard = CF_SIMULATE_CORTEX_OPTIONS_INIT;
  const settings *o = options ? options : &standard;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  job j = {.ctx = ctx, .o = o, .stimulus = o->eleven ? eleven : six};
  *out = NULL;
  CF_TRY(check(ctx, o));
  CF_TRY(CF_ALLOC(ctx, &j.out, 1));
  CF_TRY(allocate(ctx, o, j.out));
  cf_cortex_plant(ctx, o, j.out);
  CF_TRY(make_components(ctx, &j));
  CF_TRY(cf_parallel_for(ctx, o->neurons, neuron_task, &j));
  CF_TRY(make_spikes(ctx, &j));
  *out = j.out;
  j.out = NULL;
done:
  cf_simulated_cortex_free(j.out);
  cf_scratch_release(ctx, mark);
  return status;
}
