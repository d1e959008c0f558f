/* Reading an `encode` result: every quantity of a point becomes a way of colouring it. */
#include "report/encoding.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_CATEGORIES = 250, MOST_DIRECTIONS = 36, MOST_FACTORS = 30 };

static cf_status text_of(cf_page *page, const char *format, double number, const char **out) {
  cf_status status = CF_OK;
  char *text = NULL;
  CF_TRY(cf_scratch_bytes(page->ctx, 64, 1, (void **)&text));
  snprintf(text, 64, format, number);
  *out = text;
done:
  return status;
}

/* Entries of a vector over the points that are shown. */
static cf_status pick(cf_page *page, const cf_encoding *e, const double *all, double **out) {
  cf_status status = CF_OK;
  CF_TRY(CF_SCRATCH(page->ctx, out, e->n));
  for (size_t i = 0; i < e->n; ++i) (*out)[i] = all[e->row[i]];
done:
  return status;
}

static void add(cf_encoding *e, cf_colouring c, const char *unit) {
  if (e->colourings == CF_MOST_COLOURINGS) return;
  e->unit[e->colourings] = unit;
  e->colouring[e->colourings++] = c;
}

/* Whole codes from 0 (below: in no group) as a category. names NULL: number of the code, counted from 1. */
static cf_status add_codes(cf_page *page, cf_encoding *e, const char *title, const double *code,
                           const char *const *names, size_t known, const char *word) {
  cf_status status = CF_OK;
  size_t *group = NULL, groups = known;
  const char **name = NULL;
  CF_TRY(CF_SCRATCH(page->ctx, &group, e->n));
  for (size_t i = 0; i < e->n; ++i) {
    double v = code[e->row[i]];
    if (v >= MOST_CATEGORIES) return CF_OK;
    group[i] = v >= 0.0 ? (size_t)v : CF_NO_GROUP;
    if (v >= 0.0) groups = CF_MAX(groups, group[i] + 1);
  }
  if (groups == 0) return CF_OK;
  CF_TRY(CF_SCRATCH(page->ctx, &name, groups));
  for (size_t g = 0; g < groups; ++g) {
    if (names && g < known)
      name[g] = names[g];
    else
      CF_TRY(text_of(page, word, (double)(g + 1), name + g));
  }
  add(e, (cf_colouring){.title = title, .group = group, .groups = groups, .group_name = name}, NULL);
done:
  return status;
}

static cf_status add_text(cf_page *page, cf_encoding *e, const char *title, const cf_array *array) {
  cf_status status = CF_OK;
  size_t *code = NULL, groups = 0;
  double *number = NULL;
  const char **name = NULL;
  cf_array *names = NULL;
  CF_TRY(CF_SCRATCH(page->ctx, &code, e->rows));
  CF_TRY(CF_SCRATCH(page->ctx, &number, e->rows));
  CF_TRY(cf_labels_group(page->ctx, array, code, &groups, &names));
  CF_TRY(CF_SCRATCH(page->ctx, &name, groups));
  for (size_t g = 0; g < groups; ++g) {
    char buffer[64], *copy = NULL;
    const char *text = cf_array_label(names, g, buffer, sizeof buffer);
    CF_TRY(cf_scratch_bytes(page->ctx, strlen(text) + 1, 1, (void **)&copy));
    strcpy(copy, text);
    name[g] = copy;
  }
  for (size_t i = 0; i < e->rows; ++i) number[i] = (double)code[i];
  status = add_codes(page, e, title, number, name, groups, "%.0f");
done:
  cf_array_free(names);
  return status;
}

