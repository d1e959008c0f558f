/* What `cortifold space` tells: values, arrays and summary. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/space.h"

/* ------------------------------------------------------------------ values -- */

static cf_json *permanova_json(const space_job *j) {
  cf_json *o = cf_permuted_json(&j->permanova, "F", "R2");
  cf_json_set(o, "df",
              cf_json_numbers((const double[]){(double)j->m.groups - 1, (double)(j->m.models - j->m.groups)}, 2));
  return o;
}

static cf_json *pairwise_json(const space_job *j) {
  cf_json *list = cf_json_list();
  for (size_t k = 0; k < j->pairs; k++) {
    cf_json *o = cf_json_object();
    cf_json_set(o, "a", cf_json_text(j->m.group_text[j->pair[k].a]));
    cf_json_set(o, "b", cf_json_text(j->m.group_text[j->pair[k].b]));
    cf_json_set(o, "F", cf_json_number(j->pair[k].test.statistic));
    cf_json_set(o, "R2", cf_json_number(j->pair[k].test.effect));
    cf_json_set(o, "p", cf_json_number(j->pair[k].test.p));
    cf_json_set(o, "p_adjusted", cf_json_number(j->pair[k].adjusted));
    cf_json_set(o, "permutations", cf_json_number((double)j->pair[k].test.permutations));
    cf_json_set(o, "exact", cf_json_bool(j->pair[k].test.exact));
    cf_json_append(list, o);
  }
  return list;
}

static cf_json *by_group(const space_job *j, const double *x) {
  cf_json *list = cf_json_list();
  for (size_t g = 0; g < j->m.groups; g++) {
    cf_json *o = cf_json_object();
    cf_json_set(o, "name", cf_json_text(j->m.group_text[g]));
    cf_json_set(o, "mean", cf_json_number(x[g]));
    cf_json_append(list, o);
  }
  return list;
}

static cf_json *permdisp_json(const space_job *j) {
  cf_json *o = cf_permuted_json(&j->permdisp, "F", NULL);
  cf_json_set(o, "centre", cf_json_text(j->dispersion.centre == CF_CENTRE_MEDIAN ? "median" : "centroid"));
  cf_json_set(o, "negative_axes", cf_json_text(j->dispersion.negative == CF_NEGATIVE_ZERO ? "zero" : "subtract"));
  cf_json_set(o, "negative_share", cf_json_number(j->negative));
  cf_json_set(o, "null", cf_json_text(j->dispersion.null == CF_DISPERSION_LABELS ? "labels" : "distances"));
  cf_json_set(o, "groups", by_group(j, j->spread_mean));
  return o;
}

static cf_json *silhouette_json(const space_job *j) {
  cf_json *o = cf_permuted_json(&j->silhouette, "mean", NULL);
  cf_json_set(o, "per_model", cf_json_numbers(j->width, j->m.models));
  cf_json_set(o, "groups", by_group(j, j->group_width));
  return o;
}

static cf_json *pca_json(const space_job *j) {
  cf_json *o = cf_json_object();
  if (!j->a) {
    cf_json_free(o);
    return cf_json_null();
  }
  cf_json_set(o, "explained_variance", cf_json_numbers(j->variance, j->components));
  cf_json_set(o, "explained_variance_ratio", cf_json_numbers(j->ratio, j->components));
  return o;
}

static cf_json *clusters_json(const space_job *j) {
  static const char *const linkage[] = {"single", "complete", "average", "ward"};
  cf_json *o = cf_json_object(), *kmeans = cf_json_object(), *tree = cf_json_object();
  cf_json_set(kmeans, "ari", cf_json_number(j->kmeans_ari));
  cf_json_set(kmeans, "within", cf_json_number(j->kmeans_within));
  cf_json_set(tree, "ari", cf_json_number(j->tree_ari));
  cf_json_set(tree, "linkage", cf_json_text(linkage[j->linkage]));
  cf_json_set(o, "k", cf_json_number((double)j->clusters));
  cf_json_set(o, "kmeans", kmeans);
  cf_json_set(o, "tree", tree);
  return o;
}

