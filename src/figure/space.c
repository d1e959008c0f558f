/* Point clouds in three dimensions, and planes through clouds of more.
 *
 * The eye stands at azimuth a and elevation e and looks at the centre without perspective:
 *   u = -sin a x + cos a y,   v = -sin e (cos a x + sin a y) + cos e z,   depth = cos e (cos a x + sin a y) + sin e z.
 * Points are drawn from far to near; a far point has 0.72 of a near one's radius and 0.45 of its opacity. All panels
 * share one scale, equal on the three axes.                                   */
#include "figure/draw.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct cloud_memory {
  double *u, *v, *depth, *x, *y, *radius, *opacity;
  size_t *order;
} cloud_memory;

static cf_status take_memory(cf_context *ctx, size_t n, cloud_memory *m) {
  cf_status status = CF_OK;
  double **const part[] = {&m->u, &m->v, &m->depth, &m->x, &m->y, &m->radius, &m->opacity};
  for (size_t i = 0; i < sizeof part / sizeof *part; ++i) CF_TRY(CF_SCRATCH(ctx, part[i], n));
  CF_TRY(CF_SCRATCH(ctx, &m->order, n));
done:
  return status;
}

static double dot_radius(size_t n) {
  return n <= 60 ? 2.3 : n <= 200 ? 1.9 : n <= 600 ? 1.5 : n <= 1500 ? 1.2 : 1.0;
}

typedef struct keyed {
  double key;
  size_t i;
} keyed;

static int by_key(const void *a, const void *b) {
  const keyed *x = a, *y = b;
  if (x->key != y->key) return x->key < y->key ? -1 : 1;
  return (x->i > y->i) - (x->i < y->i);
}

static cf_status sort_far_first(cf_context *ctx, size_t n, const double *depth, size_t *order) {
  cf_status status = CF_OK;
  keyed *item = NULL;
  cf_mark mark = cf_scratch_mark(ctx);
  CF_TRY(CF_SCRATCH(ctx, &item, n));
  for (size_t i = 0; i < n; ++i) item[i] = (keyed){depth[i], i};
  qsort(item, n, sizeof *item, by_key);
  for (size_t i = 0; i < n; ++i) order[i] = item[i].i;
done:
  cf_scratch_release(ctx, mark);
  return status;
}

/* Arms of the axes as the eye sees them, in the lower left corner. */
static void draw_triad(cf_draw *draw, const cf_space_figure *spec, const double turn[3][3], double x, double y) {
  static const char *const number[3] = {"1", "2", "3"};
  cf_text_put(&draw->body, "<g class=\"cf-triad\">\n");
  for (int k = 0; k < 3; ++k) {
    double dx = 13.0 * turn[0][k], dy = -13.0 * turn[1][k], length = hypot(dx, dy);
    cf_draw_line(draw, "cf-line", x, y, x + dx, y + dy, CF_INK, 0.6);
    double away = length > 3.0 ? (length + 4.5) / length : 2.0;
    cf_draw_text(draw, x + dx * away, y + dy * away + 2.1, (cf_type){.size = 6, .anchor = CF_MIDDLE, .room = 40.0},
                 spec->axis_name[k] ? spec->axis_name[k] : number[k]);
  }
  cf_text_put(&draw->body, "</g>\n");
}

static cf_status check_space(cf_context *ctx, const cf_space_figure *spec) {
  cf_status status = CF_OK;
  if (spec->n == 0 || spec->panels == 0)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "a figure of a point cloud needs points and panels"));
  for (size_t i = 0; i < 3 * spec->n; ++i)
    if (!isfinite(spec->point[i])) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "point %zu of the cloud is not finite", i / 3));
  for (size_t p = 0; p < spec->panels; ++p) CF_TRY(cf_colouring_check(ctx, spec->panel + p, spec->n));
done:
  return status;
}

static void make_turn(double azimuth, double elevation, double turn[3][3]) {
  double a = azimuth * CF_TURN / 360.0, e = elevation * CF_TURN / 360.0;
  const double row[3][3] = {
      {-sin(a), cos(a), 0.0}, {-sin(e) * cos(a), -sin(e) * sin(a), cos(e)}, {cos(e) * cos(a), cos(e) * sin(a), sin(e)}};
  memcpy(turn, row, sizeof row);
}

