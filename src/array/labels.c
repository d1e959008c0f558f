/* Pairing and grouping by label.                                            */
#include "base/internal.h"

#include <cortifold/array.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A label for sorting: text by bytes, numbers by value; its place in the array breaks ties. */
typedef struct label {
  const char *text; /* NULL for numbers */
  double number;
  size_t place;
} label;

static int compare_values(const label *x, const label *y) {
  if (x->text && y->text) return strcmp(x->text, y->text);
  return (x->number > y->number) - (x->number < y->number);
}

static int compare_labels(const void *a, const void *b) {
  const label *x = a, *y = b;
  int c = compare_values(x, y);
  return c ? c : (x->place > y->place) - (x->place < y->place);
}

static const char *title(const cf_array *a) {
  return a->source ? a->source : a->name[0] ? a->name : "labels";
}

static cf_status check_labels(cf_context *ctx, const cf_array *a) {
  if (a->ndim != 1)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: labels must be one-dimensional, this has %d dimensions", title(a), a->ndim);
  if (a->dtype == CF_C64 || a->dtype == CF_C128)
    return cf_fail(ctx, CF_ERR_INPUT, "%s: labels cannot be complex numbers", title(a));
  for (size_t i = 0; a->dtype != CF_TEXT && i < a->shape[0]; i++)
    if (isnan(cf_array_number(a, i))) return cf_fail(ctx, CF_ERR_INPUT, "%s: label %zu is NaN", title(a), i);
  return CF_OK;
}

/* Sorted labels of an array, in scratch. */
static cf_status sorted_labels(cf_context *ctx, const cf_array *a, label **out) {
  cf_status status = check_labels(ctx, a);
  if (status != CF_OK) return status;
  size_t n = a->shape[0];
  status = CF_SCRATCH(ctx, out, n);
  if (status != CF_OK) return status;
  for (size_t i = 0; i < n; i++)
    (*out)[i] = a->dtype == CF_TEXT ? (label){((char **)a->data)[i], 0, i} : (label){NULL, cf_array_number(a, i), i};
  if (n) qsort(*out, n, sizeof **out, compare_labels);
  return CF_OK;
}

/* The first few offending labels as text: "'cat', 'dog' and 3 more". */
typedef struct offenders {
  char text[480];
  size_t used, count;
} offenders;

static void add_offender(offenders *o, const cf_array *a, size_t i) {
  char name[96];
  if (o->count++ >= 4) return;
  cf_array_label(a, i, name, sizeof name);
  int n = snprintf(o->text + o->used, sizeof o->text - o->used, "%s'%s'", o->used ? ", " : "", name);
  if (n > 0) o->used = CF_MIN(o->used + (size_t)n, sizeof o->text - 1);
}

static const char *offender_list(offenders *o) {
  if (o->count > 4) snprintf(o->text + o->used, sizeof o->text - o->used, " and %zu more", o->count - 4);
  return o->text;
}

static cf_status check_unique(cf_context *ctx, const cf_array *a, const label *sorted) {
  offenders twice = {"", 0, 0};
  for (size_t i = 1; i < a->shape[0]; i++)
    if (compare_values(&sorted[i - 1], &sorted[i]) == 0) add_offender(&twice, a, sorted[i].place);
  if (twice.count == 0) return CF_OK;
  return cf_fail(ctx, CF_ERR_INPUT, "%s: labels occur more than once: %s", title(a), offender_list(&twice));
}

/* Walks both sorted lists; notes what has no partner. */
static void merge(const cf_array *a, const label *la, const cf_array *b, const label *lb, size_t *index,
                  offenders *only_a, offenders *only_b) {
  size_t i = 0, j = 0, n = a->shape[0], m = b->shape[0];
  while (i < n || j < m) {
    int c = i >= n ? 1 : j >= m ? -1 : compare_values(&la[i], &lb[j]);
    if (c == 0)
      index[la[i++].place] = lb[j++].place;
    else if (c < 0)
      add_offender(only_a, a, la[i++].place);
    else
      add_offender(only_b, b, lb[j++].place);
  }
}

cf_status cf_labels_match(cf_context *ctx, const cf_array *a, const cf_array *b, size_t *index) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  label *la, *lb;
  offenders only_a = {"", 0, 0}, only_b = {"", 0, 0};
  CF_TRY(sorted_labels(ctx, a, &la));
  CF_TRY(sorted_labels(ctx, b, &lb));
  if ((a->dtype == CF_TEXT) != (b->dtype == CF_TEXT)) {
    status = cf_fail(ctx, CF_ERR_INPUT, "labels of %s are %s, those of %s are %s", title(a),
                     a->dtype == CF_TEXT ? "text" : "numbers", title(b), b->dtype == CF_TEXT ? "text" : "numbers");
    goto done;
  }
  CF_TRY(check_unique(ctx, a, la));
  CF_TRY(check_unique(ctx, b, lb));
  merge(a, la, b, lb, index, &only_a, &only_b);
  if (only_a.count)
    status = cf_fail(ctx, CF_ERR_INPUT, "%s has labels that %s lacks: %s", title(a), title(b), offender_list(&only_a));
  else if (only_b.count)
    status = cf_fail(ctx, CF_ERR_INPUT, "%s has labels that %s lacks: %s", title(b), title(a), offender_list(&only_b));
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Entry k of names becomes entry `place` of labels. */
static cf_status copy_label(cf_context *ctx, const cf_array *labels, size_t place, cf_array *names, size_t k) {
  if (labels->dtype == CF_TEXT) return cf_strdup(ctx, ((char **)labels->data)[place], &((char **)names->data)[k]);
  size_t size = cf_dtype_size(labels->dtype);
  memcpy((char *)names->data + k * size, (const char *)labels->data + place * size, size);
  return CF_OK;
}

cf_status cf_labels_group(cf_context *ctx, const cf_array *labels, size_t *code, size_t *groups, cf_array **names) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  cf_array *distinct = NULL;
  label *sorted;
  size_t count = 0;
  if (names) *names = NULL;
  CF_TRY(sorted_labels(ctx, labels, &sorted));
  for (size_t i = 0; i < labels->shape[0]; i++) {
    if (i == 0 || compare_values(&sorted[i - 1], &sorted[i]) != 0) count++;
    code[sorted[i].place] = count - 1;
  }
  *groups = count;
  if (names) {
    CF_TRY(cf_array_new(ctx, labels->name, labels->dtype, 1, &count, &distinct));
    for (size_t i = 0, k = 0; i < labels->shape[0]; i++)
      if (i == 0 || compare_values(&sorted[i - 1], &sorted[i]) != 0)
        CF_TRY(copy_label(ctx, labels, sorted[i].place, distinct, k++));
    *names = distinct;
    distinct = NULL;
  }
done:
  cf_array_free(distinct);
  cf_scratch_release(ctx, mark);
  return status;
}
