/* `cortifold factor`: permuted non-negative CP factorisation of responses, of one rank or a scan of ranks. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/analyses.h"
#include "pipeline/factor_scan.h"
#include "pipeline/prepare.h"
#include "pipeline/systems.h"

enum { MOST_RANK = 1000, MOST_RESTARTS = 100000 };

static const cf_param params[] = {
    {"rank", 'r', CF_PARAM_TEXT, "R[-R]", NULL, 0, 0, NULL, "Number of components, or a range of them to scan: 2-30."},
    {"restarts", 'k', CF_PARAM_INTEGER, "K", "50", 1, MOST_RESTARTS, NULL,
     "Restarts of every rank, each from its own random numbers, each finished."},
    {"no-shift", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL,
     "No circular shifts: plain non-negative CP (tensor component analysis)."},
    {"solver", 0, CF_PARAM_CHOICE, "S", "hals", 0, 0, "hals|quasi-newton",
     "hals: alternating least squares by columns. quasi-newton: all factors at once by projected L-BFGS, as published; "
     "much slower."},
    {"trials", 0, CF_PARAM_INTEGER, "N", "0", 0, 1000, NULL,
     "Short random starts (12 sweeps) that a restart tries before it goes on from the best of them. 1: a restart is one "
     "random start, as published. 0: 8 with hals and shifts, else 1."},
    {"sweeps", 0, CF_PARAM_INTEGER, "N", "0", 0, 1e6, NULL,
     "Most sweeps of a restart (iterations of quasi-newton); 0: 500 (1000)."},
    {"tolerance", 0, CF_PARAM_REAL, "T", "0", 0, 0.1, NULL,
     "A restart has converged when a sweep lowers the error by less than this part of itself. 0: 1e-6; quasi-newton "
     "then ends by its gradient, as published."},
    {"precision", 0, CF_PARAM_CHOICE, "P", "single", 0, 0, "single|double",
     "hals: numbers in which most sweeps read the data. The last sweeps, shifts and errors are always in double."},
    {"choose", 0, CF_PARAM_INTEGER, "R", NULL, 1, MOST_RANK, NULL,
     "Of a scan, the rank whose factors are the result; otherwise the suggested one."},
    {"resume", 0, CF_PARAM_PATH, "FOLDER", NULL, 0, 0, NULL,
     "Keep every ten finished restarts in FOLDER (made when it is not there) under a hash of data, options and "
     "program, and use what is there: a run that was stopped goes on and ends in the same result."},
    CF_RESPONSES_OPTIONS,
    CF_PREPARE_OPTIONS("none"),
    CF_PARAM_END,
};

static const char description[] =
    "Describes responses X (neuron, stimulus, direction, time) by R components, each a product of a neural factor A_r, "
    "a stimulus factor B_r and a pattern C_r over direction and time, none of them negative:\n\n"
    "minimise f = 1/2 sum (Xs - M)^2, M[n,s,p] = sum_r lambda_r A[n,r] B[s,r] C[p,r]; "
    "Xs[n,s,d,t] = X[n,s,(d-k) mod D,t], k(n,s) = argmax_k <rot_k X(n,s), M(n,s)>\n\n"
    "The response of each neuron to each stimulus may be turned by k directions, so that neurons which differ in their "
    "preferred direction alone share a component. Columns have unit norm, lambda descends, a pattern is flattened with "
    "the direction fastest (p = d + D t). The error in per cent is 100 f / (1/2 sum X^2), that of exactly the factors "
    "and shifts written; the shifts are the best ones for these factors, ties to the smallest. Maps that are zero have "
    "no shift.\n\n"
    "HALS: in a sweep the shifts are found anew, then A, B and C are updated by columns (Cichocki & Phan 2009), with "
    "extrapolation (Ang et al. 2020). A map is left out of the shift search while a bound shows that its best shift "
    "cannot have changed, so the search stays exact. A restart stops when the error falls by less than --tolerance in "
    "a sweep.\n\n"
    "The problem has many local minima. A restart here tries several short random starts and goes on from the best of "
    "them (--trials; 1 is a plain restart); every restart gives a finished error. How often restarts come near the "
    "best (within) and how alike their components are (congruence) tell how far to trust the result. Congruence is the "
    "mean over matched components of the product of the cosines of the three vectors, patterns up to a rotation of "
    "direction.\n\n"
    "Choosing the rank: a scan gives errors, agreement of restarts and the effective dimension of the neural factors, "
    "E = sum s_i^2 / s_1^2 over the singular values of A' centred over components, with the derivative of its mean, "
    "smoothed over 1.5 ranks. The published work chooses by eye where these curves flatten; suggested_rank is a rule "
    "of ours, to begin with.\n\n"
    "By default the responses are taken as they are; --prepare does what encode does before it factors. With a member "
    "`significant` beside the responses and --prepare, maps that are not significant count as zero.\n\n"
    "Values: rank, error_percent, errors (ascending), restarts, within [{percent, share}], congruence {mean, min, "
    "each}, effective_dimension {mean, sd}, components (that did not end at zero), lambda, converged (share), sweeps "
    "(mean), solver, shift, trials; of a scan also ranks [{rank, error_best, error_mean, dimension_mean, dimension_sd, "
    "derivative, congruence, within}], suggested_rank, suggestion_rule. Arrays: neuron (neuron, component), stimulus, "
    "pattern, lambda, shift (neuron, stimulus), residual (neuron; share of its squares left), error and congruence "
    "(restart), trace (sweep; error in per cent of the best restart as the solver saw it), direction (degrees), time "
    "(s); of a scan also scan/rank, scan/error_best, scan/error and scan/dimension (rank, restart), "
    "scan/dimension_mean, scan/dimension_sd, scan/derivative, scan/congruence_mean, and the best factors of each rank "
    "as rank-07/neuron and so on.\n\n"
    "References: Dyballa, Rudzite, Hoseini, Thapa, Stryker, Field & Zucker (2024), PNAS 121, e2317773121; Williams et "
    "al. (2018), Neuron 98, 1099; Acar, Dunlavy & Kolda (2011), J. Chemometrics 25, 67.";

static const char examples[] = "cortifold factor responses.h5 --rank 17 --restarts 30 -o factors.h5\n"
                               "cortifold factor responses.npz --rank 2-20 --resume pieces -o scan.h5\n"
                               "cortifold factor rates.npy --rank 8 --no-shift --json";

typedef struct job {
  size_t first, last; /* ranks */
  cf_factor_options o;
  cf_responses *responses;
  cf_preparation preparation;
  cf_factor_store store;
  cf_rank_scan scan;
  double *seconds;
} job;

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
  if (!end || *end || a < 1 || b < a || b > MOST_RANK)
    return cf_fail(ctx, CF_ERR_USAGE,
                   "--rank: '%s' is neither a number of components from 1 to %d nor a rising range of them like 2-30",
                   text, MOST_RANK);
  *first = a;
  *last = b;
  return CF_OK;
}

