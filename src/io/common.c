/* Small things that the container readers share. */
#include "io/containers.h"
#include <string.h>

size_t cf_io_size_limit(const cf_context *ctx, uint64_t file_bytes) {
  uint64_t from_file = file_bytes > SIZE_MAX / 64 ? SIZE_MAX / 2 : file_bytes * 32;
  return CF_MAX(cf_context_memory(ctx), (size_t)from_file);
}

/* Length of the valid UTF-8 sequence at s (of n bytes), 0 when there is none. */
static size_t sequence(const unsigned char *s, size_t n) {
  size_t length = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;
  if (length == 0 || length > n) return 0;
  for (size_t i = 1; i < length; i++)
    if ((s[i] & 0xc0) != 0x80) return 0;
  if (s[0] == 0xe0 && s[1] < 0xa0) return 0;  /* longer than it must be */
  if (s[0] == 0xed && s[1] >= 0xa0) return 0; /* half of a UTF-16 pair */
  if (s[0] == 0xf0 && s[1] < 0x90) return 0;
  if (s[0] == 0xf4 && s[1] >= 0x90) return 0; /* beyond U+10FFFF */
  return length;
}

cf_status cf_io_text(cf_context *ctx, const char *bytes, size_t n, char **out) {
  const unsigned char *s = (const unsigned char *)bytes;
  size_t wide = 0, bad = 0;
  for (size_t i = 0; i < n; i += wide) {
    wide = sequence(s + i, n - i);
    if (wide == 0) bad++, wide = 1;
  }
  char *text = NULL;
  cf_status status = cf_alloc_bytes(ctx, n + bad + 1, 1, (void **)&text);
  if (status != CF_OK) return status;
  size_t used = 0;
  for (size_t i = 0; i < n; i += wide) {
    wide = sequence(s + i, n - i);
    if (wide == 0) { /* Latin-1 bytes 0x80 .. 0xff */
      text[used++] = (char)(0xc0 | s[i] >> 6);
      text[used++] = (char)(0x80 | (s[i] & 0x3f));
      wide = 1;
    } else {
      memcpy(text + used, s + i, wide);
      used += wide;
    }
  }
  *out = text;
  return CF_OK;
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
