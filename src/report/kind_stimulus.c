/* Stimuli: what was made and measured, and movies that play inside the page as animated PNG. */
#include "report/page.h"
#include "base/internal.h"
#include <cortifold/io.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_SHOWN = 16, TILES = 4, TILE_WIDTH = 96, SHOWN_FRAMES = 16, GAP = 3 };

typedef struct movies {
  const cf_array *frames; /* NULL: none that can be shown */
  size_t classes, directions, instances, length, before, width, height;
  double rate;
} movies;

static size_t whole(const cf_json *object, const char *key) {
  const double v = cf_part_number(object, key);
  return v >= 0 && v < 1e9 ? (size_t)v : 0;
}

static const cf_json *class_at(const cf_part *part, size_t i) {
  return cf_json_at(cf_json_get(part->result, "classes"), i);
}

/* Movies by clips, as long and as many as the result says. */
static movies read_movies(const cf_part *part) {
  const cf_json *screen = cf_json_get(part->result, "screen");
  movies m = {.frames = cf_dataset_get(part->task->arrays, "frames"),
              .classes = whole(part->result, "stimuli"),
              .directions = whole(part->result, "directions"),
              .instances = whole(part->result, "instances"),
              .length = whole(part->result, "frames_per_clip"),
              .before = whole(part->result, "frames_before"),
              .width = whole(screen, "width"),
              .height = whole(screen, "height"),
              .rate = cf_part_number(screen, "rate")};
  const cf_array *f = m.frames;
  const bool good = f && f->dtype == CF_U8 && f->data && f->ndim == 4 && cf_array_count(f) > 0 &&
                    f->shape[0] == m.classes * m.directions * m.instances && f->shape[1] == m.length &&
                    f->shape[2] == m.height && f->shape[3] == m.width && m.rate > 0 && m.before < m.length;
  if (!good) m.frames = NULL;
  return m;
}

/* --------------------------------------------------------------- movies -- */

/* Mean of a square of pixels, in 32 levels, which pack well. */
static unsigned char shrunk(const unsigned char *frame, size_t width, size_t x, size_t y, size_t by) {
  size_t sum = 0;
  for (size_t j = 0; j < by; j++)
    for (size_t i = 0; i < by; i++) sum += frame[(y * by + j) * width + x * by + i];
  const size_t level = (sum * 31 + by * by * 127) / (by * by * 255);
  return (unsigned char)(level * 255 / 31);
}

/* The first directions of a class beside one another, white between them. */
static cf_status make_movie(cf_page *page, const movies *m, size_t class, cf_io_png *out) {
  cf_status status = CF_OK;
  const size_t by = (m->width + TILE_WIDTH - 1) / TILE_WIDTH, w = m->width / by, h = CF_MAX(m->height / by, (size_t)1);
  const size_t tiles = CF_MIN(m->directions, (size_t)TILES), n = CF_MIN(m->length - m->before, (size_t)SHOWN_FRAMES);
  const size_t wide = tiles * w + (tiles - 1) * GAP, pixels = m->width * m->height;
  unsigned char *to = NULL;
  *out = (cf_io_png){.width = wide, .height = h, .channels = 1, .frames = n, .seconds = 1 / m->rate};
  if (m->height < by) return CF_OK;
  CF_TRY(CF_SCRATCH(page->ctx, &to, n * h * wide));
  memset(to, 255, n * h * wide);
  for (size_t t = 0; t < n; t++)
    for (size_t k = 0; k < tiles; k++) {
      const size_t clip = (class * m->directions + k) * m->instances;
      const unsigned char *from = (const unsigned char *)m->frames->data + (clip * m->length + m->before + t) * pixels;
      for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < w; x++) to[(t * h + y) * wide + k * (w + GAP) + x] = shrunk(from, m->width, x, y, by);
    }
  out->data = to;
done:
  return status;
}

