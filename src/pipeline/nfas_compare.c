/* Distances between the models themselves, beside those of the space, in `cortifold nfas`.
 *
 * Of representations (cka, rsa, procrustes): a sample of stimuli of each model's stable mode. Of the way along depth
 * (dsa): every stimulus is a trial whose time steps are the layers, h_l(t), each layer less its mean over the stimuli
 * where --centre says so; all trials of a model give one operator on the leading principal components of its features,
 * A = argmin sum |v_(l+1) - A v_l|^2 in whitened coordinates, and two models are as far as their operators are under
 * the best rotation, or as their eigenvalues are (Ostrow et al. 2023). That models differ in depth and width does not
 * matter to it. The Mantel test asks whether models far in one sense are far in the other.
 *
 * Number of components and of stimuli are ours, as is the use of DSA on depth: the paper does not say how. */
#include "pipeline/nfas.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "pipeline/analyses.h"
#include "pipeline/internal.h"
#include "pipeline/trajectories.h"
#include <cortifold/stats.h>

static bool of_depth(const char *id) {
  return strncmp(id, "dsa-", 4) == 0;
}

static const char *measure_at(const nfas_job *j, size_t i, char *word, size_t size) {
  const char *id = cf_options_list_entry(j->options, "compare", i, word, size);
  return strcmp(id, "none") == 0 ? NULL : id;
}

static void free_operators(nfas_job *j) {
  for (size_t m = 0; m < j->models && j->compared.op; m++) cf_operator_free(j->compared.op[m]);
  cf_free(j->compared.op);
  j->compared.op = NULL;
}

void nfas_compare_free(nfas_job *j) {
  nfas_compared *c = &j->compared;
  free_operators(j);
  for (size_t m = 0; m < j->models && c->system; m++) cf_system_free(c->system[m]);
  cf_free(c->system);
  cf_free(c->residual);
  *c = (nfas_compared){0};
}

/* A comparison that nobody asked for and that cannot be made is left out with a warning. */
static cf_status forgive(cf_context *ctx, const nfas_job *j, cf_status status, const char *what) {
  if (status == CF_OK || status == CF_ERR_CANCELLED || cf_options_given(j->options, "compare")) return status;
  char words[600];
  snprintf(words, sizeof words, "%s", cf_context_error(ctx));
  cf_context_clear(ctx);
  cf_warn(ctx, "no comparison by %s: %s", what, words);
  return CF_OK;
}

/* The narrowest layer of all models bounds the side of all operators. */
static size_t components_of(cf_context *ctx, const nfas_job *j) {
  size_t least = (size_t)cf_options_integer(j->options, "dsa-components");
  for (size_t m = 0; m < j->models; m++)
    for (size_t l = 0; l < j->model[m].layer.count; l++) {
      size_t rows = 0, cols = 0;
      if (cf_systems_shape(ctx, j->model[m].layer.address[l], &rows, &cols)) least = CF_MIN(least, cols);
    }
  return least;
}

cf_status nfas_compare_begin(cf_context *ctx, nfas_job *j) {
  cf_status status = CF_OK;
  bool depth = false, patterns = false;
  char word[32];
  for (size_t i = 0; i < cf_options_list_count(j->options, "compare"); i++) {
    const char *id = measure_at(j, i, word, sizeof word);
    depth = depth || (id && of_depth(id));
    patterns = patterns || (id && !of_depth(id));
  }
  if (patterns) CF_TRY(CF_ALLOC(ctx, &j->compared.system, j->models));
  if (!depth) goto done;
  CF_TRY(CF_ALLOC(ctx, &j->compared.op, j->models));
  CF_TRY(CF_ALLOC(ctx, &j->compared.residual, j->models));
  j->compared.components = components_of(ctx, j);
done:
  return status;
}

