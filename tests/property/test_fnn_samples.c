/* Sampled responses of an FNN on clips: instances of a sequence run in lockstep, each from a state of zeros, and a
 * second pass keeps the units that the first one drew. Held against a run that keeps every value: means over instances,
 * scores by the formula, places in the tables; layers with maps, layers of units by channels, and layers of units
 * alone. */
#include "io_test.h"
#include <cortifold/pipeline.h>

#define MODELS CF_TEST_DIR "/../examples/physiologist/models/"
#define MODEL  "fnn:" MODELS "mini.safetensors+" MODELS "mini.json"

enum { STIMULI = 2, DIRECTIONS = 2, INSTANCES = 2, TIMES = 4, CLIPS = STIMULI * DIRECTIONS * INSTANCES };
enum { SEQUENCES = STIMULI * DIRECTIONS, CELLS = SEQUENCES * TIMES, HEIGHT = 36, WIDTH = 64 };

static cf_context *context_of(int threads, uint64_t seed) {
  cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
  cf_context *ctx = NULL;
  o.threads = threads;
  o.seed = seed;
  assert_int_equal(cf_context_new(&o, &ctx), CF_OK);
  return ctx;
}

typedef struct setting {
  const char *name, *value;
} setting;

static cf_result *run(cf_context *ctx, const setting *settings) {
  const cf_analysis *a = cf_analysis_find("run");
  const cf_param *tables[] = {a->params, cf_common_params()};
  cf_options *o = NULL;
  cf_result *result = NULL;
  assert_ok(ctx, cf_options_new(ctx, tables, 2, &o));
  assert_ok(ctx, cf_options_add_argument(ctx, o, MODEL));
  assert_ok(ctx, cf_options_add_argument(ctx, o, test_path("clips.npz")));
  for (; settings->name; settings++) assert_ok(ctx, cf_options_set(ctx, o, settings->name, settings->value));
  assert_ok(ctx, cf_result_new(ctx, &result));
  assert_ok(ctx, a->run(ctx, o, result));
  cf_options_free(o);
  return result;
}

/* Which (stimulus, direction) clip k shows; clips of one sequence do not lie side by side. */
static size_t sequence_of(size_t k) {
  return k * 3 % SEQUENCES;
}

static void write_clips(cf_context *ctx) {
  static const char *const names[STIMULI] = {"dots", "bars"};
  const size_t shape[4] = {CLIPS, TIMES, HEIGHT, WIDTH}, n = CLIPS;
  cf_dataset *set = NULL;
  cf_array *frames = NULL, *stimulus = NULL;
  const char *word[CLIPS];
  double direction[CLIPS];
  cf_rng rng = cf_rng_make(11, 0, 0);
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  assert_ok(ctx, cf_array_new(ctx, "frames", CF_U8, 4, shape, &frames));
  for (size_t i = 0; i < cf_array_count(frames); i++) ((uint8_t *)frames->data)[i] = (uint8_t)cf_rng_below(&rng, 256);
  for (size_t k = 0; k < CLIPS; k++) {
    word[k] = names[sequence_of(k) / DIRECTIONS];
    direction[k] = 90.0 * (double)(sequence_of(k) % DIRECTIONS);
  }
  assert_ok(ctx, cf_array_from_texts(ctx, "labels/stimulus", n, word, &stimulus));
  assert_ok(ctx, cf_dataset_add(ctx, set, frames));
  assert_ok(ctx, cf_dataset_add(ctx, set, stimulus));
  assert_ok(ctx, cf_dataset_put(ctx, set, "labels/direction", 1, &n, direction));
  cf_io_write_options o = CF_IO_WRITE_OPTIONS_INIT;
  o.force = true;
  assert_ok(ctx, cf_io_write(ctx, test_path("clips.npz"), set, &o));
  cf_dataset_free(set);
}

/* CELLS x own: means over the instances, in the order of the sampled responses' labels (first seen first). */
static double *means_of(const cf_array *all, const cf_array *responses, size_t own) {
  double *mean = calloc(CELLS * own, sizeof *mean);
  static const char *const names[STIMULI] = {"dots", "bars"};
  for (size_t k = 0; k < CLIPS; k++) {
    size_t s = 0;
    while (strcmp(((char **)responses->coordinate[1]->data)[s], names[sequence_of(k) / DIRECTIONS]) != 0) s++;
    const size_t d = sequence_of(k) % DIRECTIONS;
    for (size_t t = 0; t < TIMES; t++)
      for (size_t u = 0; u < own; u++)
        mean[((s * DIRECTIONS + d) * TIMES + t) * own + u] +=
            (double)((float *)all->data)[(k * TIMES + t) * own + u] / INSTANCES;
  }
  return mean;
}

/* Score of unit u: mean over time of its share of the frame's largest value, the largest over sequences. */
static double score_of(const double *mean, size_t own, size_t u) {
  double best = 0;
  for (size_t q = 0; q < SEQUENCES; q++) {
    double sum = 0;
    for (size_t t = 0; t < TIMES; t++) {
      const double *frame = mean + (q * TIMES + t) * own;
      double most = 0;
      for (size_t i = 0; i < own; i++) most = fmax(most, frame[i]);
      if (most > 0) sum += fmax(0, frame[u]) / most / TIMES;
    }
    best = fmax(best, sum);
  }
  return best;
}

static const cf_array *column(const cf_result *r, const char *layer, const char *name) {
  char path[160];
  snprintf(path, sizeof path, "units/%s/%s", layer, name);
  return cf_dataset_get(r->arrays, path);
}

