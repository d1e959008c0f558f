/* `cortifold dynamics`: delays and rank for the linear dynamics of one data set. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/internal.h"
#include "pipeline/analyses.h"
#include "pipeline/trajectories.h"

static const cf_param params[] = {
    {"sweep-delays", 0, CF_PARAM_LIST, "Q,...", "1,2,4,8", 0, 0, NULL, "Numbers of delays to try."},
    {"sweep-ranks", 0, CF_PARAM_LIST, "R,...", "2,5,10,20", 0, 0, NULL,
     "Ranks to try with each; 0: all directions. What the data cannot give is left out."},
    {"scale", 0, CF_PARAM_CHOICE, "RULE", "none", 0, 0, "none|zscore",
     "zscore: every channel by its mean and standard deviation over all trials and times."},
    CF_TRAJECTORY_OPTIONS,
    CF_PARAM_END,
};

static const char description[] =
    "How many delays and which rank describe the dynamics of trajectories (condition, time, channel), before systems are "
    "compared by dsa in compare and distances. For every pair of --sweep-delays and --sweep-ranks an operator is fitted to "
    "80 % of the trials (of the time, for a single trial) and predicts the others:\n\n"
    "aic: (N ln(SSE / N) + 2 (r^2 + 1)) / N over the N predicted numbers. mase: mean absolute error over that of "
    "persistence, below 1 when the operator predicts better than no change. error: squared error over variance. "
    "non_normal: |B'B - BB'| of the operator on the embedding. residual: mean over eigenpairs of how far the held-out data "
    "are from following them.\n\n"
    "suggested: among those with mase < 1 and an aic within 1 % of the range above the least, the smallest rank, then the "
    "fewest delays. The published advice is to look where aic flattens; this rule is ours.\n"
    "fast: the rule of fastDSA from one trial's mean channel (correlation time, period, length; then the hard-threshold "
    "rank of the delay matrix), the median over the trials.\n\n"
    "The eigenvalues of the operator given by --delays and --rank on all data come with it. With --inputs the trajectories "
    "are the outputs of a driven system x(t+1) = A x(t) + B u(t), y = C x + D u, which is identified by subspaces "
    "(--delays steps of past and of future, --rank states; full: 99.9 % of the energy): the gap in its singular values "
    "shows the order. --starts, --root and --unequal have no effect here.\n\n"
    "Values: sweep [{delays, rank, aic, mase, error, non_normal, residual}], suggested {delays, rank}, fast {delays, rank, "
    "correlation_time, by_correlation, by_period, by_length}, operator {dimensions, rank, embedding, residual, "
    "eigenvalues}, system {order, inputs, outputs, singular_values, eigenvalues} (null without --inputs). Arrays: aic, mase, error, non_normal, residual (delays, rank), eigenvalues (mode, part), system/A, B, C, D, eigenvalues, "
    "singular_values.\n\n"
    "References: Ostrow, Eisen, Kozachkov and Fiete (2023) NeurIPS; arXiv 2511.22828 (fastDSA); Van Overschee and De Moor "
    "(1996), Subspace Identification for Linear Systems.";

static const char examples[] = "cortifold dynamics trajectories.npy --sweep-delays 1,5,10 --sweep-ranks 5,10,20,40\n"
                               "cortifold dynamics epochs.npy --axes channel-time --pca 10 -o sweep.npz\n"
                               "cortifold dynamics motor.npz:rates --inputs stimulus --delays 5 -o system.npz";

enum { MOST = 64 };

typedef struct job {
  cf_systems systems;
  cf_trajectory_options t;
  cf_trajectory *data;
  size_t delays[MOST], ranks[MOST], n_delays, n_ranks, best;
  cf_sweep_entry *entry;
  cf_delay_rule fast;
  bool driven; /* --inputs was given */
} job;

static cf_status read_list(cf_context *ctx, const cf_options *options, const char *name, size_t least, size_t *out,
                           size_t *count) {
  char text[64], *end = NULL;
  *count = cf_options_list_count(options, name);
  if (*count == 0 || *count > MOST) return cf_fail(ctx, CF_ERR_USAGE, "--%s: 1 to %d numbers", name, MOST);
  for (size_t i = 0; i < *count; i++) {
    const char *word = cf_options_list_entry(options, name, i, text, sizeof text);
    const double v = word ? strtod(word, &end) : NAN;
    if (!word || end == word || *end || !(v >= (double)least && v <= 1e6) || floor(v) != v)
      return cf_fail(ctx, CF_ERR_USAGE, "--%s: '%s' is not an integer from %zu on", name, word ? word : "", least);
    out[i] = (size_t)v;
  }
  return CF_OK;
}

