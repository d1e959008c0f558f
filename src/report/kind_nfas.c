/* The alignment space from layers and series: how it was made, what stands beside the stable mode, modes
 * (kind_nfas_modes.c), truth, regions and other distances; the space itself and the consistency of its groups are the
 * parts of those names. */
#include "report/nfas.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_GROUPS = NFAS_MOST_GROUPS, MOST_MODELS = 60 };

static cf_status read_nfas(cf_page *page, const cf_part *part, nfas *x) {
  cf_status status = CF_OK;
  const cf_json *models = cf_json_get(part->result, "models"),
                *groups = cf_json_get(cf_json_get(part->result, "space"), "groups");
  memset(x, 0, sizeof *x);
  CF_TRY(cf_block_read(page, part, "alignment", 2, &x->alignment));
  if (!x->alignment.value || !groups || cf_json_count(models) != x->alignment.shape[0]) goto done;
  CF_TRY(cf_block_labels(page, part, x->alignment.array, 0, &x->model));
  CF_TRY(cf_block_labels(page, part, x->alignment.array, 1, &x->roi));
  CF_TRY(CF_SCRATCH(page->ctx, &x->group, x->alignment.shape[0]));
  CF_TRY(CF_SCRATCH(page->ctx, &x->group_name, cf_json_count(groups) + 1));
  x->groups = cf_json_count(groups);
  for (size_t g = 0; g < x->groups; ++g) x->group_name[g] = cf_part_text(cf_json_at(groups, g), "name", "?");
  for (size_t m = 0; m < x->alignment.shape[0]; ++m) {
    const char *name = cf_part_text(cf_json_at(models, m), "group", "?");
    x->group[m] = 0;
    for (size_t g = 0; g < x->groups; ++g)
      if (strcmp(name, x->group_name[g]) == 0) x->group[m] = g;
  }
  x->models = x->alignment.shape[0];
  x->rois = x->alignment.shape[1];
done:
  return status;
}

/* ------------------------------------------------------------------ scheme -- */

/* "1, 2, 3, 4 samples earlier", or the response that representations are convolved with. */
static void say_delays(const cf_json *o, char *out, size_t size) {
  const cf_json *list = cf_json_get(o, "delays");
  const char *hrf = cf_part_text(o, "hrf", "none");
  size_t used = 0;
  if (strcmp(hrf, "none") != 0) {
    snprintf(out, size, "convolved with the %.20s response, TR %.3g s", hrf, cf_part_number(o, "tr"));
  } else if (list && cf_json_is_list(list)) {
    out[0] = 0;
    for (size_t i = 0; i < cf_json_count(list) && used + 32 < size; ++i)
      used +=
          (size_t)snprintf(out + used, size - used, "%s%.6g", i ? ", " : "", cf_json_as_number(cf_json_at(list, i)));
    snprintf(out + used, size - used, " samples earlier");
  } else {
    snprintf(out, size, "1, 2, 3, 4 samples earlier");
  }
}

