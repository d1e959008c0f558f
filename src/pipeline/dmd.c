/* `cortifold dmd`: dynamic mode decomposition along the depth of a network. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/internal.h"
#include "pipeline/analyses.h"
#include "pipeline/dmd_width.h"
#include "pipeline/systems.h"
#include <cortifold/dynamics.h>

#define PREFERRED "features|responses|patterns|data"

static const cf_param params[] = {
    {"scope", 0, CF_PARAM_CHOICE, "S", "pooled", 0, 0, "pooled|per-stimulus|shared",
     "pooled: one trajectory, a layer's stimuli and features together are one snapshot. per-stimulus: a trajectory for "
     "every stimulus. shared: one operator fitted to the steps of all stimuli and layers."},
    {"rank", 0, CF_PARAM_TEXT, "R", "0.99", 0, 0, "svht|full",
     "Modes: an integer from 1; a share of the energy between 0 and 1 (the fewest singular values that reach it); svht, "
     "the optimal hard threshold for unknown noise; or full."},
    {"stable", 0, CF_PARAM_CHOICE, "RULE", "modulus", 0, 0, "modulus|largest|one|integral|band|residual",
     "Stable mode: modulus nearest to 1; largest modulus; nearest to 1 itself; largest contribution summed over layers; "
     "all within a band around 1, added up; or modulus nearest to 1 among modes of small residual."},
    {"band", 0, CF_PARAM_LIST, "D[,D]", "0.1", 0, 0, NULL,
     "Band of --stable band: how far inside and how far outside the unit circle; one number: both."},
    {"residual", 0, CF_PARAM_REAL, "D", "0.1", 0, 1e6, NULL, "Largest residual that --stable residual accepts."},
    {"variant", 0, CF_PARAM_CHOICE, "V", "projected", 0, 0, "projected|exact",
     "Modes U w, or exact ones X' V S^-1 w / lambda."},
    {"amplitudes", 0, CF_PARAM_CHOICE, "A", "first", 0, 0, "first|optimal|published",
     "Amplitudes from the first layer, or from all layers by least squares; published: as PyDMD solves the latter, with "
     "the last snapshot missing from one side of the equations."},
    {"correction", 0, CF_PARAM_CHOICE, "C", "none", 0, 0, "none|fb|tls",
     "Against the bias of noise: forward-backward, or total least squares."},
    {"tls-rank", 0, CF_PARAM_INTEGER, "R", "0", 0, 1e6, NULL,
     "Directions that total least squares projects on; 0: as many as modes."},
    {"tikhonov", 0, CF_PARAM_REAL, "A", "0", 0, 1e12, NULL,
     "Regularisation: 1/s becomes s / (s^2 + A ||X||). scope shared: see --ridge."},
    {"centre", 0, CF_PARAM_CHOICE, "WHAT", "feature", 0, 0, "feature|none",
     "feature: subtract each layer's feature means over the stimuli."},
    {"scale", 0, CF_PARAM_CHOICE, "RULE", "none", 0, 0, "none|rms", "rms: divide each layer by its root mean square."},
    CF_DMD_WIDTH_OPTIONS,
    {"part", 0, CF_PARAM_CHOICE, "P", "real", 0, 0, "real|both",
     "Features of a complex mode: the real part, or real and imaginary part side by side."},
    {"ridge", 0, CF_PARAM_REAL, "A", "0", 0, 1e6, NULL,
     "scope shared: added to the covariance, in units of its mean eigenvalue."},
    {"modes", 0, CF_PARAM_INTEGER, "Q", "8", 1, 1e6, NULL,
     "scope shared: how many modes, nearest to what --stable looks for, become features."},
    {"trajectory", 0, CF_PARAM_FLAG, NULL, NULL, 0, 0, NULL,
     "Also write the layers at their one width as `trajectory` (stimulus, layer, feature), not centred, which compare "
     "--measure dsa-angular takes: are the dynamics along depth of two networks alike?"},
    CF_PARAM_END,
};

static const char description[] =
    "Treats the layers of a network as snapshots in time, x_1 .. x_L, and finds the linear map that takes one to the "
    "next: x_{l+1} = A x_l with A's leading modes A phi = lambda phi. LAYER... are arrays of (stimulus, feature) in "
    "depth order; further axes are flattened into features, a pattern like net.h5:block* takes all "
    "members that fit. Stimuli are matched by label when the layers have labels, else by position.\n\n"
    "Modes along depth need layers whose axes mean the same. A network of constant width has them (identity). Otherwise "
    "--width pca takes the k principal scores P_l of each layer and turns them to the layer before, Q_l = P_l R_l, R_l = U "
    "V' of svd(P_l' Q_{l-1}): rotating the features of any layer changes nothing, but "
    "whatever turns from layer to layer is turned back with it. width.explained says what is kept of "
    "each layer. joint: one PCA of all layers, equal widths only. random: the same Gaussian projection for all layers of "
    "one width. gram: snapshots are the upper triangles of the centred inner products of stimuli; features are then one "
    "row of (n (n - 1) / 2) pairs, as rsa reads them. How widths are matched is our choice, no published one.\n\n"
    "pooled: everything follows from the inner products of layers, K_ij = <x_i, x_j>; the features of the stable mode "
    "are a weighted sum of layers, sum_l c_l h_l(t), and the weights (layer_weights) show which depths it lives on. For "
    "a complex mode the feature is the real part of one of the pair, half of the pair's contribution.\n"
    "per-stimulus: each stimulus has eigenvalues, weights and amplitude of its own; eigenvalues lists the stable one of "
    "each stimulus, layer_weights their mean, rank and energy their means, stable the median modulus and |argument|.\n"
    "shared: A = argmin sum |h_{l+1}(t) - A h_l(t)|^2 + ridge |A|^2 within the leading directions; features are the "
    "eigenfunctions of the first layer, real and imaginary part for complex modes; there are no layer weights.\n\n"
    "--train: means, axes, rotations and (pooled, shared) the operator come from the training stimuli alone and are applied "
    "to all, so that what predicts the other stimuli has not seen them.\n\n"
    "method says how singular vectors were found: gram (inner products), or qr of the layers where the inner products "
    "would lose digits (kept condition above 2000, or dependent layers). residual: |g x_{l+1} - lambda g x_l| / |g x_l| "
    "of each eigenfunction, small for modes that the layers really follow. error: share of all layers' norm that the "
    "modes leave. Which mode is called stable, and the scope, are choices of ours, not a standard; look at the "
    "warnings.\n\n"
    "Values: scope, layers, stimuli, features, width {rule, features, width, explained, training}, rank, energy, method, condition, error, eigenvalues [[re, im]], stable "
    "{index, eigenvalue, modulus, angle, rule, chosen, residual}, layer_weights (real part), layer_weights_imaginary, "
    "amplitudes, sizes, residuals, singular_values. Arrays: features (stimulus, feature), layer_weights (layer, part), "
    "eigenvalues (mode, part), amplitudes, sizes, residuals, singular_values, weights (mode, layer, part); per stimulus: "
    "eigenvalues (stimulus, part), ranks, energies, residuals, weights (stimulus, layer, part).\n\n"
    "References: Schmid (2010) J. Fluid Mech. 656; Tu, Rowley, Luchtenburg, Brunton and Kutz (2014) J. Comput. Dyn. 1; "
    "Gavish and Donoho (2014) IEEE Trans. Inf. Theory 60; Dawson, Hemati, Williams and Rowley (2016) Exp. Fluids 57.";

static const char examples[] = "cortifold dmd l0.npy l1.npy l2.npy l3.npy l4.npy l5.npy --rank 3 -o dmd.npz\n"
                               "cortifold dmd 'net.h5:block*' --rank svht --stable band\n"
                               "cortifold dmd 'net.h5:block*' --scope shared --modes 4 --ridge 1e-3\n"
                               "cortifold dmd 'cnn.npz:*' --width pca --components 50 --train split.tsv -o cnn-dmd.npz";

typedef struct job {
  cf_systems layers; /* addresses and names */
  cf_depth_options o;
  cf_array **array;
  cf_blocks *blocks;
  cf_array *labels; /* of the stimuli, NULL when there are none */
  cf_dmd_width width;
  cf_depth *depth;
} job;

