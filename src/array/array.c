/* Typed labelled arrays and data sets.                                      */
#include "array/internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

cf_status cf_array_new(cf_context *ctx, const char *name, cf_dtype dtype, int ndim, const size_t *shape,
                       cf_array **out) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  size_t count = 1;
  *out = NULL;
  if (!name) name = "";
  if (ndim < 0 || ndim > CF_MAX_DIMS)
    return cf_fail(ctx, CF_ERR_INPUT, "%s has %d dimensions; at most %d are supported", name, ndim, CF_MAX_DIMS);
  for (int i = 0; i < ndim; i++) CF_TRY(cf_size_mul(ctx, count, shape[i], &count));
  CF_TRY(CF_ALLOC(ctx, &a, 1));
  a->dtype = dtype;
  a->ndim = ndim;
  for (int i = 0; i < ndim; i++) a->shape[i] = shape[i];
  CF_TRY(cf_strdup(ctx, name, &a->name));
  CF_TRY(cf_alloc_bytes(ctx, count, cf_dtype_size(dtype), &a->data));
done:
  if (status == CF_OK)
    *out = a;
  else
    cf_array_free(a);
  return status;
}

cf_status cf_array_from_doubles(cf_context *ctx, const char *name, int ndim, const size_t *shape, const double *data,
                                cf_array **out) {
  cf_status status = cf_array_new(ctx, name, CF_F64, ndim, shape, out);
  if (status != CF_OK) return status;
  size_t n = cf_array_count(*out);
  if (n) memcpy((*out)->data, data, n * sizeof *data);
  return CF_OK;
}

cf_status cf_array_from_texts(cf_context *ctx, const char *name, size_t n, const char *const *texts, cf_array **out) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  *out = NULL;
  CF_TRY(cf_array_new(ctx, name, CF_TEXT, 1, &n, &a));
  for (size_t i = 0; i < n; i++) CF_TRY(cf_strdup(ctx, texts[i] ? texts[i] : "", &((char **)a->data)[i]));
done:
  if (status == CF_OK)
    *out = a;
  else
    cf_array_free(a);
  return status;
}

cf_status cf_array_from_stream(cf_context *ctx, const char *name, cf_dtype dtype, int ndim, const size_t *shape,
                               cf_array_stream stream, cf_array **out) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  size_t bytes = cf_dtype_size(dtype);
  *out = NULL;
  if (ndim < 0 || ndim > CF_MAX_DIMS || stream.lead < 0 || stream.lead > ndim || dtype == CF_TEXT)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "%s: a stream of numbers has up to %d axes", name, CF_MAX_DIMS));
  for (int i = 0; i < ndim; i++) CF_TRY(cf_size_mul(ctx, bytes, shape[i], &bytes));
  CF_TRY(CF_ALLOC(ctx, &a, 1));
  a->dtype = dtype;
  a->ndim = ndim;
  for (int i = 0; i < ndim; i++) a->shape[i] = shape[i];
  CF_TRY(cf_strdup(ctx, name, &a->name));
  a->stream = stream;
done:
  if (status == CF_OK) {
    *out = a;
  } else {
    cf_array_free(a);
    if (stream.close) stream.close(stream.payload);
  }
  return status;
}

void cf_array_pieces(const cf_array *a, size_t *pieces, size_t *bytes) {
  *pieces = 1;
  *bytes = cf_dtype_size(a->dtype);
  for (int i = 0; i < a->ndim; i++) *(i < a->stream.lead ? pieces : bytes) *= a->shape[i];
}

static void close_stream(cf_array *a) {
  if (a->stream.make && a->stream.close) a->stream.close(a->stream.payload);
  a->stream = (cf_array_stream){0, NULL, NULL, NULL};
}

cf_status cf_array_fill(cf_context *ctx, cf_array *a) {
  if (!a->stream.make) return CF_OK;
  cf_status status = CF_OK;
  size_t pieces, bytes, count = cf_array_count(a);
  void *data = NULL;
  cf_array_pieces(a, &pieces, &bytes);
  if (count > cf_context_memory(ctx) / cf_dtype_size(a->dtype))
    CF_TRY(cf_fail(ctx, CF_ERR_MEMORY,
                   "%s: %zu bytes are more than the memory budget; write a .npy, .npz or .h5 file, or raise --memory",
                   a->name, count * cf_dtype_size(a->dtype)));
  CF_TRY(cf_alloc_bytes(ctx, count, cf_dtype_size(a->dtype), &data));
  if (count) CF_TRY(a->stream.make(ctx, a->stream.payload, 0, pieces, data));
  close_stream(a);
  a->data = data;
  data = NULL;
done:
  cf_free(data);
  return status;
}

