/* Values, nulls and intervals of the alignment table.
 *
 * What belongs to one side (its dissimilarities, components, folds) is made once for all that it is held against: for
 * the data side by side and bin by bin, in batches of bins that fit the memory; for the bootstrap in each replicate,
 * which draws a recording's neurons once for all modules. Nulls and values of a batch are single tasks of a bin, a pair
 * and a measure. Which task a number comes from never depends on the threads, and sums over bins are taken in their
 * order.
 * Cost: (bins + bootstrap x bins) x (modules + recordings) faces, and for each pair and bin the permutations. */
#include <math.h>
#include <string.h>

#include <cortifold/stats.h>
#include "base/internal.h"
#include "pipeline/alignment.h"

enum { M = CF_ALIGN_MEASURES, KINDS = 4, CHUNK = 16 }; /* kinds: values, null of rsa, cca, lp; CHUNK: permutations */

typedef struct table {
  const cf_align_job *job;
  size_t modules, recordings, sides, pairs, bins;
  size_t first, width;    /* bins of the batch */
  cf_align_face *face;    /* width x sides */
  double *value, *null;   /* of the batch: width x pairs x M, width x pairs x M x permutations */
  double *sum, *null_sum; /* over the bins so far: pairs x M, pairs x M x permutations */
  size_t *used, *null_used;
  double *boot; /* pairs x M x bootstrap */
} table;

static const cf_align_side *side_at(const cf_align_job *job, size_t i) {
  return i < job->modules.count ? &job->module[i] : &job->recording[i - job->modules.count];
}

static const double *patterns(const table *t, size_t side, size_t bin) {
  const cf_align_side *s = side_at(t->job, side);
  return t->job->time_average ? s->mean : s->x + bin * t->job->conditions * s->neurons;
}

void cf_align_draw(cf_context *ctx, const cf_align_job *job, size_t side, size_t replicate, size_t *out) {
  const bool recording = side >= job->modules.count;
  const size_t own = recording ? side - job->modules.count : side, n = side_at(job, side)->neurons;
  const uint64_t task = cf_hash_text(recording ? "alignment/recording" : "alignment/module") + own;
  cf_rng rng = cf_rng_make(cf_context_seed(ctx), task, (uint32_t)replicate);
  cf_rng_resample(&rng, n, n, out);
}

/* -------------------------------------------------------- values and nulls -- */

static cf_status make_face(cf_context *ctx, size_t task, void *payload) {
  const table *t = payload;
  const size_t side = task % t->sides, bin = t->first + task / t->sides;
  return cf_align_face_new(ctx, t->job, side < t->modules, side_at(t->job, side)->neurons, patterns(t, side, bin),
                           &t->face[task]);
}

static size_t chunks(const table *t) {
  return t->job->clean ? (t->job->permutations + CHUNK - 1) / CHUNK : 0;
}

static double *null_of(const table *t, size_t bin, size_t pair, size_t measure) {
  return t->null + ((bin * t->pairs + pair) * M + measure) * t->job->permutations;
}

