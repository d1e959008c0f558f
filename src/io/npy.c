/* NumPy's npy format, versions 1 to 3: a magic, a header that is a Python dict literal, raw elements.
 * Reference: numpy/lib/format (NEP 1). The literal is parsed by hand and strictly: nothing of it is evaluated. */
#include "io/npy.h"
#include "io/stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char magic[] = "\x93NUMPY";

/* ------------------------------------------------------------ header -- */

cf_status cf_npy_prefix(cf_context *ctx, const char *what, const unsigned char *prefix, size_t have, size_t *header) {
  *header = 0;
  if (have < 10 || memcmp(prefix, magic, 6) != 0) return cf_fail(ctx, CF_ERR_INPUT, "%s: is not an npy array", what);
  if (prefix[6] < 1 || prefix[6] > 3 || prefix[7] != 0)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: npy version %d.%d is unknown (1.0 to 3.0 are read)", what, prefix[6],
                   prefix[7]);
  if (prefix[6] == 1) {
    *header = 10 + (size_t)(prefix[8] | prefix[9] << 8);
    return CF_OK;
  }
  if (have < 12) return cf_fail(ctx, CF_ERR_INPUT, "%s: truncated in the npy header", what);
  uint32_t length = prefix[8] | (uint32_t)prefix[9] << 8 | (uint32_t)prefix[10] << 16 | (uint32_t)prefix[11] << 24;
  if (length > CF_NPY_HEADER_MAX)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: npy header of %" PRIu32 " bytes is longer than any plain array needs", what,
                   length);
  *header = 12 + (size_t)length;
  return CF_OK;
}

typedef struct scanner {
  const char *p, *end;
} scanner;

static void skip_space(scanner *s) {
  while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r')) s->p++;
}

static bool take(scanner *s, char c) {
  skip_space(s);
  if (s->p == s->end || *s->p != c) return false;
  s->p++;
  return true;
}

static bool take_word(scanner *s, const char *word) {
  size_t n = strlen(word);
  skip_space(s);
  if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0) return false;
  s->p += n;
  return true;
}

/* 'text' or "text" without escapes. */
static bool take_text(scanner *s, char *text, size_t size) {
  skip_space(s);
  if (s->p == s->end || (*s->p != '\'' && *s->p != '"')) return false;
  char quote = *s->p++;
  size_t n = 0;
  while (s->p < s->end && *s->p != quote) {
    if (*s->p == '\\' || (unsigned char)*s->p < 0x20 || n + 1 >= size) return false;
    text[n++] = *s->p++;
  }
  text[n] = 0;
  return take(s, quote);
}

/* (a, b, ...) with at most 64 entries counted; *ndim may come out larger than there is room for. */
static bool take_shape(scanner *s, int *ndim, uint64_t *shape) {
  if (!take(s, '(')) return false;
  for (*ndim = 0; !take(s, ')');) {
    if (*ndim && !take(s, ',')) return false;
    if (*ndim && take(s, ')')) return true;
    skip_space(s);
    uint64_t n = 0;
    int digits = 0;
    while (s->p < s->end && *s->p >= '0' && *s->p <= '9') {
      if (n > (UINT64_MAX - 9) / 10) return false;
      n = 10 * n + (uint64_t)(*s->p++ - '0');
      digits++;
    }
    if (!digits || *ndim >= 64) return false;
    if (s->p < s->end && *s->p == 'L') s->p++; /* Python 2 */
    if (*ndim < CF_MAX_DIMS) shape[*ndim] = n;
    ++*ndim;
    skip_space(s);
    if (*ndim == 1 && s->p < s->end && *s->p == ')') return false; /* (3) is a number, not a shape */
  }
  return true;
}

/* Reads past a [...] list: a structured type, which is only named. */
static bool skip_list(scanner *s) {
  int depth = 0;
  skip_space(s);
  for (; s->p < s->end; s->p++) {
    if (*s->p == '[' || *s->p == '(') depth++;
    if ((*s->p == ']' || *s->p == ')') && --depth == 0) {
      s->p++;
      return true;
    }
  }
  return false;
}

