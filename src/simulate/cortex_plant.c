/* Parameters of the simulated neurons: a surface over two latent numbers, or clouds about centres.
 *
 * Each parameter has a place in [0, 1] along its range (complexity, bias, flow, frequency, sustained, polarity):
 *   surface  (u, v) uniform: complexity u, flow v, bias exp(-((u - 0.8)^2 + (v - 0.45)^2) / (2 0.2^2)),
 *            frequency 0.9 - 0.5 v - 0.2 u, sustained 0.9 - 0.6 u, polarity 0.1 + 0.8 u
 *   clouds   centre k has the first three of type k mod 4 and the others from the Halton sequence (bases 2, 3, 5)
 * plus N(0, scatter^2), kept within [0, 1]. Ranges: spatial frequency 0.03 .. 0.6 cycles per degree (logarithmic),
 * polarity -0.9 .. 0.9, bias 0 .. 0.95. Half width of tuning 20 degrees, 50 for flow. Latency 40 + U(0, 30) + 20
 * complexity ms, gain 20 exp(0.4 N) and baseline 0.2 + Exp(1) spikes a second. All choices are ours. */
#include "base/internal.h"
#include "simulate/cortex.h"

#include <math.h>

enum { COMPLEXITY, BIAS, FLOW, FREQUENCY, SUSTAINED, POLARITY, PLACES };

const char *cf_cortex_type_name(cf_cortex_type type) {
  static const char *const name[CF_CORTEX_TYPES] = {"simple", "complex", "direction-selective", "flow"};
  return type < CF_CORTEX_TYPES ? name[type] : "unknown";
}

const char *cf_cortex_parameter_name(cf_cortex_parameter parameter) {
  static const char *const name[CF_CORTEX_PARAMETERS] = {"preferred_direction",
                                                         "spatial_frequency",
                                                         "width",
                                                         "complexity",
                                                         "direction_bias",
                                                         "flow_preference",
                                                         "polarity",
                                                         "sustained",
                                                         "latency",
                                                         "gain",
                                                         "baseline",
                                                         "f1f0"};
  return parameter < CF_CORTEX_PARAMETERS ? name[parameter] : "unknown";
}

static double halton(size_t i, size_t base) {
  double value = 0, step = 1;
  for (; i > 0; i /= base) {
    step /= (double)base;
    value += step * (double)(i % base);
  }
  return value;
}

static void cloud_centre(size_t k, double *place) {
  static const double type[CF_CORTEX_TYPES][3] = {
      {0.05, 0.05, 0.1}, {0.95, 0.05, 0.15}, {0.85, 0.95, 0.45}, {0.8, 0.3, 0.95}};
  for (int i = 0; i < 3; i++) place[i] = type[k % CF_CORTEX_TYPES][i];
  place[FREQUENCY] = 0.2 + 0.7 * halton(k + 1, 2);
  place[SUSTAINED] = 0.1 + 0.8 * halton(k + 1, 3);
  place[POLARITY] = halton(k + 1, 5);
}

static void surface(double u, double v, double *place) {
  place[COMPLEXITY] = u;
  place[FLOW] = v;
  place[BIAS] = exp(-((u - 0.8) * (u - 0.8) + (v - 0.45) * (v - 0.45)) / (2 * 0.2 * 0.2));
  place[FREQUENCY] = 0.9 - 0.5 * v - 0.2 * u;
  place[SUSTAINED] = 0.9 - 0.6 * u;
  place[POLARITY] = 0.1 + 0.8 * u;
}

/* The region of the parameters that a neuron lies in. */
static cf_cortex_type type_of(const double *place) {
  return place[BIAS] >= 0.5         ? CF_CORTEX_DIRECTION
         : place[FLOW] >= 2.0 / 3   ? CF_CORTEX_FLOW
         : place[COMPLEXITY] >= 0.5 ? CF_CORTEX_COMPLEX
                                    : CF_CORTEX_SIMPLE;
}

static void set_parameters(cf_simulated_cortex *c, size_t n, const double *place, cf_rng *rng) {
  double *const *p = c->parameter;
  p[CF_CORTEX_COMPLEXITY][n] = place[COMPLEXITY];
  p[CF_CORTEX_DIRECTION_BIAS][n] = 0.95 * place[BIAS];
  p[CF_CORTEX_FLOW_PREFERENCE][n] = place[FLOW];
  p[CF_CORTEX_SPATIAL_FREQUENCY][n] = 0.03 * pow(20, place[FREQUENCY]);
  p[CF_CORTEX_SUSTAINED][n] = place[SUSTAINED];
  p[CF_CORTEX_POLARITY][n] = 1.8 * place[POLARITY] - 0.9;
  p[CF_CORTEX_WIDTH][n] = 20 + 30 * place[FLOW];
  p[CF_CORTEX_LATENCY][n] = 0.04 + 0.03 * cf_rng_uniform(rng) + 0.02 * place[COMPLEXITY];
  p[CF_CORTEX_GAIN][n] = 20 * exp(0.4 * cf_rng_normal(rng));
  p[CF_CORTEX_BASELINE][n] = 0.2 - log(1 - cf_rng_uniform(rng));
}

void cf_cortex_plant(cf_context *ctx, const cf_simulate_cortex_options *o, cf_simulated_cortex *c) {
  const uint64_t seed = cf_context_seed(ctx), task = cf_hash_text("simulate cortex: parameters");
  for (size_t n = 0; n < o->neurons; n++) {
    /* neurons of one feature map draw from one stream */
    const size_t source = o->feature_maps ? n % o->feature_maps : n;
    cf_rng rng = cf_rng_make(seed, task, (uint32_t)source);
    const double u = cf_rng_uniform(&rng), v = cf_rng_uniform(&rng);
    double place[PLACES];
    if (o->clusters) {
      c->cluster[n] = source % o->clusters;
      cloud_centre(c->cluster[n], place);
    } else {
      c->latent[2 * n] = u;
      c->latent[2 * n + 1] = v;
      surface(u, v, place);
    }
    const cf_cortex_type planted = type_of(place);
    for (int i = 0; i < PLACES; i++) place[i] = fmin(1, fmax(0, place[i] + o->scatter * cf_rng_normal(&rng)));
    c->type[n] = o->clusters ? planted : type_of(place);
    c->parameter[CF_CORTEX_PREFERRED_DIRECTION][n] = 360 * cf_rng_uniform(&rng);
    set_parameters(c, n, place, &rng);
    if (o->feature_maps) c->feature_map[n] = source;
  }
}