static void job_free(job *j) {
  for (size_t i = 0; i < j->layers.count; i++) {
    if (j->blocks) cf_blocks_close(&j->blocks[i]);
    if (j->array) cf_array_free(j->array[i]);
  }
  cf_free(j->blocks);
  cf_free(j->array);
  cf_array_free(j->labels);
  cf_dmd_width_free(&j->width);
  cf_depth_free(j->depth);
  cf_systems_free(&j->layers);
}

static bool is(const cf_options *options, const char *name, const char *value) {
  return strcmp(cf_options_text(options, name), value) == 0;
}

/* One number for both sides of the circle, or two. */
static cf_status read_band(cf_context *ctx, const cf_options *options, cf_stable *rule) {
  const size_t count = cf_options_list_count(options, "band");
  char text[64], *end = NULL;
  double side[2] = {0, 0};
  for (size_t i = 0; i < CF_MIN(count, (size_t)2); i++) {
    const char *word = cf_options_list_entry(options, "band", i, text, sizeof text);
    side[i] = word ? strtod(word, &end) : NAN;
    if (!word || end == word || *end || !(side[i] > 0 && side[i] <= 1))
      return cf_fail(ctx, CF_ERR_USAGE, "--band: '%s' is not a number above 0 and at most 1", word ? word : "");
  }
  if (count < 1 || count > 2) return cf_fail(ctx, CF_ERR_USAGE, "--band takes one number, or two: inside,outside");
  rule->inner = side[0];
  rule->outer = side[count - 1];
  return CF_OK;
}

