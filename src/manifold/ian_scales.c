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
 * around the cycle (ian_basis.c), so the simplex method is local: a step changes one or two components.
 *
 * The first solve starts from lower bounds, which follow from the upper ones: s_p + g' s_q >= w (1 + g') of the twin
 * row and s_q <= u_q leave s_p >= w g', g' = w / u_q. There no multiplier is negative, and the dual method (ian_dual.c)
 * mends what is violated. It looks at one path a step where the primal method (ian_primal.c) looks at every row of a
 * tree, which matters where vertices have hundreds of edges. Later solves go on from the last basis: after a pruning,
 * which changes the programme around two vertices, next to nothing is left to do.
 * Reference for bases of this kind: Ahuja, Magnanti & Orlin (1993), Network Flows, chapter 15. */
#include "manifold/ian_internal.h"
#include "base/internal.h"

#include <math.h>
#include <string.h>

#include "manifold/ian_basis.h"

#define GAP_TOLERANCE 1e-9

/* --------------------------------------------------------------- set-up -- */

/* Every vertex at one bound, alone. */
static void start_at(cf_scales *s, unsigned char bound) {
  basis *b = s->work;
  memset(b->state, 0, s->rows * sizeof *b->state);
  b->unused_count = 0;
  for (size_t i = s->n + 1; i-- > 0;) b->unused[b->unused_count++] = (uint32_t)i;
  for (size_t i = 0; i < s->n; i++) {
    b->first[i] = NO_ROW;
    b->bound[i] = s->degree[i] > 0 ? bound : AT_TOP;
  }
}

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
  CF_TRY(CF_SCRATCH(ctx, &b->slots, n));
  CF_TRY(CF_SCRATCH(ctx, &b->unused, n));
  CF_TRY(CF_SCRATCH(ctx, &b->slot_of, rows));
  CF_TRY(CF_SCRATCH(ctx, &b->first, n));
  CF_TRY(CF_SCRATCH(ctx, &b->bound, n));
  CF_TRY(CF_SCRATCH(ctx, &b->lower, n));
  CF_TRY(CF_SCRATCH(ctx, &b->z, n));
  CF_TRY(CF_SCRATCH(ctx, &b->changed, n));
  CF_TRY(CF_SCRATCH(ctx, &b->has_changed, n));
  CF_TRY(CF_SCRATCH(ctx, &b->node, n));
  CF_TRY(CF_SCRATCH(ctx, &b->mark, n));
  CF_TRY(CF_SCRATCH(ctx, &b->left, n));
  CF_TRY(CF_SCRATCH(ctx, &b->mixed, n));
  CF_TRY(CF_SCRATCH(ctx, &b->rest, n));
  CF_TRY(CF_SCRATCH(ctx, &b->strip, n));
  CF_TRY(CF_SCRATCH(ctx, &b->ring, n));
  CF_TRY(CF_SCRATCH(ctx, &b->up, n));
  CF_TRY(CF_SCRATCH(ctx, &b->on_ring, n));
  CF_TRY(CF_SCRATCH(ctx, &b->shared, 2 * n));
  CF_TRY(CF_SCRATCH(ctx, &b->slide, n));
  CF_TRY(CF_SCRATCH(ctx, &b->queue, n));
  CF_TRY(CF_SCRATCH(ctx, &b->queued, n));
  CF_TRY(CF_SCRATCH(ctx, &b->clean, n));
  for (size_t i = 0; i < 6; i++) CF_TRY(CF_SCRATCH(ctx, &b->cycle[i], n));
  memset(b->mark, 0, n * sizeof *b->mark);
  memset(b->queued, 0, n * sizeof *b->queued);
  memset(b->has_changed, 0, n * sizeof *b->has_changed);
  memset(b->slide, 0, n * sizeof *b->slide);
  memset(b->on_ring, 0, n * sizeof *b->on_ring);
  start_at(s, AT_TOP);
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
    if (b->state[k] & ROW_ACTIVE) {
      b->slots[b->slot_of[k]].gain = b->gain[k];
      b->slots[b->slot_of[k]].right = b->right[k];
    }
  } else { /* holds always */
    if (b->state[k] & ROW_ACTIVE) basis_leave(s, k);
    if (b->state[k] & TWIN_ACTIVE) basis_leave(s, twin);
    b->gain[k] = 0;
    b->right[k] = -INFINITY;
  }
  b->gain_back[twin] = b->gain[k];
  b->right_back[twin] = b->right[k];
}

/* What was true before a pruning stays true for the vertices around: their neighbours' upper bounds only fall. */
static void set_lower(cf_scales *s, size_t i) {
  basis *b = s->work;
  b->lower[i] = 0;
  for (size_t k = s->graph->start[i]; k < s->graph->start[i + 1]; k++)
    b->lower[i] = fmax(b->lower[i], s->connectivity * s->graph->weight[k] * b->gain_back[k]);
}

static void set_rows(cf_scales *s) {
  basis *b = s->work;
  const size_t count = b->all_changed ? s->n : b->changed_count;
  for (size_t c = 0; c < count; c++) {
    const size_t i = b->all_changed ? c : b->changed[c];
    for (size_t k = s->graph->start[i]; k < s->graph->start[i + 1]; k++) set_row(s, k);
  }
  for (size_t c = 0; c < count; c++) set_lower(s, b->all_changed ? c : b->changed[c]);
}

