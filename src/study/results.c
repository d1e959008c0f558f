/* The whole study's results: results.tsv, arrays.h5, provenance.json, and reading them back. */
#include "study/store.h"

#include <cortifold/io.h>
#include <cortifold/linalg.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "source_digest.h"

#define MAX_JSON ((size_t)1 << 30)

static cf_status read_json(cf_context *ctx, const char *path, cf_json **out) {
  char *text = NULL;
  size_t size;
  cf_status status = cf_io_read_bytes(ctx, path, MAX_JSON, &text, &size);
  if (status == CF_OK) status = cf_json_parse(ctx, path, text, size, out);
  cf_free(text);
  return status;
}

/* ---------------------------------------------------------- results.tsv -- */

typedef struct rows {
  cf_context *ctx;
  const char *task, *kind;
  char *text; /* grows by doubling */
  size_t used, capacity;
} rows;

static cf_status add_text(rows *r, const char *text) {
  size_t n = strlen(text);
  if (r->used + n + 1 > r->capacity) {
    size_t capacity = CF_MAX(r->capacity * 2, r->used + n + 4096);
    char *grown;
    cf_status status = CF_ALLOC(r->ctx, &grown, capacity);
    if (status != CF_OK) return status;
    if (r->used) memcpy(grown, r->text, r->used);
    cf_free(r->text);
    r->text = grown;
    r->capacity = capacity;
  }
  memcpy(r->text + r->used, text, n + 1);
  r->used += n;
  return CF_OK;
}

/* Tabs and newlines would break the table; names come from files. */
static void plain_cell(const char *text, char *cell, size_t size) {
  snprintf(cell, size, "%s", text);
  for (char *c = cell; *c; c++)
    if ((unsigned char)*c < 0x20) *c = ' ';
}

static cf_status add_row(rows *r, const char *section, const char *item, const char *statistic, const cf_json *value) {
  char line[1400], name[300], *number = cf_json_print(value, 0);
  if (!number) return cf_fail(r->ctx, CF_ERR_MEMORY, "not enough memory for results.tsv");
  plain_cell(item, name, sizeof name);
  snprintf(line, sizeof line, "%s\t%s\t%.200s\t%s\t%.200s\t%s\n", r->task, r->kind, section, name, statistic,
           strcmp(number, "null") == 0 ? "NA" : number);
  cf_free(number);
  return add_text(r, line);
}

static bool is_scalar(const cf_json *v) {
  return !cf_json_is_list(v) && !cf_json_is_object(v) && !cf_json_as_text(v);
}

/* The words that name one element of a list of objects. */
static void item_name(const cf_json *element, size_t i, char *out, size_t size) {
  const char *name = cf_json_as_text(cf_json_get(element, "name"));
  const char *a = cf_json_as_text(cf_json_get(element, "a")), *b = cf_json_as_text(cf_json_get(element, "b"));
  const char *layer = cf_json_as_text(cf_json_get(element, "layer"));
  if (name && layer)
    snprintf(out, size, "%s@%s", name, layer);
  else if (name)
    snprintf(out, size, "%s", name);
  else if (a && b)
    snprintf(out, size, "%s vs %s", a, b);
  else
    snprintf(out, size, "%zu", i);
}

static cf_status flatten(rows *r, const char *section, const char *item, const cf_json *object, int depth);

static cf_status flatten_list(rows *r, const char *section, const char *item, const char *key, const cf_json *list,
                              int depth) {
  bool interval = cf_json_count(list) == 2 && strstr(key, "ci") && strlen(key) <= 12;
  for (size_t i = 0; i < cf_json_count(list); i++) {
    const cf_json *v = cf_json_at(list, i);
    char text[300];
    cf_status status = CF_OK;
    if (cf_json_is_object(v)) {
      item_name(v, i, text, sizeof text);
      status = flatten(r, key, text, v, depth + 1);
    } else if (is_scalar(v)) {
      if (interval)
        snprintf(text, sizeof text, "%s_%s", key, i ? "high" : "low");
      else
        snprintf(text, sizeof text, "%.200s[%zu]", key, i);
      status = add_row(r, section, item, text, v);
    }
    if (status != CF_OK) return status;
  }
  return CF_OK;
}

