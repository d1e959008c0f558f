/* Surfaces and their parcels from files made by numpy (tests/golden/cortex/make.py): GIFTI in both byte and index
 * orders, CIFTI-2 labels and series; regions' means, and what the maps of a result show. */
#include "io_test.h"
#include <cortifold/pipeline.h>
#include <math.h>

#define GOLDEN CF_TEST_DIR "/golden/cortex/"

static cf_array *load(cf_context *ctx, const char *name) {
  cf_array *a = NULL;
  char path[600];
  snprintf(path, sizeof path, GOLDEN "%s", name);
  assert_ok(ctx, cf_io_read(ctx, path, NULL, &a));
  return a;
}

/* Runs an analysis with words: name, text, name, text ... NULL; the argument first. */
static cf_status run(cf_context *ctx, const char *kind, const char *argument, const char *const *word,
                     cf_result **out) {
  const cf_analysis *analysis = cf_analysis_find(kind);
  const cf_param *const tables[] = {analysis->params, cf_common_params()};
  cf_options *options = NULL;
  cf_context_clear(ctx);
  assert_ok(ctx, cf_options_new(ctx, tables, 2, &options));
  assert_ok(ctx, cf_options_add_argument(ctx, options, argument));
  for (; *word; word += 2) assert_ok(ctx, cf_options_set(ctx, options, word[0], word[1]));
  assert_ok(ctx, cf_result_new(ctx, out));
  const cf_status status = analysis->run(ctx, options, *out);
  cf_options_free(options);
  return status;
}

static void cifti_tells_its_axes(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  cf_array *keys = load(ctx, "keys.npy"), *structure = load(ctx, "parcels.dlabel.nii:structure"),
           *vertex = load(ctx, "parcels.dlabel.nii:vertex"), *all = load(ctx, "parcels.dlabel.nii:vertices"),
           *index = load(ctx, "parcels.dlabel.nii:index"), *name = load(ctx, "parcels.dlabel.nii:name"),
           *matrix = load(ctx, "parcels.dlabel.nii"), *second = load(ctx, "two.dlabel.nii:map1"),
           *map = load(ctx, "two.dlabel.nii:map"), *step = load(ctx, "series.dtseries.nii:step"), *none = NULL;
  char text[64];
  const size_t places = cf_array_count(vertex), vertices = keys->shape[1];
  assert_true(matrix->ndim == 2 && matrix->shape[0] == 1 && matrix->shape[1] == places);
  assert_true(cf_array_count(structure) == places && cf_array_count(second) == places && second->ndim == 1);
  for (size_t i = 0; i < places; i++) {
    const char *where = cf_array_label(structure, i, text, sizeof text);
    const int side = strcmp(where, "CORTEX_LEFT") == 0 ? 0 : strcmp(where, "CORTEX_RIGHT") == 0 ? 1 : 2;
    const double v = cf_array_number(vertex, i), key = cf_array_number(matrix, i);
    if (side == 2) {
      assert_string_equal(where, "BRAIN_STEM");
      assert_close(v, -1, 0, 0);
      assert_close(cf_array_number(all, i), 0, 0, 0);
      continue;
    }
    assert_close(cf_array_number(all, i), (double)vertices, 0, 0);
    assert_close(key, cf_array_number(keys, (size_t)side * vertices + (size_t)v) + 6 * side, 0, 0);
    assert_close(cf_array_number(second, i), side ? 0 : key, 0, 0);
  }
  assert_int_equal(cf_array_count(index), 13);
  assert_close(cf_array_number(index, 12), 12, 0, 0);
  assert_string_equal(cf_array_label(name, 12, text, sizeof text), "R_back-down");
  assert_string_equal(cf_array_label(map, 1, text, sizeof text), "left only");
  assert_close(cf_array_number(step, 0), 0.72, 1e-12, 0);
  assert_status(ctx, CF_ERR_INPUT, cf_io_read(ctx, GOLDEN "parcels.dlabel.nii:map1", NULL, &none));
  cf_array *each[] = {keys, structure, vertex, all, index, name, matrix, second, map, step};
  for (size_t i = 0; i < sizeof each / sizeof *each; i++) cf_array_free(each[i]);
  cf_context_free(ctx);
}

