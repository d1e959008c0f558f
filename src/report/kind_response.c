/* Responses: tuning of neurons, rates from spike trains with their significance, and simulated populations. */
#include "report/page.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_ROWS = 100, EXAMPLES = 8 };

static double mean_of(const double *v, size_t n) {
  double sum = 0.0;
  size_t known = 0;
  for (size_t i = 0; v && i < n; ++i)
    if (isfinite(v[i])) sum += v[i], ++known;
  return known ? sum / (double)known : NAN;
}

/* ---------------------------------------------------------------- tuning -- */

typedef struct tuning {
  size_t n;
  cf_block osi, dsi;
  double *f1f0, *rate, *stimulus, *direction, *orientation;
  const char **label, **stimulus_name;
  const cf_array *stimulus_text; /* preferred stimulus by name */
} tuning;

static cf_status read_any(cf_page *page, const cf_part *part, const char *const *names, cf_block *out) {
  cf_status status = CF_OK;
  memset(out, 0, sizeof *out);
  for (; *names && !out->value; ++names) CF_TRY(cf_block_read(page, part, *names, 1, out));
done:
  return status;
}

static cf_status read_tuning(cf_page *page, const cf_part *part, tuning *t) {
  static const char *const osi[] = {"OSI", "osi", NULL}, *const dsi[] = {"DSI", "dsi", NULL},
                           *const f1[] = {"F1F0", "f1f0", NULL}, *const rate[] = {"rate", "mean_rate", NULL};
  cf_status status = CF_OK;
  cf_block other, by_stimulus;
  memset(t, 0, sizeof *t);
  CF_TRY(read_any(page, part, osi, &t->osi));
  CF_TRY(read_any(page, part, dsi, &t->dsi));
  if (!t->osi.value) goto done;
  t->n = t->osi.shape[0];
  CF_TRY(read_any(page, part, f1, &other));
  if (other.value && other.shape[0] == t->n) t->f1f0 = other.value;
  CF_TRY(read_any(page, part, rate, &other));
  if (other.value && other.shape[0] == t->n) t->rate = other.value;
  CF_TRY(cf_block_vector(page, part, "preferred_stimulus", t->n, &t->stimulus));
  t->stimulus_text = cf_dataset_get(part->task->arrays, "preferred_stimulus");
  if (t->stimulus_text &&
      (t->stimulus_text->dtype != CF_TEXT || t->stimulus_text->ndim != 1 || t->stimulus_text->shape[0] != t->n))
    t->stimulus_text = NULL;
  CF_TRY(cf_block_vector(page, part, "preferred_direction", t->n, &t->direction));
  CF_TRY(cf_block_vector(page, part, "preferred_orientation", t->n, &t->orientation));
  CF_TRY(cf_block_labels(page, part, t->osi.array, 0, &t->label));
  CF_TRY(cf_block_read(page, part, "osi_by_stimulus", 2, &by_stimulus));
  if (by_stimulus.value) CF_TRY(cf_block_labels(page, part, by_stimulus.array, 1, &t->stimulus_name));
done:
  return status;
}

