/* safetensors: eight bytes of header length, a JSON header {name: {dtype, shape, data_offsets}}, little-endian data in
 * C order. Reference: the format description of huggingface/safetensors. */
#include "cortifold/json.h"
#include "io/format.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_LIMIT 100000000 /* as in the reference implementation */

typedef struct tensor {
  const char *name; /* in the JSON */
  const char *stored;
  cf_dtype dtype;
  bool readable;
  int ndim;
  size_t shape[CF_MAX_DIMS], count;
  uint64_t begin, end; /* in the data part */
} tensor;

typedef struct header {
  cf_json *json;
  uint64_t data; /* offset of the data part */
  size_t count;
  tensor *tensors; /* scratch */
} header;

static const struct {
  const char *name;
  size_t size;
  cf_dtype dtype;
  bool readable;
} types[] = {
    {"F64", 8, CF_F64, true},     {"F32", 4, CF_F32, true}, {"F16", 2, CF_F16, true},     {"BF16", 2, CF_BF16, true},
    {"I64", 8, CF_I64, true},     {"I32", 4, CF_I32, true}, {"I16", 2, CF_I16, true},     {"I8", 1, CF_I8, true},
    {"U64", 8, CF_U64, true},     {"U32", 4, CF_U32, true}, {"U16", 2, CF_U16, true},     {"U8", 1, CF_U8, true},
    {"BOOL", 1, CF_BOOL, true},   {"C64", 8, CF_C64, true}, {"F8_E4M3", 1, CF_U8, false}, {"F8_E5M2", 1, CF_U8, false},
    {"F8_E8M0", 1, CF_U8, false},
};

static uint64_t little(const unsigned char *p, int bytes) {
  uint64_t n = 0;
  for (int i = bytes; i-- > 0;) n = n << 8 | p[i];
  return n;
}

static bool safetensors_detect(const cf_io_file *file) {
  if (file->head_size < 10 || file->head[8] != '{') return false;
  uint64_t n = little(file->head, 8);
  return n >= 2 && (file->head[9] == '"' || file->head[9] == '}' || strchr(" \t\r\n", file->head[9])) &&
         n < (uint64_t)1 << 48;
}

/* A list entry as a size. */
static bool json_size(const cf_json *list, size_t i, uint64_t *out) {
  int64_t n;
  if (!cf_json_as_integer(cf_json_at(list, i), &n) || n < 0) return false;
  *out = (uint64_t)n;
  return true;
}

static cf_status parse_tensor(cf_context *ctx, const cf_io_file *file, const char *name, const cf_json *value,
                              uint64_t room, tensor *t) {
  const cf_json *shape = cf_json_get(value, "shape"), *offsets = cf_json_get(value, "data_offsets");
  const char *dtype = cf_json_as_text(cf_json_get(value, "dtype"));
  char what[512];
  snprintf(what, sizeof what, "%.200s:%.250s", file->path, name);
  if (!dtype || !cf_json_is_list(shape) || !cf_json_is_list(offsets) || cf_json_count(offsets) != 2)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: the header entry lacks dtype, shape or data_offsets", what);
  *t = (tensor){.name = name, .stored = dtype};
  size_t item = 0, bytes;
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (strcmp(types[i].name, dtype) == 0) {
      item = types[i].size;
      t->dtype = types[i].dtype;
      t->readable = types[i].readable;
    }
  if (!item) return cf_fail(ctx, CF_ERR_INPUT, "%s: the type \"%.40s\" is unknown", what, dtype);
  if (cf_json_count(shape) > CF_MAX_DIMS)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: has %zu axes, at most %d can be read", what, cf_json_count(shape),
                   CF_MAX_DIMS);
  uint64_t wide[CF_MAX_DIMS] = {0};
  t->ndim = (int)cf_json_count(shape);
  for (int d = 0; d < t->ndim; d++)
    if (!json_size(shape, (size_t)d, &wide[d]))
      return cf_fail(ctx, CF_ERR_INPUT, "%s: the shape is not a list of sizes", what);
  cf_status status = cf_io_shape_bytes(ctx, what, t->ndim, wide, item, &t->count, &bytes);
  if (status != CF_OK) return status;
  for (int d = 0; d < t->ndim; d++) t->shape[d] = (size_t)wide[d];
  if (!json_size(offsets, 0, &t->begin) || !json_size(offsets, 1, &t->end) || t->begin > t->end || t->end > room)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: its bytes lie outside of the file (which has %" PRIu64 " bytes of data)",
                   what, room);
  if (t->end - t->begin != bytes)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: %" PRIu64 " bytes of data do not make its shape, which needs %zu", what,
                   t->end - t->begin, bytes);
  return CF_OK;
}

static int by_begin(const void *a, const void *b) {
  const tensor *x = *(const tensor *const *)a, *y = *(const tensor *const *)b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  return (x->end > y->end) - (x->end < y->end);
}

