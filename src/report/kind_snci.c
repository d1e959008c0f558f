/* Consistency of models within groups: maps over regions beside their null, groups and networks with intervals. */
#include "report/page.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_GROUPS = 12 };

/* ------------------------------------------------------------------- snci -- */

/* One panel a group: the index over the regions, and the band of its null. */
static cf_status draw_maps(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  cf_block snci, low, high, mean;
  const char **name = NULL;
  char id[256], caption[400];
  double *x = NULL;
  cf_curve *curve = NULL;
  cf_curve_panel *panel = NULL;
  cf_figure *figure = NULL;
  CF_TRY(cf_block_read(page, part, "snci", 2, &snci));
  if (!snci.value || snci.shape[0] == 0) goto done;
  const size_t groups = CF_MIN(snci.shape[0], (size_t)MOST_GROUPS), rois = snci.shape[1];
  CF_TRY(cf_block_read(page, part, "null/low", 2, &low));
  CF_TRY(cf_block_read(page, part, "null/high", 2, &high));
  CF_TRY(cf_block_read(page, part, "null/mean", 2, &mean));
  CF_TRY(cf_block_labels(page, part, snci.array, 0, &name));
  const bool null = low.value && high.value && mean.value && mean.shape[0] == snci.shape[0] && mean.shape[1] == rois &&
                    low.shape[1] == rois && low.shape[0] == snci.shape[0];
  CF_TRY(CF_SCRATCH(page->ctx, &x, 2 * rois * groups));
  CF_TRY(CF_SCRATCH(page->ctx, &curve, 2 * groups));
  CF_TRY(CF_SCRATCH(page->ctx, &panel, groups));
  const double floor =
      cf_part_number(cf_json_get(cf_json_at(cf_json_get(part->result, "groups"), 0), "chance"), "floor");
  for (size_t g = 0; g < groups; ++g) {
    double *place = x + 2 * g * rois, *middle = place + rois;
    for (size_t r = 0; r < rois; ++r) {
      place[r] = (double)r + 1.0;
      middle[r] = null ? mean.value[g * rois + r] : NAN;
    }
    curve[2 * g] = (cf_curve){.n = rois, .x = place, .y = snci.value + g * rois, .style = CF_CURVE_MARKS};
    curve[2 * g + 1] = (cf_curve){.n = rois,
                                  .x = place,
                                  .y = middle,
                                  .low = null ? low.value + g * rois : NULL,
                                  .high = null ? high.value + g * rois : NULL,
                                  .style = CF_CURVE_LINE};
    panel[g] = (cf_curve_panel){.title = name ? name[g] : NULL,
                                .x_title = "region",
                                .y_title = "SNCI",
                                .count = null ? 2 : 1,
                                .curve = curve + 2 * g,
                                .levelled = isfinite(floor),
                                .level = floor,
                                .from_zero = true};
  }
  snprintf(caption, sizeof caption, "Dots: the index in each region. %s%s",
           null ? "Line and band: mean and 5 to 95 % of what shifted or permuted responses give. " : "",
           isfinite(floor) ? "Dashed: what many independent models without signal would give." : "");
  cf_curves_figure spec = {groups, 1, panel};
  cf_figure_options o = cf_page_options(part, "regions", "Consistency over the regions", caption, id);
  CF_TRY(cf_figure_curves(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "regions", "Consistency over the regions", caption, true, figure);
done:
  return status;
}

static cf_interval_row row_of(const char *name, const cf_json *value, const char *key, const cf_json *ci,
                              const cf_json *null) {
  return (cf_interval_row){.name = name,
                           .axis = "SNCI",
                           .value = cf_part_number(value, key),
                           .low = cf_json_is_list(ci) ? cf_json_as_number(cf_json_at(ci, 0)) : NAN,
                           .high = cf_json_is_list(ci) ? cf_json_as_number(cf_json_at(ci, 1)) : NAN,
                           .null_mean = null ? cf_part_number(null, "mean") : NAN,
                           .null_low = null ? cf_part_number(null, "low") : NAN,
                           .null_high = null ? cf_part_number(null, "high") : NAN,
                           .p = null ? cf_part_number(null, "p") : NAN};
}

/* Groups, and networks within each, with intervals and null. */
static cf_status draw_bars(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  static const char *const captions[] = {
      "Means over regions, of all and of each network: dot and interval over models. Diamond and pale bar: mean and 5 to "
      "95 % of the null, where one was given.",
      "Means over all regions: dot and interval over models. Diamond and pale bar: mean and 5 to 95 % of the null, where one "
      "was given."};
  const cf_json *groups = cf_json_get(part->result, "groups");
  cf_interval_row *row = NULL;
  size_t used = 0, most = 0;
  char id[256];
  cf_figure *figure = NULL;
  const cf_json *known = cf_json_get(part->result, "networks"); /* these have bars of their own */
  const char *caption = captions[known ? 1 : 0];
  for (size_t g = 0; g < cf_json_count(groups); ++g)
    most += 1 + cf_json_count(cf_json_get(cf_json_at(groups, g), "networks"));
  CF_TRY(CF_SCRATCH(page->ctx, &row, most + 1));
  for (size_t g = 0; g < cf_json_count(groups); ++g) {
    const cf_json *q = cf_json_at(groups, g), *networks = cf_json_get(q, "networks");
    const char *name = cf_part_text(q, "name", "?");
    row[used++] = row_of(name, q, "mean", cf_json_get(q, "mean_ci"), cf_json_get(q, "mean_null"));
    for (size_t k = 0; networks && !known && k < cf_json_count(networks) && most <= 60; ++k) {
      const cf_json *w = cf_json_at(networks, k);
      const char *network = cf_part_text(w, "name", "?");
      char *text = NULL;
      const size_t size = strlen(name) + strlen(network) + 8;
      CF_TRY(cf_scratch_bytes(page->ctx, size, 1, (void **)&text));
      snprintf(text, size, "%s, %s", name, network);
      row[used++] = row_of(text, w, "mean", cf_json_get(w, "ci"), cf_json_get(w, "null"));
    }
  }
  if (used == 0) goto done;
  cf_intervals_figure spec = {used, row, NULL};
  cf_figure_options o = cf_page_options(part, "groups", known ? "Groups" : "Groups and networks", caption, id);
  CF_TRY(cf_figure_intervals(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "groups", known ? "Groups" : "Groups and networks", caption, true, figure);
done:
  return status;
}

/* The index on the cortex, one map a group, and the mean alignment beside which it is to be read. */
static cf_status draw_cortex(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  cf_block value;
  cf_brain brain;
  const char **name = NULL;
  cf_cortex_map *map = NULL;
  static const struct {
    const char *array, *stem, *title, *quantity, *caption;
  } known[] = {
      {"snci", "cortex", "Where models are consistent", "SNCI",
       "Consistency of the models of each group, in one colour range. Read it beside the mean alignment: where all models "
       "score little, they do so consistently."},
      {"mean", "cortex-alignment", "Mean alignment", "mean alignment", "Mean over the models of each group."}};
  for (size_t k = 0; k < 2; ++k) {
    CF_TRY(cf_block_read(page, part, known[k].array, 2, &value));
    if (!value.value) continue;
    CF_TRY(cf_brain_read(page, part, value.shape[1], value.array, 1, &brain));
    CF_TRY(cf_block_labels(page, part, value.array, 0, &name));
    const size_t groups = CF_MIN(value.shape[0], (size_t)8);
    CF_TRY(CF_SCRATCH(page->ctx, &map, groups + 1));
    for (size_t g = 0; g < groups; ++g)
      map[g] = (cf_cortex_map){.name = name ? name[g] : NULL, .value = value.value + g * value.shape[1]};
    cf_cortex_figure what = {.maps = groups, .map = map, .quantity = known[k].quantity};
    CF_TRY(cf_page_cortex(page, part, known[k].stem, known[k].title, known[k].caption, &brain, &what));
  }
done:
  return status;
}

static cf_block_value bar_of(const cf_json *network) {
  const cf_json *ci = cf_json_get(network, "ci"), *null = cf_json_get(network, "null");
  return (cf_block_value){.value = cf_part_number(network, "mean"),
                          .low = cf_json_is_list(ci) ? cf_json_as_number(cf_json_at(ci, 0)) : NAN,
                          .high = cf_json_is_list(ci) ? cf_json_as_number(cf_json_at(ci, 1)) : NAN,
                          .null_mean = null ? cf_part_number(null, "mean") : NAN,
                          .null_low = null ? cf_part_number(null, "low") : NAN,
                          .null_high = null ? cf_part_number(null, "high") : NAN};
}

/* Networks side by side, the groups in each, before the band of the null. */
static cf_status draw_networks(cf_page *page, const cf_part *part) {
  enum { MOST_BARS = 90 };
  static const char caption[] =
      "Mean index over the regions of each network; lines: intervals over models. Grey bands and lines: 5 to 95 % and mean of "
      "the null, where one was given.";
  cf_status status = CF_OK;
  const cf_json *groups = cf_json_get(part->result, "groups"), *list = cf_json_get(part->result, "networks");
  const size_t n = cf_json_count(groups), networks = list && cf_json_is_list(list) ? cf_json_count(list) : 0;
  const char **group = NULL, **network = NULL;
  cf_block_value *value = NULL;
  bool any = false;
  char id[256];
  cf_figure *figure = NULL;
  if (networks == 0 || n * networks > MOST_BARS) return CF_OK;
  CF_TRY(CF_SCRATCH(page->ctx, &group, n));
  CF_TRY(CF_SCRATCH(page->ctx, &network, networks));
  CF_TRY(CF_SCRATCH(page->ctx, &value, n * networks));
  for (size_t g = 0; g < n; ++g) {
    const cf_json *of = cf_json_get(cf_json_at(groups, g), "networks");
    group[g] = cf_part_text(cf_json_at(groups, g), "name", "?");
    for (size_t k = 0; k < networks; ++k) {
      network[k] = cf_part_text(cf_json_at(list, k), "name", "?");
      value[k * n + g] = bar_of(cf_json_at(of, k));
      any = any || isfinite(value[k * n + g].value);
    }
  }
  if (!any) goto done;
  cf_blocks_figure spec = {.blocks = networks,
                           .series = n,
                           .value = value,
                           .block_name = network,
                           .series_name = group,
                           .y_title = "mean SNCI"};
  cf_figure_options o = cf_page_options(part, "networks", "Networks", caption, id);
  CF_TRY(cf_figure_blocks(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "networks", "Networks", caption, true, figure);
done:
  return status;
}

static void write_groups(cf_page *page, const cf_part *part) {
  static const char *const columns[] = {
      "Group",        "#Models", "#Mean alignment",    "#Mean index", "#Low",          "#High", "#Weighted",
      "#Pattern (4)", "#ICC",    "#Leave-one-out (5)", "#p (null)",   "#Regions above"};
  const cf_json *groups = cf_json_get(part->result, "groups");
  char stem[256];
  snprintf(stem, sizeof stem, "%.200s-groups", part->task->id);
  cf_table_open(page, stem, "Groups", columns, 12);
  for (size_t g = 0; g < cf_json_count(groups); ++g) {
    const cf_json *q = cf_json_at(groups, g), *ci = cf_json_get(q, "mean_ci"), *null = cf_json_get(q, "mean_null");
    cf_table_row(page);
    cf_table_text(page, cf_part_text(q, "name", "?"));
    cf_table_number(page, cf_part_number(q, "models"));
    cf_table_number(page, cf_part_number(q, "alignment"));
    cf_table_number(page, cf_part_number(q, "mean"));
    cf_table_number(page, cf_json_is_list(ci) ? cf_json_as_number(cf_json_at(ci, 0)) : NAN);
    cf_table_number(page, cf_json_is_list(ci) ? cf_json_as_number(cf_json_at(ci, 1)) : NAN);
    cf_table_number(page, cf_part_number(q, "weighted"));
    cf_table_number(page, cf_part_number(q, "pattern"));
    cf_table_number(page, cf_part_number(q, "icc"));
    cf_table_number(page, cf_part_number(q, "leave_one_out"));
    cf_table_p(page, null ? cf_part_number(null, "p") : NAN);
    cf_table_number(page, cf_part_number(q, "significant"));
    cf_table_end_row(page);
  }
  cf_table_close(page);
}

static void write_networks(cf_page *page, const cf_part *part) {
  static const char *const columns[] = {"Group", "Network", "#Mean index", "#Low", "#High", "#Null", "#z", "#p"};
  const cf_json *groups = cf_json_get(part->result, "groups");
  if (!cf_json_get(part->result, "networks")) return;
  cf_table_begin(page, part, "networks", "Networks", columns, 8);
  for (size_t g = 0; g < cf_json_count(groups); ++g) {
    const cf_json *list = cf_json_get(cf_json_at(groups, g), "networks");
    for (size_t k = 0; list && k < cf_json_count(list); ++k) {
      const cf_json *q = cf_json_at(list, k), *null = cf_json_get(q, "null");
      const cf_block_value bar = bar_of(q);
      cf_table_row(page);
      cf_table_text(page, cf_part_text(cf_json_at(groups, g), "name", "?"));
      cf_table_text(page, cf_part_text(q, "name", "?"));
      cf_table_number(page, bar.value);
      cf_table_number(page, bar.low);
      cf_table_number(page, bar.high);
      cf_table_number(page, bar.null_mean);
      cf_table_number(page, null ? cf_part_number(null, "z") : NAN);
      cf_table_p(page, null ? cf_part_number(null, "p") : NAN);
      cf_table_end_row(page);
    }
  }
  cf_table_close(page);
}

cf_status cf_find_snci(cf_page *page, const cf_part *part) {
  const cf_json *groups = cf_json_get(part->result, "groups");
  if (!groups || !cf_json_is_list(groups)) return cf_find_other(page, part);
  cf_text_write(&page->html,
                "<p>Consistency of models, SNCI-$i = $t (a reconstruction: the published formula is not at "
                "hand). ",
                (int)cf_part_number(part->result, "kind"), cf_part_text(part->result, "formula", ""));
  for (size_t g = 0; g < cf_json_count(groups) && g < MOST_GROUPS; ++g) {
    const cf_json *q = cf_json_at(groups, g);
    const double found = cf_part_number(q, "significant");
    cf_text_write(&page->html, "$s$t: mean $d", g ? "; " : "", cf_part_text(q, "name", "?"), cf_part_number(q, "mean"));
    if (isfinite(found))
      cf_text_write(&page->html, ", $i of $i regions above what chance gives", (int)found,
                    (int)cf_part_number(part->result, "rois"));
  }
  cf_text_put(&page->html, ".</p>\n");
  return CF_OK;
}

cf_status cf_part_snci(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(page->ctx);
  const cf_json *groups = cf_json_get(part->result, "groups");
  if (!groups || !cf_json_is_list(groups)) {
    status = cf_part_other(page, part);
    goto done;
  }
  CF_TRY(cf_find_snci(page, part));
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  CF_TRY(draw_cortex(page, part));
  CF_TRY(draw_maps(page, part));
  CF_TRY(draw_networks(page, part));
  CF_TRY(draw_bars(page, part));
  cf_text_put(&page->html, "</div>\n");
  write_groups(page, part);
  write_networks(page, part);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* ----------------------------------------------------------------- mantel -- */

static cf_status draw_pairs(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  static const char caption[] = "One dot for each two objects. Dots that share an object are not independent.";
  cf_block a, b;
  char id[256];
  cf_figure *figure = NULL;
  CF_TRY(cf_block_read(page, part, "a", 1, &a));
  CF_TRY(cf_block_read(page, part, "b", 1, &b));
  if (!a.value || !b.value || a.shape[0] != b.shape[0] || a.shape[0] > 5000) goto done;
  cf_curve curve = {.n = a.shape[0], .x = a.value, .y = b.value, .style = CF_CURVE_MARKS};
  cf_curve_panel panel = {.x_title = "first distance", .y_title = "second distance", .count = 1, .curve = &curve};
  cf_curves_figure spec = {1, 1, &panel};
  cf_figure_options o = cf_page_options(part, "pairs", "The two distances", caption, id);
  CF_TRY(cf_figure_curves(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "pairs", "The two distances", caption, false, figure);
done:
  return status;
}

static cf_status draw_mantel_null(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  cf_block null;
  char id[256], caption[200];
  cf_figure *figure = NULL;
  CF_TRY(cf_block_read(page, part, "null", 1, &null));
  if (!null.value || null.shape[0] < 2) goto done;
  snprintf(caption, sizeof caption, "%s%.0f orders of the objects; the smallest p that can come out is %.2g.",
           cf_json_as_bool(cf_json_get(part->result, "exact")) ? "All " : "",
           cf_part_number(part->result, "permutations"), cf_part_number(part->result, "smallest_p"));
  cf_histogram_figure spec = {null.shape[0], null.value, cf_part_number(part->result, "r"),
                              cf_part_number(part->result, "p"), "r of rearranged objects"};
  cf_figure_options o = cf_page_options(part, "null", "What chance gives", caption, id);
  CF_TRY(cf_figure_histogram(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "null", "What chance gives", caption, false, figure);
done:
  return status;
}

cf_status cf_find_mantel(cf_page *page, const cf_part *part) {
  char text[64];
  const double r = cf_part_number(part->result, "r");
  if (!isfinite(r)) return cf_find_other(page, part);
  cf_text_write(&page->html, "<p>The two distances of $i objects correlate with r = $d ($t, $t).</p>\n",
                (int)cf_part_number(part->result, "n"), r, cf_part_text(part->result, "method", "pearson"),
                cf_text_p(cf_part_number(part->result, "p"), text, sizeof text));
  return CF_OK;
}

cf_status cf_part_mantel(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(page->ctx);
  if (!isfinite(cf_part_number(part->result, "r"))) {
    status = cf_part_other(page, part);
    goto done;
  }
  CF_TRY(cf_find_mantel(page, part));
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  CF_TRY(draw_pairs(page, part));
  CF_TRY(draw_mantel_null(page, part));
  cf_text_put(&page->html, "</div>\n");
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}
