/* The plan: which task needs which, in what order, and the content hash under
 * which a finished task is found again.
 *
 * hash = SHA-256(code digest, analysis, seed, every option and argument), where
 * an input file stands as the SHA-256 of its bytes and a reference to another
 * task as that task's hash. Paths, threads and memory do not count.          */
#include "study/manifest.h"
#include "study/many.h"

#include <ctype.h>
#include <cortifold/io.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "source_digest.h"

/* ------------------------------------------------ pieces of a value text -- */

/* Values may be comma-separated lists; each piece may be a reference. Next piece of *rest, or NULL. */
static const char *next_piece(const char **rest, size_t *length) {
  const char *at = *rest;
  if (!at) return NULL;
  *length = strcspn(at, ",");
  *rest = at[*length] ? at + *length + 1 : NULL;
  return at;
}

/* "$name:member" -> name length (after the dollar) and member or NULL. */
static size_t reference_name(const char *piece, size_t length, const char **member, size_t *member_length) {
  const char *colon = memchr(piece, ':', length);
  *member = colon ? colon + 1 : NULL;
  *member_length = colon ? length - (size_t)(colon + 1 - piece) : 0;
  return (colon ? (size_t)(colon - piece) : length) - 1;
}

static const cf_name *find_name(const cf_study *s, const char *name, size_t length) {
  for (size_t i = 0; i < s->names; i++)
    if (strncmp(s->name[i].name, name, length) == 0 && !s->name[i].name[length]) return &s->name[i];
  return NULL;
}

static cf_status fail_task(cf_context *ctx, const cf_study *s, const cf_task *t, const char *format, ...)
    CF_PRINTF(4, 5);
static cf_status fail_task(cf_context *ctx, const cf_study *s, const cf_task *t, const char *format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return cf_fail(ctx, CF_ERR_INPUT, "%s:%zu:%zu: task \"%s\": %s", s->manifest, t->line, t->column, t->id, text);
}

/* ------------------------------------------------------ walking a task -- */

static bool may_hold_address(cf_param_kind kind) {
  return kind == CF_PARAM_ADDRESS || kind == CF_PARAM_TEXT || kind == CF_PARAM_LIST;
}

/* Options that say how to run, not what to compute. */
static bool is_result_option(const char *name) {
  static const char *const others[] = {"output",  "json",   "force", "quiet", "verbose",
                                       "threads", "memory", "seed",  NULL};
  for (const char *const *o = others; *o; o++)
    if (strcmp(*o, name) == 0) return false;
  return true;
}

/* Calls body for every value text of the task: name is NULL for arguments. */
typedef cf_status (*value_fn)(void *payload, const cf_param *param, const char *text);
static cf_status each_value(const cf_task *t, const cf_options *o, bool defaults, value_fn body, void *payload) {
  for (size_t i = 0; i < cf_options_arguments(o); i++) {
    cf_status status = body(payload, NULL, cf_options_argument(o, i));
    if (status != CF_OK) return status;
  }
  const cf_param *const tables[] = {t->analysis->params, cf_common_params()};
  for (size_t k = 0; k < 2; k++) {
    for (const cf_param *p = tables[k]; p && p->name[0]; p++) {
      if (!is_result_option(p->name) || (!defaults && !cf_options_given(o, p->name))) continue;
      const char *text =
          p->kind == CF_PARAM_FLAG ? (cf_options_flag(o, p->name) ? "yes" : "no") : cf_options_text(o, p->name);
      cf_status status = text ? body(payload, p, text) : CF_OK;
      if (status != CF_OK) return status;
    }
  }
  return CF_OK;
}

/* --------------------------------------------------------------- order -- */

typedef struct needing {
  cf_context *ctx;
  cf_study *study;
  cf_task *task;
} needing;