static cf_status check_overlap(cf_context *ctx, const cf_io_file *file, const header *h) {
  cf_status status = CF_OK;
  tensor **order = NULL;
  CF_TRY(CF_SCRATCH(ctx, &order, h->count + 1));
  for (size_t i = 0; i < h->count; i++) order[i] = &h->tensors[i];
  if (h->count) qsort(order, h->count, sizeof *order, by_begin);
  for (size_t i = 1; i < h->count; i++)
    if (order[i]->begin < order[i - 1]->end)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: \"%s\" and \"%s\" overlap in the file", file->path, order[i - 1]->name,
                     order[i]->name));
done:
  return status;
}

/* On error header->json is freed already. */
static cf_status read_header(cf_context *ctx, const cf_io_file *file, header *h) {
  cf_status status = CF_OK;
  char *text = NULL;
  unsigned char prefix[8];
  memset(h, 0, sizeof *h);
  CF_TRY(cf_io_pread(ctx, file, 0, prefix, 8));
  uint64_t length = little(prefix, 8);
  if (length > HEADER_LIMIT || length > file->size - 8)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: truncated: the header announces %" PRIu64 " bytes, the file has %" PRIu64,
                   file->path, length, file->size));
  h->data = 8 + length;
  CF_TRY(CF_SCRATCH(ctx, &text, (size_t)length + 1));
  CF_TRY(cf_io_pread(ctx, file, 8, text, (size_t)length));
  CF_TRY(cf_json_parse(ctx, file->path, text, (size_t)length, &h->json));
  if (!cf_json_is_object(h->json))
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the header is not a JSON object", file->path));
  CF_TRY(CF_SCRATCH(ctx, &h->tensors, cf_json_count(h->json) + 1));
  for (size_t i = 0; i < cf_json_count(h->json); i++) {
    const char *name = cf_json_key(h->json, i);
    if (strcmp(name, "__metadata__") == 0) continue;
    CF_TRY(parse_tensor(ctx, file, name, cf_json_value(h->json, i), file->size - h->data, &h->tensors[h->count]));
    h->count++;
  }
  CF_TRY(check_overlap(ctx, file, h));
done:
  if (status != CF_OK) {
    cf_json_free(h->json);
    h->json = NULL;
  }
  return status;
}

static cf_status safetensors_list(cf_context *ctx, const cf_io_file *file, cf_io_listing *listing) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  header h = {0};
  CF_TRY(read_header(ctx, file, &h));
  for (size_t i = 0; i < h.count; i++) {
    const tensor *t = &h.tensors[i];
    CF_TRY(cf_io_listing_add(ctx, listing, t->name, t->dtype, t->stored, t->readable, false, t->ndim, t->shape));
  }
done:
  cf_json_free(h.json);
  cf_scratch_release(ctx, mark);
  return status;
}

static bool big_endian(void) {
  const uint16_t one = 1;
  unsigned char first;
  memcpy(&first, &one, 1);
  return first == 0;
}

static cf_status find_tensor(cf_context *ctx, const cf_io_file *file, const char *member, header *h,
                             const tensor **out) {
  cf_status status = read_header(ctx, file, h);
  *out = NULL;
  if (status != CF_OK) return status;
  for (size_t i = 0; i < h->count && !*out; i++)
    if (strcmp(h->tensors[i].name, member) == 0) *out = &h->tensors[i];
  if (!*out) return cf_fail(ctx, CF_ERR_INPUT, "%s:%s: there is no such tensor", file->path, member);
  if (!(*out)->readable)
    return cf_fail(ctx, CF_ERR_INPUT, "%s:%s: the type %s is not read", file->path, member, (*out)->stored);
  return CF_OK;
}

