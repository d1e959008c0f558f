/* The alignment table: modules of a network against recordings, one panel a measure, with intervals and chance. */
#include "report/page.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PARTS = 6, MOST_PANELS = 8 };

typedef struct table {
  size_t modules, recordings, measures;
  const char **module, **recording, **measure;
  const char **full_module, **full_recording; /* as in the result */
  double *part[PARTS];                        /* value, low, high, null_mean, p, z: modules x recordings x measures */
} table;

enum { VALUE, LOW, HIGH, CHANCE, P, Z };

/* In the order of the panels. Where the cross-validated variant is there, the published one is not quoted. */
static const struct {
  const char *name, *title, *brief, *better;
  bool floored; /* R2 below this predicts nothing at all, however far below */
} known[] = {{"rsa", "RSA (Spearman)", "RSA", "", false},
             {"cca", "CCA, as published", "CCA", "cca-clean", false},
             {"cca-clean", "CCA, cross-validated", "cross-validated CCA", "", false},
             {"lp", "Linear predictivity, as published", "linear predictivity", "lp-clean", false},
             {"lp-clean", "Linear predictivity, cross-validated", "cross-validated linear predictivity", "", true},
             {"dsa", "DSA (1 − distance)", "DSA", "", false}};
enum { KNOWN = sizeof known / sizeof *known };
#define FLOOR (-0.5)

static size_t known_as(const char *measure) {
  size_t i = 0;
  while (i < KNOWN && strcmp(measure, known[i].name) != 0) ++i;
  return i;
}

static const char *title_of(const char *measure) {
  size_t i = known_as(measure);
  return i < KNOWN ? known[i].title : measure;
}

static const char *brief_of(const char *measure) {
  size_t i = known_as(measure);
  return i < KNOWN ? known[i].brief : measure;
}

static size_t index_of(const table *t, size_t m, size_t r, size_t k) {
  return (m * t->recordings + r) * t->measures + k;
}

static cf_status read_table(cf_page *page, const cf_part *part, table *t) {
  static const char *const names[PARTS] = {"value", "low", "high", "null_mean", "p", "z"};
  cf_status status = CF_OK;
  memset(t, 0, sizeof *t);
  for (int k = 0; k < PARTS; ++k) {
    cf_block b;
    CF_TRY(cf_block_read(page, part, names[k], 3, &b));
    if (!b.value) continue;
    if (k == VALUE) {
      CF_TRY(cf_block_labels(page, part, b.array, 0, &t->module));
      CF_TRY(cf_block_labels(page, part, b.array, 1, &t->recording));
      CF_TRY(cf_block_labels(page, part, b.array, 0, &t->full_module));
      CF_TRY(cf_block_labels(page, part, b.array, 1, &t->full_recording));
      CF_TRY(cf_block_labels(page, part, b.array, 2, &t->measure));
      t->modules = b.shape[0], t->recordings = b.shape[1], t->measures = b.shape[2];
    }
    if (b.shape[0] == t->modules && b.shape[1] == t->recordings && b.shape[2] == t->measures) t->part[k] = b.value;
  }
  if (!t->module || !t->recording || !t->measure) t->modules = 0;
done:
  return status;
}

/* What all names begin and end with says nothing: folder, file ending. */
static void shorten(const char **name, size_t n) {
  size_t folder = cf_names_folder(name, n);
  for (size_t i = 0; i < n; ++i) name[i] += folder;
}

/* A file of the study itself is "arrays" like all the others: better the task that made it. Inputs are the modules,
 * then the recordings. */
static void name_by_task(const cf_page *page, const cf_part *part, table *t) {
  static const char plain[] = "arrays";
  const cf_json *inputs = cf_json_get(part->task->envelope, "inputs");
  if (cf_json_count(inputs) != t->modules + t->recordings) return;
  for (size_t i = 0; i < t->modules + t->recordings; ++i) {
    const char **name = i < t->modules ? t->module + i : t->recording + (i - t->modules);
    const char *task = cf_page_maker(page, cf_part_text(cf_json_at(inputs, i), "path", NULL));
    if (task && strncmp(*name, plain, sizeof plain - 1) == 0) *name = task;
  }
}

