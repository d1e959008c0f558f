/* cortifold/io.h - reading and writing arrays in every format of the registry.
 *
 * Array address: PATH[:MEMBER]. The format is found by content. Readers treat
 * files as hostile: every size is checked against the file before memory is
 * taken. Errors are one line: "PATH:MEMBER: what is wrong (where); what to do". */
#ifndef CORTIFOLD_IO_H
#define CORTIFOLD_IO_H

#include <cortifold/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One row of `cortifold info`.                                              */
typedef struct cf_io_entry {
  char *member;
  cf_dtype dtype;
  char *stored; /* storage type as the file says it: "<f4", "int16 big-endian", "struct (not numeric)" */
  bool readable;
  bool fortran;
  int ndim;
  size_t shape[CF_MAX_DIMS];
} cf_io_entry;
typedef struct cf_io_listing {
  const char *format; /* "npy", "npz", "hdf5", "mat5", "mat73", "safetensors", "torch", "tsv", "csv", "jpeg", "wav",
                         "flac", "ogg", "aiff" */
  size_t count;
  cf_io_entry *entry;
} cf_io_listing;

/* What a file holds, from its headers alone. Errors: CF_ERR_INPUT (missing, unreadable, unknown or damaged file). Cost:
 * headers; a table of text is read whole. */
CF_API CF_CHECKED cf_status cf_io_list(cf_context *ctx, const char *path, cf_io_listing **out);
CF_API void cf_io_listing_free(cf_io_listing *listing);

/* Reads one array, storage type kept. When the address names no member: the only numeric one, or the first of
 * `preferred` ("responses|patterns", may be NULL) that the file has; otherwise an error lists the members. Axis names
 * and coordinates are attached when the file has 1-D members named like the axes (condition, neuron, stimulus,
 * direction, time ...). */
CF_API CF_CHECKED cf_status cf_io_read(cf_context *ctx, const char *address, const char *preferred, cf_array **out);
/* All readable members of a file.                                           */
CF_API CF_CHECKED cf_status cf_io_read_all(cf_context *ctx, const char *path, cf_dataset **out);
/* Hands the members of a file to `take` one after the other, in the order of cf_io_list(), so that the file is opened
 * and inflated once. wanted: one truth value an entry of that list; NULL: all that can be read. `take` owns the array;
 * what it returns ends the walk unless it is CF_OK. */
typedef cf_status (*cf_io_take_fn)(cf_context *ctx, void *payload, size_t entry, cf_array *array);
CF_API CF_CHECKED cf_status cf_io_read_each(cf_context *ctx, const char *path, const bool *wanted, cf_io_take_fn take,
                                            void *payload);
/* A sibling member of an address ("condition" beside the patterns); *out = NULL when there is none. */
CF_API CF_CHECKED cf_status cf_io_read_sibling(cf_context *ctx, const char *address, const char *member,
                                               cf_array **out);
/* Labels: 1-D numbers or text; .npy, any member, or one-column tsv with a header. */
CF_API CF_CHECKED cf_status cf_io_read_labels(cf_context *ctx, const char *address, cf_array **out);
/* Opens a 2-D array for reading in blocks without loading it: npy, HDF5 and MAT 7.3, uncompressed npz and safetensors;
 * other formats are loaded when they fit the context's memory budget, else an error says what to convert to. */
CF_API CF_CHECKED cf_status cf_io_open_blocks(cf_context *ctx, const char *address, const char *preferred,
                                              cf_blocks *out);
/* Splits an address; both outputs owned by the caller, *member NULL when absent. A path that exists as written wins. */
CF_API CF_CHECKED cf_status cf_io_split(cf_context *ctx, const char *address, char **path, char **member);
/* Asks the system to bring the file of an address into its cache while something else goes on. What cannot be is left.
 */
CF_API void cf_io_will_need(cf_context *ctx, const char *address);

typedef struct cf_io_write_options {
  bool force;             /* overwrite an existing file */
  const char *format;     /* NULL: by the path's ending: .npy .npz .h5 .hdf5 .mat .tsv .csv .json .safetensors */
  const char *attributes; /* JSON text stored as an attribute or member where the format can; may be NULL */
} cf_io_write_options;
#define CF_IO_WRITE_OPTIONS_INIT                                                                                       \
  { false, NULL, NULL }

/* Writes to a temporary name in the same folder, syncs and renames: no half file is ever left behind. */
CF_API CF_CHECKED cf_status cf_io_write(cf_context *ctx, const char *path, const cf_dataset *set,
                                        const cf_io_write_options *options);
/* The same guarantee for text and bytes.                                    */
CF_API CF_CHECKED cf_status cf_io_write_bytes(cf_context *ctx, const char *path, const void *data, size_t size,
                                              bool force);
/* Checks early that path could be written (folder exists, not there unless force, ending known). */
CF_API CF_CHECKED cf_status cf_io_check_output(cf_context *ctx, const char *path, bool force);
/* CF_ERR_USAGE when path is the file of one of the addresses in a comma-separated list (also by another name of it): a
 * result must not replace the data it came from. What cannot be found is passed over.                                */
CF_API CF_CHECKED cf_status cf_io_check_not_input(cf_context *ctx, const char *path, const char *addresses);
/* Whole file into memory (freed with cf_free, zero-terminated), at most limit bytes. */
CF_API CF_CHECKED cf_status cf_io_read_bytes(cf_context *ctx, const char *path, size_t limit, char **out, size_t *size);

/* 8-bit pixels as the bytes of a PNG file: grey (channels 1), grey and alpha (2), RGB (3), RGBA (4). frames > 1: an
 * animated PNG that shows each for `seconds` and starts over; programs that know no animation show the first. The
 * caller frees *out with cf_free. Errors: CF_ERR_USAGE (no pixels, other channels), CF_ERR_MEMORY. */
typedef struct cf_io_png {
  size_t width, height;
  unsigned channels;
  size_t frames;
  double seconds;
  const unsigned char *data; /* frames x height x width x channels */
  double dpi;                /* dots an inch; 0: not said in the file */
  bool drawn;                /* a drawing, mostly flat: packed several times as fast, about as small */
} cf_io_png;
CF_API CF_CHECKED cf_status cf_io_png_encode(cf_context *ctx, const cf_io_png *image, unsigned char **out,
                                             size_t *size);

/* The registry, for help and docs: name, endings, reads, writes; NULL past the end. */
typedef struct cf_io_format {
  const char *name, *endings, *description;
  bool reads, writes, blocks;
} cf_io_format;
CF_API const cf_io_format *cf_io_formats(size_t i);

#ifdef __cplusplus
}
#endif
#endif