/* Directions as categories in a circle when they are few, else as a value on the cyclic map. */
static cf_status add_direction(cf_page *page, cf_encoding *e, const double *all) {
  cf_status status = CF_OK;
  double *own = NULL, seen[MOST_DIRECTIONS];
  size_t *group = NULL, groups = 0;
  const char **name = NULL;
  CF_TRY(pick(page, e, all, &own));
  for (size_t i = 0; i < e->n; ++i) {
    size_t g = 0;
    if (!isfinite(own[i])) continue;
    while (g < groups && seen[g] < own[i]) ++g;
    if (g < groups && seen[g] == own[i]) continue;
    if (groups == MOST_DIRECTIONS) {
      add(e, (cf_colouring){.title = "preferred direction", .value = own, .low = 0, .high = 360, .map = CF_MAP_CYCLIC},
          "degrees");
      return CF_OK;
    }
    memmove(seen + g + 1, seen + g, (groups - g) * sizeof *seen);
    seen[g] = own[i];
    ++groups;
  }
  if (groups == 0) return CF_OK;
  CF_TRY(CF_SCRATCH(page->ctx, &group, e->n));
  CF_TRY(CF_SCRATCH(page->ctx, &name, groups));
  for (size_t g = 0; g < groups; ++g) CF_TRY(text_of(page, "%g°", seen[g], name + g));
  for (size_t i = 0; i < e->n; ++i) {
    group[i] = CF_NO_GROUP;
    for (size_t g = 0; g < groups; ++g)
      if (seen[g] == own[i]) group[i] = g;
  }
  add(e,
      (cf_colouring){
          .title = "preferred direction", .group = group, .groups = groups, .group_name = name, .cyclic = true},
      NULL);
done:
  return status;
}

static cf_status add_categories(cf_page *page, const cf_part *part, cf_encoding *e) {
  cf_status status = CF_OK;
  double *v = NULL;
  const char **names = NULL;
  size_t known = 0;
  CF_TRY(cf_block_vector(page, part, "cluster", e->rows, &v));
  e->cluster = SIZE_MAX;
  if (v) {
    e->cluster = e->colourings;
    CF_TRY(add_codes(page, e, "cluster", v, NULL, 0, "cluster %.0f"));
    if (e->colourings == e->cluster) e->cluster = SIZE_MAX;
  }
  const cf_array *group = cf_dataset_get(part->task->arrays, "group"),
                 *group_name = cf_dataset_get(part->task->arrays, "group_name");
  if (group && group->dtype == CF_TEXT && group->ndim == 1 && group->shape[0] == e->rows) {
    CF_TRY(add_text(page, e, "group", group));
  } else {
    CF_TRY(cf_block_vector(page, part, "group", e->rows, &v));
    if (v && group_name && group_name->dtype == CF_TEXT && group_name->ndim == 1) {
      char **text = group_name->data;
      known = group_name->shape[0];
      CF_TRY(CF_SCRATCH(page->ctx, &names, known));
      for (size_t g = 0; g < known; ++g) names[g] = text[g] ? text[g] : "";
    }
    if (v) CF_TRY(add_codes(page, e, "group", v, names, known, "group %.0f"));
  }
  const cf_array *preferred = cf_dataset_get(part->task->arrays, "preferred_stimulus");
  if (preferred && preferred->dtype == CF_TEXT && preferred->ndim == 1 && preferred->shape[0] == e->rows)
    CF_TRY(add_text(page, e, "preferred stimulus", preferred));
  CF_TRY(cf_block_vector(page, part, "preferred_stimulus", e->rows, &v));
  if (v)
    CF_TRY(add_codes(page, e, "preferred stimulus", v, e->stimulus_name, e->stimulus_name ? e->stimuli : 0,
                     "stimulus %.0f"));
  CF_TRY(cf_block_vector(page, part, "preferred_direction", e->rows, &v));
  if (v) CF_TRY(add_direction(page, e, v));
done:
  return status;
}