static void put_image(cf_page *page, const char *kind, const char *alt, const cf_io_png *image,
                      const unsigned char *bytes, size_t size) {
  cf_text_write(&page->html, "<img class=\"$s\" alt=\"$t\" width=\"$i\" height=\"$i\" src=\"data:image/png;base64,",
                kind, alt, (int)image->width, (int)image->height);
  cf_text_base64(&page->html, bytes, size);
  cf_text_put(&page->html, "\">\n");
}

static cf_status write_file(cf_page *page, const char *name, const unsigned char *bytes, size_t size) {
  char *path = NULL;
  cf_status status = cf_sprintf(page->ctx, &path, "%s/figures/%s.png", page->folder, name);
  if (status == CF_OK) status = cf_io_write_bytes(page->ctx, path, bytes, size, true);
  cf_free(path);
  return status;
}

/* A movie with its still first frame behind it; the switch works without script, and those who asked their system for
 * less motion see the still picture first. */
static cf_status write_movie(cf_page *page, const cf_part *part, const movies *m, size_t class) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(page->ctx);
  const char *name = cf_part_text(class_at(part, class), "name", "stimulus");
  const cf_json *measured = cf_json_get(class_at(part, class), "measured");
  cf_io_png image;
  unsigned char *moving = NULL, *still = NULL;
  size_t moving_size = 0, still_size = 0;
  char stem[256], alt[200];
  CF_TRY(make_movie(page, m, class, &image));
  if (!image.data) goto done;
  CF_TRY(cf_io_png_encode(page->ctx, &image, &moving, &moving_size));
  if (2 * moving_size > page->embed_left) goto done;
  snprintf(stem, sizeof stem, "%.150s-movie-%zu", part->task->id, class + 1);
  CF_TRY(write_file(page, stem, moving, moving_size));
  snprintf(alt, sizeof alt, "%zu frames of %.80s", image.frames, name);
  cf_text_write(&page->html, "<figure>\n<h3>$t</h3>\n<div class=\"movie\">", name);
  if (image.frames > 1)
    cf_text_write(&page->html,
                  "<input type=\"checkbox\" id=\"$t\"><label class=\"button\" for=\"$t\">Play / pause</label>\n", stem,
                  stem);
  put_image(page, image.frames > 1 ? "moving" : "", alt, &image, moving, moving_size);
  page->embed_left -= moving_size * 4 / 3;
  if (image.frames > 1) {
    image.frames = 1;
    CF_TRY(cf_io_png_encode(page->ctx, &image, &still, &still_size));
    put_image(page, "still", alt, &image, still, still_size);
  }
  cf_text_put(&page->html, "</div>\n<figcaption>");
  for (size_t d = 0; d < CF_MIN(m->directions, (size_t)TILES); d++) {
    const double angle = cf_part_number(cf_json_at(measured, d), "direction");
    if (isfinite(angle)) cf_text_write(&page->html, d ? ", $v°" : "Directions $v°", angle);
  }
  cf_text_write(&page->html,
                ".</figcaption>\n<p class=\"downloads\"><span class=\"muted\">Figure file:</span> <a "
                "href=\"figures/$t.png\" download>animated PNG</a></p>\n</figure>\n",
                stem);
done:
  cf_free(moving);
  cf_free(still);
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* --------------------------------------------------------------- values -- */

/* Mean over the directions of what was measured; NaN when nowhere. */
static double mean_of(const cf_json *class, const char *key) {
  const cf_json *list = cf_json_get(class, "measured");
  double sum = 0;
  size_t n = 0;
  for (size_t d = 0; list && d < cf_json_count(list); d++) {
    const double v = cf_part_number(cf_json_at(list, d), key);
    if (!isfinite(v)) continue;
    sum += v;
    n++;
  }
  return n ? sum / (double)n : (double)NAN;
}

