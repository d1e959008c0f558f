/* The encoding manifold: an interactive point cloud, and behind it factors, graph, clusters and dimension. */
#include "report/encoding.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_PANELS = 6, MOST_TREE = 4000 };

/* ----------------------------------------------------------- the finding -- */

static void say_clusters(cf_page *page, const cf_json *r) {
  const cf_json *list = cf_json_get(r, "clusters");
  double noise = cf_part_number(r, "noise"), kept = cf_part_number(r, "kept");
  if (!list || !cf_json_is_list(list)) return;
  size_t n = cf_json_count(list);
  if (n == 0) {
    cf_text_put(&page->html, " No clusters stand out: the manifold is one continuum for this clustering.");
    return;
  }
  cf_text_write(&page->html, " $i cluster$s stand$s out", (int)n, n == 1 ? "" : "s", n == 1 ? "s" : "");
  if (n <= 8) {
    cf_text_put(&page->html, n == 1 ? " (" : " (of ");
    for (size_t i = 0; i < n; ++i)
      cf_text_write(&page->html, "$s$d",
                    i == 0       ? ""
                    : i + 1 == n ? " and "
                                 : ", ",
                    cf_part_number(cf_json_at(list, i), "size"));
    cf_text_put(&page->html, " neurons)");
  }
  if (isfinite(noise) && isfinite(kept) && kept > 0.0)
    cf_text_write(&page->html, "; $d % of the neurons are in none", 100.0 * noise / kept);
  cf_text_put(&page->html, ".");
}

/* Scores of labels stand in "labels", each with a part "graph"; those of diffuse in "mixing", without. */
static const cf_json *label_list(const cf_json *r) {
  const cf_json *list = cf_json_get(r, "labels");
  if (!list || !cf_json_is_list(list)) list = cf_json_get(r, "mixing");
  return list && cf_json_is_list(list) ? list : NULL;
}

static const cf_json *in_graph(const cf_json *label) {
  const cf_json *graph = cf_json_get(label, "graph");
  return graph ? graph : label;
}

/* Are neighbours in the graph alike in this label, beyond chance? */
static void say_labels(cf_page *page, const cf_json *r) {
  const cf_json *list = label_list(r);
  char text[64];
  for (size_t i = 0; list && i < cf_json_count(list) && i < 4; ++i) {
    const cf_json *entry = cf_json_at(list, i), *m = in_graph(entry);
    double share = cf_part_number(m, "share"), p = cf_part_number(m, "p"),
           rand = cf_part_number(entry, "adjusted_rand");
    double expected = cf_part_number(m, isfinite(cf_part_number(m, "null_mean")) ? "null_mean" : "expected");
    if (!isfinite(share)) continue;
    cf_text_write(&page->html, " Neighbours share their $t in $d % of the pairs", cf_part_text(entry, "by", "label"),
                  100.0 * share);
    if (isfinite(expected)) cf_text_write(&page->html, ", $d % if labels were shuffled", 100.0 * expected);
    if (isfinite(p)) cf_text_write(&page->html, " ($t)", cf_text_p(p, text, sizeof text));
    if (isfinite(rand))
      cf_text_write(&page->html, "; clusters and labels agree with an adjusted Rand index of $d", rand);
    cf_text_put(&page->html, ".");
  }
}

cf_status cf_find_encode(cf_page *page, const cf_part *part) {
  const cf_json *r = part->result, *dimension = cf_json_get(r, "dimension");
  double neurons = cf_part_number(r, "neurons"), kept = cf_part_number(r, "kept"), rank = cf_part_number(r, "rank");
  double error = cf_part_number(r, "error_percent"), pcs = cf_part_number(r, "pcs"),
         off = cf_part_number(r, "disconnected");
  if (!isfinite(neurons) && !isfinite(kept)) return cf_find_other(page, part);
  cf_text_put(&page->html, "<p>");
  if (isfinite(kept)) {
    cf_text_write(&page->html, "$i", (int)kept);
    if (isfinite(neurons) && neurons > kept) cf_text_write(&page->html, " of $i", (int)neurons);
    cf_text_put(&page->html, " neurons on the manifold");
    double outliers = cf_part_number(r, "outliers");
    if (isfinite(outliers) && outliers > 0.0) cf_text_write(&page->html, " ($i left out as outliers", (int)outliers);
    if (isfinite(outliers) && outliers > 0.0 && isfinite(off) && off > 0.0)
      cf_text_write(&page->html, ", $i disconnected", (int)off);
    if (isfinite(outliers) && outliers > 0.0) cf_text_put(&page->html, ")");
    cf_text_put(&page->html, ".");
  }
  if (isfinite(rank)) cf_text_write(&page->html, " $i component$s", (int)rank, rank == 1.0 ? "" : "s");
  if (isfinite(rank) && isfinite(error)) cf_text_write(&page->html, " leave $d % of the energy unexplained", error);
  if (isfinite(rank) && isfinite(pcs))
    cf_text_write(&page->html, "; $i principal components of the neural matrix enter the graph", (int)pcs);
  if (isfinite(rank)) cf_text_put(&page->html, ".");
  say_clusters(page, r);
  double median = cf_part_number(dimension, "median");
  if (isfinite(median)) {
    cf_text_write(&page->html, " Local dimension: median $d", median);
    double a = cf_part_pair(dimension, "quartiles", 0), b = cf_part_pair(dimension, "quartiles", 1);
    if (isfinite(a) && isfinite(b)) cf_text_write(&page->html, " (quartiles $d and $d)", a, b);
    cf_text_put(&page->html, ".");
  }
  say_labels(page, r);
  cf_text_put(&page->html, "</p>\n");
  return CF_OK;
}

