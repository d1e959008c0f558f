/* Factorisations of responses: which components, how sure the restarts are of them, and the choice of the rank. */
#include "report/page.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_TREE = 3000, MOST_RANK = 40, ONSET_COLUMNS = 5, MOST_SETS = 6 };

/* ----------------------------------------------------------- the finding -- */

/* Share of the restarts within 1 per cent of the best: one such object, or the entry of a list. */
static double share_near(const cf_json *within) {
  if (!within || !cf_json_is_list(within))
    return within && cf_json_is_object(within) ? cf_part_number(within, "share") : cf_json_as_number(within);
  for (size_t i = 0; i < cf_json_count(within); ++i)
    if (cf_part_number(cf_json_at(within, i), "percent") == 1.0) return cf_part_number(cf_json_at(within, i), "share");
  return NAN;
}

static void say_agreement(cf_page *page, const cf_json *result) {
  const cf_json *within = cf_json_get(result, "within"), *congruence = cf_json_get(result, "congruence");
  double restarts = cf_part_number(result, "restarts"), share = share_near(within);
  if (isfinite(restarts) && isfinite(share)) {
    cf_text_write(&page->html, " $i of $i restart$s end$s within 1 % of the best error",
                  (int)floor(share * restarts + 0.5), (int)restarts, restarts == 1.0 ? "" : "s",
                  floor(share * restarts + 0.5) == 1.0 ? "s" : "");
    cf_text_put(&page->html,
                restarts > 1.0 && share * restarts < 2.5 ? ": few, so more restarts may find a better fit." : ".");
  }
  double mean = cf_part_number(congruence, "mean"), least = cf_part_number(congruence, "min");
  if (isfinite(mean)) {
    cf_text_write(&page->html,
                  " Components of the other restarts resemble those of the best one with a congruence of $d on average",
                  mean);
    if (isfinite(least)) cf_text_write(&page->html, " (least $d; 1 is the same)", least);
    cf_text_put(&page->html, ".");
  }
}

static void say_scan(cf_page *page, const cf_json *result) {
  const cf_json *ranks = cf_json_get(result, "ranks");
  size_t n = ranks && cf_json_is_list(ranks) ? cf_json_count(ranks) : 0;
  double suggested = cf_part_number(result, "suggested_rank");
  if (n < 2) return;
  cf_text_write(&page->html, " $i ranks from $d to $d were tried.", (int)n,
                cf_part_number(cf_json_at(ranks, 0), "rank"), cf_part_number(cf_json_at(ranks, n - 1), "rank"));
  if (!isfinite(suggested)) return;
  cf_text_write(&page->html, " Suggested rank: $d, by a rule of cortifold's own; published ranks were taken by eye.",
                suggested);
}

