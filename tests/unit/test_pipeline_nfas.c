/* The alignment space from layers and series: it finds what was planted, nothing leaks from test samples, bits do not
 * depend on threads or memory, and its shortcuts (sums by fold, blocks left out of one decomposition) are exact. */
#include "nfas_case.h"
#include <cortifold/dynamics.h>
#include <cortifold/linalg.h>
#include <cortifold/voxelwise.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EACH = 5, MODELS = 15, LAYERS = 8, WIDTH = 24, TIMES = 360, RUNS = 4, ROIS = 28 };
static char folder[] = "/tmp/cf-nfas-XXXXXX";
static char file[64], noise[64], manifest[64];

static const char *const simulation[] = {"nfas",        "models-each=5", "depth=8",    "width=24",
                                         "samples=360", "run-count=4",   "regions=28", NULL};

/* Series whose samples change places within their run know nothing of the models. */
static void shuffle_series(cf_result *r) {
  cf_array *a = cf_dataset_get(r->arrays, "series"), *run = cf_dataset_get(r->arrays, "run");
  double *x = a->data, *copy = malloc(TIMES * ROIS * sizeof *copy);
  cf_rng rng = cf_rng_make(77, 1, 0);
  memcpy(copy, x, TIMES * ROIS * sizeof *copy);
  for (size_t from = 0, to; from < TIMES; from = to) {
    size_t order[TIMES];
    for (to = from; to < TIMES && cf_array_number(run, to) == cf_array_number(run, from);) to++;
    cf_rng_permutation(&rng, to - from, order);
    for (size_t t = from; t < to; t++)
      memcpy(x + t * ROIS, copy + (from + order[t - from]) * ROIS, ROIS * sizeof *copy);
  }
  free(copy);
}

/* Every layer in a file of its own, and a manifest that lists them in another order than the file does. */
static void write_manifest(cf_context *ctx, const cf_result *r) {
  char path[128], text[8192];
  const cf_array *models = cf_dataset_get(r->arrays, "truth/alignment")->coordinate[0],
                 *groups = cf_dataset_get(r->arrays, "group");
  size_t n = 0;
  n += (size_t)snprintf(
      text + n, sizeof text - n,
      "cortifold: 1\nbrain: {series: all.h5:series, runs: all.h5:run}\noptions: {nulls: 20, exact-up-to: 0, baselines: "
      "[mean]}\nmodels:\n");
  for (size_t m = MODELS; m-- > 0;) {
    char name[64], group[64], label[96];
    cf_array_label(models, m, name, sizeof name);
    cf_array_label(groups, m, group, sizeof group);
    n += (size_t)snprintf(text + n, sizeof text - n, "  - {name: %s, modality: %s, layers: \"%s-*.npy\"}\n", name,
                          group, name);
    for (size_t l = 0; l < LAYERS; l++) {
      cf_dataset *set = NULL;
      cf_array *copy = NULL;
      snprintf(label, sizeof label, "layers/%s/%02zu", name, l);
      assert_ok(ctx, cf_dataset_new(ctx, &set));
      assert_ok(ctx, cf_array_copy(ctx, cf_dataset_get(r->arrays, label), &copy));
      assert_ok(ctx, cf_dataset_add(ctx, set, copy));
      snprintf(path, sizeof path, "%s/%s-%zu.npy", folder, name, l);
      case_write(ctx, path, set);
      cf_dataset_free(set);
    }
  }
  assert_true(n < sizeof text);
  assert_ok(ctx, cf_io_write_bytes(ctx, manifest, text, n, true));
}

