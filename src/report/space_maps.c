/* Spaces of models: maps of regions, boxes of networks, the scheme of the analysis. */
#include "report/space.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>

enum { MOST_BOXES = 60 };

/* ------------------------------------------------------------------ cortex -- */

/* Mean over the models of each group, NaN when one of them has none: groups x regions. */
static cf_status group_means(cf_page *page, const space *s, double **out) {
  cf_status status = CF_OK;
  const size_t n = s->distance.n, rois = s->brain.rois, groups = s->distance.groups;
  CF_TRY(CF_SCRATCH(page->ctx, out, groups * rois));
  for (size_t g = 0; g < groups; ++g)
    for (size_t r = 0; r < rois; ++r) {
      double sum = 0.0, count = 0.0;
      for (size_t i = 0; i < n; ++i)
        if (s->distance.group[i] == g) sum += s->alignment.value[i * rois + r], ++count;
      (*out)[g * rois + r] = count > 0.0 ? sum / count : NAN;
    }
done:
  return status;
}

/* Alignment of the groups' means, and of every model. */
cf_status cf_space_draw_maps(cf_page *page, const cf_part *part, const space *s) {
  cf_status status = CF_OK;
  const size_t n = s->distance.n, rois = s->brain.rois, groups = s->distance.groups;
  double *mean = NULL;
  cf_cortex_map *map = NULL;
  if (!s->brain.drawn) return CF_OK;
  CF_TRY(group_means(page, s, &mean));
  CF_TRY(CF_SCRATCH(page->ctx, &map, CF_MAX(groups, n)));
  for (size_t g = 0; g < groups; ++g)
    map[g] = (cf_cortex_map){.name = s->distance.group_name[g], .value = mean + g * rois};
  cf_cortex_figure what = {.maps = CF_MIN(groups, (size_t)8), .map = map, .quantity = "mean alignment"};
  CF_TRY(cf_page_cortex(page, part, "cortex-groups", "Where groups of models align",
                        "Mean alignment over the models of each group, in one colour range.", &s->brain, &what));
  for (size_t i = 0; i < n; ++i)
    map[i] = (cf_cortex_map){.name = s->label ? s->label[i] : NULL, .value = s->alignment.value + i * rois};
  what = (cf_cortex_figure){.maps = n, .map = map, .quantity = "alignment"};
  if (s->brain.views)
    CF_TRY(cf_page_cortex(page, part, "cortex-models", "Where each model aligns",
                          "Alignment of every model, in one colour range.", &s->brain, &what));
done:
  return status;
}

/* Where groups converge, and whose a region is. */
cf_status cf_space_draw_convergence(cf_page *page, const cf_part *part, const space *s) {
  static const char caption[] =
      "Measures of ours, from the means of the groups. Conjunction: the least of the groups' z over regions, so that only regions "
      "that are high in all are high. Evenness: entropy of the groups' shares (1: all alike). In the top: of how many groups the "
      "region is among the highest. Selectivity: colour of the group with the highest mean, the paler the less it leads.";
  static const struct {
    const char *array, *name, *quantity;
    bool diverging;
  } known[] = {{"convergence/conjunction", "Conjunction", "least z", true},
               {"convergence/entropy", "Evenness", "evenness", false},
               {"convergence/overlap", "In the top of", "groups", false}};
  cf_status status = CF_OK;
  const size_t rois = s->brain.rois;
  double *winner = NULL, *strength = NULL;
  size_t *category = NULL, maps = 0;
  cf_cortex_map map[4];
  if (!s->brain.drawn) return CF_OK;
  for (size_t k = 0; k < 3; ++k) {
    double *value = NULL;
    CF_TRY(cf_block_vector(page, part, known[k].array, rois, &value));
    if (value)
      map[maps++] = (cf_cortex_map){
          .name = known[k].name, .value = value, .quantity = known[k].quantity, .diverging = known[k].diverging};
  }
  CF_TRY(cf_block_vector(page, part, "convergence/winner", rois, &winner)); /* codes in the order of the groups' list */
  CF_TRY(cf_block_vector(page, part, "convergence/selectivity", rois, &strength));
  if (winner && strength) {
    CF_TRY(CF_SCRATCH(page->ctx, &category, rois));
    for (size_t r = 0; r < rois; ++r)
      category[r] = winner[r] >= 0.0 && winner[r] < (double)s->distance.groups ? (size_t)winner[r] : CF_NO_GROUP;
    map[maps++] = (cf_cortex_map){.name = "Selectivity", .category = category, .strength = strength};
  }
  cf_cortex_figure what = {.maps = maps,
                           .map = map,
                           .own_range = true,
                           .groups = category ? s->distance.groups : 0,
                           .group_name = s->distance.group_name};
  CF_TRY(cf_page_cortex(page, part, "cortex-convergence", "Where groups converge, and whose regions are", caption,
                        &s->brain, &what));
done:
  return status;
}

