/* Flows: a field of elements that drift along a direction, keep apart and follow a field that bends it a little.
 *
 * A torus of whole cells of side D (the spacing) covers the screen and holds one element a cell, placed at the cell's
 * corner with Gaussian jitter. With v its velocity, u(p) the field's unit vector at its place (one direction a tile),
 * w the speed and L(a, m) the vector a cut to length m, one step does
 *
 *   a = L(w u(p) - v, f)
 *   r = L(w n / |n| - v, f),   n = sum_j (p - p_j) / |p - p_j| / q_j,   0 < q_j < 1     every fifth step, by turns
 *   v = L(v + a + c r, w)
 *   p = p + v on the torus
 *
 * where j runs over the elements in the 3 x 3 cells about it, q_j is the squared distance with the axes of an ellipse
 * for unit, D + 1 along the motion and D + 1 + (dots - 1) diameter / 2 across, and all elements move at once. An
 * element's row of discs lies across the direction of v + a. After Dyballa et al. 2018 (PNAS 115, 11304), from a
 * description of the method; the order within a step and the number of steps before the first frame are ours. */
#include "stimulus/internal.h"
#include <string.h>

enum { TURNS = 5 };

typedef struct vector {
  double x, y;
} vector;

typedef struct field {
  const cf_clip_options *o;
  cf_flow_path *path;
  vector main;  /* unit vector of the direction, y down */
  double speed; /* pixels a step */
  size_t tile_columns, tile_rows;
  vector *tile;
  vector *position, *velocity, *force, *steer, *next_force;
  size_t *head, *next; /* elements of each cell as lists; SIZE_MAX ends one */
  size_t step;
} field;

static vector limited(vector a, double most) {
  const double length = sqrt(a.x * a.x + a.y * a.y);
  if (length <= most || length == 0) return a;
  return (vector){a.x * most / length, a.y * most / length};
}

static double wrapped(double x, double side) {
  x -= side * floor(x / side);
  return x < side ? x : 0;
}

static size_t cell_of(double x, double side, size_t cells) {
  const double k = floor(wrapped(x, side) / side * (double)cells);
  return k < 0 ? 0 : k >= (double)cells ? cells - 1 : (size_t)k;
}

static cf_status start(cf_context *ctx, field *f) {
  cf_status status = CF_OK;
  const cf_clip_options *o = f->o;
  cf_flow_path *path = f->path;
  const size_t n = path->elements;
  cf_rng rng = cf_rng_make(o->seed, o->task, o->instance);
  const double side = o->tile * o->spacing;
  f->tile_columns = (size_t)ceil(path->side[0] / side);
  f->tile_rows = (size_t)ceil(path->side[1] / side);
  CF_TRY(CF_SCRATCH(ctx, &f->tile, f->tile_columns * f->tile_rows));
  CF_TRY(CF_SCRATCH(ctx, &f->position, n));
  CF_TRY(CF_SCRATCH(ctx, &f->velocity, n));
  CF_TRY(CF_SCRATCH(ctx, &f->force, n));
  CF_TRY(CF_SCRATCH(ctx, &f->next_force, n));
  CF_TRY(CF_SCRATCH(ctx, &f->steer, n));
  CF_TRY(CF_SCRATCH(ctx, &f->head, n));
  CF_TRY(CF_SCRATCH(ctx, &f->next, n));
  for (size_t e = 0; e < n; e++) {
    f->position[e].x = (double)(e % path->columns) * o->spacing + o->jitter * o->spacing * cf_rng_normal(&rng);
    f->position[e].y = (double)(e / path->columns) * o->spacing + o->jitter * o->spacing * cf_rng_normal(&rng);
    f->velocity[e] = (vector){f->speed * f->main.x, f->speed * f->main.y};
    f->force[e] = f->steer[e] = (vector){0, 0};
  }
  for (size_t t = 0; t < f->tile_columns * f->tile_rows; t++) {
    const double turn = o->spread * cf_rng_normal(&rng), c = cos(turn), s = sin(turn);
    f->tile[t] = (vector){f->main.x * c - f->main.y * s, f->main.x * s + f->main.y * c};
  }
done:
  return status;
}

static void sort_into_cells(field *f) {
  const cf_flow_path *path = f->path;
  for (size_t c = 0; c < path->elements; c++) f->head[c] = SIZE_MAX;
  for (size_t e = path->elements; e-- > 0;) { /* backwards: each list is in rising order */
    const size_t c = cell_of(f->position[e].y, path->side[1], path->rows) * path->columns +
                     cell_of(f->position[e].x, path->side[0], path->columns);
    f->next[e] = f->head[c];
    f->head[c] = e;
  }
}

/* The shorter way on a circle. */
static double around(double x, double side) {
  return x - side * floor(x / side + 0.5);
}