void cf_array_free(cf_array *a) {
  if (!a) return;
  close_stream(a);
  if (a->dtype == CF_TEXT && a->data) {
    size_t n = cf_array_count(a);
    for (size_t i = 0; i < n; i++) cf_free(((char **)a->data)[i]);
  }
  for (int i = 0; i < CF_MAX_DIMS; i++) {
    cf_free(a->axis[i]);
    cf_array_free(a->coordinate[i]);
  }
  cf_array_release_data(a);
  cf_free(a->name);
  cf_free(a->source);
  cf_free(a);
}

size_t cf_array_count(const cf_array *a) {
  size_t n = 1;
  for (int i = 0; i < a->ndim; i++) n *= a->shape[i];
  return n;
}

cf_status cf_array_set_axis(cf_context *ctx, cf_array *a, int axis, const char *name, const cf_array *coordinate) {
  cf_status status = CF_OK;
  char *copy = NULL;
  cf_array *labels = NULL;
  if (axis < 0 || axis >= a->ndim)
    return cf_fail(ctx, CF_ERR_USAGE, "%s has no axis %d (it has %d)", a->name, axis, a->ndim);
  if (coordinate && (coordinate->ndim != 1 || coordinate->shape[0] != a->shape[axis]))
    return cf_fail(ctx, CF_ERR_INPUT, "%s: coordinate %s has %zu entries, axis %d has %zu", a->name, coordinate->name,
                   cf_array_count(coordinate), axis, a->shape[axis]);
  CF_TRY(cf_strdup(ctx, name ? name : "", &copy));
  if (coordinate) CF_TRY(cf_array_copy(ctx, coordinate, &labels));
  cf_free(a->axis[axis]);
  cf_array_free(a->coordinate[axis]);
  a->axis[axis] = copy;
  a->coordinate[axis] = labels;
  copy = NULL;
done:
  cf_free(copy);
  return status;
}

cf_status cf_array_copy(cf_context *ctx, const cf_array *a, cf_array **out) {
  cf_status status = CF_OK;
  cf_array *b = NULL;
  *out = NULL;
  CF_TRY(cf_array_new(ctx, a->name, a->dtype, a->ndim, a->shape, &b));
  b->fortran = a->fortran;
  size_t n = cf_array_count(a), pieces, bytes;
  if (a->stream.make) {
    cf_array_pieces(a, &pieces, &bytes);
    if (n) CF_TRY(a->stream.make(ctx, a->stream.payload, 0, pieces, b->data));
  } else if (a->dtype == CF_TEXT) {
    for (size_t i = 0; i < n; i++) CF_TRY(cf_strdup(ctx, ((char **)a->data)[i], &((char **)b->data)[i]));
  } else if (n) {
    memcpy(b->data, a->data, n * cf_dtype_size(a->dtype));
  }
  if (a->source) CF_TRY(cf_strdup(ctx, a->source, &b->source));
  for (int i = 0; i < a->ndim; i++)
    if (a->axis[i]) CF_TRY(cf_array_set_axis(ctx, b, i, a->axis[i], a->coordinate[i]));
done:
  if (status == CF_OK)
    *out = b;
  else
    cf_array_free(b);
  return status;
}

double cf_array_number(const cf_array *a, size_t i) {
  double value;
  if (a->dtype == CF_TEXT) return (double)NAN;
  cf_dtype_to_doubles(a->dtype, (const char *)a->data + i * cf_dtype_size(a->dtype), 1, &value);
  return value;
}

cf_status cf_array_to_doubles(cf_context *ctx, cf_array *a) {
  if (a->dtype == CF_F64) return CF_OK;
  if (a->dtype == CF_TEXT || a->dtype == CF_C64 || a->dtype == CF_C128)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: holds %s, real numbers are needed",
                   a->source    ? a->source
                   : a->name[0] ? a->name
                                : "array",
                   cf_dtype_name(a->dtype));
  size_t n = cf_array_count(a);
  double *wide;
  cf_status status = CF_ALLOC(ctx, &wide, n);
  if (status != CF_OK) return status;
  cf_dtype_to_doubles(a->dtype, a->data, n, wide);
  cf_array_release_data(a);
  a->data = wide;
  a->dtype = CF_F64;
  return CF_OK;
}

