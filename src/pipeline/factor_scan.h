/* What `factor`, `factors` and `encode` say of the restarts of one rank and of a scan over ranks. */
#ifndef CF_PIPELINE_FACTOR_SCAN_H
#define CF_PIPELINE_FACTOR_SCAN_H
#include "pipeline/factor_files.h"

/* One rank: the best restart, and numbers of all of them in the order of their errors. */
typedef struct cf_rank_summary {
  size_t rank, restarts;
  cf_factors *best;
  double *error, *dimension, *congruence; /* per restart; congruence with the best, whose own is 1 */
  double converged, sweeps;               /* share and mean; NaN where a file does not say */
  cf_restart_agreement agreement;
} cf_rank_summary;
/* Takes the fits: the best moves over, the others are freed. rotate: patterns agree up to a rotation of directions. */
CF_CHECKED cf_status cf_rank_summary_new(cf_context *ctx, cf_factorisation *fits, bool rotate, cf_rank_summary **out);
void cf_rank_summary_free(cf_rank_summary *summary);

/* Ranks ascending. Labels belong to someone else and may be NULL. */
typedef struct cf_rank_scan {
  size_t count, chosen, suggested; /* chosen: whose factors are the result; suggested: SIZE_MAX when none */
  cf_rank_summary **rank;
  const cf_array *neuron, *stimulus;
  const double *degrees, *seconds;
} cf_rank_scan;
extern const char *const cf_suggestion_rule;
/* Fills scan->suggested, and chosen: the rank `wanted` (0: the suggested one, or the last). CF_ERR_USAGE when the
 * wanted rank was not scanned. */
CF_CHECKED cf_status cf_rank_scan_choose(cf_context *ctx, cf_rank_scan *scan, size_t wanted);
/* Values and arrays of the result, as docs/commands.md lists them; scan/ only for two ranks and more. */
CF_CHECKED cf_status cf_rank_scan_results(cf_context *ctx, const cf_rank_scan *scan, cf_result *result);
CF_CHECKED cf_status cf_rank_scan_say(cf_context *ctx, const cf_rank_scan *scan, cf_result *result);
/* Adds an array of doubles with the named axes ("neuron component"), coordinates from the scan's labels. */
CF_CHECKED cf_status cf_factor_put(cf_context *ctx, const cf_rank_scan *scan, cf_result *result, const char *name,
                                   int ndim, const size_t *shape, const char *const *axes, const double *data);

/* Finished pieces of a long run in a folder, under a hash of data, options and code. */
typedef struct cf_factor_store {
  char *folder; /* NULL: nothing is kept */
  char key[17];
  double numbers; /* of the responses */
} cf_factor_store;
CF_CHECKED cf_status cf_factor_store_open(cf_context *ctx, const char *folder, const cf_view *responses,
                                          const cf_factor_options *o, cf_factor_store *out);
void cf_factor_store_close(cf_factor_store *store);
/* Restarts from .. to - 1 of a rank; *out NULL when they are not there (or damaged: warned of). */
CF_CHECKED cf_status cf_factor_store_get(cf_context *ctx, const cf_factor_store *store, size_t rank, size_t from,
                                         size_t to, cf_factorisation **out);
CF_CHECKED cf_status cf_factor_store_put(cf_context *ctx, const cf_factor_store *store, size_t rank, size_t from,
                                         size_t to, const cf_factorisation *fits);
/* A finished rank of so many restarts; putting it removes its pieces. */
CF_CHECKED cf_status cf_factor_store_get_rank(cf_context *ctx, const cf_factor_store *store, size_t rank,
                                              size_t restarts, cf_rank_summary **out);
CF_CHECKED cf_status cf_factor_store_put_rank(cf_context *ctx, const cf_factor_store *store,
                                              const cf_rank_summary *summary);
/* Restarts in a piece: ten, or as many as take about four minutes of one processor. All threads wait at the end of one,
 * and what a stop loses is at most that. Sizes alone decide, so that a run that goes on finds its pieces. */
size_t cf_factor_piece(const cf_factor_store *store, size_t rank, size_t restarts);
/* Seconds of a restart on one core of a few years' age: about 200 sweeps in single precision. */
double cf_factor_restart_seconds(double numbers, size_t rank);
#endif
