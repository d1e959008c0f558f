/* Decoding: accuracy over growing and shrinking windows, the decoding manifold and its trajectories, confusions. */
#include "report/conditions.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SCORES = 3, MOST_CLASSES = 60, MOST_ACTIVITY = 12, RED = 6, BLUE = 0 };

static const char *const key[SCORES] = {"knn", "logistic", "mean"};
static const char *const title_of[SCORES] = {"Nearest neighbours", "Logistic regression", "Nearest mean"};

static double chance_of(const cf_part *part, int k) {
  const cf_json *chance = cf_json_get(part->result, "chance");
  double mean = cf_part_number(cf_json_get(chance, key[k]), "mean");
  return isfinite(mean) ? mean : cf_part_number(chance, "guess");
}

/* ----------------------------------------------------------- the finding -- */

cf_status cf_find_decode(cf_page *page, const cf_part *part) {
  const cf_json *r = part->result, *accuracy = cf_json_get(r, "accuracy"), *chance = cf_json_get(r, "chance");
  double neurons = cf_part_number(r, "neurons"), conditions = cf_part_number(r, "conditions"),
         classes = (double)cf_json_count(cf_json_get(r, "classes"));
  const char *by = cf_part_text(r, "by", "stimulus");
  char text[64];
  size_t shown = 0;
  if (!accuracy || !cf_json_is_object(accuracy)) return cf_find_other(page, part);
  cf_text_put(&page->html, "<p>");
  if (isfinite(neurons) && isfinite(conditions))
    cf_text_write(&page->html, "$i neurons, $i conditions of $i $s. ", (int)neurons, (int)conditions, (int)classes,
                  strcmp(by, "direction") == 0 ? "directions" : "stimuli");
  for (int k = 0; k < SCORES; ++k) {
    double value = cf_part_number(accuracy, key[k]), p = cf_part_number(cf_json_get(chance, key[k]), "p");
    if (!isfinite(value)) continue;
    cf_text_write(&page->html, "$s$s right in $d % of the cases (chance $d %", shown ? "; " : "", title_of[k],
                  100.0 * value, 100.0 * chance_of(part, k));
    if (isfinite(p)) cf_text_write(&page->html, ", $t", cf_text_p(p, text, sizeof text));
    cf_text_put(&page->html, ")");
    ++shown;
  }
  cf_text_put(&page->html, ".</p>\n");
  return CF_OK;
}

/* --------------------------------------------------------------- windows -- */

/* Coordinates of the time bins when the responses have any; else their numbers. */
static cf_status read_time(cf_page *page, const cf_part *part, size_t n, double **time, const char **unit) {
  cf_status status = CF_OK;
  const cf_array *window = NULL;
  char name[64];
  *time = NULL;
  *unit = NULL;
  for (int k = 0; k < SCORES && !window; ++k) {
    snprintf(name, sizeof name, "windows_increasing_%s", key[k]);
    window = cf_dataset_get(part->task->arrays, name);
  }
  if (!window || window->ndim != 1 || window->shape[0] != n || !window->coordinate[0]) goto done;
  CF_TRY(cf_block_axis(page, part, window, 0, "time", time));
  if (*time) *unit = "s";
done:
  return status;
}

static cf_status read_curve(cf_page *page, const cf_json *from, int k, const char *name, const double *x, size_t n,
                            cf_curve *out, bool *there) {
  cf_status status = CF_OK;
  double *y = NULL, *sd = NULL, *low = NULL, *high = NULL;
  size_t count = 0, spread = 0;
  char word[32];
  *there = false;
  CF_TRY(cf_part_numbers(page, cf_json_get(from, key[k]), &y, &count));
  if (!y || count != n) goto done;
  snprintf(word, sizeof word, "%s_sd", key[k]);
  CF_TRY(cf_part_numbers(page, cf_json_get(from, word), &sd, &spread));
  *out = (cf_curve){.name = name, .n = n, .x = x, .y = y, .style = CF_CURVE_LINE};
  *there = true;
  if (!sd || spread != n) goto done;
  CF_TRY(CF_SCRATCH(page->ctx, &low, n));
  CF_TRY(CF_SCRATCH(page->ctx, &high, n));
  for (size_t i = 0; i < n; ++i) {
    low[i] = CF_MAX(0.0, y[i] - sd[i]);
    high[i] = CF_MIN(1.0, y[i] + sd[i]);
  }
  out->low = low;
  out->high = high;
done:
  return status;
}

