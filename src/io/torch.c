/* torch's zip files (.pt, .pth): NAME/data.pkl describes tensors, NAME/data/KEY are their storages. Read only, and
 * nothing in them is executed. A member is named by the keys on the way to it, joined by dots. */
#include "io/pickle.h"
#include "io/zip.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PICKLE_LIMIT ((uint64_t)16 << 20)
#define DEPTH_LIMIT  32
#define STEP_LIMIT   1000000
#define NAME_LIMIT   1024

typedef struct tensor {
  const char *name; /* scratch */
  const cf_pickle_node *node;
} tensor;

typedef struct torch_file {
  const cf_io_file *file;
  cf_zip *zip;
  const char *prefix; /* "archive/" */
  bool swap;
  tensor *tensors;
  size_t count, room, steps;
} torch_file;

static bool torch_detect(const cf_io_file *file) {
  return cf_zip_detect(file) && cf_zip_has(file, "/data.pkl");
}

/* ------------------------------------------------------------- structure -- */

static cf_status add_tensor(cf_context *ctx, torch_file *t, const char *name, const cf_pickle_node *node) {
  cf_status status = CF_OK;
  char *copy = NULL;
  if (t->count == t->room) {
    tensor *more = NULL;
    size_t room = t->room ? 2 * t->room : 64;
    CF_TRY(CF_SCRATCH(ctx, &more, room));
    if (t->count) memcpy(more, t->tensors, t->count * sizeof *more);
    t->tensors = more;
    t->room = room;
  }
  CF_TRY(CF_SCRATCH(ctx, &copy, strlen(name) + 1));
  strcpy(copy, name);
  t->tensors[t->count++] = (tensor){copy, node};
done:
  return status;
}

/* Collects tensors under a node. name has NAME_LIMIT bytes, of which `length` are the way so far. */
static cf_status walk(cf_context *ctx, torch_file *t, const cf_pickle_node *node, char *name, size_t length,
                      int depth) {
  if (++t->steps > STEP_LIMIT) return cf_fail(ctx, CF_ERR_INPUT, "%s: more entries than can be listed", t->file->path);
  if (node->kind == CF_PICKLE_TENSOR) return add_tensor(ctx, t, name, node);
  bool dict = node->kind == CF_PICKLE_DICT;
  if (!dict && node->kind != CF_PICKLE_LIST && node->kind != CF_PICKLE_TUPLE) return CF_OK;
  if (depth == DEPTH_LIMIT)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: containers are nested deeper than %d levels", t->file->path, DEPTH_LIMIT);
  for (size_t i = 0; i < node->count; i += dict ? 2 : 1) {
    const cf_pickle_node *key = dict ? node->item[i] : NULL, *value = node->item[dict ? i + 1 : i];
    int n;
    if (key && key->kind == CF_PICKLE_TEXT)
      n = snprintf(name + length, NAME_LIMIT - length, "%s%s", length ? "." : "", key->text);
    else if (!key || key->kind == CF_PICKLE_INTEGER)
      n = snprintf(name + length, NAME_LIMIT - length, "%s%" PRId64, length ? "." : "",
                   key ? key->integer : (int64_t)i);
    else
      continue;
    if (n < 0 || (size_t)n >= NAME_LIMIT - length)
      return cf_fail(ctx, CF_ERR_INPUT, "%s: an array's name is longer than %d bytes", t->file->path, NAME_LIMIT);
    cf_status status = walk(ctx, t, value, name, length + (size_t)n, depth + 1);
    if (status != CF_OK) return status;
    name[length] = 0;
  }
  return CF_OK;
}

/* Index of prefix/name in the archive, SIZE_MAX when absent. */
static size_t find_entry(const torch_file *t, const char *name) {
  char path[NAME_LIMIT];
  int n = snprintf(path, sizeof path, "%s%s", t->prefix, name);
  return n < 0 || (size_t)n >= sizeof path ? SIZE_MAX : cf_zip_find(t->zip, path);
}

