/* `cortifold factor`: permuted non-negative CP factorisation of responses, of one rank or a scan of ranks. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/analyses.h"
#include "pipeline/factoring.h"
#include "pipeline/prepare.h"
#include "pipeline/systems.h"

static const cf_param params[] = {
    {"rank", 'r', CF_PARAM_TEXT, "R[-R]", NULL, 0, 0, NULL, "Number of components, or a range of them to scan: 2-30."},
    CF_FACTORING_OPTIONS("50"),
    {"choose", 0, CF_PARAM_INTEGER, "R", NULL, 1, CF_FACTORING_RANK, NULL,
     "Of a scan, the rank whose factors are the result; otherwise the suggested one."},
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
  cf_factoring fit;
  cf_responses *responses;
  cf_preparation preparation;
  cf_rank_scan scan;
  double *seconds;
} job;

static cf_status read_options(cf_context *ctx, const cf_options *options, cf_factoring *fit) {
  const cf_status status = cf_factoring_read(ctx, options, cf_options_text(options, "rank"), fit);
  if (status != CF_OK || !cf_options_given(options, "choose")) return status;
  const size_t wanted = (size_t)cf_options_integer(options, "choose");
  if (wanted >= fit->first && wanted <= fit->last) return CF_OK;
  return cf_fail(ctx, CF_ERR_USAGE, "--choose %zu: the rank is not one of those scanned, %zu to %zu", wanted,
                 fit->first, fit->last);
}

static cf_status load(cf_context *ctx, const cf_options *options, cf_result *result, job *j) {
  cf_status status = CF_OK;
  const char *address = cf_options_argument(options, 0);
  CF_TRY(cf_load_responses(ctx, address, options, result, &j->responses));
  cf_responses *r = j->responses;
  CF_TRY(cf_prepare_responses(ctx, options, address, r, &j->preparation));
  if (strcmp(cf_options_text(options, "prepare"), "none") != 0) cf_preparation_zero(&j->preparation, r, r->values);
  cf_factoring_warn(ctx, options, &j->fit, r);
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

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  job j = {0};
  CF_TRY(read_options(ctx, options, &j.fit));
  CF_TRY(load(ctx, options, result, &j));
  const cf_view v = cf_responses_view(j.responses);
  CF_TRY(cf_factoring_fit(ctx, &j.fit, &v, &j.scan));
  CF_TRY(cf_rank_scan_choose(ctx, &j.scan, (size_t)CF_MAX(0, cf_options_integer(options, "choose"))));
  cf_factoring_values(&j.fit, result->values);
  cf_json_set(result->values, "neurons", cf_json_number((double)j.responses->neurons));
  cf_json_set(result->values, "preparation", j.preparation.json);
  j.preparation.json = NULL;
  CF_TRY(cf_rank_scan_results(ctx, &j.scan, result));
  CF_TRY(cf_rank_scan_say(ctx, &j.scan, result));
done:
  cf_factoring_clear(&j.scan);
  cf_free(j.seconds);
  cf_preparation_free(&j.preparation);
  cf_responses_free(j.responses);
  return status;
}

static cf_status cost(cf_context *ctx, const cf_options *options, cf_cost *out) {
  cf_status status = CF_OK;
  cf_factoring fit;
  size_t rows = 0, each = 0;
  CF_TRY(read_options(ctx, options, &fit));
  if (cf_systems_shape(ctx, cf_options_argument(options, 0), &rows, &each))
    cf_factoring_cost(ctx, &fit, (double)rows * (double)each, out);
done:
  cf_context_clear(ctx);
  return CF_OK;
}

const cf_analysis cf_analysis_factor = {"factor",    "Manifolds", "Permuted non-negative CP factorisation of responses",
                                        "RESPONSES", 1,           1,
                                        description, examples,    params,
                                        run,         cost,        false};