static bool little_endian(void) {
  const uint16_t one = 1;
  unsigned char first;
  memcpy(&first, &one, 1);
  return first == 1;
}

/* Fills type fields from the descr in out->stored. False: not a descr at all. */
static bool parse_descr(cf_npy *out) {
  static const struct {
    char kind;
    unsigned size;
    cf_dtype dtype;
  } types[] = {{'b', 1, CF_BOOL}, {'i', 1, CF_I8},  {'u', 1, CF_U8},  {'i', 2, CF_I16},  {'u', 2, CF_U16},
               {'i', 4, CF_I32},  {'u', 4, CF_U32}, {'i', 8, CF_I64}, {'u', 8, CF_U64},  {'f', 2, CF_F16},
               {'f', 4, CF_F32},  {'f', 8, CF_F64}, {'c', 8, CF_C64}, {'c', 16, CF_C128}};
  const char *d = out->stored;
  char order = '=';
  if (*d && strchr("<>|=", *d)) order = *d++;
  out->kind = *d ? *d++ : 0;
  uint64_t size = 0;
  int digits = 0;
  for (; *d >= '0' && *d <= '9'; d++, digits++) {
    if (digits >= 10) return false;
    size = 10 * size + (uint64_t)(*d - '0');
  }
  if (!out->kind || !strchr("biufcUSaOVmM?", out->kind)) return false;
  out->item = (size_t)size;
  out->swap = order == (little_endian() ? '>' : '<');
  if (out->kind == 'O') {
    out->refusal = "object dtype: pickled Python objects, which are never executed; save it as numbers or strings";
    return true;
  }
  if (out->kind == 'm' || out->kind == 'M') {
    out->refusal = "dates or time differences; save them as numbers";
    return true;
  }
  if (*d) return false;
  if (out->kind == '?') {
    if (digits) return false;
    out->kind = 'b';
    out->item = 1;
  } else if (!digits) {
    return false;
  }
  if (out->kind == 'a') out->kind = 'S';
  if (out->kind == 'U' || out->kind == 'S') {
    out->dtype = CF_TEXT;
    if (out->kind == 'U') out->item *= 4;
    return true;
  }
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (types[i].kind == out->kind && types[i].size == size) {
      out->dtype = types[i].dtype;
      return true;
    }
  out->refusal = out->kind == 'V' ? "raw bytes without a numeric type" : "a number type of this size is not known";
  return true;
}

cf_status cf_npy_parse(cf_context *ctx, const char *what, const char *text, size_t length, cf_npy *out) {
  scanner s = {text, text + length};
  bool descr = false, order = false, shape_seen = false;
  uint64_t shape[CF_MAX_DIMS] = {0};
  char key[32];
  memset(out, 0, sizeof *out);
  if (!take(&s, '{')) goto malformed;
  while (!take(&s, '}')) {
    if (!take_text(&s, key, sizeof key) || !take(&s, ':')) goto malformed;
    if (strcmp(key, "descr") == 0 && !descr) {
      descr = true;
      skip_space(&s);
      if (s.p < s.end && *s.p == '[') {
        if (!skip_list(&s)) goto malformed;
        snprintf(out->stored, sizeof out->stored, "struct (not numeric)");
        out->refusal = "structured dtype; save each field as an array of its own";
      } else if (!take_text(&s, out->stored, sizeof out->stored) || !parse_descr(out)) {
        return cf_fail(ctx, CF_ERR_INPUT, "%s: npy header names the unknown type \"%.40s\"", what, out->stored);
      }
    } else if (strcmp(key, "fortran_order") == 0 && !order) {
      order = true;
      if (take_word(&s, "True"))
        out->fortran = true;
      else if (!take_word(&s, "False"))
        goto malformed;
    } else if (strcmp(key, "shape") == 0 && !shape_seen) {
      shape_seen = true;
      skip_space(&s);
      const char *from = s.p;
      if (!take_shape(&s, &out->ndim, shape))
        return cf_fail(ctx, CF_ERR_INPUT, "%s: npy header has the impossible shape \"%.*s\"", what,
                       (int)CF_MIN((ptrdiff_t)40, s.end - from), from);
    } else {
      goto malformed;
    }
    skip_space(&s);
    if (!take(&s, ',') && (s.p == s.end || *s.p != '}')) goto malformed;
  }
  skip_space(&s);
  if (s.p != s.end || !descr || !order || !shape_seen) goto malformed;
  if (out->refusal && out->ndim > CF_MAX_DIMS) out->ndim = CF_MAX_DIMS;
  cf_status status =
      cf_io_shape_bytes(ctx, what, out->ndim, shape, out->refusal ? 0 : out->item, &out->count, &out->bytes);
  for (int d = 0; d < out->ndim && d < CF_MAX_DIMS; d++) out->shape[d] = (size_t)shape[d];
  /* strings of no length take no bytes: the size of the file does not bound their number */
  if (status == CF_OK && !out->refusal && out->item == 0 && out->count > 1000000)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: npy header announces %zu empty strings", what, out->count);
  return status;
malformed:
  return cf_fail(ctx, CF_ERR_INPUT, "%s: malformed npy header (at byte %td)", what, s.p - text);
}

