/* Conditions of decoding results: their names, how they are coloured, and their trajectories. */
#include "report/conditions.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_DIRECTIONS = 36, MOST_REPEATS = 10, MOST_NAMES = 250 };

static cf_status copy(cf_page *page, const char *text, size_t size, const char **out) {
  cf_status status = CF_OK;
  char *own = NULL;
  CF_TRY(cf_scratch_bytes(page->ctx, size + 1, 1, (void **)&own));
  memcpy(own, text, size);
  own[size] = '\0';
  *out = own;
done:
  return status;
}

/* The label of a stimulus' first condition is its name and, when there are several directions, the direction. */
static cf_status add_stimuli(cf_page *page, const double *code, cf_conditions *c) {
  cf_status status = CF_OK;
  size_t *group = NULL, groups = 0;
  const char **name = NULL;
  char plain[256];
  bool counted = true; /* the names are 0, 1, 2 ...: the stimuli had none */
  CF_TRY(CF_SCRATCH(page->ctx, &group, c->n));
  for (size_t i = 0; i < c->n; ++i) {
    if (!(code[i] >= 0.0) || code[i] >= MOST_NAMES) return CF_OK;
    group[i] = (size_t)code[i];
    groups = CF_MAX(groups, group[i] + 1);
  }
  CF_TRY(CF_SCRATCH(page->ctx, &name, groups));
  memset(name, 0, groups * sizeof *name);
  for (size_t i = 0; i < c->n && c->label; ++i) {
    const char *cut = c->directions > 1 ? strrchr(c->label[i], ' ') : NULL;
    if (!name[group[i]])
      CF_TRY(copy(page, c->label[i], cut ? (size_t)(cut - c->label[i]) : strlen(c->label[i]), name + group[i]));
  }
  for (size_t g = 0; g < groups; ++g) {
    snprintf(plain, sizeof plain, "%zu", g);
    counted = counted && (!name[g] || strcmp(name[g], plain) == 0);
  }
  for (size_t g = 0; g < groups; ++g) {
    const size_t digits = name[g] ? strspn(name[g], "0123456789.-") : 0;
    if (name[g] && name[g][digits]) continue; /* words */
    if (counted || !name[g])
      snprintf(plain, sizeof plain, "stimulus %zu", g + 1);
    else
      snprintf(plain, sizeof plain, "stimulus %.200s", name[g]);
    CF_TRY(copy(page, plain, strlen(plain), name + g));
  }
  c->colouring[c->colourings++] =
      (cf_colouring){.title = "stimulus", .group = group, .groups = groups, .group_name = name};
done:
  return status;
}

/* Directions take colours of a circle. `named` false: the responses had none, so that repeats may stand in their place.
 */
static cf_status add_directions(cf_page *page, const double *direction, bool named, cf_conditions *c) {
  cf_status status = CF_OK;
  double seen[MOST_DIRECTIONS];
  size_t *group = NULL, groups = 0;
  const char **name = NULL;
  char plain[32];
  CF_TRY(CF_SCRATCH(page->ctx, &group, c->n));
  for (size_t i = 0; i < c->n; ++i) {
    size_t g = 0;
    while (g < groups && seen[g] != direction[i]) ++g;
    c->directions = CF_MAX(c->directions, g + 1);
    if (g == MOST_DIRECTIONS) return CF_OK; /* too many to tell apart */
    if (g == groups) seen[groups++] = direction[i];
    group[i] = g;
  }
  if (groups < 2 || (!named && groups > MOST_REPEATS)) return CF_OK;
  CF_TRY(CF_SCRATCH(page->ctx, &name, groups));
  for (size_t g = 0; g < groups; ++g) {
    int used = named ? snprintf(plain, sizeof plain, "%.4g°", seen[g]) : snprintf(plain, sizeof plain, "%zu", g + 1);
    CF_TRY(copy(page, plain, (size_t)used, name + g));
  }
  c->colouring[c->colourings++] = (cf_colouring){
      .title = named ? "direction" : "repeat", .group = group, .groups = groups, .group_name = name, .cyclic = named};
done:
  return status;
}

cf_status cf_conditions_read(cf_page *page, const cf_part *part, cf_conditions *out) {
  cf_status status = CF_OK;
  cf_block code;
  double *direction = NULL;
  const char **label = NULL;
  cf_conditions c = {.n = 0};
  memset(out, 0, sizeof *out);
  CF_TRY(cf_block_read(page, part, "stimulus_code", 1, &code));
  if (!code.value) goto done;
  c.n = code.shape[0];
  CF_TRY(cf_block_labels(page, part, code.array, 0, &label));
  c.label = label;
  CF_TRY(cf_block_vector(page, part, "direction", c.n, &direction));
  const cf_json *named = cf_json_get(part->result, "directions_named");
  c.repeats = named && !cf_json_as_bool(named);
  if (direction) CF_TRY(add_directions(page, direction, !c.repeats, &c));
  c.repeats = c.repeats && c.directions > 1;
  size_t directions = c.colourings;
  CF_TRY(add_stimuli(page, code.value, &c));
  if (directions == 1 && c.colourings == 2) { /* stimuli come first */
    cf_colouring swap = c.colouring[0];
    c.colouring[0] = c.colouring[1];
    c.colouring[1] = swap;
  }
  if (c.colourings > 0) *out = c;
done:
  return status;
}