static void push(const field *f, size_t e, size_t other, vector *sum) {
  const cf_clip_options *o = f->o;
  const double dx = around(f->position[e].x - f->position[other].x, f->path->side[0]);
  const double dy = around(f->position[e].y - f->position[other].y, f->path->side[1]);
  const double along = (dx * f->main.x + dy * f->main.y) / (o->spacing + 1);
  const double across =
      (dy * f->main.x - dx * f->main.y) / (o->spacing + 1 + 0.5 * (double)(o->dots - 1) * o->diameter);
  const double q = along * along + across * across, length = sqrt(dx * dx + dy * dy);
  if (!(q > 0 && q < 1) || length == 0) return;
  sum->x += dx / length / q;
  sum->y += dy / length / q;
}

static vector separation(const field *f, size_t e) {
  const cf_flow_path *path = f->path;
  const size_t column = cell_of(f->position[e].x, path->side[0], path->columns);
  const size_t row = cell_of(f->position[e].y, path->side[1], path->rows);
  vector sum = {0, 0};
  for (size_t j = 0; j < CF_MIN(path->rows, (size_t)3); j++)
    for (size_t i = 0; i < CF_MIN(path->columns, (size_t)3); i++) {
      const size_t r = (row + path->rows + j - 1) % path->rows, c = (column + path->columns + i - 1) % path->columns;
      for (size_t k = f->head[r * path->columns + c]; k != SIZE_MAX; k = f->next[k])
        if (k != e) push(f, e, k, &sum);
    }
  const double length = sqrt(sum.x * sum.x + sum.y * sum.y);
  if (length == 0) return (vector){0, 0};
  const vector wanted = {sum.x / length * f->speed - f->velocity[e].x, sum.y / length * f->speed - f->velocity[e].y};
  return limited(wanted, f->o->force);
}

static void move(field *f, size_t e) {
  const cf_clip_options *o = f->o;
  vector *p = &f->position[e], *v = &f->velocity[e];
  if (!o->rigid) {
    const size_t t =
        CF_MIN((size_t)(wrapped(p->y, f->path->side[1]) / (o->tile * o->spacing)), f->tile_rows - 1) * f->tile_columns +
        CF_MIN((size_t)(wrapped(p->x, f->path->side[0]) / (o->tile * o->spacing)), f->tile_columns - 1);
    f->force[e] = f->next_force[e];
    f->steer[e] = limited((vector){f->speed * f->tile[t].x - v->x, f->speed * f->tile[t].y - v->y}, o->force);
    *v = limited((vector){v->x + f->steer[e].x + o->separation * f->force[e].x,
                          v->y + f->steer[e].y + o->separation * f->force[e].y},
                 f->speed);
  }
  p->x += v->x;
  p->y += v->y;
}

static void keep(const field *f, size_t step) {
  for (size_t e = 0; e < f->path->elements; e++) {
    vector h = {f->velocity[e].x + f->steer[e].x, f->velocity[e].y + f->steer[e].y};
    const double length = sqrt(h.x * h.x + h.y * h.y);
    h = length > 0 && f->o->dots > 1 ? (vector){h.x / length, h.y / length} : f->main;
    f->path->point[step * f->path->elements + e] = (cf_flow_point){f->position[e].x, f->position[e].y, -h.y, h.x};
  }
}

static cf_status run_steps(cf_context *ctx, field *f) {
  cf_status status = CF_OK;
  const size_t steps = f->o->settle + f->path->steps;
  const bool force = !f->o->rigid && f->o->separation != 0;
  for (f->step = 0; f->step < steps; f->step++) {
    if (f->step >= f->o->settle) keep(f, f->step - f->o->settle);
    if (force) {
      sort_into_cells(f);
      for (size_t e = 0; e < f->path->elements; e++)
        f->next_force[e] = f->step % TURNS == e % TURNS ? separation(f, e) : f->force[e];
    } else {
      memset(f->next_force, 0, f->path->elements * sizeof *f->next_force);
    }
    for (size_t e = 0; e < f->path->elements; e++) move(f, e);
    CF_TRY(cf_check_cancel(ctx));
  }
done:
  return status;
}

/* Mean progress of the elements along the direction, pixels a step; the limit itself when there is only one step. */
static double progress(const field *f) {
  const cf_flow_path *path = f->path;
  const size_t last = (path->steps - 1) * path->elements;
  double sum = 0;
  if (path->steps < 2) return f->speed;
  for (size_t e = 0; e < path->elements; e++) {
    const cf_flow_point *a = &path->point[e], *b = &path->point[last + e];
    sum += (b->x - a->x) * f->main.x + (b->y - a->y) * f->main.y;
  }
  return sum / (double)(path->elements * (path->steps - 1));
}

