/* MATLAB files: version 5 is read by mat5.c; version 7.3 (an HDF5 container) through libmatio, after hdf5.c has looked
 * at every size and reference in it; version 5 is written through libmatio. The one facade over libmatio.
 *
 * Members as in mat5.c. Written: text arrays as cell arrays, anything of one dimension as a column, half precision as
 * single; names become MATLAB identifiers; coordinates become variables named like their axes where the name is free. */
#include "io/containers.h"
#include "io/mat5.h"
#include <ctype.h>
#include <matio.h>
#include <stdio.h>
#include <string.h>

#define MAX_DEPTH 24

/* libmatio's last message, instead of its printing. */
static _Thread_local char last_message[200];
static void keep_message(int level, char *message) {
  (void)level;
  snprintf(last_message, sizeof last_message, "%s", message ? message : "");
}
static mat_t *open_matio(const char *path) {
  last_message[0] = '\0';
  Mat_LogInitFunc("cortifold", keep_message);
  cf_hdf5_silence();
  return Mat_Open(path, MAT_ACC_RDONLY);
}
static cf_status matio_fail(cf_context *ctx, cf_status status, const char *path, const char *what) {
  return cf_fail(ctx, status, "%s: %s%s%s%s", path, what, last_message[0] ? " (" : "", last_message, last_message[0] ? ")" : "");
}

/* ------------------------------------------------------------- reading -- */

static bool class_type(const matvar_t *v, cf_dtype *dtype) {
  static const cf_dtype of[] = {CF_F64, CF_F32, CF_I8, CF_U8, CF_I16, CF_U16, CF_I32, CF_U32, CF_I64, CF_U64};
  if (v->class_type == MAT_C_CHAR) return *dtype = CF_TEXT, true;
  if (v->class_type != MAT_C_SPARSE && (v->class_type < MAT_C_DOUBLE || v->class_type > MAT_C_UINT64)) return false;
  *dtype = v->class_type == MAT_C_SPARSE ? CF_F64 : of[v->class_type - MAT_C_DOUBLE];
  if (v->isComplex) *dtype = *dtype == CF_F32 ? CF_C64 : CF_C128;
  else if (v->isLogical) *dtype = CF_BOOL;
  return true;
}

/* Shape without ones behind the second axis; false when it has too many axes or too many elements. */
static bool shape_of(const matvar_t *v, int *ndim, size_t *shape, size_t *count) {
  int n = v->dims ? v->rank : 0;
  while (n > 2 && v->dims[n - 1] == 1) n--;
  *count = n > 0;
  *ndim = n;
  if (n < 1 || n > CF_MAX_DIMS) return false;
  for (int i = 0; i < n; i++) {
    shape[i] = v->dims[i];
    if (__builtin_mul_overflow(*count, v->dims[i], count)) return false;
  }
  return *count < SIZE_MAX / 64;
}

static size_t cell_count(const matvar_t *v) { return v->data && v->data_size > 0 ? v->nbytes / (size_t)v->data_size : 0; }

/* All cells are rows of characters: the array is one member of texts. */
static bool is_texts(const matvar_t *v) {
  size_t n = cell_count(v), count, shape[CF_MAX_DIMS];
  int ndim;
  if (v->class_type != MAT_C_CELL || n == 0 || !shape_of(v, &ndim, shape, &count) || count != n) return false;
  for (size_t i = 0; i < n; i++) {
    const matvar_t *c = ((matvar_t **)v->data)[i];
    size_t rows[CF_MAX_DIMS], units;
    int axes;
    if (!c || c->class_type != MAT_C_CHAR || !shape_of(c, &axes, rows, &units) || axes != 2 || (units && rows[0] != 1)) return false;
  }
  return true;
}

/* Goes through a variable; lists its arrays, or finds the one that is wanted. */
typedef struct search {
  cf_context *ctx;
  const cf_io_file *file;
  cf_io_listing *listing;
  const char *wanted;
  const matvar_t *found;
} search;

