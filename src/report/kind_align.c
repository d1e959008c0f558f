/* Encoding models and noise ceilings: scores of all targets, the penalties they chose, and a table of the best. */
#include "report/page.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_ROWS = 200, MOST_ALPHAS = 60 };

typedef struct scores {
  size_t n; /* targets */
  double *r, *r2, *R2, *alpha, *q, *low, *high, *ceiling, *normalised, *null_mean;
  cf_block alpha_fold, split;
  const char **label, **band;
} scores;

/* A count of the result, 0 when it is not there. */
static int whole(const cf_part *part, const char *key) {
  const double value = cf_part_number(part->result, key);
  return value >= 0 && value < 2e9 ? (int)value : 0;
}

static cf_status read_scores(cf_page *page, const cf_part *part, scores *s) {
  cf_status status = CF_OK;
  cf_block r;
  memset(s, 0, sizeof *s);
  CF_TRY(cf_block_read(page, part, "r", 1, &r));
  if (!r.value || r.shape[0] == 0) goto done;
  s->n = r.shape[0];
  s->r = r.value;
  const struct {
    const char *name;
    double **to;
  } each[] = {{"r2", &s->r2},
              {"R2", &s->R2},
              {"alpha", &s->alpha},
              {"q", &s->q},
              {"r2_low", &s->low},
              {"r2_high", &s->high},
              {"ceiling", &s->ceiling},
              {"r2_normalised", &s->normalised},
              {"null_mean", &s->null_mean}};
  for (size_t i = 0; i < sizeof each / sizeof *each; ++i)
    CF_TRY(cf_block_vector(page, part, each[i].name, s->n, each[i].to));
  CF_TRY(cf_block_labels(page, part, r.array, 0, &s->label));
  CF_TRY(cf_block_read(page, part, "alpha_fold", 2, &s->alpha_fold));
  CF_TRY(cf_block_read(page, part, "split_r2", 2, &s->split));
  if (s->split.value && s->split.shape[1] != s->n) s->split.value = NULL;
  if (s->split.value) CF_TRY(cf_block_labels(page, part, s->split.array, 0, &s->band));
done:
  return status;
}

static void say_trouble(cf_page *page, const cf_part *part) {
  const double missing = cf_part_number(part->result, "missing"), constant = cf_part_number(part->result, "constant");
  if (missing > 0) cf_text_write(&page->html, " $i targets have NaN and are left out.", whole(part, "missing"));
  if (constant > 0) cf_text_write(&page->html, " $i are constant.", whole(part, "constant"));
}

cf_status cf_find_align(cf_page *page, const cf_part *part) {
  const double significant = cf_part_number(part->result, "significant");
  cf_text_write(&page->html, "<p>$i targets from $i features over $i folds: mean r $d, mean r² $d, mean R² $d.",
                whole(part, "fitted"), whole(part, "features"), whole(part, "folds"),
                cf_part_number(part->result, "mean_r"), cf_part_number(part->result, "mean_r2"),
                cf_part_number(part->result, "mean_R2"));
  if (isfinite(significant))
    cf_text_write(&page->html, " $i are above chance at a false discovery rate of 0.05.", whole(part, "significant"));
  if (isfinite(cf_part_number(part->result, "mean_r2_normalised")))
    cf_text_write(&page->html, " Of what is explainable they explain $d on average.",
                  cf_part_number(part->result, "mean_r2_normalised"));
  say_trouble(page, part);
  cf_text_put(&page->html, "</p>\n");
  return CF_OK;
}