/* --------------------------------------------------------------- figures -- */

static bool listed(const cf_colouring *panel, size_t n, const char *title) {
  for (size_t k = 0; k < n; ++k)
    if (strcmp(panel[k].title, title) == 0) return true;
  return false;
}

/* The colourings of the still figure: clusters, then what a reader asks for first. */
static size_t pick_panels(const cf_encoding *e, cf_colouring *panel) {
  static const char *const wanted[] = {"cluster",
                                       "group",
                                       "preferred stimulus",
                                       "preferred direction",
                                       "OSI",
                                       "local dimension",
                                       "log temporal variance",
                                       "mean response",
                                       "degree",
                                       NULL};
  size_t n = 0;
  for (size_t w = 0; wanted[w] && n < MOST_PANELS; ++w)
    for (size_t k = 0; k < e->colourings; ++k)
      if (strcmp(e->colouring[k].title, wanted[w]) == 0 && n < MOST_PANELS) panel[n++] = e->colouring[k];
  for (size_t k = 0; k < e->colourings && n < MOST_PANELS; ++k) /* groups that the study names */
    if (e->colouring[k].group && !listed(panel, n, e->colouring[k].title)) panel[n++] = e->colouring[k];
  if (n == 0) panel[n++] = e->colouring[0];
  return n;
}

static cf_status make_space(cf_page *page, const cf_encoding *e, const cf_figure_options *o, size_t most, bool light,
                            cf_figure **out) {
  cf_colouring panel[MOST_PANELS];
  size_t panels = CF_MIN(pick_panels(e, panel), most);
  cf_space_figure spec = {.n = e->n,
                          .point = e->point,
                          .panels = panels,
                          .panel = panel,
                          .azimuth = CF_SPACE_AZIMUTH,
                          .elevation = CF_SPACE_ELEVATION};
  if (panels == 4) spec.columns = 2;
  spec.light = light;
  return cf_figure_space(page->ctx, &spec, o, out);
}

static cf_status draw_manifold(cf_page *page, const cf_part *part, const cf_encoding *e, const char *title,
                               const char *caption) {
  cf_status status = CF_OK;
  cf_figure *figure = NULL, *inlined = NULL;
  cf_cloud_view view;
  char id[256];
  cf_encoding_view(e, &view);
  cf_figure_options o = cf_page_options(part, "manifold", title, caption, id);
  CF_TRY(make_space(page, e, &o, MOST_PANELS, false, &figure));
  if (e->n > CF_MANY_POINTS) CF_TRY(make_space(page, e, &o, 3, true, &inlined));
  status = cf_page_cloud(page, part, "manifold", title, caption, &view, figure, inlined);
  figure = inlined = NULL;
done:
  cf_figure_free(figure);
  return status;
}

static cf_status draw_planes(cf_page *page, const cf_part *part, const cf_encoding *e) {
  cf_status status = CF_OK;
  cf_figure *figure = NULL, *inlined = NULL;
  char id[256];
  static const char caption[] = "Planes through the diffusion map, coordinates as computed.";
  if (e->coordinates < 2) return CF_OK;
  cf_pairs_figure spec = {.n = e->n,
                          .dims = e->coordinates,
                          .point = e->coordinate,
                          .axis = "coordinate",
                          .colouring = e->colouring[e->cluster < e->colourings ? e->cluster : 0]};
  cf_figure_options o = cf_page_options(part, "planes", "Pairs of diffusion coordinates", caption, id);
  CF_TRY(cf_figure_pairs(page->ctx, &spec, &o, &figure));
  spec.light = true;
  if (e->n > CF_MANY_POINTS) CF_TRY(cf_figure_pairs(page->ctx, &spec, &o, &inlined));
  status = cf_page_figure_light(page, part, "planes", "Pairs of diffusion coordinates", caption, true, figure, inlined);
  figure = NULL;
done:
  cf_figure_free(figure);
  return status;
}

