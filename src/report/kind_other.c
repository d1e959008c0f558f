/* Any other kind of task: its numbers as a table and its square matrices as pictures. Nothing is left out silently. */
#include "report/page.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_ROWS = 300, MOST_DEPTH = 8, MOST_COLUMNS = 12, MOST_PICTURES = 6 };

typedef struct walk {
  cf_page *page;
  size_t rows, left_out;
} walk;

static void put_row(walk *w, const char *path, const cf_json *value) {
  if (w->rows >= MOST_ROWS) {
    ++w->left_out;
    return;
  }
  ++w->rows;
  cf_table_row(w->page);
  cf_table_text(w->page, path);
  if (cf_json_is_number(value)) {
    cf_table_number(w->page, cf_json_as_number(value));
  } else {
    char *plain = cf_json_print(value, 0);
    const char *text = cf_json_as_text(value);
    cf_text_write(&w->page->html, "<td class=\"num\" data-v=\"$t\">$t</td>",
                  text    ? text
                  : plain ? plain
                          : "",
                  text    ? text
                  : plain ? plain
                          : "");
    cf_free(plain);
  }
  cf_table_end_row(w->page);
}

static void visit(walk *w, const char *path, const cf_json *value, int depth) {
  char longer[512];
  bool object = cf_json_is_object(value), list = cf_json_is_list(value);
  if ((!object && !list) || depth >= MOST_DEPTH) {
    put_row(w, path, value);
    return;
  }
  for (size_t i = 0; i < cf_json_count(value); ++i) {
    if (object)
      snprintf(longer, sizeof longer, "%.240s%s%.240s", path, path[0] ? "." : "", cf_json_key(value, i));
    else
      snprintf(longer, sizeof longer, "%.400s[%zu]", path, i);
    visit(w, longer, object ? cf_json_value(value, i) : cf_json_at(value, i), depth + 1);
  }
}

/* A list of objects that hold plain values is a table of its own. */
static bool is_table(const cf_json *value) {
  if (!cf_json_is_list(value) || cf_json_count(value) == 0) return false;
  for (size_t i = 0; i < cf_json_count(value); ++i) {
    const cf_json *row = cf_json_at(value, i);
    if (!cf_json_is_object(row) || cf_json_count(row) > MOST_COLUMNS) return false;
    for (size_t k = 0; k < cf_json_count(row); ++k)
      if (cf_json_is_object(cf_json_value(row, k)) || cf_json_is_list(cf_json_value(row, k))) return false;
  }
  return cf_json_count(cf_json_at(value, 0)) > 0;
}

static cf_status write_list(cf_page *page, const cf_part *part, const char *key, const cf_json *list) {
  cf_status status = CF_OK;
  const cf_json *first = cf_json_at(list, 0);
  const char *columns[MOST_COLUMNS];
  char *text[MOST_COLUMNS] = {NULL};
  size_t n = cf_json_count(first);
  for (size_t k = 0; k < n; ++k) {
    CF_TRY(cf_sprintf(page->ctx, &text[k], "%s%s", cf_json_is_number(cf_json_value(first, k)) ? "#" : "",
                      cf_json_key(first, k)));
    columns[k] = text[k];
  }
  cf_table_begin(page, part, key, key, columns, n);
  for (size_t i = 0; i < cf_json_count(list) && i < MOST_ROWS; ++i) {
    cf_table_row(page);
    for (size_t k = 0; k < n; ++k) {
      const cf_json *value = cf_json_get(cf_json_at(list, i), cf_json_key(first, k));
      if (columns[k][0] == '#')
        cf_table_number(page, value ? cf_json_as_number(value) : NAN);
      else
        cf_table_text(page, value ? cf_json_as_text(value) : NULL);
    }
    cf_table_end_row(page);
  }
  cf_table_close(page);
done:
  for (size_t k = 0; k < MOST_COLUMNS; ++k) cf_free(text[k]);
  return status;
}

cf_status cf_part_other(cf_page *page, const cf_part *part) {
  static const char *const columns[] = {"Quantity", "#Value"};
  cf_status status = CF_OK;
  char shape[160];
  const cf_dataset *arrays = part->task->arrays;
  cf_mark mark = cf_scratch_mark(page->ctx);
  if (part->result && cf_json_count(part->result) > 0) {
    walk w = {page, 0, 0};
    cf_table_begin(page, part, "values", "Values", columns, 2);
    for (size_t i = 0; i < cf_json_count(part->result); ++i)
      if (!is_table(cf_json_value(part->result, i)))
        visit(&w, cf_json_key(part->result, i), cf_json_value(part->result, i), 1);
    cf_table_close(page);
    for (size_t i = 0; i < cf_json_count(part->result); ++i)
      if (is_table(cf_json_value(part->result, i)))
        CF_TRY(write_list(page, part, cf_json_key(part->result, i), cf_json_value(part->result, i)));
    if (w.left_out)
      cf_text_write(&page->html, "<p class=\"muted\">$i more values are in results.tsv.</p>\n", (int)w.left_out);
  }
  bool open = false;
  size_t pictures = 0;
  for (size_t i = 0; arrays && i < arrays->count && pictures < MOST_PICTURES; ++i) {
    const cf_array *a = arrays->array[i];
    cf_stack s;
    if (!a->name || strchr(a->name, '/') || a->ndim < 2 || a->shape[a->ndim - 1] != a->shape[a->ndim - 2] ||
        a->shape[a->ndim - 1] > 2000)
      continue;
    CF_TRY(cf_stack_read(page, part, a->name, &s));
    if (s.n < 3) continue;
    if (!open) cf_text_put(&page->html, "<div class=\"figures\">\n");
    open = true;
    ++pictures;
    char file[64];
    snprintf(file, sizeof file, "%.60s", a->name);
    for (char *c = file; *c; ++c)
      if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", *c)) *c = '-';
    CF_TRY(cf_page_stack(page, part, file, a->name, NULL, "value", false, s.count > 1 && strstr(a->name, "model"), &s));
  }
  if (open) cf_text_put(&page->html, "</div>\n");
  if (arrays && arrays->count > 0) {
    static const char *const array_columns[] = {"Array", "Type", "Shape"};
    cf_table_begin(page, part, "arrays", "Arrays made", array_columns, 3);
    for (size_t i = 0; i < arrays->count; ++i) {
      const cf_array *a = arrays->array[i];
      size_t used = 0;
      shape[0] = '\0';
      for (int d = 0; d < a->ndim && used < sizeof shape - 24; ++d)
        used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%zu", d ? " × " : "", a->shape[d]);
      cf_table_row(page);
      cf_table_text(page, a->name);
      cf_table_text(page, cf_dtype_name(a->dtype));
      cf_table_text(page, a->ndim ? shape : "one number");
      cf_table_end_row(page);
    }
    cf_table_close(page);
  }
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* The first few plain numbers of the result. */
cf_status cf_find_other(cf_page *page, const cf_part *part) {
  size_t shown = 0;
  for (size_t i = 0; part->result && i < cf_json_count(part->result) && shown < 5; ++i) {
    const cf_json *value = cf_json_value(part->result, i);
    if (!cf_json_is_number(value)) continue;
    cf_text_write(&page->html, "$s$t: $d", shown ? ", " : "<p>", cf_json_key(part->result, i),
                  cf_json_as_number(value));
    ++shown;
  }
  if (shown) cf_text_put(&page->html, ".</p>\n");
  return CF_OK;
}
