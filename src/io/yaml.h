/* A YAML document as a tree of nodes that know their line and column; of a study or of a space of models. */
#ifndef CF_IO_YAML_H
#define CF_IO_YAML_H
#include "base/internal.h"

typedef enum cf_yaml_kind { CF_YAML_SCALAR, CF_YAML_LIST, CF_YAML_MAP } cf_yaml_kind;

typedef struct cf_yaml {
  cf_yaml_kind kind;
  size_t line, column; /* 1-based */
  char *text;          /* of a scalar */
  bool plain;          /* unquoted scalar: `~` and `null` mean absent */
  size_t count;        /* entries of a list or map */
  struct cf_yaml **key;
  struct cf_yaml **value;
} cf_yaml;

/* Parses exactly one document. Errors are CF_ERR_INPUT "file:line:column: ..." for syntax, duplicate keys, cyclic or
 * exploding anchors and depth over 32. Merge keys (<<) are honoured. */
cf_status cf_yaml_parse(cf_context *ctx, const char *file, const char *text, size_t size, cf_yaml **out);
void cf_yaml_free(cf_yaml *node);
/* Value of a key, or NULL; a plain null counts as absent. */
const cf_yaml *cf_yaml_get(const cf_yaml *map, const char *key);
#endif
