/* Tubes that are known: what the tests look like, and how the scores follow what was planted.
 * Arrays of `tubes --synthetic`: curves (test, curve, point, axis), label (test, curve); the scores are in the values.
 */
#include "report/page.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_TESTS = 64 };

typedef struct test {
  const char *kind;
  bool smooth;
  double radius, apart, angle, planted, together, crossings;
} test;

static size_t read_tests(const cf_part *part, test *out) {
  const cf_json *list = cf_json_get(part->result, "tests");
  const size_t n = CF_MIN(cf_json_count(list), (size_t)MOST_TESTS);
  for (size_t k = 0; k < n; ++k) {
    const cf_json *own = cf_json_at(list, k);
    out[k] = (test){.kind = cf_part_text(own, "kind", ""),
                    .smooth = cf_json_as_bool(cf_json_get(own, "smooth")),
                    .radius = cf_part_number(own, "radius"),
                    .apart = cf_part_number(own, "separation"),
                    .angle = cf_part_number(own, "angle"),
                    .planted = cf_part_number(own, "planted_S_tight"),
                    .together = cf_part_number(own, "together_S_tight"),
                    .crossings = cf_part_number(own, "together_L_S_cross")};
  }
  return n;
}

/* ------------------------------------------------------------ what they are -- */

/* The tests that are shown, by what was planted: jittered ones but for the last row. */
static const test shown[] = {{.kind = "one", .radius = 0.01},
                             {.kind = "one", .radius = 0.08},
                             {.kind = "parallel", .radius = 0.02, .apart = 0.2},
                             {.kind = "parallel", .radius = 0.05, .apart = 0.6},
                             {.kind = "crossing", .radius = 0.01, .angle = 30},
                             {.kind = "crossing", .radius = 0.03, .angle = 60},
                             {.kind = "crossing", .radius = 0.06, .angle = 90},
                             {.kind = "crossing", .radius = 0.03, .angle = 150},
                             {.kind = "one", .smooth = true, .radius = 0.03},
                             {.kind = "parallel", .smooth = true, .radius = 0.02, .apart = 0.4},
                             {.kind = "crossing", .smooth = true, .radius = 0.03, .angle = 30},
                             {.kind = "crossing", .smooth = true, .radius = 0.03, .angle = 90}};
enum { SHOWN = sizeof shown / sizeof *shown };

static bool near(double planted, double wanted) {
  return isnan(planted) ? wanted == 0.0 : fabs(planted - wanted) < 1e-9;
}

static size_t find_test(const test *all, size_t n, const test *wanted) {
  for (size_t k = 0; k < n; ++k)
    if (strcmp(all[k].kind, wanted->kind) == 0 && all[k].smooth == wanted->smooth &&
        near(all[k].radius, wanted->radius) && near(all[k].apart, wanted->apart) && near(all[k].angle, wanted->angle))
      return k;
  return n;
}

/* Curves of a test, and the mean curve of each tube as its centreline. */
static cf_status make_world(cf_page *page, const cf_block *curves, const double *label, size_t t,
                            cf_tubes_figure *out) {
  cf_status status = CF_OK;
  const size_t most = curves->shape[1], points = curves->shape[2];
  const double *x = curves->value + t * most * points * 2, *own = label + t * most;
  double *centre = NULL;
  size_t *bundle = NULL, count = 0, members[2] = {0, 0};
  CF_TRY(CF_SCRATCH(page->ctx, &bundle, most));
  CF_TRY(CF_SCRATCH(page->ctx, &centre, 2 * points * 2));
  memset(centre, 0, 2 * points * 2 * sizeof *centre);
  while (count < most && own[count] >= 0.0) ++count;
  for (size_t i = 0; i < count; ++i) {
    bundle[i] = own[i] > 0.0;
    ++members[bundle[i]];
    for (size_t k = 0; k < points * 2; ++k) centre[bundle[i] * points * 2 + k] += x[i * points * 2 + k];
  }
  for (size_t b = 0; b < 2; ++b)
    for (size_t k = 0; k < points * 2 && members[b]; ++k) centre[b * points * 2 + k] /= (double)members[b];
  *out = (cf_tubes_figure){.curves = count,
                           .points = points,
                           .dims = 2,
                           .curve = x,
                           .bundle = bundle,
                           .bundles = members[1] ? 2 : 1,
                           .centreline = centre,
                           .axis = {0, 1},
                           .axis_title = {"x", "y"}};
done:
  return status;
}

