/* The scale programme of iterated adaptive neighbourhoods.
 *
 *   minimise   sum_i s_i
 *   subject to g s_p + s_q >= w (1 + g)   for every edge, both ways p -> q,   w = C d_pq,  g = w / u_p
 *              s_i <= u_i                 u_i the longest edge of i
 *
 * The two rows of an edge are the chords of the hyperbola s_p s_q = w^2 through (u_p, w^2/u_p), (w, w) and
 * (w^2/u_q, u_q): an inner approximation of s_p s_q >= w^2. For C <= 1 the point s = u is feasible, and s >= 0 never
 * binds. Reference: Dyballa & Zucker (2023), arXiv 2208.09123.
 *
 * Two unknowns a row make this the dual of a flow with gains. A vertex has n rows that hold with equality; seen as
 * edges (bounds as loops) they make components that each have as many rows as vertices: a tree and a bound, or a tree
 * and one more row, which closes a cycle. Multipliers and scales of a component follow by stripping leaves, then going
 * around the cycle. The simplex method on such a basis is local: dropping a row sets one tree free, the tree slides
 * until another row or bound holds, and only components that were touched are looked at again. So a solve after a
 * pruning, which changes the programme around two vertices, costs next to nothing: components whose rows still hold
 * are kept, the others start from s = u, which fits any neighbours because all coefficients are positive.
 * Reference for bases of this kind: Ahuja, Magnanti & Orlin (1993), Network Flows, chapter 15. */
#include "manifold/ian_internal.h"
#include "base/internal.h"

#include <math.h>
#include <string.h>

#include "manifold/ian_basis.h"

#define DUAL_TOLERANCE 1e-11
#define RATE_TOLERANCE 1e-11
#define GAP_TOLERANCE  1e-9

/* --------------------------------------------------------------- set-up -- */

static cf_status make_work(cf_context *ctx, cf_scales *s) {
  cf_status status = CF_OK;
  basis *b = NULL;
  const size_t n = s->n + 1, rows = s->rows + 1;
  CF_TRY(CF_SCRATCH(ctx, &b, 1));
  memset(b, 0, sizeof *b);
  s->work = b;
  CF_TRY(CF_SCRATCH(ctx, &b->gain, rows));
  CF_TRY(CF_SCRATCH(ctx, &b->right, rows));
  CF_TRY(CF_SCRATCH(ctx, &b->gain_back, rows));
  CF_TRY(CF_SCRATCH(ctx, &b->right_back, rows));
  CF_TRY(CF_SCRATCH(ctx, &b->state, rows));
  CF_TRY(CF_SCRATCH(ctx, &b->lit, rows));
  CF_TRY(CF_SCRATCH(ctx, &b->lits, n));
  CF_TRY(CF_SCRATCH(ctx, &b->y, rows));
  CF_TRY(CF_SCRATCH(ctx, &b->bound, n));
  CF_TRY(CF_SCRATCH(ctx, &b->z, n));
  CF_TRY(CF_SCRATCH(ctx, &b->changed, n));
  CF_TRY(CF_SCRATCH(ctx, &b->has_changed, n));
  CF_TRY(CF_SCRATCH(ctx, &b->node, n));
  CF_TRY(CF_SCRATCH(ctx, &b->mark, n));
  CF_TRY(CF_SCRATCH(ctx, &b->left, n));
  CF_TRY(CF_SCRATCH(ctx, &b->rest, n));
  CF_TRY(CF_SCRATCH(ctx, &b->strip, n));
  CF_TRY(CF_SCRATCH(ctx, &b->ring, n));
  CF_TRY(CF_SCRATCH(ctx, &b->slide, n));
  CF_TRY(CF_SCRATCH(ctx, &b->queue, n));
  CF_TRY(CF_SCRATCH(ctx, &b->queued, n));
  for (size_t i = 0; i < 6; i++) CF_TRY(CF_SCRATCH(ctx, &b->cycle[i], n));
  memset(b->state, 0, rows * sizeof *b->state);
  memset(b->lits, 0, n * sizeof *b->lits);
  memset(b->mark, 0, n * sizeof *b->mark);
  memset(b->queued, 0, n * sizeof *b->queued);
  memset(b->has_changed, 0, n * sizeof *b->has_changed);
  memset(b->slide, 0, n * sizeof *b->slide);
  for (size_t i = 0; i < s->n; i++) b->bound[i] = true;
done:
  return status;
}

static void find_twins(cf_scales *s) {
  const cf_graph *g = s->graph;
  for (size_t i = 0; i < s->n; i++)
    for (size_t k = g->start[i]; k < g->start[i + 1]; k++) {
      s->from[k] = (uint32_t)i;
      s->twin[k] = (uint32_t)cf_graph_edge(g, g->to[k], i);
      s->alive[k] = true;
    }
}

