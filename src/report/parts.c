/* Figures, interactive matrices and tables of the page. */
#include "report/page.h"
#include "base/internal.h"
#include <cortifold/io.h>
#include <cortifold/stats.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_MAP = 1500, MOST_TREE = 1500, MOST_GRID = 60, MOST_BESIDE = 20 };

/* The drawing inside the page: without the namespace, which HTML implies. Its width on screen follows its width in
 * print. */
void cf_page_drawing(cf_page *page, const cf_figure *figure, bool still) {
  static const char space[] = " xmlns=\"http://www.w3.org/2000/svg\"";
  const char *at = strstr(figure->svg, space);
  cf_text_write(&page->html, "<div class=\"drawing$s$s\" style=\"max-width:$nrem\">\n", still ? " static" : "",
                figure->width_mm > 115.0 && !strstr(figure->svg, "cf-figure cf-matrix") ? " long" : "",
                figure->width_mm * 0.36);
  if (at && (size_t)(at - figure->svg) < 16) {
    cf_text_bytes(&page->html, figure->svg, (size_t)(at - figure->svg));
    cf_text_put(&page->html, at + sizeof space - 1);
  } else {
    cf_text_bytes(&page->html, figure->svg, figure->size);
  }
  cf_text_put(&page->html, "</div>\n");
}

void cf_page_links(cf_page *page, const char *name) {
  cf_text_write(&page->html,
                "<p class=\"downloads\"><span class=\"muted\">Figure file:</span> <a data-svg href=\"figures/$t.svg\" "
                "download=\"$t.svg\">SVG</a>",
                name, name);
  if (!page->options->svg_only)
    cf_text_write(&page->html,
                  " <a href=\"figures/$t.pdf\" download>PDF</a> <a href=\"figures/$t.png\" download>PNG</a>", name,
                  name);
  cf_text_put(&page->html, "</p>\n");
}

void cf_page_still_note(cf_page *page) {
  cf_text_put(&page->html, "<p class=\"muted\">Shown as a still figure: too large to carry the values inside this "
                           "file; they are in arrays.h5.</p>\n");
}

static void caption_of(cf_page *page, const char *caption) {
  if (caption) cf_text_write(&page->html, "<figcaption>$t</figcaption>\n", caption);
}

cf_status cf_page_figure_light(cf_page *page, const cf_part *part, const char *stem, const char *title,
                               const char *caption, bool wide, cf_figure *figure, cf_figure *inlined) {
  cf_status status = CF_OK;
  char name[256];
  snprintf(name, sizeof name, "%.180s-%.60s", part->task->id, stem);
  CF_TRY(cf_page_files(page, name, figure));
  cf_text_write(&page->html, "<figure id=\"fig-$t\"$s>\n<h3>$t</h3>\n", name, wide ? " class=\"wide\"" : "", title);
  cf_page_drawing(page, inlined ? inlined : figure, false);
  caption_of(page, caption);
  cf_page_links(page, name);
  cf_text_put(&page->html, "</figure>\n");
  status = cf_text_status(&page->html);
done:
  cf_figure_free(inlined);
  cf_figure_free(figure);
  return status;
}

cf_status cf_page_figure(cf_page *page, const cf_part *part, const char *stem, const char *title, const char *caption,
                         bool wide, cf_figure *figure) {
  return cf_page_figure_light(page, part, stem, title, caption, wide, figure, NULL);
}

/* ------------------------------------------------------ interactive data -- */

void cf_page_json_text(cf_text *out, const char *text) {
  cf_json *value = cf_json_text(text);
  char *plain = value ? cf_json_print(value, 0) : NULL;
  if (plain && plain[0] == '"')
    cf_text_script_json(out, plain);
  else
    cf_text_put(out, "\"?\""); /* not UTF-8 */
  cf_free(plain);
  cf_json_free(value);
}

void cf_page_json_texts(cf_text *out, const char *const *text, size_t n) {
  cf_text_put(out, "[");
  for (size_t i = 0; i < n; ++i) {
    if (i) cf_text_put(out, ",");
    cf_page_json_text(out, text[i]);
  }
  cf_text_put(out, "]");
}

static void json_indices(cf_text *out, const size_t *index, size_t n) {
  cf_text_put(out, "[");
  for (size_t i = 0; i < n; ++i) cf_text_write(out, "$s$i", i ? "," : "", (int)index[i]);
  cf_text_put(out, "]");
}

