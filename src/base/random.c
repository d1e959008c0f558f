/* Random streams: Philox4x32-10 (Salmon et al. 2011, doi 10.1145/2063384.2063405).
 *
 * The key is the seed; the counter is (position, replicate, task low, task
 * high): a stream is named, not stepped to.                                 */
#include "base/internal.h"

#include <math.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wunused-function"
#include <Random123/philox.h>
#pragma GCC diagnostic pop

cf_rng cf_rng_make(uint64_t seed, uint64_t task, uint32_t replicate) {
  cf_rng rng = {{(uint32_t)seed, (uint32_t)(seed >> 32)},
                {0, replicate, (uint32_t)task, (uint32_t)(task >> 32)},
                {0, 0, 0, 0},
                4};
  return rng;
}

static void refill(cf_rng *rng) {
  philox4x32_ctr_t c = {{rng->counter[0], rng->counter[1], rng->counter[2], rng->counter[3]}};
  philox4x32_key_t k = {{rng->key[0], rng->key[1]}};
  c = philox4x32(c, k);
  for (int i = 0; i < 4; i++) rng->word[i] = c.v[i];
  rng->counter[0]++;
  rng->used = 0;
}

uint32_t cf_rng_u32(cf_rng *rng) {
  if (rng->used >= 4) refill(rng);
  return rng->word[rng->used++];
}

uint64_t cf_rng_u64(cf_rng *rng) {
  uint64_t low = cf_rng_u32(rng);
  return low | (uint64_t)cf_rng_u32(rng) << 32;
}

double cf_rng_uniform(cf_rng *rng) {
  return (double)(cf_rng_u64(rng) >> 11) * 0x1p-53;
}

double cf_rng_normal(cf_rng *rng) {
  double u = 1.0 - cf_rng_uniform(rng); /* (0, 1]: the logarithm is finite */
  double v = cf_rng_uniform(rng);
  return sqrt(-2.0 * log(u)) * cos(6.283185307179586476925 * v);
}

/* Marsaglia & Tsang 2000; shape < 1 by the boost G(a) = G(a+1) U^(1/a).     */
double cf_rng_gamma(cf_rng *rng, double shape) {
  if (shape < 1.0) {
    double u = 1.0 - cf_rng_uniform(rng);
    return cf_rng_gamma(rng, shape + 1.0) * pow(u, 1.0 / shape);
  }
  double d = shape - 1.0 / 3.0, c = 1.0 / sqrt(9.0 * d);
  for (;;) {
    double x = cf_rng_normal(rng), v = 1.0 + c * x;
    if (v <= 0.0) continue;
    v = v * v * v;
    double u = 1.0 - cf_rng_uniform(rng);
    if (log(u) < 0.5 * x * x + d - d * v + d * log(v)) return d * v;
  }
}

/* Knuth's product for small means; larger ones are halved by the gamma-binomial reduction of Ahrens & Dieter 1974. */
uint64_t cf_rng_poisson(cf_rng *rng, double mean) {
  uint64_t count = 0;
  while (mean > 30.0) {
    uint64_t m = (uint64_t)floor(mean * 7.0 / 8.0);
    double arrival = cf_rng_gamma(rng, (double)m);
    if (arrival > mean) { /* m-1 arrivals are uniform on [0, arrival): those before mean count */
      double p = mean / arrival;
      for (uint64_t i = 0; i + 1 < m; i++) count += cf_rng_uniform(rng) < p;
      return count;
    }
    count += m;
    mean -= arrival;
  }
  double limit = exp(-mean), product = 1.0;
  for (;; count++) {
    product *= 1.0 - cf_rng_uniform(rng);
    if (product <= limit) return count;
  }
}

uint64_t cf_rng_below(cf_rng *rng, uint64_t n) {
  if (n <= UINT32_MAX) { /* Lemire 2019: multiply and reject */
    uint32_t range = (uint32_t)n, floor_ = (uint32_t)(-range) % range;
    for (;;) {
      uint64_t m = (uint64_t)cf_rng_u32(rng) * range;
      if ((uint32_t)m >= floor_) return m >> 32;
    }
  }
  uint64_t floor_ = (0 - n) % n;
  for (;;) {
    uint64_t x = cf_rng_u64(rng);
    if (x >= floor_) return x % n;
  }
}

void cf_rng_permutation(cf_rng *rng, size_t n, size_t *out) {
  for (size_t i = 0; i < n; i++) {
    size_t j = (size_t)cf_rng_below(rng, i + 1);
    out[i] = out[j];
    out[j] = i;
  }
}

void cf_rng_resample(cf_rng *rng, size_t n, size_t k, size_t *out) {
  for (size_t i = 0; i < k; i++) out[i] = (size_t)cf_rng_below(rng, n);
}
