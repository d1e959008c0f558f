/* Measures between trajectories: loading, operators, nulls and bootstrap. */
#include "pipeline/trajectories.h"
#include "base/internal.h"

#include <math.h>
#include <string.h>

enum { KINDS = 5, INPUT_KINDS = 3 }; /* INPUT_KINDS: the first of those with inputs */
#define PI 3.14159265358979323846

#define INPUT_REFERENCE "Huang, Ostrow et al. (2026) ICLR, arXiv 2510.25943; Van Overschee and De Moor (1996)"
#define INPUT_SLIP      "(A')^k B stand in K too, after every A^k B; the published C is the transpose and is not followed"

/* In the order of cf_dsa_kind, then those with inputs. */
static const cf_measure table[KINDS] = {
    {"dsa-angular", "dynamical similarity, angle", "min over orthogonal C of arccos(<A, C B C'> / (||A|| ||B||))",
     "Ostrow, Eisen, Kozachkov and Fiete (2023) NeurIPS", true, true, false, true, 0, PI,
     CF_MEASURE_ORTHOGONAL | CF_MEASURE_SCALING, NULL, NULL, NULL, NULL, NULL, NULL},
    {"dsa-euclidean", "dynamical similarity, length", "min over orthogonal C of ||A - C B C'||_F, A and B of unit norm",
     "Ostrow, Eisen, Kozachkov and Fiete (2023) NeurIPS", true, true, false, true, 0, 2,
     CF_MEASURE_ORTHOGONAL | CF_MEASURE_SCALING, NULL, NULL, NULL, NULL, NULL, NULL},
    {"dsa-wasserstein", "dynamical similarity, eigenvalues",
     "mean |lambda_i - mu_s(i)|^2 over the best matching s of the operators' eigenvalues",
     "Redman et al. (2024) NeurIPS; Ostrow, Eisen, Kozachkov and Fiete (2023) NeurIPS", true, true, false, true, 0,
     INFINITY, CF_MEASURE_ORTHOGONAL | CF_MEASURE_SCALING | CF_MEASURE_LINEAR, NULL, NULL, NULL, NULL, NULL, NULL},
    {"dsa-input-angular", "dynamical similarity of driven systems, angle",
     "min over orthogonal C of arccos(<K, C L> / (||K|| ||L||)), K = [B, AB, .., A^(n-1) B] of x' = A x + B u, L of the "
     "other",
     INPUT_REFERENCE, true, true, false, true, 0, PI, CF_MEASURE_ORTHOGONAL | CF_MEASURE_SCALING, INPUT_SLIP, NULL,
     NULL, NULL, NULL, NULL},
    {"dsa-input-euclidean", "dynamical similarity of driven systems, length",
     "min over orthogonal C of ||K - C L||_F, K = [B, AB, .., A^(n-1) B] of x' = A x + B u, L of the other",
     INPUT_REFERENCE, true, true, false, true, 0, INFINITY, CF_MEASURE_ORTHOGONAL, INPUT_SLIP, NULL, NULL, NULL, NULL,
     NULL},
};

const cf_measure *cf_trajectory_measure_find(const char *id) {
  for (size_t i = 0; i < KINDS; i++)
    if (strcmp(table[i].id, id) == 0) return &table[i];
  return NULL;
}

const cf_measure *cf_trajectory_measure_at(size_t i) {
  return i < KINDS ? &table[i] : NULL;
}

bool cf_trajectory_measure(const cf_measure *m) {
  return m >= table && m < table + KINDS;
}

bool cf_trajectory_measure_has_inputs(const cf_measure *m) {
  return m >= table + INPUT_KINDS && m < table + KINDS;
}

static cf_dsa_kind kind_of(const cf_measure *m) {
  return (cf_dsa_kind)(m - table);
}

void cf_trajectories_free(cf_trajectory *t, size_t count) {
  for (size_t i = 0; t && i < count; i++) {
    cf_free(t[i].name);
    cf_free(t[i].data);
    cf_array_free(t[i].labels);
    cf_operator_free(t[i].op);
    cf_free(t[i].inputs);
    cf_input_system_free(t[i].system);
    cf_free(t[i].control);
  }
  cf_free(t);
}

