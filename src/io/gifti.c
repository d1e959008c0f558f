/* GIFTI: values on the vertices of a surface, and surfaces (.gii).
 *
 * XML with one DataArray a map; its numbers are text, base64, or base64 of a zlib stream. Members: "" when there is one
 * array, or when all have one shape: (array, vertex), so that a time series is (time, vertex); else "points",
 * "triangles" and "arrayK". A table of labels gives "index" and "name". https://www.nitrc.org/projects/gifti,
 * version 1.0 (2011). */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/format.h"
#include "io/inflate.h"
#include "io/xml.h"

enum { MOST_ARRAYS = 1 << 20, MOST_LABELS = 1 << 20, MOST_RATIO = 1040 };

typedef enum encoding { TEXT, BASE64, PACKED, EXTERNAL, UNKNOWN } encoding;

typedef struct data_array {
  char name[32];
  cf_dtype dtype;
  bool known; /* type and encoding are read here */
  encoding encoding;
  bool big, columns; /* byte order; first axis fastest */
  int ndim;
  uint64_t shape[6];
  size_t count, bytes;
} data_array;

typedef struct surface {
  const cf_io_file *file;
  data_array *array;
  size_t arrays, room, depth_data;
  double *key;
  char **label;
  size_t labels, label_room;
  bool in_data, in_label;
  char *text; /* of the element at hand, where it is wanted */
  size_t used, size;
  bool want_labels;
  size_t first, last; /* arrays whose data are wanted: [first, last) */
  char *out;          /* their values, one after the other */
} surface;

static void close_surface(surface *s) {
  cf_free(s->array);
  cf_free(s->key);
  for (size_t i = 0; i < s->labels; i++) cf_free(s->label[i]);
  cf_free(s->label);
  cf_free(s->text);
}

/* A list that doubles: room for one more. */
static cf_status grow(cf_context *ctx, void **list, size_t used, size_t *room, size_t item) {
  void *more = NULL;
  if (used < *room) return CF_OK;
  const size_t wanted = *room ? 2 * *room : 16;
  const cf_status status = cf_alloc_bytes(ctx, wanted, item, &more);
  if (status != CF_OK) return status;
  if (used) memcpy(more, *list, used * item);
  cf_free(*list);
  *list = more;
  *room = wanted;
  return CF_OK;
}

/* ---------------------------------------------------------------- elements -- */

static void read_type(data_array *a, const char *type, const char *encoded) {
  static const struct {
    const char *name;
    cf_dtype dtype;
  } types[] = {{"NIFTI_TYPE_UINT8", CF_U8},   {"NIFTI_TYPE_INT16", CF_I16},  {"NIFTI_TYPE_INT32", CF_I32},
               {"NIFTI_TYPE_INT8", CF_I8},    {"NIFTI_TYPE_UINT16", CF_U16}, {"NIFTI_TYPE_UINT32", CF_U32},
               {"NIFTI_TYPE_INT64", CF_I64},  {"NIFTI_TYPE_UINT64", CF_U64}, {"NIFTI_TYPE_FLOAT32", CF_F32},
               {"NIFTI_TYPE_FLOAT64", CF_F64}};
  static const char *const encodings[] = {"ASCII", "Base64Binary", "GZipBase64Binary", "ExternalFileBinary"};
  a->encoding = UNKNOWN;
  for (size_t i = 0; i < 4 && encoded; i++)
    if (strcmp(encodings[i], encoded) == 0) a->encoding = (encoding)i;
  a->known = false;
  for (size_t i = 0; i < sizeof types / sizeof *types && type; i++)
    if (strcmp(types[i].name, type) == 0) {
      a->dtype = types[i].dtype;
      a->known = a->encoding < EXTERNAL;
    }
}

static void name_array(surface *s, data_array *a, const char *intent) {
  snprintf(a->name, sizeof a->name, "array%zu", s->arrays);
  if (intent && strcmp(intent, "NIFTI_INTENT_POINTSET") == 0) snprintf(a->name, sizeof a->name, "points");
  if (intent && strcmp(intent, "NIFTI_INTENT_TRIANGLE") == 0) snprintf(a->name, sizeof a->name, "triangles");
  for (size_t i = 0; i < s->arrays; i++)
    if (strcmp(s->array[i].name, a->name) == 0) snprintf(a->name, sizeof a->name, "array%zu", s->arrays);
}

/* Dimension k; 0 when it is absent or no number. */
static uint64_t dimension(const char **attributes, int k) {
  char name[8];
  snprintf(name, sizeof name, "Dim%d", k);
  const char *text = cf_xml_attribute(attributes, name);
  if (!text || !*text || text[strspn(text, "0123456789")] || strlen(text) > 18) return 0;
  return strtoull(text, NULL, 10);
}

