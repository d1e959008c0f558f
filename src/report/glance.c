/* The modules of a network at a glance: one row a module, what every kind of analysis says of it, and which module
 * comes nearest to the recording. Tasks belong to the module that their ids end in ("decode-hidden", "tubes-hidden"),
 * as tasks repeated by `each` are called; a module that is called like a recording of an alignment is that recording.
 */
#include "report/page.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_ROWS = 40, KINDS = 4, OWN = 10, ALIGNED = 4, COLUMNS = OWN + ALIGNED };
static const char *const kinds[KINDS] = {"decode", "tubes", "tuning", "encode"};
static const char *const measures[ALIGNED] = {"rsa", "cca-clean", "lp-clean", "dsa"};

typedef struct row {
  const char *name;
  const cf_study_task *task[KINDS];
  double value[COLUMNS], p[ALIGNED];
} row;

typedef struct glance {
  size_t n, reference; /* reference: SIZE_MAX when no row is the recording */
  row row[MOST_ROWS];
  const char *recording; /* NULL: no alignment of these modules */
  const cf_study_task *alignment;
} glance;

/* ------------------------------------------------------------------ rows -- */

static size_t kind_of(const cf_study_task *task) {
  size_t k = 0;
  while (k < KINDS && strcmp(task->kind, kinds[k]) != 0) ++k;
  return k;
}

static row *row_of(glance *g, const char *name) {
  for (size_t i = 0; i < g->n; ++i)
    if (strcmp(g->row[i].name, name) == 0) return g->row + i;
  if (g->n == MOST_ROWS) return NULL;
  g->row[g->n] = (row){.name = name};
  return g->row + g->n++;
}

/* Rows of names that two kinds of analysis or more share. */
static void find_rows(const cf_page *page, glance *g) {
  size_t kept = 0;
  for (size_t t = 0; t < page->results->count; ++t) {
    const cf_study_task *task = page->results->task + t;
    const size_t k = kind_of(task);
    const char *dash = strchr(task->id, '-');
    row *r = k < KINDS && dash && dash[1] ? row_of(g, dash + 1) : NULL;
    if (r && !r->task[k]) r->task[k] = task;
  }
  for (size_t i = 0; i < g->n; ++i) {
    size_t there = 0;
    for (size_t k = 0; k < KINDS; ++k) there += g->row[i].task[k] != NULL;
    if (there >= 2) g->row[kept++] = g->row[i];
  }
  g->n = kept;
}

static const cf_json *result_of(const cf_study_task *task) {
  return task ? cf_json_get(task->envelope, "result") : NULL;
}

static double share(double part, double all) {
  return 100.0 * part / all;
}

static void fill_own(row *r) {
  const cf_json *decode = result_of(r->task[0]), *tubes = result_of(r->task[1]), *tuning = result_of(r->task[2]),
                *encode = result_of(r->task[3]), *clusters = encode ? cf_json_get(encode, "clusters") : NULL;
  const cf_json *accuracy = decode ? cf_json_get(decode, "accuracy") : NULL;
  const double own[OWN] = {cf_part_number(accuracy, "knn"),
                           cf_part_number(accuracy, "logistic"),
                           cf_part_number(tubes, "S_tight"),
                           cf_part_number(tubes, "L_S_cross"),
                           cf_part_pair(tuning ? cf_json_get(tuning, "osi") : NULL, "quartiles", 1),
                           cf_part_pair(tuning ? cf_json_get(tuning, "dsi") : NULL, "quartiles", 1),
                           cf_part_pair(tuning ? cf_json_get(tuning, "f1f0") : NULL, "quartiles", 1),
                           clusters && cf_json_is_list(clusters) ? (double)cf_json_count(clusters) : NAN,
                           share(cf_part_number(encode, "noise"), cf_part_number(encode, "kept")),
                           cf_part_number(encode ? cf_json_get(encode, "dimension") : NULL, "median")};
  memcpy(r->value, own, sizeof own);
  for (size_t k = 0; k < ALIGNED; ++k) r->value[OWN + k] = r->p[k] = NAN;
}

