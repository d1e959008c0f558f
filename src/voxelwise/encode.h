/* What the files of cross-validated encoding share. */
#ifndef CF_VOXELWISE_ENCODE_H
#define CF_VOXELWISE_ENCODE_H
#include "voxelwise/internal.h"

/* Targets in blocks of whole tiles, prepared (trend, z-scores) and with NaN columns at 0; the last block stays. */
typedef struct cf_target_source {
  const cf_blocks *blocks;
  const size_t *run;
  const cf_voxel_options *o;
  uint8_t *state; /* targets: filled when a block is first read */
  size_t n, t, width, from, cols;
  bool filled;
  double *y; /* n x cols of the block at hand */
} cf_target_source;
cf_status cf_target_source_open(cf_context *ctx, const cf_blocks *blocks, const size_t *run, const cf_voxel_options *o,
                                uint8_t *state, cf_target_source *out);
void cf_target_source_close(cf_target_source *source);
/* Columns from, from + 1, ... : cols of them come into y. */
cf_status cf_target_source_read(cf_context *ctx, cf_target_source *source, size_t from);

/* Features of a fold: one design a band, each scaled by the statistics of the training samples. */
typedef struct cf_feature_source {
  const cf_blocks *blocks;
  const size_t *run;
  const cf_voxel_options *o;
  size_t n, p, delays, bands;
  const int *delay;
  bool kernel; /* else one band, and its design holds the delayed features themselves */
} cf_feature_source;
cf_status cf_feature_source_open(cf_context *ctx, const cf_blocks *blocks, const size_t *run, const cf_voxel_options *o,
                                 size_t folds, cf_feature_source *out);
/* Designs (bands of them) in scratch; constant: how many features do not vary among the training samples. */
cf_status cf_feature_designs(cf_context *ctx, const cf_feature_source *source, const cf_sample_list *train,
                             cf_design *out, size_t *constant);

/* The whole job. */
typedef struct cf_voxel_encode_job {
  const cf_voxel_options *o;
  const cf_fold_set *folds;
  cf_candidates candidates;
  cf_feature_source features;
  cf_target_source targets;
  cf_sample_list *train, *test; /* folds */
  cf_split *split;              /* folds; unused with bands */
  size_t *choice;               /* folds x targets */
  double *prediction;           /* n x targets, NULL unless kept */
  double *gamma;                /* draws x bands */
  size_t *chosen_gamma;         /* targets, of the fold at hand */
  size_t *constant;             /* held: folds: features that do not vary among the training samples */
  cf_voxel_result *e;
} cf_voxel_encode_job;

/* Chooses penalties (and bands) of one fold for all targets and keeps what predicts its test samples. */
cf_status cf_voxel_encode_fold(cf_context *ctx, cf_voxel_encode_job *job, size_t fold);
/* Everything of one fold with targets held whole, its predictions too; folds may run side by side. */
cf_status cf_voxel_encode_held(cf_context *ctx, cf_voxel_encode_job *job, size_t fold);
/* The same with bands: all draws are tried, predictions and split scores are kept. */
cf_status cf_voxel_encode_banded(cf_context *ctx, cf_voxel_encode_job *job, size_t fold);
/* Scores of all targets over all folds. */
cf_status cf_voxel_encode_scores(cf_context *ctx, cf_voxel_encode_job *job);

/* Inner folds among the training samples of a fold. */
cf_status cf_voxel_encode_inner(cf_context *ctx, const cf_voxel_encode_job *job, const cf_sample_list *train,
                                cf_fold_set **out);

/* Training rows of w columns of the block at hand, less their means (which go to mean, w). */
void cf_voxel_encode_center(const cf_voxel_encode_job *job, const cf_sample_list *train, size_t at, size_t w,
                            double *out, double *mean);

/* What chance and resampling say about w targets: `measured` and `predicted` hold the test samples of all folds one
 * after the other (sum of tests x w). */
cf_status cf_voxel_encode_chance(cf_context *ctx, const cf_voxel_encode_job *job, size_t first, size_t w,
                                 const double *measured, const double *predicted);
#endif