/* Places in a box at the origin of the given side; returns the height that is needed. */
static double project(const cf_space_figure *spec, const double turn[3][3], double side, cloud_memory *m) {
  double low[3] = {INFINITY, INFINITY, INFINITY}, high[3] = {-INFINITY, -INFINITY, -INFINITY};
  const double pad = 5.0;
  for (size_t i = 0; i < spec->n; ++i) {
    double *to[3] = {m->u + i, m->v + i, m->depth + i};
    for (int k = 0; k < 3; ++k) {
      double s = 0.0;
      for (int c = 0; c < 3; ++c) s += turn[k][c] * spec->point[3 * i + (size_t)c];
      *to[k] = s;
      low[k] = CF_MIN(low[k], s);
      high[k] = CF_MAX(high[k], s);
    }
  }
  double per_point = CF_MAX((high[0] - low[0]) / (side - 2.0 * pad), (high[1] - low[1]) / (0.86 * side - 2.0 * pad));
  if (!(per_point > 0.0)) per_point = 1.0;
  double height = CF_MAX(0.62 * side, (high[1] - low[1]) / per_point + 2.0 * pad), dot = dot_radius(spec->n);
  for (size_t i = 0; i < spec->n; ++i) {
    double near = high[2] > low[2] ? (m->depth[i] - low[2]) / (high[2] - low[2]) : 1.0;
    m->x[i] = 0.5 * side + (m->u[i] - 0.5 * (low[0] + high[0])) / per_point;
    m->y[i] = 0.5 * height - (m->v[i] - 0.5 * (low[1] + high[1])) / per_point;
    m->radius[i] = dot * (0.72 + 0.28 * near);
    m->opacity[i] = 0.45 + 0.55 * near;
  }
  return height;
}

static cf_status draw_space_panel(cf_draw *draw, const cf_space_figure *spec, const cf_colouring *panel,
                                  const double turn[3][3], cf_box box, const cloud_memory *m, double *bottom) {
  cf_status status = CF_OK;
  double *x = NULL, *y = NULL;
  size_t *order = NULL, used = 0;
  cf_mark mark = cf_scratch_mark(draw->ctx);
  CF_TRY(CF_SCRATCH(draw->ctx, &x, spec->n));
  CF_TRY(CF_SCRATCH(draw->ctx, &y, spec->n));
  CF_TRY(CF_SCRATCH(draw->ctx, &order, spec->n));
  for (int pass = 0; pass < 2; ++pass) /* what is in no category lies behind */
    for (size_t k = 0; k < spec->n; ++k) {
      bool none = panel->group && panel->group[m->order[k]] == CF_NO_GROUP;
      if (none == (pass == 0)) order[used++] = m->order[k];
    }
  for (size_t i = 0; i < spec->n; ++i) x[i] = box.x + m->x[i], y[i] = box.y + 10.0 + m->y[i];
  cf_text_write(&draw->body, "<g class=\"cf-panel\" data-name=\"$t\">\n", panel->title ? panel->title : "");
  if (panel->title)
    cf_draw_text(draw, box.x, box.y + 6.0, (cf_type){.size = 7, .room = box.w, .bold = true}, panel->title);
  cf_cloud cloud = {spec->n, x, y, m->radius, m->opacity, order, spec->label, spec->light};
  CF_TRY(cf_draw_cloud(draw, &cloud, panel, (cf_box){box.x, box.y + 10.0, box.w, box.h}));
  draw_triad(draw, spec, turn, box.x + 18.0, box.y + 10.0 + box.h + 6.0);
  double below = cf_draw_key(draw, panel, spec->n, box.x, box.y + 10.0 + box.h + 22.0, box.w);
  *bottom = CF_MAX(*bottom, below);
  cf_text_put(&draw->body, "</g>\n");
done:
  cf_scratch_release(draw->ctx, mark);
  return status;
}

cf_status cf_figure_space(cf_context *ctx, const cf_space_figure *spec, const cf_figure_options *options,
                          cf_figure **out) {
  cf_status status = CF_OK;
  cf_draw draw;
  cloud_memory m;
  double turn[3][3];
  const double gap = 12.0;
  cf_mark mark = cf_scratch_mark(ctx);
  cf_draw_begin(&draw, ctx, "cf-space", options, spec->panels > 1 ? CF_FIGURE_TWO_COLUMNS : CF_FIGURE_ONE_COLUMN);
  CF_TRY(check_space(ctx, spec));
  CF_TRY(take_memory(ctx, spec->n, &m));
  size_t columns = spec->columns ? spec->columns : CF_MAX((size_t)1, (size_t)(draw.width / 160.0));
  columns = CF_MIN(columns, spec->panels);
  double side = (draw.width - 4.0 + gap) / (double)columns - gap;
  make_turn(spec->azimuth, spec->elevation, turn);
  double height = project(spec, (const double(*)[3])turn, side, &m), y = draw.top, bottom = y;
  CF_TRY(sort_far_first(ctx, spec->n, m.depth, m.order));
  for (size_t p = 0; p < spec->panels; ++p) {
    cf_box box = {2.0 + (double)(p % columns) * (side + gap), y, side, height};
    CF_TRY(draw_space_panel(&draw, spec, spec->panel + p, (const double(*)[3])turn, box, &m, &bottom));
    if (p % columns + 1 == columns) y = bottom + 8.0;
  }
  cf_scratch_release(ctx, mark);
  return cf_draw_finish(&draw, bottom, out);
done:
  cf_scratch_release(ctx, mark);
  cf_text_free(&draw.body);
  return status;
}

/* ---------------------------------------------------------------- planes -- */

static const size_t standard[][2] = {{0, 1}, {0, 2}, {1, 2}, {0, 3}, {1, 3}, {2, 3}};

