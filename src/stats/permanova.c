/* PERMANOVA, its pairwise tests and ANOSIM: all arrangements of the labels from one matrix product.
 *
 * Both tests need, for an arrangement with indicators z_g (n) of the groups, sum_g v_g q_g with q_g = sum_{i<j in g}
 * s_ij = z_g' S z_g / 2:
 *   PERMANOVA   S = d^2, v_g = 1 / n_g: SSW
 *   ANOSIM      S = ranks, v_g = 1: the sum of the ranks within groups
 * The indicators of many arrangements stand side by side in E (n x columns) and are multiplied by the lower half of S,
 * block row by block row, which halves the work of S E. The largest group o has no columns: with u = 1 - z_o and row
 * sums r, q_o = 1'S1 / 2 - u'r + u'S u / 2. Only products of whole blocks are summed, so a value does not depend on
 * threads. The observed arrangement goes through the same product, as the ties of the others must. */
#include "stats/arrangements.h"
#include "base/internal.h"

#include <cortifold/linalg.h>
#include <math.h>
#include <string.h>

enum { ROWS = 128, COLUMNS = 128, MOST_BATCH = 256 };

typedef struct within {
  const cf_arrangements *a;
  size_t n, groups, other; /* `other` has no columns */
  const double *s;         /* n x n */
  const double *weight;    /* groups */
  double *row, all;        /* row sums of s; sum of pairs */
  size_t batch, columns;   /* arrangements of a task and the columns each takes */
  double *sum;             /* one value an arrangement; the last is the observed one */
} within;

/* Column of a group's indicator among those of one arrangement. */
static size_t column_of(const within *w, size_t g) {
  return g - (g > w->other);
}

/* E: row i has a 1 in the column of its label, for each of `count` arrangements. */
static void fill_indicators(const within *w, size_t count, const size_t *code, double *e) {
  const size_t cols = count * w->columns;
  memset(e, 0, w->n * cols * sizeof *e);
  for (size_t k = 0; k < count; k++)
    for (size_t i = 0; i < w->n; i++) {
      const size_t g = code[k * w->n + i];
      if (g != w->other) e[i * cols + k * w->columns + column_of(w, g)] = 1;
    }
}

/* Adds z' (the block row of the lower half of S) z to the sums of every group, of u, and u'r. */
static void add_rows(const within *w, size_t count, const size_t *code, size_t first, size_t rows, const double *p,
                     double *q) {
  const size_t cols = count * w->columns, each = w->groups + 1;
  for (size_t i = 0; i < rows; i++)
    for (size_t k = 0; k < count; k++) {
      const size_t g = code[k * w->n + first + i];
      const double *x = p + i * cols + k * w->columns;
      double u = 0;
      if (g == w->other) continue;
      for (size_t c = 0; c < w->columns; c++) u += x[c];
      q[k * each + g] += x[column_of(w, g)];
      q[k * each + w->other] += u;
      q[k * each + w->groups] += w->row[first + i];
    }
}

