/* What a run must not depend on, and what sampled responses are: means over instances of the units that a run of all
 * values gives, scored by the formula, drawn in proportion to the score. */
#include "io_test.h"
#include "network_golden.h"
#include <cortifold/pipeline.h>

#define FOLDER CF_TEST_DIR "/golden/net/"
#define MODEL  "net:" FOLDER "toy0.json+" FOLDER "toy0.safetensors"

static cf_context *context_of(int threads, uint64_t seed) {
  cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
  cf_context *ctx = NULL;
  o.threads = threads;
  o.seed = seed;
  assert_int_equal(cf_context_new(&o, &ctx), CF_OK);
  return ctx;
}

static cf_array *random_images(cf_context *ctx, size_t n, size_t h, size_t w, size_t channels) {
  cf_rng rng = cf_rng_make(5, cf_hash_text("images"), 0);
  cf_array *a = NULL;
  assert_ok(ctx, cf_array_new(ctx, "frames", CF_U8, 4, (size_t[]){n, h, w, channels}, &a));
  for (size_t i = 0; i < cf_array_count(a); i++) ((uint8_t *)a->data)[i] = (uint8_t)cf_rng_below(&rng, 256);
  return a;
}

/* -------------------------------------------------------------- runs -- */

static void neighbours_and_threads_do_not_matter(void **unused) {
  (void)unused;
  enum { IMAGES = 19 }; /* more than run together */
  cf_context *one = context_of(1, 0), *three = context_of(3, 0);
  cf_network *network = NULL;
  cf_network_input input = CF_NETWORK_INPUT_INIT;
  assert_ok(one, cf_network_open(one, MODEL, &network));
  cf_array *images = random_images(one, IMAGES, 20, 24, 3);
  input.label = "images";
  input.values = images;
  collector all = collect_run(one, network, &input, NULL), again = collect_run(three, network, &input, NULL);
  const size_t bytes = 20 * 24 * 3;
  void *data = images->data;
  images->shape[0] = 1;
  for (size_t i = 0; i < IMAGES; i += 6) {
    images->data = (char *)data + i * bytes;
    collector alone = collect_run(three, network, &input, NULL);
    for (size_t l = 0; l < cf_network_layers(network); l++) {
      const size_t own = all.layer[l].own;
      assert_memory_equal(all.layer[l].values, again.layer[l].values, IMAGES * own * sizeof(float));
      assert_memory_equal(all.layer[l].values + i * own, alone.layer[l].values, own * sizeof(float));
      collector chosen = collect_run(one, network, &input, cf_network_layer(network, l)->name);
      assert_memory_equal(chosen.layer[l].values, alone.layer[l].values, own * sizeof(float));
      collector_free(&chosen);
    }
    collector_free(&alone);
  }
  images->data = data;
  images->shape[0] = IMAGES;
  collector_free(&all);
  collector_free(&again);
  cf_array_free(images);
  cf_network_free(network);
  cf_context_free(one);
  cf_context_free(three);
}

/* ------------------------------------------------------------- samples -- */

typedef struct setting {
  const char *name, *value;
} setting;

/* `cortifold run MODEL INPUT`, in this process. */
static cf_result *run(cf_context *ctx, const char *model, const char *input, const setting *settings) {
  const cf_analysis *a = cf_analysis_find("run");
  const cf_param *tables[] = {a->params, cf_common_params()};
  cf_options *o = NULL;
  cf_result *result = NULL;
  assert_ok(ctx, cf_options_new(ctx, tables, 2, &o));
  assert_ok(ctx, cf_options_add_argument(ctx, o, model));
  assert_ok(ctx, cf_options_add_argument(ctx, o, input));
  for (; settings->name; settings++) assert_ok(ctx, cf_options_set(ctx, o, settings->name, settings->value));
  assert_ok(ctx, cf_result_new(ctx, &result));
  assert_ok(ctx, a->run(ctx, o, result));
  cf_options_free(o);
  return result;
}

enum { STIMULI = 3, DIRECTIONS = 4, TIMES = 5, INSTANCES = 2, ITEMS = STIMULI * DIRECTIONS * TIMES * INSTANCES };

