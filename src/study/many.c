/* Addresses that mean several files: those of a network, joined by '+' behind its kind, a folder, or a pattern. Their
 * contents all belong to what a task depends on. */
#include "study/many.h"

#include <ctype.h>
#include <dirent.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/internal.h"

void cf_many_free(cf_many *m) {
  for (size_t i = 0; i < m->n; i++) cf_free(m->path[i]), cf_free(m->name[i]);
  cf_free(m->path);
  cf_free(m->name);
  cf_free(m->address);
  cf_free(m->missing);
  *m = (cf_many){0};
}

static bool is_regular(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

static cf_status add(cf_context *ctx, cf_many *m, const char *path, const char *name) {
  cf_status status = CF_OK;
  if (m->n == m->room) {
    char **paths = NULL, **names = NULL;
    const size_t room = m->room ? 2 * m->room : 16;
    CF_TRY(CF_ALLOC(ctx, &paths, room));
    status = CF_ALLOC(ctx, &names, room);
    if (status != CF_OK) {
      cf_free(paths);
      goto done;
    }
    if (m->n) memcpy(paths, m->path, m->n * sizeof *paths), memcpy(names, m->name, m->n * sizeof *names);
    cf_free(m->path);
    cf_free(m->name);
    m->path = paths;
    m->name = names;
    m->room = room;
  }
  char *a = NULL, *b = NULL;
  CF_TRY(cf_strdup(ctx, path, &a));
  status = cf_strdup(ctx, name, &b);
  if (status != CF_OK) {
    cf_free(a);
    goto done;
  }
  m->path[m->n] = a;
  m->name[m->n++] = b;
done:
  return status;
}

/* [KIND:]FILE+FILE...: taken when every part is a file. */
static cf_status network(cf_context *ctx, const char *base, const char *address, cf_many *m) {
  cf_status status = CF_OK;
  size_t kind = 0;
  char *part = NULL, *full = NULL, *longer = NULL;
  while (isalnum((unsigned char)address[kind])) kind++;
  kind = address[kind] == ':' ? kind + 1 : 0;
  CF_TRY(cf_sprintf(ctx, &m->address, "%.*s", (int)kind, address));
  for (const char *at = address + kind;; at++) {
    const size_t length = strcspn(at, "+");
    CF_TRY(cf_sprintf(ctx, &part, "%.*s", (int)length, at));
    CF_TRY(cf_sprintf(ctx, &full, "%s%s", part[0] == '/' ? "" : base, part));
    if (!is_regular(full)) {
      cf_many_free(m);
      if (kind && strchr(part, '.')) m->missing = full, full = NULL; /* else PATH:MEMBER may be meant */
      goto done;
    }
    const char *slash = strrchr(part, '/');
    CF_TRY(add(ctx, m, full, slash ? slash + 1 : part));
    CF_TRY(cf_sprintf(ctx, &longer, "%s%s%s", m->address, m->n > 1 ? "+" : "", full));
    cf_free(m->address);
    cf_free(part);
    cf_free(full);
    m->address = longer;
    part = full = longer = NULL;
    at += length;
    if (!*at) break;
  }
done:
  cf_free(part);
  cf_free(full);
  return status;
}

static int by_bytes(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The visible files of a folder, in order of names. */
static cf_status folder(cf_context *ctx, const char *full, cf_many *m) {
  cf_status status = CF_OK;
  char *path = NULL;
  DIR *open = opendir(full);
  if (!open) goto done;
  for (const struct dirent *e; (e = readdir(open)) != NULL;) {
    if (e->d_name[0] == '.') continue;
    CF_TRY(cf_sprintf(ctx, &path, "%s/%s", full, e->d_name));
    if (is_regular(path)) CF_TRY(add(ctx, m, path, e->d_name));
    cf_free(path);
    path = NULL;
  }
  if (m->n) {
    qsort(m->path, m->n, sizeof *m->path, by_bytes);
    qsort(m->name, m->n, sizeof *m->name, by_bytes);
  }
done:
  if (open) closedir(open);
  cf_free(path);
  return status;
}

static cf_status pattern(cf_context *ctx, const char *full, cf_many *m) {
  cf_status status = CF_OK;
  glob_t found = {0};
  if (!strpbrk(full, "*?[") || glob(full, 0, NULL, &found) != 0) goto done;
  for (size_t i = 0; i < found.gl_pathc; i++) {
    const char *slash = strrchr(found.gl_pathv[i], '/');
    if (is_regular(found.gl_pathv[i])) CF_TRY(add(ctx, m, found.gl_pathv[i], slash ? slash + 1 : found.gl_pathv[i]));
  }
done:
  globfree(&found);
  return status;
}

cf_status cf_many_find(cf_context *ctx, const char *base, const char *address, cf_many *out) {
  cf_status status = CF_OK;
  char *full = NULL;
  *out = (cf_many){0};
  CF_TRY(network(ctx, base, address, out));
  if (out->n) goto done;
  CF_TRY(cf_sprintf(ctx, &full, "%s%s", address[0] == '/' ? "" : base, address));
  CF_TRY(folder(ctx, full, out));
  if (!out->n) CF_TRY(pattern(ctx, full, out));
  if (out->n) CF_TRY(cf_strdup(ctx, full, &out->address));
done:
  cf_free(full);
  if (status != CF_OK) cf_many_free(out);
  return status;
}
