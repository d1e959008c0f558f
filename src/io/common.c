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

cf_status cf_io_row_text(cf_context *ctx, const uint32_t *units, size_t i, size_t rows, size_t n, char **out) {
  cf_mark mark = cf_scratch_mark(ctx);
  char *buffer;
  size_t used = 0;
  cf_status status = cf_scratch_bytes(ctx, n + 1, 4, (void **)&buffer);
  if (status != CF_OK) return status;
  for (size_t j = 0; j < n; j++) {
    uint32_t c = units[i + rows * j];
    if (c >= 0xd800 && c < 0xdc00 && j + 1 < n) { /* a UTF-16 pair */
      uint32_t d = units[i + rows * (j + 1)];
      if (d >= 0xdc00 && d < 0xe000) c = 0x10000 + ((c - 0xd800) << 10) + (d - 0xdc00), j++;
    }
    if (c) used += cf_io_utf8(c, buffer + used);
  }
  while (rows > 1 && used > 0 && buffer[used - 1] == ' ') used--;
  status = cf_io_text(ctx, buffer, used, out);
  cf_scratch_release(ctx, mark);
  return status;
}

void cf_io_listing_cut(cf_io_listing *listing, size_t count) {
  while (listing->count > count) {
    cf_io_entry *e = &listing->entry[--listing->count];
    cf_free(e->member);
    cf_free(e->stored);
    *e = (cf_io_entry){0};
  }
}

cf_status cf_io_fill_texts(cf_context *ctx, cf_array *array) {
  char **text = array->data;
  cf_status status = CF_OK;
  for (size_t i = 0, n = cf_array_count(array); i < n && status == CF_OK; i++)
    if (!text[i]) status = cf_strdup(ctx, "", &text[i]);
  return status;
}
