/* Spaces of models: points by group, tests of groups against their nulls, silhouettes, distances with a tree, and the
 * alignment itself, rows clustered. */
#include "report/space.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_REGIONS = 25 };

/* Codes of the family of each model, in the order of their first model. */
static cf_status read_families(cf_page *page, const cf_part *part, space *s) {
  cf_status status = CF_OK;
  const cf_array *a = cf_dataset_get(part->task->arrays, "family");
  char buffer[256];
  const size_t n = s->distance.n;
  if (!a || a->ndim != 1 || a->shape[0] != n) return CF_OK;
  CF_TRY(CF_SCRATCH(page->ctx, &s->family, n));
  CF_TRY(CF_SCRATCH(page->ctx, &s->family_name, n));
  for (size_t i = 0; i < n; ++i) {
    const char *name = cf_array_label(a, i, buffer, sizeof buffer);
    size_t f = 0;
    while (f < s->families && strcmp(s->family_name[f], name) != 0) ++f;
    if (f == s->families) {
      char *copy = NULL;
      CF_TRY(cf_scratch_bytes(page->ctx, strlen(name) + 1, 1, (void **)&copy));
      memcpy(copy, name, strlen(name) + 1);
      s->family_name[s->families++] = copy;
    }
    s->family[i] = f;
  }
done:
  return status;
}

/* Groups in the order of the result's own list, as other parts have them: the same colours everywhere. */
static cf_status order_groups(cf_page *page, const cf_part *part, space *s) {
  cf_status status = CF_OK;
  const cf_json *list = cf_json_get(part->result, "groups");
  const size_t groups = s->distance.groups;
  const char **name = NULL;
  size_t *place = NULL;
  if (!list || !cf_json_is_list(list) || cf_json_count(list) != groups) return CF_OK;
  CF_TRY(CF_SCRATCH(page->ctx, &name, groups));
  CF_TRY(CF_SCRATCH(page->ctx, &place, groups));
  for (size_t g = 0; g < groups; ++g) {
    size_t k = 0;
    while (k < groups && strcmp(cf_part_text(cf_json_at(list, k), "name", ""), s->distance.group_name[g]) != 0) ++k;
    if (k == groups) return CF_OK;
    place[g] = k;
    name[k] = s->distance.group_name[g];
  }
  for (size_t i = 0; i < s->distance.n; ++i) s->distance.group[i] = place[s->distance.group[i]];
  s->distance.group_name = name;
done:
  return status;
}

static cf_status read_space(cf_page *page, const cf_part *part, space *s) {
  cf_status status = CF_OK;
  memset(s, 0, sizeof *s);
  CF_TRY(cf_stack_read(page, part, "distance", &s->distance));
  if (s->distance.n == 0) return CF_OK;
  const size_t n = s->distance.n;
  CF_TRY(cf_block_read(page, part, "score", 2, &s->point));
  s->scores = s->point.value && s->point.shape[0] == n;
  if (!s->scores) CF_TRY(cf_block_read(page, part, "pcoa", 2, &s->point));
  if (!s->distance.group) { /* a group of all when the file lacks them */
    const char **name = NULL;
    CF_TRY(CF_SCRATCH(page->ctx, &s->distance.group, n));
    CF_TRY(CF_SCRATCH(page->ctx, &name, 1));
    for (size_t i = 0; i < n; ++i) s->distance.group[i] = 0;
    name[0] = "models";
    s->distance.group_name = name;
    s->distance.groups = 1;
  }
  CF_TRY(order_groups(page, part, s));
  s->label = s->distance.label;
  CF_TRY(cf_part_numbers(page, cf_json_get(cf_json_get(part->result, "pca"), "explained_variance_ratio"), &s->ratio,
                         &s->ratios));
  CF_TRY(read_families(page, part, s));
  CF_TRY(cf_block_read(page, part, "alignment", 2, &s->alignment));
  if (s->alignment.value && s->alignment.shape[0] != n) s->alignment.value = NULL;
  if (s->alignment.value) CF_TRY(cf_brain_read(page, part, s->alignment.shape[1], s->alignment.array, 1, &s->brain));
done:
  return status;
}