/* ------------------------------------------------------------- alignment -- */

/* The measures of one module; dsa as its z, since its value is near 1 for most systems. */
static void fill_aligned(row *r, const cf_json *list) {
  for (size_t i = 0; i < cf_json_count(list); ++i)
    for (size_t k = 0; k < ALIGNED; ++k) {
      const cf_json *m = cf_json_at(list, i);
      if (strcmp(cf_part_text(m, "name", ""), measures[k]) != 0) continue;
      r->value[OWN + k] = cf_part_number(m, k == ALIGNED - 1 ? "z" : "value");
      r->p[k] = cf_part_number(m, "p");
    }
}

static size_t matches(const glance *g, const cf_study_task *task) {
  const cf_json *list = cf_json_get(result_of(task), "modules");
  size_t n = 0;
  for (size_t i = 0; i < cf_json_count(list); ++i)
    for (size_t k = 0; k < g->n; ++k) n += strcmp(cf_part_text(cf_json_at(list, i), "name", ""), g->row[k].name) == 0;
  return n;
}

/* The first alignment that knows most of the modules, its first recording. */
static void find_alignment(const cf_page *page, glance *g) {
  size_t most = 0;
  for (size_t t = 0; t < page->results->count; ++t) {
    const cf_study_task *task = page->results->task + t;
    const size_t n = strcmp(task->kind, "alignment") == 0 ? matches(g, task) : 0;
    if (n <= most) continue;
    most = n;
    g->alignment = task;
  }
  if (!g->alignment) return;
  const cf_json *list = cf_json_get(result_of(g->alignment), "modules");
  g->recording = cf_part_text(cf_json_at(list, 0), "recording", "");
  for (size_t i = 0; i < cf_json_count(list); ++i) {
    const cf_json *one = cf_json_at(list, i);
    for (size_t k = 0; k < g->n; ++k)
      if (strcmp(cf_part_text(one, "name", ""), g->row[k].name) == 0 &&
          strcmp(cf_part_text(one, "recording", ""), g->recording) == 0)
        fill_aligned(g->row + k, cf_json_get(one, "measures"));
  }
  for (size_t k = 0; k < g->n; ++k)
    if (strcmp(g->row[k].name, g->recording) == 0) g->reference = k;
}

static glance look(const cf_page *page) {
  glance g = {.reference = SIZE_MAX};
  find_rows(page, &g);
  for (size_t i = 0; i < g.n; ++i) fill_own(g.row + i);
  if (g.n > 1) find_alignment(page, &g);
  return g;
}

/* ---------------------------------------------------------------- nearest -- */

/* The module whose value lies nearest to the recording's; of the alignment the largest value above chance. */
static size_t nearest(const glance *g, size_t column) {
  size_t best = SIZE_MAX;
  const bool aligned = column >= OWN;
  if (!aligned && g->reference == SIZE_MAX) return SIZE_MAX;
  for (size_t i = 0; i < g->n; ++i) {
    const double v = g->row[i].value[column];
    if (i == g->reference || !isfinite(v) || (aligned && !(g->row[i].p[column - OWN] < 0.05))) continue;
    if (best == SIZE_MAX) {
      best = i;
      continue;
    }
    const double other = g->row[best].value[column], goal = aligned ? INFINITY : g->row[g->reference].value[column];
    if (aligned ? v > other : fabs(v - goal) < fabs(other - goal)) best = i;
  }
  return !aligned && !isfinite(g->row[g->reference].value[column]) ? SIZE_MAX : best;
}

static bool any_value(const glance *g, size_t column) {
  for (size_t i = 0; i < g->n; ++i)
    if (isfinite(g->row[i].value[column])) return true;
  return false;
}

