/* Tasks of one kind side by side: tuning of several populations, activity of several networks, alignment of several
 * networks with the same recordings. */
#include "report/page.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_SERIES = 8, MOST_POSITIONS = 24 };

static cf_part part_of(const cf_study_task *task) {
  return (cf_part){task, cf_json_get(task->envelope, "result"), cf_json_get(task->envelope, "options")};
}

static void open_section(cf_page *page, const char *id, const char *title, const char *words) {
  cf_text_write(&page->html, "<section id=\"$t\" class=\"task\"><h2>$t</h2>\n", id, title);
  if (words) cf_text_write(&page->html, "<p>$t</p>\n", words);
  cf_text_put(&page->html, "<div class=\"figures\">\n");
}

/* ---------------------------------------------------------------- tuning -- */

typedef struct tuned {
  size_t n;
  const cf_study_task **task;
  const char **name;
  cf_box_sample *osi, *dsi, *f1f0;
  bool modulated; /* some task knows F1 / F0 */
} tuned;

static cf_status read_tuned(cf_page *page, tuned *t) {
  static const char *const array[3] = {"OSI", "DSI", "F1F0"};
  cf_status status = CF_OK;
  *t = (tuned){0};
  CF_TRY(cf_page_tasks_of(page, "tuning", "osi", &t->task, &t->n));
  CF_TRY(cf_page_short_titles(page, t->n, t->task, &t->name));
  cf_box_sample **sample[3] = {&t->osi, &t->dsi, &t->f1f0};
  for (int k = 0; k < 3; ++k) CF_TRY(CF_SCRATCH(page->ctx, sample[k], t->n + 1));
  for (size_t i = 0; i < t->n; ++i) {
    const cf_part part = part_of(t->task[i]);
    for (int k = 0; k < 3; ++k) {
      cf_block b;
      CF_TRY(cf_block_read(page, &part, array[k], 1, &b));
      (*sample[k])[i] = (cf_box_sample){b.value ? b.shape[0] : 0, b.value};
      for (size_t j = 0; k == 2 && b.value && j < b.shape[0]; ++j) t->modulated = t->modulated || isfinite(b.value[j]);
    }
  }
done:
  return status;
}

