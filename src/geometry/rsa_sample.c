/* RDMs on a sample of conditions, prepared so that every comparison is one
 * dot product (or one tau).
 *
 * A sample is the multiplicities m_c of the conditions. Its dissimilarity vector has m_i m_j entries for the pair (i,
 * j) of distinct conditions; only the distinct pairs are stored, with weights w = m_i m_j. With z = sqrt(w) f(x) / norm
 * each comparator is a product of prepared vectors:
 *
 *   pearson     f(x) = x - sum(w x) / W                    norm^2 = sum w f^2
 *   cosine      f(x) = x
 *   spearman    f(x) = r - (W + 1) / 2, r average ranks among the W entries
 *   rho-a       the same f, norm^2 = (W^3 - W) / 12
 *   corr-cov    f as pearson, cosine-cov f as cosine;  similarity = z' V^-1 z, norm^2 = f' V^-1 f   (whitened.c)
 *   kendall     dense codes and sorted order, kendall.c
 *
 * Ranks in a sample need no sorting: the pairs that are there are walked in the order of the full RDM, sorted once.
 *
 * Values within TIE of each other, relative to their size, are tied: dissimilarities that are equal by definition (of
 * binary or integer features, say) come out of any computation with different last digits, and ranks would make a full
 * order of that noise. Chance puts two of N unequal values that close with probability about N^2 TIE. */
#include <math.h>
#include <string.h>
#include "base/internal.h"
#include "geometry/rsa_sample.h"
#include <cortifold/linalg.h>

