/* What `cortifold align` reads: matrices in blocks, and labels of samples, runs, folds, bands and targets. */
#include "pipeline/align.h"
#include "pipeline/load.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void cf_encoder_free(cf_encoder_job *job) {
  cf_blocks_close(&job->features);
  cf_blocks_close(&job->targets);
  cf_array_free(job->names);
  cf_array_free(job->bands);
  cf_fold_set_free(job->folds);
  cf_voxel_result_free(job->e);
}

/* ------------------------------------------------------------------ pairing -- */

/* A member of both files that labels their samples; NULL for both: none. */
static cf_status sample_labels(cf_context *ctx, const cf_encoder_job *job, cf_array **x, cf_array **y,
                               const char **name) {
  static const char *const members[] = {"stimulus", "condition", "time"};
  cf_status status = CF_OK;
  for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
    CF_TRY(cf_io_read_sibling(ctx, job->feature_address, members[i], x));
    CF_TRY(cf_io_read_sibling(ctx, job->target_address, members[i], y));
    *name = members[i];
    if (*x && *y && cf_array_count(*x) == job->features.rows && cf_array_count(*y) == job->targets.rows) return CF_OK;
    cf_array_free(*x);
    cf_array_free(*y);
    *x = *y = NULL;
  }
done:
  return status;
}

/* Rows of the features, one by one where their order differs. */
typedef struct ordered {
  cf_blocks inner;
  const size_t *order;
} ordered;

static cf_status read_ordered(cf_context *ctx, void *payload, size_t row, size_t rows, size_t col, size_t cols,
                              double *out) {
  const ordered *o = payload;
  for (size_t i = 0; i < rows; i++) {
    const cf_status status = o->inner.read(ctx, o->inner.payload, o->order[row + i], 1, col, cols, out + i * cols);
    if (status != CF_OK) return status;
  }
  return CF_OK;
}

static void close_ordered(void *payload) {
  ordered *o = payload;
  cf_blocks_close(&o->inner);
  cf_free(o);
}

static cf_status pair_samples(cf_context *ctx, cf_encoder_job *job) {
  cf_status status = CF_OK;
  cf_array *x = NULL, *y = NULL;
  ordered *o = NULL;
  bool same = true;
  job->paired = "position";
  CF_TRY(sample_labels(ctx, job, &x, &y, &job->paired));
  if (!x) {
    job->paired = "position";
    if (job->features.rows != job->targets.rows)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s has %zu samples and %s has %zu; without labels they are paired by position",
                     job->feature_address, job->features.rows, job->target_address, job->targets.rows));
    goto done;
  }
  CF_TRY(CF_SCRATCH(ctx, &job->order, job->targets.rows + 1));
  status = cf_labels_match(ctx, y, x, job->order);
  if (status != CF_OK) {
    status = cf_explain(ctx, status, "%s and %s, labels %s", job->target_address, job->feature_address, job->paired);
    goto done;
  }
  for (size_t i = 0; i < job->targets.rows; i++) same = same && job->order[i] == i;
  if (same && job->features.rows == job->targets.rows) goto done;
  CF_TRY(CF_ALLOC(ctx, &o, 1));
  *o = (ordered){job->features, job->order};
  job->features = (cf_blocks){job->targets.rows, o->inner.cols, o->inner.name, o, read_ordered, close_ordered, false};
done:
  cf_array_free(x);
  cf_array_free(y);
  return status;
}

/* ------------------------------------------------------------------- labels -- */

static cf_status read_codes(cf_context *ctx, const cf_encoder_job *job, const char *option, const char *address,
                            size_t n, size_t **code, size_t *groups, cf_array **names) {
  cf_status status = CF_OK;
  cf_array *labels = NULL;
  char name[32] = "--";
  strncat(name, option, sizeof name - 3);
  CF_TRY(cf_load_labels(ctx, address, name, n, job->result, &labels));
  CF_TRY(CF_SCRATCH(ctx, code, n + 1));
  CF_TRY(cf_labels_group(ctx, labels, *code, groups, names));
done:
  cf_array_free(labels);
  return status;
}

static bool is_number(const char *text) {
  struct stat info;
  return text[strspn(text, "0123456789")] == 0 && strlen(text) < 10 && stat(text, &info) != 0;
}

