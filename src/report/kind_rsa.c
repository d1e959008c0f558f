/* Model evaluation: bars, pairwise tests, matrices of data and models. */
#include "report/page.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct evaluation {
  size_t count, subjects, pairs;
  cf_model_bar *model;
  cf_model_pair *pair;
  double lower, upper;
  const char *comparator, *title;
} evaluation;

static size_t model_index(const cf_json *value, const evaluation *e) {
  const char *name = cf_json_as_text(value);
  double number = cf_json_as_number(value);
  if (name)
    for (size_t i = 0; i < e->count; ++i)
      if (strcmp(name, e->model[i].name) == 0) return i;
  return number >= 0 && number < (double)e->count ? (size_t)number : SIZE_MAX;
}

static cf_status read_subjects(cf_page *page, const cf_part *part, evaluation *e) {
  cf_status status = CF_OK;
  const cf_json *models = cf_json_get(part->result, "models");
  const cf_array *scores = cf_dataset_get(part->task->arrays, "scores");
  bool usable = scores && scores->ndim == 2 && scores->dtype != CF_TEXT && scores->shape[0] == e->count;
  for (size_t i = 0; i < e->count; ++i) {
    const cf_json *list = cf_json_get(cf_json_at(models, i), "per_subject");
    size_t n = list && cf_json_is_list(list) ? cf_json_count(list) : usable ? scores->shape[1] : 0;
    double *value = NULL;
    CF_TRY(CF_SCRATCH(page->ctx, &value, n));
    for (size_t s = 0; s < n; ++s)
      value[s] =
          list && cf_json_is_list(list) ? cf_json_as_number(cf_json_at(list, s)) : cf_array_number(scores, i * n + s);
    e->model[i].subject = value;
    e->model[i].subjects = n;
    e->subjects = CF_MAX(e->subjects, n);
  }
done:
  return status;
}

/* Unrelated matrices score 0 on average only where scores are centred: cosines of positive dissimilarities and squares
 * lie above 0 by themselves, so there 0 is the reference of the test and not chance. */
static bool zero_is_chance(const evaluation *e) {
  return strncmp(e->comparator ? e->comparator : "", "cosine", 6) != 0 && strncmp(e->title, "squared", 7) != 0;
}

static cf_status read_evaluation(cf_page *page, const cf_part *part, evaluation *e) {
  cf_status status = CF_OK;
  const cf_json *models = cf_json_get(part->result, "models"), *ceiling = cf_json_get(part->result, "noise_ceiling");
  const cf_json *pairs = cf_json_get(part->result, "pairwise");
  memset(e, 0, sizeof *e);
  e->lower = cf_part_number(ceiling, "lower");
  e->upper = cf_part_number(ceiling, "upper");
  const cf_json *comparator = cf_json_get(part->result, "comparator");
  if (!isfinite(e->lower)) e->upper = NAN; /* one RDM: nothing to hold it against */
  e->comparator = cf_part_text(
      comparator, "name", cf_part_text(part->result, "comparator", cf_part_text(part->options, "comparator", NULL)));
  e->title = cf_comparator_title(e->comparator);
  if (cf_json_as_bool(cf_json_get(comparator, "squared"))) {
    char *squared = NULL;
    size_t room = strlen(e->title) + 16;
    CF_TRY(cf_scratch_bytes(page->ctx, room, 1, (void **)&squared));
    snprintf(squared, room, "squared %s", e->title);
    e->title = squared;
  }
  if (!models || !cf_json_is_list(models)) goto done;
  e->count = cf_json_count(models);
  CF_TRY(CF_SCRATCH(page->ctx, &e->model, e->count));
  for (size_t i = 0; i < e->count; ++i) {
    const cf_json *m = cf_json_at(models, i);
    e->model[i] = (cf_model_bar){.name = cf_part_text(m, "name", "?"),
                                 .mean = cf_part_number(m, "mean"),
                                 .low = cf_part_pair(m, "ci", 0),
                                 .high = cf_part_pair(m, "ci", 1),
                                 .p = cf_part_number(m, "p"),
                                 .p_holm = cf_part_number(m, "p_holm"),
                                 .p_fdr = cf_part_number(m, "p_fdr")};
  }
  CF_TRY(read_subjects(page, part, e));
  size_t n = pairs && cf_json_is_list(pairs) ? cf_json_count(pairs) : 0;
  CF_TRY(CF_SCRATCH(page->ctx, &e->pair, n));
  for (size_t k = 0; k < n; ++k) {
    const cf_json *q = cf_json_at(pairs, k);
    cf_model_pair pair = {.a = model_index(cf_json_get(q, "a"), e),
                          .b = model_index(cf_json_get(q, "b"), e),
                          .difference = cf_part_number(q, "difference"),
                          .p = cf_part_number(q, "p"),
                          .p_holm = cf_part_number(q, "p_holm"),
                          .p_fdr = cf_part_number(q, "p_fdr")};
    if (pair.a < e->count && pair.b < e->count) e->pair[e->pairs++] = pair;
  }
done:
  return status;
}

