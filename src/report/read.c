/* Reading results leniently: what is absent is left out of the report, never invented. */
#include "report/page.h"
#include "base/internal.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

double cf_part_number(const cf_json *object, const char *key) {
  return object ? cf_json_as_number(cf_json_get(object, key)) : NAN;
}

const char *cf_part_text(const cf_json *object, const char *key, const char *otherwise) {
  const char *text = object ? cf_json_as_text(cf_json_get(object, key)) : NULL;
  return text ? text : otherwise;
}

double cf_part_pair(const cf_json *object, const char *key, size_t i) {
  const cf_json *list = object ? cf_json_get(object, key) : NULL;
  return list && cf_json_is_list(list) && i < cf_json_count(list) ? cf_json_as_number(cf_json_at(list, i)) : NAN;
}

static cf_status copy_text(cf_context *ctx, const char *text, const char **out) {
  cf_status status = CF_OK;
  char *copy = NULL;
  size_t size = strlen(text) + 1;
  CF_TRY(cf_scratch_bytes(ctx, size, 1, (void **)&copy));
  memcpy(copy, text, size);
  *out = copy;
done:
  return status;
}

size_t cf_names_folder(const char *const *name, size_t n) {
  size_t length = 0;
  if (n < 2) return 0;
  for (size_t i = 0; name[0][i]; ++i) {
    for (size_t k = 1; k < n; ++k)
      if (name[k][i] != name[0][i]) return length;
    if (name[0][i] == '/' || name[0][i] == ':') length = i + 1;
  }
  return length;
}

static void shorten(const char **name, size_t n) {
  size_t folder = cf_names_folder(name, n);
  for (size_t i = 0; i < n; ++i) name[i] += folder;
}

static cf_status labels_of(cf_context *ctx, const cf_array *array, size_t n, const char ***out) {
  cf_status status = CF_OK;
  const char **text = NULL;
  char buffer[64];
  CF_TRY(CF_SCRATCH(ctx, &text, n));
  for (size_t i = 0; i < n; ++i) CF_TRY(copy_text(ctx, cf_array_label(array, i, buffer, sizeof buffer), text + i));
  *out = text;
done:
  return status;
}

static const cf_array *member(const cf_part *part, const char *const *names, size_t n) {
  for (; *names; ++names) {
    const cf_array *a = cf_dataset_get(part->task->arrays, *names);
    if (a && a->ndim == 1 && a->shape[0] == n) return a;
  }
  return NULL;
}

/* "face 12", "face_3", "face-4" belong to "face". */
static size_t stem_length(const char *label) {
  size_t end = strlen(label);
  while (end > 0 && isdigit((unsigned char)label[end - 1])) --end;
  while (end > 0 && strchr(" _-.#", label[end - 1])) --end;
  return end;
}

/* Categories: an array that says so, else the words before a running number when they make 2 to 12 groups of 2 or more.
 */
static cf_status find_groups(cf_context *ctx, const cf_part *part, cf_stack *s) {
  cf_status status = CF_OK;
  static const char *const names[] = {"category", "categories", "group", "cluster", NULL};
  const cf_array *given = member(part, names, s->n);
  const char **text = NULL;
  char buffer[64];
  size_t *group = NULL, groups = 0;
  const char *group_name[64];
  if (!given && (!s->label || strcmp(part->task->kind, "distances") == 0)) return CF_OK;
  CF_TRY(CF_SCRATCH(ctx, &group, s->n));
  CF_TRY(CF_SCRATCH(ctx, &text, 64));
  for (size_t i = 0; i < s->n; ++i) {
    const char *label = given ? cf_array_label(given, i, buffer, sizeof buffer) : s->label[i];
    size_t length = given ? strlen(label) : stem_length(label), g = 0;
    while (g < groups && (strlen(group_name[g]) != length || strncmp(group_name[g], label, length) != 0)) ++g;
    if (g == groups) {
      if (groups == (given ? 24u : 12u) || length == 0) return CF_OK;
      char *copy = NULL;
      CF_TRY(cf_scratch_bytes(ctx, length + 1, 1, (void **)&copy));
      memcpy(copy, label, length);
      copy[length] = '\0';
      group_name[groups++] = copy;
    }
    group[i] = g;
  }
  if (groups < 2 || groups > s->n / 2) return CF_OK;
  for (size_t g = 0; g < groups && !given; ++g) {
    size_t members = 0;
    for (size_t i = 0; i < s->n; ++i) members += group[i] == g ? 1 : 0;
    if (members < 2) return CF_OK;
  }
  memcpy(text, group_name, groups * sizeof *text);
  s->group = group;
  s->groups = groups;
  s->group_name = text;
done:
  return status;
}