static cf_status start_array(cf_context *ctx, surface *s, const char **attributes) {
  const char *order = cf_xml_attribute(attributes, "ArrayIndexingOrder"), *path = s->file->path;
  const char *endian = cf_xml_attribute(attributes, "Endian"), *n = cf_xml_attribute(attributes, "Dimensionality");
  cf_status status = grow(ctx, (void **)&s->array, s->arrays, &s->room, sizeof *s->array);
  if (status != CF_OK) return status;
  if (s->arrays >= MOST_ARRAYS) return cf_fail(ctx, CF_ERR_INPUT, "%s: more than %d data arrays", path, MOST_ARRAYS);
  data_array *a = &s->array[s->arrays];
  *a = (data_array){.big = endian && strcmp(endian, "BigEndian") == 0,
                    .columns = order && strcmp(order, "ColumnMajorOrder") == 0};
  read_type(a, cf_xml_attribute(attributes, "DataType"), cf_xml_attribute(attributes, "Encoding"));
  name_array(s, a, cf_xml_attribute(attributes, "Intent"));
  if (!n || n[0] < '1' || n[0] > '6' || n[1])
    return cf_fail(ctx, CF_ERR_INPUT, "%s: data array %zu has \"%.20s\" dimensions, 1 to 6 are possible", path,
                   s->arrays, n ? n : "");
  a->ndim = n[0] - '0';
  for (int k = 0; k < a->ndim; k++) {
    a->shape[k] = dimension(attributes, k);
    if (a->shape[k] == 0)
      return cf_fail(ctx, CF_ERR_INPUT, "%s: data array %zu: dimension %d is missing or 0", path, s->arrays, k);
  }
  if (a->known) status = cf_io_shape_bytes(ctx, path, a->ndim, a->shape, cf_dtype_size(a->dtype), &a->count, &a->bytes);
  /* two characters a number in text, three bytes in four characters otherwise, and what zlib can reach */
  if (status == CF_OK && a->known && a->bytes / cf_dtype_size(a->dtype) / MOST_RATIO > s->file->size)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: data array %zu announces %zu bytes, the file has %" PRIu64, path, s->arrays,
                   a->bytes, s->file->size);
  s->arrays++;
  return status;
}

static cf_status on_start(cf_context *ctx, void *payload, const char *element, const char **attributes) {
  cf_status status = CF_OK;
  surface *s = payload;
  if (strcmp(element, "DataArray") == 0) return start_array(ctx, s, attributes);
  if (strcmp(element, "Data") == 0 && s->arrays > 0) {
    s->in_data = s->arrays - 1 >= s->first && s->arrays - 1 < s->last;
    s->used = 0;
  } else if (strcmp(element, "Label") == 0 && s->want_labels) {
    const char *key = cf_xml_attribute(attributes, "Key");
    if (!key) key = cf_xml_attribute(attributes, "Index"); /* older files */
    if (s->labels >= MOST_LABELS)
      return cf_fail(ctx, CF_ERR_INPUT, "%s: more than %d labels", s->file->path, MOST_LABELS);
    size_t room = s->label_room;
    CF_TRY(grow(ctx, (void **)&s->key, s->labels, &room, sizeof *s->key));
    CF_TRY(grow(ctx, (void **)&s->label, s->labels, &s->label_room, sizeof *s->label));
    s->key[s->labels] = key ? strtod(key, NULL) : NAN;
    s->in_label = true;
    s->used = 0;
  }
done:
  return status;
}

static cf_status on_text(cf_context *ctx, void *payload, const char *text, size_t n) {
  surface *s = payload;
  if (!s->in_data && !s->in_label) return CF_OK;
  if (s->used + n + 1 > s->size) {
    char *more = NULL;
    const size_t size = CF_MAX(2 * s->size, s->used + n + 4096);
    const cf_status status = CF_ALLOC(ctx, &more, size);
    if (status != CF_OK) return status;
    if (s->used) memcpy(more, s->text, s->used);
    cf_free(s->text);
    s->text = more;
    s->size = size;
  }
  memcpy(s->text + s->used, text, n);
  s->used += n;
  s->text[s->used] = 0;
  return CF_OK;
}

/* ------------------------------------------------------------------ values -- */

static cf_status bad_data(cf_context *ctx, const surface *s, const char *what) {
  return cf_fail(ctx, CF_ERR_INPUT, "%s: data array %zu %s", s->file->path, s->arrays - 1, what);
}