/* Some permutations of a recording's conditions, against all modules. */
static cf_status clean_null(cf_context *ctx, const table *t, size_t bin, size_t recording, size_t chunk) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_align_face *face = t->face + bin * t->sides;
  const struct cf_align_folds **x, *y = face[t->modules + recording].fold;
  double(*out)[2];
  CF_TRY(CF_SCRATCH(ctx, &x, t->modules));
  CF_TRY(CF_SCRATCH(ctx, &out, t->modules));
  for (size_t m = 0; m < t->modules; m++) x[m] = face[m].fold;
  for (size_t r = chunk * CHUNK; r < CF_MIN((chunk + 1) * CHUNK, t->job->permutations); r++) {
    CF_TRY(cf_check_cancel(ctx));
    for (size_t m = 0; m < t->modules; m++) out[m][0] = out[m][1] = NAN;
    if (y) CF_TRY(cf_align_clean_permuted(ctx, t->modules, x, y, r, out));
    for (size_t m = 0; m < t->modules; m++)
      for (size_t k = 0; k < 2; k++)
        null_of(t, bin, m * t->recordings + recording, CF_ALIGN_CCA_CLEAN + k)[r] = out[m][k];
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Task of a bin: a kind of a pair, then a chunk of a recording. */
static cf_status evaluate(cf_context *ctx, size_t task, void *payload) {
  static const size_t measure[KINDS] = {0, CF_ALIGN_RSA, CF_ALIGN_CCA, CF_ALIGN_LP};
  const table *t = payload;
  cf_status status = CF_OK;
  const size_t each = t->pairs * KINDS + t->recordings * chunks(t), bin = task / each, own = task % each;
  if (own >= t->pairs * KINDS) {
    const size_t left = own - t->pairs * KINDS;
    status = clean_null(ctx, t, bin, left / chunks(t), left % chunks(t));
  } else {
    const size_t pair = own / KINDS, kind = own % KINDS;
    const cf_align_face *face = t->face + bin * t->sides, *a = &face[pair / t->recordings],
                        *b = &face[t->modules + pair % t->recordings];
    if (kind == 0)
      status = cf_align_pair(ctx, t->job, a, b, t->value + (bin * t->pairs + pair) * M);
    else if (t->job->permutations && cf_align_wanted(t->job, measure[kind]))
      status =
          cf_align_null(ctx, t->job, measure[kind], a, b, t->job->permutations, null_of(t, bin, pair, measure[kind]));
  }
  cf_progress_step(ctx, 1);
  return status;
}

/* Adds what is defined. */
static void add(size_t n, const double *x, double *sum, size_t *used) {
  for (size_t i = 0; i < n; i++) {
    if (isnan(x[i])) continue;
    sum[i] += x[i];
    used[i]++;
  }
}

static cf_status run_batch(cf_context *ctx, table *t) {
  cf_status status = CF_OK;
  const size_t n = t->job->permutations, each = t->pairs * KINDS + t->recordings * chunks(t);
  for (size_t i = 0; i < t->width * t->pairs * M; i++) t->value[i] = NAN;
  for (size_t i = 0; i < t->width * t->pairs * M * n; i++) t->null[i] = NAN;
  CF_TRY(cf_parallel_for(ctx, t->width * t->sides, make_face, t));
  CF_TRY(cf_parallel_for(ctx, t->width * each, evaluate, t));
  for (size_t b = 0; b < t->width; b++) {
    add(t->pairs * M, t->value + b * t->pairs * M, t->sum, t->used);
    add(t->pairs * M * n, t->null + b * t->pairs * M * n, t->null_sum, t->null_used);
  }
done:
  for (size_t i = 0; i < t->width * t->sides; i++) cf_align_face_free(&t->face[i]);
  return status;
}

/* Bins that are worked on together: as many as half of the memory holds. A face has its patterns twice. */
static size_t batch_of(const cf_context *ctx, const table *t) {
  double bytes = 8.0 * (double)(t->pairs * M) * (double)(1 + t->job->permutations);
  for (size_t i = 0; i < t->sides; i++)
    bytes += 8.0 * (double)t->job->conditions *
             (2.5 * (double)side_at(t->job, i)->neurons + 4.0 * (double)t->job->conditions);
  const double fits = 0.5 * (double)cf_context_memory(ctx) / bytes;
  return fits < 1 ? 1 : CF_MIN(t->bins, (size_t)CF_MIN(fits, 1e9));
}

static cf_status observe(cf_context *ctx, table *t) {
  cf_status status = CF_OK;
  const size_t n = t->job->permutations, most = batch_of(ctx, t);
  CF_TRY(CF_ALLOC(ctx, &t->face, most * t->sides));
  CF_TRY(CF_ALLOC(ctx, &t->value, most * t->pairs * M));
  CF_TRY(CF_ALLOC(ctx, &t->null, most * t->pairs * M * n));
  CF_TRY(CF_ALLOC(ctx, &t->sum, t->pairs * M));
  CF_TRY(CF_ALLOC(ctx, &t->null_sum, t->pairs * M * n));
  CF_TRY(CF_ALLOC(ctx, &t->used, t->pairs * M));
  CF_TRY(CF_ALLOC(ctx, &t->null_used, t->pairs * M * n));
  cf_progress_begin(ctx, "permutations", t->bins * (t->pairs * KINDS + t->recordings * chunks(t)));
  for (t->first = 0; t->first < t->bins && status == CF_OK; t->first += t->width) {
    t->width = CF_MIN(most, t->bins - t->first);
    status = run_batch(ctx, t);
  }
  cf_progress_end(ctx);
done:
  return status;
}

/* --------------------------------------------------------------- bootstrap -- */

/* The face of a side's drawn neurons; drawn: room for its patterns. */
static cf_status drawn_face(cf_context *ctx, const table *t, size_t side, size_t bin, const size_t *index,
                            double *drawn, cf_align_face *out) {
  const size_t n = side_at(t->job, side)->neurons, c = t->job->conditions;
  const double *from = patterns(t, side, bin);
  for (size_t i = 0; i < c; i++)
    for (size_t j = 0; j < n; j++) drawn[i * n + j] = from[i * n + index[j]];
  return cf_align_face_new(ctx, t->job, side < t->modules, n, drawn, out);
}

/* Sums and counts (pairs x M) of one bin of a replicate. index: of every side. */
static cf_status drawn_bin(cf_context *ctx, const table *t, size_t bin, size_t *const *index, double *sum,
                           size_t *used) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_align_face *face = NULL;
  double value[M], *drawn;
  CF_TRY(CF_SCRATCH(ctx, &face, t->sides));
  memset(face, 0, t->sides * sizeof *face);
  for (size_t i = 0; i < t->sides; i++) {
    CF_TRY(CF_SCRATCH(ctx, &drawn, t->job->conditions * side_at(t->job, i)->neurons));
    CF_TRY(drawn_face(ctx, t, i, bin, index[i], drawn, &face[i]));
  }
  for (size_t p = 0; p < t->pairs; p++) {
    CF_TRY(cf_align_pair(ctx, t->job, &face[p / t->recordings], &face[t->modules + p % t->recordings], value));
    add(M, value, sum + p * M, used + p * M);
  }
done:
  for (size_t i = 0; face && i < t->sides; i++) cf_align_face_free(&face[i]);
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status resample(cf_context *ctx, size_t r, void *payload) {
  const table *t = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *sum;
  size_t **index, *used;
  CF_TRY(CF_SCRATCH(ctx, &index, t->sides));
  CF_TRY(CF_SCRATCH(ctx, &sum, t->pairs * M));
  CF_TRY(CF_SCRATCH(ctx, &used, t->pairs * M));
  memset(sum, 0, t->pairs * M * sizeof *sum);
  memset(used, 0, t->pairs * M * sizeof *used);
  for (size_t i = 0; i < t->sides; i++) {
    CF_TRY(CF_SCRATCH(ctx, &index[i], side_at(t->job, i)->neurons));
    cf_align_draw(ctx, t->job, i, r, index[i]);
  }
  for (size_t bin = 0; bin < t->bins; bin++) {
    CF_TRY(cf_check_cancel(ctx));
    CF_TRY(drawn_bin(ctx, t, bin, index, sum, used));
    cf_progress_step(ctx, 1);
  }
  for (size_t i = 0; i < t->pairs * M; i++)
    t->boot[i * t->job->bootstrap + r] = used[i] ? sum[i] / (double)used[i] : NAN;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* -------------------------------------------------------------- the scores -- */

/* Chance, z and p of a value from its null. What is undefined counts against the value in p, and in nothing else. */
static cf_status against_null(cf_context *ctx, size_t n, double *null, cf_align_score *s) {
  cf_status status = CF_OK;
  double low;
  size_t kept = 0;
  const double p = n ? cf_permutation_p(s->value, n, null) : NAN;
  for (size_t i = 0; i < n; i++)
    if (!isnan(null[i])) null[kept++] = null[i];
  s->null_mean = s->null_95 = s->z = s->p = NAN;
  if (kept < 2 || isnan(s->value)) goto done;
  s->null_mean = cf_mean(kept, null);
  CF_TRY(cf_percentile_interval(ctx, kept, null, 0.9, &low, &s->null_95));
  s->z = (s->value - s->null_mean) / sqrt(cf_variance(kept, null, 1));
  s->p = p;
done:
  return status;
}

static cf_status finish(cf_context *ctx, const table *t, size_t pair, size_t measure, cf_align_score *s) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_align_job *job = t->job;
  const size_t at = pair * M + measure, n = measure == CF_ALIGN_DSA ? job->shuffles : job->permutations;
  double *null, *boot = t->boot + at * job->bootstrap;
  CF_TRY(CF_SCRATCH(ctx, &null, n));
  if (measure == CF_ALIGN_DSA) {
    s->bins = job->bins;
    CF_TRY(cf_align_dsa(ctx, job, &job->module[pair / t->recordings], &job->recording[pair % t->recordings], &s->value,
                        null, boot));
  } else {
    s->bins = t->used[at];
    s->value = s->bins ? t->sum[at] / (double)s->bins : NAN;
    for (size_t r = 0; r < n; r++)
      null[r] = t->null_used[at * n + r] ? t->null_sum[at * n + r] / (double)t->null_used[at * n + r] : NAN;
  }
  CF_TRY(against_null(ctx, n, null, s));
  s->low = s->high = NAN;
  if (job->bootstrap && !isnan(s->value))
    CF_TRY(cf_percentile_interval(ctx, job->bootstrap, boot, 0.95, &s->low, &s->high));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static void table_free(table *t) {
  cf_free(t->face);
  cf_free(t->value);
  cf_free(t->null);
  cf_free(t->sum);
  cf_free(t->null_sum);
  cf_free(t->used);
  cf_free(t->null_used);
  cf_free(t->boot);
}

cf_status cf_align_scores(cf_context *ctx, cf_align_job *job) {
  cf_status status = CF_OK;
  table t = {.job = job, .modules = job->modules.count, .recordings = job->recordings.count};
  t.sides = t.modules + t.recordings;
  t.pairs = t.modules * t.recordings;
  t.bins = job->time_average ? 1 : job->bins;
  CF_TRY(CF_ALLOC(ctx, &job->score, t.pairs * M));
  CF_TRY(CF_ALLOC(ctx, &t.boot, t.pairs * M * job->bootstrap));
  CF_TRY(observe(ctx, &t));
  cf_progress_begin(ctx, "bootstrap", job->bootstrap * t.bins);
  status = cf_parallel_for(ctx, job->bootstrap, resample, &t);
  cf_progress_end(ctx);
  CF_TRY(status);
  CF_TRY(cf_align_dynamics(ctx, job));
  for (size_t i = 0; i < t.pairs * M; i++) CF_TRY(finish(ctx, &t, i / M, i % M, &job->score[i]));
done:
  table_free(&t);
  return status;
}
