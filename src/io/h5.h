/* The one facade over libhdf5, free of its types: identifiers are int64_t, -1 for none. hdf5.c and mat73.c build on it.
 * `path` and `member` are what messages name. libhdf5's own printing is off for a thread that opened a file here; its
 * innermost message is in ours. Opening follows no link out of the file.                                            */
#ifndef CF_IO_H5_H
#define CF_IO_H5_H
#include "io/format.h"

/* Opens path, or creates it anew under the name `temporary` when that is given. */
cf_status cf_h5_open(cf_context *ctx, const char *temporary, const char *path, int64_t *file);
/* Closes a file that was read, with everything that is still open in it; -1 allowed. */
void cf_h5_close(int64_t file);

/* Paths (or names), sorted; owned by the list. */
typedef struct cf_h5_names {
  cf_context *ctx;
  cf_status status;
  size_t count, capacity;
  char **name;
} cf_h5_names;
/* Of all datasets of the file, each object once, so that cycles of links end. */
cf_status cf_h5_paths(cf_context *ctx, const char *path, int64_t file, cf_h5_names *out);
/* Of the hard links in a group. */
cf_status cf_h5_children(cf_context *ctx, const char *path, int64_t group, cf_h5_names *out);
int cf_h5_names_add(cf_h5_names *names, const char *name); /* -1 and names->status on failure */
void cf_h5_names_free(cf_h5_names *names);

/* An open dataset, and everything that reading it depends on. What cannot be read has a reason, not an error. */
typedef struct cf_h5_dataset {
  int64_t id, space;
  int64_t memory; /* type to read it as; -1: cannot be read */
  cf_dtype dtype;
  bool variable;   /* texts of any length */
  bool references; /* to other objects */
  bool large;      /* beyond the limit: not to be read whole */
  char stored[96]; /* the stored type in words, or why it cannot be read */
  int ndim;
  size_t shape[CF_MAX_DIMS], count;
} cf_h5_dataset;
/* limit: bytes beyond which it is `large`; cache: bytes of the chunk cache, 0 as libhdf5 has it. */
cf_status cf_h5_dataset_open(cf_context *ctx, const char *path, int64_t file, const char *member, size_t limit,
                             size_t cache, cf_h5_dataset *out);
/* The same of an open object, which *out owns then. */
void cf_h5_dataset_of(int64_t id, size_t limit, cf_h5_dataset *out);
void cf_h5_dataset_close(cf_h5_dataset *d);

/* CF_ERR_INPUT, with the reason, unless the dataset can be read whole. */
cf_status cf_h5_check(cf_context *ctx, const char *path, const char *member, const cf_h5_dataset *d);
/* All elements, as d->dtype, into memory for d->count of them (texts of fixed length: char *, each owned by the caller
 * then; d->variable: see cf_hdf5_texts). */
cf_status cf_h5_read(cf_context *ctx, const char *path, const char *member, const cf_h5_dataset *d, void *data);

/* Where the raw elements lie in the file: one contiguous piece, or the chunks. */
typedef struct cf_h5_piece {
  uint64_t address;
  size_t stored, bytes; /* in the file; without filters */
  unsigned filters;     /* 1 shuffle, 2 deflate, 4 Fletcher-32, in this order */
  size_t start[CF_MAX_DIMS], shape[CF_MAX_DIMS];
} cf_h5_piece;
/* Pieces (scratch) of a dataset whose elements take `item` bytes. */
cf_status cf_h5_pieces(cf_context *ctx, const char *path, const char *member, const cf_h5_dataset *d, size_t item,
                       cf_h5_piece **out, size_t *count);
/* Addresses and lengths have 8 bytes; base: where address 0 lies. */
bool cf_h5_plain_sizes(int64_t file, uint64_t *base);
/* h5texts.c: texts of any length (d->variable), into d->count of them that are NULL. */
cf_status cf_hdf5_texts(cf_context *ctx, const cf_io_file *in, int64_t file, const char *member, const cf_h5_dataset *d,
                        size_t limit, char **out);
/* A window of a 2-D dataset of real numbers. */
cf_status cf_h5_read_window(cf_context *ctx, const char *path, const char *member, const cf_h5_dataset *d, size_t row,
                            size_t rows, size_t col, size_t cols, double *out);
/* Shape of the chunks; false when it has none. */
bool cf_h5_chunk(const cf_h5_dataset *d, size_t side[CF_MAX_DIMS]);

/* The n texts of an attribute (NULL where empty); all NULL when there is no such attribute of n texts of fixed length.
 */
cf_status cf_h5_attribute(cf_context *ctx, int64_t object, const char *name, int n, char *out[CF_MAX_DIMS]);
/* A scalar attribute; false when the object has none of that kind. */
bool cf_h5_word(int64_t object, const char *name, char *out, size_t size);
bool cf_h5_number(int64_t object, const char *name, uint64_t *out);

/* Object by hard link, or by reference; -1 on failure. Close with cf_h5_object_close unless a dataset owns it. */
int64_t cf_h5_child(int64_t group, const char *name, bool *is_group);
int64_t cf_h5_refer(int64_t file, uint64_t reference, bool *is_group);
void cf_h5_object_close(int64_t object);
/* d->count references. */
cf_status cf_h5_references(cf_context *ctx, const char *path, const char *member, const cf_h5_dataset *d,
                           uint64_t *out);

/* labels, coordinates: a->ndim texts for the attributes of these names; NULL: none. */
cf_status cf_h5_put(cf_context *ctx, const char *path, int64_t file, const char *name, const cf_array *a,
                    const char *const *labels, const char *const *coordinates);
/* n texts (NULL: empty) as an attribute of fixed length; n = 0: one text of any length. */
cf_status cf_h5_put_texts(cf_context *ctx, const char *path, int64_t object, const char *name, size_t n,
                          const char *const *texts);
/* Closes the file; status when that is an error already, else what closing came to. */
cf_status cf_h5_finish(cf_context *ctx, const char *path, int64_t file, cf_status status);

#define CF_H5_LABELS      "DIMENSION_LABELS"
#define CF_H5_COORDINATES "coordinate_members"

#endif