static cf_status draw_worlds(cf_page *page, const cf_part *part, const test *all, size_t n) {
  static const char title[] = "Tubes that are known";
  static const char caption[] =
      "Some of the tests: curves whose points are jittered, as published, and (offset) curves that keep one place in their tube. "
      "Thick: the mean of a tube's curves; circles are where curves begin.";
  cf_status status = CF_OK;
  cf_block curves, label;
  cf_tubes_figure panel[SHOWN];
  const char *name[SHOWN], **names = NULL;
  size_t panels = 0;
  char id[256];
  cf_figure *figure = NULL;
  const cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(cf_block_read(page, part, "curves", 4, &curves));
  CF_TRY(cf_block_read(page, part, "label", 2, &label));
  if (!curves.value || !label.value || curves.shape[0] != n || curves.shape[3] != 2 || label.shape[0] != n ||
      label.shape[1] != curves.shape[1])
    goto done;
  CF_TRY(cf_block_labels(page, part, curves.array, 0, &names));
  for (size_t k = 0; k < SHOWN; ++k) {
    const size_t t = find_test(all, n, shown + k);
    if (t == n) continue;
    CF_TRY(make_world(page, &curves, label.value, t, panel + panels));
    name[panels++] = names ? names[t] : all[t].kind;
  }
  if (panels == 0) goto done;
  cf_tubes_grid spec = {panels, 3, panel, name};
  cf_figure_options o = cf_page_options(part, "known", title, caption, id);
  CF_TRY(cf_figure_tubes_grid(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "known", title, caption, true, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* ------------------------------------------------------- how scores follow -- */

/* One curve over the tests of a kind with this radius (NaN: any), in their order. */
static cf_status follow(cf_page *page, const test *all, size_t n, const char *kind, bool smooth, double radius,
                        size_t x_at, size_t y_at, const char *name, cf_curve *out) {
  cf_status status = CF_OK;
  double *x = NULL, *y = NULL;
  size_t used = 0;
  CF_TRY(CF_SCRATCH(page->ctx, &x, n));
  CF_TRY(CF_SCRATCH(page->ctx, &y, n));
  for (size_t k = 0; k < n; ++k) {
    if (strcmp(all[k].kind, kind) != 0 || all[k].smooth != smooth || (!isnan(radius) && !near(all[k].radius, radius)))
      continue;
    memcpy(x + used, (const char *)&all[k] + x_at, sizeof *x);
    memcpy(y + used++, (const char *)&all[k] + y_at, sizeof *y);
  }
  *out = (cf_curve){.name = name, .n = used, .x = x, .y = y, .style = CF_CURVE_LINE};
done:
  return status;
}

static cf_status draw_scores(cf_page *page, const cf_part *part, const test *all, size_t n) {
  static const char title[] = "Scores of tubes that are known";
  static const char caption[] =
      "Left: a wider tube is looser. Middle: two parallel tubes are tighter apart (lines) than taken together (dots), the more so the "
      "farther they are. Right: crossings of both tubes together against their angle, for three radii of jitter, which crosses "
      "itself at any angle, and for curves that keep their place (offset), which cross least when they are nearly parallel.";
  static const struct {
    double radius;
    const char *apart, *together, *jitter;
  } by[] = {{0.02, "radius 0.02", NULL, NULL},
            {0.05, "radius 0.05", NULL, NULL},
            {0.01, NULL, NULL, "0.01"},
            {0.03, NULL, NULL, "0.03"},
            {0.06, NULL, NULL, "0.06"}};
  static const size_t paired[] = {0, 0, 6, 6};
  cf_status status = CF_OK;
  cf_curve one, parallel[4], crossing[4];
  char id[256];
  cf_figure *figure = NULL;
  const cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(follow(page, all, n, "one", false, NAN, offsetof(test, radius), offsetof(test, planted), NULL, &one));
  for (size_t k = 0; k < 2; ++k) {
    CF_TRY(follow(page, all, n, "parallel", false, by[k].radius, offsetof(test, apart), offsetof(test, planted),
                  by[k].apart, parallel + 2 * k));
    CF_TRY(follow(page, all, n, "parallel", false, by[k].radius, offsetof(test, apart), offsetof(test, together),
                  by[k].together, parallel + 2 * k + 1));
    parallel[2 * k + 1].style = CF_CURVE_MARKS;
  }
  for (size_t k = 0; k < 3; ++k)
    CF_TRY(follow(page, all, n, "crossing", false, by[k + 2].radius, offsetof(test, angle), offsetof(test, crossings),
                  by[k + 2].jitter, crossing + k));
  CF_TRY(follow(page, all, n, "crossing", true, NAN, offsetof(test, angle), offsetof(test, crossings), "offset",
                crossing + 3));
  if (one.n < 2 || parallel[0].n < 2 || crossing[0].n < 2) goto done;
  cf_curve_panel panel[3] = {
      {.title = "one tube", .x_title = "radius", .y_title = "S_tight", .count = 1, .curve = &one, .from_zero = true},
      {.title = "two parallel tubes",
       .x_title = "distance of the tubes",
       .y_title = "S_tight",
       .count = 4,
       .curve = parallel,
       .colour = paired,
       .from_zero = true},
      {.title = "two tubes that cross",
       .x_title = "angle (degrees)",
       .y_title = "L · S_cross",
       .count = 4,
       .curve = crossing,
       .from_zero = true}};
  cf_curves_figure spec = {3, 3, panel};
  cf_figure_options o = cf_page_options(part, "known-scores", title, caption, id);
  CF_TRY(cf_figure_curves(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "known-scores", title, caption, true, figure);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

cf_status cf_page_known_tubes(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  test all[MOST_TESTS];
  const size_t n = read_tests(part, all);
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  CF_TRY(draw_worlds(page, part, all, n));
  CF_TRY(draw_scores(page, part, all, n));
  cf_text_put(&page->html, "</div>\n");
done:
  return status;
}
