/* Measures between systems: intervals beside chance, null distributions, profiles over layers.
 *
 * An entry of the result is one measure of one pair (x, y). Several x are layers of a network in depth order; several y
 * are regions or recordings. */
#include "report/page.h"
#include "base/internal.h"
#include <cortifold/stats.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_MEASURES = 4000, MOST_FOREST = 24, MOST_NULLS = 12, MOST_SENTENCES = 10, MOST_LINES = 16 };

typedef struct measure {
  const char *name, *x, *y, *axis;
  char *row; /* name and what is needed to tell the pair */
  double value, low, high, p, p_fdr, z, null_mean, null_low, null_high;
  bool biased; /* the bootstrap interval does not hold the value: it is not one of the value, and is not drawn */
  size_t nulls;
  const double *null;
} measure;

typedef struct comparison {
  size_t count, left_out, names, xs, ys;
  measure *m;
  const char **name, **x, **y; /* distinct, in order of appearance */
} comparison;

static const char similarity[] = "similarity (1: the same)", distance[] = "distance (0: the same)";

static const char left_out_words[] =
    "Intervals that do not hold their own value are left out here: resampling biases that measure (see the warnings). ";

static bool is_distance(const measure *m) {
  return m->axis == distance;
}

static size_t index_of(const char *const *names, size_t n, const char *name) {
  for (size_t i = 0; i < n; ++i)
    if (strcmp(names[i], name) == 0) return i;
  return n;
}

static void note_name(const char **names, size_t *n, const char *name) {
  if (index_of(names, *n, name) == *n) names[(*n)++] = name;
}

/* Permutation values of an entry: null/NAME is (n) for one pair, (x, y, n) for several. */
static cf_status read_null(cf_page *page, const cf_part *part, const comparison *c, measure *m) {
  cf_status status = CF_OK;
  char name[256];
  double *values = NULL;
  size_t first = 0, finite = 0;
  snprintf(name, sizeof name, "null/%.200s", m->name);
  const cf_array *a = cf_dataset_get(part->task->arrays, name);
  if (!a || a->dtype == CF_TEXT || (a->ndim != 1 && a->ndim != 3)) return CF_OK;
  size_t n = a->shape[a->ndim - 1];
  if (a->ndim == 1 && c->xs * c->ys != 1) return CF_OK;
  if (a->ndim == 3) {
    if (a->shape[0] != c->xs || a->shape[1] != c->ys) return CF_OK;
    first = (index_of(c->x, c->xs, m->x) * c->ys + index_of(c->y, c->ys, m->y)) * n;
  }
  CF_TRY(CF_SCRATCH(page->ctx, &values, n));
  for (size_t i = 0; i < n; ++i) {
    values[i] = cf_array_number(a, first + i);
    finite += isfinite(values[i]) ? 1 : 0;
  }
  if (finite < 2) goto done;
  CF_TRY(cf_percentile_interval(page->ctx, n, values, 0.95, &m->null_low, &m->null_high));
  m->null = values;
  m->nulls = n;
done:
  return status;
}

static cf_status read_comparison(cf_page *page, const cf_part *part, comparison *c) {
  cf_status status = CF_OK;
  const cf_json *list = cf_json_get(part->result, "measures");
  size_t all = list && cf_json_is_list(list) ? cf_json_count(list) : 0;
  memset(c, 0, sizeof *c);
  c->count = CF_MIN(all, MOST_MEASURES);
  c->left_out = all - c->count;
  CF_TRY(CF_SCRATCH(page->ctx, &c->m, c->count));
  CF_TRY(CF_SCRATCH(page->ctx, &c->name, c->count));
  CF_TRY(CF_SCRATCH(page->ctx, &c->x, c->count));
  CF_TRY(CF_SCRATCH(page->ctx, &c->y, c->count));
  for (size_t i = 0; i < c->count; ++i) {
    const cf_json *q = cf_json_at(list, i);
    measure *m = c->m + i;
    *m = (measure){.name = cf_part_text(q, "name", "?"),
                   .x = cf_part_text(q, "layer", cf_part_text(q, "x", "X")),
                   .y = cf_part_text(q, "y", "Y"),
                   .value = cf_part_number(q, "value"),
                   .low = cf_part_pair(q, "ci", 0),
                   .high = cf_part_pair(q, "ci", 1),
                   .p = cf_part_number(q, "p"),
                   .p_fdr = cf_part_number(q, "p_fdr"),
                   .z = cf_part_number(q, "z"),
                   .null_mean = cf_part_number(q, "null_mean"),
                   .null_low = NAN,
                   .null_high = NAN};
    m->biased = m->low > m->value || m->high < m->value;
    m->axis = strcmp(cf_part_text(q, "kind", "similarity"), "distance") == 0 ? distance : similarity;
    note_name(c->name, &c->names, m->name);
    note_name(c->x, &c->xs, m->x);
    note_name(c->y, &c->ys, m->y);
  }
  size_t folder = cf_names_folder(c->x, c->xs);
  for (size_t i = 0; i < c->xs; ++i) c->x[i] += folder;
  for (size_t i = 0; i < c->count; ++i) {
    measure *m = c->m + i;
    m->x += folder;
    size_t room = strlen(m->name) + strlen(m->x) + strlen(m->y) + 16;
    CF_TRY(cf_scratch_bytes(page->ctx, room, 1, (void **)&m->row));
    snprintf(m->row, room, "%s%s%s%s%s", m->name, c->xs > 1 ? ", " : "", c->xs > 1 ? m->x : "", c->ys > 1 ? ", " : "",
             c->ys > 1 ? m->y : "");
    CF_TRY(read_null(page, part, c, m));
  }
done:
  return status;
}