/* Evenly spaced samples of the stable representation of the first fold. */
cf_status nfas_compare_keep(cf_context *ctx, nfas_job *j, size_t m, const nfas_features *f) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = CF_MIN((size_t)cf_options_integer(j->options, "compare-stimuli"), j->times);
  double *x = NULL;
  CF_TRY(CF_SCRATCH(ctx, &x, n * f->width));
  for (size_t i = 0; i < n; i++)
    memcpy(x + i * f->width, f->data + (i * j->times / n) * f->width, f->width * sizeof *x);
  const cf_view view = cf_view_matrix(x, n, f->width);
  CF_TRY(cf_system_new(ctx, &view, j->model[m].name, &j->compared.system[m]));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------------- depth -- */

enum { ROWS = 256 }; /* of a layer held at once */

/* n evenly spaced rows of a layer into x, row i at i x stride, less their means where asked for. */
static cf_status read_layer(cf_context *ctx, const cf_blocks *b, size_t n, size_t stride, bool centre, double *x) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t d = b->cols;
  double *rows;
  CF_TRY(CF_SCRATCH(ctx, &rows, ROWS * d));
  for (size_t first = 0, i = 0; i < n; first += ROWS) {
    const size_t count = CF_MIN((size_t)ROWS, b->rows - first);
    if (i * b->rows / n >= first + count) continue;
    CF_TRY(b->read(ctx, b->payload, first, count, 0, d, rows));
    for (; i < n && i * b->rows / n < first + count; i++)
      memcpy(x + i * stride, rows + (i * b->rows / n - first) * d, d * sizeof *x);
  }
  for (size_t k = 0; k < d && centre; k++) {
    double mean = 0;
    for (size_t i = 0; i < n; i++) mean += x[i * stride + k] / (double)n;
    for (size_t i = 0; i < n; i++) x[i * stride + k] -= mean;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status fit_depth(cf_context *ctx, const nfas_layers *s) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  nfas_job *j = s->j;
  const cf_blocks *layer = nfas_layers_of(s, 0);
  const size_t n = CF_MIN((size_t)cf_options_integer(j->options, "compare-stimuli"), j->stimuli), d = layer[0].cols;
  const double bytes = 8 * (double)n * (double)s->layers * (double)d;
  cf_operator_options o = CF_OPERATOR_OPTIONS_INIT;
  double *x;
  cf_view *trial;
  if (2 * bytes > (double)cf_context_memory(ctx))
    CF_TRY(cf_fail(ctx, CF_ERR_MEMORY,
                   "%zu rows of %zu layers of %zu features take %.0f MB, allowed are %.0f; lower --compare-stimuli or "
                   "raise --memory",
                   n, s->layers, d, 2e-6 * bytes, (double)cf_context_memory(ctx) / 1e6));
  o.components = j->compared.components;
  CF_TRY(CF_SCRATCH(ctx, &x, n * s->layers * d));
  CF_TRY(CF_SCRATCH(ctx, &trial, n));
  for (size_t l = 0; l < s->layers; l++)
    CF_TRY(read_layer(ctx, &layer[l], n, s->layers * d, j->depth.centre, x + l * d));
  for (size_t i = 0; i < n; i++) trial[i] = cf_view_matrix(x + i * s->layers * d, s->layers, d);
  const cf_trajectories all = {n, trial, "features along depth"};
  CF_TRY(cf_operator_fit(ctx, &all, &o, &j->compared.op[s->m]));
  j->compared.residual[s->m] = j->compared.op[s->m]->residual;
done:
  cf_scratch_release(ctx, mark);
  return status == CF_OK ? status : cf_explain(ctx, status, "model %s", j->model[s->m].name);
}

cf_status nfas_compare_depth(cf_context *ctx, const nfas_layers *s) {
  const cf_status fitted = fit_depth(ctx, s), status = forgive(ctx, s->j, fitted, "dsa");
  if (fitted != CF_OK && status == CF_OK) free_operators(s->j);
  return status;
}