static int setup(void **state) {
  (void)state;
  cf_context *ctx = case_context(3, 0, 0);
  cf_result *r = NULL;
  assert_non_null(mkdtemp(folder));
  snprintf(file, sizeof file, "%s/all.h5", folder);
  snprintf(noise, sizeof noise, "%s/noise.h5", folder);
  snprintf(manifest, sizeof manifest, "%s/space.yaml", folder);
  assert_ok(ctx, case_run(ctx, "simulate", simulation, &r));
  case_write(ctx, file, r->arrays);
  write_manifest(ctx, r);
  shuffle_series(r);
  case_write(ctx, noise, r->arrays);
  cf_result_free(r);
  cf_context_free(ctx);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  char command[128];
  snprintf(command, sizeof command, "rm -r '%s'", folder);
  return system(command);
}

static double mean(size_t n, const double *x) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += x[i];
  return sum / (double)n;
}

/* ------------------------------------------------------------------- found -- */

static void finds_what_was_planted(void **state) {
  (void)state;
  cf_context *ctx = case_context(1, 0, 0);
  cf_result *r = NULL;
  char ceiling[96], truth[96];
  snprintf(ceiling, sizeof ceiling, "ceiling=%s:truth/ceiling", file);
  snprintf(truth, sizeof truth, "truth=%s:truth/alignment", file);
  const char *const words[] = {
      file,          ceiling, truth, "distance=correlation", "nulls=50", "permutations=999", "exact-up-to=0",
      "compare=cka", NULL};
  assert_ok(ctx, case_run(ctx, "nfas", words, &r));
  const cf_json *v = r->values, *space = cf_json_get(v, "space"), *planted = cf_json_get(v, "truth");
  const double *a = case_numbers(r, "alignment", MODELS * ROIS);
  for (size_t i = 0; i < MODELS * ROIS; i++) assert_true(a[i] >= 0 && a[i] <= 1);
  assert_true(cf_json_as_number(cf_json_get(planted, "correlation")) > 0.8);
  assert_true(fabs(cf_json_as_number(cf_json_get(planted, "bias"))) < 0.05);
  assert_true(cf_json_as_number(cf_json_get(cf_json_get(space, "permanova"), "p")) < 0.01);
  assert_true(cf_json_as_number(cf_json_get(cf_json_get(cf_json_get(space, "clusters"), "tree"), "ari")) > 0.5);
  for (size_t m = 0; m < MODELS; m++) { /* planted: 0.99 */
    const cf_json *stable = cf_json_get(cf_json_at(cf_json_get(v, "models"), m), "stable");
    assert_close(cf_json_as_number(cf_json_get(stable, "modulus")), 0.99, 0, 0.03);
  }
  assert_int_equal(cf_json_count(cf_json_get(v, "baselines")), 9); /* all but random, which has no layers */
  assert_non_null(cf_json_as_text(cf_json_get(v, "verdict")));
  assert_non_null(cf_json_get(cf_json_get(v, "settings"), "delays"));
  (void)case_numbers(r, "baseline/best", MODELS * ROIS);
  (void)case_numbers(r, "baseline/pca", MODELS * ROIS);
  (void)case_numbers(r, "snci", 3 * ROIS);
  (void)case_numbers(r, "space/distance", MODELS * MODELS);
  (void)case_numbers(r, "compare/cka", MODELS * MODELS);
  cf_result_free(r);
  cf_context_free(ctx);
}

/* -------------------------------------------------------------------- depth -- */

/* x less twice its part along v, a turn that is the same for all layers: the model's way along depth stays what it is.
 */
static void turn_layers(cf_context *ctx, cf_dataset *all, const char *from, const char *to) {
  double v[WIDTH], norm = 0;
  char name[64];
  cf_rng rng = cf_rng_make(5, 5, 0);
  for (size_t j = 0; j < WIDTH; j++) {
    v[j] = cf_rng_normal(&rng);
    norm += v[j] * v[j];
  }
  for (size_t l = 0; l < LAYERS; l++) {
    snprintf(name, sizeof name, "layers/%s/%02zu", from, l);
    cf_array *a = cf_dataset_get(all, name);
    snprintf(name, sizeof name, "layers/%s/%02zu", to, l);
    cf_array *b = cf_dataset_get(all, name);
    assert_ok(ctx, cf_array_to_doubles(ctx, a));
    assert_ok(ctx, cf_array_to_doubles(ctx, b));
    for (size_t t = 0; t < TIMES; t++) {
      const double *x = (const double *)a->data + t * WIDTH;
      double along = 0;
      for (size_t j = 0; j < WIDTH; j++) along += x[j] * v[j] / norm;
      for (size_t j = 0; j < WIDTH; j++) ((double *)b->data)[t * WIDTH + j] = x[j] - 2 * along * v[j];
    }
  }
}

