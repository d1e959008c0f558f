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

/* A walk over chosen members in the order of a listing: what is wanted next, and who takes it. */
typedef struct cf_io_walk {
  const cf_io_listing *listing;
  const bool *chosen; /* one an entry */
  size_t entry;       /* of the next one; listing->count: no more */
  cf_io_take_fn take;
  void *payload;
} cf_io_walk;
/* The member that is wanted next; NULL: no more. */
const char *cf_io_walk_next(const cf_io_walk *walk);
/* Hands over what was read of it and goes on to the next; *array is NULL then. */
cf_status cf_io_walk_take(cf_context *ctx, cf_io_walk *walk, cf_array **array);

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

  /* write() takes arrays whose data are still to be made (array->stream); for others cf_io_write() makes them first. */
  bool streams;

  /* Reads every member that the walk wants in one pass over the file, as read() would, and hands it over. May be NULL
   * where read() of each costs no more. */
  cf_status (*each)(cf_context *ctx, const cf_io_file *file, cf_io_walk *walk);
} cf_io_driver;

extern const cf_io_driver cf_io_driver_npy, cf_io_driver_npz, cf_io_driver_safetensors, cf_io_driver_torch,
    cf_io_driver_text, cf_io_driver_csv, cf_io_driver_json;
extern const cf_io_driver cf_io_driver_nifti, cf_io_driver_gifti, cf_io_driver_png, cf_io_driver_jpeg,
    cf_io_driver_sound;
extern const cf_io_driver cf_io_driver_hdf5, cf_io_driver_mat, cf_io_driver_mat73;

/* The table, NULL past the end. */
const cf_io_driver *cf_io_driver_at(size_t i);

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

/* An opened file with its head read; CF_ERR_INPUT for what is missing, unreadable or not a regular file. */
cf_status cf_io_open_file(cf_context *ctx, const char *path, cf_io_file *out);
void cf_io_close_file(cf_io_file *file);

/* Blocks over numbers that lie plainly in a file: the window is read with pread() and converted, nothing is mapped or
 * kept. May be read from several threads. Not for text and complex. */
typedef struct cf_io_plain {
  uint64_t offset; /* of the first element */
  cf_dtype dtype;
  bool swap;    /* stored in the other byte order */
  bool fortran; /* columns contiguous */
  size_t rows, cols;
} cf_io_plain;
cf_status cf_io_plain_blocks(cf_context *ctx, const cf_io_file *file, const cf_io_plain *layout, cf_blocks *out);

/* n characters of UTF-8 from a file's text; bytes that are not UTF-8 are taken as Latin-1. Owned by the caller. */
cf_status cf_io_text(cf_context *ctx, const char *bytes, size_t n, char **out);

/* The name among n that is nearest to `name` (edit distance at most a third of its length), or NULL. */
const char *cf_io_nearest(const char *name, const char *const *names, size_t n);

/* ------------------------------------------------------- tools of writers -- */

/* CF_ERR_FAILURE with what errno says in words ("disk full"), for a path that is written. */
cf_status cf_io_write_error(cf_context *ctx, const char *path, int error);

/* Buffered output to a file that exists (the temporary of a write). Errors are kept until cf_io_out_close(), which
 * reports them with `path` in the message. */
typedef struct cf_io_out {
  int fd, error;
  const char *path;
  size_t used;
  uint64_t written;
  char buffer[1 << 16];
} cf_io_out;
cf_status cf_io_out_open(cf_context *ctx, const char *temporary, const char *path, cf_io_out **out);
void cf_io_put(cf_io_out *out, const void *data, size_t size);
void cf_io_put_text(cf_io_out *out, const char *text);
cf_status cf_io_out_close(cf_context *ctx, cf_io_out *out); /* frees; out may be NULL: CF_OK */
/* Closes at the end of a writer: gives status when that is an error already, else what closing came to. */
cf_status cf_io_out_finish(cf_context *ctx, cf_io_out *out, cf_status status);

/* The arrays of a set and, behind them, those of their coordinates whose axis has a name that no array bears: what a
 * format without axes of its own writes. The list is scratch; the arrays stay where they are. names[i] is the name to
 * write ("data" for a nameless array). */
cf_status cf_io_flatten(cf_context *ctx, const cf_dataset *set, const cf_array ***arrays, const char ***names,
                        size_t *count);

#endif
