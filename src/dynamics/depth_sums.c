/* Pooled DMD along depth for many sets of training stimuli from one pass over the layers.
 *
 *   K_ij = <x_i, x_j> over the training stimuli is a sum over groups of stimuli (folds, runs): kept group by group, the
 * K of any set of groups is a sum of few small matrices. With u = x - s, s near the mean so that nothing cancels, K_ij
 * = sum <u_i, u_j> - n <m_i, m_j> (centred) or sum <u_i, u_j> + <s_i, U_j> + <U_i, s_j> + n <s_i, s_j>, U = sum u, m =
 * U / n.
 *
 * Features of any weighting of layers, sum_l w_l h_l(t), come from a second pass, many weightings at once. Rows are
 * taken in blocks whose size depends on the layers alone, and added in their order: the same bits for any memory and
 * any number of threads. */
#include "base/internal.h"
#include "dynamics/depth.h"
#include "dynamics/dmd.h"

#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

enum { SHIFT_ROWS = 32, BATCH = 8 };

void cf_depth_sums_free(cf_depth_sums *s) {
  if (!s) return;
  cf_free(s->count);
  cf_free(s->gram);
  cf_free(s->sum);
  cf_free(s->shift);
  cf_free(s);
}

/* Rows of a block: about 16 MB of all layers. */
static size_t block_rows(size_t layers, size_t width) {
  return CF_MAX((size_t)1, CF_MIN((size_t)64, ((size_t)1 << 21) / (layers * width)));
}

static cf_status check(cf_context *ctx, size_t layers, const cf_blocks *layer) {
  for (size_t l = 0; l < layers; l++) {
    if (layer[l].rows != layer[0].rows || layer[l].cols != layer[0].cols)
      return cf_fail(ctx, CF_ERR_INPUT, "%s is %zu x %zu (stimuli x features) and %s %zu x %zu; they must be alike",
                     layer[l].name, layer[l].rows, layer[l].cols, layer[0].name, layer[0].rows, layer[0].cols);
    if (layer[l].rows == 0 || layer[l].cols == 0)
      return cf_fail(ctx, CF_ERR_INPUT, "%s: the layer is empty", layer[l].name);
  }
  return layers ? CF_OK : cf_fail(ctx, CF_ERR_INPUT, "no layers are given");
}

/* Rows first .. first + n - 1 of all layers, layer l at out + l n width. */
static cf_status read_rows(cf_context *ctx, size_t layers, const cf_blocks *layer, size_t first, size_t n,
                           double *out) {
  cf_status status = CF_OK;
  const size_t d = layer[0].cols;
  for (size_t l = 0; l < layers; l++) {
    double *x = out + l * n * d;
    CF_TRY(layer[l].read(ctx, layer[l].payload, first, n, 0, d, x));
    for (size_t i = 0; i < n * d; i++)
      if (!isfinite(x[i]))
        CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %s at [%zu, %zu]", layer[l].name, isnan(x[i]) ? "NaN" : "infinity",
                       first + i / d, i % d));
  }
done:
  return status;
}

/* ------------------------------------------------------------------- sums -- */

/* Blocks of rows that lie within one group; a batch of them is read, then worked on side by side. */
typedef struct batch {
  const cf_depth_sums *s;
  size_t blocks, room;
  size_t first[BATCH], rows[BATCH];
  double *x, *gram, *sum; /* a block each: layers x room x width, layers x layers, layers x width */
} batch;

static cf_status sum_block(cf_context *worker, size_t b, void *payload) {
  const batch *p = payload;
  const size_t layers = p->s->layers, d = p->s->width, n = p->rows[b];
  double *x = p->x + b * layers * p->room * d, *sum = p->sum + b * layers * d;
  memset(sum, 0, layers * d * sizeof *sum);
  for (size_t l = 0; l < layers; l++)
    for (size_t t = 0; t < n; t++) {
      double *restrict row = x + (l * n + t) * d;
      const double *restrict shift = p->s->shift + l * d;
      for (size_t j = 0; j < d; j++) {
        row[j] -= shift[j];
        sum[l * d + j] += row[j];
      }
    }
  return cf_syrk(worker, false, layers, n * d, 1, x, n * d, 0, p->gram + b * layers * layers, layers);
}

