/* Linear dynamics: dynamic modes along the depth of a network, and the sweep over delays and ranks. */
#include "report/page.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_ROWS = 60 };

static bool is_text(const cf_json *object, const char *key, const char *value) {
  return strcmp(cf_part_text(object, key, ""), value) == 0;
}

/* Eigenvalues from the array (count, 2), those that are chosen marked. */
static cf_status read_circle(cf_page *page, const cf_part *part, const cf_json *chosen, cf_circle_panel *out) {
  cf_status status = CF_OK;
  cf_block value;
  double *size = NULL;
  bool *mark = NULL;
  memset(out, 0, sizeof *out);
  CF_TRY(cf_block_read(page, part, "eigenvalues", 2, &value));
  if (!value.value || value.shape[1] != 2) goto done;
  CF_TRY(cf_block_vector(page, part, "sizes", value.shape[0], &size));
  CF_TRY(CF_SCRATCH(page->ctx, &mark, value.shape[0]));
  for (size_t i = 0; i < value.shape[0]; ++i) mark[i] = false;
  for (size_t k = 0; chosen && k < cf_json_count(chosen); ++k) {
    double i = cf_json_as_number(cf_json_at(chosen, k));
    if (i >= 0.0 && i < (double)value.shape[0]) mark[(size_t)i] = true;
  }
  *out = (cf_circle_panel){.n = value.shape[0], .value = value.value, .size = size, .chosen = mark};
done:
  return status;
}

/* ------------------------------------------------------------------- dmd -- */

cf_status cf_find_dmd(cf_page *page, const cf_part *part) {
  const cf_json *r = part->result, *stable = cf_json_get(r, "stable");
  double modulus = cf_part_number(stable, "modulus"), angle = cf_part_number(stable, "angle"),
         rank = cf_part_number(r, "rank"), energy = cf_part_number(r, "energy"), error = cf_part_number(r, "error");
  double re = cf_part_pair(stable, "eigenvalue", 0), im = cf_part_pair(stable, "eigenvalue", 1);
  bool each = is_text(r, "scope", "per-stimulus");
  if (!isfinite(modulus)) return cf_find_other(page, part);
  cf_text_write(&page->html, "<p>");
  size_t layers = cf_json_count(cf_json_get(r, "layers"));
  if (layers > 0) cf_text_write(&page->html, "$i layers, ", (int)layers);
  if (isfinite(cf_part_number(r, "stimuli")))
    cf_text_write(&page->html, "$i stimuli.", (int)cf_part_number(r, "stimuli"));
  if (isfinite(rank)) cf_text_write(&page->html, each ? " $d modes a stimulus on average" : " $d modes", rank);
  if (isfinite(rank) && isfinite(energy)) cf_text_write(&page->html, " hold $d % of the energy", 100.0 * energy);
  if (isfinite(rank) && isfinite(error))
    cf_text_write(&page->html, "; they leave $d % of the layers' norm unexplained", 100.0 * error);
  if (isfinite(rank)) cf_text_put(&page->html, ".");
  if (each)
    cf_text_write(&page->html, " Of the stable modes the median modulus is $d and the median turn $d radians a layer.",
                  modulus, angle);
  else if (isfinite(re))
    cf_text_write(&page->html, " The stable mode has the eigenvalue $d", re);
  if (!each && isfinite(re) && im != 0.0)
    cf_text_write(&page->html, " $s $d i, modulus $d", im < 0.0 ? "−" : "+", fabs(im), modulus);
  else if (!each && isfinite(re))
    cf_text_write(&page->html, " (real), modulus $d", modulus);
  if (!each && isfinite(re) && im != 0.0) cf_text_write(&page->html, ", and turns by $d radians a layer", fabs(angle));
  if (!each && isfinite(re)) cf_text_put(&page->html, ".");
  cf_text_put(&page->html, "</p>\n");
  return CF_OK;
}

