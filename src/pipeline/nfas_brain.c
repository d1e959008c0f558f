/* The brain of `cortifold nfas`: series of regions and what goes with them, groups of models, a planted truth. Labels
 * pair where both sides have some, regions as well as models; else position does. */
#include "pipeline/nfas.h"

#include <cortifold/io.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "pipeline/load.h"

const char *nfas_region(const nfas_job *j, size_t roi, char *buffer, size_t size) {
  if (j->roi_name) return cf_array_label(j->roi_name, roi, buffer, size);
  snprintf(buffer, size, "region %zu", roi);
  return buffer;
}

/* Messages name the address that an array came from. */
static cf_status set_source(cf_context *ctx, cf_array *array, const char *address) {
  cf_free(array->source);
  array->source = NULL;
  return cf_strdup(ctx, address, &array->source);
}

/* ------------------------------------------------------------------ pairing -- */

/* Names of n entries that stand beside them: along the axis itself, or in a column or member `word`. *out may stay
 * NULL. */
static cf_status names_beside(cf_context *ctx, const char *address, const cf_array *along, const char *word, size_t n,
                              cf_array **out) {
  cf_status status = CF_OK;
  cf_array *found = NULL;
  if (along)
    CF_TRY(cf_array_copy(ctx, along, &found));
  else
    CF_TRY(cf_io_read_sibling(ctx, address, word, &found));
  if (!found || found->ndim != 1 || found->shape[0] != n) goto done;
  CF_TRY(set_source(ctx, found, address));
  *out = found;
  found = NULL;
done:
  cf_array_free(found);
  return status;
}

/* Where each of n entries stands in another file: by label where both have text, or both numbers; else in order. word:
 * "roi" or "model". *at lives in scratch. */
static cf_status pair(cf_context *ctx, const char *address, const char *word, const cf_array *ours,
                      const cf_array *along, size_t n, size_t **at) {
  cf_status status = CF_OK;
  cf_array *theirs = NULL;
  CF_TRY(CF_SCRATCH(ctx, at, n));
  for (size_t i = 0; i < n; i++) (*at)[i] = i;
  if (!ours) goto done;
  CF_TRY(names_beside(ctx, address, along, word, n, &theirs));
  if (!theirs || (ours->dtype == CF_TEXT) != (theirs->dtype == CF_TEXT)) goto done;
  status = cf_labels_match(ctx, ours, theirs, *at);
  if (status != CF_OK) status = cf_explain(ctx, status, "each %s is paired by its name", word);
done:
  cf_array_free(theirs);
  return status;
}

/* ------------------------------------------------------------------- series -- */

/* Regions that nothing can align with, told once a kind with the first of them. */
static cf_status check_regions(cf_context *ctx, const nfas_job *j) {
  const double *x = j->measured->data;
  size_t broken = 0, constant = 0, first_broken = 0, first_constant = 0, sample = 0;
  char word[128];
  for (size_t r = j->rois; r-- > 0;) {
    size_t bad = j->times;
    bool varies = false;
    for (size_t t = j->times; t-- > 0;) {
      if (!isfinite(x[t * j->rois + r])) bad = t;
      varies = varies || x[t * j->rois + r] != x[r];
    }
    if (bad < j->times)
      broken++, first_broken = r, sample = bad;
    else if (!varies)
      constant++, first_constant = r;
  }
  if (broken + constant == j->rois)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: all %zu regions are constant or have NaN; nothing can align with them",
                   j->series, j->rois);
  if (broken)
    cf_warn(ctx,
            "%s: %zu of %zu regions have NaN or infinity and no alignment; the first is %s, at [%zu, %zu]. Fill the "
            "gaps or leave the regions out",
            j->series, broken, j->rois, nfas_region(j, first_broken, word, sizeof word), sample, first_broken);
  if (constant)
    cf_warn(ctx,
            "%s: %zu of %zu regions are constant and their alignment is 0; the first is %s, column %zu. Leave them out",
            j->series, constant, j->rois, nfas_region(j, first_constant, word, sizeof word), first_constant);
  return CF_OK;
}

static cf_status load_series(cf_context *ctx, nfas_job *j) {
  cf_status status = CF_OK;
  const char *address = cf_options_text(j->own, "series"), *runs = cf_options_text(j->own, "runs");
  cf_array *labels = NULL;
  if (!address) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "no regions' series: --series F, or brain: {series: F}"));
  CF_TRY(cf_strdup(ctx, address, &j->series));
  CF_TRY(cf_io_read(ctx, address, "series|targets|responses", &j->measured));
  CF_TRY(cf_result_input(ctx, j->result, address));
  CF_TRY(cf_array_to_doubles(ctx, j->measured));
  const cf_array *a = j->measured;
  if (a->ndim != 2 || a->shape[1] == 0 || a->shape[0] < 4)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: series are (sample, region), at least four samples", address));
  j->times = a->shape[0];
  j->rois = a->shape[1];
  if (a->coordinate[1]) {
    CF_TRY(cf_array_copy(ctx, a->coordinate[1], &j->roi_name));
    CF_TRY(set_source(ctx, j->roi_name, address));
  }
  CF_TRY(check_regions(ctx, j));
  if (!runs) goto done;
  CF_TRY(cf_load_labels(ctx, runs, "--runs", j->times, j->result, &labels));
  CF_TRY(CF_ALLOC(ctx, &j->run, j->times));
  CF_TRY(cf_labels_group(ctx, labels, j->run, &j->runs, &j->run_name));
  CF_TRY(cf_runs_check(ctx, j->times, j->run, runs));
done:
  cf_array_free(labels);
  return status;
}

/* ------------------------------------------------------------ of the regions -- */