static void labels_are_an_atlas(void **state) {
  (void)state;
  static const char *const plain[] = {"atlas", GOLDEN "parcels.dlabel.nii", "detrend", "none", "zscore", "none", NULL};
  static const char *const second[] = {"atlas", GOLDEN "two.dlabel.nii:map1", "detrend", "none", "zscore", "none",
                                       NULL};
  static const char *const two[] = {"atlas", GOLDEN "two.dlabel.nii", NULL};
  cf_context *ctx = test_context();
  cf_array *means = load(ctx, "means.npy");
  cf_result *result = NULL;
  char text[64];
  assert_ok(ctx, run(ctx, "regions", GOLDEN "series.dtseries.nii", plain, &result));
  const cf_array *series = cf_dataset_get(result->arrays, "series");
  assert_true(series->shape[0] == 10 && series->shape[1] == 12);
  for (size_t i = 0; i < 120; i++) assert_close(cf_array_number(series, i), cf_array_number(means, i), 1e-6, 1e-6);
  assert_string_equal(cf_array_label(series->coordinate[1], 0, text, sizeof text), "L_front-up");
  assert_close(cf_json_as_number(cf_json_get(result->values, "tr")), 0.72, 1e-12, 0);
  cf_result_free(result);
  assert_ok(ctx, run(ctx, "regions", GOLDEN "series.dtseries.nii", second, &result));
  series = cf_dataset_get(result->arrays, "series");
  assert_true(series->shape[1] == 6);
  for (size_t t = 0; t < 10; t++)
    for (size_t k = 0; k < 6; k++)
      assert_close(cf_array_number(series, t * 6 + k), cf_array_number(means, t * 12 + k), 1e-6, 1e-6);
  cf_result_free(result);
  assert_status(ctx, CF_ERR_INPUT, run(ctx, "regions", GOLDEN "series.dtseries.nii", two, &result));
  assert_non_null(strstr(cf_context_error(ctx), "two.dlabel.nii:map0"));
  cf_result_free(result);
  cf_array_free(means);
  cf_context_free(ctx);
}

/* ------------------------------------------------------------------ maps -- */

enum { MODELS = 6, ROIS = 12 };

/* An alignment with names of the regions in an order of their own: region r is parcel (5 r) mod 12. */
static const char *alignment(cf_context *ctx, bool named) {
  static const char *const part[6] = {"front-up", "front-down", "middle-up", "middle-down", "back-up", "back-down"};
  char label[ROIS][32];
  const char *roi[ROIS], *path = test_path(named ? "named.npz" : "plain.npz");
  const size_t shape[2] = {MODELS, ROIS};
  double x[MODELS * ROIS];
  cf_dataset *set = NULL;
  cf_array *a = NULL, *b = NULL;
  cf_io_write_options o = CF_IO_WRITE_OPTIONS_INIT;
  for (size_t r = 0; r < ROIS; r++) {
    const size_t k = 5 * r % ROIS;
    snprintf(label[r], sizeof label[r], "%c_%s", k < 6 ? 'L' : 'R', part[k % 6]);
    roi[r] = label[r];
    for (size_t i = 0; i < MODELS; i++)
      x[i * ROIS + r] = 0.1 + 0.02 * (double)((i * 7 + r * 3) % 11) + 0.1 * (double)(i % 2);
  }
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  assert_ok(ctx, cf_array_from_doubles(ctx, "alignment", 2, shape, x, &a));
  assert_ok(ctx, cf_array_from_texts(ctx, "roi", ROIS, roi, &b));
  if (named) assert_ok(ctx, cf_array_set_axis(ctx, a, 1, "roi", b));
  cf_array_free(b);
  assert_ok(ctx, cf_dataset_add(ctx, set, a));
  const double code[MODELS] = {0, 1, 0, 1, 0, 1};
  assert_ok(ctx, cf_dataset_put(ctx, set, "group", 1, (const size_t[]){MODELS}, code));
  o.force = true;
  assert_ok(ctx, cf_io_write(ctx, path, set, &o));
  cf_dataset_free(set);
  return path;
}

/* The share of the view's cortex that each region takes, and of none. */
static void shares(const cf_array *place, size_t view, double *share, double *bare) {
  const size_t n = place->shape[1] * place->shape[2];
  double all = 0;
  *bare = 0;
  for (size_t r = 0; r < ROIS; r++) share[r] = 0;
  for (size_t i = view * n; i < (view + 1) * n; i++) {
    const double p = cf_array_number(place, i);
    all += p != 0;
    if (p > 0) share[(size_t)p - 1]++;
    if (p < 0) ++*bare;
  }
  for (size_t r = 0; r < ROIS; r++) share[r] /= all;
  *bare /= all;
}

#define SURFACES "surface-left", GOLDEN "left.surf.gii", "surface-right", GOLDEN "right.surf.gii"
#define QUICK    "permutations", "99", "roi-permutations", "9"

