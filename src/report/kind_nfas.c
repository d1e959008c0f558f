/* The alignment space from layers and series: what stands beside the stable mode first, then modes, truth and regions;
 * the space itself and the consistency of its groups are the parts of those names. */
#include "report/page.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_GROUPS = 8, MOST_MODELS = 60 };

typedef struct nfas {
  size_t models, rois, groups;
  cf_block alignment;
  const char **model, **roi;
  size_t *group;
  const char **group_name; /* in the order of the tests */
} nfas;

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

/* ------------------------------------------------------------------- modes -- */

static cf_status draw_circle(cf_page *page, const cf_part *part, const nfas *x) {
  static const char caption[] =
      "Eigenvalues of depth of all models, with the unit circle; red: each model's stable mode. Areas follow the size of a "
      "mode in the first layer.";
  cf_status status = CF_OK;
  const cf_json *models = cf_json_get(part->result, "models");
  cf_block value, size;
  cf_circle_panel panel[MOST_GROUPS];
  cf_figure *figure = NULL;
  char id[256];
  size_t panels = CF_MIN(x->groups, (size_t)MOST_GROUPS);
  CF_TRY(cf_block_read(page, part, "eigenvalues", 3, &value));
  CF_TRY(cf_block_read(page, part, "sizes", 2, &size));
  if (!value.value || !size.value || value.shape[0] != x->models || size.shape[1] != value.shape[1]) goto done;
  const size_t rank = value.shape[1];
  for (size_t g = 0; g < panels; ++g) {
    double *z = NULL, *area = NULL;
    bool *chosen = NULL;
    size_t n = 0;
    CF_TRY(CF_SCRATCH(page->ctx, &z, 2 * rank * x->models));
    CF_TRY(CF_SCRATCH(page->ctx, &area, rank * x->models));
    CF_TRY(CF_SCRATCH(page->ctx, &chosen, rank * x->models));
    for (size_t m = 0; m < x->models; ++m) {
      const cf_json *stable = cf_json_get(cf_json_at(models, m), "stable");
      const double re = cf_part_pair(stable, "eigenvalue", 0), im = cf_part_pair(stable, "eigenvalue", 1);
      for (size_t i = 0; i < rank && x->group[m] == g; ++i) {
        const double *v = value.value + 2 * (m * rank + i);
        if (!isfinite(v[0])) continue;
        z[2 * n] = v[0];
        z[2 * n + 1] = v[1];
        area[n] = size.value[m * rank + i];
        chosen[n++] = v[0] == re && v[1] == im;
      }
    }
    panel[g] = (cf_circle_panel){x->group_name[g], n, z, area, chosen, NULL};
  }
  cf_circle_figure spec = {panels, panel, "stable mode", "other modes"};
  cf_figure_options o = cf_page_options(part, "spectrum", "Modes of depth", caption, id);
  CF_TRY(cf_figure_circle(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "spectrum", "Modes of depth", caption, true, figure);
done:
  return status;
}

/* |w_l| over its sum, mean and standard deviation over the models of a group; depth from 0 to 1 in as many places as
 * the deepest model has layers. */
static cf_status draw_depths(cf_page *page, const cf_part *part, const nfas *x) {
  static const char caption[] =
      "On which depths the stable mode lives: size of each layer's weight over the sum, mean and standard deviation over the "
      "models of a group. The last layer is where the modes lead and has no weight. Models of other depth are read off at the "
      "same share of theirs.";
  cf_status status = CF_OK;
  const cf_json *models = cf_json_get(part->result, "models");
  cf_block w;
  cf_line_series series[MOST_GROUPS];
  cf_figure *figure = NULL;
  char id[256];
  const size_t shown = CF_MIN(x->groups, (size_t)MOST_GROUPS);
  CF_TRY(cf_block_read(page, part, "layer_weights", 2, &w));
  if (!w.value || w.shape[0] != x->models || w.shape[1] < 2) goto done;
  const size_t depth = w.shape[1];
  for (size_t g = 0; g < shown; ++g) {
    double *mean = NULL, *low, *high;
    CF_TRY(CF_SCRATCH(page->ctx, &mean, 3 * depth));
    low = mean + depth;
    high = low + depth;
    for (size_t l = 0; l < depth; ++l) {
      double sum = 0.0, square = 0.0, n = 0.0;
      for (size_t m = 0; m < x->models; ++m) {
        const size_t layers = (size_t)cf_part_number(cf_json_at(models, m), "layers");
        double all = 0.0;
        if (x->group[m] != g || layers < 2 || layers > depth) continue;
        for (size_t i = 0; i < layers; ++i) all += fabs(w.value[m * depth + i]);
        const size_t at = (size_t)lround((double)l * (double)(layers - 1) / (double)(depth - 1));
        const double share = all > 0.0 ? fabs(w.value[m * depth + at]) / all : NAN;
        sum += share;
        square += share * share;
        n += 1.0;
      }
      mean[l] = sum / n;
      const double sd = n > 1.0 ? sqrt(fmax(0.0, square - n * mean[l] * mean[l]) / (n - 1.0)) : 0.0;
      low[l] = fmax(0.0, mean[l] - sd);
      high[l] = mean[l] + sd;
    }
    series[g] = (cf_line_series){x->group_name[g], mean, low, high, NULL};
  }
  cf_lines_figure spec = {shown, depth, series, NULL, "layer", "share of the weights"};
  cf_figure_options o = cf_page_options(part, "depth", "Depth profiles", caption, id);
  CF_TRY(cf_figure_lines(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "depth", "Depth profiles", caption, false, figure);
done:
  return status;
}

/* ----------------------------------------------------------- truth, ceiling -- */

static cf_status draw_truth(cf_page *page, const cf_part *part, const nfas *x) {
  static const char caption[] =
      "Planted and found alignment, a dot for each model and region. On the line they are equal; squares of correlations are "
      "never below 0, so that small ones lie above it.";
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
  static const char caption[] = "Mean alignment of each group with each region, and the region's noise ceiling.";
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
  curve[count++] = (cf_curve){.name = "ceiling", .n = x->rois, .x = place, .y = ceiling, .style = CF_CURVE_MARKS};
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
  cf_curve_panel panel = {
      .x_title = "region", .y_title = "alignment", .count = count, .curve = curve, .from_zero = true};
  cf_curves_figure spec = {1, 1, &panel};
  cf_figure_options o = cf_page_options(part, "ceiling", "Alignment below the noise ceiling", caption, id);
  CF_TRY(cf_figure_curves(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "ceiling", "Alignment below the noise ceiling", caption, true, figure);
done:
  return status;
}

/* ------------------------------------------------------------------ tables -- */

static void write_models(cf_page *page, const cf_part *part) {
  static const char *const columns[] = {"Model",  "Group",     "#Layers", "#Modes",          "#|λ|",
                                        "#arg λ", "#Residual", "#Mean r", "#Mean alignment", "Highest regions"};
  const cf_json *models = cf_json_get(part->result, "models");
  char regions[256];
  cf_table_begin(page, part, "models", "Models", columns, 10);
  for (size_t m = 0; m < cf_json_count(models) && m < MOST_MODELS; ++m) {
    const cf_json *q = cf_json_at(models, m), *stable = cf_json_get(q, "stable"), *top = cf_json_get(q, "top");
    regions[0] = 0;
    for (size_t k = 0; k < cf_json_count(top) && k < 3; ++k) {
      const char *name = cf_json_as_text(cf_json_at(top, k));
      const size_t n = strlen(regions);
      if (name)
        snprintf(regions + n, sizeof regions - n, "%s%.60s", k ? ", " : "", name);
      else
        snprintf(regions + n, sizeof regions - n, "%s%.0f", k ? ", " : "", cf_json_as_number(cf_json_at(top, k)) + 1.0);
    }
    cf_table_row(page);
    cf_table_text(page, cf_part_text(q, "name", "?"));
    cf_table_text(page, cf_part_text(q, "group", "?"));
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
  static const char *const columns[] = {"Distance", "#Mantel r", "#p", "#Samples"};
  const cf_json *list = cf_json_get(part->result, "compare");
  if (!list || cf_json_count(list) == 0) return;
  cf_table_begin(page, part, "compare", "Distances of the space and of the representations themselves", columns, 4);
  for (size_t k = 0; k < cf_json_count(list); ++k) {
    const cf_json *q = cf_json_at(list, k);
    cf_table_row(page);
    cf_table_text(page, cf_part_text(q, "measure", "?"));
    cf_table_number(page, cf_part_number(q, "r"));
    cf_table_p(page, cf_part_number(q, "p"));
    cf_table_number(page, cf_part_number(q, "stimuli"));
    cf_table_end_row(page);
  }
  cf_table_close(page);
}

/* -------------------------------------------------------------------- part -- */

/* A part of the result as if it were a task of its own: its values, and its arrays without their folder. */
static cf_status sub_part(cf_page *page, const cf_part *part, const char *key, const char *folder, const char *plain,
                          cf_status (*write)(cf_page *, const cf_part *)) {
  cf_status status = CF_OK;
  cf_study_task task = *part->task;
  cf_dataset *all = part->task->arrays, *set = NULL;
  cf_array *copy = NULL;
  char *id = NULL;
  const size_t length = strlen(folder), size = strlen(part->task->id) + strlen(key) + 2;
  CF_TRY(CF_SCRATCH(page->ctx, &set, 1));
  CF_TRY(CF_SCRATCH(page->ctx, &set->array, all->count + 1));
  CF_TRY(CF_SCRATCH(page->ctx, &copy, all->count + 1));
  CF_TRY(cf_scratch_bytes(page->ctx, size, 1, (void **)&id));
  snprintf(id, size, "%s-%s", part->task->id, key);
  set->count = set->capacity = 0;
  for (size_t i = 0; i < all->count; ++i) {
    cf_array *a = all->array[i];
    const bool inside = strncmp(a->name, folder, length) == 0 && a->name[length] == '/';
    if (!inside && strcmp(a->name, plain) != 0) continue;
    copy[set->count] = *a; /* borrowed, under another name */
    if (inside) copy[set->count].name = a->name + length + 1;
    set->array[set->count] = &copy[set->count];
    set->count++;
  }
  task.id = id;
  task.arrays = set;
  const cf_part sub = {&task, cf_json_get(part->result, key), part->options};
  status = write(page, &sub);
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
  nfas x;
  CF_TRY(read_nfas(page, part, &x));
  if (x.models == 0) {
    status = cf_part_other(page, part);
    goto done;
  }
  CF_TRY(cf_find_nfas(page, part));
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  CF_TRY(draw_baselines(page, part, &x));
  CF_TRY(draw_truth(page, part, &x));
  CF_TRY(draw_circle(page, part, &x));
  CF_TRY(draw_depths(page, part, &x));
  CF_TRY(draw_regions(page, part, &x));
  cf_text_put(&page->html, "</div>\n");
  write_baselines(page, part);
  write_truth(page, part);
  write_compare(page, part);
  write_models(page, part);
  cf_text_put(&page->html, "<h3>The space</h3>\n");
  CF_TRY(sub_part(page, part, "space", "space", "alignment", cf_part_space));
  cf_text_put(&page->html, "<h3>Consistency of the groups</h3>\n");
  CF_TRY(sub_part(page, part, "snci", "consistency", "snci", cf_part_snci));
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}