static cf_status note_need(void *payload, const cf_param *param, const char *text) {
  needing *n = payload;
  const char *piece;
  size_t length;
  if (param && !may_hold_address(param->kind)) return CF_OK;
  while ((piece = next_piece(&text, &length))) {
    const char *member;
    size_t member_length;
    if (length == 0 || piece[0] != '$') continue;
    size_t name_length = reference_name(piece, length, &member, &member_length);
    if (find_name(n->study, piece + 1, name_length)) continue;
    size_t i = cf_study_find(n->study, piece + 1, name_length);
    if (i == n->study->count)
      return fail_task(n->ctx, n->study, n->task, "\"%.*s\" names neither an entry of \"data\" nor a task", (int)length,
                       piece);
    bool known = false;
    for (size_t k = 0; k < n->task->needs; k++) known |= n->task->need[k] == i;
    if (known) continue;
    size_t *grown;
    cf_status status = CF_ALLOC(n->ctx, &grown, n->task->needs + 1);
    if (status != CF_OK) return status;
    if (n->task->needs) memcpy(grown, n->task->need, n->task->needs * sizeof *grown);
    grown[n->task->needs++] = i;
    cf_free(n->task->need);
    n->task->need = grown;
  }
  return CF_OK;
}

/* Depth first in manifest order: state 1 is being visited, 2 is placed. */
static cf_status place(cf_context *ctx, cf_study *s, size_t i, unsigned char *state, size_t *placed) {
  if (state[i] == 2) return CF_OK;
  if (state[i] == 1)
    return fail_task(ctx, s, &s->task[i], "the task needs its own result (its references run in a circle)");
  state[i] = 1;
  for (size_t k = 0; k < s->task[i].needs; k++) {
    cf_status status = place(ctx, s, s->task[i].need[k], state, placed);
    if (status != CF_OK) return status;
  }
  state[i] = 2;
  s->order[(*placed)++] = i;
  return CF_OK;
}

cf_status cf_plan_order(cf_context *ctx, cf_study *s) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  unsigned char *state;
  size_t placed = 0;
  CF_TRY(CF_ALLOC(ctx, &s->order, s->count));
  CF_TRY(CF_SCRATCH(ctx, &state, s->count));
  memset(state, 0, s->count);
  for (size_t i = 0; i < s->count; i++) {
    needing n = {ctx, s, &s->task[i]};
    CF_TRY(each_value(&s->task[i], s->task[i].options, false, note_need, &n));
  }
  for (size_t i = 0; i < s->count; i++) CF_TRY(place(ctx, s, i, state, &placed));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------- resolving -- */

cf_status cf_task_folder(cf_context *ctx, const cf_study *s, const cf_task *t, char **out) {
  return cf_sprintf(ctx, out, "%s/tasks/%.16s", s->folder, t->hash);
}

bool cf_task_done(cf_context *ctx, const cf_study *s, const cf_task *t) {
  char *path = NULL;
  struct stat info;
  if (cf_sprintf(ctx, &path, "%s/tasks/%.16s/result.json", s->folder, t->hash) != CF_OK) return false;
  bool done = stat(path, &info) == 0;
  cf_free(path);
  return done;
}

