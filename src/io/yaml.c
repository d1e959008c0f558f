/* The facade over libyaml.
 *
 * A manifest's fields are those of the analyses' option tables, so its schema
 * is known at run time only: the document is read as a tree, and the manifest
 * checks it against the tables. Aliases are expanded by copying, within limits
 * on depth and on the number of nodes, so cycles and "billion laughs" end in an
 * error.                                                                     */
#include "io/yaml.h"

#include <stdio.h>
#include <string.h>

#include <yaml.h>

#define MAX_DEPTH 32
#define MAX_NODES 200000

typedef struct reader {
  cf_context *ctx;
  const char *file;
  yaml_document_t *document;
  size_t nodes;
} reader;

void cf_yaml_free(cf_yaml *node) {
  if (!node) return;
  for (size_t i = 0; i < node->count; i++) {
    if (node->key) cf_yaml_free(node->key[i]);
    cf_yaml_free(node->value[i]);
  }
  cf_free(node->key);
  cf_free(node->value);
  cf_free(node->text);
  cf_free(node);
}

const cf_yaml *cf_yaml_get(const cf_yaml *map, const char *key) {
  if (map->kind != CF_YAML_MAP) return NULL;
  for (size_t i = 0; i < map->count; i++) {
    if (strcmp(map->key[i]->text, key) != 0) continue;
    const cf_yaml *v = map->value[i];
    bool null =
        v->kind == CF_YAML_SCALAR && v->plain && (!*v->text || !strcmp(v->text, "~") || !strcmp(v->text, "null"));
    return null ? NULL : v;
  }
  return NULL;
}

static cf_status convert(reader *r, int index, int depth, cf_yaml **out);

static cf_status convert_scalar(reader *r, const yaml_node_t *from, cf_yaml *node) {
  const char *text = (const char *)from->data.scalar.value;
  if (strlen(text) != from->data.scalar.length)
    return cf_fail(r->ctx, CF_ERR_INPUT, "%s:%zu:%zu: text holds a zero byte", r->file, node->line, node->column);
  node->plain = from->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
  return cf_strdup(r->ctx, text, &node->text);
}

static cf_status convert_list(reader *r, const yaml_node_t *from, int depth, cf_yaml *node) {
  cf_status status = CF_OK;
  size_t n = (size_t)(from->data.sequence.items.top - from->data.sequence.items.start);
  CF_TRY(CF_ALLOC(r->ctx, &node->value, n));
  for (size_t i = 0; i < n; i++) {
    CF_TRY(convert(r, from->data.sequence.items.start[i], depth + 1, &node->value[i]));
    node->count++;
  }
done:
  return status;
}

static bool has_key(const cf_yaml *node, const char *key) {
  for (size_t i = 0; i < node->count; i++)
    if (strcmp(node->key[i]->text, key) == 0) return true;
  return false;
}

static cf_status grow_map(reader *r, cf_yaml *node, size_t capacity) {
  cf_status status = CF_OK;
  cf_yaml **key = NULL, **value = NULL;
  CF_TRY(CF_ALLOC(r->ctx, &key, capacity));
  CF_TRY(CF_ALLOC(r->ctx, &value, capacity));
  if (node->count) {
    memcpy(key, node->key, node->count * sizeof *key);
    memcpy(value, node->value, node->count * sizeof *value);
  }
  cf_free(node->key);
  cf_free(node->value);
  node->key = key;
  node->value = value;
  return CF_OK;
done:
  cf_free(key);
  cf_free(value);
  return status;
}

/* `<<: *defaults`: entries that the map does not set itself. The merged node is consumed. */
static cf_status merge(reader *r, cf_yaml *node, cf_yaml *from) {
  cf_status status = CF_OK;
  if (from->kind != CF_YAML_MAP) {
    status = cf_fail(r->ctx, CF_ERR_INPUT, "%s:%zu:%zu: \"<<\" takes a mapping", r->file, from->line, from->column);
    goto done;
  }
  CF_TRY(grow_map(r, node, node->count + from->count + 1));
  for (size_t i = 0; i < from->count; i++) {
    if (has_key(node, from->key[i]->text)) continue;
    node->key[node->count] = from->key[i];
    node->value[node->count++] = from->value[i];
    from->key[i] = from->value[i] = NULL;
  }
done:
  for (size_t i = 0; i < from->count; i++) { /* what was not moved; freed singly because the rest is gone */
    if (from->key) cf_yaml_free(from->key[i]);
    cf_yaml_free(from->value[i]);
  }
  from->count = 0;
  cf_yaml_free(from);
  return status;
}