static cf_status draw_models(cf_page *page, const cf_part *part, const evaluation *e) {
  cf_status status = CF_OK;
  cf_figure *figure = NULL;
  char id[256], caption[1024], note[512], range[160] = "", over[64] = "", a[64], b[64];
  char title[160];
  snprintf(title, sizeof title, "%s with the data", e->title);
  cf_models_figure spec = {.count = e->count,
                           .model = e->model,
                           .ceiling_low = e->lower,
                           .ceiling_high = e->upper,
                           .pairs = e->pairs,
                           .pair = e->pair,
                           .correction = CF_FIGURE_P_FDR,
                           .y_title = title};
  bool intervals = false;
  for (size_t i = 0; i < e->count; ++i) intervals = intervals || isfinite(e->model[i].low);
  const char *bootstrap = cf_part_text(part->options, "bootstrap", NULL);
  if (isfinite(e->lower) && isfinite(e->upper))
    snprintf(range, sizeof range, " Band: noise ceiling, %s to %s.", cf_text_value(e->lower, a, sizeof a),
             cf_text_value(e->upper, b, sizeof b));
  snprintf(note, sizeof note, "Stars: %s 0 (* p < 0.05, ** < 0.01, *** < 0.001). %sFDR.",
           strcmp(cf_part_text(part->result, "alternative", "greater"), "greater") == 0 ? "above" : "different from",
           e->pairs && e->count <= 24 ? "Lines: the dot's model exceeds those at the ticks (p < 0.05). " : "");
  if (e->subjects > 1) snprintf(over, sizeof over, "mean over %zu subjects of ", e->subjects);
  snprintf(caption, sizeof caption, "Bars: %s%s between model and data RDM.%s%s%s%s%s %s", over, e->title,
           intervals ? " Lines: 95 % interval" : "",
           intervals && bootstrap && strcmp(bootstrap, "none") != 0 ? ", bootstrap over " : "",
           intervals && bootstrap && strcmp(bootstrap, "none") != 0
               ? (strcmp(bootstrap, "both") == 0 ? "subjects and stimuli" : bootstrap)
               : "",
           intervals ? "." : "", e->subjects > 1 ? " Dots: subjects, in the same order in every bar." : "",
           zero_is_chance(e) ? "Chance is 0." : "Chance lies above 0.");
  strncat(caption, range, sizeof caption - strlen(caption) - 1);
  cf_figure_options o = CF_FIGURE_OPTIONS_INIT;
  snprintf(id, sizeof id, "%.180s-models", part->task->id);
  o.id = id;
  o.name = "Model evaluation";
  o.description = caption;
  o.note = note;
  o.width_mm = e->count > 20 ? CF_FIGURE_TWO_COLUMNS : e->count > 6 ? 136.0 : 0.0;
  CF_TRY(cf_figure_models(page->ctx, &spec, &o, &figure));
  cf_text_put(&page->html, "<div class=\"controls correction\"><fieldset><legend>Significance</legend>"
                           "<label><input type=\"radio\" value=\"none\" name=\"p-");
  cf_text_write(&page->html,
                "$t\"> uncorrected</label><label><input type=\"radio\" value=\"holm\" name=\"p-$t\"> "
                "Holm</label><label><input type=\"radio\" value=\"fdr\" checked name=\"p-$t\"> "
                "FDR</label></fieldset><span class=\"muted\">Stars and lines shown are <span "
                "data-correction-name>FDR-controlled (Benjamini-Hochberg)</span>.</span></div>\n",
                part->task->id, part->task->id, part->task->id);
  status = cf_page_figure(page, part, "models", "Model evaluation", caption, true, figure);
done:
  return status;
}

