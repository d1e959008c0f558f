/* Arrangements of labels. With n_sc objects of stratum s that carry label c there are prod_s n_s! / prod_c n_sc!
 * distinct ones. Up to a limit they are numbered: mixed radix over the strata, within a stratum in lexicographic order.
 * Above it arrangement i is a shuffle by the stream (seed, task, i). */
#include "stats/arrangements.h"
#include "base/internal.h"

#include <math.h>
#include <string.h>

/* n! / prod tally!, INFINITY where a double would not hold it exactly. */
static double count_ways(size_t codes, const size_t *tally) {
  double ways = 1;
  size_t placed = 0;
  for (size_t c = 0; c < codes; c++)
    for (size_t k = 1; k <= tally[c]; k++) { /* times C(placed, k) stepwise: the product stays whole */
      ways = ways * (double)++placed / (double)k;
      if (ways > 1e15) return INFINITY;
    }
  return ways;
}

static cf_status sort_strata(cf_context *ctx, const size_t *stratum, cf_arrangements *a) {
  cf_status status = CF_OK;
  size_t *next = NULL, count = 0;
  a->strata = 1;
  for (size_t i = 0; stratum && i < a->n; i++) a->strata = CF_MAX(a->strata, stratum[i] + 1);
  CF_TRY(cf_size_mul(ctx, a->strata, a->codes, &count));
  CF_TRY(CF_SCRATCH(ctx, &a->member, a->n));
  CF_TRY(CF_SCRATCH(ctx, &a->start, a->strata + 1));
  CF_TRY(CF_SCRATCH(ctx, &a->tally, count));
  CF_TRY(CF_SCRATCH(ctx, &a->ways, a->strata));
  CF_TRY(CF_SCRATCH(ctx, &next, a->strata));
  memset(a->start, 0, (a->strata + 1) * sizeof *a->start);
  memset(a->tally, 0, count * sizeof *a->tally);
  for (size_t i = 0; i < a->n; i++) {
    const size_t s = stratum ? stratum[i] : 0;
    a->start[s + 1]++;
    a->tally[s * a->codes + a->code[i]]++;
  }
  for (size_t s = 0; s < a->strata; s++) {
    a->start[s + 1] += a->start[s];
    next[s] = a->start[s];
  }
  for (size_t i = 0; i < a->n; i++) a->member[next[stratum ? stratum[i] : 0]++] = i;
done:
  return status;
}

cf_status cf_arrangements_make(cf_context *ctx, size_t n, size_t codes, const size_t *code,
                               const cf_permute_options *options, cf_arrangements *out) {
  cf_status status = CF_OK;
  double all = 1;
  *out = (cf_arrangements){.n = n, .codes = codes, .code = code, .task = options->task};
  CF_TRY(sort_strata(ctx, options->strata, out));
  for (size_t s = 0; s < out->strata; s++) {
    const double ways = count_ways(codes, out->tally + s * codes);
    out->ways[s] = isinf(ways) ? 0 : (uint64_t)(ways + 0.5);
    all *= ways;
  }
  out->exact = all <= options->exact_up_to && all < 1e15;
  out->count = out->exact ? (size_t)(all + 0.5) : options->permutations;
  if (out->count == 0)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "no permutations are asked for, and there are too many to enumerate"));
  if (out->count > UINT32_MAX)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "%zu permutations; at most %u can be told apart", out->count, UINT32_MAX));
done:
  return status;
}

/* The rank-th arrangement of a stratum in lexicographic order: among the ways of the places that are left, a share of
 * tally / places begins with each label. */
static void unrank(const cf_arrangements *a, size_t s, uint64_t rank, size_t *code, size_t *left) {
  uint64_t ways = a->ways[s];
  memcpy(left, a->tally + s * a->codes, a->codes * sizeof *left);
  for (size_t at = a->start[s]; at < a->start[s + 1]; at++) {
    const uint64_t places = a->start[s + 1] - at;
    for (size_t c = 0; c < a->codes; c++) {
      const uint64_t begin = ways * left[c] / places;
      if (rank < begin) {
        ways = begin;
        left[c]--;
        code[a->member[at]] = c;
        break;
      }
      rank -= begin;
    }
  }
}

void cf_arrangement(const cf_arrangements *a, uint64_t seed, size_t i, size_t *code, size_t *left) {
  if (a->exact) {
    uint64_t rank = i;
    for (size_t s = 0; s < a->strata; s++) {
      unrank(a, s, rank % a->ways[s], code, left);
      rank /= a->ways[s];
    }
    return;
  }
  cf_rng rng = cf_rng_make(seed, a->task, (uint32_t)i);
  memcpy(code, a->code, a->n * sizeof *code);
  for (size_t s = 0; s < a->strata; s++)
    for (size_t k = a->start[s + 1] - a->start[s]; k > 1; k--) {
      size_t *x = &code[a->member[a->start[s] + k - 1]];
      size_t *y = &code[a->member[a->start[s] + (size_t)cf_rng_below(&rng, k)]];
      const size_t held = *x;
      *x = *y;
      *y = held;
    }
}

cf_status cf_group_sizes(cf_context *ctx, size_t n, size_t groups, const size_t *code, size_t **size) {
  cf_status status = CF_OK;
  if (groups < 2) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "%zu group%s; a test needs two", groups, groups == 1 ? "" : "s"));
  if (groups >= n)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%zu objects in %zu groups; some group needs two members", n, groups));
  CF_TRY(CF_SCRATCH(ctx, size, groups));
  memset(*size, 0, groups * sizeof **size);
  for (size_t i = 0; i < n; i++) {
    if (code[i] >= groups) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "object %zu is of group %zu of %zu", i, code[i], groups));
    (*size)[code[i]]++;
  }
  for (size_t g = 0; g < groups; g++)
    if ((*size)[g] == 0) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "group %zu has no members", g));
done:
  return status;
}

void cf_permuted_finish(cf_permuted *out, size_t reached) {
  const double count = (double)out->permutations;
  size_t kept = 0;
  double sum = 0, squares = 0;
  for (size_t i = 0; i < out->permutations; i++)
    if (isfinite(out->null[i])) {
      sum += out->null[i];
      kept++;
    }
  out->null_mean = kept ? sum / (double)kept : NAN;
  for (size_t i = 0; i < out->permutations; i++)
    if (isfinite(out->null[i])) squares += (out->null[i] - out->null_mean) * (out->null[i] - out->null_mean);
  out->null_sd = kept > 1 ? sqrt(squares / (double)(kept - 1)) : NAN;
  out->p = out->exact ? (double)reached / count : ((double)reached + 1) / (count + 1);
}

void cf_permuted_clear(cf_permuted *test) {
  cf_free(test->null);
  memset(test, 0, sizeof *test);
}