static void give_names(const cf_page *page, const cf_part *part, table *t) {
  name_by_task(page, part, t);
  shorten(t->module, t->modules);
  shorten(t->recording, t->recordings);
}

static double at(const table *t, int part, size_t i) {
  return t->part[part] ? t->part[part][i] : NAN;
}

static bool computed(const table *t, size_t k) {
  for (size_t i = k; i < t->modules * t->recordings * t->measures; i += t->measures)
    if (isfinite(at(t, VALUE, i))) return true;
  return false;
}

/* Whether a better variant of the measure was computed too. */
static bool superseded(const table *t, size_t k) {
  size_t i = known_as(t->measure[k]);
  for (size_t j = 0; i < KNOWN && j < t->measures; ++j)
    if (strcmp(t->measure[j], known[i].better) == 0 && computed(t, j)) return true;
  return false;
}

/* Module of the largest value above chance; SIZE_MAX: none. */
static size_t best_module(const table *t, size_t r, size_t k) {
  size_t best = SIZE_MAX;
  for (size_t m = 0; m < t->modules; ++m) {
    if (!(at(t, P, index_of(t, m, r, k)) < 0.05)) continue;
    if (best == SIZE_MAX || at(t, VALUE, index_of(t, m, r, k)) > at(t, VALUE, index_of(t, best, r, k))) best = m;
  }
  return best;
}

/* "Nearest to V1: readout by RSA (0.63, chance 0.00), recurrent by DSA (...)." */
static void say_recording(cf_page *page, const table *t, size_t r) {
  size_t shown = 0;
  for (size_t k = 0; k < t->measures; ++k) {
    size_t best = superseded(t, k) ? SIZE_MAX : best_module(t, r, k);
    if (best == SIZE_MAX) continue;
    size_t i = index_of(t, best, r, k);
    if (shown == 0) cf_text_write(&page->html, " Nearest to <em>$t</em>:", t->recording[r]);
    cf_text_write(&page->html, "$s <em>$t</em> by $t ($d, chance $d)", shown ? "," : "", t->module[best],
                  brief_of(t->measure[k]), at(t, VALUE, i), at(t, CHANCE, i));
    ++shown;
  }
  if (shown)
    cf_text_put(&page->html, ".");
  else if (t->part[P])
    cf_text_write(&page->html, " No module is nearer to <em>$t</em> than chance on any measure.", t->recording[r]);
}

/* ----------------------------------------------------------- the finding -- */

