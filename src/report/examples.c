/* Responses of single neurons of an encoding manifold, as a table of maps and around the manifold. */
#include "report/encoding.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_EXAMPLES = CF_INSETS };

/* Point nearest to the mean of a group, then the one farthest from it within the group. */
static size_t find_examples(const cf_encoding *e, const cf_colouring *c, size_t *example, size_t most) {
  size_t n = 0;
  for (size_t g = 0; g < c->groups && n + 2 <= most; ++g) {
    double mean[3] = {0, 0, 0}, least = INFINITY;
    size_t members = 0, near = SIZE_MAX, far = SIZE_MAX;
    for (size_t i = 0; i < e->n; ++i)
      if (c->group[i] == g) {
        for (size_t k = 0; k < 3; ++k) mean[k] += e->point[3 * i + k];
        ++members;
      }
    if (members == 0) continue;
    for (int pass = 0; pass < 2; ++pass) {
      double most_far = -1.0;
      for (size_t i = 0; i < e->n; ++i) {
        double d = 0.0;
        if (c->group[i] != g) continue;
        for (size_t k = 0; k < 3; ++k)
          d += pow(e->point[3 * i + k] - (pass ? e->point[3 * near + k] : mean[k] / (double)members), 2);
        if (pass == 0 && d < least) least = d, near = i;
        if (pass == 1 && d > most_far) most_far = d, far = i;
      }
    }
    example[n++] = near;
    if (far != near && members > 2) example[n++] = far;
  }
  return n;
}

/* "Maps: a, b, c; below d, e, f." */
static void name_rows(const cf_encoding *e, char *out, size_t size) {
  size_t used = 0;
  out[0] = '\0';
  for (size_t s = 0; e->stimulus_name && s < e->stimuli && used < size; ++s) {
    int more = snprintf(out + used, size - used, "%s%.40s",
                        s == 0       ? " Maps, row by row: "
                        : s % 3 == 0 ? "; "
                                     : ", ",
                        e->stimulus_name[s]);
    used += more > 0 ? (size_t)more : 0;
  }
  if (used > 0 && used + 1 < size) strcat(out, ".");
}

/* The same examples around the manifold. */
static cf_status draw_insets(cf_page *page, const cf_part *part, const cf_encoding *e, size_t n, const size_t *example,
                             const double *map) {
  cf_status status = CF_OK;
  cf_figure *figure = NULL, *inlined = NULL;
  const cf_colouring *c = e->colouring + (e->cluster < e->colourings ? e->cluster : 0);
  char id[256], names[400], caption[700];
  name_rows(e, names, sizeof names);
  snprintf(
      caption, sizeof caption,
      "Response maps of the neurons above where they lie on the manifold, each from 0 to its neuron's own maximum; directions run "
      "down, time across.%s",
      names);
  cf_insets_figure spec = {.space = {.n = e->n,
                                     .point = e->point,
                                     .label = e->label,
                                     .panels = 1,
                                     .panel = c,
                                     .azimuth = CF_SPACE_AZIMUTH,
                                     .elevation = CF_SPACE_ELEVATION},
                           .count = n,
                           .example = example,
                           .map = map,
                           .stimuli = e->stimuli,
                           .directions = e->directions,
                           .times = e->times};
  cf_figure_options o = cf_page_options(part, "insets", "Manifold with responses", caption, id);
  CF_TRY(cf_figure_insets(page->ctx, &spec, &o, &figure));
  spec.space.light = true;
  if (e->n > CF_MANY_POINTS) CF_TRY(cf_figure_insets(page->ctx, &spec, &o, &inlined));
  status = cf_page_figure_light(page, part, "insets", "Manifold with responses", caption, true, figure, inlined);
  figure = NULL;
done:
  cf_figure_free(figure);
  return status;
}

