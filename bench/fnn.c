/* The FNN at its released size (4 streams, retina 128 x 192, 8.4 G floating-point operations a frame when convolutions
 * are counted as direct sums) with random weights, against the rate of sgemm in the same run; rates are read, as in a
 * study. Times are the shortest of single frames. To standard error: processor seconds a frame, which a busy machine
 * leaves alone, beside those of sgemm. In brackets: PyTorch 1.13 on two cores of the same kind. */
#include "bench.h"

#include <cortifold/io.h>
#include <cortifold/model.h>
#include <unistd.h>

enum { UNITS = 9941, FRAMES = 12 };
static const double flops = 8.4e9;
static const char *path = "/tmp/cortifold-bench-fnn.safetensors";

static double processor_clock(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ------------------------------------------------------------------ random weights -- */

static void put(cf_context *ctx, cf_dataset *set, const char *name, size_t stream, int ndim, const size_t *shape,
                double centre, double spread) {
  char full[128];
  cf_array *a = NULL;
  snprintf(full, sizeof full, stream == SIZE_MAX ? "%s" : "%s.%zu", name, stream);
  BENCH_OK(ctx, cf_array_new(ctx, full, CF_F32, ndim, shape, &a));
  const size_t n = cf_array_count(a);
  double *x = bench_numbers(n, n + stream);
  for (size_t i = 0; i < n; i++) ((float *)a->data)[i] = (float)(centre + 2 * spread * x[i]);
  free(x);
  BENCH_OK(ctx, cf_dataset_add(ctx, set, a));
}

static void put_conv(cf_context *ctx, cf_dataset *set, const char *name, size_t streams, size_t out, size_t in,
                     size_t time, size_t side, bool gain, bool bias) {
  char full[100];
  const size_t w[5] = {out, in, time, side, side}, g[2] = {1, out};
  for (size_t s = 0; s < streams; s++) {
    snprintf(full, sizeof full, "%s.weights", name);
    put(ctx, set, full, s, 5, w, 0, 0.2);
    snprintf(full, sizeof full, "%s.gains", name);
    const size_t groups[2] = {out == 256 && strstr(name, "recurrent") ? 8 : 1, 0};
    const size_t grouped[2] = {groups[0], out / groups[0]};
    if (gain) put(ctx, set, full, s, 2, groups[0] > 1 ? grouped : g, 0.7, 0.3);
    snprintf(full, sizeof full, "%s.biases", name);
    if (bias) put(ctx, set, full, s, 2, g, 0, 0.2);
  }
}

static void put_core(cf_context *ctx, cf_dataset *set) {
  static const char *const gates[4] = {"i", "f", "g", "o"};
  const size_t across[4] = {8, 7, 32, 32}, gains[2] = {8, 32}, scales[2] = {8, 64};
  char name[80];
  for (size_t i = 0, in = 1; i < 3; i++) {
    const size_t n = (size_t)32 << i;
    snprintf(name, sizeof name, "core.feedforward.inputs.%zu", i);
    put_conv(ctx, set, name, 4, n, in, 1, i ? 1 : 6, i > 0, true);
    for (size_t l = 0; l < 2; l++) {
      snprintf(name, sizeof name, "core.feedforward.blocks.%zu.convs.%zu", i, l);
      put_conv(ctx, set, name, 4, n, 32, 3, 3, true, true);
    }
    snprintf(name, sizeof name, "core.feedforward.blocks.%zu.skips.1", i);
    put_conv(ctx, set, name, 4, n, 32, 1, 1, true, false);
    in = 3 * n;
  }
  put_conv(ctx, set, "core.feedforward.out", 4, 128, 384, 1, 1, true, true);
  for (size_t s = 0; s < 4; s++) {
    put(ctx, set, "core.recurrent.proj_x.0.weights", s, 4, across, 0, 0.2);
    put(ctx, set, "core.recurrent.proj_x.0.gains", s, 2, gains, 0.7, 0.3);
    put(ctx, set, "core.recurrent.scales", s, 2, scales, 4, 2);
  }
  put_conv(ctx, set, "core.recurrent.proj_x.1", 4, 256, 128, 1, 1, true, true);
  put_conv(ctx, set, "core.recurrent.proj_x.2", 4, 256, 16, 1, 1, true, false);
  put_conv(ctx, set, "core.recurrent.conv", 4, 512, 64, 1, 3, false, false);
  put_conv(ctx, set, "core.recurrent.proj_q", 4, 512, 64, 1, 1, false, false);
  put_conv(ctx, set, "core.recurrent.proj_k", 4, 512, 64, 1, 1, false, false);
  put_conv(ctx, set, "core.recurrent.proj_v", 4, 512, 64, 1, 1, false, false);
  for (size_t i = 0; i < 4; i++) {
    snprintf(name, sizeof name, "core.recurrent.proj_%s", gates[i]);
    put_conv(ctx, set, name, 4, 256, 128, 1, 1, true, true);
    snprintf(name, sizeof name, "modulation.lstm.proj_%s", gates[i]);
    put_conv(ctx, set, name, 4, 16, 32, 1, 1, true, true);
  }
  put_conv(ctx, set, "core.recurrent.out", 4, 128, 256, 1, 1, true, true);
}

static void put_rest(cf_context *ctx, cf_dataset *set) {
  const size_t one[1] = {1}, three[1] = {3}, place[2] = {UNITS, 2}, feature[3] = {UNITS, 1, 128}, bias[2] = {UNITS, 1};
  put_conv(ctx, set, "perspective.mlp.linears.0", 1, 16, 2, 1, 1, false, true);
  put_conv(ctx, set, "perspective.mlp.linears.1", 1, 16, 16, 1, 1, true, true);
  put_conv(ctx, set, "perspective.mlp.linears.2", 1, 16, 16, 1, 1, true, true);
  put_conv(ctx, set, "perspective.mlp.linears.3", 1, 3, 16, 1, 1, true, true);
  put(ctx, set, "perspective.monitor.center", SIZE_MAX, 1, three, 0.2, 0.2);
  put(ctx, set, "perspective.monitor.angle", SIZE_MAX, 1, three, 0, 0.1);
  put(ctx, set, "perspective.retina_pixel.logit", SIZE_MAX, 1, one, 0, 0.1);
  put(ctx, set, "perspective.retina_pixel.scale", SIZE_MAX, 1, one, 1, 0.1);
  put(ctx, set, "perspective.retina_pixel.offset", SIZE_MAX, 1, one, -0.4, 0.1);
  put_conv(ctx, set, "modulation.mlp.linears.0", 4, 16, 2, 1, 1, false, true);
  put(ctx, set, "readout.position.mu", SIZE_MAX, 2, place, 0, 1);
  for (size_t s = 0; s < 4; s++) {
    put(ctx, set, "readout.feature.weights", s, 3, feature, 0, 0.2);
    put(ctx, set, "readout.biases", s, 2, bias, 0, 0.2);
  }
}

/* -------------------------------------------------------------------------- timing -- */

typedef struct timing {
  double wall, processor;           /* of the frame before */
  double best_wall, best_processor; /* between two frames */
  size_t clips, calls;
} timing;

static cf_status tick(cf_context *ctx, void *user, size_t layer, size_t item, const size_t *shape,
                      const float *values) {
  timing *t = user;
  (void)ctx;
  (void)layer;
  (void)item;
  (void)shape;
  (void)values;
  if (++t->calls % t->clips) return CF_OK;
  const double wall = bench_clock(), processor = processor_clock();
  if (t->calls > 3 * t->clips) {
    t->best_wall = fmin(t->best_wall, wall - t->wall);
    t->best_processor = fmin(t->best_processor, processor - t->processor);
  }
  t->wall = wall;
  t->processor = processor;
  return CF_OK;
}

static timing frames(cf_context *ctx, cf_network *network, size_t clips) {
  cf_network_input input = CF_NETWORK_INPUT_INIT;
  const size_t shape[4] = {clips, FRAMES, 144, 256};
  cf_array *movie = NULL;
  size_t rates;
  timing t = {0, 0, INFINITY, INFINITY, clips, 0};
  BENCH_OK(ctx, cf_array_new(ctx, "movie", CF_U8, 4, shape, &movie));
  for (size_t i = 0; i < cf_array_count(movie); i++) ((unsigned char *)movie->data)[i] = (unsigned char)(i * 37 % 251);
  input.label = "movie";
  input.values = movie;
  BENCH_OK(ctx, cf_network_find(ctx, network, "rates", &rates));
  BENCH_OK(ctx, cf_network_run(ctx, network, &input, &rates, 1, tick, &t));
  cf_array_free(movie);
  return t;
}

static void sgemm(size_t n, int threads, const float *a, float *c) {
  openblas_set_num_threads(threads);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)n, (int)n, (int)n, 1, a, (int)n, a, (int)n, 0, c, (int)n);
}

