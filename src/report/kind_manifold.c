/* Neighbour graphs and diffusion maps. */
#include "report/page.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ----------------------------------------------------------------- graph -- */

static void say_graph(cf_page *page, const cf_json *g) {
  double n = cf_part_number(g, "n"), dims = cf_part_number(g, "dims"), edges = cf_part_number(g, "gabriel_edges");
  double pruned = cf_part_number(g, "pruned"), iterations = cf_part_number(g, "iterations");
  double median = cf_part_number(cf_json_get(g, "delta_weighted"), "median"),
         degree = cf_part_number(cf_json_get(g, "degree"), "mean");
  double components = cf_part_number(g, "components"), off = cf_part_number(g, "disconnected"),
         c = cf_part_number(g, "connectivity");
  if (isfinite(n)) cf_text_write(&page->html, " $i points", (int)n);
  if (isfinite(dims)) cf_text_write(&page->html, " in $i dimensions", (int)dims);
  if (isfinite(edges))
    cf_text_write(&page->html, "$s $i neighbour pairs (Gabriel graph)", isfinite(n) ? " make" : "", (int)edges);
  if (isfinite(pruned))
    cf_text_write(&page->html, "; $i $s pruned in $i iteration$s", (int)pruned, pruned == 1.0 ? "was" : "were",
                  (int)iterations, iterations == 1.0 ? "" : "s");
  cf_text_put(&page->html, ".");
  if (isfinite(degree)) cf_text_write(&page->html, " Mean degree $d.", degree);
  if (isfinite(median))
    cf_text_write(&page->html, " The volume ratio of the final kernel has the median $d where 1 is expected", median);
  if (isfinite(median) && isfinite(c)) cf_text_write(&page->html, " (connectivity $d)", c);
  if (isfinite(median)) cf_text_put(&page->html, ".");
  if (isfinite(components))
    cf_text_write(&page->html, " $i connected component$s", (int)components, components == 1.0 ? "" : "s");
  if (isfinite(components) && isfinite(off))
    cf_text_write(&page->html, ", $i disconnected point$s", (int)off, off == 1.0 ? "" : "s");
  if (isfinite(components)) cf_text_put(&page->html, ".");
}

cf_status cf_find_graph(cf_page *page, const cf_part *part) {
  if (!isfinite(cf_part_number(part->result, "gabriel_edges"))) return cf_find_other(page, part);
  cf_text_put(&page->html, "<p>");
  say_graph(page, part->result);
  cf_text_put(&page->html, "</p>\n");
  return CF_OK;
}

/* One panel over the iterations when the array is there. */
static cf_status history_panel(cf_page *page, const cf_part *part, const char *array, const char *title, const char *y,
                               double level, cf_curve *curve, cf_curve_panel *panel, size_t *panels) {
  cf_status status = CF_OK;
  cf_block h;
  double *x = NULL;
  CF_TRY(cf_block_read(page, part, array, 1, &h));
  if (!h.value || h.shape[0] < 2) return CF_OK;
  CF_TRY(CF_SCRATCH(page->ctx, &x, h.shape[0]));
  for (size_t i = 0; i < h.shape[0]; ++i) x[i] = (double)i;
  curve[*panels] = (cf_curve){.n = h.shape[0], .x = x, .y = h.value, .style = CF_CURVE_LINE};
  panel[*panels] = (cf_curve_panel){.title = title,
                                    .x_title = "iteration",
                                    .y_title = y,
                                    .count = 1,
                                    .curve = curve + *panels,
                                    .levelled = isfinite(level),
                                    .level = level};
  ++*panels;
done:
  return status;
}