/* One classifier's two curves as a panel; there when the result has them. */
static cf_status windows_panel(cf_page *page, const cf_part *part, int k, const char *title, cf_curve curve[2],
                               cf_curve_panel *panel, bool *there) {
  static const size_t colour[2] = {RED, BLUE};
  cf_status status = CF_OK;
  const cf_json *windows = cf_json_get(part->result, "windows");
  double *time = NULL, *bins = NULL;
  const char *unit = NULL;
  bool up = false, down = false;
  size_t n = cf_json_count(cf_json_get(windows, "time"));
  *there = false;
  if (n < 2) goto done;
  CF_TRY(read_time(page, part, n, &time, &unit));
  CF_TRY(CF_SCRATCH(page->ctx, &bins, n));
  for (size_t i = 0; i < n; ++i) bins[i] = time ? time[i] : (double)i;
  CF_TRY(read_curve(page, cf_json_get(windows, "increasing"), k, "growing", bins, n, curve, &up));
  CF_TRY(read_curve(page, cf_json_get(windows, "decreasing"), k, "shrinking", bins, n, curve + 1, &down));
  *there = up && down;
  *panel = (cf_curve_panel){.title = title,
                            .x_title = unit ? "time (s)" : "time bin",
                            .y_title = "accuracy",
                            .count = 2,
                            .curve = curve,
                            .colour = colour,
                            .levelled = isfinite(chance_of(part, k)),
                            .level = chance_of(part, k),
                            .level_name = "chance",
                            .marked = time && time[0] < 0.0 && time[n - 1] > 0.0,
                            .mark_name = "time 0",
                            .bounded = true,
                            .low = 0.0,
                            .high = 1.0};
done:
  return status;
}

static const char windows_caption[] =
    "Red: the window grows from the first bin to the time on the axis. Blue: it begins at that time and ends with the last bin. "
    "Bands: standard deviation over shuffles of the folds. Dotted: chance, from shuffled labels on the whole time.";