static cf_status list_one(search *s, const matvar_t *v, const char *path) {
  static const char *const name[] = {"empty", "cell", "struct", "object", "char", "sparse", "double", "single", "int8", "uint8",
                                     "int16", "uint16", "int32", "uint32", "int64", "uint64", "function handle", "opaque object"};
  size_t shape[CF_MAX_DIMS] = {0}, count = 0;
  cf_dtype dtype = CF_F64;
  int ndim = 0;
  bool known = class_type(v, &dtype), fits = shape_of(v, &ndim, shape, &count), texts = is_texts(v);
  if (texts) dtype = CF_TEXT, known = true;
  else if (known && dtype == CF_TEXT) fits = fits && ndim == 2;
  if (v->class_type == MAT_C_EMPTY) known = true, fits = true, ndim = 2, shape[0] = shape[1] = 0;
  char stored[64];
  unsigned class = (unsigned)v->class_type;
  snprintf(stored, sizeof stored, "%s%s%s%s", class < sizeof name / sizeof *name ? name[class] : "unknown",
           v->isLogical ? " logical" : "", v->isComplex ? " complex" : "", known && fits ? "" : " (not numeric)");
  if (fits && known && dtype == CF_TEXT) { /* one text a row; a vector of cells is a vector of texts */
    if (!texts) shape[0] = count ? shape[0] : 1, ndim = 1;
    else if (ndim == 2 && (shape[0] == 1 || shape[1] == 1)) shape[0] = count, ndim = 1;
  }
  return cf_io_listing_add(s->ctx, s->listing, path, dtype, stored, known && fits, true, CF_MIN(ndim, CF_MAX_DIMS), shape);
}

static cf_status visit(search *s, const matvar_t *v, const char *path, int depth) {
  cf_status status = CF_OK;
  char inner[1024];
  if (!v || s->found) return CF_OK;
  if (depth > MAX_DEPTH) return cf_fail(s->ctx, CF_ERR_INPUT, "%s:%.80s: nested too deep", s->file->path, path);
  if (s->wanted && strncmp(path, s->wanted, strlen(path)) != 0) return CF_OK;
  if (s->wanted && strcmp(path, s->wanted) == 0) {
    s->found = v;
    return CF_OK;
  }
  if (v->class_type == MAT_C_CELL && cell_count(v) && !is_texts(v)) {
    for (size_t i = 0; i < cell_count(v); i++) {
      if ((size_t)snprintf(inner, sizeof inner, "%s{%zu}", path, i + 1) >= sizeof inner) continue;
      CF_TRY(visit(s, ((matvar_t **)v->data)[i], inner, depth + 1));
    }
  } else if ((v->class_type == MAT_C_STRUCT || v->class_type == MAT_C_OBJECT) && cell_count(v)) {
    unsigned fields = Mat_VarGetNumberOfFields((matvar_t *)v);
    char *const *names = Mat_VarGetStructFieldnames(v);
    size_t each = fields ? cell_count(v) / fields : 0;
    for (size_t i = 0; i < each; i++)
      for (unsigned f = 0; f < fields; f++) {
        int n = each == 1 ? snprintf(inner, sizeof inner, "%s.%s", path, names[f] ? names[f] : "")
                          : snprintf(inner, sizeof inner, "%s(%zu).%s", path, i + 1, names[f] ? names[f] : "");
        if (n < 0 || (size_t)n >= sizeof inner) continue;
        CF_TRY(visit(s, ((matvar_t **)v->data)[i * fields + f], inner, depth + 1));
      }
  } else if (s->listing) {
    CF_TRY(list_one(s, v, path));
  }
done:
  return status;
}