/* The sampled responses of one layer are those of the whole run, of `units` units. */
static void check_layer(const cf_result *full, const cf_result *some, const char *layer, size_t units, bool scored) {
  char name[160];
  snprintf(name, sizeof name, "%s/responses", layer);
  const cf_array *all = cf_dataset_get(full->arrays, layer), *r = cf_dataset_get(some->arrays, name),
                 *index = column(some, layer, "index"), *score = column(some, layer, "score");
  assert_non_null(all);
  assert_non_null(r);
  const size_t own = cf_array_count(all) / (CLIPS * TIMES);
  double *mean = means_of(all, r, own);
  assert_int_equal(r->shape[0], units);
  assert_int_equal(cf_array_count(r), units * CELLS);
  assert_true(scored == (score != NULL));
  for (size_t i = 0; i < units; i++) {
    const size_t u = (size_t)cf_array_number(index, i);
    assert_true(u < own && (i == 0 || u > (size_t)cf_array_number(index, i - 1))); /* none twice */
    if (scored) {
      assert_true(cf_array_number(score, i) > 0);
      assert_close(cf_array_number(score, i), score_of(mean, own, u), 1e-4, 1e-7);
    }
    for (size_t c = 0; c < CELLS; c++)
      assert_close((double)((float *)r->data)[i * CELLS + c], fmax(0, mean[c * own + u]), 1e-4, 1e-5);
  }
  free(mean);
}

static void sampled_clips_are_those_of_the_whole_run(void **unused) {
  (void)unused;
  cf_context *one = context_of(1, 3), *two = context_of(2, 3);
  write_clips(one);
  static const char layers[] = "core.feedforward.blocks.0,core.recurrent.h,readout.position,rates";
  const setting whole[] = {{"layers", layers}, {NULL, NULL}};
  const setting sampled[] = {{"layers", layers}, {"sample", "6x5"}, {"labels", test_path("clips.npz")}, {NULL, NULL}};
  cf_result *full = run(two, whole), *some = run(two, sampled), *again = run(one, sampled);
  check_layer(full, some, "core.feedforward.blocks.0", 30, true);
  check_layer(full, some, "core.recurrent.h", 30, true);
  check_layer(full, some, "readout.position", 30, true);
  check_layer(full, some, "rates", 30, false);
  const cf_array *map = column(some, "core.recurrent.h", "map"), *row = column(some, "core.recurrent.h", "row"),
                 *col = column(some, "core.recurrent.h", "column"), *at = column(some, "core.recurrent.h", "index");
  size_t maps = 0;
  for (size_t i = 0; i < 30; i++) { /* 64 maps of 3 x 5 */
    assert_int_equal(15 * (size_t)cf_array_number(map, i) + 5 * (size_t)cf_array_number(row, i) +
                         (size_t)cf_array_number(col, i),
                     (size_t)cf_array_number(at, i));
    maps += i == 0 || cf_array_number(map, i) != cf_array_number(map, i - 1);
  }
  assert_int_equal(maps, 6);
  const cf_array *place = column(some, "readout.position", "unit"), *channel = column(some, "readout.position", "map");
  for (size_t i = 0; i < 30; i++) /* units by 32 channels, which are the maps */
    assert_int_equal(32 * (size_t)cf_array_number(place, i) + (size_t)cf_array_number(channel, i),
                     (size_t)cf_array_number(column(some, "readout.position", "index"), i));
  for (size_t i = 0; i < some->arrays->count; i++) { /* the same bits on one thread */
    const cf_array *a = some->arrays->array[i], *b = again->arrays->array[i];
    assert_string_equal(a->name, b->name);
    if (a->dtype != CF_TEXT) assert_memory_equal(a->data, b->data, cf_array_count(a) * cf_dtype_size(a->dtype));
  }
  cf_result_free(full);
  cf_result_free(some);
  cf_result_free(again);
  cf_context_free(one);
  cf_context_free(two);
}

/* As published: nothing of the upper quarter of the rows and as many columns at the left, and the first M channels only
 * behind the recurrence. */
static void the_published_recipe_leaves_out_what_it_leaves_out(void **unused) {
  (void)unused;
  cf_context *ctx = context_of(2, 5);
  write_clips(ctx);
  const setting sampled[] = {{"layers", "core.feedforward.blocks.0,core.recurrent.out,readout.position"},
                             {"sample", "9x8"},
                             {"sample-recipe", "paper"},
                             {"labels", test_path("clips.npz")},
                             {NULL, NULL}};
  cf_result *r = run(ctx, sampled);
  const cf_array *row = column(r, "core.feedforward.blocks.0", "row"),
                 *col = column(r, "core.feedforward.blocks.0", "column"),
                 *map = column(r, "core.feedforward.blocks.0", "map");
  double most = 0;
  assert_int_equal(row->shape[0], 72);
  for (size_t i = 0; i < 72; i++) { /* maps of 6 x 10 */
    assert_true(cf_array_number(row, i) >= 1 && cf_array_number(col, i) >= 1);
    most = fmax(most, cf_array_number(map, i));
  }
  assert_true(most >= 9); /* before the recurrence all maps may be drawn */
  static const char *const behind[] = {"core.recurrent.out", "readout.position"};
  for (size_t k = 0; k < 2; k++) {
    const cf_array *channel = column(r, behind[k], "map");
    for (size_t i = 0; i < channel->shape[0]; i++) assert_true(cf_array_number(channel, i) < 9);
  }
  cf_result_free(r);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(sampled_clips_are_those_of_the_whole_run),
                                     cmocka_unit_test(the_published_recipe_leaves_out_what_it_leaves_out)};
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