static double below(size_t n, const double *q, double alpha) {
  double count = 0;
  for (size_t i = 0; q && i < n; i++) count += q[i] <= alpha;
  return count;
}

static cf_json *regions_json(const space_job *j, double alpha) {
  cf_json *o = cf_json_object();
  cf_json_set(o, "count", cf_json_number((double)j->m.rois));
  cf_json_set(o, "tested", cf_json_number((double)j->kept));
  cf_json_set(o, "anova_significant", cf_json_number(below(j->m.rois, j->f_q, alpha)));
  cf_json_set(o, "kruskal_significant", cf_json_number(below(j->m.rois, j->h_q, alpha)));
  return o;
}

static cf_json *convergence_json(const space_job *j, double alpha) {
  cf_json *o = cf_json_object();
  cf_json_set(o, "significant", cf_json_number(below(j->m.rois, j->conv[6], alpha)));
  cf_json_set(o, "overlap_all", cf_json_number((double)j->c.full));
  cf_json_set(o, "overlap_all_null", cf_json_number(j->c.full_mean));
  cf_json_set(o, "overlap_all_p", cf_json_number(j->c.full_p));
  cf_json_set(o, "null", cf_json_text(j->spin_count ? "spins" : "permuted regions"));
  cf_json_set(o, "ours", cf_json_bool(true));
  return o;
}

static cf_json *anova_json(const cf_anova *a) {
  cf_json *o = cf_json_object();
  cf_json_set(o, "F", cf_json_number(a->f));
  cf_json_set(o, "df", cf_json_numbers((const double[]){a->df1, a->df2}, 2));
  cf_json_set(o, "p", cf_json_number(a->p));
  cf_json_set(o, "eta2", cf_json_number(a->eta2));
  return o;
}

static cf_json *twoway_json(const cf_anova *group, const cf_anova *network, const cf_anova *both) {
  cf_json *o = cf_json_object();
  cf_json_set(o, "group", anova_json(group));
  cf_json_set(o, "network", anova_json(network));
  cf_json_set(o, "interaction", anova_json(both));
  return o;
}

static void set_networks(const space_job *j, cf_json *values) {
  cf_json *list = cf_json_list(), *anova = cf_json_object();
  const cf_twoway *t = &j->twoway;
  for (size_t k = 0; k < j->m.networks; k++) {
    cf_json *o = cf_json_object();
    double size = 0;
    for (size_t r = 0; r < j->kept; r++) size += j->m.network[j->roi[r]] == k;
    cf_json_set(o, "name", cf_json_text(j->m.network_text[k]));
    cf_json_set(o, "regions", cf_json_number(size));
    cf_json_set(o, "contraction", cf_json_number(j->contraction[k]));
    cf_json_set(o, "F", cf_json_number(j->net_f[k]));
    cf_json_set(o, "p", cf_json_number(j->net_p[k]));
    cf_json_set(o, "q", cf_json_number(j->net_q[k]));
    cf_json_append(list, o);
  }
  cf_json_set(anova, "repeated", twoway_json(&t->repeated_group, &t->repeated_condition, &t->repeated_interaction));
  cf_json_set(anova, "independent", twoway_json(&t->group, &t->condition, &t->interaction));
  cf_json_set(values, "networks", list);
  cf_json_set(values, "network_anova", anova);
}

static cf_json *groups_json(const space_job *j) {
  cf_json *list = cf_json_list();
  for (size_t g = 0; g < j->m.groups; g++) {
    cf_json *o = cf_json_object();
    double models = 0;
    for (size_t i = 0; i < j->m.models; i++) models += j->m.code[i] == g;
    cf_json_set(o, "name", cf_json_text(j->m.group_text[g]));
    cf_json_set(o, "models", cf_json_number(models));
    cf_json_append(list, o);
  }
  return list;
}

static cf_json *datasets_json(const space_job *j) {
  cf_json *o = cf_json_object(), *names = cf_json_list(), *table = cf_json_list();
  char buffer[256];
  for (size_t d = 0; d < j->datasets; d++)
    cf_json_append(names, cf_json_text(cf_array_label(j->dataset_name, d, buffer, sizeof buffer)));
  for (size_t g = 0; g < j->m.groups; g++)
    cf_json_append(table, cf_json_numbers(j->crossed + g * j->datasets, j->datasets));
  cf_json_set(o, "names", names);
  cf_json_set(o, "models", table);
  cf_json_set(o, "nested", cf_json_bool(j->nested));
  return o;
}