/* Doubles to integers of the same order; -0 counts as 0. */
static uint64_t sortable(double x) {
  double y = x + 0.0;
  uint64_t bits;
  memcpy(&bits, &y, sizeof bits);
  return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

#define TIE      1e-12
#define ROUNDING 4e-15 /* of a similarity: closer to 1 or -1 is equal to it */

/* low <= high. */
static bool tied_with(double low, double high) {
  return high - low <= TIE * fabs(low);
}

enum { DIGIT = 11, BUCKETS = 1 << DIGIT };

/* Stable ascending order of n values: least-significant-digit radix sort over the bits that differ. */
static cf_status sort_values(cf_context *ctx, size_t n, const double *values, uint32_t *order) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  uint64_t *key, differ = 0;
  uint32_t *other, *from = order, *to;
  CF_TRY(CF_SCRATCH(ctx, &key, n));
  CF_TRY(CF_SCRATCH(ctx, &other, n));
  to = other;
  for (size_t i = 0; i < n; i++) {
    key[i] = sortable(values[i]);
    differ |= key[i] ^ key[0];
    order[i] = (uint32_t)i;
  }
  for (int shift = 0; shift < 64; shift += DIGIT) {
    if (!(differ >> shift & (BUCKETS - 1))) continue;
    uint32_t begin[BUCKETS] = {0}, sum = 0;
    for (size_t i = 0; i < n; i++) begin[key[i] >> shift & (BUCKETS - 1)]++;
    for (size_t b = 0; b < BUCKETS; b++) {
      uint32_t c = begin[b];
      begin[b] = sum;
      sum += c;
    }
    for (size_t i = 0; i < n; i++) to[begin[key[from[i]] >> shift & (BUCKETS - 1)]++] = from[i];
    uint32_t *swap = from;
    from = to;
    to = swap;
  }
  if (from != order && n) memcpy(order, from, n * sizeof *order);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_rsa_order(cf_context *ctx, size_t count, size_t pairs, const double *x, uint32_t *order, bool *tied) {
  cf_status status = CF_OK;
  for (size_t r = 0; r < count; r++) {
    const double *row = x + r * pairs;
    uint32_t *o = order + r * pairs;
    CF_TRY(sort_values(ctx, pairs, row, o));
    tied[r] = false;
    for (size_t i = 1; i < pairs && !tied[r]; i++) tied[r] = tied_with(row[o[i - 1]], row[o[i]]);
  }
done:
  return status;
}

cf_status cf_rsa_snap_ties(cf_context *ctx, size_t n, double *x) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  uint32_t *order;
  CF_TRY(CF_SCRATCH(ctx, &order, n));
  CF_TRY(sort_values(ctx, n, x, order));
  for (size_t i = 1, first = 0; i < n; i++) {
    if (tied_with(x[order[first]], x[order[i]]))
      x[order[i]] = x[order[first]];
    else
      first = i;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------- samples -- */

/* Lists the pairs of distinct drawn conditions that are there. */
static void list_pairs(rsa_sample *s, size_t n, const uint32_t *cond, const bool *present) {
  size_t at = 0;
  s->complete = true;
  s->total = 0;
  for (size_t i = 0; i < s->k; i++) {
    size_t c = cond[i], base = c * n - c * (c + 1) / 2 - c - 1; /* packed index of (c, d) is base + d */
    s->start[i] = at;
    for (size_t j = i + 1; j < s->k; j++) {
      size_t full = base + cond[j];
      if (present && !present[full]) {
        s->complete = false;
        continue;
      }
      s->col[at] = (uint32_t)j;
      s->full[at] = (uint32_t)full;
      s->weight[at] = s->mult[i] * s->mult[j];
      s->root[at] = sqrt(s->weight[at]);
      s->total += s->weight[at];
      if (s->count) {
        s->count[full] = (uint32_t)s->weight[at];
        s->slot[full] = (uint32_t)at;
      }
      at++;
    }
  }
  s->start[s->k] = s->pairs = at;
}

cf_status cf_rsa_sample_make(cf_context *ctx, size_t n, const uint32_t *mult, const bool *present,
                             cf_comparator comparator, rsa_sample *out) {
  cf_status status = CF_OK;
  uint32_t *cond;
  size_t all = n * (n - 1) / 2;
  memset(out, 0, sizeof *out);
  for (size_t c = 0; c < n; c++) out->k += !mult || mult[c] > 0;
  size_t k = out->k, most = k * (k - (k > 0)) / 2;
  CF_TRY(CF_SCRATCH(ctx, &cond, k));
  CF_TRY(CF_SCRATCH(ctx, &out->mult, k));
  CF_TRY(CF_SCRATCH(ctx, &out->start, k + 1));
  CF_TRY(CF_SCRATCH(ctx, &out->col, most));
  CF_TRY(CF_SCRATCH(ctx, &out->full, most));
  CF_TRY(CF_SCRATCH(ctx, &out->weight, most));
  CF_TRY(CF_SCRATCH(ctx, &out->root, most));
  if (cf_rsa_ranked(comparator)) {
    CF_TRY(CF_SCRATCH(ctx, &out->count, all));
    CF_TRY(CF_SCRATCH(ctx, &out->slot, all));
    memset(out->count, 0, all * sizeof *out->count);
    memset(out->slot, 0, all * sizeof *out->slot);
  }
  for (size_t c = 0, i = 0; c < n; c++) {
    uint32_t m = mult ? mult[c] : 1;
    if (!m) continue;
    cond[i] = (uint32_t)c;
    out->mult[i++] = m;
    out->positions += m;
  }
  if (out->positions > 60000)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "an RDM of %.0f conditions: comparators take at most 60000", out->positions));
  list_pairs(out, n, cond, present);
  if (cf_rsa_whitened(comparator)) CF_TRY(cf_whitened_factor(ctx, out));
done:
  return status;
}

/* ---------------------------------------------------------------- rows -- */

cf_status cf_rsa_rows_new(cf_context *ctx, cf_comparator comparator, const rsa_sample *sample, size_t count,
                          rsa_rows *out) {
  cf_status status = CF_OK;
  size_t size;
  memset(out, 0, sizeof *out);
  out->count = count;
  out->pairs = sample->pairs;
  CF_TRY(cf_size_mul(ctx, count, sample->pairs, &size));
  CF_TRY(CF_SCRATCH(ctx, &out->pool, count));
  CF_TRY(CF_SCRATCH(ctx, &out->norm, count));
  if (cf_rsa_ranked(comparator)) CF_TRY(CF_SCRATCH(ctx, &out->rank, size));
  if (cf_rsa_kendall(comparator)) {
    CF_TRY(CF_SCRATCH(ctx, &out->code, size));
    CF_TRY(CF_SCRATCH(ctx, &out->sorted, size));
    CF_TRY(CF_SCRATCH(ctx, &out->tie, count));
    return CF_OK;
  }
  CF_TRY(CF_SCRATCH(ctx, &out->z, size));
  out->u = out->z;
  if (cf_rsa_whitened(comparator)) CF_TRY(CF_SCRATCH(ctx, &out->u, size));
done:
  return status;
}