static void clear_queue(cf_scales *s) {
  basis *b = s->work;
  b->head = b->waiting = 0;
  memset(b->queued, 0, s->n * sizeof *b->queued);
  memset(b->clean, 0, s->n * sizeof *b->clean);
}

/* Where an edge of the basis was pruned, a tree without a bound may be left: it gets
 * s_i = lower_i. What the pruned row's
 * multiplier gave vertex i then comes from this bound, and the multipliers of the tree need not change. */
static void close_tree(cf_scales *s, size_t i) {
  basis *b = s->work;
  basis_gather(s, i);
  if (b->active < b->nodes) b->bound[i] = s->degree[i] > 0 ? AT_LOW : AT_TOP;
}

/* A component that is no basis starts anew from its upper bounds. */
static void settle(cf_scales *s, size_t i) {
  basis *b = s->work;
  if (basis_settle(s, i)) return;
  for (size_t m = 0; m < b->nodes; m++) {
    const size_t v = b->node[m];
    while (b->first[v] != NO_ROW) basis_leave(s, b->slots[b->first[v] / 2].row);
    b->bound[v] = AT_TOP;
    s->sigma[v] = s->upper[v];
    b->up[v] = (leaf){(uint32_t)v, (uint32_t)v, NO_ROW};
    b->on_ring[v] = false;
  }
}

/* Components whose rows have changed are settled and put into the queue. */
static void settle_changed(cf_scales *s) {
  basis *b = s->work;
  for (size_t c = 0; c < b->changed_count; c++) {
    close_tree(s, b->changed[c]);
    b->has_changed[b->changed[c]] = false;
  }
  const uint32_t before = b->stamp;
  const size_t count = b->all_changed ? s->n : b->changed_count;
  for (size_t c = 0; c < count; c++) {
    const size_t i = b->all_changed ? c : b->changed[c];
    if (b->mark[i] <= before) settle(s, i);
  }
  b->changed_count = 0;
}

/* First the multipliers are made right, by steps that leave violated rows aside, then these rows. */
static bool reoptimise(cf_context *ctx, cf_scales *s, size_t most) {
  basis *b = s->work;
  if (!basis_primal(ctx, s, most)) return false;
  for (size_t i = 0; i < s->n; i++)
    if (b->clean[i]) basis_enqueue(s, i);
  return basis_dual(ctx, s, most);
}

static cf_status optimise(cf_context *ctx, cf_scales *s) {
  cf_status status = CF_OK;
  const size_t most = 1000 + 200 * s->n;
  clear_queue(s);
  set_rows(s);
  if (s->solves == 1) start_at(s, AT_LOW);
  settle_changed(s);
  if (reoptimise(ctx, s, most)) goto done;
  CF_TRY(cf_check_cancel(ctx));
  /* From the upper bounds, which no row violates: steps that lower the sum, and nothing to make right afterwards. */
  clear_queue(s);
  start_at(s, AT_TOP);
  s->work->all_changed = true;
  settle_changed(s);
  if (!reoptimise(ctx, s, most))
    CF_TRY(cf_fail(ctx, CF_ERR_NUMERIC, "the scale programme did not converge in %zu steps", most));
done:
  return status;
}

/* ----------------------------------------------------------- certificate -- */

/* A lower bound of the objective: for any y >= 0 and z_i = max(0, sum a y - 1) the sum of right-hand sides times y
 * minus u'z is one, plus, where the sum is below 1, what is
 * missing times the lower bound. Multipliers are those of the last look at each component. */
static void certify(cf_scales *s) {
  const basis *b = s->work;
  s->objective = s->bound = 0;
  for (size_t i = 0; i < s->n; i++) {
    double total = 0;
    for (uint32_t row = b->first[i]; row != NO_ROW; row = b->slots[row / 2].next[row & 1]) {
      const double y = fmax(0, b->slots[row / 2].y);
      total += basis_coefficient(b, row) * y;
      if (!(row & 1)) s->bound += b->slots[row / 2].right * y;
    }
    s->sigma[i] = fmin(s->sigma[i], s->upper[i]);
    s->bound -= total > 1 ? s->upper[i] * (total - 1) : b->lower[i] * (total - 1);
    s->objective += s->sigma[i];
  }
  s->gap = s->objective > 0 ? fabs(s->objective - s->bound) / s->objective : 0;
  s->worst_gap = fmax(s->worst_gap, s->gap);
}

cf_status cf_scales_solve(cf_context *ctx, cf_scales *s, double connectivity) {
  cf_status status = CF_OK;
  s->work->all_changed = s->solves == 0 || s->connectivity != connectivity;
  s->connectivity = connectivity;
  s->solves++;
  CF_TRY(optimise(ctx, s));
  certify(s);
  if (!(s->gap <= GAP_TOLERANCE))
    CF_TRY(cf_fail(ctx, CF_ERR_NUMERIC, "the scale programme stopped %.3g (relative) above its lower bound", s->gap));
done:
  return status;
}
