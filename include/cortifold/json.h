/* cortifold/json.h - JSON values: the library's results, side-car files and
 * headers. Objects keep their insertion order. NaN and infinities are written
 * as null; bytes that are not UTF-8 become U+FFFD. A facade; the parser rejects
 * duplicate keys and nesting deeper than 256 levels.                         */
#ifndef CORTIFOLD_JSON_H
#define CORTIFOLD_JSON_H

#include <cortifold/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cf_json cf_json; /* opaque; reference-free: each value has one owner */

/* New values; NULL when memory is short (cf_json_set and cf_json_append take that as failure). */
CF_API cf_json *cf_json_object(void);
CF_API cf_json *cf_json_list(void);
CF_API cf_json *cf_json_text(const char *text);
CF_API cf_json *cf_json_number(double value);   /* integers up to 2^53 print without a point */
CF_API cf_json *cf_json_integer(int64_t value); /* all 64 bits */
CF_API cf_json *cf_json_bool(bool value);
CF_API cf_json *cf_json_null(void);
CF_API cf_json *cf_json_numbers(const double *values, size_t n);
CF_API void cf_json_free(cf_json *value);
/* Takes value (also when it is NULL or memory is short: then false).        */
CF_API bool cf_json_set(cf_json *object, const char *key, cf_json *value);
CF_API bool cf_json_append(cf_json *list, cf_json *value);

CF_API const cf_json *cf_json_get(const cf_json *object, const char *key); /* NULL when absent */
CF_API size_t cf_json_count(const cf_json *value);                         /* entries of list or object */
CF_API const cf_json *cf_json_at(const cf_json *list, size_t i);
CF_API const char *cf_json_key(const cf_json *object, size_t i);
CF_API const cf_json *cf_json_value(const cf_json *object, size_t i);
CF_API const char *cf_json_as_text(const cf_json *value); /* NULL unless text */
CF_API double cf_json_as_number(const cf_json *value);    /* NaN unless number */
CF_API bool cf_json_as_bool(const cf_json *value);
CF_API bool cf_json_is_object(const cf_json *value);
CF_API bool cf_json_is_list(const cf_json *value);
CF_API bool cf_json_is_number(const cf_json *value);
CF_API bool cf_json_is_bool(const cf_json *value);
/* Integer tokens keep 64 bits: true and *out when value is an integer.      */
CF_API bool cf_json_as_integer(const cf_json *value, int64_t *out);

/* Text of a value, freed with cf_free; indent 0 is one line. Numbers have 17 significant digits at most, shortest that
 * reads back the same.                                                      */
CF_API char *cf_json_print(const cf_json *value, int indent);
/* CF_ERR_INPUT with line and column. what names the source in the message.  */
CF_API CF_CHECKED cf_status cf_json_parse(cf_context *ctx, const char *what, const char *text, size_t size,
                                          cf_json **out);

#ifdef __cplusplus
}
#endif
#endif
