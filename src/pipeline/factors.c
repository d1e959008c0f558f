/* `cortifold factors`: what finished factorisations say, without fitting. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/analyses.h"
#include "pipeline/factor_scan.h"

static const cf_param params[] = {
    CF_FACTORS_OPTIONS,
    {"no-rotate", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL,
     "Patterns of two restarts are compared as they are, not up to a rotation of the direction axis."},
    {"choose", 0, CF_PARAM_INTEGER, "R", NULL, 1, 1000, NULL,
     "Of several ranks, the one whose factors are the result; otherwise the suggested one."},
    {"rebuild", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL,
     "Also write `responses`, what the factors of the result rebuild, for analyses that start from responses."},
    {"stimulus-names", 0, CF_PARAM_LIST, "NAME,...", NULL, 0, 0, NULL,
     "Names of the stimuli, in order, where the files have none."},
    CF_PARAM_END,
};

static const char description[] =
    "Reads finished non-negative factorisations and gives their errors, the agreement of their restarts and the "
    "effective dimension of their neural factors: the same values and arrays as factor, without fitting. Each FILE is "
    "one rank:\n\n"
    "FILE[:rank-07]: what factor wrote, or another rank of a scan in it; one restart.\n\n"
    "FILE.mat: every restart, in the cells factors {restart}{neuron, stimulus, pattern}, lams {restart} and objs "
    "{restart} (error in per cent).\n\n"
    "NEURON,STIMULUS,PATTERN[,LAMBDA]: arrays (neuron, component), (stimulus, component), (pattern, component) and "
    "(component); one restart, whose error is not known.\n\n"
    "A pattern is flattened with the direction fastest. Columns are scaled to unit norm, components sorted by lambda, "
    "and those at zero come last. The formulas are described under factor.\n\n"
    "--rebuild: responses (neuron, stimulus, direction, time) = sum_r lambda_r A_nr B_sr C_pr, turned back by the shifts "
    "where the file has them. They are without noise and as smooth as the factors; where shifts are not known, preferred "
    "directions stay aligned.\n\n"
    "Values and arrays: those of factor; files [{file, kind, rank, restarts}]; with --rebuild responses.";

static const char examples[] =
    "cortifold factors fnn_R02.mat fnn_R03.mat fnn_R04.mat -o curve.h5\n"
    "cortifold factors v1_neuron.npy,v1_stim.npy,v1_dirtime.npy,v1_lambda.npy --rebuild -o v1.h5\n"
    "cortifold factors scan.h5:rank-05 scan.h5:rank-06";

typedef struct job {
  cf_rank_scan scan;
  cf_factor_set *first; /* keeps the labels that the scan points to */
} job;

/* Ranks ascend; two files of one rank are an error. */
static cf_status insert(cf_context *ctx, const char *address, cf_rank_summary *s, cf_rank_scan *scan) {
  size_t at = scan->count;
  for (size_t i = 0; i < scan->count; i++)
    if (scan->rank[i]->rank == s->rank) {
      const size_t rank = s->rank;
      cf_rank_summary_free(s);
      return cf_fail(ctx, CF_ERR_INPUT, "%s: rank %zu was in an earlier file already; each file is one rank", address,
                     rank);
    }
  for (; at > 0 && scan->rank[at - 1]->rank > s->rank; at--) scan->rank[at] = scan->rank[at - 1];
  scan->rank[at] = s;
  scan->count++;
  return CF_OK;
}

static cf_status check_shape(cf_context *ctx, const char *address, const cf_factors *f, const cf_factors *g) {
  if (f->neurons == g->neurons && f->stimuli == g->stimuli && f->directions == g->directions && f->times == g->times)
    return CF_OK;
  return cf_fail(ctx, CF_ERR_INPUT,
                 "%s: %zu neurons, %zu stimuli, %zu directions, %zu times; the first file has %zu, %zu, %zu, %zu",
                 address, f->neurons, f->stimuli, f->directions, f->times, g->neurons, g->stimuli, g->directions,
                 g->times);
}

static cf_status note_file(cf_context *ctx, const char *address, const cf_factor_set *set, cf_json *files) {
  cf_json *entry = cf_json_object();
  cf_json_set(entry, "file", cf_json_text(address));
  cf_json_set(entry, "kind", cf_json_text(set->kind));
  cf_json_set(entry, "rank", cf_json_number((double)set->fits->restart[0]->rank));
  cf_json_set(entry, "restarts", cf_json_number((double)set->fits->restarts));
  return cf_json_append(files, entry) ? CF_OK : cf_fail(ctx, CF_ERR_MEMORY, "no memory for the result");
}

