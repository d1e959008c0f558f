/* Writing the store: a task's folder appears whole or not at all.           */
#include "study/store.h"

#include <cortifold/io.h>

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static cf_status system_error(cf_context *ctx, const char *path) {
  return cf_fail(ctx, CF_ERR_FAILURE, "%s: %s", path, strerror(errno));
}

cf_status cf_make_folder(cf_context *ctx, const char *path) {
  cf_status status = CF_OK;
  char *part = NULL;
  struct stat info;
  CF_TRY(cf_strdup(ctx, path, &part));
  for (char *c = part + 1;; c++) {
    if (*c != '/' && *c != '\0') continue;
    char kept = *c;
    *c = '\0';
    if (mkdir(part, 0777) != 0 && errno != EEXIST) {
      status = system_error(ctx, part);
      goto done;
    }
    *c = kept;
    if (kept == '\0') break;
  }
  if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
    errno = ENOTDIR;
    status = system_error(ctx, path);
  }
done:
  cf_free(part);
  return status;
}

static void remove_folder(const char *path) {
  char file[4096];
  DIR *folder = opendir(path);
  if (folder) {
    for (struct dirent *e; (e = readdir(folder));) {
      int n = snprintf(file, sizeof file, "%s/%s", path, e->d_name);
      if (n > 0 && (size_t)n < sizeof file && strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) unlink(file);
    }
    closedir(folder);
  }
  rmdir(path);
}

/* This machine's name as digits: process numbers mean something only together with it. */
static unsigned machine_number(void) {
  char name[256] = "";
  if (gethostname(name, sizeof name - 1) != 0) name[0] = '\0';
  return (unsigned)cf_hash_text(name);
}

/* Temporary folders are tasks/.<process>.<machine>.<hash>. */
void cf_store_sweep(cf_context *ctx, const cf_study *study) {
  char *tasks = NULL, path[4096];
  if (cf_sprintf(ctx, &tasks, "%s/tasks", study->folder) != CF_OK) return;
  DIR *folder = opendir(tasks);
  for (struct dirent *e; folder && (e = readdir(folder));) {
    char *end, *dot;
    if (e->d_name[0] != '.') continue;
    long process = strtol(e->d_name + 1, &end, 10);
    if (*end != '.' || process <= 0 || strtoul(end + 1, &dot, 10) != machine_number() || *dot != '.') continue;
    if (kill((pid_t)process, 0) == 0 || errno == EPERM) continue;
    int n = snprintf(path, sizeof path, "%s/%s", tasks, e->d_name);
    if (n > 0 && (size_t)n < sizeof path) remove_folder(path);
  }
  if (folder) closedir(folder);
  cf_free(tasks);
}

static cf_status write_json(cf_context *ctx, const char *folder, const char *name, const cf_json *value) {
  cf_status status = CF_OK;
  char *path = NULL, *line = NULL, *text = cf_json_print(value, 1);
  if (!text) return cf_fail(ctx, CF_ERR_MEMORY, "not enough memory to write %s/%s", folder, name);
  CF_TRY(cf_sprintf(ctx, &path, "%s/%s", folder, name));
  CF_TRY(cf_sprintf(ctx, &line, "%s\n", text));
  CF_TRY(cf_io_write_bytes(ctx, path, line, strlen(line), true));
done:
  cf_free(path);
  cf_free(line);
  cf_free(text);
  return status;
}

static cf_json *task_facts(cf_context *ctx, const cf_task *task, double seconds) {
  char *command = NULL;
  cf_json *facts = cf_json_object();
  if (cf_options_command(ctx, task->resolved, task->analysis->name, &command) != CF_OK) command = NULL;
  cf_json_set(facts, "id", cf_json_text(task->id));
  cf_json_set(facts, "kind", cf_json_text(task->analysis->name));
  cf_json_set(facts, "title", cf_json_text(task->title));
  if (task->note) cf_json_set(facts, "note", cf_json_text(task->note));
  cf_json_set(facts, "hash", cf_json_text(task->hash));
  cf_json_set(facts, "command", cf_json_text(command ? command : ""));
  cf_json_set(facts, "seconds", cf_json_number(seconds));
  cf_free(command);
  return facts;
}

cf_status cf_store_task(cf_context *ctx, const cf_study *study, const cf_task *task, const cf_json *envelope,
                        const cf_dataset *arrays, double seconds) {
  cf_status status = CF_OK;
  char *temporary = NULL, *final = NULL, *path = NULL;
  cf_json *facts = task_facts(ctx, task, seconds);
  CF_TRY(cf_sprintf(ctx, &temporary, "%s/tasks/.%ld.%u.%.16s", study->folder, (long)getpid(), machine_number(),
                    task->hash));
  CF_TRY(cf_task_folder(ctx, study, task, &final));
  remove_folder(temporary);
  CF_TRY(cf_make_folder(ctx, temporary));
  CF_TRY(write_json(ctx, temporary, "task.json", facts));
  CF_TRY(write_json(ctx, temporary, "result.json", envelope));
  if (arrays->count) {
    cf_io_write_options o = CF_IO_WRITE_OPTIONS_INIT;
    CF_TRY(cf_sprintf(ctx, &path, "%s/arrays.h5", temporary));
    CF_TRY(cf_io_write(ctx, path, arrays, &o));
  }
  if (rename(temporary, final) != 0) {
    /* it exists: made again by force, or by another process at the same time with the same content */
    remove_folder(final);
    if (rename(temporary, final) != 0 && !cf_task_done(ctx, study, task)) status = system_error(ctx, final);
  }
done:
  if (temporary) remove_folder(temporary);
  cf_json_free(facts);
  cf_free(temporary);
  cf_free(final);
  cf_free(path);
  return status;
}
