/* Reader of MATLAB 7.3 files: HDF5 with MATLAB's conventions. A variable is a dataset with its axes reversed, or for a
 * structure a group with one entry a field; cells, and fields of structure arrays, are references into #refs#. The
 * attributes MATLAB_class, MATLAB_empty and MATLAB_sparse say what it is.
 *
 * Members are named as in mat5.c. References that go round in a circle or fan out without end are an error.         */
#include "io/containers.h"
#include "io/h5.h"
#include "io/mat5.h"
#include <stdio.h>
#include <string.h>

#define MAX_DEPTH 24

typedef struct reader {
  cf_context *ctx;
  const cf_io_file *in;
  int64_t file;
  size_t limit, visited;
  char path[1024]; /* of the array being looked at */
  size_t length;
  cf_io_listing *listing; /* listing: members go here */
  const char *wanted;     /* reading: the member, and where it goes */
  cf_array **out;
  cf_array *texts; /* reading a cell array of texts, and the element that comes next */
  size_t slot;
  cf_io_walk *walk; /* reading several: names what is wanted, and takes it; NULL: one */
} reader;

/* An open object with what its attributes say. */
typedef struct item {
  int64_t id;
  bool group, empty;
  uint64_t sparse_rows; /* 0: not sparse */
  char class[32];
  cf_h5_dataset d; /* of a dataset; owns id then */
  int ndim;        /* in MATLAB's order, at least 2 */
  size_t shape[CF_MAX_DIMS], count;
} item;

static cf_status damaged(reader *r, const char *what) {
  return cf_fail(r->ctx, CF_ERR_INPUT, "%s:%s: %s", r->in->path, r->path, what);
}

static cf_status extend_path(reader *r, const char *format, size_t index, const char *field) {
  size_t room = sizeof r->path - r->length;
  int n = snprintf(r->path + r->length, room, format, index, field);
  if (n < 0 || (size_t)n >= room) return damaged(r, "names nested too deep");
  r->length += (size_t)n;
  return CF_OK;
}

static void shorten_path(reader *r, size_t length) {
  r->length = length;
  r->path[length] = '\0';
}

/* The shape of an empty array is its content. */
static cf_status empty_shape(reader *r, item *t) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(r->ctx);
  uint64_t *dims = NULL;
  t->empty = true;
  t->ndim = 2;
  t->shape[0] = t->shape[1] = t->count = 0;
  if (t->d.dtype == CF_U64 && t->d.memory >= 0 && t->d.count >= 2 && t->d.count <= CF_MAX_DIMS) {
    CF_TRY(CF_SCRATCH(r->ctx, &dims, t->d.count));
    CF_TRY(cf_h5_read(r->ctx, r->in->path, r->path, &t->d, dims));
    bool zero = false;
    for (size_t i = 0; i < t->d.count; i++) zero = zero || dims[i] == 0;
    t->ndim = zero ? (int)t->d.count : 2;
    for (int i = 0; zero && i < t->ndim; i++) t->shape[i] = (size_t)dims[i];
  }
done:
  cf_scratch_release(r->ctx, mark);
  return status;
}

static cf_status open_item(reader *r, int64_t id, bool group, item *t) {
  cf_status status = CF_OK;
  uint64_t flag = 0;
  *t = (item){.id = id, .group = group};
  t->d = (cf_h5_dataset){.id = -1, .space = -1, .memory = -1};
  if (id < 0) return damaged(r, "cannot be opened: damaged, or a link out of the file");
  cf_h5_word(id, "MATLAB_class", t->class, sizeof t->class);
  if (group) {
    if (!cf_h5_number(id, "MATLAB_sparse", &t->sparse_rows)) t->sparse_rows = 0;
    return CF_OK;
  }
  cf_h5_dataset_of(id, r->limit, &t->d);
  if (cf_h5_number(id, "MATLAB_empty", &flag) && flag) return empty_shape(r, t);
  int n = t->d.ndim;
  t->count = t->d.count;
  t->ndim = CF_MAX(n, 2);
  t->shape[0] = t->shape[1] = 1;
  for (int i = 0; i < n; i++) t->shape[i] = t->d.shape[n - 1 - i];
  while (t->ndim > 2 && t->shape[t->ndim - 1] == 1) t->ndim--;
  return status;
}

