/* One PCA of all layers, for many sets of training stimuli from two passes over the layers.
 *
 *   C_s = sum_l sum_{g in s} sum_{t in g} u_l(t) u_l(t)' - sum_l n_s m_ls m_ls',   Q_l = H_l V_s,
 *
 * u_l(t) the features of layer l less their mean over all stimuli (so that nothing cancels), m_ls the mean of u_l over
 * the training stimuli of set s, V_s the k leading eigenvectors of C_s. Products are kept group by group of stimuli
 * (folds), so that leaving out one group after the other costs no further pass. Cost: a product of all layers with
 * themselves, one eigendecomposition a set, and a product of all layers with k columns a set. Layers that come in
 * single precision are multiplied in it, less their means, and summed up in double. */
#include "dynamics/width.h"

#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

#include "base/internal.h"

enum { TILE = 32, ROWS = 256, BATCH = 4 };

typedef struct work {
  size_t layers, d, k;
  const cf_blocks *layer;
  const cf_width_sets *sets;
  size_t *count; /* groups */
  double *cov;   /* groups x d x d */
  double *sum;   /* layers x groups x d */
  double *axes;  /* sets x k x d */
  double *kept;  /* sets: share of the variance */
  /* of the layer at hand, for its scores */
  const double *x, *mean;
  cf_widths *const *out;
  size_t l;
  const float *narrow; /* all axes; NULL: in double */
  double *level;       /* sets x k: scores of the mean */
} work;

static bool all_single(size_t layers, const cf_blocks *layer) {
  bool single = true;
  for (size_t l = 0; l < layers; l++) single = single && layer[l].single;
  return single;
}

/* Layers first .. first + count - 1, each n x d less its means; their products group by group. */
typedef struct batch {
  const work *w;
  size_t first, count;
  double *x;     /* BATCH x n x d */
  double *part;  /* rows of a group in one layer, or */
  float *turned; /* groups: those in all layers as columns, in single precision, one after the other */
} batch;

/* Means off one layer, sums of what is left, a task. */
static cf_status centre_layer(cf_context *worker, size_t k, void *payload) {
  (void)worker;
  const batch *b = payload;
  const work *w = b->w;
  const size_t n = w->layer[0].rows, d = w->d, groups = w->sets->groups;
  double *x = b->x + k * n * d;
  cf_center_columns(n, d, x, d, NULL);
  for (size_t t = 0; t < n; t++) {
    if (w->sets->group[t] >= groups) continue;
    double *restrict sum = w->sum + ((b->first + k) * groups + w->sets->group[t]) * d;
    for (size_t j = 0; j < d; j++) sum[j] += x[t * d + j];
  }
  return CF_OK;
}

/* Where the columns of a group begin. */
static float *columns_of(const batch *b, size_t g) {
  size_t before = 0;
  for (size_t h = 0; h < g; h++) before += b->w->count[h];
  return b->turned + before * b->count * b->w->d;
}

/* Rows of one group in all layers as columns (features x samples), a task. */
static cf_status turn_group(cf_context *worker, size_t g, void *payload) {
  (void)worker;
  const batch *b = payload;
  const work *w = b->w;
  const size_t *group = w->sets->group, n = w->layer[0].rows, d = w->d, ld = b->count * w->count[g];
  float *turned = columns_of(b, g);
  for (size_t j = 0; j < d; j += TILE)
    for (size_t k = 0, at = 0; k < b->count; k++)
      for (size_t t = 0; t < n; t++) {
        if (group[t] != g) continue;
        for (size_t c = j; c < CF_MIN(j + TILE, d); c++) turned[c * ld + at] = (float)b->x[(k * n + t) * d + c];
        at++;
      }
  return CF_OK;
}

static cf_status add_group(cf_context *ctx, const batch *b, size_t g) {
  cf_status status = CF_OK;
  const work *w = b->w;
  const size_t n = w->layer[0].rows, d = w->d, all = b->count * w->count[g];
  double *cov = w->cov + g * d * d;
  if (all == 0) goto done;
  if (b->turned) CF_TRY(cf_syrk_single(ctx, d, all, 1, columns_of(b, g), all, cov, d));
  for (size_t k = 0; k < b->count && !b->turned; k++) {
    size_t m = 0;
    for (size_t t = 0; t < n; t++)
      if (w->sets->group[t] == g) memcpy(b->part + m++ * d, b->x + (k * n + t) * d, d * sizeof *b->part);
    CF_TRY(cf_syrk(ctx, true, d, m, 1, b->part, d, 1, cov, d));
  }
done:
  return status;
}

/* Products of all layers, BATCH of them at a time. */
static cf_status add_layers(cf_context *ctx, const work *w, bool single) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = w->layer[0].rows, d = w->d, most = single ? CF_MIN((size_t)BATCH, w->layers) : 1;
  batch b = {.w = w};
  CF_TRY(CF_SCRATCH(ctx, &b.x, most * n * d));
  if (single)
    CF_TRY(CF_SCRATCH(ctx, &b.turned, most * n * d));
  else
    CF_TRY(CF_SCRATCH(ctx, &b.part, n * d));
  for (; b.first < w->layers; b.first += b.count) {
    b.count = CF_MIN(most, w->layers - b.first);
    for (size_t k = 0; k < b.count; k++) CF_TRY(cf_width_read(ctx, &w->layer[b.first + k], b.x + k * n * d));
    CF_TRY(cf_parallel_for(ctx, b.count, centre_layer, &b));
    if (single) CF_TRY(cf_parallel_for(ctx, w->sets->groups, turn_group, &b));
    for (size_t g = 0; g < w->sets->groups; g++) CF_TRY(add_group(ctx, &b, g));
  }