static bool is_file(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

/* What one piece becomes: the address to read and the words that stand for it in the hash. */
typedef struct piece_text {
  char *address, *identity;
} piece_text;

static void piece_free(piece_text *p) {
  cf_free(p->address);
  cf_free(p->identity);
}

typedef struct hashes { /* of files already read in this plan */
  size_t count, capacity;
  struct {
    char *path, hex[65];
  } * file;
} hashes;

typedef struct resolving {
  cf_context *ctx;
  cf_study *study;
  cf_task *task;
  hashes *files;
  char *identity; /* grows */
} resolving;

static cf_status file_hash(resolving *r, const char *path, const char **hex) {
  hashes *h = r->files;
  cf_status status = CF_OK;
  for (size_t i = 0; i < h->count; i++)
    if (strcmp(h->file[i].path, path) == 0) {
      *hex = h->file[i].hex;
      return CF_OK;
    }
  if (h->count == h->capacity) {
    void *grown;
    size_t capacity = CF_MAX((size_t)16, h->capacity * 2);
    CF_TRY(cf_alloc_bytes(r->ctx, capacity, sizeof *h->file, &grown));
    if (h->count) memcpy(grown, h->file, h->count * sizeof *h->file);
    cf_free(h->file);
    h->file = grown;
    h->capacity = capacity;
  }
  CF_TRY(cf_sha256_file(r->ctx, path, h->file[h->count].hex));
  CF_TRY(cf_strdup(r->ctx, path, &h->file[h->count].path));
  *hex = h->file[h->count++].hex;
done:
  return status;
}

static cf_status append(cf_context *ctx, char **text, const char *separator, const char *more) {
  char *longer;
  cf_status status = cf_sprintf(ctx, &longer, "%s%s%s", *text ? *text : "", *text ? separator : "", more);
  if (status != CF_OK) return status;
  cf_free(*text);
  *text = longer;
  return CF_OK;
}

/* An address of several files: the contents of all count, and their names. *found: whether it is one. */
static cf_status resolve_many(resolving *r, const char *address, piece_text *out, bool *found) {
  cf_status status = CF_OK;
  cf_many many;
  const char *hex;
  *found = false;
  CF_TRY(cf_many_find(r->ctx, r->study->base, address, &many));
  if (!many.n && many.missing) CF_TRY(fail_task(r->ctx, r->study, r->task, "%s: no such file", many.missing));
  if (!many.n) goto done;
  for (size_t i = 0; i < many.n && status == CF_OK; i++) {
    status = file_hash(r, many.path[i], &hex);
    if (status == CF_OK) status = append(r->ctx, &out->identity, "+", many.name[i]);
    if (status == CF_OK) status = append(r->ctx, &out->identity, "=", hex);
  }
  out->address = many.address;
  many.address = NULL;
  *found = true;
done:
  cf_many_free(&many);
  return status;
}

/* An address of a file: relative to the manifest's folder. required: a file that is missing is an error. */
static cf_status resolve_file(resolving *r, const char *address, bool required, piece_text *out) {
  cf_status status = CF_OK;
  char *full = NULL, *path = NULL, *member = NULL;
  const char *hex;
  bool many;
  CF_TRY(cf_sprintf(r->ctx, &full, "%s%s", address[0] == '/' ? "" : r->study->base, address));
  CF_TRY(cf_io_split(r->ctx, full, &path, &member));
  if (is_file(path)) {
    CF_TRY(file_hash(r, path, &hex));
    CF_TRY(cf_sprintf(r->ctx, &out->identity, "file:%s:%s", hex, member ? member : ""));
    out->address = full;
    full = NULL;
    goto done;
  }
  if (required) {
    CF_TRY(resolve_many(r, address, out, &many));
    if (many) goto done;
    status = fail_task(r->ctx, r->study, r->task, "%s: no such file", path);
  } else {
    CF_TRY(cf_strdup(r->ctx, address, &out->address));
    CF_TRY(cf_sprintf(r->ctx, &out->identity, "text:%s", address));
  }
done:
  cf_free(full);
  cf_free(path);
  cf_free(member);
  return status;
}

/* The file of an entry of "data" with another member than the entry's own, if it has one. */
static cf_status with_member(resolving *r, const char *address, const char *member, size_t length, char **out) {
  cf_status status = CF_OK;
  char *full = NULL, *path = NULL, *own = NULL;
  const char *base = address[0] == '/' ? "" : r->study->base;
  CF_TRY(cf_sprintf(r->ctx, &full, "%s%s", base, address));
  CF_TRY(cf_io_split(r->ctx, full, &path, &own));
  CF_TRY(cf_sprintf(r->ctx, out, "%s:%.*s", path + strlen(base), (int)length, member));
done:
  cf_free(full);
  cf_free(path);
  cf_free(own);
  return status;
}

static cf_status resolve_reference(resolving *r, const char *piece, size_t length, piece_text *out) {
  cf_status status = CF_OK;
  const char *member;
  size_t member_length;
  size_t n = reference_name(piece, length, &member, &member_length);
  const cf_name *name = find_name(r->study, piece + 1, n);
  if (name) {
    char *address = NULL;
    if (!member) return resolve_file(r, name->address, true, out);
    CF_TRY(with_member(r, name->address, member, member_length, &address));
    status = resolve_file(r, address, true, out);
    cf_free(address);
    return status;
  }
  const cf_task *t = &r->study->task[cf_study_find(r->study, piece + 1, n)];
  CF_TRY(cf_sprintf(r->ctx, &out->address, "%s/tasks/%.16s/arrays.h5%s%.*s", r->study->folder, t->hash,
                    member ? ":" : "", (int)member_length, member ? member : ""));
  CF_TRY(cf_sprintf(r->ctx, &out->identity, "task:%s:%.*s", t->hash, (int)member_length, member ? member : ""));
done:
  return status;
}

static cf_status resolve_value(void *payload, const cf_param *param, const char *text) {
  resolving *r = payload;
  cf_status status = CF_OK;
  char *value = NULL, *line = NULL;
  piece_text p = {NULL, NULL};
  CF_TRY(cf_sprintf(r->ctx, &line, "%s=", param ? param->name : ""));
  if (param && !may_hold_address(param->kind)) {
    CF_TRY(cf_strdup(r->ctx, text, &value));
    CF_TRY(append(r->ctx, &line, "", text));
  } else {
    const char *piece, *rest = text;
    size_t length;
    while ((piece = next_piece(&rest, &length))) {
      char *plain = NULL;
      if (piece[0] == '$') {
        CF_TRY(resolve_reference(r, piece, length, &p));
      } else {
        CF_TRY(cf_sprintf(r->ctx, &plain, "%.*s", (int)length, piece));
        /* an option that also takes words ("none|shrinkage|FILE") lists them as choices; arguments that are words
         * and no files stand in small letters ("geometry") */
        const bool file = param ? param->kind == CF_PARAM_ADDRESS && !param->choices
                                : isupper((unsigned char)r->task->analysis->arguments[0]) != 0;
        status = resolve_file(r, plain, file, &p);
        cf_free(plain);
        if (status != CF_OK) goto done;
      }
      CF_TRY(append(r->ctx, &value, ",", p.address));
      CF_TRY(append(r->ctx, &line, ",", p.identity));
      piece_free(&p);
      p = (piece_text){NULL, NULL};
    }
  }
  if (!param)
    CF_TRY(cf_options_add_argument(r->ctx, r->task->resolved, value ? value : ""));
  else if (cf_options_given(r->task->options, param->name))
    CF_TRY(cf_options_set(r->ctx, r->task->resolved, param->name, value ? value : ""));
  CF_TRY(append(r->ctx, &r->identity, "\n", line));
done:
  piece_free(&p);
  cf_free(value);
  cf_free(line);
  return status;
}

/* A file that a manifest of the analysis' own names: by place, size and time of change, since such files may be large.
 */
static cf_status take_read(void *payload, const char *path) {
  resolving *r = payload;
  struct stat info;
  char text[160];
  cf_status status = CF_OK;
  if (stat(path, &info) != 0) return CF_OK; /* running the task will say so */
  snprintf(text, sizeof text, " %lld %lld.%09ld", (long long)info.st_size, (long long)info.st_mtim.tv_sec,
           info.st_mtim.tv_nsec);
  CF_TRY(append(r->ctx, &r->identity, "\nreads=", path));
  CF_TRY(append(r->ctx, &r->identity, "", text));
done:
  return status;
}

static cf_status hash_task(cf_context *ctx, cf_study *s, cf_task *t, hashes *files) {
  cf_status status = CF_OK;
  resolving r = {ctx, s, t, files, NULL};
  unsigned long long seed = (unsigned long long)s->seed;
  char own[32];
  cf_options_free(t->resolved);
  t->resolved = NULL;
  CF_TRY(cf_options_new(ctx, (const cf_param *const[]){t->analysis->params, cf_common_params()}, 2, &t->resolved));
  if (cf_options_given(t->options, "seed")) seed = (unsigned long long)cf_options_integer(t->options, "seed");
  snprintf(own, sizeof own, "%llu", seed);
  CF_TRY(cf_options_set(ctx, t->resolved, "seed", own));
  CF_TRY(cf_sprintf(ctx, &r.identity, "cortifold %s\nrun=%s\nseed=%s", CF_SOURCE_DIGEST, t->analysis->name, own));
  CF_TRY(each_value(t, t->options, true, resolve_value, &r));
  CF_TRY(cf_analysis_reads(ctx, t->analysis, t->resolved, take_read, &r));
  cf_sha256(r.identity, strlen(r.identity), t->hash);
done:
  cf_free(r.identity);
  return status;
}

cf_status cf_plan_hash(cf_context *ctx, cf_study *s) {
  cf_status status = CF_OK;
  hashes files = {0, 0, NULL};
  if (s->hashed) return CF_OK;
  for (size_t k = 0; k < s->count; k++) CF_TRY(hash_task(ctx, s, &s->task[s->order[k]], &files));
  s->hashed = true;
done:
  for (size_t i = 0; i < files.count; i++) cf_free(files.file[i].path);
  cf_free(files.file);
  return status;
}
