/* Reader of MATLAB version 5 files (MATLAB 5 to 7, `save -v6` and `-v7`), from the published description of the format.
 *
 * It reads the file front to back with every length checked against what encloses it, and never recurses deeper than
 * MAX_DEPTH, so a damaged file is an error and nothing else; libmatio, which is not so careful, reads 7.3 files only.
 * Column-major data become row-major. Members are named as MATLAB would: a.b, a{3}, a(2).b. A cell array of nothing
 * but rows of characters is one member of texts; a character matrix is one text a row, without its blanks at the end.
 * Sparse matrices become dense ones. */
#include "io/mat5.h"
#include "io/mat5_values.h"
#include <stdio.h>
#include <string.h>

#define MAX_DEPTH 24

static const char *const class_name[] = {
    "?",     "cell",  "struct", "object", "char",   "sparse", "double", "single",          "int8",
    "uint8", "int16", "uint16", "int32",  "uint32", "int64",  "uint64", "function handle", "opaque object"};

/* ----------------------------------------------------------- structure -- */

static cf_status read_matrix(reader *r, uint64_t left, int depth);

static cf_status extend_path(reader *r, const char *format, size_t index, const char *field) {
  size_t room = sizeof r->path - r->length;
  int n = snprintf(r->path + r->length, room, format, index, field);
  if (n < 0 || (size_t)n >= room) return cf_mat5_damaged(r, "names nested too deep");
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
  if (per && m->count > *left / 8 / per) return cf_mat5_damaged(r, "more elements than bytes");
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
      CF_TRY(cf_mat5_next_tag(r, left, &t));
      if (t.type != MATRIX) CF_TRY(cf_mat5_damaged(r, "an element that should be an array is not"));
      size_t before = r->listing ? r->listing->count : 0;
      r->slot = i;
      CF_TRY(read_matrix(r, t.bytes, depth + 1));
      if (t.small && t.bytes) CF_TRY(cf_mat5_damaged(r, "an array of no size"));
      CF_TRY(cf_mat5_skip(r, t.small ? 0 : t.padding));
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
    CF_TRY(cf_mat5_next_tag(r, left, &t)); /* the name of the class */
    CF_TRY(cf_mat5_skip_data(r, &t));
  }
  CF_TRY(cf_mat5_next_tag(r, left, &t));
  if (t.type != INT32 || t.bytes != 4) CF_TRY(cf_mat5_damaged(r, "length of field names"));
  CF_TRY(cf_mat5_take_data(r, &t, &width));
  if (r->swap) cf_io_swap_bytes(&width, 1, 4);
  CF_TRY(cf_mat5_next_tag(r, left, &t));
  if (width < 1 || width > 1024 || cf_mat5_type_size(t.type) != 1 || t.bytes % (uint32_t)width || t.bytes > 1u << 24)
    CF_TRY(cf_mat5_damaged(r, "field names"));
  CF_TRY(CF_SCRATCH(r->ctx, &names, (size_t)t.bytes + 1));
  CF_TRY(cf_mat5_take_data(r, &t, names));
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
  CF_TRY(cf_mat5_next_tag(r, left, &t));
  if (t.type != UINT32 || t.bytes != 8 || t.small) CF_TRY(cf_mat5_damaged(r, "array flags"));
  CF_TRY(cf_mat5_take_data(r, &t, flags));
  if (r->swap) cf_io_swap_bytes(flags, 2, 4);
  *m = (matrix){flags[0] & 0xff, (flags[0] & 0x800) != 0, (flags[0] & 0x200) != 0, false, 0, {0}, 1};
  if (m->class == 0 || m->class > OPAQUE) CF_TRY(cf_mat5_damaged(r, "unknown class of array"));
  if (m->class == OPAQUE) { /* has no shape; what follows is the name */
    m->ndim = 0;
  } else {
    CF_TRY(cf_mat5_next_tag(r, left, &t));
    if (t.type != INT32 || t.bytes % 4 || t.bytes < 8 || t.bytes > sizeof dims) CF_TRY(cf_mat5_damaged(r, "shape"));
    CF_TRY(cf_mat5_take_data(r, &t, dims));
    if (r->swap) cf_io_swap_bytes(dims, t.bytes / 4, 4);
    int n = (int)(t.bytes / 4);
    while (n > 2 && dims[n - 1] == 1) n--;
    *beyond = n > CF_MAX_DIMS;
    m->ndim = CF_MIN(n, CF_MAX_DIMS);
    for (int i = 0; i < n; i++) {
      if (dims[i] < 0) CF_TRY(cf_mat5_damaged(r, "negative size"));
      if (i < CF_MAX_DIMS) m->shape[i] = (size_t)dims[i];
      if (__builtin_mul_overflow(m->count, (size_t)dims[i], &m->count))
        CF_TRY(cf_mat5_damaged(r, "size beyond the address space"));
    }
    m->vector = n == 2 && (dims[0] == 1 || dims[1] == 1);
  }
  CF_TRY(cf_mat5_next_tag(r, left, &t));
  if (cf_mat5_type_size(t.type) != 1 || t.bytes >= sizeof name) CF_TRY(cf_mat5_damaged(r, "name"));
  CF_TRY(cf_mat5_take_data(r, &t, name));
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
  if (depth > MAX_DEPTH) return cf_mat5_damaged(r, "nested too deep");
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
      CF_TRY(add_member(r, &m, known ? cf_mat5_dtype(&m) : CF_F64, known, m.ndim, m.shape));
  } else if (found && r->texts) {
    bool empty = m.count == 0;
    if (!empty && (m.class != CHAR || m.ndim != 2 || m.shape[0] != 1))
      CF_TRY(cf_fail(r->ctx, CF_ERR_INPUT, "%s:%s: cells hold more than rows of characters", r->file->path, r->path));
    if (!empty) CF_TRY(cf_mat5_read_rows(r, &m, &left, (char **)r->texts->data + r->slot));
  } else if (found) {
    if (!known)
      CF_TRY(cf_fail(r->ctx, CF_ERR_INPUT, "%s:%s: cannot be read: %s", r->file->path, r->path, class_name[m.class]));
    if (m.class == CHAR)
      CF_TRY(cf_mat5_read_char(r, &m, &left));
    else if (m.class == SPARSE)
      CF_TRY(cf_mat5_read_sparse(r, &m, &left));
    else if (head)
      CF_TRY(cf_mat5_read_numeric(r, &m, &left));
    else
      CF_TRY(cf_io_array_new(r->ctx, r->file->path, r->wanted, CF_F64, 2, m.shape, r->out));
  }
  CF_TRY(cf_mat5_skip(r, left));
  if (r->walk && *r->out) { /* in the order of the listing, so the next is further on */
    CF_TRY(cf_io_walk_take(r->ctx, r->walk, r->out));
    r->wanted = cf_io_walk_next(r->walk);
  }