/* Two models whose features are turned into one another are at distance 0 in their dynamics along depth, and no two
 * others; the test of the space against it comes with a number for both. */
static void depth_is_compared(void **state) {
  (void)state;
  static const char *const measures[] = {"compare/dsa-angular", "compare/dsa-euclidean", "compare/dsa-wasserstein"};
  cf_context *ctx = case_context(1, 0, 0);
  cf_dataset *all = NULL;
  cf_result *r = NULL;
  char turned[96], name[64];
  size_t one = MODELS, two = MODELS;
  snprintf(turned, sizeof turned, "%s/turned.h5", folder);
  assert_ok(ctx, cf_io_read_all(ctx, file, &all));
  turn_layers(ctx, all, "audio-01", "vision-02");
  case_write(ctx, turned, all);
  cf_dataset_free(all);
  const char *const words[] = {turned,
                               "baselines=none",
                               "null=none",
                               "permutations=199",
                               "exact-up-to=0",
                               "roi-permutations=0",
                               "bootstrap=0",
                               "compare=dsa-angular,dsa-euclidean,dsa-wasserstein",
                               "dsa-components=5",
                               NULL};
  assert_ok(ctx, case_run(ctx, "nfas", words, &r));
  for (size_t k = 0; k < 3; k++) {
    const double *d = case_numbers(r, measures[k], MODELS * MODELS);
    const cf_array *label = cf_dataset_get(r->arrays, measures[k])->coordinate[0];
    double least = INFINITY;
    for (size_t m = 0; m < MODELS; m++) {
      if (strcmp(cf_array_label(label, m, name, sizeof name), "audio-01") == 0) one = m;
      if (strcmp(cf_array_label(label, m, name, sizeof name), "vision-02") == 0) two = m;
    }
    for (size_t i = 0; i < MODELS; i++)
      for (size_t j = 0; j < i; j++)
        if (!((i == one && j == two) || (i == two && j == one))) least = fmin(least, d[i * MODELS + j]);
    assert_true(d[one * MODELS + two] < 1e-6 * least);
    const cf_json *test = cf_json_at(cf_json_get(r->values, "compare"), k);
    assert_true(fabs(cf_json_as_number(cf_json_get(test, "r"))) < 1);
    assert_true(cf_json_as_number(cf_json_get(test, "p")) > 0);
    assert_int_equal(cf_json_as_number(cf_json_get(test, "components")), 5);
    assert_int_equal(cf_json_count(cf_json_get(test, "residual")), MODELS);
  }
  cf_result_free(r);
  cf_context_free(ctx);
}

/* ----------------------------------------------------------------- surfaces -- */