static void range_of(const cf_json *class, const char *key, double *low, double *high) {
  const cf_json *list = cf_json_get(class, "measured");
  *low = *high = (double)NAN;
  for (size_t d = 0; list && d < cf_json_count(list); d++) {
    const double v = cf_part_number(cf_json_at(list, d), key);
    *low = fmin(*low, v); /* NaN gives way */
    *high = fmax(*high, v);
  }
}

static void write_table(cf_page *page, const cf_part *part, size_t classes) {
  static const char *const columns[] = {
      "Stimulus", "#Size (px)", "#Size (°)",   "#Spacing (px)",         "#Spacing (°)", "#Dark",
      "#Bright",  "#Mean grey", "#Asked (Hz)", "#Measured, least (Hz)", "#most (Hz)",   "#Cycles/°"};
  char stem[256];
  snprintf(stem, sizeof stem, "%.200s-measured", part->task->id);
  cf_table_open(page, stem, "What the frames show: means over the directions", columns,
                sizeof columns / sizeof *columns);
  for (size_t i = 0; i < classes; i++) {
    const cf_json *c = class_at(part, i);
    const double bar = mean_of(c, "bar_px");
    double least, most;
    range_of(c, "temporal_frequency", &least, &most);
    cf_table_row(page);
    cf_table_text(page, cf_part_text(c, "name", "?"));
    cf_table_number(page, isfinite(bar) ? bar : mean_of(c, "diameter_px"));
    cf_table_number(page, isfinite(bar) ? mean_of(c, "bar_deg") : mean_of(c, "diameter_deg"));
    cf_table_number(page, mean_of(c, "spacing_px"));
    cf_table_number(page, mean_of(c, "spacing_deg"));
    cf_table_number(page, mean_of(c, "low"));
    cf_table_number(page, mean_of(c, "high"));
    cf_table_number(page, mean_of(c, "mean"));
    cf_table_number(page, cf_part_number(c, "temporal_frequency"));
    cf_table_number(page, least);
    cf_table_number(page, most);
    cf_table_number(page, mean_of(c, "spatial_frequency"));
    cf_table_end_row(page);
  }
  cf_table_close(page);
}

/* Whether two curves lie on one another to two parts in a hundred. */
static bool same_curve(size_t n, const double *a, const double *b) {
  for (size_t i = 0; i < n; i++)
    if (!(fabs(a[i] - b[i]) <= 0.02 * fabs(b[i]))) return false;
  return true;
}

/* Temporal frequency over the directions. Stimuli with the same values share a curve, which bears the first one's name
 * and says how many more. */
static cf_status draw_frequencies(cf_page *page, const cf_part *part, size_t classes, size_t directions) {
  cf_status status = CF_OK;
  static const char caption[] =
      "Measured on a few pairs of frames of each clip: the motion along the direction over the period.";
  double *x = NULL, *y = NULL;
  char(*name)[96] = NULL;
  size_t *more = NULL, n = 0;
  cf_curve *curve = NULL;
  cf_figure *figure = NULL;
  char id[256];
  CF_TRY(CF_SCRATCH(page->ctx, &x, directions));
  CF_TRY(CF_SCRATCH(page->ctx, &y, classes * directions));
  CF_TRY(CF_SCRATCH(page->ctx, &curve, classes));
  CF_TRY(CF_SCRATCH(page->ctx, &more, classes));
  CF_TRY(CF_SCRATCH(page->ctx, &name, classes));
  for (size_t i = 0; i < classes; i++) {
    const cf_json *measured = cf_json_get(class_at(part, i), "measured");
    double least, most, *own = y + n * directions;
    size_t twin = 0;
    range_of(class_at(part, i), "temporal_frequency", &least, &most);
    if (!isfinite(least)) continue;
    for (size_t d = 0; d < directions; d++) {
      x[d] = cf_part_number(cf_json_at(measured, d), "direction");
      own[d] = cf_part_number(cf_json_at(measured, d), "temporal_frequency");
    }
    while (twin < n && !same_curve(directions, own, y + twin * directions)) twin++;
    const char *label = cf_part_text(class_at(part, i), "name", "?");
    if (twin < n) {
      more[twin]++;
      continue;
    }
    more[n] = 0;
    snprintf(name[n], sizeof name[n], "%.60s", label);
    curve[n] = (cf_curve){.name = name[n], .n = directions, .x = x, .y = own, .style = CF_CURVE_LINE};
    n++;
  }
  for (size_t k = 0; k < n; k++)
    if (more[k]) snprintf(name[k] + strlen(name[k]), sizeof name[k] - strlen(name[k]), " and %zu more", more[k]);
  if (n == 0 || directions < 2 || !isfinite(x[0])) goto done;
  const cf_curve_panel panel = {.x_title = "direction (degrees)",
                                .y_title = "temporal frequency (Hz)",
                                .count = n,
                                .curve = curve,
                                .from_zero = true};
  const cf_curves_figure spec = {1, 1, &panel};
  const cf_figure_options o = cf_page_options(part, "frequency", "Temporal frequency", caption, id);
  CF_TRY(cf_figure_curves(page->ctx, &spec, &o, &figure));
  status = cf_page_figure(page, part, "frequency", "Temporal frequency by direction", caption, true, figure);
done:
  return status;
}