static void close_item(item *t) {
  if (t->d.id >= 0)
    cf_h5_dataset_close(&t->d);
  else
    cf_h5_object_close(t->id);
}

/* -------------------------------------------------------------- leaves -- */

static bool is_vector(const item *t) {
  return t->ndim == 2 && (t->shape[0] == 1 || t->shape[1] == 1);
}

static bool is_text(const item *t) {
  return strcmp(t->class, "char") == 0 && t->ndim == 2 &&
         (t->empty || (t->d.memory >= 0 && (t->d.dtype == CF_U8 || t->d.dtype == CF_U16 || t->d.dtype == CF_U32)));
}

static cf_dtype leaf_type(const item *t) {
  if (is_text(t)) return CF_TEXT;
  if (t->empty) return CF_F64;
  return strcmp(t->class, "logical") == 0 && cf_dtype_size(t->d.dtype) == 1 ? CF_BOOL : t->d.dtype;
}

/* The rows of a character array into texts from `to` on. */
static cf_status read_rows(reader *r, const item *t, char **to) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(r->ctx);
  uint32_t *units;
  unsigned char *raw;
  size_t size = cf_dtype_size(t->d.dtype);
  CF_TRY(CF_SCRATCH(r->ctx, &units, t->count + 1));
  CF_TRY(cf_scratch_bytes(r->ctx, t->count + 1, size, (void **)&raw));
  CF_TRY(cf_h5_read(r->ctx, r->in->path, r->path, &t->d, raw));
  for (size_t i = 0; i < t->count; i++) {
    uint16_t half;
    if (size == 1)
      units[i] = raw[i];
    else if (size == 4)
      memcpy(&units[i], raw + 4 * i, 4);
    else
      memcpy(&half, raw + 2 * i, 2), units[i] = half;
  }
  for (size_t i = 0; t->count && i < t->shape[0]; i++) {
    char *text = NULL;
    CF_TRY(cf_io_row_text(r->ctx, units, i, t->shape[0], t->shape[1], &text));
    cf_free(to[i]);
    to[i] = text;
  }
done:
  cf_scratch_release(r->ctx, mark);
  return status;
}

static cf_status read_leaf(reader *r, const item *t) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(r->ctx);
  cf_array *array = NULL;
  cf_dtype dtype = leaf_type(t);
  size_t item_size = cf_dtype_size(dtype), rows = t->count ? t->shape[0] : 1;
  void *columns;
  if (!t->empty) CF_TRY(cf_h5_check(r->ctx, r->in->path, r->path, &t->d));
  if (!t->empty && t->d.variable) CF_TRY(damaged(r, "texts of any length are not MATLAB's"));
  if (dtype == CF_TEXT) {
    if (t->count > r->limit / 8) CF_TRY(damaged(r, "text beyond the memory limit"));
    CF_TRY(cf_io_array_new(r->ctx, r->in->path, r->wanted, CF_TEXT, 1, &rows, &array));
    if (t->count) CF_TRY(read_rows(r, t, array->data));
    CF_TRY(cf_io_fill_texts(r->ctx, array));
  } else {
    CF_TRY(cf_io_array_new(r->ctx, r->in->path, r->wanted, dtype, t->ndim, t->shape, &array));
    if (t->count) {
      columns = array->data;
      if (!is_vector(t)) CF_TRY(cf_scratch_bytes(r->ctx, t->count, item_size, &columns));
      CF_TRY(cf_h5_read(r->ctx, r->in->path, r->path, &t->d, columns));
      if (columns != array->data) cf_io_fortran_to_c(columns, array->data, t->ndim, t->shape, item_size);
      if (dtype == CF_BOOL)
        for (size_t i = 0; i < t->count; i++) ((uint8_t *)array->data)[i] = ((uint8_t *)array->data)[i] != 0;
    }
  }
  array->fortran = true;
  *r->out = array;
  array = NULL;
done:
  cf_array_free(array);
  cf_scratch_release(r->ctx, mark);
  return status;
}