/* "PC 1 (32.2 %)" */
static void axis_title(const space *s, size_t k, char *out, size_t size) {
  char share[32];
  if (s->scores && k < s->ratios)
    snprintf(out, size, "PC %zu (%s %%)", k + 1, cf_text_fixed(100.0 * s->ratio[k], 1, share, sizeof share));
  else
    snprintf(out, size, "%s %zu", s->scores ? "PC" : "coordinate", k + 1);
}

/* ------------------------------------------------------------------ points -- */

static cf_status draw_cloud(cf_page *page, const cf_part *part, const space *s) {
  cf_status status = CF_OK;
  const size_t n = s->distance.n, dims = s->point.value ? s->point.shape[1] : 0;
  static const char caption[] = "Models as points: drag to turn. Models near one another align with the same regions.";
  double *point = NULL, *width = NULL;
  char id[256], axis[3][64];
  cf_figure *figure = NULL;
  cf_colouring colouring[2];
  size_t colourings = 1;
  if (dims < 2 || s->point.shape[0] != n) return CF_OK;
  CF_TRY(CF_SCRATCH(page->ctx, &point, 3 * n));
  for (size_t i = 0; i < n; ++i)
    for (size_t k = 0; k < 3; ++k) point[3 * i + k] = k < dims ? s->point.value[i * dims + k] : 0.0;
  for (size_t k = 0; k < 3; ++k) axis_title(s, k, axis[k], sizeof axis[k]);
  colouring[0] = (cf_colouring){
      .title = "group", .group = s->distance.group, .groups = s->distance.groups, .group_name = s->distance.group_name};
  CF_TRY(cf_block_vector(page, part, "silhouette", n, &width));
  if (width)
    colouring[colourings++] =
        (cf_colouring){.title = "silhouette width", .value = width, .map = CF_MAP_DIVERGING, .low = -1.0, .high = 1.0};
  cf_space_figure spec = {.n = n,
                          .point = point,
                          .label = s->label,
                          .axis_name = {axis[0], axis[1], axis[2]},
                          .panels = colourings,
                          .panel = colouring,
                          .azimuth = CF_SPACE_AZIMUTH,
                          .elevation = CF_SPACE_ELEVATION};
  cf_figure_options o = cf_page_options(part, "space", "Models in space", caption, id);
  CF_TRY(cf_figure_space(page->ctx, &spec, &o, &figure));
  cf_cloud_view view = {.n = n,
                        .colourings = colourings,
                        .point = point,
                        .axis = {axis[0], axis[1], axis[2]},
                        .label = s->label,
                        .colouring = colouring,
                        .shown = colourings,
                        .noun = "model"};
  status = cf_page_cloud(page, part, "space", "Models in space", caption, &view, figure, NULL);
done:
  return status;
}