static cf_status draw_scores(cf_page *page, const cf_part *part, const scores *s) {
  cf_status status = CF_OK;
  cf_distribution_panel panel[6];
  size_t panels = 0;
  char id[256];
  cf_figure *figure = NULL;
  static const char caption[] =
      "Distributions over targets (red: mean), and scores against what is possible (dashed: where both are equal). r is the mean "
      "over folds of the correlation between measured and predicted test samples, r² that of its square by the sign policy; "
      "R² can be negative.";
  panel[panels++] =
      (cf_distribution_panel){.title = "Correlation", .x_title = "r", .y_title = "targets", .n = s->n, .x = s->r};
  if (s->r2)
    panel[panels++] = (cf_distribution_panel){
        .title = "Squared correlation", .x_title = "r²", .y_title = "targets", .n = s->n, .x = s->r2};
  if (s->R2)
    panel[panels++] = (cf_distribution_panel){
        .title = "Explained variance", .x_title = "R²", .y_title = "targets", .n = s->n, .x = s->R2};
  if (s->ceiling && s->r2)
    panel[panels++] =
        (cf_distribution_panel){"r² against the noise ceiling", "ceiling", "r²", s->n, s->ceiling, s->r2, true, 0, 1};
  if (s->normalised)
    panel[panels++] = (cf_distribution_panel){.title = "Share of the explainable",
                                              .x_title = "r² / ceiling",
                                              .y_title = "targets",
                                              .n = s->n,
                                              .x = s->normalised};
  cf_distributions_figure spec = {panels, 0, panel};
  cf_figure_options o = cf_page_options(part, "scores", "Scores", caption, id);
  CF_TRY(cf_figure_distributions(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "scores", "Scores", caption, true, figure);
done:
  return status;
}

/* Scores, what is possible, and the share of it, on the cortex. */
static cf_status draw_cortex(cf_page *page, const cf_part *part, const scores *s, const cf_array *named) {
  static const char caption[] =
      "Each target's score: r² by the sign policy, the noise ceiling where one was given, and the share of what is possible.";
  cf_status status = CF_OK;
  cf_brain brain;
  cf_cortex_map map[3];
  size_t maps = 0;
  CF_TRY(cf_brain_read(page, part, s->n, named, 0, &brain));
  map[maps++] =
      (cf_cortex_map){.name = s->r2 ? "r²" : "r", .value = s->r2 ? s->r2 : s->r, .quantity = s->r2 ? "r²" : "r"};
  if (s->ceiling) map[maps++] = (cf_cortex_map){.name = "Noise ceiling", .value = s->ceiling, .quantity = "ceiling"};
  if (s->normalised)
    map[maps++] =
        (cf_cortex_map){.name = "Share of the explainable", .value = s->normalised, .quantity = "r² / ceiling"};
  cf_cortex_figure what = {.maps = maps, .map = map, .own_range = true};
  CF_TRY(cf_page_cortex(page, part, "cortex", "Where the features predict", caption, &brain, &what));
done:
  return status;
}

/* How often each penalty was chosen, over folds and targets. */
static cf_status draw_alphas(cf_page *page, const cf_part *part, const scores *s) {
  cf_status status = CF_OK;
  double x[MOST_ALPHAS], count[MOST_ALPHAS], *grid = NULL;
  size_t n = 0, m = 0;
  char id[256];
  cf_figure *figure = NULL;
  static const char caption[] =
      "Penalties chosen, over all folds and targets. A peak at the right end is made by targets that nothing predicts; one at the "
      "left end asks for smaller penalties.";
  CF_TRY(cf_part_numbers(page, cf_json_get(part->result, "alphas"), &grid, &m));
  if (!s->alpha_fold.value || m < 2 || m > MOST_ALPHAS) goto done;
  for (size_t a = 0; a < m; ++a) {
    if (!(grid[a] > 0)) goto done;
    x[n] = log10(grid[a]);
    count[n] = 0;
    for (size_t i = 0; i < s->alpha_fold.shape[0] * s->alpha_fold.shape[1]; ++i)
      count[n] += fabs(s->alpha_fold.value[i] - grid[a]) <= 1e-9 * grid[a];
    ++n;
  }
  cf_curve curve = {.n = n, .x = x, .y = count, .style = CF_CURVE_BARS};
  cf_curve_panel panel = {
      .x_title = "log10 of alpha", .y_title = "choices", .count = 1, .curve = &curve, .from_zero = true};
  cf_curves_figure spec = {1, 1, &panel};
  cf_figure_options o = cf_page_options(part, "alphas", "Penalties", caption, id);
  CF_TRY(cf_figure_curves(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "alphas", "Penalties", caption, false, figure);
done:
  return status;
}

/* The targets by descending r2, NaN last. */
static cf_status order_targets(cf_page *page, const scores *s, size_t *order, size_t most) {
  cf_status status = CF_OK;
  const double *key = s->r2 ? s->r2 : s->r;
  bool *used = NULL;
  CF_TRY(CF_SCRATCH(page->ctx, &used, s->n));
  memset(used, 0, s->n * sizeof *used);
  for (size_t k = 0; k < most; ++k) {
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < s->n; ++i)
      if (!used[i] && (best == SIZE_MAX || key[i] > key[best] || (isnan(key[best]) && !isnan(key[i])))) best = i;
    used[order[k] = best] = true;
  }
done:
  return status;
}

static cf_status write_targets(cf_page *page, const cf_part *part, const scores *s) {
  static const char *const columns[] = {"Target", "#r",    "#r²", "#R²",      "#alpha",
                                        "#Low",   "#High", "#q",  "#Ceiling", "#r² / ceiling"};
  cf_status status = CF_OK;
  const size_t rows = CF_MIN(s->n, (size_t)MOST_ROWS);
  size_t *order = NULL;
  char stem[256], text[64];
  CF_TRY(CF_SCRATCH(page->ctx, &order, rows));
  CF_TRY(order_targets(page, s, order, rows));
  snprintf(stem, sizeof stem, "%.200s-targets", part->task->id);
  cf_table_open(page, stem, "Targets", columns, sizeof columns / sizeof *columns);
  for (size_t k = 0; k < rows; ++k) {
    const size_t i = order[k];
    const double *const each[] = {s->r, s->r2, s->R2, s->alpha, s->low, s->high};
    cf_table_row(page);
    snprintf(text, sizeof text, "target %zu", i);
    cf_table_text(page, s->label ? s->label[i] : text);
    for (size_t c = 0; c < sizeof each / sizeof *each; ++c) cf_table_number(page, each[c] ? each[c][i] : NAN);
    cf_table_p(page, s->q ? s->q[i] : NAN);
    cf_table_number(page, s->ceiling ? s->ceiling[i] : NAN);
    cf_table_number(page, s->normalised ? s->normalised[i] : NAN);
    cf_table_end_row(page);
  }
  cf_table_close(page);
  if (rows < s->n)
    cf_text_write(&page->html, "<p class=\"muted\">The best $i of $i targets; all are in arrays.h5.</p>\n", (int)rows,
                  (int)s->n);
done:
  return status;
}

/* Mean share of each band. */
static void write_bands(cf_page *page, const cf_part *part, const scores *s) {
  static const char *const columns[] = {"Band", "#Mean share of R²"};
  char stem[256], text[64];
  if (!s->split.value) return;
  snprintf(stem, sizeof stem, "%.200s-bands", part->task->id);
  cf_table_open(page, stem, "Bands of features", columns, 2);
  for (size_t b = 0; b < s->split.shape[0]; ++b) {
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < s->n; ++i)
      if (isfinite(s->r[i])) sum += s->split.value[b * s->n + i], ++count;
    snprintf(text, sizeof text, "band %zu", b);
    cf_table_row(page);
    cf_table_text(page, s->band ? s->band[b] : text);
    cf_table_number(page, count ? sum / (double)count : NAN);
    cf_table_end_row(page);
  }
  cf_table_close(page);
}

