/* `cortifold regions`: brain images to series of regions or voxels. */
#include "pipeline/analyses.h"
#include "pipeline/cortex.h"
#include "pipeline/regions.h"

#include <cortifold/voxelwise.h>
#include <math.h>
#include <string.h>

static const cf_param params[] = {
    {"atlas", 'a', CF_PARAM_ADDRESS, "F", NULL, 0, 0, NULL,
     "Region of each voxel: whole numbers, 0 outside; each region's series is the mean of its voxels. Without it every "
     "voxel stays a column."},
    {"names", 0, CF_PARAM_ADDRESS, "F", NULL, 0, 0, NULL,
     "Table with columns index and name: names of the regions; without it those in the atlas's own table of labels (GIFTI, "
     "CIFTI-2), else the numbers."},
    {"mask", 'm', CF_PARAM_ADDRESS, "F", NULL, 0, 0, NULL, "Voxels that count: those that are not 0."},
    {"drop", 0, CF_PARAM_INTEGER, "K", "0", 0, 1e6, NULL, "Samples left out at the start of every run."},
    {"detrend", 0, CF_PARAM_CHOICE, "T", "linear", 0, 0, "none|constant|linear|quadratic|cubic|cosine",
     "Trend taken out of every series in every run; cosine: all slower than --cutoff, and the mean."},
    {"cutoff", 0, CF_PARAM_REAL, "S", "128", 1e-3, 1e9, NULL, "Period in seconds below which cosines are kept."},
    {"tr", 0, CF_PARAM_REAL, "S", NULL, 1e-3, 1e4, NULL,
     "Seconds between samples; what the image says when not given."},
    {"zscore", 'z', CF_PARAM_CHOICE, "Z", "run", 0, 0, "none|run",
     "Bring every run to mean 0 and standard deviation 1."},
    CF_NETWORKS_PARAM,
    CF_CORTEX_PARAMS,
    CF_PARAM_END,
};

static const char description[] =
    "Series (time, roi) or (time, voxel) from images of one or several runs, as `align` takes them. IMAGE is NIfTI "
    "(.nii, .nii.gz) with axes (x, y, z, time), a CIFTI-2 series or any matrix (time, voxel); one file a run, in order. "
    "Atlas and mask have the images' shape, and, where both files tell, their place in space: nothing is resampled. "
    "CIFTI-2 and GIFTI labels serve as atlases of series on the same places; of a file with several maps one is chosen "
    "(atlas.dlabel.nii:map1).\n\n"
    "Voxels that are constant or have NaN are left out and counted. A region's series is the mean of its voxels in the "
    "images' units; then the trend goes, then runs are z-scored. A region without voxels that count is NaN.\n\n"
    "Values: samples, runs, voxels, columns, constant_voxels, nan_voxels, empty, tr. Arrays: series (time, roi or voxel), "
    "run (time), voxels (of each region), roi or voxel (names), affine where the images have one.";

static const char examples[] =
    "cortifold regions run1.nii.gz run2.nii.gz --atlas schaefer400.nii.gz --names schaefer400.tsv -o rois.npz\n"
    "cortifold regions run*.nii.gz --mask cortex.nii.gz --detrend cosine --cutoff 100 -o voxels.h5\n"
    "cortifold align features.npy rois.npz:series --runs rois.npz:run --null shift -o scores.npz";

static void average(const cf_regions *r, double *series) {
  memset(series, 0, r->samples * r->columns * sizeof *series);
  for (size_t v = 0; v < r->voxels; v++) {
    if (!r->label[v]) continue;
    const size_t c = r->label[v] - 1;
    for (size_t t = 0; t < r->samples; t++) series[t * r->columns + c] += (double)r->x[v * r->samples + t];
  }
  for (size_t c = 0; c < r->columns; c++)
    for (size_t t = 0; t < r->samples; t++)
      series[t * r->columns + c] = r->size[c] ? series[t * r->columns + c] / (double)r->size[c] : NAN;
}

static cf_status clean(cf_context *ctx, const cf_options *options, const cf_regions *r, double *series) {
  static const char *const names[] = {"none", "constant", "linear", "quadratic", "cubic", "cosine"};
  cf_status status = CF_OK;
  const char *text = cf_options_text(options, "detrend");
  int kind = 0;
  while (strcmp(names[kind], text) != 0) kind++;
  const cf_detrend how = {kind == 5 ? 0 : kind - 1, kind == 5 ? cf_options_number(options, "cutoff") : 0, r->tr};
  if (kind == 5 && !(r->tr > 0))
    CF_TRY(
        cf_fail(ctx, CF_ERR_USAGE, "--detrend cosine needs --tr: the images do not tell the seconds between samples"));
  CF_TRY(cf_detrend_columns(ctx, r->samples, r->columns, series, r->columns, r->run, &how));
  if (strcmp(cf_options_text(options, "zscore"), "run") == 0)
    cf_zscore_columns(r->samples, r->columns, series, r->columns, r->run);
done:
  return status;
}

