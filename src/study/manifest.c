/* The manifest: YAML in, checked tasks out.
 *
 *   title, description, banner, output, seed     the study
 *   data:   {name: ADDRESS}                      names for inputs, used as $name
 *   tasks:  [{id, run, title, note, inputs, each, <option>: value ...}]
 *
 * Options are those of the analysis' table, by their long names. `each` repeats
 * a task for every combination of values of options and variables (each.h).  */
#include "study/manifest.h"
#include "study/each.h"

#include <cortifold/io.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_MANIFEST ((size_t)4 << 20)
#define MAX_TASKS    10000

typedef struct reading {
  cf_context *ctx;
  cf_study *study;
  size_t capacity;
} reading;

static cf_status fail_at(const reading *r, const cf_yaml *node, const char *format, ...) CF_PRINTF(3, 4);
static cf_status fail_at(const reading *r, const cf_yaml *node, const char *format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return cf_fail(r->ctx, CF_ERR_INPUT, "%s:%zu:%zu: %s", r->study->manifest, node->line, node->column, text);
}

/* A message from below, with the place in front; whatever it was, the manifest is bad input. */
static cf_status explain_at(const reading *r, const cf_yaml *node, cf_status status, const char *what) {
  if (status == CF_OK || status == CF_ERR_MEMORY || status == CF_ERR_CANCELLED) return status;
  return cf_explain(r->ctx, CF_ERR_INPUT, "%s:%zu:%zu: %s", r->study->manifest, node->line, node->column, what);
}

/* ------------------------------------------------------------- fields -- */

static cf_status check_keys(const reading *r, const cf_yaml *map, const char *const *allowed, const char *where) {
  for (size_t i = 0; i < map->count; i++) {
    bool known = false;
    char list[256] = "";
    for (const char *const *a = allowed; *a; a++) {
      known |= strcmp(*a, map->key[i]->text) == 0;
      snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", *list ? ", " : "", *a);
    }
    if (!known) return fail_at(r, map->key[i], "%s has no field \"%s\"; it takes %s", where, map->key[i]->text, list);
  }
  return CF_OK;
}

/* A text field; *out stays NULL when it is absent. */
static cf_status text_field(const reading *r, const cf_yaml *map, const char *key, char **out) {
  const cf_yaml *v = cf_yaml_get(map, key);
  if (!v) return CF_OK;
  if (v->kind != CF_YAML_SCALAR) return fail_at(r, v, "\"%s\" must be text", key);
  size_t n = strlen(v->text);
  while (n > 0 && v->text[n - 1] == '\n') v->text[--n] = '\0'; /* block text ends in a newline */
  return cf_strdup(r->ctx, v->text, out);
}

static bool good_id(const char *id) {
  size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
  return n > 0 && id[n] == '\0' && n <= 100 && id[0] != '-';
}

static cf_status read_seed(const reading *r, const cf_yaml *root) {
  const cf_yaml *v = cf_yaml_get(root, "seed");
  char *end = NULL;
  if (!v) return CF_OK;
  errno = 0;
  if (v->kind == CF_YAML_SCALAR) r->study->seed = strtoull(v->text, &end, 10);
  if (!end || end == v->text || *end || errno || v->text[0] == '-')
    return fail_at(r, v, "\"seed\" must be a whole number from 0");
  return CF_OK;
}

static cf_status read_names(const reading *r, const cf_yaml *map) {
  cf_status status = CF_OK;
  if (!map) return CF_OK;
  if (map->kind != CF_YAML_MAP) return fail_at(r, map, "\"data\" must map names to addresses (PATH[:MEMBER])");
  CF_TRY(CF_ALLOC(r->ctx, &r->study->name, map->count + 1));
  for (size_t i = 0; i < map->count; i++) {
    cf_name *n = &r->study->name[i];
    if (!good_id(map->key[i]->text))
      return fail_at(r, map->key[i], "name \"%s\" may hold only letters, digits, - and _", map->key[i]->text);
    if (map->value[i]->kind != CF_YAML_SCALAR || !*map->value[i]->text)
      return fail_at(r, map->value[i], "data \"%s\" must be an address (PATH[:MEMBER])", map->key[i]->text);
    n->line = map->value[i]->line;
    n->column = map->value[i]->column;
    r->study->names++;
    CF_TRY(cf_strdup(r->ctx, map->key[i]->text, &n->name));
    CF_TRY(cf_strdup(r->ctx, map->value[i]->text, &n->address));
  }
done:
  return status;
}