static cf_status read_options(cf_context *ctx, const cf_options *options, job *j) {
  cf_status status = CF_OK;
  CF_TRY(cf_trajectory_read_options(ctx, options, &j->t));
  CF_TRY(read_list(ctx, options, "sweep-delays", 1, j->delays, &j->n_delays));
  CF_TRY(read_list(ctx, options, "sweep-ranks", 0, j->ranks, &j->n_ranks));
  CF_TRY(cf_systems_expand(ctx, cf_options_argument(options, 0), &j->systems));
  if (j->systems.count != 1)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "one data set is needed, %zu are named", j->systems.count));
  j->driven = cf_options_given(options, "inputs");
done:
  return status;
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The rule for each trial; of the trials the one with the median number of delays speaks. */
static cf_status choose_fast(cf_context *ctx, const cf_view *trial, job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = j->data[0].trials;
  cf_delay_rule *rule;
  double *delays;
  CF_TRY(CF_SCRATCH(ctx, &rule, n));
  CF_TRY(CF_SCRATCH(ctx, &delays, n));
  for (size_t r = 0; r < n; r++) {
    CF_TRY(cf_delay_choose(ctx, &trial[r], &rule[r]));
    delays[r] = (double)rule[r].delays;
  }
  qsort(delays, n, sizeof *delays, ascending);
  for (size_t r = n; r-- > 0;)
    if ((double)rule[r].delays == delays[(n - 1) / 2]) j->fast = rule[r];
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status compute(cf_context *ctx, job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_trajectory *t = &j->data[0];
  cf_view *trial;
  CF_TRY(CF_SCRATCH(ctx, &trial, t->trials));
  CF_TRY(CF_ALLOC(ctx, &j->entry, j->n_delays * j->n_ranks));
  for (size_t r = 0; r < t->trials; r++)
    trial[r] = cf_view_matrix(t->data + r * t->steps * t->channels, t->steps, t->channels);
  const cf_trajectories all = {t->trials, trial, t->name};
  CF_TRY(cf_operator_sweep(ctx, &all, &j->t.op, j->n_delays, j->delays, j->n_ranks, j->ranks, j->entry, &j->best));
  size_t defined = 0;
  for (size_t i = 0; i < j->n_delays * j->n_ranks; i++) defined += j->entry[i].defined;
  if (defined == 0)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                   "%s: %zu trials of %zu steps and %zu channels do not carry any of these delays and ranks; fewer, or "
                   "--pca, may do",
                   t->name, t->trials, t->steps, t->channels));
  if (t->steps >= 8) CF_TRY(choose_fast(ctx, trial, j));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ---------------------------------------------------------------- output -- */

static const char *const quantities[] = {"aic", "mase", "error", "non_normal", "residual"};
enum { QUANTITIES = 5 };

static double quantity(const cf_sweep_entry *e, size_t which) {
  const double v[QUANTITIES] = {e->aic, e->mase, e->error, e->non_normal, e->residual};
  return e->defined ? v[which] : NAN;
}