static void refresh_vertex(cf_scales *s, size_t i) {
  s->upper[i] = 0;
  s->degree[i] = 0;
  for (size_t k = s->graph->start[i]; k < s->graph->start[i + 1]; k++) {
    if (!s->alive[k]) continue;
    s->degree[i]++;
    s->upper[i] = fmax(s->upper[i], s->graph->weight[k]);
  }
}

cf_status cf_scales_init(cf_context *ctx, const cf_graph *graph, cf_scales *out) {
  cf_status status = CF_OK;
  *out = (cf_scales){.n = graph->n, .rows = graph->start[graph->n], .graph = graph};
  if (out->rows >= UINT32_MAX)
    CF_TRY(cf_fail(ctx, CF_ERR_USAGE, "a graph of %zu edges is too large for the scale programme", out->rows / 2));
  CF_TRY(CF_SCRATCH(ctx, &out->from, out->rows + 1));
  CF_TRY(CF_SCRATCH(ctx, &out->twin, out->rows + 1));
  CF_TRY(CF_SCRATCH(ctx, &out->alive, out->rows + 1));
  CF_TRY(CF_SCRATCH(ctx, &out->upper, out->n + 1));
  CF_TRY(CF_SCRATCH(ctx, &out->degree, out->n + 1));
  CF_TRY(CF_SCRATCH(ctx, &out->sigma, out->n + 1));
  find_twins(out);
  for (size_t i = 0; i < out->n; i++) {
    refresh_vertex(out, i);
    out->sigma[i] = out->upper[i];
  }
  CF_TRY(make_work(ctx, out));
done:
  return status;
}

static void note_change(cf_scales *s, size_t i) {
  basis *b = s->work;
  refresh_vertex(s, i);
  if (!b->has_changed[i]) b->changed[b->changed_count++] = (uint32_t)i;
  b->has_changed[i] = true;
}

void cf_scales_prune(cf_scales *s, size_t k) {
  s->alive[k] = s->alive[s->twin[k]] = false;
  note_change(s, s->from[k]);
  note_change(s, s->graph->to[k]);
}

/* -------------------------------------------------------------- the start -- */

static void set_row(cf_scales *s, size_t k) {
  basis *b = s->work;
  const size_t twin = s->twin[k];
  if (s->alive[k]) {
    const double w = s->connectivity * s->graph->weight[k];
    b->gain[k] = w / s->upper[s->from[k]];
    b->right[k] = w * (1 + b->gain[k]);
  } else { /* holds always */
    basis_darken(s, k);
    basis_darken(s, twin);
    b->gain[k] = 0;
    b->right[k] = -INFINITY;
  }
  b->gain_back[twin] = b->gain[k];
  b->right_back[twin] = b->right[k];
}

static double slack(const cf_scales *s, size_t k) {
  return s->work->gain[k] * s->sigma[s->from[k]] + s->sigma[s->graph->to[k]] - s->work->right[k];
}

/* The component in b->node starts anew: every vertex at its bound. */
static void reset_component(cf_scales *s) {
  basis *b = s->work;
  for (size_t m = 0; m < b->nodes; m++) {
    const size_t i = b->node[m];
    for (size_t e = 0; e < b->lits[i]; e++) b->state[b->lit[s->graph->start[i] + e]] = 0;
    b->lits[i] = 0;
    b->bound[i] = true;
    s->sigma[i] = s->upper[i];
  }
}

/* Scales of the component in b->node from its rows; false when they are no basis or leave the bounds. */
static bool place_component(cf_scales *s) {
  basis *b = s->work;
  if (!basis_order(s) || !basis_place(s)) return false;
  for (size_t m = 0; m < b->nodes; m++) {
    const double x = s->sigma[b->node[m]], top = s->upper[b->node[m]];
    if (!(x >= 0 && x <= top * (1 + 1e-12))) return false;
    if (x > top) s->sigma[b->node[m]] = top;
  }
  return true;
}

static bool is_violated(const cf_scales *s, size_t k) {
  return s->alive[k] && slack(s, k) < -1e-12 * s->work->right[k];
}

static void enqueue(cf_scales *s, size_t i) {
  basis *b = s->work;
  if (b->queued[i] || s->degree[i] == 0) return;
  b->queued[i] = true;
  b->queue[(b->head + b->waiting++) % s->n] = (uint32_t)i;
}

static void enqueue_component(cf_scales *s) {
  for (size_t m = 0; m < s->work->nodes; m++) enqueue(s, s->work->node[m]);
}