/* -------------------------------------------------------------- tasks -- */

static const char *const reserved[] = {"id", "run", "title", "note", "inputs", "each", NULL};

static bool is_reserved(const char *key) {
  for (const char *const *k = reserved; *k; k++)
    if (strcmp(*k, key) == 0) return true;
  return false;
}

/* A YAML list becomes the comma-separated text that the command line takes. */
static cf_status value_text(const reading *r, const cf_yaml *v, const cf_each *each, char **out) {
  cf_status status = CF_OK;
  char *text = NULL, *one = NULL, *longer = NULL;
  if (v->kind == CF_YAML_SCALAR) return cf_each_fill(r->ctx, each, v->text, false, out);
  if (v->kind == CF_YAML_MAP) return fail_at(r, v, "a value or a list is expected here, not a mapping");
  for (size_t i = 0; i < v->count; i++) {
    if (v->value[i]->kind != CF_YAML_SCALAR) CF_TRY(fail_at(r, v->value[i], "a plain value is expected here"));
    CF_TRY(cf_each_fill(r->ctx, each, v->value[i]->text, false, &one));
    CF_TRY(cf_sprintf(r->ctx, &longer, "%s%s%s", text ? text : "", text ? "," : "", one));
    cf_free(one);
    cf_free(text);
    one = NULL;
    text = longer;
  }
  *out = text;
  return text ? CF_OK : cf_strdup(r->ctx, "", out);
done:
  cf_free(one);
  cf_free(text);
  return status;
}

static cf_status set_option(const reading *r, cf_task *task, const cf_yaml *key, const cf_yaml *value,
                            const cf_each *each) {
  cf_status status = CF_OK;
  char *text = NULL, what[160];
  static const char *const elsewhere[] = {"output", "json", "force", "quiet", "verbose", "threads", "memory", NULL};
  for (const char *const *e = elsewhere; *e; e++)
    if (strcmp(*e, key->text) == 0)
      return fail_at(r, key, "task \"%s\": \"%s\" is for the command line of `study run`, not for a task", task->id,
                     key->text);
  CF_TRY(value_text(r, value, each, &text));
  status = cf_options_set(r->ctx, task->options, key->text, text);
  snprintf(what, sizeof what, "task \"%.100s\"", task->id);
  status = explain_at(r, key, status, what);
done:
  cf_free(text);
  return status;
}

/* The value that `each` gives a key, or NULL. */
static const cf_yaml *picked(const cf_each *each, const char *key) {
  for (size_t k = 0; each->map && k < each->map->count; k++)
    if (strcmp(each->map->key[k]->text, key) == 0) return cf_each_value(each->map->value[k], each->pick[k]);
  return NULL;
}

static cf_status read_inputs(const reading *r, const cf_yaml *node, const cf_each *each, cf_task *task) {
  cf_status status = CF_OK;
  const cf_yaml *own = picked(each, "inputs"), *in = own ? own : cf_yaml_get(node, "inputs");
  const cf_analysis *a = task->analysis;
  char *text = NULL;
  size_t n = !in ? 0 : in->kind == CF_YAML_LIST ? in->count : 1;
  if (n < (size_t)a->least || (a->most >= 0 && n > (size_t)a->most))
    return fail_at(r, in ? in : node, "task \"%s\": `%s` takes %s as \"inputs\", %zu given", task->id, a->name,
                   *a->arguments ? a->arguments : "nothing", n);
  for (size_t i = 0; i < n; i++) {
    const cf_yaml *v = in->kind == CF_YAML_LIST ? in->value[i] : in;
    if (v->kind != CF_YAML_SCALAR) return fail_at(r, v, "task \"%s\": an input must be an address", task->id);
    CF_TRY(cf_each_fill(r->ctx, each, v->text, false, &text));
    CF_TRY(cf_options_add_argument(r->ctx, task->options, text));
    cf_free(text);
    text = NULL;
  }
done:
  cf_free(text);
  return status;
}

