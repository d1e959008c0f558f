/* Inflates a zlib stream or a gzip file that lies in a file, from front to back, in pieces of any size; and zlib
 * streams from memory to memory. */
#ifndef CF_IO_INFLATE_H
#define CF_IO_INFLATE_H
#include "io/format.h"

typedef struct cf_inflate cf_inflate;
/* The compressed bytes are [offset, offset + bytes) of the file, which must outlive the stream. */
cf_status cf_inflate_open(cf_context *ctx, const cf_io_file *file, uint64_t offset, uint64_t bytes, cf_inflate **out);
/* The same for a whole gzip file. */
cf_status cf_inflate_open_gzip(cf_context *ctx, const cf_io_file *file, cf_inflate **out);
/* The first bytes of what the head of a gzip file holds: how many of `most` there are. */
size_t cf_gunzip_head(const cf_io_file *file, unsigned char *out, size_t most);
/* Exactly `size` bytes out of a zlib or gzip stream in memory; false when it gives less or more. */
bool cf_inflate_memory(const char *in, size_t n, char *out, size_t size);
/* Exactly n bytes, or CF_ERR_INPUT when the stream ends early or is damaged. */
cf_status cf_inflate_read(cf_context *ctx, cf_inflate *stream, void *buffer, size_t n);
void cf_inflate_close(cf_inflate *stream); /* NULL allowed */

/* From memory to memory: exactly `wanted` bytes of the zlib stream `data`, or CF_ERR_INPUT that begins with `what`. */
cf_status cf_inflate_bytes(cf_context *ctx, const char *what, const void *data, size_t size, void *out, size_t wanted);
/* A zlib stream of the data; the caller frees *out. */
cf_status cf_deflate_bytes(cf_context *ctx, int level, const void *data, size_t size, unsigned char **out,
                           size_t *out_size);
/* CRC-32 of zip and PNG, continued from that of what came before (0: nothing). */
uint32_t cf_crc32(uint32_t before, const void *data, size_t size);

#endif