/* ----------------------------------------------------------- reading -- */

/* UCS-4 of fixed width, padded with zeros, to UTF-8. */
static cf_status decode_ucs4(cf_context *ctx, const char *what, const cf_npy *npy, const unsigned char *raw, size_t i,
                             char **out) {
  size_t n = npy->item / 4, used = 0;
  while (n && memcmp(raw + 4 * (n - 1), "\0\0\0\0", 4) == 0) n--;
  char *text = NULL;
  cf_status status = CF_ALLOC(ctx, &text, 4 * n + 1);
  if (status != CF_OK) return status;
  for (size_t k = 0; k < n; k++) {
    uint32_t c;
    memcpy(&c, raw + 4 * k, 4);
    if (npy->swap) cf_io_swap_bytes(&c, 1, 4);
    if (c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) {
      cf_free(text);
      return cf_fail(ctx, CF_ERR_INPUT, "%s: element %zu is not Unicode text (character U+%08" PRIX32 ")", what, i, c);
    }
    if (c < 0x80) {
      text[used++] = (char)c;
    } else if (c < 0x800) {
      text[used++] = (char)(0xC0 | c >> 6);
      text[used++] = (char)(0x80 | (c & 0x3F));
    } else {
      if (c < 0x10000) {
        text[used++] = (char)(0xE0 | c >> 12);
      } else {
        text[used++] = (char)(0xF0 | c >> 18);
        text[used++] = (char)(0x80 | (c >> 12 & 0x3F));
      }
      text[used++] = (char)(0x80 | (c >> 6 & 0x3F));
      text[used++] = (char)(0x80 | (c & 0x3F));
    }
  }
  *out = text;
  return CF_OK;
}

static cf_status decode_texts(cf_context *ctx, const char *what, const cf_npy *npy, const char *raw, char **texts) {
  cf_status status = CF_OK;
  for (size_t i = 0; i < npy->count; i++) {
    const char *from = raw + i * npy->item;
    char *text = NULL;
    if (npy->kind == 'U') {
      CF_TRY(decode_ucs4(ctx, what, npy, (const unsigned char *)from, i, &text));
    } else {
      size_t n = npy->item;
      while (n && !from[n - 1]) n--;
      CF_TRY(cf_io_text(ctx, from, n, &text));
    }
    cf_free(texts[i]);
    texts[i] = text;
  }
done:
  return status;
}