/* From layers to the space, every step with its setting. */
static cf_status draw_scheme(cf_page *page, const cf_part *part, const nfas *x) {
  static const char caption[] =
      "From layers to the space, and how each step was set. The published account names the steps, not the settings: these are "
      "ours.";
  cf_status status = CF_OK;
  const cf_json *r = part->result, *o = cf_json_get(r, "settings"), *models = cf_json_get(r, "models");
  char id[256], layers[96], width[96], modes[96], stable[96], delays[96], ridge[160], score[96], space[96];
  double least = INFINITY, most = 0.0;
  cf_figure *figure = NULL;
  for (size_t m = 0; m < x->models; ++m) {
    const double n = cf_part_number(cf_json_at(models, m), "layers");
    least = fmin(least, n), most = fmax(most, n);
  }
  if (least < most)
    snprintf(layers, sizeof layers, "%zu models of %.0f to %.0f layers", x->models, least, most);
  else
    snprintf(layers, sizeof layers, "%zu models of %.0f layers", x->models, least);
  snprintf(width, sizeof width, "width: %.20s; centre: %.20s; scale: %.20s", cf_part_text(o, "width", "?"),
           cf_part_text(o, "centre", "?"), cf_part_text(o, "scale", "?"));
  snprintf(modes, sizeof modes, "scope: %.20s; rank: %.20s", cf_part_text(o, "scope", "?"),
           cf_part_text(o, "rank", "?"));
  snprintf(stable, sizeof stable, "rule: %.20s; weights from the training runs", cf_part_text(o, "stable", "?"));
  say_delays(o, delays, sizeof delays);
  snprintf(ridge, sizeof ridge, "%.0f folds; alpha by %.20s, one a %.20s", cf_part_number(r, "folds"),
           cf_part_text(o, "inner-score", "?"),
           strcmp(cf_part_text(o, "alpha-scope", ""), "shared") ? "region" : "fold");
  snprintf(score, sizeof score, "squared correlation of samples left out; sign: %.20s", cf_part_text(o, "sign", "?"));
  snprintf(space, sizeof space, "%zu models x %zu regions; %.20s distance", x->models, x->rois,
           cf_part_text(o, "distance", "?"));
  const cf_scheme_step step[] = {{"Layers", layers, NULL, "stimuli"},
                                 {"One width", width, NULL, NULL},
                                 {"Modes along depth (DMD)", modes, "λ, weights", NULL},
                                 {"Stable mode", stable, NULL, NULL},
                                 {"Haemodynamics", delays, NULL, NULL},
                                 {"Ridge regression", ridge, NULL, "series of regions"},
                                 {"Alignment", score, NULL, NULL},
                                 {"The space", space, NULL, NULL}};
  cf_scheme_figure spec = {sizeof step / sizeof *step, step};
  cf_figure_options options = cf_page_options(part, "pipeline", "From layers to the space", caption, id);
  CF_TRY(cf_figure_scheme(page->ctx, &spec, &options, &figure));
  status = cf_page_figure(page, part, "pipeline", "From layers to the space", caption, true, figure);
done:
  return status;
}

/* --------------------------------------------------------------- baselines -- */

static double mean_row(size_t n, const double *x) {
  double sum = 0.0, count = 0.0;
  for (size_t i = 0; i < n; ++i)
    if (isfinite(x[i])) sum += x[i], count += 1.0;
  return count > 0.0 ? sum / count : NAN;
}

/* Mean with its interval over models (ci: a list of two), and the models themselves as dots. */
static cf_status bar_of(cf_page *page, const char *name, size_t models, size_t rois, const double *x,
                        const cf_json *from, cf_model_bar *out) {
  cf_status status = CF_OK;
  double *dot = NULL;
  CF_TRY(CF_SCRATCH(page->ctx, &dot, models));
  for (size_t m = 0; m < models; ++m) dot[m] = mean_row(rois, x + m * rois);
  *out = (cf_model_bar){.name = name,
                        .mean = mean_row(models, dot),
                        .low = cf_part_pair(from, "ci", 0),
                        .high = cf_part_pair(from, "ci", 1),
                        .p = NAN,
                        .p_holm = NAN,
                        .p_fdr = NAN,
                        .subject = dot,
                        .subjects = models};
done:
  return status;
}