cf_status cf_dmd_read_options(cf_context *ctx, const cf_options *options, cf_depth_options *o) {
  static const char *const rules[] = {"modulus", "largest", "one", "integral", "band", "residual"};
  cf_status status = CF_OK;
  const cf_depth_options standard = CF_DEPTH_OPTIONS_INIT;
  *o = standard;
  o->scope = is(options, "scope", "pooled")   ? CF_DEPTH_POOLED
             : is(options, "scope", "shared") ? CF_DEPTH_SHARED
                                              : CF_DEPTH_PER_STIMULUS;
  CF_TRY(cf_rank_parse(ctx, cf_options_text(options, "rank"), "--rank", &o->dmd.rank));
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
    if (is(options, "stable", rules[i])) o->stable.rule = (cf_stable_rule)i;
  CF_TRY(read_band(ctx, options, &o->stable));
  o->stable.residual = cf_options_number(options, "residual");
  o->dmd.exact = is(options, "variant", "exact");
  o->dmd.amplitudes = is(options, "amplitudes", "first")     ? CF_DMD_FIRST
                      : is(options, "amplitudes", "optimal") ? CF_DMD_OPTIMAL
                                                             : CF_DMD_PUBLISHED;
  o->dmd.correction = is(options, "correction", "none") ? CF_DMD_PLAIN
                      : is(options, "correction", "fb") ? CF_DMD_FORWARD_BACKWARD
                                                        : CF_DMD_TOTAL;
  o->dmd.total_rank = (size_t)cf_options_integer(options, "tls-rank");
  o->dmd.tikhonov = cf_options_number(options, "tikhonov");
  o->centre = is(options, "centre", "feature");
  o->scale = is(options, "scale", "rms");
  o->imaginary = is(options, "part", "both");
  o->ridge = cf_options_number(options, "ridge");
  o->shared_modes = (size_t)cf_options_integer(options, "modes");
done:
  return status;
}

