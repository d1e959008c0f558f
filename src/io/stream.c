/* Arrays that are made while they are written: a window of pieces slides over them. */
#include "io/stream.h"

#include <string.h>

enum { BATCH = 8 << 20 };

cf_status cf_io_stream_open(cf_context *ctx, const cf_array *array, cf_io_stream *out) {
  *out = (cf_io_stream){.array = array};
  cf_array_pieces(array, &out->pieces, &out->bytes);
  if (!array->stream.make) return CF_OK;
  size_t total;
  out->batch = out->bytes ? CF_MAX((size_t)BATCH / out->bytes, (size_t)1) : 1;
  out->batch = CF_MAX(CF_MIN(out->batch, out->pieces), (size_t)1);
  const cf_status status = cf_size_mul(ctx, out->batch, out->bytes, &total);
  return status == CF_OK ? CF_ALLOC(ctx, &out->buffer, total) : status;
}

cf_status cf_io_stream_batch(cf_context *ctx, cf_io_stream *s, size_t first, size_t most, size_t *n) {
  *n = CF_MIN(CF_MIN(s->batch, most), s->pieces - first);
  s->count = 0;
  const cf_status status = s->array->stream.make(ctx, s->array->stream.payload, first, *n, s->buffer);
  if (status != CF_OK) return status;
  s->first = first;
  s->count = *n;
  return cf_check_cancel(ctx);
}

cf_status cf_io_stream_pull(cf_context *ctx, cf_io_stream *s, uint64_t at, void *to, size_t size) {
  if (!s->array->stream.make) {
    if (size) memcpy(to, (const char *)s->array->data + at, size);
    return CF_OK;
  }
  for (unsigned char *out = to; size > 0;) {
    const size_t piece = (size_t)(at / s->bytes);
    size_t n;
    if (piece < s->first || piece >= s->first + s->count) {
      const cf_status status = cf_io_stream_batch(ctx, s, piece, s->pieces, &n);
      if (status != CF_OK) return status;
    }
    const size_t from = (size_t)(at - (uint64_t)s->first * s->bytes), have = s->count * s->bytes - from;
    n = CF_MIN(size, have);
    memcpy(out, s->buffer + from, n);
    out += n;
    at += n;
    size -= n;
  }
  return CF_OK;
}

void cf_io_stream_close(cf_io_stream *s) {
  cf_free(s->buffer);
  s->buffer = NULL;
}
