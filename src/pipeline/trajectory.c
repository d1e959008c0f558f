/* Responses for decoding and trajectories. */
#include "pipeline/trajectory.h"
#include "pipeline/systems.h"

#include <cortifold/trajectory.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/internal.h"

/* Time labels of m bins over the span of n: bin j of m begins where j n / m of the old ones do. */
static cf_status stretch_labels(cf_context *ctx, cf_responses *r, size_t m) {
  cf_status status = CF_OK;
  cf_array *label = NULL;
  if (isfinite(r->step)) {
    const double first = cf_array_number(r->time, 0), step = r->step * (double)r->times / (double)m;
    CF_TRY(cf_array_new(ctx, "time", CF_F64, 1, &m, &label));
    for (size_t t = 0; t < m; t++) ((double *)label->data)[t] = first + (double)t * step;
    r->step = step;
  }
  cf_array_free(r->time);
  r->time = label;
done:
  return status;
}

static cf_status resample(cf_context *ctx, cf_responses *r, size_t m) {
  cf_status status = CF_OK;
  const size_t series = r->neurons * r->stimuli * r->directions;
  size_t size;
  double *values = NULL;
  CF_TRY(cf_size_mul(ctx, series, m, &size));
  CF_TRY(CF_ALLOC(ctx, &values, size));
  CF_TRY(cf_resample_hamming(ctx, series, r->times, r->values, m, values));
  CF_TRY(stretch_labels(ctx, r, m));
  cf_free(r->values);
  r->values = values;
  values = NULL;
  r->times = m;
done:
  cf_free(values);
  return status;
}

/* Means over runs of `join` bins; what is left at the end is dropped. */
static cf_status average(cf_context *ctx, cf_responses *r, const char *address, size_t join) {
  cf_status status = CF_OK;
  const size_t series = r->neurons * r->stimuli * r->directions, m = r->times / join;
  cf_array *label = NULL;
  if (m == 0)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: %zu time bins are fewer than the %zu of --average", address, r->times, join);
  for (size_t i = 0; i < series * m; i++) { /* in place: a mean lies before what is still to be read */
    const double *from = r->values + i / m * r->times + i % m * join;
    double sum = 0;
    for (size_t k = 0; k < join; k++) sum += from[k];
    r->values[i] = sum / (double)join;
  }
  if (isfinite(r->step)) { /* the middle of each run */
    const double first = cf_array_number(r->time, 0) + 0.5 * (double)(join - 1) * r->step;
    r->step *= (double)join;
    CF_TRY(cf_array_new(ctx, "time", CF_F64, 1, &m, &label));
    for (size_t t = 0; t < m; t++) ((double *)label->data)[t] = first + (double)t * r->step;
  }
  cf_array_free(r->time);
  r->time = label;
  r->times = m;
done:
  return status;
}

cf_status cf_load_trajectories(cf_context *ctx, const char *address, const cf_options *options, cf_result *result,
                               cf_responses **out) {
  const size_t m = (size_t)cf_options_integer(options, "resample"),
               join = (size_t)cf_options_integer(options, "average");
  const char *labels = cf_options_text(options, "trials");
  cf_status status = labels ? cf_load_trials(ctx, address, labels, options, result, out)
                            : cf_load_responses(ctx, address, options, result, out);
  if (status != CF_OK) return status;
  if (join > 1) CF_TRY(average(ctx, *out, address, join));
  if (m > 0 && m != (*out)->times) CF_TRY(resample(ctx, *out, m));
done:
  if (status != CF_OK) {
    cf_responses_free(*out);
    *out = NULL;
  }
  return status;
}

const char *cf_stimulus_name(const cf_responses *r, size_t s, char *buffer, size_t size) {
  if (r->stimulus) return cf_array_label(r->stimulus, s, buffer, size);
  snprintf(buffer, size, "%zu", s);
  return buffer;
}

const char *cf_direction_name(const cf_responses *r, size_t d, char *buffer, size_t size) {
  snprintf(buffer, size, "%.6g", r->degrees[d]);
  return buffer;
}

cf_status cf_condition_labels(cf_context *ctx, const cf_responses *r, cf_array **out) {
  enum { LONGEST = 200 };
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = r->stimuli * r->directions;
  char *text, stimulus[LONGEST / 2], direction[32];
  const char **list;
  *out = NULL;
  CF_TRY(CF_SCRATCH(ctx, &text, n * LONGEST));
  CF_TRY(CF_SCRATCH(ctx, &list, n));
  for (size_t i = 0; i < n; i++) {
    const char *name = cf_stimulus_name(r, i / r->directions, stimulus, sizeof stimulus);
    list[i] = text + i * LONGEST;
    if (r->directions == 1)
      snprintf(text + i * LONGEST, LONGEST, "%s", name);
    else
      snprintf(text + i * LONGEST, LONGEST, "%.150s %s", name,
               cf_direction_name(r, i % r->directions, direction, sizeof direction));
  }
  CF_TRY(cf_array_from_texts(ctx, "condition", n, list, out));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_put_axes(cf_context *ctx, cf_result *result, const char *name, const char *axes, const size_t *shape,
                      const double *data, const cf_array *label) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  int ndim = 1;
  for (const char *c = axes; *c; c++) ndim += *c == ' ';
  CF_TRY(cf_array_from_doubles(ctx, name, ndim, shape, data, &a));
  for (int d = 0; d < ndim; d++) {
    char one[32];
    const size_t length = strcspn(axes, " ");
    snprintf(one, sizeof one, "%.*s", (int)length, axes);
    CF_TRY(cf_array_set_axis(ctx, a, d, one, d == 0 ? label : NULL));
    axes += length + (axes[length] == ' ');
  }
  status = cf_dataset_add(ctx, result->arrays, a);
  a = NULL;
done:
  cf_array_free(a);
  return status;
}

bool cf_trajectories_shape(cf_context *ctx, const char *address, const cf_options *options, double shape[4]) {
  size_t dims[CF_MAX_DIMS];
  const int ndim = cf_systems_dims(ctx, address, "responses", 3, dims);
  const double directions = (double)cf_options_integer(options, "directions");
  if (ndim != 3 && ndim != 4) return false;
  if (cf_options_param(options, "trials") && cf_options_text(options, "trials")) { /* of unknown labels */
    shape[0] = (double)dims[1];
    shape[1] = 1;
    shape[2] = (double)dims[0];
    shape[3] = (double)dims[2];
    goto bins;
  }
  shape[0] = (double)dims[0];
  shape[1] = (double)dims[1];
  shape[2] = ndim == 4 ? (double)dims[2] : fmax(directions, 1);
  shape[3] = ndim == 4 ? (double)dims[3] : (double)dims[2] / shape[2];
bins:
  if (cf_options_param(options, "average")) shape[3] /= (double)cf_options_integer(options, "average");
  if (cf_options_param(options, "resample") && cf_options_integer(options, "resample") > 0)
    shape[3] = (double)cf_options_integer(options, "resample");
  return true;
}
