/* From labels to cells: which rows make the pattern of a condition in a fold. */
#include <stdint.h>
#include <string.h>

#include "base/internal.h"
#include "geometry/rdm_internal.h"

static cf_status take(cf_context *ctx, rdm_design *d) {
  cf_status status;
  CF_TRY(CF_SCRATCH(ctx, &d->cond, d->n));
  CF_TRY(CF_SCRATCH(ctx, &d->fold, d->n));
  CF_TRY(CF_SCRATCH(ctx, &d->row, d->n));
done:
  return status;
}

/* Cells from cond and fold: counts, row lists and the two flags. */
static cf_status make_cells(cf_context *ctx, rdm_design *d) {
  cf_status status;
  size_t cells;
  CF_TRY(cf_size_mul(ctx, d->F, d->K, &cells));
  CF_TRY(CF_SCRATCH(ctx, &d->start, cells + 1));
  CF_TRY(CF_SCRATCH(ctx, &d->count, cells));
  CF_TRY(CF_SCRATCH(ctx, &d->total, d->K));
  memset(d->start, 0, (cells + 1) * sizeof *d->start);
  memset(d->total, 0, d->K * sizeof *d->total);
  for (size_t i = 0; i < d->n; i++) {
    if (d->cond[i] != RDM_DROPPED) d->start[d->fold[i] * d->K + d->cond[i] + 1]++;
  }
  d->whole = d->proportional = true;
  for (size_t c = 0; c < cells; c++) {
    d->count[c] = (double)d->start[c + 1];
    d->total[c % d->K] += d->count[c];
    if (d->start[c + 1] == 0) d->whole = d->proportional = false;
    d->start[c + 1] += d->start[c];
  }
  for (size_t f = 0; f < d->F && d->proportional; f++) {
    for (size_t k = 0; k < d->K; k++) {
      if (d->count[f * d->K + k] * d->count[0] != d->count[k] * d->count[f * d->K]) d->proportional = false;
    }
  }
  /* counting sort; start is shifted back afterwards */
  for (size_t i = 0; i < d->n; i++) {
    if (d->cond[i] != RDM_DROPPED) d->row[d->start[d->fold[i] * d->K + d->cond[i]]++] = i;
  }
  memmove(d->start + 1, d->start, cells * sizeof *d->start);
  d->start[0] = 0;
done:
  return status;
}

static cf_status check_length(cf_context *ctx, const cf_array *labels, size_t rows, const char *what) {
  if (labels->ndim == 1 && labels->shape[0] == rows) return CF_OK;
  return cf_fail(ctx, CF_ERR_INPUT, "%s: one label for each of %zu rows is needed, there are %zu",
                 labels->source ? labels->source : what, rows, cf_array_count(labels));
}

/* Leaves out the conditions that are marked and renumbers the rest. */
static cf_status drop_marked(cf_context *ctx, rdm_design *d, const bool *drop, cf_array **labels) {
  cf_status status;
  cf_array *kept = NULL;
  size_t *index = NULL, keep = 0;
  CF_TRY(CF_SCRATCH(ctx, &index, d->K));
  for (size_t k = 0; k < d->K; k++) index[k] = drop[k] ? RDM_DROPPED : keep++;
  for (size_t i = 0; i < d->n; i++) {
    if (d->cond[i] != RDM_DROPPED) d->cond[i] = index[d->cond[i]];
  }
  size_t size = (*labels)->dtype == CF_TEXT ? 0 : cf_dtype_size((*labels)->dtype);
  if (size) {
    CF_TRY(cf_array_new(ctx, "condition", (*labels)->dtype, 1, &keep, &kept));
    for (size_t k = 0; k < d->K; k++) {
      if (!drop[k]) memcpy((char *)kept->data + index[k] * size, (const char *)(*labels)->data + k * size, size);
    }
  } else {
    const char **text = NULL;
    CF_TRY(CF_SCRATCH(ctx, &text, d->K));
    for (size_t k = 0; k < d->K; k++) {
      if (!drop[k]) text[index[k]] = ((char **)(*labels)->data)[k];
    }
    CF_TRY(cf_array_from_texts(ctx, "condition", keep, text, &kept));
  }
  d->K = keep;
  cf_array_free(*labels);
  *labels = kept;
done:
  return status;
}

cf_status rdm_design_make(cf_context *ctx, size_t rows, const cf_rdm_options *options, bool folds,
                          const bool *drop_condition, rdm_design *out, cf_array **labels) {
  cf_status status;
  rdm_design d = {.n = rows, .K = rows, .F = 1};
  *labels = NULL;
  CF_TRY(take(ctx, &d));
  if (options->conditions) {
    CF_TRY(check_length(ctx, options->conditions, rows, "conditions"));
    CF_TRY(cf_labels_group(ctx, options->conditions, d.cond, &d.K, labels));
  } else {
    CF_TRY(cf_array_new(ctx, "condition", CF_I64, 1, &rows, labels));
    for (size_t i = 0; i < rows; i++) {
      d.cond[i] = i;
      ((int64_t *)(*labels)->data)[i] = (int64_t)i;
    }
  }
  if (folds) {
    CF_TRY(check_length(ctx, options->folds, rows, "folds"));
    CF_TRY(cf_labels_group(ctx, options->folds, d.fold, &d.F, NULL));
  } else {
    memset(d.fold, 0, rows * sizeof *d.fold);
  }
  if (drop_condition) CF_TRY(drop_marked(ctx, &d, drop_condition, labels));
  CF_TRY(make_cells(ctx, &d));
  *out = d;
done:
  if (status != CF_OK) {
    cf_array_free(*labels);
    *labels = NULL;
  }
  return status;
}

cf_status rdm_design_rows(cf_context *ctx, const rdm_design *of, rdm_design *out) {
  cf_status status;
  rdm_design d = {.n = of->n, .K = 0, .F = 1};
  CF_TRY(take(ctx, &d));
  memset(d.fold, 0, d.n * sizeof *d.fold);
  for (size_t i = 0; i < d.n; i++) d.cond[i] = of->cond[i] == RDM_DROPPED ? RDM_DROPPED : d.K++;
  CF_TRY(make_cells(ctx, &d));
  *out = d;
done:
  return status;
}
