/* Short names of the tasks that stand side by side: what their titles do not share. */
#include "report/page.h"
#include "base/internal.h"
#include <string.h>

/* Length of the beginning that all share, up to the end of a word or a bracket that opens. */
static size_t shared_head(const char *const *title, size_t n) {
  size_t length = 0;
  for (size_t i = 0; title[0][i]; ++i) {
    for (size_t k = 1; k < n; ++k)
      if (title[k][i] != title[0][i]) return length;
    if (strchr(" :(", title[0][i])) length = i + 1;
  }
  return length;
}

/* The same of the end, behind `head`: from the beginning of a word or a bracket that closes. */
static size_t shared_tail(const char *const *title, size_t n, size_t head) {
  size_t length = 0, shortest = strlen(title[0]);
  for (size_t k = 1; k < n; ++k) shortest = CF_MIN(shortest, strlen(title[k]));
  for (size_t i = 1; i + head < shortest; ++i) {
    const char c = title[0][strlen(title[0]) - i];
    for (size_t k = 1; k < n; ++k)
      if (title[k][strlen(title[k]) - i] != c) return length;
    if (strchr(" :,)", c)) length = i;
  }
  return length;
}

cf_status cf_page_short_titles(cf_page *page, size_t n, const cf_study_task *const *task, const char ***out) {
  cf_status status = CF_OK;
  const char **title = NULL;
  CF_TRY(CF_SCRATCH(page->ctx, &title, n + 1));
  for (size_t i = 0; i < n; ++i) title[i] = task[i]->title;
  const size_t head = n > 1 ? shared_head(title, n) : 0, tail = n > 1 ? shared_tail(title, n, head) : 0;
  for (size_t i = 0; i < n; ++i) {
    const size_t length = strlen(title[i]);
    char *text = NULL;
    if (length <= head + tail) continue; /* nothing would be left of it */
    CF_TRY(cf_scratch_bytes(page->ctx, length + 1, 1, (void **)&text));
    memcpy(text, title[i] + head, length - head - tail);
    text[length - head - tail] = '\0';
    title[i] = text;
  }
  *out = title;
done:
  return status;
}

cf_status cf_page_tasks_of(cf_page *page, const char *kind, const char *member, const cf_study_task ***out, size_t *n) {
  cf_status status = CF_OK;
  *n = 0;
  CF_TRY(CF_SCRATCH(page->ctx, out, page->results->count + 1));
  for (size_t t = 0; t < page->results->count; ++t) {
    const cf_study_task *task = page->results->task + t;
    if (strcmp(task->kind, kind) != 0) continue;
    if (!member || cf_json_get(cf_json_get(task->envelope, "result"), member)) (*out)[(*n)++] = task;
  }
done:
  return status;
}
