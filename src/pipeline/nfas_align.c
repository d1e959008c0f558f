/* The alignment of all models in `cortifold nfas`: model after model, so that one model's representations are held. */
#include "pipeline/nfas.h"

#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

enum { MOST_COMPONENTS = 100 };

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

/* Encoding model of one representation; the null is for the stable mode alone. */
static cf_status encode(cf_context *ctx, nfas_job *j, size_t m, nfas_features *f, bool null, cf_voxel_result **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
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
  if (!null) {
    o.null_kind = CF_NULL_NONE;
    o.bootstrap = 0;
  }
  o.null_r2 = null && o.null_kind != CF_NULL_NONE;
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

static cf_status keep(cf_context *ctx, nfas_job *j, size_t m, nfas_kind kind, const cf_voxel_result *e) {
  cf_status status = CF_OK;
  CF_TRY(room_for(ctx, j, kind));
  memcpy(j->r2[kind] + m * j->rois, e->r2, j->rois * sizeof *e->r2);
  memcpy(j->r[kind] + m * j->rois, e->r, j->rois * sizeof *e->r);
  if (kind != NFAS_STABLE) goto done;
  memcpy(j->R2 + m * j->rois, e->R2, j->rois * sizeof *e->R2);
  memcpy(j->alpha + m * j->rois, e->alpha, j->rois * sizeof *e->alpha);
  if (j->low) memcpy(j->low + m * j->rois, e->low, j->rois * sizeof *e->low);
  if (j->high) memcpy(j->high + m * j->rois, e->high, j->rois * sizeof *e->high);
  j->edge_low += e->edge_low;
  j->edge_high += e->edge_high;
  for (size_t k = 0; k < j->nulls; k++)
    memcpy(j->null + (k * j->models + m) * j->rois, e->null_r2 + k * j->rois, j->rois * sizeof *e->null_r2);
done:
  return status;
}

static cf_status one_kind(cf_context *ctx, nfas_job *j, const nfas_layers *s, nfas_kind kind) {
  cf_status status = CF_OK;
  nfas_features f = {0};
  cf_voxel_result *e = NULL;
  bool known = true;
  CF_TRY(nfas_features_make(ctx, s, kind, &f, &known));
  if (!known) goto done;
  if (kind == NFAS_STABLE && j->compared.system) CF_TRY(nfas_compare_keep(ctx, j, s->m, &f));
  CF_TRY(encode(ctx, j, s->m, &f, kind == NFAS_STABLE, &e));
  CF_TRY(keep(ctx, j, s->m, kind, e));
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

/* In each fold the layer whose mean score over the inner folds is best; its scores in that fold alone. */
static cf_status best_layer(cf_context *ctx, nfas_job *j, const nfas_layers *s) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t folds = j->folds->folds;
  nfas_features f = {0};
  cf_voxel_result *e = NULL;
  double *best, *rho;
  CF_TRY(room_for(ctx, j, NFAS_BEST));
  CF_TRY(CF_SCRATCH(ctx, &best, folds));
  CF_TRY(CF_SCRATCH(ctx, &rho, folds * j->rois));
  for (size_t k = 0; k < folds; k++) best[k] = -INFINITY;
  for (size_t l = 0; l < s->layers; l++) {
    CF_TRY(nfas_features_layer(ctx, s, l, &f));
    CF_TRY(encode(ctx, j, s->m, &f, false, &e));
    for (size_t k = 0; k < folds; k++) {
      const double score = mean_of(e, e->inner + k * j->rois);
      if (!(score > best[k])) continue;
      best[k] = score;
      j->best_layer[s->m * folds + k] = (double)l;
      memcpy(rho + k * j->rois, e->rho + k * j->rois, j->rois * sizeof *rho);
    }
    cf_voxel_result_free(e);
    e = NULL;
    nfas_features_free(&f);
  }
  double *r = j->r[NFAS_BEST] + s->m * j->rois, *r2 = j->r2[NFAS_BEST] + s->m * j->rois;
  for (size_t i = 0; i < j->rois; i++) {
    r[i] = r2[i] = 0;
    for (size_t k = 0; k < folds; k++) {
      r[i] += rho[k * j->rois + i] / (double)folds;
      r2[i] += cf_signed_square(rho[k * j->rois + i], j->encoder.o.sign) / (double)folds;
    }
  }
done:
  cf_voxel_result_free(e);
  nfas_features_free(&f);
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------- components of all layers at once -- */

/* Kernel of all layers side by side, K = sum_l H_l H_l' (times x times), a layer at a time. */
static cf_status joint_kernel(cf_context *ctx, const nfas_job *j, const nfas_layers *s, double *k) {
  cf_status status = CF_OK;
  nfas_features f = {0};
  memset(k, 0, j->times * j->times * sizeof *k);
  for (size_t l = 0; l < s->layers; l++) {
    CF_TRY(nfas_features_layer(ctx, s, l, &f));
    cf_center_columns(f.times, f.width, f.data, f.width, NULL); /* against loss of digits; each fold centres anew */
    CF_TRY(cf_syrk(ctx, false, f.times, f.width, 1, f.data, f.width, 1, k, f.times));
    nfas_features_free(&f);
  }
done:
  nfas_features_free(&f);
  return status;
}

typedef struct joint {
  const nfas_job *j;
  const double *kernel;
  nfas_features *out;
} joint;

/* Scores of the training samples' leading components: with the centred kernel K_tt = V diag(e) V', all samples have
 * K_.t V e^(-1/2). */
static cf_status joint_fold(cf_context *worker, size_t fold, void *payload) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  const joint *p = payload;
  const nfas_job *j = p->j;
  const size_t n = j->times, k = p->out->width;
  size_t *train, m = 0;
  double *rows, *square, *mean, *value, *axes, all = 0, sum = 0, *out = p->out->data + fold * n * k;
  CF_TRY(CF_SCRATCH(worker, &train, n));
  for (size_t t = 0; t < n; t++)
    if (j->folds->fold[t] != fold) train[m++] = t;
  CF_TRY(CF_SCRATCH(worker, &rows, n * m));
  CF_TRY(CF_SCRATCH(worker, &square, m * m));
  CF_TRY(CF_SCRATCH(worker, &mean, n + m));
  CF_TRY(CF_SCRATCH(worker, &value, k));
  CF_TRY(CF_SCRATCH(worker, &axes, k * m));
  double *column = mean + n;
  memset(mean, 0, (n + m) * sizeof *mean);
  for (size_t t = 0; t < n; t++)
    for (size_t i = 0; i < m; i++) mean[t] += (rows[t * m + i] = p->kernel[t * n + train[i]]) / (double)m;
  for (size_t i = 0; i < m; i++) all += (column[i] = mean[train[i]]) / (double)m;
  for (size_t t = 0; t < n; t++)
    for (size_t i = 0; i < m; i++) rows[t * m + i] += all - mean[t] - column[i];
  for (size_t i = 0; i < m; i++) memcpy(square + i * m, rows + train[i] * m, m * sizeof *rows);
  CF_TRY(cf_eigh_top(worker, m, square, k, value, axes));
  for (size_t i = 0; i < k; i++) sum += fmax(value[i], 0) / (double)k / (double)m;
  for (size_t i = 0; i < k; i++)
    for (size_t c = 0; c < m; c++)
      axes[i * m + c] *= value[i] > 1e-12 * value[0] && sum > 0 ? 1 / sqrt(value[i] * sum) : 0;
  CF_TRY(cf_gemm(worker, false, true, n, k, m, 1, rows, m, axes, m, 0, out, k));
done:
  cf_scratch_release(worker, mark);
  return status;
}

static cf_status all_layers(cf_context *ctx, nfas_job *j, const nfas_layers *s) {
  cf_status status = CF_OK;
  const size_t folds = j->folds->folds, n = j->times;
  nfas_features f = {folds, n, MOST_COMPONENTS, NULL};
  cf_voxel_result *e = NULL;
  double *kernel = NULL;
  size_t wide = 0, least = n;
  for (size_t l = 0; l < s->layers; l++) wide += s->block[l].cols;
  for (size_t k = 0; k < folds; k++) {
    size_t train = 0;
    for (size_t t = 0; t < n; t++) train += j->folds->fold[t] != k;
    least = CF_MIN(least, train);
  }
  f.width = CF_MIN(CF_MIN((size_t)MOST_COMPONENTS, wide), least - 1);
  if (j->components) f.width = CF_MIN(f.width, j->components);
  CF_TRY(CF_ALLOC(ctx, &kernel, n * n));
  CF_TRY(CF_ALLOC(ctx, &f.data, folds * n * f.width));
  CF_TRY(joint_kernel(ctx, j, s, kernel));
  joint p = {j, kernel, &f};
  CF_TRY(cf_parallel_for(ctx, folds, joint_fold, &p));
  cf_free(kernel);
  kernel = NULL;
  const cf_feature_scale scale = j->encoder.o.features;
  j->encoder.o.features = CF_FEATURES_CENTER;
  status = encode(ctx, j, s->m, &f, false, &e);
  j->encoder.o.features = scale;
  CF_TRY(status);
  CF_TRY(keep(ctx, j, s->m, NFAS_PCA, e));
done:
  cf_free(kernel);
  cf_voxel_result_free(e);
  nfas_features_free(&f);
  return status;
}

/* --------------------------------------------------------------- all models -- */

static cf_status untrained(cf_context *ctx, nfas_job *j, size_t m) {
  cf_status status = CF_OK;
  nfas_layers s = {0};
  if (j->model[m].random.count == 0) return CF_OK;
  CF_TRY(nfas_layers_open(ctx, j, m, &j->model[m].random, &s));
  CF_TRY(one_kind(ctx, j, &s, NFAS_RANDOM));
done:
  nfas_layers_close(&s);
  return status;
}

static cf_status one_model(cf_context *ctx, nfas_job *j, size_t m) {
  cf_status status = CF_OK;
  nfas_layers s = {0};
  CF_TRY(nfas_layers_open(ctx, j, m, &j->model[m].layer, &s));
  CF_TRY(nfas_describe(ctx, &s, &j->found[m]));
  if (j->compared.op) CF_TRY(nfas_compare_depth(ctx, &s));
  for (size_t k = 0; k < NFAS_KINDS; k++) {
    if (!j->wanted[k]) continue;
    CF_TRY(k == NFAS_BEST     ? best_layer(ctx, j, &s)
           : k == NFAS_PCA    ? all_layers(ctx, j, &s)
           : k == NFAS_RANDOM ? untrained(ctx, j, m)
                              : one_kind(ctx, j, &s, (nfas_kind)k));
    cf_progress_step(ctx, 1);
  }
done:
  nfas_layers_close(&s);
  return status;
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
done:
  return status;
}
