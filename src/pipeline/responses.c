/* Responses from files of any layout: axes by name or position, labels, missing values. */
#include "pipeline/responses.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/load.h"

enum { NEURON, STIMULUS, DIRECTION, TIME, AXES };
static const char *const axis_name[AXES] = {"neuron", "stimulus", "direction", "time"};

void cf_responses_free(cf_responses *r) {
  if (!r) return;
  cf_free(r->values);
  cf_free(r->degrees);
  cf_free(r->index);
  cf_array_free(r->neuron);
  cf_array_free(r->stimulus);
  cf_array_free(r->direction);
  cf_array_free(r->time);
  cf_free(r);
}

cf_view cf_responses_view(const cf_responses *r) {
  const size_t shape[AXES] = {r->neurons, r->stimuli, r->directions, r->times};
  return cf_view_tensor(r->values, AXES, shape);
}

/* ---------------------------------------------------------------- layout -- */

/* A view of the array with the four axes in order; labels[k] is the file's coordinate of axis k or NULL. */
typedef struct layout {
  cf_view view;
  const cf_array *label[AXES];
} layout;

static int axis_code(const char *name) {
  static const char *const other[AXES] = {"unit", "condition", "orientation", "frame"};
  for (int k = 0; name && k < AXES; k++)
    if (strcmp(name, axis_name[k]) == 0 || strcmp(name, other[k]) == 0) return k;
  return -1;
}

static cf_status fail_shape(cf_context *ctx, const cf_array *a, const char *address) {
  char shape[200] = "";
  size_t used = 0;
  for (int d = 0; d < a->ndim && used + 24 < sizeof shape; d++)
    used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%zu", d ? ", " : "", a->shape[d]);
  return cf_fail(ctx, CF_ERR_INPUT,
                 "%s: responses have the axes (neuron, stimulus, direction, time), this has shape (%s)%s", address,
                 shape, a->ndim == 3 ? "; for (neuron, stimulus, pattern) say --directions D" : "");
}

/* (neuron, stimulus, pattern) with direction fastest in a pattern. */
static cf_status split_pattern(cf_context *ctx, const cf_array *a, const char *address, size_t directions,
                               layout *out) {
  if (a->shape[2] % directions != 0)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: --directions %zu does not divide the %zu entries of a pattern", address,
                   directions, a->shape[2]);
  const cf_view v = cf_array_view(a);
  out->view = (cf_view){v.data,
                        AXES,
                        {a->shape[0], a->shape[1], directions, a->shape[2] / directions},
                        {v.stride[0], v.stride[1], v.stride[2], v.stride[2] * (ptrdiff_t)directions}};
  out->label[NEURON] = a->coordinate[0];
  out->label[STIMULUS] = a->coordinate[1];
  return CF_OK;
}

static cf_status find_layout(cf_context *ctx, const cf_array *a, const char *address, size_t directions, layout *out) {
  *out = (layout){0};
  if (directions > 0 && a->ndim == 3) return split_pattern(ctx, a, address, directions, out);
  if (directions > 0)
    return cf_fail(ctx, CF_ERR_USAGE, "%s: --directions is for arrays of three axes, this has %d", address, a->ndim);
  const bool no_direction = a->ndim == 3 && axis_code(a->axis[2]) == TIME;
  if (a->ndim != AXES && !no_direction) return fail_shape(ctx, a, address);
  int place[AXES] = {0, 1, no_direction ? -1 : 2, no_direction ? 2 : 3};
  bool named = true;
  for (int d = 0; d < a->ndim; d++) named &= axis_code(a->axis[d]) >= 0;
  if (named) {
    for (int k = 0; k < AXES; k++) place[k] = -1;
    for (int d = 0; d < a->ndim; d++) place[axis_code(a->axis[d])] = d;
    for (int k = 0; k < AXES; k++)
      if (place[k] < 0 && !(k == DIRECTION && no_direction))
        return cf_fail(ctx, CF_ERR_INPUT, "%s: no axis is named %s", address, axis_name[k]);
  }
  const cf_view v = cf_array_view(a);
  out->view = (cf_view){v.data, AXES, {0}, {0}};
  for (int k = 0; k < AXES; k++) {
    out->view.shape[k] = place[k] < 0 ? 1 : v.shape[place[k]];
    out->view.stride[k] = place[k] < 0 ? 0 : v.stride[place[k]];
    out->label[k] = place[k] < 0 ? NULL : a->coordinate[place[k]];
  }
  return CF_OK;
}

