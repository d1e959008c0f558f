/* Features and targets as a fold needs them.
 *
 * Features come in blocks of columns of a fixed width, so that sums over blocks have the same bits whatever the memory:
 * convolved, scaled, and added to the kernel K0 = Z Z'. Delays need no copies: the kernel of delayed columns is
 * K(t, u) = sum_d K0(t - d, u - d), where t - d and u - d lie in the runs of t and u. */
#include "voxelwise/encode.h"

#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

enum { FEATURE_BLOCK = 512 };

/* ---------------------------------------------------------------- targets -- */

cf_status cf_target_source_open(cf_context *ctx, const cf_blocks *blocks, const size_t *run, const cf_voxel_options *o,
                                uint8_t *state, cf_target_source *out) {
  const size_t n = blocks->rows, fits = cf_context_memory(ctx) / 4 / (CF_MAX(n, (size_t)1) * sizeof(double));
  *out = (cf_target_source){.blocks = blocks, .run = run, .o = o, .state = state, .n = n, .t = blocks->cols};
  out->width = CF_MIN(CF_MAX(fits / CF_TILE * CF_TILE, (size_t)CF_TILE), out->t);
  return CF_ALLOC(ctx, &out->y, n * CF_MAX(out->width, (size_t)1));
}

void cf_target_source_close(cf_target_source *source) {
  cf_free(source->y);
  source->y = NULL;
}

/* NaN and constant columns, NaN ones set to 0. */
static void look_at(cf_target_source *s) {
  for (size_t j = 0; j < s->cols; j++) {
    bool finite = true, constant = true;
    for (size_t i = 0; i < s->n; i++) {
      finite = finite && isfinite(s->y[i * s->cols + j]);
      constant = constant && s->y[i * s->cols + j] == s->y[j];
    }
    s->state[s->from + j] = (uint8_t)(!finite ? CF_TARGET_NAN : constant ? CF_TARGET_CONSTANT : CF_TARGET_FITTED);
    for (size_t i = 0; i < s->n && !finite; i++) s->y[i * s->cols + j] = 0;
  }
}

cf_status cf_target_source_read(cf_context *ctx, cf_target_source *s, size_t from) {
  cf_status status = CF_OK;
  if (s->filled && s->from == from) return CF_OK;
  s->from = from;
  s->cols = CF_MIN(s->width, s->t - from);
  CF_TRY(s->blocks->read(ctx, s->blocks->payload, 0, s->n, from, s->cols, s->y));
  look_at(s);
  CF_TRY(cf_detrend_columns(ctx, s->n, s->cols, s->y, s->cols, s->run, &s->o->detrend));
  if (s->o->targets == CF_TARGETS_RUN) cf_zscore_columns(s->n, s->cols, s->y, s->cols, s->run);
  s->filled = true;
done:
  return status;
}

void cf_voxel_encode_center(const cf_voxel_encode_job *job, const cf_sample_list *train, size_t at, size_t w,
                            double *out, double *mean) {
  const cf_target_source *s = &job->targets;
  cf_take_rows(train->count, train->row, w, s->y + at, s->cols, out);
  memset(mean, 0, w * sizeof *mean);
  if (job->o->targets == CF_TARGETS_RAW) return;
  for (size_t i = 0; i < train->count; i++)
    for (size_t j = 0; j < w; j++) mean[j] += out[i * w + j];
  for (size_t j = 0; j < w; j++) mean[j] /= (double)train->count;
  for (size_t i = 0; i < train->count; i++)
    for (size_t j = 0; j < w; j++) out[i * w + j] -= mean[j];
}

/* --------------------------------------------------------------- features -- */