/* sum_g v_g q_g of `count` arrangements whose codes are given. */
static cf_status within_sums(cf_context *ctx, const within *w, size_t count, const size_t *code, double *sum) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = w->n, cols = count * w->columns, each = w->groups + 1;
  double *e = NULL, *p = NULL, *q = NULL;
  CF_TRY(CF_SCRATCH(ctx, &e, n * cols));
  CF_TRY(CF_SCRATCH(ctx, &p, (size_t)ROWS * cols));
  CF_TRY(CF_SCRATCH(ctx, &q, count * each));
  memset(q, 0, count * each * sizeof *q);
  fill_indicators(w, count, code, e);
  for (size_t first = 0; first < n; first += ROWS) {
    const size_t rows = CF_MIN((size_t)ROWS, n - first);
    cf_gemm_serial(false, false, rows, cols, rows, 0.5, w->s + first * n + first, n, e + first * cols, cols, 0, p,
                   cols);
    if (first > 0) cf_gemm_serial(false, false, rows, cols, first, 1, w->s + first * n, n, e, cols, 1, p, cols);
    add_rows(w, count, code, first, rows, p, q);
  }
  for (size_t k = 0; k < count; k++) {
    const double *mine = q + k * each;
    sum[k] = w->weight[w->other] * (w->all - mine[w->groups] + mine[w->other]);
    for (size_t g = 0; g < w->groups; g++)
      if (g != w->other) sum[k] += w->weight[g] * mine[g];
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status one_batch(cf_context *ctx, size_t task, void *payload) {
  within *w = payload;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t first = task * w->batch, count = CF_MIN(w->batch, w->a->count - first);
  size_t *code = NULL, *left = NULL;
  CF_TRY(CF_SCRATCH(ctx, &code, count * w->n));
  CF_TRY(CF_SCRATCH(ctx, &left, w->groups));
  for (size_t k = 0; k < count; k++) cf_arrangement(w->a, cf_context_seed(ctx), first + k, code + k * w->n, left);
  status = within_sums(ctx, w, count, code, w->sum + first);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* sum (a->count + 1): of every arrangement, then of the observed one. */
static cf_status all_sums(cf_context *ctx, const cf_arrangements *a, size_t groups, const size_t *size, const double *s,
                          const double *weight, double *sum) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  within w = {.a = a, .n = a->n, .groups = groups, .s = s, .weight = weight, .sum = sum, .columns = groups - 1};
  for (size_t g = 1; g < groups; g++)
    if (size[g] > size[w.other]) w.other = g;
  w.batch = CF_MIN((size_t)MOST_BATCH, CF_MAX((size_t)1, COLUMNS / w.columns));
  CF_TRY(CF_SCRATCH(ctx, &w.row, w.n));
  for (size_t i = 0; i < w.n; i++) {
    w.row[i] = 0;
    for (size_t j = 0; j < w.n; j++) w.row[i] += s[i * w.n + j];
    w.all += 0.5 * w.row[i];
  }
  CF_TRY(within_sums(ctx, &w, 1, a->code, sum + a->count));
  CF_TRY(cf_parallel_for(ctx, (a->count + w.batch - 1) / w.batch, one_batch, &w));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* -------------------------------------------------------------- PERMANOVA -- */

static cf_status permanova(cf_context *ctx, size_t n, const double *distance, size_t groups, const size_t *code,
                           const cf_permute_options *options, cf_permuted *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_arrangements a;
  size_t *size = NULL, reached = 0;
  double *squared = NULL, *weight = NULL, *within_ss = NULL, total = 0;
  CF_TRY(cf_group_sizes(ctx, n, groups, code, &size));
  CF_TRY(cf_arrangements_make(ctx, n, groups, code, options, &a));
  CF_TRY(CF_SCRATCH(ctx, &squared, n * n));
  CF_TRY(CF_SCRATCH(ctx, &weight, groups));
  CF_TRY(CF_SCRATCH(ctx, &within_ss, a.count + 1));
  for (size_t k = 0; k < n * n; k++) {
    squared[k] = distance[k] * distance[k];
    total += squared[k];
  }
  total /= 2 * (double)n;
  if (!(total > 0)) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "all distances are 0; there is nothing to test"));
  for (size_t g = 0; g < groups; g++) weight[g] = 1 / (double)size[g];
  CF_TRY(all_sums(ctx, &a, groups, size, squared, weight, within_ss));
  CF_TRY(CF_ALLOC(ctx, &out->null, a.count));
  const double df1 = (double)groups - 1, df2 = (double)(n - groups), rounding = 1e-12 * total;
  for (size_t i = 0; i <= a.count; i++) {
    const double ssw = within_ss[i] > rounding ? within_ss[i] : 0, f = (total - ssw) / df1 / (ssw / df2);
    *(i < a.count ? out->null + i : &out->statistic) = f;
    reached += i < a.count && within_ss[i] <= within_ss[a.count] + rounding;
  }
  out->effect = 1 - (within_ss[a.count] > rounding ? within_ss[a.count] : 0) / total;
  out->permutations = a.count;
  out->exact = a.exact;
  cf_permuted_finish(out, reached);
done:
  cf_scratch_release(ctx, mark);
  if (status != CF_OK) cf_permuted_clear(out);
  return status;
}

cf_status cf_permanova(cf_context *ctx, size_t n, const double *distance, size_t groups, const size_t *code,
                       const cf_permute_options *options, cf_permuted *out) {
  static const cf_permute_options standard = CF_PERMUTE_OPTIONS_INIT;
  memset(out, 0, sizeof *out);
  return permanova(ctx, n, distance, groups, code, options ? options : &standard, out);
}

/* --------------------------------------------------------------- pairwise -- */