static cf_status read_options(cf_context *ctx, const cf_options *options, job *j) {
  cf_status status = CF_OK;
  CF_TRY(cf_dmd_read_options(ctx, options, &j->o));
  for (size_t i = 0; i < cf_options_arguments(options); i++)
    CF_TRY(cf_systems_expand(ctx, cf_options_argument(options, i), &j->layers));
  if (j->layers.count < 3)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                   "DMD along depth needs at least 3 layers, %zu given; a pattern as in net.h5:block* names several",
                   j->layers.count));
done:
  return status;
}

/* ---------------------------------------------------------------- layers -- */

static cf_status find_labels(cf_context *ctx, const cf_array *a, const char *address, cf_array **out) {
  static const char *const members[] = {"stimulus", "condition", "label", NULL};
  if (a->ndim > 0 && a->coordinate[0]) return cf_array_copy(ctx, a->coordinate[0], out);
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

/* Rows in the order of the first layer's labels. */
static cf_status match_rows(cf_context *ctx, job *j, size_t i, const cf_array *labels) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_array *a = j->array[i];
  const size_t n = a->shape[0], p = n ? cf_array_count(a) / n : 0;
  double *data = a->data, *rows;
  size_t *index;
  CF_TRY(CF_SCRATCH(ctx, &index, n));
  CF_TRY(CF_SCRATCH(ctx, &rows, n * p));
  status = cf_labels_match(ctx, j->labels, labels, index);
  if (status != CF_OK) CF_TRY(cf_explain(ctx, status, "%s: stimuli", j->layers.address[i]));
  for (size_t r = 0; r < n; r++) memcpy(rows + r * p, data + index[r] * p, p * sizeof *rows);
  memcpy(data, rows, n * p * sizeof *rows);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status load_array(cf_context *ctx, job *j, size_t i, bool *by_label) {
  cf_status status = CF_OK;
  const char *address = j->layers.address[i];
  cf_array *labels = NULL;
  CF_TRY(cf_io_read(ctx, address, PREFERRED, &j->array[i]));
  cf_array *a = j->array[i];
  if (a->ndim < 2)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: a layer is (stimulus, feature); this array has %d axis", address, a->ndim));
  CF_TRY(cf_array_to_doubles(ctx, a));
  CF_TRY(find_labels(ctx, a, address, &labels));
  if (labels && !labels->source) CF_TRY(cf_strdup(ctx, address, &labels->source));
  if (i == 0) {
    j->labels = labels;
    labels = NULL;
    *by_label = j->labels != NULL;
  } else if (labels && j->labels && labels->shape[0] == j->labels->shape[0]) {
    CF_TRY(match_rows(ctx, j, i, labels));
  } else {
    *by_label = *by_label && labels;
  }
  const size_t n = a->shape[0], p = n ? cf_array_count(a) / n : 0;
  const cf_view view = cf_view_matrix(a->data, n, p);
  CF_TRY(cf_blocks_from_view(ctx, &view, address, &j->blocks[i]));
done:
  cf_array_free(labels);
  return status;
}

/* Layers are held when all of them fit half of the memory, else read in blocks (two axes; stimuli by position). */
static cf_status load(cf_context *ctx, job *j, cf_result *result, bool *by_label) {
  cf_status status = CF_OK;
  double bytes = 0;
  CF_TRY(CF_ALLOC(ctx, &j->array, j->layers.count));
  CF_TRY(CF_ALLOC(ctx, &j->blocks, j->layers.count));
  for (size_t i = 0; i < j->layers.count; i++) {
    size_t n = 0, p = 0;
    if (cf_systems_shape(ctx, j->layers.address[i], &n, &p)) bytes += 8.0 * (double)n * (double)p;
  }
  const bool held = bytes <= 0.5 * (double)cf_context_memory(ctx);
  *by_label = false;
  for (size_t i = 0; i < j->layers.count; i++) {
    if (held)
      CF_TRY(load_array(ctx, j, i, by_label));
    else
      CF_TRY(cf_io_open_blocks(ctx, j->layers.address[i], PREFERRED, &j->blocks[i]));
    CF_TRY(cf_result_input(ctx, result, j->layers.address[i]));
  }
done:
  return status;
}

/* ---------------------------------------------------------------- values -- */

static cf_json *pairs(size_t n, const double *z) {
  cf_json *list = cf_json_list();
  for (size_t i = 0; i < n; i++) cf_json_append(list, cf_json_numbers(z + 2 * i, 2));
  return list;
}

/* Every second number, from `part` on. */
static cf_json *parts(size_t n, const double *z, size_t part) {
  cf_json *list = cf_json_list();
  for (size_t i = 0; i < n; i++) cf_json_append(list, cf_json_number(z[2 * i + part]));
  return list;
}

static double mean(size_t n, const double *x) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += x[i];
  return n ? sum / (double)n : NAN;
}

