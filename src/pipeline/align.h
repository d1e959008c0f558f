/* What the files of `cortifold align` share. */
#ifndef CF_PIPELINE_ALIGN_H
#define CF_PIPELINE_ALIGN_H
#include "base/internal.h"
#include <cortifold/io.h>
#include <cortifold/pipeline.h>
#include <cortifold/voxelwise.h>

typedef struct cf_encoder_job {
  const cf_options *options;
  cf_result *result;
  const char *feature_address, *target_address;
  cf_blocks features, targets;
  size_t *order;      /* rows of the features in the order of the targets; NULL: as they are */
  const char *paired; /* "position" or the name of the labels */
  size_t *run, runs;  /* NULL, 0: no runs given */
  cf_array *names;    /* of targets; NULL: none */
  const char *names_axis;
  cf_array *bands;          /* labels of the bands */
  double *alphas, *ceiling; /* ceiling: one a target, NULL: none */
  int *delays;
  size_t *band;
  cf_fold_set *folds;
  cf_voxel_options o;
  cf_voxel_result *e;
} cf_encoder_job;

/* job->o from job->options; numbers lie in scratch. */
cf_status cf_encoder_options(cf_context *ctx, cf_encoder_job *job);
/* Reads what the options name; every input is noted in the result. */
cf_status cf_encoder_load(cf_context *ctx, cf_encoder_job *job);
void cf_encoder_free(cf_encoder_job *job);
/* Numbers, arrays, warnings and a few lines of text. */
cf_status cf_encoder_results(cf_context *ctx, cf_encoder_job *job);

/* "1,10,100" or LOW:HIGH:COUNT, evenly in their logarithm; positive numbers unless zero is allowed. Scratch. */
cf_status cf_encoder_numbers(cf_context *ctx, const cf_options *options, const char *name, bool zero, size_t *count,
                             double **out);
#endif