cf_status cf_flow_simulate(cf_context *ctx, const cf_clip_options *o, cf_flow_path *out) {
  enum { ROUNDS = 12 };
  cf_status status = CF_OK;
  const cf_mark mark = cf_scratch_mark(ctx);
  const cf_heading d = cf_heading_of(o->direction);
  const double wanted = o->speed / o->step_rate;
  field f = {.o = o, .path = out, .main = {d.x, -d.y}, .speed = wanted};
  double best = wanted, least = INFINITY;
  size_t points;
  *out = (cf_flow_path){.columns = (size_t)ceil((double)o->width / o->spacing),
                        .rows = (size_t)ceil((double)o->height / o->spacing)};
  out->elements = out->columns * out->rows;
  out->side[0] = (double)out->columns * o->spacing;
  out->side[1] = (double)out->rows * o->spacing;
  out->steps = (size_t)ceil((double)(o->frames - 1) * (o->step_rate / o->rate) - 1e-9) + 1;
  CF_TRY(cf_size_mul(ctx, out->elements, out->steps, &points));
  CF_TRY(CF_ALLOC(ctx, &out->point, points));
  for (int round = 0; round < ROUNDS; round++) {
    const cf_mark inner = cf_scratch_mark(ctx);
    status = start(ctx, &f);
    if (status == CF_OK) status = run_steps(ctx, &f);
    cf_scratch_release(ctx, inner);
    CF_TRY(status);
    const double made = progress(&f), off = fabs(made - wanted);
    if (!o->exact_speed || o->rigid || !(made > 0) || off < 0.003 * wanted || round + 1 == ROUNDS) break;
    if (off < least) {
      least = off;
      best = f.speed;
    }
    f.speed = round + 2 < ROUNDS ? f.speed * wanted / made : best; /* motion is chaotic: the best of all in the end */
  }
done:
  cf_scratch_release(ctx, mark);
  return status;
}

cf_flow_point cf_flow_at(const cf_clip_options *o, const cf_flow_path *path, size_t e, size_t frame) {
  /* frame / rate seconds in steps; whole ones are met exactly, since ratios of rates are often whole */
  double at = (double)frame * o->step_rate / o->rate;
  const double whole = floor(at + 0.5);
  if (fabs(at - whole) < 1e-9 * (1 + whole)) at = whole;
  const size_t step = CF_MIN((size_t)at, path->steps - 1);
  const double share = at - (double)step;
  const cf_flow_point *a = &path->point[step * path->elements + e];
  if (share <= 0 || step + 1 >= path->steps) return *a;
  const cf_flow_point *b = a + path->elements;
  cf_flow_point p = {a->x + share * (b->x - a->x), a->y + share * (b->y - a->y),
                     a->across_x + share * (b->across_x - a->across_x),
                     a->across_y + share * (b->across_y - a->across_y)};
  const double length = sqrt(p.across_x * p.across_x + p.across_y * p.across_y);
  if (length > 0) {
    p.across_x /= length;
    p.across_y /= length;
  }
  return p;
}

/* -------------------------------------------------------------- drawing -- */

/* A disc by the share of each pixel that it covers: exact in the middle of an edge, within a few parts in a thousand
 * elsewhere. Shares of discs that overlap are joined as if independent. */
static void draw_disc(const cf_clip_options *o, double cx, double cy, double *share) {
  const double r = 0.5 * o->diameter, reach = r + 1;
  if (cx + reach < 0 || cy + reach < 0 || cx - reach > (double)o->width || cy - reach > (double)o->height) return;
  const size_t x0 = cx > reach ? (size_t)(cx - reach) : 0, y0 = cy > reach ? (size_t)(cy - reach) : 0;
  const size_t x1 = CF_MIN((size_t)(cx + reach) + 1, o->width), y1 = CF_MIN((size_t)(cy + reach) + 1, o->height);
  for (size_t y = y0; y < y1; y++)
    for (size_t x = x0; x < x1; x++) {
      const double dx = (double)x + 0.5 - cx, dy = (double)y + 0.5 - cy, distance = sqrt(dx * dx + dy * dy);
      double a = r - distance + 0.5;
      if (o->hard) a = distance < r ? 1 : 0;
      if (a <= 0) continue;
      if (a > 1) a = 1;
      double *s = &share[y * o->width + x];
      *s = 1 - (1 - *s) * (1 - a);
    }
}

/* The element with all its images on the torus that reach the screen. */
static void draw_element(const cf_clip *clip, cf_flow_point p, double *share) {
  const cf_clip_options *o = &clip->o;
  const double *side = clip->path.side;
  const double reach = 0.5 * (double)o->dots * o->diameter + 1;
  const double left = wrapped(p.x, side[0]), top = wrapped(p.y, side[1]);
  for (int j = -1; j <= 1; j++)
    for (int i = -1; i <= 1; i++) {
      const double x = left + i * side[0], y = top + j * side[1];
      if (x < -reach || y < -reach || x > (double)o->width + reach || y > (double)o->height + reach) continue;
      for (size_t k = 0; k < o->dots; k++) {
        const double off = ((double)k - 0.5 * (double)(o->dots - 1)) * o->diameter;
        draw_disc(o, x + off * p.across_x, y + off * p.across_y, share);
      }
    }
}

void cf_clip_draw_flow(const cf_clip *clip, size_t frame, double *out) {
  const cf_clip_options *o = &clip->o;
  memset(out, 0, o->width * o->height * sizeof *out);
  for (size_t e = 0; e < clip->path.elements; e++) draw_element(clip, cf_flow_at(o, &clip->path, e, frame), out);
  for (size_t i = 0; i < o->width * o->height; i++) out[i] = o->background + (o->foreground - o->background) * out[i];
}
