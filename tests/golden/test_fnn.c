/* The FNN runner against the released code, evaluated in double: every layer of every case. tests/golden/fnn/README.md
 * says how the values were made and what is close enough. */
#include "io_test.h"
#include <cortifold/json.h>
#include <cortifold/model.h>

enum { LAYERS = 128 };

typedef struct golden {
  cf_context *ctx;
  char folder[400];
  cf_json *cases;
  const cf_json *layers; /* of the movie at hand */
  cf_dataset *expected;
  cf_network *network;
  size_t compared[LAYERS], off[LAYERS]; /* numbers of each layer */
} golden;

static const char *path_of(const golden *g, const char *name, char *buffer, size_t size) {
  snprintf(buffer, size, "%s/%s", g->folder, name);
  return buffer;
}

static cf_array *read_array(const golden *g, const cf_json *row, const char *key) {
  char path[600];
  cf_array *array = NULL;
  const char *name = cf_json_as_text(cf_json_get(row, key));
  if (name) assert_ok(g->ctx, cf_io_read(g->ctx, path_of(g, name, path, sizeof path), NULL, &array));
  return array;
}

/* Values of one item against the golden ones; counts those beyond `strict`. */
static cf_status compare(cf_context *ctx, void *user, size_t layer, size_t item, const size_t *shape,
                         const float *values) {
  golden *g = user;
  const cf_layer *l = cf_network_layer(g->network, layer);
  const cf_array *expected = cf_dataset_get(g->expected, l->name);
  char name[200];
  size_t own = 1;
  snprintf(name, sizeof name, "%s@index", l->name);
  const cf_array *index = cf_dataset_get(g->expected, name);
  const cf_json *row = cf_json_get(g->layers, l->name);
  if (!expected || !row) fail_msg("no golden values of %s", l->name);
  for (int d = 0; d < l->ndim; d++) own *= shape[d];
  const double strict = cf_json_as_number(cf_json_get(row, "strict")),
               atol = cf_json_as_number(cf_json_get(row, "atol"));
  const size_t n = index ? cf_array_count(index) : own;
  assert_true((item + 1) * n <= cf_array_count(expected));
  for (size_t i = 0; i < n; i++) {
    const size_t at = index ? (size_t)cf_array_number(index, i) : i;
    const double want = cf_array_number(expected, item * n + i), off = fabs((double)values[at] - want);
    if (!(off <= atol))
      fail_msg("%s: %s[item %zu, %zu] is %.9g, not %.9g (%g)", g->folder, l->name, item, at, (double)values[at], want,
               atol);
    g->off[layer] += off > strict;
  }
  g->compared[layer] += n;
  (void)ctx;
  return CF_OK;
}

/* All layers in one run. */
static void check_layers(golden *g, const cf_network_input *input) {
  size_t layers[LAYERS];
  const size_t n = cf_network_layers(g->network);
  assert_true(n <= LAYERS);
  for (size_t i = 0; i < n; i++) {
    layers[i] = i;
    g->compared[i] = g->off[i] = 0;
  }
  assert_ok(g->ctx, cf_network_run(g->ctx, g->network, input, layers, n, compare, g));
  for (size_t i = 0; i < n; i++) {
    const char *name = cf_network_layer(g->network, i)->name;
    assert_int_equal(g->compared[i], cf_array_count(cf_dataset_get(g->expected, name)));
    if (g->off[i] > g->compared[i] / 20)
      fail_msg("%s: %s: %zu of %zu numbers are off by more than the strict bound", g->folder, name, g->off[i],
               g->compared[i]);
  }
}

/* Shapes as listed: leading axes, then the layer's own. */
static void check_shape(const golden *g, size_t layer, int leading) {
  const cf_layer *l = cf_network_layer(g->network, layer);
  const cf_json *shape = cf_json_get(cf_json_get(g->layers, l->name), "shape");
  if ((size_t)(leading + l->ndim) != cf_json_count(shape)) fail_msg("%s: %s has %d axes", g->folder, l->name, l->ndim);
  for (int d = 0; d < l->ndim; d++)
    if ((double)l->shape[d] != cf_json_as_number(cf_json_at(shape, (size_t)(leading + d))))
      fail_msg("%s: axis %d of %s is %zu", g->folder, d, l->name, l->shape[d]);
}