/* Text of row i of a character array of `rows` rows, n units each; units of 1, 2 or 4 bytes. */
static cf_status char_row(cf_context *ctx, const matvar_t *v, size_t i, size_t rows, size_t n, char **out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  const unsigned char *data = v->data;
  size_t used = 0, size = (size_t)v->data_size;
  char *text;
  if (!data || rows == 0 || v->nbytes / size < rows * n) n = 0;
  CF_TRY(cf_scratch_bytes(ctx, n + 1, 4, (void **)&text));
  for (size_t j = 0; j < n; j++) {
    uint32_t c = 0, d = 0;
    memcpy(&c, data + (i + rows * j) * size, size); /* little-endian machines only, as all of the reader */
    if (size == 2 && c >= 0xd800 && c < 0xdc00 && j + 1 < n) {
      memcpy(&d, data + (i + rows * (j + 1)) * size, size);
      if (d >= 0xdc00 && d < 0xe000) c = 0x10000 + ((c - 0xd800) << 10) + (d - 0xdc00), j++;
    }
    if (size == 1 && (v->data_type == MAT_T_UTF8 || v->data_type == MAT_T_UINT8)) text[used++] = (char)c;
    else if (c) used += cf_io_utf8(c, text + used);
  }
  while (rows > 1 && used > 0 && text[used - 1] == ' ') used--;
  status = cf_io_text(ctx, text, strnlen(text, used), out);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status set_text(cf_context *ctx, cf_array *array, size_t slot, const matvar_t *v, size_t i, size_t rows, size_t n) {
  char *text = NULL, **at = (char **)array->data + slot;
  if (v->data_size != 1 && v->data_size != 2 && v->data_size != 4) return cf_fail(ctx, CF_ERR_INPUT, "characters of an unknown type");
  cf_status status = char_row(ctx, v, i, rows, n, &text);
  if (status != CF_OK) return status;
  cf_free(*at);
  *at = text;
  return CF_OK;
}

static cf_status take_texts(search *s, const matvar_t *v, cf_array **out) {
  cf_status status = CF_OK;
  size_t shape[CF_MAX_DIMS], count, n;
  cf_array *array = NULL;
  int ndim;
  if (!shape_of(v, &ndim, shape, &count) || (v->class_type == MAT_C_CHAR && ndim != 2))
    return cf_fail(s->ctx, CF_ERR_INPUT, "%s:%s: characters in more than two dimensions", s->file->path, s->wanted);
  if (v->class_type == MAT_C_CHAR) {
    size_t rows = count ? shape[0] : 1;
    if (count > cf_io_size_limit(s->ctx, s->file->size) / 8) return cf_fail(s->ctx, CF_ERR_INPUT, "%s:%s: too large", s->file->path, s->wanted);
    CF_TRY(cf_io_array_new(s->ctx, s->file->path, s->wanted, CF_TEXT, 1, &rows, &array));
    for (size_t i = 0; i < rows && count; i++) CF_TRY(set_text(s->ctx, array, i, v, i, rows, shape[1]));
  } else {
    bool vector = ndim == 2 && (shape[0] == 1 || shape[1] == 1);
    n = cell_count(v);
    CF_TRY(cf_io_array_new(s->ctx, s->file->path, s->wanted, CF_TEXT, vector ? 1 : ndim, vector ? &n : shape, &array));
    for (size_t i = 0; i < n; i++) { /* i counts by columns, the array by rows */
      size_t rest = i, slot = 0, stride[CF_MAX_DIMS], step = 1;
      for (int k = ndim - 1; k >= 0; k--) stride[k] = step, step *= shape[k];
      for (int k = 0; k < ndim; k++) slot += rest % shape[k] * stride[k], rest /= shape[k];
      const matvar_t *c = ((matvar_t **)v->data)[i];
      size_t units = 1;
      for (int k = 0; k < c->rank; k++) units *= c->dims[k];
      if (units && c->data) CF_TRY(set_text(s->ctx, array, slot, c, 0, 1, units));
    }
  }
  *out = array;
  array = NULL;
done:
  cf_array_free(array);
  return status;
}

/* Value k of matio's memory into element i of an array of the class' own type. */
static void put_value(cf_array *array, size_t i, int part, const void *from, size_t k, size_t size) {
  size_t item = cf_dtype_size(array->dtype);
  char *to = (char *)array->data + i * item;
  if (array->dtype == CF_BOOL) *to = ((const char *)from)[k * size] != 0;
  else memcpy(to + (size_t)part * (item / 2), (const char *)from + k * size, size);
}

static cf_status take_sparse(search *s, const matvar_t *v, cf_array *array) {
  const mat_sparse_t *m = v->data;
  size_t rows = array->shape[0], cols = array->shape[1], size = array->dtype == CF_BOOL ? 1 : 8;
  if (!m || !m->ir || !m->jc || !m->data || m->njc != cols + 1 || v->data_size != (int)size)
    return cf_fail(s->ctx, CF_ERR_INPUT, "%s:%s: damaged sparse matrix", s->file->path, s->wanted);
  const mat_complex_split_t *both = m->data;
  for (size_t j = 0; j < cols; j++)
    for (size_t k = m->jc[j]; k < m->jc[j + 1]; k++) {
      if (k >= m->nir || k >= m->ndata || m->ir[k] >= rows)
        return cf_fail(s->ctx, CF_ERR_INPUT, "%s:%s: damaged sparse matrix", s->file->path, s->wanted);
      size_t at = m->ir[k] * cols + j;
      if (!v->isComplex) put_value(array, at, 0, m->data, k, size);
      else put_value(array, at, 0, both->Re, k, size), put_value(array, at, 1, both->Im, k, size);
    }
  return CF_OK;
}

static cf_status take_array(search *s, const matvar_t *v, cf_array **out) {
  cf_status status = CF_OK;
  size_t shape[CF_MAX_DIMS] = {0}, count = 0;
  cf_mark mark = cf_scratch_mark(s->ctx);
  cf_array *array = NULL;
  cf_dtype dtype = CF_F64;
  int ndim = 2;
  if (is_texts(v) || v->class_type == MAT_C_CHAR) return take_texts(s, v, out);
  if (v->class_type != MAT_C_EMPTY && (!class_type(v, &dtype) || !shape_of(v, &ndim, shape, &count)))
    return cf_fail(s->ctx, CF_ERR_INPUT, "%s:%s: not an array of numbers or texts", s->file->path, s->wanted);
  size_t item = cf_dtype_size(dtype), part = v->isComplex ? item / 2 : item;
  if (count > cf_io_size_limit(s->ctx, s->file->size) / item)
    return cf_fail(s->ctx, CF_ERR_INPUT, "%s:%s: beyond the memory limit; raise --memory", s->file->path, s->wanted);
  CF_TRY(cf_io_array_new(s->ctx, s->file->path, s->wanted, dtype, ndim, shape, &array));
  array->fortran = true;
  if (v->class_type == MAT_C_SPARSE) {
    if (count) CF_TRY(take_sparse(s, v, array));
  } else if (count) {
    const mat_complex_split_t *both = v->data;
    bool whole = v->data && v->data_size == (int)part && v->nbytes / part >= count && (!v->isComplex || (both->Re && both->Im));
    if (!whole) CF_TRY(matio_fail(s->ctx, CF_ERR_INPUT, s->file->path, "values cannot be read"));
    if (!v->isComplex) {
      cf_io_fortran_to_c(v->data, array->data, ndim, shape, item);
      for (size_t i = 0; dtype == CF_BOOL && i < count; i++) ((uint8_t *)array->data)[i] = ((uint8_t *)array->data)[i] != 0;
    } else {
      char *columns;
      CF_TRY(cf_scratch_bytes(s->ctx, count, item, (void **)&columns));
      for (size_t i = 0; i < count; i++) {
        memcpy(columns + i * item, (const char *)both->Re + i * part, part);
        memcpy(columns + i * item + part, (const char *)both->Im + i * part, part);
      }
      cf_io_fortran_to_c(columns, array->data, ndim, shape, item);
    }
  }
  *out = array;
  array = NULL;
done:
  cf_array_free(array);
  cf_scratch_release(s->ctx, mark);
  return status;
}

static cf_status list73(cf_context *ctx, const cf_io_file *file, cf_io_listing *listing) {
  cf_status status = CF_OK;
  search s = {ctx, file, listing, NULL, NULL};
  matvar_t *v = NULL;
  mat_t *mat = NULL;
  CF_TRY(cf_hdf5_check(ctx, file));
  if (!(mat = open_matio(file->path))) CF_TRY(matio_fail(ctx, CF_ERR_INPUT, file->path, "cannot be opened as a MATLAB file"));
  while ((v = Mat_VarReadNextInfo(mat))) {
    status = visit(&s, v, v->name ? v->name : "", 0);
    Mat_VarFree(v);
    if (status != CF_OK) goto done;
  }
done:
  if (mat) Mat_Close(mat);
  return status;
}

static cf_status read73(cf_context *ctx, const cf_io_file *file, const char *member, cf_array **out) {
  cf_status status = CF_OK;
  search s = {ctx, file, NULL, member, NULL};
  char name[1024];
  matvar_t *v = NULL;
  mat_t *mat = NULL;
  snprintf(name, sizeof name, "%.*s", (int)CF_MIN(strcspn(member, ".{("), sizeof name - 1), member);
  CF_TRY(cf_hdf5_check(ctx, file));
  if (!(mat = open_matio(file->path))) CF_TRY(matio_fail(ctx, CF_ERR_INPUT, file->path, "cannot be opened as a MATLAB file"));
  v = Mat_VarRead(mat, name);
  if (v) CF_TRY(visit(&s, v, name, 0));
  if (!s.found) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s:%s: no such member", file->path, member));
  CF_TRY(take_array(&s, s.found, out));
done:
  if (v) Mat_VarFree(v);
  if (mat) Mat_Close(mat);
  return status;
}

/* ------------------------------------------------------------- writing -- */

typedef char identifier[64];

/* MATLAB identifiers: letters, digits and _, a letter first, at most 63; a number is added to one that is taken. */
static void make_identifier(const char *name, identifier *taken, size_t count, identifier out) {
  char base[64];
  size_t n = 0;
  if (!name || !isalpha((unsigned char)name[0])) base[n++] = 'x';
  for (; name && *name && n < 50; name++) base[n++] = isalnum((unsigned char)*name) || *name == '_' ? *name : '_';
  base[n] = '\0';
  snprintf(out, sizeof(identifier), "%s", base);
  for (size_t k = 2, i = 0; i < count; i++)
    if (strcmp(taken[i], out) == 0) {
      snprintf(out, sizeof(identifier), "%.50s_%zu", base, k++);
      i = (size_t)-1;
    }
}

static matvar_t *char_variable(cf_context *ctx, const char *name, const char *text) {
  cf_mark mark = cf_scratch_mark(ctx);
  uint16_t *units;
  size_t n = 0;
  matvar_t *v = NULL;
  if (CF_SCRATCH(ctx, &units, strlen(text) + 1) != CF_OK) return NULL;
  for (const unsigned char *s = (const unsigned char *)text; *s;) { /* valid UTF-8 to UTF-16 */
    int more = *s < 0xc0 ? 0 : *s < 0xe0 ? 1 : *s < 0xf0 ? 2 : 3;
    uint32_t c = more == 0 ? *s : *s & (0x3fu >> more);
    for (s++; more > 0 && (*s & 0xc0) == 0x80; more--, s++) c = c << 6 | (*s & 0x3fu);
    if (c >= 0x10000) units[n++] = (uint16_t)(0xd800 + ((c - 0x10000) >> 10)), c = 0xdc00 + (c & 0x3ff);
    units[n++] = (uint16_t)c;
  }
  size_t dims[2] = {n > 0, n};
  v = Mat_VarCreate(name, MAT_C_CHAR, MAT_T_UTF16, 2, dims, units, 0);
  cf_scratch_release(ctx, mark);
  return v;
}

/* Position in row-major order of element i in column-major order. */
static size_t row_major(size_t i, int ndim, const size_t *shape) {
  size_t stride[CF_MAX_DIMS], step = 1, at = 0;
  for (int k = ndim - 1; k >= 0; k--) stride[k] = step, step *= shape[k];
  for (int k = 0; k < ndim; k++) at += i % shape[k] * stride[k], i /= shape[k];
  return at;
}

static matvar_t *text_variable(cf_context *ctx, const char *name, const cf_array *a, int rank, size_t *dims) {
  size_t n = cf_array_count(a);
  matvar_t *cell = Mat_VarCreate(name, MAT_C_CELL, MAT_T_CELL, rank, dims, NULL, 0);
  for (size_t i = 0; cell && i < n; i++) {
    const char *text = ((char **)a->data)[a->ndim ? row_major(i, a->ndim, a->shape) : 0];
    matvar_t *v = char_variable(ctx, NULL, text ? text : "");
    if (!v) {
      Mat_VarFree(cell);
      return NULL;
    }
    Mat_VarSetCell(cell, (int)i, v);
  }
  return cell;
}

static const struct {
  enum matio_classes class;
  enum matio_types type;
} stored_as[] = {
    [CF_BOOL] = {MAT_C_UINT8, MAT_T_UINT8},   [CF_I8] = {MAT_C_INT8, MAT_T_INT8},     [CF_U8] = {MAT_C_UINT8, MAT_T_UINT8},
    [CF_I16] = {MAT_C_INT16, MAT_T_INT16},    [CF_U16] = {MAT_C_UINT16, MAT_T_UINT16}, [CF_I32] = {MAT_C_INT32, MAT_T_INT32},
    [CF_U32] = {MAT_C_UINT32, MAT_T_UINT32},  [CF_I64] = {MAT_C_INT64, MAT_T_INT64},  [CF_U64] = {MAT_C_UINT64, MAT_T_UINT64},
    [CF_F16] = {MAT_C_SINGLE, MAT_T_SINGLE},  [CF_BF16] = {MAT_C_SINGLE, MAT_T_SINGLE}, [CF_F32] = {MAT_C_SINGLE, MAT_T_SINGLE},
    [CF_F64] = {MAT_C_DOUBLE, MAT_T_DOUBLE},  [CF_C64] = {MAT_C_SINGLE, MAT_T_SINGLE}, [CF_C128] = {MAT_C_DOUBLE, MAT_T_DOUBLE},
};

static cf_status write_array(cf_context *ctx, mat_t *mat, const char *path, const char *name, const cf_array *a) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t n = cf_array_count(a), item = cf_dtype_size(a->dtype), dims[CF_MAX_DIMS] = {1, 1}, reversed[CF_MAX_DIMS];
  bool complex = a->dtype == CF_C64 || a->dtype == CF_C128, half = a->dtype == CF_F16 || a->dtype == CF_BF16;
  int rank = CF_MAX(a->ndim, 2);
  matvar_t *v = NULL;
  char *columns;
  for (int k = 0; k < a->ndim; k++) {
    dims[k] = a->shape[k];
    reversed[a->ndim - 1 - k] = a->shape[k];
    if (dims[k] > INT32_MAX) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s:%s: too large for a MATLAB 5 file; write .h5", path, name));
  }
  if (n > INT32_MAX / (half ? 4 : item)) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s:%s: 2 GB and more do not fit a MATLAB 5 file; write .h5", path, name));
  if (a->dtype == CF_TEXT) {
    v = text_variable(ctx, name, a, rank, dims);
  } else {
    CF_TRY(cf_scratch_bytes(ctx, n + 1, CF_MAX(item, (size_t)4), (void **)&columns));
    if (a->ndim > 1) cf_io_fortran_to_c(a->data, columns, a->ndim, reversed, item);
    else memcpy(columns, a->data, n * item);
    void *data = columns;
    mat_complex_split_t both;
    if (half) { /* from the end, in place */
      for (size_t i = n; i-- > 0;) {
        uint16_t bits;
        memcpy(&bits, columns + 2 * i, 2);
        float x = (float)(a->dtype == CF_F16 ? cf_f16_to_double(bits) : cf_bf16_to_double(bits));
        memcpy(columns + 4 * i, &x, 4);
      }
    }
    if (complex) {
      char *parts;
      CF_TRY(cf_scratch_bytes(ctx, n + 1, item, (void **)&parts));
      both = (mat_complex_split_t){parts, parts + n * (item / 2)};
      for (size_t i = 0; i < n; i++) {
        memcpy((char *)both.Re + i * (item / 2), columns + i * item, item / 2);
        memcpy((char *)both.Im + i * (item / 2), columns + i * item + item / 2, item / 2);
      }
      data = &both;
    }
    v = Mat_VarCreate(name, stored_as[a->dtype].class, stored_as[a->dtype].type, rank, dims, data,
                      complex ? MAT_F_COMPLEX : a->dtype == CF_BOOL ? MAT_F_LOGICAL : 0);
  }
  if (!v) CF_TRY(matio_fail(ctx, CF_ERR_MEMORY, path, "not enough memory to write"));
  if (Mat_VarWrite(mat, v, MAT_COMPRESSION_NONE) != 0) CF_TRY(matio_fail(ctx, CF_ERR_FAILURE, path, "cannot be written: is the disk full?"));
done:
  if (v) Mat_VarFree(v);
  cf_scratch_release(ctx, mark);
  return status;
}