static cf_status sum_batch(cf_context *ctx, const cf_blocks *layer, const size_t *group, batch *p, cf_depth_sums *s) {
  cf_status status = CF_OK;
  const size_t layers = s->layers, d = s->width;
  for (size_t b = 0; b < p->blocks; b++)
    CF_TRY(read_rows(ctx, layers, layer, p->first[b], p->rows[b], p->x + b * layers * p->room * d));
  CF_TRY(cf_parallel_for(ctx, p->blocks, sum_block, p));
  for (size_t b = 0; b < p->blocks; b++) {
    const size_t g = group[p->first[b]];
    s->count[g] += p->rows[b];
    for (size_t i = 0; i < layers * layers; i++) s->gram[g * layers * layers + i] += p->gram[b * layers * layers + i];
    for (size_t i = 0; i < layers * d; i++) s->sum[g * layers * d + i] += p->sum[b * layers * d + i];
  }
  p->blocks = 0;
done:
  return status;
}

/* Mean of the first rows: near enough to that of all. */
static cf_status find_shift(cf_context *ctx, const cf_blocks *layer, cf_depth_sums *s) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = CF_MIN(s->stimuli, (size_t)SHIFT_ROWS), d = s->width;
  double *x;
  CF_TRY(CF_SCRATCH(ctx, &x, n * d));
  for (size_t l = 0; l < s->layers; l++) {
    CF_TRY(read_rows(ctx, 1, &layer[l], 0, n, x));
    for (size_t t = 0; t < n; t++)
      for (size_t j = 0; j < d; j++) s->shift[l * d + j] += x[t * d + j] / (double)n;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_depth_sums_make(cf_context *ctx, size_t layers, const cf_blocks *layer, size_t groups, const size_t *group,
                             cf_depth_sums **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_depth_sums *s = NULL;
  batch p = {0};
  *out = NULL;
  CF_TRY(check(ctx, layers, layer));
  CF_TRY(CF_ALLOC(ctx, &s, 1));
  *s = (cf_depth_sums){.layers = layers, .stimuli = layer[0].rows, .width = layer[0].cols, .groups = groups};
  const size_t d = s->width, rows = block_rows(layers, d);
  CF_TRY(CF_ALLOC(ctx, &s->count, groups));
  CF_TRY(CF_ALLOC(ctx, &s->gram, groups * layers * layers));
  CF_TRY(CF_ALLOC(ctx, &s->sum, groups * layers * d));
  CF_TRY(CF_ALLOC(ctx, &s->shift, layers * d));
  CF_TRY(find_shift(ctx, layer, s));
  p.s = s;
  p.room = rows;
  CF_TRY(CF_SCRATCH(ctx, &p.x, BATCH * layers * rows * d));
  CF_TRY(CF_SCRATCH(ctx, &p.gram, BATCH * layers * layers));
  CF_TRY(CF_SCRATCH(ctx, &p.sum, BATCH * layers * d));
  for (size_t from = 0, to; from < s->stimuli; from = to) {
    CF_TRY(cf_check_cancel(ctx));
    for (to = from + 1; to < s->stimuli && to - from < rows && group[to] == group[from];) to++;
    p.first[p.blocks] = from;
    p.rows[p.blocks++] = to - from;
    if (p.blocks == BATCH || to == s->stimuli) CF_TRY(sum_batch(ctx, layer, group, &p, s));
  }
  *out = s;
  s = NULL;
done:
  cf_depth_sums_free(s);
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------------- modes -- */

/* K of the groups that train (layers x layers), and how many stimuli they have. */
static cf_status training_gram(cf_context *ctx, const cf_depth_sums *s, const bool *trains, bool centre, double *k,
                               size_t *count) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t layers = s->layers, d = s->width;
  double *total;
  *count = 0;
  CF_TRY(CF_SCRATCH(ctx, &total, layers * d));
  memset(total, 0, layers * d * sizeof *total);
  memset(k, 0, layers * layers * sizeof *k);
  for (size_t g = 0; g < s->groups; g++) {
    if (!trains[g]) continue;
    *count += s->count[g];
    for (size_t i = 0; i < layers * layers; i++) k[i] += s->gram[g * layers * layers + i];
    for (size_t i = 0; i < layers * d; i++) total[i] += s->sum[g * layers * d + i];
  }
  const double n = (double)*count;
  for (size_t i = 0; i<layers && * count> 0; i++)
    for (size_t j = 0; j <= i; j++) {
      const double *u = total + i * d, *v = total + j * d, *a = s->shift + i * d, *b = s->shift + j * d;
      k[i * layers + j] += centre ? -cf_dot(d, u, v) / n : cf_dot(d, a, v) + cf_dot(d, u, b) + n * cf_dot(d, a, b);
      k[j * layers + i] = k[i * layers + j];
    }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Lower triangle l with L L' = K, also where K has no full rank to rounding: K = V diag(e) V', [V sqrt(e)] = L Q. */
static cf_status triangle_of(cf_context *ctx, size_t n, double *k, double *l) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *value, *vector, *root;
  memcpy(l, k, n * n * sizeof *l);
  status = cf_cholesky(ctx, n, l);
  if (status != CF_ERR_NUMERIC) goto done;
  cf_context_clear(ctx);
  CF_TRY(CF_SCRATCH(ctx, &value, n));
  CF_TRY(CF_SCRATCH(ctx, &vector, n * n));
  CF_TRY(CF_SCRATCH(ctx, &root, n * n));
  CF_TRY(cf_eigh(ctx, n, k, value, vector));
  const double least = 1e-14 * fmax(value[n - 1], 0); /* squares of singular values below 1e-7 of the largest */
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) root[j * n + i] = value[i] > least ? sqrt(value[i]) * vector[i * n + j] : 0;
  memset(l, 0, n * n * sizeof *l);
  CF_TRY(cf_lq_append(ctx, n, n, root, n, l));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_depth_sums_fit(cf_context *ctx, const cf_depth_sums *s, const bool *trains, const size_t *order,
                            const cf_depth_options *options, cf_dmd **out, double *factor) {
  static const cf_depth_options standard = CF_DEPTH_OPTIONS_INIT;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_depth_options *o = options ? options : &standard;
  const size_t n = s->layers;
  size_t count = 0;
  double *k, *sorted, *l;
  *out = NULL;
  if (n < 3) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "DMD along depth needs at least 3 layers, %zu given", n));
  CF_TRY(cf_dmd_check(ctx, &o->dmd, n));
  CF_TRY(CF_SCRATCH(ctx, &k, n * n));
  CF_TRY(CF_SCRATCH(ctx, &sorted, n * n));
  CF_TRY(CF_SCRATCH(ctx, &l, n * n));
  CF_TRY(training_gram(ctx, s, trains, o->centre, k, &count));
  if (count == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "no stimulus is marked for training"));
  for (size_t i = 0; i < n; i++)
    factor[i] = o->scale && k[i * n + i] > 0 ? sqrt((double)count * (double)s->width / k[i * n + i]) : 1;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) {
      const size_t a = order ? order[i] : i, b = order ? order[j] : j;
      sorted[i * n + j] = k[a * n + b] * factor[a] * factor[b];
    }
  CF_TRY(triangle_of(ctx, n, sorted, l));
  CF_TRY(cf_dmd_from_triangle(ctx, n, count * s->width, l, &o->dmd, out));
  (*out)->method = CF_DMD_BY_GRAM;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* --------------------------------------------------------------- features -- */

