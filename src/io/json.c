/* JSON values on jansson: the only file that includes its header.
 *
 * A cf_json is a json_t whose one reference the owner holds. Numbers are printed by our own loop: the shortest of
 * "%.1g" .. "%.17g" that strtod reads back as the same double, so that results neither lose bits nor grow tails. */
#include <cortifold/json.h>

#include <jansson.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON_DEPTH 256

static json_t *in(cf_json *value) {
  return (json_t *)(void *)value;
}
/* jansson's getters take non-const pointers without changing anything. */
static json_t *look(const cf_json *value) {
  return (json_t *)(uintptr_t)(const void *)value;
}
static cf_json *out(json_t *value) {
  return (cf_json *)(void *)value;
}

/* Length of the valid UTF-8 sequence at p, 0 when there is none. */
static size_t utf8_length(const unsigned char *p) {
  if (p[0] < 0x80) return 1;
  if (p[0] < 0xC2 || p[0] > 0xF4) return 0;
  size_t n = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
  for (size_t i = 1; i < n; i++)
    if ((p[i] & 0xC0) != 0x80) return 0;
  if (p[0] == 0xE0 && p[1] < 0xA0) return 0; /* overlong */
  if (p[0] == 0xED && p[1] > 0x9F) return 0; /* surrogate */
  if (p[0] == 0xF0 && p[1] < 0x90) return 0;
  if (p[0] == 0xF4 && p[1] > 0x8F) return 0;
  return n;
}

/* Copy of text in which every stray byte is U+FFFD; caller frees. NULL when memory is short. */
static char *utf8_clean(const char *text) {
  size_t length = strlen(text), used = 0;
  if (length > SIZE_MAX / 3 - 1) return NULL;
  char *copy = malloc(3 * length + 1);
  if (!copy) return NULL;
  for (const unsigned char *p = (const unsigned char *)text; *p;) {
    size_t n = utf8_length(p);
    if (n) {
      memcpy(copy + used, p, n);
      used += n;
      p += n;
    } else {
      memcpy(copy + used, "\xEF\xBF\xBD", 3);
      used += 3;
      p++;
    }
  }
  copy[used] = 0;
  return copy;
}

/* ---------------------------------------------------------- building -- */

cf_json *cf_json_object(void) {
  return out(json_object());
}
cf_json *cf_json_list(void) {
  return out(json_array());
}
cf_json *cf_json_bool(bool value) {
  return out(json_boolean(value));
}
cf_json *cf_json_null(void) {
  return out(json_null());
}
cf_json *cf_json_integer(int64_t value) {
  return out(json_integer(value));
}

cf_json *cf_json_text(const char *text) {
  if (!text) return cf_json_null();
  json_t *value = json_string(text);
  if (value) return out(value);
  char *clean = utf8_clean(text);
  if (!clean) return NULL;
  value = json_string(clean);
  free(clean);
  return out(value);
}

cf_json *cf_json_number(double value) {
  if (!isfinite(value)) return cf_json_null();
  bool whole = value == floor(value) && fabs(value) <= 9007199254740992.0 && !(value == 0 && signbit(value));
  return out(whole ? json_integer((json_int_t)value) : json_real(value));
}

cf_json *cf_json_numbers(const double *values, size_t n) {
  cf_json *list = cf_json_list();
  for (size_t i = 0; list && i < n; i++)
    if (!cf_json_append(list, cf_json_number(values[i]))) {
      cf_json_free(list);
      return NULL;
    }
  return list;
}

/* Counts releases, so that the cursor of cf_json_key() never follows a freed object. */
static atomic_uint_fast64_t releases;

void cf_json_free(cf_json *value) {
  if (!value) return;
  atomic_fetch_add(&releases, 1);
  json_decref(in(value));
}

bool cf_json_set(cf_json *object, const char *key, cf_json *value) {
  if (!value) return false;
  if (!object || !key || !json_is_object(in(object))) {
    cf_json_free(value);
    return false;
  }
  atomic_fetch_add(&releases, 1); /* an older value may go */
  char *clean = utf8_clean(key);
  if (!clean) {
    cf_json_free(value);
    return false;
  }
  bool done = json_object_set_new(in(object), clean, in(value)) == 0;
  free(clean);
  return done;
}

bool cf_json_append(cf_json *list, cf_json *value) {
  if (!value) return false;
  if (!list || !json_is_array(in(list))) {
    cf_json_free(value);
    return false;
  }
  return json_array_append_new(in(list), in(value)) == 0;
}

/* ----------------------------------------------------------- reading -- */

const cf_json *cf_json_get(const cf_json *object, const char *key) {
  return object && key ? out(json_object_get(look(object), key)) : NULL;
}