/* Surfaces and parcels, as options and in a manifest whose paths are relative to it. */
static void lies_on_surfaces(void **state) {
  (void)state;
  enum { VERTICES = 162 };
  static const char surface[] = CF_TEST_DIR "/golden/cortex/left.surf.gii";
  cf_context *ctx = case_context(1, 0, 0);
  cf_dataset *set = NULL;
  cf_result *r = NULL;
  double parcel[VERTICES];
  const size_t n = VERTICES;
  char path[96], option[2][192], text[8192], *whole = NULL, *rest;
  size_t size = 0;
  for (size_t v = 0; v < VERTICES; v++) parcel[v] = 1.0 + (double)(v * ROIS / VERTICES);
  snprintf(path, sizeof path, "%s/parcels.npy", folder);
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  assert_ok(ctx, cf_dataset_put(ctx, set, "parcels", 1, &n, parcel));
  case_write(ctx, path, set);
  cf_dataset_free(set);
  snprintf(option[0], sizeof option[0], "surface-left=%s", surface);
  snprintf(option[1], sizeof option[1], "parcels=%s", path);
  assert_ok(ctx, cf_io_read_bytes(ctx, manifest, 1 << 20, &whole, &size));
  rest = strstr(whole, "options:");
  assert_non_null(rest);
  snprintf(
      text, sizeof text,
      "cortifold: 1\nbrain: {series: all.h5:series, runs: all.h5:run, surface-left: %s, parcels: [parcels.npy]}\n%s",
      surface, rest);
  cf_free(whole);
  snprintf(path, sizeof path, "%s/surfaces.yaml", folder);
  assert_ok(ctx, cf_io_write_bytes(ctx, path, text, strlen(text), true));
  const char *const with_options[] = {
      file, option[0], option[1], "baselines=none", "null=none", "compare=none", "exact-up-to=0", "bootstrap=0", NULL};
  const char *const with_manifest[] = {path, "baselines=none", "compare=none", NULL};
  for (size_t k = 0; k < 2; k++) {
    assert_ok(ctx, case_run(ctx, "nfas", k ? with_manifest : with_options, &r));
    const cf_json *cortex = cf_json_get(r->values, "cortex");
    const cf_array *place = cf_dataset_get(r->arrays, "cortex/place");
    assert_int_equal(cf_json_as_number(cf_json_get(cortex, "shown")), ROIS);
    assert_string_equal(cf_json_as_text(cf_json_get(cortex, "paired")), "order");
    assert_non_null(place);
    assert_non_null(cf_dataset_get(r->arrays, "cortex/shade"));
    assert_int_equal(place->shape[0], 2); /* lateral and medial */
    cf_result_free(r);
    r = NULL;
  }
  cf_context_free(ctx);
}

/* ------------------------------------------------------------------ leakage -- */

/* No representation predicts series that know nothing of it: of m test samples of independent noise r has mean 0 and
 * its square 1/(m - 1). */
static void nothing_leaks(void **state) {
  (void)state;
  static const char *const names[] = {"alignment",    "baseline/mean",    "baseline/best",
                                      "baseline/pca", "baseline/fastest", "baseline/shuffled"};
  cf_context *ctx = case_context(1, 0, 0);
  cf_result *r = NULL;
  const char *const words[] = {noise, "nulls=20", "permutations=99", "exact-up-to=0", NULL};
  const double chance = 1.0 / (TIMES / RUNS - 1);
  assert_ok(ctx, case_run(ctx, "nfas", words, &r));
  assert_true(fabs(mean(MODELS * ROIS, case_numbers(r, "correlation", MODELS * ROIS))) < 0.03);
  for (size_t k = 0; k < sizeof names / sizeof *names; k++)
    assert_close(mean(MODELS * ROIS, case_numbers(r, names[k], MODELS * ROIS)), chance, 0.35, 0);
  cf_result_free(r);
  cf_context_free(ctx);
}

/* ------------------------------------------------------------------- events -- */

