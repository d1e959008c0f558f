/* cortifold/pipeline.h - the named analyses. One table of cf_analysis drives
 * the command line, the study manifest, help, man page, completion and docs:
 * an analysis is run by name with checked options and gives JSON values,
 * arrays and a short readable summary.                                      */
#ifndef CORTIFOLD_PIPELINE_H
#define CORTIFOLD_PIPELINE_H

#include <cortifold/array.h>
#include <cortifold/json.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------ options -- */

/* Checked values for the parameters of one or more tables, and positional arguments. */
typedef struct cf_options cf_options;
CF_API CF_CHECKED cf_status cf_options_new(cf_context *ctx, const cf_param *const *tables, size_t n_tables,
                                           cf_options **out);
CF_API void cf_options_free(cf_options *options);
/* Parses and checks text against the parameter's kind, range and choices. Unknown names are CF_ERR_USAGE with the
 * nearest name suggested. For flags text may be NULL (on) or yes/no/true/false.     */
CF_API CF_CHECKED cf_status cf_options_set(cf_context *ctx, cf_options *options, const char *name, const char *text);
CF_API CF_CHECKED cf_status cf_options_add_argument(cf_context *ctx, cf_options *options, const char *text);
CF_API size_t cf_options_arguments(const cf_options *options);
CF_API const char *cf_options_argument(const cf_options *options, size_t i); /* NULL past the end */
/* Getters give the default when the option was not set; text is NULL when there is neither. Asking for a name that is
 * in no table is a programming error and gives NULL/NaN/0/false.               */
CF_API const char *cf_options_text(const cf_options *options, const char *name);
CF_API double cf_options_number(const cf_options *options, const char *name);
CF_API int64_t cf_options_integer(const cf_options *options, const char *name);
CF_API bool cf_options_flag(const cf_options *options, const char *name);
CF_API bool cf_options_given(const cf_options *options, const char *name); /* set explicitly */
/* Comma-separated entries of a LIST or CHOICES value: count and entry i (copied into buffer). */
CF_API size_t cf_options_list_count(const cf_options *options, const char *name);
CF_API const char *cf_options_list_entry(const cf_options *options, const char *name, size_t i, char *buffer,
                                         size_t size);
/* The table's row of an option, by its name or its letter; NULL when there is none. */
CF_API const cf_param *cf_options_param(const cf_options *options, const char *name);
CF_API const cf_param *cf_options_letter(const cf_options *options, char letter);
/* All resolved values, defaults included, as an object; caller frees.       */
CF_API cf_json *cf_options_json(const cf_options *options);
/* "cortifold rdm a.npy --metric correlation ..." quoted for a POSIX shell; only what was set; caller frees. */
CF_API CF_CHECKED cf_status cf_options_command(cf_context *ctx, const cf_options *options, const char *analysis,
                                               char **out);

/* Estimates before a file is written: it will hold these arrays (shapes, data only of labels), which stay the caller's
 * and must outlive the options or cf_options_forget. cf_options_promised: the array of an address PATH[:MEMBER] in such
 * a file, without a member the one with most axes; NULL when there is none. */
CF_API CF_CHECKED cf_status cf_options_promise(cf_context *ctx, cf_options *options, const char *path,
                                               const cf_dataset *arrays);
CF_API void cf_options_forget(cf_options *options);
CF_API const cf_array *cf_options_promised(const cf_options *options, const char *address);

/* The name nearest to word (a few letters wrong, swapped, missing or cut off), NULL when none is near. Cost O(n) short
 * words. */
CF_API const char *cf_suggest(const char *word, const char *const *names, size_t n);

/* ------------------------------------------------------------- results -- */

typedef struct cf_result {
  cf_json *values;    /* becomes "result" in the JSON envelope: an object */
  cf_dataset *arrays; /* what -o writes */
  cf_json *inputs;    /* list of {path, sha256}: filled by cf_result_input */
  char *summary;      /* readable text, grown by cf_result_say */
} cf_result;
CF_API CF_CHECKED cf_status cf_result_new(cf_context *ctx, cf_result **out);
CF_API void cf_result_free(cf_result *result);
/* Notes an input file (PATH[:MEMBER]) with its SHA-256, once.               */
CF_API CF_CHECKED cf_status cf_result_input(cf_context *ctx, cf_result *result, const char *address);
/* The same for many files, side by side. */
CF_API CF_CHECKED cf_status cf_result_inputs(cf_context *ctx, cf_result *result, size_t n,
                                             const char *const *addresses);
CF_API CF_CHECKED cf_status cf_result_say(cf_context *ctx, cf_result *result, const char *format, ...) CF_PRINTF(3, 4);

/* ------------------------------------------------------------ analyses -- */

/* What a run would take, estimated before it starts.                        */
typedef struct cf_cost {
  double seconds; /* on this machine, order of magnitude */
  double bytes;   /* peak memory beyond the inputs' files */
} cf_cost;

typedef struct cf_analysis {
  const char *name;        /* "rdm" */
  const char *group;       /* heading in help: "Files", "Geometry", "Studies", "Simulation", "Statistics" */
  const char *summary;     /* one line */
  const char *arguments;   /* "PATTERNS" ; "X Y"; "FILE..." : names of the positionals */
  int least, most;         /* number of positionals; most -1: any */
  const char *description; /* paragraphs, with formulas and references, for help, man page and docs */
  const char *examples;    /* one command a line */
  const cf_param *params;
  cf_status (*run)(cf_context *ctx, const cf_options *options, cf_result *result);
  cf_status (*cost)(cf_context *ctx, const cf_options *options, cf_cost *out); /* NULL: negligible */
  bool prints_only;                                                            /* no -o (info, help-like) */
} cf_analysis;
CF_API const cf_analysis *cf_analysis_at(size_t i); /* NULL past the end; in help order */
CF_API const cf_analysis *cf_analysis_find(const char *name);
/* What the analysis will write, for estimates of tasks that read it: arrays whose data are not made, beside labels,
 * into the result's arrays; none where that is not known before. */
CF_API CF_CHECKED cf_status cf_analysis_announce(cf_context *ctx, const cf_analysis *analysis,
                                                 const cf_options *options, cf_result *result);
/* Hands over the files that options and arguments name in another way than by their own text (those that a manifest of
 * the analysis lists), so that a study knows when they change. What is missing or wrong is passed over. */
typedef cf_status (*cf_take_path)(void *payload, const char *path);
CF_API CF_CHECKED cf_status cf_analysis_reads(cf_context *ctx, const cf_analysis *analysis, const cf_options *options,
                                              cf_take_path take, void *payload);
/* Measures between trajectories, described like those of cortifold/compare.h; their functions are NULL. NULL past the
 * end. */
struct cf_measure;
CF_API const struct cf_measure *cf_trajectory_measure_at(size_t i);
/* Options every analysis has: threads seed json force quiet verbose memory output. */
CF_API const cf_param *cf_common_params(void);
/* The JSON envelope of interface.md: command, version, inputs, options, seed, result, warnings. Takes nothing; caller
 * frees. */
CF_API cf_json *cf_result_envelope(const cf_context *ctx, const cf_analysis *analysis, const cf_options *options,
                                   const cf_result *result);

#ifdef __cplusplus
}
#endif
#endif