cf_status cf_trajectory_read_options(cf_context *ctx, const cf_options *options, cf_trajectory_options *out) {
  cf_status status = CF_OK;
  const cf_operator_options op = CF_OPERATOR_OPTIONS_INIT;
  const cf_dsa_options dsa = CF_DSA_OPTIONS_INIT;
  out->op = op;
  out->dsa = dsa;
  out->op.delays = (size_t)cf_options_integer(options, "delays");
  out->op.interval = (size_t)cf_options_integer(options, "delay-interval");
  CF_TRY(cf_rank_parse(ctx, cf_options_text(options, "rank"), "--rank", &out->op.rank));
  out->op.ridge = cf_options_number(options, "ridge");
  out->op.reduced_rank = strcmp(cf_options_text(options, "operator"), "reduced-rank") == 0;
  out->op.steps = (size_t)cf_options_integer(options, "steps");
  out->op.components = (size_t)cf_options_integer(options, "pca");
  out->dsa.starts = (size_t)cf_options_integer(options, "starts");
  out->dsa.root = cf_options_flag(options, "root");
  out->dsa.weights = strcmp(cf_options_text(options, "unequal"), "weights") == 0;
  out->zscore = cf_measure_zscore(options);
  out->channel_time = strcmp(cf_options_text(options, "axes"), "channel-time") == 0;
  out->no_operator = out->published = false;
done:
  return status;
}

/* --------------------------------------------------------------- loading -- */

static cf_status find_labels(cf_context *ctx, const cf_array *a, const char *address, cf_array **out) {
  static const char *const members[] = {"condition", "trial", "stimulus", "label", NULL};
  if (a->coordinate[0]) return cf_array_copy(ctx, a->coordinate[0], out);
  for (size_t i = 0; members[i]; i++) {
    cf_array *found = NULL;
    const cf_status status = cf_io_read_sibling(ctx, address, members[i], &found);
    if (status != CF_OK) return status;
    if (found && found->ndim == 1 && found->shape[0] == a->shape[0]) {
      *out = found;
      return CF_OK;
    }
    cf_array_free(found);
  }
  return CF_OK;
}

/* Divides every channel that varies by its standard deviation over trials and times; its mean goes too. */
static void scale_channels(const cf_trajectory *t) {
  const size_t rows = t->trials * t->steps, p = t->channels;
  for (size_t j = 0; j < p; j++) {
    double mean = 0, sum2 = 0;
    for (size_t i = 0; i < rows; i++) {
      const double d = t->data[i * p + j] - mean;
      mean += d / (double)(i + 1);
      sum2 += d * (t->data[i * p + j] - mean);
    }
    const double sd = sqrt(sum2 / (double)rows);
    for (size_t i = 0; i < rows; i++) t->data[i * p + j] = sd > 0 ? (t->data[i * p + j] - mean) / sd : 0;
  }
}

/* The operator of trials rows[0 .. trials-1] (NULL: all), time steps in the order `time` (NULL: as they are) and
 * channels cols (NULL: all). */