static cf_status draw_eigenvalues(cf_page *page, const cf_part *part) {
  static const char modes[] =
      "Inside the circle a mode fades from layer to layer, outside it grows, on it it stays; away from the real axis it turns. Areas "
      "follow the size of a mode's contribution where amplitudes are fitted. Red: the stable mode.";
  static const char each[] =
      "The stable mode of each stimulus. Inside the circle it fades from layer to layer, on it it stays.";
  cf_status status = CF_OK;
  cf_circle_panel panel;
  const cf_json *stable = cf_json_get(part->result, "stable");
  bool by_stimulus = is_text(part->result, "scope", "per-stimulus");
  const char **name = NULL;
  char id[256];
  cf_figure *figure = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(read_circle(page, part, cf_json_get(stable, "chosen"), &panel));
  if (panel.n == 0) goto done;
  if (by_stimulus) CF_TRY(cf_block_labels(page, part, cf_dataset_get(part->task->arrays, "eigenvalues"), 0, &name));
  panel.name = (const char *const *)name;
  cf_circle_figure spec = {1, &panel, by_stimulus ? NULL : "stable", by_stimulus ? NULL : "other modes"};
  const char *caption = by_stimulus ? each : modes;
  cf_figure_options o = cf_page_options(part, "eigenvalues", "Eigenvalues", caption, id);
  CF_TRY(cf_figure_circle(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "eigenvalues", "Eigenvalues", caption, false, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* Real and imaginary part of the weights, split; *turns: whether any has an imaginary part. */
static cf_status split_weights(cf_page *page, const cf_block *w, double **re, double **im, bool *turns) {
  cf_status status = CF_OK;
  CF_TRY(CF_SCRATCH(page->ctx, re, w->shape[0]));
  CF_TRY(CF_SCRATCH(page->ctx, im, w->shape[0]));
  *turns = false;
  for (size_t i = 0; i < w->shape[0]; ++i) {
    (*re)[i] = w->value[2 * i];
    (*im)[i] = w->value[2 * i + 1];
    *turns = *turns || (*im)[i] != 0.0;
  }
done:
  return status;
}

static cf_status draw_weights(cf_page *page, const cf_part *part) {
  static const char caption[] =
      "How much of each layer goes into the features of the stable mode: on which depths it lives. Signs are those of a linear "
      "combination.";
  cf_status status = CF_OK;
  cf_block w;
  double *re = NULL, *im = NULL, *zero = NULL;
  bool turns = false;
  const char **name = NULL;
  char id[256];
  cf_figure *figure = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(cf_block_read(page, part, "layer_weights", 2, &w));
  if (!w.value || w.shape[1] != 2 || w.shape[0] < 2) goto done;
  CF_TRY(split_weights(page, &w, &re, &im, &turns));
  CF_TRY(cf_block_labels(page, part, w.array, 0, &name));
  CF_TRY(CF_SCRATCH(page->ctx, &zero, w.shape[0]));
  for (size_t i = 0; i < w.shape[0]; ++i) zero[i] = 0.0;
  const size_t skip = name ? cf_names_folder((const char *const *)name, w.shape[0]) : 0;
  for (size_t i = 0; name && i < w.shape[0]; ++i) name[i] += skip;
  cf_line_series series[2] = {{"real part", re, NULL, NULL, NULL}, {"imaginary part", im, NULL, NULL, NULL}};
  cf_lines_figure spec = {.count = turns ? 2 : 1,
                          .positions = w.shape[0],
                          .series = series,
                          .position_name = (const char *const *)name,
                          .x_title = "layer",
                          .y_title = "weight in the stable mode"};
  const bool wide = w.shape[0] > 16;
  cf_figure_options o = cf_page_options(part, "weights", "Layer weights", caption, id);
  o.width_mm = wide ? CF_FIGURE_TWO_COLUMNS : CF_FIGURE_ONE_COLUMN;
  CF_TRY(cf_figure_lines(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "weights", "Layer weights", caption, wide, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* Singular values with their energy, and the residuals of the modes; per stimulus: distributions. */
static cf_status draw_spectrum(cf_page *page, const cf_part *part) {
  static const char caption[] =
      "Energy in the singular values, each and in all so far; the dashed line ends those that are kept. Residual: how far the layers "
      "are from following a mode, 0 for one that they really follow; dashed: the stable one.";
  cf_status status = CF_OK;
  cf_block singular, residual;
  double *x = NULL, *share = NULL, *sum = NULL, *mode = NULL, total = 0.0, so_far = 0.0;
  double rank = cf_part_number(part->result, "rank");
  cf_curve curve[3];
  cf_curve_panel panel[2];
  size_t panels = 0;
  char id[256];
  cf_figure *figure = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(cf_block_read(page, part, "singular_values", 1, &singular));
  CF_TRY(cf_block_read(page, part, "residuals", 1, &residual));
  if (singular.value && singular.shape[0] > 1) {
    const size_t n = singular.shape[0];
    CF_TRY(CF_SCRATCH(page->ctx, &x, n));
    CF_TRY(CF_SCRATCH(page->ctx, &share, n));
    CF_TRY(CF_SCRATCH(page->ctx, &sum, n));
    for (size_t i = 0; i < n; ++i) total += singular.value[i] * singular.value[i];
    for (size_t i = 0; i < n; ++i) {
      x[i] = (double)(i + 1);
      share[i] = 100.0 * singular.value[i] * singular.value[i] / total;
      sum[i] = so_far += share[i];
    }
    curve[0] = (cf_curve){.name = "each", .n = n, .x = x, .y = share, .style = CF_CURVE_BARS};
    curve[1] = (cf_curve){.name = "so far", .n = n, .x = x, .y = sum, .style = CF_CURVE_LINE};
    panel[panels++] = (cf_curve_panel){.title = "Energy",
                                       .x_title = "singular value",
                                       .y_title = "energy (%)",
                                       .count = 2,
                                       .curve = curve,
                                       .marked = isfinite(rank) && rank < (double)n,
                                       .mark = rank + 0.5,
                                       .mark_name = "kept",
                                       .from_zero = true};
  }
  if (residual.value && residual.shape[0] > 1 && !is_text(part->result, "scope", "per-stimulus")) {
    CF_TRY(CF_SCRATCH(page->ctx, &mode, residual.shape[0]));
    for (size_t i = 0; i < residual.shape[0]; ++i) mode[i] = (double)i;
    curve[2] = (cf_curve){.n = residual.shape[0], .x = mode, .y = residual.value, .style = CF_CURVE_BARS};
    double stable = cf_part_number(cf_json_get(part->result, "stable"), "index");
    panel[panels++] = (cf_curve_panel){.title = "Residuals",
                                       .x_title = "mode",
                                       .y_title = "residual",
                                       .count = 1,
                                       .curve = curve + 2,
                                       .marked = isfinite(stable),
                                       .mark = stable,
                                       .from_zero = true};
  }
  if (panels == 0) goto done;
  cf_curves_figure spec = {panels, 0, panel};
  cf_figure_options o = cf_page_options(part, "spectrum", "Energy and residuals", caption, id);
  CF_TRY(cf_figure_curves(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "spectrum", "Energy and residuals", caption, panels > 1, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* What varies over the stimuli when each has modes of its own. */
static cf_status draw_stimuli(cf_page *page, const cf_part *part) {
  static const char caption[] = "Distributions over the stimuli; red: mean.";
  cf_status status = CF_OK;
  cf_block value, rank, residual;
  double *modulus = NULL, *angle = NULL;
  cf_distribution_panel panel[4];
  size_t panels = 0;
  char id[256];
  cf_figure *figure = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(cf_block_read(page, part, "eigenvalues", 2, &value));
  CF_TRY(cf_block_read(page, part, "ranks", 1, &rank));
  CF_TRY(cf_block_read(page, part, "residuals", 1, &residual));
  if (!value.value || value.shape[1] != 2) goto done;
  const size_t n = value.shape[0];
  CF_TRY(CF_SCRATCH(page->ctx, &modulus, n));
  CF_TRY(CF_SCRATCH(page->ctx, &angle, n));
  for (size_t i = 0; i < n; ++i) {
    modulus[i] = hypot(value.value[2 * i], value.value[2 * i + 1]);
    angle[i] = fabs(atan2(value.value[2 * i + 1], value.value[2 * i]));
  }
  panel[panels++] =
      (cf_distribution_panel){.title = "Modulus", .x_title = "|λ|", .y_title = "stimuli", .n = n, .x = modulus};
  panel[panels++] = (cf_distribution_panel){
      .title = "Turn", .x_title = "|arg λ| (radians a layer)", .y_title = "stimuli", .n = n, .x = angle};
  if (residual.value)
    panel[panels++] = (cf_distribution_panel){
        .title = "Residual", .x_title = "residual", .y_title = "stimuli", .n = residual.shape[0], .x = residual.value};
  if (rank.value)
    panel[panels++] = (cf_distribution_panel){
        .title = "Modes", .x_title = "rank", .y_title = "stimuli", .n = rank.shape[0], .x = rank.value};
  cf_distributions_figure spec = {panels, panels == 4 ? 4 : 0, panel};
  cf_figure_options o = cf_page_options(part, "stimuli", "Stimuli", caption, id);
  CF_TRY(cf_figure_distributions(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "stimuli", "Stimuli", caption, true, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

static void write_modes(cf_page *page, const cf_part *part) {
  static const char *const columns[] = {"Mode",  "#Real",    "#Imaginary", "#Modulus", "#Turn (radians a layer)",
                                        "#Size", "#Residual"};
  const cf_json *r = part->result, *values = cf_json_get(r, "eigenvalues"),
                *chosen = cf_json_get(cf_json_get(r, "stable"), "chosen"), *sizes = cf_json_get(r, "sizes"),
                *residuals = cf_json_get(r, "residuals");
  char name[64];
  if (is_text(r, "scope", "per-stimulus") || !values || !cf_json_is_list(values)) return;
  cf_table_begin(page, part, "modes", "Modes", columns, sizeof columns / sizeof *columns);
  for (size_t i = 0; i < CF_MIN(cf_json_count(values), (size_t)MOST_ROWS); ++i) {
    const cf_json *z = cf_json_at(values, i);
    double re = cf_json_as_number(cf_json_at(z, 0)), im = cf_json_as_number(cf_json_at(z, 1));
    bool stable = false;
    for (size_t k = 0; chosen && k < cf_json_count(chosen); ++k)
      stable = stable || cf_json_as_number(cf_json_at(chosen, k)) == (double)i;
    snprintf(name, sizeof name, "%zu%s", i, stable ? " (stable)" : "");
    cf_table_row(page);
    cf_table_text(page, name);
    cf_table_number(page, re);
    cf_table_number(page, im);
    cf_table_number(page, hypot(re, im));
    cf_table_number(page, atan2(im, re));
    cf_table_number(page, cf_json_as_number(cf_json_at(sizes, i)));
    cf_table_number(page, cf_json_as_number(cf_json_at(residuals, i)));
    cf_table_end_row(page);
  }
  cf_table_close(page);
}

cf_status cf_part_dmd(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  if (!cf_json_is_object(cf_json_get(part->result, "stable"))) return cf_part_other(page, part);
  CF_TRY(cf_find_dmd(page, part));
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  CF_TRY(draw_eigenvalues(page, part));
  CF_TRY(draw_weights(page, part));
  if (is_text(part->result, "scope", "per-stimulus"))
    CF_TRY(draw_stimuli(page, part));
  else
    CF_TRY(draw_spectrum(page, part));
  cf_text_put(&page->html, "</div>\n");
  write_modes(page, part);
done:
  return status;
}

/* -------------------------------------------------------------- dynamics -- */

cf_status cf_find_dynamics(cf_page *page, const cf_part *part) {
  const cf_json *r = part->result, *best = cf_json_get(r, "suggested"), *fast = cf_json_get(r, "fast"),
                *sweep = cf_json_get(r, "sweep");
  double delays = cf_part_number(best, "delays"), rank = cf_part_number(best, "rank");
  if (!sweep || !cf_json_is_list(sweep)) return cf_find_other(page, part);
  double trials = cf_part_number(r, "trials"), steps = cf_part_number(r, "steps"),
         channels = cf_part_number(r, "channels");
  cf_text_put(&page->html, "<p>");
  if (isfinite(trials) && isfinite(steps) && isfinite(channels))
    cf_text_write(&page->html, "$i trials of $i steps and $i channels.", (int)trials, (int)steps, (int)channels);
  if (!isfinite(delays))
    cf_text_put(&page->html, " No operator that was tried predicts better than no change at all.");
  else
    cf_text_write(&page->html, " Suggested are $i delay$s and rank $i", (int)delays, delays == 1.0 ? "" : "s",
                  (int)rank);
  for (size_t i = 0; isfinite(delays) && i < cf_json_count(sweep); ++i) {
    const cf_json *e = cf_json_at(sweep, i);
    if (cf_part_number(e, "delays") == delays && cf_part_number(e, "rank") == rank)
      cf_text_write(&page->html, ": a mean error of $d of that of no change", cf_part_number(e, "mase"));
  }
  if (isfinite(delays)) cf_text_put(&page->html, ".");
  if (isfinite(cf_part_number(fast, "delays")))
    cf_text_write(&page->html, " The rule of fastDSA gives $i and $i.", (int)cf_part_number(fast, "delays"),
                  (int)cf_part_number(fast, "rank"));
  cf_text_put(&page->html, "</p>\n");
  return CF_OK;
}

static cf_status number_names(cf_page *page, const double *value, size_t n, const char *zero, const char ***out) {
  cf_status status = CF_OK;
  CF_TRY(CF_SCRATCH(page->ctx, out, n));
  for (size_t i = 0; i < n; ++i) {
    char *text = NULL;
    CF_TRY(cf_scratch_bytes(page->ctx, 24, 1, (void **)&text));
    if (value && value[i] == 0.0 && zero)
      snprintf(text, 24, "%s", zero);
    else
      snprintf(text, 24, "%.6g", value ? value[i] : (double)(i + 1));
    (*out)[i] = text;
  }
done:
  return status;
}

static cf_status draw_sweep(cf_page *page, const cf_part *part) {
  static const struct {
    const char *array, *title, *quantity;
  } known[] = {{"aic", "Information criterion", "AIC / N"},
               {"mase", "Error against no change", "MASE (below 1: better)"},
               {"error", "Squared error", "share of the variance"},
               {"non_normal", "Non-normality", "|B'B − BB'|"},
               {"residual", "Residual", "residual of the modes"}};
  static const char caption[] =
      "Operators fitted to a part of the data and judged on the rest, by the number of delays (rows) and the rank (columns). Framed: the "
      "smallest rank, then the fewest delays, among those that beat no change and have an information criterion near the least; "
      "this rule is cortifold's own. Grey: not possible with these data.";
  cf_status status = CF_OK;
  cf_grid_panel panel[5];
  size_t panels = 0, shape[2] = {0, 0};
  double *delays = NULL, *rank = NULL;
  const char **row = NULL, **column = NULL;
  char id[256];
  const cf_json *best = cf_json_get(part->result, "suggested");
  cf_figure *figure = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  for (size_t k = 0; k < sizeof known / sizeof *known; ++k) {
    cf_block b;
    CF_TRY(cf_block_read(page, part, known[k].array, 2, &b));
    if (!b.value || (panels && (b.shape[0] != shape[0] || b.shape[1] != shape[1]))) continue;
    if (panels == 0) {
      memcpy(shape, b.shape, sizeof shape);
      CF_TRY(cf_block_axis(page, part, b.array, 0, "delays", &delays));
      CF_TRY(cf_block_axis(page, part, b.array, 1, "rank", &rank));
    }
    panel[panels++] = (cf_grid_panel){.title = known[k].title, .quantity = known[k].quantity, .value = b.value};
  }
  if (panels == 0) goto done;
  for (size_t i = 0; delays && rank && i < shape[0] * shape[1]; ++i)
    if (delays[i / shape[1]] == cf_part_number(best, "delays") && rank[i % shape[1]] == cf_part_number(best, "rank"))
      for (size_t p = 0; p < panels; ++p)
        panel[p].chosen = true, panel[p].row = i / shape[1], panel[p].column = i % shape[1];
  CF_TRY(number_names(page, delays, shape[0], NULL, &row));
  CF_TRY(number_names(page, rank, shape[1], "all", &column));
  cf_grid_figure spec = {.rows = shape[0],
                         .columns = shape[1],
                         .panels = panels,
                         .panel = panel,
                         .row_name = (const char *const *)row,
                         .column_name = (const char *const *)column,
                         .row_title = "delays",
                         .column_title = "rank"};
  cf_figure_options o = cf_page_options(part, "sweep", "Delays and ranks", caption, id);
  CF_TRY(cf_figure_grid(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "sweep", "Delays and ranks", caption, true, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

static cf_status draw_operator(cf_page *page, const cf_part *part) {
  static const char caption[] =
      "Eigenvalues of the operator fitted to all data with the task's own delays and rank. Inside the circle a mode fades from step to "
      "step; away from the real axis it turns.";
  cf_status status = CF_OK;
  cf_circle_panel panel;
  char id[256];
  cf_figure *figure = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(read_circle(page, part, NULL, &panel));
  if (panel.n == 0) goto done;
  cf_circle_figure spec = {1, &panel, NULL, NULL};
  cf_figure_options o = cf_page_options(part, "eigenvalues", "Eigenvalues", caption, id);
  CF_TRY(cf_figure_circle(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "eigenvalues", "Eigenvalues", caption, false, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

static void write_sweep(cf_page *page, const cf_part *part) {
  static const char *const columns[] = {"#Delays", "#Rank", "#AIC", "#MASE", "#Error", "#Non-normality", "#Residual"};
  static const char *const key[] = {"delays", "rank", "aic", "mase", "error", "non_normal", "residual"};
  const cf_json *sweep = cf_json_get(part->result, "sweep");
  cf_table_begin(page, part, "sweep", "All that was tried", columns, 7);
  for (size_t i = 0; i < cf_json_count(sweep); ++i) {
    cf_table_row(page);
    for (size_t k = 0; k < 7; ++k) cf_table_number(page, cf_part_number(cf_json_at(sweep, i), key[k]));
    cf_table_end_row(page);
  }
  cf_table_close(page);
}

cf_status cf_part_dynamics(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  if (!cf_json_is_list(cf_json_get(part->result, "sweep"))) return cf_part_other(page, part);
  CF_TRY(cf_find_dynamics(page, part));
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  CF_TRY(draw_sweep(page, part));
  CF_TRY(draw_operator(page, part));
  cf_text_put(&page->html, "</div>\n");
  write_sweep(page, part);
done:
  return status;
}
