/* From files to neural matrices: each set of stimuli is loaded, prepared and factored on its own, or its factors are
 * read; the matrices stand side by side. */
#include "base/internal.h"
#include "pipeline/encode.h"
#include "pipeline/factoring.h"
#include "pipeline/load.h"
#include "pipeline/prepare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -------------------------------------------------------------- factors -- */

/* What the factors rebuild, as responses without labels. */
static cf_status rebuild(cf_context *ctx, const cf_factors *f, cf_responses **out) {
  cf_status status = CF_OK;
  cf_responses *r = NULL;
  const size_t S = f->stimuli, D = f->directions, T = f->times;
  size_t count = 0;
  *out = NULL;
  CF_TRY(CF_ALLOC(ctx, &r, 1));
  *r = (cf_responses){.neurons = f->neurons, .stimuli = S, .directions = D, .times = T, .even = true, .step = NAN};
  CF_TRY(cf_size_mul(ctx, f->neurons * S, D * T, &count));
  CF_TRY(CF_ALLOC(ctx, &r->values, count));
  CF_TRY(CF_ALLOC(ctx, &r->degrees, D));
  CF_TRY(CF_ALLOC(ctx, &r->index, f->neurons));
  for (size_t d = 0; d < D; d++) r->degrees[d] = 360.0 * (double)d / (double)D;
  for (size_t n = 0; n < f->neurons; n++) r->index[n] = n;
  cf_factors_rebuild(f, r->values);
  *out = r;
  r = NULL;
done:
  cf_responses_free(r);
  return status;
}

/* Names given by --stimulus-names, or those of the file. */
static cf_status name_stimuli(cf_context *ctx, const cf_options *options, cf_responses *r) {
  cf_status status = CF_OK;
  const size_t n = cf_options_list_count(options, "stimulus-names");
  char text[256];
  cf_array *names = NULL;
  if (n == 0) return CF_OK;
  if (n != r->stimuli)
    return cf_fail(ctx, CF_ERR_USAGE, "--stimulus-names has %zu names, the responses have %zu stimuli", n, r->stimuli);
  CF_TRY(cf_array_new(ctx, "stimulus", CF_TEXT, 1, &n, &names));
  for (size_t i = 0; i < n; i++)
    CF_TRY(cf_strdup(ctx, cf_options_list_entry(options, "stimulus-names", i, text, sizeof text),
                     &((char **)names->data)[i]));
  cf_array_free(r->stimulus);
  r->stimulus = names;
  names = NULL;
done:
  cf_array_free(names);
  return status;
}

static cf_status read_factors(cf_context *ctx, const char *address, size_t directions, cf_result *result,
                              cf_encode_set *s) {
  cf_status status = CF_OK;
  CF_TRY(cf_load_factors(ctx, address, directions, result, &s->read));
  CF_TRY(CF_ALLOC(ctx, &s->scan.rank, 1));
  cf_factorisation *fits = s->read->fits;
  s->read->fits = NULL;
  CF_TRY(cf_rank_summary_new(ctx, fits, s->read->shifts, &s->scan.rank[0]));
  s->scan.count = 1;
  s->scan.suggested = SIZE_MAX;
  s->factors = s->scan.rank[0]->best;
done:
  return status;
}

/* Labels that the factors' file has are those of the responses they rebuild. */
static cf_status take_labels(cf_context *ctx, cf_encode_set *s) {
  cf_status status = CF_OK;
  cf_responses *r = s->responses;
  const cf_factor_set *f = s->read;
  if (f->neuron) CF_TRY(cf_array_copy(ctx, f->neuron, &r->neuron));
  if (f->stimulus) CF_TRY(cf_array_copy(ctx, f->stimulus, &r->stimulus));
  if (f->seconds) {
    CF_TRY(cf_array_from_doubles(ctx, "time", 1, &r->times, f->seconds, &r->time));
    if (r->times > 1) r->step = (f->seconds[r->times - 1] - f->seconds[0]) / (double)(r->times - 1);
  }
  if (f->degrees) memcpy(r->degrees, f->degrees, r->directions * sizeof *r->degrees);
  CF_TRY(cf_array_from_doubles(ctx, "direction", 1, &r->directions, r->degrees, &r->direction));
done:
  return status;
}

/* A set of which only the factors are known. */
static cf_status set_from_factors(cf_context *ctx, const cf_options *options, const char *address, cf_result *result,
                                  cf_encode_set *s) {
  cf_status status = CF_OK;
  CF_TRY(read_factors(ctx, address, (size_t)cf_options_integer(options, "directions"), result, s));
  CF_TRY(rebuild(ctx, s->factors, &s->responses));
  CF_TRY(take_labels(ctx, s));
  CF_TRY(name_stimuli(ctx, options, s->responses));
  CF_TRY(cf_encode_check_labels(ctx, options, s->responses->neurons));
  s->rebuilt = true;
  CF_TRY(CF_ALLOC(ctx, &s->matrix, s->factors->neurons * s->factors->rank));
  CF_TRY(cf_neural_matrix(ctx, s->factors, NULL, NULL, s->matrix, NULL));
done:
  return status;
}

