/* Layers of unequal width, brought to one so that snapshots can follow one another along depth.
 *
 * H_l stimulus x feature, T training stimuli, bars: training means taken off.
 *
 *   pca     P_l = k principal scores of H_l, R_l = U V' of svd(P_l' Q_{l-1}) over the training rows, Q_l = P_l R_l
 *   joint   Q_l = H_l V, V the k leading eigenvectors of sum_l bar H_l' bar H_l (width_joint.c)
 *   random  Q_l = H_l G / sqrt(k), G standard normal, row j from the stream ("dmd/projection", j)
 *   zeros   Q_l = [H_l 0]
 *   gram    Q_l = the upper triangle, row by row, of bar H_l bar H_l' over the training stimuli, as one row
 *
 * The axes of a PCA are arbitrary, so layer after layer is turned to the one before; Q_1 = P_1 with the largest score
 * of each column positive, and any rotation of the features of any layer leaves all Q_l as they are. joint takes equal
 * widths only; with k all features it is a rotation. With random, layers of one width share the projection, and inner
 * products survive up to 1/sqrt(k) (Johnson & Lindenstrauss 1984). gram has no features left, and no rotation of them
 * shows. Ours: no published work says how widths were matched. */
#include "base/internal.h"
#include "dynamics/width.h"

#include <cortifold/linalg.h>
#include <cortifold/stats.h>
#include <math.h>
#include <string.h>

static const cf_width_options defaults = CF_WIDTH_OPTIONS_INIT;

typedef struct work {
  size_t layers, stimuli, training, k;
  const cf_blocks *layer;
  const cf_width_options *o;
  cf_widths *out;
} work;

void cf_widths_free(cf_widths *w) {
  if (!w) return;
  cf_free(w->data);
  cf_free(w->explained);
  cf_free(w);
}

static bool trains(const work *w, size_t t) {
  return !w->o->train || w->o->train[t];
}

cf_status cf_width_read(cf_context *ctx, const cf_blocks *b, double *x) {
  cf_status status = CF_OK;
  const cf_view view = cf_view_matrix(x, b->rows, b->cols);
  CF_TRY(cf_check_cancel(ctx));
  CF_TRY(b->read(ctx, b->payload, 0, b->rows, 0, b->cols, x));
  CF_TRY(cf_view_check_finite(ctx, &view, b->name));
done:
  return status;
}

/* The training rows of x one after the other. */
static void training_rows(const work *w, size_t cols, const double *x, double *out) {
  for (size_t t = 0; t < w->stimuli; t++)
    if (trains(w, t)) {
      memcpy(out, x + t * cols, cols * sizeof *out);
      out += cols;
    }
}

static void subtract_means(size_t rows, size_t cols, const double *means, double *x) {
  for (size_t t = 0; t < rows; t++)
    for (size_t j = 0; j < cols; j++) x[t * cols + j] -= means[j];
}