/* One member whole, in scratch. */
static cf_status slurp(cf_context *ctx, torch_file *t, size_t index, uint64_t limit, unsigned char **out,
                       size_t *size) {
  cf_status status = CF_OK;
  const cf_zip_entry *e = cf_zip_at(t->zip, index);
  if (e->size > limit)
    CF_TRY(
        cf_fail(ctx, CF_ERR_INPUT, "%s:%s: %" PRIu64 " bytes are more than expected", t->file->path, e->name, e->size));
  CF_TRY(cf_zip_member_open(ctx, t->zip, index));
  CF_TRY(CF_SCRATCH(ctx, out, (size_t)e->size + 1));
  CF_TRY(cf_zip_member_pull(ctx, t->zip, *out, (size_t)e->size));
  CF_TRY(cf_zip_member_done(ctx, t->zip));
  *size = (size_t)e->size;
done:
  return status;
}

static bool machine_is_big_endian(void) {
  const uint16_t one = 1;
  unsigned char first;
  memcpy(&first, &one, 1);
  return first == 0;
}

/* Opens the archive and lists its tensors; the caller closes t->zip also on error. */
static cf_status open_torch(cf_context *ctx, const cf_io_file *file, torch_file *t) {
  cf_status status = CF_OK;
  unsigned char *bytes = NULL;
  size_t size, index = SIZE_MAX;
  char *prefix = NULL, *name = NULL, what[512];
  cf_pickle_node *root = NULL;
  *t = (torch_file){.file = file};
  CF_TRY(cf_zip_open(ctx, file, &t->zip));
  for (size_t i = 0; i < cf_zip_count(t->zip) && index == SIZE_MAX; i++) {
    const char *entry = cf_zip_at(t->zip, i)->name;
    size_t n = strlen(entry);
    if (n < 9 || strcmp(entry + n - 9, "/data.pkl") != 0) continue;
    index = i;
    CF_TRY(CF_SCRATCH(ctx, &prefix, n));
    memcpy(prefix, entry, n - 8);
    prefix[n - 8] = 0;
  }
  if (index == SIZE_MAX) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: holds no data.pkl", file->path));
  t->prefix = prefix;
  t->swap = machine_is_big_endian();
  size_t order = find_entry(t, "byteorder");
  if (order != SIZE_MAX) {
    CF_TRY(slurp(ctx, t, order, 16, &bytes, &size));
    t->swap = t->swap != (size >= 3 && memcmp(bytes, "big", 3) == 0);
  }
  CF_TRY(slurp(ctx, t, index, PICKLE_LIMIT, &bytes, &size));
  snprintf(what, sizeof what, "%.400s:%.80s", file->path, cf_zip_at(t->zip, index)->name);
  CF_TRY(cf_pickle_parse(ctx, what, bytes, size, &root));
  CF_TRY(CF_SCRATCH(ctx, &name, NAME_LIMIT));
  name[0] = 0;
  CF_TRY(walk(ctx, t, root, name, 0, 0));
done:
  return status;
}

/* --------------------------------------------------------------- tensors -- */

typedef struct layout {
  cf_dtype dtype;
  bool readable, fortran, contiguous;
  const char *stored;
  int ndim;
  size_t shape[CF_MAX_DIMS], stride[CF_MAX_DIMS], offset, count, elements; /* elements: of the storage */
} layout;

static bool storage_type(const char *name, cf_dtype *dtype) {
  static const struct {
    const char *name;
    cf_dtype dtype;
  } types[] = {{"torch FloatStorage", CF_F32},        {"torch DoubleStorage", CF_F64},
               {"torch HalfStorage", CF_F16},         {"torch BFloat16Storage", CF_BF16},
               {"torch LongStorage", CF_I64},         {"torch IntStorage", CF_I32},
               {"torch ShortStorage", CF_I16},        {"torch CharStorage", CF_I8},
               {"torch ByteStorage", CF_U8},          {"torch BoolStorage", CF_BOOL},
               {"torch ComplexFloatStorage", CF_C64}, {"torch ComplexDoubleStorage", CF_C128}};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (strcmp(types[i].name, name) == 0) {
      *dtype = types[i].dtype;
      return true;
    }
  *dtype = CF_U8;
  return false;
}