static cf_status safetensors_read(cf_context *ctx, const cf_io_file *file, const char *member, cf_array **out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  header h = {0};
  const tensor *t;
  cf_array *array = NULL;
  *out = NULL;
  CF_TRY(find_tensor(ctx, file, member, &h, &t));
  CF_TRY(cf_io_array_new(ctx, file->path, member, t->dtype, t->ndim, t->shape, &array));
  CF_TRY(cf_io_pread(ctx, file, h.data + t->begin, array->data, (size_t)(t->end - t->begin)));
  size_t parts = t->dtype == CF_C64 ? 2 : 1;
  if (big_endian()) cf_io_swap_bytes(array->data, t->count * parts, cf_dtype_size(t->dtype) / parts);
  uint8_t *flags = array->data;
  for (size_t i = 0; t->dtype == CF_BOOL && i < t->count; i++) flags[i] = flags[i] != 0;
  *out = array;
  array = NULL;
done:
  cf_array_free(array);
  cf_json_free(h.json);
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status safetensors_open_blocks(cf_context *ctx, const cf_io_file *file, const char *member, cf_blocks *out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  header h = {0};
  const tensor *t;
  CF_TRY(find_tensor(ctx, file, member, &h, &t));
  cf_io_plain layout = {h.data + t->begin, t->dtype, big_endian(), false, t->shape[0], t->shape[1]};
  CF_TRY(cf_io_plain_blocks(ctx, file, &layout, out));
done:
  cf_json_free(h.json);
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------ writing -- */

static const char *type_name(cf_dtype dtype) {
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (types[i].readable && types[i].dtype == dtype) return types[i].name;
  return NULL;
}

static cf_status make_header(cf_context *ctx, const char *path, const cf_array *const *arrays, const char *const *names,
                             size_t count, const char *attributes, char **out) {
  cf_json *json = cf_json_object();
  uint64_t offset = 0;
  bool whole = json != NULL;
  cf_status status = CF_OK;
  if (attributes && whole) {
    cf_json *metadata = cf_json_object();
    whole = metadata && cf_json_set(metadata, "attributes", cf_json_text(attributes));
    whole = cf_json_set(json, "__metadata__", metadata) && whole;
  }
  for (size_t i = 0; i < count && whole; i++) {
    const cf_array *a = arrays[i];
    const char *dtype = type_name(a->dtype);
    if (!dtype) {
      status = cf_fail(ctx, CF_ERR_USAGE, "%s: safetensors holds no %s (\"%s\"); use .npz or .h5", path,
                       cf_dtype_name(a->dtype), names[i]);
      goto done;
    }
    uint64_t bytes = (uint64_t)cf_array_count(a) * cf_dtype_size(a->dtype);
    cf_json *entry = cf_json_object(), *shape = cf_json_list(), *offsets = cf_json_list();
    whole = entry && shape && offsets;
    for (int d = 0; d < a->ndim && whole; d++) whole = cf_json_append(shape, cf_json_integer((int64_t)a->shape[d]));
    if (whole) whole = cf_json_append(offsets, cf_json_integer((int64_t)offset));
    if (whole) whole = cf_json_append(offsets, cf_json_integer((int64_t)(offset + bytes)));
    whole = cf_json_set(entry, "dtype", cf_json_text(dtype)) && whole;
    whole = cf_json_set(entry, "shape", shape) && whole;
    whole = cf_json_set(entry, "data_offsets", offsets) && whole;
    whole = cf_json_set(json, names[i], entry) && whole;
    offset += bytes;
  }
  *out = whole ? cf_json_print(json, 0) : NULL;
  if (!*out) status = cf_fail(ctx, CF_ERR_MEMORY, "%s: not enough memory for the header", path);
done:
  cf_json_free(json);
  return status;
}

/* Labels in words have no place in the format: a coordinate of text is left out, an array of text is an error. */
static cf_status safetensors_write(cf_context *ctx, const char *temporary, const char *path, const cf_dataset *set,
                                   const cf_io_write_options *options) {
  cf_status status = CF_OK;
  const cf_array **arrays = NULL;
  const char **names = NULL;
  size_t all, count = 0;
  char *text = NULL;
  cf_io_out *out = NULL;
  CF_TRY(cf_io_flatten(ctx, set, &arrays, &names, &all));
  for (size_t i = 0; i < all; i++) {
    if (i >= set->count && !type_name(arrays[i]->dtype)) {
      cf_warn(ctx, "%s: safetensors holds no text: the labels \"%s\" are left out", path, names[i]);
      continue;
    }
    arrays[count] = arrays[i];
    names[count++] = names[i];
  }
  CF_TRY(make_header(ctx, path, arrays, names, count, options->attributes, &text));
  CF_TRY(cf_io_out_open(ctx, temporary, path, &out));
  uint64_t length = (strlen(text) + 7) / 8 * 8;
  unsigned char prefix[8];
  for (int i = 0; i < 8; i++) prefix[i] = (unsigned char)(length >> 8 * i);
  cf_io_put(out, prefix, 8);
  cf_io_put_text(out, text);
  cf_io_put(out, "       ", length - strlen(text)); /* data begin at a multiple of eight */
  for (size_t i = 0; i < count; i++) {
    size_t item = cf_dtype_size(arrays[i]->dtype), n = cf_array_count(arrays[i]);
    if (!big_endian()) {
      cf_io_put(out, arrays[i]->data, n * item);
      continue;
    }
    size_t part = arrays[i]->dtype == CF_C64 ? item / 2 : item;
    for (size_t k = 0; k < n * item / part; k++) {
      char value[8];
      memcpy(value, (const char *)arrays[i]->data + k * part, part);
      cf_io_swap_bytes(value, 1, part);
      cf_io_put(out, value, part);
    }
  }
done:
  cf_free(text);
  return cf_io_out_finish(ctx, out, status);
}

const cf_io_driver cf_io_driver_safetensors = {
    .info = {"safetensors", ".safetensors", "named tensors of numbers, as networks' weights are shared", true, true,
             true},
    .detect = safetensors_detect,
    .list = safetensors_list,
    .read = safetensors_read,
    .open_blocks = safetensors_open_blocks,
    .write = safetensors_write,
};