cf_status cf_find_tuning(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  tuning t;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(read_tuning(page, part, &t));
  if (t.n == 0) {
    status = cf_find_other(page, part);
    goto done;
  }
  size_t selective = 0, directional = 0;
  for (size_t i = 0; i < t.n; ++i) {
    selective += t.osi.value[i] > 1.0 / 3.0;
    directional += t.dsi.value && t.dsi.shape[0] == t.n && t.dsi.value[i] > 1.0 / 3.0;
  }
  cf_text_write(&page->html, "<p>$i neurons. Orientation selectivity $d on average, above 1/3 in $i of them", (int)t.n,
                mean_of(t.osi.value, t.n), (int)selective);
  if (t.dsi.value)
    cf_text_write(&page->html, "; direction selectivity $d, above 1/3 in $i", mean_of(t.dsi.value, t.dsi.shape[0]),
                  (int)directional);
  cf_text_put(&page->html, ".");
  if (t.f1f0 && isfinite(mean_of(t.f1f0, t.n))) {
    size_t simple = 0;
    for (size_t i = 0; i < t.n; ++i) simple += t.f1f0[i] > 1.0;
    cf_text_write(&page->html, " $i modulate with the stimulus (F1/F0 above 1).", (int)simple);
  }
  cf_text_put(&page->html, "</p>\n");
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

static cf_status draw_tuning(cf_page *page, const cf_part *part, const tuning *t) {
  cf_status status = CF_OK;
  cf_distribution_panel panel[6];
  size_t panels = 0, n = t->n;
  char id[256];
  cf_figure *figure = NULL;
  static const char caption[] =
      "Distributions over neurons (red: mean) and pairs of quantities (dashed: where both are equal). Selectivity is 1 minus the circular "
      "variance, mean over stimuli: 0 for none, 1 for a response to one direction alone.";
  const double *dsi = t->dsi.value && t->dsi.shape[0] == n ? t->dsi.value : NULL;
  panel[panels++] =
      (cf_distribution_panel){"Orientation selectivity", "OSI", "neurons", n, t->osi.value, NULL, true, 0, 1};
  if (dsi)
    panel[panels++] = (cf_distribution_panel){"Direction selectivity", "DSI", "neurons", n, dsi, NULL, true, 0, 1};
  if (t->f1f0 && isfinite(mean_of(t->f1f0, n)))
    panel[panels++] = (cf_distribution_panel){
        .title = "Modulation", .x_title = "F1 / F0", .y_title = "neurons", .n = n, .x = t->f1f0};
  if (t->rate)
    panel[panels++] = (cf_distribution_panel){.title = "Largest rate",
                                              .x_title = "rate (units of the responses)",
                                              .y_title = "neurons",
                                              .n = n,
                                              .x = t->rate};
  if (dsi) panel[panels++] = (cf_distribution_panel){"DSI against OSI", "OSI", "DSI", n, t->osi.value, dsi, true, 0, 1};
  cf_distributions_figure spec = {panels, panels == 4 ? 4 : 0, panel};
  cf_figure_options o = cf_page_options(part, "selectivity", "Selectivity", caption, id);
  CF_TRY(cf_figure_distributions(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "selectivity", "Selectivity", caption, true, figure);
done:
  return status;
}

/* How many neurons prefer each of a few values. */
static cf_status draw_preferred(cf_page *page, const cf_part *part, const tuning *t) {
  cf_status status = CF_OK;
  enum { MOST = 36 };
  double x[MOST], count[MOST];
  size_t n = 0;
  char id[256];
  cf_figure *figure = NULL;
  static const char caption[] = "Neurons by the direction of their largest response.";
  if (!t->direction) return CF_OK;
  for (size_t i = 0; i < t->n; ++i) {
    size_t k = 0;
    if (!isfinite(t->direction[i])) continue;
    while (k < n && x[k] < t->direction[i]) ++k;
    if (k == n || x[k] != t->direction[i]) {
      if (n == MOST) return CF_OK;
      memmove(x + k + 1, x + k, (n - k) * sizeof *x);
      memmove(count + k + 1, count + k, (n - k) * sizeof *count);
      x[k] = t->direction[i];
      count[k] = 0.0;
      ++n;
    }
    count[k] += 1.0;
  }
  if (n < 2) return CF_OK;
  cf_curve curve = {.n = n, .x = x, .y = count, .style = CF_CURVE_BARS};
  cf_curve_panel panel = {
      .x_title = "preferred direction (degrees)", .y_title = "neurons", .count = 1, .curve = &curve, .from_zero = true};
  cf_curves_figure spec = {1, 1, &panel};
  cf_figure_options o = cf_page_options(part, "directions", "Preferred directions", caption, id);
  CF_TRY(cf_figure_curves(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "directions", "Preferred directions", caption, false, figure);
done:
  return status;
}

/* How many neurons prefer each stimulus, and what else the result counts. */
static void write_preferred(cf_page *page, const cf_part *part) {
  static const char *const columns[] = {"Preferred stimulus", "#Neurons"};
  const cf_json *list = cf_json_get(part->result, "preferred");
  if (!list || !cf_json_is_list(list) || cf_json_count(list) == 0) return;
  cf_table_begin(page, part, "preferred", "Preferred stimuli", columns, 2);
  for (size_t i = 0; i < cf_json_count(list); ++i) {
    cf_table_row(page);
    cf_table_text(page, cf_part_text(cf_json_at(list, i), "stimulus", "?"));
    cf_table_number(page, cf_part_number(cf_json_at(list, i), "neurons"));
    cf_table_end_row(page);
  }
  cf_table_close(page);
}

static void write_tuning(cf_page *page, const cf_part *part, const tuning *t) {
  static const char *const columns[] = {"Neuron",           "#OSI",   "#DSI", "Preferred stimulus", "#Direction (°)",
                                        "#Orientation (°)", "#F1/F0", "#Rate"};
  char text[64];
  cf_table_begin(page, part, "tuning", "Tuning", columns, sizeof columns / sizeof *columns);
  for (size_t i = 0; i < CF_MIN(t->n, MOST_ROWS); ++i) {
    double s = t->stimulus ? t->stimulus[i] : NAN;
    snprintf(text, sizeof text, "neuron %zu", i + 1);
    cf_table_row(page);
    cf_table_text(page, t->label ? t->label[i] : text);
    cf_table_number(page, t->osi.value[i]);
    cf_table_number(page, t->dsi.value && t->dsi.shape[0] == t->n ? t->dsi.value[i] : NAN);
    snprintf(text, sizeof text, "%.0f", s + 1.0);
    cf_table_text(page, t->stimulus_text   ? cf_array_label(t->stimulus_text, i, text, sizeof text)
                        : !(s >= 0.0)      ? ""
                        : t->stimulus_name ? t->stimulus_name[(size_t)s]
                                           : text);
    cf_table_number(page, t->direction ? t->direction[i] : NAN);
    cf_table_number(page, t->orientation ? t->orientation[i] : NAN);
    cf_table_number(page, t->f1f0 ? t->f1f0[i] : NAN);
    cf_table_number(page, t->rate ? t->rate[i] : NAN);
    cf_table_end_row(page);
  }
  cf_table_close(page);
  if (t->n > MOST_ROWS)
    cf_text_write(&page->html, "<p class=\"muted\">The first $i of $i neurons; all are in arrays.h5.</p>\n", MOST_ROWS,
                  (int)t->n);
}

cf_status cf_part_tuning(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  tuning t;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(read_tuning(page, part, &t));
  if (t.n == 0) {
    status = cf_part_other(page, part);
    goto done;
  }
  CF_TRY(cf_find_tuning(page, part));
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  CF_TRY(draw_tuning(page, part, &t));
  CF_TRY(draw_preferred(page, part, &t));
  cf_text_put(&page->html, "</div>\n");
  write_preferred(page, part);
  write_tuning(page, part, &t);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* ------------------------------------------------------------------ maps -- */

typedef struct responses {
  size_t neurons, stimuli, directions, times;
  const double *value;
  const bool *significant; /* neurons x stimuli; NULL: nothing was tested */
  const double *tested;    /* neurons x stimuli: 1, 0, -1 not tested */
  double *direction, *time;
  const char **label, **stimulus_name;
} responses;

static cf_status read_responses(cf_page *page, const cf_part *part, responses *r) {
  cf_status status = CF_OK;
  cf_block v, s;
  bool *significant = NULL;
  memset(r, 0, sizeof *r);
  CF_TRY(cf_block_read(page, part, "responses", 4, &v));
  if (!v.value) goto done;
  *r = (responses){v.shape[0], v.shape[1], v.shape[2], v.shape[3], v.value, NULL, NULL, NULL, NULL, NULL, NULL};
  CF_TRY(cf_block_axis(page, part, v.array, 2, "direction", &r->direction));
  CF_TRY(cf_block_axis(page, part, v.array, 3, "time", &r->time));
  CF_TRY(cf_block_labels(page, part, v.array, 0, &r->label));
  CF_TRY(cf_block_labels(page, part, v.array, 1, &r->stimulus_name));
  CF_TRY(cf_block_read(page, part, "significant", 2, &s));
  if (!s.value || s.shape[0] != r->neurons || s.shape[1] != r->stimuli) goto done;
  bool any = false;
  CF_TRY(CF_SCRATCH(page->ctx, &significant, r->neurons * r->stimuli));
  for (size_t i = 0; i < r->neurons * r->stimuli; ++i) {
    significant[i] = s.value[i] > 0.0;
    any = any || s.value[i] >= 0.0;
  }
  if (any) r->significant = significant, r->tested = s.value;
done:
  return status;
}

static double peak_of(const responses *r, size_t neuron) {
  size_t each = r->stimuli * r->directions * r->times;
  double most = -INFINITY;
  for (size_t i = 0; i < each; ++i)
    if (isfinite(r->value[neuron * each + i])) most = CF_MAX(most, r->value[neuron * each + i]);
  return most;
}

/* Examples evenly over the neurons in the order of their peaks, strongest first. */
static cf_status pick_examples(cf_page *page, const responses *r, size_t n, size_t *example) {
  cf_status status = CF_OK;
  double *peak = NULL;
  CF_TRY(CF_SCRATCH(page->ctx, &peak, r->neurons));
  for (size_t i = 0; i < r->neurons; ++i) peak[i] = peak_of(r, i);
  for (size_t k = 0; k < n; ++k) {
    size_t rank = n > 1 ? k * (r->neurons - 1) / (n - 1) : 0;
    for (size_t i = 0; i < r->neurons; ++i) {
      size_t above = 0;
      for (size_t j = 0; j < r->neurons; ++j) above += peak[j] > peak[i] || (j < i && peak[j] == peak[i]);
      if (above == rank) example[k] = i;
    }
  }
done:
  return status;
}

static cf_status draw_maps(cf_page *page, const cf_part *part, const responses *r, const size_t *example, size_t n,
                           const char *const *name, const char *caption) {
  cf_status status = CF_OK;
  size_t each = r->stimuli * r->directions * r->times;
  double *value = NULL;
  bool *faint = NULL;
  char id[256];
  cf_figure *figure = NULL;
  CF_TRY(CF_SCRATCH(page->ctx, &value, n * each));
  CF_TRY(CF_SCRATCH(page->ctx, &faint, n * r->stimuli));
  for (size_t k = 0; k < n; ++k) {
    memcpy(value + k * each, r->value + example[k] * each, each * sizeof *value);
    for (size_t s = 0; s < r->stimuli; ++s)
      faint[k * r->stimuli + s] = r->tested && r->tested[example[k] * r->stimuli + s] == 0.0;
  }
  cf_maps_figure spec = {.rows = n,
                         .columns = r->stimuli,
                         .directions = r->directions,
                         .times = r->times,
                         .value = value,
                         .row_name = name,
                         .column_name = r->stimulus_name,
                         .direction = r->direction,
                         .time = r->time,
                         .faint = faint,
                         .own_range = true,
                         .quantity = "share of maximum"};
  cf_figure_options o = cf_page_options(part, "maps", "Responses of single neurons", caption, id);
  CF_TRY(cf_figure_maps(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "maps", "Responses of single neurons", caption, true, figure);
done:
  return status;
}

/* Names of the examples: their label, behind a type when there is one. */
static cf_status name_examples(cf_page *page, const responses *r, const cf_array *type, const size_t *example, size_t n,
                               const char **name) {
  cf_status status = CF_OK;
  for (size_t k = 0; k < n; ++k) {
    char *text = NULL, plain[32], buffer[64];
    CF_TRY(cf_scratch_bytes(page->ctx, 160, 1, (void **)&text));
    snprintf(plain, sizeof plain, "neuron %zu", example[k] + 1);
    snprintf(text, 160, "%.70s%s%.80s", type ? cf_array_label(type, example[k], buffer, sizeof buffer) : "",
             type ? ", " : "", r->label ? r->label[example[k]] : plain);
    name[k] = text;
  }
done:
  return status;
}

/* ------------------------------------------------------------------ psth -- */

cf_status cf_find_psth(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  responses r;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(read_responses(page, part, &r));
  if (r.neurons == 0) {
    status = cf_find_other(page, part);
    goto done;
  }
  cf_text_write(&page->html, "<p>Rates of $i neurons to $i stimul$s in $i directions and $i time bins.", (int)r.neurons,
                (int)r.stimuli, r.stimuli == 1 ? "us" : "i", (int)r.directions, (int)r.times);
  if (!r.significant) cf_text_put(&page->html, " Their significance was not tested.");
  if (r.significant) {
    size_t maps = 0, neurons = 0;
    for (size_t i = 0; i < r.neurons; ++i) {
      size_t own = 0;
      for (size_t s = 0; s < r.stimuli; ++s) own += r.significant[i * r.stimuli + s];
      maps += own;
      neurons += own > 0;
    }
    cf_text_write(&page->html,
                  " $i neurons respond significantly to at least one stimulus; $i of $i maps are significant.",
                  (int)neurons, (int)maps, (int)(r.neurons * r.stimuli));
  }
  cf_text_put(&page->html, "</p>\n");
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

static cf_status write_significance(cf_page *page, const cf_part *part, const responses *r) {
  static const char *const columns[] = {"Stimulus", "#Significant neurons", "#Share (%)", "#Largest rate, median"};
  cf_status status = CF_OK;
  cf_block rate;
  double *sorted = NULL;
  char text[32];
  if (!r->significant) return CF_OK;
  CF_TRY(cf_block_read(page, part, "rate_max", 2, &rate));
  CF_TRY(CF_SCRATCH(page->ctx, &sorted, r->neurons));
  cf_table_begin(page, part, "significance", "Significance by stimulus", columns, 4);
  for (size_t s = 0; s < r->stimuli; ++s) {
    size_t n = 0;
    double median = NAN;
    for (size_t i = 0; i < r->neurons; ++i) n += r->significant[i * r->stimuli + s];
    if (rate.value && rate.shape[0] == r->neurons && rate.shape[1] == r->stimuli) {
      for (size_t i = 0; i < r->neurons; ++i) { /* insertion sort: a few thousand at most */
        size_t at = i;
        double v = rate.value[i * r->stimuli + s];
        for (; at > 0 && sorted[at - 1] > v; --at) sorted[at] = sorted[at - 1];
        sorted[at] = v;
      }
      median = 0.5 * (sorted[(r->neurons - 1) / 2] + sorted[r->neurons / 2]);
    }
    snprintf(text, sizeof text, "stimulus %zu", s + 1);
    cf_table_row(page);
    cf_table_text(page, r->stimulus_name ? r->stimulus_name[s] : text);
    cf_table_number(page, (double)n);
    cf_table_number(page, 100.0 * (double)n / (double)r->neurons);
    cf_table_number(page, median);
    cf_table_end_row(page);
  }
  cf_table_close(page);
done:
  return status;
}

cf_status cf_part_psth(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  responses r;
  size_t example[EXAMPLES];
  const char *name[EXAMPLES];
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(read_responses(page, part, &r));
  if (r.neurons == 0) {
    status = cf_part_other(page, part);
    goto done;
  }
  size_t n = CF_MIN(r.neurons, EXAMPLES);
  CF_TRY(cf_find_psth(page, part));
  CF_TRY(pick_examples(page, &r, n, example));
  CF_TRY(name_examples(page, &r, NULL, example, n, name));
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  CF_TRY(draw_maps(
      page, part, &r, example, n, name,
      r.significant
          ? "Neurons evenly over the order of their peak rates, strongest first. Each row is shown from 0 to its own maximum; pale maps are not "
            "significant. Directions run down, time across."
          : "Neurons evenly over the order of their peak rates, strongest first. Each row is shown from 0 to its own maximum. Directions run down, "
            "time across."));
  cf_text_put(&page->html, "</div>\n");
  CF_TRY(write_significance(page, part, &r));
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* --------------------------------------------------------------- planted -- */

/* A neuron of each type, then a second one; up to EXAMPLES. */
static size_t example_of_types(const size_t *code, size_t groups, size_t neurons, size_t *example) {
  size_t n = 0;
  for (size_t g = 0; g < groups && n < EXAMPLES; ++g) {
    size_t found = 0, most = groups * 2 <= EXAMPLES ? 2 : 1;
    for (size_t i = 0; i < neurons && found < most && n < EXAMPLES; ++i)
      if (code[i] == g) example[n++] = i, ++found;
  }
  return n;
}

static void say_planted(cf_page *page, const responses *r, size_t groups, bool clusters) {
  cf_text_write(&page->html, "<p>$i simulated neurons see $i stimul$s in $i directions and $i time bins",
                (int)r->neurons, (int)r->stimuli, r->stimuli == 1 ? "us" : "i", (int)r->directions, (int)r->times);
  if (groups && clusters)
    cf_text_write(&page->html, "; $i type$s $s planted as $s", (int)groups, groups == 1 ? "" : "s",
                  groups == 1 ? "was" : "were", groups == 1 ? "a cluster" : "clusters");
  else if (groups > 1)
    cf_text_write(&page->html, "; their parameters form a continuum of $i overlapping types", (int)groups);
  else if (groups)
    cf_text_put(&page->html, "; their parameters form a continuum of one type");
  cf_text_put(&page->html, ".</p>\n");
}

cf_status cf_find_planted(cf_page *page, const cf_part *part, bool *written) {
  cf_status status = CF_OK;
  responses r;
  const cf_array *type = cf_dataset_get(part->task->arrays, "truth/type");
  cf_array *names = NULL;
  size_t *code = NULL, groups = 0;
  cf_mark mark = cf_scratch_mark(page->ctx);
  *written = false;
  CF_TRY(read_responses(page, part, &r));
  if (r.neurons == 0) goto done;
  *written = true;
  if (type && type->ndim == 1 && type->shape[0] == r.neurons) {
    CF_TRY(CF_SCRATCH(page->ctx, &code, r.neurons));
    CF_TRY(cf_labels_group(page->ctx, type, code, &groups, &names));
  }
  say_planted(page, &r, groups, cf_dataset_get(part->task->arrays, "truth/cluster") != NULL);
done:
  cf_array_free(names);
  cf_scratch_release(page->ctx, mark);
  return status;
}

cf_status cf_part_planted(cf_page *page, const cf_part *part, bool *written) {
  static const char *const columns[] = {"Type", "#Neurons"};
  cf_status status = CF_OK;
  responses r;
  const cf_array *type = cf_dataset_get(part->task->arrays, "truth/type");
  cf_array *names = NULL;
  size_t *code = NULL, groups = 0, example[EXAMPLES], n = 0;
  const char *name[EXAMPLES];
  char buffer[64];
  cf_mark mark = cf_scratch_mark(page->ctx);
  *written = false;
  CF_TRY(read_responses(page, part, &r));
  if (r.neurons == 0) goto done;
  *written = true;
  if (type && (type->ndim != 1 || type->shape[0] != r.neurons)) type = NULL;
  if (type) {
    CF_TRY(CF_SCRATCH(page->ctx, &code, r.neurons));
    CF_TRY(cf_labels_group(page->ctx, type, code, &groups, &names));
    n = example_of_types(code, groups, r.neurons, example);
  } else {
    n = CF_MIN(r.neurons, EXAMPLES);
    CF_TRY(pick_examples(page, &r, n, example));
  }
  const bool clusters = cf_dataset_get(part->task->arrays, "truth/cluster") != NULL;
  say_planted(page, &r, groups, clusters);
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  CF_TRY(name_examples(page, &r, type, example, n, name));
  CF_TRY(
      draw_maps(page, part, &r, example, n, name,
                "Simulated neurons. Each row is shown from 0 to its own maximum. Directions run down, time across."));
  cf_text_put(&page->html, "</div>\n");
  if (groups == 0) goto done;
  cf_table_begin(page, part, "types", clusters ? "Planted types" : "Types along the continuum", columns, 2);
  for (size_t g = 0; g < groups; ++g) {
    size_t members = 0;
    for (size_t i = 0; i < r.neurons; ++i) members += code[i] == g;
    cf_table_row(page);
    cf_table_text(page, cf_array_label(names, g, buffer, sizeof buffer));
    cf_table_number(page, (double)members);
    cf_table_end_row(page);
  }
  cf_table_close(page);
done:
  cf_array_free(names);
  cf_scratch_release(page->ctx, mark);
  return status;
}
