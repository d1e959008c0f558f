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

void cf_draw_triad(cf_draw *draw, const char *const axis_name[3], const double turn[3][3], double x, double y) {
  static const char *const number[3] = {"1", "2", "3"};
  cf_text_put(&draw->body, "<g class=\"cf-triad\">\n");
  for (int k = 0; k < 3; ++k) {
    double dx = 13.0 * turn[0][k], dy = -13.0 * turn[1][k], length = hypot(dx, dy);
    cf_draw_line(draw, "cf-line", x, y, x + dx, y + dy, CF_INK, 0.6);
    double away = length > 3.0 ? (length + 4.5) / length : 2.0;
    cf_draw_text(draw, x + dx * away, y + dy * away + 2.1, (cf_type){.size = 6, .anchor = CF_MIDDLE, .room = 40.0},
                 axis_name[k] ? axis_name[k] : number[k]);
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

void cf_eye_turn(double azimuth, double elevation, double turn[3][3]) {
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
  cf_draw_triad(draw, spec->axis_name, turn, box.x + (spec->axis_name[0] ? 26.0 : 18.0), box.y + 10.0 + box.h + 6.0);
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
  cf_eye_turn(spec->azimuth, spec->elevation, turn);
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

/* ---------------------------------------------------------------- insets -- */

static cf_status check_insets(cf_context *ctx, const cf_insets_figure *spec) {
  if (spec->count == 0 || spec->stimuli * spec->directions * spec->times == 0)
    return cf_fail(ctx, CF_ERR_USAGE, "insets need examples and their response maps");
  for (size_t k = 0; k < spec->count; ++k)
    if (spec->example[k] >= spec->space.n) return cf_fail(ctx, CF_ERR_USAGE, "example %zu is no point of the cloud", k);
  return check_space(ctx, &spec->space);
}

/* Maps of example k, stimuli in up to three columns, each from 0 to the example's own largest value. */
static cf_status draw_inset(cf_draw *draw, const cf_insets_figure *spec, size_t k, size_t number, cf_box box) {
  cf_status status = CF_OK;
  const size_t cells = spec->directions * spec->times, columns = CF_MIN(spec->stimuli, 3),
               rows = (spec->stimuli + columns - 1) / columns;
  const double *map = spec->map + k * spec->stimuli * cells;
  double low = 0.0, high = -INFINITY, wide = (box.w - 2.0 * (double)(columns - 1)) / (double)columns,
         tall = (box.h - 9.0 - 2.0 * (double)(rows - 1)) / (double)rows;
  unsigned char *rgb = NULL;
  char title[240], plain[32];
  cf_mark mark = cf_scratch_mark(draw->ctx);
  CF_TRY(CF_SCRATCH(draw->ctx, &rgb, 3 * cells));
  for (size_t i = 0; i < spec->stimuli * cells; ++i)
    if (isfinite(map[i])) low = CF_MIN(low, map[i]), high = CF_MAX(high, map[i]);
  if (!(high > low)) high = low + 1.0;
  snprintf(plain, sizeof plain, "point %zu", spec->example[k] + 1);
  snprintf(title, sizeof title, "%zu  %.200s", number, spec->space.label ? spec->space.label[spec->example[k]] : plain);
  cf_text_write(&draw->body, "<g class=\"cf-panel cf-inset\" data-name=\"$t\">\n", title);
  cf_draw_text(draw, box.x, box.y + 6.0, (cf_type){.size = 6.3, .room = box.w, .bold = true}, title);
  for (size_t s = 0; s < spec->stimuli; ++s) {
    cf_box one = {box.x + (wide + 2.0) * (double)(s % columns), box.y + 9.0 + (tall + 2.0) * (double)(s / columns),
                  wide, tall};
    for (size_t i = 0; i < cells; ++i) {
      double v = map[s * cells + i];
      cf_figure_map(CF_MAP_SEQUENTIAL, isfinite(v) ? (v - low) / (high - low) : NAN, rgb + 3 * i);
    }
    CF_TRY(cf_draw_picture(draw, spec->times, spec->directions, 3, rgb, one, false));
  }
  cf_text_put(&draw->body, "</g>\n");
done:
  cf_scratch_release(draw->ctx, mark);
  return status;
}

/* Leaders of least total length do not cross: the best of all orders of up to five examples a side. */
static void untangle(const cf_insets_figure *spec, const cloud_memory *m, cf_box middle, bool left, size_t n,
                     size_t *order) {
  size_t best[CF_INSETS], now[CF_INSETS], count[CF_INSETS] = {0};
  double least = INFINITY;
  const double pitch = middle.h / (double)CF_MAX(n, (size_t)1);
  memcpy(now, order, n * sizeof *order);
  memcpy(best, order, n * sizeof *order);
  for (size_t i = 0;;) { /* Heap's permutations */
    double sum = 0.0;
    for (size_t k = 0; k < n; ++k)
      sum += hypot(m->x[spec->example[now[k]]] - (left ? -18.0 : middle.w + 18.0),
                   m->y[spec->example[now[k]]] - pitch * ((double)k + 0.5));
    if (sum < least - 1e-9) {
      least = sum;
      memcpy(best, now, n * sizeof *best);
    }
    while (i < n && count[i] >= i) count[i++] = 0;
    if (i >= n) break;
    size_t j = i % 2 ? count[i] : 0, swap = now[j];
    now[j] = now[i];
    now[i] = swap;
    ++count[i];
    i = 0;
  }
  memcpy(order, best, n * sizeof *order);
}

/* Examples from left to right; the left half stands at the left, each side so that leaders do not cross. */
static size_t arrange(const cf_insets_figure *spec, const cloud_memory *m, cf_box middle, size_t *order) {
  size_t n = CF_MIN(spec->count, (size_t)CF_INSETS), left = (n + 1) / 2;
  for (size_t k = 0; k < n; ++k) order[k] = k;
  for (size_t a = 0; a < n; ++a)
    for (size_t b = a + 1; b < n; ++b)
      if (m->x[spec->example[order[b]]] < m->x[spec->example[order[a]]]) {
        size_t swap = order[a];
        order[a] = order[b];
        order[b] = swap;
      }
  untangle(spec, m, middle, true, left, order);
  untangle(spec, m, middle, false, n - left, order + left);
  return n;
}

static cf_status draw_insets(cf_draw *draw, const cf_insets_figure *spec, const cloud_memory *m, cf_box middle) {
  cf_status status = CF_OK;
  size_t order[CF_INSETS], n = arrange(spec, m, middle, order), left = (n + 1) / 2;
  const double gap = 18.0, wide = middle.x - gap - 2.0, pitch = middle.h / (double)CF_MAX(left, (size_t)1);
  const double rows = (double)((spec->stimuli + 2) / 3);
  double tall = CF_MIN(pitch - 5.0, 9.0 + rows * 22.0);
  char number[16];
  for (size_t k = 0; k < n; ++k) {
    size_t i = spec->example[order[k]], row = k < left ? k : k - left;
    cf_box box = {k < left ? 2.0 : middle.x + middle.w + gap, middle.y + pitch * ((double)row + 0.5) - 0.5 * tall, wide,
                  tall};
    double x = middle.x + m->x[i], y = middle.y + m->y[i];
    cf_draw_line(draw, "cf-tree", k < left ? box.x + wide + 1.5 : box.x - 1.5, box.y + 0.5 * tall + 4.0, x, y, CF_MUTED,
                 0.5);
    cf_text_write(&draw->body,
                  "<circle class=\"cf-line\" cx=\"$n\" cy=\"$n\" r=\"3.2\" fill=\"none\" stroke=\"" CF_INK
                  "\" stroke-width=\"0.9\"/>\n",
                  x, y);
    snprintf(number, sizeof number, "%zu", k + 1);
    double up = 3.0; /* above the numbers of those that stand there already */
    for (size_t q = 0; q < k; ++q)
      if (hypot(m->x[spec->example[order[q]]] - m->x[i], m->y[spec->example[order[q]]] - m->y[i]) < 5.0) up += 6.5;
    cf_draw_text(draw, x + (k < left ? -4.5 : 4.5), y - up,
                 (cf_type){.size = 6.3, .anchor = k < left ? CF_END : CF_START, .bold = true}, number);
    CF_TRY(draw_inset(draw, spec, order[k], k + 1, box));
  }
done:
  return status;
}

cf_status cf_figure_insets(cf_context *ctx, const cf_insets_figure *spec, const cf_figure_options *options,
                           cf_figure **out) {
  cf_status status = CF_OK;
  cf_draw draw;
  cloud_memory m;
  double turn[3][3];
  const cf_space_figure *space = &spec->space;
  cf_mark mark = cf_scratch_mark(ctx);
  cf_draw_begin(&draw, ctx, "cf-insets", options, CF_FIGURE_TWO_COLUMNS);
  if (space->panels != 1) CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "insets stand around one panel"));
  CF_TRY(check_insets(ctx, spec));
  CF_TRY(take_memory(ctx, space->n, &m));
  cf_eye_turn(space->azimuth, space->elevation, turn);
  double side = 0.42 * draw.width, height = project(space, (const double(*)[3])turn, side, &m);
  CF_TRY(sort_far_first(ctx, space->n, m.depth, m.order));
  cf_box middle = {0.5 * (draw.width - side), draw.top, side, CF_MAX(height, 230.0)};
  for (size_t i = 0; i < space->n; ++i) m.y[i] += 0.5 * (middle.h - height);
  double *x = NULL, *y = NULL, bottom = middle.y + middle.h;
  CF_TRY(CF_SCRATCH(ctx, &x, space->n));
  CF_TRY(CF_SCRATCH(ctx, &y, space->n));
  for (size_t i = 0; i < space->n; ++i) x[i] = middle.x + m.x[i], y[i] = middle.y + m.y[i];
  cf_cloud cloud = {space->n, x, y, m.radius, m.opacity, m.order, space->label, space->light};
  CF_TRY(cf_draw_cloud(&draw, &cloud, space->panel, middle));
  CF_TRY(draw_insets(&draw, spec, &m, middle));
  cf_draw_triad(&draw, space->axis_name, (const double(*)[3])turn, middle.x + 18.0, bottom + 4.0);
  bottom = cf_draw_key(&draw, space->panel, space->n, middle.x + 44.0, bottom + 2.0, side - 44.0);
  cf_scratch_release(ctx, mark);
  return cf_draw_finish(&draw, CF_MAX(bottom, middle.y + middle.h + 24.0), out);
done:
  cf_scratch_release(ctx, mark);
  cf_text_free(&draw.body);
  return status;
}