/* Every sample's stimulus shown twice within its TR: averages are the stimuli themselves, and so are the alignments. */
static void events_are_averaged(void **state) {
  (void)state;
  cf_context *ctx = case_context(1, 0, 0);
  cf_dataset *all = NULL;
  cf_result *one = NULL, *two = NULL;
  char twice[96], table[96], events[112], *text = malloc(64 * TIMES * 2);
  size_t n = (size_t)sprintf(text, "onset\trun\n"), at = 0;
  snprintf(twice, sizeof twice, "%s/twice.h5", folder);
  snprintf(table, sizeof table, "%s/events.tsv", folder);
  snprintf(events, sizeof events, "events=%s", table);
  assert_ok(ctx, cf_io_read_all(ctx, file, &all));
  const cf_array *run = cf_dataset_get(all, "run");
  for (size_t t = 0; t < TIMES; t++) {
    at = t > 0 && cf_array_number(run, t) == cf_array_number(run, t - 1) ? at + 1 : 0;
    for (size_t k = 0; k < 2; k++)
      n += (size_t)sprintf(text + n, "%.2f\t%.0f\n", 1.5 * (double)at + 0.7 * (double)k, cf_array_number(run, t));
  }
  assert_ok(ctx, cf_io_write_bytes(ctx, table, text, n, true));
  free(text);
  for (size_t i = 0; i < all->count; i++) {
    cf_array *a = all->array[i], *b = NULL;
    const char *name = a->name + (a->name[0] == '/');
    const size_t shape[2] = {2 * TIMES, WIDTH};
    if (strncmp(name, "layers/", 7) != 0) continue;
    assert_ok(ctx, cf_array_to_doubles(ctx, a));
    assert_ok(ctx, cf_array_new(ctx, name, CF_F64, 2, shape, &b));
    for (size_t t = 0; t < 2 * TIMES; t++)
      memcpy((double *)b->data + t * WIDTH, (double *)a->data + t / 2 * WIDTH, WIDTH * sizeof(double));
    cf_array_free(a);
    all->array[i] = b;
  }
  case_write(ctx, twice, all);
  cf_dataset_free(all);
  const char *const plain[] = {file, "nulls=20", "exact-up-to=0", "baselines=mean,last", NULL};
  const char *const listed[] = {twice, events, "tr=1.5", "nulls=20", "exact-up-to=0", "baselines=mean,last", NULL};
  assert_ok(ctx, case_run(ctx, "nfas", plain, &one));
  assert_ok(ctx, case_run(ctx, "nfas", listed, &two));
  static const char *const names[] = {"alignment", "baseline/mean", "baseline/last"};
  for (size_t k = 0; k < 3; k++) {
    const double *a = case_numbers(one, names[k], MODELS * ROIS), *b = case_numbers(two, names[k], MODELS * ROIS);
    for (size_t i = 0; i < MODELS * ROIS; i++) assert_close(b[i], a[i], 1e-5, 1e-7);
  }
  cf_result_free(one);
  cf_result_free(two);
  cf_context_free(ctx);
}

/* --------------------------------------------------------------------- bits -- */

static void same_bits(void **state) {
  (void)state;
  static const struct {
    int threads;
    size_t memory;
  } how[] = {{1, 0}, {2, 0}, {3, (size_t)24 << 20}};
  static const char *const names[] = {"alignment",         "correlation", "baseline/mean",       "baseline/pca",
                                      "baseline/shuffled", "snci",        "compare/dsa-angular", "baseline/best"};
  static const char *const narrow[2] = {"components=10", "width=joint"};
  for (size_t side = 0; side < 2; side++) { /* representations made narrow one by one, or all layers at once */
    const char *const words[] = {file,
                                 "nulls=20",
                                 "permutations=99",
                                 "exact-up-to=0",
                                 "width-components=6",
                                 narrow[side],
                                 side ? "baselines=mean,pca,shuffled,best" : "baselines=mean,pca,shuffled",
                                 NULL};
    cf_result *r[3] = {NULL};
    for (size_t k = 0; k < 3; k++) {
      cf_context *ctx = case_context(1, how[k].threads, how[k].memory);
      assert_ok(ctx, case_run(ctx, "nfas", words, &r[k]));
      for (size_t i = 0; i < sizeof names / sizeof *names - !side; i++) {
        const cf_array *a = cf_dataset_get(r[0]->arrays, names[i]), *b = cf_dataset_get(r[k]->arrays, names[i]);
        assert_memory_equal(a->data, b->data, cf_array_count(a) * sizeof(double));
      }
      cf_context_free(ctx);
    }
    for (size_t k = 0; k < 3; k++) cf_result_free(r[k]);
  }
}

