/* cortifold/study.h - a whole study from one YAML manifest: check, plan, run
 * (cached by content, resumable), and the result store that reports read.
 *
 * Layout of the output folder:
 *   results.tsv       one number a line (long form)
 *   arrays.h5         every task's arrays, as /<task id>/<name>
 *   provenance.json   versions, inputs with SHA-256, options, commands, times
 *   tasks/<hash>/     (16 digits) result.json (the envelope that `--json` prints) and arrays.h5
 *   figures/          <task id>-<figure>.svg .pdf .png
 *   report.html       one file, works offline                               */
#ifndef CORTIFOLD_STUDY_H
#define CORTIFOLD_STUDY_H

#include <cortifold/pipeline.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ----------------------------------------------------- finished results -- */

/* One finished task. envelope is what the command prints with --json: its "result" has the keys of the analysis, and
 * arrays is what the command writes with -o.                                */
typedef struct cf_study_task {
  char *id;      /* unique within the study, [A-Za-z0-9_-] */
  char *title;   /* for people; the id when the manifest gives none */
  char *kind;    /* analysis name: "rdm", "rsa", "compare" ... */
  char *note;    /* the manifest's caption for the report; may be NULL */
  char *command; /* one shell line that reproduces the task */
  cf_json *envelope;
  cf_dataset *arrays;
  double seconds;
} cf_study_task;

typedef struct cf_study_results {
  char *title, *description; /* of the manifest; description may be NULL */
  char *banner;              /* a line that must stand first in the report ("simulated data ..."); may be NULL */
  size_t count;
  cf_study_task *task;
  cf_json *provenance;
} cf_study_results;

/* Reads a study's output folder. CF_ERR_INPUT when it is not one, or when tasks are missing (run did not finish). */
CF_API CF_CHECKED cf_status cf_study_results_read(cf_context *ctx, const char *folder, cf_study_results **out);
CF_API void cf_study_results_free(cf_study_results *results);

/* ------------------------------------------------------------- the study -- */

typedef struct cf_study cf_study; /* a checked manifest and its plan */

/* Reads and checks a manifest; errors carry file, line and column.          */
CF_API CF_CHECKED cf_status cf_study_open(cf_context *ctx, const char *manifest, cf_study **out);
CF_API void cf_study_free(cf_study *study);
CF_API const char *cf_study_folder(const cf_study *study);

/* State of one task of the plan.                                            */
typedef struct cf_study_step {
  const char *id, *kind, *title, *command;
  char hash[65];
  bool done;
} cf_study_step;
CF_API size_t cf_study_count(const cf_study *study);
/* Hash and state of step i, in order of execution.                          */
CF_API CF_CHECKED cf_status cf_study_step_at(cf_context *ctx, cf_study *study, size_t i, cf_study_step *out);
/* What step i would take; zeros for what is done, negligible, or cannot be told before other steps have run. Networks
 * run for a moment to be timed. */
CF_API CF_CHECKED cf_status cf_study_step_cost(cf_context *ctx, cf_study *study, size_t i, cf_cost *out);

typedef struct cf_study_run_options {
  bool force;           /* run finished tasks again */
  const char *only;     /* one task id and what it needs; NULL: all */
  size_t shard, shards; /* run tasks with index % shards == shard; shards 0: all */
} cf_study_run_options;
#define CF_STUDY_RUN_OPTIONS_INIT                                                                                      \
  { false, NULL, 0, 0 }
/* Runs what is not done, then writes results.tsv, arrays.h5 and provenance.json (not for a shard). Processes that run
 * the same study at the same time in one folder, on one machine or on several, share its tasks: each task is run by one
 * of them. Under a launcher (mpirun, srun) the process of rank 0 writes the whole and reports failures. */
CF_API CF_CHECKED cf_status cf_study_run(cf_context *ctx, cf_study *study, const cf_study_run_options *options);
/* True when the last cf_study_run wrote the results of the whole study. */
CF_API bool cf_study_finished(const cf_study *study);
/* A commented manifest to start from, as text (static storage).             */
CF_API const char *cf_study_template(void);

#ifdef __cplusplus
}
#endif
#endif