cf_status cf_feature_source_open(cf_context *ctx, const cf_blocks *blocks, const size_t *run, const cf_voxel_options *o,
                                 size_t folds, cf_feature_source *out) {
  static const int none = 0;
  const size_t delays = o->delays ? o->delays : 1, n = blocks->rows, p = blocks->cols;
  *out = (cf_feature_source){.blocks = blocks, .run = run, .o = o, .n = n, .p = p, .delays = delays};
  out->delay = o->delays ? o->delay : &none;
  out->bands = o->band ? o->bands : 1;
  out->kernel = o->band || (double)p * (double)delays >= (double)n;
  const double side = out->kernel ? (double)n : (double)p * (double)delays, kept = (double)n * side;
  const double bytes =
      8 * (5 * side * side + (out->kernel ? (double)out->bands + 1 : 3) * kept + (o->held ? 1 : (double)folds) * kept);
  if (bytes > (double)cf_context_memory(ctx))
    return cf_fail(
        ctx, CF_ERR_MEMORY,
        "%zu samples of %zu features in %zu folds take about %.0f MB beside targets, allowed are %.0f MB; raise "
        "--memory",
        n, p * delays, folds, bytes / 1e6, (double)cf_context_memory(ctx) / 1e6);
  return CF_OK;
}

static cf_status check_block(cf_context *ctx, const cf_feature_source *s, size_t from, size_t cols, const double *x) {
  for (size_t i = 0; i < s->n * cols; i++)
    if (!isfinite(x[i]))
      return cf_fail(ctx, CF_ERR_INPUT, "%s: sample %zu, feature %zu is %s; features must be numbers",
                     s->blocks->name ? s->blocks->name : "features", i / cols, from + i % cols,
                     isnan(x[i]) ? "NaN" : "infinite");
  return CF_OK;
}

enum { PANEL = 64 }; /* columns scaled at a time, row after row as they lie */

/* Columns from .. from + w - 1 of x; gives how many are constant. */
static size_t scale_panel(const cf_feature_source *s, const cf_sample_list *train, size_t cols, size_t from, size_t w,
                          double *x) {
  double mean[PANEL] = {0}, square[PANEL] = {0}, most[PANEL] = {0}, divisor[PANEL];
  size_t constant = 0;
  for (size_t i = 0; i < train->count; i++) {
    const double *row = x + train->row[i] * cols + from;
    for (size_t j = 0; j < w; j++) {
      mean[j] += row[j] / (double)train->count;
      const double size = fabs(row[j]);
      most[j] = size > most[j] ? size : most[j];
    }
  }
  for (size_t i = 0; i < train->count; i++) {
    const double *row = x + train->row[i] * cols + from;
    for (size_t j = 0; j < w; j++) square[j] += (row[j] - mean[j]) * (row[j] - mean[j]);
  }
  for (size_t j = 0; j < w; j++) {
    const double sd = sqrt(square[j] / (double)train->count);
    const bool varies = sd > 1e-12 * most[j];
    constant += !varies;
    divisor[j] = s->o->features != CF_FEATURES_ZSCORE ? 1 : varies ? sd : INFINITY;
    if (s->o->features == CF_FEATURES_RAW) mean[j] = 0;
  }
  for (size_t i = 0; i < s->n; i++) {
    double *row = x + i * cols + from;
    for (size_t j = 0; j < w; j++) row[j] = (row[j] - mean[j]) / divisor[j];
  }
  return constant;
}

/* By mean and SD of the training samples; constant columns become 0. Gives their number. */
static size_t scale_columns(const cf_feature_source *s, const cf_sample_list *train, size_t cols, double *x) {
  size_t constant = 0;
  for (size_t from = 0; from < cols; from += PANEL)
    constant += scale_panel(s, train, cols, from, CF_MIN((size_t)PANEL, cols - from), x);
  return constant;
}

/* Columns of one band, or all of them with band SIZE_MAX, in front of the others: how many. */
static size_t keep_band(const cf_feature_source *s, size_t from, size_t cols, size_t band, double *x) {
  size_t kept = 0;
  if (!s->o->band) return cols;
  for (size_t j = 0; j < cols; j++) kept += s->o->band[from + j] == band;
  for (size_t i = 0, to = 0; i < s->n; i++)
    for (size_t j = 0; j < cols; j++)
      if (s->o->band[from + j] == band) x[to++] = x[i * cols + j];
  return kept;
}