static cf_status draw_baselines(cf_page *page, const cf_part *part, const nfas *x) {
  static const char caption[] =
      "Mean alignment of the stable mode and of simpler representations of the same layers: bar and 95 % interval over "
      "models, a dot a model. A row of ticks above: what a representation exceeds, paired over models, adjusted.";
  cf_status status = CF_OK;
  const cf_json *list = cf_json_get(part->result, "baselines");
  const size_t count = cf_json_count(list);
  cf_model_bar *bar = NULL;
  cf_model_pair *pair = NULL;
  cf_figure *figure = NULL;
  char id[256], array[64];
  size_t bars = 1, pairs = 0;
  if (count == 0) return CF_OK;
  CF_TRY(CF_SCRATCH(page->ctx, &bar, count + 1));
  CF_TRY(CF_SCRATCH(page->ctx, &pair, count));
  CF_TRY(bar_of(page, "stable mode", x->models, x->rois, x->alignment.value, cf_json_get(part->result, "stable"),
                &bar[0]));
  for (size_t k = 0; k < count; ++k) {
    const cf_json *b = cf_json_at(list, k);
    const char *name = cf_part_text(b, "name", "?");
    const double p = cf_part_number(b, "p_adjusted");
    cf_block values;
    snprintf(array, sizeof array, "baseline/%.40s", name);
    CF_TRY(cf_block_read(page, part, array, 2, &values));
    if (!values.value || values.shape[0] != x->models) continue;
    CF_TRY(bar_of(page, name, x->models, values.shape[1], values.value, b, &bar[bars]));
    pair[pairs++] = (cf_model_pair){0, bars++, cf_part_number(b, "difference"), p, p, p};
  }
  cf_models_figure spec = {.count = bars,
                           .model = bar,
                           .ceiling_low = NAN,
                           .ceiling_high = NAN,
                           .pairs = pairs,
                           .pair = pair,
                           .correction = CF_FIGURE_P_NONE,
                           .y_title = "mean alignment",
                           .subject_name = x->model};
  cf_figure_options o = cf_page_options(part, "baselines", "The stable mode and what is simpler", caption, id);
  CF_TRY(cf_figure_models(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "baselines", "The stable mode and what is simpler", caption, true, figure);
done:
  return status;
}

static void write_baselines(cf_page *page, const cf_part *part) {
  static const char *const columns[] = {"Representation", "#Models", "#Mean",       "#Stable less this", "#Low",
                                        "#High",          "#p",      "#p adjusted", "#p (signed rank)",  "Verdict"};
  const cf_json *list = cf_json_get(part->result, "baselines");
  if (cf_json_count(list) == 0) return;
  cf_table_begin(page, part, "baselines", "Baselines, paired over models", columns, 10);
  for (size_t k = 0; k < cf_json_count(list); ++k) {
    const cf_json *b = cf_json_at(list, k);
    cf_table_row(page);
    cf_table_text(page, cf_part_text(b, "name", "?"));
    cf_table_number(page, cf_part_number(b, "models"));
    cf_table_number(page, cf_part_number(b, "mean"));
    cf_table_number(page, cf_part_number(b, "difference"));
    cf_table_number(page, cf_part_number(b, "low"));
    cf_table_number(page, cf_part_number(b, "high"));
    cf_table_p(page, cf_part_number(b, "p"));
    cf_table_p(page, cf_part_number(b, "p_adjusted"));
    cf_table_p(page, cf_part_number(b, "p_rank"));
    cf_table_text(page, cf_part_text(b, "verdict", ""));
    cf_table_end_row(page);
  }
  cf_table_close(page);
}

/* ----------------------------------------------------------- truth, ceiling -- */

static cf_status draw_truth(cf_page *page, const cf_part *part, const nfas *x) {
  static const char caption[] =
      "Planted and found alignment, a dot for each model and region; on the line they are equal. Planted is what endless data "
      "would give: with as many samples as there are the encoding model finds less. Squares of correlations are never below 0, "
      "so that the smallest lie above the line.";
  cf_status status = CF_OK;
  cf_block truth;
  cf_distribution_panel panel[MOST_GROUPS];
  cf_figure *figure = NULL;
  char id[256];
  double most = 0.0;
  const size_t panels = CF_MIN(x->groups, (size_t)MOST_GROUPS);
  CF_TRY(cf_block_read(page, part, "truth/alignment", 2, &truth));
  if (!truth.value || truth.shape[0] != x->models || truth.shape[1] != x->rois) goto done;
  for (size_t i = 0; i < x->models * x->rois; ++i)
    most = fmax(most, fmax(truth.value[i], isfinite(x->alignment.value[i]) ? x->alignment.value[i] : 0.0));
  for (size_t g = 0; g < panels; ++g) {
    double *a = NULL, *b;
    size_t n = 0;
    CF_TRY(CF_SCRATCH(page->ctx, &a, 2 * x->models * x->rois));
    b = a + x->models * x->rois;
    for (size_t m = 0; m < x->models; ++m)
      for (size_t r = 0; r < x->rois && x->group[m] == g; ++r) {
        a[n] = truth.value[m * x->rois + r];
        b[n++] = x->alignment.value[m * x->rois + r];
      }
    panel[g] = (cf_distribution_panel){x->group_name[g], "planted", "found", n, a, b, true, 0.0, 1.02 * most};
  }
  cf_distributions_figure spec = {panels, 0, panel};
  cf_figure_options o = cf_page_options(part, "truth", "Truth beside estimate", caption, id);
  CF_TRY(cf_figure_distributions(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "truth", "Truth beside estimate", caption, true, figure);
done:
  return status;
}

static void write_truth(cf_page *page, const cf_part *part) {
  static const char *const columns[] = {"Group", "#Planted alignment", "#Found", "#Planted index", "#Found"};
  const cf_json *truth = cf_json_get(part->result, "truth"), *groups = cf_json_get(truth, "groups");
  if (!groups) return;
  cf_text_write(
      &page->html,
      "<p>Planted and found alignments correlate with $d over all models and regions; bias $d, root mean square "
      "error $d.</p>\n",
      cf_part_number(truth, "correlation"), cf_part_number(truth, "bias"), cf_part_number(truth, "rmse"));
  cf_table_begin(page, part, "truth", "Truth beside estimate", columns, 5);
  for (size_t g = 0; g < cf_json_count(groups); ++g) {
    const cf_json *q = cf_json_at(groups, g);
    cf_table_row(page);
    cf_table_text(page, cf_part_text(q, "name", "?"));
    cf_table_number(page, cf_part_number(q, "alignment"));
    cf_table_number(page, cf_part_number(q, "alignment_found"));
    cf_table_number(page, cf_part_number(q, "snci"));
    cf_table_number(page, cf_part_number(q, "snci_found"));
    cf_table_end_row(page);
  }
  cf_table_close(page);
}

/* Mean alignment of each group over the regions, below the ceiling where there is one. */
static cf_status draw_regions(cf_page *page, const cf_part *part, const nfas *x) {
  static const char caption[] =
      "Mean alignment of each group with each region (dots), and the region's noise ceiling (line).";
  cf_status status = CF_OK;
  double *ceiling = NULL, *place = NULL, *mean = NULL;
  cf_curve curve[MOST_GROUPS + 1];
  cf_figure *figure = NULL;
  char id[256];
  size_t count = 0;
  CF_TRY(cf_block_vector(page, part, "ceiling", x->rois, &ceiling));
  if (!ceiling) goto done;
  CF_TRY(CF_SCRATCH(page->ctx, &place, x->rois));
  CF_TRY(CF_SCRATCH(page->ctx, &mean, x->rois * MOST_GROUPS));
  for (size_t r = 0; r < x->rois; ++r) place[r] = (double)r + 1.0;
  for (size_t g = 0; g < x->groups && g < MOST_GROUPS; ++g) {
    double *y = mean + g * x->rois;
    for (size_t r = 0; r < x->rois; ++r) {
      double n = 0.0;
      y[r] = 0.0;
      for (size_t m = 0; m < x->models; ++m)
        if (x->group[m] == g) y[r] += x->alignment.value[m * x->rois + r], n += 1.0;
      y[r] /= n;
    }
    curve[count++] = (cf_curve){.name = x->group_name[g], .n = x->rois, .x = place, .y = y, .style = CF_CURVE_MARKS};
  }
  curve[count++] = (cf_curve){.name = "ceiling", .n = x->rois, .x = place, .y = ceiling, .style = CF_CURVE_LINE};
  cf_curve_panel panel = {
      .x_title = "region", .y_title = "alignment", .count = count, .curve = curve, .from_zero = true};
  cf_curves_figure spec = {1, 1, &panel};
  cf_figure_options o = cf_page_options(part, "ceiling", "Alignment below the noise ceiling", caption, id);
  CF_TRY(cf_figure_curves(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "ceiling", "Alignment below the noise ceiling", caption, true, figure);
done:
  return status;
}

/* The noise ceiling on the cortex, and the alignment over it. `in_space` has networks and surfaces. */
static cf_status draw_ceiling(cf_page *page, const cf_part *part, const cf_part *in_space, const nfas *x) {
  static const char caption[] =
      "Noise ceiling of each region, and the mean over all models of the alignment divided by it. Regions whose ceiling is below "
      "0.05 have no such share.";
  cf_status status = CF_OK;
  cf_brain brain;
  cf_block share;
  cf_cortex_map map[2];
  double *ceiling = NULL, *mean = NULL;
  size_t maps = 0;
  CF_TRY(cf_block_vector(page, part, "ceiling", x->rois, &ceiling));
  if (!ceiling) goto done;
  CF_TRY(cf_brain_read(page, in_space, x->rois, x->alignment.array, 1, &brain));
  map[maps++] = (cf_cortex_map){.name = "Noise ceiling", .value = ceiling, .quantity = "ceiling"};
  CF_TRY(cf_block_read(page, part, "alignment_normalised", 2, &share));
  if (share.value && share.shape[0] == x->models && share.shape[1] == x->rois) {
    CF_TRY(CF_SCRATCH(page->ctx, &mean, x->rois));
    for (size_t r = 0; r < x->rois; ++r) {
      double sum = 0.0, n = 0.0;
      for (size_t m = 0; m < x->models; ++m)
        if (isfinite(share.value[m * x->rois + r])) sum += share.value[m * x->rois + r], n += 1.0;
      mean[r] = n > 0.0 ? sum / n : NAN;
    }
    map[maps++] = (cf_cortex_map){.name = "Share of the ceiling", .value = mean, .quantity = "alignment / ceiling"};
  }
  cf_cortex_figure what = {.maps = maps, .map = map, .own_range = true};
  CF_TRY(cf_page_cortex(page, part, "cortex-ceiling", "The noise ceiling on the cortex", caption, &brain, &what));
done:
  return status;
}

/* ------------------------------------------------------------- other distances -- */

/* Every two models: their distance in the space over another distance between them. */
static cf_status draw_compare(cf_page *page, const cf_part *part, const nfas *x) {
  enum { MOST_MEASURES = 6, MOST_PAIRS = 5000 };
  static const char caption[] =
      "Distances of every two models in the space over other distances between them, which know nothing of the brain. Dots that "
      "share a model are not independent: the table has r and p of Mantel's test.";
  cf_status status = CF_OK;
  const cf_json *list = cf_json_get(part->result, "compare");
  const size_t n = x->models, pairs = n * (n - 1) / 2;
  cf_block space, other;
  cf_curve curve[MOST_MEASURES];
  cf_curve_panel panel[MOST_MEASURES];
  cf_figure *figure = NULL;
  char id[256], name[64];
  size_t panels = 0;
  CF_TRY(cf_block_read(page, part, "space/distance", 2, &space));
  if (!list || !space.value || space.shape[0] != n || pairs > MOST_PAIRS) goto done;
  for (size_t k = 0; k < cf_json_count(list) && panels < MOST_MEASURES; ++k) {
    const char *measure = cf_part_text(cf_json_at(list, k), "measure", "?");
    double *a = NULL, *b;
    size_t made = 0;
    snprintf(name, sizeof name, "compare/%.40s", measure);
    CF_TRY(cf_block_read(page, part, name, 2, &other));
    if (!other.value || other.shape[0] != n) continue;
    CF_TRY(CF_SCRATCH(page->ctx, &a, 2 * pairs));
    b = a + pairs;
    for (size_t i = 0; i < n; ++i)
      for (size_t j = i + 1; j < n; ++j, ++made) a[made] = other.value[i * n + j], b[made] = space.value[i * n + j];
    curve[panels] = (cf_curve){.n = pairs, .x = a, .y = b, .style = CF_CURVE_MARKS};
    panel[panels] = (cf_curve_panel){.title = measure,
                                     .x_title = "other distance",
                                     .y_title = panels ? NULL : "distance in the space",
                                     .count = 1,
                                     .curve = &curve[panels],
                                     .from_zero = true};
    ++panels;
  }
  if (panels == 0) goto done;
  cf_curves_figure spec = {panels, 0, panel};
  cf_figure_options o = cf_page_options(part, "compare", "The space and other distances", caption, id);
  CF_TRY(cf_figure_curves(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "compare", "The space and other distances", caption, panels > 1, figure);
done:
  return status;
}

/* ------------------------------------------------------------------ tables -- */

static void write_models(cf_page *page, const cf_part *part) {
  static const char *const all[] = {"Model", "Group",  "Family",    "Data set", "#Layers",         "#Modes",
                                    "#|λ|",  "#arg λ", "#Residual", "#Mean r",  "#Mean alignment", "Highest regions"};
  const cf_json *models = cf_json_get(part->result, "models");
  const char *columns[sizeof all / sizeof *all];
  char regions[256];
  bool told[2] = {false, false}; /* family, data set */
  size_t n = 0;
  for (size_t m = 0; m < cf_json_count(models); ++m) {
    told[0] = told[0] || cf_json_as_text(cf_json_get(cf_json_at(models, m), "family"));
    told[1] = told[1] || cf_json_as_text(cf_json_get(cf_json_at(models, m), "dataset"));
  }
  for (size_t c = 0; c < sizeof all / sizeof *all; ++c)
    if ((c != 2 || told[0]) && (c != 3 || told[1])) columns[n++] = all[c];
  cf_table_begin(page, part, "models", "Models", columns, n);
  for (size_t m = 0; m < cf_json_count(models) && m < MOST_MODELS; ++m) {
    const cf_json *q = cf_json_at(models, m), *stable = cf_json_get(q, "stable"), *top = cf_json_get(q, "top");
    regions[0] = 0;
    for (size_t k = 0; k < cf_json_count(top) && k < 3; ++k) {
      const char *name = cf_json_as_text(cf_json_at(top, k));
      const size_t end = strlen(regions);
      if (name)
        snprintf(regions + end, sizeof regions - end, "%s%.60s", k ? ", " : "", name);
      else
        snprintf(regions + end, sizeof regions - end, "%s%.0f", k ? ", " : "",
                 cf_json_as_number(cf_json_at(top, k)) + 1.0);
    }
    cf_table_row(page);
    cf_table_text(page, cf_part_text(q, "name", "?"));
    cf_table_text(page, cf_part_text(q, "group", "?"));
    if (told[0]) cf_table_text(page, cf_part_text(q, "family", ""));
    if (told[1]) cf_table_text(page, cf_part_text(q, "dataset", ""));
    cf_table_number(page, cf_part_number(q, "layers"));
    cf_table_number(page, cf_part_number(q, "rank"));
    cf_table_number(page, cf_part_number(stable, "modulus"));
    cf_table_number(page, cf_part_number(stable, "angle"));
    cf_table_number(page, cf_part_number(stable, "residual"));
    cf_table_number(page, cf_part_number(q, "correlation"));
    cf_table_number(page, cf_part_number(q, "alignment"));
    cf_table_text(page, regions);
    cf_table_end_row(page);
  }
  cf_table_close(page);
}

static void write_compare(cf_page *page, const cf_part *part) {
  static const char *const columns[] = {"Distance", "#Mantel r", "#p", "#Samples", "#Components"};
  const cf_json *list = cf_json_get(part->result, "compare");
  if (!list || cf_json_count(list) == 0) return;
  cf_table_begin(page, part, "compare", "The space and other distances", columns, 5);
  for (size_t k = 0; k < cf_json_count(list); ++k) {
    const cf_json *q = cf_json_at(list, k);
    cf_table_row(page);
    cf_table_text(page, cf_part_text(q, "measure", "?"));
    cf_table_number(page, cf_part_number(q, "r"));
    cf_table_p(page, cf_part_number(q, "p"));
    cf_table_number(page, cf_part_number(q, "stimuli"));
    cf_table_number(page, cf_part_number(q, "components"));
    cf_table_end_row(page);
  }
  cf_table_close(page);
}

/* -------------------------------------------------------------------- part -- */

/* A part of the result as if it were a task of its own: its values, its arrays without their folder, the one called
 * `plain`, and the surfaces. Lives in scratch. */
static cf_status sub_part(cf_page *page, const cf_part *part, const char *key, const char *folder, const char *plain,
                          cf_part *out) {
  cf_status status = CF_OK;
  cf_study_task *task = NULL;
  cf_dataset *all = part->task->arrays, *set = NULL;
  cf_array *copy = NULL;
  char *id = NULL;
  const size_t length = strlen(folder), size = strlen(part->task->id) + strlen(key) + 2;
  CF_TRY(CF_SCRATCH(page->ctx, &task, 1));
  CF_TRY(CF_SCRATCH(page->ctx, &set, 1));
  CF_TRY(CF_SCRATCH(page->ctx, &set->array, all->count + 1));
  CF_TRY(CF_SCRATCH(page->ctx, &copy, all->count + 1));
  CF_TRY(cf_scratch_bytes(page->ctx, size, 1, (void **)&id));
  snprintf(id, size, "%s-%s", part->task->id, key);
  set->count = set->capacity = 0;
  for (size_t i = 0; i < all->count; ++i) {
    cf_array *a = all->array[i];
    const bool inside = strncmp(a->name, folder, length) == 0 && a->name[length] == '/';
    if (!inside && strcmp(a->name, plain) != 0 && strncmp(a->name, "cortex/", 7) != 0) continue;
    copy[set->count] = *a; /* borrowed, under another name */
    if (inside) copy[set->count].name = a->name + length + 1;
    set->array[set->count] = &copy[set->count];
    set->count++;
  }
  *task = *part->task;
  task->id = id;
  task->arrays = set;
  const cf_json *settings = cf_json_get(part->result, "settings"); /* those of a manifest among them */
  *out = (cf_part){task, cf_json_get(part->result, key), settings ? settings : part->options};
done:
  return status;
}

cf_status cf_find_nfas(cf_page *page, const cf_part *part) {
  const cf_json *space = cf_json_get(part->result, "space"), *f = cf_json_get(space, "permanova"),
                *s = cf_json_get(space, "silhouette"), *truth = cf_json_get(part->result, "truth");
  const double p = cf_part_number(f, "p");
  char text[64];
  if (!f) return cf_find_other(page, part);
  cf_text_write(
      &page->html, "<p>$i models of $i groups, $i regions; mean alignment $d. Groups $s (PERMANOVA R² = $d, $t",
      (int)cf_json_count(cf_json_get(part->result, "models")), (int)cf_json_count(cf_json_get(space, "groups")),
      (int)cf_part_number(part->result, "rois"), cf_part_number(part->result, "alignment"),
      p <= 0.05 ? "lie apart" : "were not told apart", cf_part_number(f, "R2"), cf_text_p(p, text, sizeof text));
  cf_text_write(&page->html, "; mean silhouette $d). Baselines: <strong>$t</strong>.", cf_part_number(s, "mean"),
                cf_part_text(part->result, "verdict", ""));
  if (truth)
    cf_text_write(&page->html, " Planted and found alignments correlate with $d.",
                  cf_part_number(truth, "correlation"));
  cf_text_put(&page->html, " How the stable mode, the encoding model and the consistency index are defined is a "
                           "reconstruction of ours; every choice is among the settings.</p>\n");
  return CF_OK;
}

cf_status cf_part_nfas(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(page->ctx);
  cf_part in_space, in_snci;
  nfas x;
  CF_TRY(sub_part(page, part, "space", "space", "alignment", &in_space));
  CF_TRY(sub_part(page, part, "snci", "consistency", "snci", &in_snci));
  CF_TRY(read_nfas(page, part, &x));
  if (x.models == 0) {
    status = cf_part_other(page, part);
    goto done;
  }
  CF_TRY(cf_find_nfas(page, part));
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  CF_TRY(draw_scheme(page, part, &x));
  CF_TRY(draw_baselines(page, part, &x));
  CF_TRY(draw_truth(page, part, &x));
  CF_TRY(cf_nfas_draw_modes(page, part, &x));
  CF_TRY(draw_regions(page, part, &x));
  CF_TRY(draw_ceiling(page, part, &in_space, &x));
  CF_TRY(draw_compare(page, part, &x));
  cf_text_put(&page->html, "</div>\n");
  write_baselines(page, part);
  write_truth(page, part);
  write_compare(page, part);
  write_models(page, part);
  cf_text_put(&page->html, "<h3>The space</h3>\n");
  CF_TRY(cf_part_space(page, &in_space));
  cf_text_put(&page->html, "<h3>Consistency of the groups</h3>\n");
  CF_TRY(cf_part_snci(page, &in_snci));
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}