static void maps_show_regions_where_they_lie(void **state) {
  (void)state;
  static const char *const gifti[] = {SURFACES, "parcels", GOLDEN "left.label.gii," GOLDEN "right.label.gii", QUICK,
                                      NULL};
  static const char *const cifti[] = {SURFACES, "parcels", GOLDEN "parcels.dlabel.nii", QUICK, NULL};
  cf_context *ctx = test_context();
  cf_result *one = NULL, *other = NULL;
  double share[ROIS], bare;
  char text[64];
  assert_ok(ctx, run(ctx, "space", alignment(ctx, true), gifti, &one));
  assert_ok(ctx, run(ctx, "space", alignment(ctx, true), cifti, &other));
  const cf_array *place = cf_dataset_get(one->arrays, "cortex/place"),
                 *again = cf_dataset_get(other->arrays, "cortex/place");
  assert_true(place->ndim == 3 && place->shape[0] == 4);
  assert_string_equal(cf_array_label(place->coordinate[0], 1, text, sizeof text), "left medial");
  /* two ways to say the same */
  for (size_t i = 0; i < cf_array_count(place); i++)
    assert_close(cf_array_number(place, i), cf_array_number(again, i), 0, 0);
  assert_string_equal(cf_json_as_text(cf_json_get(cf_json_get(one->values, "cortex"), "paired")), "name");
  assert_close(cf_json_as_number(cf_json_get(cf_json_get(one->values, "cortex"), "shown")), ROIS, 0, 0);
  for (size_t v = 0; v < 4; v++) {
    shares(place, v, share, &bare);
    const bool medial = v == 1 || v == 2, left = v < 2;
    assert_true(medial ? bare > 0.2 && bare < 0.5 : bare == 0);
    for (size_t r = 0; r < ROIS; r++) {
      const size_t k = 5 * r % ROIS;
      assert_true((k < 6) == left ? share[r] > 0.02 && share[r] < 0.35 : share[r] == 0);
    }
  }
  /* the front of the left hemisphere lies at the left of its lateral view, upper parcels above lower ones */
  double column[2] = {0, 0}, row[2] = {0, 0}, n[2] = {0, 0};
  for (size_t i = 0; i < place->shape[1] * place->shape[2]; i++)
    for (size_t k = 0; k < 2; k++)
      if (cf_array_number(place, i) ==
          (k ? 8 : 0) + 1) { /* region 0 is parcel 0 (front-up), region 8 is parcel 4 (back-up) */
        column[k] += (double)(i % place->shape[2]);
        row[k] += (double)(i / place->shape[2]);
        n[k]++;
      }
  assert_true(n[0] > 0 && n[1] > 0 && column[0] / n[0] + 200 < column[1] / n[1]);
  assert_true(row[0] / n[0] < (double)place->shape[1] / 2);
  cf_result_free(one);
  cf_result_free(other);
  cf_context_free(ctx);
}

static void pairing_without_names_is_by_order(void **state) {
  (void)state;
  static const char *const cifti[] = {SURFACES, "parcels", GOLDEN "parcels.dlabel.nii", QUICK, NULL};
  static const char *const gifti[] = {SURFACES, "parcels", GOLDEN "left.label.gii," GOLDEN "right.label.gii", QUICK,
                                      NULL};
  static const char *const left[] = {
      "surface-left", GOLDEN "left.surf.gii", "parcels", GOLDEN "left.label.gii", QUICK, NULL};
  cf_context *ctx = test_context();
  cf_result *one = NULL, *two = NULL, *bad = NULL;
  double share[ROIS], bare;
  assert_ok(ctx, run(ctx, "space", alignment(ctx, false), cifti, &one));
  assert_ok(ctx,
            run(ctx, "space", alignment(ctx, false), gifti, &two)); /* keys that both sides share: left ones first */
  assert_string_equal(cf_json_as_text(cf_json_get(cf_json_get(one->values, "cortex"), "paired")), "order");
  for (int k = 0; k < 2; k++) {
    const cf_array *place = cf_dataset_get((k ? two : one)->arrays, "cortex/place");
    shares(place, 0, share, &bare);
    for (size_t r = 0; r < ROIS; r++) assert_true(r < 6 ? share[r] > 0.02 : share[r] == 0);
    shares(place, 3, share, &bare);
    for (size_t r = 0; r < ROIS; r++) assert_true(r < 6 ? share[r] == 0 : share[r] > 0.02);
  }
  assert_status(ctx, CF_ERR_INPUT, run(ctx, "space", alignment(ctx, false), left, &bad));
  assert_non_null(strstr(cf_context_error(ctx), "6 parcels, there are 12 regions"));
  cf_result_free(bad);
  cf_result_free(one);
  cf_result_free(two);
  cf_context_free(ctx);
}

