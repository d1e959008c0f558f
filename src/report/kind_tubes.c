/* Tubularity: bundles of trajectories with their centrelines, tightness and crossings, what they depend on. */
#include "report/conditions.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SCORES = 3, MOST_BUNDLES = 24, MOST_PROFILES = 10, MOST_BESIDE = 20 };

static const char *const key[SCORES] = {"S_tight", "S_cross", "L_S_cross"};

static const cf_json *bundles_of(const cf_part *part) {
  const cf_json *list = cf_json_get(part->result, "bundles");
  return list && cf_json_is_list(list) ? list : NULL;
}

static cf_twin_value value_of(const cf_json *from, const char *name) {
  char ci[32];
  snprintf(ci, sizeof ci, "%s_ci", name);
  cf_twin_value v = {cf_part_number(from, name), cf_part_pair(from, ci, 0), cf_part_pair(from, ci, 1), NAN};
  if (!(v.low <= v.value && v.value <= v.high)) v.low = v.high = NAN; /* resampling biases it: in the table only */
  return v;
}

/* ----------------------------------------------------------- the finding -- */

static void say_tests(cf_page *page, const cf_part *part) {
  double passed = cf_part_number(part->result, "passed"), failed = cf_part_number(part->result, "failed");
  if (!isfinite(passed + failed)) return;
  cf_text_write(&page->html, "<p>Of $i tests on tubes that are known $s$i pass.</p>\n", (int)(passed + failed),
                failed > 0.0 ? "only " : "all ", (int)passed);
}

cf_status cf_find_tubes(cf_page *page, const cf_part *part) {
  const cf_json *r = part->result, *permutation = cf_json_get(r, "permutation"), *list = bundles_of(part);
  char text[64];
  if (cf_json_is_list(cf_json_get(r, "tests"))) {
    say_tests(page, part);
    return CF_OK;
  }
  if (!list) return cf_find_other(page, part);
  double conditions = cf_part_number(r, "conditions"), neurons = cf_part_number(r, "neurons");
  cf_text_put(&page->html, "<p>");
  if (isfinite(conditions) && isfinite(neurons))
    cf_text_write(&page->html, "$i trajectories of $i neurons in ", (int)conditions, (int)neurons);
  cf_text_write(&page->html, "$i bundle$s", (int)cf_json_count(list), cf_json_count(list) == 1 ? "" : "s");
  double noise = cf_part_number(r, "noise"), alone = cf_part_number(r, "singletons");
  if (noise > 0.0) cf_text_write(&page->html, ", $i left out as noise", (int)noise);
  if (alone > 0.0) cf_text_write(&page->html, ", $i alone", (int)alone);
  cf_text_put(&page->html, ".");
  for (int k = 0; k < SCORES; k += 2) {
    double value = cf_part_number(r, key[k]), p = cf_part_number(cf_json_get(permutation, key[k]), "p"),
           chance = cf_part_number(cf_json_get(permutation, key[k]), "null_mean");
    if (!isfinite(value)) continue;
    cf_text_write(&page->html, "$s $d", k == 0 ? " Tightness S_tight" : " Crossings L S_cross", value);
    if (isfinite(chance)) cf_text_write(&page->html, " ($d with shuffled labels", chance);
    if (isfinite(chance) && isfinite(p)) cf_text_write(&page->html, ", $t", cf_text_p(p, text, sizeof text));
    cf_text_put(&page->html, isfinite(chance) ? ")." : ".");
  }
  cf_text_put(&page->html, " Lower is more tubular.</p>\n");
  return CF_OK;
}

/* --------------------------------------------------------------- overlay -- */

/* Bundle of every curve from its label; labels of no bundle are noise or single curves. */
static void group_curves(const cf_json *list, const double *label, size_t n, size_t *group) {
  for (size_t i = 0; i < n; ++i) {
    group[i] = CF_NO_GROUP;
    for (size_t k = 0; k < cf_json_count(list); ++k)
      if (cf_part_number(cf_json_at(list, k), "code") == label[i]) group[i] = k;
  }
}