/* Images with labels, in the order of `at`: item i of the file is image at[i] of random_images(). */
static void write_set(cf_context *ctx, const char *path, const size_t *at) {
  static const char *const names[STIMULI] = {"low", "high", "dots"};
  cf_dataset *set = NULL;
  cf_array *images = random_images(ctx, ITEMS, 20, 24, 3), *frames = NULL, *stimulus = NULL;
  const char *word[ITEMS];
  double direction[ITEMS], time[ITEMS];
  const size_t bytes = 20 * 24 * 3, n = ITEMS;
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  assert_ok(ctx, cf_array_copy(ctx, images, &frames));
  for (size_t i = 0; i < ITEMS; i++) {
    const size_t k = at[i];
    memcpy((char *)frames->data + i * bytes, (char *)images->data + k * bytes, bytes);
    word[i] = names[k % STIMULI];
    direction[i] = 90.0 * (double)(k / STIMULI % DIRECTIONS);
    time[i] = 0.1 * (double)(k / STIMULI / DIRECTIONS % TIMES);
  }
  assert_ok(ctx, cf_array_from_texts(ctx, "labels/stimulus", n, word, &stimulus));
  assert_ok(ctx, cf_dataset_add(ctx, set, frames));
  assert_ok(ctx, cf_dataset_add(ctx, set, stimulus));
  assert_ok(ctx, cf_dataset_put(ctx, set, "labels/direction", 1, &n, direction));
  assert_ok(ctx, cf_dataset_put(ctx, set, "labels/time", 1, &n, time));
  cf_io_write_options o = CF_IO_WRITE_OPTIONS_INIT;
  o.force = true;
  assert_ok(ctx, cf_io_write(ctx, path, set, &o));
  cf_dataset_free(set);
  cf_array_free(images);
}

/* The sampled responses against a run of everything: which are averaged, and what their scores are. */
static void samples_are_means_of_the_run(void **unused) {
  (void)unused;
  cf_context *ctx = context_of(2, 7);
  size_t order[ITEMS];
  cf_rng rng = cf_rng_make(8, 0, 0);
  cf_rng_permutation(&rng, ITEMS, order);
  write_set(ctx, test_path("set.npz"), order);
  const setting whole[] = {{"layers", "act1"}, {NULL, NULL}};
  const setting sampled[] = {{"layers", "act1"}, {"sample", "3x9"}, {"labels", test_path("set.npz")}, {NULL, NULL}};
  cf_result *full = run(ctx, MODEL, test_path("set.npz"), whole),
            *some = run(ctx, MODEL, test_path("set.npz"), sampled);
  const cf_array *all = cf_dataset_get(full->arrays, "act1"), *r = cf_dataset_get(some->arrays, "responses");
  const cf_array *index = cf_dataset_get(some->arrays, "units/act1/index");
  const cf_array *score = cf_dataset_get(some->arrays, "units/act1/score");
  const cf_array *map = cf_dataset_get(some->arrays, "units/act1/map");
  assert_non_null(r);
  const size_t own = cf_array_count(all) / ITEMS, n = r->shape[0], cells = STIMULI * DIRECTIONS * TIMES;
  assert_int_equal(n, 27);
  assert_true(own % 8 == 0);
  assert_int_equal(cf_array_count(r), n * cells);
  /* mean of the instances, by the labels' order: the stimulus of the first item comes first */
  const char *first = ((char **)r->coordinate[1]->data)[0];
  static const char *const names[STIMULI] = {"low", "high", "dots"};
  assert_string_equal(first, names[order[0] % STIMULI]);
  float *mean = calloc(cells * own, sizeof *mean);
  for (size_t i = 0; i < ITEMS; i++) {
    size_t s = 0;
    while (strcmp(((char **)r->coordinate[1]->data)[s], names[order[i] % STIMULI]) != 0) s++;
    const size_t d = order[i] / STIMULI % DIRECTIONS, t = order[i] / STIMULI / DIRECTIONS % TIMES;
    const size_t cell = (s * DIRECTIONS + d) * TIMES + t;
    for (size_t u = 0; u < own; u++) mean[cell * own + u] += ((float *)all->data)[i * own + u] / INSTANCES;
  }
  double *best = calloc(own, sizeof *best);
  for (size_t q = 0; q < STIMULI * DIRECTIONS; q++) {
    double *sum = calloc(own, sizeof *sum);
    for (size_t t = 0; t < TIMES; t++) {
      const float *frame = mean + (q * TIMES + t) * own;
      double most = 0;
      for (size_t u = 0; u < own; u++) most = fmax(most, (double)frame[u]);
      for (size_t u = 0; u < own; u++) sum[u] += fmax(0, (double)frame[u]) / most / TIMES;
    }
    for (size_t u = 0; u < own; u++) best[u] = fmax(best[u], sum[u]);
    free(sum);
  }
  size_t maps = 0;
  for (size_t i = 0; i < n; i++) {
    const size_t u = (size_t)cf_array_number(index, i);
    assert_close(cf_array_number(score, i), best[u], 1e-5, 0);
    assert_int_equal((size_t)cf_array_number(map, i), u / (own / 8));
    maps += i == 0 || cf_array_number(map, i) != cf_array_number(map, i - 1);
    for (size_t c = 0; c < cells; c++)
      assert_close((double)((float *)r->data)[i * cells + c], fmax(0, (double)mean[c * own + u]), 1e-5, 1e-6);
  }
  assert_int_equal(maps, 3);
  free(mean);
  free(best);
  cf_result_free(full);
  cf_result_free(some);
  cf_context_free(ctx);
}

