/* Which samples test, which train, and which near the edge of a test block count in neither.
 *
 * A test block is a stretch of samples of one fold within one run. Neighbouring samples of a slow signal share noise:
 * the first and last samples of a block that borders on training samples of its own run are left out of the scores. */
#include "voxelwise/internal.h"

#include <string.h>

cf_status cf_runs_check(cf_context *ctx, size_t n, const size_t *run, const char *what) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t codes = 0;
  bool *seen;
  for (size_t i = 0; i < n; i++) codes = CF_MAX(codes, run[i] + 1);
  CF_TRY(CF_SCRATCH(ctx, &seen, codes));
  memset(seen, 0, codes * sizeof *seen);
  for (size_t i = 0; i < n; i++) {
    if (i > 0 && run[i] == run[i - 1]) continue;
    if (seen[run[i]])
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                     "%s: sample %zu returns to a run that ended before; the samples of a run lie one after the other",
                     what, i));
    seen[run[i]] = true;
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

void cf_fold_set_free(cf_fold_set *set) {
  if (!set) return;
  cf_free(set->fold);
  cf_free(set->scored);
  cf_free(set);
}

/* True when sample i is followed, at once and in the same run, by sample i + 1 of the list. */
static bool joined(const size_t *rows, const size_t *run, size_t i) {
  const size_t a = rows ? rows[i] : i, b = rows ? rows[i + 1] : i + 1;
  return b == a + 1 && (!run || run[a] == run[b]);
}

static void trim_blocks(size_t n, const size_t *rows, const size_t *run, size_t trim, cf_fold_set *set) {
  for (size_t from = 0, to; from < n; from = to) {
    to = from + 1;
    while (to < n && set->fold[to] == set->fold[from] && joined(rows, run, to - 1)) to++;
    const size_t cut = CF_MIN(trim == CF_TRIM_AUTO ? 5 : trim, to - from);
    for (size_t i = from; i < to; i++) set->scored[i] = true;
    if (from > 0 && joined(rows, run, from - 1))
      for (size_t i = 0; i < cut; i++) set->scored[from + i] = false;
    if (to < n && joined(rows, run, to - 1))
      for (size_t i = 0; i < cut; i++) set->scored[to - 1 - i] = false;
  }
}

/* A fold that would lose more than half of its samples keeps them all. */
static void keep_short_folds(cf_fold_set *set) {
  for (size_t f = 0; f < set->folds; f++) {
    size_t scored = 0, all = 0;
    for (size_t i = 0; i < set->n; i++) {
      all += set->fold[i] == f;
      scored += set->fold[i] == f && set->scored[i];
    }
    for (size_t i = 0; i < set->n && 2 * scored < all; i++) set->scored[i] = set->scored[i] || set->fold[i] == f;
  }
}

static cf_status check_counts(cf_context *ctx, const cf_fold_set *set) {
  for (size_t f = 0; f < set->folds; f++) {
    size_t scored = 0, train = 0;
    for (size_t i = 0; i < set->n; i++) {
      scored += set->fold[i] == f && set->scored[i];
      train += set->fold[i] != f;
    }
    if (scored < 2 || train < 2)
      return cf_fail(ctx, CF_ERR_INPUT,
                     "fold %zu of %zu has %zu test and %zu training samples, it needs at least 2 of each; take fewer "
                     "folds or trim less",
                     f, set->folds, scored, train);
  }
  return CF_OK;
}

cf_status cf_inner_folds(cf_context *ctx, size_t n, const size_t *rows, const size_t *run, size_t k,
                         const size_t *group, size_t trim, cf_fold_set **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_fold_set *set = NULL;
  size_t *code, codes = 0;
  *out = NULL;
  if (k > 0 && !group && (k < 2 || k > n))
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "%zu fold%s of %zu samples: there are at least 2 and no more than samples", k,
                   k == 1 ? "" : "s", n));
  CF_TRY(CF_ALLOC(ctx, &set, 1));
  set->n = n;
  CF_TRY(CF_ALLOC(ctx, &set->fold, n));
  CF_TRY(CF_ALLOC(ctx, &set->scored, n));
  if (k > 0 && !group) {
    set->folds = k;
    for (size_t f = 0, at = 0; f < k; f++)
      for (size_t i = 0; i < n / k + (f < n % k); i++) set->fold[at++] = f;
  } else { /* codes that occur, counted anew in their order */
    const size_t *source = group ? group : run;
    for (size_t i = 0; i < n && source; i++) codes = CF_MAX(codes, source[rows ? rows[i] : i] + 1);
    CF_TRY(CF_SCRATCH(ctx, &code, codes + 1));
    memset(code, 0, (codes + 1) * sizeof *code);
    for (size_t i = 0; i < n && source; i++) code[source[rows ? rows[i] : i]] = 1;
    for (size_t c = 0; c < codes; c++)
      if (code[c]) code[c] = ++set->folds;
    for (size_t i = 0; i < n && source; i++) set->fold[i] = code[source[rows ? rows[i] : i]] - 1;
    if (set->folds < 2)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "cross-validation needs at least two %s", group ? "folds" : "runs"));
  }
  trim_blocks(n, rows, run, trim, set);
  if (trim == CF_TRIM_AUTO) keep_short_folds(set);
  CF_TRY(check_counts(ctx, set));
  *out = set;
  set = NULL;
done:
  cf_fold_set_free(set);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_voxel_folds(cf_context *ctx, size_t n, const size_t *run, size_t k, const size_t *labels, size_t trim,
                         cf_fold_set **out) {
  return cf_inner_folds(ctx, n, NULL, run, k, labels, trim, out);
}

cf_status cf_fold_lists(cf_context *ctx, const cf_fold_set *set, size_t fold, cf_sample_list *train,
                        cf_sample_list *test) {
  cf_status status = CF_OK;
  *train = *test = (cf_sample_list){0, NULL};
  CF_TRY(CF_SCRATCH(ctx, &train->row, set->n));
  CF_TRY(CF_SCRATCH(ctx, &test->row, set->n));
  for (size_t i = 0; i < set->n; i++) {
    if (set->fold[i] != fold)
      train->row[train->count++] = i;
    else if (set->scored[i])
      test->row[test->count++] = i;
  }
done:
  return status;
}
