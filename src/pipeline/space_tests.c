/* `cortifold space`: where the models lie, and whether their groups differ. */
#include <math.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/space.h"

/* --------------------------------------------------------------- positions -- */

static cf_status principal(cf_context *ctx, space_job *j) {
  cf_status status = CF_OK;
  const size_t n = j->m.models, k = CF_MIN(j->components, CF_MIN(n - 1, j->kept));
  const cf_view view = cf_view_matrix(j->a, n, j->kept);
  CF_TRY(CF_ALLOC(ctx, &j->component, j->components * j->kept));
  CF_TRY(CF_ALLOC(ctx, &j->score, n * j->components));
  CF_TRY(CF_ALLOC(ctx, &j->variance, j->components));
  CF_TRY(CF_ALLOC(ctx, &j->ratio, j->components));
  j->components = k;
  CF_TRY(cf_pca(ctx, &view, k, j->component, j->score, j->variance, j->ratio, NULL));
done:
  return status;
}

/* Adjusted Rand index of clusters with the groups, clusters as many as asked for. */
static cf_status clusters(cf_context *ctx, const cf_options *options, space_job *j) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const size_t n = j->m.models;
  double *all = NULL;
  CF_TRY(CF_ALLOC(ctx, &j->merge, 4 * (n - 1)));
  CF_TRY(CF_ALLOC(ctx, &j->tree_code, n));
  CF_TRY(CF_ALLOC(ctx, &j->kmeans, n));
  CF_TRY(cf_linkage_tree(ctx, n, j->distance, j->linkage, j->merge));
  CF_TRY(cf_linkage_cut(ctx, n, j->merge, j->clusters, j->tree_code));
  CF_TRY(cf_adjusted_rand(ctx, n, j->tree_code, j->m.code, &j->tree_ari));
  if (j->metric == CF_SPACE_EUCLIDEAN && j->a) { /* these are the points themselves */
    CF_TRY(cf_kmeans(ctx, n, j->kept, j->a, j->clusters, (size_t)cf_options_integer(options, "starts"),
                     cf_hash_text("space k-means"), j->kmeans, &j->kmeans_within));
  } else { /* all principal coordinates of the distances */
    CF_TRY(CF_SCRATCH(ctx, &all, n * (n - 1)));
    CF_TRY(cf_classical_mds(ctx, n, j->distance, n - 1, all, NULL));
    CF_TRY(cf_kmeans(ctx, n, n - 1, all, j->clusters, (size_t)cf_options_integer(options, "starts"),
                     cf_hash_text("space k-means"), j->kmeans, &j->kmeans_within));
  }
  CF_TRY(cf_adjusted_rand(ctx, n, j->kmeans, j->m.code, &j->kmeans_ari));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

static cf_linkage linkage_of(const char *name) {
  return strcmp(name, "single") == 0     ? CF_LINKAGE_SINGLE
         : strcmp(name, "complete") == 0 ? CF_LINKAGE_COMPLETE
         : strcmp(name, "ward") == 0     ? CF_LINKAGE_WARD
                                         : CF_LINKAGE_AVERAGE;
}

cf_status space_positions(cf_context *ctx, const cf_options *options, space_job *j) {
  cf_status status = CF_OK;
  const size_t n = j->m.models;
  j->components = CF_MIN((size_t)cf_options_integer(options, "components"), n - 1);
  j->linkage = linkage_of(cf_options_text(options, "linkage"));
  const int64_t wanted = cf_options_integer(options, "clusters");
  j->clusters = wanted > 0 ? (size_t)wanted : j->m.groups;
  if (j->clusters > n)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "--clusters %zu of %zu models; at most as many as there are", j->clusters, n));
  CF_TRY(CF_ALLOC(ctx, &j->distance, n * n));
  if (j->a) {
    status = cf_space_distances(ctx, n, j->kept, j->a, j->metric, j->distance);
    if (status != CF_OK) {
      status = cf_explain(ctx, status, "%s", j->m.address);
      goto done;
    }
    CF_TRY(principal(ctx, j));
  } else {
    memcpy(j->distance, j->m.values->data, n * n * sizeof *j->distance);
  }
  CF_TRY(CF_ALLOC(ctx, &j->position, n * j->components));
  CF_TRY(CF_ALLOC(ctx, &j->axis_value, j->components));
  CF_TRY(cf_classical_mds(ctx, n, j->distance, j->components, j->position, j->axis_value));
  CF_TRY(clusters(ctx, options, j));
done:
  return status;
}

/* ------------------------------------------------------------------- tests -- */

