/* The one facade over zlib. */
#include "io/inflate.h"
#define ZLIB_CONST /* input pointers are const */
#include <limits.h>
#include <zlib.h>

#define INPUT ((size_t)1 << 16)

struct cf_inflate {
  const cf_io_file *file;
  uint64_t at, end;
  z_stream z;
  unsigned char input[INPUT];
};

enum { ZLIB = 15, GZIP = 15 + 16 }; /* window bits as zlib takes them */

static cf_status open_stream(cf_context *ctx, const cf_io_file *file, uint64_t offset, uint64_t bytes, int kind,
                             cf_inflate **out) {
  cf_inflate *s = NULL;
  cf_status status = CF_ALLOC(ctx, &s, 1);
  if (status != CF_OK) return status;
  s->file = file;
  s->at = offset;
  s->end = offset + bytes;
  if (inflateInit2(&s->z, kind) != Z_OK) {
    cf_free(s);
    return cf_fail(ctx, CF_ERR_MEMORY, "%s: not enough memory to inflate", file->path);
  }
  *out = s;
  return CF_OK;
}

cf_status cf_inflate_open(cf_context *ctx, const cf_io_file *file, uint64_t offset, uint64_t bytes, cf_inflate **out) {
  return open_stream(ctx, file, offset, bytes, ZLIB, out);
}

cf_status cf_inflate_open_gzip(cf_context *ctx, const cf_io_file *file, cf_inflate **out) {
  return open_stream(ctx, file, 0, file->size, GZIP, out);
}

size_t cf_gunzip_head(const cf_io_file *file, unsigned char *out, size_t most) {
  z_stream z = {0};
  if (file->head_size < 2 || file->head[0] != 0x1F || file->head[1] != 0x8B) return 0;
  if (inflateInit2(&z, GZIP) != Z_OK) return 0;
  z.next_in = (unsigned char *)(uintptr_t)file->head;
  z.avail_in = (uInt)file->head_size;
  z.next_out = out;
  z.avail_out = (uInt)most;
  (void)inflate(&z, Z_SYNC_FLUSH); /* whatever comes out before the head ends */
  const size_t got = most - z.avail_out;
  inflateEnd(&z);
  return got;
}

bool cf_inflate_memory(const char *in, size_t n, char *out, size_t size) {
  z_stream z = {0};
  if (n > UINT_MAX || size > UINT_MAX || inflateInit2(&z, 15 + 32) != Z_OK) return false;
  z.next_in = (unsigned char *)(uintptr_t)in;
  z.avail_in = (uInt)n;
  z.next_out = (unsigned char *)out;
  z.avail_out = (uInt)size;
  const int code = inflate(&z, Z_FINISH);
  const bool whole = code == Z_STREAM_END && z.avail_out == 0;
  inflateEnd(&z);
  return whole;
}

cf_status cf_inflate_read(cf_context *ctx, cf_inflate *s, void *buffer, size_t n) {
  unsigned char *to = buffer;
  while (n > 0) {
    size_t piece = CF_MIN(n, (size_t)UINT_MAX);
    s->z.next_out = to;
    s->z.avail_out = (uInt)piece;
    while (s->z.avail_out > 0) {
      if (s->z.avail_in == 0 && s->at < s->end) {
        size_t wanted = (size_t)CF_MIN(s->end - s->at, (uint64_t)INPUT);
        cf_status status = cf_io_pread(ctx, s->file, s->at, s->input, wanted);
        if (status != CF_OK) return status;
        s->at += wanted;
        s->z.next_in = s->input;
        s->z.avail_in = (uInt)wanted;
      }
      uInt before = s->z.avail_out;
      int code = inflate(&s->z, Z_NO_FLUSH);
      if (code == Z_MEM_ERROR) return cf_fail(ctx, CF_ERR_MEMORY, "%s: not enough memory to inflate", s->file->path);
      bool stuck = s->z.avail_out == before && s->z.avail_in == 0 && s->at >= s->end;
      if ((code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) ||
          (code == Z_STREAM_END && s->z.avail_out > 0) || stuck)
        return cf_fail(ctx, CF_ERR_INPUT, "%s: compressed data near byte %llu are %s", s->file->path,
                       (unsigned long long)(s->at - s->z.avail_in),
                       code == Z_STREAM_END || stuck ? "too short" : "damaged");
    }
    to += piece;
    n -= piece;
  }
  return CF_OK;
}

void cf_inflate_close(cf_inflate *s) {
  if (!s) return;
  inflateEnd(&s->z);
  cf_free(s);
}

cf_status cf_inflate_bytes(cf_context *ctx, const char *what, const void *data, size_t size, void *out, size_t wanted) {
  z_stream z = {0};
  const unsigned char *from = data;
  unsigned char *to = out;
  int code = inflateInit(&z);
  if (code != Z_OK) return cf_fail(ctx, CF_ERR_MEMORY, "%s: not enough memory to inflate", what);
  while (code == Z_OK) {
    if (z.avail_in == 0 && size > 0) {
      z.next_in = from;
      z.avail_in = (uInt)CF_MIN(size, (size_t)UINT_MAX);
      from += z.avail_in;
      size -= z.avail_in;
    }
    if (z.avail_out == 0 && wanted > 0) {
      z.next_out = to;
      z.avail_out = (uInt)CF_MIN(wanted, (size_t)UINT_MAX);
      to += z.avail_out;
      wanted -= z.avail_out;
    }
    if (z.avail_out == 0) break;
    code = inflate(&z, Z_NO_FLUSH);
  }
  const size_t left = wanted + z.avail_out;
  inflateEnd(&z);
  if (code == Z_MEM_ERROR) return cf_fail(ctx, CF_ERR_MEMORY, "%s: not enough memory to inflate", what);
  if (left > 0)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: the compressed data are %s: %zu bytes are missing", what,
                   code == Z_STREAM_END || code == Z_BUF_ERROR ? "too short" : "damaged", left);
  return CF_OK;
}

cf_status cf_deflate_bytes(cf_context *ctx, int level, const void *data, size_t size, unsigned char **out,
                           size_t *out_size) {
  uLong bound = compressBound((uLong)size);
  unsigned char *bytes = NULL;
  *out = NULL;
  cf_status status = CF_ALLOC(ctx, &bytes, (size_t)bound);
  if (status != CF_OK) return status;
  if (compress2(bytes, &bound, data, (uLong)size, level) != Z_OK) {
    cf_free(bytes);
    return cf_fail(ctx, CF_ERR_MEMORY, "not enough memory to deflate %zu bytes", size);
  }
  *out = bytes;
  *out_size = (size_t)bound;
  return CF_OK;
}

uint32_t cf_crc32(uint32_t before, const void *data, size_t size) {
  return (uint32_t)crc32_z(before, data, size);
}