static cf_status add_values(cf_page *page, const cf_part *part, cf_encoding *e) {
  static const struct {
    const char *array, *title, *unit;
    double high;
  } known[] = {{"osi", "OSI", "orientation selectivity (0 to 1)", 1},
               {"dsi", "DSI", "direction selectivity (0 to 1)", 1},
               {"mean_rate", "mean response", "mean response (units of the data)", 0},
               {"log_variance", "log temporal variance", "log of the variance over time", 0},
               {"dimension", "local dimension", "local dimension", 0},
               {"ncd", "correlation dimension", "neighbourhood correlation dimension", 0},
               {"degree", "degree", "neighbours in the graph", 0},
               {"weighted_degree", "weighted degree", "sum of kernel weights", 0}};
  cf_status status = CF_OK;
  double *v = NULL, *own = NULL;
  for (size_t k = 0; k < sizeof known / sizeof *known; ++k) {
    CF_TRY(cf_block_vector(page, part, known[k].array, e->rows, &v));
    if (!v) continue;
    CF_TRY(pick(page, e, v, &own));
    add(e, (cf_colouring){.title = known[k].title, .value = own, .low = 0, .high = known[k].high}, known[k].unit);
  }
done:
  return status;
}

/* What is known of the neurons besides: groups/NAME and quantities/NAME. */
static cf_status add_known(cf_page *page, const cf_part *part, cf_encoding *e) {
  static const char groups[] = "groups/", quantities[] = "quantities/";
  cf_status status = CF_OK;
  double *v = NULL, *own = NULL;
  const cf_dataset *set = part->task->arrays;
  for (size_t i = 0; i < set->count; ++i) {
    const cf_array *a = set->array[i];
    if (!a->name || a->ndim != 1 || a->shape[0] != e->rows) continue;
    if (strncmp(a->name, groups, sizeof groups - 1) == 0) CF_TRY(add_text(page, e, a->name + sizeof groups - 1, a));
    if (strncmp(a->name, quantities, sizeof quantities - 1) != 0) continue;
    CF_TRY(cf_block_vector(page, part, a->name, e->rows, &v));
    if (!v) continue;
    CF_TRY(pick(page, e, v, &own));
    add(e, (cf_colouring){.title = a->name + sizeof quantities - 1, .value = own}, NULL);
  }
done:
  return status;
}

/* Columns of the neural matrix at the points' neurons. */
static cf_status add_factors(cf_page *page, const cf_part *part, cf_encoding *e) {
  cf_status status = CF_OK;
  cf_block matrix;
  double *kept = NULL, *own = NULL;
  CF_TRY(cf_block_read(page, part, "neural_matrix", 2, &matrix));
  CF_TRY(cf_block_vector(page, part, "kept", e->rows, &kept));
  if (!matrix.value || (!kept && matrix.shape[0] != e->rows)) return CF_OK;
  for (size_t r = 0; r < CF_MIN(matrix.shape[1], MOST_FACTORS); ++r) {
    const char *title = NULL;
    CF_TRY(CF_SCRATCH(page->ctx, &own, e->n));
    for (size_t i = 0; i < e->n; ++i) {
      double row = kept ? kept[e->row[i]] : (double)e->row[i];
      own[i] = row >= 0.0 && row < (double)matrix.shape[0] ? matrix.value[(size_t)row * matrix.shape[1] + r] : NAN;
    }
    CF_TRY(text_of(page, "factor %.0f", (double)(r + 1), &title));
    add(e, (cf_colouring){.title = title, .value = own}, "loading in the neural matrix");
  }
done:
  return status;
}

static cf_status read_maps(cf_page *page, const cf_part *part, cf_encoding *e) {
  cf_status status = CF_OK;
  cf_block maps, stimulus;
  CF_TRY(cf_block_read(page, part, "maps", 4, &maps));
  CF_TRY(cf_block_read(page, part, "stimulus", 2, &stimulus));
  if (maps.value && maps.shape[0] == e->rows) {
    size_t each = maps.shape[1] * maps.shape[2] * maps.shape[3];
    e->stimuli = maps.shape[1];
    e->directions = maps.shape[2];
    e->times = maps.shape[3];
    CF_TRY(CF_SCRATCH(page->ctx, &e->map, e->n * each));
    for (size_t i = 0; i < e->n; ++i) memcpy(e->map + i * each, maps.value + e->row[i] * each, each * sizeof *e->map);
    CF_TRY(cf_block_labels(page, part, maps.array, 1, &e->stimulus_name));
    CF_TRY(cf_block_axis(page, part, maps.array, 2, "direction", &e->direction));
    CF_TRY(cf_block_axis(page, part, maps.array, 3, "time", &e->time));
  }
  if (e->stimulus_name || !stimulus.value || (e->stimuli && e->stimuli != stimulus.shape[0])) goto done;
  CF_TRY(cf_block_labels(page, part, stimulus.array, 0, &e->stimulus_name));
  if (e->stimulus_name) e->stimuli = stimulus.shape[0];
done:
  return status;
}

