/* What the files of `cortifold regions` share. */
#ifndef CF_PIPELINE_REGIONS_H
#define CF_PIPELINE_REGIONS_H
#include "base/internal.h"
#include <cortifold/io.h>
#include <cortifold/pipeline.h>

/* Images of all runs, one after the other in time. */
typedef struct cf_regions {
  size_t voxels, samples, runs;
  int ndim; /* of space: 3 for images, 1 for matrices (time, voxel) */
  size_t space[3];
  double tr, affine[16]; /* tr NaN, has_affine false: the files do not tell */
  bool has_affine;
  float *x;      /* voxels x samples */
  size_t *run;   /* samples */
  size_t *label; /* voxels: column of the result + 1, 0: none */
  size_t columns;
  cf_array *names;      /* columns labels */
  const char *axis;     /* "roi" or "voxel" */
  size_t *size;         /* columns: voxels that count */
  size_t fixed, broken; /* voxels that are constant, or have NaN */
} cf_regions;

cf_status cf_regions_load(cf_context *ctx, const cf_options *options, cf_result *result, cf_regions *out);
void cf_regions_free(cf_regions *r);
#endif