typedef struct mixing {
  size_t layers, width, weightings, stimuli, blocks, room;
  size_t first[BATCH], rows[BATCH];
  const double *weight;
  double *x, *product; /* a block each */
  double *out;
} mixing;

static cf_status mix_block(cf_context *worker, size_t b, void *payload) {
  cf_status status = CF_OK;
  const mixing *m = payload;
  const size_t d = m->width, n = m->rows[b];
  const double *x = m->x + b * m->layers * m->room * d;
  double *product = m->product + b * m->weightings * m->room * d;
  CF_TRY(cf_gemm(worker, false, false, m->weightings, n * d, m->layers, 1, m->weight, m->layers, x, n * d, 0, product,
                 n * d));
  for (size_t v = 0; v < m->weightings; v++)
    memcpy(m->out + (v * m->stimuli + m->first[b]) * d, product + v * n * d, n * d * sizeof *product);
done:
  return status;
}

cf_status cf_depth_combine(cf_context *ctx, size_t layers, const cf_blocks *layer, size_t weightings,
                           const double *weight, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  CF_TRY(check(ctx, layers, layer));
  const size_t d = layer[0].cols, rows = block_rows(layers, d);
  mixing m = {.layers = layers,
              .width = d,
              .weightings = weightings,
              .stimuli = layer[0].rows,
              .room = rows,
              .weight = weight,
              .out = out};
  CF_TRY(CF_SCRATCH(ctx, &m.x, BATCH * layers * rows * d));
  CF_TRY(CF_SCRATCH(ctx, &m.product, BATCH * weightings * rows * d));
  for (size_t from = 0; from < m.stimuli;) {
    CF_TRY(cf_check_cancel(ctx));
    for (m.blocks = 0; m.blocks < BATCH && from < m.stimuli; m.blocks++) {
      m.first[m.blocks] = from;
      m.rows[m.blocks] = CF_MIN(rows, m.stimuli - from);
      CF_TRY(read_rows(ctx, layers, layer, from, m.rows[m.blocks], m.x + m.blocks * layers * rows * d));
      from += m.rows[m.blocks];
    }
    CF_TRY(cf_parallel_for(ctx, m.blocks, mix_block, &m));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
