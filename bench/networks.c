/* The best published Sensorium model in shape (60 M multiply-adds and 7776 neurons an image) with random weights, as a
 * declared network without its readout, on 64 images, against the time sgemm would take for its convolutions in the
 * same run. In brackets: PyTorch 1.13 takes 31 ms an image on one core of the same kind (readout included). To standard
 * error: processor seconds an image, which a busy machine leaves alone. */
#include "bench.h"

#include <cortifold/io.h>
#include <cortifold/model.h>
#include <unistd.h>

enum { IMAGES = 64, MAPS = 64, LAYERS = 4, SIDE = 1024 };
static const char *arch = "/tmp/cortifold-bench-net.json", *weights = "/tmp/cortifold-bench-net.safetensors";

static void put(cf_context *ctx, cf_dataset *set, const char *name, int ndim, const size_t *shape, double spread) {
  cf_array *a = NULL;
  BENCH_OK(ctx, cf_array_new(ctx, name, CF_F32, ndim, shape, &a));
  const size_t n = cf_array_count(a);
  double *x = bench_numbers(n, n);
  for (size_t i = 0; i < n; i++) ((float *)a->data)[i] = (float)(spread * x[i]);
  free(x);
  BENCH_OK(ctx, cf_dataset_add(ctx, set, a));
}

static void write_model(cf_context *ctx) {
  const size_t first[4] = {MAPS, 1, 9, 9}, point[4] = {MAPS, MAPS, 1, 1}, deep[4] = {MAPS, 1, 7, 7};
  cf_dataset *set = NULL;
  cf_io_write_options o = CF_IO_WRITE_OPTIONS_INIT;
  o.force = true;
  BENCH_OK(ctx, cf_dataset_new(ctx, &set));
  put(ctx, set, "first", 4, first, 0.2);
  put(ctx, set, "point", 4, point, 0.2);
  put(ctx, set, "deep", 4, deep, 0.2);
  BENCH_OK(ctx, cf_io_write(ctx, weights, set, &o));
  cf_dataset_free(set);
  FILE *f = fopen(arch, "w");
  if (!f) abort();
  fprintf(f, "{\"format\":\"cortifold-net/1\",\"input\":{\"channels\":1,\"height\":36,\"width\":64},\"layers\":["
             "{\"name\":\"c0\",\"op\":\"conv2d\",\"input\":\"input\",\"weight\":\"first\"},"
             "{\"name\":\"e0\",\"op\":\"elu\",\"input\":\"c0\"}");
  for (int l = 1; l < LAYERS; l++)
    fprintf(f,
            ",{\"name\":\"a%d\",\"op\":\"conv2d\",\"input\":\"e%d\",\"weight\":\"point\"}"
            ",{\"name\":\"d%d\",\"op\":\"conv2d\",\"input\":\"a%d\",\"weight\":\"deep\",\"groups\":64,\"padding\":3}"
            ",{\"name\":\"b%d\",\"op\":\"conv2d\",\"input\":\"d%d\",\"weight\":\"point\"}"
            ",{\"name\":\"e%d\",\"op\":\"elu\",\"input\":\"b%d\"}",
            l, l - 1, l, l, l, l, l, l);
  fprintf(f, "]}\n");
  fclose(f);
}

static cf_status count(cf_context *ctx, void *user, size_t layer, size_t item, const size_t *shape,
                       const float *values) {
  (void)ctx;
  (void)layer;
  (void)item;
  (void)shape;
  *(double *)user += (double)values[0];
  return CF_OK;
}

typedef struct setup {
  cf_network *network;
  cf_array *images;
  size_t last;
} setup;

static setup set_up(cf_context *ctx, size_t images) {
  setup s = {NULL, NULL, 0};
  char address[200];
  write_model(ctx);
  snprintf(address, sizeof address, "net:%s+%s", arch, weights);
  BENCH_OK(ctx, cf_network_open(ctx, address, &s.network));
  BENCH_OK(ctx, cf_array_new(ctx, "images", CF_U8, 3, (size_t[]){images, 36, 64}, &s.images));
  for (size_t i = 0; i < cf_array_count(s.images); i++) ((uint8_t *)s.images->data)[i] = (uint8_t)(i * i * 7 % 251);
  s.last = cf_network_layers(s.network) - 1;
  return s;
}

static void tear_down(setup *s) {
  cf_network_free(s->network);
  cf_array_free(s->images);
  unlink(arch);
  unlink(weights);
}

static void once(cf_context *ctx, const setup *s) {
  cf_network_input input = CF_NETWORK_INPUT_INIT;
  double sum = 0;
  input.label = "images";
  input.values = s->images;
  BENCH_OK(ctx, cf_network_run(ctx, s->network, &input, &s->last, 1, count, &sum));
}

static void run(cf_context *ctx) {
  setup s = set_up(ctx, IMAGES);
  float *a = malloc(SIDE * SIDE * sizeof *a), *b = malloc(SIDE * SIDE * sizeof *b),
        *c = malloc(SIDE * SIDE * sizeof *c);
  for (size_t i = 0; i < SIDE * SIDE; i++) a[i] = b[i] = (float)(i % 17) - 8;
  double ours, gemm;
  const double places = 28 * 56, work = places * MAPS * (81 + (LAYERS - 1) * (2.0 * MAPS + 49));
  openblas_set_num_threads(omp_get_num_procs());
  const clock_t before = clock();
  BENCH_PAIR(ours, gemm, 3, once(ctx, &s),
             cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, SIDE, SIDE, SIDE, 1, a, SIDE, b, SIDE, 0, c, SIDE));
  fprintf(stderr, "networks: %.2f ms of processor time an image, sgemm included\n",
          1e3 * (double)(clock() - before) / CLOCKS_PER_SEC / 3 / IMAGES);
  const double reference = gemm * work / ((double)SIDE * SIDE * SIDE) * IMAGES;
  bench_row("declared network", "64 images, 60 M multiply-adds", ours, reference, 8);
  free(a);
  free(b);
  free(c);
  tear_down(&s);
}

static void small(cf_context *ctx) {
  static setup s;
  if (!s.network) s = set_up(ctx, 1);
  once(ctx, &s);
}

static const bench_case cases[] = {{"declared network, one image", small}, {NULL, NULL}};

int main(int argc, char **argv) {
  return bench_main(argc, argv, run, cases);
}
