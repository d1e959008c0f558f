/* One PCA of all layers, for many sets of training stimuli from two passes over the layers.
 *
 *   C_s = sum_l sum_{g in s} sum_{t in g} u_l(t) u_l(t)' - sum_l n_s m_ls m_ls',   Q_l = H_l V_s,
 *
 * u_l(t) the features of layer l less their mean over all stimuli (so that nothing cancels), m_ls the mean of u_l over
 * the training stimuli of set s, V_s the k leading eigenvectors of C_s. Products are kept group by group of stimuli
 * (folds), so that leaving out one group after the other costs no further pass. Cost: a product of all layers with
 * themselves, one eigendecomposition a set, and a product of all layers with k columns a set. */
#include "dynamics/width.h"

#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

#include "base/internal.h"

typedef struct work {
  size_t layers, d, k;
  const cf_blocks *layer;
  const cf_width_sets *sets;
  size_t *count; /* groups */
  double *cov;   /* groups x d x d */
  double *sum;   /* layers x groups x d */
  double *axes;  /* sets x k x d */
  double *kept;  /* sets: share of the variance */
} work;

double cf_widths_joint_bytes(size_t groups, size_t width) {
  return 8 * (double)groups * (double)width * (double)width;
}

/* Products of a layer's stimuli, group by group. */
static cf_status add_layer(cf_context *ctx, const work *w, size_t l, double *x, double *part) {
  cf_status status = CF_OK;
  const cf_blocks *b = &w->layer[l];
  const size_t d = w->d, groups = w->sets->groups;
  CF_TRY(cf_width_read(ctx, b, x));
  cf_center_columns(b->rows, d, x, d, NULL);
  for (size_t g = 0; g < groups; g++) {
    double *sum = w->sum + (l * groups + g) * d;
    size_t n = 0;
    for (size_t t = 0; t < b->rows; t++) {
      if (w->sets->group[t] != g) continue;
      memcpy(part + n++ * d, x + t * d, d * sizeof *x);
      for (size_t j = 0; j < d; j++) sum[j] += x[t * d + j];
    }
    w->count[g] = n;
    if (n) CF_TRY(cf_syrk(ctx, true, d, n, 1, part, d, 1, w->cov + g * d * d, d));
  }
done:
  return status;
}

/* Axes of one set, a task. */
static cf_status solve_set(cf_context *worker, size_t s, void *payload) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  const work *w = payload;
  const size_t d = w->d, groups = w->sets->groups;
  const bool *trains = w->sets->trains + s * groups;
  double *cov, *mean, *value, n = 0, kept = 0, total = 0;
  CF_TRY(CF_SCRATCH(worker, &cov, d * d));
  CF_TRY(CF_SCRATCH(worker, &mean, w->layers * d));
  CF_TRY(CF_SCRATCH(worker, &value, w->k));
  memset(cov, 0, d * d * sizeof *cov);
  memset(mean, 0, w->layers * d * sizeof *mean);
  for (size_t g = 0; g < groups; g++) {
    if (!trains[g]) continue;
    n += (double)w->count[g];
    for (size_t i = 0; i < d * d; i++) cov[i] += w->cov[g * d * d + i];
    for (size_t l = 0; l < w->layers; l++)
      for (size_t j = 0; j < d; j++) mean[l * d + j] += w->sum[(l * groups + g) * d + j];
  }
  for (size_t i = 0; i < w->layers * d; i++) mean[i] /= sqrt(n); /* sqrt(n) m, whose squares are n m m' */
  CF_TRY(cf_syrk(worker, true, d, w->layers, -1, mean, d, 1, cov, d));
  for (size_t j = 0; j < d; j++) total += cov[j * d + j];
  CF_TRY(cf_eigh_top(worker, d, cov, w->k, value, w->axes + s * w->k * d));
  for (size_t i = 0; i < w->k; i++) kept += value[i];
  w->kept[s] = total > 0 ? kept / total : NAN;
done:
  cf_scratch_release(worker, mark);
  return status;
}

cf_status cf_widths_joint(cf_context *ctx, size_t layers, const cf_blocks *layer, const cf_width_sets *sets, size_t k,
                          cf_widths *const *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = layer[0].rows, d = layer[0].cols;
  work w = {.layers = layers, .d = d, .k = k, .layer = layer, .sets = sets};
  double *x, *part;
  CF_TRY(CF_SCRATCH(ctx, &x, n * d));
  CF_TRY(CF_SCRATCH(ctx, &part, n * d));
  CF_TRY(CF_SCRATCH(ctx, &w.count, sets->groups));
  CF_TRY(CF_SCRATCH(ctx, &w.cov, sets->groups * d * d));
  CF_TRY(CF_SCRATCH(ctx, &w.sum, layers * sets->groups * d));
  CF_TRY(CF_SCRATCH(ctx, &w.axes, sets->sets * k * d));
  CF_TRY(CF_SCRATCH(ctx, &w.kept, sets->sets));
  memset(w.cov, 0, sets->groups * d * d * sizeof *w.cov);
  memset(w.sum, 0, layers * sets->groups * d * sizeof *w.sum);
  for (size_t l = 0; l < layers; l++) CF_TRY(add_layer(ctx, &w, l, x, part));
  CF_TRY(cf_parallel_for(ctx, sets->sets, solve_set, &w));
  for (size_t l = 0; l < layers; l++) {
    CF_TRY(cf_width_read(ctx, &layer[l], x));
    for (size_t s = 0; s < sets->sets; s++) {
      out[s]->explained[l] = w.kept[s];
      CF_TRY(cf_gemm(ctx, false, true, n, k, d, 1, x, d, w.axes + s * k * d, d, 0, out[s]->data + l * n * k, k));
    }
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
