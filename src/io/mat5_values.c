/* The values in a MATLAB 5 file: numbers of any stored type, sparse matrices, characters. Every length is checked
 * against what encloses it before memory is taken. */
#include "io/mat5_values.h"
#include <string.h>

static const cf_dtype class_dtype[] = {CF_F64, CF_F32, CF_I8, CF_U8, CF_I16, CF_U16, CF_I32, CF_U32, CF_I64, CF_U64};
cf_status cf_mat5_damaged(reader *r, const char *what) {
  return cf_fail(r->ctx, CF_ERR_INPUT, "%s%s%s: damaged MATLAB file near byte %llu: %s", r->file->path,
                 r->length ? ":" : "", r->path, (unsigned long long)r->at, what);
}

cf_status cf_mat5_take(reader *r, void *buffer, size_t n) {
  if (r->z) return cf_inflate_read(r->ctx, r->z, buffer, n);
  cf_status status = cf_io_pread(r->ctx, r->file, r->at, buffer, n);
  r->at += n;
  return status;
}

cf_status cf_mat5_skip(reader *r, uint64_t n) {
  char waste[4096];
  if (!r->z) {
    r->at += n;
    return CF_OK;
  }
  cf_status status = CF_OK;
  for (; n > 0 && status == CF_OK; n -= CF_MIN(n, sizeof waste))
    status = cf_mat5_take(r, waste, (size_t)CF_MIN(n, sizeof waste));
  return status;
}

/* The next element inside one that has *left bytes left; they are used up here, its data must be taken or skipped. */
cf_status cf_mat5_next_tag(reader *r, uint64_t *left, tag *t) {
  unsigned char head[8];
  uint32_t word[2];
  cf_status status;
  *t = (tag){0, 0, 0, false, {0}};
  if (*left < 8) return cf_mat5_damaged(r, "an element is missing");
  if ((status = cf_mat5_take(r, head, 8)) != CF_OK) return status;
  memcpy(word, head, 8);
  if (r->swap) cf_io_swap_bytes(word, 2, 4);
  *left -= 8;
  *t = (tag){word[0], word[1], 0, false, {0}};
  if (word[0] >> 16) {
    t->small = true;
    t->type = word[0] & 0xffff;
    t->bytes = word[0] >> 16;
    memcpy(t->inlined, head + 4, 4);
    return t->bytes > 4 ? cf_mat5_damaged(r, "a small element is too long") : CF_OK;
  }
  if (t->bytes > *left) return cf_mat5_damaged(r, "an element is longer than what encloses it");
  *left -= t->bytes;
  t->padding = (uint32_t)CF_MIN((uint64_t)(-t->bytes & 7u), *left);
  *left -= t->padding;
  return CF_OK;
}

cf_status cf_mat5_skip_data(reader *r, const tag *t) {
  return t->small ? CF_OK : cf_mat5_skip(r, (uint64_t)t->bytes + t->padding);
}

/* All t->bytes of data. */
cf_status cf_mat5_take_data(reader *r, const tag *t, void *buffer) {
  if (t->small) {
    memcpy(buffer, t->inlined, t->bytes);
    return CF_OK;
  }
  cf_status status = cf_mat5_take(r, buffer, t->bytes);
  return status == CF_OK ? cf_mat5_skip(r, t->padding) : status;
}

size_t cf_mat5_type_size(uint32_t type) {
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
  CF_TRY(cf_mat5_next_tag(r, left, &t));
  size_t size = cf_mat5_type_size(t.type);
  if (size == 0 || t.bytes % size) return cf_mat5_damaged(r, "values of an unknown type");
  if (t.bytes / size < low || t.bytes / size > high)
    return cf_mat5_damaged(r, "the number of values is not that of the shape");
  uint64_t rest = t.bytes;
  while (rest > 0) {
    size_t n = (size_t)CF_MIN(rest, sizeof piece);
    if (t.small)
      memcpy(piece, t.inlined, n);
    else
      CF_TRY(cf_mat5_take(r, piece, n));
    if (r->swap) cf_io_swap_bytes(piece, n / size, size);
    convert(t.type, piece, n / size, dtype, step, to);
    to = (char *)to + n / size * step * part;
    rest -= n;
  }
  if (!t.small) CF_TRY(cf_mat5_skip(r, t.padding));
done:
  return status;
}

static bool needs_turning(const matrix *m) {
  int wide = 0;
  for (int i = 0; i < m->ndim; i++) wide += m->shape[i] > 1;
  return wide > 1;
}

cf_dtype cf_mat5_dtype(const matrix *m) {
  cf_dtype d = m->class == SPARSE ? CF_F64 : class_dtype[m->class - CLASS_DOUBLE];
  if (m->logical) return CF_BOOL;
  return m->complex ? (d == CF_F32 ? CF_C64 : CF_C128) : d;
}

