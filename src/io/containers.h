/* What the HDF5 and MATLAB facades offer each other, free of third-party types. */
#ifndef CF_IO_CONTAINERS_H
#define CF_IO_CONTAINERS_H
#include "io/format.h"

/* A member that asks for more bytes than this is refused: the larger of the context's memory budget and 32 times the
 * file. A hostile header can declare any size; a real file is seldom compressed further.                           */
size_t cf_io_size_limit(const cf_context *ctx, uint64_t file_bytes);

/* The UTF-8 bytes (at most 4) of a code point, U+FFFD for what is none; hands back their number. */
size_t cf_io_utf8(uint32_t c, char *to);

/* hdf5.c: blocks of a dataset given by its path. transposed: rows and columns change places, as MATLAB 7.3 needs it. */
cf_status cf_hdf5_blocks(cf_context *ctx, const char *path, const char *member, bool transposed, cf_blocks *out);

/* hdf5.c: what cf_io_guard() tries in a child: lists the file and reads a little of every dataset, at most for about
 * two seconds. */
cf_status cf_hdf5_probe(cf_context *ctx, const cf_io_file *in);

/* Row i of a column-major matrix of characters (code points or UTF-16 units), `rows` rows of n, as text; without the
 * blanks at its end when there are several rows. */
cf_status cf_io_row_text(cf_context *ctx, const uint32_t *units, size_t i, size_t rows, size_t n, char **out);

/* Puts "" where a text array has NULL. */
cf_status cf_io_fill_texts(cf_context *ctx, cf_array *array);

/* Takes entries back from the end until `count` are left. */
void cf_io_listing_cut(cf_io_listing *listing, size_t count);

#endif