static cf_status read_one(cf_context *ctx, const cf_options *options, const char *address, cf_result *result,
                          cf_json *files, job *j) {
  cf_status status = CF_OK;
  cf_factor_set *set = NULL;
  cf_rank_summary *s = NULL;
  CF_TRY(cf_load_factors(ctx, address, (size_t)cf_options_integer(options, "directions"), result, &set));
  CF_TRY(note_file(ctx, address, set, files));
  if (j->scan.count > 0) CF_TRY(check_shape(ctx, address, set->fits->restart[0], j->scan.rank[0]->best));
  const bool cells = strcmp(set->kind, "matlab cells") == 0;
  cf_factorisation *fits = set->fits;
  set->fits = NULL;
  CF_TRY(cf_rank_summary_new(ctx, fits, !cf_options_flag(options, "no-rotate"), &s));
  s->converged = s->sweeps = NAN; /* no file says */
  if (cells && s->best->alive < s->rank)
    cf_warn(ctx, "%s: %zu of %zu components of the best restart are zero", address, s->rank - s->best->alive, s->rank);
  CF_TRY(insert(ctx, address, s, &j->scan));
  if (!j->first) {
    j->first = set;
    set = NULL;
  }
done:
  cf_factor_set_free(set);
  return status;
}

/* Names given by --stimulus-names take the place of the file's. */
static cf_status name_stimuli(cf_context *ctx, const cf_options *options, cf_factor_set *set, size_t stimuli) {
  cf_status status = CF_OK;
  const size_t n = cf_options_list_count(options, "stimulus-names");
  char text[256];
  cf_array *names = NULL;
  if (n == 0) return CF_OK;
  if (n != stimuli)
    return cf_fail(ctx, CF_ERR_USAGE, "--stimulus-names has %zu names, the factors have %zu stimuli", n, stimuli);
  CF_TRY(cf_array_new(ctx, "stimulus", CF_TEXT, 1, &n, &names));
  for (size_t i = 0; i < n; i++)
    CF_TRY(cf_strdup(ctx, cf_options_list_entry(options, "stimulus-names", i, text, sizeof text),
                     &((char **)names->data)[i]));
  cf_array_free(set->stimulus);
  set->stimulus = names;
  names = NULL;
done:
  cf_array_free(names);
  return status;
}

static cf_status put_responses(cf_context *ctx, const cf_rank_scan *scan, cf_result *result) {
  static const char *const axes[] = {"neuron", "stimulus", "direction", "time"};
  cf_status status = CF_OK;
  const cf_factors *f = scan->rank[scan->chosen]->best;
  const size_t shape[4] = {f->neurons, f->stimuli, f->directions, f->times};
  size_t maps = 0, count = 0;
  double *values = NULL;
  CF_TRY(cf_size_mul(ctx, f->neurons, f->stimuli, &maps));
  CF_TRY(cf_size_mul(ctx, maps, f->patterns, &count));
  CF_TRY(CF_ALLOC(ctx, &values, count));
  cf_factors_rebuild(f, values);
  CF_TRY(cf_factor_put(ctx, scan, result, "responses", 4, shape, axes, values));
done:
  cf_free(values);
  return status;
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  job j = {0};
  cf_json *files = cf_json_list();
  CF_TRY(CF_ALLOC(ctx, &j.scan.rank, cf_options_arguments(options)));
  for (size_t i = 0; i < cf_options_arguments(options); i++)
    CF_TRY(read_one(ctx, options, cf_options_argument(options, i), result, files, &j));
  CF_TRY(name_stimuli(ctx, options, j.first, j.scan.rank[0]->best->stimuli));
  j.scan.degrees = j.first->degrees;
  j.scan.seconds = j.first->seconds;
  j.scan.neuron = j.first->neuron;
  j.scan.stimulus = j.first->stimulus;
  CF_TRY(cf_rank_scan_choose(ctx, &j.scan, (size_t)CF_MAX(0, cf_options_integer(options, "choose"))));
  cf_json_set(result->values, "files", files);
  files = NULL;
  CF_TRY(cf_rank_scan_results(ctx, &j.scan, result));
  if (cf_options_flag(options, "rebuild")) CF_TRY(put_responses(ctx, &j.scan, result));
  CF_TRY(cf_rank_scan_say(ctx, &j.scan, result));
done:
  for (size_t i = 0; j.scan.rank && i < j.scan.count; i++) cf_rank_summary_free(j.scan.rank[i]);
  cf_free(j.scan.rank);
  cf_factor_set_free(j.first);
  cf_json_free(files);
  return status;
}

const cf_analysis cf_analysis_factors = {
    "factors",   "Manifolds", "What finished factorisations say: errors, agreement",
    "FILE...",   1,           -1,
    description, examples,    params,
    run,         NULL,        false};
