/* Reader of MATLAB version 5 files (MATLAB 5 to 7, `save -v6` and `-v7`), from the published description of the format.
 *
 * It reads the file front to back with every length checked against what encloses it, and never recurses deeper than
 * MAX_DEPTH, so a damaged file is an error and nothing else; libmatio, which is not so careful, reads 7.3 files only.
 * Column-major data become row-major. Members are named as MATLAB would: a.b, a{3}, a(2).b. A cell array of nothing
 * but rows of characters is one member of texts; a character matrix is one text a row, without its blanks at the end.
 * Sparse matrices become dense ones. */
#include "io/mat5.h"
#include "io/containers.h"
#include "io/inflate.h"
#include <stdio.h>
#include <string.h>

#define MAX_DEPTH 24
#define PIECE     ((size_t)1 << 16)

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
static const cf_dtype class_dtype[] = {CF_F64, CF_F32, CF_I8, CF_U8, CF_I16, CF_U16, CF_I32, CF_U32, CF_I64, CF_U64};
static const char *const class_name[] = {
    "?",     "cell",  "struct", "object", "char",   "sparse", "double", "single",          "int8",
    "uint8", "int16", "uint16", "int32",  "uint32", "int64",  "uint64", "function handle", "opaque object"};

typedef struct reader {
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

static cf_status damaged(reader *r, const char *what) {
  return cf_fail(r->ctx, CF_ERR_INPUT, "%s%s%s: damaged MATLAB file near byte %llu: %s", r->file->path,
                 r->length ? ":" : "", r->path, (unsigned long long)r->at, what);
}

static cf_status take(reader *r, void *buffer, size_t n) {
  if (r->z) return cf_inflate_read(r->ctx, r->z, buffer, n);
  cf_status status = cf_io_pread(r->ctx, r->file, r->at, buffer, n);
  r->at += n;
  return status;
}

static cf_status skip(reader *r, uint64_t n) {
  char waste[4096];
  if (!r->z) {
    r->at += n;
    return CF_OK;
  }
  cf_status status = CF_OK;
  for (; n > 0 && status == CF_OK; n -= CF_MIN(n, sizeof waste))
    status = take(r, waste, (size_t)CF_MIN(n, sizeof waste));
  return status;
}

/* The next element inside one that has *left bytes left; they are used up here, its data must be taken or skipped. */
static cf_status next_tag(reader *r, uint64_t *left, tag *t) {
  unsigned char head[8];
  uint32_t word[2];
  cf_status status;
  *t = (tag){0, 0, 0, false, {0}};
  if (*left < 8) return damaged(r, "an element is missing");
  if ((status = take(r, head, 8)) != CF_OK) return status;
  memcpy(word, head, 8);
  if (r->swap) cf_io_swap_bytes(word, 2, 4);
  *left -= 8;
  *t = (tag){word[0], word[1], 0, false, {0}};
  if (word[0] >> 16) {
    t->small = true;
    t->type = word[0] & 0xffff;
    t->bytes = word[0] >> 16;
    memcpy(t->inlined, head + 4, 4);
    return t->bytes > 4 ? damaged(r, "a small element is too long") : CF_OK;
  }
  if (t->bytes > *left) return damaged(r, "an element is longer than what encloses it");
  *left -= t->bytes;
  t->padding = (uint32_t)CF_MIN((uint64_t)(-t->bytes & 7u), *left);
  *left -= t->padding;
  return CF_OK;
}

static cf_status skip_data(reader *r, const tag *t) {
  return t->small ? CF_OK : skip(r, (uint64_t)t->bytes + t->padding);
}

/* All t->bytes of data. */
static cf_status take_data(reader *r, const tag *t, void *buffer) {
  if (t->small) {
    memcpy(buffer, t->inlined, t->bytes);
    return CF_OK;
  }
  cf_status status = take(r, buffer, t->bytes);
  return status == CF_OK ? skip(r, t->padding) : status;
}

static size_t type_size(uint32_t type) {
  static const unsigned char size[] = {0, 1, 1, 2, 2, 4, 4, 4, 0, 8, 0, 0, 8, 8, 0, 0, 1, 2, 4};
  return type < sizeof size ? size[type] : 0;
}

/* ------------------------------------------------------------- numbers -- */

/* n stored numbers to elements of the array's type, `step` elements apart. MATLAB stores a class in any smaller type
 * that holds its values; what does not fit is clamped. */
static void convert(uint32_t type, const unsigned char *from, size_t n, cf_dtype dtype, size_t step, void *to) {
  for (size_t i = 0; i < n; i++) {
    double x = 0;
    int64_t k = 0;
    bool real = false, unsigned64 = false;
#define LOAD(T, into)                                                                                                  \
  do {                                                                                                                 \
    T v_;                                                                                                              \
    memcpy(&v_, from + i * sizeof v_, sizeof v_);                                                                      \
    into = v_;                                                                                                         \
  } while (0)
    switch (type) {
    case INT8:
      LOAD(int8_t, k);
      break;
    case INT16:
      LOAD(int16_t, k);
      break;
    case UINT16:
    case UTF16:
      LOAD(uint16_t, k);
      break;
    case INT32:
      LOAD(int32_t, k);
      break;
    case UINT32:
    case UTF32:
      LOAD(uint32_t, k);
      break;
    case INT64:
      LOAD(int64_t, k);
      break;
    case UINT64: {
      uint64_t v;
      memcpy(&v, from + 8 * i, 8);
      k = (int64_t)v;
      unsigned64 = true;
    } break;
    case SINGLE:
      LOAD(float, x);
      real = true;
      break;
    case DOUBLE:
      LOAD(double, x);
      real = true;
      break;
    default:
      LOAD(uint8_t, k);
      break;
    }
#undef LOAD
    if (!real)
      x = unsigned64 ? (double)(uint64_t)k : (double)k;
    else
      k = x >= 9.2e18 ? INT64_MAX : x <= -9.2e18 ? INT64_MIN : x == x ? (int64_t)x : 0;
#define STORE(T, low, high) ((T *)to)[i * step] = (T)(k < (low) ? (low) : k > (high) ? (high) : k)
    switch (dtype) {
    case CF_BOOL:
      ((uint8_t *)to)[i * step] = x != 0;
      break;
    case CF_I8:
      STORE(int8_t, INT8_MIN, INT8_MAX);
      break;
    case CF_U8:
      STORE(uint8_t, 0, UINT8_MAX);
      break;
    case CF_I16:
      STORE(int16_t, INT16_MIN, INT16_MAX);
      break;
    case CF_U16:
      STORE(uint16_t, 0, UINT16_MAX);
      break;
    case CF_I32:
      STORE(int32_t, INT32_MIN, INT32_MAX);
      break;
    case CF_U32:
      STORE(uint32_t, 0, UINT32_MAX);
      break;
    case CF_I64:
      ((int64_t *)to)[i * step] = k;
      break;
    case CF_U64:
      ((uint64_t *)to)[i * step] = unsigned64 ? (uint64_t)k : k < 0 ? 0 : (uint64_t)k;
      break;
    case CF_F32:
    case CF_C64:
      ((float *)to)[i * step] = (float)x;
      break;
    default:
      ((double *)to)[i * step] = x;
      break;
    }
#undef STORE
  }
}

/* One element of at least low and at most high numbers into `to`; what lies in the file may be of any number type. */
static cf_status take_numbers(reader *r, uint64_t *left, size_t low, size_t high, cf_dtype dtype, size_t step,
                              void *to) {
  cf_status status = CF_OK;
  unsigned char piece[4096];
  size_t part = dtype == CF_C64 ? 4 : dtype == CF_C128 ? 8 : cf_dtype_size(dtype);
  tag t;
  CF_TRY(next_tag(r, left, &t));
  size_t size = type_size(t.type);
  if (size == 0 || t.bytes % size) return damaged(r, "values of an unknown type");
  if (t.bytes / size < low || t.bytes / size > high) return damaged(r, "the number of values is not that of the shape");
  uint64_t rest = t.bytes;
  while (rest > 0) {
    size_t n = (size_t)CF_MIN(rest, sizeof piece);
    if (t.small)
      memcpy(piece, t.inlined, n);
    else
      CF_TRY(take(r, piece, n));
    if (r->swap) cf_io_swap_bytes(piece, n / size, size);
    convert(t.type, piece, n / size, dtype, step, to);
    to = (char *)to + n / size * step * part;
    rest -= n;
  }
  if (!t.small) CF_TRY(skip(r, t.padding));
done:
  return status;
}

static bool needs_turning(const matrix *m) {
  int wide = 0;
  for (int i = 0; i < m->ndim; i++) wide += m->shape[i] > 1;
  return wide > 1;
}

static cf_dtype element_type(const matrix *m) {
  cf_dtype d = m->class == SPARSE ? CF_F64 : class_dtype[m->class - CLASS_DOUBLE];
  if (m->logical) return CF_BOOL;
  return m->complex ? (d == CF_F32 ? CF_C64 : CF_C128) : d;
}

static cf_status read_numeric(reader *r, const matrix *m, uint64_t *left) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(r->ctx);
  cf_array *array = NULL;
  cf_dtype dtype = element_type(m);
  size_t item = cf_dtype_size(dtype), step = m->complex ? 2 : 1;
  void *columns;
  if (m->count > cf_io_size_limit(r->ctx, r->file->size) / item) {
    status = cf_fail(r->ctx, CF_ERR_INPUT, "%s:%s: %zu values are beyond the memory limit; raise --memory",
                     r->file->path, r->path, m->count);
    goto done;
  }
  CF_TRY(cf_io_array_new(r->ctx, r->file->path, r->wanted, dtype, m->ndim, m->shape, &array));
  columns = array->data;
  if (needs_turning(m)) CF_TRY(cf_scratch_bytes(r->ctx, m->count, item, &columns));
  CF_TRY(take_numbers(r, left, m->count, m->count, dtype, step, columns));
  if (m->complex) CF_TRY(take_numbers(r, left, m->count, m->count, dtype, step, (char *)columns + item / 2));
  if (columns != array->data) cf_io_fortran_to_c(columns, array->data, m->ndim, m->shape, item);
  array->fortran = true;
  *r->out = array;
  array = NULL;
done:
  cf_array_free(array);
  cf_scratch_release(r->ctx, mark);
  return status;
}

