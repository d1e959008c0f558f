/* Encoding models of real recordings. Haxby et al. (2001), subject 1: 12 runs of 121 volumes of one slice, 8 categories
 * in blocks of 22.5 s, TR 2.5 s; 31 regions at rest (nitime), TR 1.89 s. Images go through `regions`, models through
 * `align`. */
#include "test.h"
#include <cortifold/io.h>
#include <cortifold/voxelwise.h>
#include <unistd.h>

#define HAXBY CF_SHARED_DIR "/data/haxby-slice/"
#define REST  CF_SHARED_DIR "/data/nitime-fmri/fmri_timeseries.csv"
enum { RUNS = 12, VOLUMES = 121, SAMPLES = RUNS * VOLUMES, CATEGORIES = 8, MOST = 600 };

static const char *const category[CATEGORIES] = {"bottle", "cat",      "chair",        "face",
                                                 "house",  "scissors", "scrambledpix", "shoe"};
static char folder[] = "/tmp/cortifold_voxel_XXXXXX";

static void run_program(const char *arguments) {
  char line[8192];
  snprintf(line, sizeof line, "cd %s && OMP_WAIT_POLICY=passive %s %s -q -f >/dev/null", folder, CF_PROGRAM, arguments);
  if (system(line) != 0) fail_msg("failed: %s", arguments);
}

static cf_array *read_array(cf_context *ctx, const char *name) {
  char path[256];
  cf_array *a = NULL;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  assert_ok(ctx, cf_io_read(ctx, path, NULL, &a));
  assert_ok(ctx, cf_array_to_doubles(ctx, a));
  return a;
}

static void write_matrix(cf_context *ctx, const char *name, const double *x, size_t rows, size_t cols) {
  char path[256];
  const size_t shape[2] = {rows, cols};
  const cf_io_write_options force = {true, NULL, NULL};
  cf_dataset *set = NULL;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  assert_ok(ctx, cf_dataset_put(ctx, set, "x", cols ? 2 : 1, shape, x));
  assert_ok(ctx, cf_io_write(ctx, path, set, &force));
  cf_dataset_free(set);
}

static void make_series(void) {
  char line[6000] = "regions";
  for (int r = 1; r <= RUNS; r++) {
    const size_t n = strlen(line);
    snprintf(line + n, sizeof line - n, " " HAXBY "run%02d_bold_1slice.nii.gz", r);
  }
  strcat(line, " -o series.npz");
  run_program(line);
}

/* Category of each volume, CATEGORIES for rest. */
static void read_labels(cf_context *ctx, size_t *label) {
  cf_array *a = NULL;
  char text[64];
  assert_ok(ctx, cf_io_read(ctx, HAXBY "volumes.csv:label", NULL, &a));
  assert_int_equal(cf_array_count(a), SAMPLES);
  for (size_t i = 0; i < SAMPLES; i++)
    for (label[i] = 0; label[i] < CATEGORIES; label[i]++)
      if (strcmp(cf_array_label(a, i, text, sizeof text), category[label[i]]) == 0) break;
  cf_array_free(a);
}

/* The images and the array that was made from them elsewhere. */
static void images_hold_what_they_should(void **state) {
  (void)state;
  if (access(HAXBY "volumes.csv", R_OK) != 0) skip();
  cf_context *ctx = test_context();
  cf_array *all = NULL;
  assert_ok(ctx, cf_io_read(ctx, HAXBY "bold_1slice.npy", NULL, &all));
  for (size_t r = 0; r < RUNS; r++) {
    char path[600];
    cf_array *a = NULL;
    snprintf(path, sizeof path, HAXBY "run%02zu_bold_1slice.nii.gz", r + 1);
    assert_ok(ctx, cf_io_read(ctx, path, NULL, &a));
    assert_true(a->ndim == 4 && a->shape[0] == 40 && a->shape[1] == 20 && a->shape[2] == 1 && a->shape[3] == VOLUMES);
    for (size_t v = 0; v < 800; v++)
      for (size_t t = 0; t < VOLUMES; t++)
        assert_true(cf_array_number(a, v * VOLUMES + t) == cf_array_number(all, (r * VOLUMES + t) * 800 + v));
    cf_array_free(a);
  }
  cf_array_free(all);
  cf_context_free(ctx);
}

static void mean_patterns(const double *x, size_t voxels, const size_t *label, size_t run, double *out) {
  for (size_t c = 0; c < CATEGORIES; c++) {
    double count = 0;
    for (size_t v = 0; v < voxels; v++) out[c * voxels + v] = 0;
    for (size_t t = run * VOLUMES; t < (run + 1) * VOLUMES; t++) {
      if (label[t] != c) continue;
      count++;
      for (size_t v = 0; v < voxels; v++) out[c * voxels + v] += x[t * voxels + v];
    }
    for (size_t v = 0; v < voxels; v++) out[c * voxels + v] /= count;
  }
}

