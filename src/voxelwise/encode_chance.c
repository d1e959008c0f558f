/* Chance and intervals of predictions that are there already.
 *
 * Null: the measured test samples of a fold are rotated in time, or permuted, against their predictions; the statistic
 * is the mean over folds of the correlation. The same shifts serve all targets, and, with the same seed and folds, all
 * models. Interval: blocks of consecutive test samples are drawn with replacement within each fold; percentiles of the
 * mean over folds of the squared correlation. */
#include "voxelwise/encode.h"

#include <cortifold/stats.h>
#include <math.h>
#include <string.h>

typedef struct chance {
  const cf_voxel_encode_job *job;
  size_t first, w;
  const double *measured, *predicted;
} chance;

/* Each column of x (m x w) to mean 0 and length 1; constant ones to 0. */
static void normalise(size_t m, size_t w, const double *x, double *out) {
  for (size_t j = 0; j < w; j++) {
    double mean = 0, square = 0, most = 0;
    for (size_t i = 0; i < m; i++) {
      mean += x[i * w + j] / (double)m;
      most = fmax(most, fabs(x[i * w + j]));
    }
    for (size_t i = 0; i < m; i++) square += (x[i * w + j] - mean) * (x[i * w + j] - mean);
    const double norm = square > 1e-24 * most * most * (double)m ? 1 / sqrt(square) : 0;
    for (size_t i = 0; i < m; i++) out[i * w + j] = (x[i * w + j] - mean) * norm;
  }
}

/* Order in which the m test samples of a fold meet their predictions in replicate `k`. */
static void draw_order(const cf_voxel_encode_job *job, cf_context *ctx, size_t fold, size_t k, size_t m,
                       size_t *order) {
  cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("align/null") + fold, (uint32_t)k);
  if (job->o->null_kind == CF_NULL_PERMUTE) {
    cf_rng_permutation(&rng, m, order);
    return;
  }
  const size_t shift = 1 + (size_t)cf_rng_below(&rng, m - 1);
  for (size_t i = 0; i < m; i++) order[i] = (i + shift) % m;
}

static void correlations(size_t m, size_t w, const double *y, const double *p, const size_t *order, double *out) {
  memset(out, 0, w * sizeof *out);
  for (size_t i = 0; i < m; i++) {
    const double *restrict a = y + order[i] * w, *restrict b = p + i * w;
    for (size_t j = 0; j < w; j++) out[j] += a[j] * b[j];
  }
}

/* One fold's share in r2 of draw k. */
static void keep_square(const chance *c, size_t k, size_t j, double value, double *square) {
  const cf_voxel_result *e = c->job->e;
  square[j] += value;
  if (e->null_r2) e->null_r2[k * e->targets + c->first + j] += value;
}

/* null (permutations x w) of the mean correlation; square: w sums of the squares by the sign policy. */
static cf_status fill_null(cf_context *ctx, const chance *c, double *null, double *square) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_voxel_encode_job *job = c->job;
  const size_t n = job->targets.n, w = c->w, draws = job->o->permutations, folds = job->folds->folds;
  double *y, *p, *r, *all = NULL;
  size_t *order;
  bool *known;
  CF_TRY(CF_SCRATCH(ctx, &y, n * w));
  CF_TRY(CF_SCRATCH(ctx, &p, n * w));
  CF_TRY(CF_SCRATCH(ctx, &r, w));
  CF_TRY(CF_SCRATCH(ctx, &order, n));
  CF_TRY(CF_SCRATCH(ctx, &known, n));
  const bool shift = job->o->null_kind == CF_NULL_SHIFT;
  if (shift) CF_TRY(CF_SCRATCH(ctx, &all, n * w)); /* there are only as many shifts as samples */
  for (size_t f = 0, row = 0; f < folds; f++) {
    const size_t m = job->test[f].count;
    normalise(m, w, c->measured + row * w, y);
    normalise(m, w, c->predicted + row * w, p);
    memset(known, 0, n * sizeof *known);
    for (size_t k = 0; k < draws; k++) {
      draw_order(job, ctx, f, k, m, order);
      double *out = shift ? all + order[0] * w : r;
      if (!shift || !known[order[0]]) correlations(m, w, y, p, order, out);
      known[order[0]] = true;
      for (size_t j = 0; j < w; j++) {
        null[k * w + j] += out[j] / (double)folds;
        keep_square(c, k, j, cf_signed_square(out[j], job->o->sign) / (double)folds, square);
      }
    }
    row += m;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Rows of all responses in replicate k: rotated within each run, or permuted. */
static void move_responses(const cf_voxel_encode_job *job, cf_context *ctx, size_t k, size_t *order) {
  const size_t n = job->targets.n, *run = job->features.run;
  cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("align/refit"), (uint32_t)k);
  if (job->o->null_kind == CF_NULL_PERMUTE) {
    cf_rng_permutation(&rng, n, order);
    return;
  }
  for (size_t from = 0, to; from < n; from = to) {
    for (to = from + 1; to < n && (!run || run[to] == run[from]);) to++;
    const size_t shift = to - from > 1 ? 1 + (size_t)cf_rng_below(&rng, to - from - 1) : 0;
    for (size_t i = from; i < to; i++) order[i] = from + (i - from + shift) % (to - from);
  }
}