/* "recurrent 3, rates 1": in how many of the columns each module is nearest; false when in none. */
static bool say_counts(cf_page *page, const glance *g, size_t from, size_t to, const char *before) {
  size_t count[MOST_ROWS] = {0}, columns = 0;
  bool first = true;
  for (size_t c = from; c < to; ++c) {
    const size_t best = nearest(g, c);
    if (best == SIZE_MAX) continue;
    ++count[best];
    ++columns;
  }
  if (columns == 0) return false;
  cf_text_put(&page->html, before);
  for (size_t most = columns; most > 0; --most)
    for (size_t i = 0; i < g->n; ++i)
      if (count[i] == most) {
        cf_text_write(&page->html, "$s <em>$t</em> in $i", first ? "" : ",", g->row[i].name, (int)most);
        first = false;
      }
  cf_text_write(&page->html, " of $i.", (int)columns);
  return true;
}

static void say_nearest(cf_page *page, const glance *g) {
  cf_text_write(&page->html, "<p>Nearest to <em>$t</em>:", g->recording);
  const bool aligned =
      say_counts(page, g, OWN, COLUMNS, " by the responses to the same conditions, which is what alignment compares,");
  const bool own = say_counts(page, g, 0, OWN,
                              aligned ? " By what each population is like on its own, conditions aside,"
                                      : " by what each population is like on its own, conditions aside,");
  cf_text_put(&page->html, own || aligned
                               ? " Columns are not independent of one another: read them, not the counts.</p>\n"
                               : " no module beyond chance.</p>\n");
}

static void write_value(cf_page *page, double value, bool strong) {
  if (isfinite(value) && strong)
    cf_text_write(&page->html, "<td class=\"num strong\" data-v=\"$w\">$d</td>", value, value);
  else
    cf_table_number(page, value);
}

static void write_rows(cf_page *page, const glance *g) {
  static const char *const titles[COLUMNS] = {"#3-NN", "#Logistic", "#S_tight",  "#L·S_cross",   "#OSI",
                                              "#DSI",  "#F1/F0",    "#Clusters", "#In none (%)", "#Dimension",
                                              "#RSA",  "#CCA",      "#LP",       "#DSA, z"};
  const char *column[COLUMNS + 1] = {"Module"};
  size_t shown[COLUMNS] = {0}, n = 0;
  for (size_t c = 0; c < COLUMNS; ++c)
    if (any_value(g, c)) shown[n++] = c;
  for (size_t k = 0; k < n; ++k) column[k + 1] = titles[shown[k]];
  cf_table_open(page, "modules-at-a-glance", "Modules at a glance", column, n + 1);
  for (size_t i = 0; i < g->n; ++i) {
    const row *r = g->row + i;
    cf_text_write(&page->html,
                  i == g->reference ? "<tr class=\"reference\"><td>$t (the recording)</td>" : "<tr><td>$t</td>",
                  r->name);
    for (size_t k = 0; k < n; ++k) write_value(page, r->value[shown[k]], nearest(g, shown[k]) == i);
    cf_table_end_row(page);
  }
  cf_table_close(page);
}

bool cf_page_has_glance(const cf_page *page) {
  glance g = {.reference = SIZE_MAX};
  find_rows(page, &g);
  return g.n > 1;
}

cf_status cf_page_glance(cf_page *page) {
  const glance g = look(page);
  if (g.n < 2) return CF_OK;
  cf_text_put(&page->html, "<section id=\"modules-at-a-glance\" class=\"task\"><h2>Modules at a glance</h2>\n");
  if (g.recording) {
    cf_text_write(
        &page->html,
        "<p>What every analysis says of each module, beside <em>$t</em>; alignment from "
        "<a href=\"#task-$t\">$t</a>. Bold: the module nearest to <em>$t</em>; of the alignment the largest value that is "
        "above chance (p &lt; 0.05, uncorrected).</p>\n",
        g.recording, g.alignment->id, g.alignment->title, g.recording);
    say_nearest(page, &g);
  }
  write_rows(page, &g);
  cf_text_put(&page->html, "</section>\n");
  return cf_text_status(&page->html);
}
