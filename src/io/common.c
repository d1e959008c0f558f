/* Small things that the container readers share. */
#include "io/containers.h"

size_t cf_io_size_limit(const cf_context *ctx, uint64_t file_bytes) {
  uint64_t from_file = file_bytes > SIZE_MAX / 64 ? SIZE_MAX / 2 : file_bytes * 32;
  return CF_MAX(cf_context_memory(ctx), (size_t)from_file);
}

size_t cf_io_utf8(uint32_t c, char *to) {
  if (c < 0x80) return to[0] = (char)c, 1;
  if (c < 0x800) return to[0] = (char)(0xc0 | c >> 6), to[1] = (char)(0x80 | (c & 0x3f)), 2;
  if ((c >= 0xd800 && c < 0xe000) || c > 0x10ffff) c = 0xfffd;
  if (c < 0x10000)
    return to[0] = (char)(0xe0 | c >> 12), to[1] = (char)(0x80 | (c >> 6 & 0x3f)), to[2] = (char)(0x80 | (c & 0x3f)), 3;
  to[0] = (char)(0xf0 | c >> 18), to[1] = (char)(0x80 | (c >> 12 & 0x3f)), to[2] = (char)(0x80 | (c >> 6 & 0x3f));
  to[3] = (char)(0x80 | (c & 0x3f));
  return 4;
}