static void title_axis(const cf_part *part, size_t k, char *out, size_t size) {
  double share = cf_json_as_number(cf_json_at(cf_json_get(part->result, "explained"), k));
  char number[64];
  if (isfinite(share))
    snprintf(out, size, "PC %zu (%s %%)", k + 1, cf_text_value(100.0 * share, number, sizeof number));
  else
    snprintf(out, size, "PC %zu", k + 1);
}

typedef struct bundle_names {
  size_t n;
  const char *name[MOST_BUNDLES];
} bundle_names;

static bundle_names names_of(const cf_part *part) {
  const cf_json *list = bundles_of(part);
  bundle_names b = {.n = cf_json_count(list)};
  for (size_t k = 0; k < CF_MIN(b.n, (size_t)MOST_BUNDLES); ++k)
    b.name[k] = cf_part_text(cf_json_at(list, k), "label", "?");
  return b;
}

/* Curves, bundles and centrelines of a task; curves 0: it has none that can be drawn. names and axis have to stay. */
static cf_status read_tubes(cf_page *page, const cf_part *part, bundle_names *names, char axis[2][64],
                            cf_tubes_figure *out) {
  cf_status status = CF_OK;
  cf_block curves, centre;
  double *label = NULL;
  size_t *group = NULL;
  *names = names_of(part);
  *out = (cf_tubes_figure){0};
  CF_TRY(cf_block_read(page, part, "curves", 3, &curves));
  CF_TRY(cf_block_read(page, part, "centreline", 3, &centre));
  if (!curves.value || curves.shape[2] < 2 || names->n > MOST_BUNDLES) goto done;
  CF_TRY(cf_block_vector(page, part, "label", curves.shape[0], &label));
  if (!label) goto done;
  CF_TRY(CF_SCRATCH(page->ctx, &group, curves.shape[0]));
  group_curves(bundles_of(part), label, curves.shape[0], group);
  const bool fits = centre.value && centre.shape[0] == names->n && centre.shape[1] == curves.shape[1] &&
                    centre.shape[2] == curves.shape[2];
  for (size_t k = 0; k < 2; ++k) title_axis(part, k, axis[k], 64);
  *out = (cf_tubes_figure){.curves = curves.shape[0],
                           .points = curves.shape[1],
                           .dims = curves.shape[2],
                           .curve = curves.value,
                           .bundle = group,
                           .bundles = names->n,
                           .bundle_name = names->name,
                           .centreline = fits ? centre.value : NULL,
                           .axis = {0, 1},
                           .axis_title = {axis[0], axis[1]},
                           .split = true};
done:
  return status;
}