/* All components of all layers together are a rotation of the features, which ridge regression does not see: also where
 * its folds come from products of features, and principal components from layers side by side. */
static void joint_is_a_rotation(void **state) {
  (void)state;
  static const char *const names[] = {"alignment", "baseline/mean", "baseline/best", "baseline/shuffled",
                                      "baseline/pca"};
  const char *const plain[] = {file,
                               "nulls=20",
                               "exact-up-to=0",
                               "features-scale=center",
                               "hrf=spm",
                               "tr=2",
                               "baselines=mean,pca,shuffled,best",
                               NULL},
                    *const turned[] = {file,
                                       "nulls=20",
                                       "exact-up-to=0",
                                       "features-scale=center",
                                       "hrf=spm",
                                       "tr=2",
                                       "baselines=mean,pca,shuffled,best",
                                       "width=joint",
                                       "width-components=24",
                                       NULL};
  cf_context *ctx = case_context(1, 0, 0);
  cf_result *one = NULL, *two = NULL;
  assert_ok(ctx, case_run(ctx, "nfas", plain, &one));
  assert_ok(ctx, case_run(ctx, "nfas", turned, &two));
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const double *a = cf_dataset_get(one->arrays, names[i])->data, *b = cf_dataset_get(two->arrays, names[i])->data;
    /* layers come in single precision; components are found to a part of their variance */
    for (size_t k = 0; k < MODELS * ROIS; k++) assert_close(b[k], a[k], 0, i == 4 ? 0.02 : 1e-3);
  }
  cf_result_free(one);
  cf_result_free(two);
  cf_context_free(ctx);
}

/* ----------------------------------------------------------------- manifest -- */

static void manifest_gives_the_same(void **state) {
  (void)state;
  cf_context *ctx = case_context(1, 0, 0);
  cf_result *one = NULL, *two = NULL;
  const char *const from_file[] = {file, "nulls=20", "exact-up-to=0", "baselines=mean", NULL}, *const from_list[] = {
                                                                                                   manifest, NULL};
  assert_ok(ctx, case_run(ctx, "nfas", from_file, &one));
  assert_ok(ctx, case_run(ctx, "nfas", from_list, &two));
  const cf_array *a = cf_dataset_get(one->arrays, "alignment"), *b = cf_dataset_get(two->arrays, "alignment");
  size_t order[MODELS];
  assert_ok(ctx, cf_labels_match(ctx, a->coordinate[0], b->coordinate[0], order));
  for (size_t m = 0; m < MODELS; m++)
    assert_memory_equal((double *)a->data + m * ROIS, (double *)b->data + order[m] * ROIS, ROIS * sizeof(double));
  assert_int_equal(cf_json_count(two->inputs), 2 + MODELS * LAYERS);
  cf_result_free(one);
  cf_result_free(two);
  cf_context_free(ctx);
}

static void refuses(const char *text, const char *words) {
  cf_context *ctx = case_context(1, 1, 0);
  cf_result *r = NULL;
  char path[96];
  snprintf(path, sizeof path, "%s/bad.yaml", folder);
  assert_ok(ctx, cf_io_write_bytes(ctx, path, text, strlen(text), true));
  assert_int_equal(case_run(ctx, "nfas", (const char *const[]){path, NULL}, &r), CF_ERR_INPUT);
  if (!strstr(cf_context_error(ctx), words)) fail_msg("'%s' does not say '%s'", cf_context_error(ctx), words);
  cf_result_free(r);
  cf_context_free(ctx);
}