/* libmatio does not tell of every failed write, so the file is walked once more: a short one does not add up. */
static cf_status verify(cf_context *ctx, const char *temporary, const char *path, size_t variables) {
  cf_status status = CF_OK;
  cf_io_listing *listing = NULL;
  CF_TRY(cf_io_list(ctx, temporary, &listing));
  if (listing->count < variables) status = CF_ERR_FAILURE;
done:
  cf_io_listing_free(listing);
  if (status != CF_OK && status != CF_ERR_MEMORY) status = cf_fail(ctx, CF_ERR_FAILURE, "%s: cannot be written: is the disk full?", path);
  return status;
}

static cf_status write_file(cf_context *ctx, const char *temporary, const char *path, const cf_dataset *set,
                            const cf_io_write_options *options) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  const char *attributes = options ? options->attributes : NULL;
  size_t used = 0, count = 0;
  identifier *name, next;
  const cf_array **arrays;
  const char **wanted;
  mat_t *mat = NULL;
  last_message[0] = '\0';
  Mat_LogInitFunc("cortifold", keep_message);
  CF_TRY(cf_io_flatten(ctx, set, &arrays, &wanted, &count));
  CF_TRY(CF_SCRATCH(ctx, &name, count + 1));
  if (!(mat = Mat_CreateVer(temporary, "MATLAB 5.0 MAT-file, written by cortifold", MAT_FT_MAT5)))
    CF_TRY(matio_fail(ctx, CF_ERR_FAILURE, path, "cannot be created"));
  for (size_t k = 0; k < count; k++) {
    make_identifier(wanted[k], name, used, name[used]);
    if (strcmp(wanted[k], name[used]) != 0) cf_warn(ctx, "%s: '%s' is no MATLAB name, written as '%s'", path, wanted[k], name[used]);
    used++;
    CF_TRY(write_array(ctx, mat, path, name[used - 1], arrays[k]));
  }
  if (attributes) {
    make_identifier("attributes", name, used, next);
    matvar_t *v = char_variable(ctx, next, attributes);
    bool bad = !v || Mat_VarWrite(mat, v, MAT_COMPRESSION_NONE) != 0;
    if (v) Mat_VarFree(v);
    if (bad) CF_TRY(matio_fail(ctx, CF_ERR_FAILURE, path, "cannot be written"));
  }
