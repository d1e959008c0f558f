/* Text buffers, escaping, numbers for people, and approximate type metrics. */
#include "figure/text.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cf_text_init(cf_text *text, cf_context *ctx) {
  memset(text, 0, sizeof *text);
  text->ctx = ctx;
  text->status = CF_OK;
}

void cf_text_free(cf_text *text) {
  cf_free(text->data);
  text->data = NULL;
  text->size = text->capacity = 0;
}

cf_status cf_text_status(const cf_text *text) {
  return text->status;
}

void cf_text_bytes(cf_text *text, const char *bytes, size_t size) {
  if (text->status != CF_OK) return;
  if (text->size + size + 1 > text->capacity) {
    if (size > SIZE_MAX / 4 || text->size > SIZE_MAX / 4) {
      text->status = cf_fail(text->ctx, CF_ERR_MEMORY, "figure or report text too long");
      return;
    }
    size_t capacity = CF_MAX(2 * text->capacity, text->size + size + 1024);
    char *grown = NULL;
    text->status = CF_ALLOC(text->ctx, &grown, capacity);
    if (text->status != CF_OK) return;
    if (text->size) memcpy(grown, text->data, text->size);
    cf_free(text->data);
    text->data = grown;
    text->capacity = capacity;
  }
  if (size) memcpy(text->data + text->size, bytes, size);
  text->size += size;
  text->data[text->size] = '\0';
}

void cf_text_put(cf_text *text, const char *raw) {
  if (raw) cf_text_bytes(text, raw, strlen(raw));
}