/* ------------------------------------------------------------- responses -- */

static cf_status check_sizes(cf_context *ctx, const char *address, const cf_responses *r, const cf_factors *f) {
  if (f->neurons == r->neurons && f->stimuli == r->stimuli && f->directions == r->directions && f->times == r->times)
    return CF_OK;
  return cf_fail(
      ctx, CF_ERR_INPUT,
      "%s: the factors are of %zu neurons x %zu stimuli x %zu directions x %zu times, the prepared responses "
      "have %zu x %zu x %zu x %zu",
      address, f->neurons, f->stimuli, f->directions, f->times, r->neurons, r->stimuli, r->directions, r->times);
}

/* "auto" scans the ranks of --scan and takes the suggested one; otherwise a rank or a range, one a set or one for all.
 */
static cf_status fit_factors(cf_context *ctx, const cf_options *options, const cf_view *values, const cf_responses *r,
                             size_t which, cf_encode_set *s) {
  cf_status status = CF_OK;
  char rank[64];
  cf_factoring job;
  const size_t ranks = cf_options_list_count(options, "rank");
  cf_options_list_entry(options, "rank", ranks > 1 ? which : 0, rank, sizeof rank);
  CF_TRY(cf_factoring_read(ctx, options, strcmp(rank, "auto") == 0 ? cf_options_text(options, "scan") : rank, &job));
  cf_factoring_warn(ctx, options, &job, r);
  CF_TRY(cf_factoring_fit(ctx, &job, values, &s->scan));
  CF_TRY(cf_rank_scan_choose(ctx, &s->scan, 0));
  s->factors = s->scan.rank[s->scan.chosen]->best;
done:
  return status;
}

/* Loads twice: once to keep what the neurons did, once to prepare. */
static cf_status set_from_responses(cf_context *ctx, const cf_options *options, const char *address,
                                    const char *factors, size_t which, cf_result *result, cf_encode_set *s) {
  cf_status status = CF_OK;
  cf_responses *r = NULL;
  cf_preparation preparation = {0};
  double *fitted = NULL;
  CF_TRY(cf_load_responses(ctx, address, options, result, &s->responses));
  CF_TRY(name_stimuli(ctx, options, s->responses));
  if (which == 0) CF_TRY(cf_encode_check_labels(ctx, options, s->responses->neurons + s->responses->dropped));
  CF_TRY(cf_load_responses(ctx, address, options, NULL, &r));
  CF_TRY(name_stimuli(ctx, options, r));
  CF_TRY(cf_prepare_responses(ctx, options, address, r, &preparation));
  s->preparation = preparation.json;
  preparation.json = NULL;
  const cf_view whole = cf_responses_view(r);
  cf_view fit = whole;
  if (preparation.significant) {
    CF_TRY(CF_ALLOC(ctx, &s->zeroed, r->neurons * r->stimuli));
    for (size_t i = 0; i < r->neurons * r->stimuli; i++) s->zeroed[i] = !preparation.significant[i];
    CF_TRY(CF_ALLOC(ctx, &fitted, cf_view_count(&whole)));
    cf_view_copy(&whole, fitted);
    cf_preparation_zero(&preparation, r, fitted);
    fit.data = fitted;
    CF_TRY(CF_ALLOC(ctx, &s->rotation, r->neurons));
  }
  if (factors) {
    CF_TRY(read_factors(ctx, factors, r->directions, result, s));
    CF_TRY(check_sizes(ctx, factors, r, s->factors));
  } else {
    CF_TRY(fit_factors(ctx, options, &fit, r, which, s));
  }
  CF_TRY(CF_ALLOC(ctx, &s->matrix, r->neurons * s->factors->rank));
  CF_TRY(cf_neural_matrix(ctx, s->factors, &whole, s->zeroed, s->matrix, s->rotation));
  cf_free(r->values);
  r->values = NULL;
  s->fitted = r;
  r = NULL;
done:
  cf_free(fitted);
  cf_preparation_free(&preparation);
  cf_responses_free(r);
  return status;
}