static cf_json *stable_json(const job *j, const cf_options *options) {
  const cf_depth *d = j->depth;
  cf_json *o = cf_json_object(), *chosen = cf_json_list();
  const double *z = d->stable_value;
  if (d->dmd) {
    cf_json_set(o, "index", cf_json_number((double)d->stable));
    cf_json_set(o, "eigenvalue", cf_json_numbers(z, 2));
    cf_json_set(o, "modulus", cf_json_number(hypot(z[0], z[1])));
    cf_json_set(o, "angle", cf_json_number(atan2(z[1], z[0])));
    cf_json_set(o, "residual", cf_json_number(d->dmd->residual[d->stable]));
    for (size_t i = 0; i < d->dmd->rank; i++)
      if (d->chosen[i]) cf_json_append(chosen, cf_json_number((double)i));
  } else {
    cf_json_set(o, "index", cf_json_null());
    cf_json_set(o, "eigenvalue", cf_json_null());
    cf_json_set(o, "modulus", cf_json_number(z[0]));
    cf_json_set(o, "angle", cf_json_number(z[1]));
    cf_json_set(o, "residual", cf_json_number(mean(d->stimuli, d->residual_each)));
  }
  cf_json_set(o, "rule", cf_json_text(cf_options_text(options, "stable")));
  cf_json_set(o, "chosen", chosen);
  return o;
}

static void fill_values(const job *j, const cf_options *options, bool by_label, cf_json *values) {
  const cf_depth *d = j->depth;
  const cf_dmd *m = d->dmd;
  cf_json *names = cf_json_list();
  for (size_t i = 0; i < j->layers.count; i++) cf_json_append(names, cf_json_text(((char **)j->layers.names->data)[i]));
  cf_json_set(values, "scope", cf_json_text(cf_options_text(options, "scope")));
  cf_json_set(values, "layers", names);
  cf_json_set(values, "stimuli", cf_json_number((double)j->width.stimuli));
  cf_json_set(values, "features", cf_json_number((double)d->width));
  cf_json_set(values, "width", cf_dmd_width_json(&j->width, d->layers));
  cf_json_set(values, "stimuli_matched_by", cf_json_text(by_label ? "label" : "position"));
  cf_json_set(values, "stable", stable_json(j, options));
  cf_json_set(values, "layer_weights", d->layer_weight ? parts(d->layers - 1, d->layer_weight, 0) : cf_json_null());
  cf_json_set(values, "layer_weights_imaginary",
              d->layer_weight ? parts(d->layers - 1, d->layer_weight, 1) : cf_json_null());
  cf_json_set(values, "weighted_layers", cf_json_text(j->o.dmd.exact ? "all but the first" : "all but the last"));
  if (m) {
    cf_json_set(values, "rank", cf_json_number((double)m->rank));
    cf_json_set(values, "energy", cf_json_number(m->energy));
    cf_json_set(values, "method", cf_json_text(cf_dmd_method_name(m->method)));
    cf_json_set(values, "condition", cf_json_number(m->condition));
    cf_json_set(values, "error", cf_json_number(m->error));
    cf_json_set(values, "eigenvalues", pairs(m->rank, m->eigenvalue));
    cf_json_set(values, "residuals", cf_json_numbers(m->residual, m->rank));
    cf_json_set(values, "singular_values", cf_json_numbers(m->singular, m->n_singular));
    cf_json_set(values, "amplitudes", m->amplitude ? pairs(m->rank, m->amplitude) : cf_json_null());
    cf_json_set(values, "sizes", m->size ? cf_json_numbers(m->size, m->rank) : cf_json_null());
  } else {
    cf_json_set(values, "rank", cf_json_number(mean(d->stimuli, d->rank_each)));
    cf_json_set(values, "energy", cf_json_number(mean(d->stimuli, d->energy_each)));
    cf_json_set(values, "eigenvalues", pairs(d->stimuli, d->eigenvalue_each));
  }
}