/* Compressed columns: rows ir[jc[j] .. jc[j+1]-1] of column j. */
static cf_status read_sparse(reader *r, const matrix *m, uint64_t *left) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(r->ctx);
  cf_array *array = NULL;
  cf_dtype dtype = element_type(m);
  size_t item = cf_dtype_size(dtype), step = m->complex ? 2 : 1, limit = cf_io_size_limit(r->ctx, r->file->size);
  size_t rows = m->shape[0], cols = m->shape[1], stored;
  uint32_t *ir, *jc;
  char *values;
  tag t;
  CF_TRY(next_tag(r, left, &t));
  stored = t.bytes / 4;
  if (m->count > limit / item || stored > limit / 32 || cols > limit / 8) {
    status = cf_fail(r->ctx, CF_ERR_INPUT, "%s:%s: as a dense matrix of %zu x %zu it is beyond the memory limit",
                     r->file->path, r->path, rows, cols);
    goto done;
  }
  if (type_size(t.type) != 4 || t.bytes % 4) CF_TRY(damaged(r, "row indices of a sparse matrix"));
  CF_TRY(CF_SCRATCH(r->ctx, &ir, stored + 1));
  CF_TRY(CF_SCRATCH(r->ctx, &jc, cols + 1));
  CF_TRY(take_data(r, &t, ir));
  CF_TRY(next_tag(r, left, &t));
  if (type_size(t.type) != 4 || t.bytes / 4 != cols + 1 || t.bytes % 4)
    CF_TRY(damaged(r, "column starts of a sparse matrix"));
  CF_TRY(take_data(r, &t, jc));
  if (r->swap) cf_io_swap_bytes(ir, stored, 4), cf_io_swap_bytes(jc, cols + 1, 4);
  for (size_t j = 0; j < cols; j++)
    if (jc[j] > jc[j + 1] || jc[j + 1] > stored) CF_TRY(damaged(r, "column starts of a sparse matrix"));
  for (size_t k = 0; k < jc[cols]; k++)
    if (ir[k] >= rows) CF_TRY(damaged(r, "row indices of a sparse matrix"));
  CF_TRY(cf_io_array_new(r->ctx, r->file->path, r->wanted, dtype, m->ndim, m->shape, &array));
  CF_TRY(cf_scratch_bytes(r->ctx, stored + 1, item, (void **)&values));
  memset(values, 0, (stored + 1) * item);
  for (size_t part = 0; part < step; part++) /* some write all reserved values, some the used ones only */
    CF_TRY(take_numbers(r, left, jc[cols], stored, dtype, step, values + part * item / 2));
  for (size_t j = 0; j < cols; j++)
    for (size_t k = jc[j]; k < jc[j + 1]; k++)
      memcpy((char *)array->data + (ir[k] * cols + j) * item, values + k * item, item);
  *r->out = array;
  array = NULL;
