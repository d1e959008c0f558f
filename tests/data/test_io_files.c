/* Every array file of the shared data up to 8 MB is listed and read (MATLAB files have tests of their own). */
#include "test.h"
#include <cortifold/io.h>
#include <ftw.h>
#include <sys/stat.h>

static cf_context *ctx;
static size_t files, arrays, fortran, failures;

static bool has_ending(const char *path) {
  static const char *const endings[] = {".npy", ".npz", ".csv", ".tsv", ".safetensors", ".pt", ".pth", ".h5"};
  const char *dot = strrchr(path, '.');
  for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
    if (strcmp(dot, endings[i]) == 0) return true;
  return false;
}

static int visit(const char *path, const struct stat *info, int type, struct FTW *where) {
  (void)where;
  if (type != FTW_F || !has_ending(path) || info->st_size > (off_t)8 << 20) return 0;
  cf_io_listing *listing = NULL;
  cf_dataset *set = NULL;
  files++;
  if (cf_io_list(ctx, path, &listing) != CF_OK || cf_io_read_all(ctx, path, &set) != CF_OK) {
    print_error("%s\n", cf_context_error(ctx));
    failures++;
  } else {
    for (size_t i = 0; i < listing->count; i++) {
      arrays++;
      fortran += listing->entry[i].fortran;
      const cf_array *a = cf_dataset_get(set, listing->entry[i].member);
      if (a && a->ndim != listing->entry[i].ndim) failures++;
    }
  }
  cf_io_listing_free(listing);
  cf_dataset_free(set);
  return 0;
}

static void every_file_is_read(void **state) {
  (void)state;
  if (nftw(CF_SHARED_DIR "/data", visit, 16, FTW_PHYS) != 0 || files == 0) {
    print_message("no shared data: skipped\n");
    skip();
  }
  print_message("%zu files, %zu arrays, %zu in Fortran order\n", files, arrays, fortran);
  assert_int_equal(failures, 0);
  assert_true(fortran > 10);
}

/* A published network: 39 tensors, the first convolution as its paper gives it (64 kernels of 9 x 9 on one channel). */
static void published_weights(void **state) {
  (void)state;
  const char *path = CF_SHARED_DIR "/data/models-neuro/sensorium_sota_model.pth";
  struct stat info;
  if (stat(path, &info) != 0) skip();
  cf_dataset *set = NULL;
  assert_ok(ctx, cf_io_read_all(ctx, path, &set));
  assert_int_equal(set->count, 39);
  const cf_array *w = cf_dataset_get(set, "core.features.layer0.conv.weight");
  assert_non_null(w);
  assert_int_equal(w->ndim, 4);
  assert_int_equal(w->shape[0], 64);
  assert_int_equal(w->shape[2], 9);
  cf_dataset_free(set);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_file_is_read), cmocka_unit_test(published_weights)};
  ctx = test_context();
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  cf_context_free(ctx);
  return failed;
}
