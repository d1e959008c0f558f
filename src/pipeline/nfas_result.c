/* Values and arrays of `cortifold nfas` that come before its tests: alignments, modes, settings, warnings. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "pipeline/internal.h"
#include "pipeline/nfas.h"

/* ------------------------------------------------------------------ values -- */

static double mean_row(size_t n, const double *x) {
  double sum = 0, count = 0;
  for (size_t i = 0; i < n; i++)
    if (!isnan(x[i])) {
      sum += x[i];
      count++;
    }
  return count > 0 ? sum / count : NAN;
}

static cf_json *top_regions(const nfas_job *j, const double *x) {
  enum { TOP = 5 };
  cf_json *list = cf_json_list();
  char word[128];
  double last = INFINITY;
  size_t before = 0;
  for (size_t k = 0; k < TOP && k < j->rois; k++) {
    size_t best = j->rois;
    for (size_t r = 0; r < j->rois; r++) {
      if (isnan(x[r]) || x[r] > last || (x[r] == last && (k == 0 || r <= before))) continue;
      if (best == j->rois || x[r] > x[best]) best = r;
    }
    if (best == j->rois) break;
    last = x[best];
    before = best;
    if (j->roi_name)
      cf_json_append(list, cf_json_text(cf_array_label(j->roi_name, best, word, sizeof word)));
    else
      cf_json_append(list, cf_json_number((double)best));
  }
  return list;
}

static cf_json *model_json(const nfas_job *j, size_t m) {
  const nfas_model *model = &j->model[m];
  const nfas_depth *d = &j->found[m];
  cf_json *o = cf_json_object(), *stable = cf_json_object();
  cf_json_set(o, "name", cf_json_text(model->name));
  cf_json_set(o, "group", cf_json_text(model->group));
  cf_json_set(o, "family", model->family ? cf_json_text(model->family) : cf_json_null());
  cf_json_set(o, "dataset", model->dataset ? cf_json_text(model->dataset) : cf_json_null());
  cf_json_set(o, "layers", cf_json_number((double)d->layers));
  cf_json_set(o, "width", cf_json_number((double)d->width));
  cf_json_set(o, "rank", cf_json_number((double)d->rank));
  cf_json_set(o, "energy", cf_json_number(d->energy));
  cf_json_set(o, "error", cf_json_number(d->error));
  cf_json_set(stable, "eigenvalue", cf_json_numbers(d->stable, 2));
  cf_json_set(stable, "modulus", cf_json_number(hypot(d->stable[0], d->stable[1])));
  cf_json_set(stable, "angle", cf_json_number(atan2(d->stable[1], d->stable[0])));
  cf_json_set(stable, "residual", cf_json_number(d->residual));
  cf_json_set(o, "stable", stable);
  cf_json_set(o, "alignment", cf_json_number(mean_row(j->rois, j->r2[NFAS_STABLE] + m * j->rois)));
  cf_json_set(o, "correlation", cf_json_number(mean_row(j->rois, j->r[NFAS_STABLE] + m * j->rois)));
  cf_json_set(o, "top", top_regions(j, j->r2[NFAS_STABLE] + m * j->rois));
  if (j->r2[NFAS_BEST])
    cf_json_set(o, "best_layer", cf_json_numbers(j->best_layer + m * j->folds->folds, j->folds->folds));
  return o;
}

static cf_json *settings(const nfas_job *j) {
  return cf_options_json(j->options);
}

/* ------------------------------------------------------------------ arrays -- */

static cf_status put_labels(cf_context *ctx, const nfas_job *j, const cf_array *labels, const char *name,
                            const char *axis, const cf_array *of) {
  cf_status status = CF_OK;
  cf_array *copy = NULL;
  if (!labels) return CF_OK;
  CF_TRY(cf_array_copy(ctx, labels, &copy));
  cf_free(copy->name);
  copy->name = NULL;
  CF_TRY(cf_strdup(ctx, name, &copy->name));
  CF_TRY(cf_array_set_axis(ctx, copy, 0, axis, of));
  status = cf_dataset_add(ctx, j->result->arrays, copy);
  copy = NULL;
done:
  cf_array_free(copy);
  return status;
}