static cf_status read_options(cf_context *ctx, const cf_options *options, job *j) {
  cf_status status = CF_OK;
  static const cf_factor_options standard = CF_FACTOR_OPTIONS_INIT;
  CF_TRY(read_rank(ctx, cf_options_text(options, "rank"), &j->first, &j->last));
  j->o = standard;
  j->o.restarts = (size_t)cf_options_integer(options, "restarts");
  j->o.shift = !cf_options_flag(options, "no-shift");
  j->o.solver = strcmp(cf_options_text(options, "solver"), "hals") == 0 ? CF_FACTOR_HALS : CF_FACTOR_QUASI_NEWTON;
  j->o.trials = (size_t)cf_options_integer(options, "trials");
  j->o.sweeps = (size_t)cf_options_integer(options, "sweeps");
  j->o.tolerance = cf_options_number(options, "tolerance");
  j->o.single = strcmp(cf_options_text(options, "precision"), "single") == 0;
  if (cf_options_given(options, "choose")) {
    const size_t wanted = (size_t)cf_options_integer(options, "choose");
    if (wanted < j->first || wanted > j->last)
      CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--choose %zu: the rank is not one of those scanned, %zu to %zu", wanted,
                     j->first, j->last));
  }
done:
  return status;
}

/* What makes shifts or factors questionable but is no error. */
static void warn_of_data(cf_context *ctx, const job *j) {
  const cf_responses *r = j->responses;
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
  if (silent > 0) cf_warn(ctx, "%zu of %zu neurons are zero throughout; their factors are zero", silent, r->neurons);
  if (j->o.shift && r->directions > 1 && !r->even)
    cf_warn(ctx, "the directions do not go round in equal steps; shifts take them as if they did");
}

static cf_status load(cf_context *ctx, const cf_options *options, cf_result *result, job *j) {
  cf_status status = CF_OK;
  const char *address = cf_options_argument(options, 0);
  CF_TRY(cf_load_responses(ctx, address, options, result, &j->responses));
  cf_responses *r = j->responses;
  CF_TRY(cf_prepare_responses(ctx, options, address, r, &j->preparation));
  if (strcmp(cf_options_text(options, "prepare"), "none") != 0) cf_preparation_zero(&j->preparation, r, r->values);
  warn_of_data(ctx, j);
  j->scan.neuron = r->neuron;
  j->scan.stimulus = r->stimulus;
  j->scan.degrees = r->degrees;
  if (r->time && r->time->dtype != CF_TEXT) {
    CF_TRY(CF_ALLOC(ctx, &j->seconds, r->times));
    for (size_t t = 0; t < r->times; t++) j->seconds[t] = cf_array_number(r->time, t);
    j->scan.seconds = j->seconds;
  }
done:
  return status;
}