static cf_status pairwise(cf_context *ctx, const cf_options *options, space_job *j) {
  cf_status status = CF_OK;
  const char *name = cf_options_text(options, "correction");
  const cf_correction correction = strcmp(name, "bh") == 0           ? CF_CORRECT_BH
                                   : strcmp(name, "bonferroni") == 0 ? CF_CORRECT_BONFERRONI
                                                                     : CF_CORRECT_HOLM;
  cf_permute_options o = j->permute;
  o.task = cf_hash_text("space pairs");
  j->pairs = j->m.groups * (j->m.groups - 1) / 2;
  CF_TRY(CF_ALLOC(ctx, &j->pair, j->pairs));
  CF_TRY(cf_permanova_pairs(ctx, j->m.models, j->distance, j->m.groups, j->m.code, &o, correction, j->pair));
done:
  return status;
}

static cf_status silhouettes(cf_context *ctx, space_job *j) {
  cf_status status = CF_OK;
  cf_permute_options o = j->permute;
  o.task = cf_hash_text("space silhouette");
  CF_TRY(CF_ALLOC(ctx, &j->width, j->m.models));
  CF_TRY(CF_ALLOC(ctx, &j->group_width, j->m.groups));
  CF_TRY(cf_silhouette(ctx, j->m.models, j->distance, j->m.groups, j->m.code, &o, j->width, &j->silhouette));
  for (size_t g = 0; g < j->m.groups; g++) {
    double sum = 0, count = 0;
    for (size_t i = 0; i < j->m.models; i++)
      if (j->m.code[i] == g) {
        sum += j->width[i];
        count++;
      }
    j->group_width[g] = sum / count;
  }
done:
  return status;
}

static void warn_small(cf_context *ctx, const space_job *j) {
  for (size_t g = 0; g < j->m.groups; g++) {
    size_t members = 0;
    for (size_t i = 0; i < j->m.models; i++) members += j->m.code[i] == g;
    if (members < 3)
      cf_warn(ctx, "%s: group %s has %zu model%s; fewer than 3 say little of a group", j->m.address, j->m.group_text[g],
              members, members == 1 ? "" : "s");
  }
  if (j->permanova.exact && j->permanova.permutations < 20)
    cf_warn(ctx, "%s: there are %zu arrangements of the labels; p cannot be below %.3g", j->m.address,
            j->permanova.permutations, 1 / (double)j->permanova.permutations);
  if (isinf(j->permanova.statistic))
    cf_warn(ctx, "%s: models do not differ within groups at all; F is infinite", j->m.address);
}

cf_status space_tests(cf_context *ctx, const cf_options *options, space_job *j) {
  cf_status status = CF_OK;
  const size_t n = j->m.models;
  cf_permute_options o = j->permute;
  cf_permdisp_options *d = &j->dispersion;
  *d = (cf_permdisp_options)CF_PERMDISP_OPTIONS_INIT;
  if (strcmp(cf_options_text(options, "centre"), "centroid") == 0) d->centre = CF_CENTRE_CENTROID;
  if (strcmp(cf_options_text(options, "negative-axes"), "subtract") == 0) d->negative = CF_NEGATIVE_SUBTRACT;
  if (strcmp(cf_options_text(options, "dispersion-null"), "labels") == 0) d->null = CF_DISPERSION_LABELS;
  d->euclidean = j->a && j->metric == CF_SPACE_EUCLIDEAN;
  CF_TRY(CF_ALLOC(ctx, &j->spread, n));
  CF_TRY(CF_ALLOC(ctx, &j->spread_mean, j->m.groups));
  cf_progress_begin(ctx, "tests of groups", 5);
  o.task = cf_hash_text("space permanova");
  CF_TRY(cf_permanova(ctx, n, j->distance, j->m.groups, j->m.code, &o, &j->permanova));
  cf_progress_step(ctx, 1);
  CF_TRY(pairwise(ctx, options, j));
  cf_progress_step(ctx, 1);
  o.task = cf_hash_text("space permdisp");
  CF_TRY(cf_permdisp(ctx, n, j->distance, j->m.groups, j->m.code, d, &o, &j->permdisp, j->spread, j->spread_mean,
                     &j->negative));
  cf_progress_step(ctx, 1);
  o.task = cf_hash_text("space anosim");
  CF_TRY(cf_anosim(ctx, n, j->distance, j->m.groups, j->m.code, &o, &j->anosim));
  cf_progress_step(ctx, 1);
  CF_TRY(silhouettes(ctx, j));
  cf_progress_end(ctx);
  warn_small(ctx, j);
done:
  if (status != CF_OK) status = cf_explain(ctx, status, "%s", j->m.address);
  return status;
}