/* Labels, not places in the file, say what an item is; and threads change nothing. */
static void order_of_items_does_not_matter(void **unused) {
  (void)unused;
  size_t order[2][ITEMS];
  cf_rng rng = cf_rng_make(9, 0, 0);
  for (size_t i = 0; i < ITEMS; i++) order[0][i] = i;
  cf_rng_permutation(&rng, ITEMS, order[1]);
  while (order[1][0] % STIMULI || order[1][1] % STIMULI != 1) cf_rng_permutation(&rng, ITEMS, order[1]);
  cf_result *result[2];
  cf_context *ctx[2];
  for (int k = 0; k < 2; k++) {
    const setting settings[] = {{"layers", "act1,prob"},
                                {"sample", "4x5"},
                                {"labels", test_path("set.npz")},
                                {"transform", "gelu"},
                                {NULL, NULL}};
    ctx[k] = context_of(k ? 3 : 1, 3);
    write_set(ctx[k], test_path("set.npz"), order[k]);
    result[k] = run(ctx[k], MODEL, test_path("set.npz"), settings);
  }
  assert_int_equal(result[0]->arrays->count, result[1]->arrays->count);
  for (size_t i = 0; i < result[0]->arrays->count; i++) {
    const cf_array *a = result[0]->arrays->array[i], *b = result[1]->arrays->array[i];
    assert_string_equal(a->name, b->name);
    assert_int_equal(cf_array_count(a), cf_array_count(b));
    if (a->dtype == CF_TEXT) continue;
    for (size_t e = 0; e < cf_array_count(a); e++) /* instances come in another order: their mean rounds */
      assert_close(cf_array_number(a, e), cf_array_number(b, e), 1e-6, 1e-7);
  }
  for (int k = 0; k < 2; k++) {
    cf_result_free(result[k]);
    cf_context_free(ctx[k]);
  }
}

/* One map of four with mean scores 1 : 2 : 3 : 4, one place of two with 1 : 3, over many seeds. */
static void draws_follow_the_scores(void **unused) {
  (void)unused;
  static const char architecture[] =
      "{\"format\": \"cortifold-net/1\", \"input\": {\"channels\": 4, \"height\": 1, \"width\": 2}, \"layers\": "
      "[{\"name\": \"a\", \"op\": \"relu\", \"input\": \"input\"}]}";
  const size_t draws = test_cases(2000);
  size_t map[4] = {0}, place[2] = {0};
  cf_context *ctx = context_of(1, 0);
  cf_dataset *set = NULL;
  cf_array *x = NULL;
  char model[300];
  write_file(test_path("arch.json"), architecture, sizeof architecture - 1);
  snprintf(model, sizeof model, "net:%s", test_path("arch.json"));
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  assert_ok(ctx, cf_array_new(ctx, "x", CF_F32, 4, (size_t[]){1, 4, 1, 2}, &x));
  for (size_t m = 0; m < 4; m++) {
    ((float *)x->data)[2 * m] = (float)(m + 1);
    ((float *)x->data)[2 * m + 1] = (float)(3 * (m + 1));
  }
  assert_ok(ctx, cf_dataset_add(ctx, set, x));
  assert_ok(ctx, cf_io_write(ctx, test_path("x.npy"), set, NULL));
  for (size_t k = 0; k < draws; k++) {
    const setting settings[] = {{"layers", "a"}, {"sample", "1x1"}, {NULL, NULL}};
    cf_context *seeded = context_of(1, k);
    cf_result *r = run(seeded, model, test_path("x.npy"), settings);
    const size_t u = (size_t)cf_array_number(cf_dataset_get(r->arrays, "units/a/index"), 0);
    map[u / 2]++;
    place[u % 2]++;
    cf_result_free(r);
    cf_context_free(seeded);
  }
  double chi = 0;
  for (size_t m = 0; m < 4; m++) {
    const double expected = (double)draws * (double)(m + 1) / 10;
    chi += ((double)map[m] - expected) * ((double)map[m] - expected) / expected;
  }
  if (chi > 21.1) fail_msg("chi-square of maps is %.1f with 3 degrees of freedom", chi); /* p = 1e-4 */
  const double expected = 0.75 * (double)draws;
  assert_true(fabs((double)place[1] - expected) < 4 * sqrt(expected * 0.25));
  cf_dataset_free(set);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(neighbours_and_threads_do_not_matter), cmocka_unit_test(samples_are_means_of_the_run),
      cmocka_unit_test(order_of_items_does_not_matter), cmocka_unit_test(draws_follow_the_scores)};
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