done:
  cf_scratch_release(ctx, mark);
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

/* Scores of ROWS stimuli in all sets: those of x less its mean in single precision, and those of the mean. */
static cf_status score_rows(cf_context *worker, size_t task, void *payload) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  const work *w = payload;
  const size_t n = w->layer[0].rows, d = w->d, k = w->k, sets = w->sets->sets, from = task * ROWS;
  const size_t rows = CF_MIN((size_t)ROWS, n - from);
  float *x, *scores;
  CF_TRY(CF_SCRATCH(worker, &x, rows * d));
  CF_TRY(CF_SCRATCH(worker, &scores, rows * sets * k));
  for (size_t t = 0; t < rows; t++)
    for (size_t j = 0; j < d; j++) x[t * d + j] = (float)(w->x[(from + t) * d + j] - w->mean[j]);
  cf_gemm_serial_single(false, true, rows, sets * k, d, 1, x, d, w->narrow, d, 0, scores, sets * k);
  for (size_t t = 0; t < rows; t++)
    for (size_t s = 0; s < sets; s++) {
      double *to = w->out[s]->data + (w->l * n + from + t) * k;
      for (size_t i = 0; i < k; i++) to[i] = w->level[s * k + i] + (double)scores[(t * sets + s) * k + i];
    }
done:
  cf_scratch_release(worker, mark);
  return status;
}

static cf_status score_layer_single(cf_context *ctx, work *w, double *mean) {
  const size_t n = w->layer[0].rows, d = w->d;
  memset(mean, 0, d * sizeof *mean);
  for (size_t t = 0; t < n; t++)
    for (size_t j = 0; j < d; j++) mean[j] += w->x[t * d + j] / (double)n;
  cf_gemm_serial(false, true, 1, w->sets->sets * w->k, d, 1, mean, d, w->axes, d, 0, w->level, w->sets->sets * w->k);
  w->mean = mean;
  return cf_parallel_for(ctx, (n + ROWS - 1) / ROWS, score_rows, w);
}

/* Scores of all layers in all sets. */
static cf_status score_layers(cf_context *ctx, work *w, bool single, double *x) {
  cf_status status = CF_OK;
  const size_t n = w->layer[0].rows, d = w->d, k = w->k, sets = w->sets->sets;
  float *narrow = NULL;
  double *mean = NULL;
  if (single) {
    CF_TRY(CF_SCRATCH(ctx, &narrow, sets * k * d));
    CF_TRY(CF_SCRATCH(ctx, &mean, d));
    CF_TRY(CF_SCRATCH(ctx, &w->level, sets * k));
    for (size_t i = 0; i < sets * k * d; i++) narrow[i] = (float)w->axes[i];
    w->narrow = narrow;
  }
  w->x = x;
  for (w->l = 0; w->l < w->layers; w->l++) {
    CF_TRY(cf_width_read(ctx, &w->layer[w->l], x));
    for (size_t s = 0; s < sets; s++) w->out[s]->explained[w->l] = w->kept[s];
    if (single) CF_TRY(score_layer_single(ctx, w, mean));
    for (size_t s = 0; s < sets && !single; s++)
      CF_TRY(cf_gemm(ctx, false, true, n, k, d, 1, x, d, w->axes + s * k * d, d, 0, w->out[s]->data + w->l * n * k, k));
  }
done:
  return status;
}

cf_status cf_widths_joint(cf_context *ctx, size_t layers, const cf_blocks *layer, const cf_width_sets *sets, size_t k,
                          cf_widths *const *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = layer[0].rows, d = layer[0].cols;
  const bool single = all_single(layers, layer);
  work w = {.layers = layers, .d = d, .k = k, .layer = layer, .sets = sets, .out = out};
  const double bytes = 8 * (double)sets->groups * (double)d * (double)d;
  double *x;
  if (bytes > 0.5 * (double)cf_context_memory(ctx))
    CF_TRY(cf_fail(ctx, CF_ERR_MEMORY,
                   "one PCA of layers of %zu features, in %zu groups of stimuli, takes %.0f MB, half of the memory is "
                   "%.0f; raise --memory",
                   d, sets->groups, bytes / 1e6, 0.5e-6 * (double)cf_context_memory(ctx)));
  CF_TRY(CF_SCRATCH(ctx, &w.count, sets->groups));
  CF_TRY(CF_SCRATCH(ctx, &w.cov, sets->groups * d * d));
  CF_TRY(CF_SCRATCH(ctx, &w.sum, layers * sets->groups * d));
  CF_TRY(CF_SCRATCH(ctx, &w.axes, sets->sets * k * d));
  CF_TRY(CF_SCRATCH(ctx, &w.kept, sets->sets));
  memset(w.cov, 0, sets->groups * d * d * sizeof *w.cov);
  memset(w.sum, 0, layers * sets->groups * d * sizeof *w.sum);
  memset(w.count, 0, sets->groups * sizeof *w.count);
  for (size_t t = 0; t < n; t++)
    if (sets->group[t] < sets->groups) w.count[sets->group[t]]++;
  CF_TRY(add_layers(ctx, &w, single));
  CF_TRY(cf_parallel_for(ctx, sets->sets, solve_set, &w));
  CF_TRY(CF_SCRATCH(ctx, &x, n * d));
  CF_TRY(score_layers(ctx, &w, single, x));
done:
  cf_scratch_release(ctx, mark);
  return status;
}