static cf_status draw_variance(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  cf_block v;
  double *x = NULL, *sum = NULL, total = 0.0, pcs = cf_part_number(part->result, "pcs");
  cf_figure *figure = NULL;
  char id[256];
  static const char caption[] =
      "Variance of the neural matrix by principal component (bars) and in all so far (line); dotted: 80 %. The dashed line marks the "
      "components that enter the graph.";
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(cf_block_read(page, part, "explained", 1, &v));
  if (!v.value) {
    double *list = NULL;
    CF_TRY(cf_part_numbers(page, cf_json_get(part->result, "explained"), &list, v.shape));
    v.value = list;
  }
  if (!v.value || v.shape[0] < 2) goto done;
  CF_TRY(CF_SCRATCH(page->ctx, &x, v.shape[0]));
  CF_TRY(CF_SCRATCH(page->ctx, &sum, v.shape[0]));
  for (size_t i = 0; i < v.shape[0]; ++i) {
    x[i] = (double)(i + 1);
    v.value[i] *= 100.0;
    sum[i] = total += v.value[i];
  }
  cf_curve curve[2] = {{"each", v.shape[0], x, v.value, NULL, NULL, CF_CURVE_BARS, false},
                       {"cumulative", v.shape[0], x, sum, NULL, NULL, CF_CURVE_LINE, false}};
  cf_curve_panel panel = {.x_title = "principal component",
                          .y_title = "variance (%)",
                          .count = 2,
                          .curve = curve,
                          .marked = isfinite(pcs),
                          .mark = pcs + 0.5,
                          .levelled = true,
                          .level = 80.0,
                          .from_zero = true};
  cf_curves_figure spec = {1, 1, &panel};
  cf_figure_options o = cf_page_options(part, "variance", "Variance of the neural matrix", caption, id);
  CF_TRY(cf_figure_curves(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "variance", "Variance of the neural matrix", caption, false, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

static cf_status draw_trees(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  cf_block merge, condensed;
  double *cluster = NULL;
  int *label = NULL;
  cf_figure *figure = NULL;
  char id[256];
  static const char caption[] =
      "Left: condensed tree; a branch is as wide as it has neurons, λ grows downwards, coloured branches are the chosen clusters. "
      "Right: single linkage of the mutual reachability, whose core distances are the largest to a neighbour in the graph.";
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(cf_block_read(page, part, "merge", 2, &merge));
  CF_TRY(cf_block_read(page, part, "condensed", 2, &condensed));
  bool linked = merge.value && merge.shape[1] == 4 && merge.shape[0] > 0 && merge.shape[0] <= MOST_TREE;
  bool dense = condensed.value && condensed.shape[1] == 4;
  if (!linked && !(dense && merge.value)) goto done;
  size_t n = merge.shape[0] + 1;
  CF_TRY(cf_block_vector(page, part, "cluster", n, &cluster));
  if (cluster) {
    CF_TRY(CF_SCRATCH(page->ctx, &label, n));
    for (size_t i = 0; i < n; ++i) label[i] = cluster[i] >= 0.0 ? (int)cluster[i] : -1;
  }
  cf_tree_figure spec = {.n = n,
                         .merge = linked ? merge.value : NULL,
                         .rows = dense ? condensed.shape[0] : 0,
                         .condensed = dense ? condensed.value : NULL,
                         .label = label,
                         .height_title = "mutual reachability"};
  cf_figure_options o = cf_page_options(part, "trees", "Clusters", caption, id);
  CF_TRY(cf_figure_tree(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "trees", "Clusters", caption, true, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* ---------------------------------------------------------------- tables -- */

static void write_clusters(cf_page *page, const cf_part *part) {
  static const char *const columns[] = {"Cluster", "#Neurons", "#Stability"};
  const cf_json *list = cf_json_get(part->result, "clusters");
  char name[32];
  if (!list || !cf_json_is_list(list) || cf_json_count(list) == 0) return;
  cf_table_begin(page, part, "clusters", "Clusters", columns, 3);
  for (size_t i = 0; i < cf_json_count(list); ++i) {
    const cf_json *c = cf_json_at(list, i);
    double label = cf_part_number(c, "label");
    snprintf(name, sizeof name, "cluster %.0f", isfinite(label) ? label + 1.0 : (double)(i + 1));
    cf_table_row(page);
    cf_table_text(page, name);
    cf_table_number(page, cf_part_number(c, "size"));
    cf_table_number(page, cf_part_number(c, "stability"));
    cf_table_end_row(page);
  }
  cf_table_close(page);
}

static void write_labels(cf_page *page, const cf_part *part) {
  static const char *const columns[] = {
      "Label",     "#Neighbours alike (%)", "#Shuffled (%)", "#z", "#p", "#5-NN accuracy (%)", "#Chance (%)",
      "#p (5-NN)", "#Adjusted Rand"};
  const cf_json *list = label_list(part->result);
  if (!list || cf_json_count(list) == 0) return;
  cf_table_begin(page, part, "labels", "What is known of the points, in the graph and in the clusters", columns,
                 sizeof columns / sizeof *columns);
  for (size_t i = 0; i < cf_json_count(list); ++i) {
    const cf_json *entry = cf_json_at(list, i), *m = in_graph(entry), *near = cf_json_get(entry, "neighbours");
    double null_mean = cf_part_number(m, "null_mean");
    cf_table_row(page);
    cf_table_text(page, cf_part_text(entry, "by", "?"));
    cf_table_number(page, 100.0 * cf_part_number(m, "share"));
    cf_table_number(page, 100.0 * (isfinite(null_mean) ? null_mean : cf_part_number(m, "expected")));
    cf_table_number(page, cf_part_number(m, "z"));
    cf_table_p(page, cf_part_number(m, "p"));
    cf_table_number(page, 100.0 * cf_part_number(near, "accuracy"));
    cf_table_number(page, 100.0 * cf_part_number(near, "null_mean"));
    cf_table_p(page, cf_part_number(near, "p"));
    cf_table_number(page, cf_part_number(entry, "adjusted_rand"));
    cf_table_end_row(page);
  }
  cf_table_close(page);
  cf_text_put(
      &page->html,
      "<p class=\"muted\">These scores of labels are cortifold's own. Neighbours alike: share of the graph's edges between "
      "points of one label. 5-NN: label of a point by the vote of its five nearest in the diffusion coordinates. "
      "Adjusted Rand: labels against clusters, over the points that are in one.</p>\n");
}

static void write_recovered(cf_page *page, const cf_part *part) {
  const cf_json *r = cf_json_get(part->result, "recovered");
  bool any = false;
  if (!r || !cf_json_is_object(r)) return;
  for (size_t i = 0; i < cf_json_count(r); ++i) {
    const cf_json *value = cf_json_value(r, i);
    if (!cf_json_is_number(value)) continue;
    char words[128];
    snprintf(words, sizeof words, "%.120s", cf_json_key(r, i));
    for (char *c = words; *c; ++c)
      if (*c == '_') *c = ' ';
    cf_text_write(&page->html, "$s$t $d", any ? ", " : "<p class=\"note\">Against the planted truth: ", words,
                  cf_json_as_number(value));
    any = true;
  }
  if (any) cf_text_put(&page->html, ".</p>\n");
}

cf_status cf_part_points(cf_page *page, const cf_part *part, bool *written) {
  cf_status status = CF_OK;
  cf_encoding e;
  static const char caption[] =
      "Classical scaling of the leading diffusion coordinates, first three axes; their signs and units have no meaning.";
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(cf_encoding_read(page, part, &e));
  *written = e.n > 0;
  if (e.n == 0) goto done;
  CF_TRY(draw_manifold(page, part, &e, "Embedding", caption));
  CF_TRY(draw_planes(page, part, &e));
  CF_TRY(draw_trees(page, part));
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

void cf_part_point_tables(cf_page *page, const cf_part *part) {
  write_clusters(page, part);
  write_labels(page, part);
}

cf_status cf_part_encode(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  static const char caption[] =
      "Each point is a neuron: neurons that respond alike to the stimuli, up to a common rotation of the directions, lie near one "
      "another. Axes: classical scaling of the leading diffusion coordinates, first three; their signs and units have no meaning.";
  cf_encoding e;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(cf_encoding_read(page, part, &e));
  if (e.n == 0) {
    status = cf_part_other(page, part);
    goto done;
  }
  CF_TRY(cf_find_encode(page, part));
  write_recovered(page, part);
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  CF_TRY(draw_manifold(page, part, &e, "Encoding manifold", caption));
  CF_TRY(cf_page_examples(page, part, &e));
  CF_TRY(cf_page_activity(page, part, &e));
  CF_TRY(draw_planes(page, part, &e));
  CF_TRY(draw_trees(page, part));
  CF_TRY(cf_part_factors(page, part));
  CF_TRY(draw_variance(page, part));
  CF_TRY(cf_part_neighbours(page, part));
  cf_text_put(&page->html, "</div>\n");
  write_clusters(page, part);
  write_labels(page, part);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* ---------------------------------------------------------- side by side -- */

static double list_count(const cf_json *list) {
  return list && cf_json_is_list(list) ? (double)cf_json_count(list) : NAN;
}

static void key_numbers(cf_page *page) {
  static const char *const columns[] = {"Task",
                                        "#Neurons",
                                        "#Rank",
                                        "#Error (%)",
                                        "#PCs",
                                        "#Clusters",
                                        "#In none (%)",
                                        "#Local dimension",
                                        "#Mean degree",
                                        "#Pruned edges",
                                        "#Like neighbours (%)",
                                        "#If shuffled (%)"};
  cf_table_open(page, "side-by-side", "Encoding manifolds in numbers", columns, sizeof columns / sizeof *columns);
  for (size_t t = 0; t < page->results->count; ++t) {
    const cf_study_task *task = page->results->task + t;
    const cf_json *r = cf_json_get(task->envelope, "result"), *graph = cf_json_get(r, "graph"), *list = label_list(r);
    if (strcmp(task->kind, "encode") != 0) continue;
    const cf_json *first = list && cf_json_count(list) ? in_graph(cf_json_at(list, 0)) : NULL;
    cf_table_row(page);
    cf_text_write(&page->html, "<td><a href=\"#task-$t\">$t</a></td>", task->id, task->title);
    cf_table_number(page, cf_part_number(r, "kept"));
    cf_table_number(page, cf_part_number(r, "rank"));
    cf_table_number(page, cf_part_number(r, "error_percent"));
    cf_table_number(page, cf_part_number(r, "pcs"));
    cf_table_number(page, list_count(cf_json_get(r, "clusters")));
    cf_table_number(page, 100.0 * cf_part_number(r, "noise") / cf_part_number(r, "kept"));
    cf_table_number(page, cf_part_number(cf_json_get(r, "dimension"), "median"));
    cf_table_number(page, cf_part_number(cf_json_get(graph, "degree"), "mean"));
    cf_table_number(page, cf_part_number(graph, "pruned"));
    cf_table_number(page, 100.0 * cf_part_number(first, "share"));
    cf_table_number(
        page, 100.0 * cf_part_number(first, isfinite(cf_part_number(first, "null_mean")) ? "null_mean" : "expected"));
    cf_table_end_row(page);
  }
  cf_table_close(page);
}

cf_status cf_page_side_by_side(cf_page *page) {
  cf_status status = CF_OK;
  size_t tasks = 0;
  for (size_t t = 0; t < page->results->count; ++t) tasks += strcmp(page->results->task[t].kind, "encode") == 0;
  if (tasks < 2) return CF_OK;
  cf_text_put(
      &page->html,
      "<section id=\"side-by-side\" class=\"task\"><h2>Encoding manifolds side by side</h2>\n<p>One view a population, each turned by "
      "itself; a colouring chosen in one is taken by all that have it. Axes and signs of different manifolds do not correspond.</p>\n"
      "<div class=\"spaces\">\n");
  for (size_t t = 0; t < page->results->count; ++t) {
    const cf_study_task *task = page->results->task + t;
    cf_part part = {task, cf_json_get(task->envelope, "result"), cf_json_get(task->envelope, "options")};
    cf_encoding e;
    cf_figure *figure = NULL;
    char id[256];
    cf_mark mark = cf_scratch_mark(page->ctx);
    if (strcmp(task->kind, "encode") != 0) continue;
    status = cf_encoding_read(page, &part, &e);
    if (status == CF_OK && e.n > 0) {
      cf_figure_options o = cf_page_options(&part, "side", task->title, NULL, id);
      status = make_space(page, &e, &o, 1, e.n > CF_MANY_POINTS, &figure);
    }
    if (figure) {
      cf_text_write(
          &page->html,
          "<div><h3><a href=\"#task-$t\">$t</a></h3>\n<div class=\"space\" data-compact data-source=\"data-$t-manifold\"></div>\n",
          task->id, task->title, task->id);
      cf_page_drawing(page, figure, true);
      cf_text_put(&page->html, "</div>\n");
    }
    cf_figure_free(figure);
    cf_scratch_release(page->ctx, mark);
    CF_TRY(status);
  }
  cf_text_put(&page->html, "</div>\n");
  key_numbers(page);
  cf_text_put(&page->html, "</section>\n");
done:
  return status;
}