static cf_status fit(cf_context *ctx, const cf_trajectory *t, const size_t *rows, const size_t *time,
                     const size_t *cols, const cf_operator_options *o, cf_operator **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t p = t->channels, size = t->steps * p;
  double *copy = NULL;
  cf_view *trial;
  CF_TRY(CF_SCRATCH(ctx, &trial, t->trials));
  if (time || cols) CF_TRY(CF_SCRATCH(ctx, &copy, t->trials * size));
  for (size_t r = 0; r < t->trials; r++) {
    const double *from = t->data + (rows ? rows[r] : r) * size;
    for (size_t s = 0; s < t->steps && copy; s++)
      for (size_t j = 0; j < p; j++) copy[r * size + s * p + j] = from[(time ? time[s] : s) * p + (cols ? cols[j] : j)];
    trial[r] = cf_view_matrix(copy ? copy + r * size : from, t->steps, p);
  }
  const cf_trajectories all = {t->trials, trial, t->name};
  CF_TRY(cf_operator_fit(ctx, &all, o, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status load_one(cf_context *ctx, const char *address, const char *name, const cf_trajectory_options *o,
                          cf_result *result, cf_trajectory *out) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  CF_TRY(cf_io_read(ctx, address, "trajectories|responses|patterns|features|data", &a));
  CF_TRY(cf_result_input(ctx, result, address));
  if (a->ndim != 3)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                   "%s: an array of %d axes; dynamical similarity needs trajectories (condition, time, channel)",
                   address, a->ndim));
  CF_TRY(cf_array_to_doubles(ctx, a));
  if (cf_array_count(a) == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the array is empty", address));
  const cf_view view = cf_array_view(a);
  CF_TRY(cf_view_check_finite(ctx, &view, address));
  CF_TRY(find_labels(ctx, a, address, &out->labels));
  CF_TRY(cf_strdup(ctx, name, &out->name));
  out->trials = a->shape[0];
  out->steps = a->shape[o->channel_time ? 2 : 1];
  out->channels = a->shape[o->channel_time ? 1 : 2];
  if (o->channel_time) {
    CF_TRY(CF_ALLOC(ctx, &out->data, cf_array_count(a)));
    for (size_t r = 0; r < out->trials; r++) {
      const cf_view trial = cf_view_transposed(cf_view_index(view, 0, r));
      cf_view_copy(&trial, out->data + r * out->steps * out->channels);
    }
  } else {
    out->data = a->data; /* taken */
    a->data = NULL;
  }
  if (o->zscore) scale_channels(out);
  if (!o->no_operator) CF_TRY(fit(ctx, out, NULL, NULL, NULL, &o->op, &out->op));
done:
  cf_array_free(a);
  return status;
}

cf_status cf_trajectories_load(cf_context *ctx, const cf_systems *systems, const cf_trajectory_options *o,
                               cf_result *result, cf_trajectory **out) {
  cf_status status = CF_OK;
  cf_trajectory *t = NULL;
  *out = NULL;
  CF_TRY(CF_ALLOC(ctx, &t, systems->count));
  cf_progress_begin(ctx, "operators", systems->count);
  for (size_t i = 0; i < systems->count && status == CF_OK; i++) {
    status = load_one(ctx, systems->address[i], ((char **)systems->names->data)[i], o, result, &t[i]);
    cf_progress_step(ctx, 1);
  }
  cf_progress_end(ctx);
  if (status != CF_OK) goto done;
  *out = t;
  t = NULL;
done:
  cf_trajectories_free(t, systems->count);
  return status;
}

/* ---------------------------------------------------------------- values -- */

cf_status cf_trajectory_value(cf_context *ctx, const cf_measure *m, const cf_trajectory *x, const cf_trajectory *y,
                              const cf_trajectory_options *o, double *value, cf_dsa_match *match) {
  cf_status status = cf_trajectory_measure_has_inputs(m)
                         ? cf_trajectory_input_value(ctx, m, x, y, value)
                         : cf_dsa_distance(ctx, kind_of(m), x->op, y->op, &o->dsa, value, match);
  return status == CF_OK ? status : cf_explain(ctx, status, "%s", m->id);
}

typedef struct replicates {
  const cf_measure *m;
  const cf_trajectory *x, *y;
  const cf_trajectory_options *o;
  cf_resample what;
  bool joint;
  double *out;
} replicates;

/* A replicate in which the measure is undefined is missing. */
static cf_status finish(cf_context *ctx, cf_status status, const replicates *job, size_t r, double value) {
  job->out[r] = status == CF_OK ? value : NAN;
  if (status == CF_ERR_INPUT || status == CF_ERR_NUMERIC) {
    cf_context_clear(ctx);
    status = CF_OK;
  }
  cf_progress_step(ctx, 1);
  return status;
}

/* What a replicate needs of x: trials rows[], time steps time[], channels cols[]. Drawn systems have the order of the
 * whole one, so that they can be compared. */
static cf_status refit(cf_context *ctx, const replicates *job, const cf_trajectory *t, const size_t *rows,
                       const size_t *time, const size_t *cols, cf_trajectory *out) {
  return cf_trajectory_measure_has_inputs(job->m)
             ? cf_trajectory_identify(ctx, t, rows, time, cols, t->system->n, job->o, out)
             : fit(ctx, t, rows, time, cols, &job->o->op, &out->op);
}

static void drop(cf_trajectory *t) {
  cf_operator_free(t->op);
  cf_input_system_free(t->system);
  cf_free(t->control);
}

static cf_status permute_one(cf_context *ctx, size_t r, void *payload) {
  const replicates *job = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_trajectory shuffled = {0};
  size_t *time;
  double value = NAN;
  CF_TRY(cf_check_cancel(ctx));
  cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("compare/time"), (uint32_t)r);
  CF_TRY(CF_SCRATCH(ctx, &time, job->x->steps));
  cf_rng_permutation(&rng, job->x->steps, time);
  status = refit(ctx, job, job->x, NULL, time, NULL, &shuffled);
  if (status == CF_OK) status = cf_trajectory_value(ctx, job->m, &shuffled, job->y, job->o, &value, NULL);
  status = finish(ctx, status, job, r, value);
done:
  drop(&shuffled);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_trajectory_permute(cf_context *ctx, const cf_measure *m, const cf_trajectory *x, const cf_trajectory *y,
                                const cf_trajectory_options *o, size_t n, double *values) {
  replicates job = {m, x, y, o, CF_RESAMPLE_CONDITIONS, false, values};
  cf_progress_begin(ctx, "time shuffles", n);
  const cf_status status = cf_parallel_for(ctx, n, permute_one, &job);
  cf_progress_end(ctx);
  return status;
}

/* Draws for one side; trials from the stream `trials`. */
static cf_status draw(cf_context *ctx, const replicates *job, const cf_trajectory *t, const char *trials,
                      const char *channels, size_t r, cf_trajectory *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *rows = NULL, *cols = NULL;
  if (job->what != CF_RESAMPLE_UNITS) {
    cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text(trials), (uint32_t)r);
    CF_TRY(CF_SCRATCH(ctx, &rows, t->trials));
    cf_rng_resample(&rng, t->trials, t->trials, rows);
  }
  if (job->what != CF_RESAMPLE_CONDITIONS) {
    cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text(channels), (uint32_t)r);
    CF_TRY(CF_SCRATCH(ctx, &cols, t->channels));
    cf_rng_resample(&rng, t->channels, t->channels, cols);
  }
  CF_TRY(refit(ctx, job, t, rows, NULL, cols, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status resample_one(cf_context *ctx, size_t r, void *payload) {
  const replicates *job = payload;
  cf_status status = CF_OK;
  cf_trajectory x = {0}, y = {0};
  double value = NAN;
  CF_TRY(cf_check_cancel(ctx));
  status = draw(ctx, job, job->x, "compare/bootstrap", "compare/units-x", r, &x);
  if (status == CF_OK)
    status = draw(ctx, job, job->y, job->joint ? "compare/bootstrap" : "compare/bootstrap-y", "compare/units-y", r, &y);
  if (status == CF_OK) status = cf_trajectory_value(ctx, job->m, &x, &y, job->o, &value, NULL);
  status = finish(ctx, status, job, r, value);
done:
  drop(&x);
  drop(&y);
  return status;
}

/* The same labels in the same order: trial i is the same condition on both sides. */
static bool same_trials(const cf_trajectory *x, const cf_trajectory *y) {
  char a[256], b[256];
  if (!x->labels || !y->labels || x->trials != y->trials) return false;
  for (size_t i = 0; i < x->trials; i++)
    if (strcmp(cf_array_label(x->labels, i, a, sizeof a), cf_array_label(y->labels, i, b, sizeof b)) != 0) return false;
  return true;
}

cf_status cf_trajectory_bootstrap(cf_context *ctx, const cf_measure *m, const cf_trajectory *x, const cf_trajectory *y,
                                  const cf_trajectory_options *o, cf_resample what, size_t n, double *values) {
  replicates job = {m, x, y, o, what, same_trials(x, y), values};
  cf_progress_begin(ctx, "bootstrap", n);
  const cf_status status = cf_parallel_for(ctx, n, resample_one, &job);
  cf_progress_end(ctx);
  return status;
}

/* ------------------------------------------------------------------ json -- */

cf_json *cf_trajectory_json(const cf_trajectory *t) {
  cf_json *o = cf_json_object(), *values = cf_json_list();
  cf_json_set(o, "dimensions", cf_json_number((double)t->op->n));
  cf_json_set(o, "rank", cf_json_number((double)t->op->rank));
  cf_json_set(o, "embedding", cf_json_number((double)t->op->dims));
  cf_json_set(o, "residual", cf_json_number(t->op->residual));
  for (size_t i = 0; i < t->op->n; i++) cf_json_append(values, cf_json_numbers(t->op->eigenvalue + 2 * i, 2));
  cf_json_set(o, "eigenvalues", values);
  return o;
}

cf_json *cf_trajectory_match_json(const cf_dsa_match *m) {
  cf_json *o = cf_json_object();
  cf_json_set(o, "euclidean", cf_json_number(m->euclidean));
  cf_json_set(o, "angular", cf_json_number(m->angular));
  cf_json_set(o, "gradient", cf_json_number(m->gradient));
  cf_json_set(o, "converged", cf_json_bool(m->converged));
  cf_json_set(o, "starts", cf_json_number((double)m->starts));
  cf_json_set(o, "reached", cf_json_number((double)m->reached));
  cf_json_set(o, "median", cf_json_number(m->median));
  cf_json_set(o, "worst", cf_json_number(m->worst));
  cf_json_set(o, "by_determinant", cf_json_numbers(m->determinant_gap, 2));
  return o;
}

double cf_trajectory_cost(const cf_measure *m, double trials, double steps, double channels,
                          const cf_trajectory_options *o, double *fit_cost) {
  const double p = o->op.components ? (double)o->op.components : channels, dims = p * (double)o->op.delays;
  const double n = o->op.rank.rule == CF_RANK_FIXED ? fmin(o->op.rank.value, dims) : dims;
  *fit_cost = (6 * trials * steps * dims * dims + 40 * dims * dims * dims) / 1e10;
  if (m && cf_trajectory_measure_has_inputs(m)) { /* QR of past and future blocks; as many inputs as channels at most */
    *fit_cost = trials * steps * 16 * dims * dims / 1e10;
    return dims * dims * dims / 1e9;
  }
  return kind_of(m) == CF_DSA_WASSERSTEIN ? n * n * n / 1e9 : 1e-3 + 30000 * n * n * n / 1e10;
}