static cf_status read_coordinates(cf_page *page, const cf_part *part, cf_encoding *e) {
  cf_status status = CF_OK;
  cf_block x;
  CF_TRY(cf_block_read(page, part, "coordinates", 2, &x));
  if (!x.value || x.shape[0] != e->rows) goto done;
  e->coordinates = x.shape[1];
  CF_TRY(CF_SCRATCH(page->ctx, &e->coordinate, e->n * x.shape[1]));
  for (size_t i = 0; i < e->n; ++i)
    for (size_t k = 0; k < x.shape[1]; ++k) {
      double v = x.value[e->row[i] * x.shape[1] + k];
      e->coordinate[i * x.shape[1] + k] = v;
      if (!isfinite(v)) e->coordinates = 0;
    }
done:
  return status;
}

cf_status cf_encoding_read(cf_page *page, const cf_part *part, cf_encoding *out) {
  cf_status status = CF_OK;
  cf_block place;
  cf_encoding e = {.cluster = SIZE_MAX};
  const char **label = NULL;
  memset(out, 0, sizeof *out);
  out->cluster = SIZE_MAX;
  CF_TRY(cf_block_read(page, part, "embedding", 2, &place));
  if (!place.value || place.shape[1] < 3) goto done;
  e.rows = place.shape[0];
  CF_TRY(CF_SCRATCH(page->ctx, &e.row, e.rows));
  CF_TRY(CF_SCRATCH(page->ctx, &e.point, 3 * e.rows));
  for (size_t i = 0; i < e.rows; ++i) {
    const double *p = place.value + i * place.shape[1];
    if (!isfinite(p[0]) || !isfinite(p[1]) || !isfinite(p[2])) continue;
    memcpy(e.point + 3 * e.n, p, 3 * sizeof *p);
    e.row[e.n++] = i;
  }
  if (e.n == 0) goto done;
  CF_TRY(cf_block_labels(page, part, place.array, 0, &label));
  if (label) {
    CF_TRY(CF_SCRATCH(page->ctx, &e.label, e.n));
    for (size_t i = 0; i < e.n; ++i) e.label[i] = label[e.row[i]];
  }
  CF_TRY(read_maps(page, part, &e));
  CF_TRY(add_categories(page, part, &e));
  CF_TRY(add_values(page, part, &e));
  CF_TRY(add_known(page, part, &e));
  e.shown = e.colourings;
  CF_TRY(add_factors(page, part, &e));
  if (e.colourings == 0) { /* at least where they lie */
    double *first = NULL;
    CF_TRY(CF_SCRATCH(page->ctx, &first, e.n));
    for (size_t i = 0; i < e.n; ++i) first[i] = e.point[3 * i];
    add(&e, (cf_colouring){.title = "first axis", .value = first}, NULL);
    e.shown = 1;
  }
  CF_TRY(read_coordinates(page, part, &e));
  *out = e;
done:
  return status;
}

void cf_encoding_view(const cf_encoding *e, cf_cloud_view *view) {
  *view = (cf_cloud_view){.n = e->n,
                          .colourings = e->colourings,
                          .point = e->point,
                          .axis = {"1", "2", "3"},
                          .label = e->label,
                          .colouring = e->colouring,
                          .unit = e->unit,
                          .shown = e->shown,
                          .stimuli = e->stimuli,
                          .directions = e->directions,
                          .times = e->times,
                          .map = e->map,
                          .stimulus_name = e->stimulus_name,
                          .direction = e->direction,
                          .time = e->time};
}