static void set_values(const space_job *j, double alpha, cf_json *v) {
  cf_json *pcoa = cf_json_object();
  cf_json_set(v, "models", cf_json_number((double)j->m.models));
  cf_json_set(v, "rois", j->a ? cf_json_number((double)j->m.rois) : cf_json_null());
  cf_json_set(v, "distance", cf_json_text(j->metric_name));
  cf_json_set(v, "groups", groups_json(j));
  cf_json_set(v, "permanova", permanova_json(j));
  cf_json_set(v, "pairwise", pairwise_json(j));
  cf_json_set(v, "permdisp", permdisp_json(j));
  cf_json_set(v, "anosim", cf_permuted_json(&j->anosim, "R", NULL));
  cf_json_set(v, "silhouette", silhouette_json(j));
  cf_json_set(v, "pca", pca_json(j));
  cf_json_set(pcoa, "eigenvalues", cf_json_numbers(j->axis_value, j->components));
  cf_json_set(v, "pcoa", pcoa);
  cf_json_set(v, "clusters", clusters_json(j));
  if (j->a) cf_json_set(v, "regions", regions_json(j, alpha));
  if (j->winner) cf_json_set(v, "convergence", convergence_json(j, alpha));
  if (j->m.networks) set_networks(j, v);
  if (j->dataset) cf_json_set(v, "datasets", datasets_json(j));
}

/* ------------------------------------------------------------------ arrays -- */

/* Group or family of each model, as text: entry code[i] of names. */
static cf_status put_texts(cf_context *ctx, const space_job *j, const char *name, const size_t *code,
                           const cf_array *names, cf_result *result) {
  enum { ROOM = 256 };
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const char **text = NULL;
  char *buffer = NULL;
  cf_array *a = NULL;
  CF_TRY(CF_SCRATCH(ctx, &text, j->m.models));
  CF_TRY(CF_SCRATCH(ctx, &buffer, ROOM * j->m.models));
  for (size_t i = 0; i < j->m.models; i++) text[i] = cf_array_label(names, code[i], buffer + ROOM * i, ROOM);
  CF_TRY(cf_array_from_texts(ctx, name, j->m.models, text, &a));
  CF_TRY(cf_array_set_axis(ctx, a, 0, "model", j->m.model));
  status = cf_dataset_add(ctx, result->arrays, a);
  a = NULL;
done:
  cf_array_free(a);
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status put_codes(cf_context *ctx, cf_result *result, const char *name, const cf_axis *axis,
                           const size_t *code) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  CF_TRY(cf_array_new(ctx, name, CF_I64, 1, &axis->count, &a));
  for (size_t i = 0; i < axis->count; i++) ((int64_t *)a->data)[i] = (int64_t)code[i];
  CF_TRY(cf_array_set_axis(ctx, a, 0, axis->name, axis->label));
  status = cf_dataset_add(ctx, result->arrays, a);
  a = NULL;
done:
  cf_array_free(a);
  return status;
}