/* Scores of all stimuli on the components of the training rows. */
static cf_status scores_of(cf_context *ctx, const work *w, size_t l, double *scores) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t d = w->layer[l].cols, k = w->k;
  double *x, *train, *axes, *ratio, *means;
  CF_TRY(CF_SCRATCH(ctx, &x, w->stimuli * d));
  CF_TRY(CF_SCRATCH(ctx, &train, w->training * d));
  CF_TRY(CF_SCRATCH(ctx, &axes, k * d));
  CF_TRY(CF_SCRATCH(ctx, &ratio, k));
  CF_TRY(CF_SCRATCH(ctx, &means, d));
  CF_TRY(cf_width_read(ctx, &w->layer[l], x));
  training_rows(w, d, x, train);
  const cf_view view = cf_view_matrix(train, w->training, d);
  status = cf_pca(ctx, &view, k, axes, NULL, NULL, ratio, means);
  if (status != CF_OK) CF_TRY(cf_explain(ctx, status, "%s", w->layer[l].name));
  subtract_means(w->stimuli, d, means, x);
  CF_TRY(cf_gemm(ctx, false, true, w->stimuli, k, d, 1, x, d, axes, d, 0, scores, k));
  w->out->explained[l] = 0;
  for (size_t i = 0; i < k; i++) w->out->explained[l] += ratio[i];
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* p <- p R, R = U V' of svd(p' q) over the training rows. */
static cf_status turn(cf_context *ctx, const work *w, const double *q, double *p) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t k = w->k, n = w->training;
  double *a, *b, *cross, *s, *u, *vt, *r, *old;
  CF_TRY(CF_SCRATCH(ctx, &a, n * k));
  CF_TRY(CF_SCRATCH(ctx, &b, n * k));
  CF_TRY(CF_SCRATCH(ctx, &cross, k * k));
  CF_TRY(CF_SCRATCH(ctx, &s, k));
  CF_TRY(CF_SCRATCH(ctx, &u, k * k));
  CF_TRY(CF_SCRATCH(ctx, &vt, k * k));
  CF_TRY(CF_SCRATCH(ctx, &r, k * k));
  CF_TRY(CF_SCRATCH(ctx, &old, w->stimuli * k));
  training_rows(w, k, p, a);
  training_rows(w, k, q, b);
  CF_TRY(cf_gemm(ctx, true, false, k, k, n, 1, a, k, b, k, 0, cross, k));
  CF_TRY(cf_svd(ctx, k, k, cross, s, u, vt));
  CF_TRY(cf_gemm(ctx, false, false, k, k, k, 1, u, k, vt, k, 0, r, k));
  memcpy(old, p, w->stimuli * k * sizeof *old);
  CF_TRY(cf_gemm(ctx, false, false, w->stimuli, k, k, 1, old, k, r, k, 0, p, k));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* The largest score of every column becomes positive. */
static void fix_signs(size_t rows, size_t k, double *p) {
  for (size_t j = 0; j < k; j++) {
    size_t top = 0;
    for (size_t t = 1; t < rows; t++)
      if (fabs(p[t * k + j]) > fabs(p[top * k + j]) * (1 + 1e-9)) top = t;
    for (size_t t = 0; t < rows && p[top * k + j] <= 0; t++)
      if (t != top) p[t * k + j] = -p[t * k + j];
    p[top * k + j] = fabs(p[top * k + j]);
  }
}

static cf_status by_pca(cf_context *ctx, const work *w) {
  cf_status status = CF_OK;
  const size_t size = w->stimuli * w->k;
  for (size_t l = 0; l < w->layers; l++) {
    double *p = w->out->data + l * size;
    CF_TRY(scores_of(ctx, w, l, p));
    if (l == 0)
      fix_signs(w->stimuli, w->k, p);
    else
      CF_TRY(turn(ctx, w, p - size, p));
  }
done:
  return status;
}

static cf_status by_joint_pca(cf_context *ctx, const work *w) {
  cf_status status = CF_OK;
  const bool yes = true;
  size_t *group;
  CF_TRY(CF_SCRATCH(ctx, &group, w->stimuli));
  for (size_t t = 0; t < w->stimuli; t++) group[t] = !trains(w, t);
  const cf_width_sets sets = {1, 1, group, &yes};
  CF_TRY(cf_widths_joint(ctx, w->layers, w->layer, &sets, w->k, &w->out));
done:
  return status;
}

static cf_status by_projection(cf_context *ctx, const work *w) {
  cf_status status = CF_OK;
  const size_t k = w->k;
  size_t widest = 0;
  double *x, *g;
  for (size_t l = 0; l < w->layers; l++) widest = CF_MAX(widest, w->layer[l].cols);
  CF_TRY(CF_SCRATCH(ctx, &x, w->stimuli * widest));
  CF_TRY(CF_SCRATCH(ctx, &g, widest * k));
  for (size_t l = 0; l < w->layers; l++) {
    const size_t d = w->layer[l].cols;
    /* Layers of one width share the projection; another width has one of its own. */
    for (size_t j = 0; j < d && (l == 0 || d != w->layer[l - 1].cols); j++) {
      cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("dmd/projection") + d, (uint32_t)j);
      for (size_t i = 0; i < k; i++) g[j * k + i] = cf_rng_normal(&rng);
    }
    CF_TRY(cf_width_read(ctx, &w->layer[l], x));
    CF_TRY(cf_gemm(ctx, false, false, w->stimuli, k, d, 1 / sqrt((double)k), x, d, g, k, 0,
                   w->out->data + l * w->stimuli * k, k));
  }
done:
  return status;
}