static cf_status flatten(rows *r, const char *section, const char *item, const cf_json *object, int depth) {
  if (depth > 8) return CF_OK;
  for (size_t i = 0; i < cf_json_count(object); i++) {
    const char *key = cf_json_key(object, i);
    const cf_json *v = cf_json_value(object, i);
    cf_status status = CF_OK;
    if (cf_json_is_object(v))
      status = flatten(r, key, item, v, depth + 1);
    else if (cf_json_is_list(v))
      status = flatten_list(r, section, item, key, v, depth);
    else if (is_scalar(v))
      status = add_row(r, section, item, key, v);
    if (status != CF_OK) return status;
  }
  return CF_OK;
}

cf_status cf_store_rows(cf_context *ctx, const char *task, const char *kind, const cf_json *result, char **text) {
  rows r = {ctx, task, kind, *text, *text ? strlen(*text) : 0, *text ? strlen(*text) + 1 : 0};
  cf_status status = flatten(&r, "", "", result, 0);
  *text = r.text;
  return status;
}

/* ------------------------------------------------------ provenance.json -- */

static cf_json *machine(cf_context *ctx) {
  cf_json *m = cf_json_object();
  struct utsname name;
  char text[300] = "", line[512];
  if (uname(&name) == 0) snprintf(text, sizeof text, "%s %s %s", name.sysname, name.release, name.machine);
  cf_json_set(m, "system", cf_json_text(text));
  text[0] = '\0';
  FILE *cpu = fopen("/proc/cpuinfo", "r");
  while (cpu && fgets(line, sizeof line, cpu))
    if (sscanf(line, "model name : %299[^\n]", text) == 1) break;
  if (cpu) fclose(cpu);
  cf_json_set(m, "processor", cf_json_text(text));
  cf_json_set(m, "threads", cf_json_number(cf_context_threads(ctx)));
  cf_json_set(m, "memory_budget", cf_json_number((double)cf_context_memory(ctx)));
  cf_json_set(m, "blas", cf_json_text(cf_blas_name()));
  return m;
}

static cf_json *now_text(void) {
  char text[32];
  time_t now = time(NULL);
  struct tm utc;
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
  return cf_json_text(text);
}

/* A study on simulated data says so without being asked. */
static const char *banner_of(const cf_study *s) {
  if (s->banner) return s->banner;
  for (size_t i = 0; i < s->count; i++)
    if (strcmp(s->task[i].analysis->name, "simulate") == 0)
      return "Simulated data: everything below was computed from data that cortifold made itself, with a planted, "
             "known truth.";
  return NULL;
}

static cf_status study_facts(cf_context *ctx, const cf_study *s, double seconds, size_t ran, cf_json **out) {
  cf_json *p = *out = cf_json_object();
  if (!p) return cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for provenance.json");
  cf_json_set(p, "program", cf_json_text("cortifold"));
  cf_json_set(p, "version", cf_json_text(CF_VERSION));
  cf_json_set(p, "code", cf_json_text(CF_SOURCE_DIGEST));
  cf_json_set(p, "title", cf_json_text(s->title));
  if (s->description) cf_json_set(p, "description", cf_json_text(s->description));
  if (banner_of(s)) cf_json_set(p, "banner", cf_json_text(banner_of(s)));
  cf_json *manifest = cf_json_object();
  cf_json_set(manifest, "path", cf_json_text(s->manifest));
  cf_json_set(manifest, "sha256", cf_json_text(s->sha256));
  cf_json_set(p, "manifest", manifest);
  cf_json_set(p, "seed", cf_json_number((double)s->seed));
  cf_json_set(p, "finished", now_text());
  cf_json_set(p, "seconds", cf_json_number(seconds));
  cf_json_set(p, "tasks_run", cf_json_number((double)ran));
  cf_json_set(p, "tasks_from_cache", cf_json_number((double)(s->count - ran)));
  cf_json_set(p, "machine", machine(ctx));
  return CF_OK;
}

/* --------------------------------------------------------------- finish -- */