static cf_status put_positions(cf_context *ctx, const space_job *j, cf_result *result) {
  cf_status status = CF_OK;
  const cf_axis model = {"model", j->m.models, j->m.model}, merge[2] = {{NULL, j->m.models - 1, NULL}, {NULL, 4, NULL}};
  const cf_axis distance[2] = {model, model}, point[2] = {model, {"component", j->components, NULL}};
  CF_TRY(cf_axes_put(ctx, result, "distance", 2, distance, j->distance));
  CF_TRY(put_texts(ctx, j, "group", j->m.code, j->m.group, result));
  if (j->family) CF_TRY(put_texts(ctx, j, "family", j->family, j->family_name, result));
  CF_TRY(cf_axes_put(ctx, result, "pcoa", 2, point, j->position));
  CF_TRY(cf_axes_put(ctx, result, "merge", 2, merge, j->merge));
  CF_TRY(cf_axes_put(ctx, result, "silhouette", 1, &model, j->width));
  CF_TRY(cf_axes_put(ctx, result, "spread", 1, &model, j->spread));
  CF_TRY(put_codes(ctx, result, "cluster/kmeans", &model, j->kmeans));
  CF_TRY(put_codes(ctx, result, "cluster/tree", &model, j->tree_code));
  CF_TRY(cf_null_put(ctx, result, "null/permanova", &j->permanova));
  CF_TRY(cf_null_put(ctx, result, "null/permdisp", &j->permdisp));
  CF_TRY(cf_null_put(ctx, result, "null/anosim", &j->anosim));
  CF_TRY(cf_null_put(ctx, result, "null/silhouette", &j->silhouette));
  if (j->a) CF_TRY(cf_axes_put(ctx, result, "score", 2, point, j->score));
done:
  return status;
}

/* Components over all regions of the file, NaN where one was left out. */
static cf_status put_components(cf_context *ctx, const space_job *j, cf_result *result) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_axis axis[2] = {{"component", j->components, NULL}, {"roi", j->m.rois, j->m.roi}};
  double *x = NULL;
  CF_TRY(CF_SCRATCH(ctx, &x, j->components * j->m.rois));
  for (size_t k = 0; k < j->components * j->m.rois; k++) x[k] = NAN;
  for (size_t k = 0; k < j->components; k++)
    for (size_t r = 0; r < j->kept; r++) x[k * j->m.rois + j->roi[r]] = j->component[k * j->kept + r];
  CF_TRY(cf_axes_put(ctx, result, "component", 2, axis, x));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_status put_regions(cf_context *ctx, const space_job *j, cf_result *result) {
  cf_status status = CF_OK;
  char name[64];
  const cf_axis roi = {"roi", j->m.rois, j->m.roi}, model = {"model", j->m.models, j->m.model};
  const cf_axis all[2] = {model, roi}, mean[2] = {model, {"network", j->m.networks, j->m.network_name}};
  const struct {
    const char *name;
    const double *x;
  } table[] = {{"anova/F", j->f},   {"anova/p", j->f_p},   {"anova/q", j->f_q},  {"anova/eta2", j->eta2},
               {"kruskal/H", j->h}, {"kruskal/p", j->h_p}, {"kruskal/q", j->h_q}};
  CF_TRY(put_components(ctx, j, result));
  CF_TRY(cf_axes_put(ctx, result, "alignment", 2, all, j->m.values->data));
  for (size_t k = 0; k < sizeof table / sizeof *table; k++)
    CF_TRY(cf_axes_put(ctx, result, table[k].name, 1, &roi, table[k].x));
  for (size_t k = 0; k < SPACE_CONVERGENCE && j->winner; k++) {
    snprintf(name, sizeof name, "convergence/%s", space_convergence_name[k]);
    CF_TRY(cf_axes_put(ctx, result, name, 1, &roi, j->conv[k]));
  }
  if (j->winner) CF_TRY(cf_axes_put(ctx, result, "convergence/winner", 1, &roi, j->winner));
  if (j->m.networks) {
    CF_TRY(cf_axes_put(ctx, result, "network/mean", 2, mean, j->network_mean));
    CF_TRY(cf_axes_put(ctx, result, "network/contraction", 1, &mean[1], j->contraction));
    CF_TRY(cf_axes_put(ctx, result, "network/F", 1, &mean[1], j->net_f));
    CF_TRY(cf_axes_put(ctx, result, "network/p", 1, &mean[1], j->net_p));
    CF_TRY(cf_axes_put(ctx, result, "network/q", 1, &mean[1], j->net_q));
    CF_TRY(put_codes(ctx, result, "network/of_roi", &roi, j->m.network));
  }
done:
  return status;
}

/* ----------------------------------------------------------------- summary -- */

static cf_status say_test(cf_context *ctx, cf_result *result, const char *name, const char *letter,
                          const cf_permuted *t) {
  return cf_result_say(ctx, result, "  %-11s %s = %-10.4f p = %-9.4g (%s%zu arrangements)\n", name, letter,
                       t->statistic, t->p, t->exact ? "all " : "", t->permutations);
}

