/* Dynamic modes along the depth of several networks beside one another: how stable the stable mode is, the spectra, and
 * the layers that the mode is made of. */
#include "report/page.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_SPECTRA = 12, IN_A_PANEL = 6, MOST_PROFILES = 36 };

/* The next task of this kind with a stable mode of one trajectory, from place *t on. */
static bool next(const cf_page *page, size_t *t, cf_part *part) {
  for (; *t < page->results->count; ++*t) {
    const cf_study_task *task = page->results->task + *t;
    *part = (cf_part){task, cf_json_get(task->envelope, "result"), cf_json_get(task->envelope, "options")};
    if (strcmp(task->kind, "dmd") != 0 || !cf_json_is_object(cf_json_get(part->result, "stable"))) continue;
    if (strcmp(cf_part_text(part->result, "scope", ""), "per-stimulus") == 0) continue;
    ++*t;
    return true;
  }
  return false;
}

static cf_status draw_moduli(cf_page *page, const cf_part *whole) {
  static const char caption[] =
      "Modulus of the eigenvalue of each model's stable mode: 1 is kept from layer to layer, less fades, more grows. Pale: 0.9 to "
      "1.1; a mode outside it, or one that turns, should not be called stable.";
  cf_status status = CF_OK;
  cf_interval_row *row = NULL;
  size_t n = 0;
  char id[256];
  cf_part part;
  cf_figure *figure = NULL;
  CF_TRY(CF_SCRATCH(page->ctx, &row, page->results->count));
  for (size_t t = 0; next(page, &t, &part);)
    row[n++] = (cf_interval_row){.name = part.task->title,
                                 .value = cf_part_number(cf_json_get(part.result, "stable"), "modulus"),
                                 .low = NAN,
                                 .high = NAN,
                                 .null_mean = 1.0,
                                 .null_low = 0.9,
                                 .null_high = 1.1,
                                 .p = NAN};
  cf_intervals_figure spec = {n, row, "|λ| of the stable mode"};
  cf_figure_options o = cf_page_options(whole, "moduli", "Stable eigenvalues", caption, id);
  CF_TRY(cf_figure_intervals(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, whole, "moduli", "Stable eigenvalues", caption, true, figure);
done:
  return status;
}

static cf_status spectrum_of(cf_page *page, const cf_part *part, cf_circle_panel *out) {
  cf_status status = CF_OK;
  cf_block value;
  bool *mark = NULL;
  double *size = NULL;
  const cf_json *chosen = cf_json_get(cf_json_get(part->result, "stable"), "chosen");
  CF_TRY(cf_block_read(page, part, "eigenvalues", 2, &value));
  if (!value.value || value.shape[1] != 2) goto done;
  CF_TRY(cf_block_vector(page, part, "sizes", value.shape[0], &size));
  CF_TRY(CF_SCRATCH(page->ctx, &mark, value.shape[0]));
  for (size_t i = 0; i < value.shape[0]; ++i) mark[i] = false;
  for (size_t k = 0; chosen && k < cf_json_count(chosen); ++k) {
    const double i = cf_json_as_number(cf_json_at(chosen, k));
    if (i >= 0.0 && i < (double)value.shape[0]) mark[(size_t)i] = true;
  }
  *out = (cf_circle_panel){
      .title = part->task->title, .n = value.shape[0], .value = value.value, .size = size, .chosen = mark};
done:
  return status;
}

static cf_status draw_spectra(cf_page *page, const cf_part *whole) {
  static const char caption[] =
      "Eigenvalues of each model with the unit circle. Areas follow the size of a mode's contribution. Red: the stable mode.";
  cf_status status = CF_OK;
  cf_circle_panel panel[MOST_SPECTRA];
  size_t panels = 0;
  char id[256];
  cf_part part;
  cf_figure *figure = NULL;
  for (size_t t = 0; panels < MOST_SPECTRA && next(page, &t, &part);) {
    panel[panels].n = 0;
    CF_TRY(spectrum_of(page, &part, &panel[panels]));
    panels += panel[panels].n > 0;
  }
  if (panels == 0) goto done;
  cf_circle_figure spec = {panels, panel, "stable", "other modes"};
  cf_figure_options o = cf_page_options(whole, "spectra", "Spectra", caption, id);
  o.width_mm = CF_FIGURE_TWO_COLUMNS;
  CF_TRY(cf_figure_circle(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, whole, "spectra", "Spectra", caption, true, figure);
done:
  return status;
}

/* |c_l| / sum |c| over relative depth. */
static cf_status profile_of(cf_page *page, const cf_part *part, cf_curve *out) {
  cf_status status = CF_OK;
  cf_block w;
  double *x = NULL, *y = NULL, sum = 0.0;
  out->n = 0;
  CF_TRY(cf_block_read(page, part, "layer_weights", 2, &w));
  if (!w.value || w.shape[1] != 2 || w.shape[0] < 2) goto done;
  const size_t n = w.shape[0];
  CF_TRY(CF_SCRATCH(page->ctx, &x, n));
  CF_TRY(CF_SCRATCH(page->ctx, &y, n));
  for (size_t i = 0; i < n; ++i) {
    x[i] = (double)i / (double)(n - 1);
    y[i] = hypot(w.value[2 * i], w.value[2 * i + 1]);
    sum += y[i];
  }
  for (size_t i = 0; i < n && sum > 0.0; ++i) y[i] /= sum;
  *out = (cf_curve){.name = part->task->title, .n = n, .x = x, .y = y, .style = CF_CURVE_LINE};
done:
  return status;
}

static cf_status draw_profiles(cf_page *page, const cf_part *whole) {
  static const char caption[] =
      "Which layers the stable mode is made of: the absolute weight of each layer as a share of all, from the first layer (0) to "
      "the last one that is weighed (1).";
  cf_status status = CF_OK;
  cf_curve curve[MOST_PROFILES];
  cf_curve_panel panel[(MOST_PROFILES + IN_A_PANEL - 1) / IN_A_PANEL];
  size_t n = 0;
  char id[256];
  cf_part part;
  cf_figure *figure = NULL;
  for (size_t t = 0; n < MOST_PROFILES && next(page, &t, &part);) {
    CF_TRY(profile_of(page, &part, &curve[n]));
    n += curve[n].n > 0;
  }
  if (n == 0) goto done;
  const size_t panels = (n + IN_A_PANEL - 1) / IN_A_PANEL;
  for (size_t p = 0; p < panels; ++p)
    panel[p] = (cf_curve_panel){.x_title = "relative depth",
                                .y_title = "share of |weight|",
                                .count = CF_MIN((size_t)IN_A_PANEL, n - p * IN_A_PANEL),
                                .curve = curve + p * IN_A_PANEL,
                                .from_zero = true};
  cf_curves_figure spec = {panels, 0, panel};
  cf_figure_options o = cf_page_options(whole, "profiles", "Depth profiles of the stable modes", caption, id);
  if (panels == 1) o.width_mm = 136.0;
  CF_TRY(cf_figure_curves(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, whole, "profiles", "Depth profiles of the stable modes", caption, true, figure);
done:
  return status;
}

static void write_models(cf_page *page) {
  static const char *const columns[] = {"Model", "#Layers", "#Modes", "#Energy", "#Unexplained", "#|λ|", "#Turn"};
  cf_part part;
  cf_table_open(page, "modes-side-by-side", "Stable modes of the models", columns, 7);
  for (size_t t = 0; next(page, &t, &part);) {
    const cf_json *stable = cf_json_get(part.result, "stable");
    cf_table_row(page);
    cf_text_write(&page->html, "<td><a href=\"#task-$t\">$t</a></td>", part.task->id, part.task->title);
    cf_table_number(page, (double)cf_json_count(cf_json_get(part.result, "layers")));
    cf_table_number(page, cf_part_number(part.result, "rank"));
    cf_table_number(page, cf_part_number(part.result, "energy"));
    cf_table_number(page, cf_part_number(part.result, "error"));
    cf_table_number(page, cf_part_number(stable, "modulus"));
    cf_table_number(page, cf_part_number(stable, "angle"));
    cf_table_end_row(page);
  }
  cf_table_close(page);
}

cf_status cf_page_dmd_beside(cf_page *page) {
  static char name[] = "side-by-side";
  cf_status status = CF_OK;
  const cf_study_task task = {.id = name};
  const cf_part whole = {&task, NULL, NULL};
  const cf_mark mark = cf_scratch_mark(page->ctx);
  size_t models = 0;
  cf_part part;
  for (size_t t = 0; next(page, &t, &part);) ++models;
  if (models < 2) return CF_OK;
  cf_text_put(&page->html, "<section id=\"modes-side-by-side\" class=\"task\"><h2>Stable modes side by side</h2>\n"
                           "<div class=\"figures\">\n");
  CF_TRY(draw_moduli(page, &whole));
  CF_TRY(draw_spectra(page, &whole));
  CF_TRY(draw_profiles(page, &whole));
  cf_text_put(&page->html, "</div>\n");
  write_models(page);
  cf_text_put(&page->html, "</section>\n");
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}