/* Where row t - d of the same run is, or n. */
static size_t earlier(const cf_feature_source *s, size_t t, int d) {
  const ptrdiff_t at = (ptrdiff_t)t - d;
  if (at < 0 || at >= (ptrdiff_t)s->n || (s->run && s->run[at] != s->run[t])) return s->n;
  return (size_t)at;
}

/* Sum of shifted copies of k0. */
static void delay_kernel(const cf_feature_source *s, const double *k0, double *k) {
  const size_t n = s->n;
  memset(k, 0, n * n * sizeof *k);
  for (size_t d = 0; d < s->delays; d++)
    for (size_t t = 0; t < n; t++) {
      const size_t a = earlier(s, t, s->delay[d]);
      if (a == n) continue;
      for (size_t u = 0; u < n; u++) {
        const size_t b = earlier(s, u, s->delay[d]);
        if (b < n) k[t * n + u] += k0[a * n + b];
      }
    }
}

static cf_status band_kernel(cf_context *ctx, const cf_feature_source *s, const cf_sample_list *train, size_t band,
                             double *k0, size_t *constant) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = s->n;
  double *x;
  CF_TRY(CF_SCRATCH(ctx, &x, n * FEATURE_BLOCK));
  memset(k0, 0, n * n * sizeof *k0);
  for (size_t from = 0, cols; from < s->p; from += cols) {
    cols = CF_MIN((size_t)FEATURE_BLOCK, s->p - from);
    CF_TRY(s->blocks->read(ctx, s->blocks->payload, 0, n, from, cols, x));
    CF_TRY(check_block(ctx, s, from, cols, x));
    CF_TRY(cf_hrf_columns(ctx, n, cols, x, cols, s->run, s->o->hrf, s->o->hrf_grid, s->o->tr));
    const size_t fixed = scale_columns(s, train, cols, x);
    if (band == 0) *constant += fixed;
    const size_t kept = keep_band(s, from, cols, band, x);
    if (kept) CF_TRY(cf_syrk(ctx, false, n, kept, 1, x, kept, 1, k0, n));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status whole_features(cf_context *ctx, const cf_feature_source *s, const cf_sample_list *train,
                                cf_design *out, size_t *constant) {
  cf_status status = CF_OK;
  const size_t q = s->p * s->delays;
  double *x, *delayed;
  CF_TRY(CF_SCRATCH(ctx, &delayed, s->n * q));
  CF_TRY(CF_SCRATCH(ctx, &x, s->n * s->p));
  CF_TRY(s->blocks->read(ctx, s->blocks->payload, 0, s->n, 0, s->p, x));
  CF_TRY(check_block(ctx, s, 0, s->p, x));
  CF_TRY(cf_hrf_columns(ctx, s->n, s->p, x, s->p, s->run, s->o->hrf, s->o->hrf_grid, s->o->tr));
  *constant += scale_columns(s, train, s->p, x);
  CF_TRY(cf_delay_columns(ctx, s->n, s->p, x, s->run, s->delays, s->delay, delayed));
  *out = (cf_design){.n = s->n, .q = q, .x = delayed};
done:
  return status;
}

cf_status cf_feature_designs(cf_context *ctx, const cf_feature_source *s, const cf_sample_list *train, cf_design *out,
                             size_t *constant) {
  cf_status status = CF_OK;
  const bool plain = s->delays == 1 && s->delay[0] == 0;
  double *k0 = NULL, *k;
  *constant = 0;
  if (!s->kernel) return whole_features(ctx, s, train, out, constant);
  for (size_t b = 0; b < s->bands; b++) {
    CF_TRY(CF_SCRATCH(ctx, &k, s->n * s->n));
    if (!plain && !k0) CF_TRY(CF_SCRATCH(ctx, &k0, s->n * s->n));
    CF_TRY(band_kernel(ctx, s, train, b, plain ? k : k0, constant));
    if (!plain) delay_kernel(s, k0, k);
    out[b] = (cf_design){.n = s->n, .kernel = k};
  }
done:
  return status;
}