done:
  cf_array_free(array);
  cf_scratch_release(r->ctx, mark);
  return status;
}

/* --------------------------------------------------------------- texts -- */

/* The rows of a character matrix into the texts `to`. */
static cf_status read_rows(reader *r, const matrix *m, uint64_t *left, char **to) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(r->ctx);
  size_t rows = m->shape[0], n, size, limit = cf_io_size_limit(r->ctx, r->file->size);
  unsigned char *raw;
  uint32_t *units;
  tag t;
  CF_TRY(next_tag(r, left, &t));
  size = type_size(t.type);
  if (size == 0 || size > 4 || t.type == SINGLE) CF_TRY(damaged(r, "characters of an unknown type"));
  n = t.bytes / size;
  if (t.bytes > limit / 8) {
    status = cf_fail(r->ctx, CF_ERR_INPUT, "%s:%s: text of %u bytes is beyond the memory limit", r->file->path, r->path,
                     t.bytes);
    goto done;
  }
  CF_TRY(CF_SCRATCH(r->ctx, &raw, (size_t)t.bytes + 1));
  CF_TRY(take_data(r, &t, raw));
  if (rows == 1 && t.type == UTF8) {
    char *text = NULL;
    CF_TRY(cf_io_text(r->ctx, (const char *)raw, strnlen((const char *)raw, t.bytes), &text));
    cf_free(to[0]);
    to[0] = text;
    goto done;
  }
  if (n < m->count) CF_TRY(damaged(r, "fewer characters than the shape asks for"));
  CF_TRY(CF_SCRATCH(r->ctx, &units, n + 1));
  if (r->swap) cf_io_swap_bytes(raw, n, size);
  for (size_t i = 0; i < n; i++) {
    uint16_t half;
    if (size == 1)
      units[i] = raw[i];
    else if (size == 4)
      memcpy(&units[i], raw + 4 * i, 4);
    else
      memcpy(&half, raw + 2 * i, 2), units[i] = half;
  }
  for (size_t i = 0; i < rows; i++) {
    char *text = NULL;
    CF_TRY(cf_io_row_text(r->ctx, units, i, rows, m->count / rows, &text));
    cf_free(to[i]);
    to[i] = text;
  }