/* Average ranks among the W weighted entries, given the order. values (by sorted[i]'s key) may be NULL: no ties. */
static void walk_ranks(size_t n, const uint32_t *sorted, const uint32_t *key, const double *values,
                       const double *weight, double *rank, uint32_t *code, double *tie) {
  double passed = 0, tied = 0;
  uint32_t groups = 0;
  for (size_t begin = 0; begin < n; groups++) {
    size_t end = begin + 1;
    double sum = weight[sorted[begin]];
    if (values) {
      double v = values[key ? key[sorted[begin]] : sorted[begin]];
      for (; end < n && tied_with(v, values[key ? key[sorted[end]] : sorted[end]]); end++) sum += weight[sorted[end]];
    }
    for (size_t i = begin; i < end; i++) {
      rank[sorted[i]] = passed + (sum + 1) / 2;
      if (code) code[sorted[i]] = groups;
    }
    passed += sum;
    tied += sum * (sum - 1) / 2;
    begin = end;
  }
  if (tie) *tie = tied;
}

static void fill_nan(size_t n, double *x) {
  for (size_t i = 0; i < n; i++) x[i] = NAN;
}

/* z of ranks. */
static void rank_row(cf_comparator comparator, const rsa_sample *s, rsa_rows *out, size_t i) {
  const double *rank = out->rank + i * out->pairs;
  double *z = out->z + i * out->pairs, sum = 0, mean = (s->total + 1) / 2;
  for (size_t p = 0; p < s->pairs; p++) {
    z[p] = s->root[p] * (rank[p] - mean);
    sum += z[p] * z[p];
  }
  double norm = comparator == CF_COMPARE_RHO_A ? sqrt((s->total * s->total * s->total - s->total) / 12) : sqrt(sum);
  out->pool[i] = 1;
  out->norm[i] = norm;
  if (norm == 0) {
    fill_nan(s->pairs, z);
    return;
  }
  for (size_t p = 0; p < s->pairs; p++) z[p] /= norm;
}

