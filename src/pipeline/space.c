/* `cortifold space`: models as points, their groups tested. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/internal.h"
#include "pipeline/analyses.h"
#include "pipeline/cortex.h"
#include "pipeline/space.h"
#include <cortifold/io.h>

static const cf_param params[] = {
    {"groups", 'g', CF_PARAM_ADDRESS, "FILE", NULL, 0, 0, NULL,
     "One label a model: its group (modality). Without it the member group or modality beside the alignment."},
    {"distance", 'd', CF_PARAM_CHOICE, "NAME", "euclidean", 0, 0, "euclidean|correlation|cosine|precomputed",
     "Distance between models: Euclidean, 1 - Pearson over the regions, 1 - cosine; precomputed: the file is the square "
     "matrix of distances."},
    {"permutations", 'n', CF_PARAM_INTEGER, "N", "9999", 1, 4000000000.0, NULL,
     "Arrangements of the labels that are drawn when there are too many to look at all of them."},
    {"exact-up-to", 0, CF_PARAM_REAL, "N", "1e6", 0, 1e8, NULL,
     "Look at all arrangements when there are at most this many; 0: always draw."},
    {"strata", 0, CF_PARAM_ADDRESS, "FILE", NULL, 0, 0, NULL,
     "One label a model; labels change places within strata only (such as the data set)."},
    {"datasets", 0, CF_PARAM_ADDRESS, "FILE", NULL, 0, 0, NULL,
     "One label a model: the data set that its alignment comes from. Warns when groups cannot be told from data sets."},
    {"correction", 0, CF_PARAM_CHOICE, "METHOD", "holm", 0, 0, "holm|bh|bonferroni",
     "Adjustment of the pairwise tests."},
    {"centre", 0, CF_PARAM_CHOICE, "NAME", "median", 0, 0, "median|centroid",
     "PERMDISP: spatial median of a group, or its mean."},
    {"negative-axes", 0, CF_PARAM_CHOICE, "RULE", "zero", 0, 0, "zero|subtract",
     "PERMDISP, distances that are not Euclidean: leave the axes of negative eigenvalues out (scikit-bio), or take "
     "sqrt |d^2 - d^2 in these axes| (vegan)."},
    {"dispersion-null", 0, CF_PARAM_CHOICE, "NULL", "distances", 0, 0, "distances|labels",
     "PERMDISP: labels rearranged over the distances to the own centre (cautious in groups of a few), or over the models, "
     "centres found anew, as scikit-bio does (slow; calls groups that lie apart different in spread when they are not)."},
    {"components", 'c', CF_PARAM_INTEGER, "K", "10", 1, 10000, NULL,
     "Principal components and principal coordinates that are kept."},
    {"clusters", 'k', CF_PARAM_INTEGER, "K", "0", 0, 100000, NULL,
     "Clusters of k-means and of the tree, compared with the groups; 0: as many as there are groups."},
    {"linkage", 0, CF_PARAM_CHOICE, "NAME", "average", 0, 0, "average|complete|single|ward", "Tree of the models."},
    {"starts", 0, CF_PARAM_INTEGER, "N", "20", 1, 100000, NULL, "Starts of k-means, the best counts."},
    {"networks", 0, CF_PARAM_ADDRESS, "FILE", NULL, 0, 0, NULL,
     "One label a region: its network, for means over networks, group x network ANOVA and contraction."},
    {"top", 0, CF_PARAM_REAL, "PERCENT", "20", 0.01, 100, NULL,
     "Regions of a group that count as its top, for the overlap."},
    {"roi-permutations", 0, CF_PARAM_INTEGER, "N", "9999", 0, 10000000, NULL,
     "Arrangements of the regions for p of the conjunction; 0: none."},
    {"spins", 0, CF_PARAM_ADDRESS, "FILE", NULL, 0, 0, NULL,
     "Rotations of the cortex instead, (spin, region): the number of the region that comes to each place."},
    {"alpha", 'a', CF_PARAM_REAL, "LEVEL", "0.05", 0, 1, NULL, "Level at which regions are counted in the summary."},
    {"families", 0, CF_PARAM_ADDRESS, "FILE", NULL, 0, 0, NULL,
     "One label a model: its family (architecture), a shape of its own in the report. Without it the member family beside "
     "the alignment, if there is one."},
    CF_CORTEX_PARAMS,
    CF_PARAM_END,
};

static const char description[] =
    "Models are points whose coordinates are their alignments with regions (model, region). Do models of one group "
    "(modality) lie together?\n\n"
    "- pca: principal components of the alignment, columns centred, not scaled; the largest entry of a component is "
    "positive. pcoa: classical scaling of the distances.\n"
    "- permanova: SST = sum_{i<j} d^2 / N, SSW = sum_g sum_{i<j in g} d^2 / n_g, F = ((SST - SSW) / (a - 1)) / (SSW / (N "
    "- a)), R2 = 1 - SSW / SST (Anderson 2001). pairwise: the same for each two groups, adjusted.\n"
    "- permdisp: one-way F of the distances to the centre of the own group (Anderson 2006). When it is significant, "
    "groups differ in spread, and permanova may mean that.\n"
    "- anosim: R = (mean rank between - mean rank within) / (N (N - 1) / 4) (Clarke 1993).\n"
    "- silhouette: s = (b - a) / max(a, b) of each model (Rousseeuw 1987), with p of its mean.\n"
    "- clusters: k-means and a tree, their adjusted Rand index with the groups.\n"
    "- regions: one-way ANOVA (F, p, eta2) and Kruskal-Wallis (H, p) of each, q by Benjamini & Hochberg over regions.\n"
    "- convergence (our definitions; the published one is not at hand), from the means m_kr of the groups: conjunction "
    "min_k z_kr (z over the regions of a group) with p from rearranged regions or spins; entropy -sum_k p_k log p_k / log "
    "a of p_k = m_kr / sum_k m_kr; overlap, of how many groups a region is in the top; selectivity (max - mean of the "
    "others) / (max + mean of the others), with the winner.\n"
    "- with --networks: network_anova, group x network on the means over networks, with all values as independent and as "
    "repeated measures (networks within models: this is the one to trust); one-way ANOVA of each network's means (F, p, q over "
    "networks); contraction, mean distance between groups "
    "within the network over that of all regions, per root of the number of regions.\n\n"
    "p of permanova, permdisp, anosim and silhouette: all distinct arrangements of the labels when they are at most "
    "--exact-up-to, p = share that reaches the observed value; else (1 + reached) / (1 + permutations). Ties count as "
    "reached. The smallest p that can come out is smallest_p.\n\n"
    "Regions with NaN in any model are left out of everything and counted. When each group has a data set of its own, "
    "groups cannot be told from data sets: give --datasets and read the warning.\n\n"
    "Values: permanova, permdisp, anosim {F or R, p, permutations, exact, smallest_p, null_mean, null_sd, ...}, pairwise "
    "[{a, b, F, R2, p, p_adjusted, ...}], silhouette {mean, per_model, groups, p, ...}, pca {explained_variance, "
    "explained_variance_ratio}, pcoa {eigenvalues}, clusters {k, kmeans {ari}, tree {ari}}, regions, convergence, "
    "networks [{name, regions, contraction, F, p, q}], network_anova, datasets, groups. Arrays: distance, score, component, pcoa, merge, silhouette, spread, "
    "group, family, alignment, anova/*, kruskal/*, convergence/*, network/*, null/*.";

static const char examples[] =
    "cortifold space nfas.npz:alignment --groups modality.tsv -o space.h5\n"
    "cortifold space a.npy --groups g.npy --distance correlation --permutations 99999 --json\n"
    "cortifold space cka.npz:distance --groups g.tsv --distance precomputed\n"
    "cortifold space nfas.h5 --groups g.tsv --datasets d.tsv --networks yeo7.tsv";

static void job_free(space_job *j) {
  double *all[] = {j->a,     j->distance,    j->crossed,    j->component, j->score,        j->variance,
                   j->ratio, j->position,    j->axis_value, j->merge,     j->spread,       j->spread_mean,
                   j->width, j->group_width, j->f,          j->f_p,       j->f_q,          j->eta2,
                   j->h,     j->h_p,         j->h_q,        j->winner,    j->network_mean, j->contraction,
                   j->net_f, j->net_p,       j->net_q};
  size_t *codes[] = {j->roi, j->spins, j->strata, j->dataset, j->kmeans, j->tree_code, j->family};
  cf_permuted *test[] = {&j->permanova, &j->permdisp, &j->anosim, &j->silhouette};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) cf_free(all[i]);
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) cf_free(codes[i]);
  for (size_t i = 0; i < SPACE_CONVERGENCE; i++) cf_free(j->conv[i]);
  for (size_t i = 0; i < sizeof test / sizeof *test; i++) cf_permuted_clear(test[i]);
  for (size_t i = 0; j->pair && i < j->pairs; i++) cf_permuted_clear(&j->pair[i].test);
  cf_free(j->pair);
  cf_array_free(j->dataset_name);
  cf_array_free(j->family_name);
  cf_models_free(&j->m);
}

/* ------------------------------------------------------------------- input -- */