static cf_status load_ceiling(cf_context *ctx, nfas_job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const char *address = cf_options_text(j->own, "ceiling");
  cf_array *a = NULL;
  size_t *at, known = 0;
  char word[128];
  if (!address) return CF_OK;
  CF_TRY(cf_io_read(ctx, address, "ceiling", &a));
  CF_TRY(cf_result_input(ctx, j->result, address));
  CF_TRY(cf_array_to_doubles(ctx, a));
  if (a->ndim != 1 || a->shape[0] != j->rois)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                   "%s: %zu values, the series have %zu regions; --ceiling takes one for each region", address,
                   cf_array_count(a), j->rois));
  CF_TRY(pair(ctx, address, "roi", j->roi_name, a->coordinate[0], j->rois, &at));
  CF_TRY(CF_ALLOC(ctx, &j->ceiling, j->rois));
  for (size_t r = 0; r < j->rois; r++) {
    j->ceiling[r] = ((const double *)a->data)[at[r]];
    known += isfinite(j->ceiling[r]);
    if (j->ceiling[r] > 1.5)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: entry %zu (%s) is %g; a ceiling is a share of variance, at most 1",
                     address, at[r], nfas_region(j, r, word, sizeof word), j->ceiling[r]));
  }
  if (known == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: no region has a finite ceiling", address));
done:
  cf_array_free(a);
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status load_networks(cf_context *ctx, nfas_job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const char *address = cf_options_text(j->own, "networks");
  cf_array *labels = NULL;
  const char **text;
  char(*word)[128];
  size_t *at;
  if (!address) return CF_OK;
  CF_TRY(cf_load_labels(ctx, address, "--networks", j->rois, j->result, &labels));
  CF_TRY(pair(ctx, address, "roi", j->roi_name, labels->coordinate[0], j->rois, &at));
  CF_TRY(CF_SCRATCH(ctx, &text, j->rois));
  CF_TRY(CF_SCRATCH(ctx, &word, j->rois));
  for (size_t r = 0; r < j->rois; r++) text[r] = cf_array_label(labels, at[r], word[r], sizeof word[r]);
  CF_TRY(cf_array_from_texts(ctx, "network", j->rois, text, &j->network));
done:
  cf_array_free(labels);
  cf_scratch_release(ctx, mark);
  return status;
}

/* ------------------------------------------------------------- of the models -- */

/* --groups in the order of its labels when it has some, else of the models. */
static cf_status load_groups(cf_context *ctx, nfas_job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const char *address = cf_options_text(j->own, "groups");
  cf_array *labels = NULL;
  const char **text = NULL;
  size_t *at = NULL;
  char word[256];
  CF_TRY(CF_SCRATCH(ctx, &text, j->models));
  for (size_t m = 0; m < j->models; m++) text[m] = j->model[m].name;
  CF_TRY(cf_array_from_texts(ctx, "model", j->models, text, &j->model_name));
  CF_TRY(set_source(ctx, j->model_name, "the study"));
  if (address) {
    CF_TRY(cf_load_labels(ctx, address, "--groups", j->models, j->result, &labels));
    CF_TRY(pair(ctx, address, "model", j->model_name, labels->coordinate[0], j->models, &at));
    for (size_t m = 0; m < j->models; m++) {
      cf_free(j->model[m].group);
      j->model[m].group = NULL;
      CF_TRY(cf_strdup(ctx, cf_array_label(labels, at[m], word, sizeof word), &j->model[m].group));
    }
  }
  for (size_t m = 0; m < j->models; m++) {
    if (!j->model[m].group)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "model %s: which modality? give \"modality\" in the manifest, or --groups F",
                     j->model[m].name));
    text[m] = j->model[m].group;
  }
  CF_TRY(cf_array_from_texts(ctx, "group", j->models, text, &j->group_name));
done:
  cf_array_free(labels);
  cf_scratch_release(ctx, mark);
  return status;
}

/* Rows in the order of the models, columns in that of the regions. */
static cf_status load_truth(cf_context *ctx, nfas_job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const char *address = cf_options_text(j->own, "truth");
  cf_array *a = NULL;
  size_t *row = NULL, *column = NULL;
  if (!address) return CF_OK;
  CF_TRY(cf_strdup(ctx, address, &j->truth));
  CF_TRY(cf_io_read(ctx, address, "alignment|truth/alignment", &a));
  CF_TRY(cf_result_input(ctx, j->result, address));
  CF_TRY(cf_array_to_doubles(ctx, a));
  if (a->ndim != 2 || a->shape[0] != j->models || a->shape[1] != j->rois)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: an array of %d axes, %zu values; the truth is (model, region), %zu x %zu",
                   address, a->ndim, cf_array_count(a), j->models, j->rois));
  CF_TRY(pair(ctx, address, "model", j->model_name, a->coordinate[0], j->models, &row));
  CF_TRY(pair(ctx, address, "roi", j->roi_name, a->coordinate[1], j->rois, &column));
  CF_TRY(CF_ALLOC(ctx, &j->truth_values, j->models * j->rois));
  for (size_t m = 0; m < j->models; m++)
    for (size_t r = 0; r < j->rois; r++)
      j->truth_values[m * j->rois + r] = ((const double *)a->data)[row[m] * j->rois + column[r]];
done:
  cf_array_free(a);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status nfas_load_brain(cf_context *ctx, nfas_job *j) {
  cf_status status = CF_OK;
  CF_TRY(load_series(ctx, j));
  CF_TRY(load_groups(ctx, j));
  CF_TRY(load_ceiling(ctx, j));
  CF_TRY(load_truth(ctx, j));
  CF_TRY(load_networks(ctx, j));
done:
  return status;
}