static cf_status say_pairs(cf_context *ctx, const cf_options *options, const space_job *j, cf_result *result) {
  cf_status status = CF_OK;
  if (j->pairs < 2 || j->pairs > 45) return CF_OK;
  for (size_t k = 0; k < j->pairs; k++)
    CF_TRY(cf_result_say(ctx, result, "    %s - %s: F = %.4f, R2 = %.4f, p = %.4g, %s %.4g\n",
                         j->m.group_text[j->pair[k].a], j->m.group_text[j->pair[k].b], j->pair[k].test.statistic,
                         j->pair[k].test.effect, j->pair[k].test.p, cf_options_text(options, "correction"),
                         j->pair[k].adjusted));
done:
  return status;
}

static cf_status say_regions(cf_context *ctx, const space_job *j, double alpha, cf_result *result) {
  cf_status status = CF_OK;
  if (!j->a) return CF_OK;
  CF_TRY(cf_result_say(ctx, result,
                       "  regions     %g of %zu differ between groups (ANOVA), %g (Kruskal-Wallis), q <= %g\n",
                       below(j->m.rois, j->f_q, alpha), j->kept, below(j->m.rois, j->h_q, alpha), alpha));
  if (j->winner)
    CF_TRY(cf_result_say(ctx, result,
                         "  convergence %g regions high in all groups, q <= %g; %zu in the top of all, %.2f "
                         "expected\n",
                         below(j->m.rois, j->conv[6], alpha), alpha, j->c.full, j->c.full_mean));
  if (j->m.networks)
    CF_TRY(cf_result_say(ctx, result, "  networks    group x network F = %.4f, p = %.4g (repeated measures)\n",
                         j->twoway.repeated_interaction.f, j->twoway.repeated_interaction.p));
done:
  return status;
}

static cf_status say(cf_context *ctx, const cf_options *options, const space_job *j, cf_result *result) {
  cf_status status = CF_OK;
  const double alpha = cf_options_number(options, "alpha");
  CF_TRY(
      cf_result_say(ctx, result, "%zu models in %zu groups, %s distances", j->m.models, j->m.groups, j->metric_name));
  if (j->a) CF_TRY(cf_result_say(ctx, result, " over %zu regions", j->kept));
  CF_TRY(cf_result_say(ctx, result, "\n"));
  CF_TRY(say_test(ctx, result, "PERMANOVA", "F", &j->permanova));
  CF_TRY(cf_result_say(ctx, result, "    R2 = %.4f\n", j->permanova.effect));
  CF_TRY(say_pairs(ctx, options, j, result));
  CF_TRY(say_test(ctx, result, "PERMDISP", "F", &j->permdisp));
  CF_TRY(say_test(ctx, result, "ANOSIM", "R", &j->anosim));
  CF_TRY(say_test(ctx, result, "silhouette", "s", &j->silhouette));
  for (size_t g = 0; g < j->m.groups; g++)
    CF_TRY(cf_result_say(ctx, result, "%s%s %.4f", g ? ", " : "    ", j->m.group_text[g], j->group_width[g]));
  CF_TRY(cf_result_say(ctx, result,
                       "\n  clusters    adjusted Rand index with the groups: k-means %.4f, tree %.4f (%zu "
                       "clusters)\n",
                       j->kmeans_ari, j->tree_ari, j->clusters));
  if (j->a && j->components >= 2)
    CF_TRY(cf_result_say(ctx, result, "  components  the first two hold %.1f and %.1f %% of the variance\n",
                         100 * j->ratio[0], 100 * j->ratio[1]));
  CF_TRY(say_regions(ctx, j, alpha, result));
done:
  return status;
}

cf_status space_report(cf_context *ctx, const cf_options *options, const space_job *j, cf_result *result) {
  cf_status status = CF_OK;
  set_values(j, cf_options_number(options, "alpha"), result->values);
  CF_TRY(put_positions(ctx, j, result));
  if (j->a) CF_TRY(put_regions(ctx, j, result));
  CF_TRY(say(ctx, options, j, result));
done:
  return status;
}