/* Length of the well-formed UTF-8 sequence at s, 0 when it is broken; *code is its code point. */
static size_t utf8_sequence(const unsigned char *s, uint32_t *code) {
  if (s[0] < 0x80) {
    *code = s[0];
    return 1;
  }
  size_t length = s[0] >= 0xF0 && s[0] < 0xF5   ? 4
                  : s[0] >= 0xE0 && s[0] < 0xF0 ? 3
                  : s[0] >= 0xC2 && s[0] < 0xE0 ? 2
                                                : 0;
  if (length == 0) return 0;
  uint32_t value = s[0] & (0xFFu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((s[i] & 0xC0) != 0x80) return 0;
    value = (value << 6) | (s[i] & 0x3Fu);
  }
  static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < least[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return 0;
  *code = value;
  return length;
}

#define REPLACEMENT "\xEF\xBF\xBD"

void cf_text_escape(cf_text *text, const char *any) {
  const unsigned char *s = (const unsigned char *)(any ? any : "");
  while (*s) {
    uint32_t code = 0;
    size_t length = utf8_sequence(s, &code);
    if (length == 0) {
      cf_text_put(text, REPLACEMENT);
      ++s;
      continue;
    }
    switch (code) {
    case '&':
      cf_text_put(text, "&amp;");
      break;
    case '<':
      cf_text_put(text, "&lt;");
      break;
    case '>':
      cf_text_put(text, "&gt;");
      break;
    case '"':
      cf_text_put(text, "&quot;");
      break;
    case '\'':
      cf_text_put(text, "&#39;");
      break;
    case '\t':
    case '\n':
    case '\r':
      cf_text_put(text, " ");
      break;
    default:
      if (code < 0x20 || (code >= 0x7F && code < 0xA0) || (code & 0xFFFE) == 0xFFFE)
        cf_text_put(text, REPLACEMENT);
      else
        cf_text_bytes(text, (const char *)s, length);
    }
    s += length;
  }
}

void cf_text_script_json(cf_text *text, const char *json) {
  const char *from = json;
  const char *s = json;
  for (; *s; ++s) {
    const char *escape = NULL;
    size_t length = 1;
    if (*s == '<') escape = "\\u003c";
    if (*s == '>') escape = "\\u003e";
    if (*s == '&') escape = "\\u0026";
    if (strncmp(s, "\xE2\x80\xA8", 3) == 0) escape = "\\u2028", length = 3;
    if (strncmp(s, "\xE2\x80\xA9", 3) == 0) escape = "\\u2029", length = 3;
    if (!escape) continue;
    cf_text_bytes(text, from, (size_t)(s - from));
    cf_text_put(text, escape);
    from = s + length;
    s = from - 1;
  }
  cf_text_bytes(text, from, (size_t)(s - from));
}

void cf_text_base64(cf_text *text, const void *bytes, size_t size) {
  static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const unsigned char *b = bytes;
  char block[1024];
  size_t used = 0;
  for (size_t i = 0; i < size; i += 3) {
    uint32_t v = (uint32_t)b[i] << 16 | (i + 1 < size ? (uint32_t)b[i + 1] << 8 : 0) | (i + 2 < size ? b[i + 2] : 0);
    block[used++] = digit[v >> 18];
    block[used++] = digit[v >> 12 & 63];
    block[used++] = '=';
    block[used++] = '=';
    if (i + 1 < size) block[used - 2] = digit[v >> 6 & 63];
    if (i + 2 < size) block[used - 1] = digit[v & 63];
    if (used == sizeof block) {
      cf_text_bytes(text, block, used);
      used = 0;
    }
  }
  cf_text_bytes(text, block, used);
}

/* ------------------------------------------------------------- numbers -- */

/* snprintf with the point of the C locale whatever the program's locale is. */
static void plain_number(char *buffer, size_t size, const char *format, int digits, double value) {
  snprintf(buffer, size, format, digits, value);
  for (char *c = buffer; *c; ++c)
    if (*c == ',') *c = '.';
}

static void trim_zeros(char *buffer) {
  if (!strchr(buffer, '.') || strpbrk(buffer, "eE")) return;
  char *end = buffer + strlen(buffer);
  while (end[-1] == '0') *--end = '\0';
  if (end[-1] == '.') end[-1] = '\0';
  if (strcmp(buffer, "-0") == 0) strcpy(buffer, "0");
}

/* Puts U+2212 in front of what follows an ASCII minus. */
static const char *typographic(const char *plain, char *buffer, size_t size) {
  snprintf(buffer, size, "%s%s", plain[0] == '-' ? "\xE2\x88\x92" : "", plain[0] == '-' ? plain + 1 : plain);
  return buffer;
}

const char *cf_text_fixed(double value, int decimals, char *buffer, size_t size) {
  char plain[64];
  if (!isfinite(value))
    return typographic(isnan(value) ? "n/a" : value > 0 ? "\xE2\x88\x9E" : "-\xE2\x88\x9E", buffer, size);
  plain_number(plain, sizeof plain, "%.*f", decimals, value);
  if (plain[0] == '-' && strspn(plain + 1, "0.") == strlen(plain + 1)) memmove(plain, plain + 1, strlen(plain));
  return typographic(plain, buffer, size);
}

const char *cf_text_value(double value, char *buffer, size_t size) {
  if (!isfinite(value) || value == 0.0) return cf_text_fixed(value, 0, buffer, size);
  double magnitude = floor(log10(fabs(value)));
  if (magnitude >= 5 || magnitude < -3) {
    static const char *const raised[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    char number[64], digits[16], exponent[64] = "";
    cf_text_fixed(value / pow(10.0, magnitude), 2, number, sizeof number);
    snprintf(digits, sizeof digits, "%d", abs((int)magnitude));
    for (const char *c = digits; *c; ++c) strncat(exponent, raised[*c - '0'], sizeof exponent - strlen(exponent) - 1);
    snprintf(buffer, size, "%s×10%s%s", number, magnitude < 0 ? "⁻" : "", exponent);
    return buffer;
  }
  int decimals = CF_MAX(0, 2 - (int)magnitude);
  return cf_text_fixed(value, CF_MIN(decimals, value == floor(value) && magnitude >= 0 ? 0 : 4), buffer, size);
}

const char *cf_text_p(double p, char *buffer, size_t size) {
  char number[64];
  if (isnan(p))
    snprintf(buffer, size, "%s", "");
  else if (p < 0.0001)
    snprintf(buffer, size, "p < 0.0001");
  else
    snprintf(buffer, size, "p = %s", cf_text_fixed(p, p < 0.01 ? 4 : 3, number, sizeof number));
  return buffer;
}

void cf_text_write(cf_text *text, const char *format, ...) {
  char buffer[96], plain[64];
  va_list list;
  va_start(list, format);
  const char *from = format;
  for (const char *s = format; *s; ++s) {
    if (*s != '$') continue;
    cf_text_bytes(text, from, (size_t)(s - from));
    switch (*++s) {
    case 's':
      cf_text_put(text, va_arg(list, const char *));
      break;
    case 't':
      cf_text_escape(text, va_arg(list, const char *));
      break;
    case 'i':
      snprintf(buffer, sizeof buffer, "%d", va_arg(list, int));
      cf_text_put(text, buffer);
      break;
    case 'n': {
      double v = va_arg(list, double);
      plain_number(plain, sizeof plain, "%.*f", 2, isfinite(v) ? v : 0.0);
      trim_zeros(plain);
      cf_text_put(text, plain);
      break;
    }
    case 'w':
    case 'v': {
      double v = va_arg(list, double);
      plain_number(plain, sizeof plain, "%.*g", *s == 'w' ? 12 : 6, v);
      cf_text_put(text, isfinite(v) ? plain : "");
      break;
    }
    case 'd':
      cf_text_put(text, cf_text_value(va_arg(list, double), buffer, sizeof buffer));
      break;
    default:
      cf_text_put(text, "$");
      break;
    }
    from = s + 1;
  }
  cf_text_put(text, from);
  va_end(list);
}

/* ------------------------------------------------------------- metrics -- */

/* Advance widths of a common sans-serif face for U+0020..U+007E, in thousandths of the font size. */
static const short advance[95] = {278,  278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
                                  556,  556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
                                  1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
                                  667,  778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
                                  333,  556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
                                  556,  556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584};

static double code_width(uint32_t code) {
  if (code >= 0x20 && code < 0x7F) return advance[code - 0x20] / 1000.0;
  return code >= 0x2E80 ? 1.0 : 0.6;
}

double cf_text_width(const char *any) {
  double width = 0.0;
  for (const unsigned char *s = (const unsigned char *)(any ? any : ""); *s;) {
    uint32_t code = 0xFFFD;
    size_t length = utf8_sequence(s, &code);
    width += code_width(code);
    s += length ? length : 1;
  }
  return width;
}

bool cf_text_fit(const char *any, double ems, char *buffer, size_t size) {
  const char *source = any ? any : "";
  if (cf_text_width(source) <= ems && strlen(source) < size) {
    memcpy(buffer, source, strlen(source) + 1);
    return false;
  }
  static const char ellipsis[] = "\xE2\x80\xA6";
  double width = 0.6;
  size_t used = 0;
  for (const unsigned char *s = (const unsigned char *)source; *s;) {
    uint32_t code = 0xFFFD;
    size_t length = utf8_sequence(s, &code);
    if (length == 0) length = 1;
    width += code_width(code);
    if (width > ems || used + length + sizeof ellipsis > size) break;
    memcpy(buffer + used, s, length);
    used += length;
    s += length;
  }
  while (used > 0 && buffer[used - 1] == ' ') --used;
  memcpy(buffer + used, ellipsis, sizeof ellipsis);
  return true;
}