/* ---------------------------------------------------------------- arrays -- */

/* axes: one name an axis; an axis named "stimulus" gets the labels, "layer" the names of the weighted layers. */
static cf_status put(cf_context *ctx, const job *j, cf_result *result, const char *name, int ndim, const size_t *shape,
                     const char *const *axes, const double *data) {
  cf_status status = CF_OK;
  cf_array *a = NULL, *names = NULL;
  if (!data) return CF_OK;
  CF_TRY(cf_array_from_doubles(ctx, name, ndim, shape, data, &a));
  for (int i = 0; i < ndim; i++) {
    const cf_array *labels = strcmp(axes[i], "stimulus") == 0 ? j->labels : NULL;
    if (strcmp(axes[i], "layer") == 0) {
      const char *const *all = (const char *const *)(const void *)j->layers.names->data;
      CF_TRY(cf_array_from_texts(ctx, "layer", shape[i], all + (j->o.dmd.exact ? 1 : 0), &names));
      labels = names;
    }
    CF_TRY(cf_array_set_axis(ctx, a, i, axes[i], labels));
  }
  status = cf_dataset_add(ctx, result->arrays, a);
  a = NULL;
done:
  cf_array_free(names);
  cf_array_free(a);
  return status;
}

static cf_status fill_arrays(cf_context *ctx, const job *j, cf_result *result) {
  static const char *const by_stimulus[] = {"stimulus", "feature"}, *const by_layer[] = {"layer", "part"},
                           *const by_pair[] = {"snapshot", "pair"}, *const by_mode[] = {"mode", "part"},
                           *const weights[] = {"mode", "layer", "part"}, *const each_value[] = {"stimulus", "part"},
                           *const each_weight[] = {"stimulus", "layer", "part"}, *const singular[] = {"direction"};
  cf_status status = CF_OK;
  const cf_depth *d = j->depth;
  const cf_dmd *m = d->dmd;
  const size_t layers = d->layers - 1, n = d->stimuli;
  CF_TRY(put(ctx, j, result, "features", 2, (const size_t[]){n, d->columns}, j->width.gram ? by_pair : by_stimulus,
             d->features));
  CF_TRY(put(ctx, j, result, "layer_weights", 2, (const size_t[]){layers, 2}, by_layer, d->layer_weight));
  if (m) {
    const size_t r = m->rank;
    CF_TRY(put(ctx, j, result, "eigenvalues", 2, (const size_t[]){r, 2}, by_mode, m->eigenvalue));
    CF_TRY(put(ctx, j, result, "amplitudes", 2, (const size_t[]){r, 2}, by_mode, m->amplitude));
    CF_TRY(put(ctx, j, result, "sizes", 1, &r, by_mode, m->size));
    CF_TRY(put(ctx, j, result, "residuals", 1, &r, by_mode, m->residual));
    CF_TRY(put(ctx, j, result, "singular_values", 1, &m->n_singular, singular, m->singular));
    CF_TRY(put(ctx, j, result, "weights", 3, (const size_t[]){r, layers, 2}, weights, m->weight));
  } else {
    CF_TRY(put(ctx, j, result, "eigenvalues", 2, (const size_t[]){n, 2}, each_value, d->eigenvalue_each));
    CF_TRY(put(ctx, j, result, "ranks", 1, &n, each_value, d->rank_each));
    CF_TRY(put(ctx, j, result, "energies", 1, &n, each_value, d->energy_each));
    CF_TRY(put(ctx, j, result, "residuals", 1, &n, each_value, d->residual_each));
    CF_TRY(put(ctx, j, result, "weights", 3, (const size_t[]){n, layers, 2}, each_weight, d->weight_each));
  }
done:
  return status;
}