cf_status cf_page_examples(cf_page *page, const cf_part *part, const cf_encoding *e) {
  cf_status status = CF_OK;
  size_t example[MOST_EXAMPLES], n = 0, each = e->stimuli * e->directions * e->times;
  double *value = NULL;
  const char *name[MOST_EXAMPLES], **column = NULL;
  cf_figure *figure = NULL;
  char id[256], caption[512];
  static const char by_cluster[] =
      "Two neurons of each cluster: the one nearest to its centre and the one farthest from that. Rows share no scale: each is "
      "shown from 0 to its own maximum. Directions run down, time across.";
  static const char along[] =
      "Neurons evenly along the first axis. Each row is shown from 0 to its own maximum. Directions run down, time across.";
  cf_mark mark = cf_scratch_mark(page->ctx);
  if (!e->map || each == 0) goto done;
  bool grouped = e->cluster != SIZE_MAX;
  if (grouped) n = find_examples(e, e->colouring + e->cluster, example, MOST_EXAMPLES);
  if (n == 0) {
    grouped = false;
    for (n = 0; n < CF_MIN(6, e->n); ++n) { /* the point whose rank on the first axis is wanted */
      size_t rank = e->n > 1 ? n * (e->n - 1) / CF_MAX((size_t)1, CF_MIN((size_t)6, e->n) - 1) : 0;
      for (size_t i = 0; i < e->n; ++i) {
        size_t below = 0;
        for (size_t j = 0; j < e->n; ++j)
          below += e->point[3 * j] < e->point[3 * i] || (e->point[3 * j] == e->point[3 * i] && j < i);
        if (below == rank) example[n] = i;
      }
    }
  }
  CF_TRY(CF_SCRATCH(page->ctx, &value, n * each));
  for (size_t r = 0; r < n; ++r) {
    char *text = NULL, plain[32];
    const cf_colouring *c = grouped ? e->colouring + e->cluster : NULL;
    snprintf(plain, sizeof plain, "neuron %zu", example[r] + 1);
    CF_TRY(cf_scratch_bytes(page->ctx, 160, 1, (void **)&text));
    snprintf(text, 160, "%s%.60s%.90s", c ? c->group_name[c->group[example[r]]] : "", c ? ", " : "",
             e->label ? e->label[example[r]] : plain);
    name[r] = text;
    memcpy(value + r * each, e->map + example[r] * each, each * sizeof *value);
  }
  CF_TRY(CF_SCRATCH(page->ctx, &column, e->stimuli));
  for (size_t k = 0; k < e->stimuli; ++k) {
    char *text = NULL;
    CF_TRY(cf_scratch_bytes(page->ctx, 32, 1, (void **)&text));
    snprintf(text, 32, "stimulus %zu", k + 1);
    column[k] = e->stimulus_name ? e->stimulus_name[k] : text;
  }
  const cf_json *sets = cf_json_get(part->result, "sets");
  const cf_json *first = sets && cf_json_is_list(sets) && cf_json_count(sets) ? cf_json_at(sets, 0) : NULL;
  bool rebuilt = cf_json_as_bool(cf_json_get(first, "rebuilt_from_factors"));
  snprintf(caption, sizeof caption, "%s%s", grouped ? by_cluster : along,
           rebuilt ? " These are the maps that the factors rebuild: the responses were not given." : "");
  cf_maps_figure spec = {.rows = n,
                         .columns = e->stimuli,
                         .directions = e->directions,
                         .times = e->times,
                         .value = value,
                         .row_name = name,
                         .column_name = column,
                         .direction = e->direction,
                         .time = e->time,
                         .own_range = true,
                         .quantity = "share of maximum"};
  cf_figure_options o = cf_page_options(part, "examples", "Responses of single neurons", caption, id);
  CF_TRY(cf_figure_maps(page->ctx, &spec, &o, &figure));
  CF_TRY(cf_page_figure(page, part, "examples", "Responses of single neurons", caption, true, figure));
  status = draw_insets(page, part, e, n, example, value);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}