static void reset_at(cf_scales *s, size_t i) {
  basis_gather(s, i);
  enqueue_component(s);
  reset_component(s);
}

/* Resets the two components of every violated row of vertex i. A reset only raises scales, so rows that hold elsewhere
 * keep holding. */
static void mend_rows(cf_scales *s, size_t i) {
  for (size_t k = s->graph->start[i]; k < s->graph->start[i + 1]; k++) {
    if (!is_violated(s, k) && !is_violated(s, s->twin[k])) continue;
    reset_at(s, i);
    reset_at(s, s->graph->to[k]);
  }
}

/* Keeps the components that still make a feasible point, starts the others anew. When the connectivity is that of the
 * last solve, only what is around the pruned vertices can have changed. */
static void start_feasible(cf_scales *s) {
  basis *b = s->work;
  const uint32_t before = b->stamp;
  const size_t count = b->all_changed ? s->n : b->changed_count;
  for (size_t c = 0; c < count; c++) {
    const size_t i = b->all_changed ? c : b->changed[c];
    for (size_t k = s->graph->start[i]; k < s->graph->start[i + 1]; k++) set_row(s, k);
  }
  for (size_t c = 0; c < count; c++) {
    const size_t i = b->all_changed ? c : b->changed[c];
    if (b->mark[i] > before) continue;
    basis_gather(s, i);
    enqueue_component(s);
    if (!place_component(s)) reset_component(s);
  }
  /* The queue holds every vertex that moved or whose rows changed; mending appends to it. */
  for (size_t c = 0; c < b->waiting; c++) mend_rows(s, b->queue[(b->head + c) % s->n]);
}

/* ------------------------------------------------------------- simplex -- */

typedef struct entering {
  double step, rate;
  size_t row, vertex; /* SIZE_MAX: not this one */
} entering;

/* Of steps that are equal but for rounding the largest rate wins: the steadiest basis. */
static inline void offer(entering *best, double room, double rate, size_t row, size_t vertex) {
  if (room > 0 && !(room < best->step * (1 + 1e-12) * rate)) return;
  const double step = room > 0 ? room / rate : 0;
  if (step < best->step * (1 - 1e-12) || rate > best->rate)
    *best = (entering){step < best->step ? step : best->step, rate, row, vertex};
}

/* How far the free tree in b->node can slide along b->slide, and what stops it. */
static entering ratio_test(const cf_scales *s) {
  const basis *b = s->work;
  entering best = {INFINITY, 0, SIZE_MAX, SIZE_MAX};
  for (size_t m = 0; m < b->nodes; m++) {
    const size_t i = b->node[m];
    const double d = b->slide[i], x = s->sigma[i];
    if (d > RATE_TOLERANCE) offer(&best, s->upper[i] - x, d, SIZE_MAX, i);
    for (size_t k = s->graph->start[i]; k < s->graph->start[i + 1]; k++) {
      const size_t j = s->graph->to[k];
      const double e = b->slide[j], y = s->sigma[j];
      const double rate = -(b->gain[k] * d + e), back = -(b->gain_back[k] * e + d);
      if (rate > RATE_TOLERANCE && !(b->state[k] & ROW_ACTIVE))
        offer(&best, b->gain[k] * x + y - b->right[k], rate, k, i);
      if (back > RATE_TOLERANCE && !(b->state[k] & TWIN_ACTIVE))
        offer(&best, b->gain_back[k] * y + x - b->right_back[k], back, s->twin[k], i);
    }
  }
  return best;
}

/* Drops a row (or the bound of vertex v when row is SIZE_MAX) and slides what that sets free. */
static bool pivot(cf_scales *s, size_t row, size_t v) {
  basis *b = s->work;
  double gained;
  size_t other = SIZE_MAX;
  if (row == SIZE_MAX) {
    b->bound[v] = false;
    basis_slide(s, v);
    gained = -b->slide[v];
  } else {
    const size_t p = s->from[row], q = s->graph->to[row];
    basis_activate(s, row, false);
    basis_slide(s, p);
    other = q;
    if (b->active == b->nodes) { /* the side of p still has its basis: q's side is free */
      basis_clear_slide(s);
      basis_slide(s, q);
      other = p;
    }
    gained = b->gain[row] * b->slide[p] + b->slide[q];
  }
  if (gained == 0) return false;
  for (size_t m = 0; m < b->nodes && gained < 0; m++) b->slide[b->node[m]] = -b->slide[b->node[m]];
  const entering in = ratio_test(s);
  if (in.row == SIZE_MAX && in.vertex == SIZE_MAX) return false;
  for (size_t m = 0; m < b->nodes; m++) s->sigma[b->node[m]] += in.step * b->slide[b->node[m]];
  if (in.row == SIZE_MAX) {
    b->bound[in.vertex] = true;
    s->sigma[in.vertex] = s->upper[in.vertex];
  } else {
    basis_activate(s, in.row, true);
  }
  b->stalled = in.step > 1e-14 * s->upper[b->node[0]] ? 0 : b->stalled + 1;
  enqueue(s, b->node[0]);
  if (other != SIZE_MAX) enqueue(s, other);
  basis_clear_slide(s);
  return true;
}