/* A tuple of non-negative integers. */
static bool sizes_of(const cf_pickle_node *tuple, uint64_t *out) {
  for (size_t i = 0; i < tuple->count; i++) {
    if (tuple->item[i]->kind != CF_PICKLE_INTEGER || tuple->item[i]->integer < 0) return false;
    if (i < CF_MAX_DIMS) out[i] = (uint64_t)tuple->item[i]->integer;
  }
  return true;
}

/* Checks that the last element a tensor reaches lies within its storage. */
static cf_status check_reach(cf_context *ctx, const char *what, layout *l, const uint64_t *stride) {
  uint64_t last = l->offset;
  for (int d = 0; d < l->ndim && l->count; d++) {
    uint64_t steps = l->shape[d] - 1;
    if (steps && stride[d] > (uint64_t)l->elements / steps) last = UINT64_MAX;
    if (last != UINT64_MAX) last += steps * stride[d]; /* below 9 times the elements: no overflow */
    if (last >= l->elements)
      return cf_fail(ctx, CF_ERR_INPUT, "%s: reaches beyond its storage of %zu elements", what, l->elements);
    l->stride[d] = (size_t)stride[d];
  }
  if (l->count && last >= l->elements)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: reaches beyond its storage of %zu elements", what, l->elements);
  return CF_OK;
}

static bool is_dense(const layout *l, bool fortran) {
  size_t expected = 1;
  for (int k = 0; k < l->ndim; k++) {
    int d = fortran ? k : l->ndim - 1 - k;
    if (l->shape[d] != 1 && l->stride[d] != expected) return false;
    expected *= l->shape[d];
  }
  return true;
}

static cf_status layout_of(cf_context *ctx, const char *what, const cf_pickle_node *node, layout *l) {
  cf_status status = CF_OK;
  const cf_pickle_node *storage = node->object, *shape = node->item[1], *stride = node->item[2];
  uint64_t sizes[CF_MAX_DIMS] = {0}, strides[CF_MAX_DIMS] = {0};
  memset(l, 0, sizeof *l);
  l->stored = storage->object->text + strlen("torch ");
  l->readable = storage_type(storage->object->text, &l->dtype);
  if (shape->count > CF_MAX_DIMS)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: has %zu axes, at most %d can be read", what, shape->count, CF_MAX_DIMS);
  if (shape->count != stride->count || !sizes_of(shape, sizes) || !sizes_of(stride, strides) ||
      node->item[0]->integer < 0)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: shape, stride and offset make no sense", what);
  l->ndim = (int)shape->count;
  if ((uint64_t)storage->integer > (uint64_t)PTRDIFF_MAX / 16 ||
      (uint64_t)node->item[0]->integer > (uint64_t)PTRDIFF_MAX / 16)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: storage of impossible size", what);
  l->elements = (size_t)storage->integer;
  l->offset = (size_t)node->item[0]->integer;
  CF_TRY(cf_io_shape_bytes(ctx, what, l->ndim, sizes, cf_dtype_size(l->dtype), &l->count, NULL));
  for (int d = 0; d < l->ndim; d++) l->shape[d] = (size_t)sizes[d];
  CF_TRY(check_reach(ctx, what, l, strides));
  l->contiguous = is_dense(l, false);
  l->fortran = !l->contiguous && is_dense(l, true);
done:
  return status;
}

static cf_status torch_list(cf_context *ctx, const cf_io_file *file, cf_io_listing *listing) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  torch_file t = {0};
  char what[512];
  CF_TRY(open_torch(ctx, file, &t));
  for (size_t i = 0; i < t.count; i++) {
    layout l;
    snprintf(what, sizeof what, "%.250s:%.250s", file->path, t.tensors[i].name);
    CF_TRY(layout_of(ctx, what, t.tensors[i].node, &l));
    CF_TRY(
        cf_io_listing_add(ctx, listing, t.tensors[i].name, l.dtype, l.stored, l.readable, l.fortran, l.ndim, l.shape));
  }