static void write_tables(cf_page *page, const cf_part *part, const evaluation *e) {
  static const char *const columns[] = {"Model", "#Mean",     "#Low",     "#High",         "#SEM",
                                        "#p",    "#p (Holm)", "#p (FDR)", "#p vs ceiling", "#% of ceiling"};
  static const char *const pair_columns[] = {"Model A", "Model B", "#A − B", "#p", "#p (Holm)", "#p (FDR)"};
  const cf_json *models = cf_json_get(part->result, "models");
  size_t shown = isfinite(e->lower) ? 10 : 8;
  cf_table_begin(page, part, "models", "Models", columns, shown);
  for (size_t i = 0; i < e->count; ++i) {
    const cf_model_bar *m = e->model + i;
    cf_table_row(page);
    cf_table_text(page, m->name);
    cf_table_number(page, m->mean);
    cf_table_number(page, m->low);
    cf_table_number(page, m->high);
    cf_table_number(page, cf_part_number(cf_json_at(models, i), "sem"));
    cf_table_p(page, m->p);
    cf_table_p(page, m->p_holm);
    cf_table_p(page, m->p_fdr);
    if (shown == 10) {
      cf_table_p(page, cf_part_number(cf_json_at(models, i), "p_ceiling"));
      cf_table_number(page, e->lower > 0 ? 100.0 * m->mean / e->lower : NAN);
    }
    cf_table_end_row(page);
  }
  cf_table_close(page);
  if (e->pairs == 0) return;
  cf_table_begin(page, part, "pairwise", "Pairwise differences", pair_columns, 6);
  for (size_t k = 0; k < e->pairs; ++k) {
    const cf_model_pair *q = e->pair + k;
    cf_table_row(page);
    cf_table_text(page, e->model[q->a].name);
    cf_table_text(page, e->model[q->b].name);
    cf_table_number(page, q->difference);
    cf_table_p(page, q->p);
    cf_table_p(page, q->p_holm);
    cf_table_p(page, q->p_fdr);
    cf_table_end_row(page);
  }
  cf_table_close(page);
}