static void fill_values(const job *j, cf_json *values) {
  cf_json *list = cf_json_list(), *suggested = cf_json_object(), *fast = cf_json_object();
  const size_t n = j->n_delays * j->n_ranks;
  for (size_t i = 0; i < n; i++) {
    cf_json *o = cf_json_object();
    cf_json_set(o, "delays", cf_json_number((double)j->entry[i].delays));
    cf_json_set(o, "rank", cf_json_number((double)j->entry[i].rank));
    for (size_t k = 0; k < QUANTITIES; k++) cf_json_set(o, quantities[k], cf_json_number(quantity(&j->entry[i], k)));
    cf_json_append(list, o);
  }
  cf_json_set(values, "sweep", list);
  cf_json_set(suggested, "delays", j->best < n ? cf_json_number((double)j->entry[j->best].delays) : cf_json_null());
  cf_json_set(suggested, "rank", j->best < n ? cf_json_number((double)j->entry[j->best].rank) : cf_json_null());
  cf_json_set(values, "suggested", suggested);
  if (j->fast.delays) {
    cf_json_set(fast, "delays", cf_json_number((double)j->fast.delays));
    cf_json_set(fast, "rank", cf_json_number((double)j->fast.rank));
    cf_json_set(fast, "correlation_time", cf_json_number(j->fast.correlation_time));
    cf_json_set(fast, "by_correlation", cf_json_number((double)j->fast.by_correlation));
    cf_json_set(fast, "by_period", cf_json_number((double)j->fast.by_period));
    cf_json_set(fast, "by_length", cf_json_number((double)j->fast.by_length));
  }
  cf_json_set(values, "fast", fast);
  cf_json_set(values, "operator", cf_trajectory_json(&j->data[0]));
  cf_json_set(values, "system", j->driven ? cf_trajectory_input_json(&j->data[0]) : cf_json_null());
  cf_json_set(values, "trials", cf_json_number((double)j->data[0].trials));
  cf_json_set(values, "steps", cf_json_number((double)j->data[0].steps));
  cf_json_set(values, "channels", cf_json_number((double)j->data[0].channels));
}

static cf_status labels(cf_context *ctx, const char *name, size_t n, const size_t *values, cf_array **out) {
  double x[MOST];
  for (size_t i = 0; i < n; i++) x[i] = (double)values[i];
  return cf_array_from_doubles(ctx, name, 1, &n, x, out);
}

/* Matrices of the driven system, its eigenvalues, and the singular values whose gap shows the order. */
static cf_status put_system(cf_context *ctx, const cf_input_system *s, cf_result *result) {
  cf_status status = CF_OK;
  const struct {
    const char *name;
    size_t rows, cols;
    const double *data;
  } part[] = {{"system/A", s->n, s->n, s->a},
              {"system/B", s->n, s->inputs, s->b},
              {"system/C", s->outputs, s->n, s->c},
              {"system/D", s->outputs, s->inputs, s->d},
              {"system/eigenvalues", s->n, 2, s->eigenvalue}};
  for (size_t i = 0; i < sizeof part / sizeof *part; i++)
    CF_TRY(cf_dataset_put(ctx, result->arrays, part[i].name, 2, (const size_t[]){part[i].rows, part[i].cols},
                          part[i].data));
  CF_TRY(cf_dataset_put(ctx, result->arrays, "system/singular_values", 1, &s->n_singular, s->singular));
done:
  return status;
}

static cf_status fill_arrays(cf_context *ctx, const job *j, cf_result *result) {
  cf_status status = CF_OK;
  const size_t shape[2] = {j->n_delays, j->n_ranks};
  const cf_operator *op = j->data[0].op;
  cf_array *a = NULL, *delays = NULL, *ranks = NULL;
  double data[MOST * MOST];
  CF_TRY(labels(ctx, "delays", j->n_delays, j->delays, &delays));
  CF_TRY(labels(ctx, "rank", j->n_ranks, j->ranks, &ranks));
  for (size_t k = 0; k < QUANTITIES; k++) {
    for (size_t i = 0; i < shape[0] * shape[1]; i++) data[i] = quantity(&j->entry[i], k);
    CF_TRY(cf_array_from_doubles(ctx, quantities[k], 2, shape, data, &a));
    CF_TRY(cf_array_set_axis(ctx, a, 0, "delays", delays));
    CF_TRY(cf_array_set_axis(ctx, a, 1, "rank", ranks));
    status = cf_dataset_add(ctx, result->arrays, a);
    a = NULL;
    if (status != CF_OK) goto done;
  }
  CF_TRY(cf_dataset_put(ctx, result->arrays, "eigenvalues", 2, (const size_t[]){op->n, 2}, op->eigenvalue));
  if (j->driven) CF_TRY(put_system(ctx, j->data[0].system, result));
done:
  cf_array_free(a);
  cf_array_free(delays);
  cf_array_free(ranks);
  return status;
}

