/* Fuzz target of array addresses: any text splits into a path and a member, or is refused. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  cf_context *ctx = fuzz_context();
  char *address = malloc(size + 1), *path = NULL, *member = NULL;
  if (!address) abort();
  memcpy(address, data, size);
  address[size] = '\0';
  cf_status status = cf_io_split(ctx, address, &path, &member);
  fuzz_check(ctx, status, path);
  if (path && strlen(path) + (member ? strlen(member) + 1 : 0) > strlen(address)) abort();
  cf_free(path);
  cf_free(member);
  free(address);
  cf_context_free(ctx);
  return 0;
}
