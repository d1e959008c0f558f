/* Memory that runs out at any allocation while a file is read or written: an error, no half result, nothing leaked (the
 * sanitizer build sees leaks). */
#include "io_test.h"
#include "io_samples.h"

/* Calls body with the first, second, third ... allocation failing until none fails any more. */
static size_t starve(cf_context *ctx, cf_status (*body)(cf_context *, void *), void *payload) {
  for (size_t n = 1; n < 5000; n++) {
    cf_context_clear(ctx);
    cf_test_fail_allocation(n);
    cf_status status = body(ctx, payload);
    cf_test_fail_allocation(0);
    if (status == CF_OK) return n;
    if (status != CF_ERR_MEMORY) fail_msg("allocation %zu: %s (%s)", n, cf_status_name(status), cf_context_error(ctx));
    assert_true(*cf_context_error(ctx) != 0);
  }
  fail_msg("never succeeds");
  return 0;
}

static cf_status read_whole(cf_context *ctx, void *path) {
  cf_dataset *set = NULL;
  cf_status status = cf_io_read_all(ctx, path, &set);
  assert_true((status == CF_OK) == (set != NULL));
  cf_dataset_free(set);
  return status;
}

static cf_status open_blocks(cf_context *ctx, void *path) {
  cf_blocks blocks;
  double value;
  cf_status status = cf_io_open_blocks(ctx, path, "a|x", &blocks);
  if (status != CF_OK) return status;
  status = blocks.read(ctx, blocks.payload, 0, 1, 0, 1, &value);
  cf_blocks_close(&blocks);
  return status;
}

typedef struct job {
  const char *path;
  const cf_dataset *set;
} job;

static cf_status write_set(cf_context *ctx, void *payload) {
  const job *j = payload;
  cf_io_write_options force = {true, NULL, "{\"a\": 1}"};
  return cf_io_write(ctx, j->path, j->set, &force);
}

static void readers(void **state) {
  (void)state;
  cf_context *ctx = test_context();
  char path[300];
  snprintf(path, sizeof path, "%s/n.npz", test_folder);
  write_file(path, numpy_deflated, sizeof numpy_deflated);
  assert_true(starve(ctx, read_whole, path) > 10);
  assert_true(starve(ctx, open_blocks, path) > 10);
  snprintf(path, sizeof path, "%s/t.csv", test_folder);
  write_file(path, "name,b,c\nk,1,2\nl,3,4\n", 21);
  assert_true(starve(ctx, read_whole, path) > 10);
  assert_true(starve(ctx, open_blocks, path) > 10);
  cf_context_free(ctx);
}

static void writers(void **state) {
  (void)state;
  static const char *const names[] = {"w.npy", "w.npz", "w.tsv", "w.csv", "w.json", "w.safetensors"};
  cf_context *ctx = test_context();
  cf_dataset *set = set_of(ctx, sample_array(ctx, "x", CF_F32, 2, (size_t[]){2, 2}));
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char path[300];
    snprintf(path, sizeof path, "%s/%s", test_folder, names[i]);
    job j = {path, set};
    int before = test_folder_files();
    assert_true(starve(ctx, write_set, &j) > 1);
    assert_int_equal(test_folder_files(), before + 1);
    if (strcmp(names[i], "w.json") != 0) assert_true(starve(ctx, read_whole, path) > 10); /* JSON is only written */
  }
  cf_dataset_free(set);
  cf_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(readers), cmocka_unit_test(writers)};
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
