/* Measures between two systems: intervals beside chance, null distributions, depth profiles. */
#include "report/page.h"
#include "base/internal.h"
#include <cortifold/stats.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_MEASURES = 400, MOST_NULLS = 12 };

typedef struct measure {
  const char *name, *layer, *axis;
  char *row;
  double value, low, high, p, z, null_mean, null_low, null_high;
  const cf_array *null;
} measure;

/* Measures where more means less alike have an axis of their own. */
static const char *axis_of(const char *name) {
  static const char *const distances[] = {"procrustes", "shape", "dsa", "distance", "bures", "angular"};
  for (size_t i = 0; i < sizeof distances / sizeof *distances; ++i)
    if (strstr(name, distances[i])) return "distance (0: the same)";
  return "similarity (1: the same)";
}

static cf_status read_null(cf_page *page, const cf_part *part, measure *m) {
  cf_status status = CF_OK;
  char name[512];
  double *values = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  for (int way = 0; m->layer && way < 6 && !m->null; ++way) {
    static const char joint[] = {'/', ':', '_'};
    bool layer_first = way >= 3;
    snprintf(name, sizeof name, "null/%.200s%c%.200s", layer_first ? m->layer : m->name, joint[way % 3],
             layer_first ? m->name : m->layer);
    m->null = cf_dataset_get(part->task->arrays, name);
  }
  if (!m->layer) {
    snprintf(name, sizeof name, "null/%.200s", m->name);
    m->null = cf_dataset_get(part->task->arrays, name);
  }
  if (m->null && (m->null->ndim != 1 || m->null->dtype == CF_TEXT || m->null->shape[0] < 2)) m->null = NULL;
  if (!m->null) goto done;
  size_t n = m->null->shape[0], finite = 0;
  CF_TRY(CF_SCRATCH(page->ctx, &values, n));
  for (size_t i = 0; i < n; ++i) {
    values[i] = cf_array_number(m->null, i);
    finite += isfinite(values[i]) ? 1 : 0;
  }
  if (finite < 2) {
    m->null = NULL;
    goto done;
  }
  CF_TRY(cf_percentile_interval(page->ctx, n, values, 0.95, &m->null_low, &m->null_high));
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

static cf_status read_measures(cf_page *page, const cf_part *part, measure **out, size_t *count) {
  cf_status status = CF_OK;
  const cf_json *list = cf_json_get(part->result, "measures");
  measure *m = NULL;
  size_t n = list && cf_json_is_list(list) ? CF_MIN(cf_json_count(list), MOST_MEASURES) : 0;
  CF_TRY(CF_SCRATCH(page->ctx, &m, n));
  for (size_t i = 0; i < n; ++i) {
    const cf_json *q = cf_json_at(list, i);
    m[i] = (measure){.name = cf_part_text(q, "name", "?"),
                     .layer = cf_part_text(q, "layer", NULL),
                     .value = cf_part_number(q, "value"),
                     .low = cf_part_pair(q, "ci", 0),
                     .high = cf_part_pair(q, "ci", 1),
                     .p = cf_part_number(q, "p"),
                     .z = cf_part_number(q, "z"),
                     .null_mean = cf_part_number(q, "null_mean"),
                     .null_low = NAN,
                     .null_high = NAN};
    m[i].axis = axis_of(m[i].name);
    size_t room = strlen(m[i].name) + (m[i].layer ? strlen(m[i].layer) : 0) + 4;
    CF_TRY(cf_scratch_bytes(page->ctx, room, 1, (void **)&m[i].row));
    snprintf(m[i].row, room, "%s%s%s", m[i].name, m[i].layer ? ", " : "", m[i].layer ? m[i].layer : "");
    CF_TRY(read_null(page, part, m + i));
  }
  *out = m;
  *count = n;
done:
  return status;
}

static size_t index_of(const char *const *names, size_t n, const char *name) {
  for (size_t i = 0; i < n; ++i)
    if (strcmp(names[i], name) == 0) return i;
  return n;
}

/* One line a measure over the layers, in the order in which the result lists them; similarities and distances apart. */
static cf_status draw_layers(cf_page *page, const cf_part *part, const measure *m, size_t count, const char *axis) {
  cf_status status = CF_OK;
  cf_figure *figure = NULL;
  const char **layer = NULL, **name = NULL;
  cf_line_series *series = NULL;
  double *values = NULL;
  size_t layers = 0, names = 0;
  char id[256];
  const char *stem = axis[0] == 'd' ? "layers-distance" : "layers";
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(CF_SCRATCH(page->ctx, &layer, count));
  CF_TRY(CF_SCRATCH(page->ctx, &name, count));
  for (size_t i = 0; i < count; ++i) {
    if (!m[i].layer || strcmp(m[i].axis, axis) != 0) continue;
    if (index_of(layer, layers, m[i].layer) == layers) layer[layers++] = m[i].layer;
    if (index_of(name, names, m[i].name) == names) name[names++] = m[i].name;
  }
  if (layers < 2) goto done;
  CF_TRY(CF_SCRATCH(page->ctx, &series, names));
  CF_TRY(CF_SCRATCH(page->ctx, &values, 3 * names * layers));
  for (size_t i = 0; i < 3 * names * layers; ++i) values[i] = NAN;
  for (size_t s = 0; s < names; ++s) {
    double *y = values + 3 * s * layers;
    series[s] = (cf_line_series){name[s], y, y + layers, y + 2 * layers};
    for (size_t i = 0; i < count; ++i)
      if (m[i].layer && strcmp(m[i].name, name[s]) == 0) {
        size_t k = index_of(layer, layers, m[i].layer);
        y[k] = m[i].value, y[layers + k] = m[i].low, y[2 * layers + k] = m[i].high;
      }
  }
  cf_lines_figure spec = {names, layers, series, layer, "layer, in depth order", axis};
  cf_figure_options o = CF_FIGURE_OPTIONS_INIT;
  snprintf(id, sizeof id, "%.180s-%s", part->task->id, stem);
  o.id = id;
  o.name = "Measures along the network";
  o.description = "One line a measure over the layers";
  CF_TRY(cf_figure_lines(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, stem, "Along the network", "Bands: 95 % intervals where they were computed.",
                          true, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

static cf_status draw_forest(cf_page *page, const cf_part *part, const measure *m, size_t count) {
  cf_status status = CF_OK;
  cf_figure *figure = NULL;
  cf_interval_row *row = NULL;
  char id[256];
  bool interval = false, null = false;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(CF_SCRATCH(page->ctx, &row, count));
  for (size_t i = 0; i < count; ++i) {
    row[i] = (cf_interval_row){m[i].row,       m[i].axis,     m[i].value,     m[i].low, m[i].high,
                               m[i].null_mean, m[i].null_low, m[i].null_high, m[i].p};
    interval = interval || isfinite(m[i].low);
    null = null || isfinite(m[i].null_mean);
  }
  cf_intervals_figure spec = {count, row, NULL};
  cf_figure_options o = CF_FIGURE_OPTIONS_INIT;
  char caption[512];
  snprintf(caption, sizeof caption, "Dots: value%s.%s", interval ? " with 95 % bootstrap interval" : "",
           null ? " Diamonds: mean under permutation, what chance gives; pale bars: central 95 % of the null."
                : " No permutation null was computed: chance levels are not known.");
  snprintf(id, sizeof id, "%.180s-measures", part->task->id);
  o.id = id;
  o.name = "Measures and chance";
  o.description = caption;
  o.note = null ? "Dot: value and 95 % interval. Diamond: mean of the permutation null, bar: its central 95 %." : NULL;
  CF_TRY(cf_figure_intervals(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "measures", "Measures and chance", caption, true, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

static cf_status draw_null(cf_page *page, const cf_part *part, const measure *m) {
  cf_status status = CF_OK;
  cf_figure *figure = NULL;
  double *values = NULL;
  char id[256], stem[80], title[256];
  cf_mark mark = cf_scratch_mark(page->ctx);
  size_t n = m->null->shape[0], used = (size_t)snprintf(stem, sizeof stem, "null-%.60s", m->row);
  for (size_t i = 0; i < CF_MIN(used, sizeof stem - 1); ++i)
    if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", stem[i])) stem[i] = '-';
  CF_TRY(CF_SCRATCH(page->ctx, &values, n));
  for (size_t i = 0; i < n; ++i) values[i] = cf_array_number(m->null, i);
  cf_histogram_figure spec = {n, values, m->value, m->p, m->row};
  cf_figure_options o = CF_FIGURE_OPTIONS_INIT;
  snprintf(id, sizeof id, "%.170s-%.80s", part->task->id, stem);
  snprintf(title, sizeof title, "Null distribution of %.120s", m->row);
  o.id = id;
  o.name = title;
  CF_TRY(cf_figure_histogram(page->ctx, &spec, &o, &figure));
  char caption[160];
  snprintf(caption, sizeof caption, "%zu permutations of the pairing; the smallest p that they can give is %.2g.", n,
           1.0 / (double)(n + 1));
  status = cf_page_figure(page, part, stem, title, caption, false, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

cf_status cf_part_compare(cf_page *page, const cf_part *part) {
  static const char *const columns[] = {"Measure", "Layer", "#Value", "#Low", "#High", "#Chance", "#p", "#z"};
  cf_status status = CF_OK;
  measure *m = NULL;
  size_t count = 0, nulls = 0;
  char stem[256];
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(read_measures(page, part, &m, &count));
  if (count == 0) {
    status = cf_part_other(page, part);
    goto done;
  }
  bool layered = false;
  for (size_t i = 0; i < count; ++i) layered = layered || m[i].layer;
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  if (layered) {
    CF_TRY(draw_layers(page, part, m, count, axis_of("cka")));
    CF_TRY(draw_layers(page, part, m, count, axis_of("shape")));
  }
  if (!layered) CF_TRY(draw_forest(page, part, m, count));
  cf_text_put(&page->html, "</div>\n<div class=\"figures small\">\n");
  for (size_t i = 0; i < count && nulls < MOST_NULLS; ++i)
    if (m[i].null) {
      CF_TRY(draw_null(page, part, m + i));
      ++nulls;
    }
  cf_text_put(&page->html, "</div>\n");
  snprintf(stem, sizeof stem, "%.200s-measures", part->task->id);
  const char *plain[8] = {columns[0], columns[2], columns[3], columns[4], columns[5], columns[6], columns[7]};
  cf_table_open(page, stem, "Measures", layered ? columns : plain, layered ? 8 : 7);
  for (size_t i = 0; i < count; ++i) {
    cf_table_row(page);
    cf_table_text(page, m[i].name);
    if (layered) cf_table_text(page, m[i].layer);
    cf_table_number(page, m[i].value);
    cf_table_number(page, m[i].low);
    cf_table_number(page, m[i].high);
    cf_table_number(page, m[i].null_mean);
    cf_table_p(page, m[i].p);
    cf_table_number(page, m[i].z);
    cf_table_end_row(page);
  }
  cf_table_close(page);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* ----------------------------------------------------------- the finding -- */

static void say_value(cf_page *page, const measure *m) {
  char text[64];
  cf_text_write(&page->html, "$d", m->value);
  if (isfinite(m->low) && isfinite(m->high)) cf_text_write(&page->html, " (95 % interval $d to $d)", m->low, m->high);
  if (isfinite(m->null_mean)) cf_text_write(&page->html, ", chance $d", m->null_mean);
  if (isfinite(m->p)) cf_text_write(&page->html, ", $t", cf_text_p(m->p, text, sizeof text));
}

cf_status cf_find_compare(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  measure *m = NULL;
  size_t count = 0, shown = 0;
  bool layered = false, chance = false;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(read_measures(page, part, &m, &count));
  if (count == 0) goto done;
  cf_text_put(&page->html, "<p>");
  for (size_t i = 0; i < count; ++i) layered = layered || m[i].layer, chance = chance || isfinite(m[i].null_mean);
  for (size_t i = 0; i < count && shown < 8; ++i) {
    bool first = true;
    for (size_t k = 0; k < i; ++k) first = first && strcmp(m[k].name, m[i].name) != 0;
    if (layered && !first) continue;
    size_t best = i;
    for (size_t k = i; layered && k < count; ++k) {
      if (strcmp(m[k].name, m[i].name) != 0) continue;
      bool better = m[k].axis[0] == 'd' ? m[k].value < m[best].value : m[k].value > m[best].value;
      if (better) best = k;
    }
    cf_text_write(&page->html, "$s<em>$t</em>$s$s$t$s", shown ? " " : "", m[best].name, layered ? " is " : ": ",
                  layered ? (m[best].axis[0] == 'd' ? "smallest at " : "largest at ") : "",
                  layered && m[best].layer ? m[best].layer : "", layered ? ": " : "");
    say_value(page, m + best);
    cf_text_put(&page->html, ".");
    ++shown;
  }
  if (!layered && shown < count)
    cf_text_write(&page->html, " $i more measures are in the table.", (int)(count - shown));
  if (layered)
    cf_text_put(&page->html, " The layer was picked by its value: its p does not account for the search over layers.");
  if (!chance) cf_text_put(&page->html, " Chance levels were not estimated (no permutations).");
  cf_text_put(&page->html, "</p>\n");
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}