static cf_status by_zeros(cf_context *ctx, const work *w) {
  cf_status status = CF_OK;
  double *x;
  CF_TRY(CF_SCRATCH(ctx, &x, w->stimuli * w->k));
  for (size_t l = 0; l < w->layers; l++) {
    const size_t d = w->layer[l].cols;
    CF_TRY(cf_width_read(ctx, &w->layer[l], x));
    for (size_t t = 0; t < w->stimuli; t++)
      memcpy(w->out->data + (l * w->stimuli + t) * w->k, x + t * d, d * sizeof *x);
  }
done:
  return status;
}

static cf_status by_gram(cf_context *ctx, const work *w) {
  cf_status status = CF_OK;
  const size_t n = w->training;
  size_t widest = 0;
  double *x, *train, *gram, *out = w->out->data;
  for (size_t l = 0; l < w->layers; l++) widest = CF_MAX(widest, w->layer[l].cols);
  CF_TRY(CF_SCRATCH(ctx, &x, w->stimuli * widest));
  CF_TRY(CF_SCRATCH(ctx, &train, n * widest));
  CF_TRY(CF_SCRATCH(ctx, &gram, n * n));
  for (size_t l = 0; l < w->layers; l++) {
    const size_t d = w->layer[l].cols;
    CF_TRY(cf_width_read(ctx, &w->layer[l], x));
    training_rows(w, d, x, train);
    cf_center_columns(n, d, train, d, NULL);
    CF_TRY(cf_syrk(ctx, false, n, d, 1, train, d, 0, gram, n));
    for (size_t i = 0; i < n; i++)
      for (size_t j = i + 1; j < n; j++) *out++ = gram[i * n + j];
  }
done:
  return status;
}

/* ------------------------------------------------------------------ checks -- */

static cf_status check(cf_context *ctx, work *w, size_t *narrowest, size_t *widest) {
  *narrowest = SIZE_MAX;
  *widest = 0;
  if (w->layers == 0) return cf_fail(ctx, CF_ERR_INPUT, "no layers are given");
  for (size_t l = 0; l < w->layers; l++) {
    const cf_blocks *b = &w->layer[l];
    if (b->rows == 0 || b->cols == 0) return cf_fail(ctx, CF_ERR_INPUT, "%s: the layer is empty", b->name);
    if (b->rows != w->layer[0].rows)
      return cf_fail(ctx, CF_ERR_INPUT, "%s has %zu stimuli and %s %zu; all layers need the same stimuli", b->name,
                     b->rows, w->layer[0].name, w->layer[0].rows);
    *narrowest = CF_MIN(*narrowest, b->cols);
    *widest = CF_MAX(*widest, b->cols);
  }
  w->stimuli = w->layer[0].rows;
  for (size_t t = 0; t < w->stimuli; t++) w->training += trains(w, t);
  if (w->training < 3)
    return cf_fail(ctx, CF_ERR_INPUT, "%zu training stimuli are too few to match widths; 3 or more are needed",
                   w->training);
  return CF_OK;
}

/* What an equal width, or a shared basis, is needed for. */
static cf_status check_rule(cf_context *ctx, const work *w, size_t narrowest, size_t widest) {
  const cf_width_options *o = w->o;
  if (narrowest == widest) return CF_OK;
  if (o->rule == CF_WIDTH_JOINT)
    return cf_fail(ctx, CF_ERR_INPUT,
                   "layers have %zu to %zu features; a joint PCA needs one width (pca takes layers of any width)",
                   narrowest, widest);
  if (o->rule == CF_WIDTH_RANDOM && !o->unmatched)
    return cf_fail(ctx, CF_ERR_INPUT,
                   "layers have %zu to %zu features: projections of their own, whose axes do not match, so eigenvalues "
                   "would mean nothing; pca matches them (or insist by allowing unmatched axes)",
                   narrowest, widest);
  return CF_OK;
}

static size_t components(const work *w, size_t narrowest) {
  const size_t most = w->o->rule == CF_WIDTH_PCA ? CF_MIN(w->training - 1, narrowest) : narrowest;
  return CF_MIN(w->o->components ? w->o->components : (size_t)CF_WIDTH_COMPONENTS, most);
}

