/* Between mat5.c, which follows the structure of a MATLAB 5 file, and mat5_values.c, which reads what is in it. */
#ifndef CF_IO_MAT5_VALUES_H
#define CF_IO_MAT5_VALUES_H
#include "io/containers.h"
#include "io/inflate.h"

#define PIECE ((size_t)1 << 16)

enum {
  INT8 = 1,
  UINT8,
  INT16,
  UINT16,
  INT32,
  UINT32,
  SINGLE,
  DOUBLE = 9,
  INT64 = 12,
  UINT64,
  MATRIX,
  COMPRESSED,
  UTF8,
  UTF16,
  UTF32
};
enum {
  CELL = 1,
  STRUCT,
  OBJECT,
  CHAR,
  SPARSE,
  CLASS_DOUBLE,
  CLASS_SINGLE,
  CLASS_INT8,
  CLASS_UINT64 = 15,
  FUNCTION,
  OPAQUE
};
typedef struct cf_mat5_reader {
  cf_context *ctx;
  const cf_io_file *file;
  bool swap;
  uint64_t at;     /* of the file, when no stream is open */
  cf_inflate *z;   /* the open compressed element */
  char path[1024]; /* of the element being read */
  size_t length;
  cf_io_listing *listing; /* listing: members go here */
  const char *wanted;     /* reading: the member that is read, and where it goes */
  cf_array **out;
  cf_array *texts; /* reading a cell array of texts: the array and the element that the next one fills */
  size_t slot;
  cf_io_walk *walk; /* reading several: names what is wanted, and takes it; NULL: one */
} reader;

/* A matrix as its head declares it. */
typedef struct matrix {
  unsigned class;
  bool complex, logical, vector;
  int ndim;
  size_t shape[CF_MAX_DIMS], count;
} matrix;

typedef struct tag {
  uint32_t type, bytes, padding;
  bool small;
  unsigned char inlined[4];
} tag;

/* CF_ERR_INPUT with the place in the file. */
cf_status cf_mat5_damaged(reader *r, const char *what);
/* The next n bytes of the file or of the open stream. */
cf_status cf_mat5_take(reader *r, void *buffer, size_t n);
cf_status cf_mat5_skip(reader *r, uint64_t n);
/* The next element inside one that has *left bytes left; they are used up, its data must be taken or skipped. */
cf_status cf_mat5_next_tag(reader *r, uint64_t *left, tag *t);
cf_status cf_mat5_skip_data(reader *r, const tag *t);
/* All t->bytes of data. */
cf_status cf_mat5_take_data(reader *r, const tag *t, void *buffer);
/* Bytes of one number or character of a type; 0: neither. */
size_t cf_mat5_type_size(uint32_t type);

cf_dtype cf_mat5_dtype(const matrix *m);
/* The content of a matrix of numbers, sparse or of characters into a new *r->out. */
cf_status cf_mat5_read_numeric(reader *r, const matrix *m, uint64_t *left);
cf_status cf_mat5_read_sparse(reader *r, const matrix *m, uint64_t *left);
cf_status cf_mat5_read_char(reader *r, const matrix *m, uint64_t *left);
/* The rows of a character matrix into the texts `to`. */
cf_status cf_mat5_read_rows(reader *r, const matrix *m, uint64_t *left, char **to);

#endif