cf_status cf_npy_read(cf_context *ctx, const char *what, const char *member, const cf_npy *npy, cf_npy_pull pull,
                      void *payload, cf_array **out) {
  cf_status status = CF_OK;
  cf_array *array = NULL;
  char *raw = NULL, *ordered = NULL;
  *out = NULL;
  if (npy->refusal) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: has %s (%s)", what, npy->refusal, npy->stored));
  bool text = npy->dtype == CF_TEXT, turn = npy->fortran && npy->ndim > 1;
  CF_TRY(cf_io_array_new(ctx, what, member, npy->dtype, npy->ndim, npy->shape, &array));
  array->fortran = npy->fortran;
  if (text || turn) CF_TRY(CF_ALLOC(ctx, &raw, npy->bytes + 1));
  char *to = raw ? raw : array->data;
  for (size_t done_bytes = 0; done_bytes < npy->bytes;) {
    size_t part = CF_MIN(npy->bytes - done_bytes, (size_t)64 << 20);
    CF_TRY(pull(ctx, payload, to + done_bytes, part));
    CF_TRY(cf_check_cancel(ctx));
    done_bytes += part;
  }
  if (turn) {
    if (text) CF_TRY(CF_ALLOC(ctx, &ordered, npy->bytes + 1));
    cf_io_fortran_to_c(raw, text ? ordered : array->data, npy->ndim, npy->shape, npy->item);
  }
  if (text) {
    CF_TRY(decode_texts(ctx, what, npy, ordered ? ordered : raw, array->data));
  } else {
    size_t parts = npy->kind == 'c' ? 2 : 1;
    if (npy->swap) cf_io_swap_bytes(array->data, npy->count * parts, npy->item / parts);
    unsigned char *flags = array->data;
    if (npy->dtype == CF_BOOL)
      for (size_t i = 0; i < npy->count; i++) flags[i] = flags[i] != 0;
  }
  *out = array;
  array = NULL;
done:
  cf_free(raw);
  cf_free(ordered);
  cf_array_free(array);
  return status;
}

/* ----------------------------------------------------------- the file -- */

static bool npy_detect(const cf_io_file *file) {
  return file->head_size >= 6 && memcmp(file->head, magic, 6) == 0;
}

static cf_status file_header(cf_context *ctx, const cf_io_file *file, cf_npy *npy) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  char *text = NULL;
  size_t header, from = file->head[6] == 1 ? 10 : 12;
  CF_TRY(cf_npy_prefix(ctx, file->path, file->head, file->head_size, &header));
  if (header > file->size)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: truncated in the npy header (%zu bytes announced, the file has %" PRIu64 ")",
                   file->path, header, file->size));
  CF_TRY(CF_SCRATCH(ctx, &text, header));
  CF_TRY(cf_io_pread(ctx, file, from, text, header - from));
  CF_TRY(cf_npy_parse(ctx, file->path, text, header - from, npy));
  npy->header = header;
  if (!npy->refusal && npy->bytes > file->size - header)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: truncated: the header announces %zu bytes of data, the file has %" PRIu64,
                   file->path, npy->bytes, file->size - header));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status npy_list(cf_context *ctx, const cf_io_file *file, cf_io_listing *listing) {
  cf_npy npy;
  cf_status status = file_header(ctx, file, &npy);
  if (status != CF_OK) return status;
  char stored[256];
  snprintf(stored, sizeof stored, "%s%s%s%s", npy.stored, npy.refusal ? " (" : "", npy.refusal ? npy.refusal : "",
           npy.refusal ? ")" : "");
  return cf_io_listing_add(ctx, listing, "", npy.dtype, stored, !npy.refusal, npy.fortran, npy.ndim, npy.shape);
}

typedef struct file_stream {
  const cf_io_file *file;
  uint64_t offset;
} file_stream;

static cf_status pull_file(cf_context *ctx, void *payload, void *buffer, size_t size) {
  file_stream *s = payload;
  cf_status status = cf_io_pread(ctx, s->file, s->offset, buffer, size);
  s->offset += size;
  return status;
}