/* Little-endian float32, upper triangle without the diagonal, or the whole matrix when it is not symmetric. */
static cf_status json_values(cf_page *page, const cf_stack *stack, size_t k) {
  cf_status status = CF_OK;
  size_t n = stack->n, used = 0;
  const double *v = stack->values + k * n * n;
  unsigned char *bytes = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(CF_SCRATCH(page->ctx, &bytes, 4 * n * n));
  for (size_t i = 0; i < n; ++i)
    for (size_t j = stack->symmetric ? i + 1 : 0; j < n; ++j) {
      float value = (float)v[i * n + j];
      uint32_t word;
      memcpy(&word, &value, sizeof word);
      for (int b = 0; b < 4; ++b) bytes[used++] = (unsigned char)(word >> (8 * b));
    }
  cf_text_put(&page->html, "\"data\":\"");
  cf_text_base64(&page->html, bytes, used);
  cf_text_put(&page->html, "\"");
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

static cf_status write_orders(cf_page *page, const cf_stack *stack) {
  cf_status status = CF_OK;
  size_t n = stack->n, used = 0, *order = NULL;
  double *merge = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  if (n > MOST_TREE) return CF_OK;
  CF_TRY(CF_SCRATCH(page->ctx, &order, n));
  CF_TRY(CF_SCRATCH(page->ctx, &merge, 3 * n));
  cf_text_put(&page->html, ",\"orders\":{");
  if (stack->group) {
    for (size_t g = 0; g < stack->groups; ++g)
      for (size_t i = 0; i < n; ++i)
        if (stack->group[i] == g) order[used++] = i;
    cf_text_put(&page->html, "\"by category\":");
    json_indices(&page->html, order, n);
    cf_text_put(&page->html, ",");
  }
  cf_stack mean;
  CF_TRY(cf_stack_mean(page, stack, "mean", &mean));
  CF_TRY(cf_map_tree(page->ctx, n, mean.values, merge, order));
  cf_text_put(&page->html, "\"by similarity\":");
  json_indices(&page->html, order, n);
  cf_text_put(&page->html, "}");
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

cf_status cf_page_matrices(cf_page *page, const cf_part *part, const char *stem, const char *title, const char *caption,
                           const char *quantity, bool diverging, bool own_units, const char *order,
                           const cf_stack *stack, cf_figure *figure, cf_figure *inlined) {
  cf_status status = CF_OK;
  char name[256];
  size_t each = (stack->symmetric ? stack->n * (stack->n - 1) / 2 : stack->n * stack->n) * 4 / 3 * 4,
         fit = CF_MIN(stack->count, page->embed_left / CF_MAX(each, 1));
  bool live = fit > 0 && stack->n <= 4000;
  snprintf(name, sizeof name, "%.180s-%.60s", part->task->id, stem);
  CF_TRY(cf_page_files(page, name, figure));
  cf_text_write(&page->html, "<figure id=\"fig-$t\"$s>\n<h3>$t</h3>\n", name, stack->count > 1 ? " class=\"wide\"" : "",
                title);
  if (stack->count > 1) cf_text_put(&page->html, stack->count <= MOST_BESIDE ? "<div class=\"beside\">\n" : "<div>\n");
  if (live) {
    page->embed_left -= fit * each;
    cf_text_write(&page->html,
                  "<div class=\"viewer\" data-source=\"data-$t\"></div>\n<script type=\"application/json\" "
                  "id=\"data-$t\">{\"n\":$i,\"title\":",
                  name, name, (int)stack->n);
    cf_page_json_text(&page->html, title);
    cf_text_put(&page->html, ",\"quantity\":");
    cf_page_json_text(&page->html, quantity);
    cf_text_write(&page->html, ",\"full\":$s,\"diverging\":$s,\"shared\":$s", stack->symmetric ? "false" : "true",
                  diverging ? "true" : "false", own_units ? "false" : "true");
    if (order) cf_text_write(&page->html, ",\"order\":\"$s\"", order);
    if (stack->label) {
      cf_text_put(&page->html, ",\"labels\":");
      cf_page_json_texts(&page->html, stack->label, stack->n);
    }
    if (stack->group) {
      cf_text_put(&page->html, ",\"group\":");
      json_indices(&page->html, stack->group, stack->n);
      cf_text_put(&page->html, ",\"groups\":");
      cf_page_json_texts(&page->html, stack->group_name, stack->groups);
    }
    CF_TRY(write_orders(page, stack));
    cf_text_put(&page->html, ",\"items\":[");
    for (size_t k = 0; k < fit; ++k) {
      cf_text_put(&page->html, k ? ",\n{\"name\":" : "{\"name\":");
      cf_page_json_text(&page->html, stack->name[k]);
      cf_text_put(&page->html, ",");
      CF_TRY(json_values(page, stack, k));
      cf_text_put(&page->html, "}");
    }
    cf_text_put(&page->html, "]}</script>\n");
  }
  cf_page_drawing(page, inlined ? inlined : figure, live && stack->count == 1);
  if (stack->count > 1) cf_text_put(&page->html, "</div>\n");
  caption_of(page, caption);
  if (live && fit < stack->count)
    cf_text_write(&page->html,
                  "<p class=\"muted\">Interactive for the first $i of $i matrices, to keep this file small; all are in "
                  "arrays.h5.</p>\n",
                  (int)fit, (int)stack->count);
  if (!live) cf_page_still_note(page);
  cf_page_links(page, name);
  cf_text_put(&page->html, "</figure>\n");
  status = cf_text_status(&page->html);
done:
  cf_figure_free(inlined);
  cf_figure_free(figure);
  return status;
}

static bool has_negative(const cf_stack *stack) {
  size_t n = stack->n;
  for (size_t k = 0; k < stack->count; ++k)
    for (size_t i = 0; i < n; ++i)
      for (size_t j = 0; j < n; ++j)
        if (i != j && stack->values[(k * n + i) * n + j] < -1e-9) return true;
  return false;
}

/* Puts the average ranks of the pairs, 0 to 100, in place of the values. */
static cf_status rank_panels(cf_page *page, const cf_stack *stack, size_t panels, cf_matrix_panel *panel) {
  cf_status status = CF_OK;
  size_t n = stack->n, *cell = NULL;
  double *value = NULL, *rank = NULL, *out = NULL;
  CF_TRY(CF_SCRATCH(page->ctx, &out, panels * n * n));
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(CF_SCRATCH(page->ctx, &cell, n * n));
  CF_TRY(CF_SCRATCH(page->ctx, &value, n * n));
  CF_TRY(CF_SCRATCH(page->ctx, &rank, n * n));
  for (size_t k = 0; k < panels; ++k) {
    size_t used = 0;
    double *own = out + k * n * n;
    for (size_t c = 0; c < n * n; ++c) {
      own[c] = NAN;
      if (c / n == c % n || !isfinite(panel[k].values[c])) continue;
      cell[used] = c;
      value[used++] = panel[k].values[c];
    }
    CF_TRY(cf_ranks(page->ctx, used, value, rank));
    for (size_t c = 0; c < used; ++c) own[cell[c]] = used > 1 ? 100.0 * (rank[c] - 1.0) / (double)(used - 1) : 50.0;
    panel[k].values = own;
  }
  cf_scratch_release(page->ctx, mark);
done:
  return status;
}

cf_status cf_page_stack(cf_page *page, const cf_part *part, const char *stem, const char *title, const char *caption,
                        const char *quantity, bool tree, bool own_units, const cf_stack *stack) {
  cf_status status = CF_OK;
  cf_figure *figure = NULL, *inlined = NULL;
  cf_matrix_panel *panel = NULL;
  double *merge = NULL;
  size_t *order = NULL;
  char id[256], bar[128];
  cf_mark mark = cf_scratch_mark(page->ctx);
  size_t panels = CF_MIN(stack->count, MOST_GRID);
  CF_TRY(CF_SCRATCH(page->ctx, &panel, panels));
  for (size_t k = 0; k < panels; ++k)
    panel[k] = (cf_matrix_panel){stack->count > 1 ? stack->name[k] : NULL, stack->values + k * stack->n * stack->n};
  if (own_units && stack->count > 1) CF_TRY(rank_panels(page, stack, panels, panel));
  bool diverging = has_negative(stack);
  cf_matrix_figure spec = {.n = stack->n,
                           .panels = panels,
                           .panel = panel,
                           .label = stack->label,
                           .group = stack->group,
                           .groups = stack->groups,
                           .group_name = stack->group_name,
                           .quantity = own_units && stack->count > 1 ? "rank of the dissimilarity (%)" : quantity,
                           .low = NAN,
                           .high = NAN,
                           .diverging = diverging && !own_units};
  if (stack->count > 1 && !own_units) { /* the bar of a grid is short: without what stands in brackets */
    snprintf(bar, sizeof bar, "%.*s", (int)strcspn(quantity, "("), quantity);
    spec.quantity = bar;
  }
  if (tree && stack->n <= MOST_TREE && stack->n > 2) {
    CF_TRY(CF_SCRATCH(page->ctx, &merge, 3 * stack->n));
    CF_TRY(CF_SCRATCH(page->ctx, &order, stack->n));
    CF_TRY(cf_map_tree(page->ctx, stack->n, stack->values, merge, order));
    spec.merge = merge;
    spec.order = order;
  }
  if (own_units && stack->count > 1) spec.low = 0.0, spec.high = 100.0;
  cf_figure_options o = CF_FIGURE_OPTIONS_INIT;
  snprintf(id, sizeof id, "%.180s-%.60s", part->task->id, stem);
  o.id = id;
  o.name = title;
  o.description = caption;
  if (stack->count > 1 && stack->count <= MOST_BESIDE) o.width_mm = 120.0;
  CF_TRY(cf_figure_matrix(page->ctx, &spec, &o, &figure));
  if (stack->n > 16) { /* the page shows the values itself: a light drawing will do */
    spec.picture = true;
    CF_TRY(cf_figure_matrix(page->ctx, &spec, &o, &inlined));
  }
  status = cf_page_matrices(page, part, stem, title, caption, quantity, diverging, own_units,
                            tree ? "by similarity" : NULL, stack, figure, inlined);
  figure = inlined = NULL;
done:
  cf_figure_free(figure);
  cf_figure_free(inlined);
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* Points in one place share one label, "a, b"; the others of them have "". x: n abscissae, then n ordinates. */
static cf_status join_labels(cf_context *ctx, const cf_stack *stack, const double *x, const char ***out) {
  cf_status status = CF_OK;
  size_t n = stack->n;
  const char **label = NULL;
  double wide = 0.0;
  CF_TRY(CF_SCRATCH(ctx, &label, n));
  for (size_t i = 0; i < 2 * n; ++i) wide = CF_MAX(wide, fabs(x[i]));
  for (size_t i = 0; i < n; ++i) {
    size_t j = 0;
    label[i] = stack->label[i];
    while (j < i && !(label[j][0] && hypot(x[i] - x[j], x[n + i] - x[n + j]) < 1e-3 * wide)) ++j;
    if (j == i || !label[i][0]) continue;
    size_t room = strlen(label[j]) + strlen(label[i]) + 3;
    char *both = NULL;
    if (room > 60) continue;
    CF_TRY(cf_scratch_bytes(ctx, room, 1, (void **)&both));
    snprintf(both, room, "%s, %s", label[j], label[i]);
    label[j] = both;
    label[i] = "";
  }
  *out = label;
done:
  return status;
}

cf_status cf_page_map(cf_page *page, const cf_part *part, const char *stem, const char *title, const cf_stack *stack,
                      size_t k) {
  cf_status status = CF_OK;
  cf_figure *figure = NULL;
  size_t n = stack->n;
  double *xy = NULL, *x = NULL, stress = 0.0;
  char id[256], caption[512], number[64];
  cf_mark mark = cf_scratch_mark(page->ctx);
  if (n < 4 || n > MOST_MAP) return CF_OK;
  CF_TRY(CF_SCRATCH(page->ctx, &xy, 2 * n));
  CF_TRY(CF_SCRATCH(page->ctx, &x, 2 * n));
  CF_TRY(cf_map_plane(page->ctx, n, stack->values + k * n * n, xy, &stress));
  for (size_t i = 0; i < n; ++i) x[i] = xy[2 * i], x[n + i] = xy[2 * i + 1];
  const char **label = NULL;
  if (stack->label) CF_TRY(join_labels(page->ctx, stack, x, &label));
  cf_scatter_figure spec = {.n = n,
                            .x = x,
                            .y = x + n,
                            .label = (const char *const *)label,
                            .group = stack->group,
                            .groups = stack->groups,
                            .group_name = stack->group_name};
  cf_figure_options o = CF_FIGURE_OPTIONS_INIT;
  snprintf(id, sizeof id, "%.180s-%.60s", part->task->id, stem);
  snprintf(caption, sizeof caption,
           "Metric multidimensional scaling (SMACOF): distances on the page approximate the dissimilarities. Stress-1 "
           "= %s%s. The axes have no meaning of their own.",
           cf_text_fixed(stress, 3, number, sizeof number),
           stress < 0.1   ? ", a faithful map"
           : stress < 0.2 ? ", a fair map"
                          : ": a plane holds much of this geometry poorly; trust the matrix rather than the map");
  o.id = id;
  o.name = title;
  o.description = caption;
  CF_TRY(cf_figure_scatter(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, stem, title, caption, false, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* --------------------------------------------------------------- tables -- */

void cf_table_open(cf_page *page, const char *stem, const char *title, const char *const *columns, size_t n) {
  cf_text_write(&page->html,
                "<div class=\"table\"><p class=\"title\"><span>$t</span> <button type=\"button\" class=\"link\" "
                "data-tsv=\"$t.tsv\">Download TSV</button></p>\n"
                "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"$t\"><table><thead><tr>",
                title, stem, title);
  for (size_t i = 0; i < n; ++i) {
    bool number = columns[i][0] == '#';
    cf_text_write(&page->html, "<th scope=\"col\"$s><button type=\"button\">$t</button></th>",
                  number ? " class=\"num\"" : "", columns[i] + (number ? 1 : 0));
  }
  cf_text_put(&page->html, "</tr></thead>\n<tbody>\n");
}

void cf_table_begin(cf_page *page, const cf_part *part, const char *what, const char *title, const char *const *columns,
                    size_t n) {
  char stem[256];
  snprintf(stem, sizeof stem, "%.180s-%.60s", part->task->id, what);
  cf_table_open(page, stem, title, columns, n);
}

void cf_table_row(cf_page *page) {
  cf_text_put(&page->html, "<tr>");
}
void cf_table_text(cf_page *page, const char *text) {
  cf_text_write(&page->html, "<td>$t</td>", text ? text : "");
}

void cf_table_number(cf_page *page, double value) {
  if (isfinite(value))
    cf_text_write(&page->html, "<td class=\"num\" data-v=\"$w\">$d</td>", value, value);
  else
    cf_text_put(&page->html, "<td class=\"num\" data-v=\"\">–</td>");
}

void cf_table_level(cf_page *page, double value) {
  char text[64];
  if (isfinite(value) && fabs(value) < 1e5)
    cf_text_write(&page->html, "<td class=\"num\" data-v=\"$w\">$t</td>", value,
                  cf_text_fixed(value, 4, text, sizeof text));
  else
    cf_table_number(page, value);
}

void cf_table_p(cf_page *page, double p) {
  char text[64];
  cf_text_p(p, text, sizeof text);
  const char *shown = strncmp(text, "p = ", 4) == 0 ? text + 4 : strncmp(text, "p ", 2) == 0 ? text + 2 : "–";
  cf_text_write(&page->html, "<td class=\"num$s\" data-v=\"$w\">$t</td>", p < 0.05 ? " strong" : "", p, shown);
}

void cf_table_end_row(cf_page *page) {
  cf_text_put(&page->html, "</tr>\n");
}
void cf_table_close(cf_page *page) {
  cf_text_put(&page->html, "</tbody></table></div></div>\n");
}

/* A task's folder is named by the first digits of its hash. */
const char *cf_page_maker(const cf_page *page, const char *path) {
  const cf_json *tasks = cf_json_get(page->results->provenance, "tasks");
  for (size_t i = 0; path && i < cf_json_count(tasks); ++i) {
    const char *hash = cf_part_text(cf_json_at(tasks, i), "hash", "");
    char folder[24];
    snprintf(folder, sizeof folder, "/%.16s/", hash);
    if (strlen(hash) >= 16 && strstr(path, folder)) return cf_part_text(cf_json_at(tasks, i), "id", NULL);
  }
  return NULL;
}

static const cf_study_task *task_of(const cf_page *page, const char *id) {
  for (size_t i = 0; id && i < page->results->count; ++i)
    if (strcmp(page->results->task[i].id, id) == 0) return page->results->task + i;
  return NULL;
}

static bool behind(const cf_page *page, const cf_study_task *task, int steps) {
  const cf_json *inputs = cf_json_get(task->envelope, "inputs");
  if (strcmp(task->kind, "run") == 0) return true;
  for (size_t i = 0; i < cf_json_count(inputs) && steps > 0; ++i) {
    const char *path = cf_part_text(cf_json_at(inputs, i), "path", NULL);
    const cf_study_task *maker = task_of(page, cf_page_maker(page, path));
    if (maker && maker != task && behind(page, maker, steps - 1)) return true;
  }
  return false;
}

bool cf_page_from_network(const cf_page *page, const cf_study_task *task) {
  return behind(page, task, 8);
}