static cf_status say_summary(cf_context *ctx, const job *j, cf_result *result) {
  cf_status status = CF_OK;
  const cf_trajectory *t = &j->data[0];
  const size_t n = j->n_delays * j->n_ranks;
  CF_TRY(cf_result_say(ctx, result, "%s: %zu trials, %zu steps, %zu channels\n", t->name, t->trials, t->steps,
                       t->channels));
  CF_TRY(cf_result_say(ctx, result, "  %6s %6s %10s %10s %10s %10s %10s\n", "delays", "rank", "aic", "mase", "error",
                       "non-normal", "residual"));
  for (size_t i = 0; i < n; i++) {
    const cf_sweep_entry *e = &j->entry[i];
    if (!e->defined) continue;
    CF_TRY(cf_result_say(ctx, result, "%c %6zu %6zu %10.4f %10.4f %10.4g %10.4g %10.4g\n", i == j->best ? '*' : ' ',
                         e->delays, e->rank, e->aic, e->mase, e->error, e->non_normal, e->residual));
  }
  if (j->best == n) CF_TRY(cf_result_say(ctx, result, "none predicts better than persistence\n"));
  if (j->fast.delays)
    CF_TRY(cf_result_say(ctx, result, "rule of fastDSA: %zu delays, rank %zu\n", j->fast.delays, j->fast.rank));
  if (j->driven) {
    const cf_input_system *s = t->system;
    CF_TRY(cf_result_say(ctx, result, "driven system: order %zu, %zu inputs, eigenvalues of modulus", s->n, s->inputs));
    for (size_t i = 0; i < CF_MIN(s->n, (size_t)8); i++)
      CF_TRY(cf_result_say(ctx, result, " %.4f", hypot(s->eigenvalue[2 * i], s->eigenvalue[2 * i + 1])));
    CF_TRY(cf_result_say(ctx, result, "%s\n", s->n > 8 ? " ..." : ""));
  }
done:
  return status;
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  job j = {0};
  CF_TRY(read_options(ctx, options, &j));
  CF_TRY(cf_trajectories_load(ctx, &j.systems, &j.t, result, &j.data));
  if (j.driven)
    CF_TRY(cf_trajectories_load_inputs(ctx, options, 1, (const cf_systems *const[]){&j.systems},
                                       (cf_trajectory *const[]){j.data}, &j.t, result));
  CF_TRY(compute(ctx, &j));
  fill_values(&j, result->values);
  CF_TRY(fill_arrays(ctx, &j, result));
  CF_TRY(say_summary(ctx, &j, result));
done:
  cf_free(j.entry);
  cf_trajectories_free(j.data, j.systems.count);
  cf_systems_free(&j.systems);
  return status;
}

static cf_status cost(cf_context *ctx, const cf_options *options, cf_cost *out) {
  cf_status status = CF_OK;
  job j = {0};
  size_t shape[CF_MAX_DIMS];
  CF_TRY(read_options(ctx, options, &j));
  if (cf_systems_dims(ctx, j.systems.address[0], "trajectories", 3, shape) == 3) {
    const double trials = (double)shape[0], steps = (double)shape[j.t.channel_time ? 2 : 1];
    const double channels = (double)shape[j.t.channel_time ? 1 : 2];
    const double p = j.t.op.components ? fmin((double)j.t.op.components, channels) : channels;
    const double length = fmin(steps, 8 * 128);
    double work = 0, most = p * (double)j.t.op.delays;
    for (size_t d = 0; d < j.n_delays; d++) {
      const double dims = p * (double)j.delays[d];
      most = fmax(most, dims);
      for (size_t r = 0; r < j.n_ranks; r++) {
        const double rank = j.ranks[r] ? fmin((double)j.ranks[r], dims) : dims;
        work += (4 * trials * steps * dims * (dims + rank) + 30 * dims * dims * dims + 60 * rank * rank * rank) / 1e10;
      }
    }
    /* The rule of fastDSA: the SVD of a delay matrix for every trial. */
    out->seconds = work + trials * length * length * length / 4e9 + 1e-8 * trials * steps * channels;
    out->bytes = 8 * (3 * trials * steps * most + 3 * most * most + trials * steps * channels);
  }
done:
  cf_context_clear(ctx);
  cf_systems_free(&j.systems);
  return CF_OK;
}

const cf_analysis cf_analysis_dynamics = {"dynamics",
                                          "Dynamics",
                                          "Delays and rank of the linear dynamics of trajectories",
                                          "TRAJECTORIES",
                                          1,
                                          1,
                                          description,
                                          examples,
                                          params,
                                          run,
                                          cost,
                                          false};
