/* Numbers and arrays of points on a manifold. */
#include "pipeline/manifold_result.h"

#include <math.h>
#include <string.h>

#include "base/internal.h"
#include <cortifold/stats.h>

/* -------------------------------------------------------------- arrays -- */

cf_status cf_points_put(cf_context *ctx, cf_result *result, const char *name, size_t n, const double *x,
                        const cf_array *label) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  CF_TRY(cf_array_from_doubles(ctx, name, 1, &n, x, &a));
  CF_TRY(cf_array_set_axis(ctx, a, 0, "point", label));
  status = cf_dataset_add(ctx, result->arrays, a);
  a = NULL;
done:
  cf_array_free(a);
  return status;
}

static cf_status put_labels(cf_context *ctx, cf_result *result, const cf_clustering *c, const cf_array *label) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  CF_TRY(cf_array_new(ctx, "cluster", CF_I64, 1, &c->n, &a));
  for (size_t i = 0; i < c->n; i++) ((int64_t *)a->data)[i] = c->label[i];
  CF_TRY(cf_array_set_axis(ctx, a, 0, "point", label));
  status = cf_dataset_add(ctx, result->arrays, a);
  a = NULL;
done:
  cf_array_free(a);
  return status;
}

static cf_status put_trees(cf_context *ctx, cf_result *result, const cf_clustering *c) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_condensed_tree *t = c->tree;
  const size_t merges[2] = {c->n - 1, 4}, rows[2] = {t->rows, 4};
  double *x = NULL;
  CF_TRY(CF_SCRATCH(ctx, &x, 4 * t->rows + 1));
  for (size_t k = 0; k < t->rows; k++) {
    x[4 * k] = (double)t->row[k].parent;
    x[4 * k + 1] = (double)t->row[k].child;
    x[4 * k + 2] = t->row[k].lambda;
    x[4 * k + 3] = (double)t->row[k].size;
  }
  CF_TRY(cf_dataset_put(ctx, result->arrays, "merge", 2, merges, c->merge));
  CF_TRY(cf_dataset_put(ctx, result->arrays, "condensed", 2, rows, x));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_clusters_put(cf_context *ctx, cf_result *result, const cf_clustering *c, const cf_array *label) {
  cf_status status = CF_OK;
  CF_TRY(put_labels(ctx, result, c, label));
  CF_TRY(cf_points_put(ctx, result, "core", c->n, c->core, label));
  CF_TRY(put_trees(ctx, result, c));
done:
  return status;
}

/* -------------------------------------------------------------- values -- */

cf_json *cf_clusters_json(const cf_clustering *c) {
  cf_json *list = cf_json_list();
  for (size_t k = 0; k < c->clusters; k++) {
    cf_json *one = cf_json_object();
    double size = 0;
    for (size_t i = 0; i < c->n; i++) size += c->label[i] == (int)k;
    cf_json_set(one, "label", cf_json_number((double)k));
    cf_json_set(one, "size", cf_json_number(size));
    cf_json_set(one, "stability", cf_json_number(c->stability[k]));
    cf_json_append(list, one);
  }
  return list;
}

size_t cf_clusters_noise(const cf_clustering *c) {
  size_t noise = 0;
  for (size_t i = 0; i < c->n; i++) noise += c->label[i] < 0;
  return noise;
}

static cf_json *neighbour_values(double mean, double sd, double least, double most) {
  cf_json *o = cf_json_object();
  cf_json_set(o, "mean", cf_json_number(mean));
  cf_json_set(o, "sd", cf_json_number(sd));
  cf_json_set(o, "min", cf_json_number(least));
  cf_json_set(o, "max", cf_json_number(most));
  return o;
}

cf_json *cf_mixing_json(const cf_mixing *m) {
  cf_json *o = cf_json_object();
  cf_json_set(o, "share", cf_json_number(m->share));
  cf_json_set(o, "expected", cf_json_number(m->expected));
  cf_json_set(o, "assortativity", cf_json_number(m->assortativity));
  cf_json_set(o, "same", neighbour_values(m->same, m->same_sd, m->same_least, m->same_most));
  cf_json_set(o, "other", neighbour_values(m->other, m->other_sd, m->other_least, m->other_most));
  cf_json_set(o, "kernel_share", cf_json_number(m->same_weight));
  cf_json_set(o, "null_mean", cf_json_number(m->null_mean));
  cf_json_set(o, "null_sd", cf_json_number(m->null_sd));
  cf_json_set(o, "z", cf_json_number(m->null_sd > 0 ? (m->share - m->null_mean) / m->null_sd : NAN));
  cf_json_set(o, "p", cf_json_number(m->p));
  cf_json_set(o, "permutations", cf_json_number((double)m->permutations));
  return o;
}

cf_status cf_spread_json(cf_context *ctx, size_t n, const double *x, cf_json **out) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  double *kept = NULL, low = NAN, high = NAN;
  size_t m = 0;
  *out = NULL;
  CF_TRY(CF_SCRATCH(ctx, &kept, n));
  for (size_t i = 0; i < n; i++)
    if (!isnan(x[i])) kept[m++] = x[i];
  CF_TRY(cf_percentile_interval(ctx, m, kept, 0.5, &low, &high));
  const double mean = cf_mean(m, kept);
  *out = cf_json_object();
  cf_json_set(*out, "median", cf_json_number(cf_median(m, kept)));
  cf_json_set(*out, "quartiles", cf_json_numbers((double[]){low, high}, 2));
  cf_json_set(*out, "mean", cf_json_number(mean));
done:
  cf_scratch_release(ctx, mark);
  return status;
}