/* --------------------------------------------------------- missing values -- */

static size_t first_missing(const double *x, size_t n) {
  size_t i = 0;
  while (i < n && isfinite(x[i])) i++;
  return i;
}

static cf_status fail_missing(cf_context *ctx, const cf_responses *r, const char *address, size_t at) {
  const size_t t = at % r->times, d = at / r->times % r->directions, s = at / (r->times * r->directions) % r->stimuli;
  return cf_fail(ctx, CF_ERR_INPUT,
                 "%s: value at neuron %zu, stimulus %zu, direction %zu, time %zu is %s; --missing drop-neuron or zero "
                 "goes on without it",
                 address, at / (r->times * r->directions * r->stimuli), s, d, t,
                 isnan(r->values[at]) ? "NaN" : "infinite");
}

/* Copies the labels of the kept neurons, in order. */
static cf_status keep_labels(cf_context *ctx, cf_responses *r, const bool *keep, size_t n) {
  cf_status status = CF_OK;
  cf_array *kept = NULL;
  const size_t size = cf_dtype_size(r->neuron->dtype);
  CF_TRY(cf_array_new(ctx, r->neuron->name, r->neuron->dtype, 1, &r->neurons, &kept));
  for (size_t i = 0, at = 0; i < n; i++) {
    if (!keep[i]) continue;
    if (r->neuron->dtype == CF_TEXT)
      CF_TRY(cf_strdup(ctx, ((char **)r->neuron->data)[i], &((char **)kept->data)[at]));
    else
      memcpy((char *)kept->data + at * size, (const char *)r->neuron->data + i * size, size);
    at++;
  }
  cf_array_free(r->neuron);
  r->neuron = kept;
  kept = NULL;
done:
  cf_array_free(kept);
  return status;
}

