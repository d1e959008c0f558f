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

/* hdf5.c: refuses a file that another reader on top of libhdf5 could trip over: links out of the file, raw data in
 * other files, declared sizes beyond the limit, references that go round in a circle. */
cf_status cf_hdf5_check(cf_context *ctx, const cf_io_file *file);
/* hdf5.c: switches libhdf5's printing off for this thread. */
void cf_hdf5_silence(void);

#endif