/* Mean of the patterns of chosen runs. */
static void average(const double *patterns, size_t size, bool (*chosen)(size_t run, size_t which), size_t which,
                    double *out) {
  double count = 0;
  memset(out, 0, size * sizeof *out);
  for (size_t r = 0; r < RUNS; r++) {
    if (!chosen(r, which)) continue;
    count++;
    for (size_t i = 0; i < size; i++) out[i] += patterns[r * size + i];
  }
  for (size_t i = 0; i < size; i++) out[i] /= count;
}
static bool other(size_t run, size_t which) {
  return run != which;
}
static bool parity(size_t run, size_t which) {
  return run % 2 == which;
}

static void less_mean_over_categories(double *x, size_t voxels) {
  for (size_t v = 0; v < voxels; v++) {
    double mean = 0;
    for (size_t c = 0; c < CATEGORIES; c++) mean += x[c * voxels + v] / CATEGORIES;
    for (size_t c = 0; c < CATEGORIES; c++) x[c * voxels + v] -= mean;
  }
}

static void categories_are_decoded(void **state) {
  (void)state;
  if (access(HAXBY "volumes.csv", R_OK) != 0) skip();
  cf_context *ctx = test_context();
  static size_t label[SAMPLES];
  static double a[CATEGORIES * MOST], b[CATEGORIES * MOST], patterns[RUNS * CATEGORIES * MOST];
  read_labels(ctx, label);
  cf_array *series = read_array(ctx, "series.npz:series");
  const size_t voxels = series->shape[1], size = CATEGORIES * voxels;
  assert_int_equal(series->shape[0], SAMPLES);
  assert_int_equal(voxels, 530);
  for (size_t r = 0; r < RUNS; r++) mean_patterns(series->data, voxels, label, r, patterns + r * size);
  size_t right = 0, won = 0;
  for (size_t r = 0; r < RUNS; r++) {
    average(patterns, size, other, r, a);
    for (size_t c = 0; c < CATEGORIES; c++) {
      size_t best = 0;
      double most = -2;
      for (size_t k = 0; k < CATEGORIES; k++) {
        const double s = cf_score_r(voxels, patterns + r * size + c * voxels, a + k * voxels);
        if (s > most) most = s, best = k;
      }
      right += best == c;
    }
  }
  average(patterns, size, parity, 0, a);
  average(patterns, size, parity, 1, b);
  less_mean_over_categories(a, voxels);
  less_mean_over_categories(b, voxels);
  for (size_t i = 0; i < CATEGORIES; i++)
    for (size_t j = 0; j < CATEGORIES; j++) {
      const double same = cf_score_r(voxels, a + i * voxels, b + i * voxels);
      if (i == j) continue;
      won += same > cf_score_r(voxels, a + i * voxels, b + j * voxels);
      won += same > cf_score_r(voxels, a + j * voxels, b + i * voxels);
    }
  print_message("8-way %.4f, pairs %.4f\n", (double)right / (RUNS * CATEGORIES), (double)won / 112);
  assert_close((double)right / (RUNS * CATEGORIES), 0.625, 0, 1e-9);
  assert_close((double)won / 112, 0.964, 0, 5e-4);
  cf_array_free(series);
  cf_context_free(ctx);
}

/* One regressor a category and run, from the event tables. */
static void make_features(cf_context *ctx, cf_hrf hrf, double *out) {
  for (size_t r = 0; r < RUNS; r++) {
    char path[600], text[64];
    cf_array *onset = NULL, *duration = NULL, *type = NULL;
    snprintf(path, sizeof path, HAXBY "run%02zu_events.tsv", r + 1);
    assert_ok(ctx, cf_io_read_sibling(ctx, path, "onset", &onset));
    assert_ok(ctx, cf_io_read_sibling(ctx, path, "duration", &duration));
    assert_ok(ctx, cf_io_read_sibling(ctx, path, "trial_type", &type));
    for (size_t c = 0; c < CATEGORIES; c++) {
      double from[16], length[16], x[VOLUMES];
      size_t events = 0;
      for (size_t e = 0; e < cf_array_count(type); e++) {
        if (strcmp(cf_array_label(type, e, text, sizeof text), category[c]) != 0) continue;
        from[events] = cf_array_number(onset, e);
        length[events++] = cf_array_number(duration, e);
      }
      assert_ok(ctx, cf_hrf_events(ctx, events, from, length, VOLUMES, 2.5, hrf, CF_HRF_GRID_EXACT, x));
      for (size_t t = 0; t < VOLUMES; t++) out[(r * VOLUMES + t) * CATEGORIES + c] = x[t];
    }
    cf_array_free(onset);
    cf_array_free(duration);
    cf_array_free(type);
  }
}