/* --------------------------------------------------------------- summary -- */

static void warn(cf_context *ctx, const job *j) {
  const cf_depth *d = j->depth;
  const double *z = d->stable_value, modulus = d->dmd ? hypot(z[0], z[1]) : z[0];
  if (d->layers < 6) cf_warn(ctx, "%zu layers are few: eigenvalues from less than 6 snapshots are fragile", d->layers);
  if (!(modulus >= 0.9 && modulus <= 1.1))
    cf_warn(ctx, "the stable mode has modulus %.3f%s: nothing in these layers persists through the depth", modulus,
            d->dmd ? "" : " (median)");
  if (d->dmd && j->o.stable.rule == CF_STABLE_BAND &&
      !(modulus > 1 - j->o.stable.inner && modulus < 1 + j->o.stable.outer))
    cf_warn(ctx, "no mode lies in the band from %.3f to %.3f; the nearest stands for it", 1 - j->o.stable.inner,
            1 + j->o.stable.outer);
  if (d->dmd && j->o.stable.rule == CF_STABLE_RESIDUAL && !(d->dmd->residual[d->stable] < j->o.stable.residual))
    cf_warn(ctx, "no mode has a residual below %g; the stable one was chosen among all", j->o.stable.residual);
  if (d->dmd && z[1] != 0)
    cf_warn(ctx, "the stable mode is complex (it turns by %.3f radians a layer): its real part depends on the layer",
            atan2(z[1], z[0]));
}

static cf_status say_summary(cf_context *ctx, const job *j, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  const cf_depth *d = j->depth;
  const cf_dmd *m = d->dmd;
  CF_TRY(cf_result_say(ctx, result, "%zu layers, %zu stimuli, %zu features, scope %s\n", d->layers, j->width.stimuli,
                       d->width, cf_options_text(options, "scope")));
  CF_TRY(cf_dmd_width_say(ctx, &j->width, d->layers, result));
  if (!m) {
    CF_TRY(cf_result_say(ctx, result, "stable mode of each stimulus: median modulus %.4f, median |angle| %.4f\n",
                         d->stable_value[0], d->stable_value[1]));
    return CF_OK;
  }
  CF_TRY(cf_result_say(ctx, result, "%zu modes, %.4g %% of the energy, condition %.3g (%s)\n", m->rank, 100 * m->energy,
                       m->condition, cf_dmd_method_name(m->method)));
  CF_TRY(cf_result_say(ctx, result, "  %4s %10s %10s %10s %10s %10s\n", "mode", "re", "im", "modulus", "size",
                       "residual"));
  for (size_t i = 0; i < CF_MIN(m->rank, (size_t)20); i++)
    CF_TRY(cf_result_say(ctx, result, "%c %4zu %10.5f %10.5f %10.5f %10.4g %10.3g\n", d->chosen[i] ? '*' : ' ', i,
                         m->eigenvalue[2 * i], m->eigenvalue[2 * i + 1],
                         hypot(m->eigenvalue[2 * i], m->eigenvalue[2 * i + 1]), m->size ? m->size[i] : NAN,
                         m->residual[i]));
  if (m->rank > 20) CF_TRY(cf_result_say(ctx, result, "(the first 20; -o FILE writes all)\n"));
done:
  return status;
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  job j = {0};
  bool by_label = false;
  CF_TRY(read_options(ctx, options, &j));
  CF_TRY(load(ctx, &j, result, &by_label));
  if (cf_options_flag(options, "trajectory") && is(options, "width", "gram"))
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--trajectory is of single stimuli, of which --width gram leaves none"));
  CF_TRY(cf_dmd_width_apply(ctx, options, j.layers.count, j.blocks, &j.o, result, &j.width));
  CF_TRY(cf_depth_fit(ctx, j.layers.count, j.blocks, &j.o, &j.depth));
  warn(ctx, &j);
  fill_values(&j, options, by_label, result->values);
  CF_TRY(fill_arrays(ctx, &j, result));
  if (cf_options_flag(options, "trajectory"))
    CF_TRY(cf_dmd_width_trajectory(ctx, &j.width, j.layers.count, j.blocks, j.labels, j.layers.names, result));
  CF_TRY(say_summary(ctx, &j, options, result));
done:
  job_free(&j);
  return status;
}