/* All restarts of one rank, in pieces when they are kept. */
static cf_status fit_rank(cf_context *ctx, job *j, const cf_view *v, size_t rank, cf_rank_summary **out) {
  cf_status status = CF_OK;
  cf_factorisation *all = NULL, *piece = NULL;
  cf_factor_options o = j->o;
  const size_t step = j->store.folder ? CF_FACTOR_PIECE : o.restarts;
  o.rank = rank;
  CF_TRY(cf_factor_store_get_rank(ctx, &j->store, rank, o.restarts, out));
  if (*out) {
    cf_progress_step(ctx, o.restarts);
    return CF_OK;
  }
  for (size_t from = 0; from < o.restarts; from += step) {
    const size_t to = CF_MIN(from + step, o.restarts);
    CF_TRY(cf_factor_store_get(ctx, &j->store, rank, from, to, &piece));
    if (!piece) {
      CF_TRY(cf_factor_fit_some(ctx, v, &o, from, to, &piece));
      CF_TRY(cf_factor_store_put(ctx, &j->store, rank, from, to, piece));
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
  CF_TRY(cf_factor_store_put_rank(ctx, &j->store, *out));
done:
  cf_factorisation_free(all);
  cf_factorisation_free(piece);
  return status;
}

static cf_status fit_ranks(cf_context *ctx, job *j, const cf_view *v) {
  cf_status status = CF_OK;
  const size_t ranks = j->last - j->first + 1;
  CF_TRY(CF_ALLOC(ctx, &j->scan.rank, ranks));
  cf_progress_begin(ctx, "ranks", ranks);
  for (size_t i = 0; i < ranks && status == CF_OK; i++) {
    status = fit_rank(ctx, j, v, j->first + i, &j->scan.rank[i]);
    if (status != CF_OK && ranks > 1) status = cf_explain(ctx, status, "rank %zu", j->first + i);
    if (status == CF_OK) j->scan.count++;
  }
  cf_progress_end(ctx);
done:
  return status;
}

static void fill_options(const job *j, cf_json *values) {
  const bool hals = j->o.solver == CF_FACTOR_HALS;
  const size_t trials = j->o.trials ? j->o.trials : hals && j->o.shift ? 8 : 1;
  cf_json_set(values, "solver", cf_json_text(hals ? "hals" : "quasi-newton"));
  cf_json_set(values, "shift", cf_json_bool(j->o.shift));
  cf_json_set(values, "trials", cf_json_number((double)trials));
  cf_json_set(values, "neurons", cf_json_number((double)j->responses->neurons));
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  job j = {0};
  CF_TRY(read_options(ctx, options, &j));
  CF_TRY(load(ctx, options, result, &j));
  const cf_view v = cf_responses_view(j.responses);
  CF_TRY(cf_factor_store_open(ctx, cf_options_text(options, "resume"), &v, &j.o, &j.store));
  CF_TRY(fit_ranks(ctx, &j, &v));
  CF_TRY(cf_rank_scan_choose(ctx, &j.scan, (size_t)CF_MAX(0, cf_options_integer(options, "choose"))));
  fill_options(&j, result->values);
  cf_json_set(result->values, "preparation", j.preparation.json);
  j.preparation.json = NULL;
  CF_TRY(cf_rank_scan_results(ctx, &j.scan, result));
  CF_TRY(cf_rank_scan_say(ctx, &j.scan, result));
done:
  for (size_t i = 0; j.scan.rank && i < j.scan.count; i++) cf_rank_summary_free(j.scan.rank[i]);
  cf_free(j.scan.rank);
  cf_free(j.seconds);
  cf_factor_store_close(&j.store);
  cf_preparation_free(&j.preparation);
  cf_responses_free(j.responses);
  return status;
}

/* About 200 sweeps of a restart, in single precision, and its copy of the data. */
static cf_status cost(cf_context *ctx, const cf_options *options, cf_cost *out) {
  cf_status status = CF_OK;
  job j = {0};
  size_t rows = 0, each = 0;
  CF_TRY(read_options(ctx, options, &j));
  if (!cf_systems_shape(ctx, cf_options_argument(options, 0), &rows, &each)) goto done;
  const double count = (double)rows * (double)each, threads = cf_context_threads(ctx);
  for (size_t r = j.first; r <= j.last; r++)
    out->seconds += 200 * 6 * count * (double)r * (double)j.o.restarts / 4e10 / threads;
  out->bytes = count * (16 + 8 * threads);
done:
  cf_context_clear(ctx);
  return CF_OK;
}

const cf_analysis cf_analysis_factor = {"factor",    "Manifolds", "Permuted non-negative CP factorisation of responses",
                                        "RESPONSES", 1,           1,
                                        description, examples,    params,
                                        run,         cost,        false};