cf_status cf_find_factor(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  double rank = cf_part_number(part->result, "rank"), error = cf_part_number(part->result, "error_percent");
  const cf_json *dimension = cf_json_get(part->result, "effective_dimension");
  cf_block neuron;
  cf_mark mark = cf_scratch_mark(page->ctx);
  if (!isfinite(rank)) return cf_find_other(page, part);
  CF_TRY(cf_block_read(page, part, "neuron", 2, &neuron));
  cf_text_write(&page->html, "<p>$i component$s", (int)rank, rank == 1.0 ? "" : "s");
  if (isfinite(error)) {
    cf_text_write(&page->html, " explain$s $d % of the energy of the responses", rank == 1.0 ? "s" : "", 100.0 - error);
    if (neuron.value) cf_text_write(&page->html, " of $i neurons", (int)neuron.shape[0]);
    cf_text_write(&page->html, " (error $d %)", error);
  }
  cf_text_put(&page->html, ".");
  say_agreement(page, part->result);
  double mean = cf_part_number(dimension, "mean"), sd = cf_part_number(dimension, "sd");
  if (isfinite(mean)) {
    cf_text_write(&page->html, " Effective dimension $d", mean);
    if (isfinite(sd)) cf_text_write(&page->html, " (sd over restarts $d)", sd);
    cf_text_put(&page->html, ".");
  }
  say_scan(page, part->result);
  cf_text_put(&page->html, "</p>\n");
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* --------------------------------------------------------------- figures -- */

/* An array of one set of stimuli: set 0 has no folder, the others are in "set-2/" ... */
static cf_status read_set(cf_page *page, const cf_part *part, size_t set, const char *array, int ndim, cf_block *out) {
  char name[64];
  if (set)
    snprintf(name, sizeof name, "set-%zu/%s", set + 1, array);
  else
    snprintf(name, sizeof name, "%s", array);
  return cf_block_read(page, part, name, ndim, out);
}

static cf_status draw_triptychs(cf_page *page, const cf_part *part, size_t set) {
  cf_status status = CF_OK;
  cf_block a, b, c;
  double *lambda = NULL, *direction = NULL, *time = NULL;
  size_t *order = NULL;
  const char **stimulus = NULL;
  bool optimal = false;
  char id[256], caption[1024], title[64], stem[32];
  cf_figure *figure = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(read_set(page, part, set, "neuron", 2, &a));
  CF_TRY(read_set(page, part, set, "stimulus", 2, &b));
  CF_TRY(read_set(page, part, set, "pattern", 2, &c));
  if (!a.value || !b.value || !c.value || a.shape[1] != b.shape[1] || a.shape[1] != c.shape[1] ||
      a.shape[1] > MOST_RANK)
    goto done;
  size_t rank = a.shape[1], patterns = c.shape[0], directions = 1, times = patterns;
  cf_block d, t;
  CF_TRY(cf_block_read(page, part, "direction", 1, &d));
  CF_TRY(cf_block_read(page, part, "time", 1, &t));
  if (d.value && patterns % d.shape[0] == 0)
    directions = d.shape[0], direction = d.value;
  else if (t.value && patterns % t.shape[0] == 0)
    directions = patterns / t.shape[0];
  times = patterns / directions;
  if (t.value && t.shape[0] == times) time = t.value;
  cf_block weight;
  CF_TRY(read_set(page, part, set, "lambda", 1, &weight));
  lambda = weight.value && weight.shape[0] == rank ? weight.value : NULL;
  CF_TRY(cf_block_labels(page, part, b.array, 0, &stimulus));
  if (a.shape[0] <= MOST_TREE) {
    CF_TRY(CF_SCRATCH(page->ctx, &order, a.shape[0]));
    CF_TRY(cf_map_leaves(page->ctx, a.shape[0], rank, a.value, order, &optimal));
  }
  snprintf(
      caption, sizeof caption,
      "One row a component. Neurons %s; bars: stimuli, scaled to the largest; maps: directions (down, turned so that the component's best "
      "direction is row 2) over time (across). The %d dark columns before the white line are not data: they mark the onset. Neurons, "
      "bars and maps are scaled to their own maximum.%s",
      !order    ? "by their strongest component"
      : optimal ? "in the order of complete linkage with optimal leaves"
                : "in the order of complete linkage (leaves not optimised: many neurons)",
      ONSET_COLUMNS, lambda ? " λ: weight of the component." : "");
  cf_factors_figure spec = {.neurons = a.shape[0],
                            .stimuli = b.shape[0],
                            .directions = directions,
                            .times = times,
                            .rank = rank,
                            .neuron = a.value,
                            .stimulus = b.value,
                            .pattern = c.value,
                            .lambda = lambda,
                            .order = order,
                            .stimulus_name = stimulus,
                            .direction = direction,
                            .time = time,
                            .blank = ONSET_COLUMNS};
  snprintf(title, sizeof title, set ? "Components of set %zu" : "Components", set + 1);
  snprintf(stem, sizeof stem, set ? "components-%zu" : "components", set + 1);
  cf_figure_options o = cf_page_options(part, stem, title, caption, id);
  CF_TRY(cf_figure_factors(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, stem, title, caption, true, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

static cf_status draw_selection(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  cf_block rank;
  double *mean = NULL, *sd = NULL, *best = NULL, *congruence = NULL, *slope = NULL, *low = NULL, *high = NULL,
         *middle = NULL;
  char id[256], mark_name[64];
  cf_figure *figure = NULL;
  cf_curve curve[4];
  cf_curve_panel panel[4];
  size_t panels = 0;
  static const char caption[] =
      "Mean over restarts of the effective dimension E (band: one standard deviation), its smoothed slope, error of the best "
      "restart, and how alike the restarts are. The published work takes the rank by eye where E reaches its plateau.";
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(cf_block_read(page, part, "scan/rank", 1, &rank));
  size_t n = rank.value ? rank.shape[0] : 0;
  if (n < 2) goto done;
  CF_TRY(cf_block_vector(page, part, "scan/dimension_mean", n, &mean));
  CF_TRY(cf_block_vector(page, part, "scan/dimension_sd", n, &sd));
  CF_TRY(cf_block_vector(page, part, "scan/error_best", n, &best));
  CF_TRY(cf_block_vector(page, part, "scan/congruence_mean", n, &congruence));
  CF_TRY(cf_block_vector(page, part, "scan/derivative", n, &slope));
  CF_TRY(CF_SCRATCH(page->ctx, &middle, n));
  CF_TRY(CF_SCRATCH(page->ctx, &low, n));
  CF_TRY(CF_SCRATCH(page->ctx, &high, n));
  memcpy(middle, rank.value, n * sizeof *middle);
  size_t slopes = n;
  if (!slope) {
    CF_TRY(cf_block_vector(page, part, "scan/derivative", n - 1, &slope));
    slopes = n - 1;
    for (size_t i = 0; i < slopes; ++i) middle[i] = 0.5 * (rank.value[i] + rank.value[i + 1]);
  }
  for (size_t i = 0; i < n && mean && sd; ++i) low[i] = mean[i] - sd[i], high[i] = mean[i] + sd[i];
  double suggested = cf_part_number(part->result, "suggested_rank"), chosen = cf_part_number(part->result, "rank");
  double at = isfinite(suggested) ? suggested : chosen;
  snprintf(mark_name, sizeof mark_name, "%s %.0f", isfinite(suggested) ? "suggested" : "rank", at);
  struct {
    const char *title, *y;
    size_t n;
    const double *x, *value;
  } const known[] = {{"Effective dimension", "E", n, rank.value, mean},
                     {"Slope of E", "dE / dR", slopes, middle, slope},
                     {"Error of the best restart", "error (% of the energy)", n, rank.value, best},
                     {"Agreement of the restarts", "congruence", n, rank.value, congruence}};
  for (size_t k = 0; k < sizeof known / sizeof *known; ++k) {
    if (!known[k].value) continue;
    curve[panels] = (cf_curve){.n = known[k].n, .x = known[k].x, .y = known[k].value, .style = CF_CURVE_LINE};
    if (k == 0 && sd) curve[panels].low = low, curve[panels].high = high;
    panel[panels] = (cf_curve_panel){.title = known[k].title,
                                     .x_title = "rank",
                                     .y_title = known[k].y,
                                     .count = 1,
                                     .curve = curve + panels,
                                     .marked = isfinite(at),
                                     .mark = at,
                                     .mark_name = panels == 0 ? mark_name : NULL,
                                     .levelled = k == 1,
                                     .from_zero = k == 2};
    ++panels;
  }
  if (panels == 0) goto done;
  cf_curves_figure spec = {panels, panels == 4 ? 2 : panels, panel};
  cf_figure_options o = cf_page_options(part, "ranks", "Choice of the rank", caption, id);
  if (panels > 1) o.width_mm = 136.0;
  CF_TRY(cf_figure_curves(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "ranks", "Choice of the rank", caption, true, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

static cf_status draw_restarts(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  cf_block error, rank;
  double *own = NULL;
  size_t restarts = 0, samples = 1;
  char id[256];
  cf_strip_sample *sample = NULL;
  cf_figure *figure = NULL;
  static const char caption[] =
      "Every dot is a restart; red: the best. Pale: within 1 % of it. A floor of many dots means that the solution is found again "
      "and again; a lone red dot, that more restarts might find a better one.";
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(cf_block_read(page, part, "scan/error", 2, &error));
  CF_TRY(cf_block_read(page, part, "scan/rank", 1, &rank));
  if (error.value && rank.value && error.shape[0] == rank.shape[0]) {
    samples = error.shape[0];
    restarts = error.shape[1];
    own = error.value;
  } else {
    CF_TRY(cf_part_numbers(page, cf_json_get(part->result, "errors"), &own, &restarts));
  }
  if (restarts < 2) goto done;
  CF_TRY(CF_SCRATCH(page->ctx, &sample, samples));
  for (size_t s = 0; s < samples; ++s) {
    char *name = NULL;
    CF_TRY(cf_scratch_bytes(page->ctx, 24, 1, (void **)&name));
    snprintf(name, 24, "%.0f", samples > 1 ? rank.value[s] : cf_part_number(part->result, "rank"));
    sample[s] = (cf_strip_sample){name, restarts, own + s * restarts};
  }
  cf_strip_figure spec = {samples, sample, "rank", "error (% of the energy)", 0.01};
  cf_figure_options o = cf_page_options(part, "restarts", "Errors of the restarts", caption, id);
  CF_TRY(cf_figure_strip(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "restarts", "Errors of the restarts", caption, samples > 12, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

static void write_ranks(cf_page *page, const cf_part *part) {
  static const char *const columns[] = {"#Rank", "#Error, best (%)", "#Error, mean (%)", "#Dimension",
                                        "#sd",   "#Slope",           "#Congruence",      "#Near the best (%)"};
  const cf_json *ranks = cf_json_get(part->result, "ranks");
  if (!ranks || !cf_json_is_list(ranks) || cf_json_count(ranks) < 2) return;
  cf_table_begin(page, part, "ranks", "Ranks", columns, sizeof columns / sizeof *columns);
  for (size_t i = 0; i < cf_json_count(ranks); ++i) {
    const cf_json *r = cf_json_at(ranks, i), *congruence = cf_json_get(r, "congruence"),
                  *within = cf_json_get(r, "within");
    cf_table_row(page);
    cf_table_number(page, cf_part_number(r, "rank"));
    cf_table_number(page, cf_part_number(r, "error_best"));
    cf_table_number(page, cf_part_number(r, "error_mean"));
    cf_table_number(page, cf_part_number(r, "dimension_mean"));
    cf_table_number(page, cf_part_number(r, "dimension_sd"));
    cf_table_number(page, cf_part_number(r, "derivative"));
    cf_table_number(page, congruence && cf_json_is_object(congruence) ? cf_part_number(congruence, "mean")
                                                                      : cf_json_as_number(congruence));
    cf_table_number(page, 100.0 * share_near(within));
    cf_table_end_row(page);
  }
  cf_table_close(page);
}

cf_status cf_part_factors(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  CF_TRY(draw_selection(page, part));
  for (size_t set = 0; set < MOST_SETS; ++set) CF_TRY(draw_triptychs(page, part, set));
  CF_TRY(draw_restarts(page, part));
done:
  return status;
}

cf_status cf_part_factor(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  if (!isfinite(cf_part_number(part->result, "rank"))) return cf_part_other(page, part);
  CF_TRY(cf_find_factor(page, part));
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  CF_TRY(cf_part_factors(page, part));
  cf_text_put(&page->html, "</div>\n");
  write_ranks(page, part);
  const char *rule = cf_part_text(part->result, "suggestion_rule", NULL);
  if (rule) cf_text_write(&page->html, "<p class=\"muted\">How the rank was suggested: $t.</p>\n", rule);
done:
  return status;
}
