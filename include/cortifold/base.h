/* cortifold/base.h - status codes, context, errors, scratch memory, progress,
 * random streams, hashing and the one parallel loop.
 *
 * Every function of the library that can fail returns a cf_status and takes
 * the context first; a readable message stays in the context. Nothing here
 * prints, exits or aborts.                                                  */
#ifndef CORTIFOLD_BASE_H
#define CORTIFOLD_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CF_VERSION_MAJOR 0
#define CF_VERSION_MINOR 1
#define CF_VERSION_PATCH 0
#define CF_VERSION       "0.1.0"

#if defined(__GNUC__)
#define CF_API          __attribute__((visibility("default")))
#define CF_CHECKED      __attribute__((warn_unused_result))
#define CF_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define CF_API
#define CF_CHECKED
#define CF_PRINTF(f, a)
#endif

/* ------------------------------------------------------------- status -- */

/* What a call came to. cf_status_exit() maps it onto the exit status of the
 * program (0 ok, 1 failure, 2 usage, 3 bad input, 4 numerical, 130).       */
typedef enum cf_status {
  CF_OK = 0,
  CF_ERR_FAILURE = 1,  /* the machine said no: disk full, read-only, internal */
  CF_ERR_USAGE = 2,    /* an option or argument is outside its documented range */
  CF_ERR_INPUT = 3,    /* the data are missing, unreadable, malformed or unfit */
  CF_ERR_NUMERIC = 4,  /* no convergence, rank deficiency, singular matrix */
  CF_ERR_MEMORY = 5,   /* allocation failed or would exceed the address space */
  CF_ERR_CANCELLED = 6 /* cf_cancel() was called */
} cf_status;

/* Exit status of the program for a status; the words for it; the version "major.minor.patch". */
CF_API int cf_status_exit(cf_status status);
CF_API const char *cf_status_name(cf_status status);
CF_API const char *cf_version(void);

/* ------------------------------------------------------------ context -- */

typedef struct cf_context cf_context;

typedef enum cf_log_level { CF_LOG_ERROR, CF_LOG_WARNING, CF_LOG_INFO, CF_LOG_DEBUG } cf_log_level;
typedef void (*cf_log_fn)(void *payload, cf_log_level level, const char *message);

/* Called now and then (at most about ten times a second, from one thread at a
 * time). done == total marks the end of the task named label.              */
typedef void (*cf_progress_fn)(void *payload, const char *label, uint64_t done, uint64_t total, double seconds);

typedef struct cf_context_options {
  int threads;             /* 0: all that OpenMP offers */
  uint64_t seed;           /* root of every random stream; default 0 */
  size_t memory;           /* budget in bytes for out-of-core methods; 0: 1 GiB */
  cf_log_fn log;           /* NULL: silent */
  cf_progress_fn progress; /* NULL: none */
  void *payload;           /* handed to both callbacks */
  bool guard;              /* look at HDF5 files in a forked child first, since damaged ones can crash libhdf5; off by
                            * default: a host with threads of its own may not want to be forked */
} cf_context_options;
#define CF_CONTEXT_OPTIONS_INIT                                                                                        \
  { 0, 0, 0, NULL, NULL, NULL, false }

/* One context per job; not to be shared by threads of the caller.
 * Errors: CF_ERR_MEMORY, CF_ERR_USAGE (threads < 0 or > 4096).             */
CF_API CF_CHECKED cf_status cf_context_new(const cf_context_options *options, cf_context **out);
CF_API void cf_context_free(cf_context *ctx);

/* A context for a part of a job: own error, warnings, scratch and seed; threads, memory and callbacks of ctx; cancelled
 * with it. Must be freed before ctx.                                        */
CF_API CF_CHECKED cf_status cf_context_derive(cf_context *ctx, uint64_t seed, cf_context **out);

/* What the context was made with, zeros replaced by the defaults. */
CF_API int cf_context_threads(const cf_context *ctx);
CF_API uint64_t cf_context_seed(const cf_context *ctx);
CF_API size_t cf_context_memory(const cf_context *ctx);
CF_API bool cf_context_guard(const cf_context *ctx);

