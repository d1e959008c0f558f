/* Named tensors of one or more files, in single precision, and rows of optional inputs. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/format.h"
#include "model/model.h"

typedef struct tensor {
  char *name;
  const char *file; /* one of cf_weights' files */
  bool floating;
  int ndim;
  size_t shape[CF_MAX_DIMS], count;
  float *data;
} tensor;

struct cf_weights {
  tensor *tensor;
  size_t n, room;
  char **file;
  size_t files;
};

void cf_weights_free(cf_weights *weights) {
  if (!weights) return;
  for (size_t i = 0; i < weights->n; i++) {
    cf_free(weights->tensor[i].name);
    cf_free(weights->tensor[i].data);
  }
  for (size_t i = 0; weights->file && i < weights->files; i++) cf_free(weights->file[i]);
  cf_free(weights->tensor);
  cf_free(weights->file);
  cf_free(weights);
}

/* ------------------------------------------------------------- reading -- */

static cf_status to_floats(cf_context *ctx, const cf_array *array, float **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  enum { PIECE = 4096 };
  const size_t n = cf_array_count(array), item = cf_dtype_size(array->dtype);
  double *wide = NULL;
  CF_TRY(CF_ALLOC(ctx, out, n ? n : 1));
  if (array->dtype == CF_F32) {
    memcpy(*out, array->data, n * sizeof **out);
    goto done;
  }
  CF_TRY(CF_SCRATCH(ctx, &wide, (size_t)PIECE));
  for (size_t from = 0; from < n; from += PIECE) {
    const size_t many = CF_MIN(n - from, (size_t)PIECE);
    cf_dtype_to_doubles(array->dtype, (const char *)array->data + from * item, many, wide);
    for (size_t i = 0; i < many; i++) (*out)[from + i] = (float)wide[i];
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static const tensor *find(const cf_weights *weights, const char *name) {
  for (size_t i = 0; i < weights->n; i++)
    if (strcmp(weights->tensor[i].name, name) == 0) return &weights->tensor[i];
  return NULL;
}

static bool same(const tensor *a, const cf_array *array, const float *data) {
  if (a->ndim != array->ndim) return false;
  for (int d = 0; d < a->ndim; d++)
    if (a->shape[d] != array->shape[d]) return false;
  return memcmp(a->data, data, a->count * sizeof *data) == 0;
}

static cf_status grow(cf_context *ctx, cf_weights *weights) {
  cf_status status = CF_OK;
  tensor *more = NULL;
  if (weights->n < weights->room) return CF_OK;
  const size_t room = 2 * weights->room + 64;
  CF_TRY(CF_ALLOC(ctx, &more, room));
  if (weights->n) memcpy(more, weights->tensor, weights->n * sizeof *more);
  cf_free(weights->tensor);
  weights->tensor = more;
  weights->room = room;
done:
  return status;
}

/* cf_io_take_fn: `array` is taken. */
static cf_status take(cf_context *ctx, void *payload, size_t entry, cf_array *array) {
  cf_status status = CF_OK;
  cf_weights *weights = payload;
  const char *file = weights->file[weights->files - 1];
  float *data = NULL;
  char *name = NULL;
  (void)entry;
  if (array->dtype == CF_TEXT || array->dtype == CF_C64 || array->dtype == CF_C128) goto done;
  CF_TRY(to_floats(ctx, array, &data));
  const tensor *there = find(weights, array->name);
  if (there && same(there, array, data)) goto done;
  if (there)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s:%s: differs from the tensor of that name in %s", file, array->name,
                   there->file));
  CF_TRY(grow(ctx, weights));
  CF_TRY(cf_strdup(ctx, array->name, &name));
  tensor *t = &weights->tensor[weights->n++];
  *t = (tensor){name, file, false, array->ndim, {0}, cf_array_count(array), data};
  t->floating = array->dtype == CF_F16 || array->dtype == CF_BF16 || array->dtype == CF_F32 || array->dtype == CF_F64;
  for (int d = 0; d < t->ndim; d++) t->shape[d] = array->shape[d];
  data = NULL;
done:
  cf_free(data);
  cf_array_free(array);
  return status;
}

cf_status cf_weights_read(cf_context *ctx, const cf_model_files *files, size_t first, cf_weights **out) {
  cf_status status = CF_OK;
  cf_weights *weights = NULL;
  *out = NULL;
  CF_TRY(CF_ALLOC(ctx, &weights, 1));
  CF_TRY(CF_ALLOC(ctx, &weights->file, files->n + 1));
  for (size_t f = first; f < files->n; f++) {
    CF_TRY(cf_strdup(ctx, files->file[f].path, &weights->file[weights->files]));
    weights->files++;
    CF_TRY(cf_io_read_each(ctx, files->file[f].path, NULL, take, weights));
  }
  *out = weights;
  weights = NULL;
done:
  cf_weights_free(weights);
  return status;
}