done:
  cf_scratch_release(r->ctx, mark);
  return status;
}

static cf_status read_char(reader *r, const matrix *m, uint64_t *left) {
  cf_status status = CF_OK;
  cf_array *array = NULL;
  size_t rows = m->count ? m->shape[0] : 1; /* '' is one empty text */
  if (rows > cf_io_size_limit(r->ctx, r->file->size) / sizeof(char *))
    CF_TRY(damaged(r, "too many rows of characters"));
  CF_TRY(cf_io_array_new(r->ctx, r->file->path, r->wanted, CF_TEXT, 1, &rows, &array));
  if (m->count) CF_TRY(read_rows(r, m, left, array->data));
  CF_TRY(cf_io_fill_texts(r->ctx, array));
  *r->out = array;
  array = NULL;
done:
  cf_array_free(array);
  return status;
}

/* ----------------------------------------------------------- structure -- */

static cf_status read_matrix(reader *r, uint64_t left, int depth);

static cf_status extend_path(reader *r, const char *format, size_t index, const char *field) {
  size_t room = sizeof r->path - r->length;
  int n = snprintf(r->path + r->length, room, format, index, field);
  if (n < 0 || (size_t)n >= room) return damaged(r, "names nested too deep");
  r->length += (size_t)n;
  return CF_OK;
}

static cf_status add_member(reader *r, const matrix *m, cf_dtype dtype, bool readable, int ndim, const size_t *shape) {
  char stored[64];
  snprintf(stored, sizeof stored, "%s%s%s%s", m->class <= OPAQUE ? class_name[m->class] : "?",
           m->logical ? " logical" : "", m->complex ? " complex" : "", readable ? "" : " (not numeric)");
  return cf_io_listing_add(r->ctx, r->listing, r->path, dtype, stored, readable, true, ndim, shape);
}