/* Moves the arrays of one task into the study's set as "<id>/<name>". */
static cf_status gather_arrays(cf_context *ctx, const char *path, const char *id, cf_dataset *all) {
  cf_status status = CF_OK;
  cf_dataset *set = NULL;
  struct stat info;
  if (stat(path, &info) != 0) return CF_OK; /* a task without arrays */
  CF_TRY(cf_io_read_all(ctx, path, &set));
  while (set->count > 0) {
    cf_array *a = set->array[--set->count];
    char *name;
    status = cf_sprintf(ctx, &name, "%s/%s", id, a->name);
    if (status != CF_OK) {
      cf_array_free(a);
      goto done;
    }
    cf_free(a->name);
    a->name = name;
    CF_TRY(cf_dataset_add(ctx, all, a));
  }
done:
  cf_dataset_free(set);
  return status;
}

static cf_status finish_task(cf_context *ctx, const cf_study *s, const cf_task *t, cf_json *list, char **table,
                             cf_dataset *all) {
  cf_status status = CF_OK;
  char *folder = NULL, *path = NULL;
  cf_json *envelope = NULL, *facts = NULL;
  CF_TRY(cf_task_folder(ctx, s, t, &folder));
  CF_TRY(cf_sprintf(ctx, &path, "%s/result.json", folder));
  CF_TRY(read_json(ctx, path, &envelope));
  cf_free(path);
  CF_TRY(cf_sprintf(ctx, &path, "%s/task.json", folder));
  CF_TRY(read_json(ctx, path, &facts));
  cf_free(path);
  /* id, title and note may have changed since the task ran: they are not part of its hash */
  cf_json *entry = cf_json_object();
  cf_json_set(entry, "id", cf_json_text(t->id));
  cf_json_set(entry, "kind", cf_json_text(t->analysis->name));
  cf_json_set(entry, "title", cf_json_text(t->title));
  if (t->note) cf_json_set(entry, "note", cf_json_text(t->note));
  cf_json_set(entry, "hash", cf_json_text(t->hash));
  const char *command = cf_json_as_text(cf_json_get(facts, "command"));
  cf_json_set(entry, "command", cf_json_text(command ? command : ""));
  cf_json_set(entry, "seconds", cf_json_number(cf_json_as_number(cf_json_get(facts, "seconds"))));
  cf_json_append(list, entry);
  CF_TRY(cf_store_rows(ctx, t->id, t->analysis->name, cf_json_get(envelope, "result"), table));
  CF_TRY(cf_sprintf(ctx, &path, "%s/arrays.h5", folder));
  CF_TRY(gather_arrays(ctx, path, t->id, all));
done:
  cf_json_free(envelope);
  cf_json_free(facts);
  cf_free(folder);
  cf_free(path);
  return status;
}

cf_status cf_store_finish(cf_context *ctx, const cf_study *s, double seconds, size_t ran) {
  cf_status status = CF_OK;
  char *table = NULL, *path = NULL, *text = NULL;
  cf_json *provenance = NULL, *list = cf_json_list();
  cf_dataset *all = NULL;
  const cf_io_write_options replace = {true, NULL, NULL};
  CF_TRY(study_facts(ctx, s, seconds, ran, &provenance));
  CF_TRY(cf_dataset_new(ctx, &all));
  CF_TRY(cf_strdup(ctx, "task\tkind\tsection\titem\tstatistic\tvalue\n", &table));
  for (size_t i = 0; i < s->count; i++) CF_TRY(finish_task(ctx, s, &s->task[i], list, &table, all));
  cf_json_set(provenance, "tasks", list);
  list = NULL;
  CF_TRY(cf_sprintf(ctx, &path, "%s/results.tsv", s->folder));
  CF_TRY(cf_io_write_bytes(ctx, path, table, strlen(table), true));
  cf_free(path);
  CF_TRY(cf_sprintf(ctx, &path, "%s/arrays.h5", s->folder));
  if (all->count) CF_TRY(cf_io_write(ctx, path, all, &replace));
  cf_free(path);
  CF_TRY(cf_sprintf(ctx, &path, "%s/provenance.json", s->folder)); /* last: its presence means that the rest is there */
  text = cf_json_print(provenance, 1);
  if (!text) {
    status = cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for %s", path);
    goto done;
  }
  CF_TRY(cf_io_write_bytes(ctx, path, text, strlen(text), true));
done:
  cf_json_free(list);
  cf_json_free(provenance);
  cf_dataset_free(all);
  cf_free(table);
  cf_free(path);
  cf_free(text);
  return status;
}