/* The same as fill_null, each draw with models of its own. */
static cf_status fill_refit(cf_context *ctx, const chance *c, double *null, double *square) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_voxel_encode_job *job = c->job;
  cf_voxel_encode_job moved = *job;
  const size_t n = job->targets.n, w = c->w, folds = job->folds->folds;
  double *all, *y, *p, *mean, *r;
  size_t *order;
  CF_TRY(CF_SCRATCH(ctx, &all, n * w));
  CF_TRY(CF_SCRATCH(ctx, &y, n * w));
  CF_TRY(CF_SCRATCH(ctx, &p, n * w));
  CF_TRY(CF_SCRATCH(ctx, &mean, w));
  CF_TRY(CF_SCRATCH(ctx, &r, w));
  CF_TRY(CF_SCRATCH(ctx, &order, n));
  moved.targets.y = all;
  moved.targets.cols = w;
  for (size_t k = 0; k < job->o->permutations; k++) {
    move_responses(job, ctx, k, order);
    cf_take_rows(n, order, w, job->targets.y + (c->first - job->targets.from), job->targets.cols, all);
    for (size_t i = 0; i < n; i++) order[i] = i;
    for (size_t f = 0; f < folds; f++) {
      const cf_sample_list *test = &job->test[f];
      cf_voxel_encode_center(&moved, &job->train[f], 0, w, y, mean);
      CF_TRY(cf_split_predict(ctx, &job->split[f], &job->candidates, w, y, job->choice + f * job->targets.t + c->first,
                              p, NULL));
      normalise(test->count, w, p, p);
      cf_take_rows(test->count, test->row, w, all, w, y);
      normalise(test->count, w, y, y);
      correlations(test->count, w, y, p, order, r);
      for (size_t j = 0; j < w; j++) {
        null[k * w + j] += r[j] / (double)folds;
        keep_square(c, k, j, cf_signed_square(r[j], job->o->sign) / (double)folds, square);
      }
    }
    CF_TRY(cf_check_cancel(ctx));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status test_tile(cf_context *ctx, const chance *c) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_voxel_encode_job *job = c->job;
  const size_t draws = job->o->permutations, w = c->w;
  double *null, *square, *one;
  CF_TRY(CF_SCRATCH(ctx, &null, draws * w));
  CF_TRY(CF_SCRATCH(ctx, &square, w));
  CF_TRY(CF_SCRATCH(ctx, &one, draws));
  memset(null, 0, draws * w * sizeof *null);
  memset(square, 0, w * sizeof *square);
  CF_TRY(job->o->refit ? fill_refit(ctx, c, null, square) : fill_null(ctx, c, null, square));
  for (size_t j = 0; j < w; j++) {
    const size_t target = c->first + j;
    for (size_t k = 0; k < draws; k++) one[k] = null[k * w + j];
    const bool fitted = job->e->state[target] == CF_TARGET_FITTED;
    job->e->p[target] = fitted ? cf_permutation_p(job->e->r[target], draws, one) : NAN;
    job->e->null_mean[target] = fitted ? square[j] / (double)draws : NAN;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* --------------------------------------------------------------- intervals -- */

enum { SUMS = 6 }; /* n, y, p, yy, pp, yp */

/* Blocks of a fold's test samples: ends where `block` samples are full or samples do not follow one another. */
static size_t cut_blocks(const cf_voxel_encode_job *job, const cf_sample_list *test, size_t *end) {
  const size_t *run = job->features.run;
  size_t blocks = 0, length = 0;
  for (size_t i = 0; i < test->count; i++) {
    length++;
    const bool last = i + 1 == test->count;
    const bool gap =
        !last && (test->row[i + 1] != test->row[i] + 1 || (run && run[test->row[i + 1]] != run[test->row[i]]));
    if (!last && !gap && length < job->o->block) continue;
    end[blocks++] = i + 1;
    length = 0;
  }
  return blocks;
}

/* Sums of block b at sum + b SUMS w. */
static void block_sums(size_t blocks, const size_t *end, size_t w, const double *y, const double *p, double *sum) {
  memset(sum, 0, blocks * SUMS * w * sizeof *sum);
  for (size_t b = 0, i = 0; b < blocks; b++) {
    double *s = sum + b * SUMS * w;
    for (; i < end[b]; i++)
      for (size_t j = 0; j < w; j++) {
        const double u = y[i * w + j], v = p[i * w + j];
        s[j] += 1;
        s[w + j] += u;
        s[2 * w + j] += v;
        s[3 * w + j] += u * u;
        s[4 * w + j] += v * v;
        s[5 * w + j] += u * v;
      }
  }
}

static double correlation_of(const double *s, size_t w, size_t j) {
  const double n = s[j], a = s[3 * w + j] - s[w + j] * s[w + j] / n, b = s[4 * w + j] - s[2 * w + j] * s[2 * w + j] / n;
  if (!(a > 1e-12 * s[3 * w + j]) || !(b > 1e-12 * s[4 * w + j])) return 0;
  return fmin(1, fmax(-1, (s[5 * w + j] - s[w + j] * s[2 * w + j] / n) / sqrt(a) / sqrt(b)));
}

static cf_status resample(cf_context *ctx, const chance *c, double *replicate) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_voxel_encode_job *job = c->job;
  const size_t w = c->w, folds = job->folds->folds, n = job->targets.n;
  size_t *end;
  double *sum, *drawn, *y, *p;
  CF_TRY(CF_SCRATCH(ctx, &end, n + 1));
  CF_TRY(CF_SCRATCH(ctx, &y, n * w));
  CF_TRY(CF_SCRATCH(ctx, &p, n * w));
  CF_TRY(CF_SCRATCH(ctx, &sum, (n + 1) * SUMS * w));
  CF_TRY(CF_SCRATCH(ctx, &drawn, SUMS * w));
  for (size_t f = 0, row = 0; f < folds; f++) {
    const size_t m = job->test[f].count, blocks = cut_blocks(job, &job->test[f], end);
    normalise(m, w, c->measured + row * w, y); /* sums of centred numbers lose no digits */
    normalise(m, w, c->predicted + row * w, p);
    block_sums(blocks, end, w, y, p, sum);
    for (size_t k = 0; k < job->o->bootstrap; k++) {
      cf_rng rng = cf_rng_make(cf_context_seed(ctx), cf_hash_text("align/bootstrap") + f, (uint32_t)k);
      memset(drawn, 0, SUMS * w * sizeof *drawn);
      for (size_t b = 0; b < blocks; b++) {
        const double *one = sum + (size_t)cf_rng_below(&rng, blocks) * SUMS * w;
        for (size_t j = 0; j < SUMS * w; j++) drawn[j] += one[j];
      }
      for (size_t j = 0; j < w; j++)
        replicate[k * w + j] += cf_signed_square(correlation_of(drawn, w, j), job->o->sign) / (double)folds;
    }
    row += m;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status interval_tile(cf_context *ctx, const chance *c) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t draws = c->job->o->bootstrap, w = c->w;
  cf_voxel_result *e = c->job->e;
  double *replicate, *one;
  CF_TRY(CF_SCRATCH(ctx, &replicate, draws * w));
  CF_TRY(CF_SCRATCH(ctx, &one, draws));
  memset(replicate, 0, draws * w * sizeof *replicate);
  CF_TRY(resample(ctx, c, replicate));
  for (size_t j = 0; j < w; j++) {
    const size_t target = c->first + j;
    for (size_t k = 0; k < draws; k++) one[k] = replicate[k * w + j];
    e->low[target] = e->high[target] = NAN;
    if (e->state[target] == CF_TARGET_FITTED)
      CF_TRY(cf_percentile_interval(ctx, draws, one, 0.95, &e->low[target], &e->high[target]));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_voxel_encode_chance(cf_context *ctx, const cf_voxel_encode_job *job, size_t first, size_t w,
                                 const double *measured, const double *predicted) {
  cf_status status = CF_OK;
  const chance c = {job, first, w, measured, predicted};
  if (job->o->null_kind != CF_NULL_NONE) CF_TRY(test_tile(ctx, &c));
  if (job->o->bootstrap) CF_TRY(interval_tile(ctx, &c));
done:
  return status;
}