static cf_status list_leaf(reader *r, const item *t) {
  char stored[128];
  cf_dtype dtype = leaf_type(t);
  bool complex = dtype == CF_C64 || dtype == CF_C128, readable = t->empty || (t->d.memory >= 0 && !t->d.variable);
  size_t rows = t->count ? t->shape[0] : 1;
  if (!readable)
    snprintf(stored, sizeof stored, "%s", t->d.stored);
  else
    snprintf(stored, sizeof stored, "%s%s", t->class[0] ? t->class : t->d.stored, complex ? " complex" : "");
  if (dtype == CF_TEXT)
    return cf_io_listing_add(r->ctx, r->listing, r->path, CF_TEXT, stored, readable, true, 1, &rows);
  return cf_io_listing_add(r->ctx, r->listing, r->path, dtype, stored, readable, true, t->ndim, t->shape);
}

/* One dataset of a sparse matrix, as it is. */
static cf_status sparse_part(reader *r, int64_t group, const char *name, cf_dtype wanted, cf_h5_dataset *d,
                             void **data) {
  cf_status status = CF_OK;
  bool is_group;
  int64_t id = cf_h5_child(group, name, &is_group);
  if (id < 0 || is_group) {
    cf_h5_object_close(id);
    return damaged(r, "damaged sparse matrix");
  }
  cf_h5_dataset_of(id, r->limit, d);
  if (d->memory < 0 || d->ndim > 1 || d->dtype == CF_TEXT || (wanted != CF_TEXT && d->dtype != wanted))
    return damaged(r, "damaged sparse matrix");
  CF_TRY(cf_h5_check(r->ctx, r->in->path, r->path, d));
  CF_TRY(cf_scratch_bytes(r->ctx, d->count + 1, cf_dtype_size(d->dtype), data));
  CF_TRY(cf_h5_read(r->ctx, r->in->path, r->path, d, *data));
done:
  return status;
}

/* Compressed columns become a dense matrix. Without data, a matrix of zeros. */
static cf_status read_sparse(reader *r, const item *t) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(r->ctx);
  cf_array *array = NULL;
  cf_h5_dataset ir = {.id = -1, .space = -1, .memory = -1}, jc = ir, values = ir;
  uint64_t *row, *start, rows = t->sparse_rows;
  bool is_group;
  char *value = NULL;
  int64_t first = cf_h5_child(t->id, "data", &is_group);
  cf_h5_object_close(first);
  CF_TRY(sparse_part(r, t->id, "jc", CF_U64, &jc, (void **)&start));
  if (first >= 0) {
    CF_TRY(sparse_part(r, t->id, "ir", CF_U64, &ir, (void **)&row));
    CF_TRY(sparse_part(r, t->id, "data", CF_TEXT, &values, (void **)&value));
  }
  cf_dtype dtype = first < 0                                                              ? CF_F64
                   : strcmp(t->class, "logical") == 0 && cf_dtype_size(values.dtype) == 1 ? CF_BOOL
                                                                                          : values.dtype;
  size_t size = cf_dtype_size(dtype), shape[2] = {(size_t)rows, jc.count ? jc.count - 1 : 0};
  if (r->listing) {
    CF_TRY(cf_io_listing_add(r->ctx, r->listing, r->path, dtype, "sparse", true, true, 2, shape));
    goto done;
  }
  if (shape[1] && rows > r->limit / size / shape[1])
    CF_TRY(damaged(r, "beyond the memory limit as a dense matrix; raise --memory"));
  CF_TRY(cf_io_array_new(r->ctx, r->in->path, r->wanted, dtype, 2, shape, &array));
  for (size_t j = 0; first >= 0 && j < shape[1]; j++)
    for (uint64_t k = start[j]; k < start[j + 1]; k++) {
      if (k >= ir.count || k >= values.count || row[k] >= rows) CF_TRY(damaged(r, "damaged sparse matrix"));
      memcpy((char *)array->data + ((size_t)row[k] * shape[1] + j) * size, value + k * size, size);
    }
  *r->out = array;
  array = NULL;
done:
  cf_array_free(array);
  cf_h5_dataset_close(&ir);
  cf_h5_dataset_close(&jc);
  cf_h5_dataset_close(&values);
  cf_scratch_release(r->ctx, mark);
  return status;
}

