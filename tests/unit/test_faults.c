/* Memory that runs out at any moment: each allocation of a job is made to fail in turn. The job must say so (a status
 * and a message), leave no output, or only a whole one, and the next try must do as if nothing had been. */
#include "io_test.h"
#include <cortifold/rdm.h>

typedef cf_status (*job_fn)(cf_context *ctx, const char *path);

/* Runs the job with the 1st, 2nd, ... allocation failing, until it gets through many times in a row, that is, until it
 * takes fewer. Gives the number of failures. */
static size_t fail_everywhere(job_fn job, const char *path, bool writes) {
  size_t failures = 0, fine = 0;
  for (uint64_t n = 1; fine < 64; n++) {
    cf_context *ctx = test_context();
    if (writes) unlink(path);
    int before = test_folder_files();
    cf_test_fail_allocation(n);
    cf_status status = job(ctx, path);
    cf_test_fail_allocation(0);
    fine = status == CF_OK ? fine + 1 : 0;
    if (status != CF_OK) {
      failures++;
      if (!*cf_context_error(ctx)) fail_msg("allocation %d: status %d without a message", (int)n, (int)status);
      if (writes && access(path, F_OK) == 0) fail_msg("allocation %d: '%s', and a file", (int)n, cf_context_error(ctx));
      if (writes && test_folder_files() != before) fail_msg("allocation %d: half a file is left", (int)n);
    }
    cf_context_free(ctx);
  }
  return failures;
}

static void fill(cf_context *ctx, const char *path) {
  static const size_t shape[] = {4, 3};
  static const char *const labels[] = {"a", "b", "c", "d"};
  cf_array *a = sample_array(ctx, "x", CF_F64, 2, shape), *coordinate = NULL;
  assert_ok(ctx, cf_array_from_texts(ctx, "", 4, labels, &coordinate));
  assert_ok(ctx, cf_array_set_axis(ctx, a, 0, "condition", coordinate));
  cf_array_free(coordinate);
  cf_dataset *set = set_of(ctx, a);
  cf_io_write_options options = CF_IO_WRITE_OPTIONS_INIT;
  options.force = true;
  assert_ok(ctx, cf_io_write(ctx, path, set, &options));
  cf_dataset_free(set);
}

/* What a success must hold: the matrix and, where the format keeps labels, its labels. */
static cf_status read_job(cf_context *ctx, const char *path) {
  cf_dataset *set = NULL;
  cf_status status = cf_io_read_all(ctx, path, &set);
  if ((status == CF_OK) != (set != NULL)) fail_msg("status %d and a set %p", (int)status, (void *)set);
  if (set) {
    const cf_array *x = cf_dataset_get(set, "x") ? cf_dataset_get(set, "x") : set->array[0];
    assert_int_equal(cf_array_count(x), 12);
    assert_close(cf_array_number(x, 11), 4.0, 0, 0);
    if (set->count > 1) assert_non_null(x->coordinate[0]);
  }
  cf_dataset_free(set);
  return status;
}

static cf_status blocks_job(cf_context *ctx, const char *path) {
  cf_blocks blocks;
  double row[3] = {0};
  cf_status status = cf_io_open_blocks(ctx, path, "x", &blocks);
  if (status != CF_OK) return status;
  status = blocks.read(ctx, blocks.payload, 3, 1, 0, 3, row);
  if (status == CF_OK) assert_close(row[2], 4.0, 0, 0);
  cf_blocks_close(&blocks);
  return status;
}

static cf_status rdm_job(cf_context *ctx, const char *path) {
  static const double patterns[] = {1, 2, 3, 2, 3, 1, 5, 1, 1, 0, 2, 9};
  cf_view view = cf_view_matrix(patterns, 4, 3);
  cf_rdm *rdm = NULL;
  (void)path;
  cf_status status = cf_rdm_compute(ctx, &view, NULL, &rdm);
  if ((status == CF_OK) != (rdm != NULL)) fail_msg("status %d and an RDM %p", (int)status, (void *)rdm);
  cf_rdm_free(rdm);
  return status;
}

static cf_dataset *to_write;
static cf_status write_job(cf_context *ctx, const char *path) {
  cf_io_write_options options = CF_IO_WRITE_OPTIONS_INIT;
  options.attributes = "{\"a\": 1}";
  return cf_io_write(ctx, path, to_write, &options);
}

static const char *const endings[] = {"x.npy", "x.npz", "x.h5", "x.mat", "x.safetensors", "x.tsv"};
#define FORMATS (sizeof endings / sizeof *endings)

static void readers(void **state) {
  (void)state;
  for (size_t k = 0; k < FORMATS; k++) {
    cf_context *ctx = test_context();
    char path[256];
    snprintf(path, sizeof path, "%s/%s", test_folder, endings[k]);
    fill(ctx, path);
    cf_context_free(ctx);
    size_t failures = fail_everywhere(read_job, path, false);
    if (failures < 3) fail_msg("%s: only %zu allocations failed", endings[k], failures);
    fail_everywhere(blocks_job, path, false);
    unlink(path);
  }
}

static void writers(void **state) {
  (void)state;
  for (size_t k = 0; k < FORMATS; k++) {
    cf_context *ctx = test_context();
    char path[256], source[256];
    snprintf(path, sizeof path, "%s/%s", test_folder, endings[k]);
    snprintf(source, sizeof source, "%s/source.npz", test_folder);
    fill(ctx, source);
    cf_array *x = NULL;
    snprintf(source, sizeof source, "%s/source.npz:x", test_folder);
    assert_ok(ctx, cf_io_read(ctx, source, NULL, &x));
    to_write = set_of(ctx, x);
    size_t failures = fail_everywhere(write_job, path, true);
    if (failures < 1) fail_msg("%s: no allocation failed", endings[k]);
    cf_array *back = NULL; /* the try that got through wrote it all */
    assert_ok(ctx, cf_io_read(ctx, path, "x|data", &back));
    assert_int_equal(cf_array_count(back), 12);
    for (size_t i = 0; i < 12; i++) assert_true(cf_array_number(back, i) == cf_array_number(x, i));
    cf_array_free(back);
    cf_dataset_free(to_write);
    unlink(path);
    snprintf(source, sizeof source, "%s/source.npz", test_folder);
    unlink(source);
    cf_context_free(ctx);
  }
}

static void numbers(void **state) {
  (void)state;
  assert_true(fail_everywhere(rdm_job, "", false) > 2);
}

static void contexts(void **state) {
  (void)state;
  cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
  size_t failures = 0;
  for (uint64_t n = 1; n < 100; n++) {
    cf_context *ctx = NULL;
    cf_test_fail_allocation(n);
    cf_status status = cf_context_new(&o, &ctx);
    cf_test_fail_allocation(0);
    if ((status == CF_OK) != (ctx != NULL)) fail_msg("status %d and a context %p", (int)status, (void *)ctx);
    if (status != CF_OK) assert_int_equal(status, CF_ERR_MEMORY);
    failures += status != CF_OK;
    cf_context_free(ctx);
  }
  assert_true(failures > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(contexts), cmocka_unit_test(readers), cmocka_unit_test(writers),
                                     cmocka_unit_test(numbers)};
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