done:
  if (mat && Mat_Close(mat) != 0 && status == CF_OK)
    status = matio_fail(ctx, CF_ERR_FAILURE, path, "cannot be written: is the disk full?");
  cf_scratch_release(ctx, mark);
  if (status == CF_OK) status = verify(ctx, temporary, path, used);
  return status;
}

/* -------------------------------------------------------------- driver -- */

static bool is73(const cf_io_file *file) { return file->head[124 + (file->head[126] == 'I')] == 2; }

/* 116 characters of text, the version and "IM" or "MI" for the order of bytes. */
static bool detect(const cf_io_file *file) {
  const unsigned char *h = file->head;
  if (file->head_size < 128) return false;
  bool little = h[126] == 'I' && h[127] == 'M', big = h[126] == 'M' && h[127] == 'I';
  unsigned major = little ? h[125] : h[124];
  return (little || big) && (major == 1 || major == 2) && memcmp(h, "MATLAB", 6) == 0;
}

static cf_status list_members(cf_context *ctx, const cf_io_file *file, cf_io_listing *listing) {
  if (!is73(file)) return cf_mat5_list(ctx, file, listing);
  listing->format = "mat73";
  return list73(ctx, file, listing);
}

static cf_status read_member(cf_context *ctx, const cf_io_file *file, const char *member, cf_array **out) {
  return is73(file) ? read73(ctx, file, member, out) : cf_mat5_read(ctx, file, member, out);
}

/* Only whole variables of 7.3 files can be read in pieces: they are HDF5 datasets, columns first. */
static cf_status open_blocks(cf_context *ctx, const cf_io_file *file, const char *member, cf_blocks *out) {
  if (!is73(file) || strpbrk(member, ".{(")) return CF_OK;
  return cf_hdf5_blocks(ctx, file->path, member, true, out);
}

const cf_io_driver cf_io_driver_mat = {
    {"mat5", ".mat", "MATLAB 5 and 7.3: fields and cells are members (a.b, a{3}); written as version 5", true, true, true},
    detect, list_members, read_member, open_blocks, write_file};
