/* The result store of a study: files of a task and of the whole; for src/study only. */
#ifndef CF_STUDY_STORE_H
#define CF_STUDY_STORE_H
#include "study/manifest.h"

/* Makes a folder and its parents. */
cf_status cf_make_folder(cf_context *ctx, const char *path);
/* Writes result.json, task.json and arrays.h5 into a temporary folder and renames it to the task's. */
cf_status cf_store_task(cf_context *ctx, const cf_study *study, const cf_task *task, const cf_json *envelope,
                        const cf_dataset *arrays, double seconds);
/* Removes temporary folders that processes no longer alive have left. */
void cf_store_sweep(cf_context *ctx, const cf_study *study);
/* provenance.json, then results.tsv and arrays.h5 from the finished tasks. */
cf_status cf_store_finish(cf_context *ctx, const cf_study *study, double seconds, size_t ran);
/* results.tsv (long form) of one envelope's "result": appended to *text. */
cf_status cf_store_rows(cf_context *ctx, const char *task, const char *kind, const cf_json *result, char **text);
#endif
