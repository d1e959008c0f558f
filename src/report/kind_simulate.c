/* Simulated recordings: what was planted, and how alike each planted model is to the truth. */
#include "report/page.h"
#include "base/internal.h"
#include <math.h>
#include <string.h>

static void say_count(cf_page *page, const cf_json *from, const char *key, const char *before, const char *one,
                      const char *many) {
  double n = cf_part_number(from, key);
  if (isfinite(n)) cf_text_write(&page->html, "$s$i $s", before, (int)n, n == 1.0 ? one : many);
}

cf_status cf_find_simulate(cf_page *page, const cf_part *part) {
  const cf_json *order = cf_json_get(part->result, "expected_order");
  size_t n = order && cf_json_is_list(order) ? cf_json_count(order) : 0;
  double ceiling = cf_part_number(part->result, "expected_ceiling");
  if (n == 0) {
    bool written = false;
    cf_status status = cf_find_planted(page, part, &written);
    return status != CF_OK || written ? status : cf_find_other(page, part);
  }
  cf_text_put(&page->html, "<p>");
  say_count(page, part->result, "subjects", "", "simulated subject", "simulated subjects");
  say_count(page, part->result, "conditions", " with ", "condition", "conditions");
  say_count(page, part->result, "categories", " in ", "category", "categories");
  say_count(page, part->result, "channels", ", ", "channel", "channels");
  say_count(page, part->result, "trials", " and ", "trial each", "trials each");
  cf_text_write(&page->html, ". $i model$s planted", (int)n, n == 1 ? " was" : "s were");
  if (n > 1) {
    const cf_json *first = cf_json_at(order, 0), *last = cf_json_at(order, n - 1);
    cf_text_write(
        &page->html,
        ", from <em>$t</em> (correlation with the planted geometry $d) to <em>$t</em> ($d): the order that an "
        "analysis should find",
        cf_part_text(first, "name", "?"), cf_part_number(first, "correlation"), cf_part_text(last, "name", "?"),
        cf_part_number(last, "correlation"));
  }
  cf_text_put(&page->html, ".");
  if (isfinite(ceiling))
    cf_text_write(&page->html, " With this noise the true model is expected to correlate $d with one subject.",
                  ceiling);
  cf_text_put(&page->html, "</p>\n");
  return CF_OK;
}

static void write_models(cf_page *page, const cf_part *part, const cf_json *order) {
  static const char *const columns[] = {"Model", "#Correlation"};
  cf_text stem;
  cf_text_init(&stem, page->ctx);
  cf_text_write(&stem, "$s-planted", part->task->id);
  cf_table_open(page, stem.data ? stem.data : "planted", "Planted models and their correlation with the truth", columns,
                2);
  for (size_t i = 0; i < cf_json_count(order); ++i) {
    cf_table_row(page);
    cf_table_text(page, cf_part_text(cf_json_at(order, i), "name", "?"));
    cf_table_number(page, cf_part_number(cf_json_at(order, i), "correlation"));
    cf_table_end_row(page);
  }
  cf_table_close(page);
  cf_text_free(&stem);
}

cf_status cf_part_simulate(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  const cf_json *order = cf_json_get(part->result, "expected_order");
  cf_stack truth, data, models;
  cf_mark mark = cf_scratch_mark(page->ctx);
  if (!order || !cf_json_is_list(order) || cf_json_count(order) == 0) {
    bool written = false;
    CF_TRY(cf_part_planted(page, part, &written));
    if (!written) status = cf_part_other(page, part);
    goto done;
  }
  CF_TRY(cf_find_simulate(page, part));
  write_models(page, part, order);
  CF_TRY(cf_stack_read(page, part, "truth/rdm", &truth));
  CF_TRY(cf_stack_read(page, part, "data_rdms", &data));
  CF_TRY(cf_stack_read(page, part, "model_rdms", &models));
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  if (truth.n) {
    CF_TRY(cf_page_stack(page, part, "truth", "Planted geometry", "What every subject shares.", "planted dissimilarity",
                         false, false, &truth));
    CF_TRY(cf_page_map(page, part, "mds", "Map of the planted geometry", &truth, 0));
  }
  if (models.n)
    CF_TRY(cf_page_stack(
        page, part, "models", "Planted models",
        "Side by side as ranks, because models may differ in unit; the large matrix shows their own values.",
        "dissimilarity (each model's own unit)", false, true, &models));
  if (data.n)
    CF_TRY(cf_page_stack(page, part, "subjects", "Estimated from each subject's recording",
                         "All subjects in one colour range.",
                         cf_metric_title(cf_part_text(part->options, "metric", NULL)), false, false, &data));
  cf_text_put(&page->html, "</div>\n<p class=\"muted\">Trials, layers and noise are in arrays.h5.</p>\n");
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}