/* The member just listed as `texts from..` turns out to be one cell array of texts: its rows go, one comes. */
static cf_status merge_texts(reader *r, const matrix *m, size_t from) {
  cf_io_listing_cut(r->listing, from);
  size_t n = m->count;
  return m->vector ? add_member(r, m, CF_TEXT, true, 1, &n) : add_member(r, m, CF_TEXT, true, m->ndim, m->shape);
}

/* Cells, or (fields > 0) the fields of all elements of a structure, in column-major order of the elements. */
static cf_status read_children(reader *r, const matrix *m, uint64_t *left, const char *names, size_t width,
                               size_t fields, int depth) {
  cf_status status = CF_OK;
  size_t length = r->length, from = r->listing ? r->listing->count : 0, per = names ? fields : 1;
  bool mine = r->wanted && !*r->out && !names && !r->texts && strcmp(r->path, r->wanted) == 0,
       texts = !names && m->count > 0;
  cf_array *array = NULL, *turned = NULL;
  if (per && m->count > *left / 8 / per) return damaged(r, "more elements than bytes");
  if (mine) {
    CF_TRY(cf_io_array_new(r->ctx, r->file->path, r->wanted, CF_TEXT, m->vector ? 1 : m->ndim,
                           m->vector ? &m->count : m->shape, &array));
    r->texts = array;
  }
  for (size_t i = 0; i < m->count; i++) {
    for (size_t f = 0; f < per; f++) {
      tag t;
      if (!names)
        CF_TRY(extend_path(r, "{%zu}%s", i + 1, ""));
      else if (m->count == 1)
        CF_TRY(extend_path(r, "%.0zu.%s", 0, names + f * width));
      else
        CF_TRY(extend_path(r, "(%zu).%s", i + 1, names + f * width));
      CF_TRY(next_tag(r, left, &t));
      if (t.type != MATRIX) CF_TRY(damaged(r, "an element that should be an array is not"));
      size_t before = r->listing ? r->listing->count : 0;
      r->slot = i;
      CF_TRY(read_matrix(r, t.bytes, depth + 1));
      if (t.small && t.bytes) CF_TRY(damaged(r, "an array of no size"));
      CF_TRY(skip(r, t.small ? 0 : t.padding));
      if (r->listing) {
        const cf_io_entry *e = r->listing->count == before + 1 ? &r->listing->entry[before] : NULL;
        texts = texts && e && e->dtype == CF_TEXT && e->ndim == 1 && e->shape[0] == 1 && strcmp(e->stored, "char") == 0;
      }
      r->length = length;
      r->path[length] = '\0';
    }
  }
  if (r->listing && texts) CF_TRY(merge_texts(r, m, from));
  if (mine) {
    r->texts = NULL;
    CF_TRY(cf_io_fill_texts(r->ctx, array));
    if (!m->vector) { /* texts of a matrix of cells: turn the order */
      CF_TRY(cf_io_array_new(r->ctx, r->file->path, r->wanted, CF_TEXT, m->ndim, m->shape, &turned));
      for (size_t i = 0; i < m->count; i++) { /* free the empty texts, then take the pointers over */
        cf_free(((char **)turned->data)[i]);
        ((char **)turned->data)[i] = NULL;
      }
      cf_io_fortran_to_c(array->data, turned->data, m->ndim, m->shape, sizeof(char *));
      memset(array->data, 0, m->count * sizeof(char *));
      *r->out = turned;
      turned = NULL;
    } else {
      *r->out = array;
      array = NULL;
    }
  }
done:
  if (mine) r->texts = NULL;
  cf_array_free(array);
  cf_array_free(turned);
  return status;
}

static cf_status read_struct(reader *r, const matrix *m, uint64_t *left, int depth) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(r->ctx);
  int32_t width = 0;
  char *names;
  tag t;
  if (m->class == OBJECT) {
    CF_TRY(next_tag(r, left, &t)); /* the name of the class */
    CF_TRY(skip_data(r, &t));
  }
  CF_TRY(next_tag(r, left, &t));
  if (t.type != INT32 || t.bytes != 4) CF_TRY(damaged(r, "length of field names"));
  CF_TRY(take_data(r, &t, &width));
  if (r->swap) cf_io_swap_bytes(&width, 1, 4);
  CF_TRY(next_tag(r, left, &t));
  if (width < 1 || width > 1024 || type_size(t.type) != 1 || t.bytes % (uint32_t)width || t.bytes > 1u << 24)
    CF_TRY(damaged(r, "field names"));
  CF_TRY(CF_SCRATCH(r->ctx, &names, (size_t)t.bytes + 1));
  CF_TRY(take_data(r, &t, names));
  for (uint32_t end = (uint32_t)width; end <= t.bytes; end += (uint32_t)width) names[end - 1] = '\0';
  CF_TRY(read_children(r, m, left, names, (size_t)width, t.bytes / (uint32_t)width, depth));
