/* Fuzz target of all readers of array files; the corpus and CF_FUZZ_FIRST decide which one is meant: inputs that do not
 * begin like the format are not looked at further. */
#include "fuzz.h"

/* Elements are looked at, so that sanitisers see what was left undefined. */
static void look_at(const cf_array *a) {
  char label[64];
  size_t n = cf_array_count(a), step = n / 64 + 1;
  for (size_t i = 0; i < n; i += step) cf_array_label(a, i, label, sizeof label);
  for (int k = 0; k < a->ndim; k++)
    if (a->coordinate[k] && cf_array_count(a->coordinate[k]) != a->shape[k]) abort();
}

static void read_blocks(cf_context *ctx, const char *path, const char *member) {
  cf_blocks blocks = {0};
  char *address = NULL;
  double window[16];
  if (cf_sprintf(ctx, &address, "%s:%s", path, member) != CF_OK) return;
  if (cf_io_open_blocks(ctx, member[0] ? address : path, NULL, &blocks) == CF_OK) {
    size_t rows = blocks.rows < 4 ? blocks.rows : 4, cols = blocks.cols < 4 ? blocks.cols : 4;
    cf_status first = blocks.read(ctx, blocks.payload, 0, rows, 0, cols, window);
    cf_status last = blocks.read(ctx, blocks.payload, blocks.rows - rows, rows, blocks.cols - cols, cols, window);
    (void)first, (void)last;
    cf_blocks_close(&blocks);
  }
  cf_free(address);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (CF_FUZZ_FIRST >= 0 && (size == 0 || data[0] != CF_FUZZ_FIRST)) return -1;
  const char *path = fuzz_file(data, size);
  cf_context *ctx = fuzz_context();
  cf_io_listing *listing = NULL;
  cf_status status = cf_io_list(ctx, path, &listing);
  fuzz_check(ctx, status, listing);
  if (listing)
    for (size_t i = 0; i < listing->count && i < 8; i++)
      if (listing->entry[i].readable && listing->entry[i].ndim == 2) read_blocks(ctx, path, listing->entry[i].member);
  cf_io_listing_free(listing);
  cf_dataset *set = NULL;
  status = cf_io_read_all(ctx, path, &set);
  fuzz_check(ctx, status, set);
  if (set)
    for (size_t i = 0; i < set->count; i++) look_at(set->array[i]);
  cf_dataset_free(set);
  cf_array *labels = NULL;
  status = cf_io_read_labels(ctx, path, &labels);
  fuzz_check(ctx, status, labels);
  cf_array_free(labels);
  cf_context_free(ctx);
  return 0;
}
