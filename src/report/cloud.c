/* The interactive point cloud: its data inside the page, small enough to send on.
 *
 * Points and values are float32, categories one byte, response maps half a byte a cell (0 to 14 between the neuron's
 * own lowest and highest value, 15: no value; the first of two cells in the low half), all in base64. Maps beyond 0.3
 * MB have neighbouring frames averaged; of trajectories beyond 0.3 MB every second, third ... step is kept. */
#include "report/page.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_MAP_BYTES = 300000, MOST_PATH_BYTES = 300000, FEWEST_TIMES = 6 };

static cf_status put_floats(cf_page *page, const double *value, size_t n) {
  cf_status status = CF_OK;
  unsigned char *bytes = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(CF_SCRATCH(page->ctx, &bytes, 4 * n));
  for (size_t i = 0; i < n; ++i) {
    float v = (float)value[i];
    uint32_t word;
    memcpy(&word, &v, sizeof word);
    for (size_t b = 0; b < 4; ++b) bytes[4 * i + b] = (unsigned char)(word >> (8 * b));
  }
  cf_text_put(&page->html, "\"");
  cf_text_base64(&page->html, bytes, 4 * n);
  cf_text_put(&page->html, "\"");
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

static cf_status put_codes(cf_page *page, const size_t *code, size_t n) {
  cf_status status = CF_OK;
  unsigned char *bytes = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(CF_SCRATCH(page->ctx, &bytes, n));
  for (size_t i = 0; i < n; ++i) bytes[i] = code[i] == CF_NO_GROUP ? 255 : (unsigned char)code[i];
  cf_text_put(&page->html, "\"");
  cf_text_base64(&page->html, bytes, n);
  cf_text_put(&page->html, "\"");
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

static cf_status put_colouring(cf_page *page, const cf_cloud_view *view, size_t k) {
  static const char *const map[] = {"sequential", "diverging", "cyclic"};
  cf_status status = CF_OK;
  const cf_colouring *c = view->colouring + k;
  cf_text_put(&page->html, "{\"name\":");
  cf_page_json_text(&page->html, c->title ? c->title : "points");
  if (k >= view->shown) cf_text_put(&page->html, ",\"hidden\":true");
  if (view->unit && view->unit[k]) {
    cf_text_put(&page->html, ",\"unit\":");
    cf_page_json_text(&page->html, view->unit[k]);
  }
  if (c->group) {
    cf_text_write(&page->html, ",\"cyclic\":$s,\"groups\":", c->cyclic ? "true" : "false");
    cf_page_json_texts(&page->html, c->group_name, c->groups);
    cf_text_put(&page->html, ",\"colours\":[");
    for (size_t g = 0; g < CF_MIN(c->groups, 40) && c->groups > 10; ++g) {
      unsigned char rgb[3];
      char hex[8];
      cf_figure_category(g, c->groups, c->cyclic, rgb);
      snprintf(hex, sizeof hex, "%02x%02x%02x", rgb[0], rgb[1], rgb[2]);
      cf_text_write(&page->html, "$s\"$s\"", g ? "," : "", hex);
    }
    cf_text_put(&page->html, "],\"codes\":");
    CF_TRY(put_codes(page, c->group, view->n));
  } else {
    cf_text_write(&page->html, ",\"map\":\"$s\"", map[c->map]);
    if (c->high > c->low) cf_text_write(&page->html, ",\"low\":$w,\"high\":$w", c->low, c->high);
    cf_text_put(&page->html, ",\"data\":");
    CF_TRY(put_floats(page, c->value, view->n));
  }
  cf_text_put(&page->html, "}");
done:
  return status;
}

/* Mean over `join` neighbouring frames of cell t of one map row. */
static double cell(const double *row, size_t times, size_t join, size_t t) {
  double sum = 0.0;
  size_t known = 0;
  for (size_t k = t * join; k < CF_MIN(times, (t + 1) * join); ++k)
    if (isfinite(row[k])) sum += row[k], ++known;
  return known ? sum / (double)known : NAN;
}

static cf_status put_maps(cf_page *page, const cf_cloud_view *view, size_t join) {
  cf_status status = CF_OK;
  size_t rows = view->stimuli * view->directions, times = (view->times + join - 1) / join, n = view->n;
  size_t packed = (n * rows * times + 1) / 2;
  unsigned char *bytes = NULL;
  double *low = NULL, *high = NULL;
  char note[256], number[32];
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(CF_SCRATCH(page->ctx, &bytes, packed));
  CF_TRY(CF_SCRATCH(page->ctx, &low, n));
  CF_TRY(CF_SCRATCH(page->ctx, &high, n));
  memset(bytes, 0, packed);
  for (size_t i = 0; i < n; ++i) {
    const double *own = view->map + i * rows * view->times;
    low[i] = 0.0;
    high[i] = -INFINITY;
    for (int pass = 0; pass < 2; ++pass)
      for (size_t r = 0; r < rows; ++r)
        for (size_t t = 0; t < times; ++t) {
          double v = cell(own + r * view->times, view->times, join, t);
          if (pass == 0 && isfinite(v)) low[i] = CF_MIN(low[i], v), high[i] = CF_MAX(high[i], v);
          double share = high[i] > low[i] ? (v - low[i]) / (high[i] - low[i]) : 0.0;
          size_t at = (i * rows + r) * times + t;
          unsigned code = isfinite(v) ? (unsigned)(14.0 * share + 0.5) : 15;
          if (pass == 1) bytes[at / 2] = (unsigned char)(bytes[at / 2] | code << (at % 2 ? 4 : 0));
        }
    if (!isfinite(high[i])) high[i] = 0.0;
  }
  int used = snprintf(note, sizeof note, "Down: %zu directions", view->directions);
  if (view->direction)
    used += snprintf(note + used, sizeof note - (size_t)used, ", %s° to %s°",
                     cf_text_fixed(view->direction[0], 0, number, sizeof number),
                     cf_text_fixed(view->direction[view->directions - 1], 0, number + 16, sizeof number - 16));
  if (view->time && view->times > 1)
    snprintf(
        note + used, sizeof note - (size_t)used, ". Across: %s s.",
        cf_text_fixed((view->time[view->times - 1] - view->time[0]) * (double)view->times / (double)(view->times - 1),
                      2, number, sizeof number));
  else
    snprintf(note + used, sizeof note - (size_t)used, ". Across: time.");
  cf_text_put(&page->html, ",\n\"maps\":{\"stimuli\":[");
  for (size_t s = 0; s < view->stimuli; ++s) {
    char plain[32];
    snprintf(plain, sizeof plain, "stimulus %zu", s + 1);
    if (s) cf_text_put(&page->html, ",");
    cf_page_json_text(&page->html, view->stimulus_name ? view->stimulus_name[s] : plain);
  }
  cf_text_write(&page->html, "],\"directions\":$i,\"times\":$i,\"note\":", (int)view->directions, (int)times);
  cf_page_json_text(&page->html, note);
  if (view->time) {
    cf_text_put(&page->html, ",\"seconds\":[");
    for (size_t t = 0; t < times; ++t)
      cf_text_write(&page->html, "$s$w", t ? "," : "", cell(view->time, view->times, join, t));
    cf_text_put(&page->html, "]");
  }
  if (view->rate_unit) {
    cf_text_put(&page->html, ",\"unit\":");
    cf_page_json_text(&page->html, view->rate_unit);
  }
  cf_text_put(&page->html, ",\"low\":");
  CF_TRY(put_floats(page, low, n));
  cf_text_put(&page->html, ",\"high\":");
  CF_TRY(put_floats(page, high, n));
  cf_text_put(&page->html, ",\"data\":\"");
  cf_text_base64(&page->html, bytes, packed);
  cf_text_put(&page->html, "\"}");
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

/* How many frames become one; 0: no maps. */
static size_t frames_joined(const cf_page *page, const cf_cloud_view *view, size_t own) {
  size_t each = view->n * view->stimuli * view->directions;
  if (!view->map || each == 0 || view->times == 0) return 0;
  for (size_t join = 1; join == 1 || view->times / join >= FEWEST_TIMES; ++join) {
    size_t bytes = (each * ((view->times + join - 1) / join) + 1) / 2;
    if (bytes <= MOST_MAP_BYTES && bytes / 3 * 4 + own <= page->embed_left) return join;
  }
  return 0;
}

/* Steps that are kept: every `stride`-th, counted from the last one back. */
static size_t step_stride(const cf_cloud_view *view) {
  size_t most = CF_MAX((size_t)2, (size_t)MOST_PATH_BYTES / (16 * CF_MAX(view->n, (size_t)1)));
  return (view->steps + most - 1) / most;
}

static cf_status put_paths(cf_page *page, const cf_cloud_view *view) {
  cf_status status = CF_OK;
  const size_t stride = step_stride(view), kept = (view->steps - 1) / stride + 1, first = (view->steps - 1) % stride;
  double *path = NULL;
  cf_mark mark = cf_scratch_mark(page->ctx);
  CF_TRY(CF_SCRATCH(page->ctx, &path, 3 * view->n * kept));
  for (size_t i = 0; i < view->n; ++i)
    for (size_t t = 0; t < kept; ++t)
      memcpy(path + 3 * (i * kept + t), view->path + 3 * (i * view->steps + first + t * stride), 3 * sizeof *path);
  cf_text_write(&page->html, ",\"steps\":$i", (int)kept);
  if (view->step_time) {
    cf_text_put(&page->html, ",\"times\":[");
    for (size_t t = 0; t < kept; ++t)
      cf_text_write(&page->html, "$s$w", t ? "," : "", view->step_time[first + t * stride]);
    cf_text_put(&page->html, "]");
    if (view->step_unit) {
      cf_text_put(&page->html, ",\"timeUnit\":");
      cf_page_json_text(&page->html, view->step_unit);
    }
  }
  cf_text_put(&page->html, ",\n\"path\":");
  CF_TRY(put_floats(page, path, 3 * view->n * kept));
done:
  cf_scratch_release(page->ctx, mark);
  return status;
}

static cf_status put_data(cf_page *page, const char *name, const char *title, const cf_cloud_view *view, size_t join) {
  cf_status status = CF_OK;
  cf_text_write(&page->html, "<script type=\"application/json\" id=\"data-$t\">{\"n\":$i,\"title\":", name,
                (int)view->n);
  cf_page_json_text(&page->html, title);
  cf_text_put(&page->html, ",\"axes\":");
  cf_page_json_texts(&page->html, view->axis, 3);
  cf_text_put(&page->html, ",\"points\":");
  CF_TRY(put_floats(page, view->point, 3 * view->n));
  if (view->noun) {
    cf_text_put(&page->html, ",\"noun\":");
    cf_page_json_text(&page->html, view->noun);
  }
  if (view->steps > 1) CF_TRY(put_paths(page, view));
  if (view->label) {
    cf_text_put(&page->html, ",\n\"labels\":");
    cf_page_json_texts(&page->html, view->label, view->n);
  }
  cf_text_put(&page->html, ",\n\"colourings\":[");
  for (size_t k = 0; k < view->colourings; ++k) {
    if (k) cf_text_put(&page->html, ",\n");
    CF_TRY(put_colouring(page, view, k));
  }
  cf_text_put(&page->html, "]");
  if (join > 0) CF_TRY(put_maps(page, view, join));
  cf_text_put(&page->html, "}</script>\n");
done:
  return status;
}

cf_status cf_page_cloud(cf_page *page, const cf_part *part, const char *stem, const char *title, const char *caption,
                        const cf_cloud_view *view, cf_figure *figure, cf_figure *inlined) {
  cf_status status = CF_OK;
  char name[256];
  size_t own = view->n * (12 + 5 * view->colourings) / 3 * 4 + (view->label ? 16 * view->n : 0) +
               (view->steps > 1 ? 16 * view->n * ((view->steps - 1) / step_stride(view) + 1) : 0);
  bool live = view->colourings > 0 && own <= page->embed_left && view->n <= 20000;
  size_t join = live ? frames_joined(page, view, own) : 0;
  snprintf(name, sizeof name, "%.180s-%.60s", part->task->id, stem);
  CF_TRY(cf_page_files(page, name, figure));
  cf_text_write(&page->html, "<figure id=\"fig-$t\" class=\"wide\">\n<h3>$t</h3>\n", name, title);
  if (live) {
    size_t before = page->html.size;
    cf_text_write(&page->html, "<div class=\"space\" data-source=\"data-$t\"></div>\n", name);
    CF_TRY(put_data(page, name, title, view, join));
    page->embed_left -= CF_MIN(page->embed_left, page->html.size - before);
  }
  cf_page_drawing(page, live && inlined ? inlined : figure, live);
  if (caption) cf_text_write(&page->html, "<figcaption>$t</figcaption>\n", caption);
  if (view->map && join == 0)
    cf_text_put(&page->html,
                "<p class=\"muted\">Without response maps, to keep this file small; they are in arrays.h5.</p>\n");
  if (join > 1)
    cf_text_write(
        &page->html,
        "<p class=\"muted\">Response maps of single neurons: means over $i frames, to keep this file small.</p>\n",
        (int)join);
  if (!live) cf_page_still_note(page);
  cf_page_links(page, name);
  cf_text_put(&page->html, "</figure>\n");
  status = cf_text_status(&page->html);
done:
  cf_figure_free(inlined);
  cf_figure_free(figure);
  return status;
}