static void bad_manifests(void **state) {
  (void)state;
  refuses("models: []", "at least one model");
  refuses("brain: {serie: x}\nmodels: [{name: a, layers: b}]", "bad.yaml:1:9: \"brain\" has no field \"serie\"");
  refuses("models:\n  - {layers: b}", "bad.yaml:2:5: a model needs a \"name\"");
  refuses("models:\n  - {name: a}", "a model needs \"layers\"");
  refuses("options: {rnak: 3}\nmodels: [{name: a, layers: b}]", "bad.yaml:1:11");
  refuses("brain: {series: all.h5:series}\nmodels: [{name: a, layers: missing.npy, modality: x}]", "needs at least 3");
}

/* ---------------------------------------------------------------- shortcuts -- */

/* Weights from sums by fold are those of DMD on the fold's training stimuli. */
static void sums_are_exact(void **state) {
  (void)state;
  enum { L = 7, T = 60, D = 9, G = 3 };
  cf_context *ctx = case_context(1, 0, 0);
  static double x[L][T * D];
  size_t group[T];
  cf_rng rng = cf_rng_make(9, 9, 0);
  cf_blocks block[L];
  for (size_t t = 0; t < T; t++) group[t] = t * G / T;
  for (size_t l = 0; l < L; l++) {
    for (size_t i = 0; i < T * D; i++)
      x[l][i] = (l ? 0.9 * x[l - 1][i] : 0) + (l ? 0.2 : 1) * cf_rng_normal(&rng) + 5 + (double)(i % D);
    const cf_view view = cf_view_matrix(x[l], T, D);
    assert_ok(ctx, cf_blocks_from_view(ctx, &view, "layer", &block[l]));
  }
  cf_depth_sums *sums = NULL;
  assert_ok(ctx, cf_depth_sums_make(ctx, L, block, G, group, &sums));
  for (size_t test = 0; test < G; test++)
    for (int way = 0; way < 4; way++) {
      cf_depth_options o = CF_DEPTH_OPTIONS_INIT;
      bool train[T], trains[G];
      double factor[L], w[L] = {0}, *out = malloc(T * D * sizeof *out);
      cf_depth *d = NULL;
      cf_dmd *m = NULL;
      for (size_t t = 0; t < T; t++) train[t] = group[t] != test;
      for (size_t g = 0; g < G; g++) trains[g] = g != test;
      o.train = train;
      o.centre = way != 1;
      o.scale = way == 2;
      o.dmd.rank = way == 3 ? (cf_rank){CF_RANK_FIXED, 4} : o.dmd.rank;
      assert_ok(ctx, cf_depth_fit(ctx, L, block, &o, &d));
      assert_ok(ctx, cf_depth_sums_fit(ctx, sums, trains, NULL, &o, &m, factor));
      assert_int_equal(m->rank, d->dmd->rank);
      for (size_t i = 0; i < 2 * m->rank; i++) assert_close(m->eigenvalue[i], d->dmd->eigenvalue[i], 1e-7, 1e-8);
      for (size_t i = 0; i < m->rank; i++)
        for (size_t l = 0; l + 1 < L && d->chosen[i]; l++) w[l] += m->weight[2 * (i * (L - 1) + l)] * factor[l];
      assert_ok(ctx, cf_depth_combine(ctx, L, block, 1, w, out));
      for (size_t j = 0; j < D && o.centre; j++) { /* they differ by a constant */
        const double shift = out[j] - d->features[j];
        for (size_t t = 0; t < T; t++) assert_close(out[t * D + j] - shift, d->features[t * D + j], 1e-6, 1e-7);
      }
      free(out);
      cf_dmd_free(m);
      cf_depth_free(d);
    }
  cf_depth_sums_free(sums);
  for (size_t l = 0; l < L; l++) cf_blocks_close(&block[l]);
  cf_context_free(ctx);
}

/* Inner folds from products of features, or left out of one decomposition as blocks, choose what a decomposition a fold
 * chooses, and predict the same. */