double nfas_compare_cost(const nfas_job *j, double layers, double width) {
  cf_trajectory_options o = {.op = CF_OPERATOR_OPTIONS_INIT, .dsa = CF_DSA_OPTIONS_INIT};
  double seconds = 0;
  char word[32];
  const double n = fmin((double)cf_options_integer(j->options, "compare-stimuli"), (double)j->times);
  o.op.components = (size_t)cf_options_integer(j->options, "dsa-components");
  for (size_t i = 0; i < cf_options_list_count(j->options, "compare"); i++) {
    const char *id = measure_at(j, i, word, sizeof word);
    double fit = 0;
    if (!id || !of_depth(id)) continue;
    const double one = cf_trajectory_cost(cf_trajectory_measure_find(id), n, layers, width, &o, &fit);
    seconds += one * 0.5 * ((double)j->models - 1) + n * layers * width * width / 1e10;
  }
  return seconds;
}

/* --------------------------------------------------------------- distances -- */

static cf_status depth_distances(cf_context *ctx, const nfas_job *j, const char *id, double *d) {
  static const cf_dsa_options o = CF_DSA_OPTIONS_INIT;
  const cf_dsa_kind kind = strcmp(id, "dsa-angular") == 0     ? CF_DSA_ANGULAR
                           : strcmp(id, "dsa-euclidean") == 0 ? CF_DSA_EUCLIDEAN
                                                              : CF_DSA_WASSERSTEIN;
  return cf_dsa_distances(ctx, kind, j->models, j->compared.op, &o, d, NULL);
}

static cf_status one_measure(cf_context *ctx, nfas_job *j, const char *id, const double *space_distance,
                             cf_json *list) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = j->models;
  const cf_axis axis[2] = {{"model", n, j->model_name}, {"model", n, j->model_name}};
  cf_permute_options o = CF_PERMUTE_OPTIONS_INIT;
  cf_permuted test = {0};
  double *d = NULL;
  char name[64];
  o.permutations = (size_t)cf_options_integer(j->options, "permutations");
  o.exact_up_to = cf_options_number(j->options, "exact-up-to");
  o.task = cf_hash_text("nfas mantel");
  CF_TRY(CF_SCRATCH(ctx, &d, n * n));
  if (of_depth(id))
    CF_TRY(depth_distances(ctx, j, id, d));
  else
    CF_TRY(cf_compare_distances(ctx, cf_measure_find(id), n, j->compared.system, NULL, d));
  CF_TRY(cf_mantel(ctx, n, space_distance, d, false, CF_TAIL_BOTH, &o, &test));
  cf_json *one = cf_permuted_json(&test, "r", NULL);
  const size_t most = (size_t)cf_options_integer(j->options, "compare-stimuli");
  cf_json_set(one, "measure", cf_json_text(id));
  cf_json_set(one, "stimuli", cf_json_number((double)CF_MIN(most, of_depth(id) ? j->stimuli : j->times)));
  if (of_depth(id)) {
    cf_json_set(one, "components", cf_json_number((double)j->compared.components));
    cf_json_set(one, "residual", cf_json_numbers(j->compared.residual, n));
  }
  cf_json_append(list, one);
  snprintf(name, sizeof name, "compare/%s", id);
  CF_TRY(cf_axes_put(ctx, j->result, name, 2, axis, d));
  CF_TRY(cf_result_say(ctx, j->result, "distances of the space and by %s: Mantel r = %.4f, p = %.4g\n", id,
                       test.statistic, test.p));
done:
  cf_permuted_clear(&test);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status nfas_compare(cf_context *ctx, nfas_job *j) {
  cf_status status = CF_OK;
  const cf_array *d = cf_dataset_get(j->result->arrays, "space/distance");
  cf_json *list = NULL;
  char word[32];
  if (!d || (!j->compared.system && !j->compared.op)) return CF_OK;
  list = cf_json_list();
  for (size_t i = 0; i < cf_options_list_count(j->options, "compare") && status == CF_OK; i++) {
    const char *id = measure_at(j, i, word, sizeof word);
    if (!id || (of_depth(id) && !j->compared.op)) continue;
    status = forgive(ctx, j, one_measure(ctx, j, id, d->data, list), id);
  }
  cf_json_set(j->result->values, "compare", list);
  return status;
}