/* The regions that are numbers for all models. */
static cf_status keep_regions(cf_context *ctx, space_job *j) {
  cf_status status = CF_OK;
  const double *x = j->m.values->data;
  const size_t n = j->m.models, rois = j->m.rois;
  CF_TRY(CF_ALLOC(ctx, &j->roi, rois));
  CF_TRY(CF_ALLOC(ctx, &j->a, n * rois));
  for (size_t r = 0; r < rois; r++) {
    bool known = true;
    for (size_t i = 0; i < n; i++) known &= !isnan(x[i * rois + r]);
    if (known) j->roi[j->kept++] = r;
  }
  if (j->kept == 0) {
    size_t worst = 0, most = 0;
    for (size_t i = 0; i < n; i++) {
      size_t missing = 0;
      for (size_t r = 0; r < rois; r++) missing += isnan(x[i * rois + r]) ? 1 : 0;
      if (missing > most) {
        most = missing;
        worst = i;
      }
    }
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: every region has NaN in some model; model %zu has %zu of %zu", j->m.address,
                   worst, most, rois));
  }
  size_t first = 0; /* left out */
  while (first < j->kept && j->roi[first] == first) first++;
  if (j->kept < rois)
    cf_warn(ctx, "%s: %zu of %zu regions have NaN in some model and are left out; the first is %zu", j->m.address,
            rois - j->kept, rois, first);
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < j->kept; k++) j->a[i * j->kept + k] = x[i * rois + j->roi[k]];
done:
  return status;
}