cf_status cf_part_rsa(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  evaluation e;
  cf_stack data, mean, models;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(read_evaluation(page, part, &e));
  if (e.count == 0) {
    status = cf_part_other(page, part);
    goto done;
  }
  const char *quantity = cf_metric_title(cf_part_text(part->result, "metric", NULL));
  CF_TRY(draw_models(page, part, &e));
  write_tables(page, part, &e);
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  CF_TRY(cf_stack_read(page, part, "data_rdms", &data));
  CF_TRY(cf_stack_read(page, part, "data_mean_rdm", &mean));
  CF_TRY(cf_stack_read(page, part, "model_rdms", &models));
  if (data.n && !mean.n) CF_TRY(cf_stack_mean(page, &data, "mean over subjects", &mean));
  if (mean.n) {
    CF_TRY(cf_page_stack(page, part, "mean", e.subjects > 1 ? "Mean RDM of the data" : "RDM of the data",
                         e.subjects > 1 ? "Mean over subjects." : NULL, quantity, false, false, &mean));
    CF_TRY(cf_page_map(page, part, "mds", e.subjects > 1 ? "Map of the mean RDM" : "Map of the same RDM", &mean, 0));
  }
  if (models.n)
    CF_TRY(cf_page_stack(
        page, part, "model-rdms", "RDMs of the models",
        "All models side by side, as ranks because models may differ in unit; the large matrix shows their own values.",
        "dissimilarity (each model's own unit)", false, true, &models));
  if (data.n && data.count > 1)
    CF_TRY(cf_page_stack(page, part, "rdms", "RDMs of the subjects", "All subjects in one colour range.", quantity,
                         false, false, &data));
  cf_text_put(&page->html, "</div>\n");
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* ----------------------------------------------------------- the finding -- */

static double final_p(double fdr, double p) {
  return isfinite(fdr) ? fdr : p;
}

/* "a, b and c", at most six names. */
static void name_list(cf_text *out, const evaluation *e, const size_t *index, size_t n) {
  size_t shown = n > 7 ? 6 : n;
  for (size_t k = 0; k < shown; ++k) {
    if (k) cf_text_put(out, k + 1 == shown && shown == n ? " and " : ", ");
    cf_text_write(out, "<em>$t</em>", e->model[index[k]].name);
  }
  if (shown < n) cf_text_write(out, " and $i others", (int)(n - shown));
}

static void ceiling_words(cf_page *page, const evaluation *e, const cf_json *models, size_t best) {
  if (!isfinite(e->lower)) return;
  const cf_model_bar *m = e->model + best;
  double p = final_p(cf_part_number(cf_json_at(models, best), "p_ceiling_fdr"),
                     cf_part_number(cf_json_at(models, best), "p_ceiling"));
  if (isfinite(e->upper))
    cf_text_write(&page->html, " The noise ceiling is $d to $d", e->lower, e->upper);
  else
    cf_text_write(&page->html, " The lower noise ceiling is $d", e->lower);
  if (!(e->lower > 0))
    cf_text_write(&page->html, ": not above $s, so the data cannot tell models apart.",
                  zero_is_chance(e) ? "chance" : "0");
  else if (m->mean >= e->lower)
    cf_text_write(&page->html,
                  "; <em>$t</em> reaches its lower bound: it predicts a subject as well as the other subjects do.",
                  m->name);
  else if (isfinite(p) && p >= 0.05)
    cf_text_write(&page->html, "; <em>$t</em> lies below its lower bound, but not significantly ($i % of it).", m->name,
                  (int)lround(100.0 * m->mean / e->lower));
  else
    cf_text_write(&page->html,
                  "; <em>$t</em> gets to $i % of its lower bound, so structure in the data is left unexplained.",
                  m->name, (int)lround(100.0 * m->mean / e->lower));
}

cf_status cf_find_rsa(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  evaluation e;
  size_t best = 0, *list = NULL, n = 0, above = 0;
  char text[64];
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(read_evaluation(page, part, &e));
  if (e.count == 0) goto done;
  CF_TRY(CF_SCRATCH(page->ctx, &list, 2 * e.pairs + e.count));
  for (size_t i = 0; i < e.count; ++i) {
    if (e.model[i].mean > e.model[best].mean || !isfinite(e.model[best].mean)) best = i;
    if (final_p(e.model[i].p_fdr, e.model[i].p) < 0.05 && e.model[i].mean > 0) ++above;
  }
  const cf_model_bar *m = e.model + best;
  const char *target = cf_part_text(part->options, "data", ""), *member = strrchr(target, ':');
  cf_text_put(&page->html, "<p>");
  if (e.count > 1) cf_text_write(&page->html, "Of $i models, ", (int)e.count);
  cf_text_write(&page->html, "<em>$t</em> $s ", m->name, e.count > 1 ? "is closest to" : "against");
  if (e.subjects == 1 && member && member[1])
    cf_text_write(&page->html, "the one data RDM, <em>$t</em>", member + 1);
  else
    cf_text_put(&page->html, e.subjects == 1 ? "the one data RDM" : "the data");
  cf_text_write(&page->html, ": $t $d", e.title, m->mean);
  if (isfinite(m->low) && isfinite(m->high)) cf_text_write(&page->html, " (95 % interval $d to $d)", m->low, m->high);
  const char *reference = zero_is_chance(&e) ? "chance" : "0";
  cf_text_put(&page->html, zero_is_chance(&e) ? " where chance is 0" : " where 0 is no chance level");
  double p = final_p(m->p_fdr, m->p);
  if (isfinite(p))
    cf_text_write(&page->html, ", $t$s", cf_text_p(p, text, sizeof text), isfinite(m->p_fdr) ? " (FDR)" : "");
  if (e.count > 2)
    cf_text_write(&page->html, ". $i of $i models lie$s significantly above $s.", (int)above, (int)e.count,
                  above == 1 ? "s" : "", reference);
  else if (e.count == 2)
    cf_text_write(&page->html, ". $s model$s significantly above $s.",
                  above == 2   ? "Both"
                  : above == 1 ? "One"
                               : "Neither",
                  above == 2 ? "s lie" : " lies", reference);
  else
    cf_text_write(&page->html, ": $ssignificantly above $s.", above ? "" : "not ", reference);
  for (size_t k = 0; k < e.pairs; ++k) {
    const cf_model_pair *q = e.pair + k;
    size_t better = q->difference >= 0 ? q->a : q->b;
    if (better == best && final_p(q->p_fdr, q->p) < 0.05) list[n++] = better == q->a ? q->b : q->a;
  }
  if (e.count > 1 && e.pairs) {
    if (n + 1 == e.count)
      cf_text_write(&page->html, " <em>$t</em> is significantly better than $s.", m->name,
                    e.count == 2 ? "the other" : "every other model");
    else if (n) {
      cf_text_write(&page->html, " <em>$t</em> is significantly better than ", m->name);
      name_list(&page->html, &e, list, n);
      cf_text_put(&page->html, ", not than the others.");
    } else
      cf_text_write(&page->html, " <em>$t</em> is not significantly better than $s.", m->name,
                    e.count == 2 ? "the other" : "any other");
  }
  ceiling_words(page, &e, cf_json_get(part->result, "models"), best);
  cf_text_put(&page->html, "</p>\n");
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}