static cf_network *open_network(cf_context *ctx) {
  cf_dataset *set = NULL;
  cf_network *network = NULL;
  const cf_io_write_options o = {true, NULL, NULL};
  char address[200];
  BENCH_OK(ctx, cf_dataset_new(ctx, &set));
  put_core(ctx, set);
  put_rest(ctx, set);
  BENCH_OK(ctx, cf_io_write(ctx, path, set, &o));
  cf_dataset_free(set);
  snprintf(address, sizeof address, "fnn:%s", path);
  BENCH_OK(ctx, cf_network_open(ctx, address, &network));
  unlink(path);
  return network;
}

static void run(cf_context *ctx) {
  enum { N = 2048 };
  double *numbers = bench_numbers(N * N, 1), wall = INFINITY, processor = INFINITY;
  float *a = malloc(N * N * sizeof *a), *c = malloc(N * N * sizeof *c);
  if (!a || !c) exit(1);
  for (size_t i = 0; i < N * N; i++) a[i] = (float)numbers[i];
  free(numbers);
  cf_network *network = open_network(ctx);
  timing one = {.best_wall = INFINITY, .best_processor = INFINITY}, three = one;
  for (int k = 0; k < 3; k++) {
    double w = bench_clock(), p = processor_clock();
    sgemm(N, omp_get_num_procs(), a, c);
    wall = fmin(wall, bench_clock() - w);
    processor = fmin(processor, processor_clock() - p);
    openblas_set_num_threads(1);
    timing t = frames(ctx, network, 1);
    one.best_wall = fmin(one.best_wall, t.best_wall);
    one.best_processor = fmin(one.best_processor, t.best_processor);
    t = frames(ctx, network, 3);
    three.best_wall = fmin(three.best_wall, t.best_wall);
    three.best_processor = fmin(three.best_processor, t.best_processor);
  }
  const double whole = 2.0 * N * N * N;
  bench_row("FNN frame, rates of 9941 units", "4 streams, 128 x 192, 8.4 GFLOP", one.best_wall, flops * wall / whole,
            1 / 0.7);
  bench_row_peer("the same, against torch 1.13", "core and readout", one.best_wall, "fnn-torch", 0.5);
  bench_row_seconds("the same, seconds", "one clip", one.best_wall, 0.13, 0.065);
  bench_row_seconds("the same, per frame of a batch", "three clips", three.best_wall / 3, 0, 0.065);
  fprintf(stderr,
          "processor seconds a frame: %.4f (one clip), %.4f (three clips); sgemm %.1f GFLOP/s and a frame %.1f GFLOP/s "
          "to the processor second; the protocol of 9768 frames: %.0f s on %d cores\n",
          one.best_processor, three.best_processor / 3, whole / processor / 1e9, flops / one.best_processor / 1e9,
          9768 * three.best_processor / 3 / omp_get_num_procs(), omp_get_num_procs());
  cf_network_free(network);
  free(a);
  free(c);
}

static void one_frame(cf_context *ctx) {
  static cf_network *network;
  if (!network) network = open_network(ctx);
  (void)frames(ctx, network, 1);
}
static const bench_case cases[] = {{"FNN, 12 frames at released size", one_frame}, {NULL, NULL}};

int main(int argc, char **argv) {
  return bench_main(argc, argv, run, cases);
}
