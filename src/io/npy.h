/* The npy header and the reading of one npy stream: shared by npy files and the members of npz files. */
#ifndef CF_IO_NPY_H
#define CF_IO_NPY_H
#include "io/format.h"

#define CF_NPY_PREFIX     12        /* magic, version, header length of versions 2 and 3 */
#define CF_NPY_HEADER_MAX (1 << 16) /* longer headers belong to structured types only */

typedef struct cf_npy {
  cf_dtype dtype;
  size_t item; /* stored bytes of an element */
  bool swap;   /* not in this machine's byte order */
  bool fortran;
  char kind;           /* of the descr: b i u f c U S */
  const char *refusal; /* why it cannot be read as an array, or NULL */
  char stored[48];     /* descr */
  int ndim;
  size_t shape[CF_MAX_DIMS];
  size_t count, bytes; /* elements, bytes of data */
  size_t header;       /* offset of the data */
} cf_npy;

/* Length of the header that follows the prefix; *header is where the data begin. have: bytes in prefix (>= 10). */
cf_status cf_npy_prefix(cf_context *ctx, const char *what, const unsigned char *prefix, size_t have, size_t *header);
/* Parses the header text of `length` bytes: every key once, nothing else. Shape and sizes are checked for overflow. */
cf_status cf_npy_parse(cf_context *ctx, const char *what, const char *text, size_t length, cf_npy *out);

/* A stream that gives exactly the bytes asked for, or an error. */
typedef cf_status (*cf_npy_pull)(cf_context *ctx, void *payload, void *buffer, size_t size);
/* The data part as an array in C order; the caller has compared npy->bytes with what the stream holds. */
cf_status cf_npy_read(cf_context *ctx, const char *what, const char *member, const cf_npy *npy, cf_npy_pull pull,
                      void *payload, cf_array **out);

/* Writes one array as a npy stream of version 1. Bfloat16 becomes float32 (npy has no such type). */
/* Bytes of the whole stream, so that a container can announce it. */
cf_status cf_npy_size(cf_context *ctx, const cf_array *array, uint64_t *out);
/* Feeds the stream in pieces to put(). */
typedef cf_status (*cf_npy_put)(cf_context *ctx, void *payload, const void *data, size_t size);
cf_status cf_npy_write(cf_context *ctx, const cf_array *array, cf_npy_put put, void *payload);
/* The header alone: the data may follow from where they lie (not for strings and bfloat16). */
cf_status cf_npy_header(cf_context *ctx, const cf_array *array, cf_npy_put put, void *payload);

#endif