static cf_status check_pairs(cf_context *ctx, const cf_pairs_figure *spec) {
  cf_status status = CF_OK;
  if (spec->n == 0 || spec->dims < 2)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "planes need points of two coordinates or more"));
  for (size_t i = 0; i < spec->n * spec->dims; ++i)
    if (!isfinite(spec->point[i]))
      CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "point %zu of the cloud is not finite", i / spec->dims));
  for (size_t p = 0; spec->pair && p < spec->pairs; ++p)
    if (spec->pair[p][0] >= spec->dims || spec->pair[p][1] >= spec->dims)
      CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "plane %zu needs a coordinate that is not there", p));
  status = cf_colouring_check(ctx, &spec->colouring, spec->n);
done:
  return status;
}

static void axis_of(const cf_pairs_figure *spec, size_t k, cf_ticks *ticks, cf_scale *scale) {
  double low = INFINITY, high = -INFINITY;
  for (size_t i = 0; i < spec->n; ++i) {
    double v = spec->point[i * spec->dims + k];
    low = CF_MIN(low, v), high = CF_MAX(high, v);
  }
  double margin = high > low ? 0.05 * (high - low) : 0.5;
  cf_ticks_inside(low, high, 3, ticks);
  scale->low = low - margin;
  scale->high = high + margin;
}

static cf_status draw_plane(cf_draw *draw, const cf_pairs_figure *spec, const size_t pair[2], cf_box box,
                            cloud_memory *m) {
  cf_status status = CF_OK;
  cf_ticks ticks[2];
  cf_scale scale[2];
  char title[2][96];
  const char *axis = spec->axis ? spec->axis : "coordinate";
  for (int k = 0; k < 2; ++k) {
    axis_of(spec, pair[k], ticks + k, scale + k);
    snprintf(title[k], sizeof title[k], "%.80s %zu", axis, pair[k] + 1);
  }
  scale[0].from = box.x, scale[0].to = box.x + box.w;
  scale[1].from = box.y + box.h, scale[1].to = box.y;
  for (size_t i = 0; i < spec->n; ++i) {
    m->x[i] = cf_scale_at(scale, spec->point[i * spec->dims + pair[0]]);
    m->y[i] = cf_scale_at(scale + 1, spec->point[i * spec->dims + pair[1]]);
    m->radius[i] = 0.85 * dot_radius(spec->n);
    m->opacity[i] = 0.8;
  }
  cf_cloud cloud = {spec->n, m->x, m->y, m->radius, m->opacity, NULL, spec->label, spec->light};
  cf_text_write(&draw->body, "<g class=\"cf-panel\" data-name=\"$t, $t\">\n", title[0], title[1]);
  CF_TRY(cf_draw_cloud(draw, &cloud, &spec->colouring, box));
  cf_draw_panel(draw, box, scale, ticks, title[0], scale + 1, ticks + 1, title[1]);
  cf_text_put(&draw->body, "</g>\n");
done:
  return status;
}

cf_status cf_figure_pairs(cf_context *ctx, const cf_pairs_figure *spec, const cf_figure_options *options,
                          cf_figure **out) {
  cf_status status = CF_OK;
  cf_draw draw;
  cloud_memory m;
  cf_mark mark = cf_scratch_mark(ctx);
  cf_draw_begin(&draw, ctx, "cf-pairs", options, CF_FIGURE_TWO_COLUMNS);
  CF_TRY(check_pairs(ctx, spec));
  CF_TRY(take_memory(ctx, spec->n, &m));
  const size_t(*pair)[2] = spec->pair ? spec->pair : standard;
  size_t pairs = spec->pair ? spec->pairs : spec->dims == 2 ? 1 : spec->dims == 3 ? 3 : 6;
  size_t columns = CF_MIN(pairs, CF_MAX((size_t)1, (size_t)(draw.width / 160.0)));
  double widest = 0.0;
  for (size_t p = 0; p < pairs; ++p) {
    cf_ticks ticks;
    cf_scale scale;
    axis_of(spec, pair[p][1], &ticks, &scale);
    widest = CF_MAX(widest, cf_panel_left(&ticks));
  }
  double cell = (draw.width - 6.0) / (double)columns, side = CF_MIN(150.0, cell - widest - 10.0), y = draw.top + 2.0;
  double tall = 0.8 * side;
  for (size_t p = 0; p < pairs; ++p) {
    cf_box box = {3.0 + cell * (double)(p % columns) + widest, y, side, tall};
    CF_TRY(draw_plane(&draw, spec, pair[p], box, &m));
    if (p % columns + 1 == columns || p + 1 == pairs) y += tall + CF_PANEL_BELOW + 7.0;
  }
  const cf_colouring *c = &spec->colouring;
  if (c->value && !c->group) {
    double low, high;
    cf_colouring_range(c, spec->n, &low, &high);
    y = cf_draw_colourbar_flat(&draw, c->map, low, high, c->title, 3.0 + widest, y, CF_MIN(150.0, 0.5 * draw.width));
  } else {
    y = cf_draw_key(&draw, c, spec->n, 3.0 + widest, y, draw.width - widest - 8.0);
  }
  cf_scratch_release(ctx, mark);
  return cf_draw_finish(&draw, y, out);
done:
  cf_scratch_release(ctx, mark);
  cf_text_free(&draw.body);
  return status;
}
