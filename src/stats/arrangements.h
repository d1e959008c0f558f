/* Arrangements of labels over objects: all distinct ones, or a sample; free or within strata. */
#ifndef CF_STATS_ARRANGEMENTS_H
#define CF_STATS_ARRANGEMENTS_H
#include <cortifold/groups.h>

typedef struct cf_arrangements {
  size_t n, codes, strata;
  const size_t *code;
  size_t *member; /* objects, stratum after stratum */
  size_t *start;  /* strata + 1 */
  size_t *tally;  /* strata x codes */
  uint64_t *ways; /* of each stratum, when exact */
  size_t count;
  bool exact;
  uint64_t task;
} cf_arrangements;

/* In scratch memory of ctx. codes: labels are 0 .. codes - 1. */
CF_CHECKED cf_status cf_arrangements_make(cf_context *ctx, size_t n, size_t codes, const size_t *code,
                                          const cf_permute_options *options, cf_arrangements *out);
/* Labels of arrangement i < count; left has room for `codes`. seed: of the context. */
void cf_arrangement(const cf_arrangements *a, uint64_t seed, size_t i, size_t *code, size_t *left);

/* Codes are 0 .. groups - 1, each used, and groups fewer than objects: *size, in scratch, how many of each. */
CF_CHECKED cf_status cf_group_sizes(cf_context *ctx, size_t n, size_t groups, const size_t *code, size_t **size);
/* p, mean and sd of out->null (larger is more extreme) from what is set: statistic, permutations, exact. `reached`
 * arrangements are as extreme as the observed one. */
void cf_permuted_finish(cf_permuted *out, size_t reached);
#endif
