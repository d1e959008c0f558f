/* Growing text for SVG and HTML, with one escaping rule for both; not installed.
 *
 * Failures are sticky: writing goes on doing nothing and cf_text_status() tells at the end. */
#ifndef CF_FIGURE_TEXT_H
#define CF_FIGURE_TEXT_H
#include <cortifold/base.h>

typedef struct cf_text {
  cf_context *ctx;
  char *data; /* zero-terminated once something was written; freed by cf_text_free */
  size_t size, capacity;
  cf_status status;
} cf_text;

void cf_text_init(cf_text *text, cf_context *ctx);
void cf_text_free(cf_text *text);
cf_status cf_text_status(const cf_text *text);
void cf_text_bytes(cf_text *text, const char *bytes, size_t size);
void cf_text_put(cf_text *text, const char *raw);
/* Escapes & < > " ' and makes any bytes valid: control characters and broken UTF-8 become U+FFFD, tabs and line ends a
 * space. The result is safe as XML or HTML content and inside a quoted attribute. */
void cf_text_escape(cf_text *text, const char *any);
/* JSON made safe inside a script element: < > & and U+2028/9 become \u escapes (they occur inside strings only). */
void cf_text_script_json(cf_text *text, const char *json);
void cf_text_base64(cf_text *text, const void *bytes, size_t size);
/* Template writer. In `format`: $s raw text, $t escaped text, $n coordinate (double, two decimals at most), $v value
 * (double, six digits), $w the same with twelve, $d value for people (double, three digits, typographic minus), $i int,
 * $$ a dollar. */
void cf_text_write(cf_text *text, const char *format, ...);

/* A value for people into buffer: three significant digits, U+2212 as minus, "n/a" for NaN. */
const char *cf_text_value(double value, char *buffer, size_t size);
/* With a fixed number of decimals. */
const char *cf_text_fixed(double value, int decimals, char *buffer, size_t size);
/* "p = 0.012", "p < 0.0001", "" for NaN. */
const char *cf_text_p(double p, char *buffer, size_t size);
/* Approximate width of UTF-8 text in units of the font size (sans-serif metrics). */
double cf_text_width(const char *any);
/* Copies as much of `any` as fits in `ems`, ending in an ellipsis when cut (true). */
bool cf_text_fit(const char *any, double ems, char *buffer, size_t size);

#endif
