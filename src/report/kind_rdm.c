/* Tasks that make RDMs or distances: heat map, planar map, extremes. */
#include "report/page.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *condition(const cf_stack *s, size_t i, char *buffer, size_t size) {
  if (s->label) return s->label[i];
  snprintf(buffer, size, "condition %zu", i + 1);
  return buffer;
}

/* Most alike, most different, and within against between categories, of matrix 0. */
typedef struct extremes {
  size_t low[2], high[2], pairs, within_n, between_n;
  double least, most, mean, within, between;
} extremes;

static extremes find_extremes(const cf_stack *s) {
  extremes e = {.least = INFINITY, .most = -INFINITY};
  double sum = 0.0;
  for (size_t i = 0; i < s->n; ++i)
    for (size_t j = i + 1; j < s->n; ++j) {
      double v = s->values[i * s->n + j];
      if (!isfinite(v)) continue;
      if (v < e.least) e.least = v, e.low[0] = i, e.low[1] = j;
      if (v > e.most) e.most = v, e.high[0] = i, e.high[1] = j;
      sum += v;
      ++e.pairs;
      if (s->group && s->group[i] == s->group[j]) e.within += v, ++e.within_n;
      if (s->group && s->group[i] != s->group[j]) e.between += v, ++e.between_n;
    }
  e.mean = e.pairs ? sum / (double)e.pairs : NAN;
  e.within = e.within_n ? e.within / (double)e.within_n : NAN;
  e.between = e.between_n ? e.between / (double)e.between_n : NAN;
  return e;
}

static const char *const arrays[] = {"rdm", "rdms", "distances", "distance", NULL};

static cf_status first_stack(cf_page *page, const cf_part *part, cf_stack *s) {
  cf_status status = CF_OK;
  memset(s, 0, sizeof *s);
  for (size_t i = 0; arrays[i] && s->n == 0; ++i) CF_TRY(cf_stack_read(page, part, arrays[i], s));
done:
  return status;
}

/* What the numbers are; distances between systems say which measure they come from and how. */
static const char *quantity_of(const cf_part *part) {
  static const struct {
    const char *name, *transform, *words;
  } known[] = {{"cka", "arccos", "arccos(cka) (radians)"},
               {"rv", "arccos", "arccos(rv) (radians)"},
               {"cka-rbf", "arccos", "arccos(cka-rbf) (radians)"},
               {"cka-debiased", "1 - value", "1 − cka-debiased"},
               {"rsa", "1 - value", "1 − rsa"},
               {"cca", "1 - value", "1 − cca"},
               {"svcca", "1 - value", "1 − svcca"},
               {"pwcca", "1 - value", "1 − pwcca"},
               {"linear-predictivity", "1 - value", "1 − linear-predictivity"},
               {"procrustes", "none", "Procrustes distance"},
               {"shape", "none", "shape distance"}};
  const cf_json *measure = cf_json_get(part->result, "measure");
  const char *name = cf_part_text(measure, "name", NULL), *transform = cf_part_text(measure, "transform", "");
  for (size_t i = 0; name && i < sizeof known / sizeof *known; ++i)
    if (strcmp(known[i].name, name) == 0 && strcmp(known[i].transform, transform) == 0) return known[i].words;
  if (name) return name;
  const char *metric = cf_part_text(part->result, "metric", cf_part_text(part->options, "metric", NULL));
  return cf_part_text(part->result, "quantity", cf_metric_title(metric));
}

cf_status cf_find_rdm(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  cf_stack s;
  char a[32], b[32], c[32], d[32];
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(first_stack(page, part, &s));
  if (s.n == 0) goto done;
  cf_stack one = s;
  if (s.count > 1) CF_TRY(cf_stack_mean(page, &s, "mean", &one));
  extremes e = find_extremes(&one);
  if (e.pairs == 0) goto done;
  cf_text_write(&page->html, "<p>$i $s, $t", (int)s.n,
                strcmp(part->task->kind, "distances") == 0 ? "systems" : "conditions", quantity_of(part));
  if (s.count > 1) cf_text_write(&page->html, ", mean of $i matrices", (int)s.count);
  cf_text_write(&page->html, ". Mean $d. Most alike: $t and $t ($d); most different: $t and $t ($d).", e.mean,
                condition(&s, e.low[0], a, sizeof a), condition(&s, e.low[1], b, sizeof b), e.least,
                condition(&s, e.high[0], c, sizeof c), condition(&s, e.high[1], d, sizeof d), e.most);
  if (isfinite(e.within) && isfinite(e.between))
    cf_text_write(&page->html, " Pairs within a category differ by $d on average, pairs across categories by $d.",
                  e.within, e.between);
  cf_text_put(&page->html, "</p>\n");
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

static cf_status extremes_table(cf_page *page, const cf_part *part, const cf_stack *s) {
  static const char *const columns[] = {"A", "B", "#Value"};
  enum { MOST = 400 };
  if (s->n > 28 || s->n * (s->n - 1) / 2 > MOST) return CF_OK;
  char a[32], b[32];
  cf_table_begin(page, part, "pairs", "All pairs", columns, 3);
  for (size_t i = 0; i < s->n; ++i)
    for (size_t j = i + 1; j < s->n; ++j) {
      cf_table_row(page);
      cf_table_text(page, condition(s, i, a, sizeof a));
      cf_table_text(page, condition(s, j, b, sizeof b));
      cf_table_number(page, s->values[i * s->n + j]);
      cf_table_end_row(page);
    }
  cf_table_close(page);
  return CF_OK;
}

static cf_status write_part(cf_page *page, const cf_part *part, bool tree) {
  cf_status status = CF_OK;
  cf_stack s, one;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(first_stack(page, part, &s));
  if (s.n == 0) {
    status = cf_part_other(page, part);
    goto done;
  }
  one = s;
  if (s.count > 1) CF_TRY(cf_stack_mean(page, &s, "mean", &one));
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  CF_TRY(cf_page_stack(page, part, tree ? "distances" : "rdm",
                       tree          ? "Distances"
                       : s.count > 1 ? "Dissimilarity matrices"
                                     : "Dissimilarity matrix",
                       tree ? "Rows in the order of average linkage; the figure file shows the tree."
                            : "Each cell is a pair of conditions. The diagonal is left out.",
                       quantity_of(part), tree, false, &s));
  CF_TRY(cf_page_map(page, part, "mds", s.count > 1 ? "Map of the mean matrix" : "Map of the same matrix", &one, 0));
  cf_text_put(&page->html, "</div>\n");
  CF_TRY(extremes_table(page, part, &one));
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

cf_status cf_part_rdm(cf_page *page, const cf_part *part) {
  return write_part(page, part, false);
}
cf_status cf_part_distances(cf_page *page, const cf_part *part) {
  return write_part(page, part, true);
}