static void check_movie(golden *g, const cf_json *row, const cf_array *movie) {
  cf_network_input input = CF_NETWORK_INPUT_INIT;
  cf_array *perspective = read_array(g, row, "perspective"), *modulation = read_array(g, row, "modulation");
  char path[600];
  int leading;
  size_t shape[2];
  const char *axes[2];
  input.label = "movie";
  input.values = movie;
  input.perspective = perspective;
  input.modulation = modulation;
  input.extend = strcmp(cf_json_as_text(cf_json_get(row, "periphery")), "extend") == 0;
  g->layers = cf_json_get(row, "layers");
  path_of(g, cf_json_as_text(cf_json_get(row, "expected")), path, sizeof path);
  assert_ok(g->ctx, cf_io_read_all(g->ctx, path, &g->expected));
  assert_ok(g->ctx, cf_network_leading(g->ctx, g->network, &input, &leading, shape, axes));
  assert_int_equal(leading, movie->ndim - 2);
  assert_int_equal(cf_json_count(g->layers), cf_network_layers(g->network));
  for (size_t i = 0; i < cf_network_layers(g->network); i++) check_shape(g, i, leading);
  check_layers(g, &input);
  cf_dataset_free(g->expected);
  cf_array_free(perspective);
  cf_array_free(modulation);
}

static bool open_case(golden *g, const char *root, const char *name) {
  char path[600], *text = NULL;
  size_t size = 0;
  *g = (golden){.ctx = test_context()};
  snprintf(g->folder, sizeof g->folder, "%s/%s", root, name);
  if (cf_io_read_bytes(g->ctx, path_of(g, "case.json", path, sizeof path), 1u << 24, &text, &size) != CF_OK) {
    printf("SKIPPED: no %s\n", g->folder);
    cf_context_free(g->ctx);
    return false;
  }
  assert_ok(g->ctx, cf_json_parse(g->ctx, path, text, size, &g->cases));
  cf_free(text);
  return true;
}

static void close_case(golden *g) {
  cf_network_free(g->network);
  cf_json_free(g->cases);
  cf_context_free(g->ctx);
}

static void check_case(const char *root, const char *name) {
  golden g;
  char address[2000];
  if (!open_case(&g, root, name)) return;
  snprintf(address, sizeof address, "fnn:%s/%s+%s/%s+%s/%s", g.folder, cf_json_as_text(cf_json_get(g.cases, "core")),
           g.folder, cf_json_as_text(cf_json_get(g.cases, "scan")), g.folder,
           cf_json_as_text(cf_json_get(g.cases, "config")));
  assert_ok(g.ctx, cf_network_open(g.ctx, address, &g.network));
  const cf_json *movies = cf_json_get(g.cases, "cases");
  assert_true(cf_json_count(movies) > 0);
  for (size_t i = 0; i < cf_json_count(movies); i++) {
    cf_array *movie = read_array(&g, cf_json_value(movies, i), "movie");
    check_movie(&g, cf_json_value(movies, i), movie);
    cf_array_free(movie);
  }
  close_case(&g);
}

/* ------------------------------------------------------- released size, by formula -- */

static double uniform(uint64_t parameter, uint64_t element) {
  uint64_t z = (parameter << 32) + element + 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  z ^= z >> 31;
  return (double)(z >> 40) / 16777216.0;
}

static void fill_parameter(const cf_json *row, float *x, size_t n) {
  const cf_json *bounds = cf_json_get(row, "uniform");
  const uint64_t index = (uint64_t)cf_json_as_number(cf_json_get(row, "index"));
  for (size_t j = 0; j < n; j++) {
    const cf_json *pair = cf_json_is_list(cf_json_at(bounds, 0)) ? cf_json_at(bounds, j) : bounds;
    const double low = cf_json_as_number(cf_json_at(pair, 0)), high = cf_json_as_number(cf_json_at(pair, 1));
    x[j] = (float)(low + (high - low) * uniform(index, j));
  }
}

static void fill_buffer(const char *name, const cf_array *a, float *x) {
  if (strcmp(name, "perspective.monitor_pixel.power") == 0) x[0] = 1.7f;
  if (strcmp(name, "perspective.monitor_pixel.scale") == 0) x[0] = 1;
  if (strcmp(name, "perspective.retina.grid") != 0) return;
  for (size_t i = 0; i < a->shape[0]; i++)
    for (size_t j = 0; j < a->shape[1]; j++, x += 3) {
      const double h = (double)a->shape[0], w = (double)a->shape[1];
      const double u = (2 * (double)j / (w - 1) - 1) * (w - 1) / w,
                   v = (2 * (double)i / (h - 1) - 1) * (w - 1) / w * h / w;
      const double r = fmin(75 * sqrt(u * u + v * v), 90) * acos(-1.0) / 180, turn = atan2(v, u);
      x[0] = (float)(sin(r) * cos(turn));
      x[1] = (float)(sin(r) * sin(turn));
      x[2] = (float)cos(r);
    }
}