/* Checks, the width, and room for the result. */
static cf_status begin(cf_context *ctx, work *w) {
  cf_status status = CF_OK;
  size_t narrowest, widest, count = 0;
  CF_TRY(check(ctx, w, &narrowest, &widest));
  CF_TRY(check_rule(ctx, w, narrowest, widest));
  const bool gram = w->o->rule == CF_WIDTH_GRAM;
  w->k = gram ? w->training * (w->training - 1) / 2 : w->o->rule == CF_WIDTH_ZEROS ? widest : components(w, narrowest);
  CF_TRY(CF_ALLOC(ctx, &w->out, 1));
  w->out->layers = w->layers;
  w->out->rows = gram ? 1 : w->stimuli;
  w->out->width = w->k;
  CF_TRY(cf_size_mul(ctx, w->layers * w->out->rows, w->k, &count));
  CF_TRY(CF_ALLOC(ctx, &w->out->data, count));
  CF_TRY(CF_ALLOC(ctx, &w->out->explained, w->layers));
  for (size_t l = 0; l < w->layers; l++) w->out->explained[l] = NAN;
done:
  return status;
}

cf_status cf_depth_widths(cf_context *ctx, size_t layers, const cf_blocks *layer, const cf_width_options *options,
                          cf_widths **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  work w = {.layers = layers, .layer = layer, .o = options ? options : &defaults};
  *out = NULL;
  CF_TRY(begin(ctx, &w));
  CF_TRY(w.o->rule == CF_WIDTH_PCA      ? by_pca(ctx, &w)
         : w.o->rule == CF_WIDTH_JOINT  ? by_joint_pca(ctx, &w)
         : w.o->rule == CF_WIDTH_RANDOM ? by_projection(ctx, &w)
         : w.o->rule == CF_WIDTH_ZEROS  ? by_zeros(ctx, &w)
                                        : by_gram(ctx, &w));
  *out = w.out;
  w.out = NULL;
done:
  cf_widths_free(w.out);
  cf_scratch_release(ctx, mark);
  return status;
}

/* One PCA of all layers in every fold: products of layers are made once. */
static cf_status joint_folds(cf_context *ctx, const work *how, size_t folds, const size_t *fold, bool *train,
                             cf_widths **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t k = 0;
  bool *trains;
  CF_TRY(CF_SCRATCH(ctx, &trains, folds * folds));
  for (size_t f = 0; f < folds; f++) {
    cf_width_options o = *how->o;
    work w = {.layers = how->layers, .layer = how->layer, .o = &o};
    for (size_t t = 0; t < how->layer[0].rows; t++) train[t] = fold[t] != f;
    o.train = train;
    status = begin(ctx, &w);
    out[f] = w.out;
    CF_TRY(status);
    k = w.k;
    for (size_t g = 0; g < folds; g++) trains[f * folds + g] = g != f;
  }
  const cf_width_sets sets = {folds, folds, fold, trains};
  CF_TRY(cf_widths_joint(ctx, how->layers, how->layer, &sets, k, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_depth_widths_folds(cf_context *ctx, size_t layers, const cf_blocks *layer, const cf_width_options *options,
                                size_t folds, const size_t *fold, size_t *sets, cf_widths **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t stimuli = layers ? layer[0].rows : 0;
  cf_width_options o = options ? *options : defaults;
  const work w = {.layers = layers, .layer = layer, .o = &o};
  bool *train;
  *sets = o.rule == CF_WIDTH_RANDOM || o.rule == CF_WIDTH_ZEROS ? 1 : folds;
  for (size_t f = 0; f < *sets; f++) out[f] = NULL;
  CF_TRY(CF_SCRATCH(ctx, &train, stimuli + 1));
  o.train = *sets == 1 ? NULL : train;
  if (o.rule == CF_WIDTH_JOINT) {
    CF_TRY(joint_folds(ctx, &w, folds, fold, train, out));
    goto done;
  }
  for (size_t f = 0; f < *sets; f++) {
    for (size_t t = 0; t < stimuli; t++) train[t] = fold[t] != f;
    CF_TRY(cf_depth_widths(ctx, layers, layer, &o, &out[f]));
  }
done:
  for (size_t f = 0; f < *sets && status != CF_OK; f++) {
    cf_widths_free(out[f]);
    out[f] = NULL;
  }
  cf_scratch_release(ctx, mark);
  return status;
}