/* -------------------------------------------------------------- reading -- */

static cf_status copy_text(cf_context *ctx, const cf_json *object, const char *key, bool optional, char **out) {
  const char *text = cf_json_as_text(cf_json_get(object, key));
  if (!text && optional) return CF_OK;
  return cf_strdup(ctx, text ? text : "", out);
}

static cf_status read_task(cf_context *ctx, const char *folder, const cf_json *entry, cf_study_task *t) {
  cf_status status = CF_OK;
  char *path = NULL;
  struct stat info;
  const char *hash = cf_json_as_text(cf_json_get(entry, "hash"));
  if (!hash || strlen(hash) != 64 || strspn(hash, "0123456789abcdef") != 64)
    return cf_fail(ctx, CF_ERR_INPUT, "%s/provenance.json: a task has no valid hash", folder);
  CF_TRY(copy_text(ctx, entry, "id", false, &t->id));
  CF_TRY(copy_text(ctx, entry, "kind", false, &t->kind));
  CF_TRY(copy_text(ctx, entry, "title", false, &t->title));
  CF_TRY(copy_text(ctx, entry, "note", true, &t->note));
  CF_TRY(copy_text(ctx, entry, "command", false, &t->command));
  t->seconds = cf_json_as_number(cf_json_get(entry, "seconds"));
  CF_TRY(cf_sprintf(ctx, &path, "%s/tasks/%.16s/result.json", folder, hash));
  CF_TRY(read_json(ctx, path, &t->envelope));
  cf_free(path);
  path = NULL;
  CF_TRY(cf_sprintf(ctx, &path, "%s/tasks/%.16s/arrays.h5", folder, hash));
  if (stat(path, &info) == 0)
    CF_TRY(cf_io_read_all(ctx, path, &t->arrays));
  else
    CF_TRY(cf_dataset_new(ctx, &t->arrays));
done:
  cf_free(path);
  return status;
}

cf_status cf_study_results_read(cf_context *ctx, const char *folder, cf_study_results **out) {
  cf_status status = CF_OK;
  cf_study_results *r = NULL;
  char *path = NULL;
  struct stat info;
  *out = NULL;
  CF_TRY(CF_ALLOC(ctx, &r, 1));
  CF_TRY(cf_sprintf(ctx, &path, "%s/provenance.json", folder));
  if (stat(path, &info) != 0) {
    status = cf_fail(ctx, CF_ERR_INPUT,
                     "%s: no finished study is there (provenance.json is missing); run it with `cortifold study run`",
                     folder);
    goto done;
  }
  CF_TRY(read_json(ctx, path, &r->provenance));
  CF_TRY(copy_text(ctx, r->provenance, "title", false, &r->title));
  CF_TRY(copy_text(ctx, r->provenance, "description", true, &r->description));
  CF_TRY(copy_text(ctx, r->provenance, "banner", true, &r->banner));
  const cf_json *tasks = cf_json_get(r->provenance, "tasks");
  if (!cf_json_is_list(tasks)) {
    status = cf_fail(ctx, CF_ERR_INPUT, "%s: has no list of tasks", path);
    goto done;
  }
  CF_TRY(CF_ALLOC(ctx, &r->task, cf_json_count(tasks)));
  for (size_t i = 0; i < cf_json_count(tasks); i++) {
    r->count++;
    CF_TRY(read_task(ctx, folder, cf_json_at(tasks, i), &r->task[i]));
  }
  *out = r;
  r = NULL;
done:
  cf_study_results_free(r);
  cf_free(path);
  return status;
}

void cf_study_results_free(cf_study_results *r) {
  if (!r) return;
  for (size_t i = 0; i < r->count; i++) {
    cf_study_task *t = &r->task[i];
    cf_free(t->id);
    cf_free(t->title);
    cf_free(t->kind);
    cf_free(t->note);
    cf_free(t->command);
    cf_json_free(t->envelope);
    cf_dataset_free(t->arrays);
  }
  cf_free(r->task);
  cf_free(r->title);
  cf_free(r->description);
  cf_free(r->banner);
  cf_json_free(r->provenance);
  cf_free(r);
}