/* In place; the number of bytes, SIZE_MAX for characters that base64 does not have. */
static size_t decode_base64(char *text, size_t n) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  uint32_t word = 0;
  size_t have = 0, to = 0;
  for (size_t i = 0; i < n; i++) {
    const char c = text[i];
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
    if (c == '=') break;
    const char *at = c ? strchr(digits, c) : NULL;
    if (!at) return SIZE_MAX;
    word = word << 6 | (uint32_t)(at - digits);
    if (++have % 4 == 0) {
      text[to++] = (char)(word >> 16);
      text[to++] = (char)(word >> 8);
      text[to++] = (char)word;
      word = 0;
    }
  }
  if (have % 4 >= 2) text[to++] = (char)(word >> (have % 4 == 2 ? 4 : 10));
  if (have % 4 == 3) text[to++] = (char)(word >> 2);
  return to;
}

static cf_status parse_text(cf_context *ctx, const surface *s, const data_array *a, double *out) {
  char *p = s->text, *end = NULL;
  for (size_t i = 0; i < a->count; i++) {
    out[i] = p ? strtod(p, &end) : 0;
    if (!p || end == p) return bad_data(ctx, s, "has fewer numbers than its dimensions say");
    p = end;
  }
  return CF_OK;
}

static void store(cf_dtype dtype, size_t n, const double *x, void *out) {
  for (size_t i = 0; i < n; i++) {
    if (dtype == CF_F32)
      ((float *)out)[i] = (float)x[i];
    else
      ((double *)out)[i] = x[i];
  }
}

/* Numbers in text are kept as float64 whatever the type that they stand for. */
static cf_dtype stored_type(const data_array *a) {
  return a->encoding == TEXT && a->dtype != CF_F32 ? CF_F64 : a->dtype;
}

static cf_status take_data(cf_context *ctx, surface *s) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const data_array *a = &s->array[s->arrays - 1];
  const size_t item = cf_dtype_size(stored_type(a)), bytes = a->count * item;
  size_t shape[6];
  char *raw;
  double *numbers;
  for (int d = 0; d < a->ndim; d++) shape[d] = (size_t)a->shape[d];
  CF_TRY(CF_SCRATCH(ctx, &raw, bytes));
  if (a->encoding == TEXT) {
    CF_TRY(CF_SCRATCH(ctx, &numbers, a->count));
    CF_TRY(parse_text(ctx, s, a, numbers));
    store(stored_type(a), a->count, numbers, raw);
  } else {
    const size_t n = s->text ? decode_base64(s->text, s->used) : 0;
    if (n == SIZE_MAX) CF_TRY(bad_data(ctx, s, "is not base64"));
    if (a->encoding == BASE64 && n != bytes) CF_TRY(bad_data(ctx, s, "is not as long as its dimensions say"));
    if (a->encoding == BASE64)
      memcpy(raw, s->text, bytes);
    else if (!cf_inflate_memory(s->text, n, raw, bytes))
      CF_TRY(bad_data(ctx, s, "is damaged: its compressed data do not give what its dimensions say"));
    const uint16_t one = 1;
    if (a->big == (*(const unsigned char *)&one == 1)) cf_io_swap_bytes(raw, a->count, item);
  }
  if (a->columns && a->ndim > 1)
    cf_io_fortran_to_c(raw, s->out, a->ndim, shape, item);
  else
    memcpy(s->out, raw, bytes);
  s->out += bytes;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status on_end(cf_context *ctx, void *payload, const char *element) {
  cf_status status = CF_OK;
  surface *s = payload;
  if (strcmp(element, "Data") == 0 && s->in_data) {
    s->in_data = false;
    if (s->out) status = take_data(ctx, s);
  } else if (strcmp(element, "Label") == 0 && s->in_label) {
    s->in_label = false;
    status = cf_io_text(ctx, s->used ? s->text : "", s->used, &s->label[s->labels]);
    if (status == CF_OK) s->labels++;
  }
  return status;
}

/* ------------------------------------------------------------------ driver -- */

