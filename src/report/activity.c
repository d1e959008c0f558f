/* Activity over time of groups of neurons: clusters (the arms of a manifold), feature maps, areas; and of all of them.
 *
 *   a_g(t)   = mean over the neurons i of g of r_i(t), r_i(t) the mean of neuron i's response over directions (and
 *              stimuli) at time t
 *   sem_g(t) = sqrt(sum_i (r_i(t) - a_g(t))^2 / (n_g (n_g - 1)))
 * One panel for all stimuli and one for each, on one scale; then one panel for each other grouping. Source: the arm
 * intensity plots of Bertram, Dyballa, Keller, Kinger & Zucker (2026), arXiv 2601.21508. */
#include "report/encoding.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_GROUPS = 8, MOST_STIMULI = 11, MOST_GROUPINGS = 6, LEAST_NEURONS = 2, MOST_ROWS = 160, MOST_FRAMES = 40 };

/* The largest groups of a colouring, in their order. */
typedef struct groups {
  size_t n, all, of[MOST_GROUPS], size[MOST_GROUPS];
} groups;

static cf_status largest_groups(cf_page *page, const cf_encoding *e, const cf_colouring *c, groups *out) {
  cf_status status = CF_OK;
  size_t *size = NULL;
  const cf_mark mark = cf_scratch_mark(page->ctx);
  *out = (groups){0};
  CF_TRY(CF_SCRATCH(page->ctx, &size, c->groups));
  memset(size, 0, c->groups * sizeof *size);
  for (size_t i = 0; i < e->n; ++i)
    if (c->group[i] != CF_NO_GROUP) ++size[c->group[i]];
  for (size_t g = 0; g < c->groups; ++g) out->all += size[g] >= LEAST_NEURONS;
  for (size_t g = 0; g < c->groups; ++g) {
    size_t larger = 0;
    for (size_t h = 0; h < c->groups; ++h) larger += size[h] > size[g] || (h < g && size[h] == size[g]);
    if (size[g] < LEAST_NEURONS || larger >= MOST_GROUPS) continue;
    out->of[out->n] = g;
    out->size[out->n++] = size[g];
  }
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* Mean of neuron i at time t over directions and over stimuli `from` to `to` - 1; NaN when none is known. */
static double response_at(const cf_encoding *e, size_t i, size_t t, size_t from, size_t to) {
  const size_t rows = e->stimuli * e->directions;
  double sum = 0.0;
  size_t known = 0;
  for (size_t r = from * e->directions; r < to * e->directions; ++r) {
    const double v = e->map[(i * rows + r) * e->times + t];
    if (isfinite(v)) sum += v, ++known;
  }
  return known ? sum / (double)known : NAN;
}

static cf_status make_curve(cf_page *page, const cf_encoding *e, const cf_colouring *c, size_t group, const double *x,
                            size_t from, size_t to, cf_curve *out) {
  cf_status status = CF_OK;
  double *y = NULL, *low = NULL, *high = NULL;
  CF_TRY(CF_SCRATCH(page->ctx, &y, e->times));
  CF_TRY(CF_SCRATCH(page->ctx, &low, e->times));
  CF_TRY(CF_SCRATCH(page->ctx, &high, e->times));
  for (size_t t = 0; t < e->times; ++t) {
    double mean = 0.0, square = 0.0;
    size_t n = 0;
    for (size_t i = 0; i < e->n; ++i) {
      const double v = c->group[i] == group ? response_at(e, i, t, from, to) : NAN;
      if (!isfinite(v)) continue;
      const double d = v - mean;
      mean += d / (double)++n;
      square += d * (v - mean);
    }
    const double sem = n > 1 ? sqrt(square / ((double)n * (double)(n - 1))) : NAN;
    y[t] = n ? mean : NAN;
    low[t] = y[t] - sem;
    high[t] = y[t] + sem;
  }
  *out = (cf_curve){.name = c->group_name[group], .n = e->times, .x = x, .y = y, .low = low, .high = high};
done:
  return status;
}

/* One panel of all groups; range: grows to hold its curves. */
static cf_status make_panel(cf_page *page, const cf_encoding *e, const cf_colouring *c, const groups *g,
                            const double *x, size_t from, size_t to, const char *title, double range[2],
                            cf_curve_panel *out) {
  cf_status status = CF_OK;
  cf_curve *curve = NULL;
  size_t *colour = NULL;
  CF_TRY(CF_SCRATCH(page->ctx, &curve, g->n));
  CF_TRY(CF_SCRATCH(page->ctx, &colour, g->n));
  for (size_t k = 0; k < g->n; ++k) {
    CF_TRY(make_curve(page, e, c, g->of[k], x, from, to, curve + k));
    colour[k] = c->groups <= 10 ? g->of[k] : k;
    for (size_t t = 0; t < e->times; ++t) {
      range[0] = fmin(range[0], isfinite(curve[k].low[t]) ? curve[k].low[t] : curve[k].y[t]);
      range[1] = fmax(range[1], isfinite(curve[k].high[t]) ? curve[k].high[t] : curve[k].y[t]);
    }
  }
  *out = (cf_curve_panel){.title = title,
                          .x_title = e->time ? "time (s)" : "time bin",
                          .y_title = "mean response",
                          .count = g->n,
                          .curve = curve,
                          .marked = e->time && e->time[0] < 0.0 && e->time[e->times - 1] > 0.0,
                          .mark_name = "time 0",
                          .colour = colour};
done:
  return status;
}

static void bound(cf_curve_panel *panel, size_t n, const double range[2]) {
  const double low = fmin(0.0, range[0]), room = 0.04 * (range[1] - low);
  for (size_t k = 0; k < n && range[1] > low; ++k) {
    panel[k].bounded = true;
    panel[k].low = low < 0.0 ? low - room : 0.0;
    panel[k].high = range[1] + room;
  }
}

static const char left_out[] = " Only the largest groups are drawn.";

/* The clusters, for all stimuli and for each. */
static cf_status draw_clusters(cf_page *page, const cf_part *part, const cf_encoding *e, const double *x) {
  static const char title[] = "Activity of the clusters over time";
  cf_status status = CF_OK;
  cf_curve_panel panel[MOST_STIMULI + 1];
  const cf_colouring *c = e->colouring + e->cluster;
  const size_t each = e->stimuli > 1 && e->stimuli <= MOST_STIMULI ? e->stimuli : 0;
  double range[2] = {INFINITY, -INFINITY};
  char id[256], caption[400], name[MOST_STIMULI][32];
  groups g;
  cf_figure *figure = NULL;
  const cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(largest_groups(page, e, c, &g));
  if (g.n == 0) goto done;
  CF_TRY(make_panel(page, e, c, &g, x, 0, e->stimuli, "all stimuli", range, panel));
  for (size_t s = 0; s < each; ++s) {
    snprintf(name[s], sizeof name[s], "stimulus %zu", s + 1);
    CF_TRY(make_panel(page, e, c, &g, x, s, s + 1, e->stimulus_name ? e->stimulus_name[s] : name[s], range,
                      panel + 1 + s));
  }
  bound(panel, each + 1, range);
  snprintf(
      caption, sizeof caption,
      "Response of each cluster's neurons, mean over directions and neurons; bands: standard error over neurons.%s",
      g.all > g.n ? left_out : "");
  cf_curves_figure spec = {each + 1, each == 0 ? 1 : each < 3 ? each + 1 : 4, panel};
  cf_figure_options o = cf_page_options(part, "activity", title, caption, id);
  o.width_mm = each ? CF_FIGURE_TWO_COLUMNS : 110.0;
  CF_TRY(cf_figure_curves(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "activity", title, caption, each > 0, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* Groups that the study names, and those of the result other than clusters. */
static bool is_grouping(const cf_encoding *e, size_t k) {
  return e->colouring[k].group && k != e->cluster && !e->colouring[k].cyclic &&
         strcmp(e->colouring[k].title, "preferred stimulus") != 0;
}

static cf_status draw_groupings(cf_page *page, const cf_part *part, const cf_encoding *e, const double *x) {
  static const char title[] = "Activity of groups over time";
  cf_status status = CF_OK;
  cf_curve_panel panel[MOST_GROUPINGS];
  size_t panels = 0;
  bool cut = false;
  char id[256], caption[400];
  cf_figure *figure = NULL;
  const cf_mark mark = cf_scratch_mark(page->ctx);
  for (size_t k = 0; k < e->colourings && panels < MOST_GROUPINGS; ++k) {
    double range[2] = {INFINITY, -INFINITY};
    groups g;
    if (!is_grouping(e, k)) continue;
    CF_TRY(largest_groups(page, e, e->colouring + k, &g));
    if (g.n < 2) continue;
    CF_TRY(make_panel(page, e, e->colouring + k, &g, x, 0, e->stimuli, e->colouring[k].title, range, panel + panels));
    bound(panel + panels++, 1, range);
    cut = cut || g.all > g.n;
  }
  if (panels == 0) goto done;
  snprintf(caption, sizeof caption,
           "Response of each group's neurons, mean over stimuli, directions and neurons; bands: standard error over "
           "neurons.%s",
           cut ? left_out : "");
  cf_curves_figure spec = {panels, CF_MIN(panels, (size_t)3), panel};
  cf_figure_options o = cf_page_options(part, "groups", title, caption, id);
  o.width_mm = panels > 1 ? CF_FIGURE_TWO_COLUMNS : 110.0;
  CF_TRY(cf_figure_curves(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "groups", title, caption, panels > 1, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* ---------------------------------------------------------------- raster -- */

/* Places of the points along the first axis, within their groups: what a raster's rows stand in. */
typedef struct place {
  size_t group, point;
  double along;
} place;

static int by_place(const void *a, const void *b) {
  const place *x = a, *y = b;
  if (x->group != y->group) return x->group < y->group ? -1 : 1;
  if (x->along != y->along) return x->along < y->along ? -1 : 1;
  return (x->point > y->point) - (x->point < y->point);
}

static cf_status order_rows(cf_page *page, const cf_encoding *e, const cf_colouring *c, place **out) {
  cf_status status = CF_OK;
  CF_TRY(CF_SCRATCH(page->ctx, out, e->n));
  for (size_t i = 0; i < e->n; ++i) /* those in no cluster come last */
    (*out)[i] = (place){c ? CF_MIN(c->group[i], c->groups) : 0, i, e->point[3 * i]};
  qsort(*out, e->n, sizeof **out, by_place);
done:
  return status;
}

/* Mean over directions and over `join` neighbouring times of a neuron's response to a stimulus. */
static double cell_at(const cf_encoding *e, size_t i, size_t s, size_t t, size_t join) {
  double sum = 0.0;
  size_t known = 0;
  for (size_t k = t * join; k < CF_MIN(e->times, (t + 1) * join); ++k) {
    const double v = response_at(e, i, k, s, s + 1);
    if (isfinite(v)) sum += v, ++known;
  }
  return known ? sum / (double)known : NAN;
}

static void fill_row(const cf_encoding *e, size_t i, size_t times, size_t join, double *row) {
  double high = 0.0;
  for (size_t k = 0; k < e->stimuli * times; ++k) {
    row[k] = cell_at(e, i, k / times, k % times, join);
    if (isfinite(row[k])) high = fmax(high, row[k]);
  }
  for (size_t k = 0; k < e->stimuli * times && high > 0.0; ++k) row[k] /= high;
}

static cf_status draw_raster(cf_page *page, const cf_part *part, const cf_encoding *e) {
  static const char title[] = "Responses of all neurons";
  cf_status status = CF_OK;
  const cf_colouring *c = e->cluster < e->colourings ? e->colouring + e->cluster : NULL;
  const size_t rows = CF_MIN(e->n, (size_t)MOST_ROWS), join = (e->times + MOST_FRAMES - 1) / MOST_FRAMES,
               times = (e->times + join - 1) / join, columns = e->stimuli * times;
  const char **row_name = NULL, **stimulus = NULL;
  size_t *row_group = NULL, *column_group = NULL;
  double *value = NULL;
  place *order = NULL;
  char id[256], caption[400];
  cf_figure *figure = NULL;
  const cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(order_rows(page, e, c, &order));
  const size_t any_left = c && order[e->n - 1].group == c->groups;
  CF_TRY(CF_SCRATCH(page->ctx, &value, rows * columns));
  CF_TRY(CF_SCRATCH(page->ctx, &row_group, rows));
  CF_TRY(CF_SCRATCH(page->ctx, &column_group, columns));
  CF_TRY(CF_SCRATCH(page->ctx, &row_name, (c ? c->groups : 0) + 1));
  CF_TRY(CF_SCRATCH(page->ctx, &stimulus, e->stimuli));
  for (size_t r = 0; r < rows; ++r) {
    const place *p = order + (rows > 1 ? r * (e->n - 1) / (rows - 1) : 0);
    fill_row(e, p->point, times, join, value + r * columns);
    row_group[r] = p->group;
  }
  for (size_t k = 0; k < columns; ++k) column_group[k] = k / times;
  for (size_t g = 0; c && g < c->groups; ++g) row_name[g] = c->group_name[g];
  row_name[c ? c->groups : 0] = "no cluster";
  for (size_t s = 0; s < e->stimuli; ++s) {
    char *text = NULL;
    CF_TRY(cf_scratch_bytes(page->ctx, 32, 1, (void **)&text));
    snprintf(text, 32, "stimulus %zu", s + 1);
    stimulus[s] = e->stimulus_name ? e->stimulus_name[s] : text;
  }
  snprintf(caption, sizeof caption,
           "A row is a neuron%s, from 0 to its own maximum; rows stand by cluster and then along the first axis of the "
           "manifold. Across: time in each stimulus, mean over directions%s.",
           rows < e->n ? " (a part of them, evenly)" : "", join > 1 ? " and neighbouring bins" : "");
  cf_heat_figure spec = {.row = {.n = rows,
                                 .groups = c ? c->groups + any_left : 0,
                                 .group = c ? row_group : NULL,
                                 .group_name = row_name,
                                 .title = "neurons"},
                         .column = {.n = columns,
                                    .groups = e->stimuli,
                                    .group = column_group,
                                    .group_name = stimulus,
                                    .title = "time bins"},
                         .value = value,
                         .quantity = "share of maximum"};
  cf_figure_options o = cf_page_options(part, "raster", title, caption, id);
  o.width_mm = CF_FIGURE_TWO_COLUMNS;
  CF_TRY(cf_figure_heat(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "raster", title, caption, true, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

cf_status cf_page_activity(cf_page *page, const cf_part *part, const cf_encoding *e) {
  cf_status status = CF_OK;
  double *x = NULL;
  const cf_mark mark = cf_scratch_mark(page->ctx);
  if (!e->map || e->times < 2 || e->stimuli == 0) goto done;
  CF_TRY(CF_SCRATCH(page->ctx, &x, e->times));
  for (size_t t = 0; t < e->times; ++t) x[t] = e->time ? e->time[t] : (double)t;
  if (e->cluster < e->colourings) CF_TRY(draw_clusters(page, part, e, x));
  CF_TRY(draw_groupings(page, part, e, x));
  if (e->n > 1) CF_TRY(draw_raster(page, part, e));
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}