/* Means over networks of every model, with marks of the ANOVA over the groups. */
cf_status cf_space_draw_boxes(cf_page *page, const cf_part *part, const space *s) {
  static const char caption[] =
      "Mean alignment of each model (dot) over the regions of each network; boxes: quartiles and median, whiskers to the last "
      "model within 1.5 quartile ranges. Stars: one-way ANOVA of the groups within the network, adjusted over the networks "
      "(Benjamini and Hochberg).";
  cf_status status = CF_OK;
  cf_block mean;
  double *q = NULL, *sample = NULL;
  const cf_json *list = cf_json_get(part->result, "networks");
  const char **name = NULL, **mark = NULL;
  cf_block_value *value = NULL;
  char id[256];
  cf_figure *figure = NULL;
  CF_TRY(cf_block_read(page, part, "network/mean", 2, &mean));
  const size_t n = s->distance.n, groups = s->distance.groups;
  if (!mean.value || mean.shape[0] != n || !list || cf_json_count(list) != mean.shape[1]) goto done;
  const size_t networks = mean.shape[1];
  if (networks * groups > MOST_BOXES) goto done;
  CF_TRY(cf_block_vector(page, part, "network/q", networks, &q));
  CF_TRY(CF_SCRATCH(page->ctx, &name, networks));
  CF_TRY(CF_SCRATCH(page->ctx, &mark, networks));
  CF_TRY(CF_SCRATCH(page->ctx, &value, networks * groups));
  CF_TRY(CF_SCRATCH(page->ctx, &sample, networks * n));
  for (size_t k = 0, at = 0; k < networks; ++k) {
    name[k] = cf_part_text(cf_json_at(list, k), "name", "?");
    mark[k] = !q ? NULL : q[k] <= 0.001 ? "***" : q[k] <= 0.01 ? "**" : q[k] <= 0.05 ? "*" : NULL;
    for (size_t g = 0; g < groups; ++g) {
      cf_block_value *v = &value[k * groups + g];
      *v = (cf_block_value){.value = NAN, .sample = sample + at};
      for (size_t i = 0; i < n; ++i)
        if (s->distance.group[i] == g) sample[at++] = mean.value[i * networks + k], ++v->n;
    }
  }
  cf_blocks_figure spec = {.blocks = networks,
                           .series = groups,
                           .value = value,
                           .block_name = name,
                           .series_name = s->distance.group_name,
                           .mark = q ? mark : NULL,
                           .y_title = "mean alignment",
                           .mark_note = "* q ≤ 0.05   ** q ≤ 0.01   *** q ≤ 0.001"};
  cf_figure_options o = cf_page_options(part, "networks", "Networks", caption, id);
  CF_TRY(cf_figure_blocks(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "networks", "Networks", caption, true, figure);
done:
  return status;
}

/* ------------------------------------------------------------------ scheme -- */

cf_status cf_space_draw_scheme(cf_page *page, const cf_part *part, const space *s) {
  static const char caption[] = "What was done, and how it was set.";
  cf_status status = CF_OK;
  char id[256], size[96], distance[96], tests[160], regions[160];
  const cf_json *o = part->options, *f = cf_json_get(part->result, "permanova");
  cf_figure *figure = NULL;
  if (s->alignment.value)
    snprintf(size, sizeof size, "%zu models x %zu regions", s->distance.n, s->alignment.shape[1]);
  else
    snprintf(size, sizeof size, "%zu models, distances as given", s->distance.n);
  snprintf(distance, sizeof distance, "%.40s distance; tree: %.20s linkage",
           cf_part_text(part->result, "distance", "?"), cf_part_text(o, "linkage", "average"));
  snprintf(tests, sizeof tests, "PERMANOVA, PERMDISP (%.20s), ANOSIM, silhouette; %s%.0f arrangements",
           cf_part_text(cf_json_get(part->result, "permdisp"), "centre", "median"),
           cf_json_as_bool(cf_json_get(f, "exact")) ? "all " : "", cf_part_number(f, "permutations"));
  snprintf(regions, sizeof regions,
           "ANOVA and Kruskal-Wallis with false discovery rate; convergence from the top %.3g %%",
           cf_part_number(o, "top"));
  const cf_scheme_step step[] = {{s->alignment.value ? "Alignment" : "Distances", size, NULL, NULL},
                                 {"Distances between models", distance, NULL, NULL},
                                 {"Do groups lie apart?", tests, NULL, "groups"},
                                 {"Region by region", regions, NULL, NULL}};
  cf_scheme_figure spec = {s->alignment.value ? 4 : 3, step};
  cf_figure_options options = cf_page_options(part, "scheme", "Steps", caption, id);
  CF_TRY(cf_figure_scheme(page->ctx, &spec, &options, &figure));
  status = cf_page_figure(page, part, "scheme", "Steps", caption, true, figure);
done:
  return status;
}