static bool gifti_detect(const cf_io_file *file) {
  char head[sizeof file->head + 1];
  memcpy(head, file->head, sizeof file->head);
  head[sizeof file->head] = 0;
  const char *p = head + (memcmp(head, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0);
  while (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t') p++;
  return *p == '<' && (strstr(p, "<GIFTI") || strstr(p, "<!DOCTYPE GIFTI"));
}

/* Arrays and labels without their data. */
static cf_status scan(cf_context *ctx, const cf_io_file *file, surface *s) {
  *s = (surface){.file = file, .want_labels = true};
  const cf_xml_walk walk = {on_start, on_text, on_end, s};
  cf_status status = cf_xml_file(ctx, file, &walk);
  if (status == CF_OK && s->arrays == 0) status = cf_fail(ctx, CF_ERR_INPUT, "%s: holds no data arrays", file->path);
  return status;
}

/* True when all arrays make one matrix. */
static bool is_stack(const surface *s) {
  for (size_t i = 0; i < s->arrays; i++) {
    const data_array *a = &s->array[i];
    if (!a->known || a->ndim != 1 || a->shape[0] != s->array[0].shape[0] || stored_type(a) != stored_type(s->array))
      return false;
  }
  return s->arrays > 1;
}

static cf_status list_array(cf_context *ctx, const data_array *a, const char *name, cf_io_listing *listing) {
  size_t shape[6];
  for (int d = 0; d < a->ndim; d++) shape[d] = (size_t)a->shape[d];
  return cf_io_listing_add(ctx, listing, name, a->known ? stored_type(a) : CF_U8,
                           a->known ? cf_dtype_name(a->dtype) : "in another file, or of a type that is not known",
                           a->known, a->columns, a->ndim, shape);
}

static cf_status gifti_list(cf_context *ctx, const cf_io_file *file, cf_io_listing *listing) {
  cf_status status = CF_OK;
  surface s;
  CF_TRY(scan(ctx, file, &s));
  const size_t stack[] = {s.arrays, (size_t)s.array[0].shape[0]};
  if (is_stack(&s))
    CF_TRY(cf_io_listing_add(ctx, listing, "", stored_type(s.array), cf_dtype_name(s.array->dtype), true, false, 2,
                             stack));
  else
    for (size_t i = 0; i < s.arrays; i++)
      CF_TRY(list_array(ctx, &s.array[i], s.arrays == 1 ? "" : s.array[i].name, listing));
  if (s.labels == 0) goto done;
  CF_TRY(cf_io_listing_add(ctx, listing, "index", CF_F64, "label table", true, false, 1, &s.labels));
  CF_TRY(cf_io_listing_add(ctx, listing, "name", CF_TEXT, "label table", true, false, 1, &s.labels));
done:
  close_surface(&s);
  return status;
}

/* Arrays [first, last) one behind the other. */
static cf_status read_arrays(cf_context *ctx, const surface *from, size_t first, size_t last, const char *member,
                             cf_array **out) {
  cf_status status = CF_OK;
  const data_array *a = &from->array[first];
  cf_array *array = NULL;
  surface s = {.file = from->file, .first = first, .last = last};
  const cf_xml_walk walk = {on_start, on_text, on_end, &s};
  size_t shape[CF_MAX_DIMS] = {0}, ndim = (size_t)a->ndim;
  const bool stack = last > first + 1;
  if (!a->known)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: data array %zu is in another file or of an unknown type", from->file->path,
                   first));
  for (size_t d = 0; d < ndim; d++) shape[d + stack] = (size_t)a->shape[d];
  if (stack) shape[0] = last - first;
  CF_TRY(cf_io_array_new(ctx, from->file->path, member, stored_type(a), (int)(ndim + stack), shape, &array));
  s.out = array->data;
  CF_TRY(cf_xml_file(ctx, from->file, &walk));
  if (s.out != (char *)array->data + cf_array_count(array) * cf_dtype_size(array->dtype))
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: data arrays without data", from->file->path));
  *out = array;
  array = NULL;
done:
  close_surface(&s);
  cf_array_free(array);
  return status;
}

static cf_status gifti_read(cf_context *ctx, const cf_io_file *file, const char *member, cf_array **out) {
  cf_status status = CF_OK;
  surface s;
  *out = NULL;
  CF_TRY(scan(ctx, file, &s));
  if (s.labels > 0 && strcmp(member, "index") == 0) {
    status = cf_array_from_doubles(ctx, member, 1, &s.labels, s.key, out);
  } else if (s.labels > 0 && strcmp(member, "name") == 0) {
    status = cf_array_from_texts(ctx, member, s.labels, (const char *const *)s.label, out);
  } else if (!*member && (is_stack(&s) || s.arrays == 1)) {
    status = read_arrays(ctx, &s, 0, s.arrays, member, out);
  } else {
    size_t i = 0;
    while (i < s.arrays && strcmp(s.array[i].name, member) != 0) i++;
    if (i == s.arrays) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: there is no array \"%s\"", file->path, member));
    status = read_arrays(ctx, &s, i, i + 1, member, out);
  }
done:
  close_surface(&s);
  return status;
}

const cf_io_driver cf_io_driver_gifti = {
    .info = {"gifti", ".gii", "values on the vertices of a surface, and surfaces", true, false, false},
    .detect = gifti_detect,
    .list = gifti_list,
    .read = gifti_read,
};
