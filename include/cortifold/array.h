/* cortifold/array.h - strided views, typed labelled arrays, data sets, row
 * blocks for data larger than memory, and pairing by label.                 */
#ifndef CORTIFOLD_ARRAY_H
#define CORTIFOLD_ARRAY_H

#include <cortifold/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CF_MAX_DIMS 8

/* Read-only strided window on doubles that the caller owns. Strides count
 * elements and may be negative or zero.                                     */
typedef struct cf_view {
  const double *data;
  int ndim;
  size_t shape[CF_MAX_DIMS];
  ptrdiff_t stride[CF_MAX_DIMS];
} cf_view;

/* Contiguous views of n, rows x cols, and any row-major shape (ndim <= CF_MAX_DIMS); the transpose of a matrix; entry i
 * of an axis; the product of the shape. None copies. */
CF_API cf_view cf_view_vector(const double *data, size_t n);
CF_API cf_view cf_view_matrix(const double *data, size_t rows, size_t cols);      /* row-major */
CF_API cf_view cf_view_tensor(const double *data, int ndim, const size_t *shape); /* row-major */
CF_API cf_view cf_view_transposed(cf_view matrix);
CF_API cf_view cf_view_index(cf_view view, int axis, size_t i); /* drops the axis */
CF_API size_t cf_view_count(const cf_view *view);
static inline double cf_at(const cf_view *m, size_t i, size_t j) {
  return m->data[(ptrdiff_t)i * m->stride[0] + (ptrdiff_t)j * m->stride[1]];
}
/* Copies a view of any strides to contiguous row-major memory of cf_view_count() doubles. */
CF_API void cf_view_copy(const cf_view *view, double *out);
/* True when rows lie one after the other without gaps.                      */
CF_API bool cf_view_contiguous(const cf_view *view);
/* CF_ERR_INPUT naming `what` and the first position of a NaN or infinity.   */
CF_API CF_CHECKED cf_status cf_view_check_finite(cf_context *ctx, const cf_view *view, const char *what);

/* -------------------------------------------------------- typed arrays -- */

typedef enum cf_dtype {
  CF_BOOL,
  CF_I8,
  CF_U8,
  CF_I16,
  CF_U16,
  CF_I32,
  CF_U32,
  CF_I64,
  CF_U64,
  CF_F16,
  CF_BF16,
  CF_F32,
  CF_F64,
  CF_C64,
  CF_C128,
  CF_TEXT /* data is char *[], UTF-8, each owned by the array */
} cf_dtype;
CF_API size_t cf_dtype_size(cf_dtype dtype);
CF_API const char *cf_dtype_name(cf_dtype dtype); /* "float32", "int8", "text" ... */

/* Numbers that are made piece by piece while they are written, so that they need not fit into memory. A piece is what
 * one index of the first `lead` axes holds; make() fills pieces first .. first + n - 1, in any order and as often as
 * asked, always the same; close() frees the payload (may be NULL). */
typedef struct cf_array_stream {
  int lead;
  cf_status (*make)(cf_context *ctx, void *payload, size_t first, size_t n, void *out);
  void (*close)(void *payload);
  void *payload;
} cf_array_stream;

/* What a file's member becomes: storage type kept, C order, native bytes.
 * Axis names and coordinates are optional; a coordinate is a 1-D array
 * (numbers or text) as long as its axis.                                    */
typedef struct cf_array {
  char *name;   /* member name, "" for formats without members */
  char *source; /* "path:member" as given, for error messages; may be NULL */
  cf_dtype dtype;
  int ndim;
  size_t shape[CF_MAX_DIMS];
  void *data;
  bool fortran; /* the file stored it in Fortran order (information only) */
  char *axis[CF_MAX_DIMS];
  struct cf_array *coordinate[CF_MAX_DIMS];
  size_t mapped;          /* bytes of a file's mapping that data is; 0: memory as cf_alloc_bytes gives it */
  cf_array_stream stream; /* make is not NULL while the data are still to be made; data is NULL then */
} cf_array;

/* Zero-filled array; shape may have zeros; ndim 0 is a scalar. Errors: CF_ERR_MEMORY, CF_ERR_INPUT (ndim >
 * CF_MAX_DIMS). */
CF_API CF_CHECKED cf_status cf_array_new(cf_context *ctx, const char *name, cf_dtype dtype, int ndim,
                                         const size_t *shape, cf_array **out);
/* The same with its numbers in a mapped file that has no name and goes with the array: what the system need not keep in
 * memory. folder: where the file lies (NULL: $TMPDIR, else /tmp); its space is reserved at once. Not for text. Errors:
 * also CF_ERR_FAILURE (no space on the disk). */
CF_API CF_CHECKED cf_status cf_array_new_mapped(cf_context *ctx, const char *name, cf_dtype dtype, int ndim,
                                                const size_t *shape, const char *folder, cf_array **out);
/* Takes the pages of a mapped array out of memory; the file keeps them. Nothing to do for other arrays. */
CF_API void cf_array_let_go(cf_array *array);
/* Copies n doubles of row-major data into a new float64 array.              */
CF_API CF_CHECKED cf_status cf_array_from_doubles(cf_context *ctx, const char *name, int ndim, const size_t *shape,
                                                  const double *data, cf_array **out);