/* Which groups have models in which data sets. */
static cf_status cross_datasets(cf_context *ctx, const cf_options *options, cf_result *result, space_job *j) {
  cf_status status = CF_OK;
  const char *address = cf_options_text(options, "datasets");
  if (!address) return CF_OK;
  CF_TRY(cf_models_codes(ctx, address, "--datasets", j->m.models, result, &j->dataset, &j->datasets, &j->dataset_name));
  CF_TRY(CF_ALLOC(ctx, &j->crossed, j->m.groups * j->datasets));
  for (size_t i = 0; i < j->m.models; i++) j->crossed[j->m.code[i] * j->datasets + j->dataset[i]]++;
  j->nested = j->datasets > 1;
  bool mixed = false;
  for (size_t d = 0; d < j->datasets; d++) {
    size_t groups = 0;
    for (size_t g = 0; g < j->m.groups; g++) groups += j->crossed[g * j->datasets + d] > 0;
    if (groups > 1) j->nested = false;
    mixed |= groups > 1;
  }
  if (j->nested)
    cf_warn(ctx,
            "%s: every data set holds models of one group alone; differences between groups cannot be told from "
            "differences between data sets",
            address);
  else if (mixed && j->datasets > 1 && !cf_options_given(options, "strata"))
    cf_warn(ctx, "%s: groups share data sets; --strata %s tests groups within data sets", address, address);
done:
  return status;
}