static cf_status npy_read(cf_context *ctx, const cf_io_file *file, const char *member, cf_array **out) {
  cf_npy npy;
  *out = NULL;
  cf_status status = file_header(ctx, file, &npy);
  if (status != CF_OK) return status;
  if (file->size - npy.header > npy.bytes && !npy.refusal)
    cf_warn(ctx, "%s: %" PRIu64 " bytes behind the array are ignored", file->path, file->size - npy.header - npy.bytes);
  file_stream stream = {file, npy.header};
  return cf_npy_read(ctx, file->path, member, &npy, pull_file, &stream, out);
}

static cf_status npy_open_blocks(cf_context *ctx, const cf_io_file *file, const char *member, cf_blocks *out) {
  (void)member;
  cf_npy npy;
  cf_status status = file_header(ctx, file, &npy);
  if (status != CF_OK) return status;
  if (npy.ndim != 2 || npy.refusal) return cf_fail(ctx, CF_ERR_INPUT, "%s: is not a matrix of numbers", file->path);
  cf_io_plain layout = {npy.header, npy.dtype, npy.swap, npy.fortran, npy.shape[0], npy.shape[1]};
  return cf_io_plain_blocks(ctx, file, &layout, out);
}

/* ----------------------------------------------------------- writing -- */

/* Decodes one character of valid UTF-8; stray bytes count as Latin-1. */
static const unsigned char *next_character(const unsigned char *p, uint32_t *c) {
  int more = *p >= 0xF0 ? 3 : *p >= 0xE0 ? 2 : *p >= 0xC2 ? 1 : 0;
  *c = more == 3 ? *p & 0x07u : more == 2 ? *p & 0x0Fu : more == 1 ? *p & 0x1Fu : *p;
  for (int i = 1; i <= more; i++) {
    if ((p[i] & 0xC0) != 0x80) {
      *c = *p;
      return p + 1;
    }
    *c = *c << 6 | (p[i] & 0x3Fu);
  }
  if (*c > 0x10FFFF) *c = 0xFFFD;
  return p + more + 1;
}

static size_t longest_text(const cf_array *array) {
  size_t longest = 1, n = cf_array_count(array);
  char *const *texts = array->data;
  for (size_t i = 0; i < n; i++) {
    size_t length = 0;
    uint32_t c;
    for (const unsigned char *p = (const unsigned char *)(texts[i] ? texts[i] : ""); *p; length++)
      p = next_character(p, &c);
    longest = CF_MAX(longest, length);
  }
  return longest;
}

/* Prefix and header of version 1, padded with spaces so that the data begin at a multiple of 64. Gives its length. */
static size_t make_header(const cf_array *array, char text[512], size_t *item) {
  static const char *const descr[] = {
      [CF_BOOL] = "b1", [CF_I8] = "i1",  [CF_U8] = "u1",  [CF_I16] = "i2", [CF_U16] = "u2",
      [CF_I32] = "i4",  [CF_U32] = "u4", [CF_I64] = "i8", [CF_U64] = "u8", [CF_F16] = "f2",
      [CF_BF16] = "f4", [CF_F32] = "f4", [CF_F64] = "f8", [CF_C64] = "c8", [CF_C128] = "c16"};
  char type[40], shape[CF_MAX_DIMS * 24] = "", order = little_endian() ? '<' : '>';
  *item = array->dtype == CF_BF16 ? 4 : cf_dtype_size(array->dtype);
  if (array->dtype == CF_TEXT) {
    size_t longest = longest_text(array);
    *item = 4 * longest;
    snprintf(type, sizeof type, "%cU%zu", order, longest);
  } else {
    snprintf(type, sizeof type, "%c%s", *item == 1 ? '|' : order, descr[array->dtype]);
  }
  size_t used = 0;
  for (int d = 0; d < array->ndim; d++)
    used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%zu%s", d ? ", " : "", array->shape[d],
                             array->ndim == 1 ? "," : "");
  int length = snprintf(text + 10, 502, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", type, shape);
  size_t header = (10 + (size_t)length + 1 + 63) / 64 * 64;
  memset(text + 10 + length, ' ', header - 10 - (size_t)length - 1);
  text[header - 1] = '\n';
  memcpy(text, "\x93NUMPY\x01\x00", 8);
  text[8] = (char)((header - 10) & 0xFF);
  text[9] = (char)((header - 10) >> 8);
  return header;
}

