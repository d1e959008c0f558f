/* Decoding and tubularity at the sizes of a study: 2000 units, 48 (88) conditions, 37 frames. */
#include "bench.h"

#include <cortifold/trajectory.h>

/* Smooth responses (neuron, stimulus, direction, time): each neuron follows a few slow signals of its stimulus and
 * direction, and noise. */
static double *responses(size_t neurons, size_t stimuli, size_t directions, size_t times, uint64_t seed) {
  enum { SIGNALS = 12 };
  const size_t each = stimuli * directions * times;
  double *x = malloc(neurons * each * sizeof *x), *mix = bench_numbers(neurons * SIGNALS, seed);
  double *phase = bench_numbers((stimuli + directions) * SIGNALS, seed + 1);
  double *noise = bench_numbers(neurons * each, seed + 2);
  for (size_t n = 0; n < neurons; n++)
    for (size_t s = 0; s < stimuli; s++)
      for (size_t d = 0; d < directions; d++)
        for (size_t t = 0; t < times; t++) {
          const size_t at = ((n * stimuli + s) * directions + d) * times + t;
          double sum = 0.5 * noise[at];
          for (size_t k = 0; k < SIGNALS; k++)
            sum += mix[n * SIGNALS + k] * sin(0.05 * (double)((k + 1) * t) + 12 * phase[s * SIGNALS + k] +
                                              2 * phase[(stimuli + d) * SIGNALS + k]);
          x[at] = sum;
        }
  free(mix), free(phase), free(noise);
  return x;
}

static void tubes(cf_context *ctx, const double *x, size_t neurons, size_t stimuli, size_t directions, size_t times,
                  size_t bootstrap) {
  const cf_view v = cf_view_tensor(x, 4, (const size_t[]){neurons, stimuli, directions, times});
  const cf_tube_options paper = CF_TUBE_OPTIONS_PAPER;
  cf_tubes_options o = CF_TUBES_OPTIONS_INIT;
  cf_tubes *t = NULL;
  o.bootstrap = bootstrap;
  o.beside = &paper;
  BENCH_OK(ctx, cf_tubes_compute(ctx, &v, &o, &t));
  cf_tubes_free(t);
}

static void decode(cf_context *ctx, const double *x, size_t neurons, size_t stimuli, size_t directions, size_t times) {
  const cf_view v = cf_view_tensor(x, 4, (const size_t[]){neurons, stimuli, directions, times});
  cf_decode_options o = CF_DECODE_OPTIONS_INIT;
  cf_decoding *d = NULL;
  o.permutations = 0;
  BENCH_OK(ctx, cf_decode(ctx, &v, &o, &d));
  cf_decoding_free(d);
}

static void run(cf_context *ctx) {
  double seconds, total = 0, *x = responses(2000, 6, 8, 37, 1);
  BENCH_BEST(seconds, 1, tubes(ctx, x, 2000, 6, 8, 37, 30));
  bench_row_seconds("tubularity, 30 bootstraps, both variants", "2000 x 48 x 37", seconds, 0, 10);
  free(x);
  for (uint64_t module = 0; module < 10; module++) {
    x = responses(2000, 11, 8, 37, 7 + 3 * module);
    BENCH_BEST(seconds, 1, decode(ctx, x, 2000, 11, 8, 37));
    total += seconds;
    free(x);
  }
  bench_row_seconds("3-NN and logistic, 74 windows, 5 runs, 10 modules", "2000 x 88 x 37", total, 0, 120);
}

static void small_tubes(cf_context *ctx) {
  double *x = responses(40, 3, 4, 20, 1);
  tubes(ctx, x, 40, 3, 4, 20, 2);
  free(x);
}
static void small_decode(cf_context *ctx) {
  double *x = responses(40, 4, 6, 8, 7);
  decode(ctx, x, 40, 4, 6, 8);
  free(x);
}
static const bench_case cases[] = {
    {"tubularity 40 x 12 x 20, 2 bootstraps", small_tubes}, {"decode 40 x 24 x 8", small_decode}, {NULL, NULL}};

int main(int argc, char **argv) {
  return bench_main(argc, argv, run, cases);
}
