/* Content hashes: XXH3 for speed, SHA-256 for provenance.                   */
#include "base/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <sha2.h>
#include <xxhash.h>

uint64_t cf_hash64(const void *data, size_t size, uint64_t seed) {
  return XXH3_64bits_withSeed(data, size, seed);
}
uint64_t cf_hash_text(const char *text) {
  return cf_hash64(text, strlen(text), 0);
}

void cf_sha256(const void *data, size_t size, char out[65]) {
  SHA256Data(data, size, out);
}

cf_status cf_sha256_file(cf_context *ctx, const char *path, char out[65]) {
  cf_status status = CF_OK;
  unsigned char block[1 << 14];
  SHA2_CTX sha;
  struct stat info;
  FILE *file = fopen(path, "rb");
  if (!file) return cf_fail(ctx, CF_ERR_INPUT, "%s: %s", path, strerror(errno));
  if (fstat(fileno(file), &info) != 0 || !S_ISREG(info.st_mode)) {
    fclose(file);
    return cf_fail(ctx, CF_ERR_INPUT, "%s: not a regular file", path);
  }
  SHA256Init(&sha);
  cf_progress_begin(ctx, "reading", (uint64_t)info.st_size);
  for (size_t n; status == CF_OK && (n = fread(block, 1, sizeof block, file)) > 0;) {
    SHA256Update(&sha, block, n);
    cf_progress_step(ctx, n);
    status = cf_check_cancel(ctx);
  }
  cf_progress_end(ctx);
  if (status == CF_OK && ferror(file))
    status = cf_fail(ctx, CF_ERR_INPUT, "%s: cannot be read: %s", path, strerror(errno));
  SHA256End(&sha, out);
  fclose(file);
  return status;
}