/* The objects of groups a and b: their distances, codes and strata. */
static cf_status one_pair(cf_context *ctx, size_t n, const double *distance, const size_t *code,
                          const cf_permute_options *options, cf_group_pair *pair) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *index = NULL, *own = NULL, *strata = NULL, m = 0, ones = 0;
  double *d = NULL;
  cf_permute_options mine = *options;
  CF_TRY(CF_SCRATCH(ctx, &index, n));
  for (size_t i = 0; i < n; i++)
    if (code[i] == pair->a || code[i] == pair->b) index[m++] = i;
  CF_TRY(CF_SCRATCH(ctx, &own, m));
  CF_TRY(CF_SCRATCH(ctx, &strata, m));
  CF_TRY(CF_SCRATCH(ctx, &d, m * m));
  for (size_t i = 0; i < m; i++) {
    own[i] = code[index[i]] == pair->b;
    ones += own[i];
    if (options->strata) strata[i] = options->strata[index[i]];
    for (size_t j = 0; j < m; j++) d[i * m + j] = distance[index[i] * n + index[j]];
  }
  if (options->strata) mine.strata = strata;
  mine.task += 0x9e3779b97f4a7c15u * (pair->a * n + pair->b + 1); /* a stream of its own */
  pair->test = (cf_permuted){.statistic = NAN, .p = NAN, .effect = NAN, .null_mean = NAN, .null_sd = NAN};
  if (m > 2 && ones > 0 && ones < m) status = cf_permanova(ctx, m, d, 2, own, &mine, &pair->test);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_permanova_pairs(cf_context *ctx, size_t n, const double *distance, size_t groups, const size_t *code,
                             const cf_permute_options *options, cf_correction correction, cf_group_pair *out) {
  static const cf_permute_options standard = CF_PERMUTE_OPTIONS_INIT;
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t pairs = groups * (groups - 1) / 2;
  double *p = NULL;
  memset(out, 0, pairs * sizeof *out);
  CF_TRY(CF_SCRATCH(ctx, &p, pairs));
  for (size_t a = 0, k = 0; a < groups; a++)
    for (size_t b = a + 1; b < groups; b++, k++) {
      out[k].a = a;
      out[k].b = b;
      CF_TRY(one_pair(ctx, n, distance, code, options ? options : &standard, out + k));
      p[k] = out[k].test.p;
    }
  CF_TRY(cf_p_adjust(ctx, correction, pairs, p, p));
  for (size_t k = 0; k < pairs; k++) out[k].adjusted = p[k];
done:
  cf_scratch_release(ctx, mark);
  for (size_t k = 0; k < pairs && status != CF_OK; k++) cf_permuted_clear(&out[k].test);
  return status;
}

/* ----------------------------------------------------------------- ANOSIM -- */

/* Ranks of the distances as a matrix. */
static cf_status rank_matrix(cf_context *ctx, size_t n, const double *distance, double *ranks) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *x = NULL;
  size_t pairs = 0;
  CF_TRY(CF_SCRATCH(ctx, &x, n * (n - 1) / 2));
  for (size_t i = 0; i < n; i++)
    for (size_t j = i + 1; j < n; j++) x[pairs++] = distance[i * n + j];
  CF_TRY(cf_ranks(ctx, pairs, x, x));
  pairs = 0;
  for (size_t i = 0; i < n; i++) {
    ranks[i * n + i] = 0;
    for (size_t j = i + 1; j < n; j++) ranks[i * n + j] = ranks[j * n + i] = x[pairs++];
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status anosim(cf_context *ctx, size_t n, const double *distance, size_t groups, const size_t *code,
                        const cf_permute_options *options, cf_permuted *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_arrangements a;
  size_t *size = NULL, reached = 0;
  double *ranks = NULL, *weight = NULL, *sum = NULL, in_groups = 0;
  CF_TRY(cf_group_sizes(ctx, n, groups, code, &size));
  CF_TRY(cf_arrangements_make(ctx, n, groups, code, options, &a));
  CF_TRY(CF_SCRATCH(ctx, &ranks, n * n));
  CF_TRY(CF_SCRATCH(ctx, &weight, groups));
  CF_TRY(CF_SCRATCH(ctx, &sum, a.count + 1));
  CF_TRY(rank_matrix(ctx, n, distance, ranks));
  for (size_t g = 0; g < groups; g++) {
    weight[g] = 1;
    in_groups += 0.5 * (double)size[g] * (double)(size[g] - 1);
  }
  CF_TRY(all_sums(ctx, &a, groups, size, ranks, weight, sum));
  CF_TRY(CF_ALLOC(ctx, &out->null, a.count));
  const double pairs = 0.5 * (double)n * (double)(n - 1), all = 0.5 * pairs * (pairs + 1), rounding = 1e-12 * all;
  for (size_t i = 0; i <= a.count; i++) {
    const double r = ((all - sum[i]) / (pairs - in_groups) - sum[i] / in_groups) / (0.5 * pairs);
    *(i < a.count ? out->null + i : &out->statistic) = r;
    reached += i < a.count && sum[i] <= sum[a.count] + rounding;
  }
  out->effect = NAN;
  out->permutations = a.count;
  out->exact = a.exact;
  cf_permuted_finish(out, reached);
done:
  cf_scratch_release(ctx, mark);
  if (status != CF_OK) cf_permuted_clear(out);
  return status;
}

cf_status cf_anosim(cf_context *ctx, size_t n, const double *distance, size_t groups, const size_t *code,
                    const cf_permute_options *options, cf_permuted *out) {
  static const cf_permute_options standard = CF_PERMUTE_OPTIONS_INIT;
  memset(out, 0, sizeof *out);
  return anosim(ctx, n, distance, groups, code, options ? options : &standard, out);
}