/* Which region comes to each; regions with NaN cannot come anywhere. */
static cf_status load_spins(cf_context *ctx, const cf_options *options, cf_result *result, space_job *j) {
  cf_status status = CF_OK;
  cf_array *a = NULL;
  const char *address = cf_options_text(options, "spins");
  if (!address) return CF_OK;
  CF_TRY(cf_io_read(ctx, address, "spins|spin", &a));
  CF_TRY(cf_result_input(ctx, result, address));
  if (a->ndim != 2 || a->shape[1] != j->m.rois || a->shape[0] == 0)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT,
                   "%s: spins are (spin, region), for each region the number of the one that comes to "
                   "it; %zu regions are needed",
                   address, j->m.rois));
  if (j->kept != j->m.rois)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: %zu of %zu regions have NaN; take them out of the alignment and the spins",
                   j->m.address, j->m.rois - j->kept, j->m.rois));
  j->spin_count = a->shape[0];
  CF_TRY(CF_ALLOC(ctx, &j->spins, cf_array_count(a)));
  for (size_t k = 0; k < cf_array_count(a); k++) {
    const double x = cf_array_number(a, k);
    if (!(x >= 0 && x < (double)j->m.rois && x == floor(x)))
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: entry (%zu, %zu) is %g, not the number of a region from 0 to %zu", address,
                     k / j->m.rois, k % j->m.rois, x, j->m.rois - 1));
    j->spins[k] = (size_t)x;
  }
done:
  cf_array_free(a);
  return status;
}

/* --families, or the member `family` beside the alignment where it has one label a model. */
static cf_status load_families(cf_context *ctx, const cf_options *options, bool in_memory, cf_result *result,
                               space_job *j) {
  cf_status status = CF_OK;
  cf_array *labels = NULL;
  const char *address = cf_options_text(options, "families");
  if (address) {
    CF_TRY(cf_models_codes(ctx, address, "--families", j->m.models, result, &j->family, &j->families, &j->family_name));
    goto done;
  }
  if (j->m.family)
    CF_TRY(cf_array_copy(ctx, j->m.family, &labels));
  else if (!in_memory)
    CF_TRY(cf_io_read_sibling(ctx, j->m.address, "family", &labels));
  if (!labels || labels->ndim != 1 || labels->shape[0] != j->m.models) goto done;
  CF_TRY(CF_ALLOC(ctx, &j->family, j->m.models));
  CF_TRY(cf_labels_group(ctx, labels, j->family, &j->families, &j->family_name));
done:
  cf_array_free(labels);
  return status;
}