done:
  return status;
}

/* The outermost elements, one after the other, until the file ends or the wanted member is read. */
static cf_status read_elements(reader *r) {
  cf_status status = CF_OK;
  unsigned char order[2];
  r->at = 126;
  CF_TRY(cf_mat5_take(r, order, 2));
  r->swap = order[0] == 'M'; /* written "MI" as a 16-bit number: "IM" in a little-endian file */
  while (r->at < r->file->size && !(r->out && (*r->out || !r->wanted))) {
    uint64_t left = r->file->size - r->at;
    tag t;
    r->length = 0;
    r->path[0] = '\0';
    CF_TRY(cf_mat5_next_tag(r, &left, &t));
    uint64_t next = r->at + (t.small ? 0 : t.bytes) + (t.type == COMPRESSED ? 0 : t.padding);
    if (t.type == COMPRESSED && !t.small) {
      CF_TRY(cf_inflate_open(r->ctx, r->file, r->at, t.bytes, &r->z));
      unsigned char head[8];
      uint32_t word[2];
      CF_TRY(cf_mat5_take(r, head, 8));
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

cf_status cf_mat5_each(cf_context *ctx, const cf_io_file *file, cf_io_walk *walk) {
  cf_array *found = NULL;
  reader r = {.ctx = ctx, .file = file, .wanted = cf_io_walk_next(walk), .out = &found, .walk = walk};
  cf_status status = read_elements(&r);
  cf_array_free(found);
  return status;
}
