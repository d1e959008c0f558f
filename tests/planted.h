/* A planted population for tests of figures and reports: neurons of four types with a preferred direction, their
 * response maps, factors, a cloud of points, and a clustering. No analysis is run.                        */
#ifndef CF_TEST_PLANTED_H
#define CF_TEST_PLANTED_H
#include "test.h"

enum { PLANTED_TYPES = 4, PLANTED_STIMULI = 6, PLANTED_DIRECTIONS = 8, PLANTED_TIMES = 24 };
static const char *const planted_stimulus[PLANTED_STIMULI] = {"grating low", "grating medium", "grating high",
                                                              "1 dot white", "1 dot black",    "3 dots"};

typedef struct planted {
  size_t n;
  double *point;  /* n x 4 diffusion coordinates */
  double *map;    /* n x stimuli x directions x times */
  double *neuron; /* n x types loadings */
  double stimulus[PLANTED_STIMULI * PLANTED_TYPES];
  double pattern[PLANTED_DIRECTIONS * PLANTED_TIMES * PLANTED_TYPES];
  size_t *type; /* n */
  int *cluster; /* n; -1: noise */
  double *direction, *selectivity;
  double *merge;     /* (n - 1) x 4 */
  double *condensed; /* rows x 4 */
  size_t rows;
} planted;

static inline void planted_free(planted *p) {
  free(p->point);
  free(p->map);
  free(p->neuron);
  free(p->type);
  free(p->cluster);
  free(p->direction);
  free(p->selectivity);
  free(p->merge);
  free(p->condensed);
}

static inline int planted_by_height(const void *a, const void *b) {
  double x = ((const double *)a)[2], y = ((const double *)b)[2];
  return (x > y) - (x < y);
}

/* Chains within each type, then the chains joined: a tree as single linkage makes it. */
static inline void planted_tree(planted *p, cf_rng *rng) {
  size_t n = p->n, made = 0, next = n, last[PLANTED_TYPES], size[PLANTED_TYPES] = {0};
  p->merge = calloc(4 * n, sizeof *p->merge);
  p->condensed = calloc(4 * (n + 8), sizeof *p->condensed);
  for (size_t g = 0; g < PLANTED_TYPES; ++g)
    for (size_t i = 0; i < n; ++i) {
      if (p->type[i] != g) continue;
      if (size[g]++ == 0) {
        last[g] = i;
        continue;
      }
      double *row = p->merge + 4 * made++;
      row[0] = (double)last[g];
      row[1] = (double)i;
      row[2] = 0.1 + 0.002 * (double)size[g] + 0.0001 * cf_rng_uniform(rng) + 0.02 * (double)g;
      row[3] = (double)size[g];
      last[g] = next++;
    }
  for (size_t g = 1; g < PLANTED_TYPES; ++g) {
    double *row = p->merge + 4 * made++;
    row[0] = (double)last[0];
    row[1] = (double)last[g];
    row[2] = 1.0 + 0.3 * (double)g;
    row[3] = (double)(size[0] += size[g]);
    last[0] = next++;
  }
  for (size_t g = 0; g < PLANTED_TYPES; ++g) { /* condensed: root n, one cluster a type, points fall out one by one */
    double *row = p->condensed + 4 * p->rows++;
    row[0] = (double)n;
    row[1] = (double)(n + 1 + g);
    row[2] = 0.6 + 0.05 * (double)(g / 2);
    for (size_t i = 0; i < n; ++i) row[3] += p->type[i] == g;
  }
  for (size_t i = 0; i < n; ++i) {
    double *row = p->condensed + 4 * p->rows++;
    row[0] = p->cluster[i] < 0 ? (double)n : (double)(n + 1 + p->type[i]);
    row[1] = (double)i;
    row[2] = p->cluster[i] < 0 ? 0.2 + 0.3 * cf_rng_uniform(rng) : 1.0 + 5.0 * cf_rng_uniform(rng);
    row[3] = 1;
  }
}

static inline planted planted_make(size_t n, uint32_t replicate) {
  planted p = {.n = n};
  cf_rng rng = cf_rng_make(21, 4, replicate);
  enum { S = PLANTED_STIMULI, D = PLANTED_DIRECTIONS, T = PLANTED_TIMES, R = PLANTED_TYPES };
  p.point = calloc(4 * n, sizeof *p.point);
  p.map = calloc(n * S * D * T, sizeof *p.map);
  p.neuron = calloc(n * R, sizeof *p.neuron);
  p.type = calloc(n, sizeof *p.type);
  p.cluster = calloc(n, sizeof *p.cluster);
  p.direction = calloc(n, sizeof *p.direction);
  p.selectivity = calloc(n, sizeof *p.selectivity);
  for (size_t s = 0; s < S; ++s)
    for (size_t r = 0; r < R; ++r) p.stimulus[s * R + r] = exp(-0.5 * pow((double)s - 1.7 * (double)r, 2)) + 0.03;
  for (size_t t = 0; t < T; ++t)
    for (size_t d = 0; d < D; ++d)
      for (size_t r = 0; r < R; ++r) {
        double ring = cos(6.2831853 * (double)d / D * (r == 1 ? 2.0 : 1.0));
        p.pattern[(d + D * t) * R + r] =
            exp(2.0 * (ring - 1.0) * (double)(r < 3)) *
            (r == 2 ? 0.5 + 0.5 * cos(1.1 * (double)t) : exp(-0.02 * pow((double)t - 8.0 - 2.0 * (double)r, 2)));
      }
  for (size_t i = 0; i < n; ++i) {
    size_t g = p.type[i] = i % R;
    size_t k = (size_t)(8.0 * cf_rng_uniform(&rng));
    double along = cf_rng_uniform(&rng), angle = 6.2831853 * ((double)g / R + 0.16 * along);
    p.direction[i] = 45.0 * (double)k;
    p.selectivity[i] = (g < 3 ? 0.3 : 0.03) + 0.25 * cf_rng_uniform(&rng);
    p.cluster[i] = cf_rng_uniform(&rng) < 0.06 ? -1 : (int)g;
    p.point[4 * i] = 0.02 * cos(angle) * (1.0 + 0.4 * along) + 0.0016 * cf_rng_normal(&rng);
    p.point[4 * i + 1] = 0.02 * sin(angle) + 0.0016 * cf_rng_normal(&rng);
    p.point[4 * i + 2] = 0.01 * sin(3.0 * angle) + 0.012 * (along - 0.5) + 0.0016 * cf_rng_normal(&rng);
    p.point[4 * i + 3] = 0.01 * (along - 0.5) + 0.002 * cf_rng_normal(&rng);
    for (size_t r = 0; r < R; ++r)
      p.neuron[i * R + r] = fmax(0.0, (r == g ? 1.0 + along : 0.12) + 0.12 * cf_rng_normal(&rng));
    for (size_t s = 0; s < S; ++s)
      for (size_t d = 0; d < D; ++d)
        for (size_t t = 0; t < T; ++t) {
          double v = 0.0;
          for (size_t r = 0; r < R; ++r)
            v += p.neuron[i * R + r] * p.stimulus[s * R + r] * p.pattern[((d + D - k) % D + D * t) * R + r];
          p.map[((i * S + s) * D + d) * T + t] = fmax(0.0, 12.0 * v + 0.8 * cf_rng_normal(&rng));
        }
  }
  planted_tree(&p, &rng);
  return p;
}

#endif
