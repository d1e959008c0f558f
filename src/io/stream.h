/* Reading an array's bytes by position, whether they lie in memory or are made on the way. */
#ifndef CF_IO_STREAM_H
#define CF_IO_STREAM_H
#include "io/format.h"

/* About 8 MiB of pieces at a time are kept. */
typedef struct cf_io_stream {
  const cf_array *array;
  size_t pieces, bytes, batch; /* of the array; of one piece; pieces in a batch */
  size_t first, count;         /* what the buffer holds */
  unsigned char *buffer;
} cf_io_stream;

cf_status cf_io_stream_open(cf_context *ctx, const cf_array *array, cf_io_stream *out);
/* `size` bytes from byte `at` of the row-major data. */
cf_status cf_io_stream_pull(cf_context *ctx, cf_io_stream *stream, uint64_t at, void *to, size_t size);
/* Makes the batch that begins with piece `first`, at most `most` pieces, into the buffer; n: how many. */
cf_status cf_io_stream_batch(cf_context *ctx, cf_io_stream *stream, size_t first, size_t most, size_t *n);
void cf_io_stream_close(cf_io_stream *stream);

#endif