/* The row of the component in b->node whose multiplier is the most negative (by Bland's rule the first); false: none.
 */
static bool choose(const cf_scales *s, bool first, size_t *row, size_t *vertex) {
  const basis *b = s->work;
  double least = -DUAL_TOLERANCE;
  bool found = false;
  for (size_t m = 0; m < b->nodes; m++) {
    const size_t i = b->node[m];
    if (b->bound[i] && b->z[i] < least) {
      least = first ? -INFINITY : b->z[i];
      *row = SIZE_MAX;
      *vertex = i;
      found = true;
    }
    for (size_t e = 0; e < b->lits[i]; e++) {
      const size_t k = b->lit[s->graph->start[i] + e];
      if (!(b->state[k] & ROW_ACTIVE) || !(b->y[k] < least)) continue;
      least = first ? -INFINITY : b->y[k];
      *row = k;
      *vertex = i;
      found = true;
    }
  }
  return found;
}

static cf_status optimise(cf_context *ctx, cf_scales *s) {
  basis *b = s->work;
  const size_t most = 1000 + 200 * s->n;
  for (size_t done = 0; b->waiting > 0;) {
    const size_t i = b->queue[b->head];
    b->head = (b->head + 1) % s->n;
    b->waiting--;
    b->queued[i] = false;
    size_t row = SIZE_MAX, vertex = SIZE_MAX;
    basis_gather(s, i);
    if (!basis_order(s) || !basis_multipliers(s))
      return cf_fail(ctx, CF_ERR_NUMERIC, "the scale programme met a singular basis at point %zu", i);
    if (!choose(s, b->stalled > 100, &row, &vertex)) {
      basis_place(s); /* without the rounding of many small steps */
      continue;
    }
    if (!pivot(s, row, vertex) || ++done > most)
      return cf_fail(ctx, CF_ERR_NUMERIC, "the scale programme did not converge in %zu steps (point %zu)", done, i);
    s->pivots++;
    if (done % 1024 == 0 && cf_cancelled(ctx)) return cf_check_cancel(ctx);
  }
  return CF_OK;
}

/* ----------------------------------------------------------- certificate -- */

/* A lower bound of the objective: for any y >= 0 and z_i = max(0, sum a y - 1) the sum of right-hand sides times y
 * minus u'z is one (s >= 0). Multipliers are those of the last look at each component. */
static void certify(cf_scales *s) {
  const basis *b = s->work;
  s->objective = s->bound = 0;
  for (size_t i = 0; i < s->n; i++) {
    double total = 0;
    for (size_t e = 0; e < b->lits[i]; e++) {
      const size_t k = b->lit[s->graph->start[i] + e];
      if (b->state[k] & ROW_ACTIVE) {
        const double y = fmax(0, b->y[k]);
        total += b->gain[k] * y;
        s->bound += b->right[k] * y;
      }
      if (b->state[k] & TWIN_ACTIVE) total += fmax(0, b->y[s->twin[k]]);
    }
    s->sigma[i] = fmin(s->sigma[i], s->upper[i]);
    s->bound -= s->upper[i] * fmax(0, total - 1);
    s->objective += s->sigma[i];
  }
  s->gap = s->objective > 0 ? fabs(s->objective - s->bound) / s->objective : 0;
  s->worst_gap = fmax(s->worst_gap, s->gap);
}

cf_status cf_scales_solve(cf_context *ctx, cf_scales *s, double connectivity) {
  cf_status status = CF_OK;
  basis *b = s->work;
  b->head = b->waiting = b->stalled = 0;
  b->all_changed = s->solves == 0 || s->connectivity != connectivity;
  s->connectivity = connectivity;
  s->solves++;
  start_feasible(s);
  for (size_t c = 0; c < b->changed_count; c++) b->has_changed[b->changed[c]] = false;
  b->changed_count = 0;
  CF_TRY(optimise(ctx, s));
  certify(s);
  if (!(s->gap <= GAP_TOLERANCE))
    CF_TRY(cf_fail(ctx, CF_ERR_NUMERIC, "the scale programme stopped %.3g (relative) above its lower bound", s->gap));
done:
  return status;
}