static cf_status name_items(cf_context *ctx, const cf_part *part, const cf_array *array, const char *what,
                            cf_stack *s) {
  cf_status status = CF_OK;
  const cf_array *given = array->ndim > 1 && array->shape[0] == s->count && !(array->ndim == 2 && s->count == 1)
                              ? array->coordinate[0]
                              : NULL;
  const cf_json *models = cf_json_get(part->result, "models");
  char buffer[128];
  if (given) return labels_of(ctx, given, s->count, &s->name);
  CF_TRY(CF_SCRATCH(ctx, &s->name, s->count));
  bool model = strstr(what, "model") != NULL;
  for (size_t k = 0; k < s->count; ++k) {
    const char *name =
        model && models && cf_json_count(models) == s->count ? cf_part_text(cf_json_at(models, k), "name", NULL) : NULL;
    if (!name) {
      snprintf(buffer, sizeof buffer, s->count == 1 ? "%s" : "%s %zu",
               s->count == 1          ? what
               : model                ? "model"
               : strstr(what, "data") ? "subject"
                                      : what,
               k + 1);
      name = buffer;
    }
    CF_TRY(copy_text(ctx, name, s->name + k));
  }
done:
  return status;
}

cf_status cf_stack_read(cf_page *page, const cf_part *part, const char *name, cf_stack *out) {
  cf_status status = CF_OK;
  cf_context *ctx = page->ctx;
  const cf_array *array = cf_dataset_get(part->task->arrays, name);
  double *values = NULL;
  size_t cells = 0;
  memset(out, 0, sizeof *out);
  if (!array || array->dtype == CF_TEXT || array->ndim < 2 || array->ndim > 3) return CF_OK;
  cf_stack s = {0};
  bool square = array->shape[array->ndim - 1] == array->shape[array->ndim - 2];
  size_t pairs = 0;
  if (square) {
    s.n = array->shape[array->ndim - 1];
    s.count = array->ndim == 3 ? array->shape[0] : 1;
  } else if (array->ndim == 2) { /* packed upper triangles */
    pairs = array->shape[1];
    s.n = (size_t)((1.0 + sqrt(1.0 + 8.0 * (double)pairs)) / 2.0 + 0.5);
    s.count = array->shape[0];
    if (s.n * (s.n - 1) / 2 != pairs) return CF_OK;
  } else {
    return CF_OK;
  }
  if (s.n < 2 || s.count == 0 || s.n > 20000) return CF_OK;
  CF_TRY(cf_size_mul(ctx, s.n, s.n, &cells));
  CF_TRY(cf_size_mul(ctx, cells, s.count, &cells));
  CF_TRY(CF_SCRATCH(ctx, &values, cells));
  s.symmetric = true;
  for (size_t k = 0; k < s.count; ++k) {
    double *v = values + k * s.n * s.n;
    if (square) {
      for (size_t i = 0; i < s.n * s.n; ++i) v[i] = cf_array_number(array, k * s.n * s.n + i);
      for (size_t i = 0; i < s.n && s.symmetric; ++i)
        for (size_t j = 0; j < i; ++j) {
          double a = v[i * s.n + j], b = v[j * s.n + i];
          if (fabs(a - b) > 1e-9 * (fabs(a) + fabs(b)) || isnan(a) != isnan(b)) s.symmetric = false;
        }
      continue;
    }
    for (size_t i = 0, p = 0; i < s.n; ++i) {
      v[i * s.n + i] = 0.0;
      for (size_t j = i + 1; j < s.n; ++j) v[i * s.n + j] = v[j * s.n + i] = cf_array_number(array, k * pairs + p++);
    }
  }
  double largest = 0.0;
  for (size_t i = 0; i < cells; ++i)
    if (isfinite(values[i])) largest = CF_MAX(largest, fabs(values[i]));
  for (size_t i = 0; i < cells; ++i)
    if (fabs(values[i]) < 1e-12 * largest) values[i] = 0.0; /* the same but for rounding */
  s.values = values;
  const cf_array *labels = square ? array->coordinate[array->ndim - 1] : NULL;
  static const char *const names[] = {"condition", "conditions", "stimulus", "label", "labels", "names", "name", NULL};
  if (!labels) labels = member(part, names, s.n);
  if (labels) CF_TRY(labels_of(ctx, labels, s.n, &s.label));
  if (labels) shorten(s.label, s.n);
  CF_TRY(find_groups(ctx, part, &s));
  CF_TRY(name_items(ctx, part, array, name, &s));
  shorten(s.name, s.count);
  *out = s;
done:
  return status;
}

