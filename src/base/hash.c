/* Content hashes: XXH3 for speed, SHA-256 for provenance.                   */
#include "base/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <openssl/evp.h>
#include <xxhash.h>

uint64_t cf_hash64(const void *data, size_t size, uint64_t seed) {
  return XXH3_64bits_withSeed(data, size, seed);
}
uint64_t cf_hash_text(const char *text) {
  return cf_hash64(text, strlen(text), 0);
}

static void to_hex(const unsigned char digest[32], char out[65]) {
  static const char digit[] = "0123456789abcdef";
  for (size_t i = 0; i < 32; i++) {
    out[2 * i] = digit[digest[i] >> 4];
    out[2 * i + 1] = digit[digest[i] & 15];
  }
  out[64] = 0;
}

void cf_sha256(const void *data, size_t size, char out[65]) {
  unsigned char digest[EVP_MAX_MD_SIZE] = {0};
  if (EVP_Digest(data, size, digest, NULL, EVP_sha256(), NULL) != 1) memset(digest, 0, sizeof digest);
  to_hex(digest, out);
}

cf_status cf_sha256_file(cf_context *ctx, const char *path, char out[65]) {
  cf_status status = CF_OK;
  unsigned char block[1 << 16], digest[EVP_MAX_MD_SIZE] = {0};
  EVP_MD_CTX *sha = NULL;
  struct stat info;
  FILE *file = fopen(path, "rb");
  if (!file) return cf_fail(ctx, CF_ERR_INPUT, "%s: %s", path, strerror(errno));
  if (fstat(fileno(file), &info) != 0 || !S_ISREG(info.st_mode)) {
    fclose(file);
    return cf_fail(ctx, CF_ERR_INPUT, "%s: not a regular file", path);
  }
  sha = EVP_MD_CTX_new();
  if (!sha || EVP_DigestInit_ex(sha, EVP_sha256(), NULL) != 1)
    status = cf_fail(ctx, CF_ERR_MEMORY, "%s: no memory for its hash", path);
  cf_progress_begin(ctx, "reading", (uint64_t)info.st_size);
  for (size_t n; status == CF_OK && (n = fread(block, 1, sizeof block, file)) > 0;) {
    if (EVP_DigestUpdate(sha, block, n) != 1) status = cf_fail(ctx, CF_ERR_FAILURE, "%s: its hash failed", path);
    cf_progress_step(ctx, n);
    if (status == CF_OK) status = cf_check_cancel(ctx);
  }
  cf_progress_end(ctx);
  if (status == CF_OK && ferror(file))
    status = cf_fail(ctx, CF_ERR_INPUT, "%s: cannot be read: %s", path, strerror(errno));
  if (status == CF_OK && EVP_DigestFinal_ex(sha, digest, NULL) != 1)
    status = cf_fail(ctx, CF_ERR_FAILURE, "%s: its hash failed", path);
  to_hex(digest, out);
  EVP_MD_CTX_free(sha);
  fclose(file);
  return status;
}