cf_status cf_npy_size(cf_context *ctx, const cf_array *array, uint64_t *out) {
  char text[512];
  size_t item, bytes;
  size_t header = make_header(array, text, &item);
  cf_status status = cf_size_mul(ctx, cf_array_count(array), item, &bytes);
  *out = (uint64_t)header + bytes;
  return status;
}

static void encode_ucs4(const char *text, uint32_t *out, size_t n) {
  const unsigned char *p = (const unsigned char *)(text ? text : "");
  memset(out, 0, n * sizeof *out);
  for (size_t k = 0; *p && k < n; k++) p = next_character(p, &out[k]);
}

cf_status cf_npy_header(cf_context *ctx, const cf_array *array, cf_npy_put put, void *payload) {
  char text[512];
  size_t item, header = make_header(array, text, &item);
  return put(ctx, payload, text, header);
}

cf_status cf_npy_write(cf_context *ctx, const cf_array *array, cf_npy_put put, void *payload) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  char text[512];
  cf_io_stream stream = {0};
  size_t item, n = cf_array_count(array);
  size_t header = make_header(array, text, &item);
  CF_TRY(put(ctx, payload, text, header));
  if (array->dtype == CF_TEXT) {
    uint32_t *wide = NULL;
    CF_TRY(CF_SCRATCH(ctx, &wide, item / 4));
    for (size_t i = 0; i < n; i++) {
      encode_ucs4(((char *const *)array->data)[i], wide, item / 4);
      CF_TRY(put(ctx, payload, wide, item));
    }
  } else if (array->dtype == CF_BF16) {
    for (size_t i = 0; i < n; i++) {
      float value = (float)cf_bf16_to_double(((const uint16_t *)array->data)[i]);
      CF_TRY(put(ctx, payload, &value, sizeof value));
    }
  } else if (array->stream.make) {
    CF_TRY(cf_io_stream_open(ctx, array, &stream));
    for (size_t first = 0, made; n && first < stream.pieces; first += made) {
      CF_TRY(cf_io_stream_batch(ctx, &stream, first, stream.pieces, &made));
      CF_TRY(put(ctx, payload, stream.buffer, made * stream.bytes));
    }
  } else {
    for (size_t at = 0, bytes = n * item; at < bytes;) {
      size_t part = CF_MIN(bytes - at, (size_t)16 << 20);
      CF_TRY(put(ctx, payload, (const char *)array->data + at, part));
      CF_TRY(cf_check_cancel(ctx));
      at += part;
    }
  }
done:
  cf_io_stream_close(&stream);
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status put_file(cf_context *ctx, void *payload, const void *data, size_t size) {
  cf_io_out *out = payload;
  cf_io_put(out, data, size);
  return out->error ? cf_io_write_error(ctx, out->path, out->error) : CF_OK;
}

/* npy holds one array: the set's first. That the others are left out is said once. */
static cf_status npy_write(cf_context *ctx, const char *temporary, const char *path, const cf_dataset *set,
                           const cf_io_write_options *options) {
  (void)options;
  cf_io_out *out = NULL;
  cf_status status = CF_OK;
  if (set->count > 1)
    cf_warn(ctx, "%s: npy holds one array: only \"%s\" of %zu is written; use .npz or .h5 for all", path,
            set->array[0]->name ? set->array[0]->name : "", set->count);
  CF_TRY(cf_io_out_open(ctx, temporary, path, &out));
  CF_TRY(cf_npy_write(ctx, set->array[0], put_file, out));
done:
  return cf_io_out_finish(ctx, out, status);
}

const cf_io_driver cf_io_driver_npy = {
    .info = {"npy", ".npy", "NumPy array: one array of any numeric type or of strings, either byte and axis order",
             true, true, true},
    .detect = npy_detect,
    .list = npy_list,
    .read = npy_read,
    .open_blocks = npy_open_blocks,
    .write = npy_write,
    .streams = true,
};
