/* Values of `each` and the variables that stand for them in a task's texts. */
#include "study/each.h"

#include <string.h>

size_t cf_each_count(const cf_yaml *values) {
  return values->count;
}

const char *cf_each_name(const cf_yaml *values, size_t i) {
  return values->kind == CF_YAML_MAP ? values->key[i]->text : values->value[i]->text;
}

const cf_yaml *cf_each_value(const cf_yaml *values, size_t i) {
  return values->value[i];
}

/* Length of "{name}" when the text begins with it, else 0. */
static size_t variable_length(const char *text, const char *name) {
  const size_t n = strlen(name);
  return text[0] == '{' && strncmp(text + 1, name, n) == 0 && text[n + 1] == '}' ? n + 2 : 0;
}

bool cf_each_uses(const char *text, const char *name) {
  for (const char *at = strchr(text, '{'); at; at = strchr(at + 1, '{'))
    if (variable_length(at, name)) return true;
  return false;
}

/* What stands for the variable that the text begins with; NULL when it begins with none. */
static const char *value_at(const cf_each *each, const char *text, bool names, size_t *length) {
  for (size_t k = 0; each->map && k < each->map->count; k++) {
    *length = variable_length(text, each->map->key[k]->text);
    if (!*length) continue;
    const cf_yaml *values = each->map->value[k];
    if (names) return cf_each_name(values, each->pick[k]);
    return cf_each_value(values, each->pick[k])->text; /* NULL for a list of values */
  }
  return NULL;
}

cf_status cf_each_fill(cf_context *ctx, const cf_each *each, const char *text, bool names, char **out) {
  cf_status status = CF_OK;
  char *filled = NULL;
  CF_TRY(cf_strdup(ctx, "", &filled));
  while (*text) {
    size_t length = 0, plain = 1 + strcspn(text + 1, "{");
    const char *value = text[0] == '{' ? value_at(each, text, names, &length) : NULL;
    char *longer = NULL;
    CF_TRY(cf_sprintf(ctx, &longer, "%s%.*s", filled, value ? (int)strlen(value) : (int)plain, value ? value : text));
    cf_free(filled);
    filled = longer;
    text += value ? length : plain;
  }
  *out = filled;
  filled = NULL;
done:
  cf_free(filled);
  return status;
}
