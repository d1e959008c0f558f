/* Decoding manifolds and trajectories of two or more tasks beside one another: views of what their own parts hold. */
#include "report/conditions.h"
#include "base/internal.h"
#include <math.h>
#include <string.h>

/* The still drawing of one population's manifold, or of its trajectories; NULL: the result has none. */
static cf_status make_still(cf_page *page, const cf_part *part, bool moving, cf_figure **out) {
  cf_status status = CF_OK;
  cf_conditions c;
  cf_block x;
  double *place = NULL;
  char id[256];
  const size_t time = moving ? 1 : 0;
  *out = NULL;
  CF_TRY(cf_conditions_read(page, part, &c));
  CF_TRY(cf_block_read(page, part, moving ? "trajectories" : "coordinates", moving ? 3 : 2, &x));
  if (!x.value || c.n == 0 || x.shape[0] != c.n) goto done;
  size_t steps = moving ? x.shape[1] : 1;
  CF_TRY(cf_conditions_three(page, c.n * steps, x.shape[1 + time], x.value, &place));
  for (size_t i = 0; i < 3 * c.n * steps; ++i)
    if (!isfinite(place[i])) goto done;
  const double *path = place;
  cf_figure_options o = cf_page_options(part, moving ? "side-paths" : "side", part->task->title, NULL, id);
  if (moving) {
    if (steps < 2) goto done;
    if (c.repeats && strcmp(c.colouring[0].title, "stimulus") == 0) CF_TRY(cf_conditions_mean(page, steps, &c, &path));
    cf_paths_figure spec = {.n = c.n,
                            .steps = steps,
                            .point = path,
                            .label = c.label,
                            .axis_name = {"PC 1", "PC 2", "PC 3"},
                            .panels = 1,
                            .panel = c.colouring,
                            .azimuth = CF_PATHS_AZIMUTH,
                            .elevation = CF_PATHS_ELEVATION};
    status = cf_figure_paths(page->ctx, &spec, &o, out);
  } else {
    cf_space_figure spec = {.n = c.n,
                            .point = place,
                            .label = c.label,
                            .axis_name = {"PC 1", "PC 2", "PC 3"},
                            .panels = 1,
                            .panel = c.colouring,
                            .azimuth = CF_SPACE_AZIMUTH,
                            .elevation = CF_SPACE_ELEVATION};
    status = cf_figure_space(page->ctx, &spec, &o, out);
  }
done:
  return status;
}

cf_status cf_page_decode_views(cf_page *page, bool moving) {
  cf_status status = CF_OK;
  const char *stem = moving ? "trajectories" : "manifold";
  cf_text_write(&page->html, "<h3>$s</h3>\n<div class=\"spaces\">\n",
                moving ? "Trajectories, each population on its own components"
                       : "Decoding manifolds, each population on its own components");
  for (size_t t = 0; t < page->results->count; ++t) {
    const cf_study_task *task = page->results->task + t;
    const cf_part part = {task, cf_json_get(task->envelope, "result"), cf_json_get(task->envelope, "options")};
    cf_figure *figure = NULL;
    if (strcmp(task->kind, "decode") != 0) continue;
    const cf_mark mark = cf_scratch_mark(page->ctx);
    status = make_still(page, &part, moving, &figure);
    if (figure) {
      cf_text_write(&page->html,
                    "<div><h3><a href=\"#task-$t\">$t</a></h3>\n<div class=\"space\" data-compact "
                    "data-source=\"data-$t-$s\"></div>\n",
                    task->id, task->title, task->id, stem);
      cf_page_drawing(page, figure, true);
      cf_text_put(&page->html, "</div>\n");
    }
    cf_figure_free(figure);
    cf_scratch_release(page->ctx, mark);
    CF_TRY(status);
  }
  cf_text_put(&page->html, "</div>\n");
done:
  return status;
}