double cf_weights_numbers(const cf_weights *weights) {
  double n = 0;
  for (size_t i = 0; i < weights->n; i++)
    if (weights->tensor[i].floating) n += (double)weights->tensor[i].count;
  return n;
}

const float *cf_weights_get(const cf_weights *weights, const char *name, int *ndim, const size_t **shape) {
  const tensor *t = find(weights, name);
  if (!t) return NULL;
  if (ndim) *ndim = t->ndim;
  if (shape) *shape = t->shape;
  return t->data;
}

const char *cf_weights_name(const cf_weights *weights, size_t i) {
  return i < weights->n ? weights->tensor[i].name : NULL;
}

const char *cf_weights_file(const cf_weights *weights, const char *name) {
  const tensor *t = find(weights, name);
  return t ? t->file : weights->files ? weights->file[0] : "";
}

static cf_status fail_missing(cf_context *ctx, const cf_weights *weights, const char *name) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const char **names = NULL, *near;
  CF_TRY(cf_scratch_bytes(ctx, weights->n + 1, sizeof *names, (void **)&names));
  for (size_t i = 0; i < weights->n; i++) names[i] = weights->tensor[i].name;
  near = cf_io_nearest(name, names, weights->n);
  if (!weights->files) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "there is no tensor '%s': no file of weights is named", name));
  status = cf_fail(ctx, CF_ERR_INPUT, "%s: there is no tensor '%s'%s%s%s", cf_weights_file(weights, name), name,
                   near ? "; the nearest name is '" : "", near ? near : "", near ? "'" : "");
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_weights_need(cf_context *ctx, const cf_weights *weights, const char *name, int ndim, const size_t *shape,
                          const float **out) {
  const tensor *t = find(weights, name);
  char have[128], want[128];
  *out = NULL;
  if (!t) return fail_missing(ctx, weights, name);
  bool fits = t->ndim == ndim;
  for (int d = 0; d < ndim && fits; d++) fits = shape[d] == SIZE_MAX || shape[d] == t->shape[d];
  if (!fits)
    return cf_fail(ctx, CF_ERR_INPUT, "%s:%s: its shape is %s, the network needs %s", t->file, name,
                   cf_model_shape_text(t->ndim, t->shape, have, sizeof have),
                   cf_model_shape_text(ndim, shape, want, sizeof want));
  for (size_t i = 0; i < t->count; i++)
    if (!isfinite(t->data[i]))
      return cf_fail(ctx, CF_ERR_INPUT, "%s:%s: number %zu is %s", t->file, name, i,
                     isnan(t->data[i]) ? "NaN" : "infinite");
  *out = t->data;
  return CF_OK;
}

/* -------------------------------------------------------------- inputs -- */

const char *cf_model_shape_text(int ndim, const size_t *shape, char *buffer, size_t size) {
  size_t used = 0;
  snprintf(buffer, size, "%s", ndim ? "" : "one number");
  for (int d = 0; d < ndim && used < size; d++) {
    const char *between = d ? " x " : "";
    used += (size_t)(shape[d] == SIZE_MAX ? snprintf(buffer + used, size - used, "%sany", between)
                                          : snprintf(buffer + used, size - used, "%s%zu", between, shape[d]));
  }
  return buffer;
}

cf_status cf_model_rows(cf_context *ctx, const cf_array *array, const char *option, size_t n, size_t columns,
                        float **out) {
  cf_status status = CF_OK;
  char text[128];
  const char *source = array->source ? array->source : option;
  float *rows = NULL;
  *out = NULL;
  if (array->dtype == CF_TEXT || array->dtype == CF_C64 || array->dtype == CF_C128)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %s needs numbers, this is %s", source, option, cf_dtype_name(array->dtype)));
  if (array->ndim != 2 || array->shape[0] != n || array->shape[1] != columns)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %s needs %zu x %zu numbers, this is %s", source, option, n, columns,
                   cf_model_shape_text(array->ndim, array->shape, text, sizeof text)));
  CF_TRY(to_floats(ctx, array, &rows));
  for (size_t i = 0; i < n * columns; i++)
    if (!isfinite(rows[i]))
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %s: row %zu, column %zu is %s", source, option, i / columns, i % columns,
                     isnan(rows[i]) ? "NaN" : "infinite"));
  *out = rows;
  rows = NULL;
done:
  cf_free(rows);
  return status;
}