done:
  cf_scratch_release(r->ctx, mark);
  return status;
}

/* Flags, shape and name. The name of the outermost array begins the path. */
static cf_status read_head(reader *r, uint64_t *left, int depth, matrix *m, bool *beyond) {
  cf_status status = CF_OK;
  uint32_t flags[2];
  int32_t dims[64];
  char name[256] = "";
  tag t;
  CF_TRY(next_tag(r, left, &t));
  if (t.type != UINT32 || t.bytes != 8 || t.small) CF_TRY(damaged(r, "array flags"));
  CF_TRY(take_data(r, &t, flags));
  if (r->swap) cf_io_swap_bytes(flags, 2, 4);
  *m = (matrix){flags[0] & 0xff, (flags[0] & 0x800) != 0, (flags[0] & 0x200) != 0, false, 0, {0}, 1};
  if (m->class == 0 || m->class > OPAQUE) CF_TRY(damaged(r, "unknown class of array"));
  if (m->class == OPAQUE) { /* has no shape; what follows is the name */
    m->ndim = 0;
  } else {
    CF_TRY(next_tag(r, left, &t));
    if (t.type != INT32 || t.bytes % 4 || t.bytes < 8 || t.bytes > sizeof dims) CF_TRY(damaged(r, "shape"));
    CF_TRY(take_data(r, &t, dims));
    if (r->swap) cf_io_swap_bytes(dims, t.bytes / 4, 4);
    int n = (int)(t.bytes / 4);
    while (n > 2 && dims[n - 1] == 1) n--;
    *beyond = n > CF_MAX_DIMS;
    m->ndim = CF_MIN(n, CF_MAX_DIMS);
    for (int i = 0; i < n; i++) {
      if (dims[i] < 0) CF_TRY(damaged(r, "negative size"));
      if (i < CF_MAX_DIMS) m->shape[i] = (size_t)dims[i];
      if (__builtin_mul_overflow(m->count, (size_t)dims[i], &m->count))
        CF_TRY(damaged(r, "size beyond the address space"));
    }
    m->vector = n == 2 && (dims[0] == 1 || dims[1] == 1);
  }
  CF_TRY(next_tag(r, left, &t));
  if (type_size(t.type) != 1 || t.bytes >= sizeof name) CF_TRY(damaged(r, "name"));
  CF_TRY(take_data(r, &t, name));
  name[t.bytes] = '\0';
  if (depth == 0) {
    r->length = 0;
    CF_TRY(extend_path(r, "%.0zu%s", 0, name));
  }
done:
  return status;
}

static bool is_number(unsigned class) {
  return class >= CLASS_DOUBLE && class <= CLASS_UINT64;
}

/* True when the wanted member is this one or lies inside it. */
static bool leads_to_wanted(const reader *r) {
  return !r->wanted || strncmp(r->path, r->wanted, r->length) == 0;
}