/* Letters and digits of a value, for the id of an expanded task. */
static void append_id(char *id, size_t size, const char *value) {
  size_t n = strlen(id);
  if (n + 1 < size) id[n++] = '-';
  for (; *value && n + 1 < size; value++) {
    bool keep = (*value >= 'a' && *value <= 'z') || (*value >= 'A' && *value <= 'Z') ||
                (*value >= '0' && *value <= '9') || *value == '_' || *value == '-';
    if (*value != '$') id[n++] = keep ? *value : '_';
  }
  id[n] = '\0';
}

static cf_status grow_tasks(reading *r) {
  cf_study *s = r->study;
  if (s->count < r->capacity) return CF_OK;
  size_t capacity = CF_MAX((size_t)16, r->capacity * 2);
  cf_task *grown;
  cf_status status = CF_ALLOC(r->ctx, &grown, capacity);
  if (status != CF_OK) return status;
  if (s->count) memcpy(grown, s->task, s->count * sizeof *grown);
  cf_free(s->task);
  s->task = grown;
  r->capacity = capacity;
  return CF_OK;
}

static bool is_option(const cf_analysis *analysis, const char *key) {
  const cf_param *const tables[] = {analysis->params, cf_common_params()};
  for (size_t k = 0; k < 2; k++)
    for (const cf_param *p = tables[k]; p && p->name[0]; p++)
      if (strcmp(p->name, key) == 0) return true;
  return strcmp(key, "inputs") == 0;
}

/* Title and note with the names of the values; a title that says none of them gets the end of the id in brackets. */
static cf_status name_task(const reading *r, const cf_yaml *node, const cf_each *each, const char *suffix,
                           cf_task *task) {
  cf_status status = CF_OK;
  char *title = NULL, *note = NULL;
  bool told = false;
  CF_TRY(text_field(r, node, "title", &title));
  CF_TRY(text_field(r, node, "note", &note));
  for (size_t k = 0; title && each->map && k < each->map->count; k++)
    told = told || cf_each_uses(title, each->map->key[k]->text);
  if (note) CF_TRY(cf_each_fill(r->ctx, each, note, true, &task->note));
  if (!title)
    CF_TRY(cf_strdup(r->ctx, task->id, &task->title)); /* tells the copies apart already */
  else if (*suffix && !told)
    CF_TRY(cf_sprintf(r->ctx, &task->title, "%s (%s)", title, suffix + 1));
  else
    CF_TRY(cf_each_fill(r->ctx, each, title, true, &task->title));
done:
  cf_free(title);
  cf_free(note);
  return status;
}

static cf_status set_options(const reading *r, const cf_yaml *node, const cf_each *each, cf_task *task) {
  cf_status status = CF_OK;
  for (size_t i = 0; i < node->count; i++)
    if (!is_reserved(node->key[i]->text)) CF_TRY(set_option(r, task, node->key[i], node->value[i], each));
  for (size_t k = 0; each->map && k < each->map->count; k++) {
    const cf_yaml *key = each->map->key[k];
    if (!is_reserved(key->text) && is_option(task->analysis, key->text))
      CF_TRY(set_option(r, task, key, cf_each_value(each->map->value[k], each->pick[k]), each));
  }
done:
  return status;
}

/* One combination of `each`. */
static cf_status add_task(reading *r, const cf_yaml *node, const cf_analysis *analysis, const cf_each *each) {
  cf_status status = CF_OK;
  cf_study *s = r->study;
  char id[256], suffix[160] = "";
  for (size_t k = 0; each->map && k < each->map->count; k++)
    append_id(suffix, sizeof suffix, cf_each_name(each->map->value[k], each->pick[k]));
  snprintf(id, sizeof id, "%s%s", cf_yaml_get(node, "id")->text, suffix);
  if (cf_study_find(s, id, strlen(id)) < s->count) return fail_at(r, node, "two tasks have the id \"%s\"", id);
  if (s->count >= MAX_TASKS) return fail_at(r, node, "more than %d tasks", MAX_TASKS);
  CF_TRY(grow_tasks(r));
  cf_task *task = &s->task[s->count++];
  *task = (cf_task){.analysis = analysis, .line = node->line, .column = node->column};
  CF_TRY(cf_strdup(r->ctx, id, &task->id));
  CF_TRY(name_task(r, node, each, suffix, task));
  CF_TRY(cf_options_new(r->ctx, (const cf_param *const[]){analysis->params, cf_common_params()}, 2, &task->options));
  CF_TRY(read_inputs(r, node, each, task));
  CF_TRY(set_options(r, node, each, task));
done:
  return status;
}