/* ----------------------------------------------------------- structure -- */

static cf_status visit(reader *r, int64_t id, bool group, int depth);

/* All that a dataset of references points to: cells ("{k}"), or one field of a structure array ("(k).field"). */
static cf_status visit_references(reader *r, const item *t, const char *field, int depth) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(r->ctx);
  size_t length = r->length, from = r->listing ? r->listing->count : 0;
  bool mine = r->wanted && !*r->out && !field && !r->texts && strcmp(r->path, r->wanted) == 0;
  bool texts = !field && t->count > 0;
  cf_array *array = NULL;
  uint64_t *reference;
  if (t->count > r->limit / 8) CF_TRY(damaged(r, "more cells than the memory limit allows"));
  CF_TRY(CF_SCRATCH(r->ctx, &reference, t->count + 1));
  CF_TRY(cf_h5_references(r->ctx, r->in->path, r->path, &t->d, reference));
  if (mine) {
    CF_TRY(cf_io_array_new(r->ctx, r->in->path, r->wanted, CF_TEXT, is_vector(t) ? 1 : t->ndim,
                           is_vector(t) ? &t->count : t->shape, &array));
    r->texts = array;
  }
  for (size_t i = 0; i < t->count; i++) {
    bool is_group = false;
    size_t before = r->listing ? r->listing->count : 0, rest = i, step = 1;
    if (field)
      CF_TRY(extend_path(r, "(%zu).%s", i + 1, field));
    else
      CF_TRY(extend_path(r, "{%zu}%s", i + 1, ""));
    r->slot = 0; /* cells come by columns, the array has rows */
    for (int k = t->ndim - 1; k >= 0; k--) step *= t->shape[k];
    for (int k = 0; k < t->ndim; k++) {
      step /= t->shape[k];
      r->slot += rest % t->shape[k] * step;
      rest /= t->shape[k];
    }
    bool needed = !r->wanted || r->texts || strncmp(r->path, r->wanted, r->length) == 0;
    if (needed) CF_TRY(visit(r, cf_h5_refer(r->file, reference[i], &is_group), is_group, depth + 1));
    if (r->listing) {
      const cf_io_entry *e = r->listing->count == before + 1 ? &r->listing->entry[before] : NULL;
      texts = texts && e && e->dtype == CF_TEXT && e->ndim == 1 && e->shape[0] == 1 && strcmp(e->stored, "char") == 0;
    }
    shorten_path(r, length);
  }
  if (r->listing && texts) { /* its rows go, one member of texts comes */
    cf_io_listing_cut(r->listing, from);
    CF_TRY(cf_io_listing_add(r->ctx, r->listing, r->path, CF_TEXT, "cell", true, true, is_vector(t) ? 1 : t->ndim,
                             is_vector(t) ? &t->count : t->shape));
  }
  if (mine) {
    CF_TRY(cf_io_fill_texts(r->ctx, array));
    *r->out = array;
    array = NULL;
  }
done:
  if (mine) r->texts = NULL;
  cf_array_free(array);
  cf_scratch_release(r->ctx, mark);
  return status;
}

/* The fields of a structure, or (depth 0) the variables of the file. */
static cf_status visit_group(reader *r, int64_t group, int depth) {
  cf_status status = CF_OK;
  size_t length = r->length;
  cf_h5_names names = {0};
  const item none = {.id = -1, .d = {.id = -1, .space = -1, .memory = -1}};
  item t = none;
  char class[32];
  CF_TRY(cf_h5_children(r->ctx, r->in->path, group, &names));
  for (size_t i = 0; i < names.count; i++) {
    bool is_group;
    if (depth == 0 && names.name[i][0] == '#') continue; /* #refs#, #subsystem# */
    int64_t id = cf_h5_child(group, names.name[i], &is_group);
    if (id < 0) continue; /* a data type, or damaged */
    if (depth > 0 && !is_group && !cf_h5_word(id, "MATLAB_class", class, sizeof class)) {
      CF_TRY(open_item(r, id, false, &t)); /* without a class of its own: a field of a structure array */
      if (t.d.references) CF_TRY(visit_references(r, &t, names.name[i], depth));
      close_item(&t);
      t = none;
      continue;
    }
    CF_TRY(extend_path(r, depth == 0 ? "%.0zu%s" : "%.0zu.%s", 0, names.name[i]));
    if (!r->wanted || strncmp(r->path, r->wanted, r->length) == 0)
      CF_TRY(visit(r, id, is_group, depth + 1));
    else
      cf_h5_object_close(id);
    shorten_path(r, length);
  }
done:
  close_item(&t);
  cf_h5_names_free(&names);
  return status;
}