/* The scan's arrays carry the labels of what was factored. */
static cf_status label_scan(cf_context *ctx, cf_encode_set *s) {
  cf_status status = CF_OK;
  const cf_responses *r = s->fitted ? s->fitted : s->responses;
  s->scan.neuron = r->neuron;
  s->scan.stimulus = r->stimulus;
  s->scan.degrees = r->degrees;
  if (r->time && r->time->dtype != CF_TEXT) {
    CF_TRY(CF_ALLOC(ctx, &s->seconds, r->times));
    for (size_t t = 0; t < r->times; t++) s->seconds[t] = cf_array_number(r->time, t);
    s->scan.seconds = s->seconds;
  }
done:
  return status;
}

/* ------------------------------------------------------------------ sets -- */

/* Sets show other stimuli to the same neurons: by label where all have labels, else by position. */
static cf_status match_neurons(cf_context *ctx, const cf_encoding *e, size_t k, size_t *index) {
  const cf_responses *a = e->set[0].responses, *b = e->set[k].responses;
  if (a->neurons != b->neurons)
    return cf_fail(ctx, CF_ERR_INPUT, "set %zu has %zu neurons, the first has %zu; all sets are of the same neurons",
                   k + 1, b->neurons, a->neurons);
  if (a->neuron && b->neuron) return cf_labels_match(ctx, a->neuron, b->neuron, index);
  for (size_t i = 0; i < a->neurons; i++) index[i] = i;
  if (k > 0) cf_warn(ctx, "set %zu has no labels of neurons; they are matched by position", k + 1);
  return CF_OK;
}

static cf_status join_matrices(cf_context *ctx, cf_encoding *e) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *index = NULL, column = 0;
  e->neurons = e->set[0].responses->neurons;
  for (size_t k = 0; k < e->sets; k++) e->columns += e->set[k].factors->rank;
  CF_TRY(CF_ALLOC(ctx, &e->matrix, e->neurons * e->columns));
  CF_TRY(CF_SCRATCH(ctx, &index, e->neurons));
  for (size_t k = 0; k < e->sets; k++) {
    const size_t rank = e->set[k].factors->rank;
    CF_TRY(match_neurons(ctx, e, k, index));
    for (size_t i = 0; i < e->neurons; i++)
      memcpy(e->matrix + i * e->columns + column, e->set[k].matrix + index[i] * rank, rank * sizeof *e->matrix);
    column += rank;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_encode_sets(cf_context *ctx, const cf_options *options, cf_result *result, cf_encoding *e) {
  cf_status status = CF_OK;
  char factors[4096];
  const char *named = cf_options_text(options, "factors");
  const size_t given = cf_options_arguments(options), read = !named  ? 0
                                                             : given ? cf_options_list_count(options, "factors")
                                                                     : 1;
  if (given == 0 && read == 0)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "give RESPONSES, or finished factors by --factors FILE"));
  const size_t ranks = cf_options_list_count(options, "rank");
  if (ranks > 1 && ranks != given)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--rank names %zu ranks for %zu sets of responses", ranks, given));
  if (given > 1 && read > 0 && given != read)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--factors names %zu files for %zu sets of responses", read, given));
  e->sets = given ? given : read;
  CF_TRY(CF_ALLOC(ctx, &e->set, e->sets));
  for (size_t k = 0; k < e->sets; k++) {
    const char *file = read ? cf_options_list_entry(options, "factors", k, factors, sizeof factors) : NULL;
    if (given == 1) file = named; /* whole: it may list the arrays of one set */
    if (given)
      CF_TRY(set_from_responses(ctx, options, cf_options_argument(options, k), file, k, result, &e->set[k]));
    else
      CF_TRY(set_from_factors(ctx, options, named, result, &e->set[k]));
    CF_TRY(label_scan(ctx, &e->set[k]));
  }
  CF_TRY(join_matrices(ctx, e));
done:
  return status;
}

void cf_encoding_free(cf_encoding *e) {
  for (size_t k = 0; e->set && k < e->sets; k++) {
    cf_encode_set *s = &e->set[k];
    cf_responses_free(s->responses);
    cf_responses_free(s->fitted);
    cf_free(s->seconds);
    cf_free(s->zeroed);
    cf_factoring_clear(&s->scan);
    cf_factor_set_free(s->read);
    cf_free(s->matrix);
    cf_free(s->rotation);
    cf_json_free(s->preparation);
  }
  cf_free(e->set);
  cf_free(e->matrix);
  cf_free(e->ratio);
  cf_free(e->scores);
  cf_ian_free(e->ian);
  cf_free(e->kept);
  cf_free(e->points);
  cf_graph_free(e->graph);
  cf_graph_free(e->kernel);
  cf_free(e->coordinates);
  cf_free(e->eigenvalues);
  cf_free(e->embedding);
  cf_free(e->embedding_ratio);
  cf_clustering_free(e->clusters);
  cf_free(e->ncd);
  cf_free(e->degree_dimension);
  cf_free(e->dimension);
  *e = (cf_encoding){0};
}