static cf_status drop_neurons(cf_context *ctx, cf_responses *r, const char *address) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = r->neurons, each = r->stimuli * r->directions * r->times;
  bool *keep = NULL;
  size_t kept = 0;
  CF_TRY(CF_SCRATCH(ctx, &keep, n));
  for (size_t i = 0; i < n; i++) {
    keep[i] = first_missing(r->values + i * each, each) == each;
    if (!keep[i]) continue;
    if (kept < i) memcpy(r->values + kept * each, r->values + i * each, each * sizeof *r->values);
    r->index[kept++] = i;
  }
  if (kept == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: every neuron has missing values", address));
  r->neurons = kept;
  r->dropped = n - kept;
  if (r->neuron) CF_TRY(keep_labels(ctx, r, keep, n));
  cf_warn(ctx, "%s: %zu of %zu neurons have missing values and are left out", address, n - kept, n);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status handle_missing(cf_context *ctx, cf_responses *r, const char *address, const char *policy) {
  const size_t count = r->neurons * r->stimuli * r->directions * r->times, at = first_missing(r->values, count);
  if (at == count) return CF_OK;
  if (strcmp(policy, "error") == 0) return fail_missing(ctx, r, address, at);
  if (strcmp(policy, "drop-neuron") == 0) return drop_neurons(ctx, r, address);
  size_t replaced = 0;
  for (size_t i = at; i < count; i++)
    if (!isfinite(r->values[i])) {
      r->values[i] = 0;
      replaced++;
    }
  cf_warn(ctx, "%s: %zu missing values of %zu are taken as 0", address, replaced, count);
  return CF_OK;
}

/* ---------------------------------------------------------------- labels -- */

static cf_status copy_label(cf_context *ctx, const cf_array *label, cf_array **out) {
  return label ? cf_array_copy(ctx, label, out) : CF_OK;
}

static cf_status read_degrees(cf_context *ctx, cf_responses *r, const char *address) {
  const size_t n = r->directions;
  cf_status status = CF_ALLOC(ctx, &r->degrees, n);
  if (status != CF_OK) return status;
  for (size_t d = 0; d < n; d++) {
    r->degrees[d] = 360.0 * (double)d / (double)n;
    if (!r->direction) continue;
    if (r->direction->dtype == CF_TEXT) {
      char *end = NULL;
      const char *text = ((char **)r->direction->data)[d];
      r->degrees[d] = strtod(text, &end);
      if (end == text || *end)
        return cf_fail(ctx, CF_ERR_INPUT, "%s: direction %zu is labelled '%.60s'; directions are numbers in degrees",
                       address, d, text);
    } else {
      r->degrees[d] = cf_array_number(r->direction, d);
    }
    if (!isfinite(r->degrees[d]))
      return cf_fail(ctx, CF_ERR_INPUT, "%s: direction %zu is not a finite number of degrees", address, d);
  }
  r->even = true;
  for (size_t d = 1; d < n; d++) {
    const double step = remainder(r->degrees[d] - r->degrees[d - 1] - 360.0 / (double)n, 360);
    const double back = remainder(r->degrees[d] - r->degrees[d - 1] + 360.0 / (double)n, 360);
    const double first = remainder(r->degrees[1] - r->degrees[0] - 360.0 / (double)n, 360);
    r->even &= fabs(first) < 1e-6 ? fabs(step) < 1e-6 : fabs(back) < 1e-6;
  }
  return CF_OK;
}

static void find_step(cf_responses *r) {
  r->step = NAN;
  if (!r->time || r->time->dtype == CF_TEXT || r->times < 2) return;
  const double first = cf_array_number(r->time, 0), last = cf_array_number(r->time, r->times - 1);
  const double step = (last - first) / (double)(r->times - 1);
  for (size_t t = 0; t < r->times; t++)
    if (!(step > 0) || fabs(cf_array_number(r->time, t) - first - (double)t * step) > 1e-3 * step) return;
  r->step = step;
}

cf_status cf_load_responses(cf_context *ctx, const char *address, const cf_options *options, cf_result *result,
                            cf_responses **out) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  cf_responses *r = NULL;
  layout l;
  *out = NULL;
  CF_TRY(cf_io_read(ctx, address, "responses", &a));
  if (result) CF_TRY(cf_result_input(ctx, result, address));
  CF_TRY(cf_array_to_doubles(ctx, a));
  CF_TRY(find_layout(ctx, a, address, (size_t)cf_options_integer(options, "directions"), &l));
  for (int k = 0; k < AXES; k++)
    if (l.view.shape[k] == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the %s axis is empty", address, axis_name[k]));
  CF_TRY(CF_ALLOC(ctx, &r, 1));
  r->neurons = l.view.shape[NEURON];
  r->stimuli = l.view.shape[STIMULUS];
  r->directions = l.view.shape[DIRECTION];
  r->times = l.view.shape[TIME];
  CF_TRY(CF_ALLOC(ctx, &r->values, cf_view_count(&l.view)));
  cf_view_copy(&l.view, r->values);
  CF_TRY(CF_ALLOC(ctx, &r->index, r->neurons));
  for (size_t i = 0; i < r->neurons; i++) r->index[i] = i;
  CF_TRY(copy_label(ctx, l.label[NEURON], &r->neuron));
  CF_TRY(copy_label(ctx, l.label[STIMULUS], &r->stimulus));
  CF_TRY(copy_label(ctx, l.label[DIRECTION], &r->direction));
  CF_TRY(copy_label(ctx, l.label[TIME], &r->time));
  CF_TRY(handle_missing(ctx, r, address, cf_options_text(options, "missing")));
  CF_TRY(read_degrees(ctx, r, address));
  find_step(r);
  *out = r;
  r = NULL;
done:
  cf_responses_free(r);
  cf_array_free(a);
  return status;
}

/* How many trials each label has, and the fewest. */
static cf_status count_trials(cf_context *ctx, const cf_array *names, const char *address, size_t trials,
                              const size_t *code, size_t groups, size_t *fewest) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *count, least = 0;
  char text[64];
  CF_TRY(CF_SCRATCH(ctx, &count, groups));
  memset(count, 0, groups * sizeof *count);
  for (size_t i = 0; i < trials; i++) count[code[i]]++;
  for (size_t g = 1; g < groups; g++)
    if (count[g] < count[least]) least = g;
  *fewest = count[least];
  if (*fewest < 2)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: label '%.40s' has one trial; every label needs two or more", address,
                   cf_array_label(names, least, text, sizeof text)));
  if (*fewest * groups < trials)
    cf_warn(ctx, "%s: every label keeps %zu trials, as many as '%.40s' has; %zu of %zu trials are left out", address,
            *fewest, cf_array_label(names, least, text, sizeof text), trials - *fewest * groups, trials);
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Trial by trial to (neuron, label, repeat, time). */
static cf_status arrange_trials(cf_context *ctx, const cf_array *a, const size_t *code, cf_responses *r) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  size_t *seen;
  CF_TRY(CF_SCRATCH(ctx, &seen, r->stimuli));
  memset(seen, 0, r->stimuli * sizeof *seen);
  CF_TRY(CF_ALLOC(ctx, &r->values, r->neurons * r->stimuli * r->directions * r->times));
  for (size_t i = 0; i < a->shape[0]; i++) {
    const size_t s = code[i], d = seen[s]++;
    for (size_t n = 0; n < r->neurons && d < r->directions; n++)
      memcpy(r->values + ((n * r->stimuli + s) * r->directions + d) * r->times,
             (const double *)a->data + (i * r->neurons + n) * r->times, r->times * sizeof(double));
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_load_trials(cf_context *ctx, const char *address, const char *labels, const cf_options *options,
                         cf_result *result, cf_responses **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  cf_array *a = NULL, *label = NULL, *names = NULL;
  cf_responses *r = NULL;
  size_t *code, groups = 0, fewest = 0;
  *out = NULL;
  CF_TRY(cf_io_read(ctx, address, "trials|responses|spikes|data", &a));
  if (result) CF_TRY(cf_result_input(ctx, result, address));
  if (a->ndim != 3)
    CF_TRY(
        cf_fail(ctx, CF_ERR_INPUT, "%s: an array of %d axes; --trials is for (trial, neuron, time)", address, a->ndim));
  CF_TRY(cf_array_to_doubles(ctx, a));
  if (cf_array_count(a) == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the array is empty", address));
  CF_TRY(cf_load_labels(ctx, labels, "--trials", a->shape[0], result, &label));
  CF_TRY(CF_SCRATCH(ctx, &code, a->shape[0]));
  CF_TRY(cf_labels_group(ctx, label, code, &groups, &names));
  CF_TRY(count_trials(ctx, names, labels, a->shape[0], code, groups, &fewest));
  CF_TRY(CF_ALLOC(ctx, &r, 1));
  r->neurons = a->shape[1];
  r->stimuli = groups;
  r->directions = fewest;
  r->times = a->shape[2];
  CF_TRY(arrange_trials(ctx, a, code, r));
  CF_TRY(CF_ALLOC(ctx, &r->index, r->neurons));
  for (size_t i = 0; i < r->neurons; i++) r->index[i] = i;
  CF_TRY(copy_label(ctx, a->coordinate[1], &r->neuron));
  CF_TRY(copy_label(ctx, a->coordinate[2], &r->time));
  r->stimulus = names;
  names = NULL;
  CF_TRY(handle_missing(ctx, r, address, cf_options_text(options, "missing")));
  CF_TRY(read_degrees(ctx, r, address));
  find_step(r);
  *out = r;
  r = NULL;
done:
  cf_responses_free(r);
  cf_array_free(a);
  cf_array_free(label);
  cf_array_free(names);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_responses_put(cf_context *ctx, cf_result *result, const cf_responses *r, const char *name,
                           const char *axes, const double *data) {
  static const char letters[] = "nsdt";
  const size_t length[AXES] = {r->neurons, r->stimuli, r->directions, r->times};
  const cf_array *label[AXES] = {r->neuron, r->stimulus, r->direction, r->time};
  cf_status status = CF_OK;
  cf_array *a = NULL;
  size_t shape[AXES] = {0};
  int ndim = 0;
  for (const char *c = axes; *c && ndim < AXES; c++) shape[ndim++] = length[strchr(letters, *c) - letters];
  CF_TRY(cf_array_from_doubles(ctx, name, ndim, shape, data, &a));
  for (int d = 0; d < ndim; d++) {
    const size_t k = (size_t)(strchr(letters, axes[d]) - letters);
    CF_TRY(cf_array_set_axis(ctx, a, d, axis_name[k], label[k]));
  }
  status = cf_dataset_add(ctx, result->arrays, a);
  a = NULL;
done:
  cf_array_free(a);
  return status;
}