/* Message of the last error, "" when there was none. Owned by the context.  */
CF_API const char *cf_context_error(const cf_context *ctx);
CF_API void cf_context_clear(cf_context *ctx);

/* Sets the message and hands the status back: `return cf_fail(ctx, CF_ERR_INPUT, "...")`.
 * cf_explain() puts words before the message that is there ("layer conv3: ...").
 * Neither ever returns CF_OK for a status that was not CF_OK.               */
CF_API cf_status cf_fail(cf_context *ctx, cf_status status, const char *format, ...) CF_PRINTF(3, 4);
CF_API cf_status cf_explain(cf_context *ctx, cf_status status, const char *format, ...) CF_PRINTF(3, 4);

/* Warnings are kept in order, each text once, and also go to the log.       */
CF_API void cf_warn(cf_context *ctx, const char *format, ...) CF_PRINTF(2, 3);
CF_API size_t cf_warning_count(const cf_context *ctx);
CF_API const char *cf_warning(const cf_context *ctx, size_t i);
CF_API void cf_log(cf_context *ctx, cf_log_level level, const char *format, ...) CF_PRINTF(3, 4);

/* Async-signal-safe. Long loops look at cf_check_cancel().                  */
CF_API void cf_cancel(cf_context *ctx);
CF_API bool cf_cancelled(const cf_context *ctx);
CF_API CF_CHECKED cf_status cf_check_cancel(cf_context *ctx);

/* Progress of one task at a time; step may be called from workers of cf_parallel_for. A pair of begin and end within
 * another fills one unit of it, or what cf_progress_span tells: the loop that comes next fills the current one from
 * `from` to `to`. Loops inside a worker's task do not show.                                               */
CF_API void cf_progress_begin(cf_context *ctx, const char *label, uint64_t total);
CF_API void cf_progress_step(cf_context *ctx, uint64_t n);
CF_API void cf_progress_span(cf_context *ctx, uint64_t from, uint64_t to);
CF_API void cf_progress_end(cf_context *ctx);

/* ------------------------------------------------------------- memory -- */

/* Scratch: 64-byte aligned blocks from the context's arena, valid until the
 * mark taken before them is released. Sizes are multiplied with a check.
 * Blocks are NOT cleared. With -DCF_ARENA_DEBUG each block is a malloc of its own. */
typedef struct cf_mark {
  size_t chunk, used;
} cf_mark;
CF_API cf_mark cf_scratch_mark(cf_context *ctx);
CF_API void cf_scratch_release(cf_context *ctx, cf_mark mark);
CF_API CF_CHECKED cf_status cf_scratch_bytes(cf_context *ctx, size_t count, size_t size, void **out);
/* Typed: CF_SCRATCH(ctx, &x, n) with double *x.                             */
#define CF_SCRATCH(ctx, pointer, count) cf_scratch_bytes((ctx), (count), sizeof **(pointer), (void **)(pointer))

/* Long-lived memory, for results: 64-byte aligned, cleared to zero, freed by cf_free (NULL allowed). */
CF_API CF_CHECKED cf_status cf_alloc_bytes(cf_context *ctx, size_t count, size_t size, void **out);
#define CF_ALLOC(ctx, pointer, count) cf_alloc_bytes((ctx), (count), sizeof **(pointer), (void **)(pointer))
CF_API void cf_free(void *block);
CF_API CF_CHECKED cf_status cf_strdup(cf_context *ctx, const char *text, char **out);
CF_API CF_CHECKED cf_status cf_sprintf(cf_context *ctx, char **out, const char *format, ...) CF_PRINTF(3, 4);
/* *out = a * b, or CF_ERR_MEMORY on overflow.                               */
CF_API CF_CHECKED cf_status cf_size_mul(cf_context *ctx, size_t a, size_t b, size_t *out);

/* Test hook: the n-th allocation from now (1-based) fails; 0 switches it off. Process-wide. */
CF_API void cf_test_fail_allocation(uint64_t n);

/* ------------------------------------------------------------ threads -- */