/* Over what is possible, never clipped; where next to nothing is, NaN. */
static cf_status put_normalised(cf_context *ctx, nfas_job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_axis axis[2] = {{"model", j->models, j->model_name}, {"roi", j->rois, j->roi_name}};
  double *x = NULL;
  size_t masked = 0, above = 0, first = 0;
  char word[128];
  if (!j->ceiling) return CF_OK;
  CF_TRY(CF_SCRATCH(ctx, &x, j->models * j->rois));
  for (size_t r = j->rois; r-- > 0;)
    if (!(j->ceiling[r] >= 0.05)) {
      masked++;
      first = r;
    }
  for (size_t i = 0; i < j->models * j->rois; i++) {
    const double c = j->ceiling[i % j->rois];
    x[i] = c >= 0.05 ? j->r2[NFAS_STABLE][i] / c : NAN;
    above += x[i] > 1;
  }
  CF_TRY(cf_axes_put(ctx, j->result, "alignment_normalised", 2, axis, x));
  CF_TRY(cf_axes_put(ctx, j->result, "ceiling", 1, &axis[1], j->ceiling));
  cf_json_set(j->result->values, "alignment_normalised", cf_json_number(mean_row(j->models * j->rois, x)));
  if (masked)
    cf_warn(ctx,
            "%s: %zu of %zu regions have no ceiling or one below 0.05 and no normalised alignment; the first is %s",
            cf_options_text(j->options, "ceiling"), masked, j->rois, nfas_region(j, first, word, sizeof word));
  if (above) cf_warn(ctx, "%zu alignments are above their region's noise ceiling", above);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Weights and eigenvalues of all models, NaN where a model has fewer. */
static cf_status put_modes(cf_context *ctx, nfas_job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t layers = 0, rank = 0;
  double *weight, *value, *size;
  for (size_t m = 0; m < j->models; m++) {
    layers = CF_MAX(layers, j->found[m].layers);
    rank = CF_MAX(rank, j->found[m].rank);
  }
  CF_TRY(CF_SCRATCH(ctx, &weight, j->models * layers));
  CF_TRY(CF_SCRATCH(ctx, &value, j->models * rank * 2));
  CF_TRY(CF_SCRATCH(ctx, &size, j->models * rank));
  for (size_t m = 0; m < j->models; m++) {
    const nfas_depth *d = &j->found[m];
    for (size_t l = 0; l < layers; l++) weight[m * layers + l] = l < d->layers ? d->weight[l] : NAN;
    for (size_t i = 0; i < rank; i++) {
      size[m * rank + i] = i < d->rank ? d->size[i] : NAN;
      for (size_t k = 0; k < 2; k++) value[2 * (m * rank + i) + k] = i < d->rank ? d->eigenvalue[2 * i + k] : NAN;
    }
  }
  const cf_axis model = {"model", j->models, j->model_name};
  const size_t shape[3] = {j->models, rank, 2};
  CF_TRY(cf_axes_put(ctx, j->result, "layer_weights", 2, (const cf_axis[]){model, {"layer", layers, NULL}}, weight));
  CF_TRY(cf_axes_put(ctx, j->result, "sizes", 2, (const cf_axis[]){model, {"mode", rank, NULL}}, size));
  CF_TRY(cf_dataset_put(ctx, j->result->arrays, "eigenvalues", 3, shape, value));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status put_arrays(cf_context *ctx, nfas_job *j) {
  cf_status status = CF_OK;
  char name[64];
  const cf_axis axis[2] = {{"model", j->models, j->model_name}, {"roi", j->rois, j->roi_name}};
  CF_TRY(cf_axes_put(ctx, j->result, "alignment", 2, axis, j->r2[NFAS_STABLE]));
  if (j->low) CF_TRY(cf_axes_put(ctx, j->result, "alignment_low", 2, axis, j->low));
  if (j->high) CF_TRY(cf_axes_put(ctx, j->result, "alignment_high", 2, axis, j->high));
  CF_TRY(cf_axes_put(ctx, j->result, "correlation", 2, axis, j->r[NFAS_STABLE]));
  CF_TRY(cf_axes_put(ctx, j->result, "R2", 2, axis, j->R2));
  CF_TRY(cf_axes_put(ctx, j->result, "alpha", 2, axis, j->alpha));
  for (size_t k = 1; k < NFAS_KINDS; k++) {
    if (!j->r2[k]) continue;
    snprintf(name, sizeof name, "baseline/%s", nfas_kind_name[k]);
    CF_TRY(cf_axes_put(ctx, j->result, name, 2, axis, j->r2[k]));
  }
  CF_TRY(put_normalised(ctx, j));
  CF_TRY(put_labels(ctx, j, j->group_name, "group", "model", j->model_name));
  CF_TRY(put_labels(ctx, j, j->network, "network", "roi", j->roi_name));
  CF_TRY(put_modes(ctx, j));
done:
  return status;
}

/* ---------------------------------------------------------------- warnings -- */

/* Names of the models for which something holds, the first few. */
static void warn_models(cf_context *ctx, const nfas_job *j, const bool *holds, const char *what) {
  char names[300] = "";
  size_t count = 0;
  for (size_t m = 0; m < j->models; m++) {
    if (!holds[m]) continue;
    const size_t n = strlen(names);
    if (count++ < 4) snprintf(names + n, sizeof names - n, "%s%.60s", n ? ", " : "", j->model[m].name);
  }
  if (count) cf_warn(ctx, "%zu of %zu models %s: %s%s", count, j->models, what, names, count > 4 ? ", ..." : "");
}

static cf_status warn(cf_context *ctx, const nfas_job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  bool *few, *off, *complex;
  double negative = 0;
  CF_TRY(CF_SCRATCH(ctx, &few, j->models));
  CF_TRY(CF_SCRATCH(ctx, &off, j->models));
  CF_TRY(CF_SCRATCH(ctx, &complex, j->models));
  for (size_t m = 0; m < j->models; m++) {
    const double modulus = hypot(j->found[m].stable[0], j->found[m].stable[1]);
    few[m] = j->found[m].layers < 6;
    off[m] = !(modulus >= 0.9 && modulus <= 1.1);
    complex[m] = j->found[m].stable[1] != 0;
  }
  warn_models(ctx, j, few, "have fewer than 6 layers, whose eigenvalues are fragile");
  warn_models(ctx, j, off, "have a stable mode of modulus outside 0.9 to 1.1: nothing persists through their depth");
  warn_models(ctx, j, complex, "have a complex stable mode, whose real part depends on the layer");
  for (size_t i = 0; i < j->models * j->rois; i++) negative += j->r[NFAS_STABLE][i] < 0;
  negative /= (double)(j->models * j->rois);
  if (j->encoder.o.sign == CF_SIGN_SQUARE && negative > 0.2)
    cf_warn(ctx, "%.0f %% of the correlations are negative and their squares count as alignment; --sign clip does not",
            100 * negative);
  if (j->edge_low) cf_warn(ctx, "%zu regions of models choose the smallest alpha; give smaller ones", j->edge_low);
  if (j->edge_high)
    cf_warn(ctx, "%zu regions of models choose the largest alpha: nothing predicts them, or it is too small",
            j->edge_high);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Every data set holds one group alone: said by `space` when it reads data sets from a file, here from the manifest. */
static void warn_nested(cf_context *ctx, const nfas_job *j) {
  bool any = false, several = false, mixed = false;
  for (size_t a = 0; a < j->models; a++) {
    if (!j->model[a].dataset) return;
    any = true;
    for (size_t b = 0; b < a; b++) {
      const bool same = strcmp(j->model[a].dataset, j->model[b].dataset) == 0;
      several = several || !same;
      mixed = mixed || (same && strcmp(j->model[a].group, j->model[b].group) != 0);
    }
  }
  if (any && several && !mixed)
    cf_warn(ctx, "every data set holds models of one group alone; differences between groups cannot be told from "
                 "differences between data sets");
}

cf_status nfas_results(cf_context *ctx, nfas_job *j) {
  cf_status status = CF_OK;
  cf_json *values = j->result->values, *list = cf_json_list();
  const double mean = mean_row(j->models * j->rois, j->r2[NFAS_STABLE]);
  for (size_t m = 0; m < j->models; m++) cf_json_append(list, model_json(j, m));
  cf_json_set(values, "rois", cf_json_number((double)j->rois));
  cf_json_set(values, "samples", cf_json_number((double)j->times));
  cf_json_set(values, "runs", cf_json_number(j->run ? (double)j->runs : 1));
  cf_json_set(values, "folds", cf_json_number((double)j->folds->folds));
  cf_json_set(values, "alignment", cf_json_number(mean));
  cf_json_set(values, "correlation", cf_json_number(mean_row(j->models * j->rois, j->r[NFAS_STABLE])));
  cf_json_set(values, "models", list);
  cf_json_set(values, "nulls", cf_json_number((double)j->nulls));
  cf_json_set(values, "reconstruction", cf_json_bool(true));
  cf_json_set(values, "settings", settings(j));
  CF_TRY(put_arrays(ctx, j));
  CF_TRY(cf_result_say(ctx, j->result,
                       "%zu models, %zu regions, %zu samples, %zu folds; settings are reconstructions of ours\n",
                       j->models, j->rois, j->times, j->folds->folds));
  CF_TRY(cf_result_say(ctx, j->result, "mean alignment of the stable mode %.4f\n", mean));
  CF_TRY(warn(ctx, j));
  warn_nested(ctx, j);
done:
  return status;
}
