/* Systems with inputs for the measures between trajectories (InputDSA): their inputs are read beside the trajectories,
 * x' = A x + B u is identified from both, and K = [B, AB, ..., A^(n-1) B] stands for the system. */
#include <math.h>
#include <string.h>

#include <cortifold/stats.h>
#include "base/internal.h"
#include "pipeline/trajectories.h"

/* ---------------------------------------------------------------- loading -- */

/* A word that names a member, not a file. */
static bool member_name(const char *text) {
  return !strpbrk(text, ",/.:");
}

static cf_status check_labels(cf_context *ctx, const cf_trajectory *t, const cf_array *inputs, const char *address) {
  const cf_array *labels = inputs->coordinate[0];
  char a[200], b[200];
  if (!labels || !t->labels) return CF_OK;
  for (size_t r = 0; r < t->trials; r++)
    if (strcmp(cf_array_label(t->labels, r, a, sizeof a), cf_array_label(labels, r, b, sizeof b)) != 0)
      return cf_fail(ctx, CF_ERR_INPUT,
                     "%s: trial %zu is '%s' in the inputs and '%s' in the trajectories; both need one order", address,
                     r, b, a);
  return CF_OK;
}

/* Takes the inputs of t from a. */
static cf_status take(cf_context *ctx, cf_array *a, const char *address, const cf_trajectory_options *o,
                      cf_trajectory *t) {
  cf_status status = CF_OK;
  const int time = o->channel_time ? 2 : 1;
  if (a->ndim != 3)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: an array of %d axes; inputs are (condition, %s) like their trajectories",
                   address, a->ndim, o->channel_time ? "input, time" : "time, input"));
  if (a->shape[0] != t->trials || a->shape[time] != t->steps)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %zu trials of %zu time steps; the trajectories of %s have %zu of %zu",
                   address, a->shape[0], a->shape[time], t->name, t->trials, t->steps));
  t->n_inputs = a->shape[3 - time];
  if (t->n_inputs == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the array is empty", address));
  CF_TRY(cf_array_to_doubles(ctx, a));
  const cf_view view = cf_array_view(a);
  CF_TRY(cf_view_check_finite(ctx, &view, address));
  CF_TRY(check_labels(ctx, t, a, address));
  CF_TRY(CF_ALLOC(ctx, &t->inputs, cf_array_count(a)));
  for (size_t r = 0; r < t->trials; r++) {
    const cf_view one = cf_view_index(view, 0, r), trial = o->channel_time ? cf_view_transposed(one) : one;
    cf_view_copy(&trial, t->inputs + r * t->steps * t->n_inputs);
  }
done:
  return status;
}

static cf_status load_member(cf_context *ctx, const char *trajectories, const char *member,
                             const cf_trajectory_options *o, cf_trajectory *t) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  CF_TRY(cf_io_read_sibling(ctx, trajectories, member, &a));
  if (!a)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                   "%s: no member '%s' beside the trajectories; --inputs names another member, or one address a system",
                   trajectories, member));
  CF_TRY(take(ctx, a, trajectories, o, t));
done:
  cf_array_free(a);
  return status;
}

static cf_status load_address(cf_context *ctx, const char *address, const cf_trajectory_options *o, cf_result *result,
                              cf_trajectory *t) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  CF_TRY(cf_io_read(ctx, address, "inputs|input|data", &a));
  CF_TRY(cf_result_input(ctx, result, address));
  CF_TRY(take(ctx, a, address, o, t));
done:
  cf_array_free(a);
  return status;
}

static cf_status check_options(cf_context *ctx, const cf_trajectory_options *o) {
  if (o->op.rank.rule != CF_RANK_FULL && o->op.rank.rule != CF_RANK_FIXED)
    return cf_fail(ctx, CF_ERR_USAGE,
                   "--rank: the order of a system with inputs is an integer, or full for 99.9 %% of the energy");
  if (o->op.interval != 1 || o->op.steps != 1 || o->op.reduced_rank)
    return cf_fail(
        ctx, CF_ERR_USAGE,
        "--delay-interval, --steps and --operator do not apply to systems with inputs (dsa-input, --inputs)");
  return CF_OK;
}

cf_status cf_trajectories_load_inputs(cf_context *ctx, const cf_options *options, size_t n_sets,
                                      const cf_systems *const *sets, cf_trajectory *const *t,
                                      const cf_trajectory_options *o, cf_result *result) {
  cf_status status = CF_OK;
  const char *given = cf_options_text(options, "inputs");
  cf_systems inputs = {0};
  size_t total = 0, at = 0;
  CF_TRY(check_options(ctx, o));
  for (size_t s = 0; s < n_sets; s++) total += sets[s]->count;
  if (!member_name(given)) {
    CF_TRY(cf_systems_expand(ctx, given, &inputs));
    if (inputs.count != total)
      CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--inputs names %zu arrays for %zu systems; one each is needed, in their order",
                     inputs.count, total));
  }
  for (size_t s = 0; s < n_sets; s++)
    for (size_t i = 0; i < sets[s]->count; i++, at++) {
      cf_trajectory *one = &t[s][i];
      if (inputs.count)
        CF_TRY(load_address(ctx, inputs.address[at], o, result, one));
      else
        CF_TRY(load_member(ctx, sets[s]->address[i], given, o, one));
      CF_TRY(cf_trajectory_identify(ctx, one, NULL, NULL, NULL, 0, o, one));
    }
