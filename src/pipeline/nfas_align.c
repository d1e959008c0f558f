/* The alignment of all models in `cortifold nfas`: model after model, so that one model's representations are held. */
#include "pipeline/nfas.h"

#include <cortifold/io.h>
#include <math.h>
#include <string.h>

/* ------------------------------------------------------------------ encode -- */

static cf_status open_sets(cf_context *ctx, const nfas_job *j, const nfas_features *f, size_t m, cf_blocks *out) {
  cf_status status = CF_OK;
  for (size_t k = 0; k < f->sets; k++) {
    const cf_view view = cf_view_matrix(f->data + k * f->times * f->width, f->times, f->width);
    CF_TRY(cf_blocks_from_view(ctx, &view, j->model[m].name, &out[k]));
  }
done:
  return status;
}

cf_status nfas_encode(cf_context *ctx, const nfas_job *j, size_t m, nfas_kind kind, nfas_features *f,
                      cf_voxel_result **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const bool null = kind == NFAS_STABLE;
  cf_voxel_options o = j->encoder.o;
  cf_blocks *set = NULL, series = {0};
  const cf_view view = cf_view_matrix(j->measured->data, j->times, j->rois);
  *out = NULL;
  CF_TRY(nfas_features_reduce(ctx, j, f));
  CF_TRY(CF_SCRATCH(ctx, &set, f->sets));
  memset(set, 0, f->sets * sizeof *set);
  CF_TRY(open_sets(ctx, j, f, m, set));
  CF_TRY(cf_blocks_from_view(ctx, &view, j->series, &series));
  if (f->sets > 1) o.fold_features = set;
  if (kind == NFAS_PCA) o.features = CF_FEATURES_CENTER; /* its components are scaled already */
  if (!null) {
    o.null_kind = CF_NULL_NONE;
    o.bootstrap = 0;
  }
  o.null_r2 = null && o.null_kind != CF_NULL_NONE; /* the null is for the stable mode alone */
  status = cf_voxel_encode(ctx, &set[0], &series, j->run, j->folds, &o, out);
  if (status != CF_OK) status = cf_explain(ctx, status, "model %s", j->model[m].name);
done:
  for (size_t k = 0; set && k < f->sets; k++) cf_blocks_close(&set[k]);
  cf_blocks_close(&series);
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status room_for(cf_context *ctx, nfas_job *j, nfas_kind kind) {
  cf_status status = CF_OK;
  if (j->r2[kind]) return CF_OK;
  CF_TRY(CF_ALLOC(ctx, &j->r2[kind], j->models * j->rois));
  CF_TRY(CF_ALLOC(ctx, &j->r[kind], j->models * j->rois));
  for (size_t i = 0; i < j->models * j->rois; i++) j->r2[kind][i] = j->r[kind][i] = NAN;
done:
  return status;
}

void nfas_keep(nfas_job *j, size_t m, nfas_kind kind, const cf_voxel_result *e) {
  memcpy(j->r2[kind] + m * j->rois, e->r2, j->rois * sizeof *e->r2);
  memcpy(j->r[kind] + m * j->rois, e->r, j->rois * sizeof *e->r);
  if (kind != NFAS_STABLE) return;
  memcpy(j->R2 + m * j->rois, e->R2, j->rois * sizeof *e->R2);
  memcpy(j->alpha + m * j->rois, e->alpha, j->rois * sizeof *e->alpha);
  if (j->low) memcpy(j->low + m * j->rois, e->low, j->rois * sizeof *e->low);
  if (j->high) memcpy(j->high + m * j->rois, e->high, j->rois * sizeof *e->high);
  j->edge_low += e->edge_low;
  j->edge_high += e->edge_high;
  for (size_t k = 0; k < j->nulls; k++)
    memcpy(j->null + (k * j->models + m) * j->rois, e->null_r2 + k * j->rois, j->rois * sizeof *e->null_r2);
}

static cf_status one_kind(cf_context *ctx, nfas_job *j, const nfas_layers *s, nfas_kind kind) {
  cf_status status = CF_OK;
  nfas_features f = {0};
  cf_voxel_result *e = NULL;
  bool known = true;
  CF_TRY(nfas_features_make(ctx, s, kind, &f, &known));
  if (!known) goto done;
  if (kind == NFAS_STABLE && j->compared.system) CF_TRY(nfas_compare_keep(ctx, j, s->m, &f));
  CF_TRY(nfas_encode(ctx, j, s->m, kind, &f, &e));
  nfas_keep(j, s->m, kind, e);
done:
  cf_voxel_result_free(e);
  nfas_features_free(&f);
  return status;
}

/* ---------------------------------------------------------- layer by layer -- */

static double mean_of(const cf_voxel_result *e, const double *x) {
  double sum = 0;
  for (size_t r = 0; r < e->targets; r++)
    if (e->state[r] == CF_TARGET_FITTED) sum += x[r];
  return e->fitted ? sum / (double)e->fitted : NAN;
}

/* Mean score over the inner folds (layers x folds) of each layer, and its scores in each fold (layers x folds x rois).
 */
typedef struct by_layer {
  double *inner, *rho;
} by_layer;

static cf_status one_layer(cf_context *ctx, nfas_job *j, const nfas_layers *s, size_t layer, by_layer *out) {
  cf_status status = CF_OK;
  const size_t folds = j->folds->folds;
  nfas_features f = {0};
  cf_voxel_result *e = NULL;
  CF_TRY(nfas_features_layer(ctx, s, layer, NFAS_ALL_FOLDS, &f));
  CF_TRY(nfas_encode(ctx, j, s->m, NFAS_BEST, &f, &e));
  for (size_t k = 0; k < folds; k++) out->inner[layer * folds + k] = mean_of(e, e->inner + k * j->rois);
  memcpy(out->rho + layer * folds * j->rois, e->rho, folds * j->rois * sizeof *e->rho);
done:
  cf_voxel_result_free(e);
  nfas_features_free(&f);
  return status;
}

/* In each fold the layer whose mean score over the inner folds is best; its scores in that fold alone. */
static void best_layer(nfas_job *j, const nfas_layers *s, const by_layer *all) {
  const size_t folds = j->folds->folds;
  double *r = j->r[NFAS_BEST] + s->m * j->rois, *r2 = j->r2[NFAS_BEST] + s->m * j->rois;
  memset(r, 0, j->rois * sizeof *r);
  memset(r2, 0, j->rois * sizeof *r2);
  for (size_t k = 0; k < folds; k++) {
    size_t best = 0;
    for (size_t l = 1; l < s->layers; l++)
      if (all->inner[l * folds + k] > all->inner[best * folds + k]) best = l;
    j->best_layer[s->m * folds + k] = (double)best;
    const double *rho = all->rho + (best * folds + k) * j->rois;
    for (size_t i = 0; i < j->rois; i++) {
      r[i] += rho[i] / (double)folds;
      r2[i] += cf_signed_square(rho[i], j->encoder.o.sign) / (double)folds;
    }
  }
}

/* ----------------------------------------------------- all representations -- */

/* Kinds that are one representation each, then layers where the best one is looked for. */
typedef struct work {
  nfas_job *j;
  const nfas_layers *s;
  size_t kinds, layers;
  nfas_kind kind[NFAS_KINDS];
  by_layer layer;
} work;

static cf_status represent(cf_context *ctx, size_t task, void *payload) {
  work *w = payload;
  cf_status status = task < w->kinds ? one_kind(ctx, w->j, w->s, w->kind[task])
                                     : one_layer(ctx, w->j, w->s, task - w->kinds, &w->layer);
  if (task < w->kinds) cf_progress_step(ctx, 1);
  return status;
}

/* Side by side where the layers are in memory; files are read by one at a time, whose folds are side by side. */
static cf_status represent_all(cf_context *ctx, nfas_job *j, const nfas_layers *s) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t folds = j->folds->folds;
  work w = {.j = j, .s = s, .layers = j->wanted[NFAS_BEST] ? s->layers : 0};
  for (size_t k = 0; k < NFAS_KINDS; k++) {
    if (!j->wanted[k] || k == NFAS_RANDOM) continue;
    CF_TRY(room_for(ctx, j, (nfas_kind)k));
    if (k != NFAS_BEST && k != NFAS_PCA) w.kind[w.kinds++] = (nfas_kind)k;
  }
  CF_TRY(CF_SCRATCH(ctx, &w.layer.inner, w.layers * folds + 1));
  CF_TRY(CF_SCRATCH(ctx, &w.layer.rho, w.layers * folds * j->rois + 1));
  if (s->sized) {
    CF_TRY(cf_parallel_for(ctx, w.kinds + w.layers, represent, &w));
  } else {
    for (size_t i = 0; i < w.kinds + w.layers; i++) CF_TRY(represent(ctx, i, &w));
  }
  if (w.layers) best_layer(j, s, &w.layer);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* --------------------------------------------------------------- all models -- */

static cf_status untrained(cf_context *ctx, nfas_job *j, size_t m) {
  cf_status status = CF_OK;
  nfas_layers s = {0};
  if (j->model[m].random.count == 0) return CF_OK;
  CF_TRY(nfas_layers_open(ctx, j, m, &j->model[m].random, &s));
  CF_TRY(room_for(ctx, j, NFAS_RANDOM));
  CF_TRY(one_kind(ctx, j, &s, NFAS_RANDOM));
done:
  nfas_layers_close(&s);
  return status;
}

static cf_status one_model(cf_context *ctx, nfas_job *j, size_t m) {
  cf_status status = CF_OK;
  nfas_layers s = {0};
  CF_TRY(nfas_layers_open(ctx, j, m, &j->model[m].layer, &s));
  for (size_t l = 0; m + 1 < j->models && l < j->model[m + 1].layer.count; l++) /* the disk works while we do */
    cf_io_will_need(ctx, j->model[m + 1].layer.address[l]);
  CF_TRY(nfas_describe(ctx, &s, &j->found[m]));
  if (j->compared.op) CF_TRY(nfas_compare_depth(ctx, &s));
  CF_TRY(represent_all(ctx, j, &s));
  if (j->wanted[NFAS_PCA]) CF_TRY(nfas_all_layers(ctx, j, &s));
  if (j->wanted[NFAS_RANDOM]) CF_TRY(untrained(ctx, j, m));
  cf_progress_step(ctx, j->wanted[NFAS_PCA] + (size_t)j->wanted[NFAS_RANDOM] + (size_t)j->wanted[NFAS_BEST]);
done:
  nfas_layers_close(&s);
  return status;
}

/* A kind that no model has is as one that was not asked for. */
static void drop_unknown(nfas_job *j) {
  for (size_t k = NFAS_STABLE + 1; k < NFAS_KINDS; k++) {
    bool known = false;
    for (size_t i = 0; i < j->models * j->rois && j->r2[k] && !known; i++) known = !isnan(j->r2[k][i]);
    if (known) continue;
    cf_free(j->r2[k]);
    cf_free(j->r[k]);
    j->r2[k] = j->r[k] = NULL;
  }
}

cf_status nfas_align(cf_context *ctx, nfas_job *j) {
  cf_status status = CF_OK;
  size_t kinds = 0;
  for (size_t k = 0; k < NFAS_KINDS; k++) kinds += j->wanted[k];
  CF_TRY(CF_ALLOC(ctx, &j->found, j->models));
  CF_TRY(CF_ALLOC(ctx, &j->R2, j->models * j->rois));
  CF_TRY(CF_ALLOC(ctx, &j->alpha, j->models * j->rois));
  CF_TRY(CF_ALLOC(ctx, &j->best_layer, j->models * j->folds->folds));
  if (j->encoder.o.bootstrap) {
    CF_TRY(CF_ALLOC(ctx, &j->low, j->models * j->rois));
    CF_TRY(CF_ALLOC(ctx, &j->high, j->models * j->rois));
  }
  if (j->nulls) CF_TRY(CF_ALLOC(ctx, &j->null, j->nulls * j->models * j->rois));
  CF_TRY(nfas_compare_begin(ctx, j));
  cf_progress_begin(ctx, "models", j->models * kinds);
  for (size_t m = 0; m < j->models && status == CF_OK; m++) {
    status = cf_check_cancel(ctx);
    if (status == CF_OK) status = one_model(ctx, j, m);
  }
  cf_progress_end(ctx);
  drop_unknown(j);
done:
  return status;
}
