/* What a diffusion map hands back: numbers, arrays and a few lines of text. */
#include "pipeline/diffuse.h"
#include "pipeline/manifold_result.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/internal.h"
#include <cortifold/stats.h>

/* -------------------------------------------------------------- arrays -- */

/* Row-major doubles of one value or one row a point; axis NULL: one value. */
static cf_status put(cf_context *ctx, const cf_diffuse *d, cf_result *result, const char *name, const char *axis,
                     size_t cols, const double *x) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  const size_t shape[2] = {d->n, cols};
  CF_TRY(cf_array_from_doubles(ctx, name, axis ? 2 : 1, shape, x, &a));
  CF_TRY(cf_array_set_axis(ctx, a, 0, "point", d->label));
  if (axis) CF_TRY(cf_array_set_axis(ctx, a, 1, axis, strcmp(axis, "point") == 0 ? d->label : NULL));
  status = cf_dataset_add(ctx, result->arrays, a);
  a = NULL;
done:
  cf_array_free(a);
  return status;
}

static cf_status put_groups(cf_context *ctx, const cf_diffuse *d, cf_result *result) {
  cf_status status = CF_OK;
  cf_array *copy = NULL;
  for (size_t g = 0; g < d->groups; g++) {
    char name[2][64];
    snprintf(name[0], sizeof name[0], d->groups > 1 ? "group_%zu" : "group", g + 1);
    snprintf(name[1], sizeof name[1], d->groups > 1 ? "group_share_%zu" : "group_share", g + 1);
    CF_TRY(cf_array_copy(ctx, d->group[g].labels, &copy));
    cf_free(copy->name);
    copy->name = NULL;
    CF_TRY(cf_strdup(ctx, name[0], &copy->name));
    CF_TRY(cf_array_set_axis(ctx, copy, 0, "point", d->label));
    status = cf_dataset_add(ctx, result->arrays, copy);
    copy = NULL;
    CF_TRY(status);
    CF_TRY(put(ctx, d, result, name[1], NULL, 1, d->group[g].share));
  }
done:
  cf_array_free(copy);
  return status;
}

static cf_status put_arrays(cf_context *ctx, const cf_diffuse *d, cf_result *result) {
  cf_status status = CF_OK;
  const size_t values = d->o.dims + 1;
  CF_TRY(put(ctx, d, result, "coordinates", "coordinate", d->o.dims, d->coordinates));
  CF_TRY(cf_dataset_put(ctx, result->arrays, "eigenvalues", 1, &values, d->values));
  CF_TRY(put(ctx, d, result, "embedding", "axis", d->axes, d->embedding));
  CF_TRY(cf_dataset_put(ctx, result->arrays, "explained", 1, &d->axes, d->explained));
  if (d->isomap) {
    CF_TRY(put(ctx, d, result, "isomap", "axis", d->axes, d->isomap));
    CF_TRY(cf_dataset_put(ctx, result->arrays, "isomap_values", 1, &d->axes, d->isomap_values));
  }
  if (d->heat) CF_TRY(put(ctx, d, result, "heat", "point", d->n, d->heat));
  if (d->clusters) {
    CF_TRY(cf_clusters_put(ctx, result, d->clusters, d->label));
  }
  if (d->dimension) {
    CF_TRY(put(ctx, d, result, "ncd", NULL, 1, d->ncd));
    CF_TRY(put(ctx, d, result, "degree_dimension", NULL, 1, d->degree_dimension));
    CF_TRY(put(ctx, d, result, "dimension", NULL, 1, d->dimension));
  }
  CF_TRY(put_groups(ctx, d, result));
done:
  return status;
}

/* -------------------------------------------------------------- values -- */

static cf_status dimension_values(cf_context *ctx, const cf_diffuse *d, cf_json *values) {
  cf_status status = CF_OK;
  static const char *const names[] = {"dimension", "ncd", "degree_dimension"};
  const double *x[] = {d->dimension, d->ncd, d->degree_dimension};
  for (size_t k = 0; k < 3; k++) {
    cf_json *one = NULL;
    CF_TRY(cf_spread_json(ctx, d->n, x[k], &one));
    cf_json_set(values, names[k], one);
  }
  cf_json_set(values, "hops", cf_json_number((double)d->hops));
done:
  return status;
}