static cf_status draw_selectivity(cf_page *page, const cf_part *whole, const tuned *t) {
  static const char title[] = "Selectivity";
  static const char caption[] =
      "Boxes: quartiles and median over neurons; whiskers: 5th to 95th percentile; short line: the largest. Selectivity is 1 minus "
      "the circular variance: 0 for none, 1 for a response to one direction alone. Baseline activity lowers it.";
  cf_status status = CF_OK;
  char id[256];
  cf_figure *figure = NULL;
  const cf_boxes_panel panel[3] = {
      {.title = "Orientation selectivity (OSI)", .sample = t->osi, .bounded = true, .low = 0, .high = 1},
      {.title = "Direction selectivity (DSI)", .sample = t->dsi, .bounded = true, .low = 0, .high = 1},
      {.title = "Modulation (F1 / F0)", .sample = t->f1f0}};
  const cf_boxes_figure spec = {.panels = t->modulated ? 3 : 2,
                                .series = 1,
                                .positions = t->n,
                                .panel = panel,
                                .position_name = (const char *const *)t->name};
  cf_figure_options o = cf_page_options(whole, "selectivity", title, caption, id);
  CF_TRY(cf_figure_boxes(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, whole, "selectivity", title, caption, t->n > 9, figure);
done:
  return status;
}

/* Histograms of one index, a panel a population. */
static cf_status draw_histograms(cf_page *page, const cf_part *whole, const tuned *t, bool directions) {
  static const char caption[] = "Distributions over the neurons of each population; the line is the mean.";
  cf_status status = CF_OK;
  cf_distribution_panel *panel = NULL;
  size_t n = 0;
  char id[256];
  cf_figure *figure = NULL;
  const char *stem = directions ? "dsi" : "osi", *short_name = directions ? "DSI" : "OSI",
             *title = directions ? "Direction selectivity" : "Orientation selectivity";
  const cf_box_sample *sample = directions ? t->dsi : t->osi;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(CF_SCRATCH(page->ctx, &panel, t->n));
  for (size_t i = 0; i < t->n; ++i)
    if (sample[i].n)
      panel[n++] = (cf_distribution_panel){
          t->name[i], short_name, i % 4 ? NULL : "neurons", sample[i].n, sample[i].value, NULL, true, 0, 1};
  if (n == 0) goto done;
  const cf_distributions_figure spec = {n, CF_MIN(n, (size_t)4), panel};
  cf_figure_options o = cf_page_options(whole, stem, title, caption, id);
  o.width_mm = CF_FIGURE_TWO_COLUMNS;
  CF_TRY(cf_figure_distributions(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, whole, stem, title, caption, true, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

static void write_selectivity(cf_page *page, const tuned *t) {
  static const char *const columns[] = {"Task",         "#Neurons",   "#OSI, median",   "#OSI, mean",
                                        "#DSI, median", "#DSI, mean", "#F1/F0, median", "#Never respond"};
  static const char *const key[3] = {"osi", "dsi", "f1f0"};
  cf_table_open(page, "tuning-side-by-side", "Selectivity in numbers", columns, sizeof columns / sizeof *columns);
  for (size_t i = 0; i < t->n; ++i) {
    const cf_json *r = cf_json_get(t->task[i]->envelope, "result");
    cf_table_row(page);
    cf_text_write(&page->html, "<td><a href=\"#task-$t\">$t</a></td>", t->task[i]->id, t->task[i]->title);
    cf_table_number(page, cf_part_number(r, "neurons"));
    for (int k = 0; k < 3; ++k) {
      cf_table_number(page, cf_part_pair(cf_json_get(r, key[k]), "quartiles", 1));
      if (k < 2) cf_table_number(page, cf_part_number(cf_json_get(r, key[k]), "mean"));
    }
    cf_table_number(page, cf_part_number(r, "silent"));
    cf_table_end_row(page);
  }
  cf_table_close(page);
}

cf_status cf_page_tuning_beside(cf_page *page) {
  static char name[] = "side-by-side";
  cf_status status = CF_OK;
  cf_study_task task = {.id = name};
  const cf_part whole = {&task, NULL, NULL};
  tuned t;
  cf_mark mark = cf_scratch_mark(page->ctx);
  if (cf_page_tasks(page, "tuning", "osi") < 2) return CF_OK;
  CF_TRY(read_tuned(page, &t));
  open_section(page, "tuning-side-by-side", "Tuning side by side", NULL);
  CF_TRY(draw_selectivity(page, &whole, &t));
  CF_TRY(draw_histograms(page, &whole, &t, false));
  CF_TRY(draw_histograms(page, &whole, &t, true));
  cf_text_put(&page->html, "</div>\n");
  write_selectivity(page, &t);
  cf_text_put(&page->html, "</section>\n");
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* -------------------------------------------------------------- activity -- */

/* Place of a name in a list of at most MOST_POSITIONS, which grows; SIZE_MAX: no room. */
static size_t place_of(const char *text, const char **name, size_t *n) {
  size_t i = 0;
  while (i < *n && strcmp(name[i], text) != 0) ++i;
  if (i < *n) return i;
  if (*n == MOST_POSITIONS) return SIZE_MAX;
  name[*n] = text;
  return (*n)++;
}

/* Runs of one layer have nothing to show along layers; they stay when there would be too few others. */
static void drop_single_layers(const cf_study_task **run, size_t *n) {
  size_t several = 0, kept = 0;
  for (size_t k = 0; k < *n; ++k) several += cf_json_count(cf_json_get(part_of(run[k]).result, "layers")) > 1;
  if (several < 2) return;
  for (size_t k = 0; k < *n; ++k)
    if (cf_json_count(cf_json_get(part_of(run[k]).result, "layers")) > 1) run[kept++] = run[k];
  *n = kept;
}

/* Largest response of every unit of every layer that several runs share. */
cf_status cf_page_runs_beside(cf_page *page) {
  static char name[] = "side-by-side";
  static const char title[] = "Activity through the layers";
  static const char caption[] =
      "The largest response of each sampled unit over all stimuli, directions and times, on a logarithmic axis. Boxes: quartiles and "
      "median over units; whiskers: 5th to 95th percentile; short line: the largest.";
  cf_status status = CF_OK;
  cf_study_task task = {.id = name};
  const cf_part whole = {&task, NULL, NULL};
  const cf_study_task **run = NULL;
  const char **run_name = NULL, *layer[MOST_POSITIONS];
  cf_box_sample *sample = NULL;
  size_t n = 0, layers = 0;
  char id[256];
  cf_figure *figure = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  if (cf_page_tasks(page, "run", "responses") < 2) return CF_OK;
  CF_TRY(cf_page_tasks_of(page, "run", "responses", &run, &n));
  drop_single_layers(run, &n);
  n = CF_MIN(n, (size_t)MOST_SERIES);
  CF_TRY(cf_page_short_titles(page, n, run, &run_name));
  CF_TRY(CF_SCRATCH(page->ctx, &sample, MOST_POSITIONS * n));
  memset(sample, 0, MOST_POSITIONS * n * sizeof *sample);
  for (size_t k = 0; k < n; ++k) {
    const cf_part part = part_of(run[k]);
    const cf_json *list = cf_json_get(part.result, "layers");
    for (size_t i = 0; i < cf_json_count(list); ++i) {
      const size_t at = place_of(cf_run_layer_name(cf_json_at(list, i)), layer, &layers);
      if (at < SIZE_MAX) CF_TRY(cf_run_peaks(page, &part, cf_json_at(list, i), sample + at * n + k));
    }
  }
  open_section(page, "runs-side-by-side", "Networks side by side", NULL);
  const cf_boxes_panel panel = {.title = "largest response of a unit", .sample = sample, .logarithmic = true};
  const cf_boxes_figure spec = {1, n, layers, &panel, (const char *const *)run_name, layer};
  cf_figure_options o = cf_page_options(&whole, "activity", title, caption, id);
  o.width_mm = CF_FIGURE_TWO_COLUMNS;
  CF_TRY(cf_figure_boxes(page->ctx, &spec, &o, &figure));
  CF_TRY(cf_page_figure(page, &whole, "activity", title, caption, true, figure));
  cf_text_put(&page->html, "</div>\n</section>\n");
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}