CF_API CF_CHECKED cf_status cf_array_from_texts(cf_context *ctx, const char *name, size_t n, const char *const *texts,
                                                cf_array **out);
/* An array of numbers that are made when they are written: npy, npz and HDF5 take them piece by piece. Takes the
 * stream's payload, also on error. */
CF_API CF_CHECKED cf_status cf_array_from_stream(cf_context *ctx, const char *name, cf_dtype dtype, int ndim,
                                                 const size_t *shape, cf_array_stream stream, cf_array **out);
/* Makes the data of such an array now; nothing to do for others. CF_ERR_MEMORY beyond the context's memory budget. */
CF_API CF_CHECKED cf_status cf_array_fill(cf_context *ctx, cf_array *array);
/* Pieces of a stream and bytes of one. */
CF_API void cf_array_pieces(const cf_array *array, size_t *pieces, size_t *bytes);
CF_API void cf_array_free(cf_array *array);
CF_API size_t cf_array_count(const cf_array *array);
CF_API CF_CHECKED cf_status cf_array_set_axis(cf_context *ctx, cf_array *array, int axis, const char *name,
                                              const cf_array *coordinate /* copied; may be NULL */);
CF_API CF_CHECKED cf_status cf_array_copy(cf_context *ctx, const cf_array *array, cf_array **out);
/* Element i (flat, row-major) as a double; complex gives the real part; text gives NaN. */
CF_API double cf_array_number(const cf_array *array, size_t i);
/* Converts in place to float64. CF_ERR_INPUT for text or complex.           */
CF_API CF_CHECKED cf_status cf_array_to_doubles(cf_context *ctx, cf_array *array);
/* View of a float64 array (call cf_array_to_doubles first).                 */
CF_API cf_view cf_array_view(const cf_array *array);
/* Element i as text (numbers printed shortest) into buffer.                 */
CF_API const char *cf_array_label(const cf_array *array, size_t i, char *buffer, size_t size);

/* Bits of half precision.                                                   */
CF_API double cf_f16_to_double(uint16_t bits);
CF_API double cf_bf16_to_double(uint16_t bits);
CF_API uint16_t cf_double_to_f16(double value);
CF_API uint16_t cf_double_to_bf16(double value);
/* n elements of dtype (native bytes) to doubles; not for complex and text.  */
CF_API void cf_dtype_to_doubles(cf_dtype dtype, const void *data, size_t n, double *out);

/* ---------------------------------------------------------- data sets -- */

/* An ordered set of arrays with unique names; owns them.                    */
typedef struct cf_dataset {
  cf_array **array;
  size_t count, capacity;
} cf_dataset;
CF_API CF_CHECKED cf_status cf_dataset_new(cf_context *ctx, cf_dataset **out);
CF_API void cf_dataset_free(cf_dataset *set);
CF_API CF_CHECKED cf_status cf_dataset_add(cf_context *ctx, cf_dataset *set,
                                           cf_array *array /* taken, also on error */);
CF_API cf_array *cf_dataset_get(const cf_dataset *set, const char *name); /* NULL when absent */
/* Shorthand: copies row-major doubles in.                                   */
CF_API CF_CHECKED cf_status cf_dataset_put(cf_context *ctx, cf_dataset *set, const char *name, int ndim,
                                           const size_t *shape, const double *data);

/* -------------------------------------------------------- label pairing -- */

/* index[i] = position in b of label a[i]; CF_ERR_INPUT lists the first few labels that
 * have no partner or that occur twice. a, b: 1-D arrays (numbers or text).  Cost O((n+m) log m). */
CF_API CF_CHECKED cf_status cf_labels_match(cf_context *ctx, const cf_array *a, const cf_array *b, size_t *index);
/* Distinct labels in ascending order (numbers by value, text by bytes): code[i] in 0..*groups-1 and, when
 * names is not NULL, a 1-D array of the distinct labels, owned by the caller. */
CF_API CF_CHECKED cf_status cf_labels_group(cf_context *ctx, const cf_array *labels, size_t *code, size_t *groups,
                                            cf_array **names);

/* ----------------------------------------------- data larger than memory -- */

/* A matrix read in pieces. read() fills out (rows x cols, row-major doubles) from the given window. */
typedef struct cf_blocks {
  size_t rows, cols;
  const char *name; /* for messages */
  void *payload;
  cf_status (*read)(cf_context *ctx, void *payload, size_t row, size_t rows, size_t col, size_t cols, double *out);
  void (*close)(void *payload);
  bool single; /* the values come from single precision or less: products of them may be made in it */
} cf_blocks;
/* Over a view in memory (2-D). The view's data must outlive it.             */
CF_API CF_CHECKED cf_status cf_blocks_from_view(cf_context *ctx, const cf_view *matrix, const char *name,
                                                cf_blocks *out);
CF_API void cf_blocks_close(cf_blocks *blocks);

#ifdef __cplusplus
}
#endif
#endif