cf_status cf_find_alignment(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  table t;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(read_table(page, part, &t));
  if (t.modules == 0) {
    status = cf_find_other(page, part);
    goto done;
  }
  give_names(page, part, &t);
  double conditions = cf_part_number(part->result, "conditions");
  cf_text_write(&page->html, "<p>$i module$s against $i recording$s", (int)t.modules, t.modules == 1 ? "" : "s",
                (int)t.recordings, t.recordings == 1 ? "" : "s");
  if (isfinite(conditions)) cf_text_write(&page->html, " over $i conditions", (int)conditions);
  cf_text_put(&page->html, ".");
  for (size_t r = 0; r < t.recordings; ++r) say_recording(page, &t, r);
  cf_text_put(&page->html, "</p>\n");
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* --------------------------------------------------------------- figures -- */

/* One recording's profile on one measure. *off counts intervals that do not hold their value. */
static cf_status make_profile(cf_page *page, const table *t, size_t r, size_t k, cf_profile *out, size_t *off) {
  cf_status status = CF_OK;
  double *v[4];
  bool *hollow = NULL;
  for (int p = 0; p < 4; ++p) CF_TRY(CF_SCRATCH(page->ctx, v + p, t->modules));
  CF_TRY(CF_SCRATCH(page->ctx, &hollow, t->modules));
  for (size_t m = 0; m < t->modules; ++m) {
    size_t i = index_of(t, m, r, k);
    for (int p = 0; p < 4; ++p) v[p][m] = at(t, p, i);
    hollow[m] = at(t, P, i) >= 0.05;
    *off += v[VALUE][m] < v[LOW][m] || v[HIGH][m] < v[VALUE][m];
  }
  *out = (cf_profile){v[VALUE], v[LOW], v[HIGH], v[CHANCE], hollow};
done:
  return status;
}

static cf_status draw_profiles(cf_page *page, const cf_part *part, const table *t) {
  cf_status status = CF_OK;
  cf_profile_panel panel[MOST_PANELS];
  size_t panels = 0, off = 0;
  bool floored = false;
  char id[256], caption[900], lost[160] = "";
  cf_figure *figure = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  for (size_t q = 0; q < KNOWN + t->measures && panels < MOST_PANELS; ++q) /* those known in their order, then others */
    for (size_t k = 0; k < t->measures && panels < MOST_PANELS; ++k) {
      size_t i = known_as(t->measure[k]);
      cf_profile *profile = NULL;
      if (!computed(t, k) || (i < KNOWN ? i : KNOWN + k) != q) continue;
      CF_TRY(CF_SCRATCH(page->ctx, &profile, t->recordings));
      for (size_t r = 0; r < t->recordings; ++r) CF_TRY(make_profile(page, t, r, k, profile + r, &off));
      panel[panels++] = (cf_profile_panel){title_of(t->measure[k]), profile, i < KNOWN && known[i].floored, FLOOR};
      for (size_t m = k; i < KNOWN && known[i].floored && m < t->modules * t->recordings * t->measures;
           m += t->measures)
        floored = floored || at(t, VALUE, m) < FLOOR;
    }
  if (panels == 0) goto done;
  if (off > 0)
    snprintf(lost, sizeof lost, " %zu of them miss%s the line: a neuron that is drawn twice lowers most values.", off,
             off == 1 ? "es" : "");
  snprintf(
      caption, sizeof caption,
      "Modules in the order given. Bands: 95 %% intervals from resampled neurons.%s Dashed: chance, from permuted conditions (for "
      "DSA from shuffled time). Hollow: not above chance at p < 0.05, uncorrected.%s DSA is near 1 for most systems: read its z "
      "in the table.",
      lost, floored ? " Triangles: below −0.5, worse than any use." : "");
  cf_profiles_figure spec = {.panels = panels,
                             .count = t->recordings,
                             .positions = t->modules,
                             .panel = panel,
                             .name = (const char *const *)t->recording,
                             .position_name = (const char *const *)t->module};
  cf_figure_options o = cf_page_options(part, "profiles", "Alignment through the modules", caption, id);
  CF_TRY(cf_figure_profiles(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "profiles", "Alignment through the modules", caption, t->modules > 9, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* ---------------------------------------------------------- side by side -- */

enum { MOST_TABLES = 8, MOST_POSITIONS = 24 };

typedef struct beside {
  size_t tables, lines, positions;
  table table[MOST_TABLES];
  const char **title;                                              /* of the tasks, short */
  size_t of_table[MOST_TABLES * 2], of_recording[MOST_TABLES * 2]; /* of each line */
  const char *line[MOST_TABLES * 2], *position[MOST_POSITIONS];
} beside;

static size_t position_of(const beside *b, const char *name) {
  size_t i = 0;
  while (i < b->positions && strcmp(b->position[i], name) != 0) ++i;
  return i;
}

/* Lines are tasks, or tasks by recordings; positions the modules of all of them. */
static cf_status read_beside(cf_page *page, beside *b) {
  cf_status status = CF_OK;
  const cf_study_task **task = NULL;
  size_t n = 0;
  memset(b, 0, sizeof *b);
  CF_TRY(cf_page_tasks_of(page, "alignment", "modules", &task, &n));
  n = CF_MIN(n, (size_t)MOST_TABLES);
  CF_TRY(cf_page_short_titles(page, n, task, &b->title));
  for (size_t k = 0; k < n; ++k) {
    const cf_part part = {task[k], cf_json_get(task[k]->envelope, "result"), NULL};
    table *t = b->table + k;
    CF_TRY(read_table(page, &part, t));
    if (t->modules == 0) continue;
    give_names(page, &part, t);
    for (size_t m = 0; m < t->modules; ++m)
      if (position_of(b, t->module[m]) == b->positions && b->positions < MOST_POSITIONS)
        b->position[b->positions++] = t->module[m];
    for (size_t r = 0; r < CF_MIN(t->recordings, (size_t)2); ++r) {
      char *text = NULL;
      CF_TRY(cf_scratch_bytes(page->ctx, 200, 1, (void **)&text));
      snprintf(text, 200, t->recordings > 1 ? "%.90s, %.90s" : "%.90s", b->title[k], t->recording[r]);
      b->of_table[b->lines] = k;
      b->of_recording[b->lines] = r;
      b->line[b->lines++] = text;
    }
  }
  b->tables = n;
done:
  return status;
}

/* Values of one measure; *there when any is known. */
static cf_status beside_profiles(cf_page *page, const beside *b, const char *measure, cf_profile *profile,
                                 bool *there) {
  cf_status status = CF_OK;
  *there = false;
  for (size_t l = 0; l < b->lines; ++l) {
    const table *t = b->table + b->of_table[l];
    double *y = NULL, *chance = NULL;
    bool *hollow = NULL;
    CF_TRY(CF_SCRATCH(page->ctx, &y, b->positions));
    CF_TRY(CF_SCRATCH(page->ctx, &chance, b->positions));
    CF_TRY(CF_SCRATCH(page->ctx, &hollow, b->positions));
    for (size_t i = 0; i < b->positions; ++i) y[i] = chance[i] = NAN, hollow[i] = false;
    for (size_t k = 0; k < t->measures; ++k)
      for (size_t m = 0; m < t->modules && strcmp(t->measure[k], measure) == 0; ++m) {
        const size_t i = index_of(t, m, b->of_recording[l], k), at_position = position_of(b, t->module[m]);
        if (at_position == b->positions) continue;
        y[at_position] = at(t, VALUE, i);
        chance[at_position] = at(t, CHANCE, i);
        hollow[at_position] = at(t, P, i) >= 0.05;
        *there = *there || isfinite(y[at_position]);
      }
    profile[l] = (cf_profile){.y = y, .chance = chance, .hollow = hollow};
  }
done:
  return status;
}

cf_status cf_page_alignment_beside(cf_page *page) {
  static char name[] = "side-by-side";
  static const char title[] = "Alignment of several networks";
  static const char caption[] =
      "One line a network over the modules that it has; dashed: its chance level. Hollow: not above chance at p < 0.05, uncorrected. "
      "Triangles: below −0.5, worse than any use. Intervals stand with each network below.";
  cf_status status = CF_OK;
  cf_study_task task = {.id = name};
  const cf_part whole = {&task, NULL, NULL};
  beside *b = NULL;
  cf_profile_panel panel[KNOWN];
  size_t panels = 0;
  char id[256];
  cf_figure *figure = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  if (cf_page_tasks(page, "alignment", "modules") < 2) return CF_OK;
  CF_TRY(CF_SCRATCH(page->ctx, &b, 1));
  CF_TRY(read_beside(page, b));
  for (size_t k = 0; k < KNOWN && b->lines > 1; ++k) {
    cf_profile *profile = NULL;
    bool there = false;
    CF_TRY(CF_SCRATCH(page->ctx, &profile, b->lines));
    CF_TRY(beside_profiles(page, b, known[k].name, profile, &there));
    if (there) panel[panels++] = (cf_profile_panel){known[k].title, profile, known[k].floored, FLOOR};
  }
  if (panels == 0) goto done;
  cf_text_put(&page->html, "<section id=\"alignment-side-by-side\" class=\"task\"><h2>Alignment side by side</h2>\n"
                           "<div class=\"figures\">\n");
  const cf_profiles_figure spec = {.panels = panels,
                                   .count = b->lines,
                                   .positions = b->positions,
                                   .panel = panel,
                                   .name = b->line,
                                   .position_name = b->position};
  cf_figure_options o = cf_page_options(&whole, "alignment", title, caption, id);
  o.width_mm = 136.0;
  CF_TRY(cf_figure_profiles(page->ctx, &spec, &o, &figure));
  CF_TRY(cf_page_figure(page, &whole, "alignment", title, caption, true, figure));
  cf_text_put(&page->html, "</div>\n</section>\n");
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* ---------------------------------------------------------------- tables -- */

/* Module and recording of a row of the result by the names of the figure. */
static void name_cells(cf_page *page, const table *t, const cf_json *row) {
  const char *module = cf_part_text(row, "name", "?"), *recording = cf_part_text(row, "recording", "?");
  for (size_t m = 0; m < t->modules; ++m)
    if (strcmp(t->full_module[m], module) == 0) {
      module = t->module[m];
      break;
    }
  for (size_t r = 0; r < t->recordings; ++r)
    if (strcmp(t->full_recording[r], recording) == 0) {
      recording = t->recording[r];
      break;
    }
  cf_table_text(page, module);
  cf_table_text(page, recording);
}

static void write_scores(cf_page *page, const cf_part *part, const table *t) {
  static const char *const columns[] = {"Module", "Recording", "Measure",         "#Value", "#Low",
                                        "#High",  "#Chance",   "#95 % of chance", "#z",     "#p"};
  const cf_json *rows = cf_json_get(part->result, "modules");
  cf_table_begin(page, part, "alignment", "Alignment", columns, sizeof columns / sizeof *columns);
  for (size_t i = 0; i < cf_json_count(rows); ++i) {
    const cf_json *row = cf_json_at(rows, i), *list = cf_json_get(row, "measures");
    for (size_t k = 0; k < cf_json_count(list); ++k) {
      const cf_json *m = cf_json_at(list, k);
      cf_table_row(page);
      name_cells(page, t, row);
      cf_table_text(page, title_of(cf_part_text(m, "name", "?")));
      cf_table_number(page, cf_part_number(m, "value"));
      cf_table_number(page, cf_part_pair(m, "ci", 0));
      cf_table_number(page, cf_part_pair(m, "ci", 1));
      cf_table_level(page, cf_part_number(m, "null_mean"));
      cf_table_level(page, cf_part_number(m, "null_95"));
      cf_table_number(page, cf_part_number(m, "z"));
      cf_table_p(page, cf_part_number(m, "p"));
      cf_table_end_row(page);
    }
  }
  cf_table_close(page);
}

static void write_means(cf_page *page, const cf_part *part, const table *t) {
  static const char *const columns[] = {"Module", "Recording", "Variant", "#Mean of RSA, CCA, LP and DSA"};
  const cf_json *rows = cf_json_get(part->result, "means");
  if (!rows || !cf_json_is_list(rows) || cf_json_count(rows) == 0) return;
  cf_table_begin(page, part, "means", "Means over the measures, as the paper takes them", columns, 4);
  for (size_t i = 0; i < cf_json_count(rows); ++i) {
    const cf_json *row = cf_json_at(rows, i);
    cf_table_row(page);
    name_cells(page, t, row);
    cf_table_text(page, cf_part_text(row, "variant", ""));
    cf_table_number(page, cf_part_number(row, "value"));
    cf_table_end_row(page);
  }
  cf_table_close(page);
}

cf_status cf_part_alignment(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  table t;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(read_table(page, part, &t));
  if (t.modules == 0) {
    status = cf_part_other(page, part);
    goto done;
  }
  give_names(page, part, &t);
  CF_TRY(cf_find_alignment(page, part));
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  CF_TRY(draw_profiles(page, part, &t));
  cf_text_put(&page->html, "</div>\n");
  write_scores(page, part, &t);
  write_means(page, part, &t);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}
