/* Arrays of a task as plain numbers and labels; what is absent or of another shape is simply not there. */
#include "report/page.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

cf_status cf_block_read(cf_page *page, const cf_part *part, const char *name, int ndim, cf_block *out) {
  cf_status status = CF_OK;
  const cf_array *array = cf_dataset_get(part->task->arrays, name);
  memset(out, 0, sizeof *out);
  if (!array || array->dtype == CF_TEXT || array->ndim != ndim || cf_array_count(array) == 0) return CF_OK;
  size_t n = cf_array_count(array);
  CF_TRY(CF_SCRATCH(page->ctx, &out->value, n));
  for (size_t i = 0; i < n; ++i) out->value[i] = cf_array_number(array, i);
  memcpy(out->shape, array->shape, sizeof out->shape);
  out->array = array;
done:
  return status;
}

cf_status cf_block_vector(cf_page *page, const cf_part *part, const char *name, size_t n, double **out) {
  cf_status status = CF_OK;
  cf_block block;
  CF_TRY(cf_block_read(page, part, name, 1, &block));
  *out = block.value && block.shape[0] == n ? block.value : NULL;
done:
  return status;
}

/* The axis' own coordinate, else a 1-D array named like the axis, or that with "_label" behind it. */
static const cf_array *labels_of(const cf_part *part, const cf_array *array, int axis) {
  char name[128];
  size_t n = array->shape[axis];
  const cf_array *found = array->coordinate[axis];
  if (found && cf_array_count(found) == n) return found;
  for (int k = 0; k < 2 && array->axis[axis]; ++k) {
    snprintf(name, sizeof name, "%.100s%s", array->axis[axis], k ? "_label" : "");
    found = cf_dataset_get(part->task->arrays, name);
    if (found && found->ndim == 1 && found->shape[0] == n) return found;
  }
  return NULL;
}

cf_status cf_block_labels(cf_page *page, const cf_part *part, const cf_array *array, int axis, const char ***out) {
  cf_status status = CF_OK;
  const char **text = NULL;
  char buffer[64];
  *out = NULL;
  if (!array || axis >= array->ndim) return CF_OK;
  const cf_array *labels = labels_of(part, array, axis);
  size_t n = array->shape[axis];
  if (!labels) return CF_OK;
  CF_TRY(CF_SCRATCH(page->ctx, &text, n));
  for (size_t i = 0; i < n; ++i) {
    char *copy = NULL;
    const char *label = cf_array_label(labels, i, buffer, sizeof buffer);
    CF_TRY(cf_scratch_bytes(page->ctx, strlen(label) + 1, 1, (void **)&copy));
    strcpy(copy, label);
    text[i] = copy;
  }
  *out = text;
done:
  return status;
}

cf_status cf_block_axis(cf_page *page, const cf_part *part, const cf_array *array, int axis, const char *name,
                        double **out) {
  cf_status status = CF_OK;
  *out = NULL;
  if (!array || axis >= array->ndim) return CF_OK;
  const cf_array *coordinate = array->coordinate[axis];
  size_t n = array->shape[axis];
  if (coordinate && coordinate->dtype != CF_TEXT && cf_array_count(coordinate) == n) {
    CF_TRY(CF_SCRATCH(page->ctx, out, n));
    for (size_t i = 0; i < n; ++i) (*out)[i] = cf_array_number(coordinate, i);
  } else {
    CF_TRY(cf_block_vector(page, part, name, n, out));
  }
done:
  return status;
}

cf_status cf_part_numbers(cf_page *page, const cf_json *list, double **out, size_t *n) {
  cf_status status = CF_OK;
  *n = list && cf_json_is_list(list) ? cf_json_count(list) : 0;
  *out = NULL;
  if (*n == 0) return CF_OK;
  CF_TRY(CF_SCRATCH(page->ctx, out, *n));
  for (size_t i = 0; i < *n; ++i) (*out)[i] = cf_json_as_number(cf_json_at(list, i));
done:
  return status;
}

cf_figure_options cf_page_options(const cf_part *part, const char *stem, const char *title, const char *caption,
                                  char *id) {
  cf_figure_options o = CF_FIGURE_OPTIONS_INIT;
  snprintf(id, 256, "%.180s-%.60s", part->task->id, stem);
  o.id = id;
  o.name = title;
  o.description = caption;
  return o;
}
