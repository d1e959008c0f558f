/* Fitting factors of one rank or a scan of ranks, as options say: what `factor` and `encode` share. */
#ifndef CF_PIPELINE_FACTORING_H
#define CF_PIPELINE_FACTORING_H
#include "pipeline/factor_scan.h"
#include "pipeline/responses.h"

enum { CF_FACTORING_RANK = 1000, CF_FACTORING_RESTARTS = 100000 };

/* The rows of an analysis' table that cf_factoring_read looks at; `restarts` is the default of --restarts. */
#define CF_FACTORING_OPTIONS(restarts)                                                                                        \
  {"restarts",                                                                                                                \
   'k',                                                                                                                       \
   CF_PARAM_INTEGER,                                                                                                          \
   "K",                                                                                                                       \
   restarts,                                                                                                                  \
   1,                                                                                                                         \
   CF_FACTORING_RESTARTS,                                                                                                     \
   NULL,                                                                                                                      \
   "Restarts of every rank, each from its own random numbers, each finished."},                                               \
      {"no-shift", 0,    CF_PARAM_FLAG,                                                                                       \
       NULL,       NULL, 0,                                                                                                   \
       0,          NULL, "No circular shifts: plain non-negative CP (tensor component analysis)."},                           \
      {"solver",                                                                                                              \
       0,                                                                                                                     \
       CF_PARAM_CHOICE,                                                                                                       \
       "S",                                                                                                                   \
       "hals",                                                                                                                \
       0,                                                                                                                     \
       0,                                                                                                                     \
       "hals|quasi-newton",                                                                                                   \
       "hals: alternating least squares by columns. quasi-newton: all factors at once by projected L-BFGS, as published; "    \
       "much slower."},                                                                                                       \
      {"trials",                                                                                                              \
       0,                                                                                                                     \
       CF_PARAM_INTEGER,                                                                                                      \
       "N",                                                                                                                   \
       "0",                                                                                                                   \
       0,                                                                                                                     \
       1000,                                                                                                                  \
       NULL,                                                                                                                  \
       "Random starts that compete in a restart: after five sweeps the best third goes on, after six more a third of those, " \
       "after twelve more the best, until it converges. 1: a restart is one random start, as published. 0: 8 with hals, 16 "  \
       "with hals and --no-shift, else 1."},                                                                                  \
      {"sweeps", 0,    CF_PARAM_INTEGER,                                                                                      \
       "N",      "0",  0,                                                                                                     \
       1e6,      NULL, "Most sweeps of a restart (iterations of quasi-newton); 0: 500 (1000)."},                              \
      {"tolerance",                                                                                                           \
       0,                                                                                                                     \
       CF_PARAM_REAL,                                                                                                         \
       "T",                                                                                                                   \
       "0",                                                                                                                   \
       0,                                                                                                                     \
       0.1,                                                                                                                   \
       NULL,                                                                                                                  \
       "A restart has converged when a sweep lowers the error by less than this part of itself. 0: 1e-6; quasi-newton "       \
       "then ends by its gradient, as published."},                                                                           \
      {"precision",                                                                                                           \
       0,                                                                                                                     \
       CF_PARAM_CHOICE,                                                                                                       \
       "P",                                                                                                                   \
       "single",                                                                                                              \
       0,                                                                                                                     \
       0,                                                                                                                     \
       "single|double",                                                                                                       \
       "hals: numbers in which most sweeps read the data. The last sweeps, shifts and errors are always in double."},         \
  {                                                                                                                           \
    "resume", 0, CF_PARAM_PATH, "FOLDER", NULL, 0, 0, NULL,                                                                   \
        "Keep finished restarts in FOLDER (made when it is not there), at least ten or about four processor minutes of them " \
        "at a time, under a hash of data, options and program, and use what is there: a run that was stopped goes on and "    \
        "ends in the same result."                                                                                            \
  }

/* A job of fitting. */
typedef struct cf_factoring {
  size_t first, last; /* ranks */
  cf_factor_options o;
  const char *folder; /* --resume, or NULL */
} cf_factoring;
/* Reads the options; rank is "R" or "R-R". CF_ERR_USAGE naming the option. */
CF_CHECKED cf_status cf_factoring_read(cf_context *ctx, const cf_options *options, const char *rank, cf_factoring *out);
/* Fits all ranks of the job and appends them to the scan, which the caller clears with cf_factoring_clear also after an
 * error. */
CF_CHECKED cf_status cf_factoring_fit(cf_context *ctx, const cf_factoring *job, const cf_view *responses,
                                      cf_rank_scan *scan);
void cf_factoring_clear(cf_rank_scan *scan);
/* Warns of negative responses, silent neurons (unless the preparation has), and directions that shifts cannot turn. */
void cf_factoring_warn(cf_context *ctx, const cf_options *options, const cf_factoring *job,
                       const cf_responses *responses);
/* The solver's options as values of the result. */
void cf_factoring_values(const cf_factoring *job, cf_json *values);
/* Seconds and bytes of the job on count = N S D T values, an order of magnitude. */
void cf_factoring_cost(cf_context *ctx, const cf_factoring *job, double count, cf_cost *out);
#endif