/* Whether any value of the task holds {name}. */
static bool used_in(const cf_yaml *node, const char *name) {
  if (node->kind == CF_YAML_SCALAR) return cf_each_uses(node->text, name);
  for (size_t i = 0; i < node->count; i++)
    if (used_in(node->value[i], name)) return true;
  return false;
}

/* A value of an option may be a list when it has a name; a variable is one text. */
static cf_status check_values(const reading *r, const cf_yaml *key, const cf_yaml *values, bool option) {
  if (values->kind == CF_YAML_SCALAR || values->count == 0)
    return fail_at(r, values, "\"each\": \"%s\" needs a list of values, or a mapping of names to values", key->text);
  for (size_t i = 0; i < values->count; i++)
    if (values->value[i]->kind != CF_YAML_SCALAR &&
        !(option && values->kind == CF_YAML_MAP && values->value[i]->kind == CF_YAML_LIST))
      return fail_at(r, values->value[i], "a plain value is expected here");
  return CF_OK;
}

static cf_status check_each(const reading *r, const cf_yaml *node, const cf_analysis *analysis, const cf_yaml *each) {
  cf_status status = CF_OK;
  if (!each) return CF_OK;
  if (each->kind != CF_YAML_MAP || each->count > 8)
    return fail_at(r, each, "\"each\" maps up to 8 options or variables to lists of values");
  for (size_t k = 0; k < each->count; k++) {
    const cf_yaml *key = each->key[k];
    const bool option = is_option(analysis, key->text);
    CF_TRY(check_values(r, key, each->value[k], option));
    if (!option && !used_in(node, key->text))
      CF_TRY(fail_at(r, key, "\"each\": `%s` has no option \"%s\", and no value of the task holds {%s}", analysis->name,
                     key->text, key->text));
  }
done:
  return status;
}

static cf_status find_analysis(const reading *r, const cf_yaml *node, const cf_analysis **out) {
  const cf_yaml *run = cf_yaml_get(node, "run");
  if (!run || run->kind != CF_YAML_SCALAR) return fail_at(r, node, "a task needs \"run\": the name of an analysis");
  *out = cf_analysis_find(run->text);
  if (!*out) {
    char list[512] = "";
    for (size_t i = 0; cf_analysis_at(i); i++)
      if (!cf_analysis_at(i)->prints_only)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", *list ? ", " : "", cf_analysis_at(i)->name);
    return fail_at(r, run, "no analysis \"%s\"; there are %s", run->text, list);
  }
  if ((*out)->prints_only || strcmp(run->text, "convert") == 0)
    return fail_at(r, run, "`%s` writes for people or elsewhere; it cannot be a task", run->text);
  return CF_OK;
}

static cf_status read_task(reading *r, const cf_yaml *node) {
  cf_status status = CF_OK;
  const cf_analysis *analysis = NULL;
  size_t pick[8] = {0};
  if (node->kind != CF_YAML_MAP) return fail_at(r, node, "a task is a mapping with \"id\" and \"run\"");
  const cf_yaml *id = cf_yaml_get(node, "id"), *each = cf_yaml_get(node, "each");
  if (!id || id->kind != CF_YAML_SCALAR) return fail_at(r, node, "a task needs an \"id\"");
  if (!good_id(id->text))
    return fail_at(r, id, "id \"%s\" may hold only letters, digits, - and _, and must not begin with -", id->text);
  CF_TRY(find_analysis(r, node, &analysis));
  CF_TRY(check_each(r, node, analysis, each));
  const cf_each one = {each, pick};
  for (;;) {
    CF_TRY(add_task(r, node, analysis, &one));
    size_t k = each ? each->count : 0; /* the last option turns fastest */
    while (k > 0 && ++pick[k - 1] == each->value[k - 1]->count) pick[--k] = 0;
    if (k == 0) break;
  }
done:
  return status;
}