done:
  cf_systems_free(&inputs);
  return status;
}

/* --------------------------------------------------------- identification -- */

/* out (steps x p): time steps of one trial in another order, and some of its columns. */
static void pick(size_t steps, size_t from_cols, const double *x, const size_t *time, size_t p, const size_t *cols,
                 double *out) {
  for (size_t s = 0; s < steps; s++)
    for (size_t j = 0; j < p; j++) out[s * p + j] = x[(time ? time[s] : s) * from_cols + (cols ? cols[j] : j)];
}

cf_status cf_trajectory_identify(cf_context *ctx, const cf_trajectory *t, const size_t *rows, const size_t *time,
                                 const size_t *cols, size_t order, const cf_trajectory_options *o, cf_trajectory *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = t->trials, steps = t->steps, m = t->n_inputs, wanted = o->op.components;
  const size_t p = wanted ? CF_MIN(wanted, CF_MIN(t->channels, n * steps)) : t->channels;
  double *y, *u;
  cf_view *of_y, *of_u;
  CF_TRY(CF_SCRATCH(ctx, &y, n * steps * t->channels));
  CF_TRY(CF_SCRATCH(ctx, &u, n * steps * m));
  CF_TRY(CF_SCRATCH(ctx, &of_y, n));
  CF_TRY(CF_SCRATCH(ctx, &of_u, n));
  for (size_t r = 0; r < n; r++) {
    const size_t from = rows ? rows[r] : r;
    pick(steps, t->channels, t->data + from * steps * t->channels, time, t->channels, cols,
         y + r * steps * t->channels);
    pick(steps, m, t->inputs + from * steps * m, time, m, NULL, u + r * steps * m);
  }
  if (wanted) {
    const cf_view all = cf_view_matrix(y, n * steps, t->channels);
    double *scores;
    CF_TRY(CF_SCRATCH(ctx, &scores, n * steps * p));
    CF_TRY(cf_pca(ctx, &all, p, NULL, scores, NULL, NULL, NULL));
    y = scores;
  }
  for (size_t r = 0; r < n; r++) {
    of_y[r] = cf_view_matrix(y + r * steps * p, steps, p);
    of_u[r] = cf_view_matrix(u + r * steps * m, steps, m);
  }
  const cf_trajectories outputs = {n, of_y, t->name}, inputs = {n, of_u, "inputs"};
  if (!order && o->op.rank.rule == CF_RANK_FIXED) order = (size_t)o->op.rank.value;
  status = cf_subspace_identify(ctx, &outputs, &inputs, o->op.delays, order, o->op.ridge, &out->system);
  if (status != CF_OK) CF_TRY(cf_explain(ctx, status, "%s", t->name));
  out->columns = out->system->inputs * (o->published ? 2 * out->system->n - 1 : out->system->n);
  CF_TRY(CF_ALLOC(ctx, &out->control, out->system->n * out->columns));
  CF_TRY(cf_controllability(ctx, out->system, o->published, out->control));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_trajectory_input_value(cf_context *ctx, const cf_measure *m, const cf_trajectory *x,
                                    const cf_trajectory *y, double *value) {
  cf_status status = CF_OK;
  const cf_input_system *a = x->system, *b = y->system;
  double euclidean = NAN, angular = NAN;
  if (a->inputs != b->inputs)
    return cf_fail(ctx, CF_ERR_INPUT, "%s has %zu inputs and %s %zu; driven systems compare under the same inputs",
                   x->name, a->inputs, y->name, b->inputs);
  if (a->n != b->n)
    return cf_fail(ctx, CF_ERR_INPUT, "%s is a system of order %zu and %s of order %zu; --rank N gives both one order",
                   x->name, a->n, y->name, b->n);
  CF_TRY(cf_input_distance(ctx, a->n, x->columns, x->control, y->control, &euclidean, &angular, NULL));
  *value = strcmp(m->id, "dsa-input-angular") == 0 ? angular : euclidean;
done:
  return status;
}

cf_json *cf_trajectory_input_json(const cf_trajectory *t) {
  const cf_input_system *s = t->system;
  cf_json *o = cf_json_object(), *values = cf_json_list();
  cf_json_set(o, "order", cf_json_number((double)s->n));
  cf_json_set(o, "inputs", cf_json_number((double)s->inputs));
  cf_json_set(o, "outputs", cf_json_number((double)s->outputs));
  cf_json_set(o, "singular_values", cf_json_numbers(s->singular, s->n_singular));
  for (size_t i = 0; i < s->n; i++) cf_json_append(values, cf_json_numbers(s->eigenvalue + 2 * i, 2));
  cf_json_set(o, "eigenvalues", values);
  return o;
}