/* The content of one miMATRIX of `left` bytes: listed, read when it is wanted, or skipped. */
static cf_status read_matrix(reader *r, uint64_t left, int depth) {
  cf_status status = CF_OK;
  matrix m = {CLASS_DOUBLE, false, false, false, 2, {0, 0}, 0};
  bool beyond = false, head = left > 0;
  if (depth > MAX_DEPTH) return damaged(r, "nested too deep");
  if (head) CF_TRY(read_head(r, &left, depth, &m, &beyond)); /* no head: [], as nested arrays are written */
  bool found = r->wanted && !*r->out && (r->texts ? true : strcmp(r->path, r->wanted) == 0);
  bool known =
      !beyond && (is_number(m.class) || (m.class == CHAR && m.ndim == 2) || (m.class == SPARSE && m.ndim == 2));
  if (m.class == CELL || m.class == STRUCT || m.class == OBJECT) {
    if (r->texts && found)
      CF_TRY(cf_fail(r->ctx, CF_ERR_INPUT, "%s:%s: cells hold more than texts", r->file->path, r->path));
    if (!beyond && leads_to_wanted(r)) {
      if (m.class == CELL)
        CF_TRY(read_children(r, &m, &left, NULL, 0, 0, depth));
      else
        CF_TRY(read_struct(r, &m, &left, depth));
    }
    if (r->listing && (beyond || m.count == 0)) CF_TRY(add_member(r, &m, CF_F64, false, m.ndim, m.shape));
  } else if (r->listing) {
    size_t rows = m.count ? m.shape[0] : 1;
    if (known && m.class == CHAR)
      CF_TRY(add_member(r, &m, CF_TEXT, true, 1, &rows));
    else
      CF_TRY(add_member(r, &m, known ? element_type(&m) : CF_F64, known, m.ndim, m.shape));
  } else if (found && r->texts) {
    bool empty = m.count == 0;
    if (!empty && (m.class != CHAR || m.ndim != 2 || m.shape[0] != 1))
      CF_TRY(cf_fail(r->ctx, CF_ERR_INPUT, "%s:%s: cells hold more than rows of characters", r->file->path, r->path));
    if (!empty) CF_TRY(read_rows(r, &m, &left, (char **)r->texts->data + r->slot));
  } else if (found) {
    if (!known)
      CF_TRY(cf_fail(r->ctx, CF_ERR_INPUT, "%s:%s: cannot be read: %s", r->file->path, r->path, class_name[m.class]));
    if (m.class == CHAR)
      CF_TRY(read_char(r, &m, &left));
    else if (m.class == SPARSE)
      CF_TRY(read_sparse(r, &m, &left));
    else if (head)
      CF_TRY(read_numeric(r, &m, &left));
    else
      CF_TRY(cf_io_array_new(r->ctx, r->file->path, r->wanted, CF_F64, 2, m.shape, r->out));
  }
  CF_TRY(skip(r, left));
done:
  return status;
}

/* The outermost elements, one after the other, until the file ends or the wanted member is read. */
static cf_status read_elements(reader *r) {
  cf_status status = CF_OK;
  unsigned char order[2];
  r->at = 126;
  CF_TRY(take(r, order, 2));
  r->swap = order[0] == 'M'; /* written "MI" as a 16-bit number: "IM" in a little-endian file */
  while (r->at < r->file->size && !(r->out && *r->out)) {
    uint64_t left = r->file->size - r->at;
    tag t;
    r->length = 0;
    r->path[0] = '\0';
    CF_TRY(next_tag(r, &left, &t));
    uint64_t next = r->at + (t.small ? 0 : t.bytes) + (t.type == COMPRESSED ? 0 : t.padding);
    if (t.type == COMPRESSED && !t.small) {
      CF_TRY(cf_inflate_open(r->ctx, r->file, r->at, t.bytes, &r->z));
      unsigned char head[8];
      uint32_t word[2];
      CF_TRY(take(r, head, 8));
      memcpy(word, head, 8);
      if (r->swap) cf_io_swap_bytes(word, 2, 4);
      if (word[0] == MATRIX) CF_TRY(read_matrix(r, word[1], 0));
      cf_inflate_close(r->z);
      r->z = NULL;
    } else if (t.type == MATRIX && !t.small) {
      CF_TRY(read_matrix(r, t.bytes, 0));
    }
    r->at = next;
  }
done:
  cf_inflate_close(r->z);
  return status;
}

cf_status cf_mat5_list(cf_context *ctx, const cf_io_file *file, cf_io_listing *listing) {
  reader r = {.ctx = ctx, .file = file, .listing = listing};
  return read_elements(&r);
}

cf_status cf_mat5_read(cf_context *ctx, const cf_io_file *file, const char *member, cf_array **out) {
  reader r = {.ctx = ctx, .file = file, .wanted = member, .out = out};
  cf_array *found = NULL;
  r.out = &found;
  cf_status status = read_elements(&r);
  if (status == CF_OK && !found) status = cf_fail(ctx, CF_ERR_INPUT, "%s:%s: no such member", file->path, member);
  if (status == CF_OK)
    *out = found;
  else
    cf_array_free(found);
  return status;
}