/* "examples/../out/./" -> "out": what people see in commands and messages. Folders that begin with ".." stay. */
static void shorten_path(char *path) {
  size_t start[256], parts = 0, used = 0;
  const bool absolute = *path == '/';
  const char *at = path + strspn(path, "/");
  if (strlen(path) > 500) return; /* more parts than start[] holds: left as it is */
  if (absolute) used = 1;
  for (bool last = *at == '\0'; !last;) {
    size_t n = strcspn(at, "/");
    const char *next = at + n + strspn(at + n, "/");
    last = *next == '\0'; /* looked at before the slash below may fall on it */
    bool up = n == 2 && at[0] == '.' && at[1] == '.', here = n == 1 && at[0] == '.';
    if (up && parts > 0 && strncmp(path + start[parts - 1], "../", 3) != 0) {
      used = start[--parts];
    } else if (!here && !(up && absolute && parts == 0)) {
      start[parts++] = used;
      memmove(path + used, at, n);
      used += n;
      path[used++] = '/';
    }
    at = next;
  }
  if (parts > 0) used--; /* the last slash */
  if (used == 0) path[used++] = '.';
  path[used] = '\0';
}

static cf_status read_root(reading *r, const cf_yaml *root) {
  static const char *const fields[] = {"cortifold", "title", "description", "banner", "output",
                                       "seed",      "data",  "tasks",       NULL};
  cf_status status = CF_OK;
  char *output = NULL, *version = NULL;
  if (root->kind != CF_YAML_MAP) return fail_at(r, root, "a manifest is a mapping with \"title\" and \"tasks\"");
  CF_TRY(check_keys(r, root, fields, "a manifest"));
  CF_TRY(text_field(r, root, "cortifold", &version));
  if (version && strcmp(version, "1") != 0) {
    status = fail_at(r, cf_yaml_get(root, "cortifold"),
                     "manifest version %s is not known; this program reads version 1", version);
    goto done;
  }
  CF_TRY(text_field(r, root, "title", &r->study->title));
  CF_TRY(text_field(r, root, "description", &r->study->description));
  CF_TRY(text_field(r, root, "banner", &r->study->banner));
  CF_TRY(text_field(r, root, "output", &output));
  CF_TRY(read_seed(r, root));
  CF_TRY(read_names(r, cf_yaml_get(root, "data")));
  if (!r->study->title) CF_TRY(cf_strdup(r->ctx, "Untitled study", &r->study->title));
  if (output && !*output) {
    status = fail_at(r, cf_yaml_get(root, "output"), "\"output\" must name a folder");
    goto done;
  }
  if (!output) CF_TRY(cf_strdup(r->ctx, "results", &output));
  CF_TRY(cf_sprintf(r->ctx, &r->study->folder, "%s%s", output[0] == '/' ? "" : r->study->base, output));
  shorten_path(r->study->folder);
  const cf_yaml *tasks = cf_yaml_get(root, "tasks");
  if (!tasks || tasks->kind != CF_YAML_LIST || tasks->count == 0) {
    status = fail_at(r, tasks ? tasks : root, "\"tasks\" must be a list with at least one task");
    goto done;
  }
  for (size_t i = 0; i < tasks->count; i++) CF_TRY(read_task(r, tasks->value[i]));
done:
  cf_free(output);
  cf_free(version);
  return status;
}

cf_status cf_manifest_read(cf_context *ctx, const char *path, cf_study *study) {
  cf_status status = CF_OK;
  char *text = NULL;
  size_t size = 0;
  cf_yaml *root = NULL;
  const char *slash = strrchr(path, '/');
  reading r = {ctx, study, 0};
  CF_TRY(cf_strdup(ctx, path, &study->manifest));
  CF_TRY(cf_sprintf(ctx, &study->base, "%.*s", slash ? (int)(slash - path + 1) : 0, path));
  CF_TRY(cf_io_read_bytes(ctx, path, MAX_MANIFEST, &text, &size));
  cf_sha256(text, size, study->sha256);
  CF_TRY(cf_yaml_parse(ctx, path, text, size, &root));
  CF_TRY(read_root(&r, root));
done:
  cf_yaml_free(root);
  cf_free(text);
  return status;
}

size_t cf_study_find(const cf_study *study, const char *id, size_t length) {
  for (size_t i = 0; i < study->count; i++)
    if (strncmp(study->task[i].id, id, length) == 0 && study->task[i].id[length] == '\0') return i;
  return study->count;
}
