/* A description in pieces for help, man page and docs; its lists come from the tables that the methods read. */
#include "cli.h"

#include <cortifold/compare.h>
#include <cortifold/rdm.h>
#include <cortifold/rsa.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ITEM_SIZE = 1024 };

static void put_item(FILE *out, cli_piece_fn put, const char *name, const char *text, bool last) {
  put(out, &(cli_piece){CLI_ITEM, last, name, text});
}

static void put_measure(FILE *out, cli_piece_fn put, const cf_measure *m, bool last) {
  char text[ITEM_SIZE], range[32], high[32];
  snprintf(range, sizeof range, isinf(m->low) ? "Up to" : isinf(m->high) ? "From %g" : "%g to", m->low);
  snprintf(high, sizeof high,
           isinf(m->high)                     ? ""
           : fabs(m->high - 1.5707963) < 1e-6 ? " pi/2"
           : fabs(m->high - 3.1415927) < 1e-6 ? " pi"
                                              : " %g",
           m->high);
  snprintf(text, sizeof text, "%s. %s%s%s%s.%s%s%s %s.", m->formula, range, high, m->distance ? ", a distance" : "",
           m->symmetric ? "" : ", not symmetric", m->slip ? " --preset paper: " : "", m->slip ? m->slip : "",
           m->slip ? "." : "", m->reference);
  put_item(out, put, m->id, text, last);
}

static void measures(FILE *out, cli_piece_fn put) {
  for (size_t i = 0; cf_measure_at(i); i++) put_measure(out, put, cf_measure_at(i), false);
  for (size_t i = 0; cf_trajectory_measure_at(i); i++)
    put_measure(out, put, cf_trajectory_measure_at(i), !cf_trajectory_measure_at(i + 1));
}

static void metrics(FILE *out, cli_piece_fn put) {
  char text[ITEM_SIZE];
  for (size_t i = 0; cf_rdm_metric_at(i); i++) {
    const cf_rdm_metric *m = cf_rdm_metric_at(i);
    snprintf(text, sizeof text, "%s. For %s. %s.", m->formula, m->input, m->reference);
    put_item(out, put, m->id, text, !cf_rdm_metric_at(i + 1));
  }
}

static void comparators(FILE *out, cli_piece_fn put) {
  char text[ITEM_SIZE];
  for (size_t i = 0; cf_comparator_at(i); i++) {
    const cf_comparator_info *c = cf_comparator_at(i);
    snprintf(text, sizeof text, "%s. %s.", c->formula, c->reference);
    put_item(out, put, c->name, text, !cf_comparator_at(i + 1));
  }
}

static bool table(FILE *out, const char *text, cli_piece_fn put) {
  static const struct {
    const char *name;
    void (*list)(FILE *, cli_piece_fn);
  } tables[] = {{"@measures", measures}, {"@metrics", metrics}, {"@comparators", comparators}};
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
    if (strcmp(text, tables[i].name) != 0) continue;
    tables[i].list(out, put);
    return true;
  }
  return false;
}

static cli_piece_kind kind_of(const char *line) {
  return *line == ' ' ? CLI_LITERAL : strncmp(line, "- ", 2) == 0 ? CLI_ITEM : CLI_PARAGRAPH;
}

/* A piece runs to an empty line or to one of another kind; every item is a piece of its own. */
static const char *end_of(const char *text, cli_piece_kind kind) {
  const char *end = text;
  do {
    end += strcspn(end, "\n");
    end += *end == '\n';
  } while (kind != CLI_ITEM && *text != '@' && *end && *end != '\n' && *end != '@' && kind_of(end) == kind);
  return end;
}

void cli_describe(FILE *out, const char *text, cli_piece_fn put) {
  while (text && *text) {
    while (*text == '\n') text++;
    if (!*text) return;
    const cli_piece_kind kind = kind_of(text);
    const char *end = end_of(text, kind);
    size_t n = (size_t)(end - text);
    while (n > 0 && text[n - 1] == '\n') n--;
    char *copy = malloc(n + 1);
    if (!copy) return;
    memcpy(copy, text, n);
    copy[n] = 0;
    text = end;
    if (kind == CLI_ITEM) {
      char *colon = strstr(copy, ": ");
      if (colon) *colon = 0;
      put_item(out, put, copy + 2, colon ? colon + 2 : "", strncmp(end, "- ", 2) != 0);
    } else if (!table(out, copy, put)) {
      put(out, &(cli_piece){kind, true, NULL, copy});
    }
    free(copy);
  }
}