static cf_status convert_map(reader *r, const yaml_node_t *from, int depth, cf_yaml *node) {
  cf_status status = CF_OK;
  cf_yaml *key = NULL, *value = NULL, *merged[8];
  size_t n = (size_t)(from->data.mapping.pairs.top - from->data.mapping.pairs.start), merges = 0;
  CF_TRY(grow_map(r, node, n));
  for (size_t i = 0; i < n; i++) {
    CF_TRY(convert(r, from->data.mapping.pairs.start[i].key, depth + 1, &key));
    if (key->kind != CF_YAML_SCALAR) {
      status = cf_fail(r->ctx, CF_ERR_INPUT, "%s:%zu:%zu: a key must be plain text", r->file, key->line, key->column);
      goto done;
    }
    CF_TRY(convert(r, from->data.mapping.pairs.start[i].value, depth + 1, &value));
    if (strcmp(key->text, "<<") == 0 && merges < 8) {
      merged[merges++] = value;
      value = NULL;
      cf_yaml_free(key);
      key = NULL;
      continue;
    }
    if (has_key(node, key->text)) {
      status = cf_fail(r->ctx, CF_ERR_INPUT, "%s:%zu:%zu: \"%s\" is given twice", r->file, key->line, key->column,
                       key->text);
      goto done;
    }
    node->key[node->count] = key;
    node->value[node->count++] = value;
    key = value = NULL;
  }
  while (merges > 0) CF_TRY(merge(r, node, merged[--merges]));
done:
  while (merges > 0) cf_yaml_free(merged[--merges]);
  cf_yaml_free(key);
  cf_yaml_free(value);
  return status;
}

static cf_status convert(reader *r, int index, int depth, cf_yaml **out) {
  cf_status status = CF_OK;
  cf_yaml *node = NULL;
  const yaml_node_t *from = yaml_document_get_node(r->document, index);
  size_t line = from->start_mark.line + 1, column = from->start_mark.column + 1;
  *out = NULL;
  if (depth > MAX_DEPTH)
    return cf_fail(r->ctx, CF_ERR_INPUT, "%s:%zu:%zu: nested deeper than %d levels (does an anchor contain itself?)",
                   r->file, line, column, MAX_DEPTH);
  if (++r->nodes > MAX_NODES)
    return cf_fail(r->ctx, CF_ERR_INPUT, "%s:%zu:%zu: more than %d entries after expanding aliases", r->file, line,
                   column, MAX_NODES);
  CF_TRY(CF_ALLOC(r->ctx, &node, 1));
  node->line = line;
  node->column = column;
  switch (from->type) {
  case YAML_SEQUENCE_NODE:
    node->kind = CF_YAML_LIST;
    CF_TRY(convert_list(r, from, depth, node));
    break;
  case YAML_MAPPING_NODE:
    node->kind = CF_YAML_MAP;
    CF_TRY(convert_map(r, from, depth, node));
    break;
  case YAML_SCALAR_NODE:
  case YAML_NO_NODE:
  default:
    CF_TRY(convert_scalar(r, from, node));
    break;
  }
  *out = node;
  node = NULL;
done:
  cf_yaml_free(node);
  return status;
}

static cf_status syntax_error(cf_context *ctx, const char *file, const yaml_parser_t *parser) {
  bool reader_error = parser->error == YAML_READER_ERROR;
  return cf_fail(ctx, CF_ERR_INPUT, "%s:%zu:%zu: not YAML: %s%s%s", file,
                 reader_error ? (size_t)1 : parser->problem_mark.line + 1,
                 reader_error ? parser->problem_offset + 1 : parser->problem_mark.column + 1,
                 parser->problem ? parser->problem : "unreadable", parser->context ? " " : "",
                 parser->context ? parser->context : "");
}

cf_status cf_yaml_parse(cf_context *ctx, const char *file, const char *text, size_t size, cf_yaml **out) {
  cf_status status = CF_OK;
  yaml_parser_t parser;
  yaml_document_t document, second;
  bool have = false;
  *out = NULL;
  if (!yaml_parser_initialize(&parser)) return cf_fail(ctx, CF_ERR_MEMORY, "not enough memory to read %s", file);
  yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
  if (!yaml_parser_load(&parser, &document)) {
    status = syntax_error(ctx, file, &parser);
    goto done;
  }
  have = true;
  if (!yaml_document_get_root_node(&document)) {
    status = cf_fail(ctx, CF_ERR_INPUT, "%s:1:1: the file holds nothing", file);
    goto done;
  }
  reader r = {ctx, file, &document, 0};
  CF_TRY(convert(&r, 1, 0, out));
  if (!yaml_parser_load(&parser, &second)) {
    status = syntax_error(ctx, file, &parser);
    goto done;
  }
  if (yaml_document_get_root_node(&second))
    status = cf_fail(ctx, CF_ERR_INPUT, "%s:%zu:1: a second document begins; a manifest is one", file,
                     second.start_mark.line + 1);
  yaml_document_delete(&second);
done:
  if (have) yaml_document_delete(&document);
  yaml_parser_delete(&parser);
  if (status != CF_OK) {
    cf_yaml_free(*out);
    *out = NULL;
  }
  return status;
}