static cf_status make_folds(cf_context *ctx, cf_encoder_job *job) {
  cf_status status = CF_OK;
  const char *folds = cf_options_text(job->options, "folds"), *runs = cf_options_text(job->options, "runs");
  const size_t n = job->targets.rows;
  size_t *code = NULL, groups, k = job->run ? 0 : 5;
  if (folds && is_number(folds)) {
    k = (size_t)strtoul(folds, NULL, 10);
    if (k < 2) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--folds %s: cross-validation needs at least 2", folds));
  } else if (folds) {
    CF_TRY(read_codes(ctx, job, "folds", folds, n, &code, &groups, NULL));
    if (groups < 2) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: all samples are in one fold, at least 2 are needed", folds));
  } else if (job->run && job->runs < 2) {
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: there is one run, leaving it out leaves nothing; give --folds", runs));
  }
  status = cf_voxel_folds(ctx, n, job->run, k, code, job->o.trim, &job->folds);
  if (status != CF_OK) status = cf_explain(ctx, status, "%s", job->target_address);
done:
  return status;
}

/* Names of the targets: a member beside them, or the columns of a table. */
static cf_status read_names(cf_context *ctx, cf_encoder_job *job) {
  static const char *const members[] = {"roi", "target", "voxel", "neuron", "channel", "unit"};
  cf_status status = CF_OK;
  char *path = NULL, *member = NULL;
  cf_io_listing *list = NULL;
  cf_array *table = NULL;
  job->names_axis = "target";
  for (size_t i = 0; i < sizeof members / sizeof *members && !job->names; i++) {
    CF_TRY(cf_io_read_sibling(ctx, job->target_address, members[i], &job->names));
    if (job->names && cf_array_count(job->names) == job->targets.cols && job->names->ndim == 1) {
      job->names_axis = members[i];
    } else {
      cf_array_free(job->names);
      job->names = NULL;
    }
  }
  CF_TRY(cf_io_split(ctx, job->target_address, &path, &member));
  CF_TRY(cf_io_list(ctx, path, &list));
  const bool text = strcmp(list->format, "tsv") == 0 || strcmp(list->format, "csv") == 0;
  if (job->names || !text || (member && *member)) goto done;
  CF_TRY(cf_io_read(ctx, job->target_address, NULL, &table));
  if (table->ndim == 2 && table->coordinate[1]) CF_TRY(cf_array_copy(ctx, table->coordinate[1], &job->names));
done:
  cf_array_free(table);
  cf_io_listing_free(list);
  cf_free(path);
  cf_free(member);
  return status;
}

static cf_status read_ceiling(cf_context *ctx, cf_encoder_job *job) {
  cf_status status = CF_OK;
  const char *address = cf_options_text(job->options, "ceiling");
  cf_array *a = NULL;
  if (!address) goto done;
  CF_TRY(cf_io_read(ctx, address, "ceiling", &a));
  CF_TRY(cf_result_input(ctx, job->result, address));
  CF_TRY(cf_array_to_doubles(ctx, a));
  if (cf_array_count(a) != job->targets.cols)
    CF_TRY(
        cf_fail(ctx, CF_ERR_INPUT, "%s: %zu ceilings for %zu targets", address, cf_array_count(a), job->targets.cols));
  CF_TRY(CF_SCRATCH(ctx, &job->ceiling, job->targets.cols + 1));
  memcpy(job->ceiling, a->data, job->targets.cols * sizeof *job->ceiling);
done:
  cf_array_free(a);
  return status;
}

static cf_status open_matrix(cf_context *ctx, cf_encoder_job *job, const char *address, const char *preferred,
                             cf_blocks *out) {
  cf_status status = CF_OK;
  CF_TRY(cf_io_open_blocks(ctx, address, preferred, out));
  CF_TRY(cf_result_input(ctx, job->result, address));
  if (out->cols == 0 || out->rows < 4)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %zu samples of %zu columns; at least 4 samples and one column are needed",
                   address, out->rows, out->cols));
done:
  return status;
}

cf_status cf_encoder_load(cf_context *ctx, cf_encoder_job *job) {
  cf_status status = CF_OK;
  const char *runs = cf_options_text(job->options, "runs"), *bands = cf_options_text(job->options, "bands");
  CF_TRY(open_matrix(ctx, job, job->feature_address, "features", &job->features));
  CF_TRY(open_matrix(ctx, job, job->target_address, "series|targets|responses", &job->targets));
  CF_TRY(pair_samples(ctx, job));
  if (runs) {
    CF_TRY(read_codes(ctx, job, "runs", runs, job->targets.rows, &job->run, &job->runs, NULL));
    CF_TRY(cf_runs_check(ctx, job->targets.rows, job->run, runs));
  }
  if (bands) {
    CF_TRY(read_codes(ctx, job, "bands", bands, job->features.cols, &job->band, &job->o.bands, &job->bands));
    job->o.band = job->band;
  }
  CF_TRY(make_folds(ctx, job));
  CF_TRY(read_names(ctx, job));
  CF_TRY(read_ceiling(ctx, job));
done:
  return status;
}