/* ----------------------------------------------------------------- part -- */

cf_status cf_find_stimulus(cf_page *page, const cf_part *part) {
  const movies m = read_movies(part);
  const cf_json *screen = cf_json_get(part->result, "screen");
  double least = (double)NAN, most = (double)NAN;
  if (m.classes == 0) return cf_find_other(page, part);
  for (size_t i = 0; i < m.classes; i++) {
    double low, high;
    range_of(class_at(part, i), "temporal_frequency", &low, &high);
    least = fmin(least, low);
    most = fmax(most, high);
  }
  cf_text_write(&page->html,
                "<p>$i clip$s of $i frame$s, $i × $i pixels ($d × $d degrees) at $d frames a second: $i "
                "stimul$s, $i direction$s, $i instance$s.",
                (int)(m.classes * m.directions * m.instances), m.classes * m.directions * m.instances == 1 ? "" : "s",
                (int)m.length, m.length == 1 ? "" : "s", (int)m.width, (int)m.height,
                cf_part_number(screen, "width_deg"), cf_part_number(screen, "height_deg"), m.rate, (int)m.classes,
                m.classes == 1 ? "us" : "i", (int)m.directions, m.directions == 1 ? "" : "s", (int)m.instances,
                m.instances == 1 ? "" : "s");
  if (isfinite(least) && most - least < 0.005 * most)
    cf_text_write(&page->html, " They move at $d Hz.", most);
  else if (isfinite(least))
    cf_text_write(&page->html, " They move at $d to $d Hz.", least, most);
  cf_text_put(&page->html, "</p>\n");
  return CF_OK;
}

cf_status cf_part_stimulus(cf_page *page, const cf_part *part) {
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(page->ctx);
  const movies m = read_movies(part);
  if (m.classes == 0) return cf_part_other(page, part);
  CF_TRY(cf_find_stimulus(page, part));
  const char *set = cf_part_text(part->result, "set", "");
  if (strcmp(set, "paper") == 0)
    cf_text_put(&page->html,
                "<p class=\"note\">As published: rigid shifts by whole pixels on each axis. The stills are our "
                "own, made from the description of the authors' generator.</p>\n");
  cf_text_put(&page->html, "<div class=\"figures\">\n");
  for (size_t i = 0; i < CF_MIN(m.classes, (size_t)MOST_SHOWN) && m.frames; i++) CF_TRY(write_movie(page, part, &m, i));
  CF_TRY(draw_frequencies(page, part, m.classes, m.directions));
  cf_text_put(&page->html, "</div>\n");
  write_table(page, part, m.classes);
  status = cf_text_status(&page->html);
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}