static double score_of(cf_context *ctx, const char *name, double *most, size_t *significant) {
  char member[64];
  snprintf(member, sizeof member, "%s:r", name);
  cf_array *r = read_array(ctx, member);
  double mean = 0;
  *most = -1;
  for (size_t j = 0; j < cf_array_count(r); j++) {
    mean += cf_array_number(r, j) / (double)cf_array_count(r);
    *most = fmax(*most, cf_array_number(r, j));
  }
  cf_array_free(r);
  if (!significant) return mean;
  snprintf(member, sizeof member, "%s:q", name);
  cf_array *q = read_array(ctx, member);
  for (size_t j = *significant = 0; j < cf_array_count(q); j++) *significant += cf_array_number(q, j) <= 0.05;
  cf_array_free(q);
  return mean;
}

static void categories_predict_voxels(void **state) {
  (void)state;
  if (access(HAXBY "volumes.csv", R_OK) != 0) skip();
  cf_context *ctx = test_context();
  static double x[SAMPLES * CATEGORIES];
  double most_hrf, most_fir, most_shifted;
  size_t significant, shifted_significant;
  make_features(ctx, CF_HRF_GLOVER, x);
  write_matrix(ctx, "hrf.npy", x, SAMPLES, CATEGORIES);
  make_features(ctx, CF_HRF_NONE, x);
  write_matrix(ctx, "box.npy", x, SAMPLES, CATEGORIES);
  static double moved[SAMPLES * CATEGORIES]; /* each run has the events of the next: their order differs */
  for (size_t i = 0; i < SAMPLES * CATEGORIES; i++) moved[i] = x[(i + VOLUMES * CATEGORIES) % (SAMPLES * CATEGORIES)];
  write_matrix(ctx, "moved.npy", moved, SAMPLES, CATEGORIES);
  run_program(
      "align hrf.npy series.npz:series --runs series.npz:run --delays 0 --null shift --refit --permutations 200 "
      "-o hrf.npz");
  run_program("align box.npy series.npz:series --runs series.npz:run --delays 1,2,3,4 -o fir.npz");
  run_program("align moved.npy series.npz:series --runs series.npz:run --delays 1,2,3,4 --null shift --refit "
              "--permutations 200 -o moved.npz");
  const double hrf = score_of(ctx, "hrf.npz", &most_hrf, &significant), fir = score_of(ctx, "fir.npz", &most_fir, NULL);
  const double wrong = score_of(ctx, "moved.npz", &most_shifted, &shifted_significant);
  print_message("mean r: convolved %.3f (best %.3f, %zu of 530 voxels at q 0.05), delays %.3f (best %.3f), events of "
                "another run %.3f (best %.3f, %zu)\n",
                hrf, most_hrf, significant, fir, most_fir, wrong, most_shifted, shifted_significant);
  assert_true(hrf > 0.08 && most_hrf > 0.5 && significant > 120);
  assert_true(fir > 0.15 && most_fir > 0.7);
  assert_true(wrong < 0.9 * fir); /* any block drives visual voxels, the right category more */
  cf_context_free(ctx);
}

/* Resting regions predict one another, and much better than they do moved in time. */
static void regions_at_rest(void **state) {
  (void)state;
  if (access(REST, R_OK) != 0) skip();
  cf_context *ctx = test_context();
  cf_array *table = NULL;
  assert_ok(ctx, cf_io_read(ctx, REST, NULL, &table));
  assert_ok(ctx, cf_array_to_doubles(ctx, table));
  const size_t n = table->shape[0], t = table->shape[1];
  assert_int_equal(t, 31);
  double *x = malloc(n * t * sizeof *x), *y = malloc(n * t * sizeof *y), most;
  size_t significant, half = t / 2;
  assert_true(x && y);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < t; j++) {
      const double v = cf_array_number(table, i * t + j);
      if (j < half)
        x[i * half + j] = v;
      else
        y[i * (t - half) + j - half] = v;
    }
  write_matrix(ctx, "x.npy", x, n, half);
  write_matrix(ctx, "y.npy", y, n, t - half);
  run_program(
      "align x.npy y.npy --delays 0 --tr 1.89 --detrend cosine --null shift --refit --permutations 200 -o rest.npz");
  const double mean = score_of(ctx, "rest.npz", &most, &significant);
  print_message("rest: mean r %.3f, best %.3f, %zu of %zu\n", mean, most, significant, t - half);
  assert_true(mean > 0.3 && significant > (t - half) / 2);
  free(x);
  free(y);
  cf_array_free(table);
  cf_context_free(ctx);
}

static int prepare(void **state) {
  (void)state;
  if (!mkdtemp(folder)) return -1;
  if (access(HAXBY "volumes.csv", R_OK) == 0) make_series();
  return 0;
}

static int clean(void **state) {
  (void)state;
  char line[64];
  snprintf(line, sizeof line, "rm -r %s", folder);
  return system(line);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(images_hold_what_they_should),
      cmocka_unit_test(categories_are_decoded),
      cmocka_unit_test(categories_predict_voxels),
      cmocka_unit_test(regions_at_rest),
  };
  if (access(HAXBY "volumes.csv", R_OK) != 0 && access(REST, R_OK) != 0) {
    printf("SKIPPED: no %s\n", HAXBY);
    return 77;
  }
  return cmocka_run_group_tests(tests, prepare, clean);
}