static cf_status fill_values(cf_context *ctx, const cf_diffuse *d, cf_json *values) {
  cf_status status = CF_OK;
  cf_json_set(values, "n", cf_json_number((double)d->n));
  cf_json_set(values, "alpha", cf_json_number(d->o.alpha));
  cf_json_set(values, "time", cf_json_number(d->o.time));
  cf_json_set(values, "dims", cf_json_number((double)d->o.dims));
  cf_json_set(values, "eigenvalues", cf_json_numbers(d->values, d->o.dims + 1));
  cf_json_set(values, "residual", cf_json_number(d->residual));
  cf_json_set(values, "components", cf_json_number((double)d->components));
  cf_json_set(values, "negative", cf_json_number((double)d->negative));
  cf_json_set(values, "embed", cf_json_number((double)d->embed));
  cf_json_set(values, "explained", cf_json_numbers(d->explained, d->axes));
  if (d->isomap) cf_json_set(values, "isomap_values", cf_json_numbers(d->isomap_values, d->axes));
  if (d->heat) cf_json_set(values, "heat_time", cf_json_number(d->heat_time));
  if (d->clusters) {
    cf_json_set(values, "clusters", cf_clusters_json(d->clusters));
    cf_json_set(values, "noise", cf_json_number((double)cf_clusters_noise(d->clusters)));
    cf_json_set(values, "min_size", cf_json_number((double)d->min_size));
  }
  if (d->dimension) CF_TRY(dimension_values(ctx, d, values));
  if (d->groups) {
    cf_json *list = cf_json_list();
    for (size_t g = 0; g < d->groups; g++) {
      cf_json *one = cf_mixing_json(&d->group[g].mixing);
      cf_json_set(one, "by", cf_json_text(d->group[g].name));
      cf_json_append(list, one);
    }
    cf_json_set(values, "mixing", list);
  }
done:
  return status;
}

/* ---------------------------------------------------------------- text -- */

static cf_status say(cf_context *ctx, const cf_diffuse *d, cf_result *result) {
  cf_status status = CF_OK;
  const size_t shown = CF_MIN(d->o.dims + 1, (size_t)8);
  CF_TRY(cf_result_say(ctx, result, "diffusion map of %zu points, alpha %g, time %g, %zu coordinates\neigenvalues",
                       d->n, d->o.alpha, d->o.time, d->o.dims));
  for (size_t c = 0; c < shown; c++) CF_TRY(cf_result_say(ctx, result, " %.6f", d->values[c]));
  CF_TRY(cf_result_say(ctx, result, "%s (residual %.1e)\n", shown <= d->o.dims ? " ..." : "", d->residual));
  double first = 0;
  for (size_t c = 0; c < CF_MIN(d->axes, (size_t)3); c++) first += d->explained[c];
  CF_TRY(cf_result_say(ctx, result, "embedding: the first %zu axes hold %.1f %% of the variance of %zu coordinates\n",
                       CF_MIN(d->axes, (size_t)3), 100 * first, d->embed));
  if (d->clusters) {
    CF_TRY(cf_result_say(ctx, result, "clusters: %zu, of", d->clusters->clusters));
    for (size_t k = 0; k < d->clusters->clusters; k++) {
      size_t size = 0;
      for (size_t i = 0; i < d->n; i++) size += d->clusters->label[i] == (int)k;
      CF_TRY(cf_result_say(ctx, result, " %zu", size));
    }
    CF_TRY(cf_result_say(ctx, result, " points; noise: %zu points\n", cf_clusters_noise(d->clusters)));
  }
  if (d->dimension) {
    const cf_json *one = cf_json_get(result->values, "dimension"), *q = cf_json_get(one, "quartiles");
    CF_TRY(cf_result_say(ctx, result, "local dimension: median %.2f, quartiles %.2f and %.2f\n",
                         cf_json_as_number(cf_json_get(one, "median")), cf_json_as_number(cf_json_at(q, 0)),
                         cf_json_as_number(cf_json_at(q, 1))));
  }
  for (size_t g = 0; g < d->groups; g++) {
    const cf_mixing *m = &d->group[g].mixing;
    CF_TRY(cf_result_say(ctx, result, "%s: %.1f %% of neighbours of the same group, %.1f %% expected, p = %.4g\n",
                         d->group[g].name, 100 * m->share, 100 * m->expected, m->p));
  }
done:
  return status;
}

cf_status cf_diffuse_report(cf_context *ctx, const cf_diffuse *d, cf_result *result) {
  cf_status status = CF_OK;
  CF_TRY(fill_values(ctx, d, result->values));
  CF_TRY(put_arrays(ctx, d, result));
  CF_TRY(say(ctx, d, result));
done:
  return status;
}