cf_status cf_mat5_read_numeric(reader *r, const matrix *m, uint64_t *left) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(r->ctx);
  cf_array *array = NULL;
  cf_dtype dtype = cf_mat5_dtype(m);
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
cf_status cf_mat5_read_sparse(reader *r, const matrix *m, uint64_t *left) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(r->ctx);
  cf_array *array = NULL;
  cf_dtype dtype = cf_mat5_dtype(m);
  size_t item = cf_dtype_size(dtype), step = m->complex ? 2 : 1, limit = cf_io_size_limit(r->ctx, r->file->size);
  size_t rows = m->shape[0], cols = m->shape[1], stored;
  uint32_t *ir, *jc;
  char *values;
  tag t;
  CF_TRY(cf_mat5_next_tag(r, left, &t));
  stored = t.bytes / 4;
  if (m->count > limit / item || stored > limit / 32 || cols > limit / 8) {
    status = cf_fail(r->ctx, CF_ERR_INPUT, "%s:%s: as a dense matrix of %zu x %zu it is beyond the memory limit",
                     r->file->path, r->path, rows, cols);
    goto done;
  }
  if (cf_mat5_type_size(t.type) != 4 || t.bytes % 4) CF_TRY(cf_mat5_damaged(r, "row indices of a sparse matrix"));
  CF_TRY(CF_SCRATCH(r->ctx, &ir, stored + 1));
  CF_TRY(CF_SCRATCH(r->ctx, &jc, cols + 1));
  CF_TRY(cf_mat5_take_data(r, &t, ir));
  CF_TRY(cf_mat5_next_tag(r, left, &t));
  if (cf_mat5_type_size(t.type) != 4 || t.bytes / 4 != cols + 1 || t.bytes % 4)
    CF_TRY(cf_mat5_damaged(r, "column starts of a sparse matrix"));
  CF_TRY(cf_mat5_take_data(r, &t, jc));
  if (r->swap) cf_io_swap_bytes(ir, stored, 4), cf_io_swap_bytes(jc, cols + 1, 4);
  for (size_t j = 0; j < cols; j++)
    if (jc[j] > jc[j + 1] || jc[j + 1] > stored) CF_TRY(cf_mat5_damaged(r, "column starts of a sparse matrix"));
  for (size_t k = 0; k < jc[cols]; k++)
    if (ir[k] >= rows) CF_TRY(cf_mat5_damaged(r, "row indices of a sparse matrix"));
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
cf_status cf_mat5_read_rows(reader *r, const matrix *m, uint64_t *left, char **to) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(r->ctx);
  size_t rows = m->shape[0], n, size, limit = cf_io_size_limit(r->ctx, r->file->size);
  unsigned char *raw;
  uint32_t *units;
  tag t;
  CF_TRY(cf_mat5_next_tag(r, left, &t));
  size = cf_mat5_type_size(t.type);
  if (size == 0 || size > 4 || t.type == SINGLE) CF_TRY(cf_mat5_damaged(r, "characters of an unknown type"));
  n = t.bytes / size;
  if (t.bytes > limit / 8) {
    status = cf_fail(r->ctx, CF_ERR_INPUT, "%s:%s: text of %u bytes is beyond the memory limit", r->file->path, r->path,
                     t.bytes);
    goto done;
  }
  CF_TRY(CF_SCRATCH(r->ctx, &raw, (size_t)t.bytes + 1));
  CF_TRY(cf_mat5_take_data(r, &t, raw));
  if (rows == 1 && t.type == UTF8) {
    char *text = NULL;
    CF_TRY(cf_io_text(r->ctx, (const char *)raw, strnlen((const char *)raw, t.bytes), &text));
    cf_free(to[0]);
    to[0] = text;
    goto done;
  }
  if (n < m->count) CF_TRY(cf_mat5_damaged(r, "fewer characters than the shape asks for"));
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

cf_status cf_mat5_read_char(reader *r, const matrix *m, uint64_t *left) {
  cf_status status = CF_OK;
  cf_array *array = NULL;
  size_t rows = m->count ? m->shape[0] : 1; /* '' is one empty text */
  if (rows > cf_io_size_limit(r->ctx, r->file->size) / sizeof(char *))
    CF_TRY(cf_mat5_damaged(r, "too many rows of characters"));
  CF_TRY(cf_io_array_new(r->ctx, r->file->path, r->wanted, CF_TEXT, 1, &rows, &array));
  if (m->count) CF_TRY(cf_mat5_read_rows(r, m, left, array->data));
  CF_TRY(cf_io_fill_texts(r->ctx, array));
  *r->out = array;
  array = NULL;
done:
  cf_array_free(array);
  return status;
}