static cf_status draw_history(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  cf_curve curve[4];
  cf_curve_panel panel[4];
  size_t panels = 0;
  char id[256];
  cf_figure *figure = NULL;
  static const char caption[] =
      "At each iteration the scales are solved for, the connectivity is tuned until the median volume ratio is near 1 (dotted), and "
      "edges of points whose ratio lies above the threshold are pruned.";
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(history_panel(page, part, "history/pruned", "Pruned edges", "edges", NAN, curve, panel, &panels));
  CF_TRY(history_panel(page, part, "history/median", "Volume ratio", "median", 1.0, curve, panel, &panels));
  CF_TRY(history_panel(page, part, "history/connectivity", "Connectivity", "C", NAN, curve, panel, &panels));
  if (panels == 0) goto done;
  cf_curves_figure spec = {panels, 0, panel};
  cf_figure_options o = cf_page_options(part, "iterations", "Iterations", caption, id);
  CF_TRY(cf_figure_curves(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "iterations", "Iterations", caption, panels > 1, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

static cf_status draw_neighbours(cf_page *page, const cf_part *part) {
  static const struct {
    const char *array, *title, *x;
  } known[] = {{"degree", "Degree", "neighbours"},
               {"weighted_degree", "Weighted degree", "sum of kernel weights"},
               {"delta_weighted", "Volume ratio, weighted", "ratio (1 expected)"},
               {"scale", "Scale", "σ (units of the points)"},
               {"dimension", "Local dimension", "dimension"},
               {"ncd", "Correlation dimension", "dimension"}};
  cf_status status = CF_OK;
  cf_distribution_panel panel[6];
  size_t panels = 0;
  char id[256];
  cf_figure *figure = NULL;
  static const char caption[] = "Distributions over the points; red: mean.";
  cf_mark mark = cf_scratch_mark(page->ctx);
  for (size_t k = 0; k < sizeof known / sizeof *known; ++k) {
    cf_block v;
    CF_TRY(cf_block_read(page, part, known[k].array, 1, &v));
    if (v.value)
      panel[panels++] = (cf_distribution_panel){
          .title = known[k].title, .x_title = known[k].x, .y_title = "points", .n = v.shape[0], .x = v.value};
  }
  if (panels == 0) goto done;
  cf_distributions_figure spec = {panels, panels == 4 ? 4 : 0, panel};
  cf_figure_options o = cf_page_options(part, "neighbours", "Neighbourhoods", caption, id);
  CF_TRY(cf_figure_distributions(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "neighbours", "Neighbourhoods", caption, panels > 2, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* Points by cluster, noise last, within a cluster as they stand; else by similarity where their places are known. */
static cf_status order_points(cf_page *page, const cf_part *part, size_t n, size_t *order, size_t *group,
                              size_t *groups, const char **words) {
  cf_status status = CF_OK;
  double *cluster = NULL;
  cf_block points;
  size_t used = 0, most = 0;
  bool optimal = false;
  CF_TRY(cf_block_vector(page, part, "cluster", n, &cluster));
  CF_TRY(cf_block_read(page, part, "points", 2, &points));
  for (size_t i = 0; i < n; ++i) order[i] = i;
  *groups = 0;
  *words = "Points as they came.";
  if (cluster) {
    for (size_t i = 0; i < n; ++i)
      if (cluster[i] >= 0.0) most = CF_MAX(most, (size_t)cluster[i] + 1);
    for (size_t g = 0; g <= most; ++g)
      for (size_t i = 0; i < n; ++i) {
        group[i] = cluster[i] >= 0.0 ? (size_t)cluster[i] : most;
        if (group[i] == g) order[used++] = i;
      }
    *groups = most + 1;
    *words = "Points by cluster, those in none last.";
  } else if (points.value && points.shape[0] == n) {
    CF_TRY(cf_map_leaves(page->ctx, n, points.shape[1], points.value, order, &optimal));
    *words = "Points in the order of complete linkage.";
  }
done:
  return status;
}

/* A smaller matrix for the page: the largest of each block of side x side weights, rows already in order. */
static cf_status shrink_kernel(cf_page *page, const cf_matrix_figure *full, const cf_figure_options *o, size_t side,
                               cf_figure **out) {
  cf_status status = CF_OK;
  const size_t n = full->n, m = (n + side - 1) / side;
  double *value = NULL;
  size_t *group = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(CF_SCRATCH(page->ctx, &value, m * m));
  CF_TRY(CF_SCRATCH(page->ctx, &group, m));
  memset(value, 0, m * m * sizeof *value);
  for (size_t i = 0; i < n; ++i) {
    if (full->group && i % side == 0) group[i / side] = full->group[full->order[i]];
    for (size_t j = 0; j < n; ++j) {
      double *to = value + i / side * m + j / side;
      *to = CF_MAX(*to, full->panel->values[full->order[i] * n + full->order[j]]);
    }
  }
  cf_matrix_panel panel = {NULL, value};
  cf_matrix_figure spec = *full;
  spec.n = m;
  spec.panel = &panel;
  spec.order = NULL;
  if (full->group) spec.group = group;
  CF_TRY(cf_figure_matrix(page->ctx, &spec, o, out));
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* The kernel as a matrix, rows put in order. */
static cf_status draw_kernel(cf_page *page, const cf_part *part) {
  enum { MOST = 1500, MOST_INLINED = 300 };
  cf_status status = CF_OK;
  cf_block data, to, start;
  double *value = NULL;
  size_t *order = NULL, *group = NULL, groups = 0;
  const char *words = NULL, **name = NULL;
  char id[256], caption[400], joined[128] = "";
  cf_figure *figure = NULL, *inlined = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(cf_block_read(page, part, "kernel_data", 1, &data));
  CF_TRY(cf_block_read(page, part, "kernel_indices", 1, &to));
  CF_TRY(cf_block_read(page, part, "kernel_indptr", 1, &start));
  if (!data.value || !to.value || !start.value || to.shape[0] != data.shape[0]) goto done;
  size_t n = start.shape[0] - 1, entries = data.shape[0];
  if (n < 3 || n > MOST) goto done;
  CF_TRY(CF_SCRATCH(page->ctx, &value, n * n));
  CF_TRY(CF_SCRATCH(page->ctx, &order, n));
  CF_TRY(CF_SCRATCH(page->ctx, &group, n));
  memset(value, 0, n * n * sizeof *value);
  for (size_t i = 0; i < n; ++i)
    for (double k = start.value[i]; k < start.value[i + 1] && k < (double)entries; ++k)
      if (to.value[(size_t)k] < (double)n) value[i * n + (size_t)to.value[(size_t)k]] = data.value[(size_t)k];
  CF_TRY(order_points(page, part, n, order, group, &groups, &words));
  CF_TRY(CF_SCRATCH(page->ctx, &name, groups + 1));
  for (size_t g = 0; g < groups; ++g) {
    char *text = NULL;
    CF_TRY(cf_scratch_bytes(page->ctx, 32, 1, (void **)&text));
    snprintf(text, 32, g + 1 < groups ? "cluster %zu" : "none", g + 1);
    name[g] = text;
  }
  const size_t side = (n + MOST_INLINED - 1) / MOST_INLINED;
  if (side > 1)
    snprintf(joined, sizeof joined, " Here each square is the largest of %zu by %zu weights; the file has them all.",
             side, side);
  snprintf(caption, sizeof caption,
           "Weights of the kernel between all points: 1 for a point with itself, 0 without a link. %s%s", words,
           joined);
  cf_matrix_panel panel = {NULL, value};
  cf_matrix_figure spec = {.n = n,
                           .panels = 1,
                           .panel = &panel,
                           .order = order,
                           .group = groups > 1 && groups <= 10 ? group : NULL,
                           .groups = groups,
                           .group_name = name,
                           .quantity = "kernel weight",
                           .low = 0.0,
                           .high = 1.0,
                           .picture = true,
                           .keep_diagonal = true};
  cf_figure_options o = cf_page_options(part, "kernel", "Who is near whom", caption, id);
  o.width_mm = CF_FIGURE_ONE_COLUMN;
  CF_TRY(cf_figure_matrix(page->ctx, &spec, &o, &figure));
  if (side > 1) CF_TRY(shrink_kernel(page, &spec, &o, side, &inlined));
  status = cf_page_figure_light(page, part, "kernel", "Who is near whom", caption, false, figure, inlined);
  figure = NULL;
done:
  cf_figure_free(figure);
  cf_scratch_release(page->ctx, mark);
  return status;
}

cf_status cf_part_neighbours(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  CF_TRY(draw_kernel(page, part));
  CF_TRY(draw_neighbours(page, part));
  CF_TRY(draw_history(page, part));
done:
  return status;
}

static void key_row(cf_page *page, const char *name, double value) {
  if (!isfinite(value)) return;
  cf_table_row(page);
  cf_table_text(page, name);
  cf_table_number(page, value);
  cf_table_end_row(page);
}

cf_status cf_part_graph(cf_page *page, const cf_part *part) {
  static const char *const columns[] = {"Quantity", "#Value"};
  cf_status status = CF_OK;
  const cf_json *r = part->result, *delta = cf_json_get(r, "delta"), *weighted = cf_json_get(r, "delta_weighted"),
                *degree = cf_json_get(r, "degree");
  if (!isfinite(cf_part_number(r, "gabriel_edges"))) return cf_part_other(page, part);
  CF_TRY(cf_find_graph(page, part));
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  CF_TRY(cf_part_neighbours(page, part));
  cf_text_put(&page->html, "</div>\n");
  cf_table_begin(page, part, "graph", "The graph in numbers", columns, 2);
  key_row(page, "points", cf_part_number(r, "n"));
  key_row(page, "dimensions", cf_part_number(r, "dims"));
  key_row(page, "Gabriel edges", cf_part_number(r, "gabriel_edges"));
  key_row(page, "pruned edges", cf_part_number(r, "pruned"));
  key_row(page, "iterations", cf_part_number(r, "iterations"));
  key_row(page, "connectivity, first", cf_part_number(r, "C_first"));
  key_row(page, "connectivity, unweighted", cf_part_number(r, "C_unweighted"));
  key_row(page, "connectivity, weighted kernel", cf_part_number(r, "connectivity"));
  key_row(page, "volume ratio, mean", cf_part_number(delta, "mean"));
  key_row(page, "volume ratio, median", cf_part_number(delta, "median"));
  key_row(page, "weighted volume ratio, mean", cf_part_number(weighted, "mean"));
  key_row(page, "weighted volume ratio, median", cf_part_number(weighted, "median"));
  key_row(page, "degree, mean", cf_part_number(degree, "mean"));
  key_row(page, "degree, least", cf_part_number(degree, "min"));
  key_row(page, "degree, largest", cf_part_number(degree, "max"));
  key_row(page, "connected components", cf_part_number(r, "components"));
  key_row(page, "disconnected points", cf_part_number(r, "disconnected"));
  cf_table_close(page);
done:
  return status;
}

/* ------------------------------------------------------------- diffusion -- */

cf_status cf_find_diffuse(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  double *value = NULL;
  size_t n = 0, shown = 0;
  cf_block x;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(cf_part_numbers(page, cf_json_get(part->result, "eigenvalues"), &value, &n));
  CF_TRY(cf_block_read(page, part, "coordinates", 2, &x));
  if (n < 2 && !x.value) {
    status = cf_find_other(page, part);
    goto done;
  }
  cf_text_put(&page->html, "<p>");
  if (x.value) cf_text_write(&page->html, "$i points in $i diffusion coordinates", (int)x.shape[0], (int)x.shape[1]);
  double alpha = cf_part_number(part->result, "alpha");
  if (x.value && isfinite(alpha)) cf_text_write(&page->html, " (α = $d)", alpha);
  if (x.value) cf_text_put(&page->html, ".");
  if (n >= 2) cf_text_put(&page->html, " Eigenvalues after the trivial one:");
  for (size_t i = 1; i < n && shown < 4; ++i, ++shown) cf_text_write(&page->html, "$s $d", shown ? "," : "", value[i]);
  if (n >= 2) cf_text_put(&page->html, n > 5 ? " …" : ".");
  CF_TRY(cf_part_numbers(page, cf_json_get(part->result, "explained"), &value, &n));
  double sum = 0.0;
  for (size_t i = 0; i < CF_MIN(n, 3); ++i) sum += value[i];
  if (n >= 3 && isfinite(sum))
    cf_text_write(&page->html, " The three plotted axes hold $d % of the variance of the coordinates.", 100.0 * sum);
  cf_text_put(&page->html, "</p>\n");
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

static cf_status draw_spectrum(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  cf_block v;
  double *x = NULL;
  char id[256];
  cf_figure *figure = NULL;
  static const char caption[] =
      "Magnitudes of the eigenvalues; the first belongs to the trivial coordinate and is left out of the map.";
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(cf_block_read(page, part, "eigenvalues", 1, &v));
  if (!v.value || v.shape[0] < 2) goto done;
  CF_TRY(CF_SCRATCH(page->ctx, &x, v.shape[0]));
  for (size_t i = 0; i < v.shape[0]; ++i) x[i] = (double)i, v.value[i] = fabs(v.value[i]);
  cf_curve curve = {.n = v.shape[0], .x = x, .y = v.value, .style = CF_CURVE_LINE};
  cf_curve_panel panel = {.x_title = "coordinate", .y_title = "|λ|", .count = 1, .curve = &curve};
  cf_curves_figure spec = {1, 1, &panel};
  cf_figure_options o = cf_page_options(part, "eigenvalues", "Eigenvalues", caption, id);
  CF_TRY(cf_figure_curves(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "eigenvalues", "Eigenvalues", caption, false, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

cf_status cf_part_diffuse(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  cf_block x;
  bool written = false;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(cf_block_read(page, part, "coordinates", 2, &x));
  if (!x.value) {
    status = cf_part_other(page, part);
    goto done;
  }
  CF_TRY(cf_find_diffuse(page, part));
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  CF_TRY(cf_part_points(page, part, &written));
  CF_TRY(draw_spectrum(page, part));
  cf_text_put(&page->html, "</div>\n");
  cf_part_point_tables(page, part);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}