static void held_is_exact(void **state) {
  (void)state;
  enum { T = 160, Y = 11 };
  static const size_t width[4] = {4, 12, 60, 90}; /* products (of fewer features), features, kernel of delays, kernel */
  static const int delay[2] = {1, 2};
  cf_context *ctx = case_context(1, 0, 0);
  for (size_t k = 0; k < 8; k++) {
    const size_t p = width[k % 4];
    double *x = malloc(T * p * sizeof *x), *y = malloc(T * Y * sizeof *y);
    size_t run[T];
    cf_rng rng = cf_rng_make(10, k, 0);
    cf_blocks features, targets;
    cf_fold_set *folds = NULL;
    cf_voxel_options o = CF_VOXEL_OPTIONS_INIT;
    cf_voxel_result *plain = NULL, *held = NULL;
    for (size_t i = 0; i < T; i++) run[i] = i * 4 / T;
    for (size_t i = 0; i < T * p; i++) x[i] = i % p == 3 && k % 2 == 0 ? 5 : cf_rng_normal(&rng); /* one says nothing */
    for (size_t i = 0; i < T; i++)
      for (size_t j = 0; j < Y; j++)
        y[i * Y + j] = j == 3 ? 1 : (i > 2 ? 0.3 * (double)j * x[(i - 1) * p + j % p] : 0) + cf_rng_normal(&rng);
    const cf_view vx = cf_view_matrix(x, T, p), vy = cf_view_matrix(y, T, Y);
    assert_ok(ctx, cf_blocks_from_view(ctx, &vx, "x", &features));
    assert_ok(ctx, cf_blocks_from_view(ctx, &vy, "y", &targets));
    assert_ok(ctx, cf_voxel_folds(ctx, T, run, 0, NULL, CF_TRIM_AUTO, &folds));
    o.inner_folds = k < 4 ? 0 : 5;
    o.delays = 2;
    o.delay = delay;
    o.ridge.shared = k == 4 || k == 5;
    o.ridge.score = k > 5 || k == 0 ? CF_INNER_MSE : CF_INNER_CORRELATION;
    o.predictions = true;
    assert_ok(ctx, cf_voxel_encode(ctx, &features, &targets, run, folds, &o, &plain));
    o.held = true;
    assert_ok(ctx, cf_voxel_encode(ctx, &features, &targets, run, folds, &o, &held));
    for (size_t i = 0; i < folds->folds * Y; i++) {
      assert_close(held->alpha_fold[i], plain->alpha_fold[i], 0, 0);
      assert_close(held->rho[i], plain->rho[i], 1e-7, 1e-9);
    }
    for (size_t i = 0; i < T * Y; i++) assert_close(held->prediction[i], plain->prediction[i], 1e-6, 1e-8);
    cf_voxel_result_free(held);
    held = NULL;
    o.ridge.precision = CF_PRECISION_SINGLE; /* may take the neighbour of an alpha where two are as good */
    assert_ok(ctx, cf_voxel_encode(ctx, &features, &targets, run, folds, &o, &held));
    for (size_t i = 0; i < folds->folds * Y; i++)
      if (plain->state[i % Y] == CF_TARGET_FITTED) assert_close(held->rho[i], plain->rho[i], 0, 0.02);
    cf_voxel_result_free(plain);
    cf_voxel_result_free(held);
    cf_fold_set_free(folds);
    cf_blocks_close(&features);
    cf_blocks_close(&targets);
    free(x);
    free(y);
  }
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finds_what_was_planted), cmocka_unit_test(nothing_leaks),
      cmocka_unit_test(depth_is_compared),      cmocka_unit_test(lies_on_surfaces),
      cmocka_unit_test(events_are_averaged),    cmocka_unit_test(same_bits),
      cmocka_unit_test(joint_is_a_rotation),    cmocka_unit_test(manifest_gives_the_same),
      cmocka_unit_test(bad_manifests),          cmocka_unit_test(sums_are_exact),
      cmocka_unit_test(held_is_exact)};
  return cmocka_run_group_tests(tests, setup, teardown);
}