size_t cf_json_count(const cf_json *value) {
  if (cf_json_is_list(value)) return json_array_size(look(value));
  return cf_json_is_object(value) ? json_object_size(look(value)) : 0;
}

const cf_json *cf_json_at(const cf_json *list, size_t i) {
  return cf_json_is_list(list) ? out(json_array_get(look(list), i)) : NULL;
}

/* jansson walks objects as linked lists; this remembers the last place of each thread, which makes a loop over i
 * linear. */
static void *iterator_at(const cf_json *object, size_t i) {
  static _Thread_local struct {
    const cf_json *object;
    size_t i;
    void *iterator;
    uint_fast64_t release;
  } cursor;
  if (!cf_json_is_object(object) || i >= json_object_size(look(object))) return NULL;
  uint_fast64_t now = atomic_load(&releases);
  if (cursor.object != object || cursor.release != now || !cursor.iterator || cursor.i > i) {
    cursor.object = object;
    cursor.release = now;
    cursor.i = 0;
    cursor.iterator = json_object_iter(look(object));
  }
  while (cursor.i < i && cursor.iterator) {
    cursor.iterator = json_object_iter_next(look(object), cursor.iterator);
    cursor.i++;
  }
  return cursor.iterator;
}

const char *cf_json_key(const cf_json *object, size_t i) {
  void *iterator = iterator_at(object, i);
  return iterator ? json_object_iter_key(iterator) : NULL;
}

const cf_json *cf_json_value(const cf_json *object, size_t i) {
  void *iterator = iterator_at(object, i);
  return iterator ? out(json_object_iter_value(iterator)) : NULL;
}

const char *cf_json_as_text(const cf_json *value) {
  return value ? json_string_value(look(value)) : NULL;
}

double cf_json_as_number(const cf_json *value) {
  return cf_json_is_number(value) ? json_number_value(look(value)) : (double)NAN;
}

bool cf_json_as_bool(const cf_json *value) {
  return value && json_is_true(look(value));
}
bool cf_json_is_object(const cf_json *value) {
  return value && json_is_object(look(value));
}
bool cf_json_is_list(const cf_json *value) {
  return value && json_is_array(look(value));
}
bool cf_json_is_number(const cf_json *value) {
  return value && json_is_number(look(value));
}
bool cf_json_is_bool(const cf_json *value) {
  return value && json_is_boolean(look(value));
}

bool cf_json_as_integer(const cf_json *value, int64_t *result) {
  if (!value || !json_is_integer(look(value))) return false;
  *result = json_integer_value(look(value));
  return true;
}

/* ---------------------------------------------------------- printing -- */

typedef struct text_buffer {
  char *data;
  size_t used, size;
  bool short_of_memory;
} text_buffer;

static void put(text_buffer *b, const char *text, size_t n) {
  if (b->short_of_memory) return;
  if (n >= b->size - b->used) {
    size_t size = b->size;
    while (size <= SIZE_MAX / 2 && n >= size - b->used) size *= 2;
    char *data = n >= size - b->used ? NULL : realloc(b->data, size); /* cf_free() is free() */
    if (!data) {
      b->short_of_memory = true;
      return;
    }
    b->data = data;
    b->size = size;
  }
  memcpy(b->data + b->used, text, n);
  b->used += n;
  b->data[b->used] = 0;
}

static void put_text(text_buffer *b, const char *text, size_t n) {
  static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* pairs: character, what follows the backslash */
  size_t from = 0;
  put(b, "\"", 1);
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7F) continue;
    char escape[8];
    snprintf(escape, sizeof escape, "\\u%04x", c);
    for (size_t k = 0; k + 1 < sizeof letters; k += 2)
      if ((unsigned char)letters[k] == c) snprintf(escape, sizeof escape, "\\%c", letters[k + 1]);
    put(b, text + from, i - from);
    put(b, escape, strlen(escape));
    from = i + 1;
  }
  put(b, text + from, n - from);
  put(b, "\"", 1);
}

static void put_real(text_buffer *b, double value) {
  char text[40];
  if (!isfinite(value)) {
    put(b, "null", 4);
    return;
  }
  if (value == 0) {
    put(b, signbit(value) ? "-0.0" : "0", signbit(value) ? 4 : 1);
    return;
  }
  if (value == floor(value) && fabs(value) <= 9007199254740992.0) {
    snprintf(text, sizeof text, "%.0f", value);
  } else {
    /* Decimals of up to 15 digits survive the way through a double, and %g drops trailing zeros: 15 covers all shorter
     * ones, except below the normal range. */
    for (int digits = fabs(value) < 2.3e-308 ? 1 : 15; digits <= 17; digits++) {
      snprintf(text, sizeof text, "%.*g", digits, value);
      if (strtod(text, NULL) == value) break;
    }
  }
  char *comma = strchr(text, ','); /* a locale's decimal comma */
  if (comma) *comma = '.';
  put(b, text, strlen(text));
}