cf_status cf_conditions_three(cf_page *page, size_t rows, size_t dims, const double *from, double **out) {
  cf_status status = CF_OK;
  CF_TRY(CF_SCRATCH(page->ctx, out, 3 * rows));
  for (size_t i = 0; i < rows; ++i)
    for (size_t k = 0; k < 3; ++k) (*out)[3 * i + k] = k < dims ? from[i * dims + k] : 0.0;
done:
  return status;
}

cf_status cf_conditions_mean(cf_page *page, size_t steps, cf_conditions *c, const double **path) {
  cf_status status = CF_OK;
  const cf_colouring *by = c->colouring;
  double *mean = NULL, *count = NULL;
  size_t *group = NULL;
  CF_TRY(CF_SCRATCH(page->ctx, &mean, 3 * by->groups * steps));
  CF_TRY(CF_SCRATCH(page->ctx, &count, by->groups));
  CF_TRY(CF_SCRATCH(page->ctx, &group, by->groups));
  memset(mean, 0, 3 * by->groups * steps * sizeof *mean);
  for (size_t g = 0; g < by->groups; ++g) count[g] = 0.0, group[g] = g;
  for (size_t i = 0; i < c->n; ++i) {
    count[by->group[i]] += 1.0;
    for (size_t k = 0; k < 3 * steps; ++k) mean[by->group[i] * 3 * steps + k] += (*path)[i * 3 * steps + k];
  }
  for (size_t g = 0; g < by->groups; ++g)
    for (size_t k = 0; k < 3 * steps; ++k) mean[g * 3 * steps + k] /= CF_MAX(1.0, count[g]);
  cf_colouring one = {.title = by->title, .group = group, .groups = by->groups, .group_name = by->group_name};
  c->label = by->group_name;
  c->n = by->groups;
  c->colouring[0] = one;
  c->colourings = 1;
  *path = mean;
done:
  return status;
}

static bool all_finite(const double *v, size_t n) {
  for (size_t i = 0; i < n; ++i)
    if (!isfinite(v[i])) return false;
  return true;
}

cf_status cf_page_trajectories(cf_page *page, const cf_part *part, const char *stem, const char *title,
                               const char *caption, const cf_conditions *given, size_t steps, const double *path,
                               const double *time, const char *unit) {
  cf_status status = CF_OK;
  cf_figure *figure = NULL;
  cf_conditions own = *given, *c = &own;
  double *last = NULL;
  char id[256], longer[700];
  cf_mark mark = cf_scratch_mark(page->ctx);
  if (steps < 2 || c->colourings == 0 || !all_finite(path, 3 * c->n * steps)) goto done;
  if (c->repeats && strcmp(c->colouring[0].title, "stimulus") == 0) {
    snprintf(longer, sizeof longer, "%.500s Means over %zu repeats; the single ones are in arrays.h5.", caption,
             c->directions);
    caption = longer;
    CF_TRY(cf_conditions_mean(page, steps, c, &path));
  }
  cf_paths_figure spec = {.n = c->n,
                          .steps = steps,
                          .point = path,
                          .label = c->label,
                          .axis_name = {"PC 1", "PC 2", "PC 3"},
                          .panels = CF_MIN(c->colourings, 2),
                          .panel = c->colouring,
                          .azimuth = CF_PATHS_AZIMUTH,
                          .elevation = CF_PATHS_ELEVATION};
  CF_TRY(CF_SCRATCH(page->ctx, &last, 3 * c->n));
  for (size_t i = 0; i < c->n; ++i) memcpy(last + 3 * i, path + 3 * (i * steps + steps - 1), 3 * sizeof *last);
  cf_cloud_view view = {.n = c->n,
                        .colourings = c->colourings,
                        .point = last,
                        .axis = {"PC 1", "PC 2", "PC 3"},
                        .label = c->label,
                        .colouring = c->colouring,
                        .shown = c->colourings,
                        .steps = steps,
                        .path = path,
                        .step_time = time,
                        .step_unit = unit,
                        .noun = "condition"};
  cf_figure_options o = cf_page_options(part, stem, title, caption, id);
  CF_TRY(cf_figure_paths(page->ctx, &spec, &o, &figure));
  status = cf_page_cloud(page, part, stem, title, caption, &view, figure, NULL);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}
