/* The scores of all candidates over folds: what depends on features is made once, in parallel over folds, what depends
 * on targets tile by tile. */
#include "voxelwise/internal.h"

#include <math.h>
#include <string.h>

typedef struct making {
  const cf_design *design;
  const size_t *rows;
  size_t targets;
  cf_selector *selector;
} making;

static cf_status make_bank(cf_context *worker, size_t fold, void *payload) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(worker);
  const making *job = payload;
  const cf_selector *s = job->selector;
  const cf_sample_list *a = &s->train[fold], *b = &s->test[fold];
  cf_split split = {0};
  size_t *train, *test;
  CF_TRY(CF_SCRATCH(worker, &train, a->count));
  CF_TRY(CF_SCRATCH(worker, &test, b->count));
  for (size_t i = 0; i < a->count; i++) train[i] = job->rows ? job->rows[a->row[i]] : a->row[i];
  for (size_t i = 0; i < b->count; i++) test[i] = job->rows ? job->rows[b->row[i]] : b->row[i];
  CF_TRY(cf_split_make(worker, job->design, a->count, train, b->count, test, &split));
  CF_TRY(cf_bank_make(worker, &split, s->candidates, s->single, job->targets, &s->bank[fold]));
done:
  cf_split_free(&split);
  cf_scratch_release(worker, mark);
  return status;
}

static cf_status keep_list(cf_context *ctx, const cf_sample_list *from, cf_sample_list *to) {
  cf_status status = CF_ALLOC(ctx, &to->row, CF_MAX(from->count, (size_t)1));
  if (status != CF_OK) return status;
  to->count = from->count;
  memcpy(to->row, from->row, from->count * sizeof *to->row);
  return CF_OK;
}

static bool choose_precision(const cf_selector *s, size_t targets) {
  double work = 0;
  if (s->options->precision != CF_PRECISION_AUTO) return s->options->precision == CF_PRECISION_SINGLE;
  for (size_t f = 0; f < s->folds; f++)
    work += 2 * (double)s->train[f].count * (double)s->test[f].count * (double)s->candidates->count * (double)targets;
  return work > 1e11;
}

/* Each thread holds five squares of the training samples (or features) while it makes a bank. */
static bool fits_in_parallel(cf_context *ctx, const cf_design *design, const cf_selector *s) {
  const double side = (double)(design->q ? design->q : design->n), threads = (double)cf_context_threads(ctx);
  return fmin(threads, (double)s->folds) * 40 * side * side < 0.5 * (double)cf_context_memory(ctx);
}

cf_status cf_selector_make(cf_context *ctx, const cf_design *design, const size_t *rows, const cf_fold_set *folds,
                           const cf_candidates *candidates, const cf_ridge_options *options, size_t targets,
                           cf_selector *out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_sample_list train, test;
  *out = (cf_selector){.candidates = candidates, .options = options, .n = folds->n, .folds = folds->folds};
  CF_TRY(CF_ALLOC(ctx, &out->train, out->folds));
  CF_TRY(CF_ALLOC(ctx, &out->test, out->folds));
  CF_TRY(CF_ALLOC(ctx, &out->bank, out->folds));
  for (size_t f = 0; f < out->folds; f++) {
    CF_TRY(cf_fold_lists(ctx, folds, f, &train, &test));
    CF_TRY(keep_list(ctx, &train, &out->train[f]));
    CF_TRY(keep_list(ctx, &test, &out->test[f]));
  }
  out->single = choose_precision(out, targets);
  making job = {design, rows, targets, out};
  if (fits_in_parallel(ctx, design, out)) {
    CF_TRY(cf_parallel_for(ctx, out->folds, make_bank, &job));
  } else {
    for (size_t f = 0; f < out->folds; f++) CF_TRY(make_bank(ctx, f, &job));
  }
done:
  if (status != CF_OK) cf_selector_free(out);
  cf_scratch_release(ctx, mark);
  return status;
}

void cf_selector_free(cf_selector *s) {
  for (size_t f = 0; f < s->folds; f++) {
    if (s->train) cf_free(s->train[f].row);
    if (s->test) cf_free(s->test[f].row);
    if (s->bank) cf_bank_free(&s->bank[f]);
  }
  cf_free(s->train);
  cf_free(s->test);
  cf_free(s->bank);
  *s = (cf_selector){0};
}

cf_status cf_selector_score(cf_context *ctx, const cf_selector *s, size_t w, const double *y, double *score) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *train, *test;
  CF_TRY(CF_SCRATCH(ctx, &train, s->n * w));
  CF_TRY(CF_SCRATCH(ctx, &test, s->n * w));
  for (size_t f = 0; f < s->folds; f++) {
    cf_take_rows(s->train[f].count, s->train[f].row, w, y, w, train);
    cf_take_rows(s->test[f].count, s->test[f].row, w, y, w, test);
    const cf_bank_test measured = {.samples = s->test[f].count, .z = test};
    CF_TRY(
        cf_bank_score(ctx, &s->bank[f], s->options->score, w, train, &measured, score + f * s->candidates->count * w));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}
