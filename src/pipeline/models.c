/* Loading models as points, and what results of tests on them have in common. */
#include "pipeline/models.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/load.h"
#include <cortifold/io.h>

void cf_models_free(cf_models *m) {
  cf_array_free(m->values);
  cf_array_free(m->model);
  cf_array_free(m->roi);
  cf_array_free(m->family);
  cf_array_free(m->group);
  cf_array_free(m->network_name);
  cf_free(m->code);
  cf_free(m->network);
  for (size_t g = 0; m->group_text && g < m->groups; g++) cf_free(m->group_text[g]);
  for (size_t k = 0; m->network_text && k < m->networks; k++) cf_free(m->network_text[k]);
  cf_free(m->group_text);
  cf_free(m->network_text);
}

/* ------------------------------------------------------------------ labels -- */

static cf_status texts_of(cf_context *ctx, const cf_array *labels, char ***out) {
  cf_status status = CF_OK;
  char buffer[512];
  CF_TRY(CF_ALLOC(ctx, out, cf_array_count(labels) + 1));
  for (size_t i = 0; i < cf_array_count(labels); i++)
    CF_TRY(cf_strdup(ctx, cf_array_label(labels, i, buffer, sizeof buffer), &(*out)[i]));
done:
  return status;
}

static cf_status codes_of(cf_context *ctx, const char *address, const cf_array *labels, size_t **code, size_t *count,
                          cf_array **names) {
  cf_status status = CF_OK;
  CF_TRY(CF_ALLOC(ctx, code, cf_array_count(labels) + 1));
  status = cf_labels_group(ctx, labels, *code, count, names);
  if (status != CF_OK) status = cf_explain(ctx, status, "%s", address);
done:
  return status;
}

cf_status cf_models_codes(cf_context *ctx, const char *address, const char *option, size_t n, cf_result *result,
                          size_t **code, size_t *count, cf_array **names) {
  cf_status status = CF_OK;
  cf_array *labels = NULL;
  CF_TRY(cf_load_labels(ctx, address, option, n, result, &labels));
  CF_TRY(codes_of(ctx, address, labels, code, count, names));
done:
  cf_array_free(labels);
  return status;
}

cf_status cf_models_set_groups(cf_context *ctx, const char *address, const cf_array *labels, cf_models *m) {
  cf_status status = CF_OK;
  CF_TRY(codes_of(ctx, address, labels, &m->code, &m->groups, &m->group));
  CF_TRY(texts_of(ctx, m->group, &m->group_text));
done:
  return status;
}

cf_status cf_models_set_networks(cf_context *ctx, const char *address, const cf_array *labels, cf_models *m) {
  cf_status status = CF_OK;
  CF_TRY(codes_of(ctx, address, labels, &m->network, &m->networks, &m->network_name));
  CF_TRY(texts_of(ctx, m->network_name, &m->network_text));
done:
  return status;
}

static cf_status load_groups(cf_context *ctx, const cf_options *options, cf_result *result, cf_models *m) {
  static const char *const members[] = {"group", "groups", "modality", NULL};
  cf_status status = CF_OK;
  cf_array *labels = NULL;
  const char *address = cf_options_text(options, "groups");
  if (address) {
    CF_TRY(cf_models_codes(ctx, address, "--groups", m->models, result, &m->code, &m->groups, &m->group));
  } else {
    for (size_t i = 0; members[i] && !labels; i++) {
      CF_TRY(cf_io_read_sibling(ctx, m->address, members[i], &labels));
      if (labels && (labels->ndim != 1 || labels->shape[0] != m->models)) {
        cf_array_free(labels);
        labels = NULL;
      }
    }
    if (!labels)
      CF_TRY(cf_fail(ctx, CF_ERR_USAGE,
                     "which model is of which group? give --groups FILE, one label for each of %zu "
                     "models",
                     m->models));
    CF_TRY(codes_of(ctx, m->address, labels, &m->code, &m->groups, &m->group));
  }
  CF_TRY(texts_of(ctx, m->group, &m->group_text));
done:
  cf_array_free(labels);
  return status;
}

cf_status cf_models_networks(cf_context *ctx, const cf_options *options, cf_result *result, cf_models *m) {
  cf_status status = CF_OK;
  const char *address = cf_options_text(options, "networks");
  if (!address) return CF_OK;
  CF_TRY(cf_models_codes(ctx, address, "--networks", m->rois, result, &m->network, &m->networks, &m->network_name));
  CF_TRY(texts_of(ctx, m->network_name, &m->network_text));
done:
  return status;
}

/* ------------------------------------------------------------------ values -- */

cf_status cf_distances_tidy(cf_context *ctx, const char *address, size_t n, double *d) {
  cf_status status = CF_OK;
  const cf_view view = cf_view_matrix(d, n, n);
  double most = 0;
  CF_TRY(cf_view_check_finite(ctx, &view, address));
  for (size_t k = 0; k < n * n; k++) {
    if (d[k] < 0)
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the distance (%zu, %zu) is %.9g", address, k / n, k % n, d[k]));
    most = fmax(most, d[k]);
  }
  for (size_t i = 0; i < n; i++)
    for (size_t k = i; k < n; k++) {
      const double a = d[i * n + k], b = d[k * n + i];
      if (fabs(a - b) > 1e-6 * most)
        CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: not symmetric: (%zu, %zu) is %.9g, (%zu, %zu) is %.9g", address, i, k, a,
                       k, i, b));
      if (i == k && a > 1e-6 * most)
        CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: the diagonal is not 0: (%zu, %zu) is %.9g", address, i, i, a));
      d[i * n + k] = d[k * n + i] = i == k ? 0 : 0.5 * (a + b);
    }