/* One array; closes id. */
static cf_status visit(reader *r, int64_t id, bool group, int depth) {
  cf_status status = CF_OK;
  item t = {.id = id, .d = {.id = -1, .space = -1, .memory = -1}};
  if (depth > MAX_DEPTH || ++r->visited > r->in->size / 64 + 1000) {
    cf_h5_object_close(id);
    return damaged(r, depth > MAX_DEPTH ? "nested too deep, or in a circle"
                                        : "more arrays inside arrays than the file has room for");
  }
  CF_TRY(open_item(r, id, group, &t));
  bool found = r->wanted && !*r->out && (r->texts || strcmp(r->path, r->wanted) == 0);
  bool cell = !group && t.d.references;
  if (found && r->texts) {
    if (group || cell || !is_text(&t) || (t.count && t.shape[0] != 1))
      CF_TRY(damaged(r, "cells hold more than rows of characters"));
    if (t.count) CF_TRY(read_rows(r, &t, (char **)r->texts->data + r->slot));
  } else if (group && t.sparse_rows) {
    if (found || r->listing) CF_TRY(read_sparse(r, &t));
  } else if (group) {
    CF_TRY(visit_group(r, id, depth));
  } else if (cell) {
    CF_TRY(visit_references(r, &t, NULL, depth));
  } else if (r->listing) {
    CF_TRY(list_leaf(r, &t));
  } else if (found) {
    CF_TRY(read_leaf(r, &t));
  }
  if (r->walk && *r->out) { /* in the order of the listing, so the next is further on */
    CF_TRY(cf_io_walk_take(r->ctx, r->walk, r->out));
    r->wanted = cf_io_walk_next(r->walk);
  }
done:
  close_item(&t);
  return status;
}

cf_status cf_mat73_list(cf_context *ctx, const cf_io_file *file, cf_io_listing *listing) {
  reader r = {.ctx = ctx, .in = file, .file = -1, .limit = cf_io_size_limit(ctx, file->size), .listing = listing};
  cf_status status = CF_OK;
  CF_TRY(cf_h5_open(ctx, NULL, file->path, &r.file));
  CF_TRY(visit_group(&r, r.file, 0));
done:
  cf_h5_close(r.file);
  return status;
}

cf_status cf_mat73_read(cf_context *ctx, const cf_io_file *file, const char *member, cf_array **out) {
  cf_array *found = NULL;
  reader r = {
      .ctx = ctx, .in = file, .file = -1, .limit = cf_io_size_limit(ctx, file->size), .wanted = member, .out = &found};
  cf_status status = CF_OK;
  CF_TRY(cf_h5_open(ctx, NULL, file->path, &r.file));
  CF_TRY(visit_group(&r, r.file, 0));
  if (!found) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s:%s: no such member", file->path, member));
  *out = found;
  found = NULL;
done:
  cf_array_free(found);
  cf_h5_close(r.file);
  return status;
}

cf_status cf_mat73_each(cf_context *ctx, const cf_io_file *file, cf_io_walk *walk) {
  cf_array *found = NULL;
  reader r = {.ctx = ctx,
              .in = file,
              .file = -1,
              .limit = cf_io_size_limit(ctx, file->size),
              .wanted = cf_io_walk_next(walk),
              .out = &found,
              .walk = walk};
  cf_status status = CF_OK;
  CF_TRY(cf_h5_open(ctx, NULL, file->path, &r.file));
  CF_TRY(visit_group(&r, r.file, 0));
done:
  cf_array_free(found);
  cf_h5_close(r.file);
  return status;
}