done:
  cf_zip_close(t.zip);
  cf_scratch_release(ctx, mark);
  return status;
}

/* Copies the strided window into C order. */
static void gather(const layout *l, const char *storage, size_t item, char *out) {
  size_t index[CF_MAX_DIMS] = {0}, at = l->offset;
  for (size_t i = 0; i < l->count; i++, out += item) {
    memcpy(out, storage + at * item, item);
    for (int d = l->ndim - 1; d >= 0; d--) {
      at += l->stride[d];
      if (++index[d] < l->shape[d]) break;
      at -= l->stride[d] * l->shape[d];
      index[d] = 0;
    }
  }
}

static cf_status read_storage(cf_context *ctx, torch_file *t, const char *what, const cf_pickle_node *storage,
                              const layout *l, cf_array *array) {
  cf_status status = CF_OK;
  char key[NAME_LIMIT], *raw = NULL;
  size_t item = cf_dtype_size(l->dtype), bytes;
  snprintf(key, sizeof key, "data/%s", storage->text);
  size_t index = find_entry(t, key);
  if (index == SIZE_MAX)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: its storage %s%.80s is not in the file", what, t->prefix, key));
  CF_TRY(cf_size_mul(ctx, l->elements, item, &bytes));
  if (cf_zip_at(t->zip, index)->size != bytes)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: its storage has %" PRIu64 " bytes, %zu elements need %zu", what,
                   cf_zip_at(t->zip, index)->size, l->elements, bytes));
  CF_TRY(cf_zip_member_open(ctx, t->zip, index));
  bool whole = l->contiguous && l->offset == 0 && l->count == l->elements;
  if (!whole) CF_TRY(CF_ALLOC(ctx, &raw, bytes + 1));
  CF_TRY(cf_zip_member_pull(ctx, t->zip, whole ? array->data : raw, bytes));
  CF_TRY(cf_zip_member_done(ctx, t->zip));
  if (!whole) gather(l, raw, item, array->data);
done:
  cf_free(raw);
  return status;
}

static cf_status torch_read(cf_context *ctx, const cf_io_file *file, const char *member, cf_array **out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  torch_file t = {0};
  const cf_pickle_node *node = NULL;
  cf_array *array = NULL;
  char what[512];
  layout l;
  *out = NULL;
  snprintf(what, sizeof what, "%.250s:%.250s", file->path, member);
  CF_TRY(open_torch(ctx, file, &t));
  for (size_t i = 0; i < t.count && !node; i++)
    if (strcmp(t.tensors[i].name, member) == 0) node = t.tensors[i].node;
  if (!node) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: there is no such tensor", what));
  CF_TRY(layout_of(ctx, what, node, &l));
  if (!l.readable) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the type %s is not read", what, l.stored));
  size_t item = cf_dtype_size(l.dtype);
  /* stride 0 repeats elements: a few bytes could ask for any amount of memory */
  if (l.count > l.elements && l.count > cf_context_memory(ctx) / item)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: repeats its %zu stored elements to %zu; raise --memory if it is meant", what,
                   l.elements, l.count));
  CF_TRY(cf_io_array_new(ctx, what, member, l.dtype, l.ndim, l.shape, &array));
  array->fortran = l.fortran;
  if (l.count) CF_TRY(read_storage(ctx, &t, what, node->object, &l, array));
  size_t parts = l.dtype == CF_C64 || l.dtype == CF_C128 ? 2 : 1;
  if (t.swap) cf_io_swap_bytes(array->data, l.count * parts, item / parts);
  uint8_t *flags = array->data;
  for (size_t i = 0; l.dtype == CF_BOOL && i < l.count; i++) flags[i] = flags[i] != 0;
  *out = array;
  array = NULL;
done:
  cf_array_free(array);
  cf_zip_close(t.zip);
  cf_scratch_release(ctx, mark);
  return status;
}

const cf_io_driver cf_io_driver_torch = {
    .info = {"torch", ".pt .pth", "tensors of a torch file (zip); read without executing anything", true, false, false},
    .detect = torch_detect,
    .list = torch_list,
    .read = torch_read,
};