done:
  return status;
}

static cf_status check_shape(cf_context *ctx, const cf_models *m) {
  const cf_array *a = m->values;
  if (a->ndim != 2)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: %d ax%s; %s", m->address, a->ndim, a->ndim == 1 ? "is" : "es",
                   m->square ? "distances are (model, model)" : "an alignment is (model, region)");
  if (m->square && a->shape[0] != a->shape[1])
    return cf_fail(ctx, CF_ERR_INPUT, "%s: a matrix of distances is square, this is %zu x %zu", m->address, a->shape[0],
                   a->shape[1]);
  if (a->shape[0] < 3)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: %zu model%s; tests of groups need at least 3", m->address, a->shape[0],
                   a->shape[0] == 1 ? "" : "s");
  if (a->shape[1] == 0) return cf_fail(ctx, CF_ERR_INPUT, "%s: there are no regions", m->address);
  for (size_t k = 0; k < cf_array_count(a); k++)
    if (isinf(((const double *)a->data)[k]))
      return cf_fail(ctx, CF_ERR_INPUT, "%s: the value (%zu, %zu) is infinite", m->address, k / a->shape[1],
                     k % a->shape[1]);
  return CF_OK;
}

cf_status cf_models_load(cf_context *ctx, const cf_options *options, bool square, cf_result *result, cf_models *out) {
  cf_status status = CF_OK;
  memset(out, 0, sizeof *out);
  out->address = cf_options_argument(options, 0);
  out->square = square;
  CF_TRY(cf_io_read(ctx, out->address, square ? "distances|distance|rdm" : "alignment|r2|values", &out->values));
  CF_TRY(cf_result_input(ctx, result, out->address));
  status = cf_array_to_doubles(ctx, out->values);
  if (status != CF_OK) {
    status = cf_explain(ctx, status, "%s", out->address);
    goto done;
  }
  CF_TRY(check_shape(ctx, out));
  out->models = out->values->shape[0];
  out->rois = out->values->shape[1];
  if (square) CF_TRY(cf_distances_tidy(ctx, out->address, out->models, out->values->data));
  if (out->values->coordinate[0]) CF_TRY(cf_array_copy(ctx, out->values->coordinate[0], &out->model));
  if (!square && out->values->coordinate[1]) CF_TRY(cf_array_copy(ctx, out->values->coordinate[1], &out->roi));
  CF_TRY(load_groups(ctx, options, result, out));
done:
  return status;
}

/* ----------------------------------------------------------------- results -- */

cf_status cf_axes_put(cf_context *ctx, cf_result *result, const char *name, int ndim, const cf_axis *axis,
                      const double *x) {
  cf_status status = CF_OK;
  size_t shape[CF_MAX_DIMS] = {0};
  cf_array *a = NULL;
  for (int d = 0; d < ndim; d++) shape[d] = axis[d].count;
  CF_TRY(cf_array_from_doubles(ctx, name, ndim, shape, x, &a));
  for (int d = 0; d < ndim; d++)
    if (axis[d].name) CF_TRY(cf_array_set_axis(ctx, a, d, axis[d].name, axis[d].label));
  status = cf_dataset_add(ctx, result->arrays, a);
  a = NULL;
done:
  cf_array_free(a);
  return status;
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

cf_status cf_null_put(cf_context *ctx, cf_result *result, const char *name, const cf_permuted *test) {
  enum { MOST = 20000 };
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_axis axis = {"permutation", CF_MIN(test->permutations, (size_t)MOST), NULL};
  double *x = test->null;
  if (!test->null) goto done;
  if (test->permutations > MOST) {
    double *sorted = NULL;
    CF_TRY(CF_SCRATCH(ctx, &sorted, test->permutations));
    CF_TRY(CF_SCRATCH(ctx, &x, MOST));
    memcpy(sorted, test->null, test->permutations * sizeof *sorted);
    qsort(sorted, test->permutations, sizeof *sorted, ascending);
    for (size_t i = 0; i < MOST; i++) x[i] = cf_quantile_sorted(test->permutations, sorted, ((double)i + 0.5) / MOST);
  }
  CF_TRY(cf_axes_put(ctx, result, name, 1, &axis, x));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_json *cf_permuted_json(const cf_permuted *test, const char *name, const char *effect_name) {
  cf_json *o = cf_json_object();
  const double count = (double)test->permutations;
  cf_json_set(o, name, cf_json_number(test->statistic));
  if (effect_name) cf_json_set(o, effect_name, cf_json_number(test->effect));
  cf_json_set(o, "p", cf_json_number(test->p));
  cf_json_set(o, "permutations", cf_json_number(count));
  cf_json_set(o, "exact", cf_json_bool(test->exact));
  cf_json_set(o, "smallest_p", cf_json_number(test->exact ? 1 / count : 1 / (count + 1)));
  cf_json_set(o, "null_mean", cf_json_number(test->null_mean));
  cf_json_set(o, "null_sd", cf_json_number(test->null_sd));
  return o;
}
