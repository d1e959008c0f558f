/* What a file format is to the registry: one file, one cf_io_driver, one line in the table of registry.c.
 *
 * Readers take files as hostile. Rules that every driver keeps:
 *  - no size from a file is believed before it was compared with the size of the file (cf_io_shape_bytes, file->size);
 *  - arrays are made by cf_io_array_new(), which also refuses what the machine cannot hold;
 *  - an error is one line that begins with file->path (":member" behind it) and says where and what to do;
 *  - on error *out stays NULL and nothing leaks.                                                                    */
#ifndef CF_IO_FORMAT_H
#define CF_IO_FORMAT_H

#include <cortifold/io.h>
#include "base/internal.h"

/* An open input, shared by all calls of a driver for one request. */
typedef struct cf_io_file {
  const char *path;
  int fd;                   /* open for reading; use cf_io_pread(), the position is nobody's */
  uint64_t size;            /* regular file; at least as large when it was opened */
  unsigned char head[1024]; /* its first bytes, zero-filled when shorter */
  size_t head_size;         /* how many of them are from the file */
} cf_io_file;

typedef struct cf_io_driver {
  cf_io_format info;

  /* Looks at head (and, when it must, at more of the file). First driver in the table that says yes reads it. */
  bool (*detect)(const cf_io_file *file);

  /* Appends every array by cf_io_listing_add(), arrays it cannot read included (readable = false). listing->format is
   * set to info.name beforehand; a driver of two formats may set another constant text. */
  cf_status (*list)(cf_context *ctx, const cf_io_file *file, cf_io_listing *listing);

  /* Reads one member exactly as list() names it ("" for formats without members). The array's name is the member's;
   * the registry sets `source`. Axis names and coordinates only when the format itself stores them: the registry
   * attaches those that are siblings by name. A member that does not exist is CF_ERR_INPUT (the registry looks in the
   * listing first, so the plain fact is enough). */
  cf_status (*read)(cf_context *ctx, const cf_io_file *file, const char *member, cf_array **out);

  /* Reads the window of a 2-D member without loading it. May be NULL; may hand back CF_OK with out->read NULL for a
   * member that can only be loaded whole (compressed): the registry then loads it if it fits the budget. The driver
   * opens the file anew (dup or path): `file` is closed after the call. out->name is set by the registry. */
  cf_status (*open_blocks)(cf_context *ctx, const cf_io_file *file, const char *member, cf_blocks *out);

  /* Writes the set to `temporary`, an empty file that exists already (same folder as path; the registry syncs, renames
   * or removes it). Messages name `path`. NULL: cannot write. */
  cf_status (*write)(cf_context *ctx, const char *temporary, const char *path, const cf_dataset *set,
                     const cf_io_write_options *options);
} cf_io_driver;

extern const cf_io_driver cf_io_driver_npy, cf_io_driver_npz, cf_io_driver_safetensors, cf_io_driver_torch,
    cf_io_driver_text, cf_io_driver_csv, cf_io_driver_json;
extern const cf_io_driver cf_io_driver_hdf5, cf_io_driver_mat;

/* ------------------------------------------------------- tools of readers -- */

/* Appends a row; texts are copied. `stored` is the type as the file says it. */
cf_status cf_io_listing_add(cf_context *ctx, cf_io_listing *listing, const char *member, cf_dtype dtype,
                            const char *stored, bool readable, bool fortran, int ndim, const size_t *shape);

/* Exactly size bytes from offset, or CF_ERR_INPUT "path: truncated ..." */
cf_status cf_io_pread(cf_context *ctx, const cf_io_file *file, uint64_t offset, void *buffer, size_t size);

/* Elements and bytes of a shape, CF_ERR_INPUT when they overflow or there are more than CF_MAX_DIMS axes.
 * `item` is the stored size of an element; what begins the message ("file.npz:x"). Either output may be NULL. */
cf_status cf_io_shape_bytes(cf_context *ctx, const char *what, int ndim, const uint64_t *shape, size_t item,
                            size_t *count, size_t *bytes);

/* cf_array_new for data of a file; CF_ERR_MEMORY, with a line that says so, for more than the machine's memory. */
cf_status cf_io_array_new(cf_context *ctx, const char *what, const char *member, cf_dtype dtype, int ndim,
                          const size_t *shape, cf_array **out);

/* Reverses the bytes of each of count items of `size` bytes in place (complex: size of one part, twice the count). */
void cf_io_swap_bytes(void *data, size_t count, size_t size);

/* Rearranges count items of `size` bytes from Fortran order to C order: from and to may not overlap. */
void cf_io_fortran_to_c(const void *from, void *to, int ndim, const size_t *shape, size_t size);

/* ------------------------------------------------------- tools of writers -- */

/* CF_ERR_FAILURE with what errno says in words ("disk full"), for a path that is written. */
cf_status cf_io_write_error(cf_context *ctx, const char *path, int error);

#endif