cf_status cf_part_align(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  scores s;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(read_scores(page, part, &s));
  if (s.n == 0) {
    status = cf_part_other(page, part);
    goto done;
  }
  CF_TRY(cf_find_align(page, part));
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  CF_TRY(draw_scores(page, part, &s));
  CF_TRY(draw_alphas(page, part, &s));
  CF_TRY(draw_cortex(page, part, &s, cf_dataset_get(part->task->arrays, "r")));
  cf_text_put(&page->html, "</div>\n");
  write_bands(page, part, &s);
  CF_TRY(write_targets(page, part, &s));
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* ---------------------------------------------------------------- ceilings -- */

cf_status cf_find_ceiling(cf_page *page, const cf_part *part) {
  cf_text_write(&page->html, "<p>Noise ceiling ($t) of $i targets from $i repeats: mean $d, median $d.</p>\n",
                cf_part_text(part->result, "method", "?"), whole(part, "targets"), whole(part, "repeats"),
                cf_part_number(part->result, "mean"), cf_part_number(part->result, "median"));
  return CF_OK;
}

cf_status cf_part_ceiling(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(page->ctx);
  cf_block ceiling;
  cf_figure *figure = NULL;
  char id[256];
  static const char caption[] =
      "Share of a target's variance that a perfect model of the stimulus would explain (red: mean).";
  CF_TRY(cf_find_ceiling(page, part));
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  CF_TRY(cf_block_read(page, part, "ceiling", 1, &ceiling));
  if (!ceiling.value || ceiling.shape[0] < 2) goto close;
  cf_distribution_panel panel = {
      .x_title = "share of variance", .y_title = "targets", .n = ceiling.shape[0], .x = ceiling.value};
  cf_distributions_figure spec = {1, 0, &panel};
  cf_figure_options o = cf_page_options(part, "ceiling", "Noise ceiling", caption, id);
  CF_TRY(cf_figure_distributions(page->ctx, &spec, &o, &figure));
  CF_TRY(cf_page_figure(page, part, "ceiling", "Noise ceiling", caption, false, figure));
  cf_brain brain;
  CF_TRY(cf_brain_read(page, part, ceiling.shape[0], ceiling.array, 0, &brain));
  cf_cortex_map map = {.value = ceiling.value};
  cf_cortex_figure what = {.maps = 1, .map = &map, .quantity = "noise ceiling"};
  CF_TRY(cf_page_cortex(page, part, "cortex", "Noise ceiling on the cortex",
                        "Share of a region's variance that a perfect model of the stimulus would explain.", &brain,
                        &what));
close:
  cf_text_put(&page->html, "</div>\n");
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* ----------------------------------------------------------------- regions -- */

cf_status cf_find_regions(cf_page *page, const cf_part *part) {
  cf_text_write(&page->html, "<p>$i series of $i samples in $i runs, from $i voxels of which $i are constant",
                whole(part, "columns"), whole(part, "samples"), whole(part, "runs"), whole(part, "voxels"),
                whole(part, "constant_voxels"));
  if (cf_part_number(part->result, "nan_voxels") > 0)
    cf_text_write(&page->html, " and $i have NaN", whole(part, "nan_voxels"));
  if (cf_part_number(part->result, "empty") > 0)
    cf_text_write(&page->html, "; $i regions have no voxel", whole(part, "empty"));
  cf_text_put(&page->html, ".</p>\n");
  return CF_OK;
}

cf_status cf_part_regions(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(page->ctx);
  cf_block voxels;
  cf_figure *figure = NULL;
  char id[256];
  bool several = false;
  static const char caption[] = "Voxels that a region's series is the mean of (red: mean).";
  CF_TRY(cf_find_regions(page, part));
  CF_TRY(cf_block_read(page, part, "voxels", 1, &voxels));
  for (size_t i = 0; voxels.value && i < voxels.shape[0]; ++i) several = several || voxels.value[i] > 1;
  if (!several) goto done;
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  cf_distribution_panel panel = {.x_title = "voxels", .y_title = "regions", .n = voxels.shape[0], .x = voxels.value};
  cf_distributions_figure spec = {1, 0, &panel};
  cf_figure_options o = cf_page_options(part, "sizes", "Size of regions", caption, id);
  CF_TRY(cf_figure_distributions(page->ctx, &spec, &o, &figure));
  CF_TRY(cf_page_figure(page, part, "sizes", "Size of regions", caption, false, figure));
  cf_brain brain;
  CF_TRY(cf_brain_read(page, part, voxels.shape[0], voxels.array, 0, &brain));
  cf_cortex_map map = {.value = voxels.value};
  cf_cortex_figure what = {.maps = 1, .map = &map, .quantity = "voxels"};
  CF_TRY(cf_page_cortex(page, part, "cortex", "The regions on the cortex", "Voxels or vertices of each region.", &brain,
                        &what));
  cf_text_put(&page->html, "</div>\n");
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}