static cf_status draw_overlay(cf_page *page, const cf_part *part) {
  static const char caption[] =
      "Thin: trajectories at equal steps of their length, on the first two principal components; small circles are where they begin. "
      "Thick: the centreline of each bundle. Grey in the panel of a bundle: the centrelines of the others.";
  cf_status status = CF_OK;
  cf_tubes_figure spec;
  char id[256], axis[2][64];
  bundle_names b;
  cf_figure *figure = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(read_tubes(page, part, &b, axis, &spec));
  if (spec.curves == 0) goto done;
  cf_figure_options o = cf_page_options(part, "tubes", "Tubes", caption, id);
  CF_TRY(cf_figure_tubes(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "tubes", "Tubes", caption, b.n > 1, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

static cf_status draw_trajectories(cf_page *page, const cf_part *part) {
  static const char caption[] =
      "The trajectories on the first three components. Time is the share of a trajectory's own length here: all begin and end together. "
      "They begin in ink, take their colour and end in a dot.";
  cf_status status = CF_OK;
  cf_conditions c;
  cf_block curves;
  double *path = NULL, *share = NULL, *label = NULL;
  size_t *group = NULL;
  bundle_names b = names_of(part);
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(cf_conditions_read(page, part, &c));
  CF_TRY(cf_block_read(page, part, "curves", 3, &curves));
  if (c.n == 0 || !curves.value || curves.shape[0] != c.n) goto done;
  const size_t steps = curves.shape[1];
  CF_TRY(cf_conditions_three(page, c.n * steps, curves.shape[2], curves.value, &path));
  CF_TRY(CF_SCRATCH(page->ctx, &share, steps));
  for (size_t t = 0; t < steps; ++t) share[t] = 100.0 * (double)t / (double)(steps - 1);
  CF_TRY(cf_block_vector(page, part, "label", c.n, &label));
  const char *labels = cf_part_text(part->options, "labels", "stimulus");
  if (label && b.n <= MOST_BUNDLES && strcmp(labels, "stimulus") != 0 && strcmp(labels, "direction") != 0) {
    CF_TRY(CF_SCRATCH(page->ctx, &group, c.n));
    group_curves(bundles_of(part), label, c.n, group);
    for (size_t k = c.colourings; k-- > 0;) c.colouring[k + 1] = c.colouring[k];
    c.colouring[0] = (cf_colouring){.title = "bundle", .group = group, .groups = b.n, .group_name = b.name};
    ++c.colourings;
  }
  status = cf_page_trajectories(page, part, "trajectories", "Trajectories", caption, &c, steps, path, share,
                                "% of the length");
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* ---------------------------------------------------------------- scores -- */

static cf_status draw_scores(cf_page *page, const cf_part *part) {
  static const char caption[] =
      "Red, left axis: tightness; blue, right axis: crossings times length, which has no unit. Lower is more tubular. Shaded: all "
      "bundles together, weighted by their numbers of trajectories; dashed: mean over shuffled labels. Lines: percentiles over "
      "resampled neurons, where they hold the value.";
  cf_status status = CF_OK;
  const cf_json *list = bundles_of(part), *permutation = cf_json_get(part->result, "permutation");
  cf_twin_bar *bar = NULL;
  char id[256];
  cf_figure *figure = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  size_t n = CF_MIN(cf_json_count(list), (size_t)MOST_BUNDLES);
  if (n == 0) goto done;
  CF_TRY(CF_SCRATCH(page->ctx, &bar, n + 1));
  bar[0] = (cf_twin_bar){"all", value_of(part->result, key[0]), value_of(part->result, key[2]), true};
  bar[0].left.chance = cf_part_number(cf_json_get(permutation, key[0]), "null_mean");
  bar[0].right.chance = cf_part_number(cf_json_get(permutation, key[2]), "null_mean");
  for (size_t k = 0; k < n; ++k) {
    const cf_json *b = cf_json_at(list, k);
    bar[k + 1] = (cf_twin_bar){cf_part_text(b, "label", "?"), value_of(b, key[0]), value_of(b, key[2]), false};
  }
  cf_twins_figure spec = {n + 1, bar, "S_tight", "L · S_cross"};
  cf_figure_options o = cf_page_options(part, "scores", "Tightness and crossings", caption, id);
  CF_TRY(cf_figure_twins(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "scores", "Tightness and crossings", caption, n + 1 > 6, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* Radius along the tubes. */
static cf_status draw_profiles(cf_page *page, const cf_part *part) {
  static const char caption[] =
      "Distance from the centreline that the chosen share of a bundle's points keeps within, along the tube: where it is wide and where "
      "narrow. Its mean over the length of the tube is S_tight.";
  cf_status status = CF_OK;
  cf_block radius;
  double *x = NULL;
  cf_curve curve[MOST_PROFILES];
  bundle_names b = names_of(part);
  char id[256], title[64], number[64];
  cf_figure *figure = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(cf_block_read(page, part, "profile", 2, &radius));
  if (!radius.value || radius.shape[0] != b.n || radius.shape[1] < 2) goto done;
  const size_t bins = radius.shape[1], n = CF_MIN(b.n, (size_t)MOST_PROFILES);
  CF_TRY(CF_SCRATCH(page->ctx, &x, bins));
  for (size_t i = 0; i < bins; ++i) x[i] = 100.0 * ((double)i + 0.5) / (double)bins;
  for (size_t k = 0; k < n; ++k)
    curve[k] = (cf_curve){.name = b.name[k], .n = bins, .x = x, .y = radius.value + k * bins, .style = CF_CURVE_LINE};
  double q = cf_part_number(part->options, "quantile");
  snprintf(title, sizeof title, "radius (quantile %s)", isfinite(q) ? cf_text_value(q, number, sizeof number) : "0.9");
  cf_curve_panel panel = {
      .x_title = "along the tube (% of its length)", .y_title = title, .count = n, .curve = curve, .from_zero = true};
  cf_curves_figure spec = {1, 1, &panel};
  cf_figure_options o = cf_page_options(part, "radius", "Radius along the tubes", caption, id);
  CF_TRY(cf_figure_curves(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "radius", "Radius along the tubes", caption, false, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* ----------------------------------------------------------- sensitivity -- */

static cf_status read_sense(cf_page *page, const cf_json *list, const char *at, cf_curve *out) {
  cf_status status = CF_OK;
  size_t n = list && cf_json_is_list(list) ? cf_json_count(list) : 0;
  double *x = NULL, *y = NULL, *low = NULL, *high = NULL;
  memset(out, 0, sizeof *out);
  if (n == 0) goto done;
  CF_TRY(CF_SCRATCH(page->ctx, &x, n));
  CF_TRY(CF_SCRATCH(page->ctx, &y, n));
  CF_TRY(CF_SCRATCH(page->ctx, &low, n));
  CF_TRY(CF_SCRATCH(page->ctx, &high, n));
  for (size_t i = 0; i < n; ++i) {
    const cf_json *one = cf_json_at(list, i);
    double sd = cf_part_number(one, "sd");
    x[i] = cf_part_number(one, at);
    y[i] = cf_part_number(one, "mean");
    low[i] = y[i] - sd;
    high[i] = y[i] + sd;
  }
  *out = (cf_curve){.n = n, .x = x, .y = y, .low = low, .high = high, .style = CF_CURVE_LINE, .error_bars = true};
done:
  return status;
}

static cf_status draw_sensitivity(cf_page *page, const cf_part *part) {
  static const struct {
    const char *name, *at, *x, *y;
    size_t colour;
  } known[4] = {{"S_tight_by_quantile", "quantile", "quantile of the radius", "S_tight", 6},
                {"S_cross_by_quantile", "quantile", "quantile of the radius", "S_cross", 0},
                {"S_tight_by_smoothing", "smoothing", "smoothing of the centreline", "S_tight", 6},
                {"S_cross_by_smoothing", "smoothing", "smoothing of the centreline", "S_cross", 0}};
  static const char caption[] =
      "The scores against two choices of the method; lines are standard deviations over repetitions with resampled neurons.";
  cf_status status = CF_OK;
  const cf_json *all = cf_json_get(part->result, "sensitivity");
  cf_curve curve[4];
  cf_curve_panel panel[4];
  size_t panels = 0;
  char id[256];
  cf_figure *figure = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  for (size_t k = 0; k < 4 && all; ++k) {
    CF_TRY(read_sense(page, cf_json_get(all, known[k].name), known[k].at, curve + k));
    if (curve[k].n == 0) continue;
    panel[panels++] = (cf_curve_panel){.x_title = known[k].x,
                                       .y_title = known[k].y,
                                       .count = 1,
                                       .curve = curve + k,
                                       .colour = &known[k].colour,
                                       .from_zero = true};
  }
  if (panels == 0) goto done;
  cf_curves_figure spec = {panels, 2, panel};
  cf_figure_options o = cf_page_options(part, "sensitivity", "Sensitivity", caption, id);
  o.width_mm = 136.0;
  CF_TRY(cf_figure_curves(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "sensitivity", "Sensitivity", caption, true, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* ---------------------------------------------------------------- tables -- */

static void write_bundles(cf_page *page, const cf_part *part) {
  static const char *const columns[] = {"Bundle",   "#Trajectories", "#S_tight",   "#Low",
                                        "#High",    "#L · S_cross",  "#Low",       "#High",
                                        "#S_cross", "#Length L",     "#Spacing ε", "#S_tight / separation"};
  const cf_json *list = bundles_of(part);
  cf_table_begin(page, part, "bundles", "Bundles", columns, sizeof columns / sizeof *columns);
  for (size_t k = 0; k <= cf_json_count(list); ++k) {
    const cf_json *b = k ? cf_json_at(list, k - 1) : part->result;
    cf_table_row(page);
    cf_table_text(page, k ? cf_part_text(b, "label", "?") : "all");
    cf_table_number(page, cf_part_number(b, k ? "curves" : "conditions"));
    cf_table_number(page, cf_part_number(b, "S_tight"));
    cf_table_number(page, cf_part_pair(b, "S_tight_ci", 0));
    cf_table_number(page, cf_part_pair(b, "S_tight_ci", 1));
    cf_table_number(page, cf_part_number(b, "L_S_cross"));
    cf_table_number(page, cf_part_pair(b, "L_S_cross_ci", 0));
    cf_table_number(page, cf_part_pair(b, "L_S_cross_ci", 1));
    cf_table_number(page, cf_part_number(b, "S_cross"));
    cf_table_number(page, cf_part_number(b, "L"));
    cf_table_number(page, cf_part_number(b, "eps"));
    cf_table_number(page, cf_part_number(b, "S_tight_context"));
    cf_table_end_row(page);
  }
  cf_table_close(page);
}

static void write_permutation(cf_page *page, const cf_part *part) {
  static const char *const columns[] = {"Score", "#Value", "#Shuffled labels", "#p"};
  const cf_json *permutation = cf_json_get(part->result, "permutation");
  if (!(cf_part_number(permutation, "permutations") > 0.0)) return;
  cf_table_begin(page, part, "permutation", "Do the labels make tubes?", columns, 4);
  for (int k = 0; k < SCORES; ++k) {
    const cf_json *own = cf_json_get(permutation, key[k]);
    cf_table_row(page);
    cf_table_text(page, key[k]);
    cf_table_number(page, cf_part_number(part->result, key[k]));
    cf_table_number(page, cf_part_number(own, "null_mean"));
    cf_table_p(page, cf_part_number(own, "p"));
    cf_table_end_row(page);
  }
  cf_table_close(page);
}

static void write_differences(cf_page *page, const cf_part *part) {
  static const char *const columns[] = {"Score",           "#Paper",        "#Clean",
                                        "#Difference (%)", "#Paper, error", "#Clean, error"};
  static const char *const rule_columns[] = {"What", "Paper", "Clean"};
  const cf_json *all = cf_json_get(part->result, "differences"), *rules = cf_json_get(all, "rules");
  if (!all) return;
  cf_table_begin(page, part, "differences", "As published and as it should be", columns,
                 sizeof columns / sizeof *columns);
  for (int k = 0; k < SCORES; ++k) {
    const cf_json *own = cf_json_get(all, key[k]);
    cf_table_row(page);
    cf_table_text(page, key[k]);
    cf_table_number(page, cf_part_number(own, "paper"));
    cf_table_number(page, cf_part_number(own, "clean"));
    const double relative = cf_part_number(own, "relative");
    cf_table_number(page, fabs(relative) < 1e-12 ? 0.0 : 100.0 * relative); /* rounding is no difference */
    cf_table_number(page, cf_part_number(own, "paper_error"));
    cf_table_number(page, cf_part_number(own, "clean_error"));
    cf_table_end_row(page);
  }
  cf_table_close(page);
  if (!rules || !cf_json_is_list(rules)) return;
  cf_table_begin(page, part, "rules", "Where the two variants differ", rule_columns, 3);
  for (size_t k = 0; k < cf_json_count(rules); ++k) {
    const cf_json *own = cf_json_at(rules, k);
    cf_table_row(page);
    cf_table_text(page, cf_part_text(own, "what", ""));
    cf_table_text(page, cf_part_text(own, "paper", ""));
    cf_table_text(page, cf_part_text(own, "clean", ""));
    cf_table_end_row(page);
  }
  cf_table_close(page);
}

/* --synthetic: tubes that are known. */
static void write_tests(cf_page *page, const cf_part *part) {
  static const char *const columns[] = {"Tubes",    "#Radius",      "#Apart",  "#Angle (°)", "#S_tight",
                                        "#Planted", "#L · S_cross", "Verdict", "Expected"};
  const cf_json *list = cf_json_get(part->result, "tests");
  cf_table_begin(page, part, "tests", "Tubes that are known", columns, sizeof columns / sizeof *columns);
  for (size_t k = 0; k < cf_json_count(list); ++k) {
    const cf_json *own = cf_json_at(list, k);
    cf_table_row(page);
    cf_text_write(&page->html, "<td>$t, $s</td>", cf_part_text(own, "kind", ""),
                  cf_json_as_bool(cf_json_get(own, "smooth")) ? "smooth" : "jittered");
    cf_table_number(page, cf_part_number(own, "radius"));
    cf_table_number(page, cf_part_number(own, "separation"));
    cf_table_number(page, cf_part_number(own, "angle"));
    cf_table_number(page, cf_part_number(own, "S_tight"));
    cf_table_number(page, cf_part_number(own, "planted_S_tight"));
    cf_table_number(page, cf_part_number(own, "L_S_cross"));
    cf_table_text(page, cf_json_as_bool(cf_json_get(own, "pass")) ? "pass" : "FAIL");
    cf_table_text(page, cf_part_text(own, "expected", ""));
    cf_table_end_row(page);
  }
  cf_table_close(page);
}

/* ---------------------------------------------------------- side by side -- */

/* The tubes of all tasks, each in its own components. */
static cf_status draw_beside(cf_page *page, const cf_part *whole) {
  static const char caption[] =
      "Trajectories (thin) and centrelines of bundles (thick) on the first two principal components of each population; panels "
      "share no scale.";
  cf_status status = CF_OK;
  const size_t most = CF_MIN(page->results->count, (size_t)MOST_BESIDE);
  cf_tubes_figure *panel = NULL;
  bundle_names *names = NULL;
  char(*axis)[2][64] = NULL, id[256];
  const char **title = NULL;
  const cf_study_task **of = NULL;
  size_t panels = 0;
  cf_figure *figure = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(CF_SCRATCH(page->ctx, &panel, most));
  CF_TRY(CF_SCRATCH(page->ctx, &names, most));
  CF_TRY(CF_SCRATCH(page->ctx, &axis, most));
  CF_TRY(CF_SCRATCH(page->ctx, &of, most));
  for (size_t t = 0; t < page->results->count && panels < most; ++t) {
    const cf_study_task *one = page->results->task + t;
    const cf_part part = {one, cf_json_get(one->envelope, "result"), cf_json_get(one->envelope, "options")};
    if (strcmp(one->kind, "tubes") != 0 || !bundles_of(&part)) continue;
    CF_TRY(read_tubes(page, &part, names + panels, axis[panels], panel + panels));
    of[panels] = one;
    panels += panel[panels].curves > 0;
  }
  if (panels < 2) goto done;
  CF_TRY(cf_page_short_titles(page, panels, of, &title));
  cf_tubes_grid spec = {panels, panels == 4 ? 2 : panels <= 6 ? 3 : 4, panel, title};
  cf_figure_options o = cf_page_options(whole, "overlay", "Tubes", caption, id);
  CF_TRY(cf_figure_tubes_grid(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, whole, "overlay", "Tubes", caption, true, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

cf_status cf_page_tubes_beside(cf_page *page) {
  static char name[] = "side-by-side";
  static const char plain[] =
      "Red, left axis: tightness; blue, right axis: crossings times length, which has no unit, so that populations of different sizes "
      "compare. Lower is more tubular. Dashed: mean over shuffled labels. Lines: percentiles over resampled neurons, where they hold "
      "the value; such replicates are no independent samples, so no test between populations is made of them.";
  char caption[700];
  size_t shaded = 0;
  cf_status status = CF_OK;
  cf_study_task task = {.id = name};
  cf_part whole = {&task, NULL, NULL};
  cf_twin_bar *bar = NULL;
  size_t n = 0;
  char id[256];
  cf_figure *figure = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  const cf_study_task **one = NULL;
  const char **short_name = NULL;
  size_t tasks = 0;
  if (cf_page_tasks(page, "tubes", "bundles") < 2) return CF_OK;
  CF_TRY(cf_page_tasks_of(page, "tubes", "bundles", &one, &tasks));
  CF_TRY(cf_page_short_titles(page, tasks, one, &short_name));
  CF_TRY(CF_SCRATCH(page->ctx, &bar, tasks));
  for (size_t t = 0; t < tasks; ++t) {
    const cf_json *r = cf_json_get(one[t]->envelope, "result"), *permutation = cf_json_get(r, "permutation");
    const bool network = cf_page_from_network(page, one[t]);
    shaded += network;
    bar[n] = (cf_twin_bar){short_name[t], value_of(r, key[0]), value_of(r, key[2]), network};
    bar[n].left.chance = cf_part_number(cf_json_get(permutation, key[0]), "null_mean");
    bar[n++].right.chance = cf_part_number(cf_json_get(permutation, key[2]), "null_mean");
  }
  cf_text_put(&page->html, "<section id=\"tubes-side-by-side\" class=\"task\"><h2>Tubes side by side</h2>\n"
                           "<div class=\"figures\">\n");
  for (size_t k = 0; k < n && shaded == n; ++k) bar[k].shaded = false; /* shade parts some from others */
  snprintf(caption, sizeof caption, "%s%s", plain,
           shaded > 0 && shaded < n ? " Shaded: populations of a network that this study ran." : "");
  cf_twins_figure spec = {n, bar, "S_tight", "L · S_cross"};
  cf_figure_options o = cf_page_options(&whole, "tubes", "Tightness and crossings", caption, id);
  CF_TRY(cf_figure_twins(page->ctx, &spec, &o, &figure));
  CF_TRY(cf_page_figure(page, &whole, "tubes", "Tightness and crossings", caption, true, figure));
  CF_TRY(draw_beside(page, &whole));
  cf_text_put(&page->html, "</div>\n</section>\n");
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

cf_status cf_part_tubes(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  if (cf_json_is_list(cf_json_get(part->result, "tests"))) {
    CF_TRY(cf_find_tubes(page, part));
    CF_TRY(cf_page_known_tubes(page, part));
    write_tests(page, part);
    goto done;
  }
  if (!bundles_of(part)) return cf_part_other(page, part);
  CF_TRY(cf_find_tubes(page, part));
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  CF_TRY(draw_overlay(page, part));
  CF_TRY(draw_trajectories(page, part));
  CF_TRY(draw_scores(page, part));
  CF_TRY(draw_profiles(page, part));
  CF_TRY(draw_sensitivity(page, part));
  cf_text_put(&page->html, "</div>\n");
  write_bundles(page, part);
  write_permutation(page, part);
  write_differences(page, part);
done:
  return status;
}