static void put_break(text_buffer *b, int indent, int depth) {
  if (!indent) return;
  put(b, "\n", 1);
  for (int i = 0; i < indent * depth; i++) put(b, " ", 1);
}

/* Lists of plain values stay on one line whatever the indent: a matrix prints a row a line. */
static bool is_flat(json_t *list) {
  for (size_t i = 0; i < json_array_size(list); i++) {
    json_t *entry = json_array_get(list, i);
    if (json_is_array(entry) || json_is_object(entry)) return false;
  }
  return true;
}

static void put_value(text_buffer *b, json_t *value, int indent, int depth);

static void put_object(text_buffer *b, json_t *value, int indent, int depth) {
  const char *key;
  json_t *entry;
  size_t i = 0;
  put(b, "{", 1);
  json_object_foreach(value, key, entry) {
    if (i++) put(b, ", ", indent ? 1 : 2);
    put_break(b, indent, depth + 1);
    put_text(b, key, strlen(key));
    put(b, ": ", 2);
    put_value(b, entry, indent, depth + 1);
  }
  if (i) put_break(b, indent, depth);
  put(b, "}", 1);
}

static void put_list(text_buffer *b, json_t *value, int indent, int depth) {
  bool flat = !indent || is_flat(value);
  put(b, "[", 1);
  for (size_t i = 0; i < json_array_size(value); i++) {
    if (i) put(b, ", ", flat ? 2 : 1);
    if (!flat) put_break(b, indent, depth + 1);
    put_value(b, json_array_get(value, i), indent, depth + 1);
  }
  if (!flat) put_break(b, indent, depth);
  put(b, "]", 1);
}

static void put_value(text_buffer *b, json_t *value, int indent, int depth) {
  char text[32];
  switch (json_typeof(value)) {
  case JSON_OBJECT:
    put_object(b, value, indent, depth);
    break;
  case JSON_ARRAY:
    put_list(b, value, indent, depth);
    break;
  case JSON_STRING:
    put_text(b, json_string_value(value), json_string_length(value));
    break;
  case JSON_INTEGER:
    snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    put(b, text, strlen(text));
    break;
  case JSON_REAL:
    put_real(b, json_real_value(value));
    break;
  case JSON_TRUE:
    put(b, "true", 4);
    break;
  case JSON_FALSE:
    put(b, "false", 5);
    break;
  case JSON_NULL:
    put(b, "null", 4);
    break;
  }
}

char *cf_json_print(const cf_json *value, int indent) {
  if (!value) return NULL;
  text_buffer b = {NULL, 0, 256, false};
  b.data = malloc(b.size);
  if (!b.data) return NULL;
  put_value(&b, look(value), indent < 0 ? 0 : indent, 0);
  if (!b.short_of_memory) return b.data;
  cf_free(b.data);
  return NULL;
}

/* ----------------------------------------------------------- parsing -- */

/* Where nesting first goes deeper than allowed, or size. The parser recurses, so this is looked at before it runs. */
static size_t too_deep(const char *text, size_t size) {
  size_t depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < size; i++) {
    char c = text[i];
    if (quoted) {
      if (c == '\\')
        i++;
      else if (c == '"')
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > JSON_DEPTH) return i;
    } else if ((c == ']' || c == '}') && depth) {
      depth--;
    }
  }
  return size;
}

cf_status cf_json_parse(cf_context *ctx, const char *what, const char *text, size_t size, cf_json **result) {
  *result = NULL;
  size_t deep = too_deep(text, size);
  if (deep < size) {
    size_t line = 1, column = 1;
    for (size_t i = 0; i < deep; i++) {
      column++;
      if (text[i] == '\n') line++, column = 1;
    }
    return cf_fail(ctx, CF_ERR_INPUT, "%s: JSON is nested deeper than %d levels (line %zu, column %zu)", what,
                   JSON_DEPTH, line, column);
  }
  json_error_t error;
  json_t *value = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
  if (value) {
    *result = out(value);
    return CF_OK;
  }
  if (json_error_code(&error) == json_error_out_of_memory)
    return cf_fail(ctx, CF_ERR_MEMORY, "%s: not enough memory to read the JSON", what);
  for (char *c = error.text; *c; c++)
    if ((unsigned char)*c < 0x20 || *c == 0x7F) *c = ' ';
  return cf_fail(ctx, CF_ERR_INPUT, "%s: not valid JSON: %s (line %d, column %d)", what, error.text,
                 error.line > 0 ? error.line : 1, error.column > 0 ? error.column : 1);
}