static cf_status load(cf_context *ctx, const cf_options *options, cf_models *given, cf_result *result, space_job *j) {
  cf_status status = CF_OK;
  const char *strata = cf_options_text(options, "strata");
  j->metric_name = cf_options_text(options, "distance");
  const bool square = strcmp(j->metric_name, "precomputed") == 0;
  static const char *const of_regions[] = {"surface-left", "surface-right", "parcels"};
  if (square && (cf_options_given(options, "networks") || cf_options_given(options, "spins")))
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE,
                   "--networks and --spins are of regions; with --distance precomputed there are none"));
  for (size_t i = 0; square && i < sizeof of_regions / sizeof *of_regions; i++)
    if (cf_options_given(options, of_regions[i]))
      CF_TRY(
          cf_fail(ctx, CF_ERR_USAGE, "--%s is of regions; with --distance precomputed there are none", of_regions[i]));
  if (strcmp(j->metric_name, "correlation") == 0) j->metric = CF_SPACE_CORRELATION;
  if (strcmp(j->metric_name, "cosine") == 0) j->metric = CF_SPACE_COSINE;
  if (given) {
    j->m = *given;
    *given = (cf_models){0};
  } else {
    CF_TRY(cf_models_load(ctx, options, square, result, &j->m));
  }
  if (!square) CF_TRY(keep_regions(ctx, j));
  if (!j->m.network) CF_TRY(cf_models_networks(ctx, options, result, &j->m));
  if (!square) CF_TRY(load_spins(ctx, options, result, j));
  if (strata) CF_TRY(cf_models_codes(ctx, strata, "--strata", j->m.models, result, &j->strata, &j->strata_count, NULL));
  CF_TRY(cross_datasets(ctx, options, result, j));
  CF_TRY(load_families(ctx, options, given != NULL, result, j));
  j->permute = (cf_permute_options)CF_PERMUTE_OPTIONS_INIT;
  j->permute.permutations = (size_t)cf_options_integer(options, "permutations");
  j->permute.exact_up_to = cf_options_number(options, "exact-up-to");
  j->permute.strata = j->strata;
done:
  return status;
}

cf_status cf_space_run(cf_context *ctx, const cf_options *options, cf_models *given, cf_result *result) {
  cf_status status = CF_OK;
  space_job j = {.metric = CF_SPACE_EUCLIDEAN};
  cf_dataset *cortex = NULL;
  CF_TRY(load(ctx, options, given, result, &j));
  CF_TRY(cf_cortex_load(ctx, options, false, j.m.rois, j.m.roi, result, &cortex));
  CF_TRY(space_positions(ctx, options, &j));
  CF_TRY(space_tests(ctx, options, &j));
  CF_TRY(space_regions(ctx, options, &j));
  CF_TRY(space_report(ctx, options, &j, result));
  CF_TRY(cf_cortex_put(ctx, cortex, result));
done:
  cf_dataset_free(cortex);
  job_free(&j);
  return status;
}

static cf_status run(cf_context *ctx, const cf_options *options, cf_result *result) {
  return cf_space_run(ctx, options, NULL, result);
}

static cf_status cost(cf_context *ctx, const cf_options *options, cf_cost *out) {
  double n = 0, rois = 0;
  char *path = NULL, *member = NULL;
  cf_io_listing *list = NULL;
  cf_status status = CF_OK;
  CF_TRY(cf_io_split(ctx, cf_options_argument(options, 0), &path, &member));
  CF_TRY(cf_io_list(ctx, path, &list));
  for (size_t i = 0; i < list->count; i++)
    if (list->entry[i].ndim == 2 && (double)list->entry[i].shape[0] > n) {
      n = (double)list->entry[i].shape[0];
      rois = (double)list->entry[i].shape[1];
    }
  const double count = (double)cf_options_integer(options, "permutations");
  const bool labels = strcmp(cf_options_text(options, "dispersion-null"), "labels") == 0;
  out->seconds = count * n * n * (3e-10 + (labels ? 5e-9 : 0)) +
                 1e-8 * rois * (double)cf_options_integer(options, "roi-permutations");
  out->bytes = 80 * n * n + 8 * rois * (double)cf_options_integer(options, "roi-permutations") + 64 * count;
done:
  cf_context_clear(ctx);
  cf_io_listing_free(list);
  cf_free(path);
  cf_free(member);
  return CF_OK;
}

const cf_analysis cf_analysis_space = {
    .name = "space",
    .group = "Statistics",
    .summary = "Models as points: do groups of models lie apart?",
    .arguments = "ALIGNMENT",
    .least = 1,
    .most = 1,
    .description = description,
    .examples = examples,
    .params = params,
    .run = run,
    .cost = cost,
};
