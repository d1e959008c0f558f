/* How well labels agree: two partitions of the same items, and labels with the neighbourhoods of points.
 *
 * Adjusted Rand index: (index - expected) / (largest - expected) over pairs, from the contingency table n_ab:
 *   index = sum_ab C(n_ab, 2), expected = sum_a C(n_a, 2) sum_b C(n_b, 2) / C(n, 2), largest = their mean.
 * Hubert & Arabie, J. Classification 2, 193 (1985).
 *
 * Neighbours: leave-one-out k nearest neighbours by Euclidean distance, majority vote, ties to the lowest code; the
 * null shuffles the codes over the points, so that neighbourhoods stay as they are. */
#include "base/internal.h"

#include <cortifold/stats.h>
#include <math.h>
#include <string.h>

static double pairs_of(double n) {
  return 0.5 * n * (n - 1);
}

cf_status cf_adjusted_rand(cf_context *ctx, size_t n, const size_t *a, const size_t *b, double *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t rows = 0, cols = 0, cells = 0;
  double *table = NULL, *row = NULL, *col = NULL;
  for (size_t i = 0; i < n; i++) {
    rows = CF_MAX(rows, a[i] + 1);
    cols = CF_MAX(cols, b[i] + 1);
  }
  CF_TRY(cf_size_mul(ctx, rows, cols, &cells));
  CF_TRY(CF_SCRATCH(ctx, &table, cells));
  CF_TRY(CF_SCRATCH(ctx, &row, rows));
  CF_TRY(CF_SCRATCH(ctx, &col, cols));
  if (cells) memset(table, 0, cells * sizeof *table);
  if (rows) memset(row, 0, rows * sizeof *row);
  if (cols) memset(col, 0, cols * sizeof *col);
  for (size_t i = 0; i < n; i++) {
    table[a[i] * cols + b[i]]++;
    row[a[i]]++;
    col[b[i]]++;
  }
  double index = 0, in_rows = 0, in_cols = 0;
  for (size_t i = 0; i < cells; i++) index += pairs_of(table[i]);
  for (size_t i = 0; i < rows; i++) in_rows += pairs_of(row[i]);
  for (size_t i = 0; i < cols; i++) in_cols += pairs_of(col[i]);
  const double expected = in_rows * in_cols / pairs_of((double)n), largest = 0.5 * (in_rows + in_cols);
  /* both partitions one block, or both single items: they agree */
  *out = n < 2 ? NAN : largest > expected ? (index - expected) / (largest - expected) : 1;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------ neighbours -- */

typedef struct neighbours {
  size_t n, dims, k, codes, permutations;
  const double *points;
  const size_t *code;
  uint64_t task;
  size_t *near;  /* n x k */
  double *score; /* permutations */
} neighbours;

/* The k nearest of point i by insertion; ties go to the lower index. */
static cf_status find_near(cf_context *ctx, size_t i, void *payload) {
  neighbours *s = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *best = NULL;
  size_t found = 0, *near = s->near + i * s->k;
  CF_TRY(CF_SCRATCH(ctx, &best, s->k));
  for (size_t j = 0; j < s->n; j++) {
    if (j == i) continue;
    double d = 0;
    for (size_t c = 0; c < s->dims; c++) {
      const double x = s->points[i * s->dims + c] - s->points[j * s->dims + c];
      d += x * x;
    }
    if (found == s->k && d >= best[found - 1]) continue;
    size_t at = found < s->k ? found++ : found - 1;
    for (; at > 0 && best[at - 1] > d; at--) {
      best[at] = best[at - 1];
      near[at] = near[at - 1];
    }
    best[at] = d;
    near[at] = j;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Share of points whose code is the majority among their neighbours. votes: codes counters. */
static double accuracy_of(const neighbours *s, const size_t *code, size_t *votes) {
  size_t right = 0;
  for (size_t i = 0; i < s->n; i++) {
    size_t winner = 0;
    memset(votes, 0, s->codes * sizeof *votes);
    for (size_t j = 0; j < s->k; j++) votes[code[s->near[i * s->k + j]]]++;
    for (size_t c = 1; c < s->codes; c++)
      if (votes[c] > votes[winner]) winner = c;
    right += winner == code[i];
  }
  return (double)right / (double)s->n;
}

static cf_status shuffle_once(cf_context *ctx, size_t i, void *payload) {
  neighbours *s = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *order = NULL, *code = NULL, *votes = NULL;
  cf_rng rng = cf_rng_make(cf_context_seed(ctx), s->task, (uint32_t)i);
  CF_TRY(CF_SCRATCH(ctx, &order, s->n));
  CF_TRY(CF_SCRATCH(ctx, &code, s->n));
  CF_TRY(CF_SCRATCH(ctx, &votes, s->codes));
  cf_rng_permutation(&rng, s->n, order);
  for (size_t j = 0; j < s->n; j++) code[j] = s->code[order[j]];
  s->score[i] = accuracy_of(s, code, votes);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_neighbour_accuracy(cf_context *ctx, size_t n, size_t dims, const double *points, const size_t *code,
                                size_t k, size_t permutations, uint64_t task, cf_neighbour_score *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  neighbours s = {n, dims, k, 0, permutations, points, code, task, NULL, NULL};
  size_t count = 0, *votes = NULL;
  if (k < 1 || k >= n)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "nearest neighbours: k is %zu; it must lie between 1 and %zu", k, n ? n - 1 : 0));
  for (size_t i = 0; i < n; i++) s.codes = CF_MAX(s.codes, code[i] + 1);
  CF_TRY(cf_size_mul(ctx, n, k, &count));
  CF_TRY(CF_SCRATCH(ctx, &s.near, count));
  CF_TRY(CF_SCRATCH(ctx, &votes, s.codes));
  CF_TRY(CF_SCRATCH(ctx, &s.score, permutations));
  CF_TRY(cf_parallel_for(ctx, n, find_near, &s));
  CF_TRY(cf_parallel_for(ctx, permutations, shuffle_once, &s));
  out->accuracy = accuracy_of(&s, code, votes);
  out->null_mean = cf_mean(permutations, s.score);
  out->null_sd = sqrt(cf_variance(permutations, s.score, 1));
  out->p = permutations ? cf_permutation_p(out->accuracy, permutations, s.score) : NAN;
done:
  cf_scratch_release(ctx, mark);
  return status;
}