static void one_hemisphere_and_its_vertices(void **state) {
  (void)state;
  static const char *const vertices[] = {"surface-left", GOLDEN "left.surf.gii", NULL};
  static const char *const lonely[] = {"parcels", GOLDEN "left.label.gii", NULL};
  static const char *const swapped[] = {"surface-left", GOLDEN "left.label.gii", NULL};
  static const char *const three[] = {"surface-left", GOLDEN "left.surf.gii", "parcels",
                                      GOLDEN "left.label.gii," GOLDEN "left.label.gii," GOLDEN "left.label.gii", NULL};
  cf_context *ctx = test_context();
  cf_result *result = NULL;
  cf_array *keys = load(ctx, "keys.npy");
  const size_t n = keys->shape[1];
  cf_dataset *set = NULL;
  cf_io_write_options o = CF_IO_WRITE_OPTIONS_INIT;
  double *x = calloc(3 * 8 * n, sizeof *x);
  for (size_t i = 0; i < 3 * 8 * n; i++) x[i] = sin((double)i * 0.7) + (double)(i % n);
  assert_ok(ctx, cf_dataset_new(ctx, &set));
  assert_ok(ctx, cf_dataset_put(ctx, set, "repeats", 3, (const size_t[]){3, 8, n}, x));
  assert_ok(ctx, cf_io_write(ctx, test_path("repeats.npz"), set, &o));
  assert_ok(ctx, run(ctx, "ceiling", test_path("repeats.npz"), vertices, &result));
  const cf_array *place = cf_dataset_get(result->arrays, "cortex/place");
  assert_true(place->shape[0] == 2);
  assert_string_equal(result->arrays->array[0]->name, "ceiling"); /* what .npy takes stays the result itself */
  assert_string_equal(cf_json_as_text(cf_json_get(cf_json_get(result->values, "cortex"), "paired")), "vertex");
  cf_result_free(result);
  assert_status(ctx, CF_ERR_USAGE, run(ctx, "ceiling", test_path("repeats.npz"), lonely, &result));
  assert_non_null(strstr(cf_context_error(ctx), "--surface-left"));
  cf_result_free(result);
  assert_status(ctx, CF_ERR_INPUT, run(ctx, "ceiling", test_path("repeats.npz"), swapped, &result));
  assert_non_null(strstr(cf_context_error(ctx), "left.label.gii: a surface is a file with points"));
  cf_result_free(result);
  assert_status(ctx, CF_ERR_USAGE, run(ctx, "ceiling", test_path("repeats.npz"), three, &result));
  assert_non_null(strstr(cf_context_error(ctx), "3 files for 1 surface"));
  cf_result_free(result);
  free(x);
  cf_array_free(keys);
  cf_dataset_free(set);
  cf_context_free(ctx);
}

static void damaged_cifti_is_an_error(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  size_t size = 0;
  cf_array *a = NULL;
  unsigned char *bytes = slurp(GOLDEN "parcels.dlabel.nii", &size);
  /* a vertex that the surface does not have, brackets that do not close, and lengths of the extension that lie */
  char *vertices = NULL;
  for (size_t i = 0; i + 16 < size && !vertices; i++)
    if (memcmp(bytes + i, "<VertexIndices>", 15) == 0) vertices = (char *)bytes + i + 15;
  assert_non_null(vertices);
  char *space = strchr(vertices, ' ');
  const char kept[4] = {space[-1], space[0], space[1], space[2]};
  memcpy(space - 1, "9999", 4);
  write_file(test_path("vertex.dlabel.nii"), bytes, size);
  assert_status(ctx, CF_ERR_INPUT, cf_io_read(ctx, test_path("vertex.dlabel.nii:vertex"), NULL, &a));
  assert_non_null(strstr(cf_context_error(ctx), "of a surface of 162"));
  memcpy(space - 1, kept, 4);
  cf_context_clear(ctx);
  vertices[-1] = '<';
  write_file(test_path("xml.dlabel.nii"), bytes, size);
  assert_status(ctx, CF_ERR_INPUT, cf_io_read(ctx, test_path("xml.dlabel.nii:vertex"), NULL, &a));
  assert_non_null(strstr(cf_context_error(ctx), "malformed XML"));
  vertices[-1] = '>';
  for (size_t k = 0; k < 4; k++) {
    static const unsigned char lies[4][4] = {
        {0, 0, 0, 0}, {0xff, 0xff, 0xff, 0x7f}, {7, 0, 0, 0}, {0xff, 0xff, 0xff, 0xff}};
    memcpy(bytes + 544, lies[k], 4);
    write_file(test_path("length.dlabel.nii"), bytes, size);
    cf_context_clear(ctx);
    assert_ok(ctx, cf_io_read(ctx, test_path("length.dlabel.nii"), NULL, &a)); /* the matrix is whole all the same */
    cf_array_free(a);
    assert_status(ctx, CF_ERR_INPUT, cf_io_read(ctx, test_path("length.dlabel.nii:vertex"), NULL, &a));
  }
  free(bytes);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cifti_tells_its_axes),
      cmocka_unit_test(labels_are_an_atlas),
      cmocka_unit_test(maps_show_regions_where_they_lie),
      cmocka_unit_test(pairing_without_names_is_by_order),
      cmocka_unit_test(one_hemisphere_and_its_vertices),
      cmocka_unit_test(damaged_cifti_is_an_error),
  };
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