/* z (and u) of raw values. Constant to 13 digits counts as constant. */
static cf_status linear_row(cf_context *ctx, cf_comparator comparator, const rsa_sample *s, const double *values,
                            rsa_rows *out, size_t i) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  double *z = out->z + i * out->pairs, *u = out->u + i * out->pairs, mean = 0, square = 0, plain = 0, norm2;
  for (size_t p = 0; p < s->pairs; p++) {
    mean += s->weight[p] * values[p];
    square += s->weight[p] * values[p] * values[p];
  }
  mean = cf_rsa_centred(comparator) ? mean / s->total : 0;
  for (size_t p = 0; p < s->pairs; p++) {
    z[p] = values[p] - mean;
    plain += s->weight[p] * z[p] * z[p];
  }
  norm2 = plain;
  if (cf_rsa_whitened(comparator)) {
    double *h, *g;
    CF_TRY(CF_SCRATCH(ctx, &h, s->k));
    CF_TRY(CF_SCRATCH(ctx, &g, s->k));
    CF_TRY(cf_whitened_apply(ctx, s, z, u, h, g));
    norm2 = 0;
    for (size_t p = 0; p < s->pairs; p++) norm2 += s->weight[p] * z[p] * u[p];
  }
  if (!(plain > 1e-26 * square) || !(norm2 > 0)) {
    out->pool[i] = out->norm[i] = NAN;
    fill_nan(s->pairs, z);
    fill_nan(s->pairs, u);
    goto done;
  }
  double norm = sqrt(norm2);
  out->norm[i] = norm;
  out->pool[i] = norm / sqrt(plain);
  for (size_t p = 0; p < s->pairs; p++) z[p] *= s->root[p] / norm;
  if (u != z)
    for (size_t p = 0; p < s->pairs; p++) u[p] *= s->root[p] / norm;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_rsa_row_set(cf_context *ctx, cf_comparator comparator, const rsa_sample *s, const double *values,
                         rsa_rows *out, size_t i) {
  if (!cf_rsa_ranked(comparator)) return linear_row(ctx, comparator, s, values, out, i);
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  size_t at = i * out->pairs;
  uint32_t *sorted = out->sorted ? out->sorted + at : NULL;
  if (!sorted) CF_TRY(CF_SCRATCH(ctx, &sorted, s->pairs));
  CF_TRY(sort_values(ctx, s->pairs, values, sorted));
  walk_ranks(s->pairs, sorted, NULL, values, s->weight, out->rank + at, out->code ? out->code + at : NULL,
             out->tie ? out->tie + i : NULL);
  if (out->z) rank_row(comparator, s, out, i);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* The sample's pairs in ascending order of one full RDM, without branches. list: room for all + 1. */
static size_t compact_order(const rsa_sample *s, size_t all, const uint32_t *order, uint32_t *list) {
  size_t n = 0;
  for (size_t i = 0; i < all; i++) {
    uint32_t p = order[i];
    list[n] = s->slot[p];
    n += s->count[p] != 0;
  }
  return n;
}

cf_status cf_rsa_rows_fill(cf_context *ctx, cf_comparator comparator, const rsa_sample *s, const rsa_stack *stack,
                           rsa_rows *out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  bool ranked = cf_rsa_ranked(comparator);
  double *values;
  uint32_t *list;
  CF_TRY(CF_SCRATCH(ctx, &values, s->pairs));
  CF_TRY(CF_SCRATCH(ctx, &list, stack->pairs + 1));
  for (size_t i = 0; i < stack->count; i++) {
    const double *x = stack->x + i * stack->pairs;
    size_t at = i * out->pairs;
    if (!ranked) {
      for (size_t p = 0; p < s->pairs; p++) values[p] = x[s->full[p]];
      CF_TRY(linear_row(ctx, comparator, s, values, out, i));
      continue;
    }
    size_t n = compact_order(s, stack->pairs, stack->order + i * stack->pairs, list);
    walk_ranks(n, list, s->full, stack->tied[i] ? x : NULL, s->weight, out->rank + at,
               out->code ? out->code + at : NULL, out->tie ? out->tie + i : NULL);
    if (out->sorted) memcpy(out->sorted + at, list, n * sizeof *list);
    if (out->z) rank_row(comparator, s, out, i);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* ---------------------------------------------------------- similarity -- */

double cf_rsa_rounded_off(double v) {
  return v > 1 - ROUNDING ? 1 : v < ROUNDING - 1 ? -1 : v;
}

double cf_rsa_similarity_one(cf_comparator comparator, const rsa_sample *s, const rsa_rows *a, size_t i,
                             const rsa_rows *b, size_t j, uint32_t *tree) {
  size_t n = s->pairs;
  if (cf_rsa_kendall(comparator))
    return cf_kendall(comparator == CF_COMPARE_KENDALL_TAU_B, n, s->total, s->weight, a->code + i * n,
                      a->sorted + i * n, a->tie[i], b->code + j * n, b->tie[j], tree);
  return cf_rsa_rounded_off(cf_dot(n, a->z + i * n, b->u + j * n));
}

cf_status cf_rsa_similarity(cf_context *ctx, cf_comparator comparator, const rsa_sample *s, const rsa_rows *a,
                            const rsa_rows *b, double *out) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  if (cf_rsa_kendall(comparator)) {
    uint32_t *tree;
    CF_TRY(CF_SCRATCH(ctx, &tree, cf_kendall_tree_size(s->pairs)));
    for (size_t i = 0; i < a->count; i++)
      for (size_t j = 0; j < b->count; j++)
        out[i * b->count + j] = cf_rsa_similarity_one(comparator, s, a, i, b, j, tree);
  } else {
    CF_TRY(
        cf_gemm(ctx, false, true, a->count, b->count, s->pairs, 1, a->z, s->pairs, b->u, s->pairs, 0, out, b->count));
    for (size_t i = 0; i < a->count * b->count; i++) out[i] = cf_rsa_rounded_off(out[i]);
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