static cf_status draw_windows(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  cf_curve curve[SCORES][2];
  cf_curve_panel panel[SCORES];
  size_t panels = 0;
  char id[256];
  cf_figure *figure = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  for (int k = 0; k < SCORES; ++k) {
    bool there = false;
    CF_TRY(windows_panel(page, part, k, title_of[k], curve[panels], panel + panels, &there));
    panels += there;
  }
  if (panels == 0) goto done;
  cf_curves_figure spec = {panels, 0, panel};
  cf_figure_options o = cf_page_options(part, "windows", "Accuracy over time", windows_caption, id);
  CF_TRY(cf_figure_curves(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "windows", "Accuracy over time", windows_caption, panels > 1, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* -------------------------------------------------------------- activity -- */

/* What the stimuli are called beside the trajectories; else the labels of an array's first axis. */
static cf_status stimulus_names(cf_page *page, const cf_part *part, const cf_conditions *c, const cf_array *array,
                                size_t n, const char ***out) {
  cf_status status = CF_OK;
  *out = NULL;
  for (size_t k = 0; k < c->colourings && !*out; ++k) {
    const cf_colouring *by = c->colouring + k;
    if (strcmp(by->title, "stimulus") != 0 || by->groups != n) continue;
    CF_TRY(CF_SCRATCH(page->ctx, out, n));
    for (size_t s = 0; s < n; ++s) (*out)[s] = by->group_name[s];
  }
  if (!*out) CF_TRY(cf_block_labels(page, part, array, 0, out));
done:
  return status;
}

/* Speed of every trajectory on the principal components, mean over the conditions of a stimulus: stimuli x (steps - 1),
 * a step of time as unit. NULL: the result has none. */
static cf_status read_speed(cf_page *page, const cf_part *part, const cf_conditions *c, size_t stimuli, double **out,
                            size_t *steps) {
  cf_status status = CF_OK;
  const cf_colouring *by = c->colourings ? c->colouring : NULL;
  cf_block x;
  double *count = NULL;
  *out = NULL;
  for (size_t k = 0; k < c->colourings; ++k)
    if (strcmp(c->colouring[k].title, "stimulus") == 0) by = c->colouring + k;
  CF_TRY(cf_block_read(page, part, "trajectories", 3, &x));
  if (!x.value || !by || by->groups != stimuli || x.shape[0] != c->n || x.shape[1] < 2) goto done;
  *steps = x.shape[1] - 1;
  CF_TRY(CF_SCRATCH(page->ctx, out, stimuli * *steps));
  CF_TRY(CF_SCRATCH(page->ctx, &count, stimuli));
  memset(*out, 0, stimuli * *steps * sizeof **out);
  for (size_t s = 0; s < stimuli; ++s) count[s] = 0.0;
  for (size_t i = 0; i < c->n; ++i) count[by->group[i]] += 1.0;
  for (size_t i = 0; i < c->n; ++i)
    for (size_t t = 0; t < *steps; ++t) {
      const double *at = x.value + (i * x.shape[1] + t) * x.shape[2];
      double sum = 0.0;
      for (size_t k = 0; k < x.shape[2]; ++k) sum += (at[x.shape[2] + k] - at[k]) * (at[x.shape[2] + k] - at[k]);
      (*out)[by->group[i] * *steps + t] += sqrt(sum) / count[by->group[i]];
    }
done:
  return status;
}

/* How strong responses are over time, and how fast the trajectories run. */
static cf_status draw_activity(cf_page *page, const cf_part *part, const cf_conditions *c) {
  static const char title[] = "Activity over the trajectories";
  char caption[400];
  cf_status status = CF_OK;
  cf_block mean, error;
  const char **name = NULL;
  double *time = NULL, *x = NULL, *low = NULL, *high = NULL, *speed = NULL;
  size_t steps = 0;
  cf_curve strength[MOST_ACTIVITY], run[MOST_ACTIVITY];
  char id[256];
  cf_figure *figure = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(cf_block_read(page, part, "activity", 2, &mean));
  CF_TRY(cf_block_read(page, part, "activity_error", 2, &error));
  if (!mean.value || !error.value || mean.shape[1] < 2 || mean.shape[0] > MOST_ACTIVITY) goto done;
  const size_t n = mean.shape[0], times = mean.shape[1];
  const char *over = c->repeats ? "repeats" : "directions";
  snprintf(
      caption, sizeof caption,
      "Left: response to each stimulus, mean over neurons and %s; bands: standard error over neurons. Right: how far the "
      "trajectory moves from one time bin to the next on the principal components, mean over the %s of a stimulus.",
      over, over);
  CF_TRY(stimulus_names(page, part, c, mean.array, n, &name));
  if (mean.array->coordinate[1]) CF_TRY(cf_block_axis(page, part, mean.array, 1, "time", &time));
  CF_TRY(CF_SCRATCH(page->ctx, &x, times));
  CF_TRY(CF_SCRATCH(page->ctx, &low, n * times));
  CF_TRY(CF_SCRATCH(page->ctx, &high, n * times));
  for (size_t t = 0; t < times; ++t) x[t] = time ? time[t] : (double)t;
  for (size_t i = 0; i < n * times; ++i) {
    low[i] = mean.value[i] - error.value[i];
    high[i] = mean.value[i] + error.value[i];
  }
  CF_TRY(read_speed(page, part, c, n, &speed, &steps));
  for (size_t s = 0; s < n; ++s) {
    strength[s] = (cf_curve){.name = name ? name[s] : NULL,
                             .n = times,
                             .x = x,
                             .y = mean.value + s * times,
                             .low = low + s * times,
                             .high = high + s * times};
    if (speed) run[s] = (cf_curve){.name = name ? name[s] : NULL, .n = steps, .x = x + 1, .y = speed + s * steps};
  }
  const char *across = time ? "time (s)" : "time bin";
  const bool before = time && time[0] < 0.0 && time[times - 1] > 0.0;
  cf_curve_panel panel[2] = {{.title = "Strength",
                              .x_title = across,
                              .y_title = "mean response",
                              .count = n,
                              .curve = strength,
                              .marked = before,
                              .mark_name = "time 0"},
                             {.title = "Speed",
                              .x_title = across,
                              .y_title = "distance a bin",
                              .count = n,
                              .curve = run,
                              .marked = before,
                              .mark_name = "time 0",
                              .from_zero = true}};
  cf_curves_figure spec = {speed ? 2 : 1, speed ? 2 : 1, panel};
  cf_figure_options o = cf_page_options(part, "activity", title, caption, id);
  if (speed) o.width_mm = CF_FIGURE_TWO_COLUMNS;
  CF_TRY(cf_figure_curves(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "activity", title, caption, speed != NULL, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* -------------------------------------------------------------- manifold -- */

/* Which conditions nearest neighbours get right. */
static cf_status add_right(cf_page *page, const cf_part *part, cf_conditions *c) {
  static const char *const name[2] = {"right", "wrong"};
  cf_status status = CF_OK;
  double *predicted = NULL;
  size_t *group = NULL;
  const char *by = cf_part_text(part->result, "by", "stimulus");
  CF_TRY(cf_block_vector(page, part, "predicted", c->n, &predicted));
  if (!predicted || strcmp(by, "stimulus") != 0 || strcmp(c->colouring[0].title, "stimulus") != 0) goto done;
  CF_TRY(CF_SCRATCH(page->ctx, &group, c->n));
  for (size_t i = 0; i < c->n; ++i) group[i] = predicted[i] != (double)c->colouring[0].group[i];
  c->colouring[c->colourings++] =
      (cf_colouring){.title = "nearest neighbours", .group = group, .groups = 2, .group_name = name};
done:
  return status;
}

/* "The three axes hold 48 % of the variance." */
static void say_explained(const cf_part *part, const char *name, char *out, size_t size) {
  const cf_json *list = cf_json_get(part->result, name);
  double sum = 0.0;
  char number[64];
  size_t n = CF_MIN(cf_json_count(list), (size_t)3);
  for (size_t k = 0; k < n; ++k) sum += cf_json_as_number(cf_json_at(list, k));
  out[0] = '\0';
  if (n && isfinite(sum))
    snprintf(out, size, " These axes hold %s %% of the variance.", cf_text_value(100.0 * sum, number, sizeof number));
}

static cf_status draw_manifold(cf_page *page, const cf_part *part, const cf_conditions *c) {
  cf_status status = CF_OK;
  cf_block x;
  double *point = NULL;
  char id[256], caption[400], explained[100];
  cf_figure *figure = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(cf_block_read(page, part, "coordinates", 2, &x));
  if (!x.value || x.shape[0] != c->n) goto done;
  CF_TRY(cf_conditions_three(page, c->n, x.shape[1], x.value, &point));
  for (size_t i = 0; i < 3 * c->n; ++i)
    if (!isfinite(point[i])) goto done;
  say_explained(part, "explained", explained, sizeof explained);
  snprintf(caption, sizeof caption,
           "Each point is a condition: the mean responses of all neurons over time, on their principal components.%s",
           explained);
  cf_space_figure spec = {.n = c->n,
                          .point = point,
                          .label = c->label,
                          .axis_name = {"PC 1", "PC 2", "PC 3"},
                          .panels = c->colourings,
                          .panel = c->colouring,
                          .azimuth = CF_SPACE_AZIMUTH,
                          .elevation = CF_SPACE_ELEVATION};
  cf_cloud_view view = {.n = c->n,
                        .colourings = c->colourings,
                        .point = point,
                        .axis = {"PC 1", "PC 2", "PC 3"},
                        .label = c->label,
                        .colouring = c->colouring,
                        .shown = c->colourings,
                        .noun = "condition"};
  cf_figure_options o = cf_page_options(part, "manifold", "Decoding manifold", caption, id);
  CF_TRY(cf_figure_space(page->ctx, &spec, &o, &figure));
  status = cf_page_cloud(page, part, "manifold", "Decoding manifold", caption, &view, figure, NULL);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

static cf_status draw_trajectories(cf_page *page, const cf_part *part, const cf_conditions *c) {
  cf_status status = CF_OK;
  cf_block x;
  double *path = NULL, *time = NULL;
  const char *unit = NULL;
  char caption[500], explained[100];
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(cf_block_read(page, part, "trajectories", 3, &x));
  if (!x.value || x.shape[0] != c->n) goto done;
  CF_TRY(cf_conditions_three(page, c->n * x.shape[1], x.shape[2], x.value, &path));
  CF_TRY(read_time(page, part, x.shape[1], &time, &unit));
  say_explained(part, "explained_trajectories", explained, sizeof explained);
  snprintf(
      caption, sizeof caption,
      "Each curve is the population's response to a condition over time, on the principal components of all conditions and "
      "times. It begins in ink, takes its colour and ends in a dot.%s",
      explained);
  status = cf_page_trajectories(page, part, "trajectories", "Trajectories", caption, c, x.shape[1], path, time, unit);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* ------------------------------------------------------------- confusion -- */

/* Rows of the count as shares; false when it is not classes x classes. */
static bool shares_of(const cf_json *rows, size_t classes, double *out) {
  if (!rows || !cf_json_is_list(rows) || cf_json_count(rows) != classes) return false;
  for (size_t a = 0; a < classes; ++a) {
    const cf_json *row = cf_json_at(rows, a);
    double sum = 0.0;
    if (!cf_json_is_list(row) || cf_json_count(row) != classes) return false;
    for (size_t b = 0; b < classes; ++b) sum += out[a * classes + b] = cf_json_as_number(cf_json_at(row, b));
    for (size_t b = 0; b < classes; ++b) out[a * classes + b] = sum > 0.0 ? out[a * classes + b] / sum : NAN;
  }
  return true;
}

static cf_status draw_confusion(cf_page *page, const cf_part *part) {
  char caption[300];
  cf_status status = CF_OK;
  const cf_json *names = cf_json_get(part->result, "classes"), *confusion = cf_json_get(part->result, "confusion");
  size_t classes = names && cf_json_is_list(names) ? cf_json_count(names) : 0;
  cf_grid_panel panel[SCORES];
  size_t panels = 0;
  double *share = NULL;
  const char **name = NULL;
  char id[256], guess[32];
  cf_figure *figure = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  if (classes < 2 || classes > MOST_CLASSES) goto done;
  CF_TRY(CF_SCRATCH(page->ctx, &name, classes));
  for (size_t k = 0; k < classes; ++k) {
    const char *text = cf_json_as_text(cf_json_at(names, k));
    name[k] = text ? text : "?";
  }
  for (int k = 0; k < SCORES; ++k) {
    CF_TRY(CF_SCRATCH(page->ctx, &share, classes * classes));
    if (shares_of(cf_json_get(confusion, key[k]), classes, share))
      panel[panels++] = (cf_grid_panel){
          .title = title_of[k], .quantity = "share of a label", .value = share, .low = 0, .high = 1, .rounded = true};
  }
  if (panels == 0) goto done;
  snprintf(
      caption, sizeof caption,
      "Of the conditions of each label (rows) the share that was taken for each label (columns), over all runs; what is right "
      "stands on the diagonal. Guessing gives %s everywhere.",
      cf_text_fixed(1.0 / (double)classes, 2, guess, sizeof guess));
  cf_grid_figure spec = {.rows = classes,
                         .columns = classes,
                         .panels = panels,
                         .panel = panel,
                         .row_name = name,
                         .column_name = name,
                         .row_title = "label",
                         .column_title = "taken for"};
  cf_figure_options o = cf_page_options(part, "confusion", "Confusions", caption, id);
  CF_TRY(cf_figure_grid(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "confusion", "Confusions", caption, panels > 1, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* ---------------------------------------------------------------- tables -- */

static void write_accuracy(cf_page *page, const cf_part *part) {
  static const char *const columns[] = {"Classifier", "#Accuracy",   "#Standard error", "#sd over runs",
                                        "#Chance",    "#Chance, sd", "#1 / classes",    "#p"};
  const cf_json *r = part->result, *chance = cf_json_get(r, "chance");
  cf_table_begin(page, part, "accuracy", "Accuracy on the whole time", columns, sizeof columns / sizeof *columns);
  for (int k = 0; k < SCORES; ++k) {
    const cf_json *own = cf_json_get(chance, key[k]);
    double value = cf_part_number(cf_json_get(r, "accuracy"), key[k]);
    if (!isfinite(value)) continue;
    cf_table_row(page);
    cf_table_text(page, title_of[k]);
    cf_table_number(page, value);
    cf_table_number(page, cf_part_number(cf_json_get(r, "error"), key[k]));
    cf_table_number(page, cf_part_number(cf_json_get(r, "sd"), key[k]));
    cf_table_level(page, cf_part_number(own, "mean"));
    cf_table_number(page, cf_part_number(own, "sd"));
    cf_table_level(page, cf_part_number(chance, "guess"));
    cf_table_p(page, cf_part_number(own, "p"));
    cf_table_end_row(page);
  }
  cf_table_close(page);
}

/* ---------------------------------------------------------- side by side -- */

/* One classifier over all tasks, a panel each. */
static cf_status draw_beside(cf_page *page, const cf_part *whole, int k) {
  enum { MOST_ACROSS = 5 };
  cf_status status = CF_OK;
  cf_curve(*curve)[2] = NULL;
  cf_curve_panel *panel = NULL;
  size_t panels = 0;
  char id[256], stem[64];
  cf_figure *figure = NULL;
  const cf_study_task **task = NULL;
  const char **name = NULL;
  size_t tasks = 0;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(cf_page_tasks_of(page, "decode", NULL, &task, &tasks));
  CF_TRY(cf_page_short_titles(page, tasks, task, &name));
  CF_TRY(CF_SCRATCH(page->ctx, &curve, tasks));
  CF_TRY(CF_SCRATCH(page->ctx, &panel, tasks));
  for (size_t t = 0; t < tasks; ++t) {
    cf_part part = {task[t], cf_json_get(task[t]->envelope, "result"), cf_json_get(task[t]->envelope, "options")};
    bool there = false;
    CF_TRY(windows_panel(page, &part, k, name[t], curve[panels], panel + panels, &there));
    panels += there;
  }
  if (panels < 2) goto done;
  cf_curves_figure spec = {panels, CF_MIN(panels, (size_t)MOST_ACROSS), panel};
  snprintf(stem, sizeof stem, "decode-%s", key[k]);
  cf_figure_options o = cf_page_options(whole, stem, title_of[k], windows_caption, id);
  o.width_mm = panels > 1 ? CF_FIGURE_TWO_COLUMNS : 0.0;
  CF_TRY(cf_figure_curves(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, whole, stem, title_of[k], windows_caption, true, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* Classifiers that no task has used take no columns. */
static void write_beside(cf_page *page) {
  static const char *const used_title[SCORES] = {"#Neighbours", "#Logistic", "#Mean"};
  const char *columns[3 + 2 * SCORES] = {"Task", "#Neurons", "#Conditions"};
  size_t shown = 3;
  bool used[SCORES] = {false};
  for (size_t t = 0; t < page->results->count; ++t) {
    const cf_study_task *task = page->results->task + t;
    const cf_json *accuracy = cf_json_get(cf_json_get(task->envelope, "result"), "accuracy");
    for (int k = 0; k < SCORES && strcmp(task->kind, "decode") == 0; ++k)
      used[k] = used[k] || isfinite(cf_part_number(accuracy, key[k]));
  }
  for (int k = 0; k < SCORES; ++k)
    if (used[k]) columns[shown++] = used_title[k], columns[shown++] = "#Chance";
  cf_table_open(page, "decode-side-by-side", "Accuracy on the whole time", columns, shown);
  for (size_t t = 0; t < page->results->count; ++t) {
    const cf_study_task *task = page->results->task + t;
    cf_part part = {task, cf_json_get(task->envelope, "result"), NULL};
    const cf_json *accuracy = cf_json_get(part.result, "accuracy");
    if (strcmp(task->kind, "decode") != 0 || !accuracy) continue;
    cf_table_row(page);
    cf_text_write(&page->html, "<td><a href=\"#task-$t\">$t</a></td>", task->id, task->title);
    cf_table_number(page, cf_part_number(part.result, "neurons"));
    cf_table_number(page, cf_part_number(part.result, "conditions"));
    for (int k = 0; k < SCORES; ++k) {
      double value = cf_part_number(accuracy, key[k]);
      if (!used[k]) continue;
      cf_table_number(page, value);
      cf_table_level(page, isfinite(value) ? chance_of(&part, k) : NAN);
    }
    cf_table_end_row(page);
  }
  cf_table_close(page);
}

cf_status cf_page_decode_beside(cf_page *page) {
  static char name[] = "side-by-side";
  cf_status status = CF_OK;
  cf_study_task task = {.id = name};
  cf_part whole = {&task, NULL, NULL};
  if (cf_page_tasks(page, "decode", "accuracy") < 2) return CF_OK;
  cf_text_put(&page->html, "<section id=\"decode-side-by-side\" class=\"task\"><h2>Decoding side by side</h2>\n"
                           "<div class=\"figures\">\n");
  for (int k = 0; k < SCORES; ++k) CF_TRY(draw_beside(page, &whole, k));
  cf_text_put(&page->html, "</div>\n");
  CF_TRY(cf_page_decode_views(page, true));
  CF_TRY(cf_page_decode_views(page, false));
  write_beside(page);
  cf_text_put(&page->html, "</section>\n");
done:
  return status;
}

cf_status cf_part_decode(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  cf_conditions c;
  cf_mark mark = cf_scratch_mark(page->ctx);
  if (!cf_json_is_object(cf_json_get(part->result, "accuracy"))) return cf_part_other(page, part);
  CF_TRY(cf_conditions_read(page, part, &c));
  CF_TRY(cf_find_decode(page, part));
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  CF_TRY(draw_windows(page, part));
  if (c.n > 0) {
    CF_TRY(draw_trajectories(page, part, &c));
    CF_TRY(draw_activity(page, part, &c));
    CF_TRY(add_right(page, part, &c));
    CF_TRY(draw_manifold(page, part, &c));
  }
  CF_TRY(draw_confusion(page, part));
  cf_text_put(&page->html, "</div>\n");
  write_accuracy(page, part);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}