/* Runs body(worker, i, payload) for i = 0 .. tasks-1 on the context's threads,
 * dynamically scheduled. `worker` is a child context: own arena and error,
 * same seed, memory/threads 1, shared cancel flag and progress. Results must
 * be written to places that depend on i only: then they do not depend on the
 * number of threads. On failure the error of the lowest failing i is reported
 * (tasks already begun run on). BLAS inside stays serial. May be nested: inner loops run serially. */
typedef cf_status (*cf_task_fn)(cf_context *worker, size_t i, void *payload);
CF_API CF_CHECKED cf_status cf_parallel_for(cf_context *ctx, size_t tasks, cf_task_fn body, void *payload);

/* ------------------------------------------------------ random streams -- */

/* Counter-based (Philox4x32-10): a stream is named by (seed, task, replicate),
 * so results do not depend on threads, processes or order. Plain value: copy
 * it, keep it on the stack. Each stream has 2^34 32-bit words.              */
typedef struct cf_rng {
  uint32_t key[2];
  uint32_t counter[4];
  uint32_t word[4];
  uint32_t used;
} cf_rng;
/* task: cf_hash64 of the task's name, or any number that names it.          */
CF_API cf_rng cf_rng_make(uint64_t seed, uint64_t task, uint32_t replicate);
CF_API uint32_t cf_rng_u32(cf_rng *rng);
CF_API uint64_t cf_rng_u64(cf_rng *rng);
CF_API double cf_rng_uniform(cf_rng *rng);             /* [0, 1), 53 bits */
CF_API double cf_rng_normal(cf_rng *rng);              /* Box-Muller, one value a call pair of uniforms */
CF_API double cf_rng_gamma(cf_rng *rng, double shape); /* Marsaglia-Tsang, shape > 0 */
CF_API uint64_t cf_rng_poisson(cf_rng *rng, double mean);
CF_API uint64_t cf_rng_below(cf_rng *rng, uint64_t n); /* 0 .. n-1 without bias; n >= 1 */
CF_API void cf_rng_permutation(cf_rng *rng, size_t n, size_t *out);
CF_API void cf_rng_resample(cf_rng *rng, size_t n, size_t k, size_t *out); /* k draws of 0..n-1 with replacement */

/* ------------------------------------------------------------- hashes -- */

CF_API uint64_t cf_hash64(const void *data, size_t size, uint64_t seed); /* XXH3 */
CF_API uint64_t cf_hash_text(const char *text);                          /* cf_hash64 of the characters, seed 0 */
/* Lower-case hexadecimal SHA-256 and its 0.                                 */
CF_API void cf_sha256(const void *data, size_t size, char out[65]);
CF_API CF_CHECKED cf_status cf_sha256_file(cf_context *ctx, const char *path, char out[65]);

/* ------------------------------------------------------------- tables -- */

/* One option, parameter or manifest field. The same tables drive the command
 * line, --help, the man page, shell completion, docs and the measure registry. */
typedef enum cf_param_kind {
  CF_PARAM_FLAG, /* present or not */
  CF_PARAM_INTEGER,
  CF_PARAM_REAL,
  CF_PARAM_TEXT,
  CF_PARAM_CHOICE,  /* one of choices */
  CF_PARAM_CHOICES, /* comma-separated list out of choices */
  CF_PARAM_LIST,    /* comma-separated numbers or words, checked by the command */
  CF_PARAM_ADDRESS, /* PATH[:MEMBER] */
  CF_PARAM_PATH,    /* a path that is written */
  CF_PARAM_SIZE     /* bytes with suffix K M G T */
} cf_param_kind;

typedef struct cf_param {
  const char *name; /* long option without dashes; "" ends a table */
  char letter;      /* short option or 0 */
  cf_param_kind kind;
  const char *metavar;  /* shown in help; NULL for flags */
  const char *standard; /* default as text; NULL: none */
  double low, high;     /* range of numbers, inclusive; both 0: unbounded */
  const char *choices;  /* "a|b|c"; for TEXT options: words accepted beside free text */
  const char *help;     /* one sentence or more, with units */
} cf_param;
#define CF_PARAM_END                                                                                                   \
  { "", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL, NULL }

#ifdef __cplusplus
}
#endif
#endif