static cf_status put_arrays(cf_context *ctx, const cf_regions *r, const double *series, cf_result *result) {
  static const size_t four[] = {4, 4};
  cf_status status = CF_OK;
  const size_t shape[] = {r->samples, r->columns};
  cf_array *a = NULL;
  CF_TRY(cf_array_from_doubles(ctx, "series", 2, shape, series, &a));
  CF_TRY(cf_array_set_axis(ctx, a, 0, "sample", NULL));
  CF_TRY(cf_array_set_axis(ctx, a, 1, r->axis, r->names));
  status = cf_dataset_add(ctx, result->arrays, a);
  a = NULL;
  CF_TRY(status);
  CF_TRY(cf_array_new(ctx, "run", CF_I64, 1, &r->samples, &a));
  for (size_t t = 0; t < r->samples; t++) ((int64_t *)a->data)[t] = (int64_t)r->run[t];
  status = cf_dataset_add(ctx, result->arrays, a);
  a = NULL;
  CF_TRY(status);
  CF_TRY(cf_array_new(ctx, "voxels", CF_I64, 1, &r->columns, &a));
  for (size_t c = 0; c < r->columns; c++) ((int64_t *)a->data)[c] = (int64_t)r->size[c];
  CF_TRY(cf_array_set_axis(ctx, a, 0, r->axis, r->names));
  status = cf_dataset_add(ctx, result->arrays, a);
  a = NULL;
  CF_TRY(status);
  if (r->has_affine) CF_TRY(cf_dataset_put(ctx, result->arrays, "affine", 2, four, r->affine));
done:
  cf_array_free(a);
  return status;
}

static cf_status put_values(cf_context *ctx, const cf_regions *r, cf_result *result) {
  cf_status status = CF_OK;
  size_t empty = 0;
  for (size_t c = 0; c < r->columns; c++) empty += r->size[c] == 0;
  const struct {
    const char *name;
    double value;
  } each[] = {{"samples", (double)r->samples},
              {"runs", (double)r->runs},
              {"voxels", (double)r->voxels},
              {"columns", (double)r->columns},
              {"constant_voxels", (double)r->fixed},
              {"nan_voxels", (double)r->broken},
              {"empty", (double)empty},
              {"tr", r->tr}};
  for (size_t i = 0; i < sizeof each / sizeof *each; i++)
    if (!cf_json_set(result->values, each[i].name, cf_json_number(each[i].value)))
      CF_TRY(cf_fail(ctx, CF_ERR_MEMORY, "not enough memory for the result"));
  if (empty) cf_warn(ctx, "%zu of %zu regions have no voxel that varies; their series are NaN", empty, r->columns);
  if (r->broken) cf_warn(ctx, "%zu voxels have NaN or infinity and are left out", r->broken);
  CF_TRY(cf_result_say(ctx, result, "%zu %ss of %zu voxels (%zu constant), %zu samples in %zu run%s\n", r->columns,
                       r->axis, r->voxels, r->fixed, r->samples, r->runs, r->runs == 1 ? "" : "s"));
done:
  return status;
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  cf_status status = CF_OK;
  cf_regions r = {0};
  double *series = NULL;
  cf_dataset *cortex = NULL;
  if (cf_options_given(options, "names") && !cf_options_given(options, "atlas"))
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--names is for the regions of --atlas"));
  CF_TRY(cf_regions_load(ctx, options, result, &r));
  CF_TRY(cf_cortex_load(ctx, options, true, r.columns, r.names, result, &cortex));
  CF_TRY(CF_ALLOC(ctx, &series, r.samples * r.columns));
  average(&r, series);
  CF_TRY(clean(ctx, options, &r, series));
  CF_TRY(put_arrays(ctx, &r, series, result));
  CF_TRY(put_values(ctx, &r, result));
  CF_TRY(cf_cortex_put(ctx, cortex, result));
done:
  cf_dataset_free(cortex);
  cf_free(series);
  cf_regions_free(&r);
  return status;
}

const cf_analysis cf_analysis_regions = {
    .name = "regions",
    .group = "Encoding models",
    .summary = "Brain images to series of regions or voxels",
    .arguments = "IMAGE...",
    .least = 1,
    .most = -1,
    .description = description,
    .examples = examples,
    .params = params,
    .run = run,
};