/* Layers' widths to one: a PCA a layer, or a product. */
static double width_cost(double n, double p, double k) {
  const double side = fmin(n, p);
  return (side * side * fmax(n, p) + 10 * side * side * side + 4 * n * p * k) / 2e10;
}

static cf_status cost(cf_context *ctx, const cf_options *options, cf_cost *out) {
  cf_status status = CF_OK;
  job j = {0};
  const char *rule = cf_options_text(options, "width");
  double most = 0, least = INFINITY, size = 0, match = 0, n = 0;
  CF_TRY(read_options(ctx, options, &j));
  const double l = (double)j.layers.count, threads = cf_context_threads(ctx);
  for (size_t i = 0; i < j.layers.count; i++) {
    size_t rows = 0, cols = 0;
    if (!cf_systems_shape(ctx, j.layers.address[i], &rows, &cols)) goto done;
    n = (double)rows;
    most = fmax(most, (double)cols);
    least = fmin(least, (double)cols);
    size += n * (double)cols;
    match += width_cost(n, (double)cols, fmin(CF_WIDTH_COMPONENTS, (double)cols));
  }
  const bool identity = strcmp(rule, "identity") == 0 || (strcmp(rule, "auto") == 0 && least == most);
  const double wanted = (double)cf_options_integer(options, "components");
  const double p = identity                    ? most
                   : strcmp(rule, "gram") == 0 ? n / 2 /* n (n - 1) / 2 pairs are n / 2 a stimulus */
                                               : fmin(wanted > 0 ? wanted : CF_WIDTH_COMPONENTS, fmin(least, n - 1));
  const double each = (2 * l * l * p / 2e10 + 3e-8 * l * l * l + 1e-4);
  out->seconds = j.o.scope == CF_DEPTH_SHARED   ? (12 * l * n * p * p + 30 * p * p * p) / 2e10 / threads
                 : j.o.scope == CF_DEPTH_POOLED ? 2 * l * l * n * p / 2e10 / threads + 3e-8 * l * l * l
                                                : n * each / threads;
  out->seconds += (identity ? 0 : match / threads) + 1.5e-7 * size; /* reading */
  out->bytes = 8 * (size + 2 * l * fmin(n * p, 8e6) + (identity ? 0 : l * n * p));
done:
  cf_context_clear(ctx);
  job_free(&j);
  return CF_OK;
}

const cf_analysis cf_analysis_dmd = {"dmd",       "Dynamics", "Dynamic modes along the depth of a network",
                                     "LAYER...",  1,          -1,
                                     description, examples,   params,
                                     run,         cost,       false};