static cf_array *formula_tensor(golden *g, const cf_json *row) {
  const char *name = cf_json_as_text(cf_json_get(row, "name"));
  const cf_json *axes = cf_json_get(row, "shape");
  const cf_json *first = cf_json_get(cf_json_get(g->cases, "first_values"), name);
  size_t shape[CF_MAX_DIMS];
  cf_array *a = NULL;
  for (size_t d = 0; d < cf_json_count(axes); d++) shape[d] = (size_t)cf_json_as_number(cf_json_at(axes, d));
  assert_ok(g->ctx, cf_array_new(g->ctx, name, CF_F32, (int)cf_json_count(axes), shape, &a));
  if (cf_json_get(row, "uniform")) {
    fill_parameter(row, a->data, cf_array_count(a));
  } else {
    fill_buffer(name, a, a->data);
  }
  for (size_t i = 0; i < cf_json_count(first); i++)
    assert_close(cf_array_number(a, i), cf_json_as_number(cf_json_at(first, i)), 1e-6, 0);
  return a;
}

static void released_sizes(void **state) {
  (void)state;
  golden g;
  char path[600], *text = NULL, address[2000];
  size_t size;
  cf_json *manifest = NULL;
  cf_dataset *tensors = NULL;
  cf_array *movie = NULL;
  const cf_io_write_options o = CF_IO_WRITE_OPTIONS_INIT;
  const size_t shape[3] = {3, 144, 256};
  assert_true(open_case(&g, CF_TEST_DIR "/golden/fnn", "fullsize"));
  path_of(&g, "manifest.json", path, sizeof path);
  assert_ok(g.ctx, cf_io_read_bytes(g.ctx, path, 1u << 24, &text, &size));
  assert_ok(g.ctx, cf_json_parse(g.ctx, path, text, size, &manifest));
  cf_free(text);
  assert_ok(g.ctx, cf_dataset_new(g.ctx, &tensors));
  const cf_json *list = cf_json_get(manifest, "tensors");
  for (size_t i = 0; i < cf_json_count(list); i++)
    if (strcmp(cf_json_as_text(cf_json_get(cf_json_at(list, i), "dtype")), "float32") == 0)
      assert_ok(g.ctx, cf_dataset_add(g.ctx, tensors, formula_tensor(&g, cf_json_at(list, i))));
  assert_ok(g.ctx, cf_io_write(g.ctx, test_path("fnn.safetensors"), tensors, &o));
  snprintf(address, sizeof address, "fnn:%s", test_path("fnn.safetensors")); /* released sizes need no configuration */
  assert_ok(g.ctx, cf_network_open(g.ctx, address, &g.network));
  assert_ok(g.ctx, cf_array_new(g.ctx, "movie", CF_U8, 3, shape, &movie));
  for (size_t i = 0; i < 3u * 144 * 256; i++) {
    const size_t x = i % 256, y = i / 256 % 144, t = i / (144u * 256);
    ((unsigned char *)movie->data)[i] = (unsigned char)((37 * x + 101 * y + 59 * t + x * y % 97) % 256);
  }
  check_movie(&g, g.cases, movie);
  cf_array_free(movie);
  cf_dataset_free(tensors);
  cf_json_free(manifest);
  close_case(&g);
}

static void three_streams_and_views(void **state) {
  (void)state;
  check_case(CF_TEST_DIR "/golden/fnn", "odd");
}
static void conv_lstm(void **state) {
  (void)state;
  check_case(CF_TEST_DIR "/golden/fnn", "convlstm");
}
static void one_stream_one_group(void **state) {
  (void)state;
  check_case(CF_TEST_DIR "/golden/fnn", "single");
}
static void two_streams(void **state) {
  (void)state;
  check_case(CF_SHARED_DIR "/golden/fnn", "tiny");
}
static void quarter_width(void **state) {
  (void)state;
  check_case(CF_SHARED_DIR "/golden/fnn", "quarter");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(three_streams_and_views), cmocka_unit_test(conv_lstm),
      cmocka_unit_test(one_stream_one_group),    cmocka_unit_test(two_streams),
      cmocka_unit_test(quarter_width),           cmocka_unit_test(released_sizes),
  };
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