static cf_status draw_plane(cf_page *page, const cf_part *part, const space *s) {
  cf_status status = CF_OK;
  const size_t n = s->distance.n, dims = s->point.value ? s->point.shape[1] : 0;
  const char *caption = s->family
                            ? "The first two axes; equal scales. Shapes: families of models. Ellipses: two standard "
                              "deviations of a group along its own axes."
                            : "The first two axes; equal scales. Ellipses: two standard deviations of a group "
                              "along its own axes.";
  double *x = NULL;
  char id[256], title[2][64];
  cf_figure *figure = NULL;
  if (dims < 2 || s->point.shape[0] != n) return CF_OK;
  CF_TRY(CF_SCRATCH(page->ctx, &x, 2 * n));
  for (size_t i = 0; i < n; ++i) x[i] = s->point.value[i * dims], x[n + i] = s->point.value[i * dims + 1];
  for (size_t k = 0; k < 2; ++k) axis_title(s, k, title[k], sizeof title[k]);
  cf_scatter_figure spec = {.n = n,
                            .x = x,
                            .y = x + n,
                            .label = s->label,
                            .group = s->distance.group,
                            .groups = s->distance.groups,
                            .group_name = s->distance.group_name,
                            .x_title = title[0],
                            .y_title = title[1],
                            .family = s->family,
                            .families = s->families,
                            .family_name = s->family_name,
                            .ellipses = true};
  cf_figure_options o = cf_page_options(part, "plane", "The first two axes", caption, id);
  if (n > 20) o.width_mm = 120.0;
  CF_TRY(cf_figure_scatter(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "plane", "The first two axes", caption, n > 20, figure);
done:
  return status;
}

static cf_status draw_silhouette(cf_page *page, const cf_part *part, const space *s) {
  cf_status status = CF_OK;
  static const char caption[] =
      "Of each model: (b − a) / max(a, b), a its mean distance to the own group, b that to the nearest other group. "
      "Below 0 the model lies nearer to another group.";
  double *width = NULL;
  char id[256];
  cf_figure *figure = NULL;
  CF_TRY(cf_block_vector(page, part, "silhouette", s->distance.n, &width));
  if (!width) goto done;
  cf_silhouette_figure spec = {s->distance.n,     s->distance.groups,     width,
                               s->distance.group, s->distance.group_name, s->label};
  cf_figure_options o = cf_page_options(part, "silhouette", "Silhouettes", caption, id);
  o.width_mm = CF_FIGURE_ONE_COLUMN;
  CF_TRY(cf_figure_silhouette(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "silhouette", "Silhouettes", caption, false, figure);
done:
  return status;
}

/* ------------------------------------------------------------------- nulls -- */

static cf_status draw_null(cf_page *page, const cf_part *part, const char *test, const char *key, const char *title) {
  cf_status status = CF_OK;
  const cf_json *t = cf_json_get(part->result, test);
  const bool exact = cf_json_as_bool(cf_json_get(t, "exact"));
  char id[256], array[64], stem[64], x_title[96], caption[256];
  cf_block null;
  cf_figure *figure = NULL;
  snprintf(array, sizeof array, "null/%s", test);
  CF_TRY(cf_block_read(page, part, array, 1, &null));
  if (!null.value || null.shape[0] < 2) goto done;
  snprintf(stem, sizeof stem, "null-%s", test);
  snprintf(x_title, sizeof x_title, "%s under rearranged labels", key);
  snprintf(caption, sizeof caption, "%s%.0f arrangements of the labels%s; the smallest p that can come out is %.2g.",
           exact ? "All " : "", cf_part_number(t, "permutations"), exact ? "" : ", drawn",
           cf_part_number(t, "smallest_p"));
  cf_histogram_figure spec = {null.shape[0], null.value,
                              cf_part_number(t, strcmp(key, "silhouette") == 0 ? "mean" : key), cf_part_number(t, "p"),
                              x_title};
  cf_figure_options o = cf_page_options(part, stem, title, caption, id);
  CF_TRY(cf_figure_histogram(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, stem, title, caption, false, figure);
done:
  return status;
}

static cf_status draw_nulls(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  CF_TRY(draw_null(page, part, "permanova", "F", "PERMANOVA: do groups lie apart?"));
  CF_TRY(draw_null(page, part, "permdisp", "F", "PERMDISP: do they differ in spread?"));
  CF_TRY(draw_null(page, part, "anosim", "R", "ANOSIM"));
  CF_TRY(draw_null(page, part, "silhouette", "silhouette", "Mean silhouette"));
  cf_text_put(&page->html, "</div>\n");
done:
  return status;
}

/* --------------------------------------------------------------- alignment -- */

/* Columns by network, as they stand within one. */
static cf_status order_columns(cf_page *page, const cf_part *part, size_t rois, cf_heat_side *column) {
  cf_status status = CF_OK;
  double *network = NULL;
  size_t *order = NULL, *group = NULL, made = 0;
  const cf_json *list = cf_json_get(part->result, "networks");
  const char **name = NULL;
  CF_TRY(cf_block_vector(page, part, "network/of_roi", rois, &network));
  if (!network || !list || !cf_json_is_list(list)) goto done;
  const size_t networks = cf_json_count(list);
  CF_TRY(CF_SCRATCH(page->ctx, &order, rois));
  CF_TRY(CF_SCRATCH(page->ctx, &group, rois));
  CF_TRY(CF_SCRATCH(page->ctx, &name, networks + 1));
  for (size_t k = 0; k < networks; ++k) name[k] = cf_part_text(cf_json_at(list, k), "name", "?");
  for (size_t r = 0; r < rois; ++r) {
    if (!(network[r] >= 0.0 && network[r] < (double)networks)) goto done;
    group[r] = (size_t)network[r];
  }
  for (size_t k = 0; k < networks; ++k)
    for (size_t r = 0; r < rois; ++r)
      if (group[r] == k) order[made++] = r;
  column->group = group;
  column->groups = networks;
  column->group_name = name;
  column->order = order;
done:
  return status;
}

/* Leaves of the tree from its top, left branch first. */
static cf_status leaf_order(cf_page *page, size_t n, const double *merge, size_t **out) {
  cf_status status = CF_OK;
  size_t *order = NULL, *stack = NULL, top = 0, made = 0;
  CF_TRY(CF_SCRATCH(page->ctx, &order, n));
  CF_TRY(CF_SCRATCH(page->ctx, &stack, 2 * n));
  stack[top++] = 2 * n - 2;
  while (top > 0 && made < n) {
    const size_t node = stack[--top];
    if (node < n) {
      order[made++] = node;
    } else if (node - n < n - 1 && top + 2 <= 2 * n) {
      stack[top++] = (size_t)merge[4 * (node - n) + 1];
      stack[top++] = (size_t)merge[4 * (node - n)];
    }
  }
  *out = made == n ? order : NULL;
done:
  return status;
}

static cf_status draw_alignment(cf_page *page, const cf_part *part, const space *s) {
  cf_status status = CF_OK;
  static const char caption[] =
      "Alignment of each model (row) with each region (column). Rows in the order of the tree of their distances, strips: "
      "groups of models and networks of regions. Grey: no value.";
  cf_block a, merge;
  char id[256];
  size_t *order = NULL;
  const char **roi = NULL;
  cf_figure *figure = NULL;
  const size_t n = s->distance.n;
  CF_TRY(cf_block_read(page, part, "alignment", 2, &a));
  CF_TRY(cf_block_read(page, part, "merge", 2, &merge));
  if (!a.value || a.shape[0] != n || n < 2) goto done;
  const bool tree = merge.value && merge.shape[0] == n - 1 && merge.shape[1] == 4;
  if (tree) CF_TRY(leaf_order(page, n, merge.value, &order));
  CF_TRY(cf_block_labels(page, part, a.array, 1, &roi));
  cf_heat_figure spec = {
      .row = {n, s->distance.groups, s->label, s->distance.group, s->distance.group_name, order, "model"},
      .column = {.n = a.shape[1], .label = roi, .title = "regions"},
      .value = a.value,
      .merge = order ? merge.value : NULL,
      .quantity = "alignment"};
  CF_TRY(order_columns(page, part, a.shape[1], &spec.column));
  cf_figure_options o = cf_page_options(part, "alignment", "Alignment of models with regions", caption, id);
  CF_TRY(cf_figure_heat(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "alignment", "Alignment of models with regions", caption, true, figure);
done:
  return status;
}

/* ------------------------------------------------------------------ tables -- */

static void test_row(cf_page *page, const cf_part *part, const char *name, const char *key, const char *statistic) {
  const cf_json *t = cf_json_get(part->result, key);
  if (!t) return;
  cf_table_row(page);
  cf_table_text(page, name);
  cf_table_text(page, statistic);
  cf_table_number(page, cf_part_number(t, strcmp(statistic, "mean") == 0 ? "mean" : statistic));
  cf_table_number(page, cf_part_number(t, "R2"));
  cf_table_p(page, cf_part_number(t, "p"));
  const double chance = cf_part_number(t, "null_mean");
  cf_table_number(page, fabs(chance) < 1e-12 ? 0.0 : chance); /* rounding of a mean that is 0 */
  cf_table_number(page, cf_part_number(t, "permutations"));
  cf_table_text(page, cf_json_as_bool(cf_json_get(t, "exact")) ? "all" : "drawn");
  cf_table_end_row(page);
}

static void write_tests(cf_page *page, const cf_part *part) {
  static const char *const columns[] = {"Test", "Statistic",         "#Value",        "#R²",
                                        "#p",   "#Mean of the null", "#Arrangements", ""};
  static const char *const pair_columns[] = {"A", "B", "#F", "#R²", "#p", "#p adjusted"};
  const cf_json *pairs = cf_json_get(part->result, "pairwise");
  char stem[256];
  snprintf(stem, sizeof stem, "%.200s-tests", part->task->id);
  cf_table_open(page, stem, "Tests of groups", columns, 8);
  test_row(page, part, "PERMANOVA", "permanova", "F");
  test_row(page, part, "PERMDISP", "permdisp", "F");
  test_row(page, part, "ANOSIM", "anosim", "R");
  test_row(page, part, "silhouette", "silhouette", "mean");
  cf_table_close(page);
  if (!pairs || cf_json_count(pairs) < 2) return;
  snprintf(stem, sizeof stem, "%.200s-pairs", part->task->id);
  cf_table_open(page, stem, "PERMANOVA of each two groups", pair_columns, 6);
  for (size_t k = 0; k < cf_json_count(pairs); ++k) {
    const cf_json *q = cf_json_at(pairs, k);
    cf_table_row(page);
    cf_table_text(page, cf_part_text(q, "a", "?"));
    cf_table_text(page, cf_part_text(q, "b", "?"));
    cf_table_number(page, cf_part_number(q, "F"));
    cf_table_number(page, cf_part_number(q, "R2"));
    cf_table_p(page, cf_part_number(q, "p"));
    cf_table_p(page, cf_part_number(q, "p_adjusted"));
    cf_table_end_row(page);
  }
  cf_table_close(page);
}

/* The regions highest in all groups, with what is known of them. */
static cf_status write_regions(cf_page *page, const cf_part *part) {
  static const char *const columns[] = {"Region",       "#Conjunction z", "#p",  "#q",        "#Entropy",
                                        "#Selectivity", "#ANOVA F",       "#η²", "#q (ANOVA)"};
  static const char *const arrays[] = {"convergence/conjunction",
                                       "convergence/conjunction_p",
                                       "convergence/conjunction_q",
                                       "convergence/entropy",
                                       "convergence/selectivity",
                                       "anova/F",
                                       "anova/eta2",
                                       "anova/q"};
  enum { COLUMNS = sizeof arrays / sizeof *arrays };
  cf_status status = CF_OK;
  cf_block first;
  double *x[COLUMNS];
  const char **roi = NULL;
  size_t *order = NULL;
  char stem[256], plain[48];
  CF_TRY(cf_block_read(page, part, arrays[0], 1, &first));
  if (!first.value) goto done;
  const size_t n = first.shape[0], shown = CF_MIN(n, (size_t)MOST_REGIONS);
  for (size_t k = 0; k < COLUMNS; ++k) CF_TRY(cf_block_vector(page, part, arrays[k], n, &x[k]));
  CF_TRY(cf_block_labels(page, part, first.array, 0, &roi));
  CF_TRY(CF_SCRATCH(page->ctx, &order, n));
  for (size_t i = 0; i < n; ++i) {
    size_t at = i;
    const double z = isnan(first.value[i]) ? -INFINITY : first.value[i];
    for (; at > 0 && !(first.value[order[at - 1]] >= z); --at) order[at] = order[at - 1];
    order[at] = i;
  }
  snprintf(stem, sizeof stem, "%.200s-regions", part->task->id);
  cf_table_open(page, stem, n > shown ? "Regions, the highest in all groups" : "Regions", columns, COLUMNS + 1);
  for (size_t i = 0; i < shown; ++i) {
    const size_t r = order[i];
    snprintf(plain, sizeof plain, "region %zu", r + 1);
    cf_table_row(page);
    cf_table_text(page, roi ? roi[r] : plain);
    for (size_t k = 0; k < COLUMNS; ++k) {
      const double v = x[k] ? x[k][r] : NAN;
      if (k == 1 || k == 2 || k == 7)
        cf_table_p(page, v);
      else
        cf_table_number(page, v);
    }
    cf_table_end_row(page);
  }
  cf_table_close(page);
  if (n > shown)
    cf_text_write(&page->html, "<p class=\"muted\">The other $i regions are in arrays.h5.</p>\n", (int)(n - shown));
done:
  return status;
}

/* The `most` regions with the highest alignment of model i, in words. */
static void top_regions(const space *s, size_t i, size_t most, char *out, size_t size) {
  const size_t rois = s->alignment.shape[1];
  const double *a = s->alignment.value + i * rois;
  size_t used = 0;
  double below = INFINITY;
  out[0] = 0;
  for (size_t k = 0; k < most; ++k) {
    size_t best = SIZE_MAX;
    for (size_t r = 0; r < rois; ++r)
      if (isfinite(a[r]) && a[r] < below && (best == SIZE_MAX || a[r] > a[best])) best = r;
    if (best == SIZE_MAX) break;
    below = a[best];
    char plain[48];
    snprintf(plain, sizeof plain, "region %zu", best + 1);
    used += (size_t)snprintf(out + used, size - used, "%s%.60s", k ? ", " : "",
                             s->brain.label ? s->brain.label[best] : plain);
    if (used >= size) break;
  }
}

static cf_status write_models(cf_page *page, const cf_part *part, const space *s) {
  static const char *const columns[] = {"Model",           "Group",       "#Mean alignment",
                                        "Highest regions", "#Silhouette", "Family"};
  cf_status status = CF_OK;
  double *width = NULL;
  char text[256];
  if (!s->alignment.value) return CF_OK;
  const size_t n = s->distance.n, rois = s->alignment.shape[1];
  CF_TRY(cf_block_vector(page, part, "silhouette", n, &width));
  cf_table_begin(page, part, "models", "Models", columns, s->family ? 6 : 5);
  for (size_t i = 0; i < n; ++i) {
    double sum = 0.0, count = 0.0;
    for (size_t r = 0; r < rois; ++r)
      if (isfinite(s->alignment.value[i * rois + r])) sum += s->alignment.value[i * rois + r], ++count;
    snprintf(text, sizeof text, "model %zu", i + 1);
    cf_table_row(page);
    cf_table_text(page, s->label ? s->label[i] : text);
    cf_table_text(page, s->distance.group_name[s->distance.group[i]]);
    cf_table_number(page, count > 0.0 ? sum / count : NAN);
    top_regions(s, i, 3, text, sizeof text);
    cf_table_text(page, text);
    cf_table_number(page, width ? width[i] : NAN);
    if (s->family) cf_table_text(page, s->family_name[s->family[i]]);
    cf_table_end_row(page);
  }
  cf_table_close(page);
done:
  return status;
}

static void anova_row(cf_page *page, const cf_json *anova, const char *key, const char *words) {
  const cf_json *a = cf_json_get(anova, key);
  cf_table_row(page);
  cf_table_text(page, words);
  cf_table_number(page, cf_part_number(a, "F"));
  cf_table_number(page, cf_part_pair(a, "df", 0));
  cf_table_number(page, cf_part_pair(a, "df", 1));
  cf_table_p(page, cf_part_number(a, "p"));
  cf_table_number(page, cf_part_number(a, "eta2"));
  cf_table_end_row(page);
}

static void write_networks(cf_page *page, const cf_part *part) {
  static const char *const columns[] = {"Effect", "#F", "#df", "#df of the error", "#p", "#η²"};
  static const char *const network_columns[] = {"Network", "#Regions", "#Contraction", "#F", "#p", "#q"};
  const cf_json *anova = cf_json_get(cf_json_get(part->result, "network_anova"), "repeated"),
                *list = cf_json_get(part->result, "networks");
  char stem[256];
  if (!anova || !list) return;
  snprintf(stem, sizeof stem, "%.200s-anova", part->task->id);
  cf_table_open(page, stem, "Groups by networks (repeated measures)", columns, 6);
  anova_row(page, anova, "group", "group");
  anova_row(page, anova, "network", "network");
  anova_row(page, anova, "interaction", "group × network");
  cf_table_close(page);
  snprintf(stem, sizeof stem, "%.200s-networks", part->task->id);
  cf_table_open(page, stem,
                "Networks (contraction below 1: groups are nearer here than elsewhere; F: groups within the network)",
                network_columns, 6);
  for (size_t k = 0; k < cf_json_count(list); ++k) {
    const cf_json *q = cf_json_at(list, k);
    cf_table_row(page);
    cf_table_text(page, cf_part_text(q, "name", "?"));
    cf_table_number(page, cf_part_number(q, "regions"));
    cf_table_number(page, cf_part_number(q, "contraction"));
    cf_table_number(page, cf_part_number(q, "F"));
    cf_table_p(page, cf_part_number(q, "p"));
    cf_table_p(page, cf_part_number(q, "q"));
    cf_table_end_row(page);
  }
  cf_table_close(page);
}

/* -------------------------------------------------------------------- part -- */

cf_status cf_find_space(cf_page *page, const cf_part *part) {
  const cf_json *f = cf_json_get(part->result, "permanova"), *d = cf_json_get(part->result, "permdisp"),
                *s = cf_json_get(part->result, "silhouette"), *groups = cf_json_get(part->result, "groups");
  const double p = cf_part_number(f, "p"), spread = cf_part_number(d, "p");
  char text[64];
  if (!f || !groups) return cf_find_other(page, part);
  cf_text_write(&page->html, "<p>$i models in $i groups ($t distances). ", (int)cf_part_number(part->result, "models"),
                (int)cf_json_count(groups), cf_part_text(part->result, "distance", ""));
  cf_text_write(&page->html, "Groups $s (PERMANOVA F = $d, R² = $d, $t)",
                p <= 0.05 ? "lie apart" : "were not told apart", cf_part_number(f, "F"), cf_part_number(f, "R2"),
                cf_text_p(p, text, sizeof text));
  if (spread <= 0.05)
    cf_text_write(&page->html, "; they also differ in spread (PERMDISP $t), which alone may make PERMANOVA significant",
                  cf_text_p(spread, text, sizeof text));
  else if (isfinite(spread))
    cf_text_write(&page->html, ", no difference in spread was seen (PERMDISP $t)",
                  cf_text_p(spread, text, sizeof text));
  cf_text_write(&page->html, ". Mean silhouette $d", cf_part_number(s, "mean"));
  if (isfinite(cf_part_number(s, "null_mean")))
    cf_text_write(&page->html, ", chance $d", cf_part_number(s, "null_mean"));
  cf_text_put(&page->html, ".");
  if (cf_json_as_bool(cf_json_get(cf_json_get(part->result, "datasets"), "nested")))
    cf_text_put(&page->html,
                " Every data set holds models of one group alone: groups and data sets cannot be told apart.");
  cf_text_put(&page->html, "</p>\n");
  return CF_OK;
}

cf_status cf_part_space(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(page->ctx);
  space s;
  CF_TRY(read_space(page, part, &s));
  if (s.distance.n == 0) {
    status = cf_part_other(page, part);
    goto done;
  }
  CF_TRY(cf_find_space(page, part));
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  CF_TRY(cf_space_draw_scheme(page, part, &s));
  CF_TRY(draw_cloud(page, part, &s));
  CF_TRY(draw_plane(page, part, &s));
  CF_TRY(draw_silhouette(page, part, &s));
  CF_TRY(cf_page_stack(page, part, "distance", "Distances between models",
                       "Models in the order of their tree (average linkage), which the figure files show.", "distance",
                       true, false, &s.distance));
  CF_TRY(draw_alignment(page, part, &s));
  CF_TRY(cf_space_draw_boxes(page, part, &s));
  CF_TRY(cf_space_draw_maps(page, part, &s));
  CF_TRY(cf_space_draw_convergence(page, part, &s));
  cf_text_put(&page->html, "</div>\n");
  CF_TRY(draw_nulls(page, part));
  write_tests(page, part);
  write_networks(page, part);
  CF_TRY(write_models(page, part, &s));
  CF_TRY(write_regions(page, part));
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}
