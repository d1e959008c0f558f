/* A study manifest, checked; for src/study only. */
#ifndef CF_STUDY_MANIFEST_H
#define CF_STUDY_MANIFEST_H
#include "base/internal.h"

#include <cortifold/pipeline.h>
#include <cortifold/study.h>

/* One task after `each` is expanded. */
typedef struct cf_task {
  char *id, *title, *note;
  const cf_analysis *analysis;
  cf_options *options;  /* references still as written: "$name", "$task:member" */
  cf_options *resolved; /* references replaced by addresses; made by the plan */
  size_t line, column;
  size_t *need; /* indices of the tasks this one refers to, ascending, each once */
  size_t needs;
  char hash[65]; /* filled by the plan */
} cf_task;

typedef struct cf_name { /* an entry of `data:` */
  char *name, *address;
  size_t line, column;
} cf_name;

struct cf_study {
  char *manifest; /* path as given */
  char *base;     /* its folder, "" for the current one, else ending in '/' */
  char *folder;   /* output folder, resolved against base */
  char *title, *description, *banner;
  char sha256[65]; /* of the manifest's bytes */
  uint64_t seed;
  size_t names;
  cf_name *name;
  size_t count;
  cf_task *task; /* in manifest order; `order` gives that of execution */
  size_t *order;
  bool hashed, finished; /* finished: this process has written the results of the whole */
};

/* Reads and checks the manifest against the tables of the analyses; no file but the manifest is opened. */
cf_status cf_manifest_read(cf_context *ctx, const char *path, cf_study *study);
/* Index of a task, or study->count. */
size_t cf_study_find(const cf_study *study, const char *id, size_t length);

/* plan.c: needs and order of execution; unknown references and cycles are errors at their line. */
cf_status cf_plan_order(cf_context *ctx, cf_study *study);
/* plan.c: resolved options and content hashes of all tasks; inputs must exist. */
cf_status cf_plan_hash(cf_context *ctx, cf_study *study);
/* "<folder>/tasks/<first 16 digits of the hash>"; caller frees. */
cf_status cf_task_folder(cf_context *ctx, const cf_study *study, const cf_task *task, char **out);
bool cf_task_done(cf_context *ctx, const cf_study *study, const cf_task *task);
#endif