cf_status cf_stack_mean(cf_page *page, const cf_stack *stack, const char *name, cf_stack *out) {
  cf_status status = CF_OK;
  size_t cells = stack->n * stack->n;
  double *values = NULL;
  const char **names = NULL;
  CF_TRY(CF_SCRATCH(page->ctx, &values, cells));
  CF_TRY(CF_SCRATCH(page->ctx, &names, 1));
  for (size_t i = 0; i < cells; ++i) {
    double sum = 0.0;
    size_t known = 0;
    for (size_t k = 0; k < stack->count; ++k)
      if (isfinite(stack->values[k * cells + i])) sum += stack->values[k * cells + i], ++known;
    values[i] = known ? sum / (double)known : NAN;
  }
  *out = *stack;
  out->count = 1;
  out->values = values;
  names[0] = name;
  out->name = names;
done:
  return status;
}

const char *cf_metric_title(const char *metric) {
  static const char *const title[][2] = {{"correlation", "dissimilarity (1 − Pearson r)"},
                                         {"cosine", "dissimilarity (1 − cosine)"},
                                         {"euclidean", "Euclidean distance (units of the responses)"},
                                         {"sqeuclidean", "squared Euclidean distance (squared units)"},
                                         {"mahalanobis", "squared Mahalanobis distance"},
                                         {"crossnobis", "crossnobis distance (cross-validated; 0 expected by chance)"},
                                         {"poisson", "Poisson KL dissimilarity (nats)"}};
  for (size_t i = 0; metric && i < sizeof title / sizeof *title; ++i)
    if (strcmp(metric, title[i][0]) == 0) return title[i][1];
  return metric ? metric : "dissimilarity";
}

const char *cf_comparator_title(const char *comparator) {
  static const char *const title[][2] = {{"spearman", "Spearman's ρ"},         {"rho-a", "Spearman's ρ-a"},
                                         {"pearson", "Pearson's r"},           {"cosine", "cosine similarity"},
                                         {"kendall-tau-a", "Kendall's τ-a"},   {"kendall-tau-b", "Kendall's τ-b"},
                                         {"corr-cov", "whitened correlation"}, {"cosine-cov", "whitened cosine"}};
  for (size_t i = 0; comparator && i < sizeof title / sizeof *title; ++i)
    if (strcmp(comparator, title[i][0]) == 0) return title[i][1];
  return comparator ? comparator : "RDM similarity";
}