/* ------------------------------------------------------------- figures -- */

static void file_stem(const char *words, char *stem, size_t size) {
  snprintf(stem, size, "%.70s", words);
  for (char *s = stem; *s; ++s)
    if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", *s)) *s = '-';
}

/* Lines over x. `name` NULL: one line a measure on this axis (there is one y); else one line a y of this measure. */
static cf_status draw_profile(cf_page *page, const cf_part *part, const comparison *c, const char *axis,
                              const char *name) {
  cf_status status = CF_OK;
  cf_figure *figure = NULL;
  const char *const *line = name ? c->y : c->name;
  size_t lines = name ? c->ys : c->names, used = 0, left_out = 0;
  cf_line_series *series = NULL;
  double *values = NULL;
  bool band = false, chance = false, biased = false;
  char id[256], stem[80], title[256], caption[256], words[128];
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(CF_SCRATCH(page->ctx, &series, lines));
  CF_TRY(CF_SCRATCH(page->ctx, &values, 4 * lines * c->xs));
  for (size_t i = 0; i < 4 * lines * c->xs; ++i) values[i] = NAN;
  for (size_t s = 0; s < lines; ++s) {
    double *y = values + 4 * s * c->xs;
    bool any = false;
    for (size_t i = 0; i < c->count; ++i) {
      const measure *m = c->m + i;
      if (m->axis != axis || strcmp(name ? m->y : m->name, line[s]) != 0 || (name && strcmp(m->name, name) != 0))
        continue;
      size_t k = index_of(c->x, c->xs, m->x);
      y[k] = m->value, y[c->xs + k] = m->biased ? NAN : m->low, y[2 * c->xs + k] = m->biased ? NAN : m->high,
      y[3 * c->xs + k] = m->null_mean;
      any = true;
      band = band || (isfinite(m->low) && !m->biased);
      biased = biased || m->biased;
      chance = chance || isfinite(m->null_mean);
    }
    left_out += any && used == MOST_LINES ? 1 : 0;
    if (any && used < MOST_LINES)
      series[used++] = (cf_line_series){line[s], y, y + c->xs, y + 2 * c->xs, y + 3 * c->xs};
  }
  if (used == 0) goto done;
  snprintf(words, sizeof words, "layers%s%s", name ? "-" : axis == distance ? "-distance" : "", name ? name : "");
  file_stem(words, stem, sizeof stem);
  snprintf(title, sizeof title, "%s%sover the layers",
           name               ? name
           : axis == distance ? "Distances"
                              : "Similarities",
           " ");
  snprintf(caption, sizeof caption, "%s%s%s%s", band ? "Bands: 95 % bootstrap intervals. " : "",
           biased ? left_out_words : "",
           chance ? "Dashed: chance (mean under permutation). " : "Chance levels were not estimated. ",
           left_out ? "More lines are in the table." : "");
  char y_title[160];
  snprintf(y_title, sizeof y_title, "%s%s", name ? name : "", name ? strchr(axis, ' ') : axis);
  cf_lines_figure spec = {used, c->xs, series, c->x, "layer, in depth order", y_title};
  cf_figure_options o = CF_FIGURE_OPTIONS_INIT;
  snprintf(id, sizeof id, "%.170s-%.80s", part->task->id, stem);
  o.id = id;
  o.name = title;
  o.description = caption;
  CF_TRY(cf_figure_lines(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, stem, title, caption, true, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

static cf_status draw_profiles(cf_page *page, const cf_part *part, const comparison *c) {
  cf_status status = CF_OK;
  if (c->ys == 1) {
    CF_TRY(draw_profile(page, part, c, similarity, NULL));
    CF_TRY(draw_profile(page, part, c, distance, NULL));
  }
  for (size_t k = 0; c->ys > 1 && k < c->names; ++k)
    for (size_t i = 0; i < c->count; ++i)
      if (strcmp(c->m[i].name, c->name[k]) == 0) {
        CF_TRY(draw_profile(page, part, c, c->m[i].axis, c->name[k]));
        break;
      }
done:
  return status;
}

static cf_status draw_forest(cf_page *page, const cf_part *part, const comparison *c) {
  cf_status status = CF_OK;
  cf_figure *figure = NULL;
  cf_interval_row *row = NULL;
  char id[256], caption[512];
  bool interval = false, null = false, biased = false;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(CF_SCRATCH(page->ctx, &row, c->count));
  for (size_t i = 0; i < c->count; ++i) {
    const measure *m = c->m + i;
    row[i] = (cf_interval_row){
        m->row,      m->axis,      m->value, m->biased ? NAN : m->low, m->biased ? NAN : m->high, m->null_mean,
        m->null_low, m->null_high, m->p};
    interval = interval || (isfinite(m->low) && !m->biased);
    biased = biased || m->biased;
    null = null || isfinite(m->null_mean);
  }
  cf_intervals_figure spec = {c->count, row, NULL};
  cf_figure_options o = CF_FIGURE_OPTIONS_INIT;
  snprintf(caption, sizeof caption, "Dots: value%s. %s%s", interval ? " with 95 % bootstrap interval" : "",
           biased ? left_out_words : "",
           null ? "Diamonds: mean under permutation, what chance gives; pale bars: central 95 % of the null. p as "
                  "computed, not adjusted."
                : "No permutation null was computed: chance levels are not known.");
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
  char id[256], stem[80], words[128], title[256], caption[160];
  snprintf(words, sizeof words, "null-%.100s", m->row);
  file_stem(words, stem, sizeof stem);
  cf_histogram_figure spec = {m->nulls, m->null, m->value, m->p, m->row};
  cf_figure_options o = CF_FIGURE_OPTIONS_INIT;
  snprintf(id, sizeof id, "%.170s-%.80s", part->task->id, stem);
  snprintf(title, sizeof title, "Null distribution of %.120s", m->row);
  o.id = id;
  o.name = title;
  CF_TRY(cf_figure_histogram(page->ctx, &spec, &o, &figure));
  snprintf(caption, sizeof caption, "%zu %s; the smallest p that they can give is %.2g.", m->nulls,
           strncmp(m->name, "dsa", 3) == 0 ? "shuffles of time" : "permutations of the pairing",
           1.0 / (double)(m->nulls + 1));
  status = cf_page_figure(page, part, stem, title, caption, false, figure);
done:
  return status;
}

static void write_table(cf_page *page, const cf_part *part, const comparison *c) {
  const char *columns[11] = {"Measure"};
  static const char *const rest[] = {"#Value", "#Low", "#High", "#Chance", "#p", "#p (FDR)", "#z"};
  size_t n = 1;
  if (c->xs > 1) columns[n++] = "X";
  if (c->ys > 1) columns[n++] = "Y";
  for (size_t i = 0; i < sizeof rest / sizeof *rest; ++i) columns[n++] = rest[i];
  cf_table_begin(page, part, "measures", "Measures", columns, n);
  for (size_t i = 0; i < c->count; ++i) {
    const measure *m = c->m + i;
    cf_table_row(page);
    cf_table_text(page, m->name);
    if (c->xs > 1) cf_table_text(page, m->x);
    if (c->ys > 1) cf_table_text(page, m->y);
    cf_table_number(page, m->value);
    cf_table_number(page, m->low);
    cf_table_number(page, m->high);
    cf_table_level(page, m->null_mean);
    cf_table_p(page, m->p);
    cf_table_p(page, m->p_fdr);
    cf_table_number(page, m->z);
    cf_table_end_row(page);
  }
  cf_table_close(page);
  if (c->left_out)
    cf_text_write(&page->html, "<p class=\"muted\">$i more entries are in results.tsv.</p>\n", (int)c->left_out);
}

cf_status cf_part_compare(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  comparison c;
  size_t nulls = 0;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(read_comparison(page, part, &c));
  if (c.count == 0) {
    status = cf_part_other(page, part);
    goto done;
  }
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  if (c.xs > 1) CF_TRY(draw_profiles(page, part, &c));
  if (c.xs == 1 && c.count <= MOST_FOREST) CF_TRY(draw_forest(page, part, &c));
  cf_text_put(&page->html, "</div>\n");
  for (size_t i = 0; i < c.count; ++i) nulls += c.m[i].null ? 1 : 0;
  if (nulls > 0 && nulls <= MOST_NULLS) {
    cf_text_put(&page->html, "<div class=\"figures small\">\n");
    for (size_t i = 0; i < c.count; ++i)
      if (c.m[i].null) CF_TRY(draw_null(page, part, c.m + i));
    cf_text_put(&page->html, "</div>\n");
  }
  write_table(page, part, &c);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* ----------------------------------------------------------- the finding -- */

/* Chance to the decimals of the value: more would be noise of the permutations. */
static void say_value(cf_page *page, const measure *m) {
  char text[64];
  int decimals = m->value != 0.0 ? CF_MIN(4, CF_MAX(0, 2 - (int)floor(log10(fabs(m->value))))) : 3;
  cf_text_write(&page->html, "$d", m->value);
  if (isfinite(m->low) && isfinite(m->high) && !m->biased)
    cf_text_write(&page->html, " (95 % interval $d to $d)", m->low, m->high);
  if (m->biased) cf_text_put(&page->html, " (no sound interval, see the warnings)");
  if (isfinite(m->null_mean))
    cf_text_write(&page->html, ", chance $t", cf_text_fixed(m->null_mean, decimals, text, sizeof text));
  if (isfinite(m->p)) cf_text_write(&page->html, ", $t", cf_text_p(m->p, text, sizeof text));
}

/* Of the entries of this measure and y, the most alike. */
static const measure *best_of(const comparison *c, const char *name, const char *y) {
  const measure *best = NULL;
  for (size_t i = 0; i < c->count; ++i) {
    const measure *m = c->m + i;
    if (strcmp(m->name, name) != 0 || strcmp(m->y, y) != 0 || !isfinite(m->value)) continue;
    double lead = !best ? 0.0 : is_distance(m) ? best->value - m->value : m->value - best->value;
    if (!best || lead > 1e-9 * fabs(best->value)) best = m; /* of equals the first */
  }
  return best;
}

cf_status cf_find_compare(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  comparison c;
  size_t shown = 0;
  bool chance = false;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(read_comparison(page, part, &c));
  if (c.count == 0) goto done;
  bool list = c.names * c.ys > 1;
  cf_text_put(&page->html, list ? "<ul class=\"points\">" : "<p>");
  for (size_t i = 0; i < c.count; ++i) chance = chance || isfinite(c.m[i].null_mean);
  for (size_t k = 0; k < c.names; ++k)
    for (size_t r = 0; r < c.ys && shown < MOST_SENTENCES; ++r) {
      const measure *m = best_of(&c, c.name[k], c.y[r]);
      if (!m) continue;
      cf_text_write(&page->html, "$s<em>$t</em>", list ? "<li>" : "", m->name);
      ++shown;
      if (c.ys > 1) cf_text_write(&page->html, " with $t", m->y);
      if (c.xs > 1) cf_text_write(&page->html, " is $s at $t", is_distance(m) ? "smallest" : "largest", m->x);
      cf_text_put(&page->html, ": ");
      say_value(page, m);
      cf_text_put(&page->html, list ? "</li>\n" : ". ");
    }
  if (list) cf_text_put(&page->html, "</ul><p>");
  if (c.names * c.ys > shown) cf_text_put(&page->html, " The others are in the table.");
  if (c.xs > 1)
    cf_text_put(&page->html, " The best of several was picked by its value: its p does not account for that search; p "
                             "(FDR) in the table does.");
  if (!chance) cf_text_put(&page->html, " Chance levels were not estimated (no permutations).");
  cf_text_put(&page->html, "</p>\n");
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}