cf_view cf_array_view(const cf_array *a) {
  return cf_view_tensor(a->data, a->ndim, a->shape);
}

const char *cf_array_label(const cf_array *a, size_t i, char *buffer, size_t size) {
  if (a->dtype == CF_TEXT) {
    snprintf(buffer, size, "%s", ((char **)a->data)[i]);
    return buffer;
  }
  if (a->dtype == CF_U64) {
    snprintf(buffer, size, "%llu", (unsigned long long)((uint64_t *)a->data)[i]);
    return buffer;
  }
  if (a->dtype == CF_I64) {
    snprintf(buffer, size, "%lld", (long long)((int64_t *)a->data)[i]);
    return buffer;
  }
  double x = cf_array_number(a, i);
  for (int digits = a->dtype == CF_F32 || a->dtype == CF_F16 ? 6 : 15; digits <= 17; digits++) {
    snprintf(buffer, size, "%.*g", digits, x);
    double back = strtod(buffer, NULL);
    if (back == x || (a->dtype == CF_F32 && (float)back == (float)x)) break;
  }
  return buffer;
}

/* ---------------------------------------------------------- data sets -- */

cf_status cf_dataset_new(cf_context *ctx, cf_dataset **out) {
  return CF_ALLOC(ctx, out, 1);
}

void cf_dataset_free(cf_dataset *set) {
  if (!set) return;
  for (size_t i = 0; i < set->count; i++) cf_array_free(set->array[i]);
  cf_free(set->array);
  cf_free(set);
}

cf_array *cf_dataset_get(const cf_dataset *set, const char *name) {
  for (size_t i = 0; i < set->count; i++)
    if (strcmp(set->array[i]->name, name) == 0) return set->array[i];
  return NULL;
}

cf_status cf_dataset_add(cf_context *ctx, cf_dataset *set, cf_array *array) {
  cf_status status = CF_OK;
  if (cf_dataset_get(set, array->name)) {
    status = cf_fail(ctx, CF_ERR_INPUT, "two arrays are named \"%s\"", array->name);
    goto done;
  }
  if (set->count == set->capacity) {
    size_t capacity = CF_MAX((size_t)8, set->capacity * 2);
    cf_array **grown;
    CF_TRY(CF_ALLOC(ctx, &grown, capacity));
    if (set->count) memcpy(grown, set->array, set->count * sizeof(cf_array *));
    cf_free(set->array);
    set->array = grown;
    set->capacity = capacity;
  }
  set->array[set->count++] = array;
  array = NULL;
done:
  cf_array_free(array);
  return status;
}

cf_status cf_dataset_put(cf_context *ctx, cf_dataset *set, const char *name, int ndim, const size_t *shape,
                         const double *data) {
  cf_array *a;
  cf_status status = cf_array_from_doubles(ctx, name, ndim, shape, data, &a);
  return status == CF_OK ? cf_dataset_add(ctx, set, a) : status;
}

/* --------------------------------------------------------------- blocks -- */

static cf_status memory_read(cf_context *ctx, void *payload, size_t row, size_t rows, size_t col, size_t cols,
                             double *out) {
  const cf_view *v = payload;
  if (row > v->shape[0] || rows > v->shape[0] - row || col > v->shape[1] || cols > v->shape[1] - col)
    return cf_fail(ctx, CF_ERR_USAGE, "block [%zu+%zu, %zu+%zu] lies outside the %zu x %zu matrix", row, rows, col,
                   cols, v->shape[0], v->shape[1]);
  cf_view window = *v;
  window.data += (ptrdiff_t)row * v->stride[0] + (ptrdiff_t)col * v->stride[1];
  window.shape[0] = rows;
  window.shape[1] = cols;
  cf_view_copy(&window, out);
  return CF_OK;
}

cf_status cf_blocks_from_view(cf_context *ctx, const cf_view *matrix, const char *name, cf_blocks *out) {
  if (matrix->ndim != 2) return cf_fail(ctx, CF_ERR_INPUT, "%s has %d dimensions; a matrix has 2", name, matrix->ndim);
  cf_view *payload;
  cf_status status = CF_ALLOC(ctx, &payload, 1);
  if (status != CF_OK) return status;
  *payload = *matrix;
  *out = (cf_blocks){matrix->shape[0], matrix->shape[1], name, payload, memory_read, cf_free, false};
  return CF_OK;
}

void cf_blocks_close(cf_blocks *blocks) {
  if (blocks->close) blocks->close(blocks->payload);
  blocks->payload = NULL;
  blocks->close = NULL;
}
