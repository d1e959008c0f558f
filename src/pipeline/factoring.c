/* Fits of all restarts of some ranks, kept in pieces when they may have to go on later. */
#include "pipeline/factoring.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"

static cf_status read_rank(cf_context *ctx, const char *text, size_t *first, size_t *last) {
  char *end = NULL;
  if (!text) return cf_fail(ctx, CF_ERR_USAGE, "--rank R is needed: a number of components, or a range like 2-30");
  const char *at = text;
  const unsigned long a = *at >= '0' && *at <= '9' ? strtoul(at, &end, 10) : 0;
  unsigned long b = a;
  if (end && *end == '-') {
    at = end + 1;
    b = *at >= '0' && *at <= '9' ? strtoul(at, &end, 10) : 0;
  }
  if (!end || *end || a < 1 || b < a || b > CF_FACTORING_RANK)
    return cf_fail(ctx, CF_ERR_USAGE,
                   "--rank: '%s' is neither a number of components from 1 to %d nor a rising range of them like 2-30",
                   text, CF_FACTORING_RANK);
  *first = a;
  *last = b;
  return CF_OK;
}

cf_status cf_factoring_read(cf_context *ctx, const cf_options *options, const char *rank, cf_factoring *out) {
  static const cf_factor_options standard = CF_FACTOR_OPTIONS_INIT;
  *out = (cf_factoring){.o = standard, .folder = cf_options_text(options, "resume")};
  out->o.restarts = (size_t)cf_options_integer(options, "restarts");
  out->o.shift = !cf_options_flag(options, "no-shift");
  out->o.solver = strcmp(cf_options_text(options, "solver"), "hals") == 0 ? CF_FACTOR_HALS : CF_FACTOR_QUASI_NEWTON;
  out->o.trials = (size_t)cf_options_integer(options, "trials");
  out->o.sweeps = (size_t)cf_options_integer(options, "sweeps");
  out->o.tolerance = cf_options_number(options, "tolerance");
  out->o.single = strcmp(cf_options_text(options, "precision"), "single") == 0;
  return read_rank(ctx, rank, &out->first, &out->last);
}

/* What makes shifts or factors questionable but is no error. */
void cf_factoring_warn(cf_context *ctx, const cf_options *options, const cf_factoring *j, const cf_responses *r) {
  const size_t count = r->neurons * r->stimuli * r->directions * r->times, each = count / r->neurons;
  size_t negative = 0, silent = 0;
  for (size_t i = 0; i < count; i++) negative += r->values[i] < 0;
  for (size_t n = 0; n < r->neurons; n++) {
    size_t i = 0;
    while (i < each && !(fabs(r->values[n * each + i]) > 0)) i++;
    silent += i == each;
  }
  if (negative > 0)
    cf_warn(ctx, "%zu of %zu responses are negative, which non-negative factors cannot describe; see --floor", negative,
            count);
  if (silent > 0 && strcmp(cf_options_text(options, "prepare"), "none") == 0)
    cf_warn(ctx, "%zu of %zu neurons are zero throughout; their factors are zero", silent, r->neurons);
  if (j->o.shift && r->directions > 1 && !r->even)
    cf_warn(ctx, "the directions do not go round in equal steps; shifts take them as if they did");
}

/* All restarts of one rank, in pieces when they are kept. */
static cf_status fit_rank(cf_context *ctx, const cf_factoring *j, const cf_factor_store *store, const cf_view *v,
                          size_t rank, cf_rank_summary **out) {
  cf_status status = CF_OK;
  cf_factorisation *all = NULL, *piece = NULL;
  cf_factor_options o = j->o;
  const size_t step = store->folder ? cf_factor_piece(store, rank, o.restarts) : o.restarts;
  o.rank = rank;
  CF_TRY(cf_factor_store_get_rank(ctx, store, rank, o.restarts, out));
  if (*out) {
    cf_progress_step(ctx, o.restarts);
    return CF_OK;
  }
  for (size_t from = 0; from < o.restarts; from += step) {
    const size_t to = CF_MIN(from + step, o.restarts);
    CF_TRY(cf_factor_store_get(ctx, store, rank, from, to, &piece));
    if (!piece) {
      CF_TRY(cf_factor_fit_some(ctx, v, &o, from, to, &piece));
      CF_TRY(cf_factor_store_put(ctx, store, rank, from, to, piece));
    }
    cf_factorisation *next = piece;
    piece = NULL;
    if (all)
      CF_TRY(cf_factorisation_join(ctx, all, next));
    else
      all = next;
  }
  cf_factorisation *taken = all;
  all = NULL;
  CF_TRY(cf_rank_summary_new(ctx, taken, o.shift, out));
  CF_TRY(cf_factor_store_put_rank(ctx, store, *out));
done:
  cf_factorisation_free(all);
  cf_factorisation_free(piece);
  return status;
}

cf_status cf_factoring_fit(cf_context *ctx, const cf_factoring *j, const cf_view *v, cf_rank_scan *scan) {
  cf_status status = CF_OK;
  const size_t ranks = j->last - j->first + 1;
  cf_factor_store store = {0};
  CF_TRY(cf_factor_store_open(ctx, j->folder, v, &j->o, &store));
  CF_TRY(CF_ALLOC(ctx, &scan->rank, ranks));
  cf_progress_begin(ctx, "ranks", ranks);
  for (size_t i = 0; i < ranks && status == CF_OK; i++) {
    status = fit_rank(ctx, j, &store, v, j->first + i, &scan->rank[i]);
    if (status != CF_OK && ranks > 1) status = cf_explain(ctx, status, "rank %zu", j->first + i);
    if (status == CF_OK) scan->count++;
  }
  cf_progress_end(ctx);
done:
  cf_factor_store_close(&store);
  return status;
}

void cf_factoring_clear(cf_rank_scan *scan) {
  for (size_t i = 0; scan->rank && i < scan->count; i++) cf_rank_summary_free(scan->rank[i]);
  cf_free(scan->rank);
  *scan = (cf_rank_scan){0};
}

void cf_factoring_values(const cf_factoring *j, cf_json *values) {
  const bool hals = j->o.solver == CF_FACTOR_HALS;
  const size_t trials = j->o.trials ? j->o.trials : !hals ? 1 : j->o.shift ? 8 : 16;
  cf_json_set(values, "solver", cf_json_text(hals ? "hals" : "quasi-newton"));
  cf_json_set(values, "shift", cf_json_bool(j->o.shift));
  cf_json_set(values, "trials", cf_json_number((double)trials));
}

/* The restarts, and each thread's copy of the data. */
void cf_factoring_cost(cf_context *ctx, const cf_factoring *j, double count, cf_cost *out) {
  const double threads = cf_context_threads(ctx);
  for (size_t r = j->first; r <= j->last; r++)
    out->seconds += cf_factor_restart_seconds(count, r) * (double)j->o.restarts / threads;
  out->bytes += count * (16 + 8 * threads);
}
